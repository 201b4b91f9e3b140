#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Which hosts the words of the command line mean: names, ranges, groups, all, and
# what -x takes out.

load cli-lib.bash

rack() {
	local name

	for name in web1 web2 web3 db01 db02; do
		host "$name" </dev/null
	done
	sed -i 's/^groups.*/groups = databases/' "$config"/hosts.d/db0?.ini
}

# named WORD...: the hosts that `rhands hosts` lists for these words.
named() {
	run "$rhands" hosts --config "$config" --records "$records" "$@" --json
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(jq -r .host <<<"$output" | paste -sd' ')" = "$expected" ]
}

@test "hosts are named by ranges, groups and all" {
	rack
	expected='web1 web2 web3' named 'web[1-3]'
	expected='db02 web3 web1' named 'db[02]' 'web[3,1]'
	expected='db01 db02' named @databases
	expected='db01 db02 web1 web2 web3' named all
	expected='web2 db01 db02' named web2 @databases 'db[01-02]'
}

@test "@all are all, or the group that hosts are in" {
	rack
	sed -i 's/^groups.*/groups = web/' "$config"/hosts.d/web?.ini
	expected='db01 db02 web1 web2 web3' named @all
	sed -i 's/^groups.*/groups = all/' "$config"/hosts.d/db01.ini
	expected='db01' named @all
	expected='db01 db02 web1 web2 web3' named all
}

@test "hosts of a group stand in the order in which people count" {
	rack
	host web10 </dev/null
	sed -i 's/^groups.*/groups = web/' "$config"/hosts.d/web*.ini
	expected='web1 web2 web3 web10' named @web
	expected='web1 web3 web10' named -x web2 -x 'db[01-02]'
	run --separate-stderr "$rhands" status -x web10 -x 'db[01-02]' --config "$config" \
		--records "$records"
	[[ $output == 'web[1-3] '* ]]
}

@test "what a summary names is taken as it stands, commas and all" {
	rack
	expected='web1 web2 db01 web3' named 'web[1-2],db01,web3'
	expected='web1' named 'web[1,2],@databases' -x db01,web2,db02
	run -2 "$rhands" hosts web1,,web2 --config "$config"
	[[ $output == *'no host ""'* ]]
}

@test "-x takes hosts out again" {
	rack
	expected='web1 web3' named 'web[1-3]' -x web2
	expected='web1 web2 web3' named all -x @databases
	expected='db02' named -x 'web[1-3]' all -x db01
}

@test "ranges, groups and -x that mean nothing are refused" {
	rack
	run -2 "$rhands" hosts 'web[1-4]' --config "$config"
	[[ $output == *'no host "web4"'* ]]
	run -2 "$rhands" hosts 'web[1-' --config "$config"
	[[ $output == *'a [ without its ]'* ]]
	run -2 "$rhands" hosts web1 -x web1 --config "$config"
	[[ $output == *'no host is left behind -x'* ]]
	run -2 "$rhands" hosts all -x wep1 --config "$config"
	[[ $output == *'no host "wep1"'*'did you mean "web1"'* ]]
	run -2 "$rhands" hosts all --config "$config" -x
	[[ $output == *'a value is missing behind -x'* ]]
}
