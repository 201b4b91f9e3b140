/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Actions: one small reader for each word of the language, in a table. parse.c
 * comes in by parse_actions.
 */
#include "agent/sequence/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/console/keys.h"
#include "base/memory.h"
#include "base/option.h"
#include "drivers/driver.h"

#define PARSE_KEYS_MAX 256
#define PARSE_MENUS_MAX 8

void action_release(struct action *a)
{
	size_t i;

	free(a->source);
	free(a->text);
	free(a->expect);
	for (i = 0; a->keys != NULL && a->keys[i] != NULL; i++)
		free(a->keys[i]);
	free(a->keys);
	for (i = 0; i < a->rung_count; i++)
		free(a->rungs[i].command);
	free(a->rungs);
	for (i = 0; i < a->step_count; i++) {
		match_free(a->steps[i].pattern);
		free(a->steps[i].source);
	}
	free(a->steps);
}

void actions_release(struct actions *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		action_release(&a->list[i]);
	free(a->list);
	a->list = NULL;
	a->count = 0;
}

static bool action_power(struct parse *p, struct action *a)
{
	static const char *const acts[] = { "on", "off", "cycle", "reset",
					    "soft", "diag", NULL };
	char word[32] = "";

	if (parse_word(p, ",", word, sizeof(word)))
		a->number = (int)driver_act_from_name(word);
	if (a->number == DRIVER_ACT_NONE)
		return parse_fail_word(p, word, acts, "expected power on, off, "
				       "cycle, reset, soft or diag");
	return true;
}

static bool action_boot(struct parse *p, struct action *a)
{
	static const char *const devices[] = { "disk", "pxe", "cdrom", "setup",
					       NULL };
	char word[32] = "";

	if (parse_word(p, ",", word, sizeof(word)))
		a->number = (int)driver_boot_from_name(word);
	if (a->number == DRIVER_BOOT_NONE)
		return parse_fail_word(p, word, devices, "expected boot disk, "
				       "pxe, cdrom or setup");
	return true;
}

static bool action_text(struct parse *p, struct action *a)
{
	struct buffer b = { 0 };
	bool ok = parse_string(p, &b);

	a->text_len = b.len;
	a->text = buffer_take(&b);
	return ok;
}

static bool action_send(struct parse *p, struct action *a)
{
	if (!action_text(p, a))
		return false;
	if (a->text_len == 0 || a->text_len > 4096)
		return parse_fail(p, "send needs 1 to 4096 bytes");
	return true;
}

static void action_add_key(struct action *a, size_t *count, const char *name)
{
	a->keys = memory_grow(a->keys, *count + 2, sizeof(*a->keys));
	a->keys[(*count)++] = memory_copy(name);
	a->keys[*count] = NULL;
}

/* "Down*3" to three keys. */
static bool action_one_key(struct parse *p, struct action *a, size_t *count,
			   char *word)
{
	char *star = strlen(word) > 1 ? strrchr(word, '*') : NULL;
	long repeat = 1;

	if (star != NULL && star[1] != '\0' &&
	    strspn(star + 1, "0123456789") == strlen(star + 1)) {
		repeat = strtol(star + 1, NULL, 10);
		*star = '\0';
	}
	if (repeat < 1 || repeat > PARSE_KEYS_MAX || *count + (size_t)repeat > PARSE_KEYS_MAX)
		return parse_fail(p, "1 to %d keys in one action",
				  PARSE_KEYS_MAX);
	if (!keys_is_name(word))
		return parse_fail_key(p, word);
	while (repeat-- > 0)
		action_add_key(a, count, word);
	return true;
}

bool parse_action_ends(struct parse *p)
{
	parse_skip(p, false);
	return *p->at == '\0' || *p->at == ',' || *p->at == '\n' ||
	       strncmp(p->at, "->", 2) == 0;
}

static bool action_key(struct parse *p, struct action *a)
{
	size_t count = 0;
	char word[64];

	while (!parse_action_ends(p)) {
		if (!parse_word(p, ",", word, sizeof(word)))
			return false;
		if (!action_one_key(p, a, &count, word))
			return false;
	}
	if (count == 0)
		return parse_fail(p, "key needs the name of a key: key F1");
	return true;
}

static bool action_name(struct parse *p, struct action *a, const char *what)
{
	char word[256];

	if (!parse_word(p, ",", word, sizeof(word)) || !option_is_name(word))
		return parse_fail(p, "%s needs a name, without quotes", what);
	a->text = memory_copy(word);
	a->text_len = strlen(word);
	return true;
}

static bool action_secret(struct parse *p, struct action *a)
{
	return action_name(p, a, "secret");
}

static bool action_break(struct parse *p, struct action *a)
{
	(void)p;
	(void)a;
	return true;
}

static bool action_sysrq(struct parse *p, struct action *a)
{
	char word[8];

	if (!parse_word(p, ",", word, sizeof(word)) || strlen(word) != 1 ||
	    (!islower((unsigned char)word[0]) &&
	     !isdigit((unsigned char)word[0])))
		return parse_fail(p, "sysrq needs one small letter or digit: "
				  "sysrq b");
	a->number = word[0];
	return true;
}

