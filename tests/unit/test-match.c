/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns on a growing text: what is found must not depend on how the text
 * was split (C04), and no pattern may run without end (C18).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "agent/console/match.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NONE SIZE_MAX

struct found {
	int rc;
	size_t start;
	size_t end;
	size_t seen;	/* how much text was there when it fired */
};

static struct match_pattern *compile(const char *text, unsigned flags)
{
	struct rh_error err = RH_ERROR_INIT;
	struct match_pattern *p;

	p = match_compile(text, strlen(text), flags, &err);
	if (p == NULL)
		fail_msg("%s: %s", text, err.text);
	return p;
}

/* Shows the text in pieces that end at the offsets in `cuts`, then whole. */
static struct found find_split(const struct match_pattern *p, const char *text,
			       const size_t *cuts, size_t cut_count)
{
	struct match_cursor cursor = { 0 };
	struct found f = { 0, NONE, NONE, 0 };
	size_t len = strlen(text), i;

	for (i = 0; i <= cut_count; i++) {
		f.seen = i < cut_count ? cuts[i] : len;
		f.rc = match_find(p, &cursor, text, f.seen, false, &f.start,
				  &f.end, NULL);
		if (f.rc != 0)
			return f;
	}
	f.rc = match_find(p, &cursor, text, len, true, &f.start, &f.end, NULL);
	return f;
}

static struct found find_whole(const struct match_pattern *p, const char *text)
{
	return find_split(p, text, NULL, 0);
}

static size_t boundaries(const char *text, size_t *cuts)
{
	size_t i, count = 0;

	for (i = 1; text[i - 1] != '\0' && text[i] != '\0'; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			cuts[count++] = i;
	return count;
}

/* The earliest end by trying every beginning of the text, without us. */
static struct found find_slowly(const char *pattern, unsigned flags,
				const char *text)
{
	struct found f = { 0, NONE, NONE, 0 };
	uint32_t options = PCRE2_UTF | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX |
			   PCRE2_NO_START_OPTIMIZE;
	size_t cuts[512], count, i, offset;
	pcre2_match_data *data;
	pcre2_code *code;
	int why;

	if ((flags & MATCH_CASELESS) != 0)
		options |= PCRE2_CASELESS;
	if ((flags & MATCH_DOTALL) != 0)
		options |= PCRE2_DOTALL;
	if ((flags & MATCH_EXTENDED) != 0)
		options |= PCRE2_EXTENDED;
	if ((flags & MATCH_LITERAL) != 0)
		options = PCRE2_LITERAL | PCRE2_UTF |
			  (options & PCRE2_CASELESS);
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			     options, &why, &offset, NULL);
	assert_non_null(code);
	data = pcre2_match_data_create_from_pattern(code, NULL);
	count = boundaries(text, cuts);
	cuts[count++] = strlen(text);
	for (i = 0; i < count && f.rc == 0; i++) {
		if (pcre2_match(code, (PCRE2_SPTR)text, cuts[i], 0, 0, data,
				NULL) < 0)
			continue;
		f.rc = 1;
		f.start = pcre2_get_ovector_pointer(data)[0];
		f.end = pcre2_get_ovector_pointer(data)[1];
	}
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	return f;
}

static void assert_same(const char *pattern, const char *text,
			const char *how, struct found a, struct found b)
{
	if (a.rc != b.rc || a.start != b.start || a.end != b.end)
		fail_msg("/%s/ on \"%s\", %s: %d %zd..%zd, not %d %zd..%zd",
			 pattern, text, how, a.rc, (ssize_t)a.start,
			 (ssize_t)a.end, b.rc, (ssize_t)b.start,
			 (ssize_t)b.end);
}

static void check_every_split(const char *pattern, unsigned flags,
			      const char *text)
{
	struct match_pattern *p = compile(pattern, flags);
	struct found whole = find_whole(p, text);
	size_t cuts[512], count = boundaries(text, cuts), i;

	if (!match_looks_ahead(p))
		assert_same(pattern, text, "whole against slowly", whole,
			    find_slowly(pattern, flags, text));
	for (i = 0; i < count; i++)
		assert_same(pattern, text, "cut once",
			    find_split(p, text, cuts + i, 1), whole);
	assert_same(pattern, text, "byte by byte",
		    find_split(p, text, cuts, count), whole);
	match_free(p);
}

