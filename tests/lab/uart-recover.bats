#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A host is brought up over a real (emulated) UART: rhands runs in a machine
# whose ttyS1 is joined with the serial line of the lab's guest, which hangs in
# POST and then in GRUB. The guest is there from the start and is let go when
# rhands is attached.

load uart
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	vm_dir=$BATS_TEST_TMPDIR/vm
	mkdir -p "$vm_dir/files/etc/rh"/{hosts.d,sequences.d}
	configure
	vm_build "$rhands"
	host_start
	vm_line[1]=UNIX-CONNECT:$vm_dir/host
	vm_start
}

teardown() {
	vm_stop
}

configure() {
	cat >"$vm_dir/files/etc/rh/hosts.d/old.ini" <<-END
	[host]
	summary = On this machine's second serial port
	[console]
	driver = serial
	path = /dev/ttyS1
	speed = 115200
	terminal = vt100
	END
	cat >"$vm_dir/files/etc/rh/sequences.d/up.ini" <<-END
	[sequence]
	summary = Answer what the boot asks
	needs = console
	deadline = 3m
	start = post
	[state post]
	timeout = 60s -> failed "no POST"
	on = /Strike the F1/ max 3 : key F1
	on = /GNU GRUB/ -> menu
	[state menu]
	timeout = 30s -> failed "GRUB does not go on"
	on = /automatically|Press enter to boot/ max 3 : key Enter -> boot
	[state boot]
	timeout = 60s -> failed "no login"
	on = /login: \$/ -> recovered
	END
}

# The guest, stopped at its first instruction.
host_start() {
	local built
	"$here/lab" build
	built=$("$here/lab" built)
	vm_keep qemu-system-x86_64 -accel tcg,tb-size=24 -M pc,graphics=off \
		-cpu max -smp 1 -m 112 -nodefaults -no-user-config -display none \
		-no-reboot -S -monitor "unix:$vm_dir/host-monitor,server=on,wait=off" \
		-chardev "socket,id=s,path=$vm_dir/host,server=on,wait=on" \
		-serial chardev:s -smbios type=1,product=normal,version=grub-hang \
		-drive "file=$built/disk.iso,format=raw,if=virtio,readonly=on" \
		-option-rom "$built/f1rom.bin"
	until_true [ -S "$vm_dir/host" ]
}

host_go() {
	echo cont | socat -t 1 - "UNIX-CONNECT:$vm_dir/host-monitor"
}

# Waits up to SECONDS until a command line is true in the machine.
until_in_vm() {
	vm_run "for i in \$(seq $(($1 * 20))); do $2 && exit; usleep 50000; done; exit 1"
}

@test "uart: a host that waits for F1 and in GRUB is brought up" {
	vm_run '(rhands run up old --config /etc/rh --records /tmp/rec >/tmp/said 2>&1; echo $? >/tmp/status) &'
	until_in_vm 20 'grep -q console-up /tmp/rec/runs/*/journal.jsonl 2>/dev/null'
	host_go
	until_in_vm 90 '[ -s /tmp/status ]' || true
	run vm_run 'cat /tmp/said; exit $(cat /tmp/status)'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'typed F1'*menu*'typed Enter'*recovered* ]]
	# What the guest wrote came whole: the record has it, and there is no gap.
	vm_run 'cat /tmp/rec/runs/*/console.cast' >"$vm_dir/cast"
	console=$(jq -rsj '.[1:][] | select(.[1] == "o")[2]' "$vm_dir/cast")
	[[ $console == *"Strike the F1 key"*"GNU GRUB"*"Starting slapd: done"*"oldhost login: " ]]
	vm_run '! grep -q console-gap /tmp/rec/runs/*/journal.jsonl'
}
