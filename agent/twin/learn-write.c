/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The chain of states as INI text. A segment is the time between two marks; it is
 * cut into spans where the host changed, and where a value would be too long.
 *
 * Always true: a span ends where the next one begins; a key that comes early
 * waits until all is printed that came before it (the state NAME-keys), so
 * nothing of the output is lost; all foreign text is escaped, so that the file
 * is one whatever the console printed.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/learn-private.h"
#include "base/memory.h"
#include "base/vis.h"

#define LEARN_SPAN_BYTES 8192	/* printed in one state */
#define LEARN_LINE 60		/* columns of a text, about */
#define LEARN_JOIN_MS 10	/* pieces so close are printed at once */
#define LEARN_JOIN_BYTES 1024
#define LEARN_ATTACH_MS 350	/* nothing is printed before somebody is there */
#define LEARN_SPEED 10000000	/* the pace is that of the waits */
#define LEARN_ANSWERS_MS 200	/* quicker checks are not told of */
#define LEARN_WORLD_SHELL_MS 300	/* what a command takes in a rehearsal */
#define LEARN_PORTS 16
#define LEARN_PATTERN_MAX 2000	/* bytes */

struct span {
	int64_t from, to;
	size_t mark;		/* the mark that ends its segment */
	bool last;		/* of its segment */
	const char *state;
	char name[64];
};

struct spans {
	struct span *list;
	size_t count;
};

/* ---- text ---------------------------------------------------------------------------- */

void learn_escape(struct buffer *out, const char *bytes, size_t len)
{
	static const char plain[] = "\r\n\t\033\"\\";
	static const char letters[] = "rnte\"\\";
	const char *found;
	size_t i;

	for (i = 0; i < len; i++) {
		found = bytes[i] != '\0' ? strchr(plain, bytes[i]) : NULL;
		if (found != NULL)
			buffer_printf(out, "\\%c", letters[found - plain]);
		else if (bytes[i] < ' ' || bytes[i] > '~' ||
			 (bytes[i] == '$' && i + 1 < len && bytes[i + 1] == '{'))
			buffer_printf(out, "\\x%02x", (unsigned char)bytes[i]);
		else
			buffer_append_char(out, bytes[i]);
	}
}

/* A text in lines of the file, each with `word` before it. */
static void write_lines(struct buffer *out, const char *word, const char *text,
			size_t len, bool begun)
{
	const char *end = text + len, *newline;
	size_t n;

	for (; text < end; text += n) {
		n = (size_t)(end - text);
		newline = memchr(text, '\n', n);
		if (newline != NULL)
			n = (size_t)(newline - text) + 1;
		n = n > LEARN_LINE ? LEARN_LINE : n;
		buffer_printf(out, "%s%s \"", begun ? "\n           " : "", word);
		learn_escape(out, text, n);
		buffer_append_char(out, '"');
		begun = true;
	}
}

static void write_comment(struct buffer *out, const char *what,
			  const char *text)
{
	buffer_printf(out, "; %s", what);
	vis_append(out, text, strnlen(text, 300));
	buffer_append_char(out, '\n');
}

/* ---- spans ------------------------------------------------------------------------------ */

static void span_add(struct spans *s, int64_t from, size_t mark,
		     const char *state)
{
	size_t i, kept = 0;
	char name[40];

	s->list = memory_grow(s->list, s->count + 1, sizeof(*s->list));
	for (i = 0; state[i] != '\0' && kept < 30; i++) {
		if ((state[i] >= 'a' && state[i] <= 'z') || state[i] == '-' ||
		    (state[i] >= '0' && state[i] <= '9'))
			name[kept++] = state[i];
	}
	name[kept] = '\0';
	s->list[s->count] = (struct span){ .from = from, .mark = mark,
					   .state = state };
	snprintf(s->list[s->count].name, sizeof(s->list[s->count].name),
		 "s%03zu%s%s", s->count + 1, kept > 0 ? "-" : "", name);
	s->count++;
}

static int span_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* When something changes by itself, or a value would be too long; in order. */
static int64_t *span_cuts(const struct learn *l, size_t *ret_count)
{
	int64_t *cuts = memory_new(l->changes.count + l->piece_count + 1,
				   sizeof(*cuts));
	size_t count = 0, bytes = 0, i;

	for (i = 0; i < l->changes.count; i++)
		cuts[count++] = l->changes.list[i].at;
	cuts[count++] = l->healthy_at;
	for (i = 0; i < l->piece_count; i++) {
		bytes += l->pieces[i].weight;
		if (bytes < LEARN_SPAN_BYTES)
			continue;
		cuts[count++] = l->pieces[i].at;
		bytes = l->pieces[i].weight;
	}
	qsort(cuts, count, sizeof(*cuts), span_compare);
	*ret_count = count;
	return cuts;
}

