/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_VIEW_H
#define RH_AGENT_CONSOLE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * The screen view of a console for a person: what the host draws, rendered here
 * and painted on the person's terminal (paint.h), with a line that says what is
 * seen. Pure: bytes and times in; what the terminal is to get is appended to
 * `out`. Nothing is rendered before it is shown for the first time: then what was
 * printed last (256 kB) makes the screen; from then on, all.
 */
struct view;

/* name: of the host, for the line; rows, cols: of its console (0: 25x80). */
struct view *view_new(const char *name, int rows, int cols);
void view_free(struct view *v);		/* NULL ok */

/* How large the terminal is, at first and whenever that changed (0: not known). */
void view_size(struct view *v, int64_t now, int rows, int cols);

/* What the console printed. */
void view_feed(struct view *v, const void *bytes, size_t len);

/* Takes the terminal; help: for the line ("~. leaves"), kept. Painted by view_tick. */
void view_show(struct view *v, int64_t now, const char *help,
	       struct buffer *out);

/* Gives it back, with what the screen said as text. Nothing where not shown. */
void view_hide(struct view *v, struct buffer *out);
bool view_is_shown(const struct view *v);

/* Where the terminal is smaller: as paint_move_part. */
void view_move(struct view *v, int64_t now, int down, int right);

/* Says something for some seconds, or until the person types. */
void view_say(struct view *v, int64_t now, const char *text);
void view_typed(struct view *v);

/* When view_tick has something to do; DEADLINE_NEVER: nothing until then. */
int64_t view_deadline(const struct view *v);
void view_tick(struct view *v, int64_t now, struct buffer *out);

#endif