static const struct {
	const char *text;
	unsigned flags;
} patterns[] = {
	{ "login: $", 0 },
	{ "login: ", MATCH_LITERAL },
	{ "LOGIN: ", MATCH_LITERAL | MATCH_CASELESS },
	{ "(?i)login:\\s*$", 0 },
	{ "^oldhost login:", 0 },
	{ "\\w+ login: ?", 0 },
	{ "[Ll]ogin.*:", 0 },
	{ ".*login", 0 },
	{ "a.*z|b", 0 },
	{ "a.*?z|bb", 0 },
	{ "a+", 0 },
	{ "a+b", 0 },
	{ "a{2,5}", 0 },
	{ "aa|a", 0 },
	{ "ab|abc|abcd", 0 },
	{ "abcd|bc", 0 },
	{ "x*abc?d?", 0 },
	{ "(?>abcd|a)b", 0 },
	{ "a++b|aab", 0 },
	{ "(?:ab)*+c", 0 },
	{ "Fix<y>\\?", 0 },
	{ "Press (F1|F2|any key) to continue", 0 },
	{ "\\bpanic\\b", 0 },
	{ "panic\\B", 0 },
	{ "panic(?=:)", 0 },
	{ "panic(?! attack)", 0 },
	{ "(?<=Kernel )panic", 0 },
	{ "(?<!no )panic", 0 },
	{ "(?<=\\n)\\w", 0 },
	{ "^\\w+$", 0 },
	{ "^b", 0 },
	{ "\\n^", 0 },
	{ "o$\\n^b", 0 },
	{ "panic.*login", MATCH_DOTALL },
	{ ".*c", MATCH_DOTALL },
	{ "k e r n e l \\s panic # comment $", MATCH_EXTENDED | MATCH_CASELESS },
	{ "(a|b)\\1", 0 },
	{ "(a*)b\\1c", 0 },
	{ "(?(?=a)ab|cd)", 0 },
	{ "(a)?(?(1)b|c)", 0 },
	{ "(\\((?:[^()]|(?1))*\\))", 0 },
	{ "\\R\\w", 0 },
	{ "\\Xb", 0 },
	{ "\xc3\xa9+", 0 },
	{ "[^a]\xe2\x94\x82", 0 },
	{ "\xe2\x94\x82.", 0 },
	{ "\\Q$\\E", 0 },
	{ "# $", 0 },
	{ "\\$ ", 0 },
	{ "[$#] ", 0 },
	{ "[$#] ?$", 0 },
	{ "(?-m)b$", 0 },
	{ "(?-m)^a", 0 },
	{ "\\Aa", 0 },
	{ "(?s)a.*b\\b", 0 },
	{ "S", MATCH_CASELESS },
	{ "\\d+%|done", 0 },
	/* PCRE2 10.42 misses these, by its shortcuts */
	{ "(a|)b*a", 0 },
	{ "(?:ab|a)b*b", 0 },
	{ "(?:a|bc|)\\w*?c*\\w+", 0 },
	{ "(?=b)^(?i)B{1,2}a*?[ab]*?", 0 },
	{ "log(?:in|i)n*: (?:x|)", 0 },
	{ "abc(?:a|b)*|x", 0 },
	{ "Kern\\w+ (?:p|pa)a*nic|Kern.*x", 0 },
	{ "bca(?:b|c)+", MATCH_CASELESS },
	{ "bca(?i)(?:b|c)+", 0 },
	{ "(?i)bca(?:b|c)+", 0 },
	{ "aab?(?:x|y)*", 0 },
	{ "\\# (?:x|y|)\\s*", 0 },
	{ "GNU GRUB +version \\d+\\.\\d+", 0 },
};

