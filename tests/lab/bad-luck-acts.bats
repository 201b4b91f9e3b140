#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The acts that can't be seen or that a machine may ignore, and what the journal
# says before each.

load bad-luck-lib

@test "a reset can't be seen: it is done once, and unknown" {
	up cat
	run rh power ldap1 reset
	status_is 4
	[ "$(verdict)" = unknown ]
	[ "$(acts set reset 1)" -eq 1 ]
	"$lab" power "$dir" off
	run rh power ldap1 reset
	[ "$(acts set reset 1)" -eq 1 ]
}

@test "diag, where the BMC has none: not done, said so" {
	up cat
	run rh power ldap1 diag
	[ "$status" -ne 0 ]
	says "diag"
	[ "$(all_acts)" -eq 0 ]
}

@test "soft: a machine that heeds it is off; one that does not is not shot" {
	machine polite <<-'END'
		#!/bin/sh
		trap 'exit 0' TERM
		while :; do sleep 0.1; done
	END
	machine deaf <<-'END'
		#!/bin/sh
		trap '' TERM
		while :; do sleep 0.1; done
	END
	up "$BATS_TEST_TMPDIR/polite"
	run rh power ldap1 soft
	status_is 0
	says "off seen twice"
	[ "$(acts set shutdown 1)" -eq 1 ]
	"$lab" down "$dir"
	up "$BATS_TEST_TMPDIR/deaf"
	run rh power ldap1 soft
	status_is 1
	[ "$("$lab" power "$dir" status)" = on ]
	[ "$(acts set power 0)" -eq 0 ]
}

@test "each act is in the journal, on the disk, before it is sent" {
	up cat
	sed -i '/^\[power\]/a retransmit = 5s' "$config/hosts.d/ldap1.ini"
	"$lab" chassis "$dir" slow 1
	begin power ldap1 off
	wait_for 10 has_event power-act
	sent=$(acts set power 0)
	acked=$(events power-acked)
	finish
	status_is 0
	# It was read there while the BMC had not answered.
	[ -z "$acked" ]
	[ "$sent" -le 1 ]
	journal=$(events power-act '.time')
	[ "$(wc -l <<<"$journal")" -eq 1 ]
	journal=$(date -d "${journal//\"/}" +%s.%N)
	log=$(grep ' set power 0$' "$dir/chassis.log" | cut -d' ' -f1)
	[ "$(echo "$journal <= $log" | bc -l 2>/dev/null || awk "BEGIN { print ($journal <= $log) }")" = 1 ]
}

@test "several hosts: one that fails does not keep the others back" {
	up cat
	sed "s/^port .*/port = 1/; s/^summary.*/summary = dead/" \
		"$config/hosts.d/ldap1.ini" >"$config/hosts.d/dead1.ini"
	run rh power dead1 ldap1 off
	status_is 4
	says "dead1"
	[ "$("$lab" power "$dir" status)" = off ]
}
