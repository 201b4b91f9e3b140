/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key names to bytes. One table holds what each terminal sends; names that
 * are built (Ctrl-, Alt-, one character) are computed. The door is keys_encode.
 *
 * Sources: VT220 as SeaBIOS and GRUB read it (vt100); the headless protocol
 * MS-VUVP and Intel's server manuals (vt100+, vt-utf8); terminfo (xterm, linux);
 * Intel SE7500CW2, table 12 (pc-ansi). A key that a firmware does not know is left
 * out there: its bytes would be taken for Esc and some letters, and Esc leaves a
 * menu.
 */
#include "agent/console/keys.h"

#include <string.h>

/*
 * I02: firmware takes what comes within two seconds of an Esc for a sequence;
 * GRUB waits for 100 ms, others less.
 */
#define KEYS_PAUSE_FIRMWARE_MS 2100
#define KEYS_PAUSE_MS	       200

static const char *const keys_terminals[] = {
	[KEYS_VT100] = "vt100",	   [KEYS_VT100_PLUS] = "vt100+",
	[KEYS_VT_UTF8] = "vt-utf8", [KEYS_XTERM] = "xterm",
	[KEYS_LINUX] = "linux",	   [KEYS_PC_ANSI] = "pc-ansi",
};

#define KEYS_TERMINAL_COUNT (sizeof(keys_terminals) / sizeof(*keys_terminals))

const char *const keys_terminal_names[] = {
	"vt100", "vt100+", "vt-utf8", "xterm", "linux", "pc-ansi", NULL,
};

const char *const keys_names[] = {
	"F1",	"F2",	"F3",	   "F4",    "F5",	 "F6",	  "F7",
	"F8",	"F9",	"F10",	   "F11",   "F12",	 "Up",	  "Down",
	"Left", "Right", "Home",   "End",   "PgUp",	 "PgDn",  "Ins",
	"Del",	"Esc",	"Tab",	   "BackTab", "Enter",	 "Backspace", "Space",
	NULL,
};

/* NULL: that terminal has no such key. VT-UTF8 has the keys of VT100+. */
static const struct keys_row {
	const char *name;
	const char *vt100;
	const char *vt100_plus;
	const char *xterm;
	const char *linux_console;
	const char *pc_ansi;
} keys_table[] = {
	{ "F1", "\033OP", "\0331", "\033OP", "\033[[A", "\033OP" },
	{ "F2", "\033OQ", "\0332", "\033OQ", "\033[[B", "\033OQ" },
	{ "F3", "\033OR", "\0333", "\033OR", "\033[[C", "\033OR" },
	{ "F4", "\033OS", "\0334", "\033OS", "\033[[D", "\033OS" },
	{ "F5", "\033[15~", "\0335", "\033[15~", "\033[[E", "\033OT" },
	{ "F6", "\033[17~", "\0336", "\033[17~", "\033[17~", "\033OU" },
	{ "F7", "\033[18~", "\0337", "\033[18~", "\033[18~", "\033OV" },
	{ "F8", "\033[19~", "\0338", "\033[19~", "\033[19~", "\033OW" },
	{ "F9", "\033[20~", "\0339", "\033[20~", "\033[20~", "\033OX" },
	{ "F10", "\033[21~", "\0330", "\033[21~", "\033[21~", "\033OY" },
	{ "F11", "\033[23~", "\033!", "\033[23~", "\033[23~", "\033OZ" },
	{ "F12", "\033[24~", "\033@", "\033[24~", "\033[24~", "\033O1" },
	{ "Up", "\033[A", "\033[A", "\033[A", "\033[A", "\033[A" },
	{ "Down", "\033[B", "\033[B", "\033[B", "\033[B", "\033[B" },
	{ "Right", "\033[C", "\033[C", "\033[C", "\033[C", "\033[C" },
	{ "Left", "\033[D", "\033[D", "\033[D", "\033[D", "\033[D" },
	{ "Home", "\033[H", "\033h", "\033[H", "\033[1~", "\033[H" },
	{ "End", "\033[F", "\033k", "\033[F", "\033[4~", "\033[K" },
	{ "PgUp", "\033[5~", "\033?", "\033[5~", "\033[5~", "\033[M" },
	{ "PgDn", "\033[6~", "\033/", "\033[6~", "\033[6~", "\033[2J" },
	{ "Ins", "\033[2~", "\033+", "\033[2~", "\033[2~", "\033[L" },
	{ "Del", "\033[3~", "\033-", "\033[3~", "\033[3~", "\177" },
	{ "Esc", "\033", "\033", "\033", "\033", "\033" },
	{ "Tab", "\t", "\t", "\t", "\t", "\t" },
	{ "BackTab", "\033[Z", NULL, "\033[Z", "\033\t", NULL },
	{ "Enter", "\r", "\r", "\r", "\r", "\r" },
	{ "Backspace", "\177", "\b", "\177", "\177", "\b" },
	{ "Space", " ", " ", " ", " ", " " },
};

