/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing the record of a run. The live run comes in by record.h; the
 * readers (runs, show, replay) are in history.c.
 *
 * Always true: a file grows by whole lines (a short write is taken back with
 * ftruncate), so only a crash can leave half a line; run.json is replaced by
 * rename, so it is always one of its versions.
 */
#include "agent/run/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/config/policy.h"
#include "agent/console/cast.h"
#include "agent/console/screen.h"
#include "agent/run/owner.h"
#include "agent/run/process.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"
#include "config.h"

/* A file that grows by whole lines. */
struct record_file {
	int fd;
	off_t size;
	struct buffer waiting;	/* lines that could not be written */
};

struct record {
	char *id;
	char *path;
	char *records;
	int dir_fd;
	char privacy[300];	/* why the owner group can't read it; "" */
	struct record_file journal;
	struct record_file cast;
	struct cast_writer writer;
	uint64_t gap;		/* console bytes not written since the last one */
	uint64_t lost;		/* all of them */
	int gap_errno;		/* why, of the last one */
	json_t *run;		/* run.json */
	json_t *last;		/* what record_event returned */
};

json_t *record_string(const char *text)
{
	struct buffer b = { 0 };
	json_t *string;

	vis_append_utf8(&b, text, strlen(text));
	string = json_string(buffer_text(&b));
	buffer_release(&b);
	return string;
}

void record_time_text(int64_t wall_ms, char *buf, size_t buf_len)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t used;

	gmtime_r(&seconds, &tm);
	used = strftime(buf, buf_len, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + used, buf_len - used, ".%03dZ", (int)(wall_ms % 1000));
}

/* Who may write there could have us write elsewhere, or end our locks. */
static int record_check_dir(const char *path, struct rh_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return rh_error_set(err, RH_ERR_IO, "%s is no directory", path);
	if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
		return rh_error_set(err, RH_ERR_CONFIG, "%s belongs to somebody "
				    "else; records are kept in a directory of "
				    "one's own: see --records", path);
	if ((st.st_mode & S_IWOTH) != 0)
		return rh_error_set(err, RH_ERR_CONFIG, "others can write to %s; "
				    "run: chmod o-w %s", path, path);
	return 0;
}

int record_make_dir(const char *path, struct rh_error *err)
{
	char *copy = memory_copy(path);
	char *slash;
	int rc = 0;

	for (slash = strchr(copy + 1, '/'); rc == 0; ) {
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s",
						copy);
		if (slash == NULL)
			break;
		*slash = '/';
		slash = strchr(slash + 1, '/');
	}
	free(copy);
	return rc < 0 ? -1 : record_check_dir(path, err);
}

/* ---- files ------------------------------------------------------------- */

static int record_file_open(struct record *r, struct record_file *f,
			    const char *name, struct rh_error *err)
{
	f->fd = openat(r->dir_fd, name,
		       O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW |
			       O_CLOEXEC,
		       0600);
	if (f->fd < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s/%s",
					  r->path, name);
	owner_follow(r->dir_fd, f->fd);
	return 0;
}

static void record_file_close(struct record_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	buffer_release(&f->waiting);
}

/* All of it, or nothing: see errno. */
static bool record_file_put(struct record_file *f, const char *bytes,
			    size_t len)
{
	size_t done = 0;
	ssize_t n;
	int saved;

	while (done < len) {
		n = write(f->fd, bytes + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			saved = n == 0 ? ENOSPC : errno;
			if (done > 0 && ftruncate(f->fd, f->size) < 0)
				saved = errno;
			errno = saved;
			return false;
		}
		done += (size_t)n;
	}
	f->size += (off_t)len;
	return true;
}

static bool record_file_flush(struct record_file *f)
{
	if (f->waiting.len == 0)
		return true;
	if (!record_file_put(f, f->waiting.data, f->waiting.len))
		return false;
	buffer_clear(&f->waiting);
	return true;
}

