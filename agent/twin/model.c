/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Twins from INI data. The words are those of sequences, read by the same small
 * parts (agent/sequence/parse.h), from the other side of the line. Here are the
 * sections and the names; the keys in them are in model-keys.c, the actions in
 * model-actions.c. Doors: twin_model_parse and twin_model_free. Always true: a model
 * that is given back is whole, each choice has the index of a state.
 */
#include "agent/twin/model.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/twin/model-private.h"
#include "base/memory.h"
#include "base/option.h"

#define MODEL_SPEED 115200

/* ---- release ------------------------------------------------------------------ */

static void rules_release(struct twin_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		match_free(rules->list[i].pattern);
		free(rules->list[i].source);
		model_acts_release(&rules->list[i].acts);
		model_target_release(&rules->list[i].target);
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
		model_acts_release(&model->states[i].act);
		model_target_release(&model->states[i].then);
		for (k = 0; k < TWIN_BOOTS; k++)
			model_target_release(&model->states[i].then_boot[k]);
		model_target_release(&model->states[i].timeout);
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
		return model_state_keys;
	}
	if (section_rest(section, "port") != NULL) {
		model_port(g, section, section_rest(section, "port"));
		return model_port_keys;
	}
	if (strcmp(section->name, "always") == 0)
		return model_always_keys;
	if (strcmp(section->name, "twin") == 0 && g->model->line == 0) {
		g->model->line = section->line;
		return model_twin_keys;
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
	model_target_release(t);
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
