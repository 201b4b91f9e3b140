/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets that were typed, looked for in what comes back. The live run comes
 * in with every byte that goes to the record and every text of an event.
 *
 * A program that draws its screen may put each character to its place: so escape
 * sequences between the characters of a secret do not hide it.
 */
#include "agent/run/redact.h"

#include <stdio.h>
#include <string.h>

#include "agent/console/escape.h"

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

/*
 * The escape sequence that bytes begin with: how long it is, 0 none, len where
 * it is cut.
 */
static size_t redact_escape(const char *bytes, size_t len)
{
	int state = ESCAPE_GROUND;
	size_t i, string_len = 0;

	if (len == 0 || bytes[0] != '\033')
		return 0;
	for (i = 0; i < len; i++) {
		escape_step(&state, &string_len, (unsigned char)bytes[i]);
		if (state == ESCAPE_GROUND)
			return i + 1;
	}
	return len;
}

/*
 * Whether the secret stands at bytes, with or without escape sequences in it: how
 * many bytes it takes, 0 it does not. *ret_cut: it may, but the rest is to come.
 */
static size_t redact_one(const struct secret *s, const char *bytes, size_t len,
			 bool *ret_cut)
{
	size_t i = 0, k = 0, n;

	while (i < len && k < s->len) {
		if (bytes[i] == s->bytes[k]) {
			i++;
			k++;
			continue;
		}
		n = k > 0 ? redact_escape(bytes + i, len - i) : 0;
		if (n == 0)
			return 0;
		i += n;
	}
	if (k == s->len)
		return i;
	*ret_cut = true;
	return 0;
}

/* Which secret stands at bytes, -1 none; and whether one may. */
static int redact_at(const struct redact *r, const char *bytes, size_t len,
		     size_t *ret_used, bool *ret_cut)
{
	int i;

	*ret_cut = false;
	for (i = 0; i < r->count; i++) {
		*ret_used = redact_one(&r->list[i].secret, bytes, len, ret_cut);
		if (*ret_used > 0)
			return i;
	}
	return -1;
}

/* What stood between its characters stays: the picture is the same. */
static void redact_escapes(const char *bytes, size_t len, struct buffer *out)
{
	size_t i, n;

	for (i = 0; i < len; i += n > 0 ? n : 1) {
		n = redact_escape(bytes + i, len - i);
		if (n > 0)
			buffer_append(out, bytes + i, n);
	}
}

static size_t redact_scan(const struct redact *r, const char *bytes, size_t len,
			  bool whole, struct buffer *out)
{
	size_t i = 0, used;
	bool cut;
	int found;

	while (i < len) {
		found = redact_at(r, bytes + i, len - i, &used, &cut);
		if (found >= 0) {
			buffer_printf(out, "<secret:%s>", r->list[found].name);
			redact_escapes(bytes + i, used, out);
			i += used;
		} else if (!whole && cut) {
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