static const char *const texts[] = {
	"",
	"a",
	"aab",
	"aaaa",
	"abcd",
	"ab abc abcd",
	"xx abcbcabcd",
	"xxabcd",
	"a b z",
	"a bb z\nbb",
	"cd ab ba bb aa",
	"acb",
	"aabaac",
	"((a)(b))",
	"(a(b)",
	"\n",
	"\n\n",
	"foo\nbar",
	"foo\n\nb",
	"o\nb\n",
	"oldhost login: ",
	"oldhost login: \n",
	"Last login: Mon\noldhost login: ",
	"login: login: login: ",
	"logi\nlogin:",
	"# ",
	"root@oldhost:~# ",
	"costs 5 $ now\n$ ",
	"Kernel panic - not syncing",
	"Kernel panic: x\nno panic attack, panicky panic",
	"kernel\npanic\nlogin",
	"Inode 12 ref count is 7, should be 1.  Fix<y>? ",
	"Press F1 to continue, or any key to continue",
	"GNU GRUB  version 2.06-13\n",
	"GNU GRUB  version 2.0",
	" 5% 100% done",
	"caf\xc3\xa9\xc3\xa9 \xe2\x94\x82 b\xe2\x94\x82\xe2\x94\x82",
	"\xc3\xa9",
	"\xe2\x94\x82",
	("e\xcc\x81" "b"),
	"\xc5\xbf s S",
	"a\r\nb\rc",
	"bb b\nb ab",
	"aaaaaaaaaaaaaaaaaaaaab",
	"abab bcbca bcaBCbcab",
	"ab BCAbc bcab",
	"ac\nb",
	"loglogi login: login: ",
};

static void every_split_gives_the_same(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(patterns); i++)
		for (j = 0; j < COUNT(texts); j++)
			check_every_split(patterns[i].text, patterns[i].flags,
					  texts[j]);
}

/* Random patterns on random texts of a small alphabet. */
static void random_patterns_split_the_same(void **state)
{
	static const char *const atoms[] = {
		"a", "b", "c", ".", "[ab]", "[^a]", "\\n", "^", "$", "\\b",
		"(?=b)", "(?!a)", "(?<=a)", "(?<!b)", "\xc3\xa9", "\\B",
		"(?:ab|a)", "(?:a|bc|)", "(a)?", "\\w", "\\s",
	};
	static const char *const counts[] = {
		"", "", "", "", "*", "+", "?", "{2}", "*?", "+?", "++", "{1,2}",
	};
	static const char *const letters[] = { "a", "b", "c", "\n", "\xc3\xa9" };
	unsigned seed = 20240117;
	char pattern[128], text[64];
	struct match_pattern *p;
	int round, i, n, tested = 0;

	(void)state;
	for (round = 0; round < 6000; round++) {
		pattern[0] = text[0] = '\0';
		for (i = 0, n = 1 + rand_r(&seed) % 5; i < n; i++) {
			if (i > 0 && rand_r(&seed) % 6 == 0)
				strcat(pattern, "|");
			strcat(pattern, atoms[rand_r(&seed) % COUNT(atoms)]);
			if (pattern[strlen(pattern) - 1] != '$')
				strcat(pattern, counts[rand_r(&seed) %
						       COUNT(counts)]);
		}
		for (i = 0, n = rand_r(&seed) % 14; i < n; i++)
			strcat(text, letters[rand_r(&seed) % COUNT(letters)]);
		p = match_compile(pattern, strlen(pattern), 0, NULL);
		if (p == NULL)
			continue;
		match_free(p);
		check_every_split(pattern, 0, text);
		tested++;
	}
	assert_true(tested > 1000);
}

static void fires_at_the_earliest_end(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		size_t start, end;
	} cases[] = {
		{ "a+", "xaaa", 1, 2 },
		{ "a.*z|b", "a b z", 2, 3 },
		{ ".*login", "my login login", 0, 8 },
		{ "\\d+%", "100% 5%", 0, 4 },
		{ "login: ?", "login: ", 0, 6 },
		{ "(?s)a.*b", "axxbxxb", 0, 4 },
	};
	struct match_pattern *p;
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		p = compile(cases[i].pattern, 0);
		assert_false(match_looks_ahead(p));
		f = find_whole(p, cases[i].text);
		assert_int_equal(f.rc, 1);
		assert_int_equal(f.start, cases[i].start);
		assert_int_equal(f.end, cases[i].end);
		match_free(p);
	}
}

static int find_now(const struct match_pattern *p, struct match_cursor *c,
		    const char *text, bool quiet)
{
	size_t start, end;

	return match_find(p, c, text, strlen(text), quiet, &start, &end, NULL);
}

