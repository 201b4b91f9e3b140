/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Menus that have numbers instead of a highlight, and ask for one:
 *
 *   1:      Debian
 *   2:      Debian, rescue
 *   Enter choice: _
 *
 * (U-Boot's extlinux, menus of shell scripts, boot monitors). The list stands right
 * above the prompt, and the cursor behind it: so a list in a manual or a log, and
 * one that was answered, is none. Where the list begins above the screen, its end
 * is good enough: each entry has its number beside it.
 */
#include "agent/console/menu.h"

#define NUMBER_GAP 2		/* so many empty rows above the prompt */
#define NUMBER_DIGITS 3
#define NUMBER_LEAST 2		/* a single line with a number is no menu */

static uint32_t number_c(const struct screen *s, int row, int col)
{
	return col < screen_cols(s) ? screen_cell(s, row, col)->c : 0;
}

static bool number_is_blank(const struct screen *s, int row, int col)
{
	return col >= screen_cols(s) || screen_is_blank(s, row, col);
}

static int number_row_end(const struct screen *s, int row)
{
	int end = screen_cols(s);

	while (end > 0 && screen_is_blank(s, row, end - 1))
		end--;
	return end;
}

/* The prompt: the cursor stands behind it, and nothing is below. */
static bool number_prompt(const struct screen *s, struct menu_place *ret)
{
	int row, col, end, below;
	uint32_t last;

	screen_cursor(s, &row, &col);
	end = number_row_end(s, row);
	if (end == 0 || col < end || col > end + 1)
		return false;
	last = number_c(s, row, end - 1);
	if (last != ':' && last != '?' && last != '>')
		return false;
	for (below = row + 1; below < screen_rows(s); below++) {
		if (number_row_end(s, below) > 0)
			return false;
	}
	*ret = (struct menu_place){ row, 0, col };
	return true;
}

static bool number_is_digit(const struct screen *s, int row, int col)
{
	uint32_t c = number_c(s, row, col);

	return c >= '0' && c <= '9';
}

/* What stands behind a number, and a blank behind that. */
static bool number_ends(const struct screen *s, int row, int col, bool bracket)
{
	uint32_t c = number_c(s, row, col);

	if (bracket ? c != ']' : c != ':' && c != '.' && c != ')')
		return false;
	return number_is_blank(s, row, col + 1);
}

/* "12: text", "12) text", "12. text", "[12] text"; false where it is none. */
static bool number_entry(const struct screen *s, int row, int *ret_number,
			 struct menu_place *ret)
{
	int col = 0, number = 0, digits;
	bool bracket;

	while (col < screen_cols(s) && screen_is_blank(s, row, col))
		col++;
	bracket = number_c(s, row, col) == '[';
	col += bracket;
	for (digits = 0; digits <= NUMBER_DIGITS &&
			 number_is_digit(s, row, col); digits++)
		number = number * 10 + (int)number_c(s, row, col++) - '0';
	if (digits == 0 || digits > NUMBER_DIGITS ||
	    !number_ends(s, row, col, bracket))
		return false;
	for (col++; col < screen_cols(s) && screen_is_blank(s, row, col);)
		col++;
	*ret = (struct menu_place){ row, col, number_row_end(s, row) };
	*ret_number = number;
	return ret->col < ret->end;
}

bool menu_find_numbers(const struct screen *s, struct menu_numbers *ret)
{
	struct menu_place place;
	int row, number, gap = 0;

	ret->count = 0;
	if (!number_prompt(s, &ret->prompt))
		return false;
	row = ret->prompt.row - 1;
	while (row >= 0 && gap < NUMBER_GAP && number_row_end(s, row) == 0) {
		row--;
		gap++;
	}
	/* From the last one up. */
	for (; row >= 0 && number_entry(s, row, &number, &place); row--) {
		if (ret->count > 0 && number != ret->first - 1)
			break;
		ret->first = number;
		ret->entries[ret->count++] = place;
	}
	return ret->count >= NUMBER_LEAST && (ret->first <= 1 || row < 0);
}

bool menu_find_number(const struct screen *s, const struct menu_numbers *list,
		      const struct match_pattern *p, bool whole,
		      int *ret_number, struct menu_place *ret)
{
	struct menu_place found;
	int i;

	for (i = list->count - 1; i >= 0; i--) {
		if (!menu_place_matches(s, p, &list->entries[i], &found) ||
		    (whole && (found.col != list->entries[i].col ||
			       found.end != list->entries[i].end)))
			continue;
		*ret = list->entries[i];
		*ret_number = list->first + list->count - 1 - i;
		return true;
	}
	return false;
}
