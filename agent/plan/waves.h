/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_WAVES_H
#define RH_AGENT_PLAN_WAVES_H

#include <stddef.h>

#include "agent/config/config.h"
#include "base/error.h"

/*
 * In which order hosts that need each other are taken. A wave is a set of hosts
 * of which none needs another one, directly or by way of others. Pure.
 */
enum waves_order {
	WAVES_REBOOT = 0,	/* what others depend on comes last */
	WAVES_START,		/* ... comes first */
};

struct waves {
	const struct host **hosts;	/* wave after wave, in the order given */
	size_t *ends;			/* of each wave, an index into hosts */
	size_t count;			/* of waves */
};

/*
 * Needs of hosts that are not in the list count only as ways between those
 * that are. CONFIG where hosts need each other in a circle; the text shows it,
 * "ldap1 -> nfs1 -> ldap1". Release it in any case.
 */
int waves_make(struct waves *waves, const struct config *config,
	       const struct host *const *hosts, size_t count,
	       enum waves_order order, struct rh_error *err);
void waves_release(struct waves *waves);

/* The first host of the wave, and how many it has. */
const struct host *const *waves_hosts(const struct waves *waves, size_t wave,
				      size_t *ret_count);

#endif
