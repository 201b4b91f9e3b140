/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list that the highlight of a menu is in, and what became of it with a key:
 * machine-select-page.c asks, since a key that pages in one menu changes a value in
 * another. A list is the rows around the highlight whose texts begin where its own
 * does. Nothing is kept here between two calls.
 */
#include "agent/console/menu-private.h"

#include <ctype.h>
#include <string.h>

#include "base/buffer.h"

#define PAGE_ROWS_LEAST 4	/* a shorter list is walked */

static uint64_t page_hash(const struct screen *s, const struct menu_place *place)
{
	uint64_t hash = 0xcbf29ce484222325u;
	struct buffer text = { 0 };
	size_t i;

	menu_text(s, place, &text);
	for (i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3u;
	buffer_release(&text);
	return hash;
}

/* A scroll bar, an arrow: a mark of one cell beside the texts. */
static bool page_is_mark(const struct screen *s, int row, int col, int end)
{
	uint32_t c = screen_cell(s, row, col)->c;

	return end == col + 1 && (c > 0x7f || strchr("^v#", (int)c) != NULL);
}

/* Whether nothing but this text stands on its row, and it is no value. */
static bool page_is_alone(const struct screen *s, int row, int begin)
{
	uint32_t c = screen_cell(s, row, begin)->c;
	int col, end;

	for (col = 0; col < screen_cols(s); col = end) {
		end = col + 1;
		if (!menu_begins_text(s, row, col))
			continue;
		end = menu_text_end(s, row, col);
		if (col != begin && !page_is_mark(s, row, col, end))
			return false;
	}
	return c != '<' && c != '[' && c != '(';
}

static bool page_has_text(const struct screen *s, int row, int col)
{
	return row >= 0 && row < screen_rows(s) && menu_begins_text(s, row, col);
}

void menu_take_list(const struct screen *s, const struct menu_place *lit,
		    struct menu_list *ret)
{
	struct menu_place text;
	int row;

	memset(ret, 0, sizeof(*ret));
	ret->col = menu_text_begin(s, lit);
	ret->top = ret->bottom = ret->lit = lit->row;
	ret->plain = true;
	while (page_has_text(s, ret->top - 1, ret->col))
		ret->top--;
	while (page_has_text(s, ret->bottom + 1, ret->col))
		ret->bottom++;
	for (row = ret->top; row <= ret->bottom; row++) {
		text = (struct menu_place){ row, ret->col,
					    menu_text_end(s, row, ret->col) };
		ret->text[row] = page_hash(s, &text);
		ret->plain = ret->plain && page_is_alone(s, row, ret->col);
	}
}

static bool page_is_distinct(const struct menu_list *list)
{
	int i, k;

	for (i = list->top; i <= list->bottom; i++) {
		for (k = i + 1; k <= list->bottom; k++) {
			if (list->text[i] == list->text[k])
				return false;
		}
	}
	return true;
}

/* Words of help that say what else PgDn, + and - may do in a setup. */
static bool page_help_warns(struct screen *s)
{
	static const char *const words[] = {
		"pgup", "pgdn", "pg up", "pg dn", "page up", "page down",
		"pageup", "pagedown", "pu/pd", "+/-", "-/+", "f5/f6", "f7/f8",
		"value", "change", "modify", "move", "reorder",
	};
	struct buffer lower = { 0 };
	const char *text;
	bool warns = false;
	size_t i, len;

	text = screen_text(s, &len);
	for (i = 0; i < len; i++)
		buffer_append_char(&lower, (char)tolower((unsigned char)text[i]));
	for (i = 0; i < sizeof(words) / sizeof(words[0]) && !warns; i++)
		warns = strstr(buffer_text(&lower), words[i]) != NULL;
	buffer_release(&lower);
	return warns;
}

bool menu_may_page(struct screen *s, const struct menu_list *list)
{
	return list->plain && list->bottom - list->top + 1 >= PAGE_ROWS_LEAST &&
	       page_is_distinct(list) && !page_help_warns(s);
}

static bool page_knows(const struct menu_list *before, uint64_t text)
{
	int row;

	for (row = before->top; row <= before->bottom; row++) {
		if (before->text[row] == text)
			return true;
	}
	return false;
}

/*
 * Whether it is the list of before, moved up by so many rows, and all that came in is
 * new: an entry that was moved among the others is none of that.
 */
static bool page_is_moved(const struct menu_list *before,
			  const struct menu_list *now, int by)
{
	int row, same = 0;

	for (row = now->top; row <= now->bottom; row++) {
		if (row + by < before->top || row + by > before->bottom) {
			if (page_knows(before, now->text[row]))
				return false;
			continue;
		}
		if (now->text[row] != before->text[row + by])
			return false;
		same++;
	}
	return same > 0;
}

static bool page_is_new(const struct menu_list *before,
			const struct menu_list *now)
{
	int row;

	for (row = now->top; row <= now->bottom; row++) {
		if (page_knows(before, now->text[row]))
			return false;
	}
	return true;
}

enum menu_turn menu_compare_lists(const struct menu_list *before,
				  const struct menu_list *now, int *ret_by)
{
	int by, most = before->bottom - before->top;

	*ret_by = 0;
	if (now->col != before->col || now->top != before->top ||
	    now->bottom != before->bottom)
		return MENU_TURN_ODD;
	if (page_is_moved(before, now, 0))
		return MENU_TURN_NONE;
	for (by = 1; by <= most; by++) {
		*ret_by = by;
		if (page_is_moved(before, now, by))
			return MENU_TURN_SCROLLED;
		*ret_by = -by;
		if (page_is_moved(before, now, -by))
			return MENU_TURN_SCROLLED;
	}
	*ret_by = 0;
	return page_is_new(before, now) ? MENU_TURN_PAGE : MENU_TURN_ODD;
}

int menu_changed_around(const struct screen *s, const struct menu_look *then,
			const struct menu_list *list)
{
	int row, count = 0;

	for (row = 0; row < screen_rows(s); row++) {
		if (row < list->top - 1 || row > list->bottom + 1)
			count += menu_text_changed(s, then, row);
	}
	return count;
}
