/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What faults do to the console: to the connection, to the bytes that come, and
 * to the keys that go. world.c comes in at each place at which one can strike;
 * a fault that was not drawn changes nothing there.
 *
 * Always true: what is held back here is either delivered later or was lost by a
 * fault that says so; w->scratch is what arrives now.
 */
#include "agent/twin/world.h"

#include <string.h>

#include "base/deadline.h"

#define FAULTS_FLOOD 16384
#define FAULTS_LONG 65536	/* of one line */

/* ---- the console ------------------------------------------------------------------------ */

int64_t faults_attach_ms(struct world *w)
{
	if (fault_strikes(w, FAULT_L04))
		return DEADLINE_NEVER;
	if (fault_strikes(w, FAULT_L01))
		return w->f.hard ? DEADLINE_NEVER : 20000;
	if (fault_strikes(w, FAULT_L03))
		return world_between(w, 55000, 70000);
	if (fault_strikes(w, FAULT_L02))
		return 12000;
	return fault_strikes(w, FAULT_L10) ? 40000 : 300;
}

/* The host was switched on: what the BMC's console makes of it. */
void faults_started(struct world *w)
{
	if (fault_strikes(w, FAULT_L06))
		w->f.stolen = true;
	if (fault_strikes(w, FAULT_L07))
		w->f.stuck = true;
	if (w->attached && fault_strikes(w, FAULT_L12))
		w->lose_at = deadline_add(w->now, 500);
}

void faults_reopened(struct world *w)
{
	w->f.stolen = w->f.stuck = false;
}

/* What comes at once when it is attached: to w->scratch. */
void faults_attached(struct world *w)
{
	buffer_clear(&w->scratch);
	buffer_append(&w->scratch, w->held.data, w->held.len);
	w->printed = w->held.len > 0 ? w->f.held_since : w->now;
	buffer_clear(&w->held);
	w->f.flush_at = DEADLINE_NEVER;
	if (w->f.on[FAULT_C14] && w->kept.len > 0 &&
	    fault_strikes(w, FAULT_C14))
		buffer_append(&w->scratch, w->kept.data, w->kept.len);
	if (w->f.on[FAULT_L11] && fault_strikes(w, FAULT_L11))
		w->lose_at = deadline_add(w->now,
					  world_between(w, 2000, 8000));
}

bool faults_flush(struct world *w)
{
	if (w->now < w->f.flush_at)
		return false;
	w->f.flush_at = DEADLINE_NEVER;
	w->f.stuck = false;
	w->printed = w->f.held_since;
	buffer_clear(&w->scratch);
	if (w->attached)
		buffer_append(&w->scratch, w->held.data, w->held.len);
	buffer_clear(&w->held);
	return w->scratch.len > 0;
}

/* L07, L14: some of w->scratch comes later, in order. */
static void fault_hold_back(struct world *w)
{
	bool echo = w->f.on[FAULT_L14] && w->f.key_at >= 0 &&
		    w->now - w->f.key_at < 2000;
	size_t ready;

	if (!w->f.stuck && !echo && w->held.len == 0)
		return;
	if (echo)
		fault_strikes(w, FAULT_L14);
	if (w->held.len == 0)
		w->f.held_since = w->now;
	w->printed = w->f.held_since;
	buffer_append(&w->held, w->scratch.data, w->scratch.len);
	buffer_clear(&w->scratch);
	if (w->f.flush_at == DEADLINE_NEVER)
		w->f.flush_at = deadline_add(w->now, w->f.stuck ? 30000 : 3000);
	if (w->f.stuck)
		return;
	w->f.flush_at = deadline_add(w->now, 3000);
	ready = w->held.len > 15 ? w->held.len - 15 : 0;
	buffer_append(&w->scratch, w->held.data, ready);
	buffer_drop(&w->held, ready);
	if (ready > 0)
		w->f.held_since = w->now;
}

