/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checked values of a section. The config room fills them, drivers and the
 * run read them. Always true: each stored value has passed its option's
 * check, so the getters cannot fail; a secret is only ever a reference.
 */
#include "base/settings.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/secret.h"

struct settings_value {
	const struct option *option;
	char *text;
	struct settings_value *next;
};

struct settings {
	const struct option *tables[SETTINGS_TABLES + 1];
	struct settings_value *values;
};

static const struct option *settings_option(const struct settings *s,
					    const char *key)
{
	const struct option *option;
	int i;

	for (i = 0; s->tables[i] != NULL; i++) {
		option = option_find(s->tables[i], key);
		if (option != NULL)
			return option;
	}
	return NULL;
}

bool settings_knows(const struct settings *s, const char *key)
{
	return settings_option(s, key) != NULL;
}

/* One key, one meaning: a driver's option must not hide one of all ways. */
static void settings_assert_new_keys(const struct settings *s,
				     const struct option *table)
{
	for (; table->key != NULL; table++)
		assert(settings_option(s, table->key) == NULL);
}

struct settings *settings_new(const struct option *const *tables)
{
	struct settings *s = memory_new(1, sizeof(*s));
	int i;

	for (i = 0; tables[i] != NULL; i++) {
		assert(i < SETTINGS_TABLES);
		settings_assert_new_keys(s, tables[i]);
		s->tables[i] = tables[i];
	}
	return s;
}

void settings_free(struct settings *s)
{
	struct settings_value *v, *next;

	if (s == NULL)
		return;
	for (v = s->values; v != NULL; v = next) {
		next = v->next;
		free(v->text);
		free(v);
	}
	free(s);
}

static int settings_unknown(const struct settings *s, const char *key,
			    struct rh_error *err)
{
	const char *keys[128];
	const char *nearest;
	const struct option *o;
	int i, count = 0;

	for (i = 0; s->tables[i] != NULL; i++) {
		for (o = s->tables[i]; o->key != NULL && count < 127; o++)
			keys[count++] = o->key;
	}
	keys[count] = NULL;
	nearest = option_nearest(key, keys);
	if (nearest != NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "unknown key \"%.60s\"; did you mean \"%s\"?",
				    key, nearest);
	return rh_error_set(err, RH_ERR_CONFIG,
			    "unknown key \"%.60s\"; expected one of those that "
			    "`rhands drivers` and rhands-hosts(5) list", key);
}

