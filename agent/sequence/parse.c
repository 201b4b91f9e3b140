/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * INI data to a sequence. The one door is sequence_parse: it walks the
 * sections and reads each value with a table of keys; parse-names.c resolves the
 * names of states at the end, and parse-run.c puts in what the states run. Each
 * problem is added once; a file with problems gives no sequence.
 */
#include "agent/sequence/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/option.h"

#define PARSE_DEADLINE_MS (30 * 60 * 1000)
#define PARSE_KEY_DELAY_MS 5000

/* A duration that is one. */
static bool take_time(struct parsing *g, int64_t *ret_ms)
{
	if (!parse_duration(&g->p, g->p.entry->key, ret_ms))
		return false;
	if (*ret_ms < 1)
		return parse_fail(&g->p, "a time is longer than nothing");
	return true;
}

/* What a rule does goes through undisturbed, and another sequence does not. */
static void take_no_run(struct parsing *g, const struct actions *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (list->list[i].type == ACTION_RUN)
			problems_add_at(g->p.problems, g->p.file,
					list->list[i].line,
					list->list[i].column,
					"run stands in the \"do\" of a state, "
					"not in a rule: let the rule go to a "
					"state that runs it");
	}
}

/* Behind what a rule waits for: [max N] [: actions] [-> target]. */
static bool take_rule_rest(struct parsing *g, struct rule *r)
{
	parse_skip(&g->p, true);
	if (parse_take_word(&g->p, "max") &&
	    !parse_number(&g->p, "max", 1, 1000, &r->max))
		return false;
	parse_skip(&g->p, true);
	if (parse_take(&g->p, ":") && !parse_actions(&g->p, &r->actions))
		return false;
	take_no_run(g, &r->actions);
	parse_skip(&g->p, true);
	if (parse_take(&g->p, "->"))
		return parse_target(&g->p, &r->target);
	if (r->actions.count == 0)
		return parse_fail(&g->p, "a rule needs actions behind a colon, a "
				  "target behind ->, or both%s%.20s%s",
				  *g->p.at != '\0' ? "; found \"" : "", g->p.at,
				  *g->p.at != '\0' ? "\"" : "");
	return true;
}

static bool take_rule(struct parsing *g, struct rules *rules,
		      enum rule_kind kind)
{
	struct rule *r;

	rules->list = memory_grow(rules->list, rules->count + 1,
				  sizeof(*rules->list));
	r = &rules->list[rules->count++];
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->file = g->p.file;
	r->line = g->p.entry->line;
	r->column = parse_column(&g->p);
	if (kind == RULE_TEXT || kind == RULE_SCREEN) {
		if (!parse_pattern(&g->p, &r->pattern, &r->source))
			return false;
	} else {
		if (!take_time(g, &r->ms))
			return false;
	}
	return take_rule_rest(g, r);
}

static struct rules *parsing_rules(struct parsing *g)
{
	return g->state != NULL ? &g->state->rules : &g->s->always;
}

static bool key_on(struct parsing *g)
{
	return take_rule(g, parsing_rules(g), RULE_TEXT);
}

static bool key_on_screen(struct parsing *g)
{
	return take_rule(g, parsing_rules(g), RULE_SCREEN);
}

static bool key_on_idle(struct parsing *g)
{
	return take_rule(g, parsing_rules(g), RULE_IDLE);
}

static bool key_on_lost(struct parsing *g)
{
	return take_rule(g, parsing_rules(g), RULE_LOST);
}

static bool key_do(struct parsing *g)
{
	return parse_actions(&g->p, &g->state->act);
}

static bool key_then(struct parsing *g)
{
	return parse_target(&g->p, &g->state->then);
}

static bool key_else(struct parsing *g)
{
	return parse_target(&g->p, &g->state->otherwise);
}

static bool take_arrow(struct parsing *g, struct target *ret)
{
	parse_skip(&g->p, true);
	if (!parse_take(&g->p, "->"))
		return parse_fail(&g->p, "expected \"-> TARGET\" %s\"%.20s\"",
				  *g->p.at != '\0' ? "at " : "behind ",
				  *g->p.at != '\0' ? g->p.at : g->p.entry->value);
	return parse_target(&g->p, ret);
}

static bool key_timeout(struct parsing *g)
{
	if (!parse_duration(&g->p, "timeout", &g->state->timeout_ms))
		return false;
	if (g->state->timeout_ms < 1)
		return parse_fail(&g->p, "a timeout is longer than nothing");
	return take_arrow(g, &g->state->timeout);
}

