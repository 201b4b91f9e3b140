/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The literals of a pattern. match.c comes in by match_needs_read when a
 * pattern is compiled; match-set.c looks for what it gives. This file reads the
 * pattern, match-literal-node.c knows what its parts give together.
 *
 * Always true: what is not understood ends the reading (p->unknown), and then
 * there are no literals. So this need not know all of PCRE2's syntax, only
 * never misread any of it.
 */
#include "agent/console/match-literal-parts.h"

#include <ctype.h>
#include <string.h>

#include "agent/console/match.h"

#define LITERAL_DEPTH	   24
#define LITERAL_CLASS_MAX  4
#define LITERAL_SCORE_MIN  3
#define LITERAL_CHAR_MAX   4	/* bytes of a UTF-8 character */

/* They are letters for (?i) though they are no ASCII: long s, Kelvin. */
static const char *const literal_foreign[] = { "\xc5\xbf", "\xe2\x84\xaa" };

struct literal_reader {
	const char *at;
	const char *end;
	bool unknown;
	bool plain;		/* there is no syntax */
	bool caseless;
	bool dotall;
	bool ever_caseless;
	bool foreign;		/* a k or an s that is caseless */
	bool crosses_lines;
	bool looks_around;
	int depth;
};

static void literal_read_branches(struct literal_reader *p,
				  struct literal_node *ret);

/* ---- characters -------------------------------------------------------- */

static struct literal_node literal_unknown(struct literal_reader *p)
{
	p->unknown = true;
	p->at = p->end;
	return literal_any(SIZE_MAX);
}

static bool literal_next_is(const struct literal_reader *p, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(p->end - p->at) >= len && memcmp(p->at, text, len) == 0;
}

static bool literal_take(struct literal_reader *p, const char *text)
{
	if (!literal_next_is(p, text))
		return false;
	p->at += strlen(text);
	return true;
}

/* A character of the pattern that stands for itself, in UTF-8. */
static struct literal_node literal_char(struct literal_reader *p,
					const char *c, size_t len)
{
	struct literal_node node;
	char lower;

	if (*c == '\n')
		p->crosses_lines = true;
	if (!p->caseless)
		return literal_exact(c, len);
	if (len > 1)
		return literal_any(LITERAL_CHAR_MAX);
	lower = (char)tolower((unsigned char)*c);
	node = literal_exact(&lower, 1);
	if (lower == 'k' || lower == 's') {
		p->foreign = true;
		node.max = LITERAL_CHAR_MAX;
	}
	return node;
}

static struct literal_node literal_take_char(struct literal_reader *p)
{
	const char *c = p->at++;

	while (p->at < p->end && ((unsigned char)*p->at & 0xc0) == 0x80)
		p->at++;
	return literal_char(p, c, (size_t)(p->at - c));
}

static struct literal_node literal_hex(struct literal_reader *p)
{
	char digits[] = "0123456789abcdef", c;
	const char *high, *low;

	if (p->end - p->at < 2 || !isxdigit((unsigned char)p->at[0]) ||
	    !isxdigit((unsigned char)p->at[1]) ||
	    (unsigned char)p->at[0] >= '8')
		return literal_unknown(p);
	high = strchr(digits, p->at[0]);
	low = strchr(digits, tolower((unsigned char)p->at[1]));
	p->at += 2;
	c = (char)((high - digits) * 16 + (low - digits));
	return literal_char(p, &c, 1);
}

/* Behind a backslash, outside of a class. */
static struct literal_node literal_escape(struct literal_reader *p)
{
	static const char names[] = "aefnrt", values[] = "\a\033\f\n\r\t";
	const char *name;
	char c;

	if (p->at == p->end)
		return literal_unknown(p);
	c = *p->at++;
	if (ispunct((unsigned char)c))
		return literal_char(p, &c, 1);
	name = c != '\0' ? strchr(names, c) : NULL;
	if (name != NULL)
		return literal_char(p, &values[name - names], 1);
	if (c != '\0' && strchr("bBA", c) != NULL)
		return literal_exact("", 0);
	if (c == 'x')
		return literal_hex(p);
	if (c == '\0' || strchr("dDwWsSvVhHN", c) == NULL ||
	    (c == 'N' && literal_next_is(p, "{")))
		return literal_unknown(p);
	if (strchr("DWsvH", c) != NULL)
		p->crosses_lines = true;
	return literal_any(LITERAL_CHAR_MAX);
}

/* The characters of a class that are listed one by one. */
struct literal_class {
	struct match_literals members;
	bool wide;		/* there are more */
	bool newline;		/* \n is one of them */
};

/* A POSIX name, at [: */
static void literal_class_posix(struct literal_reader *p,
				struct literal_class *class)
{
	static const char *const plain[] = { "[:alpha:]", "[:digit:]",
					     "[:alnum:]", "[:upper:]",
					     "[:lower:]", "[:xdigit:]",
					     "[:punct:]", "[:blank:]" };
	size_t i;

	class->wide = true;
	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (literal_take(p, plain[i]))
			return;
	}
	if (literal_take(p, "[:space:]"))
		class->newline = true;
	else
		literal_unknown(p);
}

