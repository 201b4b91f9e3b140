/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report behind a maintenance, as text and as a page, of the state that its
 * journal leads to.
 */
#include "agent/plan/maintenance-report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/page.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

char *maintenance_report_subject(const struct maintenance *m)
{
	const struct plan *plan = m->config.plan;

	return memory_format("Maintenance %s: %s",
			     m->phase != MAINTENANCE_OVER ? "without an end"
			     : m->verdict == VERDICT_RECOVERED ? "done"
							       : "not done",
			     plan->summary != NULL ? plan->summary : plan->name);
}

static int64_t report_end(const struct maintenance *m)
{
	int64_t end = m->ended_ms;
	size_t i;

	for (i = 0; i < m->config.plan->host_count && m->ended_ms == 0; i++) {
		if (m->hosts[i].ended_ms > end)
			end = m->hosts[i].ended_ms;
	}
	return end > m->began_ms ? end : m->began_ms;
}

static char *report_outcome(const struct maintenance *m)
{
	const char *why = m->trouble[0] != '\0' ? m->trouble : "all hosts are back";

	if (m->phase != MAINTENANCE_OVER)
		return memory_format("it has no end yet; rhands maintain %s "
				     "--resume goes on", m->config.plan->name);
	return memory_format("%s: %s", verdict_name(m->verdict), why);
}

/* Why hands were wanted, and how it ended; "" where it came back alone. */
static char *report_why(const struct maintenance_host *h)
{
	if (h->hands && h->state == MAINTENANCE_BACK)
		return memory_format("needed hands: %s", h->first_text);
	if (h->state == MAINTENANCE_FAILED && h->hands)
		return memory_format("%s: %s (before: %s)",
				     verdict_name(h->verdict), h->text,
				     h->first_text);
	if (h->state == MAINTENANCE_FAILED)
		return memory_format("%s: %s", verdict_name(h->verdict), h->text);
	if (h->in_doubt && h->state == MAINTENANCE_BACK)
		return memory_copy("the runner was killed behind its restart");
	return memory_copy("");
}

static const char *report_took(const struct maintenance_host *h, char *buf,
			       int buf_len)
{
	if (h->began_ms == 0 || h->ended_ms == 0)
		return "-";
	return deadline_format(h->ended_ms - h->began_ms, buf, buf_len);
}

static void report_text_time(void *context, const char *line)
{
	buffer_printf(context, "  %s\n", line);
}

static void report_text_host(const struct maintenance *m, size_t i,
			     struct buffer *b)
{
	const struct maintenance_host *h = &m->hosts[i];
	char took[32], *why = report_why(h);

	buffer_printf(b, "  %zu  %-16s %-10s %-8s",
		      plan_wave_of(m->config.plan, i) + 1,
		      m->config.plan->waves.hosts[i]->name,
		      maintenance_state_name(h),
		      report_took(h, took, sizeof(took)));
	if (why[0] != '\0') {
		buffer_append_text(b, "  ");
		vis_append(b, why, strlen(why));
	}
	if (h->run[0] != '\0')
		buffer_printf(b, "\n     record %s", h->run);
	buffer_append_char(b, '\n');
	free(why);
}

void maintenance_report_text(const struct maintenance *m, const char *id,
			     struct buffer *b)
{
	char *title = maintenance_report_subject(m);
	char *outcome = report_outcome(m);
	size_t i;

	vis_append(b, title, strlen(title));
	buffer_printf(b, "\n%s\n\n", id);
	vis_append(b, outcome, strlen(outcome));
	buffer_append_text(b, "\n\n");
	page_times(m->config.plan, m->began_ms, report_end(m), report_text_time,
		   b);
	buffer_append_char(b, '\n');
	for (i = 0; i < m->config.plan->host_count; i++)
		report_text_host(m, i, b);
	free(title);
	free(outcome);
}

static void report_html_time(void *context, const char *line)
{
	page_row(context, "When", line);
}

static void report_html_host(const struct maintenance *m, size_t i,
			     struct buffer *b)
{
	const struct maintenance_host *h = &m->hosts[i];
	char took[32], *why = report_why(h);

	buffer_printf(b, "<tr><td>%zu</td><td>%s</td><td class=\"%s\">%s</td>"
		      "<td>%s</td><td>", plan_wave_of(m->config.plan, i) + 1,
		      m->config.plan->waves.hosts[i]->name,
		      maintenance_state_name(h), maintenance_state_name(h),
		      report_took(h, took, sizeof(took)));
	page_put(b, why);
	buffer_append_text(b, "</td><td>");
	page_put(b, h->run);
	buffer_append_text(b, "</td></tr>\n");
	free(why);
}

void maintenance_report_html(const struct maintenance *m, const char *id,
			     struct buffer *b)
{
	char *title = maintenance_report_subject(m);
	char *outcome = report_outcome(m);
	size_t i;

	page_begin(b, title);
	buffer_append_text(b, "<table>\n");
	page_row(b, "Outcome", outcome);
	page_times(m->config.plan, m->began_ms, report_end(m), report_html_time,
		   b);
	page_row(b, "Maintenance", id);
	buffer_append_text(b, "</table>\n<table id=\"hosts\">\n<tr><th>Wave</th>"
			   "<th>Host</th><th>State</th><th>Took</th><th>What "
			   "needed hands, and why</th><th>Record</th></tr>\n");
	for (i = 0; i < m->config.plan->host_count; i++)
		report_html_host(m, i, b);
	buffer_append_text(b, "</table>\n");
	page_end(b);
	free(title);
	free(outcome);
}
