/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rehearsals: machine, twin and world put together, the oracle beside them. The
 * verb comes in with a config and then with seed after seed.
 *
 * Always true: a rehearsal ends by itself, since a machine that stands still or
 * never ends is a complaint, too; the oracle sees each action before the world
 * does, and each instant behind it.
 */
#include "agent/twin/rehearsal.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/oracle.h"
#include "agent/twin/world.h"
#include "base/deadline.h"
#include "base/memory.h"

#define REHEARSAL_STEPS_MAX 400000

struct rehearsal {
	struct rehearsal_config config;
	struct sequence sequence;	/* a copy that begins elsewhere */
	struct world world;
	struct oracle oracle;
	struct rehearsal_result *result;
	uint64_t *entered;
	uint64_t **fired;		/* [0] always, then the states */
	uint64_t *twin_entered;
	uint64_t ended[VERDICT_COUNT];
	uint64_t struck[FAULT_COUNT];
};

struct rehearsal *rehearsal_new(const struct rehearsal_config *config)
{
	struct rehearsal *r = memory_new(1, sizeof(*r));
	const struct sequence *s = config->sequence;
	size_t i;

	r->config = *config;
	r->sequence = *s;
	if (config->start >= 0)
		r->sequence.start = config->start;
	r->config.sequence = &r->sequence;
	r->world.config = &r->config;
	r->entered = memory_new(s->state_count + 1, sizeof(*r->entered));
	r->fired = memory_new(s->state_count + 1, sizeof(*r->fired));
	r->fired[0] = memory_new(s->always.count + 1, sizeof(**r->fired));
	for (i = 0; i < s->state_count; i++)
		r->fired[i + 1] = memory_new(s->states[i].rules.count + 1,
					     sizeof(**r->fired));
	r->world.t = twin_new(config->twin, 0, WORLD_BEGIN);
	r->twin_entered = memory_new(config->twin->state_count + 1,
				     sizeof(*r->twin_entered));
	return r;
}

void rehearsal_free(struct rehearsal *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i <= r->sequence.state_count; i++)
		free(r->fired[i]);
	free(r->fired);
	free(r->entered);
	free(r->twin_entered);
	twin_free(r->world.t);
	buffer_release(&r->world.line);
	buffer_release(&r->world.scratch);
	buffer_release(&r->world.kept);
	buffer_release(&r->world.held);
	buffer_release(&r->world.shell.out);
	buffer_release(&r->world.shell.errors);
	free(r);
}

/* ---- for the oracle ---------------------------------------------------------------- */

static struct rehearsal *rehearsal_of(struct world *w)
{
	return (struct rehearsal *)((char *)w - offsetof(struct rehearsal,
							 world));
}

static void rehearsal_answered(struct world *w, const struct world_answer *n)
{
	struct rehearsal *r = rehearsal_of(w);

	oracle_answer(&r->oracle, n);
	if (r->config.tap != NULL)
		r->config.tap(r->config.context, w->now - WORLD_BEGIN, "answer",
			      rh_code_name(n->outcome.err.code), 0);
}

static void rehearsal_executed(struct world *w, enum driver_act act, bool ours)
{
	oracle_executed(&rehearsal_of(w)->oracle, act, ours);
}

/* ---- the machine's side -------------------------------------------------------------- */

static void rehearsal_end(struct rehearsal *r, const struct machine_action *a)
{
	struct rehearsal_result *ret = r->result;

	ret->verdict = a->verdict;
	ret->code = a->code;
	ret->ms = r->world.now - WORLD_BEGIN;
	snprintf(ret->reason, sizeof(ret->reason), "%s", a->text);
	r->world.over = true;
}

static void rehearsal_event(struct rehearsal *r, const struct machine_action *a)
{
	size_t i;

	for (i = 0; a->event == MACHINE_EVENT_STATE &&
		    i < r->sequence.state_count; i++) {
		if (strcmp(r->sequence.states[i].name, a->state) == 0)
			r->entered[i]++;
	}
	if (r->config.trace != NULL)
		r->config.trace(r->config.context, r->world.now - WORLD_BEGIN,
				machine_event_name(a->event), a->state, a->text);
}

/* Behind the end nothing may come. */
static void rehearsal_over(struct rehearsal *r)
{
	struct machine_action a;

	machine_tick(r->world.m, r->world.now);
	machine_next(r->world.m, &a);
	if (a.what != MACHINE_NONE)
		oracle_complain(&r->oracle, ORACLE_BEHIND_END,
				"something came behind the end");
}

