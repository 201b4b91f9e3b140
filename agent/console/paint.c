/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The painter. view.c comes in, once a frame: the cells that are wanted are
 * put together, then compared with those that the terminal shows, and what differs
 * goes out.
 *
 * Always true: `shown` is what a terminal that read all our bytes shows; a cell
 * of which that is not known is PAINT_UNKNOWN and differs from any other. Half a
 * wide character differs from all but itself, so none is left. The terminal does not wrap (mode 7), so nothing that we write scrolls it; behind
 * a character that it might take for wider or narrower than we do, the cursor is
 * placed anew.
 */
#include "agent/console/paint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/paint-private.h"
#include "base/memory.h"
#include "base/vis.h"

#define PAINT_ROWS 24		/* where a terminal does not say */
#define PAINT_COLS 80
#define PAINT_ROWS_MAX (SCREEN_ROWS_MAX + 1)
#define PAINT_COLS_MAX SCREEN_COLS_MAX
#define PAINT_UNKNOWN 0xffffffffu
#define PAINT_BLANKS 8	/* that somebody typed, before the cursor */

struct paint {
	int rows;
	int cols;
	int top;			/* of the screen, at the terminal's first */
	int left;
	bool top_kept;			/* by paint_move_part */
	bool left_kept;
	struct screen_cell *want;	/* rows * cols each */
	struct screen_cell *shown;
	int row;			/* the terminal's cursor; -1: not known */
	int col;
	bool hidden;
	struct screen_cell pen;		/* c: PAINT_UNKNOWN where it is not known */
};

static const struct screen_cell paint_empty = {
	.c = ' ', .fg = SCREEN_DEFAULT, .bg = SCREEN_DEFAULT,
};

/* ---- the terminal ----------------------------------------------------------------- */

static void paint_fill(struct paint *p, struct screen_cell *cells, uint32_t c)
{
	size_t i, count = (size_t)p->rows * (size_t)p->cols;

	for (i = 0; i < count; i++) {
		cells[i] = paint_empty;
		cells[i].c = c;
	}
}

static void paint_forget(struct paint *p)
{
	paint_fill(p, p->shown, PAINT_UNKNOWN);
	p->row = p->col = -1;
	p->pen.c = PAINT_UNKNOWN;
	p->hidden = false;
}

static int paint_bound(int value, int fallback, int max)
{
	return value < 1 ? fallback : value > max ? max : value;
}

void paint_size(struct paint *p, int rows, int cols)
{
	size_t count;

	p->rows = paint_bound(rows, PAINT_ROWS, PAINT_ROWS_MAX);
	p->cols = paint_bound(cols, PAINT_COLS, PAINT_COLS_MAX);
	count = (size_t)p->rows * (size_t)p->cols;
	free(p->want);
	free(p->shown);
	p->want = memory_new(count, sizeof(*p->want));
	p->shown = memory_new(count, sizeof(*p->shown));
	paint_forget(p);
}

struct paint *paint_new(void)
{
	struct paint *p = memory_new(1, sizeof(*p));

	paint_size(p, 0, 0);
	return p;
}

void paint_free(struct paint *p)
{
	if (p == NULL)
		return;
	free(p->want);
	free(p->shown);
	free(p);
}

void paint_begin(struct paint *p, struct buffer *out)
{
	p->top = p->left = 0;
	p->top_kept = p->left_kept = false;
	paint_forget(p);
	buffer_append_text(out, "\033[?1049h\033[?7l");
}

/* Where there is no other screen, what was painted stays, above the cursor. */
void paint_end(struct paint *p, struct buffer *out)
{
	buffer_printf(out, "\033[m\033[%d;1H\033[K\033[?7h\033[?25h\033[?1049l",
		      p->rows);
	paint_forget(p);
}

/* ---- what is wanted ------------------------------------------------------------------ */

bool paint_is_smaller(const struct paint *p, const struct screen *s)
{
	return p->rows < screen_rows(s) || p->cols < screen_cols(s);
}

bool paint_has_room(const struct paint *p, const struct screen *s)
{
	return p->rows > screen_rows(s);
}

void paint_part(const struct paint *p, int *ret_top, int *ret_left)
{
	*ret_top = p->top;
	*ret_left = p->left;
}

/* No further than that the terminal is full. */
static int paint_first(int first, int seen, int all)
{
	if (first > all - seen)
		first = all - seen;
	return first < 0 ? 0 : first;
}

static int paint_follow(int first, int seen, int cursor)
{
	if (cursor >= first + seen)
		first = cursor - seen + 1;
	return cursor < first ? cursor : first;
}

/*
 * Where a person looks in the cursor's row: GRUB parks it behind an entry, at the
 * right edge of its box, and the entry is what is to be seen.
 */
static int paint_eye(const struct screen *s, int row, int col)
{
	int text = col;

	while (text > 0 && screen_is_blank(s, row, text - 1))
		text--;
	return col - text > PAINT_BLANKS ? text : col;
}

