/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as the files of a record: run.json, journal.jsonl, and the lines
 * of console.cast. Records are read from disks that filled up and machines
 * that died, so nothing in them may be taken for granted.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console/cast.h"
#include "agent/run/history.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_dir[] = "/tmp/fuzz-record-XXXXXX";

static void fuzz_clean_up(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/run.json", fuzz_dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/journal.jsonl", fuzz_dir);
	unlink(path);
	rmdir(fuzz_dir);
}

static void fuzz_write(const char *name, const uint8_t *data, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fuzz_dir, name);
	file = fopen(path, "w");
	assert(file != NULL);
	assert(size == 0 || fwrite(data, size, 1, file) == 1);
	assert(fclose(file) == 0);
}

static void fuzz_take(void *context, const json_t *event)
{
	size_t *count = context;

	assert(event != NULL);
	(*count)++;
}

static void fuzz_cast(const char *text)
{
	struct cast_event event = { .type = CAST_NONE };
	char *copy = memory_copy(text), *rest = copy, *line;
	int columns, rows;

	while ((line = strsep(&rest, "\n")) != NULL) {
		cast_read_header(line, &columns, &rows, NULL);
		if (cast_read_event(line, &event, NULL) == 0)
			free(event.text);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int begun;
	char *text;
	size_t count = 0;
	json_t *run;

	if (!begun) {
		begun = 1;
		assert(mkdtemp(fuzz_dir) != NULL);
		atexit(fuzz_clean_up);
	}
	fuzz_write("run.json", data, size);
	fuzz_write("journal.jsonl", data, size);
	run = history_load(fuzz_dir, NULL);
	if (run != NULL)
		history_was_killed(fuzz_dir, run);
	json_decref(run);
	history_journal(fuzz_dir, fuzz_take, &count, NULL);
	text = memory_copy_len((const char *)data, size);
	fuzz_cast(text);
	free(text);
	return 0;
}
