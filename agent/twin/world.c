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

void world_begin(struct world *w, uint64_t seed)
{
	w->now = WORLD_BEGIN;
	w->random = (seed + 1) * UINT64_C(0xd1342543de82ef95) | 1;
	world_random(w);
	w->answer_count = w->late_count = w->piece_count = 0;
	w->attached = w->over = w->forced = false;
	w->lose_at = DEADLINE_NEVER;
	w->last_output = w->now;
	w->old_boot_id[0] = w->before[0] = '\0';
	buffer_clear(&w->line);
	buffer_clear(&w->kept);
	faults_draw(w);
	w->attach_at = deadline_add(w->now, faults_attach_ms(w));
}

bool world_healthy(const struct world *w)
{
	return twin_is_healthy(w->t) && !faults_services_down(w);
}

/* ---- answers ------------------------------------------------------------------------ */

static struct world_answer *world_answer(struct world *w,
					 const struct machine_action *a,
					 int64_t in_ms)
{
	struct world_answer *n;

	/* The machine may have dropped an old one, which a rule interrupted. */
	if (w->answer_count == WORLD_ANSWERS) {
		memmove(w->answers, w->answers + 1,
			(WORLD_ANSWERS - 1) * sizeof(w->answers[0]));
		w->answer_count--;
	}
	n = &w->answers[w->answer_count++];
	memset(&n->outcome, 0, sizeof(n->outcome));
	n->text[0] = '\0';
	n->decided = false;
	n->id = a->id;
	n->what = a->what;
	n->way = a->way;
	n->check = a->action;
	n->fresh = a->fresh;
	n->at = deadline_add(w->now, in_ms);
	return n;
}

/* What takes longer than it may, is over at its deadline. */
static void world_limit(struct world_answer *n, int64_t deadline)
{
	if (n->at < deadline)
		return;
	n->at = deadline;
	n->decided = true;
	rh_error_set(&n->outcome.err, RH_ERR_TIMEOUT, "no answer in time");
}

static void world_decide(struct world_answer *n, const char *text)
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

static void world_execute(struct world *w, enum driver_act act)
{
	bool on = twin_is_on(w->t);

	twin_power(w->t, w->now, act);
	if (on && !twin_is_on(w->t))
		w->f.off_since = w->now;
	if (!on && twin_is_on(w->t))
		w->f.on_since = w->now;
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
		if (at <= w->now)
			world_execute(w, act);
		else if (at < DEADLINE_NEVER && w->late_count < WORLD_LATE)
			w->late[w->late_count++] =
				(struct world_late){ .at = at, .act = act };
	}
	world_limit(n, a->deadline);
}

static void world_boot(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 0);
	int64_t ms = faults_request(w, 0, a->what, &n->outcome);

	n->at = deadline_add(w->now, ms);
	n->decided = true;
	if (n->outcome.err.code == RH_ERR_NONE && fault_strikes(w, FAULT_P14))
		rh_error_set(&n->outcome.err, RH_ERR_PROTOCOL, "the boot device "
			     "did not stick");
	world_limit(n, a->deadline);
}

/* ---- the console ------------------------------------------------------------------------- */

static void world_write(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 2);
	char bytes[4096];
	size_t len = a->len < sizeof(bytes) ? a->len : sizeof(bytes);

	n->decided = true;
	if (!w->attached) {
		rh_error_set(&n->outcome.err, RH_ERR_LOST,
			     "the console is not attached");
		return;
	}
	memcpy(bytes, a->bytes, len);
	len = faults_keys(w, bytes, len, &n->outcome);
	twin_type(w->t, w->now, bytes, len);
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
	twin_type(w->t, w->now, secret, sizeof(secret) - 1);
	twin_type(w->t, w->now, w->machine_config.enter,
		  strlen(w->machine_config.enter));
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
		machine_lost(w->m, w->now);
	}
	w->attach_at = deadline_add(w->now, back_in);
}

