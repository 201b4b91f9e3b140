#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `select` rehearsed with faults on the line: whatever is lost, doubled or late, Enter
# goes to the entry that was asked for, or nowhere. The twin knows which one it was.

load cli-lib.bash

# menu TWIN SEEN: the sequence, and the twin that prints the menu.
menu() {
	mkdir -p "$config/twins.d"
	"$1" >"$config/twins.d/menu.ini"
	cat >>"$config/twins.d/menu.ini" <<-'END'
		[state wrong]
		do = print "\x1b[2J\x1b[Hwrong\r\n"
		[state right]
		do = print "\x1b[2J\x1b[HLoading Linux\r\n1\r\n2\r\n", wait 2s
		then = up
		[state up]
		healthy = yes
		open = 22
		do = print "\x1b[2J\x1b[H\r\nhost login: "
	END
	cat >"$config/sequences.d/menu.ini" <<-END
		[sequence]
		summary = A machine with a boot menu
		needs = power console
		deadline = 40m
		start = cycle
		[state cycle]
		visits = 2 -> needs-hands "it does not come up"
		do = power cycle
		then = post
		[state post]
		timeout = 3m -> cycle
		on screen = $2 -> menu
		[state menu]
		do = select Entry 3
		then = boot
		else = cycle
		[state boot]
		timeout = 3m -> cycle
		on = /login: $/ -> services
		on = /^wrong$/ -> failed "another entry was entered"
		[state services]
		do = check tcp 22 within 1m
		then = recovered
		else = needs-hands "SSH does not answer"
	END
}

twin() {
	printf '%s\n' '[twin]' 'summary = A boot menu' 'start = hung' 'on = post' \
		'off = off' '[port 22]' 'answer = "SSH-2.0-x\r\n"' '[state off]' \
		'power = off' '[state hung]'
}

# The highlight moves by the arrow keys, five entries, the third one is right.
arrows() {
	local lit row line
	twin
	printf '%s\n' '[state post]' 'then = m1' \
		'do = print "\x1b[2J\x1b[1;20HBoot\x1b[22;3HEnter boots", wait 1s'
	for lit in 1 2 3 4 5; do
		line=
		for row in 1 2 3 4 5; do
			line+="\\x1b[$((3 + row));3H"
			[ $row -ne $lit ] || line+='\x1b[7m'
			line+=" Entry $row        \\x1b[m"
		done
		printf '%s\n' "[state m$lit]" "do = print \"$line\""
		[ $lit -eq 5 ] || printf '%s\n' "on = \"\\x1b[B\" -> m$((lit + 1))"
		[ $lit -eq 1 ] || printf '%s\n' "on = \"\\x1b[A\" -> m$((lit - 1))"
		[ $lit -eq 3 ] && printf '%s\n' 'on = "\r" -> right' ||
			printf '%s\n' 'on = "\r" -> wrong'
	done
}

# It asks for a number, and takes Backspace.
numbers() {
	twin
	cat <<-'END'
		[state post]
		do = print "U-Boot 2023\r\n", wait 2s
		then = menu
		[state menu]
		echo = yes
		do = print "Boot\r\n1:\tEntry 1\r\n2:\tEntry 3\r\nEnter choice: "
		on = /^(2|\x7f)*\x7f2\r|^2\r/ -> right
		on = /[^\r]*\r/ -> wrong
	END
}

never_wrong() {
	run rh rehearse menu --seeds "$1" --faults "$2"
	says 'recovered'
	says_not 'another entry'
	says 'The oracle has no complaint'
}

@test "select: a highlight, rehearsed with all faults" {
	menu arrows '/Entry 5/'
	never_wrong 4000 all
	# A line that lags: the second key may still be on its way.
	never_wrong 1500 L13
	[[ $output =~ recovered\ +([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -gt 300 ]
}

@test "select: a number, rehearsed with all faults" {
	menu numbers '/Enter choice:$/'
	never_wrong 4000 all
	never_wrong 1500 L13
	[[ $output =~ recovered\ +([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -gt 300 ]
}
