/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many hosts at once. The verbs come in by fleet_run with what is to be done for
 * one host; each host is a process of its own whose lines are read here.
 *
 * Always true: at most `parallel` children live; a child that dies without a
 * verdict is unknown, never success; what a child wrote is shown whole, line by
 * line, and escaped.
 */
#include "agent/run/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run/run.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define FLEET_LINE_MAX 65536
#define FLEET_LAST_MS 500	/* for a slow reader, after a signal */

struct fleet {
	const struct fleet_options *o;
	struct fleet_view view;
	struct fleet_member *list;
	size_t count;
	size_t next;			/* the first that was not begun */
	int living;
	int signal_fd;
	sigset_t before;
	int stopped;			/* signals that asked for the end */
};

/* The worst first. */
static const int fleet_order[] = { 130, 4, 3, 1, 5, 6, 2, 0 };

static size_t fleet_rank(int status)
{
	size_t i;

	for (i = 0; i < sizeof(fleet_order) / sizeof(fleet_order[0]); i++) {
		if (fleet_order[i] == status)
			return i;
	}
	return 1;	/* something else went wrong: unknown */
}

int fleet_worse(int a, int b)
{
	return fleet_order[fleet_rank(fleet_rank(a) <= fleet_rank(b) ? a : b)];
}

/* ---- children -------------------------------------------------------------------- */

static void fleet_child(struct fleet *f, struct fleet_member *m, int out,
			int errors)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status;

	/* Nobody can be asked at a terminal that many share. */
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
		_exit(4);
	sigprocmask(SIG_SETMASK, &f->before, NULL);
	status = f->o->one(f->o->context, m->host);
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	_exit(status);
}

static bool fleet_pipe(int pair[2])
{
	if (pipe2(pair, O_CLOEXEC) < 0)
		return false;
	/* Ours must not block; the child's end stays as programs expect it. */
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	return true;
}

static void fleet_fail(struct fleet_member *m, const char *reason)
{
	m->pid = -1;
	m->status = 4;
	m->ended = deadline_now();
	snprintf(m->verdict, sizeof(m->verdict), "unknown");
	snprintf(m->reason, sizeof(m->reason), "%s", reason);
}

static void fleet_begin(struct fleet *f, struct fleet_member *m)
{
	int out[2] = { -1, -1 }, errors[2] = { -1, -1 };
	char text[160];

	m->began = deadline_now();
	if (fleet_pipe(out) && fleet_pipe(errors)) {
		fflush(stdout);
		m->pid = fork();
		if (m->pid == 0)
			fleet_child(f, m, out[1], errors[1]);
	} else {
		m->pid = -1;
	}
	if (m->pid < 0) {
		snprintf(text, sizeof(text), "it could not be begun: %s",
			 strerror(errno));
		fleet_fail(m, text);
		fleet_view_ended(&f->view, m);
		close(out[0]);
		close(errors[0]);
	} else {
		m->out = out[0];
		m->errors = errors[0];
		f->living++;
	}
	close(out[1]);
	close(errors[1]);
	f->view.dirty = true;
}

static void fleet_begin_more(struct fleet *f)
{
	while (f->next < f->count && f->living < f->o->parallel &&
	       f->stopped == 0)
		fleet_begin(f, &f->list[f->next++]);
}

/* ---- what they say ------------------------------------------------------------------ */

static void fleet_copy(char *to, size_t to_len, const json_t *object,
		       const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text != NULL)
		vis_text(text, to, to_len);
}

