#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first minute: the commands of the README, word for word, in a tree that
# was just built, with no option and no configuration installed. What is
# copied here is the program and the examples; the records go to this test's
# folder, which rhands.ini says.

bats_require_minimum_version 1.5.0
load cli-lib.bash

setup() {
	source=$BATS_TEST_DIRNAME/../..
	tree=$BATS_TEST_TMPDIR/tree
	installed=$("$rhands" check --help | sed -n 's/.*configuration (default \(.*\))/\1/p')
	[ ! -e "$installed" ] || skip "$installed is there"
	mkdir "$tree"
	cp "$rhands" "$tree/rhands"
	cp -r "$source"/{hosts.d,sequences.d,twins.d} "$tree"
	printf '[agent]\nrecords = %s/records\n' "$BATS_TEST_TMPDIR" >"$tree/rhands.ini"
	chmod -R u+w,go-w "$tree"
	cd "$tree" || return
}

# readme COMMAND: it stands in the README, and runs.
readme() {
	grep -qxF "    $1" "$source/README.md"
	# shellcheck disable=SC2086
	run --separate-stderr timeout 60 $1 </dev/null
	echo "$output"
	# shellcheck disable=SC2154
	echo "$stderr"
}

@test "demo: recovers in ten seconds, and once more touches nothing" {
	local began=$EPOCHREALTIME
	readme './rhands recover demo'
	status_is 0
	says 'not healthy: tcp 389 of twin demo: connection refused'
	says 'off seen twice'
	says 'saw "Press F1", typed F1'
	says 'menu       typed Down Enter, selected /Old server, Linux'
	says 'Fix<y>?", typed y'
	says 'saw "demo login:"'
	says 'recovered  in '
	# one line says where all this comes from
	[ "$stderr" = "rhands recover: there is no $installed: taking the examples in $tree" ]
	(( (${EPOCHREALTIME/./} - ${began/./}) / 1000 < ${DEMO_MS:-10000} ))
	readme './rhands recover demo'
	status_is 0
	says 'was healthy, nothing was touched'
	readme './rhands shell demo -- uptime'
	status_is 0
	says 'load average'
	readme './rhands doctor demo'
	status_is 0
	readme './rhands replay last'
	status_is 0
	[ "$(grep -c ' power ' "$BATS_TEST_TMPDIR/records/twins/demo")" -eq 2 ]
}

@test "demo: power, console and shell see one machine" {
	readme './rhands power demo cycle'
	status_is 0
	readme './rhands shell demo -- uptime'
	[ "$status" -ne 0 ]
	[[ $stderr = *'connection refused'* ]]
	run ./rhands power demo off
	status_is 0
	run ./rhands status demo
	says 'demo             off      (twin)'
	run ./rhands sel demo
	says ' power off'
	run ./rhands power demo on
	status_is 0
	grep -qxF '    ./rhands console demo' "$source/README.md"
	# F1, then Down and Enter at the menu, y at fsck
	mkfifo keys
	timeout 60 script -qfec './rhands console demo' out <keys >/dev/null &
	exec 4>keys
	wait_for 20 grep -aq 'console of demo' out
	printf '\eOP' >&4
	wait_for 20 grep -aq 'Press enter to boot' out
	printf '\e[B' >&4
	wait_for 20 grep -aq '\*Old server' out
	printf '\r' >&4
	wait_for 20 grep -aq 'Fix<y>' out
	printf 'y' >&4
	wait_for 20 grep -aq 'demo login:' out
	printf '\r~.' >&4
	exec 4>&-
	wait
	run ./rhands shell demo -- true
	status_is 0
}

@test "demo: the current directory is not taken for a configuration" {
	mkdir elsewhere && cp -r hosts.d twins.d sequences.d elsewhere/
	mkdir bin && cp rhands bin/
	cd elsewhere
	run ../bin/rhands hosts
	status_is 2
	says "no configuration in $installed"
	run ../rhands hosts demo
	status_is 0
	says 'power: twin demo'
}

@test "demo: a tree that others can write to is refused" {
	chmod g+w twins.d
	run ./rhands recover demo
	status_is 2
	says "twins.d can be written to by others"
	says "for the whole tree: chmod -R go-w $tree"
}

@test "demo: --config wins over the tree, and twins are there too" {
	mkdir -p other/{hosts.d,twins.d,sequences.d}
	printf '[host]\n[power]\ndriver = twin\ntwin = x\n' >other/hosts.d/a.ini
	cp twins.d/demo.ini other/twins.d/x.ini
	run ./rhands status --config other --records "$BATS_TEST_TMPDIR/r" a
	status_is 0
	says 'a                on       (twin)'
	says_not 'examples'
	run ./rhands check --config other
	status_is 0
	says '1 host, 0 sequences, 1 twin: no errors'
}

@test "check: errors of twins, with their lines" {
	mkdir -p other/{hosts.d,twins.d,sequences.d}
	printf '[host]\n[power]\ndriver = twin\ntwin = hobby\n' >other/hosts.d/a.ini
	printf '[host]\n[power]\ndriver = twin\nstate = here\n' >other/hosts.d/bobby.ini
	cat >other/twins.d/bobby.ini <<-'END'
	[twin]
	start = up
	on = upp
	off = up
	[state up]
	do = play none.cast
	open = ${port}
	END
	run ./rhands check --config other
	status_is 2
	says 'hosts.d/a.ini:2: error: [power] twin: no twin "hobby"; did you mean "bobby"?'
	says 'hosts.d/bobby.ini:2: error: [power] state = here: expected a path'
	says 'twins.d/bobby.ini:3'
	says 'there is no state "upp"; did you mean "up"?'
	says 'twins.d/bobby.ini:6'
	says 'none.cast: No such file'
	run ./rhands status --config other bobby
	status_is 4
	says 'bobby            unknown  other/twins.d/bobby.ini:3: there is no state "upp"'
}

@test "recover: a twin with errors is told, and nothing happens" {
	sed -i 's/^on       = post/on = nowhere/' twins.d/demo.ini
	run ./rhands recover demo
	[ "$status" -ne 0 ]
	says 'twins.d/demo.ini:9: there is no state "nowhere"'
}

@test "twins: the example of the manual page passes check" {
	mkdir -p other/{hosts.d,twins.d}
	sed -n '/^; twins.d\/server.ini/,/^\.Ed/{/^\.Ed/!p}' "$source/man/rhands-twins.5" |
		sed 's/\\e/\\/g' >other/twins.d/server.ini
	grep -q 'on shell = /^reboot\$/ : drop -> post' other/twins.d/server.ini
	printf '%s\n' '{"version": 2, "width": 80, "height": 25}' \
		'[0.01, "o", "Linux version 6.1\r\n"]' >other/twins.d/server-boot.cast
	printf '[host]\n[power]\ndriver = twin\n[console]\ndriver = twin\n[shell]\ndriver = twin\n' \
		>other/hosts.d/server.ini
	run ./rhands check --config other
	status_is 0
	says '1 host, 0 sequences, 1 twin: no errors'
	run ./rhands shell server --config other --records "$BATS_TEST_TMPDIR/r" -- systemctl is-active sshd
	status_is 0
	[ "$output" = active ]
}
