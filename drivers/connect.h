/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_CONNECT_H
#define RH_DRIVERS_CONNECT_H

#include <netdb.h>
#include <stdint.h>

#include "base/error.h"

/* TCP connections of drivers. All of them block, until the deadline at most. */

/* For an address and its port as text: "[::1]:23". */
#define CONNECT_WHERE (NI_MAXHOST + NI_MAXSERV + 4)

/*
 * Call it before getaddrinfo: the resolver knows no deadline, only seconds for
 * each try. Where a name has several servers and suffixes, all of them together
 * get the time, in whole seconds, at least one each.
 */
void connect_limit_resolver(int64_t deadline);

/*
 * Connects to the first address of a name that answers; a silent one gets its
 * share of the time only. Returns a non-blocking socket (close(2)) and, in
 * ret_where, the address that it is. -1: UNREACHABLE (no such name, refused,
 * no route), TIMEOUT.
 */
int connect_tcp(const char *address, uint16_t port, int64_t deadline,
		char ret_where[CONNECT_WHERE], struct rh_error *err);

#endif
