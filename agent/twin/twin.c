/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A twin's life: chance, states and time. Whoever plays the world comes in by the
 * inputs of twin.h (twin-inputs.c) and by twin_tick; what the twin prints is
 * fetched with twin_output.
 *
 * A list of actions runs in one of two slots (twin-acts.c): the `do` of the state,
 * and the actions of one rule, for which the `do` stands still. What is typed while
 * a rule runs waits. Always true: everything happens at its own time, not at the
 * time of the tick that lets it happen, so ticks in between change nothing; and
 * the random numbers are drawn in that order.
 */
#include "agent/twin/twin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/twin-private.h"
#include "base/deadline.h"
#include "base/memory.h"

#define TWIN_STEPS_MAX 2000	/* at one instant; more go round in a circle */

/* ---- chance --------------------------------------------------------------------- */

static uint64_t twin_random(struct twin *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return t->random * UINT64_C(2685821657736338717);
}

int64_t twin_between(struct twin *t, int64_t from, int64_t to)
{
	uint64_t span = (uint64_t)(to - from) + 1;

	return from == to ? from
			  : from + (int64_t)((twin_random(t) >> 16) % span);
}

void twin_go(struct twin *t, const struct twin_target *target)
{
	int64_t drawn;
	size_t i;

	if (target->count == 0)
		return;
	drawn = target->count == 1 ? 0 : twin_between(t, 0, target->weight - 1);
	for (i = 0; i + 1 < target->count && drawn >= target->list[i].weight; i++)
		drawn -= target->list[i].weight;
	twin_enter(t, target->list[i].state);
}

/* ---- states ---------------------------------------------------------------------- */

