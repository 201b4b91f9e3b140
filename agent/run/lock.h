/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_LOCK_H
#define RH_AGENT_RUN_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * One run a host: RECORDS/locks/HOST.lock, held with flock(2) by the brain, with
 * a JSON text that says who holds it. The text of a run that was killed is still
 * there when the lock is free: that is how the next one finds it.
 * RECORDS/locks/HOST.console is there while our console session is open, with
 * the boot and the monotonic time at which it was last so: a session that the
 * other side still holds shortly after can only be ours (L10).
 */
struct lock {
	int fd;			/* -1: not held */
	char *path;
	char *console;
	bool named;		/* the text is ours */
	char left_run[256];	/* run of a killed holder; "" none */
	bool left_console;	/* a console session of ours may still be open */
};

/*
 * Takes the lock without waiting. BUSY says who holds it, since when. `verb` and
 * `run` (NULL: none yet) go into the text. Release with lock_release.
 */
int lock_take(struct lock *l, const char *records, const char *host,
	      const char *verb, struct rh_error *err);

/* Names the run that holds it. IO. */
int lock_set_run(struct lock *l, const char *verb, const char *run,
		 struct rh_error *err);

/* The console session is open (call it now and then), or was given back. */
void lock_console(struct lock *l, bool open);

/* Clean end: nobody will ask what was left. NULL ok. */
void lock_release(struct lock *l);

/* Who holds a lock, from its text; "" where that says nothing. */
struct lock_holder {
	int64_t pid;		/* 0: not known */
	char user[64];
	char run[256];		/* "-": none yet */
	bool hidden;		/* the lock is not ours to look at */
};

/* Whether somebody holds the lock of a host now, and who. */
bool lock_look(const char *records, const char *host, struct lock_holder *ret);

/* Who holds the lock of a host now: a line of text; "" where nobody. */
void lock_holder(const char *records, const char *host, char *buf,
		 size_t buf_len);

#endif
