/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runs that the guard counts, from their records. guard.c comes in.
 *
 * Always true: where a record does not tell whether force was used (its run was
 * killed), its journal does; a run that goes on and may still use force counts.
 * Times are of the wall clock, since there is no other one for all; one from the
 * future counts, so that a clock that was set back opens no door.
 */
#include "agent/run/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/run/history.h"
#include "base/memory.h"

#define GUARD_DAY_MS INT64_C(86400000)	/* longer than a run that is left alone */

/* "2026-11-21T10:11:12.123Z"; 0: it is none. */
static int64_t count_time(const char *text)
{
	int ms = 0, year, month, day, hour, minute, second;
	struct tm tm = { 0 };

	if (text == NULL ||
	    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &year, &month, &day,
		   &hour, &minute, &second, &ms) != 7)
		return 0;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

static const char *count_member(const json_t *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run, key));

	return text != NULL ? text : "";
}

/* The last act with force in a journal. */
static void count_take(void *context, const json_t *event)
{
	int64_t *at = context;

	if (strcmp(count_member(event, "event"), "power-act") == 0 &&
	    history_act_is_force(count_member(event, "act")))
		*at = count_time(count_member(event, "time"));
}

static int64_t count_forced(const struct guard *g, const json_t *run,
			    const char *path)
{
	const char *force = count_member(run, "force");
	int64_t at = 0;

	if (strcmp(force, "none") == 0)
		return 0;
	if (strcmp(force, "used") == 0)
		return count_time(count_member(run, "forced_at"));
	if (json_is_null(json_object_get(run, "verdict")) &&
	    !history_was_killed(g->records, run))
		return GUARD_UNDER_WAY;
	history_journal(path, count_take, &at, NULL);
	return at;
}

/* Those too that the caller may not see: what was done to them counts. */
static const struct host *count_host(const struct config *config,
				     const char *name)
{
	const struct host *host;
	size_t i;

	for (i = 0; (host = config_each(config, i)) != NULL; i++) {
		if (strcmp(host->name, name) == 0)
			return host;
	}
	return NULL;
}

static void count_run(const struct guard *g, const char *name,
		      struct guard_run *ret)
{
	char *path = memory_format("%s/runs/%s", g->records, name);
	json_t *run = history_load(path, NULL);
	const char *verdict = count_member(run, "verdict");

	memset(ret, 0, sizeof(*ret));
	if (run != NULL) {
		ret->host = count_host(g->config, count_member(run, "host"));
		ret->forced_at = count_forced(g, run, path);
		ret->ended_at = count_time(count_member(run, "ended"));
		if (verdict[0] != '\0' && ret->ended_at == 0)
			ret->ended_at = 1;	/* it was settled */
		ret->good = strcmp(verdict, "recovered") == 0 ||
			    strcmp(verdict, "done") == 0;
	}
	json_decref(run);
	free(path);
}

int guard_runs(const struct guard *g, int64_t since, struct guard_run **ret,
	       size_t *ret_count, struct rh_error *err)
{
	time_t seconds = (time_t)((since - GUARD_DAY_MS) / 1000);
	struct guard_run *list;
	size_t i, count, used = 0;
	char first[32];
	struct tm tm;
	char **names = history_list(g->records, NULL, &count, err);

	if (names == NULL)
		return -1;
	gmtime_r(&seconds, &tm);
	strftime(first, sizeof(first), "%Y%m%dT%H%M%SZ", &tm);
	list = memory_new(count + 1, sizeof(*list));
	for (i = 0; i < count; i++) {
		if (strncmp(names[i], first, strlen(first)) >= 0)
			count_run(g, names[i], &list[used++]);
	}
	history_list_free(names);
	*ret = list;
	*ret_count = used;
	return 0;
}
