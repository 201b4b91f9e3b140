/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small parts of a value: words, strings, durations, patterns, vars.
 * The other parse*.c come in here with a struct parse that stands somewhere
 * in a value. Always true: a function that returns false has said why, once,
 * with the line, and p->failed is set.
 */
#include "agent/sequence/parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/option.h"

int parse_line(const struct parse *p)
{
	return ini_entry_line(p->entry, (size_t)(p->at - p->entry->value));
}

int parse_column(const struct parse *p)
{
	return ini_entry_column(p->ini, p->entry,
				(size_t)(p->at - p->entry->value));
}

/* A blank that was copied from a page, and that nobody sees. */
static bool parse_has_odd_blank(const char *at)
{
	const char *odd = strstr(at, "\xc2\xa0");

	return odd != NULL && odd - at < 40 &&
	       memchr(at, '\n', (size_t)(odd - at)) == NULL;
}

bool parse_fail(struct parse *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->word != NULL && p->at == p->word_end)
		p->at = p->word;
	if (!p->failed)
		problems_add_at(p->problems, p->ini->file, parse_line(p),
				parse_column(p), "%s: %s%s", p->entry->key, text,
				parse_has_odd_blank(p->at)
					? "; a blank here is none, but U+00A0" : "");
	p->failed = true;
	return false;
}

bool parse_fail_word(struct parse *p, const char *word, const char *const *words,
		     const char *expected)
{
	const char *nearest = option_nearest(word, words);
	size_t len = strlen(word);

	if (len > 1 && word[len - 1] == ';')
		return parse_fail(p, "%s; actions are separated by commas", expected);
	if (nearest == NULL)
		return parse_fail(p, "%s", expected);
	return parse_fail(p, "%s; did you mean \"%s\"?", expected, nearest);
}

static void parse_took(struct parse *p, const char *begin)
{
	p->word = begin;
	p->word_end = p->at;
}

void parse_skip(struct parse *p, bool lines)
{
	while (*p->at == ' ' || *p->at == '\t' || (lines && *p->at == '\n'))
		p->at++;
}

bool parse_take(struct parse *p, const char *text)
{
	size_t len = strlen(text);

	parse_skip(p, false);
	if (strncmp(p->at, text, len) != 0)
		return false;
	p->at += len;
	return true;
}

static bool parse_is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

bool parse_take_word(struct parse *p, const char *word)
{
	size_t len = strlen(word);

	parse_skip(p, false);
	if (strncmp(p->at, word, len) != 0 || parse_is_word_char(p->at[len]))
		return false;
	p->at += len;
	return true;
}

bool parse_at_end(struct parse *p)
{
	parse_skip(p, true);
	return *p->at == '\0';
}

/* At "${": takes the var and appends its value. */
static bool parse_var(struct parse *p, struct buffer *ret)
{
	const char *end = strchr(p->at, '}');
	const char *value = "1";
	char *name;

	if (end == NULL)
		return parse_fail(p, "a ${ without its }");
	name = memory_copy_len(p->at + 2, (size_t)(end - p->at - 2));
	if (p->vars != NULL && p->vars->get != NULL)
		value = p->vars->get(p->vars->context, name);
	if (value == NULL)
		parse_fail(p, "${%.60s} is not set; add \"%.60s = ...\" to "
			   "[vars] of the host", name, name);
	else
		buffer_append_text(ret, value);
	free(name);
	p->at = end + 1;
	return value != NULL;
}

