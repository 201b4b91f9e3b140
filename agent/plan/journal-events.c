/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of a maintenance's journal. The runner comes in by journal_write; who
 * resumes or reports, by journal_replay.
 *
 * Always true: an event is on the disk, whole, before what it says is done; half
 * a line (a full disk, a killed runner) is cut off, never read as an event.
 */
#include "agent/plan/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/record.h"
#include "base/memory.h"

static json_t *journal_names(const struct plan *plan)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < plan->host_count; i++)
		json_array_append_new(list, json_string(plan->waves.hosts[i]->name));
	return list;
}

/* What must be the same when it is resumed. */
static char *journal_identity(const struct plan *plan)
{
	char *text = memory_format("%s %s", plan_kind_name(plan->kind),
				   plan->sequence != NULL ? plan->sequence : "");
	size_t i, wave;
	char *more;

	for (i = 0; i < plan->host_count; i++) {
		wave = plan_wave_of(plan, i) + 1;
		more = memory_format("%s %zu:%s", text, wave,
				     plan->waves.hosts[i]->name);
		free(text);
		text = more;
	}
	return text;
}

static void journal_add_host(json_t *o, const struct plan *plan,
			     const struct maintenance_event *e)
{
	json_object_set_new(o, "host",
			    json_string(plan->waves.hosts[e->host]->name));
	json_object_set_new(o, "step",
			    json_string(maintenance_step_name(e->step)));
	if (e->what == MAINTENANCE_HOST) {
		json_object_set_new(o, "request", record_string(
					    e->request != NULL ? e->request : ""));
		return;
	}
	if (e->boot_id != NULL && e->boot_id[0] != '\0')
		json_object_set_new(o, "boot_id", record_string(e->boot_id));
	if (e->step == MAINTENANCE_LOOK)
		json_object_set_new(o, "unchanged", json_boolean(e->unchanged));
	json_object_set_new(o, "touched", json_boolean(e->touched));
	json_object_set_new(o, "restarted", json_boolean(e->restarted));
	json_object_set_new(o, "run", record_string(e->run));
}

static void journal_add_question(json_t *o, const struct plan *plan,
				 const struct maintenance_event *e)
{
	char until[40];

	if (e->what == MAINTENANCE_ANSWER && e->who != NULL)
		json_object_set_new(o, "who", record_string(e->who));
	if (e->what != MAINTENANCE_ASK)
		return;
	record_time_text(plan->end_ms, until, sizeof(until));
	json_object_set_new(o, "choices", json_pack("[ss]", "yes", "no"));
	json_object_set_new(o, "until", json_string(until));
}

static json_t *journal_json(const struct plan *plan,
			    const struct maintenance_event *e)
{
	json_t *o = json_pack("{ss sI}", "event", maintenance_what_name(e->what),
			      "at_ms", (json_int_t)e->at_ms);
	char time[40], *identity;

	record_time_text(e->at_ms, time, sizeof(time));
	json_object_set_new(o, "time", json_string(time));
	if (e->what == MAINTENANCE_BEGIN) {
		identity = journal_identity(plan);
		json_object_set_new(o, "plan", json_string(plan->name));
		json_object_set_new(o, "hosts", journal_names(plan));
		json_object_set_new(o, "identity", json_string(identity));
		free(identity);
	}
	if (e->what == MAINTENANCE_WAVE || e->what == MAINTENANCE_GATE)
		json_object_set_new(o, "wave", json_integer((int)e->wave + 1));
	if (e->what == MAINTENANCE_HOST || e->what == MAINTENANCE_HOST_END ||
	    e->what == MAINTENANCE_HOST_LOST)
		journal_add_host(o, plan, e);
	if (e->what == MAINTENANCE_HOST_END || e->what == MAINTENANCE_END)
		json_object_set_new(o, "verdict",
				    json_string(verdict_name(e->verdict)));
	if (e->what == MAINTENANCE_BEFORE_END ||
	    e->what == MAINTENANCE_GATE_END ||
	    e->what == MAINTENANCE_AFTER_END || e->what == MAINTENANCE_ANSWER)
		json_object_set_new(o, "ok", json_boolean(e->ok));
	journal_add_question(o, plan, e);
	if (e->text[0] != '\0')
		json_object_set_new(o, "text", record_string(e->text));
	return o;
}

