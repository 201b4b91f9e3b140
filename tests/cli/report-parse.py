#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a report as a browser does, and fails where a record's text became more
than text: a tag that no report has, an attribute that loads something, a third
script. Prints the recording that the page plays, as JSON."""

import html.parser
import json
import sys

TAGS = set("""html head meta title style body h1 h2 p strong dl dt dd table tr td div
    button input span select option label b noscript script details summary pre""".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.scripts, self.script, self.open = [], None, []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, "a tag that no report has: " + tag
        for key, value in attrs:
            assert key not in ("src", "href", "srcset", "action", "data"), (tag, key, value)
            assert not key.startswith("on"), (tag, key, value)
            assert key != "id" or not value.startswith("evil"), value
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
            self.script = tag
        if tag not in ("meta", "input", "tr", "td"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("tr", "td"):
            assert self.open and self.open[-1] == tag, ("closes what is not open", tag, self.open)
            self.open.pop()
        self.script = None

    def handle_data(self, data):
        if self.script:
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)


page = Page()
with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
page.feed(text)
page.close()
assert not page.open, page.open
assert len(page.scripts) == 2, len(page.scripts)
assert page.scripts[0][0]["type"] == "application/json"
assert len(page.scripts[1][0]["nonce"]) == 32
assert "default-src 'none'" in text
assert "://" not in page.scripts[1][1]
assert not any(c < " " and c not in "\n\t" for c in text), "control characters"
json.dump(json.loads(page.scripts[0][1]), sys.stdout)
