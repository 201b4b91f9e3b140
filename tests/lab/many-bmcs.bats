#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `rhands status` of 40 BMCs, most of them well: node03 and node04 never answer,
# node05 is slow, node06 has another password, node07 knows no cipher suite of
# those that its file names. None of them knows suite 17, which is tried first.

bats_require_minimum_version 1.5.0
bin=${LAB_BIN:-$BATS_TEST_DIRNAME}
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup_file() {
	export dir=$BATS_FILE_TMPDIR/bmcs config=$BATS_FILE_TMPDIR/config
	"$bin/lab-bmcs" --owner $$ --silent 2 "$dir" 38 \
		>"$BATS_FILE_TMPDIR/bmcs.out" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/pids"
	until_in "$BATS_FILE_TMPDIR/bmcs.out" ready
	slow_wire
	write_config
}

teardown_file() {
	local pid
	while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done <"$BATS_FILE_TMPDIR/pids"
}

# until_in FILE WORD: until a line of the file has the word.
until_in() {
	local limit=$((SECONDS + 60))
	until grep -qs "$2" "$1"; do
		[ "$SECONDS" -lt "$limit" ] || {
			cat "$1"
			return 1
		}
		sleep 0.05
	done
}

port() {
	sed -n "$1s/ .*//p" "$dir/ports"
}

slow_wire() {
	"$bin/lab-udp" --delay 250 --owner $$ 0 "$(port 5)" \
		>"$BATS_FILE_TMPDIR/udp.out" 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/pids"
	until_in "$BATS_FILE_TMPDIR/udp.out" '[0-9]'
}

# host NAME PORT [LINE]
host() {
	printf '[host]\nsummary = one of many\ninherits = rack\n[power]\nport = %s\n%s\n' \
		"$2" "${3:-}" >"$config/hosts.d/$1.ini"
}

write_config() {
	local i n=0
	umask 077
	mkdir -p "$config/hosts.d"
	echo labpass >"$config/password"
	echo wrong >"$config/wrong"
	cat >"$config/hosts.d/rack.template" <<-INI
		[host]
		groups = all-of-them
		[power]
		driver = ipmi
		address = 127.0.0.1
		user = admin
		password = @file:$config/password
	INI
	for i in 1 2 39 40 $(seq 5 38) 3 4; do
		n=$((n + 1))
		host "node$(printf %02d $n)" "$(port "$i")"
	done
	host node05 "$(head -n 1 "$BATS_FILE_TMPDIR/udp.out")"
	host node06 "$(port 6)" "password = @file:$config/wrong"
	host node07 "$(port 7)" "cipher-suite = 17"
}

rh() {
	timeout 60 "$rhands" "$@" --config "$config" \
		--records "$BATS_TEST_TMPDIR/records"
}

# The hosts of which the BMC says so; every fifth machine is on.
are() {
	local i names=()
	for i in 1 2 $(seq 8 40); do
		if { [ "$1" = on ] && [ $((i % 5)) -eq 1 ]; } ||
			{ [ "$1" = off ] && [ $((i % 5)) -ne 1 ]; }; then
			names+=("$i")
		fi
	done
	echo "${names[*]}"
}

@test "many BMCs: all answers are right, and one hand has them" {
	run -0 rh status node01 node02 'node[08-40]' --json
	[ "${#lines[@]}" -eq 35 ]
	for state in on off; do
		names=$(printf '%s\n' "${lines[@]}" |
			jq -r "select(.power == \"$state\" and .driver == \"ipmi\").host" |
			sort | sed 's/node0*//' | tr '\n' ' ')
		echo "$state: $names"
		[ "${names% }" = "$(are $state)" ]
	done
	run -0 rh status 'node[38-40]' node01
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} =~ ^'node[38-40]'\ +off\ +'(ipmi)'$ ]]
	[[ ${lines[1]} =~ ^node01\ +on\ +'(ipmi)'$ ]]
	# no process but one hand
	run -0 env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=clone,fork,vfork,clone3 \
		-o "$BATS_TEST_TMPDIR/trace" "$rhands" status 'node[08-40]' --config "$config" \
		--records "$BATS_TEST_TMPDIR/records"
	cat "$BATS_TEST_TMPDIR/trace"
	[ "$(grep -c 'clone(' "$BATS_TEST_TMPDIR/trace")" -eq 1 ]
}

