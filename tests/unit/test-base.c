/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base/error, deadline, buffer, ring, vis and problem. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/problem.h"
#include "base/ring.h"
#include "base/vis.h"

/* --- error --------------------------------------------------------------- */

static void test_error_set(void **state)
{
	struct rh_error err = RH_ERROR_INIT;

	(void)state;
	errno = EDOM;
	assert_int_equal(rh_error_set(&err, RH_ERR_BUSY, "a %d\nb\rc", 7), -1);
	assert_int_equal(err.code, RH_ERR_BUSY);
	assert_int_equal(err.sys_errno, 0);
	assert_string_equal(err.text, "a 7 b c");
	assert_int_equal(rh_error_set_errno(&err, RH_ERR_IO, ENOENT, "x"), -1);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_string_equal(err.text, "x: No such file or directory");
	assert_int_equal(rh_error_prefix(&err, "ldap%d", 1), -1);
	assert_string_equal(err.text, "ldap1: x: No such file or directory");
	assert_int_equal(err.code, RH_ERR_IO);
	assert_int_equal(errno, EDOM);
	rh_error_clear(&err);
	assert_int_equal(err.code, RH_ERR_NONE);
	assert_int_equal(err.sys_errno, 0);
	assert_string_equal(err.text, "");
}

static void test_error_null(void **state)
{
	(void)state;
	assert_int_equal(rh_error_set(NULL, RH_ERR_BUSY, "x"), -1);
	assert_int_equal(rh_error_set_errno(NULL, RH_ERR_IO, 1, "x"), -1);
	assert_int_equal(rh_error_prefix(NULL, "x"), -1);
	rh_error_clear(NULL);
}

static void test_error_long(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	char text[2000];
	int i;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	rh_error_set(&err, RH_ERR_IO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	for (i = 0; i < 3; i++) {
		rh_error_prefix(&err, "%s", i == 0 ? "place" : text);
		assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	}
	rh_error_set_errno(&err, RH_ERR_IO, ENOENT, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_error_names(void **state)
{
	int code;

	(void)state;
	for (code = 0; code < RH_ERR_COUNT; code++) {
		assert_non_null(rh_code_name((enum rh_code)code));
		assert_int_equal(rh_code_from_name(
				 rh_code_name((enum rh_code)code)), code);
	}
	assert_string_equal(rh_code_name(RH_ERR_COUNT), "internal");
	assert_string_equal(rh_code_name(RH_ERR_NOTSUP), "not-supported");
	assert_int_equal(rh_code_from_name("nonsense"), RH_ERR_NONE);
}

/* --- deadline ------------------------------------------------------------- */

static void test_deadline_sums(void **state)
{
	int64_t now = deadline_now();

	(void)state;
	assert_true(deadline_now() >= now);
	assert_true(deadline_in(1000) >= now + 1000);
	assert_true(deadline_in(-5) >= now);
	assert_true(deadline_in(DEADLINE_NEVER) == DEADLINE_NEVER);
	assert_true(deadline_add(5, 7) == 12);
	assert_true(deadline_add(5, -7) == -2);
	assert_true(deadline_add(DEADLINE_NEVER, -7) == DEADLINE_NEVER);
	assert_true(deadline_add(DEADLINE_NEVER - 1, 2) == DEADLINE_NEVER);
	assert_true(deadline_min(3, DEADLINE_NEVER) == 3);
	assert_true(deadline_min(3, 2) == 2);
	assert_int_equal(deadline_poll_ms(DEADLINE_NEVER), -1);
	assert_int_equal(deadline_poll_ms(now - 1), 0);
	assert_int_equal(deadline_poll_ms(DEADLINE_NEVER - 1), INT_MAX);
	assert_in_range(deadline_poll_ms(deadline_in(60000)), 1, 60001);
	/* 2020 to 2100 */
	assert_true(deadline_wall_ms() > INT64_C(1577836800000));
	assert_true(deadline_wall_ms() < INT64_C(4102444800000));
}

static void test_deadline_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "90", 90000 }, { "90s", 90000 }, { "90 s", 90000 },
		{ "250ms", 250 }, { "5m", 300000 }, { "1h30m", 5400000 },
		{ " 1h 30m ", 5400000 }, { "1d", 86400000 }, { "0", 0 },
		{ "0s", 0 },
	};
	static const char *const bad[] = {
		"", " ", "s", "5x", "-5s", "1.5s", "1m30", "5s!", "5sm", "+5",
		"99999999999999999999", "1000000000d", "5S", "\n5",
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ms = -1;
		assert_int_equal(deadline_parse_ms(rows[i].text, &ms), 0);
		assert_true(ms == rows[i].ms);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = -1;
		if (deadline_parse_ms(bad[i], &ms) == 0 || ms != -1)
			fail_msg("\"%s\"", bad[i]);
	}
}

