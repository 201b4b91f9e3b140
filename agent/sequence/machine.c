/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine in the middle: doors, queue, states. The live run and the
 * rehearsal come in by machine.h; machine-text.c reads the console, machine-rules.c
 * looks at what was read,
 * machine-actions.c carries out lists of actions, machine-typing.c sends keys.
 *
 * The phases, and their legal changes:
 *   NEW     -> HEALTHY (there are checks), ATTACH
 *   HEALTHY -> OVER (healthy), ATTACH
 *   ATTACH  -> RUN (console is there, or none is needed), OVER
 *   RUN     -> OVER, LAST (the power is read once more)
 *   LAST    -> OVER
 *
 * Always true: at most one answer is due (waiting_id); after MACHINE_END
 * nothing comes out any more; no function here reads a clock or does I/O.
 */
#include "agent/sequence/machine-private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"

#define MACHINE_STEPS_MAX 100000	/* in one call: it loops */
#define MACHINE_GONE_MAX 1000	/* states at one time, nothing read: it loops */
#define MACHINE_PIECE 4096		/* so much is looked at in one go */

static const char *const event_names[MACHINE_EVENT_COUNT] = {
	[MACHINE_EVENT_NONE] = "none",	     [MACHINE_EVENT_BEGIN] = "begin",
	[MACHINE_EVENT_HEALTHY] = "healthy", [MACHINE_EVENT_BEFORE] = "before",
	[MACHINE_EVENT_STATE] = "state",     [MACHINE_EVENT_SAW] = "saw",
	[MACHINE_EVENT_STALE] = "stale",     [MACHINE_EVENT_IDLE] = "idle",
	[MACHINE_EVENT_LOST] = "lost",	     [MACHINE_EVENT_TIMEOUT] = "timeout",
	[MACHINE_EVENT_VISITS] = "visits",   [MACHINE_EVENT_TYPED] = "typed",
	[MACHINE_EVENT_AGAIN] = "again",     [MACHINE_EVENT_POWER] = "power",
	[MACHINE_EVENT_DONE] = "done",	     [MACHINE_EVENT_NOTE] = "note",
	[MACHINE_EVENT_FAILED] = "failed",   [MACHINE_EVENT_MUTE] = "mute",
	[MACHINE_EVENT_LIMIT] = "limit",     [MACHINE_EVENT_RUNG] = "rung",
	[MACHINE_EVENT_RESTART] = "restart", [MACHINE_EVENT_ECHO] = "echo",
};

const char *machine_event_name(enum machine_event event)
{
	return (int)event < MACHINE_EVENT_COUNT ? event_names[event] : "none";
}

struct machine *machine_new(const struct machine_config *config)
{
	struct machine *m = memory_new(1, sizeof(*m));
	size_t i;

	m->config = *config;
	m->s = config->sequence;
	m->state = -1;
	m->visits = memory_new(m->s->state_count + 1, sizeof(*m->visits));
	m->state_uses = memory_new(m->s->state_count + 1,
				   sizeof(*m->state_uses));
	for (i = 0; i < m->s->state_count; i++)
		m->state_uses[i] = memory_new(m->s->states[i].rules.count + 1,
					      sizeof(**m->state_uses));
	m->always_use = memory_new(m->s->always.count + 1,
				   sizeof(*m->always_use));
	rules_init(m);
	m->mute_at = DEADLINE_NEVER;
	text_init(&m->text);
	bootwatch_init(&m->bootwatch);
	machine_screen_begin(m);
	return m;
}

static void machine_queue_release(struct machine *m)
{
	size_t i;

	for (i = 0; i < m->queue_count; i++) {
		free(m->queue[i].text);
		free(m->queue[i].bytes);
	}
	m->queue_count = m->queue_next = 0;
}

void machine_free(struct machine *m)
{
	size_t i;

	if (m == NULL)
		return;
	machine_queue_release(m);
	free(m->queue);
	free(m->visits);
	rules_release(m);
	free(m->always_use);
	for (i = 0; i < m->s->state_count; i++)
		free(m->state_uses[i]);
	free(m->state_uses);
	typing_clear(&m->typing);
	select_clear(m);
	screen_free(m->screen);
	buffer_release(&m->seen);
	buffer_release(&m->plain);
	free(m);
}

/* ---- what comes out ---------------------------------------------------- */

void machine_emit(struct machine *m, const struct machine_action *action)
{
	struct machine_queued *q;

	if (m->queue_next == m->queue_count)
		machine_queue_release(m);
	if (m->queue_count == m->queue_size) {
		m->queue_size = m->queue_size * 2 + 16;
		m->queue = memory_grow(m->queue, m->queue_size,
				       sizeof(*m->queue));
	}
	q = &m->queue[m->queue_count++];
	q->action = *action;
	q->text = action->text != NULL ? memory_copy(action->text) : NULL;
	q->bytes = action->bytes != NULL
			   ? memory_copy_len(action->bytes, action->len)
			   : NULL;
	q->action.text = q->text;
	q->action.bytes = q->bytes;
	q->action.state = machine_state_name(m);
}

