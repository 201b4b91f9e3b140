/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `select` and `on screen` of the machine, in virtual time, before menus that
 * react as real ones do: which entry was entered is the menu's own truth, not
 * what the machine says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sequence/machine.h"
#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"

#define BEGIN 1000000
#define ENTRIES_MAX 64

enum menu_style { STYLE_REVERSE = 0, STYLE_COLOUR, STYLE_INK, STYLE_MARKER };

/* What PgDn does. */
enum menu_page { PAGE_NONE = 0, PAGE_MOVES, PAGE_CHANGES, PAGE_SWAPS,
		 PAGE_LEAVES };

/* A menu as a boot loader has it. */
struct fake_menu {
	const char *title;
	const char *help;
	const char *entries[ENTRIES_MAX];
	bool skipped[ENTRIES_MAX];	/* a heading: the highlight goes over it */
	int count;
	int shown;			/* rows */
	enum menu_style style;
	bool wraps;
	bool application;		/* wants ESC O B, as ncurses does */
	enum menu_page page;
	int page_rows;			/* 0: shown */
	const char *values;		/* behind each entry */
	bool side_by_side;
	const struct fake_menu *next;	/* behind Enter; NULL: it boots */
};

struct world {
	struct machine_config config;
	struct sequence *s;
	struct machine *m;
	int64_t now;
	const struct fake_menu *menu;	/* NULL: none is shown */
	int lit;
	int top;
	int64_t reaction_ms;
	int swallow;			/* so many keys are lost */
	size_t slow;			/* bytes in 10 ms; 0: all at once */
	int64_t spins;			/* something turns at this time; 0 never */
	bool dead;			/* no key does anything */
	int split;
	struct buffer out;		/* on its way to us */
	int64_t out_at;
	struct buffer entered;		/* which entries, one behind the other */
	struct buffer log;
	int keys;
	int pages;			/* PgDn and PgUp among them */
	bool changed;			/* one of them did harm */
	bool off;
	bool over;
	enum verdict verdict;
	char reason[1024];
};

/* ---- the menu ------------------------------------------------------------------ */

static void paint_entry(struct world *w, int index, int row)
{
	static const char *const on[] = { "\033[7m", "\033[0;37;44m",
					  "\033[1;37m", "" };
	static const char *const off[] = { "\033[m", "\033[0;30;47m",
					   "\033[0;37m", "" };
	const struct fake_menu *menu = w->menu;
	bool lit = index == w->lit;

	if (menu->side_by_side) {
		buffer_printf(&w->out, "\033[4;%dH%s %s \033[m", 3 + index * 15,
			      lit ? on[menu->style] : off[menu->style],
			      menu->entries[index]);
		return;
	}
	buffer_printf(&w->out, "\033[%d;3H%s%s%-40s\033[m", row,
		      lit ? on[menu->style] : off[menu->style],
		      menu->style == STYLE_MARKER ? (lit ? "> " : "  ") : " ",
		      w->changed && lit && menu->page == PAGE_CHANGES
			      ? "[Disabled]" : menu->entries[index]);
	if (menu->values != NULL)
		buffer_printf(&w->out, "\033[%d;50H%s", row, menu->values);
}

static void paint(struct world *w)
{
	const struct fake_menu *menu = w->menu;
	int i;

	buffer_append_text(&w->out, menu->style == STYLE_COLOUR
					    ? "\033[0;30;47m\033[2J\033[H"
					    : "\033[m\033[2J\033[H");
	if (menu->application)
		buffer_append_text(&w->out, "\033[?1h");
	buffer_printf(&w->out, "\033[1;20H%s", menu->title);
	for (i = 0; i < menu->shown && w->top + i < menu->count; i++)
		paint_entry(w, w->top + i, 4 + i);
	if (menu->help != NULL)
		buffer_printf(&w->out, "\033[22;3H%s", menu->help);
}

static void send(struct world *w)
{
	w->out_at = w->now + w->reaction_ms;
}

static void show(struct world *w, const struct fake_menu *menu)
{
	w->menu = menu;
	w->lit = w->top = 0;
	paint(w);
	send(w);
}

static void move(struct world *w, int by)
{
	const struct fake_menu *menu = w->menu;
	int from = w->lit, to = w->lit, top = w->top;

	do {
		to += by;
		if (menu->wraps)
			to = (to + menu->count) % menu->count;
		if (to < 0 || to >= menu->count)
			return;
	} while (menu->skipped[to]);
	w->lit = to;
	if (to < w->top)
		w->top = to;
	if (to >= w->top + menu->shown)
		w->top = to - menu->shown + 1;
	if (w->top != top) {
		paint(w);
	} else {
		paint_entry(w, from, 4 + from - top);
		paint_entry(w, to, 4 + to - top);
	}
}

