#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The ipmitool driver against the lab's BMC, in groups, each with a lab of its
# own. IPMITOOL_DRIVER_TEST names the program (default: built beside this file).

here=$BATS_TEST_DIRNAME

setup() {
	dir=$BATS_TEST_TMPDIR/lab
	program=${IPMITOOL_DRIVER_TEST:-$here/ipmitool-driver-test}
	[ -x "$program" ] || skip "no $program: make check-programs"
	"$here/lab" up "$dir" --machine cat --owner $$
	# shellcheck disable=SC1091
	. "$dir/env"
}

teardown() {
	[ ! -d "$dir" ] || "$here/lab" down "$dir"
}

driver() {
	run timeout 200 "$program" "$here/lab" "$dir" "$LAB_BMC_ADDRESS" \
		"$LAB_BMC_PORT" "$LAB_BMC_USER" "$LAB_BMC_PASSWORD_FILE" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1..$#" ]
}

@test "ipmitool: power, boot device, evidence" {
	driver power boot evidence
}

@test "ipmitool: an act is sent once, whatever the BMC does" {
	driver slow-act act-once strict
}

@test "ipmitool: credentials, cipher suites, a BMC that is not there" {
	driver credential suites unreachable not-sent bad-options
}

@test "ipmitool: console, with breaks and tildes" {
	driver console break
}

@test "ipmitool: a console that somebody else holds" {
	driver console-in-use
}

@test "ipmitool: a BMC that dies under the console is noticed in 10 s" {
	driver console-lost console-hung console-quiet
}

@test "ipmitool: the password is nowhere to be seen" {
	driver secret
}

@test "ipmitool: doctor" {
	driver doctor
}
