#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Sequences that run others, as people see them: check, graph, the timeline, and
# rehearse.

load cli-lib

# outer runs nap twice, and says what became of it.
outer() {
	good
	cat >"$config/sequences.d/outer.ini" <<-END
		[sequence]
		summary  = Sleep twice
		start    = night
		deadline = 1m
		[state night]
		do       = note "first", run nap, run nap, check tcp $port
		then     = recovered "slept twice"
		else     = failed "no sleep"
	END
}

@test "check and run: the states of the other one are named by the way to them" {
	outer
	run rh check
	status_is 0
	says "no errors"
	run rh run outer ldap1
	status_is 0
	says 'night/nap:nap '
	says 'nap recovered'
	says 'night+1/nap:nap '
	says 'slept twice'
}

@test "run: failed of the other one leads to else" {
	outer
	sed -i 's/check tcp .*/check tcp 1/' "$config/sequences.d/nap.ini"
	run rh run outer ldap1
	status_is 1
	says 'nap failed'
	says 'no sleep'
	says_not 'night+1'
}

@test "one that returns is run by others alone" {
	outer
	sed -i 's/-> recovered\|= recovered/= return/' "$config/sequences.d/nap.ini"
	grep -q 'then.*= return' "$config/sequences.d/nap.ini"
	sed -i 's/^recover .*/recover = outer/' "$config/hosts.d/ldap1.ini"
	run rh check
	status_is 0
	run rh run outer ldap1
	status_is 0
	says 'nap returned'
	says 'slept twice'
	# Not by itself, and not as what recovers a host.
	run --separate-stderr rh run nap ldap1
	status_is 2
	[[ $stderr = *'nap.ini:'*'a sequence that returns is there to be run by others, not on a host; name one with "do = run nap"'* ]]
	[[ $stderr = *'the sequence nap can'*'nothing was done'* ]]
	sed -i 's/^recover .*/recover = nap/' "$config/hosts.d/ldap1.ini"
	run --separate-stderr rh check
	status_is 2
	[[ $stderr = *'nap.ini:'*'a sequence that returns is there to be run by others'* ]]
	run rh recover ldap1
	status_is 2
}

@test "check: an error of the other one is said once, at its place" {
	outer
	sed -i 's/wait 100ms/wait soon/' "$config/sequences.d/nap.ini"
	run --separate-stderr rh check
	status_is 2
	[[ $stderr = *"nap.ini:6:11: error: do: expected a time for wait"*'     6 | do = wait soon'* ]]
	[ "$(grep -c error: <<<"$stderr")" -eq 1 ]
	run --separate-stderr rh run outer ldap1
	status_is 2
	[[ $stderr = *"nap.ini:6:11: error: "*'     6 | do = wait soon'* ]]
	# What is proved of it, too: of each of them by itself, and once.
	nap
	cat >>"$config/sequences.d/nap.ini" <<-'END'
		[state lost]
		then = failed "x"
	END
	run --separate-stderr rh check
	status_is 2
	[[ $stderr = *'nap.ini:8: error: state "lost" can'* ]]
	[ "$(grep -c error: <<<"$stderr")" -eq 1 ]
	run --separate-stderr rh run outer ldap1
	status_is 2
	[[ $stderr = *'nap.ini:8: error: state "lost" can'* ]]
}

@test "check: what can't be run" {
	outer
	sed 's/run nap, run nap/run nip/' "$config/sequences.d/outer.ini" \
		>"$config/sequences.d/none.ini"
	sed 's/run nap, run nap/run circle/' "$config/sequences.d/outer.ini" \
		>"$config/sequences.d/circle.ini"
	sed 's/run nap, run nap/run damaged/' "$config/sequences.d/outer.ini" \
		>"$config/sequences.d/damages.ini"
	printf '[sequence\n' >"$config/sequences.d/damaged.ini"
	run --separate-stderr rh check
	status_is 2
	[[ $stderr = *'none.ini:6:30: error: do: there is no sequence "nip" in '*'did you mean "nap"?'*'^~~'* ]]
	[[ $stderr = *'circle.ini:6:26: error: sequences run each other in a circle: circle -> circle'* ]]
	[[ $stderr = *'damages.ini:6:30: error: do: the sequence damaged has errors'* ]]
	[[ $stderr = *'damaged.ini:1'* ]]
}

@test "graph: one picture of all" {
	outer
	cat >>"$config/sequences.d/nap.ini" <<-'END'
		[always]
		on = /panic/ -> failed "panic"
	END
	sed -i 's/^start = nap/&\nneeds = console/' "$config/sequences.d/nap.ini"
	sed -i 's/^start .*/&\nneeds = console/' "$config/sequences.d/outer.ini"
	run rh graph outer
	status_is 0
	says $'\nnight  (it begins here)\n  do        note "first"\n  then      -> night/nap:nap '
	says $'\nnight/nap:nap\n'
	says '  then      -> night+1 '
	says $'\nnight+1/nap:nap\n'
	says $'\nin every state of night/nap\n  on        /panic/ -> failed "no sleep"'
	says $'\nin every state of night+1/nap\n'
	rh graph outer --dot >"$BATS_TEST_TMPDIR/outer.dot"
	dot -Tjson "$BATS_TEST_TMPDIR/outer.dot" | jq -e '
		[.objects[].label] as $labels |
		any($labels[]; startswith("in every state of night+1/nap")) and
		any(.edges[]; ($labels[.tail] | startswith("night\\n")) and
			($labels[.head] | startswith("night/nap:nap\\n")))'
}

@test "rehearse: what was never visited, in the other one too" {
	outer
	sed -i 's/^then = .*/&\nelse = lost\n[state lost]\nthen = failed "x"/' \
		"$config/sequences.d/nap.ini"
	mkdir -p "$config/twins.d"
	cat >"$config/twins.d/outer.ini" <<-END
		[twin]
		summary = It is up, and stays so
		start = up
		on = up
		off = off
		[state off]
		power = off
		[state up]
		healthy = yes
		open = $port
	END
	run rh rehearse outer --faults none --seeds 3
	status_is 0
	says 'recovered '
	says "nap.ini: state night/nap:lost"
	says "state night+1/nap:lost"
	says_not 'state night+1/nap:nap'
}
