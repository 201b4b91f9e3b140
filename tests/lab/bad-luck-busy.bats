#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody else is there already: at the console, or with a run on the host.

load bad-luck-lib

# Somebody at the console, in another window, until the test ends.
hold_console() {
	"$BATS_TEST_DIRNAME/sol" "$dir" 60 'never said' >/dev/null 2>&1 3>&- &
	pids+=($!)
	wait_for 10 test -e "$dir/sol.log"
	wait_for 10 log_says "$dir/sol.log" "SOL Session operational"
}

@test "a console that somebody else holds is not taken" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	hold_console
	sequence force <<-'END'
		[sequence]
		summary = Off and on
		needs = power console
		deadline = 1m
		start = cycle
		[state cycle]
		do = power cycle
		timeout = 20s -> failed "it did not say go"
		on = /go/ -> recovered
	END
	SECONDS=0
	run rh run force ldap1
	status_is 5
	says "nothing was done to ldap1"
	says "steal"
	[ "$(verdict)" = unknown ]
	[ "$(jq -r .code "$(record)/run.json")" = busy ]
	run rh console ldap1 </dev/null
	status_is 5
	says "steal"
	[ "$SECONDS" -le 10 ]
	[ "$(all_acts)" -eq 0 ]
	# The holder still sees what the machine says.
	say "still mine"
	wait_for 5 log_says "$dir/sol.log" "still mine"
	# With permission it is taken.
	sed -i '/^\[console\]/a steal = yes' "$config/hosts.d/ldap1.ini"
	watch_sequence
	begin run watch ldap1
	wait_for 10 has_event console-up
	say "it says go"
	finish
	status_is 0
}

@test "a second run on the host says who holds it, since when, and which run" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	watch_sequence
	begin run watch ldap1
	wait_for 10 has_event console-up
	id=$(basename "$(record)")
	for words in 'run watch ldap1' 'recover ldap1' 'power ldap1 off' \
		'console ldap1'; do
		run rh $words </dev/null
		status_is 5
		says "$(id -un)"
		says "rhands run, pid $run_pid"
		says "since 20"
		says "$id"
	done
	run rh status ldap1
	status_is 0
	says "on"
	says "held by $(id -un)"
	[ "$(rh status ldap1 --json | jq -r .held)" != null ]
	say "it says go"
	finish
	status_is 0
	[ "$(all_acts)" -eq 0 ]
	run rh status ldap1
	says_not "held"
}

@test "a console in use by rhands holds the host too" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	watch_sequence
	open_console
	wait_for 10 log_says "$BATS_TEST_TMPDIR/console.out" "attached"
	run rh run watch ldap1
	status_is 5
	says "rhands console, pid $console"
	kill -TERM "$console"
	status=0
	wait "$console" || status=$?
	status_is 130
	begin run watch ldap1
	wait_for 3 has_event console-up
	say "it says go"
	finish
	status_is 0
}
