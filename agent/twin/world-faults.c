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
	w->f.on_since = w->f.off_since = -1;
	w->f.when = deadline_add(w->now, world_between(w, 0, 120000));
	w->f.until = deadline_add(w->f.when, world_between(w, 10000, 90000));
	w->f.times = (int)world_between(w, 1, 3);
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
	int64_t ms = FAULTS_LATENCY_MS;

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
	} else if (w->f.on[FAULT_P16] && w->late_count > 0) {
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
	if (act != DRIVER_ACT_OFF || w->f.times == 0 ||
	    w->late_count == WORLD_LATE || !fault_strikes(w, FAULT_P19))
		return;
	w->f.times--;
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
	if (w->f.on[FAULT_P02] && w->f.times > 0 && fault_strikes(w, FAULT_P02)) {
		w->f.times -= !w->f.hard;
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
	if (*act == DRIVER_ACT_ON && fault_strikes(w, FAULT_L06))
		w->f.stolen = true;
	if (*act == DRIVER_ACT_ON && w->attached && fault_strikes(w, FAULT_L12))
		w->lose_at = deadline_add(w->now, 500);
	return at;
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

/* ---- the console ------------------------------------------------------------------------ */

int64_t faults_attach_ms(struct world *w)
{
	if (fault_strikes(w, FAULT_L01))
		return w->f.hard ? DEADLINE_NEVER : 20000;
	return fault_strikes(w, FAULT_L10) ? 40000 : 300;
}

/* What comes at once when it is attached: to w->scratch. */
void faults_attached(struct world *w)
{
	buffer_clear(&w->scratch);
	if (w->f.on[FAULT_C14] && w->kept.len > 0 &&
	    fault_strikes(w, FAULT_C14))
		buffer_append(&w->scratch, w->kept.data, w->kept.len);
	if (w->f.on[FAULT_L11] && fault_strikes(w, FAULT_L11))
		w->lose_at = deadline_add(w->now,
					  world_between(w, 2000, 8000));
}

static bool fault_mute(struct world *w)
{
	if (w->f.stolen || fault_strikes(w, FAULT_C11))
		return true;
	if (w->now < w->f.when || w->f.times == 0)
		return false;
	if (!fault_strikes(w, FAULT_L05) && !fault_strikes(w, FAULT_L08))
		return false;
	w->f.times = 0;
	w->f.stolen = true;
	return true;
}

/* Once, at its time: a lot of text that means nothing. */
static void fault_noise(struct world *w)
{
	static const char trap[] =
		"log: oldhost login: root, Press F1 to continue, Fix<y>? ; GNU "
		"GRUB, Give root password for maintenance, # seen yesterday\r\n";
	int i;

	if (w->now < w->f.when || w->f.times == 0)
		return;
	if (fault_strikes(w, FAULT_C10)) {
		for (i = 0; i < FAULTS_FLOOD / 32; i++)
			buffer_append_text(&w->scratch,
					   "BUG: soft lockup on CPU 0 ....\r\n");
	} else if (fault_strikes(w, FAULT_C17)) {
		for (i = 0; i < FAULTS_FLOOD / 8; i++)
			buffer_append_text(&w->scratch, "........");
	} else if (fault_strikes(w, FAULT_C18)) {
		for (i = 0; i < 128; i++)
			buffer_append_text(&w->scratch, "aaaaaaaa (((( ");
	} else if (fault_strikes(w, FAULT_C15)) {
		buffer_append_text(&w->scratch, trap);
	} else {
		return;
	}
	w->f.times = 0;
}

static void fault_line_end(struct world *w)
{
	buffer_append_text(&w->scratch, w->f.times == 1   ? "\n"
					: w->f.times == 2 ? "\r\r\n" : "\n\r");
}

/* A byte of output, as it arrives. */
static void fault_byte(struct world *w, char byte)
{
	if (w->f.on[FAULT_C08] && w->now >= w->f.when && w->now < w->f.until) {
		fault_strikes(w, FAULT_C08);
		byte = (char)(0x80 | world_random(w));
	} else if (w->f.on[FAULT_C06] && byte == '\r') {
		return;
	} else if (byte == '\n' && fault_strikes(w, FAULT_C06)) {
		fault_line_end(w);
		return;
	}
	buffer_append_char(&w->scratch, byte);
	if (byte == '\n' && fault_strikes(w, FAULT_C02))
		buffer_append_text(&w->scratch, "\033[?2004h\033[0m");
	if (byte == '\n' && fault_strikes(w, FAULT_C16))
		buffer_append_text(&w->scratch, "\033[6n\033[c");
	if (w->f.on[FAULT_C07] && world_chance(w, 3)) {
		fault_strikes(w, FAULT_C07);
		buffer_append_text(&w->scratch, byte == '\n' ? "\xb3" : "");
	}
	if (w->f.on[FAULT_C05] && world_chance(w, 2)) {
		fault_strikes(w, FAULT_C05);
		buffer_append_text(&w->scratch, "[   42.424242] usb 1-1: new "
						"device\r\n");
	}
}

int64_t faults_output(struct world *w, const char *bytes, size_t len)
{
	bool twice = false;
	size_t i;

	if (fault_mute(w))
		return 0;
	fault_noise(w);
	if (w->f.on[FAULT_L18] && world_chance(w, 15)) {
		fault_strikes(w, FAULT_L18);
		return 0;
	}
	if (w->f.on[FAULT_L17] && world_chance(w, 15))
		twice = fault_strikes(w, FAULT_L17);
	for (i = 0; i < len; i++)
		fault_byte(w, bytes[i]);
	for (i = 0; i < len && twice; i++)
		fault_byte(w, bytes[i]);
	fault_strikes(w, FAULT_C04);
	if (fault_strikes(w, FAULT_C03))
		return 700 - (w->now - WORLD_BEGIN) % 700;
	if (fault_strikes(w, FAULT_L13))
		return 1000 + (w->f.until - w->f.when) / 10;
	return 0;
}

size_t faults_keys(struct world *w, char *bytes, size_t len,
		   struct machine_outcome *o)
{
	size_t i, kept = 0;

	if (w->f.on[FAULT_I08] && w->now >= w->f.when && w->now < w->f.until) {
		fault_strikes(w, FAULT_I08);
		rh_error_set(&o->err, RH_ERR_TIMEOUT, "the console takes no "
			     "keys");
		return 0;
	}
	if (w->f.stolen)
		return 0;
	if (w->f.on[FAULT_I04] && w->now >= w->f.when &&
	    w->now < deadline_add(w->f.when, 30000)) {
		fault_strikes(w, FAULT_I04);
		return 0;
	}
	if (w->f.key_count++ == 0 && fault_strikes(w, FAULT_L23))
		return 0;
	for (i = 0; i < len; i++) {
		if (w->f.on[FAULT_I03] && world_chance(w, 10))
			fault_strikes(w, FAULT_I03);
		else
			bytes[kept++] = bytes[i];
	}
	return kept;
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

static void fault_restart(struct world *w)
{
	if (!w->f.on[FAULT_B01] && !w->f.on[FAULT_B03])
		return;
	if (w->now < w->f.when || w->f.times == 0)
		return;
	fault_strikes(w, w->f.on[FAULT_B01] ? FAULT_B01 : FAULT_B03);
	w->f.times = w->f.on[FAULT_B01] ? w->f.times - 1 : 0;
	w->f.when = deadline_add(w->now, world_between(w, 5000, 60000));
	twin_power(w->t, w->now, DRIVER_ACT_RESET);
}

static void fault_connection(struct world *w)
{
	if (!w->attached)
		return;
	if (w->f.on[FAULT_P17] && w->now >= w->f.when) {
		twin_power(w->t, w->now, DRIVER_ACT_OFF);
		world_lose(w, DEADLINE_NEVER);
	} else if (w->now >= deadline_add(w->last_output, 30000) &&
		   fault_strikes(w, FAULT_L20)) {
		world_lose(w, 1000);
	} else if (w->f.on[FAULT_L21] && w->now >= w->f.when &&
		   w->f.times > 0) {
		fault_strikes(w, FAULT_L21);
		w->f.times = 0;
		w->f.bmc_back = deadline_add(w->now,
					     world_between(w, 10000, 60000));
		world_lose(w, w->f.bmc_back - w->now);
	}
}

int64_t faults_deadline(const struct world *w)
{
	int64_t due = DEADLINE_NEVER;

	if (w->f.times > 0 && w->f.when > w->now &&
	    (w->f.on[FAULT_B01] || w->f.on[FAULT_B03] || w->f.on[FAULT_L21] ||
	     w->f.on[FAULT_P17]))
		due = w->f.when;
	if (w->f.on[FAULT_H04] && !w->f.struck[FAULT_H04] &&
	    w->f.crash_at > w->now)
		due = deadline_min(due, w->f.crash_at);
	if (w->f.on[FAULT_L20] && w->attached)
		due = deadline_min(due, deadline_add(w->last_output, 30000));
	return due;
}

void faults_tick(struct world *w)
{
	fault_crash(w);
	fault_restart(w);
	fault_connection(w);
}
