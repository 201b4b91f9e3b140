/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file of hosts.d, a host's or a template: what is wrong with its form,
 * and which templates lie under it. In by config.c: config_source_check once
 * for each file, then config_source_resolve, which goes down the templates and
 * comes back to each at most once.
 *
 * A source is NONE, then BUSY while those below it are looked up, then DONE.
 * To meet one that is BUSY is a cycle; all of it is on the way back, so all of
 * it becomes broken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

static const char *const config_source_words[] = {
	"host", "power", "console", "shell", "check", "vars", "secrets", NULL,
};

void config_source_release(struct config_source *source)
{
	config_merge_release(&source->merged);
	ini_free(source->ini);
	free(source->name);
	free(source->file);
	memset(source, 0, sizeof(*source));
}

static void config_source_unknown(struct config_source *source, int line,
				  const char *name, struct problems *problems)
{
	const char *nearest;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, " "), name);
	nearest = option_nearest(word, config_source_words);
	if (nearest != NULL && strcmp(nearest, word) == 0)
		problems_add(problems, source->file, line,
			     "unknown section [%s]; expected [%s], without a "
			     "label", name, word);
	else if (nearest != NULL)
		problems_add(problems, source->file, line,
			     "unknown section [%s]; did you mean [%s%s]?", name,
			     nearest, name + strcspn(name, " "));
	else
		problems_add(problems, source->file, line,
			     "unknown section [%s]; expected [host], [power], "
			     "[console], [shell], [check], [vars] or [secrets]",
			     name);
}

/* Whether the (tidy) name is one that may stand in a host's file. */
static bool config_source_knows(struct config_source *source, int line,
				const char *name, struct problems *problems)
{
	enum way_capability capability = config_section_capability(name);
	const char *label = strchr(name, ' ');

	if (capability == WAY_NONE && strcmp(name, "host") != 0 &&
	    strcmp(name, "vars") != 0 && strcmp(name, "secrets") != 0) {
		config_source_unknown(source, line, name, problems);
		return false;
	}
	if (label != NULL && !option_is_name(label + 1)) {
		problems_add(problems, source->file, line,
			     "[%s]: expected [%s] or [%s LABEL], the label one "
			     "word of letters, digits and . _ : -", name,
			     way_capability_name(capability),
			     way_capability_name(capability));
		return false;
	}
	return true;
}

static bool config_source_keys_once(struct config_source *source,
				    const struct ini_section *section,
				    struct problems *problems)
{
	const struct ini_entry *e = section->entries;
	bool once = true;
	size_t i, j;

	for (i = 1; i < section->count; i++) {
		for (j = 0; j < i && strcmp(e[i].key, e[j].key) != 0; j++)
			;
		if (j == i)
			continue;
		problems_add(problems, source->file, e[i].line,
			     "key \"%s\" is there twice, first in line %d; "
			     "expected it once", e[i].key, e[j].line);
		once = false;
	}
	return once;
}

static void config_source_twice(struct config_source *source, int line,
				const char *name, int first,
				struct problems *problems)
{
	if (config_section_capability(name) != WAY_NONE &&
	    strchr(name, ' ') == NULL)
		problems_add(problems, source->file, line,
			     "section [%s] is there twice, first in line %d; a "
			     "second way needs a label: [%s LABEL]", name,
			     first, name);
	else
		problems_add(problems, source->file, line,
			     "section [%s] is there twice, first in line %d; "
			     "expected it once", name, first);
}

void config_source_check(struct config_source *source,
			 struct problems *problems)
{
	const struct config_section *first;
	const struct ini_section *section;
	struct config_merged form = { 0 };
	char *name;
	size_t i;

	config_merge_file(&form, source->ini, source->file);
	for (i = 0; i < source->ini->count; i++) {
		section = &source->ini->sections[i];
		name = config_section_name(section->name);
		first = config_merge_section(&form, name);
		if (!config_source_knows(source, section->line, name, problems))
			source->broken = true;
		if (first->line != section->line) {
			config_source_twice(source, section->line, name,
					    first->line, problems);
			source->broken = true;
		}
		if (!config_source_keys_once(source, section, problems))
			source->broken = true;
		free(name);
	}
	config_merge_release(&form);
}

