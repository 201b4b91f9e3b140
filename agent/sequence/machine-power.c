/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A power action of the machine: what confirm.c wants asked becomes actions of
 * ours, their answers go back to it, and its result is the action's.
 * machine-actions.c comes in by power_begin and power_step, machine-answers.c by
 * power_answer; m->confirming is set in between.
 */
#include "agent/sequence/machine-private.h"

#include "base/deadline.h"

void power_begin(struct machine *m, const struct action *a)
{
	struct confirm_config config = {
		.way_count = m->config.power_ways,
		.min_off_ms = m->config.min_off_ms,
		.confirm_ms = m->config.confirm_ms,
		.controller_cycle = m->config.controller_cycle,
		.person = m->config.person,
		.unread = m->confirm.sent && !m->confirm.last_known &&
			  !m->config.person,
		.deadline = m->config.deadline,
		.epoch = m->epoch,
	};

	if (m->config.power_ways == 0) {
		actions_fail(m, VERDICT_FAILED, "this host has no [power]");
		return;
	}
	if (actions_top(m)->kind == FRAME_RUNG && a->number == DRIVER_ACT_SOFT) {
		config.once = true;
		config.confirm_ms = restart_within(m);
	}
	m->confirming = true;
	confirm_begin(&m->confirm, &config, (enum driver_act)a->number, m->now);
}

static void power_finished(struct machine *m)
{
	const char *text = confirm_text(&m->confirm);

	m->confirming = false;
	switch (confirm_result(&m->confirm)) {
	case CONFIRM_ACCEPTED:
		machine_event(m, MACHINE_EVENT_POWER, "%s", text);
		if (m->config.must_see) {
			machine_finish(m, VERDICT_UNKNOWN, RH_ERR_NONE, text);
			return;
		}
		actions_skip(m);
		return;
	case CONFIRM_SEEN:
		m->fresh = m->fresh || confirm_was_off(&m->confirm);
		machine_event(m, MACHINE_EVENT_POWER, "%s", text);
		machine_proof(m, "%.180s", text);
		actions_skip(m);
		return;
	case CONFIRM_FAILED:
	case CONFIRM_UNKNOWN:
	case CONFIRM_PENDING:
		break;
	}
	/* A busy controller is not a host that somebody else holds. */
	m->fail_code = confirm_error(&m->confirm)->code;
	if (confirm_result(&m->confirm) == CONFIRM_UNKNOWN &&
	    m->fail_code == RH_ERR_NEEDS_HANDS)
		m->fail_code = RH_ERR_NONE;
	if (m->fail_code == RH_ERR_BUSY)
		m->fail_code = RH_ERR_NONE;
	actions_fail(m, m->fail_code == RH_ERR_NEEDS_HANDS
				? VERDICT_NEEDS_HANDS
			: confirm_result(&m->confirm) == CONFIRM_FAILED
				? VERDICT_FAILED : VERDICT_UNKNOWN, text);
}

/* A power act goes out: what was printed before it is stale. */
static void power_ask_act(struct machine *m, const struct confirm_step *step)
{
	struct machine_action action = { .what = MACHINE_POWER_ACT,
					 .way = step->way, .act = step->act,
					 .person = step->person,
					 .text = step->text,
					 .deadline = step->deadline };

	machine_stale(m);
	m->mute_count = 0;
	m->mute_at = DEADLINE_NEVER;
	if (!step->person && step->act != DRIVER_ACT_OFF && step->act != DRIVER_ACT_SOFT &&
	    step->act != DRIVER_ACT_DIAG && m->config.mute_ms > 0)
		m->mute_at = deadline_add(m->now, m->config.mute_ms);
	machine_ask(m, &action);
}

bool power_step(struct machine *m)
{
	struct machine_action action = { .what = MACHINE_POWER_QUERY };
	struct confirm_step step;

	confirm_tick(&m->confirm, m->now);
	confirm_next(&m->confirm, m->now, &step);
	switch (step.what) {
	case CONFIRM_WAIT:
		return false;
	case CONFIRM_QUERY:
		action.way = step.way;
		action.person = step.person;
		action.act = m->confirm.send;
		action.deadline = step.deadline;
		machine_ask(m, &action);
		return true;
	case CONFIRM_ACT:
		power_ask_act(m, &step);
		return true;
	case CONFIRM_NOTE:
		machine_event(m, MACHINE_EVENT_NOTE, "%s", step.text);
		return true;
	case CONFIRM_END:
		power_finished(m);
		return true;
	}
	return false;
}

/*
 * What was printed between an act and the first sight of "off" is from before
 * the act, however late the controller carried it out (P01).
 */
void power_answer(struct machine *m, const struct machine_outcome *o)
{
	bool bounced = m->confirm.bounced, off = m->confirm.off_done;

	confirm_done(&m->confirm, m->now, o->state, &o->err);
	confirm_tick(&m->confirm, m->now);
	if (bounced != m->confirm.bounced || off != m->confirm.off_done)
		machine_stale(m);
}
