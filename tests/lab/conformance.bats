#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The conformance suite: the rules of drivers/driver.h, for every driver but
# those of a BMC (conformance-bmc.bats), against a real counterpart.
# DRIVER_OBJECTS is the folder of the drivers' object files (default: built
# beside the sources).

bats_require_minimum_version 1.5.0
load conformance-lib.bash

@test "conformance: serial, against a pseudo-terminal" {
	line port
	conforms serial <<-END
	[settings]
	path = $dir/port
	write-timeout = 500ms
	[silent]
	path = PTY-SINK
	[stuck]
	path = PTY-SINK
	[gone]
	path = $dir/no-such-port
	[wrong]
	path = relative
	[counterpart]
	silent-ok = attach
	looks-well = silent
	heard = $dir/port.heard
	lose = $dir/port-down
	back = $dir/port-up
	second = busy
	[exceptions]
	calls-end-with-a-refused-credential = a serial port has no credential
	END
}

# telnet_with PROTOCOL ACCEPTER [RULE...]: ser2net with one connection.
telnet_with() {
	line tty
	free_port
	printf '%%YAML 1.1\n---\nconnection: &c\n  accepter: %s,127.0.0.1,%s\n  connector: serialdev,%s,9600n81,local\n' \
		"$2" "$port" "$dir/tty" >"$dir/ser2net.yaml"
	daemon ser2net "$(listens "$port")" <<-END
	setsid ser2net -n -u -c "$dir/ser2net.yaml" </dev/null >/dev/null 2>&1 3>&- &
	END
	"$dir/ser2net-up"
	conforms telnet "${@:3}" <<-END
	[settings]
	address = 127.0.0.1
	port = $port
	protocol = $1
	[silent]
	port = TCP-SINK
	[stuck]
	port = TCP-SINK
	[gone]
	port = TCP-CLOSED
	[wrong]
	parity = even
	[counterpart]
	silent-ok = attach
	looks-well = silent
	heard = $dir/tty.heard
	lose = $dir/ser2net-down
	back = $dir/ser2net-up
	second = busy
	[exceptions]
	calls-end-with-a-refused-credential = telnet has no credential
	END
}

@test "conformance: telnet, against ser2net" {
	telnet_with telnet telnet,tcp
}

@test "conformance: telnet as raw TCP, against ser2net" {
	telnet_with raw tcp bytes-go-both-ways-unchanged \
		break-is-sent-or-not-supported write-never-blocks \
		lost-is-seen-and-attached-again doctor-looks-and-types-nothing
}

@test "conformance: ssh, against OpenSSH" {
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/stranger"
	free_port
	cat >"$dir/sshd.conf" <<-END
	ListenAddress 127.0.0.1
	Port $port
	HostKey $dir/host
	PidFile none
	UsePAM no
	StrictModes no
	PermitRootLogin yes
	AuthorizedKeysFile $dir/user.pub
	PrintMotd no
	PrintLastLog no
	END
	daemon sshd "$(listens "$port")" <<-END
	$(command -v sshd) -D -f "$dir/sshd.conf" -E "$dir/sshd.log" </dev/null >/dev/null 2>&1 3>&- &
	END
	"$dir/sshd-up"
	: >"$dir/heard"
	conforms ssh <<-END
	[settings]
	address = 127.0.0.1
	port = $port
	user = $(id -un)
	key = @file:$dir/user
	host-key = $(ssh-keygen -lf "$dir/host" | cut -d ' ' -f 2)
	command = echo \$PPID >$dir/session; stty raw -echo; echo ready; exec tee -a $dir/heard
	[silent]
	port = TCP-SINK
	[stuck]
	command = stty raw -echo; exec sleep 60
	[gone]
	port = TCP-CLOSED
	[denied]
	key = @file:$dir/stranger
	[wrong]
	host-key = MD5:nonsense
	[counterpart]
	greets = ready
	heard = $dir/heard
	lose = kill \$(cat $dir/session)
	second = shared
	ends-session = kill -KILL \$PPID
	END
}

