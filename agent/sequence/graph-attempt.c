/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long one attempt may take: the longest way from the start on which no state
 * is entered twice. graph_attempt_ms is the one door.
 *
 * The longest of all such ways is hard to find in general: there may be more of
 * them than anybody can count. So the graph is taken apart first, into parts in
 * which each state leads to each other; a way that has left a part never comes
 * back, so the longest way from where a part is entered is that through the
 * part, and behind it what was found for the parts that follow. Those come
 * first (Tarjan's order). Within a part all ways are tried, as long as the budget
 * lasts and where they can still be longer than the best; a sequence that people
 * write takes some hundred steps. Where it does not last, the part counts as if
 * a way went through all of its states and left each by its slowest edge: no
 * attempt takes more, and the caller is told that this is a bound.
 */
#include "agent/sequence/graph.h"

#include <stdlib.h>

#include "base/deadline.h"
#include "base/memory.h"

#define ATTEMPT_STEPS 1000000	/* of all parts together */
#define ATTEMPT_STEPS_PART 200000	/* from one state that a part is entered by */
#define ATTEMPT_STEPS_LEAST 1000	/* ... also where the others took them all */

/* The slowest of the edges from a state to the same place. */
struct arc {
	int to;		/* a state; -1: the run ends */
	int64_t ms;
};

struct attempt_node {
	struct arc *arcs;
	size_t count;
	int64_t slowest_ms;	/* of its arcs */
	int number, low;	/* Tarjan's; number 0: not seen yet */
	int part;		/* -1: not known yet */
	bool entered;		/* from another part, or by the start */
	bool on_way;
	/* The longest way on from here, where it is entered. */
	int64_t found_ms;
	int64_t bound_ms;
	const struct arc **way;		/* through its part, and out of it */
	size_t way_len;
};

struct attempt {
	struct graph *g;
	struct attempt_node *nodes;
	int *stack;		/* Tarjan's: what has no part yet */
	int *order;		/* all states, part by part; those that follow first */
	int stack_len, order_len, numbers;
	long steps;		/* that are left */
	/* The search from one state: */
	struct attempt_node *from;
	const struct arc **way;
	size_t way_len;
	long allowed;
	int64_t left_ms;	/* of the states of the part that are not on the way */
	int64_t behind_ms;	/* at most, behind the part */
};

/* ---- the arcs -------------------------------------------------------------------- */

static void attempt_add_arc(struct attempt_node *n, int to, int64_t ms)
{
	size_t i;

	for (i = 0; i < n->count && n->arcs[i].to != to; i++)
		;
	if (i == n->count)
		n->arcs[n->count++] = (struct arc){ .to = to, .ms = ms };
	else if (ms > n->arcs[i].ms)
		n->arcs[i].ms = ms;
	if (ms > n->slowest_ms)
		n->slowest_ms = ms;
}

static void attempt_lay_arcs(struct attempt *a, int state)
{
	const struct graph_node *of = &a->g->nodes[state];
	struct attempt_node *n = &a->nodes[state];
	const struct target *to;
	size_t i;

	n->part = -1;
	n->arcs = memory_new(of->count + 1, sizeof(*n->arcs));
	for (i = 0; i < of->count; i++) {
		to = of->edges[i].to;
		attempt_add_arc(n, to->kind == TARGET_STATE ? to->state : -1,
				graph_edge_ms(a->g, state, &of->edges[i]));
	}
	if (of->count == 0)
		attempt_add_arc(n, -1, graph_state_ms(a->g, state));
}

/* ---- ways through a part ----------------------------------------------------------- */

static void attempt_keep_way(struct attempt *a, int64_t ms)
{
	struct attempt_node *from = a->from;
	size_t i;

	from->found_ms = ms;
	from->way_len = a->way_len;
	for (i = 0; i < a->way_len; i++)
		from->way[i] = a->way[i];
}

/* The way leaves the part by its last arc, or can't go on. */
static void attempt_ends(struct attempt *a, const struct arc *last, int64_t ms)
{
	const struct attempt_node *to = NULL;
	int64_t found = ms, bound = ms;

	if (last->to >= 0 && !a->nodes[last->to].on_way)
		to = &a->nodes[last->to];
	if (to != NULL) {
		found = deadline_add(ms, to->found_ms);
		bound = deadline_add(ms, to->bound_ms);
	}
	if (bound > a->from->bound_ms)
		a->from->bound_ms = bound;
	if (found > a->from->found_ms)
		attempt_keep_way(a, found);
}

/* so_far: until the state is entered. */
static void attempt_walk(struct attempt *a, int state, int64_t so_far)
{
	struct attempt_node *n = &a->nodes[state], *to;
	const struct arc *arc;
	int64_t ms;
	size_t i;

	if (deadline_add(deadline_add(so_far, a->left_ms), a->behind_ms) <=
	    a->from->found_ms)
		return;
	n->on_way = true;
	a->left_ms -= n->slowest_ms;
	for (i = 0; i < n->count && a->allowed > 0; i++) {
		a->allowed--;
		arc = &n->arcs[i];
		to = arc->to >= 0 ? &a->nodes[arc->to] : NULL;
		ms = deadline_add(so_far, arc->ms);
		a->way[a->way_len++] = arc;
		if (to == NULL || to->on_way || to->part != n->part)
			attempt_ends(a, arc, ms);
		else
			attempt_walk(a, arc->to, ms);
		a->way_len--;
	}
	a->left_ms += n->slowest_ms;
	n->on_way = false;
}

static void attempt_search(struct attempt *a, int state, int64_t part_ms)
{
	struct attempt_node *n = &a->nodes[state];
	long allowed = a->steps < ATTEMPT_STEPS_PART ? a->steps
						     : ATTEMPT_STEPS_PART;

	if (allowed < ATTEMPT_STEPS_LEAST)
		allowed = ATTEMPT_STEPS_LEAST;
	a->from = n;
	a->allowed = allowed;
	a->left_ms = part_ms;
	n->found_ms = n->bound_ms = -1;
	n->way = memory_new(a->g->s->state_count + 1, sizeof(*n->way));
	attempt_walk(a, state, 0);
	a->steps -= allowed - a->allowed;
	if (a->allowed == 0)
		n->bound_ms = deadline_add(part_ms, a->behind_ms);
}

/* The part is order[begin..end); those behind it are known. */
static void attempt_take_part(struct attempt *a, int begin, int end)
{
	int64_t part_ms = 0, behind_ms = 0;
	struct attempt_node *n;
	const struct arc *arc;
	int i;

	for (i = begin; i < end; i++) {
		n = &a->nodes[a->order[i]];
		part_ms = deadline_add(part_ms, n->slowest_ms);
		for (arc = n->arcs; arc < n->arcs + n->count; arc++) {
			if (arc->to >= 0 && a->nodes[arc->to].part != n->part &&
			    a->nodes[arc->to].bound_ms > behind_ms)
				behind_ms = a->nodes[arc->to].bound_ms;
		}
	}
	a->behind_ms = behind_ms;
	for (i = begin; i < end; i++) {
		if (a->nodes[a->order[i]].entered)
			attempt_search(a, a->order[i], part_ms);
	}
}

/* ---- the parts ------------------------------------------------------------------- */

/* What stands on the stack from that state on is a part; it is named by its order. */
static void attempt_close_part(struct attempt *a, int state)
{
	int part = a->order_len, last;

	do {
		last = a->stack[--a->stack_len];
		a->nodes[last].part = part;
		a->order[a->order_len++] = last;
	} while (last != state);
}

/* Everything that can be reached from there, in Tarjan's way. */
static void attempt_number(struct attempt *a, int state)
{
	struct attempt_node *n = &a->nodes[state], *to;
	size_t i;

	n->number = n->low = ++a->numbers;
	a->stack[a->stack_len++] = state;
	for (i = 0; i < n->count; i++) {
		if (n->arcs[i].to < 0)
			continue;
		to = &a->nodes[n->arcs[i].to];
		if (to->number == 0)
			attempt_number(a, n->arcs[i].to);
		if (to->part < 0 && to->low < n->low)
			n->low = to->low;
	}
	if (n->low == n->number)
		attempt_close_part(a, state);
}

static void attempt_mark_entered(struct attempt *a)
{
	const struct attempt_node *n;
	struct attempt_node *to;
	size_t k;
	int i;

	a->nodes[a->g->s->start].entered = true;
	for (i = 0; i < a->order_len; i++) {
		n = &a->nodes[a->order[i]];
		for (k = 0; k < n->count; k++) {
			to = n->arcs[k].to >= 0 ? &a->nodes[n->arcs[k].to] : NULL;
			if (to != NULL && to->part != n->part)
				to->entered = true;
		}
	}
}

static void attempt_take_parts(struct attempt *a)
{
	int begin, end;

	for (begin = 0; begin < a->order_len; begin = end) {
		for (end = begin; end < a->order_len &&
				  a->nodes[a->order[end]].part == begin; end++)
			;
		attempt_take_part(a, begin, end);
	}
}

/* ---- what comes out -------------------------------------------------------------- */

static void attempt_put_way(const struct attempt *a, struct buffer *path)
{
	int state = a->g->s->start;
	const struct attempt_node *n = &a->nodes[state];
	const struct arc *arc = NULL;
	char time[32];
	size_t i;

	for (;;) {
		for (i = 0; i < n->way_len; i++) {
			arc = n->way[i];
			buffer_printf(path, "%s%s (%s)", path->len > 0 ? " -> " : "",
				      a->g->s->states[state].name,
				      deadline_format(arc->ms, time, sizeof(time)));
			state = arc->to;
		}
		/* It ends, or would come back into the part. */
		if (state < 0 || a->nodes[state].part == n->part)
			return;
		n = &a->nodes[state];
	}
}

static void attempt_release(struct attempt *a)
{
	size_t i;

	for (i = 0; i < a->g->s->state_count; i++) {
		free(a->nodes[i].arcs);
		free(a->nodes[i].way);
	}
	free(a->nodes);
	free(a->stack);
	free(a->order);
	free(a->way);
}

int64_t graph_attempt_ms(struct graph *g, int64_t *ret_bound_ms,
			 struct buffer *path)
{
	size_t i, count = g->s->state_count;
	struct attempt a = { .g = g, .steps = ATTEMPT_STEPS };
	int64_t found;

	a.nodes = memory_new(count, sizeof(*a.nodes));
	a.stack = memory_new(count, sizeof(*a.stack));
	a.order = memory_new(count, sizeof(*a.order));
	a.way = memory_new(count + 1, sizeof(*a.way));
	for (i = 0; i < count; i++)
		attempt_lay_arcs(&a, (int)i);
	attempt_number(&a, g->s->start);
	attempt_mark_entered(&a);
	attempt_take_parts(&a);
	found = a.nodes[g->s->start].found_ms;
	*ret_bound_ms = a.nodes[g->s->start].bound_ms;
	if (path != NULL)
		attempt_put_way(&a, path);
	attempt_release(&a);
	return found;
}
