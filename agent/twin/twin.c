/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A twin's life. Whoever plays the world comes in by the inputs of twin.h and by
 * twin_tick; what the twin prints is fetched with twin_output.
 *
 * A list of actions runs in one of two slots: the `do` of the state, and the
 * actions of one rule, for which the `do` stands still. What is typed while
 * a rule runs waits. Always true: everything happens at its own time, not at the
 * time of the tick that lets it happen, so ticks in between change nothing; and
 * the random numbers are drawn in that order.
 */
#include "agent/twin/twin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"

#define TWIN_PIECE 64		/* bytes that are printed at once */
#define TWIN_TYPED_MAX 4096
#define TWIN_CYCLE_MS 1000	/* off, in a cycle by the controller */
#define TWIN_SYSRQ_MS 5000	/* the letter comes behind the break within */
#define TWIN_STEPS_MAX 2000	/* at one instant; more go round in a circle */

struct slot {
	const struct twin_acts *acts;	/* NULL: empty */
	const struct twin_target *target;
	size_t next;
	size_t printed;			/* bytes of the present text */
	size_t piece;			/* of the present recording */
	int64_t playing;		/* since when; -1: not yet */
	int64_t wake;
};

struct twin {
	const struct twin_model *model;
	uint64_t random;
	int64_t now;
	int state;
	int64_t entered;
	struct slot act;
	struct slot rule;
	int64_t on_at;			/* second half of a cycle */
	int64_t sysrq_until;
	bool lost;			/* no console */
	int boots;
	unsigned entries;
	enum driver_boot device;	/* of the next boot */
	int steps;			/* at this instant */
	char boot_id[40];
	struct buffer typed;		/* in this state, not consumed */
	struct buffer out;
	int *counts;			/* per rule of the state */
	int *always_counts;
	size_t most_rules;
	bool *visited;
};

static void twin_enter(struct twin *t, int state);

/* ---- chance --------------------------------------------------------------------- */

static uint64_t twin_random(struct twin *t)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return t->random * UINT64_C(2685821657736338717);
}

static int64_t twin_between(struct twin *t, int64_t from, int64_t to)
{
	uint64_t span = (uint64_t)(to - from) + 1;

	return from == to ? from
			  : from + (int64_t)((twin_random(t) >> 16) % span);
}

static void twin_go(struct twin *t, const struct twin_target *target)
{
	int64_t drawn;
	size_t i;

	if (target->count == 0)
		return;
	drawn = target->count == 1 ? 0 : twin_between(t, 0, target->weight - 1);
	for (i = 0; i + 1 < target->count && drawn >= target->list[i].weight; i++)
		drawn -= target->list[i].weight;
	twin_enter(t, target->list[i].state);
}

/* ---- states ---------------------------------------------------------------------- */

static const struct twin_state *twin_state(const struct twin *t)
{
	return &t->model->states[t->state];
}

static void slot_fill(struct slot *s, const struct twin_acts *acts,
		      const struct twin_target *target, int64_t now)
{
	*s = (struct slot){ .acts = acts, .target = target, .wake = now,
			    .playing = -1 };
}

