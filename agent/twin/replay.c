/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record beside a rehearsal against what was learned of it. Always true: only
 * what the sequence does is compared, never what it saw or when, since a
 * rehearsal has other addresses, boot ids and latencies than the run had.
 */
#include "agent/twin/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/vis.h"

struct replay {
	const struct learn_record *record;
	struct replay_result *ret;
	size_t next;		/* event of the journal */
	char was[80];		/* state of the run */
	char is[80];		/* state of the rehearsal */
	bool parted;
};

static void replay_step(struct replay_step *step, int64_t at_ms,
			const char *event, const char *text, const char *state)
{
	step->at_ms = at_ms;
	step->event = event;
	snprintf(step->text, sizeof(step->text), "%s", text);
	snprintf(step->state, sizeof(step->state), "%s", state);
}

/* The event as a step; false where it is none. */
static bool replay_of_journal(struct replay *p, const json_t *event,
			      struct replay_step *step)
{
	static const struct {
		const char *event, *step, *member;
	} steps[] = {
		{ "state", "state", "state" },   { "typed", "typed", "text" },
		{ "power-act", "act", "act" },   { "shell", "shell", "command" },
		{ "verdict", "verdict", "verdict" },
	};
	const char *name = learn_text(event, "event"), *text;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(steps[i].event, name) != 0)
			continue;
		text = learn_text(event, steps[i].member);
		if (strcmp(name, "power-act") == 0 &&
		    driver_act_from_name(text) == DRIVER_ACT_NONE)
			return false;
		replay_step(step, learn_number(event, "at_ms"), steps[i].step,
			    text, p->was);
		if (strcmp(name, "state") == 0)
			snprintf(p->was, sizeof(p->was), "%s", text);
		return true;
	}
	return false;
}

static bool replay_next(struct replay *p, struct replay_step *step)
{
	while (p->next < json_array_size(p->record->journal)) {
		if (replay_of_journal(p, json_array_get(p->record->journal,
							p->next++), step))
			return true;
	}
	return false;
}

/* What is typed and run is recorded as text that is valid, and cut in events. */
static bool replay_is_equal(const struct replay_step *a,
			    const struct replay_step *b)
{
	return strcmp(a->event, b->event) == 0 && strcmp(a->text, b->text) == 0;
}

static void replay_take(struct replay *p, int64_t at_ms, const char *event,
			const char *text)
{
	struct replay_result *ret = p->ret;
	struct buffer clean = { 0 };

	if (p->parted)
		return;
	vis_append_utf8(&clean, text, strlen(text));
	replay_step(&ret->now, at_ms, event, buffer_text(&clean), p->is);
	buffer_release(&clean);
	if (!replay_next(p, &ret->recorded))
		ret->recorded.event = NULL;
	if (ret->recorded.event == NULL ||
	    !replay_is_equal(&ret->recorded, &ret->now))
		p->parted = true;
	else
		ret->why[0] = '\0';
	ret->steps += !p->parted;
}

static void replay_trace(void *context, int64_t at_ms, const char *event,
			 const char *state, const char *text)
{
	static const char *const steps[] = { "state", "typed", "act", "shell" };
	struct replay *p = context;
	size_t i;

	(void)state;
	if (strcmp(event, "failed") == 0 && !p->parted)
		vis_text(text, p->ret->why, sizeof(p->ret->why));
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(steps[i], event) == 0)
			replay_take(p, at_ms, steps[i], text);
	}
	if (strcmp(event, "state") == 0)
		snprintf(p->is, sizeof(p->is), "%s", text);
}

void replay_compare(const struct learn_record *record,
		    const struct rehearsal_config *config,
		    struct replay_result *ret)
{
	struct replay p = { .record = record, .ret = ret };
	struct rehearsal_config own = *config;
	struct fault_set none = { .count = 0 };
	struct rehearsal *reh;

	memset(ret, 0, sizeof(*ret));
	own.faults = &none;
	own.trace = replay_trace;
	own.context = &p;
	reh = rehearsal_new(&own);
	rehearsal_run(reh, 1, &ret->end);
	rehearsal_free(reh);
	replay_take(&p, ret->end.ms, "verdict", verdict_name(ret->end.verdict));
	ret->same = !p.parted;
}

void replay_words(const struct replay_step *step, char *buf, size_t buf_len)
{
	static const struct {
		const char *event, *words;
	} all[] = {
		{ "state", "enters state " }, { "typed", "types " },
		{ "act", "power " },	      { "shell", "runs " },
		{ "verdict", "ends with " },
	};
	char text[400];
	size_t i;

	snprintf(buf, buf_len, "nothing more");
	for (i = 0; step->event != NULL && i < sizeof(all) / sizeof(all[0]);
	     i++) {
		if (strcmp(all[i].event, step->event) == 0)
			snprintf(buf, buf_len, "%s%s", all[i].words,
				 vis_text(step->text, text, sizeof(text)));
	}
}
