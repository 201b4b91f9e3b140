/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands power HOST... status|on|off|cycle|reset|soft|diag: one power action,
 * confirmed, locked and recorded as any run is. It is a sequence of one state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/fleet.h"
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

struct power {
	struct verb_call *call;
	struct sequence *s;
	int parallel;
	bool json;
};

static int power_one(void *context, const struct host *host)
{
	const struct power *p = context;
	struct rh_error err = RH_ERROR_INIT;
	struct run_options options = {
		.host = host,
		.sequence = p->s,
		.records = p->call->records,
		.verb = "power",
		.must_see = true,
		.done_word = "done",
		.json = p->json,
		.mode = isatty(STDOUT_FILENO) ? TIMELINE_LIVE : TIMELINE_PLAIN,
	};
	struct run_result result;

	if (run_sequence(&options, &result, &err) < 0)
		return verb_not_begun(p->call, host, &err);
	return result.exit_status;
}

static int power_many(struct power *p, const struct host *const *hosts,
		      size_t count)
{
	const struct fleet_options options = {
		.parallel = p->parallel, .json = p->call->json,
		.word = p->s->name, .one = power_one, .context = p,
	};

	p->json = p->call->json = true;	/* of the children */
	return fleet_run(&options, hosts, count);
}

static int power_act(struct power *p, enum driver_act act,
		     const struct host *const *hosts, size_t count)
{
	int status = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (host_way(hosts[i], WAY_POWER, 0) == NULL)
			return verb_fail(p->call, 2, "%s has no [power] in %s",
					 hosts[i]->name, hosts[i]->file);
	}
	p->s = power_sequence(act);
	p->json = p->call->json;
	status = count == 1 ? power_one(p, hosts[0])
			    : power_many(p, hosts, count);
	sequence_free(p->s);
	return status;
}

static int power_run(struct verb_call *call)
{
	const struct host **list = NULL;
	size_t count = 0;
	enum driver_act act;
	const char *word, *parallel = NULL;
	struct power p = { .call = call, .parallel = 32 };
	const struct verb_option own[] = { { "parallel", &parallel, NULL },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 2, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	word = call->argv[call->argc - 1];
	act = driver_act_from_name(word);
	if (act == DRIVER_ACT_NONE && strcmp(word, "status") != 0)
		return verb_fail(call, 2, "\"%s\" is no power action; expected "
				 "status, on, off, cycle, reset, soft or diag as "
				 "the last word", word);
	status = verb_parallel(call, parallel, &p.parallel);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv, call->argc - 1, &list,
				       &count);
	if (status != 0)
		return status;
	if (act == DRIVER_ACT_NONE)
		status = status_print(call, list, count);
	else
		status = power_act(&p, act, list, count);
	free(list);
	return status;
}

const struct verb verb_power = {
	.name = "power",
	.usage = "HOST... status|on|off|cycle|reset|soft|diag",
	.summary = "read or change the power of hosts, confirmed",
	.help = "  --parallel N    hosts at once (32)\n",
	.run = power_run,
};
