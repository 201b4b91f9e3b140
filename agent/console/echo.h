/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_ECHO_H
#define RH_AGENT_CONSOLE_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * What a console gives back of what is typed on its present line (I03), read as
 * a person reads it: Backspace, colours, lines that are drawn anew and lines that
 * go on in the next row are followed, kernel messages in the middle (C05) are
 * left out. There is no time in here: the caller says how long it waits.
 */
enum echo_state {
	ECHO_NONE = 0,	/* nothing of it came */
	ECHO_WAITING,	/* the beginning of it came */
	ECHO_SAME,	/* all of it stands there; or so many '*' */
	ECHO_DIFFERS,	/* something else stands there */
	ECHO_TAKEN,	/* one character, and its line has ended: no Enter was needed */
};

/* Zeroed memory is one that is not in use. */
struct echo {
	uint32_t *wants;	/* private, all: packed UTF-8 */
	size_t wants_count;
	uint32_t *cells;	/* the line, the prompt at its beginning */
	size_t count;
	size_t size;
	size_t cursor;
	size_t start;		/* where what was typed begins */
	size_t width;		/* of the terminal's rows; 0: not known */
	size_t returned;	/* where the last byte, a CR, came from */
	bool printed;
	bool matched;		/* some of it stood there at some time */
	bool complete;		/* all of it did */
	bool passed;		/* ... and then the line ended */
	bool blank;		/* the last byte was one */
	bool full;		/* the last byte filled a row; cursor still in it */
	bool wraps;		/* behind " \r": a new row, or the line anew */
	bool addressed;		/* the cursor went where a line does not go */
	int lines;
	int state;
	size_t string_len;
	char csi[16];
	size_t csi_len;
	char utf8[4];
	size_t utf8_len;
};

/*
 * text is about to be typed; prompt is what stands before it on its line. What
 * came before is forgotten. Neither is kept.
 */
void echo_begin(struct echo *e, const char *prompt, size_t prompt_len,
		const char *text, size_t text_len);
void echo_release(struct echo *e);

/* The same text is about to be typed on the same line once more. */
void echo_again(struct echo *e);

/* Bytes as they came from the line, split in any way. */
void echo_feed(struct echo *e, const void *bytes, size_t len);

enum echo_state echo_state(const struct echo *e);

/* The characters that came and are as they should be, at the beginning. */
size_t echo_same_count(const struct echo *e);

/*
 * Whether what stands there has something of the text: two thirds of the
 * shorter one's characters, in order. Dropped and doubled ones leave that; other output of the
 * machine does not have it.
 */
bool echo_resembles(const struct echo *e);

/* The characters that stand where the text should. */
size_t echo_shown(const struct echo *e);

/* Whether nothing stands there, as after the last Backspace. */
bool echo_is_empty(const struct echo *e);

/* What stands there; foreign text, not escaped. */
void echo_text(const struct echo *e, struct buffer *out);

/*
 * Whether all of the text stood there since it was typed, whatever stands there
 * now: an echo that is held back until more comes (L14).
 */
bool echo_was_complete(const struct echo *e);

/* Whether it is drawn with cursor addresses, which can't be followed here. */
bool echo_is_drawn(const struct echo *e);

/* Lines that ended since, kernel messages not counted. */
int echo_lines(const struct echo *e);

#endif
