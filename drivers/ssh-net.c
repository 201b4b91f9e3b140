/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a name and a port to a connected socket. libssh could do this, but says
 * neither which address refused nor why, and knows no absolute deadline.
 *
 * Always true: every wait here ends by the deadline; the resolver, which knows
 * none, gets whole seconds that fit into it.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "drivers/connect.h"
#include "drivers/ssh.h"

static int rh_ssh_net_resolve(const char *host, int port, int64_t deadline,
		       struct addrinfo **ret, struct rh_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	char service[8];
	int rc;

	snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(host, service, &hints, ret);
	if (rc == EAI_NONAME) {
		connect_limit_resolver(deadline);
		hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		rc = getaddrinfo(host, service, &hints, ret);
	}
	if (rc == 0)
		return 0;
	return rh_error_set(err, RH_ERR_UNREACHABLE,
			    "the name %s has no address: %s", host,
			    rc == EAI_SYSTEM ? strerror(errno) :
			    gai_strerror(rc));
}

/* Waits for a connection in progress; 0 or an errno. */
static int rh_ssh_net_wait(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int rc, e = 0;

	do {
		rc = poll(&p, 1, deadline_poll_ms(deadline));
	} while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return errno;
	return e;
}

static int rh_ssh_net_try(const struct addrinfo *ai, int64_t deadline,
		   struct rh_error *err)
{
	char host[NI_MAXHOST] = "?";
	int fd, e = 0, on = 1;

	(void)getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), NULL,
			  0, NI_NUMERICHOST);
	fd = socket(ai->ai_family,
		    ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_UNREACHABLE, errno,
					  "socket for %s", host);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		e = errno == EINPROGRESS ? rh_ssh_net_wait(fd, deadline) : errno;
	if (e == 0)
		return fd;
	close(fd);
	return rh_error_set_errno(err, RH_ERR_UNREACHABLE, e, "connect to %s",
				  host);
}

int rh_ssh_net_connect(const char *host, int port, int64_t deadline,
		       struct rh_error *err)
{
	struct addrinfo *list, *ai;
	int64_t share;
	int count = 0, fd = -1;

	if (rh_ssh_net_resolve(host, port, deadline, &list, err) < 0)
		return -1;
	for (ai = list; ai != NULL; ai = ai->ai_next)
		count++;
	/* A silent address gets its share of the time, not all of it. */
	for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
		share = deadline == DEADLINE_NEVER ? DEADLINE_NEVER :
			(deadline - deadline_now()) / count--;
		fd = rh_ssh_net_try(ai, deadline_in(share), err);
	}
	freeaddrinfo(list);
	return fd;
}

void rh_ssh_net_set_patience(int fd, int64_t ms)
{
	unsigned timeout = (unsigned)ms;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
			 sizeof(timeout));
}
