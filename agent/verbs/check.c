/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands check: everything that can be wrong before 3 am, in one go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/policy.h"
#include "agent/plan/plan.h"
#include "agent/run/owner.h"
#include "agent/run/record.h"
#include "agent/sequence/check.h"
#include "agent/twin/model.h"
#include "agent/twin/twin-vars.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"

/* For --paths: what the sequence takes at most, on this host (NULL: any). */
static void check_path(struct verb_call *call, const struct sequence *s,
		       const struct host *host)
{
	struct buffer path = { 0 };
	char longest[32], deadline[32];
	int64_t ms;

	if (s == NULL || !verb_longest(host, s, &ms, &path))
		return;
	if (call->json)
		verb_print_json(json_pack("{so so sI sI so}", "sequence",
			record_string(s->name), "host",
			host != NULL ? record_string(host->name) : json_null(),
			"longest_ms", (json_int_t)ms, "deadline_ms",
			(json_int_t)s->deadline_ms, "path",
			record_string(buffer_text(&path))));
	else
		printf("%s%s%s: the longest path takes %s, the deadline is %s: "
		       "%s\n", s->name, host != NULL ? " on " : "",
		       host != NULL ? host->name : "",
		       deadline_format(ms, longest, sizeof(longest)),
		       deadline_format(s->deadline_ms, deadline,
				       sizeof(deadline)),
		       path.len > 0 ? buffer_text(&path) : "nothing takes time");
	buffer_release(&path);
}

/* Finds what is wrong with it for each of its hosts, or for none. */
static void check_hosts(struct verb_call *call, const struct ini *ini,
			const char *name, bool paths, struct problems *p)
{
	const struct sequence_library library = verb_library(call);
	struct sequence_vars vars = { verb_var, NULL, &library };
	const struct host *host;
	struct sequence *s;
	bool used = false;
	size_t i;

	for (i = 0; i < call->config->host_count; i++) {
		host = call->config->hosts[i];
		if (host->broken ||
		    ((host->recover == NULL ||
		      strcmp(host->recover, name) != 0) &&
		     (host->reboot == NULL ||
		      strcmp(host->reboot, name) != 0)))
			continue;
		used = true;
		vars.context = host;
		if (problems_in_file(p, ini->file) > 0)
			break;
		s = sequence_parse(ini, name, &vars, p);
		if (s != NULL)
			verb_check_sequence(host, s, p);
		if (paths)
			check_path(call, s, host);
		sequence_free(s);
	}
	if (used)
		return;
	vars.get = NULL;
	s = sequence_parse(ini, name, &vars, p);
	if (s != NULL)
		sequence_check(s, NULL, p);
	if (paths)
		check_path(call, s, NULL);
	sequence_free(s);
}

/* Each by itself: what one that is run lacks is not asked of the other. */
static void check_sequence(struct verb_call *call, size_t i, bool paths)
{
	const struct config *config = call->config;
	struct problems found = { 0 };

	if (config->sequences[i]->broken)
		return;
	check_hosts(call, config->sequences[i], config->sequence_names[i],
		    paths, &found);
	problems_join(&call->problems, &found);
	problems_release(&found);
}

static bool check_has_twin(const struct host *host, const char *name)
{
	size_t i;

	for (i = 0; i < host->way_count; i++) {
		if (host->ways[i].twin != NULL &&
		    strcmp(host->ways[i].twin, name) == 0)
			return true;
	}
	return false;
}

/* With the vars of each host that it stands for; once, where there is none. */
static void check_twin(struct verb_call *call, const struct ini *ini,
		       const char *name)
{
	struct sequence_vars of_host = { verb_var, NULL, NULL };
	const struct twin_vars all = { &of_host, ini };
	const struct sequence_vars vars = { twin_vars_get, &all, NULL };
	struct problems *p = &call->problems;
	bool used = false;
	size_t i;

	for (i = 0; i < call->config->host_count; i++) {
		of_host.context = call->config->hosts[i];
		if (problems_in_file(p, ini->file) > 0)
			return;
		if (!check_has_twin(of_host.context, name))
			continue;
		used = true;
		twin_model_free(twin_model_parse(ini, name, &vars, p));
	}
	if (!used && problems_in_file(p, ini->file) == 0)
		twin_model_free(twin_model_parse(ini, name, NULL, p));
}

static void check_plan(struct verb_call *call, size_t i)
{
	const struct config *config = call->config;
	struct problems found = { 0 };

	plan_free(plan_parse(config->plans[i], config->plan_names[i], config,
			     &found));
	ini_quote(config->plans[i], &found);
	problems_join(&call->problems, &found);
	problems_release(&found);
}

/* Records are kept in any case, so that it is no error of the host. */
static void check_owner(struct verb_call *call, const struct host *host)
{
	struct rh_error err = RH_ERROR_INIT;
	gid_t gid;

	if (host->owner_group == NULL)
		return;
	if (owner_find(host->owner_group, &gid, &err) < 0)
		problems_add(&call->problems, host->owner_file, host->owner_line,
			     "owner-group: %s; records stay private", err.text);
	else if (owner_check_way(call->records, gid, &err) < 0)
		problems_warn(&call->problems, host->owner_file,
			      host->owner_line, "owner-group: %s", err.text);
}

static void check_count(const char *what, size_t count, const char *before)
{
	printf("%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

static void check_print_json(const struct problems *p)
{
	const struct problem *one;
	size_t i;

	for (i = 0; i < p->count; i++) {
		one = &p->list[i];
		verb_print_json(json_pack("{so si si ss so}", "file",
					  record_string(one->file), "line",
					  one->line, "column", one->column,
					  "severity",
					  one->warning ? "warning" : "error",
					  "text", record_string(one->text)));
	}
}

static int check_run(struct verb_call *call)
{
	struct problems *p = &call->problems;
	bool paths = false;
	const struct verb_option own[] = {
		{ "paths", NULL, &paths },
		{ NULL, NULL, NULL },
	};
	size_t i;
	int status = verb_begin(call, own, 0, 0);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status != 0)
		return status;
	for (i = 0; i < call->config->sequence_count; i++)
		check_sequence(call, i, paths);
	for (i = 0; i < call->config->twin_count; i++)
		check_twin(call, call->config->twins[i],
			   call->config->twin_names[i]);
	for (i = 0; i < call->config->plan_count; i++)
		check_plan(call, i);
	for (i = 0; i < call->config->host_count; i++)
		check_owner(call, call->config->hosts[i]);
	policy_check(call->config, p);
	problems_sort(p);
	verb_quote_problems(call);
	if (call->json) {
		check_print_json(p);
		return verb_finish(call, p->errors > 0 ? 2 : 0);
	}
	verb_print_problems(p, NULL);
	check_count("host", call->config->host_count, "");
	check_count("sequence", call->config->sequence_count, ", ");
	if (call->config->twin_count > 0)
		check_count("twin", call->config->twin_count, ", ");
	if (call->config->plan_count > 0)
		check_count("plan", call->config->plan_count, ", ");
	printf(": ");
	if (p->errors == 0)
		printf("no errors");
	else
		printf("%zu error%s", p->errors, p->errors == 1 ? "" : "s");
	if (p->count > p->errors)
		printf(", %zu warning%s", p->count - p->errors,
		       p->count - p->errors == 1 ? "" : "s");
	printf("\n");
	return verb_finish(call, p->errors > 0 ? 2 : 0);
}

const struct verb verb_check = {
	.name = "check",
	.usage = "[--paths]",
	.summary = "read all of the configuration and prove the sequences",
	.help = "  --paths         print the longest path of each sequence, too\n",
	.json = "check",
	.run = check_run,
};
