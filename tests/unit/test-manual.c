/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A person as a way to power: the words that are said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"

static struct settings *settings;
static void *self;
static struct rh_error err;

static int setup(void **state)
{
	const struct option *tables[] = { driver_manual.options, NULL };

	(void)state;
	rh_error_clear(&err);
	settings = settings_new(tables);
	self = memory_new(1, driver_manual.size);
	settings_set(settings, "place", "rack 3, unit 12", &err);
	settings_set(settings, "box", "ldap1", &err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_manual.close(self);
	free(self);
	settings_free(settings);
	return 0;
}

static void open_well(void)
{
	if (driver_manual.open(self, settings, DEADLINE_NEVER, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_says(enum driver_act act, enum rh_code code,
			const char *text)
{
	assert_int_equal(driver_manual.power->act(self, act, DEADLINE_NEVER,
						  &err), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, text);
}

static void test_plug(void **state)
{
	(void)state;
	settings_set(settings, "plug", "B7", &err);
	settings_set(settings, "contact", "porter, 4711", &err);
	open_well();
	assert_says(DRIVER_ACT_CYCLE, RH_ERR_NEEDS_HANDS,
		    "go to rack 3, unit 12, box \"ldap1\": pull plug B7, wait "
		    "10s, put it back and see that it starts (porter, 4711)");
	assert_says(DRIVER_ACT_OFF, RH_ERR_NEEDS_HANDS,
		    "go to rack 3, unit 12, box \"ldap1\": pull plug B7 and "
		    "leave it out (porter, 4711)");
	assert_says(DRIVER_ACT_DIAG, RH_ERR_NOTSUP,
		    "a person at the rack cannot do: diag");
}

static void test_button(void **state)
{
	(void)state;
	settings_set(settings, "off-time", "1m", &err);
	open_well();
	assert_says(DRIVER_ACT_CYCLE, RH_ERR_NEEDS_HANDS,
		    "go to rack 3, unit 12, box \"ldap1\": hold the power "
		    "button until it is off, wait 1m, press it once and see that "
		    "it starts");
}

static void test_query(void **state)
{
	enum driver_power power = DRIVER_POWER_ON;

	(void)state;
	open_well();
	assert_int_equal(driver_manual.power->query(self, DEADLINE_NEVER,
						    &power, &err), 0);
	assert_int_equal(power, DRIVER_POWER_UNKNOWN);
}

static void test_long_text(void **state)
{
	char text[100];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	settings_set(settings, "plug", text, &err);
	assert_int_equal(driver_manual.open(self, settings, DEADLINE_NEVER,
					    &err), -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
}

static void test_doctor(void **state)
{
	struct buffer text = { 0 };

	(void)state;
	open_well();
	assert_int_equal(driver_manual.doctor->look(self, 0, DEADLINE_NEVER,
						    &text, &err), 0);
	assert_non_null(strstr(buffer_text(&text), "note\tperson\twould be "
			       "told: go to rack 3"));
	assert_non_null(strstr(buffer_text(&text), "\nnote\tcontact\t"));
	buffer_release(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plug), TEST(test_button), TEST(test_query),
		TEST(test_long_text), TEST(test_doctor),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
