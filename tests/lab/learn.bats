#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Real recoveries, learned: the twin of each leads the sequence through the same
# steps, and a sequence that was changed is said to depart where it does. One
# recovery serves all looks at its record: it takes most of the time.

bats_require_minimum_version 1.5.0
load recover.bash
load stories.bash

# What a run does, "MS EVENT TEXT": of a journal, or of a rehearsal's trace.
steps() {
	jq -r 'select(.event == "state" or .event == "typed")
		| "\(.at_ms) \(.event) \(.text)"' "$@"
}

# the_same JOURNAL TRACE: the same steps, within a second or 10 % of the time.
the_same() {
	diff <(steps "$1" | cut -d' ' -f2-) <(steps "$2" | cut -d' ' -f2-)
	paste -d' ' <(steps "$1" | cut -d' ' -f1) <(steps "$2" | cut -d' ' -f1) |
		awk '{ off = $1 > $2 ? $1 - $2 : $2 - $1
			if (off > 1000 && off > $1 / 10) { print "late:", $0; bad = 1 } }
			END { exit bad }'
}

# learned HOST SEQUENCE: the record of the run as a twin that acts alike.
learned() {
	local run twin=$BATS_TEST_TMPDIR/twin.ini
	run=$(echo "$records"/runs/*)
	"$rhands" learn last --config "$LAB_CONFIG" --records "$records" >"$twin"
	run ! grep -q labroot "$twin"
	grep -q "^; run: .*${run##*/}" "$twin"
	"$rhands" rehearse "$2" --twin "$twin" --host "$1" --faults none --seeds 1 \
		--config "$LAB_CONFIG" | tee "$BATS_TEST_TMPDIR/out"
	grep -q 'The oracle has no complaint' "$BATS_TEST_TMPDIR/out"
	"$rhands" rehearse "$2" --twin "$twin" --host "$1" --faults none --trace \
		--json --config "$LAB_CONFIG" >"$BATS_TEST_TMPDIR/trace"
	the_same "$run/journal.jsonl" "$BATS_TEST_TMPDIR/trace"
	beside "$2"
	[ "$status" -eq 0 ]
	[[ "$output" == "$2 does what it did in ${run##*/}: "*" steps, recovered" ]]
}

# beside SEQUENCE [OPTION...]: as it is now, beside the record.
beside() {
	run "$rhands" rehearse "$1" --record last --config "$LAB_CONFIG" \
		--records "$records" "${@:2}"
	echo "$output"
}

# changed SED: the sequence of the first record, changed.
changed() {
	cp "$here/../../sequences.d/old-ldap.ini" "$LAB_CONFIG/sequences.d/"
	sed -i "$1" "$LAB_CONFIG/sequences.d/old-ldap.ini"
}

# line PATTERN: of the sequence.
line() {
	grep -n "$1" "$LAB_CONFIG/sequences.d/old-ldap.ini" | cut -d: -f1
}

departs() {
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"departs from "*"in state $1 ("*"old-ldap.ini:$(line "^\[state $1\]"))" ]]
	[[ "${lines[1]}" == *"the record "*"$2" ]]
	[[ "${lines[2]}" == *"now "*"$3" ]]
}

# refused TEXT
refused() {
	run --separate-stderr "$rhands" learn "$copy" --config "$LAB_CONFIG" \
		--records "$records"
	echo "$stderr"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ "$stderr" == *"$1"* ]]
}

# spoiled SED FILE: a copy of the record, a file of it changed.
spoiled() {
	copy=$BATS_TEST_TMPDIR/copy/run
	rm -rf "$copy"
	mkdir -p "${copy%/*}"
	cp -r "$records"/runs/* "$copy"
	sed -i "$1" "$copy/$2"
}

@test "learn: F1 and a menu; changes are found, damage is refused" {
	lab_up silent,f1+grub-hang
	recover
	assert_recovered
	learned ldap1 old-ldap

	changed 's/key F1/key F2/'
	beside old-ldap
	departs post 'types F1' 'types F2'
	changed 's/^on .*GNU GRUB.*/on = \/SeaBIOS\/ -> menu/'
	beside old-ldap
	departs post 'types F1' 'enters state menu'
	changed 's/^do .*power cycle/do = power reset/'
	beside old-ldap
	[ "$status" -eq 1 ]
	changed 's/^then     = recovered/then = failed "never good enough"/'
	beside old-ldap
	departs services 'ends with recovered' 'ends with failed'
	beside old-ldap --json
	[ "$(jq -r '.same, .now.text, .recorded.state' <<<"$output")" = \
		$'false\nfailed\nservices' ]

	spoiled '1s/"version": *1/"version":2/;s/"version": 1/"version": 2/' run.json
	refused 'run.json: format version 2; this rhands reads version 1'
	spoiled 's/"verdict": *"recovered"/"verdict": null/' run.json
	refused 'no verdict: it was killed, or is going on'
	spoiled '$d' journal.jsonl
	refused 'journal.jsonl: it is cut'
	spoiled '5s/.\{20\}$//' journal.jsonl
	refused 'journal.jsonl:5: the line is damaged'
	spoiled '9s/.*/["x", "o", "y"]/' console.cast
	refused 'console.cast:9: damaged'
	spoiled '' console.cast
	truncate -s -3 "$copy/console.cast"
	refused ': the line is cut'
	rm "$copy/console.cast"
	refused 'console.cast: No such file'
}

@test "learn: maintenance, with a secret" {
	lab_up silent,maint
	recover
	assert_recovered
	learned ldap1 old-ldap
	grep -q '^secret   = yes' "$BATS_TEST_TMPDIR/twin.ini"
	changed 's/enter "exit"/enter "reboot"/'
	beside old-ldap
	departs maintenance 'types "exit" Enter' 'types "reboot" Enter'
}

@test "learn: a host whose services are started by a command" {
	lab_up silent,no-services
	host translations
	sed -i 's/every 2s for 30s/every 1s for 5s/' \
		"$LAB_CONFIG/sequences.d/web-services.ini"
	switched_off
	recover_host translations
	recovered_and_recorded
	learned translations web-services
	grep -q '^on shell = "start-services"' "$BATS_TEST_TMPDIR/twin.ini"
	sed -i 's/shell "start-services"/shell "start-all"/' \
		"$LAB_CONFIG/sequences.d/web-services.ini"
	beside web-services
	[ "$status" -eq 1 ]
	[[ "$output" == *"the record "*"runs start-services"*"now "*"runs start-all"* ]]
}