static void spans_make(const struct learn *l, struct spans *s)
{
	size_t cut_count, cut = 0, m;
	int64_t *cuts = span_cuts(l, &cut_count);
	int64_t from = 0, to;
	const char *state = "";

	for (m = 0; m <= l->mark_count; m++) {
		to = m < l->mark_count ? l->marks[m].at : INT64_MAX;
		span_add(s, from, m, state);
		for (; cut < cut_count && cuts[cut] < to; cut++) {
			if (cuts[cut] <= from)
				continue;
			s->list[s->count - 1].to = cuts[cut];
			span_add(s, cuts[cut], m, state);
			from = cuts[cut];
		}
		s->list[s->count - 1].to = to;
		s->list[s->count - 1].last = true;
		from = to;
		state = m < l->mark_count ? l->marks[m].state : "";
	}
	free(cuts);
}

/* ---- what a state does ------------------------------------------------------------------- */

/* Output that has the time of a mark was there before the mark. */
static bool span_has(const struct learn *l, const struct span *s, size_t index,
		     const struct learn_piece *p)
{
	int64_t from = s->from, to = s->to;
	bool first = index == 0 || (s - 1)->mark != s->mark;

	if (first ? (index > 0 && p->at <= from) : p->at < from)
		return false;
	return s->last && s->mark < l->mark_count ? p->at <= to : p->at < to;
}

static void write_wait(struct buffer *out, int64_t ms, bool *begun)
{
	if (ms <= 0)
		return;
	buffer_printf(out, "%swait %" PRId64 "ms",
		      *begun ? "\n           " : "do       = ", ms);
	*begun = true;
}

/* The pieces of a span; *at: up to where time has gone. */
static bool write_pieces(const struct learn *l, const struct span *s,
			 size_t index, struct buffer *out, int64_t *at)
{
	struct buffer text = { 0 };
	const struct learn_piece *p = l->pieces, *end;
	int64_t shift = 0, began;
	bool begun = false;

	if (l->piece_count == 0)
		return false;
	for (end = p + l->piece_count; p < end; p++) {
		if (!span_has(l, s, index, p) || (p->text != NULL && p->len == 0))
			continue;
		if (index == 0 && !begun && p->at < LEARN_ATTACH_MS)
			shift = LEARN_ATTACH_MS - p->at;
		write_wait(out, p->at + shift - *at, &begun);
		began = p->at;
		*at = began + shift;
		buffer_append_text(out, begun ? "\n           " : "do       = ");
		begun = true;
		if (p->text == NULL) {
			buffer_append_text(out, p->lose ? "lose" : "back");
			continue;
		}
		buffer_clear(&text);
		buffer_append(&text, p->text, p->len);
		for (; p + 1 < end && p[1].text != NULL &&
		       span_has(l, s, index, p + 1) &&
		       p[1].at - began < LEARN_JOIN_MS &&
		       text.len + p[1].len <= LEARN_JOIN_BYTES; p++)
			buffer_append(&text, p[1].text, p[1].len);
		write_lines(out, "print", text.data, text.len, false);
	}
	buffer_release(&text);
	return begun;
}

static int64_t span_answers(const struct learn *l, const struct span *s)
{
	int64_t most = 0;
	size_t i;

	for (i = 0; i < l->seen.count; i++) {
		if (l->seen.list[i].at >= s->from && l->seen.list[i].at < s->to &&
		    l->seen.list[i].took > most)
			most = l->seen.list[i].took;
	}
	return most > LEARN_ANSWERS_MS ? most : 0;
}

static bool span_boots(const struct learn *l, const struct span *s)
{
	size_t i;

	for (i = 0; i < l->changes.count; i++) {
		if (l->changes.list[i].boots && l->changes.list[i].at >= s->from &&
		    l->changes.list[i].at < s->to)
			return true;
	}
	return false;
}

static void write_ports(const struct learn *l, const struct span *s,
			struct buffer *out)
{
	const struct learn_sight *c = l->changes.list;
	int count = 0;
	size_t i;

	for (i = 0; i < l->changes.count && count < LEARN_PORTS; i++) {
		if (c[i].what != LEARN_HAS_PORT || c[i].at >= 0 ||
		    c[i].number == 0 || learn_value(l, &c[i], s->from, 0) == 0)
			continue;
		buffer_printf(out, "%s%d", count++ == 0 ? "open     = " : " ",
			      c[i].number);
	}
	if (count > 0)
		buffer_append_char(out, '\n');
}

