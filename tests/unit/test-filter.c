/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Promise 6: no control sequence of a console reaches the admin's terminal
 * unless it is one of the few harmless ones (X02). The checker in this file is
 * written from the header, and knows nothing of the filter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/filter.h"
#include "base/vis.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FFFD "\xef\xbf\xbd"

static void feed_all(const char *bytes, size_t len, struct buffer *out)
{
	struct filter f;

	filter_init(&f);
	filter_feed(&f, bytes, len, out);
}

/* The length of the permitted sequence at s (behind ESC), or 0. */
static size_t permitted_sequence(const char *s, size_t len)
{
	size_t i = 1, digits = 0, numbers = 1;

	if (len > 0 && strchr("78MDE", s[0]) != NULL && s[0] != '\0')
		return 1;
	if (len == 0 || s[0] != '[')
		return 0;
	for (; i < len && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';'); i++) {
		digits = s[i] == ';' ? 0 : digits + 1;
		numbers += s[i] == ';';
		if (digits > 4 || numbers > 32)
			return 0;
	}
	if (i == len || strchr("ABCDEFGHJKLMPSTX@dfr`eam", s[i]) == NULL ||
	    s[i] == '\0')
		return 0;
	if (numbers > 1 && strchr("Hfrm", s[i]) == NULL)
		return 0;
	if (numbers > 2 && s[i] != 'm')
		return 0;
	if ((s[i] == 'J' || s[i] == 'K') && i > 1 && (i > 2 || s[1] > '2'))
		return 0;
	return i + 1;
}

static bool permitted_char(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n == 1)
		return strchr("\r\n\t\b", s[0]) != NULL ?
			       s[0] != '\0' :
			       u[0] >= 0x20 && u[0] != 0x7f;
	if (n == 2 && u[0] == 0xc2 && u[1] < 0xa0)
		return false;
	return n > 0;
}

static bool only_permitted(const struct buffer *b)
{
	size_t i, n;

	for (i = 0; i < b->len; i += n) {
		n = vis_utf8_len(b->data + i, b->len - i, NULL);
		if (b->data[i] == '\033') {
			n = permitted_sequence(b->data + i + 1,
					       b->len - i - 1);
			if (n++ == 0)
				return false;
		} else if (!permitted_char(b->data + i, n)) {
			return false;
		}
	}
	return true;
}

static void assert_text(const struct buffer *out, const char *want,
			const char *about)
{
	struct buffer seen = { 0 }, asked = { 0 };

	if (out->len == strlen(want) &&
	    memcmp(buffer_text(out), want, out->len) == 0)
		return;
	vis_append(&seen, buffer_text(out), out->len);
	vis_append(&asked, want, strlen(want));
	vis_append(&asked, " of ", 4);
	vis_append(&asked, about, strlen(about));
	fail_msg("got %s, want %s", buffer_text(&seen), buffer_text(&asked));
}

