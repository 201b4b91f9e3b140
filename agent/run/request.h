/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_REQUEST_H
#define RH_AGENT_RUN_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * A request that may come twice: its caller gave it an id, and gets the answer of
 * the same run again in place of another run. In RECORDS/requests/
 *   ID@	what the id is for, for good: verb, sequence or act, hosts
 *   ID@HOST	the run on that host; locked (flock) from the claim to its end
 * A claim whose file names no run was given up before anything was done.
 */
#define REQUEST_ID_MAX 64

/* Whether text may be an id: 1 to 64 of [A-Za-z0-9._:-]. */
bool request_is_id(const char *text);

/*
 * Says, the first time, what the id is for: `what` (borrowed) is any object. USAGE
 * where it is for something else, IO.
 */
int request_declare(const char *records, const char *id, const json_t *what,
		    struct rh_error *err);

struct request {
	int fd;		/* -1: none */
	int dir_fd;
	char *path;
};

/*
 * The run of that request on that host: its name in ret_run, where there is one
 * already, over or not; "" where there is none and the claim is now ours, until
 * request_release. Waits for somebody who claims it at the same time. BUSY, IO.
 */
int request_claim(struct request *q, const char *records, const char *id,
		  const char *host, char *ret_run, size_t len,
		  struct rh_error *err);

/* The claim has a run. On the disk when it returns. IO. */
int request_name(struct request *q, const char *run, struct rh_error *err);

/* Its run did nothing and never will: the id may try again. */
void request_forget(struct request *q);

/*
 * What is left of it here; another process that was forked meanwhile may keep it.
 * NULL ok.
 */
void request_release(struct request *q);

#endif
