#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Maintenances, live, on hosts that are twins: waves, failures, the window, and
# runners that are killed.

load cli-lib.bash
load maintain.bash

maintain() {
	run timeout 60 "$rhands" maintain night --config "$config" \
		--records "$records" "$@" </dev/null
	echo "$output"
}

in_order() {
	local rest=$output words

	for words in "$@"; do
		[[ $rest == *"$words"* ]] || {
			echo "not said, or not in this order: $words"
			return 1
		}
		rest=${rest#*"$words"}
	done
}

@test "maintain: what others need goes last, and each restarts once" {
	three
	plan 'before = /bin/echo the pager is off' 'gate = /bin/echo all green' \
		'after = /bin/echo the pager is on'
	maintain
	status_is 0
	in_order 'before: good: the pager is off' 'wave 1 of 3: web[1-2]' \
		'web1             restarting' 'back in ' \
		'the gate: good: all green' 'wave 2 of 3: ldap1' 'ldap1            back' \
		'wave 3 of 3: nfs1' 'after: good: the pager is on' \
		'recovered: all hosts are back'
	for h in web1 web2 ldap1 nfs1; do
		[ "$(restarts $h)" -eq 1 ]
	done
	# nothing is left to be resumed
	maintain --resume
	status_is 2
	says 'there is no unfinished maintenance of night'
	# each run was for a request of its own, which the journal has
	requests=$(jq -r 'select(.event == "host").request' "$records"/maintenances/*/journal.jsonl | sort)
	[ "$(wc -l <<<"$requests")" -eq 4 ]
	[ "$(jq -r .request_id "$records"/runs/*/run.json | sort)" = "$requests" ]
	jq -e '.why | startswith("maintenance ")' "$records"/runs/*/run.json
}

@test "maintain: a host that does not come back gets hands" {
	boots_to=hung server nfs1
	plan
	maintain
	status_is 0
	in_order 'nfs1             restarting' 'nfs1             recovering' \
		'back in ' ', recovered'
	[ "$(restarts nfs1)" -eq 1 ]
}

@test "maintain: where hands do not help either, the rest is left alone" {
	server nfs1
	server web1 nfs1
	# it waits for a key that nobody presses
	sed -i 's/^then = up/then = hung/; s/^on = .*eOP.*//' \
		"$config/twins.d/web1.ini"
	sed -i 's/visits = 2/visits = 1/; s/timeout = 10s/timeout = 2s/' \
		"$config/sequences.d/back.ini"
	plan 'after = /bin/echo on'
	maintain --json
	status_is 3
	json_lines
	[ "$(jq -r 'select(.event == "end").verdict' <<<"$output")" = needs-hands ]
	[ "$(jq -r 'select(.event == "end").text' <<<"$output")" = \
		'web1: it hangs: go there' ]
	[ "$(jq -r 'select(.event == "after-end").ok' <<<"$output")" = true ]
	[ ! -e "$records/twins/nfs1" ]
}

@test "maintain: a host that is healthy and was not restarted is no success" {
	server nfs1
	sed -i '/on shell/d' "$config/twins.d/nfs1.ini"
	plan
	maintain
	status_is 1
	says 'it is healthy, but was not restarted'
}

@test "maintain --dry-run: waves and times; nothing is touched" {
	three
	plan 'parallel = 1'
	maintain --dry-run
	status_is 0
	in_order 'reboot, 4 hosts, 1 at once' '  1  by' 'web[1-2]' '  2  by' ldap1 \
		'  3  by' nfs1 'inside the window, also at worst'
	[ ! -e "$records/twins" ]
	length=5m plan
	maintain --dry-run
	status_is 1
	says 'behind the window'
}

@test "maintain: a wave that may not end in the window is not begun" {
	server nfs1
	server nfs2
	server nfs3
	server web1 nfs1 nfs2 nfs3
	length=4m plan 'parallel = 1' 'each = 1m'
	maintain
	status_is 1
	says 'nothing more is begun: wave 2 of 2 is not begun: it may take 3m,'
	[ "$(restarts web1)" -eq 1 ]
	[ ! -e "$records/twins/nfs1" ]
}

@test "maintain: a window of the past or of the future" {
	server nfs1
	begins='-3 hours' plan
	maintain
	status_is 2
	says 'the window of night ended at'
	begins='+3 hours' plan
	maintain
	status_is 2
	says '--wait waits for it'
	[ ! -e "$records/maintenances" ]
}

@test "maintain: errors of a plan, with their lines" {
	three
	cat >"$config/plans.d/night.ini" <<-'END'
		[maintenance]
		hosts = web[1-2] ldap2
		kind = run nothing
		begin = 2027-03-28 02:30
		zone = Europe/Berlin
		length = 2h
		before = echo hello
		[anounce]
	END
	maintain
	status_is 2
	says 'plans.d/night.ini:2: error: hosts: no host "ldap2"'
	says 'plans.d/night.ini:3: error: kind: there is no sequence "nothing"'
	says 'plans.d/night.ini:4: error: begin: there is no 2027-03-28 02:30'
	says 'plans.d/night.ini:7: error: before: echo: the program must be named by its whole path'
	says 'plans.d/night.ini:8: error: unknown section [anounce]'
	run rh check
	status_is 2
	says 'no host "ldap2"'
	run rh maintain nigt
	says 'no plan "nigt"; did you mean "night"?'
}

@test "maintain: two at once on one host; each on its own" {
	three
	boot_time=3s server slow
	hosts=slow plan
	cp "$config/plans.d/night.ini" "$config/plans.d/other.ini"
	rh maintain other >"$BATS_TEST_TMPDIR/other" 2>&1 3>&- &
	wait_for 10 grep -q 'slow.*restarting' "$BATS_TEST_TMPDIR/other"
	maintain
	status_is 5
	says 'has slow, too, and is under way'
	run rh maintain other
	status_is 2
	says 'has no end'
	run rh maintain other --resume
	status_is 5
	says 'is carried out by somebody'
	hosts=nfs1 plan
	maintain
	status_is 0
	wait
	grep -q 'recovered: all hosts' "$BATS_TEST_TMPDIR/other"
	[ "$(restarts slow)" -eq 1 ]
}

@test "maintain: interrupted, then resumed, restarts nothing twice" {
	three
	plan
	"$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	wait_for 10 grep -q 'ldap1.*restarting' "$BATS_TEST_TMPDIR/first"
	wait_for 10 grep -q shell "$records/twins/ldap1"
	kill -TERM $!
	wait $! || status=$?
	status_is 130
	grep -q 'resume goes on' "$BATS_TEST_TMPDIR/first"
	maintain
	status_is 2
	says '--resume goes on with it, --new leaves it'
	maintain --resume
	status_is 0
	in_order 'ldap1            looking' 'ldap1            back' nfs1
	for h in web1 web2 ldap1 nfs1; do
		[ "$(restarts $h)" -eq 1 ]
	done
}

# killed HOW LINE: ends the runner when its journal has that many lines, and resumes.
killed() {
	local how=$1 line=$2 pid lines
	rm -rf "$records"
	setsid "$rhands" maintain night --config "$config" --records "$records" \
		>/dev/null 2>&1 3>&- &
	pid=$!
	until mapfile -t lines < <(cat "$records"/maintenances/*/journal.jsonl \
		2>/dev/null) && [ "${#lines[@]}" -ge "$line" ]; do
		:
	done
	# the whole machine, or the runner alone: its runs go on
	[ "$how" = runner ] || kill -KILL -- "-$pid" 2>/dev/null || true
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" || true
	if ! grep -q '"event":"end"' "$records"/maintenances/*/journal.jsonl; then
		maintain --resume
		status_is 0
	fi
	for h in web1 ldap1 nfs1; do
		[ "$(restarts "$h")" -eq 1 ] || {
			echo "$how $line: $h restarted $(restarts "$h") times"
			cat "$records"/maintenances/*/journal.jsonl
			return 1
		}
	done
}

one_wave() {
	local h
	for h in web1 ldap1 nfs1; do
		server $h
	done
	plan
}

@test "maintain: its runner killed at each line of the journal" {
	local line
	one_wave
	for line in 1 2 3 4 5 6 7 8; do
		killed runner "$line"
	done
}

@test "maintain: the machine that runs it restarted at each line" {
	local line
	one_wave
	for line in 1 2 3 4 5 6 7 8; do
		killed machine "$line"
	done
}

@test "maintain: a damaged journal, and a plan that has changed" {
	three
	plan
	"$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	wait_for 10 grep -qs 'wave 2' "$BATS_TEST_TMPDIR/first"
	kill -TERM $!
	wait $! || true
	hosts=web1 plan
	maintain --resume
	status_is 2
	says "the plan's hosts, waves or kind are not what they were"
	plan
	printf '{"event":"host-e' >>"$(echo "$records"/maintenances/*/journal.jsonl)"
	maintain --resume
	status_is 0
	[ "$(restarts web1)" -eq 1 ]
}

# small WORDS...: rhands with its records on a disk of its own, of 400 kB, that the
# program $BATS_TEST_TMPDIR/fill fills; what is there is kept in $records.
small() {
	run timeout 60 unshare -Urm bash -c '
		mount -t tmpfs -o size=400k,mode=700 none "$1" && cp -a "$1.kept/." "$1/"
		"${@:2}"
		status=$?
		rm -f "$1/filling"
		cp -a "$1/." "$1.kept/"
		exit $status' - "$records" "$rhands" "$@" </dev/null
	echo "$output"
}

@test "maintain: a full disk in wave 2; it is resumed when there is room" {
	unshare -Urm true 2>/dev/null || skip "no mounts of one's own here"
	three
	mkdir -p "$records" "$records.kept"
	printf '#!/bin/sh\nexec 2>&-\ncat /dev/zero >%s/filling\nexit 0\n' "$records" \
		>"$BATS_TEST_TMPDIR/fill"
	chmod 700 "$BATS_TEST_TMPDIR/fill"
	plan "gate = $BATS_TEST_TMPDIR/fill"
	small maintain night --config "$config" --records "$records"
	[ "$status" -ne 0 ]
	says 'web1             back'
	says 'nothing more is begun: '
	says 'No space left on device'
	says '--resume goes on'
	[ ! -e "$records.kept/twins/ldap1" ] ||
		not grep -q ' shell ' "$records.kept/twins/ldap1"
	# the gate's file is the only thing that has changed
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/fill"
	small maintain night --config "$config" --records "$records" --resume
	status_is 0
	records=$records.kept
	for h in web1 web2 ldap1 nfs1; do
		[ "$(restarts $h)" -eq 1 ]
	done
}

@test "maintain: a cold start; what others need comes first" {
	three
	sed -i 's/^start = up/start = off/' "$config"/twins.d/{nfs1,ldap1}.ini
	plan 'kind = start'
	maintain
	status_is 0
	in_order 'wave 1 of 3: nfs1' 'nfs1             back' 'wave 2 of 3: ldap1' \
		'wave 3 of 3: web[1-2]' 'all hosts are back'
	# those that were up were not touched
	not grep -sq ' power ' "$records"/twins/web1
}

@test "maintain: kind = run carries out a sequence, and a runner killed in it is told" {
	server web1
	cat >"$config/sequences.d/patch.ini" <<-'END'
		[sequence]
		summary = Patch it
		deadline = 1m
		start = patch
		[state patch]
		do = wait 3s, check tcp 389 within 5s
		then = recovered
	END
	plan 'kind = run patch'
	"$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	wait_for 10 bash -c 'compgen -G "$0/runs/*-patch-*/run.json"' "$records"
	kill -TERM $!
	wait $! || true
	maintain --resume
	status_is 4
	says 'the runner was killed in the middle of it: look what it has done'
	maintain
	status_is 0
	says 'all hosts are back'
}
