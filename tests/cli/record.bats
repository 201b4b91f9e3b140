#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Records, read by people: runs, show, replay; also damaged ones, hostile ones and
# those that can't be written.

load cli-lib

journal_says() {
	grep -qsF -- "$1" "$records"/runs/*/journal.jsonl
}

setup_run() {
	good
	rh recover ldap1 >/dev/null
	run_dir=$(echo "$records"/runs/*)
	id=${run_dir##*/}
}

@test "a record has its files, and they are private" {
	setup_run
	[[ $id =~ ^[0-9]{8}T[0-9]{6}Z-ldap1-nap-[0-9a-f]{4}$ ]]
	[ "$(stat -c %a "$run_dir")" = 700 ]
	for file in run.json journal.jsonl console.cast; do
		[ "$(stat -c %a "$run_dir/$file")" = 600 ]
	done
	jq -e '.version == 1 and .host == "ldap1" and .sequence == "nap" and
		.verdict == "recovered" and .exit == 0 and (.user | length > 0) and
		.duration_ms >= 100 and .started < .ended' "$run_dir/run.json"
	jq -es 'all(.[]; .version == 1 and .at_ms >= 0 and (.time | endswith("Z")))
		and .[-1].event == "verdict"' "$run_dir/journal.jsonl"
	# asciinema insists on a terminal.
	script -qec "asciinema cat '$run_dir/console.cast'" /dev/null </dev/null
}

@test "a run is found by its name, its beginning, its end, a path and last" {
	setup_run
	for word in "$id" "${id:0:20}" "${id: -4}" "$run_dir" last; do
		run rh show "$word"
		status_is 0
		says "recovered"
		says "$id"
	done
	run rh show nosuchrun
	status_is 2
	says "rhands runs"
	run rh show ''
	status_is 2
	rh recover ldap1 >/dev/null
	run rh show "${id:0:4}"
	status_is 2
	says "means several runs"
}

@test "runs: of a host, not of one whose name begins the same" {
	setup_run
	host ldap1-old </dev/null
	rh recover ldap1-old >/dev/null
	run rh runs ldap1
	status_is 0
	[ "${#lines[@]}" -eq 1 ]
	run rh runs ldap1-old
	[ "${#lines[@]}" -eq 1 ]
	run rh runs
	[ "${#lines[@]}" -eq 2 ]
}

@test "show: a journal that ends in half a line" {
	setup_run
	size=$(stat -c %s "$run_dir/journal.jsonl")
	truncate -s $((size - 30)) "$run_dir/journal.jsonl"
	run rh show last
	status_is 0
	says "ldap1  nap: Wait a moment"
	says "recovered"
	run rh show last --json
	status_is 0
	json_lines
}

@test "show: a journal of garbage, and none" {
	setup_run
	head -c 20000 /dev/urandom >"$run_dir/journal.jsonl"
	printf '\n[]\n"x"\n{}\n{"event":5,"at_ms":"x","text":[]}\n' >>"$run_dir/journal.jsonl"
	run rh show last
	status_is 0
	rm "$run_dir/journal.jsonl"
	run rh show last
	status_is 1
	says "journal.jsonl"
	says "No such file"
}

@test "a damaged run.json is a row of runs, not the end of the list" {
	setup_run
	mkdir "$records/runs/20200101T000000Z-ldap1-nap-0000"
	for text in '' '{' '[]' '{"verdict":'; do
		printf %s "$text" >"$records/runs/20200101T000000Z-ldap1-nap-0000/run.json"
		run rh runs
		status_is 0
		says "damaged"
		says "$id"
		run rh runs --json
		status_is 0
		json_lines
		run rh show 20200101
		status_is 1
		says "run.json"
	done
}

@test "a hostile record does not reach the terminal" {
	setup_run
	evil=$'\e]0;owned\a\e[2J'
	jq -c --arg e "$evil" '.host += $e | .sequence += $e | .summary += $e |
		.user += $e | .agent += $e | .reason += $e | .verdict += $e |
		.run += $e | .started += $e' "$run_dir/run.json" >"$run_dir/new"
	mv "$run_dir/new" "$run_dir/run.json"
	jq -c --arg e "$evil" '.state = $e | .text = ($e + (.text // ""))' \
		"$run_dir/journal.jsonl" >"$run_dir/new"
	mv "$run_dir/new" "$run_dir/journal.jsonl"
	mkdir -p "$run_dir/evidence"
	: >"$run_dir/evidence/$evil"
	for words in runs 'show last'; do
		run rh $words
		says_not $'\e'
		says_not $'\a'
		says '\e]0;owned'
	done
}

