/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_REHEARSAL_H
#define RH_AGENT_TWIN_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sequence/machine.h"
#include "agent/twin/fault.h"
#include "agent/twin/model.h"
#include "agent/twin/oracle.h"

/*
 * A run against a twin, in virtual time, in this process: the machine of a live
 * run, the twin, and faults between the two. A seed and a set of faults make a
 * rehearsal; the same ones make the same, byte for byte.
 *
 * An oracle that knows the truth watches each rehearsal (DESIGN 9, 10):
 *  - `recovered` only where the host was healthy within the last 5 s, and with a
 *    word of proof;
 *  - no power act while the outcome of the one before is not read, nor while that
 *    one is under way; cycle, reset, diag not twice for one action of the
 *    sequence, off and on not more than twice a way; no command twice; no more
 *    than ORACLE_FORCE_MAX acts of force;
 *  - evidence before force; min-off between off and on;
 *  - an end by the deadline; no action that may last longer; no standing still,
 *    and nothing behind the end;
 *  - `failed` only where the last act was read; a host that was left off by us is
 *    said to be off, or that it may be;
 *  - nothing typed without a console, in the middle of an act, or to a host that
 *    we have switched off; no NUL;
 *  - a secret is typed only where the twin asks for one, once at a prompt, and is
 *    in no event;
 *  - where all is well at the start, nothing is touched.
 */
struct rehearsal_config {
	const struct sequence *sequence;	/* borrowed, both */
	const struct twin_model *twin;
	struct machine_config machine;	/* sequence and deadline are set by us */
	const struct fault_set *faults;
	int start;		/* state to begin in; -1: as the sequence says */

	/* Each event of the machine and each fault that strikes; may be NULL. */
	void (*trace)(void *context, int64_t at_ms, const char *event,
		      const char *state, const char *text);
	/* What the machine is told: "feed" and its bytes, "gap", "attached", "lost",
	   "answer" and its code, "typed" and what arrives; may be NULL. */
	void (*tap)(void *context, int64_t at_ms, const char *what,
		    const char *bytes, size_t len);
	void *context;
};

struct rehearsal_result {
	uint64_t seed;
	enum verdict verdict;
	enum rh_code code;
	char reason[400];
	int64_t ms;			/* virtual */
	int acts;			/* power acts that were sent */
	enum fault faults[FAULTS_AT_ONCE];	/* drawn; NONE: none */
	char complaint[300];		/* of the oracle; "" none */
	enum oracle_rule rule;		/* ... and of what it is */
};

/* Reused from seed to seed, which makes it quick. */
struct rehearsal;

struct rehearsal *rehearsal_new(const struct rehearsal_config *config);
void rehearsal_free(struct rehearsal *r);	/* NULL ok */

void rehearsal_run(struct rehearsal *r, uint64_t seed,
		   struct rehearsal_result *ret);

/* How often, over all runs: a state was entered, a rule fired, an outcome. */
uint64_t rehearsal_entered(const struct rehearsal *r, int state);
uint64_t rehearsal_fired(const struct rehearsal *r, int state, size_t rule);
uint64_t rehearsal_ended(const struct rehearsal *r, enum verdict verdict);
uint64_t rehearsal_struck(const struct rehearsal *r, enum fault fault);
uint64_t rehearsal_twin_entered(const struct rehearsal *r, int state);

#endif
