/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which patterns hide which: by example, and on many random patterns and texts,
 * where each "hides" has to be true.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/match.h"

static struct match_pattern *compiled(const char *text, unsigned flags)
{
	struct rh_error err = RH_ERROR_INIT;
	struct match_pattern *p = match_compile(text, strlen(text), flags, &err);

	if (p == NULL)
		fail_msg("%s: %s", text, err.text);
	return p;
}

static void is(const char *a, unsigned a_flags, const char *b, unsigned b_flags,
	       enum match_hiding expected)
{
	struct match_pattern *x = compiled(a, a_flags), *y = compiled(b, b_flags);
	enum match_hiding how = match_hides(x, y);

	if (how != expected)
		fail_msg("%s hides %s: %d, expected %d", a, b, how, expected);
	match_free(x);
	match_free(y);
}

static void examples(void **state)
{
	const unsigned text = MATCH_LITERAL, i = MATCH_CASELESS;

	(void)state;
	is("login:", text, "ldap1 login: ", text, MATCH_HIDES_EARLIER);
	is("login: ", text, "ldap1 login: ", text, MATCH_HIDES);
	is("login:", text, "ldap1 login: $", 0, MATCH_HIDES_EARLIER);
	is("login: $", 0, "ldap1 login: $", 0, MATCH_HIDES);
	is("lo\\w+:", 0, "ldap1 login: ", text, MATCH_HIDES_EARLIER);
	is("F\\d", 0, "(Strike the|Press) F1", 0, MATCH_HIDES);
	is("F1|F2", 0, "Press F(1|2)", 0, MATCH_HIDES);
	is("grub", i, "GNU GRUB 2", text, MATCH_HIDES_EARLIER);
	is("grub", i, "GNU GRUB 2", i, MATCH_HIDES_EARLIER);
	is("a.*b", 0, "xa.*b$", 0, MATCH_HIDES);
	is("^x", 0, "^x.*y", 0, MATCH_HIDES);
	is("a (?:b|c)+", 0, "z a (?:b|c)+ d", 0, MATCH_HIDES);
	is("x$", 0, "x$", 0, MATCH_HIDES);
	/* Different texts, or only sometimes. */
	is("ldap1 login:", text, "login:", text, MATCH_HIDES_NOT);
	is("GRUB", 0, "grub", i, MATCH_HIDES_NOT);
	is("F1", 0, "Press F(1|2)", 0, MATCH_HIDES_NOT);
	is("^login", 0, "x login", text, MATCH_HIDES_NOT);
	is("login$", 0, "x login: ", text, MATCH_HIDES_NOT);
	is("\\blogin", 0, "xlogin: ", text, MATCH_HIDES_NOT);
	is("(?<!x)login", 0, "xlogin: ", text, MATCH_HIDES_NOT);
	/* They would be found at the same place, but perhaps later. */
	is("x$", 0, "x\\ny", 0, MATCH_HIDES_NOT);
	is("a.*b$", 0, "xa.*b$", 0, MATCH_HIDES_NOT);
	is("b", 0, "a|b", 0, MATCH_HIDES_NOT);
	is("b", 0, "ab?c", 0, MATCH_HIDES_NOT);
	is("1", 0, "\\x41", 0, MATCH_HIDES_NOT);
	is(",3}", 0, "a{2,3}", 0, MATCH_HIDES_NOT);
	is("L", 0, "\\p{L}", 0, MATCH_HIDES_NOT);
	is("a|b", 0, "xa|b", 0, MATCH_HIDES_NOT);
	is("a", 0, "(?i)a", 0, MATCH_HIDES_NOT);
	is("b", i, "a(?-i)b", i, MATCH_HIDES);
	is("[[:upper:]]b", i, "Xb", i, MATCH_HIDES_NOT);
	is("a.c", 0, "a.c", MATCH_DOTALL, MATCH_HIDES_NOT);
}

/* ---- random ---------------------------------------------------------------------- */

static uint32_t seed = 1;

static unsigned random_below(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void random_pattern(char *out, size_t len, unsigned *flags)
{
	static const char *const items[] = { "a", "b", "ab", "A", " ", "a", "b",
		"ba", "\\n", ".", "[ab]", "[^a]", "a?", "b*", "a+", "(a|b)", "|",
		"^", "$", "\\b", "\\w", "(?:ab)+", "a{2}", "b+?", "(?=b)",
		"(?<=a)", "a++", "(?i)", "\\x61", "(a)\\1" };
	unsigned n = 1 + random_below(4);

	out[0] = '\0';
	*flags = random_below(5) == 0 ? MATCH_CASELESS : 0;
	while (n-- > 0)
		strncat(out, items[random_below(sizeof(items) /
						sizeof(items[0]))],
			len - strlen(out) - 1);
}

static struct match_pattern *random_compiled(char *source, size_t len,
					     const char *core)
{
	struct rh_error err = RH_ERROR_INIT;
	struct match_pattern *p = NULL;
	char before[32], behind[32];
	unsigned flags;

	while (p == NULL) {
		random_pattern(source, len, &flags);
		if (core != NULL && random_below(2) == 0) {
			random_pattern(before, sizeof(before), &flags);
			random_pattern(behind, sizeof(behind), &flags);
			snprintf(source, len, "%s%s%s",
				 random_below(3) != 0 ? before : "", core,
				 random_below(3) != 0 ? behind : "");
		}
		if (random_below(6) == 0)
			flags = MATCH_LITERAL;
		p = match_compile(source, strlen(source), flags, &err);
	}
	return p;
}

/* At b's match, in a text, a has one that ends no later, or earlier. */
static void is_true_in(const struct match_pattern *a,
		       const struct match_pattern *b, enum match_hiding how,
		       const char *text, size_t len, const char *names)
{
	struct match_cursor x = { 0 }, y = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	size_t start, end_a, end_b;

	if (match_find(b, &y, text, len, true, &start, &end_b, &err) != 1)
		return;
	if (match_find(a, &x, text, len, true, &start, &end_a, &err) != 1 ||
	    end_a > end_b || (how == MATCH_HIDES_EARLIER && end_a == end_b))
		fail_msg("%s (%d) is false on \"%s\"", names, how, text);
}

static void what_is_said_is_true(void **state)
{
	static const char letters[] = "aabbAB \n";
	char a[64], b[128], names[256], text[16];
	struct match_pattern *x, *y;
	unsigned n, said = 0, i, j;
	enum match_hiding how;

	(void)state;
	for (n = 0; n < 20000; n++) {
		x = random_compiled(a, sizeof(a), NULL);
		y = random_compiled(b, sizeof(b), a);
		how = match_hides(x, y);
		said += how != MATCH_HIDES_NOT;
		snprintf(names, sizeof(names), "/%s/ hides /%s/", a, b);
		for (i = 0; how != MATCH_HIDES_NOT && i < 200; i++) {
			for (j = 0; j + 1 < sizeof(text); j++)
				text[j] = letters[random_below(8)];
			text[j] = '\0';
			is_true_in(x, y, how, text, j, names);
		}
		match_free(x);
		match_free(y);
	}
	assert_true(said > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),
		cmocka_unit_test(what_is_said_is_true),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
