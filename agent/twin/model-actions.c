/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a twin does and where it goes: one small reader for each word, in a table.
 * model-keys.c comes in by model_acts and model_target.
 */
#include "agent/twin/model-private.h"

#include <stdlib.h>
#include <string.h>

#include "agent/twin/play.h"
#include "base/memory.h"
#include "base/option.h"

void model_acts_release(struct twin_acts *a)
{
	size_t i;

	for (i = 0; i < a->count; i++) {
		free(a->list[i].text);
		twin_pieces_free(a->list[i].pieces, a->list[i].piece_count);
	}
	free(a->list);
}

void model_target_release(struct twin_target *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->list[i].name);
	free(t->list);
}

/* ---- actions -------------------------------------------------------------------- */

static bool act_text(struct parse *p, struct twin_act *a)
{
	struct buffer b = { 0 };
	bool ok = parse_string(p, &b);

	a->len = b.len;
	a->text = buffer_take(&b);
	return ok;
}

/* "wait 1s", "wait 1s to 5s". */
static bool act_wait(struct parse *p, struct twin_act *a)
{
	if (!parse_duration(p, "wait", &a->ms))
		return false;
	a->ms_to = a->ms;
	if (parse_take_word(p, "to") && !parse_duration(p, "wait", &a->ms_to))
		return false;
	if (a->ms_to < a->ms)
		return parse_fail(p, "the second time is longer than the first");
	return true;
}

/* play "boot.cast", play boot.cast */
static bool act_play(struct parse *p, struct twin_act *a)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer name = { 0 };
	char word[256] = "";
	bool ok = true;

	parse_skip(p, true);
	if (*p->at == '"')
		ok = parse_string(p, &name);
	else if (parse_word(p, ",", word, sizeof(word)))
		buffer_append_text(&name, word);
	if (ok && name.len == 0)
		ok = parse_fail(p, "expected the file of a recording: play "
				"boot.cast");
	if (ok && twin_play_read(p->ini->file, buffer_text(&name), &a->pieces,
				 &a->piece_count, &err) < 0)
		ok = parse_fail(p, "play: %s", err.text);
	buffer_release(&name);
	return ok;
}

static bool act_exit(struct parse *p, struct twin_act *a)
{
	return parse_number(p, "exit", 0, 255, &a->number);
}

static bool act_plain(struct parse *p, struct twin_act *a)
{
	(void)p;
	(void)a;
	return true;
}

static const struct {
	const char *word;
	enum twin_do what;
	bool shell;		/* only behind `on shell` */
	bool (*read)(struct parse *p, struct twin_act *a);
} act_words[] = {
	{ "print", TWIN_PRINT, false, act_text },
	{ "play", TWIN_PLAY, false, act_play },
	{ "wait", TWIN_WAIT, false, act_wait },
	{ "lose", TWIN_LOSE, false, act_plain },
	{ "back", TWIN_BACK, false, act_plain },
	{ "say", TWIN_SAY, true, act_text },
	{ "complain", TWIN_COMPLAIN, true, act_text },
	{ "exit", TWIN_EXIT, true, act_exit },
	{ "hang", TWIN_HANG, true, act_plain },
	{ "drop", TWIN_DROP, true, act_plain },
};

#define ACT_WORDS (sizeof(act_words) / sizeof(act_words[0]))

static bool act_unknown(struct parse *p)
{
	const char *words[ACT_WORDS + 1];
	const char *nearest, *begin = p->at;
	char word[64] = "";
	size_t i;

	for (i = 0; i < ACT_WORDS; i++)
		words[i] = act_words[i].word;
	words[i] = NULL;
	if (!parse_word(p, ",:", word, sizeof(word)))
		return parse_fail(p, "expected an action such as print \"text\" "
				  "or wait 2s");
	p->at = begin;
	nearest = option_nearest(word, words);
	if (nearest != NULL)
		return parse_fail(p, "unknown action \"%.40s\"; did you mean "
				  "\"%s\"?", word, nearest);
	return parse_fail(p, "unknown action \"%.40s\"; expected print, play, "
			  "wait, lose, back, or behind `on shell` say, complain, exit, "
			  "hang or drop", word);
}

static bool model_act(struct parse *p, struct twin_act *a, bool shell)
{
	size_t i;

	parse_skip(p, true);
	a->line = parse_line(p);
	for (i = 0; i < ACT_WORDS; i++) {
		if (!parse_take_word(p, act_words[i].word))
			continue;
		if (act_words[i].shell && !shell)
			return parse_fail(p, "%s is an answer to a command: it "
					  "stands behind `on shell`",
					  act_words[i].word);
		a->what = act_words[i].what;
		return act_words[i].read(p, a);
	}
	return act_unknown(p);
}

bool model_acts(struct parse *p, struct twin_acts *ret, bool shell)
{
	do {
		ret->list = memory_grow(ret->list, ret->count + 1,
					sizeof(*ret->list));
		memset(&ret->list[ret->count], 0, sizeof(*ret->list));
		if (!model_act(p, &ret->list[ret->count++], shell))
			return false;
		parse_skip(p, true);
	} while (parse_take(p, ",") ||
		 (*p->at != '\0' && strncmp(p->at, "->", 2) != 0));
	return true;
}

/* "up", "up*3 or panic or silent". */
bool model_target(struct parse *p, struct twin_target *ret)
{
	struct twin_choice *c;
	char word[64], *star;

	do {
		parse_skip(p, true);
		ret->list = memory_grow(ret->list, ret->count + 1,
					sizeof(*ret->list));
		c = &ret->list[ret->count];
		*c = (struct twin_choice){ .weight = 1, .line = parse_line(p),
					  .column = parse_column(p) };
		if (!parse_word(p, ",", word, sizeof(word)))
			return parse_fail(p, "expected the name of a state");
		star = strchr(word, '*');
		if (star != NULL) {
			*star = '\0';
			c->weight = atoi(star + 1);
			if (c->weight < 1 || c->weight > 1000)
				return parse_fail(p, "a weight is from 1 to "
						  "1000: up*3 or panic");
		}
		c->name = memory_copy(word);
		ret->weight += c->weight;
		ret->count++;
		parse_skip(p, true);
	} while (parse_take_word(p, "or"));
	return true;
}