static void write_what_it_is(const struct learn *l, const struct span *s,
			     struct buffer *out)
{
	const struct learn_sight power = { .what = LEARN_IS_ON };
	const struct learn_sight ssh = { .what = LEARN_HAS_SSH };
	int64_t answers = span_answers(l, s);

	if (learn_value(l, &power, s->from, 1) == 0)
		buffer_append_text(out, "power    = off\n");
	else if (s->from >= l->healthy_at)
		buffer_append_text(out, "healthy  = yes\n");
	if (learn_value(l, &ssh, s->from, 0) != 0)
		buffer_append_text(out, "ssh      = yes\n");
	write_ports(l, s, out);
	if (answers > 0)
		buffer_printf(out, "answers  = %" PRId64 "ms\n", answers);
}

/* ---- how a state reacts -------------------------------------------------------------------- */

/* The beginning of a long one: it is searched for. */
static void write_command_text(const char *command, struct buffer *out)
{
	size_t len = strnlen(command, LEARN_PATTERN_MAX);

	/* not within a character */
	while (len > 1 && ((unsigned char)command[len] & 0xc0) == 0x80)
		len--;
	buffer_append_text(out, "on shell = \"");
	learn_escape(out, command, len);
	buffer_append_char(out, '"');
}

static void write_checks(const struct learn *l, const struct span *s,
			 struct buffer *out)
{
	const struct learn_sight *c = l->changes.list;
	size_t i;

	for (i = 0; i < l->changes.count; i++) {
		if (c[i].what != LEARN_EXITS || c[i].at >= 0)
			continue;
		write_command_text(c[i].command, out);
		buffer_printf(out, " : exit %d\n",
			      learn_value(l, &c[i], s->from, 0));
	}
}

static void write_keys(const struct learn_mark *m, struct buffer *out)
{
	size_t i, len = m->bytes.len;
	struct buffer seen = { 0 };

	if (m->kind == LEARN_SECRET) {
		buffer_append_text(out, "secret   = yes\non       = /[\\r\\n]/");
		return;
	}
	if (m->echo)
		buffer_append_text(out, "echo     = yes\n");
	buffer_append_text(out, "on       = \"");
	/* A twin sees what is no ASCII as '?'. */
	len = len < LEARN_PATTERN_MAX ? len : LEARN_PATTERN_MAX;
	for (i = 0; i < len; i++)
		buffer_append_char(&seen, (unsigned char)m->bytes.data[i] < 0x80
						  ? m->bytes.data[i] : '?');
	learn_escape(out, seen.data, seen.len);
	buffer_append_char(out, '"');
	buffer_release(&seen);
}

static void write_command(const struct learn_mark *m, struct buffer *out)
{
	int64_t took = m->took - LEARN_WORLD_SHELL_MS;

	write_command_text(m->command, out);
	buffer_append_text(out, " :");
	if (took > 0)
		buffer_printf(out, " wait %" PRId64 "ms,", took);
	if (strcmp(m->code, "timeout") == 0)
		buffer_append_text(out, " hang");
	else if (strcmp(m->code, "none") != 0 && m->status == 0)
		buffer_append_text(out, " drop");
	else
		buffer_printf(out, " exit %d", m->status);
	write_lines(out, "say", m->output, strlen(m->output), true);
}

/* What leads on to the next segment, but for keys. */
static void write_mark(const struct learn_mark *m, const char *next,
		       struct buffer *out)
{
	if (m->kind == LEARN_POWER)
		buffer_printf(out, "on power = %s", driver_act_name(m->act));
	else if (m->kind == LEARN_SHELL)
		write_command(m, out);
	else if (m->letter != '\0')
		buffer_printf(out, "on sysrq = %c", m->letter);
	else
		buffer_append_text(out, "on break = ");
	buffer_printf(out, " -> %s\n", next);
}

static bool mark_is_keys(const struct learn *l, size_t mark)
{
	return mark < l->mark_count && (l->marks[mark].kind == LEARN_KEYS ||
					l->marks[mark].kind == LEARN_SECRET);
}

/* The state that has printed all, and waits for the keys. */
static void write_waiting(const struct learn *l, const struct span *s,
			  bool own, const char *next, struct buffer *out)
{
	if (own) {
		buffer_printf(out, "then     = %s-keys\n\n[state %s-keys]\n",
			      s->name, s->name);
		write_what_it_is(l, s, out);
		write_checks(l, s, out);
	}
	write_keys(&l->marks[s->mark], out);
	buffer_printf(out, " -> %s\n", next);
}

static void write_span(const struct learn *l, const struct spans *all, size_t i,
		       struct buffer *out)
{
	const struct span *s = &all->list[i];
	const char *next = i + 1 < all->count ? all->list[i + 1].name : "";
	size_t k = i;
	int64_t at = s->from;
	bool keys = mark_is_keys(l, s->mark), begun;

