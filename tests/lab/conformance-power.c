/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules for power. [counterpart] knows: truth (a command that prints on, off or
 * unknown), acts (one that counts the acts that reached it), cannot (acts that it
 * has not), person (acts are an instruction), blind, slow and see (commands: it
 * cannot tell its state, it answers too late, it is well again), boot (one that
 * prints the device of the next boot).
 */
#include "tests/lab/conformance.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

static int power_act(struct conf_instance *i, enum driver_act act, int64_t ms,
		     struct rh_error *err)
{
	return conf_driver->power->act(i->self, act, deadline_in(ms), err);
}

/* Asks until the state is that one; 10 s. */
static void power_reaches(struct conf_instance *i, enum driver_power wanted)
{
	enum driver_power state = DRIVER_POWER_UNKNOWN;
	struct rh_error err = RH_ERROR_INIT;
	int64_t deadline = deadline_in(10000);
	int rc;

	do {
		rc = conf_driver->power->query(i->self,
					       deadline_in(CONF_SOON_MS),
					       &state, &err);
		if (!conf_check_rc(rc, &err, "query") || state == wanted)
			return;
		poll(NULL, 0, 20);
	} while (deadline_now() < deadline);
	conf_check(false, "query says %s, and never %s",
		   driver_power_name(state), driver_power_name(wanted));
}

/* The act, then what the counterpart and then the driver say. */
static void power_switch(struct conf_instance *i, enum driver_act act,
			 enum driver_power wanted)
{
	struct rh_error err = RH_ERROR_INIT;

	if (conf_check_rc(power_act(i, act, CONF_SOON_MS, &err), &err,
			  driver_act_name(act)) &&
	    conf_until("truth", driver_power_name(wanted)))
		power_reaches(i, wanted);
}

/* Twice each: the second one finds what it wants. */
static void power_test_on_off(void)
{
	struct conf_instance i;

	conf_open(&i, NULL);
	power_switch(&i, DRIVER_ACT_OFF, DRIVER_POWER_OFF);
	power_switch(&i, DRIVER_ACT_OFF, DRIVER_POWER_OFF);
	power_switch(&i, DRIVER_ACT_ON, DRIVER_POWER_ON);
	power_switch(&i, DRIVER_ACT_ON, DRIVER_POWER_ON);
	conf_close(&i);
}

static void power_test_truth(void)
{
	const char *truth = conf_need("truth");
	struct buffer out = { 0 };
	struct conf_instance i;

	if (truth == NULL)
		return;
	conf_command(truth, &out);
	out.data[strcspn(buffer_text(&out), "\n")] = '\0';
	conf_open(&i, NULL);
	power_reaches(&i, strcmp(out.data, "on") == 0 ? DRIVER_POWER_ON :
			  strcmp(out.data, "off") == 0 ? DRIVER_POWER_OFF :
							 DRIVER_POWER_UNKNOWN);
	conf_close(&i);
	buffer_release(&out);
}

static void power_check_once(struct conf_instance *i, enum driver_act act)
{
	bool cannot = conf_says("cannot", driver_act_name(act));
	bool person = conf_word("person") != NULL;
	struct rh_error err = RH_ERROR_INIT;
	int before = conf_acts(), sent, rc;

	rc = power_act(i, act, CONF_SOON_MS, &err);
	sent = conf_acts() - before;
	if (cannot)
		conf_check(rc < 0 && err.code == RH_ERR_NOTSUP && sent == 0,
			   "%s: rc %d, %s: %s; sent %d times",
			   driver_act_name(act), rc, rh_code_name(err.code),
			   err.text, sent);
	else if (person)
		conf_check(rc < 0 && err.code == RH_ERR_NEEDS_HANDS,
			   "%s: rc %d, %s", driver_act_name(act), rc, err.text);
	else
		conf_check(rc == 0 && sent == 1, "%s: rc %d, %s; sent %d times",
			   driver_act_name(act), rc, err.text, sent);
	if (rc < 0)
		conf_check_error(&err, driver_act_name(act));
}

static void power_test_once(void)
{
	static const enum driver_act acts[] = {
		DRIVER_ACT_OFF, DRIVER_ACT_ON, DRIVER_ACT_RESET,
		DRIVER_ACT_CYCLE, DRIVER_ACT_DIAG, DRIVER_ACT_SOFT,
		DRIVER_ACT_ON,
	};
	struct conf_instance i;
	size_t n;

	if (conf_word("person") == NULL && conf_need("acts") == NULL)
		return;
	conf_open(&i, NULL);
	for (n = 0; n < sizeof(acts) / sizeof(acts[0]); n++) {
		power_check_once(&i, acts[n]);
		/* each but soft, which is a request, is done by then */
		if (conf_word("person") == NULL && acts[n] != DRIVER_ACT_SOFT)
			conf_until("truth", acts[n] == DRIVER_ACT_OFF ? "off" :
								       "on");
	}
	conf_close(&i);
}

