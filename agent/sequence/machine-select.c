/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `select`: to an entry of a menu, key by key. machine-actions.c comes in by
 * select_step while no key is being typed, machine-typing.c by select_was_typed.
 *
 *   FIND    -> a key, then LOOK      the highlight is elsewhere
 *   FIND    -> Enter, then ENTERED   the highlight is on the entry
 *   FIND    -> NUMBER                the menu asks for a number
 *   LOOK    -> FIND                  the highlight has moved
 *   LOOK    -> a key                 it has not: again, the other way, Tab
 *   ENTERED -> FIND (next menu), done
 * and each of them fails in the end: a step has SEQUENCE_SELECT_MS in all.
 *
 * Always true: after each key the screen is looked at, before the next goes out;
 * Enter goes out only where the highlight is seen on an entry that matches, and
 * the screen is quiet.
 */
#include "agent/sequence/machine-select.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define SELECT_QUIET_MS 50	/* the screen may be looked at */
#define SELECT_UNLIT_MS 1000	/* no highlight so far: a key may show it */
#define SELECT_SETTLE_MS 2000	/* all of a menu is there */
#define SELECT_PAINT_MS 10000	/* a slow line is painting the effect */
#define SELECT_BUSY_MS 500	/* never quiet: it is looked at so often */
#define SELECT_SAME_MS 1000	/* ... and this is as good as quiet */
#define SELECT_LOST_MS 60000

static void select_step_begin(struct machine *m, bool looked)
{
	struct select *s = &m->select;

	if (!looked)
		memset(s, 0, sizeof(*s));
	s->phase = SELECT_FIND;
	s->looked = looked;
	s->pressed_at = m->now;
	s->until = deadline_add(m->now, SELECT_FIND_MS);
	s->step_until = deadline_add(m->now, SEQUENCE_SELECT_MS);
	s->found = 0;
	s->pace_ms = s->keys = s->still = s->refused_count = 0;
	s->seen_since = DEADLINE_NEVER;
	s->lit_known = s->moved = s->tabbed = false;
	s->bottom = s->top = s->again = false;
	s->settle_until = 0;
	s->scrolls = s->scroll_keys = 0;
	s->page_off = s->page_gap = false;
}

void select_begin(struct machine *m)
{
	m->select_step = 0;
	m->selecting = true;
	select_step_begin(m, false);
}

void select_clear(struct machine *m)
{
	m->selecting = false;
	buffer_release(&m->select_typed);
}

/* ---- when ------------------------------------------------------------------------ */

static bool select_quiet(const struct machine *m, int64_t ms)
{
	int64_t since = m->last_byte > m->select.pressed_at
				? m->last_byte : m->select.pressed_at;

	return m->now >= deadline_add(since, ms);
}

/* Quiet, or busy elsewhere: the highlight stays where it is. */
static bool select_stable(const struct machine *m, int64_t ms)
{
	return select_quiet(m, ms) ||
	       m->now >= deadline_add(m->select.seen_since,
				      SELECT_SAME_MS + 2 * ms);
}

/* Whether a look is due now. */
static bool select_may_look(struct machine *m)
{
	struct select *s = &m->select;

	if (!select_quiet(m, SELECT_QUIET_MS) &&
	    m->now < deadline_add(s->looked_at, SELECT_BUSY_MS) &&
	    m->now < s->until)
		return false;
	s->looked_at = m->now;
	return true;
}

/* ---- a key --------------------------------------------------------------------- */

/* The menu goes on below or above the screen: towards there. */
static bool select_scroll(struct machine *m, const struct action *a,
			  const struct menu_place *lit)
{
	const char *key;

	if (select_seen_all(m, lit))
		return select_fail(m, a, "the menu has no such entry");
	key = select_page_key(m);
	if (key == NULL)
		key = m->select.bottom ? "Up" : "Down";
	return select_press(m, key);
}

/* It may be a title or heading that is called as the entry is: does it move? */
static bool select_try(struct machine *m, const struct action *a)
{
	if (m->select.bottom)
		return select_fail(m, a, "no highlighted entry can be made out: no "
					 "key moves anything");
	return select_press(m, "Down");
}

