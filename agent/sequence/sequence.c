/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sequences as data: release, names, and the walks that others need. */
#include "agent/sequence/sequence.h"

#include <stdlib.h>
#include <string.h>

#include "agent/sequence/parse.h"
#include "drivers/driver.h"

static const char *const verdict_names[VERDICT_COUNT] = {
	[VERDICT_NONE] = "none",
	[VERDICT_RECOVERED] = "recovered",
	[VERDICT_FAILED] = "failed",
	[VERDICT_NEEDS_HANDS] = "needs-hands",
	[VERDICT_UNKNOWN] = "unknown",
};

const char *verdict_name(enum verdict verdict)
{
	return (int)verdict < VERDICT_COUNT ? verdict_names[verdict] : "none";
}

enum verdict verdict_from_name(const char *name)
{
	int i;

	for (i = VERDICT_RECOVERED; i < VERDICT_COUNT; i++) {
		if (strcmp(verdict_names[i], name) == 0)
			return (enum verdict)i;
	}
	return VERDICT_NONE;
}

bool sequence_is_part(const struct sequence *s)
{
	return s->return_line > 0;
}

void parse_target_release(struct target *t)
{
	free(t->reason);
	free(t->name);
	free(t->note);
	memset(t, 0, sizeof(*t));
}

void parse_rules_release(struct rules *rules)
{
	struct rule *r;
	size_t i;

	for (i = 0; i < rules->count; i++) {
		r = &rules->list[i];
		match_free(r->pattern);
		free(r->source);
		actions_release(&r->actions);
		parse_target_release(&r->target);
	}
	free(rules->list);
	rules->list = NULL;
	rules->count = 0;
}

static void state_release(struct state *st)
{
	free(st->name);
	free(st->own);
	actions_release(&st->act);
	parse_target_release(&st->then);
	parse_target_release(&st->otherwise);
	parse_rules_release(&st->rules);
	parse_target_release(&st->timeout);
	parse_target_release(&st->visited);
}

void sequence_free(struct sequence *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->state_count; i++)
		state_release(&s->states[i]);
	free(s->states);
	parse_rules_release(&s->always);
	actions_release(&s->healthy);
	free(s->name);
	free(s->file);
	for (i = 0; i < s->file_count; i++)
		free(s->files[i]);
	free(s->files);
	free(s->summary);
	free(s->twin);
	free(s);
}

static void each_action(const struct actions *actions,
			void (*visit)(void *, const struct action *),
			void *context)
{
	size_t i;

	for (i = 0; i < actions->count; i++)
		visit(context, &actions->list[i]);
}

static void each_rule_action(const struct rules *rules,
			     void (*visit)(void *, const struct action *),
			     void *context)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		each_action(&rules->list[i].actions, visit, context);
}

void sequence_each_action(const struct sequence *s,
			  void (*visit)(void *context, const struct action *a),
			  void *context)
{
	size_t i;

	each_action(&s->healthy, visit, context);
	each_rule_action(&s->always, visit, context);
	for (i = 0; i < s->state_count; i++) {
		each_action(&s->states[i].act, visit, context);
		each_rule_action(&s->states[i].rules, visit, context);
	}
}

bool rule_holds(const struct rule *r, int state)
{
	return r->end == 0 || (state >= r->first && state < r->end);
}

bool action_types(const struct action *a)
{
	return a->type == ACTION_SEND || a->type == ACTION_ENTER ||
	       a->type == ACTION_KEY || a->type == ACTION_SECRET ||
	       a->type == ACTION_SELECT;
}

const char *rung_name(enum rung_kind kind)
{
	static const char *const names[RUNG_COUNT] = {
		[RUNG_NONE] = "none",	[RUNG_SHELL] = "shell",
		[RUNG_SOFT] = "soft",	[RUNG_SYSRQ] = "sysrq",
		[RUNG_RESET] = "reset", [RUNG_CYCLE] = "cycle",
		[RUNG_OFF] = "off",
	};

	return kind < RUNG_COUNT ? names[kind] : "none";
}

bool action_is_force(const struct action *a)
{
	if (a->type == ACTION_RESTART || a->type == ACTION_STOP)
		return true;
	if (a->type == ACTION_SYSRQ)
		return strchr("bco", a->number) != NULL;
	return a->type == ACTION_POWER && a->number != DRIVER_ACT_ON &&
	       a->number != DRIVER_ACT_SOFT;
}

bool action_is_check(const struct action *a)
{
	return a->type == ACTION_CHECK_TCP || a->type == ACTION_CHECK_SSH ||
	       a->type == ACTION_CHECK_SHELL;
}

static bool action_needs_shell(const struct action *a)
{
	return a->type == ACTION_SHELL || a->type == ACTION_CHECK_SSH ||
	       a->type == ACTION_CHECK_SHELL ||
	       (a->type == ACTION_COLLECT && strcmp(a->text, "dmesg") == 0);
}

/* What its rungs need; `gently` makes do without a shell or a console. */
static unsigned rungs_use(const struct action *a)
{
	unsigned uses = a->type == ACTION_STOP || a->gently
				? SEQUENCE_NEEDS_POWER : 0;
	size_t i;

	for (i = 0; i < a->rung_count && !a->gently; i++) {
		if (a->rungs[i].kind == RUNG_SHELL)
			uses |= SEQUENCE_NEEDS_SHELL;
		else if (a->rungs[i].kind == RUNG_SYSRQ)
			uses |= SEQUENCE_NEEDS_CONSOLE;
		else
			uses |= SEQUENCE_NEEDS_POWER;
	}
	return uses;
}

static void uses_action(void *context, const struct action *a)
{
	unsigned *uses = context;

	*uses |= a->rung_count > 0 ? rungs_use(a) : 0;
	if (a->type == ACTION_POWER || a->type == ACTION_BOOT ||
	    (a->type == ACTION_COLLECT && strcmp(a->text, "sel") == 0))
		*uses |= SEQUENCE_NEEDS_POWER;
	if (action_types(a) || a->type == ACTION_BREAK ||
	    a->type == ACTION_SYSRQ ||
	    (a->type == ACTION_COLLECT && (strcmp(a->text, "console") == 0 ||
					   strcmp(a->text, "screen") == 0)))
		*uses |= SEQUENCE_NEEDS_CONSOLE;
	if (action_needs_shell(a))
		*uses |= SEQUENCE_NEEDS_SHELL;
}

static void renders_action(void *context, const struct action *a)
{
	bool *renders = context;

	if (a->type == ACTION_SELECT ||
	    (a->type == ACTION_COLLECT && strcmp(a->text, "screen") == 0))
		*renders = true;
}

static bool renders_rules(const struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		if (rules->list[i].kind == RULE_SCREEN)
			return true;
	}
	return false;
}

bool sequence_renders(const struct sequence *s)
{
	bool renders = renders_rules(&s->always);
	size_t i;

	sequence_each_action(s, renders_action, &renders);
	for (i = 0; i < s->state_count; i++)
		renders = renders || renders_rules(&s->states[i].rules);
	return renders;
}

unsigned sequence_uses(const struct sequence *s)
{
	unsigned uses = 0;
	size_t i;

	sequence_each_action(s, uses_action, &uses);
	if (s->always.count > 0)
		uses |= SEQUENCE_NEEDS_CONSOLE;
	for (i = 0; i < s->state_count; i++) {
		if (s->states[i].rules.count > 0)
			uses |= SEQUENCE_NEEDS_CONSOLE;
	}
	return uses;
}
