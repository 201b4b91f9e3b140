/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file that makes one twin out of those of several processes. The driver
 * comes in by shared_do for everything: a look is an input that does nothing.
 *
 * Always true: whoever looks or appends holds the file's flock, reads to its
 * end and only then reads the clock. So the time of an input is never before a
 * time up to which somebody else has lived, and all of them replay the same life.
 * Inside a hand nothing can be opened or cut any more: to begin anew is a line
 * of the file, and only one that is too long is emptied, when it is opened.
 */
#include "agent/twin/shared-line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "base/memory.h"

#define SHARED_MAGIC "rhands-twin 1\n"
#define SHARED_MAGIC_LEN (sizeof(SHARED_MAGIC) - 1)
#define SHARED_RETRY_MS 2
#define SHARED_SLICE_MS 60000	/* lived at once, what is printed then dropped */
#define SHARED_EVENTS_MAX 32768

struct shared {
	char *path;
	int fd;
	const struct twin_model *model;
	struct twin *twin;
	uint64_t seed;
	char mark[96];		/* "BOOT-ID IDENTITY" */

	off_t position;		/* read up to here */
	bool joined;		/* looked once */
	bool good;		/* the lines up to here make a life, and ours */
	int64_t began;		/* that of the present life */
	int64_t lived;
	const char *anew;

	bool listens;
	struct buffer output;
	struct buffer events;
	enum driver_boot boot;
	bool light;
};

/* ---- the life -------------------------------------------------------------------- */

/* In slices, so that a long life needs no room for what it printed. */
static void shared_live(struct shared *s, int64_t now)
{
	const char *bytes;
	size_t len;

	do {
		s->lived = deadline_min(now, s->lived + SHARED_SLICE_MS);
		twin_tick(s->twin, s->lived);
		bytes = twin_output(s->twin, &len);
		if (s->listens)
			buffer_append(&s->output, bytes, len);
		twin_take_output(s->twin);
	} while (s->lived < now);
}

