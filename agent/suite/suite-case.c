/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One case: what its child says becomes an outcome, and how long it was in each
 * state. suite-run.c comes in with lines and with the end. Always true: a child
 * that ended without a verdict is unknown, or what its exit status says, never
 * right because of nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/suite/suite-run.h"
#include "base/deadline.h"
#include "base/memory.h"

struct suite_case *suite_case_new(struct suite_pair *pair)
{
	struct suite_case *c = memory_new(1, sizeof(*c));

	c->pair = pair;
	c->number = ++pair->begun;
	c->out = c->errors = -1;
	c->began = deadline_now();
	c->wall_ms = deadline_wall_ms();
	return c;
}

void suite_case_free(struct suite_case *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->stay_count; i++)
		free(c->stays[i].state);
	free(c->stays);
	free(c->state);
	free(c->reason);
	free(c->words);
	buffer_release(&c->out_line);
	buffer_release(&c->error_text);
	free(c);
}

/* The present state is over. */
static void suite_case_leave(struct suite_case *c, int64_t at_ms)
{
	struct suite_stay *stay;

	c->stays = memory_grow(c->stays, c->stay_count + 1, sizeof(*c->stays));
	stay = &c->stays[c->stay_count++];
	stay->state = c->state != NULL ? c->state : memory_copy("start");
	stay->ms = at_ms > c->entered ? at_ms - c->entered : 0;
	c->state = NULL;
	c->entered = at_ms;
}

static const char *suite_case_member(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

static void suite_case_verdict(struct suite_case *c, const json_t *event)
{
	static const char *const codes[] = { "busy", "refused", "cancelled" };
	const char *outcome = suite_case_member(event, "verdict");
	const char *code = suite_case_member(event, "code");
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(code, codes[i]) == 0)
			outcome = codes[i];
	}
	snprintf(c->outcome, sizeof(c->outcome), "%s", outcome);
	free(c->reason);
	c->reason = memory_copy(suite_case_member(event, "reason"));
	if (json_is_integer(json_object_get(event, "at_ms")))
		suite_case_leave(c, json_integer_value(
					    json_object_get(event, "at_ms")));
}

void suite_case_line(struct suite_case *c, const char *line)
{
	json_t *event = json_loads(line, 0, NULL);
	const char *name = suite_case_member(event, "event");
	int64_t at = json_integer_value(json_object_get(event, "at_ms"));

	if (c->run[0] == '\0')
		snprintf(c->run, sizeof(c->run), "%s",
			 suite_case_member(event, "run"));
	if (strcmp(name, "state") == 0) {
		suite_case_leave(c, at);
		c->state = memory_copy(suite_case_member(event, "state"));
	} else if (strcmp(name, "verdict") == 0) {
		suite_case_verdict(c, event);
	}
	json_decref(event);
}

void suite_case_end(struct suite_case *c, int how)
{
	char text[100];

	c->pid = 0;
	c->ended = deadline_now();
	c->kept = c->run[0] != '\0';
	if (WIFSIGNALED(how)) {
		snprintf(text, sizeof(text), "its process was ended by signal %d",
			 WTERMSIG(how));
		snprintf(c->outcome, sizeof(c->outcome), "unknown");
		free(c->reason);
		c->reason = memory_copy(text);
	} else if (c->outcome[0] == '\0') {
		snprintf(c->outcome, sizeof(c->outcome), "unknown");
		c->reason = memory_format("it ended with status %d, and without a "
					  "verdict", WEXITSTATUS(how));
	}
	c->words = buffer_take(&c->error_text);
	c->right = suite_expects(c->pair->test, c->outcome);
	c->pair->ended++;
	c->pair->wrong += !c->right;
}
