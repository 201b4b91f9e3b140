/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last bytes of a stream. A slow reader never stalls the writer: it
 * loses the oldest bytes and is told how many (promise 5: a gap is never
 * silent). Always true: the bytes [ring_oldest, written) are in data.
 */
#include "base/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void ring_init(struct ring *r, size_t size)
{
	assert(size > 0);
	r->data = memory_new(size, 1);
	r->size = size;
	r->written = 0;
}

void ring_release(struct ring *r)
{
	if (r == NULL)
		return;
	free(r->data);
	memset(r, 0, sizeof(*r));
}

void ring_write(struct ring *r, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	size_t at, part;

	if (len > r->size) {
		r->written += len - r->size;
		from += len - r->size;
		len = r->size;
	}
	while (len > 0) {
		at = (size_t)(r->written % r->size);
		part = r->size - at < len ? r->size - at : len;
		memcpy(r->data + at, from, part);
		r->written += part;
		from += part;
		len -= part;
	}
}

uint64_t ring_oldest(const struct ring *r)
{
	return r->written > r->size ? r->written - r->size : 0;
}

size_t ring_read(const struct ring *r, uint64_t *position, void *bytes,
		 size_t max, uint64_t *ret_missed)
{
	unsigned char *to = bytes;
	size_t done = 0, at, part;

	*ret_missed = 0;
	if (*position < ring_oldest(r)) {
		*ret_missed = ring_oldest(r) - *position;
		*position = ring_oldest(r);
	}
	while (done < max && *position < r->written) {
		at = (size_t)(*position % r->size);
		part = r->size - at;
		if (part > max - done)
			part = max - done;
		if (part > r->written - *position)
			part = (size_t)(r->written - *position);
		memcpy(to + done, r->data + at, part);
		*position += part;
		done += part;
	}
	return done;
}