static void twin_new_boot_id(struct twin *t)
{
	uint64_t a = twin_random(t), b = twin_random(t);

	t->boots++;
	snprintf(t->boot_id, sizeof(t->boot_id),
		 "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
		 (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
		 ((unsigned)(b >> 48) & 0x3fff) | 0x8000,
		 (unsigned long long)b & 0xffffffffffff);
}

/* `then`, or `then DEVICE` where that is to be booted. */
static const struct twin_target *twin_then(const struct twin *t,
					   const struct twin_state *st)
{
	const struct twin_target *boot = &st->then_boot[t->device];

	return boot->count > 0 ? boot : &st->then;
}

static void twin_enter(struct twin *t, int state)
{
	const struct twin_state *st = &t->model->states[state];

	t->state = state;
	t->entries++;
	t->entered = t->now;
	t->visited[state] = true;
	memset(t->counts, 0, t->most_rules * sizeof(*t->counts));
	t->rule.acts = NULL;
	t->act.acts = NULL;
	if (!st->power)
		buffer_clear(&t->typed);
	if (st->boots)
		twin_new_boot_id(t);
	if (st->act.count > 0 || twin_then(t, st)->count > 0)
		slot_fill(&t->act, &st->act, &st->then, t->now);
}

void twin_reset(struct twin *t, uint64_t seed, int64_t now)
{
	/* Seeds that are neighbours must not begin alike. */
	t->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	t->random ^= t->random >> 29;
	if (t->random == 0)
		t->random = 1;
	t->now = now;
	t->on_at = DEADLINE_NEVER;
	t->sysrq_until = 0;
	t->lost = false;
	t->boots = 0;
	t->entries = 0;
	t->device = DRIVER_BOOT_NONE;
	t->steps = 0;
	buffer_clear(&t->typed);
	buffer_clear(&t->out);
	memset(t->visited, 0, t->model->state_count * sizeof(*t->visited));
	memset(t->always_counts, 0,
	       (t->model->always.count + 1) * sizeof(*t->always_counts));
	twin_new_boot_id(t);
	t->boots = 0;
	twin_enter(t, t->model->start);
}

struct twin *twin_new(const struct twin_model *model, uint64_t seed,
		      int64_t now)
{
	struct twin *t = memory_new(1, sizeof(*t));
	size_t i;

	t->model = model;
	for (i = 0; i < model->state_count; i++) {
		if (model->states[i].rules.count > t->most_rules)
			t->most_rules = model->states[i].rules.count;
	}
	t->counts = memory_new(t->most_rules + 1, sizeof(*t->counts));
	t->always_counts = memory_new(model->always.count + 1,
				      sizeof(*t->always_counts));
	t->visited = memory_new(model->state_count + 1, sizeof(*t->visited));
	twin_reset(t, seed, now);
	return t;
}

void twin_free(struct twin *t)
{
	if (t == NULL)
		return;
	buffer_release(&t->typed);
	buffer_release(&t->out);
	free(t->counts);
	free(t->always_counts);
	free(t->visited);
	free(t);
}

/* ---- rules ------------------------------------------------------------------------ */

static bool rule_is(const struct twin_rule *r, enum twin_on on, int number,
		    const char *text, size_t len, size_t *ret_end)
{
	struct match_cursor cursor = { .from = 0 };
	size_t start;

	if (r->on != on)
		return false;
	if (r->pattern == NULL)
		return on == TWIN_ON_BREAK || r->number == number;
	return match_find(r->pattern, &cursor, text, len, true, &start, ret_end,
			  NULL) == 1;
}

/* The rule for it that ends earliest; the state's own before [always]. */
static const struct twin_rule *rule_find(struct twin *t, enum twin_on on,
					 int number, const char *text,
					 size_t len, size_t *ret_end)
{
	const struct twin_rules *lists[2] = { &twin_state(t)->rules,
					      &t->model->always };
	int *counts[2] = { t->counts, t->always_counts };
	const struct twin_rule *r, *best = NULL;
	int *best_count = NULL;
	size_t i, end = 0;
	int l;

	for (l = 0; l < 2; l++) {
		for (i = 0; i < lists[l]->count; i++) {
			r = &lists[l]->list[i];
			if ((r->max > 0 && counts[l][i] >= r->max) ||
			    !rule_is(r, on, number, text, len, &end) ||
			    (best != NULL && end >= *ret_end))
				continue;
			best = r;
			best_count = &counts[l][i];
			*ret_end = end;
		}
	}
	if (best_count != NULL)
		(*best_count)++;
	return best;
}

static void rule_run(struct twin *t, const struct twin_rule *r)
{
	slot_fill(&t->rule, &r->acts, &r->target, t->now);
}

/* A rule without actions leads on at once; one that runs holds the next ones. */
static void twin_match_typed(struct twin *t)
{
	const struct twin_rule *r;
	size_t end = 0;

	if (t->rule.acts != NULL || t->typed.len == 0)
		return;
	r = rule_find(t, TWIN_ON_TYPED, 0, buffer_text(&t->typed), t->typed.len,
		      &end);
	if (r == NULL)
		return;
	buffer_drop(&t->typed, end);
	rule_run(t, r);
}

/* ---- actions ----------------------------------------------------------------------- */

static void twin_print(struct twin *t, const char *bytes, size_t len)
{
	if (twin_state(t)->power && !t->lost)
		buffer_append(&t->out, bytes, len);
}

/* A piece of a text; true where it was the last one. */
static bool slot_print(struct twin *t, struct slot *s, const char *text,
		       size_t len)
{
	const char *at = text + s->printed;
	size_t left = len - s->printed;
	size_t n = left < TWIN_PIECE ? left : TWIN_PIECE;
	const char *newline = memchr(at, '\n', n);

	if (newline != NULL)
		n = (size_t)(newline - at) + 1;
	twin_print(t, at, n);
	s->printed += n;
	s->wake = t->now + (int64_t)n * 10000 / t->model->speed;
	return s->printed == len;
}

/* The next piece of a recording, at its time; true behind the last one. */
static bool slot_play(struct twin *t, struct slot *s, const struct twin_act *a)
{
	const struct twin_piece *piece = &a->pieces[s->piece];
	int64_t due;

	if (s->playing < 0)
		s->playing = t->now;
	due = deadline_add(s->playing, piece->at_ms);
	if (due > t->now) {
		s->wake = due;
		return false;
	}
	if (slot_print(t, s, piece->text, piece->len)) {
		s->piece++;
		s->printed = 0;
	}
	return s->piece == a->piece_count;
}

/* The present action, at its time; true where the next one may come. */
static bool slot_act(struct twin *t, struct slot *s, const struct twin_act *a)
{
	switch (a->what) {
	case TWIN_PRINT:
		return slot_print(t, s, a->text, a->len);
	case TWIN_PLAY:
		return slot_play(t, s, a);
	case TWIN_WAIT:
		s->wake = t->now + twin_between(t, a->ms, a->ms_to);
		return true;
	case TWIN_LOSE:
		t->lost = true;
		return true;
	case TWIN_BACK:
		t->lost = false;
		return true;
	default:
		return true;
	}
}

static void slot_step(struct twin *t, struct slot *s)
{
	const struct twin_target *target = s->target;

	if (s->next == s->acts->count) {
		s->acts = NULL;
		if (target == &twin_state(t)->then) {
			target = twin_then(t, twin_state(t));
			if (target != s->target)
				t->device = DRIVER_BOOT_NONE;
		}
		twin_go(t, target);
		if (t->rule.acts == NULL)
			twin_match_typed(t);
		return;
	}
	if (slot_act(t, s, &s->acts->list[s->next])) {
		s->next++;
		s->printed = 0;
		s->piece = 0;
		s->playing = -1;
	}
}

/* ---- time --------------------------------------------------------------------------- */

static struct slot *twin_slot(struct twin *t)
{
	if (t->rule.acts != NULL)
		return &t->rule;
	return t->act.acts != NULL ? &t->act : NULL;
}

static int64_t twin_timeout(const struct twin *t)
{
	const struct twin_state *st = twin_state(t);

	return st->timeout_ms > 0 ? deadline_add(t->entered, st->timeout_ms)
				  : DEADLINE_NEVER;
}

int64_t twin_deadline(const struct twin *t)
{
	const struct slot *s = twin_slot((struct twin *)t);
	int64_t due = deadline_min(t->on_at, twin_timeout(t));

	if (t->steps > TWIN_STEPS_MAX)
		return DEADLINE_NEVER;
	if (s != NULL)
		due = deadline_min(due, s->wake > t->now ? s->wake : t->now);
	return due;
}

static void twin_step(struct twin *t)
{
	struct slot *s = twin_slot(t);

	if (t->on_at <= t->now) {
		t->on_at = DEADLINE_NEVER;
		twin_enter(t, t->model->on);
	} else if (s != NULL && s->wake <= t->now) {
		/* The `do` stood still while a rule ran. */
		slot_step(t, s);
	} else {
		twin_go(t, &twin_state(t)->timeout);
	}
}

void twin_tick(struct twin *t, int64_t now)
{
	int64_t due;

	assert(now >= t->now);
	while ((due = twin_deadline(t)) <= now) {
		if (due > t->now)
			t->steps = 0;
		t->now = due > t->now ? due : t->now;
		t->steps++;
		twin_step(t);
	}
	if (now > t->now)
		t->steps = 0;
	t->now = now;
}

/* ---- power --------------------------------------------------------------------------- */

static void twin_power_plain(struct twin *t, enum driver_act act)
{
	bool on = twin_is_on(t);

	switch (act) {
	case DRIVER_ACT_ON:
		if (!on)
			twin_enter(t, t->model->on);
		break;
	case DRIVER_ACT_OFF:
	case DRIVER_ACT_CYCLE:
		if (on)
			twin_enter(t, t->model->off);
		if (on && act == DRIVER_ACT_CYCLE)
			t->on_at = t->now + TWIN_CYCLE_MS;
		break;
	case DRIVER_ACT_RESET:
		if (on)
			twin_enter(t, t->model->on);
		break;
	default:
		break;
	}
}

void twin_power(struct twin *t, int64_t now, enum driver_act act)
{
	const struct twin_rule *r;
	size_t end = 0;

	twin_tick(t, now);
	t->on_at = DEADLINE_NEVER;
	r = rule_find(t, TWIN_ON_POWER, (int)act, "", 0, &end);
	if (r != NULL)
		rule_run(t, r);
	else
		twin_power_plain(t, act);
	twin_tick(t, now);
}

/* ---- the keyboard ---------------------------------------------------------------------- */

static void twin_echo(struct twin *t, char byte)
{
	char control[2] = { '^', (char)(byte ^ 0x40) };

	if (twin_state(t)->raw)
		twin_print(t, &byte, 1);
	else if (byte == '\r' || byte == '\n')
		twin_print(t, "\r\n", 2);
	else if (byte == 0x7f || byte == '\b')
		twin_print(t, "\b \b", 3);
	else if ((unsigned char)byte < 0x20)
		twin_print(t, control, 2);
	else
		twin_print(t, &byte, 1);
}

static bool twin_sysrq(struct twin *t, char letter)
{
	const struct twin_rule *r;
	size_t end = 0;

	if (t->now >= t->sysrq_until)
		return false;
	t->sysrq_until = 0;
	r = rule_find(t, TWIN_ON_SYSRQ, letter, "", 0, &end);
	if (r != NULL)
		rule_run(t, r);
	return true;
}

static void twin_type_byte(struct twin *t, char byte)
{
	if (!twin_state(t)->power || t->lost || twin_sysrq(t, byte))
		return;
	if (twin_state(t)->echo)
		twin_echo(t, byte);
	if (t->typed.len >= TWIN_TYPED_MAX)
		buffer_drop(&t->typed, TWIN_TYPED_MAX / 2);
	/* Patterns are for UTF-8. */
	buffer_append_char(&t->typed,
			   (unsigned char)byte < 0x80 ? byte : '?');
	twin_match_typed(t);
}

void twin_type(struct twin *t, int64_t now, const void *bytes, size_t len)
{
	const char *at = bytes;
	size_t i;

	twin_tick(t, now);
	for (i = 0; i < len; i++) {
		twin_type_byte(t, at[i]);
		twin_tick(t, now);
	}
}

void twin_break(struct twin *t, int64_t now)
{
	const struct twin_rule *r;
	size_t end = 0;

	twin_tick(t, now);
	if (!twin_state(t)->power || t->lost)
		return;
	t->sysrq_until = deadline_add(now, TWIN_SYSRQ_MS);
	r = rule_find(t, TWIN_ON_BREAK, 0, "", 0, &end);
	if (r != NULL)
		rule_run(t, r);
	twin_tick(t, now);
}

void twin_boot(struct twin *t, int64_t now, enum driver_boot device)
{
	twin_tick(t, now);
	t->device = device;
}

/* ---- the shell --------------------------------------------------------------------------- */

static void shell_answer_one(struct twin *t, const struct twin_act *a,
			     struct twin_answer *ret)
{
	switch (a->what) {
	case TWIN_SAY:
		buffer_append(&ret->out, a->text, a->len);
		break;
	case TWIN_COMPLAIN:
		buffer_append(&ret->errors, a->text, a->len);
		break;
	case TWIN_EXIT:
		ret->exit_status = a->number;
		break;
	case TWIN_HANG:
		ret->reply = TWIN_REPLY_HANGS;
		break;
	case TWIN_DROP:
		ret->reply = TWIN_REPLY_DROPPED;
		break;
	case TWIN_WAIT:
		ret->after_ms += twin_between(t, a->ms, a->ms_to);
		break;
	case TWIN_PRINT:
		twin_print(t, a->text, a->len);
		break;
	default:
		break;
	}
}

void twin_shell(struct twin *t, int64_t now, const char *command,
		struct twin_answer *ret)
{
	const struct twin_rule *r;
	size_t end = 0, i;

	twin_tick(t, now);
	buffer_clear(&ret->out);
	buffer_clear(&ret->errors);
	ret->after_ms = ret->exit_status = 0;
	ret->reply = TWIN_REPLY_REFUSED;
	if (twin_boot_id(t) == NULL)
		return;
	ret->reply = TWIN_REPLY_EXIT;
	r = rule_find(t, TWIN_ON_SHELL, 0, command, strlen(command), &end);
	if (r == NULL && strcmp(command, "true") != 0) {
		ret->exit_status = 127;
		buffer_printf(&ret->errors, "sh: %s: not found\n", command);
	}
	if (r == NULL)
		return;
	for (i = 0; i < r->acts.count; i++)
		shell_answer_one(t, &r->acts.list[i], ret);
	twin_go(t, &r->target);
	twin_tick(t, now);
}

/* ---- what is seen -------------------------------------------------------------------------- */

const char *twin_output(const struct twin *t, size_t *ret_len)
{
	*ret_len = t->out.len;
	return buffer_text(&t->out);
}

void twin_take_output(struct twin *t)
{
	buffer_clear(&t->out);
}

bool twin_console(const struct twin *t)
{
	return !t->lost;
}

bool twin_is_on(const struct twin *t)
{
	return twin_state(t)->power;
}

const char *twin_boot_id(const struct twin *t)
{
	return twin_state(t)->ssh && twin_state(t)->power ? t->boot_id : NULL;
}

bool twin_port_is_open(const struct twin *t, int port)
{
	const struct twin_state *st = twin_state(t);
	int i;

	for (i = 0; i < st->port_count; i++) {
		if (st->ports[i] == port)
			return st->power;
	}
	return false;
}

int64_t twin_answers_ms(const struct twin *t)
{
	return twin_state(t)->answers_ms;
}

const char *twin_state_name(const struct twin *t)
{
	return twin_state(t)->name;
}

bool twin_is_healthy(const struct twin *t)
{
	return twin_state(t)->healthy;
}

bool twin_wants_secret(const struct twin *t)
{
	return twin_state(t)->secret && twin_state(t)->power;
}

int twin_boots(const struct twin *t)
{
	return t->boots;
}

bool twin_visited(const struct twin *t, int state)
{
	return t->visited[state];
}

unsigned twin_entries(const struct twin *t)
{
	return t->entries;
}
