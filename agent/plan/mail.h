/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_MAIL_H
#define RH_AGENT_PLAN_MAIL_H

#include "agent/plan/plan.h"
#include "base/buffer.h"
#include "base/error.h"

struct mail {
	const char *subject;
	const char *text;
	const char *html;
	const char *calendar;	/* iCalendar, NULL: none */
};

/* As RFC 5322 and MIME have it, with LF at the ends of lines. */
void mail_write(const struct plan *plan, const struct mail *mail, int64_t now_ms,
		struct buffer *ret);

/*
 * Gives it to the plan's mail program, within a minute. What that does not take at
 * once goes without its HTML. Errors: those of the program.
 */
int mail_send(const struct plan *plan, const struct mail *mail, int64_t now_ms,
	      struct rh_error *err);

#endif
