/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_SETTINGS_H
#define RH_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/option.h"

/*
 * The values of one section, checked against up to SETTINGS_TABLES option
 * tables. Filled while a file is read, immutable after that.
 * To ask for a key that is in no table, or by the wrong type, is a bug (assert).
 */
#define SETTINGS_TABLES 3

struct settings;

/* tables: NULL-ended list, kept (tables are static data). Free with settings_free. */
struct settings *settings_new(const struct option *const *tables);
void settings_free(struct settings *s);

/*
 * Stores a value after checking it. Errors (CONFIG): unknown key (with the nearest
 * one), wrong type, out of range, a secret in clear text. A second value of the
 * same key replaces the first; the caller knows whether that is allowed.
 */
int settings_set(struct settings *s, const char *key, const char *value,
		 struct rh_error *err);

/* Whether the key was set by settings_set (not by its default). */
bool settings_has(const struct settings *s, const char *key);

/* Whether the key is in one of the tables. */
bool settings_knows(const struct settings *s, const char *key);

/* The first required key that is not set, or NULL. */
const char *settings_missing(const struct settings *s);

/* NULL where unset without default. Valid as long as s. TEXT, NAME, CHOICE, WORDS. */
const char *settings_text(const struct settings *s, const char *key);

/* The reference ("@file:..."), never the secret itself. NULL where unset. */
const char *settings_secret_ref(const struct settings *s, const char *key);

/* NUMBER, or DURATION in ms. The option must have a default or be required. */
int64_t settings_number(const struct settings *s, const char *key);

bool settings_bool(const struct settings *s, const char *key);

/* Whether `word` is among the WORDS of the key. */
bool settings_has_word(const struct settings *s, const char *key,
		       const char *word);

#endif
