/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pattern is made: its source is looked at item by item, as PCRE2 itself splits
 * it, then compiled. The doors: match_compile when a sequence is read, and
 * match_free. Always true: what match_find must know of a pattern (whether it
 * looks ahead, what it begins with) is told by its items, never by a search in its
 * text; a pattern that is given back has room to run.
 */
#include "agent/console/match-private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MATCH_HEAP_KIB	   (16 * 1024)
#define MATCH_STACK_MAX	   (1024 * 1024)
#define MATCH_PATTERN_MAX  (64 * 1024)
#define MATCH_PREFIX_MIN   3

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
