/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kills the process it is linked into at one of its writes to a journal.jsonl:
 *
 *   JOURNAL_KILL="before 7"	when the 7th write is about to be made
 *   JOURNAL_KILL="after 7"	when it has just been made
 *   JOURNAL_COUNT=FILE		the count of its writes, when it ends by itself
 *
 * rhands-killed is rhands with this in it: the product needs no hook, and what
 * is killed is what runs at night. Hands write no journal and live on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int shim_writes;

static int shim_is_journal(int fd)
{
	char name[64], path[4096];
	const char *end = "/journal.jsonl";
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path) - 1);
	if (len < (ssize_t)strlen(end))
		return 0;
	path[len] = '\0';
	return strcmp(path + len - strlen(end), end) == 0;
}

static void shim_strike(const char *when)
{
	const char *kill_at = getenv("JOURNAL_KILL");
	size_t len = strlen(when);

	if (kill_at == NULL || strncmp(kill_at, when, len) != 0 ||
	    atoi(kill_at + len) != shim_writes)
		return;
	(void)kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	ssize_t n;

	if (!shim_is_journal(fd))
		return syscall(SYS_write, fd, bytes, len);
	shim_writes++;
	shim_strike("before ");
	n = syscall(SYS_write, fd, bytes, len);
	shim_strike("after ");
	return n;
}

__attribute__((destructor)) static void shim_count(void)
{
	const char *file = getenv("JOURNAL_COUNT");
	FILE *f = file != NULL && shim_writes > 0 ? fopen(file, "we") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%d\n", shim_writes);
	fclose(f);
}
