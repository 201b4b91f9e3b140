#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Suites of tests, on hosts that are twins: which verdicts are right, repeats,
# hosts beside each other, TAP, JUnit XML, times and flakiness.

load cli-lib.bash

# board NAME...: hosts whose port 22 is open; each "flip" closes or opens it.
board() {
	local name

	mkdir -p "$config/twins.d"
	for name in "$@"; do
		cat >"$config/hosts.d/$name.ini" <<-END
			[host]
			summary = a board that does not exist
			groups = boards
			[shell]
			driver = twin
			twin = board
			[check]
			driver = twin
			twin = board
		END
	done
	cat >"$config/twins.d/board.ini" <<-'END'
		[twin]
		start = open
		on = open
		off = dark
		[state open]
		healthy = yes
		ssh = yes
		open = 22
		on shell = /^flip$/ : say "" -> shut
		on shell = /^look$/ : say "up"
		[state dark]
		power = off
		[state shut]
		healthy = yes
		ssh = yes
		on shell = /^flip$/ : say "" -> open
		on shell = /^look$/ : say "up"
	END
	sequence look 'shell "look"' 'check tcp 22'
	sequence flip 'shell "flip"' 'check tcp 22'
	sequence fail 'shell "look"' 'check tcp 23'
}

# sequence NAME FIRST SECOND: two states; an error in the second is a verdict.
sequence() {
	local needs=

	[[ $2 != shell* ]] || needs=shell
	cat >"$config/sequences.d/$1.ini" <<-END
		[sequence]
		summary = Test $1
		needs = $needs
		start = first
		deadline = 3m
		[state first]
		do = $2
		then = second
		[state second]
		do = $3
		then = recovered
		else = failed "<port> & \"co\" are shut"
	END
}

suite() {
	cat >"$config/suite.ini"
}

suite_run() {
	run --separate-stderr timeout 60 "$rhands" test --config "$config" \
		--records "$records" "$config/suite.ini" "$@"
	echo "$output"
	# shellcheck disable=SC2154
	echo "$stderr"
}

# tap_is_whole: the version, a plan that fits, each point once, blocks closed.
tap_is_whole() {
	[ "$(head -n 1 <<<"$output")" = "TAP version 14" ]
	awk '/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0; plans++ }
	     /^(not )?ok / { n++; sub(/^not /, ""); if ($2 != n) bad = 1 }
	     /^  ---$/ { open++ } /^  \.\.\.$/ { closed++ }
	     END { exit !(plans == 1 && plan == n && open == closed && !bad) }' <<<"$output"
}

@test "a suite whose runs end as expected is all ok" {
	board b1 b2
	suite <<-END
		[suite]
		summary = Boards
		[test look]
		sequence = look
		hosts = b[1-2]
		repeat = 2
		[test dark]
		summary = Port 23 is shut
		sequence = fail
		hosts = b1
		expect = failed needs-hands
	END
	suite_run
	status_is 0
	tap_is_whole
	[ "$(grep -c '^ok ' <<<"$output")" -eq 5 ]
	says 'ok 1 - look b'
	says ' - dark b1 run 1'
	says '# 5 as expected, 0 not'
	[ "$(find "$records/runs" -name run.json | wc -l)" -eq 5 ]
}

@test "a run that ends otherwise is not ok, and TAP says why in YAML" {
	board b1
	suite <<-END
		[test look]
		sequence = fail
		hosts = b1
	END
	suite_run --junit "$BATS_TEST_TMPDIR/junit.xml"
	status_is 1
	tap_is_whole
	says 'not ok 1 - look b1 run 1'
	# the blocks are YAML
	sed -n '/^  ---$/,/^  \.\.\.$/p' <<<"$output" | sed 's/^  //' >"$BATS_TEST_TMPDIR/block"
	if python3 -c 'import yaml' 2>/dev/null; then
		python3 - "$BATS_TEST_TMPDIR/block" <<-'END'
			import sys, yaml
			d = yaml.safe_load(open(sys.argv[1]))
			assert d["message"].startswith('<port> & "co" are shut'), d
			assert d["found"] == "failed" and d["wanted"] == "recovered", d
			assert [s["state"] for s in d["states"]] == ["start", "first", "second"], d
		END
	fi
	grep -q '^message: "<port> & \\"co\\" are shut' "$BATS_TEST_TMPDIR/block"
	grep -q '^found: "failed"$' "$BATS_TEST_TMPDIR/block"
	# JUnit XML: well-formed, valid, and the text came through
	xmllint --noout --schema "$BATS_TEST_DIRNAME/junit.xsd" "$BATS_TEST_TMPDIR/junit.xml"
	[ "$(xmllint --xpath 'string(//failure/@type)' "$BATS_TEST_TMPDIR/junit.xml")" = failed ]
	[[ "$(xmllint --xpath 'string(//failure/@message)' "$BATS_TEST_TMPDIR/junit.xml")" = \
		'<port> & "co" are shut'* ]]
	[ "$(xmllint --xpath 'string(/testsuites/@failures)' "$BATS_TEST_TMPDIR/junit.xml")" = 1 ]
}

