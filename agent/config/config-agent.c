/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands.ini: the settings of the program itself. config.c comes in, once.
 *
 * Always true: config->guards has [guard] first, with its defaults where no such
 * section stands; each [guard GROUP] follows, with what it says and no more.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

static const struct option agent_options[] = {
	{ .key = "records", .type = OPTION_TEXT,
	  .help = "The directory that records of runs go to." },
	{ .key = "owner-group", .type = OPTION_NAME,
	  .help = "The group that may read records, of hosts that name none." },
	OPTION_END
};

static const char *const agent_guard_enabled[] = { "auto", "yes", "no", NULL };

/* Of [guard] and of [guard GROUP]. */
static const struct option agent_limit_options[] = {
	{ .key = "runs-per-host", .type = OPTION_NUMBER, .fallback = "3",
	  .min = 1, .max = 1000000,
	  .help = "Runs with force on one host within the window." },
	{ .key = "runs-per-group", .type = OPTION_NUMBER, .fallback = "10",
	  .min = 1, .max = 1000000,
	  .help = "Runs with force on the hosts of one group within the window." },
	{ .key = "min-healthy", .type = OPTION_TEXT, .fallback = "0",
	  .help = "How many other hosts of a group must be healthy, or how many "
		  "of a hundred (50%)." },
	OPTION_END
};

static const struct option agent_guard_options[] = {
	{ .key = "enabled", .type = OPTION_CHOICE, .fallback = "auto",
	  .choices = agent_guard_enabled,
	  .help = "auto: for callers whose standard input is no terminal." },
	{ .key = "window", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "1h", .min = 1000, .max = INT64_C(7) * 86400000,
	  .help = "How far back runs are counted." },
	OPTION_END
};

static const struct option *const agent_tables[] = { agent_options, NULL };
static const struct option *const agent_guard_tables[] = {
	agent_limit_options, agent_guard_options, NULL
};
static const struct option *const agent_limit_tables[] = {
	agent_limit_options, NULL
};

/* "12" or "50%". */
static bool agent_healthy(const char *text, int *ret_number, bool *ret_percent)
{
	char *end;
	long n = strtol(text, &end, 10);

	*ret_percent = strcmp(end, "%") == 0;
	*ret_number = (int)n;
	return text[0] >= '0' && text[0] <= '9' && n >= 0 &&
	       (*ret_percent ? n <= 100 : *end == '\0' && n <= 1000000);
}

static void agent_check(const char *file, const struct ini_entry *entry,
			struct problems *problems)
{
	bool percent;
	int n;

	if (strcmp(entry->key, "records") == 0 && entry->value[0] != '/')
		problems_add(problems, file, entry->line,
			     "records = %.80s: expected a path that begins "
			     "with /", entry->value);
	if (strcmp(entry->key, "min-healthy") == 0 &&
	    !agent_healthy(entry->value, &n, &percent))
		problems_add(problems, file, entry->line,
			     "min-healthy = %.80s: expected a number of hosts, or "
			     "0%% to 100%%", entry->value);
}

static void agent_set(const char *file, const struct ini_section *section,
		      struct settings *settings, struct problems *problems)
{
	const struct ini_entry *entry;
	struct rh_error err;
	size_t i;

	for (i = 0; i < section->count; i++) {
		entry = &section->entries[i];
		rh_error_clear(&err);
		if (settings_has(settings, entry->key))
			problems_add(problems, file, entry->line,
				     "key \"%s\" is there twice; expected it "
				     "once", entry->key);
		else if (settings_set(settings, entry->key, entry->value,
				      &err) < 0)
			problems_add(problems, file, entry->line, "%s",
				     err.text);
		else
			agent_check(file, entry, problems);
	}
}

/* Consumes group. */
static struct config_guard *agent_add_guard(struct config *config, char *group,
					    int line)
{
	struct config_guard *g;

	config->guards = memory_grow(config->guards, config->guard_count + 1,
				     sizeof(*config->guards));
	g = &config->guards[config->guard_count++];
	*g = (struct config_guard){ .group = group, .line = line };
	g->settings = settings_new(group != NULL ? agent_limit_tables
						 : agent_guard_tables);
	return g;
}

