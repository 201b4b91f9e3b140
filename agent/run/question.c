/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asking a person, and going on with everything else until they answer. The
 * rooms of the run come in by question_begin, the loop by question_tick.
 *
 * Always true: one question at a time; nothing here blocks: the terminal is read
 * only when it has a line, and only while the run is in its foreground; what
 * was typed before the question is no answer to it; while it stands on the
 * terminal nothing else is printed there, so the prompt is the last line.
 */
#include "agent/run/question.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/run/run-private.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

#define QUESTION_LOOK_MS 200	/* between two looks for an answer */
#define QUESTION_PIECE 4096

bool question_terminal(const struct run *r)
{
	return !r->o->json && r->o->mode != TIMELINE_QUIET &&
	       isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* ---- the terminal ----------------------------------------------------------- */

/* Another program has the terminal now: not ours to read. */
static bool question_in_background(void)
{
	pid_t front = tcgetpgrp(STDIN_FILENO);

	return front >= 0 && front != getpgrp();
}

static void question_print(struct question_state *s, const char *text)
{
	struct buffer safe = { 0 };

	vis_append(&safe, text, strlen(text));
	timeline_put(&s->out, buffer_text(&safe));
	buffer_release(&safe);
}

/* "Type done or no (9m): " */
static void question_print_prompt(struct question_state *s)
{
	int64_t left = s->q.deadline - deadline_now();
	char time[32], text[48] = "";

	if (s->q.deadline != DEADLINE_NEVER) {
		left = left < 1000 ? 1000 : left / 1000 * 1000;
		deadline_format(left > 120000 ? left / 60000 * 60000 : left,
				time, sizeof(time));
		snprintf(text, sizeof(text), " (%s)", time);
	}
	question_print(s, s->prompt);
	timeline_put(&s->out, text);
	timeline_put(&s->out, ": ");
}

static void question_show(struct run *r, const char *text)
{
	struct question_state *s = &r->question;

	timeline_init(&s->out, TIMELINE_PLAIN, STDERR_FILENO);
	if (r->timeline.mode == TIMELINE_LIVE) {
		/* The event stands there already. */
		timeline_hold(&r->timeline, true);
	} else {
		question_print(s, text);
		timeline_put(&s->out, "\n");
	}
	if (!question_in_background())
		tcflush(STDIN_FILENO, TCIFLUSH);
	question_print_prompt(s);
}

/* The prompt's line ends; what was begun there is thrown away. */
static void question_hide(struct run *r, const char *why)
{
	struct question_state *s = &r->question;

	if (!s->terminal)
		return;
	if (why != NULL) {
		timeline_put(&s->out, "\n");
		if (!question_in_background())
			tcflush(STDIN_FILENO, TCIFLUSH);
	}
	if (why != NULL && why[0] != '\0') {
		question_print(s, why);
		timeline_put(&s->out, "\n");
	}
	timeline_end(&s->out);
	timeline_hold(&r->timeline, false);
}

/* ---- begin and end ------------------------------------------------------------ */

static char *question_make_prompt(const struct question *q)
{
	struct buffer b = { 0 };
	size_t i;

	if (q->prompt != NULL)
		return memory_copy(q->prompt);
	for (i = 0; q->choices != NULL && q->choices[i] != NULL; i++)
		buffer_printf(&b, "%s%s", i == 0 ? "Type " :
			      q->choices[i + 1] == NULL ? " or " : ", ",
			      q->choices[i]);
	if (b.len == 0)
		buffer_append_text(&b, "Your answer");
	return buffer_take(&b);
}

static json_t *question_words(const struct question *q)
{
	json_t *words = json_array();
	size_t i;

	for (i = 0; q->choices != NULL && q->choices[i] != NULL; i++)
		json_array_append_new(words, json_string(q->choices[i]));
	return words;
}

/* Into the record, for `runs`, `show` and `answer`. */
static int question_offer(struct run *r, const struct question *q,
			  const char *text, struct rh_error *err)
{
	struct question_state *s = &r->question;
	json_t *object = json_pack("{si si so so so}", "version",
				   RECORD_VERSION, "question", s->number,
				   "text", record_string(text), "prompt",
				   record_string(s->prompt), "choices",
				   question_words(q));
	char at[40];
	int rc;

	if (q->deadline != DEADLINE_NEVER) {
		record_time_text(deadline_wall_ms() + q->deadline -
					 deadline_now(), at, sizeof(at));
		json_object_set_new(object, "until", json_string(at));
	}
	rc = answer_offer(record_dir(r->record), object, err);
	json_decref(object);
	return rc;
}

/* The event says where to answer, unless the prompt is under it. */
static void question_tell(struct run *r, const char *text, json_t *words)
{
	struct buffer b = { 0 };
	char choices[200];
	json_t *fields = json_pack("{si so}", "question", r->question.number,
				   "choices", words);

	answer_choices(fields, choices, sizeof(choices));
	buffer_append_text(&b, text);
	if (!r->question.terminal)
		buffer_printf(&b, " (answer it with: rhands answer %s %s)",
			      r->host->name,
			      choices[0] != '\0' ? choices : "TEXT");
	run_event(r, "question", "", buffer_text(&b), fields);
	buffer_release(&b);
}

int question_begin(struct run *r, const struct question *q,
		   struct rh_error *err)
{
	struct question_state *s = &r->question;
	struct buffer clean = { 0 };

	if (s->open)
		return rh_error_set(err, RH_ERR_STATE, "a question is open "
				    "already");
	s->q = *q;
	s->q.text = s->q.prompt = NULL;
	s->number++;
	free(s->prompt);
	s->prompt = question_make_prompt(q);
	s->terminal = question_terminal(r);
	redact_text(&r->redact, q->text, &clean);
	s->offered = question_offer(r, q, buffer_text(&clean), err) == 0;
	if (s->offered || s->terminal) {
		s->open = true;
		question_tell(r, buffer_text(&clean), question_words(q));
	}
	if (s->open && s->terminal)
		question_show(r, buffer_text(&clean));
	buffer_release(&clean);
	return s->open ? 0 : -1;
}

static void question_close(struct run *r, const char *why)
{
	struct question_state *s = &r->question;

	if (s->offered)
		answer_withdraw(record_dir(r->record));
	question_hide(r, why);
	buffer_release(&s->line);
	free(s->prompt);
	s->prompt = NULL;
	s->open = s->offered = s->terminal = false;
}

void question_cancel(struct run *r)
{
	if (r->question.open)
		question_close(r, "");
}

/* The answer, or NULL: nobody gave one. */
static void question_end(struct run *r, const char *text, const char *who)
{
	struct question_answer answer = { .text = text, .who = who };
	struct question q = r->question.q;
	bool here = text != NULL && strcmp(who, "terminal") == 0;
	struct buffer said = { 0 };
	json_t *fields;

	if (text == NULL) {
		answer.code = RH_ERR_TIMEOUT;
		question_close(r, "no answer came in time");
		run_event(r, "unanswered", "", "nobody answered in time", NULL);
		q.take(r, &answer);
		return;
	}
	redact_text(&r->redact, text, &said);
	fields = json_pack("{si so so}", "question", r->question.number,
			   "answer", record_string(buffer_text(&said)), "who",
			   record_string(who));
	if (!here)
		buffer_printf(&said, ", says %s", who);
	question_close(r, here ? NULL : buffer_text(&said));
	run_event(r, "answer", "", buffer_text(&said), fields);
	buffer_release(&said);
	q.take(r, &answer);
}

/* ---- answers -------------------------------------------------------------------- */

/* A line from the terminal; what is no answer is asked for again. */
static bool question_take_line(struct run *r, const char *line)
{
	struct question_state *s = &r->question;
	struct rh_error err = RH_ERROR_INIT;
	char text[ANSWER_MAX + 1];

	if (answer_match(s->q.choices, line, text, sizeof(text), &err) == 0) {
		question_end(r, text, "terminal");
		return true;
	}
	question_print(s, err.text);
	timeline_put(&s->out, "\n");
	question_print_prompt(s);
	return false;
}

/* What was typed. A terminal that is gone leaves it to `rhands answer`. */
static void question_read(struct run *r)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	struct question_state *s = &r->question;
	char bytes[QUESTION_PIECE];
	char *end;
	ssize_t n;

	if (question_in_background() || poll(&p, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n <= 0 && (p.revents & (POLLHUP | POLLERR)) != 0) {
		s->terminal = false;
		timeline_end(&s->out);
		timeline_hold(&r->timeline, false);
		return;
	}
	if (n == 0)
		(void)question_take_line(r, "");
	if (n <= 0)
		return;
	buffer_append(&s->line, bytes, (size_t)n);
	while (s->line.len > 0 &&
	       (end = memchr(s->line.data, '\n', s->line.len)) != NULL) {
		*end = '\0';
		if (question_take_line(r, s->line.data))
			return;
		buffer_drop(&s->line, (size_t)(end - s->line.data) + 1);
	}
}

/* An answer from another terminal. */
static void question_look(struct run *r)
{
	struct question_state *s = &r->question;
	char line[ANSWER_MAX + 1], text[ANSWER_MAX + 1];
	uid_t uid;

	if (!s->offered ||
	    !answer_take(record_dir(r->record), s->number, line, sizeof(line),
			 &uid) ||
	    answer_match(s->q.choices, line, text, sizeof(text), NULL) < 0)
		return;
	question_end(r, text, uid == 0 ? "root" : record_user(r->record));
}

int question_pollfds(const struct run *r, struct pollfd *fds)
{
	const struct question_state *s = &r->question;
	int used = 0;

	if (!s->open || !s->terminal)
		return 0;
	if (!question_in_background())
		fds[used++] = (struct pollfd){ .fd = STDIN_FILENO,
					       .events = POLLIN };
	if (timeline_waits(&s->out))
		fds[used++] = (struct pollfd){ .fd = STDERR_FILENO,
					       .events = POLLOUT };
	return used;
}

int64_t question_deadline(const struct run *r)
{
	if (!r->question.open)
		return DEADLINE_NEVER;
	return deadline_min(r->question.q.deadline,
			    deadline_in(QUESTION_LOOK_MS));
}

void question_tick(struct run *r, int64_t now)
{
	struct question_state *s = &r->question;
	int number = s->number;

	if (s->open && s->terminal) {
		timeline_tick(&s->out, 0);
		question_read(r);
	}
	if (s->open && s->number == number)
		question_look(r);
	if (s->open && s->number == number && now >= s->q.deadline)
		question_end(r, NULL, "");
}
