/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a run begins: what the machine is told of the host, the lock, the guard's
 * leave, the record. run.c comes in by begin_*, in that order.
 *
 * Always true: the lock is held before the record is made; the record says that
 * force is possible before the guard's lock is given back, so that the next one
 * counts this run; nothing is done to the host before the lock names the record.
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

static void begin_see_force(void *context, const struct action *a)
{
	bool *force = context;

	*force = *force || action_is_force(a);
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
	};

	sequence_each_action(o->sequence, begin_see_force, &info.may_force);
	r->record = record_new(&info, err);
	if (r->record == NULL)
		return -1;
	timeline_head(&r->timeline, r->host->name, info.sequence, info.summary);
	begin_tell_earlier(r);
	return lock_set_run(&r->lock, o->verb, record_id(r->record), err);
}

int begin_record(struct run *r, struct rh_error *err)
{
	const struct run_options *o = r->o;

	if (lock_take(&r->lock, o->records, r->host->name, o->verb, err) < 0)
		return -1;
	if (begin_open_record(r, err) == 0 &&
	    (o->begun == NULL ||
	     o->begun(o->begun_context, record_id(r->record), err) == 0))
		return 0;
	record_discard(r->record);
	r->record = NULL;
	return -1;
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
