/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking on at a run. console.c comes in. What is shown is the recording that the
 * run writes, in which secrets are names only; so no second session is opened
 * on a console that has room for one, and what the run does is not disturbed.
 *
 * Always true: the recording is read in whole lines and only forward. What was in
 * it at first makes the screen; of that only the end goes by as lines.
 */
#include "agent/verbs/console-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console/cast.h"
#include "agent/console/tilde.h"
#include "agent/run/follow.h"
#include "agent/run/lock.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define WATCH_EVERY_MS 100
#define WATCH_RUN_MS 1000	/* the run itself is looked at so often */
#define WATCH_TAIL 4096		/* bytes of the past, as lines */
#define WATCH_HELD 65536
#define WATCH_KEYS "~. leaves, ~S changes between lines and screen"

struct watch {
	struct verb_call *call;
	const struct host *host;
	const char *path;		/* of the record */
	struct console_terminal terminal;
	struct tilde tilde;
	int fd;				/* its recording */
	struct buffer line;		/* the last one, not whole yet */
	struct buffer past;		/* output from before we came */
	bool there;			/* all of that was read */
	bool input_ended;
	bool told;			/* that nothing can be typed */
	bool leave;
	char asks[700];			/* the question that was shown */
	json_t *run;			/* once it is over */
};

/* ---- the recording ----------------------------------------------------------------- */

/* A screen needs all of it, and more than its end is of no use as lines. */
static void watch_past(struct watch *w, const char *bytes, size_t len)
{
	size_t old;

	buffer_append(&w->past, bytes, len);
	if (w->past.len <= WATCH_HELD)
		return;
	old = w->past.len - WATCH_TAIL;
	console_terminal_past(&w->terminal, w->past.data, old);
	buffer_drop(&w->past, old);
}

static void watch_now(struct watch *w)
{
	size_t old = w->past.len > WATCH_TAIL ? w->past.len - WATCH_TAIL : 0;
	const char *newline;

	w->there = true;
	if (old > 0) {
		newline = memchr(w->past.data + old, '\n', WATCH_TAIL);
		if (newline != NULL)
			old = (size_t)(newline + 1 - w->past.data);
		console_terminal_past(&w->terminal, w->past.data, old);
		buffer_drop(&w->past, old);
	}
	console_terminal_feed(&w->terminal, buffer_text(&w->past), w->past.len);
	buffer_release(&w->past);
}

/* What the run types, and where it is, is said where that disturbs no line. */
static void watch_event(struct watch *w, const struct cast_event *event)
{
	char text[300];

	if (event->type == CAST_OUTPUT && !w->there)
		watch_past(w, event->text, event->len);
	else if (event->type == CAST_OUTPUT)
		console_terminal_feed(&w->terminal, event->text, event->len);
	if (!w->there || !console_terminal_shows_screen(&w->terminal))
		return;
	if (event->type == CAST_INPUT)
		snprintf(text, sizeof(text), "typed: %.280s", event->text);
	else if (event->type == CAST_MARKER)
		snprintf(text, sizeof(text), "run: %.280s", event->text);
	else
		return;
	console_terminal_say(&w->terminal, text);
}

static void watch_line(struct watch *w, const char *line)
{
	struct rh_error err = RH_ERROR_INIT;
	struct cast_event event;

	if (cast_read_event(line, &event, &err) < 0)
		return;		/* the header, or a damaged line */
	watch_event(w, &event);
	free(event.text);
}

static void watch_read(struct watch *w)
{
	char bytes[65536], *newline;
	size_t done;
	ssize_t n;

	while (!w->terminal.ended &&
	       (n = read(w->fd, bytes, sizeof(bytes))) > 0) {
		buffer_append(&w->line, bytes, (size_t)n);
		for (done = 0; done < w->line.len; ) {
			newline = memchr(w->line.data + done, '\n',
					 w->line.len - done);
			if (newline == NULL)
				break;
			*newline = '\0';
			watch_line(w, w->line.data + done);
			done = (size_t)(newline + 1 - w->line.data);
		}
		buffer_drop(&w->line, done);
	}
	if (!w->there)
		watch_now(w);
}

