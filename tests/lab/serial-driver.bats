#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The serial driver against pseudo-terminals that stand for ports.
# SERIAL_DRIVER_TEST names the program (default: built beside this file).

setup() {
	program=${SERIAL_DRIVER_TEST:-$BATS_TEST_DIRNAME/serial-driver-test}
	[ -x "$program" ] || skip "no $program: make check-programs"
}

driver() {
	run timeout 100 "$program" "$BATS_TEST_TMPDIR" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1..$#" ]
}

@test "serial: bytes, settings and break" {
	driver talk settings break partial
}

@test "serial: a port that somebody else holds is named" {
	driver locked open-elsewhere exclusive
}

@test "serial: an adapter is pulled out and comes back as another" {
	driver pulled
}

@test "serial: the speed is found, and nothing is typed into garbage" {
	driver finds-the-speed never-types-into-garbage never-types-in-doubt \
		framing-errors
}

@test "serial: bytes that were lost or damaged on the line" {
	driver lost-bytes nothing-lost-in-doubt
}

@test "serial: a line that takes no bytes" {
	driver stuck
}

@test "serial: the doctor looks and types nothing" {
	driver doctor
}

@test "serial: attached from inside a hand's sandbox" {
	driver sandboxed
}
