/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands maintain PLAN: a maintenance, wave by wave, inside its window. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/plan/runner.h"
#include "agent/plan/window.h"
#include "agent/verbs/caller.h"
#include "agent/verbs/maintain.h"
#include "agent/verbs/verb-guard.h"
#include "base/deadline.h"
#include "base/memory.h"

#define MAINTAIN_PATIENCE_MS 600000	/* for others of a group to be healthy */
#define MAINTAIN_ASK_MS 2000
#define MAINTAIN_TURN_MS 50

struct maintain_options {
	bool dry_run;
	bool resume;
	bool fresh;
	bool wait;
	bool announce;
	bool report;
	bool html;
};

/* ---- one host, in a child ------------------------------------------------------------- */

/* The sequence of a turn, on its way to the run. */
struct maintain_step {
	struct sequence *sequence;
};

static struct sequence *maintain_give(const struct caller *c,
				      const struct host *host)
{
	const struct maintain_step *step = c->context;

	(void)host;
	return step->sequence;
}

static void maintain_see_force(void *context, const struct action *a)
{
	bool *force = context;

	*force = *force || action_is_force(a);
}

/* One host of a wave at a time asks the guard, until its run is there to be counted. */
static int maintain_take_turn(const struct maintain *m, int64_t until)
{
	char *path = memory_format("%s/guard-turn.lock", m->call->records);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	free(path);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 &&
	       deadline_now() < until)
		usleep(MAINTAIN_TURN_MS * 1000);
	return fd;
}

static bool maintain_may_begin(struct guard *g, const struct host *host,
			       struct rh_error *err)
{
	struct guard_pass pass = { .fd = -1 };
	bool may;

	guard_prepare(g, &host, 1);
	rh_error_clear(err);
	may = guard_enter(g, host, false, &pass, err) == 0 ||
	      err->code != RH_ERR_REFUSED;
	guard_leave(&pass);
	guard_release(g);
	g->asked_at = 0;	/* the next time anew */
	return may;
}

/*
 * A host of a wave waits where the guard would have too few healthy ones left: those
 * before it come back. What it may do in the end, its run asks. Returns its turn, to
 * be closed when the run has begun; -1: there is no guard.
 */
static int maintain_wait_healthy(struct maintain *m, const struct host *host,
				 int64_t until)
{
	struct rh_error err = RH_ERROR_INIT;
	struct guard guard;
	bool told = false;
	int turn;

	if (!verb_guard(m->call, GUARD_HEALTH, &guard))
		return -1;
	turn = maintain_take_turn(m, until);
	while (!maintain_may_begin(&guard, host, &err) &&
	       deadline_now() < until) {
		if (!told)
			verb_fail(m->call, 0, "%s waits, not %s", host->name,
				  err.text);
		told = true;
		usleep(MAINTAIN_ASK_MS * 1000);
	}
	return turn;
}

/* How long that may take, so that the run itself still fits. */
static int64_t maintain_patience(const struct runner_turn *turn,
				 const struct sequence *s)
{
	int64_t spare = turn->limit_ms - s->deadline_ms;

	if (turn->limit_ms == 0 || spare > MAINTAIN_PATIENCE_MS)
		return MAINTAIN_PATIENCE_MS;
	return spare > 0 ? spare : 0;
}

static int maintain_one(void *context, const struct runner_turn *turn)
{
	struct maintain *m = context;
	struct maintain_step step = { .sequence = NULL };
	struct caller c = { .call = m->call, .request = turn->request,
			    .reason = c.why, .word = "maintain",
			    .sequence = maintain_give, .context = &step,
			    .ask = GUARD_HEALTH, .turn_fd = -1 };
	bool force = false;

	m->call->json = true;
	if (turn->step == MAINTENANCE_LOOK && turn->boot_id[0] != '\0')
		c.boot_id = turn->boot_id;
	step.sequence = maintain_sequence(m->call, m->plan, turn->host,
					  turn->step, c.boot_id != NULL);
	if (step.sequence == NULL)
		return 2;
	sequence_each_action(step.sequence, maintain_see_force, &force);
	if (force)
		c.turn_fd = maintain_wait_healthy(m, turn->host, deadline_in(
			maintain_patience(turn, step.sequence)));
	if (turn->limit_ms > 0 && turn->limit_ms < step.sequence->deadline_ms)
		c.deadline_ms = turn->limit_ms;
	snprintf(c.why, sizeof(c.why), "maintenance %s", turn->id);
	return caller_part(&c, turn->host);
}

/* ---- the window ------------------------------------------------------------------------- */

