/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twins that are learned: small records, and how the twins of them live; what is
 * said of records that are damaged, cut, or hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/learn.h"
#include "agent/twin/twin.h"

#define E(at, rest) "{\"version\":1,\"at_ms\":" #at ",\"event\":" rest "}\n"
#define CAST "{\"version\": 2, \"width\": 80, \"height\": 25}\n"
#define RUN "{\"version\":1,\"run\":\"r1\",\"host\":\"old1\"," \
	    "\"sequence\":\"seq\",\"verdict\":\"recovered\"}"
#define END(at) E(at, "\"verdict\",\"verdict\":\"recovered\"")

static int learn(const char *run, const char *journal, const char *cast,
		 struct buffer *ret, struct rh_error *err)
{
	static const char said[] = "$ fix it\nexit status 3\n\nsaid\n";
	struct learn_record r = { .run = NULL };
	int rc = learn_read_run(&r, run, strlen(run), err);

	if (rc == 0)
		rc = learn_read_journal(&r, journal, strlen(journal), err);
	if (rc == 0)
		rc = learn_read_cast(&r, cast, strlen(cast), err);
	learn_read_output(&r, "shell-1.txt", said, strlen(said));
	if (rc == 0)
		rc = learn_twin(&r, ret, err);
	learn_record_release(&r);
	return rc;
}

/* The model of what is learned of it; its text in *ret, to be released. */
static struct twin_model *learned(const char *journal, const char *cast,
				  struct buffer *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	struct problems problems = { 0 };
	struct twin_model *model;
	struct ini *ini;

	if (learn(RUN, journal, cast, ret, &err) < 0)
		fail_msg("%s", err.text);
	ini = ini_read("t.ini", buffer_text(ret), ret->len, &problems);
	model = twin_model_parse(ini, "t", NULL, &problems);
	if (model == NULL)
		fail_msg("line %d: %s\n%s", problems.list[0].line,
			 problems.list[0].text, buffer_text(ret));
	ini_free(ini);
	problems_release(&problems);
	return model;
}

/* What was printed since the last look, up to now. */
static const char *printed(struct twin *t, int64_t now)
{
	static char text[4096];
	size_t len;
	const char *out;

	twin_tick(t, now);
	out = twin_output(t, &len);
	assert_true(len < sizeof(text));
	memcpy(text, out, len);
	text[len] = '\0';
	twin_take_output(t);
	return text;
}

/* ---- lives --------------------------------------------------------------------- */

static const char boot_journal[] =
	E(10, "\"begin\"")
	E(500, "\"checked\",\"check\":\"tcp\",\"port\":389,\"asked_ms\":20,"
	       "\"expect\":\"6869\",\"code\":\"timeout\"")
	E(510, "\"state\",\"state\":\"cycle\"")
	E(800, "\"before\",\"text\":\"power on; no event log\"")
	E(1000, "\"power-read\",\"power\":\"on\"")
	E(1000, "\"power-act\",\"act\":\"off\"")
	E(1100, "\"power-acked\",\"act\":\"off\"")
	E(1500, "\"power-read\",\"power\":\"off\"")
	E(2000, "\"power-read\",\"power\":\"off\"")
	E(2000, "\"power-act\",\"act\":\"on\"")
	E(2500, "\"power-read\",\"power\":\"on\"")
	E(3500, "\"state\",\"state\":\"post\"")
	E(3510, "\"typed\",\"text\":\"F1\",\"keys\":[{\"at_ms\":3500,"
		"\"hex\":\"1b4f50\"}]")
	E(6000, "\"saw\",\"text\":\"login:\"")
	E(6100, "\"checked\",\"check\":\"tcp\",\"port\":389,\"asked_ms\":6000,"
		"\"expect\":\"6869\",\"code\":\"none\"")
	END(6200);
static const char boot_cast[] =
	CAST "[0.4,\"o\",\"hung\"]\n[2.3,\"o\",\"Press \"]\n"
	"[3.5,\"o\",\"F1\"]\n[4.0,\"o\",\"\\r\\nboot\"]\n"
	"[6.0,\"o\",\"\\r\\nlogin: \"]\n";

static void test_boot(void **state)
{
	struct buffer text = { 0 };
	struct twin_model *m = learned(boot_journal, boot_cast, &text);
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	assert_int_equal(m->controller_ms, 100);
	assert_int_equal(m->evidence_ms, 290);
	assert_string_equal(twin_model_port(m, 389)->answer, "hi");
	assert_int_equal(twin_answers_ms(t), 480);
	assert_string_equal(printed(t, 399), "");
	assert_string_equal(printed(t, 400), "hung");
	twin_power(t, 1000, DRIVER_ACT_OFF);
	assert_false(twin_is_on(t));
	twin_power(t, 2000, DRIVER_ACT_ON);
	assert_true(twin_is_on(t));
	/* the key comes before the prompt is whole, and waits for it */
	twin_type(t, 2100, "\033OP", 3);
	assert_string_equal(printed(t, 2300), "Press ");
	assert_string_equal(printed(t, 3500), "F1");
	assert_string_equal(printed(t, 4000), "\r\nboot");
	assert_false(twin_port_is_open(t, 389));
	assert_false(twin_is_healthy(t));
	assert_string_equal(printed(t, 6000), "\r\nlogin: ");
	assert_true(twin_port_is_open(t, 389));
	assert_true(twin_is_healthy(t));
	/* what the run never did */
	twin_power(t, 7000, DRIVER_ACT_CYCLE);
	assert_false(twin_is_on(t));
	assert_string_equal(printed(t, 8400), "Press ");
	twin_free(t);
	twin_model_free(m);
	buffer_release(&text);
}

