/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_INI_H
#define RH_BASE_INI_H

#include <stddef.h>

#include "base/problem.h"

/*
 * An INI file as data: sections and entries in the order written, with
 * their lines. Comments are whole lines (';' or '#', also behind blanks);
 * nothing behind a value is a comment. A line that begins with blanks continues
 * the value above: the parts are joined by '\n'. Values are up to INI_LINE_MAX
 * bytes a line. Lines end with LF or CRLF; a byte order mark is skipped.
 */
#define INI_LINE_MAX 16384

struct ini_entry {
	char *key;
	char *value;	/* "" where nothing stands behind the '=' */
	int line;
	int *part_lines;	/* the line of each part of a continued value */
	size_t part_count;
};

struct ini_section {
	char *name;	/* what stands between the brackets, trimmed */
	int line;
	struct ini_entry *entries;
	size_t count;
};

struct ini {
	char *file;	/* as given, for messages */
	char *text;	/* all of it, as it was read */
	size_t len;
	bool broken;	/* not all of it could be read; for the loader of files */
	struct ini_section *sections;
	size_t count;
};

/*
 * Parses text (len bytes, no NUL needed). Problems (a line that is none, an
 * entry before the first section, no key, a line that is too long, a control
 * character but for tabs, no valid UTF-8) are added, the rest is kept. Never NULL. Free with ini_free (NULL ok).
 */
struct ini *ini_read(const char *file, const char *text, size_t len,
		     struct problems *problems);
void ini_free(struct ini *ini);

/* The line in which the byte at that offset of the value stands. */
int ini_entry_line(const struct ini_entry *entry, size_t offset);

/*
 * The column of that byte, and of the first thing that stands in the line: in
 * characters, from 1 on; 0 where there is none.
 */
int ini_entry_column(const struct ini *ini, const struct ini_entry *entry,
		     size_t offset);
int ini_line_column(const struct ini *ini, int line);

/*
 * Gives the problems of this file the lines that they are about. Only for
 * files that hold nothing that a person who reads messages may not see.
 */
void ini_quote(const struct ini *ini, struct problems *problems);

/* The same for the problems at this line alone. */
void ini_quote_line(const struct ini *ini, struct problems *problems, int line);

#endif