/* To the side it goes by half a window, and home where that is enough. */
static int paint_follow_eye(int first, int seen, int eye)
{
	if (eye < seen)
		return 0;
	return eye >= first && eye < first + seen ? first : eye - seen / 2;
}

/* The part of the screen that is shown moves no more than the cursor needs. */
static void paint_scroll(struct paint *p, const struct screen *s)
{
	int row, col;

	screen_cursor(s, &row, &col);
	if (!p->top_kept)
		p->top = paint_follow(p->top, p->rows, row);
	if (!p->left_kept)
		p->left = paint_follow_eye(p->left, p->cols,
					   paint_eye(s, row, col));
	p->top = paint_first(p->top, p->rows, screen_rows(s));
	p->left = paint_first(p->left, p->cols, screen_cols(s));
}

void paint_move_part(struct paint *p, const struct screen *s, int down, int right)
{
	p->top_kept = down != 0 || (p->top_kept && right != 0);
	p->left_kept = right != 0 || (p->left_kept && down != 0);
	p->top = paint_first(p->top + down * ((p->rows + 1) / 2), p->rows,
			     screen_rows(s));
	p->left = paint_first(p->left + right * ((p->cols + 1) / 2), p->cols,
			      screen_cols(s));
}

static void paint_want_row(struct paint *p, const struct screen *s, int row)
{
	struct screen_cell *want = p->want + (size_t)row * (size_t)p->cols;
	int end = screen_cols(s), col;

	if (end > p->left + p->cols)
		end = p->left + p->cols;
	for (col = p->left; col < end; col++) {
		want[col - p->left] = paint_cell(s, p->top + row, col, end);
		if ((want[col - p->left].attributes & SCREEN_WIDE) == 0)
			continue;
		want[col + 1 - p->left] = want[col - p->left];
		want[col + 1 - p->left].c = 0;
		want[col + 1 - p->left].attributes ^= SCREEN_WIDE |
						      SCREEN_WIDE_END;
		col++;
	}
}

/* Latin, Greek and Cyrillic letters are as wide as they look. */
static uint32_t paint_line_code(const char *utf8, size_t len)
{
	const unsigned char *b = (const unsigned char *)utf8;

	if (len == 1)
		return b[0] < 0x20 || b[0] == 0x7f ? '?' : b[0];
	if (len == 2 && (b[0] < 0xcc || b[0] >= 0xce) && b[0] < 0xd2 &&
	    (b[0] != 0xc2 || b[1] >= 0xa0))
		return (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f);
	return '?';
}

static void paint_want_line(struct paint *p, const char *line, int row)
{
	struct screen_cell *want = p->want + (size_t)row * (size_t)p->cols;
	size_t len = strlen(line), n;
	int col;

	for (col = 0; col < p->cols && len > 0; col++) {
		n = vis_utf8_len(line, len, NULL);
		n = n == 0 ? 1 : n;
		want[col] = paint_empty;
		want[col].c = paint_line_code(line, n);
		want[col].attributes = SCREEN_REVERSE;
		line += n;
		len -= n;
	}
	for (; col < p->cols; col++)
		want[col] = paint_empty;
}

static void paint_want(struct paint *p, const struct screen *s, const char *line)
{
	int rows = screen_rows(s) < p->rows ? screen_rows(s) : p->rows;
	int row;

	paint_scroll(p, s);
	paint_fill(p, p->want, ' ');
	for (row = 0; row < rows; row++)
		paint_want_row(p, s, row);
	if (line != NULL && line[0] != '\0')
		paint_want_line(p, line, rows < p->rows ? rows : rows - 1);
}

/* ---- what goes out -------------------------------------------------------------------- */

static void paint_move(struct paint *p, int row, int col, struct buffer *out)
{
	if (p->row == row && p->col == col)
		return;
	buffer_printf(out, "\033[%d;%dH", row + 1, col + 1);
	p->row = row;
	p->col = col;
}

static bool paint_same_style(const struct screen_cell *a,
			     const struct screen_cell *b)
{
	return (a->attributes & PAINT_STYLE) == (b->attributes & PAINT_STYLE) &&
	       a->fg == b->fg && a->bg == b->bg;
}

static bool paint_same(const struct screen_cell *a, const struct screen_cell *b)
{
	return a->c == b->c && a->attributes == b->attributes &&
	       a->fg == b->fg && a->bg == b->bg;
}

/* base: 30 for the foreground, 40 for the background. */
static void paint_color(uint32_t color, unsigned base, struct buffer *out)
{
	if (color < 8)
		buffer_printf(out, ";%u", base + color);
	else if (color < 16)
		buffer_printf(out, ";%u", base + 60 + color - 8);
}

/* A sequence of its own: terminals may read no more than 16 numbers. */
static void paint_long_color(uint32_t color, unsigned base, struct buffer *out)
{
	if (color == SCREEN_DEFAULT || color < 16)
		return;
	if ((color & SCREEN_RGB) != 0)
		buffer_printf(out, "\033[%u;2;%u;%u;%um", base + 8,
			      color >> 16 & 0xff, color >> 8 & 0xff,
			      color & 0xff);
	else
		buffer_printf(out, "\033[%u;5;%um", base + 8, color & 0xff);
}

