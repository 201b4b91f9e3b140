/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen on a person's terminal: what is painted makes the same cells on
 * another terminal, whatever was drawn, and no byte of it but text and the few
 * sequences of paint.h (promise 6). The terminal here is a screen of ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/console/paint.h"
#include "agent/console/view.h"
#include "base/deadline.h"
#include "base/vis.h"

#define FEED(s, text) screen_feed(s, text, sizeof(text) - 1)
#define VFEED(v, text) view_feed(v, text, sizeof(text) - 1)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define SEEDS 5000

/* ---- only our own sequences ------------------------------------------------------- */

/* The length of the sequence at p, one of paint.h; 0: it is another one. */
static size_t sequence_len(const char *p)
{
	size_t n = 2;
	bool mode;

	if (p[0] != '\033' || p[1] != '[')
		return 0;
	mode = p[n] == '?';
	n += mode + strspn(p + n + mode, mode ? "0123456789" : "0123456789;");
	if (mode)
		return (strncmp(p + 3, "7", 1) == 0 && n == 4) ||
				       (strncmp(p + 3, "25", 2) == 0 && n == 5) ||
				       (strncmp(p + 3, "1049", 4) == 0 && n == 7)
			       ? (p[n] == 'h' || p[n] == 'l' ? n + 1 : 0)
			       : 0;
	return p[n] != '\0' && strchr("HGKJm", p[n]) != NULL ? n + 1 : 0;
}

static bool turns_text(const char *utf8, size_t len)
{
	static const char *const marks[] = {
		"\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6",
		"\xe2\x81\xa9", "\xe2\x80\x8f", "\xd8\x9c",
	};
	size_t i;

	for (i = 0; i < COUNT(marks); i++) {
		if (strlen(marks[i]) == len && memcmp(utf8, marks[i], len) == 0)
			return true;
	}
	return false;
}

/* lines: CR and LF may stand there too. */
static void assert_ours(const struct buffer *out, bool lines)
{
	const char *p = buffer_text(out), *end = p + out->len;
	size_t n;

	while (p < end) {
		if (*p == '\033') {
			n = sequence_len(p);
			if (n == 0)
				fail_msg("a foreign sequence: ESC %.10s", p + 1);
		} else {
			n = vis_utf8_len(p, (size_t)(end - p), NULL);
			if (n == 0 || (n == 1 && (*p < 0x20 || *p == 0x7f) &&
				       !(lines && (*p == '\r' || *p == '\n'))) ||
			    (n == 2 && (unsigned char)p[0] == 0xc2 &&
			     (unsigned char)p[1] < 0xa0) ||
			    turns_text(p, n))
				fail_msg("a control: 0x%02x", (unsigned char)*p);
		}
		p += n;
	}
}

/* ---- cells ----------------------------------------------------------------------------- */

/* What is seen of a cell, the columns up to `to` are seen. */
static struct screen_cell seen(const struct screen *s, int row, int col, int to)
{
	const struct screen_cell *cells = screen_cells(s, row);
	struct screen_cell c = cells[col];
	bool left = (c.attributes & SCREEN_WIDE) != 0;
	bool whole = left && col + 1 < to &&
		     (cells[col + 1].attributes & SCREEN_WIDE_END) != 0;