static int record_write_run(struct record *r, struct rh_error *err)
{
	char *text = json_dumps(r->run, JSON_INDENT(2));
	struct record_file f = { .fd = -1 };
	int rc = -1;

	unlinkat(r->dir_fd, "run.json.new", 0);
	if (record_file_open(r, &f, "run.json.new", err) < 0)
		goto out;
	if (!record_file_put(&f, text, strlen(text)) ||
	    !record_file_put(&f, "\n", 1) || fsync(f.fd) < 0 ||
	    renameat(r->dir_fd, "run.json.new", r->dir_fd, "run.json") < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s/run.json",
				   r->path);
		unlinkat(r->dir_fd, "run.json.new", 0);
		goto out;
	}
	if (fsync(r->dir_fd) < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", r->path);
		goto out;
	}
	rc = 0;
out:
	record_file_close(&f);
	free(text);
	return rc;
}

/* ---- beginning and end ---------------------------------------------------- */

static void record_name(const struct record_info *info, int64_t wall_ms,
			char *buf, size_t buf_len)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	unsigned short tail = 0;
	struct tm tm;
	char stamp[32];

	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	if (getrandom(&tail, sizeof(tail), 0) < 0)
		tail = (unsigned short)getpid();
	snprintf(buf, buf_len, "%s-%.100s-%.100s-%04x", stamp, info->host,
		 info->sequence, tail);
}

