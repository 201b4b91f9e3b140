/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle can complain: for each of its rules a machine, or a sequence, that
 * breaks it, and beside it the same without the fault, of which it says nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/twin/oracle.h"
#include "agent/twin/world.h"
#include "base/deadline.h"

static const char twin_text[] =
	"[twin]\nstart = up\non = boot\noff = off\n"
	"[state off]\npower = off\n"
	"[state boot]\ndo = print \"Linux version 6\\r\\n\", wait 20s\nthen = up\n"
	"[state up]\nhealthy = yes\necho = yes\nopen = 80\n"
	"do = print \"login: \"\n"
	"[state asks]\nsecret = yes\ndo = print \"Password: \"\n";

static const char sequence_text[] =
	"[sequence]\nsummary = s\nneeds = power console\nstart = a\n"
	"healthy = check tcp 80\n[state a]\ntimeout = 1m -> failed \"x\"\n";

/* ---- a world by hand -------------------------------------------------------------- */

struct fixture {
	struct twin_model *model;
	struct sequence *sequence;
	struct rehearsal_config config;
	struct world w;
	struct oracle o;
	char complaint[300];
	uint32_t id;
};

static struct ini *ini_of(const char *name, const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read(name, text, strlen(text), &problems);

	assert_int_equal(problems.errors, 0);
	problems_release(&problems);
	return ini;
}

static struct sequence *sequence_of(const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_of("s.ini", text);
	struct sequence *s = sequence_parse(ini, "s", NULL, &problems);

	if (problems.count > 0)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	return s;
}

static struct twin_model *model_of(const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_of("t.ini", text);
	struct twin_model *m = twin_model_parse(ini, "t", NULL, &problems);

	if (problems.count > 0)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	return m;
}

static void begin(struct fixture *f, const char *start)
{
	char text[2048];
	const char *at = strstr(twin_text, "up\non");

	memset(f, 0, sizeof(*f));
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - twin_text), twin_text,
		 start, at + 2);
	f->model = model_of(text);
	f->sequence = sequence_of(sequence_text);
	f->config.twin = f->model;
	f->w.config = &f->config;
	f->w.now = WORLD_BEGIN;
	f->w.t = twin_new(f->model, 1, f->w.now);
	f->w.attached = true;
	f->w.machine_config = (struct machine_config){
		.power_ways = 1, .min_off_ms = 5000, .check_healthy = true,
		.evidence = true, .deadline = WORLD_BEGIN + 600000,
	};
	oracle_begin(&f->o, &f->w, f->sequence, f->complaint,
		     sizeof(f->complaint));
	oracle_look(&f->o);
}

static void end(struct fixture *f)
{
	twin_free(f->w.t);
	twin_model_free(f->model);
	sequence_free(f->sequence);
}

static void later(struct fixture *f, int64_t ms)
{
	f->w.now += ms;
	twin_tick(f->w.t, f->w.now);
	oracle_look(&f->o);
}

static void action(struct fixture *f, struct machine_action a)
{
	if (a.what != MACHINE_EVENT && a.what != MACHINE_END) {
		a.id = ++f->id;
		if (a.deadline == 0)
			a.deadline = f->w.now + 1000;
	}
	oracle_action(&f->o, &a);
}

static void event(struct fixture *f, enum machine_event what, const char *text)
{
	action(f, (struct machine_action){ .what = MACHINE_EVENT, .event = what,
					   .text = text });
}

static void act(struct fixture *f, enum driver_act what)
{
	action(f, (struct machine_action){ .what = MACHINE_POWER_ACT,
					   .act = what });
}

static void answer(struct fixture *f, enum driver_act what, enum rh_code code)
{
	struct world_answer n = { .what = MACHINE_POWER_ACT, .act = what,
				  .id = f->id };

	n.outcome.err.code = code;
	oracle_answer(&f->o, &n);
}

/* The act becomes true, and is answered. */
static void done(struct fixture *f, enum driver_act what)
{
	oracle_executed(&f->o, what, true);
	twin_power(f->w.t, f->w.now, what);
	oracle_look(&f->o);
	answer(f, what, RH_ERR_NONE);
}

static void reading(struct fixture *f, enum driver_power state)
{
	struct world_answer n = { .what = MACHINE_POWER_QUERY };

	n.outcome.state = state;
	oracle_answer(&f->o, &n);
}

static void evidence(struct fixture *f)
{
	action(f, (struct machine_action){ .what = MACHINE_EVIDENCE });
}

/* off, seen off. */
static void off(struct fixture *f)
{
	evidence(f);
	act(f, DRIVER_ACT_OFF);
	done(f, DRIVER_ACT_OFF);
	reading(f, DRIVER_POWER_OFF);
}

