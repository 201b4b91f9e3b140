/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands show RUN: a run as it was seen, from its record. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/history.h"
#include "agent/run/timeline.h"
#include "agent/verbs/verb.h"
#include "base/memory.h"

struct show {
	struct timeline timeline;
	bool json;
	int64_t last_ms;
};

static const char *show_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void show_event(void *context, const json_t *event)
{
	struct show *s = context;
	int64_t at = json_integer_value(json_object_get(event, "at_ms"));

	s->last_ms = at;
	if (s->json)
		verb_print_json(json_copy((json_t *)event));
	else
		timeline_event(&s->timeline, at, show_member(event, "event"),
			       show_member(event, "state"),
			       show_member(event, "text"));
}

static void show_evidence(const char *path)
{
	char *dir = memory_format("%s/evidence", path);
	struct dirent **list = NULL;
	int i, count = scandir(dir, &list, NULL, alphasort);

	for (i = 0; i < count; i++) {
		if (list[i]->d_name[0] != '.') {
			printf("       evidence   ");
			verb_put(dir);
			putchar('/');
			verb_put(list[i]->d_name);
			putchar('\n');
		}
		free(list[i]);
	}
	free(list);
	free(dir);
}

/* The last line; a run without a verdict is going on, or was killed. */
static void show_verdict(struct verb_call *call, const json_t *run,
			 struct show *s, const char *path)
{
	const char *verdict = show_member(run, "verdict");
	char text[1400], asked[1200];

	snprintf(text, sizeof(text), "%.1200s", show_member(run, "reason"));
	if (verdict[0] == '\0' && history_was_killed(call->records, run)) {
		verdict = "killed";
		snprintf(text, sizeof(text), "it ended without a verdict; the next "
			 "run on the host says what it may have done");
	} else if (verdict[0] == '\0') {
		verdict = "running";
		if (verb_asks(call, path, run, asked, sizeof(asked)))
			snprintf(text, sizeof(text), "it asks: %s", asked);
	}
	timeline_line(&s->timeline, s->last_ms, verdict, text);
}

/* What was said of the run from outside. */
static void show_said(const json_t *run, const char *key, const char *word)
{
	if (show_member(run, key)[0] == '\0')
		return;
	printf("\n       %-10s ", word);
	verb_put(show_member(run, key));
}

static void show_text(struct verb_call *call, const json_t *run, struct show *s,
		      const char *path)
{
	show_verdict(call, run, s, path);
	timeline_end(&s->timeline);
	printf("       by         ");
	if (show_member(run, "caller")[0] != '\0') {
		verb_put(show_member(run, "caller"));
		printf(" as ");
	}
	verb_put(show_member(run, "user"));
	printf(" on ");
	verb_put(show_member(run, "agent"));
	printf(", ");
	verb_put(show_member(run, "started"));
	show_said(run, "why", "reason");
	show_said(run, "request_id", "request");
	show_said(run, "override", "override");
	show_said(run, "cancelled_by", "cancelled");
	printf("\n       record     ");
	verb_put(path);
	putchar('\n');
	show_evidence(path);
}

static int show_path(struct verb_call *call, const char *path)
{
	struct rh_error err = RH_ERROR_INIT;
	struct show s = { .json = call->json };
	json_t *run = history_load(path, &err);
	int status = 0;

	if (run == NULL)
		return verb_fail(call, 1, "%s", err.text);
	timeline_init(&s.timeline, call->json ? TIMELINE_QUIET : TIMELINE_PLAIN,
		      STDOUT_FILENO);
	s.timeline.patient = true;
	if (call->json)
		verb_print_json(json_deep_copy(run));
	timeline_head(&s.timeline, show_member(run, "host"),
		      show_member(run, "sequence"), show_member(run, "summary"));
	if (history_journal(path, show_event, &s, &err) < 0)
		status = verb_fail(call, 1, "%s", err.text);
	if (!call->json)
		show_text(call, run, &s, path);
	json_decref(run);
	return verb_finish(call, s.timeline.gone && status == 0 ? 1 : status);
}

static int show_run(struct verb_call *call)
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
	status = show_path(call, path);
	free(path);
	return status;
}

const struct verb verb_show = {
	.name = "show",
	.usage = "RUN",
	.summary = "show a run: its whole name, the end of it, or \"last\"",
	.json = "run journal",
	.run = show_run,
};
