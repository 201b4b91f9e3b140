/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_KLOG_H
#define RH_AGENT_CONSOLE_KLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * Kernel messages, and those of systemd, do not wait for the end of a prompt (C05):
 *   login: [   12.345678] usb 1-1: new device
 *   login: [  OK  ] Started OpenSSH server.
 * In the text view such a message begins a line of its own, so that the prompt
 * before it ends its line as a person reads it, and /login: $/ matches.
 * Where the line goes on behind the messages, it is told once more as a whole,
 * so that a prompt matches that a message came in the middle of:
 *   Give root pass[   12.345678] usb 1-1: new device
 *   word for maintenance
 * Where it is printed anew instead, it stands there once.
 * The same text gives the same result however it is split; what may be the
 * beginning of a message is held back until it is known (a few bytes).
 */
struct klog {
	char held[32];		/* "[   12.34" */
	size_t held_len;
	bool middle;		/* something stands on the present line */
	bool message;		/* a message does, and it cut off a line: */
	char cut[256];
	size_t cut_len;
	size_t cut_from;	/* where that began in out */
	size_t anew;		/* so much of it was printed again, and is held */
	/* What was told twice last: [from, from + len) and [at, at + len) of out. */
	struct klog_twice {
		size_t from;
		size_t at;
		size_t len;	/* 0: nothing was */
	} twice;
};

/*
 * Zeroed memory is a fresh one. Appends to out, where the present line of what was
 * appended before has to stand still.
 */
void klog_feed(struct klog *k, const char *text, size_t len,
	       struct buffer *out);

/* So much was dropped at the beginning of out. */
void klog_drop(struct klog *k, size_t len);

/*
 * The length of the kernel message that begins at text, its newline taken in, or
 * 0 where none begins there. One that has no newline yet goes to the end.
 */
size_t klog_message_len(const char *text, size_t len);

/* Whether text is what a kernel message begins with, and no more than that. */
bool klog_begins(const char *text, size_t len);

#endif
