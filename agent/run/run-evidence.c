/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evidence before force: the power state, the event log, the chassis and what
 * the console printed last, as files of the record, in a few seconds. What can't
 * be had is said in the summary and does not hold the run up.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "agent/console/text.h"
#include "agent/run/run-private.h"
#include "base/deadline.h"
#include "base/memory.h"

#define EVIDENCE_LISTEN_MS 3000	/* how long the console is listened to */
#define EVIDENCE_SHELL_MS 5000	/* a host that hangs does not answer */
#define EVIDENCE_EVENTS 64

static uint32_t evidence_ask(struct run *r, enum hand_op op, int number)
{
	struct hand_request request = { .op = op, .number = number,
					.deadline = r->evidence.deadline };
	struct rh_error err = RH_ERROR_INIT;
	struct hand *hand = run_power_hand(r, 0, &err);
	uint32_t id = 0;

	if (hand != NULL)
		hand_send(hand, &request, &id, &err);
	return id;
}

void evidence_begin(struct run *r, uint32_t machine_id, int64_t deadline)
{
	struct run_evidence *e = &r->evidence;
	int64_t now = deadline_now();

	memset(e, 0, sizeof(*e));
	e->machine_id = machine_id;
	e->deadline = deadline;
	snprintf(e->power, sizeof(e->power), "power state not readable");
	snprintf(e->log, sizeof(e->log), "no event log");
	if (r->power_count > 0) {
		e->query = evidence_ask(r, HAND_OP_QUERY, 0);
		if (r->power_ways[0]->driver->evidence != NULL) {
			e->event_log = evidence_ask(r, HAND_OP_EVENT_LOG,
						    EVIDENCE_EVENTS);
			e->chassis = evidence_ask(r, HAND_OP_CHASSIS, 0);
		}
	}
	shell_ask_before(r, deadline_min(deadline, deadline_add(now,
							EVIDENCE_SHELL_MS)));
	e->console_until = now;
	if (r->console.way != NULL)
		e->console_until = deadline_min(
			deadline_add(r->console.attached_at, EVIDENCE_LISTEN_MS),
			deadline_add(now, EVIDENCE_LISTEN_MS));
}

/* Foreign text, line by line, without control characters. */
void evidence_save(struct run *r, const char *name, const char *bytes,
		   size_t len)
{
	struct text view;
	struct buffer clean = { 0 }, safe = { 0 };
	struct rh_error err = RH_ERROR_INIT;

	text_init(&view);
	text_feed(&view, bytes, len, &clean);
	redact_text(&r->redact, buffer_text(&clean), &safe);
	if (record_evidence(r->record, name, buffer_text(&safe), safe.len,
			    &err) < 0)
		run_event(r, "evidence-error", "", err.text, NULL);
	buffer_release(&clean);
	buffer_release(&safe);
}