/* An action that an answer is due for. */
uint32_t machine_ask(struct machine *m, struct machine_action *action)
{
	action->id = ++m->last_id;
	if (action->deadline == 0)
		action->deadline = m->config.deadline;
	m->waiting_id = action->id;
	m->waiting_do = action->what;
	machine_emit(m, action);
	return action->id;
}

void machine_event(struct machine *m, enum machine_event event,
		   const char *fmt, ...)
{
	struct machine_action action = { .what = MACHINE_EVENT,
					 .event = event };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	action.text = text;
	machine_emit(m, &action);
}

void machine_next(struct machine *m, struct machine_action *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->state = "";
	while (m->queue_next < m->queue_count && ret->what == MACHINE_NONE)
		*ret = m->queue[m->queue_next++].action;
}

bool machine_next_write(struct machine *m, struct machine_action *ret)
{
	size_t i = m->queue_next;

	while (i < m->queue_count && m->queue[i].action.what == MACHINE_EVENT)
		i++;
	if (i == m->queue_count || m->queue[i].action.what != MACHINE_WRITE)
		return false;
	*ret = m->queue[i].action;
	m->queue[i].action.what = MACHINE_NONE;
	return true;
}

void machine_finish(struct machine *m, enum verdict verdict, enum rh_code code,
		    const char *reason)
{
	struct machine_action action = { .what = MACHINE_END,
					 .verdict = verdict,
					 .code = code,
					 .quotes = !m->own_reason,
					 .text = reason != NULL ? reason : "" };

	if (m->phase == PHASE_OVER)
		return;
	actions_withdraw(m);
	machine_emit(m, &action);
	m->phase = PHASE_OVER;
	actions_clear(m);
	m->waiting_id = 0;
}

void machine_abort(struct machine *m, int64_t now, enum verdict verdict,
		   enum rh_code code, const char *reason)
{
	m->now = now;
	m->own_reason = false;
	machine_finish(m, verdict, code, reason);
}

/* What was seen, for the last line: "saw "login:", tcp 389 answers". */
void machine_proof(struct machine *m, const char *fmt, ...)
{
	char text[200];
	size_t used = strlen(m->proofs);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strstr(m->proofs, text) != NULL)
		return;
	if (used + strlen(text) + 3 > sizeof(m->proofs))
		return;
	snprintf(m->proofs + used, sizeof(m->proofs) - used, "%s%s",
		 used > 0 ? "; " : "", text);
}

/* ---- states ------------------------------------------------------------ */

const char *machine_state_name(const struct machine *m)
{
	return m->state >= 0 ? m->s->states[m->state].name : "";
}

/* Enters the state; what comes then is due in the next step. */
static void machine_enter(struct machine *m, int index)
{
	const struct state *state = &m->s->states[index];
	int before = m->state;

	restart_abandon(m);
	actions_clear(m);
	m->state = index;
	m->entered = m->now;
	rules_enter(m, before);
	machine_event(m, MACHINE_EVENT_STATE, "%s", state->name);
	if (state->act.count > 0 || state->then.kind != TARGET_NONE)
		actions_push(m, FRAME_DO, &state->act, NULL);
}

/* Whether the state may be entered once more. */
static bool machine_may_visit(struct machine *m, int index)
{
	const struct state *state = &m->s->states[index];

	if (state->visits == 0 || m->visits[index] < state->visits) {
		m->visits[index]++;
		return true;
	}
	machine_event(m, MACHINE_EVENT_VISITS,
		      "%s was entered %d times; no more are allowed",
		      state->name, state->visits);
	return false;
}

/* Time stands still, and states follow each other without end. */
static bool machine_circles(struct machine *m)
{
	if (m->gone_at != m->now)
		m->gone = 0;
	m->gone_at = m->now;
	if (++m->gone <= MACHINE_GONE_MAX)
		return false;
	machine_finish(m, VERDICT_FAILED, RH_ERR_INTERNAL,
		       "the sequence goes round in a circle; run rhands check");
	return true;
}

/* A sequence that was run ends, and the one that runs it goes on. */
static void machine_note_end(struct machine *m, const struct target *target)
{
	if (target->note != NULL)
		machine_event(m, MACHINE_EVENT_NOTE, "%s", target->note);
}