static void enter(struct world *w)
{
	buffer_printf(&w->entered, "%s%s", w->entered.len > 0 ? " > " : "",
		      w->menu->entries[w->lit]);
	if (w->menu->next != NULL) {
		show(w, w->menu->next);
		return;
	}
	w->menu = NULL;
	buffer_append_text(&w->out, "\033[m\033[2J\033[HLoading ...\r\n");
}

/* It leaves, changes a value, moves an entry: as setups do. */
static void page_harm(struct world *w)
{
	static struct fake_menu copy;

	w->changed = true;
	copy = *w->menu;
	if (copy.page == PAGE_SWAPS && w->lit + 1 < copy.count) {
		copy.entries[w->lit] = w->menu->entries[w->lit + 1];
		copy.entries[w->lit + 1] = w->menu->entries[w->lit];
		w->menu = &copy;
		w->lit++;
		w->top++;
	}
	if (copy.page == PAGE_LEAVES) {
		copy.title = "Setup";
		memcpy(copy.entries, (const char *const[]){
			"Save", "Save as", "Load", "Exit", "Old kernel 33",
			"Main", "Boot", "Security" }, 8 * sizeof(char *));
		copy.count = copy.shown = 8;
		w->lit = w->top = 0;
		w->menu = &copy;
	}
	paint(w);
}

static void page(struct world *w, int by)
{
	const struct fake_menu *menu = w->menu;
	int rows = menu->page_rows > 0 ? menu->page_rows : menu->shown;
	int to = w->lit + by * rows;

	w->pages++;
	if (menu->page == PAGE_NONE)
		return;
	if (menu->page != PAGE_MOVES) {
		page_harm(w);
		return;
	}
	to = to < 0 ? 0 : to >= menu->count ? menu->count - 1 : to;
	w->top += to - w->lit;
	w->top = w->top < 0 ? 0 : w->top > menu->count - menu->shown
		? menu->count - menu->shown : w->top;
	w->lit = to;
	paint(w);
}

static void press(struct world *w, const char *bytes, size_t len)
{
	bool side = w->menu != NULL && w->menu->side_by_side;
	char normal[] = "\033[B";

	if (w->menu != NULL && w->menu->application && len == 3) {
		assert_memory_equal(bytes, "\033O", 2);
		normal[2] = bytes[2];
		bytes = normal;
	}
	w->keys++;
	if (w->dead || w->menu == NULL)
		return;
	if (w->swallow > 0) {
		w->swallow--;
		return;
	}
	if (len == 3 && memcmp(bytes, side ? "\033[C" : "\033[B", 3) == 0)
		move(w, 1);
	else if (len == 3 && memcmp(bytes, side ? "\033[D" : "\033[A", 3) == 0)
		move(w, -1);
	else if (len == 4 && memcmp(bytes, "\033[6~", 4) == 0)
		page(w, 1);
	else if (len == 4 && memcmp(bytes, "\033[5~", 4) == 0)
		page(w, -1);
	else if (len == 1 && *bytes == '\r')
		enter(w);
	send(w);
}

/* ---- the world -------------------------------------------------------------------- */

static void world_do(struct world *w, const struct machine_action *a)
{
	struct machine_outcome outcome = { 0 };

	if (a->what == MACHINE_EVENT)
		buffer_printf(&w->log, "%s %s\n", machine_event_name(a->event),
			      a->text);
	if (a->what == MACHINE_COLLECT)
		buffer_printf(&w->log, "collected [%s]\n", machine_screen(w->m));
	if (a->what == MACHINE_WRITE)
		press(w, a->bytes, a->len);
	if (a->what == MACHINE_POWER_ACT)
		w->off = a->act == DRIVER_ACT_OFF;
	outcome.state = w->off ? DRIVER_POWER_OFF : DRIVER_POWER_ON;
	if (a->what == MACHINE_END) {
		w->over = true;
		w->verdict = a->verdict;
		snprintf(w->reason, sizeof(w->reason), "%s", a->text);
	}
	if (a->id != 0)
		machine_done(w->m, w->now, a->id, &outcome);
}

static void world_take(struct world *w)
{
	struct machine_action a;

	for (machine_next(w->m, &a); a.what != MACHINE_NONE;
	     machine_next(w->m, &a))
		world_do(w, &a);
}

static void world_deliver(struct world *w)
{
	struct buffer out = w->out;
	size_t at, n;

	memset(&w->out, 0, sizeof(w->out));
	for (at = 0; at < out.len; at += n) {
		n = w->split > 0 && out.len - at > (size_t)w->split
			    ? (size_t)w->split : out.len - at;
		machine_feed(w->m, w->now, out.data + at, n);
		world_take(w);
	}
	buffer_release(&out);
}

/* What the line carries in 10 ms. */
static void world_deliver_slowly(struct world *w)
{
	char bytes[64];
	size_t n = w->slow < w->out.len ? w->slow : w->out.len;

	memcpy(bytes, w->out.data, n);
	buffer_drop(&w->out, n);
	w->out_at = w->now + 10;
	machine_feed(w->m, w->now, bytes, n);
}

