/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be proved of a sequence before it runs. One door, sequence_check:
 * it lays the ways from state to state out as edges, once, and then asks one
 * question after the other. A sequence that was parsed is whole: each target
 * of a state has an index.
 *
 * Loops and durations look at the graph that is left when all visits are used
 * up: a state with `visits` is only passed through then, to where visits send
 * the next entry. What goes round in that graph goes round for ever; where
 * nothing does, each entry of a state with visits begins a path of known
 * length.
 */
#include "agent/sequence/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/driver.h"

#define CHECK_CONFIRM_MS 60000	/* where no host says otherwise */
#define CHECK_MIN_OFF_MS 5000
#define CHECK_SHELL_MS 60000	/* a command that names no time */
#define CHECK_TRY_MS 10000	/* one try of a check */
#define CHECK_KEY_MS 100
#define CHECK_LOOK_MS 16000	/* what restart reads before its first rung */
#define CHECK_CALL_MS 5000	/* boot, collect, break */

/* A way out of a state. */
struct edge {
	const struct target *to;
	const struct actions *with;	/* of the rule; NULL: none */
	int max;			/* of a rule of [always]: bounds it */
	bool early;			/* taken before `do` may be through */
};

struct node {
	struct edge *edges;
	size_t count;
	bool reached;
	bool said;		/* that it goes round */
	int color;		/* loops: 0 new, 1 on the way, 2 done */
	int64_t longest_ms;	/* -1: not known yet */
	int off_line;		/* may be entered powered off, since there; 0 no */
};

struct check {
	const struct sequence *s;
	const struct check_host *host;
	struct problems *problems;
	struct node *nodes;
	int *trail;		/* loops: the states on the way */
	int trail_len;
	bool loops;
};

/* ---- the edges -------------------------------------------------------------- */

static void node_add(struct node *n, const struct target *to,
		     const struct actions *with, int max, bool early)
{
	if (to->kind == TARGET_NONE)
		return;
	n->edges[n->count++] = (struct edge){ .to = to, .with = with,
					      .max = max, .early = early };
}

static void node_add_rules(struct node *n, const struct rules *rules, bool always)
{
	const struct rule *r;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		node_add(n, &r->target, &r->actions, always ? r->max : 0, true);
	}
}

static void check_lay_edges(struct check *c)
{
	const struct state *st;
	struct node *n;
	size_t i;

	for (i = 0; i < c->s->state_count; i++) {
		st = &c->s->states[i];
		n = &c->nodes[i];
		n->longest_ms = -1;
		n->edges = memory_new(3 + st->rules.count + c->s->always.count,
				      sizeof(*n->edges));
		node_add(n, &st->then, NULL, 0, false);
		if (st->act.count > 0)
			node_add(n, &st->otherwise, NULL, 0, true);
		node_add(n, &st->timeout, NULL, 0, true);
		node_add_rules(n, &st->rules, false);
		node_add_rules(n, &c->s->always, true);
	}
}

/* ---- reached and left --------------------------------------------------------- */

static void check_reach(struct check *c, const struct target *to);

static void check_reach_state(struct check *c, int state)
{
	struct node *n = &c->nodes[state];
	size_t i;

	if (n->reached)
		return;
	n->reached = true;
	for (i = 0; i < n->count; i++)
		check_reach(c, n->edges[i].to);
	check_reach(c, &c->s->states[state].visited);
}

static void check_reach(struct check *c, const struct target *to)
{
	if (to->kind == TARGET_STATE)
		check_reach_state(c, to->state);
}

static void check_states(struct check *c)
{
	const struct state *st;
	size_t i;

	check_reach_state(c, c->s->start);
	for (i = 0; i < c->s->state_count; i++) {
		st = &c->s->states[i];
		if (!c->nodes[i].reached)
			problems_add(c->problems, c->s->file, st->line,
				     "state \"%s\" can't be reached from \"%s\"; "
				     "remove it, or let a rule go \"-> %s\"",
				     st->name, c->s->states[c->s->start].name,
				     st->name);
		if (c->nodes[i].count == 0)
			problems_add(c->problems, c->s->file, st->line,
				     "state \"%s\" can't be left; add then, "
				     "timeout, or a rule with a target", st->name);
		else if (st->then.kind == TARGET_NONE && st->timeout_ms == 0)
			problems_add(c->problems, c->s->file, st->line,
				     "state \"%s\" may wait for ever; add "
				     "\"timeout = 5m -> TARGET\"", st->name);
	}
}

