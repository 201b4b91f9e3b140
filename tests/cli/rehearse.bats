#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `rhands rehearse` as a user sees it: reports, replays, files, exit statuses.

load cli-lib.bash

tree=$BATS_TEST_DIRNAME/../..

shipped() {
	mkdir -p "$config/twins.d"
	cp "$tree"/sequences.d/* "$config/sequences.d/"
	cp "$tree"/twins.d/* "$config/twins.d/"
	chmod -R u=rwX,go= "$config"
}

# A twin that a power cycle always brings back, and a sequence for it.
small() {
	mkdir -p "$config/twins.d"
	cat >"$config/twins.d/small.ini" <<-'END'
		[twin]
		summary = A host that hangs once
		start = hung
		on = post
		off = off
		[vars]
		port = 80
		[state off]
		power = off
		[state hung]
		[state post]
		do = print "Linux version 6\r\n", wait 2s
		then = up
		[state up]
		healthy = yes
		open = ${port}
		do = print "\r\nlogin: "
	END
	cat >"$config/sequences.d/small.ini" <<-'END'
		[sequence]
		summary = Cycle it
		needs = power console
		deadline = 10m
		start = cycle
		[state cycle]
		visits = 2 -> needs-hands "it does not come up"
		do = power cycle
		then = boot
		[state boot]
		timeout = 1m -> cycle
		on = /login: $/ -> check
		[state check]
		do = check tcp ${port} within 20s
		then = recovered
		else = needs-hands "no answer"
	END
}

# The same, and it believes the kernel's first line.
bad() {
	small
	sed 's|^on = .*|on = /Linux/ -> recovered|; /^timeout/s/cycle/check/' \
		"$config/sequences.d/small.ini" >"$config/sequences.d/bad.ini"
}

@test "a rehearsal without a fault recovers, and the oracle has no complaint" {
	small
	run --separate-stderr rh rehearse small --faults none --seeds 50
	status_is 0
	says "50 rehearsals, seeds 1 to 50"
	says "recovered           50  100.0 %"
	says "The oracle has no complaint."
	says "login:"
	[ -z "$stderr" ]
	[ "$(wc -L <<<"$output")" -le 80 ]
	[ ! -e "$records" ]
}

@test "the same seeds are the same rehearsals, in one process or in three" {
	small
	rh rehearse small --seeds 500 --json | jq 'del(.seconds)' >"$BATS_TEST_TMPDIR/one"
	rh rehearse small --seeds 500 --json --jobs 3 | jq 'del(.seconds)' >"$BATS_TEST_TMPDIR/three"
	[ -s "$BATS_TEST_TMPDIR/one" ]
	cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/three"
	rh rehearse small --seed 7 --trace >"$BATS_TEST_TMPDIR/a"
	rh rehearse small --from 7 --seeds 1 --trace >"$BATS_TEST_TMPDIR/b"
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "--trace shows a rehearsal as a run, with its faults" {
	small
	run rh rehearse small --faults P02 --seed 3 --trace
	status_is 0
	says "cycle      off seen twice"
	says "fault      P02: power acts are acknowledged and not done"
	says "act        off"
	says "seed 3, with P02"
	says "oracle     no complaint"
	run rh rehearse small --faults P02 --seed 3 --trace --json
	status_is 0
	json_lines
	jq -es 'any(.[]; .event == "fault" and .fault == "P02")' <<<"$output"
	jq -es '.[-1].event == "verdict"' <<<"$output"
}

@test "--trace says of the evidence what is so" {
	small
	run rh rehearse small --faults none --trace
	says "before     power on;"
	sed -i 's/^start = hung/start = off/' "$config/twins.d/small.ini"
	run rh rehearse small --faults none --trace
	status_is 0
	says "before     power off;"
	says "cycle      the power is off: cycle becomes on"
}

@test "a false recovered is a complaint, with the command that replays it" {
	bad
	run rh rehearse bad --twin small --faults none --seeds 20
	status_is 1
	says "The oracle complains of"
	says "recovered, but the host is not healthy"
	local replay
	replay=$(sed -n 's/^    rhands rehearse/rehearse/p' <<<"$output")
	[ -n "$replay" ]
	run "$rhands" $replay
	status_is 1
	says "oracle     recovered, but the host is not healthy"
}

@test "the command that replays it can be pasted" {
	bad
	local moved="$BATS_TEST_TMPDIR/it's here"
	cp -r "$config" "$moved"
	run rh rehearse bad --config "$moved" --twin small --faults none --seeds 1
	status_is 1
	says "complains of 1 rehearsal:"
	local replay
	replay=$(sed -n 's/^    rhands //p' <<<"$output")
	run bash -c "'$rhands' $replay"
	status_is 1
	says "oracle     recovered, but the host is not healthy"
}

@test "--junit is XML with the failures in it" {
	bad
	rh rehearse small --seeds 50 --junit "$BATS_TEST_TMPDIR/good.xml" >/dev/null
	rh rehearse bad --twin small --faults none --seeds 50 \
		--junit "$BATS_TEST_TMPDIR/bad.xml" >/dev/null || true
	run python3 - "$BATS_TEST_TMPDIR/good.xml" "$BATS_TEST_TMPDIR/bad.xml" <<-'END'
		import sys, xml.etree.ElementTree as e
		for name in sys.argv[1:]:
		    suite = e.parse(name).getroot()
		    cases = suite.findall('testcase')
		    assert int(suite.get('tests')) == len(cases) > 0
		    print(suite.get('name'), len(suite.findall('testcase/failure')))
	END
	status_is 0
	says "small 0"
	says "bad 1"
	run rh rehearse small --seeds 1000000000 --junit "$BATS_TEST_TMPDIR/none/x.xml"
	status_is 2
	says "none/x.xml: No such file or directory"
}

@test "what was never visited is named as it is written" {
	small
	sed -i 's/^timeout.*/&\non idle = 50s -> cycle\non screen = \/a\\.b\/ -> cycle/' \
		"$config/sequences.d/small.ini"
	run rh rehearse small --seeds 1 --faults none
	status_is 0
	says "  never: line 12: boot: on idle 50s"
	says '  never: line 13: boot: on screen /a\.b/'
}

