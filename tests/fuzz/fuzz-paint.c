/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes on a screen, painted now and then on a terminal of any size: no
 * control goes out but our own sequences, and the terminal shows the cells of the
 * screen. The first bytes are the sizes and the seed of the frames.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/paint.h"
#include "base/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* CSI, numbers, and a final byte that paint.h names; or one of the modes. */
static size_t fuzz_sequence_len(const char *p)
{
	static const char *const modes[] = { "\033[?7l", "\033[?7h", "\033[?25l",
					     "\033[?25h", "\033[?1049h",
					     "\033[?1049l" };
	size_t i, n = 2;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strncmp(p, modes[i], strlen(modes[i])) == 0)
			return strlen(modes[i]);
	}
	assert(p[0] == '\033' && p[1] == '[');
	n += strspn(p + n, "0123456789;");
	assert(p[n] != '\0' && strchr("HKJm", p[n]) != NULL);
	return n + 1;
}

static void fuzz_check_ours(const struct buffer *out)
{
	const char *p = buffer_text(out), *end = p + out->len;
	size_t n;

	for (; p < end; p += n) {
		n = *p == '\033' ? fuzz_sequence_len(p)
				 : vis_utf8_len(p, (size_t)(end - p), NULL);
		assert(n > 0);
		assert(*p == '\033' || n > 1 || (*p >= 0x20 && *p != 0x7f));
		assert(n != 2 || p[0] != '\xc2' || (p[1] & 0xe0) != 0x80);
	}
}

/* A cell whose character is the same on any terminal, and whole. */
static bool fuzz_is_plain(const struct screen_cell *c)
{
	return c->c > ' ' && c->c < 0x7f;
}

static void fuzz_same(const struct paint *p, const struct screen *s,
		      const struct screen *t)
{
	const struct screen_cell *a, *b;
	int row, col, top, left;

	paint_part(p, &top, &left);
	for (row = 0; row < screen_rows(t) && top + row < screen_rows(s); row++) {
		for (col = 0; col < screen_cols(t) && left + col < screen_cols(s);
		     col++) {
			a = screen_cell(s, top + row, left + col);
			b = screen_cell(t, row, col);
			assert(fuzz_is_plain(a) == fuzz_is_plain(b));
			assert(!fuzz_is_plain(a) ||
			       (a->c == b->c && a->attributes == b->attributes &&
				a->fg == b->fg));
			assert(a->bg == b->bg);
		}
	}
}

static void fuzz_frame(struct paint *p, const struct screen *s, struct screen *t,
		       struct buffer *out)
{
	paint_frame(p, s, NULL, out);
	fuzz_check_ours(out);
	screen_feed(t, buffer_text(out), out->len);
	fuzz_same(p, s, t);
	buffer_clear(out);
	paint_frame(p, s, NULL, out);
	assert(out->len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t seed = size > 0 ? data[0] : 0;
	int rows = size > 1 ? data[1] % 64 : 25, cols = size > 2 ? data[2] : 80;
	struct screen *s = screen_new(rows, cols), *t;
	struct paint *p = paint_new();
	struct buffer out = { 0 };
	size_t at, n;

	rows = size > 3 ? data[3] % 64 : 25;
	cols = size > 4 ? data[4] : 80;
	t = screen_new(rows, cols);
	paint_size(p, screen_rows(t), screen_cols(t));
	paint_begin(p, &out);
	for (at = 0; at < size; at += n) {
		seed = seed * 1103515245 + 12345;
		n = 1 + (seed >> 16) % 99;
		n = n > size - at ? size - at : n;
		screen_feed(s, data + at, n);
		if ((seed >> 8) % 4 == 0)
			paint_move_part(p, s, (int)(seed >> 10) % 3 - 1, 0);
		fuzz_frame(p, s, t, &out);
	}
	paint_rows(s, &out);
	buffer_release(&out);
	paint_free(p);
	screen_free(s);
	screen_free(t);
	return 0;
}
