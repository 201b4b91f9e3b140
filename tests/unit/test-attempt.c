/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long one attempt may take, and what is said where it does not fit: against
 * all ways, counted one by one, of small graphs; and on graphs with more ways than
 * anybody can count, in a bounded time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sequence/check.h"
#include "agent/sequence/graph.h"
#include "base/buffer.h"
#include "base/deadline.h"

#define SMALL 7
#define HEAD "[sequence]\nstart = a\nneeds = power console\n"

static struct buffer said;

static struct sequence *parse(const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "x", NULL, &problems);

	if (s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	problems_release(&problems);
	ini_free(ini);
	return s;
}

/* The longest attempt; its path goes to said. */
static int64_t attempt(const char *text, int64_t *ret_bound)
{
	struct sequence *s = parse(text);
	struct graph g;
	int64_t ms;

	graph_init(&g, s, NULL);
	buffer_clear(&said);
	ms = graph_attempt_ms(&g, ret_bound, &said);
	/* One attempt is a part of all of them. */
	if (!graph_loops(&g, NULL, NULL))
		assert_true(graph_worst_ms(&g, NULL) >= ms);
	graph_release(&g);
	sequence_free(s);
	return ms;
}

static void takes(const char *text, const char *time, const char *path)
{
	int64_t bound, ms = attempt(text, &bound);
	char has[32];

	assert_string_equal(deadline_format(ms, has, sizeof(has)), time);
	assert_int_equal(ms, bound);
	assert_string_equal(buffer_text(&said), path);
}

static void nothing_is_entered_twice(void **state)
{
	(void)state;
	takes(HEAD "[state a]\nthen = failed \"f\"\n", "0ms", "a (0ms)");
	takes(HEAD "[state a]\ntimeout = 1m -> a\n", "1m", "a (1m)");
	/* The loop is gone through once, whatever visits allow. */
	takes(HEAD "[state a]\nvisits = 9 -> failed \"f\"\ndo = power cycle\nthen = b\n"
		   "[state b]\ntimeout = 5m -> a\n"
		   "on = /x/ -> c\n[state c]\ndo = wait 1s\nthen = a\n",
	      "7m06s", "a (2m05s) -> b (5m) -> c (1s)");
	/* What a rule does until it leads on, also where it leads nowhere new. */
	takes(HEAD "[state a]\ntimeout = 1m -> failed \"f\"\n"
		   "on = /x/ : wait 2m -> a\n", "3m", "a (3m)");
	takes(HEAD "[always]\non = /x/ max 2 : wait 2m -> b\n"
		   "[state a]\ntimeout = 1m -> failed \"f\"\n"
		   "[state b]\ntimeout = 1m -> failed \"f\"\n",
	      "6m", "a (3m) -> b (3m)");
	/* One branch, not both; and what follows a loop comes once. */
	takes(HEAD "[state a]\ntimeout = 1m -> b\non = /x/ -> c\n"
		   "[state b]\ntimeout = 3m -> d\n[state c]\ntimeout = 2m -> d\n"
		   "[state d]\ntimeout = 1m -> e\non = /x/ -> d\n"
		   "[state e]\ntimeout = 10m -> failed \"f\"\n",
	      "15m", "a (1m) -> b (3m) -> d (1m) -> e (10m)");
	/* `then` comes when the actions are through, not at the timeout. */
	takes(HEAD "[state a]\ndo = wait 10s\nthen = b\ntimeout = 5m -> failed \"f\"\n"
		   "[state b]\ntimeout = 10m -> failed \"f\"\n",
	      "10m10s", "a (10s) -> b (10m)");
	/* A person may take until the timeout. */
	takes(HEAD "[state a]\ndo = ask \"Is it?\"\nthen = b\n"
		   "timeout = 20m -> failed \"f\"\n"
		   "[state b]\ntimeout = 1m -> failed \"f\"\n",
	      "21m", "a (20m) -> b (1m)");
}

