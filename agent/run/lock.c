/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of a host. In by lock_take, out by lock_release; a killed run
 * leaves by neither, and the kernel drops its flock.
 */
#include "agent/run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/run/record.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

/* A BMC keeps a dead session for up to a minute (L10). */
#define LOCK_CONSOLE_S 75

static json_t *lock_read(int fd)
{
	char text[2048];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return json_loads(text, 0, NULL);
}

static const char *lock_member(const json_t *holder, const char *key)
{
	const char *text = json_string_value(json_object_get(holder, key));

	return text != NULL ? text : "?";
}

static void lock_describe(const json_t *holder, char *buf, size_t buf_len)
{
	char user[64], verb[64], since[64], run[256];

	snprintf(buf, buf_len, "held by %s (rhands %s, pid %lld) since %s, run %s",
		 vis_text(lock_member(holder, "user"), user, sizeof(user)),
		 vis_text(lock_member(holder, "verb"), verb, sizeof(verb)),
		 (long long)json_integer_value(json_object_get(holder, "pid")),
		 vis_text(lock_member(holder, "since"), since, sizeof(since)),
		 vis_text(lock_member(holder, "run"), run, sizeof(run)));
}

static int lock_write(int fd, const char *verb, const char *run)
{
	const struct passwd *pw = getpwuid(getuid());
	char since[40];
	json_t *holder;
	char *text;
	ssize_t n;

	record_time_text(deadline_wall_ms(), since, sizeof(since));
	holder = json_pack("{ss ss si ss ss}", "user",
			   pw != NULL ? pw->pw_name : "?", "verb", verb, "pid",
			   (int)getpid(), "since", since, "run",
			   run != NULL ? run : "-");
	text = json_dumps(holder, JSON_COMPACT);
	n = ftruncate(fd, 0) < 0 ? -1 : pwrite(fd, text, strlen(text), 0);
	json_decref(holder);
	free(text);
	return n < 0 || fsync(fd) < 0 ? -1 : 0;
}

static void lock_look_back(struct lock *l, const json_t *left)
{
	struct stat st;
	const char *run;

	run = json_string_value(json_object_get(left, "run"));
	if (run != NULL && strcmp(run, "-") != 0)
		snprintf(l->left_run, sizeof(l->left_run), "%s", run);
	if (stat(l->console, &st) == 0)
		l->left_console = time(NULL) - st.st_mtime < LOCK_CONSOLE_S;
}

static int lock_open(struct lock *l, const char *records, const char *host,
		     struct rh_error *err)
{
	char *dir = memory_format("%s/locks", records);
	int rc = record_make_dir(dir, err);

	l->path = memory_format("%s/%s.lock", dir, host);
	l->console = memory_format("%s/%s.console", dir, host);
	free(dir);
	if (rc < 0)
		return -1;
	l->fd = open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", l->path);
	return 0;
}

int lock_take(struct lock *l, const char *records, const char *host,
	      const char *verb, struct rh_error *err)
{
	char who[500];
	json_t *left;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (lock_open(l, records, host, err) < 0)
		return -1;
	left = lock_read(l->fd);
	if (flock(l->fd, LOCK_EX | LOCK_NB) < 0) {
		lock_describe(left, who, sizeof(who));
		json_decref(left);
		close(l->fd);
		l->fd = -1;
		return rh_error_set(err, RH_ERR_BUSY, "%s is %s", host, who);
	}
	lock_look_back(l, left);
	json_decref(left);
	if (l->left_run[0] != '\0')
		return 0;	/* kept until the new run is named */
	return lock_set_run(l, verb, NULL, err);
}

int lock_set_run(struct lock *l, const char *verb, const char *run,
		 struct rh_error *err)
{
	l->named = true;
	if (lock_write(l->fd, verb, run) == 0)
		return 0;
	return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", l->path);
}

void lock_console(struct lock *l, bool open_now)
{
	int fd;

	if (l->fd < 0)
		return;
	if (!open_now) {
		unlink(l->console);
		return;
	}
	fd = open(l->console, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	futimens(fd, NULL);
	close(fd);
}

void lock_release(struct lock *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0) {
		/* An empty text: the end was clean. What a killed run left stays
		 * until a run has told it. */
		if (l->named && ftruncate(l->fd, 0) < 0)
			errno = 0;
		close(l->fd);
	}
	l->fd = -1;
	free(l->path);
	free(l->console);
	l->path = l->console = NULL;
}

void lock_holder(const char *records, const char *host, char *buf,
		 size_t buf_len)
{
	char *path = memory_format("%s/locks/%s.lock", records, host);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	json_t *holder;

	buf[0] = '\0';
	free(path);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		holder = lock_read(fd);
		lock_describe(holder, buf, buf_len);
		json_decref(holder);
	}
	close(fd);
}
