#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rhands doctor on a healthy host, and on defects put in on purpose: each has to
# be found, and to be told by its own text.

load bad-luck-lib

# A BMC that refuses cipher suite 0; ipmi_sim itself takes it.
good_bmc() {
	mkfifo "$BATS_TEST_TMPDIR/relay.in"
	exec 6<>"$BATS_TEST_TMPDIR/relay.in"
	"$BATS_TEST_DIRNAME/no-suite-0" "$LAB_BMC_PORT" \
		<"$BATS_TEST_TMPDIR/relay.in" >"$BATS_TEST_TMPDIR/relay.out" \
		3>&- 6>&- &
	pids+=($!)
	wait_for 5 test -s "$BATS_TEST_TMPDIR/relay.out"
	sed -i "/^driver/,\$ s/^address .*/address = 127.0.0.2/" \
		"$config/hosts.d/ldap1.ini"
}

# The lab, behind a BMC without defects.
healthy() {
	up cat
	good_bmc
}

# host NAME: another host, from standard input.
host() {
	umask 077
	cat >"$config/hosts.d/$1.ini"
}

doctor() {
	run timeout 100 "$rhands" doctor --config "$config" \
		--records "$records" "$@" 3>&- 6>&-
	echo "$output"
}

# found LEVEL SUBJECT TEXT: a finding.
found() {
	grep -E "^  $1 +$2 " <<<"$output" | grep -qF -- "$3" || {
		echo "not found: $1 $2 $3"
		return 1
	}
}

# table HOST WAY WORD: the last word of the line of a way.
table() {
	sed -n '/^HOST /,$p' <<<"$output" | grep -qE "^$1 +$2 +[a-z0-9-]+ +$3"
}

# A TCP port of 127.0.0.1 that nobody listens on.
closed_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A server on a free port, $port, that says its words and stays open.
server() {
	python3 -u - "$1" >"$BATS_TEST_TMPDIR/server.port" 3>&- <<-'END' &
		import socket, sys
		s = socket.socket()
		s.bind(("127.0.0.1", 0))
		s.listen(8)
		print(s.getsockname()[1], flush=True)
		held = []
		while True:
		    c, _ = s.accept()
		    c.sendall(sys.argv[1].encode())
		    held.append(c)
	END
	pids+=($!)
	wait_for 5 test -s "$BATS_TEST_TMPDIR/server.port"
	port=$(cat "$BATS_TEST_TMPDIR/server.port")
}

@test "a healthy host: exit 0, nothing changed, nothing typed" {
	healthy
	doctor ldap1
	status_is 0
	found ok password "admin is let in"
	found ok power "it is on"
	found ok cipher-suite "takes: 3"
	found ok console "SOL is free"
	found note bytes "silent"
	table ldap1 power ok
	table ldap1 console ok
	says_not "add to"
	[ "$(all_acts)" -eq 0 ]
	[ ! -s "$dir/typed.log" ]
	[ -z "$(ls "$records"/runs 2>/dev/null)" ]
	# SOL was given back: it can be had at once.
	doctor ldap1 --json
	status_is 0
	[ "$(jq -s 'length == 2 and all(.[]; .version == 1 and .ok)' <<<"$output")" = true ]
}

@test "defect: a wrong password, which is tried once" {
	healthy
	echo wrong >"$config/secrets/bmc"
	doctor ldap1
	status_is 4
	found fail password "wrong password"
	found fail password "not tried: it was refused for [power]"
	table ldap1 power FAIL
}

@test "defect: a dead BMC" {
	up cat
	"$lab" bmc "$dir" stop
	doctor ldap1
	status_is 4
	found fail address "no answer from $LAB_BMC_ADDRESS:$LAB_BMC_PORT"
}

@test "defect: a BMC that takes cipher suite 0" {
	up cat
	doctor ldap1
	status_is 4
	found fail cipher-suite-0 "accepts any password"
	table ldap1 power FAIL
	table ldap1 console ok
}

