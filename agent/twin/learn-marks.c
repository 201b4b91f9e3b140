/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a record says, sorted: what the run did to the host (marks), what came
 * over the console (pieces), what was seen of the host (sights), and what a
 * twin can't express (notes). learn.c comes in once.
 *
 * Always true: all four are in the order of time; where output and a key have
 * the same time, the output was first.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/keys.h"
#include "agent/twin/learn-private.h"
#include "base/memory.h"
#include "base/vis.h"

#define LEARN_SYSRQ_MS 5000
#define LEARN_PIECE 512		/* bytes that are printed in one go */
#define LEARN_SPREAD 4096	/* weight of what is printed at one time */
#define LEARN_KEYS_MAX 200	/* bytes of one reaction */

/* ---- lists ------------------------------------------------------------------------ */

/* Marks are told of late: sorted in from behind. */
static struct learn_mark *learn_mark(struct learn *l, enum learn_kind kind,
				     int64_t at)
{
	size_t i;

	l->marks = memory_grow(l->marks, l->mark_count + 1, sizeof(*l->marks));
	for (i = l->mark_count++; i > 0 && l->marks[i - 1].at > at; i--)
		l->marks[i] = l->marks[i - 1];
	l->marks[i] = (struct learn_mark){ .kind = kind, .at = at,
					   .code = "none", .output = "",
					   .state = "" };
	return &l->marks[i];
}

static struct learn_sight *learn_see(struct learn *l, enum learn_what what,
				     int64_t at, int value)
{
	struct learn_sights *s = &l->seen;
	size_t i;

	s->list = memory_grow(s->list, s->count + 1, sizeof(*s->list));
	for (i = s->count++; i > 0 && s->list[i - 1].at > at; i--)
		s->list[i] = s->list[i - 1];
	s->list[i] = (struct learn_sight){ .what = what, .at = at,
					   .value = value, .boot_id = "" };
	return &s->list[i];
}

static void learn_note(struct learn *l, int64_t at, const char *what,
		       const char *text)
{
	buffer_printf(&l->notes, "; not expressed, at %" PRId64 ":%02" PRId64
		      ": ", at / 60000, at / 1000 % 60);
	vis_append(&l->notes, what, strnlen(what, 40));
	if (text[0] != '\0')
		buffer_append_text(&l->notes, ": ");
	vis_append(&l->notes, text, strnlen(text, 300));
	buffer_append_char(&l->notes, '\n');
}

/* ---- keys -------------------------------------------------------------------------- */

static int learn_nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

static void learn_unhex(struct buffer *out, const char *hex)
{
	for (; learn_nibble(hex[0]) >= 0 && learn_nibble(hex[1]) >= 0; hex += 2)
		buffer_append_char(out, (char)(learn_nibble(hex[0]) << 4 |
					       learn_nibble(hex[1])));
}

/* "Down*2": twice; a word that is no key: itself. */
static void learn_key_of_word(struct buffer *out, const char *word, size_t len)
{
	char name[64];
	char *star;
	struct keys_stroke stroke;
	int times = 1;

	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	star = strchr(name + (name[0] != '\0'), '*');
	if (star != NULL && star[1] >= '1' && star[1] <= '9') {
		times = atoi(star + 1) % 100;
		*star = '\0';
	}
	if (!keys_encode(KEYS_VT100, name, &stroke)) {
		buffer_append(out, word, len);
		return;
	}
	for (; times > 0; times--)
		buffer_append(out, stroke.bytes, stroke.len);
}

/* An older record has the names of the keys, not their bytes. */
static void learn_keys_of_names(struct learn *l, const json_t *event,
				size_t index, const char *state)
{
	const char *text = learn_text(event, "text"), *end;
	int64_t at = learn_number(event, "at_ms");
	struct learn_mark *mark;
	bool secret = strstr(text, "<secret:") != NULL;

	mark = learn_mark(l, secret ? LEARN_SECRET : LEARN_KEYS, at);
	mark->event = index;
	mark->state = state;
	for (; *text != '\0' && !secret; text = end + strspn(end, " ")) {
		if (*text == '"' && (end = strchr(text + 1, '"')) != NULL) {
			buffer_append(&mark->bytes, text + 1,
				      (size_t)(end++ - text - 1));
			continue;
		}
		end = text + strcspn(text, " ");
		learn_key_of_word(&mark->bytes, text, (size_t)(end - text));
	}
	if (!secret)
		learn_note(l, at, "the bytes of these keys, which are not in the "
			   "record; taken as of a VT100",
			   learn_text(event, "text"));
}

