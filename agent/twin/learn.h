/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_LEARN_H
#define RH_AGENT_TWIN_LEARN_H

#include <jansson.h>
#include <stddef.h>

#include "agent/console/cast.h"
#include "base/buffer.h"
#include "base/error.h"

/*
 * The record of a real run becomes a twin (DESIGN 9): a chain of states with what
 * the console printed and when, each of which leads on to the next one where the
 * run typed something, switched the power or ran a command. Pure: the texts of a
 * record in, the text of a twin out.
 */
struct learn_record {
	json_t *run;			/* run.json */
	json_t *journal;		/* an array of its events */
	struct cast_event *cast;
	size_t cast_count;
	json_t *outputs;		/* of commands: file name -> text */
};

/*
 * The files of a record, one by one. CONFIG where one is damaged (file and line
 * are named), or of a format that we do not know.
 */
int learn_read_run(struct learn_record *r, const char *text, size_t len,
		   struct rh_error *err);
int learn_read_journal(struct learn_record *r, const char *text, size_t len,
		       struct rh_error *err);
int learn_read_cast(struct learn_record *r, const char *text, size_t len,
		    struct rh_error *err);
void learn_read_output(struct learn_record *r, const char *name,
		       const char *text, size_t len);

/* Frees what was read; half of it, too. */
void learn_record_release(struct learn_record *r);

/*
 * Appends the twin as INI text. CONFIG where the run has no end (it was killed, or
 * is going on). What a twin can't express is said there in comments.
 */
int learn_twin(const struct learn_record *r, struct buffer *ret,
	       struct rh_error *err);

/* Members of an event: "" and 0 where there is none of that type. */
const char *learn_text(const json_t *event, const char *key);
int64_t learn_number(const json_t *event, const char *key);

#endif
