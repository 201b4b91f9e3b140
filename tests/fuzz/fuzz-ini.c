/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as an INI file: no crash, and what comes out holds what ini.h
 * promises: lines that rise and exist, one line for each part of a value, names
 * and values that are UTF-8 without control characters.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/ini.h"
#include "base/problem.h"
#include "base/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count_lines(const uint8_t *data, size_t size)
{
	int lines = size > 0 && data[size - 1] != '\n';
	size_t i;

	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

static void check_text(const char *text)
{
	size_t len = strlen(text), i, n;

	for (i = 0; i < len; i += n) {
		n = vis_utf8_len(text + i, len - i, NULL);
		assert(n > 0);
		assert((unsigned char)text[i] >= 0x20 || text[i] == '\t' ||
		       text[i] == '\n');
	}
}

/* Returns the line of its last part. */
static int check_entry(const struct ini_entry *e, int after, int lines)
{
	size_t parts = 1, i;

	check_text(e->key);
	check_text(e->value);
	assert(e->key[0] != '\0' && strchr(e->key, '\n') == NULL);
	for (i = 0; e->value[i] != '\0'; i++) {
		assert(ini_entry_line(e, i) == e->part_lines[parts - 1]);
		parts += e->value[i] == '\n';
	}
	assert(parts == e->part_count);
	assert(e->line == e->part_lines[0]);
	for (i = 0; i < parts; i++) {
		assert(e->part_lines[i] > after && e->part_lines[i] <= lines);
		after = e->part_lines[i];
	}
	return after;
}

static void check_ini(const struct ini *ini, int lines)
{
	const struct ini_section *s;
	size_t i, j;
	int after = 0;

	for (i = 0; i < ini->count; i++) {
		s = &ini->sections[i];
		check_text(s->name);
		assert(s->line > after && s->line <= lines);
		after = s->line;
		for (j = 0; j < s->count; j++)
			after = check_entry(&s->entries[j], after, lines);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read("fuzz.ini", (const char *)data, size,
				   &problems);
	int lines = count_lines(data, size);
	size_t i;

	check_ini(ini, lines);
	for (i = 0; i < problems.count; i++)
		assert(problems.list[i].line > 0 &&
		       problems.list[i].line <= lines);
	ini_free(ini);
	problems_release(&problems);
	return 0;
}
