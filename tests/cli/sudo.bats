#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# policy.ini behind the real sudo, with the line for sudoers and the policy that
# rhands(1) shows. Root starts it: in a name space of its own, with users, a
# sudoers and an installed configuration that this machine never sees.

load cli-lib.bash

page=$BATS_TEST_DIRNAME/../../man/rhands.1

setup() {
	[ "$(id -u)" -eq 0 ] || skip "sudo has to be root's, and so has this test"
	command -v sudo >/dev/null || skip "sudo is not installed"
	unshare -m true 2>/dev/null || skip "no mount name space may be made here"
	world=$(mktemp -d)
	chmod 755 "$world"
	umask 022
	answers_pid=
	installed=$("$rhands" hosts --help | sed -n 's/.*configuration (default \(.*\))/\1/p')
	[[ $installed = /* ]]
	install -m 755 "$rhands" "$world/rhands"
	users
	site
}

teardown() {
	[ -z "$answers_pid" ] || kill "$answers_pid"
	[ -z "$world" ] || rm -rf "$world"
}

# A copy of /etc with three people and the user of rhands.
users() {
	local etc=$world/etc
	mkdir -p "$etc" "$world/home"
	cp -a /etc/pam.d /etc/security /etc/nsswitch.conf /etc/login.defs /etc/alternatives \
		/etc/ld.so.* /etc/sudo.conf /etc/hosts "$etc/" 2>/dev/null || true
	cp /etc/passwd /etc/group "$etc/"
	: >"$etc/shadow"
	while read -r name id; do
		echo "$name:x:$id:$id::$world/home:/bin/sh" >>"$etc/passwd"
		echo "$name:x:$id:" >>"$etc/group"
		echo "$name:*:19000:0:99999:7:::" >>"$etc/shadow"
	done <<-END
		alice 4101
		bob 4102
		carol 4103
		rhands 4100
	END
	echo 'root:*:19000:0:99999:7:::' >>"$etc/shadow"
	printf 'listmasters:x:4201:alice\noncall:x:4202:carol\n' >>"$etc/group"
	# as the page says, but for where the program is
	sed -n 's/^\(%listmasters.*NOPASSWD:\) .*/\1/p' "$page" >"$world/line"
	[ "$(wc -l <"$world/line")" -eq 1 ]
	echo "$(cat "$world/line") $world/rhands" >"$etc/sudoers"
	chmod 440 "$etc/sudoers"
}

# The policy of the page, and hosts that a program switches.
site() {
	config=$world/config/$(basename "$installed")
	mkdir -p "$config"/{hosts.d,sequences.d} "$world/state"
	chown 4100:4100 "$world/state"
	chmod 700 "$world/state"
	acts=$world/state/acts
	printf '#!/bin/sh\necho "$1 $2" >>%s\n' "$acts" >"$world/act"
	chmod 755 "$world/act"
	for name in mail1 ldap1; do
		cat >"$config/hosts.d/$name.ini" <<-END
			[host]
			recover = nap
			address = 127.0.0.1
			[power]
			driver = exec
			on = $world/act $name on
			off = $world/act $name off
			reset = $world/act $name reset
			status = /bin/echo on
			status-on = on
			status-off = off
			confirm = 5s
		END
	done
	nap
	printf '[agent]\nrecords = %s/state/records\n' "$world" >"$config/rhands.ini"
	sed -n '/^; policy.ini/,/^verbs = all/p' "$page" >"$config/policy.ini"
	grep -q '^\[policy on-call\]' "$config/policy.ini"
}

# inside COMMAND...: in the name space.
inside() {
	run unshare -m sh -c '
		mount --make-rprivate / &&
		mount --bind "$1/etc" /etc &&
		mkdir -p "$(dirname "$2")" &&
		mount --bind "$1/config" "$(dirname "$2")" || exit 99
		shift 2
		"$@" </dev/null' sh "$world" "$installed" "$@"
	echo "$*: $status $output"
	[ "$status" -ne 99 ]
}

# as USER WORD...: that user, by sudo.
as() {
	by "$1" sudo -n -u rhands "$world/rhands" "${@:2}"
}

# by USER COMMAND...: that user.
by() {
	inside setpriv --reuid "$1" --regid "$1" --init-groups env -i PATH="$PATH" "${@:2}"
}

acted() {
	[ "$(cat "$acts" 2>/dev/null)" = "$1" ]
}

@test "sudo: the keeper of the lists reads the logs of the mail host and restarts it" {
	as alice recover mail1
	status_is 0
	as alice power mail1 reset
	says 'reset accepted'
	acted 'mail1 reset'
	as alice runs
	status_is 0
	says -mail1-nap-
	as alice show last
	status_is 0
	says 'by         alice as rhands on'
	[ "$(cat "$world"/state/records/runs/*/run.json | jq -r '"\(.caller) \(.user)"' | sort -u)" = \
		'alice rhands' ]
}

@test "sudo: and nothing else" {
	as carol recover ldap1
	status_is 0
	ldap=$(basename "$world"/state/records/runs/*-ldap1-*)
	for words in 'recover ldap1' 'power ldap1 reset' 'power mail1 off' 'power mail1 on' \
		'power mail1 reset --override x' 'run nap mail1' 'console mail1' 'shell mail1 -- id' \
		'check' 'test x' 'maintain x' 'fence -o off -n mail1' "learn $ldap" "show $ldap" \
		"report $ldap" "replay $ldap" "cancel $ldap" "wait $ldap" 'recover all ldap1' \
		"runs --records $world" "runs --config $world/config" \
		"show $world/state/records/runs/$ldap"; do
		# shellcheck disable=SC2086
		as alice $words
		says 'refused by policy: alice may not'
		[ "$status" -ne 0 ]
	done
	[ ! -e "$acts" ]
	as alice runs
	says_not "$ldap"
	as alice recover @all
	status_is 0
	[ "$(ls "$world/state/records/runs" | grep -c ldap1)" -eq 1 ]
}

@test "sudo: who is in no rule, or not in sudoers" {
	as bob runs
	[ "$status" -ne 0 ]
	says_not 'refused by policy'
	[ ! -e "$world/state/records" ]
	sed -i 's/^%listmasters, %oncall/ALL/' "$world/etc/sudoers"
	as bob runs
	status_is 6
	says 'refused by policy: bob may not use runs'
	as carol power ldap1 reset
	says 'reset accepted'
}

@test "sudo: nobody is somebody else by what is in the environment" {
	for set in SUDO_UID=0 SUDO_UID=4100 SUDO_UID=4103 'SUDO_UID=0 SUDO_USER=root SUDO_GID=0' \
		XDG_STATE_HOME="$world" RHANDS_CONFIG="$world"; do
		# shellcheck disable=SC2086
		by alice env $set sudo -n -u rhands "$world/rhands" recover ldap1
		status_is 6
		says 'alice may not use recover on ldap1'
		# shellcheck disable=SC2086
		by alice sudo -n -u rhands $set "$world/rhands" recover ldap1
		[ "$status" -ne 0 ]
		says 'not allowed to set'
	done
	by alice env SUDO_UID=0 sudo -n -E -u rhands "$world/rhands" recover ldap1
	[ "$status" -ne 0 ]
	by alice sudo -n -u rhands env SUDO_UID=0 "$world/rhands" recover ldap1
	[ "$status" -ne 0 ]
	by alice sudo -n "$world/rhands" recover ldap1
	[ "$status" -ne 0 ]
	[ ! -e "$world/state/records" ]
}

@test "sudo: without it the variable gives nothing that the system does not" {
	as carol recover ldap1
	for set in A=b SUDO_UID=0 SUDO_UID=4100; do
		by alice env "$set" HOME="$world/home" "$world/rhands" recover ldap1
		[ "$status" -ne 0 ]
		by alice env "$set" HOME="$world/home" "$world/rhands" show last
		[ "$status" -ne 0 ]
		says_not ldap1
	done
}

@test "sudo: an administrator who became root by it needs a rule, too" {
	echo 'bob ALL = (root) NOPASSWD: ALL' >>"$world/etc/sudoers"
	by bob sudo -n "$world/rhands" recover ldap1
	status_is 6
	says 'refused by policy: bob may not use recover'
}