static void fleet_take_event(struct fleet *f, struct fleet_member *m,
			     const char *line)
{
	json_t *event = json_loads(line, 0, NULL);
	const char *name = json_string_value(json_object_get(event, "event"));

	fleet_copy(m->state, sizeof(m->state), event, "state");
	fleet_copy(m->record, sizeof(m->record), event, "run");
	if (name != NULL && strcmp(name, "begun") == 0) {
		snprintf(m->verdict, sizeof(m->verdict), "begun");
		snprintf(m->reason, sizeof(m->reason), "rhands wait %s",
			 m->record);
	} else if (name != NULL && strcmp(name, "verdict") == 0) {
		fleet_copy(m->verdict, sizeof(m->verdict), event, "verdict");
		fleet_copy(m->reason, sizeof(m->reason), event, "reason");
	} else if (name != NULL && strcmp(name, RUN_WAITS) == 0) {
		fleet_copy(m->waits, sizeof(m->waits), event, "text");
	} else {
		m->text[0] = '\0';
		if (name == NULL || strcmp(name, "state") != 0)
			fleet_copy(m->text, sizeof(m->text), event, "text");
	}
	json_decref(event);
	f->view.dirty = true;
}

static void fleet_take_line(struct fleet *f, struct fleet_member *m,
			    const char *line, bool error)
{
	char safe[1200];

	if (error) {
		fleet_view_says(&f->view, m, vis_text(line, safe, sizeof(safe)));
		return;
	}
	fleet_take_event(f, m, line);
	if (f->o->json)
		fleet_view_line(&f->view, line);
}

/* Whole lines of what a child wrote; at its end the rest too. */
static void fleet_take(struct fleet *f, struct fleet_member *m,
		       struct buffer *b, bool error, bool over)
{
	char *newline, *line;
	size_t len;

	while ((newline = b->len > 0 ? memchr(b->data, '\n', b->len) : NULL) !=
		       NULL || (over && b->len > 0) ||
	       b->len > FLEET_LINE_MAX) {
		len = newline != NULL ? (size_t)(newline - b->data) : b->len;
		line = memory_copy_len(b->data, len);
		fleet_take_line(f, m, line, error);
		free(line);
		buffer_drop(b, newline != NULL ? len + 1 : len);
	}
}

static void fleet_read(struct fleet *f, struct fleet_member *m, int *fd,
		       struct buffer *b, bool error)
{
	char bytes[16384];
	ssize_t n;

	while ((n = read(*fd, bytes, sizeof(bytes))) > 0) {
		buffer_append(b, bytes, (size_t)n);
		fleet_take(f, m, b, error, false);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	fleet_take(f, m, b, error, true);
	close(*fd);
	*fd = -1;
}

/* ---- their end ---------------------------------------------------------------------- */

static void fleet_ended(struct fleet *f, struct fleet_member *m, int how)
{
	char text[100];

	if (m->out >= 0)
		fleet_read(f, m, &m->out, &m->out_line, false);
	if (m->errors >= 0)
		fleet_read(f, m, &m->errors, &m->error_line, true);
	f->living--;
	m->pid = -1;
	m->ended = deadline_now();
	m->status = WIFEXITED(how) ? WEXITSTATUS(how) : 4;
	if (WIFSIGNALED(how)) {
		snprintf(text, sizeof(text), "its process was ended by signal %d",
			 WTERMSIG(how));
		fleet_fail(m, text);
	} else if (m->verdict[0] == '\0') {
		snprintf(m->verdict, sizeof(m->verdict), "%s",
			 m->status == 0 ? "done" : "not begun");
	}
	fleet_view_ended(&f->view, m);
}

static void fleet_reap(struct fleet *f)
{
	pid_t pid;
	size_t i;
	int how;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		for (i = 0; i < f->count; i++) {
			if (f->list[i].pid == pid)
				fleet_ended(f, &f->list[i], how);
		}
	}
}