static void learn_key(struct learn *l, const json_t *key, size_t index,
		      const char *state)
{
	const char *hex = learn_text(key, "hex");
	enum learn_kind kind = hex[0] != '\0' ? LEARN_KEYS : LEARN_BREAK;
	struct learn_mark *mark;

	if (learn_text(key, "secret")[0] != '\0')
		kind = LEARN_SECRET;
	else if (hex[0] == '\0' && json_object_get(key, "break") == NULL)
		return;
	if (learn_number(key, "at_ms") < 0 || learn_number(key, "at_ms") > l->end)
		return;
	mark = learn_mark(l, kind, learn_number(key, "at_ms"));
	mark->event = index;
	mark->state = state;
	learn_unhex(&mark->bytes, hex);
}

static void learn_take_keys(struct learn *l, const json_t *event, size_t index,
			    const char *state)
{
	const json_t *keys = json_object_get(event, "keys");
	size_t i;

	for (i = 0; i < json_array_size(keys); i++)
		learn_key(l, json_array_get(keys, i), index, state);
	if (keys == NULL && strcmp(learn_text(event, "event"), "typed") == 0)
		learn_keys_of_names(l, event, index, state);
}

/* ---- events -------------------------------------------------------------------------- */

static void learn_checked(struct learn *l, const json_t *event)
{
	const char *check = learn_text(event, "check");
	const char *code = learn_text(event, "code");
	int64_t asked = learn_number(event, "asked_ms");
	int64_t at = learn_number(event, "at_ms");
	const json_t *exit = json_object_get(event, "exit");
	bool ok = strcmp(code, "none") == 0;
	struct learn_sight *s;

	if (asked < 0 || asked > at)
		asked = at;
	if (strcmp(check, "tcp") == 0) {
		s = learn_see(l, LEARN_HAS_PORT, asked, ok);
		s->number = (int)(learn_number(event, "port") & 0xffff);
	} else if (strcmp(check, "ssh") == 0) {
		s = learn_see(l, LEARN_HAS_SSH, asked,
			      ok || learn_text(event, "boot_id")[0] != '\0');
		s->boot_id = learn_text(event, "boot_id");
	} else if (exit != NULL && learn_text(event, "command")[0] != '\0') {
		s = learn_see(l, LEARN_EXITS, asked,
			      (int)(json_integer_value(exit) & 0xff));
		s->command = learn_text(event, "command");
		s = learn_see(l, LEARN_HAS_SSH, asked, 1);
	} else {
		s = learn_see(l, LEARN_HAS_SSH, asked, 0);
	}
	s->took = at - asked;
}

static void learn_ran(struct learn *l, const json_t *event,
		      struct learn_mark *mark)
{
	const char *name = learn_text(event, "output");

	mark->took = learn_number(event, "at_ms") - mark->at;
	mark->code = learn_text(event, "code");
	mark->status = (int)(learn_number(event, "exit") & 0xff);
	mark->output = learn_text(l->record->outputs, name);
	/* Behind "$ COMMAND", "exit status N" and an empty line. */
	if (strstr(mark->output, "\n\n") != NULL)
		mark->output = strstr(mark->output, "\n\n") + 2;
	learn_see(l, LEARN_HAS_SSH, mark->at,
		  json_object_get(event, "exit") != NULL ||
		  strcmp(mark->code, "none") == 0 ||
		  strcmp(mark->code, "timeout") == 0 ||
		  strcmp(mark->code, "lost") == 0);
}

static void learn_before(struct learn *l, const json_t *event, int64_t last)
{
	l->evidence_ms = learn_number(event, "at_ms") - last;
	if (strncmp(learn_text(event, "text"), "power off", 9) == 0 ||
	    strncmp(learn_text(event, "text"), "power on", 8) == 0)
		learn_see(l, LEARN_IS_ON, learn_number(event, "at_ms"),
			  learn_text(event, "text")[7] == 'n');
}

static void learn_power_act(struct learn *l, const json_t *event,
			    const char *state)
{
	enum driver_act act = driver_act_from_name(learn_text(event, "act"));
	struct learn_mark *mark;

	if (act == DRIVER_ACT_NONE)
		return;	/* by a command or a break, which is seen there */
	mark = learn_mark(l, LEARN_POWER, learn_number(event, "at_ms"));
	mark->act = act;
	mark->state = state;
}

static void learn_command(struct learn *l, const json_t *event,
			  const char *state)
{
	struct learn_mark *mark;

	if (learn_text(event, "command")[0] == '\0')
		return;
	mark = learn_mark(l, LEARN_SHELL, learn_number(event, "at_ms"));
	mark->command = learn_text(event, "command");
	mark->code = "lost";	/* unless an answer is found */
	mark->state = state;
}

/* The last mark of a kind, or NULL. */
static struct learn_mark *learn_last(struct learn *l, enum learn_kind kind)
{
	size_t i;

	for (i = l->mark_count; i > 0; i--) {
		if (l->marks[i - 1].kind == kind)
			return &l->marks[i - 1];
	}
	return NULL;
}

