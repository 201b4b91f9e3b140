/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_UNIT_PROMPT_CASE_H
#define RH_TESTS_UNIT_PROMPT_CASE_H

/*
 * A case of tests/prompts; its format is told in tests/prompts/README. Whatever is
 * wrong with a file ends the program. For test-prompts.c and bench-cases.c.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"

#define CASE_PIECES 4096
#define CASES_MAX 1000
#define CASE_BEGIN 1000000

struct case_piece {
	size_t from;
	size_t len;
	int wait_ms;		/* behind it */
};

struct prompt_case {
	char file[1024];
	bool screen;		/* the pattern is looked for there */
	char pattern[400];
	bool wanted;		/* a person says: it is there */
	struct buffer bytes;
	struct case_piece pieces[CASE_PIECES];
	size_t count;
	struct buffer see;	/* rows, joined by \n */
	bool seen;		/* there is one */
};

static inline void case_die(const struct prompt_case *c, const char *line)
{
	fprintf(stderr, "%s: not understood: %s\n", c->file, line);
	exit(2);
}

static inline int case_hex(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/* The character behind a backslash, or -1. */
static inline int case_escape(const char **at)
{
	static const char names[] = "rnteba0\\\"";
	static const char values[] = "\r\n\t\033\b\a\0\\\"";
	const char *name = **at != '\0' ? strchr(names, **at) : NULL;
	int high, low;

	if (name != NULL)
		return (unsigned char)values[name - names];
	if (**at != 'x' || (high = case_hex((*at)[1])) < 0 ||
	    (low = case_hex((*at)[2])) < 0)
		return -1;
	*at += 2;
	return high * 16 + low;
}

/* "text" to bytes; false where it is none. */
static inline bool case_string(const char *at, struct buffer *out)
{
	int c;

	if (*at++ != '"')
		return false;
	for (; *at != '"'; at++) {
		c = (unsigned char)*at;
		if (c == '\\') {
			at++;
			c = case_escape(&at);
		}
		if (c < 0 || *at == '\0')
			return false;
		buffer_append_char(out, (char)c);
	}
	return at[1] == '\0';
}

static inline void case_add(struct prompt_case *c, size_t from, size_t len,
			    int wait_ms, const char *line)
{
	if (c->count == CASE_PIECES)
		case_die(c, line);
	c->pieces[c->count++] = (struct case_piece){ from, len, wait_ms };
}

static inline void case_print(struct prompt_case *c, const char *text,
			      const char *line)
{
	size_t from = c->bytes.len;

	if (!case_string(text, &c->bytes))
		case_die(c, line);
	case_add(c, from, c->bytes.len - from, 0, line);
}

/* Each byte on its own, so many ms between them. */
static inline void case_bytes(struct prompt_case *c, const char *text,
			      const char *line)
{
	size_t from = c->bytes.len;
	char *end;
	int ms = (int)strtol(text, &end, 10);

	if (*end++ != ' ' || !case_string(end, &c->bytes))
		case_die(c, line);
	for (; from < c->bytes.len; from++)
		case_add(c, from, 1, ms, line);
}

static inline void case_line(struct prompt_case *c, const char *line)
{
	const char *value = strchr(line, ' ');
	size_t key = strcspn(line, ":");

	value = value != NULL ? value + 1 : "";
	if (line[0] == ';' || line[0] == '\0' || strncmp(line, "faults:", 7) == 0 ||
	    strncmp(line, "from:", 5) == 0)
		return;
	if (key == 5 && strncmp(line, "print", 5) == 0) {
		case_print(c, value, line);
	} else if (key == 5 && strncmp(line, "bytes", 5) == 0) {
		case_bytes(c, value, line);
	} else if (key == 4 && strncmp(line, "wait", 4) == 0 && c->count > 0) {
		c->pieces[c->count - 1].wait_ms += atoi(value);
	} else if (key == 4 && strncmp(line, "want", 4) == 0) {
		c->wanted = strcmp(value, "yes") == 0;
	} else if (key == 3 && strncmp(line, "see", 3) == 0) {
		if (c->seen)
			buffer_append_char(&c->see, '\n');
		buffer_append_text(&c->see, value);
		c->seen = true;
	} else if ((key == 4 && strncmp(line, "text", 4) == 0) ||
		   (key == 6 && strncmp(line, "screen", 6) == 0)) {
		c->screen = key == 6;
		snprintf(c->pattern, sizeof(c->pattern), "%s", value);
	} else {
		case_die(c, line);
	}
}

static inline struct prompt_case *case_read(const char *file)
{
	struct prompt_case *c = calloc(1, sizeof(*c));
	FILE *f = fopen(file, "r");
	char line[8192];

	if (c == NULL || f == NULL) {
		perror(file);
		exit(2);
	}
	snprintf(c->file, sizeof(c->file), "%s", file);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		case_line(c, line);
	}
	fclose(f);
	if (c->pattern[0] == '\0' || c->count == 0)
		case_die(c, "no pattern, or nothing to print");
	return c;
}

