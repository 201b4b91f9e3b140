/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands console HOST: the console to look at and to take over. One poll loop
 * joins the terminal (console-terminal.c), the console's hand and the signals. Always
 * true: the terminal gets its own settings back on every way out; without
 * --raw only what the filter or the painter of the screen made reaches it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console/tilde.h"
#include "agent/hand/hand.h"
#include "agent/run/lock.h"
#include "agent/verbs/console-terminal.h"
#include "agent/verbs/console-watch.h"
#include "agent/verbs/trust.h"
#include "base/deadline.h"

#define CONSOLE_ATTACH_MS 30000
#define CONSOLE_ROUND 8		/* events, 4 kB each, before keys are looked at */
#define CONSOLE_STOP_MS 1500	/* a hand that is asked to end has 1 s */
#define CONSOLE_QUIET_MS 1000
#define CONSOLE_ANSWER_MS 10000
#define CONSOLE_QUEUE_MAX 65536	/* typed bytes that wait for the console */

struct console {
	struct verb_call *call;
	const struct host *host;
	struct hand *hand;
	struct lock lock;
	struct console_terminal terminal;
	struct tilde tilde;
	bool screen;		/* begin with the screen view */
	bool attached;		/* it was, at least once */
	uint32_t attach;	/* request ids, 0: none under way */
	uint32_t write;
	uint32_t brk;
	struct buffer queue;	/* typed, not sent yet */
	bool input_ended;
	bool more;		/* the hand has more to tell */
	bool leave;
	enum rh_code refused;	/* why it could not be attached; NONE: it was */
	bool held;		/* the session was not given back */
	int64_t quiet_at;	/* after the end of input: leaves then, */
	int64_t answer_until;	/* and then in any case; 0 before */
	int status;
};

static void console_say(struct console *c, const char *text)
{
	console_terminal_say(&c->terminal, text);
}

/* ---- input --------------------------------------------------------------------- */

static void console_break(struct console *c)
{
	struct hand_request request = { .op = HAND_OP_BREAK,
					.deadline = deadline_in(5000) };
	struct rh_error err = RH_ERROR_INIT;

	if (hand_send(c->hand, &request, &c->brk, &err) < 0)
		console_say(c, err.text);
}

static void console_command(struct console *c, char key)
{
	if (console_terminal_command(&c->terminal, key))
		return;
	if (key == '.')
		c->leave = true;
	else if (key == 'B')
		console_break(c);
	else
		console_say(c, "~. leaves, ~S changes between lines and screen, ~B "
			    "sends a break, ~~ a ~");
}

static void console_key(struct console *c, char key)
{
	bool screen = console_terminal_shows_screen(&c->terminal);
	enum tilde_key what;

	what = tilde_take(&c->tilde, key, screen,
			  console_terminal_commands(&c->terminal));
	if (what == TILDE_COMMAND)
		console_command(c, key);
	if (what == TILDE_COMMAND || what == TILDE_HOLD)
		return;
	console_terminal_typed(&c->terminal);
	if (what == TILDE_SEND_BOTH)
		buffer_append_char(&c->queue, '~');
	buffer_append_char(&c->queue, key);
}

static void console_input(struct console *c)
{
	char bytes[1024];
	ssize_t i, n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		c->input_ended = true;
		return;
	}
	for (i = 0; i < n && !c->leave; i++)
		console_key(c, bytes[i]);
}

static void console_send_queue(struct console *c)
{
	struct hand_request request = { .op = HAND_OP_WRITE,
					.deadline = deadline_in(20000) };
	struct rh_error err = RH_ERROR_INIT;

	if (c->write != 0 || c->queue.len == 0 || c->attach != 0)
		return;
	request.bytes = c->queue.data;
	request.bytes_len = c->queue.len < HAND_WRITE_MAX ? c->queue.len
							  : HAND_WRITE_MAX;
	if (hand_send(c->hand, &request, &c->write, &err) < 0) {
		console_terminal_lines(&c->terminal);
		console_say(c, err.text);
		c->leave = true;
		return;
	}
	buffer_drop(&c->queue, request.bytes_len);
}

/* ---- events of the hand ---------------------------------------------------------- */

static void console_gone(struct console *c, const struct rh_error *err)
{
	if (c->leave)
		return;
	console_terminal_lines(&c->terminal);
	verb_fail(c->call, 0, "the console of %s is gone: %s", c->host->name,
		  err->text);
	c->status = run_error_status(err->code);
	c->leave = true;
}

static void console_attached(struct console *c, const struct rh_error *err)
{
	c->attach = 0;
	c->refused = err->code;
	if (err->code != RH_ERR_NONE) {
		c->status = verb_fail(c->call, run_error_status(err->code),
				      "%s: %s", c->host->name, err->text);
		c->leave = true;
		return;
	}
	lock_console(&c->lock, true);
	c->attached = true;
	fprintf(stderr, "[console of %s attached; ~. leaves, %s~? helps]\r\n",
		c->host->name, console_terminal_has_screen(&c->terminal)
				       ? "~S shows its screen, " : "");
	if (c->screen)
		console_terminal_toggle(&c->terminal);
}

