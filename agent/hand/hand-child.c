/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process of a hand: one poll loop around one driver. hand_start forks
 * and comes in by hand_child_run; nothing comes out but messages.
 *
 * Always true inside:
 *  - requests are executed in order, one at a time; WRITE is the only one
 *    that lasts over several turns of the loop, every other one blocks in the
 *    driver, under a timer that ends the process if the driver does not return;
 *  - console output goes into the ring first, and from there to the brain as
 *    fast as that reads; what the ring lost is told as a gap, in its place;
 *  - the socket is never waited for while a console is attached;
 *  - when the brain closes its side, for whatever reason, the console is
 *    given back and the process ends.
 */
#include "agent/hand/hand-child.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/hand/hand-child-private.h"
#include "agent/hand/sandbox.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/memory.h"

#define CHILD_POLLFDS 16
#define CHILD_OPEN_MS 10000	/* for the driver to load its credential */
#define CHILD_SPIN_MS 10
#define CHILD_WAITED_MS 2	/* a turn that was no spin */
#define CHILD_DETACH_MS 700	/* to give a console back at the end */
#define CHILD_FLUSH_MS 900	/* to bring out what is left, from there too */

void child_arm(int64_t deadline)
{
	int64_t ms = deadline_add(deadline, HAND_HARD_STOP_MS);
	struct itimerval timer = { { 0, 0 }, { 0, 0 } };

	if (ms == DEADLINE_NEVER)
		return;
	ms -= deadline_now();
	if (ms < 1)
		ms = 1;
	timer.it_value.tv_sec = (time_t)(ms / 1000);
	timer.it_value.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

void child_disarm(void)
{
	const struct itimerval none = { { 0, 0 }, { 0, 0 } };

	(void)setitimer(ITIMER_REAL, &none, NULL);
}

/* --- Requests --- */

void child_item_release(struct child_item *item)
{
	/* What is written may be a password. */
	if (item->bytes != NULL)
		explicit_bzero(item->bytes, item->len);
	free(item->bytes);
	item->bytes = NULL;
	item->len = 0;
}

/* Takes what the brain sent. False: it has no more to say. */
static bool child_receive(struct child *c)
{
	char bytes[MESSAGE_REQUEST_MAX + 2 * MESSAGE_CHECK_MAX];
	struct rh_error err = RH_ERROR_INIT;
	struct child_item *item;
	ssize_t len;

	while (c->asked && !c->brain_gone) {
		len = recv(c->fd, bytes, sizeof(bytes),
			   MSG_DONTWAIT | MSG_TRUNC);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return true;
		if (len <= 0)
			return false;
		if ((size_t)len > sizeof(bytes) || c->queued == HAND_QUEUE ||
		    message_check(bytes, (size_t)len,
				  MESSAGE_BIT(MESSAGE_REQUEST), &err) < 0) {
			log_line(LOG_WARN, "from the brain: %s", err.text);
			return false;
		}
		item = &c->queue[c->queued++];
		item->bytes = memory_copy_len(bytes, (size_t)len);
		item->len = (size_t)len;
		explicit_bzero(bytes, (size_t)len);
	}
	return !c->brain_gone;
}

/* --- The loop --- */

/* How long this turn may wait, at most. */
static int child_wait_ms(const struct child *c, int driver_ms)
{
	int64_t until = DEADLINE_NEVER;
	int ms;

	if (c->attached)
		until = c->alive_at;
	if (c->writing.bytes != NULL)
		until = deadline_min(until, c->write_at);
	if (c->queued > 0 && c->writing.bytes == NULL && !child_has_output(c))
		until = 0;
	ms = deadline_poll_ms(until);
	if (driver_ms >= 0 && (ms < 0 || driver_ms < ms))
		ms = driver_ms;
	return ms;
}

/* Fills fds from the second entry on; a driver that cries wolf is not asked. */
static int child_console_fds(struct child *c, struct pollfd *fds, int *wake_ms)
{
	int count;

	*wake_ms = -1;
	if (!c->attached)
		return 0;
	if (c->spins >= CHILD_SPINS) {
		*wake_ms = CHILD_SPIN_MS;
		return 0;
	}
	count = c->driver->console->pollfds(c->self, fds, CHILD_POLLFDS,
					    wake_ms);
	assert(count >= 0 && count <= CHILD_POLLFDS);
	return count;
}

/*
 * Counts the turns in which the driver was "ready" at once; a byte, or a turn
 * that waited, ends the row. A driver that cried wolf gets one turn to show
 * that it is over, after each one without it.
 */
static void child_count_spin(struct child *c, const struct pollfd *fds,
			     int count, int64_t waited)
{
	bool ready = false;
	int i;

	for (i = 0; i < count; i++)
		ready = ready || fds[i].revents != 0;
	if (c->spins >= CHILD_SPINS)
		c->spins = CHILD_SPINS - 1;
	else if (waited >= CHILD_WAITED_MS)
		c->spins = 0;
	else if (ready)
		c->spins++;
}

static void child_poll(struct child *c)
{
	struct pollfd fds[1 + CHILD_POLLFDS] = { 0 };
	int64_t before = deadline_now();
	int count, wake_ms;

	fds[0].fd = c->fd;
	fds[0].events = POLLIN;
	if (child_has_output(c))
		fds[0].events |= POLLOUT;
	count = child_console_fds(c, fds + 1, &wake_ms);
	if (deadline_poll(fds, 1 + count, child_wait_ms(c, wake_ms),
			  c->eager_until) < 0)
		return;
	c->asked = (fds[0].revents & ~POLLOUT) != 0;
	child_count_spin(c, fds + 1, count, deadline_now() - before);
}

static void child_loop(struct child *c)
{
	for (;;) {
		child_poll(c);
		if (!child_receive(c))
			return;
		/* A key goes first: somebody waits for it. */
		child_start_write(c);
		child_write_some(c);
		child_read_console(c);
		child_start_next(c);
		child_flush(c);
		child_alive(c);
	}
}

/* --- Beginning and end --- */

static int child_open_driver(struct child *c, const struct hand_work *work,
			     int64_t deadline)
{
	c->self = memory_new(1, c->fleet ? c->driver->fleet->size :
					   c->driver->size);
	if (c->fleet)
		return c->driver->fleet->open(c->self, work->fleet,
					      work->fleet_count, deadline,
					      &c->open_err);
	return c->driver->open(c->self, work->settings, deadline, &c->open_err);
}

static void child_open(struct child *c, const struct hand_work *work)
{
	int64_t deadline = deadline_in(CHILD_OPEN_MS);
	struct rh_error err = RH_ERROR_INIT;

	child_arm(deadline);
	if (child_open_driver(c, work, deadline) == 0)
		rh_error_clear(&c->open_err);
	else if (c->open_err.code == RH_ERR_NONE)
		rh_error_set(&c->open_err, RH_ERR_INTERNAL,
			     "driver %s does not open and does not say why",
			     c->driver->name);
	child_disarm();
	if (sandbox_limit(c->driver->flags, &err) < 0)
		log_line(LOG_WARN, "%s", err.text);
}

/* Brings out what is left, as long as somebody reads it. */
static void child_flush_rest(struct child *c, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };

	c->answer_after_bytes = false;
	child_flush(c);
	while (child_has_output(c) && !c->brain_gone &&
	       deadline_now() < deadline) {
		if (poll(&p, 1, deadline_poll_ms(deadline)) > 0 &&
		    (p.revents & (POLLERR | POLLHUP)) != 0)
			return;
		child_flush(c);
	}
}

