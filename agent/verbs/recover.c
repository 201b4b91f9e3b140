/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands recover HOST..., rhands run SEQUENCE HOST...: one sequence on hosts. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/verbs/caller.h"

static struct sequence *recover_sequence(const struct caller *c,
					 const struct host *host)
{
	return verb_sequence(c->call, host,
			     c->what != NULL ? c->what : host->recover);
}

static int recover_check(const struct caller *c, const struct host *const *list,
			 size_t count)
{
	size_t i;

	for (i = 0; i < count && c->what == NULL; i++) {
		if (list[i]->recover == NULL)
			return verb_fail(c->call, 2, "%s names no sequence; add "
					 "\"recover = SEQUENCE\" to [host] in %s",
					 list[i]->name, list[i]->file);
	}
	return 0;
}

/* named: the first word is a sequence. */
static int recover_words(struct verb_call *call, bool named)
{
	struct caller c = { .call = call, .sequence = recover_sequence };
	const struct verb_option own[] = { CALLER_OPTIONS(&c),
					   { NULL, NULL, NULL } };
	const struct host **list = NULL;
	size_t count = 0;
	int status = verb_begin(call, own, named ? 2 : 1, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	c.word = "recover";
	if (named) {
		c.key = "sequence";
		c.word = c.what = call->argv[0];
	}
	status = caller_check(&c);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv + named,
				       call->argc - named, &list, &count);
	if (status == 0)
		status = recover_check(&c, list, count);
	if (status == 0)
		status = caller_run(&c, list, count);
	free(list);
	return status;
}

static int recover_run(struct verb_call *call)
{
	return recover_words(call, false);
}

static int run_run(struct verb_call *call)
{
	return recover_words(call, true);
}

const struct verb verb_recover = {
	.name = "recover",
	.usage = "HOST...",
	.summary = "bring hosts back with the sequence that their files name",
	.help = CALLER_HELP,
	.json = "event",
	.run = recover_run,
};

const struct verb verb_run = {
	.name = "run",
	.usage = "SEQUENCE HOST...",
	.summary = "carry out a sequence on hosts",
	.help = CALLER_HELP,
	.json = "event",
	.run = run_run,
};
