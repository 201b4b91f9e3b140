/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the faults do. world.c comes in at each place at which one can strike;
 * a fault that was not drawn changes nothing there.
 *
 * Always true: what is drawn comes from the world's random numbers, in the
 * order of events, so that a seed is the same rehearsal for ever; the second way
 * to the power has no faults, but for the mains.
 */
#include "agent/twin/world.h"

#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define FAULTS_LATENCY_MS 20
#define FAULTS_FLOOD 16384

bool fault_strikes(struct world *w, enum fault fault)
{
	if (!w->f.on[fault])
		return false;
	if (!w->f.struck[fault])
		world_trace(w, fault_id(fault), fault_words(fault));
	w->f.struck[fault] = true;
	return true;
}

/* One fault or two, or none in a fifth of the rehearsals. */
void faults_draw(struct world *w)
{
	const struct fault_set *set = w->config->faults;
	int i, n, count = 0;

	memset(&w->f, 0, sizeof(w->f));
	w->f.on_since = w->f.off_since = w->f.key_at = -1;
	w->f.when = deadline_add(w->now, world_between(w, 0, 120000));
	w->f.until = deadline_add(w->f.when, world_between(w, 10000, 90000));
	w->f.times = (int)world_between(w, 1, 3);
	w->f.flush_at = w->f.boot_until = DEADLINE_NEVER;
	w->f.act_at = -1;
	w->f.hard = world_chance(w, 50);
	if (set == NULL || set->count == 0)
		return;
	count = world_chance(w, 20) && set->count > 1 ? 0
		: world_chance(w, 50)		      ? 1 : 2;
	for (i = 0; i < count; i++) {
		n = (int)world_between(w, 0, (int64_t)set->count - 1);
		w->f.list[i] = FAULT_NONE;
		do {
			do
				w->f.list[i]++;
			while (!set->has[w->f.list[i]]);
		} while (n-- > 0);
		w->f.on[w->f.list[i]] = true;
		w->f.left[w->f.list[i]] = w->f.times;
	}
}

/* ---- requests to the controller --------------------------------------------------- */

static bool fault_silent(struct world *w, struct machine_outcome *o)
{
	bool silent = w->now < w->f.bmc_back;

	if (w->f.on[FAULT_P17] && w->now >= w->f.when)
		silent = fault_strikes(w, FAULT_P17);
	if (w->f.on[FAULT_S07] && w->now >= w->f.when &&
	    w->now < deadline_add(w->f.until, 60000))
		silent = fault_strikes(w, FAULT_S07);
	if (silent)
		rh_error_set(&o->err, RH_ERR_UNREACHABLE,
			     "the BMC does not answer");
	return silent;
}

/* S04: requests less than 300 ms apart wear it out. */
static void fault_wear_out(struct world *w)
{
	if (!w->f.on[FAULT_S04])
		return;
	w->f.quick = w->now - w->f.quick_at < 300 ? w->f.quick + 1 : 0;
	w->f.quick_at = w->now;
	if (w->f.quick >= 10 && fault_strikes(w, FAULT_S04))
		w->f.bmc_back = deadline_add(w->now, 60000);
}

int64_t faults_request(struct world *w, int way, enum machine_do what,
		       struct machine_outcome *o)
{
	int64_t ms = w->config->twin->controller_ms > 0
			     ? w->config->twin->controller_ms
			     : FAULTS_LATENCY_MS;

	if (way > 0 && !(w->f.on[FAULT_P17] && w->now >= w->f.when))
		return ms;
	w->f.seen++;
	fault_wear_out(w);
	if (fault_silent(w, o))
		return 5000;
	if (fault_strikes(w, FAULT_S18)) {
		rh_error_set(&o->err, RH_ERR_AUTH, "the password is wrong");
	} else if (w->f.on[FAULT_S01] && w->f.seen <= w->f.times) {
		fault_strikes(w, FAULT_S01);
		rh_error_set(&o->err, RH_ERR_BUSY, "no room for a session");
	} else if (w->f.on[FAULT_P16] && w->f.act_at >= 0 &&
		   w->now - w->f.act_at < 3000) {
		fault_strikes(w, FAULT_P16);
		rh_error_set(&o->err, RH_ERR_BUSY, "busy with another request");
	} else if (w->f.on[FAULT_S06] && w->f.after_act) {
		fault_strikes(w, FAULT_S06);
		rh_error_set(&o->err, RH_ERR_UNREACHABLE, "no session");
	} else if (w->f.on[FAULT_S16] && what != MACHINE_POWER_ACT &&
		   world_chance(w, 30)) {
		fault_strikes(w, FAULT_S16);
		rh_error_set(&o->err, RH_ERR_TIMEOUT, "no answer");
		ms = 5000;
	}
	w->f.after_act = what == MACHINE_POWER_ACT;
	if (w->f.after_act && o->err.code == RH_ERR_NONE)
		w->f.act_at = w->now;
	if (fault_strikes(w, FAULT_S05))
		ms = world_between(w, 2000, 10000);
	return ms;
}

