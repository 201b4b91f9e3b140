/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `enter` against a receiver that is like a real one (I03): a line discipline
 * that echoes, erases and runs lines, behind a UART that loses keys which come
 * too fast, or doubles them. What counts is what the receiver ran.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"

#define BEGIN 1000000
#define LINE 512
#define WRITE_MS 2
#define PROMPT "\r\n# "

struct receiver {
	/* How it is. */
	bool no_echo;
	bool mask;
	bool no_erase;		/* Backspace is shown as ^? */
	bool one_key;		/* it answers to the first key */
	int64_t needs_ms;	/* keys that come sooner are lost */
	int loses;		/* only every so manyth of them; 0: all */
	int doubles;		/* every so manyth key comes twice; 0 none */
	int64_t broken_until;	/* the faults above end then; 0: never */
	size_t held_back;	/* so many bytes of its output stay inside */
	int width;		/* rows of readline; 0: a tty */
	const char *message;	/* printed behind so many keys */
	int message_at;
	int64_t slow_ms;	/* its output comes so much later */

	/* What happened. */
	char line[LINE];
	size_t len;
	int keys;
	int64_t last_key;
	struct buffer out;
	int64_t out_at;
	char ran[LINE];		/* the last line */
	int runs;
	int erased;
};

struct world {
	struct sequence *s;
	struct machine *m;
	struct receiver r;
	int64_t now;
	int64_t end;		/* of a write; 0 none */
	uint32_t id;
	int split;
	int64_t lost_at;	/* the console goes for a second; 0 never */
	bool attached;
	struct buffer log;
	bool over;
	enum verdict verdict;
	char reason[1024];
};

/* ---- the receiver --------------------------------------------------------------- */

static void puts_out(struct world *w, const char *text)
{
	buffer_append_text(&w->r.out, text);
	w->r.out_at = w->now + w->r.slow_ms;
}

static void echoes(struct world *w, char c)
{
	struct receiver *r = &w->r;
	char text[2] = { r->mask ? '*' : c, '\0' };

	if (r->no_echo)
		return;
	puts_out(w, text);
	if (r->width > 0 && (r->len + 2) % (size_t)r->width == 0)
		puts_out(w, " \r");
}

static void erases(struct world *w)
{
	struct receiver *r = &w->r;

	if (r->no_erase) {
		puts_out(w, "^?");
	} else if (r->len > 0) {
		r->len--;
		r->erased++;
		if (!r->no_echo)
			puts_out(w, "\b \b");
	}
}

static void runs(struct world *w)
{
	struct receiver *r = &w->r;

	r->line[r->len] = '\0';
	snprintf(r->ran, sizeof(r->ran), "%s", r->line);
	r->runs++;
	r->len = 0;
	puts_out(w, "\r\nran\r\n");
}

static void takes(struct world *w, char c)
{
	struct receiver *r = &w->r;

	if (c == '\r') {
		runs(w);
	} else if (c == 0x7f) {
		erases(w);
	} else if (r->len + 1 < LINE) {
		r->line[r->len++] = c;
		echoes(w, c);
	}
	if (r->one_key) {
		puts_out(w, "es\r\nran\r\n");
		r->one_key = false;
	}
}

static void receives(struct world *w, char c)
{
	struct receiver *r = &w->r;
	bool broken = r->broken_until == 0 || w->now < BEGIN + r->broken_until;
	bool early = r->last_key != 0 && w->now - r->last_key < r->needs_ms;

	r->last_key = w->now;
	r->keys++;
	if (r->message != NULL && r->keys == r->message_at)
		puts_out(w, r->message);
	if (c != '\r' && broken && early &&
	    (r->loses == 0 || r->keys % r->loses == 0))
		return;
	takes(w, c);
	if (c != '\r' && broken && r->doubles > 0 && r->keys % r->doubles == 0)
		takes(w, c);
}

/* ---- the world --------------------------------------------------------------------- */

static void feed(struct world *w, const char *bytes, size_t len)
{
	size_t n;

	for (; len > 0; bytes += n, len -= n) {
		n = w->split > 0 && len > (size_t)w->split ? (size_t)w->split
							   : len;
		machine_feed(w->m, w->now, bytes, n);
	}
}

