/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands recover HOST, rhands run SEQUENCE HOST: one sequence on one host. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/verbs/verb.h"
#include "base/deadline.h"

static const char recover_help[] =
	"  --deadline T    how long it may take, in place of the sequence's\n";

static int recover_host(struct verb_call *call, const struct host *host,
			const char *name, const char *deadline)
{
	struct rh_error err = RH_ERROR_INIT;
	struct run_options options = {
		.host = host,
		.records = call->records,
		.verb = call->verb->name,
		.json = call->json,
		.mode = isatty(STDOUT_FILENO) ? TIMELINE_LIVE : TIMELINE_PLAIN,
	};
	struct run_result result;
	struct sequence *s;
	int status;

	if (deadline != NULL &&
	    (deadline_parse_ms(deadline, &options.deadline_ms) < 0 ||
	     options.deadline_ms < 1000))
		return verb_fail(call, 2, "--deadline %s: expected a time of 1s or "
				 "more, such as 90s or 20m", deadline);
	s = verb_sequence(call, host, name);
	if (s == NULL)
		return 2;
	options.sequence = s;
	if (run_sequence(&options, &result, &err) < 0)
		status = verb_not_begun(call, host, &err);
	else
		status = result.exit_status;
	sequence_free(s);
	return status;
}

/* `word`: of the host; `sequence` NULL: the one that the host names. */
static int recover_word(struct verb_call *call, char *word,
			const char *sequence, const char *deadline)
{
	const struct host **list;
	size_t count;
	int status;

	status = verb_load(call);
	if (status != 0)
		return status;
	status = verb_hosts_of(call, &word, 1, &list, &count);
	if (status != 0)
		return status;
	if (count != 1)
		status = verb_fail(call, 2, "%s means %zu hosts; one run has one "
				   "host", word, count);
	else if (sequence == NULL && list[0]->recover == NULL)
		status = verb_fail(call, 2, "%s names no sequence; add \"recover = "
				   "SEQUENCE\" to [host] in %s", word,
				   list[0]->file);
	else
		status = recover_host(call, list[0],
				      sequence != NULL ? sequence
						       : list[0]->recover,
				      deadline);
	free(list);
	return status;
}

static int recover_run(struct verb_call *call)
{
	const char *deadline = NULL;
	const struct verb_option own[] = { { "deadline", &deadline, NULL },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	return recover_word(call, call->argv[0], NULL, deadline);
}

static int run_run(struct verb_call *call)
{
	const char *deadline = NULL;
	const struct verb_option own[] = { { "deadline", &deadline, NULL },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 2, 2);

	if (status != 0)
		return status == 1 ? 0 : status;
	return recover_word(call, call->argv[1], call->argv[0], deadline);
}

const struct verb verb_recover = {
	.name = "recover",
	.usage = "HOST",
	.summary = "bring a host back with the sequence that its file names",
	.help = recover_help,
	.run = recover_run,
};

const struct verb verb_run = {
	.name = "run",
	.usage = "SEQUENCE HOST",
	.summary = "carry out a sequence on a host",
	.help = recover_help,
	.run = run_run,
};
