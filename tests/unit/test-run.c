/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sequences that run others: what the one graph looks like that they become, what is
 * refused, what is proved of it, and how the machine goes through it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/check.h"
#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"

#define BEGIN INT64_C(1000000)
#define FILES_MAX 16

/* ---- a library of texts -------------------------------------------------------- */

static struct {
	const char *name;
	char *file;
	struct ini *ini;
} library[FILES_MAX];

static int library_count;
static struct problems problems;
static struct buffer out;

static const struct ini *library_get(const void *context, const char *name,
				     struct rh_error *err)
{
	int i;

	(void)context;
	for (i = 0; i < library_count; i++) {
		if (strcmp(library[i].name, name) == 0)
			return library[i].ini;
	}
	rh_error_set(err, RH_ERR_USAGE, "there is no sequence \"%s\"", name);
	return NULL;
}

static void file(const char *name, const char *text)
{
	char *path = memory_format("%s.ini", name);

	assert_true(library_count < FILES_MAX);
	library[library_count].name = name;
	library[library_count].file = path;
	library[library_count++].ini = ini_read(path, text, strlen(text),
						&problems);
}

static int setup(void **state)
{
	(void)state;
	while (library_count > 0) {
		ini_free(library[--library_count].ini);
		free(library[library_count].file);
	}
	problems_release(&problems);
	buffer_clear(&out);
	return 0;
}

static int release(void **state)
{
	setup(state);
	buffer_release(&out);
	return 0;
}

static const char *var_get(const void *context, const char *name)
{
	(void)context;
	return strcmp(name, "port") == 0 ? "389" : NULL;
}

static struct sequence *parse(const char *name)
{
	static const struct sequence_library all = { library_get, NULL };
	static const struct sequence_vars vars = { var_get, NULL, &all };
	struct rh_error err = RH_ERROR_INIT;

	return sequence_parse(library_get(NULL, name, &err), name, &vars,
			      &problems);
}

/* "FILE:LINE: TEXT\n" of all problems. */
static const char *said(void)
{
	size_t i;

	problems_sort(&problems);
	buffer_clear(&out);
	for (i = 0; i < problems.count; i++)
		buffer_printf(&out, "%s:%d: %s%s\n", problems.list[i].file,
			      problems.list[i].line,
			      problems.list[i].warning ? "warning: " : "",
			      problems.list[i].text);
	return buffer_text(&out);
}

static struct sequence *good(const char *name)
{
	struct sequence *s = parse(name);

	if (s == NULL)
		fail_msg("refused:\n%s", said());
	assert_int_equal(problems.count, 0);
	return s;
}

static void is_refused(const char *name, const char *expected)
{
	assert_null(parse(name));
	assert_string_equal(said(), expected);
	problems_release(&problems);
}

/* ---- the graph as text ------------------------------------------------------------ */

static void put_target(const struct sequence *s, const char *word,
		       const struct target *t)
{
	if (t->kind == TARGET_NONE)
		return;
	buffer_printf(&out, " %s %s", word, t->kind == TARGET_STATE
		      ? s->states[t->state].name : verdict_name(t->verdict));
	if (t->reason != NULL)
		buffer_printf(&out, " \"%s\"", t->reason);
	if (t->note != NULL)
		buffer_printf(&out, " (%s)", t->note);
	if (t->if_failed)
		buffer_append_text(&out, " (if failed)");
}

static void put_rule(const struct sequence *s, const struct rule *r)
{
	buffer_printf(&out, " on %s", r->source);
	put_target(s, "->", &r->target);
}

