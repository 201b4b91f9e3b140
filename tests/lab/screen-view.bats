#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a person sees of real firmware and a real boot loader with `rhands console
# --screen`: the setup of OVMF and the menu of GRUB on their serial console, which
# is QEMU as a program of the exec driver. The person is tests/cli/console-pty.py.

bats_require_minimum_version 1.5.0
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}
cache=${LAB_CACHE:-$BATS_TEST_DIRNAME/cache}

setup() {
	config=$BATS_TEST_TMPDIR/config
	install -d -m 700 "$config/hosts.d"
}

# host SIZE QEMU-ARGUMENT...: a host whose console that machine is.
host() {
	printf '#!/bin/sh\nexec qemu-system-x86_64 -accel tcg -nodefaults %s %s\n' \
		'-no-user-config -display none -no-reboot -serial stdio' "${*:2}" \
		>"$config/machine"
	chmod 755 "$config/machine"
	printf '%s\n' '[host]' 'summary = A machine with a menu' '[console]' \
		'driver = exec' "console = $config/machine" "size = $1" \
		>"$config/hosts.d/menu.ini"
}

# person ROWS COLS ARGUMENT...: what they do is on standard input.
person() {
	TERM=xterm LIMIT=90 timeout 200 "$BATS_TEST_DIRNAME/../cli/console-pty.py" \
		"$1" "$2" "$rhands" console --config "$config" \
		--records "$BATS_TEST_TMPDIR/records" menu "${@:3}"
}

@test "screen view: the setup of UEFI, in a window that is too small too" {
	cp /usr/share/OVMF/OVMF_VARS_4M.fd "$BATS_TEST_TMPDIR/vars.fd"
	host 80x50 -M q35 -m 256 -net none \
		-drive if=pflash,unit=0,readonly=on,format=raw,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
		-drive "if=pflash,unit=1,format=raw,file=$BATS_TEST_TMPDIR/vars.fd"
	person 51 80 --screen <<-'END'
		screen Press ESC in
		type \e
		screen Shell>
		type exit\r
		screen > Boot Maintenance Manager
		screen Select Language            <Standard English>
		screen menu: screen of 80x50; ~. leaves
		type \e[B
		style Manager 37;40
		type \e[B\r
		screen Boot Manager Menu
		screen ┌──────────────────────────────────────────────────────────────────────────────┐
		screen Esc=Exit
		style Internal 37;40
		size 24 60
		screen Window below 80x50: it follows the cursor; ~h ~j ~k ~l move
		type \e[A~k~k~k
		screen Boot Manager Menu
		type ~S
		lines EFI Internal Shell
		lines └───
		type ~.
		end 0
	END
}

@test "screen view: the menu of GRUB, its highlight and its box" {
	local iso=$BATS_TEST_TMPDIR/iso
	mkdir -p "$iso/boot/grub"
	[ -e "$cache/root/versions" ] || "$BATS_TEST_DIRNAME/lab" fetch
	cat >"$iso/boot/grub/grub.cfg" <<-'END'
		serial --unit=0 --speed=115200
		terminfo -g 80x25 -u serial vt100
		terminal_input serial
		terminal_output serial
		set timeout=-1
		menuentry "Debian GNU/Linux" { sleep 60 }
		menuentry "Memory test (memtest86+)" { echo "cho""sen"; sleep 60 }
	END
	grub-mkrescue -d "$cache/root/usr/lib/grub/i386-pc" --locales= --fonts= \
		--themes= -o "$BATS_TEST_TMPDIR/grub.iso" "$iso" >/dev/null 2>&1
	host 80x25 -M pc,graphics=off -m 64 -cdrom "$BATS_TEST_TMPDIR/grub.iso" -boot d
	person 26 80 --screen <<-'END'
		screen GNU GRUB  version
		screen ┏━━━━━━━━━━
		style *Debian 7
		type \e[B
		style *Memory 7
		style Debian
		size 20 45
		screen Window below 80x25
		style *Memory 7
		type \r
		screen chosen
		type ~.
		end 0
	END
}
