/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_TIMELINE_H
#define RH_AGENT_RUN_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * A run before the reader's eyes: one line a step, with the clock of the run,
 * the state, and what happened. On a terminal the last line also says what is
 * waited for and until when. All text is escaped here.
 *
 * A reader that does not read (a stopped terminal, a full pipe) never holds
 * the run up: what it has not taken waits here. One that is gone costs nothing.
 */
enum timeline_mode {
	TIMELINE_QUIET = 0,
	TIMELINE_PLAIN,		/* lines, for a pipe */
	TIMELINE_LIVE,		/* the same, and a last line that changes */
};

struct timeline {
	enum timeline_mode mode;
	int fd;
	int columns;
	struct buffer line;	/* of the step that is still open; "" none */
	int64_t touched;	/* when something was added to it last */
	int64_t entered;	/* clock of the present state */
	char state[80];
	bool shown;		/* a line of the present state was begun */
	bool has_seen;		/* the open line has a "saw" already */
	bool status_shown;
	char status[200];
	bool patient;		/* waits for a slow reader: nothing else to do */
	bool gone;		/* nobody reads any more */
	bool held;		/* something else stands on the terminal */
	struct buffer waiting;	/* what the reader has not taken yet */
};

void timeline_init(struct timeline *t, enum timeline_mode mode, int fd);

/* "ldap1  old-ldap: Bring the old LDAP server back" */
void timeline_head(struct timeline *t, const char *host, const char *sequence,
		   const char *summary);

/* One event; names as in the journal. at_ms: since the run began. */
void timeline_event(struct timeline *t, int64_t at_ms, const char *event,
		    const char *state, const char *text);

/* A line of its own with that word in the place of the state; at_ms < 0: no clock. */
void timeline_line(struct timeline *t, int64_t at_ms, const char *word,
		   const char *text);

/* What is waited for, until when (since the beginning; < 0: no end). Live only. */
void timeline_status(struct timeline *t, int64_t at_ms, const char *what,
		     int64_t until_ms);

/* Closes a step that nothing was added to for a while. */
void timeline_tick(struct timeline *t, int64_t at_ms);
int64_t timeline_next_tick(const struct timeline *t);	/* -1: none */

/* Text as it is, in any mode: a line of JSON. */
void timeline_put(struct timeline *t, const char *text);

/*
 * While it is held nothing is written: what comes waits, and the status line is
 * gone. Writes the open line before.
 */
void timeline_hold(struct timeline *t, bool held);

/* Whether the reader has something to take; then the caller polls its fd. */
bool timeline_waits(const struct timeline *t);

/* Writes the open line and what waits; gives a slow reader half a second. */
void timeline_end(struct timeline *t);

#endif
