/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a BMC is there, by a question that needs no session: Get Channel
 * Authentication Capabilities (22.13), which each BMC answers before anybody
 * logs in. doctor asks it once; a console whose program takes a minute to see
 * that its BMC died (L21, L22) is watched with it.
 *
 * Always true: a watch judges only a BMC that has answered it since it began,
 * so one that answers no such question costs a packet now and then, and is
 * never called lost; it asks seldom, and a BMC that did not answer more often,
 * so that lost packets (S16) do not look like a death.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "drivers/ipmi.h"

#define IPMI_WATCH_EVERY_MS 3000
#define IPMI_WATCH_QUESTIONS 6	/* unanswered, before it can be lost */
#define IPMI_WATCH_TURNS 16

static const uint8_t ipmi_watch_question[] = {
	0x06, 0x00, 0xff, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x09, 0x20, 0x18, 0xc8, 0x81, 0x00, 0x38, 0x8e, 0x04, 0xb5,
};

int ipmi_watch_socket(const struct ipmi_targets *targets)
{
	const char *target = ipmi_targets_current(targets);
	const char *colon = strrchr(target, ':');
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *list;
	char host[IPMI_TARGET_SIZE];
	size_t skip = target[0] == '[' ? 1 : 0;
	int fd;

	if (colon == NULL)
		return -1;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - target - 2 * skip),
		 target + skip);
	if (getaddrinfo(host, colon + 1, &hints, &list) != 0)
		return -1;
	fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static bool ipmi_watch_send(int fd)
{
	return send(fd, ipmi_watch_question, sizeof(ipmi_watch_question),
		    MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

size_t ipmi_watch_ask(int fd, int64_t until, uint8_t *ret, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (!ipmi_watch_send(fd))
		return 0;
	while (deadline_now() < until) {
		if (poll(&p, 1, deadline_poll_ms(until)) <= 0)
			continue;
		n = recv(fd, ret, size, MSG_DONTWAIT);
		if (n > 0)
			return (size_t)n;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			break;
	}
	return 0;
}

/* --- while a console is attached ------------------------------------------------ */

void ipmi_watch_begin(struct ipmi_watch *w, const struct ipmi_targets *targets,
		      int64_t lost_after)
{
	ipmi_watch_end(w);
	w->fd = ipmi_watch_socket(targets);
	w->watching = w->fd >= 0;
	w->lost_after = lost_after;
	w->every = deadline_min(IPMI_WATCH_EVERY_MS, lost_after / 3);
	w->due = deadline_now();
	w->heard = w->asked = 0;
	w->unanswered = 0;
}

void ipmi_watch_end(struct ipmi_watch *w)
{
	if (w->watching)
		close(w->fd);
	w->watching = false;
}

/* Takes the answers that are there. An ICMP error is none. */
static void ipmi_watch_listen(struct ipmi_watch *w, int64_t now)
{
	uint8_t bytes[256];
	int turns;
	ssize_t n;

	for (turns = 0; turns < IPMI_WATCH_TURNS; turns++) {
		n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			continue;
		/* it came some time behind the question, nobody looked */
		w->heard = w->asked;
		w->unanswered = 0;
		w->due = deadline_add(now, w->every);
	}
}

void ipmi_watch_heard(struct ipmi_watch *w, int64_t now)
{
	if (w->heard == 0)
		return;
	w->heard = now;
	w->unanswered = 0;
}

/*
 * What came is taken before anything is judged, and it counts how often was
 * asked: a process that did not run for a minute knows nothing.
 */
bool ipmi_watch_is_lost(struct ipmi_watch *w, int64_t now)
{
	if (!w->watching || now < w->due)
		return false;
	ipmi_watch_listen(w, now);
	if (now < w->due)
		return false;
	if (w->heard != 0 && w->unanswered >= IPMI_WATCH_QUESTIONS &&
	    now - w->heard >= w->lost_after)
		return true;
	if (w->heard == 0 && w->unanswered > 0 && now < w->asked + w->every) {
		w->due = w->asked + w->every;
		return false;
	}
	(void)ipmi_watch_send(w->fd);
	w->asked = now;
	w->unanswered++;
	w->due = deadline_add(now, w->every / IPMI_WATCH_QUESTIONS);
	return false;
}

int ipmi_watch_wake_ms(const struct ipmi_watch *w)
{
	return w->watching ? deadline_poll_ms(w->due) : -1;
}
