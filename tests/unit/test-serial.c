/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The score for garbage, on what a UART makes of a line at the wrong speed, and
 * the options of the serial driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "drivers/drivers.h"
#include "drivers/serial.h"

static const char boot[] =
	"\r\n[    0.000000] Linux version 2.6.32-754.el6.x86_64 (gcc 4.4.7)\r\n"
	"[    0.000000] Command line: ro root=/dev/sda1 console=ttyS0,115200\r\n"
	"\033[0;1;32m  OK  \033[0m] Started Network File System.\r\n"
	"Press F1 to continue, F2 to run the setup program\r\n"
	"oldhost login: ";

/* Fills ret with the text, again and again. */
static void repeat(const char *text, size_t len, char *ret, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		ret[i] = text[i % len];
}

/* --- a UART at another speed --- */

/* The line as samples, `rate` of them a bit: 8N1, and idle behind the text. */
struct line {
	unsigned char *level;
	size_t count;
};

static void line_bit(struct line *l, int level, int rate)
{
	while (rate-- > 0)
		l->level[l->count++] = (unsigned char)level;
}

static void line_send(struct line *l, const char *text, size_t len, int rate)
{
	int bit;

	l->level = malloc((len + 2) * 10 * (size_t)rate);
	l->count = 0;
	line_bit(l, 1, 3 * rate);
	for (; len > 0; len--, text++) {
		line_bit(l, 0, rate);
		for (bit = 0; bit < 8; bit++)
			line_bit(l, *text >> bit & 1, rate);
		line_bit(l, 1, rate);
	}
	line_bit(l, 1, 10 * rate);
}

/* Receives with `rate` samples a bit; *ret_errors: stop bits that were none. */
static void line_receive(const struct line *l, int rate, struct buffer *ret,
			 unsigned *ret_errors)
{
	size_t at = 1;
	int bit, c;

	while (at + 10 * (size_t)rate < l->count) {
		if (l->level[at] != 0 || l->level[at - 1] != 1) {
			at++;
			continue;
		}
		at += (size_t)(rate + rate / 2);
		for (c = 0, bit = 0; bit < 8; bit++, at += (size_t)rate)
			c |= l->level[at] << bit;
		*ret_errors += l->level[at] == 0;
		buffer_append_char(ret, (char)c);
	}
}

/* The verdict on the boot text, sent and received with so many samples a bit. */
static enum garbage_verdict verdict_at(int sent, int received, bool counters)
{
	struct buffer got = { 0 };
	struct garbage g = { 0 };
	struct line l;
	unsigned errors = 0;
	char many[16 * sizeof(boot)];

	repeat(boot, sizeof(boot) - 1, many, sizeof(many));
	line_send(&l, many, sizeof(many), sent);
	line_receive(&l, received, &got, &errors);
	assert_true(got.len >= 48);
	garbage_feed(&g, got.data, got.len);
	if (counters)
		garbage_add_errors(&g, errors);
	buffer_release(&got);
	free(l.level);
	return garbage_verdict(&g);
}

/* Samples a bit: 115200 baud has 12, 38400 has 36, 2400 has 576. */
static const int rates[] = { 12, 24, 36, 72, 144, 288, 576 };
#define RATES (sizeof(rates) / sizeof(rates[0]))

static void test_every_pair_of_speeds(void **state)
{
	size_t a, b;

	(void)state;
	for (a = 0; a < RATES; a++) {
		for (b = 0; b < RATES; b++) {
			assert_int_equal(verdict_at(rates[a], rates[b], true),
					 a == b ? GARBAGE_TEXT : GARBAGE_NOISE);
		}
	}
}

