/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `select` before menus that ask for a number, in virtual time: what was chosen is
 * what the prompt has got by the time of Enter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/console/menu.h"
#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"

#define BEGIN 1000000
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define UBOOT "\033[2J\033[HBoards of the lab\r\n1:\tDebian, plain\r\n" \
	      "2:\tDebian, rescue\r\n3:\tFrom the local disk\r\n" \
	      "Enter choice: "

enum echo { ECHO_YES = 0, ECHO_NO, ECHO_WRONG, ECHO_AT_ONCE };

struct world {
	struct machine_config config;
	struct sequence *s;
	struct machine *m;
	int64_t now;
	enum echo echo;
	int swallow;		/* so many keys are lost */
	struct buffer out;	/* on its way to us */
	struct buffer line;	/* what was typed at the prompt */
	struct buffer chosen;	/* ... when Enter came */
	struct buffer log;
	bool over;
	enum verdict verdict;
	char reason[1024];
};

static void press(struct world *w, char c)
{
	if (w->swallow > 0) {
		w->swallow--;
		return;
	}
	if (c == '\r') {
		buffer_printf(&w->chosen, "%s.", buffer_text(&w->line));
		buffer_append_text(&w->out, "\r\nbooting\r\nit\r\nnow\r\n");
		return;
	}
	if (c == '\177') {
		if (w->line.len > 0)
			w->line.data[--w->line.len] = '\0';
		return;
	}
	buffer_append_char(&w->line, c);
	if (w->echo == ECHO_AT_ONCE)
		buffer_append_text(&w->out, "\033[2J\033[H1. A\r\n2. B\r\n3. C\r\n");
	else if (w->echo != ECHO_NO)
		buffer_append_char(&w->out, w->echo == ECHO_YES ? c : '#');
}

static void take(struct world *w)
{
	struct machine_outcome outcome = { 0 };
	struct machine_action a;
	size_t i;

	for (machine_next(w->m, &a); a.what != MACHINE_NONE;
	     machine_next(w->m, &a)) {
		if (a.what == MACHINE_EVENT)
			buffer_printf(&w->log, "%s %s\n",
				      machine_event_name(a.event), a.text);
		for (i = 0; a.what == MACHINE_WRITE && i < a.len; i++)
			press(w, ((const char *)a.bytes)[i]);
		if (a.what == MACHINE_END) {
			w->over = true;
			w->verdict = a.verdict;
			snprintf(w->reason, sizeof(w->reason), "%s", a.text);
		}
		if (a.id != 0)
			machine_done(w->m, w->now, a.id, &outcome);
	}
}

static void run(struct world *w)
{
	struct buffer out;
	int64_t due;
	int steps;

	for (steps = 0; !w->over; steps++) {
		assert_true(steps < 10000);
		take(w);
		due = machine_deadline(w->m);
		if (w->out.len > 0) {
			out = w->out;
			memset(&w->out, 0, sizeof(w->out));
			w->now += 20;
			machine_feed(w->m, w->now, out.data, out.len);
			buffer_release(&out);
		} else if (!w->over) {
			w->now = due > w->now ? due : w->now;
			machine_tick(w->m, w->now);
		}
	}
}

static void init(struct world *w, const char *entry, const char *screen)
{
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	struct ini *ini;

	memset(w, 0, sizeof(*w));
	w->now = BEGIN;
	buffer_printf(&text, "[sequence]\nneeds = console\ndeadline = 20m\n"
		      "start = menu\n[state menu]\ndo = select %s\n"
		      "then = recovered\n", entry);
	ini = ini_read("x.ini", text.data, text.len, &problems);
	w->s = sequence_parse(ini, "x", NULL, &problems);
	assert_non_null(w->s);
	ini_free(ini);
	problems_release(&problems);
	buffer_release(&text);
	w->config = (struct machine_config){
		.sequence = w->s, .terminal = KEYS_VT100, .enter = "\r",
		.key_delay_ms = 30, .has_console = true,
		.deadline = BEGIN + 20 * 60 * 1000,
	};
	w->m = machine_new(&w->config);
	machine_begin(w->m, w->now);
	machine_attached(w->m, w->now);
	buffer_append_text(&w->out, screen);
}

