/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Menus on screens that real firmware and boot loaders drew (tests/screens:
 * the bytes of their serial consoles under QEMU), and on made ones: which entry
 * is highlighted, and where others are.
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

#include "agent/console/menu.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FEED(s, text) screen_feed(s, text, sizeof(text) - 1)

static char bytes[64 * 1024];

static size_t load(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/screens/%s",
		 srcdir != NULL ? srcdir : ".", name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("%s can't be read", path);
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_in_range(len, 1, sizeof(bytes) - 1);
	return len;
}

/* "row: text" of the highlighted entry, or "none". */
static const char *lit(struct screen *s, const struct menu_look *then)
{
	static char said[200];
	struct buffer text = { 0 };
	struct menu_place place;

	if (!menu_find_lit(s, then, &place))
		return "none";
	menu_text(s, &place, &text);
	snprintf(said, sizeof(said), "%d: %s", place.row, buffer_text(&text));
	buffer_release(&text);
	return said;
}

static size_t entries(struct screen *s, const char *pattern, unsigned flags,
		      struct menu_place *ret, size_t max)
{
	struct match_pattern *p = match_compile(pattern, strlen(pattern), flags,
						NULL);
	size_t count;

	assert_non_null(p);
	count = menu_find_entries(s, p, ret, max);
	match_free(p);
	return count;
}

/* As before a key: what is highlighted is known. */
static void take_look(const struct screen *s, struct menu_look *look)
{
	struct menu_look then = *look;

	menu_take_look(s, look);
	look->has_lit = menu_find_lit(s, &then, &look->lit);
}

struct moment {
	size_t at;	/* behind so many bytes, where the program was quiet */
	const char *lit;
};

static void check_moments(struct screen *s, const char *name,
			  const struct moment *moments, size_t count,
			  size_t piece)
{
	static struct menu_look look;
	size_t len = load(name), at = 0, n, i;

	screen_clear(s);
	menu_take_look(s, &look);
	for (i = 0; i < count; i++) {
		assert_true(moments[i].at <= len);
		for (; at < moments[i].at; at += n) {
			n = moments[i].at - at < piece ? moments[i].at - at
						       : piece;
			screen_feed(s, bytes + at, n);
		}
		if (strcmp(lit(s, &look), moments[i].lit) != 0)
			fail_msg("%s at %zu, in pieces of %zu: got \"%s\", want "
				 "\"%s\"", name, at, piece, lit(s, &look),
				 moments[i].lit);
		take_look(s, &look);
	}
}

/* A menu longer than the screen, Down each time. */
static void grub(void **state)
{
	static const struct moment moments[] = {
		{ 2200, "4: Debian GNU/Linux" },
		{ 2397, "5: Advanced options for Debian GNU/Linux" },
		{ 2594, "6: Old kernel 01" },
		{ 2791, "7: Old kernel 02" },
		{ 2988, "8: Old kernel 03" },
		{ 4393, "15: Old kernel 10" },
		{ 5609, "15: Old kernel 11" },
		{ 6825, "15: Old kernel 12" },
	};
	struct screen *s = screen_new(25, 80);
	struct menu_place places[8];
	size_t piece;

	(void)state;
	for (piece = 1; piece < 40; piece++)
		check_moments(s, "grub.bytes", moments, COUNT(moments), piece);
	assert_int_equal(entries(s, "kernel 0[67]", 0, places, 8), 2);
	assert_int_equal(places[0].row, 9);
	assert_int_equal(places[1].row, 10);
	assert_int_equal(menu_text_begin(s, &places[0]), 3);
	assert_false(menu_is_whole(s, &places[0]));
	assert_int_equal(entries(s, "^Old kernel 0[67]$", 0, places, 8), 2);
	assert_int_equal(entries(s, "^.Old kernel 06 +.$", 0, places, 8), 0);
	assert_int_equal(entries(s, "^ .. *Old kernel 06 +.$", 0, places, 8), 1);
	assert_int_equal(entries(s, "Old kernel 12", MATCH_LITERAL, places, 8), 1);
	assert_true(menu_is_whole(s, &places[0]));
	screen_free(s);
}

