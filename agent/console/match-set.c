/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of patterns. The machine comes in with the rules of a state when text
 * came: match_scan_text, then match_scan_find for each index that
 * match_scan_next gives.
 *
 * The automaton is Aho and Corasick's, as one table: a row for each state, a
 * column for each class of bytes. Rows of states that end a literal stand last.
 *
 * Always true: a pattern that is not due has no literal that begins at its
 * cursor or behind it, so no match in the text; its cursor stays behind then.
 * When a literal comes, the cursor is moved forward to where a match with this
 * literal, or with one that has only begun, may begin: so far that not even a
 * partial match may hang on what is left out.
 */
#include "agent/console/match-set.h"

#include <stdlib.h>
#include <string.h>

#include "agent/console/match-literal.h"
#include "base/memory.h"

#define SET_NONE SIZE_MAX
#define SET_BITS 64
#define SET_LANES_MIN (8 * MATCH_LITERAL_LEN)	/* bytes; less is one lane */

struct match_hits {
	size_t first;	/* where a literal begins that is not done with */
	size_t last;
};

struct match_set_end {
	uint32_t pattern;
	uint32_t len;	/* of the literal that ends here */
};

struct match_set {
	const struct match_pattern **patterns;
	size_t count;
	size_t words;
	size_t longest;		/* bytes of a literal, at most; 0: there is none */
	uint64_t *always;	/* bits: nothing is known of these */
	uint8_t classes[256];
	uint32_t *next;		/* of row + class; a row is index * width */
	uint32_t width;
	uint32_t ends_from;	/* rows from here on end literals */
	uint32_t *end_begin;	/* per such row, and one more: in ends */
	struct match_set_end *ends;
};

/* The automaton while it is built; state 0 is the root. */
struct match_set_build {
	uint32_t *next;		/* per state and class; 0: none */
	uint32_t *fail;
	uint32_t *order;	/* breadth first */
	uint32_t *end_list;	/* per state: 1 + index in ends, 0 none */
	uint32_t *end_next;	/* per end, the same */
	uint32_t *end_fail;	/* the nearest suffix that ends literals, 0 none */
	struct match_set_end *ends;
	uint32_t state_count;
	uint32_t end_count;
	uint32_t width;
};

static bool set_uses(const struct match_set *set, size_t i)
{
	return set->patterns[i] != NULL &&
	       match_needs(set->patterns[i])->literals.count > 0;
}

/* ---- building ---------------------------------------------------------- */

/* Bytes that stand in no literal are of class 0. */
static void set_classify(struct match_set *set)
{
	const struct match_needs *needs;
	bool used[256] = { false }, fold = false;
	size_t i, j, k;

	for (i = 0; i < set->count; i++) {
		if (!set_uses(set, i))
			continue;
		needs = match_needs(set->patterns[i]);
		fold |= needs->caseless;
		if (needs->longest > set->longest)
			set->longest = needs->longest;
		for (j = 0; j < needs->literals.count; j++)
			for (k = 0; k < needs->literals.list[j].len; k++)
				used[(uint8_t)needs->literals.list[j].text[k]] =
					true;
	}
	set->width = 1;
	for (i = 0; i < 256; i++) {
		if (fold && i >= 'A' && i <= 'Z')
			used[i + 'a' - 'A'] |= used[i];
		else if (used[i])
			set->classes[i] = (uint8_t)set->width++;
	}
	for (i = 'A'; fold && i <= 'Z'; i++)
		set->classes[i] = set->classes[i + 'a' - 'A'];
}

static void set_build_init(struct match_set_build *b,
			   const struct match_set *set)
{
	const struct match_literals *literals;
	size_t states = 1, ends = 0, i, j;

	for (i = 0; i < set->count; i++) {
		if (!set_uses(set, i))
			continue;
		literals = &match_needs(set->patterns[i])->literals;
		ends += literals->count;
		for (j = 0; j < literals->count; j++)
			states += literals->list[j].len;
	}
	b->width = set->width;
	b->next = memory_new(states * b->width, sizeof(*b->next));
	b->fail = memory_new(states, sizeof(*b->fail));
	b->order = memory_new(states, sizeof(*b->order));
	b->end_list = memory_new(states, sizeof(*b->end_list));
	b->end_fail = memory_new(states, sizeof(*b->end_fail));
	b->end_next = memory_new(ends + 1, sizeof(*b->end_next));
	b->ends = memory_new(ends + 1, sizeof(*b->ends));
	b->state_count = 1;
}

