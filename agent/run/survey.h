/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_SURVEY_H
#define RH_AGENT_RUN_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "base/error.h"
#include "drivers/driver.h"

/* Reading the power of many hosts at once; touches nothing. */
struct survey_answer {
	const struct host *host;
	size_t index;			/* of the host, in the order asked */
	enum driver_power state;
	const struct way *way;		/* that answered; NULL: none */
	struct rh_error err;		/* why there is no state */
};

struct survey_reader {
	/* An answer; once for each host, as they come. */
	void (*take)(void *context, const struct survey_answer *answer);

	/*
	 * No answer came for a while since the last one, others are still to come.
	 * A while is half of the time that the answers took, 100 ms to 1 s. May
	 * be NULL.
	 */
	void (*quiet)(void *context);
	void *context;
};

#define SURVEY_PARALLEL 32

/*
 * Asks all hosts, each until timeout_ms; a host's ways are tried in the order
 * written. Hosts whose first way's driver can ask many together are asked by one
 * hand, at the pace of their answers; what that can't settle, and all others, by
 * hands of their own, SURVEY_PARALLEL at a time. Where `parallel` is not 0, no more
 * than that are asked at a time by anybody. Blocks until all answers are there, or SIGINT or SIGTERM
 * comes: then it ends its hands and returns false.
 */
bool survey_power(const struct host *const *hosts, size_t count, int parallel,
		  int64_t timeout_ms, const struct survey_reader *reader);

#endif