/* What holds the state is not ended by its timeout. */
static void what_holds_a_state_counts(void **state)
{
	(void)state;
	takes(HEAD "[state a]\ndo = power cycle\ntimeout = 10s -> failed \"f\"\n",
	      "2m05s", "a (2m05s)");
	takes(HEAD "[state a]\ndo = wait 1m, power cycle\n"
		   "timeout = 10s -> failed \"f\"\n", "2m15s", "a (2m15s)");
	takes(HEAD "[state a]\ndo = wait 1s, power on, power on, wait 1m, power on\n"
		   "timeout = 10s -> failed \"f\"\n", "2m01s", "a (2m01s)");
	takes(HEAD "[state a]\ndo = power cycle\ntimeout = 5m -> failed \"f\"\n",
	      "5m", "a (5m)");
	takes(HEAD "[state a]\ntimeout = 10s -> failed \"f\"\n"
		   "on = /x/ max 1 : power cycle\n", "2m15s", "a (2m15s)");
	takes(HEAD "[state a]\ntimeout = 10s -> failed \"f\"\n"
		   "on = /x/ max 1 : check tcp 22 within 10m\non = /y/ : key F1\n",
	      "10s", "a (10s)");
}

/* ---- against all ways ------------------------------------------------------------ */

struct small {
	int count;
	int minutes[SMALL];
	bool edge[SMALL][SMALL];
};

static int longest_way(const struct small *g, int state, unsigned entered)
{
	int to, longest = 0, here;

	entered |= 1u << state;
	for (to = 0; to < g->count; to++) {
		if (!g->edge[state][to] || (entered >> to & 1) != 0)
			continue;
		here = longest_way(g, to, entered);
		longest = here > longest ? here : longest;
	}
	return longest + g->minutes[state];
}

static void put_small(const struct small *g, struct buffer *text)
{
	int from, to;

	buffer_clear(text);
	buffer_append_text(text, HEAD);
	for (from = 0; from < g->count; from++) {
		buffer_printf(text, "[state %c]\nvisits = 1 -> failed \"f\"\n"
			      "timeout = %dm -> failed \"f\"\n", 'a' + from,
			      g->minutes[from]);
		for (to = 0; to < g->count; to++) {
			if (g->edge[from][to])
				buffer_printf(text, "on = /x%d/ -> %c\n", to,
					      'a' + to);
		}
	}
}

static void no_way_is_overlooked(void **state)
{
	struct buffer text = { 0 };
	struct small g;
	int64_t bound, ms;
	int round, i;

	(void)state;
	srand(4711);
	for (round = 0; round < 600; round++) {
		g.count = 1 + rand() % SMALL;
		for (i = 0; i < SMALL; i++)
			g.minutes[i] = 1 + rand() % 20;
		for (i = 0; i < SMALL * SMALL; i++)
			g.edge[i / SMALL][i % SMALL] =
				rand() % 100 < 15 + round % 50;
		put_small(&g, &text);
		ms = attempt(buffer_text(&text), &bound);
		assert_int_equal(ms, bound);
		if (ms != longest_way(&g, 0, 0) * 60000)
			fail_msg("%d: %s\n%s", longest_way(&g, 0, 0),
				 buffer_text(&said), buffer_text(&text));
	}
	buffer_release(&text);
}

/* ---- too many ways ----------------------------------------------------------------- */

/* Each state leads to each. */
static void put_everywhere(struct buffer *text, int count)
{
	int from, to;

	buffer_append_text(text, "[sequence]\nstart = s0\ndeadline = 1h\n"
			   "needs = console\n");
	for (from = 0; from < count; from++) {
		buffer_printf(text, "[state s%d]\nvisits = 1 -> failed \"f\"\n"
			      "timeout = %ds -> failed \"f\"\n", from,
			      from % 7 + 1);
		for (to = 0; to < count; to++)
			buffer_printf(text, "on = /x%dy/ -> s%d\n", to, to);
	}
}

