/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A live run: the poll loop that joins machine, hands, record and deadline.
 * The verbs come in by run_sequence. What the machine wants is carried out in
 * run-actions.c, the console is kept open in run-console.c, what is known
 * before force is collected in run-evidence.c.
 *
 * Always true: one process, no thread, no call that blocks for longer than it
 * takes to write a line; every power action is in the journal, on the disk,
 * before it is sent; the loop ends by the deadline whatever the hands do.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/run/run-private.h"
#include "base/deadline.h"

#define RUN_TAIL (64 * 1024)
#define RUN_STOP_MS 1500	/* a hand that is asked to end has 1 s */

int64_t run_at(const struct run *r)
{
	return deadline_now() - r->epoch;
}

/* ---- events ---------------------------------------------------------------- */

static void run_print_json(struct run *r, const json_t *line)
{
	json_t *object = json_copy((json_t *)line);
	char *text;

	json_object_set_new(object, "host", json_string(r->host->name));
	json_object_set_new(object, "run", json_string(record_id(r->record)));
	text = json_dumps(object, JSON_COMPACT);
	timeline_put(&r->timeline, text);
	timeline_put(&r->timeline, "\n");
	free(text);
	json_decref(object);
}

void run_event(struct run *r, const char *event, const char *state,
	       const char *text, json_t *fields)
{
	struct buffer clean = { 0 };
	const json_t *line;
	int64_t at = run_at(r);

	redact_text(&r->redact, text, &clean);
	if (fields == NULL)
		fields = json_object();
	if (state[0] != '\0')
		json_object_set_new(fields, "state", record_string(state));
	if (clean.len > 0)
		json_object_set_new(fields, "text",
				    record_string(buffer_text(&clean)));
	line = record_event(r->record, at, event, fields);
	logbook_event(&r->logbook, line);
	if (r->o->json)
		run_print_json(r, line);
	timeline_event(&r->timeline, at, event, state, buffer_text(&clean));
	buffer_release(&clean);
}

void run_answer(struct run *r, uint32_t id, const struct rh_error *err,
		enum driver_power state, const char *text)
{
	struct machine_outcome outcome = { .state = state, .text = text };

	trace_answer(r, id, err);
	if (err != NULL)
		outcome.err = *err;
	machine_done(r->machine, deadline_now(), id, &outcome);
}

/* ---- verdict ------------------------------------------------------------------ */

int run_error_status(enum rh_code code)
{
	switch (code) {
	case RH_ERR_NONE:
		return 0;
	case RH_ERR_USAGE:
	case RH_ERR_CONFIG:
		return 2;
	case RH_ERR_BUSY:
		return 5;
	case RH_ERR_REFUSED:
		return 6;
	case RH_ERR_CANCELLED:
		return 130;
	case RH_ERR_IO:
		return 1;
	case RH_ERR_NEEDS_HANDS:
		return 3;
	default:
		return 4;
	}
}

int run_exit_status(enum verdict verdict, enum rh_code code)
{
	if (code == RH_ERR_BUSY || code == RH_ERR_REFUSED ||
	    code == RH_ERR_CANCELLED)
		return run_error_status(code);
	switch (verdict) {
	case VERDICT_RECOVERED:
		return 0;
	case VERDICT_FAILED:
		return 1;
	case VERDICT_NEEDS_HANDS:
		return 3;
	default:
		return 4;
	}
}

/* ---- the loop ------------------------------------------------------------------- */

static void run_end(struct run *r, const struct machine_action *a)
{
	struct buffer clean = { 0 };

	r->over = true;
	r->result->verdict = a->verdict;
	r->result->code = a->code;
	r->end_quotes = a->quotes;
	redact_text(&r->redact, a->text, &clean);
	snprintf(r->result->reason, sizeof(r->result->reason), "%s",
		 buffer_text(&clean));
	buffer_release(&clean);
}

static void run_drain_machine(struct run *r)
{
	struct machine_action a;

	while (!r->over) {
		machine_next(r->machine, &a);
		if (a.what == MACHINE_NONE)
			return;
		if (a.what == MACHINE_END)
			run_end(r, &a);
		else
			run_carry_out(r, &a);
	}
}

/* Who asked for the end: the kernel knows, the caller need not say it. */
static void run_note_cancel(struct run *r, const struct signalfd_siginfo *info,
			    const char *name)
{
	const struct passwd *pw = getpwuid(info->ssi_uid);
	char text[200];

	if (r->cancelled_by[0] != '\0' || r->over)
		return;
	if (info->ssi_pid == 0)
		snprintf(r->cancelled_by, sizeof(r->cancelled_by), "terminal");
	else
		snprintf(r->cancelled_by, sizeof(r->cancelled_by), "%s",
			 pw != NULL ? pw->pw_name : "?");
	snprintf(text, sizeof(text), "%s by %s", name, r->cancelled_by);
	run_event(r, "cancel", "", text,
		  json_pack("{so si}", "who", record_string(r->cancelled_by),
			    "pid", (int)info->ssi_pid));
}

