/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_VERB_OPTIONS_H
#define RH_AGENT_VERBS_VERB_OPTIONS_H

#include <stdbool.h>

/* A long option: a flag or a value. Lists end with a NULL name. */
struct verb_option {
	const char *name;
	const char **value;	/* takes an argument; or */
	bool *flag;		/* takes none */
};

/* The words behind each -x, in the order given. */
#define VERB_EXCLUDED_MAX 64

struct verb_excluded {
	const char *words[VERB_EXCLUDED_MAX];
	int count;
};

/*
 * Takes the options of both lists out of argv (getopt_long; arguments move to
 * the end), and -x WORD. Returns the index of the first argument, or -1: *ret_bad is then the
 * option that is unknown, or lacks its value (*ret_lacks).
 */
int verb_options_take(int argc, char **argv, const struct verb_option *common,
		      const struct verb_option *own,
		      struct verb_excluded *excluded, const char **ret_bad,
		      bool *ret_lacks);

#endif