	if (screen_cell_is_blank(&c) || (left && !whole))
		c.c = ' ';
	if ((c.c >= 0x2066 && c.c <= 0x2069) || c.c == 0x061c)
		c.c = 0xfffd;	/* the others have no width, and no cell */
	c.attributes &= SCREEN_BOLD | SCREEN_REVERSE | SCREEN_UNDERLINE |
			SCREEN_BLINK;
	if (c.c == ' ' &&
	    (c.attributes & (SCREEN_REVERSE | SCREEN_UNDERLINE)) == 0) {
		c.attributes = 0;
		c.fg = SCREEN_DEFAULT;
	}
	return c;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* The terminal shows the part of the screen; the line is not looked at. */
static void assert_painted(const struct paint *p, const struct screen *s,
			   const struct screen *t, bool line, unsigned seed)
{
	int rows = least(screen_rows(s), screen_rows(t) - line), cols;
	int top, left, row, col;
	struct screen_cell a, b;

	paint_part(p, &top, &left);
	cols = least(screen_cols(s) - left, screen_cols(t));
	for (row = 0; row < rows; row++) {
		for (col = 0; col < cols; col++) {
			a = seen(s, top + row, left + col, left + cols);
			b = seen(t, row, col, screen_cols(t));
			if (memcmp(&a, &b, sizeof(a)) != 0)
				fail_msg("seed %u, row %d, column %d: U+%04X %x %x "
					 "%x, want U+%04X %x %x %x", seed, row,
					 col, b.c, b.attributes, b.fg, b.bg, a.c,
					 a.attributes, a.fg, a.bg);
		}
	}
	screen_cursor(s, &row, &col);
	row -= top;
	col -= left;
	if (screen_cursor_is_hidden(s) || row < 0 || row >= screen_rows(t) ||
	    col < 0 || col >= screen_cols(t)) {
		assert_true(screen_cursor_is_hidden(t));
		return;
	}
	assert_false(screen_cursor_is_hidden(t));
	screen_cursor(t, &top, &left);
	assert_int_equal(top, row);
	assert_int_equal(left, col);
}

/* ---- random screens --------------------------------------------------------------------- */

static uint32_t chance;

static int any(int below)
{
	chance = chance * 1664525 + 1013904223;
	return (int)((chance >> 8) % (uint32_t)below);
}

static void draw_sequence(struct screen *s)
{
	static const char finals[] = "@ABCDEFGHIJKLMPSTXZ`adefgrmmmmmmmHHHH";
	char text[64];

	snprintf(text, sizeof(text), "\033[%d;%d%c", any(30), any(90),
		 finals[any(sizeof(finals) - 1)]);
	screen_feed(s, text, strlen(text));
}

static void draw_text(struct screen *s)
{
	static const char *const texts[] = {
		"login: ", "a", "Press F1", " ", "\xe6\xbc\xa2\xe5\xad\x97",
		"\xf0\x9f\x90\xa7", "\xe2\x94\x80\xe2\x94\x82\xe2\x95\x94",
		"\xda\xc4\xbf", "e\xcc\x81", "\xcc\x81", "\xe2\x80\xae" "evil",
		"\xc2\xa0", "\xe2\x80\x8b", "\xe2\x81\xa9" "x", "\r\n", "\n", "\t", "\b", "\r",
		"\033(0lqqk\033(B", "\033[7m", "\033[0m", "\033[31;42m",
		"\033[1;4;5;97;101m", "\033[38;5;200;48;2;1;2;3m", "\033[2J",
		"\033[H", "\033[?25l", "\033[?25h", "\033[?1049h",
		"\033[?1049l", "\033[?6h", "\033[?6l", "\033[4h", "\033[4l",
		"\033[?7l", "\033[?7h", "\0337", "\0338", "\033M", "\033D",
		"\033]0;title\a", "\033c", "\033[99;80Hx", "\033[;80Hyz",
		"\xe2\x80\x8f\xef\xbb\xbf", "\xed\xa0\x80",
	};
	const char *text = texts[any(COUNT(texts))];

	screen_feed(s, text, strlen(text));
}

static void draw(struct screen *s)
{
	char bytes[40];
	int n = any(30), i;

	for (; n > 0; n--) {
		switch (any(8)) {
		case 0:
			for (i = 0; i < (int)sizeof(bytes); i++)
				bytes[i] = (char)any(256);
			screen_feed(s, bytes, (size_t)any(sizeof(bytes)));
			break;
		case 1:
		case 2:
			draw_sequence(s);
			break;
		default:
			draw_text(s);
		}
	}
}

static void draw_seed(unsigned seed)
{
	struct screen *s, *t;
	struct paint *p = paint_new();
	struct buffer out = { 0 };
	bool line, begun = false;
	int rows, cols, n;

	chance = seed * 2654435761u + 1;
	s = screen_new(4 + any(30), 20 + any(90));
	rows = 4 + any(40);
	cols = 20 + any(100);
	t = screen_new(rows, cols);
	paint_size(p, rows, cols);
	for (n = any(8); n >= 0; n--) {
		draw(s);
		line = any(2) == 0;
		buffer_clear(&out);
		if (!begun)
			paint_begin(p, &out);
		begun = true;
		if (any(5) == 0)
			paint_move_part(p, s, any(3) - 1, 0);
		if (any(9) == 0)
			paint_move_part(p, s, 0, 0);
		paint_frame(p, s, line ? "what \033]0;x\a is seen" : "", &out);
		assert_ours(&out, false);
		screen_feed(t, out.data, out.len);
		if (!line || rows > screen_rows(s))
			assert_painted(p, s, t, line && rows <= screen_rows(s),
				       seed);
	}
	buffer_release(&out);
	screen_free(s);
	screen_free(t);
	paint_free(p);
}

static void any_screen_is_painted_as_it_is(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < SEEDS; seed++)
		draw_seed(seed);
}

