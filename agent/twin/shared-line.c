/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of a twin's state file (shared.h), written and read: shared.c comes
 * in, with the file's lock. Always true: what is read may be anything, and is an
 * input of a known kind with a value that it can have, or refused.
 */
#include "agent/twin/shared-line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const line_words[] = {
	[SHARED_POWER] = "power", [SHARED_BOOT] = "boot",
	[SHARED_LIGHT] = "light", [SHARED_BREAK] = "break",
	[SHARED_TYPE] = "type",   [SHARED_SHELL] = "shell",
};

#define LINE_WORDS (sizeof(line_words) / sizeof(line_words[0]))

static const char *line_number_word(const struct shared_input *in)
{
	switch (in->kind) {
	case SHARED_POWER:
		return driver_act_name((enum driver_act)in->number);
	case SHARED_BOOT:
		return driver_boot_name((enum driver_boot)in->number);
	case SHARED_LIGHT:
		return in->number != 0 ? "on" : "off";
	default:
		return "";
	}
}

void shared_line_put(struct buffer *out, int64_t at,
		     const struct shared_input *in)
{
	const unsigned char *bytes = in->bytes;
	size_t i;

	buffer_printf(out, "%" PRId64 " %s", at, line_words[in->kind]);
	if (line_number_word(in)[0] != '\0')
		buffer_printf(out, " %s", line_number_word(in));
	if (in->len > 0)
		buffer_append_char(out, ' ');
	for (i = 0; i < in->len; i++)
		buffer_printf(out, "%02x", bytes[i]);
	buffer_append_char(out, '\n');
}

static int line_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* In place: the bytes are where their digits were. */
static bool line_get_bytes(char *text, struct shared_input *in)
{
	size_t i;

	for (i = 0; text[2 * i] != '\0'; i++) {
		if (line_digit(text[2 * i]) < 0 ||
		    line_digit(text[2 * i + 1]) < 0)
			return false;
		text[i] = (char)(line_digit(text[2 * i]) << 4 |
				 line_digit(text[2 * i + 1]));
	}
	in->bytes = text;
	in->len = i;
	return i > 0;
}

static bool line_get_value(char *text, struct shared_input *in)
{
	switch (in->kind) {
	case SHARED_POWER:
		in->number = (int)driver_act_from_name(text);
		return in->number != DRIVER_ACT_NONE;
	case SHARED_BOOT:
		in->number = (int)driver_boot_from_name(text);
		return in->number != DRIVER_BOOT_NONE;
	case SHARED_LIGHT:
		in->number = strcmp(text, "on") == 0;
		return in->number == 1 || strcmp(text, "off") == 0;
	case SHARED_BREAK:
		return text[0] == '\0';
	default:
		return line_get_bytes(text, in);
	}
}

bool shared_line_time(char **text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(*text, &end, 10);
	if (end == *text || errno != 0 || (*end != ' ' && *end != '\0'))
		return false;
	*text = end + (*end == ' ');
	return true;
}

bool shared_line_get(char *line, int64_t *ret_at, struct shared_input *ret)
{
	size_t i, len;

	*ret = (struct shared_input){ .kind = SHARED_NONE };
	if (!shared_line_time(&line, ret_at))
		return false;
	len = strcspn(line, " ");
	for (i = 1; i < LINE_WORDS; i++) {
		if (strlen(line_words[i]) == len &&
		    strncmp(line, line_words[i], len) == 0)
			ret->kind = (enum shared_kind)i;
	}
	line += len + (line[len] == ' ');
	return ret->kind != SHARED_NONE && line_get_value(line, ret);
}

void shared_line_event(struct buffer *out, const struct shared_input *in)
{
	buffer_append_text(out, line_words[in->kind]);
	if (line_number_word(in)[0] != '\0')
		buffer_printf(out, " %s", line_number_word(in));
}
