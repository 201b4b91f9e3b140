/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ranges of host names, there and back. The verbs come in through config_select
 * with words of the command line, and with names to be shown.
 */
#include "agent/config/hostlist.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

#define HOSTLIST_DIGITS 9
#define HOSTLIST_NAME_MAX 255	/* as option_is_name has it */

void hostlist_free(char **list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

/* ---- there ------------------------------------------------------------------- */

static int expand_fail(const char *word, const char *why, struct rh_error *err)
{
	return rh_error_set(err, RH_ERR_USAGE, "\"%.80s\": %s; ranges are "
			    "written web[1-40] or web[1,3,7-9]", word, why);
}

/* A number of up to nine digits; its width is how it is written. */
static const char *expand_number(const char *at, long *ret, int *ret_width)
{
	int width = 0;

	*ret = 0;
	for (; isdigit((unsigned char)at[width]); width++) {
		if (width == HOSTLIST_DIGITS)
			return NULL;
		*ret = *ret * 10 + (at[width] - '0');
	}
	*ret_width = width;
	return width > 0 ? at + width : NULL;
}

static int expand_rest(const char *word, const char *head, size_t head_len,
		       const char *rest, char ***list, size_t *count,
		       struct rh_error *err);

/* "a-b" or "a" of a bracket, with all that comes behind the bracket. */
static int expand_range(const char *word, const char *head, size_t head_len,
			const char *range, const char *rest, char ***list,
			size_t *count, struct rh_error *err)
{
	long from, to, n;
	int width, ignored, rc = 0;
	const char *at = expand_number(range, &from, &width);
	char *name;

	if (at == NULL)
		return expand_fail(word, "a number of up to 9 digits was "
				   "expected", err);
	to = from;
	if (*at == '-')
		at = expand_number(at + 1, &to, &ignored);
	if (at == NULL || (*at != ',' && *at != ']'))
		return expand_fail(word, "a range is two numbers", err);
	if (to < from)
		return expand_fail(word, "a range counts upwards", err);
	if ((size_t)(to - from) >= HOSTLIST_MAX)
		return expand_fail(word, "it means too many hosts", err);
	for (n = from; n <= to && rc == 0; n++) {
		name = memory_format("%.*s%0*ld", (int)head_len, head, width, n);
		rc = expand_rest(word, name, strlen(name), rest, list, count,
				 err);
		free(name);
	}
	return rc;
}

/* head stands already; rest is what is left of the word. */
static int expand_rest(const char *word, const char *head, size_t head_len,
		       const char *rest, char ***list, size_t *count,
		       struct rh_error *err)
{
	const char *open = strchr(rest, '['), *close, *at;
	struct buffer b = { 0 };
	int rc = 0;

	if (open == NULL) {
		if (strchr(rest, ']') != NULL)
			return expand_fail(word, "a ] without its [", err);
		if (*count >= HOSTLIST_MAX)
			return expand_fail(word, "it means too many hosts", err);
		if (head_len + strlen(rest) > HOSTLIST_NAME_MAX)
			return expand_fail(word, "a name is too long", err);
		/* It has room up to the next power of two. */
		if ((*count & (*count - 1)) == 0)
			*list = memory_grow(*list, *count > 0 ? 2 * *count : 1,
					    sizeof(**list));
		(*list)[(*count)++] = memory_format("%.*s%s", (int)head_len,
						    head, rest);
		return 0;
	}
	close = strchr(open, ']');
	if (close == NULL)
		return expand_fail(word, "a [ without its ]", err);
	buffer_append(&b, head, head_len);
	buffer_append(&b, rest, (size_t)(open - rest));
	for (at = open; rc == 0 && *at != ']'; at += 1 + strcspn(at + 1, ",]"))
		rc = expand_range(word, buffer_text(&b), b.len, at + 1,
				  close + 1, list, count, err);
	buffer_release(&b);
	return rc;
}

int hostlist_expand(const char *word, char ***list, size_t *count,
		    struct rh_error *err)
{
	return expand_rest(word, "", 0, word, list, count, err);
}

/* ---- and back -------------------------------------------------------------------- */

/* A name as what stands before its last number, the number, and what is behind. */
struct fold {
	size_t head_len;
	int width;		/* 0: it has no number */
	long number;
	const char *tail;
};

static struct fold fold_split(const char *name)
{
	struct fold f = { .head_len = strlen(name) };
	size_t end = strlen(name), begin;

	f.tail = name + end;
	while (end > 0 && !isdigit((unsigned char)name[end - 1]))
		end--;
	for (begin = end; begin > 0 && isdigit((unsigned char)name[begin - 1]);
	     begin--)
		;
	if (begin == end || end - begin > HOSTLIST_DIGITS)
		return f;
	f.head_len = begin;
	f.width = (int)(end - begin);
	f.number = strtol(name + begin, NULL, 10);
	f.tail = name + end;
	return f;
}

/* Whether the number is written as the next one of the same width would be. */
static bool fold_same(const char *a, const struct fold *fa, const char *b,
		      const struct fold *fb)
{
	bool zeros = a[fa->head_len] == '0' || b[fb->head_len] == '0';

	return fa->width > 0 && fb->width > 0 && fa->head_len == fb->head_len &&
	       strncmp(a, b, fa->head_len) == 0 &&
	       strcmp(fa->tail, fb->tail) == 0 &&
	       (!zeros || fa->width == fb->width);
}

static void fold_range(struct buffer *out, const struct fold *from, long to)
{
	buffer_printf(out, "%0*ld", from->width, from->number);
	if (to > from->number)
		buffer_printf(out, "-%0*ld", from->width, to);
}

/* Names from `begin` that differ by their number alone; returns the next one. */
static size_t fold_run(const char *const *names, size_t count, size_t begin,
		       struct buffer *out)
{
	struct fold first = fold_split(names[begin]), from = first, f;
	long to = first.number;
	size_t i;

	buffer_append(out, names[begin], first.head_len);
	buffer_append_char(out, '[');
	for (i = begin + 1; i < count; i++) {
		f = fold_split(names[i]);
		if (!fold_same(names[begin], &first, names[i], &f))
			break;
		if (f.number == to + 1) {
			to = f.number;
			continue;
		}
		fold_range(out, &from, to);
		buffer_append_char(out, ',');
		from = f;
		to = f.number;
	}
	fold_range(out, &from, to);
	buffer_append_char(out, ']');
	buffer_append_text(out, first.tail);
	return i;
}

char *hostlist_fold(const char *const *names, size_t count)
{
	struct buffer out = { 0 };
	struct fold a, b;
	size_t i = 0;

	while (i < count) {
		if (i > 0)
			buffer_append_char(&out, ',');
		a = fold_split(names[i]);
		if (i + 1 < count)
			b = fold_split(names[i + 1]);
		if (i + 1 < count && fold_same(names[i], &a, names[i + 1], &b))
			i = fold_run(names, count, i, &out);
		else
			buffer_append_text(&out, names[i++]);
	}
	return buffer_take(&out);
}

char *hostlist_general(const char *text, const char *host)
{
	size_t len = strlen(host);
	struct buffer out = { 0 };
	const char *at = text;

	while (*at != '\0') {
		if (len > 0 && strncmp(at, host, len) == 0 &&
		    (at == text || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[len])) {
			buffer_append_char(&out, '*');
			at += len;
		} else {
			buffer_append_char(&out, *at++);
		}
	}
	return out.len > 0 ? buffer_take(&out) : memory_copy("");
}