/* ---- by hand ------------------------------------------------------------------------------- */

static void frame(struct paint *p, const struct screen *s, const char *line,
		  struct buffer *out)
{
	buffer_clear(out);
	paint_frame(p, s, line, out);
}

static void only_what_differs_is_painted(void **state)
{
	struct screen *s = screen_new(25, 80);
	struct paint *p = paint_new();
	struct buffer out = { 0 };

	(void)state;
	paint_size(p, 30, 100);
	paint_begin(p, &out);
	assert_string_equal(buffer_text(&out), "\033[?1049h\033[?7l");
	FEED(s, "\033[2;3Hab\033[7mcd\033[0m\033[H");
	frame(p, s, NULL, &out);
	assert_string_equal(buffer_text(&out),
			    "\033[?25l\033[0m\033[2J\033[2;3Hab\033[0;7mcd"
			    "\033[1;1H\033[?25h");
	frame(p, s, NULL, &out);
	assert_string_equal(buffer_text(&out), "");
	FEED(s, "\033[2;4HX");
	frame(p, s, NULL, &out);
	assert_string_equal(buffer_text(&out),
			    "\033[?25l\033[2;4H\033[0mX\033[?25h");
	FEED(s, "\033[2J");
	frame(p, s, NULL, &out);
	assert_string_equal(buffer_text(&out), "\033[?25l\033[2;3H\033[K"
					       "\033[2;5H\033[?25h");
	buffer_release(&out);
	paint_free(p);
	screen_free(s);
}

static void the_line_stands_below_or_over_the_last_row(void **state)
{
	struct screen *s = screen_new(4, 20), *t = screen_new(6, 30);
	struct paint *p = paint_new();
	struct buffer out = { 0 };

	(void)state;
	FEED(s, "1\r\n2\r\n3\r\n4");
	paint_size(p, 6, 30);
	assert_true(paint_has_room(p, s));
	frame(p, s, "a \xc3\xa9\xe6\xbc\xa2\033[31m", &out);
	screen_feed(t, out.data, out.len);
	assert_string_equal(screen_text(t, NULL), "1\n2\n3\n4\na \xc3\xa9??[31m");
	assert_int_equal(screen_cell(t, 4, 0)->attributes, SCREEN_REVERSE);
	paint_size(p, 4, 30);
	assert_false(paint_has_room(p, s));
	assert_false(paint_is_smaller(p, s));
	screen_free(t);
	t = screen_new(4, 30);
	frame(p, s, "line", &out);
	screen_feed(t, out.data, out.len);
	assert_string_equal(screen_text(t, NULL), "1\n2\n3\nline");
	frame(p, s, "", &out);
	screen_feed(t, out.data, out.len);
	assert_string_equal(screen_text(t, NULL), "1\n2\n3\n4");
	buffer_release(&out);
	paint_free(p);
	screen_free(s);
	screen_free(t);
}

