/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands power HOST... status|on|off|cycle|reset|soft|diag: one power action,
 * confirmed, locked and recorded as any run is. It is a sequence of one state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/verbs/status.h"
#include "base/memory.h"
#include "drivers/driver.h"

static struct sequence *power_sequence(enum driver_act act)
{
	char *name = memory_format("power-%s", driver_act_name(act));
	char *text = memory_format("[sequence]\n"
				   "summary = Power %s, confirmed\n"
				   "needs = power\n"
				   "start = act\n"
				   "deadline = 10m\n"
				   "[state act]\n"
				   "do = power %s\n"
				   "then = recovered\n",
				   driver_act_name(act), driver_act_name(act));
	struct sequence *s = verb_builtin(name, text);

	free(name);
	free(text);
	return s;
}

static int power_host(struct verb_call *call, const struct host *host,
		      const struct sequence *s)
{
	struct rh_error err = RH_ERROR_INIT;
	struct run_options options = {
		.host = host,
		.sequence = s,
		.records = call->records,
		.verb = "power",
		.must_see = true,
		.done_word = "done",
		.json = call->json,
		.mode = isatty(STDOUT_FILENO) ? TIMELINE_LIVE : TIMELINE_PLAIN,
	};
	struct run_result result;

	if (host_way(host, WAY_POWER, 0) == NULL)
		return verb_fail(call, 2, "%s has no [power] in %s", host->name,
				 host->file);
	if (run_sequence(&options, &result, &err) < 0)
		return verb_not_begun(call, host, &err);
	return result.exit_status;
}

static int power_act(struct verb_call *call, enum driver_act act,
		     const struct host *const *hosts, size_t count)
{
	struct sequence *s = power_sequence(act);
	int one, status = 0;
	size_t i;

	for (i = 0; i < count && status != 130; i++) {
		one = power_host(call, hosts[i], s);
		if (one > status)
			status = one;
	}
	sequence_free(s);
	return status;
}

static int power_run(struct verb_call *call)
{
	const struct host **list = NULL;
	size_t count = 0;
	enum driver_act act;
	const char *word;
	int status = verb_begin(call, NULL, 2, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	word = call->argv[call->argc - 1];
	act = driver_act_from_name(word);
	if (act == DRIVER_ACT_NONE && strcmp(word, "status") != 0)
		return verb_fail(call, 2, "\"%s\" is no power action; expected "
				 "status, on, off, cycle, reset, soft or diag as "
				 "the last word", word);
	status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv, call->argc - 1, &list,
				       &count);
	if (status != 0)
		return status;
	if (act == DRIVER_ACT_NONE)
		status = status_print(call, list, count);
	else
		status = power_act(call, act, list, count);
	free(list);
	return status;
}

const struct verb verb_power = {
	.name = "power",
	.usage = "HOST... status|on|off|cycle|reset|soft|diag",
	.summary = "read or change the power of hosts, confirmed",
	.run = power_run,
};
