#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A maintenance whose plan says "on-failure = ask": the question can be answered at
# its terminal and from any other; only a yes is a yes.

load cli-lib.bash
load maintain.bash

# Nobody gets into web1: its restart fails, and nothing was sent.
failing() {
	server nfs1
	server web1 nfs1
	sed -i '/on shell/d' "$config/twins.d/web1.ini"
	plan 'on-failure = ask'
}

# The maintenance in the background, said to a file.
begin() {
	"$rhands" maintain night --config "$config" --records "$records" "$@" \
		>"$BATS_TEST_TMPDIR/said" 2>&1 </dev/null 3>&- &
	runner=$!
}

asked() {
	compgen -G "$records/maintenances/*/question.json" >/dev/null
}

ended() {
	status=0
	wait "$runner" || status=$?
	output=$(<"$BATS_TEST_TMPDIR/said")
	echo "$output"
}

@test "ask: answered with yes from another terminal, JSON all the way" {
	failing
	begin --json
	wait_for 30 asked
	run rh answer night
	status_is 0
	says 'night asks: web1: it is healthy, but was not restarted: go on with the others?'
	says '(until '
	says 'answer it with: rhands answer night yes|no'
	run rh answer night maybe
	status_is 2
	says '"maybe" is no answer to that; expected yes or no'
	[ ! -e "$records/twins/nfs1" ]
	run rh answer night --json
	status_is 0
	json_lines
	[ "$(jq -c .choices <<<"$output")" = '["yes","no"]' ]
	run rh answer night YES --json
	status_is 0
	[ "$(jq -c '[.answer, .taken]' <<<"$output")" = '["yes",true]' ]
	[[ "$(jq -r .maintenance <<<"$output")" == *Z-night ]]
	ended
	status_is 1
	json_lines
	[ "$(jq -c 'select(.event == "ask").choices' <<<"$output")" = '["yes","no"]' ]
	[ "$(jq -r 'select(.event == "ask").until' <<<"$output")" = \
		"$(date -u -d "$(sed -n 's/^begin = //p' "$config/plans.d/night.ini") 2 hours" \
			+%Y-%m-%dT%H:%M:00.000Z)" ]
	[ "$(jq -c 'select(.event == "answer") | [.ok, .who]' <<<"$output")" = \
		"[true,\"$(id -un)\"]" ]
	[ "$(restarts nfs1)" -eq 1 ]
	run rh answer night yes
	status_is 1
	says 'nobody carries out the maintenance'
}

@test "ask: a no from another terminal stops; after is run" {
	failing
	plan 'on-failure = ask' 'after = /bin/echo the pager is on'
	begin
	wait_for 30 asked
	run rh answer "$(basename "$records"/maintenances/*Z-night)" no
	status_is 0
	says 'answered: no'
	ended
	status_is 1
	says 'answer it with: rhands answer night yes|no; nobody by '
	says "answer: no, says $(id -un)"
	says 'the pager is on'
	[ ! -e "$records/twins/nfs1" ]
}

@test "ask: nobody until the window ends is a no" {
	failing
	# the window is nearly over when the question comes
	length=1m30s plan 'on-failure = ask' 'each = 10s'
	sed -i "s/^begin = .*/begin = $(TZ=UTC date -d '-1 minute' '+%Y-%m-%d %H:%M')/; s/^length = .*/length = $((10#$(date +%S) + 76))s/" \
		"$config/plans.d/night.ini"
	begin
	ended
	status_is 1
	says 'answer: nobody gave one by the end of the window: no'
	[ ! -e "$records/twins/nfs1" ]
	not asked
}

@test "ask: killed while it asks; resumed, it asks again" {
	failing
	begin
	wait_for 30 asked
	kill -KILL "$runner"
	ended
	run rh answer night yes
	status_is 1
	says 'nobody carries out the maintenance'
	# an answer to the question of before counts for nothing
	echo '{"version":1,"question":1,"answer":"yes"}' \
		>"$(dirname "$records"/maintenances/*/question.json)/answer"
	begin --resume
	wait_for 30 grep -q 'go on with the others' "$BATS_TEST_TMPDIR/said"
	wait_for 30 asked
	[ "$(jq .question "$records"/maintenances/*/question.json)" -eq 2 ]
	[ ! -e "$records/twins/nfs1" ]
	run rh answer night yes
	status_is 0
	ended
	status_is 1
	says 'nfs1             back in'
	[ "$(restarts nfs1)" -eq 1 ]
}

# terminal: a maintenance at a terminal, whose keys are $BATS_TEST_TMPDIR/keys.
terminal() {
	mkfifo "$BATS_TEST_TMPDIR/keys"
	timeout 60 script -qfec "'$rhands' maintain night --config '$config' --records '$records'" \
		"$BATS_TEST_TMPDIR/said" <"$BATS_TEST_TMPDIR/keys" >/dev/null 2>&1 3>&- &
	runner=$!
	exec 4>"$BATS_TEST_TMPDIR/keys"
	wait_for 30 grep -aq 'Type yes or no' "$BATS_TEST_TMPDIR/said"
}

@test "ask: at the terminal; what is no answer is asked for again" {
	failing
	terminal
	printf '\r' >&4
	wait_for 10 grep -aq 'is no answer to that; expected yes or no' "$BATS_TEST_TMPDIR/said"
	printf 'y\r' >&4
	wait_for 10 grep -aq '"y" is no answer' "$BATS_TEST_TMPDIR/said"
	[ ! -e "$records/twins/nfs1" ]
	printf 'yes\r' >&4
	wait_for 30 grep -aq 'nfs1.*back in' "$BATS_TEST_TMPDIR/said"
	exec 4>&-
	ended
	says 'answer: yes, says terminal'
	says 'failed: web1: it is healthy, but was not restarted'
}

@test "ask: asked at a terminal, answered from another one" {
	failing
	terminal
	run rh answer night no
	status_is 0
	exec 4>&-
	ended
	says "answer: no, says $(id -un)"
	[ ! -e "$records/twins/nfs1" ]
}

@test "ask: who may not use answer on all of its hosts, may not answer it" {
	failing
	printf '[agent]\nrecords = %s\n' "$records" >"$config/rhands.ini"
	begin
	wait_for 30 asked
	printf '[policy one]\nwho = daemon\nhosts = web1\nverbs = answer\n' >"$config/policy.ini"
	run env SUDO_UID=1 "$rhands" answer night yes --config "$config"
	[ "$status" -ne 0 ]
	says_not 'web1: '
	asked
	[ ! -e "$records/twins/nfs1" ]
	sed -i 's/^hosts = .*/hosts = web1 nfs1/' "$config/policy.ini"
	run env SUDO_UID=1 "$rhands" answer night no --config "$config"
	status_is 0
	ended
	says 'answer: no, says '
	[ ! -e "$records/twins/nfs1" ]
}
