/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands power HOST... status|on|off|cycle|reset|soft|diag: one power action,
 * confirmed, locked and recorded as any run is. It is a sequence of one state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/verbs/caller.h"
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

static struct sequence *power_for(const struct caller *c,
				  const struct host *host)
{
	const enum driver_act *act = c->context;

	(void)host;
	return power_sequence(*act);
}

static int power_act(struct caller *c, enum driver_act act,
		     const struct host *const *hosts, size_t count)
{
	char word[64];
	size_t i;

	for (i = 0; i < count; i++) {
		if (host_way(hosts[i], WAY_POWER, 0) == NULL)
			return verb_fail(c->call, 2, "%s has no [power] in %s",
					 hosts[i]->name, hosts[i]->file);
	}
	snprintf(word, sizeof(word), "power-%s", driver_act_name(act));
	c->word = word;
	c->key = "act";
	c->what = driver_act_name(act);
	c->must_see = true;
	c->done_word = "done";
	c->sequence = power_for;
	c->context = &act;
	return caller_run(c, hosts, count);
}

/* It begins no run: what is said of one would be said in vain. */
static int power_status_options(const struct caller *c)
{
	const struct {
		const char *name;
		bool given;
	} vain[] = { { "deadline", c->deadline != NULL },
		     { "reason", c->reason != NULL },
		     { "request-id", c->request != NULL },
		     { "override", c->override != NULL },
		     { "no-wait", c->no_wait } };
	size_t i;

	for (i = 0; i < sizeof(vain) / sizeof(vain[0]); i++) {
		if (vain[i].given)
			return verb_fail(c->call, 2, "--%s: power status begins no "
					 "run; of these options it takes "
					 "--parallel only", vain[i].name);
	}
	return 0;
}

static int power_status(const struct caller *c,
			const struct host *const *hosts, size_t count)
{
	return status_print(c->call, hosts, count,
			    c->parallel != NULL ? c->at_once : 0);
}

/* In the words of policy.ini. */
static const char *power_permission(enum driver_act act, char *buf,
				    size_t buf_len)
{
	snprintf(buf, buf_len, "power-%s",
		 act == DRIVER_ACT_NONE ? "status" : driver_act_name(act));
	return buf;
}

static int power_run(struct verb_call *call)
{
	struct caller c = { .call = call };
	const struct verb_option own[] = { CALLER_OPTIONS(&c),
					   { NULL, NULL, NULL } };
	const struct host **list = NULL;
	size_t count = 0;
	char permission[32];
	enum driver_act act;
	const char *word;
	int status = verb_begin(call, own, 2, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	word = call->argv[call->argc - 1];
	act = driver_act_from_name(word);
	if (act == DRIVER_ACT_NONE && strcmp(word, "status") != 0)
		return verb_fail(call, 2, "\"%s\" is no power action; expected "
				 "status, on, off, cycle, reset, soft or diag as "
				 "the last word", word);
	call->permission = power_permission(act, permission, sizeof(permission));
	status = act == DRIVER_ACT_NONE ? power_status_options(&c) : 0;
	if (status == 0)
		status = caller_check(&c);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = act == DRIVER_ACT_NONE
				 ? verb_select(call, call->argv, call->argc - 1,
					       &list, &count)
				 : verb_hosts_of(call, call->argv,
						 call->argc - 1, &list, &count);
	if (status == 0)
		status = act == DRIVER_ACT_NONE
				 ? power_status(&c, list, count)
				 : power_act(&c, act, list, count);
	free(list);
	return status;
}

const struct verb verb_power = {
	.name = "power",
	.usage = "HOST... status|on|off|cycle|...",
	.summary = "read or change the power of hosts, confirmed",
	.help = CALLER_HELP,
	.json = "event status",
	.run = power_run,
};