@test "a sequence without a twin, that another one runs" {
	shipped
	rm "$config/twins.d/nfs-up.ini"
	sed -i 's/run linux-boot/run nfs-up/' "$config/sequences.d/web-services.ini"
	run --separate-stderr rh rehearse nfs-up
	status_is 2
	[[ $stderr = *"nfs-up has no twin of its own; it is rehearsed as a part of web-services: rhands rehearse web-services"* ]]
	[ -z "$output" ]
}

@test "one that returns is rehearsed with those that run it, also with a twin" {
	shipped
	run --separate-stderr rh rehearse linux-boot
	status_is 2
	[[ $stderr = *"linux-boot returns to the sequence that runs it, and is rehearsed as a part of that: rhands rehearse nfs-up"* ]]
	run --separate-stderr rh rehearse linux-boot --twin web-services
	status_is 2
	[[ $stderr = *"linux-boot returns to the sequence"* ]]
	sed -i 's/run linux-boot/wait 1s/' "$config"/sequences.d/*.ini
	run --separate-stderr rh rehearse linux-boot
	status_is 2
	[[ $stderr = *"returns to a sequence that runs it, and none does"* ]]
}

@test "ends that differ in a boot id alone are one" {
	shipped
	run rh rehearse web-services --seeds 200 --json
	status_is 0
	jq -e 'all(.ends[]; .reason | test("boot id (?!#-#-#-#-#)") | not)' <<<"$output"
	jq -e '[.ends[] | select(.reason | startswith("ssh answers, boot id #"))] |
		length == 1 and .[0].count > 10' <<<"$output"
}

@test "what is wrong is said, with status 2" {
	small
	local try
	for try in "smal:did you mean \"small\"" "small --twin smal:did you mean \"small\"" \
		"small --twin no:there is no twin" "small --twin ../x:there is no twin" \
		"small --faults P99:there is no fault" "small --seeds 0:--seeds 0" \
		"small --from x:--from x" "small --seed -1:--seed -1" "small --jobs 0:--jobs 0" \
		"small --trace --seeds 5:one rehearsal" "small --host nobody:no host"; do
		run rh rehearse ${try%%:*}
		status_is 2
		says "${try#*:}"
	done
	echo "nonsense = 1" >>"$config/twins.d/small.ini"
	run rh rehearse small
	status_is 2
	says "twins.d/small.ini:18"
}

@test "vars come from the host, and from the twin where there is none" {
	small
	nap
	host ldap1 <<-END
		[vars]
		port = 8080
	END
	run rh rehearse small --seed 1 --faults none --trace
	says "tcp 80 answers"
	run rh rehearse small --seed 1 --faults none --trace --host ldap1
	says "tcp 8080 answers"
}

@test "a wrong twin is shown with the line and a caret" {
	small
	sed -i 's/^then = up/then = upp/; s/^healthy = yes/helthy = yes/' \
		"$config/twins.d/small.ini"
	run --separate-stderr rh rehearse small
	status_is 2
	echo "$stderr"
	[[ $stderr = *'twins.d/small.ini:13:8: error: there is no state "upp"; did you mean "up"?
    13 | then = upp
      |        ^~~'* ]]
	[[ $stderr = *'    15 | helthy = yes
      | ^~~~~~'* ]]
}

# A screen that was cleared in the middle of an echo left nothing to erase, and
# the machine waited for keys that were none, without end.
@test "rehearsals that once found a bug find it no more" {
	shipped
	local one
	for one in "uefi-menu 5003783" "nfs-last 60051" "nfs-last 29379" "nfs-last 4260" "nfs-last 227"; do
		run rh rehearse ${one% *} --seed ${one#* }
		status_is 0
	done
}

@test "what opens no way needs no secret; what does, does" {
	small
	host web1 </dev/null
	rm "$config/secrets/bmc"
	sed -i 's/^recover.*/recover = small/' "$config/hosts.d/web1.ini"
	printf '[vars]\nport = 80\n' >>"$config/hosts.d/web1.ini"
	run rh rehearse small --host web1 --seeds 20
	status_is 0
	run rh graph small --host web1
	status_is 0
	run rh plan reboot web1
	status_is 0
	run rh recover web1
	status_is 2
	says 'secret file'
}
