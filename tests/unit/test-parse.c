/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The language of sequences: what is read, to the letter, and what is
 * refused, with the words and the line. Each case is a text and a result.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/sequence.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "drivers/driver.h"

static struct problems problems;

static const char *var_get(const void *context, const char *name)
{
	(void)context;
	if (strcmp(name, "kernel") == 0)
		return "2.6.32-5 (old)";
	if (strcmp(name, "port") == 0)
		return "389";
	if (strcmp(name, "quote") == 0)
		return "a\"b";
	return NULL;
}

static const struct sequence_vars vars = { var_get, NULL, NULL };

static struct sequence *parse_with(const char *text,
				   const struct sequence_vars *with)
{
	struct ini *ini;
	struct sequence *s;

	problems_release(&problems);
	memset(&problems, 0, sizeof(problems));
	ini = ini_read("x.ini", text, strlen(text), &problems);
	s = sequence_parse(ini, "x", with, &problems);
	ini_free(ini);
	problems_sort(&problems);
	return s;
}

/* "3: text\n4: text\n" */
static const char *said(void)
{
	static struct buffer out;
	size_t i;

	buffer_clear(&out);
	for (i = 0; i < problems.count; i++) {
		assert_string_equal(problems.list[i].file, "x.ini");
		buffer_printf(&out, "%d: %s\n", problems.list[i].line,
			      problems.list[i].text);
	}
	return buffer_text(&out);
}

static struct sequence *parse_good(const char *text)
{
	struct sequence *s = parse_with(text, &vars);

	if (s == NULL)
		fail_msg("refused:\n%s", said());
	assert_int_equal(problems.count, 0);
	return s;
}

/* One state "a" with that body; begins in line 4. */
static char *in_state(const char *body)
{
	return memory_format("[sequence]\nstart = a\n[state a]\n%s\n"
			     "[state b]\nthen = recovered\n", body);
}

static struct sequence *state_good(const char *body)
{
	char *text = in_state(body);
	struct sequence *s = parse_good(text);

	free(text);
	return s;
}

static void state_bad(const char *body, const char *expected)
{
	char *text = in_state(body);
	struct sequence *s = parse_with(text, &vars);

	if (s != NULL)
		fail_msg("accepted: %s", body);
	if (strstr(said(), expected) == NULL)
		fail_msg("for: %s\nexpected: %s\nsaid: %s", body, expected,
			 said());
	free(text);
}

/* ---- keys ------------------------------------------------------------------ */

static void every_key(void **state)
{
	struct sequence *s;
	const struct state *a;

	(void)state;
	s = parse_good("[sequence]\nsummary = Two\n  lines\n"
		       "needs = power console, shell\ndeadline = 1h30m\n"
		       "healthy = check tcp 22, check tcp 389\nstart = b\n"
		       "evidence = none\n"
		       "[always]\non = /panic/ -> b\non idle = 90s : note \"n\"\n"
		       "on lost = 2m -> unknown \"no console\"\n"
		       "[state a]\ndo = power on\nthen = b\nelse = failed \"f\"\n"
		       "on = \"x\" : key F1\non = /y/ max 3 : key F2 -> b\n"
		       "on idle = 250ms -> b\non lost = 1s -> b\n"
		       "timeout = 5m -> b\nvisits = 2 -> needs-hands \"go\"\n"
		       "[state b]\nthen = recovered \"fine\"\n");
	assert_string_equal(s->name, "x");
	assert_string_equal(s->file, "x.ini");
	assert_string_equal(s->summary, "Two lines");
	assert_int_equal(s->needs, 7);
	assert_int_equal(s->needs_line, 4);
	assert_int_equal(s->deadline_ms, 5400000);
	assert_int_equal(s->healthy.count, 2);
	assert_int_equal(s->start, 1);
	assert_false(s->evidence);
	assert_int_equal(s->always.count, 3);
	assert_int_equal(s->always.list[1].kind, RULE_IDLE);
	assert_int_equal(s->always.list[1].ms, 90000);
	assert_int_equal(s->always.list[2].kind, RULE_LOST);
	assert_int_equal(s->always.list[2].target.verdict, VERDICT_UNKNOWN);
	a = &s->states[0];
	assert_string_equal(a->name, "a");
	assert_int_equal(a->line, 13);
	assert_int_equal(a->act.list[0].number, DRIVER_ACT_ON);
	assert_int_equal(a->then.state, 1);
	assert_string_equal(a->otherwise.reason, "f");
	assert_int_equal(a->rules.count, 4);
	assert_int_equal(a->rules.list[0].target.kind, TARGET_NONE);
	assert_string_equal(a->rules.list[1].source, "/y/");
	assert_int_equal(a->rules.list[1].max, 3);
	assert_int_equal(a->rules.list[1].line, 18);
	assert_int_equal(a->rules.list[2].ms, 250);
	assert_int_equal(a->timeout_ms, 300000);
	assert_int_equal(a->visits, 2);
	assert_int_equal(a->visited.verdict, VERDICT_NEEDS_HANDS);
	assert_string_equal(a->visited.reason, "go");
	assert_string_equal(s->states[1].then.reason, "fine");
	sequence_free(s);
}

