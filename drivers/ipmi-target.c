/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address of a BMC, resolved once for the life of the instance (O07), so
 * that a name server that dies in the middle of a run costs nothing. A
 * numeric address never asks one. A name may have several addresses; the
 * one that answers is kept.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/connect.h"
#include "drivers/ipmi.h"

static void ipmi_targets_add(struct ipmi_targets *targets,
			     const struct addrinfo *ai)
{
	char host[46], port[8], *text;	/* INET6_ADDRSTRLEN */
	int i;

	if (targets->count == IPMI_TARGETS_MAX ||
	    getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	text = targets->text[targets->count];
	snprintf(text, IPMI_TARGET_SIZE,
		 ai->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	for (i = 0; i < targets->count; i++) {
		if (strcmp(targets->text[i], text) == 0)
			return;
	}
	targets->count++;
}

int ipmi_targets_resolve(struct ipmi_targets *targets, const char *address,
			 int port, int64_t deadline, struct rh_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *list, *ai;
	char service[8];
	int rc;

	if (targets->count > 0)
		return 0;
	snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(address, service, &hints, &list);
	if (rc == EAI_NONAME) {
		connect_limit_resolver(deadline);
		hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
		rc = getaddrinfo(address, service, &hints, &list);
	}
	if (rc != 0)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "the name %s has no address: %s", address,
				    gai_strerror(rc));
	for (ai = list; ai != NULL; ai = ai->ai_next)
		ipmi_targets_add(targets, ai);
	freeaddrinfo(list);
	if (targets->count == 0)
		return rh_error_set(err, RH_ERR_UNREACHABLE,
				    "the name %s has no usable address",
				    address);
	return 0;
}

const char *ipmi_targets_current(const struct ipmi_targets *targets)
{
	return targets->text[targets->current];
}

void ipmi_targets_next(struct ipmi_targets *targets)
{
	targets->current = (targets->current + 1) % targets->count;
}
