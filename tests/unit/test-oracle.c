/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle can complain: for each of its rules a machine, or a sequence, that
 * breaks it, and beside it the same without the fault, of which it says nothing.
 * The last test asks whether all rules were provoked. What the oracle lets go is
 * in test-oracle-knows.c.
 *
 * A machine that is broken in itself is the real one behind two functions that lie
 * (the linker's --wrap, Makefile.am).
 */
#include <stdlib.h>

#include "tests/unit/oracle-world.h"

/* ---- power --------------------------------------------------------------------------- */

static void test_unread(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	off(&f);
	later(&f, 6000);
	act(&f, DRIVER_ACT_ON);
	silent(&f);
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	done(&f, DRIVER_ACT_OFF);
	reading(&f, DRIVER_POWER_UNKNOWN);
	act(&f, DRIVER_ACT_ON);
	says(&f, ORACLE_ACT_UNREAD, "before the outcome");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	reading(&f, DRIVER_POWER_ON);
	act(&f, DRIVER_ACT_OFF);
	says(&f, ORACLE_ACT_IN_ACT, "while another act");
}

static void test_once(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_RESET);
	done(&f, DRIVER_ACT_RESET);
	reading(&f, DRIVER_POWER_ON);
	act(&f, DRIVER_ACT_RESET);
	says(&f, ORACLE_ACT_AGAIN, "power reset was sent twice");
	/* Refused is not done; the next step is another one. */
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_CYCLE);
	answer(&f, DRIVER_ACT_CYCLE, RH_ERR_BUSY);
	act(&f, DRIVER_ACT_CYCLE);
	done(&f, DRIVER_ACT_CYCLE);
	reading(&f, DRIVER_POWER_ON);
	event(&f, MACHINE_EVENT_POWER, "seen");
	act(&f, DRIVER_ACT_CYCLE);
	silent(&f);
}

static void test_again_and_again(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	begin(&f, "boot");
	evidence(&f);
	for (i = 0; i < 3; i++) {
		act(&f, DRIVER_ACT_OFF);
		answer(&f, DRIVER_ACT_OFF, RH_ERR_NONE);
		reading(&f, DRIVER_POWER_ON);
	}
	says(&f, ORACLE_ACT_AGAIN, "again and again");
	begin(&f, "boot");
	evidence(&f);
	for (i = 0; i < ORACLE_FORCE_MAX + 1; i++) {
		act(&f, DRIVER_ACT_RESET);
		answer(&f, DRIVER_ACT_RESET, RH_ERR_NONE);
		reading(&f, DRIVER_POWER_ON);
		event(&f, MACHINE_EVENT_POWER, "seen");
	}
	says(&f, ORACLE_CUTS, "goes round blindly");
}

static void test_min_off(void **state)
{
	static const int64_t waits[] = { 4900, 5000 };
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(&f, "boot");
		off(&f);
		later(&f, waits[i]);
		act(&f, DRIVER_ACT_ON);
		done(&f, DRIVER_ACT_ON);
		if (i == 0)
			says(&f, ORACLE_MIN_OFF, "min-off is 5000");
		else
			silent(&f);
	}
}

static void test_evidence_first(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	act(&f, DRIVER_ACT_OFF);
	says(&f, ORACLE_EVIDENCE, "before the evidence");
	begin(&f, "boot");
	action(&f, (struct machine_action){ .what = MACHINE_SHELL,
					    .force = "restart by shell" });
	says(&f, ORACLE_EVIDENCE, "before the evidence");
	begin(&f, "boot");
	f.w.machine_config.evidence = false;
	act(&f, DRIVER_ACT_OFF);
	silent(&f);
}

static void test_healthy_is_left_alone(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "up");
	off(&f);
	says(&f, ORACLE_TOUCHED, "that was healthy");
	begin(&f, "up");
	typed(&f, "x", 1);
	says(&f, ORACLE_TOUCHED, "that was healthy");
	begin(&f, "boot");
	typed(&f, "x", 1);
	silent(&f);
}

/* ---- the console ------------------------------------------------------------------------ */

