/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person would say of the line that echo-line.c keeps: the text that was
 * typed stands there, its beginning, something else, nothing. The machine comes in
 * by echo_begin before it types and by echo_state while it waits.
 *
 * A kernel message on the line ends it as far as it is ours, also one that may
 * only become one; the rest of a prompt may come late, before the text.
 */
#include "agent/console/echo-private.h"

#include <stdlib.h>
#include <string.h>

#include "agent/console/klog.h"
#include "base/memory.h"
#include "base/vis.h"

#define ECHO_STAMP_MAX 32	/* bytes of a kernel's time stamp */

/* ---- characters ---------------------------------------------------------- */

uint32_t echo_pack(const char *bytes, size_t len)
{
	uint32_t c = 0;
	size_t i;

	for (i = 0; i < len; i++)
		c = c << 8 | (unsigned char)bytes[i];
	return c;
}

static void echo_unpack(uint32_t c, struct buffer *out)
{
	int shift;

	for (shift = 24; shift >= 0; shift -= 8) {
		if (c >> shift != 0 || shift == 0)
			buffer_append_char(out, (char)(c >> shift & 0xff));
	}
}

static size_t echo_char_len(const char *text, size_t len)
{
	size_t n = vis_utf8_len(text, len, NULL);

	return n > 0 ? n : 1;
}

bool echo_is_control(uint32_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* ---- the text --------------------------------------------------------------- */

void echo_begin(struct echo *e, const char *prompt, size_t prompt_len,
		const char *text, size_t text_len)
{
	size_t i, n;

	echo_release(e);
	for (i = 0; i < prompt_len; i += n) {
		n = echo_char_len(prompt + i, prompt_len - i);
		echo_put(e, echo_pack(prompt + i, n));
	}
	e->start = e->cursor;
	e->wants = memory_new(text_len + 1, sizeof(*e->wants));
	for (i = 0; i < text_len; i += n) {
		n = echo_char_len(text + i, text_len - i);
		e->wants[e->wants_count++] = echo_pack(text + i, n);
	}
}

void echo_release(struct echo *e)
{
	free(e->wants);
	free(e->cells);
	memset(e, 0, sizeof(*e));
}

void echo_again(struct echo *e)
{
	e->printed = e->matched = e->complete = e->passed = false;
	e->lines = 0;
	/* More was erased than was shown: an echo was lost, not a key. */
	if (e->start > e->cursor)
		e->start = e->cursor;
}

/* ---- what stands there ------------------------------------------------------ */

static size_t echo_stamp(const struct echo *e, size_t at, char *stamp)
{
	size_t n = 0;

	for (; n < ECHO_STAMP_MAX && at + n < e->count; n++)
		stamp[n] = e->cells[at + n] < 0x80 ? (char)e->cells[at + n] : '?';
	return n;
}

/*
 * Where the line ends as far as it is ours: before a kernel message. With
 * maybe also before what may become one.
 */
size_t echo_end(const struct echo *e, bool maybe)
{
	char stamp[ECHO_STAMP_MAX];
	size_t i, n;

	for (i = e->start; i < e->count; i++) {
		if (e->cells[i] != '[')
			continue;
		n = echo_stamp(e, i, stamp);
		if (klog_message_len(stamp, n) > 0 ||
		    (maybe && i + n == e->count && klog_begins(stamp, n)))
			return i;
	}
	return e->cursor > e->start ? e->cursor : e->start;
}

/* How the cells at *at show c; they may show a control in some ways. */
static bool echo_shows(const struct echo *e, uint32_t c, size_t *at, size_t end)
{
	size_t blanks = 0;

	if (*at < end && e->cells[*at] == c) {
		(*at)++;
		return true;
	}
	if (c == '\t') {
		while (*at < end && e->cells[*at] == ' ' && blanks++ < 8)
			(*at)++;
		return blanks > 0;
	}
	if (!echo_is_control(c))
		return false;
	if (*at + 1 < end && e->cells[*at] == '^' &&
	    e->cells[*at + 1] == (c ^ 0x40))
		*at += 2;
	return true;
}

/* How many of the wanted characters stand at the cell and behind it. */
size_t echo_walk(const struct echo *e, size_t *at, size_t end)
{
	size_t n = 0;

	while (n < e->wants_count && (*at < end || echo_is_control(e->wants[n])) &&
	       echo_shows(e, e->wants[n], at, end))
		n++;
	return n;
}

/* A field that shows '*' for each character. */
static bool echo_is_masked(const struct echo *e, size_t end)
{
	size_t i;

	for (i = e->start; i < end; i++) {
		if (e->cells[i] != '*')
			return false;
	}
	return end > e->start && end - e->start <= e->wants_count;
}

/* Whether a prompt may end before the cell: its rest came late. */
static bool echo_may_begin(const struct echo *e, size_t at)
{
	uint32_t before;

	if (at == e->start)
		return true;
	before = e->cells[at - 1];
	return before < 0x80 && strchr(" :>#$%?])", (int)before) != NULL &&
	       before != e->wants[0];
}

struct echo_view echo_look(const struct echo *e, size_t end)
{
	struct echo_view view = { 0, false };
	size_t at = e->start, n, i;

	view.same = echo_walk(e, &at, end);
	view.exact = at == end;
	if (echo_is_masked(e, end) && view.same < end - e->start)
		return (struct echo_view){ end - e->start, true };
	for (i = e->start + 1; i < end && !view.exact; i++) {
		if (!echo_may_begin(e, i))
			continue;
		at = i;
		n = echo_walk(e, &at, end);
		if (n == e->wants_count && at == end)
			view = (struct echo_view){ n, true };
	}
	return view;
}

static bool echo_is_blank(const struct echo *e, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (e->cells[from] != ' ')
			return false;
	}
	return true;
}

