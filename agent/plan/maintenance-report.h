/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_MAINTENANCE_REPORT_H
#define RH_AGENT_PLAN_MAINTENANCE_REPORT_H

#include "agent/plan/maintenance.h"
#include "base/buffer.h"

/*
 * What a maintenance did: per host how long, what needed hands, and why. id: of
 * the maintenance. Also of one that has no end yet. Appended to b.
 */
void maintenance_report_text(const struct maintenance *m, const char *id,
			     struct buffer *b);
void maintenance_report_html(const struct maintenance *m, const char *id,
			     struct buffer *b);

/* "Maintenance done: ..." or "Maintenance not done: ..."; free(3) */
char *maintenance_report_subject(const struct maintenance *m);

#endif
