#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A run is killed with SIGKILL at each write to its journal, and the next one
# follows: right before it, when an act is done and its answer not written down; in
# the middle of it, as where the power fails; and right after it. A run that nobody
# kills says how many writes there are, and each of them is reached: a run that has
# fewer is run again. The hosts are twins, the truth is the twin's own list of what
# was done to it. Each case has its own twin. rhands-killed is rhands with
# journal-shim.c; LAB_BIN names the folder of the tools.

bats_require_minimum_version 1.5.0

setup_file() {
	export here=$BATS_TEST_DIRNAME
	export rhands=${RHANDS:-$here/../../rhands}
	export bin=${LAB_BIN:-$here}
	export stories=$BATS_FILE_TMPDIR
	local story

	[ -x "$bin/rhands-killed" ] || skip "no $bin/rhands-killed"
	umask 077
	echo hunter2 >"$stories/secret"
	old_ldap
	web_services
	restart_gently
	for story in old-ldap web-services restart-host; do
		(set +e; kill_everywhere "$story") >"$stories/$story/log" 2>&1 3>&- &
	done
	wait
}

# ---- the stories ---------------------------------------------------------------

# host RECOVER VAR: a host h that is a twin; the folder of the story in $config.
host() {
	config=$stories/$1/config
	mkdir -p "$config"/{hosts.d,twins.d}
	cp -r "$here/../../sequences.d" "$config"
	chmod -R u+w,go-w "$config"
	(umask 077 && printf '[guard]\nenabled = no\n' >"$config/rhands.ini")
	echo "$2" >"$stories/$1/vars"
	cat >"$config/hosts.d/h.ini" <<-END
	[host]
	recover = $1
	[power]
	driver = twin
	min-off = 1s
	confirm = 5s
	[console]
	driver = twin
	[shell]
	driver = twin
	[check]
	driver = twin
	[secrets]
	root-password = @file:$stories/secret
	[vars]
	$2
	END
}

# Always F1, then fsck, without the waits.
old_ldap() {
	host old-ldap ldap_port=389
	sed 's/^then  *= f1 or .*/then = f1/; s/^then  *= up\*.*/then = fsck/
		s/wait [0-9a-z]*\( to [0-9a-z]*\)*/wait 20ms/' \
		"$here/../../twins.d/old-ldap.ini" >"$config/twins.d/h.ini"
}

web_services() {
	host web-services http_port=80
	sed -i 's/within 30s every 2s for 30s/within 10s every 500ms for 1s/' \
		"$config/sequences.d/web-services.ini"
	cat >"$config/twins.d/h.ini" <<-'END'
	[twin]
	start = hung
	on = boot
	off = off
	[port 80]
	answer = "HTTP/1.0 200 OK\r\n\r\n"
	[state off]
	power = off
	[state hung]
	[state boot]
	boots = yes
	do = print "Linux version 6.1\r\n", wait 20ms
	then = up
	[state up]
	ssh = yes
	open = 22
	do = print "\r\nh login: "
	on shell = /start-services/ : say "started\n" -> serving
	[state serving]
	ssh = yes
	open = 22 80
	healthy = yes
	on shell = /start-services/ : say "they run\n"
	END
}

# At first nobody answers but the power button; later the shell does.
restart_gently() {
	host restart-host port=80
	cat >"$config/sequences.d/restart-host.ini" <<-'END'
	[sequence]
	needs = power console shell
	deadline = 30m
	start = restart
	[state restart]
	do = restart gently
	then = boot
	[state boot]
	timeout = 1m -> failed "it did not come back"
	on = /login: $/ -> services
	[state services]
	do = check ssh within 10s
	then = recovered
	END
	cat >"$config/twins.d/h.ini" <<-'END'
	[twin]
	start = lonely
	on = boot
	off = off
	[always]
	on power = soft : print "Power down\r\n" -> off
	[state off]
	power = off
	[state lonely]
	[state boot]
	boots = yes
	do = wait 50ms, print "Linux version 6.1\r\n", wait 20ms
	then = up
	[state up]
	ssh = yes
	open = 22
	healthy = yes
	do = print "\r\nh login: "
	on shell = /^shutdown -r now/ : drop -> boot
	END
}

# ---- killing --------------------------------------------------------------------

# killed STORY POINT: a run is killed there, on a twin of its own.
killed() {
	local case=$stories/$1/${2/ /-}

	rm -rf "$case"
	mkdir "$case"
	JOURNAL_KILL=$2 timeout 60 "$bin/rhands-killed" recover h \
		--config "$stories/$1/config" --records "$case" \
		>"$case/out1" 2>&1 </dev/null
	echo $? >"$case/status1"
	[ "$(<"$case/status1")" -eq 137 ]
}

# twice STORY POINT: two runs, the first one killed there. One that came to its
# end had fewer writes than the one that was counted, by chance: once more.
twice() {
	local config=$stories/$1/config case=$stories/$1/${2/ /-} vars try

	read -r vars <"$stories/$1/vars"
	for try in 1 2 3 4 5; do
		killed "$1" "$2" && break
	done
	timeout 60 "$rhands" recover h --config "$config" --records "$case" \
		>"$case/out2" 2>&1 </dev/null
	echo $? >"$case/status2"
	"$bin/twin-truth" "$config/twins.d/h.ini" "$case/twins/h" h "$vars" \
		>"$case/truth" 2>&1
}

