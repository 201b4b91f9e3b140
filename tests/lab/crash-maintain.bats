#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `rhands maintain` is killed with SIGKILL at each write to its journal, and at each
# write to the journal of a run that it has begun; alone, and with everything that it
# has begun, as when its machine is restarted. Then it is resumed, by a clock that is
# right, or was put forward, or back. The hosts are twins; the truth are the twins'
# own lists of what was done to them: each is restarted exactly once, and all are
# back. rhands-killed is rhands with journal-shim.c; LAB_BIN names the folder of the
# tools. Nothing is polled for: N is reached because the shim counts.

bats_require_minimum_version 1.5.0
# shellcheck source=SCRIPTDIR/../cli/maintain.bash disable=SC1091
. "${BATS_TEST_DIRNAME:-.}/../cli/maintain.bash"

at_once=40		# maintenances under way; they mostly wait

setup_file() {
	export here=$BATS_TEST_DIRNAME
	export rhands=${RHANDS:-$here/../../rhands}
	export bin=${LAB_BIN:-$here}
	export config=$BATS_FILE_TMPDIR/config cases=$BATS_FILE_TMPDIR/cases

	[ -x "$bin/rhands-killed" ] || skip "no $bin/rhands-killed"
	umask 077
	mkdir -p "$config"/{hosts.d,sequences.d,plans.d} "$cases"
	server nfs1
	server ldap1 nfs1
	boots_to=hung server web2 ldap1
	plan "before = /bin/true" "after = /bin/true" "gate = /bin/true"
	whole
	every_point >"$cases/points"
	while read -r point; do
		while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do
			wait -n || true
		done
		(set +e; one "$point") >>"$cases/log" 2>&1 3>&- &
	done <"$cases/points"
	wait
}

# ---- killing --------------------------------------------------------------------

# maintain CASE SAID [OPTION...]: a maintenance in a process group of its own.
maintain() {
	local case=$cases/$1 said=$2
	shift 2
	setsid --wait timeout 120 "$bin/rhands-killed" maintain night \
		--config "$config" --records "$case" "$@" >"$case/$said" 2>&1 </dev/null
}

# One to its end, for the counts of its writes, and of those of two runs of it.
whole() {
	local count i=0
	for count in maintenances -ldap1-reboot- -web2-back-; do
		i=$((i + 1))
		mkdir "$cases/whole$i"
		(set +e
		JOURNAL_COUNT=$cases/writes$count JOURNAL_KILL_IN=$count \
			maintain "whole$i" out) 3>&- &
	done
	wait
}

# Lines "IN CASE WHEN N WHO CLOCK".
every_point() {
	local count writes n when who clocks=(0 -3600 1200) i=0
	for count in maintenances -ldap1-reboot- -web2-back-; do
		read -r writes <"$cases/writes$count"
		for ((n = 1; n <= writes; n++)); do
			for when in before after; do
				for who in runner machine; do
					# a run alone: its runner sees its end
					[ "$count" = maintenances ] || [ $who = machine ] ||
						continue
					i=$((i + 1))
					echo "$count case$i $when $n $who ${clocks[i % 3]}"
				done
			done
		done
	done
}

# one POINT: killed there, and resumed.
one() {
	local count when n who clock case
	read -r count case when n who clock <<<"$1"
	mkdir "$cases/$case"
	[ "$who" = runner ] || export JOURNAL_KILL_WHO=machine
	JOURNAL_KILL="$when $n" JOURNAL_KILL_IN=$count maintain "$case" out1
	echo $? >"$cases/$case/status1"
	unset JOURNAL_KILL_WHO
	JOURNAL_CLOCK=$clock maintain "$case" out2 --resume
	echo $? >"$cases/$case/status2"
}

# ---- judging --------------------------------------------------------------------

complain() {
	echo "$1: ${*:2}"
}

# What the twin says was done to it: restarts over its shell, and by its power.
restarts() {
	grep -c ' shell 73687574646f776e' "$1" || true
}

acts() {
	grep -cE ' power (cycle|reset|off)' "$1" || true
}

judge() {
	local point=$1 count case when host status2 journal
	read -r count case when host <<<"$point"

	status2=$(<"$cases/$case/status2")
	journal=$(echo "$cases/$case"/maintenances/*Z-night/journal.jsonl)
	[ "$(<"$cases/$case/status1")" -eq 137 ] || complain "$point" "it was not killed"
	if [ "$status2" -eq 2 ] && [[ $count$when == maintenancesafter ]]; then
		# killed behind its last line: nothing is left to do
		tail -n 1 "$journal" | jq -e '.event == "end" and .verdict == "recovered"' \
			>/dev/null || complain "$point" "no end: $(<"$cases/$case/out2")"
	elif [ "$status2" -ne 0 ]; then
		complain "$point" "resumed, it ends with $status2: $(tail -n 3 "$cases/$case/out2")"
	fi
	[ -s "$journal" ] || { complain "$point" "no journal"; return; }
	for host in nfs1 ldap1 web2; do
		[ "$(restarts "$cases/$case/twins/$host")" -eq 1 ] ||
			complain "$point" "$host was restarted $(restarts "$cases/$case/twins/$host") times"
		[ "$("$bin/twin-truth" "$config/twins.d/$host.ini" \
			"$cases/$case/twins/$host" "$host")" = "up on healthy" ] ||
			complain "$point" "$host is not up: $("$bin/twin-truth" "$config/twins.d/$host.ini" "$cases/$case/twins/$host" "$host" 2>&1)"
	done
	# only the one that hangs gets hands; again only where those were cut off
	[ "$(acts "$cases/$case/twins/nfs1")" -eq 0 ] || complain "$point" "nfs1 was forced"
	[ "$(acts "$cases/$case/twins/ldap1")" -eq 0 ] || complain "$point" "ldap1 was forced"
	[ "$(acts "$cases/$case/twins/web2")" -le 2 ] || complain "$point" "web2 was forced thrice"
}

judge_all() {
	local count=$1 point points=0

	while read -r point; do
		[[ $point == "$count "* ]] || continue
		points=$((points + 1))
		(set +e; judge "$point") 3>&-
	done <"$cases/points" >"$BATS_TEST_TMPDIR/complaints" 2>&1
	points=$(grep -c "^$count " "$cases/points")
	cat "$BATS_TEST_TMPDIR/complaints"
	grep -v "Killed  " "$cases/log" || true
	[ ! -s "$BATS_TEST_TMPDIR/complaints" ]
	[ "$points" -ge "$2" ]
	echo "# $points points" >&3
}

some() {
	grep -qF "$1" "$cases"/*/out2
}

@test "maintain: killed at each write of its journal" {
	judge_all maintenances 80
	some 'nothing was sent to it'
	some "this machine's clock was put back since then, by 59m"
	some 'there is no unfinished maintenance'
}

@test "maintain: killed at each write of the run that restarts a host" {
	judge_all -ldap1-reboot- 20
	some 'ldap1            looking'
	some 'it still runs the system from before'
}

@test "maintain: killed at each write of the run that recovers a host" {
	judge_all -web2-back- 20
	some 'web2             looking'
}