static void test_deadline_format(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "0ms" }, { 250, "250ms" }, { 999, "999ms" },
		{ 1000, "1s" }, { 5500, "5.5s" }, { 59000, "59s" },
		{ 60000, "1m" }, { 72000, "1m12s" }, { 65000, "1m05s" },
		{ 3600000, "1h00m" }, { 5400000, "1h30m" },
		{ DEADLINE_NEVER, "for ever" },
	};
	char buf[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(deadline_format(rows[i].ms, buf,
						    sizeof(buf)), rows[i].text);
	assert_string_equal(deadline_format(72000, buf, 4), "1m1");
}

/* --- buffer --------------------------------------------------------------- */

static void test_buffer(void **state)
{
	struct buffer b = { 0 };
	char *taken;
	int i;

	(void)state;
	assert_string_equal(buffer_text(&b), "");
	buffer_clear(&b);
	buffer_drop(&b, 5);
	buffer_append(&b, NULL, 0);
	buffer_append_text(&b, "abc");
	buffer_append_char(&b, '\0');
	buffer_printf(&b, "%s-%d", "x", 12);
	buffer_printf(&b, "%s", "");
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "abc\0x-12", 9);
	buffer_drop(&b, 4);
	assert_string_equal(buffer_text(&b), "x-12");
	buffer_drop(&b, 99);
	assert_int_equal(b.len, 0);
	for (i = 0; i < 1000; i++)
		buffer_printf(&b, "%03d", i);
	assert_int_equal(b.len, 3000);
	assert_int_equal(strlen(b.data), 3000);
	assert_memory_equal(b.data + 2997, "999", 4);
	taken = buffer_take(&b);
	assert_int_equal(strlen(taken), 3000);
	free(taken);
	assert_null(b.data);
	taken = buffer_take(&b);
	assert_string_equal(taken, "");
	free(taken);
	buffer_release(&b);
	buffer_release(NULL);
}

/* --- ring ------------------------------------------------------------------ */

static void assert_ring(const struct ring *r, uint64_t *position, size_t max,
			const char *want, uint64_t want_missed)
{
	char bytes[64];
	uint64_t missed = 99;
	size_t n = ring_read(r, position, bytes, max, &missed);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(bytes, want, n);
	assert_int_equal(missed, want_missed);
}

static void test_ring(void **state)
{
	struct ring r;
	uint64_t fast = 0, slow = 0;

	(void)state;
	ring_init(&r, 8);
	assert_ring(&r, &fast, 64, "", 0);
	ring_write(&r, "abcde", 5);
	assert_int_equal(ring_oldest(&r), 0);
	assert_ring(&r, &fast, 2, "ab", 0);
	assert_ring(&r, &fast, 64, "cde", 0);
	ring_write(&r, "fghij", 5);
	assert_ring(&r, &fast, 64, "fghij", 0);
	assert_int_equal(ring_oldest(&r), 2);
	assert_ring(&r, &slow, 64, "cdefghij", 2);
	ring_write(&r, "0123456789ABC", 13);
	assert_int_equal(r.written, 23);
	assert_ring(&r, &slow, 3, "567", 5);
	assert_ring(&r, &slow, 64, "89ABC", 0);
	assert_int_equal(slow, 23);
	assert_ring(&r, &slow, 64, "", 0);
	ring_release(&r);
	ring_release(NULL);
}

/* --- vis ------------------------------------------------------------------- */

static void assert_vis(const char *bytes, size_t len, const char *want)
{
	struct buffer out = { 0 };

	vis_append(&out, bytes, len);
	assert_string_equal(buffer_text(&out), want);
	buffer_release(&out);
}

#define VIS(bytes, want) assert_vis(bytes, sizeof(bytes) - 1, want)

