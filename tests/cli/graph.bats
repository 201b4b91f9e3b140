#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rhands graph and the longest paths: what a sequence may do, for people and for
# graphviz.

load cli-lib

# A sequence with what is hard to quote.
odd() {
	cat >"$config/sequences.d/odd.ini" <<-'END'
		[sequence]
		summary  = Quotes " and \ backslashes, ä and ${vars}
		needs    = power console
		deadline = 30m
		healthy  = check tcp 22
		start    = cycle
		[always]
		on       = /panic "\\"/ -> failed "a \"panic\" at C:\\"
		on       = /F1/ max 3 : key F1
		[state cycle]
		visits   = 2 -> needs-hands "look"
		do       = power cycle
		then     = boot
		[state boot]
		timeout  = 5m -> cycle
		on       = "\"login\": \x5c" : note "up
		on idle  = 90s : note "slow"
		on lost  = 1m -> cycle
		on       = /login: $/ -> services
		[state services]
		do       = check tcp 22
		               within 1m, note "${address}"
		then     = recovered
		else     = needs-hands "look"
		[state nowhere]
		do       = wait 1s
		then     = failed "x"
	END
	sed -i 's/ : note "up$/ : note "up", key Enter/' "$config/sequences.d/odd.ini"
}

# Each line of the outline fits, and has this one.
outline_has() {
	local line
	while IFS= read -r line; do
		[ "$(wc -m <<<"$line")" -le 81 ]
	done <<<"$output"
	[[ $'\n'$output$'\n' = *$'\n'"$1"$'\n'* ]] || {
		echo "expected: $1"
		echo "got: $output"
		return 1
	}
}

# The first line of each way out in the outline of that sequence ends with a time.
timed() {
	local line ways=0 way='^  (then|else|timeout|visits|on) ' time=' [0-9]+[hms0-9.]*$'
	while IFS= read -r line; do
		[[ $line =~ $way ]] || continue
		# a rule that stays has none
		[[ $line != "  on"* || $line = *" -> "* ]] || continue
		ways=$((ways + 1))
		[[ $line =~ $time ]] || {
			echo "$1: no time: $line"
			return 1
		}
	done <<<"$output"
	[ "$ways" -gt 0 ]
}

@test "graph: an outline for a terminal of 80 columns" {
	export LC_ALL=C.UTF-8
	good
	odd
	run rh graph odd
	status_is 0
	outline_has 'sequence    odd: Quotes " and \ backslashes, ä and ${vars}'
	outline_has 'time        deadline 30m, the longest path takes 16m10s: 2 x [cycle (2m05s) ->
            boot (5m) -> services (1m)]'
	outline_has 'attempt     8m05s: cycle (2m05s) -> boot (5m) -> services (1m)'
	outline_has 'cycle  (it begins here)'
	outline_has '  visits    2, the next one -> needs-hands "look"                            0ms'
	outline_has '  then      -> boot                                                        2m05s'
	outline_has '  else      -> failed, with what went wrong                                2m05s'
	outline_has '  on        "\"login\": \x5c" : note "up", key Enter'
	outline_has '  on idle   1m30s : note "slow"'
	outline_has '  on lost   1m -> cycle                                                       5m'
	outline_has '  do        check tcp 22 within 1m, note "${address}"'
	outline_has 'nowhere  (never reached)'
	outline_has 'in every state'
	outline_has '  on        /panic "\\"/ -> failed "a "panic" at C:\"                         5m'
}

