/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_MAINTENANCE_H
#define RH_AGENT_PLAN_MAINTENANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/plan/plan.h"
#include "agent/sequence/sequence.h"

/*
 * A maintenance being carried out, as a pure state machine: no I/O, no clock. What
 * happens is a row of events; the journal is that row, and to apply it again is
 * to be where it ended. So a runner that was killed resumes, and a maintenance
 * can be rehearsed.
 *
 * The world's loop: take maintenance_next; where it gives an event, write it
 * to the journal, apply it, and only then do what it says; apply what came of it
 * when it is known.
 */
enum maintenance_what {
	MAINTENANCE_NONE = 0,
	MAINTENANCE_BEGIN,
	MAINTENANCE_RESUME,	/* by a new runner; what was under way is in doubt */
	MAINTENANCE_BEFORE,	/* the hook is run */
	MAINTENANCE_BEFORE_END,	/* ok, text */
	MAINTENANCE_WAVE,	/* wave */
	MAINTENANCE_HOST,	/* host, step: a run is begun */
	MAINTENANCE_HOST_END,	/* host, step, verdict, restarted, unchanged, touched,
				   text */
	MAINTENANCE_HOST_LOST,	/* host, step: nobody knows the end; touched: it may
				   have been restarted; boot_id */
	MAINTENANCE_GATE,	/* wave: that is done */
	MAINTENANCE_GATE_END,	/* ok, text */
	MAINTENANCE_ASK,	/* text: a question to a person; ok: go on */
	MAINTENANCE_ANSWER,	/* ok */
	MAINTENANCE_STOP,	/* nothing more is begun; text: why */
	MAINTENANCE_AFTER,
	MAINTENANCE_AFTER_END,	/* ok, text */
	MAINTENANCE_END,	/* verdict, text */
	MAINTENANCE_COUNT,
};

/* What is done to a host, in this order. */
enum maintenance_step {
	MAINTENANCE_FIRST = 0,	/* what the plan is about: the restart, ... */
	MAINTENANCE_LOOK,	/* it may have been restarted: is it healthy? */
	MAINTENANCE_RECOVER,	/* it is not back: its recover sequence */
	MAINTENANCE_STEPS,
};

enum maintenance_state {
	MAINTENANCE_WAITING = 0,
	MAINTENANCE_UNDER_WAY,	/* a run of `step` is under way */
	MAINTENANCE_DUE,	/* `step` is to be begun: the host is in our hands */
	MAINTENANCE_BACK,
	MAINTENANCE_FAILED,
	MAINTENANCE_SKIPPED,
};

struct maintenance_event {
	enum maintenance_what what;
	int64_t at_ms;			/* since the epoch */
	size_t host;
	size_t wave;
	enum maintenance_step step;
	enum verdict verdict;		/* NONE: the run was not begun */
	bool restarted;			/* seen: it was restarted */
	bool unchanged;			/* of LOOK, seen: the system from before runs,
					   though it had its time */
	bool touched;			/* an act was sent */
	bool ok;
	const char *text;		/* "" none */
	const char *run;		/* name of the record, "" none */
	const char *request;		/* HOST: the id of its run, in every journal
					   but old ones; NULL else */
	const char *who;		/* ANSWER: gave it; NULL: nobody */
	const char *boot_id;		/* HOST_LOST: before the act; NULL: not known */
};

struct maintenance_host {
	enum maintenance_state state;
	enum maintenance_step step;
	bool restarted;
	bool in_doubt;			/* a restart may have been sent */
	bool hands;			/* FIRST was not enough */
	int begun;			/* how often FIRST was begun */
	int losses;			/* ... or any step's end was not known */
	int64_t began_ms;
	int64_t ended_ms;
	enum verdict verdict;
	char text[600];			/* why */
	char first_text[300];		/* why FIRST was not enough */
	char run[200];			/* of the last step */
	char boot_id[80];		/* before a restart that is in doubt */
	char request[80];		/* of the step that is under way; "" none */
};

enum maintenance_phase {
	MAINTENANCE_NEW = 0,
	MAINTENANCE_BEFORE_DUE, MAINTENANCE_BEFORE_ON,
	MAINTENANCE_WAVE_DUE, MAINTENANCE_WAVE_ON,
	MAINTENANCE_GATE_DUE, MAINTENANCE_GATE_ON,
	MAINTENANCE_ASK_DUE, MAINTENANCE_ASK_ON,
	MAINTENANCE_AFTER_DUE, MAINTENANCE_AFTER_ON,
	MAINTENANCE_END_DUE, MAINTENANCE_OVER,
};

/* All borrowed until maintenance_release. Hosts are those of plan->waves.hosts. */
struct maintenance_config {
	const struct plan *plan;
	const int64_t *worst_ms;	/* per host: all its steps */
	const bool *recovers;		/* per host: there is a RECOVER */
	const bool *looks;		/* per host: there is a LOOK */
};

struct maintenance {
	struct maintenance_config config;
	enum maintenance_phase phase;
	enum maintenance_phase resume;	/* behind ASK */
	struct maintenance_host *hosts;
	size_t wave;
	size_t living;			/* UNDER_WAY or DUE */
	bool failed;			/* a failure that is not settled yet */
	bool stopped;
	bool begun_before;		/* so `after` is run */
	char trouble[700];		/* the failure, or why it is stopped */
	enum verdict verdict;
	int asks;			/* questions so far */
	int64_t began_ms;
	int64_t ended_ms;
	int64_t last_ms;		/* of the last event, in its own time */
	int64_t back_ms;		/* how far the clock was put back by now */
};

void maintenance_init(struct maintenance *m,
		      const struct maintenance_config *config);
void maintenance_release(struct maintenance *m);

/*
 * What is to be begun now. False: nothing is (something is under way, or all is
 * over). *ret borrows texts until the next call.
 */
bool maintenance_next(struct maintenance *m, int64_t now_ms,
		      struct maintenance_event *ret);

/* An event has happened. False: it cannot have (a journal that is none). */
bool maintenance_apply(struct maintenance *m, const struct maintenance_event *e);

/*
 * The time of a maintenance, which never goes back: what the clock says, and what it
 * was put back by since the beginning.
 */
int64_t maintenance_time(const struct maintenance *m, int64_t wall_ms);

/* How long the hosts of a wave that have not ended may take, at worst. */
int64_t maintenance_wave_worst(const struct maintenance *m, size_t wave);

const char *maintenance_what_name(enum maintenance_what what);
enum maintenance_what maintenance_what_from(const char *name);
const char *maintenance_step_name(enum maintenance_step step);
const char *maintenance_state_name(const struct maintenance_host *host);

#endif
