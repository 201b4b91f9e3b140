/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns on a text that grows. The door is match_find, each time that text came;
 * how a pattern is made is in match-compile.c.
 *
 * Always true: what was found does not depend on how the text was split.
 *
 *  - Without a look ahead, a match in a beginning of the text is one in every
 *    longer text, so "the earliest end" is well defined and is found by
 *    halving. A soft partial match tells from where the next scan must begin.
 *  - With one, a hard partial match says that the decision hangs on text that
 *    is not there yet: nothing behind that place is looked at until it is.
 *
 * An atomic group or a possessive quantifier breaks the first rule (with more text it
 * may take more and then fail), so it counts as a look ahead.
 */
#include "agent/console/match.h"

#include <string.h>

#include "agent/console/match-private.h"

/*
 * PCRE2 counts backtracks for each place where a match may begin, and bounds
 * no sum of them. So all places get MATCH_SHARE each; where that is not enough for one
 * of them, the scan is cut into windows that get MATCH_BUDGET (1 to 5 ms with
 * JIT) together, at most MATCH_WINDOWS of them.
 *
 * PCRE2 does not count the characters that a repeat runs over, so a count may
 * cost as many steps as there is text. That is what MATCH_SPAN is for: no scan
 * is longer than MATCH_SPAN + MATCH_STEP.
 */
#define MATCH_SHARE	   1000u
#define MATCH_BUDGET	   500000u
#define MATCH_WINDOWS	   20
#define MATCH_STEP	   4096

static size_t match_next_char(const char *text, size_t len, size_t at)
{
	while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* A stretch of places where a match may begin: from, and count bytes. */
struct match_window {
	size_t from;
	size_t count;
};

static int match_run(const struct match_pattern *p, const char *text,
		     size_t len, const struct match_window *w, uint32_t partial)
{
	size_t limit = MATCH_BUDGET / w->count;

	pcre2_set_match_limit(p->context, limit > MATCH_SHARE ?
						  (uint32_t)limit :
						  MATCH_SHARE);
	pcre2_set_offset_limit(p->context, w->from + w->count - 1);
	if (p->jit)
		return pcre2_jit_match(p->code, (PCRE2_SPTR)text, len, w->from,
				       partial, p->data, p->context);
	return pcre2_match(p->code, (PCRE2_SPTR)text, len, w->from,
			   partial | PCRE2_NO_UTF_CHECK, p->data, p->context);
}

/* The first place behind the window where a match may begin, or len. */
static size_t match_window_end(const struct match_pattern *p, const char *text,
			       size_t len, const struct match_window *w)
{
	size_t end = match_next_char(text, len, w->from + w->count);
	const char *newline;

	if (!p->at_line_begin || end >= len)
		return end;
	newline = memchr(text + end - 1, '\n', len - (end - 1));
	return newline != NULL ? (size_t)(newline - text) + 1 : len;
}

/*
 * The same scan in smaller windows, each with a higher limit for each place.
 * Gives up where one place alone uses up the budget, or all of them together
 * too much.
 */
static int match_scan_windows(const struct match_pattern *p, const char *text,
			      size_t len, size_t from, uint32_t partial)
{
	struct match_window w = { from, MATCH_BUDGET / MATCH_SHARE / 2 };
	PCRE2_SIZE *found = pcre2_get_ovector_pointer(p->data);
	size_t first_partial = PCRE2_UNSET;
	int runs, rc;

	for (runs = 0; w.from < len; runs++) {
		if (runs == MATCH_WINDOWS)
			return PCRE2_ERROR_MATCHLIMIT;
		if (w.count > len - w.from)
			w.count = len - w.from;
		rc = match_run(p, text, len, &w, partial);
		if (rc == PCRE2_ERROR_MATCHLIMIT && w.count > 1) {
			w.count = (w.count + 1) / 2;
			continue;
		}
		if (rc == PCRE2_ERROR_PARTIAL && partial == PCRE2_PARTIAL_SOFT) {
			if (first_partial == PCRE2_UNSET)
				first_partial = found[0];
		} else if (rc != PCRE2_ERROR_NOMATCH) {
			return rc;
		}
		w.from = match_window_end(p, text, len, &w);
		w.count *= 2;
	}
	if (first_partial == PCRE2_UNSET)
		return PCRE2_ERROR_NOMATCH;
	found[0] = first_partial;
	return PCRE2_ERROR_PARTIAL;
}

/* PCRE2's answer for text[from..len), in p->data; from < len. */
static int match_scan(const struct match_pattern *p, const char *text,
		      size_t len, size_t from, uint32_t partial)
{
	struct match_window w = { from, p->at_once ? 1 : len - from };
	int rc = match_run(p, text, len, &w, partial);

	if (rc == PCRE2_ERROR_MATCHLIMIT && !p->at_once)
		rc = match_scan_windows(p, text, len, from, partial);
	return rc;
}

static size_t match_char_before(const char *text, size_t at)
{
	do {
		at--;
	} while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80);
	return at;
}

/*
 * From a match to the one with the earliest end: the shortest beginning of
 * the text that has one. Most often a character less has none, so that is
 * tried first; then by halving.
 */
