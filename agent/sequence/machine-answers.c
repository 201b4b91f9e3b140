/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answers to what an action has asked for. machine.c comes in by
 * actions_answer when one has come that was due; the action is then through
 * (actions_skip), has failed (actions_fail), or goes on by time.
 */
#include "agent/sequence/machine-private.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

/* H04: a service that comes up may go down again: good every time, for a while. */
static bool check_holds(struct machine *m, const struct action *a,
			struct frame *f)
{
	if (f->good_since == 0)
		f->good_since = m->now;
	if (m->now - f->good_since >= a->hold_ms)
		return true;
	f->wake = deadline_min(deadline_add(m->now, a->every_ms),
			       deadline_add(f->good_since, a->hold_ms));
	return false;
}

static void check_passed(struct machine *m, const struct action *a,
			 const struct machine_outcome *o)
{
	char text[600], hold[32] = "";

	snprintf(text, sizeof(text), "%.500s",
		 o->text != NULL ? o->text : "the check succeeded");
	text[strcspn(text, "\n")] = '\0';
	if (a->hold_ms > 0) {
		deadline_format(a->hold_ms, hold, sizeof(hold));
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", for %s", hold);
	}
	machine_proof(m, "%.180s", text);
	if (actions_top(m)->kind != FRAME_HEALTHY)
		machine_event(m, MACHINE_EVENT_DONE, "%s", text);
	actions_skip(m);
}

/*
 * H03: all checks before this one were good, and this one we refuse ourselves,
 * since the host shows another key. It is up, then, and whether it is well nobody
 * can say: that is no reason to cut its power.
 */
static bool check_is_refused(struct machine *m, const struct machine_outcome *o)
{
	char text[700];

	if (actions_top(m)->kind != FRAME_HEALTHY ||
	    o->err.code != RH_ERR_REFUSED)
		return false;
	snprintf(text, sizeof(text), "whether it is healthy can't be known, and "
		 "nothing was touched: %.500s", o->err.text);
	machine_finish(m, VERDICT_NEEDS_HANDS, RH_ERR_NONE, text);
	return true;
}

/* It was good, and has to be for a while. */
static void check_tell_bad(struct machine *m, const struct machine_outcome *o)
{
	struct machine_action action = { .what = MACHINE_EVENT,
					 .event = MACHINE_EVENT_NOTE,
					 .quotes = true };
	char text[500];

	snprintf(text, sizeof(text), "it was good, and is not any more: %.400s",
		 o->err.text);
	action.text = text;
	machine_emit(m, &action);
}

static void answer_check(struct machine *m, const struct action *a,
			 const struct machine_outcome *o)
{
	struct frame *f = actions_top(m);
	char text[600];

	if (check_is_refused(m, o))
		return;
	if (o->err.code == RH_ERR_NONE) {
		if (check_holds(m, a, f))
			check_passed(m, a, o);
		return;
	}
	if (f->good_since != 0)
		check_tell_bad(m, o);
	f->good_since = 0;
	if (deadline_add(m->now, a->every_ms) <= f->until) {
		f->wake = deadline_add(m->now, a->every_ms);
		return;
	}
	snprintf(text, sizeof(text), "%.500s", o->err.text);
	actions_fail(m, VERDICT_FAILED, text);
}

static void answer_typing(struct machine *m, const struct machine_outcome *o)
{
	if (o->err.code == RH_ERR_NONE) {
		typing_written(m);
	} else if (actions_top(m)->kind != FRAME_DO) {
		machine_event(m, MACHINE_EVENT_FAILED, "typing was interrupted: %s",
			      o->err.text);
		actions_drop(m);
	} else {
		actions_fail(m, VERDICT_UNKNOWN, o->err.text);
	}
}

static void answer_break(struct machine *m, const struct action *a,
			 const struct machine_outcome *o)
{
	struct machine_action action = { .what = MACHINE_WRITE, .len = 1 };
	struct frame *f = actions_top(m);
	char letter = (char)a->number;
	char name[16];

	if (o->err.code != RH_ERR_NONE) {
		actions_fail(m, VERDICT_FAILED, o->err.text);
		return;
	}
	if (a->type == ACTION_SYSRQ && f->step == 0 && !m->attached) {
		actions_fail(m, VERDICT_UNKNOWN, "the console was lost behind "
			     "the break of a sysrq; its letter was not sent");
		return;
	}
	if (a->type == ACTION_SYSRQ && f->step++ == 0) {
		snprintf(name, sizeof(name), "SysRq %c", letter);
		if (action_is_force(a))
			machine_stale(m);
		action.bytes = &letter;
		action.text = name;
		action.deadline = deadline_min(
			deadline_add(m->now, ACTIONS_CALL_MS),
			m->config.deadline);
		machine_ask(m, &action);
		return;
	}
	machine_event(m, MACHINE_EVENT_DONE, a->type == ACTION_BREAK
						     ? "break sent" : "sysrq %c sent",
		      letter);
	actions_skip(m);
}

/* What the failure of an action says of the host. */
static enum verdict action_verdict(enum rh_code code)
{
	switch (code) {
	case RH_ERR_LOST:
	case RH_ERR_TIMEOUT:
	case RH_ERR_CRASHED:
	case RH_ERR_PROTOCOL:
		return VERDICT_UNKNOWN;
	default:
		return VERDICT_FAILED;
	}
}

/* Boot, collect, secret, shell: done or failed. */
static void answer_plain(struct machine *m, const struct action *a,
			 const struct machine_outcome *o)
{
	if (o->err.code != RH_ERR_NONE) {
		actions_fail(m, o->err.code == RH_ERR_LOST ||
						a->type == ACTION_SHELL
					? action_verdict(o->err.code)
					: VERDICT_FAILED,
			     o->err.text);
		return;
	}
	if (a->type == ACTION_SECRET)
		machine_event(m, MACHINE_EVENT_TYPED, "<secret:%s> Enter",
			      a->text);
	else if (a->type == ACTION_SHELL)
		machine_event(m, MACHINE_EVENT_DONE, "shell \"%.200s\" succeeded%s%.300s",
			      a->text, o->text != NULL ? ": " : "",
			      o->text != NULL ? o->text : "");
	else if (a->type == ACTION_BOOT)
		machine_event(m, MACHINE_EVENT_DONE, "next boot from %s, read back",
			      driver_boot_name((enum driver_boot)a->number));
	else
		machine_event(m, MACHINE_EVENT_DONE, "%.300s collected%s%.300s",
			      a->text, o->text != NULL ? ": " : "",
			      o->text != NULL ? o->text : "");
	actions_skip(m);
}

void actions_answer(struct machine *m, const struct machine_outcome *o)
{
	const struct action *a = actions_current(m);

	if (a == NULL)
		return;
	if (m->waiting_do == MACHINE_EVIDENCE) {
		machine_event(m, MACHINE_EVENT_BEFORE, "%.900s",
			      o->err.code != RH_ERR_NONE ? o->err.text
			      : o->text != NULL		 ? o->text : "");
	} else if (m->confirming) {
		power_answer(m, o);
	} else if (a == m->restart.action) {
		restart_answer(m, o);
	} else if (typing_active(&m->typing)) {
		answer_typing(m, o);
	} else if (action_is_check(a)) {
		answer_check(m, a, o);
	} else if (a->type == ACTION_BREAK || a->type == ACTION_SYSRQ) {
		answer_break(m, a, o);
	} else {
		answer_plain(m, a, o);
	}
}
