/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands rehearse --plan PLAN: a whole maintenance against twins, in virtual time.
 * The core of `rhands maintain` says what is next; each step of a host is a
 * rehearsal of its sequence, and its end comes as late as that took. Then once more
 * for each host, which does not come back. rehearse.c comes in by rehearse_plan.
 *
 * A recovery begins with the twin in the state behind power on, since a restart
 * was sent. Hooks and the gate are good, and take a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/twin-vars.h"
#include "agent/verbs/rehearse-plan.h"
#include "base/deadline.h"
#include "base/memory.h"

#define PLAN_PROGRAM_MS 1000
#define PLAN_NOBODY SIZE_MAX

/* ---- making the steps --------------------------------------------------------------------- */

static void plan_trace(void *context, int64_t at_ms, const char *event,
		       const char *state, const char *text)
{
	struct plan_step *step = context;

	(void)at_ms;
	(void)state;
	(void)text;
	step->touched |= strcmp(event, "rung") == 0 ||
			 strcmp(event, "power") == 0;
	step->restarted |= strcmp(event, "restart") == 0 ||
			   strcmp(event, "power") == 0;
}

static bool plan_is_twin(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->twin_count; i++) {
		if (strcmp(config->twin_names[i], name) == 0)
			return true;
	}
	return false;
}

/* The host's own, one of its name, or that of the sequence. */
static const char *plan_twin_name(const struct verb_call *call,
				  const struct host *host,
				  const struct sequence *s)
{
	const struct ini *ini;
	size_t i;

	for (i = 0; i < host->way_count; i++) {
		if (host->ways[i].twin != NULL)
			return host->ways[i].twin;
	}
	if (plan_is_twin(call->config, host->name))
		return host->name;
	ini = config_sequence(call->config, host->recover != NULL ? host->recover
								  : s->name);
	return ini != NULL ? rehearse_twin_name(ini, host->recover != NULL
						? host->recover : s->name)
			   : s->name;
}

static struct twin_model *plan_twin(struct verb_call *call,
				    const struct host *host, const char *name)
{
	struct rh_error err = RH_ERROR_INIT;
	struct problems problems = { 0 };
	struct twin_model *twin = NULL;
	struct ini *ini = NULL;

	if (config_read_twin(call->config, name, &problems, &ini, &err) < 0) {
		verb_fail(call, 2, "%s has no twin: %s", host->name, err.text);
	} else {
		const struct sequence_vars of_host = { verb_var, host, NULL };
		const struct twin_vars vars = { &of_host, ini };
		const struct sequence_vars all = { twin_vars_get, &vars, NULL };

		twin = twin_model_parse(ini, name, &all, &problems);
		verb_print_problems(&problems, NULL);
	}
	problems_release(&problems);
	ini_free(ini);
	return twin;
}

static int plan_make_step(struct plan_play *p, size_t i,
			  enum maintenance_step which, struct plan_step *step)
{
	const struct host *host = p->m.plan->waves.hosts[i];
	struct verb_call *call = p->r->call;

	step->sequence = maintain_sequence(call, p->m.plan, host, which,
					   false);
	if (step->sequence == NULL)
		return 2;
	step->twin = plan_twin(call, host,
			       plan_twin_name(call, host, step->sequence));
	if (step->twin == NULL)
		return 2;
	if (which == MAINTENANCE_RECOVER)
		step->twin->start = step->twin->on;
	step->config = (struct rehearsal_config){
		.sequence = step->sequence, .twin = step->twin,
		.faults = &p->r->faults, .start = -1, .trace = plan_trace,
		.context = step,
	};
	rehearse_machine(&step->config.machine, step->sequence, host);
	step->rehearsal = rehearsal_new(&step->config);
	return 0;
}

static void plan_release_step(struct plan_step *step)
{
	rehearsal_free(step->rehearsal);
	twin_model_free(step->twin);
	sequence_free(step->sequence);
}

/* ---- one maintenance ------------------------------------------------------------------------ */

/* It does not come back: all its time goes by, and a person is wanted. */
static void plan_lose(struct plan_play *p, struct plan_host *h,
		      const struct plan_step *step)
{
	h->end.verdict = VERDICT_NEEDS_HANDS;
	h->end.touched = true;
	h->end.restarted = false;
	h->end.at_ms = p->now_ms + step->sequence->deadline_ms;
	snprintf(h->reason, sizeof(h->reason), "it does not come back");
}

