/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks for the end of one system and the beginning of the next in what a
 * console prints. The machine comes in with each piece of the text view, in
 * which kernel messages have lines of their own (klog.h).
 *
 * A line is judged when its newline has come, by its first 160 bytes; what is
 * behind them says nothing new. Always true: begun is never set before
 * bootwatch_arm by a line that came before it.
 */
#include "agent/console/bootwatch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOOTWATCH_BACK_S 2.0	/* stamps of several CPUs are out of order too */
#define BOOTWATCH_LETTERS 3	/* fewer are noise */
#define BOOTWATCH_PROMPT 8	/* characters of a line that is not over yet */
#define BOOTWATCH_AFTER "it said its last word, and then came"

void bootwatch_init(struct bootwatch *w)
{
	memset(w, 0, sizeof(*w));
	w->clock = -1;
}

void bootwatch_arm(struct bootwatch *w)
{
	double clock = w->clock;

	bootwatch_init(w);
	w->clock = clock;
}

/* The time stamp of a kernel message; -1: it is none. */
static double bootwatch_stamp(const char *line, const char **ret_message)
{
	double seconds;
	char *end;

	if (line[0] != '[')
		return -1;
	seconds = strtod(line + 1, &end);
	if (end == line + 1 || seconds < 0 || *end != ']')
		return -1;
	*ret_message = end + 1 + strspn(end + 1, " ");
	return seconds;
}

static bool bootwatch_has(const char *line, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strstr(line, *words) != NULL)
			return true;
	}
	return false;
}

static void bootwatch_begin(struct bootwatch *w, const char *how,
			    const char *line)
{
	w->begun = true;
	snprintf(w->what, sizeof(w->what), "%s \"%.40s\"", how, line);
}

static bool bootwatch_is_last_word(const char *line)
{
	static const char *const words[] = {
		"Restarting system", "sysrq: Resetting", "SysRq : Resetting",
		NULL,
	};

	return bootwatch_has(line, words);
}

static void bootwatch_note_sysrq(struct bootwatch *w, const char *line)
{
	static const char *const words[] = { "sysrq:", "SysRq :", NULL };

	if (!bootwatch_has(line, words))
		return;
	w->sysrq = true;
	if (strstr(line, "operation is disabled") != NULL)
		w->disabled = true;
}

/* Words, and not what a line carries that goes dead: letters outweigh the rest. */
static bool bootwatch_is_legible(const char *text)
{
	size_t letters = 0, others = 0;

	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text))
			letters++;
		else
			others += (unsigned char)*text >= 0x80;
	}
	return letters >= BOOTWATCH_LETTERS && letters > others;
}

/*
 * Whether the line so far, of at least that many characters, is no message of a
 * kernel that goes down (they may come without time stamps).
 */
static bool bootwatch_is_new(const struct bootwatch *w, size_t least)
{
	const char *text = w->line + strspn(w->line, " \t");

	return strlen(text) >= least && text[0] != '[' &&
	       bootwatch_is_legible(text) &&
	       strncmp(text, "reboot:", 7) != 0 &&
	       strncasecmp(text, "sysrq", 5) != 0;
}

/* What a whole line says. */
static enum bootwatch_seen bootwatch_judge(struct bootwatch *w)
{
	const char *message = w->line;
	double stamp = bootwatch_stamp(w->line, &message);
	double before = w->clock;

	if (stamp >= 0)
		w->clock = stamp;
	bootwatch_note_sysrq(w, message);
	if (w->begun)
		return BOOTWATCH_NONE;
	if (strncmp(message, "Linux version ", 14) == 0)
		bootwatch_begin(w, "the console says", message);
	else if (stamp >= 0 && before >= 0 &&
		 stamp + BOOTWATCH_BACK_S < before)
		bootwatch_begin(w, "the kernel's clock began anew at", w->line);
	else if (w->ended && stamp < 0 && bootwatch_is_new(w, 1))
		bootwatch_begin(w, BOOTWATCH_AFTER, message);
	if (w->begun)
		return BOOTWATCH_BEGUN;
	if (!w->ended && bootwatch_is_last_word(message)) {
		w->ended = true;
		return BOOTWATCH_ENDED;
	}
	return BOOTWATCH_NONE;
}

/* More of the present line; a prompt of a firmware may wait without a newline. */
static enum bootwatch_seen bootwatch_add(struct bootwatch *w, const char *text,
					 size_t len)
{
	size_t room = sizeof(w->line) - 1 - w->len;

	len = len < room ? len : room;
	memcpy(w->line + w->len, text, len);
	w->len += len;
	w->line[w->len] = '\0';
	if (!w->ended || w->begun || !bootwatch_is_new(w, BOOTWATCH_PROMPT))
		return BOOTWATCH_NONE;
	bootwatch_begin(w, BOOTWATCH_AFTER, w->line);
	return BOOTWATCH_BEGUN;
}

/* The present line is over. */
static enum bootwatch_seen bootwatch_end_line(struct bootwatch *w)
{
	enum bootwatch_seen seen = bootwatch_judge(w);

	w->len = 0;
	w->line[0] = '\0';
	return seen;
}

enum bootwatch_seen bootwatch_feed(struct bootwatch *w, const char *text,
				   size_t len, size_t *ret_offset)
{
	enum bootwatch_seen seen, most = BOOTWATCH_NONE;
	const char *newline;
	size_t at = 0, part;

	while (at < len) {
		newline = memchr(text + at, '\n', len - at);
		part = newline != NULL ? (size_t)(newline - text) - at
				       : len - at;
		seen = bootwatch_add(w, text + at, part);
		if (newline != NULL && seen == BOOTWATCH_NONE)
			seen = bootwatch_end_line(w);
		else if (newline != NULL)
			bootwatch_end_line(w);
		if (seen > most) {
			most = seen;
			*ret_offset = seen == BOOTWATCH_BEGUN ? at
							      : at + part + 1;
		}
		at += part + 1;
	}
	return most;
}
