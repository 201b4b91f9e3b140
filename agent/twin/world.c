/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of a rehearsal: carries out what the machine wants on a twin, in
 * virtual time. rehearsal.c comes in with each action of the machine (world_do)
 * and moves time on (world_step).
 *
 * Always true: time goes from event to event and never back; at one instant the
 * order is late acts, twin, connection, output, answers, machine; the machine
 * is fed only from world_step, never from inside of world_do.
 */
#include "agent/twin/world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"

#define WORLD_LATENCY_MS 20
#define WORLD_ATTACH_MS 300
#define WORLD_KEPT 4096

/* ---- chance ---------------------------------------------------------------------- */

uint64_t world_random(struct world *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (w->random * UINT64_C(2685821657736338717)) >> 16;
}

int64_t world_between(struct world *w, int64_t from, int64_t to)
{
	return from + (int64_t)(world_random(w) % (uint64_t)(to - from + 1));
}

bool world_chance(struct world *w, int percent)
{
	return world_between(w, 0, 99) < percent;
}

void world_trace(struct world *w, const char *event, const char *text)
{
	if (w->config->trace != NULL)
		w->config->trace(w->config->context, w->now - WORLD_BEGIN,
				 event, "", text);
}

void world_tap(struct world *w, const char *what, const char *bytes, size_t len)
{
	if (w->config->tap != NULL)
		w->config->tap(w->config->context, w->now - WORLD_BEGIN, what,
			       bytes, len);
}

void world_begin(struct world *w, uint64_t seed)
{
	w->now = WORLD_BEGIN;
	w->random = (seed + 1) * UINT64_C(0xd1342543de82ef95) | 1;
	world_random(w);
	w->answer_count = w->late_count = w->piece_count = 0;
	w->attached = w->over = w->forced = false;
	w->lose_at = DEADLINE_NEVER;
	w->last_output = w->now;
	w->age_ms = 0;
	w->lost_at = -1;
	w->old_boot_id[0] = w->before[0] = '\0';
	buffer_clear(&w->line);
	buffer_clear(&w->kept);
	buffer_clear(&w->held);
	twin_tick(w->t, w->now);
	faults_draw(w);
	w->attach_at = deadline_add(w->now, faults_attach_ms(w));
}

bool world_healthy(const struct world *w)
{
	return twin_is_healthy(w->t) && !faults_services_down(w);
}

/* ---- answers ------------------------------------------------------------------------ */

static void world_forget(struct world *w, int index)
{
	w->answer_count--;
	memmove(w->answers + index, w->answers + index + 1,
		(size_t)(w->answer_count - index) * sizeof(w->answers[0]));
}

struct world_answer *world_answer(struct world *w,
					 const struct machine_action *a,
					 int64_t in_ms)
{
	struct world_answer *n;

	/* The machine may have dropped an old one, which a rule interrupted. */
	if (w->answer_count == WORLD_ANSWERS)
		world_forget(w, w->answers[0].what == MACHINE_ASK);
	n = &w->answers[w->answer_count++];
	memset(&n->outcome, 0, sizeof(n->outcome));
	n->text[0] = '\0';
	n->decided = false;
	n->id = a->id;
	n->what = a->what;
	n->way = a->way;
	n->act = a->act;
	n->check = a->action;
	n->fresh = a->fresh;
	n->at = deadline_add(w->now, in_ms);
	return n;
}

/* What takes longer than it may, is over at its deadline. */
void world_limit(struct world_answer *n, int64_t deadline)
{
	if (n->at < deadline)
		return;
	n->at = deadline;
	n->decided = true;
	rh_error_set(&n->outcome.err, RH_ERR_TIMEOUT, "no answer in time");
}

void world_decide(struct world_answer *n, const char *text)
{
	n->decided = true;
	snprintf(n->text, sizeof(n->text), "%s", text);
}

/* ---- power ----------------------------------------------------------------------------- */

static void world_query(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 0);
	int64_t ms = faults_request(w, a->way, a->what, &n->outcome);

	n->at = deadline_add(w->now, ms);
	n->decided = n->outcome.err.code != RH_ERR_NONE;
	world_limit(n, a->deadline);
}

