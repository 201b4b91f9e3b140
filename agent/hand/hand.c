/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hands, seen from the brain. agent/run, the verbs and the twins' tests
 * come in by hand.h; the other end of the socket is hand-child.c.
 *
 * Always true:
 *  - pending[] holds the requests that the hand has not answered, oldest
 *    first; the hand executes them in that order, so pending[0] is the one that
 *    it works at. An entry stays until the hand's own answer comes, even
 *    when its HAND_DONE was given before that (TOLD), so an answer always
 *    belongs to pending[0] or is a violation;
 *  - a hand that breaks the protocol is killed and nothing more of it is read.
 */
#include "agent/hand/hand.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/hand/hand-private.h"
#include "base/deadline.h"

#define HAND_GRACE_MS 250	/* how late an answer may be */
#define HAND_LAST_CHANCE_MS 40	/* to read what has come already */
#define HAND_LIFE_MS 5000	/* without a sign of life while attached */
#define HAND_BATCH 256		/* messages until the caller's turn */

const char *hand_name(const struct hand *h)
{
	return h->name;
}

int hand_fd(const struct hand *h)
{
	return h->fd;
}

pid_t hand_pid(const struct hand *h)
{
	return h->pid;
}

/* --- Requests --- */

static struct pending *hand_pending_add(struct hand *h,
					const struct hand_request *request)
{
	struct pending *p = &h->pending[h->pending_count];

	if (h->pending_count == 0)
		h->head_since = deadline_now();
	h->pending_count++;
	memset(p, 0, sizeof(*p));
	p->stage = PENDING_WAITING;
	p->id = h->last_id;
	p->op = request->op;
	p->deadline = request->deadline;
	return p;
}

static void hand_pending_drop(struct hand *h, size_t i)
{
	h->pending_count--;
	memmove(&h->pending[i], &h->pending[i + 1],
		(h->pending_count - i) * sizeof(h->pending[0]));
	if (i == 0)
		h->head_since = deadline_now();
}

static int hand_send_bytes(struct hand *h, const struct buffer *message,
			   struct rh_error *err)
{
	ssize_t sent;

