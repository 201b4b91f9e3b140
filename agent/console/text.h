/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_TEXT_H
#define RH_AGENT_CONSOLE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * The text view of a console stream: escape sequences removed (ECMA-48: CSI,
 * OSC, DCS, APC, PM, SOS, two-byte escapes, C1), line ends normalised to \n
 * (CR, LF, CR LF, LF CR, CR CR LF, NUL behind CR), NUL, BS, BEL and other
 * controls except TAB removed, always valid UTF-8 (U+FFFD for what is none).
 * The same bytes give the same text however they are split.
 *
 * An unfinished OSC/DCS string is given up after 4096 bytes or at a newline
 * (a machine that dies in the middle of one must not blind us).
 */
struct text {
	int state;			/* private: the parser of escapes */
	size_t string_len;
	char utf8[4];
	size_t utf8_len;
	int after;			/* last line-end byte, 0 none */
};

/* Zeroed memory is a fresh one too. */
void text_init(struct text *t);

/* Appends the text of the bytes to out. */
void text_feed(struct text *t, const void *bytes, size_t len,
	       struct buffer *out);

#endif