/* One character of a class into c; false where it is a set or not known. */
static bool literal_class_char(struct literal_reader *p,
			       struct literal_class *class, char *c)
{
	static const char names[] = "aefnrtb", values[] = "\a\033\f\n\r\t\b";
	const char *name;

	*c = *p->at++;
	if ((*c & 0x80) != 0) {
		class->wide = true;
		while (p->at < p->end && ((unsigned char)*p->at & 0xc0) == 0x80)
			p->at++;
		return true;
	}
	if (*c != '\\')
		return true;
	if (p->at == p->end) {
		literal_unknown(p);
		return false;
	}
	*c = *p->at++;
	name = *c != '\0' ? strchr(names, *c) : NULL;
	if (name != NULL)
		*c = values[name - names];
	if (name != NULL || ispunct((unsigned char)*c))
		return true;
	class->wide = true;
	if (*c == '\0' || strchr("dDwWsSvVhH", *c) == NULL)
		literal_unknown(p);
	else if (strchr("DWsvH", *c) != NULL)
		class->newline = true;
	return false;
}

static void literal_class_item(struct literal_reader *p,
			       struct literal_class *class)
{
	struct literal_node node;
	char first, last;

	if (literal_next_is(p, "[:")) {
		literal_class_posix(p, class);
		return;
	}
	if (literal_next_is(p, "[.") || literal_next_is(p, "[=")) {
		literal_unknown(p);
		return;
	}
	if (!literal_class_char(p, class, &first))
		return;
	if (p->end - p->at >= 2 && *p->at == '-' && p->at[1] != ']') {
		p->at++;
		class->wide = true;
		if (*p->at == '[' || !literal_class_char(p, class, &last))
			literal_unknown(p);
		else if ((unsigned char)first <= '\n' &&
			 (unsigned char)last >= '\n')
			class->newline = true;
		return;
	}
	class->newline |= first == '\n';
	if ((first & 0x80) != 0)
		return;
	node = literal_char(p, &first, 1);
	if (!literal_unite(&class->members, &node.strings))
		class->wide = true;
}

/* Behind [. */
static struct literal_node literal_class(struct literal_reader *p)
{
	struct literal_class class = { .wide = false };
	struct literal_node node = { .exact = true, .max = LITERAL_CHAR_MAX };
	bool crosses = p->crosses_lines, foreign = p->foreign;
	bool negated = literal_take(p, "^"), first = true;

	for (; p->at < p->end && (first || *p->at != ']'); first = false)
		literal_class_item(p, &class);
	if (p->unknown || !literal_take(p, "]"))
		return literal_unknown(p);
	p->crosses_lines = crosses || class.newline != negated;
	if (!negated && !class.wide &&
	    class.members.count <= LITERAL_CLASS_MAX) {
		node.strings = class.members;
		return node;
	}
	p->foreign = foreign;
	return literal_any(LITERAL_CHAR_MAX);
}

/* ---- groups ------------------------------------------------------------ */

/* (?i) and the like, behind (?; returns whether a group begins. */
static bool literal_flags(struct literal_reader *p)
{
	bool on = true;
	char c;

	for (; p->at < p->end && *p->at != ')' && *p->at != ':'; p->at++) {
		c = *p->at;
		if (c == '-')
			on = false;
		else if (c == 'i')
			p->caseless = on;
		else if (c == 's')
			p->dotall = on;
		else if (c != 'm')
			break;
	}
	p->ever_caseless |= p->caseless;
	if (literal_take(p, ":"))
		return true;
	if (!literal_take(p, ")"))
		literal_unknown(p);
	return false;
}

/* What stands behind (?, up to the first branch. */
static bool literal_group_kind(struct literal_reader *p, bool *ret_looks)
{
	const char *name;
	char close;

	*ret_looks = literal_take(p, "=") || literal_take(p, "!") ||
		     literal_take(p, "<=") || literal_take(p, "<!");
	if (*ret_looks || literal_take(p, ":") || literal_take(p, ">"))
		return true;
	close = literal_take(p, "P<") || literal_take(p, "<") ? '>' :
		literal_take(p, "'")			      ? '\'' : '\0';
	if (close == '\0')
		return literal_flags(p);
	for (name = p->at; p->at < p->end && (isalnum((unsigned char)*p->at) ||
					      *p->at == '_');)
		p->at++;
	if (p->at == name || p->at == p->end || *p->at++ != close)
		literal_unknown(p);
	return true;
}

/* Behind (. */
static struct literal_node literal_group(struct literal_reader *p)
{
	bool caseless = p->caseless, dotall = p->dotall, looks = false;
	struct literal_node node;

	if (literal_next_is(p, "*") || p->depth == LITERAL_DEPTH)
		return literal_unknown(p);
	if (literal_take(p, "?") && !literal_group_kind(p, &looks))
		return literal_exact("", 0);
	p->depth++;
	literal_read_branches(p, &node);
	p->depth--;
	if (!literal_take(p, ")"))
		return literal_unknown(p);
	p->caseless = caseless;
	p->dotall = dotall;
	p->looks_around |= looks;
	return looks ? literal_exact("", 0) : node;
}