static void world_feed(struct world *w, const char *bytes, size_t len)
{
	size_t i, n = w->f.on[FAULT_C04] ? 1 : len;

	for (i = 0; i < len && w->attached && !w->over; i += n)
		machine_feed(w->m, w->now, bytes + i,
			     n < len - i ? n : len - i);
}

/* What the twin printed goes onto the line, or to the machine at once. */
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
	lag = w->attached ? faults_output(w, out, len) : 0;
	twin_take_output(w->t);
	if (!w->attached || w->scratch.len == 0)
		return;
	w->last_output = w->now;
	if (lag == 0 && w->piece_count == 0) {
		world_feed(w, w->scratch.data, w->scratch.len);
		return;
	}
	if (w->piece_count == WORLD_PIECES)
		return;
	w->pieces[w->piece_count++] = (struct world_piece){
		.at = deadline_add(w->now, lag), .len = w->scratch.len };
	buffer_append(&w->line, w->scratch.data, w->scratch.len);
}

static void world_deliver_piece(struct world *w)
{
	size_t len = w->pieces[0].len;

	buffer_clear(&w->scratch);
	buffer_append(&w->scratch, w->line.data, len);
	buffer_drop(&w->line, len);
	memmove(w->pieces, w->pieces + 1,
		(size_t)--w->piece_count * sizeof(w->pieces[0]));
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
	machine_attached(w->m, w->now);
	if (w->scratch.len > 0)
		world_feed(w, w->scratch.data, w->scratch.len);
	buffer_clear(&w->scratch);
}

/* ---- the shell and the checks ----------------------------------------------------------------- */

static void world_shell(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 300);
	struct rh_error *err = &n->outcome.err;

	n->decided = true;
	w->forced = w->forced || a->force != NULL;
	if (faults_shell(w, &n->outcome)) {
		world_limit(n, err->code == RH_ERR_TIMEOUT ? w->now
							   : a->deadline);
		if (err->code == RH_ERR_TIMEOUT)
			n->at = a->deadline;
		return;
	}
	twin_shell(w->t, w->now, a->text, &w->shell);
	n->at = deadline_add(n->at, w->shell.after_ms);
	if (w->shell.reply == TWIN_REPLY_REFUSED)
		rh_error_set(err, RH_ERR_UNREACHABLE, "connection refused");
	else if (w->shell.reply == TWIN_REPLY_DROPPED ||
		 fault_strikes(w, FAULT_H05))
		rh_error_set(err, RH_ERR_LOST, "it ended without an exit status");
	else if (w->shell.reply == TWIN_REPLY_HANGS)
		n->at = a->deadline;
	else if (w->shell.exit_status != 0)
		rh_error_set(err, RH_ERR_STATE, "exit status %d",
			     w->shell.exit_status);
	snprintf(n->text, sizeof(n->text), "%.150s",
		 buffer_text(&w->shell.out));
	world_limit(n, a->deadline);
}

static const char *world_boot_id(struct world *w)
{
	const char *id = twin_boot_id(w->t);

	/* The old system is still up to its neck in its shutdown. */
	if (w->f.on[FAULT_H01] && w->old_boot_id[0] != '\0' &&
	    w->now < w->f.until)
		return w->old_boot_id;
	return id;
}

static void check_tcp(struct world *w, struct world_answer *n)
{
	const struct twin_port *p = twin_model_port(w->config->twin,
						    n->check->number);
	struct rh_error *err = &n->outcome.err;
	bool expects = n->check->expect != NULL;

	if (!twin_port_is_open(w->t, n->check->number) ||
	    faults_services_down(w))
		rh_error_set(err, RH_ERR_UNREACHABLE, "tcp %d: connection "
			     "refused", n->check->number);
	else if (expects && (p == NULL || p->answer == NULL ||
			     memmem(p->answer, p->answer_len, n->check->expect,
				    n->check->expect_len) == NULL))
		rh_error_set(err, RH_ERR_PROTOCOL, "tcp %d: another answer",
			     n->check->number);
	snprintf(n->text, sizeof(n->text), "tcp %d answers", n->check->number);
}