static const char shell_journal[] =
	E(100, "\"state\",\"state\":\"rescue\"")
	E(900, "\"typed\",\"text\":\"<secret:root> Enter\",\"keys\":[{\"at_ms\":600,"
	       "\"secret\":\"root\"}]")
	E(1500, "\"typed\",\"text\":\"\\\"ls\\\" Enter\",\"keys\":["
		"{\"at_ms\":1100,\"hex\":\"6c\"},{\"at_ms\":1200,\"hex\":\"73\"},"
		"{\"at_ms\":1300,\"hex\":\"0d\"}]")
	E(2000, "\"shell\",\"command\":\"fix \\\"it\\\" ${x}\"")
	E(2900, "\"ran\",\"code\":\"state\",\"exit\":3,\"output\":\"shell-1.txt\"")
	E(3000, "\"done\",\"keys\":[{\"at_ms\":3000,\"break\":true},"
		"{\"at_ms\":3100,\"hex\":\"62\"}]")
	E(4000, "\"checked\",\"check\":\"ssh\",\"asked_ms\":3900,\"code\":"
		"\"none\",\"boot_id\":\"b\"")
	END(4500);
static const char shell_cast[] =
	CAST "[0.5,\"o\",\"Password: \"]\n[1.0,\"o\",\"# \"]\n"
	"[1.15,\"o\",\"l\"]\n[1.25,\"o\",\"s\"]\n[1.4,\"o\",\"\\r\\nfile\"]\n"
	"[3.2,\"o\",\"Resetting\"]\n";

static void test_shell(void **state)
{
	struct buffer text = { 0 };
	struct twin_model *m = learned(shell_journal, shell_cast, &text);
	struct twin *t = twin_new(m, 1, 0);
	struct twin_answer answer = { .reply = TWIN_REPLY_NONE };
	char before[40];

	(void)state;
	assert_string_equal(printed(t, 500), "Password: ");
	assert_true(twin_wants_secret(t));
	twin_type(t, 600, "whatever\r", 9);
	assert_false(twin_wants_secret(t));
	assert_string_equal(printed(t, 1000), "# ");
	twin_type(t, 1100, "l", 1);
	assert_string_equal(printed(t, 1150), "l");
	twin_type(t, 1200, "s", 1);
	assert_string_equal(printed(t, 1250), "s");
	twin_type(t, 1300, "\r", 1);
	assert_string_equal(printed(t, 1400), "\r\nfile");
	twin_shell(t, 2000, "fix \"it\" ${x}", &answer);
	assert_int_equal(answer.reply, TWIN_REPLY_EXIT);
	assert_int_equal(answer.exit_status, 3);
	assert_int_equal(answer.after_ms, 600);
	assert_string_equal(buffer_text(&answer.out), "said\n");
	snprintf(before, sizeof(before), "%s", twin_boot_id(t));
	twin_break(t, 3000);
	twin_type(t, 3100, "b", 1);
	assert_null(twin_boot_id(t));
	assert_string_equal(printed(t, 3300), "Resetting");
	twin_tick(t, 4400);
	assert_non_null(twin_boot_id(t));
	assert_string_not_equal(twin_boot_id(t), before);
	buffer_release(&answer.out);
	buffer_release(&answer.errors);
	twin_free(t);
	twin_model_free(m);
	buffer_release(&text);
}

/* A record from before the bytes of keys were written down. */
static void test_names_of_keys(void **state)
{
	struct buffer text = { 0 };
	struct twin_model *m = learned(
		E(1000, "\"typed\",\"text\":\"Up*2 \\\"exit\\\" Enter\"") END(2000),
		CAST "[0.9,\"o\",\"menu\"]\n[1.5,\"o\",\"ok\"]\n", &text);
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	assert_string_equal(printed(t, 1000), "menu");
	twin_type(t, 1000, "\033[A\033[Aexit", 10);
	assert_string_equal(printed(t, 2000), "");
	twin_type(t, 2000, "\r", 1);
	assert_string_equal(printed(t, 2500), "ok");
	assert_non_null(strstr(buffer_text(&text), "; not expressed, at 0:01"));
	twin_free(t);
	twin_model_free(m);
	buffer_release(&text);
}

/* What looks like a var was typed by somebody, and is no var of the twin. */
static void test_typed_var(void **state)
{
	struct buffer text = { 0 };
	struct twin_model *m = learned(
		E(1000, "\"typed\",\"text\":\"\\\"echo ${x\\\" Enter\"") END(2000),
		CAST "[0.9,\"o\",\"$ \"]\n[1.5,\"o\",\"ok\"]\n", &text);
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	assert_string_equal(printed(t, 1000), "$ ");
	twin_type(t, 1000, "echo ${x\r", 9);
	assert_string_equal(printed(t, 2500), "ok");
	twin_free(t);
	twin_model_free(m);
	buffer_release(&text);
}