static const char *graph(const struct sequence *s)
{
	const struct state *st;
	size_t i, k;

	buffer_clear(&out);
	for (i = 0; i < s->always.count; i++) {
		buffer_printf(&out, "[always] %d-%d", s->always.list[i].first,
			      s->always.list[i].end);
		put_rule(s, &s->always.list[i]);
		buffer_append_text(&out, "\n");
	}
	for (i = 0; i < s->state_count; i++) {
		st = &s->states[i];
		buffer_printf(&out, "%s%s: do %zu", (int)i == s->start ? "* " : "",
			      st->name, st->act.count);
		put_target(s, "then", &st->then);
		put_target(s, "else", &st->otherwise);
		if (st->timeout_ms > 0)
			put_target(s, "timeout", &st->timeout);
		if (st->visits > 0)
			put_target(s, "visits", &st->visited);
		for (k = 0; k < st->rules.count; k++)
			put_rule(s, &st->rules.list[k]);
		buffer_append_text(&out, "\n");
	}
	return buffer_text(&out);
}

static void becomes(const char *name, const char *expected)
{
	struct sequence *s = good(name);

	assert_string_equal(graph(s), expected);
	sequence_free(s);
}

#define HEAD "[sequence]\nneeds = power console\nstart = a\n"

/* Ends in each of the ways there are. */
#define LINUX \
	"[sequence]\nneeds = console\nstart = wait\ndeadline = 1s\n" \
	"healthy = check tcp 1\n[always]\non = /panic/ -> failed \"panic\"\n" \
	"[state wait]\ntimeout = 4m -> failed \"no prompt\"\n" \
	"visits = 2 -> unknown \"again\"\n" \
	"on = /fsck/ -> fsck\non = /login: $/ -> recovered\n" \
	"[state fsck]\ndo = enter \"y\"\nthen = wait\n"

static void states_are_put_in(void **state)
{
	(void)state;
	file("linux", LINUX);
	file("x", HEAD "[always]\non = /x/ -> c\n"
		       "[state a]\nvisits = 2 -> failed \"twice\"\n"
		       "do = power cycle, run linux, check tcp ${port}\n"
		       "then = recovered\nelse = c\ntimeout = 1m -> c\non = /own/ -> c\n"
		       "[state c]\nthen = needs-hands \"go\"\n");
	becomes("x",
		"[always] 1-3 on /panic/ -> c (linux failed: panic)\n"
		"[always] 0-0 on /x/ -> c\n"
		"* a: do 1 then a/linux:wait else c timeout c"
		" visits failed \"twice\" on /own/ -> c\n"
		"a/linux:wait: do 0 else c (linux failed) (if failed)"
		" timeout c (linux failed: no prompt)"
		" visits unknown \"again\" on /fsck/ -> a/linux:fsck"
		" on /login: $/ -> a+1 (linux recovered)\n"
		"a/linux:fsck: do 1 then a/linux:wait"
		" else c (linux failed) (if failed)\n"
		"a+1: do 1 then recovered else c timeout c on /own/ -> c\n"
		"c: do 0 then needs-hands \"go\"\n");
}

static void without_else_failed_ends_it(void **state)
{
	struct sequence *s;

	(void)state;
	file("linux", LINUX);
	file("x", HEAD "[state a]\ndo = run linux\nthen = recovered \"up\"\n"
		       "timeout = 1m -> a\non = /own/ -> a\n");
	becomes("x",
		"[always] 1-3 on /panic/ -> failed \"panic\"\n"
		"* a: do 0 then a/linux:wait\n"
		"a/linux:wait: do 0 timeout failed \"no prompt\""
		" visits unknown \"again\" on /fsck/ -> a/linux:fsck"
		" on /login: $/ -> a+1 (linux recovered)\n"
		"a/linux:fsck: do 1 then a/linux:wait\n"
		"a+1: do 0 then recovered \"up\" timeout a on /own/ -> a\n");
	s = good("x");
	assert_int_equal(s->deadline_ms, 30 * 60 * 1000);
	assert_int_equal(s->healthy.count, 0);
	assert_string_equal(s->states[1].file, "linux.ini");
	assert_int_equal(s->states[1].line, 8);
	assert_string_equal(s->states[1].rules.list[0].file, "linux.ini");
	assert_string_equal(s->states[2].act.list[0].file, "linux.ini");
	assert_string_equal(s->states[3].file, "x.ini");
	sequence_free(s);
}

