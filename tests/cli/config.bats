#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Files that are wrong or that others can write: what is said, and that a broken
# file of one host never keeps hands from another.

load cli-lib

@test "a configuration that others can write to is refused" {
	good
	for path in "$config" "$config/hosts.d" "$config/hosts.d/ldap1.ini" \
		"$config/sequences.d"; do
		chmod o+w "$path"
		run rh recover ldap1
		status_is 2
		says "$path"
		says "chmod"
		run rh check
		status_is 2
		chmod o-w "$path"
	done
	[ ! -e "$records" ]
	run rh recover ldap1
	status_is 0
}

@test "a secret that others can read is refused" {
	good
	for mode in 644 640 604; do
		chmod "$mode" "$config/secrets/bmc"
		run rh check
		status_is 2
		says "$config/secrets/bmc"
		says "ldap1.ini:"
		says "chmod"
		run rh recover ldap1
		status_is 2
		says "nothing was done"
	done
	[ ! -e "$records" ]
}

@test "a secret file that is not there" {
	good
	rm "$config/secrets/bmc"
	run rh power ldap1 off
	status_is 2
	says "$config/secrets/bmc"
	says "No such file"
}

@test "all errors of all files in one go, at their lines" {
	good
	host nfs1 <<<"colour = red"
	host web1 <<<"terminal = vt999"
	host git1 <<<$'[power]\ndriver = imi'
	run rh check
	status_is 2
	says "nfs1.ini:18:"
	says "colour"
	says "web1.ini:18:"
	says "vt999"
	says "git1.ini:"
	says "errors"
	run --separate-stderr rh check
	[ "${#stderr_lines[@]}" -ge 3 ]
}

@test "the broken file of another host does not block a good one" {
	good
	echo "[nonsense" >"$config/hosts.d/nfs1.ini"
	run rh recover ldap1
	status_is 0
	says "rhands check"
	run --separate-stderr rh recover ldap1 --json
	status_is 0
	json_lines
	run rh recover nfs1
	status_is 2
	says "nfs1.ini:1:"
	says "nothing was done"
	run rh hosts
	status_is 0
	says "HAS ERRORS, see rhands check"
}

@test "a group with a broken host is not touched at all" {
	good
	host nfs1 <<<"colour = red"
	run rh power @all off
	status_is 2
	says "nfs1"
	says "nothing was done"
	[ ! -e "$records/runs" ]
}

@test "the status of a broken host says that it is broken" {
	good
	echo "[nonsense" >"$config/hosts.d/nfs1.ini"
	rm "$config/hosts.d/ldap1.ini"
	run rh status
	status_is 4
	says "nfs1"
	says "rhands check"
}

@test "a sequence with errors is not run, others are" {
	good
	cat >"$config/sequences.d/bad.ini" <<-'END'
		[sequence]
		summary = Bad
		start = nowhere
		[state a]
		do = fly
		then = recovered
	END
	run rh run bad ldap1
	status_is 2
	says "bad.ini:3:"
	says "bad.ini:5:"
	says "nothing was done"
	run rh run nap ldap1
	status_is 0
}

@test "a sequence that needs what the host lacks is not run" {
	good
	printf '[host]\nsummary = bare\n' >"$config/hosts.d/bare.ini"
	cat >"$config/sequences.d/off.ini" <<-'END'
		[sequence]
		summary = Off
		needs = power
		start = a
		deadline = 5m
		[state a]
		do = power off
		then = recovered "it is off"
	END
	run rh run off bare
	status_is 2
	says "power"
	says "nothing was done"
	run rh power bare off
	status_is 2
	says "bare has no [power] in $config/hosts.d/bare.ini"
	run rh console bare
	status_is 2
	says "bare has no [console]"
	run rh recover bare
	status_is 2
	says 'add "recover = SEQUENCE" to [host]'
	run rh status bare
	status_is 4
	says "no [power]"
	[ ! -e "$records/runs" ]
}

@test "a host whose sequence does not exist is found by check" {
	good
	rm "$config/sequences.d/nap.ini"
	run rh check
	status_is 2
	says "ldap1.ini:5:"
	says "nap"
	run rh recover ldap1
	status_is 2
	says "nap"
}

@test "a directory, a fifo and an empty file as a host" {
	good
	mkdir "$config/hosts.d/dir.ini"
	mkfifo "$config/hosts.d/fifo.ini"
	: >"$config/hosts.d/empty.ini"
	run timeout 10 "$rhands" check --config "$config"
	[ "$status" -ne 124 ]
	run timeout 10 "$rhands" recover ldap1 --config "$config" --records "$records"
	status_is 0
}

@test "recover on a group wants one host" {
	good
	host nfs1 </dev/null
	run rh recover @all
	status_is 2
	says "2 hosts"
	run rh console @all
	status_is 2
	says "one console at a time"
}