# Each line with the milliseconds at which it came.
stamped() {
	local begin=${EPOCHREALTIME/./} line
	while IFS= read -r line; do
		echo "$(((${EPOCHREALTIME/./} - begin) / 1000)) $line"
	done
}

last_good() {
	awk '/"driver"/ { at = $1 } END { print at }' "$1"
}

@test "many BMCs: the dead and the odd ones delay nobody" {
	good='node01 node02 node05 node[08-40]'
	# shellcheck disable=SC2086
	rh status $good --json | stamped >"$BATS_TEST_TMPDIR/good"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/good")" -eq 36 ]

	rh status --json 3>&- | stamped >"$BATS_TEST_TMPDIR/all" &
	json=$!
	text=$BATS_TEST_TMPDIR/text
	stamped < <(rh power @all-of-them status || echo "status $?") >"$text"
	wait "$json"
	cat "$BATS_TEST_TMPDIR/good" "$BATS_TEST_TMPDIR/all" "$text"
	# as text too: the answers are there long before the dead are given up
	[ "$(awk 'NR == 2 { print $1 }' "$text")" -lt 6000 ]
	[ "$(awk '/node.03/ { print $1 }' "$text")" -ge 9000 ]
	run -0 cut -d' ' -f2- "$text"
	[ "${lines[-1]}" = "status 4" ]
	echo "$output"
	# the slow one is there, and no later than without the dead
	[ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 40 ]
	[ "$(grep -c '"driver"' "$BATS_TEST_TMPDIR/all")" -eq 36 ]
	grep -q '"host": *"node05".*"driver"' "$BATS_TEST_TMPDIR/all"
	[ "$(last_good "$BATS_TEST_TMPDIR/all")" -lt \
		$(($(last_good "$BATS_TEST_TMPDIR/good") + 2000)) ]
	# folded, in the order asked, the late ones behind
	[[ $output == *$'\n''node[03-04]      unknown  the BMC does not answer'* ]]
	[[ $output == *$'\n''node06           unknown  no session as admin: wrong password'* ]]
	[[ $output == *$'\n''node07           unknown  no session with '* ]]
	[[ ${lines[0]} =~ ^'node[01,'.*\ on\ .*'(ipmi)'$ ]]
	[[ ${lines[1]} =~ ^'node[02,08-'.*\ off\ .*'(ipmi)'$ ]]
	[[ ${lines[2]} == node06* ]]
}

@test "many BMCs: packets that are lost or come twice cost time, and no answer" {
	for i in $(seq 8 15); do
		out=$BATS_TEST_TMPDIR/udp$i
		"$bin/lab-udp" --loss 20 --dup 20 --seed "$i" --owner $$ 0 \
			"$(port "$i")" >"$out" 2>&1 3>&- &
		echo $! >>"$BATS_FILE_TMPDIR/pids"
		until_in "$out" '[0-9]'
		host "lossy$i" "$(head -n 1 "$out")" "retransmit = 200ms"
	done
	run -0 rh status 'lossy[8-15]' --json
	[ "${#lines[@]}" -eq 8 ]
	[ "$(printf '%s\n' "${lines[@]}" | jq -r 'select(.power == "on").host')" = lossy11 ]
	[ "$(printf '%s\n' "${lines[@]}" | jq -r 'select(.power == "off").host' | wc -l)" -eq 7 ]
}

@test "many BMCs: names, and one that there is not" {
	host named1 "$(port 11)" "address = localhost"
	host named2 "$(port 12)" "address = localhost"
	host named3 "$(port 13)" "address = no-such-bmc.invalid"
	run -4 rh status 'named[1-3]'
	[[ $output == *'named1           on       (ipmi)'* ]]
	[[ $output == *'named2           off      (ipmi)'* ]]
	[[ $output == *'named3           unknown  the name no-such-bmc.invalid has no '* ]]
}
