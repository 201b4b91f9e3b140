/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twins: how one lives, that the ticks in between change nothing, and what is
 * said of a file that is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/twin.h"
#include "base/deadline.h"

static struct twin_model *parse(const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("t.ini", text, strlen(text), &problems);
	struct twin_model *model = twin_model_parse(ini, "t", NULL, &problems);

	if (model == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	problems_release(&problems);
	return model;
}

/* What was printed since the last look. */
static const char *printed(struct twin *t)
{
	static char text[4096];
	size_t len;
	const char *out = twin_output(t, &len);

	assert_true(len < sizeof(text));
	memcpy(text, out, len);
	text[len] = '\0';
	twin_take_output(t);
	return text;
}

#define TWIN "[twin]\nstart = off\non = post\noff = off\nspeed = 9600\n" \
	     "[state off]\npower = off\n"

/* ---- a life --------------------------------------------------------------------- */

static const char life[] =
	TWIN
	"[port 389]\nanswer = \"hi\"\n"
	"[state post]\ndo = print \"BIOS\\r\\n\", wait 1s\n"
	"   print \"Press F1\"\non = \"\\eOP\" -> up\ntimeout = 10s -> stuck\n"
	"[state stuck]\ndo = print \"stuck\"\n"
	"[state up]\nboots = yes\nssh = yes\nopen = 22, 389\nhealthy = yes\n"
	"echo = yes\ndo = print \"login: \"\n"
	"on = /root\\r/ max 1 : wait 1s, print \"Password: \"\n"
	"on shell = /^reboot/ : drop -> post\n"
	"on shell = \"start\" : wait 2s, say \"done\\n\", complain \"late\\n\", exit 3\n"
	"on sysrq = b : print \"sysrq: Resetting\\r\\n\" -> post\n";

static void test_life(void **state)
{
	struct twin_model *m = parse(life);
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	twin_tick(t, 5000);
	assert_false(twin_is_on(t));
	assert_string_equal(printed(t), "");
	twin_power(t, 5000, DRIVER_ACT_ON);
	assert_true(twin_is_on(t));
	assert_null(twin_boot_id(t));
	twin_tick(t, 5500);
	assert_string_equal(printed(t), "BIOS\r\n");
	twin_tick(t, 7000);
	assert_string_equal(printed(t), "Press F1");
	twin_type(t, 8000, "x\033O", 3);
	assert_string_equal(twin_state_name(t), "post");
	twin_type(t, 8100, "P", 1);
	assert_string_equal(twin_state_name(t), "up");
	assert_true(twin_is_healthy(t));
	assert_true(twin_port_is_open(t, 389));
	assert_false(twin_port_is_open(t, 390));
	assert_int_equal(twin_model_port(m, 389)->answer_len, 2);
	assert_int_equal(twin_boots(t), 1);
	twin_type(t, 9000, "root\r", 5);
	twin_tick(t, 10500);
	assert_string_equal(printed(t), "login: root\r\nPassword: ");
	twin_free(t);
	twin_model_free(m);
}

static void test_timeout_and_pace(void **state)
{
	struct twin_model *m = parse(life);
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	twin_power(t, 0, DRIVER_ACT_ON);
	twin_tick(t, 9999);
	assert_string_equal(twin_state_name(t), "post");
	twin_tick(t, 10000);
	assert_string_equal(twin_state_name(t), "stuck");
	twin_power(t, 11000, DRIVER_ACT_CYCLE);
	assert_false(twin_is_on(t));
	twin_tick(t, 12000);
	assert_true(twin_is_on(t));
	twin_power(t, 12500, DRIVER_ACT_OFF);
	assert_false(twin_is_on(t));
	twin_type(t, 12600, "\033OP", 3);
	assert_string_equal(twin_state_name(t), "off");
	twin_free(t);
	twin_model_free(m);
}

static void test_shell(void **state)
{
	struct twin_model *m = parse(life);
	struct twin *t = twin_new(m, 1, 0);
	struct twin_answer a = { 0 };
	char before[64];

	(void)state;
	twin_shell(t, 0, "true", &a);
	assert_int_equal(a.reply, TWIN_REPLY_REFUSED);
	twin_power(t, 0, DRIVER_ACT_ON);
	twin_type(t, 5000, "\033OP", 3);
	twin_shell(t, 6000, "true", &a);
	assert_int_equal(a.reply, TWIN_REPLY_EXIT);
	assert_int_equal(a.exit_status, 0);
	twin_shell(t, 6000, "start", &a);
	assert_int_equal(a.exit_status, 3);
	assert_int_equal(a.after_ms, 2000);
	assert_string_equal(buffer_text(&a.out), "done\n");
	assert_string_equal(buffer_text(&a.errors), "late\n");
	twin_shell(t, 6000, "what", &a);
	assert_int_equal(a.exit_status, 127);
	snprintf(before, sizeof(before), "%s", twin_boot_id(t));
	twin_shell(t, 6000, "reboot now", &a);
	assert_int_equal(a.reply, TWIN_REPLY_DROPPED);
	assert_string_equal(twin_state_name(t), "post");
	twin_type(t, 9000, "\033OP", 3);
	assert_int_equal(twin_boots(t), 2);
	assert_string_not_equal(twin_boot_id(t), before);
	buffer_release(&a.out);
	buffer_release(&a.errors);
	twin_free(t);
	twin_model_free(m);
}

static void test_sysrq(void **state)
{
	struct twin_model *m = parse(life);
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	twin_power(t, 0, DRIVER_ACT_ON);
	twin_type(t, 5000, "\033OP", 3);
	twin_type(t, 6000, "b", 1);
	assert_string_equal(twin_state_name(t), "up");
	twin_break(t, 7000);
	twin_type(t, 7100, "b", 1);
	twin_tick(t, 7200);
	assert_string_equal(twin_state_name(t), "post");
	twin_free(t);
	twin_model_free(m);
}

/* ---- chance and ticks ----------------------------------------------------------------- */

static const char chance[] =
	TWIN "[state post]\ndo = print \"a long line of the firmware, longer "
	"than a piece of the line is, and then some\\r\\n\", wait 1s to 9s\n"
	"then = post*3 or up or off\n[state up]\necho = yes\n"
	"do = print \"up \", wait 10ms to 20ms\nthen = up*9 or post\n"
	"on = /x/ : wait 5ms to 50ms, print \"X\" -> post or up\n";

/* The same inputs, ticked at every n-th ms: one and the same life. */
static void live(const struct twin_model *m, uint64_t seed, int every,
		 struct buffer *ret)
{
	struct twin *t = twin_new(m, seed, 0);
	const char *out;
	size_t len;
	int64_t now;

	for (now = 0; now < 60000; now++) {
		if (now % 7000 == 0)
			twin_power(t, now, DRIVER_ACT_ON);
		if (now % 311 == 0)
			twin_type(t, now, "xy", 2);
		if (now % every == 0)
			twin_tick(t, now);
	}
	twin_tick(t, now);
	out = twin_output(t, &len);
	buffer_append(ret, out, len);
	buffer_append_text(ret, twin_state_name(t));
	twin_free(t);
}

/* Each manner in which a person writes it. */
static void test_break(void **state)
{
	static const char *const rules[] = {
		"on break = : print \"ok\" -> up", "on break : print \"ok\" -> up",
		"on break = print \"ok\" -> up",
		"on break = max 1 : print \"ok\" -> up",
	};
	char text[512];
	struct twin_model *m;
	struct twin *t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		snprintf(text, sizeof(text), TWIN "[state post]\n%s\n"
			 "[state up]\nhealthy = yes\n", rules[i]);
		m = parse(text);
		t = twin_new(m, 1, 0);
		twin_power(t, 0, DRIVER_ACT_ON);
		twin_tick(t, 10);
		twin_break(t, 20);
		twin_tick(t, 100);
		assert_string_equal(printed(t), "ok");
		twin_free(t);
		twin_model_free(m);
	}
}

