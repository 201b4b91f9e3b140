/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host out of its file and its templates, already merged: [host], [vars],
 * [secrets], and each way by config-way.c. In by config_host_build; a template
 * is built too, for its errors alone, so that one that no host uses is checked.
 *
 * Always true: every problem found marks the host broken, also one that
 * another host with the same template has told already.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"
#include "base/secret.h"

static const char *const evidence_choices[] = { "yes", "none", NULL };

static const struct option host_options[] = {
	{ .key = "summary", .type = OPTION_TEXT,
	  .help = "What this host is, in one line." },
	{ .key = "address", .type = OPTION_NAME,
	  .help = "The host's own name or address, for checks." },
	{ .key = "recover", .type = OPTION_NAME,
	  .help = "The sequence that `rhands recover` runs." },
	{ .key = "reboot", .type = OPTION_NAME,
	  .help = "The sequence that restarts it in a maintenance." },
	{ .key = "needs", .type = OPTION_TEXT,
	  .help = "Hosts whose services this one depends on." },
	{ .key = "groups", .type = OPTION_TEXT,
	  .help = "Groups that it can be named by, as @GROUP." },
	{ .key = "inherits", .type = OPTION_TEXT,
	  .help = "Templates with the settings that are not here." },
	{ .key = "owner-group", .type = OPTION_NAME,
	  .help = "The group that may read records of its runs." },
	{ .key = "evidence", .type = OPTION_CHOICE, .fallback = "yes",
	  .choices = evidence_choices,
	  .help = "Whether evidence is collected before force." },
	OPTION_END
};

static const struct option *const host_tables[] = { host_options, NULL };

void config_building_problem(struct config_building *b, const char *file,
			     int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problems_add(b->problems, file, line, "%s", text);
	b->host->broken = true;
}

/* The file's INI data; NULL where it is none of ours. */
static const struct ini *config_building_ini(const struct config_building *b,
					     const char *file)
{
	const struct config_sources *all = b->all;
	size_t i;

	for (i = 0; i < all->host_count; i++) {
		if (strcmp(all->hosts[i].file, file) == 0)
			return all->hosts[i].ini;
	}
	for (i = 0; i < all->template_count; i++) {
		if (strcmp(all->templates[i].file, file) == 0)
			return all->templates[i].ini;
	}
	return NULL;
}

void config_building_value(struct config_building *b,
			   const struct config_value *value, size_t offset,
			   const char *fmt, ...)
{
	const struct ini *ini = config_building_ini(b, value->file);
	int line = ini_entry_line(value->entry, offset);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problems_add_at(b->problems, value->file, line,
			ini != NULL ? ini_entry_column(ini, value->entry, offset)
				    : 0, "%s", text);
	if (ini != NULL)
		ini_quote_line(ini, b->problems, line);
	b->host->broken = true;
}

/* The words of a value as a NULL-ended list; each must be a name. */
static char **config_host_words(struct config_building *b,
				const struct config_value *value)
{
	const char *rest = value != NULL ? value->entry->value : "";
	char **list = memory_new(1, sizeof(*list)), *name;
	const char *word;
	size_t count = 0, len;

	while ((len = config_next_word(&rest, &word)) > 0) {
		name = memory_copy_len(word, len);
		if (!option_is_name(name)) {
			config_building_value(b, value,
				(size_t)(word - value->entry->value),
				"%s: \"%.60s\" is no name; expected letters, "
				"digits and . _ : -, no leading -",
				value->entry->key, name);
			free(name);
			continue;
		}
		list = memory_grow(list, count + 2, sizeof(*list));
		list[count++] = name;
		list[count] = NULL;
	}
	return list;
}