static void world_spin(struct world *w)
{
	static const char *const turns[] = { "\0337\033[24;70H|\0338",
					     "\0337\033[24;70H/\0338" };
	const char *turn = turns[w->spins / 30 % 2];

	w->now = w->spins;
	w->spins += 30;
	machine_feed(w->m, w->now, turn, strlen(turn));
}

static void world_run(struct world *w)
{
	int64_t due;
	int steps;

	for (steps = 0; !w->over; steps++) {
		assert_true(steps < 100000);
		world_take(w);
		due = machine_deadline(w->m);
		if (w->spins > 0 && w->spins <= due &&
		    (w->out.len == 0 || w->spins < w->out_at)) {
			world_spin(w);
		} else if (w->slow > 0 && w->out.len > 0 && w->out_at <= due) {
			w->now = w->out_at > w->now ? w->out_at : w->now;
			world_deliver_slowly(w);
		} else if (w->out.len > 0 && w->out_at <= due) {
			w->now = w->out_at > w->now ? w->out_at : w->now;
			world_deliver(w);
		} else if (!w->over) {
			w->now = due > w->now ? due : w->now;
			machine_tick(w->m, w->now);
		}
	}
}

static void world_init(struct world *w, const char *state)
{
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	struct ini *ini;

	memset(w, 0, sizeof(*w));
	w->now = BEGIN;
	w->reaction_ms = 20;
	buffer_printf(&text, "[sequence]\nneeds = power console\ndeadline = 20m\n"
		      "start = menu\n%s\n", state);
	ini = ini_read("x.ini", text.data, text.len, &problems);
	w->s = sequence_parse(ini, "x", NULL, &problems);
	if (w->s == NULL)
		fail_msg("line %d: %s", problems.list[0].line,
			 problems.list[0].text);
	ini_free(ini);
	problems_release(&problems);
	buffer_release(&text);
	w->config = (struct machine_config){
		.sequence = w->s, .terminal = KEYS_VT100, .enter = "\r",
		.key_delay_ms = 30, .power_ways = 1, .has_console = true,
		.deadline = BEGIN + 20 * 60 * 1000,
		.min_off_ms = 5000, .confirm_ms = 60000,
	};
}

static void world_begin(struct world *w)
{
	w->m = machine_new(&w->config);
	machine_begin(w->m, w->now);
	machine_attached(w->m, w->now);
}

static void world_release(struct world *w)
{
	machine_free(w->m);
	sequence_free(w->s);
	buffer_release(&w->out);
	buffer_release(&w->entered);
	buffer_release(&w->log);
}

/* ---- menus that are walked ---------------------------------------------------------- */

static const struct fake_menu kernels = {
	.title = "GNU GRUB  version 2.06",
	.help = "Press enter to boot the selected Linux, or e to edit",
	.entries = { "Debian GNU/Linux", "Advanced options for Debian GNU/Linux",
		     "Linux 6.1", "Linux 6.1 (recovery mode)", "Linux 5.10",
		     "Linux 5.10 (recovery mode)", "Memory test" },
	.count = 7,
	.shown = 7,
};

static const struct fake_menu *long_menu(enum menu_style style, bool wraps)
{
	static struct fake_menu menu;
	static char names[40][32];
	int i;

	menu = (struct fake_menu){ .title = "Boot", .count = 40, .shown = 8,
				   .style = style, .wraps = wraps };
	for (i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "Old kernel %02d", i + 1);
		menu.entries[i] = names[i];
	}
	return &menu;
}

#define SELECT(what) \
	"[state menu]\ndo = select " what "\nthen = recovered"

/* Runs the state before the menu; returns what was entered. */
static const char *walk(struct world *w, const char *state,
			const struct fake_menu *menu)
{
	world_init(w, state);
	world_begin(w);
	show(w, menu);
	world_run(w);
	return buffer_text(&w->entered);
}

static void assert_walks(const char *state, const struct fake_menu *menu,
			 const char *want)
{
	struct world w;
	const char *got = walk(&w, state, menu);

	if (strcmp(got, want) != 0 || w.verdict != VERDICT_RECOVERED)
		fail_msg("%s: entered \"%s\", want \"%s\": %s %s\n%s", state, got,
			 want, verdict_name(w.verdict), w.reason,
			 buffer_text(&w.log));
	world_release(&w);
}

static void assert_fails(const char *state, const struct fake_menu *menu,
			 const char *why)
{
	struct world w;

	walk(&w, state, menu);
	assert_string_equal(buffer_text(&w.entered), "");
	assert_int_equal(w.verdict, VERDICT_FAILED);
	/* Once through the menu, and back to its beginning. */
	assert_in_range(w.keys, 0, 2 * menu->count + 4);
	if (strstr(w.reason, why) == NULL)
		fail_msg("%s: said \"%s\", want \"%s\"", state, w.reason, why);
	world_release(&w);
}

