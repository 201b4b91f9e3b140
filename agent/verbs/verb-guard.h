/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_VERB_GUARD_H
#define RH_AGENT_VERBS_VERB_GUARD_H

#include "agent/run/guard.h"
#include "agent/verbs/verb.h"

/*
 * The guard for the verbs that begin runs. False: it is off. It borrows call. To be
 * prepared (guard.h) before each run, and released. ask: which of its rules.
 */
bool verb_guard(const struct verb_call *call, enum guard_ask ask,
		struct guard *ret);

#endif