static int match_narrow(const struct match_pattern *p, const char *text,
			size_t from, size_t *start, size_t *end)
{
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(p->data);
	size_t none = from;	/* text[0..none) has no match */
	size_t try = match_char_before(text, *end);
	int rc;

	while (try > none) {
		rc = match_scan(p, text, try, from, 0);
		if (rc >= 0) {
			*start = found[0];
			*end = found[1] < try ? found[1] : try;
		} else if (rc == PCRE2_ERROR_NOMATCH) {
			none = try;
		} else {
			return rc;
		}
		try = none + (*end - none) / 2;
		try = match_next_char(text, *end, try);
		if (try >= *end)
			try = match_char_before(text, *end);
	}
	return 0;
}

static int match_fail(struct match_cursor *cursor, int rc, struct rh_error *err)
{
	PCRE2_UCHAR words[256];

	cursor->limited = true;
	pcre2_get_error_message(rc, words, sizeof(words));
	return rh_error_set(err, RH_ERR_PROTOCOL,
			    "pattern given up on this text: %s; it backtracks "
			    "too much, write it more strictly",
			    (const char *)words);
}

/*
 * Moves to where the prefix stands; returns false where it does not, and
 * the cursor is at the beginning of it that the end of the text may be then.
 */
static bool match_find_prefix(const struct match_pattern *p,
			      struct match_cursor *cursor, const char *text,
			      size_t len)
{
	const char *rest = text + cursor->from;
	size_t rest_len = len - cursor->from, keep = p->prefix.len - 1;
	const char *at = memmem(rest, rest_len, p->prefix.data, p->prefix.len);

	if (at == NULL) {
		keep = keep < rest_len ? keep : rest_len;
		while (memcmp(text + len - keep, p->prefix.data, keep) != 0)
			keep--;
		at = text + len - keep;
	}
	cursor->from = (size_t)(at - text);
	return len - cursor->from >= p->prefix.len;
}

/*
 * How far the scan may see that begins at from. It ends on a grid, so that
 * the places that are given up do not depend on how the text came.
 */
static size_t match_scan_end(const char *text, size_t len, size_t from)
{
	size_t end = ((from + MATCH_SPAN) / MATCH_STEP + 1) * MATCH_STEP;

	return match_next_char(text, len, end < len ? end : len);
}

/* Scans the growing text, and moves the cursor as far as it can be moved. */
static int match_stream(const struct match_pattern *p,
			struct match_cursor *cursor, const char *text,
			size_t len)
{
	uint32_t partial = p->looks_ahead ? PCRE2_PARTIAL_HARD :
					    PCRE2_PARTIAL_SOFT;
	size_t end = 0, floor;
	int rc = PCRE2_ERROR_NOMATCH;

	while (end < len && cursor->from < len) {
		floor = end > MATCH_SPAN ?
				match_next_char(text, len, end - MATCH_SPAN) :
				0;
		if (cursor->from < floor)
			cursor->from = floor;
		end = match_scan_end(text, len, cursor->from);
		rc = match_scan(p, text, end, cursor->from, partial);
		if (rc == PCRE2_ERROR_NOMATCH)
			cursor->from = end;
		else if (rc == PCRE2_ERROR_PARTIAL)
			cursor->from = pcre2_get_ovector_pointer(p->data)[0];
		else
			break;
	}
	return rc;
}

int match_find(const struct match_pattern *p, struct match_cursor *cursor,
	       const char *text, size_t len, bool quiet, size_t *ret_start,
	       size_t *ret_end, struct rh_error *err)
{
	size_t start, end;
	int rc;

	if (cursor->limited || cursor->from >= len)
		return 0;
	if (p->prefix.len > 0 && !match_find_prefix(p, cursor, text, len))
		return 0;
	rc = match_stream(p, cursor, text, len);
	/* /\bx/ has a partial match at the end itself: \b looks back. */
	if (rc == PCRE2_ERROR_PARTIAL && quiet && p->looks_ahead &&
	    cursor->from < len)
		rc = match_scan(p, text, len, cursor->from, 0);
	if (rc == PCRE2_ERROR_NOMATCH || rc == PCRE2_ERROR_PARTIAL)
		return 0;
	if (rc < 0)
		return match_fail(cursor, rc, err);
	start = pcre2_get_ovector_pointer(p->data)[0];
	end = pcre2_get_ovector_pointer(p->data)[1];
	rc = 0;
	if (!p->looks_ahead && !p->literal)
		rc = match_narrow(p, text, cursor->from, &start, &end);
	if (rc < 0)
		return match_fail(cursor, rc, err);
	*ret_start = start;
	*ret_end = end;
	return 1;
}

bool match_looks_ahead(const struct match_pattern *p)
{
	return p->looks_ahead;
}

const struct match_needs *match_needs(const struct match_pattern *p)
{
	return &p->needs;
}

const char *match_source(const struct match_pattern *p, size_t *ret_len,
			 unsigned *ret_flags)
{
	*ret_len = p->source.len;
	*ret_flags = p->flags;
	return buffer_text(&p->source);
}
