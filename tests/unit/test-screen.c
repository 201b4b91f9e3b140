/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen view: what a person would see, the same however the bytes were
 * split (C01, C02, C07, C16).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/screen.h"

#define FEED(s, text) screen_feed(s, text, sizeof(text) - 1)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void assert_screen(struct screen *s, const char *want, const char *bytes)
{
	const char *got = screen_text(s, NULL);

	if (strcmp(got, want) != 0)
		fail_msg("\"%s\": got \"%s\", want \"%s\"", bytes, got, want);
}

/* Whole, cut once at each place, and byte by byte. */
static void check(const char *bytes, size_t len, const char *want)
{
	struct screen *s = screen_new(25, 80);
	size_t i;

	screen_feed(s, bytes, len);
	assert_screen(s, want, bytes);
	for (i = 0; i <= len; i++) {
		screen_clear(s);
		screen_feed(s, bytes, i);
		screen_feed(s, bytes + i, len - i);
		assert_screen(s, want, bytes);
	}
	screen_clear(s);
	for (i = 0; i < len; i++)
		screen_feed(s, bytes + i, 1);
	assert_screen(s, want, bytes);
	screen_free(s);
}

struct example {
	const char *bytes;
	const char *want;
};

static void check_all(const struct example *e, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check(e[i].bytes, strlen(e[i].bytes), e[i].want);
}