static bool action_wait(struct parse *p, struct action *a)
{
	return parse_duration(p, "wait", &a->ms);
}

/*
 * A word that goes on with the action, also at the beginning of the next line.
 * Only words that can't begin an action are looked for across lines.
 */
static bool action_goes_on(struct parse *p, const char *word)
{
	const char *before = p->at;

	parse_skip(p, true);
	if (parse_take_word(p, word))
		return true;
	p->at = before;
	return false;
}

/* "within T" and "every T", behind a check, in any order. */
static bool action_check_times(struct parse *p, struct action *a)
{
	a->every_ms = 2000;
	for (;;) {
		if (action_goes_on(p, "within")) {
			if (!parse_duration(p, "within", &a->within_ms))
				return false;
		} else if (action_goes_on(p, "every")) {
			if (!parse_duration(p, "every", &a->every_ms))
				return false;
			if (a->every_ms < 100)
				return parse_fail(p, "every 100ms at the most");
		} else if (action_goes_on(p, "for")) {
			if (!parse_duration(p, "for", &a->hold_ms))
				return false;
		} else {
			return true;
		}
	}
}

/* The command of `shell` and `check shell`. */
static bool action_command(struct parse *p, struct action *a)
{
	if (!action_text(p, a))
		return false;
	if (a->text_len == 0 || a->text_len > 4096 ||
	    memchr(a->text, '\0', a->text_len) != NULL)
		return parse_fail(p, "a command has 1 to 4096 bytes");
	return true;
}

static bool action_shell(struct parse *p, struct action *a)
{
	if (!action_command(p, a))
		return false;
	if (action_goes_on(p, "within") &&
	    !parse_duration(p, "within", &a->within_ms))
		return false;
	return true;
}

static bool action_check_bytes(struct parse *p, char **ret, size_t *ret_len)
{
	struct buffer b = { 0 };
	bool ok = parse_string(p, &b);

	free(*ret);
	*ret_len = b.len;
	*ret = buffer_take(&b);
	if (ok && (*ret_len == 0 || *ret_len > 1024))
		return parse_fail(p, "1 to 1024 bytes are sent or expected");
	return ok;
}

static bool action_check_tcp(struct parse *p, struct action *a)
{
	char word[16] = "";
	char *end = word;
	long port = 0;

	if (parse_word(p, ",", word, sizeof(word)) &&
	    isdigit((unsigned char)word[0]))
		port = strtol(word, &end, 10);
	if (*end != '\0' || port < 1 || port > 65535)
		return parse_fail(p, "check tcp needs a port from 1 to 65535");
	a->number = (int)port;
	if (parse_take_word(p, "send") &&
	    !action_check_bytes(p, &a->text, &a->text_len))
		return false;
	if (action_goes_on(p, "expect") &&
	    !action_check_bytes(p, &a->expect, &a->expect_len))
		return false;
	return action_check_times(p, a);
}

static bool action_check(struct parse *p, struct action *a)
{
	static const char *const kinds[] = { "tcp", "ssh", "shell", NULL };
	char word[64] = "";

	if (parse_take_word(p, "tcp"))
		return action_check_tcp(p, a);
	if (parse_take_word(p, "ssh")) {
		a->type = ACTION_CHECK_SSH;
		return action_check_times(p, a);
	}
	if (!parse_take_word(p, "shell")) {
		parse_word(p, ",\"", word, sizeof(word));
		return parse_fail_word(p, word, kinds, "expected check tcp PORT, "
				       "check ssh or check shell \"COMMAND\"");
	}
	a->type = ACTION_CHECK_SHELL;
	return action_command(p, a) && action_check_times(p, a);
}

static bool action_collect(struct parse *p, struct action *a)
{
	static const char *const words[] = { "console", "screen", "sel",
					     "dmesg", NULL };
	char word[64] = "";
	size_t i;

	for (i = 0; words[i] != NULL; i++) {
		if (!parse_take_word(p, words[i]))
			continue;
		a->text = memory_copy(words[i]);
		a->text_len = strlen(a->text);
		return true;
	}
	parse_word(p, ",", word, sizeof(word));
	return parse_fail_word(p, word, words, "expected collect console, screen, "
			       "sel or dmesg");
}

/* Words without quotes, up to what ends them: the text of an entry. */
static bool action_select_words(struct parse *p, struct select_step *step)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer b = { 0 };
	char word[128];

	while (!parse_action_ends(p) && *p->at != '>') {
		if (!parse_word(p, ",>", word, sizeof(word)))
			break;
		if (b.len > 0)
			buffer_append_char(&b, ' ');
		buffer_append_text(&b, word);
	}
	if (!p->failed && b.len > 0)
		step->pattern = match_compile(b.data, b.len, MATCH_LITERAL,
					      &err);
	step->whole = true;
	step->source = buffer_take(&b);
	if (step->pattern == NULL)
		return parse_fail(p, "select needs the text of an entry or a "
				  "/pattern/: select Boot Manager > UEFI Shell");
	return true;
}

