/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Learning a twin. In by learn_twin: the record is sorted (learn-marks.c), what
 * was seen of the host becomes what it was at each time (here), and the chain of
 * states is written down (learn-write.c).
 *
 * Always true: between two looks at the host that differ it changed when it
 * printed what the run saw last; where nothing was seen, behind the last thing
 * that was done to it and half-way to the second look, so that a rehearsal that
 * is a little faster or slower sees the same.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/twin/learn-private.h"
#include "base/memory.h"

bool learn_is_same(const struct learn_sight *a, const struct learn_sight *b)
{
	if (a->what != b->what || a->number != b->number)
		return false;
	return a->what != LEARN_EXITS || strcmp(a->command, b->command) == 0;
}

int learn_value(const struct learn *l, const struct learn_sight *like,
		int64_t at, int fallback)
{
	const struct learn_sight *c = l->changes.list;
	int value = fallback;
	size_t i;

	for (i = 0; i < l->changes.count; i++) {
		if (learn_is_same(&c[i], like) && c[i].at <= at)
			value = c[i].value;
	}
	return value;
}

/* ---- from looks to changes ----------------------------------------------------------- */

static void learn_change(struct learn *l, const struct learn_sight *seen,
			 int64_t at, int value, bool boots)
{
	struct learn_sights *c = &l->changes;
	struct learn_sight *s;

	c->list = memory_grow(c->list, c->count + 1, sizeof(*c->list));
	s = &c->list[c->count++];
	*s = *seen;
	s->at = at;
	s->value = value;
	s->boots = boots;
}

/* Nothing of the system before is left behind it. */
static bool learn_boots(const struct learn_mark *m)
{
	if (m->kind == LEARN_BREAK)
		return m->letter == 'b';
	return m->kind == LEARN_POWER && m->act != DRIVER_ACT_SOFT &&
	       m->act != DRIVER_ACT_DIAG;
}

/* The last mark not before `from` and not after `to`, or NULL. */
static const struct learn_mark *learn_mark_between(const struct learn *l,
						   int64_t from, int64_t to,
						   bool boots)
{
	size_t i;

	for (i = l->mark_count; i > 0; i--) {
		if (l->marks[i - 1].at > to || (boots && !learn_boots(&l->marks[i - 1])))
			continue;
		return l->marks[i - 1].at >= from ? &l->marks[i - 1] : NULL;
	}
	return NULL;
}

/* Power goes off behind the last output, since nothing is printed without it. */
static int64_t learn_off_at(const struct learn *l, int64_t from, int64_t to)
{
	size_t i;

	for (i = 0; i < l->piece_count; i++) {
		if (l->pieces[i].len > 0 && l->pieces[i].at >= from &&
		    l->pieces[i].at < to)
			from = l->pieces[i].at + 1;
	}
	return from;
}

/* When that was printed which a rule of the sequence saw last, up to then; or 0. */
static int64_t learn_last_seen(const struct learn *l, int64_t to)
{
	const json_t *event;
	int64_t at = -1, piece = 0;
	size_t i;

	for (i = 0; i < json_array_size(l->record->journal); i++) {
		event = json_array_get(l->record->journal, i);
		if (strcmp(learn_text(event, "event"), "saw") == 0 &&
		    learn_number(event, "at_ms") <= to)
			at = learn_number(event, "at_ms");
	}
	for (i = 0; i < l->piece_count; i++) {
		if (l->pieces[i].len > 0 && l->pieces[i].at <= at)
			piece = l->pieces[i].at;
	}
	return piece;
}

static int64_t learn_change_at(const struct learn *l, int64_t from,
			       const struct learn_sight *seen)
{
	const struct learn_mark *m = learn_mark_between(l, from, seen->at, false);
	int64_t at = m != NULL ? m->at : from;
	bool is_act = m != NULL && m->kind == LEARN_POWER;

	if (seen->what != LEARN_IS_ON && learn_last_seen(l, seen->at) > at)
		return learn_last_seen(l, seen->at);
	if (seen->what != LEARN_IS_ON || !is_act)
		at += (seen->at - at) / 2;
	if (seen->what == LEARN_IS_ON && seen->value == 0)
		at = learn_off_at(l, at, seen->at);
	return at;
}

