/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a sequence. What parses is checked, and then carried out in a
 * world that does what the bytes behind the first NUL say: answers, errors,
 * console output, losses, time. However mad the world is, the machine keeps
 * what machine.h promises (world_take), and it ends by the deadline. A sequence
 * can run another one of our own, by any name.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sequence/check.h"
#include "agent/sequence/machine.h"
#include "base/deadline.h"

#define BEGIN 1000000
#define STEPS_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct machine_config config;
	struct machine *m;
	const uint8_t *at;
	size_t left;
	int64_t now;
	bool attached;
	bool fresh;		/* bytes came since the last secret */
	bool evidence;		/* it was asked for */
	uint32_t due;		/* the answer that is due; 0 none */
	enum machine_do due_for;
	uint32_t last_id;
	bool over;
};

static int world_byte(struct world *w)
{
	if (w->left == 0)
		return 0;
	w->left--;
	return *w->at++;
}

static void world_force(const struct world *w, const struct machine_action *a)
{
	if (a->act != DRIVER_ACT_ON && a->act != DRIVER_ACT_SOFT)
		assert(!w->config.evidence || w->evidence);
}

static void world_end(struct world *w, const struct machine_action *a)
{
	assert(a->verdict > VERDICT_NONE && a->verdict < VERDICT_COUNT);
	assert(a->text != NULL);
	assert(a->verdict != VERDICT_RECOVERED || a->code == RH_ERR_NONE);
	w->over = true;
}

static void world_one(struct world *w, const struct machine_action *a)
{
	switch (a->what) {
	case MACHINE_EVIDENCE:
		assert(!w->evidence);
		w->evidence = true;
		break;
	case MACHINE_POWER_ACT:
		world_force(w, a);
		break;
	case MACHINE_WRITE:
		assert(a->len > 0 && w->attached);
		break;
	case MACHINE_SECRET:
		assert(w->attached && w->fresh);
		w->fresh = false;
		break;
	case MACHINE_EVENT:
		assert(a->text != NULL && a->id == 0);
		assert(a->event > MACHINE_EVENT_NONE &&
		       a->event < MACHINE_EVENT_COUNT);
		break;
	case MACHINE_END:
		world_end(w, a);
		break;
	default:
		break;
	}
}

static void world_take(struct world *w)
{
	struct machine_action a;

	for (;;) {
		machine_next(w->m, &a);
		assert(a.state != NULL);
		if (a.what == MACHINE_NONE)
			break;
		assert(!w->over);
		world_one(w, &a);
		if (a.id == 0)
			continue;
		assert(a.id > w->last_id);
		assert(a.deadline >= w->now &&
		       a.deadline <= w->config.deadline);
		w->due = w->last_id = a.id;
		w->due_for = a.what;
	}
	if (w->over)
		assert(machine_deadline(w->m) == DEADLINE_NEVER);
	else
		assert(machine_deadline(w->m) <= w->config.deadline);
	assert(machine_waiting_for(w->m) != NULL);
}

static void world_answer(struct world *w, enum rh_code code)
{
	struct machine_outcome o = { .text = code % 2 ? "text" : NULL };
	uint32_t id = w->due;

	o.state = (enum driver_power)(world_byte(w) % 3);
	if (code != RH_ERR_NONE)
		rh_error_set(&o.err, code, "it failed");
	w->due = 0;
	machine_done(w->m, w->now, id, &o);
}

static void world_feed(struct world *w)
{
	size_t len = (size_t)world_byte(w);

	if (len > w->left)
		len = w->left;
	if (len > 0 && w->attached) {
		w->fresh = true;
		machine_feed(w->m, w->now, w->at, len);
	}
	w->at += len;
	w->left -= len;
}

static void world_tick(struct world *w, int64_t to)
{
	int64_t due = machine_deadline(w->m);

	if (to > due)
		to = due;
	if (to > w->now)
		w->now = to;
	machine_tick(w->m, w->now);
	world_take(w);
	/* It never asks to be called again at the same time. */
	assert(w->over || machine_deadline(w->m) > w->now);
}