static void config_host_need(struct config_building *b,
			     const struct config_value *value, const char *need)
{
	const struct config_sources *all = b->all;
	const char **names;
	const char *nearest;
	size_t i;

	if (!b->partial && strcmp(need, b->host->name) == 0)
		config_building_value(b, value, 0,
				      "needs: the host needs itself; expected "
					"other hosts");
	names = memory_new(all->host_count + 1, sizeof(*names));
	for (i = 0; i < all->host_count; i++) {
		names[i] = all->hosts[i].name;
		if (strcmp(names[i], need) == 0)
			break;
	}
	nearest = i < all->host_count ? NULL : option_nearest(need, names);
	if (i == all->host_count)
		problems_warn(b->problems, value->file, value->entry->line,
			      "needs: no host \"%s\" is configured%s%s%s", need,
			      nearest != NULL ? "; did you mean \"" : "",
			      nearest != NULL ? nearest : "",
			      nearest != NULL ? "\"?" : "");
	free(names);
}

/* "recover" or "reboot", whose value is the name of a sequence. */
static void config_host_sequence(struct config_building *b,
				 const struct config_value *value,
				 const char *name)
{
	const struct config *config = b->config;
	const char *key = value->entry->key, **names;
	const char *nearest;
	size_t i;

	if (config_sequence(config, name) != NULL)
		return;
	names = memory_new(config->sequence_count + 1, sizeof(*names));
	for (i = 0; i < config->sequence_count; i++)
		names[i] = config->sequence_names[i];
	nearest = option_nearest(name, names);
	if (nearest != NULL)
		config_building_value(b, value, 0,
				      "%s: no sequence \"%s\"; did you "
				      "mean \"%s\"?", key, name, nearest);
	else
		config_building_value(b, value, 0,
				      "%s: no sequence \"%s\"; expected a "
				      "file %s/sequences.d/%s.ini", key, name,
				      config->dir, name);
	free(names);
}

static void config_host_sequences(struct config_building *b,
				  const struct config_section *section,
				  const struct settings *s)
{
	const struct config_value *v = config_merge_value(section, "recover");
	struct host *host = b->host;

	if (settings_has(s, "recover")) {
		host->recover = memory_copy(settings_text(s, "recover"));
		host->recover_line = v->entry->line;
		host->recover_file = v->file;
		config_host_sequence(b, v, host->recover);
	}
	v = config_merge_value(section, "reboot");
	if (settings_has(s, "reboot")) {
		host->reboot = memory_copy(settings_text(s, "reboot"));
		config_host_sequence(b, v, host->reboot);
	}
}

static const char *config_host_text(const struct settings *s, const char *key,
				    const char *otherwise)
{
	const char *text = settings_text(s, key);

	return text != NULL ? text : otherwise;
}

/* Its own, or that of rhands.ini. Whether there is one, check says: no run waits for it. */
static void config_host_owner(struct config_building *b,
			      const struct config_section *section,
			      const struct settings *s)
{
	const struct config_value *v = config_merge_value(section, "owner-group");
	const struct config *config = b->config;
	struct host *host = b->host;
	const char *group = settings_text(s, "owner-group");

	host->owner_file = v != NULL ? v->file : config->owner_file;
	host->owner_line = v != NULL ? v->entry->line : config->owner_line;
	if (group == NULL)
		group = config->owner_group;
	if (group != NULL && strcmp(group, CONFIG_OWNER_NONE) != 0)
		host->owner_group = memory_copy(group);
}

/* [host]; the section may be NULL. */
static void config_host_basics(struct config_building *b,
			       const struct config_section *section)
{
	struct settings *s = settings_new(host_tables);
	struct rh_error err = RH_ERROR_INIT;
	struct host *host = b->host;
	const struct config_value *v;
	size_t i;

	for (i = 0; section != NULL && i < section->count; i++) {
		v = &section->values[i];
		if (settings_set(s, v->entry->key, v->entry->value, &err) < 0)
			config_building_problem(b, v->file, v->entry->line,
						"%s", err.text);
	}
	host->summary = memory_copy(config_host_text(s, "summary", ""));
	host->address = memory_copy(config_host_text(s, "address",
						     host->name));
	host->evidence = strcmp(settings_text(s, "evidence"), "yes") == 0;
	host->groups = config_host_words(b, config_merge_value(section,
							       "groups"));
	v = config_merge_value(section, "needs");
	host->needs = config_host_words(b, v);
	for (i = 0; host->needs[i] != NULL; i++)
		config_host_need(b, v, host->needs[i]);
	config_host_sequences(b, section, s);
	config_host_owner(b, section, s);
	settings_free(s);
}

