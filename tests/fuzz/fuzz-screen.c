/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes, in any pieces, on a screen of any size: the text is clean UTF-8 of
 * so many rows, and the same as of the whole. The first bytes are the seed of
 * the splits and the size. Menus are looked for on it, too.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "agent/console/menu.h"
#include "agent/console/screen.h"
#include "base/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check_clean(struct screen *s)
{
	const char *text;
	size_t len, i, n, rows = 1;

	text = screen_text(s, &len);
	for (i = 0; i < len; i += n) {
		n = vis_utf8_len(text + i, len - i, NULL);
		assert(n > 0);
		assert((unsigned char)text[i] >= 0x20 || text[i] == '\n');
		rows += text[i] == '\n';
	}
	assert(rows <= (size_t)screen_rows(s));
}

static void fuzz_same(struct screen *a, struct screen *b)
{
	int row, col, row_a, col_a, row_b, col_b;

	screen_cursor(a, &row_a, &col_a);
	screen_cursor(b, &row_b, &col_b);
	assert(row_a == row_b && col_a == col_b);
	assert(row_a >= 0 && row_a < screen_rows(a));
	assert(col_a >= 0 && col_a < screen_cols(a));
	for (row = 0; row < screen_rows(a); row++) {
		for (col = 0; col < screen_cols(a); col++)
			assert(memcmp(screen_cell(a, row, col),
				      screen_cell(b, row, col),
				      sizeof(struct screen_cell)) == 0);
	}
}

/* A list is where the highlight is, and nothing became of it meanwhile. */
static void fuzz_list(struct screen *s, const struct menu_place *lit)
{
	static struct menu_list list;
	int by;

	menu_take_list(s, lit, &list);
	assert(list.top >= 0 && list.top <= lit->row);
	assert(list.bottom >= lit->row && list.bottom < screen_rows(s));
	assert(menu_compare_lists(&list, &list, &by) == MENU_TURN_NONE);
	menu_may_page(s, &list);
	menu_is_sure(s, lit);
	menu_is_overruled(s, lit);
}

static void fuzz_numbers(const struct screen *s, const struct match_pattern *p)
{
	static struct menu_numbers list;
	struct menu_place place;
	int number;

	if (!menu_find_numbers(s, &list) ||
	    !menu_find_number(s, &list, p, false, &number, &place))
		return;
	assert(number >= list.first && number < list.first + list.count);
	assert(place.row < list.prompt.row);
}

/* What is found is on the screen. */
static void fuzz_menu(struct screen *s)
{
	static struct match_pattern *pattern;
	static struct menu_look look;
	struct menu_place places[16];
	struct buffer text = { 0 };
	size_t count, i;

	if (pattern == NULL)
		pattern = match_compile("[A-Za-z ]+$|\\W", 14, 0, NULL);
	count = menu_find_entries(s, pattern, places, 15);
	look.has_lit = menu_find_lit(s, &look, &places[count]);
	if (look.has_lit) {
		fuzz_list(s, &places[count]);
		look.lit = places[count++];
	}
	fuzz_numbers(s, pattern);
	for (i = 0; i < count; i++) {
		assert(places[i].row >= 0 && places[i].row < screen_rows(s));
		assert(places[i].col >= 0 && places[i].col < places[i].end);
		assert(places[i].end <= screen_cols(s));
		menu_is_whole(s, &places[i]);
		menu_is_button(s, &places[i]);
		menu_is_lit(s, &places[count - 1], &places[i]);
		menu_text(s, &places[i], &text);
	}
	menu_changed_rows(s, &look);
	places[0] = look.lit;
	i = look.has_lit;
	menu_take_look(s, &look);
	look.has_lit = i;
	look.lit = places[0];
	buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t seed = size > 0 ? data[0] : 0;
	int rows = size > 1 ? data[1] % 64 : 25, cols = size > 2 ? data[2] : 80;
	struct screen *whole = screen_new(rows, cols);
	struct screen *parts = screen_new(rows, cols);
	size_t at, n;

	screen_feed(whole, data, size);
	fuzz_check_clean(whole);
	for (at = 0; at < size; at += n) {
		seed = seed * 1103515245 + 12345;
		n = 1 + (seed >> 16) % 9;
		n = n > size - at ? size - at : n;
		screen_feed(parts, data + at, n);
	}
	fuzz_same(whole, parts);
	fuzz_menu(whole);
	screen_clear(whole);
	fuzz_check_clean(whole);
	assert(screen_text(whole, NULL)[0] == '\0');
	screen_free(whole);
	screen_free(parts);
	return 0;
}
