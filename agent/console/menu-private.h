/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MENU_PRIVATE_H
#define RH_AGENT_CONSOLE_MENU_PRIVATE_H

/* The texts of a menu, for menu*.c alone (menu-entry.c). */
#include "agent/console/menu.h"

/* Lines of boxes stand between texts, as blanks do. */
bool menu_is_line(const struct screen *s, int row, int col);
bool menu_is_gap(const struct screen *s, int row, int col);

/* A marker that has text behind it, and nothing before. */
bool menu_marks(const struct screen *s, int row, int col);

/* Rows with text: most of a screen has none, and is not looked at again. */
struct menu_rows {
	bool text[SCREEN_ROWS_MAX];
};

void menu_find_rows(const struct screen *s, struct menu_rows *ret);

/* Whether a text begins here: behind two blanks, a line, or a marker. */
bool menu_begins_text(const struct screen *s, int row, int col);

/* The end of a text that begins at col: two blanks, or a line, end it. */
int menu_text_end(const struct screen *s, int row, int col);

#endif
