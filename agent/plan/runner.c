/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A maintenance, live. The verb comes in by runner_run. One loop: take what the core
 * wants next, write it to the journal, do it; while nothing is due, wait for the
 * children and for signals.
 *
 * Always true: nothing is begun whose event is not on the disk. Where the journal
 * can't be written, nothing more is begun; what is under way is waited for.
 */
#include "agent/plan/runner.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/plan/runner-private.h"
#include "agent/plan/window.h"
#include "agent/run/run.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/program.h"

#define RUNNER_GATE_EVERY_MS 2000
#define RUNNER_OUTPUT_MAX 4096
#define RUNNER_BACK_MS 2000
#define RUNNER_ORPHANS_MS (INT64_C(24) * 3600 * 1000)

void runner_break(struct runner *r, const char *why)
{
	char *text;

	if (r->broken)
		return;
	r->broken = true;
	text = memory_format("nothing more is begun: %s; make room, then --resume "
			     "goes on", why);
	runner_say_text(r, text);
	free(text);
}

bool runner_event(struct runner *r, const struct maintenance_event *e)
{
	struct rh_error err = RH_ERROR_INIT;
	json_t *line = NULL;

	if (r->broken)
		return false;
	if (journal_write(&r->journal, r->plan, e, &line, &err) < 0) {
		runner_break(r, err.text);
		return false;
	}
	if (!maintenance_apply(&r->core, e)) {
		r->broken = true;
		runner_say_text(r, "nothing more is begun: an event that can't "
				"happen; this is a bug");
	} else {
		runner_say(r, e, line);
	}
	json_decref(line);
	return !r->broken;
}

/* ---- signals and waiting ----------------------------------------------------------------- */

void runner_signals(struct runner *r)
{
	struct signalfd_siginfo info;

	while (read(r->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (r->stopped++ == 0)
			runner_say_text(r, "interrupted: the runs under way are "
					"ended; --resume goes on");
		/* At a terminal they got the SIGINT themselves. */
		if (info.ssi_signo != SIGINT || info.ssi_pid > 0)
			runner_signal_children(r, SIGTERM);
	}
	runner_reap(r);
}

void runner_wait(struct runner *r, int64_t until)
{
	size_t count = r->plan->host_count, i;
	struct pollfd *fds = memory_new(1 + count, sizeof(*fds));

	fds[0] = (struct pollfd){ .fd = r->signal_fd, .events = POLLIN };
	for (i = 0; i < count; i++)
		fds[1 + i] = (struct pollfd){ .fd = r->children[i].pid > 0
							    ? r->children[i].out
							    : -1,
					      .events = POLLIN };
	if (poll(fds, 1 + count, deadline_poll_ms(until)) > 0) {
		for (i = 0; i < count; i++) {
			if (fds[1 + i].revents != 0)
				runner_read(r, i);
		}
		if (fds[0].revents != 0)
			runner_signals(r);
	}
	free(fds);
}

static bool runner_open_signals(struct runner *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &r->before);
	r->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a limit of files is a full disk */
	return r->signal_fd >= 0;
}

/* ---- programs -------------------------------------------------------------------------------- */

static bool runner_program(struct runner *r, char **args, char *text,
			   size_t text_len)
{
	const struct program program = { .args = (const char *const *)args,
					 .limit = RUNNER_OUTPUT_MAX };
	struct program_result result = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	bool ok = program_check(args[0], &err) == 0 &&
		  program_run(&program, deadline_in(r->plan->hook_ms), &result,
			      &err) == 0;

	if (ok && result.exit_status != 0) {
		program_fail_end(&program, &result, &err);
		ok = false;
	}
	if (ok)
		program_last_line(&result.out, text, text_len);
	else
		snprintf(text, text_len, "%s", err.text);
	program_result_release(&result);
	return ok;
}

static void runner_hook(struct runner *r, char **args, enum maintenance_what end)
{
	char text[400] = "";
	struct maintenance_event e = { .what = end, .text = text, .run = "" };

	e.ok = runner_program(r, args, text, sizeof(text));
	e.at_ms = deadline_wall_ms();
	runner_event(r, &e);
}

