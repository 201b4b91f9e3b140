/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_DEADLINE_H
#define RH_BASE_DEADLINE_H

#include <poll.h>
#include <stdint.h>

/*
 * Time. All times are absolute milliseconds of CLOCK_MONOTONIC (int64_t,
 * suffix _ms or a name that says "deadline"); the wall clock is only ever
 * printed. A deadline is made once and passed down.
 */

/* No deadline. Sums with it saturate. */
#define DEADLINE_NEVER INT64_MAX

/* Now, in monotonic milliseconds. */
int64_t deadline_now(void);

/* `ms` from now; a negative ms counts as 0. */
int64_t deadline_in(int64_t ms);

/* from + ms, saturating at DEADLINE_NEVER. */
int64_t deadline_add(int64_t from, int64_t ms);

/* The earlier of the two. */
int64_t deadline_min(int64_t a, int64_t b);

/*
 * What is left, as poll(2) wants it: -1 for DEADLINE_NEVER, 0 when passed,
 * rounded so that a poll that times out has reached the deadline.
 */
int deadline_poll_ms(int64_t deadline);

/* Wall clock, milliseconds since the epoch; for records, never for logic. */
int64_t deadline_wall_ms(void);

/*
 * Parses a duration "90 s", "5m", "1h30m", "250ms" into ms; a number without
 * a unit is seconds. Returns 0, or -1 where it is none (nothing is stored).
 */
int deadline_parse_ms(const char *text, int64_t *ret_ms);

/* Prints ms the short way, "1m12s", "250ms", "5s", into buf; returns buf. */
const char *deadline_format(int64_t ms, char *buf, int buf_len);

/*
 * poll(2), which stays awake up to eager_until (absolute; 0: not at all): a
 * machine that answers a key does it at once, and to be woken costs more than
 * all that is done then. Bounded by its caller to a few ms behind a key.
 */
#define DEADLINE_EAGER_MS 3

int deadline_poll(struct pollfd *fds, int count, int timeout_ms,
		  int64_t eager_until);

#endif