@test "graph --dot: graphviz draws it, ends and times and all" {
	good
	odd
	rh graph odd --dot >"$BATS_TEST_TMPDIR/odd.dot"
	dot -Tsvg "$BATS_TEST_TMPDIR/odd.dot" >"$BATS_TEST_TMPDIR/odd.svg" \
		2>"$BATS_TEST_TMPDIR/said"
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	# What graphviz itself has read.
	dot -Tjson "$BATS_TEST_TMPDIR/odd.dot" | jq -e '
		[.objects[].label] as $labels |
		([.edges[] | {
			from: .tail, to: .head, label: .label }]) as $edges |
		($labels | index("recovered")) != null and
		($labels | index("needs-hands\\nlook")) != null and
		($labels | index("failed\\na \"panic\" at C:\\\\")) != null and
		([$labels[] | select(. == "needs-hands\\nlook")] | length) == 1 and
		any($edges[]; .label == "timeout\\n5m" and
			($labels[.from] | startswith("boot")) and
			($labels[.to] | startswith("cycle"))) and
		any($edges[]; .label == "then\\n2m05s") and
		any($edges[]; .label == "on /panic \"\\\\\\\\\"/\\n5m") and
		any($edges[]; .label == "on /login: $/\\n5m")'
}

@test "graph: with the vars and times of a host" {
	good
	odd
	sed -i '/^\[power\]/a confirm = 10s\nmin-off = 10s' "$config/hosts.d/ldap1.ini"
	run rh graph odd --host ldap1
	status_is 0
	outline_has '  then      -> boot                                                          30s'
	run rh graph odd --host ldap2
	status_is 2
	says 'ldap2'
}

@test "graph: what check refuses is drawn, what can't be read is not" {
	good
	cat >"$config/sequences.d/round.ini" <<-'END'
		[sequence]
		start = a
		[state a]
		then = b
		[state b]
		do = wait 1s
		then = a
	END
	run rh check
	status_is 2
	run rh graph round
	status_is 0
	says "it may go round without end"
	run rh graph round --dot
	status_is 0
	dot -Tsvg <<<"$output" >/dev/null
	sed -i 's/then = b/then = c/' "$config/sequences.d/round.ini"
	run --separate-stderr rh graph round
	status_is 2
	[ -z "$output" ]
	[[ $stderr = *"round.ini:4:8: error: there is no state \"c\""*"4 | then = c"* ]]
	run rh graph rond
	status_is 2
	says 'did you mean "round"?'
	run rh graph
	status_is 2
}

@test "graph: the examples of the tree fit and are drawn" {
	export LC_ALL=C.UTF-8
	cp "$BATS_TEST_DIRNAME"/../../sequences.d/* "$config/sequences.d/"
	chmod 600 "$config"/sequences.d/*
	for name in "$BATS_TEST_DIRNAME"/../../sequences.d/*.ini; do
		name=$(basename "$name" .ini)
		run rh graph "$name"
		status_is 0
		outline_has ""
		# every way out has its time, also as graphviz has read it
		timed "$name"
		rh graph "$name" --dot >"$BATS_TEST_TMPDIR/dot"
		dot -Tjson "$BATS_TEST_TMPDIR/dot" 2>"$BATS_TEST_TMPDIR/said" | jq -e '
			.objects as $o | [.edges[] | select($o[.tail].name != "begin")] |
			length > 0 and all(.label | test("\\\\n([0-9]+(h|m|s|ms|[.][0-9]s))+$"))'
		[ ! -s "$BATS_TEST_TMPDIR/said" ]
	done
}

@test "check --paths: what takes longest, for each host" {
	good
	odd
	sed -i '/nowhere/,$d' "$config/sequences.d/odd.ini"
	sed -i '/^\[power\]/a confirm = 10s\nmin-off = 10s' "$config/hosts.d/ldap1.ini"
	sed -i 's/^recover = .*/recover = odd/' "$config/hosts.d/ldap1.ini"
	run --separate-stderr rh check --paths
	status_is 0
	[[ $output = *"odd on ldap1: the longest path takes 13m, the deadline is 30m: 2 x [cycle (30s) -> boot (5m) -> services (1m)]"* ]]
	[[ $output = *"nap: the longest path takes 5.1s, the deadline is 10s: nap (5.1s)"* ]]
	run rh check --paths --json
	status_is 0
	json_lines
	jq -es 'any(.[]; .sequence == "odd" and .host == "ldap1" and
		.longest_ms == 780000 and .deadline_ms == 1800000)' <<<"$output"
	run rh check
	status_is 0
	says_not "longest"
}