static void typed(struct fixture *f, const char *bytes, size_t len)
{
	action(f, (struct machine_action){ .what = MACHINE_WRITE,
					   .bytes = bytes, .len = len });
}

static void secret(struct fixture *f)
{
	action(f, (struct machine_action){ .what = MACHINE_SECRET,
					   .text = "root" });
}

static void verdict(struct fixture *f, enum verdict v, enum rh_code code,
		    const char *reason)
{
	action(f, (struct machine_action){ .what = MACHINE_END, .verdict = v,
					   .code = code, .text = reason });
}

static void says(struct fixture *f, const char *words)
{
	if (words[0] == '\0' ? f->complaint[0] != '\0'
			     : strstr(f->complaint, words) == NULL)
		fail_msg("expected \"%s\", got \"%s\"", words, f->complaint);
	end(f);
}

/* ---- power --------------------------------------------------------------------------- */

static void test_unread(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	off(&f);
	later(&f, 6000);
	act(&f, DRIVER_ACT_ON);
	says(&f, "");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	done(&f, DRIVER_ACT_OFF);
	reading(&f, DRIVER_POWER_UNKNOWN);
	act(&f, DRIVER_ACT_ON);
	says(&f, "before the outcome");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	reading(&f, DRIVER_POWER_ON);
	act(&f, DRIVER_ACT_OFF);
	says(&f, "while another act");
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
	says(&f, "power reset was sent twice");
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
	says(&f, "");
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
	says(&f, "again and again");
	begin(&f, "boot");
	evidence(&f);
	for (i = 0; i < ORACLE_FORCE_MAX + 1; i++) {
		act(&f, DRIVER_ACT_RESET);
		answer(&f, DRIVER_ACT_RESET, RH_ERR_NONE);
		reading(&f, DRIVER_POWER_ON);
		event(&f, MACHINE_EVENT_POWER, "seen");
	}
	says(&f, "goes round blindly");
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
		says(&f, i == 0 ? "min-off is 5000" : "");
	}
}

static void test_evidence_first(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	act(&f, DRIVER_ACT_OFF);
	says(&f, "before the evidence");
	begin(&f, "boot");
	action(&f, (struct machine_action){ .what = MACHINE_SHELL,
					    .force = "restart by shell" });
	says(&f, "before the evidence");
	begin(&f, "boot");
	f.w.machine_config.evidence = false;
	act(&f, DRIVER_ACT_OFF);
	says(&f, "");
}

static void test_healthy_is_left_alone(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "up");
	off(&f);
	says(&f, "that was healthy");
	begin(&f, "up");
	typed(&f, "x", 1);
	says(&f, "that was healthy");
	begin(&f, "boot");
	typed(&f, "x", 1);
	says(&f, "");
}

/* ---- the console ------------------------------------------------------------------------ */

static void test_typing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	f.w.attached = false;
	typed(&f, "x", 1);
	says(&f, "not attached");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_OFF);
	typed(&f, "x", 1);
	says(&f, "in the middle of a power act");
	begin(&f, "boot");
	typed(&f, "a\0b", 3);
	says(&f, "NUL");
	begin(&f, "boot");
	off(&f);
	later(&f, 3000);
	typed(&f, "x", 1);
	says(&f, "a host that is off");
}

static void test_secrets(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "asks");
	secret(&f);
	says(&f, "");
	begin(&f, "boot");
	secret(&f);
	says(&f, "where nobody asks");
	/* Somebody has cut the power: nobody reads it. */
	begin(&f, "off");
	f.w.f.struck[FAULT_P18] = true;
	secret(&f);
	says(&f, "");
	begin(&f, "off");
	secret(&f);
	says(&f, "where nobody asks");
	begin(&f, "boot");
	f.w.f.struck[FAULT_P18] = true;
	secret(&f);
	says(&f, "where nobody asks");
	/* That nobody asks any more was lost on the line; that nobody did is not. */
	begin(&f, "boot");
	f.w.f.struck[FAULT_L18] = true;
	secret(&f);
	says(&f, "where nobody asks");
	begin(&f, "boot");
	f.w.f.struck[FAULT_L18] = true;
	f.o.secret_at = f.w.now - 60000;
	secret(&f);
	says(&f, "");
	begin(&f, "boot");
	f.o.secret_at = f.w.now - 60000;
	secret(&f);
	says(&f, "where nobody asks");
	begin(&f, "asks");
	secret(&f);
	later(&f, 500);
	secret(&f);
	says(&f, "twice at one prompt");
	begin(&f, "asks");
	event(&f, MACHINE_EVENT_TYPED, "typed " REHEARSAL_SECRET);
	says(&f, "in an event");
}