@test "repeats: times of each state and what is flaky, over all of them" {
	board b1
	suite <<-END
		[test flip]
		sequence = flip
		hosts = b1
		repeat = 3
		[test look]
		sequence = look
		hosts = b1
		expect = recovered failed
	END
	suite_run --repeat 2 --json
	status_is 1
	json_lines
	# shut, open, shut; look; open, shut, open; look
	[ "$(jq -r 'select(.event == "case") | .test + ":" + .outcome' <<<"$output" | paste -sd,)" = \
		"flip:failed,flip:recovered,flip:failed,look:failed,flip:recovered,flip:failed,flip:recovered,look:recovered" ]
	jq -es '.[-1] | .event == "suite" and .cases == 8 and .wrong == 3 and (.cancelled | not) and
		(.pairs == [{test:"flip", host:"b1", cases:6, wrong:3, flaky:true},
			    {test:"look", host:"b1", cases:2, wrong:0, flaky:false}]) and
		([.times[] | select(.test == "flip" and .state != null) | [.state, .count]] ==
			[["start", 6], ["first", 6], ["second", 6]]) and
		all(.times[]; .min_ms <= .median_ms and .median_ms <= .max_ms)' <<<"$output"
	suite_run
	says '# flip             b1                    3'
	says '66.7%  recovered 1, failed 2'
	says '# flip             second                3'
}

@test "--until-failure goes on without end, up to the first that is wrong" {
	board b1
	suite <<-END
		[test flip]
		sequence = flip
		hosts = b1
	END
	rh run flip b1 && false
	suite_run --until-failure
	status_is 1
	tap_is_whole
	[ "$(grep -c '^ok' <<<"$output")" -eq 1 ]
	[ "$(grep -c '^not ok' <<<"$output")" -eq 1 ]
}

@test "--keep failed keeps the records of those alone, none keeps none" {
	board b1
	suite <<-END
		[test flip]
		sequence = flip
		hosts = b1
		repeat = 4
	END
	suite_run --keep failed
	status_is 1
	[ "$(jq -r .verdict "$records"/runs/*/run.json | sort | uniq -c | tr -s ' ')" = " 2 failed" ]
	suite_run --keep none
	[ "$(find "$records/runs" -name run.json | wc -l)" -eq 2 ]
	# what is kept can be shown
	run rh show last
	status_is 0
}

@test "hosts go on beside each other, and one host has one run at a time" {
	board b1 b2 b3
	sequence nap 'wait 600ms' 'check tcp 22'
	suite <<-END
		[test one]
		sequence = nap
		hosts = @boards
		[test two]
		sequence = nap
		hosts = all
	END
	suite_run --json
	status_is 0
	[ "$(grep -c '"event":"case"' <<<"$output")" -eq 6 ]
	overlaps() {
		jq -es 'map({host, s: (.started | sub("Z$"; "") | split(".") |
				((.[0] + "Z" | fromdate) + ("0." + .[1] | tonumber))),
			     d: (.duration_ms / 1000)}) |
			[.[] as $a | .[] as $b | select($a != $b and $a.s <= $b.s and $a.s + $a.d > $b.s + 0.05)] |
			{same: map(select(0 == 1)) | length, all: length} | .all > 0' "$records"/runs/*/run.json
	}
	overlaps
	# none was refused because of a lock, and with parallel = 1 none is beside another
	rm -rf "$records/runs"
	suite <<-END
		[test one]
		sequence = nap
		hosts = all
		parallel = 1
	END
	suite_run
	status_is 0
	run ! overlaps
}

