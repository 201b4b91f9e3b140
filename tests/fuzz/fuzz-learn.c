/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a record: run.json, journal.jsonl and console.cast, with a NUL
 * between. It is refused, or what is learned is a twin that can live.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/learn.h"
#include "agent/twin/twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_live(const struct twin_model *model)
{
	struct twin *t = twin_new(model, 1, 0);
	struct twin_answer answer = { .reply = TWIN_REPLY_NONE };

	twin_tick(t, 1000);
	twin_type(t, 2000, "x\r", 2);
	twin_power(t, 3000, DRIVER_ACT_CYCLE);
	twin_shell(t, 9000, "true", &answer);
	twin_tick(t, 60000);
	buffer_release(&answer.out);
	buffer_release(&answer.errors);
	twin_free(t);
}

static void fuzz_parse(const struct buffer *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("t", buffer_text(text), text->len, &problems);
	struct twin_model *model = twin_model_parse(ini, "t", NULL, &problems);

	if (model == NULL)
		fprintf(stderr, "%d: %s\n", problems.list[0].line,
			problems.list[0].text);
	assert(model != NULL);
	fuzz_live(model);
	twin_model_free(model);
	ini_free(ini);
	problems_release(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char said[] = "$ c\nexit status 0\n\nsaid \"\\\x1b\n";
	const char *at = (const char *)data, *end = at + size, *next;
	int (*const reads[])(struct learn_record *, const char *, size_t,
			     struct rh_error *) = {
		learn_read_run, learn_read_journal, learn_read_cast,
	};
	struct learn_record record = { .run = NULL };
	struct buffer text = { 0 };
	int i, rc = 0;

	for (i = 0; i < 3 && rc == 0; i++) {
		next = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
		next = next != NULL ? next : end;
		rc = reads[i](&record, at, (size_t)(next - at), NULL);
		at = next < end ? next + 1 : end;
	}
	learn_read_output(&record, "shell-1.txt", said, sizeof(said) - 1);
	if (rc == 0 && learn_twin(&record, &text, NULL) == 0)
		fuzz_parse(&text);
	buffer_release(&text);
	learn_record_release(&record);
	return 0;
}
