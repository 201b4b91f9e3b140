/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether hosts are healthy, as far as that can be asked quickly and without
 * touching them: the `check tcp` of their sequences' `healthy`, a hand for each
 * host, so many at a time. guard.c comes in.
 *
 * Always true: it ends by its deadline; a host whose answers are not all there by
 * then is not healthy.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/hand/hand.h"
#include "agent/run/guard.h"
#include "base/deadline.h"
#include "base/memory.h"

#define HEALTH_PARALLEL 32
#define HEALTH_CHECK_MS 3000	/* for the checks of one host */

struct health_slot {
	struct guard_health *of;	/* NULL: the slot is free */
	struct sequence *s;
	struct hand *hand;
	size_t next;			/* check that is asked next */
	int64_t deadline;
};

/* The next TCP check of the host; NULL: none is left. */
static const struct action *health_next(struct health_slot *slot)
{
	const struct actions *checks = &slot->s->healthy;

	while (slot->next < checks->count) {
		const struct action *a = &checks->list[slot->next++];

		if (a->type == ACTION_CHECK_TCP)
			return a;
	}
	return NULL;
}

static void health_end(struct health_slot *slot, bool healthy)
{
	slot->of->healthy = healthy;
	hand_free(slot->hand);
	sequence_free(slot->s);
	*slot = (struct health_slot){ .of = NULL };
}

static void health_ask(struct health_slot *slot, const struct action *a)
{
	struct hand_request request = {
		.op = HAND_OP_CHECK_TCP,
		.deadline = slot->deadline,
		.tcp = { .port = (uint16_t)a->number, .send = a->text,
			 .send_len = a->text_len, .expect = a->expect,
			 .expect_len = a->expect_len },
	};
	uint32_t id;

	if (slot->hand == NULL || hand_send(slot->hand, &request, &id, NULL) < 0)
		health_end(slot, false);
}

static void health_begin(const struct guard *g, struct health_slot *slot,
			 struct guard_health *of, int64_t deadline)
{
	const struct way *way = host_way(of->host, WAY_CHECK, 0);
	const struct action *a;
	char name[300];

	*slot = (struct health_slot){ .of = of };
	slot->s = g->sequence(g->context, of->host);
	slot->deadline = deadline_min(deadline, deadline_in(HEALTH_CHECK_MS));
	a = slot->s != NULL && way != NULL ? health_next(slot) : NULL;
	of->asked = a != NULL;
	if (a == NULL) {
		health_end(slot, false);
		return;
	}
	snprintf(name, sizeof(name), "%s/%s", of->host->name, way->label);
	slot->hand = hand_start(name, way->driver, way->settings, NULL);
	health_ask(slot, a);
}

static void health_event(struct health_slot *slot,
			 const struct hand_event *event)
{
	const struct action *a;

	if (event->type != HAND_DONE)
		return;
	if (event->err.code != RH_ERR_NONE) {
		health_end(slot, false);
		return;
	}
	a = health_next(slot);
	if (a == NULL)
		health_end(slot, true);
	else
		health_ask(slot, a);
}

static void health_step(struct health_slot *slots, int64_t deadline)
{
	struct pollfd fds[HEALTH_PARALLEL];
	int64_t due = deadline;
	struct hand_event event;
	int i, used = 0;

	for (i = 0; i < HEALTH_PARALLEL; i++) {
		if (slots[i].hand == NULL)
			continue;
		due = deadline_min(due, hand_deadline(slots[i].hand));
		if (hand_fd(slots[i].hand) >= 0)
			fds[used++] = (struct pollfd){
				.fd = hand_fd(slots[i].hand), .events = POLLIN };
	}
	poll(fds, (nfds_t)used, deadline_poll_ms(due));
	for (i = 0; i < HEALTH_PARALLEL; i++) {
		if (slots[i].hand != NULL)
			hand_tick(slots[i].hand, deadline_now());
		while (slots[i].hand != NULL &&
		       hand_next(slots[i].hand, &event))
			health_event(&slots[i], &event);
	}
}

static bool health_busy(const struct health_slot *slots)
{
	int i;

	for (i = 0; i < HEALTH_PARALLEL; i++) {
		if (slots[i].hand != NULL)
			return true;
	}
	return false;
}

void guard_ask_health(const struct guard *g, struct guard_health *list,
		      size_t count, int64_t deadline)
{
	struct health_slot *slots = memory_new(HEALTH_PARALLEL, sizeof(*slots));
	size_t next = 0;
	int i;

	do {
		for (i = 0; i < HEALTH_PARALLEL && next < count; i++) {
			while (slots[i].hand == NULL && next < count)
				health_begin(g, &slots[i], &list[next++],
					     deadline);
		}
		if (health_busy(slots))
			health_step(slots, deadline);
	} while (deadline_now() < deadline &&
		 (next < count || health_busy(slots)));
	for (i = 0; i < HEALTH_PARALLEL; i++) {
		if (slots[i].of == NULL)
			continue;
		hand_kill(slots[i].hand);
		health_end(&slots[i], false);
	}
	/* Who was not reached is asked, and not healthy. */
	for (; next < count; next++)
		list[next].asked = true;
	free(slots);
}
