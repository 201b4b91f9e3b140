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
	[ "$verb" = fence ] || set -- --config "$config" "$@"
	run env SUDO_UID="$uid" "$rhands" "$verb" "$@"
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
	run rh show last
	says "by         daemon as $(id -un) on"
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

# racks: the hosts are switched by a program, which writes down what it was told.
racks() {
	acts=$BATS_TEST_TMPDIR/acts
	: >"$acts"
	printf '#!/bin/sh\necho "$1 $2" >>%s\n' "$acts" >"$BATS_TEST_TMPDIR/act"
	chmod 700 "$BATS_TEST_TMPDIR/act"
	for name in mail1 mail2 ldap1; do
		cat >"$config/hosts.d/$name.ini" <<-END
			[host]
			address = 127.0.0.1
			groups = $(echo "$name" | tr -d 0-9) machines
			recover = nap
			[power]
			driver = exec
			on = $BATS_TEST_TMPDIR/act $name on
			off = $BATS_TEST_TMPDIR/act $name off
			reset = $BATS_TEST_TMPDIR/act $name reset
			status = /bin/echo on
			status-on = on
			confirm = 5s
			status-off = off
		END
	done
}

# The program went off to do it; that it happened, such hosts can't show.
reset() {
	status_is 4
	says 'reset accepted'
}

# words VERB HOST: a command line of each verb, about that host.
words() {
	local id
	id=$(basename "$(ls -d "$records"/runs/*-"$2"-nap-* | head -n 1)")
	case $1 in
	run) echo "nap $2" ;;
	power) echo "$2 reset" ;;
	identify) echo "$2 on" ;;
	shell) echo "$2 -- id" ;;
	answer) echo "$2 yes" ;;
	show | replay | report | wait | cancel | learn) echo "$id" ;;
	plan) echo "reboot $2" ;;
	maintain | test) echo "$config/x.ini" ;;
	rehearse | graph) echo nap ;;
	fence) echo "-o off -n $2 --config=$config" ;;
	check | hosts | runs | drivers) ;;
	*) echo "$2" ;;
	esac
}

every_verb() {
	"$rhands" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p'
}

@test "each verb on each host: what is given, and nothing else" {
	site
	racks
	for name in mail1 ldap1; do
		rh recover "$name" >/dev/null
	done
	given=' runs show report replay recover hosts wait '
	sed -i "s/^verbs = runs .*/verbs =$given power-reset/" "$config/policy.ini"
	[ "$(every_verb | wc -l)" -ge 26 ]
	for verb in $(every_verb); do
		for name in mail1 ldap1; do
			for uid in 1 2; do
				: >"$acts"
				before=$(find "$records/runs" -name run.json | wc -l)
				# shellcheck disable=SC2046
				as "$uid" "$verb" $(words "$verb" "$name") </dev/null
				may=no
				[[ $uid = 1 && $name = mail1 && "$given power sel " = *" $verb "* ]] && may=yes
				[[ $uid = 1 && $verb = @(hosts|runs) ]] && may=yes
				if [ "$may" = yes ]; then
					says_not 'refused by policy'
					[ "$status" -ne 6 ]
					says_not ldap1
					continue
				fi
				says 'refused by policy: '
				[ "$verb" = fence ] || status_is 6
				[ ! -s "$acts" ]
				[ "$(find "$records/runs" -name run.json | wc -l)" -eq "$before" ]
			done
		done
	done
}

@test "power is given act by act" {
	site
	racks
	sed -i 's/^verbs = runs .*/verbs = power-reset power-status/' "$config/policy.ini"
	as 1 power mail1 reset
	reset
	as 1 power mail1 status
	status_is 0
	for act in on off cycle soft diag; do
		as 1 power mail1 "$act"
		refused
		says "daemon may not use power-$act on mail1"
	done
	as 1 power all off
	[ "$status" -ne 0 ]
	[ "$(cat "$acts")" = 'mail1 reset' ]
	sed -i 's/^verbs = power-reset .*/verbs = power/' "$config/policy.ini"
	as 1 power mail1 off
	says_not 'refused by policy'
	grep -q 'mail1 off' "$acts"
}

@test "runs of these hosts alone are waited for, cancelled and answered" {
	site
	sed -i 's/^verbs = runs .*/verbs = wait cancel answer/' "$config/policy.ini"
	sed -i 's/wait 100ms/wait 50s/; s/deadline = .*/deadline = 2m/' "$config/sequences.d/nap.ini"
	mail=$(rh recover mail1 --no-wait)
	ldap=$(rh recover ldap1 --no-wait)
	for verb in wait cancel answer; do
		as 1 "$verb" "$ldap" </dev/null
		refused
		as 1 "$verb" "$records/runs/$mail" </dev/null
		refused
	done
	as 1 answer mail1 yes
	status_is 1
	as 1 answer ldap1 yes
	[ "$status" -ne 0 ]
	says_not 'asks nothing now'
	as 1 wait "$mail" --timeout 100ms
	status_is 4
	as 1 cancel "$mail"
	status_is 0
	rh cancel "$ldap"
}

