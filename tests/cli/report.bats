#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Records for those who were not there: a page that plays the console, also of a
# hostile host, in a browser without a network; and runs picked out of many.

load cli-lib.bash

# record ID HOST VERDICT: a record made by hand.
record() {
	dir=$records/runs/$1
	mkdir -p "$dir/evidence"
	jq -n --arg run "$1" --arg host "$2" --arg verdict "$3" '{version: 1, run: $run, host: $host,
		sequence: "nap", summary: "a nap", started: "2026-11-01T10:00:00.000Z", deadline_ms: 1000,
		user: "root", agent: "here", pid: 1, rhands: "0", duration_ms: 1000, code: "none", exit: 0,
		verdict: (if $verdict == "" then null else $verdict end), reason: "for a test"}' >"$dir/run.json"
	echo '{"version":1,"at_ms":0,"time":"x","event":"begin"}' >"$dir/journal.jsonl"
	echo '{"version": 2, "width": 80, "height": 25, "timestamp": 1, "title": "x"}' >"$dir/console.cast"
}

# A record whose every text wants to be a script.
hostile() {
	record 20261101T100000Z-web-nap-0001 web failed
	evil='</script></pre></title><script>document.title="pwned"</script><img src=x onerror=alert(1)> " id="evil2" &lt; \u001b]0;t\u0007\u202e'
	jq -n --arg e '</dd><script id=evil>document.title="pwned"</script>' \
		--slurpfile run "$dir/run.json" '$run[0] + {reason: $e, summary: $e, host: $e, ($e): $e}' >"$dir/x"
	mv "$dir/x" "$dir/run.json"
	# shellcheck disable=SC2016
	{
		printf '{"version":1,"at_ms":5,"event":"saw","state":"%s","text":"%s"}\n' '<b id=evil3>' "${evil//\"/\\\"}"
		printf '{"version":1,"at_ms":9,"event":"<script>","x":"<script>evil()</script>"}\n'
	} >>"$dir/journal.jsonl"
	printf '[0.100, "o", "%s\\r\\n"]\n[0.2, "i", "<script>x</script>"]\n[0.3, "m", "<!--<script>"]\n' \
		"${evil//\"/\\\"}" >>"$dir/console.cast"
	printf '[0.4, "o", "half a li' >>"$dir/console.cast"
	printf '</pre><script id=evil>x</script>\0\001\377 <b>' >"$dir/evidence/dmesg.txt"
	printf x >"$dir/evidence/<img src=x>.txt"
	ln -s /etc/passwd "$dir/evidence/link.txt"
}

report() {
	run --separate-stderr rh report "$@" --output "$BATS_TEST_TMPDIR/page.html"
	echo "$output"
	# shellcheck disable=SC2154
	echo "$stderr"
	status_is 0
	cast=$(python3 "$BATS_TEST_DIRNAME/report-parse.py" "$BATS_TEST_TMPDIR/page.html")
}

# browser [#HASH] [OPTION...]: the page as a real browser has it in the end.
browser() {
	local hash=$1
	shift
	command -v chromium-headless-shell >/dev/null || skip "chromium-headless-shell is missing"
	HOME=$BATS_TEST_TMPDIR timeout 60 chromium-headless-shell --no-sandbox --disable-gpu "$@" \
		--dump-dom "file://$BATS_TEST_TMPDIR/page.html$hash" >"$BATS_TEST_TMPDIR/dom" 2>/dev/null
	screen=$(grep -o '<div id="screen".*<div id="cursor"' "$BATS_TEST_TMPDIR/dom" |
		sed 's/<div[^>]*>*/\n/g; s/<[^>]*>//g' | sed '/^$/d')
	echo "$screen"
}

@test "a report has verdict, proofs, timeline and evidence, and is private" {
	good
	rh recover ldap1 >/dev/null
	echo "kept before" >"$(echo "$records"/runs/*)/before.txt"
	report last
	grep -q '<strong>recovered</strong>' "$BATS_TEST_TMPDIR/page.html"
	grep -q '<td>done</td><td>.* accepts connections\|<td>done</td><td>tcp' "$BATS_TEST_TMPDIR/page.html"
	grep -q 'None was kept' "$BATS_TEST_TMPDIR/page.html"
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/page.html")" = 600 ]
	# the same on standard output, but for the nonce; not to a terminal
	rh report last | sed 's/[0-9a-f]\{32\}//' | cmp - <(sed 's/[0-9a-f]\{32\}//' "$BATS_TEST_TMPDIR/page.html")
	run script -qec "$rhands report last --config $config --records $records" /dev/null
	status_is 2
	says 'give --output FILE'
	run rh report last --output "$BATS_TEST_TMPDIR/no/page.html"
	status_is 1
}

