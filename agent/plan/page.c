/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the notice and the report of a maintenance are made of. Always true: what
 * came from a file or from a host is escaped on its way in.
 */
#include "agent/plan/page.h"

#include <stdio.h>
#include <string.h>

#include "agent/plan/window.h"
#include "base/vis.h"

void page_begin(struct buffer *b, const char *title)
{
	buffer_append_text(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
			   "<meta charset=\"utf-8\">\n<title>");
	page_put(b, title);
	buffer_append_text(b, "</title>\n<style>\n"
		"body { font: 15px/1.45 sans-serif; max-width: 60em; margin: 2em auto;"
		" padding: 0 1em; color: #222; }\n"
		"h1 { font-size: 1.4em; }\n"
		"table { border-collapse: collapse; width: 100%; margin: 1em 0; }\n"
		"th, td { text-align: left; vertical-align: top;"
		" padding: .3em .8em .3em 0; border-bottom: 1px solid #ddd; }\n"
		".back { color: #17692f; } .failed { color: #b00020;"
		" font-weight: bold; } .skipped { color: #8a6d00; }\n"
		"</style>\n</head>\n<body>\n<h1>");
	page_put(b, title);
	buffer_append_text(b, "</h1>\n");
}

void page_end(struct buffer *b)
{
	buffer_append_text(b, "</body>\n</html>\n");
}

void page_put(struct buffer *b, const char *text)
{
	struct buffer safe = { 0 };
	const char *p;

	vis_append(&safe, text, strlen(text));
	for (p = buffer_text(&safe); *p != '\0'; p++) {
		if (*p == '<')
			buffer_append_text(b, "&lt;");
		else if (*p == '>')
			buffer_append_text(b, "&gt;");
		else if (*p == '&')
			buffer_append_text(b, "&amp;");
		else if (*p == '"')
			buffer_append_text(b, "&quot;");
		else
			buffer_append_char(b, *p);
	}
	buffer_release(&safe);
}

void page_row(struct buffer *b, const char *left, const char *right)
{
	buffer_printf(b, "<tr><th>%s</th><td>", left);
	page_put(b, right);
	buffer_append_text(b, "</td></tr>\n");
}

static void page_time(const char *zone, int64_t from_ms, int64_t to_ms,
		      void (*take)(void *context, const char *line),
		      void *context)
{
	char from[80], to[80], line[200];

	snprintf(line, sizeof(line), "%s to %s",
		 window_text(from_ms, zone, from, sizeof(from)),
		 window_text(to_ms, zone, to, sizeof(to)));
	take(context, line);
}

void page_times(const struct plan *plan, int64_t from_ms, int64_t to_ms,
		void (*take)(void *context, const char *line), void *context)
{
	bool utc = strcmp(plan->zone, "UTC") == 0;
	size_t i;

	page_time(plan->zone, from_ms, to_ms, take, context);
	for (i = 0; plan->zones[i] != NULL; i++) {
		if (strcmp(plan->zones[i], plan->zone) == 0)
			continue;
		utc = utc || strcmp(plan->zones[i], "UTC") == 0;
		page_time(plan->zones[i], from_ms, to_ms, take, context);
	}
	if (!utc)
		page_time("UTC", from_ms, to_ms, take, context);
}