static void set_build_release(struct match_set_build *b)
{
	free(b->next);
	free(b->fail);
	free(b->order);
	free(b->end_list);
	free(b->end_fail);
	free(b->end_next);
	free(b->ends);
}

static void set_add_literal(struct match_set_build *b,
			    const struct match_set *set,
			    const struct match_literal *l, size_t pattern)
{
	uint32_t state = 0, *next;
	size_t i;

	for (i = 0; i < l->len; i++) {
		next = &b->next[state * b->width +
				set->classes[(uint8_t)l->text[i]]];
		if (*next == 0)
			*next = b->state_count++;
		state = *next;
	}
	b->ends[b->end_count].pattern = (uint32_t)pattern;
	b->ends[b->end_count].len = l->len;
	b->end_next[b->end_count] = b->end_list[state];
	b->end_list[state] = ++b->end_count;
}

/* From the trie to the automaton, breadth first. */
static void set_link(struct match_set_build *b)
{
	uint32_t head = 0, tail = 1, state, c, *next, fail;

	for (; head < tail; head++) {
		state = b->order[head];
		for (c = 0; c < b->width; c++) {
			next = &b->next[state * b->width + c];
			fail = state == 0 ? 0 :
			       b->next[b->fail[state] * b->width + c];
			if (*next == 0) {
				*next = fail;
				continue;
			}
			b->fail[*next] = fail;
			b->end_fail[*next] = b->end_list[fail] != 0 ?
						     fail : b->end_fail[fail];
			b->order[tail++] = *next;
		}
	}
}

static bool set_ends(const struct match_set_build *b, uint32_t state)
{
	return b->end_list[state] != 0 || b->end_fail[state] != 0;
}

/* Writes the literals that end in a state; returns how many. */
static uint32_t set_list_ends(const struct match_set_build *b, uint32_t state,
			      struct match_set_end *ret)
{
	uint32_t count = 0, i;

	for (; state != 0; state = b->end_fail[state]) {
		for (i = b->end_list[state]; i != 0; i = b->end_next[i - 1]) {
			if (ret != NULL)
				ret[count] = b->ends[i - 1];
			count++;
		}
	}
	return count;
}

/* The rows' new order: breadth first, those that end literals last. */
static uint32_t *set_number(struct match_set *set,
			    const struct match_set_build *b)
{
	uint32_t *rows = memory_new(b->state_count, sizeof(*rows));
	uint32_t i, row = 0, ends = 0, total = 0;

	for (i = 0; i < b->state_count; i++) {
		if (!set_ends(b, b->order[i]))
			rows[b->order[i]] = row++;
	}
	set->ends_from = row * set->width;
	for (i = 0; i < b->state_count; i++)
		total += set_list_ends(b, b->order[i], NULL);
	set->end_begin = memory_new(b->state_count - row + 1,
				    sizeof(*set->end_begin));
	set->ends = memory_new(total + 1, sizeof(*set->ends));
	for (i = 0, total = 0; i < b->state_count; i++) {
		if (!set_ends(b, b->order[i]))
			continue;
		rows[b->order[i]] = row++;
		total += set_list_ends(b, b->order[i], set->ends + total);
		set->end_begin[++ends] = total;
	}
	return rows;
}

static void set_build(struct match_set *set)
{
	struct match_set_build b = { .next = NULL };
	const struct match_literals *literals;
	uint32_t *rows, state, c;
	size_t i, j;

	set_build_init(&b, set);
	for (i = 0; i < set->count; i++) {
		if (!set_uses(set, i))
			continue;
		literals = &match_needs(set->patterns[i])->literals;
		for (j = 0; j < literals->count; j++)
			set_add_literal(&b, set, &literals->list[j], i);
	}
	set_link(&b);
	rows = set_number(set, &b);
	set->next = memory_new((size_t)b.state_count * b.width,
			       sizeof(*set->next));
	for (state = 0; state < b.state_count; state++)
		for (c = 0; c < b.width; c++)
			set->next[rows[state] * b.width + c] =
				rows[b.next[state * b.width + c]] * b.width;
	free(rows);
	set_build_release(&b);
}