static void learn_acked(struct learn *l, const json_t *event)
{
	const struct learn_mark *mark = learn_last(l, LEARN_POWER);

	if (mark != NULL && l->controller_ms == 0)
		l->controller_ms = learn_number(event, "at_ms") - mark->at;
}

static bool learn_is_odd(const char *name)
{
	static const char *const odd[] = {
		"power-error", "power-unread", "console-gap", "record-gap",
		"way-given-up", "hand-ended", "boot", "question", "answer",
		"unanswered", "mute", "echo", "limit", "stale",
	};
	size_t i;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		if (strcmp(odd[i], name) == 0)
			return true;
	}
	return false;
}

static void learn_piece(struct learn *l, int64_t at, const char *text,
			size_t len, bool lose)
{
	size_t i;

	l->pieces = memory_grow(l->pieces, l->piece_count + 1,
				sizeof(*l->pieces));
	for (i = l->piece_count++; i > 0 && l->pieces[i - 1].at > at; i--)
		l->pieces[i] = l->pieces[i - 1];
	l->pieces[i] = (struct learn_piece){ .at = at, .text = text,
					     .len = len, .lose = lose };
	for (l->pieces[i].weight = len + 8; len > 0; len--)
		l->pieces[i].weight += *text++ == '\n' ? 8 : 0;
}

/* Much output at one time is spread a little: a twin does not print it at once. */
static void learn_spread(struct learn *l, const struct cast_event *event)
{
	const struct learn_piece *last;
	const char *text = event->text;
	size_t left = event->len, n;
	int64_t at = event->at_ms;

	for (; left > 0; text += n, left -= n) {
		n = left < LEARN_PIECE ? left : LEARN_PIECE;
		last = l->piece_count > 0 ? &l->pieces[l->piece_count - 1] : NULL;
		if (last != NULL && last->at >= at) {
			at = last->at;
			if (l->spread >= LEARN_SPREAD)
				at++;
		}
		if (last == NULL || last->at < at)
			l->spread = 0;
		learn_piece(l, at, text, n, false);
		l->spread += l->pieces[l->piece_count - 1].weight;
	}
}

static void learn_event(struct learn *l, const json_t *event, size_t index,
			int64_t last, const char **state)
{
	const char *name = learn_text(event, "event");
	int64_t at = learn_number(event, "at_ms");
	struct learn_mark *mark;

	learn_take_keys(l, event, index, *state);
	if (strcmp(name, "state") == 0)
		*state = learn_text(event, "state");
	else if (strcmp(name, "checked") == 0)
		learn_checked(l, event);
	else if (strcmp(name, "boot-id") == 0)
		learn_see(l, LEARN_HAS_SSH, at, 1)->boot_id =
			learn_text(event, "text");
	else if (strcmp(name, "before") == 0)
		learn_before(l, event, last);
	else if (strcmp(name, "power-read") == 0)
		learn_see(l, LEARN_IS_ON, at,
			  strcmp(learn_text(event, "power"), "on") == 0);
	else if (strcmp(name, "power-act") == 0)
		learn_power_act(l, event, *state);
	else if (strcmp(name, "power-acked") == 0)
		learn_acked(l, event);
	else if (strcmp(name, "shell") == 0)
		learn_command(l, event, *state);
	else if (strcmp(name, "ran") == 0 &&
		 (mark = learn_last(l, LEARN_SHELL)) != NULL)
		learn_ran(l, event, mark);
	else if (strcmp(name, "console-lost") == 0 ||
		 strcmp(name, "console-back") == 0)
		learn_piece(l, at, NULL, 0, strcmp(name, "console-lost") == 0);
	else if (learn_is_odd(name))
		learn_note(l, at, name, learn_text(event, "text"));
}

/* ---- what was typed, joined --------------------------------------------------------------- */

static void learn_drop_mark(struct learn *l, size_t i)
{
	buffer_release(&l->marks[i].bytes);
	memmove(&l->marks[i], &l->marks[i + 1],
		(l->mark_count - i - 1) * sizeof(*l->marks));
	l->mark_count--;
}

/* A break, and the letter behind it. */
static void learn_join_sysrq(struct learn *l)
{
	struct learn_mark *m;
	size_t i;

	for (i = 0; i + 1 < l->mark_count; i++) {
		m = &l->marks[i];
		if (m[0].kind != LEARN_BREAK || m[1].kind != LEARN_KEYS ||
		    m[1].bytes.len != 1 || m[1].at - m[0].at >= LEARN_SYSRQ_MS ||
		    !isalnum((unsigned char)m[1].bytes.data[0]))
			continue;
		m->letter = m[1].bytes.data[0];
		learn_drop_mark(l, i + 1);
	}
}