static int evidence_lines(const char *text)
{
	int lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

static void evidence_take_log(struct run *r, const struct hand_event *event)
{
	struct run_evidence *e = &r->evidence;
	int lines;

	if (event->err.code != RH_ERR_NONE) {
		snprintf(e->log, sizeof(e->log), "event log not readable");
		return;
	}
	lines = evidence_lines(event->bytes);
	evidence_save(r, "event-log.txt", event->bytes, event->bytes_len);
	snprintf(e->log, sizeof(e->log), "%d event-log entr%s kept", lines,
		 lines == 1 ? "y" : "ies");
}

/* Whether the event belongs here; then it is taken. */
bool evidence_event(struct run *r, const struct hand *hand,
		    const struct hand_event *event)
{
	struct run_evidence *e = &r->evidence;

	if (e->machine_id == 0 || hand != r->power[0])
		return false;
	if (event->op == HAND_OP_QUERY && event->id == e->query) {
		e->query = 0;
		if (event->err.code == RH_ERR_NONE)
			snprintf(e->power, sizeof(e->power), "power %s",
				 driver_power_name(event->state));
		else
			snprintf(e->power, sizeof(e->power),
				 "power state not readable: %.280s",
				 event->err.text);
	} else if (event->op == HAND_OP_EVENT_LOG && event->id == e->event_log) {
		e->event_log = 0;
		evidence_take_log(r, event);
	} else if (event->op == HAND_OP_CHASSIS && event->id == e->chassis) {
		e->chassis = 0;
		if (event->err.code == RH_ERR_NONE)
			evidence_save(r, "chassis.txt", event->bytes,
				      event->bytes_len);
	} else {
		return false;
	}
	return true;
}

/* The last output of the console, as a file. Returns its bytes. */
static size_t evidence_console(struct run *r, const char *name)
{
	char *bytes = memory_new(r->tail.size, 1);
	uint64_t position = ring_oldest(&r->tail), missed;
	size_t len = ring_read(&r->tail, &position, bytes, r->tail.size,
			       &missed);

	if (len > 0)
		evidence_save(r, name, bytes, len);
	free(bytes);
	return len;
}

static void evidence_say_console(const struct run *r, size_t kept,
				 int64_t silent_s, char *buf, size_t buf_len)
{
	const char *also = kept > 0 ? ", its last output kept" : "";

	if (!r->console.attached)
		snprintf(buf, buf_len, "console not attached%s; ", also);
	else if (kept > 0 && silent_s < EVIDENCE_LISTEN_MS / 1000)
		snprintf(buf, buf_len, "console talks%s; ", also);
	else
		snprintf(buf, buf_len, "console silent for %" PRId64 " s%s; ",
			 silent_s, also);
}

/* A secret that wraps from row to row is seen only where rows are joined. */
static bool evidence_wraps_secret(const struct run *r, const char *screen,
				  struct buffer *joined)
{
	struct buffer clean = { 0 };
	bool wraps;

	for (; *screen != '\0'; screen++) {
		if (*screen != '\n')
			buffer_append_char(joined, *screen);
	}
	redact_text(&r->redact, buffer_text(joined), &clean);
	wraps = strcmp(buffer_text(&clean), buffer_text(joined)) != 0;
	buffer_release(&clean);
	return wraps;
}

/* What the screen shows, as a file, where it is rendered. */
static bool evidence_screen(struct run *r, const char *name)
{
	const char *screen = machine_screen(r->machine);
	struct buffer joined = { 0 }, text = { 0 };

	if (screen == NULL || screen[0] == '\0')
		return false;
	if (evidence_wraps_secret(r, screen, &joined))
		screen = buffer_text(&joined);
	buffer_printf(&text, "%s\n", screen);
	evidence_save(r, name, text.data, text.len);
	explicit_bzero(text.data, text.len);
	if (joined.len > 0)
		explicit_bzero(joined.data, joined.len);
	buffer_release(&joined);
	buffer_release(&text);
	return true;
}

static void evidence_end(struct run *r, int64_t now)
{
	struct run_evidence *e = &r->evidence;
	uint32_t id = e->machine_id;
	int64_t silent = (now - r->console.last_byte) / 1000;
	char text[640], console[120] = "";

	if (r->console.way != NULL)
		evidence_say_console(r, evidence_console(r, "console-before.txt"),
				     silent, console, sizeof(console));
	evidence_screen(r, "screen-before.txt");
	snprintf(text, sizeof(text), "%s; %s%s", e->power, console, e->log);
	e->machine_id = 0;
	run_answer(r, id, NULL, DRIVER_POWER_UNKNOWN, text);
}

void evidence_tick(struct run *r, int64_t now)
{
	struct run_evidence *e = &r->evidence;
	bool answered = e->query == 0 && e->event_log == 0 &&
			e->chassis == 0 && !e->boot_id;

	if (e->machine_id == 0)
		return;
	if ((answered && now >= e->console_until) || now >= e->deadline)
		evidence_end(r, now);
}

int64_t evidence_deadline(const struct run *r)
{
	const struct run_evidence *e = &r->evidence;

	if (e->machine_id == 0)
		return DEADLINE_NEVER;
	if (e->query == 0 && e->event_log == 0 && e->chassis == 0 &&
	    !e->boot_id)
		return deadline_min(e->console_until, e->deadline);
	return e->deadline;
}

void evidence_collect_screen(struct run *r, uint32_t machine_id)
{
	char name[64];
	bool shown;

	snprintf(name, sizeof(name), "screen-%" PRId64 "s.txt",
		 run_at(r) / 1000);
	shown = evidence_screen(r, name);
	run_answer(r, machine_id, NULL, DRIVER_POWER_UNKNOWN,
		   shown ? name : "nothing is shown");
}

void evidence_collect_console(struct run *r, uint32_t machine_id)
{
	char name[64];
	size_t len;

	snprintf(name, sizeof(name), "console-%" PRId64 "s.txt",
		 run_at(r) / 1000);
	len = evidence_console(r, name);
	run_answer(r, machine_id, NULL, DRIVER_POWER_UNKNOWN,
		   len > 0 ? name : "nothing was printed");
}
