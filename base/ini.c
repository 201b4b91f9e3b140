/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * INI text to data, on inih. inih gives no line numbers, does not report an
 * empty section and cuts names at 49 bytes; our reader feeds it line by
 * line, so it knows the line and looks for those cases itself.
 *
 * In by ini_read. Always true: entries belong to the section that was begun
 * last, and a continuation belongs to the entry above it.
 */
#include "base/ini.h"

#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vis.h"

#define INI_NAME_MAX 49

struct ini_reading {
	struct ini *ini;
	struct problems *problems;
	const char *text;
	size_t len;
	size_t at;
	int line;
	bool continued;	/* the line begins with blanks, behind an entry */
	bool open;	/* inih has an entry that a line can continue */
	bool refused;	/* a problem of this line was said already */
	bool bracket;	/* the line begins with '[' */
};

static void ini_begin_section(struct ini_reading *r, const char *line)
{
	const char *end = strchr(line, ']');
	struct ini_section *section;
	struct ini *ini = r->ini;
	size_t len;

	if (end == NULL)
		return;
	line++;
	len = (size_t)(end - line);
	if (len > INI_NAME_MAX) {
		problems_add(r->problems, ini->file, r->line,
			     "the name of a section has at most %d bytes",
			     INI_NAME_MAX);
		r->refused = true;
	}
	if (end[1 + strspn(end + 1, " \t\r\n")] != '\0')
		problems_add(r->problems, ini->file, r->line,
			     "something stands behind the ']'; a comment "
			     "needs a line of its own");
	ini->sections = memory_grow(ini->sections, ini->count + 1,
				    sizeof(*ini->sections));
	section = &ini->sections[ini->count++];
	memset(section, 0, sizeof(*section));
	while (len > 0 && strchr(" \t", *line) != NULL)
		line++, len--;
	while (len > 0 && strchr(" \t", line[len - 1]) != NULL)
		len--;
	section->name = memory_copy_len(line, len);
	section->line = r->line;
	r->open = false;
}

/* What is wrong with the character of n bytes (0: none), or NULL. */
static const char *ini_bad_byte(const char *at, size_t n, bool last)
{
	if (n == 0)
		return "no UTF-8";
	if (*at == '\0')
		return "a NUL";
	if (n == 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		return "a byte order mark, which nobody sees";
	if ((unsigned char)*at < 0x20 && *at != '\t' && !(last && *at == '\r'))
		return "a control character";
	return NULL;
}

/* Characters of text[0..len), and one. */
static int ini_column(const char *text, size_t len)
{
	int column = 1;
	size_t i;

	for (i = 0; i < len; i++)
		column += (text[i] & 0xc0) != 0x80;
	return column;
}

static void ini_check_bytes(struct ini_reading *r, const char *line, size_t len)
{
	const char *bad;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = vis_utf8_len(line + i, len - i, NULL);
		bad = ini_bad_byte(line + i, n, i + 1 == len);
		if (bad != NULL) {
			problems_add_at(r->problems, r->ini->file, r->line,
					ini_column(line, i), "byte %zu of this "
					"line is %s; expected UTF-8 text", i + 1,
					bad);
			r->refused = true;
			return;
		}
	}
}

static void ini_check_key(struct ini_reading *r, const char *line)
{
	size_t len = strcspn(line, "=:");

	if (line[len] == '\0' || r->continued)
		return;
	while (len > 0 && strchr(" \t", line[len - 1]) != NULL)
		len--;
	if (len == 0) {
		problems_add(r->problems, r->ini->file, r->line,
			     "no key stands before the '%c'; expected \"key = "
			     "value\"", *strpbrk(line, "=:"));
		r->refused = true;
	}
	if (len > INI_NAME_MAX) {
		problems_add(r->problems, r->ini->file, r->line,
			     "a key has at most %d bytes", INI_NAME_MAX);
		r->refused = true;
	}
}

