/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen: cells that libvterm's state layer draws into. Bytes come in by
 * screen_feed (screen-input.c, which lets through what is safe); this room is
 * what the callbacks write and what others read.
 *
 * libvterm's own screen layer moves all cells for each line feed, which is most
 * of its time with boot messages; here the rows change places. Its output
 * callback is set and does nothing, so no answer to a query is ever kept.
 *
 * Always true: `now` is the screen in use, each row pointer of it is there
 * once; a cell holds one code point (marks that combine are left out).
 */
#include "agent/console/screen-private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vis.h"

/* ---- cells ---------------------------------------------------------------- */

static void screen_cells_init(struct screen_cells *cells, int rows, int cols)
{
	int i;

	cells->memory = memory_new((size_t)rows * (size_t)cols,
				   sizeof(*cells->memory));
	cells->rows = memory_new((size_t)rows, sizeof(*cells->rows));
	for (i = 0; i < rows; i++)
		cells->rows[i] = cells->memory + (size_t)i * (size_t)cols;
}

static void screen_cells_release(struct screen_cells *cells)
{
	free(cells->memory);
	free(cells->rows);
}

/* Empty cells have the colours of the pen (ECMA-48 says nothing; xterm does). */
static void screen_erase_row(struct screen *s, int row, int from, int to)
{
	struct screen_cell empty = s->pen;
	int col;

	empty.c = 0;
	empty.attributes = 0;
	for (col = from; col < to; col++)
		s->now->rows[row][col] = empty;
}

static int screen_on_erase(VTermRect rect, int selective, void *user)
{
	struct screen *s = user;
	int row;

	(void)selective;
	s->generation++;
	for (row = rect.start_row; row < rect.end_row && row < s->rows; row++)
		screen_erase_row(s, row, rect.start_col,
				 rect.end_col < s->cols ? rect.end_col : s->cols);
	return 1;
}

static int screen_on_putglyph(VTermGlyphInfo *info, VTermPos pos, void *user)
{
	struct screen *s = user;
	struct screen_cell *cell;
	int i;

	if (pos.row < 0 || pos.row >= s->rows || pos.col < 0 ||
	    pos.col >= s->cols || info->width < 1)
		return 1;
	s->generation++;
	cell = &s->now->rows[pos.row][pos.col];
	*cell = s->pen;
	cell->c = info->chars[0];
	/* The right half of a wide character. */
	for (i = 1; i < info->width && pos.col + i < s->cols; i++) {
		cell[i] = s->pen;
		cell[i].c = 0;
		cell[i - 1].attributes |= SCREEN_WIDE;
		cell[i].attributes |= SCREEN_WIDE_END;
	}
	return 1;
}

static int screen_on_moverect(VTermRect dest, VTermRect src, void *user)
{
	struct screen *s = user;
	int count = dest.end_row - dest.start_row, i, n;

	s->generation++;
	for (i = 0; i < count; i++) {
		/* Downwards the last row goes first. */
		n = dest.start_row > src.start_row ? count - 1 - i : i;
		memmove(s->now->rows[dest.start_row + n] + dest.start_col,
			s->now->rows[src.start_row + n] + src.start_col,
			(size_t)(dest.end_col - dest.start_col) *
				sizeof(struct screen_cell));
	}
	return 1;
}

/* Full rows: they change places, and the new ones are emptied. */
static void screen_scroll_rows(struct screen *s, int top, int bottom, int up)
{
	struct screen_cell **rows = s->now->rows, *first;
	int i, n;

	s->generation++;
	for (n = 0; n < up; n++) {
		first = rows[top];
		memmove(&rows[top], &rows[top + 1],
			(size_t)(bottom - top - 1) * sizeof(*rows));
		rows[bottom - 1] = first;
	}
	for (n = 0; n > up; n--) {
		first = rows[bottom - 1];
		memmove(&rows[top + 1], &rows[top],
			(size_t)(bottom - top - 1) * sizeof(*rows));
		rows[top] = first;
	}
	for (i = 0; i < abs(up); i++)
		screen_erase_row(s, up > 0 ? bottom - 1 - i : top + i, 0,
				 s->cols);
}

