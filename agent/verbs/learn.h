/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_LEARN_H
#define RH_AGENT_VERBS_LEARN_H

#include "agent/twin/learn.h"
#include "agent/verbs/verb.h"

/*
 * The record of the run that `word` means, its files read and checked; USAGE, IO
 * or CONFIG. learn_record_release it, in any case.
 */
int verb_learn_record(struct verb_call *call, const char *word,
		      struct learn_record *ret, struct rh_error *err);

#endif
