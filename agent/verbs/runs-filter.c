/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which runs `rhands runs` lists. Always true: times are compared as the names of
 * records write them, to the second and in UTC, so that a record need not be read
 * to be left out.
 */
#include "agent/verbs/runs-filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"

#define FILTER_STAMP "%Y%m%dT%H%M%SZ"

static const char *const filter_verdicts[] = {
	"recovered", "failed", "needs-hands", "unknown", "done", "running",
	"killed", "damaged", NULL
};

/* "2026-11-21", "2026-11-21T10:11:12Z" (UTC), or how long ago: "7d". */
static bool filter_time(const char *text, char *ret, size_t ret_len)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ",
					     "%Y-%m-%dT%H:%MZ", "%Y-%m-%d" };
	struct tm tm;
	int64_t ago;
	const char *end;
	time_t at;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		if (end == NULL || *end != '\0')
			continue;
		strftime(ret, ret_len, FILTER_STAMP, &tm);
		return true;
	}
	if (deadline_parse_ms(text, &ago) < 0)
		return false;
	at = (time_t)((deadline_wall_ms() - ago) / 1000);
	gmtime_r(&at, &tm);
	strftime(ret, ret_len, FILTER_STAMP, &tm);
	return true;
}

/* Walks the words of text, parted by commas; false at the end. */
static bool filter_word(const char **text, char *ret, size_t ret_len)
{
	size_t len;

	*text += strspn(*text, ",");
	len = strcspn(*text, ",");
	snprintf(ret, ret_len, "%.*s", (int)len, *text);
	*text += len;
	return len > 0;
}

static bool filter_has(const char *text, const char *wanted)
{
	char word[24];

	while (filter_word(&text, word, sizeof(word))) {
		if (strcmp(word, wanted) == 0)
			return true;
	}
	return false;
}

static int filter_check_verdicts(struct verb_call *call, const char *text)
{
	const char *nearest;
	char word[24];
	size_t i;

	while (filter_word(&text, word, sizeof(word))) {
		for (i = 0; filter_verdicts[i] != NULL; i++) {
			if (strcmp(filter_verdicts[i], word) == 0)
				break;
		}
		nearest = option_nearest(word, filter_verdicts);
		if (filter_verdicts[i] == NULL)
			return verb_fail(call, 2, "--verdict %s: expected "
					 "recovered, failed, needs-hands, unknown, "
					 "done, running, killed or damaged%s%s%s",
					 word, nearest ? "; did you mean \"" : "",
					 nearest ? nearest : "",
					 nearest ? "\"?" : "");
	}
	return 0;
}

int runs_filter_read(struct verb_call *call, struct runs_filter *f)
{
	static const char expected[] = "expected how long ago (7d, 12h) or a day or "
				       "time in UTC (2026-11-21, "
				       "2026-11-21T10:11Z)";
	struct rh_error err = RH_ERROR_INIT;

	if (f->since != NULL &&
	    !filter_time(f->since, f->first, sizeof(f->first)))
		return verb_fail(call, 2, "--since %s: %s", f->since, expected);
	if (f->until != NULL &&
	    !filter_time(f->until, f->last, sizeof(f->last)))
		return verb_fail(call, 2, "--until %s: %s", f->until, expected);
	if (f->host != NULL &&
	    config_select(call->config, f->host, &f->hosts, &f->host_count,
			  &err) < 0)
		return verb_fail(call, 2, "--host: %s", err.text);
	return f->verdict != NULL ? filter_check_verdicts(call, f->verdict) : 0;
}

void runs_filter_release(struct runs_filter *f)
{
	free(f->hosts);
}

bool runs_filter_takes_name(const struct runs_filter *f, const char *id)
{
	size_t len = strlen("YYYYMMDDThhmmssZ");

	if (f->first[0] != '\0' && strncmp(id, f->first, len) < 0)
		return false;
	return f->last[0] == '\0' || strncmp(id, f->last, len) < 0;
}

bool runs_filter_takes(const struct runs_filter *f, const json_t *run,
		       const char *verdict)
{
	const char *host = json_string_value(json_object_get(run, "host"));
	size_t i;

	if (f->verdict != NULL && !filter_has(f->verdict, verdict))
		return false;
	for (i = 0; i < f->host_count && host != NULL; i++) {
		if (strcmp(f->hosts[i]->name, host) == 0)
			return true;
	}
	return f->host == NULL;
}