bool parse_word(struct parse *p, const char *stop, char *word, size_t word_len)
{
	struct buffer b = { 0 };
	const char *begin;
	bool fits;

	parse_skip(p, false);
	begin = p->at;
	while (*p->at != '\0' && strchr(" \t\n", *p->at) == NULL &&
	       strchr(stop, *p->at) == NULL && !p->failed) {
		if (p->at[0] == '$' && p->at[1] == '{')
			parse_var(p, &b);
		else
			buffer_append_char(&b, *p->at++);
	}
	if (!p->failed && p->at > begin)
		parse_took(p, begin);
	fits = !p->failed && b.len > 0 && b.len < word_len;
	if (fits)
		memcpy(word, b.data, b.len + 1);
	else if (b.len >= word_len)
		parse_fail(p, "the word \"%.40s...\" is too long",
			   buffer_text(&b));
	buffer_release(&b);
	return fits;
}

static int parse_hex(const char *at)
{
	char text[3] = { at[0], at[0] != '\0' ? at[1] : '\0', '\0' };

	if (!isxdigit((unsigned char)text[0]) ||
	    !isxdigit((unsigned char)text[1]))
		return -1;
	return (int)strtol(text, NULL, 16);
}

/* At a backslash inside of a string. */
static bool parse_escape(struct parse *p, struct buffer *ret)
{
	static const char from[] = "nrte0\"\\", to[] = "\n\r\t\033\0\"\\";
	const char *found;
	int byte;

	p->at++;
	if (*p->at == 'x') {
		byte = parse_hex(p->at + 1);
		if (byte < 0)
			return parse_fail(p, "\\x needs two hex digits");
		buffer_append_char(ret, (char)byte);
		p->at += 3;
		return true;
	}
	found = *p->at != '\0' ? strchr(from, *p->at) : NULL;
	if (found == NULL)
		return parse_fail(p, "unknown escape \\%c in a string; expected "
				  "\\n \\r \\t \\e \\0 \\xNN \\\" or \\\\",
				  *p->at != '\0' ? *p->at : ' ');
	buffer_append_char(ret, to[found - from]);
	p->at++;
	return true;
}

bool parse_string(struct parse *p, struct buffer *ret)
{
	const char *begin;

	parse_skip(p, false);
	begin = p->at;
	if (*p->at != '"')
		return parse_fail(p, "expected a \"text\", in double quotes, at "
				  "\"%.20s\"", p->at);
	p->at++;
	while (*p->at != '"') {
		if (*p->at == '\0' || *p->at == '\n') {
			p->at = begin;
			return parse_fail(p, "a \" without its closing \"");
		}
		if (*p->at == '\\') {
			if (!parse_escape(p, ret))
				return false;
		} else if (p->at[0] == '$' && p->at[1] == '{') {
			if (!parse_var(p, ret))
				return false;
		} else {
			buffer_append_char(ret, *p->at++);
		}
	}
	p->at++;
	parse_took(p, begin);
	return true;
}

bool parse_number(struct parse *p, const char *what, int min, int max, int *ret)
{
	const char *begin;
	long value = 0;

	parse_skip(p, true);
	begin = p->at;
	for (; isdigit((unsigned char)*p->at); p->at++) {
		if (value <= max)
			value = value * 10 + (*p->at - '0');
	}
	if (p->at > begin)
		parse_took(p, begin);
	if (value < min || value > max)
		return parse_fail(p, "%s needs a number from %d to %d", what, min,
				  max);
	*ret = (int)value;
	return true;
}

bool parse_duration(struct parse *p, const char *what, int64_t *ret_ms)
{
	char word[40] = "";
	size_t digits;

	if (!parse_word(p, ",:", word, sizeof(word)))
		return parse_fail(p, "expected a time for %s, such as 30s, 5m or "
				  "1h30m", what);
	digits = strspn(word, "0123456789");
	if (digits > 0 && digits < 10 && word[digits] == '\0')
		return parse_fail(p, "a time has its unit (ms, s, m, h, d) right "
				  "behind the number, such as %ss or %sm", word,
				  word);
	if (!isalpha((unsigned char)word[strlen(word) - 1]) ||
	    deadline_parse_ms(word, ret_ms) < 0)
		return parse_fail(p, "expected a time for %s, such as 30s, 5m "
				  "or 1h30m", what);
	return true;
}

