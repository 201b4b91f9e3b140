/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last look: a run that has acted on the power and ends without success reads
 * it once more, so that nobody drives to a host that only wants to be switched
 * on. An act that was taken may be carried out long after it was given up.
 * machine.c comes in with each verdict of that kind, and with the answer.
 *
 * Always true: the verdict and its code stand before; only the reason grows, and
 * the run ends by its deadline all the same.
 */
#include "agent/sequence/machine-private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define LAST_MS 4000	/* how long the reading may take */

/* Whether the word is in it already. */
static bool last_says_off(const char *text)
{
	const char *at = text;

	while ((at = strstr(at, "off")) != NULL) {
		if ((at == text || !isalpha((unsigned char)at[-1])) &&
		    !isalpha((unsigned char)at[3]))
			return true;
		at += 3;
	}
	return false;
}

static bool last_is_worth_it(const struct machine *m, enum verdict verdict,
			     const char *reason)
{
	return m->acted && m->config.power_ways > 0 &&
	       (verdict == VERDICT_FAILED || verdict == VERDICT_NEEDS_HANDS) &&
	       !last_says_off(reason) &&
	       deadline_add(m->now, LAST_MS) < m->config.deadline;
}

void last_look(struct machine *m, enum verdict verdict, enum rh_code code,
	       const char *reason)
{
	struct machine_action action = { .what = MACHINE_POWER_QUERY };

	if (m->phase != PHASE_RUN || reason == NULL ||
	    !last_is_worth_it(m, verdict, reason)) {
		machine_finish(m, verdict, code, reason);
		return;
	}
	m->last.verdict = verdict;
	m->last.code = code;
	snprintf(m->last.reason, sizeof(m->last.reason), "%s", reason);
	restart_abandon(m);
	actions_clear(m);
	m->confirming = false;
	m->phase = PHASE_LAST;
	action.deadline = deadline_add(m->now, LAST_MS);
	machine_ask(m, &action);
}

void last_end(struct machine *m)
{
	machine_finish(m, m->last.verdict, m->last.code, m->last.reason);
}

void last_looked(struct machine *m, const struct machine_outcome *o)
{
	size_t used = strlen(m->last.reason);
	const char *more = "";

	/* Whatever it was that kept the answer away: nobody knows. */
	if (o->err.code != RH_ERR_NONE || o->state == DRIVER_POWER_UNKNOWN)
		more = "; whether it is on or off can't be read";
	else if (o->state == DRIVER_POWER_OFF)
		more = "; its power is off now: switch it on";
	snprintf(m->last.reason + used, sizeof(m->last.reason) - used, "%s",
		 more);
	last_end(m);
}