static void defaults(void **state)
{
	struct sequence *s = state_good("then = recovered");

	(void)state;
	assert_string_equal(s->summary, "");
	assert_int_equal(s->deadline_ms, 1800000);
	assert_true(s->evidence);
	assert_null(s->states[0].then.reason);
	sequence_free(s);
}

/* ---- actions ----------------------------------------------------------------- */

static void acts_and_devices(void **state)
{
	static const int numbers[] = {
		DRIVER_ACT_ON, DRIVER_ACT_OFF, DRIVER_ACT_CYCLE,
		DRIVER_ACT_RESET, DRIVER_ACT_SOFT, DRIVER_ACT_DIAG,
		DRIVER_BOOT_DISK, DRIVER_BOOT_PXE, DRIVER_BOOT_CDROM,
		DRIVER_BOOT_SETUP,
	};
	struct sequence *s;
	size_t i;

	(void)state;
	s = state_good("do = power on, power off,power cycle , power reset\n"
		       "  power soft\n  power diag\n  boot disk, boot pxe\n"
		       "  boot cdrom, boot setup");
	assert_int_equal(s->states[0].act.count, 10);
	for (i = 0; i < 10; i++) {
		assert_int_equal(s->states[0].act.list[i].number, numbers[i]);
		assert_int_equal(s->states[0].act.list[i].type,
				 i < 6 ? ACTION_POWER : ACTION_BOOT);
	}
	assert_int_equal(s->states[0].act.list[0].line, 4);
	assert_int_equal(s->states[0].act.list[4].line, 5);
	assert_int_equal(s->states[0].act.list[9].line, 8);
	assert_int_equal(s->states[0].act.list[7].line, 7);
	sequence_free(s);
}

static void keys_and_texts(void **state)
{
	static const char *const keys[] = { "F1", "Down", "Down", "Down",
					    "Enter", "Ctrl-C", "*", "-", NULL };
	struct sequence *s;
	const struct action *a;
	int i;

	(void)state;
	s = state_good("do = key F1 Down*3 Enter Ctrl-C * -, "
		       "send \"a\\r\\n\\t\\e\\0\\x7f\\\"\\\\\"\n"
		       "  enter \"fsck ${quote}\", enter \"\", secret root-pw\n"
		       "  break, sysrq b, wait 1m30s, note \"n\"\n"
		       "  collect console");
	a = s->states[0].act.list;
	assert_int_equal(s->states[0].act.count, 10);
	for (i = 0; keys[i] != NULL; i++)
		assert_string_equal(a[0].keys[i], keys[i]);
	assert_null(a[0].keys[i]);
	assert_int_equal(a[1].text_len, 9);
	assert_memory_equal(a[1].text, "a\r\n\t\033\0\x7f\"\\", 9);
	assert_int_equal(a[2].type, ACTION_ENTER);
	assert_string_equal(a[2].text, "fsck a\"b");
	assert_string_equal(a[3].text, "");
	assert_int_equal(a[4].type, ACTION_SECRET);
	assert_string_equal(a[4].text, "root-pw");
	assert_int_equal(a[5].type, ACTION_BREAK);
	assert_int_equal(a[6].number, 'b');
	assert_int_equal(a[7].ms, 90000);
	assert_string_equal(a[8].text, "n");
	assert_string_equal(a[9].text, "console");
	sequence_free(s);
}