static void test_typing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	f.w.attached = false;
	typed(&f, "x", 1);
	says(&f, ORACLE_KEYS_DETACHED, "not attached");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	typed(&f, "x", 1);
	says(&f, ORACLE_KEYS_IN_ACT, "in the middle of a power act");
	begin(&f, "boot");
	typed(&f, "a\0b", 3);
	says(&f, ORACLE_KEYS_NUL, "NUL");
	begin(&f, "boot");
	off(&f);
	later(&f, 3000);
	typed(&f, "x", 1);
	says(&f, ORACLE_KEYS_OFF, "a host that is off");
}

static void test_secrets(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "asks");
	secret(&f);
	silent(&f);
	begin(&f, "boot");
	secret(&f);
	says(&f, ORACLE_SECRET_UNASKED, "where nobody asks");
	begin(&f, "asks");
	secret(&f);
	later(&f, 500);
	secret(&f);
	says(&f, ORACLE_SECRET_TWICE, "twice at one prompt");
	begin(&f, "asks");
	event(&f, MACHINE_EVENT_TYPED, "typed " REHEARSAL_SECRET);
	says(&f, ORACLE_SECRET_TOLD, "in an event");
}

static void test_commands(void **state)
{
	struct fixture f;
	struct machine_action a = { .what = MACHINE_SHELL, .text = "x" };

	(void)state;
	begin(&f, "boot");
	action(&f, a);
	action(&f, a);
	says(&f, ORACLE_COMMAND_TWICE, "a command was run twice");
	begin(&f, "boot");
	action(&f, a);
	event(&f, MACHINE_EVENT_DONE, "x");
	action(&f, a);
	silent(&f);
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	action(&f, a);
	says(&f, ORACLE_COMMAND_IN_ACT, "in the middle of a power act");
	a.what = MACHINE_BREAK;
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	action(&f, a);
	says(&f, ORACLE_COMMAND_IN_ACT, "in the middle of a power act");
	begin(&f, "boot");
	f.w.attached = false;
	action(&f, a);
	says(&f, ORACLE_BREAK_DETACHED, "not attached");
	begin(&f, "boot");
	evidence(&f);
	a.force = "sysrq b";
	action(&f, a);
	action(&f, a);
	says(&f, ORACLE_COMMAND_TWICE, "a break was sent twice");
}

/* ---- the end ----------------------------------------------------------------------------- */

static void test_recovered(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "up");
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "was healthy");
	silent(&f);
	begin(&f, "up");
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "");
	says(&f, ORACLE_NO_PROOF, "without a word of proof");
	begin(&f, "boot");
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "saw it");
	says(&f, ORACLE_NOT_HEALTHY, "the host is not healthy");
	begin(&f, "up");
	twin_power(f.w.t, f.w.now, DRIVER_ACT_OFF);
	later(&f, ORACLE_HEALTHY_MS + 1);
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "saw it");
	says(&f, ORACLE_NOT_HEALTHY, "the host is not healthy");
}

static void test_honest(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_NEEDS_HANDS, RH_ERR_NONE, "log in at it");
	says(&f, ORACLE_LEFT_OFF, "not a word that the host is off");
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_NEEDS_HANDS, RH_ERR_NONE, "it is off: look");
	silent(&f);
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_UNKNOWN, RH_ERR_NONE, "who knows; it may be off");
	silent(&f);
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_UNKNOWN, RH_ERR_NONE, "its office offers nothing");
	says(&f, ORACLE_LEFT_OFF, "not a word that the host is off");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_RESET);
	done(&f, DRIVER_ACT_RESET);
	verdict(&f, VERDICT_FAILED, RH_ERR_TIMEOUT, "no answer");
	says(&f, ORACLE_FAILED_UNREAD, "was never read");
}

static void test_deadlines(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	later(&f, 600001);
	verdict(&f, VERDICT_FAILED, RH_ERR_TIMEOUT, "the deadline came");
	says(&f, ORACLE_LATE, "1 ms after the deadline");
	begin(&f, "boot");
	action(&f, (struct machine_action){ .what = MACHINE_CHECK,
					    .deadline = f.w.now + 600001 });
	says(&f, ORACLE_LONG_ACTION, "longer than the run");
	begin(&f, "boot");
	action(&f, (struct machine_action){ .what = MACHINE_CHECK,
					    .deadline = f.w.now - 1 });
	says(&f, ORACLE_PAST_ACTION, "that is past");
}

