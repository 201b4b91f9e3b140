/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns on a text that grows. The doors: match_compile when a sequence is
 * read, match_find each time that text came.
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

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/match-literal.h"
#include "base/buffer.h"
#include "base/memory.h"

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
#define MATCH_HEAP_KIB	   (16 * 1024)
#define MATCH_STACK_MAX	   (1024 * 1024)
#define MATCH_PATTERN_MAX  (64 * 1024)
#define MATCH_PREFIX_MIN   3

struct match_pattern {
	pcre2_general_context *general;
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	bool jit;
	bool literal;
	bool looks_ahead;
	bool at_line_begin;	/* begins with .*: no use to try within a line */
	bool at_once;		/* the same with DOTALL, and \A: one try */
	struct buffer prefix;	/* each match begins with it; may be empty */
	struct buffer source;
	unsigned flags;
	struct match_needs needs;
};

/* The items of a pattern's source, as PCRE2 itself splits it. */
struct match_syntax {
	const char *text;
	size_t len;
	bool *begins;	/* an item begins at this offset; len + 1 of them */
	bool looks_ahead;
	bool looks_around;
	bool repeats;
	bool alternates;
	int depth;		/* of groups */
	struct buffer prefix;	/* the literal text that it begins with */
	bool prefix_ended;
	const char *refused;	/* why it is refused, or NULL */
	size_t refused_at;
};

static void *match_allocate(PCRE2_SIZE size, void *unused)
{
	(void)unused;
	return memory_new(1, size);
}

static void match_release(void *p, void *unused)
{
	(void)unused;
	free(p);
}

static int match_note_item(pcre2_callout_enumerate_block *block, void *data)
{
	struct match_syntax *s = data;

	if (block->callout_string != NULL || block->callout_number != 255) {
		s->refused = "(?C is not possible here";
		s->refused_at = block->pattern_position;
	}
	if (block->pattern_position <= s->len)
		s->begins[block->pattern_position] = true;
	return 0;
}

static void match_refuse(struct match_syntax *s, const char *item,
			 const char *why)
{
	s->refused = why;
	s->refused_at = (size_t)(item - s->text);
}

static void match_look_at_escape(struct match_syntax *s, const char *item,
				 size_t len)
{
	if (len < 2)
		return;
	switch (item[1]) {
	case 'b':
	case 'B':
	case 'R':	/* an atomic group */
	case 'X':
		s->looks_ahead = true;
		break;
	case 'z':
	case 'Z':
		match_refuse(s, item, "the text has no end; use $");
		break;
	case 'G':
	case 'K':
	case 'C':
		match_refuse(s, item, "\\G, \\K and \\C are not possible here");
		break;
	default:
		break;
	}
}

static void match_look_at_group(struct match_syntax *s, const char *item,
				size_t len)
{
	if (len < 3)
		return;
	if (item[1] == '*' && !(item[2] >= 'a' && item[2] <= 'z'))
		match_refuse(s, item, "(*VERBS) are not possible here");
	else if (item[1] == '*')
		s->looks_ahead = true;
	else if (item[1] == '?' && strchr("=!>*", item[2]) != NULL)
		s->looks_ahead = true;
	else if (len > 3 && item[1] == '?' && item[2] == '(' &&
		 (item[3] == '?' || item[3] == '*'))
		s->looks_ahead = true;
	if (item[1] == '*' ||
	    (item[1] == '?' && strchr("=!*<(", item[2]) != NULL))
		s->looks_around = true;
}

static void match_count_groups(struct match_syntax *s, const char *item,
			       size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		s->depth += (item[i] == '(') - (item[i] == ')');
	if (item[0] == '|')
		s->alternates = true;
	if (item[0] == '|' && s->depth == 0)
		buffer_clear(&s->prefix);
}

/* Collects plain characters until the first item that is something else. */
static void match_collect_prefix(struct match_syntax *s, const char *item,
				 size_t len, bool quoted)
{
	bool escaped = len == 2 && item[0] == '\\' && ispunct(item[1]);

	if (quoted || (!escaped && (len != 1 || (item[0] & 0x80) != 0 ||
				    strchr("\\^$.[|()?*+{", item[0]))))
		s->prefix_ended = true;
	if (!s->prefix_ended)
		buffer_append_char(&s->prefix, item[len - 1]);
}