void machine_go(struct machine *m, const struct target *target)
{
	const char *reason;

	if (m->phase == PHASE_OVER || target->kind == TARGET_NONE)
		return;
	machine_note_end(m, target);
	while (target->kind == TARGET_STATE) {
		if (machine_circles(m))
			return;
		if (machine_may_visit(m, target->state)) {
			machine_enter(m, target->state);
			return;
		}
		target = &m->s->states[target->state].visited;
		machine_note_end(m, target);
	}
	reason = target->reason;
	if (target->kind == TARGET_RETURN) {
		machine_finish(m, VERDICT_UNKNOWN, RH_ERR_NONE, "the sequence "
			       "returns, and no other runs it; run rhands check");
		return;
	}
	m->own_reason = reason != NULL;
	if (target->verdict == VERDICT_RECOVERED && reason == NULL)
		reason = m->proofs;
	last_look(m, target->verdict, RH_ERR_NONE, reason);
}

/* ---- the loop ---------------------------------------------------------- */

static void machine_start(struct machine *m)
{
	const struct target start = { .kind = TARGET_STATE,
				      .state = m->s->start };

	m->phase = PHASE_RUN;
	machine_go(m, &start);
}

/* Waits for the console before the first state. */
static bool machine_attach_step(struct machine *m)
{
	char text[160];

	if (m->attached || !m->config.has_console) {
		machine_start(m);
		return true;
	}
	if (m->now < m->attach_by)
		return false;
	snprintf(text, sizeof(text), "the console could not be attached within "
		 "%d s; nothing was done to the host", MACHINE_ATTACH_MS / 1000);
	machine_finish(m, VERDICT_UNKNOWN, RH_ERR_UNREACHABLE, text);
	return false;
}

/* An answer is due that decides what became of the host. */
static bool machine_in_an_act(const struct machine *m)
{
	return m->waiting_id != 0 && m->waiting_do != MACHINE_CHECK &&
	       m->waiting_do != MACHINE_EVIDENCE &&
	       m->waiting_do != MACHINE_BOOT_ID &&
	       m->waiting_do != MACHINE_COLLECT;
}

static void machine_out_of_time(struct machine *m)
{
	bool blind = m->config.has_console && !m->attached;
	bool act = m->confirming || machine_in_an_act(m) ||
		   restart_may_happen(m);
	char text[400];

	snprintf(text, sizeof(text), "the deadline came %sin state \"%s\"%s%s",
		 m->confirming ? "in the middle of a power action "
		 : act	       ? "in the middle of an action " : "",
		 m->state >= 0 ? machine_state_name(m) : "start",
		 m->confirming && confirm_may_be_off(&m->confirm)
			 ? "; the host may be off: look, and switch it on" : "",
		 blind ? ", without a console" : "");
	machine_finish(m, act || blind ? VERDICT_UNKNOWN : VERDICT_FAILED,
		       RH_ERR_TIMEOUT, text);
}

/* One step at m->now; false where nothing is left to do now. */
static bool machine_step(struct machine *m)
{
	if (m->phase == PHASE_ATTACH)
		return machine_attach_step(m);
	if (m->phase == PHASE_LAST)
		return false;
	if (actions_step(m))
		return true;
	if (m->phase == PHASE_RUN && !actions_hold(m))
		return rules_scan(m) || screen_rules_scan(m) || rules_time(m);
	return false;
}

void machine_run(struct machine *m)
{
	int steps = 0;

	while (m->phase != PHASE_OVER && m->phase != PHASE_NEW) {
		if (m->now >= m->config.deadline && m->phase == PHASE_LAST) {
			last_end(m);
			return;
		}
		if (m->now >= m->config.deadline) {
			machine_out_of_time(m);
			return;
		}
		if (!machine_step(m))
			return;
		if (++steps > MACHINE_STEPS_MAX) {
			machine_finish(m, VERDICT_FAILED, RH_ERR_INTERNAL,
				       "the sequence goes round in a circle; run "
				       "rhands check");
			return;
		}
	}
}

/* ---- what comes in ------------------------------------------------------ */

void machine_begin(struct machine *m, int64_t now)
{
	assert(m->phase == PHASE_NEW);
	m->now = m->epoch = now;
	m->last_byte = m->lost_since = now;
	m->attach_by = deadline_add(now, MACHINE_ATTACH_MS);
	machine_event(m, MACHINE_EVENT_BEGIN, "%s", m->s->summary);
	m->phase = PHASE_ATTACH;
	if (m->config.check_healthy && m->s->healthy.count > 0) {
		m->phase = PHASE_HEALTHY;
		actions_push(m, FRAME_HEALTHY, &m->s->healthy, NULL);
	}
	machine_run(m);
}

/* The host says something, whether it can be read or not. */
static void machine_heard(struct machine *m, int64_t now)
{
	m->now = now;
	m->last_byte = now;
	m->scanned_quiet = false;
	m->mute_at = DEADLINE_NEVER;
	m->mute_count = 0;
	again_cancel(m);
	if (m->confirming)
		confirm_console(&m->confirm, now);
}

