/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a maintenance does to one host: which sequence each step is, and how long
 * all of them may take. A host that names no `reboot` is restarted over its shell,
 * or gently where it has none, and has to be healthy behind that by the
 * checks of its recover sequence.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/verbs/maintain.h"
#include "base/deadline.h"
#include "base/memory.h"

/* What `healthy` of the sequence says; NULL: nothing. */
static const char *turn_healthy(const struct verb_call *call, const char *name)
{
	const struct ini *ini = config_sequence(call->config, name);
	size_t i, k;

	for (i = 0; ini != NULL && i < ini->count; i++) {
		if (strcmp(ini->sections[i].name, "sequence") != 0)
			continue;
		for (k = 0; k < ini->sections[i].count; k++) {
			if (strcmp(ini->sections[i].entries[k].key,
				   "healthy") == 0)
				return ini->sections[i].entries[k].value;
		}
	}
	return NULL;
}

/* A value of several lines, as it stands in a file. */
static void turn_put_value(struct buffer *b, const char *value)
{
	for (; *value != '\0'; value++) {
		buffer_append_char(b, *value);
		if (*value == '\n')
			buffer_append_text(b, "           ");
	}
	buffer_append_char(b, '\n');
}

static void turn_text(struct buffer *b, const struct plan *plan,
		      const struct host *host, const char *healthy, bool look,
		      bool changed)
{
	char back[32];

	buffer_printf(b, "[sequence]\nsummary = %s\ndeadline = 48h\nstart = %s\n",
		      look ? "Look whether it came back"
			   : "Restart it, and see that it is back",
		      !look ? "restart" : changed ? "changed" : "back");
	if (changed)
		buffer_printf(b, "[state changed]\ndo = check ssh within %llds\n"
			      "then = back\n",
			      (long long)(plan->back_ms + 999) / 1000);
	else if (!look && host_way(host, WAY_SHELL, 0) != NULL)
		buffer_printf(b, "[state restart]\ndo = restart shell %llds\n"
			      "then = back\n",
			      (long long)(plan->back_ms + 999) / 1000);
	else if (!look)
		buffer_append_text(b, "[state restart]\ndo = restart gently\n"
				   "then = back\n");
	buffer_append_text(b, "[state back]\ndo = ");
	turn_put_value(b, healthy);
	buffer_printf(b, "then = recovered\nelse = failed \"it was not healthy "
		      "within %s\"\n",
		      deadline_format(plan->back_ms, back, sizeof(back)));
}

/*
 * Its checks are tried again until the host had its time; it may take as long as
 * its longest path, and needs what it uses.
 */
static void turn_fit(struct sequence *s, const struct host *host,
		     int64_t back_ms)
{
	int64_t longest;
	struct state *back = &s->states[s->state_count - 1];
	size_t i;

	for (i = 0; i < back->act.count; i++) {
		if (action_is_check(&back->act.list[i]) &&
		    back->act.list[i].within_ms == 0)
			back->act.list[i].within_ms = back_ms;
	}
	s->needs = sequence_uses(s);
	if (verb_longest(host, s, &longest, NULL))
		s->deadline_ms = longest + 10000;
}

static struct sequence *turn_own(struct verb_call *call, const struct plan *plan,
				 const struct host *host, bool look,
				 bool changed)
{
	const char *healthy = turn_healthy(call, host->recover);
	const char *name = look ? "look" : "reboot";
	const struct sequence_vars vars = { verb_var, host, NULL };
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	struct sequence *s;
	struct ini *ini;

	if (healthy == NULL) {
		verb_fail(call, 2, "the sequence %s of %s has no \"healthy\": "
			  "nothing would tell that the host is back",
			  host->recover, host->name);
		return NULL;
	}
	turn_text(&text, plan, host, healthy, look, changed);
	ini = ini_read(name, buffer_text(&text), text.len, &problems);
	s = sequence_parse(ini, name, &vars, &problems);
	if (s != NULL) {
		turn_fit(s, host, plan->back_ms);
		verb_check_sequence(host, s, &problems);
	}
	if (problems.errors > 0) {
		verb_print_problems(&problems, NULL);
		verb_fail(call, 2, "%s can't be restarted so; name a sequence "
			  "with \"reboot = ...\" in %s", host->name, host->file);
		sequence_free(s);
		s = NULL;
	}
	problems_release(&problems);
	buffer_release(&text);
	ini_free(ini);
	return s;
}

