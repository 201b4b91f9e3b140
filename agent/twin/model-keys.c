/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of a twin's sections: what may stand in each, and its reader. model.c
 * comes in by the tables at the end.
 */
#include "agent/twin/model-private.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- rules ------------------------------------------------------------------------ */

/* "[max N] [: actions] [-> target]"; nothing of it is a rule that swallows. */
static bool model_rule_rest(struct parse *p, struct twin_rule *r)
{
	parse_skip(p, true);
	if (parse_take_word(p, "max") &&
	    !parse_number(p, "max", 1, 100000, &r->max))
		return false;
	parse_skip(p, true);
	if (parse_take(p, ":") &&
	    !model_acts(p, &r->acts, r->on == TWIN_ON_SHELL))
		return false;
	parse_skip(p, true);
	if (parse_take(p, "->"))
		return model_target(p, &r->target);
	return parse_at_end(p) ||
	       parse_fail(p, "a rule has actions behind a colon, a target "
			  "behind ->, or both; found \"%.20s\"", p->at);
}

static struct twin_rule *model_rule(struct modelling *g, enum twin_on on)
{
	struct twin_rules *rules = g->state != NULL ? &g->state->rules
						    : &g->model->always;
	struct twin_rule *r;

	rules->list = memory_grow(rules->list, rules->count + 1,
				  sizeof(*rules->list));
	r = &rules->list[rules->count++];
	*r = (struct twin_rule){ .on = on, .line = g->p.entry->line };
	return r;
}

static bool key_on(struct modelling *g)
{
	struct twin_rule *r = model_rule(g, TWIN_ON_TYPED);

	return parse_pattern(&g->p, &r->pattern, &r->source) &&
	       model_rule_rest(&g->p, r);
}

static bool key_on_shell(struct modelling *g)
{
	struct twin_rule *r = model_rule(g, TWIN_ON_SHELL);

	return parse_pattern(&g->p, &r->pattern, &r->source) &&
	       model_rule_rest(&g->p, r);
}

static bool key_on_power(struct modelling *g)
{
	struct twin_rule *r = model_rule(g, TWIN_ON_POWER);
	char word[32];

	if (parse_word(&g->p, ",:", word, sizeof(word)))
		r->number = (int)driver_act_from_name(word);
	if (r->number == DRIVER_ACT_NONE)
		return parse_fail(&g->p, "expected on, off, cycle, reset, soft "
				  "or diag");
	return model_rule_rest(&g->p, r);
}

/* "on break : print ..." has no other =; in "on break = print ..." no colon. */
static bool key_on_break(struct modelling *g)
{
	struct twin_rule *r = model_rule(g, TWIN_ON_BREAK);

	parse_skip(&g->p, true);
	if (strchr(":-", *g->p.at) == NULL &&
	    strncmp(g->p.at, "max ", strlen("max ")) != 0 &&
	    !model_acts(&g->p, &r->acts, false))
		return false;
	return model_rule_rest(&g->p, r);
}

static bool key_on_sysrq(struct modelling *g)
{
	struct twin_rule *r = model_rule(g, TWIN_ON_SYSRQ);
	char word[8];

	if (!parse_word(&g->p, ",:", word, sizeof(word)) || strlen(word) != 1)
		return parse_fail(&g->p, "expected the letter behind a break");
	r->number = word[0];
	return model_rule_rest(&g->p, r);
}

/* ---- keys of states ------------------------------------------------------------------ */

static bool key_do(struct modelling *g)
{
	return model_acts(&g->p, &g->state->act, false);
}

static bool key_then(struct modelling *g)
{
	return model_target(&g->p, &g->state->then);
}

static bool key_then_boot(struct modelling *g)
{
	const char *device = g->p.entry->key + strlen("then ");

	return model_target(&g->p,
			    &g->state->then_boot[driver_boot_from_name(device)]);
}

static bool key_timeout(struct modelling *g)
{
	if (!parse_duration(&g->p, "timeout", &g->state->timeout_ms))
		return false;
	parse_skip(&g->p, true);
	if (g->state->timeout_ms < 1 || !parse_take(&g->p, "->"))
		return parse_fail(&g->p, "expected \"TIME -> STATE\"");
	return model_target(&g->p, &g->state->timeout);
}

static bool model_flag(struct modelling *g, const char *yes, const char *no,
		       bool *ret)
{
	if (parse_take_word(&g->p, yes))
		*ret = true;
	else if (parse_take_word(&g->p, no))
		*ret = false;
	else
		return parse_fail(&g->p, "expected %s or %s", yes, no);
	return true;
}

