/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands recover HOST..., rhands run SEQUENCE HOST...: one sequence on hosts. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/run/fleet.h"
#include "agent/verbs/verb.h"
#include "base/deadline.h"

static const char recover_help[] =
	"  --deadline T    how long it may take, in place of the sequence's\n"
	"  --parallel N    hosts at once (32)\n";

struct recover {
	struct verb_call *call;
	const char *sequence;	/* NULL: the one that the host names */
	int64_t deadline_ms;	/* 0: the sequence's */
	int parallel;
	bool json;
};

static int recover_one(void *context, const struct host *host)
{
	const struct recover *r = context;
	struct rh_error err = RH_ERROR_INIT;
	struct run_options options = {
		.host = host,
		.records = r->call->records,
		.verb = r->call->verb->name,
		.deadline_ms = r->deadline_ms,
		.json = r->json,
		.mode = isatty(STDOUT_FILENO) ? TIMELINE_LIVE : TIMELINE_PLAIN,
	};
	struct run_result result;
	struct sequence *s;
	int status;

	s = verb_sequence(r->call, host,
			  r->sequence != NULL ? r->sequence : host->recover);
	if (s == NULL)
		return 2;
	options.sequence = s;
	if (run_sequence(&options, &result, &err) < 0)
		status = verb_not_begun(r->call, host, &err);
	else
		status = result.exit_status;
	sequence_free(s);
	return status;
}

static int recover_many(struct recover *r, const struct host *const *list,
			size_t count)
{
	const struct fleet_options options = {
		.parallel = r->parallel, .json = r->call->json,
		.word = r->sequence != NULL ? r->sequence : "recover",
		.one = recover_one, .context = r,
	};

	r->json = r->call->json = true;	/* of the children */
	return fleet_run(&options, list, count);
}

static int recover_hosts(struct recover *r, const struct host *const *list,
			 size_t count)
{
	size_t i;

	for (i = 0; i < count && r->sequence == NULL; i++) {
		if (list[i]->recover == NULL)
			return verb_fail(r->call, 2, "%s names no sequence; add "
					 "\"recover = SEQUENCE\" to [host] in %s",
					 list[i]->name, list[i]->file);
	}
	r->json = r->call->json;
	return count == 1 ? recover_one(r, list[0])
			  : recover_many(r, list, count);
}

static int recover_words(struct verb_call *call, const char *sequence,
			 char **words, int word_count, const char *deadline,
			 const char *parallel)
{
	struct recover r = { .call = call, .sequence = sequence,
			     .parallel = 32 };
	const struct host **list;
	size_t count;
	int status;

	if (deadline != NULL &&
	    (deadline_parse_ms(deadline, &r.deadline_ms) < 0 ||
	     r.deadline_ms < 1000))
		return verb_fail(call, 2, "--deadline %s: expected a time of 1s or "
				 "more, such as 90s or 20m", deadline);
	status = verb_parallel(call, parallel, &r.parallel);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, words, word_count, &list, &count);
	if (status != 0)
		return status;
	status = recover_hosts(&r, list, count);
	free(list);
	return status;
}

static int recover_run(struct verb_call *call)
{
	const char *deadline = NULL, *parallel = NULL;
	const struct verb_option own[] = { { "deadline", &deadline, NULL },
					   { "parallel", &parallel, NULL },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 1, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	return recover_words(call, NULL, call->argv, call->argc, deadline,
			     parallel);
}

static int run_run(struct verb_call *call)
{
	const char *deadline = NULL, *parallel = NULL;
	const struct verb_option own[] = { { "deadline", &deadline, NULL },
					   { "parallel", &parallel, NULL },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 2, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	return recover_words(call, call->argv[0], call->argv + 1,
			     call->argc - 1, deadline, parallel);
}

const struct verb verb_recover = {
	.name = "recover",
	.usage = "HOST...",
	.summary = "bring hosts back with the sequence that their files name",
	.help = recover_help,
	.run = recover_run,
};

const struct verb verb_run = {
	.name = "run",
	.usage = "SEQUENCE HOST...",
	.summary = "carry out a sequence on hosts",
	.help = recover_help,
	.run = run_run,
};
