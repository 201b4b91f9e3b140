#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A host whose only way to the power is a person: the run ends with the words to
# say to that person, as one instruction, and claims nothing.

load cli-lib.bash

old9() {
	cat >"$config/hosts.d/old9.ini" <<-END
		[host]
		summary = no BMC
		[power]
		driver = manual
		place = rack 3, unit 12
		box = old9
		plug = B7
	END
}

@test "manual: a power cycle is one instruction, exit 3" {
	old9
	run "$rhands" power old9 cycle --config "$config" --records "$records"
	echo "$output"
	[ "$status" -eq 3 ]
	[[ "$output" == *'needs-hands after '*'go to rack 3, unit 12, box "old9": pull plug B7, wait 10s, put it back'* ]]
	[ "$(jq -r .verdict "$records"/runs/*/run.json)" = needs-hands ]
	[ "$(jq -r .code "$records"/runs/*/run.json)" = needs-hands ]
}

@test "manual: behind a power strip that fails, the person is the last way" {
	cat >"$config/hosts.d/old9.ini" <<-END
		[host]
		summary = a power strip that nobody trusts
		[power]
		driver = exec
		off = /nonexistent/strip off
		on = /nonexistent/strip on
		[power hand]
		driver = manual
		place = rack 3, unit 12
		box = old9
		plug = B7
	END
	run timeout 60 "$rhands" power old9 off --config "$config" --records "$records"
	echo "$output"
	[ "$status" -eq 3 ]
	[[ "$output" == *"/nonexistent/strip"*"trying the next way"* ]]
	[[ "$output" == *"pull plug B7 and leave it out"* ]]
}
