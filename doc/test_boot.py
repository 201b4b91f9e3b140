#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hardware test in Python, with unittest: rhands does the work, JSON lines say
what it saw.

    HOST=demo SEQUENCE=demo python3 doc/test_boot.py

RHANDS is the program with its options, where `rhands` alone will not do.
"""

import json
import os
import shlex
import subprocess
import unittest

RHANDS = shlex.split(os.environ.get("RHANDS", "rhands"))
HOST = os.environ.get("HOST", "demo")
SEQUENCE = os.environ.get("SEQUENCE", "demo")


def rhands(verb, *arguments):
    """Runs rhands; returns its exit status and its events."""
    # The verb comes before the options.
    command = [RHANDS[0], verb, *RHANDS[1:], "--json", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def of(events, name):
    return [event for event in events if event["event"] == name]


class Boot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.status, cls.events = rhands("run", SEQUENCE, HOST)
        cls.verdict = of(cls.events, "verdict")[-1]

    def test_it_came_back(self):
        self.assertEqual(self.verdict["verdict"], "recovered", self.verdict["reason"])
        self.assertEqual(self.status, 0)

    def test_no_state_took_long(self):
        states = of(self.events, "state") + [self.verdict]
        for state, after in zip(states, states[1:]):
            with self.subTest(state=state["state"]):
                self.assertLess(after["at_ms"] - state["at_ms"], 60_000)

    def test_the_record_tells_the_same(self):
        status, lines = rhands("show", self.verdict["run"])
        self.assertEqual(status, 0)
        self.assertEqual(lines[0]["verdict"], self.verdict["verdict"])


if __name__ == "__main__":
    unittest.main()
