/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Secrets that come back: they are found however they come, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/redact.h"
#include "base/deadline.h"

static void add(struct redact *r, const char *text, const char *name)
{
	char path[] = "/tmp/test-redact.XXXXXX", reference[64];
	struct rh_error err = RH_ERROR_INIT;
	struct secret secret = { 0 };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	snprintf(reference, sizeof(reference), "@file:%s", path);
	assert_int_equal(secret_load(&secret, reference, DEADLINE_NEVER, &err),
			 0);
	unlink(path);
	redact_add(r, &secret, name);
}

/* However the bytes are split. */
static void shows(const char *bytes, const char *want)
{
	size_t len = strlen(bytes), piece, at, n;
	struct redact r = { .count = 0 };
	struct buffer out = { 0 };

	add(&r, "tiger", "pw");
	add(&r, "ab", "two");
	for (piece = 1; piece <= len; piece++) {
		buffer_clear(&out);
		for (at = 0; at < len; at += n) {
			n = len - at < piece ? len - at : piece;
			redact_feed(&r, bytes + at, n, &out);
		}
		redact_flush(&r, &out);
		assert_string_equal(buffer_text(&out), want);
	}
	buffer_clear(&out);
	redact_text(&r, bytes, &out);
	assert_string_equal(buffer_text(&out), want);
	buffer_release(&out);
	redact_release(&r);
}

static void a_secret_is_found(void **state)
{
	(void)state;
	shows("password: tiger\r\n", "password: <secret:pw>\r\n");
	shows("titiger tige", "ti<secret:pw> tige");
	shows("tigerabtiger", "<secret:pw><secret:two><secret:pw>");
	shows("nothing of it", "nothing of it");
}

/* Each character is put to its place, or coloured. */
static void a_drawn_secret_is_found(void **state)
{
	(void)state;
	shows("\033[6;28Ht\033[6;29Hi\033[6;30Hg\033[6;31He\033[6;32Hr",
	      "\033[6;28H<secret:pw>\033[6;29H\033[6;30H\033[6;31H\033[6;32H");
	shows("t\033[1m\033[7mi\0337\0338ger", "<secret:pw>\033[1m\033[7m\0337\0338");
	shows("t\033]0;title\007iger", "<secret:pw>\033]0;title\007");
	shows("t\033[6;29H*", "t\033[6;29H*");
	shows("t\033[6;29", "t\033[6;29");
	shows("\033[6;28Htig\033[7;1Hab", "\033[6;28Htig\033[7;1H<secret:two>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_found),
		cmocka_unit_test(a_drawn_secret_is_found),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
