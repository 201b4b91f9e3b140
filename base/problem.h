/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_PROBLEM_H
#define RH_BASE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What is wrong in files: a list, so that a person gets all of it in one go.
 * Each has file, line (1 is the first, 0: the whole file) and one line of
 * text: what is wrong, what was expected. Zeroed memory is an empty list.
 */
struct problem {
	char *file;
	int line;
	int column;	/* in characters, 1 is the first; 0: not known */
	char *text;
	char *source;	/* the line itself, where people may see it; or NULL */
	bool warning;	/* worth saying, but not an error */
};

struct problems {
	struct problem *list;
	size_t count;
	size_t errors;	/* of these, not warnings */
};

/* The same problem at the same place is kept once. */
void problems_add(struct problems *p, const char *file, int line,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void problems_warn(struct problems *p, const char *file, int line,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same with a column. */
void problems_add_at(struct problems *p, const char *file, int line, int column,
		     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void problems_warn_at(struct problems *p, const char *file, int line, int column,
		      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Adds those of the other list. */
void problems_join(struct problems *p, const struct problems *other);

/* By file, line and column, in place. */
void problems_sort(struct problems *p);

/* How many errors stand in that file. */
size_t problems_in_file(const struct problems *p, const char *file);

void problems_release(struct problems *p);

#endif
