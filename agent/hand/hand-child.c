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
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/hand/message.h"
#include "agent/hand/sandbox.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/ring.h"

#define CHILD_RING_SIZE (1024 * 1024)
#define CHILD_POLLFDS 16
#define CHILD_OPEN_MS 10000	/* for the driver to load its credential */
#define CHILD_ALIVE_MS 1000	/* between two signs of life */
#define CHILD_HUNG_MS 5000	/* for one turn of the loop, at most */
#define CHILD_READ_TURNS 4	/* reads of one turn of the loop */
#define CHILD_READ_SIZE 16384
#define CHILD_RETRY_MS 5	/* when the driver took no byte */
#define CHILD_SPINS 16		/* "ready" without a byte, before we wait */
#define CHILD_SPIN_MS 10
#define CHILD_DETACH_MS 700	/* to give a console back at the end */
#define CHILD_FLUSH_MS 900	/* to bring out what is left, from there too */
#define CHILD_LOST_MS 500	/* to tidy up a session that is gone */

struct child_item {
	char *bytes;		/* a checked request */
	size_t len;
};

struct child {
	int fd;
	const struct driver *driver;
	void *self;
	struct rh_error open_err;	/* code NONE: the driver is open */

	struct child_item queue[HAND_QUEUE];
	size_t queued;

	struct child_item writing;	/* the WRITE under way, bytes NULL: none */
	size_t written;
	int64_t write_at;		/* when to offer the rest */

	bool attached;
	int64_t alive_at;
	int spins;
	struct ring ring;		/* data NULL until the first attach */
	uint64_t position;		/* what the brain has of it */

	struct buffer answer;		/* not sent yet; empty: none */
	bool answer_after_bytes;
	struct buffer lost;		/* LOST, after all bytes */
	bool brain_gone;
};

/* --- The timer behind every call into the driver --- */

static void child_arm(int64_t deadline)
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

static void child_disarm(void)
{
	const struct itimerval none = { { 0, 0 }, { 0, 0 } };

	(void)setitimer(ITIMER_REAL, &none, NULL);
}

/* --- Requests --- */

static void child_item_release(struct child_item *item)
{
	/* What is written may be a password. */
	if (item->bytes != NULL)
		explicit_bzero(item->bytes, item->len);
	free(item->bytes);
	item->bytes = NULL;
	item->len = 0;
}

static struct child_item child_queue_take(struct child *c)
{
	struct child_item item = c->queue[0];

	c->queued--;
	memmove(c->queue, c->queue + 1, c->queued * sizeof(c->queue[0]));
	return item;
}

/* Takes what the brain sent. False: it has no more to say. */
static bool child_receive(struct child *c)
{
	char bytes[MESSAGE_REQUEST_MAX + 2 * MESSAGE_CHECK_MAX];
	struct rh_error err = RH_ERROR_INIT;
	struct child_item *item;
	ssize_t len;

	while (!c->brain_gone) {
		len = recv(c->fd, bytes, sizeof(bytes),
			   MSG_DONTWAIT | MSG_TRUNC);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return true;
		if (len <= 0)
			break;
		if ((size_t)len > sizeof(bytes) || c->queued == HAND_QUEUE ||
		    message_check(bytes, (size_t)len,
				  MESSAGE_BIT(MESSAGE_REQUEST), &err) < 0) {
			log_line(LOG_WARN, "from the brain: %s", err.text);
			break;
		}
		item = &c->queue[c->queued++];
		item->bytes = memory_copy_len(bytes, (size_t)len);
		item->len = (size_t)len;
		explicit_bzero(bytes, (size_t)len);
	}
	return false;
}

/* --- Answers --- */

