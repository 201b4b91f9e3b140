#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The IPMI driver against the lab's BMC, in groups, each with a lab of its own.
# IPMI_DRIVER_TEST names the program (default: built beside this file).

here=$BATS_TEST_DIRNAME

setup() {
	dir=$BATS_TEST_TMPDIR/lab
	program=${IPMI_DRIVER_TEST:-$here/ipmi-driver-test}
	[ -x "$program" ] || skip "no $program: make check-programs"
	"$here/lab" up "$dir" --machine cat --owner $$
	# shellcheck disable=SC1091
	. "$dir/env"
}

teardown() {
	[ ! -d "$dir" ] || "$here/lab" down "$dir"
}

driver() {
	run timeout 200 "$program" -l "$here/lab" -d "$dir" "$LAB_BMC_ADDRESS" \
		"$LAB_BMC_PORT" "$LAB_BMC_USER" "$LAB_BMC_PASSWORD_FILE" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1..$#" ]
}

@test "ipmi: power and the device of the next boot" {
	driver query cycle-reset-soft boot pacing
}

@test "ipmi: chassis status and event log" {
	driver evidence event-log
}

@test "ipmi: a wrong credential is tried once" {
	driver wrong-password wrong-user long-password
}

@test "ipmi: a BMC that is not there" {
	driver dead-port no-such-name restart
}

@test "ipmi: cipher suites in order, and a BMC without free sessions" {
	driver suites no-sessions
}

@test "ipmi: an act is sent once, whatever the BMC does" {
	driver act-once slow-act too-slow-act refused-act strict
}

@test "ipmi: packet loss" {
	driver loss console-loss
}

@test "ipmi: console" {
	driver console console-bulk console-paste
}

@test "ipmi: a console that overran the library is lost, and there again" {
	"$here/lab" down "$dir"
	printf '%s\n' '#!/bin/sh' 'head -c 1 >/dev/null' \
		'exec yes "the same old line of the oops loop"' >"$BATS_TEST_TMPDIR/flood"
	chmod +x "$BATS_TEST_TMPDIR/flood"
	"$here/lab" up "$dir" --machine "$BATS_TEST_TMPDIR/flood" --owner $$
	# shellcheck disable=SC1091
	. "$dir/env"
	driver console-overrun
}

@test "ipmi: a console that somebody else holds" {
	driver console-in-use console-steal
}

@test "ipmi: a BMC that dies under the console is noticed in 10 s" {
	driver console-lost-idle console-lost-write console-lost-hung \
		console-detach-dead
}