static void it_enters_the_entry_asked_for(void **state)
{
	(void)state;
	assert_walks(SELECT("/Linux 5.10$/"), &kernels, "Linux 5.10");
	assert_walks(SELECT("/6.1 .recovery/"), &kernels,
		     "Linux 6.1 (recovery mode)");
	assert_walks(SELECT("/Memory/"), &kernels, "Memory test");
	/* Already highlighted: no key but Enter. */
	assert_walks(SELECT("/^Debian/"), &kernels, "Debian GNU/Linux");
	assert_walks(SELECT("/^Linux [0-9.]+$/"), &kernels, "Linux 6.1");
}

/* A highlight that is seen for a moment only gets no Enter. */
static void a_screen_that_changes_gets_no_enter(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SELECT("Linux 5.10"));
	world_begin(&w);
	show(&w, &kernels);
	buffer_clear(&w.out);
	w.lit = 4;
	paint(&w);
	world_deliver(&w);
	w.lit = 0;
	paint(&w);
	w.out_at = w.now + 100;
	world_run(&w);
	assert_string_equal(buffer_text(&w.entered), "Linux 5.10");
	world_release(&w);
}

static void a_literal_is_the_whole_entry(void **state)
{
	(void)state;
	assert_walks(SELECT("Linux 5.10"), &kernels, "Linux 5.10");
	assert_walks(SELECT("\"Linux 6.1\""), &kernels, "Linux 6.1");
	assert_walks(SELECT("Debian GNU/Linux"), &kernels, "Debian GNU/Linux");
	assert_fails(SELECT("Linux"), &kernels, "the menu has no such entry");
}

static void keys_are_those_that_it_asks_for(void **state)
{
	struct fake_menu menu = kernels, buttons = {
		.title = "Save changes and exit?", .side_by_side = true,
		.help = "Esc goes back", .application = true,
		.entries = { "Yes", "No", "Cancel" }, .count = 3, .shown = 3,
	};

	(void)state;
	menu.application = true;
	assert_walks(SELECT("Linux 5.10"), &menu, "Linux 5.10");
	assert_walks(SELECT("Cancel"), &buttons, "Cancel");
}

static void every_kind_of_highlight_is_seen(void **state)
{
	struct fake_menu menu = kernels;

	(void)state;
	for (menu.style = STYLE_REVERSE; menu.style <= STYLE_MARKER; menu.style++)
		assert_walks(SELECT("Linux 5.10"), &menu, "Linux 5.10");
}

static void long_menus_are_scrolled(void **state)
{
	enum menu_style style;

	(void)state;
	for (style = STYLE_REVERSE; style <= STYLE_MARKER; style++) {
		assert_walks(SELECT("Old kernel 33"), long_menu(style, false),
			     "Old kernel 33");
		assert_walks(SELECT("Old kernel 40"), long_menu(style, true),
			     "Old kernel 40");
	}
	assert_fails(SELECT("Old kernel 77"), long_menu(STYLE_REVERSE, false),
		     "the menu has no such entry");
	assert_fails(SELECT("Old kernel 77"), long_menu(STYLE_REVERSE, true),
		     "the menu has no such entry");
}

static void paged(struct world *w, const char *entry, const struct fake_menu *menu)
{
	char state[200];

	snprintf(state, sizeof(state), SELECT("%s"), entry);
	walk(w, state, menu);
}

static void long_menus_are_paged(void **state)
{
	enum menu_style style;
	struct fake_menu menu;
	struct world w;
	int rows;

	(void)state;
	for (style = STYLE_REVERSE; style <= STYLE_MARKER; style++) {
		for (rows = 1; rows <= 8; rows++) {
			menu = *long_menu(style, rows % 2);
			menu.page = PAGE_MOVES;
			menu.page_rows = rows;
			paged(&w, "Old kernel 38", &menu);
			if (strcmp(buffer_text(&w.entered), "Old kernel 38") != 0)
				fail_msg("%d, %d rows: %s\n%s", (int)style, rows,
					 buffer_text(&w.log), machine_screen(w.m));
			assert_in_range(w.pages, 1, 30);
			if (rows == 8)
				assert_in_range(w.keys, 10, 26);
			world_release(&w);
			/* What is not there is looked for everywhere. */
			paged(&w, "Old kernel 77", &menu);
			assert_string_equal(buffer_text(&w.entered), "");
			assert_non_null(strstr(w.reason, "has no such entry"));
			world_release(&w);
		}
	}
	/* A page that passes entries by: they are found on the way back. */
	menu = *long_menu(STYLE_REVERSE, false);
	menu.page = PAGE_MOVES;
	menu.page_rows = 14;
	paged(&w, "Old kernel 17", &menu);
	assert_string_equal(buffer_text(&w.entered), "Old kernel 17");
	world_release(&w);
	/* It does nothing there: the arrows go on, and it is not tried again. */
	menu.page = PAGE_NONE;
	paged(&w, "Old kernel 38", &menu);
	assert_string_equal(buffer_text(&w.entered), "Old kernel 38");
	assert_int_equal(w.pages, 1);
	world_release(&w);
}