/* ---- hostile records --------------------------------------------------------------- */

static void test_hostile_output(void **state)
{
	static const char cast[] =
		CAST "[0.5,\"o\",\"\\\"]\\\\\\u001b]0;x\\u0007\\u009b${x}\\n"
		"[state evil]\\n; \\u202e\\u00e9 -> off\"]\n"
		"[0.6,\"m\",\"gap: \\u001b[2J\\n[twin]\"]\n";
	struct buffer text = { 0 };
	struct twin_model *m = learned(
		E(10, "\"state\",\"state\":\"a]\\n[state b\"")
		E(20, "\"note\",\"text\":\"x\"")
		E(30, "\"power-error\",\"text\":\"\\u001b[31m\\n[always]\"")
		E(40, "\"shell\",\"command\":\"a\\n\\\"b\\\\\"") END(1000),
		cast, &text);
	struct twin *t = twin_new(m, 1, 0);
	size_t i;

	(void)state;
	assert_string_equal(printed(t, 900), "");
	twin_free(t);
	for (i = 0; i < text.len; i++)
		assert_true(text.data[i] == '\n' || (text.data[i] >= ' ' &&
						     text.data[i] <= '~'));
	twin_model_free(m);
	buffer_clear(&text);
	m = learned(END(1000), cast, &text);
	t = twin_new(m, 1, 0);
	assert_string_equal(printed(t, 900),
			    "\"]\\\033]0;x\007\xc2\x9b${x}\n[state evil]\n; "
			    "\xe2\x80\xae\xc3\xa9 -> off");
	twin_free(t);
	twin_model_free(m);
	buffer_release(&text);
}

/* More at one time than a twin prints, and more than stands in a value. */
static void test_flood(void **state)
{
	struct buffer text = { 0 }, cast = { 0 };
	struct twin_model *m;
	struct twin *t;
	size_t len, got = 0;
	int i;

	(void)state;
	buffer_append_text(&cast, CAST "[0.5,\"o\",\"");
	for (i = 0; i < 60000; i++)
		buffer_append_text(&cast, "x\\n");
	buffer_append_text(&cast, "\"]\n");
	m = learned(END(1000), buffer_text(&cast), &text);
	t = twin_new(m, 1, 0);
	for (i = 0; i < 1500; i++) {
		twin_tick(t, i);
		twin_output(t, &len);
		got += len;
		twin_take_output(t);
	}
	assert_int_equal(got, 120000);
	twin_free(t);
	twin_model_free(m);
	buffer_release(&cast);
	buffer_release(&text);
}

/* ---- what is refused ------------------------------------------------------------------- */

static void refused(const char *run, const char *journal, const char *cast,
		    const char *why)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer text = { 0 };

	assert_int_equal(learn(run, journal, cast, &text, &err), -1);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" has no \"%s\"", err.text, why);
	assert_int_equal(text.len, 0);
	buffer_release(&text);
}

static void test_refused(void **state)
{
	(void)state;
	refused("{\"version\":1", END(1), CAST, "run.json: it is damaged");
	refused("[]", END(1), CAST, "run.json: it is damaged");
	refused("{\"version\":2}", END(1), CAST, "run.json: format version 2");
	refused("{\"verdict\":\"failed\"}", END(1), CAST, "no \"version\"");
	refused("{\"version\":1,\"verdict\":null}", END(1), CAST,
		"no verdict: it was killed, or is going on");
	refused("{\"version\":1,\"verdict\":\"unknown\",\"found_by\":\"r2\"}",
		END(1), CAST, "was killed");
	refused(RUN, E(5, "\"begin\""), CAST, "its last event is no verdict");
	refused(RUN, "", CAST, "its last event is no verdict");
	refused(RUN, E(5, "\"begin\"") "{\"version\":1,\"at", CAST,
		"journal.jsonl:2: the line is cut");
	refused(RUN, E(5, "\"begin\"") "nonsense\n" END(9), CAST,
		"journal.jsonl:2: the line is damaged");
	refused(RUN, "{\"version\":3,\"at_ms\":1,\"event\":\"x\"}\n", CAST,
		"journal.jsonl:1: format version 3");
	refused(RUN, E(5, "\"begin\"") END(1), CAST, "journal.jsonl:2: its time");
	refused(RUN, E(-5, "\"begin\"") END(1), CAST, "journal.jsonl:1: its time");
	refused(RUN, END(1), "", "console.cast: it is empty");
	refused(RUN, END(1), "{\"version\": 1}\n", "console.cast:1: ");
	refused(RUN, END(1), CAST "[0.5,\"o\"", "console.cast:2: the line is cut");
	refused(RUN, END(1), CAST "[0.5,\"o\"\n", "console.cast:2: damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_names_of_keys),
		cmocka_unit_test(test_typed_var),
		cmocka_unit_test(test_hostile_output),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
