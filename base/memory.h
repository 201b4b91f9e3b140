/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_MEMORY_H
#define RH_BASE_MEMORY_H

#include <stddef.h>

/* Allocation that cannot fail: out of memory ends the process (exit 4). */

/* `count` * `size` zeroed bytes; free with free(3). Overflow ends the process. */
void *memory_new(size_t count, size_t size);

/* Grows p to count * size; new bytes are not zeroed. */
void *memory_grow(void *p, size_t count, size_t size);

/* A copy of text, or of its first len bytes with a NUL behind. */
char *memory_copy(const char *text);
char *memory_copy_len(const char *bytes, size_t len);

/* printf into fresh memory. */
char *memory_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
