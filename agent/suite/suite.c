/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of a suite: [suite], then a [test NAME] for each test. The verb `test`
 * comes in with INI data. Hosts and sequences are names here; the verb looks
 * them up. Always true: a suite without problems has tests, and each of them has
 * a name of its own, a sequence, hosts and something that it expects.
 */
#include "agent/suite/suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char *const suite_outcomes[] = {
	"recovered", "failed", "needs-hands", "unknown", "busy", "refused", NULL
};

static const struct option suite_options[] = {
	{ .key = "summary", .type = OPTION_TEXT,
	  .help = "What the suite is for." },
	OPTION_END
};

static const struct option suite_test_options[] = {
	{ .key = "summary", .type = OPTION_TEXT,
	  .help = "What the test shows." },
	{ .key = "sequence", .type = OPTION_NAME, .required = true,
	  .help = "The sequence that is carried out." },
	{ .key = "hosts", .type = OPTION_TEXT, .required = true,
	  .help = "The hosts, as on the command line." },
	{ .key = "repeat", .type = OPTION_NUMBER, .fallback = "1",
	  .min = 1, .max = 1000000,
	  .help = "How often on each host." },
	{ .key = "parallel", .type = OPTION_NUMBER, .fallback = "1024",
	  .min = 1, .max = 1024,
	  .help = "Hosts of this test at once." },
	{ .key = "deadline", .type = OPTION_DURATION, .min = 1000,
	  .max = 30LL * 24 * 3600 * 1000,
	  .help = "How long a run may take, in place of the sequence's." },
	{ .key = "expect", .type = OPTION_WORDS, .fallback = "recovered",
	  .choices = suite_outcomes,
	  .help = "The verdicts that are right." },
	OPTION_END
};

static const struct option *const suite_tables[] = { suite_options, NULL };
static const struct option *const suite_test_tables[] = { suite_test_options,
							   NULL };

static struct settings *suite_settings(const struct ini *ini,
				       const struct ini_section *s,
				       const struct option *const *tables,
				       struct problems *problems)
{
	struct settings *settings = settings_new(tables);
	const struct ini_entry *e;
	struct rh_error err;
	size_t i;

	for (i = 0; i < s->count; i++) {
		e = &s->entries[i];
		err = (struct rh_error)RH_ERROR_INIT;
		if (settings_knows(settings, e->key) &&
		    settings_has(settings, e->key))
			problems_add(problems, ini->file, e->line, "key \"%s\" "
				     "is there twice; expected it once", e->key);
		else if (settings_set(settings, e->key, e->value, &err) < 0)
			problems_add(problems, ini->file, e->line, "%s",
				     err.text);
	}
	if (settings_missing(settings) != NULL)
		problems_add(problems, ini->file, s->line, "[%s] lacks \"%s\"",
			     s->name, settings_missing(settings));
	return settings;
}

static void suite_split(struct suite_test *t, const char *words)
{
	size_t len;

	t->hosts = memory_new(1, sizeof(*t->hosts));
	for (words += strspn(words, " \t\n"); *words != '\0';
	     words += strspn(words, " \t\n")) {
		len = strcspn(words, " \t\n");
		t->hosts = memory_grow(t->hosts, t->host_count + 2,
				       sizeof(*t->hosts));
		t->hosts[t->host_count++] = memory_copy_len(words, len);
		t->hosts[t->host_count] = NULL;
		words += len;
	}
}

static const char *suite_text(const struct settings *s, const char *key)
{
	const char *text = settings_text(s, key);

	return text != NULL ? text : "";
}

static void suite_add(struct suite *suite, const struct ini *ini,
		      const struct ini_section *s, struct problems *problems)
{
	const char *name = s->name + strlen("test");
	struct suite_test *t;
	size_t i;

	name += strspn(name, " ");
	if (!option_is_name(name))
		problems_add(problems, ini->file, s->line, "[%s]: expected "
			     "[test NAME], of letters, digits and . _ : -",
			     s->name);
	for (i = 0; i < suite->count; i++) {
		if (strcmp(suite->tests[i].name, name) == 0)
			problems_add(problems, ini->file, s->line, "[%s] is "
				     "there twice; expected it once", s->name);
	}
	suite->tests = memory_grow(suite->tests, suite->count + 1,
				   sizeof(*suite->tests));
	t = &suite->tests[suite->count++];
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->line = s->line;
	t->settings = suite_settings(ini, s, suite_test_tables, problems);
	t->summary = suite_text(t->settings, "summary");
	t->sequence = suite_text(t->settings, "sequence");
	t->expect = suite_text(t->settings, "expect");
	t->repeat = settings_number(t->settings, "repeat");
	t->parallel = settings_number(t->settings, "parallel");
	if (settings_has(t->settings, "deadline"))
		t->deadline_ms = settings_number(t->settings, "deadline");
	suite_split(t, suite_text(t->settings, "hosts"));
	if (t->expect[strspn(t->expect, " \t\n,")] == '\0')
		problems_add(problems, ini->file, s->line, "[%s] expects "
			     "nothing; expected a verdict", s->name);
}

static char *suite_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash != NULL ? slash + 1 : file;
	size_t len = strlen(base);

	if (len > 4 && strcmp(base + len - 4, ".ini") == 0)
		len -= 4;
	return memory_copy_len(base, len);
}

struct suite *suite_parse(const struct ini *ini, struct problems *problems)
{
	struct suite *suite = memory_new(1, sizeof(*suite));
	const struct ini_section *s;
	size_t i;

	suite->file = ini->file;
	suite->name = suite_name(ini->file);
	for (i = 0; i < ini->count; i++) {
		s = &ini->sections[i];
		if (strcmp(s->name, "suite") == 0 && suite->settings == NULL)
			suite->settings = suite_settings(ini, s, suite_tables,
							 problems);
		else if (strncmp(s->name, "test ", 5) == 0 ||
			 strcmp(s->name, "test") == 0)
			suite_add(suite, ini, s, problems);
		else
			problems_add(problems, ini->file, s->line, "unexpected "
				     "section [%s]; expected one [suite], and "
				     "[test NAME]", s->name);
	}
	suite->summary = suite->settings != NULL
				 ? suite_text(suite->settings, "summary") : "";
	if (suite->count == 0)
		problems_add(problems, ini->file, 0, "there is no test; expected "
			     "[test NAME]");
	return suite;
}

void suite_free(struct suite *s)
{
	size_t i, j;

	if (s == NULL)
		return;
	for (i = 0; i < s->count; i++) {
		for (j = 0; j < s->tests[i].host_count; j++)
			free(s->tests[i].hosts[j]);
		free(s->tests[i].hosts);
		settings_free(s->tests[i].settings);
	}
	free(s->tests);
	settings_free(s->settings);
	free(s->name);
	free(s);
}

bool suite_expects(const struct suite_test *t, const char *outcome)
{
	return settings_has_word(t->settings, "expect", outcome);
}
