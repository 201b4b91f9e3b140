/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine in a world of virtual time: a console that prints by a script
 * and reacts to what is typed, a power switch, ports. Everything that the
 * machine does goes to a log, one line each with its time, and the tests look
 * for lines. What holds for every run (world_take) is checked in each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define BEGIN 1000000
#define SCRIPT_MAX 128
#define ANSWERS_MAX 4

enum scene_kind { SCENE_NONE = 0, SCENE_PRINT, SCENE_ATTACH, SCENE_LOSE,
		  SCENE_GAP };

struct scene {
	enum scene_kind kind;
	int64_t at;	/* since the beginning; later than all: done */
	const char *text;
};

struct answer {
	int64_t at;
	uint32_t id;
	struct machine_outcome outcome;
};

struct world {
	struct machine_config config;
	struct sequence *s;
	struct machine *m;
	int64_t now;
	bool attached;
	bool on;
	bool ignores_power;
	struct scene script[SCRIPT_MAX];
	int script_count;
	const char *typed_wants;	/* when this was typed ... */
	const char *typed_prints;	/* ... this is printed at once */
	const char *on_prints;		/* printed 1 s after power-on */
	int64_t port_open;		/* from then on ports answer; NEVER */
	enum rh_code write_fails;
	enum rh_code secret_fails;
	enum rh_code break_fails;
	enum rh_code shell_fails;
	int64_t port_closes;		/* from then on they do not again; 0 never */
	bool strange_key;		/* a check of 389 is refused by us */
	const char *says;		/* a person, 5 s after a question */
	int split;			/* bytes a feed; 0: all at once */
	bool echoes;			/* what is typed comes back */
	int64_t silent;			/* answers to this `what` never come */

	struct answer answers[ANSWERS_MAX];
	int answer_count;
	struct buffer log;
	struct buffer typed;
	bool over;
	enum verdict verdict;
	enum rh_code code;
	char reason[1024];
	int acts;
};

static int64_t since(const struct world *w)
{
	return w->now - BEGIN;
}