static bool key_power(struct modelling *g)
{
	return model_flag(g, "on", "off", &g->state->power);
}

static bool key_healthy(struct modelling *g)
{
	return model_flag(g, "yes", "no", &g->state->healthy);
}

static bool key_echo(struct modelling *g)
{
	if (parse_take_word(&g->p, "raw")) {
		g->state->echo = g->state->raw = true;
		return true;
	}
	return model_flag(g, "yes", "no", &g->state->echo);
}

static bool key_secret(struct modelling *g)
{
	return model_flag(g, "yes", "no", &g->state->secret);
}

static bool key_ssh(struct modelling *g)
{
	return model_flag(g, "yes", "no", &g->state->ssh);
}

static bool key_boots(struct modelling *g)
{
	return model_flag(g, "yes", "no", &g->state->boots);
}

static bool key_answers(struct modelling *g)
{
	return parse_duration(&g->p, "answers", &g->state->answers_ms);
}

static bool key_open(struct modelling *g)
{
	struct twin_state *st = g->state;
	char word[32], *end;
	long port;

	while (!parse_at_end(&g->p)) {
		if (st->port_count == TWIN_PORTS)
			return parse_fail(&g->p, "at most %d ports", TWIN_PORTS);
		if (!parse_word(&g->p, ",", word, sizeof(word)))
			return parse_fail(&g->p, "expected numbers of ports");
		parse_take(&g->p, ",");
		port = strtol(word, &end, 10);
		if (*end != '\0' || port < 1 || port > 65535)
			return parse_fail(&g->p, "a port is a number from 1 to "
					  "65535");
		st->ports[st->port_count++] = (int)port;
	}
	return true;
}

static bool key_answer(struct modelling *g)
{
	struct buffer b = { 0 };
	bool ok = parse_string(&g->p, &b);

	g->port->answer_len = b.len;
	g->port->answer = buffer_take(&b);
	return ok;
}

/* ---- keys of [twin] --------------------------------------------------------------------- */

static bool key_summary(struct modelling *g)
{
	char *newline;

	free(g->model->summary);
	g->model->summary = memory_copy(g->p.at);
	while ((newline = strchr(g->model->summary, '\n')) != NULL)
		*newline = ' ';
	g->p.at += strlen(g->p.at);
	return true;
}

static bool key_speed(struct modelling *g)
{
	return parse_number(&g->p, "speed", 50, 10000000, &g->model->speed);
}

static bool key_controller(struct modelling *g)
{
	return parse_duration(&g->p, "controller", &g->model->controller_ms);
}

static bool key_evidence(struct modelling *g)
{
	return parse_duration(&g->p, "evidence", &g->model->evidence_ms);
}

static bool key_start(struct modelling *g)
{
	return model_target(&g->p, &g->start);
}

static bool key_power_on(struct modelling *g)
{
	return model_target(&g->p, &g->on);
}

static bool key_power_off(struct modelling *g)
{
	return model_target(&g->p, &g->off);
}

const struct model_key model_twin_keys[] = {
	{ "summary", false, key_summary }, { "start", false, key_start },
	{ "on", false, key_power_on },	   { "off", false, key_power_off },
	{ "speed", false, key_speed },	   { "controller", false, key_controller },
	{ "evidence", false, key_evidence },	   { NULL, false, NULL },
};

const struct model_key model_always_keys[] = {
	{ "on", true, key_on },		    { "on shell", true, key_on_shell },
	{ "on power", true, key_on_power }, { "on break", true, key_on_break },
	{ "on sysrq", true, key_on_sysrq }, { NULL, false, NULL },
};

const struct model_key model_state_keys[] = {
	{ "do", false, key_do },	    { "then", false, key_then },
	{ "then disk", false, key_then_boot },
	{ "then pxe", false, key_then_boot },
	{ "then cdrom", false, key_then_boot },
	{ "then setup", false, key_then_boot },
	{ "timeout", false, key_timeout },  { "power", false, key_power },
	{ "healthy", false, key_healthy },  { "echo", false, key_echo },
	{ "secret", false, key_secret },    { "answers", false, key_answers },
	{ "ssh", false, key_ssh },	    { "boots", false, key_boots },
	{ "open", false, key_open },	    { "on", true, key_on },
	{ "on shell", true, key_on_shell }, { "on power", true, key_on_power },
	{ "on break", true, key_on_break }, { "on sysrq", true, key_on_sysrq },
	{ NULL, false, NULL },
};

const struct model_key model_port_keys[] = {
	{ "answer", false, key_answer },
	{ NULL, false, NULL },
};
