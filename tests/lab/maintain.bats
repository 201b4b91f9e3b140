#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A maintenance of three real machines: LDAP last, its console prompt answered; the
# services of one started by hand over SSH. The truth is on their consoles.

bats_require_minimum_version 1.5.0
load recover.bash
load stories.bash

teardown() {
	local name
	for name in git1 translations ldap1; do
		[ ! -d "$BATS_TEST_TMPDIR/$name" ] ||
			"$here/lab" down "$BATS_TEST_TMPDIR/$name"
	done
}

# machine NAME BOOTS: a lab of its own, whose host goes to the common configuration.
machine() {
	local to=$config/hosts.d
	"$here/lab" up "$BATS_TEST_TMPDIR/$1" --boot "$2" --owner $$
	# shellcheck disable=SC1090,SC1091
	. "$BATS_TEST_TMPDIR/$1/env"
	host "$1"
	sed "s/^inherits .*/inherits = $1-ipmi/" "$LAB_CONFIG/hosts.d/$1.ini" >"$to/$1.ini"
	cp "$LAB_CONFIG/hosts.d/rack3-ipmi.template" "$to/$1-ipmi.template"
	# its own BMC is that of the template
	sed -i '/^port  *= 9001$/d' "$to/$1.ini"
	truth[$1]=$LAB_TRUTH
	port[$1]=$LAB_TCP_LDAP
}

boots() {
	grep -ac 'Linux version' "${truth[$1]}"
}

booted() {
	grep -aq 'oldhost login:' "${truth[$1]}"
}

three_machines() {
	local name
	declare -gA truth port
	umask 077
	config=$BATS_TEST_TMPDIR/config
	mkdir -p "$config"/{hosts.d,sequences.d,plans.d}
	cp "$here"/../../sequences.d/*.ini "$config/sequences.d/"
	chmod 600 "$config"/sequences.d/*
	sed -i 's/every 2s for 30s/every 1s for 5s/' \
		"$config/sequences.d/web-services.ini"
	"$here/lab" build
	machine git1 acpi,acpi
	machine translations normal,no-services
	machine ldap1 normal,f1
	sed -i '/^needs/s/nfs1//; /^needs *= *$/d' "$config"/hosts.d/*.ini
	cat >"$config/plans.d/night.ini" <<-END
		[maintenance]
		summary = A new kernel
		hosts = all
		begin = $(date -u -d '-2 minutes' '+%Y-%m-%d %H:%M')
		zone = UTC
		length = 12h
		back = 20s
	END
	for name in git1 translations ldap1; do
		wait_for 90 booted $name
	done
}

@test "a maintenance of three machines: LDAP last, F1 pressed, services started" {
	three_machines
	run timeout 500 "$rhands" maintain night --config "$config" \
		--records "$records" </dev/null
	said=$output
	echo "$said"
	[ "$status" -eq 0 ]
	said_in_order 'wave 1 of 2: git1,translations' \
		'wave 2 of 2: ldap1' 'ldap1            back in' \
		'recovered: all hosts are back'
	[[ $said == *'translations     recovering'*'translations     back in '*', recovered'* ]]
	[ "$(boots git1)" -eq 2 ]
	[ "$(boots translations)" -eq 2 ]
	[ "$(boots ldap1)" -eq 2 ]
	# the prompt was there, and its answer; then LDAP answers
	grep -aq 'Strike the F1' "${truth[ldap1]}"
	LAB_TCP_LDAP=${port[ldap1]}
	ldap_answers
	grep -rqxF '$ start-services' "$records"/runs/*translations-web-services*/evidence
	run timeout 20 "$rhands" maintain night --config "$config" \
		--records "$records" --report
	echo "$output"
	[[ $output == *'translations     back '*'needed hands: it was not healthy within 20s'* ]]
	run ! grep -rqE 'labroot|labpass' "$records"
}
