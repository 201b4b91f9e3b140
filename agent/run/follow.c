/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs of other processes. The verbs wait and cancel come in, and whoever repeats
 * a request (request.h).
 *
 * Always true: nothing is taken from a pid alone. A run goes on while the lock of
 * its host is held with its name in it; a signal goes to a process only by a
 * descriptor that was opened before that was seen, and only where it was started
 * when the record says.
 */
#include "agent/run/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "agent/run/history.h"
#include "agent/run/lock.h"
#include "agent/run/process.h"
#include "agent/run/record.h"
#include "base/deadline.h"
#include "base/memory.h"

#define FOLLOW_EVERY_MS 100

static const char *follow_member(const json_t *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run, key));

	return text != NULL ? text : "?";
}

static bool follow_is_over(const json_t *run)
{
	return json_is_string(json_object_get(run, "verdict"));
}

/* What history.h would write into the record of a run that was killed. */
static void follow_tell_killed(const char *records, json_t *run)
{
	char text[600];

	history_tell(records, follow_member(run, "run"), "read the power state",
		     text, sizeof(text));
	json_object_set_new(run, "verdict", json_string("unknown"));
	json_object_set_new(run, "reason", record_string(text));
	json_object_set_new(run, "code",
			    json_string(rh_code_name(RH_ERR_CRASHED)));
	json_object_set_new(run, "exit", json_integer(4));
}

/* One look. NULL: it can't be read. */
static json_t *follow_look(const char *records, const char *path,
			   enum follow_state *ret, struct rh_error *err)
{
	json_t *run = history_load(path, err);

	*ret = FOLLOW_RUNNING;
	if (run == NULL)
		return NULL;
	if (!follow_is_over(run) && history_was_killed(records, run)) {
		/* The verdict is written before the lock is given back. */
		json_decref(run);
		run = history_load(path, err);
		*ret = FOLLOW_KILLED;
	}
	if (run != NULL && follow_is_over(run))
		*ret = FOLLOW_OVER;
	return run;
}

int follow_run(const char *records, const char *path, int64_t deadline,
	       enum follow_state *ret, json_t **ret_run, struct rh_error *err)
{
	json_t *run;
	int64_t now;

	for (;;) {
		run = follow_look(records, path, ret, err);
		if (run == NULL)
			return -1;
		now = deadline_now();
		if (*ret != FOLLOW_RUNNING || now >= deadline)
			break;
		json_decref(run);
		poll(NULL, 0, deadline_poll_ms(deadline_min(
				      deadline, now + FOLLOW_EVERY_MS)));
	}
	if (*ret == FOLLOW_KILLED)
		follow_tell_killed(records, run);
	*ret_run = run;
	return 0;
}

/* ---- cancel ------------------------------------------------------------------- */

static int follow_check_machine(const json_t *run, struct rh_error *err)
{
	char here[256] = "";

	gethostname(here, sizeof(here) - 1);
	if (strcmp(here, follow_member(run, "agent")) == 0)
		return 0;
	return rh_error_set(err, RH_ERR_REFUSED, "the run %s goes on on the "
			    "machine %s, and can only be cancelled there",
			    follow_member(run, "run"),
			    follow_member(run, "agent"));
}

/* Whether the process behind the pid, which can't change now, is the run's. */
static bool follow_is_run(const char *records, const json_t *run, pid_t pid)
{
	const json_t *start = json_object_get(run, "pid_start");
	const char *host = follow_member(run, "host");
	struct lock_holder holder;

	return strchr(host, '/') == NULL && lock_look(records, host, &holder) &&
	       holder.pid == pid &&
	       strcmp(holder.run, follow_member(run, "run")) == 0 &&
	       json_is_integer(start) &&
	       process_start(pid) == json_integer_value(start);
}

static int follow_signal(const char *records, const json_t *run, pid_t pid,
			 int fd, struct rh_error *err)
{
	const char *name = follow_member(run, "run");

	if (!follow_is_run(records, run, pid))
		return rh_error_set(err, RH_ERR_STATE, "the process %ld is not "
				    "that of the run %s any more, or not yet; "
				    "nothing was signalled", (long)pid, name);
	if (pidfd_send_signal(fd, SIGTERM, NULL, 0) == 0)
		return 0;
	if (errno == EPERM)
		return rh_error_set(err, RH_ERR_REFUSED, "the run %s belongs to "
				    "%s: only they and root can cancel it", name,
				    follow_member(run, "user"));
	return rh_error_set_errno(err, RH_ERR_STATE, errno, "the run %s, process "
				  "%ld", name, (long)pid);
}

int follow_cancel(const char *records, const json_t *run, struct rh_error *err)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(run, "pid"));
	int fd, rc;

	if (follow_check_machine(run, err) < 0)
		return -1;
	fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_STATE,
					  pid > 0 ? errno : ESRCH, "the process "
					  "%ld of the run %s", (long)pid,
					  follow_member(run, "run"));
	rc = follow_signal(records, run, pid, fd, err);
	close(fd);
	return rc;
}
