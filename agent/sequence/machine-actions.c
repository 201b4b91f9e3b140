/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lists of actions being carried out: the `do` of a state, the actions of a
 * rule, the health checks. A small stack, since a rule may fire while a
 * `do` waits or checks; everything else holds the machine until it is done.
 *
 * One function begins an action (action_begin), one takes the answer
 * (actions_answer, machine-answers.c), one steps what goes on by time
 * (actions_step).
 */
#include "agent/sequence/machine-private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define ACTIONS_CHECK_MS 10000	/* one try of a check */
#define ACTIONS_HEALTHY_MS 5000	/* the same, before anything is touched */
#define ACTIONS_EVIDENCE_MS 12000
#define ACTIONS_LOST_MS 60000	/* how long a break waits for a lost console */
#define ACTIONS_SHELL_MS 60000

struct frame *actions_top(struct machine *m)
{
	return m->frame_count > 0 ? &m->frames[m->frame_count - 1] : NULL;
}

const struct action *actions_current(const struct machine *m)
{
	const struct frame *f;

	if (m->frame_count == 0)
		return NULL;
	f = &m->frames[m->frame_count - 1];
	return f->next < f->actions->count ? &f->actions->list[f->next] : NULL;
}

void actions_push(struct machine *m, enum frame_kind kind,
		  const struct actions *actions, const struct rule *rule)
{
	struct frame *below = actions_top(m);

	assert(m->frame_count < MACHINE_FRAMES);
	if (below != NULL) {
		/* A check that was under way is tried anew afterwards. */
		m->waiting_id = 0;
		below->wake = m->now;
	}
	m->frames[m->frame_count++] = (struct frame){ .kind = kind,
						      .actions = actions,
						      .rule = rule };
}

void actions_clear(struct machine *m)
{
	actions_withdraw(m);
	m->frame_count = 0;
	m->waiting_id = 0;
	m->confirming = false;
	m->secret_at = 0;
	typing_clear(&m->typing);
	select_clear(m);
}

/* The present action is done; the next one may begin. */
void actions_skip(struct machine *m)
{
	struct frame *f = actions_top(m);

	f->next++;
	f->begun = false;
	f->step = 0;
}

void actions_fail(struct machine *m, enum verdict verdict, const char *why)
{
	struct frame *f = actions_top(m);
	enum frame_kind kind = f->kind;
	const struct state *state;
	enum rh_code code = m->fail_code;
	char text[700];

	m->fail_code = RH_ERR_NONE;
	snprintf(text, sizeof(text), "%s", why);
	if (kind == FRAME_RUNG) {
		restart_rung_failed(m, verdict, code, text);
		return;
	}
	restart_abandon(m);
	actions_clear(m);
	if (kind == FRAME_HEALTHY) {
		machine_event(m, MACHINE_EVENT_HEALTHY, "not healthy: %s", text);
		m->proofs[0] = '\0';
		m->phase = PHASE_ATTACH;
		m->attach_by = deadline_add(m->now, MACHINE_ATTACH_MS);
		return;
	}
	machine_event(m, MACHINE_EVENT_FAILED, "%s", text);
	state = &m->s->states[m->state];
	if (state->otherwise.kind != TARGET_NONE &&
	    (verdict != VERDICT_UNKNOWN || !state->otherwise.if_failed))
		machine_go(m, &state->otherwise);
	else
		last_look(m, verdict, code, text);
}

/* The actions of a rule can't go on, but nothing is wrong with the state. */
void actions_drop(struct machine *m)
{
	const struct action *a = actions_current(m);
	struct frame *below;

	if (a != NULL && a->type == ACTION_SELECT)
		select_clear(m);
	typing_clear(&m->typing);
	m->secret_at = 0;
	m->frame_count--;
	below = actions_top(m);
	if (below != NULL)
		below->wake = m->now;
}

/* ---- the end of a list ------------------------------------------------- */

static void actions_end(struct machine *m)
{
	struct frame f = *actions_top(m);

	if (f.kind == FRAME_RUNG) {
		restart_rung_through(m);
		return;
	}
	m->frame_count--;
	if (actions_top(m) != NULL)
		actions_top(m)->wake = m->now;
	if (f.kind == FRAME_HEALTHY) {
		machine_event(m, MACHINE_EVENT_HEALTHY, "%s", m->proofs);
		snprintf(m->text_out, sizeof(m->text_out),
			 "was healthy, nothing was touched: %s", m->proofs);
		machine_finish(m, VERDICT_RECOVERED, RH_ERR_NONE, m->text_out);
	} else if (f.kind == FRAME_RULE) {
		machine_go(m, &f.rule->target);
	} else if (f.kind == FRAME_DO) {
		machine_go(m, &m->s->states[m->state].then);
	}
}

/* ---- beginnings ---------------------------------------------------------- */

static void action_begin_typing(struct machine *m, const struct action *a)
{
	struct rh_error err = RH_ERROR_INIT;

	if (!typing_load(m, a, &err))
		actions_fail(m, VERDICT_FAILED, err.text);
	else if (!typing_active(&m->typing))
		actions_skip(m);
}