static void maintain_sleep(int64_t until_ms)
{
	int64_t left;

	/* In pieces: the wall clock may be set. SIGINT ends it, nothing was begun. */
	while ((left = until_ms - deadline_wall_ms()) > 0)
		usleep(left > 1000 ? 1000000 : (useconds_t)(left * 1000));
}

static int maintain_window(struct maintain *m, const struct maintain_options *o)
{
	int64_t now = deadline_wall_ms();
	const struct plan *p = m->plan;
	char at[80], left[32];

	if (now >= p->end_ms)
		return verb_fail(m->call, 2, "the window of %s ended at %s; give it "
				 "a new begin in %s", p->name,
				 window_text(p->end_ms, p->zone, at, sizeof(at)),
				 p->file);
	if (now >= p->begin_ms)
		return 0;
	window_text(p->begin_ms, p->zone, at, sizeof(at));
	deadline_format(p->begin_ms - now, left, sizeof(left));
	if (!o->wait)
		return verb_fail(m->call, 2, "the window of %s opens at %s, in %s; "
				 "--wait waits for it", p->name, at, left);
	verb_fail(m->call, 0, "waiting for %s, in %s", at, left);
	maintain_sleep(p->begin_ms);
	return 0;
}

/* ---- the verb ----------------------------------------------------------------------------- */

static int maintain_which(struct maintain *m, const struct maintain_options *o,
			  char **ret_id)
{
	char *id = journal_unfinished(m->call->records, m->plan->name);

	if (o->resume && id == NULL)
		return verb_fail(m->call, 2, "there is no unfinished maintenance "
				 "of %s", m->plan->name);
	if (id != NULL && !o->resume && !o->fresh) {
		verb_fail(m->call, 2, "the maintenance %s has no end: --resume goes "
			  "on with it, --new leaves it and begins anew", id);
		free(id);
		return 2;
	}
	if (o->fresh) {
		free(id);
		id = NULL;
	}
	*ret_id = id;
	return 0;
}

/* What was done is done, also where nobody can be told. */
static int maintain_end(struct maintain *m, const struct runner_result *result)
{
	if (result->over && m->plan->to != NULL)
		maintain_send_report(m, result->id);
	return verb_finish(m->call, result->exit_status);
}

static int maintain_live(struct maintain *m, const struct maintain_options *o)
{
	const struct maintenance_config config = maintain_config(m);
	const struct runner_options options = {
		.config = &config, .records = m->call->records,
		.json = m->call->json, .one = maintain_one,
		.context = m,
	};
	struct runner_result result = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	char *id = NULL;
	int status = maintain_which(m, o, &id);

	/* What was begun is brought to its end, also behind the window. */
	if (status == 0 && id == NULL)
		status = maintain_window(m, o);
	if (status == 0 && runner_run(&options, id, &result, &err) < 0)
		status = verb_fail(m->call, run_error_status(err.code), "%s",
				   err.text);
	else if (status == 0)
		status = maintain_end(m, &result);
	free(id);
	return status;
}

static int maintain_run(struct verb_call *call)
{
	struct maintain m = { .call = call };
	struct maintain_options o = { false };
	const struct verb_option own[] = { { "dry-run", NULL, &o.dry_run },
					   { "resume", NULL, &o.resume },
					   { "new", NULL, &o.fresh },
					   { "wait", NULL, &o.wait },
					   { "announce", NULL, &o.announce },
					   { "report", NULL, &o.report },
					   { "html", NULL, &o.html },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (o.resume && o.fresh)
		return verb_fail(call, 2, "--resume or --new, not both");
	if (call->json && (o.announce || o.report))
		return verb_fail(call, 2, "--json goes with neither --announce nor "
				 "--report");
	call->dry = o.dry_run;
	status = maintain_load(&m, call->argv[0]);
	if (status == 0)
		status = o.announce  ? maintain_announce(&m, o.dry_run)
			 : o.report  ? maintain_report(&m, o.html)
			 : o.dry_run ? maintain_dry_run(&m)
				     : maintain_live(&m, &o);
	maintain_release(&m);
	return status;
}

const struct verb verb_maintain = {
	.name = "maintain",
	.usage = "PLAN",
	.summary = "carry out a maintenance, wave by wave",
	.help = "  --dry-run       show the waves and their times only\n"
		"  --wait          wait for the window, where it is not open yet\n"
		"  --resume        go on with the one that has no end\n"
		"  --new           leave that one, and begin anew\n"
		"  --announce      send the notice that is due; --dry-run prints it\n"
		"  --report        print what was done; --html: as a page\n",
	.json = "maintain",
	.run = maintain_run,
};
