#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A whole maintenance rehearsed: what it says to a person, and what the oracle does.

load cli-lib.bash
load maintain.bash

# ldap1 hangs at a prompt after a restart; web1 needs it.
two() {
	boots_to=hung server ldap1
	server web1 ldap1
}

# In place of the prompt being answered, it is taken for the end.
lie() {
	cat >"$config/sequences.d/back.ini" <<-'END'
		[sequence]
		summary = Bring it back, perhaps
		needs = power console
		deadline = 2m
		healthy = check tcp 389 expect "hello"
		start = cycle
		[state cycle]
		do = power cycle
		then = boot
		[state boot]
		timeout = 10s -> failed "no prompt"
		on = /Press F1/ -> recovered
		on = /login: $/ -> recovered
	END
}

answers_in_words() {
	local words
	for words in "$@"; do
		[[ "$(tr -s ' \n' ' ' <<<"$output")" == *"$words"* ]] || {
			echo "not answered: $words"
			echo "$output"
			return 1
		}
	done
}

@test "rehearse --plan: the questions of a person are answered in words" {
	two
	plan
	run rh rehearse --plan night --seeds 20
	status_is 0
	answers_in_words 'night, 20 times in virtual time, faults: none' \
		'2 ldap1 20 20 ' '1 web1 20 0 ' \
		'web1 it ends after ' '; not begun: ldap1' \
		'Does it fit the window of 2h00m? Yes: the longest of 20 took ' \
		'Do all hosts come back? Yes, each time.' \
		'What if one does not come back at all? Then some are not begun, see above. The longest is without ldap1: ' \
		'inside the window of 2h00m.' \
		'Is anything done that must not be? No: the oracle has no complaint.'
	plan 'on-failure = ask'
	run rh rehearse --plan night --seeds 20
	status_is 0
	answers_in_words 'The others are done all the same.' \
		'That is where a person answers yes when it is asked; a no, or nobody, begins nothing more.'
	# no line is longer than a terminal is wide
	[ "$(awk '{ if (length > 80) n++ } END { print n + 0 }' <<<"$output")" -eq 0 ]
}

@test "rehearse --plan: a window that is too short" {
	two
	length=1m plan
	run rh rehearse --plan night --seeds 5
	status_is 1
	answers_in_words 'Do all hosts come back? NO: in 0 of 5 maintenances.'
}

@test "rehearse --plan: a complaint of the oracle is shown, counted, and an error" {
	two
	lie
	plan
	run rh rehearse --plan night --seeds 20
	status_is 1
	answers_in_words 'Complaints of the oracle, which knows the truth:' \
		'20 times, first at seed 1: ldap1, back: recovered, but the host is not healthy' \
		'Is anything done that must not be? YES: the oracle complains of 20 steps, see above.'
	run rh rehearse --plan night --seeds 20 --json
	status_is 1
	json_lines
	[ "$(jq -c 'select(.what == "complaint") | [.count, .seed, .verdict]' <<<"$output")" = \
		'[20,1,"recovered"]' ]
	[ "$(jq 'select(.what == "all").complaints' <<<"$output")" -eq 20 ]
	# the same again, from that seed
	run rh rehearse --plan night --seed 1
	status_is 1
	answers_in_words '1 time, first at seed 1: ldap1, back: recovered, but'
}
