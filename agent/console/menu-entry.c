/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of a menu: where they begin and end, and which ones a pattern finds.
 * A text is what stands between two blanks, lines of boxes and markers; an entry of
 * a menu, its value, a button, a heading are each a text.
 */
#include "agent/console/menu-private.h"

#include <string.h>

#include "base/buffer.h"

/* ---- cells ------------------------------------------------------------- */

/* Lines of boxes stand between texts, as blanks do. */
bool menu_is_line(const struct screen *s, int row, int col)
{
	uint32_t c = screen_cell(s, row, col)->c;

	return (c >= 0x2500 && c <= 0x259f) || c == '|';
}

bool menu_is_gap(const struct screen *s, int row, int col)
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
bool menu_marks(const struct screen *s, int row, int col)
{
	return menu_is_marker(s, row, col) && menu_is_gap(s, row, col - 1) &&
	       (!menu_is_gap(s, row, col + 1) || !menu_is_gap(s, row, col + 2));
}

void menu_find_rows(const struct screen *s, struct menu_rows *ret)
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

/* ---- texts ------------------------------------------------------------- */

/* The end of a text that begins at col: two blanks, or a line, end it. */
int menu_text_end(const struct screen *s, int row, int col)
{
	while (col < screen_cols(s) &&
	       !(menu_is_gap(s, row, col) && menu_is_gap(s, row, col + 1)) &&
	       !menu_is_line(s, row, col))
		col++;
	return col;
}

/* Behind two blanks, a line, or a marker. */
bool menu_begins_text(const struct screen *s, int row, int col)
{
	if (menu_is_gap(s, row, col) || menu_marks(s, row, col))
		return false;
	if (col > 0 && menu_marks(s, row, col - 1))
		return true;
	return menu_is_gap(s, row, col - 1) &&
	       (menu_is_gap(s, row, col - 2) || menu_marks(s, row, col - 2));
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

/* ---- entries ----------------------------------------------------------- */

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
	struct menu_place label = *entry;

	if (lit->row != entry->row)
		return false;
	if (entry->col < lit->end && entry->end > lit->col)
		return true;
	/* A button is no label of the one beside it. */
	label.col = menu_text_begin(s, entry);
	label.end = entry->end;
	return entry->end <= lit->col && menu_is_value(s, lit) &&
	       !menu_is_value(s, &label);
}

bool menu_is_button(const struct screen *s, const struct menu_place *place)
{
	int col = menu_text_begin(s, place), end = menu_text_end(s, place->row, col);
	uint32_t first = screen_cell(s, place->row, col)->c;
	uint32_t last = screen_cell(s, place->row, end - (end > col))->c;

	return end > col + 2 && ((first == '<' && last == '>') ||
				 (first == '[' && last == ']'));
}