static void speaks(struct world *w)
{
	struct receiver *r = &w->r;
	size_t len = r->out.len;
	char *text;

	/* What is held back comes with what comes behind it. */
	len = len > r->held_back && r->runs == 0 ? len - r->held_back
	      : r->runs == 0 ? 0 : len;
	r->out_at = 0;
	if (len == 0)
		return;
	text = memcpy(malloc(len), r->out.data, len);
	buffer_drop(&r->out, len);
	if (w->attached)
		feed(w, text, len);
	free(text);
}

static void does(struct world *w, const struct machine_action *a)
{
	const char *bytes = a->bytes;
	size_t i;

	if (a->what == MACHINE_WRITE) {
		assert_true(w->attached);
		for (i = 0; i < a->len; i++)
			receives(w, bytes[i]);
		w->end = w->now + WRITE_MS;
		w->id = a->id;
	} else if (a->what == MACHINE_EVENT) {
		buffer_printf(&w->log, "%lld %s: %s\n",
			      (long long)(w->now - BEGIN),
			      machine_event_name(a->event), a->text);
	} else if (a->what == MACHINE_END) {
		w->over = true;
		w->verdict = a->verdict;
		snprintf(w->reason, sizeof(w->reason), "%s", a->text);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return b != 0 && b < a ? b : a;
}

static void step(struct world *w)
{
	struct machine_outcome done = { .err = RH_ERROR_INIT };
	int64_t due = machine_deadline(w->m);

	due = earlier(earlier(due, w->end), w->r.out_at);
	due = earlier(due, w->lost_at);
	assert_true(due != DEADLINE_NEVER && due >= w->now);
	w->now = due;
	if (w->lost_at == due) {
		w->lost_at = w->attached ? due + 1000 : 0;
		w->attached = !w->attached;
		if (w->attached)
			machine_attached(w->m, w->now);
		else
			machine_lost(w->m, w->now);
	} else if (w->end == due) {
		w->end = 0;
		machine_done(w->m, w->now, w->id, &done);
	} else if (w->r.out_at == due) {
		speaks(w);
	} else {
		machine_tick(w->m, w->now);
	}
}

static void take(struct world *w)
{
	struct machine_action a;

	do {
		machine_next(w->m, &a);
		does(w, &a);
	} while (a.what != MACHINE_NONE);
}

static void init(struct world *w, const char *text)
{
	struct problems problems = { 0 };
	struct buffer sequence = { 0 };
	struct ini *ini;

	memset(w, 0, sizeof(*w));
	buffer_printf(&sequence, "[sequence]\nstart = a\n[state a]\n"
		      "on = /# $/ max 1 : enter \"%s\" -> b\n"
		      "[state b]\non = /ran$/ -> recovered\n"
		      "timeout = 5s -> failed \"it was not run\"\n", text);
	ini = ini_read("x.ini", buffer_text(&sequence), sequence.len, &problems);
	w->s = sequence_parse(ini, "x", NULL, &problems);
	if (w->s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	buffer_release(&sequence);
	w->now = BEGIN;
	w->attached = true;
}

static void go(struct world *w)
{
	struct machine_config config = {
		.sequence = w->s, .terminal = KEYS_VT100, .enter = "\r",
		.key_delay_ms = 10, .has_console = true,
		.deadline = BEGIN + w->s->deadline_ms,
	};
	int steps = 0;

	w->m = machine_new(&config);
	machine_begin(w->m, w->now);
	machine_attached(w->m, w->now);
	take(w);
	feed(w, PROMPT, strlen(PROMPT));
	take(w);
	while (!w->over) {
		assert_true(++steps < 100000);
		step(w);
		take(w);
	}
}

static void release(struct world *w)
{
	machine_free(w->m);
	sequence_free(w->s);
	buffer_release(&w->log);
	buffer_release(&w->r.out);
}

static void has(const struct world *w, const char *line)
{
	if (strstr(buffer_text(&w->log), line) == NULL)
		fail_msg("no \"%s\" in:\n%s%s", line, buffer_text(&w->log),
			 w->reason);
}

static void lacks(const struct world *w, const char *line)
{
	if (strstr(buffer_text(&w->log), line) != NULL)
		fail_msg("\"%s\" in:\n%s%s", line, buffer_text(&w->log),
			 w->reason);
}

/* It was run, once, and as it should be. */
static void ran(struct world *w, const char *text)
{
	if (w->verdict != VERDICT_RECOVERED || w->r.runs != 1 ||
	    strcmp(w->r.ran, text) != 0)
		fail_msg("%s \"%s\", %d runs, ran \"%s\" in:\n%s",
			 verdict_name(w->verdict), w->reason, w->r.runs,
			 w->r.ran, buffer_text(&w->log));
	release(w);
}

/* Nothing was run, and the reason says why. */
static void failed(struct world *w, const char *reason)
{
	if (w->verdict != VERDICT_FAILED || w->r.runs != 0 ||
	    strstr(w->reason, reason) == NULL)
		fail_msg("%s \"%s\", %d runs, ran \"%s\" in:\n%s",
			 verdict_name(w->verdict), w->reason, w->r.runs,
			 w->r.ran, buffer_text(&w->log));
	release(w);
}

/* ---- tests --------------------------------------------------------------------------- */

#define FSCK "fsck -y /dev/sda1"

static void a_good_receiver(void **state)
{
	struct world w;

	(void)state;
	init(&w, FSCK);
	go(&w);
	has(&w, "typed: \"" FSCK "\" Enter\n");
	lacks(&w, "echo:");
	/* Nothing is waited for but the prompt, the echo and what is behind. */
	assert_true(w.now - BEGIN < 100 + 18 * 12 + 50 + 100);
	ran(&w, FSCK);
}

static void keys_that_are_lost(void **state)
{
	struct world w;
	int split;

	(void)state;
	for (split = 0; split < 2; split++) {
		init(&w, FSCK);
		w.split = split;
		w.r.needs_ms = 40;
		w.r.loses = 3;
		go(&w);
		has(&w, "typed: \"" FSCK "\"\n");
		has(&w, "and is erased, to be typed again, slower\n");
		has(&w, "typed: Backspace*17\n");
		has(&w, "typed: \"" FSCK "\" Enter\n");
		ran(&w, FSCK);
	}
	/* Slower once more: 10 ms, 50 ms, 200 ms. */
	init(&w, FSCK);
	w.r.needs_ms = 100;
	w.r.loses = 4;
	go(&w);
	ran(&w, FSCK);
}

static void keys_that_come_twice(void **state)
{
	struct world w;
	int n;

	(void)state;
	/* Each place of the doubled one, the last one too. */
	for (n = 2; n <= 17; n++) {
		init(&w, FSCK);
		w.r.doubles = n;
		w.r.broken_until = 600;
		go(&w);
		has(&w, "typed: Backspace*");
		ran(&w, FSCK);
	}
}

static void a_receiver_that_stays_bad(void **state)
{
	struct world w;

	(void)state;
	init(&w, "fsck");
	w.r.doubles = 3;
	go(&w);
	assert_int_equal(w.r.len, 0);
	failed(&w, "typed \"fsck\" and the console showed \"");
	init(&w, "fsck");
	w.r.doubles = 3;
	go(&w);
	failed(&w, "also when it was typed slower; Enter was not sent, and");
	/* What can't be erased is not typed again. */
	init(&w, "fsck");
	w.r.doubles = 3;
	w.r.no_erase = true;
	go(&w);
	assert_null(strstr(w.reason, "it was erased"));
	assert_non_null(strstr(w.r.line, "fsc"));
	failed(&w, "which Backspace did not erase; Enter was not sent, and what "
		   "was typed may still stand there");
}

static void foreign_text_is_escaped(void **state)
{
	struct world w;

	(void)state;
	init(&w, "ab");
	w.r.doubles = 2;
	w.r.no_erase = true;
	w.r.message = "\\\xe2\x80\xae";
	w.r.message_at = 2;
	go(&w);
	assert_null(strstr(w.reason, "\xe2\x80\xae"));
	failed(&w, "a\\\\\\xe2\\x80\\xaebb");
}

static void terminals_without_echo(void **state)
{
	struct world w;

	(void)state;
	init(&w, "root");
	w.r.no_echo = true;
	go(&w);
	lacks(&w, "echo:");
	has(&w, "typed: \"root\" Enter\n");
	assert_true(w.now - BEGIN > 1000);
	ran(&w, "root");
	init(&w, "root");
	w.r.mask = true;
	go(&w);
	assert_true(w.now - BEGIN < 1000);
	ran(&w, "root");
	/* A message is no echo. */
	init(&w, "root");
	w.r.no_echo = true;
	w.r.message = "[   12.345678] usb 1-1: new device\r\n";
	w.r.message_at = 2;
	go(&w);
	ran(&w, "root");
	init(&w, "root");
	w.r.no_echo = true;
	w.r.message = "Loading modules ...";
	w.r.message_at = 2;
	go(&w);
	ran(&w, "root");
}

static void kernel_messages_inside(void **state)
{
	struct world w;
	int at;

	(void)state;
	for (at = 1; at <= 17; at++) {
		init(&w, FSCK);
		w.split = at % 3;
		w.r.message = "[   12.345678] usb 1-1: new device\r\n"
			      "[   12.345679] usb 1-1: SerialNumber=3\r\n";
		w.r.message_at = at;
		go(&w);
		lacks(&w, "echo:");
		ran(&w, FSCK);
	}
	/* And a lost key beside it. */
	for (at = 1; at <= 17; at++) {
		init(&w, FSCK);
		w.r.message = "[   12.345678] usb 1-1: new device\r\n";
		w.r.message_at = at;
		w.r.needs_ms = 40;
		w.r.loses = 5;
		go(&w);
		has(&w, "typed: Backspace*17");
		ran(&w, FSCK);
	}
	/* Lines without a time stamp break it; it is typed anew. */
	init(&w, FSCK);
	w.r.message = "usb 1-1: new device\r\n";
	w.r.message_at = 5;
	go(&w);
	has(&w, "typed: Backspace*17");
	ran(&w, FSCK);
}

static void rows_that_are_full(void **state)
{
	static const char text[] =
		"fsck -y /dev/mapper/vg0-root /dev/mapper/vg0-home /dev/mapper/"
		"vg0-var /dev/mapper/vg0-srv";
	struct world w;

	(void)state;
	init(&w, text);
	w.r.width = 80;
	go(&w);
	lacks(&w, "echo:");
	ran(&w, text);
	init(&w, text);
	go(&w);
	lacks(&w, "echo:");
	ran(&w, text);
}

static void echoes_that_come_late(void **state)
{
	struct world w;

	(void)state;
	init(&w, FSCK);
	w.r.slow_ms = 700;
	go(&w);
	lacks(&w, "echo:");
	ran(&w, FSCK);
	/* L14: the last 15 characters come with the next ones. */
	init(&w, FSCK);
	w.r.held_back = 15;
	go(&w);
	ran(&w, FSCK);
}

static void prompts_for_one_key(void **state)
{
	struct world w;

	(void)state;
	init(&w, "y");
	w.r.one_key = true;
	go(&w);
	has(&w, "typed: \"y\"\n");
	has(&w, "echo: it was taken without Enter");
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_int_equal(w.r.runs, 0);
	release(&w);
}

static void a_console_that_goes(void **state)
{
	struct world w;
	int64_t at;

	(void)state;
	for (at = 105; at < 400; at += 7) {
		init(&w, FSCK);
		w.lost_at = BEGIN + at;
		go(&w);
		if (w.verdict == VERDICT_RECOVERED)
			assert_string_equal(w.r.ran, FSCK);
		else
			assert_int_equal(w.r.runs, 0);
		release(&w);
	}
}

/*
 * What clears the screen while an echo is erased leaves nothing to erase, and
 * something that is not empty: there must be a key, or an end, all the same.
 */
static void a_screen_that_is_cleared(void **state)
{
	struct world w;
	int at;

	(void)state;
	/* From the first Backspace to the last one. */
	for (at = 18; at <= 34; at++) {
		init(&w, FSCK);
		w.r.needs_ms = 40;
		w.r.loses = 3;
		w.r.message = "\x1b[2J\x1b[H";
		w.r.message_at = at;
		go(&w);
		has(&w, "and is erased, to be typed again, slower\n");
		assert_true(w.now - BEGIN < 30000);
		/* No Backspace goes out where nothing stands. */
		lacks(&w, "typed: Backspace\n");
		failed(&w, "which Backspace did not erase; Enter was not sent");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_receiver),
		cmocka_unit_test(keys_that_are_lost),
		cmocka_unit_test(keys_that_come_twice),
		cmocka_unit_test(a_receiver_that_stays_bad),
		cmocka_unit_test(foreign_text_is_escaped),
		cmocka_unit_test(terminals_without_echo),
		cmocka_unit_test(kernel_messages_inside),
		cmocka_unit_test(rows_that_are_full),
		cmocka_unit_test(echoes_that_come_late),
		cmocka_unit_test(prompts_for_one_key),
		cmocka_unit_test(a_console_that_goes),
		cmocka_unit_test(a_screen_that_is_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
