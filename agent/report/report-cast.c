/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recording becomes screens. report.c comes in once, with a record. The
 * browser needs no terminal then: this one (screen.h) has read every byte, and what
 * the page gets is text and colours.
 *
 * Always true: a frame holds what differs from the one before, and there are at
 * most 25 a second; a row that only moved up is not written again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console/cast.h"
#include "agent/console/screen.h"
#include "agent/report/report.h"
#include "base/memory.h"
#include "base/vis.h"

#define CAST_NOTHING UINT32_MAX	/* no character, not even a blank */
#define CAST_FRAME_MS 40

struct cast {
	json_t *styles, *frames, *keys, *marks;
	struct screen *screen;
	struct screen_cell *shown;	/* of the last frame */
	int rows, cols;
	int row, col;			/* the cursor in it */
	int64_t due;			/* no frame before */
	int64_t at;			/* of what came since the last frame */
	bool waits;
};

/* ---- one row ----------------------------------------------------------------- */

static bool cast_same_style(const struct screen_cell *a,
			    const struct screen_cell *b)
{
	return a->attributes == b->attributes && a->fg == b->fg &&
	       a->bg == b->bg;
}

static json_int_t cast_color(uint32_t color)
{
	return color == SCREEN_DEFAULT ? -1 : (json_int_t)color;
}

static json_int_t cast_style(struct cast *c, const struct screen_cell *cell)
{
	json_t *style = json_pack("[I,I,I]", (json_int_t)cell->attributes,
				  cast_color(cell->fg), cast_color(cell->bg));
	size_t i;

	for (i = 0; i < json_array_size(c->styles); i++) {
		if (json_equal(json_array_get(c->styles, i), style))
			break;
	}
	if (i == json_array_size(c->styles))
		json_array_append(c->styles, style);
	json_decref(style);
	return (json_int_t)i;
}

