/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes from a hand to its brain, and the console that is attached.
 * hand-child.c comes in once in each turn of its loop.
 *
 * The order on the socket: the answer to a request goes before console output
 * that waits, but not so the answer to a DETACH and the loss of a session:
 * they are the end of that output. At most one answer and one loss wait, and
 * no request is begun before they are out.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/hand/hand-child-private.h"
#include "base/deadline.h"

#define CHILD_ALIVE_MS 1000	/* between two signs of life */
#define CHILD_HUNG_MS 5000	/* for one turn of the loop, at most */
#define CHILD_READ_TURNS 4	/* reads of one turn of the loop */
#define CHILD_READ_SIZE 16384
#define CHILD_RETRY_MS 5	/* when the driver took no byte */
#define CHILD_LOST_MS 500	/* to tidy up a session that is gone */

/* True: it went out. False: the socket is full, or nobody is there. */
bool child_send(struct child *c, const void *bytes, size_t len)
{
	ssize_t sent;

	do {
		sent = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		c->brain_gone = true;
	return sent >= 0;
}

bool child_send_state(struct child *c, const struct driver_fleet_answer *answer)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };
	int64_t until = deadline_in(HAND_HARD_STOP_MS);
	struct buffer message = { 0 };
	bool sent;

	message_put_state(&message, answer);
	while (!(sent = child_send(c, message.data, message.len)) &&
	       !c->brain_gone && deadline_now() < until)
		(void)poll(&p, 1, deadline_poll_ms(until));
	buffer_release(&message);
	return sent;
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

static bool child_send_gap(struct child *c, uint64_t lost)
{
	const struct message_gap gap = { .type = MESSAGE_GAP,
					 .lost_bytes = lost };

	return child_send(c, &gap, sizeof(gap));
}

/* Whether what the driver lost is what comes next. */
static bool child_at_gap(const struct child *c)
{
	return c->gap > 0 && c->position >= c->gap_at;
}

/* One message: console output, or what the ring lost of it. False: not now. */
static bool child_send_chunk(struct child *c)
{
	struct {
		struct message_bytes head;
		char bytes[MESSAGE_CHUNK_MAX];
	} chunk = { .head.type = MESSAGE_BYTES };
	uint64_t at = c->position, missed;
	size_t len = sizeof(chunk.bytes);

	if (c->gap > 0 && c->gap_at - c->position < len)
		len = c->gap_at - c->position;
	len = ring_read(&c->ring, &at, chunk.bytes, len, &missed);
	if (missed > 0) {
		if (!child_send_gap(c, missed))
			return false;
		c->position += missed;
		return true;
	}
	chunk.head.len = (uint32_t)len;
	if (!child_send(c, &chunk, sizeof(chunk.head) + len))
		return false;
	c->position = at;
	return true;
}

bool child_has_output(const struct child *c)
{
	return c->answer.len > 0 || c->lost.len > 0 || c->gap > 0 ||
	       !child_ring_empty(c);
}

/*
 * The sign of life of an attached console, and the timer that ends the
 * process should the driver's read or write not return.
 */
void child_alive(struct child *c)
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

void child_flush(struct child *c)
{
	if (!c->answer_after_bytes && !child_send_buffer(c, &c->answer))
		return;
	while (c->gap > 0 || !child_ring_empty(c)) {
		if (child_at_gap(c)) {
			if (!child_send_gap(c, c->gap))
				return;
			c->gap = 0;
		} else if (!child_send_chunk(c)) {
			return;
		}
	}
	if (child_send_buffer(c, &c->answer))
		(void)child_send_buffer(c, &c->lost);
}

/* An answer is ready; a driver's word is not taken for more than it is. */
void child_answer(struct child *c, struct hand_event *done, int rc)
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

/* What the driver knows to be lost; one that waits to be told grows. */
static void child_take_lost(struct child *c)
{
	uint64_t lost;

	if (!c->attached || c->driver->console->take_lost == NULL)
		return;
	lost = c->driver->console->take_lost(c->self);
	if (lost > 0 && c->gap == 0)
		c->gap_at = c->ring.written;
	c->gap += lost;
}

void child_read_console(struct child *c)
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
	child_take_lost(c);
}

static void child_write_end(struct child *c, uint32_t id, struct rh_error *err)
{
	struct hand_event done = { .id = id, .op = HAND_OP_WRITE, .err = *err };

	child_answer(c, &done, err->code == RH_ERR_NONE ? 0 : -1);
	child_item_release(&c->writing);
}

void child_write_some(struct child *c)
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
	c->eager_until = deadline_add(now, DEADLINE_EAGER_MS);
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