@test "nothing that a host printed becomes a tag or a script" {
	good
	hostile
	report last
	[ "$(jq -r '.marks[0][1]' <<<"$cast")" = '<!--<script>' ]
	grep -q '1 lines of the recording are damaged' "$BATS_TEST_TMPDIR/page.html"
	# a link is not followed
	grep -q 'link.txt, 0 bytes' "$BATS_TEST_TMPDIR/page.html"
	run ! grep -q 'root:x:0' "$BATS_TEST_TMPDIR/page.html"
	browser ''
	run ! grep -q '<title>pwned' "$BATS_TEST_TMPDIR/dom"
	[ "$(grep -c '<img' "$BATS_TEST_TMPDIR/dom")" -eq 0 ]
	[[ $screen = *'&lt;script&gt;document.title'* ]]
}

@test "the console plays: screens at their times, scrolling, colours, by a click" {
	good
	record 20261101T100000Z-web-nap-0001 web recovered
	{
		for n in $(seq 0 59); do
			echo "[$n.5, \"o\", \"line $n\\r\\n\"]"
		done
		echo '[61.0, "o", "\u001b[2J\u001b[3;5H\u001b[7;1mMENU\u001b[0;38;5;196mred\u001b[0m"]'
		echo '[61.5, "i", "F1"]'
	} >>"$dir/console.cast"
	report last
	# a line that scrolls is one row of a frame
	jq -e '.frames | length == 61 and (map(select(.[3] == 1)) | length) >= 30 and
		(.[40] | length) <= 6' <<<"$cast"
	jq -e '.styles | any(.[]; . == [3, -1, -1]) and any(.[]; . == [0, 196, -1])' <<<"$cast"
	browser '#t=10600'
	[ "$(head -n 1 <<<"$screen")" = "line 0" ]
	[ "$(tail -n 1 <<<"$screen")" = "line 10" ]
	browser '#t=40000'
	[ "$(head -n 1 <<<"$screen")" = "line 16" ]
	[ "$(tail -n 1 <<<"$screen")" = "line 39" ]
	browser ''
	[[ $screen = *'    MENUred' ]]
	grep -q 'font-weight: bold' "$BATS_TEST_TMPDIR/dom"
	grep -q 'rgb(255, 0, 0)' "$BATS_TEST_TMPDIR/dom"
	grep -q '<b id="key">F1</b>' "$BATS_TEST_TMPDIR/dom"
	# play from 50 s on, 16 times as fast, to the end; then a click on the timeline
	local nonce
	nonce=$(grep -o 'script nonce="[0-9a-f]*"' "$BATS_TEST_TMPDIR/page.html")
	echo "<$nonce>document.getElementById('speed').value = 16; document.getElementById('play').click();</script>" \
		>>"$BATS_TEST_TMPDIR/page.html"
	browser '#t=50000' --virtual-time-budget=4000
	[[ $screen = *'    MENUred' ]]
	grep -q '>Play</button>' "$BATS_TEST_TMPDIR/dom"
	echo "<$nonce>document.querySelector('#events tr').click();</script>" >>"$BATS_TEST_TMPDIR/page.html"
	browser '#t=50000'
	grep -q 'data-ms="0"[^>]*class="now"\|class="now"[^>]*data-ms="0"' "$BATS_TEST_TMPDIR/dom"
}

