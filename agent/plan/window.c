/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times of day to times and back. The C library knows only one zone at a time,
 * that of TZ; it is switched here and nowhere else, and is back when a function
 * returns. (There are no threads.)
 *
 * Always true: a time of day that a zone leaves out, or has twice, is not guessed.
 */
#include "agent/plan/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define WINDOW_ZONES "/usr/share/zoneinfo"

static bool window_is_local(const char *zone)
{
	return strcmp(zone, "local") == 0;
}

bool window_knows(const char *zone)
{
	char *path;
	bool knows;

	if (window_is_local(zone) || strcmp(zone, "UTC") == 0)
		return true;
	if (zone[0] == '\0' || zone[0] == '/' || strstr(zone, "..") != NULL ||
	    strchr(zone, ':') != NULL)
		return false;
	path = memory_format(WINDOW_ZONES "/%s", zone);
	knows = access(path, R_OK) == 0 && strchr(zone, '.') == NULL;
	free(path);
	return knows;
}

/* Returns the zone to go back to; free(3). */
static char *window_enter(const char *zone)
{
	const char *now = getenv("TZ");
	char *before = now != NULL ? memory_copy(now) : NULL;

	if (!window_is_local(zone)) {
		setenv("TZ", zone, 1);
		tzset();
	}
	return before;
}

/* Consumes before. */
static void window_leave(char *before)
{
	if (before != NULL)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	free(before);
}

/* The time of that reading of the clock where it is (not) summer; -1: never. */
static time_t window_at(const struct tm *wanted, int summer,
			char abbreviation[16])
{
	struct tm tm = *wanted;
	time_t at;

	tm.tm_isdst = summer;
	at = mktime(&tm);
	if (at == (time_t)-1 || tm.tm_isdst != summer ||
	    tm.tm_hour != wanted->tm_hour || tm.tm_min != wanted->tm_min ||
	    tm.tm_mday != wanted->tm_mday || tm.tm_mon != wanted->tm_mon)
		return (time_t)-1;
	snprintf(abbreviation, 16, "%s", tm.tm_zone != NULL ? tm.tm_zone : "?");
	return at;
}

static int window_choose(const struct tm *tm, const char *text, const char *zone,
			 const char *word, int64_t *ret_ms, struct rh_error *err)
{
	char winter_name[16] = "", summer_name[16] = "";
	time_t winter = window_at(tm, 0, winter_name);
	time_t summer = window_at(tm, 1, summer_name);

	if (word[0] != '\0') {
		if (strcmp(word, winter_name) != 0)
			winter = (time_t)-1;
		if (strcmp(word, summer_name) != 0)
			summer = (time_t)-1;
	}
	if (winter == (time_t)-1 && summer == (time_t)-1)
		return rh_error_set(err, RH_ERR_CONFIG, "there is no %.40s in "
				    "%.40s: clocks are put forward over it, or "
				    "no day has it", text, zone);
	if (winter != (time_t)-1 && summer != (time_t)-1 && winter != summer)
		return rh_error_set(err, RH_ERR_CONFIG, "%.40s is there twice in "
				    "%.40s, clocks are put back over it; write "
				    "\"%.40s %s\" for the first or \"%.40s %s\" "
				    "for the second", text, zone, text,
				    summer_name, text, winter_name);
	*ret_ms = (int64_t)(summer != (time_t)-1 ? summer : winter) * 1000;
	return 0;
}

static bool window_read(const char *text, struct tm *tm, char word[16])
{
	int n = 0;

	memset(tm, 0, sizeof(*tm));
	word[0] = '\0';
	if (sscanf(text, "%4d-%2d-%2d %2d:%2d%n", &tm->tm_year, &tm->tm_mon,
		   &tm->tm_mday, &tm->tm_hour, &tm->tm_min, &n) != 5)
		return false;
	if (text[n] != '\0' &&
	    (sscanf(text + n, " %15[A-Za-z+0-9-]%n", word, &n) != 1 ||
	     word[0] == '\0'))
		return false;
	if (tm->tm_year < 1970 || tm->tm_year > 9999 || tm->tm_mon < 1 ||
	    tm->tm_mon > 12 || tm->tm_mday < 1 || tm->tm_mday > 31 ||
	    tm->tm_hour < 0 || tm->tm_hour > 23 || tm->tm_min < 0 ||
	    tm->tm_min > 59)
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

int window_parse(const char *text, const char *zone, int64_t *ret_ms,
		 struct rh_error *err)
{
	char word[16], *before;
	struct tm tm;
	int rc;

	if (!window_knows(zone))
		return rh_error_set(err, RH_ERR_CONFIG, "no time zone \"%.60s\" "
				    "here; expected one such as Europe/Berlin, "
				    "UTC, or local", zone);
	if (!window_read(text, &tm, word))
		return rh_error_set(err, RH_ERR_CONFIG, "\"%.60s\" is no time; "
				    "expected one such as 2026-12-05 22:00",
				    text);
	before = window_enter(zone);
	rc = window_choose(&tm, text, zone, word, ret_ms, err);
	window_leave(before);
	return rc;
}

static size_t window_print(const struct tm *tm, enum window_style style,
			   char *buf, size_t buf_len)
{
	switch (style) {
	case WINDOW_HOUR:
		return strftime(buf, buf_len, "%H:%M", tm);
	case WINDOW_CLOCK:
		return strftime(buf, buf_len, "%H:%M:%S", tm);
	case WINDOW_CALENDAR:
		return strftime(buf, buf_len, "%Y%m%dT%H%M%SZ", tm);
	case WINDOW_MAIL:
		return strftime(buf, buf_len, "%a, %d %b %Y %H:%M:%S %z", tm);
	case WINDOW_TEXT:
		break;
	}
	return strftime(buf, buf_len, "%a %Y-%m-%d %H:%M %Z", tm);
}

const char *window_format(int64_t ms, const char *zone, enum window_style style,
			  char *buf, size_t buf_len)
{
	char *before = window_enter(zone);
	time_t at = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL ||
	    window_print(&tm, style, buf, buf_len) == 0)
		snprintf(buf, buf_len, "?");
	window_leave(before);
	return buf;
}

const char *window_text(int64_t ms, const char *zone, char *buf, size_t buf_len)
{
	return window_format(ms, zone, WINDOW_TEXT, buf, buf_len);
}
