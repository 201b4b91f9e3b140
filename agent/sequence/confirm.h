/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_CONFIRM_H
#define RH_AGENT_SEQUENCE_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "drivers/driver.h"

/*
 * Power that is confirmed, not assumed: one power action over one or more
 * ways, as a pure state machine. It asks for queries and acts, one at a time,
 * and ends with a result and the proof. Used by the machine and by the verb
 * `power`; nobody else decides what a power state means.
 *
 *   confirm_begin, then loop: confirm_next -> do it -> confirm_done;
 *   when confirm_next gives CONFIRM_WAIT, call confirm_tick at confirm_deadline.
 *
 * Rules (DESIGN 4, FAULTS B.1):
 *  - the state is read before anything is sent; wanted state reached = success;
 *  - wanted state = read twice, at least 1 s apart; off is read a third time
 *    at the end of the step (P19);
 *  - cycle on a host that is off becomes on, behind min_off: nobody knows since
 *    when it is off; reset too (P03, P05);
 *  - cycle = off, seen off, min_off, on - or the controller's own command, which
 *    is never repeated (P12: not supported -> off and on);
 *  - acknowledged and not executed: once more after reading, then the next way;
 *  - an answer that was lost: the state is read, nothing is sent blindly (P08);
 *  - a way that needs hands: where a person can be asked, the person is, with one
 *    instruction for a cycle too; what they say of the light counts where the way
 *    can't tell, once for both readings, and the proof says that a person said it.
 */
enum confirm_result {
	CONFIRM_PENDING = 0,
	CONFIRM_SEEN,		/* observed; proof says how */
	CONFIRM_ACCEPTED,	/* reset, diag: accepted, can't be observed here */
	CONFIRM_FAILED,		/* known state, not the wanted one */
	CONFIRM_UNKNOWN,	/* can't tell */
};

struct confirm_config {
	int way_count;		/* at least 1 */
	int64_t min_off_ms;
	int64_t confirm_ms;	/* how long a change may take */
	bool controller_cycle;	/* use the controller's own cycle */
	bool person;		/* there is a person who can be asked */
	bool once;		/* what was accepted and not done is not tried
				   again: there is something rougher */
	bool unread;		/* what became of an act before this one is not
				   known: nothing is sent until it can be read */
	int64_t deadline;	/* absolute; never goes on behind it */
	int64_t epoch;		/* times in texts are relative to this */
};

enum confirm_do {
	CONFIRM_WAIT = 0,
	CONFIRM_QUERY,		/* way */
	CONFIRM_ACT,		/* way, act */
	CONFIRM_NOTE,		/* text: worth telling a person; no answer */
	CONFIRM_END,
};

struct confirm_step {
	enum confirm_do what;
	int way;
	enum driver_act act;
	bool person;		/* QUERY, ACT: a person is asked. ACT: text is the
				   instruction; the error NEEDS_HANDS: not done */
	int64_t deadline;	/* of this call, absolute */
	const char *text;	/* valid until the next call */
};

struct confirm {
	struct confirm_config config;
	enum driver_act act;	/* as asked for */

	/* private */
	int phase;
	int goal;		/* enum driver_power */
	enum driver_act send;	/* what reaches the goal */
	bool person;		/* the way is a person: cycle is one instruction */
	bool ask;		/* the act is asked of a person now */
	bool by_person;		/* the last act was a person's */
	bool look;		/* the next reading is asked of them */
	bool said;		/* they were asked, after that act */
	char told[sizeof(((struct rh_error *)0)->text)];
	bool then_on;		/* the second half of a cycle follows */
	bool off_done;		/* off was confirmed in this cycle */
	bool asked;		/* a query or act is under way */
	int way;
	int attempts;		/* acts sent on this way for this goal */
	bool sent;		/* an act of this run may have been executed */
	bool acked;
	int seen;		/* consecutive readings of the goal */
	int64_t first_seen;
	int64_t sent_at;
	int64_t window_end;
	int64_t wake;
	bool bounced;		/* controller cycle: off was seen in between */
	bool dark;		/* all readings since then say off: */
	int64_t dark_since;
	bool console_since;	/* bytes came after the last act */
	bool console_late;	/* ... too late to be from before it */
	bool console_off;	/* ... and behind a reading that said off */
	int64_t console_at;	/* when the last of those came */
	bool again;		/* the act was due once more on this way */
	const char *how;	/* what became of the last act, for texts */
	enum driver_power last;	/* last reading */
	bool last_known;	/* a query of this window was answered */
	struct rh_error err;	/* the last error of a way */
	char notes[4][200];
	int note_count;
	int note_next;
	char proof[256];
	enum confirm_result result;
};

void confirm_begin(struct confirm *c, const struct confirm_config *config,
		   enum driver_act act, int64_t now);

/* What to do now. An answer is due (confirm_done) for QUERY and ACT. */
void confirm_next(struct confirm *c, int64_t now, struct confirm_step *ret);

/* The answer: err NULL or code NONE: success; state for a query. */
void confirm_done(struct confirm *c, int64_t now, enum driver_power state,
		  const struct rh_error *err);

/* The console printed something that is not older than the last act. */
void confirm_console(struct confirm *c, int64_t now);

void confirm_tick(struct confirm *c, int64_t now);
int64_t confirm_deadline(const struct confirm *c);

/* Once confirm_next gave CONFIRM_END. The text: the proof, or what went wrong. */
enum confirm_result confirm_result(const struct confirm *c);
const char *confirm_text(const struct confirm *c);

/* The error behind FAILED or UNKNOWN (AUTH, UNREACHABLE, ...); may be NONE. */
const struct rh_error *confirm_error(const struct confirm *c);

/* Whether the host was seen without power, and is on now. */
bool confirm_was_off(const struct confirm *c);

/* Whether the host may have lost its power by now, seen or not. */
bool confirm_may_be_off(const struct confirm *c);

#endif