/* ---- loops -------------------------------------------------------------------- */

static void check_walk(struct check *c, const struct target *to);

/* The states from the one that was come back to, "a -> b -> a". */
static void check_say_loop(struct check *c, int state)
{
	struct buffer text = { 0 };
	int i = c->trail_len;

	c->loops = true;
	if (c->nodes[state].said)
		return;
	c->nodes[state].said = true;
	while (c->trail[--i] != state)
		;
	for (; i < c->trail_len; i++)
		buffer_printf(&text, "%s -> ", c->s->states[c->trail[i]].name);
	problems_add(c->problems, c->s->file, c->s->states[state].line,
		     "%.300s%s goes round without end; give one of these states "
		     "\"visits = 3 -> TARGET\"", buffer_text(&text),
		     c->s->states[state].name);
	buffer_release(&text);
}

static void check_walk_state(struct check *c, int state)
{
	struct node *n = &c->nodes[state];
	size_t i;

	if (n->color == 1)
		check_say_loop(c, state);
	if (n->color != 0)
		return;
	n->color = 1;
	c->trail[c->trail_len++] = state;
	if (c->s->states[state].visits > 0)
		check_walk(c, &c->s->states[state].visited);
	for (i = 0; c->s->states[state].visits == 0 && i < n->count; i++) {
		if (n->edges[i].max == 0)
			check_walk(c, n->edges[i].to);
	}
	c->trail_len--;
	n->color = 2;
}

static void check_walk(struct check *c, const struct target *to)
{
	if (to->kind == TARGET_STATE)
		check_walk_state(c, to->state);
}

static void check_loops(struct check *c)
{
	size_t i;

	c->trail = memory_new(c->s->state_count, sizeof(*c->trail));
	for (i = 0; i < c->s->state_count; i++)
		check_walk_state(c, (int)i);
	free(c->trail);
}

/* ---- how long ------------------------------------------------------------------- */

static int64_t power_ms(const struct check *c, enum driver_act act)
{
	int64_t confirm = c->host != NULL ? c->host->confirm_ms : CHECK_CONFIRM_MS;
	int64_t min_off = c->host != NULL ? c->host->min_off_ms : CHECK_MIN_OFF_MS;

	switch (act) {
	case DRIVER_ACT_CYCLE:
		return 2 * confirm + min_off;
	case DRIVER_ACT_OFF:
	case DRIVER_ACT_SOFT:
		return confirm + min_off;
	default:
		return confirm;
	}
}

static int64_t typing_ms(const struct action *a)
{
	int64_t count = (int64_t)a->text_len + 1;

	if (a->type == ACTION_KEY) {
		for (count = 0; a->keys[count] != NULL; count++)
			;
	}
	return count * CHECK_KEY_MS;
}

/* Every rung to its end, and what is read before. */
static int64_t rungs_ms(const struct check *c, const struct action *a)
{
	int64_t ms = CHECK_LOOK_MS;
	size_t i;

	for (i = 0; i < a->rung_count; i++) {
		if (a->rungs[i].kind == RUNG_CYCLE)
			ms += power_ms(c, DRIVER_ACT_CYCLE);
		else if (a->rungs[i].kind == RUNG_OFF)
			ms += power_ms(c, DRIVER_ACT_OFF);
		else if (a->rungs[i].kind == RUNG_SHELL)
			ms += 2 * a->rungs[i].within_ms;
		else
			ms += a->rungs[i].within_ms +
			      power_ms(c, DRIVER_ACT_RESET);
	}
	return ms;
}

