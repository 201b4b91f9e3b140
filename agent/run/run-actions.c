/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine wants, carried out by hands. run.c comes in with each
 * action of the machine and each event of a hand.
 *
 * Always true: the machine waits for one answer at a time (pending_*); an
 * answer that it no longer waits for is dropped. A power act goes out only
 * after the journal that announces it is on the disk.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/run/history.h"
#include "agent/run/run-private.h"
#include "base/deadline.h"

#define RUN_SECRET_MS 5000	/* @command: the loop stands still for so long */

/* ---- hands -------------------------------------------------------------------- */

struct hand *run_start_hand(struct run *r, const struct way *way,
			    struct rh_error *err)
{
	char name[300];

	snprintf(name, sizeof(name), "%s/%s", r->host->name, way->label);
	return hand_start(name, way->driver, way->settings, err);
}

struct hand *run_power_hand(struct run *r, int way, struct rh_error *err)
{
	if (way >= r->power_count) {
		rh_error_set(err, RH_ERR_NOTSUP, "the host has no [power]");
		return NULL;
	}
	r->last_way = way;
	if (r->power[way] == NULL)
		r->power[way] = run_start_hand(r, r->power_ways[way], err);
	return r->power[way];
}

static struct hand *run_check_hand(struct run *r, struct rh_error *err)
{
	const struct way *way = host_way(r->host, WAY_CHECK, 0);

	if (way == NULL) {
		rh_error_set(err, RH_ERR_NOTSUP, "the host has no [check]");
		return NULL;
	}
	if (r->check == NULL)
		r->check = run_start_hand(r, way, err);
	return r->check;
}

/* The machine waits for the answer to this request. */
static void run_request(struct run *r, const struct machine_action *a,
			struct hand *hand, const struct hand_request *request,
			struct rh_error *err)
{
	uint32_t id;

	if (hand == NULL || hand_send(hand, request, &id, err) < 0) {
		run_answer(r, a->id, err, DRIVER_POWER_UNKNOWN, NULL);
		return;
	}
	r->pending_hand = hand;
	r->pending_request = id;
	r->pending_id = a->id;
	r->pending_do = a->what;
	r->pending_act = a->act;
}

static struct hand *run_console_hand(struct run *r, struct rh_error *err)
{
	if (r->console.hand != NULL && r->console.attached)
		return r->console.hand;
	rh_error_set(err, RH_ERR_LOST, "the console is not attached");
	return NULL;
}

/* ---- actions of the machine --------------------------------------------------- */

/*
 * An act that may destroy what the host knows is in the journal, on the disk,
 * before it is sent; where that can't be, the run ends. False then.
 */
static bool run_announce(struct run *r, const struct machine_action *a,
			 const char *act, const struct way *way)
{
	struct rh_error err = RH_ERROR_INIT;
	json_t *fields;
	char text[900];

	fields = json_pack("{ss ss ss}", "act", act, "way", way->label,
			   "driver", way->driver->name);
	if (a->person)
		json_object_set_new(fields, "by", json_string("person"));
	run_event(r, "power-act", a->state, "", fields);
	if (record_sync(r->record, &err) < 0) {
		/* "power off", but "restart by shell". */
		snprintf(text, sizeof(text), "%s%s was not sent, since the "
			 "journal can't be written: %s; make room there, then "
			 "run it again", strchr(act, ' ') == NULL ? "power " : "",
			 act, err.text);
		machine_abort(r->machine, deadline_now(), VERDICT_FAILED,
			      RH_ERR_IO, text);
		return false;
	}
	r->forced = true;
	if (history_act_is_force(act))
		r->forced_at = deadline_wall_ms();
	record_marker(r->record, run_at(r), act);
	return true;
}

bool run_announce_shell(struct run *r, const struct machine_action *a)
{
	return r->shell.count == 0 ||
	       run_announce(r, a, a->force, r->shell.ways[0]);
}