void world_execute(struct world *w, enum driver_act act, bool ours)
{
	bool on = twin_is_on(w->t);

	w->executed(w, act, ours);
	twin_power(w->t, w->now, act);
	if (on && !twin_is_on(w->t))
		w->f.off_since = w->now;
	if (!on && twin_is_on(w->t))
		w->f.on_since = w->now;
}

/*
 * A controller does what it has taken in this order; the same again, while that is
 * the last that it has still to do, is the same: what is wanted is a state, and the
 * second request finds it wanted. (Where it kept both, a second "off" could come
 * true minutes behind the "on" that was seen, and nobody could know.)
 */
static void world_schedule(struct world *w, enum driver_act act, int64_t at)
{
	const struct world_late *last = NULL;
	int i;

	for (i = 0; i < w->late_count; i++) {
		if (w->late[i].ours && (last == NULL || w->late[i].at >= last->at))
			last = &w->late[i];
	}
	if (at == DEADLINE_NEVER || (last != NULL && last->act == act))
		return;
	if (last != NULL && at < last->at)
		at = last->at;
	if (at <= w->now)
		world_execute(w, act, true);
	else if (w->late_count < WORLD_LATE)
		w->late[w->late_count++] = (struct world_late){
			.at = at, .act = act, .ours = true };
}

static void world_act(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 0);
	int64_t ms = faults_request(w, a->way, a->what, &n->outcome), at;
	enum driver_act act = a->act;

	w->forced = true;
	n->decided = true;
	n->at = deadline_add(w->now, ms);
	if (n->outcome.err.code == RH_ERR_NONE) {
		at = a->way > 0 ? w->now : faults_act(w, &act, &n->outcome);
		world_schedule(w, act, at);
	}
	world_limit(n, a->deadline);
}

static void world_boot(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 0);
	int64_t ms = faults_request(w, 0, a->what, &n->outcome);

	n->at = deadline_add(w->now, ms);
	n->decided = true;
	if (n->outcome.err.code == RH_ERR_NONE)
		faults_boot(w, a->device, &n->outcome);
	world_limit(n, a->deadline);
}

/* ---- the console ------------------------------------------------------------------------- */

/* What of the keys arrives, arrives at the twin. */
static void world_type(struct world *w, const void *keys, size_t len,
		       struct machine_outcome *o)
{
	char bytes[4096];

	len = len < sizeof(bytes) ? len : sizeof(bytes);
	memcpy(bytes, keys, len);
	len = faults_keys(w, bytes, len, o);
	world_tap(w, "typed", bytes, len);
	twin_type(w->t, w->now, bytes, len);
}

static void world_write(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 2);

	n->decided = true;
	if (!w->attached) {
		rh_error_set(&n->outcome.err, RH_ERR_LOST,
			     "the console is not attached");
		return;
	}
	world_type(w, a->bytes, a->len, &n->outcome);
}

static void world_secret(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 20);
	static const char secret[] = REHEARSAL_SECRET;

	n->decided = true;
	if (!w->attached) {
		rh_error_set(&n->outcome.err, RH_ERR_LOST,
			     "the console is not attached");
		return;
	}
	world_type(w, secret, sizeof(secret) - 1, &n->outcome);
	if (n->outcome.err.code == RH_ERR_NONE)
		world_type(w, w->machine_config.enter,
			   strlen(w->machine_config.enter), &n->outcome);
}

static void world_break(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 5);

	n->decided = true;
	w->forced = true;
	if (!w->attached)
		rh_error_set(&n->outcome.err, RH_ERR_LOST,
			     "the console is not attached");
	else if (!fault_strikes(w, FAULT_L19))
		twin_break(w->t, w->now);
}

void world_lose(struct world *w, int64_t back_in)
{
	if (w->attached) {
		w->attached = false;
		world_tap(w, "lost", "", 0);
		machine_lost(w->m, w->now);
	}
	w->attach_at = deadline_add(w->now, back_in);
}

static void world_feed(struct world *w, const char *bytes, size_t len)
{
	size_t i, n = w->f.on[FAULT_C04] ? 1 : len;

	w->age_ms = w->now - w->printed;
	world_tap(w, "feed", bytes, len);
	for (i = 0; i < len && w->attached && !w->over; i += n)
		machine_feed(w->m, w->now, bytes + i,
			     n < len - i ? n : len - i);
}

