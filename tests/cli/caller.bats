#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a program may rely on that calls: reasons in the record, requests that come
# twice, runs that nobody waits for, wait and cancel.

load cli-lib.bash

setup_file() {
	export BATS_TEST_TIMEOUT=60
}

# board NAME: a host that is switched by programs which only say so; each act is a
# line of the file acts.
board() {
	cat >"$BATS_TEST_TMPDIR/act" <<-END
		#!/bin/sh
		echo "\$1" >>"$BATS_TEST_TMPDIR/acts"
	END
	chmod 700 "$BATS_TEST_TMPDIR/act"
	cat >"$config/hosts.d/$1.ini" <<-END
		[host]
		recover = long
		[power]
		driver = exec
		reset = $BATS_TEST_TMPDIR/act reset
		on = $BATS_TEST_TMPDIR/act on
		off = $BATS_TEST_TMPDIR/act off
		status = /bin/echo on
		status-on = on
		status-off = off
	END
	cat >"$config/sequences.d/long.ini" <<-END
		[sequence]
		start = a
		deadline = 4m
		[state a]
		do = wait 1m
		then = needs-hands "it is over"
	END
	sed -e 's/1m$/300ms/' -e 's/it is over/go there/' \
		"$config/sequences.d/long.ini" >"$config/sequences.d/short.ini"
	cat >"$config/sequences.d/kick.ini" <<-END
		[sequence]
		start = a
		needs = power
		deadline = 4m
		evidence = none
		[state a]
		do = power reset, wait 1m
		then = needs-hands "it is over"
	END
}

runs() {
	find "$records/runs" -mindepth 1 -maxdepth 1 | wc -l
}

head_of() {
	jq -r "$2" "$records/runs/$1/run.json"
}

teardown() {
	for run in "$records"/runs/*; do
		[ "$(jq -r '.verdict' "$run/run.json")" != null ] ||
			rh cancel "${run##*/}" || true
	done
	[ -z "$answers_pid" ] || kill "$answers_pid"
}

@test "--reason and --override are in the record, in one safe line" {
	board b1
	run rh run short b1 --reason $'ticket 42:\n\e[31mred\xff\xc2\x85 \\ äöü' --override 'boss said so'
	status_is 3
	id=$(ls "$records/runs")
	[ "$(head_of "$id" .why)" = 'ticket 42:  [31mred   \ äöü' ]
	[ "$(head_of "$id" .override)" = 'boss said so' ]
	run rh show last
	says 'reason     ticket 42:'
	says 'override   boss said so'
	says_not $'\e'
	run rh runs
	says '(for: ticket 42:'
	# what nobody said is not there
	rh run short b1 || true
	[ "$(head_of "$(ls "$records/runs" | grep -v "$id")" 'has("why") or has("override")')" = false ]
}

@test "--reason, --override and --request-id that are none" {
	board b1
	for option in reason override; do
		for text in '' $' \n' "$(head -c 501 /dev/zero | tr '\0' x)"; do
			run rh recover b1 "--$option" "$text"
			status_is 2
			says "--$option: expected a text of 1 to 500 bytes"
		done
	done
	for id in '' 'a b' a/b ä "$(head -c 65 /dev/zero | tr '\0' x)"; do
		run rh recover b1 --request-id "$id"
		status_is 2
		says '--request-id: expected 1 to 64'
	done
	[ ! -e "$records/runs" ]
}

@test "request: the same id again gives the same answer, and does nothing" {
	board b1
	run rh power b1 reset --request-id job:7 --json
	status_is 4
	first=$(tail -n 1 <<<"$output")
	[ "$(wc -l <"$BATS_TEST_TMPDIR/acts")" -eq 1 ]
	run rh power b1 reset --request-id job:7 --json
	status_is 4
	json_lines
	[ "$(jq -cS 'del(.repeated, .at_ms, .time, .text)' <<<"$output")" = \
		"$(jq -cS 'del(.at_ms, .time, .text)' <<<"$first")" ]
	jq -e '.repeated == true' <<<"$output"
	run rh power b1 reset --request-id job:7
	status_is 4
	says 'repeated '
	# also for a caller that would not wait
	run rh power b1 reset --request-id job:7 --no-wait
	status_is 4
	[ "$(wc -l <"$BATS_TEST_TMPDIR/acts")" -eq 1 ]
	[ "$(runs)" -eq 1 ]
	[ "$(head_of "$(ls "$records/runs")" .request_id)" = job:7 ]
}

