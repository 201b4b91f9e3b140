/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether one pattern hides another. The one door is match_hides. What is not
 * understood is "not": a false alarm would be worse than none.
 *
 * Two proofs. (1) Every match of b contains one of a few texts (match-literal.h), a
 * finds a match in each of them alone, and what a finds does not depend on
 * what stands around a match. (2) The source of b is that of a with something
 * before or behind it, cut where both mean the same.
 */
#include "agent/console/match.h"

#include <ctype.h>
#include <string.h>

#include "agent/console/match-literal.h"

/* A pattern's source, for looking at. */
struct hide_text {
	const char *text;
	size_t len;
	unsigned flags;
};

static struct hide_text hide_text(const struct match_pattern *p)
{
	struct hide_text t;

	t.text = match_source(p, &t.len, &t.flags);
	return t;
}

/* Whether any group in it is more than brackets: flags, looks, names, verbs. */
static bool hide_has_odd_group(const struct hide_text *t)
{
	size_t i;

	for (i = 0; i + 1 < t->len; i++) {
		if (t->text[i] == '(' && t->text[i + 1] == '*')
			return true;
		if (t->text[i] == '(' && t->text[i + 1] == '?' &&
		    (i + 2 == t->len || t->text[i + 2] != ':'))
			return true;
	}
	return false;
}

/* Whether one of these stands behind a backslash. */
static bool hide_has_escape(const struct hide_text *t, const char *letters)
{
	size_t i;

	for (i = 0; i + 1 < t->len; i++) {
		if (t->text[i] != '\\')
			continue;
		if (strchr(letters, t->text[++i]) != NULL)
			return true;
	}
	return false;
}

/* Whether what it finds depends on the match alone, not on what is around it. */
static bool hide_stands_alone(const struct match_pattern *p)
{
	struct hide_text t = hide_text(p);

	if ((t.flags & MATCH_LITERAL) != 0)
		return true;
	return !match_looks_ahead(p) && memchr(t.text, '^', t.len) == NULL &&
	       !hide_has_odd_group(&t) && !hide_has_escape(&t, "AbBGKQR");
}

/* Whether it takes A to Z and a to z for the same, all of it. */
static bool hide_is_caseless(const struct match_pattern *p)
{
	struct hide_text t = hide_text(p);

	return (t.flags & MATCH_CASELESS) != 0 && !hide_has_odd_group(&t) &&
	       !hide_has_escape(&t, "pP") &&
	       memmem(t.text, t.len, "[:", 2) == NULL;
}

static bool hide_is_ascii(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((text[i] & 0x80) != 0)
			return false;
	}
	return true;
}

/* Whether a finds something in this text alone. */
static enum match_hiding hide_in_text(const struct match_pattern *a,
				      const char *text, size_t len)
{
	struct match_cursor cursor = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	size_t start, end;

	if (!hide_is_ascii(text, len) ||
	    match_find(a, &cursor, text, len, false, &start, &end, &err) != 1)
		return MATCH_HIDES_NOT;
	return end < len ? MATCH_HIDES_EARLIER : MATCH_HIDES;
}

static enum match_hiding hide_by_needs(const struct match_pattern *a,
				       const struct match_pattern *b)
{
	const struct match_needs *needs = match_needs(b);
	enum match_hiding one, all = MATCH_HIDES_EARLIER;
	struct hide_text t = hide_text(b);
	size_t i;

	if (!hide_stands_alone(a))
		return MATCH_HIDES_NOT;
	if ((t.flags & MATCH_CASELESS) != 0 && !hide_is_caseless(a))
		return MATCH_HIDES_NOT;
	if (needs->caseless && !hide_is_caseless(a))
		return MATCH_HIDES_NOT;
	if (t.flags == MATCH_LITERAL)
		return hide_in_text(a, t.text, t.len);
	for (i = 0; i < needs->literals.count; i++) {
		one = hide_in_text(a, needs->literals.list[i].text,
				   needs->literals.list[i].len);
		if (one < all)
			all = one;
	}
	return needs->literals.count > 0 ? all : MATCH_HIDES_NOT;
}

/* ---- by the source ------------------------------------------------------------ */

/*
 * Plain items one after the other, no repeats, no choices: where one may be found
 * is known as soon as its own text is there.
 */
static bool hide_is_plain(const struct hide_text *t)
{
	size_t i;

	for (i = 0; i < t->len; i++) {
		if (t->text[i] == '\\') {
			i++;
			if (i < t->len && isalnum((unsigned char)t->text[i]) &&
			    strchr("dDsSwW", t->text[i]) == NULL)
				return false;
		} else if (strchr("*+?{}[]()|", t->text[i]) != NULL) {
			return false;
		}
	}
	return true;
}

/*
 * Whether text[0..len) is whole by itself: brackets are closed, no choice
 * outside of them, nothing that changes, or takes in, what follows.
 */
static bool hide_is_whole(const char *text, size_t len)
{
	const struct hide_text t = { text, len, 0 };
	int depth = 0, braces = 0;
	size_t i;

	if (hide_has_odd_group(&t) ||
	    hide_has_escape(&t, "QExopPNcugk0123456789") ||
	    memchr(text, '[', len) != NULL)
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] == '\\') {
			if (++i == len)
				return false;
			continue;
		}
		if (text[i] == '|' && depth == 0)
			return false;
		depth += (text[i] == '(') - (text[i] == ')');
		braces += (text[i] == '{') - (text[i] == '}');
		if (depth < 0)
			return false;
	}
	return depth == 0 && braces == 0;
}

/* Whether the item at this place is repeated, or taken zero times. */
static bool hide_is_quantifier(const struct hide_text *t, size_t at)
{
	return at < t->len && strchr("*+?{", t->text[at]) != NULL;
}

/* Whether b is X a Y, with a as it stands alone. */
static bool hide_by_source(const struct match_pattern *a,
			   const struct match_pattern *b)
{
	struct hide_text s = hide_text(a), t = hide_text(b);
	const char *at = t.text;
	size_t before, behind;

	if (s.flags != t.flags || (s.flags & MATCH_LITERAL) != 0 ||
	    (s.flags & MATCH_EXTENDED) != 0 || hide_is_quantifier(&s, 0) ||
	    !hide_is_whole(s.text, s.len) ||
	    (match_looks_ahead(a) && !hide_is_plain(&s)))
		return false;
	while ((at = memmem(at, t.len - (size_t)(at - t.text), s.text,
			    s.len)) != NULL) {
		before = (size_t)(at - t.text);
		behind = before + s.len;
		if (hide_is_whole(t.text, before) &&
		    !hide_is_quantifier(&t, behind) &&
		    hide_is_whole(t.text + behind, t.len - behind) &&
		    (behind == t.len || !match_looks_ahead(a)))
			return true;
		at++;
	}
	return false;
}

static bool hide_is_same(const struct match_pattern *a,
			 const struct match_pattern *b)
{
	struct hide_text s = hide_text(a), t = hide_text(b);

	return s.flags == t.flags && s.len == t.len &&
	       memcmp(s.text, t.text, s.len) == 0;
}

enum match_hiding match_hides(const struct match_pattern *a,
			      const struct match_pattern *b)
{
	enum match_hiding by;

	if (hide_is_same(a, b))
		return MATCH_HIDES;
	by = hide_by_needs(a, b);
	if (by != MATCH_HIDES_NOT)
		return by;
	return hide_by_source(a, b) ? MATCH_HIDES : MATCH_HIDES_NOT;
}