static void checks(void **state)
{
	struct sequence *s;
	const struct action *a;

	(void)state;
	s = state_good("do = check tcp ${port}, check tcp 22 within 1m\n"
		       "  check tcp 25 send \"QUIT\\r\\n\" expect \"220\" "
		       "every 5s within 2m");
	a = s->states[0].act.list;
	assert_int_equal(s->states[0].act.count, 3);
	assert_int_equal(a[0].number, 389);
	assert_int_equal(a[0].within_ms, 0);
	assert_int_equal(a[0].every_ms, 2000);
	assert_int_equal(a[1].within_ms, 60000);
	assert_int_equal(a[2].number, 25);
	assert_int_equal(a[2].text_len, 6);
	assert_string_equal(a[2].expect, "220");
	assert_int_equal(a[2].every_ms, 5000);
	assert_int_equal(a[2].within_ms, 120000);
	sequence_free(s);
}

static void selections(void **state)
{
	static const char *const sources[] = { "Boot Manager", "UEFI Shell",
					       "/Lin.x/i", "\"a > b\"" };
	struct sequence *s;
	const struct action *a;
	int i;

	(void)state;
	s = state_good("do = select Boot  Manager>UEFI Shell > /Lin.x/i >\"a > b\", "
		       "power on\n  select ${port}\n  collect screen");
	a = s->states[0].act.list;
	assert_int_equal(s->states[0].act.count, 4);
	assert_int_equal(a[0].type, ACTION_SELECT);
	assert_int_equal(a[0].step_count, 4);
	for (i = 0; i < 4; i++) {
		assert_string_equal(a[0].steps[i].source, sources[i]);
		assert_int_equal(a[0].steps[i].whole, i != 2);
	}
	assert_int_equal(a[1].type, ACTION_POWER);
	assert_string_equal(a[2].steps[0].source, "389");
	assert_true(action_types(&a[2]));
	assert_string_equal(a[3].text, "screen");
	assert_true(sequence_renders(s));
	assert_true(sequence_uses(s) & SEQUENCE_NEEDS_CONSOLE);
	sequence_free(s);
	s = state_good("on screen = /a\\nb/ max 2 : key F1 -> b");
	assert_int_equal(s->states[0].rules.list[0].kind, RULE_SCREEN);
	assert_string_equal(s->states[0].rules.list[0].source, "/a\\nb/");
	assert_int_equal(s->states[0].rules.list[0].max, 2);
	assert_true(sequence_renders(s));
	sequence_free(s);
	s = state_good("on = /a/ : select Linux -> b");
	assert_int_equal(s->states[0].rules.list[0].actions.list[0].type,
			 ACTION_SELECT);
	assert_int_equal(s->states[0].rules.list[0].target.kind, TARGET_STATE);
	assert_true(sequence_renders(s));
	sequence_free(s);
	s = state_good("on = /a/ : collect console -> b");
	assert_false(sequence_renders(s));
	sequence_free(s);
}

static void what_it_uses(void **state)
{
	struct sequence *s = state_good("do = power on\nthen = b");

	(void)state;
	assert_int_equal(sequence_uses(s), SEQUENCE_NEEDS_POWER);
	assert_false(action_is_force(&s->states[0].act.list[0]));
	sequence_free(s);
	s = state_good("do = sysrq o, sysrq s, power soft, power off\n"
		       "on lost = 1s -> b");
	assert_int_equal(sequence_uses(s), SEQUENCE_NEEDS_POWER |
						   SEQUENCE_NEEDS_CONSOLE);
	assert_true(action_is_force(&s->states[0].act.list[0]));
	assert_false(action_is_force(&s->states[0].act.list[1]));
	assert_false(action_is_force(&s->states[0].act.list[2]));
	assert_true(action_is_force(&s->states[0].act.list[3]));
	sequence_free(s);
}

