/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many hosts before the reader's eyes. fleet.c comes in with members whose texts
 * are escaped already. On a terminal the hosts that are under way are a table at
 * the bottom; what has ended stands above it, once. Always true: nothing but
 * lines goes to what is no terminal; a line of the table has no more columns than
 * the terminal, since what wraps can't be wiped; nothing here blocks.
 */
#include "agent/run/fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/config/hostlist.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define VIEW_REDRAW_MS 100	/* at most ten times a second */
#define VIEW_CLOCK_MS 1000
#define VIEW_QUIET 2		/* rows of the terminal that are left alone */
#define VIEW_PIECE 256		/* a writable terminal or pipe takes so much */
#define VIEW_OUT_MAX (64 * 1024 * 1024)

/* The size of the terminal, which may have changed. */
static void view_measure(struct fleet_view *v)
{
	struct winsize size;

	if (!v->live || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col > 0 && size.ws_row > 0) {
		v->columns = size.ws_col;
		v->rows = size.ws_row;
	}
}

void fleet_view_init(struct fleet_view *v, bool json)
{
	*v = (struct fleet_view){ .columns = 80, .rows = 24, .silent = json };
	v->live = !json && isatty(STDOUT_FILENO);
	fflush(stdout);
}

/* ---- what readers have not taken yet ---------------------------------------- */

/* Returns 0, or the errno of a reader that is gone. */
static int view_write(struct buffer *b, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t len;
	ssize_t n;

	while (b->len > 0 && poll(&p, 1, 0) > 0) {
		len = b->len < VIEW_PIECE ? b->len : VIEW_PIECE;
		n = write(fd, b->data, len);
		if (n > 0)
			buffer_drop(b, (size_t)n);
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		else
			return errno != 0 ? errno : EIO;
	}
	return 0;
}

bool fleet_view_drain(struct fleet_view *v)
{
	int why = v->gone ? 0 : view_write(&v->out, STDOUT_FILENO);

	if (why == 0 && v->out.len > VIEW_OUT_MAX)
		why = ENOBUFS;
	if (why != 0) {
		v->gone = true;
		v->why = why;
	}
	if (v->gone)
		buffer_clear(&v->out);
	if (view_write(&v->errors, STDERR_FILENO) != 0 ||
	    v->errors.len > VIEW_OUT_MAX)
		buffer_clear(&v->errors);
	return v->out.len > 0;
}

void fleet_view_release(struct fleet_view *v)
{
	buffer_release(&v->out);
	buffer_release(&v->errors);
}

void fleet_view_line(struct fleet_view *v, const char *line)
{
	buffer_append_text(&v->out, line);
	buffer_append_char(&v->out, '\n');
	fleet_view_drain(v);
}

/* ---- what has ended ------------------------------------------------------------ */

