/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of patterns finds what its patterns find one at a time: whatever they
 * are, however the text is split, behind matches, rewinds and dropped text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/match-literal.h"
#include "agent/console/match-set.h"
#include "base/buffer.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PATTERNS_MAX 80
#define ROUNDS 60000

/* ---- what a pattern needs ---------------------------------------------- */

/* The literals with | between them; "-" for none. */
static const char *needs_text(const struct match_pattern *p, char *out)
{
	const struct match_literals *l = &match_needs(p)->literals;
	size_t i;

	strcpy(out, l->count == 0 ? "-" : "");
	for (i = 0; i < l->count; i++) {
		strcat(out, i > 0 ? "|" : "");
		strncat(out, l->list[i].text, l->list[i].len);
	}
	return out;
}

static void literals_are_found(void **state)
{
	static const struct {
		const char *pattern;
		unsigned flags;
		const char *needs;
	} cases[] = {
		{ "login: $", 0, "login: " },
		{ "^oldhost login:", 0, "oldhost login:" },
		{ "[Ll]ogin incorrect", 0, "Login incorrect|login incorrect" },
		{ "EXT[234]-fs error \\(device \\w+\\)", 0,
		  "EXT2-fs error (device |EXT3-fs error (device |"
		  "EXT4-fs error (device " },
		{ "You are in (emergency|rescue) mode", 0,
		  "You are in emergency mod|You are in rescue mod" },
		{ "(Strike|Press) (the )?F1( key)?", 0,
		  "Strike the F1 key|Strike the F1|Strike F1 key|Strike F1|"
		  "Press the F1 key|Press the F1|Press F1 key|Press F1" },
		{ "GNU GRUB +version \\d", 0, "GNU GRUB" },
		{ "[$#] ?$", 0, "$ |$|# |#" },
		{ "\\Qa.b\\E+c", 0, "-" },
		{ "\\Qa.b\\Ec", 0, "a.bc" },
		{ "a.b", MATCH_LITERAL, "a.b" },
		{ "x\\Ey", MATCH_LITERAL, "x\\Ey" },
		{ "abc*", 0, "ab" },
		{ "(abc)*\\d", 0, "-" },
		{ "(?:abc)+d", 0, "abc" },
		{ "(?:ab){2}", 0, "abab" },
		{ "ab{2}c", 0, "abbc" },
		{ "abc|\\d", 0, "-" },
		{ "abc|def", 0, "abc|def" },
		{ "(?=abc)...", 0, "-" },
		{ "Panic", MATCH_CASELESS, "panic" },
		{ "Break", MATCH_CASELESS, "break|\xc5\xbf|\xe2\x84\xaa" },
		{ "x(?i)Ab(?-i)C", 0, "xabC" },
		{ "x(?:(?i)A|b)C", 0, "xaC|xbC" },
		{ "\xc3\xa9+x", 0, "\xc3\xa9" },
		{ "a\xc3\xa9" "bcd", MATCH_CASELESS, "bcd" },
		{ "abc\\x41\\.", 0, "abcA." },
		{ "a b c", MATCH_EXTENDED, "-" },
		{ "(?x)a b c", 0, "-" },
		{ "(abc)\\1", 0, "-" },
		{ "(?|abc|def)", 0, "-" },
		{ "abc(?#comment)", 0, "-" },
		{ "(?<name>abc)", 0, "abc" },
		{ "(?P<name>abc)", 0, "abc" },
		{ "(?>abc|x)def", 0, "abcdef|xdef" },
		{ "abc{,3}", 0, "-" },
		{ "[[:alpha:]]abc[^x]", 0, "abc" },
		{ "[]a]bc", 0, "]bc|abc" },
		{ "[a-]bc", 0, "abc|-bc" },
		{ "[a-c]bc", 0, "bc" },
		{ "abc{0}de", 0, "abde" },
		{ "0123456789012345678901234567", 0,
		  "012345678901234567890123" },
		{ "e", 0, "-" },
	};
	struct match_pattern *p;
	char out[MATCH_LITERALS_MAX * (MATCH_LITERAL_LEN + 1) + 1];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		p = match_compile(cases[i].pattern, strlen(cases[i].pattern),
				  cases[i].flags, NULL);
		assert_non_null(p);
		if (strcmp(needs_text(p, out), cases[i].needs) != 0)
			fail_msg("/%s/ needs %s, not %s", cases[i].pattern,
				 out, cases[i].needs);
		match_free(p);
	}
}