static void world_log(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void world_log(struct world *w, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buffer_printf(&w->log, "%lld %s\n", (long long)since(w), text);
}

/* ---- the script ------------------------------------------------------------ */

static void world_scene(struct world *w, enum scene_kind kind, int64_t at,
			const char *text)
{
	assert_true(w->script_count < SCRIPT_MAX);
	w->script[w->script_count++] =
		(struct scene){ .kind = kind, .at = at, .text = text };
}

static void prints(struct world *w, int64_t at, const char *text)
{
	world_scene(w, SCENE_PRINT, at, text);
}

static struct scene *world_next_scene(struct world *w)
{
	struct scene *best = NULL;
	int i;

	for (i = 0; i < w->script_count; i++) {
		if (w->script[i].kind != SCENE_NONE &&
		    (best == NULL || w->script[i].at < best->at))
			best = &w->script[i];
	}
	return best;
}

static void world_print(struct world *w, const char *text)
{
	size_t len = strlen(text), n;

	while (len > 0) {
		n = w->split > 0 && len > (size_t)w->split ? (size_t)w->split
							   : len;
		machine_feed(w->m, w->now, text, n);
		text += n;
		len -= n;
	}
}

static void world_play(struct world *w, struct scene *scene)
{
	enum scene_kind kind = scene->kind;

	scene->kind = SCENE_NONE;
	if (kind == SCENE_PRINT && w->attached) {
		world_print(w, scene->text);
	} else if (kind == SCENE_ATTACH) {
		w->attached = true;
		machine_attached(w->m, w->now);
	} else if (kind == SCENE_LOSE) {
		w->attached = false;
		machine_lost(w->m, w->now);
	} else if (kind == SCENE_GAP) {
		machine_gap(w->m, w->now);
	}
}

/* ---- what the machine wants --------------------------------------------------- */

static struct machine_outcome *world_answer(struct world *w, uint32_t id,
					    int64_t in_ms)
{
	struct answer *a = &w->answers[w->answer_count];

	assert_true(w->answer_count < ANSWERS_MAX);
	w->answer_count++;
	memset(a, 0, sizeof(*a));
	a->at = w->now + in_ms;
	a->id = id;
	return &a->outcome;
}

static void world_fail(struct machine_outcome *o, enum rh_code code)
{
	if (code != RH_ERR_NONE)
		rh_error_set(&o->err, code, "it failed");
}

static void world_power(struct world *w, const struct machine_action *a)
{
	w->acts++;
	world_log(w, "power %s way %d", driver_act_name(a->act), a->way);
	world_answer(w, a->id, 50);
	if (w->ignores_power)
		return;
	if (a->act == DRIVER_ACT_OFF || a->act == DRIVER_ACT_SOFT)
		w->on = false;
	if (a->act == DRIVER_ACT_ON || a->act == DRIVER_ACT_CYCLE)
		w->on = true;
	if (w->on && w->on_prints != NULL && a->act != DRIVER_ACT_DIAG)
		prints(w, since(w) + 1000, w->on_prints);
}

static void world_write(struct world *w, const struct machine_action *a)
{
	char shown[512];
	char *bytes = memory_copy_len(a->bytes, a->len);
	const char *typed;

	assert_true(w->attached);
	world_log(w, "write %s", vis_text(bytes, shown, sizeof(shown)));
	buffer_append(&w->typed, a->bytes, a->len);
	free(bytes);
	world_fail(world_answer(w, a->id, 5), w->write_fails);
	if (w->echoes)
		machine_feed(w->m, w->now, a->bytes, a->len);
	typed = buffer_text(&w->typed);
	if (w->typed_wants != NULL && strstr(typed, w->typed_wants) != NULL) {
		w->typed_wants = NULL;
		prints(w, since(w) + 1, w->typed_prints);
	}
}

static void world_check(struct world *w, const struct machine_action *a)
{
	struct machine_outcome *o = world_answer(w, a->id, 20);

	world_log(w, "check %d", a->action->number);
	if (since(w) < w->port_open ||
	    (w->port_closes != 0 && since(w) >= w->port_closes))
		rh_error_set(&o->err, RH_ERR_UNREACHABLE, "refused");
	else if (w->strange_key && a->action->number == 389)
		rh_error_set(&o->err, RH_ERR_REFUSED, "the host key has changed");
	else
		o->text = a->action->number == 22 ? "tcp 22 answers"
						  : "tcp 389 answers";
}

static void world_end(struct world *w, const struct machine_action *a)
{
	world_log(w, "end %s: %s", verdict_name(a->verdict), a->text);
	w->over = true;
	w->verdict = a->verdict;
	w->code = a->code;
	snprintf(w->reason, sizeof(w->reason), "%s", a->text);
}

static void world_do(struct world *w, const struct machine_action *a)
{
	switch (a->what) {
	case MACHINE_EVIDENCE:
		world_log(w, "evidence");
		world_answer(w, a->id, 100)->text = "power on; 3 events";
		break;
	case MACHINE_POWER_QUERY:
		world_answer(w, a->id, 50)->state =
			w->on ? DRIVER_POWER_ON : DRIVER_POWER_OFF;
		break;
	case MACHINE_POWER_ACT:
		world_power(w, a);
		break;
	case MACHINE_BOOT:
		world_log(w, "boot %s", driver_boot_name(a->device));
		world_answer(w, a->id, 50);
		break;
	case MACHINE_WRITE:
		world_write(w, a);
		break;
	case MACHINE_SECRET:
		world_log(w, "secret %s", a->text);
		world_fail(world_answer(w, a->id, 5), w->secret_fails);
		break;
	case MACHINE_BREAK:
		world_log(w, "break");
		world_fail(world_answer(w, a->id, 5), w->break_fails);
		break;
	case MACHINE_CHECK:
		world_check(w, a);
		break;
	case MACHINE_SHELL:
		world_log(w, "shell %s", a->text);
		world_fail(world_answer(w, a->id, 500), w->shell_fails);
		break;
	case MACHINE_COLLECT:
		world_log(w, "collect %s", a->text);
		world_answer(w, a->id, 5)->text = "console.txt";
		break;
	case MACHINE_ASK:
		world_log(w, "ask %s", a->text);
		if (w->says != NULL)
			world_answer(w, a->id, 5000)->text = w->says;
		break;
	case MACHINE_WITHDRAW:
		world_log(w, "withdraw");
		break;
	case MACHINE_BOOT_ID:
		world_answer(w, a->id, 5)->text = "";
		break;
	case MACHINE_REOPEN:
		world_log(w, "reopen");
		break;
	case MACHINE_EVENT:
		world_log(w, "[%s] %s: %s", a->state,
			  machine_event_name(a->event), a->text);
		break;
	case MACHINE_END:
		world_end(w, a);
		break;
	case MACHINE_NONE:
		break;
	}
}

/* Takes all that is due. */
static void world_take(struct world *w)
{
	struct machine_action a;

	for (;;) {
		machine_next(w->m, &a);
		if (a.what == MACHINE_NONE)
			return;
		assert_false(w->over);
		assert_non_null(a.state);
		if (a.id != 0) {
			assert_true(a.deadline >= w->now);
			assert_true(a.deadline <= w->config.deadline);
		}
		world_do(w, &a);
		if (a.id != 0 && w->silent == (int64_t)a.what)
			w->answer_count--;
	}
}

static void world_deliver(struct world *w, int i)
{
	struct answer a = w->answers[i];

	w->answers[i] = w->answers[--w->answer_count];
	machine_done(w->m, w->now, a.id, &a.outcome);
}

static int world_next_answer(const struct world *w)
{
	int i, best = -1;

	for (i = 0; i < w->answer_count; i++) {
		if (best < 0 || w->answers[i].at < w->answers[best].at)
			best = i;
	}
	return best;
}

/* One thing that comes next in time; false where it is behind `until`. */
static bool world_step(struct world *w, int64_t until)
{
	struct scene *scene = world_next_scene(w);
	int64_t due = machine_deadline(w->m);
	int i = world_next_answer(w);
	int64_t answer = i >= 0 ? w->answers[i].at : DEADLINE_NEVER;
	int64_t play = scene != NULL ? BEGIN + scene->at : DEADLINE_NEVER;
	int64_t at = deadline_min(due, deadline_min(answer, play));

	if (at > BEGIN + until)
		return false;
	assert_true(at >= w->now);
	w->now = at;
	if (answer == at)
		world_deliver(w, i);
	else if (play == at)
		world_play(w, scene);
	else
		machine_tick(w->m, w->now);
	world_take(w);
	return true;
}

static void world_go(struct world *w, int64_t until)
{
	int steps = 0;

	while (!w->over && world_step(w, until))
		assert_true(++steps < 200000);
	if (!w->over)
		w->now = BEGIN + until;
	else
		assert_true(w->now <= w->config.deadline);
}

static void world_init(struct world *w, const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("x.ini", text, strlen(text), &problems);

	memset(w, 0, sizeof(*w));
	w->s = sequence_parse(ini, "x", NULL, &problems);
	if (w->s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	problems_release(&problems);
	w->now = BEGIN;
	w->on = true;
	w->config = (struct machine_config){
		.sequence = w->s, .terminal = KEYS_VT100, .enter = "\r",
		.key_delay_ms = 10, .power_ways = 1, .has_console = true,
		.min_off_ms = 5000, .confirm_ms = 60000, .mute_ms = 20000,
		.deadline = BEGIN + w->s->deadline_ms, .evidence = true,
	};
	w->port_open = DEADLINE_NEVER;
	w->silent = -1;
	world_scene(w, SCENE_ATTACH, 0, NULL);
}

static void world_begin(struct world *w)
{
	w->m = machine_new(&w->config);
	machine_begin(w->m, w->now);
	world_take(w);
}

static void world_run(struct world *w)
{
	world_begin(w);
	world_go(w, INT64_C(1000000000));
	assert_true(w->over);
	assert_true(machine_deadline(w->m) == DEADLINE_NEVER);
}

static void world_release(struct world *w)
{
	machine_free(w->m);
	sequence_free(w->s);
	buffer_release(&w->log);
	buffer_release(&w->typed);
}

static int count(const struct world *w, const char *line)
{
	const char *at = buffer_text(&w->log);
	int n = 0;

	for (; (at = strstr(at, line)) != NULL; at++)
		n++;
	return n;
}

static void has(const struct world *w, const char *line)
{
	if (count(w, line) == 0)
		fail_msg("no \"%s\" in:\n%s", line, buffer_text(&w->log));
}

static void lacks(const struct world *w, const char *line)
{
	if (count(w, line) != 0)
		fail_msg("\"%s\" in:\n%s", line, buffer_text(&w->log));
}

static void ends(struct world *w, enum verdict verdict, const char *reason)
{
	if (!w->over || w->verdict != verdict ||
	    strstr(w->reason, reason) == NULL)
		fail_msg("expected %s \"%s\" in:\n%s", verdict_name(verdict),
			 reason, buffer_text(&w->log));
	world_release(w);
}

#define HEAD "[sequence]\nstart = a\ndeadline = 10m\n"

/* ---- the console -------------------------------------------------------------- */

static void sees_and_goes_on(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non = /GRUB/ -> b\n"
		       "[state b]\non = /login: $/ -> recovered\n");
	prints(&w, 1000, "\033[1mGNU GR\033[0mUB 2\r\n");
	prints(&w, 5000, "ldap1 login: ");
	world_run(&w);
	has(&w, "0 [] begin: ");
	has(&w, "0 [a] state: a\n");
	has(&w, "1000 [a] saw: GNU GRUB\n");
	has(&w, "1000 [b] state: b\n");
	has(&w, "5050 [b] saw: ldap1 login:");
	ends(&w, VERDICT_RECOVERED, "saw \"ldap1 login:");
}

static void old_text_never_fires(void **state)
{
	struct world w;

	(void)state;
	/* Before a power act; the console replays it a second time after. */
	world_init(&w, HEAD "[state a]\ndo = wait 1s, power reset\nthen = b\n"
		       "[state b]\non = /login/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	prints(&w, 500, "login: ");
	world_run(&w);
	has(&w, "power reset");
	ends(&w, VERDICT_FAILED, "nothing");
	/* While off is on its way: the act is acknowledged, the host speaks. */
	world_init(&w, HEAD "[state a]\ndo = power off\nthen = b\n"
		       "[state b]\non = /login/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	prints(&w, 170, "login: ");
	prints(&w, 300, "login: ");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "nothing");
	/* The other half of a prompt whose first half is stale. */
	world_init(&w, HEAD "[state a]\ndo = wait 1s, power reset\nthen = b\n"
		       "[state b]\non = /login/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	prints(&w, 500, "log");
	prints(&w, 9000, "in: ");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "nothing");
}

/* The text before is gone, and with it how far it was looked at. */
static void fresh_text_fires_behind_stale_text(void **state)
{
	static const char text[] = HEAD
		"[always]\non = /login(?=: $)/ -> c\n"
		"[state a]\ndo = wait 5s, power reset\nthen = b\n"
		"[state b]\non = /logout/ -> c\n"
		"timeout = 30s -> failed \"missed\"\n"
		"[state c]\non = /: $/ -> d\n"
		"timeout = 5s -> failed \"rest\"\n[state d]\nthen = recovered\n";
	struct world w;

	(void)state;
	world_init(&w, text);
	prints(&w, 100, "Loading the operating system ... please be patient\n");
	prints(&w, 9000, "login: ");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "saw \"login:");
	/* In one state, behind what an own rule looked at. */
	world_init(&w, HEAD "[state a]\ndo = wait 5s, power reset, wait 9s\n"
		       "then = failed \"missed\"\non = /login/ -> recovered\n");
	prints(&w, 100, "Loading the operating system ... please be patient\n");
	prints(&w, 9000, "login: ");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "");
}

static void text_before_attach_never_fires(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non = /login/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	w.script[0].at = 2000;
	world_begin(&w);
	machine_feed(w.m, w.now, "login", 5);
	world_take(&w);
	world_go(&w, 60000);
	ends(&w, VERDICT_FAILED, "nothing");
	/* Lost and had again: what stood there before is gone. */
	world_init(&w, HEAD "[state a]\non = /login/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	prints(&w, 100, "log");
	world_scene(&w, SCENE_LOSE, 200, NULL);
	world_scene(&w, SCENE_ATTACH, 300, NULL);
	prints(&w, 400, "in");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "nothing");
}

/* T07: bytes are missing in the middle of the console's text. */
static void text_with_a_gap(void **state)
{
	struct world w;

	(void)state;
	/* What comes behind it does not go on with what was before. */
	world_init(&w, HEAD "[state a]\non = /login/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	prints(&w, 100, "log");
	world_scene(&w, SCENE_GAP, 200, NULL);
	prints(&w, 300, "in");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "nothing");
	/* A prompt that was not answered yet is not the last word any more. */
	world_init(&w, HEAD "[state a]\non = /login: $/ -> recovered\n"
		       "timeout = 30s -> failed \"nothing\"\n");
	prints(&w, 100, "login: ");
	world_scene(&w, SCENE_GAP, 110, NULL);
	world_run(&w);
	ends(&w, VERDICT_FAILED, "nothing");
	/* It goes on, and the host was not silent. */
	world_init(&w, HEAD "[state a]\non idle = 10s -> failed \"idle\"\n"
		       "on = /login/ -> recovered\n");
	world_scene(&w, SCENE_GAP, 8000, NULL);
	prints(&w, 12000, "login: ");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "");
}

