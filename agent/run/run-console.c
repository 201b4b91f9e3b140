/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console of a run is kept open: attached at the start, opened anew when
 * its hand dies, when the session is lost, or when it stays mute after
 * power-on. What was missed is marked as a gap.
 *
 * The changes: wanted -> attaching -> attached -> (lost) -> waiting -> ...
 * An error that trying again can't mend (wrong password, held by somebody
 * else, not possible) ends the run before anything was done to the host;
 * later in the run it only goes on trying.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/run/run-private.h"
#include "base/deadline.h"

#define CONSOLE_BACKOFF_MS 500
#define CONSOLE_BACKOFF_MAX_MS 8000
#define CONSOLE_ATTACH_MS 30000
#define CONSOLE_LADDER_MS 12000	/* the same, where there is another way */
#define CONSOLE_GIVE_UP_MS 45000	/* before anything was done */
#define CONSOLE_OWN_MS 70000		/* a BMC keeps a dead session so long */
#define CONSOLE_FRESH_MS 5000

static void console_wait(struct run *r)
{
	struct run_console *c = &r->console;

	c->retry_at = deadline_in(c->backoff_ms);
	c->backoff_ms *= 2;
	if (c->backoff_ms > CONSOLE_BACKOFF_MAX_MS)
		c->backoff_ms = CONSOLE_BACKOFF_MAX_MS;
}

void console_init(struct run *r)
{
	struct run_console *c = &r->console;
	const struct way *way;
	size_t n;

	for (n = 0; (way = host_way(r->host, WAY_CONSOLE, n)) != NULL; n++)
		c->ways[c->count++].way = way;
	c->way = c->ways[0].way;
}

/* What the present way's section says of the terminal. */
void console_settings(struct run *r)
{
	const struct settings *s = r->console.way->settings;
	const char *enter = settings_text(s, "enter");

	r->config.terminal =
		keys_terminal_from_name(settings_text(s, "terminal"));
	r->config.key_delay_ms = settings_number(s, "key-delay");
	r->config.mute_ms = settings_number(s, "mute");
	if (sscanf(settings_text(s, "size"), "%dx%d", &r->config.cols,
		   &r->config.rows) != 2)
		r->config.cols = r->config.rows = 0;
	r->config.enter = "\r";
	if (strcmp(enter, "lf") == 0)
		r->config.enter = "\n";
	else if (strcmp(enter, "crlf") == 0)
		r->config.enter = "\r\n";
}

/* The index of the next way that is not given up; the present one where none. */
static int console_next_index(const struct run_console *c)
{
	int i, index;

	for (i = 1; i < c->count; i++) {
		index = (c->index + i) % c->count;
		if (!c->ways[index].given_up)
			return index;
	}
	return c->index;
}

/*
 * Goes on with the next way, at once, or after a pause where all of them have
 * failed. False where there is no other.
 */
static bool console_next_way(struct run *r, const struct rh_error *err)
{
	struct run_console *c = &r->console;
	int index = console_next_index(c);
	char text[700];

	if (index == c->index)
		return false;
	snprintf(text, sizeof(text), "[%s] %s; now [%s]", c->way->label, err->text,
		 c->ways[index].way->label);
	run_event(r, "way-given-up", "", text,
		  json_pack("{ss ss ss}", "way", c->way->label, "code",
			    rh_code_name(err->code), "next",
			    c->ways[index].way->label));
	c->ways[c->index].hand = c->hand;
	c->ways[c->index].own_until = c->own_until;
	c->index = index;
	c->way = c->ways[index].way;
	c->hand = c->ways[index].hand;
	c->ways[index].hand = NULL;
	c->own_until = c->ways[index].own_until;
	c->refused = 0;
	c->request = 0;
	console_settings(r);
	machine_console(r->machine, r->config.terminal, r->config.enter,
			r->config.key_delay_ms, r->config.mute_ms);
	machine_screen_size(r->machine, r->config.rows, r->config.cols);
	if (++c->failed % c->count != 0)
		c->retry_at = deadline_now();
	else
		console_wait(r);
	return true;
}

