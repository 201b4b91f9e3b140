#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a console can throw at us: floods, garbage, and control sequences that
# are meant for the admin's terminal.

load bad-luck-lib

# The console at a terminal, with terminal.py as the one who types.
console_at_terminal() {
	/usr/bin/python3 "$BATS_TEST_TMPDIR/terminal.py" "$rhands" console ldap1 \
		--config "$config" --records "$records" "$@" 3>&-
}

terminal_program() {
	cat >"$BATS_TEST_TMPDIR/terminal.py"
}

@test "a flood: nothing stands still, and the prompt at its end is seen" {
	machine flood <<-'END'
		#!/bin/sh
		head -c 1 >/dev/null
		yes 'the same old line of the oops loop, again and again and again' |
			head -c 1000000
		echo
		echo "it says go"
		exec cat
	END
	# As fast as a fast UART. Faster than any line, it overruns the library's
	# buffers on a busy machine (see ipmi-driver.bats); and ipmi_sim, robbed of
	# a packet's answer by that, may stay silent in every session that follows.
	LAB_WIRE_SPEED=92160 up "$BATS_TEST_TMPDIR/flood"
	sequence flood <<-'END'
		[sequence]
		summary = Watch a flood
		needs = console
		deadline = 60s
		start = ask
		[state ask]
		do = send "ab"
		then = watch
		[state watch]
		timeout = 55s -> failed "it said nothing"
		on = /it says go/ -> recovered
	END
	begin run flood ldap1
	wait_for 10 has_event console-up
	hands=$(hands_of "$run_pid")
	top=0
	while kill -0 "$run_pid" 2>/dev/null; do
		for pid in "$run_pid" $hands; do
			kb=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
			[ "${kb:-0}" -le "$top" ] || top=$kb
		done
		sleep 0.2
	done
	finish
	status_is 0
	# Memory has a bound: no process grew with the flood. (A sanitizer keeps it.)
	[ "$top" -gt 0 ]
	[ "$top" -lt 60000 ] || grep -q __asan_init "$rhands"
	# What was printed is in the record, or counted as a gap.
	kept=$(/usr/bin/python3 - "$(record)/console.cast" <<-'END'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1])][1:]
		print(sum(len(l[2]) for l in lines if l[1] == "o"))
	END
	)
	lost=$(events console-gap .bytes | awk '{ s += $1 } END { print s + 0 }')
	printed=$(stat -c %s "$dir/truth.log")
	[ $((kept + lost)) -ge $((printed - 1000)) ]
}

@test "binary garbage: recorded, and nothing breaks" {
	machine garbage <<-'END'
		#!/bin/sh
		head -c 1 >/dev/null
		head -c 300000 /dev/urandom
		echo
		echo "it says go"
		exec cat
	END
	up "$BATS_TEST_TMPDIR/garbage"
	sequence garbage <<-'END'
		[sequence]
		summary = Watch garbage
		needs = console
		deadline = 60s
		start = ask
		[state ask]
		do = send "ab"
		then = watch
		[state watch]
		timeout = 55s -> failed "it said nothing"
		on = /it says go/ -> recovered
	END
	run rh run garbage ldap1 --json
	status_is 0
	jq -es 'length > 3' <<<"$output"
	jq -es 'length > 1000 or length > 50' "$(record)/console.cast"
	run rh show last
	status_is 0
	says_not $'\e'
}

@test "1 MB of hostile sequences: none reaches the terminal, --raw passes them" {
	machine hostile <<-'END'
		#!/usr/bin/python3
		import random, sys
		random.seed(7)
		evil = [b"\x1b]0;owned\x07", b"\x1b[2J", b"\x1bP$q\"p\x1b\\", b"\x1b[c", b"\x1b[6n",
		        b"\x9b6n", b"\x1b]52;c;b3duZWQ=\x07", b"\x1b[?1049h", b"\x1b[8;1;1t", b"\x05",
		        b"\x1b[21t", b"\x1bc", b"\x1b_evil\x1b\\", b"\x1b^x\x1b\\", b"\x1b[>c", b"\x1b#8",
		        b"\x1b[?1000h", b"\xc2\x9b6n", b"\x1b]8;;http://x\x1b\\", b"\x1bZ", b"\x1b[5i"]
		sys.stdin.buffer.read(1)
		size = 0
		while size < 1_000_000:
		    text = b"".join(random.choice(evil) for _ in range(500)) + b"\r\n"
		    sys.stdout.buffer.write(text)
		    size += len(text)
		sys.stdout.buffer.write(b"\x18\x1b\\\r\nthe end of it\r\n")
		sys.stdout.buffer.flush()
		sys.stdin.buffer.read()
	END
	terminal_program <<-'END'
		import pexpect, re, sys
		child = pexpect.spawn(sys.argv[1], sys.argv[2:], timeout=40, maxread=65536)
		child.delaybeforesend = None
		child.expect("attached")
		seen = b""
		while not seen:	# the first key may be swallowed
		    child.send("g")
		    try:
		        seen += child.read_nonblocking(65536, 1)
		    except pexpect.TIMEOUT:
		        pass
		while b"the end of it" not in seen:
		    seen += child.read_nonblocking(65536, 40)
		child.send("\r~.")
		child.expect(pexpect.EOF)
		seen += child.before
		child.close()
		if child.exitstatus != 0:
		    sys.exit(f"exit {child.exitstatus}")
		raw = "--raw" in sys.argv
		found = [bad for bad in (
		    rb"\x1b\]", rb"\x1bP", rb"\x1b_", rb"\x1b\^", rb"\x1b\[[0-9;?>]*[cnti]", rb"\x1bc",
		    rb"\x1b#", rb"\x1bZ", rb"\x05", rb"\xc2\x9b", rb"\x9b6n", rb"\x1b\[\?10") if re.search(bad, seen)]
		if raw != bool(found):
		    sys.exit(f"raw {raw}: {found}")
	END
	# See the flood above for why the line has a speed.
	LAB_WIRE_SPEED=184320 up "$BATS_TEST_TMPDIR/hostile"
	console_at_terminal
	"$lab" power "$dir" off
	"$lab" power "$dir" on
	console_at_terminal --raw
}

