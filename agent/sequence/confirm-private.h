/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_CONFIRM_PRIVATE_H
#define RH_AGENT_SEQUENCE_CONFIRM_PRIVATE_H

/* The inside of confirmed power, for confirm*.c alone. */
#include "agent/sequence/confirm.h"

#define CONFIRM_APART_MS 1000	/* between two readings */
#define CONFIRM_CALL_MS 20000	/* the longest a single call may take */
#define CONFIRM_BUSY_MS 2000	/* before a busy controller is asked again */
#define CONFIRM_LADDER_MS 10000	/* the same, where there is another way */
#define CONFIRM_READ_MS 30000	/* how long the first reading may take */
#define CONFIRM_REFUSED_MS 10000 /* how long a refused act is looked after */
#define CONFIRM_SPARE_MS 10000	/* left over when a person does not answer */
#define CONFIRM_LAG_MS 10000	/* so late the console may say what was before */
#define CONFIRM_MARGIN_MS 15000 /* time that a cycle needs beside min-off */

enum confirm_phase {
	PHASE_NONE = 0,
	PHASE_READ,
	PHASE_ACT,
	PHASE_WATCH,
	PHASE_HOLD,
	PHASE_RECHECK,
	PHASE_END,
};

/* confirm.c */
bool confirm_act_once(enum driver_act act);
void confirm_aim(struct confirm *c, enum driver_power goal,
		 enum driver_act send, int64_t now);
void confirm_to_act(struct confirm *c, int64_t now);
void confirm_next_way(struct confirm *c, int64_t now,
		      enum confirm_result otherwise, const char *why);

/* confirm-end.c */
void confirm_note(struct confirm *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void confirm_end(struct confirm *c, enum confirm_result result,
		 const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *confirm_clock(const struct confirm *c, int64_t at, char *buf,
			  size_t buf_len);
void confirm_reached(struct confirm *c, int64_t now);
void confirm_said_goal(struct confirm *c, int64_t now);
void confirm_unreadable(struct confirm *c, int64_t now);
void confirm_not_seen(struct confirm *c, int64_t now);
void confirm_out_of_time(struct confirm *c);

#endif
