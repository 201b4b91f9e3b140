/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any pattern on any text, in any pieces: the first match is the same as on
 * the whole (C04), and lies in the text; and a set of patterns finds the same
 * in each step as the pattern alone. Input: a byte of flags, the seed of
 * the splits, the pattern up to a NUL, the bytes of the console.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "agent/console/match-set.h"
#include "agent/console/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_found {
	int rc;
	size_t start;
	size_t end;
};

static size_t fuzz_piece(uint32_t *seed, const char *text, size_t len,
			 size_t at)
{
	*seed = *seed * 1103515245 + 12345;
	at += 1 + (*seed >> 16) % 5;
	while (at < len && ((unsigned char)text[at] & 0xc0) == 0x80)
		at++;
	return at < len ? at : len;
}

static struct fuzz_found fuzz_find(const struct match_pattern *p,
				   const char *text, size_t len, uint32_t seed)
{
	struct fuzz_found f = { 0, 0, 0 };
	struct match_cursor cursor = { 0 };
	size_t seen = seed > 0 ? 0 : len;

	while (seen < len && f.rc == 0) {
		seen = fuzz_piece(&seed, text, len, seen);
		f.rc = match_find(p, &cursor, text, seen, false, &f.start,
				  &f.end, NULL);
		assert(cursor.from <= seen);
	}
	if (f.rc == 0)
		f.rc = match_find(p, &cursor, text, len, false, &f.start,
				  &f.end, NULL);
	if (f.rc == 0)
		f.rc = match_find(p, &cursor, text, len, true, &f.start,
				  &f.end, NULL);
	return f;
}

/* One step of the set, and of the pattern alone. */
static int fuzz_step(struct match_scan *scan, const struct match_pattern *p,
		     struct match_cursor *of_set, struct match_cursor *alone,
		     const char *text, size_t len, bool quiet)
{
	struct fuzz_found a = { 0, 0, 0 }, b = { 0, 0, 0 };

	match_scan_text(scan, text, len);
	if (match_scan_next(scan, 0) == 0)
		a.rc = match_scan_find(scan, 0, of_set, text, len, quiet,
				       &a.start, &a.end, NULL);
	b.rc = match_find(p, alone, text, len, quiet, &b.start, &b.end, NULL);
	if (a.rc < 0 || b.rc < 0)
		return -1;
	assert(a.rc == b.rc && a.start == b.start && a.end == b.end);
	if (a.rc == 1)
		of_set->from = alone->from = a.end;
	return a.rc;
}

static void fuzz_set(const struct match_pattern *p, const char *text,
		     size_t len, uint32_t seed)
{
	struct match_cursor of_set = { 0 }, alone = { 0 };
	struct match_set *set = match_set_new(&p, 1);
	struct match_scan scan;
	size_t seen = 0;
	int rc = 0;

	match_scan_init(&scan, set);
	while (seen < len && rc >= 0) {
		seen = fuzz_piece(&seed, text, len, seen);
		do {
			rc = fuzz_step(&scan, p, &of_set, &alone, text, seen,
				       seen % 8 == 0);
		} while (rc == 1);
	}
	match_scan_release(&scan);
	match_set_free(set);
}

static void fuzz_pattern(const struct match_pattern *p, const char *text,
			 size_t len, uint32_t seed)
{
	struct fuzz_found whole = fuzz_find(p, text, len, 0);
	struct fuzz_found parts = fuzz_find(p, text, len, seed);

	if (whole.rc < 0 || parts.rc < 0)
		return;	/* where a limit is hit depends on the pieces */
	assert(whole.rc == parts.rc);
	if (whole.rc == 0)
		return;
	assert(whole.start == parts.start && whole.end == parts.end);
	assert(whole.start < whole.end && whole.end <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end;
	struct buffer text = { 0 };
	struct match_pattern *p;
	struct text t = { 0 };

	if (size < 4 || size > 4096)
		return 0;
	end = memchr(data + 2, '\0', size - 2);
	if (end == NULL || end - data > 66)
		return 0;
	p = match_compile((const char *)data + 2, (size_t)(end - data) - 2,
			  data[0] & 15, NULL);
	if (p == NULL)
		return 0;
	text_feed(&t, end + 1, size - (size_t)(end - data) - 1, &text);
	fuzz_pattern(p, buffer_text(&text), text.len, 1u + data[1]);
	fuzz_set(p, buffer_text(&text), text.len, 1u + data[1]);
	match_free(p);
	buffer_release(&text);
	return 0;
}