@test "defect: SOL that somebody else holds, and keeps" {
	healthy
	"$BATS_TEST_DIRNAME/sol" "$dir" 60 'never said' >/dev/null 2>&1 3>&- 6>&- &
	pids+=($!)
	wait_for 10 test -e "$dir/sol.log"
	wait_for 10 log_says "$dir/sol.log" "SOL Session operational"
	doctor ldap1
	status_is 4
	found fail console "SOL is in use by somebody else"
	table ldap1 power ok
	table ldap1 console FAIL
}

@test "defect: a missing workaround, with the line to put into the file" {
	healthy
	sed -i 's/^workarounds = .*solpayloadsize.*/workarounds = opensesspriv/' \
		"$config/hosts.d/ldap1.ini"
	doctor ldap1
	status_is 4
	found fail workarounds "SOL opens only with flags"
	says "add to $config/hosts.d/ldap1.ini, [console]: workarounds = opensesspriv solpayloadsize solchannelsupport"
	# With that line it works, and the BMC is still there.
	sed -i 's/^workarounds = opensesspriv$/workarounds = opensesspriv solpayloadsize solchannelsupport/' \
		"$config/hosts.d/ldap1.ini"
	doctor ldap1
	status_is 0
}

@test "defect: a secret that others can read" {
	healthy
	chmod 644 "$config/secrets/bmc"
	doctor ldap1
	status_is 4
	found fail file "can be read or changed by others (mode 0644)"
	table ldap1 - FAIL
}

@test "defect: a closed port among the health checks" {
	up cat
	closed=$(closed_port)
	sequence look <<-END
		[sequence]
		summary = Look
		start = look
		deadline = 10s
		healthy = check tcp $closed
		[state look]
		do = wait 100ms
		then = failed "nothing was looked at"
	END
	host web1 <<-END
		[host]
		summary = A web server
		address = 127.0.0.1
		recover = look
	END
	doctor web1
	status_is 4
	found fail unreachable "refused"
	table web1 "check $closed" FAIL
	server "hello"
	sed -i "s/^healthy = .*/healthy = check tcp $port/" \
		"$config/sequences.d/look.ini"
	doctor web1
	status_is 0
	table web1 "check $port" ok
}

@test "defect: a console server that says that the port is in use" {
	up cat
	server $'Port already in use by oper1\r\n'
	host box1 <<-END
		[host]
		summary = Behind a console server
		[console]
		driver = telnet
		address = 127.0.0.1
		port = $port
		protocol = raw
	END
	doctor box1
	status_is 4
	found fail console 'says "Port already in use"'
	table box1 console FAIL
}

@test "defect: a program that is missing" {
	up cat
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho on\n' >"$BATS_TEST_TMPDIR/bin/pdu"
	chmod 755 "$BATS_TEST_TMPDIR/bin/pdu"
	host pdu1 <<-END
		[host]
		summary = On a power strip
		[power]
		driver = exec
		status = $BATS_TEST_TMPDIR/bin/pdu status
		status-on = on
		status-off = off
		off = $BATS_TEST_TMPDIR/bin/pdu off
		on = $BATS_TEST_TMPDIR/bin/pdu on
	END
	doctor pdu1
	status_is 0
	rm "$BATS_TEST_TMPDIR/bin/pdu"
	doctor pdu1
	status_is 4
	says "$BATS_TEST_TMPDIR/bin/pdu"
	found fail config "No such file"
}