static void waits_for_what_follows(void **state)
{
	struct match_pattern *p = compile("login: $", 0);
	struct match_cursor cursor = { 0 };

	(void)state;
	assert_true(match_looks_ahead(p));
	assert_int_equal(find_now(p, &cursor, "login: ", false), 0);
	assert_int_equal(cursor.from, 0);
	assert_int_equal(find_now(p, &cursor, "login: Mon", false), 0);
	assert_int_equal(cursor.from, 10);
	assert_int_equal(find_now(p, &cursor, "login: Mon login: ", false), 0);
	assert_int_equal(cursor.from, 11);
	assert_int_equal(find_now(p, &cursor, "login: Mon login: ", true), 1);
	assert_int_equal(find_now(p, &cursor, "login: Mon login: \n", false),
			 1);
	match_free(p);
}

static void quiet_that_finds_nothing_loses_nothing(void **state)
{
	struct match_pattern *p = compile("panic(?=:)", 0);
	struct match_cursor cursor = { 0 };

	(void)state;
	assert_int_equal(find_now(p, &cursor, "panic", true), 0);
	assert_int_equal(find_now(p, &cursor, "panic:", false), 1);
	match_free(p);
	/* \b at the end hangs on what follows, with nothing left to scan */
	p = compile("\\bpanic\\b", 0);
	cursor.from = 0;
	assert_int_equal(find_now(p, &cursor, "foo", true), 0);
	cursor.from = 0;
	assert_int_equal(find_now(p, &cursor, "foo\n", true), 0);
	assert_int_equal(find_now(p, &cursor, "foo\npanic", true), 1);
	match_free(p);
}

static void nothing_is_scanned_twice(void **state)
{
	struct match_pattern *p = compile("panic", 0);
	struct match_cursor cursor = { 0 };

	(void)state;
	assert_int_equal(find_now(p, &cursor, "no news", false), 0);
	assert_int_equal(cursor.from, 7);
	assert_int_equal(find_now(p, &cursor, "no news, pan", false), 0);
	assert_int_equal(cursor.from, 9);
	match_free(p);
}

static void context_stands_before_the_cursor(void **state)
{
	struct match_pattern *line = compile("^b", 0);
	struct match_pattern *behind = compile("(?<=a)b", 0);
	struct match_cursor cursor = { .from = 1 };
	size_t start, end;

	(void)state;
	assert_int_equal(find_now(line, &cursor, "ab", false), 0);
	cursor.from = 1;
	assert_int_equal(match_find(behind, &cursor, "ab", 2, false, &start,
				    &end, NULL), 1);
	assert_int_equal(start, 1);
	assert_int_equal(end, 2);
	cursor.from = 2;
	assert_int_equal(find_now(line, &cursor, "a\nb", false), 1);
	match_free(line);
	match_free(behind);
}

static void continues_behind_a_match(void **state)
{
	struct match_pattern *p = compile("a+|b$", 0);
	struct match_cursor cursor = { 0 };
	const char text[] = "aa b\naab";
	size_t start, end, ends[8];
	int count = 0;

	(void)state;
	while (match_find(p, &cursor, text, strlen(text), true, &start, &end,
			  NULL) == 1) {
		assert_true(count < 8);
		ends[count++] = end;
		cursor.from = end;
	}
	assert_int_equal(count, 4);
	assert_int_equal(ends[0], 2);
	assert_int_equal(ends[1], 4);
	assert_int_equal(ends[2], 7);
	assert_int_equal(ends[3], 8);
	match_free(p);
}

