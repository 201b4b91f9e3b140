/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands plan reboot|start HOST...: in which order hosts that need each other are
 * taken down and brought up. Nothing is touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/hostlist.h"
#include "agent/plan/waves.h"
#include "agent/verbs/verb.h"
#include "base/memory.h"

static char *plan_fold(const struct host *const *hosts, size_t count)
{
	const char **names = memory_new(count + 1, sizeof(*names));
	char *folded;
	size_t i;

	for (i = 0; i < count; i++)
		names[i] = hosts[i]->name;
	folded = hostlist_fold(names, count);
	free(names);
	return folded;
}

static void plan_text(const struct waves *w)
{
	const struct host *const *hosts;
	size_t wave, count;
	char *folded;

	for (wave = 0; wave < w->count; wave++) {
		hosts = waves_hosts(w, wave, &count);
		folded = plan_fold(hosts, count);
		printf("%3zu  %4zu host%s  %s\n", wave + 1, count,
		       count == 1 ? " " : "s", folded);
		free(folded);
	}
}

static void plan_json(const struct waves *w)
{
	const struct host *const *hosts;
	size_t wave, count, i, k;
	json_t *needs;

	for (wave = 0; wave < w->count; wave++) {
		hosts = waves_hosts(w, wave, &count);
		for (i = 0; i < count; i++) {
			needs = json_array();
			for (k = 0; hosts[i]->needs[k] != NULL; k++)
				json_array_append_new(
					needs, json_string(hosts[i]->needs[k]));
			verb_print_json(json_pack("{si ss so}", "wave",
						  (int)wave + 1, "host",
						  hosts[i]->name, "needs",
						  needs));
		}
	}
}

/* Arrows go from what is done first; a wave is a row. */
static void plan_dot(const struct waves *w, const char *order)
{
	const struct host *const *hosts;
	size_t wave, count, i, k, all = w->count > 0 ? w->ends[w->count - 1] : 0;

	printf("digraph \"%s\" {\n\trankdir=TB;\n", order);
	for (wave = 0; wave < w->count; wave++) {
		hosts = waves_hosts(w, wave, &count);
		printf("\t{ rank=same;");
		for (i = 0; i < count; i++)
			printf(" \"%s\";", hosts[i]->name);
		printf(" }\n");
	}
	for (i = 0; i < all; i++) {
		for (k = 0; w->hosts[i]->needs[k] != NULL; k++)
			printf(strcmp(order, "start") == 0
				       ? "\t\"%2$s\" -> \"%1$s\";\n"
				       : "\t\"%1$s\" -> \"%2$s\";\n",
			       w->hosts[i]->name, w->hosts[i]->needs[k]);
	}
	printf("}\n");
}

static int plan_show(struct verb_call *call, enum waves_order order,
		     const struct host *const *list, size_t count, bool dot)
{
	struct rh_error err = RH_ERROR_INIT;
	struct waves w;
	int status = 0;

	if (waves_make(&w, call->config, list, count, order, &err) < 0)
		status = verb_fail(call, 2, "%s", err.text);
	else if (call->json)
		plan_json(&w);
	else if (dot)
		plan_dot(&w, order == WAVES_START ? "start" : "reboot");
	else
		plan_text(&w);
	waves_release(&w);
	return verb_finish(call, status);
}

static int plan_run(struct verb_call *call)
{
	const struct host **list = NULL;
	enum waves_order order = WAVES_REBOOT;
	bool dot = false;
	const struct verb_option own[] = { { "dot", NULL, &dot },
					   { NULL, NULL, NULL } };
	size_t count = 0;
	int status = verb_begin(call, own, 2, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (strcmp(call->argv[0], "start") == 0)
		order = WAVES_START;
	else if (strcmp(call->argv[0], "reboot") != 0)
		return verb_fail(call, 2, "\"%s\" is no order; expected reboot "
				 "or start", call->argv[0]);
	call->dry = true;
	status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv + 1, call->argc - 1,
				       &list, &count);
	if (status == 0)
		status = plan_show(call, order, list, count, dot);
	free(list);
	return status;
}

const struct verb verb_plan = {
	.name = "plan",
	.usage = "reboot|start HOST...",
	.summary = "in which order hosts that need each other are taken",
	.help = "  --dot           as a graph for dot(1)\n",
	.json = "plan",
	.run = plan_run,
};
