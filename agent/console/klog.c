/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel messages in the middle of a line get a line of their own. The machine
 * comes in with the text view; a small automaton looks for the time stamp
 * "[ddddd.dddddd] " (padded with blanks), and for what systemd begins the lines
 * with that it writes to the console, "[  OK  ] ". Always true: held is a
 * beginning of one of these and shorter than it; while cut_len is not 0 nothing but messages
 * came since that line was cut off.
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

static bool klog_is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/*
 * "[  OK  ] Started ...": a service manager says what came of a job. A word has to
 * stand behind it, since scripts of old end their own line with "[  OK  ]".
 */
static enum klog_fit klog_fits_status(const char *text, size_t len)
{
	static const char *const all[] = {
		"[  OK  ] ", "[FAILED] ", "[DEPEND] ", "[ TIME ] ", "[ SKIP ] ",
		"[ INFO ] ", "[ WARN ] ", "[ASSERT] ", "[UNSUPP] ",
	};
	const size_t width = sizeof("[  OK  ] ") - 1;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strncmp(all[i], text, len < width ? len : width) != 0)
			continue;
		if (len <= width)
			return KLOG_BEGINS;
		return klog_is_letter(text[width]) ? KLOG_IS : KLOG_NONE;
	}
	return KLOG_NONE;
}

/* Whether text is a time stamp, begins one, or neither. */
static enum klog_fit klog_fits_stamp(const char *text, size_t len)
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
	/* "] " or, with the caller behind it, "][    T1] " */
	return text[i] == ' ' || text[i] == '[' ? KLOG_IS : KLOG_NONE;
}

static enum klog_fit klog_fits(const char *text, size_t len)
{
	enum klog_fit fit = klog_fits_stamp(text, len);

	return fit != KLOG_NONE ? fit : klog_fits_status(text, len);
}

static void klog_put(struct klog *k, char c, struct buffer *out)
{
	buffer_append_char(out, c);
	k->middle = c != '\n';
	k->message = k->message && k->middle;
}

/* A message comes in the middle of a line. */
static void klog_cut(struct klog *k, struct buffer *out)
{
	const char *text = buffer_text(out);
	size_t from = out->len, len;

	while (from > 0 && text[from - 1] != '\n')
		from--;
	len = out->len - from;
	if (k->cut_len == 0 && len <= sizeof(k->cut) &&
	    klog_message_len(text + from, len) == 0) {
		memcpy(k->cut, text + from, len);
		k->cut_len = len;
		k->cut_from = from;
	}
	klog_put(k, '\n', out);
}

/* The line that was cut off goes on. */
static void klog_join(struct klog *k, struct buffer *out)
{
	k->twice.from = k->cut_from;
	k->twice.at = out->len;
	k->twice.len = k->cut_len;
	buffer_append(out, k->cut, k->cut_len);
	buffer_append(out, k->cut, k->anew);
	k->cut_len = k->anew = 0;
	k->middle = true;
}

/* The line that was cut off is printed anew, as far as text goes. */
static size_t klog_anew(struct klog *k, const char *text, size_t len,
			struct buffer *out)
{
	size_t n = 0;

	while (n < len && k->anew < k->cut_len && text[n] == k->cut[k->anew]) {
		k->anew++;
		n++;
	}
	if (k->anew == k->cut_len) {
		buffer_append(out, k->cut, k->cut_len);
		k->cut_len = k->anew = 0;
		k->middle = true;
	} else if (n < len) {
		klog_join(k, out);
	}
	return n;
}

static bool klog_waits(const struct klog *k)
{
	return k->cut_len > 0 && !k->message;
}

/* What was held goes out. */
static void klog_release(struct klog *k, struct buffer *out)
{
	size_t i;

	for (i = 0; i < k->held_len; i++)
		klog_put(k, k->held[i], out);
	k->held_len = 0;
}

/* One byte more while something is held. */
static void klog_char(struct klog *k, char c, struct buffer *out)
{
	k->held[k->held_len++] = c;
	switch (klog_fits(k->held, k->held_len)) {
	case KLOG_BEGINS:
		return;
	case KLOG_IS:
		if (k->middle)
			klog_cut(k, out);
		k->message = true;
		klog_release(k, out);
		return;
	case KLOG_NONE:
		/* The byte that does not fit may begin another one. */
		k->held_len--;
		if (klog_waits(k))
			klog_join(k, out);
		klog_release(k, out);
		if (c == '[')
			k->held[k->held_len++] = c;
		else
			klog_put(k, c, out);
		return;
	}
}

static void klog_plain(struct klog *k, const char *text, size_t len,
		       struct buffer *out)
{
	if (len == 0)
		return;
	buffer_append(out, text, len);
	k->middle = text[len - 1] != '\n';
	k->message = k->message && k->middle;
}

/*
 * What is plain up to the end. While a line is cut off, one line of it; and
 * where it goes on, it is told anew.
 */
static size_t klog_piece(struct klog *k, const char *text, size_t len,
			 struct buffer *out)
{
	const char *newline = NULL;

	if (klog_waits(k) && k->anew == 0 && *text == '\n')
		k->cut_len = 0;
	if (klog_waits(k))
		return klog_anew(k, text, len, out);
	if (k->cut_len > 0)
		newline = memchr(text, '\n', len);
	if (newline != NULL)
		len = (size_t)(newline - text) + 1;
	klog_plain(k, text, len, out);
	return len;
}

/* Takes [ and, where all of the rest begins a time stamp, the rest. */
static size_t klog_bracket(struct klog *k, const char *text, size_t len,
			   struct buffer *out)
{
	enum klog_fit fit = klog_fits(text, len);

	if (fit == KLOG_BEGINS) {
		memcpy(k->held, text, len);
		k->held_len = len;
		return len;
	}
	if (fit == KLOG_IS && k->middle)
		klog_cut(k, out);
	if (fit == KLOG_IS)
		k->message = true;
	else if (klog_waits(k))
		klog_join(k, out);
	klog_put(k, '[', out);
	return 1;
}

void klog_feed(struct klog *k, const char *text, size_t len,
	       struct buffer *out)
{
	const char *end = text + len, *bracket;

	for (; text < end && k->held_len > 0; text++)
		klog_char(k, *text, out);
	while (text < end) {
		bracket = memchr(text, '[', (size_t)(end - text));
		if (bracket == NULL)
			bracket = end;
		if (text < bracket)
			text += klog_piece(k, text, (size_t)(bracket - text),
					   out);
		else
			text += klog_bracket(k, text, (size_t)(end - text),
					     out);
	}
}

void klog_drop(struct klog *k, size_t len)
{
	k->cut_from -= len < k->cut_from ? len : k->cut_from;
	if (k->twice.from < len)
		k->twice.len = 0;
	k->twice.from -= k->twice.len > 0 ? len : 0;
	k->twice.at -= k->twice.len > 0 ? len : 0;
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

bool klog_begins(const char *text, size_t len)
{
	return klog_fits(text, len) == KLOG_BEGINS;
}