static void tells_who_looks_ahead(void **state)
{
	static const struct {
		const char *pattern;
		bool looks_ahead;
		unsigned flags;
	} cases[] = {
		{ "a", false, 0 },	      { "a$", true, 0 },
		{ "a\\$", false, 0 },	      { "[$]", false, 0 },
		{ "[]$]a", false, 0 },	      { "[^]$]a", false, 0 },
		{ "[\\]$]a", false, 0 },      { "[[:alpha:]$]", false, 0 },
		{ "[\\b]", false, 0 },	      { "a\\b", true, 0 },
		{ "a\\\\b", false, 0 },	      { "\\Ba", true, 0 },
		{ "\\Qa$b\\E", false, 0 },    { "\\Qa\\E$", true, 0 },
		{ "\\Q\\E$a", true, 0 },      { "a\\Q$\\Eb", false, 0 },
		{ "\\Q(?=a)", false, 0 },     { "\\\\Q$a", true, 0 },
		{ "\\Qa\\b\\E", false, 0 },   { "a(?=b)", true, 0 },
		{ "a(?!b)", true, 0 },	      { "(?<=a)b", false, 0 },
		{ "(?<!a)b", false, 0 },      { "(?:a)", false, 0 },
		{ "(?<=a(?=b))b", true, 0 },  { "(?#$)a", false, 0 },
		{ "(?#[)a$", true, 0 },	      { "(?>a)", true, 0 },
		{ "a++", true, 0 },	      { "a*+b", true, 0 },
		{ "a?+b", true, 0 },	      { "a{2}+", true, 0 },
		{ "(a)++", true, 0 },	      { "[ab]++", true, 0 },
		{ "a+", false, 0 },	      { "\\++", false, 0 },
		{ "\\+++", true, 0 },	      { "[*+]", false, 0 },
		{ "[*+]+", false, 0 },	      { "[+*]++", true, 0 },
		{ "\\p{L}+", false, 0 },      { "\\p{L}++", true, 0 },
		{ "\\x{41}+", false, 0 },     { "\\d{3}+", true, 0 },
		{ "\\d{3}", false, 0 },	      { "\\N{U+41}", false, 0 },
		{ "\\N{3}+", true, 0 },	      { "a{+", false, 0 },
		{ "\\Qa+\\E++", true, 0 },    { "\\Qa++\\E", false, 0 },
		{ "(?1)(a)", false, 0 },      { "(?1)++(a)", true, 0 },
		{ "(*pla:a)a", true, 0 },     { "(*atomic:a)", true, 0 },
		{ "(?(?=a)b|c)", true, 0 },   { "a\\R", true, 0 },
		{ "a\\X", true, 0 },	      { "\\x24", false, 0 },
		{ "\\cA$", true, 0 },	      { "a # $", false, 4 },
		{ "a # \n$", true, 4 },	      { "(?x) a # [\n $", true, 0 },
		{ "a + +", true, 4 },	      { "(ab$){2}\\Q$\\E", true, 0 },
		{ "(?:ab){3}\\Q$\\E(?:c){2}", false, 0 },
		{ "$", false, MATCH_LITERAL },
		{ "(?i)a(?-i)b", false, 0 },  { "^a", false, 0 },
		{ "\\Aa", false, 0 },	      { "a(?C255)$", true, 0 },
	};
	struct match_pattern *p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		p = compile(cases[i].pattern, cases[i].flags);
		if (match_looks_ahead(p) != cases[i].looks_ahead)
			fail_msg("/%s/ looks ahead: not %d", cases[i].pattern,
				 cases[i].looks_ahead);
		match_free(p);
	}
}

static void refuses(void **state)
{
	static const char *const refused[] = {
		"",	 "a*",	   "a?",      "^",	  "$",	    "a|",
		"(a",	 "[a",	   "a\\",     "a\\z",	  "a\\Z",   "\\Ga",
		"a\\Kb", "a\\C",   "(*UTF)a", "(*CRLF)a", "a(*SKIP)b",
		"(*COMMIT)a",	   "a(*F)",   "a(?C1)b",  "(?C'x')a",
		"\xff",	 "x\xe2\x94", "(?=a)",   "\\b",	  "a(*ACCEPT)b",
		"(*NO_JIT)a",	   "(*LIMIT_MATCH=1)a", "^$", "a**",
	};
	struct rh_error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(refused); i++) {
		rh_error_clear(&err);
		if (match_compile(refused[i], strlen(refused[i]), 0, &err) !=
		    NULL)
			fail_msg("/%s/ was accepted", refused[i]);
		assert_int_equal(err.code, RH_ERR_CONFIG);
		assert_memory_equal(err.text, "pattern: ", 9);
	}
	assert_null(match_compile("", 0, MATCH_LITERAL, NULL));
	assert_null(match_compile("a(b", 3, 0, &err));
	assert_non_null(strstr(err.text, "offset 3"));
	match_free(NULL);
}