static void world_tell_gap(struct world *w)
{
	if (!w->attached)
		return;
	world_tap(w, "gap", "", 0);
	machine_gap(w->m, w->now);
}

/* w->scratch goes onto the line, or to the machine at once; so does a gap. */
static void world_send(struct world *w, int64_t lag, bool gap)
{
	if (!gap && w->scratch.len == 0)
		return;
	w->last_output = w->now;
	if (lag == 0 && w->piece_count == 0) {
		if (gap)
			world_tell_gap(w);
		else
			world_feed(w, w->scratch.data, w->scratch.len);
		return;
	}
	if (!gap && w->piece_count > 0 &&
	    !w->pieces[w->piece_count - 1].gap &&
	    w->pieces[w->piece_count - 1].at == deadline_add(w->now, lag)) {
		w->pieces[w->piece_count - 1].len += w->scratch.len;
		buffer_append(&w->line, w->scratch.data, w->scratch.len);
		return;
	}
	if (w->piece_count == WORLD_PIECES)
		return;
	w->pieces[w->piece_count++] = (struct world_piece){
		.at = deadline_add(w->now, lag), .printed = w->printed,
		.gap = gap, .len = gap ? 0 : w->scratch.len };
	if (!gap)
		buffer_append(&w->line, w->scratch.data, w->scratch.len);
}

/* What the twin printed, as it gets here. */
static void world_pump(struct world *w)
{
	size_t len;
	const char *out = twin_output(w->t, &len);
	int64_t lag;

	if (len == 0)
		return;
	buffer_append(&w->kept, out, len);
	if (w->kept.len > WORLD_KEPT)
		buffer_drop(&w->kept, w->kept.len - WORLD_KEPT / 2);
	buffer_clear(&w->scratch);
	w->printed = w->now;
	w->f.gap = false;
	lag = w->attached ? faults_output(w, out, len) : 0;
	twin_take_output(w->t);
	if (!w->attached)
		return;
	world_send(w, lag, w->f.gap);
}

static void world_deliver_piece(struct world *w)
{
	struct world_piece piece = w->pieces[0];

	w->printed = piece.printed;
	buffer_clear(&w->scratch);
	buffer_append(&w->scratch, w->line.data, piece.len);
	buffer_drop(&w->line, piece.len);
	memmove(w->pieces, w->pieces + 1,
		(size_t)--w->piece_count * sizeof(w->pieces[0]));
	if (piece.gap)
		world_tell_gap(w);
	else
		world_feed(w, w->scratch.data, w->scratch.len);
}

static void world_attach(struct world *w)
{
	w->attach_at = DEADLINE_NEVER;
	if (!twin_console(w->t)) {
		w->attach_at = deadline_add(w->now, 1000);
		return;
	}
	w->attached = true;
	w->last_output = w->now;
	faults_attached(w);
	world_tap(w, "attached", "", 0);
	machine_attached(w->m, w->now);
	if (w->scratch.len > 0)
		world_feed(w, w->scratch.data, w->scratch.len);
	buffer_clear(&w->scratch);
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* A person: says yes or no, after a while, or never. */
static void world_ask(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a,
					      world_between(w, 2000, 300000));
	int64_t mood = world_between(w, 0, 9);

	world_decide(n, mood < 5 ? "yes" : "no");
	if (mood >= 8)
		n->at = DEADLINE_NEVER;
	world_limit(n, a->deadline);
}

static void world_withdraw(struct world *w)
{
	int i;

	for (i = w->answer_count - 1; i >= 0; i--) {
		if (w->answers[i].what == MACHINE_ASK)
			world_forget(w, i);
	}
}

