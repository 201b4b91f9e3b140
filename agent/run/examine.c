/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at many ways at once for `rhands doctor`: a hand each, a window of them
 * at a time, one poll loop. A way goes through these steps, as far as it gets:
 *   LOOK (the driver's own) -> ATTACH -> LISTEN -> DETACH	consoles
 *   LOOK, or QUERY						power
 *   LOOK, or CHECK						shells, checks
 * Always true: nothing is sent but those requests, none of which types or
 * changes anything; a credential that one way of a host found refused is not
 * sent again by another.
 */
#include "agent/run/examine.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/hand/hand.h"
#include "base/deadline.h"
#include "base/memory.h"

#define EXAMINE_WAY_MS 30000
#define EXAMINE_LISTEN_MS 3000
#define EXAMINE_DETACH_MS 2000
#define EXAMINE_CANCEL_MS 6000

struct examine_slot {
	struct hand *hand;	/* NULL: free */
	struct examine_way *way;
	int64_t deadline;
	int64_t listen_until;	/* 0: does not listen */
	size_t heard;
};

struct examine {
	struct examine_way *ways;
	size_t count;
	bool *begun;
	bool *ended;
	struct examine_slot *slots;
	int parallel;
	unsigned flags;
	void (*take)(void *context, const struct examine_way *way);
	void *context;
	int signal_fd;
	bool cancelled;
};

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
static bool examine_has(const struct examine_way *way, const char *level,
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

static void examine_error(struct examine_way *way, const struct rh_error *err)
{
	examine_say(way, "fail", rh_code_name(err->code), err->text, NULL);
}

/* --- one way --------------------------------------------------------------------- */

static void examine_end(struct examine *x, struct examine_slot *slot)
{
	hand_free(slot->hand);
	slot->hand = NULL;
	x->ended[slot->way - x->ways] = true;
	x->take(x->context, slot->way);
}

static bool examine_ask(struct examine_slot *slot, enum hand_op op, int number)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand_request request = { .op = op, .number = number,
					.deadline = slot->deadline };
	uint32_t id;

	if (op == HAND_OP_CHECK_TCP)
		request.tcp = slot->way->tcp;
	if (op == HAND_OP_DETACH)
		request.deadline = deadline_in(EXAMINE_DETACH_MS);
	if (hand_send(slot->hand, &request, &id, &err) == 0)
		return true;
	examine_error(slot->way, &err);
	return false;
}

/* The first question to a way; HAND_OP_NONE: there is none. */
static enum hand_op examine_first(const struct examine_way *way)
{
	const struct driver *driver = way->way->driver;

	if (way->way->capability == WAY_CHECK)
		return way->tcp.port != 0 ? HAND_OP_CHECK_TCP : HAND_OP_NONE;
	if (driver->doctor != NULL)
		return HAND_OP_DOCTOR;
	if (way->way->capability == WAY_POWER)
		return HAND_OP_QUERY;
	return way->way->capability == WAY_CONSOLE ? HAND_OP_ATTACH
						   : HAND_OP_NONE;
}

static bool examine_same_text(const struct way *a, const struct way *b,
			      const char *key, enum option_type type)
{
	const struct option *o = option_find(a->driver->options, key);
	const char *x, *y;

	if (o == NULL || o->type != type)
		return true;
	x = type == OPTION_SECRET ? settings_secret_ref(a->settings, key)
				  : settings_text(a->settings, key);
	y = type == OPTION_SECRET ? settings_secret_ref(b->settings, key)
				  : settings_text(b->settings, key);
	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* The way of the same host whose same password was refused; NULL: none. */
static const struct way *examine_refused(const struct examine *x,
					 const struct examine_way *way)
{
	const struct way *mine = way->way, *other;
	size_t i;

	if (option_find(mine->driver->options, "password") == NULL)
		return NULL;
	for (i = 0; i < x->count; i++) {
		other = x->ways[i].way;
		if (!x->ended[i] || x->ways[i].leave ||
		    x->ways[i].host != way->host ||
		    other->driver != mine->driver ||
		    !examine_has(&x->ways[i], "fail", "password"))
			continue;
		if (examine_same_text(mine, other, "address", OPTION_NAME) &&
		    examine_same_text(mine, other, "user", OPTION_TEXT) &&
		    examine_same_text(mine, other, "password", OPTION_SECRET))
			return other;
	}
	return NULL;
}

/* Starts the hand and asks; false where the way is done already. */
static bool examine_begin(struct examine *x, struct examine_slot *slot)
{
	struct examine_way *way = slot->way;
	const struct way *refused;
	struct rh_error err = RH_ERROR_INIT;
	unsigned flags = x->flags;
	enum hand_op op;
	char text[300];

	if (way->leave)
		return false;
	op = examine_first(way);
	refused = examine_refused(x, way);
	if (refused != NULL) {
		snprintf(text, sizeof(text), "not tried: it was refused for "
			 "[%s]", refused->label);
		examine_say(way, "fail", "password", text, NULL);
		return false;
	}
	if (op == HAND_OP_NONE) {
		examine_say(way, "note", "look", "nothing to look at", NULL);
		return false;
	}
	if (way->way->capability == WAY_CONSOLE)
		flags |= DRIVER_DOCTOR_CONSOLE;
	snprintf(text, sizeof(text), "%s/%s", way->host->name, way->way->label);
	slot->hand = hand_start(text, way->way->driver, way->way->settings,
				&err);
	if (slot->hand == NULL) {
		examine_error(way, &err);
		return false;
	}
	return examine_ask(slot, op, op == HAND_OP_DOCTOR ? (int)flags : 0);
}

/* Copies whole lines, and sees whether one is a failure. */
static void examine_take_look(struct examine_way *way,
			      const struct hand_event *event)
{
	if (event->bytes != NULL)
		buffer_append(&way->findings, event->bytes, event->bytes_len);
	way->failed = examine_has(way, "fail", "");
}

static bool examine_wants_attach(const struct examine_way *way)
{
	return way->way->capability == WAY_CONSOLE &&
	       way->way->driver->console != NULL && !way->failed &&
	       !examine_has(way, "ok", "console") &&
	       !examine_has(way, "note", "console");
}

static void examine_power(struct examine_way *way, enum driver_power state)
{
	char text[100];

	snprintf(text, sizeof(text), "it is %s", driver_power_name(state));
	examine_say(way, state == DRIVER_POWER_UNKNOWN ? "fail" : "ok", "power",
		    text, NULL);
}

/* A request has ended; true where another one follows. */
static bool examine_done(struct examine_slot *slot,
			 const struct hand_event *event)
{
	struct examine_way *way = slot->way;

	if (event->op == HAND_OP_DETACH)
		return false;
	if (event->err.code != RH_ERR_NONE) {
		if (event->op == HAND_OP_ATTACH)
			examine_say(way, "fail", "console", event->err.text,
				    NULL);
		else
			examine_error(way, &event->err);
		return false;
	}
	switch (event->op) {
	case HAND_OP_DOCTOR:
		examine_take_look(way, event);
		return examine_wants_attach(way) &&
		       examine_ask(slot, HAND_OP_ATTACH, 0);
	case HAND_OP_QUERY:
		examine_power(way, event->state);
		return false;
	case HAND_OP_CHECK_TCP:
		examine_say(way, "ok", "port", event->bytes, NULL);
		return false;
	case HAND_OP_ATTACH:
		slot->listen_until = deadline_min(
			slot->deadline, deadline_in(EXAMINE_LISTEN_MS));
		return true;
	default:
		return false;
	}
}

/* Enough was heard, or the time for it is over. */
static void examine_listened(struct examine *x, struct examine_slot *slot)
{
	slot->listen_until = 0;
	examine_say(slot->way, "ok", "console",
		    slot->heard > 0 ? "it is free, and carries bytes"
				    : "it is free; silent for 3 s, as most are",
		    NULL);
	if (!examine_ask(slot, HAND_OP_DETACH, 0))
		examine_end(x, slot);
}

static void examine_event(struct examine *x, struct examine_slot *slot,
			  const struct hand_event *event)
{
	switch (event->type) {
	case HAND_DONE:
		if (!examine_done(slot, event))
			examine_end(x, slot);
		break;
	case HAND_BYTES:
		slot->heard += event->bytes_len;
		if (slot->listen_until != 0)
			examine_listened(x, slot);
		break;
	case HAND_CONSOLE_LOST:
		if (slot->listen_until == 0)
			break;
		examine_say(slot->way, "fail", "console", event->err.text, NULL);
		examine_end(x, slot);
		break;
	default:
		break;
	}
}

/* --- all ways --------------------------------------------------------------------- */

/* Another way of the host is asked by the same driver now. */
static bool examine_must_wait(const struct examine *x,
			      const struct examine_way *way)
{
	const struct examine_slot *slot;
	int i;

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
			.way = &x->ways[i],
			.deadline = deadline_in(EXAMINE_WAY_MS) };
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
