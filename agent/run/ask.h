/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_ASK_H
#define RH_AGENT_RUN_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "agent/hand/hand.h"
#include "base/buffer.h"
#include "base/error.h"

/* One request to a host outside of a run: no lock, no record. */
struct ask {
	const struct host *host;
	enum way_capability capability;
	struct hand_request request;
	bool question;		/* it changes nothing: may be asked again */
};

struct ask_answer {
	const struct way *way;	/* that was asked last; NULL: none */
	struct buffer text;
	int exit_status;	/* SHELL, as in struct hand_event */
	size_t out_len;
	bool cut;
};

/*
 * Asks the host's ways in the order written until one has done it, all until
 * the request's deadline. The next way is asked where the one before did
 * surely not do it; for a question always. Blocks. Errors: those of the last
 * way, NOTSUP where there is no way, CANCELLED at SIGINT or SIGTERM (the
 * hand is ended). Release ret->text in any case.
 */
int ask_host(const struct ask *ask, struct ask_answer *ret,
	     struct rh_error *err);

/* Whether an error means that nothing was done. */
bool ask_was_not_done(enum rh_code code);

#endif