/* The size in its first line, where that is there already. */
static void watch_header(struct watch *w, int *ret_rows, int *ret_cols)
{
	struct rh_error err = RH_ERROR_INIT;
	char line[1024], *newline;
	ssize_t n = pread(w->fd, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	newline = strchr(line, '\n');
	if (newline != NULL)
		*newline = '\0';
	if (cast_read_header(line, ret_cols, ret_rows, &err) < 0)
		*ret_rows = *ret_cols = 0;
}

/* ---- the run ----------------------------------------------------------------------- */

static void watch_look(struct watch *w)
{
	struct rh_error err = RH_ERROR_INIT;
	enum follow_state state;
	char asks[sizeof(w->asks)] = "";
	json_t *run;

	if (follow_run(w->call->records, w->path, 0, &state, &run, &err) < 0)
		return;
	if (state != FOLLOW_RUNNING) {
		watch_read(w);
		w->run = run;
		w->leave = true;
		return;
	}
	if (verb_asks(w->call, w->path, run, asks, sizeof(asks)) &&
	    strcmp(asks, w->asks) != 0)
		console_terminal_say(&w->terminal, asks);
	memcpy(w->asks, asks, sizeof(w->asks));
	json_decref(run);
}

/* ---- the person --------------------------------------------------------------------- */

static void watch_key(struct watch *w, char key)
{
	bool screen = console_terminal_shows_screen(&w->terminal);

	switch (tilde_take(&w->tilde, key, screen,
				  console_terminal_commands(&w->terminal))) {
	case TILDE_COMMAND:
		if (key == '.')
			w->leave = true;
		else if (!console_terminal_command(&w->terminal, key))
			console_terminal_say(&w->terminal, WATCH_KEYS);
		break;
	case TILDE_HOLD:
		break;
	default:
		if (key == '\003')
			w->leave = true;
		else if (!w->told)
			console_terminal_say(&w->terminal, "you only look on, the "
					     "run types; " WATCH_KEYS);
		w->told = true;
		/* Nothing is sent: each key begins anew. */
		tilde_init(&w->tilde);
	}
}

static void watch_input(struct watch *w)
{
	char bytes[256];
	ssize_t i, n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	w->input_ended = n <= 0;
	for (i = 0; i < n && !w->leave; i++)
		watch_key(w, bytes[i]);
}

static void watch_wait(struct watch *w)
{
	struct pollfd fds[2] = {
		{ .fd = w->terminal.signal_fd, .events = POLLIN },
		{ .fd = w->input_ended ? -1 : STDIN_FILENO, .events = POLLIN },
	};
	int64_t due = deadline_min(deadline_in(WATCH_EVERY_MS),
				   console_terminal_deadline(&w->terminal));

	poll(fds, 2, deadline_poll_ms(due));
	if (fds[0].revents != 0)
		console_terminal_signals(&w->terminal);
	if (fds[1].revents != 0)
		watch_input(w);
}

static void watch_loop(struct watch *w)
{
	int64_t look = 0;

	while (!w->leave && !w->terminal.ended) {
		watch_read(w);
		if (deadline_now() >= look) {
			watch_look(w);
			look = deadline_in(WATCH_RUN_MS);
		}
		console_terminal_tick(&w->terminal);
		if (!w->leave)
			watch_wait(w);
	}
}

static void watch_tell_end(const struct watch *w)
{
	const char *verdict = json_string_value(json_object_get(w->run,
								"verdict"));
	const char *reason = json_string_value(json_object_get(w->run, "reason"));
	struct buffer text = { 0 }, safe = { 0 };

	if (w->run == NULL) {
		fprintf(stderr, "[left; the run goes on]\n");
		return;
	}
	buffer_printf(&text, "%s%s%s", verdict != NULL ? verdict : "?",
		      reason != NULL && reason[0] != '\0' ? ": " : "",
		      reason != NULL ? reason : "");
	vis_append(&safe, buffer_text(&text), text.len);
	fprintf(stderr, "\n[the run has ended: %s]\n", buffer_text(&safe));
	buffer_release(&text);
	buffer_release(&safe);
}

static int watch_record(struct watch *w, bool screen)
{
	char *file = memory_format("%s/console.cast", w->path);
	int rows, cols;

	w->fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (w->fd < 0) {
		verb_fail(w->call, 0, "%s: %s", file, strerror(errno));
		free(file);
		return 1;
	}
	free(file);
	watch_header(w, &rows, &cols);
	tilde_init(&w->tilde);
	fprintf(stderr, "[looking on at the run on %s; ~. leaves, ~S shows its "
		"screen, ~? helps]\n", w->host->name);
	w->terminal.help = "looking on; ~. leaves, ~S lines";
	console_terminal_open(&w->terminal, w->host->name, rows, cols);
	if (screen)
		console_terminal_toggle(&w->terminal);
	watch_loop(w);
	console_terminal_close(&w->terminal);
	watch_tell_end(w);
	json_decref(w->run);
	buffer_release(&w->line);
	buffer_release(&w->past);
	close(w->fd);
	return w->terminal.status;
}

int console_watch(struct verb_call *call, const struct host *host, bool raw,
		  bool screen)
{
	struct watch w = { .call = call, .host = host, .terminal.raw = raw };
	struct lock_holder holder;
	char *path, text[500];
	int status;

	if (!lock_look(call->records, host->name, &holder))
		return verb_fail(call, 2, "no run works on %s now; its console is "
				 "opened without --watch", host->name);
	if (holder.run[0] == '\0' || strcmp(holder.run, "-") == 0) {
		lock_holder(call->records, host->name, text, sizeof(text));
		return verb_fail(call, 5, "%s is %s: nothing is recorded that could "
				 "be watched", host->name, text);
	}
	status = verb_find_run(call, holder.run, &path);
	if (status != 0)
		return status;
	w.path = path;
	status = watch_record(&w, screen);
	free(path);
	return status;
}