static void twice_in_a_row_and_nested(void **state)
{
	(void)state;
	file("z", "[sequence]\nstart = s\n[always]\non = /z/ -> failed \"z\"\n"
		  "[state s]\nthen = recovered \"fine\"\n");
	file("y", "[sequence]\nneeds = console\nstart = t\n"
		  "[always]\non = /y/ -> recovered\n"
		  "[state t]\ndo = run z\nthen = recovered\n"
		  "else = failed \"no z\"\n");
	file("x", HEAD "[state a]\ndo = run z, run y\nthen = recovered\nelse = b\n"
		       "[state b]\nthen = failed \"b\"\n");
	becomes("x",
		"[always] 4-5 on /z/ -> b (z failed: z; y failed: no z)\n"
		"[always] 3-6 on /y/ -> a+2 (y recovered)\n"
		"[always] 1-2 on /z/ -> b (z failed: z)\n"
		"* a: do 0 then a/z:s\n"
		"a/z:s: do 0 then a+1 (z recovered: fine)"
		" else b (z failed) (if failed)\n"
		"a+1: do 0 then a+1/y:t\n"
		"a+1/y:t: do 0 then a+1/y:t/z:s else b (y failed) (if failed)\n"
		"a+1/y:t/z:s: do 0 then a+1/y:t+1 (z recovered: fine)"
		" else b (z failed; y failed: no z) (if failed)\n"
		"a+1/y:t+1: do 0 then a+2 (y recovered)"
		" else b (y failed: no z)\n"
		"a+2: do 0 then recovered else b\n"
		"b: do 0 then failed \"b\"\n");
}

static void the_start_may_stand_behind(void **state)
{
	(void)state;
	file("z", "[sequence]\nstart = t\n[state s]\nthen = recovered\n"
		  "[state t]\nthen = s\n");
	file("x", "[sequence]\nstart = a\n[always]\non = /b/ -> a\n"
		  "[state b]\nvisits = 2 -> a\ndo = run z\nthen = a\n"
		  "[state a]\non = /a/ -> b\ntimeout = 1m -> a\n");
	becomes("x",
		"[always] 0-0 on /b/ -> a\n"
		"b: do 0 then b/z:t visits a\n"
		"b/z:s: do 0 then b+1 (z recovered)\n"
		"b/z:t: do 0 then b/z:s\n"
		"b+1: do 0 then a\n"
		"* a: do 0 timeout a on /a/ -> b\n");
}

/* ---- what is refused --------------------------------------------------------------- */

static void refused(void **state)
{
	(void)state;
	file("linux", LINUX);
	file("a1", HEAD "[state a]\ndo = run lynux\nthen = recovered\n");
	is_refused("a1", "a1.ini:5: do: there is no sequence \"lynux\"\n");
	file("a2", HEAD "[state a]\ndo = run\nthen = recovered\n");
	is_refused("a2", "a2.ini:5: do: run needs a name, without quotes\n");
	file("a3", HEAD "[state a]\non = /x/ : run linux -> a\n");
	is_refused("a3", "a3.ini:5: run stands in the \"do\" of a state, not in a "
			 "rule: let the rule go to a state that runs it\n");
	file("a4", "[sequence]\nneeds = power\nstart = a\n[state a]\n"
		   "do = note \"x\"\n     run linux\nthen = recovered\n");
	is_refused("a4", "a4.ini:6: the sequence linux needs the console; add "
			 "console to needs\n");
	file("a5", HEAD "healthy = run linux\n[state a]\nthen = failed \"x\"\n");
	is_refused("a5", "a5.ini:4: healthy: only checks can stand here; nothing "
			 "is touched by them\n");
	assert_null(sequence_parse(library[1].ini, "a1", NULL, &problems));
	assert_string_equal(said(), "a1.ini:5: do: there are no other sequences "
				    "here that could be run\n");
}

