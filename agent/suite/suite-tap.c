/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TAP version 14. suite-report.c comes in. Always true: each case is one test
 * point, numbered in the order in which cases end; a diagnostic block holds
 * strings as JSON writes them, of escaped text, which YAML reads as they are.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/suite/suite-run.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/vis.h"

void suite_tap_begin(const struct suite_report *p)
{
	int64_t planned = suite_planned(p->o);

	printf("TAP version 14\n");
	if (planned >= 0)
		printf("1..%" PRId64 "\n", planned);
}

/* "  KEY: \"TEXT\"" */
static void tap_text(const char *key, const char *text)
{
	struct buffer safe = { 0 };
	json_t *string;
	char *quoted;

	vis_append(&safe, text, strlen(text));
	string = json_string(buffer_text(&safe));
	quoted = json_dumps(string, JSON_ENCODE_ANY);
	printf("  %s: %s\n", key, quoted);
	free(quoted);
	json_decref(string);
	buffer_release(&safe);
}

static void tap_states(const struct suite_case *c)
{
	char name[24];
	size_t i;

	if (c->stay_count == 0)
		return;
	printf("  states:\n");
	for (i = 0; i < c->stay_count; i++) {
		snprintf(name, sizeof(name), "  - state");
		tap_text(name, c->stays[i].state);
		printf("      ms: %" PRId64 "\n", c->stays[i].ms);
	}
}

void suite_tap_case(const struct suite_report *p, const struct suite_case *c)
{
	printf("%sok %" PRId64 " - %s %s run %" PRId64 "\n", c->right ? "" : "not ",
	       p->told, c->pair->test->name, c->pair->host->name, c->number);
	printf("  ---\n");
	tap_text("message", c->reason);
	if (!c->right)
		printf("  severity: fail\n");
	tap_text("found", c->outcome);
	tap_text("wanted", c->pair->test->expect);
	printf("  duration_ms: %" PRId64 "\n", c->ended - c->began);
	if (c->run[0] != '\0' && c->kept)
		tap_text("record", c->run);
	if (!c->right && c->words[0] != '\0')
		tap_text("words", c->words);
	if (!c->right)
		tap_states(c);
	printf("  ...\n");
	fflush(stdout);
}

void suite_tap_end(const struct suite_report *p, const struct suite_results *r)
{
	if (r->cancelled)
		printf("Bail out! Cancelled by a signal\n");
	else if (suite_planned(p->o) < 0)
		printf("1..%" PRId64 "\n", p->told);
}
