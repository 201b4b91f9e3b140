/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast a console stream becomes text, and is looked through for 50
 * patterns: 64 MB of a boot log, in pieces as they come from a line. Prints one
 * line for each piece size, with what 500 patterns cost against 10. The aims:
 * 200 MB/s for both at 4 kB, and less than twice the time for 500.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/console/match-set.h"
#include "agent/console/text.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BENCH_BYTES (64u << 20)
#define BENCH_MAX   500
#define BENCH_KEEP  (64u << 10)	/* text that is kept behind */

static const char *const patterns[] = {
	"login: $",
	"^oldhost login:",
	"[Ll]ogin incorrect",
	"^Password: ?$",
	"(?i)password for \\w+:",
	"Give root password for maintenance",
	"\\(or press Control-D to continue\\)",
	"You are in (emergency|rescue) mode",
	"Press Enter for maintenance",
	"Kernel panic - not syncing: .*",
	"---\\[ end Kernel panic",
	"Oops: [0-9a-f]{4} \\[#\\d+\\]",
	"BUG: unable to handle",
	"general protection fault",
	"Unable to mount root fs on",
	"VFS: Cannot open root device",
	"Attempted to kill init!",
	"Out of memory: Kill(ed)? process \\d+",
	"soft lockup - CPU#\\d+ stuck for \\d+s",
	"rcu_(sched|preempt) (self-)?detected stall",
	"task \\S+:\\d+ blocked for more than \\d+ seconds",
	"EXT[234]-fs error \\(device \\w+\\)",
	"XFS \\(\\w+\\): (Corruption|Metadata)",
	"I/O error, dev \\w+, sector \\d+",
	"md/raid\\d*:.* not enough operational",
	"UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY",
	"Fix<y>\\? ?",
	"ref count is \\d+, should be \\d+",
	"fsck\\.\\w+ .* exit(ed with)? (status|code) \\d+",
	"Waiting for device /dev/\\S+",
	"A start job is running for .*\\((\\d+)s / ",
	"Dependency failed for .*\\.",
	"\\[FAILED\\] Failed to start (.*)\\.",
	"Timed out waiting for device",
	"Gave up waiting for (root|suspend)",
	"dracut:/# $",
	"\\(initramfs\\) $",
	"grub> $",
	"grub rescue> ?$",
	"GNU GRUB +version \\d+\\.\\d+",
	"Press any key to continue",
	"(Strike|Press) (the )?F1( key)? to (continue|resume)",
	"Press <?(F2|DEL|F12)>? to (enter|run) (SETUP|setup)",
	"No (bootable|boot) (device|disk)",
	"Operating System not found",
	"PXE-(E|M)[0-9A-F]{2}:",
	"CMOS (checksum|battery)",
	"Memory (size|configuration) has changed",
	"\\bPOST error\\b",
	"INIT: services not started",
};

/* Some of the lines that a Linux machine prints when it boots. */
static const char *const lines[] = {
	"[    %u.%06u] ACPI: Early table checksum verification disabled\r\n",
	"[    %u.%06u] e820: BIOS-provided physical RAM map, entry %u\r\n",
	"[    %u.%06u] pci 0000:00:1f.2: BAR 5: assigned [mem 0xf%u]\r\n",
	"[    %u.%06u] scsi host%u: ahci, 6 Gbps, command slots 32\r\n",
	"[    %u.%06u] sd 0:0:0:0: [sda] 586072368 512-byte blocks (%u GB)\r\n",
	"[    %u.%06u] EXT4-fs (sda%u): mounted filesystem, ordered mode\r\n",
	"[    %u.%06u] usb 1-%u: new high-speed USB device using ehci-pci\r\n",
	"[    %u.%06u] systemd[1]: Started Journal Service, %u messages.\r\n",
	"[    %u.%06u] e1000e 0000:02:00.%u eth0: Link is Up 1000 Mbps\r\n",
	"[  OK  ] Reached target Local File Systems (%u.%u, %u).\r\n",
	"\033[32m*\033[0m Starting OpenLDAP: slapd %u.%u pid %u ...\r\n",
	"         Starting Network Time Service, try %u.%u of %u\r\n",
	"\033[%u;%uH\033[1mMemory test\033[0m: %u kB OK\r\n",
	"Setting up console font and keymap \xe2\x80\x9c%u.%u\xe2\x80\x9d %u\r\n",
};

