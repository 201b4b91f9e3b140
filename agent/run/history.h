/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_HISTORY_H
#define RH_AGENT_RUN_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Reading records: for runs, show, replay, and for a run that follows a killed one. */

/* Names of the runs of a host (NULL: of all), oldest first; NULL-ended, free both. */
char **history_list(const char *records, const char *host, size_t *ret_count,
		    struct rh_error *err);
void history_list_free(char **list);

/*
 * Who may not list all runs gets from history_list those that a group of theirs may
 * read. How many more there are than the `listed`; -1: nobody can tell.
 */
long history_count_others(const char *records, size_t listed);

/*
 * The one run that `word` means: its whole name, a beginning, an end ("3f2a"), a
 * path, or "last". USAGE where none or several match. *ret_path: free(3).
 */
int history_find(const char *records, const char *word, char **ret_path,
		 struct rh_error *err);

/* run.json of a run folder; NULL on IO/CONFIG. json_decref it. */
json_t *history_load(const char *path, struct rh_error *err);

/* Whether the run has no verdict and nobody carries it out any more. */
bool history_was_killed(const char *records, const json_t *run);

/* Calls take for each line of the journal that can be read. */
int history_journal(const char *path,
		    void (*take)(void *context, const json_t *event),
		    void *context, struct rh_error *err);

/* Whether the act of a "power-act" in a journal destroys what the host knows. */
bool history_act_is_force(const char *act);

/*
 * What a killed run may have done, by its journal. next: what the reader should
 * know of what follows ("the state is read first").
 */
void history_tell(const char *records, const char *run, const char *next,
		  char *text, size_t text_len);

/*
 * Removes the record of a run that has ended: its files, evidence/, its folder.
 * Never follows a link. IO.
 */
int history_remove(const char *records, const char *run, struct rh_error *err);

/*
 * A run of this host was killed: says what it may have done (text), and
 * gives it the verdict unknown, with the name of the run that found it.
 */
void history_settle(const char *records, const char *run, const char *found_by,
		    char *text, size_t text_len);

#endif