static void no_console_to_be_had(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = recovered\n");
	w.script_count = 0;
	world_run(&w);
	assert_int_equal(w.acts, 0);
	assert_int_equal(since(&w), 60000);
	assert_int_equal(w.code, RH_ERR_UNREACHABLE);
	ends(&w, VERDICT_UNKNOWN, "nothing was done to the host");
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = recovered\n");
	w.script_count = 0;
	w.config.has_console = false;
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "");
}

static void which_rule_wins(void **state)
{
	struct world w;

	(void)state;
	/* The earliest end, though it is in [always] and written later. */
	world_init(&w, HEAD "[always]\non = /panic/ -> failed \"always\"\n"
		       "[state a]\non = /panic.*end/ -> failed \"own\"\n");
	prints(&w, 100, "panic ... end");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "always");
	/* The same end: the state's own rule. */
	world_init(&w, HEAD "[always]\non = /panic/ -> failed \"always\"\n"
		       "[state a]\non = /a panic/ -> failed \"own\"\n");
	prints(&w, 100, "a panic");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "own");
	/* The same end, the same list: the order written. */
	world_init(&w, HEAD "[state a]\non = /anic/ -> failed \"first\"\n"
		       "on = /panic/ -> failed \"second\"\n");
	prints(&w, 100, "panic");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "first");
}

static void a_match_consumes_its_text(void **state)
{
	struct world w;

	(void)state;
	/* What is left is seen by the next state; what is consumed is not. */
	world_init(&w, HEAD "[state a]\non = /one/ -> b\n"
		       "[state b]\non = /one/ -> failed \"again\"\n"
		       "on = /two/ -> c\n"
		       "[state c]\non = /three/ -> recovered\n");
	prints(&w, 100, "one two three");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "");
	/* A prompt that came while an action held the machine is not missed. */
	world_init(&w, HEAD "[state a]\ndo = enter \"12345\"\nthen = b\n"
		       "[state b]\non = /early/ -> recovered\n"
		       "timeout = 5s -> failed \"missed\"\n");
	prints(&w, 20, "early");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "saw \"early\"");
}

static void stale_prompts_are_not_answered(void **state)
{
	static const char lines[] = "Press F1\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"
				    "11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n"
				    "21\n22\n23\n24\n25\n";
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non = /Press F1/ max 1 : key F1\n"
		       "on = /done/ -> recovered\n");
	prints(&w, 100, lines);
	prints(&w, 200, "done");
	world_run(&w);
	has(&w, "100 [a] stale: Press F1");
	lacks(&w, "write");
	ends(&w, VERDICT_RECOVERED, "");
	/* 24 lines further up it is still on the screen. */
	world_init(&w, HEAD "[state a]\non = /Press F1/ max 1 : key F1\n"
		       "on = /done/ -> recovered\n");
	prints(&w, 100, lines + 0);
	w.script[1].text = "Press F1\n1\n2\n3";
	prints(&w, 300, lines);
	prints(&w, 400, "Press F1");
	prints(&w, 600, "done");
	world_run(&w);
	assert_int_equal(count(&w, "write"), 1);
	ends(&w, VERDICT_RECOVERED, "");
	/* One that does not type may fire from any place. */
	world_init(&w, HEAD "[state a]\non = /Press F1/ -> recovered\n");
	prints(&w, 100, lines);
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "");
}

static void max_is_kept(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[always]\non = /ask/ max 2 : key F1\n"
		       "[state a]\non = /next/ -> b\n"
		       "[state b]\non = /end/ -> recovered\n");
	prints(&w, 100, "ask");
	prints(&w, 200, "next");
	prints(&w, 300, "ask");
	prints(&w, 400, "ask");
	prints(&w, 500, "end");
	world_run(&w);
	assert_int_equal(count(&w, "write"), 2);
	ends(&w, VERDICT_RECOVERED, "");
	/* A power action in a rule does not begin to count anew. */
	world_init(&w, HEAD "[state a]\non = /hung/ max 2 : power reset\n"
		       "timeout = 2m -> failed \"over\"\n");
	w.on_prints = "hung";
	prints(&w, 100, "hung");
	prints(&w, 10000, "hung");
	prints(&w, 20000, "hung");
	prints(&w, 30000, "hung");
	world_run(&w);
	assert_int_equal(w.acts, 2);
	ends(&w, VERDICT_FAILED, "over");
}

static void any_split_gives_the_same(void **state)
{
	static const char text[] = "BIOS\r\n\033[2;1HPress \033[1mF1\033[m now"
				   "\r\nGRUB \xe2\x94\x82 menu\r\nlogin: ";
	struct buffer first = { 0 };
	struct world w;
	int split;

	(void)state;
	for (split = 0; split < 40; split++) {
		world_init(&w, HEAD "[always]\non = /BIOS/ max 1 : note \"b\"\n"
			       "[state a]\non = /Press F1.*$/ max 1 : key F1\n"
			       "on = /GRUB/ -> b\n"
			       "[state b]\non = /login: $/ -> recovered\n");
		w.split = split;
		prints(&w, 100, text);
		world_run(&w);
		if (split == 0)
			buffer_append(&first, w.log.data, w.log.len);
		assert_string_equal(buffer_text(&w.log), buffer_text(&first));
		ends(&w, VERDICT_RECOVERED, "");
	}
	buffer_release(&first);
}

/* More at once than is kept: all of it is looked at. */
static void floods_are_looked_at(void **state)
{
	size_t size = 3000000;
	char *text = memory_new(1, size + 1);
	struct world w;

	(void)state;
	memset(text, 'x', size);
	memcpy(text + 1000, "needle", 6);
	world_init(&w, HEAD "[state a]\non = /needle/ -> recovered\n"
		       "timeout = 1m -> failed \"lost\"\n");
	prints(&w, 100, text);
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "saw");
	free(text);
}

/* ---- time ------------------------------------------------------------------------ */

static void idle_lost_timeout_visits(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non idle = 10s : note \"quiet\"\n"
		       "timeout = 25s -> failed \"t\"\n");
	prints(&w, 3000, "x");
	world_run(&w);
	assert_int_equal(count(&w, "idle: nothing was printed for 10s"), 1);
	has(&w, "13000 [a] note: quiet");
	has(&w, "25000 [a] timeout: 25s is over");
	ends(&w, VERDICT_FAILED, "t");
	world_init(&w, HEAD "[state a]\non lost = 5s -> unknown \"gone\"\n");
	world_scene(&w, SCENE_LOSE, 1000, NULL);
	world_scene(&w, SCENE_ATTACH, 4000, NULL);
	world_scene(&w, SCENE_LOSE, 6000, NULL);
	world_run(&w);
	assert_int_equal(since(&w), 11000);
	ends(&w, VERDICT_UNKNOWN, "gone");
	world_init(&w, HEAD "[state a]\nvisits = 2 -> needs-hands \"loop\"\n"
		       "timeout = 10s -> b\n[state b]\nthen = a\n");
	world_run(&w);
	has(&w, "visits: a was entered 2 times; no more are allowed");
	assert_int_equal(since(&w), 20000);
	ends(&w, VERDICT_NEEDS_HANDS, "loop");
}

static void ends_at_the_deadline(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non = /x/ -> recovered\n");
	world_run(&w);
	assert_int_equal(since(&w), 600000);
	assert_int_equal(w.code, RH_ERR_TIMEOUT);
	ends(&w, VERDICT_FAILED, "the deadline came in state \"a\"");
	world_init(&w, HEAD "[state a]\non = /x/ -> recovered\n");
	world_scene(&w, SCENE_LOSE, 500, NULL);
	world_run(&w);
	ends(&w, VERDICT_UNKNOWN, "without a console");
	world_init(&w, HEAD "[state a]\ndo = wait 9m50s, power off\n"
		       "then = recovered\n");
	w.ignores_power = true;
	world_run(&w);
	assert_int_equal(since(&w), 600000);
	ends(&w, VERDICT_UNKNOWN, "in the middle of a power action in state "
				  "\"a\"; the host may be off");
	/* Nothing has been sent: it is not said that it may be off. */
	world_init(&w, HEAD "[state a]\ndo = wait 9m50s, power off\n"
		       "then = recovered\n");
	w.silent = MACHINE_POWER_QUERY;
	world_run(&w);
	lacks(&w, "may be off");
	ends(&w, VERDICT_UNKNOWN, "in the middle of a power action");
	/* An answer that never comes, in each kind of action. */
	world_init(&w, HEAD "[state a]\ndo = sysrq b\nthen = recovered\n");
	w.silent = MACHINE_BREAK;
	world_run(&w);
	ends(&w, VERDICT_UNKNOWN, "in the middle of an action");
	world_init(&w, HEAD "[state a]\ndo = check tcp 22\nthen = recovered\n");
	w.silent = MACHINE_CHECK;
	world_run(&w);
	ends(&w, VERDICT_FAILED, "deadline");
	/* The moment itself belongs to the deadline. */
	world_init(&w, HEAD "[state a]\non = /x/ -> recovered\n");
	prints(&w, 600000, "x");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "deadline");
}

