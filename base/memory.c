/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocation that ends the process instead of failing. A run that ends so
 * leaves its journal behind; the next run on the host reads it and says what
 * may have been done. Nothing here is called by a signal handler.
 */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void memory_out(void)
{
	static const char text[] = "rhands: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(4);
	_exit(4);
}

void *memory_new(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		memory_out();
	return p;
}

void *memory_grow(void *p, size_t count, size_t size)
{
	void *grown;

	if (size != 0 && count > SIZE_MAX / size)
		memory_out();
	grown = realloc(p, count * size > 0 ? count * size : 1);
	if (grown == NULL)
		memory_out();
	return grown;
}

char *memory_copy(const char *text)
{
	return memory_copy_len(text, strlen(text));
}

char *memory_copy_len(const char *bytes, size_t len)
{
	char *copy = memory_new(len + 1, 1);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *memory_format(const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		memory_out();
	return text;
}