/* The output of these times. */
static void learn_output(const struct learn *l, int64_t from, int64_t to,
			 struct buffer *ret)
{
	size_t i;

	buffer_clear(ret);
	for (i = 0; i < l->piece_count; i++) {
		if (l->pieces[i].len > 0 && l->pieces[i].at >= from &&
		    l->pieces[i].at <= to)
			buffer_append(ret, l->pieces[i].text,
				      l->pieces[i].len);
	}
}

/* The last len bytes of the output up to `to` are not printed: they are an echo. */
static void learn_drop_output(struct learn *l, int64_t to, size_t len)
{
	struct learn_piece *p;
	size_t i, n;

	for (i = l->piece_count; i > 0 && len > 0; i--) {
		p = &l->pieces[i - 1];
		if (p->at > to)
			continue;
		n = p->len < len ? p->len : len;
		p->len -= n;
		len -= n;
	}
}

static bool learn_is_character(const struct learn_mark *m)
{
	return m->kind == LEARN_KEYS && m->bytes.len == 1 &&
	       m->bytes.data[0] >= ' ' && m->bytes.data[0] <= '~';
}

/*
 * Characters in a row that came back as they were, with a key behind them: one
 * mark, in a state that echoes.
 */
static void learn_join_echo(struct learn *l, size_t first, struct buffer *text,
			    struct buffer *seen)
{
	struct learn_mark *m = l->marks;
	size_t last = first;

	buffer_clear(text);
	while (last < l->mark_count && learn_is_character(&m[last]) &&
	       m[last].event == m[first].event)
		buffer_append(text, m[last++].bytes.data, 1);
	if (last == first || last == l->mark_count ||
	    m[last].event != m[first].event || m[last].kind != LEARN_KEYS)
		return;
	learn_output(l, m[first].at, m[last].at, seen);
	if (seen->len < text->len ||
	    memcmp(seen->data + seen->len - text->len, text->data,
		   text->len) != 0)
		return;
	learn_drop_output(l, m[last].at, text->len);
	buffer_clear(&m[first].bytes);
	buffer_append(&m[first].bytes, text->data, text->len);
	m[first].echo = true;
	while (--last > first)
		learn_drop_mark(l, last);
}

/* Keys between which nothing was printed. */
static void learn_join_silent(struct learn *l, struct buffer *seen)
{
	struct learn_mark *m;
	size_t i;

	for (i = 0; i + 1 < l->mark_count;) {
		m = &l->marks[i];
		learn_output(l, m[0].at + 1, m[1].at, seen);
		if (m[0].kind != LEARN_KEYS || m[1].kind != LEARN_KEYS ||
		    m[0].event != m[1].event || m[0].echo || seen->len > 0 ||
		    m[0].bytes.len > LEARN_KEYS_MAX) {
			i++;
			continue;
		}
		buffer_append(&m[0].bytes, m[1].bytes.data, m[1].bytes.len);
		learn_drop_mark(l, i + 1);
	}
}

/* ---- the door ------------------------------------------------------------------------------ */

static void learn_collect_cast(struct learn *l)
{
	const struct learn_record *r = l->record;
	size_t i;

	for (i = 0; i < r->cast_count; i++) {
		if (r->cast[i].type == CAST_OUTPUT)
			learn_spread(l, &r->cast[i]);
		else if (r->cast[i].type == CAST_MARKER &&
			 strncmp(r->cast[i].text, "gap: ", 5) == 0)
			learn_note(l, r->cast[i].at_ms, r->cast[i].text, "");
	}
}

void learn_collect(struct learn *l)
{
	const json_t *journal = l->record->journal, *event;
	struct buffer text = { 0 }, seen = { 0 };
	const char *state = "";
	int64_t last = 0;
	size_t i;

	learn_collect_cast(l);
	for (i = 0; i < json_array_size(journal); i++) {
		event = json_array_get(journal, i);
		learn_event(l, event, i, last, &state);
		last = learn_number(event, "at_ms");
	}
	for (i = l->mark_count; i > 0; i--) {
		if (l->marks[i - 1].kind == LEARN_KEYS &&
		    l->marks[i - 1].bytes.len == 0)
			learn_drop_mark(l, i - 1);
	}
	learn_join_sysrq(l);
	for (i = 0; i < l->mark_count; i++)
		learn_join_echo(l, i, &text, &seen);
	learn_join_silent(l, &seen);
	buffer_release(&text);
	buffer_release(&seen);
}

void learn_collect_release(struct learn *l)
{
	size_t i;

	for (i = 0; i < l->mark_count; i++)
		buffer_release(&l->marks[i].bytes);
	free(l->marks);
	free(l->pieces);
	free(l->seen.list);
	free(l->changes.list);
	buffer_release(&l->notes);
}
