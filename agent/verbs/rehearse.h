/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_REHEARSE_H
#define RH_AGENT_VERBS_REHEARSE_H

#include <stdio.h>

#include "agent/twin/learn.h"
#include "agent/twin/report.h"
#include "agent/verbs/verb.h"

/* What the files of `rhands rehearse` share. */
struct rehearse {
	struct verb_call *call;
	const char *name;		/* of the sequence */
	const char *twin_name;
	const char *host_name;		/* NULL: no host */
	const char *record_word;	/* NULL: no record */
	const char *faults_text;
	const char *plan_name;		/* in place of a sequence */
	const char *junit;		/* NULL: no file */
	FILE *junit_file;		/* opened before the first rehearsal */
	uint64_t from;			/* the first seed */
	uint64_t count;
	int jobs;
	bool trace;

	struct learn_record *record;	/* of record_word */
	struct buffer learned;		/* of it */
	const struct host *host;
	struct sequence *sequence;
	struct twin_model *twin;
	struct fault_set faults;
	struct rehearsal_config config;

	struct report report;
	uint64_t *visits;		/* rehearse_visits_* */
	double seconds;
};

/*
 * rehearse-jobs.c: rehearses all seeds, in `jobs` processes. 0, or -1 with err
 * where a process died.
 */
int rehearse_all(struct rehearse *r, struct rh_error *err);

/* How often, over all: a state was entered, a rule fired (state -1: [always]). */
uint64_t rehearse_entered(const struct rehearse *r, size_t state);
uint64_t rehearse_fired(const struct rehearse *r, int state, size_t rule);
uint64_t rehearse_twin_entered(const struct rehearse *r, size_t state);

/* rehearse-out.c: what came of it, on standard output and to the JUnit file. */
void rehearse_print(struct rehearse *r);
int rehearse_open_junit(struct rehearse *r, struct rh_error *err);
int rehearse_write_junit(struct rehearse *r, struct rh_error *err);

/*
 * rehearse-record.c: --record. Takes the record, and the host that it is of; gives
 * what was learned of it, the twin; compares the two, and says so. Ints are exit
 * statuses.
 */
int rehearse_take_record(struct rehearse *r);
struct ini *rehearse_learned(const struct rehearse *r,
			     struct problems *problems);
int rehearse_record(struct rehearse *r);
void rehearse_release_record(struct rehearse *r);

/* One rehearsal as a timeline, or as lines of JSON. */
void rehearse_trace(struct rehearse *r);

/* What a live run would tell the machine of the host (NULL: of any). */
void rehearse_machine(struct machine_config *m, const struct sequence *s,
		      const struct host *host);

/* The twin that the sequence names, or has the name of. */
const char *rehearse_twin_name(const struct ini *ini, const char *name);

/* rehearse-plan.c: a maintenance, `count` times. */
int rehearse_plan(struct rehearse *r);

#endif
