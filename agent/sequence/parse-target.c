/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targets: where a state or a rule leads to. parse.c comes in by parse_target, with
 * what stands behind the arrow. A target is the last thing of a value, so what is
 * left behind it is told here, before its name is looked for.
 */
#include "agent/sequence/parse.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* A reason stands behind it, so a verdict was meant. */
static bool target_no_verdict(struct parse *p, const char *word)
{
	static const char *const verdicts[] = { "recovered", "failed",
		"needs-hands", "unknown", NULL };
	char expected[160];

	p->at = p->word_end;
	snprintf(expected, sizeof(expected), "only a verdict has a reason, and "
		 "\"%.40s\" is none; expected recovered, failed, needs-hands or "
		 "unknown", word);
	return parse_fail_word(p, word, verdicts, expected);
}

/* Behind the name of one: its reason. */
static bool target_reason(struct parse *p, const char *word, struct target *ret)
{
	struct buffer reason = { 0 };

	parse_skip(p, true);
	if (*p->at == '"') {
		if (!parse_string(p, &reason)) {
			buffer_release(&reason);
			return false;
		}
		ret->reason = buffer_take(&reason);
	}
	if (ret->verdict != VERDICT_RECOVERED &&
	    (ret->reason == NULL || ret->reason[0] == '\0'))
		return parse_fail(p, "%s needs a reason that tells a person "
				  "what to know or do: %s \"...\"", word, word);
	return true;
}

/* A state, which is looked for when all are known. */
static bool target_state(struct parse *p, const char *word, struct target *ret)
{
	const char *behind = p->word_end;

	parse_skip(p, true);
	if (strcmp(word, "needs") == 0 && parse_take_word(p, "hands")) {
		p->at = behind;
		return parse_fail(p, "\"needs hands\" is no verdict; did you mean "
				  "\"needs-hands\"?");
	}
	if (*p->at == '"')
		return target_no_verdict(p, word);
	if (!parse_at_end(p))
		return parse_fail_behind(p, "nothing more was expected");
	ret->kind = TARGET_STATE;
	ret->name = memory_copy(word);
	return true;
}

bool parse_target(struct parse *p, struct target *ret)
{
	char word[64];

	parse_skip(p, true);
	ret->file = p->file;
	ret->line = parse_line(p);
	ret->column = parse_column(p);
	if (strncmp(p->at, "->", 2) == 0)
		return parse_fail(p, "no -> belongs here; the target stands by "
				  "itself: then = boot");
	if (!parse_word(p, ",\"", word, sizeof(word)))
		return parse_fail(p, "expected the name of a state, or "
				  "recovered, failed, needs-hands or unknown");
	ret->verdict = verdict_from_name(word);
	if (strcmp(word, TARGET_RETURN_NAME) == 0) {
		ret->kind = TARGET_RETURN;
		return true;
	}
	if (ret->verdict == VERDICT_NONE)
		return target_state(p, word, ret);
	ret->kind = TARGET_VERDICT;
	return target_reason(p, word, ret);
}