/* From one look to the next one of the same kind. */
static void learn_step(struct learn *l, const struct learn_sight *before,
		       const struct learn_sight *seen, const char *boot_id)
{
	const struct learn_mark *boot =
		seen->what == LEARN_HAS_SSH || seen->what == LEARN_HAS_PORT
			? learn_mark_between(l, before->at, seen->at, true)
			: NULL;
	int value = before->value;
	int64_t from = before->at;
	bool boots;

	if (boot != NULL) {
		from = boot->at;
		if (value != 0)
			learn_change(l, seen, from, 0, false);
		value = 0;
	}
	boots = seen->what == LEARN_HAS_SSH && seen->value != 0 &&
		(boot != NULL || (boot_id[0] != '\0' && seen->boot_id[0] != '\0' &&
				  strcmp(boot_id, seen->boot_id) != 0));
	if (seen->value != value || boots)
		learn_change(l, seen, learn_change_at(l, from, seen),
			     seen->value, boots);
}

/* All looks of one kind, of which `first` is the first. */
static void learn_follow(struct learn *l, size_t first)
{
	const struct learn_sight *s = l->seen.list;
	struct learn_sight before = s[first];
	const char *boot_id = "";
	size_t i;

	before.at = -1;
	if (s[first].what == LEARN_HAS_PORT || s[first].what == LEARN_HAS_SSH)
		before.value = learn_mark_between(l, -1, s[first].at, true) == NULL
				       ? s[first].value : 0;
	learn_change(l, &before, -1, before.value, false);
	for (i = first; i < l->seen.count; i++) {
		if (!learn_is_same(&s[i], &s[first]))
			continue;
		learn_step(l, &before, &s[i], boot_id);
		if (s[i].boot_id[0] != '\0')
			boot_id = s[i].boot_id;
		before = s[i];
	}
}

/* ---- health -------------------------------------------------------------------------------- */

/*
 * Since when the host did its work, of a run that says so: since the last thing
 * that was done to it, or that changed.
 */
static void learn_health(struct learn *l)
{
	int64_t at = l->mark_count > 0 ? l->marks[l->mark_count - 1].at : 0;
	int64_t changed = -1;
	size_t i;

	l->healthy_at = INT64_MAX;
	if (strcmp(learn_text(l->record->run, "verdict"), "recovered") != 0)
		return;
	for (i = 0; i < l->changes.count; i++) {
		if (l->changes.list[i].what != LEARN_IS_ON &&
		    l->changes.list[i].at > changed)
			changed = l->changes.list[i].at;
	}
	if (changed < at)
		changed = learn_last_seen(l, l->end);
	l->healthy_at = changed > at ? changed : at;
}

/* ---- the door -------------------------------------------------------------------------------- */

static int learn_check_end(const struct learn_record *r, struct rh_error *err)
{
	size_t count = json_array_size(r->journal);
	const json_t *last = json_array_get(r->journal, count - 1);

	if (r->run == NULL || r->journal == NULL)
		return rh_error_set(err, RH_ERR_CONFIG, "the record is not "
				    "complete");
	if (learn_text(r->run, "found_by")[0] != '\0')
		return rh_error_set(err, RH_ERR_CONFIG, "the run was killed: its "
				    "record has no end");
	if (!json_is_string(json_object_get(r->run, "verdict")))
		return rh_error_set(err, RH_ERR_CONFIG, "the run has no verdict: it "
				    "was killed, or is going on");
	if (strcmp(learn_text(last, "event"), "verdict") != 0)
		return rh_error_set(err, RH_ERR_CONFIG, "journal.jsonl: it is cut: "
				    "its last event is no verdict");
	return 0;
}

int learn_twin(const struct learn_record *r, struct buffer *ret,
	       struct rh_error *err)
{
	struct learn l = { .record = r };
	size_t i, k;

	if (learn_check_end(r, err) < 0)
		return -1;
	l.end = learn_number(json_array_get(r->journal,
					    json_array_size(r->journal) - 1),
			     "at_ms");
	learn_collect(&l);
	for (i = 0; i < l.seen.count; i++) {
		for (k = 0; k < i; k++) {
			if (learn_is_same(&l.seen.list[k], &l.seen.list[i]))
				break;
		}
		if (k == i)
			learn_follow(&l, i);
	}
	learn_health(&l);
	learn_write(&l, ret);
	learn_collect_release(&l);
	return 0;
}
