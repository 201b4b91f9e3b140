/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection to a console server. The hand comes in by telnet_console_ops,
 * the doctor by telnet_console_attach.
 *
 * A console server accepts whoever comes, and says or does what it means a
 * moment later: it closes, or prints that the port is in use. So attach
 * looks at the line for a moment, and what came is kept for the first read.
 *
 * Always true: t->fd is -1 while nothing is attached; `out` holds what was
 * accepted and not sent, a few KB at most; nothing is accepted while it does.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/telnet.h"

#define TELNET_SETTLE_MS 300	/* to close at once, to say "in use" */
#define TELNET_WATCH_MS 5000	/* in which "in use" is no console output */
#define TELNET_WATCH_MAX 4096
#define TELNET_HELD_MAX (256 * 1024)
#define TELNET_WRITE_MAX 4096
#define TELNET_OUT_MAX (64 * 1024)	/* a peer that asks and does not read */
#define TELNET_COM_PORT_MS 3000	/* for an answer of RFC 2217 */
#define TELNET_BREAK_MS 300
#define TELNET_SHOW 120
#define TELNET_TURNS 64

/* --- gone ----------------------------------------------------------------------- */

void telnet_console_close(struct telnet *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	buffer_release(&t->out);
	buffer_release(&t->held);
	buffer_release(&t->first);
}

/* e: errno, 0 where the server closed. */
static int telnet_gone(struct telnet *t, int e, struct rh_error *err)
{
	struct buffer shown = { 0 };
	size_t len = t->first.len < TELNET_SHOW ? t->first.len : TELNET_SHOW;

	if (t->fd < 0)
		return rh_error_set(err, RH_ERR_LOST, "nothing is connected");
	if (e != 0)
		return rh_error_set_errno(err, RH_ERR_LOST, e,
					  "%s: connection lost", t->where);
	if (deadline_now() >= t->watch_until || len == 0)
		return rh_error_set(err, RH_ERR_LOST,
				    "%s closed the connection", t->where);
	vis_append(&shown, t->first.data, len);
	rh_error_set(err, RH_ERR_LOST, "%s closed the connection: \"%s\"",
		     t->where, buffer_text(&shown));
	buffer_release(&shown);
	return -1;
}

/* --- bytes ---------------------------------------------------------------------- */

/* Sends what is in `out`, as far as the peer takes it. */
static int telnet_flush(struct telnet *t, struct rh_error *err)
{
	ssize_t n;

	while (t->out.len > 0) {
		n = send(t->fd, t->out.data, t->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno != EINTR)
			return telnet_gone(t, errno, err);
		if (n > 0)
			buffer_drop(&t->out, (size_t)n);
	}
	if (t->out.len > TELNET_OUT_MAX)
		return rh_error_set(err, RH_ERR_LOST,
				    "%s asks and does not read the answers",
				    t->where);
	return 0;
}

/* Keeps the first data, and looks for what says "in use". -1: BUSY. */
static int telnet_watch(struct telnet *t, const void *bytes, size_t len,
			struct rh_error *err)
{
	size_t room = TELNET_WATCH_MAX - t->first.len;

	if (room == 0 || deadline_now() >= t->watch_until)
		return 0;
	buffer_append(&t->first, bytes, len < room ? len : room);
	if (t->busy == NULL || t->first.len == 0 ||
	    memmem(t->first.data, t->first.len, t->busy, strlen(t->busy)) ==
		    NULL)
		return 0;
	return rh_error_set(err, RH_ERR_BUSY,
			    "%s says \"%.80s\": somebody else holds this "
			    "console", t->where, t->busy);
}

/* Data without waiting: > 0 bytes, 0 none now, -1 gone or BUSY. */
static int telnet_receive(struct telnet *t, void *bytes, size_t size,
			  struct rh_error *err)
{
	size_t kept = 0;
	ssize_t n;
	int turn;

