/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PgDn and PgUp of `select`. In many menus they page; in setups of old BIOSes they
 * change the value under the highlight, or move it in a boot order. machine-select.c
 * asks for the key that scrolls (select_page_key), and comes in by select_page_look
 * in place of its own look where it was one of them.
 *
 * Always true: they are pressed only where Down was seen to scroll the list row by row,
 * in a list without values and without help that speaks of them, and on terminals
 * where they look like Down to a program that does not know them; and what they did
 * is seen before another key goes out. What they changed can't be undone: then the
 * action fails and says so, and Enter is not pressed.
 */
#include "agent/sequence/machine-select.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define PAGE_SCROLLS 5	/* so often: the list is long enough to be paged */
#define PAGE_AROUND 1	/* a clock, a counter: such a row may change beside a
			   list that is seen to be the same */

/*
 * ESC [ 6 ~: a program that took ESC [ B takes it, or drops it as a whole. But not
 * ncurses, for which a vt100 has no such key: it takes it for Esc.
 */
static bool select_page_is_csi(const struct machine *m, const char *key)
{
	struct keys_stroke stroke;

	if (m->config.terminal == KEYS_VT100 &&
	    screen_wants_application_keys(m->screen))
		return false;
	return keys_encode(m->config.terminal, key, &stroke) &&
	       stroke.len == 4 && stroke.bytes[1] == '[' &&
	       stroke.bytes[3] == '~';
}

const char *select_page_key(struct machine *m)
{
	struct select *s = &m->select;
	const char *key = s->bottom ? "PgUp" : "PgDn";

	if (s->scrolls < PAGE_SCROLLS || s->page_off || (s->bottom && s->page_gap) ||
	    !select_page_is_csi(m, key) || !menu_may_page(m->screen, &s->list))
		return NULL;
	return key;
}

bool select_is_page(const struct machine *m)
{
	return m->select.key != NULL && m->select.key[0] == 'P';
}

void select_page_note(struct machine *m, const struct menu_place *lit)
{
	struct select *s = &m->select;
	int by;

	menu_take_list(m->screen, lit, &s->list);
	if (s->keys == s->scroll_keys || s->key[0] != 'D' ||
	    menu_compare_lists(&s->before, &s->list, &by) !=
		    MENU_TURN_SCROLLED ||
	    by != 1 || s->list.lit != s->before.lit)
		return;
	s->scrolls++;
	s->scroll_keys = s->keys;
}

/* It has paged: the highlight is known anew, and looked from. */
static bool select_page_done(struct machine *m, const struct menu_place *lit,
			     enum menu_turn turn)
{
	struct select *s = &m->select;

	s->page_gap = s->page_gap || turn == MENU_TURN_PAGE;
	select_note_moved(m, lit);
	return true;
}

/* No effect: it is not asked again, and the arrows go on. */
static bool select_page_idle(struct machine *m)
{
	struct select *s = &m->select;

	s->page_off = true;
	s->phase = SELECT_FIND;
	s->until = deadline_add(m->now, SELECT_FIND_MS);
	return true;
}

bool select_page_look(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;
	enum menu_turn turn = MENU_TURN_ODD;
	bool lit_there, over = m->now >= s->until;
	struct menu_list now;
	struct menu_place lit;
	int by, around;

	lit_there = select_lit(m, true, &lit);
	if (lit_there) {
		menu_take_list(m->screen, &lit, &now);
		turn = menu_compare_lists(&s->before, &now, &by);
	}
	around = menu_changed_around(m->screen, &s->look, &s->before);
	if (around > PAGE_AROUND || (around > 0 && turn == MENU_TURN_PAGE))
		turn = MENU_TURN_ODD;
	if (turn != MENU_TURN_ODD && select_has_moved(m, &lit))
		return select_page_done(m, &lit, turn);
	if (!over || m->now < deadline_add(m->last_byte, SELECT_SURE_MS))
		return false;
	if (turn == MENU_TURN_NONE)
		return select_page_idle(m);
	return select_fail(m, a, s->key[2] == 'D'
			   ? "PgDn changed texts of the menu where they stand: it "
			     "may have changed a value; look at the screen, and "
			     "leave without saving"
			   : "PgUp changed texts of the menu where they stand: it "
			     "may have changed a value; look at the screen, and "
			     "leave without saving");
}
