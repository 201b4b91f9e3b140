#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What bats lets pass unseen: a command that begins with ! never fails a test, unless
# it is the last one. `not COMMAND` does, and so does [ ! ... ].

@test "no test says ! where bats does not listen" {
	run awk '/^@test/ { inside = 1 } /^}/ { inside = 0 }
		inside && /^[[:space:]]+! / && !/\|\||; do$|; then$/ {
			print FILENAME ":" FNR ": " $0 }' \
		"$BATS_TEST_DIRNAME"/*.bats "$BATS_TEST_DIRNAME"/../lab/*.bats
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}
