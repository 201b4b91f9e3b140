#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The contract: what each verb says with --json, and what stands in records, has the
# members of schemas/*.json and no other.

load cli-lib.bash
load maintain.bash

# valid SCHEMA [FILE]: all of standard input, or of a file.
valid() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/validate.py" "$@"
}

invalid() {
	! valid "$@" >"$BATS_TEST_TMPDIR/why"
}

# said SCHEMA VERB...: what the verb prints, whatever its exit status.
said() {
	local schema=$1 verb=$2
	shift 2
	rh "$verb" --json "$@" >"$BATS_TEST_TMPDIR/said" </dev/null || true
	was_said "$schema" "$verb" "$BATS_TEST_TMPDIR/said"
}

# was_said SCHEMA VERB FILE: the same of what was printed already.
was_said() {
	valid "$1" "$3" || {
		cat "$3"
		return 1
	}
	echo "$2 $1" >>"$BATS_FILE_TMPDIR/said"
}

# The demo host, which is a twin: a run with all that can happen in it.
demo() {
	cp "$BATS_TEST_DIRNAME/../../hosts.d/demo.ini" "$config/hosts.d"
	cp "$BATS_TEST_DIRNAME/../../sequences.d/demo.ini" "$config/sequences.d"
	mkdir -p "$config/twins.d"
	cp "$BATS_TEST_DIRNAME/../../twins.d/demo.ini" "$config/twins.d"
	chmod -R u+w,go-w "$config"
}

records_are_valid() {
	for run in "$records"/runs/*; do
		valid run "$run/run.json"
		valid journal "$run/journal.jsonl"
	done
}

@test "schema: recover, its record, runs and show" {
	demo
	said event recover demo --reason 'a test' --request-id one
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/said" | jq -r .verdict)" = recovered ]
	said event recover demo --request-id one
	jq -e .repeated "$BATS_TEST_TMPDIR/said"
	said event power demo reset --override 'a test'
	said event power demo off
	said event recover nohost demo || [ ! -s "$BATS_TEST_TMPDIR/said" ]
	records_are_valid
	said runs runs
	rh show last --json >"$BATS_TEST_TMPDIR/show"
	head -n 1 "$BATS_TEST_TMPDIR/show" >"$BATS_TEST_TMPDIR/head"
	was_said run show "$BATS_TEST_TMPDIR/head"
	tail -n +2 "$BATS_TEST_TMPDIR/show" >"$BATS_TEST_TMPDIR/rest"
	was_said journal show "$BATS_TEST_TMPDIR/rest"
	said event run demo demo
}

@test "schema: a record with an owner group, and one that can't have it" {
	demo
	for group in "$(id -g)" nosuchgroup; do
		printf '[agent]\nowner-group = %s\n' "$group" >"$config/rhands.ini"
		said event recover demo
		records_are_valid
		said runs runs
	done
	cat "$records"/runs/*/run.json | jq -es 'any(.[]; has("owner_group"))'
	cat "$records"/runs/*/journal.jsonl | jq -es 'any(.[]; .event == "record-private")'
}

@test "schema: a run that is not waited for, cancelled, killed, refused, busy" {
	good
	sed -i 's/wait 100ms/wait 1m/;s/10s/2m/' "$config/sequences.d/nap.ini"
	said event recover ldap1 --no-wait
	said event recover ldap1
	[ "$(jq -r .code "$BATS_TEST_TMPDIR/said")" = busy ]
	said event wait last --timeout 1ms
	said runs runs
	said cancel cancel last
	records_are_valid
	said event recover ldap1 --no-wait --request-id k
	kill -KILL "$(jq -r .pid "$(ls -d "$records"/runs/* | tail -n 1)/run.json")"
	said event wait last
	said event recover ldap1 --request-id k
	said cancel cancel last
	said runs runs
	# and settled by the next one
	sed -i 's/wait 1m/wait 1ms/' "$config/sequences.d/nap.ini"
	said event recover ldap1
	records_are_valid
	mkdir "$records/runs/20200101T000000Z-ldap1-nap-0000"
	said runs runs
}

@test "schema: refused by the guard" {
	demo
	printf '[guard]\nruns-per-host = 1\n' >"$config/rhands.ini"
	said event power demo reset
	said event power demo reset
	tail -n 1 "$BATS_TEST_TMPDIR/said" | jq -e '.code == "refused" and .rule and .allowed_at'
	said event power demo reset --override 'a test'
	records_are_valid
	said runs runs
}

@test "schema: a question, and its answer" {
	cat >"$config/hosts.d/h.ini" <<-'END'
		[host]
		recover = ask
		[vars]
		x = y
	END
	nap
	cat >"$config/sequences.d/ask.ini" <<-END
		[sequence]
		start = a
		deadline = 1m
		[state a]
		do = ask "is it warm?", check tcp $port
		then = recovered
		timeout = 30s -> failed "nobody knows"
	END
	rh recover h --json >"$BATS_TEST_TMPDIR/run" </dev/null 3>&- &
	asked() {
		[ -n "$(ls "$records"/runs/*/question.json 2>/dev/null)" ]
	}
	wait_for 10 asked
	said answer answer h
	said runs runs
	said answer answer h yes
	wait $! || true
	valid event "$BATS_TEST_TMPDIR/run"
	records_are_valid
}

