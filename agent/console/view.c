/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen view. Verbs come in by view.h, with the console's bytes, the size of
 * the terminal and the time.
 *
 * Always true: nothing is rendered before somebody wants to see it: until then
 * what came last is only kept. Nothing is painted but by view_tick, at most once in
 * VIEW_PACE_MS, so that a host that prints all day does not flood a slow line;
 * and what was drawn is painted within that time.
 */
#include "agent/console/view.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/console/paint.h"
#include "agent/console/screen.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/ring.h"

#define VIEW_PACE_MS 25
#define VIEW_SAID_MS 5000
#define VIEW_PAST 262144	/* bytes that wait for somebody who wants a screen */

struct view {
	struct screen *screen;
	struct paint *paint;
	struct ring past;		/* what the screen has not read yet */
	bool rendered;			/* it reads all from now on */
	char *name;
	char *help;
	bool shown;
	bool changed;			/* since the last frame */
	int64_t next;			/* no frame before */
	char said[400];			/* until said_until; "": nothing */
	int64_t said_until;
	int rows;			/* of the terminal; 0: not known */
	int cols;
};

struct view *view_new(const char *name, int rows, int cols)
{
	struct view *v = memory_new(1, sizeof(*v));

	v->screen = screen_new(rows > 0 ? rows : SCREEN_ROWS,
			       cols > 0 ? cols : SCREEN_COLS);
	v->paint = paint_new();
	ring_init(&v->past, VIEW_PAST);
	v->name = memory_copy(name);
	v->help = memory_copy("");
	return v;
}

void view_free(struct view *v)
{
	if (v == NULL)
		return;
	screen_free(v->screen);
	paint_free(v->paint);
	ring_release(&v->past);
	free(v->name);
	free(v->help);
	free(v);
}

bool view_is_shown(const struct view *v)
{
	return v->shown;
}

/* ---- the line ------------------------------------------------------------------- */

void view_say(struct view *v, int64_t now, const char *text)
{
	snprintf(v->said, sizeof(v->said), "%s", text);
	v->said_until = deadline_add(now, VIEW_SAID_MS);
	v->changed = true;
}

void view_typed(struct view *v)
{
	v->changed |= v->said[0] != '\0';
	v->said[0] = '\0';
}

/* Where there is no room for the line, what it is about is said once. */
static void view_say_size(struct view *v, int64_t now)
{
	char text[300];

	if (paint_is_smaller(v->paint, v->screen))
		snprintf(text, sizeof(text), "Window below %dx%d: it follows the "
			 "cursor; ~h ~j ~k ~l move it; %s",
			 screen_cols(v->screen), screen_rows(v->screen),
			 v->help);
	else if (!paint_has_room(v->paint, v->screen))
		snprintf(text, sizeof(text), "%s; %s", v->name, v->help);
	else
		return;
	view_say(v, now, text);
}

static void view_line(const struct view *v, char *buf, size_t buf_len)
{
	int rows = screen_rows(v->screen), cols = screen_cols(v->screen);
	int wanted_rows, wanted_cols;
	char more[80] = "";

	buf[0] = '\0';
	screen_wanted(v->screen, &wanted_rows, &wanted_cols);
	if (wanted_rows > rows || wanted_cols > cols)
		snprintf(more, sizeof(more), ", but the host draws on %dx%d",
			 wanted_cols, wanted_rows);
	else if (paint_is_smaller(v->paint, v->screen))
		snprintf(more, sizeof(more), ", more than this window");
	if (v->said[0] != '\0')
		snprintf(buf, buf_len, " %s", v->said);
	else if (paint_has_room(v->paint, v->screen))
		snprintf(buf, buf_len, " %s: screen of %dx%d%s; %s", v->name,
			 cols, rows, more, v->help);
}

/* ---- what comes in --------------------------------------------------------------- */

void view_size(struct view *v, int64_t now, int rows, int cols)
{
	if (rows == v->rows && cols == v->cols && rows != 0)
		return;
	v->rows = rows;
	v->cols = cols;
	paint_size(v->paint, rows, cols);
	v->changed = true;
	if (v->shown)
		view_say_size(v, now);
}

void view_feed(struct view *v, const void *bytes, size_t len)
{
	if (v->rendered)
		screen_feed(v->screen, bytes, len);
	else
		ring_write(&v->past, bytes, len);
	v->changed = true;
}

/* The rest of a line, or of a sequence, whose beginning is gone. */
static size_t view_begin(const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\033')
			return i;
	}
	return len;
}

static void view_render_past(struct view *v)
{
	uint64_t at = ring_oldest(&v->past), missed;
	bool whole = at == 0;
	char bytes[4096];
	size_t n, skip;

	while ((n = ring_read(&v->past, &at, bytes, sizeof(bytes),
			      &missed)) > 0) {
		skip = whole ? 0 : view_begin(bytes, n);
		whole = skip < n;
		screen_feed(v->screen, bytes + skip, n - skip);
	}
	ring_release(&v->past);
	v->rendered = true;
}

void view_move(struct view *v, int64_t now, int down, int right)
{
	if (!paint_is_smaller(v->paint, v->screen))
		view_say(v, now, "the whole screen is seen");
	else if (down == 0 && right == 0)
		view_say(v, now, "follows the cursor");
	paint_move_part(v->paint, v->screen, down, right);
	v->changed = true;
}

void view_show(struct view *v, int64_t now, const char *help,
	       struct buffer *out)
{
	if (v->shown)
		return;
	free(v->help);
	v->help = memory_copy(help);
	v->shown = v->changed = true;
	v->next = now;
	v->said[0] = '\0';
	if (!v->rendered)
		view_render_past(v);
	paint_begin(v->paint, out);
	view_say_size(v, now);
}

void view_hide(struct view *v, struct buffer *out)
{
	if (!v->shown)
		return;
	v->shown = false;
	paint_end(v->paint, out);
	paint_rows(v->screen, out);
}

/* ---- time -------------------------------------------------------------------------- */

int64_t view_deadline(const struct view *v)
{
	if (!v->shown)
		return DEADLINE_NEVER;
	if (v->changed)
		return v->next;
	return v->said[0] != '\0' ? v->said_until : DEADLINE_NEVER;
}

void view_tick(struct view *v, int64_t now, struct buffer *out)
{
	char line[800];

	if (now < view_deadline(v))
		return;
	if (now >= v->said_until)
		v->said[0] = '\0';
	view_line(v, line, sizeof(line));
	paint_frame(v->paint, v->screen, line, out);
	v->changed = false;
	v->next = deadline_add(now, VIEW_PACE_MS);
}
