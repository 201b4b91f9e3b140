/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twins from INI data. The words are those of sequences, read by the same small
 * parts (agent/sequence/parse.h), from the other side of the line. Doors:
 * twin_model_parse and twin_model_free. Always true: a model that is given back
 * is whole, each choice has the index of a state.
 */
#include "agent/twin/model.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/parse.h"
#include "agent/twin/play.h"
#include "base/memory.h"
#include "base/option.h"

#define MODEL_SPEED 115200

struct modelling {
	struct parse p;
	struct twin_model *model;
	struct twin_state *state;	/* NULL: [twin] or [always] */
	struct twin_port *port;
	struct twin_target start, on, off;
};

/* ---- release ------------------------------------------------------------------ */

static void acts_release(struct twin_acts *a)
{
	size_t i;

	for (i = 0; i < a->count; i++) {
		free(a->list[i].text);
		twin_pieces_free(a->list[i].pieces, a->list[i].piece_count);
	}
	free(a->list);
}

static void target_release(struct twin_target *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->list[i].name);
	free(t->list);
}

static void rules_release(struct twin_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		match_free(rules->list[i].pattern);
		free(rules->list[i].source);
		acts_release(&rules->list[i].acts);
		target_release(&rules->list[i].target);
	}
	free(rules->list);
}

void twin_model_free(struct twin_model *model)
{
	size_t i, k;

	if (model == NULL)
		return;
	for (i = 0; i < model->state_count; i++) {
		free(model->states[i].name);
		acts_release(&model->states[i].act);
		target_release(&model->states[i].then);
		for (k = 0; k < TWIN_BOOTS; k++)
			target_release(&model->states[i].then_boot[k]);
		target_release(&model->states[i].timeout);
		rules_release(&model->states[i].rules);
	}
	for (i = 0; i < model->port_count; i++)
		free(model->ports[i].answer);
	free(model->ports);
	free(model->states);
	rules_release(&model->always);
	free(model->name);
	free(model->file);
	free(model->summary);
	free(model);
}

/* ---- actions -------------------------------------------------------------------- */

static bool act_text(struct parse *p, struct twin_act *a)
{
	struct buffer b = { 0 };
	bool ok = parse_string(p, &b);

	a->len = b.len;
	a->text = buffer_take(&b);
	return ok;
}

/* "wait 1s", "wait 1s to 5s". */
static bool act_wait(struct parse *p, struct twin_act *a)
{
	if (!parse_duration(p, "wait", &a->ms))
		return false;
	a->ms_to = a->ms;
	if (parse_take_word(p, "to") && !parse_duration(p, "wait", &a->ms_to))
		return false;
	if (a->ms_to < a->ms)
		return parse_fail(p, "the second time is longer than the first");
	return true;
}

/* play "boot.cast", play boot.cast */
static bool act_play(struct parse *p, struct twin_act *a)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer name = { 0 };
	char word[256] = "";
	bool ok = true;

	parse_skip(p, true);
	if (*p->at == '"')
		ok = parse_string(p, &name);
	else if (parse_word(p, ",", word, sizeof(word)))
		buffer_append_text(&name, word);
	if (ok && name.len == 0)
		ok = parse_fail(p, "expected the file of a recording: play "
				"boot.cast");
	if (ok && twin_play_read(p->ini->file, buffer_text(&name), &a->pieces,
				 &a->piece_count, &err) < 0)
		ok = parse_fail(p, "play: %s", err.text);
	buffer_release(&name);
	return ok;
}

static bool act_exit(struct parse *p, struct twin_act *a)
{
	return parse_number(p, "exit", 0, 255, &a->number);
}

static bool act_plain(struct parse *p, struct twin_act *a)
{
	(void)p;
	(void)a;
	return true;
}

static const struct {
	const char *word;
	enum twin_do what;
	bool shell;		/* only behind `on shell` */
	bool (*read)(struct parse *p, struct twin_act *a);
} act_words[] = {
	{ "print", TWIN_PRINT, false, act_text },
	{ "play", TWIN_PLAY, false, act_play },
	{ "wait", TWIN_WAIT, false, act_wait },
	{ "lose", TWIN_LOSE, false, act_plain },
	{ "back", TWIN_BACK, false, act_plain },
	{ "say", TWIN_SAY, true, act_text },
	{ "complain", TWIN_COMPLAIN, true, act_text },
	{ "exit", TWIN_EXIT, true, act_exit },
	{ "hang", TWIN_HANG, true, act_plain },
	{ "drop", TWIN_DROP, true, act_plain },
};

