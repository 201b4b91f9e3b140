/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is true of the host when a state is entered: facts that spread along
 * the edges until nothing changes. check.c comes in by check_flow.
 */
#include "agent/sequence/check-private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "drivers/driver.h"

/* What leaves it off: this action, NULL where it is on, or as before. */
static const struct action *flow_action(const struct action *a,
					const struct action *before)
{
	if ((a->type == ACTION_SYSRQ && a->number == 'o') ||
	    a->type == ACTION_STOP)
		return a;
	if (a->type == ACTION_RESTART)
		return NULL;
	if (a->type != ACTION_POWER || a->number == DRIVER_ACT_DIAG)
		return before;
	if (a->number == DRIVER_ACT_OFF || a->number == DRIVER_ACT_SOFT)
		return a;
	return NULL;
}

/* Behind all of the list, or (early) where it is off at any point of it. */
static const struct action *flow_actions(const struct actions *list,
					 const struct action *by, bool early)
{
	const struct action *off = by;
	size_t i;

	for (i = 0; list != NULL && i < list->count; i++) {
		by = flow_action(&list->list[i], by);
		if (by != NULL)
			off = by;
	}
	return early ? off : by;
}

/* What left it off when each state is entered; NULL: it is on. */
struct flow {
	struct check *c;
	const struct action **off;
};

/* In which an edge leaves the state: behind its `do`, or before. */
static const struct action *flow_edge(const struct flow *f, size_t state,
				      const struct graph_edge *e)
{
	const struct action *by = flow_actions(&f->c->s->states[state].act,
					       f->off[state], e->early);

	return flow_actions(e->rule != NULL ? &e->rule->actions : NULL, by,
			    false);
}

static bool flow_enter(struct flow *f, const struct target *to,
		       const struct action *by)
{
	if (to->kind != TARGET_STATE || by == NULL || f->off[to->state] != NULL)
		return false;
	f->off[to->state] = by;
	return true;
}

static bool flow_spread(struct flow *f, size_t state)
{
	const struct graph_node *n = &f->c->graph.nodes[state];
	bool changed;
	size_t i;

	changed = flow_enter(f, &f->c->s->states[state].visited, f->off[state]);
	for (i = 0; i < n->count; i++) {
		if (flow_enter(f, n->edges[i].to,
			       flow_edge(f, state, &n->edges[i])))
			changed = true;
	}
	return changed;
}

static void flow_say(struct flow *f, const struct target *to,
		     const struct action *by)
{
	char where[300];

	if (to->kind != TARGET_VERDICT || by == NULL ||
	    (to->reason != NULL && strcasestr(to->reason, "off") != NULL))
		return;
	check_place(where, sizeof(where), by->file, by->line, to->file);
	if (to->verdict == VERDICT_RECOVERED) {
		problems_add_at(f->c->problems, to->file, to->line, to->column,
			     "recovered, and the host may be powered off (by "
			     "%s); switch it on and check it before, or say "
			     "in the reason that it is off: recovered \"it is "
			     "off\"", where);
		return;
	}
	problems_warn_at(f->c->problems, to->file, to->line, to->column,
		      "this may end with the host powered off (by %s); "
		      "switch it on before, or say in the reason that it is off",
		      where);
}

static void flow_say_state(struct flow *f, size_t state)
{
	const struct graph_node *n = &f->c->graph.nodes[state];
	size_t i;

	flow_say(f, &f->c->s->states[state].visited, f->off[state]);
	for (i = 0; i < n->count; i++)
		flow_say(f, n->edges[i].to, flow_edge(f, state, &n->edges[i]));
}

void check_flow(struct check *c)
{
	struct flow f = { .c = c };
	bool changed = true;
	size_t i;

	f.off = memory_new(c->s->state_count, sizeof(*f.off));
	while (changed) {
		changed = false;
		for (i = 0; i < c->s->state_count; i++) {
			if (c->graph.nodes[i].reached && flow_spread(&f, i))
				changed = true;
		}
	}
	for (i = 0; i < c->s->state_count; i++) {
		if (c->graph.nodes[i].reached)
			flow_say_state(&f, i);
	}
	free(f.off);
}