static void it_shows_what_a_terminal_shows(void **state)
{
	static const struct example examples[] = {
		{ "", "" },
		{ "a\r\nb", "a\nb" },
		{ "a\nb", "a\n b" },
		{ "abc\rX", "Xbc" },
		{ "abc\b\bX", "aXc" },
		{ "a\tb", "a       b" },
		/* C01: a firmware that writes the changed cell only */
		{ "F1 for PXX\033[1;8HE boot", "F1 for E boot" },
		{ "\033[3;5Hhere", "\n\n    here" },
		{ "\033[03;05Hhere", "\n\n    here" },
		{ "ab\033[2J\033[Hc", "c" },
		{ "abcdef\033[1;3H\033[K", "ab" },
		{ "abcdef\033[1;3H\033[1K", "   def" },
		{ "abcdef\033[1;3H\033[2P", "abef" },
		{ "abcdef\033[1;3H\033[2@", "ab  cdef" },
		{ "abcdef\033[1;3H\033[2X", "ab  ef" },
		{ "a\r\nb\r\nc\033[2;1H\033[L", "a\n\nb\nc" },
		{ "a\r\nb\r\nc\033[1;1H\033[M", "b\nc" },
		{ "a\r\nb\r\nc\033[S", "b\nc" },
		{ "a\r\nb\033[T", "\na\nb" },
		{ "a\033[3bc", "aaaac" },
		{ "\033[9bc", "c" },
		{ "a\0337b\033[5;5H\0338c", "ac" },
		{ "a\033[sb\033[5;5H\033[uc", "ac" },
		{ "a\033[?1049h\033[Hb", "b" },
		{ "a\033[?1049hb\033[?1049lc", "ac" },
		{ "a\033[?25;1047hb\033[?47lc", "a c" },
		{ "\033(0lqk\033(B", "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90" },
		{ "\033)0\016q\017q", "\xe2\x94\x80q" },
		{ "a\033Db", "a\n b" },
		{ "a\033Eb", "a\nb" },
		{ "\033[2;1Ha\033Mb", " b\na" },
		{ "\033[4hbc\033[1;1Ha\033[4ld", "adc" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
}

static void long_lines_wrap_and_scroll(void **state)
{
	struct screen *s = screen_new(4, 20);
	int i;

	(void)state;
	FEED(s, "01234567890123456789x");
	assert_screen(s, "01234567890123456789\nx", "wrap");
	screen_clear(s);
	for (i = 'a'; i <= 'f'; i++)
		screen_feed(s, (const char[]){ (char)i, '\r', '\n' }, 3);
	assert_screen(s, "d\ne\nf", "scroll");
	FEED(s, "\033[2;3r\033[3;1Hx\r\ny\033[r");
	assert_screen(s, "d\nx\ny", "region");
	screen_free(s);
}

static void queries_and_strings_are_not_shown(void **state)
{
	static const struct example examples[] = {
		{ "\033[6n# ", "#" },
		{ "\033[c\033[>c\033[0c\033Za", "a" },
		{ "\033[?2004h$ ", "$" },
		{ "a\033]0;title\ab", "ab" },
		{ "a\033]52;c;cm0gLXJm\ab", "ab" },
		{ "a\033P$qm\033\\b", "ab" },
		{ "a\033_apc\033\\b", "ab" },
		{ "a\xc2\x9d" "0;t\ab", "ab" },
		{ "a\033[8;5;5tb", "ab" },
		{ "a\033#6b", "ab" },
		{ "a\033%Gb", "ab" },
		{ "a\033[0 qb\033[!pc", "abc" },
		{ "a\a\x7f\005b", "ab" },
		{ "\033[31;1;44mred\033[0m", "red" },
		{ "a\033[3\n1mb", "a\n 1mb" },
		{ "\033]0;ti\r\nKernel panic", "\nKernel panic" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
	check("a\0b", 3, "ab");
}

static void bytes_that_are_no_utf8_are_of_code_page_437(void **state)
{
	static const struct example examples[] = {
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xe2\x94\x82", "\xe2\x94\x82" },
		{ "\xf0\x9f\x90\xa7" "a", "\xf0\x9f\x90\xa7" "a" },
		/* C07: a box; C4 BF and CD BB look like letters of UTF-8 */
		{ "\xda\xc4\xbf", "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90" },
		{ "\xc9\xcd\xbb", "\xe2\x95\x94\xe2\x95\x90\xe2\x95\x97" },
		{ "\xba" "x\xba", "\xe2\x95\x91x\xe2\x95\x91" },
		{ "\xb3\xe2\x94\x82\xc3\xa9",
		  "\xe2\x94\x82\xe2\x94\x82\xc3\xa9" },
		{ "\xe2\x94X", "\xce\x93\xc3\xb6X" },
		{ "\xe2\x94\033[1mX", "\xce\x93\xc3\xb6X" },
		{ "\xe2\x94\nX", "\xce\x93\xc3\xb6\n  X" },
		{ "\xdb\xdb\xff" "a", "\xe2\x96\x88\xe2\x96\x88 a" },
		{ "\x80\x9b", "\xc3\x87\xc2\xa2" },
		{ "a\xe2\x94", "a" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
}

static void cells_have_their_attributes(void **state)
{
	struct screen *s = screen_new(25, 80);
	const struct screen_cell *c;
	int row, col;

	(void)state;
	FEED(s, "a\033[1;7;5;4mb\033[0;33;44mc\033[38;5;200md"
		       "\033[48;2;1;2;3me\033[39;49mf");
	c = screen_cell(s, 0, 0);
	assert_int_equal(c->c, 'a');
	assert_int_equal(c[0].attributes, 0);
	assert_int_equal(c[0].fg, SCREEN_DEFAULT);
	assert_int_equal(c[0].bg, SCREEN_DEFAULT);
	assert_int_equal(c[1].attributes, SCREEN_BOLD | SCREEN_REVERSE |
						  SCREEN_BLINK |
						  SCREEN_UNDERLINE);
	assert_int_equal(c[2].attributes, 0);
	assert_int_equal(c[2].fg, 3);
	assert_int_equal(c[2].bg, 4);
	assert_int_equal(c[3].fg, 200);
	assert_int_equal(c[4].bg, SCREEN_RGB | 0x010203);
	assert_int_equal(c[5].fg, SCREEN_DEFAULT);
	assert_int_equal(c[5].bg, SCREEN_DEFAULT);
	screen_cursor(s, &row, &col);
	assert_int_equal(row, 0);
	assert_int_equal(col, 6);
	screen_free(s);
}

static void sizes_are_bounded(void **state)
{
	static const struct {
		int rows;
		int cols;
	} sizes[] = { { 0, 0 }, { -5, -5 }, { 1, 1 }, { 100000, 100000 } };
	struct screen *s;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(sizes); i++) {
		s = screen_new(sizes[i].rows, sizes[i].cols);
		assert_in_range(screen_rows(s), SCREEN_ROWS_MIN, SCREEN_ROWS_MAX);
		assert_in_range(screen_cols(s), SCREEN_COLS_MIN, SCREEN_COLS_MAX);
		FEED(s, "\033[999;999Hx\033[1;1Hy");
		assert_int_equal(screen_cell(s, 0, 0)->c, 'y');
		assert_int_equal(screen_cell(s, screen_rows(s) - 1,
					     screen_cols(s) - 1)->c, 'x');
		screen_free(s);
	}
	screen_free(NULL);
}

/* What is meant to kill a terminal ends, and leaves a screen that works. */
static void hostile_bytes_do_no_harm(void **state)
{
	static const char *const bad[] = {
		"\033[99999999999999999999999999999999;9999999999999999999999H",
		"\033[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m",
		"\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;m",
		"\033[38m\033[48m\033[38;5m\033[38;2;1m\033[4:m",
		"\033[999999999b\xcc\x80\033[999999999b",
		"\033[999999999L\033[999999999M\033[999999999S\033[999999999T",
		"\033[999999999@\033[999999999P\033[999999999X\033[999999999I",
		"\033[99;1r\033[30;90r\033[?6h\033[99A\033[99B",
		"\033[?69h\033[70;10s\033[?5h\033[?3h",
	};
	struct screen *s = screen_new(25, 80);
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		screen_feed(s, bad[i], strlen(bad[i]));
	for (n = 0; n < 100000; n++)
		FEED(s, "\xcc\x80");
	FEED(s, "\033P");
	for (n = 0; n < 100000; n++)
		FEED(s, "xxxxxxxxxx");
	FEED(s, "\033c\033[?6l\033[r\033[2J\033[Hfine");
	assert_screen(s, "fine", "behind all that");
	screen_free(s);
}

static void painting_is_noticed(void **state)
{
	struct screen *s = screen_new(25, 80);
	uint64_t generation = screen_generation(s);
	uint64_t paints = screen_paints(s);

	(void)state;
	FEED(s, "a");
	assert_true(screen_generation(s) > generation);
	FEED(s, "\033[?25h");
	assert_int_equal(screen_paints(s), paints);
	FEED(s, "\033[?25lpainted\033[?25h");
	assert_int_equal(screen_paints(s), paints + 1);
	generation = screen_generation(s);
	FEED(s, "\033[?2004h\a");
	assert_int_equal(screen_generation(s), generation);
	screen_free(s);
}

/* A program that draws further than the screen goes, and one that only asks. */
static void the_wanted_size_is_known(void **state)
{
	struct screen *s = screen_new(25, 80);
	int rows, cols;

	(void)state;
	FEED(s, "\033[25;80H\033[999;999H\033[6n\033[32766;32766H\033[255;255H");
	screen_wanted(s, &rows, &cols);
	assert_int_equal(rows, 25);
	assert_int_equal(cols, 80);
	FEED(s, "\033[50;01H");
	screen_wanted(s, &rows, &cols);
	assert_int_equal(rows, 50);
	assert_int_equal(cols, 80);
	FEED(s, "\033[10;100f");
	screen_wanted(s, &rows, &cols);
	assert_int_equal(cols, 100);
	screen_clear(s);
	screen_wanted(s, &rows, &cols);
	assert_int_equal(rows, 25);
	screen_free(s);
}

static void application_keys_are_noticed(void **state)
{
	static const struct {
		const char *bytes;
		bool wanted;
	} steps[] = {
		{ "text", false }, { "\033[?1h", true }, { "\033[?7;1l", false },
		{ "\033[?7;1h", true }, { "\033[1l\033[?12l", true },
		{ "\033c", false }, { "\033[?1h", true },
	};
	struct screen *s = screen_new(25, 80);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		screen_feed(s, steps[i].bytes, strlen(steps[i].bytes));
		assert_int_equal(screen_wants_application_keys(s),
				 steps[i].wanted);
	}
	screen_clear(s);
	assert_false(screen_wants_application_keys(s));
	screen_free(s);
}

static void a_cleared_screen_is_as_new(void **state)
{
	struct screen *s = screen_new(25, 80);
	int row, col;

	(void)state;
	FEED(s, "abc\033[?1049h\033[5;5r\033[?25l\033[31mde\033[3");
	screen_clear(s);
	assert_screen(s, "", "cleared");
	screen_cursor(s, &row, &col);
	assert_int_equal(row, 0);
	assert_int_equal(col, 0);
	FEED(s, "1mx");
	assert_screen(s, "1mx", "half a sequence");
	assert_int_equal(screen_cell(s, 0, 0)->fg, SCREEN_DEFAULT);
	screen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_shows_what_a_terminal_shows),
		cmocka_unit_test(long_lines_wrap_and_scroll),
		cmocka_unit_test(queries_and_strings_are_not_shown),
		cmocka_unit_test(bytes_that_are_no_utf8_are_of_code_page_437),
		cmocka_unit_test(cells_have_their_attributes),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(hostile_bytes_do_no_harm),
		cmocka_unit_test(painting_is_noticed),
		cmocka_unit_test(the_wanted_size_is_known),
		cmocka_unit_test(application_keys_are_noticed),
		cmocka_unit_test(a_cleared_screen_is_as_new),
	};

	return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
