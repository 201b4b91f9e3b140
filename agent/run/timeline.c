/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timeline of a run on standard output. The live run comes in with each
 * event. Always true: `line` holds the step that is not printed yet; the
 * status line, where shown, is the last line of the terminal and is wiped before
 * anything else is written.
 */
#include "agent/run/timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/vis.h"

#define TIMELINE_OPEN_MS 1500	/* a step is printed when nothing more comes */
#define TIMELINE_WORD 10	/* columns of the state */
#define TIMELINE_PIECE 256	/* a writable terminal or pipe takes so much */
#define TIMELINE_WAITING_MAX (1024 * 1024)
#define TIMELINE_LAST_MS 500	/* for a slow reader, at the end */

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

/* Gives the reader what it takes now, or by the deadline. */
static void timeline_drain(struct timeline *t, int64_t deadline)
{
	struct pollfd p = { .fd = t->fd, .events = POLLOUT };
	size_t len;
	ssize_t n;

	while (t->waiting.len > 0 && !t->gone && !t->held) {
		if (poll(&p, 1, deadline_poll_ms(deadline)) <= 0)
			break;
		len = t->waiting.len < TIMELINE_PIECE ? t->waiting.len
						      : TIMELINE_PIECE;
		n = write(t->fd, t->waiting.data, len);
		if (n > 0)
			buffer_drop(&t->waiting, (size_t)n);
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		else
			t->gone = true;
	}
	if (t->waiting.len > TIMELINE_WAITING_MAX)
		t->gone = true;
	if (t->gone)
		buffer_clear(&t->waiting);
}

void timeline_put(struct timeline *t, const char *text)
{
	if (t->gone)
		return;
	buffer_append_text(&t->waiting, text);
	timeline_drain(t, t->patient ? DEADLINE_NEVER : 0);
}

bool timeline_waits(const struct timeline *t)
{
	return t->waiting.len > 0 && !t->held;
}

static void timeline_wipe(struct timeline *t)
{
	if (t->status_shown)
		timeline_put(t, "\r\033[K");
	t->status_shown = false;
}

static void timeline_flush(struct timeline *t)
{
	if (t->line.len == 0)
		return;
	timeline_wipe(t);
	buffer_append_char(&t->line, '\n');
	timeline_put(t, t->line.data);
	buffer_clear(&t->line);
	t->has_seen = false;
}

void timeline_head(struct timeline *t, const char *host, const char *sequence,
		   const char *summary)
{
	struct buffer b = { 0 };

	if (t->mode == TIMELINE_QUIET)
		return;
	vis_append(&b, host, strlen(host));
	buffer_append_text(&b, "  ");
	vis_append(&b, sequence, strlen(sequence));
	if (summary[0] != '\0')
		buffer_append_text(&b, ": ");
	vis_append(&b, summary, strlen(summary));
	buffer_append_char(&b, '\n');
	timeline_put(t, b.data);
	buffer_release(&b);
}

static void timeline_open(struct timeline *t, int64_t at_ms, const char *word)
{
	int64_t s = at_ms / 1000;
	char safe[80];

	timeline_flush(t);
	if (at_ms < 0)
		buffer_append_text(&t->line, "       ");
	else
		buffer_printf(&t->line, "%2" PRId64 ":%02" PRId64 "  ", s / 60,
			      s % 60);
	buffer_printf(&t->line, "%-*s ", TIMELINE_WORD,
		      vis_text(word, safe, sizeof(safe)));
}

/*
 * Foreign text made safe. A backslash stays one: texts of the machine hold names
 * of keys that are escaped already.
 */
static void timeline_escape(struct buffer *out, const char *text)
{
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, "\\");
		vis_append(out, text, len);
		if (text[len] == '\0')
			return;
		buffer_append_char(out, '\\');
	}
}

static void timeline_add(struct timeline *t, int64_t at_ms, const char *before,
			 const char *text)
{
	size_t head = t->line.len;

	if (head > 0 && t->line.data[head - 1] != ' ')
		buffer_append_text(&t->line, ", ");
	buffer_append_text(&t->line, before);
	timeline_escape(&t->line, text);
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
		{ "echo", "" },
		{ "limit", "" },	  { "stale", "not answered: " },
		{ "healthy", "" },	  { "console-gap", "" },
		{ "console-lost", "" },   { "way-given-up", "gives up " },   { "console-back", "" },
		{ "rung", "" },		  { "restart", "" },
		{ "earlier-run", "" },    { "record-gap", "" },
		{ "record-private", "" },
		{ "question", "asks: " }, { "answer", "answer: " },
		{ "unanswered", "" },
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
					    "way-given-up", "rung", "restart",
					    "console-back", "earlier-run",
					    "record-private",
					    "healthy", "question",
					    "answer", "unanswered" };
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

	/* A stopped terminal is not filled with what is past. */
	if (t->mode != TIMELINE_LIVE || t->waiting.len > 0 || t->held)
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
	timeline_put(t, t->status);
	t->status_shown = true;
}

void timeline_tick(struct timeline *t, int64_t at_ms)
{
	timeline_drain(t, 0);
	if (t->line.len > 0 && at_ms - t->touched >= TIMELINE_OPEN_MS)
		timeline_flush(t);
}

int64_t timeline_next_tick(const struct timeline *t)
{
	return t->line.len > 0 ? t->touched + TIMELINE_OPEN_MS : -1;
}

void timeline_hold(struct timeline *t, bool held)
{
	if (held == t->held)
		return;
	if (held) {
		timeline_flush(t);
		timeline_wipe(t);
	}
	t->held = held;
	timeline_drain(t, 0);
}

void timeline_end(struct timeline *t)
{
	if (t->mode != TIMELINE_QUIET) {
		timeline_flush(t);
		timeline_wipe(t);
	}
	timeline_drain(t, t->patient ? DEADLINE_NEVER
				    : deadline_in(TIMELINE_LAST_MS));
	buffer_release(&t->line);
	buffer_release(&t->waiting);
}