@test "the console plays wide characters in two cells, and half of one as a blank" {
	good
	record 20261101T100000Z-web-nap-0001 web recovered
	# what is behind them is in the same column in every row
	{
		echo '[0.1, "o", "\u001b[1;1H\u65e5\u672c\u8a9e|a"]'
		echo '[0.2, "o", "\u001b[2;1Habcdef|b"]'
		echo '[0.3, "o", "\u001b[3;1He\u0301bcdef|c"]'
		echo '[0.4, "o", "\u001b[4;1H\u65e5\u672c\u8a9e|d\u001b[4;2Hx"]'
	} >>"$dir/console.cast"
	report last
	# as the page gets it: no cell too many
	jq -e 'any(.frames[][4:][]; .[0] == 0 and .[1][1] == "日本語")' <<<"$cast"
	# as a browser lays it out: the bars stand below each other
	local nonce
	nonce=$(grep -o 'script nonce="[0-9a-f]*"' "$BATS_TEST_TMPDIR/page.html")
	cat >>"$BATS_TEST_TMPDIR/page.html" <<-END
		<$nonce>document.title = Array.from(document.querySelectorAll("#screen > div:not(#cursor)")).slice(0, 4)
		.map(function (row) {
			var walk = document.createTreeWalker(row, 4), range = document.createRange(), node, at;
			while ((node = walk.nextNode()))
				if ((at = node.data.indexOf("|")) >= 0) {
					range.setStart(node, at);
					range.setEnd(node, at + 1);
				}
			return Math.round(range.getBoundingClientRect().left - row.getBoundingClientRect().left);
		}).join(" ");</script>
	END
	browser ''
	read -r one two three four < <(sed -n 's/.*<title>\([-0-9 ]*\)<.*/\1/p' "$BATS_TEST_TMPDIR/dom")
	echo "bars at $one $two $three $four"
	[ "$two" -gt 40 ]
	[ "$one" -eq "$two" ]
	[ "$three" -eq "$two" ]
	[ "$four" -eq "$two" ]
}

@test "a script that is not ours is not run by the browser" {
	good
	record 20261101T100000Z-web-nap-0001 web recovered
	report last
	echo '<script>document.title = "pwned"</script>' >>"$BATS_TEST_TMPDIR/page.html"
	browser ''
	run ! grep -q '<title>pwned' "$BATS_TEST_TMPDIR/dom"
}

@test "records without a recording, without a journal, of a killed run" {
	good
	record 20261101T100000Z-web-nap-0001 web ''
	rm "$dir/console.cast"
	run rh report last
	status_is 0
	says '<strong>killed</strong>'
	says 'There is no recording'
	rm "$dir/journal.jsonl"
	run rh report last
	status_is 1
	run rh report nosuch
	status_is 2
}

@test "runs are picked by time, host and verdict" {
	good
	host web1 </dev/null
	host web2 </dev/null
	record 20261101T100000Z-web1-nap-0001 web1 recovered
	record 20261105T100000Z-web2-nap-0002 web2 failed
	record "$(date -u -d '2 days ago' +%Y%m%dT%H%M%SZ)-web1-nap-0003" web1 unknown
	record "$(date -u +%Y%m%dT%H%M%SZ)-ldap1-nap-0004" ldap1 recovered
	pick() {
		local wanted=$1
		shift
		run --separate-stderr rh runs "$@"
		echo "$* -> $output"
		status_is 0
		[ "$(grep -o 'nap-000.' <<<"$output" | cut -c8 | paste -sd '')" = "$wanted" ]
	}
	pick 1234
	pick 34 --since 3d
	pick 4 --since 12h
	pick 12 --until 3d
	pick 234 --since 2026-11-01T10:00:01Z
	pick 1 --since 2026-11-01 --until 2026-11-05
	pick 1 --until 2026-11-05T10:00Z
	pick 13 --host web1
	pick 123 --host 'web[1-2]'
	pick 1234 --host @all
	pick 14 --verdict recovered
	pick 23 --verdict failed,unknown
	pick 3 --verdict unknown --host web1 --since 7d
	pick 3 web1 --since 7d
	run rh runs --verdict damaged
	status_is 0
	says 'no such runs among the 4'
	for wrong in '--since tomorrow' '--until 2026-13-45' '--verdict recoverd' '--host nosuch'; do
		# shellcheck disable=SC2086
		run rh runs $wrong
		status_is 2
	done
	run rh runs --verdict recoverd
	says 'did you mean "recovered"?'
	run rh runs --since 7d --json
	json_lines
	[ "${#lines[@]}" -eq 2 ]
}
