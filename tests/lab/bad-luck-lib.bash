# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of bad luck share: a lab with a small program as its machine,
# hosts and sequences of their own, and the questions that are asked of a record.

bats_require_minimum_version 1.5.0
lab=$BATS_TEST_DIRNAME/lab
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	dir=$BATS_TEST_TMPDIR/lab
	config=$dir/config
	records=$BATS_TEST_TMPDIR/records
	pids=()
}

# Nothing of ours may be left when a test ends.
teardown() {
	local pid d
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for d in "$BATS_TEST_TMPDIR"/*/; do
		[ ! -e "$d/keeper.lock" ] || "$lab" down "$d"
	done
	wait_for 3 nothing_runs
	! mountpoint -q "$records" || umount "$records"
}

# wait_for SECONDS COMMAND...: until the command succeeds, or fails the test.
wait_for() {
	local limit=$((SECONDS + $1))
	shift
	until "$@"; do
		if [ "$SECONDS" -ge "$limit" ]; then
			echo "did not come true: $*"
			return 1
		fi
		sleep 0.05
	done
}

# Processes of rhands that belong to this test: by the directory in their words.
ours() {
	pgrep -f "rhands.* $BATS_TEST_TMPDIR/" || true
}

nothing_runs() {
	[ -z "$(ours)" ]
}

# machine NAME: a program for the lab, from standard input.
machine() {
	cat >"$BATS_TEST_TMPDIR/$1"
	chmod +x "$BATS_TEST_TMPDIR/$1"
}

# up [PROGRAM|cat] [OPTION...]: the lab, with hosts that are quick.
up() {
	local program=$1
	shift
	"$lab" up "$dir" --machine "$program" --owner $$ "$@" 3>&-
	. "$dir/env"
	sed -i -e '/^\[power\]/a min-off = 1s\nconfirm = 5s\nmin-interval = 0' \
		-e '/^\[host\]/a evidence = none' "$config/hosts.d/ldap1.ini"
}

# sequence NAME: a sequence of this test, from standard input.
sequence() {
	cat >"$config/sequences.d/$1.ini"
}

# rh VERB...: rhands in this lab.
rh() {
	local verb=$1
	shift
	"$rhands" "$verb" --config "$config" --records "$records" "$@" 3>&-
}

# ipmi WORD...: the other tool.
ipmi() {
	ipmitool -I lanplus -C 3 -H "$LAB_BMC_ADDRESS" -p "$LAB_BMC_PORT" \
		-U "$LAB_BMC_USER" -f "$LAB_BMC_PASSWORD_FILE" "$@" 3>&-
}

# How often the machine was told "$*", such as "set power 0".
acts() {
	grep -c " $*\$" "$dir/chassis.log" || true
}

all_acts() {
	grep -cE ' set (power|reset|shutdown)' "$dir/chassis.log" || true
}

# The folder of the last run; two may have begun in the same second.
record() {
	local last
	last=$(jq -r '"\(.started) \(input_filename)"' "$records"/runs/*/run.json |
		LC_ALL=C sort | tail -n 1)
	dirname "${last#* }"
}

record_count() {
	ls "$records"/runs/*/run.json 2>/dev/null | wc -l
}

more_records() {
	[ "$(record_count)" -gt "$1" ]
}

# events NAME [FILTER]: of the journal of the last run.
events() {
	jq -c "select(.event == \"$1\") | ${2:-.}" "$(record)/journal.jsonl"
}

has_event() {
	[ -n "$(ls "$records"/runs 2>/dev/null)" ] &&
		[ -n "$(events "$1" 2>/dev/null)" ]
}

has_events() {
	[ "$(events "$1" 2>/dev/null | wc -l)" -ge "$2" ]
}

verdict() {
	jq -r '.verdict' "$(record)/run.json"
}

# A sequence that watches the console: "go" recovers, "stop" fails.
watch_sequence() {
	sequence watch <<-END
		[sequence]
		summary = Watch the console
		needs = console
		deadline = ${1:-30s}
		start = watch
		[state watch]
		timeout = ${1:-30s} -> failed "it said nothing"
		on = /it says go/ -> recovered
		on = /it says stop/ -> failed "it said stop"
	END
}

# A machine that says what stands in $dir/say, from its start on.
saying_machine() {
	machine say <<-'END'
		#!/bin/sh
		: >>"$LAB_DIR/say"
		exec tail -n +1 -f "$LAB_DIR/say"
	END
}

say() {
	echo "$*" >>"$dir/say"
}

says() {
	[[ $output = *"$1"* ]] || {
		echo "expected: $1"
		echo "got: $output"
		return 1
	}
}

says_not() {
	[[ $output != *"$1"* ]] || {
		echo "not expected: $1"
		echo "got: $output"
		return 1
	}
}

status_is() {
	[ "$status" -eq "$1" ] || {
		echo "expected status $1, got $status: $output"
		return 1
	}
}

# A run in the background; its process is in $run_pid, its output in run.out.
begin() {
	local before
	before=$(record_count)
	"$rhands" "$1" --config "$config" --records "$records" "${@:2}" \
		>"$BATS_TEST_TMPDIR/run.out" 2>&1 3>&- </dev/null &
	run_pid=$!
	pids+=("$run_pid")
	wait_for 10 more_records "$before"
}

# The end of it, like `run`: status and output.
finish() {
	status=0
	wait "$run_pid" || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/run.out")
}

# A console in the background, its input is descriptor 5, its process $console.
open_console() {
	[ -p "$BATS_TEST_TMPDIR/typed" ] || mkfifo "$BATS_TEST_TMPDIR/typed"
	exec 5<>"$BATS_TEST_TMPDIR/typed"
	: >"$BATS_TEST_TMPDIR/console.out"
	"$rhands" console ldap1 --config "$config" --records "$records" "$@" \
		<"$BATS_TEST_TMPDIR/typed" >"$BATS_TEST_TMPDIR/console.out" 2>&1 \
		3>&- 5>&- &
	console=$!
	pids+=("$console")
	wait_for 10 log_says "$BATS_TEST_TMPDIR/console.out" "attached"
}

# The hands of a process; that of the console has a library with threads.
hands_of() {
	pgrep -P "$1" || true
}

console_hand() {
	local pid
	for pid in $(hands_of "$1"); do
		[ "$(ls "/proc/$pid/task" 2>/dev/null | wc -l)" -le 1 ] || echo "$pid"
	done
}

power_hand() {
	local pid
	for pid in $(hands_of "$1"); do
		[ "$(ls "/proc/$pid/task" 2>/dev/null | wc -l)" -ne 1 ] || echo "$pid"
	done
}

gone() {
	local pid
	for pid in "$@"; do
		case $(ps -o stat= -p "$pid") in
		'' | Z*) ;;
		*) return 1 ;;
		esac
	done
}

log_says() {
	grep -qaF -- "$2" "$1"
}
