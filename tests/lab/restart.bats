#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `restart` and `stop`, rung by rung, on a machine of which a rung or two do not
# work. The BMC's own log and the machine's own console tell what was done.

bats_require_minimum_version 1.5.0
load recover.bash
load stories.bash

# restarts ACTION [CHECK]: the lab's machine does this, and has to print login:
# anew and to answer.
restarts() {
	sed -i 's/^recover .*/recover = restart-test/' \
		"$LAB_CONFIG/hosts.d/translations.ini"
	cat >"$LAB_CONFIG/sequences.d/restart-test.ini" <<-END
	[sequence]
	needs = power console shell
	deadline = 30m
	start = restart
	[state restart]
	do = $1
	then = boot
	[state boot]
	timeout = 3m -> failed "it did not come back"
	on = /login: \$/ -> services
	[state services]
	do = ${2:-check ssh within 30s}
	then = recovered
	END
	recover_host translations
}

# up FAULT,...: the machine runs, and answers over SSH.
up() {
	lab_up "$1"
	host translations
	wait_for 60 machine_has_written "oldhost login:"
}

boots() {
	grep -ac 'Linux version' "$LAB_TRUTH"
}

@test "restart gently: the shell does it, and no power is touched" {
	up normal
	restarts 'restart gently'
	recovered_and_recorded
	said_in_order 'restart by shell, proof within 3m' \
		'restarted by shell (rung 1 of 5)' 'ssh answers, boot id'
	[ "$(boots)" -eq 2 ]
	[ "$(acts 'set')" -eq 0 ]
	[ "$(events restart)" -eq 1 ]
	# Announced before it was sent, as each act is.
	grep -q '"event":"power-act".*"act":"restart by shell"' \
		"$records"/runs/*/journal.jsonl
}

@test "restart gently: without a shell, the power button does it" {
	up acpi
	sed -i '/^\[shell\]/,/^port/s/^port .*/port = 1/' \
		"$LAB_CONFIG/hosts.d/translations.ini"
	restarts 'restart gently' 'note "no ssh here"'
	recovered_and_recorded
	said_in_order 'restart by shell is left out' 'restart by soft' \
		'restarted by soft (rung 2 of 5): off seen twice'
	[ "$(acts 'set shutdown 1')" -eq 1 ]
	[ "$(acts 'set power 0')" -eq 0 ]
	[ "$(boots)" -eq 2 ]
}

@test "restart: a command in vain, a button that is ignored; sysrq does it" {
	up normal
	restarts 'restart shell "true" 5s soft 5s sysrq 1m cycle'
	recovered_and_recorded
	said_in_order 'restart by shell did not work: no proof of it within 5s' \
		'restart by soft did not work: soft was acknowledged, but' \
		'restarted by sysrq (rung 3 of 4)'
	[ "$(acts 'set power 0')" -eq 0 ]
	[ "$(acts 'set reset')" -eq 0 ]
	[ "$(boots)" -eq 2 ]
	grep -aq 'sysrq: Emergency Sync' "$LAB_TRUTH"
}

@test "restart: a host that hangs is reset, and the console proves it" {
	lab_up panic,normal
	host translations
	wait_for 60 machine_has_written "end Kernel panic"
	restarts 'restart sysrq 20s reset 1m cycle'
	recovered_and_recorded
	said_in_order 'restart by reset' 'restarted by reset'
	[ "$(acts 'set reset')" -eq 1 ]
	[ "$(acts 'set power 0')" -eq 0 ]
}

@test "restart gently: where nothing gentle works, it is off and on again" {
	lab_up silent,normal
	host translations
	wait_for 60 machine_has_written "Waiting for device"
	restarts 'restart soft 5s cycle'
	recovered_and_recorded
	said_in_order 'restarted by cycle (rung 2 of 2): off seen twice'
}

@test "stop gently: the shell does it, and off is seen" {
	up normal
	cat >"$LAB_CONFIG/sequences.d/halt.ini" <<-END
	[sequence]
	needs = power shell
	deadline = 20m
	start = halt
	[state halt]
	do = stop gently
	then = recovered "it is off"
	END
	run timeout 100 "$rhands" run halt translations --config "$LAB_CONFIG" \
		--records "$records"
	said=$output
	echo "$said"
	[ "$status" -eq 0 ]
	said_in_order 'stopped by shell (rung 1 of 4): was off already, read twice'
	[ "$(acts 'set')" -eq 0 ]
	[[ $("$here/lab" power "$dir" status) == *off* ]]
}
