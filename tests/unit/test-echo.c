/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes back of what is typed. Each case is fed in one piece, cut in two at
 * each byte, and byte by byte; the answer is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/console/echo.h"
#include "base/buffer.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static const struct {
	const char *prompt;
	const char *text;
	const char *bytes;
	enum echo_state state;
} cases[] = {
	{ "# ", "fsck", "", ECHO_NONE },
	{ "# ", "fsck", "\a\033[0m\033[6n", ECHO_NONE },
	{ "# ", "fsck", "f", ECHO_WAITING },
	{ "# ", "fsck", "fsck", ECHO_SAME },
	{ "# ", "fsck", "fck", ECHO_DIFFERS },
	{ "# ", "fsck", "sck", ECHO_DIFFERS },
	{ "# ", "fsck", "ffsck", ECHO_DIFFERS },
	{ "# ", "fsck", "fsckk", ECHO_DIFFERS },
	{ "# ", "fsck", "fsdk", ECHO_DIFFERS },
	/* Kernel messages, in the middle and at both ends. */
	{ "# ", "fsck", "fs[    2.138909] usb 1-1: new\r\nck", ECHO_SAME },
	{ "# ", "fsck", "[   12.138909] usb\r\nfsck", ECHO_SAME },
	{ "# ", "fsck", "fsck[   12.138909] us", ECHO_SAME },
	{ "# ", "fsck", "f[    2.138909] a\r\n[    2.138910] b\r\nsck", ECHO_SAME },
	{ "# ", "fsck", "fs[    2.13", ECHO_WAITING },
	{ "# ", "fsck", "fs[    2.138909] usb 1-1", ECHO_WAITING },
	{ "# ", "fsck", "fs[    2.138909] usb 1-1\r\nk", ECHO_DIFFERS },
	{ "# ", "[ -f x ]", "[ -f x ]", ECHO_SAME },
	{ "# ", "[ -f x ]", "[ ", ECHO_WAITING },
	/* Editing, colours, other ways to show it. */
	{ "# ", "fsck", "fx\b \bsck", ECHO_SAME },
	{ "# ", "fsck", "fx\b\033[Ksck", ECHO_SAME },
	{ "# ", "fsck", "fx\033[D\033[Psck", ECHO_SAME },
	{ "# ", "fsck", "\033[1mf\033[0ms\033[Kck\033[K", ECHO_SAME },
	{ "# ", "fsck", "fsck\033[90m -y /dev/sda1\033[0m\b\b\b\b\b\b\b\b\b\b\b\b\b",
	  ECHO_SAME },
	{ "# ", "fsck", "f\r# fs\r# fsc\r# fsck", ECHO_SAME },
	{ "# ", "fsck", "f\r\033[K# fsk", ECHO_DIFFERS },
	{ "# ", "fsck", "\033]0;title\afsck", ECHO_SAME },
	{ "Name: ", "root", "****", ECHO_SAME },
	{ "Name: ", "root", "***", ECHO_WAITING },
	{ "Name: ", "root", "*****", ECHO_DIFFERS },
	{ "# ", "a\tb", "a       b", ECHO_SAME },
	{ "# ", "a\tb", "a\tb", ECHO_SAME },
	{ "# ", "a\003b", "a^Cb", ECHO_SAME },
	{ "# ", "na\xc3\xafve", "na\xc3\xafve", ECHO_SAME },
	{ "# ", "na\xc3\xafve", "na\xef", ECHO_WAITING },
	{ "# ", "na\xc3\xafve", "na\xefve", ECHO_DIFFERS },
	/* Rows that are full: as a tty, readline, busybox, a BIOS do it. */
	{ "# ", SEVENTY TEN, SEVENTY TEN, ECHO_SAME },
	{ "# ", SEVENTY TEN, SEVENTY "01234567 \r89", ECHO_SAME },
	{ "# ", SEVENTY TEN, SEVENTY "01234567 \b89", ECHO_SAME },
	{ "# ", SEVENTY TEN, SEVENTY "01234567\r\n89", ECHO_SAME },
	{ "# ", SEVENTY TEN, SEVENTY "01234567\r\r\n89", ECHO_SAME },
	{ "# ", SEVENTY TEN, SEVENTY "01234567 \r9", ECHO_DIFFERS },
	{ "# ", "a b#c", "a \r# a b#c", ECHO_SAME },
	/* The rest of a prompt comes late. */
	{ "login:", "root", " root", ECHO_SAME },
	{ "maintenance", "root", "\r\n(or press Control-D): root", ECHO_SAME },
	{ "login:", "root", " ", ECHO_NONE },
	{ "login:", "root", " rot", ECHO_DIFFERS },
	{ "# ", "ls -la /", "l -la /", ECHO_DIFFERS },
	/* A prompt for one key. */
	{ "Fix<y>? ", "y", "yes\r\n\r\n", ECHO_TAKEN },
	{ "Fix<y>? ", "y", "yes", ECHO_DIFFERS },
	/* The line was lost to another one. */
	{ "# ", "fsck", "fs\r\nlogin: ", ECHO_DIFFERS },
	{ "# ", "fsck", "Starting network\r\n", ECHO_NONE },
};

