/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_MAINTENANCE_PRIVATE_H
#define RH_AGENT_PLAN_MAINTENANCE_PRIVATE_H

#include "agent/plan/maintenance.h"

/* What the files of the core share: maintenance.c has the phases, -host.c a host. */
const char *maintenance_host_name(const struct maintenance *m, size_t i);

/* Something failed; what becomes of that, its plan says. */
void maintenance_trouble(struct maintenance *m, const char *who,
			 const char *why);

/* Where a wave stands when nothing of it lives. */
void maintenance_settle_wave(struct maintenance *m);

/* The events of a host, as maintenance_apply. */
bool maintenance_host_begins(struct maintenance *m,
			     const struct maintenance_event *e);
bool maintenance_host_ends(struct maintenance *m,
			   const struct maintenance_event *e);
bool maintenance_host_lost(struct maintenance *m,
			   const struct maintenance_event *e);

#endif
