/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands graph SEQUENCE: what it may do, as text or for graphviz. A sequence that
 * check refuses is shown, too; one that can't be read is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/graph.h"
#include "agent/verbs/verb.h"

static int graph_print(struct verb_call *call, const struct sequence *s,
		       const struct host *host, bool dot)
{
	struct graph_times times = verb_power_times(host);
	struct buffer out = { 0 };
	struct graph graph;

	graph_init(&graph, s, host != NULL ? &times : NULL);
	if (dot)
		graph_put_dot(&graph, &out);
	else
		graph_put_outline(&graph, &out);
	fwrite(buffer_text(&out), 1, out.len, stdout);
	graph_release(&graph);
	buffer_release(&out);
	return verb_finish(call, 0);
}

static int graph_sequence(struct verb_call *call, const char *name,
			  const struct host *host, bool dot)
{
	const struct ini *ini = verb_find_sequence(call, name);
	const struct sequence_library library = verb_library(call);
	const struct sequence_vars vars = { host != NULL ? verb_var : NULL, host,
					    &library };
	struct problems problems = { 0 };
	struct sequence *s = NULL;
	int status = 2;

	if (ini == NULL)
		return 2;
	if (problems_in_file(&call->problems, ini->file) > 0)
		verb_print_problems(&call->problems, ini->file);
	else
		s = sequence_parse(ini, name, &vars, &problems);
	problems_sort(&problems);
	verb_quote_sequences(call, &problems);
	verb_print_problems(&problems, NULL);
	if (s != NULL)
		status = graph_print(call, s, host, dot);
	else
		verb_fail(call, 2, "the sequence %s has errors; nothing was "
			  "drawn", name);
	sequence_free(s);
	problems_release(&problems);
	return status;
}

static int graph_run(struct verb_call *call)
{
	const struct host **list = NULL;
	const char *host = NULL;
	bool dot = false;
	const struct verb_option own[] = {
		{ "host", &host, NULL },
		{ "dot", NULL, &dot },
		{ NULL, NULL, NULL },
	};
	size_t count = 0;
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	call->dry = true;
	status = verb_load(call);
	if (status == 0 && host != NULL)
		status = verb_hosts_of(call, (char **)&host, 1, &list, &count);
	if (status == 0 && host != NULL && count != 1)
		status = verb_fail(call, 2, "a graph is drawn for one host");
	if (status == 0)
		status = graph_sequence(call, call->argv[0],
					host != NULL ? list[0] : NULL, dot);
	free(list);
	return status;
}

const struct verb verb_graph = {
	.name = "graph",
	.usage = "[--host HOST] [--dot] SEQUENCE",
	.summary = "show what a sequence may do, and how long it takes",
	.help = "  --host HOST     with the vars and the times of this host\n"
		"  --dot           in the language of graphviz: | dot -Tsvg\n",
	.run = graph_run,
};
