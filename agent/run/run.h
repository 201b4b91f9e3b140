/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_RUN_H
#define RH_AGENT_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "agent/run/guard.h"
#include "agent/run/logbook.h"
#include "agent/run/timeline.h"
#include "agent/sequence/sequence.h"
#include "base/error.h"

/*
 * An event that is told to the parent of many runs alone, and not recorded: what
 * the run waits for now, until when, in its text.
 */
#define RUN_WAITS "waits"

/* A live run: one sequence on one host, by this process. */
struct run_options {
	const struct host *host;
	const struct sequence *sequence;
	const char *records;		/* directory of runs/ and locks/ */
	const char *verb;		/* for the lock: "recover", ... */
	int64_t deadline_ms;		/* how long it may take; 0: the sequence's */
	bool must_see;			/* an act that can't be observed is unknown */
	const char *done_word;		/* in place of "recovered", where a run only
					   carries out an act; NULL: "recovered" */
	bool json;			/* JSON lines on standard output */
	bool tells_waits;		/* and RUN_WAITS between them */
	enum timeline_mode mode;

	const struct logbook_options *logbook;	/* NULL: no log but the record */

	/* What the caller says of it, for the record; NULL: nothing. */
	const char *why;
	const char *request_id;
	const char *override;		/* why no guard counts */
	const char *boot_id;		/* of the system that a run before this one may
					   have restarted: `check ssh` wants another
					   one; NULL: not known */
	const struct guard *guard;	/* asked where force may be used; NULL: none */

	/*
	 * The run has its lock and its record, and nothing was done yet. -1: it
	 * must not go on (the record is taken away again). May be NULL.
	 */
	int (*begun)(void *context, const char *run, struct rh_error *err);
	void *begun_context;
};

struct run_result {
	enum verdict verdict;
	enum rh_code code;		/* why, where not by the sequence */
	char reason[1024];		/* for people; not escaped yet */
	char record[1024];		/* path of the record; "" none */
	int64_t duration_ms;
	int exit_status;		/* DESIGN 7 */
	char rule[200];			/* of the guard, that refused it; "" none */
	int64_t allowed_at;		/* wall clock; 0: not known */
};

/*
 * Carries it out; blocks until it ends (the deadline plus 1 s at the most).
 * SIGINT and SIGTERM end it cleanly. -1 where nothing was begun: BUSY (somebody
 * else holds the host), IO (no record can be written).
 */
int run_sequence(const struct run_options *options, struct run_result *ret,
		 struct rh_error *err);

/* The exit status that goes with a verdict and a code. */
int run_exit_status(enum verdict verdict, enum rh_code code);

/* The exit status that goes with an error outside of a run. */
int run_error_status(enum rh_code code);

#endif
