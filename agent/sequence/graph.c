/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ways from state to state, laid out once; sequence_check and `rhands
 * graph` come in here. A sequence that was parsed is whole: each target of a
 * state has an index.
 *
 * Loops and durations (graph-time.c) look at the graph that is left when all
 * visits are used up: a state with `visits` is only passed through then, to
 * where visits send the next entry. What goes round in that graph goes round
 * for ever; where nothing does, each entry of a state with visits begins a
 * path of known length.
 */
#include "agent/sequence/graph.h"

#include <stdlib.h>

#include "base/memory.h"

#define GRAPH_CONFIRM_MS 60000	/* where no host says otherwise */
#define GRAPH_MIN_OFF_MS 5000

static void graph_add(struct graph_node *n, struct graph_edge edge)
{
	if (edge.to->kind != TARGET_NONE)
		n->edges[n->count++] = edge;
}

static void graph_add_rules(struct graph_node *n, const struct rules *rules,
			    enum graph_edge_kind kind, int state)
{
	const struct rule *r;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		if (!rule_holds(r, state))
			continue;
		graph_add(n, (struct graph_edge){
			.kind = kind, .to = &r->target, .rule = r, .early = true,
			.bounded = kind == GRAPH_EDGE_ALWAYS && r->max > 0 });
	}
}

static void graph_lay_edges(struct graph *g, size_t state)
{
	const struct state *st = &g->s->states[state];
	struct graph_node *n = &g->nodes[state];

	n->longest_ms = -1;
	n->edges = memory_new(3 + st->rules.count + g->s->always.count,
			      sizeof(*n->edges));
	graph_add(n, (struct graph_edge){ .kind = GRAPH_EDGE_THEN,
					  .to = &st->then });
	if (st->act.count > 0)
		graph_add(n, (struct graph_edge){ .kind = GRAPH_EDGE_ELSE,
						  .to = &st->otherwise,
						  .early = true });
	graph_add(n, (struct graph_edge){ .kind = GRAPH_EDGE_TIMEOUT,
					  .to = &st->timeout, .early = true });
	graph_add_rules(n, &st->rules, GRAPH_EDGE_RULE, (int)state);
	graph_add_rules(n, &g->s->always, GRAPH_EDGE_ALWAYS, (int)state);
}

static void graph_reach(struct graph *g, const struct target *to)
{
	struct graph_node *n;
	size_t i;

	if (to->kind != TARGET_STATE || g->nodes[to->state].reached)
		return;
	n = &g->nodes[to->state];
	n->reached = true;
	for (i = 0; i < n->count; i++)
		graph_reach(g, n->edges[i].to);
	graph_reach(g, &g->s->states[to->state].visited);
}

void graph_init(struct graph *g, const struct sequence *s,
		const struct graph_times *times)
{
	static const struct graph_times usual = { GRAPH_CONFIRM_MS,
						  GRAPH_MIN_OFF_MS };
	const struct target start = { .kind = TARGET_STATE, .state = s->start };
	size_t i;

	*g = (struct graph){ .s = s };
	g->times = times != NULL ? *times : usual;
	g->nodes = memory_new(s->state_count, sizeof(*g->nodes));
	for (i = 0; i < s->state_count; i++)
		graph_lay_edges(g, i);
	graph_reach(g, &start);
}

void graph_release(struct graph *g)
{
	size_t i;

	for (i = 0; g->nodes != NULL && i < g->s->state_count; i++)
		free(g->nodes[i].edges);
	free(g->nodes);
	g->nodes = NULL;
}

/* ---- loops -------------------------------------------------------------------- */

struct graph_walk {
	struct graph *g;
	int *trail;	/* the states on the way */
	int len;
	bool *said;	/* per state: that it goes round */
	bool loops;
	void (*found)(void *context, const int *states, size_t count);
	void *context;
};

/* The states from the one that was come back to, and that one again. */
static void graph_say_loop(struct graph_walk *w, int state)
{
	int i = w->len;

	w->loops = true;
	if (w->said[state] || w->found == NULL)
		return;
	w->said[state] = true;
	while (w->trail[--i] != state)
		;
	w->trail[w->len] = state;
	w->found(w->context, &w->trail[i], (size_t)(w->len - i + 1));
}

static void graph_walk_to(struct graph_walk *w, const struct target *to)
{
	const struct state *st;
	struct graph_node *n;
	size_t i;

	if (to->kind != TARGET_STATE)
		return;
	st = &w->g->s->states[to->state];
	n = &w->g->nodes[to->state];
	if (n->color == 1)
		graph_say_loop(w, to->state);
	if (n->color != 0)
		return;
	n->color = 1;
	w->trail[w->len++] = to->state;
	if (st->visits > 0)
		graph_walk_to(w, &st->visited);
	for (i = 0; st->visits == 0 && i < n->count; i++) {
		if (!n->edges[i].bounded)
			graph_walk_to(w, n->edges[i].to);
	}
	w->len--;
	n->color = 2;
}

bool graph_loops(struct graph *g,
		 void (*found)(void *context, const int *states, size_t count),
		 void *context)
{
	struct graph_walk w = { .g = g, .found = found, .context = context };
	struct target to = { .kind = TARGET_STATE };
	size_t i, count = g->s->state_count;

	w.trail = memory_new(count + 1, sizeof(*w.trail));
	w.said = memory_new(count, sizeof(*w.said));
	for (i = 0; i < count; i++)
		g->nodes[i].color = 0;
	for (i = 0; i < count; i++) {
		to.state = (int)i;
		graph_walk_to(&w, &to);
	}
	free(w.said);
	free(w.trail);
	return w.loops;
}
