/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_FILTER_H
#define RH_AGENT_CONSOLE_FILTER_H

#include <stddef.h>

#include "base/buffer.h"

/*
 * A console stream made safe for the admin's terminal (X02, promise 6).
 * What passes: printable UTF-8, CR, LF, TAB, BS, and these sequences, written
 * anew by us with bounded numbers: CSI A..H J K L M P S T X @ d f G r ` e a,
 * CSI m (SGR), ESC 7, ESC 8, ESC M, ESC D, ESC E. All else is dropped: OSC (title,
 * clipboard), DCS, APC, PM, SOS, modes (h, l), reports (c, n, x, t), key
 * and character-set changes, ESC c, C1 controls, lone bytes that are no UTF-8
 * (shown as U+FFFD), BEL beyond one a second is the caller's affair: dropped.
 * The same bytes give the same output however they are split.
 */
struct filter {
	int state;			/* private */
	char params[64];
	size_t params_len;
	size_t string_len;
	char utf8[4];
	size_t utf8_len;
};

void filter_init(struct filter *f);
void filter_feed(struct filter *f, const void *bytes, size_t len,
		 struct buffer *out);

/* What brings a terminal back to normal afterwards: SGR 0, full scroll region. */
extern const char filter_reset_text[];

#endif
