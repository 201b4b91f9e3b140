/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_PAGE_H
#define RH_AGENT_PLAN_PAGE_H

#include "agent/plan/plan.h"
#include "base/buffer.h"

/* HTML pages that need nothing but themselves, and what they share with text. */
void page_begin(struct buffer *b, const char *title);
void page_end(struct buffer *b);

/* Foreign text: <, >, &, " escaped, control characters and no UTF-8 made visible. */
void page_put(struct buffer *b, const char *text);

/* "<tr><td>LEFT<td>RIGHT" of a list; RIGHT is escaped. */
void page_row(struct buffer *b, const char *left, const char *right);

/*
 * A span of time, a line for the plan's zone, each of its `zones`, and UTC, none of
 * them twice. take gets "Sat 2026-12-05 22:00 CET to Sun 2026-12-06 02:00 CET".
 */
void page_times(const struct plan *plan, int64_t from_ms, int64_t to_ms,
		void (*take)(void *context, const char *line), void *context);

#endif