static void run_power_act(struct run *r, const struct machine_action *a)
{
	struct hand_request request = { .op = HAND_OP_ACT,
					.number = (int)a->act,
					.deadline = a->deadline };
	struct rh_error err = RH_ERROR_INIT;
	struct hand *hand = a->person ? NULL : run_power_hand(r, a->way, &err);

	if (hand == NULL && !a->person) {
		run_answer(r, a->id, &err, DRIVER_POWER_UNKNOWN, NULL);
		return;
	}
	if (!run_announce(r, a, driver_act_name(a->act), r->power_ways[a->way]))
		return;
	if (a->person)
		person_act(r, a);
	else
		run_request(r, a, hand, &request, &err);
}

static void run_power_query(struct run *r, const struct machine_action *a)
{
	struct hand_request request = { .op = HAND_OP_QUERY,
					.deadline = a->deadline };
	struct rh_error err = RH_ERROR_INIT;

	if (a->person)
		person_query(r, a);
	else
		run_request(r, a, run_power_hand(r, a->way, &err), &request,
			    &err);
}

static void run_boot(struct run *r, const struct machine_action *a)
{
	struct hand_request request = { .op = HAND_OP_BOOT,
					.number = (int)a->device,
					.deadline = a->deadline };
	struct rh_error err = RH_ERROR_INIT;

	run_event(r, "boot", a->state, driver_boot_name(a->device), NULL);
	run_request(r, a, run_power_hand(r, 0, &err), &request, &err);
}

static void run_write(struct run *r, const struct machine_action *a)
{
	struct hand_request request = { .op = HAND_OP_WRITE,
					.bytes = a->bytes,
					.bytes_len = a->len,
					.deadline = a->deadline };
	struct rh_error err = RH_ERROR_INIT;

	trace_write(r, a->bytes, a->len);
	r->eager_until = deadline_in(DEADLINE_EAGER_MS);
	run_request(r, a, run_console_hand(r, &err), &request, &err);
}

static void run_break(struct run *r, const struct machine_action *a)
{
	struct hand_request request = { .op = HAND_OP_BREAK,
					.deadline = a->deadline };
	struct rh_error err = RH_ERROR_INIT;

	if (a->force != NULL &&
	    !run_announce(r, a, a->force, r->console.way))
		return;
	r->forced = true;
	record_input(r->record, run_at(r), "<break>");
	trace_break(r);
	run_request(r, a, run_console_hand(r, &err), &request, &err);
}

static void run_check_tcp(struct run *r, const struct machine_action *a)
{
	const struct action *check = a->action;
	struct hand_request request = {
		.op = HAND_OP_CHECK_TCP,
		.deadline = a->deadline,
		.tcp = { .port = (uint16_t)check->number,
			 .send = check->text, .send_len = check->text_len,
			 .expect = check->expect,
			 .expect_len = check->expect_len },
	};
	struct rh_error err = RH_ERROR_INIT;

	run_request(r, a, run_check_hand(r, &err), &request, &err);
}

static void run_collect(struct run *r, const struct machine_action *a)
{
	struct hand_request request = { .op = HAND_OP_EVENT_LOG, .number = 64,
					.deadline = a->deadline };
	struct rh_error err = RH_ERROR_INIT;

	if (strcmp(a->text, "sel") == 0)
		run_request(r, a, run_power_hand(r, 0, &err), &request, &err);
	else if (strcmp(a->text, "dmesg") == 0)
		shell_collect(r, a, "dmesg");
	else if (strcmp(a->text, "screen") == 0)
		evidence_collect_screen(r, a->id);
	else
		evidence_collect_console(r, a->id);
}

/* ---- secrets ---------------------------------------------------------------------- */