static void errors_name_the_other_file(void **state)
{
	(void)state;
	file("bad", "[sequence]\nstart = s\n[state s]\ndo = fly ${none}\n"
		    "then = t\n");
	file("x", HEAD "[state a]\ndo = run bad\nthen = recovered\n");
	assert_null(parse("x"));
	assert_non_null(strstr(said(), "bad.ini:4: do: unknown action \"fly\""));
	assert_non_null(strstr(said(), "bad.ini:5: there is no state \"t\""));
	assert_null(strstr(said(), "x.ini"));
	/* Once: it is known of that file that it is wrong. */
	assert_int_equal(problems.count, 2);
	assert_null(parse("bad"));
	assert_int_equal(problems.count, 2);
}

static void circles_are_refused(void **state)
{
	(void)state;
	file("x", HEAD "[state a]\ndo = run x\nthen = recovered\n");
	is_refused("x", "x.ini:5: sequences run each other in a circle: x -> x\n");
	file("a", HEAD "[state a]\ndo = run b\nthen = recovered\n");
	file("b", HEAD "[state a]\ndo = run c\nthen = recovered\n");
	file("c", HEAD "[state a]\n\ndo = run b\nthen = recovered\n");
	is_refused("a", "c.ini:6: sequences run each other in a circle: "
			"b -> c -> b\n");
}

static void depth_is_bounded(void **state)
{
	static const char *const names[] = { "s0", "s1", "s2", "s3", "s4",
					     "s5", "s6", "s7", "s8", "s9" };
	struct sequence *s;
	char text[200];
	int i;

	(void)state;
	for (i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\ndo = run s%d\n"
			 "then = recovered\n", i + 1);
		file(names[i], text);
	}
	file("s9", HEAD "[state a]\nthen = recovered\n");
	s = good("s1");
	assert_int_equal(s->state_count, 17);
	sequence_free(s);
	is_refused("s0", "s8.ini:5: a sequence that is run by one that is run, "
			 "and so on: 8 are allowed\n");
}

static void size_is_bounded(void **state)
{
	static const char *const names[] = { "s0", "s1", "s2", "s3" };
	char text[200];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\ndo = run s%d, run "
			 "s%d, run s%d, run s%d, run s%d, run s%d, run s%d\n"
			 "then = recovered\n", i + 1, i + 1, i + 1, i + 1,
			 i + 1, i + 1, i + 1);
		file(names[i], text);
	}
	file("s4", HEAD "[state a]\nthen = recovered\n");
	is_refused("s0", "s0.ini:5: with all that is run, the sequence has more "
			 "than 1000 states\n");
}

/* ---- what is proved ----------------------------------------------------------------- */

static const char *check(const char *name)
{
	struct sequence *s = good(name);

	sequence_check(s, NULL, &problems);
	sequence_free(s);
	return said();
}

static void proofs_name_the_other_file(void **state)
{
	const char *expected =
		"y.ini:6: state \"s\" may wait for ever; add \"timeout = 5m -> "
		"TARGET\"\n"
		"y.ini:8: state \"u\" can't be reached from \"s\"; remove it, or "
		"let a rule go \"-> u\"\n";

	(void)state;
	file("y", "[sequence]\nneeds = console power\nstart = s\n"
		  "[always]\non = /x/ -> recovered\n[state s]\n"
		  "on = /y/ -> needs-hands \"y\"\n[state u]\nthen = failed \"x\"\n");
	file("x", HEAD "[state a]\ndo = run y\nthen = recovered\n");
	assert_string_equal(check("x"), expected);
	/* The words are those of its own check: said once. */
	problems_release(&problems);
	assert_string_equal(check("y"), expected);
}

static void proofs_go_through_it(void **state)
{
	(void)state;
	file("off", "[sequence]\nneeds = power\nstart = s\n[state s]\n"
		    "do = power off\nthen = recovered \"off\"\n");
	file("on", "[sequence]\nneeds = power\nstart = s\n[state s]\n"
		   "do = power on\nthen = recovered\n");
	file("x", HEAD "[state a]\ndo = run off\nthen = needs-hands \"look\"\n");
	assert_string_equal(check("x"),
		"x.ini:6: warning: this may end with the host powered off (by "
		"line 5 of off.ini); switch it on before, or say in the reason "
		"that it is off\n");
	problems_release(&problems);
	file("z", HEAD "[state a]\ndo = run off, run on\nthen = recovered\n");
	assert_string_equal(check("z"),
		"z.ini:6: recovered is not proved on the way a+1/on:s -> a+2: "
		"nothing is checked and no prompt is seen behind the act of line 5 "
		"of on.ini; add \"check ssh within 2m\" or another check, or come "
		"here by a rule on a prompt\n");
	problems_release(&problems);
	file("v", HEAD "[state a]\ndo = run off, run on, check tcp 22\n"
		       "then = recovered\n");
	assert_string_equal(check("v"), "");
}

