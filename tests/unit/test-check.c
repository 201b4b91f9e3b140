/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is proved of a sequence before it runs: for each proof a text that it
 * refuses, to the letter, and the same text put right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/check.h"
#include "base/buffer.h"

static struct buffer said;

static bool has_secret(const void *context, const char *name)
{
	(void)context;
	return strcmp(name, "root") == 0;
}

static struct check_host host;

static int setup(void **state)
{
	(void)state;
	host = (struct check_host){
		.name = "ldap1", .file = "ldap1.ini", .line = 4,
		.has = SEQUENCE_NEEDS_POWER | SEQUENCE_NEEDS_CONSOLE,
		.terminal = KEYS_VT100, .has_secret = has_secret,
		.min_off_ms = 10000, .confirm_ms = 100000, .power_ways = 1,
	};
	return 0;
}

/* All problems as "FILE:LINE: text\n", warnings with "warning: ". */
static const char *check(const char *text, const struct check_host *with)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "x", NULL, &problems);
	size_t i;

	if (s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	sequence_check(s, with, &problems);
	problems_sort(&problems);
	buffer_clear(&said);
	for (i = 0; i < problems.count; i++)
		buffer_printf(&said, "%s:%d: %s%s\n", problems.list[i].file,
			      problems.list[i].line,
			      problems.list[i].warning ? "warning: " : "",
			      problems.list[i].text);
	problems_release(&problems);
	sequence_free(s);
	ini_free(ini);
	return buffer_text(&said);
}

static void says(const char *text, const char *expected)
{
	assert_string_equal(check(text, NULL), expected);
}

static void is_good(const char *text)
{
	says(text, "");
	assert_string_equal(check(text, &host), "");
}

#define HEAD "[sequence]\nstart = a\nneeds = power console\ndeadline = 1h\n"

static void restart_stands_in_do(void **state)
{
	(void)state;
	says(HEAD "[always]\non = /x/ : restart gently\n"
		  "[state a]\ntimeout = 1m -> recovered\n",
	     "x.ini:6: restart stands in the \"do\" of a state, not in a rule: "
	     "let the rule go to a state that does it\n");
	is_good(HEAD "[always]\non = /x/ -> b\n"
		"[state a]\ntimeout = 1m -> recovered\n"
		"[state b]\nvisits = 2 -> failed \"x\"\n"
		"do = restart gently\nthen = recovered\n");
	/* It may use a shell, and needs one only where that is written. */
	says(HEAD "[state a]\ndo = restart shell cycle\nthen = recovered\n",
	     "x.ini:3: it uses the shell; add shell to needs\n");
}

static void stop_leaves_it_off(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = stop gently\nthen = recovered\n",
	     "x.ini:7: warning: this may end with the host powered off (by line "
	     "6); switch it on before, or say in the reason that it is off\n");
	is_good(HEAD "[state a]\ndo = stop gently, restart gently\n"
		"then = recovered\n");
}

static void states_are_reached(void **state)
{
	(void)state;
	says(HEAD "[state a]\nthen = recovered\n[state b]\nthen = recovered\n",
	     "x.ini:7: state \"b\" can't be reached from \"a\"; remove it, or "
	     "let a rule go \"-> b\"\n");
	/* By each way out that there is. */
	is_good(HEAD "[always]\non = /x/ -> g\n"
		"[state a]\ndo = wait 1s\nthen = b\nelse = c\n"
		"on = /x/ -> d\non idle = 1s -> e\ntimeout = 1s -> f\n"
		"visits = 1 -> h\n"
		"[state b]\nthen = recovered\n[state c]\nthen = recovered\n"
		"[state d]\nthen = recovered\n[state e]\nthen = recovered\n"
		"[state f]\nthen = recovered\n"
		"[state g]\nvisits = 1 -> recovered\nthen = recovered\n"
		"[state h]\nthen = recovered\n");
}

