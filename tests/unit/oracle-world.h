/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_UNIT_ORACLE_WORLD_H
#define RH_TESTS_UNIT_ORACLE_WORLD_H

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

/*
 * For the tests of the oracle: a world by hand, in which the test is the machine,
 * the controller, and whoever else switches.
 */

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

static bool provoked[ORACLE_COUNT];	/* by this program */

struct fixture {
	struct twin_model *model;
	struct sequence *sequence;
	struct rehearsal_config config;
	struct world w;
	struct oracle o;
	char complaint[300];
	uint32_t id;
};

static inline struct ini *ini_of(const char *name, const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read(name, text, strlen(text), &problems);

	assert_int_equal(problems.errors, 0);
	problems_release(&problems);
	return ini;
}

static inline struct sequence *sequence_of(const char *text)
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

static inline struct twin_model *model_of(const char *text)
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

static inline void begin(struct fixture *f, const char *start)
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
	f->w.lost_at = -1;
	f->w.machine_config = (struct machine_config){
		.power_ways = 1, .min_off_ms = 5000, .check_healthy = true,
		.evidence = true, .confirm_ms = 60000,
		.deadline = WORLD_BEGIN + 600000,
	};
	oracle_begin(&f->o, &f->w, f->sequence, f->complaint,
		     sizeof(f->complaint));
	oracle_look(&f->o);
}

static inline void end(struct fixture *f)
{
	twin_free(f->w.t);
	twin_model_free(f->model);
	sequence_free(f->sequence);
}

static inline void later(struct fixture *f, int64_t ms)
{
	f->w.now += ms;
	twin_tick(f->w.t, f->w.now);
	oracle_look(&f->o);
}

static inline void action(struct fixture *f, struct machine_action a)
{
	if (a.what != MACHINE_EVENT && a.what != MACHINE_END) {
		a.id = ++f->id;
		if (a.deadline == 0)
			a.deadline = f->w.now + 1000;
	}
	oracle_action(&f->o, &a);
}

static inline void event(struct fixture *f, enum machine_event what, const char *text)
{
	action(f, (struct machine_action){ .what = MACHINE_EVENT, .event = what,
					   .text = text });
}

static inline void act(struct fixture *f, enum driver_act what)
{
	action(f, (struct machine_action){ .what = MACHINE_POWER_ACT,
					   .act = what });
}

static inline void answer(struct fixture *f, enum driver_act what, enum rh_code code)
{
	struct world_answer n = { .what = MACHINE_POWER_ACT, .act = what,
				  .id = f->id };

	n.outcome.err.code = code;
	oracle_answer(&f->o, &n);
}

/* The act becomes true, and is answered. */
static inline void done(struct fixture *f, enum driver_act what)
{
	oracle_executed(&f->o, what, true);
	twin_power(f->w.t, f->w.now, what);
	oracle_look(&f->o);
	answer(f, what, RH_ERR_NONE);
}

/* Somebody else has switched it. */
static inline void foreign(struct fixture *f, enum driver_act what)
{
	oracle_executed(&f->o, what, false);
	twin_power(f->w.t, f->w.now, what);
	oracle_look(&f->o);
}

static inline void reading(struct fixture *f, enum driver_power state)
{
	struct world_answer n = { .what = MACHINE_POWER_QUERY };

	n.outcome.state = state;
	oracle_answer(&f->o, &n);
}

static inline void evidence(struct fixture *f)
{
	action(f, (struct machine_action){ .what = MACHINE_EVIDENCE });
}

/* off, seen off. */
static inline void off(struct fixture *f)
{
	evidence(f);
	act(f, DRIVER_ACT_OFF);
	done(f, DRIVER_ACT_OFF);
	reading(f, DRIVER_POWER_OFF);
}

static inline void typed(struct fixture *f, const char *bytes, size_t len)
{
	action(f, (struct machine_action){ .what = MACHINE_WRITE,
					   .bytes = bytes, .len = len });
}

static inline void secret(struct fixture *f)
{
	action(f, (struct machine_action){ .what = MACHINE_SECRET,
					   .text = "root" });
}

static inline void verdict(struct fixture *f, enum verdict v, enum rh_code code,
		    const char *reason)
{
	action(f, (struct machine_action){ .what = MACHINE_END, .verdict = v,
					   .code = code, .text = reason });
}

/* What it complains of, and in which words; ORACLE_NONE: of nothing. */
static inline void says(struct fixture *f, enum oracle_rule rule,
			const char *words)
{
	if (f->o.rule != rule || (f->complaint[0] != '\0') != (rule != ORACLE_NONE) ||
	    strstr(f->complaint, words) == NULL)
		fail_msg("expected rule %d \"%s\", got %d \"%s\"", rule, words,
			 f->o.rule, f->complaint);
	provoked[rule] = true;
	end(f);
}

static inline void silent(struct fixture *f)
{
	says(f, ORACLE_NONE, "");
}

#endif
