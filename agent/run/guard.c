/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard's decision. The verbs prepare it; a run comes in by guard_enter when it
 * holds its host, and leaves when its record is there.
 *
 * Always true: one decision at a time, by a lock, and what it allowed is counted by
 * the next one; nothing is asked of the network while the lock is held; what is
 * not known to be healthy does not count as healthy.
 */
#include "agent/run/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/run/record.h"
#include "base/deadline.h"
#include "base/memory.h"

#define GUARD_HEALTH_MS 10000	/* for all checks of one preparation */
#define GUARD_FRESH_MS 30000	/* how long their answers count */
#define GUARD_LOCK_MS 10000

/* All that a decision looks at. */
struct guard_look {
	const struct guard *g;
	const struct host *host;
	struct guard_run *runs;
	size_t count;
	int64_t now;		/* wall clock */
	int64_t window_ms;
	struct guard_pass *pass;
	char text[400];		/* what stands against it */
};

bool guard_is_on(const struct config *config, bool person)
{
	const char *enabled = settings_text(config->guards[0].settings,
					    "enabled");

	return strcmp(enabled, "yes") == 0 ||
	       (strcmp(enabled, "auto") == 0 && !person);
}

/* ---- limits ------------------------------------------------------------------- */

/* What goes for a group: its own section where that says so, else [guard]. */
static const struct config_guard *guard_of(const struct config *config,
					   const char *group, const char *key)
{
	size_t i;

	for (i = 1; i < config->guard_count; i++) {
		if (strcmp(config->guards[i].group, group) == 0 &&
		    settings_has(config->guards[i].settings, key))
			return &config->guards[i];
	}
	return &config->guards[0];
}

/* Of several groups that say so the strictest. */
static int64_t guard_host_limit(const struct config *config,
				const struct host *host)
{
	const struct config_guard *g;
	int64_t limit = INT64_MAX, n;
	size_t i;

	for (i = 0; host->groups[i] != NULL; i++) {
		g = guard_of(config, host->groups[i], "runs-per-host");
		n = settings_number(g->settings, "runs-per-host");
		if (g->group != NULL && n < limit)
			limit = n;
	}
	return limit < INT64_MAX ? limit
				 : settings_number(config->guards[0].settings,
						   "runs-per-host");
}

static size_t guard_group_size(const struct config *config, const char *group)
{
	const struct host *host;
	size_t i, count = 0;

	for (i = 0; (host = config_each(config, i)) != NULL; i++)
		count += host_in_group(host, group);
	return count;
}

static size_t guard_min_healthy(const struct config *config, const char *group)
{
	const struct config_guard *g = guard_of(config, group, "min-healthy");
	size_t size = guard_group_size(config, group);

	if (!g->percent)
		return (size_t)g->min_healthy;
	return (size * (size_t)g->min_healthy + 99) / 100;
}

/* ---- runs with force -------------------------------------------------------------- */

static int guard_compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Refuses where there are so many; group NULL: of the host alone. */
static bool guard_too_many(struct guard_look *l, const char *group,
			   int64_t limit)
{
	int64_t *times = memory_new(l->count + 1, sizeof(*times));
	char window[32];
	size_t i, used = 0;
	bool refused;

	for (i = 0; i < l->count; i++) {
		const struct guard_run *r = &l->runs[i];

		if (r->host == NULL || r->forced_at < l->now - l->window_ms ||
		    (group == NULL ? r->host != l->host
				   : !host_in_group(r->host, group)))
			continue;
		times[used++] = r->forced_at;
	}
	refused = (int64_t)used >= limit;
	if (refused) {
		qsort(times, used, sizeof(*times), guard_compare);
		i = used - (size_t)limit;
		l->pass->allowed_at = times[i] == GUARD_UNDER_WAY
					      ? 0 : times[i] + l->window_ms;
		snprintf(l->text, sizeof(l->text), "%zu run%s with force %s%s in "
			 "%s%s", used, used == 1 ? "" : "s",
			 group == NULL ? "on " : "in the group ",
			 group == NULL ? l->host->name : group,
			 deadline_format(l->window_ms, window, sizeof(window)),
			 times[used - 1] == GUARD_UNDER_WAY
				 ? ", those under way counted" : "");
	}
	free(times);
	return refused;
}

/* ---- health ------------------------------------------------------------------------ */

/* The host's checks were good, or nothing can be asked and its last run was. */
static bool guard_host_is_healthy(const struct guard_look *l,
				  const struct host *host)
{
	const struct guard_health *h = NULL;
	const struct guard_run *last = NULL;
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (l->runs[i].host != host)
			continue;
		if (l->runs[i].forced_at == GUARD_UNDER_WAY)
			return false;
		last = &l->runs[i];
	}
	for (i = 0; i < l->g->health_count; i++) {
		if (l->g->health[i].host == host)
			h = &l->g->health[i];
	}
	if (h == NULL || !h->asked)
		return last != NULL && last->good;
	/* What a run found out after the question counts more. */
	return h->healthy && (last == NULL || last->good ||
			      last->ended_at < l->g->asked_wall);
}

static bool guard_too_few(struct guard_look *l, const char *group, size_t least)
{
	const struct config *config = l->g->config;
	const struct host *host;
	size_t i, healthy = 0, others = 0;

	for (i = 0; (host = config_each(config, i)) != NULL; i++) {
		if (host == l->host || !host_in_group(host, group))
			continue;
		others++;
		healthy += guard_host_is_healthy(l, host);
	}
	if (healthy >= least)
		return false;
	snprintf(l->text, sizeof(l->text), "of the %zu other hosts of the group "
		 "%s, %zu are known to be healthy", others, group, healthy);
	return true;
}

