/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a sequence may take. A timeout bounds a state, whatever its
 * actions do; a state without one takes what its `do` takes. graph.c says
 * which graph the longest path is looked for in; every entry of a state with
 * visits, and every match of a rule of [always] with `max`, adds the longest
 * path from there, so the sum is a bound that no run goes over.
 */
#include "agent/sequence/graph.h"

#include "base/deadline.h"
#include "drivers/driver.h"

#define GRAPH_SHELL_MS 60000	/* a command that names no time */
#define GRAPH_TRY_MS 10000	/* one try of a check */
#define GRAPH_KEY_MS 100
#define GRAPH_TYPED_MS 1000	/* typing that nobody waits for */
#define GRAPH_LOOK_MS 16000	/* what restart reads before its first rung */
#define GRAPH_CALL_MS 5000	/* boot, collect, break */

static int64_t graph_power_ms(const struct graph *g, enum driver_act act)
{
	int64_t confirm = g->times.confirm_ms, min_off = g->times.min_off_ms;

	switch (act) {
	case DRIVER_ACT_CYCLE:
	case DRIVER_ACT_RESET:	/* on, where it is off */
		return 2 * confirm + min_off;
	case DRIVER_ACT_OFF:
	case DRIVER_ACT_SOFT:
		return confirm + min_off;
	default:
		return confirm;
	}
}

/* key_ms: the state's own pace, or 0. */
static int64_t graph_typing_ms(const struct action *a, int64_t key_ms)
{
	int64_t count = (int64_t)a->text_len + 1;

	if (a->type == ACTION_KEY) {
		for (count = 0; a->keys[count] != NULL; count++)
			;
	}
	return count * (key_ms > GRAPH_KEY_MS ? key_ms : GRAPH_KEY_MS);
}

/* Every rung to its end, and what is read before. */
static int64_t graph_rungs_ms(const struct graph *g, const struct action *a)
{
	int64_t ms = GRAPH_LOOK_MS;
	size_t i;

	for (i = 0; i < a->rung_count; i++) {
		if (a->rungs[i].kind == RUNG_CYCLE)
			ms += graph_power_ms(g, DRIVER_ACT_CYCLE);
		else if (a->rungs[i].kind == RUNG_OFF)
			ms += graph_power_ms(g, DRIVER_ACT_OFF);
		else if (a->rungs[i].kind == RUNG_SHELL)
			ms += 2 * a->rungs[i].within_ms;
		else
			ms += a->rungs[i].within_ms +
			      graph_power_ms(g, DRIVER_ACT_RESET);
	}
	return ms;
}

static int64_t graph_action_ms(const struct graph *g, const struct action *a,
			       int64_t key_ms)
{
	switch (a->type) {
	case ACTION_POWER:
		return graph_power_ms(g, (enum driver_act)a->number);
	case ACTION_SEND:
	case ACTION_ENTER:
	case ACTION_KEY:
	case ACTION_SECRET:
		return graph_typing_ms(a, key_ms);
	case ACTION_WAIT:
		return a->ms;
	case ACTION_CHECK_TCP:
	case ACTION_CHECK_SSH:
	case ACTION_CHECK_SHELL:
		return (a->within_ms > 0 ? a->within_ms : GRAPH_TRY_MS) +
		       a->hold_ms;
	case ACTION_SHELL:
		return a->within_ms > 0 ? a->within_ms : GRAPH_SHELL_MS;
	case ACTION_SELECT:
		return (int64_t)a->step_count * SEQUENCE_SELECT_MS;
	case ACTION_BOOT:
	case ACTION_BREAK:
	case ACTION_SYSRQ:
	case ACTION_COLLECT:
		return GRAPH_CALL_MS;
	case ACTION_RESTART:
	case ACTION_STOP:
		return graph_rungs_ms(g, a);
	case ACTION_NONE:
	case ACTION_ASK:
	case ACTION_SYSRQ_SEEN:
	case ACTION_NOTE:
	case ACTION_RUN:
	case ACTION_COUNT:
		break;
	}
	return 0;
}

int64_t graph_actions_ms(const struct graph *g, int state,
			 const struct actions *list)
{
	int64_t key_ms = g->s->states[state].key_delay_ms, ms = 0;
	size_t i;

	for (i = 0; list != NULL && i < list->count; i++)
		ms = deadline_add(ms, graph_action_ms(g, &list->list[i], key_ms));
	return ms;
}

/*
 * How long the action holds the state, so that not even its timeout comes through.
 * A restart holds it only where the power is switched off, by its last rung.
 */