static void release(struct world *w)
{
	machine_free(w->m);
	sequence_free(w->s);
	buffer_release(&w->out);
	buffer_release(&w->line);
	buffer_release(&w->chosen);
	buffer_release(&w->log);
}

static void chooses(const char *entry, const char *screen, const char *number)
{
	struct world w;

	init(&w, entry, screen);
	run(&w);
	if (strcmp(buffer_text(&w.chosen), number) != 0 ||
	    w.verdict != VERDICT_RECOVERED)
		fail_msg("%s: chose \"%s\", want \"%s\": %s\n%s", entry,
			 buffer_text(&w.chosen), number, w.reason,
			 buffer_text(&w.log));
	release(&w);
}

static void refuses(const char *entry, const char *screen, const char *why)
{
	struct world w;

	init(&w, entry, screen);
	run(&w);
	assert_string_equal(buffer_text(&w.chosen), "");
	assert_string_equal(buffer_text(&w.line), "");
	assert_int_equal(w.verdict, VERDICT_FAILED);
	if (strstr(w.reason, why) == NULL)
		fail_msg("%s: said \"%s\"", entry, w.reason);
	release(&w);
}

static void the_number_of_the_entry_is_typed(void **state)
{
	(void)state;
	chooses("\"Debian, rescue\"", UBOOT, "2.");
	chooses("/local disk/", UBOOT, "3.");
	/* Where several match, it is the first. */
	chooses("/^Debian/", UBOOT, "1.");
	chooses("Two", "0) Zero\r\n1) One\r\n2) Two\r\n\r\nWhich one? ", "2.");
	chooses("Two", "  [0] Zero\r\n  [1] One\r\n  [2] Two\r\n> ", "2.");
}

static void two_digits_are_typed_one_by_one(void **state)
{
	struct buffer screen = { 0 };
	struct world w;
	int i;

	(void)state;
	for (i = 1; i <= 22; i++)
		buffer_printf(&screen, "%2d. Kernel %d\r\n", i, i);
	buffer_append_text(&screen, "Enter choice: ");
	chooses("Kernel 12", buffer_text(&screen), "12.");
	chooses("Kernel 1", buffer_text(&screen), "1.");
	/* The beginning of the list is above the screen. */
	buffer_clear(&screen);
	for (i = 1; i <= 40; i++)
		buffer_printf(&screen, "%d:\tKernel %d\r\n", i, i);
	buffer_append_text(&screen, "Enter choice: ");
	chooses("Kernel 22", buffer_text(&screen), "22.");
	refuses("Kernel 2", buffer_text(&screen),
		"the screen shows no menu with such an entry");
	init(&w, "Kernel 22", buffer_text(&screen));
	run(&w);
	assert_non_null(strstr(buffer_text(&w.log), "typed 22 Enter\n"));
	release(&w);
	buffer_release(&screen);
}

