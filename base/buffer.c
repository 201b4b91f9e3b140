/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The growing byte run behind every text that is put together. Always true:
 * len < size and data[len] is NUL, or data is NULL and both are 0.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void buffer_release(struct buffer *b)
{
	if (b == NULL)
		return;
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void buffer_clear(struct buffer *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

static void buffer_reserve(struct buffer *b, size_t more)
{
	size_t need = b->len + more + 1;
	size_t size = b->size > 0 ? b->size : 64;

	if (need <= b->size)
		return;
	while (size < need)
		size *= 2;
	b->data = memory_grow(b->data, size, 1);
	b->size = size;
}

void buffer_append(struct buffer *b, const void *bytes, size_t len)
{
	buffer_reserve(b, len);
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buffer_append_text(struct buffer *b, const char *text)
{
	buffer_append(b, text, strlen(text));
}

void buffer_append_char(struct buffer *b, char c)
{
	buffer_append(b, &c, 1);
}

void buffer_printf(struct buffer *b, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len > 0) {
		buffer_reserve(b, (size_t)len);
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
}

void buffer_drop(struct buffer *b, size_t len)
{
	if (len >= b->len) {
		buffer_clear(b);
		return;
	}
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

const char *buffer_text(const struct buffer *b)
{
	return b->data != NULL ? b->data : "";
}

char *buffer_take(struct buffer *b)
{
	char *data;

	buffer_reserve(b, 0);
	b->data[b->len] = '\0';
	data = b->data;
	memset(b, 0, sizeof(*b));
	return data;
}
