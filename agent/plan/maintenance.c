/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core of `rhands maintain` and of its rehearsal. In by maintenance_next (what
 * is to be begun) and maintenance_apply (what happened).
 *
 * Always true:
 *  - FIRST, which restarts a host, is begun once; a second time only where a
 *    runner was killed and it is known that nothing had been sent, or that the
 *    host had its time and still runs the system from before;
 *  - a host is BACK only where its restart was seen; where nobody can tell, the
 *    verdict is unknown;
 *  - a wave, and a host in it, is begun only where its worst case ends in the window;
 *  - what was begun is ended: a host that is in our hands is recovered, also
 *    behind a stop;
 *  - its time does not go back, whatever is done to the clock: a window that was
 *    used up stays so.
 * Phases: NEW - BEFORE - (WAVE - GATE)* - AFTER - END - OVER; ASK stands before
 * the phase that it asks about.
 */
#include "agent/plan/maintenance-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/window.h"
#include "base/deadline.h"
#include "base/memory.h"

void maintenance_init(struct maintenance *m,
		      const struct maintenance_config *config)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->hosts = memory_new(config->plan->host_count, sizeof(*m->hosts));
}

void maintenance_release(struct maintenance *m)
{
	free(m->hosts);
	memset(m, 0, sizeof(*m));
}

const char *maintenance_host_name(const struct maintenance *m, size_t i)
{
	return m->config.plan->waves.hosts[i]->name;
}

static size_t maintenance_wave_begin(const struct maintenance *m, size_t wave)
{
	return wave > 0 ? m->config.plan->waves.ends[wave - 1] : 0;
}

static size_t maintenance_wave_end(const struct maintenance *m, size_t wave)
{
	return m->config.plan->waves.ends[wave];
}

/* ---- time ------------------------------------------------------------------------ */

int64_t maintenance_time(const struct maintenance *m, int64_t wall_ms)
{
	int64_t at_ms = wall_ms + m->back_ms;

	return at_ms > m->last_ms ? at_ms : m->last_ms;
}

static void maintenance_take_time(struct maintenance *m, int64_t wall_ms)
{
	m->last_ms = maintenance_time(m, wall_ms);
	m->back_ms = m->last_ms - wall_ms;
}

/* Hosts begin in their order, each where a place is free: the time of the last. */
int64_t maintenance_wave_worst(const struct maintenance *m, size_t wave)
{
	size_t places = (size_t)m->config.plan->parallel, i, k, first;
	size_t begin = maintenance_wave_begin(m, wave);
	size_t end = maintenance_wave_end(m, wave);
	int64_t *free_at, worst = 0;

	if (places > end - begin)
		places = end - begin;
	free_at = memory_new(places, sizeof(*free_at));
	for (i = begin; i < end; i++) {
		if (m->hosts[i].state > MAINTENANCE_DUE)
			continue;
		for (first = 0, k = 1; k < places; k++) {
			if (free_at[k] < free_at[first])
				first = k;
		}
		free_at[first] += m->config.worst_ms[i];
		if (free_at[first] > worst)
			worst = free_at[first];
	}
	free(free_at);
	return worst;
}

/* What must still fit behind the hosts of a wave. */
static int64_t maintenance_rest_ms(const struct maintenance *m)
{
	const struct plan *p = m->config.plan;

	return (p->gate != NULL && m->wave + 1 < p->waves.count ? p->gate_ms : 0) +
	       (p->after != NULL ? p->hook_ms : 0);
}

static void maintenance_too_long(struct maintenance *m, int64_t now_ms,
				 int64_t needs_ms, const char *what,
				 struct maintenance_event *ret)
{
	const struct plan *p = m->config.plan;
	char needs[32], end[80], left[32];

	window_text(p->end_ms, p->zone, end, sizeof(end));
	deadline_format(needs_ms, needs, sizeof(needs));
	deadline_format(p->end_ms - now_ms, left, sizeof(left));
	if (p->end_ms <= now_ms)
		snprintf(m->trouble, sizeof(m->trouble), "%s is not begun: the "
			 "window ended at %s", what, end);
	else
		snprintf(m->trouble, sizeof(m->trouble), "%s is not begun: it may "
			 "take %s, and the window ends at %s, in %s", what, needs,
			 end, left);
	ret->what = MAINTENANCE_STOP;
	ret->text = m->trouble;
}

