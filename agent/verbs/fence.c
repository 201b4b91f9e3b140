/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fence_rhands: a fence agent, for clusters (Pacemaker and others): the protocol
 * of the fence agents' API on standard input, or by options. It is the program
 * rhands under another name.
 *
 * Always true: `off` and `reboot` say success only where the power was seen off
 * twice, and again; whatever else happened is a failure, never a guess.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/survey.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"
#include "base/memory.h"

#define FENCE_LINE_MAX 1024
#define FENCE_STATUS_MS 20000

/* What was asked for; owned. */
struct fence {
	struct verb_call *call;
	char *action;
	char *plug;		/* or port, nodename */
	char *nodename;
	char *config;
	char *records;
	char *timeout;		/* seconds */
};

/* What may be said, for standard input and for the metadata. */
static const struct {
	const char *name;
	const char *option;
	const char *type;
	const char *fallback;
	const char *help;
	size_t at;
} fence_keys[] = {
	{ "action", "-o, --action=[action]", "string", "reboot",
	  "Fencing action", offsetof(struct fence, action) },
	{ "plug", "-n, --plug=[id]", "string", NULL,
	  "The host, as its file in hosts.d is named",
	  offsetof(struct fence, plug) },
	{ "port", "--port=[id]", "string", NULL, "The same",
	  offsetof(struct fence, plug) },
	{ "nodename", "--nodename=[name]", "string", NULL,
	  "The host, where no plug is given",
	  offsetof(struct fence, nodename) },
	{ "config", "--config=[directory]", "string", NULL,
	  "The configuration of rhands", offsetof(struct fence, config) },
	{ "records", "--records=[directory]", "string", NULL,
	  "Where the records of runs are", offsetof(struct fence, records) },
	{ "power_timeout", "--power-timeout=[seconds]", "second", "120",
	  "How long a change of power may take, until it was seen",
	  offsetof(struct fence, timeout) },
};

#define FENCE_KEYS (sizeof(fence_keys) / sizeof(fence_keys[0]))

static void fence_release(struct fence *f)
{
	free(f->action);
	free(f->plug);
	free(f->nodename);
	free(f->config);
	free(f->records);
	free(f->timeout);
}

/* ---- what is asked for -------------------------------------------------------- */

/* A name that is not known is left alone: clusters send what they know. */
static void fence_set(struct fence *f, const char *name, const char *value)
{
	char **field;
	size_t i;

	for (i = 0; i < FENCE_KEYS; i++) {
		if (strcmp(fence_keys[i].name, name) != 0)
			continue;
		field = (char **)((char *)f + fence_keys[i].at);
		free(*field);
		*field = memory_copy(value);
	}
}

static void fence_read_line(struct fence *f, char *line)
{
	char *begin = line + strspn(line, " \t"), *equals;

	begin[strcspn(begin, "\r\n")] = '\0';
	equals = strchr(begin, '=');
	if (begin[0] == '#' || equals == NULL)
		return;
	*equals = '\0';
	fence_set(f, begin, equals + 1);
}

static int fence_read(struct fence *f)
{
	char line[FENCE_LINE_MAX];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strchr(line, '\n') == NULL && !feof(stdin))
			return verb_fail(f->call, 1, "a line on standard input is "
					 "longer than %d bytes", FENCE_LINE_MAX);
		fence_read_line(f, line);
	}
	return 0;
}

/* "--power-timeout" is power_timeout. */
static void fence_option_name(const char *word, size_t len, char *name,
			      size_t name_len)
{
	size_t i;

	for (i = 0; i < len && i + 1 < name_len; i++)
		name[i] = word[i] == '-' ? '_' : word[i];
	name[i] = '\0';
}

static int fence_options(struct fence *f)
{
	char **argv = f->call->argv;
	int i, argc = f->call->argc;
	const char *value;
	char name[64];

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "-n") == 0) {
			if (i + 1 == argc)
				return verb_fail(f->call, 1, "a value is missing "
						 "behind %s", argv[i]);
			fence_set(f, argv[i][1] == 'o' ? "action" : "plug",
				  argv[i + 1]);
			i++;
			continue;
		}
		value = strchr(argv[i], '=');
		if (strncmp(argv[i], "--", 2) != 0 || value == NULL)
			return verb_fail(f->call, 1, "unknown option %s; see "
					 "fence_rhands -o metadata", argv[i]);
		fence_option_name(argv[i] + 2,
				  (size_t)(value - argv[i]) - 2, name,
				  sizeof(name));
		fence_set(f, name, value + 1);
	}
	return 0;
}

/* ---- metadata ------------------------------------------------------------------- */

