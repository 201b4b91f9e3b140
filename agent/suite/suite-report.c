/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A suite before the reader's eyes: TAP for programs that read it through a pipe,
 * lines and tables for a person at a terminal, JSON lines. The verb `test` comes
 * in as cases end. Always true: foreign text is escaped before it is printed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/record.h"
#include "agent/suite/suite-run.h"
#include "base/deadline.h"
#include "base/vis.h"

static void report_took(int64_t ms, char *buf, size_t len)
{
	if (ms < 1000)
		snprintf(buf, len, "%" PRId64 "ms", ms);
	else
		snprintf(buf, len, "%" PRId64 ".%" PRId64 "s", ms / 1000,
			 ms % 1000 / 100);
}

/* ---- JSON lines ----------------------------------------------------------------- */

static json_t *report_stays_json(const struct suite_case *c)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < c->stay_count; i++)
		json_array_append_new(list, json_pack(
			"{so sI}", "state", record_string(c->stays[i].state),
			"ms", (json_int_t)c->stays[i].ms));
	return list;
}

json_t *suite_case_json(const struct suite_options *o,
			const struct suite_case *c)
{
	const struct suite_pair *pair = c->pair;
	json_t *object = json_pack("{ss ss ss ss sI ss ss sb so sI so}",
		"suite", o->suite->name, "test", pair->test->name,
		"host", pair->host->name, "sequence", pair->test->sequence,
		"repeat", (json_int_t)c->number, "outcome", c->outcome,
		"expect", pair->test->expect, "ok", c->right,
		"reason", record_string(c->reason),
		"duration_ms", (json_int_t)(c->ended - c->began),
		"states", report_stays_json(c));

	if (c->run[0] != '\0') {
		json_object_set_new(object, "run", json_string(c->run));
		json_object_set_new(object, "kept", json_boolean(c->kept));
	}
	if (c->words[0] != '\0')
		json_object_set_new(object, "words", record_string(c->words));
	return object;
}

static void report_json(const char *event, json_t *object)
{
	json_t *line = json_pack("{si ss}", "version", RECORD_VERSION, "event",
				 event);
	char *text;

	json_object_update(line, object);
	text = json_dumps(line, JSON_COMPACT);
	printf("%s\n", text);
	fflush(stdout);
	free(text);
	json_decref(line);
	json_decref(object);
}

static json_t *report_times_json(const struct suite_options *o,
				 const struct suite_results *r)
{
	json_t *list = json_array(), *row;
	struct suite_times *times;
	size_t i, count;

	times = suite_times_of(o->suite, r, &count);
	for (i = 0; i < count; i++) {
		row = json_pack("{ss si sI sI sI}", "test", times[i].test->name,
				"count", (int)times[i].count,
				"min_ms", (json_int_t)times[i].min_ms,
				"median_ms", (json_int_t)times[i].median_ms,
				"max_ms", (json_int_t)times[i].max_ms);
		if (times[i].state != NULL)
			json_object_set_new(row, "state",
					    record_string(times[i].state));
		json_array_append_new(list, row);
	}
	free(times);
	return list;
}

static json_t *report_pairs_json(const struct suite_options *o)
{
	json_t *list = json_array();
	const struct suite_pair *p;
	size_t i;

	for (i = 0; i < o->pair_count; i++) {
		p = &o->pairs[i];
		json_array_append_new(list, json_pack(
			"{ss ss sI sI sb}", "test", p->test->name, "host",
			p->host->name, "cases", (json_int_t)p->ended, "wrong",
			(json_int_t)p->wrong, "flaky",
			p->wrong > 0 && p->wrong < p->ended));
	}
	return list;
}

/* ---- a person at a terminal --------------------------------------------------------- */

