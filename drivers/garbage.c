/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is it text? A UART at the wrong speed hands over bytes of long runs of equal
 * bits (0x00, 0x80, 0xf8, 0xfe, 0xff: the other side is slower) or of any
 * bits (it is faster), and reports framing errors. Text has neither, but it
 * has line drawing, accents and a stray byte from plugging in, so
 * single bytes decide nothing: a share of the last few hundred does.
 */
#include "drivers/garbage.h"

#include <stdbool.h>
#include <string.h>

#include "base/vis.h"

#define GARBAGE_WINDOW 256	/* then the old half counts half */
#define GARBAGE_MIN 24		/* bytes before it can be noise */
#define GARBAGE_TEXT_MIN 8	/* good ones in a row are text */

/* A byte that stands alone, not in a UTF-8 character. */
static bool garbage_is_bad(unsigned char c, unsigned char last)
{
	if (c >= 0x80)
		return c < 0xb0 || c > 0xdf;
	if (c == 0x00)
		return last != '\r';
	/* BEL to CR, SO and SI, XON and XOFF, ESC are seen on consoles */
	return (c < 0x07) || c == 0x7f || c == 0x10 || c == 0x12 ||
	       (c >= 0x14 && c < 0x1b) || (c > 0x1b && c < 0x20);
}

static void garbage_count(struct garbage *g, bool bad)
{
	if (g->seen >= GARBAGE_WINDOW) {
		g->seen /= 2;
		g->bad /= 2;
		g->errors /= 2;
	}
	g->seen++;
	g->bad += bad;
}

/* Judges what is held: a character, or the first byte of what is none. */
static void garbage_settle(struct garbage *g)
{
	bool is_short = false;
	size_t len;

	while (g->held_len > 0) {
		len = vis_utf8_len((const char *)g->held, g->held_len,
				   &is_short);
		if (len == 0 && is_short)
			return;
		if (len > 1) {
			while (len-- > 0)
				garbage_count(g, false);
			g->last = 0x80;
			g->held_len = 0;
			return;
		}
		garbage_count(g, garbage_is_bad(g->held[0], g->last));
		g->last = g->held[0];
		memmove(g->held, g->held + 1, --g->held_len);
	}
}

void garbage_feed(struct garbage *g, const void *bytes, size_t len)
{
	const unsigned char *c = bytes;

	for (; len > 0; len--) {
		g->held[g->held_len++] = *c++;
		garbage_settle(g);
	}
}

void garbage_add_errors(struct garbage *g, unsigned count)
{
	g->errors += count;
	if (g->errors > g->seen)
		g->errors = g->seen;
}

enum garbage_verdict garbage_verdict(const struct garbage *g)
{
	unsigned bad = g->bad > g->errors ? g->bad : g->errors;

	if (g->seen >= GARBAGE_MIN && bad * 4 >= g->seen)
		return GARBAGE_NOISE;
	if (bad == 0 ? g->seen >= GARBAGE_TEXT_MIN :
	    g->seen >= GARBAGE_MIN && bad * 8 < g->seen)
		return GARBAGE_TEXT;
	return GARBAGE_UNKNOWN;
}
