/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_ANNOUNCE_H
#define RH_AGENT_PLAN_ANNOUNCE_H

#include "agent/plan/plan.h"
#include "base/buffer.h"

/* The notice of a maintenance: what, when, which services. Appended to b. */
void announce_text(const struct plan *plan, struct buffer *b);
void announce_html(const struct plan *plan, struct buffer *b);

/* The same as iCalendar (RFC 5545); a later one replaces an earlier one. */
void announce_calendar(const struct plan *plan, int64_t now_ms,
		       struct buffer *b);

/* "Maintenance: A new kernel"; free(3) */
char *announce_subject(const struct plan *plan);

#endif
