#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A hardware test in sh: carries a sequence out on a host, so many times, and
# says how long each run was in each state. It needs jq(1).
#
#   doc/test-boot.sh 10 demo demo
#   doc/test-boot.sh TIMES SEQUENCE HOST [OPTION OF RHANDS...]
#
# RHANDS is the program, where it is not in PATH.

set -eu
rhands=${RHANDS:-rhands}
times=$1
shift
events=$(mktemp)
trap 'rm -f "$events"' EXIT
wrong=0

n=0
while [ "$n" -lt "$times" ]; do
	n=$((n + 1))
	status=0
	"$rhands" run "$@" --json >"$events" || status=$?
	# 130: cancelled, so nobody wants the rest
	[ "$status" -ne 130 ] || exit 130
	[ "$status" -eq 0 ] || wrong=$((wrong + 1))
	jq -rs --arg n "$n" '
		map(select(.event == "state" or .event == "verdict")) as $e |
		$e[-1] as $over |
		"run \($n): \($over.verdict) in \($over.at_ms) ms: \($over.reason)",
		(range($e | length - 1) | "  \($e[. + 1].at_ms - $e[.].at_ms) ms in \($e[.].state)")
	' "$events"
done
echo "$((times - wrong)) of $times recovered"
[ "$wrong" -eq 0 ]
