/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core of maintenances in a world of its own: hosts that come back or not,
 * and a runner that is killed at each of its journal's lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/maintenance.h"
#include "agent/plan/window.h"
#include "base/memory.h"

#define HOSTS 5
#define LINES 200

/* What becomes of a run when its runner is killed. */
enum fate {
	FATE_GOES_ON,
	FATE_DIES_BEFORE,
	FATE_DIES_BETWEEN,	/* the act was announced, and not sent */
	FATE_DIES_BEHIND,
	FATE_COUNT,
};

struct world {
	struct plan plan;
	struct host hosts[HOSTS];
	const struct host *list[HOSTS];
	size_t ends[3];
	int64_t worst[HOSTS];
	bool recovers[HOSTS];
	bool looks[HOSTS];
	bool silent[HOSTS];		/* nobody knows its boot ids */
	struct maintenance core;
	struct maintenance_event journal[LINES];
	size_t lines;
	int64_t now;
	int acts[HOSTS];		/* restarts that were sent */
	int recoveries[HOSTS];
	bool hangs[HOSTS];		/* FIRST does not bring it back */
	bool dead[HOSTS];		/* RECOVER neither */
	bool busy[HOSTS];		/* a run of it can't be begun */
	bool gate_fails;
	bool answer;
	int hooks;
};

static void world_config(struct world *w, struct maintenance_config *config)
{
	*config = (struct maintenance_config){ &w->plan, w->worst, w->recovers,
						w->looks };
}

static void world_init(struct world *w)
{
	static char *names[HOSTS] = { "web1", "web2", "web3", "ldap1", "nfs1" };
	struct maintenance_config config;
	size_t i;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < HOSTS; i++) {
		w->hosts[i].name = names[i];
		w->list[i] = &w->hosts[i];
		w->worst[i] = 600000;
		w->recovers[i] = w->looks[i] = true;
	}
	w->ends[0] = 3;
	w->ends[1] = 4;
	w->ends[2] = 5;
	w->plan = (struct plan){ .name = "night", .kind = PLAN_REBOOT,
				 .zone = "UTC", .parallel = 2,
				 .host_count = HOSTS, .begin_ms = 0,
				 .end_ms = 14400000 };
	w->plan.waves.hosts = w->list;
	w->plan.waves.ends = w->ends;
	w->plan.waves.count = 3;
	world_config(w, &config);
	maintenance_init(&w->core, &config);
}

static bool world_write(struct world *w, const struct maintenance_event *e)
{
	struct maintenance_event copy = *e;

	assert_true(w->lines < LINES);
	copy.text = e->text[0] != '\0' ? memory_copy(e->text) : "";
	w->journal[w->lines++] = copy;
	return maintenance_apply(&w->core, &copy);
}

static void world_release(struct world *w)
{
	size_t i;

	for (i = 0; i < w->lines; i++) {
		if (w->journal[i].text[0] != '\0')
			free((char *)w->journal[i].text);
	}
	maintenance_release(&w->core);
}

/* The end of the step that is under way on the host. */
static struct maintenance_event world_end(struct world *w, size_t host)
{
	const struct maintenance_host *h = &w->core.hosts[host];
	struct maintenance_event e = { .what = MAINTENANCE_HOST_END,
				       .at_ms = w->now, .host = host,
				       .step = h->step, .text = "x", .run = "r" };

	e.verdict = VERDICT_RECOVERED;
	if (w->busy[host]) {
		e.verdict = VERDICT_NONE;
		return e;
	}
	if (h->step == MAINTENANCE_FIRST) {
		w->acts[host]++;
		e.touched = true;
		e.restarted = !w->hangs[host];
	}
	if (h->step == MAINTENANCE_RECOVER) {
		w->recoveries[host]++;
		e.touched = e.restarted = true;
		if (w->dead[host])
			e.verdict = VERDICT_NEEDS_HANDS;
	} else if (w->hangs[host]) {
		e.verdict = VERDICT_FAILED;
	}
	if (h->step == MAINTENANCE_LOOK && !w->silent[host]) {
		e.unchanged = w->acts[host] + w->recoveries[host] == 0;
		e.restarted = e.verdict == VERDICT_RECOVERED && !e.unchanged;
		if (e.unchanged)
			e.verdict = VERDICT_FAILED;
	}
	return e;
}

