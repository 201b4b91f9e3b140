#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Menus of real firmware and real boot loaders, driven through their serial
# console by sequences with `select` and `on screen`: GRUB, UEFI setup (OVMF),
# SeaBIOS, iPXE, U-Boot. The console of the host is QEMU itself, run by the exec
# driver: its serial line is the program's terminal.

bats_require_minimum_version 1.5.0
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}
cache=${LAB_CACHE:-$BATS_TEST_DIRNAME/cache}

setup() {
	config=$BATS_TEST_TMPDIR/config
	records=$BATS_TEST_TMPDIR/records
	install -d -m 700 "$config/hosts.d" "$config/sequences.d"
}

# host LINE... -- QEMU-ARGUMENT...: a host whose console that machine is.
host() {
	local lines=()
	while [ "$1" != -- ]; do
		lines+=("$1")
		shift
	done
	shift
	cat >"$config/machine" <<-END
		#!/bin/sh
		exec qemu-system-x86_64 -accel tcg -nodefaults -no-user-config \
			-display none -no-reboot -serial stdio $*
	END
	chmod 755 "$config/machine"
	printf '%s\n' '[host]' 'summary = A machine with a menu' '[console]' \
		'driver = exec' "console = $config/machine" "${lines[@]}" \
		>"$config/hosts.d/menu.ini"
}

# sequence: its states, from standard input.
sequence() {
	{
		printf '%s\n' '[sequence]' 'summary = Goes through a menu' \
			'needs = console' 'deadline = 5m' 'start = begin'
		cat
	} >"$config/sequences.d/menu.ini"
}

rh_run() {
	run timeout 150 "$rhands" run menu menu --config "$config" \
		--records "$records"
	echo "$output"
}

said() {
	[[ $output = *"$1"* ]] || {
		echo "expected: $1"
		return 1
	}
}