static void tells_who_crosses_lines(void **state)
{
	static const struct {
		const char *pattern;
		bool crosses;
		size_t lead;
	} cases[] = {
		{ "abc", false, 0 },	    { "abc\\n", true, 0 },
		{ ".*abc", false, SIZE_MAX }, { "(?s).abc", true, 4 },
		{ "\\sabc", true, 4 },	    { "[^x]abc", true, 4 },
		{ "[^x\\n]?abc", false, 4 }, { "[^\\s]{2}abc", false, 8 },
		{ "[\\t-\\r]abc", true, 4 }, { "[^\\t-\\t]abc", true, 4 },
		{ "\\Wabc", true, 4 },	    { "\\wabc", false, 4 },
		{ "x+abc", false, SIZE_MAX }, { "(?=.)abc", false, SIZE_MAX },
		{ "\\babc$", false, 0 },    { "(?=\\n)\\w?abc", true, SIZE_MAX },
		{ "[a-z]abcd|\\d\\dwxyz", false, 8 },
	};
	const struct match_needs *needs;
	struct match_pattern *p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		p = match_compile(cases[i].pattern, strlen(cases[i].pattern), 0,
				  NULL);
		assert_non_null(p);
		needs = match_needs(p);
		if (needs->literals.count == 0 || needs->lead != cases[i].lead ||
		    needs->crosses_lines != cases[i].crosses)
			fail_msg("/%s/: lead %zd, crosses %d", cases[i].pattern,
				 (ssize_t)needs->lead, needs->crosses_lines);
		match_free(p);
	}
}

/* ---- against one at a time --------------------------------------------- */

/* A text with the same patterns on it twice: as a set, and one by one. */
struct both {
	const struct match_pattern *patterns[PATTERNS_MAX];
	char sources[PATTERNS_MAX][160];
	size_t count;
	struct match_set *set;
	struct match_scan scan;
	struct match_cursor of_set[PATTERNS_MAX];
	struct match_cursor alone[PATTERNS_MAX];
	const char *text;
	size_t len;		/* of it is there */
	size_t consumed;
	size_t found;		/* matches */
	bool gave_up;		/* a limit was hit: nothing to compare */
};

static void both_begin(struct both *b, const char *text)
{
	b->set = match_set_new(b->patterns, b->count);
	match_scan_init(&b->scan, b->set);
	b->text = text;
	b->len = b->consumed = 0;
	b->gave_up = false;
	memset(b->of_set, 0, sizeof(b->of_set));
	memset(b->alone, 0, sizeof(b->alone));
}

static void both_end(struct both *b)
{
	match_scan_release(&b->scan);
	match_set_free(b->set);
}

static void both_compare(struct both *b, size_t i, int rc, size_t start,
			 size_t end, bool quiet, size_t *best)
{
	size_t s = 0, e = 0;
	int alone = match_find(b->patterns[i], &b->alone[i], b->text, b->len,
			       quiet, &s, &e, NULL);

	if (alone < 0 || rc < 0) {
		b->gave_up = true;
		return;
	}
	if (alone != rc || (rc == 1 && (s != start || e != end)))
		fail_msg("/%s/ on %zu bytes of \"%s\": %d %zu..%zu, alone %d "
			 "%zu..%zu", b->sources[i], b->len, b->text, rc, start,
			 end, alone, s, e);
	if (rc == 1 && e < *best)
		*best = e;
}

/* The earliest end of all patterns, or SIZE_MAX. */
static size_t both_find(struct both *b, bool quiet)
{
	size_t best = SIZE_MAX, i, next, start, end;
	int rc;

	match_scan_text(&b->scan, b->text, b->len);
	next = match_scan_next(&b->scan, 0);
	for (i = 0; i < b->count && !b->gave_up; i++) {
		rc = 0;
		start = end = 0;
		if (i == next) {
			rc = match_scan_find(&b->scan, i, &b->of_set[i],
					     b->text, b->len, quiet, &start,
					     &end, NULL);
			next = match_scan_next(&b->scan, i + 1);
		}
		if (b->patterns[i] != NULL)
			both_compare(b, i, rc, start, end, quiet, &best);
	}
	return best;
}

