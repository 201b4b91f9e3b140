/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_KEYS_H
#define RH_AGENT_CONSOLE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Key names to the bytes of a terminal type (I01). Names: F1..F12, Up, Down,
 * Left, Right, Home, End, PgUp, PgDn, Ins, Del, Esc, Tab, BackTab, Enter,
 * Backspace, Space, Ctrl-A..Ctrl-Z, Ctrl-[ Ctrl-\ Ctrl-] Ctrl-^ Ctrl-_ Ctrl-@,
 * Alt-x (Esc and the character; Esc ^A on VT100+, Esc } on PC-ANSI, where Esc and
 * a character are another key), and one printable ASCII character.
 */
enum keys_terminal {
	KEYS_NONE = 0,
	KEYS_VT100,		/* DEC VT100/VT220: F1 ESC O P .. F5 ESC [ 1 5 ~ */
	KEYS_VT100_PLUS,	/* Microsoft headless: F1 ESC 1 */
	KEYS_VT_UTF8,		/* the same keys as VT100+ */
	KEYS_XTERM,
	KEYS_LINUX,		/* the Linux console: F1 ESC [ [ A */
	KEYS_PC_ANSI,		/* SCO/PC-ANSI: F1 ESC O P, F5 ESC O T, ... */
};

struct keys_stroke {
	char bytes[8];
	size_t len;
	int pause_ms;	/* how long nothing may follow (I02: a lone Esc), or 0 */
};

/* "vt100", "vt100+", "vt-utf8", "xterm", "linux", "pc-ansi"; KEYS_NONE: no such. */
enum keys_terminal keys_terminal_from_name(const char *name);
const char *keys_terminal_name(enum keys_terminal terminal);

/* All terminal names, NULL-ended, for option tables. */
extern const char *const keys_terminal_names[];

/*
 * The bytes of the key on that terminal; false where it has no such key.
 * Enter gives CR (the caller replaces it by the host's line end).
 */
bool keys_encode(enum keys_terminal terminal, const char *name,
		 struct keys_stroke *ret);

/* Whether any terminal knows the name. */
bool keys_is_name(const char *name);

/* The names without Ctrl-, Alt- and single characters, NULL-ended. */
extern const char *const keys_names[];

#endif