/* The highlight is known: towards the entry. */
static bool select_go(struct machine *m, const struct action *a,
		      const struct menu_place *lit, bool is_lit)
{
	struct select *s = &m->select;
	bool known = s->moved;
	int64_t wait = SELECT_SURE_MS;
	const char *key;

	if (!is_lit && !s->has_target && !known)
		wait = SELECT_SETTLE_MS;
	else if (!is_lit && s->has_target && known)
		wait = SELECT_QUIET_MS;
	if (!select_stable(m, wait))
		return false;
	select_note_lit(m, lit);
	select_page_note(m, lit);
	if (is_lit && !known && !menu_is_sure(m->screen, lit))
		return select_try(m, a);
	if (is_lit && menu_is_overruled(m->screen, lit))
		return select_fail(m, a, "a button beside the menu has the focus, "
					 "and Enter would go to it");
	if (is_lit)
		return select_enter(m);
	if (!s->has_target)
		return select_scroll(m, a, lit);
	key = s->keys < SELECT_KEYS_MAX ? select_way(m, lit) : NULL;
	if (key != NULL)
		return select_press(m, key);
	if (s->keys >= SELECT_KEYS_MAX)
		return select_fail(m, a, "the entry is not reached");
	select_refuse(m, &s->target);
	return true;
}

static bool select_find(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;
	struct menu_place lit;
	bool is_lit = false, over = m->now >= s->until;

	if (!select_may_look(m))
		return false;
	if (s->keys == 0 && select_quiet(m, SELECT_SURE_MS) &&
	    select_number(m, a))
		return true;
	if (select_lit(m, s->looked, &lit)) {
		select_note_seen(m, &lit);
		select_find_target(m, a, &lit, &is_lit);
		if (m->now >= s->settle_until && select_go(m, a, &lit, is_lit))
			return true;
	} else if (select_find_target(m, a, NULL, &is_lit) && s->keys == 0 &&
		   select_quiet(m, SELECT_UNLIT_MS)) {
		return select_press(m, "Down");
	}
	if (!over)
		return false;
	return select_fail(m, a, s->has_target
					 ? "no highlighted entry can be made out "
					   "on the screen"
					 : "the screen shows no menu with such an "
					   "entry");
}

/* ---- what a key did -------------------------------------------------------------------- */

/*
 * Tab leads on where Up and Down don't: in a menu that has never moved, and from
 * the end of a list to the buttons below it.
 */
static bool select_may_tab(const struct machine *m)
{
	const struct select *s = &m->select;

	if (s->tabbed || !s->has_target)
		return false;
	return !s->moved || menu_is_button(m->screen, &s->target);
}

/* Nothing moved: at the end of the menu, or no menu, or the key was lost. */
static bool select_is_stuck(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;

	if (++s->still == 1)
		return select_press(m, s->key);
	if (select_may_tab(m)) {
		s->tabbed = true;
		return select_press(m, "Tab");
	}
	if (!s->moved && s->has_target)
		return select_fail(m, a, "the menu does not react to keys");
	s->still = 0;
	s->bottom = s->bottom || strcmp(s->key, "Down") == 0;
	s->top = s->top || strcmp(s->key, "Up") == 0;
	if (s->has_target)
		select_refuse(m, &s->target);
	s->phase = SELECT_FIND;
	s->until = deadline_add(m->now, SELECT_FIND_MS);
	return true;
}

void select_note_moved(struct machine *m, const struct menu_place *lit)
{
	struct select *s = &m->select;

	select_note_lit(m, lit);
	s->still = 0;
	s->moved = true;
	s->phase = SELECT_FIND;
	s->until = deadline_add(m->now, SELECT_FIND_MS);
	if (s->until < s->settle_until)
		s->until = deadline_add(s->settle_until, SELECT_FIND_MS);
}

/*
 * The key went out twice, and something moved: by the second one, or by the first
 * over a line that lags, and then the second is still to come.
 */
static void select_settle(struct machine *m)
{
	struct select *s = &m->select;

	if (s->still > 0)
		s->settle_until = deadline_add(m->now, m->now - s->first_at +
						       SELECT_SETTLE_MORE_MS);
}

