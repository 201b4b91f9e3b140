/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The folder of a maintenance: which there are, whose it is now. The runner comes
 * in by journal_open. Its lines are those of journal-events.c.
 *
 * Always true: of all runners one has it, by flock, which a killed process leaves
 * by itself; the runs that it began keep the other lock until they end.
 */
#include "agent/plan/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

#define JOURNAL_POLL_MS 50

/* ---- folders ---------------------------------------------------------------------- */

static int journal_is_one(const struct dirent *entry)
{
	return strlen(entry->d_name) > 17 && entry->d_name[8] == 'T' &&
	       entry->d_name[15] == 'Z' && entry->d_name[16] == '-';
}

/* Oldest first; *ret_names: free each, and itself. */
static int journal_list(const char *records, struct dirent ***ret_names)
{
	char *dir = memory_format("%s/maintenances", records);
	int count = scandir(dir, ret_names, journal_is_one, alphasort);

	if (count < 0)
		*ret_names = NULL;
	free(dir);
	return count > 0 ? count : 0;
}

static void journal_list_free(struct dirent **names, int count)
{
	while (count-- > 0)
		free(names[count]);
	free(names);
}

/* The first and the last whole line; NULL where it has none. */
static json_t *journal_line(const char *records, const char *id, bool last)
{
	char *file = memory_format("%s/maintenances/%s/journal.jsonl", records,
				   id);
	FILE *f = fopen(file, "re");
	json_t *found = NULL, *one;
	char *line = NULL;
	size_t size = 0;

	free(file);
	while (f != NULL && (last || found == NULL) &&
	       getline(&line, &size, f) >= 0) {
		one = json_loads(line, 0, NULL);
		if (one == NULL)
			continue;
		json_decref(found);
		found = one;
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return found;
}

static bool journal_has_ended(const char *records, const char *id)
{
	json_t *last = journal_line(records, id, true);
	const char *what = json_string_value(json_object_get(last, "event"));
	bool ended = what != NULL && strcmp(what, "end") == 0;

	json_decref(last);
	return ended;
}

const char *journal_plan_of(const char *id)
{
	return id + 17;
}

char *journal_newest(const char *records, const char *plan)
{
	struct dirent **names = NULL;
	int count = journal_list(records, &names), i;
	char *found = NULL;

	for (i = count - 1; i >= 0 && found == NULL; i--) {
		if (strcmp(journal_plan_of(names[i]->d_name), plan) == 0)
			found = memory_copy(names[i]->d_name);
	}
	journal_list_free(names, count);
	return found;
}

char *journal_unfinished(const char *records, const char *plan)
{
	char *newest = journal_newest(records, plan);

	if (newest != NULL && journal_has_ended(records, newest)) {
		free(newest);
		newest = NULL;
	}
	return newest;
}

char *journal_find(const char *records, const char *word)
{
	struct dirent **names = NULL;
	int count = journal_list(records, &names), i;
	char *found = NULL;

	for (i = 0; i < count && found == NULL; i++) {
		if (strcmp(names[i]->d_name, word) == 0)
			found = memory_copy(word);
	}
	journal_list_free(names, count);
	return found != NULL ? found : journal_newest(records, word);
}

json_t *journal_hosts(const char *records, const char *id)
{
	json_t *first = journal_line(records, id, false);
	json_t *hosts = json_incref(json_object_get(first, "hosts"));

	json_decref(first);
	return hosts;
}

/* ---- locks ------------------------------------------------------------------------ */

static int journal_open_in(const char *dir, const char *name, int flags,
			   struct rh_error *err)
{
	char *file = memory_format("%s/%s", dir, name);
	int fd = open(file, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", file);
	free(file);
	return fd;
}

/* Whether somebody has its "lock", or its "runner". */
static bool journal_is_held(const char *records, const char *id,
			    const char *which)
{
	char *file = memory_format("%s/maintenances/%s/%s", records, id, which);
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	free(file);
	return held;
}

bool journal_is_carried_out(const char *records, const char *id)
{
	return journal_is_held(records, id, "runner");
}

static void journal_who(const char *records, const char *id, char *buf,
			size_t buf_len)
{
	char *file = memory_format("%s/maintenances/%s/runner", records, id);
	int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[200];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	vis_text(n > 0 ? text : "somebody", buf, buf_len);
	if (fd >= 0)
		close(fd);
	free(file);
}

static const char *journal_shared_host(const struct plan *plan,
				       const json_t *hosts)
{
	size_t i, k;
	const char *name;

	for (i = 0; i < plan->host_count; i++) {
		for (k = 0; k < json_array_size(hosts); k++) {
			name = json_string_value(json_array_get(hosts, k));
			if (name != NULL &&
			    strcmp(name, plan->waves.hosts[i]->name) == 0)
				return name;
		}
	}
	return NULL;
}

static int journal_refuse(const char *records, const char *id,
			  const struct plan *plan, struct rh_error *err)
{
	json_t *first = journal_line(records, id, false);
	const char *host = journal_shared_host(plan,
					       json_object_get(first, "hosts"));
	char who[300];

	if (host != NULL) {
		journal_who(records, id, who, sizeof(who));
		rh_error_set(err, RH_ERR_BUSY, "the maintenance %s has %s, too, "
			     "and is under way (%s); wait for its end", id, host,
			     who);
	}
	json_decref(first);
	return host != NULL ? -1 : 0;
}

/* No other one that is under way has a host of ours. */
static int journal_alone(const char *records, const char *id,
			 const struct plan *plan, struct rh_error *err)
{
	struct dirent **names = NULL;
	int count = journal_list(records, &names), i, rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		if ((id == NULL || strcmp(id, names[i]->d_name) != 0) &&
		    journal_is_held(records, names[i]->d_name, "lock"))
			rc = journal_refuse(records, names[i]->d_name, plan,
					    err);
	}
	journal_list_free(names, count);
	return rc;
}

static int journal_say_who(struct journal *j, struct rh_error *err)
{
	const struct passwd *pw = getpwuid(getuid());
	char since[40], *text;
	int rc = 0;

	record_time_text(deadline_wall_ms(), since, sizeof(since));
	text = memory_format("%s, pid %d, since %s",
			     pw != NULL ? pw->pw_name : "?", (int)getpid(),
			     since);
	if (ftruncate(j->runner_fd, 0) < 0 ||
	    pwrite(j->runner_fd, text, strlen(text), 0) !=
		    (ssize_t)strlen(text))
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", j->path);
	free(text);
	return rc;
}

/* Who only looks whether it is held, has it for a moment. */
static int journal_lock_runner(struct journal *j, const char *records,
			       struct rh_error *err)
{
	const struct timespec pause = { 0, JOURNAL_POLL_MS * 1000000L };
	char who[300];
	int i;

	for (i = 0; i < 5; i++) {
		if (flock(j->runner_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	journal_who(records, j->id, who, sizeof(who));
	return rh_error_set(err, RH_ERR_BUSY, "the maintenance %s is carried out "
			    "by somebody: %s", j->id, who);
}

static int journal_lock(struct journal *j, const char *records, int64_t wait_ms,
			void (*waits)(void *context), void *context,
			struct rh_error *err)
{
	const struct timespec pause = { 0, JOURNAL_POLL_MS * 1000000L };
	int64_t until = deadline_in(wait_ms);
	bool said = false;

	if (journal_lock_runner(j, records, err) < 0)
		return -1;
	while (flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (!said && waits != NULL)
			waits(context);
		said = true;
		if (deadline_now() >= until)
			return rh_error_set(err, RH_ERR_BUSY, "runs that the "
					    "killed runner of %s began are still "
					    "under way", j->id);
		nanosleep(&pause, NULL);
	}
	return journal_say_who(j, err);
}

/* ---- opening ------------------------------------------------------------------------ */

/* Where the last whole line ends; the rest is cut off. */
static int journal_seek(struct journal *j, struct rh_error *err)
{
	char bytes[4096];
	off_t at = 0, end = 0;
	ssize_t n, i;

	while ((n = pread(j->fd, bytes, sizeof(bytes), at)) > 0) {
		for (i = 0; i < n; i++) {
			if (bytes[i] == '\n')
				end = at + i + 1;
		}
		at += n;
	}
	j->len = end;
	if (n < 0 || ftruncate(j->fd, end) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", j->path);
	return 0;
}

static char *journal_new_id(const char *records, const struct plan *plan)
{
	time_t now = (time_t)(deadline_wall_ms() / 1000);
	char stamp[32], *id, *path;
	struct tm tm;
	bool taken;

	/* A second maintenance of a plan in one second is a later one. */
	for (;; now++) {
		gmtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
		id = memory_format("%s-%s", stamp, plan->name);
		path = memory_format("%s/maintenances/%s", records, id);
		taken = access(path, F_OK) == 0;
		free(path);
		if (!taken)
			return id;
		free(id);
	}
}

static int journal_open_files(struct journal *j, struct rh_error *err)
{
	if (record_make_dir(j->path, err) < 0)
		return -1;
	j->lock_fd = journal_open_in(j->path, "lock", O_RDWR, err);
	if (j->lock_fd < 0)
		return -1;
	j->runner_fd = journal_open_in(j->path, "runner", O_RDWR, err);
	if (j->runner_fd < 0)
		return -1;
	j->fd = journal_open_in(j->path, "journal.jsonl", O_RDWR, err);
	return j->fd < 0 ? -1 : 0;
}

int journal_open(struct journal *j, const char *records, const char *id,
		 const struct plan *plan, int64_t wait_ms,
		 void (*waits)(void *context), void *context,
		 struct rh_error *err)
{
	char *dir = memory_format("%s/maintenances", records);
	int all = -1, rc = record_make_dir(dir, err);

	*j = (struct journal){ .fd = -1, .lock_fd = -1, .runner_fd = -1 };
	/* One at a time: between the look and our own lock nobody comes. */
	if (rc == 0)
		all = journal_open_in(dir, "lock", O_RDWR, err);
	if (all < 0 || flock(all, LOCK_EX) < 0)
		rc = -1;
	if (rc == 0)
		rc = journal_alone(records, id, plan, err);
	if (rc == 0) {
		j->id = id != NULL ? memory_copy(id)
				   : journal_new_id(records, plan);
		j->path = memory_format("%s/%s", dir, j->id);
		rc = journal_open_files(j, err);
	}
	if (rc == 0)
		rc = journal_lock(j, records, wait_ms, waits, context, err);
	if (rc == 0)
		rc = journal_seek(j, err);
	if (all >= 0)
		close(all);
	free(dir);
	return rc;
}

void journal_release(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (j->runner_fd >= 0)
		close(j->runner_fd);
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	free(j->id);
	free(j->path);
	*j = (struct journal){ .fd = -1, .lock_fd = -1, .runner_fd = -1 };
}

void journal_keep_lock(struct journal *j)
{
	close(j->fd);
	close(j->runner_fd);
	j->fd = j->runner_fd = -1;
}
