/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_EXAMINE_PRIVATE_H
#define RH_AGENT_RUN_EXAMINE_PRIVATE_H

/* The inside of `rhands doctor`, for examine*.c alone. */
#include "agent/hand/hand.h"
#include "agent/run/examine.h"
#include "drivers/garbage.h"

enum examine_stage {
	EXAMINE_STAGE_WAY = 0,
	EXAMINE_STAGE_BEFORE,	/* a shell counts breaks, then the way */
	EXAMINE_STAGE_AFTER,	/* it counts them once more, then the end */
};

/* A way that is looked at now. */
struct examine_slot {
	struct hand *hand;	/* NULL: free */
	struct examine_way *way;
	int64_t deadline;
	int64_t listen_until;	/* 0: does not listen */
	size_t heard;
	struct garbage garbage;
	bool broke;		/* it listens behind a break of ours */
	enum examine_stage stage;
	const struct way *shell;	/* that counts breaks; NULL: none */
	int64_t breaks;		/* counted before; -1: can't be */
};

struct examine {
	struct examine_way *ways;
	size_t count;
	bool *begun;
	bool *ended;
	struct examine_slot *slots;
	int parallel;
	unsigned flags;
	void (*take)(void *context, const struct examine_way *way);
	void *context;
	int signal_fd;
	bool cancelled;
};

/* examine.c */
bool examine_has(const struct examine_way *way, const char *level,
		 const char *subject);

/* The way is done: its hand goes, and the caller's `take` is called. */
void examine_end(struct examine *x, struct examine_slot *slot);

/* examine-way.c */

/* Begins with the first question; false where the way is done already. */
bool examine_begin(struct examine *x, struct examine_slot *slot);

/* What its hand says; the way may be done then. */
void examine_event(struct examine *x, struct examine_slot *slot,
		   const struct hand_event *event);

/* Enough was heard, or the time for it is over. */
void examine_listened(struct examine *x, struct examine_slot *slot);

/* Whether a break is sent on this way, where it can be. */
bool examine_breaks_way(const struct examine *x, const struct examine_way *way);

#endif
