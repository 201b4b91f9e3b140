/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The escape character of console.c and console-watch.c. Always true: each byte
 * that was typed is sent once, but for a ~ that is the escape character and what
 * it was typed for; the ~ that ends a function key (ESC [ 1 5 ~) is neither.
 */
#include "agent/console/tilde.h"

#include <string.h>

enum tilde_state {
	TILDE_IN_KEY = 0,	/* a key that is no text, or none yet */
	TILDE_IN_TEXT,
	TILDE_IN_ESC,		/* ESC, alone so far */
	TILDE_IN_CSI,		/* ESC [ */
	TILDE_IN_MORE,		/* ESC [ and more, ESC [ [ (Linux: F1), ESC O */
};

void tilde_init(struct tilde *k)
{
	*k = (struct tilde){ .state = TILDE_IN_KEY, .line = true };
}

static int tilde_step(int state, unsigned char c)
{
	bool ends = c >= 0x40 && c < 0x7f;

	switch (state) {
	case TILDE_IN_ESC:
		if (c == '[')
			return TILDE_IN_CSI;
		return c == 'O' ? TILDE_IN_MORE : TILDE_IN_KEY;
	case TILDE_IN_CSI:
		return ends && c != '[' ? TILDE_IN_KEY : TILDE_IN_MORE;
	case TILDE_IN_MORE:
		return ends ? TILDE_IN_KEY : TILDE_IN_MORE;
	default:
		if (c == 0x1b)
			return TILDE_IN_ESC;
		return c < 0x20 || c == 0x7f ? TILDE_IN_KEY : TILDE_IN_TEXT;
	}
}

static bool tilde_is_escape(const struct tilde *k, char c, bool screen)
{
	if (c != '~')
		return false;
	return k->line || (screen && (k->state == TILDE_IN_KEY ||
				      k->state == TILDE_IN_ESC));
}

enum tilde_key tilde_take(struct tilde *k, char c, bool screen,
			  const char *commands)
{
	bool held = k->held;

	k->held = false;
	if (held && c != '\0' && strchr(commands, c) != NULL) {
		tilde_init(k);
		return TILDE_COMMAND;
	}
	if (!held && tilde_is_escape(k, c, screen)) {
		k->held = true;
		return TILDE_HOLD;
	}
	k->state = tilde_step(k->state, (unsigned char)c);
	k->line = c == '\r' || c == '\n';
	return held && c != '~' ? TILDE_SEND_BOTH : TILDE_SEND;
}
