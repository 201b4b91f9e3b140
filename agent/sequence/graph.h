/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_GRAPH_H
#define RH_AGENT_SEQUENCE_GRAPH_H

#include "agent/sequence/sequence.h"
#include "base/buffer.h"

/*
 * A sequence as a graph: its states, and every way out of them, each with the
 * longest time that may go by until it is taken. For proofs and for people.
 */
enum graph_edge_kind {
	GRAPH_EDGE_NONE = 0,
	GRAPH_EDGE_THEN,
	GRAPH_EDGE_ELSE,
	GRAPH_EDGE_TIMEOUT,
	GRAPH_EDGE_RULE,	/* of the state */
	GRAPH_EDGE_ALWAYS,	/* a rule of [always] */
	GRAPH_EDGE_COUNT,
};

struct graph_edge {
	enum graph_edge_kind kind;
	const struct target *to;	/* a state or a verdict */
	const struct rule *rule;	/* RULE, ALWAYS; else NULL */
	bool early;	/* taken before `do` may be through */
	bool bounded;	/* a rule of [always] with `max` */
};

struct graph_node {
	struct graph_edge *edges;
	size_t count;
	bool reached;		/* from the start */
	int64_t longest_ms;	/* -1: not known yet */
	int color;		/* for graph_loops */
};

/* What a host says about its power. */
struct graph_times {
	int64_t confirm_ms;
	int64_t min_off_ms;
};

struct graph {
	const struct sequence *s;
	struct graph_times times;
	struct graph_node *nodes;	/* one for each state */
};

/* s: borrowed until graph_release. times NULL: no host is known. */
void graph_init(struct graph *g, const struct sequence *s,
		const struct graph_times *times);
void graph_release(struct graph *g);

/*
 * Calls found for every way that goes round and that no `visits` (nor `max` of
 * [always]) ends: the states, the first again at the end. Returns whether there
 * is one; found may be NULL.
 */
bool graph_loops(struct graph *g,
		 void (*found)(void *context, const int *states, size_t count),
		 void *context);

/* How long these actions take in the state at most, in a row; NULL: none. */
int64_t graph_actions_ms(const struct graph *g, int state,
			 const struct actions *list);

/* How long a stay in the state takes at most. */
int64_t graph_state_ms(const struct graph *g, int state);

/* From the entry into the state until the edge is behind us, at most. */
int64_t graph_edge_ms(const struct graph *g, int state,
		      const struct graph_edge *e);

/*
 * The same of a rule of [always] with a target: from the entry into the state in
 * which that takes longest.
 */
int64_t graph_always_ms(const struct graph *g, const struct rule *r);

/*
 * The longest time that a run may take, without what it does before the first
 * state. Only for a graph without loops. path: how it comes about is appended, NULL
 * if nobody wants to know:
 *   "2 x cycle (2m5s) -> post (2m), 1 x panicked (5s)"
 */
int64_t graph_worst_ms(struct graph *g, struct buffer *path);

/*
 * The longest way from the start on which no state is entered twice: what one
 * attempt may take. Returns the longest that was found, which is of all of them
 * where *ret_bound_ms is the same; else there were too many ways to look at, and
 * no attempt takes more than *ret_bound_ms. Loops do no harm. path: as above.
 */
int64_t graph_attempt_ms(struct graph *g, int64_t *ret_bound_ms,
			 struct buffer *path);

/* For people: the sequence in graphviz's language, and as text of 80 columns. */
void graph_put_dot(struct graph *g, struct buffer *out);
void graph_put_outline(struct graph *g, struct buffer *out);

#endif
