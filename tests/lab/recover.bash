# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of recoveries share: a lab, a run, and looks at the truth.

here=$BATS_TEST_DIRNAME
rhands=${RHANDS:-$here/../../rhands}

setup() {
	dir=$BATS_TEST_TMPDIR/lab
	records=$BATS_TEST_TMPDIR/records
}

teardown() {
	[ ! -d "$dir" ] || "$here/lab" down "$dir"
}

# lab_up FAULT[,FAULT...]: the first one is where the machine hangs now.
lab_up() {
	"$here/lab" build
	"$here/lab" up "$dir" --boot "$1" --owner $$
	# shellcheck disable=SC1091
	. "$dir/env"
	# The real pace of an old BMC is kept for `make demo`.
	sed -i '/^\[power\]/a min-off = 1s\nmin-interval = 100ms' \
		"$LAB_CONFIG/hosts.d/ldap1.ini"
}

# wait_for SECONDS COMMAND...: until the command succeeds, or fails the test.
wait_for() {
	local limit=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$limit" ] || return 1
		read -r -t 0.05 <> <(:) || true
	done
}

machine_has_written() {
	grep -aq "$1" "$LAB_TRUTH"
}

recover() {
	run timeout 300 "$rhands" recover ldap1 --config "$LAB_CONFIG" \
		--records "$records" "$@"
	said=$output
	echo "$said"
}

# How often the BMC was told so ("set power 0"), from its own log.
acts() {
	grep -c "$1" "$dir/chassis.log" || true
}

run_json() {
	jq -r "$1" "$records"/runs/*/run.json
}

# The host is back in truth: an LDAP bind is answered, by other means than ours.
ldap_answers() {
	local answer
	answer=$(printf '\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00' |
		timeout 5 socat -t 3 - "TCP:127.0.0.1:$LAB_TCP_LDAP" | od -An -tx1 -N6)
	[ "$answer" = " 30 0c 02 01 01 61" ]
}

# What each recovery must show: exit status, words, record, and the truth.
assert_recovered() {
	[ "$status" -eq 0 ]
	[[ "$said" == *"recovered  in "* ]]
	[ "$(run_json .verdict)" = recovered ]
	[ "$(run_json .exit)" = 0 ]
	ldap_answers
	# No secret in the record.
	run ! grep -rq labroot "$records"
}
