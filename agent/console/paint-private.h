/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_PAINT_PRIVATE_H
#define RH_AGENT_CONSOLE_PAINT_PRIVATE_H

/* The inside of the painter, for paint*.c alone. */
#include "agent/console/paint.h"

/* The attributes that a terminal is told. */
#define PAINT_STYLE \
	(SCREEN_BOLD | SCREEN_REVERSE | SCREEN_UNDERLINE | SCREEN_BLINK)

/*
 * paint-cell.c: what is painted for the cell, of a row that is seen up to the column
 * `end`: a character that is safe, PAINT_STYLE, and SCREEN_WIDE where it has the
 * next cell too. Half a wide character is blank. What can't be seen is the same
 * in all cells: the colour of a blank's letters.
 */
struct screen_cell paint_cell(const struct screen *s, int row, int col, int end);

#endif