/* Marks that turn text around have no place on a screen of cells. */
static uint32_t cast_code(uint32_t code)
{
	if ((code >= 0x202a && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069) || code == 0x200e ||
	    code == 0x200f || (code >= 0x80 && code < 0xa0) ||
	    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0xfffd;
	return code < 0x20 || code == 0x7f ? ' ' : code;
}

/*
 * A cell as the page has it. The right half of a wide character is nothing, of the
 * same style as the left one, which has the room of both; half of one that was
 * overwritten is a blank.
 */
static struct screen_cell cast_cell(const struct cast *c,
				    const struct screen_cell *cells, int col)
{
	const uint32_t halves = SCREEN_WIDE | SCREEN_WIDE_END;
	struct screen_cell cell = cells[col];
	bool left = (cell.attributes & SCREEN_WIDE) != 0 && col + 1 < c->cols &&
		    (cells[col + 1].attributes & SCREEN_WIDE_END) != 0;
	bool right = (cell.attributes & SCREEN_WIDE_END) != 0 && col > 0 &&
		     (cells[col - 1].attributes & SCREEN_WIDE) != 0;

	if ((cell.attributes & halves) == 0)
		return cell;
	cell.attributes &= ~halves;
	if (left || right)
		cell.attributes |= SCREEN_WIDE;
	else
		cell.c = ' ';
	if (right)
		cell.c = CAST_NOTHING;
	return cell;
}

static json_t *cast_row(struct cast *c, const struct screen_cell *cells)
{
	json_t *list = json_array();
	struct buffer text = { 0 };
	struct screen_cell first, cell;
	int col = 0, end = c->cols;

	while (end > 0 && screen_cell_is_blank(&cells[end - 1]) &&
	       cells[end - 1].attributes == 0 &&
	       cells[end - 1].bg == SCREEN_DEFAULT)
		end--;
	while (col < end) {
		first = cast_cell(c, cells, col);
		for (; col < end; col++) {
			cell = cast_cell(c, cells, col);
			if (!cast_same_style(&first, &cell))
				break;
			if (cell.c != CAST_NOTHING)
				vis_append_code(&text, cast_code(cell.c));
		}
		json_array_append_new(list, json_integer(cast_style(c, &first)));
		json_array_append_new(list, json_stringn(text.data, text.len));
		buffer_clear(&text);
	}
	buffer_release(&text);
	return list;
}

/* ---- frames --------------------------------------------------------------------- */

static bool cast_row_is(const struct cast *c, int row, int shown)
{
	size_t size = (size_t)c->cols * sizeof(*c->shown);

	return memcmp(screen_cells(c->screen, row), &c->shown[shown * c->cols],
		      size) == 0;
}

/* How many rows it scrolled up by since: what leaves the fewest rows to write. */
static int cast_scrolled(const struct cast *c)
{
	int by, row, same, best = 0, most = 0;

	for (by = 0; by < c->rows; by++) {
		for (row = same = 0; row + by < c->rows; row++)
			same += cast_row_is(c, row, row + by);
		/* where nothing moved, nothing scrolled */
		if (same > most) {
			most = same;
			best = by;
		}
	}
	return best;
}

static void cast_scroll(struct cast *c, int by)
{
	size_t cells = (size_t)(by * c->cols), all = (size_t)(c->rows * c->cols);
	size_t i;

	memmove(c->shown, c->shown + cells, (all - cells) * sizeof(*c->shown));
	for (i = all - cells; i < all; i++)
		c->shown[i] = (struct screen_cell){ .fg = SCREEN_DEFAULT,
						    .bg = SCREEN_DEFAULT };
}

static void cast_frame(struct cast *c)
{
	int by = cast_scrolled(c), row, col, i;
	json_t *frame;

	screen_cursor(c->screen, &row, &col);
	frame = json_pack("[I,i,i,i]", (json_int_t)c->at, row, col, by);
	cast_scroll(c, by);
	for (i = 0; i < c->rows; i++) {
		if (cast_row_is(c, i, i))
			continue;
		memcpy(&c->shown[i * c->cols], screen_cells(c->screen, i),
		       (size_t)c->cols * sizeof(*c->shown));
		json_array_append_new(frame, json_pack(
			"[i,o]", i, cast_row(c, screen_cells(c->screen, i))));
	}
	if (json_array_size(frame) > 4 || by > 0 || row != c->row ||
	    col != c->col)
		json_array_append(c->frames, frame);
	json_decref(frame);
	c->row = row;
	c->col = col;
	c->due = c->at + CAST_FRAME_MS;
	c->waits = false;
}

static void cast_take(void *context, const struct cast_event *event)
{
	struct cast *c = context;
	json_t *list = event->type == CAST_INPUT    ? c->keys
		       : event->type == CAST_MARKER ? c->marks : NULL;

	if (list != NULL)
		json_array_append_new(list, json_pack(
			"[I,o]", (json_int_t)event->at_ms,
			json_stringn(event->text, event->len)));
	if (event->type != CAST_OUTPUT)
		return;
	if (c->waits && event->at_ms >= c->due)
		cast_frame(c);
	screen_feed(c->screen, event->text, event->len);
	c->at = event->at_ms;
	c->waits = true;
}

/* ---- the file ------------------------------------------------------------------- */

/* Which size the console's programs drew on. */
static void cast_measure(void *context, const struct cast_event *event)
{
	if (event->type == CAST_OUTPUT)
		screen_feed(context, event->text, event->len);
}

typedef void cast_take_fn(void *context, const struct cast_event *event);

/* Counts the lines that are damaged; -1 where there is no recording. */
static int cast_each(const char *path, int *ret_cols, int *ret_rows,
		     cast_take_fn *take, void *context, size_t *ret_damaged)
{
	char *file = memory_format("%s/console.cast", path), *line = NULL;
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), rc = -1;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	struct cast_event event;
	size_t size = 0;

	*ret_damaged = 0;
	if (f != NULL && getline(&line, &size, f) >= 0 &&
	    cast_read_header(line, ret_cols, ret_rows, NULL) == 0)
		rc = 0;
	while (rc == 0 && take != NULL && getline(&line, &size, f) >= 0) {
		if (cast_read_event(line, &event, NULL) < 0) {
			(*ret_damaged)++;
			continue;
		}
		take(context, &event);
		free(event.text);
	}
	if (f != NULL)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	free(line);
	free(file);
	return rc;
}

static void cast_begin(struct cast *c, int rows, int cols)
{
	c->screen = screen_new(rows, cols);
	c->rows = screen_rows(c->screen);
	c->cols = screen_cols(c->screen);
	c->styles = json_pack("[[i,i,i]]", 0, -1, -1);
	c->frames = json_array();
	c->keys = json_array();
	c->marks = json_array();
	c->shown = memory_new((size_t)(c->rows * c->cols), sizeof(*c->shown));
	cast_scroll(c, c->rows);
}

json_t *report_cast(const char *path, size_t *ret_damaged)
{
	struct cast c = { .row = 0 };
	struct screen *measure;
	int rows = 0, cols = 0, wanted_rows, wanted_cols;

	if (cast_each(path, &cols, &rows, NULL, NULL, ret_damaged) < 0)
		return NULL;
	measure = screen_new(rows, cols);
	cast_each(path, &cols, &rows, cast_measure, measure, ret_damaged);
	screen_wanted(measure, &wanted_rows, &wanted_cols);
	screen_free(measure);
	cast_begin(&c, wanted_rows, wanted_cols);
	cast_each(path, &cols, &rows, cast_take, &c, ret_damaged);
	if (c.waits)
		cast_frame(&c);
	free(c.shown);
	cols = c.cols;
	rows = c.rows;
	screen_free(c.screen);
	return json_pack("{si si so so so so}", "cols", cols, "rows", rows,
			 "styles", c.styles, "frames", c.frames, "keys", c.keys,
			 "marks", c.marks);
}
