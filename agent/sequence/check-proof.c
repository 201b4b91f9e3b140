/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether `recovered` is proved on every way that leads to it. A check that
 * succeeds is proof, and so is a text that a rule goes on with, and a person who
 * looked and said yes; a power action,
 * a restart and a sysrq that ends the system make all proof worthless. Power
 * that was seen off proves that it is off, and no more: check-flow.c asks what is
 * said of that. A rule that stays may do its actions at any time while the
 * state lasts.
 *
 * The facts spread along the edges until nothing changes. Of the first way that
 * brings a state no proof, the state before is kept, for people.
 */
#include "agent/sequence/check-private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "drivers/driver.h"

#define PROOF_NONE	1u	/* nothing is known of the host */
#define PROOF_OFF	2u	/* it was seen off */
#define PROOF_SEEN	4u	/* a check succeeded, or a text was seen */

/* What may be true at a place: bits, and what took the proof (NULL: the start). */
struct fact {
	unsigned may;
	const struct action *act;
};

struct proof_node {
	struct fact in;
	int before;	/* the state that PROOF_NONE came from; -1: none */
	bool made;	/* ... and it was made there: the way begins there */
};

struct proof {
	struct check *c;
	struct proof_node *nodes;
	bool *said;	/* per rule of [always] */
};

static bool proof_add(struct fact *f, struct fact other)
{
	bool news = (other.may & ~f->may) != 0;

	if ((other.may & PROOF_NONE) != 0 && (f->may & PROOF_NONE) == 0)
		f->act = other.act;
	f->may |= other.may;
	return news;
}

/* Whether the action takes the proof away. */
static bool proof_is_lost(const struct action *a)
{
	return a->type == ACTION_POWER || action_is_force(a);
}

static struct fact proof_behind(const struct action *a, struct fact f)
{
	if (action_is_check(a) || a->type == ACTION_ASK)
		return (struct fact){ .may = PROOF_SEEN };
	if (!proof_is_lost(a))
		return f;
	if (a->type == ACTION_STOP ||
	    (a->type == ACTION_POWER && (a->number == DRIVER_ACT_OFF ||
					 a->number == DRIVER_ACT_SOFT)))
		return (struct fact){ .may = PROOF_OFF };
	return (struct fact){ .may = PROOF_NONE, .act = a };
}

static struct fact proof_behind_all(const struct actions *list, struct fact f)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		f = proof_behind(&list->list[i], f);
	return f;
}

/* Before, or behind, any of the actions. */
static struct fact proof_amid(const struct actions *list, struct fact f)
{
	struct fact any = f;
	size_t i;

	for (i = 0; i < list->count; i++) {
		f = proof_behind(&list->list[i], f);
		proof_add(&any, f);
	}
	return any;
}

static void proof_add_stays(struct fact *f, const struct rules *rules, int state)
{
	const struct rule *r;
	size_t i, j;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		for (j = 0; r->target.kind == TARGET_NONE &&
			    rule_holds(r, state) &&
			    j < r->actions.count; j++) {
			if (proof_is_lost(&r->actions.list[j]))
				proof_add(f, proof_behind(&r->actions.list[j],
							  *f));
		}
	}
}

/* With what an edge leaves the state. */
static struct fact proof_edge(const struct proof *p, size_t state,
			      const struct graph_edge *e)
{
	const struct state *st = &p->c->s->states[state];
	struct fact f = p->nodes[state].in;

	if (e->rule != NULL && e->rule->kind != RULE_IDLE &&
	    e->rule->kind != RULE_LOST)
		f = (struct fact){ .may = PROOF_SEEN };
	else if (e->kind == GRAPH_EDGE_THEN)
		f = proof_behind_all(&st->act, f);
	else
		f = proof_amid(&st->act, f);
	return e->rule != NULL ? proof_behind_all(&e->rule->actions, f) : f;
}

/* Whether the proof was lost between `in`, and `out`. */
static bool proof_is_made(const struct fact *in, const struct fact *out)
{
	return (in->may & PROOF_NONE) == 0 || in->act != out->act;
}