# What the machine printed, as text.
printed() {
	cat "$records"/runs/*/console.cast | jq -r 'select(type == "array") |
		select(.[1] == "o") | .[2]' | tr -d '\n'
}

# A GRUB with more entries than rows; each tells that it was chosen, as
# "chosen NAME", with the name put together by GRUB. So many of them are old
# kernels: $kernels.
kernels=16
grub_disk() {
	local iso=$BATS_TEST_TMPDIR/iso
	mkdir -p "$iso/boot/grub"
	[ -e "$cache/root/versions" ] || "$BATS_TEST_DIRNAME/lab" fetch
	sed "s/@KERNELS@/$(seq -w -s ' ' $kernels)/" >"$iso/boot/grub/grub.cfg" <<-'END'
		serial --unit=0 --speed=115200
		terminal_input serial
		terminal_output serial
		set timeout=-1
		function chosen {
			echo "cho""sen $1"
			sleep 60
		}
		menuentry "Debian GNU/Linux" { chosen plain }
		submenu "Advanced options for Debian GNU/Linux" {
			menuentry "Debian GNU/Linux, with Linux 6.1.0-18" { chosen 6.1 }
			menuentry "Debian GNU/Linux, with Linux 6.1.0-18 (recovery mode)" { chosen recovery }
		}
		for i in @KERNELS@; do
			menuentry "Old kernel $i" $i { chosen "old $2" }
		done
		menuentry "Memory test (memtest86+)" { chosen memtest }
	END
	grub-mkrescue -d "$cache/root/usr/lib/grub/i386-pc" --locales= --fonts= \
		--themes= -o "$BATS_TEST_TMPDIR/grub.iso" "$iso" >/dev/null 2>&1
	host "$@" -- -M pc,graphics=off -m 64 \
		-cdrom "$BATS_TEST_TMPDIR/grub.iso" -boot d
}

@test "menus: GRUB, an entry below the screen, then one of a submenu" {
	grub_disk
	sequence <<-'END'
		[state begin]
		timeout = 30s -> failed "no menu"
		on = /GNU GRUB/ -> menu
		[state menu]
		do = select /kernel 14$/
		then = chosen
		[state chosen]
		timeout = 10s -> failed "nothing was chosen"
		on = /chosen old 14/ -> recovered
	END
	rh_run
	[ "$status" -eq 0 ]
	said 'typed Down*15 Enter'
	said 'selected /kernel 14$/'
	sequence <<-'END'
		[state begin]
		timeout = 30s -> failed "no menu"
		on screen = /\*Debian GNU/ : select /^Advanced options/ > /recovery mode/ -> chosen
		[state chosen]
		timeout = 10s -> failed "nothing was chosen"
		on = /chosen recovery/ -> recovered
	END
	rh_run
	[ "$status" -eq 0 ]
	said 'selected /recovery mode/'
}

# PgDn only once the list was seen to scroll, and Enter only on the entry.
@test "menus: GRUB with 60 entries is paged through" {
	kernels=60
	grub_disk
	sequence <<-'END'
		[state begin]
		timeout = 30s -> failed "no menu"
		on = /GNU GRUB/ -> menu
		[state menu]
		do = select Old kernel 53
		then = chosen
		[state chosen]
		timeout = 10s -> failed "nothing was chosen"
		on = /chosen old 53/ -> recovered
	END
	rh_run
	[ "$status" -eq 0 ]
	said 'PgDn*'
	local keys
	keys=$(grep -o 'typed [^,]*' <<<"$output")
	[[ $keys =~ Down\*([0-9]+)\ PgDn\*([0-9]+)\ (Up|Down)(\*([0-9]+))?\ Enter ]]
	[ $((BASH_REMATCH[1] + BASH_REMATCH[2] + ${BASH_REMATCH[5]:-1})) -lt 40 ]
}

@test "menus: GRUB has no such entry: no Enter, and the screen is kept" {
	grub_disk
	sequence <<-'END'
		[state begin]
		timeout = 30s -> failed "no menu"
		on = /GNU GRUB/ -> menu
		[state menu]
		do = select Linux
		then = recovered
		else = missing
		[state missing]
		do = collect screen
		then = failed "there is none"
	END
	rh_run
	[ "$status" -eq 1 ]
	said 'select Linux: the menu has no such entry; highlighted is "Debian GNU/Linux"'
	[[ $output != *Enter* ]]
	[[ $(printed) != *chosen* ]]
	grep -q '|\*Debian GNU/Linux  ' "$records"/runs/*/evidence/screen-*.txt
	grep -q 'GNU GRUB  version 2' "$records"/runs/*/evidence/screen-*.txt
}

@test "menus: UEFI setup on a serial console, Boot Manager > EFI Internal Shell" {
	cp /usr/share/OVMF/OVMF_VARS_4M.fd "$BATS_TEST_TMPDIR/vars.fd"
	host 'size = 80x50' -- -M q35 -m 256 -net none \
		-drive if=pflash,unit=0,readonly=on,format=raw,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
		-drive "if=pflash,unit=1,format=raw,file=$BATS_TEST_TMPDIR/vars.fd"
	sequence <<-'END'
		[state begin]
		timeout = 60s -> failed "no shell"
		on = /Press ESC in \d seconds/ : key Esc -> shell
		[state shell]
		timeout = 20s -> failed "no prompt"
		on = /Shell> $/ : enter "exit" -> front
		[state front]
		timeout = 20s -> failed "no setup"
		on screen = /Device Manager\b[^\n]*\n[^\n]*Boot Manager/ -> setup
		[state setup]
		do = collect screen, select Boot Manager > EFI Internal Shell
		then = again
		[state again]
		timeout = 20s -> failed "the shell was not started"
		on = /UEFI Interactive Shell/ -> recovered
	END
	rh_run
	[ "$status" -eq 0 ]
	said 'typed Down*2 Enter'
	said 'selected EFI Internal Shell'
	grep -q '> Boot Maintenance Manager' "$records"/runs/*/evidence/screen-*.txt
}

