/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of a console's bytes reaches libvterm. The one door is screen_feed.
 *
 * libvterm 0.1.4 trusts its input: parameters beyond the sixteenth are written
 * behind their array, REP with nothing to repeat never ends, combining marks
 * are collected without a limit. So sequences are taken apart here (by the same
 * parser as the text view's) and given on only where they are known, whole and
 * in bounds; everything else is dropped, queries and strings too.
 *
 * Always true: libvterm is between two sequences whenever a byte is given to
 * it; a character that is not ASCII goes in alone, so that how the bytes were
 * split decides nothing.
 */
#include "agent/console/screen-private.h"

#include <string.h>

#include "agent/console/escape.h"
#include "base/vis.h"

#define SCREEN_PIECE 4096	/* libvterm decodes so much on its stack */
#define SCREEN_PARAMETERS 12
#define SCREEN_REPEAT_MAX 500
#define SCREEN_MARKS_MAX 16
#define SCREEN_REPLACEMENT "\xef\xbf\xbd"

/* Code page 437, 0x80 to 0xff. */
static const uint16_t screen_437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
	0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
	0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
	0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

void screen_input_reset(struct screen *s)
{
	s->state = ESCAPE_GROUND;
	s->string_len = 0;
	s->sequence_len = 0;
	s->sequence_bad = false;
	s->utf8_len = 0;
	s->code_page = false;
	s->last_len = 0;
	s->marks = 0;
}

static void screen_write(struct screen *s, const void *bytes, size_t len)
{
	vterm_input_write(s->vt, bytes, len);
}

/* ---- characters ------------------------------------------------------------ */

static void screen_put(struct screen *s, const char *bytes, size_t len)
{
	memcpy(s->last, bytes, len);
	s->last_len = len;
	screen_write(s, bytes, len);
}

static void screen_put_437(struct screen *s, unsigned char c)
{
	uint32_t code = screen_437[c - 0x80];
	char utf8[3];
	size_t n = 0;

	if (code >= 0x800) {
		utf8[n++] = (char)(0xe0 | code >> 12);
		utf8[n++] = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		utf8[n++] = (char)(0xc0 | code >> 6);
	}
	utf8[n++] = (char)(0x80 | (code & 0x3f));
	s->marks = 0;
	screen_put(s, utf8, n);
}

static uint32_t screen_code_point(const char *utf8, size_t len)
{
	const unsigned char *b = (const unsigned char *)utf8;

	switch (len) {
	case 2:
		return (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f);
	case 3:
		return (uint32_t)(b[0] & 0x0f) << 12 |
		       (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
	default:
		return (uint32_t)(b[0] & 0x07) << 18 |
		       (uint32_t)(b[1] & 0x3f) << 12 |
		       (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3f);
	}
}

/* Blocks of Unicode without marks that combine; others may have some. */
static bool screen_stands_alone(uint32_t code)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} blocks[] = {
		{ 0x0000, 0x02ff }, { 0x0370, 0x0482 }, { 0x048a, 0x058f },
		{ 0x1e00, 0x1fff }, { 0x2010, 0x2027 }, { 0x2030, 0x205e },
		{ 0x20a0, 0x20cf }, { 0x2100, 0x2ceb }, { 0x3000, 0x3029 },
		{ 0x3030, 0x3098 }, { 0x309b, 0xa66e }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xff01, 0xffef },
	};
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		if (code >= blocks[i].first && code <= blocks[i].last)
			return true;
	}
	return code == 0xfffd;
}

static void screen_put_utf8(struct screen *s, const char *utf8, size_t len)
{
	if (screen_stands_alone(screen_code_point(utf8, len)))
		s->marks = 0;
	else if (++s->marks > SCREEN_MARKS_MAX)
		utf8 = SCREEN_REPLACEMENT, len = 3, s->marks = 0;
	screen_put(s, utf8, len);
}

/* The held bytes are no UTF-8: code page 437, and from now on rather that. */
static void screen_give_up_utf8(struct screen *s)
{
	size_t i;

	s->code_page = true;
	for (i = 0; i < s->utf8_len; i++)
		screen_put_437(s, (unsigned char)s->utf8[i]);
	s->utf8_len = 0;
}

/*
 * Two line-drawing characters of code page 437 may look like one letter of
 * UTF-8 (C4 BF is a corner). Where bytes that are no UTF-8 have come, they are
 * what they look like there, until a longer character proves that it is UTF-8.
 */
static bool screen_is_drawing(const struct screen *s, size_t len)
{
	return s->code_page && len == 2 &&
	       (unsigned char)s->utf8[1] >= 0xb0 &&
	       (unsigned char)s->utf8[0] >= 0xc2;
}

