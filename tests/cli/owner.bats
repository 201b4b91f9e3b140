#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The owner group: who may read a record by the rights of its files, and who not.
# Without root, the group is one of this user's own. With root, other users read, by
# numbers alone: nobody is added to this machine.

load cli-lib.bash

own=$(id -g)

# Where other users get to, as $BATS_TEST_TMPDIR they do not.
setup() {
	world=$(mktemp -d)
	config=$world/config
	records=$world/records
	answers_pid=
	chmod 755 "$world"
	umask 077
	mkdir -p "$config"/{hosts.d,sequences.d,secrets}
	echo secret >"$config/secrets/bmc"
}

teardown() {
	[ -z "$answers_pid" ] || kill "$answers_pid"
	rm -rf "$world"
}

# owned NAME GROUP: a host whose records that group may read.
owned() {
	host "$1" </dev/null
	sed -i "s/^groups = .*/owner-group = $2/" "$config/hosts.d/$1.ini"
}

record_of() {
	echo "$records"/runs/*-"$1"-nap-*
}

mode_is() {
	[ "$(stat -c '%a %g' "$2")" = "$1" ] || {
		echo "expected $1, got $(stat -c '%a %g' "$2"): $2"
		return 1
	}
}

# reader UID GROUPS COMMAND...: rhands, as somebody else.
reader() {
	local uid=$1 groups=$2
	shift 2
	[ -x "$world/rhands" ] || install -m 755 "$rhands" "$world/rhands"
	chmod -R a+rX,go-w "$config"
	chmod 600 "$config/secrets/bmc"
	run --separate-stderr setpriv --reuid "$uid" --regid "$uid" --groups "$groups" \
		"$world/rhands" "$1" --config "$config" --records "$records" "${@:2}"
	echo "$uid: $status $output $stderr"
}

# more N: what is not read is told; by number, where the file system has one.
more() {
	if [ "$(stat -c %h "$records/runs")" -ge 2 ]; then
		[[ $stderr = *"$1 more run"*" in $records/runs, which you may not read"* ]]
	else
		[[ $stderr = *"there may be more runs in $records/runs"* ]]
	fi
}

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip "other users are root's to be"
}

@test "owner: the record of a host is its group's, and others' stay private" {
	nap
	owned mail1 "$own"
	host ldap1 </dev/null
	run rh recover mail1 ldap1
	status_is 0
	mode_is "2750 $own" "$(record_of mail1)"
	for file in run.json journal.jsonl console.cast; do
		mode_is "640 $own" "$(record_of mail1)/$file"
		mode_is "600 $own" "$(record_of ldap1)/$file"
	done
	mode_is "700 $own" "$(record_of ldap1)"
	jq -e --arg group "$own" '.owner_group == $group' "$(record_of mail1)/run.json"
	jq -e 'has("owner_group") | not' "$(record_of ldap1)/run.json"
	# others walk through, and list nothing but what is theirs
	for dir in "$records" "$records/runs" "$records/groups"; do
		mode_is "711 $own" "$dir"
	done
	mode_is "700 $own" "$records/locks"
	mode_is "2750 $own" "$records/groups/$own"
	[ "$(ls "$records/groups/$own")" = "$(basename "$(record_of mail1)")" ]
	[ -e "$records/groups/$own/$(basename "$(record_of mail1)")/run.json" ]
}

@test "owner: nothing is opened where nobody asks for it" {
	good
	run rh recover ldap1
	mode_is "700 $own" "$records"
	mode_is "700 $own" "$records/runs"
	[ ! -e "$records/groups" ]
}

@test "owner: rhands.ini has it for all, a template for some, none for one" {
	nap
	printf '[agent]\nowner-group = %s\n' "$own" >"$config/rhands.ini"
	printf '[host]\nowner-group = none\n' >"$config/hosts.d/closed.template"
	for name in a b c; do
		host "$name" </dev/null
	done
	sed -i 's/^groups = .*/inherits = closed/' "$config/hosts.d/b.ini"
	sed -i "s/^groups = .*/inherits = closed\nowner-group = $own/" "$config/hosts.d/c.ini"
	run rh recover all
	status_is 0
	mode_is "2750 $own" "$(record_of a)"
	mode_is "700 $own" "$(record_of b)"
	mode_is "2750 $own" "$(record_of c)"
}

@test "owner: a group that is not there is found by check, and stops no recovery" {
	nap
	owned mail1 nosuchgroup
	run rh check
	status_is 2
	says 'hosts.d/mail1.ini:4: error: owner-group: there is no group "nosuchgroup"; records stay private'
	run --separate-stderr rh recover mail1
	status_is 0
	says "the group nosuchgroup can't read this record: there is no group"
	mode_is "700 $own" "$(record_of mail1)"
	mode_is "600 $own" "$(record_of mail1)/journal.jsonl"
	jq -es 'any(.[]; .event == "record-private" and (.text | contains("nosuchgroup")))' \
		"$(record_of mail1)/journal.jsonl"
	jq -e 'has("owner_group") | not' "$(record_of mail1)/run.json"
	run rh doctor mail1
	says 'owner-group: there is no group "nosuchgroup"'
}