static bool proof_enter(struct proof *p, const struct target *to, struct fact f,
			size_t from)
{
	struct proof_node *n;
	bool bare, made;

	if (to->kind != TARGET_STATE)
		return false;
	n = &p->nodes[to->state];
	bare = (n->in.may & PROOF_NONE) != 0;
	made = proof_is_made(&p->nodes[from].in, &f);
	if (!proof_add(&n->in, f))
		return false;
	if (!bare && (n->in.may & PROOF_NONE) != 0) {
		n->before = (int)from;
		n->made = made;
	}
	proof_add_stays(&n->in, &p->c->s->states[to->state].rules, to->state);
	proof_add_stays(&n->in, &p->c->s->always, to->state);
	return true;
}

static bool proof_spread(struct proof *p, size_t state)
{
	const struct graph_node *n = &p->c->graph.nodes[state];
	bool changed;
	size_t i;

	changed = proof_enter(p, &p->c->s->states[state].visited,
			      p->nodes[state].in, state);
	for (i = 0; i < n->count; i++) {
		if (proof_enter(p, n->edges[i].to,
				proof_edge(p, state, &n->edges[i]), state))
			changed = true;
	}
	return changed;
}

/* "a -> b", as far back as nothing was proved. */
static void proof_put_way(const struct proof *p, int state, struct buffer *out)
{
	const struct proof_node *n = &p->nodes[state];

	if (n->before >= 0 && n->made)
		buffer_append_text(out, p->c->s->states[n->before].name);
	else if (n->before >= 0)
		proof_put_way(p, n->before, out);
	if (n->before >= 0)
		buffer_append_text(out, " -> ");
	buffer_append_text(out, p->c->s->states[state].name);
}

static void proof_say(struct proof *p, const struct target *to, struct fact f,
		      size_t state)
{
	struct buffer way = { 0 };
	char place[300], since[340] = "";

	if (to->kind != TARGET_VERDICT || to->verdict != VERDICT_RECOVERED ||
	    (f.may & PROOF_NONE) == 0)
		return;
	if (f.act != NULL) {
		check_place(place, sizeof(place), f.act->file, f.act->line,
			    to->file);
		snprintf(since, sizeof(since), " behind the act of %s", place);
	}
	if (proof_is_made(&p->nodes[state].in, &f))
		buffer_append_text(&way, p->c->s->states[state].name);
	else
		proof_put_way(p, (int)state, &way);
	problems_add_at(p->c->problems, to->file, to->line, to->column,
		     "recovered is not proved on the way %.300s: nothing is "
		     "checked and no prompt is seen%s; add \"check ssh within "
		     "2m\" or another check, or come here by a rule on a prompt",
		     buffer_text(&way), since);
	buffer_release(&way);
}

static void proof_say_state(struct proof *p, size_t state)
{
	const struct graph_node *n = &p->c->graph.nodes[state];
	const struct graph_edge *e;
	size_t i, rule;

	proof_say(p, &p->c->s->states[state].visited, p->nodes[state].in, state);
	for (i = 0; i < n->count; i++) {
		e = &n->edges[i];
		if (e->kind == GRAPH_EDGE_ALWAYS) {
			rule = (size_t)(e->rule - p->c->s->always.list);
			if (p->said[rule])
				continue;
			p->said[rule] = (proof_edge(p, state, e).may &
					 PROOF_NONE) != 0;
		}
		proof_say(p, e->to, proof_edge(p, state, e), state);
	}
}

void check_proof(struct check *c)
{
	const struct target start = { .kind = TARGET_STATE, .state = c->s->start };
	size_t i, count = c->s->state_count;
	struct proof p = { .c = c };
	bool changed = true;

	p.nodes = memory_new(count, sizeof(*p.nodes));
	p.said = memory_new(c->s->always.count + 1, sizeof(*p.said));
	for (i = 0; i < count; i++)
		p.nodes[i].before = -1;
	proof_enter(&p, &start, (struct fact){ .may = PROOF_NONE }, 0);
	p.nodes[c->s->start].before = -1;
	while (changed) {
		changed = false;
		for (i = 0; i < count; i++) {
			if (p.nodes[i].in.may != 0 && proof_spread(&p, i))
				changed = true;
		}
	}
	for (i = 0; i < count; i++) {
		if (p.nodes[i].in.may != 0)
			proof_say_state(&p, i);
	}
	free(p.said);
	free(p.nodes);
}
