/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host's file laid over its templates. Each value keeps the file and line
 * that it came from, so that a problem is told where it can be mended. In by
 * config-source.c; what comes out is read by config-host.c and config-way.c.
 *
 * Always true: a section name and a key are in one config_merged at most once.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

size_t config_next_word(const char **rest, const char **ret_word)
{
	size_t len;

	*rest += strspn(*rest, " \t\n,");
	*ret_word = *rest;
	len = strcspn(*rest, " \t\n,");
	*rest += len;
	return len;
}

char *config_section_name(const char *name)
{
	struct buffer out = { 0 };
	size_t len;

	for (;;) {
		name += strspn(name, " \t");
		len = strcspn(name, " \t");
		if (len == 0)
			break;
		if (out.len > 0)
			buffer_append_char(&out, ' ');
		buffer_append(&out, name, len);
		name += len;
	}
	return buffer_take(&out);
}

enum way_capability config_section_capability(const char *name)
{
	const char *word;
	size_t len;
	int i;

	for (i = WAY_NONE + 1; i < WAY_COUNT; i++) {
		word = way_capability_name((enum way_capability)i);
		len = strlen(word);
		if (strncmp(name, word, len) == 0 &&
		    (name[len] == '\0' || name[len] == ' '))
			return (enum way_capability)i;
	}
	return WAY_NONE;
}

const struct config_section *config_merge_section(const struct config_merged *m,
						  const char *name)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		if (strcmp(m->sections[i].name, name) == 0)
			return &m->sections[i];
	}
	return NULL;
}

const struct config_value *config_merge_value(const struct config_section *s,
					      const char *key)
{
	size_t i;

	for (i = 0; s != NULL && i < s->count; i++) {
		if (strcmp(s->values[i].entry->key, key) == 0)
			return &s->values[i];
	}
	return NULL;
}

static void config_merge_add_value(struct config_section *s,
				   const struct ini_entry *entry,
				   const char *file)
{
	if (config_merge_value(s, entry->key) != NULL)
		return;
	s->values = memory_grow(s->values, s->count + 1, sizeof(*s->values));
	s->values[s->count].entry = entry;
	s->values[s->count++].file = file;
}

/* Makes room for a section at that place; consumes name. */
static struct config_section *config_merge_insert(struct config_merged *m,
						  size_t at, char *name,
						  const char *file, int line)
{
	struct config_section *s;

	m->sections = memory_grow(m->sections, m->count + 1,
				  sizeof(*m->sections));
	s = &m->sections[at];
	memmove(s + 1, s, (m->count - at) * sizeof(*s));
	m->count++;
	memset(s, 0, sizeof(*s));
	s->name = name;
	s->file = file;
	s->line = line;
	return s;
}

static struct config_section *config_merge_find(struct config_merged *m,
						const char *name)
{
	return (struct config_section *)config_merge_section(m, name);
}

void config_merge_file(struct config_merged *m, const struct ini *ini,
		       const char *file)
{
	const struct ini_section *from;
	struct config_section *s;
	char *name;
	size_t i, j;

	for (i = 0; i < ini->count; i++) {
		from = &ini->sections[i];
		name = config_section_name(from->name);
		s = config_merge_find(m, name);
		if (s == NULL)
			s = config_merge_insert(m, m->count, name, file,
						from->line);
		else
			free(name);
		for (j = 0; j < from->count; j++)
			config_merge_add_value(s, &from->entries[j], file);
	}
}

/* Whether top's way has another driver, so that nothing of below fits. */
static bool config_merge_hides(const struct config_section *top,
			       const struct config_section *below)
{
	const struct config_value *mine, *theirs;

	if (config_section_capability(top->name) == WAY_NONE)
		return false;
	mine = config_merge_value(top, "driver");
	theirs = config_merge_value(below, "driver");
	return mine != NULL && theirs != NULL &&
	       strcmp(mine->entry->value, theirs->entry->value) != 0;
}

/* Where a section that only below has goes; own: how many top came with. */
static size_t config_merge_place(const struct config_merged *top, size_t own,
				 const char *name)
{
	enum way_capability capability = config_section_capability(name);
	size_t i;

	if (capability == WAY_NONE || strchr(name, ' ') != NULL)
		return top->count;
	for (i = 0; i < own; i++) {
		if (config_section_capability(top->sections[i].name) ==
		    capability)
			return i;
	}
	return top->count;
}

void config_merge_under(struct config_merged *top,
			const struct config_merged *below)
{
	const struct config_section *from;
	struct config_section *s;
	size_t own = top->count, at, i, j;

	for (i = 0; i < below->count; i++) {
		from = &below->sections[i];
		s = config_merge_find(top, from->name);
		if (s == NULL) {
			at = config_merge_place(top, own, from->name);
			own += at < own;
			s = config_merge_insert(top, at,
						memory_copy(from->name),
						from->file, from->line);
		} else if (config_merge_hides(s, from)) {
			continue;
		}
		for (j = 0; j < from->count; j++)
			config_merge_add_value(s, from->values[j].entry,
					       from->values[j].file);
	}
}

void config_merge_release(struct config_merged *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		free(m->sections[i].name);
		free(m->sections[i].values);
	}
	free(m->sections);
	memset(m, 0, sizeof(*m));
}