static void action_begin_check(struct machine *m, const struct action *a)
{
	struct frame *f = actions_top(m);

	f->until = deadline_add(m->now, a->within_ms);
	f->good_since = 0;
	f->wake = m->now;
}

static void action_ask(struct machine *m, enum machine_do what, int64_t ms,
		       const char *text)
{
	struct machine_action action = { .what = what, .text = text };

	action.deadline = deadline_min(deadline_add(m->now, ms),
				       m->config.deadline);
	machine_ask(m, &action);
}

/* A question stays open while rules go on; the state's timeout ends it. */
static void action_begin_ask(struct machine *m, const struct action *a)
{
	const struct state *st = &m->s->states[m->state];
	struct machine_action action = { .what = MACHINE_ASK,
					 .text = a->text,
					 .deadline = m->config.deadline };

	if (st->timeout_ms > 0)
		action.deadline = deadline_min(action.deadline,
					       deadline_add(m->entered,
							    st->timeout_ms));
	m->asked = NULL;
	m->ask_id = machine_ask(m, &action);
	m->waiting_id = 0;
}

void actions_withdraw(struct machine *m)
{
	struct machine_action action = { .what = MACHINE_WITHDRAW };

	if (m->ask_id != 0 && m->phase != PHASE_OVER)
		machine_emit(m, &action);
	m->ask_id = 0;
	m->asked = NULL;
}

void actions_asked(struct machine *m, const struct machine_outcome *o)
{
	m->ask_id = 0;
	/* The timeout of the state is due now, and decides. */
	if (o->err.code == RH_ERR_TIMEOUT)
		return;
	m->asked = "nobody";
	if (o->err.code == RH_ERR_NONE && o->text != NULL)
		m->asked = strcmp(o->text, "yes") == 0 ? "yes" : "no";
}

static bool ask_step(struct machine *m, const struct action *a)
{
	const char *said = m->asked;
	char text[600];

	if (said == NULL)
		return false;
	m->asked = NULL;
	if (strcmp(said, "yes") == 0) {
		machine_event(m, MACHINE_EVENT_DONE, "a person said yes: %.500s",
			      a->text);
		actions_skip(m);
	} else if (strcmp(said, "no") == 0) {
		snprintf(text, sizeof(text), "a person said no: %.500s", a->text);
		actions_fail(m, VERDICT_FAILED, text);
	} else {
		snprintf(text, sizeof(text), "nobody answered: %.500s", a->text);
		actions_fail(m, VERDICT_NEEDS_HANDS, text);
	}
	return true;
}

static void action_begin_boot(struct machine *m, const struct action *a)
{
	struct machine_action action = { .what = MACHINE_BOOT };

	action.device = (enum driver_boot)a->number;
	action.deadline = deadline_min(deadline_add(m->now, ACTIONS_CALL_MS),
				       m->config.deadline);
	machine_ask(m, &action);
}

static void action_begin_break(struct machine *m, const struct action *a)
{
	struct machine_action action = { .what = MACHINE_BREAK };

	if (action_is_force(a))
		action.force = a->number == 'b'	  ? "sysrq b"
			       : a->number == 'o' ? "sysrq o" : "sysrq c";
	action.deadline = deadline_min(deadline_add(m->now, ACTIONS_CALL_MS),
				       m->config.deadline);
	machine_ask(m, &action);
}

/* A break waits for a console that was lost, as keys do; true where it failed. */
static bool break_waits(struct machine *m, const struct action *a,
			bool *ret_failed)
{
	struct frame *f = actions_top(m);

	*ret_failed = false;
	if ((a->type != ACTION_BREAK && a->type != ACTION_SYSRQ) || m->attached)
		return false;
	f->wake = deadline_add(m->lost_since, ACTIONS_LOST_MS);
	*ret_failed = m->now >= f->wake;
	if (*ret_failed)
		actions_fail(m, VERDICT_UNKNOWN, "the console was lost when a "
						 "break had to be sent; it was not");
	return true;
}

/* True where the evidence has to be asked for first. */
static bool action_wants_evidence(struct machine *m, const struct action *a)
{
	if (!m->config.evidence || m->evidence_had || !action_is_force(a))
		return false;
	m->evidence_had = true;
	action_ask(m, MACHINE_EVIDENCE, ACTIONS_EVIDENCE_MS, NULL);
	return true;
}

