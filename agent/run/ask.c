/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request to a host for a verb that is no run: the host's ways one after
 * the other, a hand each. Always true: what may have been done by one way is
 * not sent by the next; a signal ends the hand.
 */
#include "agent/run/ask.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/deadline.h"

bool ask_was_not_done(enum rh_code code)
{
	switch (code) {
	case RH_ERR_UNREACHABLE:
	case RH_ERR_AUTH:
	case RH_ERR_REFUSED:
	case RH_ERR_BUSY:
	case RH_ERR_NOTSUP:
	case RH_ERR_CONFIG:
	case RH_ERR_NEEDS_HANDS:
		return true;
	default:
		return false;
	}
}

static int ask_open_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void ask_take(const struct hand_event *event, struct ask_answer *ret,
		     struct rh_error *err)
{
	*err = event->err;
	if (err->code != RH_ERR_NONE)
		return;
	buffer_append(&ret->text, event->bytes, event->bytes_len);
	ret->exit_status = event->exit_status;
	ret->out_len = event->out_len;
	ret->cut = event->cut;
}

/* Waits for the answer of a hand; -1 with err where there is none. */
static int ask_wait(struct hand *hand, int signal_fd, struct ask_answer *ret,
		    struct rh_error *err)
{
	struct hand_event event;
	struct pollfd fds[2] = { { .fd = signal_fd, .events = POLLIN } };

	for (;;) {
		fds[1] = (struct pollfd){ .fd = hand_fd(hand),
					  .events = POLLIN };
		poll(fds, 2, deadline_poll_ms(hand_deadline(hand)));
		if (fds[0].revents != 0)
			return rh_error_set(err, RH_ERR_CANCELLED,
					    "stopped by a signal");
		hand_tick(hand, deadline_now());
		while (hand_next(hand, &event)) {
			if (event.type != HAND_DONE)
				continue;
			ask_take(&event, ret, err);
			return err->code == RH_ERR_NONE ? 0 : -1;
		}
	}
}

static int ask_way(const struct ask *ask, const struct way *way, int signal_fd,
		   struct ask_answer *ret, struct rh_error *err)
{
	struct hand *hand;
	char name[300];
	uint32_t id;
	int rc = -1;

	snprintf(name, sizeof(name), "%s/%s", ask->host->name, way->label);
	ret->way = way;
	hand = hand_start(name, way->driver, way->settings, err);
	if (hand == NULL)
		return -1;
	if (hand_send(hand, &ask->request, &id, err) == 0)
		rc = ask_wait(hand, signal_fd, ret, err);
	if (rc < 0 && err->code == RH_ERR_CANCELLED)
		hand_kill(hand);
	hand_free(hand);
	return rc;
}

int ask_host(const struct ask *ask, struct ask_answer *ret,
	     struct rh_error *err)
{
	const struct way *way;
	sigset_t before;
	int signal_fd = ask_open_signals(&before);
	int rc = -1;
	size_t n;

	rh_error_set(err, RH_ERR_NOTSUP, "there is no [%s] in %s",
		     way_capability_name(ask->capability), ask->host->file);
	for (n = 0; rc < 0; n++) {
		way = host_way(ask->host, ask->capability, n);
		if (way == NULL ||
		    (n > 0 && deadline_now() >= ask->request.deadline))
			break;
		rc = ask_way(ask, way, signal_fd, ret, err);
		if (rc < 0 && (err->code == RH_ERR_CANCELLED ||
			       (!ask->question &&
				!ask_was_not_done(err->code))))
			break;
	}
	if (signal_fd >= 0)
		close(signal_fd);
	/* A signal that stopped us is pending: the verb ends by itself. */
	if (rc == 0 || err->code != RH_ERR_CANCELLED)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}
