/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as what a console gives back of what is typed: a prompt, the text and
 * the echo, with a NUL between. The echo comes whole, and byte by byte: both are
 * read as the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/echo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct part {
	const char *text;
	size_t len;
};

static struct part fuzz_part(const uint8_t **at, size_t *left)
{
	struct part p = { (const char *)*at, *left };
	const uint8_t *end = memchr(*at, '\0', *left);

	if (end != NULL)
		p.len = (size_t)(end - *at);
	*left -= p.len + (end != NULL);
	*at += p.len + (end != NULL);
	return p;
}

static void fuzz_look(const struct echo *e, const struct part *text)
{
	struct buffer shown = { 0 };

	echo_text(e, &shown);
	assert(echo_same_count(e) <= text->len);
	assert(echo_lines(e) >= 0);
	assert(!echo_is_empty(e) || echo_shown(e) == 0);
	assert(echo_state(e) != ECHO_TAKEN || text->len <= 4);
	buffer_release(&shown);
}

static void fuzz_same(const struct echo *a, const struct echo *b)
{
	struct buffer x = { 0 }, y = { 0 };

	echo_text(a, &x);
	echo_text(b, &y);
	assert(x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0));
	assert(echo_state(a) == echo_state(b));
	assert(echo_same_count(a) == echo_same_count(b));
	assert(echo_shown(a) == echo_shown(b));
	assert(echo_resembles(a) == echo_resembles(b));
	assert(echo_is_empty(a) == echo_is_empty(b));
	assert(echo_was_complete(a) == echo_was_complete(b));
	assert(echo_is_drawn(a) == echo_is_drawn(b));
	assert(echo_lines(a) == echo_lines(b));
	buffer_release(&x);
	buffer_release(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part prompt, text, first, second;
	struct echo whole = { 0 }, split = { 0 };
	size_t i;

	if (size == 0)
		return 0;
	prompt = fuzz_part(&data, &size);
	text = fuzz_part(&data, &size);
	first = fuzz_part(&data, &size);
	second = (struct part){ (const char *)data, size };
	echo_begin(&whole, prompt.text, prompt.len, text.text, text.len);
	echo_begin(&split, prompt.text, prompt.len, text.text, text.len);
	echo_feed(&whole, first.text, first.len);
	for (i = 0; i < first.len; i++) {
		echo_feed(&split, first.text + i, 1);
		if (i % 16 == 0)
			fuzz_look(&split, &text);
	}
	fuzz_same(&whole, &split);
	echo_again(&whole);
	echo_again(&split);
	echo_feed(&whole, second.text, second.len);
	for (i = 0; i < second.len; i++)
		echo_feed(&split, second.text + i, 1);
	fuzz_same(&whole, &split);
	fuzz_look(&whole, &text);
	echo_release(&whole);
	echo_release(&split);
	return 0;
}
