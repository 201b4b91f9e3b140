/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `run SEQUENCE`: where a state runs another sequence, the states of that one are
 * put in, so that machine and proofs see one graph of states and nothing else.
 * parse.c comes in by parsing_run, when a sequence is whole but for that.
 *
 *   [state S] do = a, run X, b; else = E
 *
 * becomes S (do a, then the start of X), the states of X, called "S/X:...", and
 * "S+1" (do b, and all the rest of S but `visits`). In the states of X,
 * recovered and return lead to S+1, and failed to E where there is one; all other
 * verdicts end the run. They stand in this order, one behind the other. The rules
 * of [always] of X hold in the states of X alone, and are looked for before those
 * of the sequence that runs it.
 *
 * X is parsed anew for each place where it is run, with what it runs put in
 * already, and S for each of its parts; so nothing is ever copied.
 */
#include "agent/sequence/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Where a sequence is put in. */
struct run {
	struct parsing *g;
	struct sequence *sub;
	int first;			/* its states begin there */
	int behind;			/* the state that goes on */
	const struct target *otherwise;	/* `else` of the state that runs it */
};

/* The first run of the state; false: there is none. */
static bool run_find(const struct state *st, size_t *ret_at)
{
	size_t i;

	for (i = 0; i < st->act.count; i++) {
		if (st->act.list[i].type != ACTION_RUN)
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

/* ---- the other sequence ------------------------------------------------------ */

/* "a -> b -> a": from the sequence called that, down to g, and round. */
static void run_put_circle(const struct parsing *g, const char *name,
			   struct buffer *out)
{
	if (strcmp(g->s->name, name) != 0)
		run_put_circle(g->caller, name, out);
	buffer_printf(out, "%s -> ", g->s->name);
}

static bool run_is_bounded(struct parsing *g, const struct action *a)
{
	struct buffer circle = { 0 };
	const struct parsing *up;
	int depth = 1;

	for (up = g; up != NULL; up = up->caller, depth++) {
		if (strcmp(up->s->name, a->text) != 0)
			continue;
		run_put_circle(g, a->text, &circle);
		problems_add_at(g->p.problems, a->file, a->line, a->column,
				"sequences run each other in a circle: %.300s%s",
				buffer_text(&circle), a->text);
		buffer_release(&circle);
		return false;
	}
	if (depth <= SEQUENCE_RUN_DEPTH + 1)
		return true;
	problems_add_at(g->p.problems, a->file, a->line, a->column,
			"a sequence that is run by one that is run, and so on: "
			"%d are allowed", SEQUENCE_RUN_DEPTH);
	return false;
}

/* What the other one needs has to be known of this one. */
static void run_check_needs(struct parsing *g, const struct action *a,
			    unsigned needs)
{
	static const char *const names[] = { "power", "console", "shell" };
	int i;

	for (i = 0; i < 3; i++) {
		if (((needs & ~g->s->needs) >> i & 1) != 0)
			problems_add_at(g->p.problems, a->file, a->line,
					a->column, "the sequence %s needs the "
					"%s; add %s to needs", a->text, names[i],
					names[i]);
	}
}

static bool run_fits(struct parsing *g, const struct action *a,
		     const struct sequence *sub)
{
	if (g->s->state_count + sub->state_count < SEQUENCE_STATES_MAX)
		return true;
	problems_add_at(g->p.problems, a->file, a->line, a->column,
			"with all that is run, the sequence has more than %d "
			"states", SEQUENCE_STATES_MAX);
	return false;
}

/* The sequence that the action runs, flat; NULL after saying why not. */
static struct sequence *run_parse(struct parsing *g, const struct action *a)
{
	const struct sequence_library *library = g->p.vars->library;
	struct rh_error err = RH_ERROR_INIT;
	struct sequence *sub = NULL;
	const struct ini *ini;

	if (!run_is_bounded(g, a))
		return NULL;
	ini = library->get(library->context, a->text, &err);
	if (ini != NULL)
		sub = parsing_sequence(ini, a->text, g->p.vars, g->p.problems, g);
	if (sub == NULL)
		return NULL;
	run_check_needs(g, a, sub->needs);
	if (run_fits(g, a, sub))
		return sub;
	sequence_free(sub);
	return NULL;
}

/* ---- its targets ----------------------------------------------------------------- */

/* Consumes t: what it says of an end, and that the sequence had it. */
static char *run_note(const struct run *r, const struct target *t,
		      const char *how)
{
	return memory_format("%s%s%s %s%s%s", t->note != NULL ? t->note : "",
			     t->note != NULL ? "; " : "", r->sub->name, how,
			     t->reason != NULL ? ": " : "",
			     t->reason != NULL ? t->reason : "");
}

/* failed leads to `else`. */
static void run_target_failed(const struct run *r, struct target *t)
{
	struct target to = *r->otherwise;

	to.name = to.name != NULL ? memory_copy(to.name) : NULL;
	to.reason = to.reason != NULL ? memory_copy(to.reason) : NULL;
	to.note = run_note(r, t, "failed");
	to.if_failed = t->if_failed;
	parse_target_release(t);
	*t = to;
}

/* Recovered, and return, lead behind the run. */
static void run_target_good(const struct run *r, struct target *t,
			    const char *how)
{
	char *note = run_note(r, t, how);

	free(t->note);
	free(t->reason);
	t->note = note;
	t->reason = NULL;
	t->kind = TARGET_STATE;
	t->verdict = VERDICT_NONE;
	t->state = r->behind;
}

static void run_target(const struct run *r, struct target *t)
{
	if (t->kind == TARGET_STATE)
		t->state += r->first;
	else if (t->kind == TARGET_RETURN)
		run_target_good(r, t, "returned");
	else if (t->kind == TARGET_VERDICT && t->verdict == VERDICT_RECOVERED)
		run_target_good(r, t, "recovered");
	else if (t->kind == TARGET_VERDICT && t->verdict == VERDICT_FAILED &&
		 r->otherwise->kind != TARGET_NONE)
		run_target_failed(r, t);
}

/* What fails in a state without `else` fails the sequence. */
static void run_otherwise(const struct run *r, struct target *otherwise)
{
	if (otherwise->kind != TARGET_NONE) {
		run_target(r, otherwise);
	} else if (r->otherwise->kind != TARGET_NONE) {
		run_target_failed(r, otherwise);
		otherwise->if_failed = true;
	}
}

static void run_rules(const struct run *r, struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		run_target(r, &rules->list[i].target);
}

static void run_state(const struct run *r, const char *caller, struct state *st)
{
	char *name = memory_format("%s/%s:%s", caller, r->sub->name, st->name);

	free(st->name);
	st->name = name;
	st->start += r->first;
	run_target(r, &st->then);
	run_otherwise(r, &st->otherwise);
	run_target(r, &st->timeout);
	run_target(r, &st->visited);
	run_rules(r, &st->rules);
}

/* ---- to one graph ------------------------------------------------------------------ */

/* Its rules of [always] hold in its states, and come before ours. */
static void run_always(const struct run *r)
{
	struct rules *ours = &r->g->s->always, *theirs = &r->sub->always;
	struct rule *rule;
	size_t i;

	run_rules(r, theirs);
	for (i = 0; i < theirs->count; i++) {
		rule = &theirs->list[i];
		if (rule->end == 0)
			rule->end = (int)r->sub->state_count;
		rule->first += r->first;
		rule->end += r->first;
	}
	if (theirs->count == 0)
		return;
	theirs->list = memory_grow(theirs->list, theirs->count + ours->count,
				   sizeof(*theirs->list));
	if (ours->count > 0)
		memcpy(theirs->list + theirs->count, ours->list,
		       ours->count * sizeof(*ours->list));
	free(ours->list);
	ours->list = theirs->list;
	ours->count += theirs->count;
	*theirs = (struct rules){ 0 };
}

static void run_keep_file(struct sequence *s, char *file)
{
	s->files = memory_grow(s->files, s->file_count + 1, sizeof(*s->files));
	s->files[s->file_count++] = file;
}

/* Makes room behind ours for its states, and for `behind`, which stands last. */
static void run_insert(const struct run *r, const struct state *behind)
{
	struct sequence *s = r->g->s, *sub = r->sub;
	size_t first = (size_t)r->first, count = sub->state_count;

	s->states = memory_grow(s->states, s->state_count + count + 1,
				sizeof(*s->states));
	memmove(s->states + first + count + 1, s->states + first,
		(s->state_count - first) * sizeof(*s->states));
	memcpy(s->states + first, sub->states, count * sizeof(*s->states));
	s->states[first + count] = *behind;
	s->state_count += count + 1;
	sub->state_count = 0;
}

/* All of it becomes ours. */
static void run_take(const struct run *r, const char *caller,
		     const struct state *behind)
{
	struct sequence *s = r->g->s, *sub = r->sub;
	size_t i;

	for (i = 0; i < sub->state_count; i++)
		run_state(r, caller, &sub->states[i]);
	run_always(r);
	run_insert(r, behind);
	for (i = 0; i < sub->file_count; i++)
		run_keep_file(s, sub->files[i]);
	sub->file_count = 0;
	run_keep_file(s, sub->file);
	sub->file = NULL;
}

static void run_shift_target(const struct run *r, struct target *t)
{
	if (t->kind == TARGET_STATE && t->state >= r->first)
		t->state += (int)r->sub->state_count + 1;
}

static void run_shift_rules(const struct run *r, struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		run_shift_target(r, &rules->list[i].target);
}

static void run_shift_state(const struct run *r, struct state *st)
{
	run_shift_target(r, &st->then);
	run_shift_target(r, &st->otherwise);
	run_shift_target(r, &st->timeout);
	run_shift_target(r, &st->visited);
	run_shift_rules(r, &st->rules);
	if (st->start >= r->first)
		st->start += (int)r->sub->state_count + 1;
}

/* Our states behind it move. What was put in before stands in front of it. */
static void run_shift(const struct run *r, struct state *behind)
{
	struct sequence *s = r->g->s;
	size_t i;

	for (i = 0; i < s->state_count; i++)
		run_shift_state(r, &s->states[i]);
	run_shift_state(r, behind);
	run_shift_rules(r, &s->always);
	if (s->start >= r->first)
		s->start += (int)r->sub->state_count + 1;
}

/* Releases actions from..to of the list. */
static void run_cut(struct actions *list, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++)
		action_release(&list->list[i]);
	memmove(list->list + from, list->list + to,
		(list->count - to) * sizeof(*list->list));
	list->count -= to - from;
}

/* What goes on behind the run `at`. */
static void run_behind(struct parsing *g, const struct state *st, size_t at,
		       struct state *ret)
{
	parsing_state_again(g, st, ret);
	ret->part = st->part + 1;
	ret->name = memory_format("%s+%d", st->own, ret->part);
	run_cut(&ret->act, 0, ret->act.count - (st->act.count - at - 1));
	ret->visits = 0;
	parse_target_release(&ret->visited);
}

/* What is done before it, and the way there; with nothing to do it is no stay. */
static void run_before(struct state *st, size_t at, int start)
{
	struct target to = { .kind = TARGET_STATE, .state = start };

	to.file = st->act.list[at].file;
	to.line = st->act.list[at].line;
	to.column = st->act.list[at].column;
	run_cut(&st->act, at, st->act.count);
	parse_target_release(&st->then);
	st->then = to;
	if (at > 0)
		return;
	parse_rules_release(&st->rules);
	parse_target_release(&st->otherwise);
	parse_target_release(&st->timeout);
	st->timeout_ms = 0;
}

static void run_put_in(struct parsing *g, size_t state, size_t at)
{
	struct sequence *s = g->s;
	struct run r = { .g = g, .first = (int)state + 1 };
	struct state behind;

	r.sub = run_parse(g, &s->states[state].act.list[at]);
	if (r.sub == NULL) {
		g->broken = true;
		return;
	}
	r.behind = r.first + (int)r.sub->state_count;
	run_behind(g, &s->states[state], at, &behind);
	run_shift(&r, &behind);
	r.otherwise = &behind.otherwise;
	run_before(&s->states[state], at, r.first + r.sub->start);
	run_take(&r, s->states[state].name, &behind);
	sequence_free(r.sub);
}

/* ---- what can be run only ---------------------------------------------------------- */

/* What was found of the targets: the first line of each kind. */
struct ends {
	int returns;
	const struct target *recovers;
};

static void ends_add(struct ends *e, const struct target *t)
{
	if (t->kind == TARGET_RETURN &&
	    (e->returns == 0 || t->line < e->returns))
		e->returns = t->line;
	if (t->kind == TARGET_VERDICT && t->verdict == VERDICT_RECOVERED &&
	    e->recovers == NULL)
		e->recovers = t;
}

static void ends_add_rules(struct ends *e, const struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		ends_add(e, &rules->list[i].target);
}

void parsing_return(struct parsing *g)
{
	const struct state *st;
	struct ends e = { 0 };
	size_t i;

	ends_add_rules(&e, &g->s->always);
	for (i = 0; i < g->s->state_count; i++) {
		st = &g->s->states[i];
		ends_add(&e, &st->then);
		ends_add(&e, &st->otherwise);
		ends_add(&e, &st->timeout);
		ends_add(&e, &st->visited);
		ends_add_rules(&e, &st->rules);
	}
	g->s->return_line = e.returns;
	if (e.returns > 0 && e.recovers != NULL)
		problems_add_at(g->p.problems, g->p.ini->file, e.recovers->line,
				e.recovers->column, "a sequence that returns (line "
				"%d) is run by others, and they say recovered when "
				"they have proved it: write return here, or "
				"recovered there", e.returns);
	if (e.returns > 0 && g->s->healthy.count > 0)
		problems_add(g->p.problems, g->p.ini->file,
			     g->s->healthy.list[0].line, "a sequence that returns "
			     "(line %d) has no \"healthy\": that is asked of the "
			     "sequence that runs it", e.returns);
}

/* ---- all of them -------------------------------------------------------------------- */

void parsing_run(struct parsing *g)
{
	size_t i, at;

	/* What stands behind a run comes later, and may run more. */
	for (i = 0; i < g->s->state_count && !g->broken; i++) {
		if (run_find(&g->s->states[i], &at))
			run_put_in(g, i, at);
	}
}
