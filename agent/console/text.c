/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a console says, without how it says it: the view that patterns match
 * on. The one door is text_feed, with bytes as they came from the line.
 *
 * Always true: what was appended is valid UTF-8 and has no control character
 * but TAB and \n; a byte is judged by what stood before it, never by what
 * comes in the same call; at most three bytes (a cut UTF-8 character) are held
 * back. A line end is written with its first byte, so that a prompt rule does
 * not wait for a second byte that may never come.
 */
#include "agent/console/text.h"

#include <stdbool.h>
#include <string.h>

#include "agent/console/escape.h"
#include "base/vis.h"

#define TEXT_REPLACEMENT "\xef\xbf\xbd"

void text_init(struct text *t)
{
	memset(t, 0, sizeof(*t));
}

/* Whether all eight bytes are 0x20..0x7e. */
static bool text_is_plain8(const unsigned char *b)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t x, low, high;

	memcpy(&x, b, 8);
	low = x - ones * 0x20;		/* a borrow only makes it stricter */
	high = x + ones;		/* 0x7f becomes 0x80 */
	return ((x | low | high) & ones * 0x80) == 0;
}

static size_t text_plain_len(const unsigned char *b, size_t len)
{
	size_t n = 0;

	while (len - n >= 8 && text_is_plain8(b + n))
		n += 8;
	while (n < len && b[n] >= 0x20 && b[n] < 0x7f)
		n++;
	return n;
}

static void text_print(struct text *t, const void *bytes, size_t len,
		       struct buffer *out)
{
	buffer_append(out, bytes, len);
	t->after = 0;
}

/* CR LF, LF CR, and any number of CR with or without LF are one line end. */
static void text_line_end(struct text *t, char c, struct buffer *out)
{
	bool second = t->after == '\r' || (t->after == '\n' && c == '\r');

	if (!second)
		buffer_append_char(out, '\n');
	if (second && !(t->after == '\r' && c == '\r'))
		t->after = 0;
	else
		t->after = c;
}

/* The held bytes are no UTF-8, and no part of them is. */
static void text_give_up_utf8(struct text *t, struct buffer *out)
{
	for (; t->utf8_len > 0; t->utf8_len--)
		text_print(t, TEXT_REPLACEMENT, 3, out);
}

/*
 * What stands on a screen without a trace: a byte order mark, blanks of no width and
 * joiners. A blank that may not be broken is a blank there.
 */
static bool text_is_unseen(const char *utf8, size_t n)
{
	return n == 3 && (memcmp(utf8, "\xef\xbb\xbf", 3) == 0 ||
			  memcmp(utf8, "\xe2\x81\xa0", 3) == 0 ||
			  (memcmp(utf8, "\xe2\x80", 2) == 0 &&
			   (unsigned char)utf8[2] >= 0x8b &&
			   (unsigned char)utf8[2] <= 0x8f));
}

static void text_feed_utf8(struct text *t, unsigned char c, struct buffer *out)
{
	bool cut;
	size_t n;

	t->utf8[t->utf8_len++] = (char)c;
	n = vis_utf8_len(t->utf8, t->utf8_len, &cut);
	if (n == 0 && cut)
		return;
	if (n == 0) {
		text_give_up_utf8(t, out);
		return;
	}
	t->utf8_len = 0;
	if (n == 2 && (unsigned char)t->utf8[0] == 0xc2 && c < 0xa0)
		escape_c1(&t->state, &t->string_len, c);
	else if (n == 2 && (unsigned char)t->utf8[0] == 0xc2 && c == 0xa0)
		text_print(t, " ", 1, out);
	else if (!text_is_unseen(t->utf8, n))
		text_print(t, t->utf8, n, out);
}

static void text_feed_byte(struct text *t, unsigned char c, struct buffer *out)
{
	if (t->utf8_len > 0 && (c & 0xc0) != 0x80)
		text_give_up_utf8(t, out);
	if (t->utf8_len == 0 &&
	    escape_step(&t->state, &t->string_len, c) != ESCAPE_GIVE)
		return;
	if (c >= 0x80)
		text_feed_utf8(t, c, out);
	else if (c == '\n' || c == '\r')
		text_line_end(t, (char)c, out);
	else if (c == '\t' || (c >= 0x20 && c != 0x7f))
		text_print(t, &c, 1, out);
}

void text_feed(struct text *t, const void *bytes, size_t len,
	       struct buffer *out)
{
	const unsigned char *b = bytes;
	size_t i = 0, n;

	while (i < len) {
		n = 0;
		if (t->state == ESCAPE_GROUND && t->utf8_len == 0)
			n = text_plain_len(b + i, len - i);
		if (n > 0)
			text_print(t, b + i, n, out);
		else
			text_feed_byte(t, b[i++], out);
		i += n;
	}
}