@test "conformance: exec, against a power strip and a program as console" {
	install -m 755 "$here/pdu" "$dir/pdu"
	echo on >"$dir/3"
	: >"$dir/acts"
	: >"$dir/heard"
	script console <<-END
	#!/bin/bash
	echo \$\$ >$dir/session
	echo ready
	exec tee -a $dir/heard
	END
	cp "$dir/secret" "$dir/password"
	conforms exec <<-END
	[settings]
	on = $dir/pdu $dir 3 on
	off = $dir/pdu $dir 3 off
	status = $dir/pdu $dir 3 status
	status-on = on
	status-off = off
	secret = @file:$dir/secret
	console = $dir/console
	[silent]
	on = /bin/sleep 60
	off = /bin/sleep 60
	status = /bin/sleep 60
	console = /bin/sleep 60
	[stuck]
	console = /bin/sleep 60
	[wrong]
	status-on = /(/
	[counterpart]
	silent-ok = attach
	truth = cat $dir/3
	acts = wc -l <$dir/acts
	cannot = cycle reset soft diag
	blind = echo vague >$dir/fault
	slow = echo hangs >$dir/fault
	see = rm -f $dir/fault
	greets = ready
	heard = $dir/heard
	lose = kill \$(cat $dir/session)
	second = shared
	[exceptions]
	calls-end-with-nobody-there = the counterpart is a program of this machine
	calls-end-with-a-refused-credential = what a program's refusal means is not known
	END
}

# A twin that sends back what is typed, and knows the commands of the suite. Its
# state file says what was done to it; [silent] is one that somebody else holds.
@test "conformance: twin, against a file" {
	local n

	cat >"$dir/t.ini" <<-'END'
	[twin]
	start = up
	on = up
	off = off
	[always]
	on power = diag : lose
	on power = soft : back
	on shell = /^exit 0$/ : exit 0
	on shell = /^kill -TERM \$\$$/ : exit 143
	on shell = /^kill -KILL \$\$$/ : exit 137
	on shell = /^printf 'o/ : say "o\0\xff\e\n", complain "e\r\n"
	on shell = /^printf 1/ : say "12345678", complain "1234"
	on shell = /^cat$/ : exit 0
	on shell = /^read line/ : exit 3
	on shell = /sleep 30/ : say "begun\n", hang
	on shell = /^end$/ : drop
	END
	for n in 1 2 5 6 42 126 127 128 254 255; do
		echo "on shell = /^exit $n\$/ : exit $n"
	done >>"$dir/t.ini"
	printf 'on shell = /^head -c/ : say "%01100d"\n' 0 >>"$dir/t.ini"
	printf '[state off]\npower = off\n[state up]\nssh = yes\necho = raw\n' >>"$dir/t.ini"
	daemon holder "[ -e $dir/held ]" <<-END
	echo rhands-twin 1 >$dir/silent
	(flock 9; touch $dir/held; exec sleep 600) 9<$dir/silent </dev/null >/dev/null 2>&1 3>&- &
	END
	"$dir/holder-up"
	daemon jam "! flock -n $dir/state true" <<-END
	(flock 9; exec sleep 600) 9<$dir/state </dev/null >/dev/null 2>&1 3>&- &
	END
	script truth <<-END
	#!/bin/bash
	last=\$(grep -E ' power (on|off|cycle|reset)' $dir/state | tail -n 1)
	[[ \$last = *off ]] && echo off || echo on
	END
	# act WORD: as another process that shares the twin.
	script act <<-END
	#!/bin/sh
	exec flock $dir/state perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC \\
		-e 'open F, ">>$dir/state"; printf F "%d power %s\\n", clock_gettime(CLOCK_MONOTONIC) * 1000, shift' "\$1"
	END
	conforms twin <<-END
	[settings]
	twin = $dir/t.ini
	state = $dir/state
	[silent]
	state = $dir/silent
	[wrong]
	twin = $dir/no-such-twin
	state = $dir/t.ini
	[counterpart]
	truth = $dir/truth
	acts = grep -c ' power ' $dir/state
	lose = $dir/act diag
	back = $dir/act soft
	jam = $dir/jam-up
	unjam = $dir/jam-down
	second = shared
	heard = $dir/state
	ends-session = end
	[exceptions]
	query-that-cannot-tell-is-unknown = a twin knows whether it is on
	act-with-a-late-answer-is-sent-once = it answers in the call itself
	calls-end-with-nobody-there = the counterpart is a file
	calls-end-with-a-refused-credential = a twin has no credential
	tcp-says-what-a-port-does = no server of the suite is asked
	END
}

@test "conformance: tcp, against servers of its own" {
	conforms tcp <<-END
	[settings]
	address = 127.0.0.1
	[silent]
	address = 127.0.0.1
	[gone]
	address = 127.0.0.1
	[wrong]
	address = -x
	[counterpart]
	looks-well = gone silent
	[exceptions]
	calls-end-with-a-refused-credential = a TCP check has no credential
	END
}

@test "conformance: manual, whose counterpart is a person" {
	conforms manual <<-END
	[settings]
	place = rack 3, unit 12
	box = ldap1
	plug = B7
	contact = Ann, 555
	[wrong]
	place =
	[counterpart]
	truth = echo unknown
	person = yes
	cannot = diag
	late-ok = query
	[exceptions]
	query-that-cannot-tell-is-unknown = nobody is asked: see query-says-what-is-true
	on-and-off-are-idempotent = an act is an instruction to a person
	act-with-a-late-answer-is-sent-once = an act is an instruction to a person
	calls-end-with-a-silent-counterpart = nobody is asked
	calls-without-error-object = nobody is asked
	calls-end-with-nobody-there = nobody is asked
	calls-end-with-a-refused-credential = nobody is asked
	doctor-finds-what-is-wrong = nobody is asked
	END
}

# What no run can show: that a driver never prints, ends the program, reads
# the environment or starts a shell, also where no test comes by.
@test "conformance: drivers call nothing that a driver must not" {
	local objects=${DRIVER_OBJECTS:-$here/../../drivers} found

	ls "$objects"/ipmi.o "$objects"/exec.o
	found=$(nm -A -u "$objects"/*.o | grep -E ' U (system|popen|wordexp|getenv|secure_getenv|environ|printf|puts|putchar|vprintf|perror|stdout|stderr|exit|pthread_create|thrd_create)(@|$)') || true
	echo "$found"
	[ -z "$found" ]
}
