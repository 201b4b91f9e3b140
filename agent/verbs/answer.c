/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands answer RUN|HOST|PLAN [TEXT]: the answer to what a run or a maintenance
 * asks, from another terminal than its own. Without TEXT it says what is asked, and
 * at a terminal takes the answer there.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/plan/journal.h"
#include "agent/run/answer.h"
#include "agent/run/history.h"
#include "agent/run/record.h"
#include "agent/verbs/verb-policy.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"
#include "base/memory.h"

#define ANSWER_TAKEN_MS 3000	/* a run looks five times a second */

static const char *answer_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* Who asks. */
struct answer_asker {
	char *path;		/* of the folder with the question */
	const char *kind;	/* "run" or "maintenance" */
	char *name;
	char *who;		/* the host, or the plan */
};

static void answer_release(struct answer_asker *a)
{
	free(a->path);
	free(a->name);
	free(a->who);
}

/* The folder of the host's run that goes on; NULL after saying why not. */
static char *answer_of_host(struct verb_call *call, const char *host)
{
	struct rh_error err = RH_ERROR_INIT;
	size_t count = 0;
	char **list = history_list(call->records, host, &count, &err);
	char *path = NULL;
	json_t *run;

	if (list == NULL) {
		verb_fail(call, 1, "%s", err.text);
		return NULL;
	}
	if (count > 0)
		path = memory_format("%s/runs/%s", call->records,
				     list[count - 1]);
	run = path != NULL ? history_load(path, &err) : NULL;
	if (run == NULL || !json_is_null(json_object_get(run, "verdict"))) {
		verb_fail(call, 1, "no run goes on on %s, nothing is asked",
			  host);
		free(path);
		path = NULL;
	}
	json_decref(run);
	history_list_free(list);
	return path;
}

/* ---- a run ---------------------------------------------------------------------- */

static char *answer_find_run(struct verb_call *call, const char *word,
			     int *ret_status)
{
	char *path = NULL;

	*ret_status = 1;
	if (config_host(call->config, word) != NULL)
		return answer_of_host(call, word);
	*ret_status = verb_find_run(call, word, &path);
	if (*ret_status != 0)
		return NULL;
	*ret_status = 1;
	return path;
}

/* What the run asks; NULL after saying why there is nothing to answer. */
static json_t *answer_run_question(struct verb_call *call, const char *path,
				   const json_t *run)
{
	const char *name = answer_member(run, "run");
	json_t *question;

	if (!json_is_null(json_object_get(run, "verdict"))) {
		verb_fail(call, 1, "the run %s is over, it asks nothing", name);
		return NULL;
	}
	if (history_was_killed(call->records, run)) {
		verb_fail(call, 1, "the run %s was killed, it asks nothing",
			  name);
		return NULL;
	}
	question = answer_question(path);
	if (question == NULL)
		verb_fail(call, 1, "the run %s asks nothing now", name);
	return question;
}

static json_t *answer_open_run(struct verb_call *call, const char *word,
			       struct answer_asker *ret, int *ret_status)
{
	struct rh_error err = RH_ERROR_INIT;
	json_t *run, *question = NULL;

	ret->kind = "run";
	ret->path = answer_find_run(call, word, ret_status);
	if (ret->path == NULL)
		return NULL;
	run = history_load(ret->path, &err);
	if (run == NULL) {
		verb_fail(call, 1, "%s", err.text);
		return NULL;
	}
	ret->name = memory_copy(answer_member(run, "run"));
	ret->who = memory_copy(answer_member(run, "host"));
	question = answer_run_question(call, ret->path, run);
	json_decref(run);
	return question;
}

/* ---- a maintenance ---------------------------------------------------------------- */

/* The caller may see every host that it has. */
static bool answer_may(const struct verb_call *call, const char *id)
{
	json_t *hosts = journal_hosts(call->records, id), *one;
	bool may = !verb_policy_limits(call) || json_array_size(hosts) > 0;
	size_t i;

	for (i = 0; may && i < json_array_size(hosts); i++) {
		one = json_pack("{sO}", "host", json_array_get(hosts, i));
		may = verb_policy_shows(call, one);
		json_decref(one);
	}
	json_decref(hosts);
	return may;
}

/* A host's name means the host, and every other word a plan first. */
static char *answer_maintenance(const struct verb_call *call, const char *word)
{
	char *id;

	if (config_host(call->config, word) != NULL)
		return NULL;
	id = journal_find(call->records, word);
	if (id != NULL && !answer_may(call, id)) {
		free(id);
		id = NULL;
	}
	return id;
}

/* Consumes id. */
static json_t *answer_open_maintenance(struct verb_call *call, char *id,
				       struct answer_asker *ret)
{
	json_t *question = NULL;

