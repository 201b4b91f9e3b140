#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rhands doctor --break against a real kernel: whether a break arrived is told by
# what its serial lines have counted, read by the host's [shell]. The lab's BMC
# keeps a break until the next key, so that by its SOL none arrives; by telnet,
# from the same cable, one does.

bats_require_minimum_version 1.5.0
load recover

setup() {
	dir=$BATS_TEST_TMPDIR/lab
	records=$BATS_TEST_TMPDIR/records
	"$here/lab" build
	"$here/lab" up "$dir" --boot normal --owner $$
	# shellcheck disable=SC1091
	. "$dir/env"
	wait_for 60 machine_has_written 'oldhost login:'
	wire=$(sed -n 's/^ *sol "telnet:127.0.0.1:\([0-9]*\)".*/\1/p' "$dir/lan.conf")
	(
		umask 077
		cat >>"$LAB_CONFIG/hosts.d/ldap1.ini" <<-END

			[shell]
			driver = ssh
			address = 127.0.0.1
			port = $LAB_TCP_SSH
			user = root
			password = @file:$LAB_CONFIG/secrets/root
			known-hosts = $LAB_CONFIG/known_hosts
		END
	)
}

doctor() {
	run timeout 100 "$rhands" doctor --config "$LAB_CONFIG" \
		--records "$records" "$@"
	echo "$output"
}

found() {
	grep -E "^  $1 +$2 " <<<"$output" | grep -qF -- "$3"
}

# What the kernel says, by the same file.
breaks_counted() {
	"$rhands" shell --config "$LAB_CONFIG" ldap1 -- \
		"sed -n 's/.* brk:\([0-9]*\).*/\1/p' /proc/tty/driver/serial"
}

# The console by telnet to the machine's cable instead of the BMC's SOL. That
# cable negotiates nothing, which doctor calls a failure.
by_telnet() {
	"$here/lab" bmc "$dir" stop
	sed -i -e '/^recover/d' -e '/^\[power\]/,/^\[secrets\]/{/^\[secrets\]/!d}' \
		"$LAB_CONFIG/hosts.d/ldap1.ini"
	sed -i "/^\[shell\]/i [console]\ndriver = telnet\naddress = 127.0.0.1\nport = $wire\n$*" \
		"$LAB_CONFIG/hosts.d/ldap1.ini"
}

@test "by telnet a break arrives, and nothing is typed" {
	by_telnet
	doctor --break ldap1
	[ "$status" -eq 4 ]
	[ "$(grep -c '^  fail' <<<"$output")" -eq 1 ]
	found note break "sent; for some seconds"
	found ok break "it arrives: the host has counted 1"
	found ok command "a command runs"
	found ok boot-id "it can be read"
	[ "$(breaks_counted)" = 1 ]
	# Without the option none is sent.
	doctor ldap1
	run ! found note break ""
	[ "$(breaks_counted)" = 1 ]
	# A raw connection sends none, and does not say so.
	sed -i '/^driver = telnet/a protocol = raw' "$LAB_CONFIG/hosts.d/ldap1.ini"
	doctor --break ldap1
	[ "$status" -eq 0 ]
	run ! found note break "sent"
	[ "$(breaks_counted)" = 1 ]
	# Nobody who could tell: then it was sent, and not seen.
	sed -i -e '/^protocol = raw/d' -e '/^\[shell\]/,$d' \
		"$LAB_CONFIG/hosts.d/ldap1.ini"
	doctor --break ldap1
	found note break "sent; for some seconds"
	run ! found ok break ""
	[ ! -s "$LAB_TYPED" ]
}

@test "by a BMC that keeps it a break is missed" {
	doctor --break ldap1
	[ "$status" -eq 4 ]
	found note break "sent; for some seconds"
	found fail break "kept until the next key"
	[ -z "$(breaks_counted)" ]
	[ ! -s "$LAB_TYPED" ]
}