@test "menus: SeaBIOS' list by its number, then iPXE's menu" {
	host 'key-delay = 60ms' -- -M pc,graphics=off -m 64 \
		-boot menu=on,splash-time=3000 \
		-device virtio-net-pci,netdev=n -netdev user,id=n,restrict=on
	sequence <<-'END'
		[state begin]
		timeout = 30s -> failed "no boot menu"
		on = /Press ESC for boot menu/ : key Esc
		on screen = /^Select boot device:(\n.*)*\n2\. iPXE/ : send "2" -> net
		on screen = /^Select boot device:(\n.*)*\n1\. iPXE/ : send "1" -> net
		[state net]
		timeout = 30s -> failed "no iPXE"
		on = /for the iPXE command line/ : key Ctrl-B
		on = /iPXE> $/ : enter "menu Boot menu" -> one
		[state one]
		timeout = 10s -> failed "no prompt"
		on = /iPXE> $/ : enter "item one First disk" -> two
		[state two]
		timeout = 10s -> failed "no prompt"
		on = /iPXE> $/ : enter "item two Second disk" -> three
		[state three]
		timeout = 10s -> failed "no prompt"
		on = /iPXE> $/ : enter "item three Third disk" -> choose
		[state choose]
		timeout = 10s -> failed "no prompt"
		on = /iPXE> $/ : enter "choose target && echo got ${dollar}{target}" -> menu
		[state menu]
		do = select "Third disk"
		then = chosen
		[state chosen]
		timeout = 10s -> failed "nothing was chosen"
		on = /got three/ -> recovered
	END
	printf '%s\n' '[vars]' 'dollar = $' >>"$config/hosts.d/menu.ini"
	rh_run
	[ "$status" -eq 0 ]
	said 'typed Down*2 Enter'
}

@test "menus: U-Boot is stopped, and told what to do at its prompt" {
	host -- -M pc -m 256 -net none -bios /usr/lib/u-boot/qemu-x86_64/u-boot.rom
	sequence <<-'END'
		[state begin]
		timeout = 30s -> failed "no U-Boot"
		on = /Hit any key to stop autoboot:/ : key Space -> prompt
		[state prompt]
		timeout = 10s -> failed "no prompt"
		on screen = /^=> *$/ : enter "version" -> answer
		[state answer]
		timeout = 10s -> failed "no answer"
		on screen = /^U-Boot 20\d\d\.\d\d.*\n(.*\n)*=>$/ -> recovered
	END
	rh_run
	[ "$status" -eq 0 ]
}

# A disk that U-Boot finds by itself, with a menu in extlinux.conf and the lab's
# kernel behind its entries. One partition from the first MiB on.
uboot_disk() {
	local disk=$BATS_TEST_TMPDIR/disk tree=$BATS_TEST_TMPDIR/tree
	[ -e "$cache/root/versions" ] || "$BATS_TEST_DIRNAME/lab" fetch
	mkdir -p "$tree/extlinux"
	cp "$cache"/root/boot/vmlinuz-* "$tree/linux"
	cat >"$tree/extlinux/extlinux.conf"
	truncate -s 24M "$disk"
	PATH=$PATH:/sbin mke2fs -q -t ext2 -E offset=1048576 -d "$tree" "$disk" 22M
	printf '\x80\0\0\0\x83\0\0\0\0\x08\0\0\0\xb0\0\0' |
		dd of="$disk" bs=1 seek=446 conv=notrunc status=none
	printf '\x55\xaa' | dd of="$disk" bs=1 seek=510 conv=notrunc status=none
	host -- -M pc -m 512 -net none \
		-bios /usr/lib/u-boot/qemu-x86/u-boot.rom \
		-drive "file=$disk,format=raw,if=ide"
}