static void states_are_left(void **state)
{
	(void)state;
	says(HEAD "[state a]\non = /x/ : key F1\n",
	     "x.ini:5: state \"a\" can't be left; add then, timeout, or a rule "
	     "with a target\n");
	says(HEAD "[state a]\nvisits = 1 -> recovered\n",
	     "x.ini:5: state \"a\" can't be left; add then, timeout, or a rule "
	     "with a target\n");
	is_good(HEAD "[state a]\non = /x/ : key F1\n"
		     "timeout = 1m -> failed \"f\"\n");
}

static void waits_are_bounded(void **state)
{
	static const char expected[] =
		"x.ini:5: state \"a\" may wait for ever; add \"timeout = 5m -> "
		"TARGET\"\n";

	(void)state;
	says(HEAD "[state a]\non = /login/ -> recovered\n", expected);
	says(HEAD "[state a]\ndo = power on\non = /x/ -> recovered\n", expected);
	says(HEAD "[state a]\ndo = power on\nelse = recovered\n", expected);
	/* It may print for ever. */
	says(HEAD "[state a]\non idle = 1m -> recovered\n", expected);
	is_good(HEAD "[state a]\ndo = power on\nthen = recovered\n");
	is_good(HEAD "[state a]\non = /login/ -> recovered\n"
		     "timeout = 1m -> failed \"f\"\n");
}

