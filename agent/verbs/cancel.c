/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands cancel RUN: ask a run of another process to end, and see it end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/record.h"
#include "agent/verbs/caller.h"
#include "base/deadline.h"

/* A run gives its consoles back in 1.5 s; a busy machine gets more. */
#define CANCEL_MS 15000

static const char *cancel_member(const json_t *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run, key));

	return text != NULL ? text : "";
}

static void cancel_json(const json_t *run, bool cancelled)
{
	json_t *line = json_pack("{sO? sO? sb}", "host",
				 json_object_get(run, "host"), "run",
				 json_object_get(run, "run"), "cancelled",
				 cancelled);
	static const char *const keys[] = { "verdict", "reason", "code",
					    "exit" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_object_get(run, keys[i]) != NULL)
			json_object_set(line, keys[i],
					json_object_get(run, keys[i]));
	}
	verb_print_json(line);
}

/* It has ended: by us, by somebody like us, or before. */
static int cancel_over(const struct verb_call *call, const json_t *run,
		       enum follow_state state)
{
	const char *name = cancel_member(run, "run");
	bool cancelled = strcmp(cancel_member(run, "code"),
				rh_code_name(RH_ERR_CANCELLED)) == 0;

	if (call->json)
		cancel_json(run, cancelled);
	if (state == FOLLOW_KILLED)
		return verb_fail(call, 4, "there is nothing to cancel: %s",
				 cancel_member(run, "reason"));
	if (!cancelled)
		return verb_fail(call, 1, "the run %s is over, and was not "
				 "cancelled: %s", name,
				 cancel_member(run, "verdict"));
	if (!call->json) {
		verb_put(name);
		printf(": ");
		verb_put(cancel_member(run, "reason"));
		putchar('\n');
	}
	return 0;
}

static int cancel_path(const struct verb_call *call, const char *path)
{
	struct rh_error err = RH_ERROR_INIT;
	enum follow_state state;
	json_t *run;
	int status;

	if (follow_run(call->records, path, deadline_now(), &state, &run,
		       &err) < 0)
		return verb_fail(call, 1, "%s", err.text);
	if (state == FOLLOW_RUNNING) {
		status = follow_cancel(call->records, run, &err);
		json_decref(run);
		/* Where it just ended by itself, its record says so. */
		if (follow_run(call->records, path,
			       deadline_in(status == 0 ? CANCEL_MS : 0), &state,
			       &run, &err) < 0)
			return verb_fail(call, 1, "%s", err.text);
		if (state == FOLLOW_RUNNING)
			status = status < 0
				? verb_fail(call, run_error_status(err.code),
					    "%s", err.text)
				: verb_fail(call, 4, "the run %s was asked to "
					    "end, and goes on",
					    cancel_member(run, "run"));
	}
	if (state != FOLLOW_RUNNING)
		status = cancel_over(call, run, state);
	json_decref(run);
	return verb_finish(call, status);
}

static int cancel_run(struct verb_call *call)
{
	char *path;
	int status = verb_begin(call, NULL, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status != 0)
		return status;
	status = verb_find_run(call, call->argv[0], &path);
	if (status != 0)
		return status;
	status = cancel_path(call, path);
	free(path);
	return status;
}

const struct verb verb_cancel = {
	.name = "cancel",
	.usage = "RUN",
	.summary = "end a run of another process cleanly",
	.json = "cancel",
	.run = cancel_run,
};