/* No prompt, no list, another line below, or the list of somebody else. */
static void what_is_no_such_menu_gets_no_number(void **state)
{
	static const char *const screens[] = {
		"1: Debian\r\n2: Debian, rescue\r\n",
		"1: Debian\r\n2: Debian, rescue\r\nEnter choice: 2",
		"1: Debian\r\n2: Debian, rescue\r\nEnter choice: 2\r\nlogin: ",
		"1: Debian\r\n2: Debian, rescue\r\nthat was all\r\nlogin: ",
		"1: Debian\r\n2: Debian, rescue\r\n\r\n\r\n\r\nlogin: ",
		"1: Debian\r\n2: Debian, rescue\r\nEnter choice: \0337\r\nF1 help\0338",
		"Menu\r\n4: Debian\r\n5: Debian, rescue\r\nEnter choice: ",
		"1: Debian\r\n3: Debian, rescue\r\nEnter choice: ",
		"2: Debian, rescue\r\nEnter choice: ",
		"1:Debian\r\n2:Debian, rescue\r\nEnter choice: ",
		"1: Debian\r\n2: Debian, rescue\r\nEnter choice:    ",
		"1: Debian\r\n2: Debian, rescue\r\nready ",
		"1234: Debian\r\n1235: Debian, rescue\r\nEnter choice: ",
		"11111111111111: Debian\r\n11111111111112: Debian, rescue\r\nEnter: ",
	};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(screens); i++) {
		init(&w, "\"Debian, rescue\"", screens[i]);
		run(&w);
		/* A Down may be tried, as before any menu. */
		if (strpbrk(buffer_text(&w.line), "0123456789") != NULL ||
		    w.chosen.len > 0 || w.verdict != VERDICT_FAILED)
			fail_msg("screen %zu: typed \"%s\"", i,
				 buffer_text(&w.line));
		release(&w);
	}
	refuses("Rescue", UBOOT, "the screen shows no menu with such an entry");
}

static void without_the_echo_there_is_no_enter(void **state)
{
	enum echo echo;
	struct world w;

	(void)state;
	for (echo = ECHO_NO; echo <= ECHO_WRONG; echo++) {
		init(&w, "/rescue/", UBOOT);
		w.echo = echo;
		run(&w);
		assert_string_equal(buffer_text(&w.chosen), "");
		assert_int_equal(w.verdict, VERDICT_FAILED);
		assert_non_null(strstr(w.reason, "Enter was not pressed"));
		assert_in_range(w.line.len, 1, 2);
		assert_in_range(w.now - BEGIN, 0, 10000);
		release(&w);
	}
}

/* The first key of a new SOL session is lost; later ones are not typed twice. */
static void a_lost_digit_is_typed_again(void **state)
{
	struct world w;

	(void)state;
	init(&w, "/rescue/", UBOOT);
	w.swallow = 1;
	run(&w);
	assert_string_equal(buffer_text(&w.chosen), "2.");
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	release(&w);
}

static void a_menu_that_takes_the_digit_gets_no_enter(void **state)
{
	struct world w;

	(void)state;
	init(&w, "/rescue/", UBOOT);
	w.echo = ECHO_AT_ONCE;
	run(&w);
	assert_string_equal(buffer_text(&w.line), "2");
	assert_string_equal(buffer_text(&w.chosen), "");
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	release(&w);
}

/* A kernel message goes into the line while it is typed. */
static void a_message_at_the_prompt_stops_it(void **state)
{
	struct world w;

	(void)state;
	init(&w, "/rescue/", UBOOT);
	while (w.line.len == 0 && !w.over) {
		take(&w);
		if (w.line.len > 0)
			break;
		w.now += 10;
		if (w.out.len > 0) {
			machine_feed(w.m, w.now, w.out.data, w.out.len);
			buffer_clear(&w.out);
		}
		machine_tick(w.m, w.now);
	}
	buffer_append_text(&w.out, "eth0: link up\r\n");
	run(&w);
	assert_string_equal(buffer_text(&w.chosen), "");
	assert_int_equal(w.verdict, VERDICT_FAILED);
	release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_of_the_entry_is_typed),
		cmocka_unit_test(two_digits_are_typed_one_by_one),
		cmocka_unit_test(what_is_no_such_menu_gets_no_number),
		cmocka_unit_test(without_the_echo_there_is_no_enter),
		cmocka_unit_test(a_lost_digit_is_typed_again),
		cmocka_unit_test(a_menu_that_takes_the_digit_gets_no_enter),
		cmocka_unit_test(a_message_at_the_prompt_stops_it),
	};

	return cmocka_run_group_tests_name("select-number", tests, NULL, NULL);
}