static void report_table_case(const struct suite_case *c)
{
	char took[32], reason[400];

	report_took(c->ended - c->began, took, sizeof(took));
	printf("%-6s %-16s %-16s #%-4" PRId64 " %-11s %8s  %s\n",
	       c->right ? "ok" : "NOT OK", c->pair->test->name,
	       c->pair->host->name, c->number, c->outcome, took,
	       vis_text(c->reason, reason, sizeof(reason)));
	if (!c->right && c->kept)
		printf("%-6s rhands show %s\n", "", c->run);
	fflush(stdout);
}

static void report_table_times(const char *mark, const struct suite_options *o,
			       const struct suite_results *r)
{
	char min[32], median[32], max[32], state[80];
	struct suite_times *times;
	size_t i, count;

	times = suite_times_of(o->suite, r, &count);
	printf("%s\n%s%-16s %-16s %6s %9s %9s %9s\n", mark, mark, "test",
	       "state", "times", "min", "median", "max");
	for (i = 0; i < count; i++) {
		report_took(times[i].min_ms, min, sizeof(min));
		report_took(times[i].median_ms, median, sizeof(median));
		report_took(times[i].max_ms, max, sizeof(max));
		vis_text(times[i].state != NULL ? times[i].state : "(the run)",
			 state, sizeof(state));
		printf("%s%-16s %-16s %6zu %9s %9s %9s\n", mark,
		       times[i].test->name, state, times[i].count, min, median,
		       max);
	}
	free(times);
}

static void report_table_pairs(const char *mark, const struct suite_options *o,
			       const struct suite_results *r)
{
	const struct suite_pair *p;
	char ends[200];
	size_t i;

	printf("%s\n%s%-16s %-16s %6s %6s %8s  %s\n", mark, mark, "test",
	       "host", "runs", "wrong", "flaky", "ended");
	for (i = 0; i < o->pair_count; i++) {
		p = &o->pairs[i];
		suite_outcomes(r, p, ends, sizeof(ends));
		printf("%s%-16s %-16s %6" PRId64 " %6" PRId64 " %7.1f%%  %s\n",
		       mark, p->test->name, p->host->name, p->ended, p->wrong,
		       p->wrong == p->ended || p->ended == 0
			       ? 0.0
			       : 100.0 * (double)p->wrong / (double)p->ended,
		       ends);
	}
}

static void report_table_head(const struct suite_options *o)
{
	char summary[400];

	printf("%s  %s\n", o->suite->name,
	       vis_text(o->suite->summary, summary, sizeof(summary)));
}

static void report_tables(const char *mark, const struct suite_options *o,
			  const struct suite_results *r)
{
	report_table_times(mark, o, r);
	report_table_pairs(mark, o, r);
	printf("%s\n%s%zu as expected, %zu not%s\n", mark, mark,
	       r->count - r->wrong, r->wrong, r->cancelled ? ", cancelled" : "");
}

/* ---- all forms -------------------------------------------------------------------------- */

void suite_report_begin(struct suite_report *p)
{
	if (p->form == SUITE_FORM_TAP)
		suite_tap_begin(p);
	else if (p->form == SUITE_FORM_TABLE)
		report_table_head(p->o);
	fflush(stdout);
}

void suite_report_case(struct suite_report *p, const struct suite_case *c)
{
	p->told++;
	if (p->form == SUITE_FORM_TAP)
		suite_tap_case(p, c);
	else if (p->form == SUITE_FORM_TABLE)
		report_table_case(c);
	else
		report_json("case", suite_case_json(p->o, c));
}

void suite_report_end(struct suite_report *p, const struct suite_results *r)
{
	if (p->form == SUITE_FORM_JSON) {
		report_json("suite", json_pack("{ss si si sb so so}",
			"suite", p->o->suite->name, "cases", (int)r->count,
			"wrong", (int)r->wrong, "cancelled", r->cancelled,
			"times", report_times_json(p->o, r),
			"pairs", report_pairs_json(p->o)));
		return;
	}
	report_tables(p->form == SUITE_FORM_TAP ? "# " : "", p->o, r);
	if (p->form == SUITE_FORM_TAP)
		suite_tap_end(p, r);
	fflush(stdout);
}