static void console_done(struct console *c, const struct hand_event *event)
{
	if (event->id == c->attach) {
		console_attached(c, &event->err);
	} else if (event->id == c->write) {
		c->write = 0;
		if (event->err.code != RH_ERR_NONE)
			console_say(c, event->err.text);
	} else if (event->id == c->brk) {
		c->brk = 0;
		console_say(c, event->err.code == RH_ERR_NONE ? "break sent"
							     : event->err.text);
	}
}

static void console_hand_event(struct console *c, const struct hand_event *event)
{
	char text[80];

	switch (event->type) {
	case HAND_BYTES:
		c->quiet_at = deadline_in(CONSOLE_QUIET_MS);
		console_terminal_feed(&c->terminal, event->bytes,
				      event->bytes_len);
		break;
	case HAND_GAP:
		snprintf(text, sizeof(text), "%llu bytes were lost or damaged here",
			 (unsigned long long)event->lost_bytes);
		console_say(c, text);
		break;
	case HAND_DONE:
		console_done(c, event);
		break;
	case HAND_CONSOLE_LOST:
	case HAND_ENDED:
		c->held = event->held_console;
		console_gone(c, &event->err);
		break;
	case HAND_STATE:
	case HAND_NONE:
		break;
	}
}

/* ---- the loop ---------------------------------------------------------------------- */

static void console_wait(struct console *c)
{
	struct pollfd fds[3] = {
		{ .fd = c->terminal.signal_fd, .events = POLLIN },
		{ .fd = hand_fd(c->hand), .events = POLLIN },
		{ .fd = c->input_ended || c->attach != 0 ||
				       c->queue.len > CONSOLE_QUEUE_MAX
				? -1 : STDIN_FILENO,
		  .events = POLLIN },
	};
	int64_t due = deadline_min(hand_deadline(c->hand), deadline_in(5000));

	due = c->more ? 0
		      : deadline_min(due, console_terminal_deadline(&c->terminal));
	if (c->answer_until != 0)
		due = deadline_min(due, deadline_min(c->quiet_at,
						     c->answer_until));
	poll(fds, 3, deadline_poll_ms(due));
	if (fds[0].revents != 0)
		console_terminal_signals(&c->terminal);
	if (fds[2].revents != 0)
		console_input(c);
}

/*
 * A pipe at its end: what it sent is on its way, and what the host says to it is
 * waited for, until the console is quiet for a moment.
 */
static bool console_has_answered(struct console *c, int64_t now)
{
	if (!c->input_ended || c->terminal.input || c->queue.len > 0 ||
	    c->write != 0 || c->attach != 0)
		return false;
	if (c->answer_until == 0) {
		c->answer_until = deadline_add(now, CONSOLE_ANSWER_MS);
		c->quiet_at = deadline_add(now, CONSOLE_QUIET_MS);
	}
	return now >= c->quiet_at || now >= c->answer_until;
}

/* A slow terminal takes long for little: whoever types there is not kept waiting. */
static void console_hand_events(struct console *c)
{
	struct hand_event event;
	int n;

	for (n = 0; n < CONSOLE_ROUND && hand_next(c->hand, &event); n++)
		console_hand_event(c, &event);
	c->more = n == CONSOLE_ROUND;
}

static void console_loop(struct console *c)
{
	int64_t fresh = deadline_in(5000);

	while (!c->leave) {
		console_wait(c);
		hand_tick(c->hand, deadline_now());
		console_hand_events(c);
		console_terminal_tick(&c->terminal);
		if (!c->leave)
			console_send_queue(c);
		if (console_has_answered(c, deadline_now()))
			c->leave = true;
		if (deadline_now() >= fresh && c->attach == 0) {
			lock_console(&c->lock, true);
			fresh = deadline_in(5000);
		}
		if (c->terminal.ended && !c->leave) {
			c->status = c->terminal.status;
			c->leave = true;
		}
	}
}

/* Ends the hand; a session that it could not give back stays marked. */
static void console_give_back(struct console *c)
{
	struct hand_event event = { .type = HAND_NONE };
	int64_t until = deadline_in(CONSOLE_STOP_MS), due;
	struct pollfd p = { .events = POLLIN };

	hand_stop(c->hand);
	while (hand_fd(c->hand) >= 0 && deadline_now() < until) {
		hand_tick(c->hand, deadline_now());
		while (hand_next(c->hand, &event)) {
			if (event.type == HAND_ENDED)
				c->held |= event.held_console;
		}
		p.fd = hand_fd(c->hand);
		due = deadline_min(until, hand_deadline(c->hand));
		if (p.fd >= 0)
			poll(&p, 1, deadline_poll_ms(due));
	}
	hand_free(c->hand);
}