static void world_program(struct world *w, enum maintenance_what end, bool ok)
{
	struct maintenance_event e = { .what = end, .at_ms = w->now, .ok = ok,
				       .text = ok ? "" : "it failed",
				       .run = "" };

	w->hooks++;
	assert_true(world_write(w, &e));
}

static void world_do(struct world *w, const struct maintenance_event *e)
{
	if (e->what == MAINTENANCE_BEFORE)
		world_program(w, MAINTENANCE_BEFORE_END, true);
	if (e->what == MAINTENANCE_GATE)
		world_program(w, MAINTENANCE_GATE_END, !w->gate_fails);
	if (e->what == MAINTENANCE_AFTER)
		world_program(w, MAINTENANCE_AFTER_END, true);
	if (e->what == MAINTENANCE_ASK)
		world_program(w, MAINTENANCE_ANSWER, w->answer);
}

static size_t world_living(const struct world *w)
{
	size_t i, n = 0;

	for (i = 0; i < HOSTS; i++)
		n += w->core.hosts[i].state == MAINTENANCE_UNDER_WAY;
	return n;
}

/* One turn: what is due, or the end of the first run. False: all is over. */
static bool world_turn(struct world *w)
{
	struct maintenance_event e;
	size_t i;

	assert_true(world_living(w) <= (size_t)w->plan.parallel);
	if (maintenance_next(&w->core, w->now, &e)) {
		assert_true(world_write(w, &e));
		world_do(w, &e);
		return true;
	}
	for (i = 0; i < HOSTS; i++) {
		if (w->core.hosts[i].state != MAINTENANCE_UNDER_WAY)
			continue;
		w->now += 60000;
		e = world_end(w, i);
		assert_true(world_write(w, &e));
		return true;
	}
	return false;
}

static void world_run(struct world *w)
{
	while (world_turn(w))
		;
	assert_int_equal(w->core.phase, MAINTENANCE_OVER);
}

static int state_of(const struct world *w, size_t host)
{
	return (int)w->core.hosts[host].state;
}

/* ---- it goes well, or not ------------------------------------------------------------- */

static void test_all_come_back(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	world_init(&w);
	world_run(&w);
	for (i = 0; i < HOSTS; i++) {
		assert_int_equal(state_of(&w, i), MAINTENANCE_BACK);
		assert_int_equal(w.acts[i], 1);
		/* the ones that others need are later */
		assert_true(i < 3 || w.core.hosts[i].began_ms >=
					     w.core.hosts[i - 1].ended_ms);
	}
	assert_int_equal(w.core.verdict, VERDICT_RECOVERED);
	world_release(&w);
}

static void test_hands_are_used(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.hangs[3] = true;
	world_run(&w);
	assert_int_equal(state_of(&w, 3), MAINTENANCE_BACK);
	assert_true(w.core.hosts[3].hands);
	assert_int_equal(w.recoveries[3], 1);
	assert_int_equal(w.core.verdict, VERDICT_RECOVERED);
	world_release(&w);
}

static void test_a_failure_stops(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.hangs[1] = w.dead[1] = true;
	w.plan.after = (char *[]){ "/bin/true", NULL };
	world_run(&w);
	assert_int_equal(state_of(&w, 0), MAINTENANCE_BACK);
	assert_int_equal(state_of(&w, 1), MAINTENANCE_FAILED);
	assert_int_equal(state_of(&w, 3), MAINTENANCE_SKIPPED);
	assert_int_equal(w.acts[3] + w.acts[4], 0);
	assert_int_equal(w.core.verdict, VERDICT_NEEDS_HANDS);
	assert_int_equal(w.hooks, 1);	/* after */
	world_release(&w);
}

static void test_a_failure_is_passed_over(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.plan.failure = PLAN_CONTINUE;
	w.hangs[0] = w.dead[0] = true;
	world_run(&w);
	assert_int_equal(state_of(&w, 4), MAINTENANCE_BACK);
	assert_int_equal(w.core.verdict, VERDICT_NEEDS_HANDS);
	world_release(&w);
}

