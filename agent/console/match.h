/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MATCH_H
#define RH_AGENT_CONSOLE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * Patterns on the text view. The rules, which make a match independent of
 * how the bytes were split:
 *
 *  - a pattern fires at the earliest end: as soon as some beginning of the
 *    text contains a match, whatever follows;
 *  - a pattern that looks ahead ($, \b, \B, (?=, (?!) fires when what follows
 *    is known: when the text behind has come, or when the caller says that
 *    the console is quiet (the end of the text is the end of the screen);
 *  - ^ and $ are at line ends (PCRE2_MULTILINE), . does not match a newline,
 *    the text is UTF-8;
 *  - a match is at most MATCH_SPAN bytes long: what is longer may not be found.
 *    So a scan is bounded, and no more text than that must be kept.
 *
 * A pattern that backtracks without end hits a limit (C18) and is reported.
 */
struct match_pattern;
struct match_needs;

#define MATCH_SPAN 8192

#define MATCH_LITERAL	1	/* the text itself, no PCRE2 syntax */
#define MATCH_CASELESS	2	/* flag i */
#define MATCH_EXTENDED	4	/* flag x */
#define MATCH_DOTALL	8	/* flag s */

/*
 * Compiles (PCRE2, JIT where available). NULL on failure: CONFIG, with PCRE2's
 * words and the offset. A pattern that can match nothing (the empty text) is
 * refused, and \z, \Z, \G, \K, \C, (*VERBS) and callouts too. Free with match_free (NULL ok).
 */
struct match_pattern *match_compile(const char *text, size_t len,
				    unsigned flags, struct rh_error *err);
void match_free(struct match_pattern *p);

/* Where a scan stands, one for each use of a pattern on a text. */
struct match_cursor {
	size_t from;	/* nothing before this offset can begin a match */
	bool limited;	/* it hit the limit here; it is skipped until reset */
};

/*
 * Looks for the earliest end in text[cursor->from .. len), with what stands
 * before as context. Returns 1 and start/end (offsets in text), 0 none (the cursor
 * moves on, so that nothing is scanned twice), -1 the limit was hit
 * (err: PROTOCOL) and cursor->limited is set; a limited cursor gives 0.
 */
int match_find(const struct match_pattern *p, struct match_cursor *cursor,
	       const char *text, size_t len, bool quiet, size_t *ret_start,
	       size_t *ret_end, struct rh_error *err);

/* Whether the pattern needs the quiet pass. */
bool match_looks_ahead(const struct match_pattern *p);

/* For match-set.c and match-hide.c: match-literal.h. */
const struct match_needs *match_needs(const struct match_pattern *p);

/* The text that it was compiled from (len bytes, NUL-ended), and its flags. */
const char *match_source(const struct match_pattern *p, size_t *ret_len,
			 unsigned *ret_flags);

enum match_hiding {
	MATCH_HIDES_NOT = 0,	/* or it can't be decided */
	MATCH_HIDES,		/* it ends no later */
	MATCH_HIDES_EARLIER,	/* it always ends earlier */
};

/*
 * Whether wherever b finds a match, in any text, a finds one that lies in it and
 * ends no later. Only what can be proved is said.
 */
enum match_hiding match_hides(const struct match_pattern *a,
			      const struct match_pattern *b);

#endif
