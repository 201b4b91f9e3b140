/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_JOURNAL_H
#define RH_AGENT_PLAN_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/plan/maintenance.h"
#include "base/error.h"

/*
 * The journal of a maintenance: RECORDS/maintenances/YYYYMMDDThhmmssZ-PLAN/
 *   journal.jsonl	its events, one JSON object a line
 *   lock		held with flock(2) while a runner, or a run that it began, lives
 *   runner		the same for the runner alone, with a text that says who it is
 */
struct journal {
	char *id;		/* name of the folder */
	char *path;
	int fd;			/* journal.jsonl */
	int lock_fd;		/* children keep it */
	int runner_fd;		/* children close it */
	off_t len;		/* of whole lines */
};

/* The newest maintenance of that plan, where it has no end; else NULL. free(3) */
char *journal_unfinished(const char *records, const char *plan);

/* The same, also where it has ended. */
char *journal_newest(const char *records, const char *plan);

/*
 * A new one, or that one again (id NULL: new). BUSY: its runner lives, or another
 * maintenance has some of the same hosts; the text says who. IO.
 * Waits for runs that a killed runner left, says so by `waits` (may be NULL), and
 * gives up (BUSY) at wait_ms. Release it in any case.
 */
int journal_open(struct journal *j, const char *records, const char *id,
		 const struct plan *plan, int64_t wait_ms,
		 void (*waits)(void *context), void *context,
		 struct rh_error *err);
void journal_release(struct journal *j);

/*
 * The maintenance that `word` means: its id, or the newest one of the plan of that
 * name; NULL: none. free(3)
 */
char *journal_find(const char *records, const char *word);

/* The name of its plan, in its id. */
const char *journal_plan_of(const char *id);

/* Whether somebody carries it out now. */
bool journal_is_carried_out(const char *records, const char *id);

/* The names of its hosts, a list; NULL: it has not begun. json_decref it. */
json_t *journal_hosts(const char *records, const char *id);

/* In a child that carries out a run. */
void journal_keep_lock(struct journal *j);

/*
 * Appends an event and brings it to the disk. IO: nothing of it is there then.
 * *ret (NULL: not wanted) is the line as JSON, to be released.
 */
int journal_write(struct journal *j, const struct plan *plan,
		  const struct maintenance_event *e, json_t **ret,
		  struct rh_error *err);

/*
 * Applies what is there to a fresh maintenance. CONFIG: the plan is another one
 * by now, or this is no journal. `each` (may be NULL) gets each event.
 */
int journal_replay(const char *records, const char *id,
		   struct maintenance *m,
		   void (*each)(void *context, const struct maintenance_event *e),
		   void *context, struct rh_error *err);

#endif