static char *bench_log(size_t len)
{
	char *log = malloc(len + 256);
	unsigned seed = 1, a, b, c;
	size_t at = 0;

	while (at < len) {
		a = (unsigned)rand_r(&seed) % 90;
		b = (unsigned)rand_r(&seed) % 1000000;
		c = (unsigned)rand_r(&seed) % 500;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		at += (size_t)sprintf(
			log + at, lines[(size_t)rand_r(&seed) % COUNT(lines)],
			a, b, c);
#pragma GCC diagnostic pop
	}
	return log;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench {
	const struct match_pattern *patterns[BENCH_MAX];
	struct match_cursor cursors[BENCH_MAX];
	size_t count;
	struct match_set *set;
	struct match_scan scan;
	struct buffer text;
	size_t found;
};

/* Drops old text, as a run does that keeps so much of it. */
static void bench_drop(struct bench *b)
{
	size_t drop = b->text.len - BENCH_KEEP, i;

	buffer_drop(&b->text, drop);
	match_scan_drop(&b->scan, drop);
	for (i = 0; i < b->count; i++)
		b->cursors[i].from -= b->cursors[i].from < drop ?
					      b->cursors[i].from :
					      drop;
}

static void bench_match(struct bench *b)
{
	const char *text = buffer_text(&b->text);
	size_t i, start, end;

	match_scan_text(&b->scan, text, b->text.len);
	for (i = match_scan_next(&b->scan, 0); i < b->count;
	     i = match_scan_next(&b->scan, i + 1)) {
		if (match_scan_find(&b->scan, i, &b->cursors[i], text,
				    b->text.len, false, &start, &end,
				    NULL) != 1)
			continue;
		b->cursors[i].from = end;
		b->found++;
	}
}

/* MB/s, with so many of the patterns. */
static double bench_run(struct bench *b, const char *log, size_t piece,
			bool with_text, size_t count)
{
	struct text t;
	double begun;
	size_t at;

	text_init(&t);
	buffer_clear(&b->text);
	memset(b->cursors, 0, sizeof(b->cursors));
	b->count = count;
	b->set = match_set_new(b->patterns, count);
	match_scan_init(&b->scan, b->set);
	begun = seconds();
	for (at = 0; at + piece <= BENCH_BYTES; at += piece) {
		if (with_text)
			text_feed(&t, log + at, piece, &b->text);
		else
			buffer_append(&b->text, log + at, piece);
		if (count > 0)
			bench_match(b);
		if (b->text.len > 4 * BENCH_KEEP)
			bench_drop(b);
	}
	begun = seconds() - begun;
	match_scan_release(&b->scan);
	match_set_free(b->set);
	return BENCH_BYTES / 1e6 / begun;
}

static void bench_piece(struct bench *b, const char *log, size_t piece)
{
	double ten, all;

	printf("%4zu-byte pieces: text %.0f MB/s, 50 patterns %.0f MB/s, ",
	       piece, bench_run(b, log, piece, true, 0),
	       bench_run(b, log, piece, false, 50));
	printf("both %.0f MB/s (goal: above 200)\n",
	       bench_run(b, log, piece, true, 50));
	ten = bench_run(b, log, piece, true, 10);
	all = bench_run(b, log, piece, true, BENCH_MAX);
	printf("%4zu-byte pieces: text and 10 patterns %.0f MB/s, and %d "
	       "%.0f MB/s: ratio %.2f (goal: below 2)\n", piece, ten,
	       BENCH_MAX, all, ten / all);
}

/* The patterns again and again, each time for another host or device. */
static struct match_pattern *bench_compile(size_t i)
{
	const char *plain = patterns[i % COUNT(patterns)];
	struct match_pattern *p;
	struct rh_error err;
	char text[256];

	snprintf(text, sizeof(text), "%s", plain);
	if (i >= COUNT(patterns))
		snprintf(text, sizeof(text), "(?:%s).*node%zu", plain, i);
	if (i >= COUNT(patterns) && i % 2 == 1)
		snprintf(text, sizeof(text), "node%zu: (?:%s)", i, plain);
	p = match_compile(text, strlen(text), 0, &err);
	if (p == NULL)
		fprintf(stderr, "%s: %s\n", text, err.text);
	return p;
}

int main(void)
{
	static const size_t pieces[] = { 256, 4096 };
	struct bench b = { .count = 0 };
	char *log = bench_log(BENCH_BYTES);
	size_t i;

	for (i = 0; i < BENCH_MAX; i++) {
		b.patterns[i] = bench_compile(i);
		if (b.patterns[i] == NULL)
			return 1;
	}
	for (i = 0; i < COUNT(pieces); i++)
		bench_piece(&b, log, pieces[i]);
	for (i = 0; i < BENCH_MAX; i++)
		match_free((struct match_pattern *)b.patterns[i]);
	buffer_release(&b.text);
	free(log);
	return 0;
}