static int64_t action_ms(const struct check *c, const struct action *a)
{
	switch (a->type) {
	case ACTION_POWER:
		return power_ms(c, (enum driver_act)a->number);
	case ACTION_SEND:
	case ACTION_ENTER:
	case ACTION_KEY:
	case ACTION_SECRET:
		return typing_ms(a);
	case ACTION_WAIT:
		return a->ms;
	case ACTION_CHECK_TCP:
	case ACTION_CHECK_SSH:
	case ACTION_CHECK_SHELL:
		return (a->within_ms > 0 ? a->within_ms : CHECK_TRY_MS) +
		       a->hold_ms;
	case ACTION_SHELL:
		return a->within_ms > 0 ? a->within_ms : CHECK_SHELL_MS;
	case ACTION_BOOT:
	case ACTION_BREAK:
	case ACTION_SYSRQ:
	case ACTION_COLLECT:
		return CHECK_CALL_MS;
	case ACTION_RESTART:
	case ACTION_STOP:
		return rungs_ms(c, a);
	case ACTION_NONE:
	case ACTION_SYSRQ_SEEN:
	case ACTION_NOTE:
	case ACTION_COUNT:
		break;
	}
	return 0;
}

static int64_t actions_ms(const struct check *c, const struct actions *list)
{
	int64_t ms = 0;
	size_t i;

	for (i = 0; list != NULL && i < list->count; i++)
		ms = deadline_add(ms, action_ms(c, &list->list[i]));
	return ms;
}

static int64_t state_ms(const struct check *c, int state)
{
	const struct state *st = &c->s->states[state];

	return st->timeout_ms > 0 ? st->timeout_ms : actions_ms(c, &st->act);
}

static int64_t check_longest(struct check *c, const struct target *to);

/* One stay in the state and the longest way on from there. */
static int64_t check_from(struct check *c, int state)
{
	const struct node *n = &c->nodes[state];
	int64_t ms, longest = 0;
	size_t i;

	for (i = 0; i < n->count; i++) {
		if (n->edges[i].max > 0)
			continue;
		ms = deadline_add(actions_ms(c, n->edges[i].with),
				  check_longest(c, n->edges[i].to));
		if (ms > longest)
			longest = ms;
	}
	return deadline_add(state_ms(c, state), longest);
}

static int64_t check_longest(struct check *c, const struct target *to)
{
	const struct state *st;
	struct node *n;

	if (to->kind != TARGET_STATE)
		return 0;
	st = &c->s->states[to->state];
	n = &c->nodes[to->state];
	if (n->longest_ms < 0)
		n->longest_ms = st->visits > 0 ? check_longest(c, &st->visited)
					       : check_from(c, to->state);
	return n->longest_ms;
}

static int64_t check_worst_case(struct check *c)
{
	const struct target start = { .kind = TARGET_STATE,
				      .state = c->s->start };
	int64_t total = check_longest(c, &start);
	const struct rule *r;
	int64_t ms;
	size_t i;
	int n;

	for (i = 0; i < c->s->state_count; i++) {
		if (!c->nodes[i].reached || c->s->states[i].visits == 0)
			continue;
		ms = check_from(c, (int)i);
		for (n = 0; n < c->s->states[i].visits; n++)
			total = deadline_add(total, ms);
	}
	for (i = 0; i < c->s->always.count; i++) {
		r = &c->s->always.list[i];
		ms = r->max > 0 ? check_longest(c, &r->target) : 0;
		for (n = 0; n < r->max; n++)
			total = deadline_add(total, ms);
	}
	return total;
}

static void check_deadline(struct check *c)
{
	int64_t worst = check_worst_case(c);
	char need[32], has[32];

	if (worst <= c->s->deadline_ms)
		return;
	problems_warn(c->problems, c->s->file, c->s->line,
		      "the longest path takes %s, the deadline is %s; a run may "
		      "end in the middle: make timeouts or visits smaller, or "
		      "the deadline longer",
		      deadline_format(worst, need, sizeof(need)),
		      deadline_format(c->s->deadline_ms, has, sizeof(has)));
}

/* ---- powered off ------------------------------------------------------------------ */

