/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MATCH_SET_H
#define RH_AGENT_CONSOLE_MATCH_SET_H

#include <stdint.h>

#include "agent/console/match.h"

/*
 * Many patterns on one growing text, at about the price of one: each new byte
 * goes once through an automaton for the texts that the patterns need
 * (match-literal.h), and a pattern is tried only where such a text came, or
 * where none is known for it. What a pattern finds is what match_find finds.
 */
struct match_set;

/*
 * patterns: borrowed until match_set_free; a NULL among them is never tried.
 * Returned.
 */
struct match_set *match_set_new(const struct match_pattern *const *patterns,
				size_t count);
void match_set_free(struct match_set *set);

/* Where a set stands on a text. Each pattern has its match_cursor beside it. */
struct match_scan {
	const struct match_set *set;
	uint64_t *due;			/* bits: patterns to be tried */
	struct match_hits *hits;	/* per pattern */
	size_t seen;			/* text[0..seen) is looked through */
	uint32_t state;			/* of the automaton */
};

/* set: borrowed until match_scan_release. */
void match_scan_init(struct match_scan *scan, const struct match_set *set);
void match_scan_release(struct match_scan *scan);

/*
 * The text is looked through anew from this offset on. Due whenever a cursor
 * is set back; setting one forward needs nothing.
 */
void match_scan_rewind(struct match_scan *scan, size_t from);

/* The text lost so many bytes at its beginning. */
void match_scan_drop(struct match_scan *scan, size_t len);

/* Looks through the text that came since the last call. */
void match_scan_text(struct match_scan *scan, const char *text, size_t len);

/*
 * The first pattern from this index on that is to be tried with
 * match_scan_find; the count of patterns: none. What match_find would give for
 * the others is 0.
 */
size_t match_scan_next(const struct match_scan *scan, size_t index);

/* match_find for a pattern of the set, behind match_scan_text. */
int match_scan_find(struct match_scan *scan, size_t index,
		    struct match_cursor *cursor, const char *text, size_t len,
		    bool quiet, size_t *ret_start, size_t *ret_end,
		    struct rh_error *err);

#endif