/* ---- what is next ------------------------------------------------------------------ */

static void maintenance_next_wave(struct maintenance *m, int64_t now_ms,
				  struct maintenance_event *ret)
{
	int64_t needs = maintenance_wave_worst(m, m->wave) +
			maintenance_rest_ms(m);
	char what[40];

	if (now_ms + needs > m->config.plan->end_ms) {
		snprintf(what, sizeof(what), "wave %zu of %zu", m->wave + 1,
			 m->config.plan->waves.count);
		maintenance_too_long(m, now_ms, needs, what, ret);
		return;
	}
	ret->what = MAINTENANCE_WAVE;
	ret->wave = m->wave;
}

static bool maintenance_next_waiting(struct maintenance *m, int64_t now_ms,
				     size_t i, struct maintenance_event *ret)
{
	int64_t needs = m->config.worst_ms[i] + maintenance_rest_ms(m);

	if (now_ms + needs > m->config.plan->end_ms) {
		maintenance_too_long(m, now_ms, needs,
				     maintenance_host_name(m, i), ret);
		return true;
	}
	ret->what = MAINTENANCE_HOST;
	ret->host = i;
	ret->step = MAINTENANCE_FIRST;
	return true;
}

/* A host in our hands goes on first; else the next one where a place is free. */
static bool maintenance_next_host(struct maintenance *m, int64_t now_ms,
				  struct maintenance_event *ret)
{
	size_t end = maintenance_wave_end(m, m->wave), i;

	for (i = maintenance_wave_begin(m, m->wave); i < end; i++) {
		if (m->hosts[i].state != MAINTENANCE_DUE)
			continue;
		ret->what = MAINTENANCE_HOST;
		ret->host = i;
		ret->step = m->hosts[i].step;
		return true;
	}
	if (m->stopped || m->failed ||
	    m->living >= (size_t)m->config.plan->parallel)
		return false;
	for (i = maintenance_wave_begin(m, m->wave); i < end; i++) {
		if (m->hosts[i].state == MAINTENANCE_WAITING)
			return maintenance_next_waiting(m, now_ms, i, ret);
	}
	return false;
}

static void maintenance_next_end(const struct maintenance *m,
				 struct maintenance_event *ret)
{
	size_t i;

	ret->what = MAINTENANCE_END;
	ret->verdict = m->trouble[0] != '\0' ? VERDICT_FAILED
					     : VERDICT_RECOVERED;
	for (i = 0; i < m->config.plan->host_count; i++) {
		if (m->hosts[i].state == MAINTENANCE_FAILED &&
		    m->hosts[i].verdict > ret->verdict)
			ret->verdict = m->hosts[i].verdict;
	}
	ret->text = m->trouble[0] != '\0' ? m->trouble : "all hosts are back";
}

bool maintenance_next(struct maintenance *m, int64_t now_ms,
		      struct maintenance_event *ret)
{
	static const enum maintenance_what simple[] = {
		[MAINTENANCE_NEW] = MAINTENANCE_BEGIN,
		[MAINTENANCE_BEFORE_DUE] = MAINTENANCE_BEFORE,
		[MAINTENANCE_GATE_DUE] = MAINTENANCE_GATE,
		[MAINTENANCE_ASK_DUE] = MAINTENANCE_ASK,
		[MAINTENANCE_AFTER_DUE] = MAINTENANCE_AFTER,
		[MAINTENANCE_END_DUE] = MAINTENANCE_END,
		[MAINTENANCE_OVER] = MAINTENANCE_NONE,
	};

	*ret = (struct maintenance_event){ .at_ms = now_ms, .text = "",
					   .run = "", .wave = m->wave };
	now_ms = maintenance_time(m, now_ms);
	if (m->phase == MAINTENANCE_WAVE_ON)
		return maintenance_next_host(m, now_ms, ret);
	if (m->phase == MAINTENANCE_WAVE_DUE) {
		maintenance_next_wave(m, now_ms, ret);
		return true;
	}
	ret->what = simple[m->phase];
	if (ret->what == MAINTENANCE_ASK)
		ret->text = m->trouble;
	if (ret->what == MAINTENANCE_END)
		maintenance_next_end(m, ret);
	return ret->what != MAINTENANCE_NONE;
}