static void loops_are_bounded(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = power cycle\nthen = b\n"
	     "[state b]\non = /up/ -> recovered\ntimeout = 5m -> a\n",
	     "x.ini:5: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
	says(HEAD "[state a]\nthen = a\n",
	     "x.ini:5: a -> a goes round without end; give one of these states "
	     "\"visits = 3 -> TARGET\"\n");
	is_good(HEAD "[state a]\nvisits = 2 -> failed \"f\"\ndo = power cycle\n"
		"then = b\n"
		"[state b]\non = /up/ -> recovered\ntimeout = 5m -> a\n");
	/* Visits that send the next entry back into the loop. */
	says(HEAD "[state a]\nvisits = 2 -> b\nthen = b\n"
	     "[state b]\ntimeout = 1m -> a\n",
	     "x.ini:5: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
}

static void loops_by_always_are_bounded(void **state)
{
	(void)state;
	says(HEAD "[always]\non = /panic/ -> a\n"
	     "[state a]\ndo = power cycle\nthen = b\n"
	     "[state b]\ntimeout = 5m -> failed \"f\"\n",
	     "x.ini:7: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
	is_good(HEAD "[always]\non = /panic/ max 2 -> a\n"
		"[state a]\ndo = power cycle\nthen = b\n"
		"[state b]\ntimeout = 5m -> failed \"f\"\n");
	/* The max of a state's own rule begins anew with each entry. */
	says(HEAD "[state a]\nthen = b\n"
	     "[state b]\non = /x/ max 2 -> a\ntimeout = 1m -> recovered\n",
	     "x.ini:5: a -> b -> a goes round without end; give one of these "
	     "states \"visits = 3 -> TARGET\"\n");
}

static void needs_cover_what_is_used(void **state)
{
	static const char text[] = "[sequence]\nstart = a\nneeds = console\n"
		"[state a]\ndo = power on\nthen = recovered\n";

	(void)state;
	says(text, "x.ini:3: it uses the power; add power to needs\n");
	says("[sequence]\nstart = a\n[state a]\ndo = key F1\n"
	     "then = recovered\n",
	     "x.ini:1: it uses the console; add console to needs\n");
	host.has = SEQUENCE_NEEDS_CONSOLE;
	assert_string_equal(check(HEAD "[state a]\ndo = power on\n"
				       "then = recovered\n", &host),
		"ldap1.ini:4: host ldap1 has no power, which the sequence x "
		"needs (x.ini, line 3); add a section [power]\n");
	/* Declared, though not used. */
	host.has = SEQUENCE_NEEDS_POWER;
	assert_string_equal(check(HEAD "[state a]\ndo = power on\n"
				       "then = recovered\n", &host),
		"ldap1.ini:4: host ldap1 has no console, which the sequence x "
		"needs (x.ini, line 3); add a section [console]\n");
}

static void secrets_exist(void **state)
{
	static const char text[] = HEAD
		"[state a]\non = /Password: $/ : secret bios\n"
		"timeout = 1m -> failed \"f\"\n";

	(void)state;
	says(text, "");
	assert_string_equal(check(text, &host),
		"ldap1.ini:4: host ldap1 has no secret \"bios\", which the "
		"sequence x needs (x.ini, line 6); add \"bios = @file:...\" to "
		"[secrets]\n");
	is_good(HEAD "[state a]\non = /Password: $/ : secret root\n"
		     "timeout = 1m -> failed \"f\"\n");
}

static void secrets_follow_a_prompt(void **state)
{
	static const char expected[] =
		"x.ini:6: a secret is typed only by a rule on text, where its "
		"prompt was seen: on = /Password: $/ : secret root\n";

	(void)state;
	says(HEAD "[state a]\ndo = secret root\nthen = recovered\n", expected);
	says(HEAD "[state a]\non idle = 5s : secret root\n"
	     "timeout = 1m -> failed \"f\"\n", expected);
	says(HEAD "[always]\non lost = 5s : secret root\n"
	     "[state a]\nthen = recovered\n", expected);
	is_good(HEAD "[always]\non = /Password: $/ : secret root\n"
		     "[state a]\nthen = recovered\n");
}

static void keys_exist_on_the_terminal(void **state)
{
	static const char text[] = HEAD "[state a]\ndo = key Enter F1 Ins\n"
					"then = recovered\n";

	(void)state;
	is_good(text);
	is_good(HEAD "[state a]\ndo = key Up Esc Ctrl-C x\nthen = recovered\n");
	host.terminal = KEYS_NONE;
	if (strstr(check(text, &host), "x.ini:6: the terminal of host ldap1 (")
	    == NULL)
		fail_msg("%s", buffer_text(&said));
	host.terminal = KEYS_LINUX;
	assert_string_equal(check(HEAD "[state a]\ndo = key F12 Alt-x\n"
				       "then = recovered\n", &host), "");
}

static void only_checks_in_healthy(void **state)
{
	struct problems problems = { 0 };
	static const char text[] = HEAD "healthy = check tcp 22\n"
					"[state a]\nthen = recovered\n";
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, "x", NULL, &problems);

	(void)state;
	sequence_check(s, NULL, &problems);
	assert_int_equal(problems.count, 0);
	s->healthy.list[0].type = ACTION_BREAK;
	sequence_check(s, NULL, &problems);
	assert_true(problems.count > 0);
	assert_int_equal(problems.list[problems.count - 1].line, 5);
	problems_release(&problems);
	sequence_free(s);
	ini_free(ini);
}

/* ---- how long ------------------------------------------------------------------- */

static void fits(const char *deadline, const char *states, const char *longest)
{
	char text[1024], expected[512];

	snprintf(text, sizeof(text), "[sequence]\nstart = a\n"
		 "needs = power console\ndeadline = %s\n%s", deadline, states);
	snprintf(expected, sizeof(expected),
		 "x.ini:1: warning: the longest path takes %s, the deadline is "
		 "%s; a run may end in the middle: make timeouts or visits "
		 "smaller, or the deadline longer\n", longest, deadline);
	assert_string_equal(check(text, NULL), longest != NULL ? expected : "");
}

static void the_longest_path_fits(void **state)
{
	/* 10 s + 90 s + 5 s + 3 s: the longer branch. */
	static const char sum[] =
		"[state a]\ndo = wait 10s, check tcp 22 within 90s\nthen = b\n"
		"else = c\n[state b]\ndo = boot pxe, wait 3s\nthen = recovered\n"
		"[state c]\ndo = wait 1s\nthen = recovered\n";
	/* A timeout counts, not what is done until then. */
	static const char timeout[] =
		"[state a]\ndo = wait 10s\ntimeout = 2m -> recovered\n";
	/* 3 * (60 + 5 + 60 + 300) s */
	static const char visits[] =
		"[state a]\nvisits = 3 -> failed \"f\"\ndo = power cycle\n"
		"then = b\n[state b]\ntimeout = 5m -> a\n";

	/* 11 keys, and as many in a rule */
	static const char pace[] =
		"[state a]\nkey-delay = 2s\ndo = enter \"0123456789\"\n"
		"then = recovered\non = /p/ : enter \"0123456789\" -> recovered\n";

	(void)state;
	fits("44s", pace, NULL);
	fits("43s", pace, "44s");
	fits("1m48s", sum, NULL);
	fits("1m47s", sum, "1m48s");
	fits("2m", timeout, NULL);
	fits("1m59s", timeout, "2m");
	fits("21m15s", visits, NULL);
	fits("21m14s", visits, "21m15s");
}

static void the_host_says_how_long_power_takes(void **state)
{
	static const char text[] = "[sequence]\nstart = a\nneeds = power\n"
		"deadline = 3m20s\n[state a]\ndo = power cycle\n"
		"then = recovered\n";

	(void)state;
	says(text, "");
	assert_string_equal(check(text, &host),
		"x.ini:1: warning: the longest path takes 3m30s, the deadline is "
		"3m20s; a run may end in the middle: make timeouts or visits "
		"smaller, or the deadline longer\n");
}

static void always_with_max_takes_its_time(void **state)
{
	static const char text[] =
		"[always]\non = /p/ max 2 -> c\n"
		"[state a]\ntimeout = 1m -> recovered\n"
		"[state c]\ndo = wait 1m\nthen = a\n";

	(void)state;
	fits("5m", text, NULL);
	fits("4m59s", text, "5m");
}

/* ---- powered off ----------------------------------------------------------------- */

static void off_at_the_end_is_said(void **state)
{
	(void)state;
	says(HEAD "[state a]\ndo = power off\nthen = b\n"
	     "[state b]\ndo = wait 5s\nthen = recovered\n",
	     "x.ini:10: warning: this may end with the host powered off (by line "
	     "6); switch it on before, or say in the reason that it is off\n");
	says(HEAD "[state a]\ndo = power off, wait 5s, power on\n"
	     "then = recovered\nelse = failed \"no\"\n",
	     "x.ini:8: warning: this may end with the host powered off (by line "
	     "6); switch it on before, or say in the reason that it is off\n");
	says(HEAD "[state a]\non = /x/ : sysrq o -> failed \"no\"\n"
	     "timeout = 1m -> failed \"t\"\n",
	     "x.ini:6: warning: this may end with the host powered off (by line "
	     "6); switch it on before, or say in the reason that it is off\n");
	is_good(HEAD "[state a]\ndo = power off\nthen = b\n"
		"[state b]\ndo = power on\nthen = recovered\n"
		"else = needs-hands \"it is off and can't be switched on\"\n");
	is_good(HEAD "[state a]\ndo = power soft\nthen = recovered \"is off\"\n");
	is_good(HEAD "[state a]\ndo = power cycle, power diag\n"
		"then = recovered\n");
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
		cmocka_unit_test_setup(restart_stands_in_do, setup),
		cmocka_unit_test_setup(stop_leaves_it_off, setup),
		cmocka_unit_test_setup(states_are_reached, setup),
		cmocka_unit_test_setup(states_are_left, setup),
		cmocka_unit_test_setup(waits_are_bounded, setup),
		cmocka_unit_test_setup(loops_are_bounded, setup),
		cmocka_unit_test_setup(loops_by_always_are_bounded, setup),
		cmocka_unit_test_setup(needs_cover_what_is_used, setup),
		cmocka_unit_test_setup(secrets_exist, setup),
		cmocka_unit_test_setup(secrets_follow_a_prompt, setup),
		cmocka_unit_test_setup(keys_exist_on_the_terminal, setup),
		cmocka_unit_test_setup(only_checks_in_healthy, setup),
		cmocka_unit_test_setup(the_longest_path_fits, setup),
		cmocka_unit_test_setup(the_host_says_how_long_power_takes, setup),
		cmocka_unit_test_setup(always_with_max_takes_its_time, setup),
		cmocka_unit_test_setup(off_at_the_end_is_said, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, release);
}
