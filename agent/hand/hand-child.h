/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_HAND_HAND_CHILD_H
#define RH_AGENT_HAND_HAND_CHILD_H

#include "base/settings.h"
#include "drivers/driver.h"

/* Requests that a brain may have outstanding with one hand. */
#define HAND_QUEUE 16

/* How late after its deadline a call ends the process by itself. */
#define HAND_HARD_STOP_MS 1500

/* What it is for: one way, or a fleet of them. */
struct hand_work {
	const struct driver *driver;
	const struct settings *settings;	/* NULL where there is a fleet */
	const struct settings *const *fleet;
	size_t fleet_count;
	int at_once;		/* as driver.h has it */
};

/*
 * The life of a hand, from the fork to _exit(2): fd is its end of the socket,
 * signals are blocked by the caller and unblocked here.
 */
_Noreturn void hand_child_run(const char *name, const struct hand_work *work,
			      int fd);

#endif