static void twin_new_boot_id(struct twin *t)
{
	uint64_t a = twin_random(t), b = twin_random(t);

	t->boots++;
	snprintf(t->boot_id, sizeof(t->boot_id),
		 "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
		 (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
		 ((unsigned)(b >> 48) & 0x3fff) | 0x8000,
		 (unsigned long long)b & 0xffffffffffff);
}

/* `then`, or `then DEVICE` where that is to be booted. */
const struct twin_target *twin_then(const struct twin *t,
				    const struct twin_state *st)
{
	const struct twin_target *boot = &st->then_boot[t->device];

	return boot->count > 0 ? boot : &st->then;
}

void twin_enter(struct twin *t, int state)
{
	const struct twin_state *st = &t->model->states[state];

	t->state = state;
	t->entries++;
	t->entered = t->now;
	t->visited[state] = true;
	memset(t->counts, 0, t->most_rules * sizeof(*t->counts));
	t->rule.acts = NULL;
	t->act.acts = NULL;
	if (!st->power)
		buffer_clear(&t->typed);
	if (st->boots)
		twin_new_boot_id(t);
	if (st->act.count > 0 || twin_then(t, st)->count > 0)
		twin_slot_fill(&t->act, &st->act, &st->then, t->now);
}

void twin_reset(struct twin *t, uint64_t seed, int64_t now)
{
	/* Seeds that are neighbours must not begin alike. */
	t->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	t->random ^= t->random >> 29;
	if (t->random == 0)
		t->random = 1;
	t->now = now;
	t->on_at = DEADLINE_NEVER;
	t->sysrq_until = 0;
	t->lost = false;
	t->boots = 0;
	t->entries = 0;
	t->device = DRIVER_BOOT_NONE;
	t->steps = 0;
	buffer_clear(&t->typed);
	buffer_clear(&t->out);
	memset(t->visited, 0, t->model->state_count * sizeof(*t->visited));
	memset(t->always_counts, 0,
	       (t->model->always.count + 1) * sizeof(*t->always_counts));
	twin_new_boot_id(t);
	t->boots = 0;
	twin_enter(t, t->model->start);
}

struct twin *twin_new(const struct twin_model *model, uint64_t seed,
		      int64_t now)
{
	struct twin *t = memory_new(1, sizeof(*t));
	size_t i;

	t->model = model;
	for (i = 0; i < model->state_count; i++) {
		if (model->states[i].rules.count > t->most_rules)
			t->most_rules = model->states[i].rules.count;
	}
	t->counts = memory_new(t->most_rules + 1, sizeof(*t->counts));
	t->always_counts = memory_new(model->always.count + 1,
				      sizeof(*t->always_counts));
	t->visited = memory_new(model->state_count + 1, sizeof(*t->visited));
	twin_reset(t, seed, now);
	return t;
}

void twin_free(struct twin *t)
{
	if (t == NULL)
		return;
	buffer_release(&t->typed);
	buffer_release(&t->out);
	free(t->counts);
	free(t->always_counts);
	free(t->visited);
	free(t);
}

/* ---- time --------------------------------------------------------------------------- */

static struct twin_slot *twin_present_slot(struct twin *t)
{
	if (t->rule.acts != NULL)
		return &t->rule;
	return t->act.acts != NULL ? &t->act : NULL;
}

static int64_t twin_timeout(const struct twin *t)
{
	const struct twin_state *st = twin_state(t);

	return st->timeout_ms > 0 ? deadline_add(t->entered, st->timeout_ms)
				  : DEADLINE_NEVER;
}

int64_t twin_deadline(const struct twin *t)
{
	const struct twin_slot *s = twin_present_slot((struct twin *)t);
	int64_t due = deadline_min(t->on_at, twin_timeout(t));

	if (t->steps > TWIN_STEPS_MAX)
		return DEADLINE_NEVER;
	if (s != NULL)
		due = deadline_min(due, s->wake > t->now ? s->wake : t->now);
	return due;
}

static void twin_step(struct twin *t)
{
	struct twin_slot *s = twin_present_slot(t);

	if (t->on_at <= t->now) {
		t->on_at = DEADLINE_NEVER;
		twin_enter(t, t->model->on);
	} else if (s != NULL && s->wake <= t->now) {
		/* The `do` stood still while a rule ran. */
		twin_slot_step(t, s);
	} else {
		twin_go(t, &twin_state(t)->timeout);
	}
}

void twin_tick(struct twin *t, int64_t now)
{
	int64_t due;

	assert(now >= t->now);
	while ((due = twin_deadline(t)) <= now) {
		if (due > t->now)
			t->steps = 0;
		t->now = due > t->now ? due : t->now;
		t->steps++;
		twin_step(t);
	}
	if (now > t->now)
		t->steps = 0;
	t->now = now;
}

/* ---- what is seen -------------------------------------------------------------------------- */

const char *twin_output(const struct twin *t, size_t *ret_len)
{
	*ret_len = t->out.len;
	return buffer_text(&t->out);
}

void twin_take_output(struct twin *t)
{
	buffer_clear(&t->out);
}

bool twin_console(const struct twin *t)
{
	return !t->lost;
}

bool twin_is_on(const struct twin *t)
{
	return twin_state(t)->power;
}

const char *twin_boot_id(const struct twin *t)
{
	return twin_state(t)->ssh && twin_state(t)->power ? t->boot_id : NULL;
}

bool twin_port_is_open(const struct twin *t, int port)
{
	const struct twin_state *st = twin_state(t);
	int i;

	for (i = 0; i < st->port_count; i++) {
		if (st->ports[i] == port)
			return st->power;
	}
	return false;
}

int64_t twin_answers_ms(const struct twin *t)
{
	return twin_state(t)->answers_ms;
}

const char *twin_state_name(const struct twin *t)
{
	return twin_state(t)->name;
}

bool twin_is_healthy(const struct twin *t)
{
	return twin_state(t)->healthy;
}

bool twin_wants_secret(const struct twin *t)
{
	return twin_state(t)->secret && twin_state(t)->power;
}

int twin_boots(const struct twin *t)
{
	return t->boots;
}

bool twin_visited(const struct twin *t, int state)
{
	return t->visited[state];
}

unsigned twin_entries(const struct twin *t)
{
	return t->entries;
}