static void both_consume(struct both *b, size_t end)
{
	size_t i;

	b->consumed = end;
	b->found++;
	for (i = 0; i < b->count; i++) {
		if (b->of_set[i].from < end)
			b->of_set[i].from = end;
		if (b->alone[i].from < end)
			b->alone[i].from = end;
	}
}

static void both_rewind(struct both *b)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		b->of_set[i].from = b->alone[i].from = b->consumed;
	match_scan_rewind(&b->scan, b->consumed);
}

/* Forgets text that is consumed, but for what a pattern may look back at. */
static void both_drop(struct both *b)
{
	size_t drop = b->consumed > 8 ? b->consumed - 8 : 0, i;

	while (((unsigned char)b->text[drop] & 0xc0) == 0x80)
		drop--;
	match_scan_drop(&b->scan, drop);
	for (i = 0; i < b->count; i++) {
		b->of_set[i].from -= drop;
		b->alone[i].from -= drop;
	}
	b->text += drop;
	b->len -= drop;
	b->consumed -= drop;
}

static void both_feed(struct both *b, size_t len, bool quiet)
{
	size_t end;

	b->len = len;
	while ((end = both_find(b, quiet)) != SIZE_MAX && !b->gave_up)
		both_consume(b, end);
}

/* Shows the text in pieces of up to `piece` characters. */
static void both_run(struct both *b, const char *text, unsigned piece,
		     unsigned *seed)
{
	size_t len, all = strlen(text), at = 0;

	both_begin(b, text);
	while (at < all && !b->gave_up) {
		at += 1 + (size_t)rand_r(seed) % piece;
		while (at < all && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
		if (at > all)
			at = all;
		len = at - (size_t)(b->text - text);
		both_feed(b, len, false);
		if (rand_r(seed) % 8 == 0)
			both_feed(b, len, true);
		if (rand_r(seed) % 16 == 0)
			both_drop(b);
		if (rand_r(seed) % 32 == 0)
			both_rewind(b);
	}
	if (!b->gave_up)
		both_feed(b, b->len, true);
	both_end(b);
}

static void random_pattern(char *out, unsigned *seed)
{
	static const char *const atoms[] = {
		"ab", "ba", "abc", "bcab", "ks", "a", "b", "c", "k", "S", ".",
		"[ab]", "[^a]", "[aK]", "\\n", "^", "$", "\\b", "\\B", " ",
		"(?=b)", "(?!a)", "(?<=a)", "(?<!b)", "\xc3\xa9", "\\w", "\\s",
		"(?:ab|a)", "(?:abc|bc|)", "(ab)?", "(?i)", "(?s)", "(?i:ab)",
		"\\Qab\\E", "(?>ab|b)", "(?:ca|b.)", "\\x61b", "[^\\n]*", ".*",
		"(?=.*c)", "(?s:.*)", "(?=[^a]*c)", "[\\x61-b]", "(\\w)\\1",
		"\xc5\xbf", "[[:alpha:]]", "[a-c]", "(?-i)", "(?:a|(?i)b|c)",
	};
	static const char *const counts[] = {
		"", "", "", "", "", "", "", "*", "+", "?", "{2}", "*?", "+?",
		"++", "{1,2}", "{2,}", "{0}",
	};
	int i, n = 1 + rand_r(seed) % 6;

	out[0] = '\0';
	for (i = 0; i < n; i++) {
		if (i > 0 && rand_r(seed) % 8 == 0)
			strcat(out, "|");
		strcat(out, atoms[(size_t)rand_r(seed) % COUNT(atoms)]);
		if (out[strlen(out) - 1] != '$')
			strcat(out, counts[(size_t)rand_r(seed) %
					   COUNT(counts)]);
	}
}

static void random_text(char *out, int count, unsigned *seed)
{
	static const char *const letters[] = {
		"a", "b", "c", "ab", "abc", "bca", "\n", " ", "\xc3\xa9", "k",
		"S", "K", "s", "\xc5\xbf", "\xe2\x84\xaa", "A", "B", "\xc3\x89",
		"ab", "abab",
	};

	out[0] = '\0';
	for (; count > 0; count--)
		strcat(out, letters[(size_t)rand_r(seed) % COUNT(letters)]);
}

static void random_set(struct both *b, size_t count, unsigned *seed)
{
	static const unsigned flags[] = { 0, 0, 0, MATCH_CASELESS,
					  MATCH_DOTALL, MATCH_LITERAL,
					  MATCH_LITERAL | MATCH_CASELESS,
					  MATCH_EXTENDED };

	for (b->count = 0; b->count < count; b->count++) {
		random_pattern(b->sources[b->count], seed);
		/* now and then it is refused: then there is a gap */
		b->patterns[b->count] = match_compile(
			b->sources[b->count], strlen(b->sources[b->count]),
			flags[(size_t)rand_r(seed) % COUNT(flags)], NULL);
	}
}

static void free_set(struct both *b)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		match_free((struct match_pattern *)b->patterns[i]);
}