static void circles_are_stopped(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\nthen = b\n[state b]\nthen = a\n");
	world_run(&w);
	assert_int_equal(since(&w), 0);
	assert_int_equal(w.code, RH_ERR_INTERNAL);
	ends(&w, VERDICT_FAILED, "goes round in a circle");
	world_init(&w, HEAD "[state a]\nvisits = 1 -> b\nthen = b\n"
		       "[state b]\nvisits = 1 -> a\nthen = a\n");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "goes round in a circle");
}

/* Many changes of state in a long run, or in much text, are no circle. */
static void long_runs_are_no_circle(void **state)
{
	char text[40001];
	struct world w;

	(void)state;
	memset(text, '#', 40000);
	text[40000] = '\0';
	world_init(&w, HEAD "[state a]\non = /#/ : note \"n\" -> b\n"
		       "timeout = 1s -> recovered\n"
		       "[state b]\non = /#/ : note \"n\" -> a\n"
		       "timeout = 1s -> failed \"b\"\n");
	prints(&w, 100, text);
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "");
	world_init(&w, "[sequence]\nstart = a\ndeadline = 5h\n"
		       "[state a]\ndo = wait 1s\nthen = b\n"
		       "[state b]\ntimeout = 500ms -> a\n");
	world_run(&w);
	assert_int_equal(since(&w), 5 * 3600 * 1000);
	ends(&w, VERDICT_FAILED, "the deadline");
}

static void waits_are_interrupted(void **state)
{
	struct world w;

	(void)state;
	/* Without a target: the rule's actions, then the rest of the wait. */
	world_init(&w, HEAD "[always]\non = /F1/ : key F1\n"
		       "[state a]\ndo = wait 10s, note \"waited\"\n"
		       "then = recovered\n");
	prints(&w, 4000, "F1");
	world_run(&w);
	has(&w, "4000 write");
	has(&w, "10000 [a] note: waited");
	ends(&w, VERDICT_RECOVERED, "");
	/* With a target: the wait is over. */
	world_init(&w, HEAD "[always]\non = /panic/ : note \"p\" -> b\n"
		       "[state a]\ndo = wait 10s, note \"waited\"\n"
		       "then = recovered\n[state b]\nthen = failed \"panic\"\n");
	prints(&w, 4000, "panic");
	world_run(&w);
	lacks(&w, "waited");
	has(&w, "4000 [a] note: p");
	ends(&w, VERDICT_FAILED, "panic");
	/* The timeout of the state ends it too. */
	world_init(&w, HEAD "[state a]\ndo = wait 10s\nthen = recovered\n"
		       "timeout = 5s -> failed \"t\"\n");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "t");
}

static void checks_are_interrupted(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[always]\non = /F1/ : key F1\n"
		       "[state a]\ndo = check tcp 22 within 1m every 5s\n"
		       "then = recovered\n");
	w.port_open = 12000;
	prints(&w, 5010, "F1");
	world_run(&w);
	has(&w, "5010 [a] saw: F1");
	has(&w, "write");
	ends(&w, VERDICT_RECOVERED, "tcp 22 answers");
	world_init(&w, HEAD "[always]\non = /panic/ -> failed \"panic\"\n"
		       "[state a]\ndo = check tcp 22 within 1m\n"
		       "then = recovered\n");
	prints(&w, 5010, "panic");
	world_run(&w);
	ends(&w, VERDICT_FAILED, "panic");
	world_init(&w, HEAD "[state a]\ndo = check tcp 22 within 10s every 3s\n"
		       "then = recovered\nelse = needs-hands \"ssh\"\n");
	world_run(&w);
	assert_int_equal(count(&w, "check 22"), 4);
	has(&w, "failed: refused");
	ends(&w, VERDICT_NEEDS_HANDS, "ssh");
}

/* ---- typing -------------------------------------------------------------------- */

static void the_pace_is_kept(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = enter \"ab\", key Esc F1 Enter\n"
		       "  send \"xyz\"\nthen = recovered\n");
	w.echoes = true;
	w.config.key_delay_ms = 100;
	w.config.terminal = KEYS_VT100_PLUS;
	w.config.enter = "\r\n";
	world_run(&w);
	has(&w, "0 write a\n105 write b\n210 write \\r\\n\n");
	has(&w, "[a] typed: \"ab\" Enter\n");
	/* I02: firmware takes what follows Esc within 2 s for a sequence. */
	has(&w, "315 write \\e\n2420 write \\e1\n");
	has(&w, "typed: Esc F1 Enter\n");
	has(&w, "write xyz\n");
	assert_int_equal(since(&w), 2635);
	ends(&w, VERDICT_RECOVERED, "");
}

static void the_pace_of_the_state_is_kept(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\nkey-delay = 200ms\n"
		       "do = enter \"ab\", key F1\nthen = b\n"
		       "[state b]\ndo = send \"x\", send \"y\"\n"
		       "then = recovered\n");
	w.echoes = true;
	world_run(&w);
	has(&w, "0 write a\n205 write b\n410 write \\r\n");
	has(&w, "615 write \\eOP\n");
	has(&w, "820 write x\n");
	has(&w, "835 write y\n");
	ends(&w, VERDICT_RECOVERED, "");
}

static void keys_of_the_terminal(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = key F1\nthen = recovered\n");
	w.config.terminal = KEYS_VT100_PLUS;
	world_run(&w);
	has(&w, "write \\e1\n");
	ends(&w, VERDICT_RECOVERED, "");
}

/* Keys may be had before the events that tell why; nothing else may. */
static void keys_come_before_events(void **state)
{
	struct machine_action a;
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non = /F1/ : key F1\n"
		       "on = /F2/ : collect console, key F2\n"
		       "timeout = 20s -> failed \"t\"\n");
	world_begin(&w);
	world_go(&w, 1);
	assert_false(machine_next_write(w.m, &a));
	machine_feed(w.m, w.now, "F1", 2);
	assert_true(machine_next_write(w.m, &a));
	assert_int_equal(a.what, MACHINE_WRITE);
	assert_false(machine_next_write(w.m, &a));
	world_do(&w, &a);
	world_take(&w);
	has(&w, "1 write \\eOP\n1 [a] saw: F1\n");
	assert_int_equal(count(&w, "write"), 1);
	world_go(&w, 100);
	machine_feed(w.m, w.now, "F2", 2);
	assert_false(machine_next_write(w.m, &a));
	world_take(&w);
	world_go(&w, INT64_C(1000000000));
	assert_int_equal(count(&w, "write"), 2);
	ends(&w, VERDICT_FAILED, "t");
}

