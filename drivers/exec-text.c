/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of the exec driver's options. Pure: exec.c comes in with bytes.
 *
 * A literal is looked for as whole words, or "on" would be found in
 * "connection refused", and a dead strip would be a machine that is on.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "drivers/exec.h"

#define EXEC_MATCH_LIMIT 1000000

/* --- patterns ----------------------------------------------------------------- */

static int exec_pattern_compile(struct exec_pattern *p, const char *text,
				size_t len, uint32_t flags,
				struct rh_error *err)
{
	PCRE2_UCHAR why[120];
	PCRE2_SIZE at;
	int number;

	p->regex = pcre2_compile((PCRE2_SPTR)text, len,
				 flags | PCRE2_MULTILINE |
				 PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
	if (p->regex != NULL)
		return 0;
	pcre2_get_error_message(number, why, sizeof(why));
	return rh_error_set(err, RH_ERR_CONFIG, "%s, at character %zu",
			    (const char *)why, (size_t)at + 1);
}

int exec_pattern_init(struct exec_pattern *p, const char *text,
		      struct rh_error *err)
{
	const char *end = strrchr(text, '/');
	uint32_t flags = 0;

	if (text[0] != '/') {
		p->literal = text;
		if (text[0] != '\0')
			return 0;
		return rh_error_set(err, RH_ERR_CONFIG, "there is no text");
	}
	if (end == text)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s: the / that ends it is missing", text);
	if (strcmp(end, "/i") == 0)
		flags = PCRE2_CASELESS;
	else if (end[1] != '\0')
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s: the only flag is i", text);
	if (end == text + 1)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s: it matches everything", text);
	return exec_pattern_compile(p, text + 1, (size_t)(end - text - 1),
				    flags, err);
}

static bool exec_is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool exec_literal_matches(const char *literal, const char *bytes,
				 size_t len)
{
	const char *end = bytes + len, *at = bytes;
	size_t want = strlen(literal);

	for (; (at = memmem(at, (size_t)(end - at), literal, want)) != NULL;
	     at++) {
		if (at > bytes && exec_is_word(at[-1]) &&
		    exec_is_word(literal[0]))
			continue;
		if (at + want < end && exec_is_word(at[want]) &&
		    exec_is_word(literal[want - 1]))
			continue;
		return true;
	}
	return false;
}

bool exec_pattern_matches(const struct exec_pattern *p, const char *bytes,
			  size_t len)
{
	pcre2_match_context *context;
	pcre2_match_data *data;
	int rc;

	if (p->literal != NULL)
		return exec_literal_matches(p->literal, bytes, len);
	if (p->regex == NULL)
		return false;
	context = pcre2_match_context_create(NULL);
	data = pcre2_match_data_create(1, NULL);
	if (context == NULL || data == NULL)
		abort();
	pcre2_set_match_limit(context, EXEC_MATCH_LIMIT);
	rc = pcre2_match(p->regex, (PCRE2_SPTR)bytes, len, 0, 0, data, context);
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return rc >= 0;
}

void exec_pattern_release(struct exec_pattern *p)
{
	pcre2_code_free(p->regex);
	memset(p, 0, sizeof(*p));
}

/* --- what is written to a program ----------------------------------------------- */

/* What is behind a backslash; returns how many characters it is, 0: bad. */
static size_t exec_escape(const char *text, struct buffer *ret)
{
	static const char letters[] = "nrte\\", bytes[] = "\n\r\t\033\\";
	const char *letter = text[0] != '\0' ? strchr(letters, text[0]) : NULL;
	char digits[3] = "";

	if (letter != NULL) {
		buffer_append_char(ret, bytes[letter - letters]);
		return 1;
	}
	if (text[0] != 'x' || !isxdigit((unsigned char)text[1]) ||
	    !isxdigit((unsigned char)text[2]))
		return 0;
	memcpy(digits, text + 1, 2);
	buffer_append_char(ret, (char)strtoul(digits, NULL, 16));
	return 3;
}

/* What is behind a dollar; the same. */
static size_t exec_value(const char *text, const struct exec_values *values,
			 struct buffer *ret)
{
	if (strncmp(text, "{secret}", 8) == 0 && values->secret != NULL) {
		buffer_append(ret, values->secret->bytes, values->secret->len);
		return 8;
	}
	if (strncmp(text, "{act}", 5) == 0 && values->act != NULL) {
		buffer_append_text(ret, values->act);
		return 5;
	}
	return text[0] == '{' ? 0 : (buffer_append_char(ret, '$'), SIZE_MAX);
}

int exec_expand(const char *text, const struct exec_values *values,
		struct buffer *ret, struct rh_error *err)
{
	const char *p = text;
	size_t taken;

	while (*p != '\0') {
		taken = SIZE_MAX;
		if (*p == '\\')
			taken = exec_escape(p + 1, ret);
		else if (*p == '$')
			taken = exec_value(p + 1, values, ret);
		else
			buffer_append_char(ret, *p);
		if (taken == 0)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "%.20s: not known here; there is \\n "
					    "\\r \\t \\e \\\\ \\xNN%s%s", p,
					    values->act != NULL ? " ${act}" : "",
					    values->secret != NULL ?
					    " ${secret} (where secret is set)" :
					    "");
		p += taken == SIZE_MAX ? 1 : 1 + taken;
	}
	return 0;
}
