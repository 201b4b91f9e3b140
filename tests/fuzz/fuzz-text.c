/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes, in any pieces: the text is clean UTF-8, and the same as of the
 * whole. The first byte is the seed of the splits.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "agent/console/text.h"
#include "base/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check_clean(const struct buffer *b)
{
	size_t i, n;

	for (i = 0; i < b->len; i += n) {
		unsigned char c = (unsigned char)b->data[i];

		n = vis_utf8_len(b->data + i, b->len - i, NULL);
		assert(n > 0);
		assert(c != 0x7f && (c >= 0x20 || c == '\n' || c == '\t'));
		assert(n != 2 || c != 0xc2 ||
		       (unsigned char)b->data[i + 1] >= 0xa0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole = { 0 }, parts = { 0 };
	uint32_t seed = size > 0 ? data[0] : 0;
	struct text t;
	size_t at, n;

	text_init(&t);
	text_feed(&t, data, size, &whole);
	fuzz_check_clean(&whole);
	text_init(&t);
	for (at = 0; at < size; at += n) {
		seed = seed * 1103515245 + 12345;
		n = 1 + (seed >> 16) % 9;
		n = n > size - at ? size - at : n;
		text_feed(&t, data + at, n, &parts);
	}
	assert(whole.len == parts.len);
	assert(memcmp(buffer_text(&whole), buffer_text(&parts), whole.len) ==
	       0);
	buffer_release(&whole);
	buffer_release(&parts);
	return 0;
}