static enum echo_state fed(size_t i, size_t cut, size_t piece)
{
	const char *bytes = cases[i].bytes;
	size_t len = strlen(bytes), at = 0, n;
	struct echo e = { 0 };
	enum echo_state state;

	echo_begin(&e, cases[i].prompt, strlen(cases[i].prompt), cases[i].text,
		   strlen(cases[i].text));
	echo_feed(&e, bytes, cut);
	for (at = cut; at < len; at += n) {
		n = piece < len - at ? piece : len - at;
		echo_feed(&e, bytes + at, n);
	}
	state = echo_state(&e);
	echo_release(&e);
	return state;
}

static void every_split(void **state)
{
	size_t i, cut;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		for (cut = 0; cut <= strlen(cases[i].bytes); cut++) {
			if (fed(i, cut, 4096) != cases[i].state ||
			    fed(i, cut, 1) != cases[i].state)
				fail_msg("case %zu, cut at %zu: %d, not %d", i,
					 cut, fed(i, cut, 4096),
					 cases[i].state);
		}
	}
}

static void begin(struct echo *e, const char *text, const char *bytes)
{
	echo_begin(e, "# ", 2, text, strlen(text));
	echo_feed(e, bytes, strlen(bytes));
}

static void erasing(void **state)
{
	struct echo e = { 0 };

	(void)state;
	begin(&e, "fsck", "fsk");
	assert_false(echo_is_empty(&e));
	assert_int_equal(echo_shown(&e), 3);
	assert_int_equal(echo_same_count(&e), 2);
	echo_again(&e);
	echo_feed(&e, "\b \b\b \b", 6);
	assert_false(echo_is_empty(&e));
	assert_int_equal(echo_shown(&e), 1);
	echo_feed(&e, "\b \b[   12.138909] usb", 20);
	assert_true(echo_is_empty(&e));
	echo_feed(&e, " 1-1\r\n", 6);
	assert_true(echo_is_empty(&e));
	echo_again(&e);
	assert_int_equal(echo_state(&e), ECHO_NONE);
	echo_feed(&e, "fsck", 4);
	assert_int_equal(echo_state(&e), ECHO_SAME);
	echo_release(&e);
	/* A key came, its echo was lost: one more goes than stands there. */
	begin(&e, "fsck", "fck");
	echo_feed(&e, "\b \b\b \b\b \b\b \b", 12);
	assert_true(echo_is_empty(&e));
	echo_again(&e);
	echo_feed(&e, "fsck", 4);
	assert_int_equal(echo_state(&e), ECHO_SAME);
	echo_release(&e);
	/* Nothing of it goes. */
	begin(&e, "fsck", "fck^H^H^H^H");
	assert_false(echo_is_empty(&e));
	echo_release(&e);
}