	for (turn = 0; kept == 0 && turn < TELNET_TURNS; turn++) {
		n = recv(t->fd, bytes, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return telnet_gone(t, n < 0 ? errno : 0, err);
		kept = telnet_protocol_decode(&t->protocol, bytes, (size_t)n,
					      &t->out);
		if (telnet_watch(t, bytes, kept, err) < 0)
			return -1;
	}
	if (telnet_flush(t, err) < 0)
		return -1;
	return (int)kept;
}

/* Waits for bytes once and puts them into held. -1: gone. */
static int telnet_turn(struct telnet *t, int64_t until, struct rh_error *err)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	char bytes[4096];
	int n;

	if (telnet_flush(t, err) < 0)
		return -1;
	if (t->out.len > 0)
		p.events |= POLLOUT;
	if (poll(&p, 1, deadline_poll_ms(until)) <= 0)
		return 0;
	n = telnet_receive(t, bytes, sizeof(bytes), err);
	if (n > 0)
		buffer_append(&t->held, bytes, (size_t)n);
	return n < 0 ? -1 : 0;
}

int telnet_console_gather(struct telnet *t, int64_t until, struct rh_error *err)
{
	while (deadline_now() < until && t->held.len < TELNET_HELD_MAX) {
		if (telnet_turn(t, until, err) < 0)
			return -1;
	}
	return 0;
}

/* --- RFC 2217 ------------------------------------------------------------------- */

static int telnet_await_com_port(struct telnet *t, int64_t until,
				 struct rh_error *err)
{
	const struct telnet_protocol *p = &t->protocol;

	while (!telnet_protocol_has_com_port(p) && !p->com_port_refused &&
	       deadline_now() < until) {
		if (telnet_turn(t, until, err) < 0)
			return -1;
	}
	if (telnet_protocol_has_com_port(p))
		return 0;
	return rh_error_set(err, RH_ERR_NOTSUP,
			    "%s %s RFC 2217; protocol = telnet does without",
			    t->where, p->com_port_refused ? "refuses" :
			    "does not answer about");
}

/* One setting of the port; the server says what it is then. */
static int telnet_set(struct telnet *t, enum telnet_com_port command,
		      const char *name, int64_t until, struct rh_error *err)
{
	struct telnet_protocol *p = &t->protocol;
	const uint32_t wanted = t->wanted[command];

	if (wanted == 0)
		return 0;
	telnet_protocol_set(p, command, wanted, &t->out);
	while (!p->told[command] && deadline_now() < until) {
		if (telnet_turn(t, until, err) < 0)
			return -1;
	}
	if (!p->told[command])
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s does not answer to %s by RFC 2217",
				    t->where, name);
	if (p->value[command] != wanted)
		return rh_error_set(err, RH_ERR_PROTOCOL,
				    "%s: %s by RFC 2217: asked for %u, it has "
				    "set %u", t->where, name, wanted,
				    p->value[command]);
	return 0;
}

static int telnet_set_all(struct telnet *t, int64_t until,
			  struct rh_error *err)
{
	if (telnet_await_com_port(t, until, err) < 0 ||
	    telnet_set(t, TELNET_COM_PORT_SPEED, "speed", until, err) < 0 ||
	    telnet_set(t, TELNET_COM_PORT_BITS, "bits", until, err) < 0 ||
	    telnet_set(t, TELNET_COM_PORT_PARITY, "parity", until, err) < 0)
		return -1;
	return telnet_set(t, TELNET_COM_PORT_STOP, "stop", until, err);
}

/* --- the operations -------------------------------------------------------------- */

int telnet_console_attach(struct telnet *t, int64_t deadline,
			  struct rh_error *err)
{
	int64_t now;

