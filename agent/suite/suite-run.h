/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SUITE_SUITE_RUN_H
#define RH_AGENT_SUITE_SUITE_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "agent/config/config.h"
#include "agent/sequence/sequence.h"
#include "agent/suite/suite.h"
#include "base/buffer.h"

/*
 * A suite under way. A pair is a test and a host that it is for; a case is one
 * run of a pair, in a process of its own. A host has one case at a time, in the
 * order of the tests; hosts go on beside each other.
 */
struct suite_pair {
	const struct suite_test *test;
	const struct host *host;
	struct sequence *sequence;	/* parsed for this host */
	int64_t begun;			/* cases */
	int64_t ended;
	int64_t wrong;			/* of those, not as expected */
};

/* How long a run was in a state, each time. */
struct suite_stay {
	char *state;
	int64_t ms;
};

struct suite_case {
	struct suite_pair *pair;
	int64_t number;			/* from 1 on, of its pair */
	int64_t wall_ms;		/* when it began */
	int64_t began, ended;
	char outcome[24];		/* "recovered", ..., "busy", "cancelled" */
	char *reason;			/* for people; foreign text */
	char *words;			/* what it said on standard error; foreign text */
	char run[200];			/* name of its record; "" none */
	bool kept;			/* the record is still there */
	bool right;
	struct suite_stay *stays;
	size_t stay_count;

	/* while it is under way */
	pid_t pid;
	int out, errors;		/* -1: closed */
	struct buffer out_line, error_text;
	int64_t entered;		/* since its run began */
	char *state;			/* NULL: at the start */
};

enum suite_keep {
	SUITE_KEEP_ALL = 0,
	SUITE_KEEP_FAILED,
	SUITE_KEEP_NONE,
};

struct suite_report;

struct suite_options {
	const struct suite *suite;
	struct suite_pair *pairs;	/* by test, in the order written */
	size_t pair_count;
	int64_t rounds;			/* of the whole suite; 0: without end */
	bool until_failure;
	int parallel;			/* cases at once */
	enum suite_keep keep;
	const char *records;

	/*
	 * In the child: carries the case out, JSON lines on standard output (the
	 * last one the event "verdict"), words on standard error. Returns the exit
	 * status.
	 */
	int (*one)(void *context, const struct suite_pair *pair);
	/* Here: a case has ended. */
	void (*ended)(void *context, const struct suite_case *c);
	void *context;
};

struct suite_results {
	struct suite_case **cases;	/* in the order in which they ended */
	size_t count;
	size_t wrong;
	bool cancelled;			/* by a signal */
};

/* Cases in all, -1 where nobody knows before. */
int64_t suite_planned(const struct suite_options *o);

/*
 * Carries it out. A signal (SIGINT, SIGTERM) ends what is under way cleanly, and
 * nothing more is begun. Release with suite_results_release.
 */
void suite_run(const struct suite_options *o, struct suite_results *ret);
void suite_results_release(struct suite_results *r);

/* ---- suite-case.c: what a child says -------------------------------------- */

struct suite_case *suite_case_new(struct suite_pair *pair);
void suite_case_free(struct suite_case *c);

/* A line of its standard output. */
void suite_case_line(struct suite_case *c, const char *line);

/* It ended so (a status of waitpid(2)); decides whether it is right. */
void suite_case_end(struct suite_case *c, int how);

/* ---- suite-stats.c --------------------------------------------------------- */

/* The times of one state of one test, over all its hosts and repeats. */
struct suite_times {
	const struct suite_test *test;
	const char *state;		/* NULL: the whole run */
	size_t count;
	int64_t min_ms, median_ms, max_ms;
};

/* In the order of the tests, then of states as they came; free(3). */
struct suite_times *suite_times_of(const struct suite *suite,
				   const struct suite_results *r,
				   size_t *ret_count);

/* "recovered 9, unknown 1": how the cases of a pair ended. */
void suite_outcomes(const struct suite_results *r, const struct suite_pair *pair,
		    char *buf, size_t buf_len);

/* ---- suite-report.c, suite-tap.c, suite-junit.c ------------------------------ */

enum suite_form {
	SUITE_FORM_TAP = 0,
	SUITE_FORM_TABLE,
	SUITE_FORM_JSON,
};

struct suite_report {
	enum suite_form form;
	const struct suite_options *o;
	int64_t told;			/* cases */
};

/* On standard output: the head, each case as it ends, and the end. */
void suite_report_begin(struct suite_report *p);
void suite_report_case(struct suite_report *p, const struct suite_case *c);
void suite_report_end(struct suite_report *p, const struct suite_results *r);

/* The case as JSON, without an event: for JSON lines. */
json_t *suite_case_json(const struct suite_options *o,
			const struct suite_case *c);

void suite_tap_begin(const struct suite_report *p);
void suite_tap_case(const struct suite_report *p, const struct suite_case *c);
void suite_tap_end(const struct suite_report *p, const struct suite_results *r);

/* Writes the results as JUnit XML to f. */
void suite_junit_write(FILE *f, const struct suite_options *o,
		       const struct suite_results *r);

#endif
