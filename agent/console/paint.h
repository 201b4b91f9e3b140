/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_PAINT_H
#define RH_AGENT_CONSOLE_PAINT_H

#include <stdbool.h>

#include "agent/console/screen.h"
#include "base/buffer.h"

/*
 * A screen of ours, painted on a person's terminal (promise 6). Pure: cells in,
 * bytes out. Nothing that a console sent stands in them: characters are written
 * anew from the cells, those that are no character of a cell (controls, marks that
 * turn text around) as U+FFFD, and the only sequences are, in ECMA-48's words,
 *	CUP, CHA, EL, ED, SGR, and DEC's modes 7, 25 and 1049
 * all of them with numbers of ours. Only what differs is painted.
 *
 * Below the screen, where there is room, or else over its last row stands one line
 * of text for the person. A terminal smaller than the screen shows the part that
 * the cursor is in, or the text that it was parked far behind of.
 */
struct paint;

struct paint *paint_new(void);
void paint_free(struct paint *p);	/* NULL ok */

/* Takes the terminal: its other screen, emptied. Then paint_frame paints all. */
void paint_begin(struct paint *p, struct buffer *out);

/* Gives it back as it was, with the cursor at the beginning of a line. */
void paint_end(struct paint *p, struct buffer *out);

/*
 * The size of the terminal, 0: not known (24x80); all is painted anew. What is
 * beyond the greatest screen stays empty.
 */
void paint_size(struct paint *p, int rows, int cols);

/* Whether a screen of that size fits, with the line of text below it. */
bool paint_has_room(const struct paint *p, const struct screen *s);
bool paint_is_smaller(const struct paint *p, const struct screen *s);

/*
 * Moves the part that is shown by half a terminal down (up: -1) or right (left:
 * -1), and keeps it there from then on; 0, 0: it follows the cursor again.
 */
void paint_move_part(struct paint *p, const struct screen *s, int down, int right);

/* The first row and column of the screen that the last frame showed. */
void paint_part(const struct paint *p, int *ret_top, int *ret_left);

/*
 * The screen as it is now. line: UTF-8 of ours, cut where it is too long; NULL or
 * "": none.
 */
void paint_frame(struct paint *p, const struct screen *s, const char *line,
		 struct buffer *out);

/*
 * The text of the screen as lines for a terminal that shows lines, without the
 * empty ones at the end. A cursor in the last line stands there (CHA); else behind.
 */
void paint_rows(const struct screen *s, struct buffer *out);

#endif
