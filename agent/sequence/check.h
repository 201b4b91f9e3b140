/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_CHECK_H
#define RH_AGENT_SEQUENCE_CHECK_H

#include "agent/console/keys.h"
#include "agent/sequence/sequence.h"
#include "base/problem.h"

/* What the host that a sequence is checked for gives to it. */
struct check_host {
	const char *name;
	const char *file;	/* where a missing way or secret is to be added */
	int line;		/* of `recover`, 0 where it is not the reason */
	unsigned has;		/* SEQUENCE_NEEDS_ bits */
	enum keys_terminal terminal;
	bool (*has_secret)(const void *context, const char *name);
	const void *context;
	int64_t min_off_ms;
	int64_t confirm_ms;
	int power_ways;
};

/*
 * Proves a sequence (DESIGN 6, "Checked before 3 am"); adds what is wrong, at
 * file and line of the sequence (or of the host, for what the host lacks):
 *  - each state can be reached from the start, and left;
 *  - every wait is bounded: a state that waits has a timeout, or an end by its
 *    actions;
 *  - every loop is bounded by `visits` (or a rule's `max`);
 *  - `needs` covers what is used, and the host gives it; secrets exist; keys
 *    exist on its terminal;
 *  - `recovered` is proved on each way to it: by a check, or by a text that a
 *    rule goes on with, behind the last act that makes proof worthless;
 *  - no rule that stays uses force without a `max`;
 *  - a secret is only typed by a rule on text whose pattern is all of a line;
 *    only checks in `healthy`;
 *  - no pattern is hidden by another one: such a rule can never fire;
 *  - the longest way on which no state is entered twice fits into the deadline,
 *    and all that visits allow does (a warning); both name the path and the
 *    nearest deadline that would do;
 *  - a path that ends with the host powered off says so (a warning).
 * host NULL: what can be said without one.
 */
void sequence_check(const struct sequence *s, const struct check_host *host,
		    struct problems *problems);

#endif