static void test_a_failure_is_asked_about(void **state)
{
	struct world w;
	int answer;

	(void)state;
	for (answer = 0; answer < 2; answer++) {
		world_init(&w);
		w.plan.failure = PLAN_ASK;
		w.hangs[0] = w.dead[0] = true;
		w.answer = answer == 1;
		world_run(&w);
		assert_int_equal(w.hooks, 1);
		assert_int_equal(state_of(&w, 2), answer == 1
				 ? MAINTENANCE_BACK : MAINTENANCE_SKIPPED);
		assert_int_equal(w.acts[4], answer);
		world_release(&w);
	}
}

static void test_the_gate_is_shut(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.plan.gate = (char *[]){ "/bin/false", NULL };
	w.gate_fails = true;
	world_run(&w);
	assert_int_equal(state_of(&w, 2), MAINTENANCE_BACK);
	assert_int_equal(state_of(&w, 3), MAINTENANCE_SKIPPED);
	assert_int_equal(w.hooks, 1);
	assert_string_equal(w.core.trouble, "the gate: it failed");
	world_release(&w);
}

static void test_a_busy_host_is_not_recovered(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.busy[0] = true;
	world_run(&w);
	assert_int_equal(state_of(&w, 0), MAINTENANCE_FAILED);
	assert_int_equal(w.recoveries[0], 0);
	world_release(&w);
}

/* A host that is well, and nobody has seen it restart. */
static void test_well_is_not_restarted(void **state)
{
	struct maintenance_event e;
	struct world w;

	(void)state;
	world_init(&w);
	while (w.core.hosts[0].state != MAINTENANCE_UNDER_WAY)
		world_turn(&w);
	e = world_end(&w, 0);
	e.restarted = false;
	assert_true(world_write(&w, &e));
	assert_int_equal(state_of(&w, 0), MAINTENANCE_FAILED);
	world_release(&w);
}

/* ---- the window --------------------------------------------------------------------------- */

static void test_the_window(void **state)
{
	struct maintenance_event e;
	struct world w;

	(void)state;
	world_init(&w);
	/* three hosts, two at once, ten minutes each; then ten and ten */
	assert_int_equal(maintenance_wave_worst(&w.core, 0), 1200000);
	w.plan.end_ms = 1200000 - 1;
	world_run(&w);
	assert_int_equal(state_of(&w, 0), MAINTENANCE_SKIPPED);
	assert_non_null(strstr(w.core.trouble, "wave 1 of 3 is not begun"));
	world_release(&w);

	world_init(&w);
	w.plan.end_ms = 1200000;	/* takes 3 minutes: the next two fit, too */
	world_run(&w);
	assert_int_equal(w.core.verdict, VERDICT_RECOVERED);
	world_release(&w);

	world_init(&w);
	w.plan.end_ms = 1200000;
	while (w.core.phase != MAINTENANCE_WAVE_DUE || w.core.wave != 1)
		world_turn(&w);
	w.now = 600001;
	assert_true(maintenance_next(&w.core, w.now, &e));
	assert_int_equal(e.what, MAINTENANCE_STOP);
	world_release(&w);
}

/* A clock that is put back gives no time; one that is put right again, neither. */
static void test_time_does_not_go_back(void **state)
{
	struct maintenance_event e;
	struct world w;

	(void)state;
	world_init(&w);
	w.plan.end_ms = 1200000;
	while (w.core.phase != MAINTENANCE_WAVE_DUE || w.core.wave != 1)
		world_turn(&w);
	assert_int_equal(w.core.last_ms, 180000);
	w.now = 10000;		/* was 180000 */
	assert_int_equal(maintenance_time(&w.core, w.now), 180000);
	assert_true(maintenance_next(&w.core, w.now, &e));
	assert_int_equal(e.what, MAINTENANCE_WAVE);
	assert_int_equal(e.at_ms, 10000);	/* the journal has the clock's */
	assert_true(world_write(&w, &e));
	assert_int_equal(w.core.back_ms, 170000);
	assert_true(maintenance_next(&w.core, 430000, &e));
	assert_int_equal(e.what, MAINTENANCE_HOST);
	assert_true(maintenance_next(&w.core, 430001, &e));
	assert_int_equal(e.what, MAINTENANCE_STOP);
	assert_non_null(strstr(e.text, "ldap1 is not begun: it may take 10m"));
	assert_true(maintenance_next(&w.core, 1030000, &e));
	assert_non_null(strstr(e.text, "ldap1 is not begun: the window ended at "
				       "Thu 1970-01-01 00:20 UTC"));
	world_release(&w);
}

