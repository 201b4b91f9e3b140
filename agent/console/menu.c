/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Menus on a screen. machine-select.c comes in by menu_find_lit and
 * menu_find_entries; nothing is kept here between two calls.
 *
 * There is no standard for how a menu shows where it is. Three ways cover what
 * firmware and boot loaders do: a bar (GRUB, UEFI setup, most setups of old
 * BIOSes, dialog), text in another colour (Phoenix, iPXE), a marker (GRUB on a
 * dumb terminal). A title or a status line is a bar too: so the place must be the
 * only one, but for the first and last row of the screen, or the only one that
 * has changed since the key.
 */
#include "agent/console/menu.h"

#include <string.h>

#include "base/buffer.h"

#define MENU_PLACES 32		/* more than that are no highlight */
#define MENU_DEFAULT_FG 0xfffffffeu
#define MENU_NEIGHBOURS 2	/* so many rows must agree on the usual colour */

struct menu_places {
	struct menu_place list[MENU_PLACES];
	size_t count;
	bool too_many;
};

static void places_add(struct menu_places *p, int row, int col, int end)
{
	if (p->count == MENU_PLACES)
		p->too_many = true;
	else
		p->list[p->count++] = (struct menu_place){ row, col, end };
}

/* ---- what a cell looks like ------------------------------------------------- */

static uint32_t menu_fg_raw(const struct screen_cell *c)
{
	return c->fg == SCREEN_DEFAULT ? MENU_DEFAULT_FG : c->fg;
}

/* As it is seen: reverse video is carried out. */
static uint32_t menu_cell_bg(const struct screen_cell *c)
{
	return (c->attributes & SCREEN_REVERSE) != 0 ? menu_fg_raw(c) : c->bg;
}

static uint32_t menu_bg(const struct screen *s, int row, int col)
{
	return menu_cell_bg(screen_cell(s, row, col));
}

static uint64_t menu_cell_ink(const struct screen_cell *c)
{
	uint32_t fg = (c->attributes & SCREEN_REVERSE) != 0 ? c->bg
							    : menu_fg_raw(c);

	return (uint64_t)(c->attributes & SCREEN_BOLD) << 32 | fg;
}

static uint64_t menu_ink(const struct screen *s, int row, int col)
{
	return menu_cell_ink(screen_cell(s, row, col));
}

/* Lines of boxes stand between texts, as blanks do. */
static bool menu_is_line(const struct screen *s, int row, int col)
{
	uint32_t c = screen_cell(s, row, col)->c;

	return (c >= 0x2500 && c <= 0x259f) || c == '|';
}

static bool menu_is_gap(const struct screen *s, int row, int col)
{
	return col < 0 || col >= screen_cols(s) ||
	       screen_cell_is_blank(&screen_cells(s, row)[col]) ||
	       menu_is_line(s, row, col);
}

static bool menu_is_marker(const struct screen *s, int row, int col)
{
	uint32_t c = screen_cell(s, row, col)->c;

	return c == '>' || c == '*' || c == 0x25ba || c == 0x25b6 || c == 0x2192;
}

/* A marker that has text behind it, and nothing before. */
static bool menu_marks(const struct screen *s, int row, int col)
{
	return menu_is_marker(s, row, col) && menu_is_gap(s, row, col - 1) &&
	       (!menu_is_gap(s, row, col + 1) || !menu_is_gap(s, row, col + 2));
}

/* ---- looks -------------------------------------------------------------------- */

static uint64_t menu_hash(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u;
}

static uint64_t menu_row_text(const struct screen *s, int row)
{
	const struct screen_cell *cells = screen_cells(s, row);
	uint64_t hash = 0xcbf29ce484222325u;
	int col, cols = screen_cols(s);

	for (col = 0; col < cols; col++)
		hash = menu_hash(hash, screen_cell_is_blank(&cells[col])
					       ? ' ' : cells[col].c);
	return hash;
}

static uint64_t menu_row_style(const struct screen *s, int row)
{
	const struct screen_cell *cells = screen_cells(s, row);
	uint64_t hash = 0xcbf29ce484222325u;
	int col, cols = screen_cols(s);

	for (col = 0; col < cols; col++) {
		hash = menu_hash(hash, menu_cell_bg(&cells[col]));
		if (!screen_cell_is_blank(&cells[col]))
			hash = menu_hash(hash, menu_cell_ink(&cells[col]));
	}
	return hash;
}

