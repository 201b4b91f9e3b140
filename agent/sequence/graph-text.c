/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of the pictures of a sequence: rules and actions as they are written. */
#include "agent/sequence/graph-text.h"

#include <string.h>

#include "base/deadline.h"

const char *graph_rule_key(const struct rule *r)
{
	switch (r->kind) {
	case RULE_SCREEN:
		return "on screen";
	case RULE_IDLE:
		return "on idle";
	case RULE_LOST:
		return "on lost";
	case RULE_TEXT:
	case RULE_NONE:
		break;
	}
	return "on";
}

void graph_put_ms(int64_t ms, struct buffer *out)
{
	char text[32];

	buffer_append_text(out, deadline_format(ms, text, sizeof(text)));
}

void graph_put_actions(const struct actions *list, struct buffer *out)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (i > 0)
			buffer_append_text(out, ", ");
		buffer_append_text(out, list->list[i].source != NULL
						? list->list[i].source : "?");
	}
}

void graph_put_rule(const struct rule *r, struct buffer *out)
{
	if (r->source != NULL)
		buffer_append_text(out, r->source);
	else
		graph_put_ms(r->ms, out);
	if (r->max > 0)
		buffer_printf(out, " max %d", r->max);
	if (r->actions.count > 0) {
		buffer_append_text(out, " : ");
		graph_put_actions(&r->actions, out);
	}
}

struct rules graph_always(const struct sequence *s, size_t i, struct buffer *where)
{
	struct rules same = { s->always.list + i, 0 };
	const struct rule *r = same.list;
	const struct state *st;

	while (i + same.count < s->always.count &&
	       same.list[same.count].first == r->first &&
	       same.list[same.count].end == r->end)
		same.count++;
	buffer_clear(where);
	buffer_append_text(where, "every state");
	if (same.count == 0 || r->end == 0)
		return same;
	/* "S/X:boot" without ":boot" */
	st = &s->states[r->first];
	buffer_printf(where, " of %.*s",
		      (int)(strlen(st->name) - strlen(st->own) - 1), st->name);
	return same;
}

bool graph_fails_bare(const struct state *st)
{
	size_t i;

	for (i = 0; i < st->act.count; i++) {
		if (st->act.list[i].type != ACTION_NOTE &&
		    st->act.list[i].type != ACTION_WAIT &&
		    st->act.list[i].type != ACTION_COLLECT)
			return st->otherwise.kind == TARGET_NONE;
	}
	return false;
}

void graph_put_longest(struct graph *g, struct buffer *out)
{
	struct buffer path = { 0 };
	int64_t ms;

	buffer_append_text(out, "deadline ");
	graph_put_ms(g->s->deadline_ms, out);
	if (graph_loops(g, NULL, NULL)) {
		buffer_append_text(out, "; it may go round without end, see "
				   "rhands check");
		return;
	}
	ms = graph_worst_ms(g, &path);
	buffer_append_text(out, ", the longest path takes ");
	graph_put_ms(ms, out);
	if (path.len > 0)
		buffer_printf(out, ": %s", buffer_text(&path));
	buffer_release(&path);
}

void graph_put_attempt(struct graph *g, struct buffer *out)
{
	struct buffer path = { 0 };
	int64_t bound, ms = graph_attempt_ms(g, &bound, &path);

	if (ms < bound) {
		buffer_append_text(out, "up to ");
		graph_put_ms(bound, out);
		buffer_append_text(out, "; there are too many ways to look at all, "
				   "the longest that was found takes ");
	}
	graph_put_ms(ms, out);
	buffer_printf(out, ": %s", buffer_text(&path));
	buffer_release(&path);
}