static void screen_feed_high(struct screen *s, unsigned char c)
{
	bool cut;
	size_t n;

	s->utf8[s->utf8_len++] = (char)c;
	n = vis_utf8_len(s->utf8, s->utf8_len, &cut);
	if (n == 0 && cut)
		return;
	if (n == 0 || screen_is_drawing(s, n)) {
		screen_give_up_utf8(s);
		return;
	}
	s->utf8_len = 0;
	if (n > 2)
		s->code_page = false;
	if (n == 2 && (unsigned char)s->utf8[0] == 0xc2 && c < 0xa0)
		escape_c1(&s->state, &s->string_len, c);
	else
		screen_put_utf8(s, s->utf8, n);
}

/* ---- sequences --------------------------------------------------------------- */

/* A control sequence, taken apart. */
struct sequence_parts {
	char leader;			/* '?', or 0 */
	int parameters[SCREEN_PARAMETERS];	/* -1: not given */
	int count;
};

/* False where it holds what we don't know: other leaders, intermediates. */
static bool sequence_read(const struct screen *s, struct sequence_parts *ret)
{
	size_t i = 0;
	int *p = ret->parameters;
	char c;

	ret->leader = 0;
	if (s->sequence_len > 0 && s->sequence[0] == '?')
		ret->leader = s->sequence[i++];
	ret->count = 1;
	*p = -1;
	for (; i < s->sequence_len; i++) {
		c = s->sequence[i];
		if (c >= '0' && c <= '9') {
			*p = (*p < 0 ? 0 : *p) * 10 + (c - '0');
			*p = *p > 9999 ? 9999 : *p;
		} else if (c == ';' || c == ':') {
			if (ret->count == SCREEN_PARAMETERS)
				return true;
			ret->count++;
			*++p = -1;
		} else {
			return false;
		}
	}
	return true;
}

static void sequence_write(struct screen *s, const struct sequence_parts *q,
			   char final)
{
	char out[8 + SCREEN_PARAMETERS * 5];
	size_t n = 0;
	int i;

	out[n++] = 0x1b;
	out[n++] = '[';
	if (q->leader != 0)
		out[n++] = q->leader;
	for (i = 0; i < q->count; i++) {
		if (i > 0)
			out[n++] = ';';
		if (q->parameters[i] >= 1000)
			out[n++] = (char)('0' + q->parameters[i] / 1000);
		if (q->parameters[i] >= 100)
			out[n++] = (char)('0' + q->parameters[i] / 100 % 10);
		if (q->parameters[i] >= 10)
			out[n++] = (char)('0' + q->parameters[i] / 10 % 10);
		if (q->parameters[i] >= 0)
			out[n++] = (char)('0' + q->parameters[i] % 10);
	}
	out[n++] = final;
	screen_write(s, out, n);
}

static bool sequence_mode_is_known(char leader, int mode)
{
	if (leader == 0)
		return mode == 4 || mode == 20;
	return mode == 6 || mode == 7 || mode == 25 || mode == 1047 ||
	       mode == 1048 || mode == 1049;
}

/* libvterm looks at the first mode of a sequence only. */
static void sequence_modes(struct screen *s, const struct sequence_parts *q,
			   char final)
{
	struct sequence_parts one = { .leader = q->leader, .count = 1 };
	int i;

	for (i = 0; i < q->count; i++) {
		one.parameters[0] = q->parameters[i] == 47 ? 1047
							   : q->parameters[i];
		if (q->leader == '?' && one.parameters[0] == 1)
			s->application = final == 'h';
		if (sequence_mode_is_known(q->leader, one.parameters[0]))
			sequence_write(s, &one, final);
	}
}

static void sequence_repeat(struct screen *s, int count)
{
	count = count < 1 ? 1 : count;
	count = count > SCREEN_REPEAT_MAX ? SCREEN_REPEAT_MAX : count;
	if (s->marks > 0)
		return;
	while (s->last_len > 0 && count-- > 0)
		screen_write(s, s->last, s->last_len);
}

/* CUP names a place; far outside it asks for the size of the terminal. */
static void sequence_note_place(struct screen *s, const struct sequence_parts *q)
{
	int row = q->parameters[0], col = q->count > 1 ? q->parameters[1] : 1;

	if (row > SCREEN_ROWS_MAX || col > SCREEN_COLS_MAX)
		return;
	if (row > s->wanted_rows)
		s->wanted_rows = row;
	if (col > s->wanted_cols)
		s->wanted_cols = col;
}