# It asks for a number and waits for ever, as boards do that nobody looks at.
@test "menus: U-Boot's menu of extlinux.conf, by its entry's name" {
	local i
	uboot_disk < <(
		printf '%s\n' 'menu title Systems of this board' 'prompt 1' \
			'timeout 0' 'default l1'
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			printf 'label l%s\n\tmenu label Debian, kernel %s\n' $i $i
			printf '\tkernel /linux\n\tappend %s lab=kernel-%s-\n' \
				'console=ttyS0 earlyprintk=ttyS0 panic=-1' $i
		done
		printf 'label rescue\n\tmenu label Debian, rescue\n'
		printf '\tkernel /linux\n\tappend %s lab=rescue-\n' \
			'console=ttyS0 earlyprintk=ttyS0 panic=-1'
	)
	sequence <<-'END'
		[state begin]
		timeout = 60s -> failed "no menu"
		on = /^Systems of this board$/ -> menu
		[state menu]
		do = select "Debian, kernel 2"
		then = chosen
		[state chosen]
		timeout = 60s -> failed "nothing was booted"
		on = /Command line: .*lab=kernel-2-/ -> recovered
		on = /Command line: (?!.*lab=kernel-2-).*\n/ -> failed "another entry was booted"
	END
	rh_run
	[ "$status" -eq 0 ]
	said 'typed 2 Enter'
	said 'selected "Debian, kernel 2"'
	# Two digits, and a pattern; the prompt of the menu is what it waits for.
	sequence <<-'END'
		[state begin]
		timeout = 60s -> failed "no menu"
		on screen = /^Enter choice:$/ : select /rescue/ -> chosen
		[state chosen]
		timeout = 60s -> failed "nothing was booted"
		on = /Command line: .*lab=rescue-/ -> recovered
		on = /Command line: (?!.*lab=rescue-).*\n/ -> failed "another entry was booted"
	END
	rh_run
	[ "$status" -eq 0 ]
	said 'typed 13 Enter'
}

@test "menus: U-Boot's menu has no such entry: nothing is typed" {
	uboot_disk <<-'END'
		menu title Systems of this board
		prompt 1
		timeout 0
		label one
		menu label Debian
		kernel /linux
		label two
		menu label Debian, rescue
		kernel /linux
	END
	sequence <<-'END'
		[state begin]
		timeout = 60s -> failed "no menu"
		on screen = /^Enter choice:$/ -> menu
		[state menu]
		do = select Rescue
		then = recovered
	END
	rh_run
	[ "$status" -eq 1 ]
	said 'select Rescue: the screen shows no menu with such an entry'
	[[ $output != *typed* ]]
	[[ $(printed) != *"Starting kernel"* ]]
}

@test "menus: before force the screen is kept, as a person sees it" {
	local pdu=$BATS_TEST_TMPDIR/pdu
	mkdir -p "$pdu"
	install -m 755 "$BATS_TEST_DIRNAME/pdu" "$pdu/pdu"
	echo on >"$pdu/3"
	: >"$pdu/acts"
	cat >"$config/machine" <<-'END'
		#!/bin/bash
		printf '\033[2J\033[3;5HF12 for PXX boot\033[1;1HSetup utility\033[3;15HE'
		until grep -q on "$0.acts"; do
			read -r -t 0.05 <> <(:)
		done
		printf '\033[10;1HSETUP AGAIN'
		exec cat
	END
	chmod 755 "$config/machine"
	ln -s "$pdu/acts" "$config/machine.acts"
	printf '%s\n' '[host]' 'summary = A machine that hangs in its setup' \
		'[power]' 'driver = exec' 'min-off = 1s' "on = $pdu/pdu $pdu 3 on" \
		"off = $pdu/pdu $pdu 3 off" "status = $pdu/pdu $pdu 3 status" \
		'status-on = on' 'status-off = off' \
		'[console]' 'driver = exec' "console = $config/machine" \
		>"$config/hosts.d/menu.ini"
	sequence <<-'END'
		[state begin]
		timeout = 10s -> failed "no screen"
		on screen = /F12 for PXE boot/ -> cycle
		[state cycle]
		do = power cycle
		then = setup
		[state setup]
		timeout = 10s -> failed "no screen"
		on screen = /SETUP AGAIN/ -> recovered
	END
	sed -i 's/needs = console/needs = console power/' "$config/sequences.d/menu.ini"
	rh_run
	[ "$status" -eq 0 ]
	said 'saw "F12 for PXE boot"'
	diff "$records"/runs/*/evidence/screen-before.txt - <<-'END'
		Setup utility

		    F12 for PXE boot
	END
}