static void loops_through_it_are_found(void **state)
{
	(void)state;
	file("y", "[sequence]\nneeds = power\nstart = s\n[state s]\n"
		  "then = recovered\n");
	file("x", HEAD "[state a]\ndo = run y\nthen = a\n");
	assert_string_equal(check("x"),
		"x.ini:4: a -> a/y:s -> a+1 -> a goes round without end; give "
		"one of these states \"visits = 3 -> TARGET\"\n");
	problems_release(&problems);
	file("z", HEAD "[state a]\nvisits = 3 -> failed \"z\"\ndo = run y\n"
		       "then = a\n");
	assert_string_equal(check("z"), "");
	file("r", "[sequence]\nneeds = power\nstart = s\n[state s]\nthen = t\n"
		  "timeout = 1s -> recovered\n[state t]\nthen = s\n");
	file("w", HEAD "[state a]\ndo = run r\nthen = failed \"x\"\n");
	assert_string_equal(check("w"),
		"r.ini:4: s -> t -> s goes round without end; give one of these "
		"states \"visits = 3 -> TARGET\"\n");
}

static void what_never_comes_back(void **state)
{
	(void)state;
	file("y", "[sequence]\nneeds = power\nstart = s\n[state s]\n"
		  "then = failed \"y\"\n");
	file("x", HEAD "[state a]\ndo = run y\nthen = recovered\n");
	assert_string_equal(check("x"),
		"x.ini:4: what stands behind a run in state \"a\" can't be "
		"reached: y.ini never ends with return or recovered\n");
}

static void returns_to_the_one_that_runs_it(void **state)
{
	struct sequence *s;

	(void)state;
	file("y", "[sequence]\nneeds = console\nstart = s\n[always]\n"
		  "on = /up/ -> return\n[state s]\ntimeout = 1s -> return\n");
	assert_string_equal(check("y"), "");
	s = parse("y");
	assert_true(sequence_is_part(s));
	sequence_free(s);
	file("x", "[sequence]\nneeds = console\nstart = a\n[state a]\n"
		  "do = run y\nthen = b\n[state b]\ndo = check tcp 22\n"
		  "then = recovered\n");
	assert_string_equal(check("x"), "");
	s = parse("x");
	assert_false(sequence_is_part(s));
	assert_int_equal(s->states[1].timeout.kind, TARGET_STATE);
	assert_int_equal(s->states[1].timeout.state, 2);
	assert_string_equal(s->states[1].timeout.note, "y returned");
	assert_int_equal(s->always.list[0].target.state, 2);
	sequence_free(s);
}

static void what_returns_proves_nothing(void **state)
{
	(void)state;
	file("y", "[sequence]\nneeds = console\nstart = s\n[state s]\n"
		  "on = /up/ -> recovered\ntimeout = 1s -> return\n");
	is_refused("y",
		"y.ini:5: a sequence that returns (line 6) is run by others, "
		"and they say recovered when they have proved it: write return "
		"here, or recovered there\n");
	file("z", "[sequence]\nneeds = console\nstart = s\n"
		  "healthy = check tcp 22\n[state s]\ntimeout = 1s -> return\n");
	is_refused("z",
		"z.ini:4: a sequence that returns (line 6) has no \"healthy\": "
		"that is asked of the sequence that runs it\n");
	file("r", "[sequence]\nneeds = console\nstart = return\n"
		  "[state return]\ntimeout = 1s -> retrun\n");
	assert_null(parse("r"));
	assert_non_null(strstr(said(), "\"return\" can't be the name of a "
				       "state"));
	problems_release(&problems);
	file("w", "[sequence]\nneeds = console\nstart = s\n"
		  "[state s]\ntimeout = 1s -> retrun\n");
	assert_null(parse("w"));
	assert_non_null(strstr(said(), "there is no state \"retrun\"; did "
				       "you mean \"return\"?"));
	problems_release(&problems);
	file("x", HEAD "[state a]\ndo = power cycle, run v\nthen = recovered\n");
	file("v", "[sequence]\nneeds = power\nstart = s\n[state s]\n"
		  "timeout = 1s -> return\n");
	assert_non_null(strstr(check("x"), "recovered is not proved on the way"));
}

