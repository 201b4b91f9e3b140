/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns that can never be found, since another one always comes first: the
 * match that ends earliest wins, then the state's own rules before [always],
 * then the order written. A rule with `max` is used up and hides nothing.
 */
#include "agent/sequence/check-private.h"

static void hidden_say(struct check *c, const struct rule *by,
		       const struct rule *r, enum match_hiding how)
{
	char where[300];

	check_place(where, sizeof(where), by->file, by->line, r->file);
	if (how == MATCH_HIDES_EARLIER)
		problems_add_at(c->problems, r->file, r->line, r->column,
			      "this rule never fires: where %.80s is found, "
			      "%.80s (%s) was found before; make that one "
			      "longer, or give it a max", r->source, by->source,
			      where);
	else
		problems_add_at(c->problems, r->file, r->line, r->column,
			      "this rule never fires: where %.80s is found, "
			      "%.80s (%s) is found too and comes first; move "
			      "this rule before that one, or remove it",
			      r->source, by->source, where);
}

/* The states that a rule is looked for in: from first up to end. */
struct hidden_where {
	int first;
	int end;
};

/* Whether the rule is looked for wherever that is. */
static bool hidden_covers(const struct rule *by, struct hidden_where where)
{
	return by->end == 0 || (by->first <= where.first && where.end <= by->end);
}

/* Whether the rule is hidden by one of these; said once. */
static bool hidden_by(struct check *c, const struct rule *r,
		      struct hidden_where where, const struct rules *rules,
		      bool comes_later)
{
	enum match_hiding how;
	const struct rule *by;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		by = &rules->list[i];
		if (by == r)
			comes_later = true;
		if (by == r || by->kind != RULE_TEXT || by->max > 0 ||
		    !hidden_covers(by, where))
			continue;
		how = match_hides(by->pattern, r->pattern);
		if (how == MATCH_HIDES_NOT ||
		    (comes_later && how != MATCH_HIDES_EARLIER))
			continue;
		hidden_say(c, by, r, how);
		return true;
	}
	return false;
}

static void hidden_rules(struct check *c, const struct rules *rules,
			 struct hidden_where all)
{
	struct hidden_where where;
	const struct rule *r;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		where = r->end > 0 ? (struct hidden_where){ r->first, r->end }
				   : all;
		if (r->kind == RULE_TEXT &&
		    !hidden_by(c, r, where, rules, false) &&
		    rules != &c->s->always)
			hidden_by(c, r, where, &c->s->always, true);
	}
}

void check_hidden(struct check *c)
{
	int i, count = (int)c->s->state_count;

	hidden_rules(c, &c->s->always, (struct hidden_where){ 0, count });
	for (i = 0; i < count; i++)
		hidden_rules(c, &c->s->states[i].rules,
			     (struct hidden_where){ i, i + 1 });
}
