/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands replay RUN: plays the recording of a console on this terminal, through
 * the same filter as `console`, or as the screen that the host drew.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console/cast.h"
#include "agent/run/history.h"
#include "agent/verbs/console-terminal.h"
#include "base/deadline.h"
#include "base/memory.h"

/* SIGINT, SIGTERM: the terminal gets its colours back, then we end. */
static volatile sig_atomic_t replay_signal;

static void replay_on_signal(int number)
{
	replay_signal = number;
}

struct replay {
	double speed;
	int64_t idle_ms;	/* a longer silence is cut to this; 0: not */
	bool raw;
	struct filter filter;
	bool screen;
	struct console_terminal terminal;	/* of the screen */
	bool printed;		/* by the console, anything at all */
	int64_t last_ms;
};

/* ---- the screen --------------------------------------------------------------- */

/* q and Ctrl-C leave. */
static void replay_keys(struct replay *p, bool *ended)
{
	char bytes[64];
	ssize_t i, n = read(STDIN_FILENO, bytes, sizeof(bytes));

	*ended = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
	for (i = 0; i < n; i++) {
		if (bytes[i] == 'q' || bytes[i] == '\003')
			p->terminal.ended = true;
	}
}

static void replay_wait_screen(struct replay *p, int64_t until)
{
	struct console_terminal *t = &p->terminal;
	struct pollfd fds[2] = { { .fd = t->signal_fd, .events = POLLIN },
				 { .fd = STDIN_FILENO, .events = POLLIN } };
	bool ended = false;

	do {
		console_terminal_tick(t);
		poll(fds, 2, deadline_poll_ms(deadline_min(
				     until, console_terminal_deadline(t))));
		if (fds[0].revents != 0)
			console_terminal_signals(t);
		if (fds[1].revents != 0)
			replay_keys(p, &ended);
		if (ended)
			fds[1].fd = -1;
	} while (!t->ended && deadline_now() < until);
}

static void replay_begin_screen(struct replay *p, const char *path, int rows,
				int cols)
{
	const char *name = strrchr(path, '/');

	p->terminal.help = "replay; q leaves";
	console_terminal_open(&p->terminal, name != NULL ? name + 1 : path, rows,
			      cols);
	console_terminal_toggle(&p->terminal);
}

/* ---- the recording ------------------------------------------------------------- */

static bool replay_is_over(const struct replay *p)
{
	return replay_signal != 0 || p->terminal.ended || ferror(stdout);
}

static void replay_wait(struct replay *p, int64_t ms)
{
	int64_t until;

	if (p->idle_ms > 0 && ms > p->idle_ms)
		ms = p->idle_ms;
	until = deadline_in((int64_t)((double)ms / p->speed));
	if (p->screen) {
		replay_wait_screen(p, until);
		return;
	}
	fflush(stdout);
	while (deadline_now() < until && replay_signal == 0 && !ferror(stdout))
		poll(NULL, 0, deadline_poll_ms(until));
}

static void replay_event(struct replay *p, const struct cast_event *event)
{
	struct buffer out = { 0 };

	if (event->type != CAST_OUTPUT)
		return;
	p->printed = true;
	if (event->at_ms > p->last_ms)
		replay_wait(p, event->at_ms - p->last_ms);
	p->last_ms = event->at_ms;
	if (replay_is_over(p))
		return;
	if (p->screen) {
		console_terminal_feed(&p->terminal, event->text, event->len);
		return;
	}
	if (p->raw)
		buffer_append(&out, event->text, event->len);
	else
		filter_feed(&p->filter, event->text, event->len, &out);
	fwrite(buffer_text(&out), 1, out.len, stdout);
	buffer_release(&out);
}

static int replay_lines(struct verb_call *call, struct replay *p,
			const char *path, FILE *f)
{
	struct rh_error err = RH_ERROR_INIT;
	struct cast_event event;
	char *line = NULL;
	size_t size = 0;
	long number = 1, damaged = 0;
	int columns, rows, status = 0;

	if (getline(&line, &size, f) < 0 ||
	    cast_read_header(line, &columns, &rows, &err) < 0)
		status = verb_fail(call, 1, "no recording: %s",
				   err.code != RH_ERR_NONE ? err.text
							   : "it is empty");
	else if (p->screen)
		replay_begin_screen(p, path, rows, columns);
	while (status == 0 && !replay_is_over(p) &&
	       getline(&line, &size, f) >= 0) {
		number++;
		if (cast_read_event(line, &event, &err) < 0) {
			damaged = number;	/* the last one of a killed run */
			continue;
		}
		replay_event(p, &event);
		free(event.text);
	}
	free(line);
	if (p->screen && status == 0)
		console_terminal_close(&p->terminal);
	if (status == 0 && !p->printed && !replay_is_over(p))
		verb_fail(call, 0, "nothing was printed on the console in this "
			  "run; `rhands show` tells what it did");
	if (damaged > 0)
		verb_fail(call, 0, "line %ld of the recording is damaged and was "
			  "left out", damaged);
	return status;
}

static int replay_file(struct verb_call *call, struct replay *p,
		       const char *path)
{
	const struct sigaction action = { .sa_handler = replay_on_signal };
	char *file = memory_format("%s/console.cast", path);
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int status;

	if (f == NULL) {
		status = verb_fail(call, 1, "%s: %s", file, strerror(errno));
	} else {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		filter_init(&p->filter);
		status = replay_lines(call, p, path, f);
		if (!p->raw && !p->screen && isatty(STDOUT_FILENO))
			fputs(filter_reset_text, stdout);
		fclose(f);
	}
	free(file);
	return status;
}

static int replay_options(struct verb_call *call, struct replay *p,
			  const char *speed, const char *idle)
{
	char *end = NULL;

	p->speed = 1;
	if (speed != NULL)
		p->speed = strtod(speed, &end);
	if (end != NULL && (*end != '\0' || !(p->speed > 0) || p->speed > 1e6))
		return verb_fail(call, 2, "--speed %s: expected a number above 0, "
				 "such as 2 or 0.5", speed);
	if (idle != NULL && deadline_parse_ms(idle, &p->idle_ms) < 0)
		return verb_fail(call, 2, "--idle %s: expected a time such as 2s",
				 idle);
	if (p->raw && p->screen)
		return verb_fail(call, 2, "--raw and --screen: only one of them");
	return p->screen ? console_terminal_check(call) : 0;
}

static int replay_run(struct verb_call *call)
{
	struct replay p = { .raw = false };
	const char *speed = NULL, *idle = NULL;
	const struct verb_option own[] = { { "speed", &speed, NULL },
					   { "idle", &idle, NULL },
					   { "screen", NULL, &p.screen },
					   { "raw", NULL, &p.raw },
					   { NULL, NULL, NULL } };
	char *path;
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = replay_options(call, &p, speed, idle);
	if (status == 0)
		status = verb_load(call);
	if (status != 0)
		return status;
	status = verb_find_run(call, call->argv[0], &path);
	if (status != 0)
		return status;
	status = replay_file(call, &p, path);
	free(path);
	status = verb_finish(call, status);
	return replay_signal != 0 || p.terminal.status != 0 ? 130 : status;
}

const struct verb verb_replay = {
	.name = "replay",
	.usage = "RUN",
	.summary = "play the recording of a console",
	.help = "  --speed N       N times as fast\n"
		"  --idle T        cut a longer silence to T\n"
		"  --screen        as the screen that the host drew; q leaves\n"
		"  --raw           pass everything through\n",
	.run = replay_run,
};
