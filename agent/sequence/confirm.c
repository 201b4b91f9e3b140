/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Confirmed power, pure: no I/O, no clock. The machine and the power verb
 * come in by confirm_begin and feed it answers; each call of ours sets what
 * confirm_next will say. How a goal ends, and the words for it, are confirm-end.c.
 *
 * The phases, and their legal changes:
 *
 *   READ    read before anything is sent       -> ACT, WATCH, HOLD, END
 *   ACT     an act is sent                     -> WATCH, READ, END
 *   WATCH   read until the goal is seen twice  -> ACT (once more), READ (the
 *                                                 next way), HOLD, END
 *   HOLD    off was seen; min-off goes by      -> RECHECK, END
 *   RECHECK read once more at the end of off   -> ACT (on), WATCH, READ, END
 *   END     the result stands
 *
 * Always true: at most one query or act is under way; an act that is not
 * idempotent (cycle, reset, diag) and may have been carried out is never
 * followed by another such act in the life of a struct confirm, on no way; off
 * and on are sent at most twice a way (what was refused as busy not counted),
 * and only after a reading that showed that they were not done. A window ends
 * the wait for a goal, but not between its two readings. Nothing is read while
 * min-off goes by: a host that comes on by itself and goes off again within it
 * is not seen, and its min-off counts from the off that was. What a person says
 * of the power is taken only after an act of theirs, where the way can't tell.
 */
#include "agent/sequence/confirm-private.h"

#include <assert.h>
#include <string.h>

#include "base/deadline.h"

bool confirm_act_once(enum driver_act act)
{
	return act == DRIVER_ACT_CYCLE || act == DRIVER_ACT_RESET ||
	       act == DRIVER_ACT_DIAG;
}

/* How long the first reading may take: nothing was sent on this way yet. */
static int64_t confirm_patience(const struct confirm *c)
{
	return c->way + 1 < c->config.way_count ? CONFIRM_LADDER_MS
						: CONFIRM_READ_MS;
}

/* Begins a goal on the present way, by reading. */
void confirm_aim(struct confirm *c, enum driver_power goal,
		 enum driver_act send, int64_t now)
{
	c->goal = (int)goal;
	c->send = send;
	c->attempts = 0;
	c->seen = 0;
	c->acked = false;
	c->bounced = false;
	c->console_since = c->console_late = c->console_off = false;
	c->last_known = false;
	c->again = false;
	c->ask = c->by_person = c->look = c->said = false;
	c->how = "asked for";
	c->phase = PHASE_READ;
	c->wake = now;
	c->window_end = deadline_add(now, c->config.confirm_ms);
	c->window_end = deadline_min(c->window_end,
				     deadline_add(now, confirm_patience(c)));
	c->window_end = deadline_min(c->window_end, c->config.deadline);
}

/* The goals of an act, once the first reading is known (or can't be had). */
static void confirm_plan(struct confirm *c, int64_t now)
{
	c->then_on = false;
	switch (c->act) {
	case DRIVER_ACT_ON:
		confirm_aim(c, DRIVER_POWER_ON, DRIVER_ACT_ON, now);
		break;
	case DRIVER_ACT_OFF:
		confirm_aim(c, DRIVER_POWER_OFF, DRIVER_ACT_OFF, now);
		break;
	case DRIVER_ACT_SOFT:
		confirm_aim(c, DRIVER_POWER_OFF, DRIVER_ACT_SOFT, now);
		break;
	case DRIVER_ACT_CYCLE:
		if (c->config.controller_cycle || c->person) {
			confirm_aim(c, DRIVER_POWER_ON, DRIVER_ACT_CYCLE, now);
			break;
		}
		confirm_aim(c, DRIVER_POWER_OFF, DRIVER_ACT_OFF, now);
		c->then_on = true;
		break;
	case DRIVER_ACT_RESET:
	case DRIVER_ACT_DIAG:
		confirm_aim(c, DRIVER_POWER_ON, c->act, now);
		break;
	case DRIVER_ACT_NONE:
		assert(false);
		break;
	}
}

