#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An old machine that asks nothing: it panics, or falls silent. A second power
# cycle brings it back, or a person is told what to do.

bats_require_minimum_version 1.5.0
load recover.bash

@test "recover: a kernel panic in the first boot" {
	lab_up silent,panic,normal
	recover
	assert_recovered
	[[ "$said" == *"Kernel panic"* ]]
	[ "$(acts 'set power 0')" -eq 2 ]
	compgen -G "$records/runs/*/evidence/console-*.txt" >/dev/null
}

@test "recover: silence in the first boot" {
	lab_up silent,silent,normal
	sed -i 's/^on idle  = 45s/on idle  = 10s/' "$LAB_CONFIG/sequences.d/old-ldap.ini"
	recover
	assert_recovered
	[[ "$said" == *"nothing was printed for 10s"* ]]
	[ "$(acts 'set power 0')" -eq 2 ]
}

@test "recover: two panics end as failed, the power is not cut a third time" {
	lab_up silent,panic
	recover
	[ "$status" -eq 1 ]
	[[ "$said" == *"kernel panic, twice"* ]]
	[ "$(run_json .verdict)" = failed ]
	[ "$(acts 'set power 0')" -eq 2 ]
}

@test "recover: a healthy host is not touched" {
	lab_up normal
	wait_for 60 machine_has_written "oldhost login:"
	wait_for 20 ldap_answers
	recover
	[ "$status" -eq 0 ]
	[[ "$said" == *"was healthy, nothing was touched"* ]]
	[ "$(acts 'set power 0')" -eq 0 ]
	[ ! -s "$LAB_TYPED" ]
}
