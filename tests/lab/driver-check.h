/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_LAB_DRIVER_CHECK_H
#define RH_TESTS_LAB_DRIVER_CHECK_H

/*
 * What the programs that test a console driver share: checks that print TAP,
 * an instance of the driver, and bytes in and out. The program defines
 * `tested`, its driver, and calls driver_check_main.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/settings.h"
#include "drivers/driver.h"

static const struct driver *const tested;
static bool failed;		/* the test that runs has failed */

__attribute__((format(printf, 2, 3)))
static inline bool check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	failed = true;
	va_start(ap, fmt);
	printf("# failed: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	return false;
}

static inline bool check_rc(int rc, const struct rh_error *err,
			    const char *what)
{
	return check(rc == 0, "%s: %s: %s", what, rh_code_name(err->code),
		     err->text);
}

/* The call failed with that code, and the text has the words. */
static inline bool check_code(int rc, const struct rh_error *err,
			      enum rh_code code, const char *words)
{
	return check(rc < 0 && err->code == code &&
			     strstr(err->text, words) != NULL,
		     "wanted %s with \"%s\", got rc %d, %s: %s",
		     rh_code_name(code), words, rc, rh_code_name(err->code),
		     err->text);
}

static inline int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* --- an instance ------------------------------------------------------------- */

struct instance {
	struct settings *settings;
	void *self;
};

/* A NULL-ended list of key, value pairs. */
static inline struct instance instance_open(const char *const *pairs)
{
	const struct option *const tables[] = { tested->options, NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	i.settings = settings_new(tables);
	for (; pairs[0] != NULL; pairs += 2)
		check_rc(settings_set(i.settings, pairs[0], pairs[1], &err),
			 &err, pairs[0]);
	i.self = memory_new(1, tested->size);
	check_rc(tested->open(i.self, i.settings, deadline_in(5000), &err),
		 &err, "open");
	return i;
}

static inline void instance_close(struct instance *i)
{
	int64_t start = deadline_now();

	tested->close(i->self);
	check(deadline_now() - start <= 1000, "close took %lld ms",
	      (long long)(deadline_now() - start));
	free(i->self);
	settings_free(i->settings);
}

static inline bool attach(struct instance *i, int64_t ms)
{
	struct rh_error err = RH_ERROR_INIT;

	return check_rc(tested->console->attach(i->self, 0, deadline_in(ms),
						&err),
			&err, "attach");
}

/* --- bytes ---------------------------------------------------------------------- */

/* One turn of a hand's loop. Bytes read, -1 gone. */
static inline int turn(struct instance *i, int64_t until, struct buffer *seen,
		       struct rh_error *err)
{
	struct pollfd fds[4];
	char bytes[4096];
	int count, n, ms, wake = -1;

	count = tested->console->pollfds(i->self, fds, 4, &wake);
	ms = deadline_poll_ms(until);
	if (wake >= 0 && wake < ms)
		ms = wake;
	poll(fds, (nfds_t)count, ms);
	n = tested->console->read(i->self, bytes, sizeof(bytes), err);
	if (n > 0)
		buffer_append(seen, bytes, (size_t)n);
	return n;
}

/* Reads until the text is there; 5 s. */
static inline bool sees_into(struct instance *i, struct buffer *seen,
			     const char *text)
{
	int64_t deadline = deadline_in(5000);
	struct rh_error err = RH_ERROR_INIT;
	int rc = 0;

	while (rc >= 0 && deadline_now() < deadline) {
		if (seen->len > 0 && memmem(seen->data, seen->len, text,
					    strlen(text)) != NULL)
			return true;
		rc = turn(i, deadline, seen, &err);
	}
	return check(false, "never saw \"%s\" (%s), but \"%.200s\"", text,
		     err.text, buffer_text(seen));
}

static inline bool sees(struct instance *i, const char *text)
{
	struct buffer seen = { 0 };
	bool ok = sees_into(i, &seen, text);

	buffer_release(&seen);
	return ok;
}

/* Writes as a hand does: what is left is offered again, until the deadline. */
static inline int types(struct instance *i, const void *bytes, size_t len,
			int64_t ms, struct rh_error *err)
{
	int64_t deadline = deadline_in(ms);
	const char *at = bytes;
	int n;

	while (len > 0 && deadline_now() < deadline) {
		n = tested->console->write(i->self, at, len, err);
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
		if (n == 0)
			poll(NULL, 0, 5);
	}
	return len > 0 ? rh_error_set(err, RH_ERR_TIMEOUT, "not taken") : 0;
}

static inline bool enters(struct instance *i, const char *text)
{
	struct rh_error err = RH_ERROR_INIT;

	return check_rc(types(i, text, strlen(text), 5000, &err), &err, text);
}

/* Reads until the session is gone, 10 s; err says why. */
static inline bool gets_lost(struct instance *i, struct rh_error *err)
{
	int64_t deadline = deadline_in(10000);
	struct buffer seen = { 0 };
	int rc = 0;

	while (rc >= 0 && deadline_now() < deadline)
		rc = turn(i, deadline, &seen, err);
	buffer_release(&seen);
	return check(rc < 0, "the session never was lost");
}

/* --- the doctor ------------------------------------------------------------------- */

/* A line of the findings begins so and has these words. */
static inline void check_finding(const char *findings, const char *begin,
				 const char *words)
{
	const char *at = findings, *end;
	char line[600];

	for (; *at != '\0'; at = end + (*end == '\n')) {
		end = at + strcspn(at, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
		if (strncmp(line, begin, strlen(begin)) == 0 &&
		    strstr(line, words) != NULL)
			return;
	}
	check(false, "no finding \"%s...%s\" in:\n%s", begin, words, findings);
}

static inline void looks(struct instance *i, unsigned flags, const char *begin,
			 const char *words)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer findings = { 0 };

	check_rc(tested->doctor->look(i->self, flags, deadline_in(8000),
				      &findings, &err), &err, "look");
	check_finding(buffer_text(&findings), begin, words);
	buffer_release(&findings);
}

/* --- main ----------------------------------------------------------------------- */

struct driver_check {
	const char *name;
	void (*run)(void);
};

static inline bool driver_check_selected(const char *name, char **names)
{
	if (names[0] == NULL)
		return true;
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/* tests: ended by a NULL name. names: NULL-ended, none: all. */
static inline int driver_check_main(const struct driver_check *tests,
				    char **names)
{
	int number = 0, bad = 0, before;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; tests->name != NULL; tests++) {
		if (!driver_check_selected(tests->name, names))
			continue;
		failed = false;
		before = descriptors();
		tests->run();
		check(descriptors() == before, "%d descriptors left",
		      descriptors() - before);
		printf("%sok %d %s\n", failed ? "not " : "", ++number,
		       tests->name);
		bad += failed;
	}
	printf("1..%d\n", number);
	return bad > 0 || number == 0;
}

#endif
