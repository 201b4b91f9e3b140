#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first minute with the program: help, wrong words, wrong options.

load cli-lib

verbs='recover run power console status check graph hosts runs show replay drivers'

@test "without words it says what it can do, as an error" {
	run "$rhands"
	status_is 2
	for verb in $verbs; do
		says "  $verb "
	done
}

@test "--help and --version are answers, not errors" {
	for word in --help help; do
		run "$rhands" "$word"
		status_is 0
		says "Usage: rhands VERB"
		says "Exit status"
	done
	run "$rhands" --version
	status_is 0
	[[ $output =~ ^rhands\ [0-9]+\.[0-9]+ ]]
}

@test "each verb has a --help that names its options" {
	for verb in $verbs; do
		run "$rhands" "$verb" --help
		status_is 0
		says "Usage: rhands $verb"
		says "--config DIR"
		[ "${#lines[@]}" -gt 5 ]
		[[ ${lines[0]} != *" " ]]
	done
	run "$rhands" recover --help
	says "--deadline T"
	run "$rhands" console --help
	says "--raw"
	says "~B"
	run "$rhands" replay --help
	says "--speed N"
}

@test "--help wins over what else is wrong, and needs no configuration" {
	run "$rhands" power --config /nonexistent --help
	status_is 0
}

@test "a misspelt verb names the nearest" {
	run "$rhands" recoverr
	status_is 2
	says 'did you mean "recover"?'
	run "$rhands" consle ldap1
	says 'did you mean "console"?'
	run "$rhands" --config /tmp check
	status_is 2
	says "options stand behind the verb"
	run "$rhands" xyzzy
	status_is 2
	says "rhands --help"
}

@test "too few and too many words say how it is used" {
	good
	for words in recover run 'run nap' power 'power ldap1' console show replay \
		'console a b' 'check x' 'drivers a b' 'runs a b' \
		'show a b' 'replay a b'; do
		run rh $words
		status_is 2
		says "usage: rhands ${words%% *}"
	done
}

@test "an unknown option, and one without its value, are refused" {
	good
	for verb in $verbs; do
		run rh "$verb" --frobnicate
		status_is 2
		says "--frobnicate"
		says "rhands $verb --help"
	done
	run "$rhands" check --config
	status_is 2
	says "--config"
	run rh recover ldap1 --deadline
	status_is 2
	says "--deadline"
	run "$rhands" check --config ''
	status_is 2
	says "expected a directory"
	run "$rhands" runs --config "$config" --records ''
	status_is 2
	says "expected a directory"
}

@test "options may stand before and behind the words" {
	good
	run "$rhands" recover --records "$records" ldap1 --config "$config"
	status_is 0
}

@test "an unknown host names the nearest, in each verb" {
	good
	for words in 'recover ldap2' 'run nap ldap2' 'power ldap2 off' \
		'console ldap2' 'status ldap2' 'hosts ldap2' 'runs ldap2'; do
		run rh $words
		status_is 2
		says 'did you mean "ldap1"?'
	done
	[ ! -e "$records/runs" ]
}

@test "a host given twice is one host" {
	good
	run rh hosts ldap1 ldap1 @all
	status_is 0
	[ "${#lines[@]}" -eq 1 ]
}

@test "an unknown group names the nearest" {
	good
	run rh status @alll
	status_is 2
	says '@all'
	run rh hosts @all
	status_is 0
	says ldap1
}

@test "an unknown sequence names the nearest" {
	good
	run rh run naps ldap1
	status_is 2
	says 'did you mean "nap"?'
	run rh run quite-another ldap1
	status_is 2
	says "sequences.d"
}

@test "an unknown driver names the nearest" {
	run "$rhands" drivers imi
	status_is 2
	says 'did you mean "ipmi"?'
	run "$rhands" drivers quite-another
	status_is 2
	says "rhands drivers"
}

@test "a word that is no power action is told from a host" {
	good
	run rh power ldap1 of
	status_is 2
	says '"of" is no power action'
	says 'status, on, off, cycle, reset, soft or diag'
}

@test "a wrong --deadline, --speed and --idle say what was expected" {
	good
	for value in 0 -5 soon 1x '' 999ms; do
		run rh recover ldap1 --deadline "$value"
		status_is 2
		says "--deadline"
		says "90s or 20m"
	done
	for value in 0 -1 fast '' inf nan 1e99; do
		run rh replay last --speed "$value"
		status_is 2
		says "--speed"
	done
	run rh replay last --idle soon
	status_is 2
	says "such as 2s"
	[ ! -e "$records/runs" ]
}
