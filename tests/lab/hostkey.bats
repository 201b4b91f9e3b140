#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A host key that is not known, and the person at the terminal who may say that
# it is the right one: shell, console and doctor against OpenSSH's sshd.

rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip "no sshd"
	dir=$BATS_TEST_TMPDIR
	user=$(id -un)
	umask 077
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	mkdir -p "$dir"/config/{hosts.d,sequences.d}
	for key in host other user; do
		ssh-keygen -q -t ed25519 -N '' -f "$dir/$key"
	done
	cp "$dir/user.pub" "$dir/authorized"
	printf '# known\nelsewhere ssh-ed25519 AAAA' >"$dir/known"
	: >"$dir/pids"
	server one
	machine ""
}

teardown() {
	local pid

	[ -f "$dir/pids" ] || return 0
	while read -r pid; do
		pkill -KILL -P "$pid" || true
		kill -9 "$pid" 2>/dev/null || true
	done <"$dir/pids"
}

# server NAME: an sshd; $port is its port.
server() {
	local pid try

	printf '%s\n' 'ListenAddress 127.0.0.1' 'PidFile none' 'UsePAM no' \
		'StrictModes no' 'PermitRootLogin yes' 'PrintMotd no' \
		'PrintLastLog no' 'LogLevel DEBUG1' "HostKey $dir/host" \
		"AuthorizedKeysFile $dir/authorized" >"$dir/$1.conf"
	for try in 1 2 3 4 5 6 7 8; do
		port=$((20000 + (RANDOM * 7 + try) % 12000))
		: >"$dir/$1.log"
		"$sshd" -D -f "$dir/$1.conf" -E "$dir/$1.log" -p "$port" \
			</dev/null >/dev/null 2>&1 3>&- &
		pid=$!
		disown "$pid"
		echo "$pid" >>"$dir/pids"
		until grep -q 'Server listening on' "$dir/$1.log" ||
			! kill -0 "$pid" 2>/dev/null; do
			read -rt 0.02 <> <(:) || true
		done
		! grep -q 'Server listening on' "$dir/$1.log" || return 0
	done
	return 1
}

# machine LINE: the host box, with a shell and a console on $port.
machine() {
	local way

	printf '[host]\nsummary = a box\n' >"$dir/config/hosts.d/box.ini"
	for way in shell console; do
		printf '%s\n' "[$way]" 'driver = ssh' 'address = 127.0.0.1' \
			"port = $port" "user = $user" "key = @file:$dir/user" \
			"known-hosts = $dir/known" "$1"
	done >>"$dir/config/hosts.d/box.ini"
	echo 'command = echo ready; exec cat' >>"$dir/config/hosts.d/box.ini"
}

# not COMMAND...: bats lets a "! COMMAND" that fails pass; this fails.
not() {
	! "$@"
}

know() {
	printf '\n[127.0.0.1]:%s %s\n' "$port" "$(cut -d ' ' -f 1,2 "$dir/$1.pub")" \
		>>"$dir/known"
}

fingerprint() {
	ssh-keygen -lf "$dir/host.pub" | cut -d ' ' -f 2
}

# at_terminal ARG...: rhands at a terminal, driven by the Python on standard input.
at_terminal() {
	cat - >"$dir/body.py"
	cat >"$dir/terminal.py" <<-'END'
		import pexpect, sys
		child = pexpect.spawn(sys.argv[3], sys.argv[4:], timeout=15,
		                      encoding="utf-8", dimensions=(25, 250))
		child.delaybeforesend = None
		child.logfile_read = sys.stdout
		fingerprint = sys.argv[2]
		def asked():
		    child.expect(r"is not known:\s+ssh-ed25519  (\S+)\r")
		    assert child.match[1] == fingerprint, child.match[1]
		    child.expect("Type yes, no, or the fingerprint .*: ")
		def end(status):
		    child.expect(pexpect.EOF)
		    child.close()
		    if child.exitstatus != status:
		        sys.exit(f"exit status {child.exitstatus}, expected {status}")
		exec(open(sys.argv[1]).read())
	END
	run timeout 60 /usr/bin/python3 "$dir/terminal.py" "$dir/body.py" "$(fingerprint)" \
		"$rhands" "$1" --config "$dir/config" --records "$dir/records" "${@:2}" 3>&-
	echo "$output"
	[ "$status" -eq 0 ]
}

# The file has grown by the one line.
added() {
	printf '# known\nelsewhere ssh-ed25519 AAAA\n[127.0.0.1]:%s %s\n' "$port" \
		"$(cut -d ' ' -f 1,2 "$dir/host.pub")" | cmp - "$dir/known"
}

unchanged() {
	printf '# known\nelsewhere ssh-ed25519 AAAA' | cmp - "$dir/known"
}

