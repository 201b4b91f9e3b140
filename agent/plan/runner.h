/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_RUNNER_H
#define RH_AGENT_PLAN_RUNNER_H

#include "agent/plan/journal.h"
#include "agent/plan/maintenance.h"

/* One step of a host. All is borrowed. */
struct runner_turn {
	const struct host *host;
	enum maintenance_step step;
	int64_t limit_ms;	/* 0: as its sequence says */
	const char *id;		/* of the maintenance */
	const char *request;	/* the run is begun for this request only */
	const char *boot_id;	/* LOOK: of the system before a restart that may have
				   been sent; "" not known */
};

/* Carries a maintenance out: a process for each host, as in agent/run/fleet.h. */
struct runner_options {
	const struct maintenance_config *config;
	const char *records;
	bool json;		/* the journal's lines on standard output */

	/*
	 * In the child: one step of a host; JSON lines on standard output, the last
	 * one "verdict". Returns the exit status.
	 */
	int (*one)(void *context, const struct runner_turn *turn);
	void *context;
};

struct runner_result {
	int exit_status;
	bool over;		/* it has an end; else it can be resumed */
	char id[256];
};

/*
 * A new one (id NULL), or goes on with that one. Blocks. SIGINT and SIGTERM end
 * the runs under way; it can be resumed then. -1 where nothing was begun: BUSY,
 * IO, CONFIG.
 */
int runner_run(const struct runner_options *options, const char *id,
	       struct runner_result *ret, struct rh_error *err);

#endif
