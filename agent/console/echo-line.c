/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of a terminal, without an end at its right: the prompt, and what
 * comes back of what is typed behind it. The one door is echo_feed, with the
 * bytes of the line.
 *
 * Where the line goes on in the next row of the terminal shows how wide it is
 * (readline ends a row by " \r", others by a line end); from then on a cell's
 * place is its row and its column, as editors go up and down in a long line.
 *
 * Always true: start <= count, cursor <= count; cells hold no control character
 * but TAB. A line end cuts off the kernel message that stands on the line, and
 * the line goes on; where there is none, the line is another one, and what is
 * typed begins at its left.
 */
#include "agent/console/echo-private.h"

#include <stdlib.h>
#include <string.h>

#include "agent/console/escape.h"
#include "base/memory.h"
#include "base/vis.h"

#define ECHO_CELLS_MAX 1024	/* what is longer is no line */
#define ECHO_WIDTH_MIN 40	/* of a row */
#define ECHO_WIDTH 80		/* what most have */
#define ECHO_MORE_MAX 128	/* so much longer than wanted is no echo of it */

/* ---- the line ------------------------------------------------------------- */

static void echo_reserve(struct echo *e, size_t count)
{
	if (count <= e->size)
		return;
	e->size = count * 2 + 64;
	e->cells = memory_grow(e->cells, e->size, sizeof(*e->cells));
}

/* The cursor goes right; what it passes is blank where nothing stood. */
static void echo_move(struct echo *e, size_t cursor)
{
	if (cursor > ECHO_CELLS_MAX)
		cursor = ECHO_CELLS_MAX;
	echo_reserve(e, cursor);
	while (e->count < cursor)
		e->cells[e->count++] = ' ';
	e->cursor = cursor;
}

void echo_put(struct echo *e, uint32_t c)
{
	if (e->cursor >= ECHO_CELLS_MAX)
		return;
	echo_reserve(e, e->cursor + 1);
	e->cells[e->cursor++] = c;
	if (e->count < e->cursor)
		e->count = e->cursor;
}

static void echo_cut(struct echo *e, size_t count)
{
	if (e->count > count)
		e->count = count;
	if (e->cursor > e->count)
		e->cursor = e->count;
}

/* ---- bytes ------------------------------------------------------------------- */

/* The row is full, and the line goes on in the next one. */
static bool echo_goes_on(struct echo *e, struct echo_view view)
{
	size_t row;

	if (!view.exact && !echo_alike(e, e->count))
		return false;
	if (e->width == 0 && e->count > e->start &&
	    (e->count == ECHO_WIDTH || (view.exact && e->count >= ECHO_WIDTH_MIN)))
		e->width = e->count;
	if (e->width == 0)
		return false;
	row = (e->cursor - e->full) / e->width;
	if (e->count == (row + 1) * e->width)
		e->cursor = e->count;
	else
		echo_move(e, (row + 1) * e->width);
	return true;
}

/* LF: a kernel message ends, or a full row, or the line. */
static void echo_line_end(struct echo *e)
{
	struct echo_view view;
	size_t end, cursor = e->cursor;

	e->wraps = false;
	e->returned = 0;
	e->cursor = e->count;
	end = echo_end(e, false);
	if (end < e->count) {
		echo_cut(e, end);
		return;
	}
	view = echo_look(e, e->count);
	e->cursor = cursor;
	if (view.same < e->wants_count && echo_goes_on(e, view)) {
		e->full = false;
		return;
	}
	e->full = false;
	e->passed = e->passed || view.same == e->wants_count;
	e->lines++;
	e->count = e->cursor = e->start = e->width = 0;
}

/*
 * CR, a blank before it: the line is drawn anew, or goes on in the next row;
 * what comes then tells which. c: it is printed, 0: a control.
 */
static void echo_unwrap(struct echo *e, uint32_t c)
{
	size_t at = e->start, row = e->count - 1;
	bool anew = row < ECHO_WIDTH_MIN ||
		    (e->width > 0 && row % e->width != 0);

	e->wraps = false;
	if (!anew && c != 0 && c == e->cells[0])
		anew = e->wants_count <= echo_walk(e, &at, row) ||
		       row - e->start >= e->wants_count ||
		       e->wants[row - e->start] != c;
	if (anew) {
		e->cursor = 0;
		return;
	}
	echo_cut(e, row);
	if (e->width == 0)
		e->width = row;
}

static void echo_return(struct echo *e)
{
	e->returned = e->cursor;
	if (e->blank && e->cursor == e->count && e->count > e->start + 1)
		e->wraps = true;
	else if (e->width == 0)
		e->cursor = 0;
	else
		e->cursor = (e->cursor - e->full) / e->width * e->width;
}

static void echo_print(struct echo *e, uint32_t c)
{
	if (e->wraps)
		echo_unwrap(e, c);
	echo_put(e, c);
	e->printed = true;
	e->blank = c == ' ';
	e->full = e->width > 0 && e->cursor % e->width == 0;
}

static void echo_delete(struct echo *e, size_t n)
{
	size_t left = e->count - e->cursor;

	if (n > left)
		n = left;
	memmove(e->cells + e->cursor, e->cells + e->cursor + n,
		(left - n) * sizeof(*e->cells));
	e->count -= n;
}

static void echo_insert(struct echo *e, size_t n)
{
	size_t i;

	if (n > ECHO_CELLS_MAX - e->count)
		return;
	echo_reserve(e, e->count + n);
	memmove(e->cells + e->cursor + n, e->cells + e->cursor,
		(e->count - e->cursor) * sizeof(*e->cells));
	for (i = 0; i < n; i++)
		e->cells[e->cursor + i] = ' ';
	e->count += n;
}

