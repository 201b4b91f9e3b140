#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The console as a person at a terminal has it: lines and screen, keys and ~, what
# a hostile host can't do to the terminal, and looking on at a run. The hosts are
# twins; console-pty.py is the terminal, and says what may reach it.

load cli-lib

# menu: a host that draws a menu when m is typed, and does to a terminal what it can.
menu() {
	local print=${1:-'\e[2J'}
	mkdir -p "$config/twins.d"
	cat >"$config/twins.d/menu.ini" <<-END
		[twin]
		summary = A machine with a menu
		start = one
		on = one
		off = off
		speed = 1000000
		[state off]
		power = off
		[state one]
		on = "m" : print "$print\e]0;evil\x07\e[?1049h\e[?1000h\e[?2004h\e[2J\e[H"
		     print "\xda\xc4\xc4\xc4\xbf\e[2;1H\xb3\e[7mOne\e[0m\xb3\e[3;1H\xb3Two\xb3"
		     print "\e[4;1H\e(0mqqqj\e(B \e[1;31mred\e[0m\e[6n\e[c\e[5n\e[21t"
		     print "\ePq\$q\e\\\\\e_G\e\\\\\e]52;c;cm0=\x07\e[?25l\e[?5h\e[20;60Hfar\e[3;2H\e[?25h"
		on = /\e\[B/ : print "\e[2;2HOne\e[3;2H\e[7mTwo\e[0m\e[3;2H"
		on = "\r" : print "\e[?1049l\e[2J\e[Hhost# "
		on = "echo" : print "echo"
		on = "~" : print "tilde"
		on = "flood" : print "\e[?1003h\x9b31mx\xc2\x9b5n\e[3J\e[8;9;9t\ec\e#8\e[2J\e[Hflooded"
	END
	cat >"$config/hosts.d/menu.ini" <<-'END'
		[host]
		summary = A machine with a menu
		[power]
		driver = twin
		min-off = 1s
		confirm = 5s
		[console]
		driver = twin
	END
}

# person ROWS COLS ARGUMENT...: what they do is on standard input.
person() {
	local rows=$1 cols=$2
	shift 2
	TERM=xterm timeout 100 "$BATS_TEST_DIRNAME/console-pty.py" "$rows" "$cols" \
		"$rhands" "${verb:-console}" --config "$config" --records "$records" "$@"
}

@test "console: a menu as a screen, keys, lines and back" {
	menu
	person 30 100 menu --screen <<-'END'
		type m
		screen ┌───┐
		screen └───┘ red
		style One 7
		style red 1;31
		screen  menu: screen of 80x25; ~. leaves
		cursor 3 2
		type \e[B
		style Two 7
		style One
		type ~?
		screen ~S changes between lines and screen
		type ~S
		lines One│
		type ~S
		style Two 7
		type \r
		not Two
		cursor 1 7
		type echo~.
		screen echo
		screen tilde
		type \r~.
		end 0
		lines host#
		lines [left the console of menu]
	END
}

@test "console: nothing but our own sequences reach the terminal" {
	menu
	person 30 100 menu <<-'END'
		lines ~S shows its screen
		type m
		lines far
		type flood
		lines flooded
		type \r~S
		screen host#
		type \r
		type flood
		screen flooded
		signal WINCH
		type \r~.
		end 0
	END
}

@test "console: a window that is smaller says so, follows, is moved, grows" {
	menu
	person 10 40 menu --screen <<-'END'
		type m\e[A
		screen Window below 80x25: it follows the curs
		style Two
		type ~l~l
		type ~j
		type ~j
		screen far
		not Two
		type ~f
		screen follows the cursor
		type \e[A
		not follows the cursor
		screen Two
		size 26 80
		screen far
		screen  menu: screen of 80x25; ~. leaves
		size 25 80
		screen menu; ~. leaves
		size 1 1
		size 24 80
		screen │Two│
		type ~.
		end 0
	END
}

@test "console: the terminal is given back, whatever ends it" {
	menu
	person 30 100 menu --screen <<-'END'
		type m
		screen │Two│
		signal TERM
		end 130
		lines │Two│
	END
	person 30 100 menu --screen <<-'END'
		type m
		screen │Two│
		kill-hand
		end 4
		lines │Two│
		lines the console of menu is gone
	END
	person 30 100 menu <<-'END'
		type m
		lines Two
		signal HUP
		end 130
	END
}

@test "console: a size that the host's file gives, and a host that draws further" {
	menu '\e[40;120H\xdb'
	person 60 140 menu --screen <<-'END'
		type m
		screen menu: screen of 80x25, but the host draws on 120x40
		type \e[A~.
		end 0
	END
	echo 'size = 132x43' >>"$config/hosts.d/menu.ini"
	person 60 140 menu --screen <<-'END'
		screen  menu: screen of 132x43; ~. leaves
		type m
		screen │Two│
		type \e[A~.
		end 0
	END
}

@test "console: a host that floods is left at once" {
	menu
	printf '#!/bin/sh\nexec yes "a line that comes again and again"\n' >"$config/flood"
	chmod 700 "$config/flood"
	sed -i "/console/,\$d" "$config/hosts.d/menu.ini"
	printf '%s\n' '[console]' 'driver = exec' "console = $config/flood" \
		>>"$config/hosts.d/menu.ini"
	LIMIT=10 person 30 100 menu <<-'END'
		lines again and again
		type ~S
		screen again and again
		type ~S
		lines again and again
		type ~.
		end 0
	END
}

@test "console: no screen where there is no terminal for it" {
	menu
	run rh console menu --screen
	status_is 2
	says 'standard output is no terminal'
	run rh console menu --screen --raw
	status_is 2
	says '--raw and --screen'
	TERM=dumb timeout 60 "$BATS_TEST_DIRNAME/console-pty.py" 24 80 \
		"$rhands" console --config "$config" --records "$records" menu --screen <<-'END'
		lines TERM=dumb
		end 2
	END
	TERM=dumb timeout 60 "$BATS_TEST_DIRNAME/console-pty.py" 24 80 \
		"$rhands" console --config "$config" --records "$records" menu <<-'END'
		lines attached; ~. leaves, ~? helps
		type ~S
		lines this terminal has no screen
		type ~.
		end 0
	END
}

# A run that types, asks, and then waits to be seen.
watched() {
	menu
	echo 'size = 80x43' >>"$config/hosts.d/menu.ini"
	cat >"$config/sequences.d/look.ini" <<-'END'
		[sequence]
		summary = Goes through the menu
		needs = console
		start = begin
		deadline = 3m
		[state begin]
		do = send "m"
		timeout = 30s -> failed "no menu"
		on = /Two/ : key Down -> down
		[state down]
		do = ask "Is it the second one?"
		then = up
		else = failed "it is not"
		timeout = 30s -> failed "nobody answered"
		[state up]
		do = key Enter
		then = prompt
		[state prompt]
		timeout = 10s -> failed "no prompt"
		on = /host# / -> recovered
	END
	rh run look menu </dev/null >"$BATS_TEST_TMPDIR/run" 2>&1 3>&- &
	wait_for 20 grep -q 'Is it the second one' "$BATS_TEST_TMPDIR/run"
}

@test "console --watch: looks on at a run, types nothing, says how it ends" {
	cd "$BATS_TEST_TMPDIR"
	watched
	run rh console menu
	status_is 5
	says 'look on with --watch'
	mkfifo "$BATS_TEST_TMPDIR/steps"
	person 50 120 menu --watch --screen <"$BATS_TEST_TMPDIR/steps" \
		>"$BATS_TEST_TMPDIR/watch" 2>&1 3>&- &
	local person=$!
	exec 4>"$BATS_TEST_TMPDIR/steps"
	cat >&4 <<-'END'
		style Two 7
		screen Is it the second one?
		screen rhands answer
		type x
		screen you only look on
		style Two 7
		mark seen
	END
	wait_for 30 test -e seen
	[ "$(head -n 1 "$records"/runs/*/console.cast | jq -c '[.width, .height]')" = '[80,43]' ]
	# whoever leaves does not disturb it
	person 30 120 menu --watch <<-'END'
		lines looking on at the run on menu
		lines Two
		type \x03
		end 0
		lines the run goes on
	END
	rh answer menu yes
	printf '%s\n' 'end 0' 'lines host#' 'lines the run has ended: recovered' >&4
	exec 4>&-
	wait "$person" || {
		cat "$BATS_TEST_TMPDIR/watch"
		false
	}
}

@test "console --watch: where there is nothing to watch" {
	menu
	run rh console menu --watch
	status_is 2
	says 'no run works on menu now'
	mkfifo "$BATS_TEST_TMPDIR/steps"
	person 30 100 menu <"$BATS_TEST_TMPDIR/steps" 3>&- &
	local person=$!
	exec 4>"$BATS_TEST_TMPDIR/steps"
	wait_for 20 test -e "$records/locks/menu.console"
	run rh console menu --watch
	status_is 5
	says 'nothing is recorded that could be watched'
	printf '%s\n' 'type \r~.' 'end 0' >&4
	exec 4>&-
	wait "$person"
}

# What the host drew is seen again, at its pace; nothing of it is foreign.
@test "replay --screen: a recording as a screen" {
	menu
	mkdir -p "$records/runs/20200101T000000Z-menu-nap-dddd"
	cat >"$records/runs/20200101T000000Z-menu-nap-dddd/console.cast" <<-'END'
		{"version": 2, "width": 80, "height": 25}
		[0.1, "o", "\u001b]0;owned\u0007\u001b[2J\u001b[2;3H\u001b(0lqk\u001b(B \u001b[7mOne\u001b[0m"]
		[0.2, "i", "Down"]
		[3600.0, "o", "\u001b[2;3HNever seen"]
	END
	verb=replay person 30 100 dddd --screen <<-'END'
		screen ┌─┐ One
		style One 7
		screen nap-dddd: screen of 80x25; replay; q leaves
		type q
		end 0
		lines ┌─┐ One
	END
	verb=replay person 30 100 dddd --screen --speed 1000000 <<-'END'
		lines Never seen
		end 0
	END
	verb=replay person 30 100 dddd --screen <<-'END'
		screen ┌─┐ One
		signal TERM
		end 130
	END
}

# A past of 100 kB: the screen is of all of it, the lines of its end.
@test "console --watch: of a long past only the end goes by" {
	menu
	{
		printf 'on = "p" -> past\n[state past]\ndo = print "first line\\r\\n"\n'
		printf '   print "a line of the past, of some length, with a number: %s\\r\\n"\n' {1..1900}
		printf '   print "\\e[2J\\e[10;1Hlast line"\n'
	} >>"$config/twins.d/menu.ini"
	cat >"$config/sequences.d/look.ini" <<-'END'
		[sequence]
		summary = Waits for the end of much
		needs = console
		start = begin
		deadline = 3m
		[state begin]
		do = send "p"
		timeout = 30s -> failed "no end"
		on = /last line/ -> ask
		[state ask]
		do = ask "Was it much?"
		then = recovered
		timeout = 30s -> failed "nobody answered"
	END
	rh run look menu </dev/null >"$BATS_TEST_TMPDIR/run" 2>&1 3>&- &
	wait_for 30 grep -q 'Was it much' "$BATS_TEST_TMPDIR/run"
	person 30 100 menu --watch <<-'END'
		lines last line
		lines with a number: 1890
		never number: 1500
		type ~S
		screen last line
		type ~.
		end 0
	END
	rh answer menu yes
	wait
}
