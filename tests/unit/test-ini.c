/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base/ini: what is kept of a file, with which lines, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/ini.h"

static struct problems said;

static struct ini *read_len(const char *text, size_t len)
{
	problems_release(&said);
	return ini_read("x.ini", text, len, &said);
}

static struct ini *read_text(const char *text)
{
	return read_len(text, strlen(text));
}

static void assert_entry(const struct ini *ini, size_t section, size_t n,
			 int line, const char *key, const char *value)
{
	const struct ini_entry *e;

	assert_true(section < ini->count);
	assert_true(n < ini->sections[section].count);
	e = &ini->sections[section].entries[n];
	assert_string_equal(e->key, key);
	assert_string_equal(e->value, value);
	assert_int_equal(e->line, line);
}

static void assert_section(const struct ini *ini, size_t n, int line,
			   const char *name, size_t entries)
{
	assert_true(n < ini->count);
	assert_string_equal(ini->sections[n].name, name);
	assert_int_equal(ini->sections[n].line, line);
	assert_int_equal(ini->sections[n].count, entries);
}

static void assert_said(size_t n, int line, const char *text)
{
	assert_true(n < said.count);
	assert_string_equal(said.list[n].text, text);
	assert_int_equal(said.list[n].line, line);
	assert_string_equal(said.list[n].file, "x.ini");
}

static void test_sections(void **state)
{
	struct ini *ini = read_text("; c\n[a]\nx = 1\ny=2\n\n# c\n[ b c ]\n"
				    "[a]\nz : 3");

	(void)state;
	assert_int_equal(said.count, 0);
	assert_string_equal(ini->file, "x.ini");
	assert_int_equal(ini->count, 3);
	assert_section(ini, 0, 2, "a", 2);
	assert_section(ini, 1, 7, "b c", 0);
	assert_section(ini, 2, 8, "a", 1);
	assert_entry(ini, 0, 0, 3, "x", "1");
	assert_entry(ini, 0, 1, 4, "y", "2");
	assert_entry(ini, 2, 0, 9, "z", "3");
	ini_free(ini);
}

static void test_nothing_behind_a_value(void **state)
{
	struct ini *ini = read_text("[a]\non = /x ; y # z/ -> w ; no comment\n"
				    "e =\nf = a = b : c\n");

	(void)state;
	assert_entry(ini, 0, 0, 2, "on", "/x ; y # z/ -> w ; no comment");
	assert_entry(ini, 0, 1, 3, "e", "");
	assert_entry(ini, 0, 2, 4, "f", "a = b : c");
	assert_int_equal(said.count, 0);
	ini_free(ini);
}

static void test_continuation(void **state)
{
	struct ini *ini = read_text("[a]\ndo = one\n   two = 2\n\n; c\n\tthree\n"
				    "  [four]\nx = y\n");
	const struct ini_entry *e = &ini->sections[0].entries[0];

	(void)state;
	assert_int_equal(said.count, 0);
	assert_section(ini, 0, 1, "a", 2);
	assert_entry(ini, 0, 0, 2, "do", "one\ntwo = 2\nthree\n[four]");
	assert_int_equal(e->part_count, 4);
	assert_int_equal(ini_entry_line(e, 0), 2);
	assert_int_equal(ini_entry_line(e, 3), 2);
	assert_int_equal(ini_entry_line(e, 4), 3);
	assert_int_equal(ini_entry_line(e, 12), 6);
	assert_int_equal(ini_entry_line(e, 18), 7);
	assert_int_equal(ini_entry_line(e, 1000), 7);
	assert_entry(ini, 0, 1, 8, "x", "y");
	ini_free(ini);
}

/* A comment behind blanks is one, also between the parts of a value. */
static void test_indented_comment(void **state)
{
	struct ini *ini = read_text("[a]\ndo = one\n  ; no\n  # no\n  two\n");

	(void)state;
	assert_entry(ini, 0, 0, 2, "do", "one\ntwo");
	assert_int_equal(ini_entry_line(&ini->sections[0].entries[0], 4), 5);
	ini_free(ini);
}

/* Blanks before the first entry of a section continue nothing. */
static void test_indented_start(void **state)
{
	struct ini *ini = read_text("  [a]\n  x = 1\n\n[b]\n  [c]\n y = 2\n");

	(void)state;
	assert_int_equal(said.count, 0);
	assert_int_equal(ini->count, 3);
	assert_section(ini, 0, 1, "a", 1);
	assert_section(ini, 1, 4, "b", 0);
	assert_section(ini, 2, 5, "c", 1);
	assert_entry(ini, 0, 0, 2, "x", "1");
	assert_entry(ini, 2, 0, 6, "y", "2");
	ini_free(ini);
}

static void test_line_ends(void **state)
{
	struct ini *ini = read_text("\xef\xbb\xbf[a]\r\nx = 1\r\n  2\r\n"
				    "y = \xc3\xa4");

	(void)state;
	assert_int_equal(said.count, 0);
	assert_section(ini, 0, 1, "a", 2);
	assert_entry(ini, 0, 0, 2, "x", "1\n2");
	assert_entry(ini, 0, 1, 4, "y", "\xc3\xa4");
	ini_free(ini);
}