@test "console: ~. leaves, ~B breaks, ~~ is one ~, ~? helps, others pass" {
	up cat
	terminal_program <<-'END'
		import pexpect, sys
		child = pexpect.spawn(sys.argv[1], sys.argv[2:], timeout=10)
		child.delaybeforesend = None
		child.expect("attached")
		child.send("~?")
		child.expect("sends a break")
		child.send("~B")
		child.expect("break sent")
		child.send("~~one\r")
		child.expect("one")
		child.send("~xtwo\r")
		child.expect("two")
		child.send("a~.three\r")
		child.expect("three")
		child.send("~.")
		child.expect("left the console of ldap1")
		child.expect(pexpect.EOF)
		child.close()
		sys.exit(child.exitstatus)
	END
	console_at_terminal
	wait_for 3 log_says "$dir/typed.log" "three"
	log_says "$dir/wire.log" break
	typed=$(tr '\r' '\n' <"$dir/typed.log")
	# The first key of a session may be swallowed by this BMC.
	[[ $typed = *'~one'* ]] || [[ $typed = *one* ]]
	[[ $typed != *'~~one'* ]]
	[[ $typed = *'~xtwo'* ]]
	[[ $typed = *'a~.three'* ]]
}

@test "console: the terminal is as it was, on every way out" {
	up cat
	terminal_program <<-'END'
		import os, pexpect, signal, subprocess, sys, termios
		script = 'stty -g; "$@"; echo "st=$?"; stty -g'
		for how in "leave", "TERM", "HUP":
		    child = pexpect.spawn("/bin/sh", ["-c", script, "-"] + sys.argv[1:], timeout=10)
		    child.delaybeforesend = None
		    child.expect(r"([0-9a-f:]{20,})\r\n")
		    before = child.match[1]
		    child.expect("attached")
		    while termios.tcgetattr(child.child_fd)[3] & termios.ICANON:
		        pass
		    if how == "leave":
		        child.send("~.")
		    else:
		        pid = subprocess.check_output(["pgrep", "-P", str(child.pid)])
		        os.kill(int(pid), getattr(signal, "SIG" + how))
		    child.expect("left the console of ldap1")
		    child.expect(r"st=(\d+)\r\n")
		    status = child.match[1]
		    child.expect(r"([0-9a-f:]{20,})\r\n")
		    if status != (b"0" if how == "leave" else b"130"):
		        sys.exit(f"{how}: status {status}")
		    if child.match[1] != before:
		        sys.exit(f"{how}: {before} became {child.match[1]}")
		    child.close(force=True)
	END
	console_at_terminal
}

@test "console: a terminal that stands still can be left by a signal" {
	machine flood <<-'END'
		#!/bin/sh
		head -c 1 >/dev/null
		exec yes 'the same old line of the oops loop'
	END
	up "$BATS_TEST_TMPDIR/flood"
	mkfifo "$BATS_TEST_TMPDIR/typed" "$BATS_TEST_TMPDIR/screen"
	exec 5<>"$BATS_TEST_TMPDIR/typed" 6<>"$BATS_TEST_TMPDIR/screen"
	"$rhands" console ldap1 --config "$config" --records "$records" \
		<"$BATS_TEST_TMPDIR/typed" >"$BATS_TEST_TMPDIR/screen" \
		2>"$BATS_TEST_TMPDIR/console.out" 3>&- 5>&- 6>&- &
	console=$!
	pids+=("$console")
	wait_for 10 log_says "$BATS_TEST_TMPDIR/console.out" "attached"
	echo >&5
	echo start >&5
	wait_for 10 test -s "$dir/truth.log"
	head -c 100000 <&6 >/dev/null
	SECONDS=0
	kill -TERM "$console"
	status=0
	wait "$console" || status=$?
	exec 5>&- 6>&-
	status_is 130
	[ "$SECONDS" -le 3 ]
}

@test "console: a pipe in, all of it is sent, and the answer comes out" {
	up cat
	seq 200 >"$BATS_TEST_TMPDIR/in"
	run rh console ldap1 <"$BATS_TEST_TMPDIR/in"
	status_is 0
	wait_for 5 log_says "$dir/typed.log" "200"
	[ "$(grep -c . "$dir/typed.log")" -ge 199 ]
	says "200"
}