/* 80 columns: up into the row above and back, as readline and busybox do it. */
static void erasing_over_rows(void **state)
{
	static const char *const erased[] = {
		"\r\033[K\033[A\033[79C\033[K\r\n\r\033[K\033[A\033[79C"
		"\b\033[K\b\033[K",
		"\b\033[J\r\033[1A\033[79C\033[J\b\033[J\b\033[J",
		"\r\033[K\033[A\033[79C\033[K\r\n\r\033[K\033[A\033[79C"
		"\b\033[K\b\033[K",
	};
	/* The last one leaves it to the terminal. */
	static const char *const edges[] = { " \r8", "\r\r\n8", "8" };
	struct echo e = { 0 };
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(erased); i++) {
		begin(&e, SEVENTY TEN, SEVENTY "01234567");
		echo_feed(&e, edges[i], strlen(edges[i]));
		assert_int_equal(echo_state(&e), ECHO_WAITING);
		assert_int_equal(echo_same_count(&e), 79);
		echo_feed(&e, erased[i], strlen(erased[i]));
		assert_false(echo_is_drawn(&e));
		assert_int_equal(echo_same_count(&e), 75);
		for (n = 0; n < 75; n++)
			echo_feed(&e, "\b\033[K", 4);
		assert_true(echo_is_empty(&e));
		echo_again(&e);
		echo_feed(&e, SEVENTY "01234567 \r89", 82);
		assert_int_equal(echo_state(&e), ECHO_SAME);
		echo_release(&e);
	}
}

/* A row that is longer than all of the text: what goes on there can't be of it. */
static void a_row_of_others(void **state)
{
	struct echo e = { 0 };
	char row[64];

	(void)state;
	memset(row, 'a', sizeof(row));
	row[sizeof(row) - 1] = '\0';
	/* exactly as large as it must be, so that a read behind it is seen */
	begin(&e, "ab", row);
	echo_feed(&e, row, strlen(row));
	echo_feed(&e, " \r", 2);
	echo_feed(&e, "#", 1);
	echo_feed(&e, "a", 1);
	assert_int_not_equal(echo_state(&e), ECHO_SAME);
	echo_release(&e);
}

static void held_back(void **state)
{
	struct echo e = { 0 };

	(void)state;
	begin(&e, "fsck -y", "fsc");
	assert_int_equal(echo_state(&e), ECHO_WAITING);
	assert_false(echo_was_complete(&e));
	echo_again(&e);
	echo_feed(&e, "k -y\b \b", 7);
	assert_true(echo_was_complete(&e));
	assert_false(echo_is_empty(&e));
	echo_release(&e);
}

static void resembles(void **state)
{
	struct echo e = { 0 };

	(void)state;
	begin(&e, "fsck -y", "sk");
	assert_true(echo_resembles(&e));
	echo_release(&e);
	begin(&e, "fsck -y", "Loading ...");
	assert_false(echo_resembles(&e));
	echo_release(&e);
	begin(&e, "12345", "early");
	assert_false(echo_resembles(&e));
	echo_release(&e);
}

static void tells_what_came(void **state)
{
	struct buffer out = { 0 };
	struct echo e = { 0 };

	(void)state;
	begin(&e, "fsck", "f\xc3\xa4[   12.138909] usb\r\nk");
	echo_text(&e, &out);
	assert_string_equal(buffer_text(&out), "f\xc3\xa4k");
	buffer_release(&out);
	echo_release(&e);
	begin(&e, "ls", "\033[5;3Hls");
	assert_true(echo_is_drawn(&e));
	echo_release(&e);
}

/* Output without an end is bounded, and no line. */
static void floods(void **state)
{
	struct echo e = { 0 };
	char *flood = malloc(1 << 20);

	(void)state;
	assert_non_null(flood);
	memset(flood, 'x', 1 << 20);
	begin(&e, "fsck", "fs");
	echo_feed(&e, flood, 1 << 20);
	assert_int_equal(echo_state(&e), ECHO_DIFFERS);
	assert_true(e.size < 8192);
	free(flood);
	echo_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split),	 cmocka_unit_test(erasing),
		cmocka_unit_test(erasing_over_rows),
		cmocka_unit_test(a_row_of_others),
		cmocka_unit_test(held_back),	 cmocka_unit_test(resembles),
		cmocka_unit_test(tells_what_came), cmocka_unit_test(floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
