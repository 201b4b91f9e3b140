/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options of the command line, on getopt_long. In a file of its own, since
 * <getopt.h> and base/option.h both have a struct option.
 */
#include "agent/verbs/verb-options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#define VERB_OPTIONS_MAX 24

static int verb_options_add(struct option *longs, int count,
			    const struct verb_option *list,
			    const struct verb_option **taken)
{
	for (; list != NULL && list->name != NULL &&
	       count < VERB_OPTIONS_MAX - 1; list++) {
		memset(&longs[count], 0, sizeof(longs[count]));
		longs[count].name = list->name;
		longs[count].has_arg = list->value != NULL ? required_argument
							   : no_argument;
		longs[count].val = 1000 + count;
		taken[count++] = list;
	}
	memset(&longs[count], 0, sizeof(longs[count]));
	return count;
}

int verb_options_take(int argc, char **argv, const struct verb_option *common,
		      const struct verb_option *own,
		      struct verb_excluded *excluded, const char **ret_bad,
		      bool *ret_lacks)
{
	struct option longs[VERB_OPTIONS_MAX];
	const struct verb_option *taken[VERB_OPTIONS_MAX];
	int which, count;

	count = verb_options_add(longs, 0, common, taken);
	verb_options_add(longs, count, own, taken);
	optind = 0;
	opterr = 0;
	while ((which = getopt_long(argc, argv, ":x:", longs, NULL)) != -1) {
		if (which == 'x' && excluded->count < VERB_EXCLUDED_MAX) {
			excluded->words[excluded->count++] = optarg;
			continue;
		}
		if (which < 1000) {
			*ret_bad = argv[optind - 1];
			*ret_lacks = which == ':';
			return -1;
		}
		if (taken[which - 1000]->value != NULL)
			*taken[which - 1000]->value = optarg;
		else
			*taken[which - 1000]->flag = true;
	}
	return optind;
}
