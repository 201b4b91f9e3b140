/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each terminal with each key (I01), and the pause behind a lone Esc (I02).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/keys.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define TERMINALS 6

static const enum keys_terminal terminals[TERMINALS] = {
	KEYS_VT100, KEYS_VT100_PLUS, KEYS_VT_UTF8,
	KEYS_XTERM, KEYS_LINUX,	     KEYS_PC_ANSI,
};

/* In the order of `terminals`; NULL where there is no such key. */
static const struct {
	const char *name;
	const char *bytes[TERMINALS];
} table[] = {
	{ "F1",
	  { "\033OP", "\0331", "\0331", "\033OP", "\033[[A", "\033OP" } },
	{ "F2",
	  { "\033OQ", "\0332", "\0332", "\033OQ", "\033[[B", "\033OQ" } },
	{ "F3",
	  { "\033OR", "\0333", "\0333", "\033OR", "\033[[C", "\033OR" } },
	{ "F4",
	  { "\033OS", "\0334", "\0334", "\033OS", "\033[[D", "\033OS" } },
	{ "F5",
	  { "\033[15~", "\0335", "\0335", "\033[15~", "\033[[E", "\033OT" } },
	{ "F6",
	  { "\033[17~", "\0336", "\0336", "\033[17~", "\033[17~", "\033OU" } },
	{ "F7",
	  { "\033[18~", "\0337", "\0337", "\033[18~", "\033[18~", "\033OV" } },
	{ "F8",
	  { "\033[19~", "\0338", "\0338", "\033[19~", "\033[19~", "\033OW" } },
	{ "F9",
	  { "\033[20~", "\0339", "\0339", "\033[20~", "\033[20~", "\033OX" } },
	{ "F10",
	  { "\033[21~", "\0330", "\0330", "\033[21~", "\033[21~", "\033OY" } },
	{ "F11",
	  { "\033[23~", "\033!", "\033!", "\033[23~", "\033[23~", "\033OZ" } },
	{ "F12",
	  { "\033[24~", "\033@", "\033@", "\033[24~", "\033[24~", "\033O1" } },
	{ "Up",
	  { "\033[A", "\033[A", "\033[A", "\033[A", "\033[A", "\033[A" } },
	{ "Down",
	  { "\033[B", "\033[B", "\033[B", "\033[B", "\033[B", "\033[B" } },
	{ "Right",
	  { "\033[C", "\033[C", "\033[C", "\033[C", "\033[C", "\033[C" } },
	{ "Left",
	  { "\033[D", "\033[D", "\033[D", "\033[D", "\033[D", "\033[D" } },
	{ "Home",
	  { "\033[H", "\033h", "\033h", "\033[H", "\033[1~", "\033[H" } },
	{ "End",
	  { "\033[F", "\033k", "\033k", "\033[F", "\033[4~", "\033[K" } },
	{ "PgUp",
	  { "\033[5~", "\033?", "\033?", "\033[5~", "\033[5~", "\033[M" } },
	{ "PgDn",
	  { "\033[6~", "\033/", "\033/", "\033[6~", "\033[6~", "\033[2J" } },
	{ "Ins",
	  { "\033[2~", "\033+", "\033+", "\033[2~", "\033[2~", "\033[L" } },
	{ "Del",
	  { "\033[3~", "\033-", "\033-", "\033[3~", "\033[3~", "\x7f" } },
	{ "Esc", { "\033", "\033", "\033", "\033", "\033", "\033" } },
	{ "Tab", { "\t", "\t", "\t", "\t", "\t", "\t" } },
	{ "BackTab", { "\033[Z", NULL, NULL, "\033[Z", "\033\t", NULL } },
	{ "Enter", { "\r", "\r", "\r", "\r", "\r", "\r" } },
	{ "Backspace", { "\x7f", "\b", "\b", "\x7f", "\x7f", "\b" } },
	{ "Space", { " ", " ", " ", " ", " ", " " } },
	{ "Ctrl-C", { "\003", "\003", "\003", "\003", "\003", "\003" } },
	{ "Ctrl-c", { "\003", "\003", "\003", "\003", "\003", "\003" } },
	{ "Ctrl-A", { "\001", "\001", "\001", "\001", "\001", "\001" } },
	{ "Ctrl-Z", { "\032", "\032", "\032", "\032", "\032", "\032" } },
	{ "Ctrl-[", { "\033", "\033", "\033", "\033", "\033", "\033" } },
	{ "Ctrl-\\", { "\034", "\034", "\034", "\034", "\034", "\034" } },
	{ "Ctrl-]", { "\035", "\035", "\035", "\035", "\035", "\035" } },
	{ "Ctrl-^", { "\036", "\036", "\036", "\036", "\036", "\036" } },
	{ "Ctrl-_", { "\037", "\037", "\037", "\037", "\037", "\037" } },
	{ "Alt-x",
	  { "\033x", "\033\001x", "\033\001x", "\033x", "\033x", "\033}x" } },
	{ "Alt-1",
	  { "\0331", "\033\0011", "\033\0011", "\0331", "\0331", "\033}1" } },
	{ "Alt--",
	  { "\033-", "\033\001-", "\033\001-", "\033-", "\033-", "\033}-" } },
	{ "y", { "y", "y", "y", "y", "y", "y" } },
	{ "1", { "1", "1", "1", "1", "1", "1" } },
	{ "~", { "~", "~", "~", "~", "~", "~" } },
	{ "-", { "-", "-", "-", "-", "-", "-" } },
};