/* ---- a runner that is killed ------------------------------------------------------------------ */

/* The host's run lost its runner. */
static void killed_host(struct world *w, size_t host, enum fate fate)
{
	struct maintenance_event e = { .what = MAINTENANCE_HOST_LOST,
				       .at_ms = w->now, .host = host,
				       .step = w->core.hosts[host].step,
				       .text = "", .run = "" };

	if (fate == FATE_GOES_ON)
		e = world_end(w, host);
	if (fate == FATE_DIES_BEHIND || fate == FATE_DIES_BETWEEN) {
		e.touched = true;
		if (fate == FATE_DIES_BEHIND && e.step == MAINTENANCE_FIRST)
			w->acts[host]++;
	}
	assert_true(world_write(w, &e));
}

static void killed_resume(struct world *w, enum fate fate)
{
	struct maintenance_event resume = { .what = MAINTENANCE_RESUME,
					    .text = "", .run = "" };
	struct maintenance_config config;
	size_t i;

	maintenance_release(&w->core);
	world_config(w, &config);
	maintenance_init(&w->core, &config);
	for (i = 0; i < w->lines; i++)
		assert_true(maintenance_apply(&w->core, &w->journal[i]));
	if (w->core.phase == MAINTENANCE_NEW || w->core.phase == MAINTENANCE_OVER)
		return;
	assert_true(world_write(w, &resume));
	for (i = 0; i < HOSTS; i++) {
		if (w->core.hosts[i].state == MAINTENANCE_UNDER_WAY)
			killed_host(w, i, fate);
	}
}

/* Killed when the journal has `line` lines; how many it has at the end. */
static size_t killed_at(size_t line, enum fate fate, bool hangs)
{
	struct world w;
	size_t i, lines;

	world_init(&w);
	w.plan.before = w.plan.after = w.plan.gate =
		(char *[]){ "/bin/true", NULL };
	w.hangs[1] = w.hangs[3] = hangs;
	while (w.lines < line && world_turn(&w))
		;
	/* A program's end that was not written is not known. */
	if (w.lines > line && w.journal[w.lines - 1].text[0] == '\0')
		w.lines = line;
	killed_resume(&w, fate);
	world_run(&w);
	for (i = 0; i < HOSTS; i++) {
		assert_int_equal(state_of(&w, i), MAINTENANCE_BACK);
		assert_int_equal(w.acts[i], 1);
	}
	lines = w.lines;
	world_release(&w);
	return lines;
}

static void test_killed_at_each_line(void **state)
{
	size_t line, last;
	int fate, hangs;

	(void)state;
	for (fate = 0; fate < FATE_COUNT; fate++) {
		for (hangs = 0; hangs < 2; hangs++) {
			last = killed_at(LINES, (enum fate)fate, hangs == 1);
			assert_true(last > 20);
			for (line = 0; line <= last; line++)
				killed_at(line, (enum fate)fate, hangs == 1);
		}
	}
}

/* A host that nobody can ask: at most once, and no success is claimed. */
static void test_killed_and_nobody_knows(void **state)
{
	struct maintenance_event e;
	struct world w;

	(void)state;
	world_init(&w);
	w.silent[0] = true;
	while (w.core.hosts[0].state != MAINTENANCE_UNDER_WAY)
		world_turn(&w);
	e = world_end(&w, 0);
	e.what = MAINTENANCE_HOST_LOST;
	e.restarted = false;
	assert_true(world_write(&w, &e));
	assert_int_equal(w.core.hosts[0].step, MAINTENANCE_LOOK);
	world_run(&w);
	assert_int_equal(w.acts[0], 1);
	assert_int_equal(w.core.hosts[0].verdict, VERDICT_UNKNOWN);
	assert_int_equal(w.core.verdict, VERDICT_UNKNOWN);
	/* the others were gone on with */
	assert_int_equal(state_of(&w, 4), MAINTENANCE_BACK);
	world_release(&w);
}