static void refused_actions(void **state)
{
	(void)state;
	state_bad("do = power", "4: do: expected power on, off, cycle, reset, "
				"soft or diag");
	state_bad("do = power up", "4: do: expected power on");
	state_bad("do = boot floppy", "4: do: expected boot disk, pxe");
	state_bad("do = note \"x\"\n  powr on",
		  "5: do: unknown action \"powr\"; did you mean \"power\"?");
	state_bad("do = dance", "4: do: unknown action \"dance\"; expected "
				"power, boot");
	state_bad("do =", "4: do: expected an action such as");
	state_bad("do = note \"x\",", "4: do: expected an action such as");
	state_bad("do = power on power off", "expected a comma or the end of the "
					     "action \"power\" at \"power off\"");
	state_bad("do = key", "key needs the name of a key");
	state_bad("do = key F13", "no key \"F13\"; did you mean F1?");
	state_bad("do = key Enterr", "did you mean Enter?");
	state_bad("do = key Quux9", "no key \"Quux9\"; keys are F1..F12");
	state_bad("do = key Down*0", "1 to 256 keys");
	state_bad("do = key Down*257", "1 to 256 keys");
	state_bad("do = key Down*99999999999999999999", "1 to 256 keys");
	state_bad("do = key Down*3x", "no key \"Down*3x\"");
	state_bad("do = send \"\"", "send needs 1 to 4096 bytes");
	state_bad("do = send x", "expected a \"text\", in double quotes, at \"x\"");
	state_bad("do = send \"x", "a \" without its closing \"");
	state_bad("do = send \"\\q\"", "unknown escape \\q in a string");
	state_bad("do = send \"\\x4\"", "\\x needs two hex digits");
	state_bad("do = send \"${nope}\"", "${nope} is not set; add \"nope = ...\""
					   " to [vars] of the host");
	state_bad("do = send \"${nope\"", "a ${ without its }");
	state_bad("do = secret -x", "secret needs a name");
	state_bad("do = sysrq bb", "sysrq needs one small letter or digit");
	state_bad("do = sysrq B", "sysrq needs one small letter or digit");
	state_bad("do = wait 5", "a time has its unit (ms, s, m, h, d)");
	state_bad("do = check udp 53", "expected check tcp PORT, check ssh or");
	state_bad("do = check tcp 0", "a port from 1 to 65535");
	state_bad("do = check tcp 65536", "a port from 1 to 65535");
	state_bad("do = check tcp +22", "a port from 1 to 65535");
	state_bad("do = check tcp 99999999999999999999", "too long");
	state_bad("do = check tcp 22 within x", "expected a time for within");
	state_bad("do = check tcp 22 every 10ms", "every 100ms at the most");
	state_bad("do = check tcp 22 send \"\"", "1 to 1024 bytes");
	state_bad("do = tcp 22", "did you mean \"check tcp\"?");
	state_bad("do = power-cycle", "did you mean \"power\"?");
	state_bad("do = reboot", "did you mean \"restart gently\"?");
	state_bad("do = collect everything", "expected collect console, screen, sel or dmesg");
	state_bad("do = select", "select needs the text of an entry or a /pat");
	state_bad("do = select a >", "select needs the text of an entry or a");
	state_bad("do = select > a", "select needs the text of an entry or a");
	state_bad("do = select /a", "a pattern that begins with / needs a /");
	state_bad("do = select /a/ b", "expected a comma or the end of the act");
	state_bad("do = select a>b>c>d>e>f>g>h>i", "at most 8 menus in one");
	state_bad("do = select ${nope}", "${nope} is not set; add \"nope = ");
	state_bad("on screen = x -> b", "4: on screen: expected a /pattern/ or");
	state_bad("on screeen = /x/ -> b", "did you mean \"on screen\"?");
	state_bad("do = run other", "there are no other sequences here that could "
				    "be run");
	state_bad("do = power on -> b", "nothing more was expected at \"-> b\"");
}

/* ---- rules and targets --------------------------------------------------------- */