/* The table goes, so that lines can be written where it stood. */
static void view_wipe(struct fleet_view *v)
{
	if (v->drawn > 0)
		buffer_printf(&v->out, "\r\033[%dA\033[J", v->drawn);
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

/* How it ended, in a word; what was not begun has no verdict of its own. */
static const char *view_word(const struct fleet_member *m)
{
	if (m->pid == 0 || m->status == 2)
		return "not begun";
	if (m->status == 5)
		return "busy";
	if (m->status == 6)
		return "refused";
	return m->status == 130 ? "cancelled" : m->verdict;
}

void fleet_view_ended(struct fleet_view *v, const struct fleet_member *m)
{
	char took[32];

	if (v->silent)
		return;
	view_wipe(v);
	view_took(m, took, sizeof(took));
	buffer_printf(&v->out, "%-16s %-11s %s %s%s%s\n", m->host->name,
		      view_word(m), m->status == 0 ? "in" : "after", took,
		      m->reason[0] == '\0' ? ""
		      : m->status == 0	   ? "; " : ": ", m->reason);
	if (m->status != 0 && m->record[0] != '\0')
		buffer_printf(&v->out, "%-16s %-11s rhands show %s\n", "", "",
			      m->record);
	fleet_view_drain(v);
}

void fleet_view_says(struct fleet_view *v, const struct fleet_member *m,
		     const char *text)
{
	/* In the order of what stands on the same terminal. */
	bool same = v->live && isatty(STDERR_FILENO);

	if (same)
		view_wipe(v);
	buffer_printf(same ? &v->out : &v->errors, "%s: %s\n", m->host->name,
		      text);
	fleet_view_drain(v);
}

/* ---- the table ------------------------------------------------------------------ */

/* A line, cut at the edge of the terminal. */
static void view_put_cut(struct fleet_view *v, const char *line)
{
	size_t len = strlen(line), at = 0, n;
	int used;

	for (used = 0; at < len && used < v->columns - 1; used++) {
		n = vis_utf8_len(line + at, len - at, NULL);
		at += n > 0 ? n : 1;
	}
	buffer_append(&v->out, line, at);
	buffer_append_char(&v->out, '\n');
}

static void view_row(struct fleet_view *v, const struct fleet_member *m,
		     int64_t now)
{
	int64_t s = (now - m->began) / 1000;
	char line[500];

	snprintf(line, sizeof(line), "%-*s %3" PRId64 ":%02" PRId64
		 "  %-8s  %s%s%s", v->name_width, m->host->name, s / 60, s % 60,
		 m->state,
		 m->waits, m->waits[0] != '\0' && m->text[0] != '\0' ? "; " : "",
		 m->text);
	view_put_cut(v, line);
}

static void view_draw(struct fleet_view *v, const struct fleet_member *list,
		      size_t count, int64_t now)
{
	int room, living = 0, waiting = 0, shown = 0;
	char line[160];
	size_t i;

	view_measure(v);
	view_wipe(v);
	room = v->rows - VIEW_QUIET - 1;
	for (i = 0; i < count; i++) {
		if ((int)strlen(list[i].host->name) > v->name_width)
			v->name_width = (int)strlen(list[i].host->name);
		living += list[i].pid > 0;
		waiting += list[i].pid == 0;
	}
	for (i = 0; i < count && shown < room; i++) {
		if (list[i].pid <= 0)
			continue;
		view_row(v, &list[i], now);
		shown++;
	}
	snprintf(line, sizeof(line), "%d under way, %d to go, %zu done%s",
		 living, waiting, count - (size_t)(living + waiting),
		 living > shown ? " (not all are shown)" : "");
	view_put_cut(v, line);
	v->drawn = shown + 1;
	fleet_view_drain(v);
	v->drawn_at = now;
	v->dirty = false;
}

int64_t fleet_view_tick(struct fleet_view *v, const struct fleet_member *list,
			size_t count, int64_t now)
{
	int64_t due;

	/* A stopped terminal is not filled with what is past. */
	if (fleet_view_drain(v) || !v->live || v->gone)
		return DEADLINE_NEVER;
	due = deadline_add(v->drawn_at,
			   v->dirty ? VIEW_REDRAW_MS : VIEW_CLOCK_MS);
	if (now < due)
		return due;
	view_draw(v, list, count, now);
	return deadline_add(now, VIEW_CLOCK_MS);
}

/* ---- the summary ------------------------------------------------------------------- */

/* Two reasons that name nothing but their own hosts differently. */
static bool view_same_reason(const struct fleet_member *a,
			     const struct fleet_member *b)
{
	char *x = hostlist_general(a->reason, a->host->name);
	char *y = hostlist_general(b->reason, b->host->name);
	bool same = strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}

static bool view_equal(const struct fleet_member *a,
		       const struct fleet_member *b)
{
	if (strcmp(view_word(a), view_word(b)) != 0)
		return false;
	/* Proofs differ by their times: what is well is well. */
	if (a->status == 0 && b->status == 0)
		return true;
	/* Each is held by somebody else: its own line has said by whom. */
	return a->status == b->status &&
	       (a->status == 5 || view_same_reason(a, b));
}

static void view_fold(struct fleet_view *v, const struct fleet_member *list,
		      size_t count, size_t first, bool *told)
{
	const char **names = memory_new(count + 1, sizeof(*names));
	const struct fleet_member *m = &list[first];
	size_t n = 0, i;
	char *folded, *reason;

	for (i = first; i < count; i++) {
		if (told[i] || !view_equal(m, &list[i]))
			continue;
		told[i] = true;
		names[n++] = list[i].host->name;
	}
	folded = hostlist_fold(names, n);
	if (m->status == 0 || n == 1)
		reason = memory_copy(m->status == 0 ? "" : m->reason);
	else if (m->status == 5)
		reason = memory_copy("held by others, see above; nothing was "
				     "done");
	else
		reason = hostlist_general(m->reason, m->host->name);
	buffer_printf(&v->out, "%5zu %-11s %s%s%s\n", n, view_word(m), folded,
		      reason[0] != '\0' ? ": " : "", reason);
	free(reason);
	free(folded);
	free(names);
}

void fleet_view_summary(struct fleet_view *v, const struct fleet_options *o,
			const struct fleet_member *list, size_t count)
{
	bool *told;
	size_t i;

	if (v->silent)
		return;
	view_wipe(v);
	told = memory_new(count + 1, sizeof(*told));
	buffer_printf(&v->out, "\n%s, %zu hosts:\n", o->word, count);
	for (i = 0; i < count; i++) {
		if (!told[i])
			view_fold(v, list, count, i, told);
	}
	free(told);
	fleet_view_drain(v);
}
