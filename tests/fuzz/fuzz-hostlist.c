/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any lines as words of the command line that mean hosts. Where all names are
 * plain ones, folding them and expanding what comes out gives them again, in the
 * same order.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/hostlist.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct names {
	char **list;
	size_t count;
};

static bool fuzz_is_plain(const char *name)
{
	return name[0] != '\0' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-")] ==
		       '\0';
}

static void fuzz_expand(struct names *n, const char *word)
{
	struct rh_error err = RH_ERROR_INIT;
	size_t before = n->count;

	if (hostlist_expand(word, &n->list, &n->count, &err) == 0) {
		assert(n->count > before);
		assert(n->count - before <= HOSTLIST_MAX);
		return;
	}
	assert(err.code == RH_ERR_USAGE && err.text[0] != '\0');
}

/* Words at commas that no bracket holds. */
static void fuzz_expand_all(struct names *n, char *text)
{
	char *begin = text, *at;
	int depth = 0;

	for (at = text;; at++) {
		depth += (*at == '[') - (*at == ']');
		if (*at != '\0' && (*at != ',' || depth > 0))
			continue;
		if (*at == '\0') {
			fuzz_expand(n, begin);
			return;
		}
		*at = '\0';
		fuzz_expand(n, begin);
		begin = at + 1;
	}
}

static void fuzz_fold(const struct names *n)
{
	char *folded = hostlist_fold((const char *const *)n->list, n->count);
	struct names again = { 0 };
	bool plain = n->count > 0;
	size_t i;

	assert(folded != NULL);
	for (i = 0; i < n->count; i++)
		plain = plain && fuzz_is_plain(n->list[i]);
	if (plain) {
		fuzz_expand_all(&again, folded);
		assert(again.count == n->count);
		for (i = 0; i < n->count; i++)
			assert(strcmp(again.list[i], n->list[i]) == 0);
	}
	hostlist_free(again.list, again.count);
	free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = memory_copy_len((const char *)data, size), *rest = text;
	struct names n = { 0 };
	char *word;

	while ((word = strsep(&rest, "\n")) != NULL && n.count < 20000)
		fuzz_expand(&n, word);
	fuzz_fold(&n);
	hostlist_free(n.list, n.count);
	free(text);
	return 0;
}