#define ACT_WORDS (sizeof(act_words) / sizeof(act_words[0]))

static bool act_unknown(struct parse *p)
{
	const char *words[ACT_WORDS + 1];
	const char *nearest, *begin = p->at;
	char word[64] = "";
	size_t i;

	for (i = 0; i < ACT_WORDS; i++)
		words[i] = act_words[i].word;
	words[i] = NULL;
	if (!parse_word(p, ",:", word, sizeof(word)))
		return parse_fail(p, "expected an action such as print \"text\" "
				  "or wait 2s");
	p->at = begin;
	nearest = option_nearest(word, words);
	if (nearest != NULL)
		return parse_fail(p, "unknown action \"%.40s\"; did you mean "
				  "\"%s\"?", word, nearest);
	return parse_fail(p, "unknown action \"%.40s\"; expected print, play, "
			  "wait, lose, back, or behind `on shell` say, complain, exit, "
			  "hang or drop", word);
}

static bool model_act(struct parse *p, struct twin_act *a, bool shell)
{
	size_t i;

	parse_skip(p, true);
	a->line = parse_line(p);
	for (i = 0; i < ACT_WORDS; i++) {
		if (!parse_take_word(p, act_words[i].word))
			continue;
		if (act_words[i].shell && !shell)
			return parse_fail(p, "%s is an answer to a command: it "
					  "stands behind `on shell`",
					  act_words[i].word);
		a->what = act_words[i].what;
		return act_words[i].read(p, a);
	}
	return act_unknown(p);
}

static bool model_acts(struct parse *p, struct twin_acts *ret, bool shell)
{
	do {
		ret->list = memory_grow(ret->list, ret->count + 1,
					sizeof(*ret->list));
		memset(&ret->list[ret->count], 0, sizeof(*ret->list));
		if (!model_act(p, &ret->list[ret->count++], shell))
			return false;
		parse_skip(p, true);
	} while (parse_take(p, ",") ||
		 (*p->at != '\0' && strncmp(p->at, "->", 2) != 0));
	return true;
}

/* "up", "up*3 or panic or silent". */
static bool model_target(struct parse *p, struct twin_target *ret)
{
	struct twin_choice *c;
	char word[64], *star;

	do {
		parse_skip(p, true);
		ret->list = memory_grow(ret->list, ret->count + 1,
					sizeof(*ret->list));
		c = &ret->list[ret->count];
		*c = (struct twin_choice){ .weight = 1, .line = parse_line(p),
					  .column = parse_column(p) };
		if (!parse_word(p, ",", word, sizeof(word)))
			return parse_fail(p, "expected the name of a state");
		star = strchr(word, '*');
		if (star != NULL) {
			*star = '\0';
			c->weight = atoi(star + 1);
			if (c->weight < 1 || c->weight > 1000)
				return parse_fail(p, "a weight is from 1 to "
						  "1000: up*3 or panic");
		}
		c->name = memory_copy(word);
		ret->weight += c->weight;
		ret->count++;
		parse_skip(p, true);
	} while (parse_take_word(p, "or"));
	return true;
}

/* ---- rules ------------------------------------------------------------------------ */

/* "[max N] [: actions] [-> target]" */
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
	return true;
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