static void fleet_signal(struct fleet *f)
{
	struct signalfd_siginfo info;
	size_t i;

	while (read(f->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		f->stopped++;
		/* At a terminal they got the SIGINT themselves. */
		for (i = 0; i < f->count; i++) {
			if (f->list[i].pid > 0 &&
			    (info.ssi_signo != SIGINT || info.ssi_pid > 0))
				kill(f->list[i].pid, (int)info.ssi_signo);
		}
	}
	fleet_reap(f);
}

/* ---- the loop ------------------------------------------------------------------------- */

static void fleet_poll(struct fleet *f, struct pollfd *fds, int64_t until)
{
	bool waits = fleet_view_drain(&f->view);
	size_t i, n = 1;

	fds[0] = (struct pollfd){ .fd = f->signal_fd, .events = POLLIN };
	for (i = 0; i < f->next; i++) {
		fds[n++] = (struct pollfd){ .fd = f->list[i].out,
					    .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = f->list[i].errors,
					    .events = POLLIN };
	}
	if (waits)
		fds[n++] = (struct pollfd){ .fd = STDOUT_FILENO,
					    .events = POLLOUT };
	if (poll(fds, n, deadline_poll_ms(until)) <= 0)
		return;
	for (i = 0; i < f->next; i++) {
		if (f->list[i].out >= 0 && fds[1 + 2 * i].revents != 0)
			fleet_read(f, &f->list[i], &f->list[i].out,
				   &f->list[i].out_line, false);
		if (f->list[i].errors >= 0 && fds[2 + 2 * i].revents != 0)
			fleet_read(f, &f->list[i], &f->list[i].errors,
				   &f->list[i].error_line, true);
	}
	if (fds[0].revents != 0)
		fleet_signal(f);
}

static bool fleet_open_signals(struct fleet *f)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &f->before);
	f->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);	/* as a run survives its terminal */
	return f->signal_fd >= 0;
}

static int fleet_status(const struct fleet *f)
{
	int status = 0;
	size_t i;

	for (i = 0; i < f->count; i++)
		status = fleet_worse(status, f->list[i].status);
	return f->stopped > 0 ? 130 : status;
}

/* The last lines, for a slow reader; a signal ends the wait for it. */
static void fleet_drain(struct fleet *f)
{
	int64_t until = f->stopped > 0 ? deadline_in(FLEET_LAST_MS)
				       : DEADLINE_NEVER;
	struct pollfd fds[2] = {
		{ .fd = f->signal_fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
	};
	int stopped = f->stopped;

	while (fleet_view_drain(&f->view) && f->stopped == stopped &&
	       poll(fds, 2, deadline_poll_ms(until)) != 0) {
		fleet_signal(f);
	}
	if (f->view.gone)
		fprintf(stderr, "rhands: standard output can't be written: %s\n",
			strerror(f->view.why));
}

int fleet_run(const struct fleet_options *options,
	      const struct host *const *hosts, size_t count)
{
	struct fleet f = { .o = options, .count = count };
	struct pollfd *fds = memory_new(2 + 2 * count, sizeof(*fds));
	int64_t until;
	int status;
	size_t i;

	f.list = memory_new(count + 1, sizeof(*f.list));
	for (i = 0; i < count; i++)
		f.list[i] = (struct fleet_member){ .host = hosts[i],
						   .out = -1, .errors = -1,
						   .status = -1 };
	fleet_view_init(&f.view, options->json);
	if (!fleet_open_signals(&f))
		f.stopped = 1;
	fleet_begin_more(&f);
	while (f.living > 0) {
		until = fleet_view_tick(&f.view, f.list, count, deadline_now());
		fleet_poll(&f, fds, until);
		fleet_begin_more(&f);
	}
	for (i = f.next; i < count; i++)
		f.list[i].status = 130;
	fleet_view_summary(&f.view, options, f.list, count);
	status = fleet_status(&f);
	fleet_drain(&f);
	if (f.view.gone && status == 0)
		status = 1;
	fleet_view_release(&f.view);
	close(f.signal_fd);
	sigprocmask(SIG_SETMASK, &f.before, NULL);
	for (i = 0; i < count; i++) {
		buffer_release(&f.list[i].out_line);
		buffer_release(&f.list[i].error_line);
	}
	free(f.list);
	free(fds);
	return status;
}
