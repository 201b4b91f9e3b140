/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands replay RUN: plays the recording of a console on this terminal, through
 * the same filter as `console`.
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
#include "agent/console/filter.h"
#include "agent/run/history.h"
#include "agent/verbs/verb.h"
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
	int64_t last_ms;
};

static void replay_wait(const struct replay *p, int64_t ms)
{
	int64_t until;

	if (p->idle_ms > 0 && ms > p->idle_ms)
		ms = p->idle_ms;
	until = deadline_in((int64_t)((double)ms / p->speed));
	fflush(stdout);
	while (deadline_now() < until && replay_signal == 0 && !ferror(stdout))
		poll(NULL, 0, deadline_poll_ms(until));
}

static void replay_event(struct replay *p, const struct cast_event *event)
{
	struct buffer out = { 0 };

	if (event->type != CAST_OUTPUT)
		return;
	if (event->at_ms > p->last_ms)
		replay_wait(p, event->at_ms - p->last_ms);
	p->last_ms = event->at_ms;
	if (p->raw)
		buffer_append(&out, event->text, event->len);
	else
		filter_feed(&p->filter, event->text, event->len, &out);
	fwrite(buffer_text(&out), 1, out.len, stdout);
	buffer_release(&out);
}

static int replay_lines(struct verb_call *call, struct replay *p, FILE *f)
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
	while (status == 0 && replay_signal == 0 && !ferror(stdout) &&
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
		status = replay_lines(call, p, f);
		if (!p->raw && isatty(STDOUT_FILENO))
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
	return 0;
}

static int replay_run(struct verb_call *call)
{
	struct replay p = { .raw = false };
	const char *speed = NULL, *idle = NULL;
	const struct verb_option own[] = { { "speed", &speed, NULL },
					   { "idle", &idle, NULL },
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
	return replay_signal != 0 ? 130 : status;
}

const struct verb verb_replay = {
	.name = "replay",
	.usage = "RUN",
	.summary = "play the recording of a console",
	.help = "  --speed N       N times as fast\n"
		"  --idle T        cut a longer silence to T\n"
		"  --raw           pass everything through\n",
	.run = replay_run,
};
