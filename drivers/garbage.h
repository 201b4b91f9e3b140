/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_GARBAGE_H
#define RH_DRIVERS_GARBAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A score for what a serial line brings: text, or what text looks like at
 * the wrong speed. No I/O, no clock. Zeroed memory has seen nothing.
 */
struct garbage {
	unsigned seen;		/* bytes judged, the older ones count less */
	unsigned bad;		/* those that no text has */
	unsigned errors;	/* framing and parity errors among them */
	unsigned char last;
	unsigned char held[4];	/* the begin of a UTF-8 character */
	unsigned held_len;
};

enum garbage_verdict {
	GARBAGE_UNKNOWN = 0,	/* too few bytes, or neither */
	GARBAGE_TEXT,
	GARBAGE_NOISE,		/* probably the wrong speed */
};

/*
 * Judges bytes, over any split. Text: ASCII with the control characters that
 * consoles send, UTF-8, the line drawing of codepage 437 (C07), NUL behind CR.
 */
void garbage_feed(struct garbage *g, const void *bytes, size_t len);

/* So many framing or parity errors came with the bytes fed since. */
void garbage_add_errors(struct garbage *g, unsigned count);

enum garbage_verdict garbage_verdict(const struct garbage *g);

#endif
