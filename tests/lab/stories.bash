# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of the stories share: a host of hosts.d as one of the lab.

teardown() {
	local pid

	if [ -f "$BATS_TEST_TMPDIR/pids" ]; then
		while read -r pid; do
			pkill -KILL -P "$pid" || true
			kill -KILL "$pid" 2>/dev/null || true
		done <"$BATS_TEST_TMPDIR/pids"
	fi
	[ ! -d "$dir" ] || "$here/lab" down "$dir"
}

# ours PID: ended by teardown.
ours() {
	disown "$1"
	echo "$1" >>"$BATS_TEST_TMPDIR/pids"
}

# host NAME: hosts.d/NAME.ini as a host of the lab; no other host is there.
host() {
	rm -f "$LAB_CONFIG"/hosts.d/*
	cat >"$LAB_CONFIG/hosts.d/rack3-ipmi.template" <<-END
	[power]
	driver = ipmi
	port = $LAB_BMC_PORT
	user = $LAB_BMC_USER
	password = @file:$LAB_BMC_PASSWORD_FILE
	workarounds = opensesspriv
	min-off = 1s
	min-interval = 100ms

	[console]
	driver = ipmi
	port = $LAB_BMC_PORT
	user = $LAB_BMC_USER
	password = @file:$LAB_BMC_PASSWORD_FILE
	workarounds = opensesspriv solchannelsupport solpayloadsize
	END
	sed -e 's|^address .*|address = 127.0.0.1|' \
		-e "s|^port  *= 22$|port = $LAB_TCP_SSH|" \
		-e "s|^key .*/recovery-key|password = @file:$LAB_CONFIG/secrets/root|" \
		-e "s|/etc/remotehands/known_hosts|$LAB_CONFIG/known_hosts|" \
		-e "s|^root-password .*|root-password = @file:$LAB_CONFIG/secrets/root|" \
		-e "s|^http_port .*|http_port = $LAB_TCP_HTTP|" \
		-e "s|^ssh_port .*|ssh_port = $LAB_TCP_SSH|" \
		-e "s|^ldap_port .*|ldap_port = $LAB_TCP_LDAP|" \
		"$here/../../hosts.d/$1.ini" >"$LAB_CONFIG/hosts.d/$1.ini"
}

# The machine is off when the run begins: that saves the time of asking it.
switched_off() {
	"$here/lab" power "$dir" off
}

# recover_host NAME
recover_host() {
	run timeout 100 "$rhands" recover "$1" --config "$LAB_CONFIG" \
		--records "$records"
	said=$output
	echo "$said"
}

# How often the journal has this event.
events() {
	cat "$records"/runs/*/journal.jsonl 2>/dev/null | grep -c "\"event\":\"$1\"" ||
		true
}

said_in_order() {
	local rest=$said words

	for words in "$@"; do
		[[ $rest == *"$words"* ]] || {
			echo "not said, or not in this order: $words"
			return 1
		}
		rest=${rest#*"$words"}
	done
}

recovered_and_recorded() {
	[ "$status" -eq 0 ]
	[[ "$said" == *"recovered "*" in "* ]]
	[ "$(run_json .verdict)" = recovered ]
	run ! grep -rqE 'labroot|labpass' "$records"
}