static bool key_visits(struct parsing *g)
{
	if (!parse_number(&g->p, "visits", 1, 1000, &g->state->visits))
		return false;
	return take_arrow(g, &g->state->visited);
}

static bool key_key_delay(struct parsing *g)
{
	if (!take_time(g, &g->state->key_delay_ms))
		return false;
	if (g->state->key_delay_ms > PARSE_KEY_DELAY_MS)
		return parse_fail(&g->p, "the pause between two keys is 5s at "
				  "most");
	return true;
}

static bool key_summary(struct parsing *g)
{
	char *newline;

	free(g->s->summary);
	g->s->summary = memory_copy(g->p.at);
	while ((newline = strchr(g->s->summary, '\n')) != NULL)
		*newline = ' ';
	g->p.at += strlen(g->p.at);
	return true;
}

static bool key_needs(struct parsing *g)
{
	static const char *const known[] = { "power", "console", "shell", NULL };
	char word[32];

	g->s->needs_line = g->p.entry->line;
	while (!parse_at_end(&g->p)) {
		if (!parse_word(&g->p, ",", word, sizeof(word)))
			return parse_fail(&g->p, "expected power, console or "
					  "shell");
		if (strcmp(word, "power") == 0)
			g->s->needs |= SEQUENCE_NEEDS_POWER;
		else if (strcmp(word, "console") == 0)
			g->s->needs |= SEQUENCE_NEEDS_CONSOLE;
		else if (strcmp(word, "shell") == 0)
			g->s->needs |= SEQUENCE_NEEDS_SHELL;
		else
			return parse_fail_word(&g->p, word, known, "unknown "
					       "capability; expected power, "
					       "console or shell");
		parse_take(&g->p, ",");
	}
	return true;
}

static bool key_deadline(struct parsing *g)
{
	g->s->deadline_line = g->p.entry->line;
	g->s->deadline_column = parse_column(&g->p);
	return take_time(g, &g->s->deadline_ms);
}

static bool key_evidence(struct parsing *g)
{
	if (parse_take_word(&g->p, "none"))
		g->s->evidence = false;
	else if (!parse_take_word(&g->p, "yes"))
		return parse_fail(&g->p, "expected yes or none");
	return true;
}

static bool key_healthy(struct parsing *g)
{
	size_t i;

	if (!parse_actions(&g->p, &g->s->healthy))
		return false;
	for (i = 0; i < g->s->healthy.count; i++) {
		if (!action_is_check(&g->s->healthy.list[i]))
			problems_add_at(g->p.problems, g->p.ini->file,
				     g->s->healthy.list[i].line,
				     g->s->healthy.list[i].column,
				     "healthy: only checks can stand here; "
				     "nothing is touched by them");
	}
	return true;
}

static bool key_start(struct parsing *g)
{
	char word[64];

	if (!parse_word(&g->p, ",", word, sizeof(word)))
		return parse_fail(&g->p, "expected the name of a state");
	free(g->start);
	g->start = memory_copy(word);
	g->start_line = g->p.entry->line;
	g->start_column = ini_entry_column(g->p.ini, g->p.entry,
					   (size_t)(g->p.word -
						    g->p.entry->value));
	return true;
}

static bool key_twin(struct parsing *g)
{
	char word[64];

	if (!parse_word(&g->p, ",", word, sizeof(word)) ||
	    !option_is_name(word))
		return parse_fail(&g->p, "expected the name of a twin, a file "
				  "of twins.d");
	free(g->s->twin);
	g->s->twin = memory_copy(word);
	return true;
}

struct parse_key {
	const char *key;
	bool many;	/* may stand more than once */
	bool (*read)(struct parsing *g);
};

static const struct parse_key sequence_keys[] = {
	{ "summary", false, key_summary },   { "needs", false, key_needs },
	{ "deadline", false, key_deadline }, { "healthy", false, key_healthy },
	{ "start", false, key_start },	     { "evidence", false, key_evidence },
	{ "twin", false, key_twin },
	{ NULL, false, NULL },
};

static const struct parse_key always_keys[] = {
	{ "on", true, key_on },
	{ "on screen", true, key_on_screen },
	{ "on idle", true, key_on_idle },
	{ "on lost", true, key_on_lost },
	{ NULL, false, NULL },
};