static bool fault_mute(struct world *w)
{
	if (w->f.stolen || fault_strikes(w, FAULT_C11))
		return true;
	if (w->now < w->f.when ||
	    w->f.left[FAULT_L05] + w->f.left[FAULT_L08] == 0)
		return false;
	fault_strikes(w, FAULT_L05);
	fault_strikes(w, FAULT_L08);
	w->f.left[FAULT_L05] = w->f.left[FAULT_L08] = 0;
	w->f.stolen = true;
	return true;
}

/* Once each, at its time: a lot of text that means nothing. */
static bool fault_noise_due(struct world *w, enum fault fault)
{
	if (w->now < w->f.when || w->f.left[fault] == 0)
		return false;
	w->f.left[fault] = 0;
	return fault_strikes(w, fault);
}

static void fault_fill(struct world *w, const char *text, int times)
{
	while (times-- > 0)
		buffer_append_text(&w->scratch, text);
}

static void fault_noise(struct world *w)
{
	static const char trap[] =
		"log: oldhost login: root, Press F1 to continue, Fix<y>? ; GNU "
		"GRUB, Give root password for maintenance, # seen yesterday\r\n"
		"[    0.000000] Linux version 5.10.0 of a log that is shown\r\n";

	if (fault_noise_due(w, FAULT_C10))
		fault_fill(w, "BUG: soft lockup on CPU 0 ....\r\n",
			   FAULTS_FLOOD / 32);
	if (fault_noise_due(w, FAULT_C17))
		fault_fill(w, "........", FAULTS_LONG / 8);
	if (fault_noise_due(w, FAULT_C18))
		fault_fill(w, "aaaaaaaa (((( ", 128);
	if (fault_noise_due(w, FAULT_C15))
		fault_fill(w, trap, 1);
}

static void fault_line_end(struct world *w)
{
	buffer_append_text(&w->scratch, w->f.times == 1   ? "\n"
					: w->f.times == 2 ? "\r\r\n" : "\n\r");
}

/* C08, C09: the line runs at another speed. */
static bool fault_garbles(struct world *w)
{
	int64_t ms = 3000 + (w->f.until - w->f.when) / 8;

	if (w->f.on[FAULT_C08] && w->now >= w->f.when && w->now < w->f.until)
		return fault_strikes(w, FAULT_C08);
	return w->f.on[FAULT_C09] && w->f.on_since >= 0 &&
	       w->now - w->f.on_since < ms && fault_strikes(w, FAULT_C09);
}

/* A byte of output, as it arrives. */
static void fault_byte(struct world *w, char byte)
{
	if (fault_garbles(w)) {
		byte = (char)(0x80 | world_random(w));
	} else if (w->f.on[FAULT_C06] && byte == '\r') {
		return;
	} else if (byte == '\n' && fault_strikes(w, FAULT_C06)) {
		fault_line_end(w);
		return;
	}
	if (w->f.on[FAULT_C01] && byte > ' ' && world_chance(w, 4)) {
		fault_strikes(w, FAULT_C01);
		buffer_append_text(&w->scratch, "X\033[D");
	}
	buffer_append_char(&w->scratch, byte);
	if (byte == '\n' && fault_strikes(w, FAULT_C02))
		buffer_append_text(&w->scratch, "\033[?2004h\033[0m");
	if (byte == '\n' && fault_strikes(w, FAULT_C16))
		buffer_append_text(&w->scratch, "\033[6n\033[c");
	if (byte == '\n' && w->f.on[FAULT_C07] && world_chance(w, 50)) {
		fault_strikes(w, FAULT_C07);
		buffer_append_text(&w->scratch, "\xb3\xc4\xff");
	}
	if (w->f.on[FAULT_C05] && world_chance(w, 2)) {
		fault_strikes(w, FAULT_C05);
		buffer_printf(&w->scratch, "[%5d.424242] usb 1-1: new device\r\n",
			      w->f.clock);
	}
}

