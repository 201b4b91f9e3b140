/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_RUNNER_PRIVATE_H
#define RH_AGENT_PLAN_RUNNER_PRIVATE_H

#include <signal.h>
#include <sys/types.h>

#include "agent/plan/runner.h"
#include "base/buffer.h"

/* What the files of the runner share. */
struct runner_child {
	pid_t pid;			/* 0: none */
	int out;			/* -1: closed */
	struct buffer line;
	enum maintenance_step step;
	enum verdict verdict;		/* as it said; NONE: nothing yet */
	bool cancelled;
	bool local;			/* our own disk failed it */
	char reason[600];
	char run[200];
};

struct runner {
	const struct runner_options *o;
	const struct plan *plan;
	struct maintenance core;
	struct journal journal;
	struct runner_child *children;	/* per host */
	size_t living;
	int signal_fd;
	sigset_t before;
	int stopped;			/* signals that asked for the end */
	bool broken;			/* journal or records can't be written any more */
};

/* Writes the event, applies it, says it. False: broken. */
bool runner_event(struct runner *r, const struct maintenance_event *e);

/* This machine can't go on, for that reason: nothing more is begun. */
void runner_break(struct runner *r, const char *why);

/* ---- runner-child.c ------------------------------------------------------------------ */

/* Begins the step of the host; its end is an event. */
void runner_begin_host(struct runner *r, size_t host,
		       enum maintenance_step step);

/* For the loop: until something happens, or the time has come. */
void runner_wait(struct runner *r, int64_t until);
void runner_signals(struct runner *r);

/* Reads what they say; those that have ended become events. */
void runner_read(struct runner *r, size_t host);
void runner_reap(struct runner *r);
void runner_signal_children(struct runner *r, int signal);

/*
 * A new runner: what became of the hosts that were under way? -1 where that can't
 * be told now: nothing must be begun then.
 */
int runner_settle(struct runner *r, struct rh_error *err);

/* The id of a run's request, which no other one has. */
void runner_new_request(char *buf, size_t buf_len);

/* ---- runner-ask.c ---------------------------------------------------------------------- */

/*
 * Asks a person, here and by `rhands answer`, whether to go on; the answer, or that
 * there was none, is an event. Blocks until the end of the window.
 */
void runner_ask(struct runner *r, const char *trouble);

/* A question of a killed runner stands no more. */
void runner_forget_question(struct runner *r);

/* ---- runner-view.c ------------------------------------------------------------------- */

/* The event in a line for people, or its JSON. */
void runner_say(const struct runner *r, const struct maintenance_event *e,
		json_t *line);
void runner_say_text(const struct runner *r, const char *text);

#endif
