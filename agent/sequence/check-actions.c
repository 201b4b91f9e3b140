/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the actions of a sequence ask for: capabilities, secrets and keys of
 * the host, and a place where they can stand.
 */
#include "agent/sequence/check-private.h"

#include <stdio.h>
#include <string.h>

#include "drivers/driver.h"

static const struct {
	unsigned bit;
	const char *name;
} check_needs_names[] = {
	{ SEQUENCE_NEEDS_POWER, "power" },
	{ SEQUENCE_NEEDS_CONSOLE, "console" },
	{ SEQUENCE_NEEDS_SHELL, "shell" },
};

static void check_host_lacks(struct check *c, const char *file, int line,
			     const char *what, const char *name, const char *add)
{
	char where[32] = "";

	if (line > 0)
		snprintf(where, sizeof(where), ", line %d", line);
	problems_add(c->problems, c->host->file, c->host->line,
		     "host %s has no %s%s, which the sequence %s needs (%s%s); %s",
		     c->host->name, what, name, c->s->name, file, where,
		     add);
}

void check_needs(struct check *c)
{
	unsigned uses = sequence_uses(c->s), bit;
	char add[64];
	size_t i;

	for (i = 0; i < 3; i++) {
		bit = check_needs_names[i].bit;
		if ((uses & bit) != 0 && (c->s->needs & bit) == 0)
			problems_add(c->problems, c->s->file,
				     c->s->needs_line > 0 ? c->s->needs_line
							  : c->s->line,
				     "it uses the %s; add %s to needs",
				     check_needs_names[i].name,
				     check_needs_names[i].name);
		if (c->host == NULL || ((uses | c->s->needs) & bit) == 0 ||
		    (c->host->has & bit) != 0)
			continue;
		snprintf(add, sizeof(add), "add a section [%s]",
			 check_needs_names[i].name);
		check_host_lacks(c, c->s->file, c->s->needs_line, "",
				 check_needs_names[i].name, add);
	}
}

/* ---- each action -------------------------------------------------------------------- */

static void check_secret(struct check *c, const struct action *a, bool at_prompt)
{
	char name[128], add[160];

	if (!at_prompt)
		problems_add_at(c->problems, a->file, a->line, a->column,
			     "a secret is typed only by a rule on text or on the "
			     "screen, where its prompt was seen: on = "
			     "/^Password: $/ : secret %s", a->text);
	if (c->host == NULL || c->host->has_secret(c->host->context, a->text))
		return;
	snprintf(name, sizeof(name), "\"%s\"", a->text);
	snprintf(add, sizeof(add), "add \"%s = @file:...\" to [secrets]", a->text);
	check_host_lacks(c, a->file, a->line, "secret ", name, add);
}

static void check_keys(struct check *c, const struct action *a)
{
	struct keys_stroke stroke;
	int i;

	for (i = 0; c->host != NULL && a->keys[i] != NULL; i++) {
		if (!keys_encode(c->host->terminal, a->keys[i], &stroke))
			problems_add_at(c->problems, a->file, a->line, a->column,
				     "the terminal of host %s (%s) has no key %s; "
				     "use another key, or set its terminal",
				     c->host->name,
				     keys_terminal_name(c->host->terminal),
				     a->keys[i]);
	}
}

/* What a rule does goes through undisturbed; a restart takes minutes. */
static void check_restart(struct check *c, const struct action *a, bool in_do)
{
	const char *word = a->type == ACTION_STOP ? "stop" : "restart";

	if (!in_do)
		problems_add_at(c->problems, a->file, a->line, a->column,
			     "%s stands in the \"do\" of a state, not in a rule: "
			     "let the rule go to a state that does it", word);
}

static void check_ask(struct check *c, const struct action *a,
		      const struct state *in)
{
	if (in == NULL)
		problems_add(c->problems, a->file, a->line,
			     "ask stands in the \"do\" of a state, not in a rule: "
			     "let the rule go to a state that asks");
	else if (in->timeout_ms == 0)
		problems_add(c->problems, a->file, a->line,
			     "nobody may be there to answer; add \"timeout = 10m "
			     "-> TARGET\" to the state");
}

/* rule: of which they are, or in: the state of whose `do`. */
static void check_actions(struct check *c, const struct actions *list,
			  const struct rule *rule, const struct state *in)
{
	bool at_prompt = rule != NULL && (rule->kind == RULE_TEXT ||
					  rule->kind == RULE_SCREEN);
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (list->list[i].type == ACTION_SECRET)
			check_secret(c, &list->list[i], at_prompt);
		else if (list->list[i].type == ACTION_KEY)
			check_keys(c, &list->list[i]);
		else if (list->list[i].rung_count > 0)
			check_restart(c, &list->list[i], rule == NULL);
		else if (list->list[i].type == ACTION_ASK)
			check_ask(c, &list->list[i], in);
		else if (list->list[i].type == ACTION_SHELL)
			check_command(c, &list->list[i]);
		if (list->list[i].type == ACTION_SECRET && at_prompt)
			check_anchors(c, rule, &list->list[i]);
	}
}

/*
 * A rule that stays fires as often as its text comes. What destroys something
 * then needs a bound; where a rule leads on, `visits` is that bound.
 */
static void check_repeats(struct check *c, const struct rule *r)
{
	const struct action *a;
	size_t i;

	for (i = 0; i < r->actions.count; i++) {
		a = &r->actions.list[i];
		if (r->max > 0 || r->target.kind != TARGET_NONE ||
		    a->rung_count > 0 ||
		    !(action_is_force(a) || (a->type == ACTION_POWER &&
					     a->number != DRIVER_ACT_ON)))
			continue;
		problems_add_at(c->problems, a->file, a->line, a->column,
			     "this rule would do it again and again, without a "
			     "bound; give it \"max 1\", or let it go to a "
			     "state with visits");
		return;
	}
}

static void check_rules(struct check *c, const struct rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		check_actions(c, &rules->list[i].actions, &rules->list[i],
			      NULL);
		check_repeats(c, &rules->list[i]);
	}
}

void check_each_action(struct check *c)
{
	const struct actions *healthy = &c->s->healthy;
	size_t i;

	for (i = 0; i < healthy->count; i++) {
		if (!action_is_check(&healthy->list[i]))
			problems_add(c->problems, c->s->file,
				     healthy->list[i].line, "only checks can "
				     "stand in healthy; nothing is touched by "
				     "them");
	}
	check_rules(c, &c->s->always);
	for (i = 0; i < c->s->state_count; i++) {
		check_actions(c, &c->s->states[i].act, NULL,
			      &c->s->states[i]);
		check_rules(c, &c->s->states[i].rules);
	}
}