/* True: it went out. False: the socket is full, or nobody is there. */
static bool child_send(struct child *c, const void *bytes, size_t len)
{
	ssize_t sent;

	do {
		sent = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		c->brain_gone = true;
	return sent >= 0;
}

static bool child_send_buffer(struct child *c, struct buffer *b)
{
	if (b->len == 0)
		return true;
	if (!child_send(c, b->data, b->len))
		return false;
	buffer_clear(b);
	return true;
}

static bool child_ring_empty(const struct child *c)
{
	return c->position == c->ring.written;
}

/* One message of console output, or the gap before it. False: not now. */
static bool child_send_chunk(struct child *c)
{
	struct {
		struct message_bytes head;
		char bytes[MESSAGE_CHUNK_MAX];
	} chunk = { .head.type = MESSAGE_BYTES };
	struct message_gap gap = { .type = MESSAGE_GAP };
	uint64_t at = c->position;
	size_t len;

	len = ring_read(&c->ring, &at, chunk.bytes, sizeof(chunk.bytes),
			&gap.lost_bytes);
	if (gap.lost_bytes > 0) {
		if (!child_send(c, &gap, sizeof(gap)))
			return false;
		c->position += gap.lost_bytes;
	}
	chunk.head.len = (uint32_t)len;
	if (!child_send(c, &chunk, sizeof(chunk.head) + len))
		return false;
	c->position = at;
	return true;
}

static bool child_has_output(const struct child *c)
{
	return c->answer.len > 0 || c->lost.len > 0 || !child_ring_empty(c);
}

/*
 * The sign of life of an attached console, and the timer that ends the
 * process should the driver's read or write not return.
 */
static void child_alive(struct child *c)
{
	const struct message_plain alive = { MESSAGE_ALIVE };
	int64_t now = deadline_now();

	if (!c->attached || now < c->alive_at)
		return;
	c->alive_at = deadline_add(now, CHILD_ALIVE_MS);
	child_arm(deadline_add(now, CHILD_HUNG_MS));
	/* Output that waits for the brain to read it is a sign of life too. */
	if (!child_has_output(c))
		(void)child_send(c, &alive, sizeof(alive));
}

static void child_flush(struct child *c)
{
	if (!c->answer_after_bytes && !child_send_buffer(c, &c->answer))
		return;
	while (!child_ring_empty(c)) {
		if (!child_send_chunk(c))
			return;
	}
	if (child_send_buffer(c, &c->answer))
		(void)child_send_buffer(c, &c->lost);
}

/* The texts of an answer: at most HAND_TEXT_MAX, the newest lines. */
static void child_cut_text(struct buffer *text)
{
	char note[80];
	const char *line;
	size_t drop;

	if (text->len <= HAND_TEXT_MAX)
		return;
	drop = text->len - HAND_TEXT_MAX + sizeof(note);
	line = memchr(text->data + drop, '\n', text->len - drop);
	if (line != NULL)
		drop = (size_t)(line + 1 - text->data);
	buffer_drop(text, drop);
	snprintf(note, sizeof(note), "(%zu bytes before this left out)\n",
		 drop);
	buffer_append(text, note, strlen(note));
	memmove(text->data + strlen(note), text->data,
		text->len - strlen(note));
	memcpy(text->data, note, strlen(note));
}

/* An answer is ready; a driver's word is not taken for more than it is. */
static void child_answer(struct child *c, struct hand_event *done, int rc)
{
	if (rc == 0)
		rh_error_clear(&done->err);
	else if (done->err.code == RH_ERR_NONE || rc != -1)
		rh_error_set(&done->err, RH_ERR_INTERNAL,
			     "driver %s failed at %s and does not say why",
			     c->driver->name, message_op_name(done->op));
	assert(c->answer.len == 0);
	message_put_done(&c->answer, done);
}

/* --- Console --- */

/* The session is gone, err says why. */
static void child_console_lost(struct child *c, struct rh_error *err)
{
	struct hand_event done = { 0 };
	struct hand_request request;

	if (err->code == RH_ERR_NONE)
		rh_error_set(err, RH_ERR_INTERNAL,
			     "driver %s lost its console and does not say why",
			     c->driver->name);
	c->attached = false;
	child_arm(deadline_in(CHILD_LOST_MS));
	c->driver->console->detach(c->self, deadline_in(CHILD_LOST_MS));
	child_disarm();
	message_put_lost(&c->lost, err);
	if (c->writing.bytes == NULL)
		return;
	message_get_request(c->writing.bytes, &done.id, &request);
	done.op = HAND_OP_WRITE;
	done.err = *err;
	child_answer(c, &done, -1);
	child_item_release(&c->writing);
}

static void child_read_console(struct child *c)
{
	struct rh_error err = RH_ERROR_INIT;
	char bytes[CHILD_READ_SIZE];
	int turn, len;

	for (turn = 0; c->attached && turn < CHILD_READ_TURNS; turn++) {
		len = c->driver->console->read(c->self, bytes, sizeof(bytes),
					       &err);
		assert(len <= (int)sizeof(bytes));
		if (len < 0)
			child_console_lost(c, &err);
		if (len <= 0)
			break;
		ring_write(&c->ring, bytes, (size_t)len);
		c->spins = 0;
	}
}

static void child_write_end(struct child *c, uint32_t id, struct rh_error *err)
{
	struct hand_event done = { .id = id, .op = HAND_OP_WRITE, .err = *err };

	child_answer(c, &done, err->code == RH_ERR_NONE ? 0 : -1);
	child_item_release(&c->writing);
}

/* Offers the rest of a WRITE to the driver, from the first byte not taken. */
static void child_write_some(struct child *c)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand_request request;
	int64_t now = deadline_now();
	uint32_t id;
	int len;

	if (c->writing.bytes == NULL || now < c->write_at)
		return;
	message_get_request(c->writing.bytes, &id, &request);
	len = c->driver->console->write(c->self,
					(const char *)request.bytes +
					c->written,
					request.bytes_len - c->written, &err);
	if (len < 0) {
		child_console_lost(c, &err);
		return;
	}
	c->written += (size_t)len;
	assert(c->written <= request.bytes_len);
	if (c->written < request.bytes_len && now < request.deadline) {
		c->write_at = len > 0 ? now : deadline_add(now, CHILD_RETRY_MS);
		return;
	}
	if (c->written < request.bytes_len)
		rh_error_set(&err, RH_ERR_TIMEOUT,
			     "the console took %zu of %zu bytes in time",
			     c->written, request.bytes_len);
	child_write_end(c, id, &err);
}

