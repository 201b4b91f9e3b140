/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Foreign text made safe, for logs, error texts, JSON and terminals. Always
 * true: what comes out of vis_append has no byte below 0x20, no 0x7f and no
 * C1 control character.
 */
#include "base/vis.h"

#include <stdint.h>
#include <string.h>

/* Whether more bits behind these can make a character: not too long, no surrogate. */
static bool vis_may_become(uint32_t code, size_t bits, uint32_t least)
{
	uint32_t low = code << bits, high = low | ((UINT32_C(1) << bits) - 1);

	return high >= least && low <= 0x10ffff &&
	       !(low >= 0xd800 && high <= 0xdfff);
}

size_t vis_utf8_len(const char *bytes, size_t len, bool *ret_short)
{
	const unsigned char *b = (const unsigned char *)bytes;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t need, i;

	if (ret_short != NULL)
		*ret_short = false;
	if (len == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		need = 2;
	else if ((b[0] & 0xf0) == 0xe0)
		need = 3;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		need = 4;
	else
		return 0;
	code = b[0] & (0xffu >> (need + 1));
	for (i = 1; i < need && i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (b[i] & 0x3f);
	}
	if (i < need) {
		if (ret_short != NULL)
			*ret_short = vis_may_become(code, 6 * (need - i),
						    least[need]);
		return 0;
	}
	if (code < least[need] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return need;
}

static bool vis_is_unsafe(const unsigned char *b, size_t len)
{
	/* C1 controls: U+0080..009F */
	if (len == 2 && b[0] == 0xc2 && b[1] < 0xa0)
		return true;
	/* direction: U+202A..202E, U+2066..2069 */
	if (len == 3 && b[0] == 0xe2 && b[1] == 0x80 && b[2] >= 0xaa &&
	    b[2] <= 0xae)
		return true;
	return len == 3 && b[0] == 0xe2 && b[1] == 0x81 && b[2] >= 0xa6 &&
	       b[2] <= 0xa9;
}

static void vis_escape(struct buffer *out, unsigned char c)
{
	switch (c) {
	case '\n':
		buffer_append(out, "\\n", 2);
		break;
	case '\r':
		buffer_append(out, "\\r", 2);
		break;
	case '\t':
		buffer_append(out, "\\t", 2);
		break;
	case 0x1b:
		buffer_append(out, "\\e", 2);
		break;
	case '\\':
		buffer_append(out, "\\\\", 2);
		break;
	default:
		buffer_printf(out, "\\x%02x", c);
		break;
	}
}

void vis_append(struct buffer *out, const char *bytes, size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	size_t i, n, j;

	for (i = 0; i < len; i += n) {
		n = vis_utf8_len(bytes + i, len - i, NULL);
		if (n == 1 && b[i] >= 0x20 && b[i] != 0x7f && b[i] != '\\') {
			buffer_append_char(out, bytes[i]);
		} else if (n <= 1 || vis_is_unsafe(b + i, n)) {
			n = n == 0 ? 1 : n;
			for (j = 0; j < n; j++)
				vis_escape(out, b[i + j]);
		} else {
			buffer_append(out, bytes + i, n);
		}
	}
}

const char *vis_text(const char *text, char *buf, size_t buf_len)
{
	struct buffer out = { 0 };
	size_t keep;

	vis_append(&out, text, strlen(text));
	if (out.len < buf_len) {
		memcpy(buf, buffer_text(&out), out.len + 1);
	} else if (buf_len > 4) {
		keep = buf_len - 4;
		while (keep > 0 && (out.data[keep] & 0xc0) == 0x80)
			keep--;
		memcpy(buf, out.data, keep);
		memcpy(buf + keep, "...", 4);
	} else if (buf_len > 0) {
		buf[0] = '\0';
	}
	buffer_release(&out);
	return buf;
}

void vis_append_utf8(struct buffer *out, const char *bytes, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = vis_utf8_len(bytes + i, len - i, NULL);
		if (n == 0 || bytes[i] == '\0') {
			buffer_append(out, "\xef\xbf\xbd", 3);
			n = 1;
		} else {
			buffer_append(out, bytes + i, n);
		}
	}
}

void vis_append_code(struct buffer *out, uint32_t code)
{
	char utf8[4];
	size_t n = 0;

	if (code < 0x80) {
		utf8[n++] = (char)code;
	} else if (code < 0x800) {
		utf8[n++] = (char)(0xc0 | code >> 6);
		utf8[n++] = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		utf8[n++] = (char)(0xe0 | code >> 12);
		utf8[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		utf8[n++] = (char)(0x80 | (code & 0x3f));
	} else {
		utf8[n++] = (char)(0xf0 | code >> 18);
		utf8[n++] = (char)(0x80 | (code >> 12 & 0x3f));
		utf8[n++] = (char)(0x80 | (code >> 6 & 0x3f));
		utf8[n++] = (char)(0x80 | (code & 0x3f));
	}
	buffer_append(out, utf8, n);
}
