#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Files that are wrong or that others can write: what is said, and that a broken
# file of one host never keeps hands from another.

load cli-lib

@test "a configuration that others can write to is refused" {
	good
	for path in "$config" "$config/hosts.d" "$config/hosts.d/ldap1.ini" \
		"$config/sequences.d"; do
		chmod o+w "$path"
		run rh recover ldap1
		status_is 2
		says "$path"
		says "chmod"
		run rh check
		status_is 2
		chmod o-w "$path"
	done
	[ ! -e "$records" ]
	run rh recover ldap1
	status_is 0
}

@test "a secret that others can read is refused" {
	good
	for mode in 644 640 604; do
		chmod "$mode" "$config/secrets/bmc"
		run rh check
		status_is 2
		says "$config/secrets/bmc"
		says "ldap1.ini:"
		says "chmod"
		run rh recover ldap1
		status_is 2
		says "nothing was done"
	done
	[ ! -e "$records" ]
}

@test "a secret file that is not there" {
	good
	rm "$config/secrets/bmc"
	run rh power ldap1 off
	status_is 2
	says "$config/secrets/bmc"
	says "No such file"
}

@test "all errors of all files in one go, at their lines" {
	good
	host nfs1 <<<"colour = red"
	host web1 <<<"terminal = vt999"
	host git1 <<<$'[power]\ndriver = imi'
	run rh check
	status_is 2
	says "nfs1.ini:18:"
	says "colour"
	says "web1.ini:18:"
	says "vt999"
	says "git1.ini:"
	says "errors"
	run --separate-stderr rh check
	[ "${#stderr_lines[@]}" -ge 3 ]
}

@test "the broken file of another host does not block a good one" {
	good
	echo "[nonsense" >"$config/hosts.d/nfs1.ini"
	run rh recover ldap1
	status_is 0
	says "rhands check"
	run --separate-stderr rh recover ldap1 --json
	status_is 0
	json_lines
	run rh recover nfs1
	status_is 2
	says "nfs1.ini:1:"
	says "nothing was done"
	run rh hosts
	status_is 0
	says "HAS ERRORS, see rhands check"
}

@test "a group with a broken host is not touched at all" {
	good
	host nfs1 <<<"colour = red"
	run rh power @all off
	status_is 2
	says "nfs1"
	says "nothing was done"
	[ ! -e "$records/runs" ]
}

@test "the status of a broken host says that it is broken" {
	good
	echo "[nonsense" >"$config/hosts.d/nfs1.ini"
	rm "$config/hosts.d/ldap1.ini"
	run rh status
	status_is 4
	says "nfs1"
	says "rhands check"
}

@test "a sequence with errors is not run, others are" {
	good
	cat >"$config/sequences.d/bad.ini" <<-'END'
		[sequence]
		summary = Bad
		start = nowhere
		[state a]
		do = fly
		then = recovered
	END
	run rh run bad ldap1
	status_is 2
	says "bad.ini:3:"
	says "bad.ini:5:"
	says "nothing was done"
	run rh run nap ldap1
	status_is 0
}

@test "a sequence that needs what the host lacks is not run" {
	good
	printf '[host]\nsummary = bare\n' >"$config/hosts.d/bare.ini"
	cat >"$config/sequences.d/off.ini" <<-'END'
		[sequence]
		summary = Off
		needs = power
		start = a
		deadline = 5m
		[state a]
		do = power off
		then = recovered "it is off"
	END
	run rh run off bare
	status_is 2
	says "power"
	says "nothing was done"
	run rh power bare off
	status_is 2
	says "bare has no [power] in $config/hosts.d/bare.ini"
	run rh console bare
	status_is 2
	says "bare has no [console]"
	run rh recover bare
	status_is 2
	says 'add "recover = SEQUENCE" to [host]'
	run rh status bare
	status_is 4
	says "no [power]"
	[ ! -e "$records/runs" ]
}

@test "a host whose sequence does not exist is found by check" {
	good
	rm "$config/sequences.d/nap.ini"
	run rh check
	status_is 2
	says "ldap1.ini:5:"
	says "nap"
	run rh recover ldap1
	status_is 2
	says "nap"
}

@test "a directory, a fifo and an empty file as a host" {
	good
	mkdir "$config/hosts.d/dir.ini"
	mkfifo "$config/hosts.d/fifo.ini"
	: >"$config/hosts.d/empty.ini"
	run timeout 10 "$rhands" check --config "$config"
	[ "$status" -ne 124 ]
	run timeout 10 "$rhands" recover ldap1 --config "$config" --records "$records"
	status_is 0
}

@test "console on a group wants one host" {
	good
	host nfs1 </dev/null
	run rh console @all
	status_is 2
	says "one console at a time"
}