/* libvterm has bounded the distances by the size of the rectangle. */
static int screen_on_scroll(VTermRect rect, int downward, int rightward,
			    void *user)
{
	struct screen *s = user;

	if (rightward == 0 && rect.start_col == 0 && rect.end_col == s->cols)
		screen_scroll_rows(s, rect.start_row, rect.end_row, downward);
	else
		vterm_scroll_rect(rect, downward, rightward, screen_on_moverect,
				  screen_on_erase, s);
	return 1;
}

/* ---- pen and modes ---------------------------------------------------------- */

static uint32_t screen_color(const VTermColor *color)
{
	if (VTERM_COLOR_IS_DEFAULT_FG(color) || VTERM_COLOR_IS_DEFAULT_BG(color))
		return SCREEN_DEFAULT;
	if (VTERM_COLOR_IS_INDEXED(color))
		return color->indexed.idx;
	return SCREEN_RGB | (uint32_t)color->rgb.red << 16 |
	       (uint32_t)color->rgb.green << 8 | color->rgb.blue;
}

static int screen_on_initpen(void *user)
{
	struct screen *s = user;

	s->pen = (struct screen_cell){ .fg = SCREEN_DEFAULT,
				       .bg = SCREEN_DEFAULT };
	return 1;
}

static void screen_pen_flag(struct screen *s, uint32_t flag, bool on)
{
	s->pen.attributes = on ? s->pen.attributes | flag
			       : s->pen.attributes & ~flag;
}

static int screen_on_pen(VTermAttr attr, VTermValue *val, void *user)
{
	struct screen *s = user;

	switch (attr) {
	case VTERM_ATTR_BOLD:
		screen_pen_flag(s, SCREEN_BOLD, val->boolean);
		return 1;
	case VTERM_ATTR_REVERSE:
		screen_pen_flag(s, SCREEN_REVERSE, val->boolean);
		return 1;
	case VTERM_ATTR_UNDERLINE:
		screen_pen_flag(s, SCREEN_UNDERLINE, val->number != 0);
		return 1;
	case VTERM_ATTR_BLINK:
		screen_pen_flag(s, SCREEN_BLINK, val->boolean);
		return 1;
	case VTERM_ATTR_FOREGROUND:
		s->pen.fg = screen_color(&val->color);
		return 1;
	case VTERM_ATTR_BACKGROUND:
		s->pen.bg = screen_color(&val->color);
		return 1;
	default:
		return 1;
	}
}

static int screen_on_cursor(VTermPos pos, VTermPos oldpos, int visible, void *user)
{
	struct screen *s = user;

	(void)oldpos;
	(void)visible;
	s->generation++;
	s->row = pos.row;
	s->col = pos.col;
	return 1;
}

static int screen_on_property(VTermProp prop, VTermValue *val, void *user)
{
	struct screen *s = user;

	if (prop == VTERM_PROP_CURSORVISIBLE) {
		if (val->boolean && s->hidden)
			s->paints++;
		s->hidden = !val->boolean;
	} else if (prop == VTERM_PROP_ALTSCREEN) {
		s->generation++;
		s->now = val->boolean ? &s->other : &s->main;
	}
	return 1;
}

static const VTermStateCallbacks screen_callbacks = {
	.putglyph = screen_on_putglyph,
	.movecursor = screen_on_cursor,
	.scrollrect = screen_on_scroll,
	.moverect = screen_on_moverect,
	.erase = screen_on_erase,
	.initpen = screen_on_initpen,
	.setpenattr = screen_on_pen,
	.settermprop = screen_on_property,
};

/* ---- the doors ---------------------------------------------------------------- */

static void *screen_malloc(size_t size, void *data)
{
	(void)data;
	return memory_new(1, size);
}

static void screen_release(void *ptr, void *data)
{
	(void)data;
	free(ptr);
}

static VTermAllocatorFunctions screen_allocator = { screen_malloc,
						    screen_release };

static void screen_no_answer(const char *bytes, size_t len, void *user)
{
	(void)bytes;
	(void)len;
	(void)user;
}

static void screen_begin(struct screen *s)
{
	VTermState *state;

	s->vt = vterm_new_with_allocator(s->rows, s->cols, &screen_allocator,
					 NULL);
	vterm_set_utf8(s->vt, 1);
	vterm_output_set_callback(s->vt, screen_no_answer, NULL);
	state = vterm_obtain_state(s->vt);
	vterm_state_set_callbacks(state, &screen_callbacks, s);
	vterm_state_reset(state, 1);
}

static int screen_bound(int value, int min, int max)
{
	return value < min ? min : value > max ? max : value;
}

