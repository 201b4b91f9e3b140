/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person at the rack as a way to power: what the machine wants of one is
 * asked, and the answer goes back as that of a controller would. run-actions.c
 * comes in for actions with `person` set.
 *
 * Always true: the act is in the journal, on the disk, before anybody is told
 * to do it; only the word `done` counts as carried out, and only on, off as a
 * reading.
 */
#include <stdio.h>
#include <string.h>

#include "agent/run/run-private.h"

static const char *const person_act_words[] = { "done", "no", NULL };
static const char *const person_light_words[] = { "on", "off", "unknown",
						  NULL };

/* The machine waits for a person; a signal now is one in the middle of it. */
static void person_pending(struct run *r, const struct machine_action *a)
{
	r->pending_hand = NULL;
	r->pending_request = 0;
	r->pending_id = a->id;
	r->pending_do = a->what;
	r->pending_act = a->act;
}

static void person_acted(struct run *r, const struct question_answer *answer)
{
	uint32_t id = r->pending_id;
	struct rh_error err = RH_ERROR_INIT;
	bool done = answer->code == RH_ERR_NONE &&
		    strcmp(answer->text, "done") == 0;

	r->pending_id = 0;
	if (!done)
		rh_error_set(&err, RH_ERR_NEEDS_HANDS, "%s", r->person_told);
	run_event(r, done ? "power-acked" : "power-error", "", err.text,
		  json_pack("{ss ss ss}", "act",
			    driver_act_name(r->pending_act), "code",
			    rh_code_name(err.code), "by", "person"));
	run_answer(r, id, &err, DRIVER_POWER_UNKNOWN, NULL);
}

void person_act(struct run *r, const struct machine_action *a)
{
	struct question q = { .text = r->person_told,
			      .prompt = "Type done when it has been done, or no "
					"if it can't be done",
			      .choices = person_act_words,
			      .deadline = a->deadline,
			      .take = person_acted };
	struct rh_error err = RH_ERROR_INIT;

	snprintf(r->person_told, sizeof(r->person_told), "%s", a->text);
	person_pending(r, a);
	if (question_begin(r, &q, &err) == 0)
		return;
	r->pending_id = 0;
	rh_error_clear(&err);
	rh_error_set(&err, RH_ERR_NEEDS_HANDS, "%s", r->person_told);
	run_answer(r, a->id, &err, DRIVER_POWER_UNKNOWN, NULL);
}

static void person_looked(struct run *r, const struct question_answer *answer)
{
	uint32_t id = r->pending_id;
	enum driver_power state = DRIVER_POWER_UNKNOWN;

	r->pending_id = 0;
	if (answer->code == RH_ERR_NONE && strcmp(answer->text, "on") == 0)
		state = DRIVER_POWER_ON;
	else if (answer->code == RH_ERR_NONE &&
		 strcmp(answer->text, "off") == 0)
		state = DRIVER_POWER_OFF;
	run_event(r, "power-read", "", "",
		  json_pack("{ss ss}", "power", driver_power_name(state), "by",
			    "person"));
	run_answer(r, id, NULL, state, NULL);
}

void person_query(struct run *r, const struct machine_action *a)
{
	struct rh_error err = RH_ERROR_INIT;
	struct question q = { .prompt = "Type on, off or unknown",
			      .choices = person_light_words,
			      .deadline = a->deadline,
			      .take = person_looked };
	char text[400];

	snprintf(text, sizeof(text), "is the power of %s on or off now? Look at "
		 "the light", r->host->name);
	q.text = text;
	person_pending(r, a);
	if (question_begin(r, &q, &err) == 0)
		return;
	r->pending_id = 0;
	run_answer(r, a->id, NULL, DRIVER_POWER_UNKNOWN, NULL);
}

/* `ask` of a sequence: other things go on meanwhile. */
static void person_said(struct run *r, const struct question_answer *answer)
{
	struct rh_error err = RH_ERROR_INIT;
	uint32_t id = r->ask_id;

	r->ask_id = 0;
	if (answer->code != RH_ERR_NONE)
		rh_error_set(&err, answer->code, "nobody answered");
	run_answer(r, id, &err, DRIVER_POWER_UNKNOWN, answer->text);
}

void person_ask(struct run *r, const struct machine_action *a)
{
	static const char *const words[] = { "yes", "no", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct question q = { .text = a->text, .choices = words,
			      .deadline = a->deadline, .take = person_said };

	if (question_begin(r, &q, &err) == 0)
		r->ask_id = a->id;
	else
		run_answer(r, a->id, &err, DRIVER_POWER_UNKNOWN, NULL);
}