enum echo_state echo_state(const struct echo *e)
{
	struct echo_view view = echo_look(e, echo_end(e, false));

	if (e->passed && e->wants_count == 1)
		return ECHO_TAKEN;
	if (view.exact && view.same == e->wants_count && e->cursor >= e->start)
		return ECHO_SAME;
	if (!view.exact)
		view = echo_look(e, echo_end(e, true));
	if (view.exact && view.same > 0)
		return ECHO_WAITING;
	if (!e->matched && (!e->printed || echo_is_blank(e, e->start, e->count)))
		return ECHO_NONE;
	return ECHO_DIFFERS;
}

size_t echo_same_count(const struct echo *e)
{
	return echo_look(e, echo_end(e, false)).same;
}

/* The longest run of characters that both have, in order, not in one piece. */
static size_t echo_common(const struct echo *e, size_t end)
{
	size_t *above = memory_new(e->wants_count + 1, sizeof(*above));
	size_t i, j, left, here, common;

	for (i = e->start; i < end; i++) {
		for (j = 0, left = 0, here = 0; j < e->wants_count; j++) {
			common = left + 1;
			left = above[j + 1];
			if (e->cells[i] != e->wants[j])
				common = left > here ? left : here;
			above[j + 1] = here = common;
		}
	}
	common = above[e->wants_count];
	free(above);
	return common;
}

bool echo_alike(const struct echo *e, size_t end)
{
	size_t shorter = end - e->start;

	if (shorter > e->wants_count)
		shorter = e->wants_count;
	return shorter > 0 && echo_common(e, end) * 3 >= shorter * 2;
}

bool echo_resembles(const struct echo *e)
{
	return e->matched || echo_alike(e, echo_end(e, false));
}

size_t echo_shown(const struct echo *e)
{
	return echo_end(e, false) - e->start;
}

bool echo_is_empty(const struct echo *e)
{
	if (e->addressed || echo_end(e, false) > e->start)
		return false;
	/* Behind the cursor: blanks; before it: a kernel message. */
	return e->cursor > e->start || echo_is_blank(e, e->cursor, e->count);
}

void echo_text(const struct echo *e, struct buffer *out)
{
	size_t i, end = echo_end(e, false);

	for (i = e->start; i < end; i++)
		echo_unpack(e->cells[i], out);
}

bool echo_was_complete(const struct echo *e)
{
	return e->complete;
}

bool echo_is_drawn(const struct echo *e)
{
	return e->addressed;
}

int echo_lines(const struct echo *e)
{
	return e->lines;
}
