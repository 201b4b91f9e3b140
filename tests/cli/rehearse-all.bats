#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# All sequences of the tree against their twins, with all faults: 20,000
# rehearsals, other ones than last time would teach nothing that can be repeated.

bats_require_minimum_version 1.5.0

@test "20,000 rehearsals of all sequences: no complaint, nothing never visited" {
	run env RHANDS="${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}" JOBS=4 \
		"$BATS_TEST_DIRNAME/../rehearse-all" 20000
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"The oracle has no complaint in 2"* ]]
	for file in "$BATS_TEST_DIRNAME"/../../sequences.d/*.ini; do
		grep -q "^$(basename "$file" .ini)[: ]" <<<"$output"
	done
	[ "$(grep -c ": only run by others" <<<"$output")" -eq 1 ]
}