void menu_take_look(const struct screen *s, struct menu_look *ret)
{
	int row;

	ret->rows = screen_rows(s);
	for (row = 0; row < ret->rows; row++) {
		ret->text[row] = menu_row_text(s, row);
		ret->style[row] = menu_row_style(s, row);
	}
}

int menu_changed_rows(const struct screen *s, const struct menu_look *then)
{
	int row, count = 0;

	if (then->rows != screen_rows(s))
		return screen_rows(s);
	for (row = 0; row < then->rows; row++)
		count += then->text[row] != menu_row_text(s, row);
	return count;
}

bool menu_row_changed(const struct screen *s, const struct menu_look *then,
		      int row)
{
	return row >= then->rows || then->text[row] != menu_row_text(s, row) ||
	       then->style[row] != menu_row_style(s, row);
}

/* ---- rows with text: most of a screen has none, and is not looked at again ------- */

struct menu_rows {
	bool text[SCREEN_ROWS_MAX];
};

static void menu_find_rows(const struct screen *s, struct menu_rows *ret)
{
	const struct screen_cell *cells;
	int row, col, cols = screen_cols(s);

	for (row = 0; row < screen_rows(s); row++) {
		cells = screen_cells(s, row);
		for (col = 0; col < cols && screen_cell_is_blank(&cells[col]);)
			col++;
		ret->text[row] = col < cols;
	}
}

/* ---- bars ----------------------------------------------------------------------- */

/* The background that most of the screen has. */
static uint32_t menu_ground(const struct screen *s)
{
	uint32_t ground = menu_bg(s, 0, 0), bg;
	const struct screen_cell *cells;
	int row, col, cols = screen_cols(s), votes = 0;

	/* Boyer and Moore's vote: right where one has more than half. */
	for (row = 0; row < screen_rows(s); row++) {
		cells = screen_cells(s, row);
		for (col = 0; col < cols; col++) {
			bg = menu_cell_bg(&cells[col]);
			if (votes == 0)
				ground = bg;
			votes += bg == ground ? 1 : -1;
		}
	}
	return ground;
}

static bool menu_stands_out(const struct screen *s, int row, int beside,
			    int col, int end)
{
	uint32_t bg = menu_bg(s, row, col);

	if (beside < 0 || beside >= screen_rows(s))
		return true;
	for (; col < end; col++) {
		if (!screen_is_blank(s, row, col) &&
		    menu_bg(s, beside, col) == bg)
			return false;
	}
	return true;
}

static int menu_bar_end(const struct screen *s, int row, int col)
{
	uint32_t bg = menu_bg(s, row, col);

	while (col < screen_cols(s) && menu_bg(s, row, col) == bg)
		col++;
	return col;
}

static bool menu_has_text(const struct screen *s, int row, int col, int end)
{
	for (; col < end; col++) {
		if (!menu_is_gap(s, row, col))
			return true;
	}
	return false;
}

static void menu_bars(const struct screen *s, const struct menu_rows *rows,
		      struct menu_places *ret)
{
	uint32_t ground = menu_ground(s);
	int row, col, end;

	for (row = 0; row < screen_rows(s); row++) {
		for (col = 0; rows->text[row] && col < screen_cols(s);
		     col = end) {
			end = menu_bar_end(s, row, col);
			if (menu_bg(s, row, col) != ground &&
			    menu_has_text(s, row, col, end) &&
			    menu_stands_out(s, row, row - 1, col, end) &&
			    menu_stands_out(s, row, row + 1, col, end))
				places_add(ret, row, col, end);
		}
	}
}

/* ---- another colour -------------------------------------------------------------- */

/* The end of a text that begins at col: two blanks, or a line, end it. */
static int menu_text_end(const struct screen *s, int row, int col)
{
	while (col < screen_cols(s) &&
	       !(menu_is_gap(s, row, col) && menu_is_gap(s, row, col + 1)) &&
	       !menu_is_line(s, row, col))
		col++;
	return col;
}

/* Behind two blanks, a line, or a marker. */
static bool menu_begins_text(const struct screen *s, int row, int col)
{
	if (menu_is_gap(s, row, col) || menu_marks(s, row, col))
		return false;
	if (col > 0 && menu_marks(s, row, col - 1))
		return true;
	return menu_is_gap(s, row, col - 1) &&
	       (menu_is_gap(s, row, col - 2) || menu_marks(s, row, col - 2));
}

/* Among the texts that begin in a column: the only one with its colour. */
static void menu_odd_in_column(const struct screen *s,
			       const struct menu_rows *rows, int col,
			       struct menu_places *ret)
{
	int begin[SCREEN_ROWS_MAX];
	int row, i, k, n = 0, odd = -1, odd_count = 0, same;