/* Takes all that the machine wants now. */
static void rehearsal_take(struct rehearsal *r)
{
	struct machine_action a;

	for (;;) {
		machine_next(r->world.m, &a);
		if (a.what == MACHINE_NONE)
			return;
		oracle_action(&r->oracle, &a);
		if (a.what == MACHINE_END) {
			rehearsal_end(r, &a);
			rehearsal_over(r);
			return;
		}
		if (a.what == MACHINE_EVENT) {
			rehearsal_event(r, &a);
			continue;
		}
		if (a.what == MACHINE_POWER_ACT) {
			r->result->acts++;
			world_trace(&r->world, "act", driver_act_name(a.act));
		}
		if (a.what == MACHINE_SHELL)
			world_trace(&r->world, "shell", a.text);
		world_do(&r->world, &a);
		oracle_look(&r->oracle);
	}
}

static void rehearsal_count(struct rehearsal *r)
{
	const struct sequence *s = &r->sequence;
	size_t i, k;

	for (k = 0; k < s->always.count; k++)
		r->fired[0][k] += machine_fired(r->world.m, -1, k);
	for (i = 0; i < s->state_count; i++) {
		for (k = 0; k < s->states[i].rules.count; k++)
			r->fired[i + 1][k] +=
				machine_fired(r->world.m, (int)i, k);
	}
	for (i = 0; i < r->config.twin->state_count; i++)
		r->twin_entered[i] += twin_visited(r->world.t, (int)i);
	for (i = 0; i < FAULT_COUNT; i++)
		r->struck[i] += r->world.f.struck[i];
	r->ended[r->result->verdict]++;
}

static void rehearsal_live(struct rehearsal *r)
{
	struct world *w = &r->world;
	int64_t due;
	int steps = 0;

	while (!w->over) {
		due = world_deadline(w);
		if (due >= DEADLINE_NEVER ||
		    due > deadline_add(w->machine_config.deadline, 1000)) {
			oracle_complain(&r->oracle, ORACLE_STANDS_STILL,
					"it stands still in state \"%s\"",
					machine_state_name(w->m));
			return;
		}
		if (++steps > REHEARSAL_STEPS_MAX) {
			oracle_complain(&r->oracle, ORACLE_CIRCLE,
					"it goes round in a circle in state \"%s\"",
					machine_state_name(w->m));
			return;
		}
		world_step(w);
		oracle_look(&r->oracle);
		rehearsal_take(r);
	}
}

void rehearsal_run(struct rehearsal *r, uint64_t seed,
		   struct rehearsal_result *ret)
{
	struct world *w = &r->world;

	memset(ret, 0, sizeof(*ret));
	ret->seed = seed;
	r->result = ret;
	w->machine_config = r->config.machine;
	w->machine_config.sequence = &r->sequence;
	w->machine_config.deadline = deadline_add(WORLD_BEGIN,
						  r->sequence.deadline_ms);
	w->answered = rehearsal_answered;
	w->executed = rehearsal_executed;
	twin_reset(w->t, seed, WORLD_BEGIN);
	w->m = machine_new(&w->machine_config);
	world_begin(w, seed);
	memcpy(ret->faults, w->f.list, sizeof(ret->faults));
	oracle_begin(&r->oracle, w, &r->sequence, ret->complaint,
		     sizeof(ret->complaint));
	machine_begin(w->m, w->now);
	rehearsal_take(r);
	rehearsal_live(r);
	rehearsal_count(r);
	ret->rule = r->oracle.rule;
	machine_free(w->m);
	w->m = NULL;
}

uint64_t rehearsal_entered(const struct rehearsal *r, int state)
{
	return r->entered[state];
}

uint64_t rehearsal_fired(const struct rehearsal *r, int state, size_t rule)
{
	return r->fired[state + 1][rule];
}

uint64_t rehearsal_ended(const struct rehearsal *r, enum verdict verdict)
{
	return r->ended[verdict];
}

uint64_t rehearsal_struck(const struct rehearsal *r, enum fault fault)
{
	return r->struck[fault];
}

uint64_t rehearsal_twin_entered(const struct rehearsal *r, int state)
{
	return r->twin_entered[state];
}
