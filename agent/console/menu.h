/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MENU_H
#define RH_AGENT_CONSOLE_MENU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/console/match.h"
#include "agent/console/screen.h"

/*
 * Menus on a screen: which entry is highlighted, and where others are. It looks
 * at one screen, and at what has changed since an earlier look; of keys and of
 * time it knows nothing.
 */

/* A place on the screen, [col, end) of a row. */
struct menu_place {
	int row;
	int col;
	int end;
};

/* What a screen looked like: enough to tell what has changed since. */
struct menu_look {
	int rows;
	uint64_t text[SCREEN_ROWS_MAX];		/* of each row, hashed */
	uint64_t style[SCREEN_ROWS_MAX];	/* of what can be seen of it */
	bool has_lit;
	struct menu_place lit;			/* what was highlighted, if known */
};

void menu_take_look(const struct screen *s, struct menu_look *ret);

/* How many rows show another text than then. */
int menu_changed_rows(const struct screen *s, const struct menu_look *then);

/* Whether the row shows another text than then. */
bool menu_text_changed(const struct screen *s, const struct menu_look *then,
		       int row);

/* Whether the row shows other text or other colours than then. */
bool menu_row_changed(const struct screen *s, const struct menu_look *then,
		      int row);

/*
 * The highlighted entry: a bar of another background than the rows above and
 * below it, else text in another colour than that above and below, else a
 * marker (> or *) in front of one entry only. Where several places could be it,
 * it is the one that changed since the look, and was not the highlight then (a
 * list may keep a pale bar while a button has the focus); `then` may be NULL. False where
 * there is none, or it can't be told.
 */
bool menu_find_lit(const struct screen *s, const struct menu_look *then,
		   struct menu_place *ret);

/*
 * Whether such a place is the highlight for certain, without a key that moves
 * it: a bar or a marker, but for one that is no button on the first or last row
 * with text, where a title
 * or a status line may stand. Text in another colour may be a heading.
 */
bool menu_is_sure(const struct screen *s, const struct menu_place *lit);

/* Whether the place is in a text like "<Ok>" or "[ Cancel ]". */
bool menu_is_button(const struct screen *s, const struct menu_place *place);

/*
 * Whether a button that is not the first of its row is highlighted as well, as in
 * dialog, whose Enter goes to that button.
 */
bool menu_is_overruled(const struct screen *s, const struct menu_place *lit);

/*
 * Where the pattern is found: in each text of a row by itself (two blanks, lines
 * of boxes and markers part them), or else in the row as it is. Returns how many
 * places, at most max.
 */
size_t menu_find_entries(const struct screen *s, const struct match_pattern *p,
			 struct menu_place *ret, size_t max);

/* Whether the pattern is found in the text of the place; then where. */
bool menu_place_matches(const struct screen *s, const struct match_pattern *p,
			const struct menu_place *place, struct menu_place *ret);

/*
 * Whether the entry is the highlighted one. In a form the highlight is on a
 * value (<...> or [...]) behind the entry.
 */
bool menu_is_lit(const struct screen *s, const struct menu_place *lit,
		 const struct menu_place *entry);

/* Whether the place is all of an entry's text, not a part of it. */
bool menu_is_whole(const struct screen *s, const struct menu_place *place);

/* Where the text that the place is part of begins on its row. */
int menu_text_begin(const struct screen *s, const struct menu_place *place);

/* Appends the text of the place, without blanks around, markers and lines. */
void menu_text(const struct screen *s, const struct menu_place *place,
	       struct buffer *out);

/* ---- lists (menu-page.c) ------------------------------------------------ */

/* The rows around the highlight whose texts begin where its text does. */
struct menu_list {
	int col;
	int top;
	int bottom;
	int lit;				/* the row of the highlight */
	bool plain;				/* one text a row, no values */
	uint64_t text[SCREEN_ROWS_MAX];		/* hashed */
};

void menu_take_list(const struct screen *s, const struct menu_place *lit,
		    struct menu_list *ret);

/*
 * Whether PgDn can be tried in such a list: no form, long enough, each text there
 * once, and no help on the screen that speaks of values that keys change.
 */
bool menu_may_page(struct screen *s, const struct menu_list *list);

/* What became of a list. */
enum menu_turn {
	MENU_TURN_ODD = 0,	/* texts were changed where they stand */
	MENU_TURN_NONE,		/* the same */
	MENU_TURN_SCROLLED,	/* up by *ret_by rows (down where it is negative) */
	MENU_TURN_PAGE,		/* all others: how far can't be told */
};

enum menu_turn menu_compare_lists(const struct menu_list *before,
				  const struct menu_list *now, int *ret_by);

/*
 * How many rows outside of the list show another text than then; those next to it,
 * where its frame has arrows and percents, do not count.
 */
int menu_changed_around(const struct screen *s, const struct menu_look *then,
			const struct menu_list *list);

/* ---- menus with numbers (menu-number.c) --------------------------------- */

/* The last of them comes first. */
struct menu_numbers {
	struct menu_place prompt;	/* up to the cursor behind it */
	int first;			/* the smallest number */
	int count;
	struct menu_place entries[SCREEN_ROWS_MAX];	/* without the number */
};

/* A list with numbers, and the prompt that asks for one, at the cursor. */
bool menu_find_numbers(const struct screen *s, struct menu_numbers *ret);

/* The first entry that matches; with `whole` the match is all of its text. */
bool menu_find_number(const struct screen *s, const struct menu_numbers *list,
		      const struct match_pattern *p, bool whole,
		      int *ret_number, struct menu_place *ret);

#endif
