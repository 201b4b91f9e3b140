#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the verbs print, to people and to programs, and what happens where it
# can't be printed.

load cli-lib

@test "hosts: one line a host, with its ways" {
	good
	run rh hosts
	status_is 0
	[ "${#lines[@]}" -eq 1 ]
	says "ldap1"
	says "the host ldap1"
	says "recover = nap"
	says "power: ipmi"
	says "console: ipmi"
}

@test "hosts, drivers, check, runs, show, status: --json is valid" {
	good
	run rh hosts --json
	status_is 0
	json_lines
	[ "$(jq -r .ways[0].driver <<<"$output")" = ipmi ]
	run rh drivers --json
	status_is 0
	json_lines
	rh recover ldap1 >/dev/null
	for words in runs 'show last' 'runs ldap1'; do
		run rh $words --json
		status_is 0
		json_lines
	done
	[ "$(rh runs --json | jq -r .verdict)" = recovered ]
	echo '[host' >"$config/hosts.d/bad.ini"
	run --separate-stderr rh check --json
	status_is 2
	json_lines
	[ "$(jq -r .severity <<<"${lines[0]}")" = error ]
}

@test "recover --json: events, the last one is the verdict" {
	good
	run --separate-stderr rh recover ldap1 --json
	status_is 0
	json_lines
	last=${lines[-1]}
	[ "$(jq -r .event <<<"$last")" = verdict ]
	[ "$(jq -r .verdict <<<"$last")" = recovered ]
	[ "$(jq -r .exit <<<"$last")" = 0 ]
	[ "$(jq -r .host <<<"$last")" = ldap1 ]
	[ -d "$records/runs/$(jq -r .run <<<"$last")" ]
}

@test "text that is no UTF-8 does not break --json" {
	good
	sed -i 's/^summary = .*/summary = a \xe9 b/' "$config/hosts.d/ldap1.ini"
	run rh hosts --json
	if [ "$status" -eq 0 ]; then
		json_lines
		[ "$(jq -r .host <<<"$output")" = ldap1 ]
	fi
	printf '[h\xe9]\n' >"$config/hosts.d/bad.ini"
	run --separate-stderr rh check --json
	status_is 2
	json_lines
	jq -es 'all(.[]; has("file") and has("text"))' <<<"$output"
}

@test "a control sequence of a file does not reach the terminal" {
	good
	sed -i 's/^summary = .*/summary = a \x1b[31m b/' "$config/hosts.d/ldap1.ini"
	for words in hosts check 'recover ldap1' runs 'show last'; do
		run rh $words
		says_not $'\e'
	done
}

@test "drivers NAME: all options, with what is expected of them" {
	run "$rhands" drivers ipmi
	status_is 0
	for word in address port user password workarounds min-off confirm terminal \
		key-delay steal mute; do
		says "  $word "
	done
	run "$rhands" drivers
	status_is 0
	says "ipmi"
	says "power console evidence"
}

@test "check: counts, and is silent about nothing" {
	good
	run rh check
	status_is 0
	says "1 host, 1 sequence: no errors"
	host nfs1 </dev/null
	run rh check
	says "2 hosts, 1 sequence: no errors"
}

@test "an empty configuration is no error, but is said" {
	run rh check
	status_is 0
	says "0 hosts, 0 sequences: no errors"
	for verb in hosts status; do
		run rh "$verb"
		status_is 0
		says "there are no hosts in $config/hosts.d"
		run --separate-stderr rh "$verb" --json
		[ -z "$output" ]
	done
	run rh runs
	status_is 0
	says "no runs in $records/runs"
	says_not 'may not read'
	run rh show last
	status_is 2
	says 'no run "last"'
	run rh recover ldap1
	status_is 2
}

@test "a configuration that is not there" {
	run "$rhands" check --config "$BATS_TEST_TMPDIR/nowhere"
	status_is 2
	says "$BATS_TEST_TMPDIR/nowhere"
	says "--config"
}

@test "a full standard output is an error of its own" {
	good
	rh recover ldap1 >/dev/null
	for words in hosts check drivers runs 'show last' 'drivers ipmi' \
		'show last --json' 'runs --json'; do
		run bash -c '"$@" >/dev/full' - "$rhands" $words --config "$config" \
			--records "$records"
		status_is 1
		says "standard output can't be written"
	done
}

@test "a closed standard output is an error, and gets into no file" {
	good
	rh recover ldap1 >/dev/null
	for words in hosts check runs 'show last'; do
		run bash -c '"$@" >&-' - "$rhands" $words --config "$config" \
			--records "$records"
		status_is 1
	done
	run bash -c '"$@" >&- 2>&- <&-' - "$rhands" recover ldap1 --config "$config" \
		--records "$records"
	status_is 0
	run grep -rl 'Wait a moment' "$records" --include='*.lock' --include='*.cast'
	[ -z "$output" ]
	for file in "$records"/runs/*/journal.jsonl; do
		jq -es 'length > 2' "$file"
	done
}

@test "a run does not fail because nobody reads" {
	good
	for option in '' --json; do
		run bash -c '"$@" >/dev/full' - "$rhands" recover ldap1 $option \
			--config "$config" --records "$records"
		status_is 0
		run bash -c '"$@" | true; exit ${PIPESTATUS[0]}' - "$rhands" recover \
			ldap1 $option --config "$config" --records "$records"
		status_is 0
	done
	[ "$(rh runs --json | jq -r .verdict | sort | uniq -c | tr -s ' ')" = \
		' 4 recovered' ]
}

@test "a reader that stands still does not hold a run up" {
	good
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 4<>"$BATS_TEST_TMPDIR/fifo"
	head -c 65536 /dev/zero >&4
	run bash -c 'timeout -s KILL 8 "$@" >&4' - "$rhands" recover ldap1 \
		--config "$config" --records "$records"
	exec 4>&-
	status_is 0
}

@test "check | head does not complain" {
	good
	for n in 1 2 3 4 5 6 7 8 9; do
		echo "[bad" >"$config/hosts.d/bad$n.ini"
	done
	run bash -c '"$@" 2>&1 | head -n 1' - "$rhands" check --config "$config"
	[ "${#lines[@]}" -eq 1 ]
	says "bad1.ini"
}

# One hand for all BMCs, and one for the strip.
hands_wait() {
	[ "$(pgrep -P "$1" | wc -l)" -eq 2 ]
}

@test "status: a signal ends it, with the hands that wait for a BMC" {
	for name in ldap1 nfs1 web1; do
		host "$name" </dev/null
	done
	printf '%s\n' '[host]' '[power]' 'driver = exec' 'on = /bin/true' \
		'off = /bin/true' 'status = /bin/sleep 60' 'status-on = on' \
		'status-off = off' >"$config/hosts.d/strip.ini"
	for signal in INT TERM; do
		env --default-signal=INT "$rhands" status --config "$config" \
			--records "$records" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
		pid=$!
		wait_for 5 hands_wait "$pid"
		mapfile -t hands < <(pgrep -P "$pid")
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		status_is 130
		for hand in "${hands[@]}"; do
			[ ! -e "/proc/$hand" ]
		done
	done
}
