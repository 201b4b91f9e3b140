/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel messages in the middle of a line get a line of their own. The machine
 * comes in with the text view; a small automaton looks for the time stamp
 * "[ddddd.dddddd] " (padded with blanks). Always true: held is a beginning of a
 * time stamp and shorter than one.
 */
#include "agent/console/klog.h"

#include <string.h>

#define KLOG_WHOLE 5	/* digits or blanks before the point, at least */
#define KLOG_PART 6	/* digits behind it */

enum klog_fit { KLOG_NONE = 0, KLOG_BEGINS, KLOG_IS };

static bool klog_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether text is a time stamp, begins one, or neither. */
static enum klog_fit klog_fits(const char *text, size_t len)
{
	size_t i = 1, digits = 0;

	if (len == 0 || text[0] != '[')
		return KLOG_NONE;
	while (i < len && text[i] == ' ' && i <= KLOG_WHOLE)
		i++;
	for (; i < len && klog_is_digit(text[i]) && i <= 12; i++)
		digits++;
	if (i == len)
		return KLOG_BEGINS;
	if (digits == 0 || i - 1 < KLOG_WHOLE || text[i++] != '.')
		return KLOG_NONE;
	for (digits = 0; i < len && klog_is_digit(text[i]) && digits < KLOG_PART;
	     i++)
		digits++;
	if (i == len)
		return KLOG_BEGINS;
	if (digits < KLOG_PART || text[i++] != ']')
		return KLOG_NONE;
	if (i == len)
		return KLOG_BEGINS;
	return text[i] == ' ' ? KLOG_IS : KLOG_NONE;
}

static void klog_put(struct klog *k, char c, struct buffer *out)
{
	buffer_append_char(out, c);
	k->middle = c != '\n';
}

/* What was held goes out. */
static void klog_release(struct klog *k, struct buffer *out)
{
	size_t i;

	for (i = 0; i < k->held_len; i++)
		klog_put(k, k->held[i], out);
	k->held_len = 0;
}

static void klog_char(struct klog *k, char c, struct buffer *out)
{
	if (k->held_len == 0 && c != '[') {
		klog_put(k, c, out);
		return;
	}
	k->held[k->held_len++] = c;
	switch (klog_fits(k->held, k->held_len)) {
	case KLOG_BEGINS:
		return;
	case KLOG_IS:
		if (k->middle)
			klog_put(k, '\n', out);
		klog_release(k, out);
		return;
	case KLOG_NONE:
		/* The byte that does not fit may begin another one. */
		k->held_len--;
		klog_release(k, out);
		if (c == '[')
			k->held[k->held_len++] = c;
		else
			klog_put(k, c, out);
		return;
	}
}

void klog_feed(struct klog *k, const char *text, size_t len,
	       struct buffer *out)
{
	const char *bracket;
	size_t part;

	while (len > 0) {
		bracket = k->held_len == 0 ? memchr(text, '[', len) : text;
		part = bracket != NULL ? (size_t)(bracket - text) : len;
		if (part > 0) {
			buffer_append(out, text, part);
			k->middle = text[part - 1] != '\n';
		} else {
			klog_char(k, *text, out);
			part = 1;
		}
		text += part;
		len -= part;
	}
}

size_t klog_message_len(const char *text, size_t len)
{
	const char *newline;
	size_t i;

	for (i = 1; i < len && i < 32; i++) {
		if (klog_fits(text, i) == KLOG_IS)
			break;
	}
	if (klog_fits(text, i < len ? i : len) != KLOG_IS)
		return 0;
	newline = memchr(text, '\n', len);
	return newline != NULL ? (size_t)(newline - text) + 1 : len;
}
