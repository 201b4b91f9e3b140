/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was probably meant by what can't be read: people forget a comma, put `max`
 * behind the colon, indent a key, write a comment behind a value. The readers of
 * the other parse*.c come in here when they are at their end; each function
 * says one problem, as parse_fail does.
 */
#include "agent/sequence/parse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/console/keys.h"
#include "base/option.h"

/* Words that go on with an action or a rule, in their places. */
static const char *const hint_goes_on[] = { "within", "every", "for", "expect",
					    "send", "max", NULL };

/* The word that stands there, without what can't be of a word; taken is nothing. */
static void hint_word(const struct parse *p, char *word, size_t word_len)
{
	size_t len = strspn(p->at, "abcdefghijklmnopqrstuvwxyz-");

	len = len < word_len ? len : word_len - 1;
	memcpy(word, p->at, len);
	word[len] = '\0';
}

bool parse_fail_behind(struct parse *p, const char *what)
{
	char word[32], expected[160];

	hint_word(p, word, sizeof(word));
	if (*p->at == ';' || *p->at == '#')
		return parse_fail(p, "%s at \"%.20s\"; a comment needs a line of "
				  "its own, and actions are separated by commas",
				  what, p->at);
	if (strcmp(word, "max") == 0)
		return parse_fail(p, "max stands behind the pattern, before the "
				  "colon: /x/ max 3 : key F1");
	if (strcmp(word, "else") == 0 || strcmp(word, "then") == 0)
		return parse_fail(p, "%s is a key of a state, and begins a line "
				  "of its own: %s = TARGET", word, word);
	if (*p->at == ':')
		return parse_fail(p, "%s at \"%.20s\"; actions stand before the "
				  "target: /x/ : key F1 -> boot", what, p->at);
	snprintf(expected, sizeof(expected), "%s at \"%.20s\"", what, p->at);
	return parse_fail_word(p, word, hint_goes_on, expected);
}

/* All words that an action begins with. */
static const char *const hint_actions[] = {
	"power", "boot", "send", "enter", "key", "secret", "break", "sysrq", "wait",
	"note", "check", "collect", "select", "shell", "ask", "restart", "stop",
	"run", NULL };

static bool hint_is_action(const char *word)
{
	size_t i;

	for (i = 0; hint_actions[i] != NULL; i++) {
		if (strcmp(hint_actions[i], word) == 0)
			return true;
	}
	return false;
}

/* Whether the word is a key with its '=', in a line that goes on with another. */
static bool hint_is_key(const struct parse *p, const char *word)
{
	static const char *const keys[] = { "do", "then", "else", "on", "timeout",
					    "visits", "key-delay", NULL };
	const char *behind = p->at + strlen(word);
	size_t i;

	behind += strspn(behind, " \t");
	if (strcmp(word, "on") == 0)
		behind += strcspn(behind, "=\n\"/");
	for (i = 0; *behind == '=' && keys[i] != NULL; i++) {
		if (strcmp(keys[i], word) == 0)
			return true;
	}
	return false;
}

/* What somebody meant who wrote only a part of an action, or tied its words. */
static const char *hint_meant(const char *word)
{
	static const char *const meant[][2] = {
		{ "tcp", "check tcp" }, { "ssh", "check ssh" },
		{ "reboot", "restart gently" }, { "shutdown", "stop gently" },
		{ "cycle", "power cycle" }, { "reset", "power reset" },
		{ "type", "enter" }, { "press", "key" },
		{ "password", "secret" }, { "sleep", "wait" },
		{ "log", "note" }, { "menu", "select" },
	};
	size_t i;

	for (i = 0; i < sizeof(meant) / sizeof(meant[0]); i++)
		if (strcmp(word, meant[i][0]) == 0)
			return meant[i][1];
	return NULL;
}

static const char *hint_nearest(const char *word)
{
	const char *meant = hint_meant(word);
	const char *tie = strchr(word, '-');
	size_t i;

	if (meant != NULL)
		return meant;
	for (i = 0; tie != NULL && hint_actions[i] != NULL; i++)
		if (strlen(hint_actions[i]) == (size_t)(tie - word) &&
		    strncmp(word, hint_actions[i], (size_t)(tie - word)) == 0)
			return hint_actions[i];
	return option_nearest(word, hint_actions);
}

bool parse_fail_action(struct parse *p)
{
	const char *nearest, *begin = p->at;
	char word[64] = "";

	if (!parse_word(p, ",:=;", word, sizeof(word)))
		return parse_fail(p, "expected an action such as power cycle, "
				  "key F1 or check tcp 22");
	p->at = begin;
	if (hint_is_key(p, word))
		return parse_fail(p, "this line begins with blanks, so it goes on "
				  "with the value above; the key \"%s\" stands at "
				  "the beginning of its line", word);
	nearest = hint_nearest(word);
	if (nearest != NULL)
		return parse_fail(p, "unknown action \"%.40s\"; did you mean "
				  "\"%s\"?", word, nearest);
	return parse_fail(p, "unknown action \"%.40s\"; expected power, boot, "
			  "send, enter, key, secret, break, sysrq, wait, note, "
			  "check, collect, select, shell, ask, restart, stop or "
			  "run", word);
}

/* A word of another action, or of the rule, among the keys. */
bool parse_fail_key(struct parse *p, const char *word)
{
	const char *nearest = option_nearest(word, keys_names);
	char other[64];

	p->at = p->word;
	if (nearest != NULL && strcasecmp(nearest, word) == 0)
		return parse_fail(p, "no key \"%.30s\"; did you mean %s?", word,
				  nearest);
	if (hint_is_action(word))
		return parse_fail(p, "no key \"%.30s\"; a comma separates actions: "
				  "key F1, %.30s ...", word, word);
	if (strcmp(word, "max") == 0 || strcmp(word, "else") == 0 ||
	    strcmp(word, "then") == 0)
		return parse_fail_behind(p, "");
	snprintf(other, sizeof(other), "%s", word);
	other[strcspn(other, "+_")] = '-';
	if (strlen(word) < sizeof(other) && keys_is_name(other))
		nearest = other;
	if (nearest != NULL)
		return parse_fail(p, "no key \"%.30s\"; did you mean %s?", word,
				  nearest);
	return parse_fail(p, "no key \"%.30s\"; keys are F1..F12, Up, Down, PgUp, "
			  "PgDn, Home, End, Enter, Esc, Tab, Ctrl-C ... (see "
			  "rhands-sequences(5))", word);
}
