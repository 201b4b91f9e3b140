/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a goal of confirmed power ends, and what is said of it: it was seen, a
 * person said so, the state can't be read, it was not seen, the time is over.
 * confirm.c comes in here when it has counted the readings; what is not the end
 * goes back to it, for one more try or the next way.
 */
#include "agent/sequence/confirm-private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

void confirm_note(struct confirm *c, const char *fmt, ...)
{
	const int most = (int)(sizeof(c->notes) / sizeof(c->notes[0]));
	va_list ap;

	if (c->note_next == c->note_count)
		c->note_next = c->note_count = 0;
	if (c->note_count == most)
		return;
	va_start(ap, fmt);
	vsnprintf(c->notes[c->note_count++], sizeof(c->notes[0]), fmt, ap);
	va_end(ap);
}

void confirm_end(struct confirm *c, enum confirm_result result,
		 const char *fmt, ...)
{
	char text[sizeof(c->proof)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(c->proof, text, sizeof(text));
	c->result = result;
	c->phase = PHASE_END;
	c->asked = false;
}

/* "0:06", minutes and seconds since the epoch of the run. */
const char *confirm_clock(const struct confirm *c, int64_t at,
			  char *buf, size_t buf_len)
{
	int64_t s = (at - c->config.epoch) / 1000;

	snprintf(buf, buf_len, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
	return buf;
}

static void confirm_reached_off(struct confirm *c, int64_t now)
{
	char at[24];

	confirm_clock(c, now, at, sizeof(at));
	if (c->attempts == 0 && !c->sent) {
		confirm_end(c, CONFIRM_SEEN, "was off already, read twice");
		return;
	}
	snprintf(c->proof, sizeof(c->proof), "%s %s",
		 c->said ? "a person said so: off at" : "off seen twice at", at);
	c->off_done = true;
	c->phase = PHASE_HOLD;
	c->wake = deadline_min(deadline_add(c->first_seen, c->config.min_off_ms),
			       c->config.deadline);
	if (c->wake < deadline_add(now, CONFIRM_APART_MS))
		c->wake = deadline_add(now, CONFIRM_APART_MS);
}

static void confirm_reached_on(struct confirm *c, int64_t now, const char *how)
{
	char before[sizeof(c->proof)];
	char at[24];

	snprintf(before, sizeof(before), "%s", c->off_done ? c->proof : "");
	confirm_clock(c, now, at, sizeof(at));
	if (c->attempts == 0 && !c->sent && !c->off_done)
		confirm_end(c, CONFIRM_SEEN, "was on already, read twice");
	else
		confirm_end(c, CONFIRM_SEEN, "%.160s%s%s %s", before,
			    before[0] != '\0' ? ", " : "", how, at);
}

void confirm_reached(struct confirm *c, int64_t now)
{
	if (c->goal == DRIVER_POWER_OFF)
		confirm_reached_off(c, now);
	else if (confirm_act_once(c->send) && !c->acked && !c->bounced)
		confirm_end(c, CONFIRM_UNKNOWN, "the answer to %s was lost; it may "
			    "have happened, and is not repeated",
			    driver_act_name(c->send));
	else if (c->send == DRIVER_ACT_RESET || c->send == DRIVER_ACT_DIAG)
		confirm_end(c, CONFIRM_ACCEPTED, "%s accepted, power stays on; the "
			    "power state can't show it",
			    driver_act_name(c->send));
	else if (c->send == DRIVER_ACT_CYCLE && c->bounced)
		confirm_reached_on(c, now, "off seen in between, on seen twice at");
	else
		confirm_reached_on(c, now, "on seen twice at");
}

void confirm_said_goal(struct confirm *c, int64_t now)
{
	char at[24];

	confirm_clock(c, now, at, sizeof(at));
	if (c->send == DRIVER_ACT_RESET || c->send == DRIVER_ACT_DIAG)
		confirm_end(c, CONFIRM_ACCEPTED, "a person said so: %s done, "
			    "and on at %s", driver_act_name(c->send), at);
	else if (c->send == DRIVER_ACT_CYCLE)
		confirm_reached_on(c, now, "a person said so: cycle done, and on "
					   "at");
	else if (c->goal == DRIVER_POWER_ON)
		confirm_reached_on(c, now, "a person said so: on at");
	else if (c->then_on)
		confirm_reached_off(c, now);
	else
		confirm_end(c, CONFIRM_SEEN, "a person said so: off at %s", at);
}

/* The window is over, and the state could not be read at its end. */
void confirm_unreadable(struct confirm *c, int64_t now)
{
	const char *cause = c->err.code != RH_ERR_NONE
				    ? c->err.text
			    : c->said ? "the person can't tell"
				      : "the controller can't tell";
	bool proof = c->send == DRIVER_ACT_CYCLE ? c->console_since : true;
	bool dark = c->dark || c->goal == DRIVER_POWER_OFF;
	char text[220];

	if (c->send == DRIVER_ACT_ON && c->console_late) {
		confirm_reached_on(c, c->console_at,
				   "the console speaks, on at");
		return;
	}
	if (confirm_act_once(c->send) && c->sent) {
		confirm_end(c, c->acked && proof ? CONFIRM_ACCEPTED
						 : CONFIRM_UNKNOWN,
			    "%s was %s, but then the state can't be read: %.120s",
			    driver_act_name(c->send),
			    c->acked ? "accepted" : "sent", cause);
		return;
	}
	if (c->sent)
		snprintf(text, sizeof(text), "%s was sent, and then the state "
			 "can't be read: %.120s%s", driver_act_name(c->send),
			 cause, dark ? "; the host may be off" : "");
	else
		snprintf(text, sizeof(text), "the state can't be read: %.150s",
			 cause);
	confirm_next_way(c, now, CONFIRM_UNKNOWN, text);
}

/* Cycle, reset, diag: sent, the state is known, and is not what it should be. */
static void confirm_once_not_seen(struct confirm *c, int64_t now)
{
	const char *act = driver_act_name(c->send);

	if (c->send == DRIVER_ACT_CYCLE && c->bounced) {
		confirm_note(c, "%s left it off; on",
			     c->said ? "the cycle" : "the controller's cycle");
		snprintf(c->proof, sizeof(c->proof), "%s after cycle",
			 c->said ? "a person said so: off" : "off seen");
		confirm_aim(c, DRIVER_POWER_ON, DRIVER_ACT_ON, now);
		c->off_done = true;
	} else if (c->send == DRIVER_ACT_CYCLE) {
		confirm_end(c, c->acked && c->console_since ? CONFIRM_ACCEPTED
							    : CONFIRM_UNKNOWN,
			    "cycle was %s, but off was never seen; it is not "
			    "repeated", c->how);
	} else if (c->acked && c->console_off) {
		confirm_end(c, CONFIRM_ACCEPTED, "%s accepted; the state says off "
			    "but the console speaks", act);
	} else {
		confirm_end(c, CONFIRM_FAILED, "%s was %s, and the power is off "
			    "now; it is not repeated", act, c->how);
	}
}

/* The window is over and the goal was not seen. */
void confirm_not_seen(struct confirm *c, int64_t now)
{
	const char *act = driver_act_name(c->send);
	char text[200];

	if (!c->last_known) {
		confirm_unreadable(c, now);
	} else if (c->send == DRIVER_ACT_ON && c->console_off) {
		/* P07 */
		confirm_reached_on(c, c->console_at, "the state says off but the "
				   "console speaks, on at");
	} else if (c->attempts == 0) {
		snprintf(text, sizeof(text), "%s was refused: %.150s", act,
			 c->err.text);
		confirm_next_way(c, now, CONFIRM_FAILED, text);
	} else if (confirm_act_once(c->send)) {
		confirm_once_not_seen(c, now);
	} else if (c->config.once) {
		confirm_end(c, CONFIRM_FAILED, "%s was %s, but the power is still "
			    "%s", act, c->how, driver_power_name(c->last));
	} else if (c->attempts < 2 && !c->again) {
		confirm_note(c, "%s was %s, but the power is still %s; once more",
			     act, c->how, driver_power_name(c->last));
		c->again = true;
		confirm_to_act(c, now);
	} else {
		snprintf(text, sizeof(text),
			 "%s was %s %s, not executed: the power is still %s", act,
			 c->how, c->attempts > 1 ? "twice" : "once",
			 driver_power_name(c->last));
		confirm_next_way(c, now, CONFIRM_FAILED, text);
	}
}

void confirm_out_of_time(struct confirm *c)
{
	if (c->off_done && c->goal == DRIVER_POWER_OFF && c->then_on)
		confirm_end(c, CONFIRM_UNKNOWN, "the deadline came while the "
			    "power was off; it was not switched on again");
	else if (c->sent)
		confirm_end(c, CONFIRM_UNKNOWN, "the deadline came before the "
			    "result of %s was seen", driver_act_name(c->send));
	else
		confirm_end(c, CONFIRM_UNKNOWN, "the deadline came first; nothing "
			    "was done to the host");
}

/* ---- what is asked of it ------------------------------------------------- */

enum confirm_result confirm_result(const struct confirm *c)
{
	return c->result;
}

const char *confirm_text(const struct confirm *c)
{
	return c->proof;
}

const struct rh_error *confirm_error(const struct confirm *c)
{
	return &c->err;
}

bool confirm_was_off(const struct confirm *c)
{
	return c->result == CONFIRM_SEEN && c->goal == DRIVER_POWER_ON &&
	       (c->off_done || c->bounced ||
		(c->send == DRIVER_ACT_CYCLE && c->by_person) ||
		(c->send == DRIVER_ACT_ON && c->attempts > 0));
}

bool confirm_may_be_off(const struct confirm *c)
{
	if (c->result == CONFIRM_SEEN)
		return c->goal == DRIVER_POWER_OFF;
	if (c->last_known && c->last == DRIVER_POWER_OFF)
		return true;
	if (!c->sent)
		return false;
	if (c->result == CONFIRM_FAILED || c->result == CONFIRM_ACCEPTED)
		return !c->last_known;
	return c->goal == DRIVER_POWER_OFF || c->send == DRIVER_ACT_CYCLE ||
	       !c->last_known;
}
