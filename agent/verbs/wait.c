/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands wait RUN: until a run of another process has ended, and its answer. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/run/record.h"
#include "agent/verbs/caller.h"
#include "base/deadline.h"

/* It goes on: no verdict, and not the exit status of one but unknown's. */
static int wait_late(const struct verb_call *call, const json_t *run,
		     const char *timeout)
{
	const char *name = json_string_value(json_object_get(run, "run"));

	if (call->json)
		verb_print_json(json_pack("{ss sO? sO? ss si}", "event", "waiting",
					  "host", json_object_get(run, "host"),
					  "run", json_object_get(run, "run"),
					  "code", rh_code_name(RH_ERR_TIMEOUT),
					  "exit", 4));
	return verb_fail(call, 4, "the run %s goes on, after %s",
			 name != NULL ? name : "?", timeout);
}

static int wait_for(struct verb_call *call, const char *path,
		    const char *timeout, int64_t timeout_ms)
{
	struct rh_error err = RH_ERROR_INIT;
	enum follow_state state;
	json_t *run;
	int status;

	if (follow_run(call->records, path,
		       timeout != NULL ? deadline_in(timeout_ms)
				       : DEADLINE_NEVER,
		       &state, &run, &err) < 0)
		return verb_fail(call, 1, "%s", err.text);
	status = state == FOLLOW_RUNNING ? wait_late(call, run, timeout)
					 : caller_answer(call, run, path, NULL);
	json_decref(run);
	return verb_finish(call, status);
}

static int wait_run(struct verb_call *call)
{
	const char *timeout = NULL;
	const struct verb_option own[] = { { "timeout", &timeout, NULL },
					   { NULL, NULL, NULL } };
	int64_t timeout_ms = 0;
	char *path;
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (timeout != NULL && deadline_parse_ms(timeout, &timeout_ms) < 0)
		return verb_fail(call, 2, "--timeout %s: expected a time such as "
				 "90s or 20m", timeout);
	status = verb_load(call);
	if (status != 0)
		return status;
	status = verb_find_run(call, call->argv[0], &path);
	if (status != 0)
		return status;
	status = wait_for(call, path, timeout, timeout_ms);
	free(path);
	return status;
}

const struct verb verb_wait = {
	.name = "wait",
	.usage = "RUN",
	.summary = "wait until a run has ended, and exit as it did",
	.help = "  --timeout T     no longer than this\n",
	.json = "event",
	.run = wait_run,
};