/* A value is changed, an entry is moved, the menu is left: no Enter, and it is said. */
static void pages_that_change_something_are_given_up(void **state)
{
	struct fake_menu menu;
	enum menu_page what;
	struct world w;

	(void)state;
	for (what = PAGE_CHANGES; what <= PAGE_LEAVES; what++) {
		menu = *long_menu(STYLE_REVERSE, false);
		menu.page = what;
		paged(&w, "Old kernel 33", &menu);
		if (w.entered.len > 0 || !w.changed)
			fail_msg("%d: entered %s: %s", (int)what,
				 buffer_text(&w.entered), buffer_text(&w.log));
		assert_int_equal(w.verdict, VERDICT_FAILED);
		assert_int_equal(w.pages, 1);
		if (strstr(w.reason, "PgDn changed texts") == NULL)
			fail_msg("%d: %s", (int)what, w.reason);
		world_release(&w);
	}
}

/* Where it could change something, it is not pressed, and the arrows do. */
static void setups_are_not_paged(void **state)
{
	static const char *const helps[] = {
		"PU/PD/+/-: Value  F10: Save", "F5/F6 Change Values",
		"+/- Change Opt.", "PgUp/PgDn: Modify", "Move Up",
	};
	struct fake_menu menu = *long_menu(STYLE_REVERSE, false);
	struct world w;
	size_t i;

	(void)state;
	menu.page = PAGE_CHANGES;
	for (i = 0; i < 8; i++) {
		menu.help = i < 5 ? helps[i] : "Enter boots";
		menu.values = i == 5 ? "[Enabled]" : i == 6 ? "12:00" : NULL;
		menu.application = i == 7;
		paged(&w, "Old kernel 33", &menu);
		assert_string_equal(buffer_text(&w.entered), "Old kernel 33");
		assert_int_equal(w.pages, 0);
		assert_false(w.changed);
		world_release(&w);
	}
	/* A menu that is scrolled a little is walked. */
	menu.help = NULL;
	menu.application = false;
	paged(&w, "Old kernel 12", &menu);
	assert_string_equal(buffer_text(&w.entered), "Old kernel 12");
	assert_int_equal(w.pages, 0);
	world_release(&w);
}

static void headings_are_no_entries(void **state)
{
	struct fake_menu menu = {
		.title = "Boot",
		.help = "Rescue is the second one",
		.entries = { "Linux", "Rescue", "Linux 2", "Rescue", "Exit" },
		.skipped = { false, true, false, false, false },
		.count = 5,
		.shown = 5,
	};

	(void)state;
	assert_walks(SELECT("Rescue"), &menu, "Rescue");
	assert_walks(SELECT("/Rescue/"), &menu, "Rescue");
	menu.count = 3;
	assert_fails(SELECT("/Rescue/"), &menu, "the menu has no such entry");
}

/* A title that is called as the entry is, in a bar: never Enter for it. */
static void a_title_is_not_the_entry(void **state)
{
	struct fake_menu menu = {
		.title = "\033[7mBoot Manager\033[m", .style = STYLE_INK,
		.entries = { "Device Manager", "Reset", "Boot Manager", "Exit" },
		.count = 4, .shown = 4,
	};
	struct world w;

	(void)state;
	assert_walks(SELECT("Boot Manager"), &menu, "Boot Manager");
	assert_walks(SELECT("Reset"), &menu, "Reset");
	menu.style = STYLE_REVERSE;
	assert_walks(SELECT("Boot Manager"), &menu, "Boot Manager");
	menu.style = STYLE_INK;
	/* Already highlighted, but by its colour alone: it is tried. */
	assert_walks(SELECT("Device Manager"), &menu, "Device Manager");
	menu.entries[2] = "Other";
	world_init(&w, SELECT("Boot Manager"));
	world_begin(&w);
	show(&w, &menu);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	assert_string_equal(buffer_text(&w.entered), "");
	world_release(&w);
	menu.count = 2;
	world_init(&w, SELECT("Boot Manager"));
	w.dead = true;
	world_begin(&w);
	show(&w, &menu);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	assert_non_null(strstr(w.reason, "no highlighted entry can be made out"));
	world_release(&w);
}

/* The highlight is on the first row of the screen, without a title. */
static void a_menu_without_a_title_is_walked(void **state)
{
	struct fake_menu menu = kernels;

	(void)state;
	menu.title = "";
	menu.help = NULL;
	assert_walks(SELECT("Debian GNU/Linux"), &menu, "Debian GNU/Linux");
	assert_walks(SELECT("Memory test"), &menu, "Memory test");
}