static bool config_host_is_var(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";

	return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

/* [vars] or [secrets]; the section may be NULL. */
static void config_host_vars(struct config_building *b,
			     const struct config_section *section,
			     struct host_var **list, size_t *count)
{
	const struct config_value *v;
	struct host_var *var;
	size_t i;

	for (i = 0; section != NULL && i < section->count; i++) {
		v = &section->values[i];
		if (!config_host_is_var(v->entry->key)) {
			config_building_problem(b, v->file, v->entry->line,
						"[%s]: \"%s\" is no name; "
						"expected letters, digits, "
						"_ and -", section->name,
						v->entry->key);
			continue;
		}
		*list = memory_grow(*list, *count + 1, sizeof(**list));
		var = &(*list)[(*count)++];
		var->name = memory_copy(v->entry->key);
		var->value = memory_copy(v->entry->value);
		var->file = v->file;
		var->line = v->entry->line;
	}
}

/* The texts name the key and, at most, a path: never what stands there. */
static void config_host_check_secrets(struct config_building *b)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct host_var *var;
	size_t i;

	for (i = 0; i < b->host->secret_count; i++) {
		var = &b->host->secrets[i];
		rh_error_clear(&err);
		if (!secret_is_reference(var->value))
			config_building_problem(b, var->file, var->line,
				"%s: a secret never stands in the file itself; "
				"expected a reference: @file:PATH, "
				"@credential:NAME or @command:PROGRAM "
				"ARGUMENTS", var->name);
		else if (secret_check(var->value, &err) < 0 && b->config->dry)
			problems_warn(b->problems, var->file, var->line,
				      "%s: %s", var->name, err.text);
		else if (err.code != RH_ERR_NONE)
			config_building_problem(b, var->file, var->line,
						"%s: %s", var->name, err.text);
	}
}

static void config_host_ways(struct config_building *b,
			     const struct config_merged *merged)
{
	enum way_capability capability;
	bool checks = false;
	size_t i;

	for (i = 0; i < merged->count; i++) {
		capability = config_section_capability(merged->sections[i].name);
		if (capability == WAY_NONE)
			continue;
		checks |= capability == WAY_CHECK;
		config_way_add(b, &merged->sections[i]);
	}
	if (!checks && !b->partial)
		config_way_add_check(b);
}

struct host *config_host_build(const struct config_source *source,
			       const struct config_sources *all,
			       const struct config *config,
			       struct problems *problems)
{
	const struct config_merged *merged = &source->merged;
	struct host *host = memory_new(1, sizeof(*host));
	struct config_building b = {
		.host = host, .source = source, .all = all, .config = config,
		.problems = problems, .partial = source->is_template || source->incomplete,
	};

	host->name = memory_copy(source->name);
	host->file = memory_copy(source->file);
	host->broken = source->broken;
	config_host_basics(&b, config_merge_section(merged, "host"));
	config_host_vars(&b, config_merge_section(merged, "vars"),
			 &host->vars, &host->var_count);
	config_host_vars(&b, config_merge_section(merged, "secrets"),
			 &host->secrets, &host->secret_count);
	config_host_check_secrets(&b);
	config_host_ways(&b, merged);
	config_live_add(&b);
	return host;
}

static void config_host_free_words(char **words)
{
	size_t i;

	for (i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

static void config_host_free_vars(struct host_var *vars, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(vars[i].name);
		free(vars[i].value);
	}
	free(vars);
}

void config_host_free(struct host *host)
{
	size_t i;

	if (host == NULL)
		return;
	for (i = 0; i < host->way_count; i++) {
		settings_free(host->ways[i].settings);
		free(host->ways[i].label);
		free(host->ways[i].twin);
	}
	free(host->ways);
	config_host_free_words(host->needs);
	config_host_free_words(host->groups);
	config_host_free_vars(host->vars, host->var_count);
	config_host_free_vars(host->secrets, host->secret_count);
	free(host->name);
	free(host->file);
	free(host->summary);
	free(host->address);
	free(host->recover);
	free(host->reboot);
	free(host->owner_group);
	free(host);
}
