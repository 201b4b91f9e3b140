/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands status [HOST...|@group]: the power of hosts, and who works on them.
 *
 * Several hosts are lines that begin with all hosts of which the same is to be
 * said, in the order asked. What is known is printed when no more comes for a
 * while, so that a dead host delays only its own line.
 */
#include "agent/verbs/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/hostlist.h"
#include "agent/run/lock.h"
#include "agent/run/record.h"
#include "agent/run/survey.h"
#include "base/memory.h"

#define STATUS_TIMEOUT_MS 10000

struct status {
	struct verb_call *call;
	const struct host *const *hosts;
	size_t count;		/* of hosts */
	char **says;		/* what is to be said of each, NULL: not known, or
				   printed */
	char **general;		/* the same without its name */
	size_t known;
	bool bad;		/* of one at least there is no state */
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

/* What a line has behind its hosts. */
static char *status_text(const struct survey_answer *a, const char *holder)
{
	const char *also = holder[0] != '\0' ? "; " : "";

	if (a->err.code != RH_ERR_NONE)
		return memory_format("unknown  %s%s%s", a->err.text, also,
				     holder);
	return memory_format("%-8s (%s)%s%s", driver_power_name(a->state),
			     a->way->driver->name, also, holder);
}

/* The line that the host has, with all the others that it is right for. */
static void status_line(struct status *s, size_t first, const char **names)
{
	char *text = s->says[first], *general = s->general[first], *hosts, *line;
	size_t count = 0, i;

	for (i = first; i < s->count; i++) {
		if (s->says[i] == NULL || strcmp(s->general[i], general) != 0)
			continue;
		names[count++] = s->hosts[i]->name;
		if (i > first) {
			free(s->says[i]);
			free(s->general[i]);
		}
		s->says[i] = NULL;
	}
	hosts = hostlist_fold(names, count);
	line = memory_format("%-16s %s", hosts, count > 1 ? general : text);
	verb_put(line);
	putchar('\n');
	free(line);
	free(hosts);
	free(text);
	free(general);
}

/* All that is known and was not printed yet. */
static void status_lines(void *context)
{
	struct status *s = context;
	const char **names = memory_new(s->count + 1, sizeof(*names));
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (s->says[i] != NULL)
			status_line(s, i, names);
	}
	fflush(stdout);
	free(names);
}

static void status_take(void *context, const struct survey_answer *answer)
{
	struct status *s = context;
	char holder[500];

	if (answer->err.code != RH_ERR_NONE ||
	    answer->state == DRIVER_POWER_UNKNOWN)
		s->bad = true;
	lock_holder(s->call->records, answer->host->name, holder,
		    sizeof(holder));
	s->known++;
	if (s->call->json) {
		status_json(answer, holder);
		fflush(stdout);
		return;
	}
	s->says[answer->index] = status_text(answer, holder);
	s->general[answer->index] = hostlist_general(s->says[answer->index],
						     answer->host->name);
	if (s->known == s->count)
		status_lines(s);
}

int status_print(struct verb_call *call, const struct host *const *hosts,
		 size_t count, int parallel)
{
	struct status s = { .call = call, .hosts = hosts, .count = count };
	const struct survey_reader reader = { .take = status_take,
					      .quiet = status_lines,
					      .context = &s };
	bool whole;

	/* the examples name secrets that nobody has */
	if (call->problems.errors > 0 && call->tree == NULL)
		verb_fail(call, 0, "note: some files have errors; rhands check "
			  "lists them");
	s.says = memory_new(count + 1, sizeof(*s.says));
	s.general = memory_new(count + 1, sizeof(*s.general));
	whole = survey_power(hosts, count, parallel, STATUS_TIMEOUT_MS, &reader);
	status_lines(&s);
	free(s.says);
	free(s.general);
	if (count == 0)
		verb_fail(call, 0, "there are no hosts in %s/hosts.d",
			  call->config_dir);
	return verb_finish(call, !whole ? 130 : s.bad ? 4 : 0);
}

static int status_run(struct verb_call *call)
{
	const struct host **list = NULL;
	const char *parallel = NULL;
	const struct verb_option own[] = { { "parallel", &parallel, NULL },
					   { NULL, NULL, NULL } };
	size_t count = 0;
	int status = verb_begin(call, own, 0, -1), at_once = 0;

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_parallel(call, parallel, &at_once);
	if (status == 0)
		status = verb_load(call);
	if (status != 0)
		return status;
	status = verb_select(call, call->argv, call->argc, &list, &count);
	if (status == 0)
		status = status_print(call, list, count, at_once);
	free(list);
	return status;
}

const struct verb verb_status = {
	.name = "status",
	.usage = "[HOST...|@GROUP]",
	.summary = "read the power of hosts, in parallel",
	.help = "  --parallel N    ask no more hosts at once; by default as answers come\n",
	.json = "status",
	.run = status_run,
};
