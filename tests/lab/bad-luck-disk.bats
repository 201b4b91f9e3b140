#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A disk that is full: no power action without a journal, and a console that is
# watched all the same.

load bad-luck-lib

# limited BLOCKS rhands-words...: no file may grow above so many kB. The output goes
# through a pipe, which has no such limit.
limited() {
	bash -c 'ulimit -f "$0"; "$@" 2>&1 | cat; exit "${PIPESTATUS[0]}"' "$1" \
		"$rhands" "$2" --config "$config" --records "$records" "${@:3}" 3>&-
}

# A machine that talks a lot, then says go.
talking_machine() {
	machine talk <<-'END'
		#!/bin/sh
		head -c 1 >/dev/null
		i=0
		while [ $i -lt 400 ]; do
			echo "line $i of what nobody can keep ......................"
			i=$((i + 1))
		done
		echo "it says go"
		exec cat
	END
}

@test "no power action without a journal" {
	up cat
	# Notes fill the journal up to the limit, then the act is due.
	{
		printf '[sequence]\nsummary = Off\nneeds = power\nstart = a\n'
		printf 'deadline = 1m\n[state a]\ndo = note "begins"\n'
		for n in $(seq 60); do
			printf '     note "%0100d"\n' "$n"
		done
		printf '     power off\nthen = recovered "it is off"\n'
	} | sequence full
	run limited 4 run full ldap1
	status_is 1
	says "power off was not sent, since the journal can't be written"
	says "File too large"
	says "make room"
	[ "$(all_acts)" -eq 0 ]
	[ "$("$lab" power "$dir" status)" = on ]
	# Whole lines, as far as they went.
	jq -es 'length > 5' "$(record)/journal.jsonl"
	[ -z "$(events power-act)" ]
	run rh run full ldap1
	status_is 0
	[ "$(acts set power 0)" -eq 1 ]
}

@test "the console is watched though it can't be kept" {
	talking_machine
	up "$BATS_TEST_TMPDIR/talk"
	sequence watch <<-'END'
		[sequence]
		summary = Watch
		needs = console
		deadline = 30s
		start = ask
		[state ask]
		do = send "ab"
		then = watch
		[state watch]
		timeout = 20s -> failed "it said nothing"
		on = /it says go/ -> recovered
	END
	run limited 8 run watch ldap1
	status_is 0
	[ "$(verdict)" = recovered ]
	[ -n "$(events record-gap)" ]
	[ "$(jq .console_bytes_not_recorded "$(record)/run.json")" -gt 1000 ]
	script -qec "asciinema cat '$(record)/console.cast'" /dev/null </dev/null
	[ "$(grep -c 'could not be recorded' "$(record)/console.cast")" -le 1 ]
	run rh show last
	status_is 0
	says "can't be recorded"
}

@test "a real disk that is full, and has room again" {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a file system of its own"
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	mkdir "$records"
	mount -t tmpfs -o size=64k,mode=700 tmpfs "$records" ||
		skip "no file system can be mounted here"
	watch_sequence 40s
	begin run watch ldap1
	wait_for 10 has_event console-up
	head -c 200000 /dev/zero >"$records/filler" 2>/dev/null || true
	yes "nobody can keep this" | head -n 2000 >>"$dir/say"
	wait_for 10 log_says "$BATS_TEST_TMPDIR/run.out" "can't be recorded"
	rm "$records/filler"
	say "room again"
	wait_for 10 log_says "$BATS_TEST_TMPDIR/run.out" "is recorded again"
	say "it says go"
	finish
	umount_after=$(cat "$(record)/run.json" "$(record)/journal.jsonl" "$(record)/console.cast")
	umount "$records"
	status_is 0
	[[ $umount_after = *'"m", "gap: '* ]]
	[[ $umount_after = *"it says go"* ]]
	[[ $umount_after = *'"verdict": "recovered"'* ]]
}

@test "a disk that is full at the start: nothing is begun" {
	up cat
	run limited 0 power ldap1 off
	status_is 1
	says "File too large"
	[ "$(all_acts)" -eq 0 ]
	[ -z "$(ls "$records/runs" 2>/dev/null)" ]
}
