/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The notice of a maintenance, for the people who will miss something: as text, as
 * a page, as an entry of their calendar. rhands maintain --announce comes in.
 */
#include "agent/plan/announce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/page.h"
#include "agent/plan/window.h"
#include "base/memory.h"
#include "base/vis.h"

static const char *announce_what(const struct plan *plan)
{
	return plan->summary != NULL ? plan->summary : plan->name;
}

char *announce_subject(const struct plan *plan)
{
	return memory_format("Maintenance: %s", announce_what(plan));
}

static void announce_put(struct buffer *b, const char *text)
{
	vis_append(b, text, strlen(text));
}

static void announce_text_time(void *context, const char *line)
{
	buffer_printf(context, "  %s\n", line);
}

void announce_text(const struct plan *plan, struct buffer *b)
{
	size_t i;

	announce_put(b, announce_what(plan));
	buffer_append_text(b, "\n\nWhen:\n");
	page_times(plan, plan->begin_ms, plan->end_ms, announce_text_time, b);
	if (plan->services != NULL) {
		buffer_append_text(b, "\nServices that will be missing for a while:\n  ");
		announce_put(b, plan->services);
		buffer_append_char(b, '\n');
	}
	buffer_append_text(b, "\nHosts, in this order:\n");
	for (i = 0; i < plan->host_count; i++) {
		buffer_printf(b, "  %zu  %-16s ", plan_wave_of(plan, i) + 1,
			      plan->waves.hosts[i]->name);
		announce_put(b, plan->waves.hosts[i]->summary);
		buffer_append_char(b, '\n');
	}
	buffer_append_text(b, "\nA report follows at the end.\n");
}

static void announce_html_time(void *context, const char *line)
{
	page_row(context, "When", line);
}

void announce_html(const struct plan *plan, struct buffer *b)
{
	char *title = announce_subject(plan);
	size_t i;

	page_begin(b, title);
	buffer_append_text(b, "<table>\n");
	page_times(plan, plan->begin_ms, plan->end_ms, announce_html_time, b);
	if (plan->services != NULL)
		page_row(b, "Services", plan->services);
	buffer_append_text(b, "</table>\n<table id=\"hosts\">\n<tr><th>Wave</th>"
			   "<th>Host</th><th>What it is</th></tr>\n");
	for (i = 0; i < plan->host_count; i++) {
		buffer_printf(b, "<tr><td>%zu</td><td>%s</td><td>",
			      plan_wave_of(plan, i) + 1,
			      plan->waves.hosts[i]->name);
		page_put(b, plan->waves.hosts[i]->summary);
		buffer_append_text(b, "</td></tr>\n");
	}
	buffer_append_text(b, "</table>\n<p>A report follows at the end.</p>\n");
	page_end(b);
	free(title);
}

/* A line of at most 75 bytes, then CRLF, a blank, and the rest of it. */
static void announce_fold(struct buffer *b, const char *name, const char *text)
{
	struct buffer line = { 0 };
	const char *p;
	size_t at = 0, n;

	buffer_printf(&line, "%s:", name);
	for (p = text; *p != '\0'; p++) {
		if (strchr("\\,;", *p) != NULL)
			buffer_append_char(&line, '\\');
		if (*p == '\n')
			buffer_append_text(&line, "\\n");
		else if ((unsigned char)*p >= ' ')
			buffer_append_char(&line, *p);
	}
	while (at < line.len) {
		n = line.len - at < 74 ? line.len - at : 74;
		while (n > 1 && at + n < line.len &&
		       ((unsigned char)line.data[at + n] & 0xc0) == 0x80)
			n--;
		buffer_append_text(b, at > 0 ? " " : "");
		buffer_append(b, line.data + at, n);
		buffer_append_text(b, "\r\n");
		at += n;
	}
	buffer_release(&line);
}

static void announce_moment(struct buffer *b, const char *name, int64_t ms)
{
	char text[80];

	buffer_printf(b, "%s:%s\r\n", name,
		      window_format(ms, "UTC", WINDOW_CALENDAR, text,
				    sizeof(text)));
}

void announce_calendar(const struct plan *plan, int64_t now_ms,
		       struct buffer *b)
{
	struct buffer text = { 0 };
	char *title = announce_subject(plan);

	announce_text(plan, &text);
	buffer_append_text(b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
			   "PRODID:-//remotehands//rhands//EN\r\n"
			   "METHOD:PUBLISH\r\nBEGIN:VEVENT\r\n");
	buffer_printf(b, "UID:rhands-maintenance-%s\r\nSEQUENCE:%lld\r\n",
		      plan->name, (long long)(now_ms / 60000));
	announce_moment(b, "DTSTAMP", now_ms);
	announce_moment(b, "DTSTART", plan->begin_ms);
	announce_moment(b, "DTEND", plan->end_ms);
	announce_fold(b, "SUMMARY", title);
	announce_fold(b, "DESCRIPTION", buffer_text(&text));
	buffer_append_text(b, "END:VEVENT\r\nEND:VCALENDAR\r\n");
	buffer_release(&text);
	free(title);
}