static void test_long_lines(void **state)
{
	struct buffer text = { 0 };
	struct ini *ini;
	int i;

	(void)state;
	buffer_append_text(&text, "[a]\nx = ");
	for (i = 0; i < 4000; i++)
		buffer_append_char(&text, 'x');
	buffer_append_text(&text, "\n  more\ny = ");
	for (i = 0; i < INI_LINE_MAX - 4; i++)
		buffer_append_char(&text, 'y');
	buffer_append_text(&text, "\nz = ");
	for (i = 0; i < INI_LINE_MAX - 3; i++)
		buffer_append_char(&text, 'z');
	buffer_append_text(&text, "\nw = 1\n");
	ini = read_len(text.data, text.len);
	assert_section(ini, 0, 1, "a", 3);
	assert_int_equal(strlen(ini->sections[0].entries[0].value), 4005);
	assert_string_equal(ini->sections[0].entries[0].value + 4000, "\nmore");
	assert_int_equal(strlen(ini->sections[0].entries[1].value),
			 INI_LINE_MAX - 4);
	assert_entry(ini, 0, 2, 6, "w", "1");
	assert_int_equal(said.count, 1);
	assert_said(0, 5, "this line has 16385 bytes; at most 16384 are read");
	ini_free(ini);
	buffer_release(&text);
}

#define NEITHER "this is neither [section], \"key = value\", nor a comment " \
		"on a line of its own (; or #); a line that goes on with the " \
		"value above begins with blanks"
#define TEN "0123456789"

static void test_problems(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *said;
	} rows[] = {
		{ "x = 1\n[a]\n", 1,
		  "\"x\" stands before the first [section]" },
		{ "[a]\nwhat\n", 2, NEITHER },
		{ "[a]\n[b\n", 2, "a section needs its closing ]: [name]" },
		{ "[a]\nx = 1\nwhat", 3, NEITHER },
		{ "[a] ; b\n", 1, "something stands behind the ']'; a comment "
				  "needs a line of its own" },
		{ "[a]\n = 1\n", 2, "no key stands before the '='; expected "
				    "\"key = value\"" },
		{ "[a]\n: 1\n", 2, "no key stands before the ':'; expected "
				   "\"key = value\"" },
		{ "[" TEN TEN TEN TEN TEN "]\n", 1,
		  "the name of a section has at most 49 bytes" },
		{ "[a]\n" TEN TEN TEN TEN TEN " = 1\n", 2,
		  "a key has at most 49 bytes" },
		{ "[a]\nx = \xff\n", 2,
		  "byte 5 of this line is no UTF-8; expected UTF-8 text" },
		{ "[a]\nx = \xc3\n", 2,
		  "byte 5 of this line is no UTF-8; expected UTF-8 text" },
		{ "[a]\nx = \x1b[2J\n", 2, "byte 5 of this line is a control "
					   "character; expected UTF-8 text" },
		{ "[a]\nx = 1\n\vy\n", 3, "byte 1 of this line is a control "
					  "character; expected UTF-8 text" },
		{ "[a]\nx = 1\ry = 2\n", 2, "byte 6 of this line is a control "
					    "character; expected UTF-8 text" },
		{ "[a]\n\xef\xbb\xbfx = 1\n", 2, "byte 1 of this line is a byte "
			"order mark, which nobody sees; expected UTF-8 text" },
	};
	struct ini *ini;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ini = read_text(rows[i].text);
		assert_said(0, rows[i].line, rows[i].said);
		assert_int_equal(said.errors, 1);
		ini_free(ini);
	}
	ini = read_len("[a]\nx\0 = 1\n", 11);
	assert_said(0, 2, "byte 2 of this line is a NUL; expected UTF-8 text");
	assert_int_equal(said.errors, 1);
	ini_free(ini);
}

/* inih begins anew behind a line that it can't read, and skips a mark there. */
static void test_mark_behind_a_problem(void **state)
{
	struct ini *ini = read_text("[a]\nwhat\n\xef\xbb\xbf= 1\n");

	(void)state;
	assert_int_equal(said.count, 2);
	assert_said(1, 3, "byte 1 of this line is a byte order mark, which nobody "
			  "sees; expected UTF-8 text");
	assert_int_equal(ini->sections[0].count, 0);
	ini_free(ini);
}

/* What is right after a problem is kept, and told with the right line. */
static void test_goes_on(void **state)
{
	struct ini *ini = read_text("[a]\nwhat\nx = 1\nwhat\n\n[b]\ny = 2\n"
				    "what");

	(void)state;
	assert_int_equal(said.count, 3);
	assert_said(0, 2, NEITHER);
	assert_said(1, 4, NEITHER);
	assert_said(2, 8, NEITHER);
	assert_section(ini, 0, 1, "a", 1);
	assert_section(ini, 1, 6, "b", 1);
	assert_entry(ini, 0, 0, 3, "x", "1");
	assert_entry(ini, 1, 0, 7, "y", "2");
	ini_free(ini);
}

static void test_longest_names(void **state)
{
	struct ini *ini = read_text("[" TEN TEN TEN TEN "012345678]\n"
				    TEN TEN TEN TEN "012345678 = 1\n  2\n");

	(void)state;
	assert_int_equal(said.count, 0);
	assert_section(ini, 0, 1, TEN TEN TEN TEN "012345678", 1);
	assert_entry(ini, 0, 0, 2, TEN TEN TEN TEN "012345678", "1\n2");
	ini_free(ini);
}

static void test_empty(void **state)
{
	struct ini *ini = read_len(NULL, 0);

	(void)state;
	assert_int_equal(ini->count, 0);
	assert_int_equal(said.count, 0);
	ini_free(ini);
	ini_free(NULL);
}

static int forget(void **state)
{
	(void)state;
	problems_release(&said);
	return 0;
}

#define INI(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INI(test_sections),
		INI(test_nothing_behind_a_value),
		INI(test_continuation),
		INI(test_indented_comment),
		INI(test_indented_start),
		INI(test_line_ends),
		INI(test_long_lines),
		INI(test_problems),
		INI(test_goes_on),
		INI(test_mark_behind_a_problem),
		INI(test_longest_names),
		INI(test_empty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