void console_begin(struct run *r)
{
	struct run_console *c = &r->console;

	c->retry_at = DEADLINE_NEVER;
	if (c->way == NULL)
		return;
	c->wanted = true;
	c->backoff_ms = CONSOLE_BACKOFF_MS;
	c->began = deadline_now();
	c->retry_at = c->began;
	if (r->lock.left_console)
		c->own_until = deadline_in(CONSOLE_OWN_MS);
}

static void console_attach(struct run *r, int64_t now)
{
	struct run_console *c = &r->console;
	struct hand_request request = { .op = HAND_OP_ATTACH };
	char name[300];

	c->retry_at = DEADLINE_NEVER;
	if (settings_bool(c->way->settings, "steal"))
		request.number = DRIVER_ATTACH_STEAL;
	else if (now < c->own_until)
		request.number = DRIVER_ATTACH_OWN;
	request.deadline = deadline_add(now, c->count > 1 ? CONSOLE_LADDER_MS
							  : CONSOLE_ATTACH_MS);
	request.deadline = deadline_min(request.deadline, r->config.deadline);
	snprintf(name, sizeof(name), "%s/%s", r->host->name, c->way->label);
	if (c->hand == NULL)
		c->hand = hand_start(name, c->way->driver, c->way->settings,
				     &c->err);
	if (c->hand == NULL ||
	    hand_send(c->hand, &request, &c->request, &c->err) < 0) {
		console_wait(r);
		return;
	}
	c->attaching = true;
}

static void console_up(struct run *r)
{
	struct run_console *c = &r->console;
	char text[80];

	c->attached = true;
	c->refused = 0;
	c->failed = 0;
	c->own_until = 0;
	c->backoff_ms = CONSOLE_BACKOFF_MS;
	c->attached_at = c->last_byte = deadline_now();
	c->fresh_at = c->attached_at;
	snprintf(text, sizeof(text), "console attached%s (%s)",
		 c->ever ? " again" : "", c->way->driver->name);
	run_event(r, c->ever ? "console-back" : "console-up", "",
		  text, NULL);
	record_marker(r->record, run_at(r), text);
	c->ever = true;
	machine_attached(r->machine, c->attached_at);
}

/*
 * Whether trying again can't help. A BMC that has just restarted may refuse a
 * good password once (S06); more than twice would lock the account.
 */
static bool console_is_final(struct run_console *c)
{
	switch (c->err.code) {
	case RH_ERR_AUTH:
		return ++c->refused > (c->ever ? 1 : 0);
	case RH_ERR_CONFIG:
	case RH_ERR_NOTSUP:
		return !c->ever;
	case RH_ERR_BUSY:
		return !c->ever && deadline_now() >= c->own_until;
	default:
		return !c->ever &&
		       deadline_now() - c->began >= CONSOLE_GIVE_UP_MS;
	}
}

static void console_failed(struct run *r, const struct rh_error *err)
{
	struct run_console *c = &r->console;
	char text[900];

	c->err = *err;
	run_event(r, "console-error", "", err->text,
		  json_pack("{ss}", "code", rh_code_name(err->code)));
	if (console_is_final(c)) {
		c->ways[c->index].given_up = true;
		if (console_next_way(r, err))
			return;
		snprintf(text, sizeof(text), "%s: %s%s%s", c->way->label,
			 err->text, c->ever ? "" : "; nothing was done to ",
			 c->ever ? "" : r->host->name);
		machine_abort(r->machine, deadline_now(), VERDICT_UNKNOWN,
			      err->code, text);
		return;
	}
	if (!console_next_way(r, err))
		console_wait(r);
}

static void console_down(struct run *r, const struct rh_error *err, bool held)
{
	struct run_console *c = &r->console;
	bool was = c->attached;

	c->attached = c->attaching = c->reopening = false;
	if (held)
		c->own_until = deadline_in(CONSOLE_OWN_MS);
	if (was) {
		run_event(r, "console-lost", "", err->text,
			  json_pack("{ss}", "code", rh_code_name(err->code)));
		record_marker(r->record, run_at(r),
			      "gap: the console was lost here");
		machine_lost(r->machine, deadline_now());
	}
	if (c->retry_at == DEADLINE_NEVER && !console_next_way(r, err))
		console_wait(r);
}