/* Of a blank only the background is seen. */
static bool paint_pen_fits(const struct paint *p, const struct screen_cell *cell)
{
	if (p->pen.c == PAINT_UNKNOWN)
		return false;
	if (cell->c == ' ' && cell->attributes == 0)
		return p->pen.bg == cell->bg &&
		       (p->pen.attributes &
			(SCREEN_REVERSE | SCREEN_UNDERLINE)) == 0;
	return paint_same_style(&p->pen, cell);
}

static void paint_pen(struct paint *p, const struct screen_cell *cell,
		      struct buffer *out)
{
	if (paint_pen_fits(p, cell))
		return;
	buffer_append_text(out, "\033[0");
	if ((cell->attributes & SCREEN_BOLD) != 0)
		buffer_append_text(out, ";1");
	if ((cell->attributes & SCREEN_UNDERLINE) != 0)
		buffer_append_text(out, ";4");
	if ((cell->attributes & SCREEN_BLINK) != 0)
		buffer_append_text(out, ";5");
	if ((cell->attributes & SCREEN_REVERSE) != 0)
		buffer_append_text(out, ";7");
	paint_color(cell->fg, 30, out);
	paint_color(cell->bg, 40, out);
	buffer_append_char(out, 'm');
	paint_long_color(cell->fg, 30, out);
	paint_long_color(cell->bg, 40, out);
	p->pen = *cell;
	p->pen.c = ' ';
}

/* It does not run over the screen while that is painted. */
static void paint_hide_cursor(struct paint *p, struct buffer *out)
{
	if (!p->hidden)
		buffer_append_text(out, "\033[?25l");
	p->hidden = true;
}

static void paint_put(struct paint *p, int row, int col,
		      const struct screen_cell *want, struct screen_cell *shown,
		      struct buffer *out)
{
	int width = (want[col].attributes & SCREEN_WIDE) != 0 ? 2 : 1;
	int i;

	paint_hide_cursor(p, out);
	paint_move(p, row, col, out);
	paint_pen(p, &want[col], out);
	vis_append_code(out, want[col].c);
	for (i = col; i < col + width; i++)
		shown[i] = want[i];
	p->col = col + width;
	/* Wider or narrower there than here, it stands elsewhere. */
	if (want[col].c >= 0x80)
		p->row = -1;
}

/* From that column on all is blank, and something else is shown. */
static bool paint_is_tail(const struct paint *p, const struct screen_cell *want,
			  int col)
{
	for (; col < p->cols; col++) {
		if (!paint_same(&want[col], &paint_empty))
			return false;
	}
	return true;
}

static void paint_clear_tail(struct paint *p, int row, int col,
			     struct screen_cell *shown, struct buffer *out)
{
	paint_hide_cursor(p, out);
	paint_move(p, row, col, out);
	paint_pen(p, &paint_empty, out);
	buffer_append_text(out, "\033[K");
	for (; col < p->cols; col++)
		shown[col] = paint_empty;
}

static void paint_row(struct paint *p, int row, struct buffer *out)
{
	const struct screen_cell *want = p->want + (size_t)row * (size_t)p->cols;
	struct screen_cell *shown = p->shown + (size_t)row * (size_t)p->cols;
	int col = 0;

	while (col < p->cols) {
		if (paint_same(&want[col], &shown[col]) ||
		    (want[col].attributes & SCREEN_WIDE_END) != 0) {
			col++;
		} else if (paint_is_tail(p, want, col)) {
			paint_clear_tail(p, row, col, shown, out);
			return;
		} else {
			paint_put(p, row, col, want, shown, out);
			col++;
		}
	}
}

static void paint_cursor(struct paint *p, const struct screen *s,
			 struct buffer *out)
{
	bool hidden = screen_cursor_is_hidden(s);
	int row, col;

	screen_cursor(s, &row, &col);
	row -= p->top;
	col -= p->left;
	hidden |= row < 0 || row >= p->rows || col < 0 || col >= p->cols;
	if (!hidden)
		paint_move(p, row, col, out);
	if (hidden)
		paint_hide_cursor(p, out);
	else if (p->hidden)
		buffer_append_text(out, "\033[?25h");
	p->hidden = hidden;
}

void paint_frame(struct paint *p, const struct screen *s, const char *line,
		 struct buffer *out)
{
	int row;

	paint_want(p, s, line);
	if (p->pen.c == PAINT_UNKNOWN) {
		paint_hide_cursor(p, out);
		paint_pen(p, &paint_empty, out);
		buffer_append_text(out, "\033[2J");
		paint_fill(p, p->shown, ' ');
	}
	for (row = 0; row < p->rows; row++)
		paint_row(p, row, out);
	paint_cursor(p, s, out);
}
