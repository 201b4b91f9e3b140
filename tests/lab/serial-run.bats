#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A run over the serial driver: a pseudo-terminal stands for the port, and the
# shim says how many bytes its UART has lost.

bats_require_minimum_version 1.5.0
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	dir=$BATS_TEST_TMPDIR
	records=$dir/records
	mkdir -p "$dir/config"/{hosts.d,sequences.d}
	"${CC:-cc}" -D_GNU_SOURCE -I"$BATS_TEST_DIRNAME/../.." -shared -fPIC -O1 \
		-o "$dir/shim.so" "$BATS_TEST_DIRNAME/pty-serial-shim.c"
	overruns 0
	configure
	mkfifo "$dir/says"
	exec 5<>"$dir/says"
	setpriv --pdeathsig KILL socat "pty,rawer,link=$dir/line" STDIO \
		<"$dir/says" >"$dir/typed" 3>&- 5>&- &
	socat=$!
	wait_for 5 test -e "$dir/line"
}

teardown() {
	kill "$socat" "$run_pid" 2>/dev/null || true
}

configure() {
	cat >"$dir/config/hosts.d/old.ini" <<-END
	[host]
	summary = On a serial port
	[console]
	driver = serial
	path = $dir/line
	END
	cat >"$dir/config/sequences.d/gate.ini" <<-END
	[sequence]
	summary = A question comes while something else is done
	needs = console
	deadline = 60s
	start = first
	[state first]
	do = wait 4s
	then = second
	[state second]
	timeout = 30s -> failed "no question"
	on = /old question\? / : send "WRONG" -> failed "the old one was answered"
	on = /new question\? / : send "right" -> recovered
	END
}

# The UART has lost so many bytes since the start.
overruns() {
	printf '%b' "\\x$1\\0\\0\\0" | dd of="$dir/overruns" conv=notrunc status=none
}

# wait_for SECONDS COMMAND...: until the command succeeds, or fails the test.
wait_for() {
	local limit=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$limit" ] || return 1
		read -r -t 0.05 <> <(:) || true
	done
}

# has_event FILTER: an event for which that is true is in the journal.
has_event() {
	[ -n "$(jq "select($1)" "$records"/runs/*/journal.jsonl 2>/dev/null)" ]
}

# Something came over the line and nobody has read it.
waits_on_line() {
	/usr/bin/python3 -c 'import sys, os, fcntl, termios, struct
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NOCTTY)
sys.exit(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0] == 0)' \
		"$dir/line"
}

begin() {
	LD_PRELOAD=$dir/shim.so PTY_SHIM_OVERRUNS=$dir/overruns \
		ASAN_OPTIONS=verify_asan_link_order=0:$ASAN_OPTIONS \
		timeout 90 "$rhands" run gate old --config "$dir/config" \
		--records "$records" >"$dir/said" 2>&1 3>&- 5>&- &
	run_pid=$!
	wait_for 10 has_event '.event == "console-up"'
}

ends() { # STATUS
	status=0
	wait "$run_pid" || status=$?
	cat "$dir/said"
	[ "$status" -eq "$1" ]
}

@test "serial: a question that came early is answered" {
	begin
	printf 'old question? ' >&5
	ends 1
	wait_for 3 grep -q WRONG "$dir/typed"
	run ! has_event '.event == "console-gap"'
}

@test "serial: a gap is recorded, and no question before it is answered" {
	begin
	printf 'old question? ' >&5
	overruns 3
	wait_for 3 has_event '.event == "console-gap"'
	wait_for 10 has_event '.state == "second"'
	printf 'new question? ' >&5
	ends 0
	wait_for 3 grep -q right "$dir/typed"
	run ! grep -q WRONG "$dir/typed"
	[ "$(jq 'select(.event == "console-gap").bytes' \
		"$records"/runs/*/journal.jsonl)" = 3 ]
	grep -q '"m", "gap: 3 bytes' "$records"/runs/*/console.cast
	run "$rhands" show last --records "$records" --config "$dir/config"
	echo "$output"
	[[ $output == *"gap: 3 bytes of the console were lost or damaged"* ]]
}

@test "serial: what came before it was attached is no question, and the help says so" {
	printf 'old question? ' >&5
	wait_for 5 waits_on_line
	begin
	wait_for 10 has_event '.state == "second"'
	printf 'new question? ' >&5
	ends 0
	wait_for 3 grep -q right "$dir/typed"
	run ! grep -q WRONG "$dir/typed"
	run ! grep -q 'old question' "$records"/runs/*/console.cast
	run "$rhands" drivers serial
	[[ $output == *"shows nothing until it prints again"* ]]
}
