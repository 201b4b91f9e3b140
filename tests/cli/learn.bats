#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A run on the host that does not exist, learned: a twin of a twin, in seconds and
# without a lab. What a real console does is in tests/lab/learn.bats.

bats_require_minimum_version 1.5.0
load cli-lib.bash

tree=$BATS_TEST_DIRNAME/../..

demo() {
	mkdir -p "$config/twins.d"
	rm -f "$config"/hosts.d/*
	cp "$tree/hosts.d/demo.ini" "$config/hosts.d/"
	cp "$tree/sequences.d/demo.ini" "$config/sequences.d/"
	cp "$tree/twins.d/demo.ini" "$config/twins.d/"
	chmod -R u=rwX,go= "$config"
	"$rhands" recover demo --config "$config" --records "$records"
}

rehearse() {
	run --separate-stderr "$rhands" rehearse "$@" --config "$config" \
		--records "$records"
	echo "$output"
	echo "$stderr"
}

learn() {
	run --separate-stderr "$rhands" learn "$@" --config "$config" \
		--records "$records"
	echo "$stderr"
}

@test "learn: the sequence does what it did; changed, it is said where not" {
	demo
	learn last
	[ "$status" -eq 0 ]
	[[ "$output" == *"; run:      "*"-demo-demo-"* ]]
	[[ "$output" == *$'\n[state off]\npower    = off\n'* ]]
	rehearse demo --record last
	[ "$status" -eq 0 ]
	[[ "$output" == *"demo does what it did in "*" steps, recovered" ]]

	sed -i 's/key y/key n/' "$config/sequences.d/demo.ini"
	rehearse demo --record last
	[ "$status" -eq 1 ]
	[[ "${lines[1]}" == *"the record "*"types y" ]]
	[[ "${lines[2]}" == *"now "*"types n" ]]
	rehearse demo --record last --json
	[ "$status" -eq 1 ]
	[ "$(jq -r '.same, .recorded.text, .now.text' <<<"$output")" = $'false\ny\nn' ]
	[[ "$(jq -r .file <<<"$output")" == */sequences.d/demo.ini ]]
	[ "$(jq .line <<<"$output")" -gt 1 ]
}

@test "learn: what the run never asked is named as the cause" {
	demo
	sed -i 's/check tcp 389 send/check tcp 22, check tcp 389 send/' \
		"$config/sequences.d/demo.ini"
	rehearse demo --record last
	[ "$status" -eq 1 ]
	[[ "$output" == *"now "*"ends with needs-hands"* ]]
	[[ "$output" == *"since "*"tcp 22: connection refused"* ]]
	[[ "$output" == *"no others)"* ]]
	rehearse demo --record last --json
	[ "$(jq -r .why <<<"$output")" = "tcp 22: connection refused" ]
}

@test "learn: a run that touched nothing" {
	demo
	demo
	learn last
	[ "$status" -eq 0 ]
	[[ "$output" == *"healthy  = yes"* ]]
	rehearse demo --record last
	[ "$status" -eq 0 ]
	[[ "$output" == *": 1 step, recovered" ]]
}

@test "learn: a twin by its path" {
	demo
	learn last
	echo "$output" >"$BATS_TEST_TMPDIR/learned.ini"
	rehearse demo --twin "$BATS_TEST_TMPDIR/learned.ini" --host demo --faults none \
		--seeds 1
	[ "$status" -eq 0 ]
	[[ "$output" == *"The oracle has no complaint."* ]]
	rehearse demo --twin "$BATS_TEST_TMPDIR/none.ini"
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"there is no twin "*"none.ini"* ]]
}

@test "learn: what can't be is said" {
	demo
	rehearse demo --record last --seeds 5
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"--record goes with --host alone"* ]]
	rehearse demo --record nothing
	[ "$status" -eq 2 ]
	[[ "$stderr" == *'no run "nothing"'* ]]
	learn
	[ "$status" -eq 2 ]
	echo '{"version": 1, "verdict": null}' >"$(echo "$records"/runs/*)/run.json"
	learn last
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ "$stderr" == *"no verdict: it was killed, or is going on"* ]]
	rehearse demo --record last
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"no verdict: it was killed, or is going on"* ]]
	rm -r "$records"
	"$rhands" recover demo --config "$config" --records "$records"
	rm "$config/hosts.d/demo.ini"
	rehearse demo --record last
	[ "$status" -eq 2 ]
	[[ "$stderr" == *'"demo"'* ]]
}

@test "learn: a secret that a sequence spells out is in no list of keys" {
	demo
	echo sesame42 >"$BATS_TEST_TMPDIR/secret"
	chmod 600 "$BATS_TEST_TMPDIR/secret"
	printf '[secrets]\nroot-password = @file:%s\n' "$BATS_TEST_TMPDIR/secret" \
		>>"$config/hosts.d/demo.ini"
	cat >"$config/twins.d/demo.ini" <<-'END'
		[twin]
		start = ask
		on = ask
		off = off
		[state off]
		power = off
		[state ask]
		secret = yes
		do = wait 1s, print "Password: "
		on = /\r/ -> shell
		[state shell]
		echo = yes
		do = print "\r\n# "
		on = "\r" -> up
		[state up]
		healthy = yes
		open = 389
		do = print "\r\nup: "
	END
	cat >"$config/sequences.d/demo.ini" <<-'END'
		[sequence]
		summary = Log in
		needs = console
		deadline = 1m
		start = look
		[state look]
		timeout = 20s -> failed "nothing"
		on = /^Password: $/ max 1 : secret root-password
		on = /^# $/ max 1 : enter "sesame42"
		on = /^up: $/ -> up
		[state up]
		do = check tcp 389
		then = recovered
	END
	rm -r "$records"
	"$rhands" recover demo --config "$config" --records "$records"
	run jq -c 'select(.event == "typed") | [.text, (.keys | length)]' \
		"$records"/runs/*/journal.jsonl
	echo "$output"
	[ "${lines[0]}" = '["<secret:root-password> Enter",1]' ]
	[ "${lines[1]}" = '["\"<secret:root-password>\" Enter",0]' ]
	run ! grep -r sesame42 "$records/runs"
	learn last
	[ "$status" -eq 0 ]
	run ! grep -q sesame42 <<<"$output"
}