@test "schema: the verbs that look" {
	demo
	rh recover demo >/dev/null
	host ldap1 </dev/null
	nap
	said status status
	said status power demo status
	said doctor doctor demo ldap1
	said hosts hosts
	said plan plan start all
	said shell shell demo -- uptime
	said shell shell ldap1 -- uptime
	said sel sel demo
	said sel sel ldap1
	said identify identify demo on
	said identify identify ldap1 on
	said drivers drivers
	said check check --paths
	echo 'wrong = 1' >>"$config/hosts.d/ldap1.ini"
	said check check
	said rehearse rehearse demo --seeds 20
	said rehearse-trace rehearse demo --trace --seed 3
	said rehearse-trace rehearse demo --trace --seed 3 --faults P02
	said rehearse-record rehearse demo --record last
	sed -i 's/^do .*= power cycle.*/do = power off, power on/' "$config/sequences.d/demo.ini"
	said rehearse-record rehearse demo --record last
}

@test "schema: a maintenance, with all that can happen in it, and its rehearsal" {
	server nfs1
	boots_to=hung server ldap1 nfs1
	server web1 ldap1
	sed -i '/on shell/d' "$config/twins.d/web1.ini"
	plan 'on-failure = ask' 'before = /bin/echo off' 'after = /bin/echo on' \
		'gate = /bin/true'
	said maintain maintain night --dry-run
	"$rhands" maintain night --json --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 </dev/null 3>&- &
	wait_for 30 eval 'compgen -G "$records/maintenances/*/question.json" >/dev/null'
	said answer answer night
	said answer answer night yes
	wait_for 30 grep -q '"host":"ldap1","step":"first"' "$BATS_TEST_TMPDIR/first"
	wait_for 30 eval 'compgen -G "$records/runs/*-ldap1-reboot-*/evidence" >/dev/null'
	kill -KILL $!
	wait $! || true
	was_said maintain maintain "$BATS_TEST_TMPDIR/first"
	said maintain maintain night --resume
	jq -es 'any(.[]; .event == "host-end" and .host == "ldap1" and .step == "recover")' \
		"$BATS_TEST_TMPDIR/said"
	cat "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/said" >"$BATS_TEST_TMPDIR/all"
	for event in begin resume before before-end wave host host-end gate gate-end \
		ask answer after after-end end; do
		grep -q "\"event\":\"$event\"" "$BATS_TEST_TMPDIR/all"
	done
	length=3m plan
	said maintain maintain night --new
	grep -q '"event":"stop"' "$BATS_TEST_TMPDIR/said"
	said rehearse-plan rehearse --plan night --seeds 3
	sed -i '/^\[state services\]/,$d; s/-> services$/-> recovered/; s/^on = .Press F1.*/on = \/Press F1\/ -> recovered/' \
		"$config/sequences.d/back.ini"
	length=2h plan
	said rehearse-plan rehearse --plan night --seeds 3
	jq -es 'any(.[]; .what == "complaint")' "$BATS_TEST_TMPDIR/said"
	run rh maintain night --json --report
	status_is 2
	says '--json goes with neither'
}