static void random_sets_find_the_same(void **state)
{
	struct both b = { .count = 0 };
	unsigned seed;
	char text[512];
	int round, i;

	(void)state;
	for (round = 1; round <= ROUNDS; round++) {
		seed = (unsigned)round;
		random_set(&b, 1 + (size_t)rand_r(&seed) % 3, &seed);
		for (i = 0; i < 2; i++) {
			random_text(text, rand_r(&seed) % 40, &seed);
			both_run(&b, text, i == 0 ? 2 : 12, &seed);
		}
		free_set(&b);
	}
	assert_true(b.found > ROUNDS);
}

static void large_sets_find_the_same(void **state)
{
	struct both b = { .count = 0 };
	unsigned seed = 1;
	char text[2048];
	int round;

	(void)state;
	for (round = 0; round < 60; round++) {
		random_set(&b, PATTERNS_MAX, &seed);
		random_text(text, 500, &seed);
		both_run(&b, text, round % 2 == 0 ? 30 : 600, &seed);
		free_set(&b);
	}
	assert_true(b.found > 1000);
}

/* Patterns that people write, on a log with all that they look for. */
static void real_patterns_find_the_same(void **state)
{
	static const char *const sources[] = {
		"login: $", "(?i)login:\\s*$", "^oldhost login:", "[$#] ?$",
		"Press (F1|F2|any key) to continue", "Fix<y>\\?",
		"Kernel panic - not syncing: .*", "\\bpanic\\b",
		"EXT[234]-fs error", "(?s)panic.*login", "panic[\\s\\S]*#",
		"\\d+%|done", "root@\\w+:~# $", "(?i)press.*key", "\xe2\x94\x82",
		"(?<=Kernel )panic", "login(?=:)", "\\(initramfs\\) $",
		/* the longer one has begun before the shorter is there */
		"Fix\\d|not Fix<y>",
	};
	static const char *const lines[] = {
		"oldhost login: ", "\n", "\noldhost login: root\n",
		"Kernel panic - not syncing: VFS\n", "Last login: Mon\n",
		"Press F1 to continue", "press any KEY\n", "not Fix<y>? ", "yes\n",
		"EXT3-fs error (device sda1)\n", " 10% 20% done\n",
		"root@oldhost:~# ", "(initramfs) ", "ls\n", "$ ", "x # ",
		"\xe2\x94\x82 menu \xe2\x94\x82\n", "LOGIN:  ", "no panic\n",
	};
	struct both b = { .count = COUNT(sources) };
	unsigned seed = 7, i, round;
	char text[4096];

	(void)state;
	for (i = 0; i < COUNT(sources); i++) {
		strcpy(b.sources[i], sources[i]);
		b.patterns[i] = match_compile(sources[i], strlen(sources[i]), 0,
					      NULL);
	}
	for (round = 0; round < 1000; round++) {
		text[0] = '\0';
		for (i = 0; i < 40; i++)
			strcat(text, lines[(size_t)rand_r(&seed) %
					   COUNT(lines)]);
		both_run(&b, text, 1 + round % 40, &seed);
	}
	assert_true(b.found > 1000);
	free_set(&b);
}

