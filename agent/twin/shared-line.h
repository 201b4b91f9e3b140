/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_SHARED_LINE_H
#define RH_AGENT_TWIN_SHARED_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/twin/shared.h"

/* "TIME power cycle" and so on, with the newline. */
void shared_line_put(struct buffer *out, int64_t at,
		     const struct shared_input *in);

/*
 * The same line, without its newline, read; false where it is none. It is written
 * over: the bytes of *ret point into it.
 */
bool shared_line_get(char *line, int64_t *ret_at, struct shared_input *ret);

/* "power cycle", for people. */
void shared_line_event(struct buffer *out, const struct shared_input *in);

/* A number, and the blank behind it; false where there is none. */
bool shared_line_time(char **text, int64_t *ret);

#endif