@test "a run folder that is a link to elsewhere is not written to" {
	good
	mkdir -p "$records" "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere/lock" "$BATS_TEST_TMPDIR/link"
	mkdir -p "$records/locks"
	ln -s "$BATS_TEST_TMPDIR/elsewhere/victim" "$records/locks/ldap1.lock"
	run rh recover ldap1
	status_is 1
	says "ldap1.lock"
	[ ! -e "$BATS_TEST_TMPDIR/elsewhere/victim" ]
	rm "$records/locks/ldap1.lock"
	rh recover ldap1 >/dev/null
	run_dir=$(echo "$records"/runs/*)
	mv "$run_dir/run.json" "$BATS_TEST_TMPDIR/elsewhere/"
	ln -s "$BATS_TEST_TMPDIR/elsewhere/run.json" "$run_dir/run.json"
	run rh show last
	status_is 1
	says "run.json"
}

@test "records that can't be written: nothing is begun" {
	good
	: >"$BATS_TEST_TMPDIR/file"
	for option in '' --json; do
		run --separate-stderr "$rhands" recover ldap1 $option \
			--config "$config" --records "$BATS_TEST_TMPDIR/file/records"
		status_is 1
		[[ $stderr = *"$BATS_TEST_TMPDIR/file"* ]]
		[[ $stderr = *"Not a directory"* ]]
	done
	json_lines
	[ "$(jq -r '.event, .verdict, .exit' <<<"$output" | xargs)" = \
		'verdict unknown 1' ]
	run "$rhands" recover ldap1 --config "$config" --records "$BATS_TEST_TMPDIR/file"
	[ "$status" -eq 1 ]
	says "$BATS_TEST_TMPDIR/file"
}

@test "records where others can write are refused" {
	good
	mkdir "$records"
	mkdir -m 700 "$records/runs" "$records/locks"
	for path in "$records/runs" "$records/locks"; do
		chmod 777 "$path"
		run rh recover ldap1
		status_is 2
		says "chmod o-w $path"
		chmod 700 "$path"
	done
	[ -z "$(ls "$records/runs")" ]
}

@test "a disk that is full at the start leaves no half record" {
	good
	run bash -c 'ulimit -f 0; "$@" 2>&1 | cat; exit ${PIPESTATUS[0]}' - "$rhands" \
		recover ldap1 --config "$config" --records "$records"
	status_is 1
	says "File too large"
	[ -z "$(ls "$records/runs" 2>/dev/null)" ]
	run rh recover ldap1
	status_is 0
	says_not "was killed"
}

@test "a run that was killed: runs and show say so, the next run settles it" {
	good
	sed -i 's/wait 100ms/wait 100s/; s/= 10s/= 5m/' "$config/sequences.d/nap.ini"
	"$rhands" recover ldap1 --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	wait_for 5 journal_says '"state"'
	run rh runs
	says "running"
	run rh show last
	says "running"
	run rh recover ldap1
	status_is 5
	says "held by"
	says "rhands recover, pid $pid"
	says "nothing was done"
	run --separate-stderr rh recover ldap1 --json
	status_is 5
	[ "$(jq -r .code <<<"$output")" = busy ]
	run rh status ldap1
	says "held by"
	kill -KILL "$pid"
	wait "$pid" || true
	run rh runs
	says "killed"
	run rh show last
	says "killed"
	sed -i 's/wait 100s/wait 100ms/' "$config/sequences.d/nap.ini"
	run rh recover ldap1
	status_is 0
	says "was killed; it had sent no power action"
	run rh runs
	says "unknown"
	says "recovered"
	says_not "killed  "
	run rh recover ldap1
	says_not "was killed"
}

# A recording with a title of its own, from lines.
recording() {
	mkdir -p "$records/runs/20200101T000000Z-ldap1-nap-cccc"
	cat >"$records/runs/20200101T000000Z-ldap1-nap-cccc/console.cast"
}

@test "replay: at a speed, through the filter, or raw" {
	recording <<-'END'
		{"version": 2, "width": 80, "height": 25}
		[0.1, "o", "hello \u001b[31mred\u001b[0m\r\n"]
		[5.0, "o", "\u001b]0;owned\u0007\u001b[5nlater\r\n"]
		[5.0, "i", "F1"]
		[5.0, "m", "a marker"]
	END
	run rh replay cccc --speed 1000
	status_is 0
	says "hello"
	says "later"
	says_not "owned"
	says_not $'\e['5n
	says_not "F1"
	run rh replay cccc --speed 1000 --raw
	says $'\e]0;owned\a\e[5nlater'
	SECONDS=0
	run rh replay cccc --idle 100ms
	status_is 0
	[ "$SECONDS" -le 3 ]
}

@test "replay: 2 MB of hostile output, nothing of it arrives" {
	python3 - >"$BATS_TEST_TMPDIR/cast" <<-'END'
		import json, random
		random.seed(1)
		evil = ["\x1b]0;owned\x07", "\x1b[2J", "\x1bP$q\"p\x1b\\", "\x1b[c", "\x1b[6n",
		        "\x9b6n", "\x1b]52;c;b3duZWQ=\x07", "\x1b[?1049h", "\x1b[8;1;1t", "\x05",
		        "\x1b[21t", "\x1bc", "\x1b_evil\x1b\\", "\x1b^x\x1b\\", "\x1b[>c", "\x1b#8"]
		print(json.dumps({"version": 2, "width": 80, "height": 25}))
		size = 0
		while size < 2_000_000:
		    text = "".join(random.choice(evil) for _ in range(200)) + "word\r\n"
		    cut = random.randrange(len(text))
		    for part in text[:cut], text[cut:]:
		        print(json.dumps([0.0, "o", part]))
		    size += len(text)
	END
	recording <"$BATS_TEST_TMPDIR/cast"
	rh replay cccc >"$BATS_TEST_TMPDIR/out"
	grep -q word "$BATS_TEST_TMPDIR/out"
	python3 - "$BATS_TEST_TMPDIR/out" <<-'END'
		import re, sys
		out = open(sys.argv[1], "rb").read()
		for bad in (rb"\x1b\]", rb"\x1bP", rb"\x1b_", rb"\x1b\^", rb"\x1b\[[0-9;?>]*[cnt]",
		            rb"\x1bc", rb"\x1b#", rb"\x05", rb"\xc2\x9b", rb"\x1b\[\?"):
		    found = re.search(bad, out)
		    if found:
		        sys.exit(f"{bad} at {found.start()}: {out[found.start():found.start()+20]}")
	END
}

@test "replay: damaged, empty, missing, and of another kind" {
	recording <<-'END'
		{"version": 2, "width": 80, "height": 25}
		[0.1, "o", "before\r\n"]
		[0.1, "o", "bef
		[1e300, "o", "never"]
		[0.1, "o", "after\r\n"]
		[0.2, "o", "hal
	END
	run timeout 10 "$rhands" replay cccc --config "$config" --records "$records"
	status_is 0
	says "before"
	says "after"
	says "line 6 of the recording is damaged"
	recording <<<'{"version": 2, "width": 80, "height": 25}'
	run rh replay cccc
	status_is 0
	says "nothing was printed on the console in this run"
	recording </dev/null
	run rh replay cccc
	status_is 1
	says "no recording: it is empty"
	recording <<<'hello'
	run rh replay cccc
	status_is 1
	says "no recording"
	rm "$records"/runs/*/console.cast
	run rh replay cccc
	status_is 1
	says "console.cast: No such file"
}

@test "replay ends at SIGINT, and where nobody reads" {
	recording <<-'END'
		{"version": 2, "width": 80, "height": 25}
		[0.1, "o", "before\r\n"]
		[900.0, "o", "after\r\n"]
	END
	for signal in TERM INT; do
		: >"$BATS_TEST_TMPDIR/out"
		env --default-signal=INT "$rhands" replay cccc --config "$config" \
			--records "$records" >"$BATS_TEST_TMPDIR/out" 3>&- &
		pid=$!
		wait_for 5 grep -q before "$BATS_TEST_TMPDIR/out"
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		status_is 130
	done
	run timeout 10 bash -c '"$@" >/dev/full' - "$rhands" replay cccc \
		--config "$config" --records "$records"
	status_is 1
	says "standard output can't be written"
}