/* A gap in the record begins, or is over. */
void run_tell_gap(struct run *r)
{
	uint64_t lost, gap;
	char text[200];
	int why;

	gap = record_gap(r->record, &lost, &why);
	if ((gap > 0) == r->gap)
		return;
	r->gap = gap > 0;
	if (r->gap)
		snprintf(text, sizeof(text), "the console can't be recorded: %s; "
			 "it is watched all the same", strerror(why));
	else
		snprintf(text, sizeof(text), "the console is recorded again, "
			 "%" PRIu64 " bytes are missing", lost - r->gap_lost);
	run_event(r, "record-gap", "", text, NULL);
	if (!r->gap)
		r->gap_lost = lost;
}

void run_record_output(struct run *r, int64_t at, const char *bytes,
		       size_t len)
{
	struct buffer clean = { 0 };

	ring_write(&r->tail, bytes, len);
	redact_feed(&r->redact, bytes, len, &clean);
	if (clean.len > 0)
		record_output(r->record, at, clean.data, clean.len);
	buffer_release(&clean);
	run_tell_gap(r);
}

static void console_bytes(struct run *r, const char *bytes, size_t len)
{
	struct machine_action keys;
	int64_t at = run_at(r);		/* before the keys that answer it */

	r->console.last_byte = deadline_now();
	machine_feed(r->machine, r->console.last_byte, bytes, len);
	while (r->admitted && machine_next_write(r->machine, &keys))
		run_carry_out(r, &keys);
	run_record_output(r, at, bytes, len);
}

static void console_gap(struct run *r, uint64_t lost)
{
	char text[80];

	snprintf(text, sizeof(text), "gap: %" PRIu64 " bytes of the console were "
		 "lost or damaged", lost);
	record_marker(r->record, run_at(r), text);
	run_event(r, "console-gap", "", text,
		  json_pack("{sI}", "bytes", (json_int_t)lost));
	r->console.last_byte = deadline_now();
	machine_gap(r->machine, r->console.last_byte);
}

static void console_answered(struct run *r, const struct hand_event *event)
{
	struct run_console *c = &r->console;

	if (event->id != c->request)
		return;
	c->request = 0;
	if (event->op == HAND_OP_DETACH && c->reopening) {
		c->reopening = false;
		c->attached = false;
		if (event->err.code != RH_ERR_NONE)
			c->own_until = deadline_in(CONSOLE_OWN_MS);
		console_attach(r, deadline_now());
		return;
	}
	if (event->op != HAND_OP_ATTACH)
		return;
	c->attaching = false;
	if (event->err.code == RH_ERR_NONE)
		console_up(r);
	else
		console_failed(r, &event->err);
}

void console_event(struct run *r, const struct hand_event *event)
{
	switch (event->type) {
	case HAND_BYTES:
		console_bytes(r, event->bytes, event->bytes_len);
		break;
	case HAND_GAP:
		console_gap(r, event->lost_bytes);
		break;
	case HAND_CONSOLE_LOST:
	case HAND_ENDED:
		console_down(r, &event->err, event->held_console);
		break;
	case HAND_DONE:
		console_answered(r, event);
		break;
	case HAND_STATE:
	case HAND_NONE:
		break;
	}
}

void console_reopen(struct run *r)
{
	struct run_console *c = &r->console;
	struct hand_request request = { .op = HAND_OP_DETACH,
					.deadline = deadline_in(5000) };

	if (!c->attached || c->reopening || c->hand == NULL)
		return;
	record_marker(r->record, run_at(r), "the console is opened anew here");
	if (hand_send(c->hand, &request, &c->request, &c->err) == 0)
		c->reopening = true;
}

void console_tick(struct run *r, int64_t now)
{
	struct run_console *c = &r->console;

	if (!c->wanted || r->over)
		return;
	if (c->attached && now >= c->fresh_at) {
		lock_console(&r->lock, true);
		c->fresh_at = deadline_add(now, CONSOLE_FRESH_MS);
	}
	if (c->retry_at != DEADLINE_NEVER && now >= c->retry_at)
		console_attach(r, now);
}

int64_t console_deadline(const struct run *r)
{
	int64_t due = r->console.retry_at;

	if (!r->console.wanted)
		return DEADLINE_NEVER;
	if (r->console.attached)
		due = deadline_min(due, r->console.fresh_at);
	return due;
}