static void run_secret_begin(struct run *r, const struct machine_action *a)
{
	struct rh_error err = RH_ERROR_INIT;
	struct run_secret *s = &r->secret;
	const char *reference = host_secret(r->host, a->text);
	int64_t deadline = deadline_min(deadline_in(RUN_SECRET_MS), a->deadline);
	struct secret secret = { 0 };

	if (reference == NULL)
		rh_error_set(&err, RH_ERR_CONFIG, "the host has no secret \"%s\"; "
			     "add it to [secrets]", a->text);
	if (reference == NULL ||
	    secret_load(&secret, reference, deadline, &err) < 0) {
		run_answer(r, a->id, &err, DRIVER_POWER_UNKNOWN, NULL);
		return;
	}
	s->key_delay_ms = a->key_delay_ms;
	s->secret = redact_add(&r->redact, &secret, a->text);
	s->machine_id = a->id;
	s->next = 0;
	s->request = 0;
	s->wake = deadline_now();
	trace_secret(r, a->text);
}

static void run_secret_end(struct run *r, const struct rh_error *err)
{
	uint32_t id = r->secret.machine_id;

	r->secret.secret = NULL;
	r->secret.machine_id = 0;
	r->secret.request = 0;
	run_answer(r, id, err, DRIVER_POWER_UNKNOWN, NULL);
}

/* The next byte of a secret, or its Enter. */
void run_secret_tick(struct run *r, int64_t now)
{
	struct run_secret *s = &r->secret;
	struct hand_request request = { .op = HAND_OP_WRITE,
					.deadline = deadline_add(now, 5000) };
	struct rh_error err = RH_ERROR_INIT;
	struct hand *hand;

	if (s->machine_id == 0 || s->request != 0 || now < s->wake)
		return;
	request.bytes = s->secret->bytes + s->next;
	request.bytes_len = 1;
	if (s->next == s->secret->len) {
		request.bytes = r->config.enter;
		request.bytes_len = strlen(r->config.enter);
	}
	hand = run_console_hand(r, &err);
	if (hand == NULL || hand_send(hand, &request, &s->request, &err) < 0)
		run_secret_end(r, &err);
}

bool run_secret_event(struct run *r, const struct hand *hand,
		      const struct hand_event *event)
{
	struct run_secret *s = &r->secret;

	if (s->machine_id == 0 || hand != r->console.hand ||
	    event->id != s->request)
		return false;
	s->request = 0;
	if (event->err.code != RH_ERR_NONE)
		run_secret_end(r, &event->err);
	else if (s->next++ == s->secret->len)
		run_secret_end(r, NULL);
	else
		s->wake = deadline_in(s->key_delay_ms);
	return true;
}

/* ---- events of the machine ---------------------------------------------------------- */

/* A sequence may spell out what is a secret of the host. */
static void run_record_typed(struct run *r, const char *names)
{
	struct buffer clean = { 0 };

	redact_text(&r->redact, names, &clean);
	record_input(r->record, run_at(r), buffer_text(&clean));
	buffer_release(&clean);
}

/* Which rule it was, for those who may not read what the console said. */
static void run_add_place(const struct rule *rule, json_t *fields)
{
	char place[400];

	snprintf(place, sizeof(place), "%.380s:%d",
		 rule->file != NULL ? rule->file : "?", rule->line);
	json_object_set_new(fields, "rule", record_string(place));
	if (rule->source != NULL)
		json_object_set_new(fields, "pattern",
				    record_string(rule->source));
}

static void run_machine_event(struct run *r, const struct machine_action *a)
{
	const char *text = a->text;
	char with_driver[1100];
	json_t *fields;

	if (a->event == MACHINE_EVENT_STATE && !begin_force(r))
		return;
	fields = json_object();
	if (a->event == MACHINE_EVENT_POWER && r->power_count > 0) {
		snprintf(with_driver, sizeof(with_driver), "%s (%s)", text,
			 r->power_ways[r->last_way]->driver->name);
		text = with_driver;
	}
	if (a->event == MACHINE_EVENT_TYPED)
		run_record_typed(r, text);
	if (a->event == MACHINE_EVENT_TYPED || a->event == MACHINE_EVENT_AGAIN ||
	    a->event == MACHINE_EVENT_DONE || a->event == MACHINE_EVENT_FAILED)
		trace_take_keys(r, fields);
	if (a->event == MACHINE_EVENT_STATE)
		record_marker(r->record, run_at(r), a->state);
	if (a->rule != NULL)
		run_add_place(a->rule, fields);
	r->logbook.quotes = a->quotes;
	run_event(r, machine_event_name(a->event), a->state, text, fields);
}