/* ---- the pattern ------------------------------------------------------- */

/* \Q...\E, behind the \Q; a quantifier behind it is for its last character. */
static struct literal_node literal_quoted(struct literal_reader *p)
{
	struct literal_node node;
	struct literal_run r;

	literal_run_begin(&r);
	while (p->at < p->end && (p->plain || !literal_take(p, "\\E"))) {
		node = literal_take_char(p);
		literal_run_add(&r, &node);
	}
	if (p->at < p->end && strchr("*+?{", *p->at) != NULL)
		return literal_unknown(p);
	literal_run_end(&r, &node);
	return node;
}

static struct literal_node literal_atom(struct literal_reader *p)
{
	if (literal_take(p, "\\Q"))
		return literal_quoted(p);
	if (literal_take(p, "\\"))
		return literal_escape(p);
	if (literal_take(p, "["))
		return literal_class(p);
	if (literal_take(p, "("))
		return literal_group(p);
	if (literal_take(p, "^") || literal_take(p, "$"))
		return literal_exact("", 0);
	if (literal_take(p, ".")) {
		p->crosses_lines |= p->dotall;
		return literal_any(LITERAL_CHAR_MAX);
	}
	if (*p->at == '\0' || strchr("*+?{", *p->at) != NULL)
		return literal_unknown(p);
	return literal_take_char(p);
}

static size_t literal_number(struct literal_reader *p)
{
	size_t n = 0;

	if (p->at == p->end || !isdigit((unsigned char)*p->at))
		literal_unknown(p);
	for (; p->at < p->end && isdigit((unsigned char)*p->at); p->at++)
		n = n * 10 + (size_t)(*p->at - '0');
	return n;
}

/* {n}, {n,} and {n,m}; the other kinds differ between versions of PCRE2. */
static void literal_counts(struct literal_reader *p, size_t *low, size_t *high)
{
	*low = *high = literal_number(p);
	if (literal_take(p, ",")) {
		*high = SIZE_MAX;
		if (!literal_next_is(p, "}"))
			*high = literal_number(p);
	}
	if (!literal_take(p, "}"))
		literal_unknown(p);
}

static bool literal_quantifier(struct literal_reader *p, size_t *low,
			       size_t *high)
{
	*low = 0;
	*high = SIZE_MAX;
	if (literal_take(p, "+"))
		*low = 1;
	else if (literal_take(p, "?"))
		*high = 1;
	else if (literal_take(p, "{"))
		literal_counts(p, low, high);
	else if (!literal_take(p, "*"))
		return false;
	if (!literal_take(p, "?"))
		literal_take(p, "+");
	return true;
}

static void literal_read_branch(struct literal_reader *p,
				struct literal_node *ret)
{
	struct literal_node node;
	struct literal_run r;
	size_t low, high;

	literal_run_begin(&r);
	while (p->at < p->end && *p->at != '|' && *p->at != ')') {
		node = literal_atom(p);
		while (literal_quantifier(p, &low, &high))
			literal_repeat(&node, low, high);
		literal_run_add(&r, &node);
	}
	literal_run_end(&r, ret);
}

static void literal_read_branches(struct literal_reader *p,
				  struct literal_node *ret)
{
	struct literal_node branch;

	literal_read_branch(p, ret);
	while (literal_take(p, "|")) {
		literal_read_branch(p, &branch);
		literal_alternate(ret, &branch);
	}
}

static void literal_finish(struct literal_reader *p,
			   const struct literal_node *node,
			   struct match_needs *ret)
{
	size_t i;

	ret->literals = *literal_needs(node);
	ret->lead = node->exact ? 0 : node->lead;
	ret->caseless = p->ever_caseless;
	ret->crosses_lines = p->crosses_lines;
	if (p->looks_around || p->foreign)
		ret->lead = SIZE_MAX;
	if (p->unknown || literal_score(&ret->literals) < LITERAL_SCORE_MIN)
		ret->literals.count = 0;
	for (i = 0; ret->literals.count > 0 && p->foreign && i < 2; i++) {
		if (!literal_add(&ret->literals, literal_foreign[i],
				 strlen(literal_foreign[i])))
			ret->literals.count = 0;
	}
	for (i = 0; i < ret->literals.count; i++) {
		if (ret->literals.list[i].len > ret->longest)
			ret->longest = ret->literals.list[i].len;
	}
}

void match_needs_read(const char *text, size_t len, unsigned flags,
		      struct match_needs *ret)
{
	struct literal_reader p = {
		.at = text,
		.end = text + len,
		.caseless = (flags & MATCH_CASELESS) != 0,
		.dotall = (flags & MATCH_DOTALL) != 0,
		.plain = (flags & MATCH_LITERAL) != 0,
	};
	struct literal_node node;

	memset(ret, 0, sizeof(*ret));
	p.ever_caseless = p.caseless;
	if (p.plain)
		node = literal_quoted(&p);
	else
		literal_read_branches(&p, &node);
	p.unknown |= p.at < p.end || (flags & MATCH_EXTENDED) != 0;
	literal_finish(&p, &node, ret);
}
