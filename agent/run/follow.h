/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_FOLLOW_H
#define RH_AGENT_RUN_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Runs of other processes: waited for, and cancelled, by their records. */
enum follow_state {
	FOLLOW_NONE = 0,
	FOLLOW_RUNNING,		/* until the deadline, and further */
	FOLLOW_OVER,		/* it has a verdict */
	FOLLOW_KILLED,		/* it has none, and nobody carries it out */
};

/*
 * Waits until the run in the folder `path` has ended, or the deadline has come.
 * *ret_run is its run.json (json_decref it); of a killed one with what is known
 * put in: verdict unknown, reason, code, exit. -1: it can't be read.
 */
int follow_run(const char *records, const char *path, int64_t deadline,
	       enum follow_state *ret, json_t **ret_run, struct rh_error *err);

/*
 * Asks the process of a run to end (SIGTERM), and not another one that has its
 * pid by now. USAGE: it is over, or was killed. REFUSED: of another user, or on
 * another machine. STATE: it can't be told whether that process is the run's.
 */
int follow_cancel(const char *records, const json_t *run, struct rh_error *err);

#endif
