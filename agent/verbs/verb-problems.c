/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong in files, as a good compiler would say it: the place, the words,
 * the line and a caret. The first line of each is for programs, too, and the
 * same wherever it goes. The text is the admin's own, so a backslash stays one; what
 * could move a terminal's cursor is escaped.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/verbs/verb.h"
#include "base/vis.h"

#define PROBLEMS_SHOWN 96	/* characters of a line */
#define PROBLEMS_BEFORE 60	/* of them before the caret, at most */

/* Where the next character begins. */
static const char *problems_next(const char *at)
{
	size_t len = vis_utf8_len(at, strlen(at), NULL);

	return at + (len > 0 ? len : 1);
}

static void problems_put(struct buffer *out, const char *text, const char *end)
{
	const char *next;

	for (; text < end && *text != '\0'; text = next) {
		next = problems_next(text);
		if (*text == '\\')
			buffer_append_char(out, '\\');
		else if (*text == '\t')
			buffer_append_char(out, ' ');
		else
			vis_append(out, text, (size_t)(next - text));
	}
}

static int problems_width(const struct buffer *b)
{
	int width = 0;
	size_t i;

	for (i = 0; i < b->len; i++)
		width += (b->data[i] & 0xc0) != 0x80;
	return width;
}

/* The place in the line; without a column its first character. */
static const char *problems_place(const struct problem *one)
{
	const char *at = one->source;
	int i;

	if (one->column == 0)
		return at + strspn(at, " \t");
	for (i = 1; i < one->column && *at != '\0'; i++)
		at = problems_next(at);
	return at;
}

/* As many characters back from the place as are shown. */
static const char *problems_window(const char *line, const char *place)
{
	const char *at, *from = line;
	int count = 0;

	for (at = line; at < place; at = problems_next(at)) {
		if (++count > PROBLEMS_BEFORE)
			from = problems_next(from);
	}
	return from;
}

/*
 * The end of what stands at the place: a word, or all of a [section], a "text" and a
 * /pattern/ that are closed.
 */
static const char *problems_thing(const char *place, const char *cut)
{
	static const char opens[] = "[\"/", closes[] = "]\"/";
	const char *at = place, *which = strchr(opens, *place);

	if (*place != '\0' && which != NULL) {
		for (at++; at < cut && *at != closes[which - opens]; at++)
			at += *at == '\\' && at + 1 < cut;
		return at < cut ? at + 1 : place;
	}
	while (at < cut && ((*at & 0x80) != 0 || isalnum((unsigned char)*at) ||
			    strchr("-_", *at) != NULL))
		at = problems_next(at);
	return at;
}

/*
 *    12 | do       = fly
 *       |            ^~~
 */
static void problems_show_line(const struct problem *one)
{
	const char *place = problems_place(one), *end, *cut, *at;
	const char *from = problems_window(one->source, place);
	struct buffer before = { 0 }, behind = { 0 };
	int i, left;

	problems_put(&before, from, place);
	left = PROBLEMS_SHOWN - problems_width(&before);
	for (cut = place; *cut != '\0' && left > 0; left--)
		cut = problems_next(cut);
	problems_put(&behind, place, cut);
	fprintf(stderr, "%6d | %s%s%s%s\n      | %s", one->line,
		from > one->source ? "..." : "", buffer_text(&before),
		buffer_text(&behind), *cut != '\0' ? "..." : "",
		from > one->source ? "   " : "");
	for (i = problems_width(&before); i > 0; i--)
		fputc(' ', stderr);
	fputc('^', stderr);
	end = problems_thing(place, cut);
	for (at = place; at < end; at = problems_next(at)) {
		if (at > place)
			fputc('~', stderr);
	}
	fputc('\n', stderr);
	buffer_release(&before);
	buffer_release(&behind);
}

static void problems_print(const struct problem *one)
{
	struct buffer out = { 0 };

	problems_put(&out, one->file, one->file + strlen(one->file));
	if (one->line > 0)
		buffer_printf(&out, ":%d", one->line);
	if (one->line > 0 && one->column > 0)
		buffer_printf(&out, ":%d", one->column);
	buffer_append_text(&out, one->warning ? ": warning: " : ": error: ");
	problems_put(&out, one->text, one->text + strlen(one->text));
	fprintf(stderr, "%s\n", buffer_text(&out));
	if (one->source != NULL && one->line > 0)
		problems_show_line(one);
	buffer_release(&out);
}

void verb_print_problems(const struct problems *p, const char *file)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		if (file == NULL || strcmp(p->list[i].file, file) == 0)
			problems_print(&p->list[i]);
	}
}

void verb_quote_sequences(const struct verb_call *call, struct problems *problems)
{
	size_t i;

	for (i = 0; i < call->config->sequence_count; i++)
		ini_quote(call->config->sequences[i], problems);
}

void verb_quote_problems(struct verb_call *call)
{
	verb_quote_sequences(call, &call->problems);
}