/* ---- bad sequences, through the machine ----------------------------------------------------- */

#define HEAD "[sequence]\nsummary = s\nneeds = power console\n" \
	     "deadline = 20m\nstart = a\n"

static const char bad_twin[] =
	"[twin]\nstart = hung\non = boot\noff = off\n"
	"[state hung]\n[state off]\npower = off\n"
	"[state boot]\ndo = print \"Linux version 6\\r\\n\", wait 20s\n"
	"     print \"Password: \"\nthen = up\non sysrq = b -> boot\n"
	"[state up]\nhealthy = yes\nopen = 80\ndo = print \"\\r\\nlogin: \"\n";

static const struct {
	const char *sequence;
	enum oracle_rule rule;
	const char *words;
} bad[] = {
	{ HEAD "[state a]\ndo = power cycle, wait 1s\nthen = recovered\n",
	  ORACLE_NOT_HEALTHY, "recovered, but the host is not healthy" },
	{ HEAD "[state a]\ndo = power cycle\nthen = b\n[state b]\n"
	       "timeout = 5m -> failed \"x\"\n"
	       "on = /Linux version/ -> recovered\n",
	  ORACLE_NOT_HEALTHY, "recovered, but the host is not healthy" },
	{ HEAD "[state a]\ndo = power reset\nthen = b\n[state b]\n"
	       "timeout = 10s -> a\n",
	  ORACLE_CUTS, "goes round blindly" },
	{ HEAD "[state a]\ndo = power cycle\nthen = b\n[state b]\n"
	       "timeout = 10m -> failed \"x\"\n"
	       "on idle = 1s max 50 : sysrq b\n",
	  ORACLE_CUTS, "goes round blindly" },
	{ HEAD "[state a]\ndo = power cycle\nthen = b\n[state b]\n"
	       "timeout = 5m -> failed \"x\"\n"
	       "on = /login: $/ : secret root -> failed \"y\"\n",
	  ORACLE_SECRET_UNASKED, "a secret was typed in state \"up\"" },
	{ HEAD "[state a]\ndo = power off\nthen = b\n[state b]\n"
	       "timeout = 10s -> failed \"off\"\n"
	       "on idle = 5s : key Enter\n",
	  ORACLE_KEYS_OFF, "typed to a host that is off" },
};

static const struct rehearsal_config plain = {
	.start = -1,
	.machine = { .terminal = KEYS_VT100, .enter = "\r", .key_delay_ms = 20,
		     .power_ways = 1, .has_console = true, .min_off_ms = 5000,
		     .confirm_ms = 60000, .evidence = true },
};

static void test_bad_sequences(void **state)
{
	struct rehearsal_config config = plain;
	struct twin_model *m = model_of(bad_twin);
	struct rehearsal_result result;
	struct sequence *s;
	struct rehearsal *r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = sequence_of(bad[i].sequence);
		config.sequence = s;
		config.twin = m;
		r = rehearsal_new(&config);
		rehearsal_run(r, 1, &result);
		if (result.rule != bad[i].rule ||
		    strstr(result.complaint, bad[i].words) == NULL)
			fail_msg("%zu: \"%s\"; %s %s", i, result.complaint,
				 verdict_name(result.verdict), result.reason);
		rehearsal_free(r);
		sequence_free(s);
	}
	/* The last look: what a person has to know is said without being asked. */
	s = sequence_of(HEAD "[state a]\ndo = power off\n"
			     "then = failed \"it offers nothing\"\n");
	config.sequence = s;
	r = rehearsal_new(&config);
	rehearsal_run(r, 1, &result);
	assert_string_equal(result.complaint, "");
	assert_string_equal(result.reason, "it offers nothing; its power is off "
					   "now: switch it on");
	rehearsal_free(r);
	sequence_free(s);
	twin_model_free(m);
}

/* ---- machines that are broken --------------------------------------------------------------- */