/* Whose rehearsal the oracle complains of stands before it. */
static void plan_hear(struct plan_play *p, const struct maintenance_event *e,
		      uint64_t seed, const struct rehearsal_result *result)
{
	struct rehearsal_result heard = *result;

	if (p->fails != PLAN_NOBODY)
		return;
	heard.seed = seed;
	if (result->complaint[0] != '\0')
		snprintf(heard.complaint, sizeof(heard.complaint),
			 "%s, %s: %.200s",
			 p->m.plan->waves.hosts[e->host]->name,
			 e->step == MAINTENANCE_RECOVER
				 ? p->hosts[e->host].recover.sequence->name
				 : p->hosts[e->host].first.sequence->name,
			 result->complaint);
	report_add(&p->report, &heard);
}

static void plan_begin_step(struct plan_play *p, const struct maintenance_event *e,
			    uint64_t seed)
{
	struct plan_host *h = &p->hosts[e->host];
	struct plan_step *step = e->step == MAINTENANCE_RECOVER ? &h->recover
								: &h->first;
	struct rehearsal_result result;

	step->touched = step->restarted = false;
	rehearsal_run(step->rehearsal, seed * 1000 + e->host, &result);
	plan_hear(p, e, seed, &result);
	snprintf(h->reason, sizeof(h->reason), "%s", result.reason);
	h->end = (struct maintenance_event){
		.what = MAINTENANCE_HOST_END, .host = e->host, .step = e->step,
		.verdict = result.verdict, .run = "", .text = h->reason,
		.touched = step->touched || result.acts > 0,
		.restarted = step->restarted,
		.at_ms = p->now_ms + result.ms,
	};
	if (e->host == p->fails)
		plan_lose(p, h, step);
	h->pending = true;
}

static void plan_program_end(struct maintenance *core, struct plan_play *p,
			     enum maintenance_what what)
{
	const struct maintenance_event e = { .what = what, .at_ms = p->now_ms,
					     .ok = true, .text = "",
					     .run = "", .wave = core->wave };

	p->now_ms += PLAN_PROGRAM_MS;
	maintenance_apply(core, &e);
}

static void plan_do(struct maintenance *core, struct plan_play *p,
		    const struct maintenance_event *e, uint64_t seed)
{
	maintenance_apply(core, e);
	if (e->what == MAINTENANCE_HOST)
		plan_begin_step(p, e, seed);
	else if (e->what == MAINTENANCE_BEFORE)
		plan_program_end(core, p, MAINTENANCE_BEFORE_END);
	else if (e->what == MAINTENANCE_GATE)
		plan_program_end(core, p, MAINTENANCE_GATE_END);
	else if (e->what == MAINTENANCE_AFTER)
		plan_program_end(core, p, MAINTENANCE_AFTER_END);
	else if (e->what == MAINTENANCE_ASK)	/* a person says: go on */
		plan_program_end(core, p, MAINTENANCE_ANSWER);
}

/* The end that comes first; false: nothing is under way. */
static bool plan_next_end(struct maintenance *core, struct plan_play *p)
{
	size_t i, first = PLAN_NOBODY;

	for (i = 0; i < p->m.plan->host_count; i++) {
		if (p->hosts[i].pending &&
		    (first == PLAN_NOBODY ||
		     p->hosts[i].end.at_ms < p->hosts[first].end.at_ms))
			first = i;
	}
	if (first == PLAN_NOBODY)
		return false;
	p->hosts[first].pending = false;
	p->now_ms = p->hosts[first].end.at_ms;
	maintenance_apply(core, &p->hosts[first].end);
	return true;
}

static void plan_play_once(struct plan_play *p, struct maintenance *core,
			   uint64_t seed)
{
	const struct maintenance_config config = maintain_config(&p->m);
	struct maintenance_event e;

	maintenance_init(core, &config);
	p->now_ms = p->m.plan->begin_ms;
	do {
		while (maintenance_next(core, p->now_ms, &e))
			plan_do(core, p, &e, seed);
	} while (plan_next_end(core, p));
}