static void test_no_journal(void **state)
{
	struct maintenance_event e = { .what = MAINTENANCE_HOST, .text = "",
				       .run = "" };
	struct world w;

	(void)state;
	world_init(&w);
	assert_false(maintenance_apply(&w.core, &e));
	e.what = MAINTENANCE_BEGIN;
	assert_true(maintenance_apply(&w.core, &e));
	assert_false(maintenance_apply(&w.core, &e));
	e.what = MAINTENANCE_HOST_END;
	assert_false(maintenance_apply(&w.core, &e));
	e.what = MAINTENANCE_WAVE;
	assert_true(maintenance_apply(&w.core, &e));
	e.what = MAINTENANCE_HOST;
	e.host = 3;	/* of the next wave */
	assert_false(maintenance_apply(&w.core, &e));
	e.host = 99;
	assert_false(maintenance_apply(&w.core, &e));
	e.host = 0;
	e.step = MAINTENANCE_RECOVER;
	assert_false(maintenance_apply(&w.core, &e));
	world_release(&w);
}

/* ---- times of day -------------------------------------------------------------------------------- */

static void test_times(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	int64_t ms = 0, other = 0;
	char text[80];

	(void)state;
	assert_int_equal(window_parse("2026-12-05 22:00", "UTC", &ms, &err), 0);
	assert_int_equal(ms, INT64_C(1796508000000));
	assert_int_equal(window_parse("2026-12-05 22:00", "Europe/Berlin",
				      &other, &err), 0);
	assert_int_equal(ms - other, 3600000);
	assert_int_equal(window_parse("2026-07-05 22:00", "Europe/Berlin", &ms,
				      &err), 0);
	assert_string_equal(window_text(ms, "UTC", text, sizeof(text)),
			    "Sun 2026-07-05 20:00 UTC");
	assert_string_equal(window_text(ms, "America/New_York", text,
					sizeof(text)),
			    "Sun 2026-07-05 16:00 EDT");
}

/* The nights in which clocks change. */
static void test_clocks_change(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	int64_t first = 0, second = 0;

	(void)state;
	assert_int_equal(window_parse("2027-03-28 02:30", "Europe/Berlin",
				      &first, &err), -1);
	assert_non_null(strstr(err.text, "there is no 2027-03-28 02:30"));
	assert_int_equal(window_parse("2026-10-25 02:30", "Europe/Berlin",
				      &first, &err), -1);
	assert_non_null(strstr(err.text, "is there twice"));
	assert_int_equal(window_parse("2026-10-25 02:30 CEST", "Europe/Berlin",
				      &first, &err), 0);
	assert_int_equal(window_parse("2026-10-25 02:30 CET", "Europe/Berlin",
				      &second, &err), 0);
	assert_int_equal(second - first, 3600000);
	assert_int_equal(window_parse("2026-02-30 02:30", "UTC", &first, &err),
			 -1);
	assert_int_equal(window_parse("tomorrow", "UTC", &first, &err), -1);
	assert_int_equal(window_parse("2026-12-05 22:00", "Europe/Atlantis",
				      &first, &err), -1);
	assert_int_equal(window_parse("2026-12-05 22:00", "../../etc/passwd",
				      &first, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_come_back),
		cmocka_unit_test(test_hands_are_used),
		cmocka_unit_test(test_a_failure_stops),
		cmocka_unit_test(test_a_failure_is_passed_over),
		cmocka_unit_test(test_a_failure_is_asked_about),
		cmocka_unit_test(test_the_gate_is_shut),
		cmocka_unit_test(test_a_busy_host_is_not_recovered),
		cmocka_unit_test(test_well_is_not_restarted),
		cmocka_unit_test(test_the_window),
		cmocka_unit_test(test_time_does_not_go_back),
		cmocka_unit_test(test_killed_at_each_line),
		cmocka_unit_test(test_killed_and_nobody_knows),
		cmocka_unit_test(test_no_journal),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_clocks_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
