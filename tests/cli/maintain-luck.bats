#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Maintenances in bad luck: clocks that change in their night, in zones that are not
# the machine's; a window that ends meanwhile; a limit of files in the middle; a
# machine that was restarted and has given the runner's number to somebody else.

load cli-lib.bash
load maintain.bash

# shown BEGIN ZONE LENGTH: the window, as --dry-run says it on a machine in New York.
shown() {
	server web1
	plan
	sed -i "s|^begin = .*|begin = $1|; s|^zone = .*|zone = $2|; s|^length = .*|length = $3|" \
		"$config/plans.d/night.ini"
	TZ=America/New_York run rh maintain night --dry-run
	echo "$output"
}

@test "luck: a window over the hour that is left out in spring" {
	shown '2027-03-28 01:30' Europe/Berlin 2h
	status_is 0
	says 'from Sun 2027-03-28 01:30 CET to Sun 2027-03-28 04:30 CEST, 2h00m'
	says '(Sun 2027-03-28 00:30 UTC to Sun 2027-03-28 02:30 UTC)'
	# what would be inside by the clock on the wall, and is not by the time that passes
	[ "$(jq -s 'all(.[]; .fits)' < <(TZ=America/New_York rh maintain night --dry-run --json))" = true ]
	shown '2027-03-28 02:30' Europe/Berlin 2h
	status_is 2
	says 'there is no 2027-03-28 02:30 in Europe/Berlin: clocks are put forward over it'
	# the same reading is a time elsewhere
	shown '2027-03-28 02:30' America/New_York 2h
	status_is 0
	says 'from Sun 2027-03-28 02:30 EDT'
}

@test "luck: a window over the hour that is there twice in autumn" {
	shown '2026-10-25 01:30' Europe/Berlin 3h
	status_is 0
	says 'from Sun 2026-10-25 01:30 CEST to Sun 2026-10-25 03:30 CET, 3h00m'
	says '(Sat 2026-10-24 23:30 UTC to Sun 2026-10-25 02:30 UTC)'
	shown '2026-10-25 02:30' Europe/Berlin 1h
	status_is 2
	says 'write "2026-10-25 02:30 CEST" for the first or "2026-10-25 02:30 CET" for the second'
	shown '2026-10-25 02:30 CEST' Europe/Berlin 1h
	says 'from Sun 2026-10-25 02:30 CEST to Sun 2026-10-25 02:30 CET, 1h00m'
	shown '2026-10-25 02:30 CET' Europe/Berlin 1h
	says 'from Sun 2026-10-25 02:30 CET to Sun 2026-10-25 03:30 CET, 1h00m'
}

@test "luck: local is the zone of the machine" {
	shown '2026-11-01 01:30 EST' local 1h
	status_is 0
	says 'from Sun 2026-11-01 01:30 EST to Sun 2026-11-01 02:30 EST, 1h00m'
	says '(Sun 2026-11-01 06:30 UTC to Sun 2026-11-01 07:30 UTC)'
	shown '2026-11-01 01:30' local 1h
	status_is 2
	says 'is there twice in local'
}

# begun: a maintenance of which wave 2 has begun, killed with all that it began.
begun() {
	setsid "$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 </dev/null 3>&- &
	runner=$!
	wait_for 30 eval 'compgen -G "$records/runs/*-ldap1-reboot-*" >/dev/null'
	kill -KILL -- "-$runner"
	wait "$runner" || true
}

resume() {
	run timeout 60 "$rhands" maintain night --config "$config" --records "$records" \
		--resume "$@" </dev/null
	echo "$output"
}

@test "luck: the window has ended when it is resumed" {
	three
	plan 'after = /bin/echo the pager is on'
	begun
	begins='-5 hours' plan 'after = /bin/echo the pager is on'
	resume
	# what is in its hands is brought to its end, and nothing else is begun
	[ "$status" -ne 0 ]
	says 'resumed: its journal ends at '
	says 'under way then: ldap1'
	says 'is not begun: the window ended at '
	says 'the pager is on'
	[ "$(restarts web1)" -eq 1 ]
	[ ! -e "$records/twins/ldap1" ] || [ "$(restarts ldap1)" -le 1 ]
	[ ! -e "$records/twins/nfs1" ]
	run timeout 60 "$rhands" maintain night --config "$config" --records "$records" --report
	says 'skipped'
}

@test "luck: another process has the number of the killed runner" {
	three
	plan
	begun
	sed -i "s/pid [0-9]*/pid $$/" "$records"/maintenances/*/runner
	resume
	status_is 0
	for h in web1 web2 ldap1 nfs1; do
		[ "$(restarts $h)" -eq 1 ]
	done
}

@test "luck: a limit of the size of files, in the middle" {
	three
	plan
	run timeout 60 bash -c 'ulimit -f 2 && exec "$@"' - "$rhands" maintain night \
		--config "$config" --records "$records" </dev/null
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$status" -lt 128 ]
	says 'File too large'
	says '--resume goes on'
	says_not 'all hosts are back'
	resume
	for h in web1 web2 ldap1 nfs1; do
		[ "$(restarts $h)" -eq 1 ]
	done
	status_is 0
}

@test "luck: killed in a cold start, while the host boots" {
	boot_time=3s server nfs1
	sed -i 's/^start = up/start = off/' "$config/twins.d/nfs1.ini"
	plan 'kind = start'
	setsid "$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 </dev/null 3>&- &
	runner=$!
	wait_for 30 grep -qs ' power ' "$records/twins/nfs1"
	kill -KILL -- "-$runner"
	wait "$runner" || true
	resume
	status_is 0
	# it is looked at, and not cut off while it boots
	says 'nfs1             looking'
	says 'nfs1             back in'
	[ "$(grep -c ' power ' "$records/twins/nfs1")" -eq 1 ]
}

@test "luck: interrupted while a host waits for others to be healthy" {
	local h
	for h in web1 web2; do
		boot_time=4s back=20s server $h
		sed -i 's/^recover = .*/&\ngroups = web/' "$config/hosts.d/$h.ini"
	done
	printf '[guard web]\nmin-healthy = 1\n' >"$config/rhands.ini"
	back=20s plan 'parallel = 2'
	"$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 </dev/null 3>&- &
	runner=$!
	wait_for 30 grep -q 'waits, not refused by the guard' "$BATS_TEST_TMPDIR/first"
	kill -TERM "$runner"
	status=0
	wait "$runner" || status=$?
	cat "$BATS_TEST_TMPDIR/first"
	status_is 130
	resume
	status_is 0
	for h in web1 web2; do
		[ "$(restarts $h)" -eq 1 ]
	done
}
