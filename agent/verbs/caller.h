/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_CALLER_H
#define RH_AGENT_VERBS_CALLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/run/follow.h"
#include "agent/verbs/verb.h"

/*
 * What the verbs that begin runs (recover, run, power) offer to their callers,
 * people and programs: the options, one host or many, a request that may come
 * twice, a run that nobody waits for.
 */
#define CALLER_TEXT_MAX 500	/* bytes of --reason and --override */

struct caller {
	struct verb_call *call;

	/* options as they stand on the command line */
	const char *deadline, *parallel, *reason, *request, *override;
	bool no_wait;

	/* what the verb says */
	const char *word;		/* for people: "recover", "power cycle" */
	const char *key;		/* of `what` in a request: "sequence", "act";
					   NULL: none */
	const char *what;
	bool must_see;			/* as in struct run_options */
	const char *done_word;
	const char *boot_id;		/* as in struct run_options */

	/* The sequence for that host, sequence_free it; NULL after saying why not. */
	struct sequence *(*sequence)(const struct caller *c,
				     const struct host *host);
	const void *context;
	enum guard_ask ask;		/* which rules of the guard */
	int turn_fd;			/* with GUARD_HEALTH: closed when the run has
					   begun and is counted; -1: none */

	/* caller.c */
	int64_t deadline_ms;
	int at_once;
	char why[CALLER_TEXT_MAX + 1];
	char override_why[CALLER_TEXT_MAX + 1];
	bool json;			/* of this process: children of many do */
	bool tells_waits;		/* as in struct run_options */
	bool guarded;
	struct guard guard;
};

/* The options of a caller, for verb_begin. */
#define CALLER_OPTIONS(c)						\
	{ "deadline", &(c)->deadline, NULL },				\
	{ "parallel", &(c)->parallel, NULL },				\
	{ "reason", &(c)->reason, NULL },				\
	{ "request-id", &(c)->request, NULL },				\
	{ "override", &(c)->override, NULL },				\
	{ "no-wait", NULL, &(c)->no_wait }

#define CALLER_HELP							\
	"  --deadline T    how long it may take, in place of the sequence's\n" \
	"  --parallel N    hosts at once (32)\n"			\
	"  --reason TEXT   why, for the record\n"			\
	"  --request-id ID the same id again: the same answer, nothing twice\n" \
	"  --no-wait       print the run's name and leave it to itself\n" \
	"  --override WHY  past the guard, for the record\n"

/* Looks at the options. Returns 0, or 2 after saying what is wrong. */
int caller_check(struct caller *c);

/* Does it for all of them; returns the exit status. */
int caller_run(struct caller *c, const struct host *const *hosts, size_t count);

/*
 * The same for one host, as a part of something bigger, which says itself what the
 * request is for. No guard is asked.
 */
int caller_part(struct caller *c, const struct host *host);

/*
 * The end of a run from its record, as the run told it: lines for people, or the
 * event "verdict", with the member `mark` (NULL: none) true. Returns its exit
 * status.
 */
int caller_answer(const struct verb_call *call, const json_t *run,
		  const char *path, const char *mark);

/* The name of a run that goes on: a line, or the event "begun". */
void caller_begun(const struct verb_call *call, const char *host,
		  const char *run, bool repeated);

#endif