/* Whether what is left is enough to switch a host off and on again. */
static bool confirm_has_time(struct confirm *c, int64_t now)
{
	int64_t need_ms = c->config.min_off_ms + CONFIRM_MARGIN_MS;
	char need[32];

	if (c->config.deadline == DEADLINE_NEVER ||
	    c->config.deadline - now >= need_ms)
		return true;
	deadline_format(need_ms, need, sizeof(need));
	if (c->sent)
		confirm_end(c, CONFIRM_UNKNOWN, "too little time is left for a "
			    "power cycle (it needs %s); off was sent, and may "
			    "still happen", need);
	else
		confirm_end(c, CONFIRM_FAILED, "too little time is left for a "
			    "power cycle (it needs %s); nothing was sent", need);
	return false;
}

void confirm_begin(struct confirm *c, const struct confirm_config *config,
		   enum driver_act act, int64_t now)
{
	assert(config->way_count > 0 && act != DRIVER_ACT_NONE);
	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->act = act;
	confirm_plan(c, now);
	if (act == DRIVER_ACT_CYCLE)
		confirm_has_time(c, now);
}

/* The present way is given up; the next one begins by reading. */
void confirm_next_way(struct confirm *c, int64_t now,
		      enum confirm_result otherwise, const char *why)
{
	enum driver_act send = c->send;
	enum driver_power goal = (enum driver_power)c->goal;

	if (c->way + 1 < c->config.way_count && now < c->config.deadline &&
	    !(c->sent && confirm_act_once(send))) {
		c->way++;
		confirm_note(c, "%s; trying the next way", why);
		if (c->person) {
			c->person = false;
			confirm_plan(c, now);
		} else {
			confirm_aim(c, goal, send, now);
		}
		return;
	}
	if (otherwise == CONFIRM_FAILED && c->sent && !c->last_known)
		otherwise = CONFIRM_UNKNOWN;
	confirm_end(c, otherwise, "%s", why);
}

/* ---- readings -------------------------------------------------------- */

/* The act is due: a reading showed it. */
void confirm_to_act(struct confirm *c, int64_t now)
{
	c->phase = PHASE_ACT;
	c->wake = now;
	c->window_end = deadline_min(deadline_add(now, c->config.confirm_ms),
				     c->config.deadline);
}

/*
 * P03, P05: a cycle or reset of a host that is off becomes on. Nobody knows since
 * when it is off: somebody else may have cut its power a moment ago. So min-off
 * goes by before it is switched on, as in any cycle.
 */
static void confirm_is_off(struct confirm *c, int64_t now)
{
	confirm_note(c, "the power is off: %s becomes on",
		     driver_act_name(c->act));
	c->act = DRIVER_ACT_ON;
	confirm_plan(c, now);
	c->then_on = true;
	c->phase = PHASE_HOLD;
	c->wake = deadline_min(deadline_add(now, c->config.min_off_ms),
			       c->config.deadline);
}

/* READ: what is, before anything is sent. */
static void confirm_read(struct confirm *c, int64_t now,
			 enum driver_power state)
{
	if (state == DRIVER_POWER_OFF &&
	    (c->act == DRIVER_ACT_CYCLE || c->act == DRIVER_ACT_RESET) &&
	    !c->sent) {
		confirm_is_off(c, now);
		return;
	}
	if (state == DRIVER_POWER_OFF && c->send == DRIVER_ACT_DIAG) {
		confirm_end(c, CONFIRM_FAILED, "the power is off; a diagnostic "
			    "interrupt needs a running host");
		return;
	}
	if ((int)state == c->goal && !confirm_act_once(c->send)) {
		c->seen = 1;
		c->first_seen = now;
		c->phase = PHASE_WATCH;
		c->wake = deadline_add(now, CONFIRM_APART_MS);
		return;
	}
	if (confirm_act_once(c->send) && c->attempts > 0) {
		/* Refused in this state, and the state is not off. */
		confirm_next_way(c, now, CONFIRM_FAILED, c->err.text);
		return;
	}
	confirm_to_act(c, now);
}