static void test_commands(void **state)
{
	struct fixture f;
	struct machine_action a = { .what = MACHINE_SHELL, .text = "x" };

	(void)state;
	begin(&f, "boot");
	action(&f, a);
	action(&f, a);
	says(&f, "a command was run twice");
	begin(&f, "boot");
	action(&f, a);
	event(&f, MACHINE_EVENT_DONE, "x");
	action(&f, a);
	says(&f, "");
	begin(&f, "boot");
	evidence(&f);
	a.what = MACHINE_BREAK;
	a.force = "sysrq b";
	action(&f, a);
	action(&f, a);
	says(&f, "a break was sent twice");
}

/* ---- the end ----------------------------------------------------------------------------- */

static void test_recovered(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "up");
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "was healthy");
	says(&f, "");
	begin(&f, "up");
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "");
	says(&f, "without a word of proof");
	begin(&f, "boot");
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "saw it");
	says(&f, "the host is not healthy");
	begin(&f, "up");
	twin_power(f.w.t, f.w.now, DRIVER_ACT_OFF);
	later(&f, ORACLE_HEALTHY_MS + 1);
	verdict(&f, VERDICT_RECOVERED, RH_ERR_NONE, "saw it");
	says(&f, "the host is not healthy");
}

static void test_honest(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_NEEDS_HANDS, RH_ERR_NONE, "log in at it");
	says(&f, "not a word that the host is off");
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_NEEDS_HANDS, RH_ERR_NONE, "it is off: look");
	says(&f, "");
	begin(&f, "boot");
	off(&f);
	verdict(&f, VERDICT_UNKNOWN, RH_ERR_NONE, "who knows");
	says(&f, "");
	begin(&f, "boot");
	evidence(&f);
	act(&f, DRIVER_ACT_RESET);
	done(&f, DRIVER_ACT_RESET);
	verdict(&f, VERDICT_FAILED, RH_ERR_TIMEOUT, "no answer");
	says(&f, "was never read");
}

static void test_deadlines(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "boot");
	later(&f, 600001);
	verdict(&f, VERDICT_FAILED, RH_ERR_TIMEOUT, "the deadline came");
	says(&f, "1 ms after the deadline");
	begin(&f, "boot");
	action(&f, (struct machine_action){ .what = MACHINE_CHECK,
					    .deadline = f.w.now + 600001 });
	says(&f, "longer than the run");
	begin(&f, "boot");
	action(&f, (struct machine_action){ .what = MACHINE_CHECK,
					    .deadline = f.w.now - 1 });
	says(&f, "that is past");
}

/* ---- bad sequences, through the machine ----------------------------------------------------- */

#define HEAD "[sequence]\nsummary = s\nneeds = power console\n" \
	     "deadline = 20m\nstart = a\n"

static const char bad_twin[] =
	"[twin]\nstart = hung\non = boot\noff = off\n"
	"[state hung]\n[state off]\npower = off\n"
	"[state boot]\ndo = print \"Linux version 6\\r\\n\", wait 20s\n"
	"     print \"Password: \"\nthen = up\n"
	"[state up]\nhealthy = yes\nopen = 80\ndo = print \"\\r\\nlogin: \"\n";

static const struct {
	const char *sequence;
	const char *words;
} bad[] = {
	{ HEAD "[state a]\ndo = power cycle, wait 1s\nthen = recovered\n",
	  "recovered, but the host is not healthy" },
	{ HEAD "[state a]\ndo = power cycle\nthen = b\n[state b]\n"
	       "timeout = 5m -> failed \"x\"\n"
	       "on = /Linux version/ -> recovered\n",
	  "recovered, but the host is not healthy" },
	{ HEAD "[state a]\ndo = power reset\nthen = b\n[state b]\n"
	       "timeout = 10s -> a\n",
	  "goes round blindly" },
	{ HEAD "[state a]\ndo = power cycle\nthen = b\n[state b]\n"
	       "timeout = 5m -> failed \"x\"\n"
	       "on = /login: $/ : secret root -> failed \"y\"\n",
	  "a secret was typed in state \"up\"" },
	{ HEAD "[state a]\ndo = power off\nthen = b\n[state b]\n"
	       "timeout = 10s -> failed \"off\"\n"
	       "on idle = 5s : key Enter\n",
	  "typed to a host that is off" },
};

static void test_bad_sequences(void **state)
{
	struct rehearsal_config config = {
		.start = -1,
		.machine = { .terminal = KEYS_VT100, .enter = "\r",
			     .key_delay_ms = 20, .power_ways = 1,
			     .has_console = true, .min_off_ms = 5000,
			     .confirm_ms = 60000, .evidence = true },
	};
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
		if (strstr(result.complaint, bad[i].words) == NULL)
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
