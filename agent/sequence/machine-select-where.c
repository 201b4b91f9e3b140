/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the highlight of a menu is, which entry is meant, and which key brings
 * the one to the other. machine-select.c asks; nothing is pressed here.
 *
 * An entry is refused when it matches and the highlight can't be brought to it:
 * a heading, a title, the help. It is known again by the text of its row.
 */
#include "agent/sequence/machine-select.h"

#include <string.h>

#include "base/deadline.h"

#define SELECT_PLACES 64

static uint64_t select_text_of(const struct machine *m,
			       const struct menu_place *place)
{
	struct buffer text = { 0 };
	uint64_t hash = 0xcbf29ce484222325u;
	size_t i;

	menu_text(m->screen, place, &text);
	for (i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3u;
	buffer_release(&text);
	return hash;
}

/* ---- the entry --------------------------------------------------------- */

static bool select_is_refused(const struct machine *m,
			      const struct menu_place *place)
{
	struct menu_place row = { place->row, 0, screen_cols(m->screen) };
	uint64_t text = select_text_of(m, &row);
	int i;

	for (i = 0; i < m->select.refused_count; i++) {
		if (m->select.refused[i] == text)
			return true;
	}
	return false;
}

/* It matches, but is no entry: the highlight can't be brought to it. */
void select_refuse(struct machine *m, const struct menu_place *place)
{
	struct menu_place row = { place->row, 0, screen_cols(m->screen) };
	struct select *s = &m->select;

	s->refused[s->refused_count++ % SELECT_REFUSED_MAX] =
		select_text_of(m, &row);
	if (s->refused_count > SELECT_REFUSED_MAX)
		s->refused_count = SELECT_REFUSED_MAX;
	s->has_target = false;
}

/* The smaller the better: first what stands in the column of the highlight. */
static int select_distance(const struct machine *m,
			   const struct menu_place *lit,
			   const struct menu_place *place)
{
	int rows, cols;

	if (lit == NULL)
		return place->row;
	rows = place->row - lit->row;
	cols = menu_text_begin(m->screen, place) -
	       menu_text_begin(m->screen, lit);
	return (rows < 0 ? -rows : rows) + (cols >= -3 && cols <= 3 ? 0 : 1000);
}

/*
 * Looks for the entry: *ret_lit where it is the highlighted one, else the
 * nearest goes to target.
 */
bool select_find_target(struct machine *m, const struct action *a,
			const struct menu_place *lit, bool *ret_lit)
{
	const struct select_step *step = select_current(m, a);
	struct menu_place places[SELECT_PLACES];
	size_t count, i;
	int best = 0, distance;

	*ret_lit = false;
	m->select.has_target = false;
	count = menu_find_entries(m->screen, step->pattern, places,
				  SELECT_PLACES);
	for (i = 0; i < count; i++) {
		if (step->whole && !menu_is_whole(m->screen, &places[i]))
			continue;
		if (lit != NULL && menu_is_lit(m->screen, lit, &places[i])) {
			m->select.target = places[i];
			*ret_lit = true;
			return true;
		}
		distance = select_distance(m, lit, &places[i]);
		if (select_is_refused(m, &places[i]) ||
		    (m->select.has_target && distance >= best))
			continue;
		best = distance;
		m->select.target = places[i];
		m->select.has_target = true;
	}
	return m->select.has_target;
}

/* Entries side by side: nothing stands above or below them. */
static bool select_is_row_of_its_own(const struct machine *m,
				     const struct menu_place *place)
{
	int rows[] = { place->row - 1, place->row + 1 }, i, col;

	for (i = 0; i < 2; i++) {
		if (rows[i] < 0 || rows[i] >= screen_rows(m->screen))
			continue;
		for (col = place->col; col < place->end; col++) {
			if (!screen_is_blank(m->screen, rows[i], col) &&
			    screen_cell(m->screen, rows[i], col)->c < 0x2500)
				return false;
		}
	}
	return true;
}

/* The key that brings the highlight nearer to the target; NULL: none does. */
const char *select_way(const struct machine *m, const struct menu_place *lit)
{
	const struct menu_place *target = &m->select.target;

	if (target->row > lit->row)
		return "Down";
	if (target->row < lit->row)
		return "Up";
	if (!select_is_row_of_its_own(m, target))
		return NULL;
	return target->col > lit->col ? "Right" : "Left";
}

/* All of it: from end to end, or once round, to where it began. */
bool select_seen_all(struct machine *m, const struct menu_place *lit)
{
	struct select *s = &m->select;

	if (s->keys >= SELECT_KEYS_MAX || (s->bottom && s->top))
		return true;
	return s->keys > 0 && !s->bottom && lit->row == s->first_lit.row &&
	       select_text_of(m, lit) == s->first_text &&
	       menu_changed_rows(m->screen, &s->first) < SELECT_ROWS;
}

/* ---- the highlight ----------------------------------------------------- */

void select_note_seen(struct machine *m, const struct menu_place *lit)
{
	struct select *s = &m->select;
	uint64_t text = select_text_of(m, lit);

	if (s->seen_since != DEADLINE_NEVER && text == s->seen_text &&
	    memcmp(lit, &s->seen, sizeof(*lit)) == 0)
		return;
	s->seen = *lit;
	s->seen_text = text;
	s->seen_since = m->now;
}

void select_note_lit(struct machine *m, const struct menu_place *lit)
{
	struct select *s = &m->select;

	s->lit_text = select_text_of(m, lit);
	if (!s->lit_known) {
		menu_take_look(m->screen, &s->first);
		s->first_text = s->lit_text;
		s->first_lit = *lit;
	}
	s->lit_known = true;
	s->lit = *lit;
}

/* The highlight, looked for once in a screen: most calls find it unchanged. */
bool select_lit(struct machine *m, bool looked, struct menu_place *ret)
{
	struct select *s = &m->select;
	uint64_t now = screen_generation(m->screen);

	if (s->found == 0 || s->found_in != now || s->found_keys != s->keys ||
	    s->found_looked != looked) {
		s->found = 1 + menu_find_lit(m->screen,
					     looked ? &s->look : NULL,
					     &s->found_lit);
		s->found_in = now;
		s->found_keys = s->keys;
		s->found_looked = looked;
	}
	*ret = s->found_lit;
	return s->found == 2;
}

bool select_has_moved(const struct machine *m, const struct menu_place *lit)
{
	const struct select *s = &m->select;

	return !s->lit_known || lit->row != s->lit.row ||
	       lit->col != s->lit.col || select_text_of(m, lit) != s->lit_text;
}

/* The highlight went over the target without a stop: it is no entry. */
void select_note_jump(struct machine *m, const struct menu_place *lit)
{
	struct select *s = &m->select;
	int from = s->lit.row, to = lit->row, target = s->target.row;

	if (s->lit_known && s->has_target &&
	    !menu_row_changed(m->screen, &s->look, target) &&
	    ((from < target && target < to) || (to < target && target < from)))
		select_refuse(m, &s->target);
}
