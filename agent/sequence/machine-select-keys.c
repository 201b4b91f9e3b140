/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of `select`, and what is said of them. machine-select.c presses one,
 * machine-typing.c comes in by select_was_typed when it has gone out.
 */
#include "agent/sequence/machine-select.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/vis.h"

#define SELECT_ENTER_MS	     10000
#define SELECT_MOVE_MS	     2000 /* a key has had no effect */
#define SELECT_MOVE_LEAST_MS 500

/* ---- words ------------------------------------------------------------- */

const struct select_step *select_current(const struct machine *m,
					 const struct action *a)
{
	return &a->steps[m->select_step];
}

static void select_name(const struct machine *m, const struct menu_place *place,
			char *buf, size_t buf_len)
{
	struct buffer text = { 0 };

	menu_text(m->screen, place, &text);
	vis_text(buffer_text(&text), buf, buf_len);
	buffer_release(&text);
}

void select_say_typed(struct machine *m)
{
	if (m->select_typed.len > 0)
		machine_event(m, MACHINE_EVENT_TYPED, "%s",
			      buffer_text(&m->select_typed));
	buffer_clear(&m->select_typed);
}

bool select_fail(struct machine *m, const struct action *a, const char *why)
{
	char text[500], at[100] = "";

	if (m->select.lit_known)
		select_name(m, &m->select.lit, at, sizeof(at));
	snprintf(text, sizeof(text), "select %.100s: %s%s%s%s",
		 select_current(m, a)->source, why,
		 at[0] != '\0' ? "; highlighted is \"" : "", at,
		 at[0] != '\0' ? "\"" : "");
	select_say_typed(m);
	actions_fail(m, VERDICT_FAILED, text);
	return true;
}

/* ---- keys -------------------------------------------------------------- */

bool select_press(struct machine *m, const char *key)
{
	struct select *s = &m->select;
	char *keys[] = { (char *)key, NULL };
	struct action a = { .type = ACTION_KEY, .keys = keys };
	struct rh_error err = RH_ERROR_INIT;

	menu_take_look(m->screen, &s->look);
	s->before = s->list;
	s->look.has_lit = s->lit_known;
	s->look.lit = s->lit;
	s->looked = true;
	s->key = key;
	s->keys++;
	if (!typing_load(m, &a, &err))
		actions_fail(m, VERDICT_FAILED, err.text);
	return true;
}

/* "Down*3 Enter", "12 Enter" */
static void select_add_typed(struct machine *m, const char *key)
{
	struct buffer *b = &m->select_typed;
	size_t len = strlen(key), at = b->len;
	int count = 1;

	if (m->select.phase == SELECT_NUMBER && key[1] == '\0' && b->len > 0 &&
	    b->data[b->len - 1] <= '9') {
		buffer_append_text(b, key);
		return;
	}
	while (at > 0 && b->data[at - 1] != ' ')
		at--;
	if (b->len > 0 && strncmp(b->data + at, key, len) == 0 &&
	    (b->data[at + len] == '\0' ||
	     sscanf(b->data + at + len, "*%d", &count) == 1)) {
		b->len = at + len;
		buffer_printf(b, "*%d", count + 1);
		return;
	}
	buffer_printf(b, "%s%s", b->len > 0 ? " " : "", key);
}

void select_was_typed(struct machine *m)
{
	struct select *s = &m->select;
	int64_t wait = SELECT_MOVE_MS;

	select_add_typed(m, s->key);
	s->pressed_at = m->now;
	if (s->still == 0 && !s->again)
		s->first_at = m->now;
	if (s->phase == SELECT_ENTERED) {
		s->until = deadline_add(m->now, SELECT_ENTER_MS);
		return;
	}
	/* A menu that was quick up to now does not get slow; one that lags, does. */
	if (s->moved && 4 * s->pace_ms < wait)
		wait = 4 * s->pace_ms;
	if (2 * s->pace_ms > wait)
		wait = 2 * s->pace_ms;
	if (wait < SELECT_MOVE_LEAST_MS)
		wait = SELECT_MOVE_LEAST_MS;
	if (s->phase != SELECT_NUMBER)
		s->phase = SELECT_LOOK;
	s->until = deadline_add(m->now, wait);
}

bool select_enter(struct machine *m)
{
	m->select.phase = SELECT_ENTERED;
	return select_press(m, "Enter");
}
