/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_STATUS_H
#define RH_AGENT_VERBS_STATUS_H

#include "agent/verbs/verb.h"

/* Reads and prints the power of hosts; `status` and `power ... status`. */
int status_print(struct verb_call *call, const struct host *const *hosts,
		 size_t count, int parallel);

#endif
