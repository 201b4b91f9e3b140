#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet-pty.py ROWS COLS COMMAND...: what a terminal of that size shows of the live
table, for tests. Of the screen, each time that it has changed, it prints the lines
behind a line "== N", the number of lines that were scrolled out at the top. Its exit
status is that of the command, or 99 where something came that a table does not
need."""

import fcntl
import os
import re
import struct
import sys
import termios

PIECE = re.compile(r"\x1b\[([0-9]*)([AJ])|[\r\n]|[^\x00-\x1f\x7f-\x9f]")


class Screen:
    def __init__(self, rows, cols):
        self.rows, self.cols, self.out = rows, cols, 0
        self.lines = [""]
        self.row = self.col = 0

    def down(self):
        self.row, self.col = self.row + 1, 0
        if self.row == len(self.lines):
            self.lines.append("")
        if len(self.lines) > self.rows:
            self.lines.pop(0)
            self.row -= 1
            self.out += 1

    def put(self, c):
        if self.col == self.cols:
            self.down()
        line = self.lines[self.row].ljust(self.col)
        self.lines[self.row] = line[:self.col] + c + line[self.col + 1:]
        self.col += 1

    def feed(self, text):
        while text:
            m = PIECE.match(text)
            if not m:
                if re.fullmatch(r"\x1b(\[[0-9]*)?", text):
                    return text
                sys.exit(99)
            if m.group(2) == "A":
                self.row = max(0, self.row - int(m.group(1) or 1))
            elif m.group(2) == "J":
                self.lines = self.lines[:self.row + 1]
                self.lines[self.row] = self.lines[self.row][:self.col]
            elif m.group(0) == "\n":
                self.down()
            elif m.group(0) == "\r":
                self.col = 0
            else:
                self.put(m.group(0))
            text = text[m.end():]
        return ""

    def show(self):
        print("==", self.out)
        for line in self.lines:
            print(line)


def main():
    rows, cols = int(sys.argv[1]), int(sys.argv[2])
    fd, slave = os.openpty()
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.close(fd)
        os.login_tty(slave)
        os.execvp(sys.argv[3], sys.argv[3:])
    os.close(slave)
    screen, rest = Screen(rows, cols), ""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        rest = screen.feed(rest + data.decode())
        screen.show()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
