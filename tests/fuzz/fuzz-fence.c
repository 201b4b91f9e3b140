/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as what a cluster says to the fence agent. What is settled has an
 * action that there is, and seconds.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/verbs/fence-words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_settled(const struct fence_words *f)
{
	static const char actions[] = " on off reboot status monitor list "
				      "list-status validate-all metadata ";
	char *end;
	long seconds;

	assert(f->action[0] != '\0' && strchr(f->action, ' ') == NULL);
	assert(strstr(actions, f->action) != NULL);
	seconds = strtol(f->timeout, &end, 10);
	assert(*end == '\0' && seconds >= 1 && seconds <= 99999);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fence_words f = { .action = NULL };
	struct rh_error err = RH_ERROR_INIT;
	FILE *from = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r")
			      : fopen("/dev/null", "r");
	int rc;

	assert(from != NULL);
	rc = fence_words_read(&f, from, &err);
	fclose(from);
	if (rc == 0)
		rc = fence_words_settle(&f, &err);
	assert((rc == 0) == (err.code == RH_ERR_NONE));
	if (rc == 0)
		fuzz_settled(&f);
	fence_words_release(&f);
	return 0;
}
