/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of a host. In by lock_take, out by lock_release; a killed run
 * leaves by neither, and the kernel drops its flock.
 */
#include "agent/run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/run/record.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

/* A BMC keeps a dead session for up to a minute (L10). */
#define LOCK_CONSOLE_MS 75000
#define LOCK_TRIES 5

static json_t *lock_read(int fd)
{
	char text[2048];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	/* The end of an older, longer text may still stand behind it. */
	return json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
}

static const char *lock_member(const json_t *holder, const char *key)
{
	const char *text = json_string_value(json_object_get(holder, key));

	return text != NULL ? text : "?";
}

static void lock_describe(const json_t *holder, char *buf, size_t buf_len)
{
	char user[64], verb[64], since[64], run[256];

	if (holder == NULL) {
		snprintf(buf, buf_len, "held by a run that has just begun");
		return;
	}
	snprintf(buf, buf_len, "held by %s (rhands %s, pid %lld) since %s, run %s",
		 vis_text(lock_member(holder, "user"), user, sizeof(user)),
		 vis_text(lock_member(holder, "verb"), verb, sizeof(verb)),
		 (long long)json_integer_value(json_object_get(holder, "pid")),
		 vis_text(lock_member(holder, "since"), since, sizeof(since)),
		 vis_text(lock_member(holder, "run"), run, sizeof(run)));
}

/* Over what is there: a kill in the middle must not leave an empty text. */
static int lock_write(int fd, const char *verb, const char *run)
{
	const struct passwd *pw = getpwuid(getuid());
	char since[40];
	json_t *holder;
	char *text;
	ssize_t n, len;

	record_time_text(deadline_wall_ms(), since, sizeof(since));
	holder = json_pack("{ss ss si ss ss}", "user",
			   pw != NULL ? pw->pw_name : "?", "verb", verb, "pid",
			   (int)getpid(), "since", since, "run",
			   run != NULL ? run : "-");
	text = json_dumps(holder, JSON_COMPACT);
	len = (ssize_t)strlen(text);
	n = pwrite(fd, text, (size_t)len, 0);
	if (n >= 0 && n < len)
		errno = ENOSPC;
	json_decref(holder);
	free(text);
	return n < len || ftruncate(fd, len) < 0 || fsync(fd) < 0 ? -1 : 0;
}

/* The name of this boot of ours; "?" where the kernel does not tell. */
static const char *lock_boot(char *buf, size_t buf_len)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, buf_len - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return "?";
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

/*
 * Whether a console session was open a moment ago. By the monotonic clock of this
 * boot: after a jump of the wall clock, somebody else's session would be ours.
 */
static bool lock_had_console(const struct lock *l)
{
	char text[160], boot[64];
	int fd = open(l->console, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t boot_len;
	int64_t age;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	lock_boot(boot, sizeof(boot));
	boot_len = strlen(boot);
	if (strncmp(text, boot, boot_len) != 0 || text[boot_len] != ' ')
		return false;
	age = deadline_now() - strtoll(text + boot_len, NULL, 10);
	return age >= 0 && age < LOCK_CONSOLE_MS;
}

static void lock_look_back(struct lock *l, const json_t *left)
{
	const char *run = json_string_value(json_object_get(left, "run"));

	if (run != NULL && strcmp(run, "-") != 0)
		snprintf(l->left_run, sizeof(l->left_run), "%s", run);
	l->left_console = lock_had_console(l);
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
	if (l->fd >= 0)
		return 0;
	rh_error_set_errno(err, RH_ERR_IO, errno, "%s", l->path);
	return rh_error_prefix(err, "the host can't be locked");
}

/* Who only looks (lock_look) holds it for a moment, and is no holder. */
static bool lock_try(int fd)
{
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		poll(NULL, 0, 5);
	}
	return false;
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
	if (!lock_try(l->fd)) {
		left = lock_read(l->fd);
		lock_describe(left, who, sizeof(who));
		json_decref(left);
		close(l->fd);
		l->fd = -1;
		return rh_error_set(err, RH_ERR_BUSY, "%s is %s; wait for it, or "
				    "end it with SIGTERM; nothing was done", host,
				    who);
	}
	/* Not before: the text of a holder that is about to end is no trace. */
	left = lock_read(l->fd);
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
	rh_error_set_errno(err, RH_ERR_IO, errno, "%s", l->path);
	return rh_error_prefix(err, "the host can't be locked");
}

void lock_console(struct lock *l, bool open_now)
{
	char text[160], boot[64];
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
	/* Of fixed length, so that a full disk refuses the first one at most. */
	snprintf(text, sizeof(text), "%s %020" PRId64 "\n",
		 lock_boot(boot, sizeof(boot)), deadline_now());
	if (pwrite(fd, text, strlen(text), 0) < 0)
		unlink(l->console);
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

bool lock_look(const char *records, const char *host, struct lock_holder *ret)
{
	char *path = memory_format("%s/locks/%s.lock", records, host);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool held;
	json_t *holder;

	memset(ret, 0, sizeof(*ret));
	ret->hidden = fd < 0 && errno == EACCES;
	free(path);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0;
	holder = held ? lock_read(fd) : NULL;
	close(fd);
	if (holder != NULL) {
		ret->pid = json_integer_value(json_object_get(holder, "pid"));
		snprintf(ret->user, sizeof(ret->user), "%s",
			 lock_member(holder, "user"));
		snprintf(ret->run, sizeof(ret->run), "%s",
			 lock_member(holder, "run"));
	}
	json_decref(holder);
	return held;
}