	for (row = 0; row < screen_rows(s); row++) {
		if (rows->text[row] && menu_begins_text(s, row, col))
			begin[n++] = row;
	}
	for (i = 0; i < n && n > MENU_NEIGHBOURS; i++) {
		for (k = same = 0; k < n; k++)
			same += menu_ink(s, begin[k], col) ==
				menu_ink(s, begin[i], col);
		if (same == 1) {
			odd = begin[i];
			odd_count++;
		}
	}
	if (odd_count == 1)
		places_add(ret, odd, col, menu_text_end(s, odd, col));
}

static void menu_odd(const struct screen *s, const struct menu_rows *rows,
		     struct menu_places *ret)
{
	int col;

	for (col = 0; col < screen_cols(s); col++)
		menu_odd_in_column(s, rows, col, ret);
}

/* ---- markers ------------------------------------------------------------------------ */

static void menu_markers(const struct screen *s, const struct menu_rows *rows,
			 struct menu_places *ret)
{
	int row, col, found = 0, count;

	for (col = 0; col < screen_cols(s); col++) {
		count = 0;
		for (row = 0; row < screen_rows(s); row++) {
			if (!rows->text[row] || !menu_marks(s, row, col))
				continue;
			found = row;
			count++;
		}
		if (count == 1)
			places_add(ret, found, col,
				   menu_text_end(s, found, col + 1 +
						 menu_is_gap(s, found, col + 1)));
	}
}

/* ---- which one -------------------------------------------------------------------------- */

static bool menu_row_is_empty(const struct screen *s, int row)
{
	return !menu_has_text(s, row, 0, screen_cols(s));
}

/* Titles and status lines: the first and the last row with text. */
static bool menu_is_frame(const struct screen *s, int row)
{
	int first = 0, last = screen_rows(s) - 1;

	while (first < last && menu_row_is_empty(s, first))
		first++;
	while (last > first && menu_row_is_empty(s, last))
		last--;
	return row == first || row == last;
}

static bool menu_only(const struct screen *s, const struct menu_places *places,
		      bool (*counts)(const struct screen *, int row,
				     const struct menu_look *),
		      const struct menu_look *then, struct menu_place *ret)
{
	size_t i;
	int found = 0;

	for (i = 0; i < places->count; i++) {
		if (counts != NULL && !counts(s, places->list[i].row, then))
			continue;
		*ret = places->list[i];
		found++;
	}
	return found == 1 && !places->too_many;
}

static bool menu_counts_changed(const struct screen *s, int row,
				const struct menu_look *then)
{
	return then != NULL && (row >= then->rows ||
				then->style[row] != menu_row_style(s, row));
}

static bool menu_counts_inside(const struct screen *s, int row,
			       const struct menu_look *then)
{
	(void)then;
	return !menu_is_frame(s, row);
}

#define MENU_WAYS 3

static bool menu_choose(const struct screen *s,
			const struct menu_places places[MENU_WAYS],
			bool (*counts)(const struct screen *, int row,
				       const struct menu_look *),
			const struct menu_look *then, struct menu_place *ret)
{
	struct menu_place place;
	int i;

	for (i = 0; i < MENU_WAYS; i++) {
		if (menu_only(s, &places[i], counts, then, &place)) {
			*ret = place;
			return true;
		}
	}
	return false;
}

bool menu_find_lit(const struct screen *s, const struct menu_look *then,
		   struct menu_place *ret)
{
	struct menu_places places[MENU_WAYS] = { { .count = 0 } };
	struct menu_rows rows;

	menu_find_rows(s, &rows);
	menu_bars(s, &rows, &places[0]);
	menu_markers(s, &rows, &places[1]);
	menu_odd(s, &rows, &places[2]);
	return menu_choose(s, places, menu_counts_changed, then, ret) ||
	       menu_choose(s, places, menu_counts_inside, then, ret) ||
	       menu_choose(s, places, NULL, then, ret);
}

/* Appends the cells of the place, without the blanks behind them. */
static void menu_append(const struct screen *s, const struct menu_place *place,
			struct buffer *out)
{
	struct buffer row = { 0 };
	const char *text;
	int col = -1;

	screen_row(s, place->row, &row);
	for (text = buffer_text(&row); *text != '\0'; text++) {
		col += ((unsigned char)*text & 0xc0) != 0x80;
		if (col >= place->col && col < place->end)
			buffer_append_char(out, *text);
	}
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	buffer_release(&row);
}