static void flags_change_what_matches(void **state)
{
	static const struct {
		const char *pattern;
		unsigned flags;
		const char *text;
		int rc;
	} cases[] = {
		{ "a.c", MATCH_LITERAL, "abc a.c", 1 },
		{ "a.c", MATCH_LITERAL, "abc", 0 },
		{ "ABC", 0, "abc", 0 },
		{ "ABC", MATCH_CASELESS, "abc", 1 },
		{ "ABC", MATCH_CASELESS | MATCH_LITERAL, "abc", 1 },
		{ "a b", 0, "ab", 0 },
		{ "a b", MATCH_EXTENDED, "ab", 1 },
		{ "a.b", 0, "a\nb", 0 },
		{ "a.b", MATCH_DOTALL, "a\nb", 1 },
		{ "^b", 0, "a\nb", 1 },
		{ "a$", 0, "a\nb", 1 },
		{ "a.b", 0, "a\xc3\xa9" "b", 1 },
		/* PCRE2 10.42 says no to the last two, by its shortcuts */
		{ "(?=a)a*?ab*", 0, "xa", 1 },
		{ "(1|)b*1", 0, "1", 1 },
	};
	struct match_pattern *p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		p = compile(cases[i].pattern, cases[i].flags);
		assert_int_equal(find_whole(p, cases[i].text).rc, cases[i].rc);
		match_free(p);
	}
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/*
 * C18. It takes some 5 to 20 ms; the bound leaves room for sanitizers and
 * busy machines, and is still far from the hours that these would take.
 */
static void catastrophic_patterns_end(void **state)
{
	static const char *const bad[] = {
		"(a+)+b", "(a|a)*b",	"(a*)*b",      "(?:a|aa)+b",
		"(.*)*x", "a*a*a*a*b",	"(a+)+$b",     "(?s)(.+)+\\bx",
		"((a+)+)+b", "(\\w+\\s?)+b", "(.*?,){20}b", "(a?){40}a{40}b",
		"^(a+)*b", "(a(a(a+)*)*)*b",
	};
	struct rh_error err = RH_ERROR_INIT;
	struct match_cursor cursor;
	struct match_pattern *p;
	size_t i, start, end;
	char text[4096];
	double begun, took;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (i = 0; i < COUNT(bad); i++) {
		p = compile(bad[i], 0);
		memset(&cursor, 0, sizeof(cursor));
		begun = cpu_ms();
		match_find(p, &cursor, text, sizeof(text), true, &start, &end,
			   &err);
		took = cpu_ms() - begun;
		if (took > 1000)
			fail_msg("/%s/ took %.0f ms", bad[i], took);
		match_free(p);
	}
}

static void the_limit_is_reported_once(void **state)
{
	struct match_pattern *p = compile("(a+)+b", 0);
	struct match_cursor cursor = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	size_t start = 7, end = 7;
	char text[64];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(match_find(p, &cursor, text, sizeof(text), false,
				    &start, &end, &err), -1);
	assert_int_equal(err.code, RH_ERR_PROTOCOL);
	assert_true(cursor.limited);
	assert_int_equal(match_find(p, &cursor, "aaab", 4, false, &start, &end,
				    &err), 0);
	assert_int_equal(start, 7);
	cursor = (struct match_cursor){ 0 };
	assert_int_equal(match_find(p, &cursor, "aaab", 4, false, &start, &end,
				    &err), 1);
	match_free(p);
}

/* C17: a megabyte without a newline is no reason to give up. */
static void long_lines_are_no_catastrophe(void **state)
{
	static const char *const good[] = {
		".*needle", "Linux.*needle", "[a-z]+ needle", "(?:an|an )+needle",
		"needle$", "a.*needle\\b", "(a|b)*needle",
	};
	size_t len = 1 << 20, i, start, end;
	char *text = malloc(len + 8);
	struct match_cursor cursor;
	struct match_pattern *p;
	struct rh_error err = RH_ERROR_INIT;

	(void)state;
	for (i = 0; i < len; i++)
		text[i] = "long line of an "[i % 16];
	memcpy(text + 100, "Linux", 5);
	memcpy(text + len - 6000, "Linux", 5);
	memcpy(text + len, "needle", 7);
	for (i = 0; i < COUNT(good); i++) {
		p = compile(good[i], 0);
		cursor = (struct match_cursor){ 0 };
		if (match_find(p, &cursor, text, len, false, &start, &end,
			       &err) != 0)
			fail_msg("/%s/: %s", good[i], err.text);
		assert_int_equal(match_find(p, &cursor, text, len + 6, true,
					    &start, &end, &err), 1);
		assert_int_equal(end, len + 6);
		match_free(p);
	}
	free(text);
}

