/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_SCREEN_PRIVATE_H
#define RH_AGENT_CONSOLE_SCREEN_PRIVATE_H

/* The inside of the screen, for screen*.c alone. */
#include <vterm.h>

#include "agent/console/screen.h"

#define SCREEN_SEQUENCE_MAX 128	/* bytes of a control sequence */

struct screen_cells {
	struct screen_cell *memory;
	struct screen_cell **rows;	/* they change places when it scrolls */
};

struct screen {
	VTerm *vt;
	int rows;
	int cols;
	struct screen_cells main;
	struct screen_cells other;	/* the alternate screen */
	struct screen_cells *now;	/* one of them */
	struct screen_cell pen;
	int row;
	int col;
	bool hidden;			/* the cursor */
	bool application;		/* its keys, DECCKM */
	int wanted_rows;
	int wanted_cols;
	uint64_t generation;
	uint64_t paints;
	struct buffer text;
	uint64_t text_of;		/* the generation it is of */

	/* What comes in: screen-input.c */
	int state;			/* of escape_step */
	size_t string_len;
	char sequence[SCREEN_SEQUENCE_MAX];
	size_t sequence_len;
	bool sequence_bad;		/* too long, or nonsense */
	char utf8[4];
	size_t utf8_len;
	bool code_page;			/* bytes that are no UTF-8 have come */
	char last[4];			/* the character that REP repeats */
	size_t last_len;
	int marks;			/* characters since one that can't combine */
};

/* screen-input.c: forgets what is half said. */
void screen_input_reset(struct screen *s);

#endif
