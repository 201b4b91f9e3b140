/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_SURVEY_FLEET_H
#define RH_AGENT_RUN_SURVEY_FLEET_H

#include "agent/hand/hand.h"
#include "agent/run/survey.h"

/* Many hosts that one hand asks. Zeroed memory is none. */
struct survey_fleet {
	struct hand *hand;			/* NULL: there is none, or no more */
	size_t count;
	const struct settings **settings;	/* of the ways */
	size_t *hosts;				/* their numbers in the survey */
	bool *told;
};

/* Whether the hand is asked now for this host: its first way, that driver. */
bool survey_fleet_has(const struct survey_fleet *f, size_t host);

/*
 * Starts it where at least two hosts can be asked together. Where it can't be
 * started there is none.
 */
void survey_fleet_begin(struct survey_fleet *f, const struct host *const *hosts,
			size_t count, int at_once, int64_t timeout_ms);

/*
 * The next host of which something is known. False: none now. *ret_alone: it is
 * to be asked by a hand of its own (that one could not settle it, or has died);
 * else state and err of *ret are set, nothing else.
 */
bool survey_fleet_next(struct survey_fleet *f, size_t *ret_host, bool *ret_alone,
		       struct survey_answer *ret);

void survey_fleet_release(struct survey_fleet *f);

#endif
