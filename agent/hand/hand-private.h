/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_HAND_HAND_PRIVATE_H
#define RH_AGENT_HAND_HAND_PRIVATE_H

#include "agent/hand/hand-child.h"
#include "agent/hand/hand.h"
#include "agent/hand/message.h"

/*
 * The inside of struct hand, for its two rooms: hand.c (requests, events and
 * time) and hand-process.c (how the process begins and ends).
 *
 *   LIVE -> STOPPING (hand_stop, a late answer) -> GONE -> ENDED
 *   LIVE, STOPPING -> KILLED (hand_kill, a bad message, not gone in time)
 *   any -> GONE when the process was waited for; ENDED when that was told
 */
enum hand_stage {
	HAND_STAGE_NONE = 0,
	HAND_STAGE_LIVE,
	HAND_STAGE_STOPPING,	/* asked to end, killed at kill_at */
	HAND_STAGE_KILLED,
	HAND_STAGE_GONE,	/* waited for; HAND_ENDED is still to tell */
	HAND_STAGE_ENDED,
};

enum pending_stage {
	PENDING_NONE = 0,
	PENDING_WAITING,
	PENDING_DUE,		/* has ended with err, to be told */
	PENDING_TOLD,		/* the hand's own answer is still to come */
};

struct pending {
	enum pending_stage stage;
	uint32_t id;
	enum hand_op op;
	int64_t deadline;
	int64_t last_chance;	/* 0: not given yet */
	struct rh_error err;
};

struct hand {
	char *name;
	pid_t pid;
	int fd;				/* the socket, later perhaps a pidfd */
	bool fd_is_process;
	enum hand_stage stage;
	int64_t kill_at;
	struct rh_error why;		/* why we ended it, code NONE: we did not */
	int status;			/* of waitpid, from GONE on */

	size_t fleet_count;		/* of the ways that it asks together */

	struct pending pending[HAND_QUEUE];
	size_t pending_count;
	int64_t head_since;		/* since when pending[0] is the oldest */
	uint32_t last_id;

	bool attached;
	int64_t life_at;		/* the last message while attached */
	int batch;
	char bytes[MESSAGE_ANSWER_MAX + 1];
};

/* Whether the process was waited for. */
bool hand_is_gone(const struct hand *h);

/* Everything that waits has ended so. */
void hand_end_pending(struct hand *h, enum rh_code code, const char *text);

/* Kills it; the first reason is the one that HAND_ENDED tells. */
void hand_kill_because(struct hand *h, const struct rh_error *why);

/*
 * The socket has ended: waits for the process, without blocking; where it is
 * still there, makes the caller's poll wake up when it is not.
 */
void hand_reap(struct hand *h);

/* How the process ended, for HAND_ENDED; code NONE: as it was asked to. */
void hand_describe_end(const struct hand *h, struct rh_error *ret);

#endif
