# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the files with the conformance suite share. Each test of theirs writes
# what is known of one counterpart in a file (see conformance.c), and shows as
# comments which rules ran and which did not. CONFORMANCE names the program
# (default: built beside this file).

here=$BATS_TEST_DIRNAME

setup() {
	program=${CONFORMANCE:-$here/conformance}
	[ -x "$program" ] || skip "no $program: make check-programs"
	PATH=$PATH:/usr/sbin
	dir=$BATS_TEST_TMPDIR
	mkdir "$dir/pids"
	(umask 077 && echo hunter2-right >"$dir/secret" &&
		echo hunter3-wrong >"$dir/wrong")
}

teardown() {
	local file pid

	[ ! -d "$dir/lab" ] || "$here/lab" down "$dir/lab"
	for file in "$dir"/pids/*; do
		[ -e "$file" ] || continue
		read -r pid <"$file"
		pkill -KILL -P "$pid" || true
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# conforms DRIVER [RULE...]: every rule (or those) holds, with the file that comes
# as input.
conforms() {
	cat >"$dir/$1.ini"
	run timeout 150 "$program" "$1" "$dir/$1.ini" "${@:2}"
	# shellcheck disable=SC2001
	sed 's/^/# /' <<<"$output" >&3
	cat "$dir/$1.ini.out"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} = 1..* ]]
}

# script NAME <TEXT: an executable $dir/NAME.
script() {
	cat >"$dir/$1"
	chmod 755 "$dir/$1"
}

# daemon NAME CONDITION: scripts NAME-up, which waits for the condition, and
# NAME-down, for a command that comes as input.
daemon() {
	{
		printf '#!/bin/bash\n'
		cat
		cat <<-END
		echo \$! >"$dir/pids/$1"
		until $2; do read -rt 0.01 <> <(:); done
		true
		END
	} >"$dir/$1-up"
	cat >"$dir/$1-down" <<-END
	#!/bin/bash
	read -r pid <"$dir/pids/$1"
	pkill -TERM -P "\$pid"
	kill "\$pid"
	while kill -0 "\$pid" 2>/dev/null; do read -rt 0.01 <> <(:); done
	rm "$dir/pids/$1"
	true
	END
	chmod 755 "$dir/$1-up" "$dir/$1-down"
}

# line NAME: a serial line at $dir/NAME that sends back, and keeps what it heard.
line() {
	daemon "$1" "[ -e $dir/$1 ]" <<-END
	setsid socat -r "$dir/$1.heard" "pty,rawer,link=$dir/$1" PIPE \\
		</dev/null >/dev/null 2>&1 3>&- &
	END
	: >"$dir/$1.heard"
	"$dir/$1-up"
}

# A TCP port that nobody has just now, in $port.
free_port() {
	port=$((20000 + RANDOM % 12000))
	while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((port + 1))
	done
}

# The condition that somebody listens there; not by a connection, which would
# hold the console.
listens() {
	printf "grep -q ' 0100007F:%04X 00000000:0000 0A ' /proc/net/tcp" "$1"
}