static void test_ticks_change_nothing(void **state)
{
	static const int every[] = { 1, 7, 100, 100000 };
	struct twin_model *m = parse(chance);
	struct buffer first = { 0 }, other = { 0 }, last = { 0 };
	uint64_t seed;
	size_t i;
	int differ = 0;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		buffer_clear(&first);
		live(m, seed, 13, &first);
		for (i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
			buffer_clear(&other);
			live(m, seed, every[i], &other);
			assert_string_equal(buffer_text(&first),
					    buffer_text(&other));
		}
		differ += strcmp(buffer_text(&first), buffer_text(&last)) != 0;
		buffer_clear(&last);
		buffer_append(&last, first.data, first.len);
	}
	assert_true(differ > 15);
	buffer_release(&first);
	buffer_release(&other);
	buffer_release(&last);
	twin_model_free(m);
}

/* A circle without time in it stands still and does not hang us. */
static void test_circle(void **state)
{
	struct twin_model *m = parse(TWIN "[state post]\nthen = b\n"
					  "[state b]\nthen = post\n");
	struct twin *t = twin_new(m, 1, 0);

	(void)state;
	twin_power(t, 0, DRIVER_ACT_ON);
	twin_tick(t, 1000);
	twin_power(t, 2000, DRIVER_ACT_OFF);
	assert_false(twin_is_on(t));
	twin_free(t);
	twin_model_free(m);
}