/* Steps of two states each, and back to the first: 2 to the power of steps ways. */
static void put_ladder(struct buffer *text, int steps)
{
	int i;

	buffer_append_text(text, "[sequence]\nstart = l0\ndeadline = 1h\n"
			   "needs = console\n[state l0]\n"
			   "visits = 3 -> failed \"f\"\ntimeout = 1s -> l1\n"
			   "on = /r/ -> r1\n");
	for (i = 1; i < steps; i++)
		buffer_printf(text, "[state l%d]\ntimeout = 1s -> l%d\n"
			      "on = /r/ -> r%d\non idle = 1s -> l0\n"
			      "[state r%d]\ntimeout = %ds -> l%d\non = /r/ -> r%d\n",
			      i, i + 1, i + 1, i, i % 3 + 1, i + 1, i + 1);
	buffer_printf(text, "[state l%d]\ntimeout = 1s -> l0\n"
		      "[state r%d]\ntimeout = 1s -> failed \"f\"\n", steps, steps);
}

static void a_bound_where_there_are_too_many(void **state)
{
	struct buffer text = { 0 };
	int64_t bound, ms;

	(void)state;
	alarm(120);
	put_everywhere(&text, 30);
	ms = attempt(buffer_text(&text), &bound);
	/* all of them: 4 times 1 to 7, 1 and 2 */
	assert_true(bound >= 115000 && ms <= bound && ms > 60000);
	buffer_clear(&text);
	put_ladder(&text, 490);
	ms = attempt(buffer_text(&text), &bound);
	/* no way goes through both states of a step */
	assert_true(ms >= 490000 && ms <= bound && bound <= 1500000);
	assert_true(ms < bound);
	alarm(0);
	buffer_release(&text);
}

/* ---- what is said --------------------------------------------------------------- */

static void says(const char *text, const char *expected)
{
	struct problems problems = { 0 };
	struct sequence *s = parse(text);
	size_t i;

	sequence_check(s, NULL, &problems);
	problems_sort(&problems);
	buffer_clear(&said);
	for (i = 0; i < problems.count; i++)
		buffer_printf(&said, "%d:%d: %s%s\n", problems.list[i].line,
			      problems.list[i].column,
			      problems.list[i].warning ? "warning: " : "",
			      problems.list[i].text);
	assert_string_equal(buffer_text(&said), expected);
	problems_release(&problems);
	sequence_free(s);
}

#define LOOP "[state a]\nvisits = 2 -> failed \"f\"\ndo = power cycle\nthen = b\n" \
	     "[state b]\ntimeout = 8m30s -> a\n"

static void an_attempt_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	says(HEAD "deadline = 10m34s\n" LOOP,
	     "4:12: one attempt, in which no state is entered twice, may take "
	     "10m35s, and the deadline is 10m34s; \"deadline = 11m\" would do, or "
	     "smaller timeouts; the path: a (2m05s) -> b (8m30s)\n");
	says(HEAD "deadline = 10m35s\n" LOOP,
	     "4:12: warning: the longest path takes 21m10s, the deadline is "
	     "10m35s; a run may end in the middle: \"deadline = 22m\" would do, or "
	     "smaller timeouts or visits; the path: 2 x [a (2m05s) -> b "
	     "(8m30s)]\n");
	says(HEAD "deadline = 22m\n" LOOP, "");
	/* No deadline is written: half an hour, and the place is the section. */
	says(HEAD "[state a]\ntimeout = 31m -> failed \"f\"\n",
	     "1:0: one attempt, in which no state is entered twice, may take 31m, "
	     "and the deadline is 30m; \"deadline = 31m\" would do, or smaller "
	     "timeouts; the path: a (31m)\n");
	says(HEAD "deadline = 1m500ms\n[state a]\ntimeout = 62s -> failed \"f\"\n",
	     "4:12: one attempt, in which no state is entered twice, may take "
	     "1m02s, and the deadline is 1m; \"deadline = 1m02s\" would do, or "
	     "smaller timeouts; the path: a (1m02s)\n");
}

