#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What people are told of a maintenance: the notice and its calendar, the report;
# both pages in a real browser.

load cli-lib.bash
load maintain.bash

maintain() {
	run timeout 60 "$rhands" maintain night --config "$config" \
		--records "$records" "$@" </dev/null
	echo "$output"
}

# A program that takes mails, each into a file.
mailer() {
	cat >"$BATS_TEST_TMPDIR/sendmail" <<-END
		#!/bin/bash
		mail=\$(mktemp "$BATS_TEST_TMPDIR/mail.XXXXXX")
		exec cat >"\$mail"
	END
	chmod 700 "$BATS_TEST_TMPDIR/sendmail"
}

announced() {
	mailer
	plan "$@" '[announce]' 'to = staff@example.org, ops@example.org' \
		'from = rhands <noc@example.org>' \
		'services = directory, home directories & <b>web</b>' \
		'zones = Europe/Berlin America/New_York' \
		"mail = $BATS_TEST_TMPDIR/sendmail -t -oi"
}

mails() {
	find "$BATS_TEST_TMPDIR" -name 'mail.??????' | wc -l
}

# part MAIL TYPE: that part of the mail, decoded by another program.
part() {
	python3 - "$1" "$2" <<-'END'
	import email, email.policy, sys
	mail = email.message_from_binary_file(open(sys.argv[1], "rb"),
	                                      policy=email.policy.default)
	assert not mail.defects, mail.defects
	if sys.argv[2] == "subject":
	    print(mail["subject"])
	else:
	    found = [p for p in mail.walk() if p.get_content_type() == sys.argv[2]]
	    sys.stdout.buffer.write(found[0].get_payload(decode=True))
	END
}

# browser PAGE: what a browser makes of it, as text of its document.
browser() {
	local program
	program=$(command -v chromium-headless-shell || command -v chromium) ||
		skip "no chromium-headless-shell here"
	timeout 60 "$program" --headless --no-sandbox --disable-gpu \
		--user-data-dir="$BATS_TEST_TMPDIR/profile" "$@" \
		2>"$BATS_TEST_TMPDIR/browser.log"
}

@test "announce: the notice 48 hours ahead, once, and again before the start" {
	server nfs1
	begins='+60 hours' announced
	maintain --announce
	status_is 0
	says 'nothing is due; the next notice is at'
	begins='+47 hours' announced
	maintain --announce
	status_is 0
	says 'the notice was given to'
	maintain --announce
	says 'nothing is due; the next notice is at'
	[ "$(mails)" -eq 1 ]
	begins='+30 minutes' announced
	maintain --announce
	says 'the notice was given to'
	maintain --announce
	says 'all notices were sent'
	[ "$(mails)" -eq 2 ]
	begins='-2 minutes' announced
	maintain --announce
	status_is 2
	says 'too late for a notice'
}

@test "announce: a mail that other programs read, with a calendar" {
	server nfs1
	sed -i 's/^summary.*/summary = Dateien für alle/' "$config/hosts.d/nfs1.ini"
	plan '[announce]' 'to = a@example.org' 'from = b@example.org'
	sed -i 's/^begin.*/begin = 2099-12-05 22:00/; s/^zone.*/zone = Europe\/Berlin/
		s/^summary.*/summary = Wartung: neuer Kernel für alle Server, und noch viel mehr, mehr als in eine Zeile paßt/' \
		"$config/plans.d/night.ini"
	maintain --announce --dry-run
	status_is 0
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/mail"
	run part "$BATS_TEST_TMPDIR/mail" subject
	says 'Maintenance: Wartung: neuer Kernel für alle Server, und noch viel mehr, mehr als in eine Zeile paßt'
	run part "$BATS_TEST_TMPDIR/mail" text/plain
	says 'Sat 2099-12-05 22:00 CET to Sun 2099-12-06 00:00 CET'
	says 'Sat 2099-12-05 21:00 UTC to Sat 2099-12-05 23:00 UTC'
	says 'Dateien für alle'
	part "$BATS_TEST_TMPDIR/mail" text/calendar >"$BATS_TEST_TMPDIR/ics"
	# RFC 5545: CRLF, lines of 75 bytes at most, each whole in UTF-8
	[ "$(grep -c $'\r$' "$BATS_TEST_TMPDIR/ics")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/ics")" ]
	not env LC_ALL=C grep -qE '^.{77,}$' "$BATS_TEST_TMPDIR/ics"
	not env LC_ALL=C.UTF-8 grep -qvax '.*' "$BATS_TEST_TMPDIR/ics"
	run tr -d '\r' <"$BATS_TEST_TMPDIR/ics"
	says 'DTSTART:20991205T210000Z'
	says 'DTEND:20991205T230000Z'
	says 'Server\, und noch'
	[ ! -e "$records/maintenances/announced" ]
}

