/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One way, looked at for `rhands doctor`. examine.c comes in by examine_begin and
 * then with what the hand says. A way goes through these steps, as far as it gets:
 *   LOOK (the driver's own) -> ATTACH -> LISTEN -> (BREAK) -> DETACH  consoles
 *   LOOK, or QUERY						       power
 *   LOOK -> SHELL "true" -> BOOT_ID				       shells
 *   LOOK, or CHECK						       checks
 * Where a break may be sent and a way to a shell of the host works, the breaks
 * that the host's serial lines have counted are read before and behind it: that
 * is the only proof without typing.
 * Always true: nothing is sent but those requests, none of which types or
 * changes anything; a credential that one way of a host found refused is not
 * sent again by another, and only a shell that was seen to work is asked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/examine-private.h"
#include "base/deadline.h"

#define EXAMINE_WAY_MS 30000
#define EXAMINE_LISTEN_MS 3000
#define EXAMINE_DETACH_MS 2000
#define EXAMINE_BREAK_MS 500	/* until a break has gone out */
#define EXAMINE_COUNT_MS 10000	/* to ask the host for its breaks */

static const char examine_breaks[] = "cat /proc/tty/driver/serial";

static void examine_error(struct examine_way *way, const struct rh_error *err)
{
	examine_say(way, "fail", rh_code_name(err->code), err->text, NULL);
}

static bool examine_ask(struct examine_slot *slot, enum hand_op op, int number)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand_request request = { .op = op, .number = number,
					.deadline = slot->deadline };
	uint32_t id;

	if (op == HAND_OP_CHECK_TCP)
		request.tcp = slot->way->tcp;
	if (op == HAND_OP_SHELL) {
		request.bytes = slot->stage == EXAMINE_STAGE_WAY
					? "true" : examine_breaks;
		request.bytes_len = strlen(request.bytes);
	}
	if (slot->stage != EXAMINE_STAGE_WAY)
		request.deadline = deadline_in(EXAMINE_COUNT_MS);
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

	if (way->tcp.port != 0)
		return HAND_OP_CHECK_TCP;
	if (driver->doctor != NULL)
		return HAND_OP_DOCTOR;
	if (way->way->capability == WAY_POWER)
		return HAND_OP_QUERY;
	if (way->way->capability == WAY_SHELL)
		return HAND_OP_SHELL;
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

static bool examine_start_hand(struct examine_slot *slot,
			       const struct way *way)
{
	struct rh_error err = RH_ERROR_INIT;
	char name[300];

	snprintf(name, sizeof(name), "%s/%s", slot->way->host->name,
		 way->label);
	slot->hand = hand_start(name, way->driver, way->settings, &err);
	if (slot->hand != NULL)
		return true;
	examine_error(slot->way, &err);
	return false;
}

/* Starts the hand of the way itself, and asks; false where it is done already. */
static bool examine_begin_way(struct examine *x, struct examine_slot *slot)
{
	struct examine_way *way = slot->way;
	enum hand_op op = examine_first(way);
	unsigned flags = x->flags;

	slot->stage = EXAMINE_STAGE_WAY;
	slot->deadline = deadline_in(EXAMINE_WAY_MS);
	if (op == HAND_OP_NONE) {
		examine_say(way, "note", "look", "nothing to look at", NULL);
		return false;
	}
	if (way->way->capability == WAY_CONSOLE)
		flags |= DRIVER_DOCTOR_CONSOLE;
	return examine_start_hand(slot, way->way) &&
	       examine_ask(slot, op, op == HAND_OP_DOCTOR ? (int)flags : 0);
}

/* Whether a break is sent on this way, where it can be. */
bool examine_breaks_way(const struct examine *x,
			       const struct examine_way *way)
{
	return (x->flags & DRIVER_DOCTOR_BREAK) != 0 && !way->leave &&
	       way->way->capability == WAY_CONSOLE;
}

/* A way to a shell of the same host, which was looked at and works. */
static const struct way *examine_shell(const struct examine *x,
				       const struct examine_way *way)
{
	size_t i;

	for (i = 0; i < x->count; i++) {
		if (x->ways[i].host == way->host && x->ended[i] &&
		    x->ways[i].way != NULL && !x->ways[i].failed &&
		    x->ways[i].way->capability == WAY_SHELL)
			return x->ways[i].way;
	}
	return NULL;
}

/* Begins with the first question; false where the way is done already. */
bool examine_begin(struct examine *x, struct examine_slot *slot)
{
	struct examine_way *way = slot->way;
	const struct way *refused;
	char text[300];

	if (way->leave)
		return false;
	refused = examine_refused(x, way);
	if (refused != NULL) {
		snprintf(text, sizeof(text), "not tried: it was refused for "
			 "[%s]", refused->label);
		examine_say(way, "fail", "password", text, NULL);
		return false;
	}
	slot->breaks = -1;
	if (examine_breaks_way(x, way))
		slot->shell = examine_shell(x, way);
	if (slot->shell == NULL)
		return examine_begin_way(x, slot);
	slot->stage = EXAMINE_STAGE_BEFORE;
	return examine_start_hand(slot, slot->shell) &&
	       examine_ask(slot, HAND_OP_SHELL, HAND_SHELL_MAX);
}

/* --- breaks that the host has counted ----------------------------------------------- */

/* Of all its lines; -1: this is no answer. */
static int64_t examine_count(const struct hand_event *event)
{
	const char *at = event->bytes;
	int64_t sum = 0;

	if (event->err.code != RH_ERR_NONE || event->exit_status != 0 ||
	    at == NULL || strstr(at, "serinfo:") == NULL)
		return -1;
	while ((at = strstr(at, " brk:")) != NULL) {
		at += strlen(" brk:");
		sum += strtoll(at, NULL, 10);
	}
	return sum;
}

static void examine_compare(struct examine_slot *slot, int64_t after)
{
	struct examine_way *way = slot->way;
	char text[200];

	if (after > slot->breaks && slot->breaks >= 0) {
		snprintf(text, sizeof(text), "it arrives: the host has counted "
			 "%" PRId64, after - slot->breaks);
		examine_say(way, "ok", "break", text, NULL);
	} else if (after == slot->breaks && after >= 0) {
		examine_say(way, "fail", "break", "the host's serial lines have "
			    "counted none: it is lost on its way, or kept until "
			    "the next key, or the console is none of these "
			    "lines", NULL);
	} else {
		snprintf(text, sizeof(text), "whether it arrives can't be seen: "
			 "[%s] does not tell what the serial lines count",
			 slot->shell->label);
		examine_say(way, "note", "break", text, NULL);
	}
}

/* The way is done; was there a break that the host can tell of? */
static void examine_way_over(struct examine *x, struct examine_slot *slot)
{
	if (slot->shell == NULL ||
	    !examine_has(slot->way, "note", "break\tsent")) {
		examine_end(x, slot);
		return;
	}
	hand_free(slot->hand);
	slot->hand = NULL;
	slot->stage = EXAMINE_STAGE_AFTER;
	if (slot->breaks < 0)
		examine_compare(slot, -1);
	if (slot->breaks < 0 || !examine_start_hand(slot, slot->shell) ||
	    !examine_ask(slot, HAND_OP_SHELL, HAND_SHELL_MAX))
		examine_end(x, slot);
}

/* The shell has answered. */
static void examine_counted(struct examine *x, struct examine_slot *slot,
			    const struct hand_event *event)
{
	int64_t count = examine_count(event);

	if (slot->stage == EXAMINE_STAGE_AFTER) {
		examine_compare(slot, count);
		examine_end(x, slot);
		return;
	}
	slot->breaks = count;
	hand_free(slot->hand);
	slot->hand = NULL;
	if (!examine_begin_way(x, slot))
		examine_end(x, slot);
}

/* --- answers ------------------------------------------------------------------------ */

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

/* `true` has run, or not. */
static bool examine_shell_done(struct examine_slot *slot, int exit_status)
{
	char text[100];

	if (exit_status == 0) {
		examine_say(slot->way, "ok", "command",
			    "a command runs (true)", NULL);
		return examine_ask(slot, HAND_OP_BOOT_ID, 0);
	}
	snprintf(text, sizeof(text), "the command true ends with status %d: no "
		 "shell that runs commands", exit_status);
	examine_say(slot->way, "fail", "command", text, NULL);
	return false;
}

static void examine_failed(struct examine_way *way,
			   const struct hand_event *event)
{
	if (event->op == HAND_OP_ATTACH)
		examine_say(way, "fail", "console", event->err.text, NULL);
	else if (event->op == HAND_OP_SHELL)
		examine_say(way, "fail", "command", event->err.text, NULL);
	else if (event->op == HAND_OP_BREAK)
		examine_say(way, "fail", "break", event->err.text, NULL);
	else if (event->op == HAND_OP_BOOT_ID)
		examine_say(way, "note", "boot-id", event->err.text, NULL);
	else
		examine_error(way, &event->err);
}

static void examine_listen(struct examine_slot *slot, int64_t ms)
{
	slot->listen_until = deadline_min(slot->deadline, deadline_in(ms));
}

/* A request has ended; true where another one follows. */
static bool examine_done(struct examine_slot *slot,
			 const struct hand_event *event)
{
	struct examine_way *way = slot->way;

	if (event->op == HAND_OP_DETACH)
		return false;
	if (event->err.code != RH_ERR_NONE) {
		examine_failed(way, event);
		return event->op == HAND_OP_BREAK &&
		       examine_ask(slot, HAND_OP_DETACH, 0);
	}
	switch (event->op) {
	case HAND_OP_DOCTOR:
		examine_take_look(way, event);
		if (way->way->capability == WAY_SHELL && !way->failed)
			return examine_ask(slot, HAND_OP_SHELL, HAND_SHELL_MAX);
		return examine_wants_attach(way) &&
		       examine_ask(slot, HAND_OP_ATTACH, 0);
	case HAND_OP_SHELL:
		return examine_shell_done(slot, event->exit_status);
	case HAND_OP_BOOT_ID:
		examine_say(way, "ok", "boot-id", "it can be read", NULL);
		return false;
	case HAND_OP_QUERY:
		examine_power(way, event->state);
		return false;
	case HAND_OP_CHECK_TCP:
		examine_say(way, "ok", "port", event->bytes, NULL);
		return false;
	case HAND_OP_ATTACH:
		examine_listen(slot, EXAMINE_LISTEN_MS);
		return true;
	case HAND_OP_BREAK:
		examine_say(way, "note", "break", DRIVER_DOCTOR_BREAK_SENT,
			    NULL);
		slot->broke = true;
		examine_listen(slot, EXAMINE_BREAK_MS);
		return true;
	default:
		return false;
	}
}

static void examine_say_heard(struct examine_slot *slot)
{
	if (slot->heard == 0)
		examine_say(slot->way, "note", "bytes", DRIVER_DOCTOR_SILENT,
			    NULL);
	else if (garbage_verdict(&slot->garbage) == GARBAGE_NOISE)
		examine_say(slot->way, "fail", "speed", DRIVER_DOCTOR_NOISE,
			    NULL);
	examine_say(slot->way, "ok", "console", slot->heard > 0
		    ? "it is free, and carries bytes" : "it is free", NULL);
}

/* Enough was heard, or the time for it is over. */
void examine_listened(struct examine *x, struct examine_slot *slot)
{
	bool first = !slot->broke;
	enum hand_op next = HAND_OP_DETACH;

	slot->listen_until = 0;
	if (first)
		examine_say_heard(slot);
	if (first && examine_breaks_way(x, slot->way) && !slot->way->failed) {
		if (slot->way->way->driver->console->send_break != NULL)
			next = HAND_OP_BREAK;
		else
			examine_say(slot->way, "note", "break",
				    "this driver can't send one", NULL);
	}
	if (!examine_ask(slot, next, 0))
		examine_way_over(x, slot);
}

static void examine_bytes(struct examine *x, struct examine_slot *slot,
			  const struct hand_event *event)
{
	if (slot->listen_until == 0 || slot->broke)
		return;
	slot->heard += event->bytes_len;
	garbage_feed(&slot->garbage, event->bytes, event->bytes_len);
	if (garbage_verdict(&slot->garbage) == GARBAGE_TEXT)
		examine_listened(x, slot);
}

void examine_event(struct examine *x, struct examine_slot *slot,
			  const struct hand_event *event)
{
	switch (event->type) {
	case HAND_DONE:
		if (slot->stage != EXAMINE_STAGE_WAY)
			examine_counted(x, slot, event);
		else if (!examine_done(slot, event))
			examine_way_over(x, slot);
		break;
	case HAND_BYTES:
		examine_bytes(x, slot, event);
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
