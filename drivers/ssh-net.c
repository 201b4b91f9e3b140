/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a name and a port to a connected socket, by connect.c. libssh could do
 * this, but says neither which address refused nor why, and knows no absolute
 * deadline.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "drivers/connect.h"
#include "drivers/ssh.h"

/* No connection in time is UNREACHABLE: nothing was run, which TIMEOUT leaves open. */
int rh_ssh_net_connect(const char *host, int port, int64_t deadline,
		       struct rh_error *err)
{
	char where[CONNECT_WHERE];
	int fd = connect_tcp(host, (uint16_t)port, deadline, where, err);

	if (fd < 0 && err != NULL)
		err->code = RH_ERR_UNREACHABLE;
	return fd;
}

void rh_ssh_net_set_patience(int fd, int64_t ms)
{
	unsigned timeout = (unsigned)ms;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
			 sizeof(timeout));
}