struct match_set *match_set_new(const struct match_pattern *const *patterns,
				size_t count)
{
	struct match_set *set = memory_new(1, sizeof(*set));
	size_t i;

	set->count = count;
	set->words = count / SET_BITS + 1;
	set->patterns = memory_new(count + 1, sizeof(*set->patterns));
	set->always = memory_new(set->words, sizeof(*set->always));
	for (i = 0; i < count; i++) {
		set->patterns[i] = patterns[i];
		if (patterns[i] != NULL && !set_uses(set, i))
			set->always[i / SET_BITS] |= UINT64_C(1)
						     << i % SET_BITS;
	}
	set_classify(set);
	set_build(set);
	return set;
}

void match_set_free(struct match_set *set)
{
	if (set == NULL)
		return;
	free(set->patterns);
	free(set->always);
	free(set->next);
	free(set->end_begin);
	free(set->ends);
	free(set);
}

/* ---- scanning ---------------------------------------------------------- */

void match_scan_init(struct match_scan *scan, const struct match_set *set)
{
	scan->set = set;
	scan->due = memory_new(set->words, sizeof(*scan->due));
	scan->hits = memory_new(set->count + 1, sizeof(*scan->hits));
	match_scan_rewind(scan, 0);
}

void match_scan_release(struct match_scan *scan)
{
	free(scan->due);
	free(scan->hits);
	memset(scan, 0, sizeof(*scan));
}

void match_scan_rewind(struct match_scan *scan, size_t from)
{
	size_t i;

	scan->seen = from;
	scan->state = 0;
	memcpy(scan->due, scan->set->always,
	       scan->set->words * sizeof(*scan->due));
	for (i = 0; i < scan->set->count; i++)
		scan->hits[i] = (struct match_hits){ SET_NONE, SET_NONE };
}

static size_t scan_drop_from(size_t at, size_t len)
{
	return at == SET_NONE ? at : at > len ? at - len : 0;
}

void match_scan_drop(struct match_scan *scan, size_t len)
{
	size_t i;

	if (scan->seen < len)
		scan->state = 0;
	scan->seen = scan_drop_from(scan->seen, len);
	for (i = 0; i < scan->set->count; i++) {
		scan->hits[i].first = scan_drop_from(scan->hits[i].first, len);
		scan->hits[i].last = scan_drop_from(scan->hits[i].last, len);
	}
}

/* Notes the literals that end in this state, at this offset. */
static void scan_note(struct match_scan *scan, uint32_t state, size_t end)
{
	const struct match_set *set = scan->set;
	uint32_t row = (state - set->ends_from) / set->width, i;
	const struct match_set_end *e;
	struct match_hits *hits;
	size_t begin;

	if (state < set->ends_from)
		return;
	for (i = set->end_begin[row]; i < set->end_begin[row + 1]; i++) {
		e = &set->ends[i];
		hits = &scan->hits[e->pattern];
		begin = end > e->len ? end - e->len : 0;
		if (hits->first == SET_NONE || hits->first > begin)
			hits->first = begin;
		if (hits->last == SET_NONE || hits->last < begin)
			hits->last = begin;
		scan->due[e->pattern / SET_BITS] |=
			UINT64_C(1) << e->pattern % SET_BITS;
	}
}

/*
 * The same in four lanes, since the processor would only wait for one step of
 * the automaton after the other. A lane begins the longest literal before the
 * end of the one before it, so its state is the right one from there on; what
 * ends in between is noted twice, which does no harm.
 */
