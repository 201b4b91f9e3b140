/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The person's terminal, for console.c and console-watch.c. Always true: standard
 * input has its own settings back and standard output is out of the screen view
 * once console_terminal_close was called; without `raw` only what the filter or
 * the painter made is written.
 */
#include "agent/verbs/console-terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/deadline.h"

#define TERMINAL_PIECE 256	/* a writable terminal or pipe takes so much */
#define TERMINAL_LAST_MS 1000	/* for a terminal that is stopped, at the end */

/* ---- output ---------------------------------------------------------------------- */

/* Waits for a terminal that is stopped, but not when a signal ends us. */
static bool terminal_write(struct console_terminal *t, const char *bytes,
			   size_t len, int64_t until)
{
	struct pollfd fds[2] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		{ .fd = t->signal_fd, .events = POLLIN },
	};
	ssize_t n;

	while (len > 0) {
		if (poll(fds, 2, deadline_poll_ms(until)) < 0 && errno == EINTR)
			continue;
		if (fds[1].revents != 0)
			console_terminal_signals(t);
		if (t->ended && until == DEADLINE_NEVER)
			return false;
		if (fds[0].revents == 0 && deadline_now() >= until)
			return false;
		if (fds[0].revents == 0)
			continue;
		n = write(STDOUT_FILENO, bytes,
			  len < TERMINAL_PIECE ? len : TERMINAL_PIECE);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static void terminal_put(struct console_terminal *t, struct buffer *out)
{
	if (out->len > 0 &&
	    !terminal_write(t, out->data, out->len, DEADLINE_NEVER))
		t->ended = true;
	buffer_release(out);
}

void console_terminal_past(struct console_terminal *t, const char *bytes,
			   size_t len)
{
	if (t->view != NULL)
		view_feed(t->view, bytes, len);
}

void console_terminal_feed(struct console_terminal *t, const char *bytes,
			   size_t len)
{
	struct buffer out = { 0 };

	if (t->raw)
		buffer_append(&out, bytes, len);
	else
		filter_feed(&t->filter, bytes, len, &out);
	console_terminal_past(t, bytes, len);
	if (console_terminal_shows_screen(t))
		buffer_clear(&out);
	terminal_put(t, &out);
}

void console_terminal_say(struct console_terminal *t, const char *text)
{
	if (console_terminal_shows_screen(t))
		view_say(t->view, deadline_now(), text);
	else
		fprintf(stderr, "\r\n[%s]\r\n", text);
}

/* ---- the screen -------------------------------------------------------------------- */

static bool terminal_has_screen(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
	       strcmp(term, "dumb") != 0;
}

int console_terminal_check(const struct verb_call *call)
{
	if (!isatty(STDOUT_FILENO))
		return verb_fail(call, 2, "--screen: standard output is no "
				 "terminal");
	if (!terminal_has_screen())
		return verb_fail(call, 2, "--screen: a terminal that says "
				 "TERM=dumb, or nothing, has no screen");
	return 0;
}

bool console_terminal_has_screen(const struct console_terminal *t)
{
	return t->view != NULL;
}

bool console_terminal_shows_screen(const struct console_terminal *t)
{
	return t->view != NULL && view_is_shown(t->view);
}

static void terminal_size(struct console_terminal *t)
{
	struct winsize size = { 0 };

	if (t->view == NULL)
		return;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	view_size(t->view, deadline_now(), size.ws_row, size.ws_col);
}

void console_terminal_lines(struct console_terminal *t)
{
	struct buffer out = { 0 };

	if (!console_terminal_shows_screen(t))
		return;
	view_hide(t->view, &out);
	terminal_write(t, out.data, out.len, deadline_in(TERMINAL_LAST_MS));
	buffer_release(&out);
}

void console_terminal_toggle(struct console_terminal *t)
{
	struct buffer out = { 0 };

	if (console_terminal_shows_screen(t)) {
		console_terminal_lines(t);
	} else if (t->view == NULL) {
		console_terminal_say(t, t->raw ? "with --raw there is no screen"
					       : "this terminal has no screen");
	} else {
		terminal_size(t);
		view_show(t->view, deadline_now(), t->help, &out);
		terminal_put(t, &out);
	}
}

void console_terminal_typed(struct console_terminal *t)
{
	if (t->view != NULL)
		view_typed(t->view);
}

const char *console_terminal_commands(const struct console_terminal *t)
{
	return console_terminal_shows_screen(t) ? ".BS?hjklf" : ".BS?";
}

bool console_terminal_command(struct console_terminal *t, char key)
{
	if (strchr("hjklf", key) != NULL)
		view_move(t->view, deadline_now(), (key == 'j') - (key == 'k'),
			  (key == 'l') - (key == 'h'));
	else if (key == 'S')
		console_terminal_toggle(t);
	else
		return false;
	return true;
}

int64_t console_terminal_deadline(const struct console_terminal *t)
{
	return t->view != NULL ? view_deadline(t->view) : DEADLINE_NEVER;
}

void console_terminal_tick(struct console_terminal *t)
{
	struct buffer out = { 0 };

	if (t->view == NULL || t->ended)
		return;
	view_tick(t->view, deadline_now(), &out);
	terminal_put(t, &out);
}

/* ---- signals ------------------------------------------------------------------------- */

static void terminal_raw(struct console_terminal *t)
{
	struct termios raw = t->saved;

	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

void console_terminal_signals(struct console_terminal *t)
{
	struct signalfd_siginfo info;

	while (read(t->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH) {
			terminal_size(t);
			continue;
		}
		t->ended = true;
		t->status = 130;
	}
}

static void terminal_open_signals(struct console_terminal *t)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- begin and end --------------------------------------------------------------------- */

void console_terminal_open(struct console_terminal *t, const char *name,
			   int rows, int cols)
{
	filter_init(&t->filter);
	t->output = isatty(STDOUT_FILENO);
	if (!t->raw && terminal_has_screen())
		t->view = view_new(name, rows, cols);
	terminal_open_signals(t);
	t->input = tcgetattr(STDIN_FILENO, &t->saved) == 0;
	if (t->input)
		terminal_raw(t);
}

void console_terminal_close(struct console_terminal *t)
{
	console_terminal_lines(t);
	if (!t->raw && t->output)
		terminal_write(t, filter_reset_text, strlen(filter_reset_text),
			       deadline_in(TERMINAL_LAST_MS));
	if (t->input)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved);
	view_free(t->view);
	t->view = NULL;
	close(t->signal_fd);
}