/* Whole, cut once at each place, and byte by byte. */
static void check(const char *bytes, size_t len, const char *want)
{
	struct buffer out = { 0 };
	struct filter f;
	size_t i;

	feed_all(bytes, len, &out);
	assert_text(&out, want, bytes);
	assert_true(only_permitted(&out));
	for (i = 0; i <= len; i++) {
		buffer_clear(&out);
		filter_init(&f);
		filter_feed(&f, bytes, i, &out);
		filter_feed(&f, bytes + i, len - i, &out);
		assert_text(&out, want, bytes);
	}
	buffer_clear(&out);
	filter_init(&f);
	for (i = 0; i < len; i++)
		filter_feed(&f, bytes + i, 1, &out);
	assert_text(&out, want, bytes);
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

static void harmless_things_pass(void **state)
{
	static const struct example examples[] = {
		{ "oldhost login: ", "oldhost login: " },
		{ "a\r\n\t\bb", "a\r\n\t\bb" },
		{ "caf\xc3\xa9 \xe2\x94\x82 \xf0\x9f\x90\xa7",
		  "caf\xc3\xa9 \xe2\x94\x82 \xf0\x9f\x90\xa7" },
		{ "\033[1;31mred\033[0m\033[m", "\033[1;31mred\033[0m\033[m" },
		{ "\033[38;2;255;100;0m", "\033[38;2;255;100;0m" },
		{ "\033[A\033[2B\033[3C\033[4D\033[5E\033[6F\033[7G",
		  "\033[A\033[2B\033[3C\033[4D\033[5E\033[6F\033[7G" },
		{ "\033[H\033[3;42H\033[1;1f\033[5d",
		  "\033[H\033[3;42H\033[1;1f\033[5d" },
		{ "\033[J\033[2J\033[K\033[1K", "\033[J\033[2J\033[K\033[1K" },
		{ "\033[L\033[M\033[2P\033[S\033[T\033[X\033[@",
		  "\033[L\033[M\033[2P\033[S\033[T\033[X\033[@" },
		{ "\033[3;20r\033[r\033[5`\033[5e\033[5a",
		  "\033[3;20r\033[r\033[5`\033[5e\033[5a" },
		{ "\0337\0338\033M\033D\033E", "\0337\0338\033M\033D\033E" },
		{ "\033[03;042H", "\033[3;42H" },
		{ "\033[000m\033[;;5m", "\033[0m\033[;;5m" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
}

static void dangerous_things_do_not(void **state)
{
	static const struct example examples[] = {
		/* title, icon, clipboard, hyperlink, colours, notification */
		{ "a\033]0;owned\ab", "ab" },
		{ "a\033]2;owned\033\\b", "ab" },
		{ "a\033]52;c;cm0gLXJm\ab", "ab" },
		{ "a\033]8;;http://x\033\\b\033]8;;\033\\", "ab" },
		{ "a\033]4;1;rgb:0/0/0\ab", "ab" },
		{ "a\033]9;hello\ab\033]777;x\033\\", "ab" },
		{ "a\033]1337;File=x:AAAA\ab", "ab" },
		{ "a\033]Rb\033]P1000000c", "abc" },
		/* DCS: DECRQSS, sixel, tmux passthrough, user keys */
		{ "a\033P$qm\033\\b", "ab" },
		{ "a\033Pq#0;2;0;0;0\033\\b", "ab" },
		{ "a\033Ptmux;\033\033]52;c;x\a\033\\b", "ab" },
		{ "a\033P0;1|17/7273\033\\b", "ab" },
		{ "a\033_Gf=24;AAAA\033\\b", "ab" },
		{ "a\033^x\033\\b\033Xy\033\\c", "abc" },
		/* modes: alternate screen, mouse, paste, cursor, wrap */
		{ "a\033[?1049hb\033[?1049l", "ab" },
		{ "a\033[?1000h\033[?1006hb", "ab" },
		{ "a\033[?2004h\033[?25lb", "ab" },
		{ "a\033[4h\033[20hb\033[4l", "ab" },
		{ "a\033[>4;2mb\033[?5m", "ab" },
		/* reports: they would be typed into the admin's shell */
		{ "a\033[c\033[>c\033[=cb", "ab" },
		{ "a\033[5n\033[6n\033[?6nb", "ab" },
		{ "a\033[21t\033[8;1;1tb", "ab" },
		{ "a\033[xb\033[1x", "ab" },
		{ "a\033Zb", "ab" },
		{ "a\005b", "ab" },
		{ "a\033[?1$pb\033[1;1;1;1;1*y", "ab" },
		/* resets, character sets, keypad, alignment test, repeat */
		{ "a\033cb\033[!pc", "abc" },
		{ "a\033(0b\033)0\033%G\033%@\016\017c", "abc" },
		{ "a\033=b\033>\033#8c", "abc" },
		{ "a\033[9999999bb", "ab" },
		{ "a\033Hb\033[3g\033[2I\033[Z", "ab" },
		{ "a\033[sb\033[u\033[1;1s", "ab" },
		{ "a\033[2 q\033[1\"qb\033[5i\033[4i", "ab" },
		{ "a\033n\033o\033|\033}\033~b", "ab" },
		{ "a\033Nb\033Oc", "abc" },
		/* forms of permitted ones that mean something else */
		{ "a\033[3Jb", "ab" },
		{ "a\033[1;2;3;4;5Tb", "ab" },
		{ "a\033[?1rb\033[1;1;1;1;7$r", "ab" },
		{ "a\033[2 @b\033[1 Ac", "abc" },
		{ "a\033[?2Jb\033[?1K\033[>1S", "ab" },
		{ "a\033[4:3mb", "ab" },
		{ "a\033[<1mb\033[1#Pc", "abc" },
		/* C1 as UTF-8 and as raw bytes */
		{ "a\xc2\x9b" "2Jb", "ab" },
		{ "a\xc2\x9d" "0;x\ab", "ab" },
		{ "a\xc2\x90" "$qm\xc2\x9c" "b", "ab" },
		{ "a\xc2\x8d\xc2\x84\xc2\x85" "b", "ab" },
		{ "a\x9b" "2Jb", "a" FFFD "2Jb" },
		{ "a\x9d" "0;x\ab", "a" FFFD "0;xb" },
		{ "a\x90\x9c\x84", "a" FFFD FFFD FFFD },
		/* overlong and broken UTF-8, also of ESC and CSI */
		{ "\xc0\x9b[2J", FFFD FFFD "[2J" },
		{ "\xe0\x80\x9b[2J", FFFD FFFD FFFD "[2J" },
		{ "\xc1\x9b" "c", FFFD FFFD "c" },
		{ "\xe2\x9b\033c", FFFD FFFD },
		{ "\xed\xa0\x80\xff\xfe", FFFD FFFD FFFD FFFD FFFD },
		/* text that runs backwards */
		{ "a\xe2\x80\xae" "b\xe2\x81\xa6", "a" FFFD "b" FFFD },
		/* bells and other controls */
		{ "a\a\v\f\x7f\001\b", "a\b" },
		/* a sequence in a sequence */
		{ "a\033[3\033[1mb", "a\033[1mb" },
		{ "a\033]0;x\033[1mb", "a\033[1mb" },
		{ "a\033[3\030" "1mb", "a1mb" },
		{ "a\033\033\033[1mb", "a\033[1mb" },
		{ "a\033[1\n2mb", "a\n2mb" },
		{ "a\033[1\r2mb", "a\r2mb" },
		{ "a\033[1\xc3\xa9mb", "a\xc3\xa9mb" },
	};

	(void)state;
	check_all(examples, COUNT(examples));
	check("a\0b", 3, "ab");
	check("a\033[1\0m", 6, "a\033[1m");
}

static void numbers_are_bounded(void **state)
{
	struct buffer in = { 0 }, out = { 0 };
	const char ends[] = "ABCDEFGHLMPSTX@dfr`eam";
	char want[16];
	size_t i, k;

	(void)state;
	for (k = 0; ends[k] != '\0'; k++) {
		buffer_clear(&in);
		buffer_clear(&out);
		buffer_append_text(&in, "\033[");
		for (i = 0; i < 1000000; i++)
			buffer_append_char(&in, '7');
		buffer_append_char(&in, ends[k]);
		feed_all(in.data, in.len, &out);
		memcpy(want, "\033[9999?", 8);
		want[6] = ends[k];
		assert_text(&out, want, "a million digits");
	}
	buffer_clear(&in);
	buffer_clear(&out);
	buffer_append_text(&in, "\033[");
	for (i = 0; i < 1000000; i++)
		buffer_append_text(&in, "0;");
	buffer_append_text(&in, "mx");
	feed_all(in.data, in.len, &out);
	assert_text(&out, "x", "a million numbers");
	check("\033[12345;1H", 10, "\033[9999;1H");
	check("\033[00000012345H", 14, "\033[9999H");
	check("\033[1234H", 7, "\033[1234H");
	buffer_release(&in);
	buffer_release(&out);
}

static void a_string_without_end_hides_one_line(void **state)
{
	struct buffer in = { 0 }, out = { 0 };
	size_t i;

	(void)state;
	check("\033]0;x\nKernel panic", 18, "\nKernel panic");
	buffer_append_text(&in, "\033P");
	for (i = 0; i < 4096; i++)
		buffer_append_char(&in, 'x');
	buffer_append_text(&in, "\033[?1049hshown\033]52;c;x\a");
	feed_all(in.data, in.len, &out);
	assert_text(&out, "shown", "a long DCS");
	buffer_release(&in);
	buffer_release(&out);
}

static size_t random_bytes(unsigned *seed, char *bytes, size_t max)
{
	static const char special[] =
		"\033\033\033\033[[[]P^_X\\\a\r\n;;0123456789?!$ mHhJKrTcn#(78"
		"\xc2\x9b\x9c\x9d\x90\xe2\x80\xae\x94\x82\xff\xc3\xa9\030R";
	size_t len = (size_t)rand_r(seed) % max, i;

	for (i = 0; i < len; i++)
		bytes[i] = rand_r(seed) % 5 == 0 ?
				   (char)rand_r(seed) :
				   special[(size_t)rand_r(seed) %
					   (sizeof(special) - 1)];
	return len;
}

static void feed_in_parts(unsigned *seed, const char *bytes, size_t len,
			  struct buffer *out)
{
	struct filter f;
	size_t at, n;

	filter_init(&f);
	for (at = 0; at < len; at += n) {
		n = 1 + (size_t)rand_r(seed) % 7;
		if (n > len - at)
			n = len - at;
		filter_feed(&f, bytes + at, n, out);
	}
}

/* Hostile bytes: permitted forms only, the same for each split, idempotent. */
static void hostile_bytes_come_out_clean(void **state)
{
	struct buffer once = { 0 }, parts = { 0 }, twice = { 0 };
	unsigned seed = 52;
	char bytes[300];
	size_t len, kept = 0;
	int round;

	(void)state;
	for (round = 0; round < 40000; round++) {
		len = random_bytes(&seed, bytes, sizeof(bytes));
		buffer_clear(&once);
		buffer_clear(&parts);
		buffer_clear(&twice);
		feed_all(bytes, len, &once);
		assert_true(only_permitted(&once));
		feed_in_parts(&seed, bytes, len, &parts);
		assert_int_equal(parts.len, once.len);
		assert_memory_equal(buffer_text(&parts), buffer_text(&once),
				    once.len);
		feed_all(buffer_text(&once), once.len, &twice);
		assert_int_equal(twice.len, once.len);
		assert_memory_equal(buffer_text(&twice), buffer_text(&once),
				    once.len);
		kept += once.len;
	}
	assert_true(kept > 100000);
	buffer_release(&once);
	buffer_release(&parts);
	buffer_release(&twice);
}

/* The checker must be able to say no. */
static void the_checker_can_fail(void **state)
{
	static const char *const bad[] = {
		"\033", "\033[", "\033[1", "\033c", "\033]0;\a", "\033[?1h",
		"\033[3J", "\033[12345H", "\033[1;2A", "\033[6n", "\a", "\x9b",
		"\xc2\x9b", "\x7f", "\033[1;2;3H", "\033[", "\xe2\x94", "\033Z",
	};
	struct buffer b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		buffer_clear(&b);
		buffer_append_text(&b, bad[i]);
		assert_false(only_permitted(&b));
	}
	buffer_release(&b);
}

static void the_reset_is_permitted_too(void **state)
{
	struct buffer out = { 0 };

	(void)state;
	feed_all(filter_reset_text, strlen(filter_reset_text), &out);
	assert_text(&out, filter_reset_text, "reset");
	assert_non_null(strstr(filter_reset_text, "\033[0m"));
	assert_non_null(strstr(filter_reset_text, "\033[r"));
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_things_pass),
		cmocka_unit_test(dangerous_things_do_not),
		cmocka_unit_test(numbers_are_bounded),
		cmocka_unit_test(a_string_without_end_hides_one_line),
		cmocka_unit_test(hostile_bytes_come_out_clean),
		cmocka_unit_test(the_checker_can_fail),
		cmocka_unit_test(the_reset_is_permitted_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