/* --- One executor for each operation --- */

static int child_cannot(const struct child *c, enum hand_op op,
			struct rh_error *err)
{
	return rh_error_set(err, RH_ERR_NOTSUP, "driver %s cannot do: %s",
			    c->driver->name, message_op_name(op));
}

static int child_query(struct child *c, const struct hand_request *r,
		       struct hand_event *done)
{
	if (c->driver->power == NULL)
		return child_cannot(c, r->op, &done->err);
	return c->driver->power->query(c->self, r->deadline, &done->state,
				       &done->err);
}

static int child_act(struct child *c, const struct hand_request *r,
		     struct hand_event *done)
{
	if (c->driver->power == NULL)
		return child_cannot(c, r->op, &done->err);
	return c->driver->power->act(c->self, (enum driver_act)r->number,
				     r->deadline, &done->err);
}

static int child_boot(struct child *c, const struct hand_request *r,
		      struct hand_event *done)
{
	if (c->driver->power == NULL || c->driver->power->boot == NULL)
		return child_cannot(c, r->op, &done->err);
	return c->driver->power->boot(c->self, (enum driver_boot)r->number,
				      r->deadline, &done->err);
}

static int child_evidence(struct child *c, const struct hand_request *r,
			  struct buffer *text, struct rh_error *err)
{
	const struct driver_evidence_ops *ops = c->driver->evidence;

	if (ops == NULL)
		return child_cannot(c, r->op, err);
	if (r->op == HAND_OP_CHASSIS)
		return ops->chassis(c->self, r->deadline, text, err);
	return ops->event_log(c->self, r->number, r->deadline, text, err);
}

static int child_check(struct child *c, const struct hand_request *r,
		       struct buffer *text, struct rh_error *err)
{
	if (c->driver->check == NULL)
		return child_cannot(c, r->op, err);
	return c->driver->check->tcp(c->self, &r->tcp, r->deadline, text, err);
}

static int child_attach(struct child *c, const struct hand_request *r,
			struct rh_error *err)
{
	int rc;

	if (c->driver->console == NULL)
		return child_cannot(c, r->op, err);
	if (c->attached)
		return rh_error_set(err, RH_ERR_STATE,
				    "this console is attached already");
	if (c->ring.data == NULL)
		ring_init(&c->ring, CHILD_RING_SIZE);
	rc = c->driver->console->attach(c->self, (unsigned)r->number,
					r->deadline, err);
	c->attached = rc == 0;
	c->spins = 0;
	return rc;
}

static int child_break(struct child *c, const struct hand_request *r,
		       struct rh_error *err)
{
	if (c->driver->console == NULL ||
	    c->driver->console->send_break == NULL)
		return child_cannot(c, r->op, err);
	if (!c->attached)
		return rh_error_set(err, RH_ERR_STATE,
				    "no console is attached");
	return c->driver->console->send_break(c->self, err);
}

static int child_detach(struct child *c, const struct hand_request *r,
			struct rh_error *err)
{
	if (c->driver->console == NULL)
		return child_cannot(c, r->op, err);
	if (c->attached)
		c->driver->console->detach(c->self, r->deadline);
	c->attached = false;
	c->answer_after_bytes = true;
	return 0;
}

static int child_execute(struct child *c, const struct hand_request *r,
			 struct hand_event *done, struct buffer *text)
{
	switch (r->op) {
	case HAND_OP_QUERY:
		return child_query(c, r, done);
	case HAND_OP_ACT:
		return child_act(c, r, done);
	case HAND_OP_BOOT:
		return child_boot(c, r, done);
	case HAND_OP_EVENT_LOG:
	case HAND_OP_CHASSIS:
		return child_evidence(c, r, text, &done->err);
	case HAND_OP_ATTACH:
		return child_attach(c, r, &done->err);
	case HAND_OP_BREAK:
		return child_break(c, r, &done->err);
	case HAND_OP_DETACH:
		return child_detach(c, r, &done->err);
	case HAND_OP_CHECK_TCP:
		return child_check(c, r, text, &done->err);
	case HAND_OP_WRITE:
		return rh_error_set(&done->err, RH_ERR_STATE,
				    "no console is attached");
	case HAND_OP_NONE:
		break;
	}
	return rh_error_set(&done->err, RH_ERR_INTERNAL, "no such request");
}