@test "to go past the guard is a word of its own, which all on some hosts is not" {
	site
	racks
	sed -i 's/^verbs = runs .*/verbs = all/' "$config/policy.ini"
	as 1 power mail1 reset --override 'I say so' </dev/null
	refused
	says 'daemon may not use override on mail1'
	[ ! -s "$acts" ]
	sed -i 's/^verbs = all/verbs = power-reset override/' "$config/policy.ini"
	as 1 power mail1 reset --override 'I say so' </dev/null
	reset
	sed -i 's/^hosts = mail1/hosts = mail2/; s/^verbs = sel/verbs = override/
		s/ override$//' "$config/policy.ini"
	as 1 power mail1 mail2 reset --override 'I say so' </dev/null
	refused
	[ "$(wc -l <"$acts")" -eq 1 ]
}

@test "who is limited is guarded at a terminal too" {
	site
	racks
	sed -i 's/^verbs = runs .*/verbs = power-reset/' "$config/policy.ini"
	printf '[guard]\nruns-per-host = 1\n' >>"$config/rhands.ini"
	run env SUDO_UID=1 script -qec "$rhands power mail1 reset --config $config" /dev/null
	reset
	run env SUDO_UID=1 script -qec "$rhands power mail1 reset --config $config" /dev/null
	says 'refused by the guard (runs-per-host = 1)'
	run env -u SUDO_UID script -qec "$rhands power mail1 reset --config $config" /dev/null
	says_not 'refused'
	[ "$(wc -l <"$acts")" -eq 2 ]
}

@test "the guard counts the hosts that the caller does not see" {
	site
	racks
	sed -i 's/^verbs = runs .*/verbs = power-reset/' "$config/policy.ini"
	cp "$config/rhands.ini" "$BATS_TEST_TMPDIR/rhands.ini"
	printf '[guard machines]\nruns-per-group = 1\n' >>"$config/rhands.ini"
	rh power ldap1 reset </dev/null || [ $? -eq 4 ]
	as 1 power mail1 reset </dev/null
	status_is 6
	says 'refused by the guard (runs-per-group = 1 of machines)'
	# of those who can't be asked, the last run was good
	cp "$BATS_TEST_TMPDIR/rhands.ini" "$config"
	printf '[guard machines]\nmin-healthy = 2\n' >>"$config/rhands.ini"
	as 1 power mail1 reset </dev/null
	status_is 6
	says 'of the 2 other hosts of the group machines, 0 are known to be healthy'
	rh recover mail2 ldap1 </dev/null
	as 1 power mail1 reset </dev/null
	reset
}

@test "check knows the people and hosts that are not there" {
	site
	sed -i 's/^hosts = mail1/hosts = mail1 mial2/' "$config/policy.ini"
	run rh check
	status_is 0
	says 'policy.ini:6: warning: who: there is no user "nosuchuser" on this machine'
	says 'policy.ini:6: warning: who: there is no group "nosuchgroup" on this machine'
	says 'policy.ini:7: warning: hosts: no host "mial2" in'
}

@test "whom it can't bind is not stopped by what is wrong in it" {
	site
	echo "verb = all" >>"$config/policy.ini"
	run rh recover mail1
	status_is 0
	as 0 recover mail1
	status_is 0
	run rh check
	status_is 2
	says 'did you mean "verbs"'
	chmod o+w "$config/policy.ini"
	run rh recover mail1
	status_is 0
	run rh check
	status_is 2
	says 'policy.ini'
}

@test "with a set-user-id bit it does nothing" {
	[ "$(id -u)" -eq 0 ] || skip "the bit is root's to give to other users"
	world=$(mktemp -d)
	chmod 755 "$world"
	install -m 755 "$rhands" "$world/rhands"
	for bit in u+s g+s; do
		chown 4001:4001 "$world/rhands"
		chmod 755 "$world/rhands"
		chmod "$bit" "$world/rhands"
		run env SUDO_UID=0 setpriv --reuid 4002 --regid 4002 --clear-groups --bounding-set=-all \
			"$world/rhands" drivers
		# not 2 with sanitizers, which can't look at such a process
		[ "$status" -ne 0 ]
		says 'installed set-user-id'
		says_not serial
	done
	rm -r "$world"
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