@test "request: the same id for something else is refused, with what it was for" {
	board b1
	board b2
	rh run short b1 --request-id j || [ $? -eq 3 ]
	for words in 'run short b2' 'run short b1 b2' 'run long b1' 'recover b1' \
		'power b1 reset'; do
		run rh $words --request-id j
		status_is 2
		says 'the request id "j" was used for something else'
		says '"hosts":["b1"]'
		says '"sequence":"short"'
	done
	[ "$(runs)" -eq 1 ]
}

@test "request: for many hosts, in any order" {
	board b1
	board b2
	run rh run short b1 b2 --request-id many --json
	status_is 3
	run rh run short b2 b1 --request-id many --json
	status_is 3
	[ "$(jq -r 'select(.repeated) | .host' <<<"$output" | sort | paste -sd,)" = b1,b2 ]
	[ "$(runs)" -eq 2 ]
}

@test "request: of ten callers at once one begins, and all get its answer" {
	board b1
	for i in {1..10}; do
		rh run short b1 --request-id race --json >"$BATS_TEST_TMPDIR/out.$i" 3>&- &
	done
	for i in {1..10}; do
		wait -n && return 1 || [ $? -eq 3 ]
	done
	[ "$(runs)" -eq 1 ]
	cat "$BATS_TEST_TMPDIR"/out.* | jq -es 'map(select(.event == "verdict")) |
		length == 10 and (map(.run) | unique | length) == 1 and
		(map(select(.repeated)) | length) == 9'
}

@test "request: while it is under way: waited for, told, and not behind a deadline" {
	board b1
	id=$(rh recover b1 --no-wait --request-id slow)
	run rh recover b1 --request-id slow --no-wait --json
	status_is 0
	[ "$(jq -r '[.event, .run, .repeated] | join(" ")' <<<"$output")" = "begun $id true" ]
	run rh recover b1 --request-id slow --deadline 1s --json
	status_is 4
	says 'goes on behind this deadline'
	[ "$(jq -r 'select(.event) | .code' <<<"${lines[-1]}")" = timeout ]
	rh recover b1 --request-id slow >"$BATS_TEST_TMPDIR/out" 3>&- &
	rh cancel "$id"
	wait $! && return 1 || [ $? -eq 130 ]
	grep -q "cancelled by SIGTERM" "$BATS_TEST_TMPDIR/out"
	[ "$(runs)" -eq 1 ]
}

@test "request: a run that was killed is unknown, and not begun again" {
	board b1
	id=$(rh run kick b1 --no-wait --request-id dead)
	sent() {
		grep -qs reset "$BATS_TEST_TMPDIR/acts" &&
			grep -qs power-acked "$records/runs/$id/journal.jsonl"
	}
	wait_for 10 sent
	kill -KILL "$(head_of "$id" .pid)"
	gone() {
		[[ $(rh runs) == *killed* ]]
	}
	wait_for 10 gone
	for i in 1 2; do
		run rh run kick b1 --request-id dead
		status_is 4
		says 'was killed'
		says 'it had sent power reset'
		says 'read the power state'
	done
	# and once another run has settled it
	rh run short b1 || true
	run rh run kick b1 --request-id dead --json
	status_is 4
	[ "$(jq -r .verdict <<<"${lines[-1]}")" = unknown ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/acts")" -eq 1 ]
	[ "$(runs)" -eq 2 ]
}

@test "request: a claim without a run did nothing, and is taken up" {
	board b1
	rh run short b1 --request-id torn || [ $? -eq 3 ]
	rm -r "$records/runs"
	# its record is gone: who can tell what it did?
	run rh run short b1 --request-id torn
	status_is 4
	says 'whose record can'
	[ "$(runs)" -eq 0 ] || [ ! -e "$records/runs" ]
	# half a name, or none: it was killed before it began
	printf '20261121T1011' >"$records/requests/torn@b1"
	run rh run short b1 --request-id torn
	status_is 3
	[ "$(runs)" -eq 1 ]
}

