#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Controllers that say one thing and do another, through `rhands power`. What was
# done to the machine is counted behind the BMC's back.

load bad-luck-lib

@test "status, off, on, cycle: seen, and done once each" {
	up cat
	run rh power ldap1 status
	status_is 0
	says "on"
	run rh power ldap1 off
	status_is 0
	says "off seen twice"
	[ "$("$lab" power "$dir" status)" = off ]
	run rh power ldap1 on
	status_is 0
	says "on seen twice"
	run rh power ldap1 cycle
	status_is 0
	says "off seen twice"
	says "on seen twice"
	[ "$(acts set power 0)" -eq 2 ]
	[ "$(acts set power 1)" -eq 2 ]
	run rh power ldap1 status --json
	[ "$(jq -r '.power + .driver' <<<"$output")" = onipmi ]
	says_not "recovered"
}

@test "what is so already is not done (P04)" {
	up cat
	run rh power ldap1 on
	status_is 0
	[ "$(all_acts)" -eq 0 ]
	"$lab" power "$dir" off
	run rh power ldap1 off
	status_is 0
	[ "$(all_acts)" -eq 0 ]
}

@test "a cycle of a host that is off is an on (P03)" {
	up cat --off
	run rh power ldap1 cycle
	status_is 0
	says "off"
	[ "$("$lab" power "$dir" status)" = on ]
	[ "$(acts set power 1)" -eq 1 ]
	[ "$(acts set power 0)" -eq 0 ]
}

@test "an act that comes ten seconds late is waited for, not repeated (P01)" {
	up cat
	sed -i 's/^confirm = 5s/confirm = 20s/' "$config/hosts.d/ldap1.ini"
	"$lab" chassis "$dir" late 10
	run rh power ldap1 off
	status_is 0
	says "off seen twice"
	[ "$("$lab" power "$dir" status)" = off ]
	[ "$(acts set power 0)" -eq 1 ]
}

@test "an act that was acknowledged and not done is done once more (P02)" {
	up cat
	"$lab" chassis "$dir" ignore 1
	run rh power ldap1 off
	status_is 0
	says "off seen twice"
	[ "$("$lab" power "$dir" status)" = off ]
	[ "$(acts set power 0)" -eq 2 ]
}

@test "an act that is never done: failed, after the second time (P02)" {
	up cat
	"$lab" chassis "$dir" ignore
	run rh power ldap1 off
	status_is 1
	says "acknowledged"
	[ "$(verdict)" = failed ]
	[ "$(acts set power 0)" -eq 2 ]
	[ "$("$lab" power "$dir" status)" = on ]
}

@test "a controller that refuses: failed, with what it said" {
	up cat
	"$lab" chassis "$dir" refuse
	run rh power ldap1 off
	[ "$status" -eq 1 ] || status_is 4
	[ "$("$lab" power "$dir" status)" = on ]
	[ "$(acts set power 0)" -le 2 ]
	"$lab" chassis "$dir" none
	run rh power ldap1 off
	status_is 0
}

@test "a power that comes back by itself is no off (P19)" {
	up cat
	"$lab" chassis "$dir" restore 1.5
	run rh power ldap1 off
	[ "$status" -ne 0 ]
	says "on"
	[ "$(acts set power 0)" -le 2 ]
}

@test "a status that can't be read: unknown, and done once at most" {
	up cat
	"$lab" chassis "$dir" blind
	run rh power ldap1 off
	status_is 4
	[ "$(verdict)" = unknown ]
	run rh power ldap1 status
	status_is 4
	says "unknown"
	[ "$(acts set power 0)" -le 1 ]
	[ "$(all_acts)" -le 1 ]
}

@test "a BMC that is slow at each command" {
	up cat
	"$lab" chassis "$dir" slow 0.6
	run rh power ldap1 off
	status_is 0
	[ "$(acts set power 0)" -eq 1 ]
}

@test "a BMC that is slower than our patience with a packet" {
	up cat
	"$lab" chassis "$dir" slow 2
	run rh power ldap1 status
	status_is 0
	[[ "$output" == *" on "* ]]
}