/* ---- files that are wrong ----------------------------------------------------------------- */

static const struct {
	const char *text;
	int line;
	const char *words;
} wrong[] = {
	{ "[state a]\n", 0, "a twin needs a section [twin]" },
	{ "[twin]\nstart = a\non = a\n[state a]\n", 1,
	  "[twin] needs \"off = STATE\"" },
	{ TWIN "[state post]\nthen = opst\n", 9, "did you mean \"post\"" },
	{ TWIN "[state post]\ndo = prnt \"x\"\n", 9, "did you mean \"print\"" },
	{ TWIN "[state post]\ndo = say \"x\"\n", 9, "behind `on shell`" },
	{ TWIN "[state post]\nthen = post*0\n", 9, "a weight is from 1 to 1000" },
	{ TWIN "[state post]\ndo = wait 2s to 1s\n", 9, "longer than the first" },
	{ TWIN "[state post]\nhealty = yes\n", 9, "did you mean \"healthy\"" },
	{ TWIN "[state post]\non power up = -> off\n", 9, "unknown key" },
	{ TWIN "[state post]\non power = up -> off\n", 9, "expected on, off" },
	{ TWIN "[state post]\nopen = 70000\n", 9, "1 to 65535" },
	{ TWIN "[state post]\n[state post]\n", 9, "stands twice" },
	{ TWIN "[state post]\n[port x]\n", 9, "[port N]" },
	{ TWIN "[state post]\non = /x/ print \"y\"\n", 9,
	  "actions behind a colon, a target behind ->" },
	{ TWIN "[state post]\non break = -> off, off\n", 9, "nothing more" },
};

static void test_wrong(void **state)
{
	struct problems problems;
	struct ini *ini;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(&problems, 0, sizeof(problems));
		ini = ini_read("t.ini", wrong[i].text, strlen(wrong[i].text),
			       &problems);
		assert_null(twin_model_parse(ini, "t", NULL, &problems));
		for (k = 0; k < problems.count; k++) {
			if (problems.list[k].line == wrong[i].line &&
			    strstr(problems.list[k].text, wrong[i].words))
				break;
		}
		if (k == problems.count)
			fail_msg("%zu: line %d: %s", i, problems.list[0].line,
				 problems.list[0].text);
		ini_free(ini);
		problems_release(&problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_timeout_and_pace),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_sysrq),
		cmocka_unit_test(test_break),
		cmocka_unit_test(test_ticks_change_nothing),
		cmocka_unit_test(test_circle),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