/* Cut in two at every byte the screen is the same. */
static void grub_cut_everywhere(void **state)
{
	struct screen *whole = screen_new(25, 80), *s = screen_new(25, 80);
	size_t len = load("grub.bytes"), cut;

	(void)state;
	screen_feed(whole, bytes, len);
	for (cut = 0; cut < len; cut++) {
		screen_clear(s);
		screen_feed(s, bytes, cut);
		screen_feed(s, bytes + cut, len - cut);
		assert_string_equal(screen_text(s, NULL),
				    screen_text(whole, NULL));
		assert_string_equal(lit(s, NULL), "15: Old kernel 12");
	}
	screen_free(whole);
	screen_free(s);
}

/*
 * UEFI setup on a serial line draws 80x50, in code page 437: the front page
 * (a highlighted value), Down twice, Enter, and Down in a menu of one entry.
 */
static void ovmf(void **state)
{
	static const struct moment moments[] = {
		{ 14745, "7: <Standard English>" },
		{ 16407, "9: Device Manager" },
		{ 18070, "10: Boot Manager" },
		{ 26928, "7: EFI Internal Shell" },
		{ 28176, "7: EFI Internal Shell" },
	};
	static const char top[] =
		"\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x80";
	struct screen *s = screen_new(50, 80);
	struct menu_place places[8], place;

	(void)state;
	check_moments(s, "ovmf.bytes", moments, COUNT(moments), 1);
	check_moments(s, "ovmf.bytes", moments, COUNT(moments), 1000);
	assert_int_equal(strncmp(screen_text(s, NULL), top, strlen(top)), 0);
	/* The title, a heading, and a line of help are not the entry. */
	assert_int_equal(entries(s, "Boot Manager", 0, places, 8), 3);
	assert_true(menu_find_lit(s, NULL, &place));
	assert_false(menu_is_lit(s, &place, &places[0]));
	assert_int_equal(entries(s, "Shell", 0, places, 8), 1);
	assert_true(menu_is_lit(s, &place, &places[0]));
	screen_free(s);
}

/* An entry whose value is highlighted is highlighted. */
static void ovmf_form(void **state)
{
	struct screen *s = screen_new(50, 80);
	struct menu_place places[8], place;

	(void)state;
	load("ovmf.bytes");
	screen_feed(s, bytes, 14745);
	assert_true(menu_find_lit(s, NULL, &place));
	assert_int_equal(entries(s, "Select Language", MATCH_LITERAL, places, 8), 1);
	assert_true(menu_is_lit(s, &place, &places[0]));
	assert_true(menu_is_whole(s, &places[0]));
	assert_int_equal(entries(s, "Device Manager", 0, places, 8), 1);
	assert_false(menu_is_lit(s, &place, &places[0]));
	screen_free(s);
}

/* A list with numbers has no highlight. */
static void seabios(void **state)
{
	struct screen *s = screen_new(25, 80);
	struct menu_place places[8];
	size_t len = load("seabios.bytes");

	(void)state;
	screen_feed(s, bytes, len);
	assert_string_equal(lit(s, NULL), "none");
	assert_int_equal(entries(s, "^\\d\\. iPXE", 0, places, 8), 1);
	assert_int_equal(places[0].row, 14);
	screen_free(s);
}

/* A menu in colours, by way of the BIOS' own terminal; Down twice. */
static void ipxe(void **state)
{
	static const struct moment moments[] = {
		{ 2823, "3: First disk" },
		{ 3011, "4: Second disk" },
		{ 3199, "5: Resce system" },
	};
	struct screen *s = screen_new(25, 80);
	struct menu_place places[8];
	size_t piece;

	(void)state;
	for (piece = 1; piece < 40; piece++)
		check_moments(s, "ipxe.bytes", moments, COUNT(moments), piece);
	assert_int_equal(entries(s, "^(First|Second) disk$", 0, places, 8), 2);
	assert_true(menu_is_whole(s, &places[1]));
	screen_free(s);
}

/*
 * A list keeps a pale bar where its buttons have the focus. Down twice, Tab to the
 * buttons, Right, Tab to the list, and Down, which does nothing at its end.
 */