/* What the machine of this test does wrong. */
static enum {
	MACHINE_GOOD = 0,
	GOES_ON,	/* says something behind its end */
	WAITS_FOR_EVER,	/* has nothing due, not even the deadline */
	WAITS_TOO_LONG,	/* ... or later than that */
	IS_ALWAYS_DUE,	/* has something due at once, and does nothing */
} broken;

void __real_machine_next(struct machine *m, struct machine_action *ret);
void __wrap_machine_next(struct machine *m, struct machine_action *ret);
int64_t __real_machine_deadline(const struct machine *m);
int64_t __wrap_machine_deadline(const struct machine *m);

void __wrap_machine_next(struct machine *m, struct machine_action *ret)
{
	static bool ended;

	__real_machine_next(m, ret);
	if (broken == GOES_ON && ended && ret->what == MACHINE_NONE) {
		ret->what = MACHINE_EVENT;
		ret->event = MACHINE_EVENT_NOTE;
	}
	ended = ret->what == MACHINE_END;
}

int64_t __wrap_machine_deadline(const struct machine *m)
{
	int64_t due = __real_machine_deadline(m);

	if (broken == WAITS_FOR_EVER)
		return DEADLINE_NEVER;
	if (broken == WAITS_TOO_LONG)
		return WORLD_BEGIN + 20 * 60000 + 1001;
	if (broken == IS_ALWAYS_DUE && machine_state_name(m)[0] != '\0')
		return WORLD_BEGIN;
	return due;
}

/* A sequence that waits, at a host that says nothing. */
static void breaks(int how, enum oracle_rule rule, const char *words)
{
	static const char text[] = HEAD "[state a]\n"
					"timeout = 1m -> failed \"over\"\n";
	struct rehearsal_config config = plain;
	struct twin_model *m = model_of(bad_twin);
	struct sequence *s = sequence_of(text);
	struct rehearsal_result result;
	struct rehearsal *r;

	config.sequence = s;
	config.twin = m;
	r = rehearsal_new(&config);
	broken = how;
	rehearsal_run(r, 1, &result);
	broken = MACHINE_GOOD;
	if (result.rule != rule || strstr(result.complaint, words) == NULL)
		fail_msg("\"%s\"; %s %s", result.complaint,
			 verdict_name(result.verdict), result.reason);
	provoked[result.rule] = true;
	rehearsal_free(r);
	sequence_free(s);
	twin_model_free(m);
}

static void test_broken_machines(void **state)
{
	(void)state;
	breaks(MACHINE_GOOD, ORACLE_NONE, "");
	breaks(GOES_ON, ORACLE_BEHIND_END, "something came behind the end");
	breaks(WAITS_FOR_EVER, ORACLE_STANDS_STILL, "it stands still in state \"a\"");
	breaks(WAITS_TOO_LONG, ORACLE_STANDS_STILL, "it stands still in state \"a\"");
	breaks(IS_ALWAYS_DUE, ORACLE_CIRCLE, "it goes round in a circle in state \"a\"");
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* How often the oracle complains in a file of its room. */
static int complaints_in(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], line[512];
	int count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/agent/twin/%s",
		 srcdir != NULL ? srcdir : ".", name);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		count += strstr(line, "\toracle_complain(") != NULL;
	fclose(f);
	return count;
}

/*
 * Stands last: what no test above has provoked is a rule that may be broken. Each
 * complaint has a rule of its own.
 */
static void test_each_rule_was_provoked(void **state)
{
	int rule;

	(void)state;
	assert_int_equal(complaints_in("oracle.c") + complaints_in("rehearsal.c"),
			 ORACLE_COUNT - 1);
	for (rule = ORACLE_NONE; rule < ORACLE_COUNT; rule++) {
		if (!provoked[rule])
			fail_msg("no test provokes rule %d of oracle.h", rule);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_min_off),
		cmocka_unit_test(test_evidence_first),
		cmocka_unit_test(test_healthy_is_left_alone),
		cmocka_unit_test(test_typing),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_recovered),
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_bad_sequences),
		cmocka_unit_test(test_broken_machines),
		cmocka_unit_test(test_each_rule_was_provoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
