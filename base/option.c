/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Option tables, read only. The tables themselves are static data of the
 * drivers and of agent/config; whoever walks them comes in here.
 */
#include "base/option.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/deadline.h"

const struct option *option_find(const struct option *table, const char *key)
{
	for (; table != NULL && table->key != NULL; table++) {
		if (strcmp(table->key, key) == 0)
			return table;
	}
	return NULL;
}

static void option_expected_choices(const struct option *option,
				    const char *before, char *buf, int buf_len)
{
	int i, used = snprintf(buf, (size_t)buf_len, "%s", before);

	for (i = 0; option->choices[i] != NULL && used < buf_len; i++)
		used += snprintf(buf + used, (size_t)(buf_len - used), "%s%s",
				 i > 0 ? ", " : "", option->choices[i]);
}

const char *option_expected(const struct option *option, char *buf, int buf_len)
{
	char lo[32], hi[32];

	switch (option->type) {
	case OPTION_NUMBER:
		snprintf(buf, (size_t)buf_len,
			 "a number from %" PRId64 " to %" PRId64 "%s%s",
			 option->min, option->max,
			 option->unit != NULL ? " in " : "",
			 option->unit != NULL ? option->unit : "");
		break;
	case OPTION_DURATION:
		deadline_format(option->min, lo, sizeof(lo));
		deadline_format(option->max, hi, sizeof(hi));
		snprintf(buf, (size_t)buf_len,
			 "a time from %s to %s, such as 5s or 1m30s", lo, hi);
		break;
	case OPTION_BOOL:
		snprintf(buf, (size_t)buf_len, "yes or no");
		break;
	case OPTION_CHOICE:
		option_expected_choices(option, "one of ", buf, buf_len);
		break;
	case OPTION_WORDS:
		option_expected_choices(option, "words out of ", buf, buf_len);
		break;
	case OPTION_SECRET:
		snprintf(buf, (size_t)buf_len,
			 "a reference: @file:PATH, @credential:NAME or "
			 "@command:PROGRAM ARGUMENTS");
		break;
	case OPTION_NAME:
		snprintf(buf, (size_t)buf_len,
			 "letters, digits and . _ : -, no leading -");
		break;
	case OPTION_TEXT:
	case OPTION_NONE:
		snprintf(buf, (size_t)buf_len, "text");
		break;
	}
	return buf;
}

bool option_is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:-";

	return text[0] != '\0' && text[0] != '-' && strlen(text) <= 255 &&
	       text[strspn(text, allowed)] == '\0';
}

static bool option_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int option_least(int a, int b, int c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/*
 * How many slips make the one of the other: a letter too few, too many or wrong, or
 * two that changed places. Words over 31 bytes are far apart.
 */
static int option_distance(const char *a, const char *b)
{
	int rows[3][32], *before = rows[0], *above = rows[1], *row = rows[2];
	int *spare, i, j, a_len = (int)strlen(a), b_len = (int)strlen(b);

	if (a_len > 31 || b_len > 31)
		return 32;
	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		spare = before;
		before = above;
		above = row;
		row = spare;
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			row[j] = option_least(above[j] + 1, row[j - 1] + 1,
					      above[j - 1] +
					      !option_same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && option_same(a[i - 1], b[j - 2]) &&
			    option_same(a[i - 2], b[j - 1]) &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[b_len];
}

const char *option_nearest(const char *word, const char *const *choices)
{
	const char *nearest = NULL;
	int distance, best = 3, len, word_len = (int)strlen(word);

	for (; choices != NULL && *choices != NULL; choices++) {
		distance = option_distance(word, *choices);
		len = (int)strlen(*choices);
		/* Two slips in a word of four letters make any other word; but
		   for what is missing at an end, or too much ("softly"). */
		if (distance < best && distance < len &&
		    (distance < 2 || len > 4 ||
		     strncasecmp(word, *choices, (size_t)(word_len < len
						? word_len : len)) == 0)) {
			best = distance;
			nearest = *choices;
		}
	}
	return nearest;
}
