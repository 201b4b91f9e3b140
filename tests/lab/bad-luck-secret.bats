#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Secrets: typed once to a prompt that is there, and nowhere else to be found; keys
# that the BMC swallowed, and a console that is mute after power-on.

load bad-luck-lib

password='Xy7-hunter2-Zq'

# A machine that asks for a password, and echoes it.
asking_machine() {
	machine ask <<-'END'
		#!/usr/bin/python3
		import os, sys
		def line():
		    text = b""
		    while not text.endswith((b"\r", b"\n")):
		        c = os.read(0, 1)
		        if not c:
		            sys.exit(0)
		        if c == b"x":	# of waking it up
		            continue
		        os.write(1, c)	# echoes all, as it should not
		        text += c
		    return text[:-1]
		os.read(0, 1)
		for asked in range(2):
		    os.write(1, b"\r\nlogin service\r\nPassword: ")
		    text = line()
		    if os.environ["LAB_BOOT_FAULT"] == "normal" and text:
		        break
		os.write(1, b"\r\nyou said " + text + b", thank you\r\nWelcome\r\n")
		while os.read(0, 1):
		    pass
	END
	up "$BATS_TEST_TMPDIR/ask" "$@"
	echo "$password" >"$config/secrets/root"
	sequence ask <<-'END'
		[sequence]
		summary = Give the password
		needs = console
		deadline = 40s
		start = wake
		[state wake]
		do = send "xx"
		then = ask
		[state ask]
		timeout = 30s -> failed "nothing more was said"
		on = /^Password: $/ max 2 : secret root-password
		on = /Welcome/ -> welcome
		[state welcome]
		do = collect console, wait 1s
		then = recovered
	END
}

# The password is in no file under these.
nowhere() {
	run grep -raF -- "$password" "$@"
	[ "$status" -eq 1 ] || {
		echo "found: $output"
		return 1
	}
}

# As it is written byte by byte: a value of JSON a line each.
assembled() {
	python3 - "$1" <<-'END'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1])][1:]
		print("".join(l[2] for l in lines if l[1] == "o"))
	END
}

@test "a secret is in no argument, environment, record or JSON" {
	asking_machine
	"$rhands" run ask ldap1 --json --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/run.out" 2>&1 3>&- &
	run_pid=$!
	pids+=("$run_pid")
	wait_for 10 has_event console-up
	while kill -0 "$run_pid" 2>/dev/null; do
		for pid in "$run_pid" $(hands_of "$run_pid"); do
			cat "/proc/$pid/cmdline" "/proc/$pid/environ" \
				>>"$BATS_TEST_TMPDIR/seen" 2>/dev/null || true
		done
		sleep 0.1
	done
	finish
	status_is 0
	log_says "$dir/typed.log" "$password"
	log_says "$dir/truth.log" "$password"
	[ -s "$BATS_TEST_TMPDIR/seen" ]
	nowhere "$records" "$BATS_TEST_TMPDIR/seen" "$BATS_TEST_TMPDIR/run.out"
	run assembled "$(record)/console.cast"
	says "you said <secret:root-password>, thank you"
	says_not "$password"
	[[ "$(events typed .text)" = *'<secret:root-password> Enter'* ]]
	grep -q 'secret:root-password' "$(record)"/evidence/*
	password=labpass nowhere "$records" "$BATS_TEST_TMPDIR/run.out"
	run rh show last
	says_not "$password"
}

@test "a prompt that comes twice is not answered twice" {
	asking_machine --boot f1
	run rh run ask ldap1
	status_is 1
	says "not typed twice"
	says "check the secret"
	[ "$(grep -aoF -- "$password" "$dir/typed.log" | wc -l)" -eq 1 ]
	nowhere "$records"
}

@test "a secret that can't be had is said, and nothing is typed" {
	asking_machine
	sed -i "s|^root-password.*|root-password = @command:/bin/false|" \
		"$config/hosts.d/ldap1.ini"
	run rh run ask ldap1
	status_is 1
	says "/bin/false"
	[ "$(tr -d x <"$dir/typed.log" | wc -c)" -eq 0 ]
	# A command is asked once, though the secret is also looked for in the echo.
	machine once <<-END
		#!/bin/sh
		echo asked >>$BATS_TEST_TMPDIR/asked
		echo $password
	END
	sed -i "s|^root-password.*|root-password = @command:$BATS_TEST_TMPDIR/once|" \
		"$config/hosts.d/ldap1.ini"
	"$lab" power "$dir" off
	"$lab" power "$dir" on
	"$lab" bmc "$dir" restart	# it would swallow the first key
	run rh run ask ldap1
	status_is 0
	[ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -eq 1 ]
}

@test "a command for a secret that hangs does not break the deadline" {
	asking_machine
	machine hang <<-'END'
		#!/bin/sh
		exec sleep 1000
	END
	sed -i "s|^root-password.*|root-password = @command:$BATS_TEST_TMPDIR/hang|" \
		"$config/hosts.d/ldap1.ini"
	run rh run ask ldap1 --deadline 3s
	[ "$status" -ne 0 ]
	[ "$(jq .duration_ms "$(record)/run.json")" -le 4000 ]
	[ -z "$(pgrep -f "$BATS_TEST_TMPDIR/[h]ang")" ]
}

@test "a key that was swallowed goes out once more" {
	machine swallow <<-'END'
		#!/usr/bin/python3
		import os
		os.read(0, 1)
		os.write(1, b"\r\nPress F1 to continue\r\n")
		os.read(0, 16)
		if os.environ["LAB_BOOT_FAULT"] != "f1":
		    os.read(0, 16)	# the first one had no effect
		os.write(1, b"\r\nit says go\r\n")
		while os.read(0, 1):
		    pass
	END
	up "$BATS_TEST_TMPDIR/swallow"
	sequence f1 <<-'END'
		[sequence]
		summary = F1
		needs = console
		deadline = 40s
		start = wake
		[state wake]
		do = send "x"
		then = f1
		[state f1]
		timeout = 30s -> failed "F1 had no effect"
		on = /Press F1/ max 3 : key F1
		on = /it says go/ -> recovered
	END
	run rh run f1 ldap1
	status_is 0
	[ -n "$(events again)" ]
	[ "$(events typed 'select(.text == "F1")' | wc -l)" -ge 2 ]
}

@test "mute after power-on: the console is opened anew, and the record says so" {
	machine mute <<-'END'
		#!/bin/sh
		head -c 1 >/dev/null
		echo "it says go"
		exec cat
	END
	up "$BATS_TEST_TMPDIR/mute"
	sed -i '/^\[console\]/a mute = 3s' "$config/hosts.d/ldap1.ini"
	sequence mute <<-'END'
		[sequence]
		summary = Cycle and see
		needs = power console
		deadline = 1m
		start = cycle
		[state cycle]
		do = power cycle
		then = see
		[state see]
		timeout = 30s -> failed "it said nothing"
		on = /it says go/ -> recovered
	END
	begin run mute ldap1
	wait_for 30 has_event mute
	wait_for 10 has_event console-back
	finish_by_key
	status_is 0
	grep -q 'opened anew' "$(record)/console.cast"
	[ "$(acts set power 0)" -eq 1 ]
}

# The key comes from elsewhere: the machine's own line.
finish_by_key() {
	"$lab" power "$dir" off
	sed -i '2d' "$BATS_TEST_TMPDIR/mute"
	"$lab" power "$dir" on
	finish
}
