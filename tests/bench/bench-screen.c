/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast a console stream is rendered: 32 MB of a boot log, and of a firmware
 * menu that is painted again and again, in pieces as they come from a line. The
 * aim is 40 MB/s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/console/screen.h"
#include "base/buffer.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BENCH_BYTES (32u << 20)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_log(struct buffer *out)
{
	unsigned i;

	for (i = 0; out->len < BENCH_BYTES; i++) {
		buffer_printf(out, "[    %u.%06u] pci 0000:00:1f.%u: [8086:%04x] "
			      "type 00 class 0x060000\r\n", i / 100, i * 97 % 1000000,
			      i % 8, i % 65536);
		if (i % 5 == 0)
			buffer_printf(out, "[  \033[0;32mOK\033[0m  ] Started "
				      "\033[0;1;39mService %u\033[0m.\r\n", i);
	}
}

/* One screen of 25 rows, a row in other colours, as UEFI setup paints it. */
static void bench_menu(struct buffer *out)
{
	unsigned i, row;

	for (i = 0; out->len < BENCH_BYTES; i++) {
		for (row = 1; row <= 25; row++)
			buffer_printf(out, "\033[%02u;01H\033[0m\033[3%um\033[4%um"
				      "/ Boot Option %-60u\\", row,
				      row == i % 25 ? 0u : 7u,
				      row == i % 25 ? 6u : 4u, i);
	}
}

static double bench_run(const struct buffer *in, size_t piece)
{
	struct screen *s = screen_new(SCREEN_ROWS, SCREEN_COLS);
	double begun = seconds();
	size_t at;

	for (at = 0; at + piece <= BENCH_BYTES; at += piece)
		screen_feed(s, in->data + at, piece);
	begun = seconds() - begun;
	screen_free(s);
	return BENCH_BYTES / 1e6 / begun;
}

int main(void)
{
	static const size_t pieces[] = { 256, 4096 };
	struct buffer log = { 0 }, menu = { 0 };
	size_t i;

	bench_log(&log);
	bench_menu(&menu);
	for (i = 0; i < COUNT(pieces); i++) {
		printf("%4zu-byte pieces rendered: boot log %4.0f MB/s, menus "
		       "%4.0f MB/s (goal: above 40 MB/s)\n", pieces[i],
		       bench_run(&log, pieces[i]), bench_run(&menu, pieces[i]));
	}
	buffer_release(&log);
	buffer_release(&menu);
	return 0;
}
