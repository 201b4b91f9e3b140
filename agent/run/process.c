/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes of runs. record.c notes when its process was started, cancel.c looks
 * whether it still is that one, and the verbs detach a run that its caller does
 * not wait for.
 *
 * Always true: what is detached is no child of its caller, has no terminal, and
 * holds none of the caller's descriptors, so that nobody waits for it by mistake.
 */
#include "agent/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESS_START_FIELD 22	/* of /proc/PID/stat, proc(5) */

int64_t process_start(pid_t pid)
{
	char path[64], text[2048];
	const char *rest;
	ssize_t n;
	int fd, field;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	/* The name of the program is in parentheses, and may hold any. */
	rest = strrchr(text, ')');
	for (field = 2; rest != NULL && field < PROCESS_START_FIELD; field++)
		rest = strchr(rest + 1, ' ');
	return rest != NULL ? strtoll(rest, NULL, 10) : -1;
}

/* ---- a process of its own ---------------------------------------------------- */

static void process_to_null(int fd, int flags)
{
	int null = open("/dev/null", flags | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, fd);
		if (null != fd)
			close(null);
	}
}

static bool process_keeps(const int *keep, int count, int fd)
{
	int i;

	for (i = 0; i < count; i++) {
		if (keep[i] == fd)
			return true;
	}
	return false;
}

/* All above standard error but those: up to the highest of them one by one. */
static void process_close(const int *keep, int count, int own)
{
	int i, highest = own;

	for (i = 0; i < count; i++)
		highest = keep[i] > highest ? keep[i] : highest;
	for (i = STDERR_FILENO + 1; i < highest; i++) {
		if (i != own && !process_keeps(keep, count, i))
			close(i);
	}
	close_range((unsigned)highest + 1, ~0u, 0);
}

int process_detach(const int *keep, int count, int *ret_fd,
		   struct rh_error *err)
{
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "fork");
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (pid > 0) {
		close(pair[1]);
		/* The one in the middle ends at once. */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		*ret_fd = pair[0];
		return 1;
	}
	setsid();
	if (fork() != 0)
		_exit(0);	/* a failed one is seen as the end of the pipe */
	process_to_null(STDIN_FILENO, O_RDONLY);
	process_close(keep, count, pair[1]);
	*ret_fd = pair[1];
	return 0;
}

void process_silence(void)
{
	process_to_null(STDOUT_FILENO, O_WRONLY);
	process_to_null(STDERR_FILENO, O_WRONLY);
}
