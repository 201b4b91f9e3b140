#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# One thing on many hosts: a process each, the worst verdict as exit status, and
# what came of them folded where it is equal.

load cli-lib.bash

# rack N: web1 to webN, of which a check succeeds; sick is a host that fails.
rack() {
	local n

	answers
	for n in $(seq "$1"); do
		host "web$n" </dev/null
	done
	host sick </dev/null
	sed -i 's/^recover.*/recover = ache/' "$config/hosts.d/sick.ini"
	nap
	cat >"$config/sequences.d/ache.ini" <<-END
		[sequence]
		needs = power
		deadline = 1m
		start = a
		[state a]
		do = wait 300ms
		then = needs-hands "take it to the workshop"
	END
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

recover_all() {
	run timeout 60 "$rhands" recover "$@" --config "$config" --records "$records"
	echo "$output"
}

@test "many hosts are recovered at once, and each has its record" {
	rack 4
	recover_all 'web[1-4]'
	[ "$status" -eq 0 ]
	[ "$(grep -c '^web[1-4] *recovered ' <<<"$output")" -eq 4 ]
	[[ $output == *'4 recovered   web[1-4]'* ]]
	[ "$(find "$records/runs" -name run.json | wc -l)" -eq 4 ]
}

@test "the exit status is the worst, and who is worse is named with the reason" {
	rack 3
	recover_all all
	[ "$status" -eq 3 ]
	[[ $output == *'3 recovered   web[1-3]'* ]]
	[[ $output == *'1 needs-hands sick: take it to the workshop'* ]]
	[[ $output == *'rhands show '*'-sick-ache-'* ]]
}

@test "with --json each line is whole, and each host has one verdict" {
	rack 3
	recover_all all --json
	[ "$status" -eq 3 ]
	[ "$(jq -r 'select(.event == "verdict") | .host + " " + .verdict' \
		<<<"$output" | sort | paste -sd,)" = \
		'sick needs-hands,web1 recovered,web2 recovered,web3 recovered' ]
}

@test "no more than --parallel are under way" {
	rack 6
	recover_all 'web[1-6]' --parallel 2
	[ "$status" -eq 0 ]
	# Each moment at which a run began: how many had begun, and not ended.
	jq -es 'map({s: (.started | sub("Z$"; "") | split(".") |
			((.[0] + "Z" | fromdate) + ("0." + (.[1] // "0") | tonumber))),
		     d: (.duration_ms / 1000)}) | . as $runs |
		map(.s as $t | [$runs[] | select(.s <= $t and .s + .d - 0.2 > $t)] | length) |
		max <= 2' "$records"/runs/*/run.json
	run "$rhands" recover web1 web2 --parallel 0 --config "$config"
	[ "$status" -eq 2 ]
	[[ $output == *'--parallel 0: expected a number from 1 to 1024'* ]]
}

@test "a run that is killed is unknown, and the others go on" {
	rack 2
	sed -i 's/wait 300ms/wait 50s/' "$config/sequences.d/ache.ini"
	timeout 60 "$rhands" recover all --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local parent=$! child
	wait_for 20 grep -q '^web2 .*recovered' "$BATS_TEST_TMPDIR/out"
	child=$(pgrep -f -P "$(pgrep -P $parent rhands)" 'recover all')
	kill -KILL "$child"
	wait "$parent" && false
	cat "$BATS_TEST_TMPDIR/out"
	grep -q '1 unknown .*sick: its process was ended by signal 9' "$BATS_TEST_TMPDIR/out"
	grep -q '2 recovered   web\[1-2\]' "$BATS_TEST_TMPDIR/out"
}

@test "a signal ends what is under way, and begins nothing more" {
	rack 2
	sed -i 's/wait 300ms/wait 50s/' "$config/sequences.d/ache.ini"
	timeout 60 "$rhands" recover sick web1 web2 --parallel 1 --config "$config" \
		--records "$records" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local parent=$!
	begun() {
		grep -qs '"state"' "$records"/runs/*/journal.jsonl
	}
	wait_for 20 begun
	kill -TERM "$(pgrep -P $parent rhands)"
	wait "$parent" || status=$?
	[ "$status" -eq 130 ]
	cat "$BATS_TEST_TMPDIR/out"
	grep -q '2 not begun   web\[1-2\]' "$BATS_TEST_TMPDIR/out"
	grep -q '^sick  *.*cancel' "$BATS_TEST_TMPDIR/out"
}

@test "power of many hosts: one that can't be reached delays nobody" {
	rack 2
	run timeout 100 "$rhands" power web1 web2 on --config "$config" --records "$records"
	echo "$output"
	[ "$status" -eq 4 ]
	[[ $output == *'2 unknown     web[1-2]: '* ]]
}

@test "on a small terminal the table keeps to its lines, and says what is waited for" {
	rack 9
	sed -i 's/wait 100ms/wait 2s/' "$config/sequences.d/nap.ini"
	run timeout 60 "$BATS_TEST_DIRNAME/fleet-pty.py" 10 36 "$rhands" recover \
		'web[1-9]' --config "$config" --records "$records"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'9 under way, 0 to go, 0 done (not a'* ]]
	[[ $output =~ web1\ +0:01\ +nap\ +the\ console ]]
	# No row stands twice on a screen, and the table went before the summary.
	awk '/^==/ { delete seen }
	     /^web[0-9] +0:/ { if (seen[$1]++) exit 1 }' <<<"$output"
	[[ ${output##*==} != *'under way'* ]]
	[[ ${output##*==} == *'9 recovered   web[1-9]'* ]]
}

@test "a reader that does not read holds up no run, and misses no line" {
	local notes='note "'$(printf '%0200d' 7)'"' out=$BATS_TEST_TMPDIR/out
	rack 9
	sed -i "s/^do.*/&$(for _ in {1..40}; do printf ', %s' "$notes"; done)/" \
		"$config/sequences.d/nap.ini"
	mkfifo "$out"
	exec 7<>"$out"
	timeout 60 "$rhands" recover 'web[1-9]' --parallel 2 --json \
		--config "$config" --records "$records" >"$out" 3>&- 7>&- &
	local parent=$!
	all_over() {
		[ "$(cat "$records"/runs/*/run.json 2>/dev/null |
			jq -r 'select(.verdict == "recovered").host' | wc -l)" -eq 9 ]
	}
	wait_for 40 all_over
	timeout 20 grep -m 9 '"verdict"' <&7 >"$BATS_TEST_TMPDIR/verdicts"
	exec 7>&-
	wait "$parent"
	[ "$(jq -r .host "$BATS_TEST_TMPDIR/verdicts" | sort -u | wc -l)" -eq 9 ]
}

@test "a signal ends it also where nobody reads" {
	local notes='note "'$(printf '%0200d' 7)'"' out=$BATS_TEST_TMPDIR/out
	rack 9
	sed -i "s/^do.*/&$(for _ in {1..40}; do printf ', %s' "$notes"; done)/" \
		"$config/sequences.d/nap.ini"
	mkfifo "$out"
	exec 7<>"$out"
	"$rhands" recover 'web[1-9]' --json --config "$config" --records "$records" \
		>"$out" 3>&- 7>&- &
	local parent=$!
	all_over() {
		[ "$(cat "$records"/runs/*/run.json 2>/dev/null |
			jq -r 'select(.verdict == "recovered").host' | wc -l)" -eq 9 ]
	}
	wait_for 40 all_over
	kill -TERM "$parent"
	wait_for 10 gone "$parent"
	exec 7>&-
}

@test "a host that the sequence does not fit is not begun, and has a verdict" {
	rack 2
	echo 'then = needs-hands "${place}"' >"$BATS_TEST_TMPDIR/then"
	sed -i -e "/^then/r $BATS_TEST_TMPDIR/then" -e '/^then/d' \
		"$config/sequences.d/nap.ini"
	printf '[vars]\nplace = rack 7\n' >>"$config/hosts.d/web2.ini"
	run -3 --separate-stderr timeout 60 "$rhands" recover web1 web2 --json \
		--config "$config" --records "$records"
	[[ $stderr == *'${place} is not set'* ]]
	[ "$(jq -r 'select(.event == "verdict") | .host + " " + .verdict + " " + .code' \
		<<<"$output" | sort | paste -sd,)" = \
		'web1 unknown config,web2 needs-hands none' ]
}

@test "hosts that others hold are told one by one, and folded at the end" {
	rack 3
	sed -i 's/wait 100ms/wait 4s/' "$config/sequences.d/nap.ini"
	timeout 60 "$rhands" recover 'web[1-3]' --config "$config" \
		--records "$records" >/dev/null 3>&- &
	local parent=$!
	held() {
		[ "$(grep -ls '"state"' "$records"/runs/*/journal.jsonl | wc -l)" -eq 3 ]
	}
	wait_for 20 held
	recover_all 'web[1-3]'
	[ "$status" -eq 5 ]
	[ "$(grep -c '^web[1-3] *busy .*is held by .*pid' <<<"$output")" -eq 3 ]
	[[ $output == *'3 busy        web[1-3]: held by others, see above'* ]]
	wait "$parent"
}

@test "reasons that differ by the name of their host alone are folded" {
	rack 3
	umask 077
	mkdir -p "$records"/locks/web{1,2,3}.lock
	recover_all 'web[1-3]'
	[ "$status" -ne 0 ]
	[[ $output == *"web[1-3]: "*"/locks/*.lock: Is a directory"* ]]
}

@test "the terminal may go away: those that are to come are begun all the same" {
	rack 3
	"$rhands" recover 'web[1-3]' --parallel 1 --config "$config" \
		--records "$records" >/dev/null 2>&1 3>&- &
	local parent=$!
	begun() {
		grep -qs '"state"' "$records"/runs/*/journal.jsonl
	}
	wait_for 20 begun
	kill -HUP "$parent"
	wait "$parent"
	[ "$(cat "$records"/runs/*/run.json | jq -r .verdict | grep -c recovered)" -eq 3 ]
}