static void power_test_no_such_act(void)
{
	static const int none[] = { DRIVER_ACT_NONE, DRIVER_ACT_DIAG + 1, -1,
				    4711 };
	struct rh_error err = RH_ERROR_INIT;
	int before = conf_acts(), rc;
	struct conf_instance i;
	size_t n;

	conf_open(&i, NULL);
	for (n = 0; n < sizeof(none) / sizeof(none[0]); n++) {
		rc = power_act(&i, (enum driver_act)none[n], CONF_SOON_MS,
			       &err);
		conf_check(rc < 0 && err.code == RH_ERR_NOTSUP,
			   "act %d: rc %d, %s: %s", none[n], rc,
			   rh_code_name(err.code), err.text);
	}
	conf_check(conf_acts() == before, "something was sent");
	conf_close(&i);
}

static void power_test_unknown(void)
{
	enum driver_power state = DRIVER_POWER_ON;
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;

	if (conf_need("blind") == NULL || !conf_do("blind"))
		return;
	conf_open(&i, NULL);
	conf_check_rc(conf_driver->power->query(i.self,
						deadline_in(CONF_SOON_MS),
						&state, &err), &err, "query");
	conf_check(state == DRIVER_POWER_UNKNOWN, "it says %s",
		   driver_power_name(state));
	conf_close(&i);
	conf_do("see");
}

/* Its answer comes too late: sent once, and nobody claims that it was not. */
static void power_test_slow(void)
{
	struct rh_error err = RH_ERROR_INIT;
	int64_t deadline;
	int before, sent, rc;
	struct conf_instance i;

	if (conf_need("slow") == NULL)
		return;
	conf_open(&i, NULL);
	power_reaches(&i, DRIVER_POWER_ON);
	conf_do("slow");
	before = conf_acts();
	deadline = deadline_in(2000);
	rc = conf_driver->power->act(i.self, DRIVER_ACT_OFF, deadline, &err);
	conf_check(deadline_now() - deadline <= CONF_SLACK_MS,
		   "it ends %lld ms late",
		   (long long)(deadline_now() - deadline));
	conf_do("see");
	power_reaches(&i, DRIVER_POWER_OFF);
	sent = conf_acts() - before;
	conf_check(sent <= 1, "sent %d times", sent);
	conf_check(rc < 0 && (err.code == RH_ERR_TIMEOUT ||
			      err.code == RH_ERR_LOST),
		   "it was done, and: rc %d, %s: %s", rc,
		   rh_code_name(err.code), err.text);
	power_switch(&i, DRIVER_ACT_ON, DRIVER_POWER_ON);
	conf_close(&i);
}

static void power_test_boot(void)
{
	struct rh_error err = RH_ERROR_INIT;
	enum driver_boot device;
	struct conf_instance i;
	int rc;

	if (conf_driver->power->boot == NULL) {
		conf_skip("power.boot is NULL");
		return;
	}
	conf_open(&i, NULL);
	for (device = DRIVER_BOOT_DISK; device <= DRIVER_BOOT_SETUP; device++) {
		rc = conf_driver->power->boot(i.self, device,
					      deadline_in(CONF_SOON_MS), &err);
		conf_check(rc == 0 || err.code == RH_ERR_NOTSUP ||
				   err.code == RH_ERR_PROTOCOL,
			   "%s: %s: %s", driver_boot_name(device),
			   rh_code_name(err.code), err.text);
		if (rc == 0 && conf_word("boot") != NULL)
			conf_until("boot", driver_boot_name(device));
	}
	conf_close(&i);
}

static void power_test_identify(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	int rc, on;

	if (conf_driver->power->identify == NULL) {
		conf_skip("power.identify is NULL");
		return;
	}
	conf_open(&i, NULL);
	for (on = 1; on >= 0; on--) {
		rc = conf_driver->power->identify(i.self, on != 0,
						  deadline_in(CONF_SOON_MS),
						  &err);
		conf_check(rc == 0 || err.code == RH_ERR_NOTSUP, "%s: %s: %s",
			   on ? "on" : "off", rh_code_name(err.code),
			   err.text);
	}
	conf_close(&i);
}

/* --- many together -------------------------------------------------------------- */

