/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate between a console and the admin's terminal (X02). The one door is
 * filter_feed, with bytes as they came from the line.
 *
 * Always true: a sequence is never passed on, it is read to its end and
 * written anew from filter_csi_table, with as many numbers as the terminal needs
 * and each number bounded; so no byte of the console stands where it could
 * begin a sequence. What was filtered once is not changed by a second filter.
 */
#include "agent/console/filter.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "agent/console/escape.h"
#include "base/vis.h"

#define FILTER_REPLACEMENT "\xef\xbf\xbd"
#define FILTER_DIGITS	   4	/* of a number; what is longer becomes 9999 */
#define FILTER_BAD	   SIZE_MAX	/* params_len: drop this sequence */

/* DECSC, region off (it homes the cursor), DECRC, colours off. */
const char filter_reset_text[] = "\0337\033[r\0338\033[0m";

/*
 * What may pass: the final byte, how many numbers it may have, and the
 * greatest one. CSI 3 J would erase the admin's scrollback; CSI T with five
 * numbers would turn mouse reports on.
 */
static const struct filter_csi {
	char final;
	int numbers;
	int max;
} filter_csi_table[] = {
	{ 'A', 1, 9999 }, { 'B', 1, 9999 }, { 'C', 1, 9999 },
	{ 'D', 1, 9999 }, { 'E', 1, 9999 }, { 'F', 1, 9999 },
	{ 'G', 1, 9999 }, { 'H', 2, 9999 }, { 'J', 1, 2 },
	{ 'K', 1, 2 },	  { 'L', 1, 9999 }, { 'M', 1, 9999 },
	{ 'P', 1, 9999 }, { 'S', 1, 9999 }, { 'T', 1, 9999 },
	{ 'X', 1, 9999 }, { '@', 1, 9999 }, { 'd', 1, 9999 },
	{ 'f', 2, 9999 }, { 'r', 2, 9999 }, { '`', 1, 9999 },
	{ 'e', 1, 9999 }, { 'a', 1, 9999 }, { 'm', 32, 9999 },
};

void filter_init(struct filter *f)
{
	memset(f, 0, sizeof(*f));
}

static const struct filter_csi *filter_csi_find(unsigned char final)
{
	size_t i;

	for (i = 0; i < sizeof(filter_csi_table) / sizeof(*filter_csi_table);
	     i++)
		if (filter_csi_table[i].final == (char)final)
			return &filter_csi_table[i];
	return NULL;
}

/* Where the last number of the parameters begins. */
static char *filter_last_number(struct filter *f)
{
	char *p = f->params + f->params_len;

	while (p > f->params && p[-1] != ';')
		p--;
	return p;
}

/*
 * A byte of a control sequence. Numbers are kept without leading zeros and
 * with FILTER_DIGITS at most, so that a million digits need no room.
 */
static void filter_csi_part(struct filter *f, unsigned char c)
{
	char *number;
	size_t digits;

	if (f->params_len == FILTER_BAD)
		return;
	if ((c < '0' || c > '9') && c != ';') {
		f->params_len = FILTER_BAD;
		return;
	}
	number = filter_last_number(f);
	digits = (size_t)(f->params + f->params_len - number);
	if (c != ';' && digits == 1 && number[0] == '0')
		f->params_len--;
	if (c != ';' && digits == FILTER_DIGITS)
		memset(number, '9', FILTER_DIGITS);
	else if (f->params_len == sizeof(f->params))
		f->params_len = FILTER_BAD;
	else
		f->params[f->params_len++] = (char)c;
}

/* Whether the kept numbers are few enough and none is greater than max. */
static bool filter_numbers_fit(const struct filter *f, int numbers, int max)
{
	int value = 0;
	size_t i;

	for (i = 0; i < f->params_len; i++) {
		if (f->params[i] == ';') {
			value = 0;
			numbers--;
		} else {
			value = value * 10 + (f->params[i] - '0');
		}
		if (numbers < 1 || value > max)
			return false;
	}
	return true;
}

static void filter_csi_end(struct filter *f, unsigned char final,
			   struct buffer *out)
{
	const struct filter_csi *csi = filter_csi_find(final);

	if (csi == NULL || f->params_len == FILTER_BAD ||
	    !filter_numbers_fit(f, csi->numbers, csi->max))
		return;
	buffer_append(out, "\033[", 2);
	buffer_append(out, f->params, f->params_len);
	buffer_append_char(out, (char)final);
}

/* Save and restore the cursor, reverse index, index, next line. */
static void filter_escape_end(unsigned char final, struct buffer *out)
{
	if (final != '\0' && strchr("78MDE", final) != NULL) {
		buffer_append_char(out, '\033');
		buffer_append_char(out, (char)final);
	}
}

static void filter_give_up_utf8(struct filter *f, struct buffer *out)
{
	for (; f->utf8_len > 0; f->utf8_len--)
		buffer_append(out, FILTER_REPLACEMENT, 3);
}

/* U+202A..202E and U+2066..2069 turn the direction of the text around. */
static bool filter_turns_text(const char *utf8, size_t len)
{
	const unsigned char *u = (const unsigned char *)utf8;

	if (len != 3 || u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 && u[2] >= 0xaa && u[2] <= 0xae) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

static void filter_feed_utf8(struct filter *f, unsigned char c,
			     struct buffer *out)
{
	bool cut;
	size_t n;

	f->utf8[f->utf8_len++] = (char)c;
	n = vis_utf8_len(f->utf8, f->utf8_len, &cut);
	if (n == 0 && cut)
		return;
	if (n == 0) {
		filter_give_up_utf8(f, out);
		return;
	}
	f->utf8_len = 0;
	if (n == 2 && (unsigned char)f->utf8[0] == 0xc2 && c < 0xa0) {
		escape_c1(&f->state, &f->string_len, c);
		f->params_len = FILTER_BAD;
	} else if (filter_turns_text(f->utf8, n)) {
		buffer_append(out, FILTER_REPLACEMENT, 3);
	} else {
		buffer_append(out, f->utf8, n);
	}
}

static void filter_give(struct filter *f, unsigned char c, struct buffer *out)
{
	if (c >= 0x80)
		filter_feed_utf8(f, c, out);
	else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' ||
		 (c >= 0x20 && c != 0x7f))
		buffer_append(out, &c, 1);
}

static void filter_feed_byte(struct filter *f, unsigned char c,
			     struct buffer *out)
{
	if (f->utf8_len > 0 && (c & 0xc0) != 0x80)
		filter_give_up_utf8(f, out);
	if (f->utf8_len > 0) {
		filter_feed_utf8(f, c, out);
		return;
	}
	switch (escape_step(&f->state, &f->string_len, c)) {
	case ESCAPE_GIVE:
		filter_give(f, c, out);
		break;
	case ESCAPE_TWO:
		filter_escape_end(c, out);
		break;
	case ESCAPE_CSI_BEGIN:
		f->params_len = 0;
		break;
	case ESCAPE_CSI_PART:
		filter_csi_part(f, c);
		break;
	case ESCAPE_CSI_END:
		filter_csi_end(f, c, out);
		break;
	case ESCAPE_NONE:
	case ESCAPE_MANY:
		break;
	}
}

void filter_feed(struct filter *f, const void *bytes, size_t len,
		 struct buffer *out)
{
	const unsigned char *b = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		filter_feed_byte(f, b[i], out);
}
