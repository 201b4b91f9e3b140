#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sequences that are wrong, in some hundred ways, and what is said of each. And that
# nothing can be said which is not looked at there.

load cli-lib

@test "refused: what people get wrong, and what they read" {
	run "$BATS_TEST_DIRNAME/../refused/run" "$rhands" \
		"$BATS_TEST_DIRNAME/../refused/mistakes.cases"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" = *" cases, 0 texts: 0 wrong" ]]
}

@test "refused: every text of the parser and of the proofs is said by a case" {
	run "$BATS_TEST_DIRNAME/../refused/run" "$rhands" texts "$BATS_TEST_DIRNAME/../.."
	echo "$output"
	[ "$status" -eq 0 ]
}

# Each proof that DESIGN and the manual promise has a file that it refuses and one that
# it accepts.
@test "refused: each proof has a file that it accepts" {
	local cases=$BATS_TEST_DIRNAME/../refused/proofs.cases
	[ "$(grep -c '^== ' "$cases")" -gt 30 ]
	[ "$(grep -c '^== ' "$cases")" = "$(grep -c '^-- accepted$' "$cases")" ]
	[ "$(grep -c '^== ' "$cases")" = "$(grep -c '^-- said$' "$cases")" ]
}

@test "refused: a text that nobody looks at would be found" {
	local tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/agent" "$tree/base" "$tree/tests"
	cp -r "$BATS_TEST_DIRNAME/../../agent/sequence" "$tree/agent/"
	cp "$BATS_TEST_DIRNAME/../../base/ini.c" "$tree/base/"
	cp -r "$BATS_TEST_DIRNAME/../unit" "$tree/tests/"
	sed -i 's/this rule would do it again and again/this rule has a new text/' \
		"$tree/agent/sequence/check-actions.c"
	run "$BATS_TEST_DIRNAME/../refused/run" "$rhands" texts "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" = *"no case says: this rule has a new text"*"1 wrong" ]]
}