@test "announce: a mail program that fails is told, and it is due again" {
	server nfs1
	begins='+30 minutes' announced
	printf '#!/bin/sh\necho no route >&2\nexit 75\n' >"$BATS_TEST_TMPDIR/sendmail"
	maintain --announce
	status_is 1
	says 'no route'
	mailer
	maintain --announce
	status_is 0
	says 'the notice was given to'
	# nobody adds lines to the head of a mail
	plan '[announce]' 'to = a@example.org' '   Bcc: b@example.org' 'from = x'
	maintain --announce
	status_is 2
	says 'to: expected one line'
}

@test "report: what was done, by mail and as a page in a browser" {
	boots_to=hung server nfs1
	server web1 nfs1
	announced
	maintain
	status_is 0
	[ "$(mails)" -eq 1 ]
	run part "$BATS_TEST_TMPDIR"/mail.?????? subject
	[ "$output" = 'Maintenance done: A new kernel' ]
	run part "$BATS_TEST_TMPDIR"/mail.?????? text/plain
	[[ $output =~ 1\ \ web1\ +back\ +[0-9.]+s ]]
	[[ $output =~ 2\ \ nfs1\ +back\ +[0-9.]+s\ +needed\ hands:\ restart: ]]
	says 'EST'
	part "$BATS_TEST_TMPDIR"/mail.?????? text/html >"$BATS_TEST_TMPDIR/report.html"
	maintain --report --html
	cmp "$BATS_TEST_TMPDIR/report.html" - <<<"$output"
	run browser --dump-dom "file://$BATS_TEST_TMPDIR/report.html"
	status_is 0
	says '<title>Maintenance done: A new kernel</title>'
	[ "$(grep -c '<td class="back">back</td>' <<<"$output")" -eq 2 ]
	says 'needed hands: restart'
	browser --screenshot="$BATS_TEST_TMPDIR/report.png" --window-size=1000,700 \
		"file://$BATS_TEST_TMPDIR/report.html"
	[ "$(head -c 4 "$BATS_TEST_TMPDIR/report.png" | tail -c 3)" = PNG ]
}

@test "the notice as a page in a browser; what is foreign stays text" {
	three
	announced
	maintain --announce --dry-run
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/mail"
	part "$BATS_TEST_TMPDIR/mail" text/html >"$BATS_TEST_TMPDIR/notice.html"
	# the browser counts: rows of the hosts, and elements from the plan's text
	cat >>"$BATS_TEST_TMPDIR/notice.html" <<-'END'
		<script>document.title = document.querySelectorAll("#hosts tr").length
		+ " rows, " + document.querySelectorAll("b").length + " foreign, "
		+ document.querySelectorAll("td").length + " cells"</script>
	END
	run browser --dump-dom "file://$BATS_TEST_TMPDIR/notice.html"
	status_is 0
	says '<title>5 rows, 0 foreign, 16 cells</title>'
	says 'directory, home directories &amp; &lt;b&gt;web&lt;/b&gt;'
}

@test "report: of one that has no end, and where there was none" {
	three
	announced
	maintain --report
	status_is 2
	says 'there was no maintenance of night yet'
	"$rhands" maintain night --config "$config" --records "$records" \
		>"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	wait_for 10 grep -qs 'wave 2' "$BATS_TEST_TMPDIR/first"
	kill -TERM $!
	wait $! || true
	maintain --report
	status_is 0
	says 'Maintenance without an end: A new kernel'
	says '--resume goes on'
	[ "$(mails)" -eq 0 ]
}