static void test_vis_append(void **state)
{
	(void)state;
	VIS("plain ~", "plain ~");
	VIS("\x1b[2J\r\n\t\\", "\\e[2J\\r\\n\\t\\\\");
	VIS("a\0b\x07\x7f", "a\\x00b\\x07\\x7f");
	VIS("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	/* C1: raw, and as UTF-8 (CSI) */
	VIS("\x9b" "2J", "\\x9b2J");
	VIS("\xc2\x9b" "2J", "\\xc2\\x9b2J");
	VIS("\xc2\xa0", "\xc2\xa0");
	/* direction */
	VIS("\xe2\x80\xa9", "\xe2\x80\xa9");
	VIS("\xe2\x80\xaa", "\\xe2\\x80\\xaa");
	VIS("\xe2\x80\xae", "\\xe2\\x80\\xae");
	VIS("\xe2\x80\xaf", "\xe2\x80\xaf");
	VIS("\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
	/* overlong, surrogate, too large, cut */
	VIS("\xc0\xaf", "\\xc0\\xaf");
	VIS("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	VIS("\xed\xa0\x80", "\\xed\\xa0\\x80");
	VIS("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	VIS("\xe2\x82", "\\xe2\\x82");
	VIS("\xe2\x82x", "\\xe2\\x82x");
}

static void test_vis_text(void **state)
{
	char buf[8];

	(void)state;
	assert_string_equal(vis_text("abcdefg", buf, sizeof(buf)), "abcdefg");
	assert_string_equal(vis_text("abcdefgh", buf, sizeof(buf)), "abcd...");
	/* not in the middle of a character */
	assert_string_equal(vis_text("abc\xc3\xa4" "defgh", buf, sizeof(buf)),
			    "abc...");
	assert_string_equal(vis_text("abcde", buf, 4), "");
	assert_string_equal(vis_text("\n", buf, sizeof(buf)), "\\n");
	buf[0] = 'x';
	vis_text("abc", buf, 0);
	assert_int_equal(buf[0], 'x');
}

static void test_vis_utf8(void **state)
{
	struct buffer out = { 0 };

	(void)state;
	vis_append_utf8(&out, "a\0\x1b\xff\xc3\xa4\xc3", 7);
	assert_string_equal(buffer_text(&out),
			    "a\xef\xbf\xbd\x1b\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
	buffer_release(&out);
}

static void test_vis_utf8_len(void **state)
{
	static const struct {
		const char *bytes;
		size_t give;
		size_t len;
		bool is_short;
	} rows[] = {
		{ "", 0, 0, false }, { "a", 1, 1, false },
		{ "\xc3", 1, 0, true }, { "\xc3\xa4", 2, 2, false },
		{ "\xc1", 1, 0, false }, { "\x80", 1, 0, false },
		{ "\xe2\x82", 2, 0, true }, { "\xe2x", 2, 0, false },
		{ "\xf0", 1, 0, true }, { "\xf0\x9f\x98", 3, 0, true },
		{ "\xf5", 1, 0, false }, { "\xef\xbf\xbf", 3, 3, false },
		{ "\xf4\x8f\xbf\xbf", 4, 4, false },
		/* beginnings that nothing can complete */
		{ "\xe0\x80", 2, 0, false }, { "\xe0\xa0", 2, 0, true },
		{ "\xed\xa0", 2, 0, false }, { "\xed\x9f", 2, 0, true },
		{ "\xf0\x8f", 2, 0, false }, { "\xf0\x90", 2, 0, true },
		{ "\xf4\x90", 2, 0, false }, { "\xf4\x8f\xbf", 3, 0, true },
		{ "\xe0", 1, 0, true }, { "\xed", 1, 0, true },
		{ "\xf4", 1, 0, true }, { "\xee", 1, 0, true },
	};
	bool is_short;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_short = !rows[i].is_short;
		if (vis_utf8_len(rows[i].bytes, rows[i].give, &is_short) !=
		    rows[i].len || is_short != rows[i].is_short)
			fail_msg("row %zu", i);
	}
}

/* --- problem ---------------------------------------------------------------- */

static void test_problems(void **state)
{
	struct problems p = { 0 };

	(void)state;
	problems_sort(&p);
	problems_add(&p, "b", 2, "x %d", 1);
	problems_add(&p, "b", 10, "y");
	problems_warn(&p, "a", 7, "w");
	problems_add(&p, "b", 1, "z");
	problems_add(&p, "b", 2, "x %d", 1);
	problems_add(&p, "b", 2, "x %d", 2);
	assert_int_equal(p.count, 5);
	assert_int_equal(p.errors, 4);
	assert_int_equal(problems_in_file(&p, "b"), 4);
	assert_int_equal(problems_in_file(&p, "a"), 0);
	problems_sort(&p);
	assert_string_equal(p.list[0].file, "a");
	assert_true(p.list[0].warning);
	assert_int_equal(p.list[0].line, 7);
	assert_int_equal(p.list[1].line, 1);
	assert_string_equal(p.list[1].text, "z");
	assert_int_equal(p.list[2].line, 2);
	assert_int_equal(p.list[4].line, 10);
	assert_false(p.list[4].warning);
	problems_release(&p);
	assert_int_equal(p.count, 0);
	problems_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_set),
		cmocka_unit_test(test_error_null),
		cmocka_unit_test(test_error_long),
		cmocka_unit_test(test_error_names),
		cmocka_unit_test(test_deadline_sums),
		cmocka_unit_test(test_deadline_parse),
		cmocka_unit_test(test_deadline_format),
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_vis_append),
		cmocka_unit_test(test_vis_text),
		cmocka_unit_test(test_vis_utf8),
		cmocka_unit_test(test_vis_utf8_len),
		cmocka_unit_test(test_problems),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
