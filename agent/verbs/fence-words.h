/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_FENCE_WORDS_H
#define RH_AGENT_VERBS_FENCE_WORDS_H

#include <stdio.h>

#include "base/error.h"

/* What a cluster asks for; all owned, NULL where it was not said. */
struct fence_words {
	char *action;
	char *plug;		/* or port */
	char *nodename;
	char *config;
	char *records;
	char *timeout;		/* seconds */
	char *override;		/* why no guard counts */
};

/*
 * Reads NAME=VALUE lines up to the end of the file. Names that are not known are
 * left alone: clusters send what they know. USAGE: a line that is too long.
 */
int fence_words_read(struct fence_words *f, FILE *from, struct rh_error *err);

/* The same by options. USAGE. */
int fence_words_options(struct fence_words *f, int argc, char **argv,
			struct rh_error *err);

/*
 * Puts in what was not said: an action that there is, and a timeout of 1 to 99999
 * seconds, are there then. USAGE.
 */
int fence_words_settle(struct fence_words *f, struct rh_error *err);

void fence_words_release(struct fence_words *f);

/* What may be asked for, as XML on standard output. */
void fence_words_metadata(void);

#endif
