/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_BOOTWATCH_H
#define RH_AGENT_CONSOLE_BOOTWATCH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the text view of a console shows that a system has begun anew. Pure,
 * line by line; the same text gives the same answer however it is split.
 *
 * What counts (Linux; of other systems nothing is known):
 *  - "Linux version ..." at the beginning of a line or of a kernel message;
 *  - the clock of the kernel's messages went back by more than 2 s;
 *  - the kernel said its last word ("reboot: Restarting system", "sysrq:
 *    Resetting") and then something spoke that is no message of that kernel.
 * The last word alone is no proof: many a machine hangs right behind it.
 */
enum bootwatch_seen {
	BOOTWATCH_NONE = 0,
	BOOTWATCH_ENDED,	/* the old system's last word */
	BOOTWATCH_BEGUN,	/* the new one speaks */
};

struct bootwatch {
	char line[160];		/* the beginning of the present line */
	size_t len;
	double clock;		/* of the last kernel message, s; -1: none yet */
	bool ended;
	bool begun;
	bool sysrq;		/* the kernel answered a sysrq since it was armed */
	bool disabled;		/* ... that it is not allowed */
	char what[96];		/* in words, once begun */
};

void bootwatch_init(struct bootwatch *w);

/* An act that ends the system was sent; what was seen up to now is forgotten,
   all but the kernel's clock. */
void bootwatch_arm(struct bootwatch *w);

/*
 * The next text, taken whole. Returns the most that was seen in it and not
 * before; then *ret_offset is where the old system's text ends (ENDED), or is
 * in the line that begins the new one's (BEGUN).
 */
enum bootwatch_seen bootwatch_feed(struct bootwatch *w, const char *text,
				   size_t len, size_t *ret_offset);

#endif
