/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_REHEARSE_PLAN_H
#define RH_AGENT_VERBS_REHEARSE_PLAN_H

#include "agent/twin/rehearsal.h"
#include "agent/verbs/maintain.h"
#include "agent/verbs/rehearse.h"

/* What the files of `rhands rehearse --plan` share. */

/* One step of one host. */
struct plan_step {
	struct sequence *sequence;	/* NULL: there is no such step */
	struct twin_model *twin;
	struct rehearsal_config config;
	struct rehearsal *rehearsal;
	bool touched;			/* in the present rehearsal */
	bool restarted;
};

struct plan_host {
	struct plan_step first;
	struct plan_step recover;
	/* the end that is to come */
	bool pending;
	struct maintenance_event end;
	char reason[400];
	/* over all seeds */
	uint64_t back;
	uint64_t hands;			/* ... that needed the second step */
	int64_t longest_ms;
	int64_t sum_ms;
	char worst_reason[600];
};

/* What becomes of the rest where one host does not come back. */
struct plan_loss {
	int64_t ms;			/* from the start to the end */
	bool *left;			/* per host: it was not begun */
	char *skipped;			/* their names; "" none */
	size_t skipped_count;
};

struct plan_play {
	struct rehearse *r;
	struct maintain m;
	struct plan_host *hosts;
	size_t fails;			/* the host that does not come back */
	int64_t now_ms;
	uint64_t good;
	int64_t longest_ms;		/* from the start to the end */
	uint64_t longest_seed;
	int64_t sum_ms;
	struct plan_loss *losses;	/* per host */
	struct report report;		/* of all steps: what the oracle says */
};

/* rehearse-plan-out.c: what came of it, on standard output. */
void plan_print(struct plan_play *p);

#endif
