/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A twin's rules and actions. twin.c comes in by twin_slot_step when a slot is due,
 * twin-inputs.c by the rules. Always true: a rule that was found is counted, and
 * a rule without actions leads on at the time of what found it.
 */
#include "agent/twin/twin-private.h"

#include <string.h>

#include "base/deadline.h"

#define TWIN_PIECE 64		/* bytes that are printed at once */

/* ---- rules ------------------------------------------------------------------------ */

static bool rule_is(const struct twin_rule *r, enum twin_on on, int number,
		    const char *text, size_t len, size_t *ret_end)
{
	struct match_cursor cursor = { .from = 0 };
	size_t start;

	if (r->on != on)
		return false;
	if (r->pattern == NULL)
		return on == TWIN_ON_BREAK || r->number == number;
	return match_find(r->pattern, &cursor, text, len, true, &start, ret_end,
			  NULL) == 1;
}

/* The rule for it that ends earliest; the state's own before [always]. */
const struct twin_rule *twin_rule_find(struct twin *t, enum twin_on on,
				       int number, const char *text, size_t len,
				       size_t *ret_end)
{
	const struct twin_rules *lists[2] = { &twin_state(t)->rules,
					      &t->model->always };
	int *counts[2] = { t->counts, t->always_counts };
	const struct twin_rule *r, *best = NULL;
	int *best_count = NULL;
	size_t i, end = 0;
	int l;

	for (l = 0; l < 2; l++) {
		for (i = 0; i < lists[l]->count; i++) {
			r = &lists[l]->list[i];
			if ((r->max > 0 && counts[l][i] >= r->max) ||
			    !rule_is(r, on, number, text, len, &end) ||
			    (best != NULL && end >= *ret_end))
				continue;
			best = r;
			best_count = &counts[l][i];
			*ret_end = end;
		}
	}
	if (best_count != NULL)
		(*best_count)++;
	return best;
}

void twin_rule_run(struct twin *t, const struct twin_rule *r)
{
	twin_slot_fill(&t->rule, &r->acts, &r->target, t->now);
}

/* A rule without actions leads on at once; one that runs holds the next ones. */
void twin_match_typed(struct twin *t)
{
	const struct twin_rule *r;
	size_t end = 0;

	if (t->rule.acts != NULL || t->typed.len == 0)
		return;
	r = twin_rule_find(t, TWIN_ON_TYPED, 0, buffer_text(&t->typed),
			   t->typed.len, &end);
	if (r == NULL)
		return;
	buffer_drop(&t->typed, end);
	twin_rule_run(t, r);
}

/* ---- actions ----------------------------------------------------------------------- */

void twin_slot_fill(struct twin_slot *s, const struct twin_acts *acts,
		    const struct twin_target *target, int64_t now)
{
	*s = (struct twin_slot){ .acts = acts, .target = target, .wake = now,
				 .playing = -1 };
}

void twin_print(struct twin *t, const char *bytes, size_t len)
{
	if (twin_state(t)->power && !t->lost)
		buffer_append(&t->out, bytes, len);
}

/* A piece of a text; true where it was the last one. */
static bool slot_print(struct twin *t, struct twin_slot *s, const char *text,
		       size_t len)
{
	const char *at = text + s->printed;
	size_t left = len - s->printed;
	size_t n = left < TWIN_PIECE ? left : TWIN_PIECE;
	const char *newline = memchr(at, '\n', n);

	if (newline != NULL)
		n = (size_t)(newline - at) + 1;
	twin_print(t, at, n);
	s->printed += n;
	s->wake = t->now + (int64_t)n * 10000 / t->model->speed;
	return s->printed == len;
}

/* The next piece of a recording, at its time; true behind the last one. */
static bool slot_play(struct twin *t, struct twin_slot *s, const struct twin_act *a)
{
	const struct twin_piece *piece = &a->pieces[s->piece];
	int64_t due;

	if (s->playing < 0)
		s->playing = t->now;
	due = deadline_add(s->playing, piece->at_ms);
	if (due > t->now) {
		s->wake = due;
		return false;
	}
	if (slot_print(t, s, piece->text, piece->len)) {
		s->piece++;
		s->printed = 0;
	}
	return s->piece == a->piece_count;
}

/* The present action, at its time; true where the next one may come. */
static bool slot_act(struct twin *t, struct twin_slot *s, const struct twin_act *a)
{
	switch (a->what) {
	case TWIN_PRINT:
		return slot_print(t, s, a->text, a->len);
	case TWIN_PLAY:
		return slot_play(t, s, a);
	case TWIN_WAIT:
		s->wake = t->now + twin_between(t, a->ms, a->ms_to);
		return true;
	case TWIN_LOSE:
		t->lost = true;
		return true;
	case TWIN_BACK:
		t->lost = false;
		return true;
	default:
		return true;
	}
}

void twin_slot_step(struct twin *t, struct twin_slot *s)
{
	const struct twin_target *target = s->target;

	if (s->next == s->acts->count) {
		s->acts = NULL;
		if (target == &twin_state(t)->then) {
			target = twin_then(t, twin_state(t));
			if (target != s->target)
				t->device = DRIVER_BOOT_NONE;
		}
		twin_go(t, target);
		if (t->rule.acts == NULL)
			twin_match_typed(t);
		return;
	}
	if (slot_act(t, s, &s->acts->list[s->next])) {
		s->next++;
		s->printed = 0;
		s->piece = 0;
		s->playing = -1;
	}
}
