/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands rehearse SEQUENCE --record RUN: where the sequence, as it is now, first
 * does something else than the run did. The twin is learned in memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/record.h"
#include "agent/twin/replay.h"
#include "agent/verbs/learn.h"
#include "agent/verbs/rehearse.h"
#include "base/memory.h"

int rehearse_take_record(struct rehearse *r)
{
	struct rh_error err = RH_ERROR_INIT;

	r->record = memory_new(1, sizeof(*r->record));
	if (verb_learn_record(r->call, r->record_word, r->record, &err) < 0 ||
	    learn_twin(r->record, &r->learned, &err) < 0)
		return verb_fail(r->call, err.code == RH_ERR_USAGE ? 2 : 1, "%s",
				 err.text);
	r->twin_name = "(the record)";
	if (r->host_name == NULL)
		r->host_name = learn_text(r->record->run, "host");
	return 0;
}

struct ini *rehearse_learned(const struct rehearse *r, struct problems *problems)
{
	return ini_read(r->twin_name, buffer_text(&r->learned), r->learned.len,
			problems);
}

void rehearse_release_record(struct rehearse *r)
{
	if (r->record != NULL)
		learn_record_release(r->record);
	free(r->record);
	buffer_release(&r->learned);
}

/* ---- the answer -------------------------------------------------------------------- */

/* Where the state stands; [sequence] where it is none of its states. */
static int record_line(const struct sequence *s, const char *state,
		       const char **ret_file)
{
	size_t i;

	*ret_file = s->file;
	for (i = 0; i < s->state_count; i++) {
		if (strcmp(s->states[i].name, state) != 0)
			continue;
		*ret_file = s->states[i].file != NULL ? s->states[i].file
						      : s->file;
		return s->states[i].line;
	}
	return s->line;
}

static json_t *record_step(const struct replay_step *step)
{
	if (step->event == NULL)
		return json_null();
	return json_pack("{sI ss so so}", "at_ms", (json_int_t)step->at_ms,
			 "event", step->event, "text",
			 record_string(step->text), "state",
			 record_string(step->state));
}

static void record_json(const struct rehearse *r,
			const struct replay_result *result, const char *file,
			int line)
{
	json_t *object = json_pack("{so so sb si}", "sequence",
				   record_string(r->name), "run",
				   record_string(learn_text(r->record->run,
							    "run")),
				   "same", result->same, "steps", result->steps);

	if (!result->same) {
		json_object_set_new(object, "recorded",
				    record_step(&result->recorded));
		json_object_set_new(object, "now", record_step(&result->now));
		if (result->why[0] != '\0')
			json_object_set_new(object, "why",
					    record_string(result->why));
		json_object_set_new(object, "file", record_string(file));
		json_object_set_new(object, "line", json_integer(line));
	}
	verb_print_json(object);
}

static void record_put_step(const char *who, const struct replay_step *step)
{
	char words[500];

	replay_words(step, words, sizeof(words));
	printf("  %s", who);
	if (step->event != NULL)
		printf("  %3" PRId64 ":%02" PRId64 ".%" PRId64 "  ",
		       step->at_ms / 60000, step->at_ms / 1000 % 60,
		       step->at_ms / 100 % 10);
	else
		printf("           ");
	printf("%s\n", words);
}

/* What failed is often what nobody asked in the run: its answer is not there. */
static void record_put_why(const char *why)
{
	if (why[0] == '\0')
		return;
	printf("  since                 %s\n", why);
	if (strncmp(why, "tcp ", 4) == 0 || strncmp(why, "ssh", 3) == 0 ||
	    strncmp(why, "shell", 5) == 0)
		printf("                        (the record has the answers to "
		       "what its run asked, and no others)\n");
}

static void record_print(const struct rehearse *r,
			 const struct replay_result *result, const char *file,
			 int line)
{
	const struct replay_step *now = &result->now;

	verb_put(r->name);
	if (result->same) {
		printf(" does what it did in ");
		verb_put(learn_text(r->record->run, "run"));
		printf(": %d step%s, %s\n", result->steps,
		       result->steps == 1 ? "" : "s",
		       verdict_name(result->end.verdict));
		return;
	}
	printf(" departs from ");
	verb_put(learn_text(r->record->run, "run"));
	printf(" behind %d equal step%s, ", result->steps,
	       result->steps == 1 ? "" : "s");
	if (now->state[0] != '\0')
		printf("in state %s (", now->state);
	else
		printf("before its first state (");
	verb_put(file);
	printf(":%d)\n", line);
	record_put_step("the record", &result->recorded);
	record_put_step("now       ", now);
	if (strcmp(now->event, "verdict") == 0) {
		printf("                        ");
		verb_put(result->end.reason);
		putchar('\n');
	}
	record_put_why(result->why);
}

int rehearse_record(struct rehearse *r)
{
	struct replay_result result;
	const char *file;
	int line;

	replay_compare(r->record, &r->config, &result);
	line = record_line(r->sequence, result.now.state, &file);
	if (r->call->json)
		record_json(r, &result, file, line);
	else
		record_print(r, &result, file, line);
	return verb_finish(r->call, result.same ? 0 : 1);
}
