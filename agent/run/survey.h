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
	enum driver_power state;
	const struct way *way;		/* that answered; NULL: none */
	struct rh_error err;		/* why there is no state */
};

/*
 * Asks all hosts, at most `parallel` at a time, each until timeout_ms; a host's
 * ways are tried in the order written. take is called as the answers come.
 * Blocks until all are there, or SIGINT or SIGTERM comes: then it ends its hands and
 * returns false.
 */
bool survey_power(const struct host *const *hosts, size_t count, int parallel,
		  int64_t timeout_ms,
		  void (*take)(void *context, const struct survey_answer *answer),
		  void *context);

#endif