static void fence_metadata(void)
{
	static const char *const actions[] = { "on", "off", "reboot", "status",
					       "monitor", "list",
					       "list-status", "metadata",
					       "validate-all" };
	size_t i;

	printf("<?xml version=\"1.0\" ?>\n<resource-agent name=\"fence_rhands\" "
	       "shortdesc=\"Fence agent for hosts of remotehands\" >\n"
	       "<longdesc>fence_rhands switches hosts by the ways that rhands "
	       "has to their power, one after the other, and says success only "
	       "where the power was seen off.</longdesc>\n"
	       "<vendor-url></vendor-url>\n<parameters>\n");
	for (i = 0; i < FENCE_KEYS; i++) {
		printf("\t<parameter name=\"%s\" unique=\"0\" required=\"0\"%s>\n"
		       "\t\t<getopt mixed=\"%s\" />\n\t\t<content type=\"%s\"",
		       fence_keys[i].name,
		       strcmp(fence_keys[i].name, "port") == 0
			       ? " deprecated=\"1\"" : "",
		       fence_keys[i].option, fence_keys[i].type);
		if (fence_keys[i].fallback != NULL)
			printf(" default=\"%s\"", fence_keys[i].fallback);
		printf(" />\n\t\t<shortdesc lang=\"en\">%s</shortdesc>\n"
		       "\t</parameter>\n", fence_keys[i].help);
	}
	printf("</parameters>\n<actions>\n");
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		printf("\t<action name=\"%s\"%s/>\n", actions[i],
		       strcmp(actions[i], "on") == 0 ? " automatic=\"0\"" : "");
	printf("</actions>\n</resource-agent>\n");
}

/* ---- hosts ------------------------------------------------------------------------ */

static const struct host *fence_host(struct fence *f)
{
	char *name = f->plug != NULL ? f->plug : f->nodename;
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
				   "then = recovered\n", f->timeout,
				   driver_act_name(act));
	struct sequence *s = verb_builtin("fence", text);
	struct run_options options = {
		.host = host, .sequence = s, .records = f->call->records,
		.logbook = &f->call->logbook,
		.verb = "fence", .must_see = true, .done_word = "done",
		.mode = TIMELINE_QUIET,
	};
	struct rh_error err = RH_ERROR_INIT;
	struct run_result result;
	int rc;

	free(text);
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
	if (strcmp(f->action, "status") == 0)
		return fence_status(f, host);
	if (strcmp(f->action, "monitor") == 0)
		return fence_power(f, host) == DRIVER_POWER_UNKNOWN;
	if (strcmp(f->action, "validate-all") == 0)
		return 0;
	if (strcmp(f->action, "on") == 0)
		return fence_act(f, host, DRIVER_ACT_ON);
	if (strcmp(f->action, "off") == 0)
		return fence_act(f, host, DRIVER_ACT_OFF);
	return fence_reboot(f, host);
}

static bool fence_is_action(const char *action)
{
	static const char *const words[] = { "on", "off", "reboot", "status",
					     "monitor", "validate-all", "list",
					     "list-status" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], action) == 0)
			return true;
	}
	return false;
}

static int fence_carry_out(struct fence *f)
{
	size_t len;

	if (f->action == NULL)
		f->action = memory_copy("reboot");
	if (f->timeout == NULL)
		f->timeout = memory_copy("120");
	len = strspn(f->timeout, "0123456789");
	if (len == 0 || len > 5 || f->timeout[len] != '\0' ||
	    atoi(f->timeout) < 1)
		return verb_fail(f->call, 1, "power_timeout=%s: expected seconds",
				 f->timeout);
	if (strcmp(f->action, "metadata") == 0) {
		fence_metadata();
		return 0;
	}
	if (!fence_is_action(f->action))
		return verb_fail(f->call, 1, "unknown action \"%s\"; expected on, "
				 "off, reboot, status, monitor, list, "
				 "list-status, validate-all or metadata",
				 f->action);
	if (f->config != NULL)
		f->call->config_dir = f->config;
	f->call->records_option = f->records;
	if (verb_load(f->call) != 0)
		return 1;
	if (strncmp(f->action, "list", 4) == 0)
		return fence_list(f, strcmp(f->action, "list-status") == 0);
	if (strcmp(f->action, "monitor") == 0 && f->plug == NULL &&
	    f->nodename == NULL)
		return 0;
	return fence_host_action(f);
}

static int fence_run(struct verb_call *call)
{
	struct fence f = { .call = call };
	int status;

	verb_open_standard();
	/* As a verb of rhands its own name stands in front. */
	if (call->argc > 0 && strcmp(call->argv[0], call->verb->name) == 0) {
		call->argv++;
		call->argc--;
	}
	call->config_dir = RHANDS_CONFIG_DIR;
	status = call->argc > 0 ? fence_options(&f) : fence_read(&f);
	if (status == 0)
		status = fence_carry_out(&f);
	fence_release(&f);
	return verb_finish(call, status);
}

const struct verb verb_fence = {
	.name = "fence",
	.usage = "[-o ACTION] [-n HOST]",
	.summary = "a cluster's fence agent (fence_rhands)",
	.run = fence_run,
};
