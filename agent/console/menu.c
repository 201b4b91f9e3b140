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
#include "agent/console/menu-private.h"

#include <string.h>

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
	ret->has_lit = false;
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

bool menu_text_changed(const struct screen *s, const struct menu_look *then,
		       int row)
{
	return row >= then->rows || then->text[row] != menu_row_text(s, row);
}

bool menu_row_changed(const struct screen *s, const struct menu_look *then,
		      int row)
{
	return menu_text_changed(s, then, row) ||
	       then->style[row] != menu_row_style(s, row);
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

/* The ground shows in the middle of a window of another colour: a bar, too. */
static bool menu_is_enclosed(const struct screen *s, int row, int col, int end)
{
	uint32_t bg = menu_bg(s, row, col);

	return col > 0 && end < screen_cols(s) &&
	       menu_bg(s, row, col - 1) != bg && menu_bg(s, row, end) != bg &&
	       menu_bg(s, row, col - 1) == menu_bg(s, row, end);
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
			if ((menu_bg(s, row, col) != ground ||
			     menu_is_enclosed(s, row, col, end)) &&
			    menu_has_text(s, row, col, end) &&
			    menu_stands_out(s, row, row - 1, col, end) &&
			    menu_stands_out(s, row, row + 1, col, end))
				places_add(ret, row, col, end);
		}
	}
}

/* ---- another colour -------------------------------------------------------------- */

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

static bool menu_counts_changed(const struct screen *s, int row,
				const struct menu_look *then)
{
	return then != NULL && (row >= then->rows ||
				then->style[row] != menu_row_style(s, row));
}

/* Both are parts of one entry: "c   Gamma" of dialog, with a gap that is not lit. */
static bool menu_belongs(const struct screen *s, const struct menu_place *a,
			 const struct menu_place *b)
{
	return a->row == b->row &&
	       menu_bg(s, a->row, a->col) == menu_bg(s, b->row, b->col) &&
	       !menu_is_button(s, a) && !menu_is_button(s, b);
}

static bool menu_was_lit(const struct menu_look *then,
			 const struct menu_place *place)
{
	return then != NULL && then->has_lit && then->lit.row == place->row &&
	       place->col < then->lit.end && place->end > then->lit.col;
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
		if (found == 1 && counts == menu_counts_changed &&
		    menu_belongs(s, ret, &places->list[i])) {
			ret->end = places->list[i].end;
			continue;
		}
		if (counts == menu_counts_changed && found > 0 &&
		    menu_was_lit(then, &places->list[i]))
			continue;
		if (counts == menu_counts_changed && found == 1 &&
		    menu_was_lit(then, ret))
			found = 0;
		*ret = places->list[i];
		found++;
	}
	return found == 1 && !places->too_many;
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
			return !menu_is_frame(s, lit->row) ||
			       menu_is_button(s, lit);
	}
	return false;
}

/* Another button on its row looks the same: which one has the focus can't be told. */
static bool menu_has_twin(const struct screen *s, const struct menu_places *places,
			  const struct menu_place *button)
{
	const struct menu_place *p;
	size_t i;

	for (i = 0; i < places->count; i++) {
		p = &places->list[i];
		if (p != button && p->row == button->row &&
		    menu_bg(s, p->row, p->col) ==
			    menu_bg(s, button->row, button->col))
			return true;
	}
	return false;
}

static bool menu_has_cursor(const struct screen *s, const struct menu_place *p)
{
	int row, col;

	screen_cursor(s, &row, &col);
	return row == p->row && col >= p->col && col < p->end;
}

bool menu_is_overruled(const struct screen *s, const struct menu_place *lit)
{
	struct menu_places places = { .count = 0 };
	const struct menu_place *p;
	struct menu_rows rows;
	size_t i;

	menu_find_rows(s, &rows);
	menu_bars(s, &rows, &places);
	for (i = 0; i < places.count; i++) {
		p = &places.list[i];
		if (p->row != lit->row && menu_is_button(s, p) &&
		    menu_bg(s, p->row, p->col) ==
			    menu_bg(s, lit->row, lit->col) &&
		    menu_has_text(s, p->row, 0, p->col) &&
		    (menu_has_cursor(s, p) || !menu_has_twin(s, &places, p)))
			return true;
	}
	return false;
}
