/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_QUESTION_H
#define RH_AGENT_RUN_QUESTION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/run/answer.h"
#include "agent/run/timeline.h"
#include "base/error.h"

/*
 * A question of a live run to a person, in the run's own loop. It is asked at
 * the terminal of the run, where there is one, and can be answered there or with
 * `rhands answer` from anywhere that may write the record; who answers first,
 * has answered. Question and answer are events of the run.
 */
struct run;

struct question_answer {
	enum rh_code code;	/* NONE: answered; TIMEOUT: nobody did */
	const char *text;	/* a choice, or the line without blanks around */
	const char *who;	/* "terminal", or the name of a user */
};

struct question {
	const char *text;	/* what it is about: one line, plain text */
	const char *prompt;	/* what to type: "Type done or no"; NULL: made from
				   the choices */
	const char *const *choices;	/* NULL-ended, static; NULL: any text */
	int64_t deadline;	/* absolute */
	/* Called once, unless the question is cancelled; it may begin the next. */
	void (*take)(struct run *r, const struct question_answer *answer);
};

/* The room's own state in a run; zeroed: none is open. */
struct question_state {
	bool open;
	int number;		/* of the last one in this run */
	bool offered;		/* it is in the record: `answer` can reach it */
	bool terminal;		/* it is asked at the terminal */
	struct question q;	/* without text and prompt */
	char *prompt;
	struct buffer line;	/* typed, not ended by Enter yet */
	struct timeline out;	/* the terminal */
};

/* Whether there is a person at the run's terminal who can be asked. */
bool question_terminal(const struct run *r);

/*
 * Asks; text and prompt are copied. STATE where a question is open already, IO
 * where neither the terminal nor the record can carry it.
 */
int question_begin(struct run *r, const struct question *q,
		   struct rh_error *err);

/* The question is withdrawn; take is not called. Nothing where none is open. */
void question_cancel(struct run *r);

/* For the loop: what to poll for (at most 2), when to call tick, and tick. */
int question_pollfds(const struct run *r, struct pollfd *fds);
int64_t question_deadline(const struct run *r);
void question_tick(struct run *r, int64_t now);

#endif
