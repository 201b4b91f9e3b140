/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sequence in graphviz's language. A state is a box with what it does, and with
 * the rules that stay; [always] is a box of its own, since its edges would begin
 * everywhere; each verdict with its reason is an end.
 */
#include "agent/sequence/graph-text.h"

#include <string.h>
#include <stdlib.h>

#include "base/memory.h"

#define DOT_WRAP 36	/* columns of a label */

struct dot {
	struct graph *g;
	struct buffer *out;
	const struct target **ends;	/* verdicts that have a node */
	size_t end_count;
};

/* Text of a label in quotes: wrapped at blanks, each line centred. */
static void dot_put(struct dot *d, const char *text)
{
	size_t column = 0;

	for (; *text != '\0'; text++, column++) {
		if (*text == '\n' || (*text == ' ' && column >= DOT_WRAP)) {
			buffer_append_text(d->out, "\\n");
			column = 0;
			continue;
		}
		if (strchr("\"\\", *text) != NULL)
			buffer_append_char(d->out, '\\');
		if ((*text & 0xe0) != 0)
			buffer_append_char(d->out, *text);
	}
}

static void dot_put_ms(struct dot *d, int64_t ms)
{
	buffer_append_text(d->out, "\\n");
	graph_put_ms(ms, d->out);
}

static bool dot_is_same_end(const struct target *a, const struct target *b)
{
	if (a->kind != b->kind || a->verdict != b->verdict || (a->reason == NULL) != (b->reason == NULL))
		return false;
	return a->reason == NULL || strcmp(a->reason, b->reason) == 0;
}

/* The name of a target's node; a verdict that is new gets one. */
static void dot_put_node(struct dot *d, const struct target *to)
{
	size_t i;

	if (to->kind == TARGET_STATE) {
		buffer_printf(d->out, "s%d", to->state);
		return;
	}
	for (i = 0; i < d->end_count; i++) {
		if (dot_is_same_end(d->ends[i], to))
			break;
	}
	if (i == d->end_count) {
		d->ends = memory_grow(d->ends, i + 1, sizeof(*d->ends));
		d->ends[d->end_count++] = to;
	}
	buffer_printf(d->out, "v%zu", i);
}

static void dot_put_edge_label(struct dot *d, const char *key,
			       const struct rule *r)
{
	struct buffer text = { 0 };

	buffer_append_text(&text, key);
	if (r != NULL) {
		buffer_append_char(&text, ' ');
		graph_put_rule(r, &text);
	}
	dot_put(d, buffer_text(&text));
	buffer_release(&text);
}

static void dot_put_edge(struct dot *d, int state, const struct graph_edge *e)
{
	static const char *const keys[GRAPH_EDGE_COUNT] = {
		[GRAPH_EDGE_THEN] = "then", [GRAPH_EDGE_ELSE] = "else",
		[GRAPH_EDGE_TIMEOUT] = "timeout",
	};

	if (e->kind == GRAPH_EDGE_ALWAYS)
		return;
	buffer_printf(d->out, "\ts%d -> ", state);
	dot_put_node(d, e->to);
	buffer_append_text(d->out, " [label=\"");
	dot_put_edge_label(d, e->rule != NULL ? graph_rule_key(e->rule)
					      : keys[e->kind], e->rule);
	dot_put_ms(d, graph_edge_ms(d->g, state, e));
	buffer_append_text(d->out, "\"];\n");
}

/* The rules that stay, in the label of their box. */
static void dot_put_stays(struct dot *d, const struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		if (rules->list[i].target.kind != TARGET_NONE)
			continue;
		buffer_append_text(d->out, "\\n");
		dot_put_edge_label(d, graph_rule_key(&rules->list[i]),
				   &rules->list[i]);
	}
}

