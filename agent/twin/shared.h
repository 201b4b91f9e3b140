/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_SHARED_H
#define RH_AGENT_TWIN_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/twin/model.h"
#include "agent/twin/twin.h"
#include "base/buffer.h"
#include "base/error.h"
#include "drivers/driver.h"

/*
 * One twin that several processes look at. A twin's life follows from its model,
 * its seed and what was done to it (twin.h), so that is all they share: a file of
 * inputs with their times, to which each process appends what it does, and out
 * of which it replays what the others did. Text, a line each:
 *
 *	rhands-twin 1
 *	begin BOOT-ID IDENTITY TIME	it begins anew here
 *	TIME power cycle		also: break, boot pxe, light on
 *	TIME type 1b4f50		bytes in hexadecimal; also: shell
 *
 * TIME is milliseconds of CLOCK_MONOTONIC, which all processes share until the
 * machine is started anew: therefore BOOT-ID. IDENTITY stands for the model and
 * the seed. The file is private, and holds what was typed, passwords too.
 *
 * The first look of a process begins the twin anew where the file is empty,
 * damaged, of another boot, model or seed, or of a life that began more than a
 * day ago; and a file of more than SHARED_FILE_MAX bytes when it is opened. A file
 * that is something else is left alone (CONFIG).
 */
struct shared;

#define SHARED_FILE_MAX (1024 * 1024)
#define SHARED_LIFE_MS (24 * 3600 * INT64_C(1000))

/*
 * Opens or makes the file, and its folder; does not wait for anybody. The model
 * is borrowed until shared_close. Nothing is opened any more after this call.
 */
int shared_open(struct shared **ret, const char *path,
		const struct twin_model *model, uint64_t seed,
		uint64_t identity, struct rh_error *err);
void shared_close(struct shared *s);	/* NULL ok */

enum shared_kind {
	SHARED_NONE = 0,	/* only look */
	SHARED_POWER,		/* number: enum driver_act */
	SHARED_BOOT,		/* number: enum driver_boot */
	SHARED_LIGHT,		/* number: 1 on, 0 off */
	SHARED_BREAK,
	SHARED_TYPE,		/* bytes */
	SHARED_SHELL,		/* bytes: the command, without NUL */
};

struct shared_input {
	enum shared_kind kind;
	int number;
	const void *bytes;
	size_t len;
};

/*
 * Replays what others did, lives up to now, does this and tells the others. Waits
 * for the file until the deadline at most (one try where it has passed). answer:
 * of a SHELL input; else NULL. TIMEOUT: another process holds the file, nothing
 * was done. IO: it could not be written, nothing was done. STATE: it was damaged,
 * or given to another twin, since we began.
 */
int shared_do(struct shared *s, const struct shared_input *input,
	      struct twin_answer *answer, int64_t deadline,
	      struct rh_error *err);

/* Whether others may have done something since the last look, or it is time. */
bool shared_is_due(const struct shared *s);

/* The twin, as of the last look. */
const struct twin *shared_twin(const struct shared *s);

/* From now on, what it prints is kept in shared_output; or no more. */
void shared_listen(struct shared *s, bool on);
struct buffer *shared_output(struct shared *s);

/* What was done to it, a line each with its time, oldest first; not typed bytes. */
const struct buffer *shared_events(const struct shared *s);

enum driver_boot shared_boot(const struct shared *s);
bool shared_light(const struct shared *s);

/* Why this process began it anew, NULL where it did not: "the file was damaged". */
const char *shared_why_anew(const struct shared *s);

#endif