static void refused_rules(void **state)
{
	(void)state;
	state_bad("on = x -> b", "4: on: expected a /pattern/ or a \"text\"");
	state_bad("on = /x -> b", "needs a / at its end");
	state_bad("on = /x\\\n  y/ -> b", "needs a / at its end");
	state_bad("on = /x/g -> b", "unknown flag \"g\" behind a pattern");
	state_bad("on = /(/ -> b", "4: on: ");
	state_bad("on = /a*/ -> b", "4: on: ");
	state_bad("on = \"\" -> b", "4: on: ");
	state_bad("on = /x/", "a rule needs actions behind a colon");
	state_bad("on = /x/ max : key F1", "max needs a number from 1 to 1000");
	state_bad("on = /x/ max 0 : key F1", "max needs a number");
	state_bad("on = /x/ max 1001 : key F1", "max needs a number");
	state_bad("on = /x/ max 4294967297 : key F1", "max needs a number");
	state_bad("on = /x/ : key F1 -> nowhere",
		  "there is no state \"nowhere\"; expected a [state nowhere]");
	state_bad("on = /x/ -> recoverd", "did you mean \"recovered\"?");
	state_bad("on = /x/ -> failed", "failed needs a reason");
	state_bad("on = /x/ -> needs-hands \"\"", "needs-hands needs a reason");
	state_bad("on = /x/ ->", "expected the name of a state");
	state_bad("on = /x/ -> b c", "nothing more was expected at \"c\"");
	state_bad("on idle = soon -> b", "expected a time for on idle");
	state_bad("on idle = 0s -> b", "on idle: a time is longer than nothing");
	state_bad("on lost = 5s", "a rule needs actions");
	state_bad("timeout = 5m", "expected \"-> TARGET\"");
	state_bad("timeout = 0s -> b", "a timeout is longer than nothing");
	state_bad("visits = 0 -> b", "visits needs a number from 1 to 1000");
	state_bad("visits = 4294967297 -> b", "visits needs a number");
	state_bad("key-delay = 0s", "a time is longer than nothing");
	state_bad("key-delay = 5001ms", "two keys is 5s at most");
	state_bad("key-delay = slow", "expected a time for key-delay");
	state_bad("visits = 2", "expected \"-> TARGET\"");
	state_bad("then =", "expected the name of a state");
	state_bad("thne = b", "4: unknown key \"thne\"; did you mean \"then\"?");
	state_bad("colour = red", "4: unknown key \"colour\" in this section");
	state_bad("then = b\nthen = b", "5: \"then\" stands twice; the first is "
					"in line 4");
}

static void refused_sections(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} cases[] = {
		{ "", "0: a sequence needs a section [sequence]\n" },
		{ "[sequence]\n[state a]\nthen = recovered\n",
		  "1: [sequence] needs \"start = STATE\"\n" },
		{ "[sequence]\nstart = b\n[state a]\n",
		  "2: start: there is no state \"b\"\n" },
		{ "[sequence]\nstart =\n[state a]\n", "2: start: expected the" },
		{ "[sequence]\nstart = a\n[state a]\n[state a]\n",
		  "4: state \"a\" stands twice; the first is in line 3\n" },
		{ "[sequence]\nstart = a\n[state a]\n[state failed]\n",
		  "4: \"failed\" can't be the name of a state, which is one word" },
		{ "[sequence]\nstart = a\n[state a]\n[state a b]\n",
		  "4: \"a b\" can't be the name of a state, which is one word" },
		{ "[sequence]\nstart = a\n[sequence]\n[state a]\n",
		  "3: [sequence] stands twice\n" },
		{ "[sequence]\nstart = a\n[state a]\n[stat b]\n",
		  "4: unknown section [stat b]; did you mean [state b]?" },
		{ "[sequence]\nstart = a\n[state a]\n[post]\n",
		  "4: unknown section [post]; a state is written [state post]" },
		{ "[sequence]\nstart = a\nneeds = power juice\n[state a]\n",
		  "3: needs: unknown capability; expected power, "
		  "console or shell\n" },
		{ "[sequence]\nstart = a\nneeds = power,,console\n[state a]\n",
		  "3: needs: expected power, console or shell" },
		{ "[sequence]\nstart = a\ndeadline = 5\n[state a]\n",
		  "3: deadline: a time has its unit (ms, s, m, h, d)" },
		{ "[sequence]\nstart = a\ndeadline = 0s\n[state a]\n",
		  "3: deadline: a time is longer than nothing" },
		{ "[sequence]\nstart = a\nevidence = maybe\n[state a]\n",
		  "3: evidence: expected yes or none" },
		{ "[sequence]\nstart = a\nhealthy = check tcp 22\n"
		  "  power on\n  check tcp 25\n[state a]\n",
		  "4: healthy: only checks can stand here" },
		{ "[sequence]\nstart = a\n[always]\ndo = power on\n[state a]\n",
		  "4: the key \"do\" belongs into [state NAME]" },
	};
	struct sequence *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s = parse_with(cases[i].text, &vars);
		if (s != NULL)
			fail_msg("accepted: %s", cases[i].text);
		if (strstr(said(), cases[i].said) == NULL)
			fail_msg("for: %s\nexpected: %s\nsaid: %s",
				 cases[i].text, cases[i].said, said());
	}
}

