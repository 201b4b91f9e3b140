/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes, in any pieces: only the permitted forms come out, the same as of
 * the whole, and a second filter changes nothing. The first byte is the seed
 * of the splits.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "agent/console/filter.h"
#include "base/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length of the sequence behind ESC; it must be a permitted one. */
static size_t fuzz_sequence(const char *s)
{
	size_t i = 1, digits = 0;

	assert(s[0] != '\0' && strchr("[78MDE", s[0]) != NULL);
	if (s[0] != '[')
		return 1;
	for (; (s[i] >= '0' && s[i] <= '9') || s[i] == ';'; i++) {
		digits = s[i] == ';' ? 0 : digits + 1;
		assert(digits <= 4 && i <= 64);
	}
	assert(s[i] != '\0' && strchr("ABCDEFGHJKLMPSTX@dfr`eam", s[i]));
	assert(s[i] != 'J' || i == 1 || (i == 2 && s[1] <= '2'));
	return i + 1;
}

static void fuzz_check_permitted(const struct buffer *b)
{
	size_t i, n;

	for (i = 0; i < b->len; i += n) {
		unsigned char c = (unsigned char)b->data[i];

		n = vis_utf8_len(b->data + i, b->len - i, NULL);
		assert(n > 0 && c != 0x7f);
		if (c == 0x1b)
			n += fuzz_sequence(b->data + i + 1);
		else
			assert(c >= 0x20 ||
			       (c != 0 && strchr("\r\n\t\b", c) != NULL));
		assert(n != 2 || c != 0xc2 ||
		       (unsigned char)b->data[i + 1] >= 0xa0);
	}
}

static void fuzz_check_same(const struct buffer *a, const struct buffer *b)
{
	assert(a->len == b->len);
	assert(memcmp(buffer_text(a), buffer_text(b), a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole = { 0 }, parts = { 0 }, again = { 0 };
	uint32_t seed = size > 0 ? data[0] : 0;
	struct filter f;
	size_t at, n;

	filter_init(&f);
	filter_feed(&f, data, size, &whole);
	fuzz_check_permitted(&whole);
	filter_init(&f);
	for (at = 0; at < size; at += n) {
		seed = seed * 1103515245 + 12345;
		n = 1 + (seed >> 16) % 9;
		n = n > size - at ? size - at : n;
		filter_feed(&f, data + at, n, &parts);
	}
	fuzz_check_same(&whole, &parts);
	filter_init(&f);
	filter_feed(&f, buffer_text(&whole), whole.len, &again);
	fuzz_check_same(&whole, &again);
	buffer_release(&whole);
	buffer_release(&parts);
	buffer_release(&again);
	return 0;
}