static void child_leave(struct child *c)
{
	const struct message_plain given_back = { MESSAGE_GIVEN_BACK };
	int64_t deadline = deadline_in(CHILD_FLUSH_MS);
	bool was_attached = c->attached;

	child_arm(deadline_in(CHILD_FLUSH_MS));
	if (was_attached)
		c->driver->console->detach(c->self,
					   deadline_in(CHILD_DETACH_MS));
	c->attached = false;
	child_flush_rest(c, deadline);
	if (was_attached)
		(void)child_send(c, &given_back, sizeof(given_back));
	if (c->fleet)
		c->driver->fleet->close(c->self);
	else
		c->driver->close(c->self);
	_exit(0);
}

void hand_child_run(const char *name, const struct hand_work *work, int fd)
{
	struct child c = { .driver = work->driver,
			   .fleet = work->fleet != NULL,
			   .at_once = work->at_once };
	struct rh_error err = RH_ERROR_INIT;
	char title[80];

	snprintf(title, sizeof(title), "rhands hand %s", name);
	log_set_name(title);
	c.fd = sandbox_enter(fd, name, &err);
	if (c.fd < 0) {
		log_line(LOG_WARN, "%s", err.text);
		_exit(1);
	}
	child_open(&c, work);
	child_loop(&c);
	child_leave(&c);
	abort();
}