/* A person gets all of it in one go, each once, by line. */
static void all_errors_in_one_go(void **state)
{
	struct sequence *s;

	(void)state;
	s = parse_with("[sequence]\nstart = post1\ndeadline = x\n"
		       "[state post]\ndo = powr on\n  key F99\nthen = mneu\n"
		       "on = /x/ : key F1\n   -> cc\ntimeout = 1s\ntimout = x\n"
		       "[state menu]\non = /(/ -> post\nelse = failed\n"
		       "timeout = 1m -> faild \"x\"\nthen = post \"x\"\n", &vars);
	assert_null(s);
	assert_string_equal(said(),
		"2: start: there is no state \"post1\"; did you mean \"post\"?\n"
		"3: deadline: expected a time for deadline, such as 30s, 5m or "
		"1h30m\n"
		"5: do: unknown action \"powr\"; did you mean \"power\"?\n"
		"7: there is no state \"mneu\"; did you mean \"menu\"?\n"
		"9: there is no state \"cc\"; expected a [state cc], or "
		"recovered, failed, needs-hands or unknown\n"
		"10: timeout: expected \"-> TARGET\" behind \"1s\"\n"
		"11: unknown key \"timout\"; did you mean \"timeout\"?\n"
		"13: on: pattern: missing closing parenthesis at offset 1\n"
		"14: else: failed needs a reason that tells a person what to "
		"know or do: failed \"...\"\n"
		"15: timeout: only a verdict has a reason, and \"faild\" is none; "
		"expected recovered, failed, needs-hands or unknown; did you mean "
		"\"failed\"?\n"
		"16: then: only a verdict has a reason, and \"post\" is none; "
		"expected recovered, failed, needs-hands or unknown\n");
}

/* ---- patterns -------------------------------------------------------------------- */

static bool finds(const struct rule *r, const char *text)
{
	struct match_cursor cursor = { 0 };
	size_t start, end;

	return match_find(r->pattern, &cursor, text, strlen(text), true, &start,
			  &end, NULL) == 1;
}

static void patterns(void **state)
{
	struct sequence *s;
	const struct rule *r;

	(void)state;
	s = state_good("on = /Linux ${kernel}/ -> b\n"
		       "on = \"Linux ${kernel}\" -> b\n"
		       "on = /a ;b # c/ -> b\n"
		       "on = /login: $/i -> b\n"
		       "on = /a\\/b\\\\/ -> b\n"
		       "on = \"say \\\"x\\\"\" -> b\n"
		       "on = /a  b # c/x -> b\n"
		       "on = /a.b/s -> b\n"
		       "on = /[${quote}]+z/ -> b\n"
		       "on = /\\${kernel}/ -> b");
	r = s->states[0].rules.list;
	assert_true(finds(&r[0], "Linux 2.6.32-5 (old)"));
	assert_false(finds(&r[0], "Linux 2x6x32-5 (old)"));
	assert_true(finds(&r[1], "Linux 2.6.32-5 (old)"));
	assert_true(finds(&r[2], "a ;b # c"));
	assert_string_equal(r[2].source, "/a ;b # c/");
	assert_true(finds(&r[3], "LOGIN: "));
	assert_true(finds(&r[4], "a/b\\"));
	assert_true(finds(&r[5], "say \"x\""));
	assert_true(finds(&r[6], "ab"));
	assert_true(finds(&r[7], "a\nb"));
	assert_true(finds(&r[8], "b\"az"));
	assert_true(finds(&r[9], "${kernel}"));
	assert_string_equal(r[0].source, "/Linux ${kernel}/");
	sequence_free(s);
}