/* What begins further back than a scan may see is given up, and only that. */
static void a_match_is_bounded(void **state)
{
	struct match_pattern *soft = compile("(?s)BEGIN.*END", 0);
	struct match_pattern *hard = compile("(?s)BEGIN.*END$", 0);
	size_t gap, len, i, j, cuts[64];
	char text[40000];
	struct found whole;

	(void)state;
	for (i = 0; i < 8; i++) {
		gap = i < 2 ? 8000 + 100 * i : 4000 * i;
		memset(text, 'x', sizeof(text));
		memcpy(text + 777, "BEGIN", 5);
		memcpy(text + 777 + gap, "END", 4);
		len = strlen(text);
		for (j = 0; j < 64; j++)
			cuts[j] = len * (j + 1) / 65;
		whole = find_whole(soft, text);
		if (gap + 3 <= MATCH_SPAN)
			assert_int_equal(whole.rc, 1);
		if (gap > 2 * MATCH_SPAN)
			assert_int_equal(whole.rc, 0);
		assert_same("soft", "", "64 cuts",
			    find_split(soft, text, cuts, 64), whole);
		assert_same("hard", "", "64 cuts",
			    find_split(hard, text, cuts, 64),
			    find_whole(hard, text));
	}
	match_free(soft);
	match_free(hard);
}

/* The grid of the scans must not cut a character, nor move with the split. */
static void long_texts_split_the_same(void **state)
{
	static const char *const list[] = {
		".*b",		  "\\xe9.*b", "b$",
		"(?s)\\xe9.{0,9}b", "[^b]+b",	   "\\w+ b\\b",
		/* a half of \xe9 would match these */
		"[^\\xe9ab\\n ]", "(?!\\xe9)[^ab\\n ]",
		"(?!\\xe9)[^\\x00-\\x7f].*b", "(?s)^a.*zz|[^\\xe9ab\\n ]",
	};
	size_t cuts[200], len = 36001, i, j, k;
	char *text = calloc(1, len + 8);
	struct match_pattern *p;
	unsigned seed = 1;

	(void)state;
	text[0] = 'a';
	for (i = 1; i < len; i += 2)
		memcpy(text + i, i % 6 == 1 ? "aa" : "\xc3\xa9", 2);
	strcpy(text + len, "a b\n");
	len = strlen(text);
	for (k = 0; k < COUNT(list); k++) {
		p = compile(list[k], 0);
		for (i = 0; i < 20; i++) {
			for (j = 0; j < 200; j++) {
				cuts[j] = len * j / 200 + rand_r(&seed) % 150;
				while (((unsigned char)text[cuts[j]] & 0xc0) ==
				       0x80)
					cuts[j]++;
			}
			assert_same(list[k], "long", "200 cuts",
				    find_split(p, text, cuts, 200),
				    find_whole(p, text));
		}
		match_free(p);
	}
	free(text);
}

static void empty_text_is_no_match(void **state)
{
	struct match_pattern *p = compile("a", 0);
	struct match_cursor cursor = { 0 };
	size_t start, end;

	(void)state;
	assert_int_equal(match_find(p, &cursor, NULL, 0, true, &start, &end,
				    NULL), 0);
	match_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_gives_the_same),
		cmocka_unit_test(random_patterns_split_the_same),
		cmocka_unit_test(fires_at_the_earliest_end),
		cmocka_unit_test(waits_for_what_follows),
		cmocka_unit_test(quiet_that_finds_nothing_loses_nothing),
		cmocka_unit_test(nothing_is_scanned_twice),
		cmocka_unit_test(context_stands_before_the_cursor),
		cmocka_unit_test(continues_behind_a_match),
		cmocka_unit_test(tells_who_looks_ahead),
		cmocka_unit_test(refuses),
		cmocka_unit_test(flags_change_what_matches),
		cmocka_unit_test(catastrophic_patterns_end),
		cmocka_unit_test(the_limit_is_reported_once),
		cmocka_unit_test(long_lines_are_no_catastrophe),
		cmocka_unit_test(a_match_is_bounded),
		cmocka_unit_test(long_texts_split_the_same),
		cmocka_unit_test(empty_text_is_no_match),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
