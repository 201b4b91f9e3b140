#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The hosts that this program was written for, each by its own file of hosts.d
# and sequences.d; only names, ports and secrets are those of the lab.

bats_require_minimum_version 1.5.0
load recover.bash
load stories.bash

web_answers() {
	timeout 5 socat -t 3 - "TCP:127.0.0.1:$LAB_TCP_HTTP" \
		<<<$'GET / HTTP/1.0\r\n\r' | grep -q '200 OK'
}

# translations BOOTS: the host of the first story, in a hurry.
translations() {
	lab_up "$1"
	host translations
	sed -i 's/every 2s for 30s/every 1s for 5s/' \
		"$LAB_CONFIG/sequences.d/web-services.ini"
}

assert_services_were_started() {
	recovered_and_recorded
	web_answers
	[[ "$said" == *'shell "start-services" succeeded: Starting httpd: done'* ]]
	[[ "$said" == *", for 5s"* ]]
	grep -qxF '$ start-services' "$records"/runs/*/evidence/shell-1.txt
	grep -qxF 'Starting slapd: done' "$records"/runs/*/evidence/shell-1.txt
}

@test "story: the translations host boots, and its services are started" {
	translations silent,no-services
	switched_off
	recover_host translations
	assert_services_were_started
	said_in_order 'login:' 'ssh answers, boot id' 'start-services'
	[ "$(acts 'set power 1')" -ge 1 ]
}

@test "story: the translations host is up, and is not restarted for its services" {
	translations no-services
	wait_for 60 machine_has_written "oldhost login:"
	recover_host translations
	assert_services_were_started
	[ "$(acts 'set power 0')" -eq 0 ]
}

# git1 BOOTS: the host of the second story, in a hurry.
git1() {
	lab_up "$1"
	host git1
	switched_off
	sed -i 's/^on idle  = 60s/on idle  = 10s/' \
		"$LAB_CONFIG/sequences.d/git-host.ini"
}

consoles_collected() {
	find "$records"/runs/*/evidence -name 'console-[0-9]*.txt' | wc -l
}

@test "story: the git host comes back at the second attempt, and why is kept" {
	git1 silent,panic,normal
	recover_host git1
	recovered_and_recorded
	said_in_order 'Kernel panic' 'the kernel panicked' 'sel collected' \
		'came to the login prompt'
	[ "$(acts 'set power 0')" -eq 1 ]
	[ "$(consoles_collected)" -eq 2 ]
	compgen -G "$records/runs/*/evidence/sel-*.txt" >/dev/null
	timeout 5 socat -u "TCP:127.0.0.1:$LAB_TCP_SSH" - | head -c 7 | grep -q SSH-2.0
}

@test "story: the git host fails in two ways, and both are told apart" {
	git1 silent,panic,silent
	recover_host git1
	[ "$status" -eq 3 ]
	[ "$(run_json .verdict)" = needs-hands ]
	said_in_order 'the kernel panicked' 'ended in silence' 'two attempts'
	[ "$(acts 'set power 0')" -eq 1 ]
	[ "$(consoles_collected)" -eq 2 ]
}