static void vars_are_not_needed_for_a_check(void **state)
{
	struct sequence *s;

	(void)state;
	s = parse_with("[sequence]\nstart = a\n[state a]\n"
		       "do = check tcp ${p}, enter \"${q}\"\n"
		       "on = /${r}/ : secret ${s} -> recovered\n", NULL);
	assert_non_null(s);
	sequence_free(s);
}

/* ---- the form of a file ------------------------------------------------------------ */

static void continuation_lines(void **state)
{
	struct sequence *s;
	const struct rule *r;

	(void)state;
	s = state_good("on = /x/\n    max 2\n    : key F1,\n      key F2\n"
		       "      key F3\n    -> b\n"
		       "on = /y/\n    -> failed\n    \"why\"\n"
		       "timeout = 5m\n   -> b\n"
		       "visits = 2\n   -> b");
	r = s->states[0].rules.list;
	assert_int_equal(r[0].max, 2);
	assert_int_equal(r[0].actions.count, 3);
	assert_int_equal(r[0].actions.list[0].line, 6);
	assert_int_equal(r[0].actions.list[2].line, 8);
	assert_int_equal(r[0].target.state, 1);
	assert_int_equal(r[0].target.line, 9);
	assert_string_equal(r[1].target.reason, "why");
	assert_int_equal(s->states[0].timeout.state, 1);
	assert_int_equal(s->states[0].visited.state, 1);
	sequence_free(s);
}

static void long_lines(void **state)
{
	struct buffer body = { 0 };
	struct sequence *s;
	int i;

	(void)state;
	buffer_append_text(&body, "on = \"");
	for (i = 0; i < 4000; i++)
		buffer_append_char(&body, 'a' + (char)(i % 26));
	buffer_append_text(&body, "\" : enter \"");
	for (i = 0; i < 4000; i++)
		buffer_append_char(&body, 'A' + (char)(i % 26));
	buffer_append_text(&body, "\" -> b");
	s = state_good(buffer_text(&body));
	assert_int_equal(s->states[0].rules.list[0].actions.list[0].text_len,
			 4000);
	assert_int_equal(strlen(s->states[0].rules.list[0].source), 4002);
	sequence_free(s);
	buffer_release(&body);
}

static void names_of_states(void **state)
{
	struct sequence *s;

	(void)state;
	s = parse_good("[sequence]\nstart = post-1\n"
		       "[state post-1]\nthen = max\n[state max]\nthen = A.b:c_2\n"
		       "[state  A.b:c_2]\nthen = recovered-2\n"
		       "[state recovered-2]\nthen = recovered\n");
	assert_int_equal(s->states[0].then.state, 1);
	assert_int_equal(s->states[1].then.state, 2);
	assert_string_equal(s->states[2].name, "A.b:c_2");
	assert_int_equal(s->states[2].then.state, 3);
	sequence_free(s);
}

static void names_of_verdicts(void **state)
{
	int i;

	(void)state;
	for (i = VERDICT_RECOVERED; i < VERDICT_COUNT; i++)
		assert_int_equal(verdict_from_name(verdict_name(i)), i);
	assert_int_equal(verdict_from_name("none"), VERDICT_NONE);
	assert_string_equal(verdict_name(VERDICT_NONE), "none");
	assert_string_equal(verdict_name(VERDICT_COUNT), "none");
}

static int release(void **state)
{
	(void)state;
	problems_release(&problems);
	memset(&problems, 0, sizeof(problems));
	return 0;
}

/* ---- places ---------------------------------------------------------------- */

