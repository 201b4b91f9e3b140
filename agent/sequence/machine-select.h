/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_MACHINE_SELECT_H
#define RH_AGENT_SEQUENCE_MACHINE_SELECT_H

/* The inside of `select`, for machine-select*.c alone. */
#include "agent/sequence/machine-private.h"

#define SELECT_KEYS_MAX 250
#define SELECT_FIND_MS 10000
#define SELECT_SETTLE_MORE_MS 1000
#define SELECT_SURE_MS 200	/* quiet for so long: Enter may be pressed */
#define SELECT_ROWS 3		/* so many changed rows: another screen */

/* ---- machine-select-keys.c ---------------------------------------------- */

const struct select_step *select_current(const struct machine *m,
					 const struct action *a);

/* The action fails for this reason; true. */
bool select_fail(struct machine *m, const struct action *a, const char *why);

/* Presses a key, and keeps a look of the screen before it; true. */
bool select_press(struct machine *m, const char *key);
bool select_enter(struct machine *m);

/* What was pressed so far goes to the timeline. */
void select_say_typed(struct machine *m);

/* ---- machine-select-number.c -------------------------------------------- */

/* Types the first digit where a menu asks for the number of the entry. */
bool select_number(struct machine *m, const struct action *a);

/* Looks what a digit did. */
bool select_number_look(struct machine *m, const struct action *a);

/* ---- machine-select-page.c ---------------------------------------------- */

/* PgDn or PgUp where it is safe and of use, else NULL. */
const char *select_page_key(struct machine *m);

/* Whether the last key was one of them. */
bool select_is_page(const struct machine *m);

/* The highlight is known: so is its list, and whether Down has scrolled it. */
void select_page_note(struct machine *m, const struct menu_place *lit);

/* Looks what such a key did. */
bool select_page_look(struct machine *m, const struct action *a);

/* ---- machine-select.c --------------------------------------------------- */

/* The highlight has moved there: the next key is looked for. */
void select_note_moved(struct machine *m, const struct menu_place *lit);

/* ---- machine-select-where.c --------------------------------------------- */

/* The highlight, looked for once in a screen. False where there is none. */
bool select_lit(struct machine *m, bool looked, struct menu_place *ret);

/* Since when it is where it is, and what it is to be compared with. */
void select_note_seen(struct machine *m, const struct menu_place *lit);
void select_note_lit(struct machine *m, const struct menu_place *lit);

bool select_has_moved(const struct machine *m, const struct menu_place *lit);

/* The highlight went over the target without a stop: it is no entry. */
void select_note_jump(struct machine *m, const struct menu_place *lit);

/*
 * Looks for the entry: *ret_lit where it is the highlighted one, else the
 * nearest goes to target. False where there is none.
 */
bool select_find_target(struct machine *m, const struct action *a,
			const struct menu_place *lit, bool *ret_lit);

/* It matches, but is no entry: the highlight can't be brought to it. */
void select_refuse(struct machine *m, const struct menu_place *place);

/* The key that brings the highlight nearer to the target; NULL: none does. */
const char *select_way(const struct machine *m, const struct menu_place *lit);

/* All of the menu: from end to end, or once round, to where it began. */
bool select_seen_all(struct machine *m, const struct menu_place *lit);

#endif