/* ---- what happened ------------------------------------------------------------------- */

static void maintenance_skip_rest(struct maintenance *m)
{
	size_t i;

	for (i = 0; i < m->config.plan->host_count; i++) {
		if (m->hosts[i].state != MAINTENANCE_WAITING)
			continue;
		m->hosts[i].state = MAINTENANCE_SKIPPED;
		snprintf(m->hosts[i].text, sizeof(m->hosts[i].text), "%s",
			 "not begun");
	}
}

static void maintenance_close(struct maintenance *m)
{
	maintenance_skip_rest(m);
	m->phase = m->config.plan->after != NULL && m->begun_before
			   ? MAINTENANCE_AFTER_DUE
			   : MAINTENANCE_END_DUE;
}

/* Goes on to `next`, or stops, or asks, where something failed. */
static void maintenance_go_on(struct maintenance *m, enum maintenance_phase next)
{
	if (m->stopped) {
		maintenance_close(m);
	} else if (!m->failed) {
		m->phase = next;
	} else if (m->config.plan->failure == PLAN_ASK) {
		m->phase = MAINTENANCE_ASK_DUE;
		m->resume = next;
	} else {
		m->stopped = m->config.plan->failure == PLAN_STOP;
		m->failed = false;
		maintenance_go_on(m, next);
	}
}

void maintenance_settle_wave(struct maintenance *m)
{
	size_t end = maintenance_wave_end(m, m->wave), i;
	bool last = m->wave + 1 == m->config.plan->waves.count;

	if (m->living > 0)
		return;
	for (i = maintenance_wave_begin(m, m->wave); i < end; i++) {
		if (m->hosts[i].state == MAINTENANCE_WAITING) {
			maintenance_go_on(m, MAINTENANCE_WAVE_ON);
			return;
		}
	}
	if (last) {
		/* Nothing is left that could be stopped. */
		m->failed = false;
		maintenance_close(m);
	} else if (m->config.plan->gate != NULL) {
		maintenance_go_on(m, MAINTENANCE_GATE_DUE);
	} else {
		m->wave++;
		maintenance_go_on(m, MAINTENANCE_WAVE_DUE);
	}
}

void maintenance_trouble(struct maintenance *m, const char *who,
				const char *why)
{
	/* `continue` with a failure behind it: no host goes on in its wave else */
	m->failed = m->config.plan->failure != PLAN_CONTINUE;
	if (m->trouble[0] == '\0')
		snprintf(m->trouble, sizeof(m->trouble), "%s: %s", who, why);
}

/* The phase is `from`; what was under way has ended. */
static bool maintenance_program_ends(struct maintenance *m,
				     const struct maintenance_event *e,
				     enum maintenance_phase from,
				     enum maintenance_phase to, const char *who)
{
	if (m->phase != from)
		return false;
	if (!e->ok)
		maintenance_trouble(m, who, e->text);
	if (to == MAINTENANCE_END_DUE)
		m->phase = to;
	else
		maintenance_go_on(m, to);
	return true;
}

static bool maintenance_starts(struct maintenance *m,
			       enum maintenance_phase from,
			       enum maintenance_phase to)
{
	if (m->phase != from)
		return false;
	m->phase = to;
	return true;
}

static bool maintenance_resumes(struct maintenance *m)
{
	switch (m->phase) {
	case MAINTENANCE_BEFORE_ON:
	case MAINTENANCE_GATE_ON:
	case MAINTENANCE_ASK_ON:
	case MAINTENANCE_AFTER_ON:
		m->phase--;	/* due again */
		return true;
	case MAINTENANCE_NEW:
	case MAINTENANCE_OVER:
		return false;
	default:
		return true;
	}
}