/* The line that leaves it off: this action's, 0 where it is on, or as before. */
static int action_off_line(const struct action *a, int before)
{
	if ((a->type == ACTION_SYSRQ && a->number == 'o') ||
	    a->type == ACTION_STOP)
		return a->line;
	if (a->type == ACTION_RESTART)
		return 0;
	if (a->type != ACTION_POWER || a->number == DRIVER_ACT_DIAG)
		return before;
	if (a->number == DRIVER_ACT_OFF || a->number == DRIVER_ACT_SOFT)
		return a->line;
	return 0;
}

/* Behind all of the list, or (early) where it is off at any point of it. */
static int actions_off_line(const struct actions *list, int line, bool early)
{
	int off = line;
	size_t i;

	for (i = 0; list != NULL && i < list->count; i++) {
		line = action_off_line(&list->list[i], line);
		if (line != 0)
			off = line;
	}
	return early ? off : line;
}

/* In which an edge leaves the state: behind its `do`, or before. */
static int edge_off_line(const struct check *c, int state, const struct edge *e)
{
	int line = actions_off_line(&c->s->states[state].act,
				    c->nodes[state].off_line, e->early);

	return actions_off_line(e->with, line, false);
}

static bool check_off_enter(struct check *c, const struct target *to, int line)
{
	if (to->kind != TARGET_STATE || line == 0 ||
	    c->nodes[to->state].off_line != 0)
		return false;
	c->nodes[to->state].off_line = line;
	return true;
}

static bool check_off_spread(struct check *c, int state)
{
	const struct node *n = &c->nodes[state];
	bool changed;
	size_t i;

	changed = check_off_enter(c, &c->s->states[state].visited, n->off_line);
	for (i = 0; i < n->count; i++) {
		if (check_off_enter(c, n->edges[i].to,
				    edge_off_line(c, state, &n->edges[i])))
			changed = true;
	}
	return changed;
}

static void check_off_say(struct check *c, const struct target *to, int line)
{
	if (to->kind != TARGET_VERDICT || line == 0 ||
	    (to->reason != NULL && strcasestr(to->reason, "off") != NULL))
		return;
	problems_warn(c->problems, c->s->file, to->line,
		      "this may end with the host powered off (by line %d); "
		      "switch it on before, or say in the reason that it is off",
		      line);
}

static void check_off(struct check *c)
{
	bool changed = true;
	size_t i, j;

	while (changed) {
		changed = false;
		for (i = 0; i < c->s->state_count; i++) {
			if (c->nodes[i].reached && check_off_spread(c, (int)i))
				changed = true;
		}
	}
	for (i = 0; i < c->s->state_count; i++) {
		if (!c->nodes[i].reached)
			continue;
		check_off_say(c, &c->s->states[i].visited, c->nodes[i].off_line);
		for (j = 0; j < c->nodes[i].count; j++)
			check_off_say(c, c->nodes[i].edges[j].to,
				      edge_off_line(c, (int)i,
						    &c->nodes[i].edges[j]));
	}
}

/* ---- what it needs ------------------------------------------------------------------ */

static const struct {
	unsigned bit;
	const char *name;
} check_needs_names[] = {
	{ SEQUENCE_NEEDS_POWER, "power" },
	{ SEQUENCE_NEEDS_CONSOLE, "console" },
	{ SEQUENCE_NEEDS_SHELL, "shell" },
};

static void check_host_lacks(struct check *c, int line, const char *what,
			     const char *name, const char *add)
{
	char where[32] = "";

	if (line > 0)
		snprintf(where, sizeof(where), ", line %d", line);
	problems_add(c->problems, c->host->file, c->host->line,
		     "host %s has no %s%s, which the sequence %s needs (%s%s); %s",
		     c->host->name, what, name, c->s->name, c->s->file, where,
		     add);
}

