/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Figures over all cases: how long each state took, and how cases ended. The
 * reports come in when all is over. Always true: a state that was entered twice
 * in a run counts twice; the run as a whole is a row of its own, with no state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/suite/suite-run.h"
#include "base/memory.h"

/* The samples of one row, while they are gathered. */
struct stats_row {
	const struct suite_test *test;
	const char *state;
	int64_t *ms;
	size_t count;
};

struct stats {
	struct stats_row *rows;
	size_t count;
};

static int stats_compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool stats_is(const struct stats_row *row, const struct suite_test *test,
		     const char *state)
{
	if (row->test != test || (row->state == NULL) != (state == NULL))
		return false;
	return state == NULL || strcmp(row->state, state) == 0;
}

static void stats_add(struct stats *s, const struct suite_test *test,
		      const char *state, int64_t ms)
{
	struct stats_row *row;
	size_t i;

	for (i = 0; i < s->count && !stats_is(&s->rows[i], test, state); i++)
		;
	if (i == s->count) {
		s->rows = memory_grow(s->rows, s->count + 1, sizeof(*s->rows));
		s->rows[s->count++] = (struct stats_row){ .test = test,
							  .state = state };
	}
	row = &s->rows[i];
	/* by doubling: a night of repeats has many */
	if ((row->count & (row->count - 1)) == 0)
		row->ms = memory_grow(row->ms, row->count > 0 ? 2 * row->count : 1,
				      sizeof(*row->ms));
	row->ms[row->count++] = ms;
}

static void stats_add_case(struct stats *s, const struct suite_case *c)
{
	size_t i;

	for (i = 0; i < c->stay_count; i++)
		stats_add(s, c->pair->test, c->stays[i].state, c->stays[i].ms);
	if (c->stay_count > 0)
		stats_add(s, c->pair->test, NULL, c->ended - c->began);
}

static struct suite_times stats_times(struct stats_row *row)
{
	size_t half = row->count / 2;
	int64_t median;

	qsort(row->ms, row->count, sizeof(*row->ms), stats_compare);
	median = row->ms[half];
	if (row->count % 2 == 0)
		median = (row->ms[half - 1] + median) / 2;
	return (struct suite_times){ .test = row->test, .state = row->state,
				     .count = row->count,
				     .min_ms = row->ms[0],
				     .median_ms = median,
				     .max_ms = row->ms[row->count - 1] };
}

struct suite_times *suite_times_of(const struct suite *suite,
				   const struct suite_results *r,
				   size_t *ret_count)
{
	struct stats s = { 0 };
	struct suite_times *list;
	size_t i, j, n = 0;

	for (i = 0; i < r->count; i++)
		stats_add_case(&s, r->cases[i]);
	list = memory_new(s.count + 1, sizeof(*list));
	for (i = 0; i < suite->count; i++) {
		for (j = 0; j < s.count; j++) {
			if (s.rows[j].test == &suite->tests[i])
				list[n++] = stats_times(&s.rows[j]);
		}
	}
	for (j = 0; j < s.count; j++)
		free(s.rows[j].ms);
	free(s.rows);
	*ret_count = n;
	return list;
}

static size_t stats_ended_so(const struct suite_results *r,
			     const struct suite_pair *pair, const char *outcome)
{
	size_t i, n = 0;

	for (i = 0; i < r->count; i++)
		n += r->cases[i]->pair == pair &&
		     strcmp(r->cases[i]->outcome, outcome) == 0;
	return n;
}

void suite_outcomes(const struct suite_results *r, const struct suite_pair *pair,
		    char *buf, size_t buf_len)
{
	static const char *const names[] = { "recovered", "failed", "needs-hands",
					     "unknown", "busy", "refused",
					     "cancelled" };
	size_t i, n, used = 0;

	buf[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n = stats_ended_so(r, pair, names[i]);
		if (n > 0 && used < buf_len)
			used += (size_t)snprintf(buf + used, buf_len - used,
						 "%s%s %zu",
						 used > 0 ? ", " : "", names[i], n);
	}
}
