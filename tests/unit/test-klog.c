/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel messages in the middle of a prompt get lines of their own (C05). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/klog.h"

static const struct {
	const char *in;
	const char *out;
} cases[] = {
	{ "login: [    2.138909] tsc: x\nlogin: ",
	  "login: \n[    2.138909] tsc: x\nlogin: " },
	{ "a\n[    2.138909] tsc: x\nb", "a\n[    2.138909] tsc: x\nb" },
	{ "[12345.678901] at the beginning\n",
	  "[12345.678901] at the beginning\n" },
	{ "x[1234567.678901] long up\n", "x\n[1234567.678901] long up\n" },
	{ "Continue? [y/N] ", "Continue? [y/N] " },
	{ "[[    2.138909] twice", "[\n[    2.138909] twice" },
	{ "pick [1-5]: ", "pick [1-5]: " },
	{ "v [    2.13890] short", "v [    2.13890] short" },
	{ "v [ 2.138909] narrow", "v [ 2.138909] narrow" },
	{ "v [    2.138909]no blank", "v [    2.138909]no blank" },
	/* The line goes on behind the messages, ends, is printed anew. */
	{ "Give root pass[    2.138909] usb\nword: ",
	  "Give root pass\n[    2.138909] usb\nGive root password: " },
	{ "ab[    2.138909] x\n[    2.138910] y\nc[    2.138911] z\nd",
	  "ab\n[    2.138909] x\n[    2.138910] y\nabc\n[    2.138911] z\nabcd" },
	{ "ab[    2.138909] x\n\nc\n", "ab\n[    2.138909] x\n\nc\n" },
	{ "ab[    2.138909] x\nabc", "ab\n[    2.138909] x\nabc" },
	{ "ab[    2.138909] x\nac", "ab\n[    2.138909] x\nabac" },
	{ "ab[    2.138909] x\n[OK]", "ab\n[    2.138909] x\nab[OK]" },
	{ "ab[    2.138909] x\na[    2.138910] y\nb",
	  "ab\n[    2.138909] x\n[    2.138910] y\nab" },
	{ "[    2.138909] x[    2.138910] y\nb",
	  "[    2.138909] x\n[    2.138910] y\nb" },
	/* What systemd says, and what the scripts before it said. */
	{ "login: [  OK  ] Started x.\n", "login: \n[  OK  ] Started x.\n" },
	{ "login: [FAILED] Failed to x.\n[ SKIP ] Ordering\nlogin: ",
	  "login: \n[FAILED] Failed to x.\n[ SKIP ] Ordering\nlogin: " },
	{ "Starting sshd: [  OK  ]\nx", "Starting sshd: [  OK  ]\nx" },
	{ "Starting sshd: [  OK  ] \nx", "Starting sshd: [  OK  ] \nx" },
	{ "say [ OK ] Fine", "say [ OK ] Fine" },
	{ "say [    OK  ] Fine", "say [    OK  ] Fine" },
	{ "v [    2.[    2.138909] in it", "v [    2.\n[    2.138909] in it" },
};

static void whole(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct klog k = { .held_len = 0 };
		struct buffer out = { 0 };

		klog_feed(&k, cases[i].in, strlen(cases[i].in), &out);
		assert_string_equal(buffer_text(&out), cases[i].out);
		buffer_release(&out);
	}
}

static void every_split(void **state)
{
	size_t i, at, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = strlen(cases[i].in);
		for (at = 0; at <= len; at++) {
			struct klog k = { .held_len = 0 };
			struct buffer out = { 0 };

			klog_feed(&k, cases[i].in, at, &out);
			klog_feed(&k, cases[i].in + at, len - at, &out);
			assert_string_equal(buffer_text(&out), cases[i].out);
			buffer_release(&out);
		}
	}
}

static void message_length(void **state)
{
	static const char two[] = "[    2.138909] tsc: x\n[    2.2";

	(void)state;
	assert_int_equal(klog_message_len(two, strlen(two)), 22);
	assert_int_equal(klog_message_len(two, 20), 20);
	assert_int_equal(klog_message_len(two, 10), 0);
	assert_int_equal(klog_message_len("login: ", 7), 0);
	assert_int_equal(klog_message_len("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(every_split),
		cmocka_unit_test(message_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
