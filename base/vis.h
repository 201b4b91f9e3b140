/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_VIS_H
#define RH_BASE_VIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * Foreign text made safe to print: control characters (C0, DEL, C1, also as
 * UTF-8) become \xNN, \n, \r, \t or \e; a backslash becomes \\; bytes that are
 * no UTF-8 become \xNN. Good UTF-8 stays as it is, except for characters
 * that change the direction of text (U+202A..202E, U+2066..2069).
 */
void vis_append(struct buffer *out, const char *bytes, size_t len);

/* The same into fixed memory, cut with "..." where it does not fit. Returns buf. */
const char *vis_text(const char *text, char *buf, size_t buf_len);

/*
 * Bytes made valid UTF-8 without NUL, for JSON: what is none becomes U+FFFD.
 * Control characters stay (JSON escapes them).
 */
void vis_append_utf8(struct buffer *out, const char *bytes, size_t len);

/*
 * The length of the UTF-8 character at bytes (1 to 4), or 0 where there is no
 * valid one. *ret_short tells, where not NULL, that more bytes could make it valid.
 */
size_t vis_utf8_len(const char *bytes, size_t len, bool *ret_short);

/* Appends a code point (below 0x110000) in UTF-8. */
void vis_append_code(struct buffer *out, uint32_t code);

#endif