static void shared_event(struct shared *s, int64_t at,
			 const struct shared_input *in)
{
	time_t wall = (time_t)((deadline_wall_ms() - (deadline_now() - at)) /
			       1000);
	const char *newline;
	struct tm tm;
	char when[32];

	gmtime_r(&wall, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	buffer_append_text(&s->events, when);
	shared_line_event(&s->events, in);
	buffer_append_char(&s->events, '\n');
	if (s->events.len < SHARED_EVENTS_MAX)
		return;
	newline = memchr(s->events.data + s->events.len / 2, '\n',
			 s->events.len / 2);
	buffer_drop(&s->events, newline == NULL ? s->events.len : (size_t)
		    (newline + 1 - s->events.data));
}

static void shared_begin(struct shared *s, int64_t at)
{
	twin_reset(s->twin, s->seed, at);
	buffer_clear(&s->events);
	s->boot = DRIVER_BOOT_NONE;
	s->light = false;
	s->began = s->lived = at;
	s->good = true;
}

/* answer: NULL where nobody wants it. */
static void shared_apply(struct shared *s, int64_t at,
			 const struct shared_input *in,
			 struct twin_answer *answer)
{
	struct twin_answer own = { 0 };
	char *command;

	shared_live(s, at);
	if (in->kind != SHARED_NONE && in->kind < SHARED_TYPE)
		shared_event(s, at, in);
	switch (in->kind) {
	case SHARED_POWER:
		twin_power(s->twin, at, (enum driver_act)in->number);
		break;
	case SHARED_BOOT:
		s->boot = (enum driver_boot)in->number;
		break;
	case SHARED_LIGHT:
		s->light = in->number != 0;
		break;
	case SHARED_BREAK:
		twin_break(s->twin, at);
		break;
	case SHARED_TYPE:
		twin_type(s->twin, at, in->bytes, in->len);
		break;
	case SHARED_SHELL:
		command = memory_copy_len(in->bytes, in->len);
		twin_shell(s->twin, at, command, answer ? answer : &own);
		free(command);
		break;
	case SHARED_NONE:
		break;
	}
	buffer_release(&own.out);
	buffer_release(&own.errors);
	shared_live(s, at);
}

/* ---- lines ----------------------------------------------------------------------- */

/* "begin MARK TIME" */
static bool shared_take_begin(struct shared *s, char *line, int64_t now)
{
	size_t len = strlen(s->mark);
	int64_t at;

	if (strncmp(line, s->mark, len) != 0 || line[len] != ' ')
		return false;
	line += len + 1;
	if (!shared_line_time(&line, &at) || *line != '\0' || at < 0 || at > now)
		return false;
	shared_begin(s, at);
	return true;
}

static bool shared_take_input(struct shared *s, char *line, int64_t now)
{
	struct shared_input in;
	int64_t at;

	if (!shared_line_get(line, &at, &in) || at < s->lived || at > now)
		return false;
	shared_apply(s, at, &in, NULL);
	return true;
}

/* A line; one that is none makes what follows worthless, until it begins anew. */
static void shared_take_line(struct shared *s, char *line, size_t len,
			     int64_t now)
{
	if (strncmp(line, "begin ", 6) == 0)
		s->good = shared_take_begin(s, line + 6, now) &&
			  strlen(line) == len;
	else if (s->good)
		s->good = strlen(line) == len &&
			  shared_take_input(s, line, now);
}

/* ---- the file -------------------------------------------------------------------- */

static int shared_lock(struct shared *s, int64_t deadline,
		       struct rh_error *err)
{
	while (flock(s->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return rh_error_set_errno(err, RH_ERR_IO, errno, "%s",
						  s->path);
		if (deadline_now() >= deadline)
			return rh_error_set(err, RH_ERR_TIMEOUT, "%s is held "
					    "by another process; nothing was "
					    "done", s->path);
		poll(NULL, 0, SHARED_RETRY_MS);
	}
	return 0;
}

static int shared_append(struct shared *s, const struct buffer *text,
			 struct rh_error *err)
{
	ssize_t n;

	do {
		n = write(s->fd, text->data, text->len);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)text->len) {
		s->position += n;
		return 0;
	}
	return rh_error_set_errno(err, RH_ERR_IO, n < 0 ? errno : ENOSPC,
				  "%s cannot be written", s->path);
}

/* What was appended since the last look. */
static int shared_read(struct shared *s, struct buffer *text,
		       struct rh_error *err)
{
	char part[16384];
	ssize_t n;

	do {
		n = pread(s->fd, part, sizeof(part),
			  s->position + (off_t)text->len);
		if (n > 0)
			buffer_append(text, part, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s",
					  s->path);
	return 0;
}

static int shared_begin_anew(struct shared *s, const char *why,
			     struct rh_error *err)
{
	struct buffer line = { 0 };
	int64_t now = deadline_now();
	int rc;

	log_line(LOG_DEBUG, "%s: the twin begins anew: %s", s->path, why);
	if (s->position == 0)
		buffer_append_text(&line, SHARED_MAGIC);
	else
		/* where a line had no end, it has one now */
		buffer_append_char(&line, '\n');
	buffer_printf(&line, "begin %s %" PRId64 "\n", s->mark, now);
	rc = shared_append(s, &line, err);
	buffer_release(&line);
	if (rc < 0)
		return -1;
	s->anew = why;
	shared_begin(s, now);
	return 0;
}

/* Emptied by somebody who found it too long: the same as a life that begins. */
static bool shared_was_emptied(struct shared *s)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0 || st.st_size >= s->position)
		return false;
	s->position = 0;
	s->good = false;
	return true;
}

static int shared_follow(struct shared *s, struct rh_error *err)
{
	struct buffer text = { 0 };
	int64_t now = deadline_now();
	size_t at = 0;
	char *end;

	shared_was_emptied(s);
	if (shared_read(s, &text, err) < 0) {
		buffer_release(&text);
		return -1;
	}
	if (s->position == 0 && text.len >= SHARED_MAGIC_LEN &&
	    memcmp(text.data, SHARED_MAGIC, SHARED_MAGIC_LEN) == 0)
		at = SHARED_MAGIC_LEN;
	while (at < text.len &&
	       (end = memchr(text.data + at, '\n', text.len - at)) != NULL) {
		*end = '\0';
		if (end > text.data + at)
			shared_take_line(s, text.data + at,
					 (size_t)(end - text.data) - at, now);
		at = (size_t)(end - text.data) + 1;
	}
	if (at < text.len)
		s->good = false;	/* the last line has no end */
	s->position += (off_t)text.len;
	buffer_release(&text);
	return 0;
}

static int shared_join(struct shared *s, struct rh_error *err)
{
	const char *why = NULL;

	if (s->position == 0)
		why = "it had never lived";
	else if (!s->good)
		why = "its file was damaged, or of another twin, seed or boot";
	else if (!s->joined && deadline_now() - s->began > SHARED_LIFE_MS)
		why = "its life was longer than a day";
	if (why != NULL && (!s->joined || s->position == 0) &&
	    shared_begin_anew(s, why, err) < 0)
		return -1;
	if (!s->good)
		return rh_error_set(err, RH_ERR_STATE, "%s: damaged, or given "
				    "to another twin or seed, since this way "
				    "was opened", s->path);
	s->joined = true;
	return 0;
}