@test "owner: a group that is not ours is found by check, and stops no recovery" {
	nap
	owned mail1 4242
	if [ "$(id -u)" -eq 0 ]; then
		mkdir "$records"
		chown 4001:4001 "$records"
		chown -R 4001:4001 "$config"
		install -m 755 "$rhands" "$world/rhands"
		as=(setpriv --reuid 4001 --regid 4001 --clear-groups "$world/rhands")
	else
		as=("$rhands")
	fi
	run "${as[@]}" check --config "$config" --records "$records"
	status_is 2
	says "records can't be given to the group 4242"
	run "${as[@]}" recover mail1 --config "$config" --records "$records"
	status_is 0
	says "the group 4242 can't read this record"
	[ "$(stat -c %a "$(record_of mail1)")" = 700 ]
}

@test "owner: what a test does not keep leaves no name behind" {
	nap
	owned mail1 "$own"
	printf '[test one]\nsequence = nap\nhosts = mail1\n' >"$world/suite.ini"
	run rh test "$world/suite.ini" --keep none
	status_is 0
	[ -d "$records/groups/$own" ]
	[ -z "$(ls "$records/groups/$own")" ]
}

@test "owner: check says when nobody gets to the records" {
	needs_root
	nap
	owned mail1 4242
	mkdir -m 700 "$world/home"
	run "$rhands" check --config "$config" --records "$world/home/records"
	status_is 0
	says "warning: owner-group: the group can't get to records in $world/home/records: $world/home is closed to it"
}

@test "owner: a member reads what is the group's, and learns how much is not" {
	needs_root
	nap
	owned mail1 4242
	owned web1 4343
	host ldap1 </dev/null
	run rh recover mail1 web1 ldap1
	status_is 0
	reader 4001 4242,4444 runs
	status_is 0
	says -mail1-nap-
	says_not web1
	says_not ldap1
	more 2
	reader 4001 4242 runs --since 1d --host mail1 --json
	[ "$(jq -r .host <<<"$output")" = mail1 ]
	for verb in show report replay; do
		reader 4001 4242 "$verb" "$(basename "$(record_of mail1)")"
		status_is 0
		for other in web1 ldap1; do
			reader 4001 4242 "$verb" "$(basename "$(record_of "$other")")"
			[ "$status" -ne 0 ]
			[ -z "$output" ]
			reader 4001 4242 "$verb" "$(record_of "$other")"
			[ "$status" -ne 0 ]
			[ -z "$output" ]
		done
	done
	reader 4001 4242 show last
	status_is 0
	says mail1
	# a member does nothing to the host, nor to the record
	reader 4001 4242 recover mail1
	[ "$status" -ne 0 ]
	run setpriv --reuid 4001 --regid 4001 --groups 4242 touch "$(record_of mail1)/x"
	[ "$status" -ne 0 ]
	run setpriv --reuid 4001 --regid 4001 --groups 4242 ls "$records/runs"
	[ "$status" -ne 0 ]
}

@test "owner: who is in no group reads nothing, and learns how much there is" {
	needs_root
	nap
	owned mail1 4242
	run rh recover mail1
	reader 4002 4444 runs
	status_is 0
	[ -z "$output" ] || says 'no runs'
	more 1
	reader 4002 4444 show last
	[ "$status" -ne 0 ]
}

@test "owner: a member sees that a run goes on, and that one was killed" {
	needs_root
	nap
	sed -i 's/wait 100ms/wait 50s/; s/deadline = .*/deadline = 2m/' "$config/sequences.d/nap.ini"
	owned mail1 4242
	run rh recover mail1 --no-wait
	pid=$(jq .pid "$(record_of mail1)/run.json")
	reader 4001 4242 runs
	says ' running '
	# who could open the lock could hold it
	run setpriv --reuid 4001 --regid 4001 --groups 4242 cat "$records/locks/mail1.lock"
	[ "$status" -ne 0 ]
	kill -KILL "$pid"
	gone() {
		[ ! -e "/proc/$pid" ]
	}
	wait_for 10 gone
	reader 4001 4242 runs
	says ' killed '
	# the next run writes the verdict, for the same readers
	sed -i 's/wait 50s/wait 10ms/' "$config/sequences.d/nap.ini"
	first=$(record_of mail1)
	run rh recover mail1
	status_is 0
	mode_is '640 4242' "$first/run.json"
	reader 4001 4242 show "$(basename "$first")"
	says 'was killed'
}

@test "owner: a member sees what a run asks, and can't answer" {
	needs_root
	nap
	cat >"$config/sequences.d/nap.ini" <<-END
		[sequence]
		start = a
		deadline = 2m
		[state a]
		do = ask "is it plugged in?"
		timeout = 1m -> needs-hands "nobody answers"
		then = recovered
		else = failed "it is not"
	END
	owned mail1 4242
	run rh recover mail1 --no-wait
	status_is 0
	asks() {
		[ -e "$(record_of mail1)/question.json" ]
	}
	wait_for 10 asks
	reader 4001 4242 runs
	says 'it asks: is it plugged in?'
	reader 4001 4242 answer mail1 yes
	[ "$status" -ne 0 ]
	run rh answer mail1 yes
	status_is 0
}
