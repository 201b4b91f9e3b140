/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_ESCAPE_H
#define RH_AGENT_CONSOLE_ESCAPE_H

#include <stddef.h>

/*
 * Where the escape sequences of a byte stream begin and end (ECMA-48, with
 * what real consoles do beside it). For text.c and filter.c only: both walk
 * over the same sequences and differ in what they do with them.
 */
enum escape_state {
	ESCAPE_GROUND = 0,	/* no sequence */
	ESCAPE_ESC,		/* behind ESC */
	ESCAPE_INTER,		/* ESC and intermediates (20..2F) */
	ESCAPE_CSI,		/* behind CSI */
	ESCAPE_OSC,		/* behind OSC, nothing of it seen yet */
	ESCAPE_PALETTE,		/* Linux: OSC P and seven hex digits, no end */
	ESCAPE_STRING,		/* in OSC, DCS, SOS, PM or APC */
	ESCAPE_STRING_C2,	/* C2 in a string: may be ST written as UTF-8 */
};

enum escape_event {
	ESCAPE_NONE = 0,	/* the byte is swallowed */
	ESCAPE_GIVE,		/* the byte stands outside of any sequence */
	ESCAPE_TWO,		/* it ends ESC and one byte */
	ESCAPE_MANY,		/* it ends ESC, intermediates and one byte */
	ESCAPE_CSI_BEGIN,	/* a control sequence begins */
	ESCAPE_CSI_PART,	/* a parameter or intermediate byte of it */
	ESCAPE_CSI_END,		/* its final byte */
};

/* A string that does not end is given up behind so many bytes. */
#define ESCAPE_STRING_MAX 4096

/*
 * One byte further. In ESCAPE_GROUND only ESC is not given back. *string_len
 * counts the bytes of a string, and is of no use to the caller.
 */
enum escape_event escape_step(int *state, size_t *string_len, unsigned char c);

/*
 * Enters the state behind a C1 control (0x80..0x9F) that came as UTF-8. Raw
 * bytes of that range are no C1 here: a console in code page 437 writes
 * letters with them, and a letter must not swallow the text behind it.
 */
void escape_c1(int *state, size_t *string_len, unsigned char code);

#endif
