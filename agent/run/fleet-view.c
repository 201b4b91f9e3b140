/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many hosts before the reader's eyes. fleet.c comes in with members whose texts
 * are escaped already. On a terminal the hosts that are under way are a table at
 * the bottom; what has ended stands above it, once. Always true: nothing but
 * lines goes to what is no terminal.
 */
#include "agent/run/fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/config/hostlist.h"
#include "base/deadline.h"
#include "base/memory.h"

#define VIEW_REDRAW_MS 100	/* at most ten times a second */
#define VIEW_CLOCK_MS 1000
#define VIEW_QUIET 2		/* rows of the terminal that are left alone */

void fleet_view_init(struct fleet_view *v, bool json)
{
	struct winsize size;

	*v = (struct fleet_view){ .columns = 80, .rows = 24 };
	v->live = !json && isatty(STDOUT_FILENO);
	if (json)
		v->rows = 0;	/* nothing is shown at all */
	if (v->live && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 20 && size.ws_row > 4) {
		v->columns = size.ws_col;
		v->rows = size.ws_row;
	}
}

/* The table goes, so that lines can be written where it stood. */
static void view_wipe(struct fleet_view *v)
{
	if (v->drawn > 0)
		printf("\033[%dA\033[J", v->drawn);
	v->drawn = 0;
	v->dirty = true;
}

static void view_took(const struct fleet_member *m, char *buf, size_t len)
{
	int64_t ms = m->ended - m->began;

	if (ms < 1000)
		snprintf(buf, len, "less than 1s");
	else
		deadline_format(ms / 1000 * 1000, buf, len);
}

void fleet_view_ended(struct fleet_view *v, const struct fleet_member *m)
{
	char took[32];

	if (v->rows == 0)
		return;
	view_wipe(v);
	view_took(m, took, sizeof(took));
	printf("%-16s %-11s %s %s%s%s\n", m->host->name, m->verdict,
	       m->status == 0 ? "in" : "after", took,
	       m->reason[0] == '\0' ? ""
	       : m->status == 0	    ? "; " : ": ", m->reason);
	if (m->status != 0 && m->record[0] != '\0')
		printf("%-16s %-11s rhands show %s\n", "", "", m->record);
	fflush(stdout);
}

void fleet_view_says(struct fleet_view *v, const struct fleet_member *m,
		     const char *text)
{
	view_wipe(v);
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", m->host->name, text);
}

/* ---- the table ------------------------------------------------------------------ */

static void view_row(const struct fleet_view *v, const struct fleet_member *m,
		     int64_t now)
{
	int64_t s = (now - m->began) / 1000;
	char line[400];

	snprintf(line, sizeof(line), "%-16s %3" PRId64 ":%02" PRId64
		 "  %-12s %s", m->host->name, s / 60, s % 60, m->state, m->text);
	printf("%.*s\n", v->columns - 1, line);
}

static void view_draw(struct fleet_view *v, const struct fleet_member *list,
		      size_t count, int64_t now)
{
	int room = v->rows - VIEW_QUIET - 1, living = 0, waiting = 0, shown = 0;
	size_t i;

	view_wipe(v);
	for (i = 0; i < count; i++) {
		living += list[i].pid > 0;
		waiting += list[i].pid == 0;
	}
	for (i = 0; i < count && shown < room; i++) {
		if (list[i].pid <= 0)
			continue;
		view_row(v, &list[i], now);
		shown++;
	}
	printf("%d under way%s, %d to go, %zu done\n", living,
	       living > shown ? " (not all are shown)" : "", waiting,
	       count - (size_t)(living + waiting));
	v->drawn = shown + 1;
	fflush(stdout);
	v->drawn_at = now;
	v->dirty = false;
}

int64_t fleet_view_tick(struct fleet_view *v, const struct fleet_member *list,
			size_t count, int64_t now)
{
	int64_t due;

	if (!v->live)
		return DEADLINE_NEVER;
	due = deadline_add(v->drawn_at,
			   v->dirty ? VIEW_REDRAW_MS : VIEW_CLOCK_MS);
	if (now < due)
		return due;
	view_draw(v, list, count, now);
	return deadline_add(now, VIEW_CLOCK_MS);
}

/* ---- the summary ------------------------------------------------------------------- */

static bool view_equal(const struct fleet_member *a,
		       const struct fleet_member *b)
{
	/* Proofs differ by their times: what is well is well. */
	return strcmp(a->verdict, b->verdict) == 0 &&
	       (a->status == 0 || strcmp(a->reason, b->reason) == 0);
}

static void view_fold(const struct fleet_member *list, size_t count,
		      size_t first, bool *told)
{
	const char **names = memory_new(count + 1, sizeof(*names));
	const struct fleet_member *m = &list[first];
	size_t n = 0, i;
	char *folded;

	for (i = first; i < count; i++) {
		if (told[i] || !view_equal(m, &list[i]))
			continue;
		told[i] = true;
		names[n++] = list[i].host->name;
	}
	folded = hostlist_fold(names, n);
	printf("%5zu %-11s %s%s%s\n", n,
	       m->pid == 0 ? "not begun" : m->verdict, folded,
	       m->status != 0 && m->reason[0] != '\0' ? ": " : "",
	       m->status != 0 ? m->reason : "");
	free(folded);
	free(names);
}

void fleet_view_summary(struct fleet_view *v, const struct fleet_options *o,
			const struct fleet_member *list, size_t count)
{
	bool *told;
	size_t i;

	if (v->rows == 0)
		return;
	view_wipe(v);
	told = memory_new(count + 1, sizeof(*told));
	printf("\n%s, %zu hosts:\n", o->word, count);
	for (i = 0; i < count; i++) {
		if (!told[i])
			view_fold(list, count, i, told);
	}
	free(told);
	fflush(stdout);
}