static inline void case_free(struct prompt_case *c)
{
	buffer_release(&c->bytes);
	buffer_release(&c->see);
	free(c);
}

static inline int case_is(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 5 && strcmp(d->d_name + len - 5, ".case") == 0;
}

/* ---- ours: a sequence of one rule, in virtual time ------------------------------ */

static inline struct sequence *case_sequence(const struct prompt_case *c)
{
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	struct sequence *s;
	struct ini *ini;

	buffer_printf(&text, "[sequence]\nstart = a\ndeadline = 1h\n[state a]\n"
		      "%s = /%s/ : key Enter -> recovered\n",
		      c->screen ? "on screen" : "on", c->pattern);
	ini = ini_read("x.ini", buffer_text(&text), text.len, &problems);
	s = sequence_parse(ini, "x", NULL, &problems);
	if (s == NULL)
		case_die(c, problems.list[0].text);
	ini_free(ini);
	problems_release(&problems);
	buffer_release(&text);
	return s;
}

/* Answers what the machine wants; true when a key is typed: it saw its prompt. */
static inline bool case_take(struct machine *m)
{
	struct machine_action a;
	bool typed = false;

	do {
		machine_next(m, &a);
		typed = typed || a.what == MACHINE_WRITE;
	} while (a.what != MACHINE_NONE);
	return typed;
}

/* Time goes on; true as above. */
static inline bool case_wait(struct machine *m, int64_t *now, int64_t until)
{
	int64_t due;

	for (;;) {
		due = machine_deadline(m);
		if (due > until)
			break;
		*now = due > *now ? due : *now;
		machine_tick(m, *now);
		if (case_take(m))
			return true;
	}
	*now = until;
	return false;
}

/* Whether the machine answers the prompt. apart: each byte in a call of its own. */
static inline bool case_ours(const struct prompt_case *c, bool apart)
{
	struct machine_config config = {
		.sequence = case_sequence(c), .terminal = KEYS_VT100,
		.enter = "\r", .has_console = true,
		.deadline = CASE_BEGIN + 3600000,
	};
	struct machine *m = machine_new(&config);
	int64_t now = CASE_BEGIN;
	bool fired = false;
	size_t i, at, n;

	machine_begin(m, now);
	machine_attached(m, now);
	fired = case_take(m);
	for (i = 0; i < c->count && !fired; i++) {
		for (at = 0; at < c->pieces[i].len && !fired; at += n) {
			n = apart ? 1 : c->pieces[i].len;
			machine_feed(m, now, c->bytes.data + c->pieces[i].from + at,
				     n);
			fired = case_take(m);
		}
		fired = fired || case_wait(m, &now, now + c->pieces[i].wait_ms);
	}
	fired = fired || case_wait(m, &now, now + 3000);
	machine_free(m);
	sequence_free((struct sequence *)config.sequence);
	return fired;
}

#endif
