/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_TRUST_H
#define RH_AGENT_VERBS_TRUST_H

#include <stdbool.h>

#include "agent/run/examine.h"
#include "agent/verbs/verb.h"

/*
 * A host key that is not known, and a person at the terminal who may say that it
 * is the right one. Nothing is asked without a terminal or with --json; a key that
 * has changed is never asked about.
 */
enum trust_result {
	TRUST_NOT = 0,		/* nothing was added */
	TRUST_ADDED,		/* the way may be tried again */
	TRUST_CANCELLED,	/* a signal came at the question */
};

/* Asks about what a look at the way found (a finding known-host). */
enum trust_result trust_found(const struct verb_call *call,
			      const struct examine_way *way);

/*
 * After a way was refused (REFUSED, CONFIG): looks at it for a key that is not
 * known, and asks. way may be NULL. Blocks.
 */
enum trust_result trust_way(const struct verb_call *call,
			    const struct host *host, const struct way *way);

/* So often a way may be tried again: four jump hosts, and the server. */
#define TRUST_TRIES 5

#endif