static void nested_menus_are_walked(void **state)
{
	static const struct fake_menu shells = {
		.title = "Boot Manager", .style = STYLE_COLOUR,
		.entries = { "UEFI PXE", "UEFI Shell" }, .count = 2, .shown = 2,
	};
	static const struct fake_menu front = {
		.title = "Setup", .style = STYLE_COLOUR,
		.entries = { "Device Manager", "Boot Manager", "Reset" },
		.count = 3, .shown = 3, .next = &shells,
	};

	(void)state;
	assert_walks(SELECT("Boot Manager > UEFI Shell"), &front,
		     "Boot Manager > UEFI Shell");
	assert_walks(SELECT("/Boot M/ > \"UEFI PXE\""), &front,
		     "Boot Manager > UEFI PXE");
}

static void it_is_the_same_however_it_comes(void **state)
{
	struct world w;
	int split;

	(void)state;
	for (split = 0; split < 40; split++) {
		world_init(&w, SELECT("Old kernel 12"));
		w.split = split;
		w.reaction_ms = split * 20;
		world_begin(&w);
		show(&w, long_menu(STYLE_REVERSE, false));
		world_run(&w);
		assert_string_equal(buffer_text(&w.entered), "Old kernel 12");
		world_release(&w);
	}
}

static void entries_side_by_side_are_walked(void **state)
{
	struct fake_menu menu = {
		.title = "Save changes and exit?", .side_by_side = true,
		.help = "Esc goes back",
		.entries = { "Yes", "No", "Cancel" }, .count = 3, .shown = 3,
	};

	(void)state;
	assert_walks(SELECT("Cancel"), &menu, "Cancel");
	assert_walks(SELECT("Yes"), &menu, "Yes");
	menu.style = STYLE_COLOUR;
	assert_walks(SELECT("No"), &menu, "No");
}

/* 9600 baud: painting takes seconds, and no key goes out twice for it. */
static void a_slow_line_is_waited_for(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SELECT("Old kernel 12"));
	w.slow = 1;
	world_begin(&w);
	show(&w, long_menu(STYLE_COLOUR, false));
	world_run(&w);
	assert_string_equal(buffer_text(&w.entered), "Old kernel 12");
	assert_int_equal(w.keys, 12);
	world_release(&w);
}

/* Something turns on the screen, and it is never quiet. */
static void a_busy_screen_is_no_hindrance(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SELECT("Linux 5.10"));
	w.spins = BEGIN + 1;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_string_equal(buffer_text(&w.entered), "Linux 5.10");
	assert_int_equal(w.keys, 5);
	assert_in_range(w.now - BEGIN, 0, 15000);
	world_release(&w);
	world_init(&w, SELECT("Linux 5.10"));
	w.spins = BEGIN + 1;
	w.dead = true;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	assert_non_null(strstr(w.reason, "the menu does not react to keys"));
	assert_in_range(w.now - BEGIN, 0, SEQUENCE_SELECT_MS);
	world_release(&w);
}

/* The first key of a new SOL session is lost. */
static void a_lost_key_is_typed_again(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SELECT("Linux 5.10"));
	w.swallow = 1;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_string_equal(buffer_text(&w.entered), "Linux 5.10");
	world_release(&w);
	world_init(&w, SELECT("Debian GNU/Linux"));
	w.swallow = 1;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_string_equal(buffer_text(&w.entered), "Debian GNU/Linux");
	assert_int_equal(w.keys, 2);
	world_release(&w);
}

/* I04: input is ignored. A handful of keys, and a sentence. */
static void a_dead_menu_is_given_up(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, SELECT("Linux 5.10"));
	w.dead = true;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	assert_string_equal(w.reason, "select Linux 5.10: the menu does not react "
			    "to keys; highlighted is \"Debian GNU/Linux\"");
	assert_in_range(w.keys, 1, 4);
	assert_in_range(w.now - BEGIN, 0, 20000);
	world_release(&w);
	world_init(&w, SELECT("Debian GNU/Linux"));
	w.dead = true;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_non_null(strstr(w.reason, "Enter has no effect"));
	world_release(&w);
}

static void without_a_menu_nothing_is_typed(void **state)
{
	static const char *const screens[] = {
		"", "login: ", "\033[1;30r\033[2J", "Linux 5.10\r\nLinux 6.1\r\n$ ",
	};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		world_init(&w, SELECT("Linux 5.10"));
		world_begin(&w);
		machine_feed(w.m, w.now, screens[i], strlen(screens[i]));
		world_run(&w);
		assert_int_equal(w.verdict, VERDICT_FAILED);
		assert_non_null(strstr(w.reason, "the screen shows no menu with "
						 "such an entry"));
		assert_int_equal(w.keys, 0);
		world_release(&w);
	}
	/* The words are there, but nothing can be highlighted: never Enter. */
	world_init(&w, SELECT("Linux 5.10"));
	world_begin(&w);
	machine_feed(w.m, w.now, screens[3], strlen(screens[3]));
	w.menu = &kernels;
	w.dead = true;
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	assert_string_equal(buffer_text(&w.entered), "");
	world_release(&w);
}

static void the_timeout_of_the_state_holds(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "[state menu]\ndo = select Linux 5.10\nthen = recovered\n"
		       "timeout = 3s -> needs-hands \"no keys\"");
	w.dead = true;
	world_begin(&w);
	show(&w, &kernels);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_NEEDS_HANDS);
	assert_in_range(w.now - BEGIN, 3000, 3100);
	world_release(&w);
}