@test "hostkey: yes at a terminal, and the command is run" {
	chmod 644 "$dir/known"
	at_terminal shell box -- echo 'far''away' <<-'END'
		asked()
		child.sendline("yes")
		child.expect("faraway\r")
		end(0)
	END
	added
	[ "$(stat -c %a "$dir/known")" = 644 ]
	run "$rhands" shell --config "$dir/config" --records "$dir/records" box -- true </dev/null
	[ "$status" -eq 0 ]
}

@test "hostkey: no, and nothing was run, sent or added" {
	at_terminal shell box -- touch "$dir/ran" <<-'END'
		asked()
		child.sendline("maybe")
		child.expect("neither")
		child.expect(": ")
		child.sendline("SHA256:AAAAAAAA")
		child.expect("neither")
		child.expect(": ")
		child.sendline("no")
		end(6)
	END
	unchanged
	[ ! -e "$dir/ran" ]
	not grep -q userauth-request "$dir/one.log"
}

@test "hostkey: the beginning of the fingerprint is a yes, at the console" {
	at_terminal console box <<-'END'
		asked()
		child.sendline(fingerprint[:15])
		child.expect("attached")
		child.expect("ready")
		child.send("~.")
		end(0)
	END
	added
}

@test "hostkey: Ctrl-C at the question" {
	for verb in shell console doctor; do
		if [ "$verb" = shell ]; then set -- -- true; else set --; fi
		at_terminal "$verb" box "$@" <<-'END'
			asked()
			child.sendintr()
			end(130)
		END
		unchanged
	done
}

@test "hostkey: doctor asks once for both ways, and looks again" {
	at_terminal doctor box <<-'END'
		asked()
		child.sendline("yes")
		child.expect("is let in by key")
		child.expect("is let in by key")
		child.expect(r"box +shell +ssh +ok")
		end(0)
	END
	added
	[ "$(grep -c 'Type yes' <<<"$output")" -eq 1 ]
}

@test "hostkey: without a terminal, or with --json, the line is said" {
	run "$rhands" doctor --config "$dir/config" --records "$dir/records" box </dev/null
	echo "$output"
	[ "$status" -eq 4 ]
	[[ $output = *"add to $dir/known, after you compared the key: [127.0.0.1]:$port $(cut -d ' ' -f 1,2 "$dir/host.pub")"* ]]
	at_terminal doctor box --json <<-'END'
		end(4)
	END
	jq -es --arg line "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 "$dir/host.pub")" \
		'[.[].findings[] | select(.subject == "known-host")] | length == 2 and all(.hint == $line)' \
		<<<"$(tr -d '\r' <<<"$output")"
	unchanged
}

@test "hostkey: a key that has changed, or is revoked, is not asked about" {
	know other
	cp "$dir/known" "$dir/before"
	at_terminal shell box -- true <<-'END'
		child.expect("has changed")
		end(6)
	END
	at_terminal doctor box <<-'END'
		end(4)
	END
	[[ $output != *'Type yes'* ]]
	cmp "$dir/known" "$dir/before"
	echo "@revoked * $(cut -d ' ' -f 1,2 "$dir/host.pub")" >"$dir/known"
	at_terminal shell box -- true <<-'END'
		child.expect("is revoked")
		end(6)
	END
	printf '# known\nelsewhere ssh-ed25519 AAAA' >"$dir/known"
	machine "host-key = $(ssh-keygen -lf "$dir/other.pub" | cut -d ' ' -f 2)"
	at_terminal shell box -- true <<-'END'
		child.expect("has changed")
		end(6)
	END
	unchanged
}

@test "hostkey: a file that is not there yet is made, for its owner alone" {
	rm "$dir/known"
	at_terminal shell box -- true <<-'END'
		asked()
		child.sendline("yes")
		end(0)
	END
	[ "$(stat -c %a "$dir/known")" = 600 ]
	[ "$(wc -l <"$dir/known")" -eq 1 ]
}

@test "hostkey: a file that can't be written, and the line to add" {
	mkdir "$dir/nodir"
	sed -i "s,^known-hosts = .*,known-hosts = $dir/nodir/known," "$dir/config/hosts.d/box.ini"
	rmdir "$dir/nodir"
	at_terminal shell box -- true <<-END
		asked()
		child.sendline("yes")
		child.expect("not added: $dir/nodir/known: No such file.*add this line yourself: .127.0.0.1.:$port ssh-ed25519 ")
		end(2)
	END
}

@test "hostkey: a jump host is asked about first, then the server" {
	local last=$port

	server gate
	gate=$port
	port=$last
	machine "jump = 127.0.0.1:$gate"
	at_terminal shell box -- echo 'far''away' <<-'END'
		asked()
		child.sendline("yes")
		asked()
		child.sendline("yes")
		child.expect("faraway\r")
		end(0)
	END
	grep -q "^\[127.0.0.1\]:$gate " "$dir/known"
	grep -q "^\[127.0.0.1\]:$port " "$dir/known"
}
