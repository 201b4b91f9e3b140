/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a run begins: what the machine is told of the host, the lock, the record,
 * and before the first state the guard's leave. run.c comes in by begin_*.
 *
 * Always true: the lock is held before the record is made; nothing is done to the
 * host before the lock names the record; the record says that force is possible
 * before the guard's lock is given back, so that the next one counts this run.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/run/history.h"
#include "agent/run/run-private.h"
#include "base/deadline.h"

static void begin_collect_ways(struct run *r)
{
	const struct way *way;
	size_t n;

	for (n = 0; (way = host_way(r->host, WAY_POWER, n)) != NULL; n++)
		r->power_ways[r->power_count++] = way;
	if ((sequence_uses(r->o->sequence) & SEQUENCE_NEEDS_CONSOLE) != 0)
		console_init(r);
}

void begin_configure(struct run *r)
{
	const struct sequence *s = r->o->sequence;
	const struct settings *power;

	begin_collect_ways(r);
	shell_init(r);
	r->config.sequence = s;
	r->config.terminal = KEYS_VT100;
	r->config.enter = "\r";
	r->config.power_ways = r->power_count;
	r->config.min_off_ms = 5000;
	r->config.confirm_ms = 60000;
	r->config.evidence = s->evidence && r->host->evidence;
	r->config.check_healthy = true;
	r->config.must_see = r->o->must_see;
	r->config.person = question_terminal(r);
	r->config.deadline = deadline_add(
		r->epoch, r->o->deadline_ms > 0 ? r->o->deadline_ms
						: s->deadline_ms);
	if (r->power_count > 0) {
		power = r->power_ways[0]->settings;
		r->config.min_off_ms = settings_number(power, "min-off");
		r->config.confirm_ms = settings_number(power, "confirm");
		r->config.controller_cycle =
			strcmp(settings_text(power, "cycle-by"), "controller") == 0;
	}
	r->config.has_console = r->console.way != NULL;
	r->config.has_shell = host_way(r->host, WAY_SHELL, 0) != NULL;
	if (r->console.way != NULL)
		console_settings(r);
}

/*
 * A run on this host was killed: what may it have done? It is in the record
 * before the lock forgets that run.
 */
static void begin_tell_earlier(struct run *r)
{
	char text[600];

	if (r->lock.left_run[0] == '\0')
		return;
	history_settle(r->o->records, r->lock.left_run, record_id(r->record),
		       text, sizeof(text));
	run_event(r, "earlier-run", "", text,
		  json_pack("{so}", "earlier", record_string(r->lock.left_run)));
}

/* A record of this run, and the lock names it. */
static int begin_open_record(struct run *r, struct rh_error *err)
{
	const struct run_options *o = r->o;
	struct record_info info = {
		.records = o->records,
		.host = r->host->name,
		.sequence = o->sequence->name,
		.summary = o->sequence->summary,
		.deadline_ms = r->config.deadline - r->epoch,
		.why = o->why,
		.request_id = o->request_id,
		.override = o->override,
		.owner_group = r->host->owner_group,
		.rows = r->config.rows,
		.cols = r->config.cols,
	};

	r->record = record_new(&info, err);
	if (r->record == NULL)
		return -1;
	logbook_open(&r->logbook, o->logbook, r->host->name, info.sequence,
		     record_id(r->record), record_user(r->record));
	r->logbook.caller = record_caller(r->record);
	timeline_head(&r->timeline, r->host->name, info.sequence, info.summary);
	if (record_privacy(r->record)[0] != '\0')
		run_event(r, "record-private", "", record_privacy(r->record),
			  NULL);
	begin_tell_earlier(r);
	return lock_set_run(&r->lock, o->verb, record_id(r->record), err);
}

static void begin_see_force(void *context, const struct action *a)
{
	bool *force = context;

	*force = *force || action_is_force(a);
}

static bool begin_has_force(const struct run *r)
{
	bool force = false;

	sequence_each_action(r->o->sequence, begin_see_force, &force);
	return force;
}

/* From here on this run counts as one with force, until it ended without. */
static int begin_mark(struct run *r, struct rh_error *err)
{
	struct rh_error why = RH_ERROR_INIT;

	if (record_set(r->record, "force", "possible", &why) == 0 ||
	    r->o->guard == NULL)
		return 0;	/* no act goes out without a journal anyhow */
	if (err != NULL)
		*err = why;
	return -1;
}

/* Where hosts wait for each other, it counts before the next one asks. */
static int begin_mark_early(struct run *r, struct rh_error *err)
{
	if (r->o->guard == NULL || r->o->guard->ask != GUARD_HEALTH ||
	    !begin_has_force(r))
		return 0;
	return begin_mark(r, err);
}

int begin_record(struct run *r, struct rh_error *err)
{
	const struct run_options *o = r->o;

	if (lock_take(&r->lock, o->records, r->host->name, o->verb, err) < 0)
		return -1;
	if (begin_open_record(r, err) == 0 && begin_mark_early(r, err) == 0 &&
	    (o->begun == NULL ||
	     o->begun(o->begun_context, record_id(r->record), err) == 0))
		return 0;
	record_discard(r->record);
	r->record = NULL;
	return -1;
}

/* ---- the guard ---------------------------------------------------------------- */

static void begin_tell_override(struct run *r, const struct guard_pass *pass)
{
	json_t *fields = json_object();

	if (pass->rule[0] != '\0')
		json_object_set_new(fields, "rule", record_string(pass->rule));
	run_event(r, "override", "", r->o->override, fields);
}

static void begin_refuse(struct run *r, const struct guard_pass *pass,
			 const struct rh_error *err)
{
	snprintf(r->result->rule, sizeof(r->result->rule), "%s", pass->rule);
	r->result->allowed_at = pass->allowed_at;
	r->refused = true;	/* what the machine wanted before it heard of it */
	machine_abort(r->machine, deadline_now(), VERDICT_UNKNOWN, err->code,
		      err->text);
}

bool begin_force(struct run *r)
{
	struct guard_pass pass = { .fd = -1 };
	struct rh_error err = RH_ERROR_INIT;
	bool force;
	int rc = 0;

	if (r->admitted)
		return true;
	r->admitted = true;
	force = begin_has_force(r);
	if (force && r->o->guard != NULL)
		rc = guard_enter(r->o->guard, r->host, r->o->override != NULL,
				 &pass, &err);
	if (rc == 0 && force)
		rc = begin_mark(r, &err);
	guard_leave(&pass);
	if (rc < 0)
		begin_refuse(r, &pass, &err);
	else if (r->o->override != NULL)
		begin_tell_override(r, &pass);
	return rc == 0;
}

int begin_signals(struct rh_error *err)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);	/* question.c reads in the foreground */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "signalfd");
	return fd;
}