@test "defect: an SSH host key that is not known, with the line to pin it" {
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip "no sshd"
	up cat
	d=$BATS_TEST_TMPDIR
	umask 077
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$d/host"
	ssh-keygen -q -t ed25519 -N '' -f "$d/user"
	: >"$d/known"
	port=$(closed_port)
	cat >"$d/sshd.conf" <<-END
		ListenAddress 127.0.0.1
		Port $port
		PidFile none
		UsePAM no
		StrictModes no
		PermitRootLogin yes
		AuthorizedKeysFile $d/user.pub
		HostKey $d/host
	END
	"$sshd" -D -f "$d/sshd.conf" -E "$d/sshd.log" </dev/null 3>&- &
	pids+=($!)
	wait_for 10 log_says "$d/sshd.log" "Server listening on"
	host git1 <<-END
		[host]
		summary = The git host
		[shell]
		driver = ssh
		address = 127.0.0.1
		port = $port
		user = $(id -un)
		key = @file:$d/user
		known-hosts = $d/known
	END
	doctor git1
	status_is 4
	found fail host-key "SHA256:"
	pin=$(ssh-keygen -lf "$d/host.pub" | cut -d ' ' -f 2)
	says "add to $config/hosts.d/git1.ini, [shell]: host-key = $pin"
	echo "host-key = $pin" >>"$config/hosts.d/git1.ini"
	doctor git1
	status_is 0
	table git1 shell ok
	found ok command "a command runs"
	found ok boot-id "it can be read"
	# The same way runs a command.
	run rh shell git1 -- echo there
	status_is 0
	[ "$output" = there ]
	run rh shell git1 -- 'exit 3'
	status_is 3
	run rh shell git1 --json -- 'echo a; echo b >&2; exit 5'
	status_is 5
	[ "$(jq -r '[.exit_status, .out, .errors] | @json' <<<"$output")" = '[5,"a\n","b\n"]' ]
	run rh shell git1 --timeout 1s -- sleep 20
	status_is 4
	says "its result is not known"
	# Let in, and no command runs.
	sed -i 's/^/command="exit 7" /' "$d/user.pub"
	doctor git1
	status_is 4
	found ok login "is let in"
	found fail command "status 7"
}

# A UDP port of 127.0.0.1 where nobody answers, and nothing says so.
silent_bmc() {
	python3 -u - >"$BATS_TEST_TMPDIR/silent.port" 3>&- <<-'END' &
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.1", 0))
		print(s.getsockname()[1], flush=True)
		while True:
		    s.recv(4096)
	END
	pids+=($!)
	wait_for 5 test -s "$BATS_TEST_TMPDIR/silent.port"
	silent=$(cat "$BATS_TEST_TMPDIR/silent.port")
}

# A rack of quick hosts, and one whose BMC is dead.
rack() {
	local i
	up cat
	silent_bmc
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho on\n' >"$BATS_TEST_TMPDIR/bin/pdu"
	chmod 755 "$BATS_TEST_TMPDIR/bin/pdu"
	for i in 1 2 3 4 5 6; do
		host "pdu$i" <<-END
			[host]
			summary = On a power strip
			groups = rack
			[power]
			driver = exec
			status = $BATS_TEST_TMPDIR/bin/pdu status
			status-on = on
			status-off = off
			off = $BATS_TEST_TMPDIR/bin/pdu off
			on = $BATS_TEST_TMPDIR/bin/pdu on
			[check]
			driver = tcp
			address = localhost
		END
	done
	host aaa1 <<-END
		[host]
		summary = The first of the rack, with a dead BMC
		groups = rack
		[power]
		driver = ipmi
		address = 127.0.0.1
		port = $silent
		user = admin
		password = @file:$config/secrets/bmc
		[power two]
		driver = ipmitool
		address = 127.0.0.1
		port = $silent
		user = admin
		password = @file:$config/secrets/bmc
	END
}

@test "a group: a dead host delays nobody, and the end has a limit" {
	rack
	SECONDS=0
	"$rhands" doctor --config "$config" --records "$records" @rack \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	pids+=("$pid")
	# All that answer have answered, and the dead one has not yet.
	wait_for 10 log_says "$BATS_TEST_TMPDIR/out" "pdu6  power"
	run ! grep -q '^aaa1' "$BATS_TEST_TMPDIR/out"
	status=0
	wait "$pid" || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/out")
	status_is 4
	[ "$SECONDS" -le 35 ]
	table aaa1 power FAIL
	table aaa1 "power two" FAIL
	# six of which the same is to be said
	table 'pdu\[1-6\]' power ok
	table 'pdu\[1-6\]' check ok
	found ok address "localhost is 127.0.0.1" ||
		found ok address "localhost is ::1"
}