/* The controller knows better than to do this. */
static bool fault_refuses(struct world *w, enum driver_act act,
			  struct machine_outcome *o)
{
	bool on = twin_is_on(w->t);

	if (act == DRIVER_ACT_CYCLE && fault_strikes(w, FAULT_P12))
		rh_error_set(&o->err, RH_ERR_NOTSUP, "no power cycle here");
	else if (act == DRIVER_ACT_SOFT && w->f.hard &&
		 fault_strikes(w, FAULT_P11))
		rh_error_set(&o->err, RH_ERR_NOTSUP, "no soft-off here");
	else if ((act == DRIVER_ACT_CYCLE || act == DRIVER_ACT_RESET) && !on &&
		 fault_strikes(w, FAULT_P03))
		rh_error_set(&o->err, RH_ERR_STATE, "not in this state");
	else if (act == DRIVER_ACT_OFF && !on && fault_strikes(w, FAULT_P04))
		rh_error_set(&o->err, RH_ERR_STATE, "not in this state");
	return o->err.code != RH_ERR_NONE;
}

/* P08: it restarts now; whether it did it before, who knows. */
static bool fault_restarts(struct world *w, struct machine_outcome *o)
{
	if (w->f.bmc_restarted || !fault_strikes(w, FAULT_P08))
		return false;
	w->f.bmc_restarted = true;
	w->f.bmc_back = deadline_add(w->now, world_between(w, 5000, 60000));
	rh_error_set(&o->err, RH_ERR_TIMEOUT, "no answer");
	return true;
}

/* The host comes on by itself, a while after it was switched off. */
static void fault_bounce(struct world *w, enum driver_act act, int64_t at)
{
	if (act != DRIVER_ACT_OFF || w->f.left[FAULT_P19] == 0 ||
	    w->late_count == WORLD_LATE || !fault_strikes(w, FAULT_P19))
		return;
	w->f.left[FAULT_P19]--;
	w->late[w->late_count++] = (struct world_late){
		.at = deadline_add(at, world_between(w, 500, 20000)),
		.act = DRIVER_ACT_ON };
}

int64_t faults_act(struct world *w, enum driver_act *act,
		   struct machine_outcome *o)
{
	int64_t at = w->now;

	if (fault_refuses(w, *act, o))
		return DEADLINE_NEVER;
	if (*act == DRIVER_ACT_SOFT && fault_strikes(w, FAULT_P11))
		*act = DRIVER_ACT_OFF;
	if (*act == DRIVER_ACT_RESET && !twin_is_on(w->t) &&
	    fault_strikes(w, FAULT_P05))
		return DEADLINE_NEVER;
	if (w->f.left[FAULT_P02] > 0 && fault_strikes(w, FAULT_P02)) {
		w->f.left[FAULT_P02] -= !w->f.hard;
		return DEADLINE_NEVER;
	}
	if (*act == DRIVER_ACT_ON && w->f.off_since >= 0 &&
	    w->now - w->f.off_since < 1000 && fault_strikes(w, FAULT_P13))
		return DEADLINE_NEVER;
	if (fault_restarts(w, o) && w->f.hard)
		return DEADLINE_NEVER;
	if (w->f.on[FAULT_S16] && world_chance(w, 30)) {
		fault_strikes(w, FAULT_S16);
		rh_error_set(&o->err, RH_ERR_TIMEOUT, "no answer");
		if (w->f.hard)
			return DEADLINE_NEVER;
	}
	if (fault_strikes(w, FAULT_P01))
		at = deadline_add(at, world_between(w, 0, 30000));
	if (fault_strikes(w, FAULT_P09))
		at = deadline_add(at, world_between(w, 20000, 180000));
	fault_bounce(w, *act, at);
	if (*act == DRIVER_ACT_ON || *act == DRIVER_ACT_CYCLE ||
	    *act == DRIVER_ACT_RESET)
		faults_started(w);
	return at;
}

/* P14, P15: what a boot device that was set becomes. */
void faults_boot(struct world *w, enum driver_boot device,
		 struct machine_outcome *o)
{
	if (w->f.on[FAULT_P14] && w->f.hard && fault_strikes(w, FAULT_P14)) {
		rh_error_set(&o->err, RH_ERR_PROTOCOL, "the boot device did not "
			     "stick");
		return;
	}
	if (fault_strikes(w, FAULT_P15))
		return;
	if (fault_strikes(w, FAULT_P14))
		w->f.boot_until = deadline_add(w->now, 60000);
	twin_boot(w->t, w->now, device);
}

void faults_query(struct world *w, struct machine_outcome *o)
{
	int64_t off = w->f.off_since, on = w->f.on_since;

	if (o->state == DRIVER_POWER_OFF && off >= 0 &&
	    (w->f.hard || w->now - off < 30000) && fault_strikes(w, FAULT_P06))
		o->state = DRIVER_POWER_ON;
	else if (o->state == DRIVER_POWER_ON && on >= 0 &&
		 (w->f.hard || w->now - on < 40000) &&
		 fault_strikes(w, FAULT_P07))
		o->state = DRIVER_POWER_OFF;
	if (w->f.on[FAULT_P08] && w->f.bmc_restarted &&
	    w->now < deadline_add(w->f.bmc_back, 10000))
		o->state = DRIVER_POWER_UNKNOWN;
}