# The lines of standard error from the one that begins with "$config/$1" on.
said_at() {
	[[ $'\n'$stderr$'\n' = *$'\n'"$config/$1"* ]] || {
		echo "expected: $1"
		echo "got: $stderr"
		return 1
	}
}

@test "a wrong sequence: the line, a caret, the nearest word" {
	good
	cat >"$config/sequences.d/bad.ini" <<-'END'
		[sequence]
		start    = cycle
		needs    = power
		[state cycle]
		do       = note "${host} ä", power cylce
		then     = recoverd
		on       = "a\tb": key F1
		           -> nowhere
	END
	run --separate-stderr rh check
	status_is 2
	said_at 'sequences.d/bad.ini:5:36: error: do: expected power on, off, cycle, reset, soft or diag; did you mean "cycle"?
     5 | do       = note "${host} ä", power cylce
      |                                    ^~~~~'
	said_at 'sequences.d/bad.ini:6:12: error: there is no state "recoverd"; did you mean "recovered"?
     6 | then     = recoverd
      |            ^~~~~~~~'
	said_at 'sequences.d/bad.ini:8:15: error: there is no state "nowhere"'
	run --separate-stderr rh check --json
	status_is 2
	json_lines
	jq -es 'any(.[]; .line == 5 and .column == 36)' <<<"$output"
	run --separate-stderr rh run bad ldap1
	status_is 2
	said_at 'sequences.d/bad.ini:5:36: error: '
}

@test "a long line is shown around the place, and moves no cursor" {
	good
	{
		printf '[sequence]\nstart = a\n[state a]\n'
		printf 'do = note "%0200d", fly, note "%0200d"\n' 0 0
	} >"$config/sequences.d/bad.ini"
	printf '[sequence]\nstart = \e[2J\n' >"$config/sequences.d/worse.ini"
	run --separate-stderr rh check
	status_is 2
	[[ $stderr = *$'\n     4 | ...0'*'", fly, note "0'*$'0...\n      |    '*' ^~~'* ]]
	said_at 'sequences.d/worse.ini:2:9: error: byte 9 of this line is a control character; expected UTF-8 text
     2 | start = \e[2J
      |         ^'
	[[ $stderr != *$'\e'* ]]
	while read -r line; do
		[[ $line = *.ini* ]] || [ "${#line}" -le 115 ]
	done <<<"$stderr"
}

@test "a wrong value in a host's file: the line, a caret, the nearest word" {
	good
	host web1 <<<"terminal = vt10"
	cp "$config/hosts.d/web1.ini" "$config/hosts.d/base.template"
	printf '[host]\ninherits = base\nneeds = a b/c\n' >"$config/hosts.d/web2.ini"
	run --separate-stderr rh check
	status_is 2
	said_at 'hosts.d/web1.ini:18:12: error: terminal = vt10: expected one of vt100, vt100+, vt-utf8, xterm, linux, pc-ansi; did you mean "vt100"?
    18 | terminal = vt10
      |            ^~~~'
	said_at 'hosts.d/base.template:18:12: error: terminal = vt10'
	said_at 'hosts.d/web2.ini:3:11: error: needs: "b/c" is no name'
}

@test "a line of a host's file is not shown: a password may stand there" {
	good
	host web1 <<<$'[secrets]\nroot = hunter2'
	sed -i 's/^password = .*/password = hunter2/' "$config/hosts.d/web1.ini"
	host nfs1 <<<$'pasword = hunter2\npassword = hunter2'
	run rh check
	status_is 2
	says "nfs1.ini:18:"
	says "web1.ini:11:"
	says "web1.ini:19:"
	says_not hunter2
	says_not " | "
}

@test "what is proved: refused, with the place" {
	good
	cat >"$config/sequences.d/blind.ini" <<-'END'
		[sequence]
		start    = cycle
		needs    = power console
		[always]
		on       = /panic/ : power reset
		[state cycle]
		do       = power cycle
		then     = recovered
		on       = /Password:/ max 1 : secret bmc -> hidden
		[state hidden]
		on       = /GRUB/ : key Enter
		on       = /GNU GRUB/ -> hidden2
		timeout  = 1h -> failed "x"
		[state hidden2]
		do       = wait 1s
		then     = failed "x"
	END
	run --separate-stderr rh check
	status_is 2
	said_at 'sequences.d/blind.ini:8:12: error: recovered is not proved on the way cycle: nothing is checked and no prompt is seen behind the act of line 7'
	said_at 'sequences.d/blind.ini:5:22: error: this rule would do it again'
	said_at 'sequences.d/blind.ini:9:12: error: the secret bmc could be typed'
	said_at 'sequences.d/blind.ini:12:12: error: this rule never fires'
	said_at 'sequences.d/blind.ini:1: error: one attempt, in which no state is entered twice, may take 1h'
}