@test "a host that somebody else holds is an error in JUnit, and may be expected" {
	board b1
	sequence nap 'wait 20s' 'check tcp 22'
	"$rhands" run nap b1 --config "$config" --records "$records" >/dev/null 2>&1 3>&- &
	local holder=$!
	wait_for 10 grep -qs '"run"' "$records/locks/b1.lock"
	suite <<-END
		[test look]
		sequence = look
		hosts = b1
	END
	suite_run --junit "$BATS_TEST_TMPDIR/junit.xml"
	status_is 1
	says 'found: "busy"'
	xmllint --noout --schema "$BATS_TEST_DIRNAME/junit.xsd" "$BATS_TEST_TMPDIR/junit.xml"
	[ "$(xmllint --xpath 'string(//error/@type)' "$BATS_TEST_TMPDIR/junit.xml")" = busy ]
	echo "expect = busy" >>"$config/suite.ini"
	suite_run
	status_is 0
	kill "$holder"
	wait "$holder" || true
}

@test "a signal ends what is under way, and TAP bails out" {
	board b1 b2
	sequence nap 'wait 15s' 'check tcp 22'
	suite <<-END
		[test nap]
		sequence = nap
		hosts = all
		repeat = 9
	END
	"$rhands" test --config "$config" --records "$records" "$config/suite.ini" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local pid=$!
	begun() {
		[ "$(cat "$records"/runs/*/journal.jsonl 2>/dev/null | grep -c '"state":"first"')" -ge 2 ]
	}
	wait_for 20 begun
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	cat "$BATS_TEST_TMPDIR/out"
	status_is 130
	grep -q '^Bail out!' "$BATS_TEST_TMPDIR/out"
	[ "$(grep -c '^not ok' "$BATS_TEST_TMPDIR/out")" -eq 2 ]
	[ "$(jq -r .code "$records"/runs/*/run.json | sort -u)" = cancelled ]
}

@test "what is wrong in a suite is said with its line, and nothing is begun" {
	board b1
	suite <<-END
		[suite]
		sumary = x
		[test look]
		hosts = b1
		[test look]
		sequence = look
		hosts = b1
		expect = sucess
		repeat = 0
	END
	suite_run
	status_is 2
	[[ $stderr = *'suite.ini:2:'*'did you mean "summary"'* ]]
	[[ $stderr = *'suite.ini:3:'*'lacks "sequence"'* ]]
	[[ $stderr = *'suite.ini:5:'*'is there twice'* ]]
	[[ $stderr = *'suite.ini:8:'*'expect'* ]]
	[[ $stderr = *'suite.ini:9:'*'repeat'* ]]
	suite <<-END
		[test look]
		sequence = lok
		hosts = b1
	END
	suite_run
	status_is 2
	[[ $stderr = *'did you mean "look"'* ]]
	suite <<-END
		[test look]
		sequence = look
		hosts = b9
	END
	suite_run
	status_is 2
	suite </dev/null
	suite_run
	status_is 2
	chmod o+w "$config/suite.ini"
	suite_run
	status_is 2
	[ ! -e "$records/runs" ]
}

@test "at a terminal it is a table, and --repeat wants a number" {
	board b1
	suite <<-END
		[suite]
		summary = Boards
		[test look]
		sequence = look
		hosts = b1
	END
	run script -qec "$rhands test --config $config --records $records $config/suite.ini" /dev/null
	echo "$output"
	status_is 0
	says 'suite  Boards'
	[[ $output =~ ok\ +look\ +b1\ +#1\ +recovered ]]
	says_not 'TAP version'
	suite_run --repeat 0
	status_is 2
	suite_run --keep some
	status_is 2
}

@test "tests in other languages: the examples in doc/ run" {
	board b1
	local doc=$BATS_TEST_DIRNAME/../../doc
	run --separate-stderr env RHANDS="$rhands" "$doc/test-boot.sh" 2 flip b1 \
		--config "$config" --records "$records"
	echo "$output"
	status_is 1
	says 'run 1: failed in '
	says 'run 2: recovered in '
	says ' ms in second'
	says '1 of 2 recovered'
	run env RHANDS="$rhands --config '$config' --records '$records'" HOST=b1 SEQUENCE=look \
		python3 "$doc/test_boot.py"
	echo "$output"
	status_is 0
	says 'Ran 3 tests'
	run env RHANDS="$rhands --config '$config' --records '$records'" HOST=b1 SEQUENCE=fail \
		python3 "$doc/test_boot.py"
	echo "$output"
	status_is 1
	says 'FAILED (failures=1)'
}
