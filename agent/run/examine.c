/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at many ways at once for `rhands doctor`: a hand each, a window of them
 * at a time, one poll loop. What is asked of a way is in examine-way.c.
 *
 * Always true: ways of one host with the same driver come one after the other; a
 * host that is dead costs its own time only, never more than the limit of a way.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/run/examine-private.h"
#include "base/deadline.h"
#include "base/memory.h"

#define EXAMINE_CANCEL_MS 6000

/* --- findings -------------------------------------------------------------------- */

void examine_say(struct examine_way *way, const char *level,
		 const char *subject, const char *text, const char *hint)
{
	buffer_printf(&way->findings, "%s\t%s\t", level, subject);
	for (; *text != '\0'; text++)
		buffer_append_char(&way->findings,
				   *text == '\t' || *text == '\n' ? ' ' : *text);
	if (hint != NULL)
		buffer_printf(&way->findings, "\t%s", hint);
	buffer_append_char(&way->findings, '\n');
	if (strcmp(level, "fail") == 0)
		way->failed = true;
}

/* Whether a line begins so. */
bool examine_has(const struct examine_way *way, const char *level,
		 const char *subject)
{
	const char *line = buffer_text(&way->findings);
	char begin[64];

	snprintf(begin, sizeof(begin), "%s\t%s", level, subject);
	while (line != NULL && *line != '\0') {
		if (strncmp(line, begin, strlen(begin)) == 0)
			return true;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return false;
}

/* --- all ways --------------------------------------------------------------------- */

void examine_end(struct examine *x, struct examine_slot *slot)
{
	hand_free(slot->hand);
	slot->hand = NULL;
	x->ended[slot->way - x->ways] = true;
	x->take(x->context, slot->way);
}

/* A break wants to know first which shell can tell of it. */
static bool examine_waits_for_shell(const struct examine *x,
				    const struct examine_way *way)
{
	size_t i;

	if (!examine_breaks_way(x, way))
		return false;
	for (i = 0; i < x->count; i++) {
		if (x->ways[i].host == way->host && !x->ended[i] &&
		    !x->ways[i].leave &&
		    x->ways[i].way->capability == WAY_SHELL)
			return true;
	}
	return false;
}

/* Another way of the host is asked by the same driver now. */
static bool examine_must_wait(const struct examine *x,
			      const struct examine_way *way)
{
	const struct examine_slot *slot;
	int i;

	if (examine_waits_for_shell(x, way))
		return true;
	for (i = 0; i < x->parallel && !way->leave; i++) {
		slot = &x->slots[i];
		if (slot->hand != NULL && slot->way->host == way->host &&
		    slot->way->way->driver == way->way->driver)
			return true;
	}
	return false;
}

/* Fills a free slot; false where nothing can begin now. */
static bool examine_start(struct examine *x, struct examine_slot *slot)
{
	size_t i;

	for (i = 0; i < x->count; i++) {
		if (x->begun[i] || examine_must_wait(x, &x->ways[i]))
			continue;
		x->begun[i] = true;
		*slot = (struct examine_slot){
			.way = &x->ways[i] };
		if (!examine_begin(x, slot))
			examine_end(x, slot);
		return true;
	}
	return false;
}

static int examine_fill(struct examine *x)
{
	int i, busy = 0;

	for (i = 0; i < x->parallel; i++) {
		while (x->slots[i].hand == NULL &&
		       examine_start(x, &x->slots[i]))
			;
		busy += x->slots[i].hand != NULL;
	}
	return busy;
}

static void examine_slot_step(struct examine *x, struct examine_slot *slot)
{
	struct hand_event event;

	hand_tick(slot->hand, deadline_now());
	while (slot->hand != NULL && hand_next(slot->hand, &event))
		examine_event(x, slot, &event);
	if (slot->hand != NULL && slot->listen_until != 0 &&
	    deadline_now() >= slot->listen_until)
		examine_listened(x, slot);
}

static void examine_step(struct examine *x, struct pollfd *fds)
{
	int64_t due = DEADLINE_NEVER;
	struct examine_slot *slot;
	int i, used = 1;

	fds[0] = (struct pollfd){ .fd = x->signal_fd, .events = POLLIN };
	for (i = 0; i < x->parallel; i++) {
		slot = &x->slots[i];
		if (slot->hand == NULL)
			continue;
		due = deadline_min(due, hand_deadline(slot->hand));
		if (slot->listen_until != 0)
			due = deadline_min(due, slot->listen_until);
		if (hand_fd(slot->hand) >= 0)
			fds[used++] = (struct pollfd){
				.fd = hand_fd(slot->hand), .events = POLLIN };
	}
	poll(fds, (nfds_t)used, deadline_poll_ms(due));
	x->cancelled = fds[0].revents != 0;
	for (i = 0; i < x->parallel; i++) {
		if (x->slots[i].hand != NULL)
			examine_slot_step(x, &x->slots[i]);
	}
}

/* Whether a driver looks at a console now, and may be attached to it. */
static bool examine_is_attached(const struct examine_slot *slot)
{
	return slot->hand != NULL && slot->listen_until == 0 &&
	       slot->stage == EXAMINE_STAGE_WAY &&
	       slot->way->way->capability == WAY_CONSOLE;
}

/* Waits for the end of a look, until then or a second signal. */
static void examine_let_end(struct examine *x, struct examine_slot *slot,
			    int64_t until)
{
	struct pollfd fds[2] = { { .fd = x->signal_fd, .events = POLLIN } };
	struct hand_event event;

	while (deadline_now() < until) {
		fds[1] = (struct pollfd){ .fd = hand_fd(slot->hand),
					  .events = POLLIN };
		poll(fds, 2, deadline_poll_ms(deadline_min(
				until, hand_deadline(slot->hand))));
		if (fds[0].revents != 0)
			return;
		hand_tick(slot->hand, deadline_now());
		while (hand_next(slot->hand, &event)) {
			if (event.type == HAND_DONE)
				return;
		}
	}
}

/*
 * A signal ends all hands. One that was killed while it is attached would leave
 * the console held for a minute, so those get a few seconds, unless there is a
 * second signal.
 */
static void examine_cancel(struct examine *x)
{
	int64_t until = deadline_in(EXAMINE_CANCEL_MS);
	struct signalfd_siginfo first;
	int i;

	(void)!read(x->signal_fd, &first, sizeof(first));
	for (i = 0; i < x->parallel; i++) {
		if (x->slots[i].hand != NULL &&
		    !examine_is_attached(&x->slots[i]))
			hand_stop(x->slots[i].hand);
	}
	for (i = 0; i < x->parallel; i++) {
		if (examine_is_attached(&x->slots[i])) {
			examine_let_end(x, &x->slots[i], until);
			hand_stop(x->slots[i].hand);
		}
		hand_free(x->slots[i].hand);
		x->slots[i].hand = NULL;
	}
}

bool examine_ways(struct examine_way *ways, size_t count, int parallel,
		  unsigned flags,
		  void (*take)(void *context, const struct examine_way *way),
		  void *context)
{
	struct examine x = { .ways = ways, .count = count,
			     .parallel = parallel, .flags = flags,
			     .take = take, .context = context };
	struct pollfd *fds = memory_new((size_t)parallel + 1, sizeof(*fds));
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	x.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	x.slots = memory_new((size_t)parallel, sizeof(*x.slots));
	x.begun = memory_new(count + 1, sizeof(*x.begun));
	x.ended = memory_new(count + 1, sizeof(*x.ended));
	while (!x.cancelled && examine_fill(&x) > 0)
		examine_step(&x, fds);
	if (x.cancelled)
		examine_cancel(&x);
	if (x.signal_fd >= 0)
		close(x.signal_fd);
	/* Cancelled, the verb ends by itself, whatever signals are pending. */
	if (!x.cancelled)
		sigprocmask(SIG_SETMASK, &before, NULL);
	free(x.slots);
	free(x.begun);
	free(x.ended);
	free(fds);
	return !x.cancelled;
}