/* The first problem's line and column; the body begins in line 4. */
static void place(const char *body, int line, int column)
{
	char *text = in_state(body);
	struct sequence *s = parse_with(text, &vars);

	if (s != NULL || problems.count < 1)
		fail_msg("accepted: %s", body);
	if (problems.list[0].line != line || problems.list[0].column != column)
		fail_msg("%s: %d:%d: %s", body, problems.list[0].line,
			 problems.list[0].column, problems.list[0].text);
	free(text);
}

static void problems_have_columns(void **state)
{
	(void)state;
	place("do = fly", 4, 6);
	place("do=fly", 4, 4);
	place("do : fly", 4, 6);
	place("do = power cylce, key F1", 4, 12);
	place("do = key F1,\n   key F99", 5, 8);
	place("do = key F1\n; a comment\n\tfly", 6, 2);
	place("do = note \"${kernel}\", boot dsk", 4, 29);
	place("do = note \"${none}\"", 4, 12);
	place("do = note \"\xc3\xa4\xe2\x82\xac\", fly", 4, 17);
	place("do = check tpc 22", 4, 12);
	place("do = collect consle", 4, 14);
	place("do = send \"ab\\q\"", 4, 15);
	place("do = send \"ab", 4, 11);
	place("do = wait 5x", 4, 11);
	place("then = recoverd", 4, 8);
	place("then = failed", 4, 8);
	place("on = /a(b/ -> b", 4, 10);
	place("on = /\\/\\/a(b/ -> b", 4, 14);
	place("on = /${kernel}(/ -> b", 4, 7);
	place("on = /ab -> b", 4, 6);
	place("on = /ab/z -> b", 4, 10);
	place("on = /ab/ max 9999 -> b", 4, 15);
	place("on = /ab/ : key F1\n -> nowhere", 5, 5);
	place("timeout = 5m b", 4, 14);
	place("visits = 5 -> b y", 4, 17);
	place("  tmieout = 5m -> b", 4, 3);
	place("[stat x]", 4, 1);
	place("then = b\nthen = b", 5, 1);
	place("visits = none", 4, 10);
}

static void lines_are_quoted(void **state)
{
	static const char text[] = "\xef\xbb\xbf[sequence]\r\nstart = b\r\n"
				   "nonsense = \tx\r\n[state a]\nthen = x";
	struct ini *ini;
	size_t i;

	(void)state;
	problems_release(&problems);
	ini = ini_read("x.ini", text, sizeof(text) - 1, &problems);
	assert_null(sequence_parse(ini, "x", NULL, &problems));
	problems_add(&problems, "y.ini", 2, "of another file");
	problems_add(&problems, "x.ini", 0, "of no line");
	problems_add(&problems, "x.ini", 99, "of a line that is not there");
	ini_quote(ini, &problems);
	problems_sort(&problems);
	assert_int_equal(problems.count, 6);
	for (i = 0; i < problems.count; i++) {
		if (strcmp(problems.list[i].file, "y.ini") == 0 ||
		    problems.list[i].line == 0)
			assert_null(problems.list[i].source);
	}
	assert_string_equal(problems.list[1].source, "start = b");
	assert_string_equal(problems.list[2].source, "nonsense = \tx");
	assert_string_equal(problems.list[3].source, "then = x");
	assert_string_equal(problems.list[4].source, "");
	ini_free(ini);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(defaults),
		cmocka_unit_test(acts_and_devices),
		cmocka_unit_test(keys_and_texts),
		cmocka_unit_test(checks),
		cmocka_unit_test(selections),
		cmocka_unit_test(what_it_uses),
		cmocka_unit_test(refused_actions),
		cmocka_unit_test(refused_rules),
		cmocka_unit_test(refused_sections),
		cmocka_unit_test(all_errors_in_one_go),
		cmocka_unit_test(problems_have_columns),
		cmocka_unit_test(lines_are_quoted),
		cmocka_unit_test(patterns),
		cmocka_unit_test(vars_are_not_needed_for_a_check),
		cmocka_unit_test(continuation_lines),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(names_of_states),
		cmocka_unit_test(names_of_verdicts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, release);
}
