/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TCP check: whether a port of a host answers, and answers as expected.
 * Runs in a hand, so name resolution may block; the hand's deadline is
 * behind it.
 *
 * A port that accepts proves little (the kernel accepts for a service that
 * hangs, a proxy for one that is gone), so the proof says what was seen: kept
 * open for half a second, or the expected bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/vis.h"
#include "drivers/connect.h"
#include "drivers/drivers.h"

#define TCP_OPEN_MS 500		/* how long it must stay open to count */
#define TCP_KEEP (64 * 1024)	/* of an answer without the expected bytes */
#define TCP_SHOW 80		/* bytes of an answer in texts */

struct tcp {
	const char *address;
	struct addrinfo *list;	/* asked for once: the name server may be next
				   to go; NULL: not yet */
};

/* One try at one address, for the steps below. */
struct tcp_try {
	const struct driver_tcp_check *check;
	int fd;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
	socklen_t to_len;
	char where[NI_MAXHOST + NI_MAXSERV + 2];
	struct buffer answer;	/* its last bytes, TCP_KEEP at most */
	size_t received;
};

static const struct option tcp_options[] = {
	{ .key = "address", .type = OPTION_NAME, .required = true,
	  .help = "Name or address of the host whose ports are checked." },
	OPTION_END,
};

static int tcp_open(void *self, const struct settings *settings,
		    int64_t deadline, struct rh_error *err)
{
	struct tcp *tcp = self;

	(void)deadline;
	(void)err;
	tcp->address = settings_text(settings, "address");
	return 0;
}

static void tcp_close(void *self)
{
	struct tcp *tcp = self;

	if (tcp->list != NULL)
		freeaddrinfo(tcp->list);
	tcp->list = NULL;
}

/* Waits for events on fd. 1: they came, 0: the deadline did. */
static int tcp_wait(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int rc;

	do {
		rc = poll(&p, 1, deadline_poll_ms(deadline));
	} while (rc < 0 && errno == EINTR);
	return rc > 0 ? 1 : 0;
}

/* What errno of a connection that is not (or no more) there means. */
static int tcp_error(const struct tcp_try *t, enum rh_code code, int e,
		     const char *what, struct rh_error *err)
{
	if (e == ETIMEDOUT)
		code = RH_ERR_TIMEOUT;
	return rh_error_set_errno(err, code, e, "tcp %s: %s", t->where, what);
}

static int tcp_connect(struct tcp_try *t, int64_t deadline,
		       struct rh_error *err)
{
	socklen_t len = sizeof(int);
	int e = 0;

	if (connect(t->fd, &t->to.any, t->to_len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return tcp_error(t, RH_ERR_UNREACHABLE, errno, "connect", err);
	if (tcp_wait(t->fd, POLLOUT, deadline) == 0)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "tcp %s: connect: no answer", t->where);
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		e = errno;
	if (e != 0)
		return tcp_error(t, RH_ERR_UNREACHABLE, e, "connect", err);
	return 0;
}

static int tcp_send(struct tcp_try *t, int64_t deadline, struct rh_error *err)
{
	const char *bytes = t->check->send;
	size_t left = t->check->send_len;
	ssize_t n;

	while (left > 0) {
		n = send(t->fd, bytes, left, MSG_NOSIGNAL);
		if (n >= 0) {
			bytes += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (tcp_wait(t->fd, POLLOUT, deadline) == 0)
				return rh_error_set(err, RH_ERR_TIMEOUT,
						    "tcp %s: it does not read",
						    t->where);
		} else if (errno != EINTR) {
			return tcp_error(t, RH_ERR_LOST, errno, "send", err);
		}
	}
	return 0;
}

static bool tcp_is_expected(const struct tcp_try *t)
{
	return t->check->expect_len > 0 && t->answer.len > 0 &&
	       memmem(t->answer.data, t->answer.len, t->check->expect,
		      t->check->expect_len) != NULL;
}

/* The end of the answer, safe to print, for texts. */
static void tcp_show(const struct tcp_try *t, struct buffer *ret)
{
	size_t len = t->answer.len < TCP_SHOW ? t->answer.len : TCP_SHOW;

	buffer_append_char(ret, '"');
	if (len > 0)
		vis_append(ret, t->answer.data, len);
	buffer_append_char(ret, '"');
}

/* Whether a person can read the answer: a banner, not a binary protocol. */
static bool tcp_is_text(const struct tcp_try *t)
{
	size_t i;

	for (i = 0; i < t->answer.len; i++) {
		if ((unsigned char)t->answer.data[i] < 0x20 &&
		    strchr("\r\n\t", t->answer.data[i]) == NULL)
			return false;
		if ((unsigned char)t->answer.data[i] >= 0x7f)
			return false;
	}
	return true;
}

/* No expected bytes until the end or the deadline: what that was. */
static int tcp_not_expected(const struct tcp_try *t, bool closed,
			    struct rh_error *err)
{
	struct buffer shown = { 0 };

