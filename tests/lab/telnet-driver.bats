#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The telnet driver against ser2net, whose serial port is a pseudo-terminal
# that echoes, and against servers of its own.
# TELNET_DRIVER_TEST names the program (default: built beside this file).

setup() {
	program=${TELNET_DRIVER_TEST:-$BATS_TEST_DIRNAME/telnet-driver-test}
	[ -x "$program" ] || skip "no $program: make check-programs"
	pids=()
}

teardown() {
	if [ "${#pids[@]}" -gt 0 ]; then
		kill "${pids[@]}" || true
		wait "${pids[@]}" || true
	fi
}

# Waits up to 5 s until a command is true.
until_true() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		read -r -t 0.05 <> <(:) || true
	done
	return 1
}

# The TCP port on which a process listens, in $port.
listens() {
	local link hex
	for link in /proc/"$1"/fd/*; do
		link=$(readlink "$link") || continue
		[[ $link == socket:* ]] || continue
		hex=$(awk -v inode="${link//[^0-9]/}" \
			'$4 == "0A" && $10 == inode { sub(".*:", "", $2); print $2 }' \
			/proc/net/tcp)
		[ -z "$hex" ] || port=$((16#$hex))
	done
	[ -n "$port" ]
}

# A ser2net with one connection, its port in $port.
ser2net_start() { # NAME ACCEPTER
	local dir=$BATS_TEST_TMPDIR
	setpriv --pdeathsig KILL socat "pty,rawer,link=$dir/$1.tty" PIPE 3>&- &
	pids+=($!)
	until_true [ -e "$dir/$1.tty" ]
	printf '%%YAML 1.1\n---\nconnection: &%s\n  accepter: %s,127.0.0.1,0\n  connector: serialdev,%s,9600n81,local\n' \
		"$1" "$2" "$dir/$1.tty" >"$dir/$1.yaml"
	setpriv --pdeathsig KILL ser2net -n -u -c "$dir/$1.yaml" >"$dir/$1.log" 2>&1 3>&- &
	pids+=($!)
	port=
	until_true listens $!
}

driver() {
	run timeout 100 "$program" -r "${raw:-1}" -t "${telnet:-1}" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1..$#" ]
}

@test "telnet: ser2net, one at a time, and its doctor" {
	command -v ser2net >/dev/null || PATH=$PATH:/usr/sbin
	ser2net_start raw tcp
	raw=$port
	ser2net_start telnet telnet,tcp
	telnet=$port
	driver ser2net-busy ser2net-doctor
}

@test "telnet: servers that are not there or go away" {
	driver refused silent closed-at-once busy-late lost
}

@test "telnet: a server that reads slowly" {
	driver partial
}

@test "telnet: break, and RFC 2217" {
	driver break rfc2217 rfc2217-refused
}
