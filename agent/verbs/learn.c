/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands learn RUN: the record of a real run as a twin, on standard output. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/twin/model.h"
#include "agent/verbs/learn.h"

/* What was learned must be a twin, whatever stood in the record. */
static int learn_is_twin(struct verb_call *call, const struct buffer *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("the twin", buffer_text(text), text->len,
				   &problems);
	struct twin_model *model = twin_model_parse(ini, "learned", NULL,
						    &problems);
	int status = 0;

	if (model == NULL || problems.errors > 0) {
		verb_print_problems(&problems, NULL);
		status = verb_fail(call, 1, "this record can't be made a twin");
	}
	twin_model_free(model);
	ini_free(ini);
	problems_release(&problems);
	return status;
}

static int learn_run(struct verb_call *call)
{
	struct rh_error err = RH_ERROR_INIT;
	struct learn_record record = { .run = NULL };
	struct buffer text = { 0 };
	int status = verb_begin(call, NULL, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = verb_load(call);
	if (status != 0)
		return status;
	if (verb_learn_record(call, call->argv[0], &record, &err) < 0 ||
	    learn_twin(&record, &text, &err) < 0)
		status = verb_fail(call, err.code == RH_ERR_USAGE ? 2 : 1, "%s",
				   err.text);
	if (status == 0)
		status = learn_is_twin(call, &text);
	if (status == 0) {
		fwrite(buffer_text(&text), 1, text.len, stdout);
		status = verb_finish(call, 0);
	}
	buffer_release(&text);
	learn_record_release(&record);
	return status;
}

const struct verb verb_learn = {
	.name = "learn",
	.usage = "RUN",
	.summary = "make a twin of the record of a run",
	.run = learn_run,
};