static void swallowed_keys_go_out_again(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\non = /F1/ max 2 : key F1\n"
		       "timeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "F1");
	world_run(&w);
	assert_int_equal(count(&w, "write"), 2);
	has(&w, "1000 write");
	has(&w, "4005 [a] again: no effect was seen");
	ends(&w, VERDICT_FAILED, "t");
	/* Anything that comes is an effect. */
	world_init(&w, HEAD "[state a]\non = /F1/ max 2 : key F1\n"
		       "timeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "F1");
	prints(&w, 3500, ".");
	world_run(&w);
	assert_int_equal(count(&w, "write"), 1);
	ends(&w, VERDICT_FAILED, "t");
	/* max 1, and no max: never. */
	world_init(&w, HEAD "[state a]\non = /F1/ max 1 : key F1\n"
		       "on = /F2/ : key F2\ntimeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "F1");
	prints(&w, 7000, "F2");
	world_run(&w);
	assert_int_equal(count(&w, "write"), 2);
	ends(&w, VERDICT_FAILED, "t");
	/* A repeat counts: the prompt that comes again has no more. */
	world_init(&w, HEAD "[state a]\non = /F1/ max 2 : key F1\n"
		       "timeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "F1");
	prints(&w, 9000, "F1");
	world_run(&w);
	assert_int_equal(count(&w, "write"), 2);
	ends(&w, VERDICT_FAILED, "t");
}

static void console_lost_while_typing(void **state)
{
	struct world w;

	(void)state;
	/* It comes back: the rest goes out, nothing twice. */
	world_init(&w, HEAD "[state a]\ndo = enter \"abc\"\nthen = recovered\n");
	w.config.key_delay_ms = 1000;
	world_scene(&w, SCENE_LOSE, 500, NULL);
	world_scene(&w, SCENE_ATTACH, 30000, NULL);
	world_run(&w);
	assert_string_equal(buffer_text(&w.typed), "abc\r");
	ends(&w, VERDICT_RECOVERED, "");
	/* It does not. */
	world_init(&w, HEAD "[state a]\ndo = enter \"abc\"\nthen = recovered\n");
	w.config.key_delay_ms = 1000;
	world_scene(&w, SCENE_LOSE, 500, NULL);
	world_run(&w);
	assert_int_equal(since(&w), 60500);
	assert_string_equal(buffer_text(&w.typed), "a");
	ends(&w, VERDICT_UNKNOWN, "lost while keys had to be typed");
	/* The write itself says so. */
	world_init(&w, HEAD "[state a]\ndo = enter \"abc\"\nthen = recovered\n");
	w.write_fails = RH_ERR_LOST;
	world_run(&w);
	ends(&w, VERDICT_UNKNOWN, "it failed");
	world_init(&w, HEAD "[state a]\non = /F1/ : key F1 Enter -> b\n"
		       "timeout = 5s -> failed \"t\"\n"
		       "[state b]\nthen = recovered\n");
	w.write_fails = RH_ERR_LOST;
	prints(&w, 1000, "F1");
	world_run(&w);
	has(&w, "typing was interrupted");
	assert_int_equal(count(&w, "write"), 1);
	ends(&w, VERDICT_FAILED, "t");
}

static void break_and_sysrq(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = break, sysrq s, sysrq b\n"
		       "then = b\n[state b]\non = /old/ -> failed \"old\"\n"
		       "timeout = 5s -> recovered\n");
	prints(&w, 1, "old");
	world_run(&w);
	assert_int_equal(count(&w, " break\n"), 3);
	has(&w, "done: break sent");
	has(&w, "write s\n");
	has(&w, "done: sysrq s sent");
	has(&w, "write b\n");
	assert_int_equal(count(&w, "evidence\n"), 1);
	ends(&w, VERDICT_RECOVERED, "");
	/* The console goes between the break and the letter. */
	world_init(&w, HEAD "[state a]\ndo = sysrq b\nthen = recovered\n");
	world_scene(&w, SCENE_LOSE, 102, NULL);
	world_run(&w);
	has(&w, "100 break");
	lacks(&w, "write");
	ends(&w, VERDICT_UNKNOWN, "its letter was not sent");
	/* It is away when a break is due: the break waits for it, a minute. */
	world_init(&w, HEAD "[state a]\ndo = wait 1s, break\n"
		       "then = b\n[state b]\ntimeout = 5s -> recovered\n");
	world_scene(&w, SCENE_LOSE, 500, NULL);
	world_scene(&w, SCENE_ATTACH, 5000, NULL);
	world_run(&w);
	has(&w, "5000 break");
	assert_int_equal(count(&w, " break\n"), 1);
	ends(&w, VERDICT_RECOVERED, "");
	world_init(&w, HEAD "[state a]\ndo = wait 1s, sysrq s\n"
		       "then = recovered\n");
	world_scene(&w, SCENE_LOSE, 500, NULL);
	world_run(&w);
	lacks(&w, "break\n");
	ends(&w, VERDICT_UNKNOWN, "the console was lost when a break");
	world_init(&w, HEAD "[state a]\ndo = sysrq b\nthen = recovered\n");
	w.break_fails = RH_ERR_NOTSUP;
	world_run(&w);
	lacks(&w, "write");
	ends(&w, VERDICT_FAILED, "it failed");
}

/* ---- secrets -------------------------------------------------------------------- */

#define SECRET HEAD "[state a]\non = /Password: ?/ : secret pw -> b\n" \
	"timeout = 20s -> failed \"t\"\n" \
	"[state b]\non = /\\$ / -> recovered\non = /wrong/ -> a\n" \
	"timeout = 20s -> failed \"t\"\n"

static void secrets(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: ");
	prints(&w, 2000, "ldap1 $ ");
	world_run(&w);
	has(&w, "1250 secret pw");
	has(&w, "typed: <secret:pw> Enter");
	ends(&w, VERDICT_RECOVERED, "");
	/* Text follows within the quiet: it is no prompt. */
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: ");
	prints(&w, 1200, "is in the manual\n");
	world_run(&w);
	has(&w, "stale: the prompt is gone; the secret pw was not typed");
	lacks(&w, "1250 secret pw");
	lacks(&w, "[b]");
	ends(&w, VERDICT_FAILED, "t");
	/* In the same piece. */
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: see below");
	world_run(&w);
	lacks(&w, " secret pw\n");
	ends(&w, VERDICT_FAILED, "t");
	/* What the state was doing goes on then. */
	world_init(&w, HEAD "[state a]\ndo = check tcp 22 within 1m\n"
		       "then = recovered\n"
		       "on = /Password: ?/ : secret pw -> b\n"
		       "[state b]\nthen = failed \"b\"\n");
	w.port_open = 10000;
	prints(&w, 1000, "Password: see below");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "tcp 22 answers");
	/* The console goes in between. */
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: ");
	world_scene(&w, SCENE_LOSE, 1100, NULL);
	world_run(&w);
	lacks(&w, " secret pw\n");
	ends(&w, VERDICT_FAILED, "t");
}

/* C05, and the prompt of DESIGN 6, which goes over two lines. */
static void secrets_and_kernel_messages(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: ");
	prints(&w, 1100, "[    2.138909] tsc: calibrated\r\n"
			 "[    2.141303] clocksource: tsc\r\n");
	prints(&w, 2000, "ldap1 $ ");
	world_run(&w);
	has(&w, "1250 secret pw");
	ends(&w, VERDICT_RECOVERED, "");
	world_init(&w, HEAD "[state a]\ntimeout = 20s -> failed \"t\"\n"
		       "on = /Give root password for maintenance/ : secret pw "
		       "-> b\n[state b]\nthen = recovered\n");
	prints(&w, 1000, "Give root password for maintenance\r\n"
			 "(or press Control-D to continue): ");
	world_run(&w);
	has(&w, "1250 secret pw");
	ends(&w, VERDICT_RECOVERED, "");
	/* Two lines on, it is another prompt. */
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: \r\nLogin incorrect\r\nlogin: ");
	world_run(&w);
	lacks(&w, " secret pw\n");
	ends(&w, VERDICT_FAILED, "t");
	/* A message in the middle of a prompt does not hide its end. */
	world_init(&w, HEAD "[state a]\ntimeout = 20s -> failed \"t\"\n"
		       "on = /login: $/ -> recovered\n");
	prints(&w, 1000, "oldhost login: [    2.138909] tsc: calibrated\r\n");
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "saw");
}

/* A prompt that was gone does not use up the rule. */
/* C05: the line is told twice, and answered once. */
static void prompts_with_a_message_inside(void **state)
{
	static const char text[] =
		"Press any[   12.345678] usb 1-1: Press me\r\n key to go on";
	struct world w;
	int split;

	(void)state;
	for (split = 0; split < 2; split++) {
		world_init(&w, HEAD "[state a]\non = /any key to go/ -> recovered\n");
		w.split = split;
		prints(&w, 100, text);
		world_run(&w);
		ends(&w, VERDICT_RECOVERED, "saw");
		/* What was answered before the message came ... */
		world_init(&w, HEAD "[state a]\non = /^Press/ : key F1\n"
			       "on = /on$/ -> b\n"
			       "[state b]\non = /never/ -> recovered\n"
			       "timeout = 3s -> failed \"t\"\n");
		w.split = split;
		prints(&w, 100, "Press any");
		prints(&w, 500, text + 9);
		world_run(&w);
		assert_int_equal(count(&w, "write"), 1);
		has(&w, "state: b");
		ends(&w, VERDICT_FAILED, "t");
		/* ... and what was not looked at before; the message counts. */
		world_init(&w, HEAD "[state a]\non = /Press/ : key F1\n"
			       "on = /on$/ -> b\n"
			       "[state b]\non = /never/ -> recovered\n"
			       "timeout = 3s -> failed \"t\"\n");
		w.split = split;
		prints(&w, 100, text);
		world_run(&w);
		assert_int_equal(count(&w, "write"), 2);
		ends(&w, VERDICT_FAILED, "t");
	}
}

static void stale_does_not_count(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ntimeout = 20s -> failed \"t\"\n"
		       "on = /Password: ?/ max 1 : secret pw -> b\n"
		       "[state b]\nthen = recovered\n");
	prints(&w, 1000, "Password: see below\r\n");
	prints(&w, 3000, "Password: ");
	world_run(&w);
	has(&w, "3250 secret pw");
	ends(&w, VERDICT_RECOVERED, "");
}