static void action_begin(struct machine *m, const struct action *a)
{
	struct frame *f = actions_top(m);

	if (action_wants_evidence(m, a))
		return;
	f->begun = true;
	m->acted = m->acted || a->type == ACTION_POWER || action_is_force(a);
	switch (a->type) {
	case ACTION_POWER:
		power_begin(m, a);
		break;
	case ACTION_BOOT:
		action_begin_boot(m, a);
		break;
	case ACTION_SEND:
	case ACTION_ENTER:
	case ACTION_KEY:
		action_begin_typing(m, a);
		break;
	case ACTION_SECRET:
		secret_begin(m);
		break;
	case ACTION_BREAK:
	case ACTION_SYSRQ:
		action_begin_break(m, a);
		break;
	case ACTION_WAIT:
	case ACTION_SYSRQ_SEEN:
		f->until = deadline_add(m->now, a->ms);
		break;
	case ACTION_ASK:
		action_begin_ask(m, a);
		break;
	case ACTION_RESTART:
	case ACTION_STOP:
		restart_begin(m, a);
		break;
	case ACTION_NOTE:
		machine_event(m, MACHINE_EVENT_NOTE, "%s", a->text);
		actions_skip(m);
		break;
	case ACTION_SHELL:
		action_ask(m, MACHINE_SHELL,
			   a->within_ms > 0 ? a->within_ms : ACTIONS_SHELL_MS,
			   a->text);
		break;
	case ACTION_CHECK_TCP:
	case ACTION_CHECK_SSH:
	case ACTION_CHECK_SHELL:
		action_begin_check(m, a);
		break;
	case ACTION_SELECT:
		select_begin(m);
		break;
	case ACTION_COLLECT:
		action_ask(m, MACHINE_COLLECT, ACTIONS_CALL_MS, a->text);
		break;
	case ACTION_NONE:
	case ACTION_RUN:
	case ACTION_COUNT:
		assert(false);
		break;
	}
}

/* ---- what goes on by time ------------------------------------------------ */

static bool check_step(struct machine *m, const struct action *a)
{
	struct machine_action action = { .what = MACHINE_CHECK,
					 .action = a,
					 .fresh = m->fresh };
	struct frame *f = actions_top(m);
	int64_t ms = f->kind == FRAME_HEALTHY ? ACTIONS_HEALTHY_MS
					      : ACTIONS_CHECK_MS;

	if (m->waiting_id != 0 || m->now < f->wake)
		return false;
	action.deadline = deadline_min(deadline_add(m->now, ms),
				       m->config.deadline);
	machine_ask(m, &action);
	return true;
}

static bool wait_step(struct machine *m)
{
	if (m->now < actions_top(m)->until)
		return false;
	actions_skip(m);
	return true;
}

/* L19: a break that has no effect shows by the kernel's silence. */
static bool sysrq_seen_step(struct machine *m)
{
	if (m->bootwatch.sysrq) {
		actions_skip(m);
		return true;
	}
	if (m->now < actions_top(m)->until)
		return false;
	actions_fail(m, VERDICT_FAILED, "the kernel did not answer the sysrq "
		     "within 3 s: it hangs, it does not take it "
		     "(kernel.sysrq), or the break does not arrive");
	return true;
}

bool actions_step(struct machine *m)
{
	struct frame *f = actions_top(m);
	const struct action *a;
	bool failed;

	if (f == NULL)
		return false;
	a = actions_current(m);
	if (a == NULL) {
		actions_end(m);
		return true;
	}
	if (restart_active(m) && f->actions->list != NULL && f->begun &&
	    a == m->restart.action)
		return restart_step(m);
	if (m->waiting_id != 0)
		return false;
	if (!f->begun) {
		if (break_waits(m, a, &failed))
			return failed;
		action_begin(m, a);
		return true;
	}
	if (m->confirming)
		return power_step(m);
	if (typing_active(&m->typing))
		return typing_step(m);
	if (m->secret_at != 0)
		return secret_step(m);
	if (action_is_check(a))
		return check_step(m, a);
	if (a->type == ACTION_ASK)
		return ask_step(m, a);
	if (a->type == ACTION_SYSRQ_SEEN)
		return sysrq_seen_step(m);
	if (a->type == ACTION_SELECT)
		return select_step(m, a);
	return a->type == ACTION_WAIT && wait_step(m);
}

/*
 * Whether rules have to wait: all but `wait`, checks and a `select` that looks go
 * through undisturbed.
 */
bool actions_hold(const struct machine *m)
{
	const struct action *a = actions_current(m);

	if (a == NULL)
		return m->frame_count > 0;
	if (m->frame_count >= MACHINE_FRAMES)
		return true;
	if (a == m->restart.action)
		return !restart_watches(m);
	if (a->type == ACTION_ASK)
		return false;
	if (a->type == ACTION_SELECT)
		return typing_active(&m->typing);
	return a->type != ACTION_WAIT && !action_is_check(a);
}

int64_t actions_deadline(const struct machine *m)
{
	const struct action *a = actions_current(m);
	const struct frame *f;

	if (a != NULL && a == m->restart.action)
		return restart_deadline(m);
	if (a != NULL && a->type == ACTION_ASK)
		return m->asked != NULL ? m->now : DEADLINE_NEVER;
	if (a == NULL || m->waiting_id != 0)
		return DEADLINE_NEVER;
	f = &m->frames[m->frame_count - 1];
	if (m->confirming)
		return confirm_deadline(&m->confirm);
	if (typing_active(&m->typing))
		return typing_deadline(m);
	if (m->secret_at != 0)
		return m->secret_at;
	if (a->type == ACTION_SELECT && f->begun)
		return select_deadline(m);
	return a->type == ACTION_WAIT || a->type == ACTION_SYSRQ_SEEN
		       ? f->until : f->wake;
}
