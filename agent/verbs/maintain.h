/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_MAINTAIN_H
#define RH_AGENT_VERBS_MAINTAIN_H

#include "agent/plan/maintenance.h"
#include "agent/plan/plan.h"
#include "agent/verbs/verb.h"

/* What the files of `rhands maintain` and `rhands rehearse --plan` share. */
struct maintain {
	struct verb_call *call;
	struct plan *plan;
	int64_t *worst_ms;	/* per host of the plan, in the order of its waves */
	bool *recovers;
	bool *looks;
};

/*
 * Reads the plan, and every sequence of every host once. Returns 0, or 2 after
 * saying what is wrong. Release it in any case.
 */
int maintain_load(struct maintain *m, const char *name);
void maintain_release(struct maintain *m);

struct maintenance_config maintain_config(const struct maintain *m);

/*
 * What a step carries out on a host: the sequence that its file names, or one of
 * ours. changed: a LOOK that wants to see another system than before. NULL after
 * saying what is wrong.
 */
struct sequence *maintain_sequence(struct verb_call *call,
				   const struct plan *plan,
				   const struct host *host,
				   enum maintenance_step step, bool changed);

/* The waves, their times at worst, and whether they fit; nothing is touched. */
int maintain_dry_run(struct maintain *m);

/* maintain-announce.c: sends the notice that is due; prints it where dry_run. */
int maintain_announce(struct maintain *m, bool dry_run);

/* Prints the report of the newest maintenance of the plan. */
int maintain_report(struct maintain *m, bool html);

/* Sends that of this one; 1 after saying why not. */
int maintain_send_report(struct maintain *m, const char *id);

#endif
