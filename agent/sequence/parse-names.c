/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of states to indices, when all states are known; and the nearest name for
 * one that there is not. parse.c comes in by parsing_resolve.
 */
#include "agent/sequence/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/option.h"

int parsing_find_state(const struct sequence *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->state_count; i++) {
		if (strcmp(s->states[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* The state or verdict with a name like that, or NULL. */
static const char *resolve_nearest(const struct parsing *g, const char *name)
{
	const char **names, *nearest;
	size_t i;

	names = memory_new(g->s->state_count + VERDICT_COUNT + 2,
			   sizeof(*names));
	for (i = 0; i < g->s->state_count; i++)
		names[i] = g->s->states[i].name;
	names[i++] = "recovered";
	names[i++] = "failed";
	names[i++] = "needs-hands";
	names[i++] = "unknown";
	names[i] = TARGET_RETURN_NAME;
	nearest = option_nearest(name, names);
	free(names);
	return nearest;
}

/* Whether a section with that name was told to be wrong: [a], [stat a]. */
static bool resolve_was_told(const struct parsing *g, const char *name)
{
	const struct ini *ini = g->p.ini;
	const char *last;
	size_t i;

	if (strcmp(name, "sequence") == 0 || strcmp(name, "always") == 0)
		return false;
	for (i = 0; i < ini->count; i++) {
		last = strrchr(ini->sections[i].name, ' ');
		last = last != NULL ? last + 1 : ini->sections[i].name;
		if (strcmp(last, name) == 0)
			return true;
	}
	return false;
}

static void resolve_target(struct parsing *g, struct target *t)
{
	const char *nearest;

	if (t->kind != TARGET_STATE || t->name == NULL)
		return;
	t->state = parsing_find_state(g->s, t->name);
	if (t->state >= 0 || resolve_was_told(g, t->name))
		return;
	nearest = resolve_nearest(g, t->name);
	if (nearest != NULL)
		problems_add_at(g->p.problems, g->p.ini->file, t->line, t->column,
			     "there is no state \"%s\"; did you mean \"%s\"?",
			     t->name, nearest);
	else
		problems_add_at(g->p.problems, g->p.ini->file, t->line, t->column,
			     "there is no state \"%s\"; expected a [state %s], "
			     "or recovered, failed, needs-hands or unknown",
			     t->name, t->name);
}

static void resolve_rules(struct parsing *g, struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		resolve_target(g, &rules->list[i].target);
}

static void resolve_start(struct parsing *g)
{
	const char *file = g->p.ini->file, *nearest;

	if (g->s->line == 0) {
		problems_add(g->p.problems, file, 0,
			     "a sequence needs a section [sequence]");
		return;
	}
	if (g->start == NULL) {
		problems_add(g->p.problems, file, g->s->line,
			     "[sequence] needs \"start = STATE\"");
		return;
	}
	g->s->start = parsing_find_state(g->s, g->start);
	if (g->s->start >= 0 || resolve_was_told(g, g->start))
		return;
	nearest = resolve_nearest(g, g->start);
	if (nearest != NULL && parsing_find_state(g->s, nearest) >= 0)
		problems_add_at(g->p.problems, file, g->start_line,
				g->start_column, "start: there "
			     "is no state \"%s\"; did you mean \"%s\"?",
			     g->start, nearest);
	else
		problems_add_at(g->p.problems, file, g->start_line,
				g->start_column,
			     "start: there is no state \"%s\"", g->start);
}

void parsing_resolve_state(struct parsing *g, struct state *st)
{
	resolve_rules(g, &st->rules);
	resolve_target(g, &st->then);
	resolve_target(g, &st->otherwise);
	resolve_target(g, &st->timeout);
	resolve_target(g, &st->visited);
}

void parsing_resolve(struct parsing *g)
{
	size_t i;

	resolve_rules(g, &g->s->always);
	for (i = 0; i < g->s->state_count; i++)
		parsing_resolve_state(g, &g->s->states[i]);
	resolve_start(g);
	for (i = 0; i < g->s->state_count; i++)
		g->s->states[i].start = g->s->start;
}
