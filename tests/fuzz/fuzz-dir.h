/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_FUZZ_FUZZ_DIR_H
#define RH_TESTS_FUZZ_FUZZ_DIR_H

/* A configuration in a directory of its own, which goes with the process. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUZZ_DIR_FILES 16

static char fuzz_dir[] = "/tmp/fuzz-config-XXXXXX";
static char fuzz_dir_files[FUZZ_DIR_FILES][64];
static int fuzz_dir_count;

static void fuzz_dir_remove(void)
{
	static const char *const below[] = { "hosts.d", "sequences.d", "" };
	char path[96];
	size_t i;

	while (fuzz_dir_count > 0)
		unlink(fuzz_dir_files[--fuzz_dir_count]);
	for (i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", fuzz_dir, below[i]);
		rmdir(path);
	}
}

/* Once, before the first file. */
static void fuzz_dir_begin(void)
{
	char path[96];

	umask(077);
	assert(mkdtemp(fuzz_dir) != NULL);
	atexit(fuzz_dir_remove);
	snprintf(path, sizeof(path), "%s/hosts.d", fuzz_dir);
	assert(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/sequences.d", fuzz_dir);
	assert(mkdir(path, 0700) == 0);
}

/* name: below the directory. */
static void fuzz_dir_write(const char *name, const void *bytes, size_t len)
{
	char path[96];
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "%s/%s", fuzz_dir, name);
	for (i = 0; i < fuzz_dir_count; i++) {
		if (strcmp(fuzz_dir_files[i], path) == 0)
			break;
	}
	if (i == fuzz_dir_count) {
		assert(fuzz_dir_count < FUZZ_DIR_FILES);
		snprintf(fuzz_dir_files[fuzz_dir_count++], 64, "%s", path);
	}
	file = fopen(path, "w");
	assert(file != NULL);
	assert(len == 0 || fwrite(bytes, len, 1, file) == 1);
	assert(fclose(file) == 0);
}

/* Hosts for what names some: a and b of group g, b needs a, c by itself. */
__attribute__((unused)) static void fuzz_dir_hosts(void)
{
	static const char a[] = "[host]\nsummary = A\ngroups = g\n"
				"[power]\ndriver = manual\nplace = rack 1\n"
				"box = a\n";
	static const char b[] = "[host]\nsummary = B\ngroups = g h\nneeds = a\n"
				"[console]\ndriver = serial\npath = /dev/ttyS9\n";
	static const char c[] = "[host]\nsummary = C\nrecover = s\n";
	static const char s[] = "[sequence]\nstart = x\n"
				"[state x]\nthen = failed \"f\"\n";

	fuzz_dir_write("hosts.d/a.ini", a, sizeof(a) - 1);
	fuzz_dir_write("hosts.d/b.ini", b, sizeof(b) - 1);
	fuzz_dir_write("hosts.d/c.ini", c, sizeof(c) - 1);
	fuzz_dir_write("sequences.d/s.ini", s, sizeof(s) - 1);
}

/* The bytes up to the next NUL; *at and *left go behind it. */
__attribute__((unused)) static size_t
fuzz_dir_part(const uint8_t **at, size_t *left)
{
	const uint8_t *end = memchr(*at, '\0', *left);
	size_t len = end != NULL ? (size_t)(end - *at) : *left;

	*left -= len + (end != NULL);
	*at += len + (end != NULL);
	return len;
}

#endif
