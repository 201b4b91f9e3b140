# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests of the command line share: a configuration that needs no BMC.

bats_require_minimum_version 1.5.0
rhands=${RHANDS:-$BATS_TEST_DIRNAME/../../rhands}

setup() {
	config=$BATS_TEST_TMPDIR/config
	records=$BATS_TEST_TMPDIR/records
	answers_pid=
	umask 077
	mkdir -p "$config"/{hosts.d,sequences.d,secrets}
	echo secret >"$config/secrets/bmc"
}

# host NAME: a good host with power and console; more lines from standard input.
host() {
	cat >"$config/hosts.d/$1.ini" <<-END
		[host]
		summary = the host $1
		address = 127.0.0.1
		groups = all
		recover = nap
		[power]
		driver = ipmi
		address = 127.0.0.1
		port = 1
		user = admin
		password = @file:$config/secrets/bmc
		[console]
		driver = ipmi
		address = 127.0.0.1
		port = 1
		user = admin
		password = @file:$config/secrets/bmc
	END
	[ -t 0 ] || cat >>"$config/hosts.d/$1.ini"
}

teardown() {
	[ -z "$answers_pid" ] || kill "$answers_pid"
}

# A port that somebody listens at, as $port.
answers() {
	[ -z "$answers_pid" ] || return 0
	socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr EXEC:cat \
		2>"$BATS_TEST_TMPDIR/answers" 3>&- &
	answers_pid=$!
	wait_for 5 grep -q 'listening on' "$BATS_TEST_TMPDIR/answers"
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$BATS_TEST_TMPDIR/answers")
}

# A sequence that touches nothing and recovers at once.
nap() {
	answers
	cat >"$config/sequences.d/nap.ini" <<-END
		[sequence]
		summary = Wait a moment
		start = nap
		deadline = 10s
		[state nap]
		do = wait 100ms, check tcp $port within 5s
		then = recovered
	END
}

good() {
	host ldap1 </dev/null
	nap
}

rh() {
	local verb=$1
	shift
	"$rhands" "$verb" --config "$config" --records "$records" "$@"
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

says() {
	[[ $output = *"$1"* ]] || {
		echo "expected: $1"
		echo "got: $output"
		return 1
	}
}

says_not() {
	[[ $output != *"$1"* ]] || {
		echo "not expected: $1"
		echo "got: $output"
		return 1
	}
}

# not COMMAND...: bats lets a "! COMMAND" that fails pass; this fails.
not() {
	! "$@"
}

status_is() {
	[ "$status" -eq "$1" ] || {
		echo "expected status $1, got $status: $output"
		return 1
	}
}

# Each line of the output is a JSON object with a version.
json_lines() {
	[ -n "$output" ]
	jq -es 'all(.[]; type == "object" and .version == 1)' <<<"$output" >/dev/null || {
		echo "no JSON lines: $output"
		return 1
	}
}
