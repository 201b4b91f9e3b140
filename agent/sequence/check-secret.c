/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the prompt of a secret could be imitated. What a host prints holds
 * words of others (the name in a failed login, a line of a log), so a prompt
 * counts only where it is all that stands on its line: each choice of the
 * pattern begins with ^, not followed by "anything", and ends with $.
 */
#include "agent/sequence/check-private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Whether text[0..len) begins with ^ and what follows is not any text. */
static bool secret_begins(const char *text, size_t len)
{
	size_t i = 0;

	if (len == 0 || text[i++] != '^')
		return false;
	while (i < len && text[i] == '(') {
		i++;
		if (i + 1 < len && text[i] == '?' && text[i + 1] == ':')
			i += 2;
	}
	if (i < len && text[i] == '.')
		return i + 1 < len && strchr("*+{?", text[i + 1]) == NULL;
	return i + 1 >= len || text[i] != '[' || text[i + 1] != '^';
}

/* Whether it ends with a $ that is one. */
static bool secret_ends(const char *text, size_t len)
{
	size_t i, slashes = 0;

	if (len == 0 || text[len - 1] != '$')
		return false;
	for (i = len - 1; i > 0 && text[i - 1] == '\\'; i--)
		slashes++;
	return slashes % 2 == 0;
}

/* The end of the choice that begins at text[from]: a | outside of brackets. */
static size_t secret_choice_end(const char *text, size_t len, size_t from)
{
	bool class = false;
	int depth = 0;
	size_t i;

	for (i = from; i < len; i++) {
		if (text[i] == '\\')
			i++;
		else if (class)
			class = text[i] != ']';
		else if (text[i] == '[')
			class = true;
		else if (text[i] == '|' && depth == 0)
			return i;
		else
			depth += (text[i] == '(') - (text[i] == ')');
	}
	return len;
}

static bool secret_is_anchored(const struct match_pattern *p)
{
	size_t len, from, end;
	const char *text;
	unsigned flags;

	text = match_source(p, &len, &flags);
	if ((flags & MATCH_LITERAL) != 0)
		return false;
	for (from = 0; from <= len; from = end + 1) {
		end = secret_choice_end(text, len, from);
		if (!secret_begins(text + from, end - from) ||
		    !secret_ends(text + from, end - from))
			return false;
	}
	return true;
}

/* The pattern as it could be written; a text with what PCRE2 takes for more. */
static void secret_suggest(const struct match_pattern *p, struct buffer *out)
{
	size_t len, i, skip;
	const char *text;
	unsigned flags;

	text = match_source(p, &len, &flags);
	skip = len > 0 && text[0] == '^' && (flags & MATCH_LITERAL) == 0;
	buffer_append_text(out, "/^");
	for (i = skip; i < len; i++) {
		if (text[i] == '/' ||
		    ((flags & MATCH_LITERAL) != 0 &&
		     strchr("\\^$.[|()?*+{", text[i]) != NULL))
			buffer_append_char(out, '\\');
		buffer_append_char(out, text[i]);
	}
	if ((flags & MATCH_LITERAL) != 0 || !secret_ends(text, len))
		buffer_append_char(out, '$');
	buffer_append_char(out, '/');
}

void check_anchors(struct check *c, const struct rule *r,
		   const struct action *a)
{
	struct buffer better = { 0 };

	if (r->pattern == NULL || secret_is_anchored(r->pattern))
		return;
	secret_suggest(r->pattern, &better);
	problems_add_at(c->problems, r->file, r->line, r->column,
		     "the secret %s could be typed at a prompt that somebody "
		     "else's text imitates: %.100s may stand anywhere in a line; "
		     "let it begin with ^ (no .* behind it) and end with $, "
		     "such as %.100s", a->text, r->source, buffer_text(&better));
	buffer_release(&better);
}