/* Adapters that count no errors: by the bytes alone. */
static void test_speeds_without_counters(void **state)
{
	static const int pairs[][2] = { { 12, 144 }, { 144, 12 }, { 12, 72 },
					{ 72, 12 }, { 144, 72 }, { 72, 144 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		assert_int_equal(verdict_at(pairs[i][0], pairs[i][1], false),
				 GARBAGE_NOISE);
	assert_int_equal(verdict_at(12, 12, false), GARBAGE_TEXT);
}

/* --- what is text --- */

static enum garbage_verdict verdict_of(const char *bytes, size_t len)
{
	struct garbage whole = { 0 }, split = { 0 };
	size_t i;

	garbage_feed(&whole, bytes, len);
	for (i = 0; i < len; i++)
		garbage_feed(&split, bytes + i, 1);
	assert_memory_equal(&whole, &split, sizeof(whole));
	return garbage_verdict(&whole);
}

#define VERDICT(text) (repeat(text, sizeof(text) - 1, many, sizeof(many)), \
		       verdict_of(many, sizeof(many)))

static void test_text_is_text(void **state)
{
	char many[480];

	(void)state;
	assert_int_equal(VERDICT(boot), GARBAGE_TEXT);
	/* UTF-8 */
	assert_int_equal(VERDICT("\xe2\x94\x80\xe2\x94\x82"), GARBAGE_TEXT);
	assert_int_equal(VERDICT("gr\xc3\xbc\xc3\x9f"), GARBAGE_TEXT);
	/* line drawing of codepage 437, a whole screen of it (C07) */
	assert_int_equal(VERDICT("\xc9\xcd\xcd\xcd\xbb\xba"), GARBAGE_TEXT);
	/* NUL behind CR (C06) */
	assert_int_equal(VERDICT("ab\r\0\n"), GARBAGE_TEXT);
	assert_int_equal(VERDICT("login: "), GARBAGE_TEXT);
}

static void test_noise_is_noise(void **state)
{
	char many[480];
	unsigned seed;
	size_t i;

	(void)state;
	assert_int_equal(VERDICT("\0"), GARBAGE_NOISE);
	assert_int_equal(VERDICT("\xff\xfc"), GARBAGE_NOISE);
	assert_int_equal(VERDICT("\xfe\x80\xf8\x00\xe0"), GARBAGE_NOISE);
	for (seed = 0; seed < 200; seed++) {
		srand(seed);
		for (i = 0; i < sizeof(many); i++)
			many[i] = (char)(rand() >> 7);
		assert_int_equal(verdict_of(many, sizeof(many)),
				 GARBAGE_NOISE);
	}
}

/* What plugging in does (T05), and a prompt, are too little for a verdict. */
static void test_little_decides_nothing(void **state)
{
	char many[480];
	struct garbage g = { 0 };

	(void)state;
	assert_int_equal(verdict_of("\0\xff\0", 3), GARBAGE_UNKNOWN);
	assert_int_equal(verdict_of("", 0), GARBAGE_UNKNOWN);
	garbage_feed(&g, "\0\xff\xff\0\xff", 5);
	repeat(boot, sizeof(boot) - 1, many, sizeof(many));
	garbage_feed(&g, many, 200);
	assert_int_equal(garbage_verdict(&g), GARBAGE_TEXT);
	/* old text does not hide new garbage for long */
	for (size_t i = 0; i < 20; i++)
		garbage_feed(&g, many, sizeof(many));
	memset(many, 0xfc, sizeof(many));
	garbage_feed(&g, many, 128);
	assert_int_equal(garbage_verdict(&g), GARBAGE_NOISE);
}

/* --- options --- */

static int open_with(const char *const *pairs, struct serial *s,
		     struct rh_error *err)
{
	const struct option *const tables[] = { driver_serial.options, NULL };
	struct settings *settings = settings_new(tables);
	int rc;

	for (; *pairs != NULL; pairs += 2)
		assert_int_equal(settings_set(settings, pairs[0], pairs[1],
					      err), 0);
	memset(s, 0, sizeof(*s));
	rc = driver_serial.open(s, settings, 0, err);
	driver_serial.close(s);
	settings_free(settings);
	return rc;
}

static void test_options(void **state)
{
	static const char *const full[] = {
		"path", "/dev/ttyS7", "speed", "9600", "speeds",
		"115200, 9600 19200", "bits", "7", "parity", "space", "stop",
		"2", "flow", "xonxoff", "rts", "no", "write-timeout", "2s", NULL,
	};
	static const char *const relative[] = { "path", "ttyS7", NULL };
	static const char *const plain[] = { "path", "/dev/ttyS7", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct serial s;

	(void)state;
	assert_int_equal(open_with(full, &s, &err), 0);
	assert_int_equal(s.speed_count, 3);
	assert_int_equal(s.speeds[0], 9600);
	assert_int_equal(s.speeds[1], 115200);
	assert_int_equal(s.speeds[2], 19200);
	assert_int_equal(s.bits, 7);
	assert_int_equal(s.stop, 2);
	assert_int_equal(s.parity, SP_PARITY_SPACE);
	assert_int_equal(s.flow, SP_FLOWCONTROL_XONXOFF);
	assert_false(s.rts);
	assert_true(s.dtr);
	assert_int_equal(s.write_timeout, 2000);
	assert_int_equal(open_with(plain, &s, &err), 0);
	assert_int_equal(s.speed_count, 1);
	assert_int_equal(s.speeds[0], 115200);
	assert_int_equal(open_with(relative, &s, &err), -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
}

static void assert_tried(int speed, int rejected, const char *text)
{
	struct serial s = { .speeds = { 1, 2, 3 }, .speed_count = 3,
			    .speed = speed, .rejected = rejected };
	struct buffer b = { 0 };

	serial_console_tried(&s, &b);
	assert_string_equal(buffer_text(&b), text);
	buffer_release(&b);
}

static void test_tried(void **state)
{
	(void)state;
	assert_tried(1, 1, "1");
	assert_tried(2, 2, "1 2");
	assert_tried(0, 3, "1 2 3");
	assert_tried(0, 2, "2 3");
	assert_tried(2, 5, "3 1 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair_of_speeds),
		cmocka_unit_test(test_speeds_without_counters),
		cmocka_unit_test(test_text_is_text),
		cmocka_unit_test(test_noise_is_noise),
		cmocka_unit_test(test_little_decides_nothing),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_tried),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