/* H04: a service that comes up and goes down again is not up. */
static void checks_hold(void **state)
{
	static const char text[] =
		HEAD "[state a]\ndo = check tcp 22 within 1m every 2s for 30s\n"
		"then = recovered\nelse = failed \"down\"\n";
	struct world w;

	(void)state;
	world_init(&w, text);
	w.port_open = 5000;
	world_run(&w);
	ends(&w, VERDICT_RECOVERED, "tcp 22 answers, for 30s");
	world_init(&w, text);
	w.port_open = 5000;
	w.port_closes = 25000;
	world_run(&w);
	has(&w, "it was good, and is not any more");
	ends(&w, VERDICT_FAILED, "down");
}

static void shell_commands(void **state)
{
	static const char text[] =
		HEAD "[state a]\ndo = shell \"systemctl start slapd\" within 10s,"
		" check ssh\nthen = recovered\n";
	struct world w;

	(void)state;
	world_init(&w, text);
	w.port_open = 0;
	world_run(&w);
	has(&w, "shell systemctl start slapd");
	has(&w, "done: shell \"systemctl start slapd\" succeeded");
	ends(&w, VERDICT_RECOVERED, "");
	/* It ended, and not well: known. It may have run: unknown. */
	world_init(&w, text);
	w.shell_fails = RH_ERR_STATE;
	world_run(&w);
	ends(&w, VERDICT_FAILED, "");
	world_init(&w, text);
	w.shell_fails = RH_ERR_LOST;
	world_run(&w);
	ends(&w, VERDICT_UNKNOWN, "");
}

static void secrets_are_not_typed_twice(void **state)
{
	struct world w;

	(void)state;
	/* I07: also where the sequence goes round. */
	world_init(&w, SECRET);
	prints(&w, 1000, "Password: ");
	prints(&w, 2000, "wrong\nPassword: ");
	world_run(&w);
	assert_int_equal(count(&w, " secret pw\n"), 1);
	ends(&w, VERDICT_FAILED, "is not typed twice");
	world_init(&w, HEAD "[always]\non = /Password: / : secret pw\n"
		       "[state a]\non = /x/ -> b\n"
		       "[state b]\ntimeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "Password: ");
	prints(&w, 2000, "x Password: ");
	world_run(&w);
	assert_int_equal(count(&w, " secret pw\n"), 1);
	ends(&w, VERDICT_FAILED, "is not typed twice");
	/* After a power action it is another boot. */
	world_init(&w, HEAD "[always]\non = /Password: / : secret pw\n"
		       "[state a]\ndo = wait 5s, power reset\nthen = b\n"
		       "[state b]\ntimeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "Password: ");
	prints(&w, 9000, "Password: ");
	world_run(&w);
	assert_int_equal(count(&w, " secret pw\n"), 2);
	ends(&w, VERDICT_FAILED, "t");
	/* It failed in the middle: nobody knows what went out. */
	world_init(&w, SECRET);
	w.secret_fails = RH_ERR_LOST;
	prints(&w, 1000, "Password: ");
	world_run(&w);
	ends(&w, VERDICT_UNKNOWN, "it failed");
}

/* ---- secrets on a screen ---------------------------------------------------------- */

#define DRAWN(pattern) HEAD "[state a]\non screen = " pattern " : secret pw -> b\n" \
	"timeout = 60s -> failed \"t\"\n" \
	"[state b]\non screen = /^Welcome/ -> recovered\n" \
	"on screen = /^Invalid/ -> a\ntimeout = 20s -> failed \"t\"\n"
#define BOX "\033[2J\033[5;10H+----------------------+" \
	"\033[6;10H| Enter Password: ____ |" \
	"\033[7;10H+----------------------+"
#define BOX_RULE DRAWN("/^ +\\| Enter Password: _* \\|$/")

/* Typed once where the cursor stands in the field; at_ms 0: not at all. */
static void drawn(const char *sequence, const char *screen, int64_t at_ms)
{
	char line[64];
	struct world w;

	world_init(&w, sequence);
	prints(&w, 1000, screen);
	world_run(&w);
	snprintf(line, sizeof(line), "%d secret pw\n", (int)at_ms);
	if (count(&w, " secret pw\n") != (at_ms > 0) ||
	    (at_ms > 0 && strstr(buffer_text(&w.log), line) == NULL))
		fail_msg("[%s]: want %s", screen, at_ms > 0 ? line : "none");
	ends(&w, VERDICT_FAILED, "t");
}

static void drawn_prompts(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, BOX_RULE);
	prints(&w, 1000, BOX "\033[6;28H");
	prints(&w, 3000, "\033[2J\033[HWelcome");
	world_run(&w);
	has(&w, "1250 secret pw");
	has(&w, "typed: <secret:pw> Enter");
	assert_int_equal(count(&w, " secret pw\n"), 1);
	ends(&w, VERDICT_RECOVERED, "");
	/* Behind the prompt, with and without a blank, over two rows. */
	drawn(DRAWN("/^Password:$/"), "\033[9;1HPassword:", 1250);
	drawn(DRAWN("/^Password:$/"), "\033[9;1HPassword: ", 1250);
	drawn(DRAWN("/^Locked\\nPassword: *$/"), "\033[9;1HLocked\r\nPassword:",
	      1250);
	/* One of two that look alike: that at the cursor. */
	drawn(DRAWN("/^Password:$/"), "Password:\r\nInvalid\r\nPassword:", 1250);
	/* The cursor comes to it later than its row. */
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword:\033[20;1HF1 Help");
	prints(&w, 2000, "\033[9;10H");
	prints(&w, 3000, "\033[2J\033[HWelcome");
	world_run(&w);
	has(&w, "2250 secret pw");
	ends(&w, VERDICT_RECOVERED, "");
}

static void drawn_prompts_without_the_cursor(void **state)
{
	(void)state;
	/* Elsewhere, in the frame, in the label, hidden. */
	drawn(BOX_RULE, BOX, 0);
	drawn(BOX_RULE, BOX "\033[20;1H", 0);
	drawn(BOX_RULE, BOX "\033[6;10H", 0);
	drawn(BOX_RULE, BOX "\033[6;14H", 0);
	drawn(BOX_RULE, BOX "\033[6;30H", 0);
	drawn(BOX_RULE, BOX "\033[6;28H\033[?25l", 0);
	drawn(BOX_RULE, BOX "\033[6;34H", 0);
	drawn(BOX_RULE, BOX "\033[6;40H", 0);
	drawn(DRAWN("/^PIN: \\[ *\\]$/"), "\033[9;1HPIN: [    ]", 0);
	drawn(DRAWN("/^PIN: \\[ *\\]$/"), "\033[9;1HPIN: [    ]\033[9;7H", 1250);
	drawn(DRAWN("/^PIN: _+$/"), "\033[9;1HPIN: ____", 0);
	drawn(DRAWN("/^Password:$/"), "\033[9;1HPassword:\r\n", 0);
	drawn(DRAWN("/^Password:$/"), "Password:\r\nroot@ldap1:~# ", 0);
	drawn(DRAWN("/^Password:$/"), "\033[9;1HPassword:\033[9;4H", 0);
	/* Somebody types already. */
	drawn(DRAWN("/^Password: [*_]*$/"), "\033[9;1HPassword: **__\033[9;13H", 0);
	drawn(DRAWN("/^Password: [*_]*$/"), "\033[9;1HPassword: ____\033[9;13H", 0);
}

static void drawn_prompts_have_to_be_fresh(void **state)
{
	struct world w;

	(void)state;
	/* From before the power action. */
	world_init(&w, HEAD "[state a]\ndo = wait 2s, power reset\nthen = b\n"
		       "[state b]\non screen = /^Password:$/ : secret pw\n"
		       "timeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "\033[9;1HPassword: ");
	world_run(&w);
	lacks(&w, " secret pw\n");
	ends(&w, VERDICT_FAILED, "t");
	/* From before the console was lost. */
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword: ");
	world_scene(&w, SCENE_LOSE, 1100, NULL);
	world_scene(&w, SCENE_ATTACH, 1200, NULL);
	world_run(&w);
	lacks(&w, " secret pw\n");
	ends(&w, VERDICT_FAILED, "t");
	/* What came through is a part only. */
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword: ");
	world_scene(&w, SCENE_GAP, 1100, NULL);
	world_run(&w);
	lacks(&w, " secret pw\n");
	ends(&w, VERDICT_FAILED, "t");
	/* It goes within the quiet: not typed, and typed when it comes again. */
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword: ");
	prints(&w, 1200, "\033[2J\033[HPlease wait");
	prints(&w, 5000, "\033[2J\033[9;1HPassword: ");
	prints(&w, 7000, "\033[2J\033[HWelcome");
	world_run(&w);
	has(&w, "stale: the prompt is gone; the secret pw was not typed");
	has(&w, "5250 secret pw");
	ends(&w, VERDICT_RECOVERED, "");
}

/* Something is painted elsewhere: it is typed when that is over, or never. */
static void drawn_prompts_wait_for_quiet(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword: ");
	for (i = 0; i < 20; i++)
		prints(&w, 1100 + i * 100, "\0337\033[20;1Hx\0338");
	prints(&w, 5000, "\033[2J\033[HWelcome");
	world_run(&w);
	has(&w, "3250 secret pw");
	ends(&w, VERDICT_RECOVERED, "");
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword: ");
	for (i = 0; i < 60; i++)
		prints(&w, 1100 + i * 200, "\0337\033[20;1Hx\0338");
	world_run(&w);
	lacks(&w, " secret pw\n");
	has(&w, "stale: ");
	ends(&w, VERDICT_FAILED, "t");
}

/* I07, on a screen: by no rule twice to a prompt that is still the same. */
static void drawn_prompts_get_one_secret(void **state)
{
	static const char *const second[] = { "on screen = /^Password: *$/",
					      "on = /Password: ?/" };
	char text[512];
	struct world w;
	int i;

	(void)state;
	/* It comes again: it was wrong. */
	world_init(&w, DRAWN("/^Password:$/"));
	prints(&w, 1000, "\033[9;1HPassword: ");
	prints(&w, 3000, "\033[2J\033[HInvalid");
	prints(&w, 5000, "\033[2J\033[9;1HPassword: ");
	world_run(&w);
	assert_int_equal(count(&w, " secret pw\n"), 1);
	ends(&w, VERDICT_FAILED, "is not typed twice");
	/* It stays, since the host is slow; the next state has another secret. */
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), HEAD "[state a]\n"
			 "on screen = /^Password:$/ : secret pw -> b\n"
			 "timeout = 20s -> failed \"t\"\n"
			 "[state b]\n%s : secret other\n"
			 "timeout = 20s -> failed \"t\"\n", second[i]);
		world_init(&w, text);
		prints(&w, 1000, "\033[9;1HPassword: ");
		prints(&w, 3000, "\0337\033[20;1Hx\0338");
		world_run(&w);
		assert_int_equal(count(&w, " secret pw\n"), 1);
		lacks(&w, " secret other\n");
		ends(&w, VERDICT_FAILED, "t");
	}
	/* The same, seen as text first. */
	world_init(&w, HEAD "[state a]\non = /^Password: ?/ : secret pw -> b\n"
		       "timeout = 20s -> failed \"t\"\n"
		       "[state b]\non screen = /^Password:$/ : secret other\n"
		       "timeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "Password: ");
	prints(&w, 3000, "\0337\033[20;1Hx\0338");
	world_run(&w);
	assert_int_equal(count(&w, " secret pw\n"), 1);
	lacks(&w, " secret other\n");
	ends(&w, VERDICT_FAILED, "t");
	/* Another prompt in its place gets its own. */
	world_init(&w, HEAD "[state a]\n"
		       "on screen = /^Password:$/ : secret pw -> b\n"
		       "timeout = 20s -> failed \"t\"\n"
		       "[state b]\non screen = /^Key:$/ : secret other -> c\n"
		       "timeout = 20s -> failed \"t\"\n"
		       "[state c]\nthen = recovered\n");
	prints(&w, 1000, "\033[9;1HPassword: ");
	prints(&w, 3000, "\033[2J\033[9;1HKey: ");
	world_run(&w);
	has(&w, "3250 secret other");
	ends(&w, VERDICT_RECOVERED, "");
	/* After a power action it is another boot. */
	world_init(&w, HEAD "[always]\non screen = /^Password:$/ : secret pw\n"
		       "[state a]\ndo = wait 5s, power reset\nthen = b\n"
		       "[state b]\ntimeout = 20s -> failed \"t\"\n");
	prints(&w, 1000, "\033[9;1HPassword: ");
	prints(&w, 9000, "\033[2J\033[9;1HPassword: ");
	world_run(&w);
	assert_int_equal(count(&w, " secret pw\n"), 2);
	ends(&w, VERDICT_FAILED, "t");
}

/* ---- power ----------------------------------------------------------------------- */

static void evidence_before_force_once(void **state)
{
	struct world w;
	const char *log;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = power on, power cycle, power reset\n"
		       "then = recovered\n");
	world_run(&w);
	assert_int_equal(count(&w, "evidence\n"), 1);
	has(&w, "before: power on; 3 events");
	log = buffer_text(&w.log);
	assert_true(strstr(log, "evidence\n") < strstr(log, "power off"));
	assert_true(strstr(log, "was on already") < strstr(log, "evidence\n"));
	ends(&w, VERDICT_RECOVERED, "");
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = recovered\n");
	w.config.evidence = false;
	world_run(&w);
	lacks(&w, "evidence\n");
	ends(&w, VERDICT_RECOVERED, "");
	world_init(&w, HEAD "[state a]\ndo = power on, power soft\n"
		       "then = recovered\n");
	world_run(&w);
	lacks(&w, "evidence\n");
	ends(&w, VERDICT_RECOVERED, "");
}

static void power_is_confirmed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = power off, power on, boot pxe\n"
		       "  collect console\nthen = recovered \"ok\"\n");
	world_run(&w);
	has(&w, "power: off seen twice at 0:01");
	has(&w, "power: on seen twice at");
	has(&w, "done: next boot from pxe, read back");
	has(&w, "done: console collected: console.txt");
	ends(&w, VERDICT_RECOVERED, "ok");
	world_init(&w, HEAD "[state a]\ndo = power off\nthen = recovered\n");
	w.ignores_power = true;
	world_run(&w);
	assert_int_equal(w.acts, 2);
	has(&w, "note: off was acknowledged, but");
	ends(&w, VERDICT_FAILED, "not executed");
	world_init(&w, HEAD "[state a]\ndo = power off\nthen = recovered\n");
	w.config.power_ways = 0;
	world_run(&w);
	ends(&w, VERDICT_FAILED, "no [power]");
}