/* One of the host's own restarts it whatever its health is. */
static struct sequence *turn_reboot(struct verb_call *call,
				    const struct host *host)
{
	struct sequence *s = verb_sequence(call, host, host->reboot);

	if (s == NULL || s->healthy.count == 0)
		return s;
	verb_fail(call, 2, "the sequence %s has \"healthy\": a host that is well "
		  "would not be restarted by it; take that out",
		  host->reboot);
	sequence_free(s);
	return NULL;
}

struct sequence *maintain_sequence(struct verb_call *call,
				   const struct plan *plan,
				   const struct host *host,
				   enum maintenance_step step, bool changed)
{
	if (plan->kind == PLAN_RUN)
		return verb_sequence(call, host, plan->sequence);
	if (step == MAINTENANCE_RECOVER ||
	    (step == MAINTENANCE_FIRST && plan->kind == PLAN_START))
		return verb_sequence(call, host, host->recover);
	if (step == MAINTENANCE_FIRST && host->reboot != NULL)
		return turn_reboot(call, host);
	return turn_own(call, plan, host, step == MAINTENANCE_LOOK, changed);
}

/* ---- loading ------------------------------------------------------------------------- */

static int turn_add_step(struct maintain *m, size_t i,
			 enum maintenance_step step)
{
	struct sequence *s = maintain_sequence(m->call, m->plan,
					       m->plan->waves.hosts[i], step,
					       false);

	if (s == NULL)
		return 2;
	m->worst_ms[i] += s->deadline_ms;
	sequence_free(s);
	return 0;
}

static int turn_measure(struct maintain *m, size_t i)
{
	const struct host *host = m->plan->waves.hosts[i];
	int status;

	if (host->broken) {
		verb_print_problems(&m->call->problems, NULL);
		return verb_fail(m->call, 2, "the configuration of %s has errors; "
				 "nothing was done", host->name);
	}
	if (m->plan->kind != PLAN_RUN && host->recover == NULL)
		return verb_fail(m->call, 2, "%s names no sequence; add \"recover = "
				 "SEQUENCE\" to [host] in %s", host->name,
				 host->file);
	m->recovers[i] = m->plan->kind == PLAN_REBOOT;
	m->looks[i] = m->recovers[i] ||
		      (m->plan->kind == PLAN_START &&
		       turn_healthy(m->call, host->recover) != NULL);
	status = turn_add_step(m, i, MAINTENANCE_FIRST);
	if (status == 0 && m->recovers[i])
		status = turn_add_step(m, i, MAINTENANCE_RECOVER);
	/* A run ends at its deadline plus a second, and is begun. */
	m->worst_ms[i] += m->recovers[i] ? 4000 : 2000;
	if (m->plan->each_ms > 0 && m->worst_ms[i] > m->plan->each_ms)
		m->worst_ms[i] = m->plan->each_ms;
	return status;
}

static int turn_read_plan(struct maintain *m, const char *name)
{
	struct rh_error err = RH_ERROR_INIT;
	struct problems problems = { 0 };
	const struct ini *ini = config_find_plan(m->call->config, name, &err);

	if (ini == NULL)
		return verb_fail(m->call, 2, "%s", err.text);
	if (problems_in_file(&m->call->problems, ini->file) > 0)
		verb_print_problems(&m->call->problems, ini->file);
	else
		m->plan = plan_parse(ini, name, m->call->config, &problems);
	problems_sort(&problems);
	ini_quote(ini, &problems);
	verb_print_problems(&problems, NULL);
	problems_release(&problems);
	return m->plan != NULL ? 0 : verb_fail(m->call, 2, "the plan %s has "
					       "errors; nothing was done", name);
}

int maintain_load(struct maintain *m, const char *name)
{
	int status = verb_load(m->call), one;
	size_t i;

	if (status == 0)
		status = turn_read_plan(m, name);
	if (status != 0)
		return status;
	m->worst_ms = memory_new(m->plan->host_count, sizeof(*m->worst_ms));
	m->recovers = memory_new(m->plan->host_count, sizeof(*m->recovers));
	m->looks = memory_new(m->plan->host_count, sizeof(*m->looks));
	for (i = 0; i < m->plan->host_count; i++) {
		one = turn_measure(m, i);
		if (one != 0)
			status = one;
	}
	return status;
}

void maintain_release(struct maintain *m)
{
	plan_free(m->plan);
	free(m->worst_ms);
	free(m->recovers);
	free(m->looks);
}

struct maintenance_config maintain_config(const struct maintain *m)
{
	return (struct maintenance_config){ .plan = m->plan,
					    .worst_ms = m->worst_ms,
					    .recovers = m->recovers,
					    .looks = m->looks };
}
