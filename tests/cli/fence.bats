#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The fence agent: as a cluster calls it, on a power strip that can lie.

load cli-lib.bash

rack() {
	pdu=$BATS_TEST_TMPDIR/pdu
	mkdir -p "$pdu"
	echo on >"$pdu/3"
	ln -s "$rhands" "$BATS_TEST_TMPDIR/fence_rhands"
	cat >"$config/hosts.d/web3.ini" <<-END
		[host]
		summary = the third, with a comma
		address = 127.0.0.1
		[power]
		driver = exec
		on = $BATS_TEST_DIRNAME/../lab/pdu $pdu 3 on
		off = $BATS_TEST_DIRNAME/../lab/pdu $pdu 3 off
		status = $BATS_TEST_DIRNAME/../lab/pdu $pdu 3 status
		status-on = /: on/
		status-off = /: off/
		min-off = 1s
		confirm = 5s
	END
}

# fence WORD=VALUE...: on standard input, as a cluster does it.
fence() {
	run timeout 60 "$BATS_TEST_TMPDIR/fence_rhands" < <(
		printf '%s\n' '# a comment' "config=$config" "records=$records" \
			'agent=fence_rhands' "$@")
	echo "$output"
}

acts() {
	paste -sd' ' "$pdu/acts"
}

@test "fence: the metadata is what fence agents say of themselves" {
	rack
	run -0 "$BATS_TEST_TMPDIR/fence_rhands" -o metadata
	xmllint --noout --relaxng /usr/share/cluster/relaxng/metadata.rng - <<<"$output"
	for action in on off reboot status monitor list metadata; do
		[[ $output == *"<action name=\"$action\""* ]]
	done
	[ "$("$rhands" fence -o metadata)" = "$output" ]
}

@test "fence: off is success when it was seen off, and on again" {
	rack
	fence action=off plug=web3
	[ "$status" -eq 0 ]
	[ "$(cat "$pdu/3")" = off ]
	fence action=status plug=web3
	[ "$status" -eq 2 ]
	fence action=on port=web3
	[ "$status" -eq 0 ]
	[ "$(acts)" = 'off on' ]
	fence action=status nodename=web3
	[ "$status" -eq 0 ]
}

@test "fence: a strip that says OK and does nothing is no success" {
	rack
	echo lies >"$pdu/fault"
	fence action=off plug=web3
	[ "$status" -eq 1 ]
	[[ $output == *'web3: power off: failed: '*'not executed'* ]]
}

@test "fence: a strip that can't be asked is no success" {
	rack
	echo mute >"$pdu/fault"
	fence action=off plug=web3 power_timeout=8
	[ "$status" -eq 1 ]
	fence action=status plug=web3
	[ "$status" -eq 1 ]
	[[ $output == *'Status: UNKNOWN'* ]]
}

@test "fence: reboot is the default; off first, seen, then on" {
	rack
	fence plug=web3
	[ "$status" -eq 0 ]
	[ "$(acts)" = 'off on' ]
	[ "$(cat "$pdu/3")" = on ]
	# A record for each, as of any run.
	[ "$(find "$records/runs" -name run.json | wc -l)" -eq 2 ]
}

@test "fence: list, monitor and validate-all" {
	rack
	fence action=list
	[ "$output" = 'web3,the third' ]
	fence action=list-status
	[ "$output" = 'web3,the third,on' ]
	fence action=monitor
	[ "$status" -eq 0 ]
	fence action=monitor plug=web3
	[ "$status" -eq 0 ]
	fence action=validate-all plug=web3
	[ "$status" -eq 0 ]
}

@test "fence: by options, as a person tries it" {
	rack
	run timeout 60 "$BATS_TEST_TMPDIR/fence_rhands" --config="$config" \
		--records="$records" -n web3 -o off
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cat "$pdu/3")" = off ]
}

@test "fence: what is wrong is a failure, and touches nothing" {
	rack
	host sick </dev/null
	for words in 'action=off' 'action=off plug=wep3' 'action=off plug=all' \
		'action=off plug=web[3]' 'action=blow plug=web3' \
		'action=off plug=web3 power_timeout=soon'; do
		fence $words
		[ "$status" -eq 1 ]
		[ -n "$output" ]
	done
	[ ! -e "$pdu/acts" ]
}
