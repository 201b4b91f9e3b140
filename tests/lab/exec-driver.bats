#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The exec driver, through `rhands power`, with a power strip that is a program
# (pdu) and goes wrong in its own ways; and the manual driver behind it.

bats_require_minimum_version 1.5.0
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	dir=$BATS_TEST_TMPDIR/pdu
	config=$BATS_TEST_TMPDIR/config
	install -d -m 700 "$dir" "$config/hosts.d"
	# the driver refuses a program that others can change
	install -m 755 "$BATS_TEST_DIRNAME/pdu" "$dir/pdu"
	echo on >"$dir/3"
	: >"$dir/acts"
	(umask 077 && echo hunter2 >"$config/secret")
	host
}

# host [LINE...]: the host of these tests, with more lines for its [power].
host() {
	{
		printf '%s\n' '[host]' 'summary = Hangs on a power strip' \
			'[power]' 'driver = exec' "on = $dir/pdu $dir 3 on" \
			"off = $dir/pdu $dir 3 off" \
			"status = $dir/pdu $dir 3 status" \
			'status-on = on' 'status-off = off' "$@"
	} >"$config/hosts.d/strip.ini"
}

rh() {
	timeout 60 "$rhands" "$1" --config "$config" \
		--records "$BATS_TEST_TMPDIR/records" "${@:2}"
}

says() {
	[[ $output = *"$1"* ]] || {
		echo "expected: $1"
		echo "got: $output"
		return 1
	}
}

status_is() {
	[ "$status" -eq "$1" ] || {
		echo "expected status $1, got $status: $output"
		return 1
	}
}

acts() {
	tr '\n' ' ' <"$dir/acts"
}

@test "exec: status, off, on, cycle: seen, and done once each" {
	run rh power strip status
	status_is 0
	says "on"
	run rh power strip off
	status_is 0
	[ "$(cat "$dir/3")" = off ]
	run rh power strip on
	status_is 0
	run rh power strip cycle
	status_is 0
	[ "$(acts)" = "off on off on " ]
}

@test "exec: a strip that acts late (P01)" {
	echo 'late 2' >"$dir/fault"
	run rh power strip off
	status_is 0
	[ "$(cat "$dir/3")" = off ]
	[ "$(acts)" = "off " ]
}

@test "exec: a strip that says OK and does nothing (P02)" {
	host 'confirm = 5s'
	echo lies >"$dir/fault"
	run rh power strip off
	[ "$status" -eq 1 ] || [ "$status" -eq 4 ]
	says "off"
	[[ $(acts) = "off "* ]]
	[ "$(cat "$dir/3")" = on ]
}

@test "exec: a tool that hangs is stopped, and the state is read" {
	host 'timeout = 500ms'
	echo hangs >"$dir/fault"
	run rh power strip off
	status_is 0
	[ "$(acts)" = "off " ]
	run -1 pgrep -f "$dir/pdu"
}

@test "exec: a tool that is killed may have acted: the state is read" {
	echo killed >"$dir/fault"
	run rh power strip off
	status_is 0
	[ "$(acts)" = "off " ]
}

@test "exec: a strip that cannot be asked is no success" {
	echo mute >"$dir/fault"
	run rh power strip status
	[ "$status" -ne 0 ]
	says "no route to host"
	echo vague >"$dir/fault"
	run rh power strip status
	says "unknown"
}

@test "exec: the secret goes to standard input, and nowhere else" {
	host "secret = @file:$config/secret"
	echo hunter2 >"$dir/password"
	run rh power strip off
	status_is 0
	[ "$(cat "$dir/3")" = off ]
	grep -q "^$dir/pdu$" "$dir/seen"
	run -1 grep -q hunter2 "$dir/seen"
	run -1 grep -rq hunter2 "$BATS_TEST_TMPDIR/records"
	echo other >"$dir/password"
	run rh power strip status
	[ "$status" -ne 0 ]
	says "login failed"
}

@test "exec: a program that is not there" {
	rm "$dir/pdu"
	run rh power strip off
	[ "$status" -ne 0 ]
	says "No such file"
	[ "$(acts)" = "" ]
}

@test "exec: a program that others can change is refused" {
	chmod 777 "$dir/pdu"
	run rh power strip off
	[ "$status" -ne 0 ]
	says "can be changed by others"
	[ "$(acts)" = "" ]
}

@test "manual: where no other way works, the words for a person" {
	host '[power hands]' 'driver = manual' 'place = rack 3, unit 12' \
		'box = ldap1' 'plug = B7'
	rm "$dir/pdu"
	run rh power strip off
	status_is 3
	says 'go to rack 3, unit 12, box "ldap1": pull plug B7'
}
