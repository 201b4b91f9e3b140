/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `restart` and `stop`: from gentle to rough, rung by rung, until one is proved
 * to have worked. machine-actions.c comes in when such an action begins
 * (restart_begin), goes on by time (restart_step), and when one of the
 * lists of actions that a rung consists of is through or failed.
 *
 *   LOOK   the boot id and the power are read    -> RUNG
 *   RUNG   the next rung that the host can do    -> ACT, end
 *   ACT    the actions of the rung, in a frame   -> WATCH, RUNG, end
 *   WATCH  until the proof, or the rung's time   -> FINISH, RUNG, end
 *   FINISH the end is confirmed                  -> end
 *
 * What proves a restart: off seen and on again (soft, cycle); a boot id that
 * is not the one from before; a console on which a new system begins
 * (bootwatch.h). What proves a stop: off, confirmed. An act that was only
 * accepted proves nothing. In WATCH rules go on, so that a prompt on the way is
 * answered; a rule that leads to another state ends the action.
 */
#include "agent/sequence/machine-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define RESTART_LOOK_MS 8000	/* the boot id before, and the power */
#define RESTART_ASK_MS 10000	/* one question in WATCH */
#define RESTART_EVERY_MS 3000	/* between two of them */
#define RESTART_SYSRQ_GAP_MS 1000

/* What a rung is made of. */
static const struct action restart_soft[] = {
	{ .type = ACTION_POWER, .number = DRIVER_ACT_SOFT },
	{ .type = ACTION_POWER, .number = DRIVER_ACT_ON },
};
static const struct action restart_reset[] = {
	{ .type = ACTION_POWER, .number = DRIVER_ACT_RESET },
};
static const struct action restart_cycle[] = {
	{ .type = ACTION_POWER, .number = DRIVER_ACT_CYCLE },
};
static const struct action restart_off[] = {
	{ .type = ACTION_POWER, .number = DRIVER_ACT_OFF },
};
/* Sync and read-only first: what can be saved is saved. */
static const struct action restart_sysrq[] = {
	{ .type = ACTION_SYSRQ, .number = 's' },
	{ .type = ACTION_SYSRQ_SEEN, .ms = 3000 },
	{ .type = ACTION_SYSRQ, .number = 'u' },
	{ .type = ACTION_WAIT, .ms = RESTART_SYSRQ_GAP_MS },
	{ .type = ACTION_SYSRQ, .number = 'b' },
};
static const struct action stop_sysrq[] = {
	{ .type = ACTION_SYSRQ, .number = 's' },
	{ .type = ACTION_SYSRQ_SEEN, .ms = 3000 },
	{ .type = ACTION_SYSRQ, .number = 'u' },
	{ .type = ACTION_WAIT, .ms = RESTART_SYSRQ_GAP_MS },
	{ .type = ACTION_SYSRQ, .number = 'o' },
};

#define LIST(a) { (struct action *)(a), sizeof(a) / sizeof((a)[0]) }

static const struct actions restart_lists[RUNG_COUNT] = {
	[RUNG_SOFT] = LIST(restart_soft),
	[RUNG_SYSRQ] = LIST(restart_sysrq),
	[RUNG_RESET] = LIST(restart_reset),
	[RUNG_CYCLE] = LIST(restart_cycle),
};
static const struct actions stop_lists[RUNG_COUNT] = {
	[RUNG_SOFT] = { (struct action *)restart_soft, 1 },
	[RUNG_SYSRQ] = LIST(stop_sysrq),
	[RUNG_OFF] = LIST(restart_off),
};

static const struct rung *restart_rung(const struct machine *m)
{
	return &m->restart.action->rungs[m->restart.rung];
}

static bool restart_is_stop(const struct machine *m)
{
	return m->restart.action->type == ACTION_STOP;
}

static const char *restart_word(const struct machine *m)
{
	return restart_is_stop(m) ? "stop" : "restart";
}

bool restart_active(const struct machine *m)
{
	return m->restart.phase != RESTART_NONE;
}

bool restart_watches(const struct machine *m)
{
	return m->restart.phase == RESTART_WATCH &&
	       !(m->waiting_id != 0 && m->waiting_do == MACHINE_POWER_QUERY);
}

int64_t restart_within(const struct machine *m)
{
	return restart_rung(m)->within_ms;
}

/* Something was sent of which the end was not seen. */
bool restart_may_happen(const struct machine *m)
{
	return restart_active(m) && m->restart.sent;
}