bool menu_is_sure(const struct screen *s, const struct menu_place *lit)
{
	struct menu_places places = { .count = 0 };
	struct menu_rows rows;
	size_t i;

	menu_find_rows(s, &rows);
	menu_bars(s, &rows, &places);
	menu_markers(s, &rows, &places);
	for (i = 0; i < places.count; i++) {
		if (memcmp(&places.list[i], lit, sizeof(*lit)) == 0)
			return !menu_is_frame(s, lit->row);
	}
	return false;
}

/* ---- entries ---------------------------------------------------------------------------------- */

/* The column of a byte of the row's text. */
static int menu_column(const char *text, size_t at)
{
	int col = 0;
	size_t i;

	for (i = 0; i < at; i++)
		col += ((unsigned char)text[i] & 0xc0) != 0x80;
	return col;
}

struct menu_found {
	const struct match_pattern *pattern;
	struct menu_place *list;
	size_t count;
	size_t max;
};

/* Looks in the cells [col, end) of a row, as if they were a line of their own. */
static void menu_match(const struct screen *s, struct menu_found *f, int row,
		       int col, int end)
{
	const struct menu_place part = { row, col, end };
	struct match_cursor cursor = { 0 };
	struct buffer text = { 0 };
	size_t from, to;

	menu_append(s, &part, &text);
	while (f->count < f->max &&
	       match_find(f->pattern, &cursor, buffer_text(&text), text.len,
			  true, &from, &to, NULL) == 1) {
		f->list[f->count++] = (struct menu_place){
			row, col + menu_column(text.data, from),
			col + menu_column(text.data, to) };
		cursor.from = to;
	}
	buffer_release(&text);
}

/* Text by text; where none of them matches, the row as a whole. */
static void menu_match_row(const struct screen *s, struct menu_found *f, int row)
{
	size_t before = f->count;
	int col, end;

	for (col = 0; col < screen_cols(s); col = end) {
		end = col + 1;
		if (!menu_begins_text(s, row, col))
			continue;
		end = menu_text_end(s, row, col);
		menu_match(s, f, row, col, end);
	}
	if (f->count == before)
		menu_match(s, f, row, 0, screen_cols(s));
}

size_t menu_find_entries(const struct screen *s, const struct match_pattern *p,
			 struct menu_place *ret, size_t max)
{
	struct menu_found f = { .pattern = p, .list = ret, .max = max };
	struct menu_rows rows;
	int row;

	menu_find_rows(s, &rows);
	for (row = 0; row < screen_rows(s); row++) {
		if (rows.text[row])
			menu_match_row(s, &f, row);
	}
	return f.count;
}

bool menu_place_matches(const struct screen *s, const struct match_pattern *p,
			const struct menu_place *place, struct menu_place *ret)
{
	struct menu_found f = { .pattern = p, .list = ret, .max = 1 };

	menu_match(s, &f, place->row, place->col, place->end);
	return f.count == 1;
}

int menu_text_begin(const struct screen *s, const struct menu_place *place)
{
	int col = place->col;

	while (col < place->end && (menu_is_gap(s, place->row, col) ||
				    menu_marks(s, place->row, col)))
		col++;
	while (col > 0 && !menu_begins_text(s, place->row, col))
		col--;
	return col;
}

bool menu_is_whole(const struct screen *s, const struct menu_place *place)
{
	return menu_text_begin(s, place) == place->col &&
	       menu_text_end(s, place->row, place->col) == place->end;
}

void menu_text(const struct screen *s, const struct menu_place *place,
	       struct buffer *out)
{
	struct menu_place text = *place;

	while (text.col < text.end && (menu_is_gap(s, text.row, text.col) ||
				       menu_marks(s, text.row, text.col)))
		text.col++;
	while (text.end > text.col && menu_is_gap(s, text.row, text.end - 1))
		text.end--;
	menu_append(s, &text, out);
}

static bool menu_is_value(const struct screen *s, const struct menu_place *lit)
{
	int col = lit->col;
	uint32_t c;

	while (col < lit->end && menu_is_gap(s, lit->row, col))
		col++;
	c = col < lit->end ? screen_cell(s, lit->row, col)->c : 0;
	return c == '<' || c == '[';
}

bool menu_is_lit(const struct screen *s, const struct menu_place *lit,
		 const struct menu_place *entry)
{
	if (lit->row != entry->row)
		return false;
	if (entry->col < lit->end && entry->end > lit->col)
		return true;
	return entry->end <= lit->col && menu_is_value(s, lit);
}
