/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text view: what is left of a console stream for patterns (C02, C06,
 * C07), the same however the bytes were split (C04).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/text.h"
#include "base/vis.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FFFD "\xef\xbf\xbd"

static void feed_all(const char *bytes, size_t len, struct buffer *out)
{
	struct text t;

	text_init(&t);
	text_feed(&t, bytes, len, out);
}

static void assert_buffer(const struct buffer *out, const char *want,
			  size_t want_len, const char *about)
{
	if (out->len != want_len ||
	    memcmp(buffer_text(out), want, want_len) != 0)
		fail_msg("%s: got \"%s\", want \"%s\"", about,
			 buffer_text(out), want);
}

/* Whole, cut once at each place, and byte by byte. */
static void check(const char *bytes, size_t len, const char *want)
{
	struct buffer out = { 0 };
	struct text t;
	size_t i;

	feed_all(bytes, len, &out);
	assert_buffer(&out, want, strlen(want), bytes);
	for (i = 0; i <= len; i++) {
		buffer_clear(&out);
		text_init(&t);
		text_feed(&t, bytes, i, &out);
		text_feed(&t, bytes + i, len - i, &out);
		assert_buffer(&out, want, strlen(want), bytes);
	}
	buffer_clear(&out);
	memset(&t, 0, sizeof(t));
	for (i = 0; i < len; i++)
		text_feed(&t, bytes + i, 1, &out);
	assert_buffer(&out, want, strlen(want), bytes);
	buffer_release(&out);
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

static void line_ends_become_one(void **state)
{
	static const struct example examples[] = {
		{ "a\nb", "a\nb" },
		{ "a\rb", "a\nb" },
		{ "a\r\nb", "a\nb" },
		{ "a\n\rb", "a\nb" },
		{ "a\r\r\nb", "a\nb" },
		{ "a\r\r\r\nb", "a\nb" },
		{ "a\n\nb", "a\n\nb" },
		{ "a\r\n\r\nb", "a\n\nb" },
		{ "a\n\r\n\rb", "a\n\nb" },
		{ "a\r\r\n\r\r\nb", "a\n\nb" },
		{ "a\n\r\nb", "a\n\nb" },
		{ "a\r\n\nb", "a\n\nb" },
		{ "a\r\033[K\nb", "a\nb" },
		{ "a\r\a\nb", "a\nb" },
		{ "10%\r20%\r\n", "10%\n20%\n" },
		{ "\rb", "\nb" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
	check("a\r\0\nb", 5, "a\nb");
	check("a\r\0b", 4, "a\nb");
	check("a\0b", 3, "ab");
}

static void escapes_are_removed(void **state)
{
	static const struct example examples[] = {
		{ "\033[?2004hroot@oldhost:~# ", "root@oldhost:~# " },
		{ "\033[1;31mred\033[0m", "red" },
		{ "a\033[03;42Hb", "ab" },
		{ "a\033[0 qb", "ab" },
		{ "a\033[1!pb", "ab" },
		{ "\033[6n# ", "# " },
		{ "a\033(Bb", "ab" },
		{ "a\033#8b", "ab" },
		{ "a\033 Fb", "ab" },
		{ "a\033cb", "ab" },
		{ "a\033=b\033>c", "abc" },
		{ "a\0337b\0338c", "abc" },
		{ "a\033]0;title\ab", "ab" },
		{ "a\033]0;title\033\\b", "ab" },
		{ "a\033]52;c;cm0gLXJm\ab", "ab" },
		{ "a\033P$qm\033\\b", "ab" },
		{ "a\033_apc\033\\b", "ab" },
		{ "a\033^pm\033\\b", "ab" },
		{ "a\033Xsos\033\\b", "ab" },
		{ "a\033]Rb", "ab" },
		{ "a\033]P1aabbccb", "ab" },
		{ "a\033]P1aabbccdb", "adb" },
		{ "a\033]Pxyz\ab", "ab" },
		{ "a\033]0;t\033[1mb", "ab" },
		{ "a\033\033[1mb", "ab" },
		{ "a\033[1\033[2mb", "ab" },
		{ "a\033[3\0301mb", "a1mb" },
		{ "a\033[3\0321mb", "a1mb" },
		{ "a\033[3\n1mb", "a\n1mb" },
		{ "a\033\nb", "a\nb" },
		{ "a\033[3\a1mb", "ab" },
		{ "a\033[3\xc3\xa9mb", "a\xc3\xa9mb" },
		{ "a\033\xc3\xa9", "a\xc3\xa9" },
		{ "a\033(\xc3\xa9", "a\xc3\xa9" },
		{ "a\x7f\b\a\v\f\016\017b", "ab" },
		{ "a\tb", "a\tb" },
		{ "a\xc2\x9b" "31mb", "ab" },
		{ "a\xc2\x9d" "0;t\ab", "ab" },
		{ "a\xc2\x90q\xc2\x9c" "b", "ab" },
		{ "a\033]0;\xe2\x9c\x85\033\\b", "ab" },
		{ "a\033]0;\xc2\xc2\x9c" "b", "ab" },
		{ "a\xc2\x85" "b\xc2\x84", "ab" },
		{ "a\033[", "a" },
		{ "a\033", "a" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
}

static void a_string_without_end_hides_one_line(void **state)
{
	struct buffer in = { 0 }, out = { 0 };
	size_t i;

	(void)state;
	check("\033]0;ti\nKernel panic", 19, "\nKernel panic");
	check("\033Pq\r\nKernel panic", 17, "\nKernel panic");
	buffer_append_text(&in, "\033]0;");
	for (i = 0; i < 4094; i++)
		buffer_append_char(&in, 'x');
	buffer_append_text(&in, "Kernel panic");
	feed_all(in.data, in.len, &out);
	assert_string_equal(buffer_text(&out), "Kernel panic");
	buffer_clear(&out);
	in.data[4096] = '\a';
	feed_all(in.data, in.len, &out);
	assert_string_equal(buffer_text(&out), "xKernel panic");
	buffer_release(&in);
	buffer_release(&out);
}

static void utf8_is_made_valid(void **state)
{
	static const struct example examples[] = {
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xe2\x94\x82", "\xe2\x94\x82" },
		{ "\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7" },
		{ "a\xff\xfc" "b", "a" FFFD FFFD "b" },
		{ "\xb3\xc4\xbf", FFFD "\xc4\xbf" },
		{ "\xc9\xcd\xbb ", FFFD "\xcd\xbb " },
		{ "\xc0\xaf", FFFD FFFD },
		{ "\xe0\x80\xaf", FFFD FFFD FFFD },
		{ "\xed\xa0\x80", FFFD FFFD FFFD },
		{ "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD },
		{ "\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD },
		{ "\xe2\x94X", FFFD FFFD "X" },
		{ "\xe2\x94\n", FFFD FFFD "\n" },
		{ "\xe2\x94\033[1mX", FFFD FFFD "X" },
		{ "\xe2\xe2\x94\x82", FFFD "\xe2\x94\x82" },
		{ "\x9b" "31m", FFFD "31m" },
		{ "\x90" "abc", FFFD "abc" },
		{ "\x80\xbf", FFFD FFFD },
		{ "a\xe2\x94", "a" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
}

/* Whether it holds what the header promises. */
static bool is_clean(const struct buffer *b)
{
	size_t i, n;

	for (i = 0; i < b->len; i += n) {
		unsigned char c = (unsigned char)b->data[i];

		n = vis_utf8_len(b->data + i, b->len - i, NULL);
		if (n == 0 || c == 0x7f ||
		    (c < 0x20 && c != '\n' && c != '\t'))
			return false;
		if (n == 2 && c == 0xc2 && (unsigned char)b->data[i + 1] < 0xa0)
			return false;
	}
	return true;
}

/* Bytes that like to be together in a sequence, and any others. */
static size_t random_bytes(unsigned *seed, char *bytes, size_t max)
{
	static const char special[] =
		"\033\033\033[]P^_X\\\a\r\n\r\n;0123456789?!$mHhJ \t\b"
		"\xc2\x9b\x9c\x9d\x90\xe2\x94\x82\xff\xc3\xa9\030R";
	size_t len = (size_t)rand_r(seed) % max, i;

	for (i = 0; i < len; i++)
		bytes[i] = rand_r(seed) % 4 == 0 ?
				   (char)rand_r(seed) :
				   special[(size_t)rand_r(seed) %
					   (sizeof(special) - 1)];
	return len;
}

static void every_split_gives_the_same(void **state)
{
	struct buffer whole = { 0 }, parts = { 0 };
	unsigned seed = 4;
	char bytes[400];
	struct text t;
	size_t len, at, n;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		len = random_bytes(&seed, bytes, sizeof(bytes));
		buffer_clear(&whole);
		feed_all(bytes, len, &whole);
		assert_true(is_clean(&whole));
		buffer_clear(&parts);
		text_init(&t);
		for (at = 0; at < len; at += n) {
			n = 1 + (size_t)rand_r(&seed) % 7;
			if (n > len - at)
				n = len - at;
			text_feed(&t, bytes + at, n, &parts);
		}
		assert_int_equal(parts.len, whole.len);
		assert_memory_equal(buffer_text(&parts), buffer_text(&whole),
				    whole.len);
	}
	buffer_release(&whole);
	buffer_release(&parts);
}

static void plain_text_is_a_copy(void **state)
{
	struct buffer out = { 0 };
	char line[64];
	size_t i, len;
	int c;

	(void)state;
	for (c = 0x20; c < 0x7f; c++)
		for (len = 0; len < sizeof(line); len++) {
			memset(line, c, len);
			buffer_clear(&out);
			feed_all(line, len, &out);
			assert_buffer(&out, line, len, "plain");
		}
	/* one control character at each place of a fast run */
	for (c = 0; c < 0x20; c++)
		for (i = 0; i < 24 && c != 0x1b; i++) {
			memset(line, 'p', 24);
			line[i] = (char)c;
			buffer_clear(&out);
			feed_all(line, 24, &out);
			assert_int_equal(out.len, c == '\n' || c == '\r' ||
							  c == '\t' ? 24 : 23);
		}
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends_become_one),
		cmocka_unit_test(escapes_are_removed),
		cmocka_unit_test(a_string_without_end_hides_one_line),
		cmocka_unit_test(utf8_is_made_valid),
		cmocka_unit_test(every_split_gives_the_same),
		cmocka_unit_test(plain_text_is_a_copy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