static void agent_read_guard(struct config *config, const struct ini *ini,
			     const struct ini_section *section,
			     const char *group, struct problems *problems)
{
	struct config_guard *g = NULL;
	size_t i;

	for (i = 1; group != NULL && i < config->guard_count; i++) {
		if (strcmp(config->guards[i].group, group) == 0)
			g = &config->guards[i];
	}
	if (group == NULL)
		g = &config->guards[0];
	if (g == NULL)
		g = agent_add_guard(config, memory_copy(group), section->line);
	g->line = section->line;
	agent_set(ini->file, section, g->settings, problems);
}

static void agent_read_agent(struct config *config, const char *file,
			     const struct ini_section *section,
			     struct settings *agent, struct problems *problems)
{
	size_t i;

	agent_set(file, section, agent, problems);
	for (i = 0; i < section->count; i++) {
		if (strcmp(section->entries[i].key, "owner-group") == 0)
			config->owner_line = section->entries[i].line;
	}
}

static void agent_read_section(struct config *config, const struct ini *ini,
			       const struct ini_section *section,
			       struct settings *agent,
			       struct problems *problems)
{
	char *name = config_section_name(section->name);

	if (strcmp(name, "agent") == 0)
		agent_read_agent(config, ini->file, section, agent, problems);
	else if (strcmp(name, "guard") == 0)
		agent_read_guard(config, ini, section, NULL, problems);
	else if (strncmp(name, "guard ", 6) == 0)
		agent_read_guard(config, ini, section, name + 6, problems);
	else if (strcmp(name, "log") == 0)
		config_log_read(config, ini->file, section, problems);
	else
		problems_add(problems, ini->file, section->line,
			     "unknown section [%s]; expected [agent], [log], "
			     "[guard] or [guard GROUP]", section->name);
	free(name);
}

/* Once all keys are there. */
static void agent_finish(struct config *config, const struct settings *agent)
{
	const char *records = settings_text(agent, "records");
	const char *group = settings_text(agent, "owner-group");
	struct config_guard *g;
	size_t i;

	if (records != NULL && records[0] == '/')
		config->records = memory_copy(records);
	if (group != NULL && strcmp(group, CONFIG_OWNER_NONE) != 0)
		config->owner_group = memory_copy(group);
	for (i = 0; i < config->guard_count; i++) {
		g = &config->guards[i];
		agent_healthy(settings_text(g->settings, "min-healthy"),
			      &g->min_healthy, &g->percent);
	}
}

int config_load_agent(struct config *config, int dir_fd,
		      struct problems *problems, struct rh_error *err)
{
	struct settings *agent = settings_new(agent_tables);
	char *path = memory_format("%s/rhands.ini", config->dir);
	struct ini *ini = NULL;
	bool broken = false;
	int rc = config_file_read(dir_fd, "rhands.ini", path, problems, &ini,
				  &broken, err);
	size_t i;

	agent_add_guard(config, NULL, 0);
	config->owner_file = memory_copy(path);
	for (i = 0; rc == 0 && ini != NULL && i < ini->count; i++)
		agent_read_section(config, ini, &ini->sections[i], agent,
				   problems);
	agent_finish(config, agent);
	settings_free(agent);
	ini_free(ini);
	free(path);
	return rc;
}

void config_check_guards(const struct config *config, struct problems *problems)
{
	char *path = memory_format("%s/rhands.ini", config->dir);
	size_t i, h;
	bool known;

	for (i = 1; i < config->guard_count; i++) {
		known = false;
		for (h = 0; h < config->host_count; h++)
			known = known || host_in_group(config->hosts[h],
						       config->guards[i].group);
		if (!known)
			problems_warn(problems, path, config->guards[i].line,
				      "no host is in the group \"%s\"",
				      config->guards[i].group);
	}
	free(path);
}

void config_free_guards(struct config *config)
{
	size_t i;

	for (i = 0; i < config->guard_count; i++) {
		free(config->guards[i].group);
		settings_free(config->guards[i].settings);
	}
	free(config->guards);
}