static void check_needs(struct check *c)
{
	unsigned uses = sequence_uses(c->s), bit;
	char add[64];
	size_t i;

	for (i = 0; i < 3; i++) {
		bit = check_needs_names[i].bit;
		if ((uses & bit) != 0 && (c->s->needs & bit) == 0)
			problems_add(c->problems, c->s->file,
				     c->s->needs_line > 0 ? c->s->needs_line
							  : c->s->line,
				     "it uses the %s; add %s to needs",
				     check_needs_names[i].name,
				     check_needs_names[i].name);
		if (c->host == NULL || ((uses | c->s->needs) & bit) == 0 ||
		    (c->host->has & bit) != 0)
			continue;
		snprintf(add, sizeof(add), "add a section [%s]",
			 check_needs_names[i].name);
		check_host_lacks(c, c->s->needs_line, "",
				 check_needs_names[i].name, add);
	}
}

/* ---- each action -------------------------------------------------------------------- */

static void check_secret(struct check *c, const struct action *a, bool on_text)
{
	char name[128], add[160];

	if (!on_text)
		problems_add(c->problems, c->s->file, a->line,
			     "a secret is typed only by a rule on text, where "
			     "its prompt was seen: on = /Password: $/ : secret "
			     "%s", a->text);
	if (c->host == NULL || c->host->has_secret(c->host->context, a->text))
		return;
	snprintf(name, sizeof(name), "\"%s\"", a->text);
	snprintf(add, sizeof(add), "add \"%s = @file:...\" to [secrets]", a->text);
	check_host_lacks(c, a->line, "secret ", name, add);
}

static void check_keys(struct check *c, const struct action *a)
{
	struct keys_stroke stroke;
	int i;

	for (i = 0; c->host != NULL && a->keys[i] != NULL; i++) {
		if (!keys_encode(c->host->terminal, a->keys[i], &stroke))
			problems_add(c->problems, c->s->file, a->line,
				     "the terminal of host %s (%s) has no key %s; "
				     "use another key, or set its terminal",
				     c->host->name,
				     keys_terminal_name(c->host->terminal),
				     a->keys[i]);
	}
}

/* What a rule does goes through undisturbed; a restart takes minutes. */
static void check_restart(struct check *c, const struct action *a, bool in_do)
{
	const char *word = a->type == ACTION_STOP ? "stop" : "restart";

	if (!in_do)
		problems_add(c->problems, c->s->file, a->line,
			     "%s stands in the \"do\" of a state, not in a rule: "
			     "let the rule go to a state that does it", word);
}

static void check_actions(struct check *c, const struct actions *list,
			  bool on_text, bool in_do)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (list->list[i].type == ACTION_SECRET)
			check_secret(c, &list->list[i], on_text);
		else if (list->list[i].type == ACTION_KEY)
			check_keys(c, &list->list[i]);
		else if (list->list[i].rung_count > 0)
			check_restart(c, &list->list[i], in_do);
	}
}

static void check_rules(struct check *c, const struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		check_actions(c, &rules->list[i].actions,
			      rules->list[i].kind == RULE_TEXT, false);
}

static void check_each_action(struct check *c)
{
	const struct actions *healthy = &c->s->healthy;
	size_t i;

	for (i = 0; i < healthy->count; i++) {
		if (!action_is_check(&healthy->list[i]))
			problems_add(c->problems, c->s->file,
				     healthy->list[i].line, "only checks can "
				     "stand in healthy; nothing is touched by "
				     "them");
	}
	check_rules(c, &c->s->always);
	for (i = 0; i < c->s->state_count; i++) {
		check_actions(c, &c->s->states[i].act, false, true);
		check_rules(c, &c->s->states[i].rules);
	}
}

void sequence_check(const struct sequence *s, const struct check_host *host,
		    struct problems *problems)
{
	struct check c = { .s = s, .host = host, .problems = problems };
	size_t i;

	c.nodes = memory_new(s->state_count, sizeof(*c.nodes));
	check_lay_edges(&c);
	check_states(&c);
	check_loops(&c);
	if (!c.loops)
		check_deadline(&c);
	check_off(&c);
	check_needs(&c);
	check_each_action(&c);
	for (i = 0; i < s->state_count; i++)
		free(c.nodes[i].edges);
	free(c.nodes);
}