	telnet_console_close(t);
	t->fd = connect_tcp(t->address, t->port, deadline, t->where, err);
	if (t->fd < 0)
		return -1;
	now = deadline_now();
	t->watch_until = deadline_add(now, TELNET_WATCH_MS);
	telnet_protocol_begin(&t->protocol, t->kind, &t->out);
	if (telnet_console_gather(t, deadline_min(deadline,
			deadline_add(now, TELNET_SETTLE_MS)), err) < 0)
		goto fail;
	if (t->kind == TELNET_KIND_RFC2217 &&
	    telnet_set_all(t, deadline_min(deadline,
			deadline_add(now, TELNET_COM_PORT_MS)), err) < 0)
		goto fail;
	return 0;
fail:
	telnet_console_close(t);
	return -1;
}

static int telnet_attach(void *self, unsigned flags, int64_t deadline,
			 struct rh_error *err)
{
	(void)flags;	/* no console server lets us take a port by telnet */
	return telnet_console_attach(self, deadline, err);
}

static int telnet_pollfds(void *self, struct pollfd *fds, int max,
			  int *ret_wake_ms)
{
	const struct telnet *t = self;

	if (t->fd < 0 || max < 1)
		return 0;
	fds[0] = (struct pollfd){ .fd = t->fd, .events = POLLIN };
	if (t->out.len > 0)
		fds[0].events |= POLLOUT;
	if (t->held.len > 0)
		*ret_wake_ms = 0;
	return 1;
}

static int telnet_read(void *self, void *bytes, size_t size,
		       struct rh_error *err)
{
	struct telnet *t = self;

	if (t->fd < 0)
		return telnet_gone(t, 0, err);
	if (t->held.len == 0)
		return telnet_receive(t, bytes, size, err);
	if (size > t->held.len)
		size = t->held.len;
	memcpy(bytes, t->held.data, size);
	buffer_drop(&t->held, size);
	return (int)size;
}

static int telnet_write(void *self, const void *bytes, size_t len,
			struct rh_error *err)
{
	struct telnet *t = self;

	if (t->fd < 0 || telnet_flush(t, err) < 0)
		return t->fd < 0 ? telnet_gone(t, 0, err) : -1;
	if (t->out.len > 0 || t->protocol.suspended)
		return 0;
	if (len > TELNET_WRITE_MAX)
		len = TELNET_WRITE_MAX;
	telnet_protocol_encode(&t->protocol, bytes, len, &t->out);
	if (telnet_flush(t, err) < 0)
		return -1;
	return (int)len;
}

static int telnet_break(void *self, struct rh_error *err)
{
	struct telnet *t = self;

	if (t->fd < 0)
		return telnet_gone(t, 0, err);
	if (t->kind == TELNET_KIND_RAW)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "a raw TCP connection carries no break; "
				    "protocol = telnet does");
	if (!telnet_protocol_has_com_port(&t->protocol)) {
		telnet_protocol_break(&t->out);
		return telnet_flush(t, err);
	}
	telnet_protocol_set(&t->protocol, TELNET_COM_PORT_CONTROL,
			    TELNET_CONTROL_BREAK_ON, &t->out);
	if (telnet_console_gather(t, deadline_in(TELNET_BREAK_MS), err) < 0)
		return -1;
	telnet_protocol_set(&t->protocol, TELNET_COM_PORT_CONTROL,
			    TELNET_CONTROL_BREAK_OFF, &t->out);
	return telnet_flush(t, err);
}

/* What was accepted is sent before the end. */
static void telnet_detach(void *self, int64_t deadline)
{
	struct telnet *t = self;
	struct pollfd p = { .fd = t->fd, .events = POLLOUT };

	while (t->fd >= 0 && t->out.len > 0 && deadline_now() < deadline) {
		if (poll(&p, 1, deadline_poll_ms(deadline)) <= 0 ||
		    telnet_flush(t, NULL) < 0)
			break;
	}
	telnet_console_close(t);
}

const struct driver_console_ops telnet_console_ops = {
	.attach = telnet_attach,
	.pollfds = telnet_pollfds,
	.read = telnet_read,
	.write = telnet_write,
	.send_break = telnet_break,
	.detach = telnet_detach,
};
