/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_VERB_POLICY_H
#define RH_AGENT_VERBS_VERB_POLICY_H

#include <jansson.h>

#include "agent/verbs/verb.h"

/*
 * policy.ini for the verbs. Each returns 0, or the exit status after saying what
 * is refused. The first is asked before anything is read, and may be asked again.
 */
int verb_policy_admit(struct verb_call *call);
int verb_policy_hosts(struct verb_call *call);	/* once the configuration is there */

/* Whether there is something that the caller may not do. */
bool verb_policy_limits(const struct verb_call *call);

/* What the call needs on its hosts, in the words of policy.ini. */
const char *verb_policy_word(const struct verb_call *call);

/* That word on that host, which may be one that the call can't see. */
int verb_policy_host(const struct verb_call *call, const char *what,
		     const struct host *host);

/* Whether this is a word for a host that the policy hides. */
bool verb_policy_hides(const struct verb_call *call, const char *word);

/* A run may be looked at: its host is not hidden. run NULL: its record is broken. */
bool verb_policy_shows(const struct verb_call *call, const json_t *run);

/* A file of the caller's choice, to read or to write as the user of rhands. */
int verb_policy_file(const struct verb_call *call, const char *what);

#endif