#define POWER_MANY 3		/* two that are well, one that is silent */
#define POWER_EACH_MS 1500

struct power_fleet {
	struct driver_fleet_answer answers[POWER_MANY];
	int told[POWER_MANY];
	int64_t at[POWER_MANY];
};

static bool power_fleet_take(void *context,
			     const struct driver_fleet_answer *answer)
{
	struct power_fleet *f = context;

	if (!conf_check(answer->index < POWER_MANY, "told of number %zu of %d",
			answer->index, POWER_MANY))
		return false;
	f->answers[answer->index] = *answer;
	f->told[answer->index]++;
	f->at[answer->index] = deadline_now();
	return true;
}

static void power_fleet_ask(const struct settings *const *settings,
			    int64_t deadline, struct power_fleet *f, int *ret_rc)
{
	const struct driver_fleet_ops *ops = conf_driver->fleet;
	struct rh_error err = RH_ERROR_INIT;
	void *self = memory_new(1, ops->size);

	if (conf_check_rc(ops->open(self, settings, POWER_MANY,
				    deadline_in(CONF_SOON_MS), &err),
			  &err, "fleet open"))
		*ret_rc = ops->query(self, POWER_EACH_MS, 0, deadline,
				     power_fleet_take, f, &err);
	ops->close(self);
	free(self);
}

/* The silent one is told last, in its time; the others are what query says. */
static void power_fleet_check(const struct power_fleet *f,
			      enum driver_power state, int64_t began)
{
	int n;

	for (n = 0; n < POWER_MANY; n++)
		conf_check(f->told[n] == 1, "told of number %d %d times", n,
			   f->told[n]);
	for (n = 0; n < 2; n++) {
		conf_check(f->answers[n].alone || f->answers[n].state == state,
			   "the fleet says %s, query %s",
			   driver_power_name(f->answers[n].state),
			   driver_power_name(state));
		conf_check(f->at[n] < f->at[2], "it waited for the silent one");
	}
	conf_check(f->answers[2].alone ||
		   f->answers[2].err.code == RH_ERR_UNREACHABLE ||
		   f->answers[2].err.code == RH_ERR_TIMEOUT,
		   "the silent one: %s", rh_code_name(f->answers[2].err.code));
	conf_check_error(&f->answers[2].err, "the silent one");
	conf_check(f->at[2] - began < POWER_EACH_MS + CONF_SLACK_MS,
		   "the silent one took %d ms", (int)(f->at[2] - began));
}

static void power_test_fleet(void)
{
	enum driver_power state = DRIVER_POWER_UNKNOWN;
	const struct settings *settings[POWER_MANY];
	struct power_fleet f = { .told = { 0 } };
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i, silent;
	int64_t began;
	int rc = -1;

	if (conf_driver->fleet == NULL || !conf_has_section("silent")) {
		conf_skip("fleet is NULL");
		return;
	}
	conf_open(&i, NULL);
	conf_open(&silent, "silent");
	settings[0] = settings[1] = i.settings;
	settings[2] = silent.settings;
	conf_check_rc(conf_driver->power->query(i.self,
						deadline_in(CONF_SOON_MS),
						&state, &err), &err, "query");
	power_fleet_ask(settings, deadline_now() - 1, &f, &rc);
	conf_check(rc == -1 && f.told[0] + f.told[1] + f.told[2] == 0,
		   "it asks though its deadline has passed");
	began = deadline_now();
	power_fleet_ask(settings, deadline_in(CONF_SOON_MS), &f, &rc);
	conf_check(rc == 0, "fleet query gives %d", rc);
	power_fleet_check(&f, state, began);
	conf_close(&silent);
	conf_close(&i);
}

const struct conf_rule conf_rules_power[] = {
	{ "query-says-what-is-true", CONF_POWER, power_test_truth },
	{ "query-that-cannot-tell-is-unknown", CONF_POWER, power_test_unknown },
	{ "on-and-off-are-idempotent", CONF_POWER, power_test_on_off },
	{ "act-is-sent-once-or-not-supported", CONF_POWER, power_test_once },
	{ "act-that-is-none-is-not-supported", CONF_POWER,
	  power_test_no_such_act },
	{ "act-with-a-late-answer-is-sent-once", CONF_POWER, power_test_slow },
	{ "boot-device-is-set-or-refused", CONF_POWER, power_test_boot },
	{ "identify-on-and-off", CONF_POWER, power_test_identify },
	{ "fleet-says-what-query-says", CONF_POWER, power_test_fleet },
	{ NULL, CONF_ANY, NULL },
};
