/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_SCREEN_H
#define RH_AGENT_CONSOLE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * The screen view of a console stream: what a person would see on a terminal
 * of that size. The same bytes give the same screen however they are split.
 *
 * Bytes that are no UTF-8 are the characters of code page 437, as firmware
 * draws its lines with. A terminal's answers (to ESC [ c, ESC [ 6 n, ...) are
 * not given: nothing that a console sends makes anything go back to it. Titles,
 * strings, mouse and character size are ignored.
 */
struct screen;

#define SCREEN_ROWS 25
#define SCREEN_COLS 80
#define SCREEN_ROWS_MIN 4
#define SCREEN_ROWS_MAX 200
#define SCREEN_COLS_MIN 20
#define SCREEN_COLS_MAX 500

#define SCREEN_BOLD	 1
#define SCREEN_REVERSE	 2
#define SCREEN_UNDERLINE 4
#define SCREEN_BLINK	 8
#define SCREEN_WIDE	 16	/* the character has the next cell too, */
#define SCREEN_WIDE_END	 32	/* which is this: both, or it was overwritten */

/* A colour: 0..255 of the palette, SCREEN_RGB with 24 bits, or the default. */
#define SCREEN_DEFAULT 0xffffffffu
#define SCREEN_RGB     0x1000000u

struct screen_cell {
	uint32_t c;		/* code point; 0 nothing was written here */
	uint32_t attributes;	/* SCREEN_BOLD, ... */
	uint32_t fg;
	uint32_t bg;
};

/* An empty screen, cursor at the top left. A size out of bounds is bounded. */
struct screen *screen_new(int rows, int cols);
void screen_free(struct screen *s);	/* NULL ok */

/* Empty as after screen_new; half a sequence is forgotten too. */
void screen_clear(struct screen *s);

/* Bytes as they came from the line. */
void screen_feed(struct screen *s, const void *bytes, size_t len);

int screen_rows(const struct screen *s);
int screen_cols(const struct screen *s);
void screen_cursor(const struct screen *s, int *ret_row, int *ret_col);
bool screen_cursor_is_hidden(const struct screen *s);

/*
 * Whether the program wants its cursor keys as ESC O A in place of ESC [ A (DECCKM),
 * as programs with ncurses do on many terminals.
 */
bool screen_wants_application_keys(const struct screen *s);

/* The cell; row and col must be inside. */
const struct screen_cell *screen_cell(const struct screen *s, int row, int col);

/* Whether nothing but blanks stands in the cell (its colours don't count). */
bool screen_is_blank(const struct screen *s, int row, int col);

/* All cells of a row, screen_cols of them; valid as screen_cell. */
const struct screen_cell *screen_cells(const struct screen *s, int row);

static inline bool screen_cell_is_blank(const struct screen_cell *cell)
{
	return cell->c == 0 || cell->c == ' ' || cell->c == 0xa0;
}

/*
 * Appends the text of a row in UTF-8, a character for each cell, without the blanks
 * behind it: a wide character has a blank behind it.
 */
void screen_row(const struct screen *s, int row, struct buffer *out);

/*
 * All rows as they are read, a wide character as one, joined with \n, without empty
 * rows at the end. Borrowed until the
 * next call with this screen. ret_len may be NULL.
 */
const char *screen_text(struct screen *s, size_t *ret_len);

/*
 * How large a screen the program on the console thinks it draws on: the furthest
 * place it has named so far, at least the size. What can't be meant (999) is left out.
 */
void screen_wanted(const struct screen *s, int *ret_rows, int *ret_cols);

/* Grows with whatever was drawn, or the cursor was moved by. */
uint64_t screen_generation(const struct screen *s);

/*
 * Grows each time a hidden cursor is shown again: a program that hides it while
 * it paints says with that, that the screen is complete.
 */
uint64_t screen_paints(const struct screen *s);

#endif
