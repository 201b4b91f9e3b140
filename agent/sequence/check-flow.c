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

/* The line that leaves it off: this action's, 0 where it is on, or as before. */
static int flow_action(const struct action *a, int before)
{
	if ((a->type == ACTION_SYSRQ && a->number == 'o') ||
	    a->type == ACTION_STOP)
		return a->line;
	if (a->type == ACTION_RESTART)
		return 0;
	if (a->type != ACTION_POWER || a->number == DRIVER_ACT_DIAG)
		return before;
	if (a->number == DRIVER_ACT_OFF || a->number == DRIVER_ACT_SOFT)
		return a->line;
	return 0;
}

/* Behind all of the list, or (early) where it is off at any point of it. */
static int flow_actions(const struct actions *list, int line, bool early)
{
	int off = line;
	size_t i;

	for (i = 0; list != NULL && i < list->count; i++) {
		line = flow_action(&list->list[i], line);
		if (line != 0)
			off = line;
	}
	return early ? off : line;
}

/* The line that left it off when each state is entered; 0: it is not. */
struct flow {
	struct check *c;
	int *off;
};

/* In which an edge leaves the state: behind its `do`, or before. */
static int flow_edge(const struct flow *f, size_t state,
		     const struct graph_edge *e)
{
	int line = flow_actions(&f->c->s->states[state].act, f->off[state],
				e->early);

	return flow_actions(e->rule != NULL ? &e->rule->actions : NULL, line,
			    false);
}

static bool flow_enter(struct flow *f, const struct target *to, int line)
{
	if (to->kind != TARGET_STATE || line == 0 || f->off[to->state] != 0)
		return false;
	f->off[to->state] = line;
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

static void flow_say(struct flow *f, const struct target *to, int line)
{
	if (to->kind != TARGET_VERDICT || line == 0 ||
	    (to->reason != NULL && strcasestr(to->reason, "off") != NULL))
		return;
	if (to->verdict == VERDICT_RECOVERED) {
		problems_add_at(f->c->problems, f->c->s->file, to->line, to->column,
			     "recovered, and the host may be powered off (by "
			     "line %d); switch it on and check it before, or say "
			     "in the reason that it is off: recovered \"it is "
			     "off\"", line);
		return;
	}
	problems_warn_at(f->c->problems, f->c->s->file, to->line, to->column,
		      "this may end with the host powered off (by line %d); "
		      "switch it on before, or say in the reason that it is off",
		      line);
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
