/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_TWIN_H
#define RH_AGENT_TWIN_TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/twin/model.h"
#include "base/buffer.h"

/*
 * A twin that lives: a pure state machine in the time that is handed in. The
 * same model, seed and inputs at the same times give the same life, however
 * often it is ticked in between. Each input first lives up to `now`, which never
 * goes back. It is what a host *is*; lies and losses between it and who looks
 * at it are somebody else's (fault.h).
 */
struct twin;

/* The model is borrowed until twin_free. */
struct twin *twin_new(const struct twin_model *model, uint64_t seed,
		      int64_t now);
void twin_free(struct twin *t);		/* NULL ok */

/* As twin_new, in place: nothing is allocated that is there already. */
void twin_reset(struct twin *t, uint64_t seed, int64_t now);

/* Lives up to now. */
void twin_tick(struct twin *t, int64_t now);

/* When something happens by itself; DEADLINE_NEVER: nothing will. */
int64_t twin_deadline(const struct twin *t);

/* What the line carried since twin_take_output: borrowed until the next call. */
const char *twin_output(const struct twin *t, size_t *ret_len);
void twin_take_output(struct twin *t);

/* Whether there is a line at all now (see `lose`). */
bool twin_console(const struct twin *t);

/* Inputs. */
void twin_power(struct twin *t, int64_t now, enum driver_act act);
void twin_type(struct twin *t, int64_t now, const void *bytes, size_t len);
void twin_break(struct twin *t, int64_t now);

/* The device of the next boot, for `then pxe` and the like; NONE: the usual one. */
void twin_boot(struct twin *t, int64_t now, enum driver_boot device);

enum twin_reply {
	TWIN_REPLY_NONE = 0,
	TWIN_REPLY_REFUSED,	/* nothing listens */
	TWIN_REPLY_EXIT,	/* exit_status, out, errors */
	TWIN_REPLY_HANGS,
	TWIN_REPLY_DROPPED,	/* it ended without an exit status */
};

struct twin_answer {
	enum twin_reply reply;
	bool of_state;		/* by a rule of the present state, not of [always] */
	int64_t after_ms;
	int exit_status;
	struct buffer out;	/* release both */
	struct buffer errors;
};

/* Runs a command. ret is cleared first. */
void twin_shell(struct twin *t, int64_t now, const char *command,
		struct twin_answer *ret);

/* What is to be seen from outside. */
bool twin_is_on(const struct twin *t);
const char *twin_boot_id(const struct twin *t);	/* NULL: the shell is down */
int64_t twin_answers_ms(const struct twin *t);	/* of a check; 0: at once */
bool twin_port_is_open(const struct twin *t, int port);
const char *twin_state_name(const struct twin *t);

/* The truth. */
bool twin_is_healthy(const struct twin *t);
bool twin_wants_secret(const struct twin *t);
int twin_boots(const struct twin *t);		/* systems begun so far */
bool twin_visited(const struct twin *t, int state);
unsigned twin_entries(const struct twin *t);	/* states entered so far */

#endif