static void whiptail(void **state)
{
	static const struct moment moments[] = {
		{ 3425, "9: a Alpha" }, { 3479, "10: b Beta" },
		{ 3529, "11: c Gamma" }, { 3566, "15: <Ok>" },
		{ 3612, "15: <Cancel>" }, { 3661, "11: c Gamma" },
		{ 3661, "11: c Gamma" },
	};
	struct screen *s = screen_new(25, 80);
	struct menu_place places[8], place;
	size_t piece;

	(void)state;
	for (piece = 1; piece < 40; piece++)
		check_moments(s, "whiptail.bytes", moments, COUNT(moments), piece);
	screen_clear(s);
	screen_feed(s, bytes, 3566);
	assert_int_equal(entries(s, "Ok", 0, places, 8), 1);
	place = places[0];
	assert_true(menu_is_button(s, &place));
	assert_int_equal(entries(s, "Cancel", 0, &places[1], 7), 1);
	/* The one beside it is not its value. */
	assert_false(menu_is_lit(s, &places[1], &places[0]));
	assert_int_equal(entries(s, "Alpha", 0, places, 8), 1);
	assert_false(menu_is_button(s, &places[0]));
	screen_free(s);
}

/*
 * An entry is two bars with a gap, in the colour of the ground, and a button is one
 * as well: only what changes tells which. Down twice, Tab to the other button.
 */
static void dialog(void **state)
{
	static const struct moment moments[] = {
		{ 2449, "9: a  Alpha" }, { 2578, "10: b  Beta" },
		{ 2707, "11: c  Gamma" }, { 2835, "16: <Cancel>" },
		{ 2979, "16: <  OK  >" },
	};
	struct screen *s = screen_new(25, 80);
	struct menu_place places[8], lit;
	size_t piece;

	(void)state;
	for (piece = 1; piece < 40; piece++)
		check_moments(s, "dialog.bytes", moments, COUNT(moments), piece);
	screen_clear(s);
	screen_feed(s, bytes, 2707);
	assert_int_equal(entries(s, "Gamma", 0, places, 8), 1);
	lit = places[0];
	assert_false(menu_is_overruled(s, &lit));
	screen_feed(s, bytes + 2707, 2835 - 2707);
	assert_true(menu_is_overruled(s, &lit));
	screen_feed(s, bytes + 2835, 2979 - 2835);
	assert_false(menu_is_overruled(s, &lit));
	screen_free(s);
}

/* Buttons on the last row with text are sure, and Right and Left move. */
static void dialog_yesno(void **state)
{
	static const struct moment moments[] = {
		{ 1483, "14: < Yes >" }, { 1667, "14: < No  >" },
		{ 1868, "14: < Yes >" },
	};
	struct screen *s = screen_new(25, 80);
	struct menu_place place;

	(void)state;
	check_moments(s, "dialog-yesno.bytes", moments, COUNT(moments), 1);
	assert_true(menu_find_lit(s, NULL, &place));
	assert_true(menu_is_sure(s, &place));
	screen_free(s);
}

/* ---- made ones ------------------------------------------------------------------ */

static void other_highlights(void **state)
{
	static const struct {
		const char *bytes;
		const char *lit;
	} cases[] = {
		{ "", "none" },
		{ "login: ", "none" },
		{ "root@host:~# ls\r\na b c\r\nroot@host:~# ", "none" },
		/* a title and a status line that are bars too */
		{ "\033[7m Setup \033[m\r\n\r\n one\r\n\033[7m two \033[m\r\n three"
		  "\r\n\r\n\033[7m F10 saves \033[m", "3: two" },
		/* another background than the ground, on both sides */
		{ "\033[44m\033[2J\033[3;3Hone\033[4;3H\033[47mtwo\033[44m"
		  "\033[5;3Hthree", "3: two" },
		/* only bold */
		{ "\033[3;3Hone\033[4;3H\033[1mtwo\033[m\033[5;3Hthree", "3: two" },
		/* only another colour */
		{ "\033[3;3H\033[37mone\033[4;3H\033[34mtwo\033[37m"
		  "\033[5;3Hthree", "3: two" },
		/* markers */
		{ "  one\r\n> two\r\n  three", "1: two" },
		{ "  one\r\n* two\r\n  three", "1: two" },
		{ " one\r\n*two\r\n three", "1: two" },
		{ "| one |\r\n|*two |\r\n| three |", "1: two" },
		{ "  one\r\n\xe2\x96\xba two\r\n  three", "1: two" },
		{ "  one\r\n\x10 two\r\n\x1a\r\n  three", "none" },
		/* a marker at each entry marks none */
		{ "> one\r\n> two\r\n> three", "none" },
		/* two bars: which of them? */
		{ "x\r\n\r\n\033[7mone\033[m\r\n\r\n\033[7mtwo\033[m\r\n\r\nx", "none" },
	};
	struct screen *s = screen_new(25, 80);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		screen_clear(s);
		screen_feed(s, cases[i].bytes, strlen(cases[i].bytes));
		if (strcmp(lit(s, NULL), cases[i].lit) != 0)
			fail_msg("\"%s\": got \"%s\", want \"%s\"", cases[i].bytes,
				 lit(s, NULL), cases[i].lit);
	}
	screen_free(s);
}

