/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_PROCESS_H
#define RH_AGENT_RUN_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Processes of runs: named so that a reused pid is never meant, and detached. */

/* When it was started, in ticks since the boot; -1: there is no such process. */
int64_t process_start(pid_t pid);

/*
 * Goes on in a process that survives its caller: own session, standard input
 * from /dev/null, no descriptor of the caller's but 1, 2 and those in keep[]
 * (count of them, -1 ok). Returns 0 in that process; in the caller its *ret_fd is
 * readable when that process writes to its own *ret_fd, and at its end: 1. -1
 * (IO) where that could not be done.
 */
int process_detach(const int *keep, int count, int *ret_fd,
		   struct rh_error *err);

/* Standard output and error to /dev/null too: nobody listens any more. */
void process_silence(void);

#endif
