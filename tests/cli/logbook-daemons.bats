#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Events of runs at the real daemons: rsyslogd, at a socket of this test, and
# systemd-journald, whose socket has one place, in a name space where that is ours.
# And that what a host prints reaches none of them.

load cli-lib.bash

journald=/lib/systemd/systemd-journald

teardown() {
	[ -z "$answers_pid" ] || kill "$answers_pid"
	[ -z "$syslog_pid" ] || kill "$syslog_pid"
}

# A host whose every line, answer and shell says CANARY.
canary() {
	mkdir -p "$config/twins.d"
	cat >"$config/twins.d/c1.ini" <<-'END'
		[twin]
		start = up
		on = boot
		off = off
		[port 25]
		answer = "CANARY smtp\r\n"
		[state off]
		power = off
		[state boot]
		boots = yes
		do = wait 200ms, print "CANARY bios\r\nPress F1, CANARY "
		on = /\eOP|\e\[11~|\e\[\[A/ -> up
		[state up]
		ssh = yes
		open = 22 25
		echo = yes
		do = print "\r\nCANARY login: "
		on shell = /^good$/ : say "CANARY shell\n"
	END
	cat >"$config/hosts.d/c1.ini" <<-'END'
		[host]
		recover = wake
		[power]
		driver = twin
		min-off = 1s
		confirm = 5s
		[console]
		driver = twin
		[shell]
		driver = twin
		[check]
		driver = twin
	END
	cat >"$config/sequences.d/wake.ini" <<-END
		[sequence]
		summary = Press F1
		needs = power console shell
		start = cycle
		deadline = 15m
		[state cycle]
		do = power cycle
		then = post
		[state post]
		timeout = 1m -> failed "no F1"
		on = /Press F1/ max 3 : key F1 -> boot
		[state boot]
		timeout = 1m -> failed "no login"
		on = /login: $/ -> services
		[state services]
		do = shell "good", check tcp 25 expect "CANARY" within 10s, note "all is well"
		then = $1
		else = failed "services"
	END
}

logs() {
	printf '[log]\n%s = yes\n%s-socket = %s\n' "$1" "$1" "$2" >"$config/rhands.ini"
}

rsyslog() {
	command -v rsyslogd >/dev/null || skip "rsyslogd is not installed"
	local dir=$BATS_TEST_TMPDIR
	mkdir "$dir/work"
	cat >"$dir/rsyslog.conf" <<-END
		global(workDirectory="$dir/work")
		module(load="imuxsock" SysSock.Use="off")
		template(name="t" type="string"
		    string="%syslogfacility-text%.%syslogseverity-text% %programname% %procid%%msg%\n")
		input(type="imuxsock" Socket="$dir/syslog")
		action(type="omfile" file="$dir/syslog.out" template="t")
	END
	rsyslogd -n -C -f "$dir/rsyslog.conf" -i "$dir/rsyslog.pid" >"$dir/rsyslog.err" 2>&1 3>&- &
	syslog_pid=$!
	wait_for 10 test -S "$dir/syslog"
	logs syslog "$dir/syslog"
}

# with_journald COMMAND...: in a name space with a journald; what it got, as JSON, is
# in journal.json then.
with_journald() {
	[ -x "$journald" ] && command -v journalctl >/dev/null || skip "journald is not installed"
	local dir=$BATS_TEST_TMPDIR map=-r
	[ "$(id -u)" -eq 0 ] && map=
	unshare $map -m mount -t tmpfs tmpfs /mnt 2>/dev/null ||
		skip "no mount name space may be made here"
	cat >"$dir/inside" <<-'END'
		set -e
		dir=$1 journald=$2
		shift 2
		mount --make-rprivate /
		mount -t tmpfs tmpfs /run
		mkdir -p /run/systemd/journald.conf.d /run/systemd/journal /run/log/journal
		printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n' \
			>/run/systemd/journald.conf.d/test.conf
		: >"$dir/machine-id"
		[ -s /etc/machine-id ] || {
			echo 0123456789abcdef0123456789abcdef >"$dir/machine-id"
			mount --bind "$dir/machine-id" /etc/machine-id
		}
		"$journald" >"$dir/journald.err" 2>&1 </dev/null &
		pid=$!
		trap 'kill $pid' EXIT
		for i in $(seq 200); do
			[ -S /run/systemd/journal/socket ] && break
			sleep 0.05
		done
		[ -S /run/systemd/journal/socket ] || exit 97
		"$@" >"$dir/said" 2>&1 </dev/null && status=0 || status=$?
		# a message that is behind all others
		for i in $(seq 200); do
			journalctl -q -D /run/log/journal -o json >"$dir/journal.json" 2>&1 || true
			grep -q '"RHANDS_EVENT":"verdict"' "$dir/journal.json" && break
			sleep 0.05
		done
		exit $status
	END
	run unshare $map -m sh "$dir/inside" "$dir" "$journald" "$@" 3>&-
	[ "$status" -ne 97 ] || skip "journald does not start here: $(tail -n 1 "$dir/journald.err")"
	echo "$output"
	cat "$dir/said"
}

fields() {
	jq -r 'select(.SYSLOG_IDENTIFIER == "rhands")' "$BATS_TEST_TMPDIR/journal.json"
}

@test "daemons: rsyslogd takes each event, with its words" {
	good
	rsyslog
	run rh recover ldap1
	status_is 0
	wait_for 10 grep -q 'verdict="recovered"' "$BATS_TEST_TMPDIR/syslog.out"
	cat "$BATS_TEST_TMPDIR/syslog.out"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/syslog.out")" -eq \
		"$(cat "$records"/runs/*/journal.jsonl | wc -l)" ]
	grep -qE "^daemon\.notice rhands $(jq .pid "$records"/runs/*/run.json) \[rhands host=\"ldap1\" run=\"$(basename "$records"/runs/*)\" sequence=\"nap\" user=\"$(jq -r .user "$records"/runs/*/run.json)\" event=\"verdict\" verdict=\"recovered\" code=\"none\" exit=\"0\"\] ldap1: verdict recovered" \
		"$BATS_TEST_TMPDIR/syslog.out"
}

@test "daemons: journald takes each event, with its fields" {
	good
	logs journal /run/systemd/journal/socket
	with_journald "$rhands" recover ldap1 --config "$config" --records "$records"
	status_is 0
	id=$(basename "$records"/runs/*)
	[ "$(fields | jq -r .RHANDS_EVENT | paste -sd,)" = \
		"$(jq -r .event "$records/runs/$id/journal.jsonl" | paste -sd,)" ]
	fields | jq -es --arg id "$id" --arg pid "$(jq .pid "$records/runs/$id/run.json")" '
		all(.[]; .RHANDS_RUN == $id and .RHANDS_HOST == "ldap1" and
			.RHANDS_SEQUENCE == "nap" and ._PID == $pid) and
		(last | .RHANDS_VERDICT == "recovered" and .RHANDS_EXIT == "0" and
			.RHANDS_CODE == "none" and .PRIORITY == "5" and
			(.MESSAGE | startswith("ldap1: verdict recovered")))'
}

# No byte of it, and still which rules fired.
no_canary() {
	grep -q CANARY "$records"/runs/*/journal.jsonl
	[ "$(grep -ic canary "$1")" -eq 0 ]
	for line in 11 14; do
		grep -q "wake.ini:$line" "$1"
	done
	grep -q 'pattern=/Press F1/' "$1"
	grep -q 'all is well' "$1"
}

@test "daemons: nothing that a host prints reaches rsyslogd" {
	for end in recovered 'failed "it is well, and should not be"'; do
		rm -rf "$records"
		canary "$end"
		[ -n "$syslog_pid" ] || rsyslog
		run rh recover c1
		says 'CANARY'
		wait_for 10 grep -q 'event="verdict"' "$BATS_TEST_TMPDIR/syslog.out"
		cat "$BATS_TEST_TMPDIR/syslog.out"
		no_canary "$BATS_TEST_TMPDIR/syslog.out"
		[ "$end" = recovered ] || grep -q 'it is well, and should not be' "$BATS_TEST_TMPDIR/syslog.out"
		: >"$BATS_TEST_TMPDIR/syslog.out"
	done
}

@test "daemons: nothing that a host prints reaches journald" {
	canary recovered
	logs journal /run/systemd/journal/socket
	with_journald "$rhands" recover c1 --config "$config" --records "$records"
	status_is 0
	grep -q CANARY "$BATS_TEST_TMPDIR/said"
	no_canary "$BATS_TEST_TMPDIR/journal.json"
	fields | jq -es 'any(.[]; .RHANDS_EVENT == "saw" and (.RHANDS_RULE | endswith("wake.ini:11")))'
}