/* Where the quantifier of an item may begin; at most len. */
static size_t match_atom_len(const char *item, size_t len, bool quoted)
{
	const char *end = NULL;
	size_t i;

	if (quoted) {
		end = memmem(item, len, "\\E", 2);
		return end != NULL ? (size_t)(end - item) + 2 : len;
	}
	if (item[0] == '(') {
		end = memchr(item, ')', len);
		return end != NULL ? (size_t)(end - item) : len;
	}
	if (item[0] == '\\' && len > 3 && item[2] == '{' &&
	    (strchr("pPxogk", item[1]) != NULL ||
	     (item[1] == 'N' && item[3] == 'U')))
		end = memchr(item, '}', len);
	if (item[0] == '[' && memchr(item, '#', len) == NULL)
		end = memrchr(item, ']', len);
	i = item[0] == '\\' ? 2 : 1;
	if (end != NULL)
		i = (size_t)(end - item) + 1;
	return i < len ? i : len;
}

/* Whether behind the quantifier stands a +. A comment may fool it: to yes. */
static bool match_is_possessive(const char *tail, size_t len)
{
	size_t i = 0;

	while (i < len && strchr("*+?{", tail[i]) == NULL)
		i++;
	return i < len && memchr(tail + i + 1, '+', len - i - 1) != NULL;
}

/* Returns whether the next item stands between \Q and \E. */
static bool match_look_at_item(struct match_syntax *s, const char *item,
			       size_t len, bool quoted)
{
	size_t atom = match_atom_len(item, len, quoted);

	match_collect_prefix(s, item, len, quoted);
	if (!quoted && strchr("(|)", item[0]) != NULL)
		match_count_groups(s, item, len);
	if (!quoted && item[0] == '$')
		s->looks_ahead = true;
	if (!quoted && item[0] == '\\')
		match_look_at_escape(s, item, len);
	if (!quoted && item[0] == '(')
		match_look_at_group(s, item, len);
	if (match_is_possessive(item + atom, len - atom))
		s->looks_ahead = true;
	for (; atom < len; atom++)
		s->repeats |= strchr("*+,", item[atom]) != NULL;
	if (len > 2 && memcmp(item + len - 2, "\\Q", 2) == 0)
		return true;
	return quoted && memmem(item, len, "\\E", 2) == NULL;
}

/* Walks over the items in their order; begins[len] is a stop. */
static void match_look_at_items(struct match_syntax *s)
{
	size_t at = 0, next;
	bool quoted;

	while (at < s->len && !s->begins[at])
		at++;
	s->prefix_ended = at > 0;	/* there is an (?i), or the like */
	quoted = at >= 2 && memcmp(s->text + at - 2, "\\Q", 2) == 0;
	for (; at < s->len && s->refused == NULL; at = next) {
		for (next = at + 1; next < s->len && !s->begins[next];)
			next++;
		quoted = match_look_at_item(s, s->text + at, next - at, quoted);
	}
}

static uint32_t match_options(unsigned flags)
{
	uint32_t options = PCRE2_UTF | PCRE2_USE_OFFSET_LIMIT;

	if ((flags & MATCH_CASELESS) != 0)
		options |= PCRE2_CASELESS;
	if ((flags & MATCH_LITERAL) != 0)
		return options | PCRE2_LITERAL;
	options |= PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX;
	if ((flags & MATCH_EXTENDED) != 0)
		options |= PCRE2_EXTENDED;
	if ((flags & MATCH_DOTALL) != 0)
		options |= PCRE2_DOTALL;
	return options;
}

static pcre2_code *match_compile_code(struct match_pattern *p,
				      const char *text, size_t len,
				      uint32_t options, struct rh_error *err)
{
	pcre2_compile_context *context;
	PCRE2_UCHAR words[256];
	PCRE2_SIZE offset;
	pcre2_code *code;
	int why;

	context = pcre2_compile_context_create(p->general);
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_max_pattern_length(context, MATCH_PATTERN_MAX);
	code = pcre2_compile((PCRE2_SPTR)text, len, options, &why, &offset,
			     context);
	pcre2_compile_context_free(context);
	if (code == NULL) {
		pcre2_get_error_message(why, words, sizeof(words));
		rh_error_set(err, RH_ERR_CONFIG, "pattern: %s at offset %zu",
			     (const char *)words, offset);
	}
	return code;
}

