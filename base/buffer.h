/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_BUFFER_H
#define RH_BASE_BUFFER_H

#include <stddef.h>

/*
 * A growing run of bytes, always NUL-ended behind its last byte. Zeroed
 * memory is a valid empty buffer; release it with buffer_release.
 */
struct buffer {
	char *data;	/* NULL while nothing was ever appended */
	size_t len;	/* bytes, the NUL not counted */
	size_t size;	/* bytes allocated */
};

void buffer_release(struct buffer *b);

/* Makes it empty, keeps the memory. */
void buffer_clear(struct buffer *b);

void buffer_append(struct buffer *b, const void *bytes, size_t len);
void buffer_append_text(struct buffer *b, const char *text);
void buffer_append_char(struct buffer *b, char c);
void buffer_printf(struct buffer *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Drops the first len bytes (at most all). */
void buffer_drop(struct buffer *b, size_t len);

/* The text, "" where it is empty; valid until the next change. */
const char *buffer_text(const struct buffer *b);

/* Hands the memory to the caller (free(3)); the buffer is empty then. */
char *buffer_take(struct buffer *b);

#endif
