/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record from its folder, for learn and rehearse. Always true: no link is
 * followed, and what is no file, or too large for a record, is refused.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/history.h"
#include "agent/verbs/learn.h"
#include "base/memory.h"

#define LEARN_FILE_MAX (64 * 1024 * 1024)

static int learn_read_fd(int fd, const char *file, struct buffer *ret,
			 struct rh_error *err)
{
	char bytes[16384];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", file);
	if (!S_ISREG(st.st_mode))
		return rh_error_set(err, RH_ERR_CONFIG, "%s is no file", file);
	while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rh_error_set_errno(err, RH_ERR_IO, errno, "%s",
						  file);
		buffer_append(ret, bytes, (size_t)n);
		if (ret->len > LEARN_FILE_MAX)
			return rh_error_set(err, RH_ERR_CONFIG, "%s: it has more "
					    "than %d MB", file,
					    LEARN_FILE_MAX >> 20);
	}
	return 0;
}

static int learn_read_file(int dir, const char *name, struct buffer *ret,
			   struct rh_error *err)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int rc;

	buffer_clear(ret);
	rc = learn_read_fd(fd, name, ret, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* What commands said; an output that is gone is an empty one. */
static void learn_read_outputs(int dir, struct learn_record *r)
{
	int at = openat(dir, "evidence", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
						 O_CLOEXEC);
	DIR *list = at >= 0 ? fdopendir(at) : NULL;
	const struct dirent *entry;
	struct buffer text = { 0 };

	while (list != NULL && (entry = readdir(list)) != NULL) {
		if (strncmp(entry->d_name, "shell-", 6) == 0 &&
		    learn_read_file(at, entry->d_name, &text, NULL) == 0)
			learn_read_output(r, entry->d_name, buffer_text(&text),
					  text.len);
	}
	if (list != NULL)
		closedir(list);
	else if (at >= 0)
		close(at);
	buffer_release(&text);
}

static int learn_read_all(int dir, struct learn_record *r, struct rh_error *err)
{
	struct buffer text = { 0 };
	int rc = learn_read_file(dir, "run.json", &text, err);

	if (rc == 0)
		rc = learn_read_run(r, buffer_text(&text), text.len, err);
	if (rc == 0)
		rc = learn_read_file(dir, "journal.jsonl", &text, err);
	if (rc == 0)
		rc = learn_read_journal(r, buffer_text(&text), text.len, err);
	if (rc == 0)
		rc = learn_read_file(dir, "console.cast", &text, err);
	if (rc == 0)
		rc = learn_read_cast(r, buffer_text(&text), text.len, err);
	buffer_release(&text);
	return rc;
}

int verb_learn_record(struct verb_call *call, const char *word,
		      struct learn_record *ret, struct rh_error *err)
{
	char *path = NULL;
	int dir, rc;

	*ret = (struct learn_record){ .run = NULL };
	if (history_find(call->records, word, &path, err) < 0)
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	} else {
		rc = learn_read_all(dir, ret, err);
		if (rc < 0)
			rh_error_prefix(err, "%s", path);
		else
			learn_read_outputs(dir, ret);
		close(dir);
	}
	free(path);
	return rc;
}