@test "schema: a suite of tests" {
	demo
	cat >"$config/suite.ini" <<-'END'
		[test recover]
		hosts = demo
		sequence = demo
	END
	said test test "$config/suite.ini" --repeat 2
	[ "$(jq -s 'map(select(.event == "case")) | length' "$BATS_TEST_TMPDIR/said")" -eq 2 ]
}

@test "schema: a member that is new, missing or of another kind is seen" {
	demo
	rh recover demo --json >"$BATS_TEST_TMPDIR/good" </dev/null
	cp "$(ls -d "$records"/runs/*)"/run.json "$BATS_TEST_TMPDIR/run.json"
	valid event "$BATS_TEST_TMPDIR/good"
	for edit in '.new = 1' 'del(.event)' 'del(.version)' '.version = 2' 'del(.run)' \
		'.at_ms = "1"' '.time = "now"' 'if .event == "verdict" then .verdict = "fine" else . end' \
		'if .event == "power-act" then del(.driver) else . end' \
		'if .event == "begin" then .event = "start" else . end'; do
		jq -c "$edit" "$BATS_TEST_TMPDIR/good" | invalid event
	done
	for edit in '.new = 1' 'del(.code)' 'del(.force)' 'del(.verdict)' '.pid = "7"' \
		'.force = "much"'; do
		jq "$edit" "$BATS_TEST_TMPDIR/run.json" | invalid run
	done
	invalid event /dev/null
}

# verbs_and_schemas: a line "VERB SCHEMA" for each, as the program says itself.
verbs_and_schemas() {
	local verb schemas schema
	for verb in $("$rhands" --help | awk '/^  [a-z]/ { print $1 }'); do
		schemas=$("$rhands" "$verb" --help 2>/dev/null |
			sed -n 's/^  --json  *JSON lines, as the schemas say: //p')
		for schema in ${schemas:-none}; do
			echo "$verb $schema"
		done
	done
}

# The last one of this file: it asks what those before have validated.
@test "schema: no verb takes --json without a schema, and each was held against it" {
	local verb schema dir=$BATS_TEST_DIRNAME/../../schemas
	[ "$BATS_TEST_NUMBER" -eq "$(grep -c "^@test" "$BATS_TEST_FILENAME")" ] ||
		skip "tests before it were left out"
	verbs_and_schemas >"$BATS_TEST_TMPDIR/table"
	[ "$(grep -vc ' none$' "$BATS_TEST_TMPDIR/table")" -ge 24 ]
	while read -r verb schema; do
		if [ "$schema" = none ]; then
			[ "$verb" != fence ] || continue	# has options of its own
			run "$rhands" "$verb" --json a b c </dev/null
			status_is 2
			[[ $output == *'prints no JSON'* || $output == *'usage: '* ]]
			continue
		fi
		[ -s "$dir/$schema.json" ] || {
			echo "$verb has no schemas/$schema.json"
			return 1
		}
		grep -qx "$verb $schema" "$BATS_FILE_TMPDIR/said" || {
			echo "nothing that $verb printed was held against $schema"
			return 1
		}
		# and the manual names it
		grep -qE "\bPa $schema\.json" \
			"$BATS_TEST_DIRNAME/../../man/rhands-json.7" || {
			echo "rhands-json(7) does not name $schema"
			return 1
		}
	done <"$BATS_TEST_TMPDIR/table"
	for schema in "$dir"/*.json; do
		grep -q " $(basename "$schema" .json)$" "$BATS_TEST_TMPDIR/table"
	done
}
