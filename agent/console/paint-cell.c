/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person may see of a cell. paint.c comes in for each, verbs for a screen as
 * lines. Always true: what goes out is a character of one or two columns, never a
 * control, and never a mark that turns text around; whatever the cell holds.
 */
#include "agent/console/paint-private.h"
#include "base/vis.h"

#define PAINT_REPLACEMENT 0xfffd

static bool paint_turns_text(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x061c;
}

/* What is written for it. */
static uint32_t paint_code(uint32_t c)
{
	if (c == 0 || c == 0xa0)
		return ' ';
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) ||
	    c > 0x10ffff || paint_turns_text(c))
		return PAINT_REPLACEMENT;
	return c;
}

struct screen_cell paint_cell(const struct screen *s, int row, int col, int end)
{
	const struct screen_cell *cells = screen_cells(s, row);
	struct screen_cell ret = cells[col];
	bool wide = col + 1 < end && (ret.attributes & SCREEN_WIDE) != 0 &&
		    (cells[col + 1].attributes & SCREEN_WIDE_END) != 0;
	bool half = !wide && (ret.attributes & SCREEN_WIDE) != 0;

	ret.c = half ? ' ' : paint_code(ret.c);
	ret.attributes &= PAINT_STYLE;
	if (wide)
		ret.attributes |= SCREEN_WIDE;
	/* What can't be seen makes no difference. */
	if (ret.c == ' ' &&
	    (ret.attributes & (SCREEN_REVERSE | SCREEN_UNDERLINE)) == 0) {
		ret.fg = SCREEN_DEFAULT;
		ret.attributes = 0;
	}
	return ret;
}

/* The row's text, without the blanks behind it. */
static void paint_row_text(const struct screen *s, int row, struct buffer *out)
{
	size_t begin = out->len;
	struct screen_cell cell;
	int col, cols = screen_cols(s);

	for (col = 0; col < cols; col++) {
		cell = paint_cell(s, row, col, cols);
		vis_append_code(out, cell.c);
		col += (cell.attributes & SCREEN_WIDE) != 0;
	}
	while (out->len > begin && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
}

static int paint_last_row(const struct screen *s)
{
	int row = screen_rows(s) - 1, col;

	for (; row >= 0; row--) {
		for (col = 0; col < screen_cols(s); col++) {
			if (!screen_is_blank(s, row, col))
				return row;
		}
	}
	return -1;
}

void paint_rows(const struct screen *s, struct buffer *out)
{
	int last = paint_last_row(s), row, cursor_row, cursor_col;

	screen_cursor(s, &cursor_row, &cursor_col);
	for (row = 0; row <= last; row++) {
		paint_row_text(s, row, out);
		if (row < last || cursor_row != last)
			buffer_append_text(out, "\r\n");
	}
	if (cursor_row == last && last >= 0)
		buffer_printf(out, "\r\033[%dG", cursor_col + 1);
}
