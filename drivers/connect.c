/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP connections for drivers that keep one (telnet, ssh). Nothing is kept here: the name is
 * asked for at each attach, since a console server may have moved.
 */
#include "drivers/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"

/* A peer without a word for so long is asked; without an answer it is gone. */
#define CONNECT_IDLE_S 10
#define CONNECT_PROBE_S 5
#define CONNECT_PROBES 3
#define CONNECT_UNACKED_MS 25000

void connect_limit_resolver(int64_t deadline)
{
	int64_t tries, s;

	if (deadline == DEADLINE_NEVER || res_init() != 0)
		return;
	for (tries = 1; tries <= MAXDNSRCH && _res.dnsrch[tries - 1] != NULL;)
		tries++;
	tries *= _res.nscount > 0 ? _res.nscount : 1;
	s = (deadline - deadline_now()) / 1000 / tries;
	_res.retry = 1;
	if (s < _res.retrans)
		_res.retrans = s > 1 ? (int)s : 1;
}

static int connect_resolve(const char *address, uint16_t port,
			   int64_t deadline, struct addrinfo **ret_list,
			   struct rh_error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char service[8];
	int rc;

	connect_limit_resolver(deadline);
	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(address, service, &hints, ret_list);
	if (rc == 0)
		return 0;
	return rh_error_set(err, RH_ERR_UNREACHABLE, "%s: %s", address,
			    rc == EAI_SYSTEM ? strerror(errno) :
			    gai_strerror(rc));
}

static void connect_name(const struct addrinfo *ai,
			 char ret_where[CONNECT_WHERE])
{
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	(void)getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port,
			  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(ret_where, CONNECT_WHERE,
		 ai->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int connect_wait(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int rc, e = 0;

	do {
		rc = poll(&p, 1, deadline_poll_ms(deadline));
	} while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return errno;
	return e;
}

static int connect_one(const struct addrinfo *ai, int64_t deadline,
		       const char *where, struct rh_error *err)
{
	int fd = socket(ai->ai_family,
			ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int e = 0;

	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_UNREACHABLE, errno,
					  "%s: socket", where);
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		e = errno == EINPROGRESS ? connect_wait(fd, deadline) : errno;
	if (e == 0)
		return fd;
	close(fd);
	if (e == ETIMEDOUT)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "connect to %s: no answer", where);
	return rh_error_set_errno(err, RH_ERR_UNREACHABLE, e, "connect to %s",
				  where);
}

/* Notices a peer that went away without a word; a key goes out at once. */
static void connect_keep_alive(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, CONNECT_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, CONNECT_PROBE_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, CONNECT_PROBES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, CONNECT_UNACKED_MS },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
				 &options[i].value, sizeof(int));
}

int connect_tcp(const char *address, uint16_t port, int64_t deadline,
		char ret_where[CONNECT_WHERE], struct rh_error *err)
{
	struct addrinfo *list, *ai;
	int64_t by;
	int count = 0, fd = -1;

	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s:%u: no time to connect", address, port);
	if (connect_resolve(address, port, deadline, &list, err) < 0)
		return -1;
	for (ai = list; ai != NULL; ai = ai->ai_next)
		count++;
	for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
		by = deadline;
		if (deadline != DEADLINE_NEVER)
			by = deadline_in((deadline - deadline_now()) / count--);
		connect_name(ai, ret_where);
		fd = connect_one(ai, by, ret_where, err);
	}
	freeaddrinfo(list);
	if (fd >= 0)
		connect_keep_alive(fd);
	return fd;
}
