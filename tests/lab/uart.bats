#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The serial driver on real (emulated) 16550 UARTs, and the telnet driver's
# RFC 2217 against a ser2net that has one: see uart.bash.
# UART_DRIVER_TEST and TELNET_DRIVER_TEST name the programs (default: built
# beside this file).

load uart

setup_file() {
	export vm_dir=$BATS_FILE_TMPDIR
	export program=${UART_DRIVER_TEST:-$BATS_TEST_DIRNAME/uart-driver-test}
	[ -x "$program" ] || skip "no $program: make check-programs"
	mkdir -p "$vm_dir/files/etc"
	{
		echo '%YAML 1.1'
		echo ---
		connection rfc2217 'telnet(rfc2217),tcp,0.0.0.0,2001'
		connection telnet 'telnet,tcp,0.0.0.0,2002'
	} >"$vm_dir/files/etc/ser2net.yaml"
	vm_build "$program" "$(command -v flock)"
	vm_net=hostfwd=tcp:127.0.0.1:0-:2001,hostfwd=tcp:127.0.0.1:0-:2002
	vm_start
}

teardown_file() {
	vm_stop
}

connection() { # NAME ACCEPTER
	printf 'connection: &%s\n  accepter: %s\n  connector: serialdev,%s,%s\n' \
		"$1" "$2" /dev/ttyS2 115200n81,local
}

# The driver's tests in the machine, on DEVICE.
driver() { # DEVICE TEST...
	run vm_run "$(basename "$program")" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1..$(($# - 1))" ]
}

@test "uart: bytes, by a path and by a link" {
	driver /dev/ttyS1 talk
	vm_run 'mkdir -p /dev/serial/by-id && ln -s ../../ttyS1 /dev/serial/by-id/usb-adapter'
	driver /dev/serial/by-id/usb-adapter talk doctor
}

@test "uart: speed, bits, parity and stop bits are what the UART has" {
	driver /dev/ttyS1 settings
	uart_was_set 115200 N 8 1
	uart_was_set 9600 E 7 2
	uart_was_set 38400 O 8 1
	uart_was_set 1200 N 8 2
	[ "$(stty -F "$vm_dir/line1" speed)" = 1200 ]
}

@test "uart: RTS and DTR" {
	driver /dev/ttyS1 lines
}

@test "uart: a break is one on the line" {
	driver /dev/ttyS1 break
}

# holder COMMAND...: runs in the machine and has ttyS1 open when this returns.
holder() {
	vm_run "$* 'echo \$\$ >/tmp/holder; exec sleep 100' </dev/ttyS1 &" \
		'for i in $(seq 100); do [ -s /tmp/holder ] && break; usleep 10000; done'
}

holder_ends() {
	vm_run 'kill $(cat /tmp/holder); rm /tmp/holder'
}

@test "uart: an XOFF is told, and does not hold up the next one" {
	driver /dev/ttyS1 xoff
	holder sh -c
	driver /dev/ttyS1 xoff
	holder_ends
}

@test "uart: nobody else opens it, and who holds it is named" {
	vm_run chmod 666 /dev/ttyS1
	driver /dev/ttyS1 exclusive
	holder sh -c
	driver /dev/ttyS1 held
	holder_ends
	holder flock -n -F /dev/ttyS1 sh -c
	driver /dev/ttyS1 held-locked
	holder_ends
	driver /dev/ttyS1 doctor
}

@test "uart: what the line lost is counted" {
	driver /dev/ttyS3 overrun
	vm_run "grep ^3: /proc/tty/driver/serial"
}

@test "uart: ser2net sets speed and break by RFC 2217" {
	vm_run 'ser2net -u -c /etc/ser2net.yaml'
	run timeout 60 "${TELNET_DRIVER_TEST:-$here/telnet-driver-test}" \
		-c "$(vm_port 2001)" ser2net-rfc2217
	echo "$output"
	[ "$status" -eq 0 ]
	uart_was_set 9600 E 7 2
	run timeout 60 "${TELNET_DRIVER_TEST:-$here/telnet-driver-test}" \
		-t "$(vm_port 2002)" ser2net-break
	echo "$output"
	[ "$status" -eq 0 ]
}