static void what_was_typed_is_told(void **state)
{
	struct world w;

	(void)state;
	walk(&w, SELECT("Linux 5.10"), &kernels);
	assert_non_null(strstr(buffer_text(&w.log), "typed Down*4 Enter\n"));
	assert_non_null(strstr(buffer_text(&w.log), "selected Linux 5.10"));
	world_release(&w);
}

/* ---- rules on the screen -------------------------------------------------------------- */

#define RULE(rule) \
	"[state menu]\ntimeout = 1m -> failed \"not seen\"\n" rule

static void feed(struct world *w, int64_t after, const char *bytes)
{
	w->now += after;
	machine_tick(w->m, w->now);
	machine_feed(w->m, w->now, bytes, strlen(bytes));
	world_take(w);
}

/* C01: the firmware writes the one cell that has changed. */
static void a_rule_sees_what_a_person_sees(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, RULE("on screen = /F12 for PXE boot/ -> recovered"));
	world_begin(&w);
	feed(&w, 10, "Press F12 for PXX boot");
	feed(&w, 100, "\033[1;17HE");
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_string_equal(w.reason, "saw \"Press F12 for PXE boot\"");
	assert_int_equal(w.now - BEGIN, 160);
	world_release(&w);
	world_init(&w, RULE("on = /F12 for PXE boot/ -> recovered"));
	world_begin(&w);
	feed(&w, 10, "Press F12 for PXX boot");
	feed(&w, 100, "\033[1;17HE");
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	world_release(&w);
}

static void rows_are_matched_together_too(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, RULE("on screen = /^No disk\\n+ *Press F1$/ -> recovered"));
	world_begin(&w);
	feed(&w, 10, "\033[4;5HPress F1\033[2;1HNo disk");
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_string_equal(w.reason, "saw \"No disk Press F1\"");
	world_release(&w);
}

/* What is half painted is not looked at, what says that it is complete is. */
static void it_looks_when_the_screen_is_complete(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, RULE("on screen = /Boot$/ -> recovered"));
	world_begin(&w);
	feed(&w, 10, "Boot");
	feed(&w, 30, " failed");
	feed(&w, 100, "\033[?25l\033[2J\033[HBo");
	assert_false(w.over);
	feed(&w, 1, "ot\033[?25h");
	assert_true(w.over);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	world_release(&w);
}

static void a_busy_screen_is_looked_at(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_init(&w, RULE("on screen = /Insert disk/ -> recovered"));
	world_begin(&w);
	feed(&w, 10, "\033[5;1HInsert disk");
	for (i = 0; i < 60 && !w.over; i++)
		feed(&w, 10, i % 2 == 0 ? "\033[1;1H|" : "\033[1;1H-");
	assert_true(w.over);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_in_range(i, 45, 55);
	world_release(&w);
}

static int count(const struct world *w, const char *text)
{
	const char *at = buffer_text(&w->log);
	int n = 0;

	while ((at = strstr(at, text)) != NULL) {
		at += strlen(text);
		n++;
	}
	return n;
}

static void it_fires_when_it_becomes_true(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, RULE("on screen = /Retry/ : note \"once\""));
	world_begin(&w);
	feed(&w, 10, "Retry");
	feed(&w, 100, "\033[5;1Hmore");
	feed(&w, 100, "\033[6;1Hmore");
	feed(&w, 100, "");
	assert_int_equal(count(&w, "note once"), 1);
	feed(&w, 100, "\033[2J");
	feed(&w, 100, "\033[HRetry");
	feed(&w, 100, "\033[5;1Hmore");
	assert_int_equal(count(&w, "note once"), 2);
	world_run(&w);
	world_release(&w);
}

/* What is shown already when a state is entered is not missed. */
static void a_new_state_looks_at_what_is_shown(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "[state menu]\ntimeout = 5s -> later\n"
		       "[state later]\ntimeout = 1m -> failed \"not seen\"\n"
		       "on screen = \"Setup\" -> recovered");
	world_begin(&w);
	feed(&w, 10, "Setup");
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_int_equal(w.now - BEGIN, 5000);
	world_release(&w);
}

static void what_was_there_before_never_triggers(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "[state menu]\ndo = power cycle\nthen = later\n"
		       "[state later]\ntimeout = 1m -> failed \"not seen\"\n"
		       "on screen = \"Setup\" -> recovered");
	w.m = machine_new(&w.config);
	machine_begin(w.m, w.now);
	machine_attached(w.m, w.now);
	machine_feed(w.m, w.now, "Setup", 5);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	assert_string_equal(w.reason, "not seen");
	world_release(&w);
	world_init(&w, RULE("on screen = \"Setup\" -> recovered"));
	world_begin(&w);
	feed(&w, 10, "Setup");
	machine_lost(w.m, w.now + 10);
	machine_attached(w.m, w.now + 20);
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_FAILED);
	world_release(&w);
}