static const struct parse_key state_keys[] = {
	{ "do", false, key_do },	   { "then", false, key_then },
	{ "else", false, key_else },	   { "on", true, key_on },
	{ "on screen", true, key_on_screen },
	{ "on idle", true, key_on_idle },  { "on lost", true, key_on_lost },
	{ "timeout", false, key_timeout }, { "visits", false, key_visits },
	{ "key-delay", false, key_key_delay },
	{ NULL, false, NULL },
};

static bool parsing_has_key(const struct parse_key *keys, const char *key)
{
	for (; keys->key != NULL; keys++) {
		if (strcmp(keys->key, key) == 0)
			return true;
	}
	return false;
}

/* Where a key stands that does not stand here, or NULL. */
static const char *parsing_section_of(const char *key)
{
	if (parsing_has_key(sequence_keys, key))
		return "[sequence]";
	if (parsing_has_key(always_keys, key))
		return "[always] or [state NAME]";
	return parsing_has_key(state_keys, key) ? "[state NAME]" : NULL;
}

static void parsing_unknown_key(struct parsing *g, const char *key, int line,
				const struct parse_key *keys)
{
	const char *names[16], *nearest, *other;
	int column = ini_line_column(g->p.ini, line), i;

	for (i = 0; keys[i].key != NULL; i++)
		names[i] = keys[i].key;
	names[i] = NULL;
	nearest = option_nearest(key, names);
	if (nearest != NULL)
		problems_add_at(g->p.problems, g->p.ini->file, line, column,
			     "unknown key \"%.40s\"; did you mean \"%s\"?",
			     key, nearest);
	else if ((other = parsing_section_of(key)) != NULL)
		problems_add_at(g->p.problems, g->p.ini->file, line, column,
				"the key \"%.40s\" belongs into %s", key, other);
	else
		problems_add_at(g->p.problems, g->p.ini->file, line, column,
			     "unknown key \"%.40s\" in this section; see "
			     "rhands-sequences(5)", key);
}

static void parsing_entry(struct parsing *g, const struct parse_key *key,
			  const struct ini_entry *entry)
{
	g->p.entry = entry;
	g->p.at = entry->value;
	g->p.word = NULL;
	g->p.failed = false;
	if (key->read(g) && !parse_at_end(&g->p))
		parse_fail_behind(&g->p, "nothing more was expected");
}

static void parsing_section(struct parsing *g, const struct ini_section *section,
			    const struct parse_key *keys)
{
	const struct ini_entry *e;
	size_t i, j;
	int k;

	for (i = 0; i < section->count; i++) {
		e = &section->entries[i];
		for (k = 0; keys[k].key != NULL; k++) {
			if (strcmp(keys[k].key, e->key) == 0)
				break;
		}
		for (j = 0; j < i && !keys[k].many; j++) {
			if (strcmp(section->entries[j].key, e->key) == 0)
				break;
		}
		if (keys[k].key == NULL)
			parsing_unknown_key(g, e->key, e->line, keys);
		else if (j < i && !keys[k].many)
			problems_add_at(g->p.problems, g->p.ini->file, e->line,
					ini_line_column(g->p.ini, e->line),
					"\"%s\" stands twice; the first is in "
					"line %d", e->key,
					section->entries[j].line);
		else
			parsing_entry(g, &keys[k], e);
	}
}

static const char *section_state_name(const struct ini_section *section)
{
	const char *name = section->name;

	if (strncmp(name, "state", 5) != 0 || !isblank((unsigned char)name[5]))
		return NULL;
	return name + 5 + strspn(name + 5, " \t");
}

/* First pass: all states, so that pointers to them stay valid after. */
static void parsing_states(struct parsing *g)
{
	const struct ini *ini = g->p.ini;
	struct state *state;
	const char *name;
	size_t i;
	int known;

	g->s->states = memory_new(ini->count + 1, sizeof(*g->s->states));
	for (i = 0; i < ini->count; i++) {
		name = section_state_name(&ini->sections[i]);
		if (name == NULL)
			continue;
		known = parsing_find_state(g->s, name);
		if (known >= 0)
			problems_add(g->p.problems, ini->file,
				     ini->sections[i].line,
				     "state \"%s\" stands twice; the first is in "
				     "line %d", name, g->s->states[known].line);
		if (!option_is_name(name) ||
		    strcmp(name, TARGET_RETURN_NAME) == 0 ||
		    verdict_from_name(name) != VERDICT_NONE)
			problems_add(g->p.problems, ini->file,
				     ini->sections[i].line,
				     "\"%s\" can't be the name of a state, which "
				     "is one word of letters, digits and . _ : - "
				     "that is no verdict", name);
		state = &g->s->states[g->s->state_count++];
		state->name = memory_copy(name);
		state->own = memory_copy(name);
		state->file = g->p.file;
		state->line = ini->sections[i].line;
	}
}

