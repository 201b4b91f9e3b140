/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_OPTION_H
#define RH_BASE_OPTION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Option tables: what may stand in a section of a file, once, for the
 * parser, `rhands check`, `rhands drivers` and the man pages. A table is an
 * array that ends with a NULL key.
 */
enum option_type {
	OPTION_NONE = 0,
	OPTION_TEXT,		/* any text */
	OPTION_NAME,		/* [A-Za-z0-9._:-]+, not beginning with '-' */
	OPTION_NUMBER,		/* decimal, min..max */
	OPTION_BOOL,		/* yes or no */
	OPTION_DURATION,	/* "5s", "1m30s"; min..max in ms */
	OPTION_CHOICE,		/* one of choices */
	OPTION_WORDS,		/* any of choices, separated by blanks */
	OPTION_SECRET,		/* a reference: @file:PATH and so on */
};

struct option {
	const char *key;
	enum option_type type;
	const char *unit;		/* "ms", "bytes"; NULL where there is none */
	const char *fallback;		/* the default as text; NULL: unset */
	bool required;			/* must be in the file */
	int64_t min;			/* for NUMBER and DURATION */
	int64_t max;
	const char *const *choices;	/* NULL-ended; for CHOICE and WORDS */
	const char *help;		/* one sentence, for people */
};

#define OPTION_END { 0 }

/* The option with that key in a table, or NULL. table may be NULL. */
const struct option *option_find(const struct option *table, const char *key);

/* "text", "number 1..65535", "yes or no", "one of a, b": what is expected. */
const char *option_expected(const struct option *option, char *buf, int buf_len);

/* Whether text is a name: [A-Za-z0-9._:-]+ without a leading '-' (X05). */
bool option_is_name(const char *text);

/* The word of `choices` (NULL-ended) nearest to `word`, NULL where none is near. */
const char *option_nearest(const char *word, const char *const *choices);

#endif
