/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_RING_H
#define RH_BASE_RING_H

#include <stddef.h>
#include <stdint.h>

/*
 * The last `size` bytes of a stream. One writer; a reader keeps a position
 * (bytes written since the beginning) and learns how many it missed.
 */
struct ring {
	unsigned char *data;
	size_t size;
	uint64_t written;	/* bytes ever written */
};

void ring_init(struct ring *r, size_t size);
void ring_release(struct ring *r);
void ring_write(struct ring *r, const void *bytes, size_t len);

/*
 * Copies up to max bytes from *position on, and moves it. Returns the bytes
 * copied; *ret_missed is what was overwritten before it could be read.
 */
size_t ring_read(const struct ring *r, uint64_t *position, void *bytes,
		 size_t max, uint64_t *ret_missed);

/* The position of the oldest byte that is still there. */
uint64_t ring_oldest(const struct ring *r);

#endif