	buffer_printf(out, "\n; %" PRId64 ".%03d s\n[state %s]\n", s->from / 1000,
		      (int)(s->from % 1000), s->name);
	write_what_it_is(l, s, out);
	if (span_boots(l, s))
		buffer_append_text(out, "boots    = yes\n");
	begun = write_pieces(l, s, i, out, &at);
	if (!s->last)
		write_wait(out, s->to - at > 0 ? s->to - at : 1, &begun);
	if (begun)
		buffer_append_char(out, '\n');
	if (!s->last)
		buffer_printf(out, "then     = %s\n", next);
	write_checks(l, s, out);
	while (k < all->count && all->list[k].mark == s->mark)
		k++;
	if (s->mark < l->mark_count && !keys)
		write_mark(&l->marks[s->mark], all->list[k].name, out);
	else if (s->last && keys)
		write_waiting(l, s, begun, next, out);
}

/* ---- the head ------------------------------------------------------------------------------- */

static void write_head(const struct learn *l, struct buffer *out)
{
	const json_t *run = l->record->run;

	buffer_append_text(out, "; Learned by `rhands learn` from the record of a "
			   "real run.\n");
	write_comment(out, "run:      ", learn_text(run, "run"));
	write_comment(out, "started:  ", learn_text(run, "started"));
	write_comment(out, "host:     ", learn_text(run, "host"));
	write_comment(out, "sequence: ", learn_text(run, "sequence"));
	write_comment(out, "verdict:  ", learn_text(run, "verdict"));
	buffer_append(out, buffer_text(&l->notes), l->notes.len);
}

/* The state behind the first power-on: what a power-on that nobody did leads to. */
static const char *power_on_state(const struct learn *l, const struct spans *s)
{
	enum driver_act act;
	size_t i;

	for (i = 0; i + 1 < s->count; i++) {
		if (!s->list[i].last || l->marks[s->list[i].mark].kind != LEARN_POWER)
			continue;
		act = l->marks[s->list[i].mark].act;
		if (act == DRIVER_ACT_ON || act == DRIVER_ACT_CYCLE ||
		    act == DRIVER_ACT_RESET)
			return s->list[i + 1].name;
	}
	return s->list[0].name;
}

/* What each port has answered, once. */
static void write_port(const struct learn *l, const struct learn_sight *port,
		       struct buffer *out)
{
	const json_t *journal = l->record->journal, *event;
	const char *expect, *before = "";
	size_t i, k;

	buffer_printf(out, "\n[port %d]\nanswer   = \"", port->number);
	for (i = 0; i < json_array_size(journal); i++) {
		event = json_array_get(journal, i);
		expect = learn_text(event, "expect");
		if (strcmp(learn_text(event, "code"), "none") != 0 ||
		    (int)(learn_number(event, "port") & 0xffff) != port->number ||
		    strcmp(expect, before) == 0)
			continue;
		before = expect;
		for (k = 0; k < LEARN_PATTERN_MAX && isxdigit((unsigned char)expect[k]) &&
		     isxdigit((unsigned char)expect[k + 1]); k += 2)
			buffer_printf(out, "\\x%.2s", expect + k);
	}
	buffer_append_text(out, "\"\n");
}

static void write_ms(struct buffer *out, const char *key, int64_t ms)
{
	if (ms > 0)
		buffer_printf(out, "%s= %" PRId64 "ms\n", key, ms);
}

void learn_write(const struct learn *l, struct buffer *out)
{
	struct spans s = { NULL, 0 };
	size_t i;

	spans_make(l, &s);
	write_head(l, out);
	buffer_printf(out, "\n[twin]\nsummary  = ");
	vis_append(out, learn_text(l->record->run, "host"),
		   strnlen(learn_text(l->record->run, "host"), 100));
	buffer_printf(out, ", as it was\nstart    = %s\non       = %s\n"
		      "off      = off\nspeed    = %d\n", s.list[0].name,
		      power_on_state(l, &s), LEARN_SPEED);
	write_ms(out, "controller ", l->controller_ms);
	write_ms(out, "evidence ", l->evidence_ms);
	for (i = 0; i < l->changes.count; i++) {
		if (l->changes.list[i].what == LEARN_HAS_PORT &&
		    l->changes.list[i].at < 0 && l->changes.list[i].number > 0)
			write_port(l, &l->changes.list[i], out);
	}
	buffer_append_text(out, "\n; Without power, where the run never "
			   "was.\n[state off]\npower    = off\n");
	for (i = 0; i < s.count; i++)
		write_span(l, &s, i, out);
	free(s.list);
}
