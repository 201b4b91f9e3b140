/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kills the process it is linked into at one of its writes to a journal.jsonl:
 *
 *   JOURNAL_KILL="before 7"	when the 7th write is about to be made
 *   JOURNAL_KILL="torn 7"	when half of it has been made
 *   JOURNAL_KILL="after 7"	when it has just been made
 *   JOURNAL_KILL_IN=TEXT	only journals with that in their path count
 *   JOURNAL_KILL_WHO=machine	its whole process group, in place of it alone
 *   JOURNAL_COUNT=FILE		the count of its writes
 *   JOURNAL_CLOCK=SECONDS	its wall clock is wrong by that
 *
 * Each line is a write here, also where several go out in one: then the same run has
 * the same count, however quick the machine is.
 *
 * rhands-killed is rhands with this in it: the product needs no hook, and what
 * is killed is what runs at night. Hands write no journal and live on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int shim_writes;

static int shim_is_journal(int fd)
{
	char name[64], path[4096];
	const char *end = "/journal.jsonl", *in = getenv("JOURNAL_KILL_IN");
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path) - 1);
	if (len < (ssize_t)strlen(end))
		return 0;
	path[len] = '\0';
	if (strcmp(path + len - strlen(end), end) != 0)
		return 0;
	return in == NULL || strstr(path, in) != NULL;
}

/* Anew at each write: a child of a maintenance ends by _exit. */
static void shim_count(void)
{
	const char *file = getenv("JOURNAL_COUNT");
	FILE *f = file != NULL ? fopen(file, "we") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%d\n", shim_writes);
	fclose(f);
}

static int shim_is_due(const char *when)
{
	const char *kill_at = getenv("JOURNAL_KILL");
	size_t len = strlen(when);

	return kill_at != NULL && strncmp(kill_at, when, len) == 0 &&
	       atoi(kill_at + len) == shim_writes;
}

static void shim_strike(const char *when)
{
	if (!shim_is_due(when))
		return;
	(void)kill(getenv("JOURNAL_KILL_WHO") != NULL ? 0 : getpid(), SIGKILL);
	for (;;)
		pause();
}

/* The journal of a maintenance is written so. */
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t n;

	if (!shim_is_journal(fd))
		return syscall(SYS_pwrite64, fd, bytes, len, at);
	shim_writes++;
	shim_count();
	shim_strike("before ");
	n = syscall(SYS_pwrite64, fd, bytes, len, at);
	shim_strike("after ");
	return n;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	const char *seconds = getenv("JOURNAL_CLOCK");
	int rc = (int)syscall(SYS_clock_gettime, id, ret);

	if (rc == 0 && id == CLOCK_REALTIME && seconds != NULL)
		ret->tv_sec += atol(seconds);
	return rc;
}

/* A line, or the last part of one. */
static ssize_t shim_line(int fd, const char *line, size_t len)
{
	ssize_t n;

	shim_writes++;
	shim_count();
	shim_strike("before ");
	if (shim_is_due("torn ")) {
		(void)!syscall(SYS_write, fd, line, len / 2);
		shim_strike("torn ");
	}
	n = syscall(SYS_write, fd, line, len);
	shim_strike("after ");
	return n;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	const char *at = bytes, *newline;
	size_t done = 0, left;
	ssize_t n;

	if (!shim_is_journal(fd))
		return syscall(SYS_write, fd, bytes, len);
	while (done < len) {
		newline = memchr(at + done, '\n', len - done);
		left = newline != NULL ? (size_t)(newline - at) + 1 - done
				       : len - done;
		n = shim_line(fd, at + done, left);
		if (n < 0)
			return done > 0 ? (ssize_t)done : n;
		done += (size_t)n;
		if ((size_t)n < left)
			break;
	}
	return (ssize_t)done;
}
