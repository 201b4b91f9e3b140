/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hand that asks many, and the survey's side of it: each is told once. */
#include "tests/unit/hand-brain.h"

#include <assert.h>

#include "agent/run/survey-fleet.h"

#define MANY 3

/* What the fake says, in this order; a fork takes it along. */
static struct driver_fleet_answer says[MANY];
static size_t say_count;
static bool die;

static int fake_fleet_open(void *self, const struct settings *const *settings,
			   size_t count, int64_t deadline, struct rh_error *err)
{
	(void)self;
	(void)settings;
	(void)deadline;
	(void)err;
	assert(count == MANY);
	return 0;
}

static void fake_fleet_close(void *self)
{
	(void)self;
}

static int fake_fleet_query(void *self, int64_t each_ms, int at_once,
			    int64_t deadline,
			    bool (*take)(void *context,
					 const struct driver_fleet_answer *answer),
			    void *context, struct rh_error *err)
{
	size_t i;

	(void)self;
	(void)deadline;
	(void)err;
	assert(each_ms == 500 && at_once == 7);
	for (i = 0; i < say_count; i++) {
		if (!take(context, &says[i]))
			return 0;
	}
	if (die)
		raise(SIGSEGV);
	return 0;
}

static const struct driver_fleet_ops fake_fleet = {
	.size = 16, .open = fake_fleet_open, .close = fake_fleet_close,
	.query = fake_fleet_query,
};

static int fake_open(void *self, const struct settings *settings,
		     int64_t deadline, struct rh_error *err)
{
	(void)self;
	(void)settings;
	(void)deadline;
	(void)err;
	return 0;
}

static void fake_close(void *self)
{
	(void)self;
}

static const struct driver fake_driver = {
	.name = "fake", .size = 16, .open = fake_open, .close = fake_close,
	.fleet = &fake_fleet,
};

static int setup(void **state)
{
	(void)state;
	die = false;
	say_count = MANY;
	says[0] = (struct driver_fleet_answer){ .index = 2,
						.state = DRIVER_POWER_ON };
	says[1] = (struct driver_fleet_answer){ .index = 0, .alone = true };
	says[2] = (struct driver_fleet_answer){ .index = 1 };
	rh_error_set(&says[2].err, RH_ERR_UNREACHABLE, "no answer");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_no_child();
	return 0;
}

/* --- the hand ------------------------------------------------------------------ */

static const struct settings *const no_settings[MANY];

static struct hand *start(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct hand *h = hand_start_fleet("fleet/power", &fake_driver,
					  no_settings, MANY, 7, &err);

	assert_non_null(h);
	return h;
}

static void test_each_is_told(void **state)
{
	struct hand *h = start();
	struct hand_event e;

	(void)state;
	brain_ask(h, HAND_OP_QUERY_ALL, 500, deadline_in(SOON_MS));
	brain_until(h, HAND_STATE, &e);
	assert_int_equal(e.index, 2);
	assert_int_equal(e.state, DRIVER_POWER_ON);
	brain_until(h, HAND_STATE, &e);
	assert_int_equal(e.index, 0);
	assert_true(e.alone);
	brain_until(h, HAND_STATE, &e);
	assert_int_equal(e.index, 1);
	assert_int_equal(e.err.code, RH_ERR_UNREACHABLE);
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_NONE);
	hand_free(h);
}

static void test_nothing_else_can_be_asked(void **state)
{
	struct hand *h = start();

	(void)state;
	assert_int_equal(brain_do(h, HAND_OP_QUERY, 0).err.code, RH_ERR_NOTSUP);
	hand_free(h);
	h = brain_start(&fake_driver);
	assert_int_equal(brain_do(h, HAND_OP_QUERY_ALL, 500).err.code,
			 RH_ERR_NOTSUP);
	hand_free(h);
}

static void test_one_that_there_is_not_is_a_lie(void **state)
{
	struct hand *h;
	struct hand_event e;

	(void)state;
	says[1].index = MANY;
	h = start();
	brain_ask(h, HAND_OP_QUERY_ALL, 500, deadline_in(SOON_MS));
	brain_until(h, HAND_DONE, &e);
	assert_int_equal(e.err.code, RH_ERR_PROTOCOL);
	brain_until(h, HAND_ENDED, &e);
	hand_free(h);
}

/* --- the survey's side ------------------------------------------------------------ */

static struct way ways[MANY + 1];
static struct host people[MANY + 1];

/* The second of four has another driver. */
static void begin(struct survey_fleet *f)
{
	static const struct driver other = { .name = "other" };
	const struct host *hosts[MANY + 1];
	size_t i;

	for (i = 0; i <= MANY; i++) {
		ways[i] = (struct way){ .capability = WAY_POWER,
					.driver = i == 1 ? &other :
							   &fake_driver };
		people[i] = (struct host){ .ways = &ways[i], .way_count = 1 };
		hosts[i] = &people[i];
	}
	survey_fleet_begin(f, hosts, MANY + 1, 7, 500);
}

/* Waits for the next; the host's number, or -1: no more. */
static int next(struct survey_fleet *f, bool *alone, struct survey_answer *a)
{
	int64_t until = deadline_in(SOON_MS);
	struct pollfd p = { .events = POLLIN };
	size_t host;

	while (!survey_fleet_next(f, &host, alone, a)) {
		if (f->hand == NULL)
			return -1;
		assert_true(deadline_now() < until);
		p.fd = hand_fd(f->hand);
		poll(&p, 1, 100);
		hand_tick(f->hand, deadline_now());
	}
	return (int)host;
}

static void test_survey(void **state)
{
	struct survey_fleet f = { 0 };
	struct survey_answer a = { 0 };
	bool alone;

	(void)state;
	begin(&f);
	assert_true(survey_fleet_has(&f, 0) && !survey_fleet_has(&f, 1));
	assert_true(survey_fleet_has(&f, 3) && !survey_fleet_has(&f, 4));
	assert_int_equal(next(&f, &alone, &a), 3);
	assert_true(!alone && a.state == DRIVER_POWER_ON);
	assert_int_equal(next(&f, &alone, &a), 0);
	assert_true(alone);
	assert_int_equal(next(&f, &alone, &a), 2);
	assert_true(!alone && a.err.code == RH_ERR_UNREACHABLE);
	assert_int_equal(next(&f, &alone, &a), -1);
	survey_fleet_release(&f);
}

/* Who was not told of is asked alone, and nobody twice. */
static void test_survey_of_a_hand_that_dies(void **state)
{
	struct survey_fleet f = { 0 };
	struct survey_answer a = { 0 };
	bool alone;

	(void)state;
	die = true;
	say_count = 1;
	begin(&f);
	assert_int_equal(next(&f, &alone, &a), 3);
	assert_false(alone);
	assert_int_equal(next(&f, &alone, &a), 0);
	assert_true(alone);
	assert_int_equal(next(&f, &alone, &a), 2);
	assert_true(alone);
	assert_int_equal(next(&f, &alone, &a), -1);
	survey_fleet_release(&f);
}

#define FLEET_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLEET_TEST(test_each_is_told),
		FLEET_TEST(test_nothing_else_can_be_asked),
		FLEET_TEST(test_one_that_there_is_not_is_a_lie),
		FLEET_TEST(test_survey),
		FLEET_TEST(test_survey_of_a_hand_that_dies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