static void scan_lanes(struct match_scan *scan, const char *text, size_t len)
{
	const uint8_t *classes = scan->set->classes;
	const uint32_t *next = scan->set->next, ends = scan->set->ends_from;
	size_t count = (len - scan->seen + 3 * scan->set->longest) / 4, i;
	size_t step = count - scan->set->longest, end = scan->seen + 1;
	const uint8_t *a = (const uint8_t *)text + scan->seen;
	uint32_t s0 = scan->state, s1 = 0, s2 = 0, s3 = 0;

	for (i = 0; i < count; i++) {
		s0 = next[s0 + classes[a[i]]];
		s1 = next[s1 + classes[a[i + step]]];
		s2 = next[s2 + classes[a[i + 2 * step]]];
		s3 = next[s3 + classes[a[i + 3 * step]]];
		if (s0 < ends && s1 < ends && s2 < ends && s3 < ends)
			continue;
		scan_note(scan, s0, end + i);
		scan_note(scan, s1, end + i + step);
		scan_note(scan, s2, end + i + 2 * step);
		scan_note(scan, s3, end + i + 3 * step);
	}
	scan->state = s3;
	scan->seen += 3 * step + count;
}

void match_scan_text(struct match_scan *scan, const char *text, size_t len)
{
	const uint8_t *classes = scan->set->classes;
	const uint32_t *next = scan->set->next, ends = scan->set->ends_from;
	uint32_t state;
	size_t i;

	if (scan->set->longest == 0 || len <= scan->seen)
		return;
	if (len - scan->seen >= SET_LANES_MIN)
		scan_lanes(scan, text, len);
	state = scan->state;
	for (i = scan->seen; i < len; i++) {
		state = next[state + classes[(uint8_t)text[i]]];
		if (state >= ends)
			scan_note(scan, state, i + 1);
	}
	scan->state = state;
	scan->seen = len;
}

size_t match_scan_next(const struct match_scan *scan, size_t index)
{
	size_t word = index / SET_BITS;
	uint64_t bits;

	if (index >= scan->set->count)
		return scan->set->count;
	bits = scan->due[word] & (UINT64_MAX << index % SET_BITS);
	while (bits == 0 && ++word < scan->set->words)
		bits = scan->due[word];
	if (bits == 0)
		return scan->set->count;
	return word * SET_BITS + (size_t)__builtin_ctzll(bits);
}

static void scan_not_due(struct match_scan *scan, size_t index)
{
	scan->due[index / SET_BITS] &= ~(UINT64_C(1) << index % SET_BITS);
	scan->hits[index] = (struct match_hits){ SET_NONE, SET_NONE };
}

/* Where the first match may begin that has a literal at hit or behind it. */
static size_t scan_begin(const struct match_needs *needs, size_t from,
			 const char *text, size_t len, size_t hit)
{
	size_t begun = len > needs->longest ? len - needs->longest : 0;
	const char *newline;

	if (hit > from && !needs->crosses_lines) {
		newline = memrchr(text + from, '\n', hit - from);
		if (newline != NULL)
			from = (size_t)(newline - text) + 1;
	}
	hit = begun < hit ? begun : hit;
	if (needs->lead < hit && hit - needs->lead > from)
		from = hit - needs->lead;
	while (from < len && ((uint8_t)text[from] & 0xc0) == 0x80)
		from++;
	return from;
}

int match_scan_find(struct match_scan *scan, size_t index,
		    struct match_cursor *cursor, const char *text, size_t len,
		    bool quiet, size_t *ret_start, size_t *ret_end,
		    struct rh_error *err)
{
	const struct match_pattern *p = scan->set->patterns[index];
	struct match_hits *hits = &scan->hits[index];
	int rc;

	if (!set_uses(scan->set, index))
		return match_find(p, cursor, text, len, quiet, ret_start,
				  ret_end, err);
	if (hits->last == SET_NONE || hits->last < cursor->from) {
		scan_not_due(scan, index);
		return 0;
	}
	cursor->from = scan_begin(match_needs(p), cursor->from, text, len,
				  hits->first);
	rc = match_find(p, cursor, text, len, quiet, ret_start, ret_end, err);
	/* What this try left open begins at the cursor. */
	hits->first = cursor->from;
	if (rc == 0 && hits->last < cursor->from)
		scan_not_due(scan, index);
	return rc;
}