/* A loop without end is no reason not to say it. */
static void it_is_said_beside_a_loop(void **state)
{
	(void)state;
	says(HEAD "deadline = 1m\n[state a]\ntimeout = 2m -> a\n",
	     "4:12: one attempt, in which no state is entered twice, may take 2m, "
	     "and the deadline is 1m; \"deadline = 2m\" would do, or smaller "
	     "timeouts; the path: a (2m)\n"
	     "5:0: a -> a goes round without end; give one of these states "
	     "\"visits = 3 -> TARGET\"\n");
}

/* DESIGN 6 shows this one: its loops take longer than its deadline. */
static void the_loops_of_old_ldap_are_a_warning(void **state)
{
	struct sequence *s = parse(
		"[sequence]\nneeds = power console shell\ndeadline = 20m\n"
		"start = cycle\n"
		"[always]\non = /Kernel panic - not syncing/ -> panicked\n"
		"on = /Press F1 to continue/ max 3 : key F1\n"
		"[state cycle]\nvisits = 2 -> needs-hands \"it hangs in POST\"\n"
		"do = power cycle\nthen = post\n"
		"[state post]\ntimeout = 5m -> cycle\non = /GNU GRUB/ -> menu\n"
		"[state menu]\ndo = select /Linux.*/\nthen = boot\n"
		"timeout = 30s -> needs-hands \"GRUB does not react to keys\"\n"
		"[state boot]\ntimeout = 8m -> cycle\n"
		"on = /^Give root password for maintenance: $/ : secret root, "
		"enter \"fsck -y /dev/sda1\" -> fsck\n"
		"on = /login: $/ -> services\n"
		"[state fsck]\ntimeout = 2m -> cycle\non = /login: $/ -> services\n"
		"[state services]\ndo = shell \"systemctl start slapd\"\n"
		"  check tcp 389 within 1m\nthen = recovered\n"
		"else = needs-hands \"slapd does not start\"\n"
		"[state panicked]\ndo = collect console, sysrq b\nthen = post\n"
		"visits = 1 -> failed \"kernel panic, twice\"\n");
	struct problems problems = { 0 };

	(void)state;
	sequence_check(s, NULL, &problems);
	assert_int_equal(problems.count, 1);
	assert_true(problems.list[0].warning);
	assert_non_null(strstr(problems.list[0].text, "the longest path takes"));
	problems_release(&problems);
	sequence_free(s);
}

static void a_bound_is_called_one(void **state)
{
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	struct sequence *s;

	(void)state;
	put_ladder(&text, 490);
	s = parse(buffer_text(&text));
	s->deadline_ms = 600000;
	sequence_check(s, NULL, &problems);
	assert_int_equal(problems.count, 1);
	assert_false(problems.list[0].warning);
	assert_non_null(strstr(problems.list[0].text, "may take up to "));
	assert_non_null(strstr(problems.list[0].text,
			       "there are too many ways to look at all"));
	assert_non_null(strstr(problems.list[0].text, "the path: l0 (1s) -> "));
	problems_release(&problems);
	sequence_free(s);
	buffer_release(&text);
}

static int release(void **state)
{
	(void)state;
	buffer_release(&said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_entered_twice),
		cmocka_unit_test(what_holds_a_state_counts),
		cmocka_unit_test(no_way_is_overlooked),
		cmocka_unit_test(a_bound_where_there_are_too_many),
		cmocka_unit_test(an_attempt_that_does_not_fit_is_refused),
		cmocka_unit_test(it_is_said_beside_a_loop),
		cmocka_unit_test(the_loops_of_old_ldap_are_a_warning),
		cmocka_unit_test(a_bound_is_called_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, release);
}