static int shared_do_locked(struct shared *s, const struct shared_input *input,
			    struct twin_answer *answer, struct rh_error *err)
{
	struct buffer line = { 0 };
	int64_t now;
	int rc = 0;

	if (shared_follow(s, err) < 0 || shared_join(s, err) < 0)
		return -1;
	now = deadline_now();
	if (input->kind != SHARED_NONE) {
		shared_line_put(&line, now, input);
		rc = shared_append(s, &line, err);
		buffer_release(&line);
	}
	if (rc == 0)
		shared_apply(s, now, input, answer);
	return rc;
}

int shared_do(struct shared *s, const struct shared_input *input,
	      struct twin_answer *answer, int64_t deadline,
	      struct rh_error *err)
{
	int rc;

	if (shared_lock(s, deadline, err) < 0)
		return -1;
	rc = shared_do_locked(s, input, answer, err);
	flock(s->fd, LOCK_UN);
	return rc;
}

/* ---- opening --------------------------------------------------------------------- */

static int shared_make_folder(const char *path, struct rh_error *err)
{
	char *copy = memory_copy(path), *slash = copy;
	int rc = 0;

	while (rc == 0 && (slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			rc = rh_error_set_errno(err, RH_ERR_CONFIG, errno,
						"%s", copy);
		*slash = '/';
	}
	free(copy);
	return rc;
}

/* Too long, or torn in its first line. Those who look at it see it shrink. */
static int shared_empty(struct shared *s, struct rh_error *err)
{
	int rc = 0;

	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (ftruncate(s->fd, 0) == 0)
		rc = shared_begin_anew(s, "its file was too long, or damaged",
				       err);
	flock(s->fd, LOCK_UN);
	return rc;
}

/* A file that is not ours is not written to. */
static int shared_check_file(struct shared *s, struct rh_error *err)
{
	char text[SHARED_MAGIC_LEN];
	ssize_t n = pread(s->fd, text, sizeof(text), 0);
	struct stat st;

	if (n < 0 || fstat(s->fd, &st) < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno, "%s",
					  s->path);
	if (!S_ISREG(st.st_mode) || memcmp(text, SHARED_MAGIC, (size_t)n) != 0)
		return rh_error_set(err, RH_ERR_CONFIG, "%s is no state of a "
				    "twin, and is left alone; give another "
				    "path", s->path);
	if (st.st_size > SHARED_FILE_MAX ||
	    (n > 0 && (size_t)n < SHARED_MAGIC_LEN))
		return shared_empty(s, err);
	return 0;
}

static void shared_set_mark(struct shared *s, uint64_t identity)
{
	char boot[64] = "unknown";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f != NULL) {
		if (fgets(boot, sizeof(boot), f) == NULL)
			boot[0] = '\0';
		boot[strcspn(boot, "\n ")] = '\0';
		fclose(f);
	}
	snprintf(s->mark, sizeof(s->mark), "%s %016" PRIx64,
		 boot[0] != '\0' ? boot : "unknown", identity);
}

int shared_open(struct shared **ret, const char *path,
		const struct twin_model *model, uint64_t seed,
		uint64_t identity, struct rh_error *err)
{
	struct shared *s;
	int fd;

	if (shared_make_folder(path, err) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
			  O_CLOEXEC, 0600);
	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno, "%s",
					  path);
	s = memory_new(1, sizeof(*s));
	s->fd = fd;
	s->path = memory_copy(path);
	s->model = model;
	s->seed = seed;
	s->lived = deadline_now();
	s->twin = twin_new(model, seed, s->lived);
	shared_set_mark(s, identity);
	if (shared_check_file(s, err) < 0) {
		shared_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void shared_close(struct shared *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	twin_free(s->twin);
	buffer_release(&s->output);
	buffer_release(&s->events);
	free(s->path);
	free(s);
}

/* ---- what is seen ----------------------------------------------------------------- */

bool shared_is_due(const struct shared *s)
{
	struct stat st;

	return !s->joined || twin_deadline(s->twin) <= deadline_now() ||
	       (fstat(s->fd, &st) == 0 && st.st_size != s->position);
}

const struct twin *shared_twin(const struct shared *s)
{
	return s->twin;
}

void shared_listen(struct shared *s, bool on)
{
	s->listens = on;
	buffer_clear(&s->output);
}

struct buffer *shared_output(struct shared *s)
{
	return &s->output;
}

const struct buffer *shared_events(const struct shared *s)
{
	return &s->events;
}

enum driver_boot shared_boot(const struct shared *s)
{
	return s->boot;
}

bool shared_light(const struct shared *s)
{
	return s->light;
}

const char *shared_why_anew(const struct shared *s)
{
	return s->anew;
}
