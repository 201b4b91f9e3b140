/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_TILDE_H
#define RH_AGENT_CONSOLE_TILDE_H

#include <stdbool.h>

/*
 * What a person types at a console, with ~ as the escape character. It counts at
 * the beginning of a line; in the screen view, where there are no lines, behind
 * any key that is no text (arrows, Enter, function keys), and at first.
 */
struct tilde {
	int state;		/* private: what the last byte was part of */
	bool line;		/* at the beginning of a line */
	bool held;		/* a ~ that may be the escape character */
};

enum tilde_key {
	TILDE_HOLD = 0,	/* nothing to send yet */
	TILDE_SEND,	/* send it */
	TILDE_SEND_BOTH,	/* send the ~ that was held, then it */
	TILDE_COMMAND,	/* it is what the escape character was typed for */
};

void tilde_init(struct tilde *k);

/* One byte; commands: the letters that may follow the ~ (a second ~ sends one). */
enum tilde_key tilde_take(struct tilde *k, char c, bool screen,
			  const char *commands);

#endif
