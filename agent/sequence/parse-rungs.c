/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rungs of `restart` and `stop`: a word for each, a time where the usual
 * one does not fit, a command behind `shell`. parse-action.c comes in with
 * what stands behind the word.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/parse.h"
#include "base/memory.h"
#include "base/option.h"

#define RUNGS_MAX 8

/* Which rungs there are, in the order of `gently`, and how long each may take. */
static const struct {
	enum rung_kind kind;
	int64_t within_ms;
	bool restart;
	bool stop;
} rungs_known[] = {
	{ RUNG_SHELL, 180000, true, true },
	{ RUNG_SOFT, 120000, true, true },
	{ RUNG_SYSRQ, 60000, true, true },
	{ RUNG_RESET, 60000, true, false },
	{ RUNG_CYCLE, 0, true, false },
	{ RUNG_OFF, 0, false, true },
};

#define RUNGS_KNOWN (sizeof(rungs_known) / sizeof(rungs_known[0]))

static void rungs_add(struct action *a, size_t known)
{
	a->rungs = memory_grow(a->rungs, a->rung_count + 1, sizeof(*a->rungs));
	a->rungs[a->rung_count++] = (struct rung){
		.kind = rungs_known[known].kind,
		.within_ms = rungs_known[known].within_ms,
	};
}

static bool rungs_fits(const struct action *a, size_t known)
{
	return a->type == ACTION_STOP ? rungs_known[known].stop
				      : rungs_known[known].restart;
}

static void rungs_gently(struct action *a)
{
	size_t i;

	a->gently = true;
	for (i = 0; i < RUNGS_KNOWN; i++) {
		if (rungs_fits(a, i))
			rungs_add(a, i);
	}
}

/* "shell "telinit 6"": the command, where the usual one does not do. */
static bool rungs_command(struct parse *p, struct rung *rung)
{
	struct buffer b = { 0 };

	parse_skip(p, false);
	if (rung->kind != RUNG_SHELL || *p->at != '"')
		return true;
	if (!parse_string(p, &b)) {
		buffer_release(&b);
		return false;
	}
	if (b.len == 0 || b.len > 4096 || memchr(b.data, '\0', b.len) != NULL) {
		buffer_release(&b);
		return parse_fail(p, "a command has 1 to 4096 bytes");
	}
	rung->command = buffer_take(&b);
	return true;
}

static bool rungs_time(struct parse *p, struct rung *rung)
{
	parse_skip(p, false);
	if (!isdigit((unsigned char)*p->at))
		return true;
	if (rung->kind == RUNG_CYCLE || rung->kind == RUNG_OFF)
		return parse_fail(p, "%s takes its time from confirm and min-off "
				  "of the host", rung_name(rung->kind));
	if (!parse_duration(p, rung_name(rung->kind), &rung->within_ms))
		return false;
	if (rung->within_ms < 5000)
		return parse_fail(p, "%s needs at least 5s to show that it "
				  "worked", rung_name(rung->kind));
	return true;
}

static bool rungs_unknown(struct parse *p, const struct action *a,
			  const char *word)
{
	const char *const *words;
	const char *nearest;
	static const char *const restart[] = { "gently", "shell", "soft",
					       "sysrq", "reset", "cycle", NULL };
	static const char *const stop[] = { "gently", "shell", "soft", "sysrq",
					    "off", NULL };

	words = a->type == ACTION_STOP ? stop : restart;
	nearest = option_nearest(word, words);
	if (nearest != NULL)
		return parse_fail(p, "unknown rung \"%.30s\"; did you mean %s?",
				  word, nearest);
	return parse_fail(p, a->type == ACTION_STOP
				 ? "expected stop gently, or rungs such as "
				   "stop shell 3m soft off"
				 : "expected restart gently, or rungs such as "
				   "restart shell 3m soft 2m cycle");
}

static bool rungs_one(struct parse *p, struct action *a)
{
	char word[32] = "";
	size_t i;

	if (!parse_word(p, ",\"", word, sizeof(word)))
		return rungs_unknown(p, a, word);
	for (i = 0; i < RUNGS_KNOWN; i++) {
		if (!rungs_fits(a, i) ||
		    strcmp(rung_name(rungs_known[i].kind), word) != 0)
			continue;
		if (a->rung_count == RUNGS_MAX)
			return parse_fail(p, "at most %d rungs", RUNGS_MAX);
		rungs_add(a, i);
		return rungs_command(p, &a->rungs[a->rung_count - 1]) &&
		       rungs_time(p, &a->rungs[a->rung_count - 1]);
	}
	return rungs_unknown(p, a, word);
}

bool parse_rungs(struct parse *p, struct action *a)
{
	if (parse_take_word(p, "gently")) {
		rungs_gently(a);
		return true;
	}
	do {
		if (!rungs_one(p, a))
			return false;
	} while (!parse_action_ends(p));
	return true;
}
