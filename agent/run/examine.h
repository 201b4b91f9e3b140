/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_EXAMINE_H
#define RH_AGENT_RUN_EXAMINE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config/config.h"
#include "base/buffer.h"
#include "drivers/driver.h"

/* One way of one host, to be looked at. */
struct examine_way {
	const struct host *host;
	const struct way *way;		/* NULL only with `leave` */
	struct driver_tcp_check tcp;	/* of a [check]: port 0: none */
	bool leave;			/* do not touch it; findings say why */

	/* what was found: lines of driver.h's doctor; release it */
	struct buffer findings;
	bool failed;			/* there is a "fail" among them */
};

/*
 * Looks at all ways, `parallel` at a time, a hand each, 30 s each; ways of one
 * host with the same driver one after the other, since they may lead to the
 * same box. Nothing is changed and nothing typed. take is called as each is
 * done. Blocks; SIGINT and SIGTERM end the hands, and it returns false.
 */
bool examine_ways(struct examine_way *ways, size_t count, int parallel,
		  unsigned flags,
		  void (*take)(void *context, const struct examine_way *way),
		  void *context);

/* Adds a finding; tabs and newlines of the text become blanks. hint may be NULL. */
void examine_say(struct examine_way *way, const char *level,
		 const char *subject, const char *text, const char *hint);

#endif