static void a_small_terminal_follows_the_cursor(void **state)
{
	struct screen *s = screen_new(25, 80);
	struct paint *p = paint_new();
	struct buffer out = { 0 };
	int top, left;

	(void)state;
	paint_size(p, 10, 40);
	assert_true(paint_is_smaller(p, s));
	FEED(s, "\033[20;66Htext");
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(top, 10);
	assert_int_equal(left, 40);
	FEED(s, "\033[15;46Htext");
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(top, 10);
	assert_int_equal(left, 40);
	FEED(s, "\033[15;37Htex");
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(left, 0);
	paint_move_part(p, s, 0, 1);
	FEED(s, "\033[25;76Htext");
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(top, 15);
	assert_int_equal(left, 20);
	paint_move_part(p, s, -1, 0);
	paint_move_part(p, s, -1, 0);
	paint_move_part(p, s, 0, -1);
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(top, 5);
	assert_int_equal(left, 0);
	paint_move_part(p, s, 0, 0);
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(top, 15);
	assert_int_equal(left, 40);
	/* parked at the edge of a box, behind an entry */
	FEED(s, "\033[22;2H|*Memory test\033[22;79H|\033[22;78H");
	frame(p, s, "", &out);
	paint_part(p, &top, &left);
	assert_int_equal(top, 15);
	assert_int_equal(left, 0);
	buffer_release(&out);
	paint_free(p);
	screen_free(s);
}

/* ---- the view ----------------------------------------------------------------------------- */

static void view_out(struct view *v, int64_t now, struct screen *t)
{
	struct buffer out = { 0 };

	view_tick(v, now, &out);
	assert_ours(&out, false);
	screen_feed(t, buffer_text(&out), out.len);
	buffer_release(&out);
}

static void assert_row(struct screen *t, int row, const char *want)
{
	struct buffer text = { 0 };

	screen_row(t, row, &text);
	assert_string_equal(buffer_text(&text), want);
	buffer_release(&text);
}

static void the_view_says_what_is_seen(void **state)
{
	struct view *v = view_new("ldap1", 0, 0);
	struct screen *t = screen_new(30, 100);
	struct buffer out = { 0 };

	(void)state;
	view_size(v, 1000, 30, 100);
	VFEED(v, "GNU GRUB");
	assert_true(view_deadline(v) == DEADLINE_NEVER);
	view_tick(v, 1000, &out);
	assert_int_equal(out.len, 0);
	view_show(v, 1000, "~. leaves", &out);
	screen_feed(t, out.data, out.len);
	assert_int_equal(view_deadline(v), 1000);
	view_out(v, 1000, t);
	assert_row(t, 0, "GNU GRUB");
	assert_row(t, 25, " ldap1: screen of 80x25; ~. leaves");
	/* at its pace */
	VFEED(v, "!");
	assert_int_equal(view_deadline(v), 1025);
	view_out(v, 1010, t);
	assert_row(t, 0, "GNU GRUB");
	view_out(v, 1025, t);
	assert_row(t, 0, "GNU GRUB!");
	/* a message goes by itself */
	view_say(v, 2000, "break sent");
	view_out(v, 2000, t);
	assert_row(t, 25, " break sent");
	assert_int_equal(view_deadline(v), 7000);
	view_out(v, 7000, t);
	assert_row(t, 25, " ldap1: screen of 80x25; ~. leaves");
	/* or by the next key */
	view_say(v, 7100, "break sent");
	view_out(v, 7100, t);
	assert_row(t, 25, " break sent");
	view_typed(v);
	view_out(v, 7200, t);
	assert_row(t, 25, " ldap1: screen of 80x25; ~. leaves");
	/* a host that draws further */
	VFEED(v, "\033[31;100H");
	view_out(v, 8000, t);
	assert_row(t, 25, " ldap1: screen of 80x25, but the host draws on "
			  "100x31; ~. leaves");
	buffer_clear(&out);
	view_hide(v, &out);
	assert_ours(&out, true);
	assert_non_null(strstr(buffer_text(&out), "\033[?1049lGNU GRUB!\r\n"));
	assert_false(view_is_shown(v));
	buffer_release(&out);
	view_free(v);
	screen_free(t);
}

