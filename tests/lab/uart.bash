# SPDX-License-Identifier: GPL-3.0-or-later
# A machine with real (emulated) 16550 UARTs, in which the agent runs.
#
# Its initial file system is made anew from what was built: the programs under
# test with the libraries of this machine, ser2net, and the kernel and busybox
# of the lab's guest. Its ttyS0 takes the test's commands; ttyS1 and ttyS2 are
# lines under test. Outside, each is a pseudo-terminal: QEMU gives it the
# speed, the bits, the parity and the stop bits that its UART has, so stty says
# what the UART was really set to. A break would get lost there: the shim makes
# it the text "<BREAK>". Behind each line socat echoes, or joins it with another.
# ttyS3 has uart/peer behind it.
#
# The caller's: vm_dir, a directory.

here=$BATS_TEST_DIRNAME
cache=${LAB_CACHE:-$here/cache}

# Copies a program or a library of this machine with the libraries it needs.
vm_install() { # FILE TREE FOLDER
	local lib
	mkdir -p "$2/$3"
	cp -L "$1" "$2/$3/"
	ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) (.*/\1/p' |
	while read -r lib; do
		mkdir -p "$2/$(dirname "$lib")"
		cp -Lu "$lib" "$2/$lib"
	done
}

# ser2net, and what it loads when its configuration says so.
vm_install_ser2net() { # TREE
	local plugin
	vm_install "$(PATH=$PATH:/usr/sbin command -v ser2net)" "$1" bin
	for plugin in /usr/libexec/*/gensio/*/libgensio_{serialdev,net,telnet}.so; do
		vm_install "$plugin" "$1" "$(dirname "$plugin")"
	done
}

# The initial file system: busybox, modules, ser2net, PROGRAM... and what is in
# $vm_dir/files.
vm_build() {
	[ -e "$cache/root/versions" ] || "$here/lab" fetch
	local tree=$vm_dir/tree program
	mkdir -p "$tree"/{bin,sbin,dev,proc,sys,tmp,run,etc,lib/modules}
	install -m 755 "$here/uart/init" "$tree/init"
	install -m 755 "$cache/root/bin/busybox" "$tree/bin/busybox"
	"$tree/bin/busybox" --list | while read -r program; do
		ln -s busybox "$tree/bin/$program" 2>/dev/null || true
	done
	find "$cache/root/lib/modules" \( -name 'virtio*.ko' -o -name '*failover.ko' \) \
		-exec cp {} "$tree/lib/modules/" \;
	for program in "$@"; do
		vm_install "$program" "$tree" bin
	done
	vm_install_ser2net "$tree"
	[ ! -d "$vm_dir/files" ] || cp -R "$vm_dir/files/." "$tree/"
	(cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet) >"$vm_dir/initrd"
	rm -rf "$tree"
}

# Waits up to 5 s until a command is true.
until_true() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		read -r -t 0.05 <> <(:) || true
	done
	return 1
}

# Starts a program that ends with the tests, in the background.
vm_keep() {
	setpriv --pdeathsig KILL "$@" 3>&- &
	echo $! >>"$vm_dir/pids"
	disown $!
}

# Starts the machine, waits until it takes commands. vm_net: options of its
# network (hostfwd), vm_line[1] and [2]: what socat puts behind the lines,
# vm_memory: MiB.
vm_start() {
	local n
	"${CC:-cc}" -D_GNU_SOURCE -I"$here/../.." -shared -fPIC -O1 -w \
		-o "$vm_dir/shim.so" "$here/pty-serial-shim.c"
	for n in 1 2; do
		vm_keep socat "pty,rawer,link=$vm_dir/line$n" \
			"${vm_line[n]:-PIPE}"
		until_true [ -e "$vm_dir/line$n" ]
	done
	LD_PRELOAD=$vm_dir/shim.so vm_keep qemu-system-x86_64 -accel tcg \
		-M pc,graphics=off -cpu max -smp 1 -m "${vm_memory:-256}" -nodefaults \
		-no-user-config -display none -no-reboot \
		-kernel "$(echo "$cache"/root/boot/vmlinuz-*)" -initrd "$vm_dir/initrd" \
		-append 'console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check tsc=reliable' \
		-chardev "socket,id=c0,path=$vm_dir/control,server=on,wait=on" \
		-device isa-serial,chardev=c0 \
		-chardev "serial,id=c1,path=$vm_dir/line1" \
		-device isa-serial,chardev=c1 \
		-chardev "serial,id=c2,path=$vm_dir/line2" \
		-device isa-serial,chardev=c2,irq=5 \
		-trace serial_update_parameters -D "$vm_dir/trace" \
		-chardev "socket,id=c3,path=$vm_dir/line3,server=on,wait=off,telnet=on" \
		-device isa-serial,chardev=c3,irq=7 \
		-monitor "unix:$vm_dir/monitor,server=on,wait=off" \
		-device virtio-net-pci,netdev=n0,romfile= \
		-netdev "user,id=n0,restrict=on${vm_net:+,$vm_net}"
	until_true [ -S "$vm_dir/control" ]
	vm_talk 60 ''
	vm_keep socat "UNIX-CONNECT:$vm_dir/line3" "EXEC:$here/uart/peer"
}

# Sends a line, prints what comes until the end of the command; its status.
vm_talk() { # SECONDS LINE
	local line status=255
	coproc VM { exec socat - "UNIX-CONNECT:$vm_dir/control" 3>&-; }
	[ -z "$2" ] || printf '%s\n' "$2" >&"${VM[1]}"
	while IFS= read -r -t "$1" line <&"${VM[0]}"; do
		if [[ $line =~ ^(.*)'<<<'([0-9]+)'>>>'$ ]]; then
			status=${BASH_REMATCH[2]}
			[ -z "${BASH_REMATCH[1]}" ] || echo "${BASH_REMATCH[1]}"
			break
		fi
		printf '%s\n' "$line"
	done
	# shellcheck disable=SC2153
	kill "$VM_PID"
	wait "$VM_PID" 2>/dev/null || true
	return "$status"
}

# Runs a command line in the machine.
vm_run() {
	vm_talk 120 "$*"
}

# The port of 127.0.0.1 that is forwarded to that one of the machine.
vm_port() { # PORT
	echo info usernet | socat -t 5 - "UNIX-CONNECT:$vm_dir/monitor" |
		awk -v port="$1" '/HOST_FORWARD/ && $6 == port { print $4; exit }'
}

# What a UART was set to, since the start.
uart_was_set() { # BAUD PARITY BITS STOP
	grep -q "baudrate=$1 parity='$2' data=$3 stop=$4" "$vm_dir/trace" && return
	tail -n 20 "$vm_dir/trace"
	return 1
}

vm_stop() {
	local pid
	[ -f "$vm_dir/pids" ] || return 0
	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done <"$vm_dir/pids"
}