static void mute_consoles_are_opened_anew(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = b\n"
		       "[state b]\ntimeout = 5m -> failed \"t\"\n");
	world_run(&w);
	assert_int_equal(count(&w, "reopen\n"), 3);
	has(&w, "mute: nothing came for 20s after power-on");
	ends(&w, VERDICT_FAILED, "t");
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = b\n"
		       "[state b]\ntimeout = 5m -> failed \"t\"\n");
	w.on_prints = "BIOS";
	world_run(&w);
	lacks(&w, "reopen");
	ends(&w, VERDICT_FAILED, "t");
	world_init(&w, HEAD "[state a]\ndo = power off\nthen = b\n"
		       "[state b]\ntimeout = 5m -> failed \"t\"\n");
	world_run(&w);
	lacks(&w, "reopen");
	ends(&w, VERDICT_FAILED, "t");
}

/* ---- beginning and end ------------------------------------------------------------- */

static void healthy(void **state)
{
	static const char text[] = HEAD "healthy = check tcp 22, check tcp 389\n"
		"[state a]\ndo = power cycle\nthen = recovered\n";
	struct world w;

	(void)state;
	world_init(&w, text);
	w.config.check_healthy = true;
	w.port_open = 0;
	world_run(&w);
	assert_int_equal(w.acts, 0);
	ends(&w, VERDICT_RECOVERED, "was healthy, nothing was touched: tcp 22 "
				    "answers; tcp 389 answers");
	/* The second one fails: what the first saw proves nothing later. */
	world_init(&w, HEAD "healthy = check tcp 22, check tcp 389\n"
		       "[state a]\non = /up/ -> recovered\n");
	w.config.check_healthy = true;
	w.port_open = 0;
	prints(&w, 2000, "up");
	world_begin(&w);
	w.port_open = DEADLINE_NEVER;
	world_go(&w, 600000);
	has(&w, "not healthy: refused");
	assert_null(strstr(w.reason, "tcp 22"));
	ends(&w, VERDICT_RECOVERED, "saw \"up\"");
	world_init(&w, text);
	w.port_open = 0;
	world_run(&w);
	assert_int_equal(w.acts, 2);
	ends(&w, VERDICT_RECOVERED, "");
}

