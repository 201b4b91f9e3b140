/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_TWIN_PRIVATE_H
#define RH_AGENT_TWIN_TWIN_PRIVATE_H

/* The inside of a twin, for twin.c, twin-acts.c and twin-inputs.c alone. */
#include "agent/twin/twin.h"

/* A list of actions that runs. */
struct twin_slot {
	const struct twin_acts *acts;	/* NULL: empty */
	const struct twin_target *target;
	size_t next;
	size_t printed;			/* bytes of the present text */
	size_t piece;			/* of the present recording */
	int64_t playing;		/* since when; -1: not yet */
	int64_t wake;
};

struct twin {
	const struct twin_model *model;
	uint64_t random;
	int64_t now;
	int state;
	int64_t entered;
	struct twin_slot act;
	struct twin_slot rule;
	int64_t on_at;			/* second half of a cycle */
	int64_t sysrq_until;
	bool lost;			/* no console */
	int boots;
	unsigned entries;
	enum driver_boot device;	/* of the next boot */
	int steps;			/* at this instant */
	char boot_id[40];
	struct buffer typed;		/* in this state, not consumed */
	struct buffer out;
	int *counts;			/* per rule of the state */
	int *always_counts;
	size_t most_rules;
	bool *visited;
};

/* The state that it is in. */
static inline const struct twin_state *twin_state(const struct twin *t)
{
	return &t->model->states[t->state];
}

/* twin.c: a random number of from..to, drawn from the seed. */
int64_t twin_between(struct twin *t, int64_t from, int64_t to);

/* Enters a state; `go`: one of the target's, by weight (none: stays). */
void twin_enter(struct twin *t, int state);
void twin_go(struct twin *t, const struct twin_target *target);

/* `then`, or `then DEVICE` where that is to be booted. */
const struct twin_target *twin_then(const struct twin *t,
				    const struct twin_state *st);

/*
 * twin-acts.c: the rule for an input that ends earliest, the state's own before
 * [always]; it is counted. text is for patterns, number for the others; *ret_end
 * (0 before) is the end of the match in text. NULL: there is none.
 */
const struct twin_rule *twin_rule_find(struct twin *t, enum twin_on on,
				       int number, const char *text, size_t len,
				       size_t *ret_end);

/* Has its actions run, from now on. */
void twin_rule_run(struct twin *t, const struct twin_rule *r);

/* Looks for a rule in what was typed, where no other one runs. */
void twin_match_typed(struct twin *t);

/* Fills a slot; its first action is due at once. */
void twin_slot_fill(struct twin_slot *s, const struct twin_acts *acts,
		    const struct twin_target *target, int64_t now);

/* The next action of a slot, or a piece of it; behind the last one it leads on. */
void twin_slot_step(struct twin *t, struct twin_slot *s);

/* Puts bytes on the line, where the host is on and there is one. */
void twin_print(struct twin *t, const char *bytes, size_t len);

#endif
