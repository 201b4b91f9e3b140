/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_KLOG_H
#define RH_AGENT_CONSOLE_KLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/*
 * Kernel messages do not wait for the end of a prompt (C05):
 *   login: [   12.345678] usb 1-1: new device
 * In the text view such a message begins a line of its own, so that the prompt
 * before it ends its line as a person reads it, and /login: $/ matches.
 * The same text gives the same result however it is split; what may be the
 * beginning of a message is held back until it is known (a few bytes).
 */
struct klog {
	char held[32];		/* "[   12.34" */
	size_t held_len;
	bool middle;		/* something stands on the present line */
};

/* Zeroed memory is a fresh one. Appends to out. */
void klog_feed(struct klog *k, const char *text, size_t len,
	       struct buffer *out);

/*
 * The length of the kernel message that begins at text, its newline taken in, or
 * 0 where none begins there. One that has no newline yet goes to the end.
 */
size_t klog_message_len(const char *text, size_t len);

/* Whether text is what a kernel message begins with, and no more than that. */
bool klog_begins(const char *text, size_t len);

#endif