void run_carry_out(struct run *r, const struct machine_action *a)
{
	if (r->refused)
		return;
	switch (a->what) {
	case MACHINE_EVIDENCE:
		evidence_begin(r, a->id, a->deadline);
		break;
	case MACHINE_POWER_QUERY:
		run_power_query(r, a);
		break;
	case MACHINE_POWER_ACT:
		run_power_act(r, a);
		break;
	case MACHINE_BOOT:
		run_boot(r, a);
		break;
	case MACHINE_WRITE:
		run_write(r, a);
		break;
	case MACHINE_SECRET:
		run_secret_begin(r, a);
		break;
	case MACHINE_BREAK:
		run_break(r, a);
		break;
	case MACHINE_CHECK:
		trace_check(r, a);
		if (a->action->type == ACTION_CHECK_TCP)
			run_check_tcp(r, a);
		else
			shell_check(r, a);
		break;
	case MACHINE_SHELL:
		shell_run(r, a);
		break;
	case MACHINE_BOOT_ID:
		shell_boot_id(r, a);
		break;
	case MACHINE_ASK:
		person_ask(r, a);
		break;
	case MACHINE_WITHDRAW:
		r->ask_id = 0;
		question_cancel(r);
		break;
	case MACHINE_COLLECT:
		run_collect(r, a);
		break;
	case MACHINE_REOPEN:
		console_reopen(r);
		break;
	case MACHINE_EVENT:
		run_machine_event(r, a);
		break;
	case MACHINE_NONE:
	case MACHINE_END:
		break;
	}
}

/* ---- events of hands ------------------------------------------------------------------ */

static void run_note_power(struct run *r, const struct hand_event *event)
{
	const char *state = driver_power_name(event->state);

	if (r->pending_do == MACHINE_POWER_QUERY &&
	    event->err.code == RH_ERR_NONE)
		run_event(r, "power-read", "", "",
			  json_pack("{ss}", "power", state));
	else if (r->pending_do == MACHINE_POWER_QUERY)
		run_event(r, "power-unread", "", event->err.text,
			  json_pack("{ss}", "code",
				    rh_code_name(event->err.code)));
	else if (r->pending_do == MACHINE_POWER_ACT)
		run_event(r, event->err.code == RH_ERR_NONE ? "power-acked"
							    : "power-error",
			  "", event->err.text,
			  json_pack("{ss ss}", "act",
				    driver_act_name(r->pending_act), "code",
				    rh_code_name(event->err.code)));
}

static void run_hand_done(struct run *r, struct hand *hand,
			  const struct hand_event *event)
{
	struct rh_error err = event->err;
	uint32_t id = r->pending_id;
	char name[64];

	if (evidence_event(r, hand, event) || run_secret_event(r, hand, event) ||
	    shell_event(r, hand, event))
		return;
	if (hand != r->pending_hand || event->id != r->pending_request ||
	    id == 0)
		return;
	run_note_power(r, event);
	r->pending_id = 0;
	r->pending_hand = NULL;
	if (event->op == HAND_OP_EVENT_LOG && err.code == RH_ERR_NONE) {
		snprintf(name, sizeof(name), "sel-%" PRId64 "s.txt",
			 run_at(r) / 1000);
		evidence_save(r, name, event->bytes, event->bytes_len);
		run_answer(r, id, &err, event->state, name);
		return;
	}
	run_answer(r, id, &err, event->state,
		   event->bytes_len > 0 ? event->bytes : NULL);
}

void run_hand_event(struct run *r, struct hand *hand,
		    const struct hand_event *event)
{
	if (hand == r->console.hand)
		console_event(r, event);
	if (event->type == HAND_DONE)
		run_hand_done(r, hand, event);
	else if (event->type == HAND_ENDED &&
		 event->err.code != RH_ERR_NONE)
		run_event(r, "hand-ended", "", event->err.text,
			  json_pack("{ss}", "hand", hand_name(hand)));
}