int journal_write(struct journal *j, const struct plan *plan,
		  const struct maintenance_event *e, json_t **ret,
		  struct rh_error *err)
{
	json_t *o = journal_json(plan, e);
	char *json = json_dumps(o, JSON_COMPACT);
	char *line = memory_format("%s\n", json);
	size_t len = strlen(line);
	ssize_t n = pwrite(j->fd, line, len, j->len);
	int rc = 0, why = n < 0 ? errno : ENOSPC;

	if (n == (ssize_t)len && fdatasync(j->fd) < 0) {
		why = errno;
		n = -1;
	}
	if (n == (ssize_t)len) {
		j->len += n;
	} else {
		rc = rh_error_set_errno(err, RH_ERR_IO, why,
					"%s/journal.jsonl", j->path);
		if (ftruncate(j->fd, j->len) < 0)
			errno = 0;	/* half a line is no event */
	}
	if (rc == 0 && ret != NULL)
		*ret = json_incref(o);
	free(json);
	free(line);
	json_decref(o);
	return rc;
}

static const char *journal_string(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

static bool journal_read_host(const struct plan *plan, const json_t *o,
			      struct maintenance_event *e)
{
	const char *name = journal_string(o, "host");
	const char *step = journal_string(o, "step");
	int k;

	if (name[0] == '\0')
		return true;
	for (e->host = 0; e->host < plan->host_count; e->host++) {
		if (strcmp(plan->waves.hosts[e->host]->name, name) == 0)
			break;
	}
	for (k = 0; k < MAINTENANCE_STEPS; k++) {
		e->step = (enum maintenance_step)k;
		if (strcmp(maintenance_step_name(e->step), step) == 0)
			break;
	}
	return e->host < plan->host_count && k < MAINTENANCE_STEPS;
}

/* False: it is no event of this plan. Texts are borrowed from o. */
static bool journal_read(const struct plan *plan, const json_t *o,
			 struct maintenance_event *e)
{
	char *identity;
	bool same = true;

	*e = (struct maintenance_event){
		.what = maintenance_what_from(journal_string(o, "event")),
		.at_ms = json_integer_value(json_object_get(o, "at_ms")),
		.verdict = verdict_from_name(journal_string(o, "verdict")),
		.restarted = json_is_true(json_object_get(o, "restarted")),
		.unchanged = json_is_true(json_object_get(o, "unchanged")),
		.touched = json_is_true(json_object_get(o, "touched")),
		.ok = json_is_true(json_object_get(o, "ok")),
		.text = journal_string(o, "text"),
		.run = journal_string(o, "run"),
		.request = journal_string(o, "request"),
		.boot_id = journal_string(o, "boot_id"),
	};
	if (json_object_get(o, "wave") != NULL)
		e->wave = (size_t)json_integer_value(
				  json_object_get(o, "wave")) - 1;
	if (e->what == MAINTENANCE_BEGIN) {
		identity = journal_identity(plan);
		same = strcmp(identity, journal_string(o, "identity")) == 0;
		free(identity);
	}
	return same && journal_read_host(plan, o, e);
}

static int journal_replay_file(FILE *f, const char *id, struct maintenance *m,
			       void (*each)(void *context,
					    const struct maintenance_event *e),
			       void *context, struct rh_error *err)
{
	struct maintenance_event e;
	char *line = NULL;
	size_t size = 0;
	int number = 0, rc = 0;
	json_t *o;

	while (rc == 0 && getline(&line, &size, f) >= 0) {
		if (strchr(line, '\n') == NULL)
			break;
		number++;
		o = json_loads(line, 0, NULL);
		if (o == NULL || !journal_read(m->config.plan, o, &e))
			rc = rh_error_set(err, RH_ERR_CONFIG, "%s, line %d: the "
					  "plan's hosts, waves or kind are not "
					  "what they were; put them back, or "
					  "begin a --new one", id, number);
		else if (!maintenance_apply(m, &e))
			rc = rh_error_set(err, RH_ERR_CONFIG, "%s, line %d: \"%s\" "
					  "can't happen here; this is no journal",
					  id, number,
					  maintenance_what_name(e.what));
		else if (each != NULL)
			each(context, &e);
		json_decref(o);
	}
	free(line);
	return rc;
}

int journal_replay(const char *records, const char *id, struct maintenance *m,
		   void (*each)(void *context, const struct maintenance_event *e),
		   void *context, struct rh_error *err)
{
	char *file = memory_format("%s/maintenances/%s/journal.jsonl", records,
				   id);
	FILE *f = fopen(file, "re");
	int rc;

	if (f == NULL)
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", file);
	else
		rc = journal_replay_file(f, id, m, each, context, err);
	if (f != NULL)
		fclose(f);
	free(file);
	return rc;
}