/* The column of ESC [ row ; column H. */
static size_t echo_column(const char *csi)
{
	const char *semicolon = strchr(csi, ';');
	long n = semicolon != NULL ? strtol(semicolon + 1, NULL, 10) : 1;

	return n > 0 && n <= ECHO_CELLS_MAX ? (size_t)n - 1 : 0;
}

/* From the cursor to the end of its row, or of all. */
static void echo_erase(struct echo *e, long part, bool row)
{
	size_t end = e->count, i;

	if (part == 1)
		return;
	if (row && e->width > 0 && e->cursor - e->cursor % e->width + e->width < end)
		end = e->cursor - e->cursor % e->width + e->width;
	for (i = part == 0 ? e->cursor : 0; i < end; i++)
		e->cells[i] = ' ';
	if (end == e->count)
		echo_cut(e, e->cursor);
}

/* Up or down in a line that has rows. */
static void echo_vertical(struct echo *e, size_t rows, bool up)
{
	if (e->width == 0 || (up && e->cursor < rows * e->width))
		e->addressed = true;
	else if (up)
		e->cursor -= rows * e->width;
	else
		echo_move(e, e->cursor + rows * e->width);
}

/*
 * An editor that wrote over the edge and relied on the terminal edits behind a
 * CR: it means the row, not the line.
 */
static void echo_assume_width(struct echo *e)
{
	if (e->width == 0 && e->returned > ECHO_WIDTH) {
		e->width = ECHO_WIDTH;
		e->cursor = e->returned / ECHO_WIDTH * ECHO_WIDTH;
	}
}

/* A control sequence that ended with c. */
static void echo_csi(struct echo *e, unsigned char c)
{
	long number = strtol(e->csi, NULL, 10);
	size_t n = number > 0 && number <= ECHO_CELLS_MAX ? (size_t)number : 1;

	if (e->wraps && strchr("CDGJKPX@AB", c) != NULL)
		echo_unwrap(e, 0);
	if (strchr("JKAB", c) != NULL)
		echo_assume_width(e);
	switch (c) {
	case 'C':
		echo_move(e, e->cursor + n);
		break;
	case 'D':
		e->cursor -= n < e->cursor ? n : e->cursor;
		break;
	case 'G':
		echo_move(e, n - 1 + (e->width > 0 ? e->cursor / e->width * e->width
						   : 0));
		break;
	case 'H':
	case 'f':
		e->addressed = true;
		echo_move(e, echo_column(e->csi));
		break;
	case 'J':
	case 'K':
		echo_erase(e, number, c == 'K');
		break;
	case 'A':
	case 'B':
		echo_vertical(e, n, c == 'A');
		break;
	case 'P':
		echo_delete(e, n);
		break;
	case '@':
		echo_insert(e, n);
		break;
	case 'd':
	case 'L':
	case 'M':
	case 'S':
	case 'T':
		e->addressed = true;
		break;
	default:
		break;
	}
}

static void echo_control(struct echo *e, unsigned char c)
{
	if (c == '\n') {
		echo_line_end(e);
	} else if (c == '\r') {
		if (e->wraps)
			echo_unwrap(e, 0);
		echo_return(e);
		e->blank = e->full = false;
	} else if (c == '\b') {
		if (e->wraps)
			echo_unwrap(e, 0);
		e->cursor -= e->cursor > 0;
		e->full = false;
	} else if (c == '\t') {
		echo_print(e, c);
	}
}

static void echo_give_up_utf8(struct echo *e)
{
	for (; e->utf8_len > 0; e->utf8_len--)
		echo_print(e, 0xefbfbd);
}

static void echo_feed_utf8(struct echo *e, unsigned char c)
{
	bool cut = false;
	size_t n;

	e->utf8[e->utf8_len++] = (char)c;
	n = vis_utf8_len(e->utf8, e->utf8_len, &cut);
	if (n == 0 && cut)
		return;
	if (n == 0) {
		echo_give_up_utf8(e);
		return;
	}
	e->utf8_len = 0;
	echo_print(e, echo_pack(e->utf8, n));
}

static void echo_sequence(struct echo *e, enum escape_event event,
			  unsigned char c)
{
	if (event == ESCAPE_CSI_BEGIN) {
		e->csi_len = 0;
		e->csi[0] = '\0';
	} else if (event == ESCAPE_CSI_PART && e->csi_len + 1 < sizeof(e->csi)) {
		e->csi[e->csi_len++] = (char)c;
		e->csi[e->csi_len] = '\0';
	} else if (event == ESCAPE_CSI_END) {
		echo_csi(e, c);
		if (c != 'm')
			e->blank = e->full = false;
	}
}

static void echo_byte(struct echo *e, unsigned char c)
{
	enum escape_event event;

	if (c >= 0x20 && e->state == ESCAPE_GROUND)
		e->returned = 0;
	if (e->utf8_len > 0 && (c & 0xc0) != 0x80)
		echo_give_up_utf8(e);
	event = e->utf8_len == 0 ? escape_step(&e->state, &e->string_len, c)
				 : ESCAPE_GIVE;
	if (event != ESCAPE_GIVE)
		echo_sequence(e, event, c);
	else if (c >= 0x80)
		echo_feed_utf8(e, c);
	else if (echo_is_control(c))
		echo_control(e, c);
	else
		echo_print(e, c);
}

void echo_feed(struct echo *e, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	enum echo_state state;
	size_t i;

	for (i = 0; i < len; i++) {
		echo_byte(e, b[i]);
		if (e->complete ||
		    e->count - e->start > e->wants_count + ECHO_MORE_MAX)
			continue;
		state = echo_state(e);
		e->matched = e->matched || state == ECHO_WAITING ||
			     state == ECHO_SAME;
		e->complete = state == ECHO_SAME;
	}
}