static struct config_source *config_source_template(struct config_sources *all,
						    const char *name)
{
	size_t i;

	for (i = 0; i < all->template_count; i++) {
		if (strcmp(all->templates[i].name, name) == 0)
			return &all->templates[i];
	}
	return NULL;
}

static void config_source_no_template(const struct config_source *source,
				      int line, const char *name,
				      const struct config_sources *all,
				      struct problems *problems)
{
	const char **names = memory_new(all->template_count + 1,
					sizeof(*names));
	const char *nearest;
	size_t i;

	for (i = 0; i < all->template_count; i++)
		names[i] = all->templates[i].name;
	nearest = option_nearest(name, names);
	if (nearest != NULL)
		problems_add(problems, source->file, line,
			     "no template \"%s\"; did you mean \"%s\"?", name,
			     nearest);
	else
		problems_add(problems, source->file, line,
			     "no template \"%s\"; expected a file %s.template "
			     "in this directory", name, name);
	free(names);
}

/* "a -> b -> c", from `end` down to s. */
static void config_source_path(struct buffer *out,
			       const struct config_source *s,
			       const struct config_source *end)
{
	if (s != end) {
		config_source_path(out, s->user, end);
		buffer_append_text(out, " -> ");
	}
	buffer_append_text(out, s->name);
}

static void config_source_cycle(const struct config_source *source, int line,
				const struct config_source *met,
				struct problems *problems)
{
	struct buffer path = { 0 };

	config_source_path(&path, source, met);
	problems_add(problems, source->file, line,
		     "templates inherit in a circle: %s -> %s; expected an end",
		     buffer_text(&path), met->name);
	buffer_release(&path);
}

/* One word of `inherits`: lays that template under *below. */
static void config_source_inherit(struct config_source *source,
				  const char *name, int line,
				  struct config_sources *all,
				  const struct config *config,
				  struct config_merged *below,
				  struct problems *problems)
{
	struct config_source *template = config_source_template(all, name);

	if (template == NULL) {
		config_source_no_template(source, line, name, all, problems);
		source->broken = source->incomplete = true;
		return;
	}
	if (template->state == CONFIG_STATE_BUSY) {
		config_source_cycle(source, line, template, problems);
		source->broken = source->incomplete = true;
		return;
	}
	template->user = source;
	config_source_resolve(template, all, config, problems);
	if (template->broken)
		source->broken = source->incomplete = true;
	config_merge_under(below, &template->merged);
}

/* Builds a host of the template, for the problems alone. */
static void config_source_try(struct config_source *source,
			      const struct config_sources *all,
			      const struct config *config,
			      struct problems *problems)
{
	struct host *host = config_host_build(source, all, config, problems);

	if (host->broken)
		source->broken = true;
	config_host_free(host);
}

void config_source_resolve(struct config_source *source,
			   struct config_sources *all,
			   const struct config *config,
			   struct problems *problems)
{
	struct config_merged below = { 0 };
	const struct config_value *inherits;
	const char *rest, *word;
	size_t len;
	char *name;
	int line;

	if (source->state != CONFIG_STATE_NONE)
		return;
	source->state = CONFIG_STATE_BUSY;
	config_merge_file(&source->merged, source->ini, source->file);
	inherits = config_merge_value(config_merge_section(&source->merged,
							   "host"), "inherits");
	rest = inherits != NULL ? inherits->entry->value : "";
	while ((len = config_next_word(&rest, &word)) > 0) {
		name = memory_copy_len(word, len);
		line = ini_entry_line(inherits->entry,
				      (size_t)(word - inherits->entry->value));
		config_source_inherit(source, name, line, all, config, &below,
				      problems);
		free(name);
	}
	config_merge_under(&source->merged, &below);
	config_merge_release(&below);
	if (source->is_template)
		config_source_try(source, all, config, problems);
	source->state = CONFIG_STATE_DONE;
}