static int record_make_folder(struct record *r, const struct record_info *info,
			      int64_t wall_ms, struct rh_error *err)
{
	char *runs = memory_format("%s/runs", info->records);
	char name[256];
	int tries, rc = -1;

	if (record_make_dir(runs, err) < 0)
		goto out;
	for (tries = 0; tries < 10; tries++) {
		record_name(info, wall_ms, name, sizeof(name));
		free(r->path);
		r->path = memory_format("%s/%s", runs, name);
		if (mkdir(r->path, 0700) == 0)
			break;
		if (errno != EEXIST || tries == 9) {
			rh_error_set_errno(err, RH_ERR_IO, errno, "%s", r->path);
			goto out;
		}
	}
	r->id = memory_copy(name);
	r->dir_fd = open(r->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->dir_fd < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", r->path);
	else
		rc = 0;
out:
	free(runs);
	return rc;
}

/* A run that can't be read by others is better than none: it stays private. */
static void record_give(struct record *r, const struct record_info *info)
{
	struct rh_error err = RH_ERROR_INIT;
	gid_t gid;

	if (info->owner_group == NULL ||
	    (owner_find(info->owner_group, &gid, &err) == 0 &&
	     owner_give_folder(info->records, r->id, r->dir_fd, gid, &err) == 0))
		return;
	snprintf(r->privacy, sizeof(r->privacy), "the group %.60s can't read "
		 "this record: %.200s", info->owner_group, err.text);
}

static const char *record_own_user(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "unknown";
}

static void record_add(json_t *head, const char *key, const char *text)
{
	if (text != NULL)
		json_object_set_new(head, key, record_string(text));
}

/* Who came by sudo; the user is then the one that rhands runs as. */
static void record_add_caller(json_t *head)
{
	uid_t caller = policy_caller();
	const struct passwd *pw = caller != getuid() ? getpwuid(caller) : NULL;

	if (pw != NULL)
		json_object_set_new(head, "caller", record_string(pw->pw_name));
}

static json_t *record_head(const struct record *r, const struct record_info *info,
			   int64_t wall_ms)
{
	char host[256] = "";
	char at[40];
	json_t *head = json_object();

	gethostname(host, sizeof(host) - 1);
	record_time_text(wall_ms, at, sizeof(at));
	json_object_set_new(head, "version", json_integer(RECORD_VERSION));
	json_object_set_new(head, "run", json_string(r->id));
	json_object_set_new(head, "host", record_string(info->host));
	json_object_set_new(head, "sequence", record_string(info->sequence));
	json_object_set_new(head, "summary", record_string(info->summary));
	json_object_set_new(head, "started", json_string(at));
	json_object_set_new(head, "deadline_ms",
			    json_integer(info->deadline_ms));
	json_object_set_new(head, "user", record_string(record_own_user()));
	record_add_caller(head);
	json_object_set_new(head, "agent", record_string(host));
	json_object_set_new(head, "pid", json_integer(getpid()));
	json_object_set_new(head, "pid_start",
			    json_integer(process_start(getpid())));
	json_object_set_new(head, "rhands", json_string(PACKAGE_VERSION));
	json_object_set_new(head, "force", json_string("none"));
	record_add(head, "why", info->why);
	record_add(head, "request_id", info->request_id);
	record_add(head, "override", info->override);
	if (r->privacy[0] == '\0')
		record_add(head, "owner_group", info->owner_group);
	json_object_set_new(head, "verdict", json_null());
	return head;
}

static int record_open_files(struct record *r, const struct record_info *info,
			     int64_t wall_ms, struct rh_error *err)
{
	struct buffer header = { 0 };
	bool ok;

	if (record_file_open(r, &r->journal, "journal.jsonl", err) < 0 ||
	    record_file_open(r, &r->cast, "console.cast", err) < 0)
		return -1;
	cast_write_header(&header, info->cols > 0 ? info->cols : SCREEN_COLS,
			  info->rows > 0 ? info->rows : SCREEN_ROWS, wall_ms,
			  info->host);
	ok = record_file_put(&r->cast, header.data, header.len);
	buffer_release(&header);
	if (!ok)
		return rh_error_set_errno(err, RH_ERR_IO, errno,
					  "%s/console.cast", r->path);
	r->run = record_head(r, info, wall_ms);
	return record_write_run(r, err);
}

struct record *record_new(const struct record_info *info, struct rh_error *err)
{
	struct record *r = memory_new(1, sizeof(*r));
	int64_t wall_ms = deadline_wall_ms();

	r->dir_fd = r->journal.fd = r->cast.fd = -1;
	r->records = memory_copy(info->records);
	if (record_make_folder(r, info, wall_ms, err) == 0) {
		record_give(r, info);
		if (record_open_files(r, info, wall_ms, err) == 0)
			return r;
	}
	rh_error_prefix(err, "the record can't be written");
	record_discard(r);
	return NULL;
}

void record_discard(struct record *r)
{
	static const char *const files[] = { "journal.jsonl", "console.cast",
					     "run.json.new", "run.json" };
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; r->dir_fd >= 0 && i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(r->dir_fd, files[i], 0);
	if (r->dir_fd >= 0) {
		owner_forget(r->records, r->id, r->dir_fd);
		rmdir(r->path);
	}
	record_free(r);
}

void record_free(struct record *r)
{
	if (r == NULL)
		return;
	record_file_close(&r->journal);
	record_file_close(&r->cast);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	json_decref(r->run);
	json_decref(r->last);
	free(r->id);
	free(r->path);
	free(r->records);
	free(r);
}

const char *record_id(const struct record *r)
{
	return r->id;
}

const char *record_path(const struct record *r)
{
	return r->path;
}

int record_dir(const struct record *r)
{
	return r->dir_fd;
}

const char *record_privacy(const struct record *r)
{
	return r->privacy;
}

const char *record_user(const struct record *r)
{
	const char *user = json_string_value(json_object_get(r->run, "user"));

	return user != NULL ? user : "unknown";
}

const char *record_caller(const struct record *r)
{
	return json_string_value(json_object_get(r->run, "caller"));
}

int record_set(struct record *r, const char *key, const char *value,
	       struct rh_error *err)
{
	json_object_set_new(r->run, key, record_string(value));
	return record_write_run(r, err);
}

int record_finish(struct record *r, int64_t at_ms, json_t *members,
		  struct rh_error *err)
{
	char at[40];
	int rc;

	/* What was held back of the last character. */
	record_output(r, at_ms, NULL, 0);
	record_time_text(deadline_wall_ms(), at, sizeof(at));
	json_object_set_new(r->run, "ended", json_string(at));
	json_object_set_new(r->run, "duration_ms", json_integer(at_ms));
	if (r->lost > 0)
		json_object_set_new(r->run, "console_bytes_not_recorded",
				    json_integer((json_int_t)r->lost));
	json_object_update(r->run, members);
	json_decref(members);
	rc = record_sync(r, err);
	if (record_write_run(r, rc < 0 ? NULL : err) < 0)
		rc = -1;
	return rc;
}

/* ---- the journal ------------------------------------------------------------ */

const json_t *record_event(struct record *r, int64_t at_ms, const char *event,
			   json_t *fields)
{
	json_t *line = json_object();
	char at[40];
	char *text;

	record_time_text(deadline_wall_ms(), at, sizeof(at));
	json_object_set_new(line, "version", json_integer(RECORD_VERSION));
	json_object_set_new(line, "at_ms", json_integer(at_ms));
	json_object_set_new(line, "time", json_string(at));
	json_object_set_new(line, "event", json_string(event));
	if (fields != NULL) {
		json_object_update(line, fields);
		json_decref(fields);
	}
	text = json_dumps(line, JSON_COMPACT);
	buffer_append_text(&r->journal.waiting, text);
	buffer_append_char(&r->journal.waiting, '\n');
	free(text);
	record_file_flush(&r->journal);
	json_decref(r->last);
	r->last = line;
	return line;
}

int record_sync(struct record *r, struct rh_error *err)
{
	if (record_file_flush(&r->journal) && fsync(r->journal.fd) == 0)
		return 0;
	return rh_error_set_errno(err, RH_ERR_IO, errno, "%s/journal.jsonl",
				  r->path);
}

/* ---- the console -------------------------------------------------------------- */

/* With the open gap in one go: a disk with room for it alone would get it often. */
static bool record_cast_put(struct record *r, int64_t at_ms,
			    const struct buffer *lines)
{
	struct buffer whole = { 0 };
	uint64_t gap = r->gap;
	char text[80];
	bool ok;

	if (gap > 0) {
		snprintf(text, sizeof(text), "gap: %" PRIu64 " bytes could not "
			 "be recorded", gap);
		cast_write_marker(&whole, at_ms, text);
	}
	buffer_append(&whole, buffer_text(lines), lines->len);
	ok = record_file_put(&r->cast, buffer_text(&whole), whole.len);
	buffer_release(&whole);
	if (!ok || gap == 0)
		return ok;
	r->gap = 0;
	return true;
}

static void record_cast_lost(struct record *r, size_t len)
{
	r->gap_errno = errno;
	r->lost += len;
	r->gap += len;
}

uint64_t record_gap(const struct record *r, uint64_t *ret_lost, int *ret_errno)
{
	*ret_lost = r->lost;
	*ret_errno = r->gap_errno;
	return r->gap;
}

void record_output(struct record *r, int64_t at_ms, const void *bytes,
		   size_t len)
{
	struct buffer line = { 0 };

	cast_write_output(&r->writer, &line, at_ms, bytes, len);
	if (line.len > 0 && !record_cast_put(r, at_ms, &line))
		record_cast_lost(r, len);
	buffer_release(&line);
}

void record_input(struct record *r, int64_t at_ms, const char *name)
{
	struct buffer line = { 0 };

	cast_write_input(&line, at_ms, name);
	record_cast_put(r, at_ms, &line);
	buffer_release(&line);
}

void record_marker(struct record *r, int64_t at_ms, const char *text)
{
	struct buffer line = { 0 };

	cast_write_marker(&line, at_ms, text);
	record_cast_put(r, at_ms, &line);
	buffer_release(&line);
}

static int record_make_evidence(const struct record *r)
{
	int fd;

	if (mkdirat(r->dir_fd, "evidence", 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	fd = openat(r->dir_fd, "evidence", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
						   O_CLOEXEC);
	if (fd >= 0) {
		owner_follow(r->dir_fd, fd);
		close(fd);
	}
	return fd < 0 ? -1 : 0;
}

int record_evidence(struct record *r, const char *name, const void *bytes,
		    size_t len, struct rh_error *err)
{
	struct record_file f = { .fd = -1 };
	char file[160];
	int rc;

	if (record_make_evidence(r) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s/evidence",
					  r->path);
	snprintf(file, sizeof(file), "evidence/%s", name);
	unlinkat(r->dir_fd, file, 0);
	if (record_file_open(r, &f, file, err) < 0)
		return -1;
	rc = record_file_put(&f, bytes, len)
		     ? 0
		     : rh_error_set_errno(err, RH_ERR_IO, errno, "%s/%s",
					  r->path, file);
	record_file_close(&f);
	return rc;
}
