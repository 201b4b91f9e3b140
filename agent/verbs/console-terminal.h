/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_CONSOLE_TERMINAL_H
#define RH_AGENT_VERBS_CONSOLE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "agent/console/filter.h"
#include "agent/console/view.h"
#include "agent/verbs/verb.h"

/*
 * The person's side of a console: standard input as it is typed, standard output
 * through the filter or as a screen, and the signals. It is given back as it
 * was by console_terminal_close, on every way out.
 */
struct console_terminal {
	bool raw;		/* nothing is filtered, no screen */
	const char *help;	/* what the line of the screen view says of keys */

	/* private */
	bool input;		/* standard input is a terminal, and was changed */
	bool output;		/* standard output is one */
	struct termios saved;
	struct filter filter;
	struct view *view;	/* NULL: there is none */

	/* to be looked at */
	int signal_fd;		/* readable: console_terminal_signals */
	bool ended;		/* by a signal, or standard output is gone */
	int status;		/* the exit status that this means */
};

/*
 * Whether the screen view can be had: 0, or 2 after saying that this is no
 * terminal for it.
 */
int console_terminal_check(const struct verb_call *call);

/* From then on keys come as they are. rows, cols: of the host's screen. */
void console_terminal_open(struct console_terminal *t, const char *name,
			   int rows, int cols);
void console_terminal_close(struct console_terminal *t);

/* What the console printed; `past`: it is not to be seen but as part of the screen. */
void console_terminal_past(struct console_terminal *t, const char *bytes,
			   size_t len);
void console_terminal_feed(struct console_terminal *t, const char *bytes,
			   size_t len);

/* A message: a line of its own on standard error, or in the screen view. */
void console_terminal_say(struct console_terminal *t, const char *text);

/* Between lines and screen; says so where there is no screen. */
void console_terminal_toggle(struct console_terminal *t);
bool console_terminal_has_screen(const struct console_terminal *t);
bool console_terminal_shows_screen(const struct console_terminal *t);

/* The person typed something for the host: what was said was read. */
void console_terminal_typed(struct console_terminal *t);

/*
 * What a person may type behind a ~ now, for tilde_take. Those about what
 * is seen are carried out, true; "." "B" and "?" are the caller's.
 */
const char *console_terminal_commands(const struct console_terminal *t);
bool console_terminal_command(struct console_terminal *t, char key);

/* Back to lines, so that a message on standard error is seen. */
void console_terminal_lines(struct console_terminal *t);

/* Reads what signals came. */
void console_terminal_signals(struct console_terminal *t);

/* As view_deadline and view_tick. */
int64_t console_terminal_deadline(const struct console_terminal *t);
void console_terminal_tick(struct console_terminal *t);

#endif