@test "--json: an object for each host and way" {
	rack
	doctor @rack --json
	status_is 4
	[ "$(jq -r '"\(.host) \(.way) \(.ok)"' <<<"$output" | sort | tr '\n' ,)" = \
		"aaa1 power false,aaa1 power two false,$(
		for i in 1 2 3 4 5 6; do printf 'pdu%s check true,pdu%s power true,' $i $i; done)" ]
	[ "$(jq -s 'all(.[]; .version == 1 and (.driver | length) > 0 and
		(.findings | length) > 0 and all(.findings[];
		(.level | IN("ok", "note", "fail")) and (.subject | length) > 0 and
		(.text | length) > 0) and
		.ok == all(.findings[]; .level != "fail"))' <<<"$output")" = true ]
}

@test "on a terminal of 80 columns lines are folded, but not those to copy" {
	up cat
	sed -i 's/^workarounds = .*solpayloadsize.*/workarounds = opensesspriv/' \
		"$config/hosts.d/ldap1.ini"
	run timeout 100 script -qec "stty cols 80; '$rhands' doctor --config \
		'$config' --records '$records' ldap1" /dev/null 3>&-
	output=${output//$'\r'/}
	echo "$output"
	status_is 4
	[ -z "$(grep -v '^add to ' <<<"$output" | grep -E '^.{81}')" ]
	says "workarounds = opensesspriv solpayloadsize solchannelsupport"
	# The words are all there, in their column.
	found fail cipher-suite-0 "the BMC takes cipher suite 0: it accepts any"
	grep -qE '^ {23}[a-z]' <<<"$output"
	grep -qE '^HOST   WAY      DRIVER' <<<"$output"
	grep -qE '^ldap1  power    ipmi    FAIL  the BMC takes' <<<"$output"
	# Not on a terminal nothing is folded.
	doctor ldap1
	found fail cipher-suite-0 "(ipmitool lan set N cipher_privs"
}

@test "a host that a run holds: its console is left alone, and that is no defect" {
	saying_machine
	up "$BATS_TEST_TMPDIR/say"
	good_bmc
	watch_sequence
	begin run watch ldap1
	wait_for 10 has_event console-up
	doctor ldap1
	status_is 0
	found note held "held by $(id -un)"
	table ldap1 console -
	say "it says go"
	finish
	status_is 0
}

@test "Ctrl-C ends it, and leaves no hand and no SOL session" {
	healthy
	"$rhands" doctor ldap1 --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 6>&- &
	pid=$!
	pids+=("$pid")
	wait_for 10 log_says "$BATS_TEST_TMPDIR/out" "cipher-suite"
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	status_is 130
	wait_for 3 nothing_runs
	doctor ldap1
	status_is 0
}

@test "a second Ctrl-C ends it at once" {
	healthy
	"$rhands" doctor ldap1 --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 6>&- &
	pid=$!
	pids+=("$pid")
	wait_for 10 log_says "$BATS_TEST_TMPDIR/out" "cipher-suite"
	SECONDS=0
	kill -INT "$pid"
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	status_is 130
	[ "$SECONDS" -le 2 ]
	wait_for 3 nothing_runs
}

@test "the light of the chassis, and the event log" {
	up cat
	run rh identify ldap1 on
	status_is 0
	[ "$output" = "ldap1: identify on: accepted (ipmi)" ]
	run rh identify ldap1 off --json
	status_is 0
	[ "$(jq -r .identify <<<"$output")" = off ]
	run rh sel ldap1
	status_is 0
	says "the event log is empty"
	ipmi raw 0x0a 0x44 0 0 2 1 0 0 0 0x20 0 4 1 1 1 0x57 0 0
	ipmi raw 0x0a 0x44 0 0 2 2 0 0 0 0x20 0 4 1 2 1 0x57 0 0
	run rh sel ldap1
	status_is 0
	[ "${#lines[@]}" -eq 2 ]
	last=${lines[1]}
	run rh sel ldap1 --max 1 --json
	status_is 0
	[ "$(jq -r .text <<<"$output")" = "$last" ]
}
