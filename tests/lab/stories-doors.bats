#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The LDAP server whose BMC is dead: its power strip and a console server are
# there. And a host that loses two of its three consoles in one run.

bats_require_minimum_version 1.5.0
load recover.bash
load stories.bash

# The port where the machine's serial line can be had, when the BMC is not there.
serial_port() {
	sed -n 's/.*telnet:127.0.0.1:\([0-9]*\)".*/\1/p' "$dir/lan.conf"
}

no_bmc_at_the_line() {
	[ "$(grep -oE 'bmc (joined|left)' "$dir/wire.log" | tail -n 1)" = "bmc left" ]
}

bmc_dies() {
	"$here/lab" bmc "$dir" stop
	wait_for 10 no_bmc_at_the_line
}

# power_strip NAME: the program of [power strip] is the lab's own switch.
power_strip() {
	sed -i "s|/usr/local/sbin/strip 7|${LAB_BIN:-$here}/lab-chassis ask $dir|" \
		"$LAB_CONFIG/hosts.d/$1.ini"
}

listens() {
	grep -qE "$1" "$2"
}

# console_server: an sshd; `connect 12` there is the machine's serial line.
console_server() {
	local sshd try c=$BATS_TEST_TMPDIR/console

	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip "no sshd"
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	mkdir "$c"
	ssh-keygen -q -t ed25519 -N '' -f "$c/host"
	ssh-keygen -q -t ed25519 -N '' -f "$c/user"
	cat >"$c/menu" <<-END
	#!/bin/sh
	[ "\$SSH_ORIGINAL_COMMAND" = "connect 12" ] || exit 1
	stty raw -echo 2>/dev/null
	exec socat - TCP:127.0.0.1:$(serial_port)
	END
	chmod 755 "$c/menu"
	for try in 1 2 3 4 5 6 7 8; do
		server_port=$((20000 + (RANDOM * 7 + try) % 12000))
		: >"$c/log"
		"$sshd" -D -f /dev/null -E "$c/log" -p "$server_port" \
			-o ListenAddress=127.0.0.1 -o PidFile=none \
			-o UsePAM=no -o StrictModes=no -o PermitRootLogin=yes \
			-o "HostKey=$c/host" -o "ForceCommand=$c/menu" \
			-o "AuthorizedKeysFile=$c/user.pub" \
			</dev/null >/dev/null 2>&1 3>&- &
		ours $!
		wait_for 10 listens 'Server listening|Cannot bind' "$c/log"
		! grep -q 'Server listening' "$c/log" || break
	done
	echo "[127.0.0.1]:$server_port $(cut -d ' ' -f 1,2 "$c/host.pub")" \
		>>"$LAB_CONFIG/known_hosts"
	sed -i -e "s|@file:.*/console-key|@file:$c/user|" \
		-e "s|^user  *= rhands$|user = $(id -un)|" \
		-e "/^\[console server\]/,/^\[/s|^port .*|port = $server_port|" \
		"$LAB_CONFIG/hosts.d/$1.ini"
}

@test "story: the LDAP server's BMC is dead, the console server is there" {
	lab_up silent,f1
	host ldap2
	power_strip ldap2
	sed -i 's/^min-off .*/&\nconfirm = 5s/' "$LAB_CONFIG/hosts.d/rack3-ipmi.template"
	console_server ldap2
	bmc_dies
	recover_host ldap2
	recovered_and_recorded
	ldap_answers
	said_in_order 'gives up [console] no SOL' 'trying the next way' '(exec)' \
		'typed F1' 'login:'
	grep -q '"event":"console-up".*(ssh)' "$records"/runs/*/journal.jsonl
	grep -q '"event":"way-given-up".*"way":"console"' "$records"/runs/*/journal.jsonl
	grep -aq OP "$LAB_TYPED"
}

# relay N: a door to the serial line; its port is relay_port, its process relay_pid.
relay() {
	local log

	log=$BATS_TEST_TMPDIR/relay-$1
	: >"$log"
	socat -d -d TCP-LISTEN:0,bind=127.0.0.1 \
		"TCP:127.0.0.1:$(serial_port)" 2>>"$log" </dev/null >/dev/null 3>&- &
	relay_pid=$!
	ours "$relay_pid"
	wait_for 10 listens 'listening on' "$log"
	relay_port=$(sed -n 's/.*listening on.*:\([0-9]*\)$/\1/p' "$log")
}

# three_doors NAME: three telnet ways to the console, and no other.
three_doors() {
	local n file=$LAB_CONFIG/hosts.d/$1.ini

	sed -i '/^\[console/,/^$/d' "$file"
	sed -i '/^\[console/,$d' "$LAB_CONFIG/hosts.d/rack3-ipmi.template"
	for n in 1 2 3; do
		relay "$n"
		pids[n]=$relay_pid
		printf '\n[console door%d]\ndriver = telnet\naddress = 127.0.0.1\nport = %d\n' \
			"$n" "$relay_port" >>"$file"
	done
}

# machine stop|cont: the machine's time stands still, behind everybody's back.
machine() {
	printf '{"execute":"qmp_capabilities"}\n{"execute":"%s"}\n' "$1" |
		timeout 5 socat -t 1 - "UNIX-CONNECT:$LAB_QMP" >/dev/null
}

consoles_back() {
	[ "$(events console-back)" -eq "$1" ]
}

@test "story: two of three console ways die in the middle of a run" {
	lab_up silent,normal
	host ldap2
	power_strip ldap2
	sed -i '/^\[power\]/,/^$/d' "$LAB_CONFIG/hosts.d/ldap2.ini" \
		"$LAB_CONFIG/hosts.d/rack3-ipmi.template"
	three_doors ldap2
	bmc_dies
	switched_off
	timeout 100 "$rhands" recover ldap2 --config "$LAB_CONFIG" \
		--records "$records" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	ours $!
	from=$(stat -c %s "$LAB_TRUTH")
	wait_for 40 new_boot_has_written "Linux version"
	machine stop
	kill -KILL "${pids[1]}"
	wait_for 20 consoles_back 1
	machine cont
	wait_for 60 new_boot_has_written "Freeing unused"
	machine stop
	kill -KILL "${pids[2]}"
	wait_for 20 consoles_back 2
	machine cont
	wait_for 60 run_is_over
	said=$(cat "$BATS_TEST_TMPDIR/said")
	echo "$said"
	[ "$(run_json .verdict)" = recovered ]
	ldap_answers
	[ "$(events console-lost)" -eq 2 ]
	said_in_order 'gives up [console' 'gives up [console' 'login:' 'recovered'
	grep -q '"way":"console door1".*"next":"console door2"' "$records"/runs/*/journal.jsonl
	grep -q '"way":"console door2".*"next":"console door3"' "$records"/runs/*/journal.jsonl
	[ "$(grep -c 'gap: the console was lost' "$records"/runs/*/console.cast)" -eq 2 ]
}

# What the machine wrote since the run began.
new_boot_has_written() {
	tail -c +$((from + 1)) "$LAB_TRUTH" | grep -aq "$1"
}

run_is_over() {
	grep -qE '^ +record +/' "$BATS_TEST_TMPDIR/said"
}
