/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rehearsals: machine and twin put together, and the oracle that knows the truth.
 * The verb comes in with a config and then with seed after seed.
 *
 * The oracle looks at what the machine asks for, never at why. Always true: the
 * first complaint stands; a rehearsal ends by itself, since a machine that
 * stands still or never ends is a complaint too.
 */
#include "agent/twin/rehearsal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/world.h"
#include "base/deadline.h"
#include "base/memory.h"

#define REHEARSAL_STEPS_MAX 400000
#define REHEARSAL_HEALTHY_MS 5000	/* a proof may be that old */

struct oracle {
	bool unread;		/* an act was sent, its outcome not read */
	int once;		/* cycle, reset, diag in this step */
	int64_t healthy_at;	/* last seen so; -1 never */
	bool healthy_first;	/* at the beginning */
};

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
	buffer_release(&r->world.shell.out);
	buffer_release(&r->world.shell.errors);
	free(r);
}

/* ---- the oracle ------------------------------------------------------------------ */

static void complain(struct rehearsal *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct rehearsal *r, const char *fmt, ...)
{
	va_list ap;

	if (r->result->complaint[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(r->result->complaint, sizeof(r->result->complaint), fmt, ap);
	va_end(ap);
	world_trace(&r->world, "oracle", r->result->complaint);
}

static bool act_is_once(enum driver_act act)
{
	return act == DRIVER_ACT_CYCLE || act == DRIVER_ACT_RESET ||
	       act == DRIVER_ACT_DIAG;
}

static void oracle_act(struct rehearsal *r, const struct machine_action *a)
{
	struct oracle *o = &r->oracle;

	r->result->acts++;
	if (o->unread)
		complain(r, "power %s was sent before the outcome of the act "
			 "before was read", driver_act_name(a->act));
	if (act_is_once(a->act) && o->once++ > 0)
		complain(r, "power %s was sent twice in one step",
			 driver_act_name(a->act));
	if (o->healthy_first && r->world.machine_config.check_healthy &&
	    r->sequence.healthy.count > 0 && r->world.f.list[0] == FAULT_NONE)
		complain(r, "power %s was sent to a host that was healthy",
			 driver_act_name(a->act));
	o->unread = true;
}

/* An answer is about to be given: what it says counts as read. */
static void oracle_answered(struct world *w, const struct world_answer *n)
{
	struct rehearsal *r = (struct rehearsal *)
		((char *)w - offsetof(struct rehearsal, world));
	struct oracle *o = &r->oracle;

	if (n->what == MACHINE_POWER_QUERY &&
	    n->outcome.err.code == RH_ERR_NONE)
		o->unread = false;
	if (n->what != MACHINE_POWER_ACT)
		return;
	switch (n->outcome.err.code) {
	case RH_ERR_NOTSUP:
	case RH_ERR_BUSY:
	case RH_ERR_AUTH:
	case RH_ERR_UNREACHABLE:
	case RH_ERR_STATE:
	case RH_ERR_REFUSED:
		/* It was not done, and said so. */
		o->unread = false;
		o->once -= o->once > 0;
		break;
	default:
		break;
	}
}

static void oracle_secret(struct rehearsal *r)
{
	const struct world_faults *f = &r->world.f;

	/* Where the line lags, loses or repeats, nobody can know better. */
	if (f->on[FAULT_L13] || f->on[FAULT_L17] || f->on[FAULT_C03] ||
	    f->on[FAULT_C14] || f->on[FAULT_B01] || f->on[FAULT_B03] ||
	    f->on[FAULT_P17] || f->on[FAULT_P19] || f->on[FAULT_P01] ||
	    f->on[FAULT_P09])
		return;
	if (!twin_wants_secret(r->world.t))
		complain(r, "a secret was typed in state \"%s\" of the twin, "
			 "where nobody asks for one",
			 twin_state_name(r->world.t));
}

static void oracle_event(struct rehearsal *r, const struct machine_action *a)
{
	switch (a->event) {
	case MACHINE_EVENT_STATE:
	case MACHINE_EVENT_POWER:
	case MACHINE_EVENT_FAILED:
	case MACHINE_EVENT_RUNG:
		r->oracle.once = 0;
		break;
	default:
		break;
	}
	/* The live run redacts what a console echoes; the machine must not add. */
	if (a->event != MACHINE_EVENT_SAW && a->text != NULL &&
	    strstr(a->text, REHEARSAL_SECRET) != NULL)
		complain(r, "a secret is in an event");
}

static void oracle_end(struct rehearsal *r, const struct machine_action *a)
{
	const struct world *w = &r->world;

	if (w->now > r->world.machine_config.deadline)
		complain(r, "it ended %lld ms after the deadline",
			 (long long)(w->now - w->machine_config.deadline));
	if (a->verdict != VERDICT_RECOVERED)
		return;
	if (r->oracle.healthy_at < 0 ||
	    w->now - r->oracle.healthy_at > REHEARSAL_HEALTHY_MS)
		complain(r, "recovered, but the host is not healthy (state "
			 "\"%s\" of the twin)", twin_state_name(w->t));
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
	oracle_end(r, a);
}

static void rehearsal_event(struct rehearsal *r, const struct machine_action *a)
{
	size_t i;

	oracle_event(r, a);
	for (i = 0; a->event == MACHINE_EVENT_STATE &&
		    i < r->sequence.state_count; i++) {
		if (strcmp(r->sequence.states[i].name, a->state) == 0)
			r->entered[i]++;
	}
	if (r->config.trace != NULL)
		r->config.trace(r->config.context, r->world.now - WORLD_BEGIN,
				machine_event_name(a->event), a->state, a->text);
}

/* Takes all that the machine wants now. */
static void rehearsal_take(struct rehearsal *r)
{
	struct machine_action a;

	for (;;) {
		machine_next(r->world.m, &a);
		switch (a.what) {
		case MACHINE_NONE:
			return;
		case MACHINE_END:
			rehearsal_end(r, &a);
			return;
		case MACHINE_EVENT:
			rehearsal_event(r, &a);
			break;
		case MACHINE_POWER_ACT:
			oracle_act(r, &a);
			world_trace(&r->world, "act", driver_act_name(a.act));
			world_do(&r->world, &a);
			break;
		case MACHINE_SECRET:
			oracle_secret(r);
			world_do(&r->world, &a);
			break;
		default:
			world_do(&r->world, &a);
			break;
		}
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
			complain(r, "it stands still in state \"%s\"",
				 machine_state_name(w->m));
			return;
		}
		if (++steps > REHEARSAL_STEPS_MAX) {
			complain(r, "it goes round in a circle in state \"%s\"",
				 machine_state_name(w->m));
			return;
		}
		if (world_healthy(w))
			r->oracle.healthy_at = w->now;
		world_step(w);
		if (world_healthy(w))
			r->oracle.healthy_at = w->now;
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
	memset(&r->oracle, 0, sizeof(r->oracle));
	w->machine_config = r->config.machine;
	w->machine_config.sequence = &r->sequence;
	w->machine_config.deadline = deadline_add(WORLD_BEGIN,
						  r->sequence.deadline_ms);
	w->answered = oracle_answered;
	twin_reset(w->t, seed, WORLD_BEGIN);
	w->m = machine_new(&w->machine_config);
	world_begin(w, seed);
	memcpy(ret->faults, w->f.list, sizeof(ret->faults));
	r->oracle.healthy_at = world_healthy(w) ? w->now : -1;
	r->oracle.healthy_first = world_healthy(w);
	machine_begin(w->m, w->now);
	rehearsal_take(r);
	rehearsal_live(r);
	rehearsal_count(r);
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