/* ---- the end ------------------------------------------------------------------ */

/* The top frame is the one of the action again. */
static void restart_drop_rung(struct machine *m)
{
	while (m->frame_count > 0 && actions_top(m)->kind == FRAME_RUNG)
		m->frame_count--;
	m->waiting_id = 0;
	m->confirming = false;
	m->secret_at = 0;
	typing_clear(&m->typing);
}

static void restart_done(struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void restart_done(struct machine *m, const char *fmt, ...)
{
	const struct restart *r = &m->restart;
	char proof[300], text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(proof, sizeof(proof), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "%s by %s (rung %d of %zu): %s",
		 restart_is_stop(m) ? "stopped" : "restarted",
		 rung_name(restart_rung(m)->kind), r->rung + 1,
		 r->action->rung_count, proof);
	restart_drop_rung(m);
	m->fresh = m->fresh || !restart_is_stop(m);
	memset(&m->restart, 0, sizeof(m->restart));
	machine_event(m, MACHINE_EVENT_RESTART, "%s", text);
	machine_proof(m, "%.180s", text);
	actions_skip(m);
}

static void restart_fail(struct machine *m)
{
	enum verdict verdict = m->restart.verdict;
	char text[600];

	if (m->restart.tried == 0)
		snprintf(text, sizeof(text), "%s: no rung of it is possible on "
			 "this host", restart_word(m));
	else
		snprintf(text, sizeof(text), "%s: none of %d rungs was seen to "
			 "work; the last: %.400s", restart_word(m),
			 m->restart.tried, m->restart.why);
	m->fail_code = m->restart.code;
	memset(&m->restart, 0, sizeof(m->restart));
	actions_fail(m, verdict, text);
}

void restart_abandon(struct machine *m)
{
	if (!restart_active(m))
		return;
	if (m->restart.sent && m->phase != PHASE_OVER)
		machine_event(m, MACHINE_EVENT_RUNG, "%s: the sequence goes on "
			      "while rung %s is not proved", restart_word(m),
			      rung_name(restart_rung(m)->kind));
	memset(&m->restart, 0, sizeof(m->restart));
}

/* ---- rungs ----------------------------------------------------------------------- */

/* Whether the host can do it at all; why not, in words. */
static bool restart_can(const struct machine *m, enum rung_kind kind,
			const char **ret_why)
{
	*ret_why = NULL;
	if (kind == RUNG_SHELL) {
		if (!m->config.has_shell)
			*ret_why = "the host has no [shell]";
		else if (m->restart.no_shell)
			*ret_why = "its shell did not answer before";
	} else if (kind == RUNG_SYSRQ) {
		if (!m->config.has_console)
			*ret_why = "the host has no [console]";
		else if (!m->attached)
			*ret_why = "the console is not attached";
	} else if (m->config.power_ways == 0) {
		*ret_why = "the host has no [power]";
	}
	return *ret_why == NULL;
}

static void restart_shell(struct machine *m)
{
	static const char reboot[] = "shutdown -r now || reboot";
	static const char halt[] = "shutdown -h -P now || poweroff";
	const struct rung *rung = restart_rung(m);
	struct machine_action action = { .what = MACHINE_SHELL };

	action.text = rung->command != NULL ? rung->command
		      : restart_is_stop(m)  ? halt : reboot;
	action.force = restart_is_stop(m) ? "stop by shell"
					  : "restart by shell";
	action.deadline = deadline_min(deadline_add(m->now, rung->within_ms),
				       m->config.deadline);
	machine_stale(m);
	machine_ask(m, &action);
}

static void restart_begin_rung(struct machine *m)
{
	const struct rung *rung = restart_rung(m);
	char within[32];

	m->restart.tried++;
	m->restart.until = deadline_add(m->now, rung->within_ms);
	m->restart.phase = RESTART_ACT;
	machine_event(m, MACHINE_EVENT_RUNG, "%s by %s%s%s", restart_word(m),
		      rung_name(rung->kind),
		      rung->within_ms > 0 ? ", proof within " : "",
		      rung->within_ms > 0
			      ? deadline_format(rung->within_ms, within,
						sizeof(within)) : "");
	bootwatch_arm(&m->bootwatch);
	if (rung->kind == RUNG_SHELL)
		restart_shell(m);
	else
		actions_push(m, FRAME_RUNG,
			     restart_is_stop(m) ? &stop_lists[rung->kind]
						: &restart_lists[rung->kind],
			     NULL);
}

/* The next rung that is possible; there may be none left. */
static void restart_next(struct machine *m)
{
	const struct restart *r = &m->restart;
	const char *why;

	for (; r->rung < (int)r->action->rung_count; m->restart.rung++) {
		if (m->restart.rough && restart_rung(m)->kind != RUNG_CYCLE &&
		    restart_rung(m)->kind != RUNG_OFF)
			continue;
		if (restart_can(m, restart_rung(m)->kind, &why)) {
			restart_begin_rung(m);
			return;
		}
		machine_event(m, MACHINE_EVENT_RUNG, "%s by %s is left out: %s",
			      restart_word(m), rung_name(restart_rung(m)->kind),
			      why);
	}
	restart_fail(m);
}

void restart_rung_failed(struct machine *m, enum verdict verdict,
			 enum rh_code code, const char *why)
{
	snprintf(m->restart.why, sizeof(m->restart.why), "%.400s", why);
	m->restart.verdict = verdict;
	m->restart.code = code;
	/* Seen off, and not on again: nothing but power helps now. */
	if (restart_rung(m)->kind >= RUNG_RESET ||
	    restart_rung(m)->kind == RUNG_SOFT)
		m->restart.rough = m->confirm.act == DRIVER_ACT_ON ||
				   (m->confirm.last_known &&
				    m->confirm.last == DRIVER_POWER_OFF);
	restart_drop_rung(m);
	machine_event(m, MACHINE_EVENT_RUNG, "%s by %s did not work: %s",
		      restart_word(m), rung_name(restart_rung(m)->kind),
		      m->restart.why);
	m->restart.rung++;
	m->restart.phase = RESTART_RUNG;
}

static void restart_watch(struct machine *m)
{
	m->restart.sent = true;
	m->restart.phase = RESTART_WATCH;
	m->restart.until = deadline_add(m->now, restart_rung(m)->within_ms);
	m->restart.wake = deadline_add(m->now, RESTART_EVERY_MS);
	m->restart.saw_off = false;
}

void restart_rung_through(struct machine *m)
{
	enum rung_kind kind = restart_rung(m)->kind;

	restart_drop_rung(m);
	if (kind == RUNG_SOFT && !restart_is_stop(m))
		restart_done(m, "off seen twice and again, %s",
			     confirm_text(&m->confirm));
	else if (m->restart.phase == RESTART_FINISH || kind == RUNG_SOFT ||
		 kind == RUNG_CYCLE || kind == RUNG_OFF)
		restart_done(m, "%s", confirm_text(&m->confirm));
	else
		restart_watch(m);
}

/* ---- LOOK and WATCH ---------------------------------------------------------------- */

static void restart_ask_boot_id(struct machine *m, int64_t ms, bool before)
{
	struct machine_action action = { .what = MACHINE_BOOT_ID,
					 .before = before };

	action.deadline = deadline_min(deadline_add(m->now, ms),
				       m->config.deadline);
	machine_ask(m, &action);
}

static void restart_ask_power(struct machine *m, int64_t ms)
{
	struct machine_action action = { .what = MACHINE_POWER_QUERY };

	action.deadline = deadline_min(deadline_add(m->now, ms),
				       m->config.deadline);
	machine_ask(m, &action);
}

void restart_begin(struct machine *m, const struct action *a)
{
	memset(&m->restart, 0, sizeof(m->restart));
	m->restart.action = a;
	m->restart.phase = RESTART_LOOK;
	m->restart.verdict = VERDICT_FAILED;
	m->restart.no_shell = true;
	if (m->config.has_shell)
		restart_ask_boot_id(m, RESTART_LOOK_MS, true);
	else if (m->config.power_ways > 0)
		restart_ask_power(m, RESTART_LOOK_MS);
	else
		m->restart.phase = RESTART_RUNG;
}

/* The answer to a question of LOOK. */
static void restart_looked(struct machine *m, const struct machine_outcome *o)
{
	struct restart *r = &m->restart;

	if (m->waiting_do == MACHINE_BOOT_ID) {
		if (o->err.code == RH_ERR_NONE && o->text != NULL)
			snprintf(r->boot_id, sizeof(r->boot_id), "%s", o->text);
		/* A shell without boot ids can run a command all the same. */
		r->no_shell = o->err.code != RH_ERR_NONE &&
			      o->err.code != RH_ERR_NOTSUP;
		if (m->config.power_ways > 0) {
			restart_ask_power(m, RESTART_LOOK_MS);
			return;
		}
	} else if (o->err.code == RH_ERR_NONE &&
		   o->state == DRIVER_POWER_OFF) {
		/* Nobody is at home: the last rung knows what to do (P03). */
		r->rough = true;
		machine_event(m, MACHINE_EVENT_NOTE, "the power is off");
	}
	r->phase = RESTART_RUNG;
}

static void restart_watched_boot_id(struct machine *m,
				    const struct machine_outcome *o)
{
	const struct restart *r = &m->restart;

	m->restart.wake = deadline_add(m->now, RESTART_EVERY_MS);
	if (o->err.code != RH_ERR_NONE || o->text == NULL ||
	    r->boot_id[0] == '\0' || strcmp(o->text, r->boot_id) == 0)
		return;
	restart_done(m, "ssh answers, the boot id was %.8s... and is %.8s...",
		     r->boot_id, o->text);
}

/* Off at two readings: the rest is for confirm to say. */
static void restart_watched_power(struct machine *m,
				  const struct machine_outcome *o)
{
	static const struct actions off = LIST(restart_off);
	bool before = m->restart.saw_off;

	m->restart.wake = deadline_add(m->now, 1000);
	m->restart.saw_off = o->err.code == RH_ERR_NONE &&
			     o->state == DRIVER_POWER_OFF;
	if (!before || !m->restart.saw_off)
		return;
	m->restart.phase = RESTART_FINISH;
	actions_push(m, FRAME_RUNG, &off, NULL);
}

/* The command was sent; whether it ended is another matter. */
static void restart_commanded(struct machine *m,
			      const struct machine_outcome *o)
{
	switch (o->err.code) {
	case RH_ERR_NONE:
	case RH_ERR_LOST:
	case RH_ERR_TIMEOUT:
	case RH_ERR_CRASHED:
	case RH_ERR_PROTOCOL:
		restart_watch(m);
		return;
	default:
		restart_rung_failed(m, VERDICT_FAILED, o->err.code,
				    o->err.text);
		return;
	}
}

void restart_answer(struct machine *m, const struct machine_outcome *o)
{
	if (m->restart.phase == RESTART_LOOK)
		restart_looked(m, o);
	else if (m->restart.phase == RESTART_ACT)
		restart_commanded(m, o);
	else if (m->waiting_do == MACHINE_BOOT_ID)
		restart_watched_boot_id(m, o);
	else
		restart_watched_power(m, o);
}

/* The proof did not come. */
static void restart_not_proved(struct machine *m, const char *why)
{
	char text[200], within[32];

	if (why == NULL)
		snprintf(text, sizeof(text), "no proof of it within %s",
			 deadline_format(restart_rung(m)->within_ms, within,
					 sizeof(within)));
	restart_rung_failed(m, VERDICT_UNKNOWN, RH_ERR_NONE,
			    why != NULL ? why : text);
}

static bool restart_watch_step(struct machine *m)
{
	struct restart *r = &m->restart;

	if (!restart_is_stop(m) && m->bootwatch.begun) {
		restart_done(m, "%s", m->bootwatch.what);
		return true;
	}
	if (m->bootwatch.disabled && restart_rung(m)->kind == RUNG_SYSRQ) {
		restart_not_proved(m, "the kernel does not allow this sysrq "
				      "(kernel.sysrq)");
		return true;
	}
	if (m->now >= r->until) {
		restart_not_proved(m, NULL);
		return true;
	}
	if (m->waiting_id != 0 || m->now < r->wake)
		return false;
	/* Where a rule interrupts, the answer is lost: then it is asked again. */
	r->wake = deadline_add(m->now, RESTART_ASK_MS + RESTART_EVERY_MS);
	if (restart_is_stop(m))
		restart_ask_power(m, RESTART_ASK_MS);
	else if (r->boot_id[0] != '\0')
		restart_ask_boot_id(m, RESTART_ASK_MS, false);
	else
		return false;
	return true;
}

/* One step of the action that stands on top; false where nothing is due. */
bool restart_step(struct machine *m)
{
	if (m->restart.phase == RESTART_RUNG) {
		restart_next(m);
		return true;
	}
	return m->restart.phase == RESTART_WATCH && restart_watch_step(m);
}

int64_t restart_deadline(const struct machine *m)
{
	const struct restart *r = &m->restart;

	if (r->phase != RESTART_WATCH)
		return DEADLINE_NEVER;
	return m->waiting_id != 0 ? r->until : deadline_min(r->until, r->wake);
}
