/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_GRAPH_TEXT_H
#define RH_AGENT_SEQUENCE_GRAPH_TEXT_H

/* The words of both pictures of a sequence, for graph-*.c alone. */
#include "agent/sequence/graph.h"

/* The key of such a rule: "on", "on idle" ... */
const char *graph_rule_key(const struct rule *r);

/* "/re/ max 3 : key F1, note "x"". */
void graph_put_rule(const struct rule *r, struct buffer *out);

/* "power cycle, key F1" */
void graph_put_actions(const struct actions *list, struct buffer *out);

/* "2m05s" */
void graph_put_ms(int64_t ms, struct buffer *out);

/*
 * The rules of [always] from the i-th on that hold in the same states, and which
 * those are: "every state", "every state of S/X". An empty list: there is none left.
 */
struct rules graph_always(const struct sequence *s, size_t i, struct buffer *where);

/*
 * Whether the state ends the run where one of its actions fails, though nobody
 * wrote so: it has no `else`.
 */
bool graph_fails_bare(const struct state *st);

/* "deadline 30m, the longest path takes 18m: PATH", or why there is none. */
void graph_put_longest(struct graph *g, struct buffer *out);

/* What one attempt takes, on which no state is entered twice, and its path. */
void graph_put_attempt(struct graph *g, struct buffer *out);

#endif
