/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands identify HOST on|off: the light of the chassis, for the person at the
 * rack. It can't be read back, so that it was accepted is all that is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/ask.h"
#include "agent/run/record.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"

#define IDENTIFY_TIMEOUT_MS 30000

static int identify_failed(struct verb_call *call, const struct host *host,
			   const struct ask_answer *answer,
			   const struct rh_error *err)
{
	int status = answer->way != NULL ? run_error_status(err->code) : 2;

	verb_fail(call, status, "%s: %s", host->name, err->text);
	if (call->json)
		verb_print_json(json_pack("{so ss so}", "host",
					  record_string(host->name), "code",
					  rh_code_name(err->code), "error",
					  record_string(err->text)));
	return status;
}

static int identify_host(struct verb_call *call, const struct host *host,
			 bool on)
{
	/* The same light twice is the same light: it may be asked again. */
	struct ask ask = { .host = host, .capability = WAY_POWER,
			   .question = true };
	struct ask_answer answer = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	int status = 0;
	char line[600];

	ask.request = (struct hand_request){
		.op = HAND_OP_IDENTIFY, .number = on,
		.deadline = deadline_in(IDENTIFY_TIMEOUT_MS) };
	if (ask_host(&ask, &answer, &err) < 0) {
		status = identify_failed(call, host, &answer, &err);
	} else if (call->json) {
		verb_print_json(json_pack("{so ss ss so}", "host",
					  record_string(host->name), "identify",
					  on ? "on" : "off", "driver",
					  answer.way->driver->name, "way",
					  record_string(answer.way->label)));
	} else {
		snprintf(line, sizeof(line), "%s: identify %s: accepted (%s)",
			 host->name, on ? "on" : "off",
			 answer.way->driver->name);
		verb_put(line);
		putchar('\n');
	}
	buffer_release(&answer.text);
	return verb_finish(call, status);
}

static int identify_run(struct verb_call *call)
{
	const struct host **list = NULL;
	size_t count = 0;
	const char *word;
	int status = verb_begin(call, NULL, 2, 2);

	if (status != 0)
		return status == 1 ? 0 : status;
	word = call->argv[1];
	if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		return verb_fail(call, 2, "\"%s\": expected on or off", word);
	status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv, 1, &list, &count);
	if (status == 0 && count != 1)
		status = verb_fail(call, 2, "the light of one host is switched");
	if (status == 0)
		status = identify_host(call, list[0], word[1] == 'n');
	free(list);
	return status;
}

const struct verb verb_identify = {
	.name = "identify",
	.usage = "HOST on|off",
	.summary = "switch the light of the chassis",
	.json = "identify",
	.run = identify_run,
};
