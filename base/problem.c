/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of what is wrong in files. Parsers add and go on; the verb that
 * loaded the files prints the list, sorted, and decides what it means.
 */
#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool problems_known(const struct problems *p, const char *file,
			   int line, const char *text)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		if (p->list[i].line == line &&
		    strcmp(p->list[i].file, file) == 0 &&
		    strcmp(p->list[i].text, text) == 0)
			return true;
	}
	return false;
}

__attribute__((format(printf, 6, 0)))
static void problems_put(struct problems *p, const char *file, int line,
			 int column, bool warning, const char *fmt, va_list ap)
{
	struct problem *one;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (problems_known(p, file, line, text))
		return;
	p->list = memory_grow(p->list, p->count + 1, sizeof(*p->list));
	one = &p->list[p->count++];
	one->file = memory_copy(file);
	one->line = line;
	one->column = column;
	one->text = memory_copy(text);
	one->source = NULL;
	one->warning = warning;
	if (!warning)
		p->errors++;
}

void problems_add(struct problems *p, const char *file, int line,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_put(p, file, line, 0, false, fmt, ap);
	va_end(ap);
}

void problems_warn(struct problems *p, const char *file, int line,
		   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_put(p, file, line, 0, true, fmt, ap);
	va_end(ap);
}

void problems_add_at(struct problems *p, const char *file, int line, int column,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_put(p, file, line, column, false, fmt, ap);
	va_end(ap);
}

void problems_warn_at(struct problems *p, const char *file, int line, int column,
		      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_put(p, file, line, column, true, fmt, ap);
	va_end(ap);
}

void problems_join(struct problems *p, const struct problems *other)
{
	const struct problem *one;
	size_t i;

	for (i = 0; i < other->count; i++) {
		one = &other->list[i];
		if (one->warning)
			problems_warn_at(p, one->file, one->line, one->column,
					 "%s", one->text);
		else
			problems_add_at(p, one->file, one->line, one->column,
					"%s", one->text);
	}
}

static int problems_compare(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	if (order != 0)
		return order;
	return x->line != y->line ? x->line - y->line : x->column - y->column;
}

void problems_sort(struct problems *p)
{
	if (p->count > 1)
		qsort(p->list, p->count, sizeof(*p->list), problems_compare);
}

size_t problems_in_file(const struct problems *p, const char *file)
{
	size_t i, count = 0;

	for (i = 0; i < p->count; i++) {
		if (!p->list[i].warning && strcmp(p->list[i].file, file) == 0)
			count++;
	}
	return count;
}

void problems_release(struct problems *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->count; i++) {
		free(p->list[i].file);
		free(p->list[i].text);
		free(p->list[i].source);
	}
	free(p->list);
	memset(p, 0, sizeof(*p));
}