/* H03: who shows another key is up, and nobody knows whether it is ill. */
static void another_key_is_no_illness(void **state)
{
	static const char text[] = HEAD "healthy = check tcp 22, check tcp 389\n"
		"[state a]\ndo = power cycle, check tcp 389\nthen = recovered\n";
	struct world w;

	(void)state;
	world_init(&w, text);
	w.config.check_healthy = true;
	w.strange_key = true;
	w.port_open = 0;
	world_run(&w);
	assert_int_equal(w.acts, 0);
	assert_int_equal(w.code, RH_ERR_NONE);
	ends(&w, VERDICT_NEEDS_HANDS, "nothing was touched: the host key has "
				      "changed");
	/* Where a check before it says that it is ill, it is. */
	world_init(&w, text);
	w.config.check_healthy = true;
	w.strange_key = true;
	world_run(&w);
	assert_int_equal(w.acts, 2);
	ends(&w, VERDICT_FAILED, "");
	/* Later it fails as any check. */
	world_init(&w, text);
	w.strange_key = true;
	w.port_open = 0;
	world_run(&w);
	assert_int_equal(w.acts, 2);
	ends(&w, VERDICT_FAILED, "the host key has changed");
}

static void abort_ends_at_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = recovered\n");
	world_begin(&w);
	world_go(&w, 700);
	machine_abort(w.m, w.now, VERDICT_UNKNOWN, RH_ERR_CANCELLED, "Ctrl-C");
	world_take(&w);
	assert_true(w.over);
	assert_int_equal(w.code, RH_ERR_CANCELLED);
	machine_feed(w.m, w.now, "x", 1);
	machine_tick(w.m, w.now + 1000);
	machine_abort(w.m, w.now, VERDICT_FAILED, RH_ERR_CANCELLED, "again");
	world_take(&w);
	ends(&w, VERDICT_UNKNOWN, "Ctrl-C");
	world_init(&w, HEAD "[state a]\nthen = recovered\n");
	w.m = machine_new(&w.config);
	machine_abort(w.m, w.now, VERDICT_FAILED, RH_ERR_IO, "no disk");
	world_take(&w);
	ends(&w, VERDICT_FAILED, "no disk");
}

/* An answer that nobody waits for any more, or that comes twice. */
static void late_answers_are_ignored(void **state)
{
	struct machine_outcome o = { .text = "tcp 22 answers" };
	struct world w;

	(void)state;
	world_init(&w, HEAD "[always]\non = /x/ -> b\n"
		       "[state a]\ndo = check tcp 22\nthen = recovered\n"
		       "[state b]\ntimeout = 1s -> failed \"t\"\n");
	w.silent = MACHINE_CHECK;
	prints(&w, 10, "x");
	world_begin(&w);
	world_go(&w, 500);
	machine_done(w.m, w.now, 1, &o);
	machine_done(w.m, w.now, 1, &o);
	machine_done(w.m, w.now, 0, &o);
	world_take(&w);
	world_go(&w, 5000);
	ends(&w, VERDICT_FAILED, "t");
}

static void tells_what_it_waits_for(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, HEAD "[state a]\ndo = power cycle\nthen = b\n"
		       "[state b]\ntimeout = 1m -> failed \"t\"\n");
	w.script[0].at = 1000;
	world_begin(&w);
	assert_string_equal(machine_waiting_for(w.m), "the console");
	assert_true(machine_wait_until(w.m) == BEGIN + 60000);
	assert_string_equal(machine_state_name(w.m), "");
	world_go(&w, 1050);
	assert_string_equal(machine_waiting_for(w.m),
			    "the state of the host before force");
	world_go(&w, 2000);
	assert_string_equal(machine_waiting_for(w.m), "the power to be off");
	world_go(&w, 7500);
	assert_string_equal(machine_waiting_for(w.m), "the power to be on");
	world_go(&w, 15000);
	assert_string_equal(machine_state_name(w.m), "b");
	assert_true(machine_wait_until(w.m) < BEGIN + 80000);
	world_go(&w, 600000);
	ends(&w, VERDICT_FAILED, "t");
}

/* The same inputs at the same times: the same actions, byte for byte. */
static void is_deterministic(void **state)
{
	struct buffer first = { 0 };
	struct world w;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		world_init(&w, HEAD "[always]\non = /F1/ max 3 : key F1\n"
			       "[state a]\ndo = power cycle\nthen = b\n"
			       "[state b]\non = /Password: $/ : secret pw -> c\n"
			       "timeout = 2m -> failed \"t\"\n"
			       "[state c]\ndo = enter \"reboot\"\n"
			       "  check tcp 22 within 1m\nthen = recovered\n");
		w.port_open = 40000;
		prints(&w, 10000, "F1");
		prints(&w, 20000, "Password: ");
		world_run(&w);
		if (i == 0)
			buffer_append(&first, w.log.data, w.log.len);
		assert_string_equal(buffer_text(&w.log), buffer_text(&first));
		ends(&w, VERDICT_RECOVERED, "");
	}
	buffer_release(&first);
}

/* ---- a person ----------------------------------------------------------------- */

#define ASKS HEAD "[state a]\ndo = ask \"Is it green?\", note \"green\"\n" \
	     "then = recovered \"done\"\nelse = failed \"not green\"\n" \
	     "timeout = 1m -> needs-hands \"look\"\n"

static void ask_yes_goes_on(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, ASKS);
	w.says = "yes";
	world_run(&w);
	has(&w, "5000 [a] done: a person said yes: Is it green?");
	has(&w, "note: green");
	lacks(&w, "withdraw");
	ends(&w, VERDICT_RECOVERED, "done");
}

static void ask_no_is_else(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, ASKS);
	w.says = "no";
	world_run(&w);
	has(&w, "failed: a person said no: Is it green?");
	ends(&w, VERDICT_FAILED, "not green");
}

static void ask_waits_for_the_timeout(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, ASKS);
	world_run(&w);
	has(&w, "60000 withdraw");
	ends(&w, VERDICT_NEEDS_HANDS, "look");
}

/* A rule is not held by a question; one that stays leaves it open. */
static void ask_lets_rules_fire(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, ASKS "on = /F1/ max 1 : key Enter\n"
			    "on = /login:/ -> failed \"up\"\n");
	prints(&w, 1000, "Press F1");
	prints(&w, 9000, "login:");
	world_run(&w);
	has(&w, "typed: Enter");
	assert_int_equal(count(&w, "ask Is it green?"), 1);
	has(&w, "9000 withdraw");
	ends(&w, VERDICT_FAILED, "up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ask_yes_goes_on),
		cmocka_unit_test(ask_no_is_else),
		cmocka_unit_test(ask_waits_for_the_timeout),
		cmocka_unit_test(ask_lets_rules_fire),
		cmocka_unit_test(sees_and_goes_on),
		cmocka_unit_test(old_text_never_fires),
		cmocka_unit_test(fresh_text_fires_behind_stale_text),
		cmocka_unit_test(text_before_attach_never_fires),
		cmocka_unit_test(text_with_a_gap),
		cmocka_unit_test(no_console_to_be_had),
		cmocka_unit_test(which_rule_wins),
		cmocka_unit_test(a_match_consumes_its_text),
		cmocka_unit_test(stale_prompts_are_not_answered),
		cmocka_unit_test(max_is_kept),
		cmocka_unit_test(any_split_gives_the_same),
		cmocka_unit_test(floods_are_looked_at),
		cmocka_unit_test(idle_lost_timeout_visits),
		cmocka_unit_test(ends_at_the_deadline),
		cmocka_unit_test(circles_are_stopped),
		cmocka_unit_test(long_runs_are_no_circle),
		cmocka_unit_test(waits_are_interrupted),
		cmocka_unit_test(checks_are_interrupted),
		cmocka_unit_test(the_pace_is_kept),
		cmocka_unit_test(the_pace_of_the_state_is_kept),
		cmocka_unit_test(keys_of_the_terminal),
		cmocka_unit_test(keys_come_before_events),
		cmocka_unit_test(swallowed_keys_go_out_again),
		cmocka_unit_test(console_lost_while_typing),
		cmocka_unit_test(break_and_sysrq),
		cmocka_unit_test(secrets),
		cmocka_unit_test(checks_hold),
		cmocka_unit_test(shell_commands),
		cmocka_unit_test(secrets_and_kernel_messages),
		cmocka_unit_test(prompts_with_a_message_inside),
		cmocka_unit_test(stale_does_not_count),
		cmocka_unit_test(secrets_are_not_typed_twice),
		cmocka_unit_test(drawn_prompts),
		cmocka_unit_test(drawn_prompts_without_the_cursor),
		cmocka_unit_test(drawn_prompts_have_to_be_fresh),
		cmocka_unit_test(drawn_prompts_wait_for_quiet),
		cmocka_unit_test(drawn_prompts_get_one_secret),
		cmocka_unit_test(evidence_before_force_once),
		cmocka_unit_test(power_is_confirmed),
		cmocka_unit_test(mute_consoles_are_opened_anew),
		cmocka_unit_test(healthy),
		cmocka_unit_test(another_key_is_no_illness),
		cmocka_unit_test(abort_ends_at_once),
		cmocka_unit_test(late_answers_are_ignored),
		cmocka_unit_test(tells_what_it_waits_for),
		cmocka_unit_test(is_deterministic),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