/* Rules of [always] with max bound a loop of the sequence that has them alone. */
static void always_is_of_its_states(void **state)
{
	(void)state;
	file("y", "[sequence]\nneeds = console\nstart = s\n"
		  "[always]\non = /again/ max 2 -> s\non = /GRUB 2/ -> s\n"
		  "[state s]\nvisits = 9 -> failed \"s\"\n"
		  "timeout = 1s -> recovered\n");
	file("x", HEAD "[always]\non = /GRUB/ -> a\n"
		       "[state a]\nvisits = 9 -> failed \"a\"\ndo = run y, wait 1s\n"
		       "then = failed \"x\"\n");
	assert_string_equal(check("x"),
		"y.ini:6: this rule never fires: where /GRUB 2/ is "
		"found, /GRUB/ (line 5 of x.ini) was found before; make that one "
		"longer, or give it a max\n");
	problems_release(&problems);
	/* The other way round, it holds in its own states alone. */
	file("g", "[sequence]\nneeds = console\nstart = s\n"
		  "[always]\non = /GRUB/ -> failed \"g\"\n"
		  "[state s]\ntimeout = 1s -> recovered\n");
	file("z", HEAD "[always]\non = /GRUB 2/ -> failed \"z\"\n"
		       "[state a]\ndo = run g, wait 1s\nthen = failed \"x\"\n");
	assert_string_equal(check("z"), "");
}

/* ---- the machine ---------------------------------------------------------------------- */

static struct sequence *run_s;
static struct machine *run_m;
static int64_t run_now;
static enum rh_code run_shell;	/* how a command ends */
static bool run_over;

static void run_take(void);

static void run_answer(uint32_t id, enum rh_code code)
{
	struct machine_outcome o = { .err = RH_ERROR_INIT };

	if (code != RH_ERR_NONE)
		rh_error_set(&o.err, code, "the command failed");
	machine_done(run_m, run_now, id, &o);
	run_take();
}

static void run_take(void)
{
	struct machine_action a;

	for (machine_next(run_m, &a); a.what != MACHINE_NONE;
	     machine_next(run_m, &a)) {
		if (a.what == MACHINE_EVENT)
			buffer_printf(&out, "%d [%s] %s: %s\n",
				      (int)(run_now - BEGIN), a.state,
				      machine_event_name(a.event), a.text);
		else if (a.what == MACHINE_END)
			buffer_printf(&out, "%d %s: %s\n", (int)(run_now - BEGIN),
				      verdict_name(a.verdict), a.text);
		run_over = run_over || a.what == MACHINE_END;
		if (a.what == MACHINE_SHELL)
			run_answer(a.id, run_shell);
		else if (a.id != 0)
			run_answer(a.id, RH_ERR_NONE);
	}
}

static void run_until(int64_t at)
{
	int64_t due;

	while (!run_over && (due = machine_deadline(run_m)) <= BEGIN + at) {
		run_now = due > run_now ? due : run_now;
		machine_tick(run_m, run_now);
		run_take();
	}
	run_now = BEGIN + at;
}

static void run_print(int64_t at, const char *text)
{
	run_until(at);
	machine_feed(run_m, run_now, text, strlen(text));
	run_take();
}

