/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kills the process it is linked into at one of its writes to a journal.jsonl:
 *
 *   JOURNAL_KILL="before 7"	when the 7th write is about to be made
 *   JOURNAL_KILL="after 7"	when it has just been made
 *   JOURNAL_KILL_IN=TEXT	only journals with that in their path count
 *   JOURNAL_KILL_WHO=machine	its whole process group, in place of it alone
 *   JOURNAL_COUNT=FILE		the count of its writes
 *   JOURNAL_CLOCK=SECONDS	its wall clock is wrong by that
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

static void shim_strike(const char *when)
{
	const char *kill_at = getenv("JOURNAL_KILL");
	size_t len = strlen(when);

	if (kill_at == NULL || strncmp(kill_at, when, len) != 0 ||
	    atoi(kill_at + len) != shim_writes)
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

ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t n;

	if (!shim_is_journal(fd))
		return syscall(SYS_write, fd, bytes, len);
	shim_writes++;
	shim_count();
	shim_strike("before ");
	n = syscall(SYS_write, fd, bytes, len);
	shim_strike("after ");
	return n;
}
