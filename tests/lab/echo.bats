#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `enter` against real shells behind a line that loses keys (I03): what counts is
# what the shell ran. The line loses every fourth key that comes less than
# LOSES_MS after the one before.

load bad-luck-lib

# line NAME COMMAND...: a machine that is this command on a terminal of its own.
line() {
	local name=$1
	shift
	machine "$name" <<-END
		#!/usr/bin/python3
		import os, pty, select, sys, time
		command = "$*".split()
		loses = ${LOSES_MS:-0} / 1000
		message = b"[   12.345678] usb 1-1: new high-speed USB device\r\n"
		message_at = ${MESSAGE_AT:-0}
		pid, master = pty.fork()
		if pid == 0:
		    os.environ.update(PS1="# ", TERM="vt100")
		    os.execvp(command[0], command)
		keys = lost = 0
		last = time.monotonic()
		while True:
		    ready, _, _ = select.select([0, master], [], [])
		    if master in ready:
		        try:
		            os.write(1, os.read(master, 4096))
		        except OSError:
		            break
		    if 0 in ready:
		        data = os.read(0, 4096)
		        if not data:
		            break
		        for key in data:
		            now = time.monotonic()
		            soon, last = now - last < loses, now
		            keys += 1
		            if keys == message_at:
		                os.write(1, message)
		            if soon and keys % 4 == 0 and key != 13:
		                lost += 1
		                open("$BATS_TEST_TMPDIR/lost", "w").write(str(lost))
		            else:
		                os.write(master, bytes([key]))
	END
}

# asks TEXT: a run that types it at the shell's prompt.
asks() {
	up "$BATS_TEST_TMPDIR/shell"
	sed -i '/^\[console\]/a key-delay = 0' "$config/hosts.d/ldap1.ini"
	sequence asks <<-END
		[sequence]
		summary = Type at a shell
		needs = console
		deadline = 60s
		start = wake
		[state wake]
		do = key Enter
		then = shell
		[state shell]
		timeout = 20s -> failed "no prompt"
		on = /[#\$] \$/ max 1 : enter "$1" -> ran
		[state ran]
		timeout = 10s -> failed "it was not run"
		on = /^all of it/ -> recovered
	END
	run timeout 100 "$rhands" run asks ldap1 --config "$config" \
		--records "$records" 3>&-
	echo "$output"
}

types_it_right() {
	local proof=$BATS_TEST_TMPDIR/proof
	asks "echo 'the text, 0123456789 (all of it)' >$proof; cat $proof; echo all of it"
	[ "$status" -eq 0 ]
	[ "$(cat "$proof")" = 'the text, 0123456789 (all of it)' ]
}

@test "a shell without an editor, keys are lost" {
	LOSES_MS=12 line shell sh
	types_it_right
	[ "$(cat "$BATS_TEST_TMPDIR/lost")" -gt 3 ]
	[[ "$output" == *"to be typed again, slower"* ]]
	[[ "$output" == *"typed Backspace*"* ]]
}

@test "a shell with readline, keys are lost" {
	LOSES_MS=12 line shell bash --norc --noprofile
	types_it_right
	[ "$(cat "$BATS_TEST_TMPDIR/lost")" -gt 3 ]
	[[ "$output" == *"to be typed again, slower"* ]]
}

@test "the shell of busybox, keys are lost" {
	"$lab" build
	LOSES_MS=12 line shell "${LAB_CACHE:-$BATS_TEST_DIRNAME/cache}/root/bin/busybox" ash
	types_it_right
	[ "$(cat "$BATS_TEST_TMPDIR/lost")" -gt 3 ]
	[[ "$output" == *"to be typed again, slower"* ]]
}

@test "a kernel message in the middle is no difference" {
	local shell
	for shell in "sh" "bash --norc --noprofile"; do
		# shellcheck disable=SC2086
		MESSAGE_AT=9 line shell $shell
		types_it_right
		[[ "$output" != *"it came back as"* ]]
		"$lab" down "$dir"
		rm -rf "$dir" "$BATS_TEST_TMPDIR/proof"
	done
}

@test "keys that stay lost: no Enter, and the line is left empty" {
	LOSES_MS=5000 line shell sh
	asks "echo ran >$BATS_TEST_TMPDIR/proof"
	[ "$status" -eq 1 ]
	[ ! -e "$BATS_TEST_TMPDIR/proof" ]
	[[ "$output" == *"Enter was not sent, and"* ]]
	[ "$(grep -c '"event":"echo"' "$(record)/journal.jsonl")" -eq 3 ]
}

@test "a terminal without echo gets its Enter" {
	line shell sh -c "stty\${IFS}-echo;exec\${IFS}sh"
	types_it_right
	[[ "$output" != *"it came back as"* ]]
}