static void run_begin(const char *name)
{
	struct machine_config config = {
		.terminal = KEYS_VT100, .enter = "\r", .has_console = true,
		.has_shell = true,
	};

	run_s = good(name);
	config.sequence = run_s;
	config.deadline = BEGIN + run_s->deadline_ms;
	run_now = BEGIN;
	run_over = false;
	buffer_clear(&out);
	run_m = machine_new(&config);
	machine_begin(run_m, run_now);
	machine_attached(run_m, run_now);
	run_take();
}

static void run_ends(const char *expected)
{
	run_until(10000000);
	assert_true(run_over);
	assert_string_equal(buffer_text(&out), expected);
	machine_free(run_m);
	sequence_free(run_s);
}

#define BOOT \
	"[sequence]\nneeds = console shell\nstart = wait\n" \
	"[always]\non = /F1/ max 2 : note \"F1\"\n" \
	"on idle = 9s max 1 : note \"idle\"\n" \
	"[state wait]\ntimeout = 1m -> failed \"no prompt\"\n" \
	"visits = 9 -> failed \"wait\"\n" \
	"on = /more/ -> wait\non = /login: $/ -> recovered\n" \
	"on = /shell/ -> shell\n" \
	"[state shell]\ndo = shell \"x\"\nthen = recovered\n"

static void files_of_boot(void)
{
	file("boot", BOOT);
	file("x", "[sequence]\nneeds = power console shell\nstart = a\n"
	     "[always]\non = /own/ : note \"own\"\n"
	     "on = /command/ : shell \"y\"\n"
	     "[state a]\ndo = wait 20s, run boot, wait 5s\n"
	     "then = recovered \"up\"\nelse = b\ntimeout = 30s -> failed \"late\"\n"
	     "on = /hidden/ : note \"hidden\"\n"
	     "[state b]\ndo = note \"b\"\nthen = failed \"b\"\n");
	run_shell = RH_ERR_NONE;
}

static void goes_in_and_comes_back(void **state)
{
	(void)state;
	files_of_boot();
	run_begin("x");
	run_print(1000, "F1 hidden own\n");
	/* Its own rules and time do not hold inside; those of [always] do. */
	run_print(21000, "F1 hidden own\n");
	run_print(22000, "more\n");
	run_print(22100, "F1 F1\n");
	run_print(50000, "own login: ");
	run_print(52000, "F1 hidden\n");
	run_ends("0 [] begin: \n0 [a] state: a\n"
		 "1000 [a] saw: F1 hidden\n1000 [a] note: hidden\n"
		 "1000 [a] saw: F1 hidden own\n1000 [a] note: own\n"
		 "20000 [a/boot:wait] state: a/boot:wait\n"
		 "21000 [a/boot:wait] saw: F1\n21000 [a/boot:wait] note: F1\n"
		 "21000 [a/boot:wait] saw: F1 hidden own\n"
		 "21000 [a/boot:wait] note: own\n"
		 "22000 [a/boot:wait] saw: more\n"
		 "22000 [a/boot:wait] state: a/boot:wait\n"
		 "22100 [a/boot:wait] saw: F1\n22100 [a/boot:wait] note: F1\n"
		 "31100 [a/boot:wait] idle: nothing was printed for 9s\n"
		 "31100 [a/boot:wait] note: idle\n"
		 "50000 [a/boot:wait] saw: own\n50000 [a/boot:wait] note: own\n"
		 "50050 [a/boot:wait] saw: own login:\n"
		 "50050 [a/boot:wait] note: boot recovered\n"
		 "50050 [a+1] state: a+1\n"
		 "52000 [a+1] saw: own login: F1 hidden\n52000 [a+1] note: hidden\n"
		 "55050 recovered: up\n");
}

/* A silence from before it began is not its own. */
static void silence_begins_with_it(void **state)
{
	(void)state;
	files_of_boot();
	run_begin("x");
	run_print(30000, "login: ");
	run_ends("0 [] begin: \n0 [a] state: a\n"
		 "20000 [a/boot:wait] state: a/boot:wait\n"
		 "29000 [a/boot:wait] idle: nothing was printed for 9s\n"
		 "29000 [a/boot:wait] note: idle\n"
		 "30050 [a/boot:wait] saw: login:\n"
		 "30050 [a/boot:wait] note: boot recovered\n"
		 "30050 [a+1] state: a+1\n35050 recovered: up\n");
}