/* What must be true before the driver is asked. */
static int child_may_start(const struct child *c, const struct hand_request *r,
			   struct rh_error *err)
{
	if (c->open_err.code != RH_ERR_NONE) {
		*err = c->open_err;
		return -1;
	}
	if (deadline_now() >= r->deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "not begun: the deadline had passed");
	return 0;
}

static void child_run_request(struct child *c, const struct hand_request *r,
			      struct hand_event *done)
{
	struct buffer text = { 0 };
	int rc = child_may_start(c, r, &done->err);

	if (rc == 0) {
		child_arm(r->deadline);
		rc = child_execute(c, r, done, &text);
		child_disarm();
		c->alive_at = 0;	/* arms it again, where attached */
	}
	if (rc == 0 && done->state > DRIVER_POWER_OFF)
		rc = rh_error_set(&done->err, RH_ERR_INTERNAL,
				  "driver %s gives power state %d",
				  c->driver->name, (int)done->state);
	if (rc != 0) {
		done->state = DRIVER_POWER_UNKNOWN;
		buffer_clear(&text);
	}
	child_cut_text(&text);
	done->bytes = text.data;
	done->bytes_len = text.len;
	child_answer(c, done, rc);
	buffer_release(&text);
}

/* Begins the next request, where nothing of the one before is left. */
static void child_start_next(struct child *c)
{
	struct hand_event done = { 0 };
	struct hand_request request;
	struct child_item item;

	if (c->queued == 0 || c->writing.bytes != NULL || c->answer.len > 0 ||
	    c->lost.len > 0)
		return;
	item = child_queue_take(c);
	message_get_request(item.bytes, &done.id, &request);
	done.op = request.op;
	c->answer_after_bytes = false;
	if (request.op == HAND_OP_WRITE && c->attached) {
		c->writing = item;
		c->written = 0;
		c->write_at = 0;
		return;
	}
	child_run_request(c, &request, &done);
	child_item_release(&item);
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

static void child_poll(struct child *c)
{
	struct pollfd fds[1 + CHILD_POLLFDS] = { 0 };
	int count, wake_ms, i;

	fds[0].fd = c->fd;
	fds[0].events = POLLIN;
	if (child_has_output(c))
		fds[0].events |= POLLOUT;
	count = child_console_fds(c, fds + 1, &wake_ms);
	if (poll(fds, (nfds_t)(1 + count), child_wait_ms(c, wake_ms)) <= 0)
		return;
	for (i = 1; i <= count; i++) {
		if (fds[i].revents != 0) {
			c->spins++;
			break;
		}
	}
}

static void child_loop(struct child *c)
{
	for (;;) {
		child_poll(c);
		if (!child_receive(c))
			return;
		child_read_console(c);
		child_start_next(c);
		child_write_some(c);
		child_flush(c);
		child_alive(c);
	}
}

/* --- Beginning and end --- */

static void child_open(struct child *c, const struct settings *settings)
{
	int64_t deadline = deadline_in(CHILD_OPEN_MS);
	struct rh_error err = RH_ERROR_INIT;

	c->self = memory_new(1, c->driver->size);
	child_arm(deadline);
	if (c->driver->open(c->self, settings, deadline, &c->open_err) == 0)
		rh_error_clear(&c->open_err);
	else if (c->open_err.code == RH_ERR_NONE)
		rh_error_set(&c->open_err, RH_ERR_INTERNAL,
			     "driver %s does not open and does not say why",
			     c->driver->name);
	child_disarm();
	if (sandbox_limit(&err) < 0)
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
	c->driver->close(c->self);
	_exit(0);
}

void hand_child_run(const char *name, const struct driver *driver,
		    const struct settings *settings, int fd)
{
	struct child c = { .driver = driver };
	struct rh_error err = RH_ERROR_INIT;
	char title[80];

	snprintf(title, sizeof(title), "rhands hand %s", name);
	log_set_name(title);
	c.fd = sandbox_enter(fd, name, &err);
	if (c.fd < 0) {
		log_line(LOG_WARN, "%s", err.text);
		_exit(1);
	}
	child_open(&c, settings);
	child_loop(&c);
	child_leave(&c);
	abort();
}
