/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_GUARD_H
#define RH_AGENT_RUN_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "agent/sequence/sequence.h"
#include "base/error.h"

/*
 * The guard: how much force programs may use, before anything is touched. Its
 * rules are in rhands.ini (config.h); it counts the runs in the records, those
 * under way that may use force still among them. Hosts that a policy hides from the
 * caller count as all others do.
 */

/* What was seen of a host's health over the network. */
struct guard_health {
	const struct host *host;
	bool asked;		/* it has TCP checks, and they were asked */
	bool healthy;		/* all of them were good */
};

/* Which of its rules count for a run. */
enum guard_ask {
	GUARD_ALL = 0,
	GUARD_HEALTH,	/* min-healthy: what is to be done was planned and counted */
	GUARD_COUNTS,	/* how often: the host is lost in any case */
};

struct guard {
	const struct config *config;
	const char *records;
	enum guard_ask ask;
	const char *past;	/* what goes past it, for messages; NULL: nothing */

	/*
	 * The sequence that the host names, sequence_free it; NULL: none that can be
	 * used. Its `healthy` is asked for min-healthy.
	 */
	struct sequence *(*sequence)(const void *context, const struct host *host);
	const void *context;

	/* guard_prepare */
	struct guard_health *health;
	size_t health_count;
	int64_t asked_at;	/* monotonic; 0: not yet */
	int64_t asked_wall;
};

/* Whether it is on: rhands.ini says yes, or nothing and the caller is no person. */
bool guard_is_on(const struct config *config, bool person);

/*
 * Asks the health of the hosts that share a group with one of these, where such a
 * group has min-healthy: at most 10 s. For hosts that are begun one after the other
 * it is called again; what is younger than 30 s is kept.
 */
void guard_prepare(struct guard *g, const struct host *const *hosts,
		   size_t count);
void guard_release(struct guard *g);

/* What came of a decision. */
struct guard_pass {
	int fd;			/* the guard's lock; -1: not held */
	char rule[200];		/* that forbids it; "" none */
	int64_t allowed_at;	/* wall clock; 0: not known */
};

/*
 * May a run with force begin on that host? Held until guard_leave: until the
 * caller's own record is there to be counted. REFUSED with the rule and when it will
 * be allowed, unless `override`: then pass->rule is what it went past. BUSY, IO.
 */
int guard_enter(const struct guard *g, const struct host *host, bool override,
		struct guard_pass *pass, struct rh_error *err);
void guard_leave(struct guard_pass *pass);

/* ---- guard-health.c -------------------------------------------------------- */

/* Asks the TCP checks of all of them, at most until then. */
void guard_ask_health(const struct guard *g, struct guard_health *list,
		      size_t count, int64_t deadline);

/* ---- guard-count.c --------------------------------------------------------- */

#define GUARD_UNDER_WAY INT64_MAX

/* A run as the guard sees it. */
struct guard_run {
	const struct host *host;	/* NULL: not in the configuration */
	int64_t forced_at;	/* wall clock; 0: no force; GUARD_UNDER_WAY: it may */
	int64_t ended_at;	/* 0: it has no verdict */
	bool good;		/* it ended with recovered or done */
};

/* Runs begun since a day before `since` (wall clock), oldest first. free(3). IO. */
int guard_runs(const struct guard *g, int64_t since, struct guard_run **ret,
	       size_t *ret_count, struct rh_error *err);

#endif