/*
 * What the pattern is compiled with. PCRE2 10.42 misses matches by its
 * shortcuts to where one may begin: with JIT where alternatives stand before a
 * repeat (/(1|)b*1/ on "1", fixed in 10.43), and with a look around (in 10.45).
 * Such patterns go without; the prefix is our own shortcut for them then.
 */
static uint32_t match_take_syntax(struct match_pattern *p,
				  struct match_syntax *s, uint32_t options)
{
	p->looks_ahead = s->looks_ahead;
	if (!s->looks_around && !(s->alternates && s->repeats))
		return options;
	if (s->prefix.len >= MATCH_PREFIX_MIN &&
	    (options & PCRE2_CASELESS) == 0) {
		p->prefix = s->prefix;
		memset(&s->prefix, 0, sizeof(s->prefix));
	}
	return options | PCRE2_NO_START_OPTIMIZE;
}

/*
 * Reads what the pattern asks for. PCRE2's automatic callouts stand before
 * each item, so that we need no parser for classes, quotes and comments.
 */
static int match_check_syntax(struct match_pattern *p, const char *text,
			      size_t len, uint32_t *options,
			      struct rh_error *err)
{
	struct match_syntax s = { .text = text, .len = len };
	pcre2_code *code;

	code = match_compile_code(p, text, len, *options | PCRE2_AUTO_CALLOUT,
				  err);
	if (code == NULL)
		return -1;
	s.begins = memory_new(len + 1, sizeof(*s.begins));
	if (len > 2 && memcmp(text, "(*", 2) == 0)
		s.begins[0] = true;
	pcre2_callout_enumerate(code, match_note_item, &s);
	pcre2_code_free(code);
	match_look_at_items(&s);
	free(s.begins);
	*options = match_take_syntax(p, &s, *options);
	buffer_release(&s.prefix);
	if (s.refused != NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "pattern: %s (offset %zu)", s.refused,
				    s.refused_at);
	return 0;
}

/* Compiles for the machine where that is possible, and gets the room to run. */
static void match_prepare(struct match_pattern *p)
{
	uint32_t modes = PCRE2_JIT_COMPLETE, first = 0, options = 0;

	modes |= p->looks_ahead ? PCRE2_JIT_PARTIAL_HARD :
				  PCRE2_JIT_PARTIAL_SOFT;
	pcre2_pattern_info(p->code, PCRE2_INFO_FIRSTCODETYPE, &first);
	pcre2_pattern_info(p->code, PCRE2_INFO_ALLOPTIONS, &options);
	p->at_line_begin = first == 2;
	p->at_once = (options & PCRE2_ANCHORED) != 0;
	p->jit = pcre2_jit_compile(p->code, modes) == 0;
	p->data = pcre2_match_data_create(1, p->general);
	p->context = pcre2_match_context_create(p->general);
	pcre2_set_heap_limit(p->context, MATCH_HEAP_KIB);
	if (!p->jit)
		return;
	p->stack = pcre2_jit_stack_create(32 * 1024, MATCH_STACK_MAX,
					  p->general);
	pcre2_jit_stack_assign(p->context, NULL, p->stack);
}

struct match_pattern *match_compile(const char *text, size_t len,
				    unsigned flags, struct rh_error *err)
{
	struct match_pattern *p = memory_new(1, sizeof(*p));
	uint32_t options = match_options(flags), empty = 0;

	p->general = pcre2_general_context_create(match_allocate,
						  match_release, NULL);
	p->literal = (flags & MATCH_LITERAL) != 0;
	p->flags = flags;
	buffer_append(&p->source, text, len);
	if (!p->literal && match_check_syntax(p, text, len, &options, err) < 0)
		goto out;
	p->code = match_compile_code(p, text, len, options, err);
	if (p->code == NULL)
		goto out;
	pcre2_pattern_info(p->code, PCRE2_INFO_MATCHEMPTY, &empty);
	if (empty != 0) {
		rh_error_set(err, RH_ERR_CONFIG,
			     "pattern: it can match nothing, and would always "
			     "match");
		goto out;
	}
	match_prepare(p);
	match_needs_read(text, len, flags, &p->needs);
	return p;
out:
	match_free(p);
	return NULL;
}

void match_free(struct match_pattern *p)
{
	if (p == NULL)
		return;
	pcre2_jit_stack_free(p->stack);
	pcre2_match_context_free(p->context);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	buffer_release(&p->prefix);
	buffer_release(&p->source);
	pcre2_general_context_free(p->general);
	free(p);
}

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
