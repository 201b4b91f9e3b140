/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_UNIT_HAND_BRAIN_H
#define RH_TESTS_UNIT_HAND_BRAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hand/hand.h"
#include "base/deadline.h"

/*
 * For the tests of agent/hand: a brain's loop, and a witness: a FIFO into
 * which a fake driver writes a letter for what it does, so that a test
 * sees it when nobody else does.
 */

#define SOON_MS 10000	/* a condition that does not come by then is a failure */

/* The next event, ticking as a brain does. False: none until `until`. */
static inline bool brain_next(struct hand *h, int64_t until,
			      struct hand_event *ret)
{
	struct pollfd p = { .events = POLLIN };

	for (;;) {
		if (hand_next(h, ret))
			return true;
		if (deadline_now() >= until)
			return false;
		p.fd = hand_fd(h);
		poll(&p, 1, deadline_poll_ms(deadline_min(until,
							  hand_deadline(h))));
		if (deadline_now() >= hand_deadline(h))
			hand_tick(h, deadline_now());
	}
}

/* The next event of that type; others on the way are dropped. */
static inline void brain_until(struct hand *h, enum hand_event_type type,
			       struct hand_event *ret)
{
	int64_t until = deadline_in(SOON_MS);

	do {
		if (!brain_next(h, until, ret))
			fail_msg("no event of type %d", (int)type);
	} while (ret->type != type);
}

static inline uint32_t brain_ask(struct hand *h, enum hand_op op, int number,
				 int64_t deadline)
{
	struct hand_request r = { .op = op, .number = number,
				  .deadline = deadline };
	struct rh_error err = RH_ERROR_INIT;
	uint32_t id = 0;

	if (hand_send(h, &r, &id, &err) < 0)
		fail_msg("hand_send: %s", err.text);
	assert_int_not_equal(id, 0);
	return id;
}

static inline uint32_t brain_write(struct hand *h, const void *bytes,
				   size_t len, int64_t deadline)
{
	struct hand_request r = { .op = HAND_OP_WRITE, .bytes = bytes,
				  .bytes_len = len, .deadline = deadline };
	struct rh_error err = RH_ERROR_INIT;
	uint32_t id = 0;

	if (hand_send(h, &r, &id, &err) < 0)
		fail_msg("hand_send: %s", err.text);
	return id;
}

/* Asks and waits for the answer. */
static inline struct hand_event brain_do(struct hand *h, enum hand_op op,
					 int number)
{
	struct hand_event e;
	uint32_t id = brain_ask(h, op, number, deadline_in(SOON_MS));

	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.id, id);
	assert_int_equal(e.op, op);
	return e;
}

static inline struct hand *brain_start(const struct driver *driver)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand *h = hand_start("test/way", driver, NULL, &err);

	if (h == NULL)
		fail_msg("hand_start: %s", err.text);
	return h;
}

static inline void brain_attach(struct hand *h)
{
	struct hand_event e = brain_do(h, HAND_OP_ATTACH, 0);

	assert_string_equal(e.err.text, "");
}

/* For a brain in a process of its own: a test that fails leaves nothing running. */
static inline void brain_dies_with_test(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* No child of ours is left, running or dead. */
static inline void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

struct witness {
	char dir[64];
	char path[80];
	int fd;
};

static inline void witness_new(struct witness *w)
{
	snprintf(w->dir, sizeof(w->dir), "/tmp/rhands-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/fifo", w->dir);
	assert_int_equal(mkfifo(w->path, 0600), 0);
	w->fd = open(w->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(w->fd >= 0);
}

static inline void witness_free(struct witness *w)
{
	close(w->fd);
	unlink(w->path);
	rmdir(w->dir);
}

/* The next letter, '\0' for the end of the last writer, '?' for too late. */
static inline char witness_next(struct witness *w, int64_t until)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	char letter;

	while (poll(&p, 1, deadline_poll_ms(until)) > 0) {
		switch (read(w->fd, &letter, 1)) {
		case 1:
			return letter;
		case 0:
			return '\0';
		default:
			break;
		}
	}
	return '?';
}

static inline void witness_expect(struct witness *w, char letter)
{
	char got;

	do {
		got = witness_next(w, deadline_in(SOON_MS));
		if (got == '?' || (got == '\0' && letter != '\0'))
			fail_msg("the witness does not say '%c'", letter);
	} while (got != letter);
}

#endif