/* ---- the decision ------------------------------------------------------------------- */

static bool guard_object_host(struct guard_look *l)
{
	int64_t limit = guard_host_limit(l->g->config, l->host);

	if (!guard_too_many(l, NULL, limit))
		return false;
	snprintf(l->pass->rule, sizeof(l->pass->rule), "runs-per-host = %lld",
		 (long long)limit);
	return true;
}

static bool guard_object_group(struct guard_look *l, const char *group)
{
	const struct config_guard *g = guard_of(l->g->config, group,
						"runs-per-group");
	int64_t limit = settings_number(g->settings, "runs-per-group");

	if (!guard_too_many(l, group, limit))
		return false;
	snprintf(l->pass->rule, sizeof(l->pass->rule), "runs-per-group = %lld "
		 "of %s", (long long)limit, group);
	return true;
}

static bool guard_object_health(struct guard_look *l, const char *group)
{
	size_t least = guard_min_healthy(l->g->config, group);

	if (!guard_too_few(l, group, least))
		return false;
	snprintf(l->pass->rule, sizeof(l->pass->rule), "min-healthy = %zu of %s",
		 least, group);
	return true;
}

/* The first rule that stands against it; false: none does. */
static bool guard_object(struct guard_look *l)
{
	const char *group;
	size_t i;

	if (l->g->ask != GUARD_HEALTH && guard_object_host(l))
		return true;
	for (i = 0; (group = l->host->groups[i]) != NULL; i++) {
		if ((l->g->ask != GUARD_HEALTH && guard_object_group(l, group)) ||
		    (l->g->ask != GUARD_COUNTS && guard_object_health(l, group)))
			return true;
	}
	return false;
}

static int guard_refuse(const struct guard_look *l, struct rh_error *err)
{
	char at[40], when[80] = "";

	if (l->pass->allowed_at > 0) {
		record_time_text(l->pass->allowed_at, at, sizeof(at));
		snprintf(when, sizeof(when), "; allowed again at %s", at);
	}
	return rh_error_set(err, RH_ERR_REFUSED, "refused by the guard (%s): %s%s; "
			    "nothing was done%s%s", l->pass->rule, l->text, when,
			    l->g->past != NULL ? "; " : "",
			    l->g->past != NULL ? l->g->past : "");
}

static int guard_lock(const struct guard *g, struct guard_pass *pass,
		      struct rh_error *err)
{
	int64_t until = deadline_in(GUARD_LOCK_MS);
	char *path = memory_format("%s/guard.lock", g->records);
	int rc = 0;

	pass->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (pass->fd < 0)
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	while (rc == 0 && flock(pass->fd, LOCK_EX | LOCK_NB) < 0) {
		if (deadline_now() >= until)
			rc = rh_error_set(err, RH_ERR_BUSY, "%s is held for more "
					  "than 10s; nothing was done", path);
		else
			poll(NULL, 0, 5);
	}
	free(path);
	return rc;
}

int guard_enter(const struct guard *g, const struct host *host, bool override,
		struct guard_pass *pass, struct rh_error *err)
{
	struct guard_look l = { .g = g, .host = host, .pass = pass };
	int rc;

	*pass = (struct guard_pass){ .fd = -1 };
	rc = guard_lock(g, pass, err);
	if (rc == 0) {
		l.now = deadline_wall_ms();
		l.window_ms = settings_number(g->config->guards[0].settings,
					      "window");
		rc = guard_runs(g, l.now - l.window_ms, &l.runs, &l.count, err);
	}
	if (rc == 0 && guard_object(&l) && !override)
		rc = guard_refuse(&l, err);
	free(l.runs);
	if (rc < 0)
		guard_leave(pass);
	return rc;
}

void guard_leave(struct guard_pass *pass)
{
	if (pass->fd >= 0)
		close(pass->fd);
	pass->fd = -1;
}

/* ---- preparation -------------------------------------------------------------------- */

static bool guard_shares(const struct guard *g, const struct host *other,
			 const struct host *const *hosts, size_t count)
{
	size_t i, k;

	for (i = 0; other->groups[i] != NULL; i++) {
		if (guard_min_healthy(g->config, other->groups[i]) == 0)
			continue;
		for (k = 0; k < count; k++) {
			if (host_in_group(hosts[k], other->groups[i]))
				return true;
		}
	}
	return false;
}

void guard_prepare(struct guard *g, const struct host *const *hosts,
		   size_t count)
{
	const struct config *config = g->config;
	const struct host *host;
	size_t i;

	if (g->ask == GUARD_COUNTS)
		return;
	if (g->asked_at > 0 && deadline_now() - g->asked_at < GUARD_FRESH_MS)
		return;
	guard_release(g);
	g->health = memory_new(config->host_count + config->hidden_count + 1,
			       sizeof(*g->health));
	for (i = 0; (host = config_each(config, i)) != NULL; i++) {
		if (!host->broken && guard_shares(g, host, hosts, count))
			g->health[g->health_count++].host = host;
	}
	g->asked_at = deadline_now();
	g->asked_wall = deadline_wall_ms();
	guard_ask_health(g, g->health, g->health_count,
			 deadline_in(GUARD_HEALTH_MS));
}

void guard_release(struct guard *g)
{
	free(g->health);
	g->health = NULL;
	g->health_count = 0;
}