static void sequence_end(struct screen *s, char final)
{
	struct sequence_parts q;

	if (s->sequence_bad || !sequence_read(s, &q))
		return;
	if (q.leader == 0 && (final == 'H' || final == 'f'))
		sequence_note_place(s, &q);
	if (final == 'h' || final == 'l')
		sequence_modes(s, &q, final);
	else if (final == 'b' && q.leader == 0)
		sequence_repeat(s, q.parameters[0]);
	else if (q.leader == 0 && final == 's')
		screen_write(s, "\033" "7", 2);	/* as ANSI.SYS has it */
	else if (q.leader == 0 && final == 'u')
		screen_write(s, "\033" "8", 2);
	else if (strchr(q.leader == 0 ? "@ABCDEFGHIJKLMPSTXZ`adefgjkmr" : "JK",
			final) != NULL)
		sequence_write(s, &q, final);
}

/* ESC and one byte. */
static void sequence_two(struct screen *s, char c)
{
	const char bytes[2] = { 0x1b, c };

	if (strchr("78=>DEHMc", c) == NULL)
		return;
	if (c == 'c') {
		s->last_len = 0;
		s->application = false;
	}
	screen_write(s, bytes, sizeof(bytes));
}

/* ESC, intermediates and one byte: character sets, and a screen of E. */
static void sequence_many(struct screen *s, char c)
{
	const char bytes[3] = { 0x1b, s->sequence[0], c };

	if (s->sequence_bad || s->sequence_len != 1)
		return;
	if ((strchr("()*+", bytes[1]) != NULL && strchr("0AB", c) != NULL) ||
	    (bytes[1] == '#' && c == '8'))
		screen_write(s, bytes, sizeof(bytes));
}

static void sequence_add(struct screen *s, char c)
{
	if (s->sequence_len < sizeof(s->sequence))
		s->sequence[s->sequence_len++] = c;
	else
		s->sequence_bad = true;
}

static void sequence_begin(struct screen *s)
{
	s->sequence_len = 0;
	s->sequence_bad = false;
}

/* ---- the door ------------------------------------------------------------------ */

/* Text and its usual controls, which libvterm may have as they are. */
static bool screen_is_plain(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r';
}

static size_t screen_plain_len(const unsigned char *b, size_t len)
{
	size_t n = 0;

	while (n < len && screen_is_plain(b[n]))
		n++;
	return n;
}

/* REP repeats the last character of a run, whatever controls are behind it. */
static void screen_remember(struct screen *s, const unsigned char *b, size_t len)
{
	while (len > 0 && b[len - 1] < 0x20)
		len--;
	if (len == 0)
		return;
	s->last[0] = (char)b[len - 1];
	s->last_len = 1;
	s->marks = 0;
}

static void screen_feed_plain(struct screen *s, const unsigned char *b,
			      size_t len)
{
	screen_remember(s, b, len);
	screen_write(s, b, len);
}

/* Outside of any sequence, and no plain text. */
static void screen_feed_given(struct screen *s, unsigned char c)
{
	if (c >= 0x80)
		screen_feed_high(s, c);
	else if (screen_is_plain(c))
		screen_feed_plain(s, &c, 1);
	else if (c >= '\b' && c <= 0x0f)
		screen_write(s, &c, 1);
}

static void screen_feed_byte(struct screen *s, unsigned char c)
{
	int before = s->state;

	if (s->utf8_len > 0 && (c & 0xc0) != 0x80)
		screen_give_up_utf8(s);
	if (s->utf8_len > 0) {
		screen_feed_high(s, c);
		return;
	}
	switch (escape_step(&s->state, &s->string_len, c)) {
	case ESCAPE_GIVE:
		screen_feed_given(s, c);
		break;
	case ESCAPE_TWO:
		sequence_two(s, (char)c);
		break;
	case ESCAPE_MANY:
		sequence_many(s, (char)c);
		break;
	case ESCAPE_CSI_BEGIN:
		sequence_begin(s);
		break;
	case ESCAPE_CSI_PART:
		sequence_add(s, (char)c);
		break;
	case ESCAPE_CSI_END:
		sequence_end(s, (char)c);
		break;
	case ESCAPE_NONE:
		if (s->state == ESCAPE_ESC && before != ESCAPE_ESC)
			sequence_begin(s);
		else if (s->state == ESCAPE_INTER && c >= 0x20 && c < 0x30)
			sequence_add(s, (char)c);
		break;
	}
}

void screen_feed(struct screen *s, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	size_t i = 0, n;

	while (i < len) {
		n = 0;
		if (s->state == ESCAPE_GROUND && s->utf8_len == 0)
			n = screen_plain_len(b + i, len - i < SCREEN_PIECE
							    ? len - i
							    : SCREEN_PIECE);
		if (n > 0) {
			screen_feed_plain(s, b + i, n);
			i += n;
		} else {
			screen_feed_byte(s, b[i++]);
		}
	}
}
