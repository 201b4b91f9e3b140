/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sequences for verbs: found, read for a host and checked. Always true: what has
 * an error is not given back, and the error was said.
 */
#include "agent/verbs/verb.h"

#include <string.h>

#include "agent/sequence/check.h"

const char *verb_var(const void *context, const char *name)
{
	const struct host *host = context;
	const char *value = host_var(host, name);

	if (value != NULL)
		return value;
	if (strcmp(name, "host") == 0)
		return host->name;
	return strcmp(name, "address") == 0 ? host->address : NULL;
}

static bool verb_has_secret(const void *context, const char *name)
{
	return host_secret(context, name) != NULL;
}

struct graph_times verb_power_times(const struct host *host)
{
	const struct way *power = host != NULL ? host_way(host, WAY_POWER, 0)
					       : NULL;
	struct graph_times times = { 0 };

	if (power != NULL) {
		times.min_off_ms = settings_number(power->settings, "min-off");
		times.confirm_ms = settings_number(power->settings, "confirm");
	}
	return times;
}

bool verb_longest(const struct host *host, const struct sequence *s,
		  int64_t *ret_ms, struct buffer *path)
{
	struct graph_times times = verb_power_times(host);
	struct graph graph;
	bool ends;

	graph_init(&graph, s, host != NULL ? &times : NULL);
	ends = !graph_loops(&graph, NULL, NULL);
	if (ends)
		*ret_ms = graph_worst_ms(&graph, path);
	graph_release(&graph);
	return ends;
}

void verb_check_sequence(const struct host *host, const struct sequence *s,
			 struct problems *problems)
{
	struct check_host about = { .name = host->name,
				    .file = host->file,
				    .has_secret = verb_has_secret,
				    .context = host,
				    .terminal = KEYS_VT100 };
	const struct way *console = host_way(host, WAY_CONSOLE, 0);
	struct graph_times times = verb_power_times(host);

	if (host->recover != NULL && strcmp(host->recover, s->name) == 0)
		about.line = host->recover_line;
	about.min_off_ms = times.min_off_ms;
	about.confirm_ms = times.confirm_ms;
	if (host_way(host, WAY_POWER, 0) != NULL)
		about.has |= SEQUENCE_NEEDS_POWER;
	while (host_way(host, WAY_POWER, (size_t)about.power_ways) != NULL)
		about.power_ways++;
	if (console != NULL) {
		about.has |= SEQUENCE_NEEDS_CONSOLE;
		about.terminal = keys_terminal_from_name(
			settings_text(console->settings, "terminal"));
	}
	if (host_way(host, WAY_SHELL, 0) != NULL)
		about.has |= SEQUENCE_NEEDS_SHELL;
	sequence_check(s, &about, problems);
}

void verb_no_sequence(const struct verb_call *call, const char *name)
{
	struct rh_error err = RH_ERROR_INIT;

	config_find_sequence(call->config, name, &err);
	verb_fail(call, 2, "%s", err.text);
}

static const struct ini *verb_library_get(const void *context, const char *name,
					  struct rh_error *err)
{
	return config_find_sequence(context, name, err);
}

struct sequence_library verb_library(const struct verb_call *call)
{
	return (struct sequence_library){ verb_library_get, call->config };
}

const struct ini *verb_find_sequence(const struct verb_call *call,
				     const char *name)
{
	const struct ini *ini = config_sequence(call->config, name);

	if (ini == NULL)
		verb_no_sequence(call, name);
	return ini;
}

struct sequence *verb_parse(const struct verb_call *call,
			    const struct host *host, const struct ini *ini,
			    const char *name, struct problems *problems)
{
	const struct sequence_library library = verb_library(call);
	struct sequence_vars vars = { verb_var, host, &library };

	return sequence_parse(ini, name, &vars, problems);
}

struct sequence *verb_sequence(struct verb_call *call, const struct host *host,
			       const char *name)
{
	const struct ini *ini = verb_find_sequence(call, name);
	struct problems problems = { 0 };
	struct sequence *s = NULL;

	if (ini == NULL)
		return NULL;
	if (problems_in_file(&call->problems, ini->file) > 0) {
		verb_print_problems(&call->problems, ini->file);
		verb_fail(call, 2, "the sequence %s has errors; nothing was "
			  "done", name);
		return NULL;
	}
	s = verb_parse(call, host, ini, name, &problems);
	if (s != NULL)
		verb_check_sequence(host, s, &problems);
	if (problems.errors > 0) {
		problems_sort(&problems);
		verb_quote_sequences(call, &problems);
		verb_print_problems(&problems, NULL);
		verb_fail(call, 2, "the sequence %s can't be run on %s; nothing was "
			  "done", name, host->name);
		sequence_free(s);
		s = NULL;
	}
	problems_release(&problems);
	return s;
}

struct sequence *verb_builtin(const char *name, const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read(name, text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, name, NULL, &problems);

	verb_print_problems(&problems, NULL);
	problems_release(&problems);
	ini_free(ini);
	return s;
}