static void run_signal(struct run *r)
{
	struct signalfd_siginfo info;
	const char *name;
	char text[300];

	while (read(r->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		name = info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM";
		r->signals++;
		run_note_cancel(r, &info, name);
		snprintf(text, sizeof(text), "cancelled by %s%s", name,
			 machine_may_be_off(r->machine) ||
					 (r->pending_do == MACHINE_POWER_ACT &&
					  r->pending_id != 0)
				 ? " in the middle of a power action: the host "
				   "may be off; read the power state, and switch "
				   "it on"
			 : r->forced ? "; power was changed before, see the record"
				     : "; nothing was done to the power");
		machine_abort(r->machine, deadline_now(), VERDICT_UNKNOWN,
			      RH_ERR_CANCELLED, text);
	}
}

/* All hands of the run, NULLs left out. Returns how many. */
static int run_hands(struct run *r, struct hand **list)
{
	int i, count = 0;

	for (i = 0; i < r->power_count; i++) {
		if (r->power[i] != NULL)
			list[count++] = r->power[i];
	}
	if (r->check != NULL)
		list[count++] = r->check;
	if (r->console.hand != NULL)
		list[count++] = r->console.hand;
	for (i = 0; i < r->console.count; i++) {
		if (r->console.ways[i].hand != NULL)
			list[count++] = r->console.ways[i].hand;
	}
	for (i = 0; i < r->shell.count; i++) {
		if (r->shell.hands[i] != NULL)
			list[count++] = r->shell.hands[i];
	}
	return count;
}

static void run_forget_hand(struct run *r, const struct hand *hand)
{
	int i;

	for (i = 0; i < r->power_count; i++) {
		if (r->power[i] == hand)
			r->power[i] = NULL;
	}
	for (i = 0; i < r->shell.count; i++) {
		if (r->shell.hands[i] == hand)
			r->shell.hands[i] = NULL;
	}
	if (r->check == hand)
		r->check = NULL;
	if (r->console.hand == hand)
		r->console.hand = NULL;
	for (i = 0; i < r->console.count; i++) {
		if (r->console.ways[i].hand == hand)
			r->console.ways[i].hand = NULL;
	}
}

static void run_drain_hands(struct run *r)
{
	struct hand *list[RUN_HANDS];
	struct hand_event event;
	int i, count = run_hands(r, list);

	for (i = 0; i < count; i++) {
		hand_tick(list[i], deadline_now());
		while (!r->over && hand_next(list[i], &event)) {
			run_hand_event(r, list[i], &event);
			run_drain_machine(r);
			if (event.type == HAND_ENDED) {
				run_forget_hand(r, list[i]);
				hand_free(list[i]);
				break;
			}
		}
	}
}

static int64_t run_wake(struct run *r, struct hand **list, int count)
{
	int64_t due = machine_deadline(r->machine);
	int64_t tick = timeline_next_tick(&r->timeline);
	int i;

	for (i = 0; i < count; i++)
		due = deadline_min(due, hand_deadline(list[i]));
	due = deadline_min(due, console_deadline(r));
	due = deadline_min(due, evidence_deadline(r));
	due = deadline_min(due, question_deadline(r));
	if (r->secret.machine_id != 0 && r->secret.request == 0)
		due = deadline_min(due, r->secret.wake);
	if (tick >= 0)
		due = deadline_min(due, r->epoch + tick);
	if (r->timeline.mode == TIMELINE_LIVE)
		due = deadline_min(due, deadline_in(250));
	return due;
}

/* Waits. Returns whether a signal came. */
static bool run_wait(struct run *r)
{
	struct hand *list[RUN_HANDS];
	struct pollfd fds[RUN_HANDS + 4];
	int i, used = 1, count = run_hands(r, list);

	fds[0] = (struct pollfd){ .fd = r->signal_fd, .events = POLLIN };
	if (timeline_waits(&r->timeline))
		fds[used++] = (struct pollfd){ .fd = r->timeline.fd,
					       .events = POLLOUT };
	used += question_pollfds(r, &fds[used]);
	for (i = 0; i < count; i++) {
		if (hand_fd(list[i]) >= 0)
			fds[used++] = (struct pollfd){ .fd = hand_fd(list[i]),
						       .events = POLLIN };
	}
	return deadline_poll(fds, used,
			     deadline_poll_ms(run_wake(r, list, count)),
			     r->eager_until) > 0 &&
	       fds[0].revents != 0;
}

/* Once for each thing that is waited for. */
static void run_tell_waits(struct run *r)
{
	const char *what = machine_waiting_for(r->machine);
	int64_t until = machine_wait_until(r->machine);
	int64_t until_ms = until == DEADLINE_NEVER ? -1 : until - r->epoch;
	int64_t s = until_ms / 1000;
	char text[120];
	json_t *line;

	if (r->told_what == what && r->told_until == until_ms)
		return;
	r->told_what = what;
	r->told_until = until_ms;
	snprintf(text, sizeof(text), "%s, until %" PRId64 ":%02" PRId64, what,
		 s / 60, s % 60);
	line = json_pack("{ss ss}", "event", RUN_WAITS, "text",
			 until_ms < 0 ? what : text);
	run_print_json(r, line);
	json_decref(line);
}

static void run_show_status(struct run *r, int64_t now)
{
	int64_t until = machine_wait_until(r->machine);

	timeline_tick(&r->timeline, now - r->epoch);
	timeline_status(&r->timeline, now - r->epoch,
			machine_waiting_for(r->machine),
			until == DEADLINE_NEVER ? -1 : until - r->epoch);
}

static void run_loop(struct run *r)
{
	bool signalled;
	int64_t now;

	while (!r->over) {
		run_drain_machine(r);
		if (r->over)
			break;
		if (r->o->tells_waits)
			run_tell_waits(r);
		signalled = run_wait(r);
		now = deadline_now();
		if (signalled)
			run_signal(r);
		run_drain_hands(r);
		console_tick(r, now);
		evidence_tick(r, now);
		run_secret_tick(r, now);
		if (!r->over)
			question_tick(r, now);
		if (machine_deadline(r->machine) <= now)
			machine_tick(r->machine, now);
		run_drain_machine(r);
		run_show_status(r, now);
	}
}

/* ---- end ------------------------------------------------------------------------- */

/*
 * What a hand still says when it is ending: the last output of the console, and
 * whether its session was given back.
 */
static bool run_last_words(struct run *r, struct hand *hand, bool *held)
{
	struct hand_event event;

	hand_tick(hand, deadline_now());
	while (hand_next(hand, &event)) {
		if (event.type == HAND_BYTES)
			run_record_output(r, run_at(r), event.bytes,
					  event.bytes_len);
		if (event.type != HAND_ENDED)
			continue;
		*held |= event.held_console;
		return true;
	}
	return false;
}

/* One round of waiting for hands that end. */
static void run_wait_end(struct run *r, int64_t until)
{
	struct hand *list[RUN_HANDS];
	struct pollfd fds[RUN_HANDS + 1];
	int i, used = 1, count = run_hands(r, list);

	fds[0] = (struct pollfd){ .fd = r->signal_fd, .events = POLLIN };
	for (i = 0; i < count; i++) {
		until = deadline_min(until, hand_deadline(list[i]));
		if (hand_fd(list[i]) >= 0)
			fds[used++] = (struct pollfd){ .fd = hand_fd(list[i]),
						       .events = POLLIN };
	}
	poll(fds, (nfds_t)used, deadline_poll_ms(until));
	run_signal(r);
}

/*
 * All are asked at the same time, and killed a second later. A console that was
 * not given back stays marked: the next run may take it, nobody else's.
 */
static void run_stop_hands(struct run *r)
{
	struct hand *list[RUN_HANDS];
	bool held = !r->console.attached &&
		    deadline_now() < r->console.own_until;
	int i, count = run_hands(r, list);
	int64_t until = deadline_in(RUN_STOP_MS);

	for (i = 0; i < count; i++)
		hand_stop(list[i]);
	while (count > 0 && deadline_now() < until) {
		for (i = 0; i < count; i++) {
			if (r->signals > 1)
				hand_kill(list[i]);
			if (!run_last_words(r, list[i], &held))
				continue;
			run_forget_hand(r, list[i]);
			hand_free(list[i]);
		}
		count = run_hands(r, list);
		if (count > 0)
			run_wait_end(r, until);
	}
	for (i = 0; i < count; i++)
		hand_free(list[i]);
	if (r->console.way != NULL && !held && count == 0)
		lock_console(&r->lock, false);
}

/* The word for the verdict: `power` does not claim that a host is recovered. */
static const char *run_verdict_word(const struct run *r)
{
	if (r->result->verdict == VERDICT_RECOVERED && r->o->done_word != NULL)
		return r->o->done_word;
	return verdict_name(r->result->verdict);
}

/* Which rule of the guard refused it, and when it will be allowed. */
static void run_add_rule(const struct run_result *result, json_t *members)
{
	char at[40];

	if (result->rule[0] == '\0')
		return;
	json_object_set_new(members, "rule", record_string(result->rule));
	if (result->allowed_at <= 0)
		return;
	record_time_text(result->allowed_at, at, sizeof(at));
	json_object_set_new(members, "allowed_at", json_string(at));
}

/* What only run.json says at the end. */
static void run_add_end(const struct run *r, json_t *members)
{
	char at[40];

	json_object_set_new(members, "force",
			    json_string(r->forced_at > 0 ? "used" : "none"));
	if (r->forced_at > 0) {
		record_time_text(r->forced_at, at, sizeof(at));
		json_object_set_new(members, "forced_at", json_string(at));
	}
	if (r->result->code == RH_ERR_CANCELLED && r->cancelled_by[0] != '\0')
		json_object_set_new(members, "cancelled_by",
				    record_string(r->cancelled_by));
}

static void run_write_verdict(struct run *r)
{
	struct run_result *result = r->result;
	struct rh_error err = RH_ERROR_INIT;
	json_t *members, *last;

	result->exit_status = run_exit_status(result->verdict, result->code);
	members = json_pack("{ss so ss si}", "verdict",
			    run_verdict_word(r), "reason",
			    record_string(result->reason), "code", rh_code_name(result->code),
			    "exit", result->exit_status);
	run_add_rule(result, members);
	last = json_copy(members);
	trace_take_keys(r, last);
	r->logbook.quotes = r->end_quotes;
	run_event(r, "verdict", "", result->reason, last);
	run_add_end(r, members);
	if (logbook_lost(&r->logbook) > 0)
		json_object_set_new(members, "log_messages_lost", json_integer(
				(json_int_t)logbook_lost(&r->logbook)));
	if (record_finish(r->record, result->duration_ms, members, &err) < 0)
		fprintf(stderr, "rhands: %s: the record is not complete: %s\n",
			r->host->name, err.text);
}

static void run_print_end(struct run *r)
{
	const struct run_result *result = r->result;
	char took[32], text[1200];

	deadline_format(result->duration_ms / 1000 * 1000, took, sizeof(took));
	if (result->duration_ms < 1000)
		snprintf(took, sizeof(took), "less than 1s");
	if (result->verdict == VERDICT_RECOVERED)
		snprintf(text, sizeof(text), "in %s%s%s", took,
			 result->reason[0] != '\0' ? "; " : "", result->reason);
	else
		snprintf(text, sizeof(text), "after %s: %s", took,
			 result->reason);
	timeline_line(&r->timeline, result->duration_ms,
		      result->code == RH_ERR_CANCELLED ? "cancelled"
		      : result->code == RH_ERR_REFUSED ? "refused"
						       : run_verdict_word(r),
		      text);
	timeline_line(&r->timeline, -1, "record", result->record);
}

static void run_finish(struct run *r)
{
	struct buffer rest = { 0 };

	question_cancel(r);
	run_stop_hands(r);
	redact_flush(&r->redact, &rest);
	if (rest.len > 0)
		record_output(r->record, run_at(r), rest.data, rest.len);
	buffer_release(&rest);
	r->result->duration_ms = run_at(r);
	snprintf(r->result->record, sizeof(r->result->record), "%s",
		 record_path(r->record));
	run_write_verdict(r);
	run_print_end(r);
}

int run_sequence(const struct run_options *options, struct run_result *ret,
		 struct rh_error *err)
{
	struct run r = { .o = options, .host = options->host,
			 .result = ret, .signal_fd = -1 };
	int rc = -1;

	memset(ret, 0, sizeof(*ret));
	r.epoch = deadline_now();
	r.lock.fd = -1;
	ring_init(&r.tail, RUN_TAIL);
	timeline_init(&r.timeline, options->json ? TIMELINE_QUIET
						 : options->mode,
		      STDOUT_FILENO);
	begin_configure(&r);
	r.signal_fd = begin_signals(err);
	if (r.signal_fd < 0 || begin_record(&r, err) < 0)
		goto out;
	r.machine = machine_new(&r.config);
	console_begin(&r);
	machine_begin(r.machine, deadline_now());
	run_loop(&r);
	run_finish(&r);
	rc = 0;
out:
	timeline_end(&r.timeline);
	machine_free(r.machine);
	logbook_close(&r.logbook);
	record_free(r.record);
	lock_release(&r.lock);
	trace_release(&r);
	redact_release(&r.redact);
	free(r.shell.command);
	ring_release(&r.tail);
	if (r.signal_fd >= 0)
		close(r.signal_fd);
	return rc;
}
