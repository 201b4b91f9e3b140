/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands maintain --dry-run: waves, times at worst, and whether they fit. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/config/hostlist.h"
#include "agent/plan/window.h"
#include "agent/verbs/maintain.h"
#include "base/deadline.h"
#include "base/memory.h"

static char *show_fold(const struct host *const *hosts, size_t count)
{
	const char **names = memory_new(count + 1, sizeof(*names));
	char *folded;
	size_t i;

	for (i = 0; i < count; i++)
		names[i] = hosts[i]->name;
	folded = hostlist_fold(names, count);
	free(names);
	return folded;
}

static void show_head(const struct plan *p)
{
	char begin[80], end[80], length[32], gmt_begin[80], gmt_end[80];

	printf("%s: ", p->name);
	verb_put(p->summary != NULL ? p->summary : "a maintenance");
	printf("\n%s, %zu host%s, %d at once; where one fails: %s\n",
	       p->kind == PLAN_RUN ? p->sequence : plan_kind_name(p->kind),
	       p->host_count, p->host_count == 1 ? "" : "s", p->parallel,
	       plan_failure_name(p->failure));
	printf("from %s to %s, %s\n",
	       window_text(p->begin_ms, p->zone, begin, sizeof(begin)),
	       window_text(p->end_ms, p->zone, end, sizeof(end)),
	       deadline_format(p->end_ms - p->begin_ms, length, sizeof(length)));
	printf("  (%s to %s)\n",
	       window_text(p->begin_ms, "UTC", gmt_begin, sizeof(gmt_begin)),
	       window_text(p->end_ms, "UTC", gmt_end, sizeof(gmt_end)));
}

/* When each wave begins, at worst. */
static void show_wave(const struct plan *p, size_t wave, int64_t at_ms,
		      int64_t worst_ms)
{
	char clock[32], worst[32], *folded;
	const struct host *const *hosts;
	size_t count;

	hosts = waves_hosts(&p->waves, wave, &count);
	folded = show_fold(hosts, count);
	printf("%3zu  by %s  up to %-8s  %s\n", wave + 1,
	       window_format(at_ms, p->zone, WINDOW_HOUR, clock, sizeof(clock)),
	       deadline_format(worst_ms, worst, sizeof(worst)), folded);
	free(folded);
}

static void show_json(const struct plan *p, size_t wave, int64_t at_ms,
		      int64_t worst_ms)
{
	const struct host *const *hosts;
	json_t *names = json_array();
	size_t count, i;

	hosts = waves_hosts(&p->waves, wave, &count);
	for (i = 0; i < count; i++)
		json_array_append_new(names, json_string(hosts[i]->name));
	verb_print_json(json_pack("{ss si so sI sI sb}", "plan", p->name, "wave",
				  (int)wave + 1, "hosts", names, "begins_by_ms",
				  (json_int_t)at_ms, "worst_ms",
				  (json_int_t)worst_ms, "fits",
				  at_ms + worst_ms <= p->end_ms));
}

int maintain_dry_run(struct maintain *m)
{
	const struct maintenance_config config = maintain_config(m);
	const struct plan *p = m->plan;
	struct maintenance core;
	char at[80], over[32];
	int64_t at_ms = p->begin_ms + (p->before != NULL ? p->hook_ms : 0), worst;
	size_t wave;

	maintenance_init(&core, &config);
	if (!m->call->json)
		show_head(p);
	for (wave = 0; wave < p->waves.count; wave++) {
		worst = maintenance_wave_worst(&core, wave);
		if (p->gate != NULL && wave + 1 < p->waves.count)
			worst += p->gate_ms;
		if (m->call->json)
			show_json(p, wave, at_ms, worst);
		else
			show_wave(p, wave, at_ms, worst);
		at_ms += worst;
	}
	at_ms += p->after != NULL ? p->hook_ms : 0;
	maintenance_release(&core);
	if (m->call->json)
		return verb_finish(m->call, at_ms <= p->end_ms ? 0 : 1);
	window_text(at_ms, p->zone, at, sizeof(at));
	if (at_ms <= p->end_ms) {
		printf("it ends by %s, inside the window, also at worst\n", at);
		return verb_finish(m->call, 0);
	}
	printf("at worst it would end at %s, %s behind the window: a wave that "
	       "may not end in it is not begun\n", at,
	       deadline_format(at_ms - p->end_ms, over, sizeof(over)));
	return verb_finish(m->call, 1);
}
