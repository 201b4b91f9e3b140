/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be proved of a sequence before it runs. One door, sequence_check:
 * it lays the ways from state to state out as a graph, once, and then asks one
 * question after the other. The questions of this room need the graph alone:
 * is each state reached and left, does nothing go round for ever, does the
 * longest way fit.
 */
#include "agent/sequence/check-private.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/deadline.h"

void check_place(char *text, size_t len, const char *file, int line,
		 const char *here)
{
	if (strcmp(file, here) == 0)
		snprintf(text, len, "line %d", line);
	else
		snprintf(text, len, "line %d of %s", line, file);
}

/* The state can't be reached: none that it follows ends with recovered. */
static void check_behind_run(struct check *c, size_t state)
{
	const struct state *st = &c->s->states[state], *last = st - 1;

	problems_add(c->problems, st->file, st->line, "what stands behind a run "
		     "in state \"%s\" can't be reached: %s never ends with "
		     "return or recovered", st->own, last->file);
}

static void check_states(struct check *c)
{
	const struct state *st;
	size_t i;

	for (i = 0; i < c->s->state_count; i++) {
		st = &c->s->states[i];
		if (!c->graph.nodes[i].reached && st->part > 0)
			check_behind_run(c, i);
		else if (!c->graph.nodes[i].reached)
			problems_add(c->problems, st->file, st->line,
				     "state \"%s\" can't be reached from \"%s\"; "
				     "remove it, or let a rule go \"-> %s\"",
				     st->own, c->s->states[st->start].own,
				     st->own);
		if (c->graph.nodes[i].count == 0)
			problems_add(c->problems, st->file, st->line,
				     "state \"%s\" can't be left; add then, "
				     "timeout, or a rule with a target", st->own);
		else if (st->then.kind == TARGET_NONE && st->timeout_ms == 0)
			problems_add(c->problems, st->file, st->line,
				     "state \"%s\" may wait for ever; add "
				     "\"timeout = 5m -> TARGET\"", st->own);
	}
}

/*
 * Where the loop is told: at the first of its states that is of the sequence
 * itself; visits can be given there. One that is all inside of a sequence that
 * is run is told as it is of that one.
 */
static void check_say_loop(void *context, const int *states, size_t count)
{
	struct check *c = context;
	const struct state *all = c->s->states, *at = NULL;
	struct buffer text = { 0 };
	bool inside = true;
	size_t i;

	for (i = 0; i < count; i++) {
		inside = inside && all[states[i]].start == all[states[0]].start;
		if (at == NULL && all[states[i]].start == c->s->start)
			at = &all[states[i]];
	}
	for (i = 0; i < count; i++)
		buffer_printf(&text, "%s%s", i > 0 ? " -> " : "",
			      inside && at == NULL ? all[states[i]].own
						   : all[states[i]].name);
	at = at != NULL ? at : &all[states[0]];
	problems_add(c->problems, at->file, at->line,
		     "%.300s goes round without end; give one of these states "
		     "\"visits = 3 -> TARGET\"", buffer_text(&text));
	buffer_release(&text);
}

/* On a host it would end with nothing proved. */
static void check_part(struct check *c)
{
	if (c->host != NULL && sequence_is_part(c->s))
		problems_add(c->problems, c->s->file, c->s->return_line,
			     "a sequence that returns is there to be run by "
			     "others, not on a host; name one with \"do = run "
			     "%s\"", c->s->name);
}

/* The next time that a person would write: "12m" for 11m04s. */
static const char *check_round_up(int64_t ms, char *text, int text_len)
{
	int64_t step = ms > 10 * 60000 ? 60000 : 1000;

	return deadline_format((ms + step - 1) / step * step, text, text_len);
}

/* The place of the deadline, or where it is to be added. */
static int check_deadline_line(const struct check *c)
{
	return c->s->deadline_line > 0 ? c->s->deadline_line : c->s->line;
}

/*
 * One attempt, on which nothing is done twice, fits into the deadline: else what
 * stands at the end of the sequence can't be counted on. Returns whether it does.
 */
static bool check_attempt(struct check *c)
{
	char need[32], has[32], better[32], found[96] = "";
	struct buffer path = { 0 };
	int64_t bound, ms = graph_attempt_ms(&c->graph, &bound, &path);
	bool fits = bound <= c->s->deadline_ms;

	if (ms < bound)
		snprintf(found, sizeof(found), "there are too many ways to look at "
			 "all; a bound for all of them is %s; ",
			 deadline_format(bound, need, sizeof(need)));
	if (!fits)
		problems_add_at(c->problems, c->s->file, check_deadline_line(c),
				c->s->deadline_column, "one attempt, in which no "
				"state is entered twice, may take %s%s, and the "
				"deadline is %s; \"deadline = %s\" would do, or "
				"smaller timeouts; %sthe path: %.500s",
				ms < bound ? "up to " : "",
				deadline_format(bound, need, sizeof(need)),
				deadline_format(c->s->deadline_ms, has, sizeof(has)),
				check_round_up(bound, better, sizeof(better)),
				found, buffer_text(&path));
	buffer_release(&path);
	return fits;
}

/* All attempts that visits allow: a run may end in the middle of one. */
static void check_deadline(struct check *c)
{
	struct buffer path = { 0 };
	int64_t worst = graph_worst_ms(&c->graph, &path);
	char need[32], has[32], better[32];

	if (worst > c->s->deadline_ms)
		problems_warn_at(c->problems, c->s->file, check_deadline_line(c),
				 c->s->deadline_column, "the longest path takes "
				 "%s, the deadline is %s; a run may end in the "
				 "middle: \"deadline = %s\" would do, or smaller "
				 "timeouts or visits; the path: %.500s",
				 deadline_format(worst, need, sizeof(need)),
				 deadline_format(c->s->deadline_ms, has,
						 sizeof(has)),
				 check_round_up(worst, better, sizeof(better)),
				 buffer_text(&path));
	buffer_release(&path);
}

void sequence_check(const struct sequence *s, const struct check_host *host,
		    struct problems *problems)
{
	struct check c = { .s = s, .host = host, .problems = problems };
	struct graph_times times = { 0 };
	bool loops;

	if (host != NULL)
		times = (struct graph_times){ .confirm_ms = host->confirm_ms,
					      .min_off_ms = host->min_off_ms };
	graph_init(&c.graph, s, host != NULL ? &times : NULL);
	check_part(&c);
	check_states(&c);
	loops = graph_loops(&c.graph, check_say_loop, &c);
	/* What is there for others to run has their deadline. */
	if ((!sequence_is_part(s) || s->deadline_line > 0) &&
	    check_attempt(&c) && !loops)
		check_deadline(&c);
	check_flow(&c);
	check_proof(&c);
	check_hidden(&c);
	check_needs(&c);
	check_each_action(&c);
	graph_release(&c.graph);
}