static void dot_put_state(struct dot *d, int state)
{
	const struct state *st = &d->g->s->states[state];
	const struct graph_node *n = &d->g->nodes[state];
	struct buffer text = { 0 };
	size_t i;

	buffer_printf(d->out, "\ts%d [label=\"%s", state, st->name);
	if (st->act.count > 0) {
		graph_put_actions(&st->act, &text);
		buffer_append_text(d->out, "\\n");
		dot_put(d, buffer_text(&text));
	}
	dot_put_stays(d, &st->rules);
	buffer_printf(d->out, "\"%s];\n", n->reached ? "" : ", style=dotted");
	for (i = 0; i < n->count; i++)
		dot_put_edge(d, state, &n->edges[i]);
	if (st->visits > 0) {
		buffer_printf(d->out, "\ts%d -> ", state);
		dot_put_node(d, &st->visited);
		buffer_printf(d->out, " [label=\"visit %d", st->visits + 1);
		dot_put_ms(d, 0);
		buffer_append_text(d->out, "\", style=dashed];\n");
	}
	if (graph_fails_bare(st)) {
		buffer_printf(d->out, "\ts%d -> error [label=\"else", state);
		dot_put_ms(d, graph_actions_ms(d->g, state, &st->act));
		buffer_append_text(d->out, "\"];\n");
	}
	buffer_release(&text);
}

/* Rules that hold in the same states are a box, called always0, always1 ... */
static void dot_put_always(struct dot *d, const struct rules *rules, size_t box,
			   const char *where)
{
	size_t i;

	buffer_printf(d->out, "\talways%zu [label=\"in %s", box, where);
	dot_put_stays(d, rules);
	buffer_append_text(d->out, "\", style=dashed];\n");
	for (i = 0; i < rules->count; i++) {
		if (rules->list[i].target.kind == TARGET_NONE)
			continue;
		buffer_printf(d->out, "\talways%zu -> ", box);
		dot_put_node(d, &rules->list[i].target);
		buffer_append_text(d->out, " [label=\"");
		dot_put_edge_label(d, graph_rule_key(&rules->list[i]),
				   &rules->list[i]);
		dot_put_ms(d, graph_always_ms(d->g, &rules->list[i]));
		buffer_append_text(d->out, "\"];\n");
	}
}

static void dot_put_ends(struct dot *d)
{
	const struct target *to;
	bool bare = false;
	size_t i;

	for (i = 0; i < d->end_count; i++) {
		to = d->ends[i];
		buffer_printf(d->out, "\tv%zu [shape=%s, label=\"%s", i,
			      to->verdict == VERDICT_RECOVERED ? "doubleoctagon"
							       : "octagon",
			      to->kind == TARGET_RETURN
				      ? TARGET_RETURN_NAME
				      : verdict_name(to->verdict));
		if (to->reason != NULL) {
			buffer_append_text(d->out, "\\n");
			dot_put(d, to->reason);
		}
		buffer_append_text(d->out, "\"];\n");
	}
	for (i = 0; i < d->g->s->state_count; i++)
		bare = bare || graph_fails_bare(&d->g->s->states[i]);
	if (bare)
		buffer_append_text(d->out, "\terror [shape=octagon, label=\"failed"
				   "\\nwith what went wrong\"];\n");
}

void graph_put_dot(struct graph *g, struct buffer *out)
{
	struct dot d = { .g = g, .out = out };
	struct buffer text = { 0 };
	struct rules rules;
	size_t i;

	buffer_append_text(out, "digraph \"");
	dot_put(&d, g->s->name);
	buffer_append_text(out, "\" {\n\tgraph [labelloc=t, label=\"");
	buffer_printf(&text, "%s: %s\n", g->s->name, g->s->summary);
	graph_put_longest(g, &text);
	buffer_append_text(&text, "\none attempt takes ");
	graph_put_attempt(g, &text);
	dot_put(&d, buffer_text(&text));
	buffer_append_text(out, "\"];\n\tnode [shape=box];\n"
			   "\tbegin [shape=point];\n");
	buffer_printf(out, "\tbegin -> s%d;\n", g->s->start);
	for (i = 0; i < g->s->state_count; i++)
		dot_put_state(&d, (int)i);
	for (i = 0; i < g->s->always.count; i += rules.count) {
		rules = graph_always(g->s, i, &text);
		dot_put_always(&d, &rules, i, buffer_text(&text));
	}
	dot_put_ends(&d);
	buffer_append_text(out, "}\n");
	buffer_release(&text);
	free(d.ends);
}
