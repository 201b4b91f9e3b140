#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A password prompt that exists only as a drawing, as firmware and dialogs have it:
# rehearsed with all faults against a twin that draws it, decoys of it too, and run
# live, where the record has nothing of what was typed.

load cli-lib.bash

locked() {
	mkdir -p "$config/twins.d"
	cp "$BATS_TEST_DIRNAME/drawn-secret-twin.ini" "$config/twins.d/locked.ini"
	cat >"$config/sequences.d/locked.ini" <<-'END'
		[sequence]
		summary  = A machine whose firmware draws its password prompt
		needs    = power console
		deadline = 40m
		start    = cycle
		[state cycle]
		visits   = 2 -> needs-hands "it does not come up"
		do       = power cycle
		then     = post
		[state post]
		timeout  = 3m -> cycle
		on screen = /^ +\| Enter Password: _* \|$/ : secret bios -> boot
		on       = /login: $/ -> services
		[state boot]
		timeout  = 3m -> cycle
		on screen = /^ +\| Invalid Password +\|$/ -> needs-hands "wrong password"
		on       = /login: $/ -> services
		[state services]
		do       = check tcp 22 within 1m
		then     = recovered
		else     = needs-hands "SSH does not answer"
	END
}

@test "drawn secret: rehearsed with all faults, the oracle has no complaint" {
	locked
	run rh check
	[ "$status" -eq 0 ]
	run rh rehearse locked --seeds 2000
	[ "$status" -eq 0 ]
	says 'The oracle has no complaint'
	# Recovered by the password, but not where it is only shown.
	run rh rehearse locked --faults none --seeds 400
	[ "$status" -eq 0 ]
	says 'recovered'
	[[ $output != *'wrong password'* ]]
	[[ $output != *'never: '*'state locked'* ]]
}

# A rule that does not ask for the prompt's own row is refused before.
@test "drawn secret: check refuses a pattern without an anchor" {
	locked
	sed -i 's/| Enter Password: _\* \\|\$/| Enter Password:/' \
		"$config/sequences.d/locked.ini"
	run rh check
	[ "$status" -eq 2 ]
	says 'somebody else'"'"'s text imitates'
	says 'sequences.d/locked.ini:12'
}

# The program shows what is typed, each character at its place.
@test "drawn secret: it is typed live, and not in the record" {
	locked
	cat >"$config/locked" <<-'END'
		#!/bin/bash
		stty raw -echo
		printf '\033[2J\033[6;10H| Enter Password: ____ |\033[6;28H'
		typed=
		while IFS= read -rN1 c; do
			[[ $c != [$'\r\n'] ]] || break
			typed+=$c
			printf '\033[6;%dH%s' $((27 + ${#typed})) "$c"
		done
		if [ "$typed" = tiger7 ]; then
			printf '\033[2J\033[Hhost login: '
		else
			printf '\033[6;10H| Invalid Password     |\033[24;1H'
		fi
		exec cat >/dev/null
	END
	chmod 755 "$config/locked"
	echo tiger7 >"$config/secrets/bios"
	cat >"$config/hosts.d/locked.ini" <<-END
		[host]
		summary = Its firmware asks for a password
		[console]
		driver  = exec
		console = $config/locked
		[secrets]
		bios    = @file:$config/secrets/bios
	END
	sed -i 's/= power console/= console/; s/^start .*/start = post/
		/state cycle/,/then /d; s/-> cycle/-> failed "t"/
		/^do       = check/s/.*/then = recovered/; /^then     =/d; /^else/d' \
		"$config/sequences.d/locked.ini"
	run timeout 60 "$rhands" run locked locked --config "$config" --records "$records"
	echo "$output"
	[ "$status" -eq 0 ]
	says 'typed <secret:bios> Enter'
	# However the characters were put to their places.
	local said
	said=$(jq -rj 'select(type == "array") | .[2]' "$records"/runs/*/console.cast |
		sed 's/\x1b\[[0-9;]*[A-Za-z]//g'; cat "$records"/runs/*/*.json*)
	[[ $said != *tige* ]]
	grep -q '"<secret:bios>' "$records"/runs/*/console.cast
}