/* A var inside of a pattern: each character stands for itself. */
static bool parse_pattern_var(struct parse *p, struct buffer *ret)
{
	struct buffer value = { 0 };
	size_t i;
	bool ok = parse_var(p, &value);

	for (i = 0; i < value.len; i++) {
		if (!isalnum((unsigned char)value.data[i]) &&
		    (unsigned char)value.data[i] < 0x80)
			buffer_append_char(ret, '\\');
		buffer_append_char(ret, value.data[i]);
	}
	buffer_release(&value);
	return ok;
}

/* Behind the first '/': up to the one that ends it. */
static bool parse_regex(struct parse *p, struct buffer *ret)
{
	const char *begin = p->at - 1;

	while (*p->at != '/') {
		if (*p->at == '\0' || *p->at == '\n') {
			p->at = begin;
			return parse_fail(p, "a pattern that begins with / "
					  "needs a / at its end");
		}
		if (p->at[0] == '\\' && p->at[1] == '/') {
			buffer_append_char(ret, '/');
			p->at += 2;
		} else if (p->at[0] == '\\' && p->at[1] != '\0' &&
			   p->at[1] != '\n') {
			buffer_append(ret, p->at, 2);
			p->at += 2;
		} else if (p->at[0] == '$' && p->at[1] == '{') {
			if (!parse_pattern_var(p, ret))
				return false;
		} else {
			buffer_append_char(ret, *p->at++);
		}
	}
	p->at++;
	return true;
}

static bool parse_pattern_flags(struct parse *p, unsigned *ret_flags)
{
	for (; isalpha((unsigned char)*p->at); p->at++) {
		switch (*p->at) {
		case 'i':
			*ret_flags |= MATCH_CASELESS;
			break;
		case 'x':
			*ret_flags |= MATCH_EXTENDED;
			break;
		case 's':
			*ret_flags |= MATCH_DOTALL;
			break;
		default:
			return parse_fail(p, "unknown flag \"%c\" behind a "
					  "pattern; expected i, x or s; a / in "
					  "the pattern itself is written \\/",
					  *p->at);
		}
	}
	return true;
}

/*
 * Where in the written pattern the error is: the offset in the compiled one stands
 * in the text. Where a var is before it, at the var.
 */
static const char *parse_pattern_place(const char *begin, const char *text)
{
	const char *found = strstr(text, "offset ");
	const char *at = begin + 1;
	long offset = found != NULL ? strtol(found + 7, NULL, 10) : -1;

	if (offset < 0 || *begin != '/')
		return begin;
	for (; offset > 0 && *at != '\0' && *at != '\n'; offset--) {
		if (at[0] == '$' && at[1] == '{')
			return at;
		at += at[0] == '\\' && at[1] == '/' ? 2 : 1;
	}
	return at;
}

bool parse_pattern(struct parse *p, struct match_pattern **ret_pattern,
		   char **ret_source)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer b = { 0 };
	const char *begin;
	unsigned flags = 0;
	bool ok;

	parse_skip(p, false);
	begin = p->at;
	if (*p->at == '/') {
		p->at++;
		ok = parse_regex(p, &b) && parse_pattern_flags(p, &flags);
	} else if (*p->at == '"') {
		flags = MATCH_LITERAL;
		ok = parse_string(p, &b);
	} else {
		ok = parse_fail(p, "expected a /pattern/ or a \"text\" at "
				"\"%.20s\"", p->at);
	}
	if (ok) {
		*ret_pattern = match_compile(buffer_text(&b), b.len, flags,
					     &err);
		if (*ret_pattern == NULL) {
			p->at = parse_pattern_place(begin, err.text);
			ok = parse_fail(p, "%s", err.text);
		}
	}
	if (ok)
		*ret_source = memory_copy_len(begin, (size_t)(p->at - begin));
	buffer_release(&b);
	return ok;
}
