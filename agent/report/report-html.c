/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Foreign text in a page. All that report.c writes and did not make itself goes
 * through here. Always true: what report_text appends has no '<', '>', '&', '"' or
 * '\'' of its own and no control characters but newline and tab; what
 * report_json appends can't end the script element that it stands in.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/report/report.h"
#include "base/vis.h"

static void report_char(struct buffer *out, char c)
{
	if (strchr("<>&\"'", c) != NULL)
		buffer_printf(out, "&#%d;", c);
	else
		buffer_append_char(out, c);
}

static bool report_stays(char c)
{
	/* a backslash is one: patterns are read by people */
	return c == '\n' || c == '\t' || c == '\\';
}

void report_text(struct buffer *out, const char *text, size_t len)
{
	struct buffer safe = { 0 };
	size_t i, from = 0;

	for (i = 0; i <= len; i++) {
		if (i < len && !report_stays(text[i]))
			continue;
		vis_append(&safe, text + from, i - from);
		if (i < len)
			buffer_append_char(&safe, text[i]);
		from = i + 1;
	}
	for (i = 0; i < safe.len; i++) {
		if (safe.data[i] != '\0')
			report_char(out, safe.data[i]);
	}
	buffer_release(&safe);
}

void report_json(struct buffer *out, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const char *at;

	for (at = text; *at != '\0'; at++) {
		if (*at == '<')
			buffer_append_text(out, "\\u003c");
		else
			buffer_append_char(out, *at);
	}
	free(text);
}