/* The kernel's clock, as far as it was printed: "[   42.424242]". */
static void fault_note_clock(struct world *w, const char *bytes, size_t len)
{
	const char *at = memchr(bytes, '[', len);
	size_t left = at != NULL ? len - (size_t)(at - bytes) : 0;
	int clock = 0;

	if (left < 14 || (at[1] != ' ' && (at[1] < '0' || at[1] > '9')))
		return;
	for (at++; *at == ' ' && at < bytes + len; at++)
		;
	for (; at < bytes + len && *at >= '0' && *at <= '9'; at++)
		clock = clock * 10 + (*at - '0');
	if (at < bytes + len && *at == '.')
		w->f.clock = clock;
}

int64_t faults_output(struct world *w, const char *bytes, size_t len)
{
	bool twice = false;
	size_t i;

	fault_note_clock(w, bytes, len);
	if (fault_mute(w)) {
		w->lost_at = w->now;
		return 0;
	}
	fault_noise(w);
	if (w->f.on[FAULT_L18] && world_chance(w, 15)) {
		fault_strikes(w, FAULT_L18);
		w->f.gap = !w->f.hard;
		if (w->f.hard)
			w->lost_at = w->now;
		return 0;
	}
	if (w->f.on[FAULT_L17] && world_chance(w, 15))
		twice = fault_strikes(w, FAULT_L17);
	for (i = 0; i < len; i++)
		fault_byte(w, bytes[i]);
	for (i = 0; i < len && twice; i++)
		fault_byte(w, bytes[i]);
	fault_strikes(w, FAULT_C04);
	fault_hold_back(w);
	if (fault_strikes(w, FAULT_C03))
		return 700 - (w->now - WORLD_BEGIN) % 700;
	if (fault_strikes(w, FAULT_L13))
		return 1000 + (w->f.until - w->f.when) / 10;
	return 0;
}

/* I02: Esc and what comes within 2 s are one key, which nobody knows. */
static bool fault_escape(struct world *w, const char *bytes, size_t len)
{
	if (!w->f.on[FAULT_I02])
		return false;
	if (w->f.lone_esc) {
		fault_strikes(w, FAULT_I02);
		w->f.lone_esc = false;
		return true;
	}
	w->f.lone_esc = len == 1 && bytes[0] == '\033';
	return w->f.lone_esc;
}

void faults_tick_keys(struct world *w)
{
	if (!w->f.lone_esc || w->now < deadline_add(w->f.key_at, 2000))
		return;
	w->f.lone_esc = false;
	twin_type(w->t, w->now, "\033", 1);
}

/* Whether none of these keys arrive. */
static bool fault_swallows(struct world *w, const char *bytes, size_t len)
{
	if (w->f.stolen)
		return true;
	if (w->f.on[FAULT_I04] && w->now >= w->f.when &&
	    w->now < deadline_add(w->f.when, 30000))
		return fault_strikes(w, FAULT_I04);
	if (w->f.key_count++ == 0 && fault_strikes(w, FAULT_L23))
		return true;
	if (len > 1 && bytes[0] == '\033' && fault_strikes(w, FAULT_I01))
		return true;
	return fault_escape(w, bytes, len);
}

/* I06: the loader does not take CR for Enter. */
static bool fault_no_enter(struct world *w, char byte)
{
	int64_t since = w->f.on_since >= 0 ? w->f.on_since : WORLD_BEGIN;

	return byte == '\r' && w->f.on[FAULT_I06] && w->now - since < 20000 &&
	       fault_strikes(w, FAULT_I06);
}

size_t faults_keys(struct world *w, char *bytes, size_t len,
		   struct machine_outcome *o)
{
	bool swallowed = false;
	size_t i, kept = 0;

	if (w->f.on[FAULT_I08] && w->now >= w->f.when && w->now < w->f.until) {
		fault_strikes(w, FAULT_I08);
		rh_error_set(&o->err, RH_ERR_TIMEOUT, "the console takes no "
			     "keys");
		return 0;
	}
	swallowed = fault_swallows(w, bytes, len);
	w->f.key_at = w->now;
	for (i = 0; i < len && !swallowed; i++) {
		if (w->f.on[FAULT_I03] && world_chance(w, 10))
			fault_strikes(w, FAULT_I03);
		else if (!fault_no_enter(w, bytes[i]))
			bytes[kept++] = bytes[i];
	}
	return kept;
}