/* Longer than a scan may see, the same places are given up. */
static void long_texts_find_the_same(void **state)
{
	static const char *const sources[] = {
		"BEGIN.*END", "(?s)BEGIN.*END", "BEGIN[^#]*END$", ".*END",
		"(?s)B.*END\\b", "\\w\\wGIN", "END$", "(?i)begin\\s*\\w",
	};
	struct both b = { .count = COUNT(sources) };
	char *text = calloc(1, 60001);
	unsigned seed = 3, i, round, at;

	(void)state;
	for (i = 0; i < COUNT(sources); i++) {
		strcpy(b.sources[i], sources[i]);
		b.patterns[i] = match_compile(sources[i], strlen(sources[i]), 0,
					      NULL);
	}
	for (round = 0; round < 40; round++) {
		memset(text, ' ', 60000);
		for (i = 0; i < 12; i++) {
			at = (unsigned)rand_r(&seed) % 59990;
			memcpy(text + at, "BEGIN", 5);
			at = (unsigned)rand_r(&seed) % 59990;
			memcpy(text + at, round % 2 ? "END\n" : "END ", 4);
		}
		both_begin(&b, text);
		for (at = 0; at < 60000 && !b.gave_up;) {
			at += 1 + (unsigned)rand_r(&seed) % 3000;
			both_feed(&b, at < 60000 ? at : 60000, false);
		}
		both_end(&b);
	}
	assert_true(b.found > 100);
	free_set(&b);
	free(text);
}

static void nothing_is_tried_without_its_literal(void **state)
{
	struct match_pattern *list[] = {
		match_compile("panic", 5, 0, NULL),
		NULL,
		match_compile("\\d+", 3, 0, NULL),
		match_compile("login: $", 8, 0, NULL),
	};
	const char text[] = "no news but 7 pan login: ";
	struct match_cursor cursor = { 0 };
	struct match_set *set;
	struct match_scan scan;
	size_t start, end;

	(void)state;
	set = match_set_new((const struct match_pattern *const *)list, 4);
	match_scan_init(&scan, set);
	match_scan_text(&scan, text, 17);
	assert_int_equal(match_scan_next(&scan, 0), 2);
	assert_int_equal(match_scan_next(&scan, 3), 4);
	match_scan_text(&scan, text, strlen(text));
	assert_int_equal(match_scan_next(&scan, 3), 3);
	assert_int_equal(match_scan_find(&scan, 3, &cursor, text, strlen(text),
					 false, &start, &end, NULL), 0);
	/* it waits for what follows */
	assert_int_equal(match_scan_next(&scan, 3), 3);
	assert_int_equal(match_scan_find(&scan, 3, &cursor, text, strlen(text),
					 true, &start, &end, NULL), 1);
	assert_int_equal(start, 18);
	cursor.from = end;
	assert_int_equal(match_scan_find(&scan, 3, &cursor, text, strlen(text),
					 true, &start, &end, NULL), 0);
	assert_int_equal(match_scan_next(&scan, 3), 4);
	match_scan_release(&scan);
	match_set_free(set);
	match_free(list[0]);
	match_free(list[2]);
	match_free(list[3]);
}

static void an_empty_set_is_never_due(void **state)
{
	struct match_set *set = match_set_new(NULL, 0);
	struct match_scan scan;

	(void)state;
	match_scan_init(&scan, set);
	match_scan_text(&scan, "text", 4);
	assert_int_equal(match_scan_next(&scan, 0), 0);
	match_scan_rewind(&scan, 0);
	match_scan_drop(&scan, 4);
	match_scan_release(&scan);
	match_set_free(set);
	match_set_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_found),
		cmocka_unit_test(tells_who_crosses_lines),
		cmocka_unit_test(random_sets_find_the_same),
		cmocka_unit_test(large_sets_find_the_same),
		cmocka_unit_test(real_patterns_find_the_same),
		cmocka_unit_test(long_texts_find_the_same),
		cmocka_unit_test(nothing_is_tried_without_its_literal),
		cmocka_unit_test(an_empty_set_is_never_due),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
