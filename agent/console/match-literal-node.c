/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of literals, and how they are put together; match-literal.c reads a
 * pattern and comes in for each of its parts.
 *
 * A concatenation multiplies exact texts as long as they are few and short;
 * what it then has to break off is a candidate, and the candidate that is
 * least likely to stand in a text by chance stays.
 */
#include "agent/console/match-literal-parts.h"

#include <ctype.h>
#include <string.h>

#define LITERAL_REPEAT_MAX 8

static size_t literal_add_up(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* ---- sets of texts ----------------------------------------------------- */

bool literal_add(struct match_literals *set, const char *text,
			size_t len)
{
	struct match_literal *l;
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->list[i].len == len &&
		    memcmp(set->list[i].text, text, len) == 0)
			return true;
	}
	if (set->count == MATCH_LITERALS_MAX || len > MATCH_LITERAL_LEN)
		return false;
	l = &set->list[set->count++];
	l->len = (uint8_t)len;
	memcpy(l->text, text, len);
	return true;
}

static void literal_set_one(struct match_literals *set, const char *text,
			    size_t len)
{
	set->count = 0;
	literal_add(set, text, len);
}

bool literal_unite(struct match_literals *a,
			  const struct match_literals *b)
{
	size_t i;

	for (i = 0; i < b->count; i++) {
		if (!literal_add(a, b->list[i].text, b->list[i].len))
			return false;
	}
	return true;
}

/* a = each of a with each of b behind it; false where they are too many. */
static bool literal_cross(struct match_literals *a,
			  const struct match_literals *b)
{
	struct match_literals out = { .count = 0 };
	char text[2 * MATCH_LITERAL_LEN];
	size_t i, j, len;

	for (i = 0; i < a->count; i++) {
		for (j = 0; j < b->count; j++) {
			len = a->list[i].len;
			memcpy(text, a->list[i].text, len);
			memcpy(text + len, b->list[j].text, b->list[j].len);
			len += b->list[j].len;
			if (!literal_add(&out, text, len))
				return false;
		}
	}
	*a = out;
	return true;
}

static int literal_score_one(const struct match_literal *l)
{
	int score = 0;
	size_t i;

	for (i = 0; i < l->len; i++)
		score += l->text[i] == ' ' ? 1 :
			 islower((unsigned char)l->text[i]) ||
				 isdigit((unsigned char)l->text[i]) ? 2 : 3;
	return score;
}

int literal_score(const struct match_literals *set)
{
	int score = 0, one;
	size_t i;

	for (i = 0; i < set->count; i++) {
		one = literal_score_one(&set->list[i]);
		if (i == 0 || one < score)
			score = one;
	}
	return score;
}

/* ---- nodes ------------------------------------------------------------- */

struct literal_node literal_exact(const char *text, size_t len)
{
	struct literal_node node = { .exact = true, .max = len };

	literal_set_one(&node.strings, text, len);
	return node;
}

struct literal_node literal_any(size_t max)
{
	struct literal_node node = { .exact = false, .max = max };

	return node;
}

const struct match_literals *literal_needs(const struct literal_node *node)
{
	return node->exact ? &node->strings : &node->needs;
}

static void literal_consider(struct literal_node *node,
			     const struct match_literals *set, size_t lead)
{
	if (literal_score(set) > literal_score(&node->needs)) {
		node->needs = *set;
		node->lead = lead;
	}
}

void literal_run_begin(struct literal_run *r)
{
	memset(r, 0, sizeof(*r));
	literal_set_one(&r->run, "", 0);
}

void literal_run_add(struct literal_run *r,
			    const struct literal_node *node)
{
	size_t before = r->node.max;

	r->node.max = literal_add_up(before, node->max);
	if (node->exact && literal_cross(&r->run, &node->strings))
		return;
	literal_consider(&r->node, &r->run, r->run_lead);
	r->broken = true;
	if (node->exact) {
		r->run = node->strings;
		r->run_lead = before;
		return;
	}
	literal_consider(&r->node, &node->needs,
			 literal_add_up(before, node->lead));
	literal_set_one(&r->run, "", 0);
	r->run_lead = r->node.max;
}

void literal_run_end(struct literal_run *r, struct literal_node *ret)
{
	*ret = r->node;
	ret->exact = !r->broken;
	if (ret->exact)
		ret->strings = r->run;
	else
		literal_consider(ret, &r->run, r->run_lead);
}

void literal_alternate(struct literal_node *a,
			      const struct literal_node *b)
{
	struct match_literals both;

	if (a->exact && b->exact) {
		both = a->strings;
		if (literal_unite(&both, &b->strings)) {
			a->strings = both;
			a->max = a->max > b->max ? a->max : b->max;
			return;
		}
	}
	both = *literal_needs(a);
	if (literal_score(&both) == 0 || literal_score(literal_needs(b)) == 0 ||
	    !literal_unite(&both, literal_needs(b)))
		both.count = 0;
	if (a->exact)
		a->lead = 0;
	if (!b->exact && b->lead > a->lead)
		a->lead = b->lead;
	a->needs = both;
	a->exact = false;
	a->max = a->max > b->max ? a->max : b->max;
}

void literal_repeat(struct literal_node *node, size_t low, size_t high)
{
	struct match_literals once = node->strings;
	size_t max = node->max, i;
	bool exact = node->exact && high <= LITERAL_REPEAT_MAX &&
		     (low == high || (low == 0 && high == 1));

	node->max = max == 0 ? 0 :
		    high > SIZE_MAX / max ? SIZE_MAX : high * max;
	for (i = 1; exact && i < low; i++)
		exact = literal_cross(&node->strings, &once);
	if (exact && high == 0)
		literal_set_one(&node->strings, "", 0);
	else if (exact && low == 0)
		exact = literal_add(&node->strings, "", 0);
	if (exact)
		return;
	if (node->exact)
		node->needs = once;
	if (node->exact)
		node->lead = 0;
	if (low == 0)
		node->needs.count = 0;
	node->exact = false;
}
