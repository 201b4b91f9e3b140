#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Dialogs of real programs, newt (whiptail) and ncurses (dialog), on a terminal with
# and without colours: lists, buttons, and a password that is asked for in a box. The
# console of the host is the program itself; which entry was entered is its answer.

bats_require_minimum_version 1.5.0
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	config=$BATS_TEST_TMPDIR/config
	records=$BATS_TEST_TMPDIR/records
	install -d -m 700 "$config"/{hosts.d,sequences.d,secrets}
	(umask 077 && echo correct-horse >"$config/secrets/disk")
	kernels=()
	local i
	for i in {1..40}; do
		kernels+=("k$i" "Kernel_$i")
	done
}

# asks TERM PROGRAM ARGUMENT...: a host whose console asks that.
asks() {
	local term=$1
	shift
	{
		printf '%s\n' '#!/bin/bash' 'exec 3>&1' "export TERM=$term"
		printf 'answer=$('
		printf '%q ' "$@"
		printf '%s\n' '2>&1 1>&3)' 'echo "exit $? answer:$answer:"' \
			'exec cat >/dev/null'
	} >"$config/machine"
	chmod 755 "$config/machine"
	printf '%s\n' '[host]' 'summary = It asks' '[console]' 'driver = exec' \
		"console = $config/machine" "terminal = $term" '[secrets]' \
		"disk = @file:$config/secrets/disk" >"$config/hosts.d/box.ini"
}

# selects ENTRY: and the answer of the program, as $answer.
selects() {
	cat >"$config/sequences.d/box.ini" <<-END
		[sequence]
		summary  = Answers a dialog
		needs    = console
		deadline = 2m
		start    = begin
		[state begin]
		timeout  = 100s -> failed "t"
		do       = select $1
		then     = chosen
		[state chosen]
		timeout  = 10s -> failed "nothing was chosen"
		on       = /exit \d+ answer:.*:/ -> recovered
	END
	answers
}

answers() {
	run timeout 110 "$rhands" run box box --config "$config" --records "$records"
	echo "$output"
	answer=$(sed -n 's/.*recovered .*saw "exit \(.*\):"/\1/p' <<<"$output")
	answer=${answer/ answer:/ }
}

said() {
	[[ $output = *"$1"* ]] || {
		echo "expected: $1"
		return 1
	}
}

@test "dialogs: a list of whiptail that is longer than its box" {
	local term
	for term in linux vt100; do
		asks $term whiptail --menu Boot 20 60 10 "${kernels[@]}"
		selects /Kernel_17/
		[ "$answer" = '0 k17' ]
	done
}

# Without the tags the list is plain. A vt100 has no PgDn for ncurses, which takes it
# for Esc and leaves.
@test "dialogs: a list of 60 entries is paged, where that is known to be safe" {
	local i
	for i in {41..60}; do
		kernels+=("k$i" "Kernel_$i")
	done
	asks vt100 whiptail --notags --menu Boot 20 60 10 "${kernels[@]}"
	selects /Kernel_47/
	[ "$answer" = '0 k47' ]
	said 'PgDn*'
	asks linux dialog --no-tags --menu Boot 20 60 10 "${kernels[@]}"
	selects /Kernel_47/
	[ "$answer" = '0 k47' ]
	said 'PgDn*'
	asks vt100 dialog --no-tags --menu Boot 20 60 10 "${kernels[@]}"
	selects /Kernel_47/
	[ "$answer" = '0 k47' ]
	said 'Down*46 Enter'
}

# <Cancel> stands beside <Ok>, below the list: Tab leads there.
@test "dialogs: the buttons below a list are reached by Tab" {
	local term program
	for term in linux vt100; do
		asks $term whiptail --menu Boot 12 40 4 a Alpha b Beta c Gamma
		selects /Cancel/
		[ "$answer" = '1 ' ]
		said 'typed Down*4 Tab Right Enter'
		selects '"<Ok>"'
		[ "$answer" = '0 c' ]
		said 'typed Down*4 Tab Enter'
	done
	asks linux dialog --menu Boot 12 40 4 a Alpha b Beta c Gamma
	selects /Cancel/
	[ "$answer" = '1 ' ]
	said 'Tab Enter'
}

@test "dialogs: yes is yes, and no is no" {
	local term
	for term in linux vt100; do
		asks $term whiptail --yesno 'Really?' 8 40
		selects '"<Yes>"'
		[ "$answer" = '0 ' ]
		selects /No/
		[ "$answer" = '1 ' ]
		asks $term whiptail --yesno --defaultno 'Really?' 8 40
		selects /Yes/
		[ "$answer" = '0 ' ]
	done
	asks linux dialog --yesno 'Really?' 8 40
	selects /Yes/
	[ "$answer" = '0 ' ]
	selects /No/
	[ "$answer" = '1 ' ]
}

# It asks for cursor keys as applications have them, and takes others for Esc.
@test "dialogs: dialog gets the cursor keys that it asks for" {
	local term
	for term in vt100 linux; do
		asks $term dialog --menu Boot 20 60 10 "${kernels[@]}"
		selects /Kernel_17/
		[ "$answer" = '0 k17' ]
	done
}

# The entry is highlighted, and so is <Cancel>, which Enter would press.
@test "dialogs: no Enter where another button has the focus" {
	local term
	for term in vt100 linux; do
		asks $term dialog --default-button cancel --menu Boot 12 40 4 a Alpha b Beta
		selects /Beta/
		[ "$status" -eq 1 ]
		said 'a button beside the menu has the focus'
		[[ $output != *'Enter,'* && $output != *'exit '* ]]
	done
}

# The cursor is in the field, two rows below the words.
@test "dialogs: a secret for a box of whiptail, and of dialog" {
	local term field
	for term in linux vt100; do
		asks $term whiptail --passwordbox 'Password of sda2:' 10 40
		field='\n +│ +│\n +│ _+ │'
		secret
		asks $term dialog --insecure --passwordbox 'Password of sda2:' 10 40
		field='\n +│ ┌─+┐ │\n +│ │ +│ │'
		secret
	done
}

secret() {
	cat >"$config/sequences.d/box.ini" <<-END
		[sequence]
		summary  = Unlocks a disk
		needs    = console
		deadline = 2m
		start    = begin
		[state begin]
		timeout  = 20s -> failed "no prompt"
		on screen = /^ +│ Password of sda2: +│$field\$/ : secret disk -> chosen
		[state chosen]
		timeout  = 10s -> failed "nothing was chosen"
		on       = /exit 0 answer:.*:/ -> recovered
	END
	rm -rf "$records"
	answers
	[ "$status" -eq 0 ]
	said 'typed <secret:disk> Enter'
	[ "$answer" = '0 <secret:disk>' ]
	[[ $(cat "$records"/runs/*/*.*) != *correct* ]]
}