static bool confirm_is_goal(struct confirm *c, enum driver_power state)
{
	if (c->send == DRIVER_ACT_CYCLE) {
		if (state == DRIVER_POWER_OFF)
			c->bounced = true;
		return state == DRIVER_POWER_ON && c->bounced;
	}
	return (int)state == c->goal;
}

static void confirm_watch(struct confirm *c, int64_t now,
			  enum driver_power state)
{
	if (!confirm_is_goal(c, state)) {
		c->seen = 0;
		if (c->attempts == 0 && state != DRIVER_POWER_UNKNOWN) {
			/* It was there at the first reading only. */
			confirm_to_act(c, now);
			return;
		}
	} else if (c->seen == 0) {
		c->seen = 1;
		c->first_seen = now;
	} else if (now - c->first_seen >= CONFIRM_APART_MS) {
		confirm_reached(c, now);
		return;
	}
	c->wake = deadline_add(now, CONFIRM_APART_MS);
}

/* RECHECK: off has been seen twice; is it still off at the end of the step? */
static void confirm_recheck(struct confirm *c, int64_t now,
			    enum driver_power state)
{
	char at[24];

	if (state == DRIVER_POWER_ON && !c->then_on) {
		confirm_end(c, CONFIRM_FAILED, "it was off, and is on again by "
			    "itself: look at the power restore policy");
		return;
	}
	if (!c->then_on) {
		if (state == DRIVER_POWER_OFF)
			confirm_end(c, CONFIRM_SEEN, "%.180s, and again at %s",
				    c->proof,
				    confirm_clock(c, now, at, sizeof(at)));
		else
			confirm_end(c, CONFIRM_UNKNOWN, "it was seen off; then "
				    "the controller could no longer tell");
		return;
	}
	c->then_on = false;
	if (state == DRIVER_POWER_ON)
		confirm_note(c, "it came on by itself");
	confirm_aim(c, DRIVER_POWER_ON, DRIVER_ACT_ON, now);
	confirm_read(c, now, state);
	/* Seen off, on its way to on: not "was on already". */
	if (c->phase == PHASE_WATCH)
		c->attempts = 1;
}

static void confirm_query_done(struct confirm *c, int64_t now,
			       enum driver_power state)
{
	c->last = state;
	c->last_known = state != DRIVER_POWER_UNKNOWN;
	if (state == DRIVER_POWER_OFF && !c->dark)
		c->dark_since = now;
	if (c->last_known)
		c->dark = state == DRIVER_POWER_OFF;
	if (c->phase == PHASE_READ && c->config.unread && !c->sent &&
	    !c->last_known)
		c->wake = deadline_add(now, CONFIRM_APART_MS);
	else if (c->phase == PHASE_READ)
		confirm_read(c, now, state);
	else if (c->phase == PHASE_WATCH)
		confirm_watch(c, now, state);
	else if (c->phase == PHASE_RECHECK)
		confirm_recheck(c, now, state);
}

static void confirm_query_failed(struct confirm *c, int64_t now,
				 const struct rh_error *err)
{
	c->err = *err;
	c->seen = 0;
	c->last_known = false;
	if (err->code == RH_ERR_AUTH || err->code == RH_ERR_CONFIG ||
	    err->code == RH_ERR_NOTSUP) {
		confirm_next_way(c, now, CONFIRM_UNKNOWN, err->text);
		return;
	}
	c->wake = deadline_add(now, CONFIRM_BUSY_MS);
}

/* ---- acts ------------------------------------------------------------ */

static void confirm_acted(struct confirm *c, int64_t now, bool acked)
{
	c->sent = true;
	c->acked = acked;
	c->how = c->ask ? "done by a person" : acked ? "acknowledged" : "sent";
	c->by_person = c->ask;
	c->ask = c->look = c->said = false;
	if (c->by_person)
		rh_error_clear(&c->err);
	c->console_since = c->console_late = c->console_off = false;
	c->phase = PHASE_WATCH;
	c->seen = 0;
	c->last_known = false;
	c->sent_at = now;
	c->wake = c->send == DRIVER_ACT_CYCLE ? now
					      : deadline_add(now, CONFIRM_APART_MS / 2);
	c->window_end = deadline_min(deadline_add(now, c->config.confirm_ms),
				     c->config.deadline);
}