static void runner_gate(struct runner *r, size_t wave)
{
	int64_t until = deadline_in(r->plan->gate_ms), again;
	char text[400] = "";
	struct maintenance_event e = { .what = MAINTENANCE_GATE_END,
				       .wave = wave, .text = text, .run = "" };

	while (!(e.ok = runner_program(r, r->plan->gate, text, sizeof(text))) &&
	       deadline_now() < until && r->stopped == 0) {
		again = deadline_in(RUNNER_GATE_EVERY_MS);
		while (deadline_now() < again && r->stopped == 0)
			runner_wait(r, again);
	}
	if (r->stopped > 0 && !e.ok)
		return;		/* asked anew when it is resumed */
	e.at_ms = deadline_wall_ms();
	runner_event(r, &e);
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static void runner_do(struct runner *r, const struct maintenance_event *e)
{
	switch (e->what) {
	case MAINTENANCE_HOST:
		runner_begin_host(r, e->host, e->step);
		break;
	case MAINTENANCE_BEFORE:
		runner_hook(r, r->plan->before, MAINTENANCE_BEFORE_END);
		break;
	case MAINTENANCE_AFTER:
		runner_hook(r, r->plan->after, MAINTENANCE_AFTER_END);
		break;
	case MAINTENANCE_GATE:
		runner_gate(r, e->wave);
		break;
	case MAINTENANCE_ASK:
		runner_ask(r, e->text);
		break;
	default:
		break;
	}
}

static void runner_loop(struct runner *r)
{
	struct maintenance_event e;
	char request[64];
	bool due;

	for (;;) {
		runner_signals(r);
		due = !r->broken && r->stopped == 0 &&
		      maintenance_next(&r->core, deadline_wall_ms(), &e);
		if (due) {
			runner_new_request(request, sizeof(request));
			e.request = request;
			if (runner_event(r, &e))
				runner_do(r, &e);
		} else if (r->living > 0) {
			runner_wait(r, DEADLINE_NEVER);
		} else {
			break;
		}
	}
}

static void runner_waits(void *context)
{
	runner_say_text(context, "waiting for runs that the killed runner began");
}

/* What a person has to know who has it resumed. */
static char *runner_resume_text(const struct runner *r, int64_t now)
{
	int64_t back = maintenance_time(&r->core, now) - now - r->core.back_ms;
	struct buffer b = { 0 };
	char text[80];
	size_t i, count = 0;

	buffer_printf(&b, "its journal ends at %s", window_text(
			      r->core.last_ms - r->core.back_ms, r->plan->zone,
			      text, sizeof(text)));
	for (i = 0; i < r->plan->host_count; i++) {
		if (r->core.hosts[i].state == MAINTENANCE_UNDER_WAY)
			buffer_printf(&b, "%s%s", count++ == 0
				      ? "; under way then: " : " ",
				      r->plan->waves.hosts[i]->name);
	}
	if (back >= RUNNER_BACK_MS)
		buffer_printf(&b, "; this machine's clock was put back since then, "
			      "by %s or more: the window is counted on from "
			      "there", deadline_format(back, text, sizeof(text)));
	return buffer_take(&b);
}

static int runner_resume(struct runner *r, const char *id, struct rh_error *err)
{
	int64_t now = deadline_wall_ms();
	char *text = runner_resume_text(r, now);
	const struct maintenance_event e = { .what = MAINTENANCE_RESUME,
					     .at_ms = now, .text = text,
					     .run = "" };
	bool written = runner_event(r, &e);

	free(text);
	if (!written)
		return rh_error_set(err, RH_ERR_IO, "the journal of %s can't be "
				    "written; nothing was done", id);
	return runner_settle(r, err);
}

static int runner_open(struct runner *r, const char *id, struct rh_error *err)
{

	if (journal_open(&r->journal, r->o->records, id, r->plan,
			 RUNNER_ORPHANS_MS, runner_waits, r, err) < 0)
		return -1;
	if (id == NULL)
		return 0;
	if (journal_replay(r->o->records, id, &r->core, NULL, NULL, err) < 0)
		return -1;
	/* Killed before its first event: nothing is in doubt. */
	if (r->core.phase == MAINTENANCE_NEW)
		return 0;
	runner_forget_question(r);
	return runner_resume(r, id, err);
}

static void runner_result(const struct runner *r, struct runner_result *ret)
{
	snprintf(ret->id, sizeof(ret->id), "%s", r->journal.id);
	ret->over = r->core.phase == MAINTENANCE_OVER;
	if (ret->over)
		ret->exit_status = run_exit_status(r->core.verdict, RH_ERR_NONE);
	else
		ret->exit_status = r->stopped > 0 ? 130 : 4;
}

int runner_run(const struct runner_options *options, const char *id,
	       struct runner_result *ret, struct rh_error *err)
{
	struct runner r = { .o = options, .plan = options->config->plan };
	int rc = 0;

	r.children = memory_new(r.plan->host_count, sizeof(*r.children));
	maintenance_init(&r.core, options->config);
	if (!runner_open_signals(&r))
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "signals");
	if (rc == 0)
		rc = runner_open(&r, id, err);
	if (rc == 0) {
		runner_loop(&r);
		runner_result(&r, ret);
	}
	if (r.signal_fd >= 0)
		close(r.signal_fd);
	sigprocmask(SIG_SETMASK, &r.before, NULL);
	journal_release(&r.journal);
	maintenance_release(&r.core);
	free(r.children);
	return rc;
}