static bool key_on_break(struct modelling *g)
{
	return model_rule_rest(&g->p, model_rule(g, TWIN_ON_BREAK));
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

struct model_key {
	const char *key;
	bool many;
	bool (*read)(struct modelling *g);
};

static const struct model_key twin_keys[] = {
	{ "summary", false, key_summary }, { "start", false, key_start },
	{ "on", false, key_power_on },	   { "off", false, key_power_off },
	{ "speed", false, key_speed },	   { "controller", false, key_controller },
	{ "evidence", false, key_evidence },	   { NULL, false, NULL },
};

static const struct model_key always_keys[] = {
	{ "on", true, key_on },		    { "on shell", true, key_on_shell },
	{ "on power", true, key_on_power }, { "on break", true, key_on_break },
	{ "on sysrq", true, key_on_sysrq }, { NULL, false, NULL },
};

static const struct model_key state_keys[] = {
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

static const struct model_key port_keys[] = {
	{ "answer", false, key_answer },
	{ NULL, false, NULL },
};

/* ---- sections --------------------------------------------------------------------------- */

static void model_unknown_key(struct modelling *g, const struct ini_entry *e,
			      const struct model_key *keys)
{
	const char *names[32], *nearest;
	int i;

	for (i = 0; keys[i].key != NULL; i++)
		names[i] = keys[i].key;
	names[i] = NULL;
	nearest = option_nearest(e->key, names);
	if (nearest != NULL)
		problems_add_at(g->p.problems, g->p.ini->file, e->line,
				ini_line_column(g->p.ini, e->line),
			     "unknown key \"%.40s\"; did you mean \"%s\"?",
			     e->key, nearest);
	else
		problems_add_at(g->p.problems, g->p.ini->file, e->line,
				ini_line_column(g->p.ini, e->line),
			     "unknown key \"%.40s\" in this section; see "
			     "rhands-twins(5)", e->key);
}

static void model_entry(struct modelling *g, const struct ini_section *section,
			size_t index, const struct model_key *all)
{
	const struct ini_entry *e = &section->entries[index];
	const struct model_key *keys = all;
	size_t i;

	for (; keys->key != NULL && strcmp(keys->key, e->key) != 0; keys++)
		;
	if (keys->key == NULL) {
		model_unknown_key(g, e, all);
		return;
	}
	for (i = 0; i < index && !keys->many; i++) {
		if (strcmp(section->entries[i].key, e->key) != 0)
			continue;
		problems_add(g->p.problems, g->p.ini->file, e->line,
			     "\"%s\" stands twice; the first is in line %d",
			     e->key, section->entries[i].line);
		return;
	}
	g->p.entry = e;
	g->p.at = e->value;
	g->p.failed = false;
	if (keys->read(g) && !parse_at_end(&g->p))
		parse_fail(&g->p, "nothing more was expected at \"%.20s\"",
			   g->p.at);
}

static const char *section_rest(const struct ini_section *section,
				const char *word)
{
	size_t len = strlen(word);

	if (strncmp(section->name, word, len) != 0 ||
	    !isblank((unsigned char)section->name[len]))
		return NULL;
	return section->name + len + strspn(section->name + len, " \t");
}

static int model_find(const struct twin_model *model, const char *name)
{
	size_t i;

	for (i = 0; i < model->state_count; i++) {
		if (strcmp(model->states[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* First pass: all states, so that pointers to them stay valid. */
static void model_states(struct modelling *g)
{
	const struct ini *ini = g->p.ini;
	struct twin_model *model = g->model;
	const char *name;
	size_t i;

	model->states = memory_new(ini->count + 1, sizeof(*model->states));
	model->ports = memory_new(ini->count + 1, sizeof(*model->ports));
	for (i = 0; i < ini->count; i++) {
		name = section_rest(&ini->sections[i], "state");
		if (name == NULL)
			continue;
		if (model_find(model, name) >= 0 || !option_is_name(name))
			problems_add(g->p.problems, ini->file,
				     ini->sections[i].line,
				     "state \"%s\" %s", name,
				     option_is_name(name)
					     ? "stands twice"
					     : "can't be the name of a state");
		model->states[model->state_count++] = (struct twin_state){
			.name = memory_copy(name),
			.line = ini->sections[i].line, .power = true };
	}
}

/* "${ldap_port}": its value; everything else is as it is. */
static char *model_expand(struct modelling *g, const char *name)
{
	const struct sequence_vars *vars = g->p.vars;
	size_t len = strlen(name);
	const char *value = "1";
	char *key;

	if (len < 4 || strncmp(name, "${", 2) != 0 || name[len - 1] != '}')
		return memory_copy(name);
	key = memory_copy_len(name + 2, len - 3);
	if (vars != NULL)
		value = vars->get(vars->context, key);
	free(key);
	return memory_copy(value != NULL ? value : name);
}

static void model_port(struct modelling *g, const struct ini_section *section,
		       const char *name)
{
	char *text = model_expand(g, name), *end;
	long number = strtol(text, &end, 10);

	g->port = &g->model->ports[g->model->port_count++];
	g->port->number = (int)number;
	g->port->line = section->line;
	if (*end != '\0' || number < 1 || number > 65535)
		problems_add(g->p.problems, g->p.ini->file, section->line,
			     "[port N] needs a number from 1 to 65535");
	free(text);
}

static const struct model_key *model_section(struct modelling *g,
					     const struct ini_section *section,
					     size_t *state)
{
	g->state = NULL;
	if (section_rest(section, "state") != NULL) {
		g->state = &g->model->states[(*state)++];
		return state_keys;
	}
	if (section_rest(section, "port") != NULL) {
		model_port(g, section, section_rest(section, "port"));
		return port_keys;
	}
	if (strcmp(section->name, "always") == 0)
		return always_keys;
	if (strcmp(section->name, "twin") == 0 && g->model->line == 0) {
		g->model->line = section->line;
		return twin_keys;
	}
	if (strcmp(section->name, "vars") == 0)
		return NULL;	/* twin-vars.c */
	problems_add(g->p.problems, g->p.ini->file, section->line,
		     g->model->line != 0 && strcmp(section->name, "twin") == 0
			     ? "[%s] stands twice"
			     : "unknown section [%s]; expected [twin], [vars], "
			       "[always], [state NAME] or [port NUMBER]", section->name);
	return NULL;
}

/* ---- names to indices --------------------------------------------------------------------- */

static void resolve_choice(struct modelling *g, struct twin_choice *c)
{
	const char **names, *nearest;
	size_t i;

	c->state = model_find(g->model, c->name);
	if (c->state >= 0)
		return;
	names = memory_new(g->model->state_count + 1, sizeof(*names));
	for (i = 0; i < g->model->state_count; i++)
		names[i] = g->model->states[i].name;
	nearest = option_nearest(c->name, names);
	free(names);
	if (nearest != NULL)
		problems_add_at(g->p.problems, g->p.ini->file, c->line, c->column,
			     "there is no state \"%s\"; did you mean \"%s\"?",
			     c->name, nearest);
	else
		problems_add_at(g->p.problems, g->p.ini->file, c->line, c->column,
			     "there is no state \"%s\"; expected a [state %s]",
			     c->name, c->name);
}

static void resolve_target(struct modelling *g, struct twin_target *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		resolve_choice(g, &t->list[i]);
}

static void resolve_rules(struct modelling *g, struct twin_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		resolve_target(g, &rules->list[i].target);
}

/* A state that [twin] names: there is one, and it is one. */
static void resolve_named(struct modelling *g, const char *key,
			  struct twin_target *t, int *ret)
{
	if (t->count != 1)
		problems_add(g->p.problems, g->p.ini->file, g->model->line,
			     t->count == 0 ? "[twin] needs \"%s = STATE\""
					   : "%s: one state, not a choice", key);
	resolve_target(g, t);
	*ret = t->count > 0 ? t->list[0].state : 0;
	target_release(t);
}

static void model_resolve(struct modelling *g)
{
	struct twin_state *st;
	size_t i, k;

	if (g->model->line == 0)
		problems_add(g->p.problems, g->p.ini->file, 0,
			     "a twin needs a section [twin]");
	resolve_named(g, "start", &g->start, &g->model->start);
	resolve_named(g, "on", &g->on, &g->model->on);
	resolve_named(g, "off", &g->off, &g->model->off);
	resolve_rules(g, &g->model->always);
	for (i = 0; i < g->model->state_count; i++) {
		st = &g->model->states[i];
		resolve_rules(g, &st->rules);
		resolve_target(g, &st->then);
		for (k = 0; k < TWIN_BOOTS; k++)
			resolve_target(g, &st->then_boot[k]);
		resolve_target(g, &st->timeout);
	}
}

struct twin_model *twin_model_parse(const struct ini *ini, const char *name,
				    const struct sequence_vars *vars,
				    struct problems *problems)
{
	size_t before = problems_in_file(problems, ini->file), i, k, state = 0;
	struct modelling g = { .p = { .ini = ini, .vars = vars,
				      .problems = problems } };
	const struct model_key *keys;

	g.model = memory_new(1, sizeof(*g.model));
	g.model->name = memory_copy(name);
	g.model->file = memory_copy(ini->file);
	g.model->summary = memory_copy("");
	g.model->speed = MODEL_SPEED;
	model_states(&g);
	for (i = 0; i < ini->count; i++) {
		keys = model_section(&g, &ini->sections[i], &state);
		for (k = 0; keys != NULL && k < ini->sections[i].count; k++)
			model_entry(&g, &ini->sections[i], k, keys);
	}
	model_resolve(&g);
	if (problems_in_file(problems, ini->file) == before && before == 0)
		return g.model;
	twin_model_free(g.model);
	return NULL;
}

const struct twin_port *twin_model_port(const struct twin_model *model,
					int number)
{
	size_t i;

	for (i = 0; i < model->port_count; i++) {
		if (model->ports[i].number == number)
			return &model->ports[i];
	}
	return NULL;
}
