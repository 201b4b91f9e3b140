/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the power of many hosts: a hand each, a window of them at a time,
 * one poll loop. A host that does not answer delays nobody else.
 */
#include "agent/run/survey.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/hand/hand.h"
#include "base/deadline.h"
#include "base/memory.h"

struct survey_slot {
	struct hand *hand;	/* NULL: the slot is free */
	const struct host *host;
	size_t way;
	int64_t deadline;
	struct survey_answer answer;
};

struct survey {
	struct survey_slot *slots;
	int parallel;
	int64_t timeout_ms;
	void (*take)(void *context, const struct survey_answer *answer);
	void *context;
	int signal_fd;
	bool cancelled;
};

/* Asks the next way of the slot's host; false where there is none left. */
static bool survey_ask(struct survey_slot *slot)
{
	const struct way *way;
	struct hand_request request = { .op = HAND_OP_QUERY,
					.deadline = slot->deadline };
	char name[300];
	uint32_t id;

	while ((way = host_way(slot->host, WAY_POWER, slot->way)) != NULL) {
		slot->answer.way = way;
		snprintf(name, sizeof(name), "%s/%s", slot->host->name,
			 way->label);
		slot->hand = hand_start(name, way->driver, way->settings,
					&slot->answer.err);
		if (slot->hand != NULL &&
		    hand_send(slot->hand, &request, &id,
			      &slot->answer.err) == 0)
			return true;
		hand_free(slot->hand);
		slot->hand = NULL;
		slot->way++;
	}
	return false;
}

static void survey_finish(struct survey *s, struct survey_slot *slot)
{
	hand_free(slot->hand);
	slot->hand = NULL;
	s->take(s->context, &slot->answer);
}

static void survey_start(struct survey *s, struct survey_slot *slot,
			 const struct host *host)
{
	*slot = (struct survey_slot){ .host = host,
				      .deadline = deadline_in(s->timeout_ms) };
	slot->answer.host = host;
	if (host_way(host, WAY_POWER, 0) == NULL)
		rh_error_set(&slot->answer.err,
			     host->broken ? RH_ERR_CONFIG : RH_ERR_NOTSUP, "%s",
			     host->broken ? "its configuration has errors; see "
					    "rhands check"
					  : "the host has no [power]");
	else if (survey_ask(slot))
		return;
	survey_finish(s, slot);
}

static void survey_event(struct survey *s, struct survey_slot *slot,
			 const struct hand_event *event)
{
	if (event->type != HAND_DONE)
		return;
	slot->answer.state = event->state;
	slot->answer.err = event->err;
	if (event->err.code != RH_ERR_NONE &&
	    host_way(slot->host, WAY_POWER, slot->way + 1) != NULL) {
		hand_free(slot->hand);
		slot->hand = NULL;
		slot->way++;
		slot->deadline = deadline_in(s->timeout_ms);
		if (survey_ask(slot))
			return;
	}
	survey_finish(s, slot);
}

/* SIGINT and SIGTERM end the hands too: one that waits for a BMC would stay. */
static int survey_open_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void survey_cancel(struct survey *s)
{
	int i;

	for (i = 0; i < s->parallel; i++) {
		if (s->slots[i].hand == NULL)
			continue;
		hand_kill(s->slots[i].hand);
		hand_free(s->slots[i].hand);
		s->slots[i].hand = NULL;
	}
}

static void survey_step(struct survey *s, struct pollfd *fds)
{
	int64_t due = DEADLINE_NEVER;
	struct hand_event event;
	int i, used = 1;

	fds[0] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	for (i = 0; i < s->parallel; i++) {
		if (s->slots[i].hand == NULL)
			continue;
		due = deadline_min(due, hand_deadline(s->slots[i].hand));
		if (hand_fd(s->slots[i].hand) >= 0)
			fds[used++] = (struct pollfd){
				.fd = hand_fd(s->slots[i].hand),
				.events = POLLIN };
	}
	poll(fds, (nfds_t)used, deadline_poll_ms(due));
	s->cancelled = fds[0].revents != 0;
	for (i = 0; i < s->parallel; i++) {
		if (s->slots[i].hand == NULL)
			continue;
		hand_tick(s->slots[i].hand, deadline_now());
		while (s->slots[i].hand != NULL &&
		       hand_next(s->slots[i].hand, &event))
			survey_event(s, &s->slots[i], &event);
	}
}

static bool survey_busy(const struct survey *s)
{
	int i;

	for (i = 0; i < s->parallel; i++) {
		if (s->slots[i].hand != NULL)
			return true;
	}
	return false;
}

bool survey_power(const struct host *const *hosts, size_t count, int parallel,
		  int64_t timeout_ms,
		  void (*take)(void *context, const struct survey_answer *answer),
		  void *context)
{
	struct survey s = { .parallel = parallel, .timeout_ms = timeout_ms,
			    .take = take, .context = context };
	struct pollfd *fds = memory_new((size_t)parallel + 1, sizeof(*fds));
	size_t next = 0;
	sigset_t before;
	int i;

	s.slots = memory_new((size_t)parallel, sizeof(*s.slots));
	s.signal_fd = survey_open_signals(&before);
	while (!s.cancelled && (next < count || survey_busy(&s))) {
		for (i = 0; i < parallel && next < count; i++) {
			if (s.slots[i].hand == NULL)
				survey_start(&s, &s.slots[i], hosts[next++]);
		}
		if (survey_busy(&s))
			survey_step(&s, fds);
	}
	survey_cancel(&s);
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	/* The signal that cancelled us is pending still: the verb ends by itself. */
	if (!s.cancelled)
		sigprocmask(SIG_SETMASK, &before, NULL);
	free(s.slots);
	free(fds);
	return !s.cancelled;
}
