/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONFIG_HOSTLIST_H
#define RH_AGENT_CONFIG_HOSTLIST_H

#include <stddef.h>

#include "base/error.h"

/*
 * Names of hosts with ranges, as administrators of clusters write them:
 * "web[1-40]", "web[01-40,50]", "rack[1-2]n[1-8]". Zeros in front are kept.
 */
#define HOSTLIST_MAX 65536	/* names that one word may mean */

/*
 * Appends the names that word means to *list (each on the heap, and the array
 * too: NULL at first, or from an earlier call), in the order written. USAGE with what is wrong of the word.
 */
int hostlist_expand(const char *word, char ***list, size_t *count,
		    struct rh_error *err);

/*
 * The names in one line, "db1,web[1-39,41]": neighbours whose names differ by one
 * number are folded, in the order given. Free it.
 */
char *hostlist_fold(const char *const *names, size_t count);

/*
 * The text with a "*" for each time that it names the host, as a word or a part of
 * one ("*.lock"): what is said of many hosts, to be compared. Free it.
 */
char *hostlist_general(const char *text, const char *host);

void hostlist_free(char **list, size_t count);

#endif