/* ---- what came of it ------------------------------------------------------------------------- */

static void plan_count(struct plan_play *p, const struct maintenance *core,
		       uint64_t seed)
{
	int64_t took = core->ended_ms - p->m.plan->begin_ms, ms;
	struct plan_host *h;
	size_t i;

	p->good += core->verdict == VERDICT_RECOVERED;
	p->sum_ms += took;
	if (took >= p->longest_ms) {
		p->longest_ms = took;
		p->longest_seed = seed;
	}
	for (i = 0; i < p->m.plan->host_count; i++) {
		h = &p->hosts[i];
		ms = core->hosts[i].ended_ms - core->hosts[i].began_ms;
		h->back += core->hosts[i].state == MAINTENANCE_BACK;
		h->hands += core->hosts[i].hands;
		h->sum_ms += ms;
		if (ms > h->longest_ms)
			h->longest_ms = ms;
		if (core->hosts[i].state == MAINTENANCE_FAILED)
			snprintf(h->worst_reason, sizeof(h->worst_reason), "%s",
				 core->hosts[i].text);
	}
}

/* ---- the verb ------------------------------------------------------------------------------------ */

static int plan_make(struct plan_play *p)
{
	size_t i;
	int status = 0;

	p->hosts = memory_new(p->m.plan->host_count, sizeof(*p->hosts));
	for (i = 0; i < p->m.plan->host_count && status == 0; i++) {
		status = plan_make_step(p, i, MAINTENANCE_FIRST,
					&p->hosts[i].first);
		if (status == 0 && p->m.recovers[i])
			status = plan_make_step(p, i, MAINTENANCE_RECOVER,
						&p->hosts[i].recover);
	}
	return status;
}

/* What if this one does not come back? */
static void plan_lose_one(struct plan_play *p)
{
	struct plan_loss *loss = &p->losses[p->fails];
	struct buffer skipped = { 0 };
	struct maintenance core;
	size_t i;

	loss->left = memory_new(p->m.plan->host_count, sizeof(*loss->left));
	plan_play_once(p, &core, p->r->from);
	for (i = 0; i < p->m.plan->host_count; i++) {
		loss->left[i] = core.hosts[i].state == MAINTENANCE_SKIPPED;
		if (loss->left[i])
			buffer_printf(&skipped, "%s%s",
				      loss->skipped_count++ > 0 ? " " : "",
				      p->m.plan->waves.hosts[i]->name);
	}
	loss->ms = core.ended_ms - p->m.plan->begin_ms;
	loss->skipped = buffer_take(&skipped);
	maintenance_release(&core);
}

static int plan_play(struct plan_play *p)
{
	int64_t window = p->m.plan->end_ms - p->m.plan->begin_ms;
	struct maintenance core;
	uint64_t n;

	for (n = 0; n < p->r->count; n++) {
		plan_play_once(p, &core, p->r->from + n);
		plan_count(p, &core, p->r->from + n);
		maintenance_release(&core);
	}
	p->losses = memory_new(p->m.plan->host_count, sizeof(*p->losses));
	for (p->fails = 0; p->fails < p->m.plan->host_count; p->fails++)
		plan_lose_one(p);
	report_sort(&p->report);
	plan_print(p);
	return verb_finish(p->r->call, p->good > 0 && p->longest_ms <= window &&
					       p->report.bad == 0 ? 0 : 1);
}

static void plan_release(struct plan_play *p)
{
	size_t i;

	for (i = 0; p->hosts != NULL && i < p->m.plan->host_count; i++) {
		plan_release_step(&p->hosts[i].first);
		plan_release_step(&p->hosts[i].recover);
	}
	for (i = 0; p->losses != NULL && i < p->m.plan->host_count; i++) {
		free(p->losses[i].skipped);
		free(p->losses[i].left);
	}
	free(p->losses);
	free(p->hosts);
	maintain_release(&p->m);
}

int rehearse_plan(struct rehearse *r)
{
	struct plan_play p = { .r = r, .m = { .call = r->call },
			       .fails = PLAN_NOBODY };
	int status = maintain_load(&p.m, r->plan_name);

	if (status == 0)
		status = plan_make(&p);
	if (status == 0)
		status = plan_play(&p);
	plan_release(&p);
	return status;
}