@test "--no-wait: in a session of its own, nothing of the caller's held open" {
	board b1
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	timeout 10 cat "$BATS_TEST_TMPDIR/fifo" 3>&- &
	reader=$!
	exec 9>"$BATS_TEST_TMPDIR/fifo"
	id=$(rh recover b1 --no-wait)
	exec 9>&-
	wait "$reader"
	pid=$(head_of "$id" .pid)
	[ "$(ps -o sid= -p "$pid")" -ne "$(ps -o sid= -p $$)" ]
	[ "$(ps -o tty= -p "$pid")" = '?' ]
	[ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
	[ "$(readlink "/proc/$pid/fd/1")" = /dev/null ]
	[ "$(readlink "/proc/$pid/fd/2")" = /dev/null ]
	run rh status
	says "$id"
	# who can't begin says why, to the caller
	run --separate-stderr rh recover b1 --no-wait --json
	status_is 5
	[ "$(jq -r '.event + " " + .code' <<<"$output")" = 'verdict busy' ]
	[[ $stderr == *"held by"*"$id"* ]]
}

@test "--no-wait: many hosts" {
	board b1
	board b2
	run rh run short b1 b2 --no-wait
	status_is 0
	[ "$(grep -c 'rhands wait 2.*-b[12]-short-' <<<"$output")" -ge 2 ]
	for id in $(ls "$records/runs"); do
		run rh wait "$id" --timeout 20s
		status_is 3
	done
}

@test "wait: the verdict and the exit status are the run's" {
	board b1
	id=$(rh run short b1 --no-wait)
	run rh wait "$id" --json
	status_is 3
	json_lines
	[ "$(jq -r '[.event, .run, .verdict, .reason] | join(" ")' <<<"$output")" = \
		"verdict $id needs-hands go there" ]
	run rh wait last
	status_is 3
	says 'needs-hands go there'
	run rh wait nosuchrun
	status_is 2
	run rh wait last --timeout soon
	status_is 2
}

@test "wait: a timeout is not the end of the run" {
	board b1
	id=$(rh recover b1 --no-wait)
	run rh wait "$id" --timeout 200ms
	status_is 4
	says "the run $id goes on, after 200ms"
	run --separate-stderr rh wait "$id" --timeout 0s --json
	status_is 4
	[ "$(jq -r '[.event, .code, .exit] | join(" ")' <<<"$output")" = 'waiting timeout 4' ]
	[ "$(head_of "$id" .verdict)" = null ]
}

@test "wait and cancel: a run that was killed" {
	board b1
	id=$(rh recover b1 --no-wait)
	kill -KILL "$(head_of "$id" .pid)"
	run rh wait "$id"
	status_is 4
	says 'was killed; it had sent no power action'
	run rh cancel "$id"
	status_is 4
	says 'nothing to cancel'
}

@test "cancel: ends a run cleanly, and the record says who" {
	board b1
	id=$(rh recover b1 --no-wait)
	run rh cancel "$id" --json
	status_is 0
	json_lines
	[ "$(jq -r '[.cancelled, .verdict, .code, .exit] | join(" ")' <<<"$output")" = \
		'true unknown cancelled 130' ]
	[ "$(head_of "$id" .cancelled_by)" = "$(id -un)" ]
	jq -es 'map(.event) | index("cancel") != null' "$records/runs/$id/journal.jsonl"
	run rh show "$id"
	says "cancelled  $(id -un)"
	run rh wait "$id"
	status_is 130
	# it stays cancelled, however often one says so
	run rh cancel "$id"
	status_is 0
}

@test "cancel: a run that has ended by itself is not cancelled" {
	board b1
	rh run short b1 || true
	run rh cancel last
	status_is 1
	says 'is over, and was not cancelled: needs-hands'
	run rh cancel nosuchrun
	status_is 2
}

@test "cancel: a process that only has the run's pid is left alone" {
	board b1
	id=$(rh recover b1 --no-wait)
	json=$records/runs/$id/run.json
	cp "$json" "$BATS_TEST_TMPDIR/good.json"
	timeout 50 cat <(timeout 50 tail -f /dev/null 3>&-) 3>&- >/dev/null &
	other=$!
	# another process, and the same one at another time
	for edit in ".pid = $other" '.pid_start += 1' 'del(.pid_start)' '.agent = "elsewhere"'; do
		jq "$edit" "$BATS_TEST_TMPDIR/good.json" >"$json"
		run rh cancel "$id"
		case $edit in
		*agent*) status_is 6 && says 'can only be cancelled there' ;;
		*) status_is 4 && says 'nothing was signalled' ;;
		esac
		[ "$(jq -r .verdict "$json")" = null ]
		kill -0 "$other"
	done
	kill "$other"
	cp "$BATS_TEST_TMPDIR/good.json" "$json"
	run rh cancel "$id"
	status_is 0
}