	if (message_check(message->data, message->len,
			  MESSAGE_BIT(MESSAGE_REQUEST), err) < 0)
		return rh_error_set(err, RH_ERR_INTERNAL,
				    "%s: a request that makes no sense",
				    h->name);
	do {
		sent = send(h->fd, message->data, message->len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	if (errno == EAGAIN)
		return rh_error_set(err, RH_ERR_BUSY,
				    "%s: the hand does not read", h->name);
	return rh_error_set_errno(err, RH_ERR_CRASHED, errno,
				  "%s: the hand does not listen", h->name);
}

int hand_send(struct hand *h, const struct hand_request *request,
	      uint32_t *ret_id, struct rh_error *err)
{
	struct buffer message = { 0 };
	int rc;

	if (h->stage != HAND_STAGE_LIVE)
		return rh_error_set(err, RH_ERR_CRASHED,
				    "%s: the hand has ended", h->name);
	if (h->pending_count == HAND_QUEUE)
		return rh_error_set(err, RH_ERR_BUSY,
				    "%s: %d requests wait already", h->name,
				    HAND_QUEUE);
	if (++h->last_id == 0)
		h->last_id = 1;
	message_put_request(&message, h->last_id, request);
	rc = hand_send_bytes(h, &message, err);
	explicit_bzero(message.data, message.len);
	buffer_release(&message);
	if (rc < 0)
		return -1;
	*ret_id = hand_pending_add(h, request)->id;
	return 0;
}

void hand_end_pending(struct hand *h, enum rh_code code,
			     const char *text)
{
	size_t i;

	for (i = 0; i < h->pending_count; i++) {
		if (h->pending[i].stage != PENDING_WAITING)
			continue;
		h->pending[i].stage = PENDING_DUE;
		rh_error_set(&h->pending[i].err, code, "%s", text);
	}
}

/* --- Events --- */

/* The next request that has ended without the hand's own answer. */
static bool hand_next_due(struct hand *h, struct hand_event *ret)
{
	size_t i;

	for (i = 0; i < h->pending_count; i++) {
		if (h->pending[i].stage != PENDING_DUE)
			continue;
		h->pending[i].stage = PENDING_TOLD;
		ret->type = HAND_DONE;
		ret->id = h->pending[i].id;
		ret->op = h->pending[i].op;
		ret->err = h->pending[i].err;
		ret->bytes = "";
		return true;
	}
	return false;
}

/* It broke the protocol: nothing more of it is believed. */
static void hand_violation(struct hand *h, const struct rh_error *err)
{
	hand_end_pending(h, RH_ERR_PROTOCOL, err->text);
	hand_kill_because(h, err);
}

static unsigned hand_allowed(const struct hand *h)
{
	unsigned allowed = 0;

	if (h->pending_count > 0)
		allowed |= MESSAGE_BIT(MESSAGE_DONE);
	if (h->attached)
		allowed |= MESSAGE_BIT(MESSAGE_BYTES) |
			   MESSAGE_BIT(MESSAGE_GAP) |
			   MESSAGE_BIT(MESSAGE_LOST) |
			   MESSAGE_BIT(MESSAGE_ALIVE);
	if (h->attached && h->stage == HAND_STAGE_STOPPING)
		allowed |= MESSAGE_BIT(MESSAGE_GIVEN_BACK);
	if (h->pending_count > 0 && h->pending[0].op == HAND_OP_QUERY_ALL)
		allowed |= MESSAGE_BIT(MESSAGE_STATE);
	return allowed;
}

/* An answer of the hand. Returns whether the caller is told. */
static bool hand_take_done(struct hand *h, struct hand_event *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	enum pending_stage stage = h->pending[0].stage;

	message_get_done(h->bytes, ret);
	if (ret->id != h->pending[0].id || ret->op != h->pending[0].op) {
		rh_error_set(&err, RH_ERR_PROTOCOL,
			     "bad message: an answer to another request");
		hand_violation(h, &err);
		return false;
	}
	hand_pending_drop(h, 0);
	if (ret->op == HAND_OP_ATTACH && ret->err.code == RH_ERR_NONE) {
		h->attached = true;
		/* Nobody knows of this session: the caller gave up on it. */
		if (stage != PENDING_WAITING)
			hand_stop(h);
	}
	if (ret->op == HAND_OP_DETACH && ret->err.code == RH_ERR_NONE)
		h->attached = false;
	return stage == PENDING_WAITING;
}

/* One of many; whoever gave up on the request is not told. */
static bool hand_take_state(struct hand *h, struct hand_event *ret)
{
	struct rh_error err = RH_ERROR_INIT;

	message_get_state(h->bytes, ret);
	if (ret->index < h->fleet_count)
		return h->pending[0].stage == PENDING_WAITING;
	rh_error_set(&err, RH_ERR_PROTOCOL, "bad message: one of many that "
		     "there is not");
	hand_violation(h, &err);
	return false;
}

/* Decodes a message. Returns whether it is an event for the caller. */
static bool hand_take(struct hand *h, size_t len, struct hand_event *ret)
{
	struct rh_error err = RH_ERROR_INIT;

	if (h->stage == HAND_STAGE_KILLED && h->why.code == RH_ERR_PROTOCOL)
		return false;
	if (message_check(h->bytes, len, hand_allowed(h), &err) < 0) {
		hand_violation(h, &err);
		return false;
	}
	h->bytes[len] = '\0';
	h->life_at = deadline_now();
	switch (message_type_of(h->bytes)) {
	case MESSAGE_DONE:
		return hand_take_done(h, ret);
	case MESSAGE_BYTES:
		message_get_bytes(h->bytes, ret);
		return true;
	case MESSAGE_GAP:
		message_get_gap(h->bytes, ret);
		return true;
	case MESSAGE_LOST:
		message_get_lost(h->bytes, ret);
		h->attached = false;
		return true;
	case MESSAGE_STATE:
		return hand_take_state(h, ret);
	case MESSAGE_GIVEN_BACK:
		h->attached = false;
		return false;
	default:
		return false;
	}
}

/* One message. 1: there was one, 0: none now, -1: the end. */
static int hand_receive(struct hand *h, size_t *ret_len)
{
	ssize_t len;

	for (;;) {
		len = recv(h->fd, h->bytes, sizeof(h->bytes) - 1,
			   MSG_DONTWAIT | MSG_TRUNC);
		if (len > 0)
			break;
		/*
		 * Reset: it died with requests unread. That is told once, and
		 * before what it has sent; so go on to the real end.
		 */
		if (len < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		return len < 0 && errno == EAGAIN ? 0 : -1;
	}
	/* One that was cut is of no legal size. */
	*ret_len = (size_t)len < sizeof(h->bytes) ? (size_t)len : 0;
	return 1;
}

/* Reads on until there is an event, nothing, or the end of the process. */
static bool hand_next_message(struct hand *h, struct hand_event *ret)
{
	size_t len = 0;
	int rc;

	while (!hand_is_gone(h) && ++h->batch <= HAND_BATCH) {
		rc = h->fd_is_process ? -1 : hand_receive(h, &len);
		if (rc < 0)
			hand_reap(h);
		if (rc == 0 || h->fd_is_process)
			break;
		if (rc > 0 && hand_take(h, len, ret))
			return true;
		memset(ret, 0, sizeof(*ret));
		if (hand_next_due(h, ret))
			return true;
	}
	h->batch = 0;
	return false;
}

bool hand_next(struct hand *h, struct hand_event *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (hand_next_due(h, ret) || hand_next_message(h, ret) ||
	    hand_next_due(h, ret))
		return true;
	if (h->stage != HAND_STAGE_GONE)
		return false;
	h->stage = HAND_STAGE_ENDED;
	ret->type = HAND_ENDED;
	ret->held_console = h->attached;
	hand_describe_end(h, &ret->err);
	return true;
}

/* --- Time --- */

/* When HAND_DONE is owed, whatever the hand does. */
static int64_t hand_late_at(const struct pending *p)
{
	if (p->last_chance != 0)
		return p->last_chance;
	return deadline_add(p->deadline, HAND_GRACE_MS);
}

/*
 * When the hand itself is late: it has had its time for the oldest request,
 * and a moment since that became the oldest (to see that it is too late).
 */
static int64_t hand_hung_at(const struct hand *h)
{
	int64_t at = hand_late_at(&h->pending[0]);
	int64_t since = deadline_add(h->head_since, HAND_GRACE_MS);

	return at > since ? at : since;
}

/* Whether silence of this hand means something. */
static bool hand_should_live(const struct hand *h)
{
	size_t i;

	for (i = 0; i < h->pending_count; i++) {
		if (h->pending[i].op != HAND_OP_WRITE)
			return false;
	}
	return h->attached && h->stage == HAND_STAGE_LIVE;
}

int64_t hand_deadline(const struct hand *h)
{
	int64_t at = h->kill_at;
	size_t i;

	if (hand_is_gone(h))
		return h->stage == HAND_STAGE_GONE ? 0 : DEADLINE_NEVER;
	for (i = 0; i < h->pending_count; i++) {
		if (h->pending[i].stage == PENDING_DUE)
			return 0;
		if (h->pending[i].stage == PENDING_WAITING)
			at = deadline_min(at, hand_late_at(&h->pending[i]));
	}
	if (h->pending_count > 0 && h->stage == HAND_STAGE_LIVE)
		at = deadline_min(at, hand_hung_at(h));
	if (hand_should_live(h))
		at = deadline_min(at, deadline_add(h->life_at, HAND_LIFE_MS));
	return at;
}

static bool hand_has_input(const struct hand *h)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };

	return !h->fd_is_process && poll(&p, 1, 0) > 0;
}

/*
 * The answer may have come while the brain was busy elsewhere: then there is a
 * moment to read it.
 */
static bool hand_last_chance(struct hand *h, struct pending *p, int64_t now)
{
	if (p->last_chance != 0 || !hand_has_input(h))
		return false;
	p->last_chance = deadline_add(now, HAND_LAST_CHANCE_MS);
	return true;
}

static void hand_tick_pending(struct hand *h, int64_t now)
{
	struct pending *p;
	size_t i;

	for (i = 0; i < h->pending_count; i++) {
		p = &h->pending[i];
		if (p->stage != PENDING_WAITING || now < hand_late_at(p) ||
		    hand_last_chance(h, p, now))
			continue;
		p->stage = PENDING_DUE;
		rh_error_set(&p->err, RH_ERR_TIMEOUT, i == 0 ?
			     "no answer in time: %s" :
			     "its turn did not come in time: %s",
			     message_op_name(p->op));
	}
}

/* The request at which the hand works is late, so the hand is. */
static void hand_tick_hung(struct hand *h, int64_t now)
{
	struct pending *p = &h->pending[0];

	if (h->pending_count == 0 || h->stage != HAND_STAGE_LIVE ||
	    now < hand_hung_at(h) || hand_last_chance(h, p, now))
		return;
	rh_error_set(&h->why, RH_ERR_TIMEOUT,
		     "the hand was stopped, it did not return from: %s",
		     message_op_name(p->op));
	hand_stop(h);
	hand_end_pending(h, RH_ERR_CRASHED, "the hand was stopped");
}

static void hand_tick_life(struct hand *h, int64_t now)
{
	struct rh_error why = RH_ERROR_INIT;

	if (!hand_should_live(h) ||
	    now < deadline_add(h->life_at, HAND_LIFE_MS))
		return;
	if (hand_has_input(h)) {
		h->life_at = now;
		return;
	}
	rh_error_set(&why, RH_ERR_CRASHED,
		     "the hand was killed, it gave no sign of life for %d s",
		     HAND_LIFE_MS / 1000);
	hand_kill_because(h, &why);
}

void hand_tick(struct hand *h, int64_t now)
{
	struct rh_error why = RH_ERROR_INIT;

	if (hand_is_gone(h))
		return;
	hand_tick_pending(h, now);
	hand_tick_hung(h, now);
	hand_tick_life(h, now);
	if (now < h->kill_at)
		return;
	rh_error_set(&why, RH_ERR_CRASHED,
		     "the hand was killed, it did not end when asked to");
	hand_kill_because(h, &why);
}
