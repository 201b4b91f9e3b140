#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Signals, and processes that die or hang: the run's, and those of its hands.

load bad-luck-lib

attached_sequence() {
	saying_machine
	up "$BATS_TEST_TMPDIR/say" "$@"
	watch_sequence 60s
	begin run watch ldap1
	wait_for 10 has_event console-up
}

# An attach that follows must not have to wait for the BMC to forget.
attaches_at_once() {
	begin run watch ldap1
	wait_for 10 has_event console-up
	say "it says go"
	finish
	status_is 0
	[ "$(jq 'select(.event == "console-up").at_ms' "$(record)/journal.jsonl")" -lt 2000 ]
	[ -z "$(events console-error)" ]
}

# A BMC that takes two seconds for each command about power.
slow_bmc() {
	sed -i '/^\[power\]/a retransmit = 5s' "$config/hosts.d/ldap1.ini"
	"$lab" chassis "$dir" slow 2
}

@test "SIGINT and SIGTERM: cancelled, recorded, SOL given back at once" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	watch_sequence 60s
	for signal in INT TERM; do
		env --default-signal=INT "$rhands" run watch ldap1 --config "$config" \
			--records "$records" >"$BATS_TEST_TMPDIR/run.out" 2>&1 3>&- &
		run_pid=$!
		pids+=("$run_pid")
		wait_for 10 has_event console-up
		mapfile -t hands < <(hands_of "$run_pid")
		[ "${#hands[@]}" -ge 1 ]
		SECONDS=0
		kill -"$signal" "$run_pid"
		finish
		status_is 130
		[ "$SECONDS" -le 2 ]
		says "cancelled by SIG$signal"
		gone "${hands[@]}"
		[ "$(verdict)" = unknown ]
		[ "$(jq .exit "$(record)/run.json")" = 130 ]
		[ "$(jq -r .code "$(record)/run.json")" = cancelled ]
		# Another client gets the console, without stealing it.
		"$BATS_TEST_DIRNAME/sol" "$dir" 5 ''
		rm -rf "$records"
	done
	attaches_at_once
}

@test "SIGTERM in the middle of a power action says so" {
	up cat
	slow_bmc
	begin power ldap1 off
	wait_for 15 has_event power-act
	kill -TERM "$run_pid"
	finish
	status_is 130
	says "in the middle of a power action"
	[ "$(verdict)" = unknown ]
}

@test "SIGKILL of the run: hands are gone, SOL is given back" {
	attached_sequence
	mapfile -t hands < <(hands_of "$run_pid")
	kill -KILL "$run_pid"
	wait_for 2 gone "${hands[@]}"
	rm "$records/locks/ldap1.console"
	attaches_at_once
	says "was killed; it had sent no power action"
}

@test "SIGKILL of the run before, in and after an act: the next one knows" {
	up cat
	slow_bmc
	begin power ldap1 off
	wait_for 10 has_event begin
	"$lab" chassis "$dir" none
	kill -KILL "$run_pid"
	run rh power ldap1 on
	status_is 0
	says "was killed; it had sent no power action"

	"$lab" chassis "$dir" slow 2
	rm -rf "$records/runs"
	begin power ldap1 off
	wait_for 15 has_event power-act
	kill -KILL "$run_pid"
	"$lab" chassis "$dir" none
	before=$(all_acts)
	run rh power ldap1 on --json
	status_is 0
	first=$(jq -sr '[.[] | select(.event == "earlier-run" or .event == "power-read" or
		.event == "power-act") | .event] | join(" ")' <<<"$output")
	[[ $first = "earlier-run power-read"* ]]
	[[ $output = *"it may have sent power off at 20"* ]]
	[[ $output = *"the state is read first"* ]]

	"$lab" chassis "$dir" late 2
	rm -rf "$records/runs"
	begin power ldap1 off
	wait_for 15 has_event power-acked
	killed=$(basename "$(record)")
	kill -KILL "$run_pid"
	"$lab" chassis "$dir" none
	run rh power ldap1 off
	status_is 0
	says "run $killed was killed"
	says "acknowledged but not confirmed"
	[ "$(jq -r '.verdict + " " + .found_by' "$records/runs/$killed/run.json")" = \
		"unknown $(basename "$(record)")" ]

	sequence on-and-wait <<-'END'
		[sequence]
		summary = On, then wait
		needs = power
		deadline = 2m
		start = on
		[state on]
		do = power on, wait 90s
		then = failed "nobody killed it"
	END
	"$lab" power "$dir" off
	begin run on-and-wait ldap1
	wait_for 15 has_event power
	kill -KILL "$run_pid"
	wait "$run_pid" || true
	run rh power ldap1 on
	status_is 0
	says "its last power action, on at 20"
	says "was confirmed"
}

@test "the console hand is killed: opened anew, with a gap" {
	attached_sequence
	kill -KILL "$(console_hand "$run_pid")"
	wait_for 15 has_event console-back
	say "it says go"
	finish
	status_is 0
	[ -n "$(events console-lost)" ]
	[ -n "$(events hand-ended)" ]
	grep -q '"m", "gap' "$(record)/console.cast"
}

@test "the console hand hangs: killed for giving no sign of life" {
	attached_sequence
	hand=$(console_hand "$run_pid")
	kill -STOP "$hand"
	wait_for 8 gone "$hand"
	wait_for 15 has_event console-back
	say "it says go"
	finish
	status_is 0
	[[ "$(events hand-ended .text)" = *"no sign of life"* ]]
}

@test "a console hand that hangs at the end does not hold the run up" {
	attached_sequence
	hand=$(console_hand "$run_pid")
	kill -STOP "$hand"
	SECONDS=0
	kill -TERM "$run_pid"
	finish
	status_is 130
	[ "$SECONDS" -le 3 ]
	gone "$hand"
	# The BMC still holds that session: it is ours, and taken back.
	[ -e "$records/locks/ldap1.console" ]
	cp "$records/locks/ldap1.console" "$BATS_TEST_TMPDIR/mark"
	# A mark of another boot proves nothing; the wall clock does not matter.
	sed -i 's/^[0-9a-f]*-/00000000-/' "$records/locks/ldap1.console"
	run rh run watch ldap1
	status_is 5
	cp "$BATS_TEST_TMPDIR/mark" "$records/locks/ldap1.console"
	touch -d '2 hours ago' "$records/locks/ldap1.console"
	begin run watch ldap1
	wait_for 10 has_event console-up
	say "it says go"
	finish
	status_is 0
}

@test "the power hand is killed or hangs in the middle: the run goes on" {
	up cat
	sed -i 's/^confirm = 5s/confirm = 40s/' "$config/hosts.d/ldap1.ini"
	for how in KILL STOP; do
		"$lab" power "$dir" on
		"$lab" chassis "$dir" late 2
		rm -rf "$records"
		begin power ldap1 off
		wait_for 10 has_event power-acked
		hand=$(power_hand "$run_pid")
		kill -"$how" "$hand"
		finish
		status_is 0
		says "off seen twice"
		gone "$hand"
		"$lab" chassis "$dir" none
	done
	[ "$(acts set power 0)" -eq 2 ]
}

@test "a run that is stopped and goes on again" {
	attached_sequence
	kill -STOP "$run_pid"
	say "some more"
	wait_for 3 log_says "$dir/truth.log" "some more"
	kill -CONT "$run_pid"
	say "it says go"
	finish
	status_is 0
}