static bool select_look(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;
	struct menu_place lit;

	if (!select_may_look(m))
		return false;
	if (select_is_page(m))
		return select_page_look(m, a);
	if (select_lit(m, true, &lit) &&
	    select_has_moved(m, &lit)) {
		if (m->last_byte - s->first_at > s->pace_ms)
			s->pace_ms = m->last_byte - s->first_at;
		select_note_jump(m, &lit);
		select_settle(m);
		select_note_moved(m, &lit);
		return true;
	}
	/* Bytes that come may be the effect, on its way over a slow line. */
	if (m->now < s->until || (!select_quiet(m, SELECT_QUIET_MS) &&
				  m->now < deadline_add(s->pressed_at,
							SELECT_PAINT_MS)))
		return false;
	return select_is_stuck(m, a);
}

/* ---- Enter --------------------------------------------------------------------------------- */

static bool select_done(struct machine *m, const struct action *a)
{
	char text[200];

	snprintf(text, sizeof(text), "%.190s", select_current(m, a)->source);
	select_say_typed(m);
	machine_event(m, MACHINE_EVENT_DONE, "selected %s", text);
	if (++m->select_step < a->step_count) {
		select_step_begin(m, true);
		return true;
	}
	select_clear(m);
	actions_skip(m);
	return true;
}

static bool select_entered(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;
	int changed = menu_changed_rows(m->screen, &s->look);
	bool silent = m->last_byte <= s->pressed_at;

	if (menu_row_changed(m->screen, &s->look, s->lit.row) ||
	    changed >= SELECT_ROWS || (changed > 0 && m->now >= s->until))
		return select_done(m, a);
	if (m->now < s->until)
		return false;
	/* The first key of a session may be swallowed by a BMC. */
	if (silent && s->keys == 1 && !s->again) {
		s->again = true;
		s->keys--;
		return select_enter(m);
	}
	return select_fail(m, a, "Enter has no effect");
}

/* ---- the doors -------------------------------------------------------------- */

bool select_step(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;

	if (!m->attached) {
		if (m->now < deadline_add(m->lost_since, SELECT_LOST_MS))
			return false;
		actions_fail(m, VERDICT_UNKNOWN, "the console was lost while an "
						 "entry was to be selected");
		return true;
	}
	if (m->now >= s->step_until)
		return select_fail(m, a, "the entry was not reached in time");
	switch (s->phase) {
	case SELECT_FIND:
		return select_find(m, a);
	case SELECT_LOOK:
		return select_look(m, a);
	case SELECT_NUMBER:
		return select_number_look(m, a);
	case SELECT_ENTERED:
		return select_entered(m, a);
	}
	return false;
}

/* The sooner one of those that are still to come. */
static int64_t select_sooner(const struct machine *m, int64_t due, int64_t at)
{
	return at > m->now ? deadline_min(due, at) : due;
}

int64_t select_deadline(const struct machine *m)
{
	static const int64_t waits[] = { SELECT_QUIET_MS, SELECT_SURE_MS,
					 SELECT_UNLIT_MS, SELECT_SETTLE_MS };
	static const int64_t same[] = { SELECT_QUIET_MS, SELECT_SURE_MS,
					SELECT_SETTLE_MS };
	const struct select *s = &m->select;
	int64_t since = m->last_byte > s->pressed_at ? m->last_byte
						     : s->pressed_at;
	int64_t due = s->step_until;
	size_t i;

	if (!m->attached)
		return deadline_add(m->lost_since, SELECT_LOST_MS);
	due = select_sooner(m, due, s->until);
	due = select_sooner(m, due, s->settle_until);
	due = select_sooner(m, due, deadline_add(s->pressed_at, SELECT_PAINT_MS));
	due = select_sooner(m, due, deadline_add(s->looked_at, SELECT_BUSY_MS));
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		due = select_sooner(m, due, deadline_add(s->seen_since,
					    SELECT_SAME_MS + 2 * same[i]));
	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		due = select_sooner(m, due, deadline_add(since, waits[i]));
	return due;
}
