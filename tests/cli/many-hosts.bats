#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every verb that takes many hosts takes them by the same words, does no more than
# --parallel at once, exits with the worst, and says of each host what it says of one.

load cli-lib.bash

# rack: web1 to web4, whose power a program tells; it notes when it begins and ends.
rack() {
	local n

	cat >"$config/power" <<-END
		#!/bin/sh
		echo + >>"$BATS_TEST_TMPDIR/log"
		sleep 0.2
		echo - >>"$BATS_TEST_TMPDIR/log"
		echo on
	END
	chmod 700 "$config/power"
	for n in 1 2 3 4; do
		cat >"$config/hosts.d/web$n.ini" <<-END
			[host]
			groups = rack
			recover = nap
			[power]
			driver = exec
			on = /bin/true
			off = /bin/true
			status = $config/power
			status-on = on
			status-off = off
		END
	done
	cat >"$config/sequences.d/nap.ini" <<-'END'
		[sequence]
		start = nap
		needs = power
		deadline = 2m
		[state nap]
		do = power on
		then = needs-hands "go there"
	END
}

# on VERB [OPTION...] -- WORD...: the hosts that the JSON lines are about, sorted.
on() {
	local verb=$1 options=() before=() behind=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	[ "$verb" != run ] || before=(nap)
	[ "$verb" != power ] || behind=(status)
	[ "$verb" != act ] || { verb=power behind=(on); }
	status=0
	rh "$verb" --json "${options[@]}" "${before[@]}" "$@" "${behind[@]}" \
		</dev/null >"$BATS_TEST_TMPDIR/out" || status=$?
	jq -r .host "$BATS_TEST_TMPDIR/out" | sort -u | paste -sd' '
}

most_at_once() {
	awk '/^\+/ { n++; if (n > most) most = n } /^-/ { n-- } END { print most + 0 }' \
		"$BATS_TEST_TMPDIR/log"
}

verbs='status power act run recover doctor'

@test "many hosts: ranges, groups, all, and -x, in every verb" {
	local verb
	rack
	for verb in $verbs; do
		echo "$verb"
		[ "$(on $verb -- 'web[1-2]')" = 'web1 web2' ]
		[ "$(on $verb -- @rack)" = 'web1 web2 web3 web4' ]
		[ "$(on $verb -- all)" = 'web1 web2 web3 web4' ]
		[ "$(on $verb -x web2 -x 'web[3-4]' -- all)" = web1 ]
		[ -z "$(on $verb -- @nobody 2>/dev/null)" ]
	done
}

@test "many hosts: the worst is the exit status" {
	rack
	sed -i "s|$config/power|/bin/false|" "$config/hosts.d/web3.ini"
	on status -- all
	[ "$status" -eq 4 ]
	on power -- all
	[ "$status" -eq 4 ]
	on doctor -- all
	[ "$status" -eq 4 ]
	on status -x web3 -- all
	[ "$status" -eq 0 ]
	on doctor -x web3 -- all
	[ "$status" -eq 0 ]
	on run -x web3 -- all
	[ "$status" -eq 3 ]
}

@test "many hosts: no more than --parallel at once, in every verb" {
	local verb
	rack
	for verb in $verbs; do
		rm -f "$BATS_TEST_TMPDIR/log"
		[ "$(on $verb --parallel 1 -- all)" = 'web1 web2 web3 web4' ]
		echo "$verb: $(most_at_once)"
		[ "$(most_at_once)" -eq 1 ]
		rm -f "$BATS_TEST_TMPDIR/log"
		on $verb -- all
		echo "$verb: $(most_at_once)"
		[ "$(most_at_once)" -gt 1 ]
		run rh $verb --parallel 0 all
		status_is 2
	done
}

@test "many hosts: power status refuses what it would not do" {
	local option
	rack
	for option in '--reason x' '--request-id x' '--override x' '--deadline 1m' --no-wait; do
		# shellcheck disable=SC2086
		run rh power web1 status $option
		status_is 2
		says "${option%% *}: power status begins no run; of these options it takes --parallel only"
	done
}

@test "many hosts: what is equal is folded" {
	rack
	sed -i "s|$config/power|/bin/false|" "$config/hosts.d/web3.ini"
	run rh status all
	says 'web[1-2,4]       on       (exec)'
	run rh doctor all
	says 'web[1-2,4]  power  exec    ok'
	says 'web3        power  exec    FAIL'
	run rh recover all -x web3
	says '3 needs-hands web[1-2,4]: go there'
}
