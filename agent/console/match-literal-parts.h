/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MATCH_LITERAL_PARTS_H
#define RH_AGENT_CONSOLE_MATCH_LITERAL_PARTS_H

/* What a part of a pattern matches, for match-literal*.c alone. */
#include "agent/console/match-literal.h"

/*
 * A node of the pattern: it matches one of a few texts and nothing else (it is
 * exact), or each of its matches contains one of the needs, or nothing is
 * known about it.
 */
struct literal_node {
	bool exact;			/* it matches strings, and no more */
	struct match_literals strings;	/* exact; one may be empty */
	struct match_literals needs;	/* not exact; none: not known */
	size_t lead;			/* bytes before needs, at most */
	size_t max;			/* bytes of a match, at most */
};

/* A concatenation that is being read. */
struct literal_run {
	struct literal_node node;
	struct match_literals run;	/* exact texts that stand last */
	size_t run_lead;		/* bytes before them, at most */
	bool broken;			/* something stands before them */
};

struct literal_node literal_exact(const char *text, size_t len);
struct literal_node literal_any(size_t max);

void literal_run_begin(struct literal_run *r);
void literal_run_add(struct literal_run *r, const struct literal_node *node);
void literal_run_end(struct literal_run *r, struct literal_node *ret);

/* a = a | b */
void literal_alternate(struct literal_node *a, const struct literal_node *b);

/* The node, low to high times; high SIZE_MAX: any number. */
void literal_repeat(struct literal_node *node, size_t low, size_t high);

/* What is known of the node when it is not taken as exact. */
const struct match_literals *literal_needs(const struct literal_node *node);

/* How unlikely they are in a text; 0: of no use. */
int literal_score(const struct match_literals *set);

/* Both are false where they would be too many, or too long. */
bool literal_add(struct match_literals *set, const char *text, size_t len);
bool literal_unite(struct match_literals *a, const struct match_literals *b);

#endif
