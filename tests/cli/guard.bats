#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The guard: what programs may do with force, and what is refused before anything
# is touched. Hosts are switched by a program that writes down what it was told.

load cli-lib.bash

# rack NAME...: hosts of the group rack. Their sequence cuts the power where the
# port of $health is silent, and then does not wait for anything.
rack() {
	acts=$BATS_TEST_TMPDIR/acts
	: >"$acts"
	cat >"$BATS_TEST_TMPDIR/act" <<-END
		#!/bin/sh
		echo "\$1 \$2" >>"$acts"
	END
	chmod 700 "$BATS_TEST_TMPDIR/act"
	for name; do
		cat >"$config/hosts.d/$name.ini" <<-END
			[host]
			address = 127.0.0.1
			groups = rack
			recover = bring
			[power]
			driver = exec
			on = $BATS_TEST_TMPDIR/act $name on
			off = $BATS_TEST_TMPDIR/act $name off
			reset = $BATS_TEST_TMPDIR/act $name reset
			status = /bin/echo on
			status-on = on
			status-off = off
			[vars]
			port = 1
		END
	done
	for wait in 10ms 1m; do
		cat >"$config/sequences.d/bring${wait%10ms}.ini" <<-END
			[sequence]
			start = a
			needs = power
			deadline = 4m
			evidence = none
			healthy = check tcp \${port}
			[state a]
			do = power reset, wait $wait
			then = failed "still dead"
		END
	done
}

agent() {
	cat >"$config/rhands.ini"
	chmod 600 "$config/rhands.ini"
}

acted() {
	[ "$(wc -l <"$acts")" -eq "$1" ] || {
		echo "expected $1 acts:"
		cat "$acts"
		return 1
	}
}

forced() {
	for _ in $(seq "$1"); do
		rh recover "$2" </dev/null || [ $? -eq 1 ]
	done
}

refused() {
	status_is 6
	says "refused by the guard ($1"
	says 'nothing was done; --override WHY goes past it'
}

teardown() {
	for run in "$records"/runs/*; do
		[ "$(jq -r '.verdict' "$run/run.json")" != null ] ||
			rh cancel "${run##*/}" || true
	done
	[ -z "$answers_pid" ] || kill "$answers_pid"
}

