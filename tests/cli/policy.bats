#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# policy.ini: who comes by sudo may do what a rule gives, and nothing else. sudo
# says who it is in SUDO_UID, which these tests set: 1 is daemon, 2 is bin.

load cli-lib.bash

site() {
	answers
	for name in mail1 mail2 ldap1; do
		host "$name" </dev/null
	done
	sed -i 's/^groups.*/groups = mail/' "$config"/hosts.d/mail?.ini
	nap
	printf '[agent]\nrecords = %s\n' "$records" >"$config/rhands.ini"
	cat >"$config/policy.ini" <<-END
		[policy mailing lists]
		who = daemon
		hosts = @mail
		verbs = runs show report replay recover hosts
		[policy one]
		who = nosuchuser %nosuchgroup daemon
		hosts = mail1
		verbs = sel
		[policy on call]
		who = %sys
		hosts = all
		verbs = all
	END
}

# as UID VERB...: by sudo, as that user; no --records.
as() {
	local uid=$1 verb=$2
	shift 2
	run env SUDO_UID="$uid" "$rhands" "$verb" --config "$config" "$@"
	echo "$uid $verb $*: $status $output"
}

refused() {
	status_is 6
	says "refused by policy: "
}

@test "a rule gives its verbs on its hosts, and nothing else" {
	site
	as 1 recover mail1
	status_is 0
	[ "$(jq -r .caller "$records"/runs/*/run.json)" = daemon ]
	as 1 recover ldap1
	refused
	says 'daemon may not use recover on ldap1'
	for words in 'power mail1 cycle' 'console mail1' 'shell mail1 -- id' 'run nap mail1' \
		'check' 'maintain x.ini' 'plan reboot mail1' 'test x.ini' 'learn last' 'drivers' \
		'rehearse nap' 'answer mail1 yes' 'cancel last' 'status mail1'; do
		# shellcheck disable=SC2086
		as 1 $words
		refused
	done
	as 1 sel mail2
	refused
	[ "$(find "$records/runs" -name run.json | wc -l)" -eq 1 ]
}

@test "all hosts are those that the caller may use; ranges don't reach further" {
	site
	as 1 hosts
	status_is 0
	says mail1
	says mail2
	says_not ldap1
	as 1 recover all
	status_is 0
	[ -z "$(find "$records/runs" -name '*ldap1*')" ]
	as 1 recover 'ldap[1-1]'
	[ "$status" -ne 0 ]
	[ -z "$(find "$records/runs" -name '*ldap1*')" ]
}

@test "records of other hosts are not seen, nor files of the caller's choice" {
	site
	rh recover mail1 >/dev/null
	rh recover ldap1 >/dev/null
	ldap=$(basename "$records"/runs/*-ldap1-*)
	mail=$(basename "$records"/runs/*-mail1-*)
	as 1 runs
	status_is 0
	says "$mail"
	says_not "$ldap"
	as 1 show "$mail"
	status_is 0
	for verb in show report replay; do
		as 1 "$verb" "$ldap"
		refused
		as 1 "$verb" "$records/runs/$mail"
		refused
	done
	as 1 report "$mail" --output "$BATS_TEST_TMPDIR/page.html"
	refused
	[ ! -e "$BATS_TEST_TMPDIR/page.html" ]
	as 1 show "$mail" --records "$BATS_TEST_TMPDIR/elsewhere"
	refused
}

@test "who is in no rule may do nothing, whatever sudo's word looks like" {
	site
	for uid in 2 65534 99999 -1 '' 0x0 4294967295 '1 ' 4294967296; do
		as "$uid" hosts
		refused
	done
}

@test "groups count, and a rule for all hosts and verbs is no limit" {
	site
	sed -i 's/%sys/%daemon/' "$config/policy.ini"
	as 1 recover ldap1
	status_is 0
	as 1 check
	[ "$status" -ne 6 ]
	as 1 runs --records "$records"
	status_is 0
}

@test "who comes without sudo, or by sudo from root, is not bound" {
	site
	rh recover ldap1 >/dev/null
	as 0 recover ldap1
	status_is 0
	jq -es 'all(.[]; has("caller") | not)' "$records"/runs/*/run.json
}

@test "a policy with errors, or that others can write to, stops what it can't judge" {
	site
	echo "verb = all" >>"$config/policy.ini"
	as 1 hosts
	status_is 2
	says 'policy.ini:13'
	says 'did you mean "verbs"'
	site
	chmod o+w "$config/policy.ini"
	as 1 hosts
	status_is 2
	rm "$config/policy.ini"
	site
	printf '[agent]\n' >"$config/rhands.ini"
	as 1 hosts
	status_is 2
	says 'rhands.ini has to say where records are'
}