/* "[stat post]" and "[post]" are nearly right. */
static void parsing_unknown_section(struct parsing *g,
				    const struct ini_section *section)
{
	static const char *const words[] = { "sequence", "always", "state", NULL };
	char *word = memory_copy_len(section->name,
				     strcspn(section->name, " \t"));
	const char *nearest = option_nearest(word, words);
	const char *rest = section->name + strlen(word);
	int column = ini_line_column(g->p.ini, section->line);
	bool is_state = nearest != NULL && strcmp(nearest, "state") == 0;

	if (nearest != NULL && (is_state ? rest[0] != '\0' : rest[0] == '\0'))
		problems_add_at(g->p.problems, g->p.ini->file, section->line,
				column, "unknown section [%s]; did you mean "
				"[%s%s]?", section->name, nearest, rest);
	else if (is_state)
		problems_add_at(g->p.problems, g->p.ini->file, section->line,
				column, "a state has a name: [state NAME]");
	else if (rest[0] == '\0' && option_is_name(word))
		problems_add_at(g->p.problems, g->p.ini->file, section->line,
				column, "unknown section [%s]; a state is "
				"written [state %s]", word, word);
	else
		problems_add_at(g->p.problems, g->p.ini->file, section->line,
				column, "unknown section [%s]; expected "
				"[sequence], [always] or [state NAME]",
				section->name);
	free(word);
}

static void parsing_sections(struct parsing *g)
{
	const struct ini *ini = g->p.ini;
	const struct ini_section *section;
	size_t i, state = 0;

	for (i = 0; i < ini->count; i++) {
		section = &ini->sections[i];
		g->state = NULL;
		if (section_state_name(section) != NULL) {
			g->state = &g->s->states[state++];
			parsing_section(g, section, state_keys);
		} else if (strcmp(section->name, "sequence") == 0) {
			if (g->s->line != 0)
				problems_add(g->p.problems, ini->file,
					     section->line,
					     "[sequence] stands twice");
			g->s->line = section->line;
			parsing_section(g, section, sequence_keys);
		} else if (strcmp(section->name, "always") == 0) {
			parsing_section(g, section, always_keys);
		} else {
			parsing_unknown_section(g, section);
		}
	}
}

void parsing_state_again(struct parsing *g, const struct state *of,
			 struct state *ret)
{
	const struct ini *ini = g->p.ini;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	ret->own = memory_copy(of->own);
	ret->file = of->file;
	ret->line = of->line;
	ret->start = of->start;
	g->state = ret;
	for (i = 0; i < ini->count; i++) {
		if (ini->sections[i].line == of->line)
			parsing_section(g, &ini->sections[i], state_keys);
	}
	g->state = NULL;
	parsing_resolve_state(g, ret);
}

struct sequence *parsing_sequence(const struct ini *ini, const char *name,
				  const struct sequence_vars *vars,
				  struct problems *problems,
				  const struct parsing *caller)
{
	size_t before = problems_in_file(problems, ini->file);
	struct parsing g = { .p = { .ini = ini, .vars = vars,
				    .problems = problems },
			     .caller = caller };

	g.s = memory_new(1, sizeof(*g.s));
	g.s->name = memory_copy(name);
	g.s->file = memory_copy(ini->file);
	g.p.file = g.s->file;
	g.s->summary = memory_copy("");
	g.s->deadline_ms = PARSE_DEADLINE_MS;
	g.s->evidence = true;
	parsing_states(&g);
	parsing_sections(&g);
	parsing_resolve(&g);
	parsing_return(&g);
	free(g.start);
	if (before == 0 && problems_in_file(problems, ini->file) == 0)
		parsing_run(&g);
	if (before == 0 && problems_in_file(problems, ini->file) == 0 &&
	    !g.broken)
		return g.s;
	sequence_free(g.s);
	return NULL;
}

struct sequence *sequence_parse(const struct ini *ini, const char *name,
				const struct sequence_vars *vars,
				struct problems *problems)
{
	return parsing_sequence(ini, name, vars, problems, NULL);
}
