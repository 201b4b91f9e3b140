#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The lab is what other tests believe, so it is tested first: that it says the
# truth about the machine, carries each byte, and leaves nothing behind.

lab=$BATS_TEST_DIRNAME/lab
sol=$BATS_TEST_DIRNAME/sol
bin=${LAB_BIN:-$BATS_TEST_DIRNAME}

setup_file() {
	"$lab" build
}

setup() {
	dir=$BATS_TEST_TMPDIR/lab
}

teardown() {
	local d
	for d in "$BATS_TEST_TMPDIR"/*/; do
		[ ! -e "$d/keeper.lock" ] || "$lab" down "$d"
	done
}

# wait_for SECONDS COMMAND...: until the command succeeds, or fails the test.
wait_for() {
	local limit=$((SECONDS + $1))
	shift
	until "$@"; do
		if [ "$SECONDS" -ge "$limit" ]; then
			echo "did not come true: $*"
			return 1
		fi
		sleep 0.05
	done
}

up() {
	"$lab" up "$@" --owner $$
}

# ipmi DIR WORD...
ipmi() {
	(
		. "$1/env"
		shift
		ipmitool -I lanplus -C 3 -H "$LAB_BMC_ADDRESS" -p "$LAB_BMC_PORT" \
			-U "$LAB_BMC_USER" -f "$LAB_BMC_PASSWORD_FILE" "$@"
	)
}

power_is() {
	[ "$("$lab" power "$1" status)" = "$2" ]
}

ipmi_power_is() {
	[ "$(ipmi "$1" power status)" = "Chassis Power is $2" ]
}

keeper_of() {
	pgrep -f "lab-keeper .* $1( |\$)"
}

# Prints the keeper of a lab and all that descends from it.
processes() {
	local pid
	for pid in $(keeper_of "$1"); do
		echo "$pid"
		descendants "$pid"
	done
}

descendants() {
	local child
	for child in $(pgrep -P "$1"); do
		echo "$child"
		descendants "$child"
	done
}

# Is none of these processes alive? A zombie is dead.
all_dead() {
	local pid
	for pid in "$@"; do
		case $(ps -o stat= -p "$pid") in
		'' | Z*) ;;
		*) return 1 ;;
		esac
	done
}

# Does the guest behind this port answer an anonymous LDAP bind?
ldap_answers() {
	local answer
	answer=$(
		exec 4<>"/dev/tcp/127.0.0.1/$1" || exit
		printf '\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00' >&4
		timeout 1 head -c 6 <&4 | od -An -tx1
	) 2>/dev/null
	[ "$answer" = " 30 0c 02 01 01 61" ]
}

log_says() {
	grep -qF -- "$2" "$1"
}

@test "down leaves no process, and may be said twice" {
	up "$dir"
	mapfile -t pids < <(processes "$dir")
	[ "${#pids[@]}" -ge 4 ]
	"$lab" down "$dir"
	all_dead "${pids[@]}"
	[ -s "$dir/keeper.log" ]
	"$lab" down "$dir"
	[ -z "$(keeper_of "$dir")" ] || all_dead $(keeper_of "$dir")
}

@test "everything ends when the owner is killed" {
	sleep 1000 3>&- &
	owner=$!
	"$lab" up "$dir" --owner "$owner"
	mapfile -t pids < <(processes "$dir")
	[ "${#pids[@]}" -ge 4 ]
	kill -KILL "$owner"
	wait_for 5 all_dead "${pids[@]}"
}

@test "everything ends when the keeper gets SIGTERM, or is killed" {
	for signal in TERM KILL; do
		up "$dir" --off --machine cat
		"$lab" power "$dir" on
		"$lab" bmc "$dir" pause
		mapfile -t pids < <(processes "$dir")
		[ "${#pids[@]}" -ge 4 ]
		kill -"$signal" "$(keeper_of "$dir")"
		wait_for 5 all_dead "${pids[@]}"
	done
}

@test "a directory has one lab at a time" {
	up "$dir" --bmc-only-state
	run up "$dir" --bmc-only-state
	[ "$status" -ne 0 ]
	[[ $output = *"a lab is up"* ]]
	ipmi_power_is "$dir" on
}

@test "a misspelt fault is refused" {
	run up "$dir" --boot grub-hagn
	[ "$status" -eq 1 ]
	[[ $output = *grub-hagn* ]]
	up "$dir" --off --bmc-only-state
	run "$lab" boot "$dir" f1,normale
	[ "$status" -eq 1 ]
	run "$lab" chassis "$dir" late
	[ "$status" -eq 1 ]
}

@test "labs that start at the same moment have ports of their own" {
	local pids=() n
	for n in 1 2 3 4; do
		up "$BATS_TEST_TMPDIR/$n" --bmc-only-state 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n"
	done
	[ "$(cat "$BATS_TEST_TMPDIR"/?/env | grep _PORT= | sort -u | wc -l)" -eq 4 ]
	ipmi "$BATS_TEST_TMPDIR/1" power off
	ipmi_power_is "$BATS_TEST_TMPDIR/1" off
	ipmi_power_is "$BATS_TEST_TMPDIR/2" on
}

@test "the environment and the agent's configuration are written" {
	up "$dir" --off
	. <("$lab" env "$dir")
	[ "$(cat "$LAB_BMC_PASSWORD_FILE")" = labpass ]
	[ "$(stat -c %a "$LAB_CONFIG")" = 700 ]
	[ "$(stat -c %a "$LAB_CONFIG/secrets/bmc")" = 600 ]
	grep -q "^port *= $LAB_BMC_PORT\$" "$LAB_CONFIG/hosts.d/ldap1.ini"
	run grep -E '@[A-Z_]+@' "$LAB_CONFIG/hosts.d/ldap1.ini"
	[ "$status" -eq 1 ]
	[ "$("$lab" truth "$dir")" = "$LAB_TRUTH" ]
	[ -e "$LAB_TRUTH" ]
	[ -e "$LAB_TYPED" ]
}

@test "a misbehaving chassis does not deceive the ground truth" {
	up "$dir" --bmc-only-state
	"$lab" chassis "$dir" ignore 1
	ipmi "$dir" power off
	power_is "$dir" on
	ipmi "$dir" power off
	power_is "$dir" off
	"$lab" chassis "$dir" stuck-on
	ipmi_power_is "$dir" on
	power_is "$dir" off
	"$lab" chassis "$dir" refuse
	run ipmi "$dir" power on
	[ "$status" -ne 0 ]
	power_is "$dir" off
	[ "$(grep -c ' set power 0$' "$dir/chassis.log")" -eq 2 ]
	[ "$(grep -c ' set power 1$' "$dir/chassis.log")" -eq 1 ]
}

@test "a late chassis acts later, and a restoring one undoes an off" {
	up "$dir" --bmc-only-state
	"$lab" chassis "$dir" late 0.5
	ipmi "$dir" power off
	power_is "$dir" on
	wait_for 3 power_is "$dir" off
	"$lab" chassis "$dir" none
	"$lab" power "$dir" on
	"$lab" chassis "$dir" restore 0.5
	ipmi "$dir" power off
	power_is "$dir" off
	wait_for 3 power_is "$dir" on
}

@test "the BMC can be stopped, killed, paused and restarted" {
	up "$dir" --machine cat
	for how in stop kill; do
		"$lab" bmc "$dir" "$how"
		run timeout 2 "$BATS_TEST_DIRNAME/lab" bmc "$dir" status
		[ "$output" = off ]
		"$lab" bmc "$dir" start
		ipmi_power_is "$dir" on
	done
	"$lab" bmc "$dir" pause
	run timeout 0.5 "$lab" power "$dir" status
	[ "$output" = on ]
	"$lab" bmc "$dir" continue
	ipmi_power_is "$dir" on
	"$lab" bmc "$dir" restart
	ipmi_power_is "$dir" on
	[ "$(grep -c 'bmc joined' "$dir/wire.log")" -eq 4 ]
}

@test "each start of the machine takes the next fault, the last one stays" {
	cat >"$BATS_TEST_TMPDIR/machine" <<-'END'
		#!/bin/sh
		echo "boot: $LAB_BOOT_FAULT"
		read -r word && [ "$word" = reboot ] && exit 64
		exec cat
	END
	chmod +x "$BATS_TEST_TMPDIR/machine"
	up "$dir" --boot f1,maint,fsck --machine "$BATS_TEST_TMPDIR/machine"
	wait_for 3 log_says "$dir/truth.log" "boot: f1"
	ipmi "$dir" power reset
	wait_for 3 log_says "$dir/truth.log" "boot: maint"
	"$sol" "$dir" 3 '' 'reboot\n' 'boot: fsck'
	ipmi "$dir" power cycle
	wait_for 3 power_is "$dir" on
	"$lab" boot "$dir" silent
	ipmi "$dir" power reset
	wait_for 3 log_says "$dir/truth.log" "boot: silent"
	[ "$(grep -c '^boot: fsck' "$dir/truth.log")" -eq 2 ]
}

# A machine that says what is in a file, and keeps what it is told.
noisy_machine() {
	cat >"$BATS_TEST_TMPDIR/machine" <<-'END'
		#!/bin/sh
		[ "$LAB_BOOT_FAULT" != normal ] || head -c 1 >/dev/null
		cat "$LAB_DIR/../noise"
		printf 'the end'
		head -c 7 >"$LAB_DIR/received"
		printf 'received'
		exec cat >/dev/null
	END
	chmod +x "$BATS_TEST_TMPDIR/machine"
}

@test "each byte value passes in both directions, also telnet's" {
	noisy_machine
	for n in $(seq 0 255); do
		byte=$(printf '\\x%02x' "$n")
		printf '%b' "$byte\\xff$byte\\xff\\xff\\xf3$byte\\x00\\r$byte"
	done >"$BATS_TEST_TMPDIR/noise"
	up "$dir" --machine "$BATS_TEST_TMPDIR/machine"
	"$sol" "$dir" 5 '' x 'the end' 'ab\xff\xff\xf3c\r' 'received'
	(cat "$BATS_TEST_TMPDIR/noise" && printf 'the endreceived') \
		>"$BATS_TEST_TMPDIR/all"
	cmp "$BATS_TEST_TMPDIR/all" "$dir/truth.log"
	tail -c "$(stat -c %s "$dir/truth.log")" "$dir/sol.log" |
		cmp - "$dir/truth.log"
	cmp <(printf 'ab\xff\xff\xf3c\r') "$dir/received"
	cmp <(printf 'xab\xff\xff\xf3c\r') "$dir/typed.log"
}

@test "a flood passes whole" {
	noisy_machine
	seq 3000000 >"$BATS_TEST_TMPDIR/noise"
	up "$dir" --boot f1 --machine "$BATS_TEST_TMPDIR/machine"
	wait_for 10 log_says "$dir/truth.log" "the end"
	(cat "$BATS_TEST_TMPDIR/noise" && printf 'the end') | cmp - "$dir/truth.log"
}

@test "F1 over SOL brings the machine to its login, and LDAP to life" {
	up "$dir" --off --boot f1
	. "$dir/env"
	run ldap_answers "$LAB_TCP_LDAP"
	[ "$status" -ne 0 ]
	"$sol" --cycle "$dir" 30 'Strike the F1 key' '\x1bOP' 'oldhost login: $' \
		'root\r' 'Password: ' 'labroot\r' '# ' 'echo $((6 * 7))\r' '\r\n42\r'
	wait_for 5 ldap_answers "$LAB_TCP_LDAP"
	log_says "$LAB_TRUTH" "Strike the F1 key to continue, F2 to run the system setup program"
	log_says "$LAB_TYPED" $'\eOP'
	[ "$(head -c 2 "$LAB_TRUTH")" = $'\ec' ]
	power_is "$dir" on
}

@test "two machines side by side, each with its own fault" {
	up "$BATS_TEST_TMPDIR/a" --boot no-services
	up "$BATS_TEST_TMPDIR/b" --boot grub-hang
	a=$(. "$BATS_TEST_TMPDIR/a/env" && echo "$LAB_TCP_LDAP")
	b=$(. "$BATS_TEST_TMPDIR/b/env" && echo "$LAB_TCP_LDAP")
	wait_for 30 log_says "$BATS_TEST_TMPDIR/b/truth.log" "GNU GRUB"
	"$sol" "$BATS_TEST_TMPDIR/b" 30 '' '\r' 'oldhost login: $'
	wait_for 30 log_says "$BATS_TEST_TMPDIR/a/truth.log" "oldhost login:"
	log_says "$BATS_TEST_TMPDIR/a/truth.log" "services not started"
	wait_for 5 ldap_answers "$b"
	run ldap_answers "$a"
	[ "$status" -ne 0 ]
	"$lab" down "$BATS_TEST_TMPDIR/a"
	ldap_answers "$b"
}

@test "a break reaches the kernel, and a panic stays one" {
	up "$dir" --off --boot maint,panic
	"$sol" --cycle "$dir" 30 'Give root password' '~B' 'send break' \
		h 'sysrq: HELP'
	log_says "$dir/wire.log" break
	"$lab" power "$dir" reset
	wait_for 30 log_says "$dir/truth.log" "end Kernel panic"
	power_is "$dir" on
}

@test "the relay loses, and lets through, what it is told to" {
	up "$dir" --bmc-only-state
	. "$dir/env"
	coproc RELAY { exec "$bin/lab-udp" --owner $$ 0 "$LAB_BMC_PORT" 3>&-; }
	read -r port <&"${RELAY[0]}"
	sed -i "s/^LAB_BMC_PORT=.*/LAB_BMC_PORT=$port/" "$dir/env"
	ipmi_power_is "$dir" on
	"$bin/lab-udp" --loss 100 --from-packet 3 --owner $$ 0 "$LAB_BMC_PORT" \
		>"$BATS_TEST_TMPDIR/port" 3>&- &
	wait_for 3 test -s "$BATS_TEST_TMPDIR/port"
	sed -i "s/^LAB_BMC_PORT=.*/LAB_BMC_PORT=$(cat "$BATS_TEST_TMPDIR/port")/" "$dir/env"
	run ipmi "$dir" -N 1 -R 1 power status
	[ "$status" -ne 0 ]
	kill "$RELAY_PID" $!
}
