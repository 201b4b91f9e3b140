/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a maintenance says while it goes on: a line an event, or its JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/config/hostlist.h"
#include "agent/plan/runner-private.h"
#include "agent/plan/window.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

static void view_line(const struct runner *r, const struct maintenance_event *e,
		      const char *text)
{
	char clock[32], safe[1200];

	if (r->o->json)
		return;
	printf("%s  %s\n", window_format(e->at_ms, r->plan->zone, WINDOW_CLOCK,
					 clock, sizeof(clock)),
	       vis_text(text, safe, sizeof(safe)));
	fflush(stdout);
}

void runner_say_text(const struct runner *r, const char *text)
{
	const struct maintenance_event e = { .at_ms = deadline_wall_ms() };

	view_line(r, &e, text);
}

static void view_wave(const struct runner *r, const struct maintenance_event *e)
{
	const struct host *const *hosts;
	const char **names;
	char *folded, *text;
	size_t count, i;

	hosts = waves_hosts(&r->plan->waves, e->wave, &count);
	names = memory_new(count + 1, sizeof(*names));
	for (i = 0; i < count; i++)
		names[i] = hosts[i]->name;
	folded = hostlist_fold(names, count);
	text = memory_format("wave %zu of %zu: %s", e->wave + 1,
			     r->plan->waves.count, folded);
	view_line(r, e, text);
	free(text);
	free(folded);
	free(names);
}

static void view_host(const struct runner *r, const struct maintenance_event *e)
{
	const struct maintenance_host *h = &r->core.hosts[e->host];
	const char *name = r->plan->waves.hosts[e->host]->name;
	char *text = NULL, took[32];

	deadline_format(h->ended_ms - h->began_ms, took, sizeof(took));
	if (h->state == MAINTENANCE_UNDER_WAY || h->state == MAINTENANCE_DUE)
		text = memory_format("  %-16s %s%s%s", name,
				     maintenance_state_name(h),
				     e->text[0] != '\0' ? ": " : "", e->text);
	else if (h->state == MAINTENANCE_BACK)
		text = memory_format("  %-16s back in %s%s", name, took,
				     h->hands ? ", recovered" : "");
	else if (h->state == MAINTENANCE_FAILED)
		text = memory_format("  %-16s %s after %s: %s", name,
				     verdict_name(h->verdict), took, h->text);
	else
		text = memory_format("  %-16s %s", name, e->unchanged
				     ? "it still runs the system from before: what "
				       "was sent was not carried out"
				     : "nothing was sent to it");
	/* A step that is due begins at once, and is told then. */
	if (h->state != MAINTENANCE_DUE || e->text[0] != '\0')
		view_line(r, e, text);
	free(text);
}

static void view_ok(const struct runner *r, const struct maintenance_event *e,
		    const char *what)
{
	char *text = memory_format("%s: %s%s%s", what, e->ok ? "good" : "failed",
				   e->text[0] != '\0' ? ": " : "", e->text);

	view_line(r, e, text);
	free(text);
}

static void view_end(const struct runner *r, const struct maintenance_event *e)
{
	char *text = memory_format("%s: %s",
				   e->what == MAINTENANCE_STOP
					   ? "nothing more is begun"
					   : verdict_name(e->verdict), e->text);

	view_line(r, e, text);
	free(text);
}

/* Where it is asked at the terminal, the prompt is under it. */
static void view_ask(const struct runner *r, const struct maintenance_event *e)
{
	char until[80], *text;

	window_text(r->plan->end_ms, r->plan->zone, until, sizeof(until));
	text = memory_format("%s: go on with the others? (answer it with: rhands "
			     "answer %s yes|no; nobody by %s is a no)", e->text,
			     r->plan->name, until);
	view_line(r, e, text);
	free(text);
}

static void view_text(const struct runner *r, const struct maintenance_event *e,
		      const char *what)
{
	char *text = memory_format("%s: %s", what, e->text);

	view_line(r, e, text);
	free(text);
}

void runner_say(const struct runner *r, const struct maintenance_event *e,
		json_t *line)
{
	if (r->o->json) {
		json_object_set_new(line, "version", json_integer(1));
		json_object_set_new(line, "id", json_string(r->journal.id));
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		return;
	}
	switch (e->what) {
	case MAINTENANCE_WAVE:
		view_wave(r, e);
		break;
	case MAINTENANCE_HOST:
	case MAINTENANCE_HOST_END:
	case MAINTENANCE_HOST_LOST:
		view_host(r, e);
		break;
	case MAINTENANCE_RESUME:
		view_text(r, e, "resumed");
		break;
	case MAINTENANCE_ASK:
		view_ask(r, e);
		break;
	case MAINTENANCE_ANSWER:
		view_text(r, e, "answer");
		break;
	case MAINTENANCE_BEFORE_END:
		view_ok(r, e, "before");
		break;
	case MAINTENANCE_GATE_END:
		view_ok(r, e, "the gate");
		break;
	case MAINTENANCE_AFTER_END:
		view_ok(r, e, "after");
		break;
	case MAINTENANCE_STOP:
	case MAINTENANCE_END:
		view_end(r, e);
		break;
	default:
		break;
	}
}
