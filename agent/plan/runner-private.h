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

/* Reads what they say; those that have ended become events. */
void runner_read(struct runner *r, size_t host);
void runner_reap(struct runner *r);
void runner_signal_children(struct runner *r, int signal);

/* A new runner: what became of the hosts that were under way? */
void runner_settle(struct runner *r);

/* ---- runner-view.c ------------------------------------------------------------------- */

/* The event in a line for people, or its JSON. */
void runner_say(const struct runner *r, const struct maintenance_event *e,
		json_t *line);
void runner_say_text(const struct runner *r, const char *text);

#endif
