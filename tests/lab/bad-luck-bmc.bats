#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A BMC that refuses us, does not answer, or dies under us.

load bad-luck-lib

# A sequence that would switch the host off at once.
force_sequence() {
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
}

@test "a wrong password stops at once, and touches nothing" {
	up cat
	force_sequence
	echo wrong >"$config/secrets/bmc"
	SECONDS=0
	run rh run force ldap1
	status_is 4
	says "password"
	says "nothing was done to ldap1"
	[ "$(verdict)" = unknown ]
	[ "$(jq -r .code "$(record)/run.json")" = auth ]
	[ "$(events console-error | wc -l)" -eq 1 ]
	run rh console ldap1 </dev/null
	status_is 4
	says "password"
	run rh power ldap1 off
	status_is 4
	says "password"
	run rh status ldap1
	status_is 4
	says "password"
	[ "$SECONDS" -le 20 ]
	[ "$(all_acts)" -eq 0 ]
	[ "$("$lab" power "$dir" status)" = on ]
	# Each of the four asked once, not again and again.
	[ "$(grep -ci 'authentication\|rakp\|password' "$dir/bmc.log")" -le 8 ]
}

@test "a password that is too long is found before 3 am" {
	up cat
	force_sequence
	echo 123456789012345678901 >"$config/secrets/bmc"
	run rh run force ldap1
	[ "$status" -eq 2 ] || [ "$status" -eq 4 ]
	says "20"
	[ "$(all_acts)" -eq 0 ]
}

@test "a BMC that does not answer: unknown, in a bounded time" {
	up cat
	force_sequence
	"$lab" bmc "$dir" stop
	SECONDS=0
	run rh power ldap1 off
	status_is 4
	says "no answer"
	[ "$SECONDS" -le 40 ]
	SECONDS=0
	run rh status ldap1
	status_is 4
	says "ldap1"
	says "unknown"
	[ "$SECONDS" -le 12 ]
	[ "$(verdict)" = unknown ]
	SECONDS=0
	run rh run force ldap1 --deadline 4s
	status_is 4
	says "without a console"
	[ "$SECONDS" -le 5 ]
	[ "$(all_acts)" -eq 0 ]
}

@test "a BMC that dies in the middle of SOL and comes back: the run goes on" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	sed -i '/^\[console\]/a lost-after = 3s' "$config/hosts.d/ldap1.ini"
	watch_sequence 50s
	begin run watch ldap1
	wait_for 10 has_event console-up
	say "before the gap"
	"$lab" bmc "$dir" kill
	wait_for 10 has_event console-lost
	"$lab" bmc "$dir" start
	wait_for 15 has_event console-back
	say "it says go"
	finish
	status_is 0
	[ "$(verdict)" = recovered ]
	grep -q '"m", "gap' "$(record)/console.cast"
}

@test "a BMC that stays dead: unknown by the deadline, plus a second" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	sed -i '/^\[console\]/a lost-after = 3s' "$config/hosts.d/ldap1.ini"
	watch_sequence 30s
	begin run watch ldap1 --deadline 9s
	wait_for 8 has_event console-up
	"$lab" bmc "$dir" kill
	finish
	status_is 4
	says "without a console"
	[ "$(verdict)" = unknown ]
	[ "$(jq .duration_ms "$(record)/run.json")" -le 10000 ]
	[ "$(jq .duration_ms "$(record)/run.json")" -ge 9000 ]
}

@test "a BMC that dies in the middle of a power action: read before anything" {
	up cat
	"$lab" chassis "$dir" late 3
	begin power ldap1 off
	wait_for 10 has_event power-acked
	"$lab" bmc "$dir" kill
	"$lab" bmc "$dir" start
	finish
	status_is 0
	says "off seen twice"
	[ "$(acts set power 0)" -eq 1 ]
}

@test "a password that is changed under us is tried twice, not for ever" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	sed -i '/^\[console\]/a lost-after = 3s' "$config/hosts.d/ldap1.ini"
	watch_sequence 50s
	begin run watch ldap1
	wait_for 10 has_event console-up
	"$lab" bmc "$dir" stop
	sed -i 's/"labpass"/"otherpass"/' "$dir/lan.conf"
	find "$dir/state" -name 'users*' -delete
	"$lab" bmc "$dir" start
	finish
	status_is 4
	says "password"
	[ "$(events console-error | wc -l)" -eq 2 ]
}