/* Called by inih for each line: hands it over, NUL-ended, at most num bytes. */
static char *ini_next_line(char *out, int num, void *stream)
{
	struct ini_reading *r = stream;
	const char *from, *newline, *start;
	size_t len;

	if (r->at >= r->len)
		return NULL;
	from = r->text + r->at;
	newline = memchr(from, '\n', r->len - r->at);
	len = newline != NULL ? (size_t)(newline - from) : r->len - r->at;
	r->at += len + (newline != NULL);
	r->line++;
	r->refused = false;
	if (len > INI_LINE_MAX || len > (size_t)num - 3) {
		problems_add(r->problems, r->ini->file, r->line,
			     "this line has %zu bytes; at most %d are read",
			     len, INI_LINE_MAX);
		len = 0;
		r->refused = true;
	}
	memcpy(out, from, len);
	out[len] = '\0';
	start = out + strspn(out, " \t");
	r->continued = start > out && r->open;
	r->bracket = *start == '[';
	ini_check_bytes(r, from, len);
	if (!r->refused && *start == '[' && !r->continued) {
		ini_begin_section(r, start);
		return out;
	}
	if (!r->refused && *start != ';' && *start != '#')
		ini_check_key(r, start);
	if (r->refused)
		out[0] = '\0';
	return out;
}

static struct ini_entry *ini_add_entry(struct ini_reading *r, const char *name)
{
	struct ini_section *s = &r->ini->sections[r->ini->count - 1];
	struct ini_entry *entry;

	s->entries = memory_grow(s->entries, s->count + 1, sizeof(*s->entries));
	entry = &s->entries[s->count++];
	entry->key = memory_copy(name);
	entry->value = NULL;
	entry->line = r->line;
	entry->part_lines = NULL;
	entry->part_count = 0;
	return entry;
}

static void ini_add_part(struct ini_entry *entry, int line)
{
	entry->part_lines = memory_grow(entry->part_lines,
					entry->part_count + 1, sizeof(int));
	entry->part_lines[entry->part_count++] = line;
}

/* Called by inih for each entry, and again for each continuation. */
static int ini_take(void *user, const char *section, const char *name,
		    const char *value)
{
	struct ini_reading *r = user;
	struct ini_section *s;
	struct ini_entry *entry;
	char *joined;

	(void)section;
	r->open = true;
	if (r->ini->count == 0) {
		problems_add(r->problems, r->ini->file, r->line,
			     "\"%.60s\" stands before the first [section]", name);
		r->refused = true;
		return 1;
	}
	s = &r->ini->sections[r->ini->count - 1];
	if (r->continued && s->count > 0) {
		entry = &s->entries[s->count - 1];
		joined = memory_format("%s\n%s", entry->value, value);
		free(entry->value);
		entry->value = joined;
		ini_add_part(entry, r->line);
		return 1;
	}
	entry = ini_add_entry(r, name);
	entry->value = memory_copy(value);
	ini_add_part(entry, r->line);
	return 1;
}

/* The line is none. What its first byte says, it was to be. */
static void ini_refuse(struct ini_reading *r)
{
	if (r->bracket)
		problems_add(r->problems, r->ini->file, r->line,
			     "a section needs its closing ]: [name]");
	else
		problems_add(r->problems, r->ini->file, r->line,
			     "this is neither [section], \"key = value\", nor a "
			     "comment on a line of its own (; or #); a line that "
			     "goes on with the value above begins with blanks");
}

static void ini_set_knobs(void)
{
	ini_max_line = INI_LINE_MAX + 3;
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_initial_alloc = INI_LINE_MAX + 3;
	ini_allow_inline_comments = false;
	ini_allow_multiline = true;
	ini_stop_on_first_error = true;
}

struct ini *ini_read(const char *file, const char *text, size_t len,
		     struct problems *problems)
{
	struct ini_reading r = { .problems = problems, .text = text,
				 .len = len };
	int line;

