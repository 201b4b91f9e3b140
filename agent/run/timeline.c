/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timeline of a run on standard output. The live run comes in with each
 * event. Always true: `line` holds the step that is not printed yet; the
 * status line, where shown, is the last line of the terminal and is wiped before
 * anything else is written.
 */
#include "agent/run/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/vis.h"

#define TIMELINE_OPEN_MS 1500	/* a step is printed when nothing more comes */
#define TIMELINE_WORD 10	/* columns of the state */

void timeline_init(struct timeline *t, enum timeline_mode mode, int fd)
{
	struct winsize size;

	memset(t, 0, sizeof(*t));
	t->mode = mode;
	t->fd = fd;
	t->columns = 80;
	if (mode == TIMELINE_LIVE && ioctl(fd, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 20)
		t->columns = size.ws_col;
}

static void timeline_write(struct timeline *t, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	while (len > 0) {
		n = write(t->fd, text, len);
		if (n <= 0) {
			/* The reader is gone; the run goes on without it. */
			t->mode = TIMELINE_QUIET;
			return;
		}
		text += n;
		len -= (size_t)n;
	}
}

static void timeline_wipe(struct timeline *t)
{
	if (t->status_shown)
		timeline_write(t, "\r\033[K");
	t->status_shown = false;
}

static void timeline_flush(struct timeline *t)
{
	if (t->line.len == 0)
		return;
	timeline_wipe(t);
	buffer_append_char(&t->line, '\n');
	timeline_write(t, t->line.data);
	buffer_clear(&t->line);
	t->has_seen = false;
}

void timeline_head(struct timeline *t, const char *host, const char *sequence,
		   const char *summary)
{
	struct buffer b = { 0 };

	if (t->mode == TIMELINE_QUIET)
		return;
	buffer_printf(&b, "%s  %s: ", host, sequence);
	vis_append(&b, summary, strlen(summary));
	buffer_append_char(&b, '\n');
	timeline_write(t, b.data);
	buffer_release(&b);
}

static void timeline_open(struct timeline *t, int64_t at_ms, const char *word)
{
	int64_t s = at_ms / 1000;

	timeline_flush(t);
	buffer_printf(&t->line, "%2" PRId64 ":%02" PRId64 "  %-*s ", s / 60,
		      s % 60, TIMELINE_WORD, word);
}

static void timeline_add(struct timeline *t, int64_t at_ms, const char *before,
			 const char *text)
{
	size_t head = t->line.len;

	if (head > 0 && t->line.data[head - 1] != ' ')
		buffer_append_text(&t->line, ", ");
	buffer_append_text(&t->line, before);
	vis_append(&t->line, text, strlen(text));
	t->touched = at_ms;
}

void timeline_line(struct timeline *t, int64_t at_ms, const char *word,
		   const char *text)
{
	if (t->mode == TIMELINE_QUIET)
		return;
	timeline_open(t, at_ms, word);
	timeline_add(t, at_ms, "", text);
	timeline_flush(t);
}

/* How an event is said; NULL: it is not shown. */
static const char *timeline_words(const char *event)
{
	static const struct {
		const char *event;
		const char *before;
	} words[] = {
		{ "saw", "saw " },	  { "typed", "typed " },
		{ "power", "" },	  { "done", "" },
		{ "note", "" },		  { "failed", "failed: " },
		{ "idle", "" },		  { "lost", "" },
		{ "timeout", "" },	  { "visits", "" },
		{ "again", "" },	  { "mute", "" },
		{ "limit", "" },	  { "stale", "not answered, it is gone: " },
		{ "healthy", "" },	  { "console-gap", "" },
		{ "console-lost", "" },   { "console-back", "" },
		{ "earlier-run", "" },    { "record-gap", "" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].event, event) == 0)
			return words[i].before;
	}
	return NULL;
}

/* Events that begin a line of their own. */
static bool timeline_begins(const struct timeline *t, const char *event)
{
	static const char *const list[] = { "idle", "lost", "timeout", "visits",
					    "again", "mute", "console-lost",
					    "console-back", "earlier-run",
					    "healthy" };
	size_t i;

	if (t->line.len == 0)
		return true;
	if (strcmp(event, "saw") == 0)
		return t->has_seen;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (strcmp(list[i], event) == 0)
			return true;
	}
	return false;
}

void timeline_event(struct timeline *t, int64_t at_ms, const char *event,
		    const char *state, const char *text)
{
	const char *before = timeline_words(event);
	bool saw = strcmp(event, "saw") == 0;
	char quoted[512];

	if (t->mode == TIMELINE_QUIET)
		return;
	if (strcmp(event, "state") == 0) {
		timeline_flush(t);
		t->entered = at_ms;
		t->shown = false;
		snprintf(t->state, sizeof(t->state), "%s", state);
		return;
	}
	if (strcmp(event, "before") == 0) {
		timeline_line(t, t->entered, "before", text);
		t->entered = at_ms;
		return;
	}
	if (before == NULL)
		return;
	if (timeline_begins(t, event)) {
		/* An act belongs to the time at which its state began. */
		timeline_open(t, strcmp(event, "power") == 0 && !t->shown
					 ? t->entered : at_ms,
			      t->state[0] != '\0' ? t->state : "start");
		t->shown = true;
		t->has_seen = saw;
	}
	if (saw) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", text);
		text = quoted;
		t->has_seen = true;
	}
	timeline_add(t, at_ms, before, text);
}

void timeline_status(struct timeline *t, int64_t at_ms, const char *what,
		     int64_t until_ms)
{
	char text[sizeof(t->status)], cut[sizeof(t->status)];
	int64_t s = at_ms / 1000, u = until_ms / 1000;

	if (t->mode != TIMELINE_LIVE)
		return;
	if (until_ms >= 0)
		snprintf(text, sizeof(text), "%2" PRId64 ":%02" PRId64
			 "  %-*s ... waits for %s, until %" PRId64 ":%02" PRId64,
			 s / 60, s % 60, TIMELINE_WORD, t->state, what, u / 60,
			 u % 60);
	else
		snprintf(text, sizeof(text), "%2" PRId64 ":%02" PRId64
			 "  %-*s ... waits for %s", s / 60, s % 60,
			 TIMELINE_WORD, t->state, what);
	snprintf(cut, sizeof(cut), "%.*s", t->columns - 1, text);
	if (t->status_shown && strcmp(cut, t->status) == 0)
		return;
	timeline_wipe(t);
	snprintf(t->status, sizeof(t->status), "%s", cut);
	timeline_write(t, t->status);
	t->status_shown = true;
}

void timeline_tick(struct timeline *t, int64_t at_ms)
{
	if (t->line.len > 0 && at_ms - t->touched >= TIMELINE_OPEN_MS)
		timeline_flush(t);
}

int64_t timeline_next_tick(const struct timeline *t)
{
	return t->line.len > 0 ? t->touched + TIMELINE_OPEN_MS : -1;
}

void timeline_end(struct timeline *t)
{
	if (t->mode != TIMELINE_QUIET) {
		timeline_flush(t);
		timeline_wipe(t);
	}
	buffer_release(&t->line);
}
