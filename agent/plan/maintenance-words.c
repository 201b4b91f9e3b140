/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What events, steps and states of a maintenance are called: in the journal, whose
 * words stay as they are, and for people.
 */
#include "agent/plan/maintenance.h"

#include <string.h>

static const char *const maintenance_whats[MAINTENANCE_COUNT] = {
	"none", "begin", "resume", "before", "before-end", "wave", "host",
	"host-end", "host-lost", "gate", "gate-end", "ask", "answer", "stop",
	"after", "after-end", "end",
};

static const char *const maintenance_steps[MAINTENANCE_STEPS] = {
	"first", "look", "recover",
};

const char *maintenance_what_name(enum maintenance_what what)
{
	return maintenance_whats[what];
}

enum maintenance_what maintenance_what_from(const char *name)
{
	int i;

	for (i = 1; i < MAINTENANCE_COUNT; i++) {
		if (strcmp(maintenance_whats[i], name) == 0)
			return (enum maintenance_what)i;
	}
	return MAINTENANCE_NONE;
}

const char *maintenance_step_name(enum maintenance_step step)
{
	return maintenance_steps[step];
}

const char *maintenance_state_name(const struct maintenance_host *host)
{
	static const char *const names[] = { "waiting", "", "", "back", "failed",
					     "skipped" };
	static const char *const steps[] = { "restarting", "looking",
					     "recovering" };

	if (host->state == MAINTENANCE_UNDER_WAY ||
	    host->state == MAINTENANCE_DUE)
		return steps[host->step];
	return names[host->state];
}
