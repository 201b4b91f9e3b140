/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_RUNS_FILTER_H
#define RH_AGENT_VERBS_RUNS_FILTER_H

#include <jansson.h>
#include <stdbool.h>

#include "agent/verbs/verb.h"

/* Which runs are meant: --since, --until, --host, --verdict. NULL: all. */
struct runs_filter {
	const char *since, *until, *host, *verdict;	/* as given */

	char first[20], last[20];	/* as records are named; "" no bound */
	const struct host **hosts;
	size_t host_count;
};

/*
 * Reads what was given, after verb_load. Returns 0, or 2 after saying what is
 * wrong. Release it in both cases.
 */
int runs_filter_read(struct verb_call *call, struct runs_filter *f);
void runs_filter_release(struct runs_filter *f);

/* By the name of the record alone, before it is read. */
bool runs_filter_takes_name(const struct runs_filter *f, const char *id);

/* By run.json (NULL: it can't be read) and the verdict that is shown for it. */
bool runs_filter_takes(const struct runs_filter *f, const json_t *run,
		       const char *verdict);

#endif
