/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sequence as text, to be read at a terminal of 80 columns at 3 am: the states
 * in the order written, each way out on a line that begins with its key, and at
 * the right the longest time that goes by until it is taken.
 */
#include "agent/sequence/graph-text.h"

#include <stdio.h>
#include <string.h>

#include "base/vis.h"

#define OUTLINE_WIDTH 80
#define OUTLINE_INDENT 12	/* what stands behind the keys */
#define OUTLINE_TIME 9		/* columns for a time at the right */

/* Bytes of the text that go on one line: whole words, where one fits. */
static size_t outline_fits(const char *text, size_t width)
{
	size_t len = strlen(text), i, space = 0, columns = 0;

	for (i = 0; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80 && columns++ == width)
			break;
		if (text[i] == ' ' && i > 0)
			space = i;
	}
	return i == len || space == 0 ? i : space;
}

static size_t outline_columns(const char *text, size_t len)
{
	size_t i, columns = 0;

	for (i = 0; i < len; i++)
		columns += (text[i] & 0xc0) != 0x80;
	return columns;
}

/* A key, text that goes on below itself, a time at the right (-1: none). */
static void outline_put(struct buffer *out, const char *key, const char *text,
			int64_t ms)
{
	size_t width = OUTLINE_WIDTH - OUTLINE_INDENT - (ms >= 0 ? OUTLINE_TIME : 0);
	struct buffer time = { 0 };
	size_t len, columns;

	buffer_printf(out, "%-*s", OUTLINE_INDENT, key);
	if (ms >= 0)
		graph_put_ms(ms, &time);
	for (;;) {
		len = outline_fits(text, width);
		buffer_append(out, text, len);
		columns = outline_columns(text, len);
		if (time.len > 0)
			buffer_printf(out, "%*s", (int)(width - columns) +
				      OUTLINE_TIME, buffer_text(&time));
		buffer_append_char(out, '\n');
		buffer_clear(&time);
		text += len;
		text += strspn(text, " ");
		if (*text == '\0')
			break;
		buffer_printf(out, "%*s", OUTLINE_INDENT, "");
	}
	buffer_release(&time);
}

static void outline_put_target(const struct graph *g, const struct target *to,
			       struct buffer *text)
{
	if (to->kind == TARGET_STATE)
		buffer_printf(text, " -> %s", g->s->states[to->state].name);
	if (to->kind == TARGET_VERDICT)
		buffer_printf(text, " -> %s", verdict_name(to->verdict));
	if (to->kind == TARGET_VERDICT && to->reason != NULL)
		buffer_printf(text, " \"%s\"", to->reason);
	if (to->kind == TARGET_RETURN)
		buffer_append_text(text, " -> " TARGET_RETURN_NAME);
}

/* What was put together, a control character of a reason escaped. */
static void outline_flush(struct buffer *out, const char *key,
			  struct buffer *text, int64_t ms)
{
	const char *from = buffer_text(text);
	struct buffer clean = { 0 };
	size_t len;

	for (; *from != '\0'; from += len) {
		len = strcspn(from, "\\");
		vis_append(&clean, from, len);
		if (from[len] == '\\') {
			buffer_append_char(&clean, '\\');
			len++;
		}
	}
	from = buffer_text(&clean);
	outline_put(out, key, from + strspn(from, " "), ms);
	buffer_release(&clean);
	buffer_clear(text);
}

static void outline_rules(struct graph *g, int state, const struct rules *rules,
			  struct buffer *out)
{
	struct graph_edge e = { .kind = GRAPH_EDGE_RULE, .early = true };
	struct buffer text = { 0 };
	char key[OUTLINE_INDENT];
	const struct rule *r;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		e.rule = r;
		e.to = &r->target;
		snprintf(key, sizeof(key), "  %s", graph_rule_key(r));
		graph_put_rule(r, &text);
		outline_put_target(g, &r->target, &text);
		outline_flush(out, key, &text,
			      r->target.kind == TARGET_NONE ? -1
			      : state >= 0 ? graph_edge_ms(g, state, &e)
					   : graph_always_ms(g, r));
	}
	buffer_release(&text);
}

static void outline_way(struct graph *g, int state, enum graph_edge_kind kind,
			const struct target *to, struct buffer *out)
{
	static const char *const keys[GRAPH_EDGE_COUNT] = {
		[GRAPH_EDGE_THEN] = "  then", [GRAPH_EDGE_ELSE] = "  else",
		[GRAPH_EDGE_TIMEOUT] = "  timeout",
	};
	const struct graph_edge e = { .kind = kind, .to = to };
	struct buffer text = { 0 };

	if (to->kind == TARGET_NONE)
		return;
	outline_put_target(g, to, &text);
	outline_flush(out, keys[kind], &text, graph_edge_ms(g, state, &e));
	buffer_release(&text);
}

static void outline_state(struct graph *g, int state, struct buffer *out)
{
	const struct state *st = &g->s->states[state];
	struct buffer text = { 0 };

	buffer_printf(out, "\n%s%s%s\n", st->name,
		      state == g->s->start ? "  (it begins here)" : "",
		      g->nodes[state].reached ? "" : "  (never reached)");
	if (st->visits > 0) {
		buffer_printf(&text, "%d, the next one", st->visits);
		outline_put_target(g, &st->visited, &text);
		outline_flush(out, "  visits", &text, 0);
	}
	if (st->act.count > 0) {
		graph_put_actions(&st->act, &text);
		outline_flush(out, "  do", &text, -1);
	}
	outline_way(g, state, GRAPH_EDGE_THEN, &st->then, out);
	outline_way(g, state, GRAPH_EDGE_ELSE, &st->otherwise, out);
	if (graph_fails_bare(st))
		outline_put(out, "  else", "-> failed, with what went wrong",
			    graph_actions_ms(g, state, &st->act));
	outline_rules(g, state, &st->rules, out);
	outline_way(g, state, GRAPH_EDGE_TIMEOUT, &st->timeout, out);
	buffer_release(&text);
}

void graph_put_outline(struct graph *g, struct buffer *out)
{
	struct buffer text = { 0 };
	struct rules rules;
	size_t i;

	buffer_printf(&text, "%s%s%s", g->s->name,
		      g->s->summary[0] != '\0' ? ": " : "", g->s->summary);
	outline_flush(out, "sequence", &text, -1);
	graph_put_longest(g, &text);
	outline_flush(out, "time", &text, -1);
	graph_put_attempt(g, &text);
	outline_flush(out, "attempt", &text, -1);
	if (g->s->healthy.count > 0) {
		graph_put_actions(&g->s->healthy, &text);
		buffer_append_text(&text, " -> recovered, nothing is touched");
		outline_flush(out, "healthy", &text, -1);
	}
	for (i = 0; i < g->s->state_count; i++)
		outline_state(g, (int)i, out);
	for (i = 0; i < g->s->always.count; i += rules.count) {
		rules = graph_always(g->s, i, &text);
		buffer_printf(out, "\nin %s\n", buffer_text(&text));
		outline_rules(g, -1, &rules, out);
	}
	buffer_release(&text);
}
