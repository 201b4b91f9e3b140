/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the prompt of a secret could be imitated. What a host prints holds
 * words of others (the name in a failed login, a line of a log), so a prompt
 * counts only where it is all that stands on its line: each choice of the
 * pattern begins with ^, not followed by "anything", and ends with $.
 *
 * On the screen a pattern can go over rows, and only its last one is where the cursor
 * stands: so that one begins with words, too, and nothing in the pattern swallows the
 * ends of rows unsaid.
 */
#include "agent/sequence/check-private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Whether what text[0..len) begins with is not any text. */
static bool secret_begins_with_words(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] == '(') {
		i++;
		if (i + 1 < len && text[i] == '?' && text[i + 1] == ':')
			i += 2;
	}
	if (i < len && text[i] == '.')
		return i + 1 < len && strchr("*+{?", text[i + 1]) == NULL;
	return i + 1 >= len || text[i] != '[' || text[i + 1] != '^';
}

/* Whether text[0..len) begins with ^ and what follows is not any text. */
static bool secret_begins(const char *text, size_t len)
{
	return len > 0 && text[0] == '^' &&
	       secret_begins_with_words(text + 1, len - 1);
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

/* ---- on the screen ------------------------------------------------------------- */

/* Whether class [^...], that begins at text[i], leaves out the ends of rows. */
static bool secret_class_stops(const char *text, size_t len, size_t i)
{
	for (i += 2; i + 1 < len && text[i] != ']'; i++) {
		if (text[i] == '\\' && text[++i] == 'n')
			return true;
	}
	return false;
}

/* Whether a part of it swallows any text over the ends of rows. */
static bool secret_crosses_rows(const char *text, size_t len, unsigned flags)
{
	size_t i;

	for (i = 0; i + 1 < len; i++) {
		if (text[i] == '.' && (flags & MATCH_DOTALL) != 0)
			return true;
		if (text[i] == '[' && text[i + 1] == '^' &&
		    !secret_class_stops(text, len, i))
			return true;
		if (text[i] == '(' && text[i + 1] == '?' && i + 2 < len &&
		    text[i + 2] != ':')
			return true;
		if (text[i] == '|' && strncmp(text + i + 1, "\\n", 2) == 0)
			return true;
		if (text[i] != '\\')
			continue;
		if (strchr("DWHX", text[++i]) != NULL ||
		    (text[i] == 'n' && i + 1 < len && text[i + 1] == '|'))
			return true;
	}
	return false;
}

/* The last row of a choice, behind its last \n; all of it where there is none. */
static size_t secret_last_row(const char *text, size_t from, size_t end)
{
	size_t i, row = from;

	for (i = from; i + 1 < end; i++) {
		if (text[i] != '\\')
			continue;
		if (text[++i] == 'n')
			row = i + 1;
	}
	return row;
}

/* "\n)*Password": what closes the rows above. */
static size_t secret_skip_closing(const char *text, size_t from, size_t end)
{
	while (from < end && strchr(")*+?", text[from]) != NULL)
		from++;
	return from;
}

static bool secret_row_is_anchored(const char *text, size_t from, size_t end)
{
	size_t row = secret_last_row(text, from, end);

	if (row == from)
		return true;
	row = secret_skip_closing(text, row, end);
	while (row < end && text[row] == '^')
		row++;
	return secret_begins_with_words(text + row, end - row);
}

static bool secret_rows_are_anchored(const struct match_pattern *p)
{
	size_t len, from, end;
	const char *text;
	unsigned flags;

	text = match_source(p, &len, &flags);
	if (secret_crosses_rows(text, len, flags))
		return false;
	for (from = 0; from <= len; from = end + 1) {
		end = secret_choice_end(text, len, from);
		if (!secret_row_is_anchored(text, from, end))
			return false;
	}
	return true;
}

/* "Password: $": a row ends where its text does. */
static bool secret_wants_blank(const struct match_pattern *p)
{
	size_t len;
	const char *text;
	unsigned flags;

	text = match_source(p, &len, &flags);
	return len > 1 && text[len - 1] == '$' && text[len - 2] == ' ' &&
	       (flags & MATCH_EXTENDED) == 0;
}

static void check_rows(struct check *c, const struct rule *r,
		       const struct action *a)
{
	if (secret_wants_blank(r->pattern))
		problems_add_at(c->problems, r->file, r->line, r->column,
			     "the rows of a screen have no blanks at their end, "
			     "and %.100s is never seen there; end it with \" *$\"",
			     r->source);
	if (!secret_rows_are_anchored(r->pattern))
		problems_add_at(c->problems, r->file, r->line, r->column,
			     "the secret %s could be typed at a prompt that "
			     "somebody else's text imitates: the last row of "
			     "%.100s may begin with anything; let each row be "
			     "told by its words, with \\n between the rows (no "
			     "[^x], \\D, \\W, (?...) or flag s)", a->text, r->source);
}

void check_anchors(struct check *c, const struct rule *r,
		   const struct action *a)
{
	struct buffer better = { 0 };

	if (r->pattern == NULL)
		return;
	if (secret_is_anchored(r->pattern)) {
		if (r->kind == RULE_SCREEN)
			check_rows(c, r, a);
		return;
	}
	secret_suggest(r->pattern, &better);
	problems_add_at(c->problems, r->file, r->line, r->column,
		     "the secret %s could be typed at a prompt that somebody "
		     "else's text imitates: %.100s may stand anywhere in a line; "
		     "let it begin with ^ (no .* behind it) and end with $, "
		     "such as %.100s", a->text, r->source, buffer_text(&better));
	buffer_release(&better);
}
