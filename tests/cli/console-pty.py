#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""console-pty.py ROWS COLS COMMAND...: a person at a terminal, for tests of
`rhands console`. The command runs on a pseudo-terminal of that size; what the
person does and wants to see is on standard input, a line each:

  lines TEXT        what came by as lines has TEXT
  never TEXT        ... has not, so far
  screen TEXT       the screen that is painted has TEXT
  not TEXT          ... and not this
  style WORD [SGR]  ... with these attributes: 7, 1;31; none
  cursor ROW COL    ... and the cursor is there (from 1)
  type TEXT         keys, with \\e \\r \\n \\xNN
  size ROWS COLS    the window changes
  kill-hand         kills a child of the command
  signal NAME       signals the command
  mark FILE         makes a file: so far all came true
  end STATUS        it ends so, and the terminal is as it was

While the screen is shown, each sequence must be one that man rhands names: the
cursor's place, erase, colours and modes 7, 25, 1049; anything else fails, and no
control character comes. In the lines no string, mode, report or key change may
come. Each step is waited for 20 s, or LIMIT."""

import ast
import codecs
import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time

LIMIT = int(os.environ.get("LIMIT", "20"))
OURS = re.compile(r"\x1b\[(?:([0-9;]*)([HGKJm])|\?(7|25|1049)([hl]))")
FILTERED = re.compile(r"\x1b(?:\[[0-9;]*[A-HJKLMPSTX@dfmr`ea]|[78MDE])")


class Terminal:
    def __init__(self, rows, cols):
        self.saved, self.text = "", ""
        self.screen = self.wrap = self.hidden = False
        self.ever = False
        self.size(rows, cols)
        self.decode = codecs.getincrementaldecoder("utf-8")("strict").decode

    def size(self, rows, cols):
        self.rows, self.cols = rows, cols
        self.clear()

    def clear(self):
        self.cells = [[(" ", "")] * self.cols for _ in range(self.rows)]
        self.row = self.col = 0
        self.sgr = ""

    def feed(self, data):
        text = self.saved + self.decode(data)
        self.saved = ""
        while text:
            if text[0] == "\x1b":
                text = self.sequence(text)
                if text is None:
                    return
            else:
                self.character(text[0])
                text = text[1:]

    def sequence(self, text):
        ours = OURS.match(text)
        if ours and (self.screen or ours[3]):
            self.carry_out(*ours.groups())
            return text[ours.end():]
        lines = FILTERED.match(text)
        if lines and not self.screen:
            self.text += lines[0]
            return text[lines.end():]
        if re.fullmatch(r"\x1b(\[[?0-9;]*)?", text):
            self.saved = text
            return None
        sys.exit("a foreign sequence reached the terminal: %r" % text[:40])

    def carry_out(self, numbers, final, mode, on):
        if mode:
            self.mode(mode, on == "h")
            return
        n = [int(x) if x else 0 for x in numbers.split(";")]
        if final == "H":
            self.row = min(max(n[0], 1), self.rows) - 1
            self.col = min(max((n + [1])[1], 1), self.cols) - 1
        elif final == "K":
            assert n == [0], numbers
            self.cells[self.row][self.col:] = [(" ", "")] * (self.cols - self.col)
        elif final == "J":
            assert n == [2], numbers
            self.cells = [[(" ", "")] * self.cols for _ in range(self.rows)]
        elif final == "m":
            self.sgr = numbers[2:] if numbers.startswith("0;") else \
                "" if numbers in ("", "0") else self.sgr + ";" + numbers

    def mode(self, mode, on):
        if mode == "1049":
            self.screen = on
            self.ever |= on
            self.clear()
        elif mode == "7":
            self.wrap = on
        else:
            self.hidden = not on

    def character(self, c):
        if not self.screen:
            assert c >= " " and not "\x7f" <= c < "\xa0" or c in "\r\n\t\b", repr(c)
            self.text += c
            return
        assert c >= " " and not "\x7f" <= c < "\xa0", "a control: %r" % c
        self.col = min(self.col, self.cols - 1)     # mode 7 is off
        self.cells[self.row][self.col] = (c, self.sgr)
        self.col += 1

    def painted(self):
        return ["".join(c for c, _ in row) for row in self.cells]

    def styles(self, text):
        """Of each row that has the text, there."""
        for row, cells in zip(self.painted(), self.cells):
            at = row.find(text)
            if at >= 0:
                yield ",".join(sorted({s for _, s in cells[at:at + len(text)]}))


class Person:
    def __init__(self, rows, cols, command):
        self.terminal = Terminal(rows, cols)
        self.master, self.slave = os.openpty()
        self.window(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.closerange(3, 256)
            os.execvp(command[0], command)
        self.status = None

    def window(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.terminal.feed(os.read(self.master, 65536))
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                while select.select([self.master], [], [], 0.1)[0]:
                    self.terminal.feed(os.read(self.master, 65536))

    def until(self, what, true):
        limit = time.monotonic() + LIMIT
        while not true():
            if time.monotonic() > limit or (self.status is not None and what[0] != "end"):
                self.fail("did not come true: " + " ".join(what))
            self.read(0.05)

    def fail(self, why):
        t = self.terminal
        print(why, "\nlines:", t.text[-2000:], "\nscreen:", t.screen, (t.row, t.col))
        print("\n".join(row.rstrip() for row in t.painted()).rstrip(), "\nstatus:", self.status)
        print("styles:", *t.styles(why.split()[-2]))
        sys.exit(1)

    def kill_hand(self):
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as f:
            children = f.read().split()
        assert children, "it has no hand"
        os.kill(int(children[0]), signal.SIGKILL)

    def end(self, status):
        t = self.terminal
        self.until(("end",), lambda: self.status is not None)
        if self.status != status:
            self.fail("expected the status %d" % status)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal's settings"
        assert not t.screen and not t.hidden and (t.wrap or not t.ever), "the terminal"

    def step(self, word, rest):
        t = self.terminal
        if word == "lines":
            self.until((word, rest), lambda: rest in t.text)
        elif word == "never":
            if rest in t.text:
                self.fail("it came by: " + rest)
        elif word == "screen":
            self.until((word, rest), lambda: t.screen and any(rest in r for r in t.painted()))
        elif word == "not":
            self.until((word, rest), lambda: t.screen and not any(rest in r for r in t.painted()))
        elif word == "style":
            text, _, sgr = rest.partition(" ")
            self.until((word, rest), lambda: sgr in self.terminal.styles(text))
        elif word == "cursor":
            place = tuple(int(n) - 1 for n in rest.split())
            self.until((word, rest), lambda: (t.row, t.col) == place and not t.hidden)
        elif word == "type":
            text = ast.literal_eval('"' + rest.replace("\\e", "\\x1b").replace('"', '\\"') + '"')
            os.write(self.master, text.encode("latin-1"))
        elif word == "size":
            t.size(*map(int, rest.split()))
            self.window(t.rows, t.cols)
        elif word == "kill-hand":
            self.kill_hand()
        elif word == "mark":
            open(rest, "w").close()
        elif word == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + rest))
        elif word == "end":
            self.end(int(rest))
        else:
            sys.exit("an unknown step: " + word)


def main():
    person = Person(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
    try:
        for line in sys.stdin:
            word, _, rest = line.rstrip("\n").strip("\t").partition(" ")
            if word:
                person.step(word, rest)
    finally:
        if person.status is None:
            os.kill(person.pid, signal.SIGKILL)
            os.waitpid(person.pid, 0)


main()