	ret->kind = "maintenance";
	ret->name = id;
	ret->who = memory_copy(journal_plan_of(id));
	ret->path = memory_format("%s/maintenances/%s", call->records, id);
	if (!journal_is_carried_out(call->records, id)) {
		verb_fail(call, 1, "nobody carries out the maintenance %s now, it "
			  "asks nothing", id);
		return NULL;
	}
	question = answer_question(ret->path);
	if (question == NULL)
		verb_fail(call, 1, "the maintenance %s asks nothing now", id);
	return question;
}

/* ---- the answer --------------------------------------------------------------------- */

/* Until the asker has it. False: it has not taken it yet. */
static bool answer_is_taken(const char *path)
{
	int64_t until = deadline_in(ANSWER_TAKEN_MS);

	while (answer_waits(path)) {
		if (deadline_now() >= until)
			return false;
		poll(NULL, 0, 50);
	}
	return true;
}

static int answer_give(struct verb_call *call, const struct answer_asker *asker,
		       const json_t *question, const char *text)
{
	struct rh_error err = RH_ERROR_INIT;
	bool taken;

	if (answer_leave(asker->path, question, text, &err) < 0)
		return verb_fail(call, run_error_status(err.code), "%s",
				 err.text);
	taken = answer_is_taken(asker->path);
	if (call->json)
		verb_print_json(json_pack("{so so so sb}", asker->kind,
					  record_string(asker->name), "question",
					  record_string(answer_member(question,
								      "text")),
					  "answer", record_string(text),
					  "taken", taken));
	if (!taken)
		return verb_fail(call, 4, "the answer is left in the record, but "
				 "the %s has not taken it yet; is it stopped?",
				 asker->kind);
	if (!call->json) {
		printf("answered: ");
		verb_put(text);
		putchar('\n');
	}
	return verb_finish(call, 0);
}

static void answer_show(const struct verb_call *call,
			const struct answer_asker *asker,
			const json_t *question)
{
	char choices[200];

	if (call->json)
		return;
	verb_put(asker->who);
	printf(" asks: ");
	verb_put(answer_member(question, "text"));
	if (json_object_get(question, "until") != NULL) {
		printf(" (until ");
		verb_put(answer_member(question, "until"));
		putchar(')');
	}
	putchar('\n');
	answer_choices(question, choices, sizeof(choices));
	if (isatty(STDIN_FILENO))
		return;
	printf("answer it with: rhands answer ");
	verb_put(asker->who);
	putchar(' ');
	verb_put(choices[0] != '\0' ? choices : "TEXT");
	putchar('\n');
}

/* Typed here, until it is an answer. */
static int answer_type(struct verb_call *call, const struct answer_asker *asker,
		       const json_t *question)
{
	struct rh_error err;
	char line[2 * ANSWER_MAX], text[ANSWER_MAX + 1];

	for (;;) {
		verb_put(answer_member(question, "prompt"));
		printf(": ");
		fflush(stdout);
		if (fgets(line, sizeof(line), stdin) == NULL)
			return verb_fail(call, 1, "nothing was answered");
		rh_error_clear(&err);
		if (answer_match_question(question, line, text, sizeof(text),
					  &err) == 0)
			return answer_give(call, asker, question, text);
		verb_put(err.text);
		putchar('\n');
	}
}

static char *answer_words(const struct verb_call *call)
{
	struct buffer b = { 0 };
	int i;

	for (i = 1; i < call->argc; i++)
		buffer_printf(&b, "%s%s", i > 1 ? " " : "", call->argv[i]);
	return buffer_take(&b);
}

static int answer_question_of(struct verb_call *call,
			      const struct answer_asker *asker,
			      const json_t *question)
{
	struct rh_error err = RH_ERROR_INIT;
	char text[ANSWER_MAX + 1];
	char *words;
	int rc;

	if (call->argc == 1) {
		answer_show(call, asker, question);
		if (call->json)
			verb_print_json(json_deep_copy(question));
		else if (isatty(STDIN_FILENO))
			return answer_type(call, asker, question);
		return verb_finish(call, 0);
	}
	words = answer_words(call);
	rc = answer_match_question(question, words, text, sizeof(text), &err);
	free(words);
	if (rc < 0)
		return verb_fail(call, 2, "%s", err.text);
	return answer_give(call, asker, question, text);
}

static int answer_run(struct verb_call *call)
{
	struct answer_asker asker = { .path = NULL };
	json_t *question;
	char *id;
	int status = verb_begin(call, NULL, 1, -1), none = 1;

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status != 0)
		return status;
	id = answer_maintenance(call, call->argv[0]);
	question = id != NULL ? answer_open_maintenance(call, id, &asker)
			      : answer_open_run(call, call->argv[0], &asker,
						&none);
	status = question != NULL ? answer_question_of(call, &asker, question)
				  : none;
	json_decref(question);
	answer_release(&asker);
	return status;
}

const struct verb verb_answer = {
	.name = "answer",
	.usage = "RUN|HOST|PLAN [TEXT]",
	.summary = "answer what a run or a maintenance asks, from any terminal",
	.json = "answer",
	.run = answer_run,
};
