/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_CAST_H
#define RH_AGENT_CONSOLE_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * The recording of a console: asciicast v2 (a JSON header line, then one
 * JSON array a line: [seconds, "o"|"i"|"m", "text"]). Pure: text in, text out.
 * Output bytes that are cut in a UTF-8 character are held back until the
 * rest comes; what is no UTF-8 becomes U+FFFD.
 */
struct cast_writer {
	char held[4];
	size_t held_len;
};

/* Appends the header line. wall_ms: beginning, epoch milliseconds. */
void cast_write_header(struct buffer *out, int columns, int rows,
		       int64_t wall_ms, const char *title);

/*
 * Appends an output event; at_ms: since the beginning. len 0: no more bytes
 * come, what is still held back is written (as U+FFFD).
 */
void cast_write_output(struct cast_writer *w, struct buffer *out,
		       int64_t at_ms, const void *bytes, size_t len);

/* Typed keys, by name ("F1", "text", "<secret:NAME>"): an "i" event. */
void cast_write_input(struct buffer *out, int64_t at_ms, const char *text);

/* A marker ("gap: 120 bytes lost", "state post"): an "m" event. */
void cast_write_marker(struct buffer *out, int64_t at_ms, const char *text);

enum cast_type { CAST_NONE = 0, CAST_OUTPUT, CAST_INPUT, CAST_MARKER };

struct cast_event {
	enum cast_type type;
	int64_t at_ms;
	char *text;	/* free with free(3) */
	size_t len;	/* bytes of text */
};

/* Parses the header line. CONFIG where it is none. */
int cast_read_header(const char *line, int *ret_columns, int *ret_rows,
		     struct rh_error *err);

/*
 * Parses one event line. An unknown type gives CAST_NONE and 0. PROTOCOL
 * where the line is damaged (the last line of a killed run may be).
 */
int cast_read_event(const char *line, struct cast_event *ret,
		    struct rh_error *err);

#endif