/* A rule that selects is not begun anew by what its own keys paint. */
static void one_select_at_a_time(void **state)
{
	static const struct fake_menu inner = {
		.title = "GNU GRUB", .entries = { "Linux 1", "Linux 2" },
		.count = 2, .shown = 2,
	};
	struct fake_menu outer = kernels;
	int i;

	(void)state;
	outer.next = &inner;
	outer.title = "GNU GRUB";
	for (i = 0; i < 2; i++)
		assert_walks(i == 0 ? RULE("on screen = /GNU GRUB/ : select /^Adv/ > "
					   "Linux 2 -> recovered")
				    : RULE("on = /GNU GRUB/ : select /^Adv/ > "
					   "Linux 2 -> recovered"),
			     &outer,
			     "Advanced options for Debian GNU/Linux > Linux 2");
}

static void collect_screen_gives_what_is_shown(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "[state menu]\ndo = wait 1s, collect screen\n"
		       "then = recovered");
	world_begin(&w);
	feed(&w, 10, "\033[2;3Hno disk\033[1;1Htop");
	world_run(&w);
	assert_int_equal(count(&w, "collected [top\n  no disk]\n"), 1);
	world_release(&w);
}

static void the_size_is_of_the_host(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, RULE("on screen = /\\n{40}down here/ -> recovered"));
	w.config.rows = 50;
	w.config.cols = 80;
	world_begin(&w);
	feed(&w, 10, "\033[41;1Hdown here");
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	assert_int_equal(count(&w, "note the console draws"), 0);
	world_release(&w);
	world_init(&w, RULE("on screen = /\\n{40}down here/ -> recovered"));
	world_begin(&w);
	feed(&w, 10, "\033[41;1Hdown here");
	feed(&w, 10, "\033[42;1Hdown here");
	assert_int_equal(count(&w, "note the console draws on a screen of at "
			       "least 80x41, and is read on one of 80x25"), 1);
	assert_int_equal(count(&w, "note the console draws"), 1);
	world_release(&w);
	world_init(&w, RULE("on screen = /\\n{40}down here/ -> recovered"));
	world_begin(&w);
	machine_screen_size(w.m, 50, 80);
	feed(&w, 10, "\033[41;1Hdown here");
	world_run(&w);
	assert_int_equal(w.verdict, VERDICT_RECOVERED);
	world_release(&w);
}

/* Only consoles that something looks at are rendered. */
static void the_rest_is_not_rendered(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, RULE("on = /x/ -> recovered"));
	world_begin(&w);
	assert_null(machine_screen(w.m));
	machine_screen_size(w.m, 50, 80);
	feed(&w, 10, "x");
	assert_true(w.over);
	assert_null(machine_screen(w.m));
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_enters_the_entry_asked_for),
		cmocka_unit_test(a_screen_that_changes_gets_no_enter),
		cmocka_unit_test(a_literal_is_the_whole_entry),
		cmocka_unit_test(keys_are_those_that_it_asks_for),
		cmocka_unit_test(every_kind_of_highlight_is_seen),
		cmocka_unit_test(long_menus_are_scrolled),
		cmocka_unit_test(long_menus_are_paged),
		cmocka_unit_test(pages_that_change_something_are_given_up),
		cmocka_unit_test(setups_are_not_paged),
		cmocka_unit_test(headings_are_no_entries),
		cmocka_unit_test(a_title_is_not_the_entry),
		cmocka_unit_test(a_menu_without_a_title_is_walked),
		cmocka_unit_test(nested_menus_are_walked),
		cmocka_unit_test(it_is_the_same_however_it_comes),
		cmocka_unit_test(entries_side_by_side_are_walked),
		cmocka_unit_test(a_slow_line_is_waited_for),
		cmocka_unit_test(a_busy_screen_is_no_hindrance),
		cmocka_unit_test(a_lost_key_is_typed_again),
		cmocka_unit_test(a_dead_menu_is_given_up),
		cmocka_unit_test(without_a_menu_nothing_is_typed),
		cmocka_unit_test(the_timeout_of_the_state_holds),
		cmocka_unit_test(what_was_typed_is_told),
		cmocka_unit_test(a_rule_sees_what_a_person_sees),
		cmocka_unit_test(rows_are_matched_together_too),
		cmocka_unit_test(it_looks_when_the_screen_is_complete),
		cmocka_unit_test(a_busy_screen_is_looked_at),
		cmocka_unit_test(it_fires_when_it_becomes_true),
		cmocka_unit_test(a_new_state_looks_at_what_is_shown),
		cmocka_unit_test(what_was_there_before_never_triggers),
		cmocka_unit_test(one_select_at_a_time),
		cmocka_unit_test(collect_screen_gives_what_is_shown),
		cmocka_unit_test(the_size_is_of_the_host),
		cmocka_unit_test(the_rest_is_not_rendered),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