struct screen *screen_new(int rows, int cols)
{
	struct screen *s = memory_new(1, sizeof(*s));

	s->rows = screen_bound(rows, SCREEN_ROWS_MIN, SCREEN_ROWS_MAX);
	s->cols = screen_bound(cols, SCREEN_COLS_MIN, SCREEN_COLS_MAX);
	screen_cells_init(&s->main, s->rows, s->cols);
	screen_cells_init(&s->other, s->rows, s->cols);
	s->now = &s->main;
	screen_input_reset(s);
	screen_begin(s);
	return s;
}

void screen_free(struct screen *s)
{
	if (s == NULL)
		return;
	vterm_free(s->vt);
	screen_cells_release(&s->main);
	screen_cells_release(&s->other);
	buffer_release(&s->text);
	free(s);
}

/* A reset keeps this and that of a terminal; a new one keeps nothing. */
void screen_clear(struct screen *s)
{
	vterm_free(s->vt);
	s->now = &s->main;
	s->hidden = s->application = false;
	s->row = s->col = 0;
	s->wanted_rows = s->wanted_cols = 0;
	screen_input_reset(s);
	screen_begin(s);
}

int screen_rows(const struct screen *s)
{
	return s->rows;
}

int screen_cols(const struct screen *s)
{
	return s->cols;
}

void screen_cursor(const struct screen *s, int *ret_row, int *ret_col)
{
	*ret_row = s->row;
	*ret_col = s->col;
}

bool screen_cursor_is_hidden(const struct screen *s)
{
	return s->hidden;
}

bool screen_wants_application_keys(const struct screen *s)
{
	return s->application;
}

const struct screen_cell *screen_cell(const struct screen *s, int row, int col)
{
	assert(row >= 0 && row < s->rows && col >= 0 && col < s->cols);
	return &s->now->rows[row][col];
}

static bool screen_c_is_blank(uint32_t c)
{
	return c == 0 || c == ' ' || c == 0xa0;
}

bool screen_is_blank(const struct screen *s, int row, int col)
{
	return screen_c_is_blank(screen_cell(s, row, col)->c);
}

const struct screen_cell *screen_cells(const struct screen *s, int row)
{
	assert(row >= 0 && row < s->rows);
	return s->now->rows[row];
}

/* The second cell of a character that has two, both of them whole. */
static bool screen_is_second(const struct screen_cell *cells, int col)
{
	return col > 0 && (cells[col].attributes & SCREEN_WIDE_END) != 0 &&
	       (cells[col - 1].attributes & SCREEN_WIDE) != 0;
}

/* by_cell: a character for each cell; else each character once. */
static void screen_put_row(const struct screen *s, int row, bool by_cell,
			   struct buffer *out)
{
	const struct screen_cell *cells = screen_cell(s, row, 0);
	int last = s->cols, col;

	while (last > 0 && screen_c_is_blank(cells[last - 1].c))
		last--;
	for (col = 0; col < last; col++) {
		if (!by_cell && screen_is_second(cells, col))
			continue;
		vis_append_code(out, screen_c_is_blank(cells[col].c)
						? ' ' : cells[col].c);
	}
}

void screen_row(const struct screen *s, int row, struct buffer *out)
{
	screen_put_row(s, row, true, out);
}

const char *screen_text(struct screen *s, size_t *ret_len)
{
	size_t used = 0;
	int row;

	if (s->text_of != s->generation || s->text.data == NULL) {
		buffer_clear(&s->text);
		for (row = 0; row < s->rows; row++) {
			screen_put_row(s, row, false, &s->text);
			if (s->text.len > used &&
			    s->text.data[s->text.len - 1] != '\n')
				used = s->text.len;
			buffer_append_char(&s->text, '\n');
		}
		s->text.len = used;
		s->text.data[used] = '\0';
		s->text_of = s->generation;
	}
	if (ret_len != NULL)
		*ret_len = s->text.len;
	return buffer_text(&s->text);
}

void screen_wanted(const struct screen *s, int *ret_rows, int *ret_cols)
{
	*ret_rows = s->wanted_rows > s->rows ? s->wanted_rows : s->rows;
	*ret_cols = s->wanted_cols > s->cols ? s->wanted_cols : s->cols;
}

uint64_t screen_generation(const struct screen *s)
{
	return s->generation;
}

uint64_t screen_paints(const struct screen *s)
{
	return s->paints;
}
