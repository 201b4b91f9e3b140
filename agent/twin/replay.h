/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_REPLAY_H
#define RH_AGENT_TWIN_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/twin/learn.h"
#include "agent/twin/rehearsal.h"

/* Where two runs part: what the record has there, and what the sequence does now. */
struct replay_step {
	int64_t at_ms;
	const char *event;	/* state, typed, act, shell, verdict; fixed text */
	char text[300];
	char state[80];		/* in which it was taken; "" before the first */
};

struct replay_result {
	bool same;
	int steps;		/* that are equal */
	struct replay_step recorded;	/* the first that is not; */
	struct replay_step now;		/* event NULL: there is none */
	char why[300];		/* what failed just before; "" where nothing did */
	struct rehearsal_result end;	/* of the rehearsal */
};

/*
 * Rehearses against the twin that was learned of the record (config; seed 1, no
 * faults; its trace is ours), and compares what the sequence does, step by
 * step, with what the run did: states, keys, power acts, commands, the
 * verdict; not the times.
 */
void replay_compare(const struct learn_record *record,
		    const struct rehearsal_config *config,
		    struct replay_result *ret);

/* "types F1", "enters state post". */
void replay_words(const struct replay_step *step, char *buf, size_t buf_len);

#endif
