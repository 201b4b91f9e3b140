/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a rehearsal of a maintenance says: per host, what the oracle complains of,
 * what becomes of the rest where one does not come back; and at the end the
 * questions that a person has, answered in a line each. rehearse-plan.c comes in
 * when all is played.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/run/record.h"
#include "agent/verbs/rehearse-plan.h"
#include "base/deadline.h"

#define OUT_COLUMNS 80

static int64_t out_window(const struct plan_play *p)
{
	return p->m.plan->end_ms - p->m.plan->begin_ms;
}

static const char *out_name(const struct plan_play *p, size_t i)
{
	return p->m.plan->waves.hosts[i]->name;
}

/* "13m15s": nobody plans by milliseconds. */
static const char *out_time(int64_t ms, char buf[32])
{
	return deadline_format(ms < 1000 ? ms : ms / 1000 * 1000, buf, 32);
}

/* The host without which it takes longest. */
static size_t out_worst_loss(const struct plan_play *p)
{
	size_t i, worst = 0;

	for (i = 1; i < p->m.plan->host_count; i++) {
		if (p->losses[i].ms > p->losses[worst].ms)
			worst = i;
	}
	return worst;
}

/* ---- JSON ---------------------------------------------------------------------------- */

static void json_host(const struct plan_play *p, size_t i)
{
	const struct plan_host *h = &p->hosts[i];

	verb_print_json(json_pack(
		"{ss ss ss si sI sI sI sI so}", "plan", p->m.plan->name, "what",
		"host", "host", out_name(p, i), "wave",
		(int)plan_wave_of(p->m.plan, i) + 1, "back", (json_int_t)h->back,
		"hands", (json_int_t)h->hands, "mean_ms",
		(json_int_t)(h->sum_ms / (int64_t)p->r->count), "longest_ms",
		(json_int_t)h->longest_ms, "reason",
		record_string(h->worst_reason)));
}

static void json_loss(const struct plan_play *p, size_t i)
{
	const struct plan_loss *loss = &p->losses[i];
	json_t *skipped = json_array();
	size_t k;

	for (k = 0; k < p->m.plan->host_count; k++) {
		if (loss->left[k])
			json_array_append_new(skipped,
					      json_string(out_name(p, k)));
	}
	verb_print_json(json_pack("{ss ss ss sI sb so}", "plan", p->m.plan->name,
				  "what", "lost", "host", out_name(p, i), "ms",
				  (json_int_t)loss->ms, "fits",
				  loss->ms <= out_window(p), "skipped",
				  skipped));
}

static void json_complaint(const struct plan_play *p,
			   const struct report_complaint *c)
{
	verb_print_json(json_pack("{ss ss so sI sI ss}", "plan", p->m.plan->name,
				  "what", "complaint", "text",
				  record_string(c->text), "count",
				  (json_int_t)c->count, "seed",
				  (json_int_t)c->seed, "verdict",
				  verdict_name(c->verdict)));
}

static void json_all(const struct plan_play *p)
{
	size_t i;
	int k;

	for (i = 0; i < p->m.plan->host_count; i++)
		json_host(p, i);
	for (i = 0; i < p->m.plan->host_count; i++)
		json_loss(p, i);
	for (k = 0; k < p->report.complaint_count; k++)
		json_complaint(p, &p->report.complaints[k]);
	verb_print_json(json_pack(
		"{ss ss sI sI sI sI sI sb sI sI}", "plan", p->m.plan->name, "what",
		"all", "rehearsals", (json_int_t)p->r->count, "recovered",
		(json_int_t)p->good, "mean_ms",
		(json_int_t)(p->sum_ms / (int64_t)p->r->count), "longest_ms",
		(json_int_t)p->longest_ms, "window_ms",
		(json_int_t)out_window(p), "fits",
		p->longest_ms <= out_window(p), "seed",
		(json_int_t)p->longest_seed, "complaints",
		(json_int_t)p->report.bad));
}

/* ---- text ------------------------------------------------------------------------------ */