static int64_t graph_held_ms(const struct graph *g, const struct action *a,
			     int64_t key_ms)
{
	if (a->type == ACTION_WAIT || a->type == ACTION_SELECT ||
	    action_is_check(a))
		return 0;
	if (a->type == ACTION_STOP)
		return graph_power_ms(g, DRIVER_ACT_OFF);
	if (a->type == ACTION_RESTART)
		return graph_power_ms(g, DRIVER_ACT_CYCLE);
	return graph_action_ms(g, a, key_ms);
}

/*
 * When the last of its actions lets go that can be begun before the timeout. Those
 * that hold the state, one behind the other, let nothing through between them.
 */
static int64_t graph_do_lets_go(const struct graph *g, const struct state *st)
{
	int64_t at = 0, held, open;
	const struct action *a;
	size_t i;

	for (i = 0; i < st->act.count; i++) {
		a = &st->act.list[i];
		held = graph_held_ms(g, a, st->key_delay_ms);
		open = graph_action_ms(g, a, st->key_delay_ms) - held;
		if (a->type == ACTION_ASK)
			open = st->timeout_ms;
		if (open > 0 && at > st->timeout_ms)
			break;
		if (open > 0)
			at = deadline_min(deadline_add(at, open), st->timeout_ms);
		at = deadline_add(at, held);
	}
	return at;
}

/* The longest that a rule which stays holds the state; what is typed in a second
   is not worth a word. */
static int64_t graph_rules_hold(const struct graph *g, int state,
				const struct rules *rules)
{
	const struct state *st = &g->s->states[state];
	const struct rule *r;
	int64_t longest = 0, ms;
	size_t i, j;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		if (r->target.kind != TARGET_NONE || !rule_holds(r, state))
			continue;
		/* In the middle of a `do` it holds it as a whole. */
		ms = st->act.count > 0 ? graph_actions_ms(g, state, &r->actions) : 0;
		for (j = 0; st->act.count == 0 && j < r->actions.count; j++)
			ms = deadline_add(ms, graph_held_ms(
				g, &r->actions.list[j], st->key_delay_ms));
		if (ms > longest)
			longest = ms;
	}
	return longest > GRAPH_TYPED_MS ? longest : 0;
}

int64_t graph_state_ms(const struct graph *g, int state)
{
	const struct state *st = &g->s->states[state];
	int64_t held, always, end;

	if (st->timeout_ms == 0)
		return graph_actions_ms(g, state, &st->act);
	held = graph_rules_hold(g, state, &st->rules);
	always = graph_rules_hold(g, state, &g->s->always);
	end = deadline_add(st->timeout_ms, held > always ? held : always);
	held = graph_do_lets_go(g, st);
	return held > end ? held : end;
}

static bool graph_asks(const struct state *st)
{
	size_t i;

	for (i = 0; i < st->act.count; i++) {
		if (st->act.list[i].type == ACTION_ASK)
			return true;
	}
	return false;
}

int64_t graph_edge_ms(const struct graph *g, int state,
		      const struct graph_edge *e)
{
	const struct state *st = &g->s->states[state];
	int64_t ms = graph_state_ms(g, state);

	if (e->kind != GRAPH_EDGE_THEN && e->kind != GRAPH_EDGE_ELSE)
		return deadline_add(ms, e->rule != NULL
					? graph_actions_ms(g, state, &e->rule->actions)
					: 0);
	/* A person takes as long as they may. */
	return graph_asks(st) ? ms
			      : deadline_min(ms, graph_actions_ms(g, state, &st->act));
}

int64_t graph_always_ms(const struct graph *g, const struct rule *r)
{
	const struct graph_edge e = { .kind = GRAPH_EDGE_ALWAYS,
				      .to = &r->target, .rule = r };
	int64_t longest = 0, ms;
	size_t i;

	for (i = 0; i < g->s->state_count; i++) {
		if (!g->nodes[i].reached || !rule_holds(r, (int)i))
			continue;
		ms = graph_edge_ms(g, (int)i, &e);
		if (ms > longest)
			longest = ms;
	}
	return longest;
}

/* ---- the longest path --------------------------------------------------------- */

static int64_t graph_longest(struct graph *g, const struct target *to);

/*
 * The longest way on behind a stay in the state; which edge that is. NULL:
 * none takes any time.
 */
static const struct graph_edge *graph_longest_edge(struct graph *g, int state,
						   int64_t *ret_ms)
{
	const struct graph_node *n = &g->nodes[state];
	const struct graph_edge *e, *longest = NULL;
	int64_t ms;
	size_t i;

	*ret_ms = 0;
	for (i = 0; i < n->count; i++) {
		e = &n->edges[i];
		if (e->bounded)
			continue;
		ms = deadline_add(e->rule != NULL
				  ? graph_actions_ms(g, state, &e->rule->actions) : 0,
				  graph_longest(g, e->to));
		if (ms > *ret_ms) {
			*ret_ms = ms;
			longest = e;
		}
	}
	return longest;
}

