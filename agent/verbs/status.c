/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands status [HOST...|@group]: the power of hosts, and who works on them. */
#include "agent/verbs/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/lock.h"
#include "agent/run/record.h"
#include "agent/run/survey.h"
#include "base/memory.h"

#define STATUS_PARALLEL 32
#define STATUS_TIMEOUT_MS 10000

struct status {
	struct verb_call *call;
	struct survey_answer *answers;
	size_t count;
};

static void status_json(const struct survey_answer *a, const char *holder)
{
	json_t *line = json_pack("{so ss}", "host",
				 record_string(a->host->name), "power",
				 driver_power_name(a->state));

	if (a->way != NULL && a->err.code == RH_ERR_NONE)
		json_object_set_new(line, "driver",
				    json_string(a->way->driver->name));
	if (a->err.code != RH_ERR_NONE) {
		json_object_set_new(line, "code",
				    json_string(rh_code_name(a->err.code)));
		json_object_set_new(line, "error",
				    record_string(a->err.text));
	}
	if (holder[0] != '\0')
		json_object_set_new(line, "held", record_string(holder));
	verb_print_json(line);
}

static void status_text(const struct survey_answer *a, const char *holder)
{
	char line[1400];

	if (a->err.code != RH_ERR_NONE)
		snprintf(line, sizeof(line), "%-16s unknown  %s%s%s",
			 a->host->name, a->err.text, holder[0] ? "; " : "",
			 holder);
	else
		snprintf(line, sizeof(line), "%-16s %-8s (%s)%s%s",
			 a->host->name, driver_power_name(a->state),
			 a->way->driver->name, holder[0] ? "; " : "", holder);
	verb_put(line);
	putchar('\n');
}

static void status_take(void *context, const struct survey_answer *answer)
{
	struct status *s = context;
	char holder[500];

	lock_holder(s->call->records, answer->host->name, holder,
		    sizeof(holder));
	if (s->call->json)
		status_json(answer, holder);
	else
		status_text(answer, holder);
	fflush(stdout);
	s->answers[s->count++] = *answer;
}

int status_print(struct verb_call *call, const struct host *const *hosts,
		 size_t count)
{
	struct status s = { .call = call };
	bool whole;
	int status = 0;
	size_t i;

	s.answers = memory_new(count + 1, sizeof(*s.answers));
	whole = survey_power(hosts, count, STATUS_PARALLEL, STATUS_TIMEOUT_MS,
			     status_take, &s);
	for (i = 0; i < s.count; i++) {
		if (s.answers[i].err.code != RH_ERR_NONE ||
		    s.answers[i].state == DRIVER_POWER_UNKNOWN)
			status = 4;
	}
	free(s.answers);
	if (count == 0)
		verb_fail(call, 0, "there are no hosts in %s/hosts.d",
			  call->config_dir);
	return verb_finish(call, whole ? status : 130);
}

static int status_run(struct verb_call *call)
{
	const struct host **list = NULL;
	size_t count = 0;
	int status = verb_begin(call, NULL, 0, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status != 0)
		return status;
	if (call->argc == 0)
		return status_print(call,
				    (const struct host *const *)call->config->hosts,
				    call->config->host_count);
	status = verb_hosts_of(call, call->argv, call->argc, &list, &count);
	if (status == 0)
		status = status_print(call, list, count);
	free(list);
	return status;
}

const struct verb verb_status = {
	.name = "status",
	.usage = "[HOST...|@GROUP]",
	.summary = "read the power of hosts, in parallel",
	.run = status_run,
};
