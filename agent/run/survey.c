/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the power of many hosts, in one poll loop: one hand for those that a
 * driver asks together (survey-fleet.c), and hands of their own for all others, a
 * window of them at a time. A host that does not answer delays nobody else.
 *
 * Always true: a host is with the fleet, or in todo[] (once at most), or in a
 * slot, or told; each is told once.
 */
#include "agent/run/survey.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/hand/hand.h"
#include "agent/run/survey-fleet.h"
#include "base/deadline.h"
#include "base/memory.h"

#define SURVEY_QUIET_LEAST_MS 100
#define SURVEY_QUIET_MOST_MS 1000

/* A host to be asked by a hand of its own, from that way on. */
struct survey_todo {
	size_t index;
	size_t way;
};

struct survey_slot {
	struct hand *hand;	/* NULL: the slot is free */
	const struct host *host;
	size_t way;
	int64_t deadline;
	struct survey_answer answer;
};

struct survey {
	const struct host *const *hosts;
	struct survey_fleet fleet;
	struct survey_todo *todo;
	size_t todo_next, todo_count;
	struct survey_slot *slots;
	int parallel;
	bool limited;		/* the fleet goes first, and has all places */
	int64_t timeout_ms;
	const struct survey_reader *reader;
	int64_t began;
	int64_t quiet_at;	/* DEADLINE_NEVER: it was said, or nothing to say */
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

static void survey_tell(struct survey *s, const struct survey_answer *answer)
{
	int64_t now = deadline_now();
	int64_t wait = deadline_min((now - s->began) / 2, SURVEY_QUIET_MOST_MS);

	if (wait < SURVEY_QUIET_LEAST_MS)
		wait = SURVEY_QUIET_LEAST_MS;
	s->quiet_at = now + wait;
	s->reader->take(s->reader->context, answer);
}

static void survey_finish(struct survey *s, struct survey_slot *slot)
{
	hand_free(slot->hand);
	slot->hand = NULL;
	survey_tell(s, &slot->answer);
}

static void survey_start(struct survey *s, struct survey_slot *slot,
			 const struct survey_todo *todo)
{
	const struct host *host = s->hosts[todo->index];

	*slot = (struct survey_slot){ .host = host, .way = todo->way,
				      .deadline = deadline_in(s->timeout_ms) };
	slot->answer.host = host;
	slot->answer.index = todo->index;
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

/* --- the fleet ------------------------------------------------------------------- */

static void survey_later(struct survey *s, size_t index, size_t way)
{
	s->todo[s->todo_count++] = (struct survey_todo){ index, way };
}

static void survey_begin(struct survey *s, size_t count)
{
	size_t i;

	survey_fleet_begin(&s->fleet, s->hosts, count,
			   s->limited ? s->parallel : 0, s->timeout_ms);
	for (i = 0; i < count; i++) {
		if (!survey_fleet_has(&s->fleet, i))
			survey_later(s, i, 0);
	}
}

/* What the fleet's hand says; a host that has another way is asked by that. */
static void survey_fleet_events(struct survey *s)
{
	struct survey_answer answer = { 0 };
	bool alone;
	size_t i;

	if (s->fleet.hand != NULL)
		hand_tick(s->fleet.hand, deadline_now());
	while (survey_fleet_next(&s->fleet, &i, &alone, &answer)) {
		answer.host = s->hosts[i];
		answer.index = i;
		answer.way = host_way(answer.host, WAY_POWER, 0);
		if (alone)
			survey_later(s, i, 0);
		else if (answer.err.code != RH_ERR_NONE &&
			 host_way(answer.host, WAY_POWER, 1) != NULL)
			survey_later(s, i, 1);
		else
			survey_tell(s, &answer);
	}
}

/* --- the loop --------------------------------------------------------------------- */

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

/* Waits for any of the hands. */
static void survey_wait(struct survey *s, struct pollfd *fds)
{
	int64_t due = s->reader->quiet != NULL ? s->quiet_at : DEADLINE_NEVER;
	struct hand *hand;
	int i, used = 1;

	fds[0] = (struct pollfd){ .fd = s->signal_fd, .events = POLLIN };
	for (i = 0; i <= s->parallel; i++) {
		hand = i < s->parallel ? s->slots[i].hand : s->fleet.hand;
		if (hand == NULL)
			continue;
		due = deadline_min(due, hand_deadline(hand));
		if (hand_fd(hand) >= 0)
			fds[used++] = (struct pollfd){ .fd = hand_fd(hand),
						       .events = POLLIN };
	}
	poll(fds, (nfds_t)used, deadline_poll_ms(due));
	s->cancelled = fds[0].revents != 0;
	if (s->reader->quiet != NULL && deadline_now() >= s->quiet_at) {
		s->quiet_at = DEADLINE_NEVER;
		s->reader->quiet(s->reader->context);
	}
}

static void survey_step(struct survey *s, struct pollfd *fds)
{
	struct hand_event event;
	int i;

	survey_wait(s, fds);
	survey_fleet_events(s);
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
	return s->fleet.hand != NULL;
}

/* As many as there are places for. */
static void survey_start_some(struct survey *s)
{
	int i;

	if (s->limited && s->fleet.hand != NULL)
		return;
	for (i = 0; i < s->parallel && s->todo_next < s->todo_count; i++) {
		if (s->slots[i].hand == NULL)
			survey_start(s, &s->slots[i], &s->todo[s->todo_next++]);
	}
}

bool survey_power(const struct host *const *hosts, size_t count, int parallel,
		  int64_t timeout_ms, const struct survey_reader *reader)
{
	struct survey s = { .hosts = hosts, .limited = parallel > 0,
			    .parallel = parallel > 0 ? parallel
						     : SURVEY_PARALLEL,
			    .timeout_ms = timeout_ms, .reader = reader,
			    .began = deadline_now(),
			    .quiet_at = DEADLINE_NEVER };
	struct pollfd *fds = memory_new((size_t)s.parallel + 2, sizeof(*fds));
	sigset_t before;

	s.todo = memory_new(count + 1, sizeof(*s.todo));
	s.slots = memory_new((size_t)s.parallel, sizeof(*s.slots));
	s.signal_fd = survey_open_signals(&before);
	survey_begin(&s, count);
	while (!s.cancelled && (s.todo_next < s.todo_count || survey_busy(&s))) {
		survey_start_some(&s);
		if (survey_busy(&s))
			survey_step(&s, fds);
	}
	survey_cancel(&s);
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	/* The signal that cancelled us is pending still: the verb ends by itself. */
	if (!s.cancelled)
		sigprocmask(SIG_SETMASK, &before, NULL);
	survey_fleet_release(&s.fleet);
	free(s.slots);
	free(s.todo);
	free(fds);
	return !s.cancelled;
}