@test "guard: three runs with force on a host in an hour, and no fourth" {
	rack r1
	forced 3 r1
	acted 3
	run --separate-stderr rh recover r1 --json </dev/null
	status_is 6
	acted 3
	tail -n 1 <<<"$output" | jq -e '.event == "verdict" and .verdict == "unknown" and
		.code == "refused" and .exit == 6 and .rule == "runs-per-host = 3" and
		(.reason | startswith("refused by the guard (runs-per-host = 3): 3 runs with force on r1 in 1h00m; allowed again at "))'
	# when the first one is an hour old
	allowed=$(tail -n 1 <<<"$output" | jq -r .allowed_at)
	first=$(cat "$records"/runs/*/run.json | jq -r '.forced_at // empty' | sort | head -n 1)
	[ "$(date -ud "$first 1 hour" +%FT%T)" = "${allowed%.*}" ]
	run rh power r1 off </dev/null
	refused 'runs-per-host = 3)'
	acted 3
	run rh show last
	status_is 0
	says 'refused by the guard'
}

@test "guard: what uses no force is neither counted nor refused" {
	rack r1
	forced 2 r1
	# a host that is healthy, and a power action that destroys nothing
	answers
	sed -i "s/^port = .*/port = $port/" "$config/hosts.d/r1.ini"
	for _ in 1 2 3; do
		run rh recover r1 </dev/null
		status_is 0
		run rh power r1 on </dev/null
		status_is 0
	done
	sed -i "s/^port = .*/port = 1/" "$config/hosts.d/r1.ini"
	forced 1 r1
	run rh recover r1 </dev/null
	refused 'runs-per-host = 3)'
	# a healthy one is still told so, a power-on is still done
	run rh power r1 on </dev/null
	status_is 0
	sed -i "s/^port = .*/port = $port/" "$config/hosts.d/r1.ini"
	run rh recover r1 </dev/null
	status_is 0
	acted 3
}

@test "guard: --override goes past it, and the record says so" {
	rack r1
	forced 3 r1
	run rh recover r1 --override 'the rack burns' </dev/null
	status_is 1
	acted 4
	json=$(ls -d "$records"/runs/* | tail -n 1)
	jq -e '.override == "the rack burns" and .force == "used"' "$json/run.json"
	jq -es 'map(select(.event == "override")) | .[0].text == "the rack burns" and
		.[0].rule == "runs-per-host = 3"' "$json/journal.jsonl"
	# it was force, and is counted
	run rh recover r1 </dev/null
	says '4 runs with force'
}

@test "guard: settings, and a window" {
	rack r1
	agent <<-END
		[guard]
		runs-per-host = 1
		window = 2s
	END
	forced 1 r1
	run rh recover r1 </dev/null
	refused 'runs-per-host = 1): 1 run with force on r1 in 2s'
	over() {
		rh recover r1 </dev/null
		[ $? -eq 1 ]
	}
	wait_for 10 over
	acted 2
	agent <<-END
		[guard]
		enabled = no
	END
	forced 4 r1
	acted 6
	agent <<-END
		[guard]
		enabled = perhaps
	END
	run rh recover r1 </dev/null
	status_is 2
	says 'enabled = perhaps'
	acted 6
}

@test "guard: a person at a terminal is not asked for more, unless it says yes" {
	rack r1
	forced 3 r1
	at_terminal() {
		script -qec "$rhands recover r1 --config $config --records $records" /dev/null \
			>"$BATS_TEST_TMPDIR/typescript" 2>&1
	}
	at_terminal || [ $? -eq 1 ]
	acted 4
	agent <<-END
		[guard]
		enabled = yes
	END
	at_terminal && return 1 || [ $? -eq 6 ]
	acted 4
}

@test "guard: a group, and a section of its own" {
	rack r1 r2 r3
	agent <<-END
		[guard]
		runs-per-group = 2
	END
	forced 1 r1
	forced 1 r2
	run rh recover r3 </dev/null
	refused 'runs-per-group = 2 of rack): 2 runs with force in the group rack in 1h00m'
	agent <<-END
		[guard]
		runs-per-group = 2
		[guard rack]
		runs-per-group = 4
		runs-per-host = 1
	END
	forced 1 r3
	run rh recover r3 </dev/null
	refused 'runs-per-host = 1)'
	acted 3
	# a group that nobody is in is no reason to let a host die
	printf '[guard rakc]\nruns-per-host = 1\n' >>"$config/rhands.ini"
	run rh check
	says 'warning: no host is in the group "rakc"'
}

@test "guard: of many that begin at once no more are let in" {
	rack r1 r2 r3 r4 r5 r6 r7 r8
	agent <<-END
		[guard]
		runs-per-group = 3
	END
	run rh recover 'r[1-8]' --json </dev/null
	[ "$(jq -r 'select(.event == "verdict") | .code' <<<"$output" | sort | uniq -c | xargs)" = \
		'3 none 5 refused' ]
	acted 3
}

@test "guard: a run that goes on counts, and one that was killed as its journal says" {
	rack r1
	agent <<-END
		[guard]
		runs-per-group = 1
	END
	rack r1 r2
	id=$(rh run bring1m r1 --no-wait </dev/null)
	sent() {
		grep -qs power-acked "$records/runs/$id/journal.jsonl"
	}
	wait_for 10 sent
	run rh recover r2 </dev/null
	refused 'runs-per-group = 1 of rack): 1 run with force in the group rack in 1h00m, those under way counted'
	kill -KILL "$(jq -r .pid "$records/runs/$id/run.json")"
	dead() {
		[[ $(rh runs) == *killed* ]]
	}
	wait_for 10 dead
	run rh recover r2 </dev/null
	refused 'runs-per-group = 1 of rack): 1 run with force in the group rack in 1h00m; allowed again at'
	sed -i '/power-act"/d' "$records/runs/$id/journal.jsonl"
	forced 1 r2
	acted 2
}

@test "guard: never below so many healthy hosts" {
	rack r1 r2 r3 r4
	answers
	agent <<-END
		[guard rack]
		min-healthy = 2
	END
	sed -i "s/^port = .*/port = $port/" "$config"/hosts.d/r[23].ini
	forced 1 r1
	acted 1
	# r3 is healthy, but somebody works on it with force
	sed -i "s/^port = .*/port = 1/" "$config/hosts.d/r3.ini"
	id=$(rh run bring1m r3 --no-wait --override test </dev/null)
	sent() {
		grep -qs power-acked "$records/runs/$id/journal.jsonl"
	}
	wait_for 10 sent
	sed -i "s/^port = .*/port = $port/" "$config/hosts.d/r3.ini"
	run rh recover r1 </dev/null
	refused 'min-healthy = 2 of rack): of the 3 other hosts of the group rack, 1 are known to be healthy'
	rh cancel "$id"
	forced 1 r1
	# half of four, and one is left
	sed -i 's/^min-healthy.*/min-healthy = 50%/' "$config/rhands.ini"
	sed -i "s/^port = .*/port = 1/" "$config/hosts.d/r3.ini"
	run rh recover r1 </dev/null
	refused 'min-healthy = 2 of rack)'
	acted 3
}

@test "guard: of hosts without a TCP check the last run tells" {
	rack r1 r2
	agent <<-END
		[guard rack]
		min-healthy = 1
	END
	sed -i '/^recover/d' "$config/hosts.d/r2.ini"
	run rh recover r1 </dev/null
	refused 'min-healthy = 1 of rack): of the 1 other hosts'
	rh power r2 on </dev/null
	forced 1 r1
	acted 1
}

@test "guard: a refusal is no answer to a request, the id may try again" {
	rack r1
	agent <<-END
		[guard]
		runs-per-host = 1
	END
	forced 1 r1
	run rh recover r1 --request-id q </dev/null
	refused 'runs-per-host = 1)'
	id=$(rh recover r1 --request-id w --no-wait </dev/null)
	run rh wait "$id"
	status_is 6
	says 'refused by the guard'
	agent </dev/null
	for id in q w; do
		run rh recover r1 --request-id "$id" </dev/null
		status_is 1
		says_not repeated
	done
	acted 3
}

@test "guard: a test is begun again and again, but never below so many healthy hosts" {
	rack r1 r2
	printf '[test kick]\nsequence = bring\nhosts = r1\nrepeat = 5\nexpect = failed\n' \
		>"$BATS_TEST_TMPDIR/suite.ini"
	run rh test "$BATS_TEST_TMPDIR/suite.ini" </dev/null
	status_is 0
	acted 5
	# they count for others
	run rh recover r1 </dev/null
	refused 'runs-per-host = 3)'
	agent <<-END
		[guard rack]
		min-healthy = 1
	END
	run rh test "$BATS_TEST_TMPDIR/suite.ini" </dev/null
	status_is 1
	says 'refused by the guard (min-healthy = 1 of rack)'
	says_not override
	acted 5
}

# fenced WORD...: what a cluster would send.
fenced() {
	run "$rhands" fence < <(printf '%s\n' "config=$config" "records=$records" "$@")
	echo "$output"
}

@test "guard: a cluster fences, but not in a storm" {
	rack r1 r2
	agent <<-END
		[guard]
		runs-per-host = 2
		[guard rack]
		min-healthy = 1
	END
	# that others are ill is why it fences
	printf '#!/bin/sh\necho "$1 $2" >>%s\necho "$2" >%s.$1\n' "$acts" "$acts" \
		>"$BATS_TEST_TMPDIR/act"
	for name in r1 r2; do
		echo on >"$acts.$name"
		sed -i "s#^status = .*#status = /bin/cat $acts.$name\nmin-off = 1s#" \
			"$config/hosts.d/$name.ini"
	done
	for _ in 1 2; do
		fenced action=reboot plug=r1
		status_is 0
	done
	fenced action=off plug=r1
	status_is 1
	says 'refused by the guard (runs-per-host = 2)'
	says 'the parameter override goes past it'
	fenced action=off plug=r1 'override=a person looked'
	status_is 0
	cat "$records"/runs/*/run.json | jq -es 'any(.[]; .override == "a person looked")'
	fenced action=off plug=r2
	status_is 0
	[ "$("$rhands" fence -o metadata | grep -c 'name="override"')" -eq 1 ]
}

@test "guard: a maintenance waits for as many healthy hosts, and counts nothing" {
	load maintain.bash
	for name in web1 web2 web3; do
		server "$name"
		sed -i 's/^recover = .*/&\ngroups = web/' "$config/hosts.d/$name.ini"
	done
	plan 'parallel = 3'
	agent <<-END
		[guard]
		runs-per-host = 1
		runs-per-group = 1
		[guard web]
		min-healthy = 2
	END
	run rh maintain night </dev/null
	status_is 0
	says 'waits, not refused by the guard (min-healthy = 2 of web)'
	cat "$records"/runs/*/run.json | jq -es '
		map(select(.force == "used")) | sort_by(.started) | length == 3 and
		(.[0].ended <= .[1].started) and (.[1].ended <= .[2].started)'
}