static bool maintenance_answered(struct maintenance *m,
				 const struct maintenance_event *e)
{
	if (m->phase != MAINTENANCE_ASK_ON)
		return false;
	m->failed = false;
	m->stopped = !e->ok;
	maintenance_go_on(m, m->resume);
	return true;
}

static bool maintenance_stops(struct maintenance *m,
			      const struct maintenance_event *e)
{
	if (m->phase == MAINTENANCE_NEW || m->phase >= MAINTENANCE_AFTER_DUE)
		return false;
	m->stopped = true;
	if (e->text != m->trouble)
		snprintf(m->trouble, sizeof(m->trouble), "%s", e->text);
	if (m->phase != MAINTENANCE_WAVE_ON)
		maintenance_close(m);
	else
		maintenance_settle_wave(m);
	return true;
}

static bool maintenance_begins(struct maintenance *m)
{
	if (m->phase != MAINTENANCE_NEW)
		return false;
	m->began_ms = m->last_ms;
	m->begun_before = m->config.plan->before == NULL;
	m->phase = m->begun_before ? MAINTENANCE_WAVE_DUE
				   : MAINTENANCE_BEFORE_DUE;
	return true;
}

static bool maintenance_ends(struct maintenance *m,
			     const struct maintenance_event *e)
{
	if (m->phase != MAINTENANCE_END_DUE)
		return false;
	m->verdict = e->verdict;
	m->ended_ms = m->last_ms;
	m->phase = MAINTENANCE_OVER;
	return true;
}

static bool maintenance_gate_ends(struct maintenance *m,
				  const struct maintenance_event *e)
{
	if (m->phase != MAINTENANCE_GATE_ON)
		return false;
	m->wave++;
	return maintenance_program_ends(m, e, MAINTENANCE_GATE_ON,
					MAINTENANCE_WAVE_DUE, "the gate");
}

static bool maintenance_asks(struct maintenance *m)
{
	m->asks++;
	return maintenance_starts(m, MAINTENANCE_ASK_DUE, MAINTENANCE_ASK_ON);
}

bool maintenance_apply(struct maintenance *m, const struct maintenance_event *e)
{
	maintenance_take_time(m, e->at_ms);
	switch (e->what) {
	case MAINTENANCE_BEGIN:
		return maintenance_begins(m);
	case MAINTENANCE_RESUME:
		return maintenance_resumes(m);
	case MAINTENANCE_BEFORE:
		m->begun_before = true;
		return maintenance_starts(m, MAINTENANCE_BEFORE_DUE,
					  MAINTENANCE_BEFORE_ON);
	case MAINTENANCE_BEFORE_END:
		return maintenance_program_ends(m, e, MAINTENANCE_BEFORE_ON,
						MAINTENANCE_WAVE_DUE, "before");
	case MAINTENANCE_WAVE:
		return e->wave == m->wave &&
		       maintenance_starts(m, MAINTENANCE_WAVE_DUE,
					  MAINTENANCE_WAVE_ON);
	case MAINTENANCE_HOST:
		return maintenance_host_begins(m, e);
	case MAINTENANCE_HOST_END:
		return maintenance_host_ends(m, e);
	case MAINTENANCE_HOST_LOST:
		return maintenance_host_lost(m, e);
	case MAINTENANCE_GATE:
		return maintenance_starts(m, MAINTENANCE_GATE_DUE,
					  MAINTENANCE_GATE_ON);
	case MAINTENANCE_GATE_END:
		return maintenance_gate_ends(m, e);
	case MAINTENANCE_ASK:
		return maintenance_asks(m);
	case MAINTENANCE_ANSWER:
		return maintenance_answered(m, e);
	case MAINTENANCE_STOP:
		return maintenance_stops(m, e);
	case MAINTENANCE_AFTER:
		return maintenance_starts(m, MAINTENANCE_AFTER_DUE,
					  MAINTENANCE_AFTER_ON);
	case MAINTENANCE_AFTER_END:
		return maintenance_program_ends(m, e, MAINTENANCE_AFTER_ON,
						MAINTENANCE_END_DUE, "after");
	case MAINTENANCE_END:
		return maintenance_ends(m, e);
	case MAINTENANCE_NONE:
	case MAINTENANCE_COUNT:
		break;
	}
	return false;
}