void world_do(struct world *w, const struct machine_action *a)
{
	struct world_answer *n;

	switch (a->what) {
	case MACHINE_POWER_QUERY:
		world_query(w, a);
		break;
	case MACHINE_POWER_ACT:
		world_act(w, a);
		break;
	case MACHINE_BOOT:
		world_boot(w, a);
		break;
	case MACHINE_WRITE:
		world_write(w, a);
		break;
	case MACHINE_SECRET:
		world_secret(w, a);
		break;
	case MACHINE_BREAK:
		world_break(w, a);
		break;
	case MACHINE_CHECK:
		world_check(w, a);
		break;
	case MACHINE_BOOT_ID:
		n = world_answer(w, a, 100);
		n->fresh = a->before;
		break;
	case MACHINE_SHELL:
		world_shell(w, a);
		break;
	case MACHINE_EVIDENCE:
		world_evidence(w, a);
		break;
	case MACHINE_ASK:
		world_ask(w, a);
		break;
	case MACHINE_WITHDRAW:
		world_withdraw(w);
		break;
	case MACHINE_REOPEN:
		w->lose_at = w->now;
		break;
	case MACHINE_NONE:
	case MACHINE_EVENT:
	case MACHINE_END:
		break;
	default:
		if (a->id != 0)
			world_decide(world_answer(w, a, 50), "file.txt");
		break;
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

static int world_first_answer(const struct world *w)
{
	int i, best = -1;

	for (i = 0; i < w->answer_count; i++) {
		if (best < 0 || w->answers[i].at < w->answers[best].at)
			best = i;
	}
	return best;
}

static int world_first_late(const struct world *w)
{
	int i, best = -1;

	for (i = 0; i < w->late_count; i++) {
		if (best < 0 || w->late[i].at < w->late[best].at)
			best = i;
	}
	return best;
}

int64_t world_deadline(const struct world *w)
{
	int64_t due = deadline_min(twin_deadline(w->t), w->attach_at);
	int answer = world_first_answer(w), late = world_first_late(w);
	size_t len;

	twin_output(w->t, &len);
	if (len > 0 || (w->attached && !twin_console(w->t)))
		return w->now;
	due = deadline_min(due, w->lose_at);
	due = deadline_min(due, faults_deadline(w));
	due = deadline_min(due, machine_deadline(w->m));
	if (answer >= 0)
		due = deadline_min(due, w->answers[answer].at);
	if (late >= 0)
		due = deadline_min(due, w->late[late].at);
	if (w->piece_count > 0)
		due = deadline_min(due, w->pieces[0].at);
	return due > w->now ? due : w->now;
}

static void world_deliver_answer(struct world *w, int i)
{
	struct world_answer n = w->answers[i];

	w->answers[i] = w->answers[--w->answer_count];
	if (!n.decided)
		world_make_answer(w, &n);
	w->answered(w, &n);
	n.outcome.text = n.text[0] != '\0' ? n.text : NULL;
	machine_done(w->m, w->now, n.id, &n.outcome);
}

/* The connection: lost, or had again; true where something was done. */
static bool world_connect(struct world *w)
{
	if (w->lose_at <= w->now) {
		w->lose_at = DEADLINE_NEVER;
		faults_reopened(w);
		world_lose(w, WORLD_ATTACH_MS);
		return true;
	}
	if (w->attached && !twin_console(w->t)) {
		world_lose(w, 1000);
		return true;
	}
	if (w->attach_at <= w->now && w->machine_config.has_console) {
		world_attach(w);
		return true;
	}
	if (w->attach_at <= w->now)
		w->attach_at = DEADLINE_NEVER;
	return false;
}

void world_step(struct world *w)
{
	int i = world_first_late(w);
	size_t len;

	w->now = world_deadline(w);
	if (i >= 0 && w->late[i].at <= w->now) {
		world_execute(w, w->late[i].act, w->late[i].ours);
		w->late_count--;
		memmove(w->late + i, w->late + i + 1,
			(size_t)(w->late_count - i) * sizeof(w->late[0]));
		return;
	}
	twin_tick(w->t, w->now);
	faults_tick(w);
	if (world_connect(w))
		return;
	twin_output(w->t, &len);
	if (len > 0) {
		world_pump(w);
		return;
	}
	if (faults_flush(w)) {
		world_send(w, 0, false);
		return;
	}
	if (w->piece_count > 0 && w->pieces[0].at <= w->now) {
		world_deliver_piece(w);
		return;
	}
	i = world_first_answer(w);
	if (i >= 0 && w->answers[i].at <= w->now)
		world_deliver_answer(w, i);
	else if (machine_deadline(w->m) <= w->now)
		machine_tick(w->m, w->now);
}
