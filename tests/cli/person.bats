#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A person at the terminal, and one at another: questions of a run, and the answers
# that decide what it may claim. The terminal is a pty; a person's time is not
# waited for.

load cli-lib.bash

old9() {
	cat >"$config/hosts.d/old9.ini" <<-END
		[host]
		summary = no BMC
		[power]
		driver = manual
		place = rack 3, unit 12
		box = old9
		plug = B7
	END
}

# at_terminal VERB...: rhands at a terminal, driven by the Python on standard input:
# child is the terminal, rh(...) runs another rhands, status is to be set by end().
at_terminal() {
	cat - >"$BATS_TEST_TMPDIR/body.py"
	cat >"$BATS_TEST_TMPDIR/terminal.py" <<-'END'
		import os, pexpect, re, signal, subprocess, sys, time
		rhands, config, records = sys.argv[2:5]
		options = ["--config", config, "--records", records]
		child = pexpect.spawn(rhands, sys.argv[5:6] + options + sys.argv[6:],
		                      timeout=15, encoding="utf-8", dimensions=(25, 200))
		child.delaybeforesend = None
		child.logfile_read = sys.stdout
		def rh(verb, *args):
		    return subprocess.run([rhands, verb, *options, *args], text=True, timeout=20,
		                          stdin=subprocess.DEVNULL, capture_output=True)
		def end(status):
		    child.expect(pexpect.EOF)
		    child.close()
		    if child.exitstatus != status:
		        sys.exit(f"exit status {child.exitstatus}, expected {status}")
		exec(open(sys.argv[1]).read())
	END
	run timeout 60 /usr/bin/python3 "$BATS_TEST_TMPDIR/terminal.py" "$BATS_TEST_TMPDIR/body.py" \
		"$rhands" "$config" "$records" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

journal() {
	cat "$records"/runs/*/journal.jsonl
}

@test "person: done and on: a cycle, confirmed by what a person said" {
	old9
	at_terminal power old9 cycle <<-'END'
		child.expect("asks: go to rack 3, unit 12, box \"old9\": pull plug B7, wait 10s, put it back")
		child.expect("Type done when it has been done, or no if it can't be done .*: ")
		child.sendline("done")
		child.expect("is the power of old9 on or off now")
		child.expect("Type on, off or unknown .*: ")
		child.sendline(" ON ")
		child.expect("a person said so: cycle done, and on at")
		child.expect("done +in ")
		end(0)
	END
	[ "$(journal | jq -r 'select(.event == "question") | .text' | wc -l)" -eq 2 ]
	[ "$(journal | jq -r 'select(.event == "answer") | .answer + " " + .who' | paste -sd,)" = \
		'done terminal,on terminal' ]
	# announced on the disk before it was asked
	journal | jq -es 'map(.event + ":" + (.by // "")) |
		index("power-act:person") < index("question:") and
		index("question:") < index("power-acked:person")'
	[ -z "$(find "$records"/runs -name 'question*' -o -name 'answer*')" ]
	run rh show last
	echo "$output"
	says 'asks: go to rack 3'
	says 'answer: done'
}

@test "person: off, and the light still on: once more, then a failure" {
	old9
	at_terminal power old9 off <<-'END'
		for i in range(2):
		    child.expect("pull plug B7 and leave it out")
		    child.expect("be done .*: ")
		    child.sendline("done")
		    child.expect("unknown .*: ")
		    child.sendline("on")
		child.expect("failed")
		end(1)
	END
	[ "$(journal | jq -r 'select(.event == "power-acked") | .by' | wc -l)" -eq 2 ]
}

@test "person: who can't tell confirms nothing" {
	cat >"$config/sequences.d/cut.ini" <<-'END'
		[sequence]
		summary = off
		needs = power
		start = cut
		deadline = 20s
		[state cut]
		do = power off
		then = recovered "it is off"
	END
	old9
	sed -i 's/^plug.*/&\nconfirm = 5s/' "$config/hosts.d/old9.ini"
	at_terminal run cut old9 <<-'END'
		child.expect("be done .*: ")
		child.sendline("done")
		child.expect("unknown .*: ")
		child.sendline("unknown")
		end(4)
	END
	says "the person can't tell"
}

@test "person: no, and it needs hands, with the words of before" {
	old9
	at_terminal power old9 cycle <<-'END'
		child.expect("be done .*: ")
		child.sendline("no")
		child.expect("needs-hands after .*: go to rack 3, unit 12, box \"old9\": pull plug B7, wait 10s")
		end(3)
	END
}

@test "person: what was typed before the question is no answer" {
	cat >"$config/sequences.d/cut.ini" <<-'END'
		[sequence]
		summary = off
		needs = power
		start = cut
		deadline = 2m
		[state cut]
		do = wait 500ms, power off
		then = recovered "it is off"
	END
	old9
	at_terminal run cut old9 <<-'END'
		child.expect("cut: off")
		child.sendline("done")
		child.expect("be done .*: ")
		child.sendline("no")
		end(3)
	END
	journal | jq -es 'map(select(.event == "answer") | .answer) == ["no"]'
}

@test "person: other words are asked again" {
	old9
	at_terminal power old9 off <<-'END'
		child.expect("be done .*: ")
		child.sendline("yes \x1b[31m")
		child.expect("is no answer to that; expected done or no")
		child.expect("be done .*: ")
		child.sendeof()
		child.expect("expected done or no")
		child.expect("be done .*: ")
		child.sendline("no")
		end(3)
	END
	[[ $output != *$'\e[31m'*expected* ]]
	journal | jq -es 'map(select(.event == "answer")) | length == 1'
}

@test "person: Ctrl-C at the question ends it, and says that it may be off" {
	old9
	at_terminal power old9 off <<-'END'
		child.expect("be done .*: ")
		child.sendintr()
		child.expect("cancelled .*SIGINT in the middle of a power action: the host may be off")
		end(130)
	END
	[ -z "$(find "$records"/runs -name 'question*')" ]
}

@test "person: nobody answers by the deadline" {
	old9
	cat >"$config/sequences.d/cut.ini" <<-'END'
		[sequence]
		summary = off
		needs = power
		start = cut
		[state cut]
		do = power off
		then = recovered "it is off"
	END
	at_terminal run --deadline 4s cut old9 <<-'END'
		child.expect("be done .*: ")
		child.expect("no answer came in time")
		child.expect("needs-hands after .*: go to rack 3")
		end(3)
	END
	journal | jq -es 'any(.event == "unanswered")'
}

@test "person: an answer from another terminal" {
	old9
	at_terminal power old9 off <<-'END'
		child.expect("be done .*: ")
		seen = rh("runs", "old9").stdout
		assert re.search(r"running .*it asks: go to rack 3.* rhands answer --config \S+ --records \S+ old9 done\|no", seen), seen
		seen = rh("show", "last").stdout
		assert re.search(r"running +it asks: go to rack 3.* old9 done\|no", seen), seen
		seen = rh("answer", "old9").stdout
		assert "old9 asks: go to rack 3" in seen and "rhands answer old9 done|no" in seen, seen
		bad = rh("answer", "old9", "perhaps")
		assert bad.returncode == 2 and "expected done or no" in bad.stderr, bad
		good = rh("answer", "old9", "done")
		assert good.returncode == 0 and "answered: done" in good.stdout, good
		child.expect("done, says ")
		child.expect("unknown .*: ")
		good = rh("answer", "last", "off")
		assert good.returncode == 0, good
		child.expect("a person said so: off")
		end(0)
		none = rh("answer", "old9", "done")
		assert none.returncode == 1 and "nothing is asked" in none.stderr, none
		none = rh("answer", "last", "done")
		assert none.returncode == 1 and "is over, it asks nothing" in none.stderr, none
	END
	[ "$(journal | jq -r 'select(.event == "answer") | .who' | sort -u)" = "$(id -un)" ]
}

@test "person: a run that asks nothing now has nothing to answer" {
	old9
	host ldap1 </dev/null
	cat >"$config/sequences.d/nap.ini" <<-'END'
		[sequence]
		summary = Wait
		start = nap
		deadline = 30s
		[state nap]
		do = wait 20s
		then = failed "nobody cancelled it"
	END
	at_terminal run nap ldap1 <<-'END'
		child.expect("Wait")
		bad = rh("answer", "ldap1", "done")
		assert bad.returncode == 1 and "asks nothing now" in bad.stderr, bad
		bad = rh("answer", "no-such-run", "done")
		assert bad.returncode == 2, bad
		child.sendintr()
		end(130)
	END
}

@test "person: an answer of before, or of somebody else, is not taken" {
	old9
	at_terminal power old9 off <<-'END'
		child.expect("be done .*: ")
		import glob, json
		folder = glob.glob(records + "/runs/*")[0]
		def leave(number, text):
		    with open(folder + "/mine", "w") as f:
		        json.dump({"question": number, "answer": text}, f)
		    os.rename(folder + "/mine", folder + "/answer")
		    while os.path.exists(folder + "/answer"):
		        time.sleep(0.02)
		leave(7, "done")
		leave(1, "perhaps")
		os.symlink("/dev/zero", folder + "/answer")
		while os.path.lexists(folder + "/answer"):
		    time.sleep(0.02)
		os.mkfifo(folder + "/answer")
		while os.path.lexists(folder + "/answer"):
		    time.sleep(0.02)
		child.sendline("no")
		end(3)
	END
	journal | jq -es 'map(select(.event == "answer")) | length == 1'
}

@test "person: in the background it reads nothing, and can be answered" {
	old9
	cat >"$BATS_TEST_TMPDIR/job" <<-END
		set -m
		"$rhands" power --config "$config" --records "$records" old9 off &
		"$rhands" answer --config "$config" --records "$records" old9
		cat
		wait %1
	END
	run timeout 40 /usr/bin/python3 - "$BATS_TEST_TMPDIR/job" "$rhands" "$config" "$records" <<-'END'
		import pexpect, subprocess, sys
		job, rhands, *dirs = sys.argv[1:]
		child = pexpect.spawn("/bin/bash", [job], timeout=15, encoding="utf-8")
		child.delaybeforesend = None
		child.logfile_read = sys.stdout
		child.expect("be done .*: ")
		child.sendline("done")
		child.expect("done")
		said = subprocess.run([rhands, "answer", "--config", dirs[0], "--records", dirs[1],
		                       "old9", "no"], stdin=subprocess.DEVNULL, timeout=20)
		if said.returncode != 0:
		    sys.exit("not answered")
		child.expect("needs-hands")
		child.sendeof()
		child.sendeof()
		child.expect(pexpect.EOF)
	END
	echo "$output"
	[ "$status" -eq 0 ]
	journal | jq -es 'map(select(.event == "answer")) | length == 1 and .[0].answer == "no"'
}

@test "person: without a terminal, or with --json, nobody is asked" {
	old9
	run "$rhands" power --config "$config" --records "$records" old9 cycle </dev/null
	status_is 3
	says_not asks
	at_terminal power old9 cycle --json <<-'END'
		end(3)
	END
	[ -z "$(journal | grep '"question"')" ]
}

asks9() {
	cat >"$config/sequences.d/asks.ini" <<-'END'
		[sequence]
		summary = a person looks
		needs = power
		start = look
		deadline = 30s
		[state look]
		do = ask "Is the light of its disk green?"
		then = recovered "a person looked"
		else = failed "the light is not green"
		timeout = 20s -> needs-hands "look at the light of its disk"
	END
	old9
}

@test "person: ask, answered at the terminal" {
	asks9
	at_terminal run asks old9 <<-'END'
		child.expect("asks: Is the light of its disk green")
		child.expect("Type yes or no .*: ")
		child.sendline("perhaps")
		child.expect("yes or no .*: ")
		child.sendline("yes")
		end(0)
	END
	says 'a person said yes: Is the light of its disk green?'
}

@test "person: ask, answered from elsewhere; a no is the sequence's else" {
	asks9
	at_terminal run asks old9 <<-'END'
		child.expect("Type yes or no .*: ")
		assert rh("answer", "old9", "no").returncode == 0
		end(1)
	END
	says 'the light is not green'
}

@test "person: ask, and nobody answers: the timeout of the state decides" {
	asks9
	sed -i 's/timeout = 20s/timeout = 1s/' "$config/sequences.d/asks.ini"
	run rh run asks old9
	echo "$output"
	[ "$status" -eq 3 ]
	says 'look at the light of its disk'
	[ -z "$(find "$records"/runs -name 'question*' -o -name 'answer*')" ]
}