static void console_session(struct console *c, const struct way *way)
{
	struct hand_request request = { .op = HAND_OP_ATTACH,
					.deadline = deadline_in(CONSOLE_ATTACH_MS) };
	struct rh_error err = RH_ERROR_INIT;
	char name[300];
	int rows, cols;

	if (settings_bool(way->settings, "steal"))
		request.number = DRIVER_ATTACH_STEAL;
	else if (c->lock.left_console)
		request.number = DRIVER_ATTACH_OWN;
	snprintf(name, sizeof(name), "%s/%s", c->host->name, way->label);
	c->hand = hand_start(name, way->driver, way->settings, &err);
	if (c->hand == NULL ||
	    hand_send(c->hand, &request, &c->attach, &err) < 0) {
		c->status = verb_fail(c->call, run_error_status(err.code),
				      "%s: %s", c->host->name, err.text);
		return;
	}
	tilde_init(&c->tilde);
	c->terminal.help = "~. leaves, ~S lines, ~? helps";
	if (sscanf(settings_text(way->settings, "size"), "%dx%d", &cols,
		   &rows) != 2)
		rows = cols = 0;
	console_terminal_open(&c->terminal, c->host->name, rows, cols);
	console_loop(c);
	console_terminal_close(&c->terminal);
	console_give_back(c);
	if (!c->held)
		lock_console(&c->lock, false);
	buffer_release(&c->queue);
	if (c->attached)
		fprintf(stderr, "[left the console of %s]\n", c->host->name);
}

/* Whether a person trusts the host key for which it was refused. */
static bool console_trusted(struct console *c, const struct way *way)
{
	enum trust_result trust;

	if (c->refused != RH_ERR_REFUSED && c->refused != RH_ERR_CONFIG)
		return false;
	trust = trust_way(c->call, c->host, way);
	if (trust == TRUST_CANCELLED)
		c->status = 130;
	return trust == TRUST_ADDED;
}

static int console_sessions(struct console *first, const struct way *way)
{
	struct console c;
	int tries = 0;

	do {
		c = *first;
		console_session(&c, way);
	} while (tries++ < TRUST_TRIES && console_trusted(&c, way));
	first->lock = c.lock;
	return c.status;
}

/* Somebody else works there: with a run there is something to see. */
static int console_busy(struct verb_call *call, const struct host *host,
			const struct rh_error *err)
{
	struct lock_holder holder;
	bool run = err->code == RH_ERR_BUSY &&
		   lock_look(call->records, host->name, &holder) &&
		   holder.run[0] != '\0' && strcmp(holder.run, "-") != 0;

	return verb_fail(call, run_error_status(err->code), "%s%s", err->text,
			 run ? "; look on with --watch" : "");
}

static int console_host(struct verb_call *call, const struct host *host,
			bool raw, bool screen)
{
	struct rh_error err = RH_ERROR_INIT;
	struct console c = { .call = call, .host = host, .terminal.raw = raw,
			     .screen = screen };
	const struct way *way = host_way(host, WAY_CONSOLE, 0);
	int status;

	if (way == NULL)
		return verb_fail(call, 2, "%s has no [console] in %s", host->name,
				 host->file);
	if (lock_take(&c.lock, call->records, host->name, "console", &err) < 0)
		status = console_busy(call, host, &err);
	else
		status = console_sessions(&c, way);
	lock_release(&c.lock);
	return status;
}

static int console_run(struct verb_call *call)
{
	const struct host **list = NULL;
	size_t count = 0;
	bool raw = false, screen = false, watch = false;
	const struct verb_option own[] = { { "raw", NULL, &raw },
					   { "screen", NULL, &screen },
					   { "watch", NULL, &watch },
					   { NULL, NULL, NULL } };
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (raw && screen)
		return verb_fail(call, 2, "--raw and --screen: only one of them");
	if (screen)
		status = console_terminal_check(call);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv, 1, &list, &count);
	if (status != 0)
		return status;
	if (count != 1)
		status = verb_fail(call, 2, "%s means %zu hosts; one console at a "
				   "time", call->argv[0], count);
	else if (watch)
		status = console_watch(call, list[0], raw, screen);
	else
		status = console_host(call, list[0], raw, screen);
	free(list);
	return status;
}

const struct verb verb_console = {
	.name = "console",
	.usage = "HOST",
	.summary = "look at the console of a host, and type on it",
	.help = "  --screen        as the screen that the host draws (menus, installers)\n"
		"  --watch         look on at the run that works on the host\n"
		"  --raw           pass everything through, control sequences too\n"
		"At the beginning of a line: ~. leaves, ~S changes between lines and\n"
		"screen, ~B sends a break, ~~ a ~\n"
		"At the end of piped input it leaves when the host has answered.\n",
	.run = console_run,
};
