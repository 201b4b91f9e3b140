/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard at the doors of the verbs: whether it is on for who calls, and what it
 * asks of hosts. recover, run and power come in by caller.c; test, maintain and fence
 * by themselves.
 *
 * Always true: whom a policy limits is guarded at a terminal, too, since a program
 * can have one.
 */
#include "agent/verbs/verb-guard.h"

#include <unistd.h>

#include "agent/verbs/verb-policy.h"

/* What the host's `healthy` is taken from; what is wrong with it, check says. */
static struct sequence *verb_guard_health(const void *context,
					  const struct host *host)
{
	const struct verb_call *call = context;
	const struct ini *ini = NULL;
	struct problems problems = { 0 };
	struct sequence *s;

	if (host->recover != NULL)
		ini = config_sequence(call->config, host->recover);
	if (ini == NULL)
		return NULL;
	s = verb_parse(call, host, ini, host->recover, &problems);
	problems_release(&problems);
	return s;
}

bool verb_guard(const struct verb_call *call, enum guard_ask ask,
		struct guard *ret)
{
	bool person = isatty(STDIN_FILENO) && !verb_policy_limits(call);

	*ret = (struct guard){ .config = call->config, .records = call->records,
			       .sequence = verb_guard_health, .context = call,
			       .ask = ask };
	if (ask == GUARD_ALL)
		ret->past = "--override WHY goes past it";
	return guard_is_on(call->config, person);
}