/* One stay in the state and the longest way on from there. */
static int64_t graph_from(struct graph *g, int state)
{
	int64_t ms;

	graph_longest_edge(g, state, &ms);
	return deadline_add(graph_state_ms(g, state), ms);
}

/* What an entry takes when all visits are used up. */
static int64_t graph_longest(struct graph *g, const struct target *to)
{
	const struct state *st;
	struct graph_node *n;

	if (to->kind != TARGET_STATE)
		return 0;
	st = &g->s->states[to->state];
	n = &g->nodes[to->state];
	if (n->longest_ms < 0)
		n->longest_ms = st->visits > 0 ? graph_longest(g, &st->visited)
					       : graph_from(g, to->state);
	return n->longest_ms;
}

/* Where it really goes to when all visits are used up. */
static const struct target *graph_through(const struct graph *g,
					  const struct target *to)
{
	while (to->kind == TARGET_STATE && g->s->states[to->state].visits > 0)
		to = &g->s->states[to->state].visited;
	return to;
}

/* "cycle (2m5s) -> post (2m)", from an entry that visits allow. */
static void graph_put_path(struct graph *g, int state, struct buffer *out)
{
	const struct graph_edge *e;
	const struct target *to;
	int64_t ms, rest;
	char time[32];

	for (;;) {
		e = graph_longest_edge(g, state, &rest);
		to = e != NULL ? graph_through(g, e->to) : NULL;
		ms = graph_state_ms(g, state);
		if (e != NULL && e->rule != NULL)
			ms = deadline_add(ms, graph_actions_ms(
				g, state, &e->rule->actions));
		buffer_printf(out, "%s (%s)", g->s->states[state].name,
			      deadline_format(ms, time, sizeof(time)));
		if (to == NULL || to->kind != TARGET_STATE)
			return;
		buffer_append_text(out, " -> ");
		state = to->state;
	}
}

/* Adds a path that is taken `times` times; returns what it takes. */
static int64_t graph_add_path(struct graph *g, int state, int times,
			      struct buffer *path)
{
	int64_t one = graph_from(g, state), total = 0;
	int i;

	for (i = 0; i < times; i++)
		total = deadline_add(total, one);
	if (total == 0 || path == NULL)
		return total;
	if (path->len > 0)
		buffer_append_text(path, ", then ");
	if (times > 1)
		buffer_printf(path, "%d x [", times);
	graph_put_path(g, state, path);
	if (times > 1)
		buffer_append_char(path, ']');
	return total;
}

/* The same from where a target leads when all visits are used up. */
static int64_t graph_add_target(struct graph *g, const struct target *to,
				int times, struct buffer *path)
{
	to = graph_through(g, to);
	if (to->kind != TARGET_STATE)
		return 0;
	return graph_add_path(g, to->state, times, path);
}

/* A rule of [always] with `max`: what it does, and where it leads, so many times. */
static int64_t graph_add_rule(struct graph *g, const struct rule *r,
			      struct buffer *path)
{
	int64_t total = graph_add_target(g, &r->target, r->max, path), ms = 0;
	char time[32];
	int i;

	if (r->target.kind != TARGET_NONE)
		ms = graph_actions_ms(g, r->first, &r->actions);
	if (ms < GRAPH_TYPED_MS)
		return total;
	for (i = 0; i < r->max; i++)
		total = deadline_add(total, ms);
	if (path != NULL)
		buffer_printf(path, "%s%d x what %s does (%s)",
			      path->len > 0 ? ", then " : "", r->max,
			      r->source != NULL ? r->source : "a rule",
			      deadline_format(ms, time, sizeof(time)));
	return total;
}

int64_t graph_worst_ms(struct graph *g, struct buffer *path)
{
	const struct target start = { .kind = TARGET_STATE,
				      .state = g->s->start };
	int64_t total = graph_add_target(g, &start, 1, path);
	const struct rule *r;
	size_t i;

	for (i = 0; i < g->s->state_count; i++) {
		if (g->nodes[i].reached && g->s->states[i].visits > 0)
			total = deadline_add(total, graph_add_path(
				g, (int)i, g->s->states[i].visits, path));
	}
	for (i = 0; i < g->s->always.count; i++) {
		r = &g->s->always.list[i];
		if (r->max > 0)
			total = deadline_add(total, graph_add_rule(g, r, path));
	}
	return total;
}
