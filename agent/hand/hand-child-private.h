/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_HAND_HAND_CHILD_PRIVATE_H
#define RH_AGENT_HAND_HAND_CHILD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/hand/hand-child.h"
#include "agent/hand/message.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/ring.h"

/*
 * The inside of a hand's process, for its three rooms: hand-child.c (the loop,
 * beginning and end), hand-child-ops.c (what a request does) and
 * hand-child-console.c (what goes to the brain, and the attached console).
 */
#define CHILD_SPINS 16		/* "ready" without a byte, before we wait */

struct child_item {
	char *bytes;		/* a checked request */
	size_t len;
};

struct child {
	int fd;
	bool asked;			/* the socket has something to read */
	const struct driver *driver;
	bool fleet;		/* self is of driver->fleet */
	int at_once;		/* of a fleet; 0: no limit */
	void *self;
	struct rh_error open_err;	/* code NONE: the driver is open */

	struct child_item queue[HAND_QUEUE];
	size_t queued;

	struct child_item writing;	/* the WRITE under way, bytes NULL: none */
	size_t written;
	int64_t write_at;		/* when to offer the rest */
	int64_t eager_until;		/* a key went out: its answer comes soon */

	bool attached;
	int64_t alive_at;
	int spins;
	struct ring ring;		/* data NULL until the first attach */
	uint64_t position;		/* what the brain has of it */
	uint64_t gap;			/* bytes that the driver lost, not told yet, */
	uint64_t gap_at;		/* and where: a position in the ring */

	struct buffer answer;		/* not sent yet; empty: none */
	bool answer_after_bytes;
	struct buffer lost;		/* LOST, after all bytes */
	bool brain_gone;
};

/*
 * The timer behind every call into the driver: it ends the process
 * HAND_HARD_STOP_MS after the deadline, should the call not return.
 */
void child_arm(int64_t deadline);
void child_disarm(void);

/* Wipes a request and frees it. */
void child_item_release(struct child_item *item);

/* --- hand-child-ops.c --- */

/* Begins the next request, where nothing of the one before is left. */
void child_start_next(struct child *c);

/* The same, where that is a WRITE to the attached console. */
void child_start_write(struct child *c);

/* --- hand-child-console.c --- */

/* Makes the answer to a request; rc is what the driver returned. */
void child_answer(struct child *c, struct hand_event *done, int rc);

/* Whether something waits to be sent. */
bool child_has_output(const struct child *c);

/*
 * Sends one of many, and waits for the socket if need be, HAND_HARD_STOP_MS at
 * most. False: nobody is there.
 */
bool child_send_state(struct child *c, const struct driver_fleet_answer *answer);

/* Sends what the socket takes: the answer, console output and gaps, the loss. */
void child_flush(struct child *c);

/* One message; false: not now, or nobody is there (brain_gone). */
bool child_send(struct child *c, const void *bytes, size_t len);

/* The sign of life of an attached console, each second. */
void child_alive(struct child *c);

/* Takes what the console has, into the ring. */
void child_read_console(struct child *c);

/* Offers the rest of a WRITE to the driver, from the first byte not taken. */
void child_write_some(struct child *c);

#endif