	if (t->received == 0 && closed)
		return rh_error_set(err, RH_ERR_LOST,
				    "tcp %s: connected, and closed at once",
				    t->where);
	if (t->received == 0)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "tcp %s: connected, and no answer",
				    t->where);
	tcp_show(t, &shown);
	rh_error_set(err, RH_ERR_PROTOCOL,
		     "tcp %s: another answer than expected: %s", t->where,
		     buffer_text(&shown));
	buffer_release(&shown);
	return -1;
}

/* Adds what came. 1: bytes, 0: closed, -1: none now or gone (err). */
static int tcp_receive(struct tcp_try *t, struct rh_error *err)
{
	char bytes[4096];
	ssize_t n;

	n = recv(t->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n < 0)
		return tcp_error(t, RH_ERR_LOST, errno, "connected, then",
				 err);
	if (n == 0)
		return 0;
	t->received += (size_t)n;
	buffer_append(&t->answer, bytes, (size_t)n);
	return 1;
}

static int tcp_expect(struct tcp_try *t, int64_t deadline,
		      struct buffer *ret_proof, struct rh_error *err)
{
	int rc;

	while (!tcp_is_expected(t)) {
		if (t->answer.len > TCP_KEEP)
			return tcp_not_expected(t, false, err);
		if (tcp_wait(t->fd, POLLIN, deadline) == 0)
			return tcp_not_expected(t, false, err);
		rc = tcp_receive(t, err);
		if (rc < 0)
			return -1;
		if (rc == 0 && !tcp_is_expected(t))
			return tcp_not_expected(t, true, err);
	}
	buffer_printf(ret_proof, "tcp %s answers as expected", t->where);
	if (tcp_is_text(t)) {
		buffer_append_text(ret_proof, ": ");
		tcp_show(t, ret_proof);
	}
	buffer_append_char(ret_proof, '\n');
	return 0;
}

/* Stays open for a while: anything may come, but not the end. */
static int tcp_stays_open(struct tcp_try *t, int64_t deadline,
			  struct buffer *ret_proof, struct rh_error *err)
{
	const int64_t until = deadline_in(TCP_OPEN_MS);
	int rc;

	while (tcp_wait(t->fd, POLLIN, deadline_min(until, deadline)) > 0) {
		rc = tcp_receive(t, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return rh_error_set(err, RH_ERR_LOST,
					    "tcp %s: connected, and closed at "
					    "once", t->where);
		buffer_clear(&t->answer);
		if (deadline_now() >= until)
			break;
	}
	if (deadline_now() < until)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "tcp %s: connected, too late to see "
				    "whether it stays open", t->where);
	buffer_printf(ret_proof, "tcp %s connects and stays open for %d ms\n",
		      t->where, TCP_OPEN_MS);
	return 0;
}