	r.ini = memory_new(1, sizeof(*r.ini));
	r.ini->file = memory_copy(file);
	r.ini->text = memory_copy_len(text, len);
	r.ini->len = len;
	ini_set_knobs();
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at = 3;
	/* It stops at a line that it can't read; go on behind that one. */
	do {
		r.open = false;
		line = ini_parse_stream(ini_next_line, &r, ini_take, &r);
		if (line > 0 && !r.refused)
			ini_refuse(&r);
	} while (line > 0 && r.at < r.len);
	if (line < 0)
		problems_add(problems, file, 0, "not read: no memory");
	return r.ini;
}

static void ini_free_section(struct ini_section *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->entries[i].key);
		free(s->entries[i].value);
		free(s->entries[i].part_lines);
	}
	free(s->entries);
	free(s->name);
}

void ini_free(struct ini *ini)
{
	size_t i;

	if (ini == NULL)
		return;
	for (i = 0; i < ini->count; i++)
		ini_free_section(&ini->sections[i]);
	free(ini->sections);
	free(ini->file);
	free(ini->text);
	free(ini);
}

int ini_entry_line(const struct ini_entry *entry, size_t offset)
{
	size_t i, part = 0;

	for (i = 0; i < offset && entry->value[i] != '\0'; i++)
		part += entry->value[i] == '\n';
	return part < entry->part_count ? entry->part_lines[part] : entry->line;
}

/* ---- places, for messages ---------------------------------------------------- */

/* The line, without its end; "" where there is none. */
static const char *ini_line_text(const struct ini *ini, int line, size_t *ret_len)
{
	const char *at = ini->text, *end = ini->text + ini->len, *newline;
	int i;

	if (ini->len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	for (i = 1; i < line && at < end; i++) {
		newline = memchr(at, '\n', (size_t)(end - at));
		at = newline != NULL ? newline + 1 : end;
	}
	newline = memchr(at, '\n', (size_t)(end - at));
	*ret_len = (size_t)((newline != NULL ? newline : end) - at);
	if (*ret_len > 0 && at[*ret_len - 1] == '\r')
		--*ret_len;
	return at;
}

static size_t ini_blanks(const char *text, size_t len, size_t from)
{
	while (from < len && strchr(" \t\r", text[from]) != NULL &&
	       text[from] != '\0')
		from++;
	return from;
}

int ini_entry_column(const struct ini *ini, const struct ini_entry *entry,
		     size_t offset)
{
	size_t i, begin = 0, at = 0, len;
	const char *text;

	for (i = 0; i < offset && entry->value[i] != '\0'; i++) {
		if (entry->value[i] == '\n')
			begin = i + 1;
	}
	text = ini_line_text(ini, ini_entry_line(entry, offset), &len);
	while (begin == 0 && at < len && strchr("=:", text[at]) == NULL)
		at++;
	if (begin == 0)
		at++;
	at = ini_blanks(text, len, at) + (i - begin);
	return ini_column(text, at < len ? at : len);
}

int ini_line_column(const struct ini *ini, int line)
{
	size_t len, at;
	const char *text = ini_line_text(ini, line, &len);

	at = ini_blanks(text, len, 0);
	return at < len ? ini_column(text, at) : 0;
}

static void ini_quote_one(const struct ini *ini, struct problem *one)
{
	const char *text;
	size_t len;

	if (one->line < 1 || one->source != NULL ||
	    strcmp(one->file, ini->file) != 0)
		return;
	text = ini_line_text(ini, one->line, &len);
	one->source = memory_copy_len(text, len);
}

void ini_quote(const struct ini *ini, struct problems *problems)
{
	size_t i;

	for (i = 0; i < problems->count; i++)
		ini_quote_one(ini, &problems->list[i]);
}

void ini_quote_line(const struct ini *ini, struct problems *problems, int line)
{
	size_t i;

	for (i = 0; i < problems->count; i++) {
		if (problems->list[i].line == line)
			ini_quote_one(ini, &problems->list[i]);
	}
}
