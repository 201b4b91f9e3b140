/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands sel HOST: the event log of the controller, newest last. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/ask.h"
#include "agent/run/record.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"

#define SEL_TIMEOUT_MS 60000

static void sel_print(struct verb_call *call, const struct host *host,
		      const struct ask_answer *answer)
{
	char *text = answer->text.data, *line, *rest = NULL;

	if (text == NULL)
		return;
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (call->json) {
			verb_print_json(json_pack("{so so so}", "host",
				record_string(host->name), "way",
				record_string(answer->way->label), "text",
				record_string(line)));
			continue;
		}
		verb_put(line);
		putchar('\n');
	}
}

static int sel_host(struct verb_call *call, const struct host *host, int max)
{
	struct ask ask = { .host = host, .capability = WAY_POWER,
			   .question = true };
	struct ask_answer answer = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	int status = 0;

	ask.request = (struct hand_request){
		.op = HAND_OP_EVENT_LOG, .number = max,
		.deadline = deadline_in(SEL_TIMEOUT_MS) };
	if (ask_host(&ask, &answer, &err) == 0) {
		if (answer.text.len == 0)
			verb_fail(call, 0, "%s: the event log is empty",
				  host->name);
		sel_print(call, host, &answer);
	} else {
		status = answer.way != NULL ? run_error_status(err.code) : 2;
		verb_fail(call, status, "%s: %s", host->name, err.text);
		if (call->json)
			verb_print_json(json_pack("{so ss so}", "host",
				record_string(host->name), "code",
				rh_code_name(err.code), "error",
				record_string(err.text)));
	}
	buffer_release(&answer.text);
	return verb_finish(call, status);
}

static int sel_run(struct verb_call *call)
{
	const char *words = "64";
	const struct verb_option own[] = { { "max", &words, NULL },
					   { NULL, NULL, NULL } };
	const struct host **list = NULL;
	size_t count = 0;
	char *end;
	long max;
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	errno = 0;
	max = strtol(words, &end, 10);
	if (errno != 0 || *words == '\0' || *end != '\0' || max < 1 ||
	    max > 4096)
		return verb_fail(call, 2, "--max %s: expected a number from 1 to "
				 "4096", words);
	status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv, 1, &list, &count);
	if (status == 0 && count != 1)
		status = verb_fail(call, 2, "the log of one host is read");
	if (status == 0)
		status = sel_host(call, list[0], (int)max);
	free(list);
	return status;
}

const struct verb verb_sel = {
	.name = "sel",
	.usage = "HOST",
	.summary = "print the event log, newest last",
	.help = "  --max N         the newest N entries only (64)\n",
	.json = "sel",
	.run = sel_run,
};
