#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Events of runs at the logging daemons of the machine, which are sockets here.

load cli-lib.bash

teardown() {
	[ -z "$answers_pid" ] || kill "$answers_pid"
	[ -z "$daemon_pid" ] || kill "$daemon_pid"
}

# log LINE...: [log] of rhands.ini, with both sockets in this test's folder.
log() {
	{
		echo "[log]"
		printf '%s\n' "$@"
		echo "journal-socket = $BATS_TEST_TMPDIR/journal"
		echo "syslog-socket = $BATS_TEST_TMPDIR/syslog"
	} >"$config/rhands.ini"
}

# daemon NAME: takes datagrams at that socket, each ends with "--" in NAME.log.
daemon() {
	python3 - "$BATS_TEST_TMPDIR/$1" 3>&- <<-'END' &
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		with open(sys.argv[1] + ".log", "wb") as f:
		    while True:
		        f.write(s.recv(65536) + b"\n--\n")
		        f.flush()
	END
	daemon_pid=$!
	wait_for 10 test -S "$BATS_TEST_TMPDIR/$1"
}

@test "each event of a run goes to the journal of systemd, as fields" {
	good
	log "journal = yes"
	daemon journal
	run rh recover ldap1
	status_is 0
	wait_for 5 grep -q '^RHANDS_VERDICT=recovered$' "$BATS_TEST_TMPDIR/journal.log"
	id=$(basename "$records"/runs/*)
	cat "$BATS_TEST_TMPDIR/journal.log"
	[ "$(grep -c '^--$' "$BATS_TEST_TMPDIR/journal.log")" -eq \
		"$(wc -l <"$records/runs/$id/journal.jsonl")" ]
	[ "$(grep '^RHANDS_EVENT=' "$BATS_TEST_TMPDIR/journal.log" | cut -d= -f2 | paste -sd,)" = \
		"$(jq -r .event "$records/runs/$id/journal.jsonl" | paste -sd,)" ]
	[ "$(grep -c "^RHANDS_RUN=$id$" "$BATS_TEST_TMPDIR/journal.log")" -eq \
		"$(grep -c '^--$' "$BATS_TEST_TMPDIR/journal.log")" ]
	grep -q '^RHANDS_HOST=ldap1$' "$BATS_TEST_TMPDIR/journal.log"
	grep -q '^RHANDS_EXIT=0$' "$BATS_TEST_TMPDIR/journal.log"
	grep -q '^MESSAGE=ldap1: nap: state' "$BATS_TEST_TMPDIR/journal.log"
	[ "$(jq 'has("log_messages_lost")' "$records/runs/$id/run.json")" = false ]
	[ ! -e "$BATS_TEST_TMPDIR/syslog.log" ]
}

@test "syslog gets a line for each, with the facility that was asked for" {
	good
	log "syslog = yes" "facility = local3"
	daemon syslog
	run rh recover ldap1
	status_is 0
	wait_for 5 grep -q 'verdict="recovered"' "$BATS_TEST_TMPDIR/syslog.log"
	# local3.notice is 19 * 8 + 5
	grep -qE '^<157>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} rhands\[[0-9]+\]: \[rhands host="ldap1" run="[^"]+-ldap1-nap-[0-9a-f]{4}" sequence="nap" user="[^"]+" event="verdict" verdict="recovered" code="none" exit="0"\] ldap1: verdict recovered' \
		"$BATS_TEST_TMPDIR/syslog.log"
}

@test "who came by sudo is named" {
	good
	log "journal = yes"
	daemon journal
	printf '[agent]\nrecords = %s\n' "$records" >>"$config/rhands.ini"
	SUDO_UID=1 "$rhands" recover ldap1 --config "$config"
	wait_for 5 grep -q '^RHANDS_VERDICT=recovered$' "$BATS_TEST_TMPDIR/journal.log"
	grep -q '^RHANDS_CALLER=daemon$' "$BATS_TEST_TMPDIR/journal.log"
}

@test "runs of tests and of power are logged, too" {
	good
	log "journal = yes"
	daemon journal
	printf '[test nap]\nsequence = nap\nhosts = ldap1\n' >"$config/suite.ini"
	run rh test "$config/suite.ini"
	status_is 0
	wait_for 5 grep -q '^RHANDS_VERDICT=recovered$' "$BATS_TEST_TMPDIR/journal.log"
	run rh power ldap1 on --deadline 2s
	wait_for 5 grep -q '^RHANDS_VERDICT=unknown$' "$BATS_TEST_TMPDIR/journal.log"
	grep -q '^PRIORITY=3$' "$BATS_TEST_TMPDIR/journal.log"
}

@test "a daemon that is gone costs nothing but its messages, which are counted" {
	good
	log "journal = yes" "syslog = yes"
	run rh recover ldap1
	status_is 0
	says_not 'log'
	jq -e '.log_messages_lost >= 6' "$records"/runs/*/run.json
}

@test "a daemon that does not read holds nothing up" {
	good
	log "journal = yes"
	daemon journal
	kill -STOP "$daemon_pid"
	# more events than the queue of a socket holds (net.unix.max_dgram_qlen)
	{
		printf '[sequence]\nstart = a\ndeadline = 20s\n[state a]\n'
		echo "do = $(printf 'note "x", %.0s' $(seq 600)) check tcp $port"
		echo 'then = recovered'
	} >"$config/sequences.d/nap.ini"
	run timeout 20 "$rhands" recover ldap1 --config "$config" --records "$records" --json
	kill -CONT "$daemon_pid"
	status_is 0
	jq -e '.log_messages_lost > 10 and .duration_ms < 10000' "$records"/runs/*/run.json
}

@test "what is wrong in [log] is said" {
	good
	log "journal = maybe" "facility = kern" "speed = 9"
	run rh check
	status_is 2
	says 'rhands.ini:2'
	says 'rhands.ini:3'
	says 'rhands.ini:4'
	printf '[log]\njournal-socket = run/x\n' >"$config/rhands.ini"
	run rh check
	says 'rhands.ini:2'
	says 'expected the path of a socket'
	run rh recover ldap1
	status_is 2
	[ ! -e "$records/runs" ]
}
