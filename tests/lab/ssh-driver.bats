#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The SSH driver against OpenSSH's sshd, on free ports of 127.0.0.1, with keys
# and files of its own. SSH_DRIVER_TEST names the program (default: built
# beside this file).

here=$BATS_TEST_DIRNAME

setup() {
	program=${SSH_DRIVER_TEST:-$here/ssh-driver-test}
	[ -x "$program" ] || skip "no $program: make check-programs"
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip "no sshd"
	dir=$BATS_TEST_TMPDIR
	user=$(id -un)
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
	cp "$dir/user.pub" "$dir/authorized"
	: >"$dir/known"
	: >"$dir/pids"
}

teardown() {
	local pid

	[ -f "$dir/pids" ] || return 0
	while read -r pid; do
		pkill -KILL -P "$pid" || true
		kill -9 "$pid" 2>/dev/null || true
	done <"$dir/pids"
}

# until_ CONDITION...: waits for it, 10 s at most.
until_() {
	local end=$((SECONDS + 10))

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -rt 0.02 <> <(:) || true
	done
}

fingerprint() {
	ssh-keygen -lf "$1" | cut -d ' ' -f 2
}

# ours PID: teardown ends it.
ours() {
	disown "$1"
	echo "$1" >>"$dir/pids"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

listens() {
	grep -q 'Server listening on' "$dir/$1.log" || ! kill -0 "$2" 2>/dev/null
}

# up NAME [LINE...]: an sshd with those lines; $port and NAME.port are its port.
up() {
	local name=$1 pid try

	shift
	cat >"$dir/$name.conf" <<-END
	ListenAddress 127.0.0.1
	PidFile none
	UsePAM no
	StrictModes no
	PermitRootLogin yes
	AuthorizedKeysFile $dir/authorized
	PrintMotd no
	PrintLastLog no
	LogLevel DEBUG1
	END
	printf '%s\n' "$@" >>"$dir/$name.conf"
	grep -q '^HostKey ' "$dir/$name.conf" ||
		echo "HostKey $dir/host" >>"$dir/$name.conf"
	for try in 1 2 3 4 5 6 7 8; do
		port=$((20000 + (RANDOM * 7 + try) % 12000))
		: >"$dir/$name.log"
		"$sshd" -D -f "$dir/$name.conf" -E "$dir/$name.log" -p "$port" \
			</dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		ours "$pid"
		until_ listens "$name" "$pid"
		! grep -q 'Server listening on' "$dir/$name.log" || break
	done
	echo "$port" >"$dir/$name.port"
	know "$port" "$dir/host.pub"
}

# odd MODE: lab-sshd in that mode; its password is in $dir/password.
odd() {
	[ -x "${LAB_BIN:-$here}/lab-sshd" ] || skip "no lab-sshd: make check-programs"
	echo 'pass word' >"$dir/password"
	chmod 600 "$dir/password"
	: >"$dir/odd.log"
	"${LAB_BIN:-$here}/lab-sshd" "$dir/host" 'pass word' "$1" </dev/null \
		>"$dir/odd.log" 2>&1 3>&- &
	ours $!
	until_ test -s "$dir/odd.log"
	port=$(head -n 1 "$dir/odd.log")
	know "$port" "$dir/host.pub"
}

know() {
	echo "[127.0.0.1]:$1 $(cut -d ' ' -f 1,2 "$2")" >>"$dir/known"
}

# drive [-h] [KEY=VALUE...] -- STEP...: with the usual options.
drive() {
	local hand=

	if [ "$1" = -h ]; then
		hand=-h
		shift
	fi
	# shellcheck disable=SC2086
	run timeout 100 "$program" $hand address=127.0.0.1 "port=$port" \
		"user=$user" "key=@file:$dir/user" "known-hosts=$dir/known" "$@"
	echo "$output"
}

# not COMMAND...: bats lets a "! COMMAND" that fails pass; this fails.
not() {
	! "$@"
}

has() {
	grep -qF -- "$1" <<<"$output"
}

# A file-bound process that outlives its connection, for teardown.
lasting="echo \$\$ >>\$PIDS; exec sleep 100"

@test "ssh: a command, its status and both outputs" {
	up a
	drive -- run 5000 1000 'echo out; echo err >&2; exit 3' rest \
		run 5000 4 'echo 123456; echo abc >&2' run 5000 100 'kill -TERM $$'
	[ "$status" -eq 0 ]
	has 'status 3'
	has 'out 4: out\n'
	has 'errors 4: err\n'
	has 'status 0, cut'
	has 'out 4: 1234'
	has 'errors 4: abc\n'
	has 'status 143'
}

@test "ssh: the boot id, as the machine itself has it" {
	up a
	drive -- boot-id 5000
	[ "$status" -eq 0 ]
	has "boot $(cat /proc/sys/kernel/random/boot_id)"
	up b 'ForceCommand echo nothing of that kind'
	drive -- fails boot-id 5000
	[ "$status" -eq 0 ]
	has 'error not-supported'
}

@test "ssh: 1 GB of output is read, and not kept" {
	up a
	# a sanitizer keeps freed memory for a while
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=16
	drive -- run 60000 65536 'head -c 1000000000 /dev/zero; echo end >&2'
	[ "$status" -eq 0 ]
	has 'status 0, cut'
	has 'out 65536: '
	has 'errors 4: end'
	peak=$(sed -n 's/.*peak \([0-9]*\) kB/\1/p' <<<"$output")
	[ "$peak" -lt 200000 ]
}

@test "ssh: a command that does not end is left at the deadline" {
	up a
	# The login is in it, on a busy machine too.
	drive -- fails run 4000 1000 \
		"trap '' TERM HUP; echo begun; PIDS=$dir/pids; $lasting" rest
	[ "$status" -eq 0 ]
	has 'error timeout'
	has 'out 6: begun'
	took=$(sed -n 's/^took \([0-9]*\) ms.*/\1/p' <<<"$output")
	[ "$took" -ge 4000 ]
	[ "$took" -lt 4300 ]
}

@test "ssh: no exit status is no result" {
	up a
	drive -- fails run 5000 1000 'echo begun; kill -9 $PPID' rest
	[ "$status" -eq 0 ]
	has 'error lost'
	has 'unknown'
}

@test "ssh: something left behind does not hold a command up" {
	up a
	drive -- run 8000 1000 "export PIDS=$dir/pids; sh -c '$lasting' & exit 4"
	[ "$status" -eq 0 ]
	has 'status 4'
}

@test "ssh: a changed host key is refused with both fingerprints" {
	up a
	ssh-keygen -q -t ed25519 -N '' -f "$dir/other"
	: >"$dir/known"
	know "$port" "$dir/other.pub"
	drive -- fails run 5000 100 "touch $dir/ran" fails attach 5000 rest
	[ "$status" -eq 0 ]
	has 'error refused'
	has "$(fingerprint "$dir/host.pub")"
	has "$(fingerprint "$dir/other.pub")"
	[ ! -e "$dir/ran" ]
	not grep -q Accepted "$dir/a.log"
	not grep -q 'userauth-request' "$dir/a.log"
}

@test "ssh: an unknown host key is refused, never learned" {
	up a
	echo "127.0.0.1 $(cut -d ' ' -f 1,2 "$dir/host.pub")" >"$dir/known"
	cp "$dir/known" "$dir/before"
	drive -- fails run 5000 100 true
	[ "$status" -eq 0 ]
	has 'error refused'
	has "host-key = $(fingerprint "$dir/host.pub")"
	cmp "$dir/known" "$dir/before"
	not grep -q 'userauth-request' "$dir/a.log"
}

@test "ssh: a pinned, a revoked and a hashed host key" {
	up a
	ssh-keygen -q -t ed25519 -N '' -f "$dir/other"
	drive "host-key=$(fingerprint "$dir/other.pub")" -- fails run 5000 9 true
	has 'error refused'
	: >"$dir/known"
	drive "host-key=$(fingerprint "$dir/host.pub")" -- run 5000 9 true
	[ "$status" -eq 0 ]
	know "$port" "$dir/host.pub"
	ssh-keygen -q -H -f "$dir/known"
	not grep -qF 127.0.0.1 "$dir/known"
	drive -- run 5000 9 true
	[ "$status" -eq 0 ]
	echo "@revoked * $(cut -d ' ' -f 1,2 "$dir/host.pub")" >>"$dir/known"
	drive -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'is revoked'
}

@test "ssh: the known kind of key is asked for first" {
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$dir/rsa"
	up a "HostKey $dir/rsa" "HostKey $dir/host"
	: >"$dir/known"
	know "$port" "$dir/rsa.pub"
	drive -- run 5000 9 true
	[ "$status" -eq 0 ]
}

@test "ssh: a wrong password is sent once" {
	up a 'PasswordAuthentication yes' 'PubkeyAuthentication no' \
		'KbdInteractiveAuthentication no'
	echo wrong >"$dir/password"
	chmod 600 "$dir/password"
	drive "password=@file:$dir/password" -- fails run 5000 9 true \
		fails run 5000 9 true fails attach 5000
	[ "$status" -eq 0 ]
	has 'error auth'
	not has wrong
	[ "$(grep -c 'Failed password' "$dir/a.log")" -eq 1 ]
}

@test "ssh: a password, sent as such or as an answer" {
	for mode in password question nothing; do
		odd "$mode"
		drive "password=@file:$dir/password" -- run 5000 9 true rest
		[ "$status" -eq 0 ]
		has 'out 5: begun'
	done
	not grep -q password "$dir/odd.log"
	odd question
	echo wrong >"$dir/password"
	drive "password=@file:$dir/password" -- fails run 5000 9 true \
		fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error auth'
	[ "$(grep -c 'password wrong' "$dir/odd.log")" -eq 1 ]
}

@test "ssh: a password is no answer to just any question" {
	odd questions
	drive "password=@file:$dir/password" -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error auth'
	[ "$(grep -c password "$dir/odd.log")" -eq 1 ]
	odd echoed
	drive "password=@file:$dir/password" -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error auth'
	not grep -q password "$dir/odd.log"
}

@test "ssh: a jump host never gets the password" {
	odd password
	drive "password=@file:$dir/password" "jump=127.0.0.1:$port" -- \
		fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error auth'
	not grep -q password "$dir/odd.log"
}

@test "ssh: an exit status that is late, and one that never comes" {
	odd late-status
	drive "password=@file:$dir/password" -- run 5000 9 true
	[ "$status" -eq 0 ]
	has 'status 7'
	odd no-status
	drive "password=@file:$dir/password" -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error lost'
	has 'without an exit status'
	has 'out 5: begun'
}

@test "ssh: a key that is not welcome is offered once" {
	up a 'PasswordAuthentication no'
	: >"$dir/authorized"
	drive -- fails run 5000 9 true fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error auth'
	[ "$(grep -c 'userauth-request.*method publickey' "$dir/a.log")" -eq 1 ]
}

@test "ssh: a key with a passphrase" {
	up a
	ssh-keygen -q -t rsa -b 2048 -N 'pass phrase' -f "$dir/locked"
	cp "$dir/locked.pub" "$dir/authorized"
	echo 'pass phrase' >"$dir/phrase"
	echo 'other' >"$dir/wrong"
	chmod 600 "$dir/phrase" "$dir/wrong"
	drive "key=@file:$dir/locked" "passphrase=@file:$dir/phrase" -- \
		run 5000 9 true
	[ "$status" -eq 0 ]
	drive "key=@file:$dir/locked" "passphrase=@file:$dir/wrong" -- run 9 9 true
	[ "$status" -eq 1 ]
	has 'error config'
	drive "key=@file:$dir/locked" -- run 9 9 true
	[ "$status" -eq 1 ]
	has 'needs a passphrase'
}

@test "ssh: an agent, and one that never answers" {
	up a
	ssh-keygen -q -t ed25519 -N '' -f "$dir/second"
	cp "$dir/second.pub" "$dir/authorized"
	ssh-agent -D -a "$dir/agent" </dev/null >/dev/null 2>&1 3>&- &
	ours $!
	until_ test -S "$dir/agent"
	SSH_AUTH_SOCK=$dir/agent ssh-add -q "$dir/second" 2>/dev/null
	drive agent=yes "agent-socket=$dir/agent" -- run 5000 9 true rest
	[ "$status" -eq 0 ]
	python3 -c 'import socket, signal, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
signal.pause()' "$dir/deaf" </dev/null >/dev/null 2>&1 3>&- &
	ours $!
	until_ test -S "$dir/deaf"
	SECONDS=0
	drive agent=yes "agent-socket=$dir/deaf" connect-timeout=1s -- \
		fails run 8000 9 true
	[ "$status" -eq 0 ]
	[ "$SECONDS" -le 3 ]
	has 'error auth'
}

@test "ssh: through jump hosts, each with its own key" {
	ssh-keygen -q -t ed25519 -N '' -f "$dir/gate"
	up one "HostKey $dir/gate"
	know "$port" "$dir/gate.pub"
	up two
	one=$(cat "$dir/one.port")
	two=$port
	up end
	drive "jump=$user@127.0.0.1:$one" -- run 5000 99 'echo here' \
		boot-id 5000 rest
	[ "$status" -eq 0 ]
	has 'here'
	drive "jump=$user@127.0.0.1:$one, 127.0.0.1:$two" -- \
		run 5000 99 'echo far' rest \
		attach 5000 send 'echo a''bc' expect 5000 abc detach rest
	[ "$status" -eq 0 ]
	has 'far'
	grep -q 'direct-tcpip' "$dir/two.log"
	drive "jump=$user@127.0.0.1:$one" -- \
		run 30000 1000 'head -c 50000000 /dev/zero'
	[ "$status" -eq 0 ]
	has 'status 0, cut'
}

@test "ssh: jump hosts with credentials of their own" {
	ssh-keygen -q -t ed25519 -N 'pass phrase' -f "$dir/jumper"
	cp "$dir/jumper.pub" "$dir/welcome"
	echo 'pass phrase' >"$dir/phrase"
	chmod 600 "$dir/phrase"
	up one "HostKey $dir/host" 'Match all' "AuthorizedKeysFile $dir/welcome"
	one=$port
	up end
	drive "jump=127.0.0.1:$one" -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has "error auth: ssh jump host 1 of 1, $user@127.0.0.1:$one: login refused"
	: >"$dir/one.log"
	drive "jump=127.0.0.1:$one" "jump-key=@file:$dir/jumper" \
		"jump-passphrase=@file:$dir/phrase" -- run 5000 99 'echo far' rest
	[ "$status" -eq 0 ]
	has far
	[ "$(grep -c 'userauth-request.*method publickey' "$dir/one.log")" -le 2 ]
	not grep -q 'Failed publickey' "$dir/one.log"
	not grep -q "$(fingerprint "$dir/user.pub")" "$dir/one.log"
	not grep -q "$(fingerprint "$dir/jumper.pub")" "$dir/end.log"
	drive "jump=127.0.0.1:$one" jump-user=nosuchuser "jump-key=@file:$dir/jumper" \
		"jump-passphrase=@file:$dir/phrase" -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	grep -q 'nvalid user nosuchuser' "$dir/one.log"
	drive "jump=$user@127.0.0.1:$one" jump-user=nosuchuser \
		"jump-key=@file:$dir/jumper" "jump-passphrase=@file:$dir/phrase" -- \
		run 5000 9 true
	[ "$status" -eq 0 ]
	drive "jump-key=@file:$dir/jumper" -- run 9 9 true
	[ "$status" -eq 1 ]
	has 'jump-key @file:'
	has 'needs a passphrase'
}

@test "ssh: jump-password is for jump hosts, and for nobody else" {
	odd password
	drive "jump=127.0.0.1:$port" "jump-password=@file:$dir/password" \
		connect-timeout=500ms -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error unreachable'	# it is in, and leads nowhere
	grep -q password "$dir/odd.log"
	odd password
	drive "jump-password=@file:$dir/password" -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error auth'
	not grep -q password "$dir/odd.log"
}

@test "ssh: which of two jump hosts is dead" {
	up end
	up one
	one=$port
	dead=$(/usr/bin/python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
	port=$(cat "$dir/end.port")
	drive "jump=127.0.0.1:$dead,127.0.0.1:$one" -- fails run 5000 9 true rest
	has "error unreachable: ssh jump host 1 of 2, $user@127.0.0.1:$dead: connect"
	drive "jump=127.0.0.1:$one,127.0.0.1:$dead" -- fails run 5000 9 true rest
	has "error unreachable: ssh jump host 1 of 2, $user@127.0.0.1:$one: no tunnel to jump host 2 of 2, $user@127.0.0.1:$dead"
	[ "$status" -eq 0 ]
}

@test "ssh: a jump host that stops, or dies, is named" {
	up one
	one=$port
	gate=$(tail -n 1 "$dir/pids")
	up two
	two=$port
	up end
	drive keepalive=500ms "jump=127.0.0.1:$two,127.0.0.1:$one" \
		"command=printf ready; read x; for p in \$(pgrep -P $gate); do pkill -STOP -P \$p; kill -STOP \$p; done; exec cat" \
		-- attach 5000 expect 5000 ready send x lost 6000 detach rest
	[ "$status" -eq 0 ]
	has "jump host 2 of 2, $user@127.0.0.1:$one: no sign of life"
	pkill -KILL -P "$gate"
	drive "jump=127.0.0.1:$two,127.0.0.1:$one" \
		"command=printf ready; read x; pkill -KILL -P $gate; exec cat" \
		-- attach 5000 expect 5000 ready send x lost 6000 detach rest
	[ "$status" -eq 0 ]
	has "jump host 2 of 2, $user@127.0.0.1:$one: it is gone"
}

@test "ssh: a jump host that is dead, unknown, or leads nowhere" {
	up end
	up one
	dead=$(/usr/bin/python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
	drive "jump=127.0.0.1:$dead" -- fails run 5000 9 true rest
	[ "$status" -eq 0 ]
	has 'error unreachable'
	has 'refused'
	one=$port
	port=$dead
	drive "jump=127.0.0.1:$one" -- fails run 5000 9 true rest
	[ "$status" -eq 0 ]
	has 'error unreachable'
	has 'no tunnel'
	port=$(cat "$dir/end.port")
	: >"$dir/none"
	drive "jump=127.0.0.1:$one" "jump-known-hosts=$dir/none" -- \
		fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error refused'
	not grep -q 'userauth-request' "$dir/end.log"
}

@test "ssh: a jump host that dies takes the command with it" {
	up one
	one=$port
	up end
	drive "jump=127.0.0.1:$one" -- fails run 9000 99 \
		"PIDS=$dir/pids; pkill -9 -P \$(head -n 1 $dir/pids); $lasting" rest
	[ "$status" -eq 0 ]
	has 'error lost'
	took=$(sed -n 's/^took \([0-9]*\) ms.*/\1/p' <<<"$output")
	[ "$took" -lt 5000 ]
}

@test "ssh: a shell that hangs after login" {
	up a "ForceCommand PIDS=$dir/pids; $lasting"
	drive -- fails run 1500 9 true rest
	[ "$status" -eq 0 ]
	has 'error timeout'
}

@test "ssh: a listener without a banner, and nobody at all" {
	python3 -c 'import socket, signal
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
signal.pause()' </dev/null >"$dir/silent" 2>/dev/null 3>&- &
	ours $!
	until_ test -s "$dir/silent"
	port=$(cat "$dir/silent")
	SECONDS=0
	drive connect-timeout=1s -- fails run 9000 9 true fails attach 9000 rest
	[ "$status" -eq 0 ]
	[ "$SECONDS" -le 4 ]
	has 'error unreachable'
	has 'no SSH banner'
	kill -9 "$(tail -n 1 "$dir/pids")"
	until_ gone "$(tail -n 1 "$dir/pids")"
	drive -- fails run 5000 9 true rest
	[ "$status" -eq 0 ]
	has 'refused'
}

@test "ssh: old algorithms only where the file lists them" {
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$dir/rsa"
	up kex 'KexAlgorithms diffie-hellman-group14-sha1'
	drive -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'error not-supported'
	has 'algorithms-kex = diffie-hellman-group14-sha1'
	drive algorithms-kex=diffie-hellman-group14-sha1 -- run 5000 9 true
	[ "$status" -eq 0 ]
	up key "HostKey $dir/rsa" 'HostKeyAlgorithms ssh-rsa'
	know "$port" "$dir/rsa.pub"
	drive -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	has 'algorithms-hostkey = ssh-rsa'
	drive algorithms-hostkey=ssh-rsa -- run 5000 9 true
	[ "$status" -eq 0 ]
	up cipher 'Ciphers aes128-cbc'
	drive -- fails run 5000 9 true
	[ "$status" -eq 0 ]
	drive algorithms-cipher=aes128-cbc -- run 5000 9 true
	[ "$status" -eq 0 ]
}

@test "ssh: a console, byte for byte, and again" {
	up a
	drive 'command=stty raw -echo; printf ready; exec cat' -- \
		attach 5000 expect 5000 ready paste 4096 paste 5000000 detach \
		rest attach 5000 expect 5000 ready paste 100 detach rest
	[ "$status" -eq 0 ]
	grep -q 'partial writes: [1-9]' <<<"$output"
}

@test "ssh: a console says what terminal it is, 80 by 25" {
	up a
	for pair in vt100:vt100 vt-utf8:vt220 pc-ansi:ansi linux:linux; do
		drive "terminal=${pair%:*}" \
			'command=echo "term=$TERM."; stty size; exec cat' -- \
			attach 5000 expect 5000 "term=${pair#*:}." \
			expect 5000 '25 80' detach
		[ "$status" -eq 0 ]
	done
	drive 'command=echo "term=$TERM."; exec cat' -- attach 5000 \
		expect 5000 term=vt100. detach
	[ "$status" -eq 0 ]
}

@test "ssh: a console that is taken, or ends at once" {
	up a "ForceCommand echo port in use by op2; PIDS=$dir/pids; $lasting"
	drive 'busy=port in use' -- fails attach 5000 rest
	[ "$status" -eq 0 ]
	has 'error busy'
	has 'by op2'
	drive 'busy=something else' busy-wait=300ms -- attach 5000 \
		expect 100 'by op2' detach
	[ "$status" -eq 0 ]
	up b "ForceCommand echo no such port; exit 1"
	drive 'busy=port in use' -- fails attach 5000
	[ "$status" -eq 0 ]
	has 'error lost'
	has 'no such port'
	drive -- attach 5000 lost 5000
	[ "$status" -eq 0 ]
	has 'lost after'
}

@test "ssh: a break is asked for" {
	up a
	drive 'command=printf ready; exec cat' -- attach 5000 \
		expect 5000 ready break send x expect 5000 x detach
	[ "$status" -eq 0 ]
	grep -q 'req break' "$dir/a.log"
}

@test "ssh: a console whose server stops is lost" {
	up a
	drive keepalive=500ms \
		"command=printf ready; read x; kill -STOP \$PPID; PIDS=$dir/pids; $lasting" \
		-- attach 5000 expect 5000 ready send x lost 6000 detach rest
	[ "$status" -eq 0 ]
	has 'no sign of life'
}

# relay PORT: a way to it that can be stopped, on $port; $relay is its process.
relay() {
	socat -d -d "TCP-LISTEN:0,bind=127.0.0.1,rcvbuf=4096" "TCP:127.0.0.1:$1" \
		2>"$dir/relay.log" 3>&- &
	relay=$!
	ours "$relay"
	until_ grep -q 'listening on' "$dir/relay.log"
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$dir/relay.log")
	know "$port" "$dir/host.pub"
}

@test "ssh: what waits to be written goes on, though nobody reads" {
	up a
	relay "$port"
	drive "command=stty raw -echo; printf ready; grep -q xlast && echo came" -- \
		attach 5000 output 5000 signal 19 "$relay" clog fails type 300 never \
		signal 18 "$relay" type 5000 $'last\n' expect 5000 came
	[ "$status" -eq 0 ]
}

@test "ssh: a console that is silent is not lost" {
	up a
	drive keepalive=500ms 'command=printf ready; exec cat' -- attach 5000 \
		expect 5000 ready fails lost 3000 send x expect 5000 x detach
	[ "$status" -eq 0 ]
}

@test "ssh: in a hand, in its sandbox" {
	ssh-agent -D -a "$dir/agent" </dev/null >/dev/null 2>&1 3>&- &
	ours $!
	until_ test -S "$dir/agent"
	up one
	one=$port
	up end
	drive -h agent=yes "agent-socket=$dir/agent" address=localhost \
		"host-key=$(fingerprint "$dir/host.pub")" -- \
		run 5000 1000 'echo out; exit 3' boot-id 5000 attach 5000 \
		send 'echo a''bc' expect 5000 abc break detach
	[ "$status" -eq 0 ]
	has 'status 3'
	drive -h "jump=127.0.0.1:$one" 'command=printf ready; exec cat' -- \
		attach 5000 expect 5000 ready send x expect 5000 x \
		detach run 5000 100 'echo there'
	[ "$status" -eq 0 ]
	has 'there'
}

@test "ssh: what the doctor sees" {
	up a
	drive -- look 5000 rest
	[ "$status" -eq 0 ]
	has 'SSH-2.0-OpenSSH'
	has "$(printf 'ok\tlogin\t%s is let in by key' "$user")"
	has "$(printf 'ok\tsession')"
	not grep -q 'req exec\|req shell\|req pty' "$dir/a.log"
	: >"$dir/known"
	drive -- look 5000
	[ "$status" -eq 0 ]
	has "$(printf '\thost-key = %s' "$(fingerprint "$dir/host.pub")")"
	not has "$(printf 'login\t')"
	know "$port" "$dir/host.pub"
	: >"$dir/authorized"
	drive -- look 5000
	[ "$status" -eq 0 ]
	has "$(printf 'fail\tlogin')"
	up b 'KexAlgorithms diffie-hellman-group14-sha1'
	drive -- look 5000
	[ "$status" -eq 0 ]
	has "$(printf '\talgorithms-kex = diffie-hellman-group14-sha1')"
}