static void out_line(int indent, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A line, folded, what follows set in by `indent`. */
static void out_line(int indent, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	verb_put_folded_words(text, OUT_COLUMNS, indent);
}

static void text_host(const struct plan_play *p, size_t i)
{
	const struct plan_host *h = &p->hosts[i];
	char longest[32], mean[32];

	printf("%3zu  %-16s %7" PRIu64 " %7" PRIu64 "   %-8s %s\n",
	       plan_wave_of(p->m.plan, i) + 1, out_name(p, i), h->back, h->hands,
	       out_time(h->sum_ms / (int64_t)p->r->count, mean),
	       out_time(h->longest_ms, longest));
	if (h->worst_reason[0] != '\0')
		out_line(7, "     not back: %s", h->worst_reason);
}

static void text_loss(const struct plan_play *p, size_t i)
{
	const struct plan_loss *loss = &p->losses[i];
	char took[32];

	if (loss->skipped_count > 0)
		out_line(7, "     %-16s it ends after %s; not begun: %s",
			 out_name(p, i), out_time(loss->ms, took), loss->skipped);
	else
		out_line(7, "     %-16s it ends after %s; all others are done",
			 out_name(p, i), out_time(loss->ms, took));
}

static void text_complaints(const struct plan_play *p)
{
	const struct report_complaint *c;
	int k;

	if (p->report.complaint_count > 0)
		printf("\nComplaints of the oracle, which knows the truth:\n");
	for (k = 0; k < p->report.complaint_count; k++) {
		c = &p->report.complaints[k];
		out_line(7, "     %" PRIu64 " time%s, first at seed %" PRIu64
			 ": %s", c->count, c->count == 1 ? "" : "s", c->seed,
			 c->text);
	}
}

static void text_window(const struct plan_play *p)
{
	bool fits = p->longest_ms <= out_window(p);
	char longest[32], mean[32], window[32];

	out_line(2, "Does it fit the window of %s? %s: the longest of %" PRIu64
		 " took %s (seed %" PRIu64 "), the mean is %s.",
		 out_time(out_window(p), window), fits ? "Yes" : "NO",
		 p->r->count, out_time(p->longest_ms, longest), p->longest_seed,
		 out_time(p->sum_ms / (int64_t)p->r->count, mean));
}

static void text_back(const struct plan_play *p)
{
	if (p->good == p->r->count)
		out_line(2, "Do all hosts come back? Yes, each time.");
	else
		out_line(2, "Do all hosts come back? %s: in %" PRIu64 " of %" PRIu64
			 " maintenances.", p->good > 0 ? "Not always" : "NO",
			 p->good, p->r->count);
}

static void text_worst_loss(const struct plan_play *p)
{
	size_t worst = out_worst_loss(p), i, skipping = 0;
	char took[32], window[32];

	for (i = 0; i < p->m.plan->host_count; i++)
		skipping += p->losses[i].skipped_count > 0;
	out_line(2, "What if one does not come back at all? %s The longest is "
		 "without %s: %s, %s the window of %s.",
		 skipping == 0 ? "The others are done all the same."
			       : "Then some are not begun, see above.",
		 out_name(p, worst), out_time(p->losses[worst].ms, took),
		 p->losses[worst].ms <= out_window(p) ? "inside" : "LONGER THAN",
		 out_time(out_window(p), window));
	if (p->m.plan->failure == PLAN_ASK)
		out_line(2, "  That is where a person answers yes when it is asked; "
			 "a no, or nobody, begins nothing more.");
}

static void text_oracle(const struct plan_play *p)
{
	if (p->report.bad == 0)
		out_line(2, "Is anything done that must not be? No: the oracle has "
			 "no complaint.");
	else
		out_line(2, "Is anything done that must not be? YES: the oracle "
			 "complains of %" PRIu64 " steps, see above.",
			 p->report.bad);
}

static void text_all(const struct plan_play *p)
{
	size_t i;

	printf("%s, %" PRIu64 " times in virtual time, faults: %s\n\n",
	       p->m.plan->name, p->r->count, p->r->faults_text);
	printf("wave host                back   hands   mean     at most\n");
	for (i = 0; i < p->m.plan->host_count; i++)
		text_host(p, i);
	printf("\nIf one does not come back, whatever is done:\n");
	for (i = 0; i < p->m.plan->host_count; i++)
		text_loss(p, i);
	text_complaints(p);
	printf("\n");
	text_window(p);
	text_back(p);
	text_worst_loss(p);
	text_oracle(p);
}

void plan_print(struct plan_play *p)
{
	if (p->r->call->json)
		json_all(p);
	else
		text_all(p);
}