static void world_step(struct world *w)
{
	int what = w->left > 0 ? world_byte(w) : 2;

	if (w->left == 0 && w->due != 0)
		what = 3;
	switch (what % 8) {
	case 0:
	case 1:
		world_feed(w);
		break;
	case 2:
		world_tick(w, DEADLINE_NEVER);
		break;
	case 3:
		world_answer(w, RH_ERR_NONE);
		break;
	case 4:
		world_answer(w, (enum rh_code)(world_byte(w) % RH_ERR_COUNT));
		break;
	case 5:
		w->attached = false;
		machine_lost(w->m, w->now);
		break;
	case 6:
		w->attached = true;
		machine_attached(w->m, w->now);
		break;
	case 7:
		world_tick(w, w->now + world_byte(w) * 100);
		break;
	}
	world_take(w);
}

static void world_run(const struct sequence *s, const uint8_t *at, size_t left)
{
	struct world w = { .at = at, .left = left, .now = BEGIN };
	int flags = world_byte(&w);
	int steps;

	w.config = (struct machine_config){
		.sequence = s, .terminal = KEYS_VT100, .enter = "\r",
		.key_delay_ms = 10, .power_ways = flags % 3,
		.has_console = (flags & 4) != 0, .min_off_ms = 5000,
		.confirm_ms = 60000, .controller_cycle = (flags & 8) != 0,
		.mute_ms = (flags & 16) != 0 ? 20000 : 0,
		.deadline = BEGIN + s->deadline_ms,
		.evidence = (flags & 32) != 0,
		.check_healthy = (flags & 64) != 0,
	};
	w.m = machine_new(&w.config);
	machine_begin(w.m, w.now);
	world_take(&w);
	for (steps = 0; steps < STEPS_MAX && !w.over; steps++)
		world_step(&w);
	w.now = w.config.deadline;
	machine_tick(w.m, w.now);
	world_take(&w);
	assert(w.over);
	machine_free(w.m);
}

static bool has_secret(const void *context, const char *name)
{
	return context == NULL && name[0] == 'a';
}

static const char run_text[] =
	"[sequence]\nneeds = power console shell\nstart = s\n"
	"[always]\non = /a/ max 2 : key a -> s\non idle = 5s -> failed \"i\"\n"
	"[state t]\ndo = shell \"x\"\nthen = recovered \"t\"\n"
	"timeout = 9s -> needs-hands \"n\"\n"
	"[state s]\nvisits = 3 -> failed \"v\"\ndo = enter \"b\"\n"
	"on = /c/ -> t\non screen = /d/ : note \"d\"\ntimeout = 1m -> s\n";

static const struct ini *run_get(const void *context, const char *name,
				 struct rh_error *err)
{
	(void)name;
	(void)err;
	return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct check_host host = {
		.name = "h", .file = "h.ini", .line = 1,
		.has = SEQUENCE_NEEDS_CONSOLE, .terminal = KEYS_LINUX,
		.has_secret = has_secret, .min_off_ms = 5000,
		.confirm_ms = 60000, .power_ways = 1,
	};
	const uint8_t *nul = memchr(data, '\0', size);
	size_t len = nul != NULL ? (size_t)(nul - data) : size;
	size_t world = nul != NULL ? len + 1 : len;
	struct problems problems = { 0 };
	struct ini *ini = ini_read("f", (const char *)data, len, &problems);
	struct ini *other = ini_read("g", run_text, sizeof(run_text) - 1,
				     &problems);
	const struct sequence_library library = { run_get, other };
	const struct sequence_vars vars = { NULL, NULL, &library };
	struct sequence *s = sequence_parse(ini, "f", &vars, &problems);

	assert(s != NULL || problems.errors > 0);
	assert(s == NULL || problems.errors == 0);
	if (s != NULL) {
		sequence_check(s, NULL, &problems);
		sequence_check(s, &host, &problems);
		world_run(s, data + world, size - world);
	}
	sequence_free(s);
	ini_free(other);
	ini_free(ini);
	problems_release(&problems);
	return 0;
}