static int settings_parse_number(const char *text, int64_t *ret)
{
	char *end;
	long long value;

	if (!isdigit((unsigned char)text[0]) &&
	    !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return -1;
	*ret = value;
	return 0;
}

/* Walks the words of text; *rest moves on. Returns the length, 0 at the end. */
static size_t settings_next_word(const char **rest, const char **ret_word)
{
	size_t len;

	*rest += strspn(*rest, " \t\n,");
	*ret_word = *rest;
	len = strcspn(*rest, " \t\n,");
	*rest += len;
	return len;
}

static bool settings_is_choice(const struct option *option, const char *word,
			       size_t len)
{
	int i;

	for (i = 0; option->choices[i] != NULL; i++) {
		if (strlen(option->choices[i]) == len &&
		    strncmp(option->choices[i], word, len) == 0)
			return true;
	}
	return false;
}

static bool settings_are_choices(const struct option *option, const char *text)
{
	const char *word;
	size_t len;

	while ((len = settings_next_word(&text, &word)) > 0) {
		if (!settings_is_choice(option, word, len))
			return false;
	}
	return true;
}

static bool settings_value_ok(const struct option *option, const char *value)
{
	int64_t number;

	switch (option->type) {
	case OPTION_TEXT:
		return true;
	case OPTION_NAME:
		return option_is_name(value);
	case OPTION_NUMBER:
		return settings_parse_number(value, &number) == 0 &&
		       number >= option->min && number <= option->max;
	case OPTION_DURATION:
		return deadline_parse_ms(value, &number) == 0 &&
		       number >= option->min && number <= option->max;
	case OPTION_BOOL:
		return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0;
	case OPTION_CHOICE:
		return settings_is_choice(option, value, strlen(value));
	case OPTION_WORDS:
		return settings_are_choices(option, value);
	case OPTION_SECRET:
		return secret_is_reference(value);
	case OPTION_NONE:
		break;
	}
	return false;
}

static struct settings_value *settings_value(const struct settings *s,
					     const char *key)
{
	struct settings_value *v;

	for (v = s->values; v != NULL; v = v->next) {
		if (strcmp(v->option->key, key) == 0)
			return v;
	}
	return NULL;
}

int settings_set(struct settings *s, const char *key, const char *value,
		 struct rh_error *err)
{
	const struct option *option = settings_option(s, key);
	struct settings_value *v;
	const char *nearest;
	char expected[400];

	if (option == NULL)
		return settings_unknown(s, key, err);
	if (!settings_value_ok(option, value)) {
		option_expected(option, expected, sizeof(expected));
		if (option->type == OPTION_SECRET)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "%s: a secret never stands in the "
					    "file itself; expected %s", key,
					    expected);
		nearest = option->type == OPTION_CHOICE
				  ? option_nearest(value, option->choices)
				  : NULL;
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s = %.80s: expected %s%s%s%s", key, value,
				    expected,
				    nearest != NULL ? "; did you mean \"" : "",
				    nearest != NULL ? nearest : "",
				    nearest != NULL ? "\"?" : "");
	}
	v = settings_value(s, key);
	if (v == NULL) {
		v = memory_new(1, sizeof(*v));
		v->option = option;
		v->next = s->values;
		s->values = v;
	}
	free(v->text);
	v->text = memory_copy(value);
	return 0;
}

bool settings_has(const struct settings *s, const char *key)
{
	return settings_value(s, key) != NULL;
}

const char *settings_missing(const struct settings *s)
{
	const struct option *o;
	int i;

	for (i = 0; s->tables[i] != NULL; i++) {
		for (o = s->tables[i]; o->key != NULL; o++) {
			if (o->required && !settings_has(s, o->key))
				return o->key;
		}
	}
	return NULL;
}

static const char *settings_raw(const struct settings *s, const char *key,
				const struct option **ret_option)
{
	const struct settings_value *v = settings_value(s, key);

	*ret_option = settings_option(s, key);
	assert(*ret_option != NULL);
	return v != NULL ? v->text : (*ret_option)->fallback;
}

const char *settings_text(const struct settings *s, const char *key)
{
	const struct option *option;
	const char *text = settings_raw(s, key, &option);

	assert(option->type != OPTION_SECRET);
	return text;
}

const char *settings_secret_ref(const struct settings *s, const char *key)
{
	const struct option *option;
	const char *text = settings_raw(s, key, &option);

	assert(option->type == OPTION_SECRET);
	return text;
}

int64_t settings_number(const struct settings *s, const char *key)
{
	const struct option *option;
	const char *text = settings_raw(s, key, &option);
	int64_t number = 0;
	int rc;

	assert(text != NULL);
	if (option->type == OPTION_DURATION)
		rc = deadline_parse_ms(text, &number);
	else
		rc = settings_parse_number(text, &number);
	assert(rc == 0);
	(void)rc;
	return number;
}

bool settings_bool(const struct settings *s, const char *key)
{
	const struct option *option;
	const char *text = settings_raw(s, key, &option);

	assert(option->type == OPTION_BOOL);
	return text != NULL && strcmp(text, "yes") == 0;
}

bool settings_has_word(const struct settings *s, const char *key,
		       const char *word)
{
	const struct option *option;
	const char *rest = settings_raw(s, key, &option);
	const char *found;
	size_t len;

	assert(option->type == OPTION_WORDS);
	while (rest != NULL && (len = settings_next_word(&rest, &found)) > 0) {
		if (strlen(word) == len && strncmp(word, found, len) == 0)
			return true;
	}
	return false;
}