/* ---- the host -------------------------------------------------------------------------------- */

/* Whether the shell fails by a fault; o says how. */
bool faults_shell(struct world *w, struct machine_outcome *o)
{
	if (twin_boot_id(w->t) == NULL)
		return false;
	if (fault_strikes(w, FAULT_H03))
		rh_error_set(&o->err, RH_ERR_REFUSED, "the host key is another "
			     "one");
	else if (fault_strikes(w, FAULT_H02))
		rh_error_set(&o->err, RH_ERR_TIMEOUT, "the shell hangs");
	return o->err.code != RH_ERR_NONE;
}

#define FAULTS_CRASH_MS 30000

bool faults_services_down(const struct world *w)
{
	return w->f.struck[FAULT_H04] && w->now >= w->f.crash_at &&
	       w->now < deadline_add(w->f.crash_at, FAULTS_CRASH_MS);
}

/* H04: some seconds after it was healthy first, for half a minute. */
static void fault_crash(struct world *w)
{
	if (!w->f.on[FAULT_H04] || w->f.struck[FAULT_H04] ||
	    !twin_is_healthy(w->t))
		return;
	if (w->f.crash_at == 0)
		w->f.crash_at = deadline_add(w->now,
					     world_between(w, 1000, 20000));
	if (w->now >= w->f.crash_at)
		fault_strikes(w, FAULT_H04);
}

static void fault_restart(struct world *w, enum fault fault)
{
	if (w->now < w->f.when || w->f.left[fault] == 0)
		return;
	fault_strikes(w, fault);
	w->f.left[fault] = fault == FAULT_B01 ? w->f.left[fault] - 1 : 0;
	w->f.when = deadline_add(w->now, world_between(w, 5000, 60000));
	twin_power(w->t, w->now, DRIVER_ACT_RESET);
}

/* P18: a person, or another program, at the same switch. */
static void fault_other_hand(struct world *w)
{
	if (w->now < w->f.when || w->f.left[FAULT_P18] == 0)
		return;
	fault_strikes(w, FAULT_P18);
	w->f.left[FAULT_P18] = 0;
	world_execute(w, w->f.hard ? DRIVER_ACT_OFF : DRIVER_ACT_CYCLE, false);
}

/* P17: host and BMC are gone, and stay so. */
static void fault_mains(struct world *w)
{
	if (w->now < w->f.when || w->f.left[FAULT_P17] == 0)
		return;
	fault_strikes(w, FAULT_P17);
	w->f.left[FAULT_P17] = 0;
	w->late_count = 0;
	world_execute(w, DRIVER_ACT_OFF, false);
	world_lose(w, DEADLINE_NEVER);
}

static void fault_connection(struct world *w)
{
	if (!w->attached)
		return;
	if (w->now >= deadline_add(w->last_output, 30000) &&
	    fault_strikes(w, FAULT_L20)) {
		world_lose(w, 1000);
	} else if (w->now >= w->f.when && w->f.left[FAULT_L21] > 0) {
		fault_strikes(w, FAULT_L21);
		w->f.left[FAULT_L21] = 0;
		w->f.bmc_back = deadline_add(w->now,
					     world_between(w, 10000, 60000));
		world_lose(w, w->f.bmc_back - w->now);
	}
}

/* Whether something strikes by itself at f.when. */
static bool fault_is_timed(const struct world *w)
{
	return w->f.left[FAULT_B01] > 0 || w->f.left[FAULT_B03] > 0 ||
	       w->f.left[FAULT_P17] > 0 || w->f.left[FAULT_P18] > 0 ||
	       (w->f.left[FAULT_L21] > 0 && w->attached);
}

int64_t faults_deadline(const struct world *w)
{
	int64_t due = deadline_min(w->f.boot_until, w->f.flush_at);

	if (w->f.when > w->now && fault_is_timed(w))
		due = deadline_min(due, w->f.when);
	if (w->f.on[FAULT_H04] && !w->f.struck[FAULT_H04] &&
	    w->f.crash_at > w->now)
		due = deadline_min(due, w->f.crash_at);
	if (w->f.on[FAULT_L20] && w->attached)
		due = deadline_min(due, deadline_add(w->last_output, 30000));
	if (w->f.lone_esc)
		due = deadline_min(due, deadline_add(w->f.key_at, 2000));
	return due;
}

void faults_tick(struct world *w)
{
	fault_crash(w);
	fault_restart(w, FAULT_B01);
	fault_restart(w, FAULT_B03);
	fault_other_hand(w);
	fault_mains(w);
	fault_connection(w);
	faults_tick_keys(w);
	if (w->now >= w->f.boot_until) {
		w->f.boot_until = DEADLINE_NEVER;
		twin_boot(w->t, w->now, DRIVER_BOOT_NONE);
	}
}
