/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets that were typed, looked for in what comes back. The live run comes
 * in with every byte that goes to the record and every text of an event.
 */
#include "agent/run/redact.h"

#include <stdio.h>
#include <string.h>

const struct secret *redact_add(struct redact *r, struct secret *secret,
				const char *name)
{
	int i;

	for (i = 0; i < r->count; i++) {
		if (r->list[i].secret.len == secret->len &&
		    memcmp(r->list[i].secret.bytes, secret->bytes,
			   secret->len) == 0) {
			secret_release(secret);
			return &r->list[i].secret;
		}
	}
	if (r->count == REDACT_MAX) {
		secret_release(&r->list[0].secret);
		memmove(&r->list[0], &r->list[1],
			sizeof(r->list[0]) * (REDACT_MAX - 1));
		r->count--;
	}
	r->list[r->count].secret = *secret;
	snprintf(r->list[r->count].name, sizeof(r->list[r->count].name), "%s",
		 name);
	memset(secret, 0, sizeof(*secret));
	return &r->list[r->count++].secret;
}

/* The secret that begins at bytes, -1 none. */
static int redact_at(const struct redact *r, const char *bytes, size_t len)
{
	int i;

	for (i = 0; i < r->count; i++) {
		if (r->list[i].secret.len <= len &&
		    memcmp(bytes, r->list[i].secret.bytes,
			   r->list[i].secret.len) == 0)
			return i;
	}
	return -1;
}

/* Whether bytes is a beginning of a secret that is cut. */
static bool redact_may_begin(const struct redact *r, const char *bytes,
			     size_t len)
{
	int i;

	for (i = 0; i < r->count; i++) {
		if (r->list[i].secret.len > len &&
		    memcmp(bytes, r->list[i].secret.bytes, len) == 0)
			return true;
	}
	return false;
}

static size_t redact_scan(const struct redact *r, const char *bytes, size_t len,
			  bool whole, struct buffer *out)
{
	size_t i = 0;
	int found;

	while (i < len) {
		found = redact_at(r, bytes + i, len - i);
		if (found >= 0) {
			buffer_printf(out, "<secret:%s>", r->list[found].name);
			i += r->list[found].secret.len;
		} else if (!whole && redact_may_begin(r, bytes + i, len - i)) {
			break;
		} else {
			buffer_append_char(out, bytes[i++]);
		}
	}
	return i;
}

void redact_feed(struct redact *r, const void *bytes, size_t len,
		 struct buffer *out)
{
	size_t used;

	if (r->count == 0) {
		buffer_append(out, bytes, len);
		return;
	}
	buffer_append(&r->held, bytes, len);
	used = redact_scan(r, r->held.data, r->held.len, false, out);
	buffer_drop(&r->held, used);
}

void redact_flush(struct redact *r, struct buffer *out)
{
	buffer_append(out, buffer_text(&r->held), r->held.len);
	buffer_clear(&r->held);
}

void redact_text(const struct redact *r, const char *text, struct buffer *out)
{
	redact_scan(r, text, strlen(text), true, out);
}

void redact_release(struct redact *r)
{
	int i;

	for (i = 0; i < r->count; i++)
		secret_release(&r->list[i].secret);
	r->count = 0;
	if (r->held.data != NULL)
		explicit_bzero(r->held.data, r->held.size);
	buffer_release(&r->held);
}