/* D5h: not in this state. What is the state really? */
static void confirm_act_refused(struct confirm *c, int64_t now)
{
	c->how = "refused";
	c->phase = confirm_act_once(c->send) ? PHASE_READ : PHASE_WATCH;
	c->wake = deadline_add(now, CONFIRM_APART_MS);
	c->window_end = deadline_min(deadline_add(now, CONFIRM_REFUSED_MS),
				     c->config.deadline);
}

/* A person gets one instruction, not the halves of a cycle. */
static void confirm_needs_hands(struct confirm *c, int64_t now,
				const struct rh_error *err)
{
	if (c->then_on && !c->sent && !c->person) {
		c->person = true;
		confirm_plan(c, now);
	} else if (c->config.person && !c->ask) {
		c->ask = true;
		memcpy(c->told, err->text, sizeof(c->told));
		c->wake = now;
	} else {
		confirm_next_way(c, now, CONFIRM_FAILED, err->text);
	}
}

/* The way can't do it. */
static void confirm_act_notsup(struct confirm *c, int64_t now)
{
	if (c->send != DRIVER_ACT_CYCLE) {
		confirm_next_way(c, now, CONFIRM_FAILED, c->err.text);
		return;
	}
	/* P12: no cycle there. */
	confirm_note(c, "the controller has no power cycle: off, then on");
	c->config.controller_cycle = false;
	confirm_plan(c, now);
}

static void confirm_act_failed(struct confirm *c, int64_t now,
			       const struct rh_error *err)
{
	c->err = *err;
	if (err->code == RH_ERR_STATE) {
		confirm_act_refused(c, now);
		return;
	}
	c->attempts--;
	switch (err->code) {
	case RH_ERR_NOTSUP:
		confirm_act_notsup(c, now);
		return;
	case RH_ERR_BUSY:
		c->wake = deadline_add(now, CONFIRM_BUSY_MS);
		return;
	case RH_ERR_NEEDS_HANDS:
		confirm_needs_hands(c, now, err);
		return;
	case RH_ERR_AUTH:
	case RH_ERR_CONFIG:
		confirm_next_way(c, now, CONFIRM_FAILED, err->text);
		return;
	case RH_ERR_REFUSED:
		confirm_end(c, CONFIRM_FAILED, "%s", err->text);
		return;
	case RH_ERR_UNREACHABLE:
		c->phase = PHASE_READ;
		c->wake = deadline_add(now, CONFIRM_BUSY_MS);
		return;
	default:
		c->attempts++;
		confirm_note(c, "the answer to %s was lost; reading the state",
			     driver_act_name(c->send));
		confirm_acted(c, now, false);
		return;
	}
}

/* ---- a person --------------------------------------------------------- */

/* A person did it, and the way can't tell what came of it. */
static bool confirm_must_look(const struct confirm *c, enum driver_power state)
{
	return c->phase == PHASE_WATCH && c->by_person && !c->said &&
	       state == DRIVER_POWER_UNKNOWN;
}

/* What a person says of the light holds until the next act, and ends the wait. */
static void confirm_said(struct confirm *c, int64_t now,
			 enum driver_power state)
{
	c->look = false;
	c->said = true;
	c->last = state;
	c->last_known = state != DRIVER_POWER_UNKNOWN;
	c->window_end = deadline_min(deadline_add(now, c->config.confirm_ms),
				     c->config.deadline);
	c->wake = c->window_end;
	if ((int)state == c->goal) {
		confirm_said_goal(c, now);
	} else if (state != DRIVER_POWER_UNKNOWN) {
		c->bounced = c->send == DRIVER_ACT_CYCLE;
		confirm_not_seen(c, now);
	} else if (c->console_since) {
		confirm_unreadable(c, now);
	}
}