static void check_ssh(struct world *w, struct world_answer *n)
{
	const char *id = world_boot_id(w);
	struct rh_error *err = &n->outcome.err;

	if (faults_shell(w, &n->outcome))
		return;
	if (id == NULL)
		rh_error_set(err, RH_ERR_UNREACHABLE, "ssh: refused");
	else if (!w->forced)
		snprintf(w->before, sizeof(w->before), "%s", id);
	else if (strcmp(w->before, id) == 0 ||
		 (w->before[0] == '\0' && !n->fresh))
		rh_error_set(err, RH_ERR_STATE, "ssh answers, but it is the "
			     "system from before");
	snprintf(n->text, sizeof(n->text), "ssh answers, boot id %s",
		 id != NULL ? id : "");
}

static void check_shell(struct world *w, struct world_answer *n)
{
	struct rh_error *err = &n->outcome.err;

	if (faults_shell(w, &n->outcome))
		return;
	twin_shell(w->t, w->now, n->check->text, &w->shell);
	if (w->shell.reply != TWIN_REPLY_EXIT)
		rh_error_set(err, w->shell.reply == TWIN_REPLY_REFUSED
					  ? RH_ERR_UNREACHABLE
					  : RH_ERR_LOST, "no answer");
	else if (w->shell.exit_status != 0)
		rh_error_set(err, RH_ERR_STATE, "exit status %d",
			     w->shell.exit_status);
	snprintf(n->text, sizeof(n->text), "shell \"%.80s\" succeeds",
		 n->check->text);
}

static void answer_boot_id(struct world *w, struct world_answer *n)
{
	const char *id = world_boot_id(w);

	if (faults_shell(w, &n->outcome))
		return;
	if (id == NULL)
		rh_error_set(&n->outcome.err, RH_ERR_UNREACHABLE, "refused");
	else
		snprintf(n->text, sizeof(n->text), "%s", id);
	if (n->fresh && id != NULL)
		snprintf(w->before, sizeof(w->before), "%s", id);
}

/* An answer is made when it is due: it says what is so then. */
static void world_make_answer(struct world *w, struct world_answer *n)
{
	switch (n->what) {
	case MACHINE_POWER_QUERY:
		n->outcome.state = twin_is_on(w->t) ? DRIVER_POWER_ON
						    : DRIVER_POWER_OFF;
		if (n->way == 0)
			faults_query(w, &n->outcome);
		break;
	case MACHINE_CHECK:
		if (n->check->type == ACTION_CHECK_TCP)
			check_tcp(w, n);
		else if (n->check->type == ACTION_CHECK_SSH)
			check_ssh(w, n);
		else
			check_shell(w, n);
		break;
	case MACHINE_BOOT_ID:
		answer_boot_id(w, n);
		break;
	default:
		break;
	}
}

static void world_check(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 50);

	if (a->action->type != ACTION_CHECK_TCP && w->f.on[FAULT_H02] &&
	    twin_boot_id(w->t) != NULL)
		n->at = a->deadline;
	world_limit(n, a->deadline);
}

static void world_evidence(struct world *w, const struct machine_action *a)
{
	struct world_answer *n = world_answer(w, a, 500);

	world_decide(n, "power on; 2 event-log entries kept");
	if (!w->forced && world_boot_id(w) != NULL && w->machine_config.has_shell)
		snprintf(w->before, sizeof(w->before), "%s", world_boot_id(w));
	snprintf(w->old_boot_id, sizeof(w->old_boot_id), "%s", w->before);
	world_limit(n, a->deadline);
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
		w->f.stolen = false;
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
		world_execute(w, w->late[i].act);
		w->late[i] = w->late[--w->late_count];
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