static bool action_select(struct parse *p, struct action *a)
{
	struct select_step *step;
	bool ok;

	do {
		a->steps = memory_grow(a->steps, a->step_count + 1,
				       sizeof(*a->steps));
		step = &a->steps[a->step_count++];
		memset(step, 0, sizeof(*step));
		parse_skip(p, false);
		step->whole = *p->at == '"';
		ok = *p->at == '/' || *p->at == '"'
			     ? parse_pattern(p, &step->pattern, &step->source)
			     : action_select_words(p, step);
		parse_skip(p, false);
	} while (ok && parse_take(p, ">"));
	if (ok && a->step_count > PARSE_MENUS_MAX)
		return parse_fail(p, "at most %d menus in one select",
				  PARSE_MENUS_MAX);
	return ok;
}

static bool action_ask(struct parse *p, struct action *a)
{
	if (!action_text(p, a))
		return false;
	if (a->text_len < 3 || a->text_len > 400 ||
	    memchr(a->text, '\0', a->text_len) != NULL)
		return parse_fail(p, "ask needs a question for yes or no, of up "
				  "to 400 bytes: ask \"Is its light green?\"");
	return true;
}

static bool action_run(struct parse *p, struct action *a)
{
	struct rh_error err = RH_ERROR_INIT;

	if (!action_name(p, a, "run"))
		return false;
	if (p->vars == NULL || p->vars->library == NULL)
		return parse_fail(p, "there are no other sequences here that "
				  "could be run");
	if (p->vars->library->get(p->vars->library->context, a->text, &err) ==
	    NULL)
		return parse_fail(p, "%s", err.text);
	return true;
}

static const struct {
	const char *word;
	enum action_type type;
	bool (*read)(struct parse *p, struct action *a);
} action_words[] = {
	{ "power", ACTION_POWER, action_power },
	{ "boot", ACTION_BOOT, action_boot },
	{ "send", ACTION_SEND, action_send },
	{ "enter", ACTION_ENTER, action_text },
	{ "key", ACTION_KEY, action_key },
	{ "secret", ACTION_SECRET, action_secret },
	{ "break", ACTION_BREAK, action_break },
	{ "sysrq", ACTION_SYSRQ, action_sysrq },
	{ "wait", ACTION_WAIT, action_wait },
	{ "note", ACTION_NOTE, action_text },
	{ "check", ACTION_CHECK_TCP, action_check },
	{ "collect", ACTION_COLLECT, action_collect },
	{ "select", ACTION_SELECT, action_select },
	{ "shell", ACTION_SHELL, action_shell },
	{ "ask", ACTION_ASK, action_ask },
	{ "restart", ACTION_RESTART, parse_rungs },
	{ "stop", ACTION_STOP, parse_rungs },
	{ "run", ACTION_RUN, action_run },
};

#define ACTION_WORD_COUNT (sizeof(action_words) / sizeof(action_words[0]))

/* What was written from there on, newlines and what is around them a blank. */
static char *action_source(const struct parse *p, const char *begin)
{
	struct buffer b = { 0 };
	const char *at;

	for (at = begin; at < p->at; at++) {
		if (strchr(" \t\n", *at) == NULL)
			buffer_append_char(&b, *at);
		else if (b.len > 0 && b.data[b.len - 1] != ' ')
			buffer_append_char(&b, ' ');
	}
	if (b.len > 0 && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	return buffer_take(&b);
}

static bool action_not_over(struct parse *p, const char *word)
{
	char expected[80];

	snprintf(expected, sizeof(expected), "expected a comma or the end of the "
		 "action \"%s\"", word);
	return parse_fail_behind(p, expected);
}

static bool parse_action(struct parse *p, struct action *a)
{
	const char *begin;
	size_t i;

	parse_skip(p, true);
	begin = p->at;
	a->file = p->file;
	a->line = parse_line(p);
	a->column = parse_column(p);
	for (i = 0; i < ACTION_WORD_COUNT; i++) {
		if (!parse_take_word(p, action_words[i].word))
			continue;
		a->type = action_words[i].type;
		if (!action_words[i].read(p, a))
			return false;
		if (!parse_action_ends(p))
			return action_not_over(p, action_words[i].word);
		a->source = action_source(p, begin);
		return true;
	}
	return parse_fail_action(p);
}

bool parse_actions(struct parse *p, struct actions *ret)
{
	struct action *a;

	do {
		ret->list = memory_grow(ret->list, ret->count + 1,
					sizeof(*ret->list));
		a = &ret->list[ret->count++];
		memset(a, 0, sizeof(*a));
		if (!parse_action(p, a))
			return false;
		parse_skip(p, true);
	} while (parse_take(p, ",") ||
		 (*p->at != '\0' && strncmp(p->at, "->", 2) != 0));
	return true;
}