# One run to its end, for its count of writes; then one is killed at each.
kill_everywhere() {
	local story=$stories/$1 writes n when

	JOURNAL_COUNT=$story/writes timeout 60 "$bin/rhands-killed" recover h \
		--config "$story/config" --records "$story/whole" || return
	read -r writes <"$story/writes"
	for when in before torn after; do
		for ((n = 1; n <= writes; n++)); do
			echo "$when $n" >>"$story/points"
			twice "$1" "$when $n" &
		done
		wait
	done
}

# ---- judging --------------------------------------------------------------------

complain() {
	echo "$case: $*"
}

# The acts of a run in its own words, announced before they are sent, a line each.
announced() {
	jq -rR 'fromjson? | select(.event == "power-act").act' "$1/journal.jsonl"
}

# What was done to the twin, in the same words: power, and the command that
# restarts it ("shutdown", in hexadecimal).
done_to() {
	sed -n 's/^[0-9]* power //p
		s/^[0-9]* shell 73687574646f776e.*/restart by shell/p' "$1"
}

# Which of the two records is that of the run that was killed.
find_runs() {
	local runs=("$case"/runs/*)

	[ "${#runs[@]}" -eq 2 ] || return 1
	first=${runs[0]} second=${runs[1]}
	if ! grep -qF "$(basename "$second")" "$first/run.json"; then
		first=${runs[1]} second=${runs[0]}
	fi
}

judge() {
	local case=$1 first second status2 acts1 acts2 did name1 name2

	status2=$(<"$case/status2")
	[ "$(<"$case/status1")" -eq 137 ] || complain "it was not killed there, in five runs"
	find_runs || { complain "there are no two records"; return; }
	name1=$(basename "$first") name2=$(basename "$second")
	# The second one tells about the first one, and gives it its verdict.
	jq -e --arg run "$name2" '.verdict == "unknown" and (tostring | contains($run))' \
		"$first/run.json" >/dev/null || complain "the first run has no verdict"
	grep -qF "the run $name1 was killed" "$case/out2" ||
		complain "the second run does not tell about the first one"
	# It does nothing before it has read the state.
	jq -es '(map(.event == "power-act") | index(true)) as $act |
		(map(.event == "power-read" and .power != "unknown") | index(true)) as $read |
		$act == null or ($read != null and $read < $act)' \
		"$second/journal.jsonl" >/dev/null || complain "an act without a reading"
	# What was announced was done, once, and nothing else: but for the last act
	# of the run that was killed, which it may not have come to.
	acts1=$(announced "$first") acts2=$(announced "$second") did=$(done_to "$case/twins/h")
	[ "$did" = "$(printf '%s\n' "$acts1" "$acts2" | grep .)" ] ||
		[ "$did" = "$(printf '%s\n' "$(sed '$d' <<<"$acts1")" "$acts2" | grep .)" ] ||
		complain "announced:" $acts1 / $acts2 ", done:" $did
	# It ends well, and that is true.
	[ "$status2" -eq 0 ] || complain "ends with $status2: $(tail -n 3 "$case/out2")"
	[[ $(<"$case/truth") = *" on healthy" ]] || complain "but it is $(<"$case/truth")"
	echo "$status2" >"$case/judged"
}

# All points of a story, and there are all: each was reached, and judged to its end,
# and nobody complains.
judge_all() {
	local story=$stories/$1 point count writes

	cat "$story/log"
	read -r writes <"$story/writes"
	[ "$writes" -gt 20 ]
	[ "$writes" -eq "$(wc -l <"$(echo "$story"/whole/runs/*/journal.jsonl)")" ]
	count=$(wc -l <"$story/points")
	[ "$count" -eq $((3 * writes)) ]
	while read -r point; do
		(set +e; judge "$story/${point/ /-}") 3>&- &
	done <"$story/points" >"$story/complaints" 2>&1
	wait
	cat "$story/complaints"
	[ ! -s "$story/complaints" ]
	[ "$(cat "$story"/*/status1 | grep -cx 137)" -eq "$count" ]
	[ "$(cat "$story"/*/judged | wc -l)" -eq "$count" ]
	echo "# $count points: before, in and after each of $writes writes" >&3
}

# some STORY WORDS: they were said by a second run at least once.
some() {
	grep -qF "$2" "$stories/$1"/*/out2
}

@test "old-ldap: killed at each write of its journal" {
	judge_all old-ldap
	some old-ldap 'it had sent no power action'
	some old-ldap 'it may have sent power off at'
	some old-ldap 'it may have sent power on at'
	some old-ldap 'the power is off: cycle becomes on'
	some old-ldap 'was healthy, nothing was touched'
}

@test "web-services: killed at each write of its journal" {
	judge_all web-services
	some web-services 'acknowledged but not confirmed: the state is read first'
}

@test "restart gently: killed at each write of its journal" {
	judge_all restart-host
	some restart-host 'it may have sent'
	some restart-host 'restarted by shell (rung 1 of 5)'
	some restart-host 'restarted by soft (rung 2 of 5)'
}