void confirm_done(struct confirm *c, int64_t now, enum driver_power state,
		  const struct rh_error *err)
{
	bool failed = err != NULL && err->code != RH_ERR_NONE;

	assert(c->asked);
	c->asked = false;
	if (c->phase == PHASE_ACT) {
		c->attempts++;
		if (failed)
			confirm_act_failed(c, now, err);
		else
			confirm_acted(c, now, true);
	} else if (c->look) {
		confirm_said(c, now, failed ? DRIVER_POWER_UNKNOWN : state);
	} else if (confirm_must_look(c, failed ? DRIVER_POWER_UNKNOWN : state)) {
		c->look = true;
		c->wake = now;
	} else if (failed) {
		confirm_query_failed(c, now, err);
	} else {
		confirm_query_done(c, now, state);
	}
	confirm_tick(c, now);
}

/*
 * A console may lag (L13): what comes soon behind the last "off" may have been
 * printed before it, and does not show that the host is on.
 */
void confirm_console(struct confirm *c, int64_t now)
{
	if (!c->sent)
		return;
	c->console_since = true;
	if (now < deadline_add(c->dark ? c->dark_since : c->sent_at,
			       CONFIRM_LAG_MS))
		return;
	c->console_late = true;
	c->console_at = now;
	if (c->phase == PHASE_WATCH && c->last_known &&
	    c->last == DRIVER_POWER_OFF)
		c->console_off = true;
}

/* ---- time ------------------------------------------------------------ */

/* Never between two readings of the goal: the second one decides. */
static int64_t confirm_window_end(const struct confirm *c)
{
	if (c->phase == PHASE_HOLD || (c->phase == PHASE_WATCH && c->seen > 0))
		return c->config.deadline;
	return c->window_end;
}

void confirm_tick(struct confirm *c, int64_t now)
{
	if (c->asked || c->phase == PHASE_END)
		return;
	if (now >= c->config.deadline) {
		confirm_out_of_time(c);
		return;
	}
	if (c->phase == PHASE_HOLD && now >= c->wake) {
		c->phase = PHASE_RECHECK;
		c->window_end = deadline_min(
			deadline_add(now, c->config.confirm_ms),
			c->config.deadline);
	}
	if (now >= confirm_window_end(c))
		confirm_not_seen(c, now);
	if (c->phase == PHASE_ACT && c->then_on && !confirm_has_time(c, now))
		return;
	if (c->phase != PHASE_END && c->wake < now)
		c->wake = now;
}

int64_t confirm_deadline(const struct confirm *c)
{
	if (c->asked || c->phase == PHASE_END)
		return DEADLINE_NEVER;
	return deadline_min(deadline_min(c->wake, c->config.deadline),
			    confirm_window_end(c));
}

/* As long as it may take, and time enough to say in the end what was asked. */
static int64_t confirm_person_deadline(const struct confirm *c, int64_t now)
{
	int64_t left = c->config.deadline - now;

	if (c->config.deadline == DEADLINE_NEVER)
		return DEADLINE_NEVER;
	return c->config.deadline -
	       (left / 4 < CONFIRM_SPARE_MS ? left / 4 : CONFIRM_SPARE_MS);
}

void confirm_next(struct confirm *c, int64_t now, struct confirm_step *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (c->note_next < c->note_count) {
		ret->what = CONFIRM_NOTE;
		ret->text = c->notes[c->note_next++];
		return;
	}
	if (c->phase == PHASE_END) {
		ret->what = CONFIRM_END;
		return;
	}
	if (c->asked || c->phase == PHASE_HOLD || now < c->wake)
		return;
	c->asked = true;
	ret->way = c->way;
	ret->deadline = deadline_min(deadline_add(now, CONFIRM_CALL_MS),
				     c->config.deadline);
	if (c->phase == PHASE_READ)
		ret->deadline = deadline_min(
			ret->deadline, deadline_add(now, confirm_patience(c)));
	ret->person = c->ask || c->look;
	if (ret->person)
		ret->deadline = confirm_person_deadline(c, now);
	if (c->ask)
		ret->text = c->told;
	ret->what = c->phase == PHASE_ACT ? CONFIRM_ACT : CONFIRM_QUERY;
	ret->act = c->phase == PHASE_ACT ? c->send : DRIVER_ACT_NONE;
}
