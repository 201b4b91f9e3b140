/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fence_rhands: a fence agent, for clusters (Pacemaker and others): the protocol
 * of the fence agents' API on standard input, or by options. It is the program
 * rhands under another name.
 *
 * Always true: `off` and `reboot` say success only where the power was seen off
 * twice, and again; whatever else happened is a failure, never a guess.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/survey.h"
#include "agent/verbs/fence-words.h"
#include "agent/verbs/paths.h"
#include "agent/verbs/verb-guard.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"
#include "base/memory.h"

#define FENCE_STATUS_MS 20000

/* What was asked for. */
struct fence {
	struct verb_call *call;
	struct fence_words words;
};

/* ---- hosts ------------------------------------------------------------------------ */

static const struct host *fence_host(struct fence *f)
{
	char *name = f->words.plug != NULL ? f->words.plug : f->words.nodename;
	const struct host **list = NULL;
	const struct host *host = NULL;
	size_t count = 0;

	if (name == NULL || name[0] == '\0') {
		verb_fail(f->call, 1, "no host: give plug=HOST or nodename=HOST");
		return NULL;
	}
	if (verb_hosts_of(f->call, &name, 1, &list, &count) != 0)
		return NULL;
	if (count != 1 || strcmp(list[0]->name, name) != 0)
		verb_fail(f->call, 1, "plug=%s: one host, by its name", name);
	else if (host_way(list[0], WAY_POWER, 0) == NULL)
		verb_fail(f->call, 1, "%s has no [power] in %s", name,
			  list[0]->file);
	else
		host = list[0];
	free(list);
	return host;
}

static void fence_take(void *context, const struct survey_answer *answer)
{
	*(struct survey_answer *)context = *answer;
}

static enum driver_power fence_power(struct fence *f, const struct host *host)
{
	struct survey_answer answer = { .state = DRIVER_POWER_UNKNOWN };
	const struct survey_reader reader = { .take = fence_take,
					      .context = &answer };

	survey_power(&host, 1, 1, FENCE_STATUS_MS, &reader);
	if (answer.err.code != RH_ERR_NONE)
		verb_fail(f->call, 1, "%s: %s", host->name, answer.err.text);
	return answer.err.code == RH_ERR_NONE ? answer.state
					      : DRIVER_POWER_UNKNOWN;
}

/* ---- actions ------------------------------------------------------------------------ */

static int fence_act(struct fence *f, const struct host *host,
		     enum driver_act act)
{
	char *text = memory_format("[sequence]\nneeds = power\nstart = act\n"
				   "deadline = %ss\n[state act]\ndo = power %s\n"
				   "then = recovered\n", f->words.timeout,
				   driver_act_name(act));
	struct sequence *s = verb_builtin("fence", text);
	struct guard guard;
	bool guarded = verb_guard(f->call, GUARD_COUNTS, &guard);
	struct run_options options = {
		.host = host, .sequence = s, .records = f->call->records,
		.logbook = &f->call->logbook,
		.verb = "fence", .must_see = true, .done_word = "done",
		.mode = TIMELINE_QUIET,
		.guard = guarded ? &guard : NULL,
		.override = f->words.override,
	};
	struct rh_error err = RH_ERROR_INIT;
	struct run_result result;
	int rc;

	free(text);
	guard.past = "the parameter override goes past it";
	rc = run_sequence(&options, &result, &err);
	sequence_free(s);
	if (rc < 0)
		return verb_fail(f->call, 1, "%s: %s", host->name, err.text);
	if (result.exit_status != 0)
		return verb_fail(f->call, 1, "%s: power %s: %s: %s", host->name,
				 driver_act_name(act),
				 verdict_name(result.verdict), result.reason);
	return 0;
}

/* Who was seen off is fenced, whatever becomes of it then. */
static int fence_reboot(struct fence *f, const struct host *host)
{
	int status = fence_act(f, host, DRIVER_ACT_OFF);

	if (status == 0 && fence_act(f, host, DRIVER_ACT_ON) != 0)
		verb_fail(f->call, 0, "%s is off, and could not be switched on "
			  "again", host->name);
	return status;
}

static int fence_status(struct fence *f, const struct host *host)
{
	enum driver_power state = fence_power(f, host);

	printf("Status: %s\n", state == DRIVER_POWER_ON	   ? "ON"
			       : state == DRIVER_POWER_OFF ? "OFF" : "UNKNOWN");
	return state == DRIVER_POWER_ON ? 0 : state == DRIVER_POWER_OFF ? 2 : 1;
}

static int fence_list(struct fence *f, bool status)
{
	const struct config *config = f->call->config;
	const struct host *host;
	char name[300], summary[500];
	size_t i;

	for (i = 0; i < config->host_count; i++) {
		host = config->hosts[i];
		if (host->broken || host_way(host, WAY_POWER, 0) == NULL)
			continue;
		snprintf(name, sizeof(name), "%s", host->name);
		snprintf(summary, sizeof(summary), "%s", host->summary);
		summary[strcspn(summary, ",\n")] = '\0';
		printf("%s,%s%s%s\n", name, summary, status ? "," : "",
		       status ? driver_power_name(fence_power(f, host)) : "");
	}
	return 0;
}

static int fence_host_action(struct fence *f)
{
	const struct host *host = fence_host(f);

	if (host == NULL)
		return 1;
	if (strcmp(f->words.action, "status") == 0)
		return fence_status(f, host);
	if (strcmp(f->words.action, "monitor") == 0)
		return fence_power(f, host) == DRIVER_POWER_UNKNOWN;
	if (strcmp(f->words.action, "validate-all") == 0)
		return 0;
	if (strcmp(f->words.action, "on") == 0)
		return fence_act(f, host, DRIVER_ACT_ON);
	if (strcmp(f->words.action, "off") == 0)
		return fence_act(f, host, DRIVER_ACT_OFF);
	return fence_reboot(f, host);
}

static int fence_carry_out(struct fence *f)
{
	if (strcmp(f->words.action, "metadata") == 0) {
		fence_words_metadata();
		return 0;
	}
	if (f->words.config != NULL)
		f->call->config_dir = f->words.config;
	f->call->records_option = f->words.records;
	if (verb_load(f->call) != 0)
		return 1;
	if (strncmp(f->words.action, "list", 4) == 0)
		return fence_list(f, strcmp(f->words.action, "list-status") == 0);
	if (strcmp(f->words.action, "monitor") == 0 && f->words.plug == NULL &&
	    f->words.nodename == NULL)
		return 0;
	return fence_host_action(f);
}

static int fence_run(struct verb_call *call)
{
	struct fence f = { .call = call };
	struct rh_error err = RH_ERROR_INIT;
	int status;

	verb_open_standard();
	/* As a verb of rhands its own name stands in front. */
	if (call->argc > 0 && strcmp(call->argv[0], call->verb->name) == 0) {
		call->argv++;
		call->argc--;
	}
	call->config_dir = RHANDS_CONFIG_DIR;
	if ((call->argc > 0
		     ? fence_words_options(&f.words, call->argc, call->argv, &err)
		     : fence_words_read(&f.words, stdin, &err)) < 0 ||
	    fence_words_settle(&f.words, &err) < 0)
		status = verb_fail(call, 1, "%s", err.text);
	else
		status = fence_carry_out(&f);
	fence_words_release(&f.words);
	return verb_finish(call, status);
}

const struct verb verb_fence = {
	.name = "fence",
	.usage = "[-o ACTION] [-n HOST]",
	.summary = "a cluster's fence agent (fence_rhands)",
	.run = fence_run,
};