/* Of two bars it is the one that came with the key. */
static void what_changed_is_the_highlight(void **state)
{
	static struct menu_look look;
	struct screen *s = screen_new(25, 80);

	(void)state;
	FEED(s, "x\r\n\r\n\033[7mtitle\033[m\r\n\r\none\r\n\033[7mtwo\033[m"
		"\r\nthree\r\n\r\nx");
	assert_string_equal(lit(s, NULL), "none");
	menu_take_look(s, &look);
	assert_int_equal(menu_changed_rows(s, &look), 0);
	FEED(s, "\033[6;1Htwo\033[7;1H\033[7mthree\033[m");
	assert_string_equal(lit(s, &look), "6: three");
	assert_int_equal(menu_changed_rows(s, &look), 0);
	assert_true(menu_row_changed(s, &look, 5));
	assert_false(menu_row_changed(s, &look, 4));
	FEED(s, "\033[9;1Hmore");
	assert_int_equal(menu_changed_rows(s, &look), 1);
	screen_free(s);
}

/* What became of a list; `now` has a letter for each row. */
static enum menu_turn turn(const char *before, const char *now, int *ret_by)
{
	static struct menu_list lists[2];
	const char *rows[] = { before, now };
	int i, row;

	for (i = 0; i < 2; i++) {
		memset(&lists[i], 0, sizeof(lists[i]));
		lists[i].top = 4;
		lists[i].bottom = 3 + (int)strlen(rows[i]);
		for (row = 0; rows[i][row] != '\0'; row++)
			lists[i].text[4 + row] = (uint64_t)rows[i][row];
	}
	return menu_compare_lists(&lists[0], &lists[1], ret_by);
}

static void lists_are_compared(void **state)
{
	static const struct {
		const char *now;
		enum menu_turn turn;
		int by;
	} cases[] = {
		{ "abcdef", MENU_TURN_NONE, 0 },
		{ "bcdefg", MENU_TURN_SCROLLED, 1 },
		{ "defghi", MENU_TURN_SCROLLED, 3 },
		{ "fghijk", MENU_TURN_SCROLLED, 5 },
		{ "zabcde", MENU_TURN_SCROLLED, -1 },
		{ "uvwxya", MENU_TURN_SCROLLED, -5 },
		{ "ghijkl", MENU_TURN_PAGE, 0 },
		/* a value, two that changed places, one that was moved to the end */
		{ "abcdeX", MENU_TURN_ODD, 0 },
		{ "Xbcdef", MENU_TURN_ODD, 0 },
		{ "abcdfe", MENU_TURN_ODD, 0 },
		{ "bcdefa", MENU_TURN_ODD, 0 },
		{ "fabcde", MENU_TURN_ODD, 0 },
		{ "ghibkl", MENU_TURN_ODD, 0 },
		{ "ghijk", MENU_TURN_ODD, 0 },
	};
	size_t i;
	int by;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		if (turn("abcdef", cases[i].now, &by) != cases[i].turn ||
		    (cases[i].turn == MENU_TURN_SCROLLED && by != cases[i].by))
			fail_msg("%s: %d, by %d", cases[i].now,
				 (int)turn("abcdef", cases[i].now, &by), by);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grub),
		cmocka_unit_test(grub_cut_everywhere),
		cmocka_unit_test(ovmf),
		cmocka_unit_test(ovmf_form),
		cmocka_unit_test(seabios),
		cmocka_unit_test(ipxe),
		cmocka_unit_test(whiptail),
		cmocka_unit_test(dialog),
		cmocka_unit_test(dialog_yesno),
		cmocka_unit_test(lists_are_compared),
		cmocka_unit_test(other_highlights),
		cmocka_unit_test(what_changed_is_the_highlight),
	};

	return cmocka_run_group_tests_name("menu", tests, NULL, NULL);
}