static void each_terminal_each_key(void **state)
{
	struct keys_stroke stroke;
	const char *want;
	size_t i, t;
	bool found;

	(void)state;
	for (i = 0; i < COUNT(table); i++)
		for (t = 0; t < TERMINALS; t++) {
			want = table[i].bytes[t];
			found = keys_encode(terminals[t], table[i].name,
					    &stroke);
			if (found != (want != NULL) ||
			    (found && (stroke.len != strlen(want) ||
				       memcmp(stroke.bytes, want,
					      stroke.len) != 0)))
				fail_msg("%s on %s", table[i].name,
					 keys_terminal_name(terminals[t]));
		}
}

static void each_name_is_in_the_table(void **state)
{
	size_t i, k, count = 0;

	(void)state;
	for (i = 0; keys_names[i] != NULL; i++, count++) {
		for (k = 0; k < COUNT(table); k++)
			if (strcmp(table[k].name, keys_names[i]) == 0)
				break;
		if (k == COUNT(table))
			fail_msg("%s is not tested", keys_names[i]);
		assert_true(keys_is_name(keys_names[i]));
	}
	assert_int_equal(count, 28);
}

static void no_two_keys_are_the_same(void **state)
{
	struct keys_stroke a, b;
	size_t t, i, k;

	(void)state;
	for (t = 0; t < TERMINALS; t++)
		for (i = 0; keys_names[i] != NULL; i++)
			for (k = i + 1; keys_names[k] != NULL; k++) {
				if (!keys_encode(terminals[t], keys_names[i],
						 &a) ||
				    !keys_encode(terminals[t], keys_names[k],
						 &b))
					continue;
				if (a.len == b.len &&
				    memcmp(a.bytes, b.bytes, a.len) == 0)
					fail_msg("%s and %s on %s",
						 keys_names[i], keys_names[k],
						 keys_terminal_name(
							 terminals[t]));
			}
}

static void a_lone_esc_needs_a_pause(void **state)
{
	static const int want[TERMINALS] = { 200, 2100, 2100, 200, 200, 2100 };
	static const char *const lone[] = { "Esc", "Ctrl-[" };
	struct keys_stroke stroke;
	size_t t, i;

	(void)state;
	for (t = 0; t < TERMINALS; t++) {
		for (i = 0; i < COUNT(lone); i++) {
			assert_true(keys_encode(terminals[t], lone[i],
						&stroke));
			assert_int_equal(stroke.pause_ms, want[t]);
		}
		for (i = 0; i < COUNT(table); i++) {
			if (!keys_encode(terminals[t], table[i].name, &stroke) ||
			    strcmp(table[i].name, "Esc") == 0 ||
			    strcmp(table[i].name, "Ctrl-[") == 0)
				continue;
			assert_int_equal(stroke.pause_ms, 0);
		}
	}
}

static void ctrl_at_is_a_nul(void **state)
{
	struct keys_stroke stroke;

	(void)state;
	assert_true(keys_encode(KEYS_VT100, "Ctrl-@", &stroke));
	assert_int_equal(stroke.len, 1);
	assert_int_equal(stroke.bytes[0], 0);
}

static void what_is_no_key(void **state)
{
	static const char *const bad[] = {
		"",	 " ",	   "F0",      "F13",   "f1",	  "enter",
		"Ctrl-", "Ctrl-1", "Ctrl-?",  "Alt-",  "Alt-ab",  "Ctrl-CC",
		"yy",	 "\xc3\xa9", "Alt-\xc3", "\033", "\x7f",   "Ctrl-{",
		"Alt- ", "Ctrl-`",
	};
	struct keys_stroke stroke = { "as it is", 9, 9 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		if (keys_is_name(bad[i]))
			fail_msg("\"%s\" is a key", bad[i]);
		assert_false(keys_encode(KEYS_VT100, bad[i], &stroke));
	}
	assert_false(keys_encode(KEYS_NONE, "F1", &stroke));
	assert_int_equal(stroke.len, 9);
}

static void terminals_have_names(void **state)
{
	size_t t, count = 0;

	(void)state;
	for (t = 0; t < TERMINALS; t++)
		assert_int_equal(keys_terminal_from_name(
					 keys_terminal_name(terminals[t])),
				 terminals[t]);
	for (t = 0; keys_terminal_names[t] != NULL; t++, count++)
		assert_int_not_equal(
			keys_terminal_from_name(keys_terminal_names[t]),
			KEYS_NONE);
	assert_int_equal(count, TERMINALS);
	assert_int_equal(keys_terminal_from_name("vt52"), KEYS_NONE);
	assert_int_equal(keys_terminal_from_name(""), KEYS_NONE);
	assert_string_equal(keys_terminal_name(KEYS_NONE), "none");
	assert_string_equal(keys_terminal_name((enum keys_terminal)99),
			    "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_terminal_each_key),
		cmocka_unit_test(each_name_is_in_the_table),
		cmocka_unit_test(no_two_keys_are_the_same),
		cmocka_unit_test(a_lone_esc_needs_a_pause),
		cmocka_unit_test(ctrl_at_is_a_nul),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(terminals_have_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