/* One of the addresses, with the port that is checked. */
static void tcp_endpoint(struct tcp_try *t, const struct addrinfo *ai)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	memcpy(&t->to, ai->ai_addr, ai->ai_addrlen);
	t->to_len = ai->ai_addrlen;
	if (ai->ai_family == AF_INET6)
		t->to.in6.sin6_port = htons(t->check->port);
	else
		t->to.in.sin_port = htons(t->check->port);
	if (getnameinfo(&t->to.any, t->to_len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(t->where, sizeof(t->where), "?");
		return;
	}
	snprintf(t->where, sizeof(t->where),
		 ai->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* One address. *ret_connected: the rest of the addresses is not asked. */
static int tcp_try(const struct driver_tcp_check *check,
		   const struct addrinfo *ai, int64_t connect_by,
		   int64_t deadline, bool *ret_connected,
		   struct buffer *ret_proof, struct rh_error *err)
{
	struct tcp_try t = { .check = check };
	int rc = -1;

	tcp_endpoint(&t, ai);
	t.fd = socket(ai->ai_family,
		      ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t.fd < 0)
		return tcp_error(&t, RH_ERR_UNREACHABLE, errno, "socket", err);
	if (tcp_connect(&t, connect_by, err) < 0)
		goto out;
	*ret_connected = true;
	if (tcp_send(&t, deadline, err) < 0)
		goto out;
	if (check->expect_len > 0)
		rc = tcp_expect(&t, deadline, ret_proof, err);
	else
		rc = tcp_stays_open(&t, deadline, ret_proof, err);
out:
	buffer_release(&t.answer);
	close(t.fd);
	return rc;
}

static int tcp_resolve(struct tcp *tcp, int64_t deadline, struct rh_error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int rc;

	if (tcp->list != NULL)
		return 0;
	connect_limit_resolver(deadline);
	rc = getaddrinfo(tcp->address, NULL, &hints, &tcp->list);
	if (rc == 0)
		return 0;
	tcp->list = NULL;
	return rh_error_set(err, RH_ERR_UNREACHABLE, "%s: %s", tcp->address,
			    rc == EAI_SYSTEM ? strerror(errno) :
			    gai_strerror(rc));
}

static int tcp_check(void *self, const struct driver_tcp_check *check,
		     int64_t deadline, struct buffer *ret_proof,
		     struct rh_error *err)
{
	struct tcp *tcp = self;
	const struct addrinfo *ai;
	bool connected = false;
	int64_t left;
	int count = 0, rc = -1;

	if (tcp_resolve(tcp, deadline, err) < 0)
		return -1;
	for (ai = tcp->list; ai != NULL; ai = ai->ai_next)
		count++;
	/* A silent address gets its share of the time, not all of it. */
	for (ai = tcp->list; ai != NULL && rc < 0 && !connected;
	     ai = ai->ai_next) {
		left = deadline == DEADLINE_NEVER ? DEADLINE_NEVER :
		       (deadline - deadline_now()) / count--;
		rc = tcp_try(check, ai, deadline_in(left), deadline,
			     &connected, ret_proof, err);
	}
	return rc;
}

/* Only what its name is: which port matters is known to the checks alone. */
static int tcp_look(void *self, unsigned flags, int64_t deadline,
		    struct buffer *ret, struct rh_error *err)
{
	struct rh_error why = RH_ERROR_INIT;
	const struct addrinfo *ai;
	struct tcp *tcp = self;
	char host[NI_MAXHOST];

	(void)flags;
	(void)err;
	if (tcp_resolve(tcp, deadline, &why) < 0) {
		buffer_printf(ret, "fail\taddress\t%s\n", why.text);
		return 0;
	}
	buffer_printf(ret, "ok\taddress\t%s is", tcp->address);
	for (ai = tcp->list; ai != NULL; ai = ai->ai_next) {
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host),
				NULL, 0, NI_NUMERICHOST) == 0)
			buffer_printf(ret, " %s", host);
	}
	buffer_append_text(ret, "; no port is asked for\n");
	return 0;
}

static const struct driver_doctor_ops tcp_doctor_ops = {
	.look = tcp_look,
};

static const struct driver_check_ops tcp_check_ops = {
	.tcp = tcp_check,
};

const struct driver driver_tcp = {
	.name = "tcp",
	.summary = "checks whether a TCP port answers",
	.options = tcp_options,
	.size = sizeof(struct tcp),
	.open = tcp_open,
	.close = tcp_close,
	.check = &tcp_check_ops,
	.doctor = &tcp_doctor_ops,
};
