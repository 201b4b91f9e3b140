/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `select` in a menu that asks for a number: it is typed, digit by digit.
 * machine-select.c comes in by select_number before the first key, and by
 * select_number_look behind each digit.
 *
 *   FIND    -> a digit, then NUMBER   the prompt is at the cursor
 *   NUMBER  -> a digit                the one before has come back
 *   NUMBER  -> Enter, then ENTERED    all have, and nothing else
 *   NUMBER  -> done                   the menu went on with the last digit
 *   NUMBER  -> Backspace, a digit     the first one has not come back
 *
 * Always true: Enter goes out only where prompt and number are all that stands on
 * the row of the cursor.
 */
#include "agent/sequence/machine-select.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

static bool select_number_press(struct machine *m)
{
	struct select *s = &m->select;

	s->phase = SELECT_NUMBER;
	s->digit[0] = s->number[s->digits++];
	return select_press(m, s->digit);
}

static uint64_t select_number_prompt(const struct machine *m)
{
	const struct menu_place *prompt = &m->select.prompt;
	uint64_t hash = 0xcbf29ce484222325u;
	int col;

	for (col = 0; col < prompt->end; col++)
		hash = (hash ^ screen_cell(m->screen, prompt->row, col)->c) *
		       0x100000001b3u;
	return hash;
}

bool select_number(struct machine *m, const struct action *a)
{
	const struct select_step *step = select_current(m, a);
	struct select *s = &m->select;
	struct menu_numbers list;
	int number;

	if (!menu_find_numbers(m->screen, &list) ||
	    !menu_find_number(m->screen, &list, step->pattern, step->whole,
			      &number, &s->target))
		return false;
	snprintf(s->number, sizeof(s->number), "%d", number);
	s->digits = 0;
	s->prompt = list.prompt;
	s->prompt_text = select_number_prompt(m);
	return select_number_press(m);
}

/* So many digits have come back, and nothing stands behind them. */
static bool select_number_shows(const struct machine *m, int digits)
{
	const struct menu_place *prompt = &m->select.prompt;
	int row, col, i;

	screen_cursor(m->screen, &row, &col);
	if (row != prompt->row || col != prompt->end + digits ||
	    col >= screen_cols(m->screen) ||
	    select_number_prompt(m) != m->select.prompt_text)
		return false;
	for (i = 0; i < digits; i++) {
		if (screen_cell(m->screen, row, prompt->end + i)->c !=
		    (uint32_t)m->select.number[i])
			return false;
	}
	for (; col < screen_cols(m->screen); col++) {
		if (!screen_is_blank(m->screen, row, col))
			return false;
	}
	return true;
}

/* What is on its way over a line that lags comes back as late as the first one. */
static bool select_number_settles(struct machine *m)
{
	struct select *s = &m->select;

	if (!s->again || !select_number_shows(m, s->digits))
		return false;
	if (s->settle_until == 0) {
		s->settle_until = deadline_add(m->now, m->now - s->first_at +
						       SELECT_SETTLE_MORE_MS);
		s->until = deadline_add(s->settle_until, SELECT_FIND_MS);
	}
	return m->now < s->settle_until;
}

bool select_number_look(struct machine *m, const struct action *a)
{
	struct select *s = &m->select;
	bool last = s->number[s->digits] == '\0';

	if (m->now < s->until &&
	    m->now < deadline_add(m->last_byte, SELECT_SURE_MS))
		return false;
	if (s->digits == 0)
		return select_number_press(m);
	if (select_number_settles(m))
		return false;
	if (select_number_shows(m, s->digits))
		return last ? select_enter(m) : select_number_press(m);
	/* It does not wait for Enter. */
	if (last && menu_changed_rows(m->screen, &s->look) >= SELECT_ROWS &&
	    !select_number_shows(m, s->digits - 1)) {
		s->phase = SELECT_ENTERED;
		return true;
	}
	if (m->now < s->until)
		return false;
	/*
	 * The first key of a session may be swallowed by a BMC. Or it is on its way
	 * over a line that lags: then it is erased, and the next one is the only one.
	 */
	if (s->keys == 1 && select_number_shows(m, 0)) {
		s->digits = 0;
		s->again = true;
		return select_press(m, "Backspace");
	}
	return select_fail(m, a, "the number that was typed does not come back "
				 "at the prompt; Enter was not pressed");
}