void machine_feed(struct machine *m, int64_t now, const void *bytes, size_t len)
{
	const char *at = bytes;
	size_t n;

	if (m->phase == PHASE_OVER || len == 0)
		return;
	machine_heard(m, now);
	for (; len > 0; at += n, len -= n) {
		n = len < MACHINE_PIECE ? len : MACHINE_PIECE;
		if (m->phase == PHASE_RUN) {
			listening_hear(m, at, n);
			machine_read(m, at, n);
			machine_trim(m);
		}
		machine_run(m);
	}
}

void machine_done(struct machine *m, int64_t now, uint32_t id,
		  const struct machine_outcome *outcome)
{
	m->now = now;
	if (m->phase != PHASE_OVER && id != 0 && id == m->ask_id) {
		actions_asked(m, outcome);
		machine_run(m);
	}
	if (m->phase == PHASE_OVER || id == 0 || id != m->waiting_id)
		return;
	m->waiting_id = 0;
	if (m->phase == PHASE_LAST)
		last_looked(m, outcome);
	else
		actions_answer(m, outcome);
	machine_run(m);
}

void machine_attached(struct machine *m, int64_t now)
{
	m->now = now;
	if (m->phase == PHASE_OVER)
		return;
	m->attached = true;
	m->last_byte = now;
	if (m->again_rule != NULL)
		m->again_at = deadline_add(now, 3000);
	machine_run(m);
}

void machine_console(struct machine *m, enum keys_terminal terminal,
		     const char *enter, int64_t key_delay_ms, int64_t mute_ms)
{
	m->config.terminal = terminal;
	m->config.enter = enter;
	m->config.key_delay_ms = key_delay_ms;
	m->config.mute_ms = mute_ms;
}

void machine_lost(struct machine *m, int64_t now)
{
	m->now = now;
	if (m->phase == PHASE_OVER || !m->attached)
		return;
	m->attached = false;
	m->lost_since = now;
	machine_cut(m);
	machine_run(m);
}

void machine_gap(struct machine *m, int64_t now)
{
	if (m->phase == PHASE_OVER)
		return;
	machine_heard(m, now);
	machine_cut(m);
	machine_run(m);
}

void machine_tick(struct machine *m, int64_t now)
{
	m->now = now;
	machine_run(m);
}

int64_t machine_deadline(const struct machine *m)
{
	int64_t due = m->config.deadline;

	if (m->phase == PHASE_OVER || m->phase == PHASE_NEW)
		return DEADLINE_NEVER;
	if (m->phase == PHASE_ATTACH)
		due = deadline_min(due, m->attach_by);
	due = deadline_min(due, actions_deadline(m));
	if (m->phase == PHASE_RUN && !actions_hold(m))
		due = deadline_min(due, rules_deadline(m));
	return due;
}

bool machine_may_be_off(const struct machine *m)
{
	return m->confirming && confirm_may_be_off(&m->confirm);
}

unsigned machine_fired(const struct machine *m, int state, size_t rule)
{
	return state < 0 ? m->always_use[rule].total
			 : m->state_uses[state][rule].total;
}

/* ---- for the live view ---------------------------------------------------- */

int64_t machine_wait_until(const struct machine *m)
{
	const struct state *state;

	if (m->phase == PHASE_ATTACH)
		return m->attach_by;
	if (m->phase != PHASE_RUN || m->state < 0)
		return m->config.deadline;
	state = &m->s->states[m->state];
	if (m->confirming || state->timeout_ms == 0)
		return m->config.deadline;
	return deadline_min(m->config.deadline,
			    deadline_add(m->entered, state->timeout_ms));
}

const char *machine_waiting_for(const struct machine *m)
{
	if (m->phase == PHASE_HEALTHY)
		return "the answer of a check";
	if (m->phase == PHASE_ATTACH)
		return "the console";
	if (m->waiting_do == MACHINE_EVIDENCE && m->waiting_id != 0)
		return "the state of the host before force";
	if (m->confirming)
		return m->confirm.goal == DRIVER_POWER_OFF
			       ? "the power to be off" : "the power to be on";
	if (m->ask_id != 0)
		return "an answer of a person";
	if (m->restart.phase == RESTART_WATCH)
		return m->restart.action->type == ACTION_STOP
			       ? "the power to be off"
			       : "the proof that it restarts";
	if (m->waiting_id != 0 && m->waiting_do == MACHINE_CHECK)
		return "the answer of a check";
	if (m->waiting_id != 0 && m->waiting_do == MACHINE_SHELL)
		return "the end of a command";
	if (!m->attached && m->config.has_console)
		return "the console to come back";
	return "the console";
}
