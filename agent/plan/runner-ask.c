/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A maintenance asks a person whether to go on. The question is in its folder, as
 * that of a run is in its record, so that `rhands answer` finds it from any
 * terminal; where the runner has a terminal, it can be answered there too. Who
 * answers first, has answered.
 *
 * Always true: only the word "yes" is a yes. Nobody, by the end of the window, is a
 * no; what was typed before the question is no answer to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent/plan/runner-private.h"
#include "agent/plan/window.h"
#include "agent/run/answer.h"
#include "agent/run/record.h"
#include "base/deadline.h"
#include "base/memory.h"

#define ASK_LOOK_MS 200		/* between two looks for an answer */

static const char *const ask_words[] = { "yes", "no", NULL };

struct ask_state {
	struct runner *r;
	int number;
	int dir_fd;		/* -1: it can't be answered from elsewhere */
	bool terminal;
	char answer[16];	/* "" none yet */
	char who[80];
};

static int ask_open_dir(const struct runner *r)
{
	return open(r->journal.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void runner_forget_question(struct runner *r)
{
	int dir_fd = ask_open_dir(r);

	if (dir_fd < 0)
		return;
	answer_withdraw(dir_fd);
	close(dir_fd);
}

/* Another program has the terminal now: not ours to read. */
static bool ask_in_background(void)
{
	pid_t front = tcgetpgrp(STDIN_FILENO);

	return front >= 0 && front != getpgrp();
}

static void ask_prompt(const struct ask_state *a)
{
	const struct plan *p = a->r->plan;
	char until[32];

	printf("Type yes or no (until %s): ",
	       window_format(p->end_ms, p->zone, WINDOW_HOUR, until,
			     sizeof(until)));
	fflush(stdout);
}

/* ---- begin and end ----------------------------------------------------------------- */

static void ask_offer(struct ask_state *a, const char *trouble)
{
	char *text = memory_format("%s: go on with the others?", trouble);
	struct rh_error err = RH_ERROR_INIT;
	char until[40];
	json_t *object;

	record_time_text(a->r->plan->end_ms, until, sizeof(until));
	object = json_pack("{si si so ss s[ss] ss}", "version", RECORD_VERSION,
			   "question", a->number, "text", record_string(text),
			   "prompt", "Type yes or no", "choices", "yes", "no",
			   "until", until);
	if (a->dir_fd >= 0 && answer_offer(a->dir_fd, object, &err) < 0) {
		runner_say_text(a->r, err.text);
		close(a->dir_fd);
		a->dir_fd = -1;
	}
	json_decref(object);
	free(text);
}

static void ask_begin(struct ask_state *a, const char *trouble)
{
	a->number = a->r->core.asks;
	a->dir_fd = ask_open_dir(a->r);
	a->terminal = !a->r->o->json && isatty(STDIN_FILENO) &&
		      isatty(STDOUT_FILENO);
	ask_offer(a, trouble);
	if (!a->terminal)
		return;
	signal(SIGTTIN, SIG_IGN);
	if (!ask_in_background())
		tcflush(STDIN_FILENO, TCIFLUSH);
	ask_prompt(a);
}

static void ask_end(struct ask_state *a)
{
	char text[200];
	struct maintenance_event e = { .what = MAINTENANCE_ANSWER,
				       .at_ms = deadline_wall_ms(),
				       .text = text, .run = "" };

	if (a->terminal && strcmp(a->who, "terminal") != 0)
		printf("\n");
	if (a->dir_fd >= 0) {
		answer_withdraw(a->dir_fd);
		close(a->dir_fd);
	}
	/* Interrupted: it is asked anew when it is resumed. */
	if (a->r->stopped > 0)
		return;
	e.ok = strcmp(a->answer, "yes") == 0;
	e.who = a->who[0] != '\0' ? a->who : NULL;
	if (e.who != NULL)
		snprintf(text, sizeof(text), "%s, says %s", a->answer, a->who);
	else
		snprintf(text, sizeof(text), "nobody gave one by the end of the "
			 "window: no");
	runner_event(a->r, &e);
}

/* ---- answers ------------------------------------------------------------------------- */

/* A line from the terminal; what is no answer is asked for again. */
static void ask_read(struct ask_state *a)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	struct rh_error err = RH_ERROR_INIT;
	char line[200] = "";
	ssize_t n;

	if (!a->terminal || ask_in_background() || poll(&p, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (n <= 0 && (p.revents & (POLLHUP | POLLERR)) != 0) {
		a->terminal = false;	/* it is gone; `rhands answer` is left */
		return;
	}
	if (n < 0)
		return;
	if (answer_match(ask_words, line, a->answer, sizeof(a->answer), &err) ==
	    0) {
		snprintf(a->who, sizeof(a->who), "terminal");
		return;
	}
	printf("%s", n == 0 ? "\n" : "");
	runner_say_text(a->r, err.text);
	ask_prompt(a);
}

static void ask_name(uid_t uid, char *buf, size_t buf_len)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		snprintf(buf, buf_len, "%s", pw->pw_name);
	else
		snprintf(buf, buf_len, "uid %lu", (unsigned long)uid);
}

/* An answer from another terminal. */
static void ask_look(struct ask_state *a)
{
	char line[ANSWER_MAX + 1];
	uid_t uid;

	if (a->dir_fd >= 0 && a->answer[0] == '\0' &&
	    answer_take(a->dir_fd, a->number, line, sizeof(line), &uid) &&
	    answer_match(ask_words, line, a->answer, sizeof(a->answer), NULL) ==
		    0)
		ask_name(uid, a->who, sizeof(a->who));
}

static bool ask_is_over(const struct ask_state *a)
{
	const struct runner *r = a->r;

	return r->stopped > 0 || a->answer[0] != '\0' ||
	       (a->dir_fd < 0 && !a->terminal) ||
	       maintenance_time(&r->core, deadline_wall_ms()) >= r->plan->end_ms;
}

void runner_ask(struct runner *r, const char *trouble)
{
	struct ask_state a = { .r = r };
	struct pollfd fds[2];

	ask_begin(&a, trouble);
	while (!ask_is_over(&a)) {
		fds[0] = (struct pollfd){ .fd = r->signal_fd, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = a.terminal &&
						!ask_in_background()
							? STDIN_FILENO : -1,
					  .events = POLLIN };
		poll(fds, 2, ASK_LOOK_MS);
		runner_signals(r);
		ask_read(&a);
		ask_look(&a);
	}
	ask_end(&a);
}
