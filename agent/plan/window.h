/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_WINDOW_H
#define RH_AGENT_PLAN_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Times of day in time zones ("Europe/Berlin", "UTC"; "local": this machine's).
 * All other times of plans are milliseconds since the epoch.
 */

/* Whether this machine knows the zone. */
bool window_knows(const char *zone);

/*
 * "2026-12-05 22:00" in that zone; with the zone's abbreviation behind it
 * ("02:30 CET") where clocks that change have it twice. CONFIG: it is no such
 * time, is left out that day, or is there twice.
 */
int window_parse(const char *text, const char *zone, int64_t *ret_ms,
		 struct rh_error *err);

enum window_style {
	WINDOW_TEXT = 0,	/* "Sat 2026-12-05 22:00 CET" */
	WINDOW_HOUR,		/* "22:00" */
	WINDOW_CLOCK,		/* "22:00:00" */
	WINDOW_CALENDAR,	/* "20261205T210000Z", of iCalendar; only for UTC */
	WINDOW_MAIL,		/* "Sat, 05 Dec 2026 22:00:00 +0100", of RFC 5322 */
};

/* In that zone. Returns buf. */
const char *window_format(int64_t ms, const char *zone, enum window_style style,
			  char *buf, size_t buf_len);

/* The same, WINDOW_TEXT. */
const char *window_text(int64_t ms, const char *zone, char *buf, size_t buf_len);

#endif
