#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# shell, sel, identify, doctor and the pages of the drivers, without a machine.

load cli-lib

verbs='shell sel identify doctor'

@test "each verb has a --help, and says how it is used" {
	for verb in $verbs; do
		run "$rhands" "$verb" --help
		status_is 0
		says "Usage: rhands $verb"
		run "$rhands" "$verb"
		status_is 2
		says "usage: rhands $verb"
		run "$rhands" --help
		says "  $verb "
	done
	run "$rhands" shell ldap1
	status_is 2
	run "$rhands" identify ldap1
	status_is 2
}

@test "an unknown host names the nearest" {
	good
	for words in 'shell ldap2 -- true' 'sel ldap2' 'identify ldap2 on' \
		'doctor ldap2'; do
		run rh $words
		status_is 2
		says 'did you mean "ldap1"?'
	done
}

@test "wrong words and values say what was expected" {
	good
	run rh identify ldap1 blink
	status_is 2
	says '"blink": expected on or off'
	for value in 0 -1 many '' 5000 1x; do
		run rh sel ldap1 --max "$value"
		status_is 2
		says "--max"
		says "from 1 to 4096"
	done
	for value in 0 soon '' 999ms; do
		run rh shell ldap1 --timeout "$value" -- true
		status_is 2
		says "--timeout"
	done
	run rh shell ldap1 -- "$(printf '%05000d' 0)"
	status_is 2
	says "4096"
}

@test "a host without the way says so, and where to write it" {
	good
	run rh shell ldap1 -- uptime
	status_is 2
	says "there is no [shell] in $config/hosts.d/ldap1.ini"
	cat >"$config/hosts.d/bare.ini" <<-'END'
		[host]
		summary = nothing
	END
	for words in 'sel bare' 'identify bare on'; do
		run rh $words
		status_is 2
		says "there is no [power]"
	done
	run rh doctor bare
	status_is 0
}

@test "a BMC that is not there is unknown, not good" {
	good
	run rh doctor ldap1 --json
	status_is 4
	json_lines
	[ "$(jq -s 'map(.ok) | any' <<<"$output")" = false ]
	[ "$(jq -rs '.[0].findings[0].subject' <<<"$output")" = address ]
}

@test "a program that cannot do it is told from one that failed" {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho on\n' >"$BATS_TEST_TMPDIR/bin/pdu"
	chmod 755 "$BATS_TEST_TMPDIR/bin/pdu"
	cat >"$config/hosts.d/pdu.ini" <<-END
		[host]
		summary = On a power strip
		[power]
		driver = exec
		status = $BATS_TEST_TMPDIR/bin/pdu
		status-on = on
		status-off = off
		off = $BATS_TEST_TMPDIR/bin/pdu
	END
	for words in 'identify pdu on' 'sel pdu'; do
		run rh $words
		status_is 4
		says "cannot do"
	done
	run rh sel pdu --json 2>/dev/null
	status_is 4
}

@test "the page of each driver is clean, and has each of its options" {
	for driver in $("$rhands" drivers | cut -d ' ' -f 1); do
		"$rhands" drivers "$driver" --mdoc >"$BATS_TEST_TMPDIR/page.5"
		if command -v mandoc >/dev/null; then
			run mandoc -T lint -W warning "$BATS_TEST_TMPDIR/page.5"
			status_is 0
			[ -z "$output" ]
		fi
		for key in $("$rhands" drivers "$driver" --json |
			jq -r '.options[].key'); do
			grep -qxF ".It Ic $key" "$BATS_TEST_TMPDIR/page.5"
		done
		grep -qF "man/rhands-$driver.5" \
			"$BATS_TEST_DIRNAME/../../Makefile.am"
	done
	run "$rhands" drivers --mdoc
	status_is 2
}
