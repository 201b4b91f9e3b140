/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_ANSWER_H
#define RH_AGENT_RUN_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * A question of a run in the folder of its record, and the answer from another
 * terminal:
 *   question.json	while one is open: its number, text, prompt, choices
 *   answer		put there by `rhands answer`, taken away by the run
 * The folder is 0700 and its owner's, so who may write the record may answer.
 */
#define ANSWER_MAX 1000		/* bytes of an answer */

/* Puts question.json in the folder, as a whole. object: borrowed. IO. */
int answer_offer(int dir_fd, const json_t *object, struct rh_error *err);

/* Takes both files away. */
void answer_withdraw(int dir_fd);

/* The question that is open in a run folder; NULL: none. json_decref it. */
json_t *answer_question(const char *path);

/* Its choices as "done|no", "" where any text is an answer. Valid in buf. */
const char *answer_choices(const json_t *question, char *buf, size_t buf_len);

/*
 * What a line means: blanks around it dropped, and where there are choices
 * (NULL-ended, may be NULL), the one that it is in whatever case. USAGE with
 * what was expected where it is empty, too long, or no choice.
 */
int answer_match(const char *const *choices, const char *line, char *ret,
		 size_t ret_len, struct rh_error *err);

/* The same for a question that was read. */
int answer_match_question(const json_t *question, const char *line, char *ret,
			  size_t ret_len, struct rh_error *err);

/*
 * Leaves an answer to that question in the folder. BUSY where one is there
 * already, IO.
 */
int answer_leave(const char *path, const json_t *question, const char *text,
		 struct rh_error *err);

/* Whether an answer that was left is not taken yet. */
bool answer_waits(const char *path);

/*
 * Takes the answer to question `number`, where one was left: its text into ret, who
 * left it into *ret_uid. Anything else that is there is removed. False: none.
 */
bool answer_take(int dir_fd, int number, char *ret, size_t ret_len,
		 uid_t *ret_uid);

#endif