enum keys_terminal keys_terminal_from_name(const char *name)
{
	size_t i;

	for (i = 1; i < KEYS_TERMINAL_COUNT; i++)
		if (strcmp(name, keys_terminals[i]) == 0)
			return (enum keys_terminal)i;
	return KEYS_NONE;
}

const char *keys_terminal_name(enum keys_terminal terminal)
{
	if (terminal == KEYS_NONE || (size_t)terminal >= KEYS_TERMINAL_COUNT)
		return "none";
	return keys_terminals[terminal];
}

static const char *keys_row_bytes(const struct keys_row *row,
				  enum keys_terminal terminal)
{
	switch (terminal) {
	case KEYS_VT100:
		return row->vt100;
	case KEYS_VT100_PLUS:
	case KEYS_VT_UTF8:
		return row->vt100_plus;
	case KEYS_XTERM:
		return row->xterm;
	case KEYS_LINUX:
		return row->linux_console;
	case KEYS_PC_ANSI:
		return row->pc_ansi;
	case KEYS_NONE:
		break;
	}
	return NULL;
}

static const struct keys_row *keys_row_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(keys_table) / sizeof(*keys_table); i++)
		if (strcmp(name, keys_table[i].name) == 0)
			return &keys_table[i];
	return NULL;
}

static bool keys_is_firmware(enum keys_terminal terminal)
{
	return terminal == KEYS_VT100_PLUS || terminal == KEYS_VT_UTF8 ||
	       terminal == KEYS_PC_ANSI;
}

static int keys_pause_ms(enum keys_terminal terminal)
{
	return keys_is_firmware(terminal) ? KEYS_PAUSE_FIRMWARE_MS :
					    KEYS_PAUSE_MS;
}

/* The control character of c, or -1. */
static int keys_control(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 1;
	if (c >= '@' && c <= '_')
		return c - '@';
	return -1;
}

/* The character behind "Ctrl-" or "Alt-", or '\0' where it is not one. */
static char keys_modified(const char *name, const char *modifier)
{
	size_t len = strlen(modifier);

	if (strncmp(name, modifier, len) != 0 || name[len] <= ' ' ||
	    name[len] > '~' || name[len + 1] != '\0')
		return '\0';
	return name[len];
}

/* What stands before the character: a plain Esc would make Alt-1 an F1. */
static const char *keys_alt(enum keys_terminal terminal)
{
	switch (terminal) {
	case KEYS_VT100_PLUS:
	case KEYS_VT_UTF8:
		return "\033\001";
	case KEYS_PC_ANSI:
		return "\033}";
	default:
		return "\033";
	}
}

static void keys_put(struct keys_stroke *stroke, const char *bytes, size_t len)
{
	memcpy(stroke->bytes + stroke->len, bytes, len);
	stroke->len += len;
}

/* Ctrl-x, Alt-x and single characters. */
static bool keys_encode_built(enum keys_terminal terminal, const char *name,
			      struct keys_stroke *stroke)
{
	const char *before = "";
	char c = keys_modified(name, "");
	char alt = keys_modified(name, "Alt-");
	int control = keys_control(keys_modified(name, "Ctrl-"));

	if (alt != '\0') {
		before = keys_alt(terminal);
		c = alt;
	} else if (control >= 0) {
		c = (char)control;
	} else if (c == '\0') {
		return false;
	}
	keys_put(stroke, before, strlen(before));
	keys_put(stroke, &c, 1);
	return true;
}

bool keys_encode(enum keys_terminal terminal, const char *name,
		 struct keys_stroke *ret)
{
	const struct keys_row *row = keys_row_find(name);
	struct keys_stroke stroke = { { 0 }, 0, 0 };
	const char *bytes;

	if (terminal == KEYS_NONE)
		return false;
	if (row != NULL) {
		bytes = keys_row_bytes(row, terminal);
		if (bytes == NULL)
			return false;
		keys_put(&stroke, bytes, strlen(bytes));
	} else if (!keys_encode_built(terminal, name, &stroke)) {
		return false;
	}
	if (stroke.len == 1 && stroke.bytes[0] == '\033')
		stroke.pause_ms = keys_pause_ms(terminal);
	*ret = stroke;
	return true;
}

bool keys_is_name(const char *name)
{
	struct keys_stroke stroke;

	/* VT100 has every key of the table */
	return keys_encode(KEYS_VT100, name, &stroke);
}
