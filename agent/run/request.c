/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests with an id. The verbs that begin runs come in: request_declare, then
 * for each host request_claim, and request_name from within the run, once it has a
 * record and before it does anything.
 *
 * Always true: of all who claim, one gets it, by flock, which a killed process
 * leaves by itself; a name counts only with its newline, and is on the disk before
 * the run may act. So a name means "was begun, perhaps killed" and none means
 * "nothing was done".
 */
#include "agent/run/request.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/run/record.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"

/* A claim is named within that, or given up: lock, guard, record. */
#define REQUEST_CLAIM_MS 20000

bool request_is_id(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._:-";
	size_t len = strlen(text);

	return len > 0 && len <= REQUEST_ID_MAX &&
	       strspn(text, letters) == len;
}

static int request_open_dir(const char *records, struct rh_error *err)
{
	char *path = memory_format("%s/requests", records);
	int fd = -1;

	if (record_make_dir(path, err) == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	}
	free(path);
	return fd;
}

/* ---- what an id is for ----------------------------------------------------------- */

static json_t *request_read(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	json_t *object = fd >= 0 ? json_loadfd(fd, 0, NULL) : NULL;

	if (fd >= 0)
		close(fd);
	return object;
}

/* A file that is whole when it appears; EEXIST where it is there. */
static int request_write(int dir_fd, const char *name, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	size_t len = strlen(text);
	char fresh[64];
	int fd, rc = -1, saved;

	snprintf(fresh, sizeof(fresh), ".new.%ld", (long)getpid());
	unlinkat(dir_fd, fresh, 0);
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
					   O_CLOEXEC, 0600);
	if (fd >= 0) {
		errno = ENOSPC;
		if (write(fd, text, len) == (ssize_t)len && fsync(fd) == 0)
			rc = linkat(dir_fd, fresh, dir_fd, name, 0);
		saved = errno;
		close(fd);
		unlinkat(dir_fd, fresh, 0);
		errno = saved;
	}
	free(text);
	return rc == 0 ? fsync(dir_fd) : rc;
}

static int request_compare(int dir_fd, const char *name, const char *id,
			   const json_t *what, struct rh_error *err)
{
	json_t *before = request_read(dir_fd, name);
	char *text;

	if (before != NULL && json_equal(before, what)) {
		json_decref(before);
		return 0;
	}
	text = before != NULL ? json_dumps(before, JSON_COMPACT |
						   JSON_SORT_KEYS) : NULL;
	rh_error_set(err, RH_ERR_USAGE, "the request id \"%s\" was used for "
		     "something else: %.300s; take another id; nothing was done",
		     id, text != NULL ? text : "(its file is damaged)");
	free(text);
	json_decref(before);
	return -1;
}

int request_declare(const char *records, const char *id, const json_t *what,
		    struct rh_error *err)
{
	int dir_fd = request_open_dir(records, err), rc;
	char name[REQUEST_ID_MAX + 2];

	if (dir_fd < 0)
		return -1;
	snprintf(name, sizeof(name), "%s@", id);
	rc = request_write(dir_fd, name, what);
	if (rc < 0 && errno == EEXIST)
		rc = request_compare(dir_fd, name, id, what, err);
	else if (rc < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s/requests/%s",
				   records, name);
	close(dir_fd);
	return rc;
}

/* ---- whose it is ------------------------------------------------------------------- */

/* The run that the file names; "" none. */
static void request_run(int fd, char *ret, size_t len)
{
	ssize_t n = pread(fd, ret, len - 1, 0);
	char *newline = n > 0 ? memchr(ret, '\n', (size_t)n) : NULL;

	if (newline == NULL || memchr(ret, '/', (size_t)n) != NULL)
		newline = ret;
	*newline = '\0';
}

static int request_take(struct request *q, const char *id, const char *host,
			char *ret_run, size_t len, struct rh_error *err)
{
	int64_t until = deadline_in(REQUEST_CLAIM_MS);

	for (;;) {
		bool ours = flock(q->fd, LOCK_EX | LOCK_NB) == 0;

		request_run(q->fd, ret_run, len);
		if (ours || ret_run[0] != '\0')
			return 0;
		if (deadline_now() >= until)
			return rh_error_set(err, RH_ERR_BUSY, "somebody else has "
					    "begun with the request \"%s\" for "
					    "%s, and has no run yet; nothing was "
					    "done", id, host);
		poll(NULL, 0, 20);
	}
}

int request_claim(struct request *q, const char *records, const char *id,
		  const char *host, char *ret_run, size_t len,
		  struct rh_error *err)
{
	char *name = memory_format("%s@%s", id, host);
	int rc = -1;

	*q = (struct request){ .fd = -1 };
	ret_run[0] = '\0';
	q->path = memory_format("%s/requests/%s", records, name);
	q->dir_fd = request_open_dir(records, err);
	if (q->dir_fd >= 0) {
		q->fd = openat(q->dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW |
							O_CLOEXEC, 0600);
		if (q->fd < 0)
			rh_error_set_errno(err, RH_ERR_IO, errno, "%s", q->path);
		else
			rc = request_take(q, id, host, ret_run, len, err);
	}
	free(name);
	if (rc < 0 || ret_run[0] != '\0')
		request_release(q);
	return rc;
}

int request_name(struct request *q, const char *run, struct rh_error *err)
{
	char *line = memory_format("%s\n", run);
	size_t len = strlen(line);
	int rc = 0;

	errno = ENOSPC;
	if (pwrite(q->fd, line, len, 0) != (ssize_t)len || fsync(q->fd) < 0 ||
	    fsync(q->dir_fd) < 0) {
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", q->path);
		if (ftruncate(q->fd, 0) < 0)
			rh_error_prefix(err, "the request can't be kept");
	}
	free(line);
	return rc;
}

void request_forget(struct request *q)
{
	/* Where that fails the answer stays the refusal: nothing is done twice. */
	if (q->fd >= 0 && ftruncate(q->fd, 0) == 0)
		fsync(q->fd);
}

void request_release(struct request *q)
{
	if (q == NULL)
		return;
	if (q->fd >= 0)
		close(q->fd);
	if (q->dir_fd >= 0 && q->path != NULL)
		close(q->dir_fd);
	free(q->path);
	*q = (struct request){ .fd = -1, .dir_fd = -1 };
}
