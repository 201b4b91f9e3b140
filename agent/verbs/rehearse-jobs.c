/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rehearsals themselves, in one process or in several. The verb comes in
 * once. Always true: process k has every jobs-th seed, so all take as long; a
 * child prints nothing, hands over its report and its counts through a pipe, and
 * does not outlive us; what is counted does not depend on how many there are.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/verbs/rehearse.h"
#include "base/memory.h"

#define REHEARSE_JOBS_MAX 64

/* ---- counts: states, rules of [always], rules of the states, states of the twin -- */

static size_t visits_rules(const struct rehearse *r, size_t state)
{
	size_t at = r->sequence->state_count + r->sequence->always.count, i;

	for (i = 0; i < state; i++)
		at += r->sequence->states[i].rules.count;
	return at;
}

static size_t visits_count(const struct rehearse *r)
{
	return visits_rules(r, r->sequence->state_count) +
	       r->twin->state_count;
}

uint64_t rehearse_entered(const struct rehearse *r, size_t state)
{
	return r->visits[state];
}

uint64_t rehearse_fired(const struct rehearse *r, int state, size_t rule)
{
	return r->visits[(state < 0 ? r->sequence->state_count
				    : visits_rules(r, (size_t)state)) + rule];
}

uint64_t rehearse_twin_entered(const struct rehearse *r, size_t state)
{
	return r->visits[visits_rules(r, r->sequence->state_count) + state];
}

static void visits_take(struct rehearse *r, const struct rehearsal *reh)
{
	const struct sequence *s = r->sequence;
	uint64_t *at = r->visits;
	size_t i, k;

	for (i = 0; i < s->state_count; i++)
		*at++ += rehearsal_entered(reh, (int)i);
	for (k = 0; k < s->always.count; k++)
		*at++ += rehearsal_fired(reh, -1, k);
	for (i = 0; i < s->state_count; i++) {
		for (k = 0; k < s->states[i].rules.count; k++)
			*at++ += rehearsal_fired(reh, (int)i, k);
	}
	for (i = 0; i < r->twin->state_count; i++)
		*at++ += rehearsal_twin_entered(reh, (int)i);
}

/* ---- one process ---------------------------------------------------------------------- */

static void rehearse_part(struct rehearse *r, uint64_t first, uint64_t step)
{
	struct rehearsal *reh = rehearsal_new(&r->config);
	struct rehearsal_result result;
	uint64_t i;
	int f;

	for (i = first; i < r->count; i += step) {
		rehearsal_run(reh, r->from + i, &result);
		report_add(&r->report, &result);
	}
	for (f = 0; f < FAULT_COUNT; f++)
		r->report.struck[f] = rehearsal_struck(reh, f);
	visits_take(r, reh);
	rehearsal_free(reh);
}

static bool rehearse_write(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	ssize_t n;

	for (; len > 0; at += n, len -= (size_t)n) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

static bool rehearse_read(int fd, void *bytes, size_t len)
{
	char *at = bytes;
	ssize_t n;

	for (; len > 0; at += n, len -= (size_t)n) {
		n = read(fd, at, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

/* ---- several ----------------------------------------------------------------------------- */

struct rehearse_job {
	pid_t pid;
	int fd;
};

static void rehearse_child(struct rehearse *r, uint64_t first, int fd,
			   pid_t parent)
{
	bool ok;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	rehearse_part(r, first, (uint64_t)r->jobs);
	ok = rehearse_write(fd, &r->report, sizeof(r->report)) &&
	     rehearse_write(fd, r->visits, visits_count(r) * sizeof(*r->visits));
	_exit(ok ? 0 : 1);
}

static int rehearse_start(struct rehearse *r, int index,
			  struct rehearse_job *job, struct rh_error *err)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe(fds) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	job->pid = fork();
	if (job->pid == 0) {
		close(fds[0]);
		rehearse_child(r, (uint64_t)index, fds[1], parent);
	}
	close(fds[1]);
	job->fd = fds[0];
	if (job->pid > 0)
		return 0;
	close(fds[0]);
	return rh_error_set_errno(err, RH_ERR_IO, errno, "fork");
}

/* Its report and counts; -1 where it died. */
static int rehearse_join(struct rehearse *r, const struct rehearse_job *job,
			 struct rh_error *err)
{
	struct report *part = memory_new(1, sizeof(*part));
	size_t i, count = visits_count(r);
	uint64_t *visits = memory_new(count, sizeof(*visits));
	bool ok = rehearse_read(job->fd, part, sizeof(*part)) &&
		  rehearse_read(job->fd, visits, count * sizeof(*visits));
	int status = 0;

	close(job->fd);
	waitpid(job->pid, &status, 0);
	if (ok)
		report_merge(&r->report, part);
	for (i = 0; ok && i < count; i++)
		r->visits[i] += visits[i];
	free(visits);
	free(part);
	if (ok && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return rh_error_set(err, RH_ERR_INTERNAL, "a process of the rehearsal "
			    "died (status %d): a bug of ours; with --jobs 1 it "
			    "shows which seed it was", status);
}

static int rehearse_fork(struct rehearse *r, struct rh_error *err)
{
	struct rehearse_job jobs[REHEARSE_JOBS_MAX];
	struct rh_error ignored;
	int i, started, rc = 0;

	fflush(stdout);
	for (started = 0; started < r->jobs && rc == 0; started++)
		rc = rehearse_start(r, started, &jobs[started], err);
	started -= rc < 0;
	for (i = 0; i < started; i++) {
		if (rehearse_join(r, &jobs[i], rc == 0 ? err : &ignored) < 0)
			rc = -1;
	}
	return rc;
}

int rehearse_all(struct rehearse *r, struct rh_error *err)
{
	struct timespec begin, end;
	int rc = 0;

	r->visits = memory_new(visits_count(r) + 1, sizeof(*r->visits));
	if (r->jobs > REHEARSE_JOBS_MAX)
		r->jobs = REHEARSE_JOBS_MAX;
	if ((uint64_t)r->jobs > r->count)
		r->jobs = (int)r->count;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (r->jobs > 1)
		rc = rehearse_fork(r, err);
	else
		rehearse_part(r, 0, 1);
	clock_gettime(CLOCK_MONOTONIC, &end);
	r->seconds = (double)(end.tv_sec - begin.tv_sec) +
		     (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	report_sort(&r->report);
	return rc;
}
