/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_FLEET_H
#define RH_AGENT_RUN_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/config/config.h"
#include "base/buffer.h"

/*
 * One thing on many hosts at once: a process for each host, so that a host that
 * hangs, or a process that dies, delays and breaks nobody else.
 */
struct fleet_options {
	int parallel;			/* processes at once, at least 1 */
	bool json;			/* the children's lines as they come */
	const char *word;		/* what is done: "recover", "power cycle" */

	/*
	 * In the child: does it for the host, JSON lines on standard output (the
	 * last one the event "verdict"), words on standard error. Returns the
	 * exit status.
	 */
	int (*one)(void *context, const struct host *host);
	void *context;
};

/* A host on its way; for fleet.c and fleet-view.c. */
struct fleet_member {
	const struct host *host;
	pid_t pid;			/* 0: not begun; -1: ended */
	int out;			/* its standard output and error; -1: closed */
	int errors;
	struct buffer out_line;
	struct buffer error_line;
	int64_t began;
	int64_t ended;
	char state[40];
	char text[200];			/* of its last event, escaped */
	char waits[120];		/* what it waits for, until when, escaped */
	char verdict[24];		/* "" none yet */
	char reason[600];		/* escaped */
	char record[200];		/* name of the record; "" none */
	int status;			/* exit status; -1: not known */
};

/*
 * Does it; a live table on a terminal, a line for each host as it ends, and a
 * summary. Returns the worst exit status: cancelled (130), unknown (4),
 * needs-hands (3), failed (1), busy (5), refused (6), usage (2), recovered (0).
 * SIGINT and SIGTERM end the runs that are under way cleanly; no other is begun.
 * SIGHUP ends nothing.
 */
int fleet_run(const struct fleet_options *options,
	      const struct host *const *hosts, size_t count);

/* Which of two exit statuses is worse. */
int fleet_worse(int a, int b);

/* ---- fleet-view.c: how it is shown ------------------------------------------ */

/*
 * A reader that does not read (a stopped terminal, a full pipe) never holds up the
 * runs, nor what reads of them: what it has not taken waits in `out`.
 */
struct fleet_view {
	bool silent;			/* JSON lines alone */
	bool live;
	int columns;
	int name_width;
	int rows;
	int drawn;			/* lines of the table on the terminal */
	int64_t drawn_at;
	bool dirty;
	struct buffer out;		/* for standard output */
	struct buffer errors;		/* for standard error, where it is no terminal */
	bool gone;			/* nobody takes standard output any more */
	int why;			/* errno of that */
};

void fleet_view_init(struct fleet_view *v, bool json);

/* A line of JSON of a host. */
void fleet_view_line(struct fleet_view *v, const char *line);

/* A line of words above the table: "web3  recovered  in 45s; ..." */
void fleet_view_ended(struct fleet_view *v, const struct fleet_member *m);
void fleet_view_says(struct fleet_view *v, const struct fleet_member *m,
		     const char *text);

/* Draws the table anew where it is due; returns when it wants to be called. */
int64_t fleet_view_tick(struct fleet_view *v, const struct fleet_member *list,
			size_t count, int64_t now);

/* The table goes; what came of all hosts, folded where equal. */
void fleet_view_summary(struct fleet_view *v, const struct fleet_options *o,
			const struct fleet_member *list, size_t count);

/*
 * Gives the readers what they take now. Returns whether something waits for
 * standard output; its caller polls for that.
 */
bool fleet_view_drain(struct fleet_view *v);

/* What was not taken is lost. */
void fleet_view_release(struct fleet_view *v);

#endif
