/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands runs [HOST]: what was done, newest last. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/answer.h"
#include "agent/run/history.h"
#include "agent/run/record.h"
#include "agent/verbs/runs-filter.h"
#include "agent/verbs/verb-policy.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"
#include "base/memory.h"

static const char *runs_member(const json_t *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run, key));

	return text != NULL ? text : "";
}

static const char *runs_verdict(const struct verb_call *call,
				const json_t *run)
{
	if (!json_is_null(json_object_get(run, "verdict")))
		return runs_member(run, "verdict");
	return history_was_killed(call->records, run) ? "killed" : "running";
}

/* What a run that goes on asks, in place of a reason; "" where nothing. */
static void runs_asks(struct verb_call *call, const json_t *run,
		      const char *path, char *buf, size_t buf_len)
{
	char asked[1200];

	buf[0] = '\0';
	if (strcmp(runs_verdict(call, run), "running") == 0 &&
	    verb_asks(call, path, run, asked, sizeof(asked)))
		snprintf(buf, buf_len, "it asks: %s", asked);
}

static void runs_print(struct verb_call *call, const json_t *run,
		       const char *path)
{
	char took[32] = "", line[1800], asks[1300];
	const json_t *ms = json_object_get(run, "duration_ms");
	const char *why;
	json_t *copy;

	runs_asks(call, run, path, asks, sizeof(asks));
	if (call->json) {
		copy = json_deep_copy(run);
		json_object_set_new(copy, "verdict",
				    json_string(runs_verdict(call, run)));
		if (asks[0] != '\0')
			json_object_set_new(copy, "question",
					    answer_question(path));
		verb_print_json(copy);
		return;
	}
	if (json_is_integer(ms) && json_integer_value(ms) < 1000)
		snprintf(took, sizeof(took), "0s");
	else if (json_is_integer(ms))
		deadline_format(json_integer_value(ms) / 1000 * 1000, took,
				sizeof(took));
	why = runs_member(run, "why");
	snprintf(line, sizeof(line), "%s  %-11s %6s  %.200s%s%s%.200s%s",
		 runs_member(run, "run"), runs_verdict(call, run), took,
		 runs_member(run, "reason"), asks, why[0] != '\0' ? " (for: " : "",
		 why, why[0] != '\0' ? ")" : "");
	verb_put(line);
	putchar('\n');
}

/* A folder without a run.json that can be read is a row too. */
static void runs_print_damaged(const struct verb_call *call, const char *id,
			       const struct rh_error *err)
{
	if (call->json) {
		verb_print_json(json_pack("{so ss so}", "run", record_string(id),
					  "verdict", "damaged", "error",
					  record_string(err->text)));
		return;
	}
	verb_put(id);
	printf("  %-11s %6s  ", "damaged", "");
	verb_put(err->text);
	putchar('\n');
}

/* No run of a host is an answer; a host that nobody knows is a mistake. */
static int runs_none(struct verb_call *call)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct host **list = NULL;
	size_t count = 0;

	if (call->argc == 1 && config_select(call->config, call->argv[0], &list,
					     &count, &err) < 0)
		return verb_fail(call, 2, "%s", err.text);
	free(list);
	if (!call->json)
		printf("no runs%s%s in %s/runs\n", call->argc == 1 ? " of " : "",
		       call->argc == 1 ? call->argv[0] : "", call->records);
	return verb_finish(call, 0);
}

/* What came of the list. */
struct runs_told {
	size_t rows;
	size_t closed;	/* not for the caller to read */
};

/* Prints it where the caller may see it and the filter takes it. */
static void runs_one(struct verb_call *call, const struct runs_filter *filter,
		     const char *id, struct runs_told *told)
{
	char *path = memory_format("%s/runs/%s", call->records, id);
	struct rh_error err = RH_ERROR_INIT;
	json_t *run = history_load(path, &err);
	bool closed = err.sys_errno == EACCES || !verb_policy_shows(call, run);
	bool takes = !closed &&
		     runs_filter_takes(filter, run,
				       run != NULL ? runs_verdict(call, run)
						   : "damaged");

	if (takes && run != NULL)
		runs_print(call, run, path);
	else if (takes)
		runs_print_damaged(call, id, &err);
	told->rows += takes;
	told->closed += closed;
	json_decref(run);
	free(path);
}

/* What is there and can't be seen is no secret; whose it is, is. */
static void runs_tell_closed(const struct verb_call *call, long closed)
{
	if (closed < 0)
		verb_fail(call, 0, "there may be more runs in %s/runs, which you "
			  "may not read", call->records);
	else if (closed > 0)
		verb_fail(call, 0, "%ld more run%s in %s/runs, which you may not "
			  "read", closed, closed == 1 ? "" : "s", call->records);
}

static int runs_list(struct verb_call *call, const struct runs_filter *filter)
{
	struct rh_error err = RH_ERROR_INIT;
	struct runs_told told = { 0 };
	size_t i, count;
	long others;
	char **list;

	list = history_list(call->records,
			    call->argc == 1 ? call->argv[0] : NULL, &count,
			    &err);
	if (list == NULL)
		return verb_fail(call, 1, "%s", err.text);
	for (i = 0; i < count; i++) {
		if (runs_filter_takes_name(filter, list[i]))
			runs_one(call, filter, list[i], &told);
	}
	history_list_free(list);
	if (told.rows == 0 && count > told.closed && !call->json)
		printf("no such runs among the %zu in %s/runs\n",
		       count - told.closed, call->records);
	others = call->argc == 1 ? 0 : history_count_others(call->records, count);
	if (call->argc == 0 || call->policy == NULL)
		runs_tell_closed(call, others < 0 ? -1
						  : others + (long)told.closed);
	return count == 0 ? runs_none(call) : verb_finish(call, 0);
}

static int runs_run(struct verb_call *call)
{
	struct runs_filter filter = { .since = NULL };
	const struct verb_option own[] = {
		{ "since", &filter.since, NULL },
		{ "until", &filter.until, NULL },
		{ "host", &filter.host, NULL },
		{ "verdict", &filter.verdict, NULL },
		{ NULL, NULL, NULL },
	};
	int status = verb_begin(call, own, 0, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status == 0)
		status = runs_filter_read(call, &filter);
	if (status == 0)
		status = runs_list(call, &filter);
	runs_filter_release(&filter);
	return status;
}

const struct verb verb_runs = {
	.name = "runs",
	.usage = "[HOST]",
	.summary = "list the runs, newest last",
	.help = "  --since T       begun then or later: 7d ago, 2026-11-21, "
		"2026-11-21T10:11Z\n"
		"  --until T       begun before then\n"
		"  --host HOST     of these hosts: a name, a range, @group\n"
		"  --verdict V,V   that ended so, or are running, killed, damaged\n",
	.json = "runs",
	.run = runs_run,
};
