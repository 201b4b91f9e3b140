#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The order of hosts that need each other.

load cli-lib.bash

# needs HOST [NEED...]
needs() {
	local name=$1
	shift
	printf '[host]\nsummary = x\naddress = 127.0.0.1\nneeds = %s\n[power]\ndriver = manual\nplace = rack 1\nbox = %s\n' \
		"$*" "$name" >"$config/hosts.d/$name.ini"
	[ $# -gt 0 ] || sed -i '/^needs/d' "$config/hosts.d/$name.ini"
}

# The machines of the 2010 maintenance.
machines() {
	needs nfs1
	needs ldap1 nfs1
	needs web1 ldap1 nfs1
	needs web2 ldap1
	needs git1 ldap1
	needs bugzilla git1
	needs lonely
}

plan() {
	run rh plan "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "plan reboot: what others depend on comes last" {
	machines
	plan reboot all
	[ "$output" = "  1     4 hosts  bugzilla,lonely,web[1-2]
  2     1 host   git1
  3     1 host   ldap1
  4     1 host   nfs1" ]
}

@test "plan start: the reverse, for a cold start" {
	machines
	plan start all
	[ "$output" = "  1     2 hosts  lonely,nfs1
  2     1 host   ldap1
  3     3 hosts  git1,web[1-2]
  4     1 host   bugzilla" ]
}

@test "plan: what is not meant still stands between those that are" {
	machines
	plan reboot bugzilla nfs1 lonely --json
	[ "$(jq -r '"\(.wave) \(.host)"' <<<"$output" | paste -sd,)" = \
		'1 bugzilla,1 lonely,2 nfs1' ]
}

@test "plan: a circle is shown, and is an error" {
	machines
	needs nfs1 bugzilla
	run rh plan reboot all
	status_is 2
	says 'these hosts need each other in a circle'
	[[ $output =~ (bugzilla|git1|ldap1|nfs1)\ -\>\ .*-\>\ (bugzilla|git1|ldap1|nfs1)\; ]]
	run rh plan start lonely
	status_is 0
}

@test "plan --dot is a graph" {
	machines
	plan start all --dot
	[[ $output == 'digraph "start" {'* ]]
	[[ $output == *'"nfs1" -> "ldap1";'* ]]
	plan reboot all --dot
	[[ $output == *'"ldap1" -> "nfs1";'* ]]
	! command -v dot >/dev/null || dot -Tsvg <<<"$output" >/dev/null
}

@test "plan: what is no order is said" {
	machines
	run rh plan stop all
	status_is 2
	says '"stop" is no order; expected reboot or start'
}
