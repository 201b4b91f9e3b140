/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_LEARN_PRIVATE_H
#define RH_AGENT_TWIN_LEARN_PRIVATE_H

/* The parts of learning, for learn*.c alone. */
#include <stdbool.h>
#include <stdint.h>

#include "agent/twin/learn.h"
#include "drivers/driver.h"

/* What the run did to the host: each leads on to the next segment. */
enum learn_kind {
	LEARN_NONE = 0,
	LEARN_KEYS,		/* bytes */
	LEARN_SECRET,		/* nobody knows the bytes */
	LEARN_BREAK,		/* letter: the sysrq behind it, or 0 */
	LEARN_POWER,		/* act */
	LEARN_SHELL,		/* command and its answer */
};

struct learn_mark {
	enum learn_kind kind;
	int64_t at;
	size_t event;		/* of the journal, that told of it */
	struct buffer bytes;
	bool echo;		/* what it typed came back as it was */
	char letter;
	enum driver_act act;
	const char *command;	/* borrowed from the journal, as below */
	const char *output;
	int64_t took;
	int status;
	const char *code;	/* "none": it was answered */
	const char *state;	/* of the sequence */
};

/* A piece of what came over the console. */
struct learn_piece {
	int64_t at;
	const char *text;	/* borrowed; NULL: the console went or came */
	size_t len;
	size_t weight;		/* how much it is for a twin to print */
	bool lose;
};

enum learn_what {
	LEARN_IS_ON = 0,	/* power */
	LEARN_HAS_SSH,
	LEARN_HAS_PORT,		/* number */
	LEARN_EXITS,		/* command; value: its exit status */
};

/* What was seen of the host, or (changed) what became of it then. */
struct learn_sight {
	enum learn_what what;
	int number;
	const char *command;
	int64_t at;
	int64_t took;
	int value;
	bool boots;		/* a change: a new system */
	const char *boot_id;	/* "" not known */
};

struct learn_sights {
	struct learn_sight *list;
	size_t count;
};

struct learn {
	const struct learn_record *record;
	struct learn_mark *marks;
	size_t mark_count;
	struct learn_piece *pieces;
	size_t piece_count;
	size_t spread;			/* of the last time */
	struct learn_sights seen;	/* in the order of time */
	struct learn_sights changes;	/* the first of each kind: from the start */
	struct buffer notes;		/* comments */
	int64_t healthy_at;		/* INT64_MAX: never */
	int64_t end;
	int64_t controller_ms;
	int64_t evidence_ms;
};

/* learn-marks.c: what the journal and the recording say. */
void learn_collect(struct learn *l);
void learn_collect_release(struct learn *l);

/* learn.c: as of a time; fallback where it was never seen. */
int learn_value(const struct learn *l, const struct learn_sight *like,
		int64_t at, int fallback);
bool learn_is_same(const struct learn_sight *a, const struct learn_sight *b);

/* learn-write.c */
void learn_write(const struct learn *l, struct buffer *out);
void learn_escape(struct buffer *out, const char *bytes, size_t len);

#endif