static void a_window_that_is_too_small_says_so(void **state)
{
	struct view *v = view_new("ldap1", 25, 80);
	struct screen *t = screen_new(10, 60);
	struct buffer out = { 0 };

	(void)state;
	view_size(v, 0, 10, 60);
	view_show(v, 0, "~. leaves", &out);
	screen_feed(t, out.data, out.len);
	VFEED(v, "\033[20;1Hhere");
	view_out(v, 0, t);
	assert_row(t, 9, " Window below 80x25: it follows the cursor; ~h ~j ~k ~l move");
	view_out(v, 5000, t);
	assert_row(t, 9, "here");
	/* it grows */
	screen_free(t);
	t = screen_new(26, 80);
	view_size(v, 6000, 26, 80);
	view_out(v, 6000, t);
	assert_row(t, 19, "here");
	assert_row(t, 25, " ldap1: screen of 80x25; ~. leaves");
	buffer_release(&out);
	view_free(v);
	screen_free(t);
}

/* Whoever comes late sees what is there now; half a sequence is left out. */
static void what_came_before_makes_the_screen(void **state)
{
	struct view *v = view_new("ldap1", 25, 80);
	struct screen *t = screen_new(26, 80);
	struct buffer out = { 0 };
	int i;

	(void)state;
	VFEED(v, "\033[2J\033[1;1Hold");
	for (i = 0; i < 5000; i++)
		VFEED(v, "\033[12;1Hnumber and a much longer line "
			     "behind it that goes on\r\n");
	VFEED(v, "\033[3;1Hnew");
	view_size(v, 0, 26, 80);
	view_show(v, 0, "", &out);
	screen_feed(t, out.data, out.len);
	view_out(v, 0, t);
	assert_row(t, 0, "");
	assert_row(t, 2, "new");
	assert_row(t, 11, "number and a much longer line behind it that goes on");
	assert_row(t, 12, "");
	buffer_clear(&out);
	view_hide(v, &out);
	VFEED(v, "\033[4;1Hnewer");
	view_show(v, 0, "", &out);
	screen_feed(t, out.data, out.len);
	view_out(v, 100, t);
	assert_row(t, 3, "newer");
	buffer_release(&out);
	view_free(v);
	screen_free(t);
}

/* A prompt goes on where it was; behind a menu a new line begins. */
static void what_was_seen_stays_as_lines(void **state)
{
	struct screen *s = screen_new(25, 80);
	struct buffer out = { 0 };

	(void)state;
	paint_rows(s, &out);
	assert_string_equal(buffer_text(&out), "");
	FEED(s, "\r\nDebian\xe2\x80\xae\xe2\x81\xa6\r\n\r\nlogin: ");
	paint_rows(s, &out);
	assert_string_equal(buffer_text(&out), "\r\nDebian\xef\xbf\xbd\r\n\r\n"
					       "login:\r\033[8G");
	buffer_clear(&out);
	FEED(s, "\033[2J\033[3;1H\xe6\xbc\xa2x\033[1;1H");
	paint_rows(s, &out);
	assert_string_equal(buffer_text(&out), "\r\n\r\n\xe6\xbc\xa2x\r\n");
	buffer_release(&out);
	screen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_screen_is_painted_as_it_is),
		cmocka_unit_test(only_what_differs_is_painted),
		cmocka_unit_test(the_line_stands_below_or_over_the_last_row),
		cmocka_unit_test(a_small_terminal_follows_the_cursor),
		cmocka_unit_test(the_view_says_what_is_seen),
		cmocka_unit_test(a_window_that_is_too_small_says_so),
		cmocka_unit_test(what_came_before_makes_the_screen),
		cmocka_unit_test(what_was_seen_stays_as_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