static void failed_is_else(void **state)
{
	(void)state;
	files_of_boot();
	run_begin("x");
	run_print(21000, "F1\n");
	run_ends("0 [] begin: \n0 [a] state: a\n"
		 "20000 [a/boot:wait] state: a/boot:wait\n"
		 "21000 [a/boot:wait] saw: F1\n21000 [a/boot:wait] note: F1\n"
		 "30000 [a/boot:wait] idle: nothing was printed for 9s\n"
		 "30000 [a/boot:wait] note: idle\n"
		 "80000 [a/boot:wait] timeout: 1m is over\n"
		 "80000 [a/boot:wait] note: boot failed: no prompt\n"
		 "80000 [b] state: b\n80000 [b] note: b\n80000 failed: b\n");
}

static void actions_that_fail(void **state)
{
	static const char before[] =
		"0 [] begin: \n0 [a] state: a\n"
		"20000 [a/boot:wait] state: a/boot:wait\n"
		"21000 [a/boot:wait] saw: shell\n"
		"21000 [a/boot:shell] state: a/boot:shell\n"
		"21000 [a/boot:shell] failed: the command failed\n";
	char expected[600];

	(void)state;
	files_of_boot();
	run_shell = RH_ERR_STATE;
	run_begin("x");
	run_print(21000, "shell\n");
	snprintf(expected, sizeof(expected), "%s"
		 "21000 [a/boot:shell] note: boot failed\n"
		 "21000 [b] state: b\n21000 [b] note: b\n21000 failed: b\n",
		 before);
	run_ends(expected);
	/* A rule of the caller fails in it: so does it, then. */
	run_begin("x");
	run_print(21000, "command\n");
	run_ends("0 [] begin: \n0 [a] state: a\n"
		 "20000 [a/boot:wait] state: a/boot:wait\n"
		 "21000 [a/boot:wait] saw: command\n"
		 "21000 [a/boot:wait] failed: the command failed\n"
		 "21000 [a/boot:wait] note: boot failed\n"
		 "21000 [b] state: b\n21000 [b] note: b\n21000 failed: b\n");
	/* What nobody can tell is no failure: the run ends. */
	run_shell = RH_ERR_LOST;
	run_begin("x");
	run_print(21000, "shell\n");
	snprintf(expected, sizeof(expected), "%s"
		 "21000 unknown: the command failed\n", before);
	run_ends(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(states_are_put_in, setup),
		cmocka_unit_test_setup(without_else_failed_ends_it, setup),
		cmocka_unit_test_setup(twice_in_a_row_and_nested, setup),
		cmocka_unit_test_setup(the_start_may_stand_behind, setup),
		cmocka_unit_test_setup(refused, setup),
		cmocka_unit_test_setup(errors_name_the_other_file, setup),
		cmocka_unit_test_setup(circles_are_refused, setup),
		cmocka_unit_test_setup(depth_is_bounded, setup),
		cmocka_unit_test_setup(size_is_bounded, setup),
		cmocka_unit_test_setup(proofs_name_the_other_file, setup),
		cmocka_unit_test_setup(proofs_go_through_it, setup),
		cmocka_unit_test_setup(loops_through_it_are_found, setup),
		cmocka_unit_test_setup(what_never_comes_back, setup),
		cmocka_unit_test_setup(returns_to_the_one_that_runs_it, setup),
		cmocka_unit_test_setup(what_returns_proves_nothing, setup),
		cmocka_unit_test_setup(always_is_of_its_states, setup),
		cmocka_unit_test_setup(goes_in_and_comes_back, setup),
		cmocka_unit_test_setup(silence_begins_with_it, setup),
		cmocka_unit_test_setup(failed_is_else, setup),
		cmocka_unit_test_setup(actions_that_fail, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, release);
}
