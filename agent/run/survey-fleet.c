/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hosts of a survey that one hand asks together. survey.c comes in, beside
 * the hands that it has for single hosts.
 *
 * Always true: each host of the fleet comes out once. A hand that dies, hangs
 * or breaks the protocol costs nothing but the time: whoever it did not tell of
 * comes out as one to be asked alone.
 */
#include "agent/run/survey-fleet.h"

#include <stdlib.h>

#include "base/deadline.h"
#include "base/memory.h"

#define FLEET_LEAST 2
#define FLEET_PACE_MS 20	/* more for each host, until all must have an end */

/* The driver of the host's first way to its power, if it can ask many. */
static const struct driver *fleet_driver(const struct host *host)
{
	const struct way *way = host_way(host, WAY_POWER, 0);

	return way != NULL && way->driver->fleet != NULL ? way->driver : NULL;
}

/* The hosts of the first such driver; NULL: there are too few. */
static const struct driver *fleet_gather(struct survey_fleet *f,
					 const struct host *const *hosts,
					 size_t count)
{
	const struct driver *driver = NULL;
	size_t i;

	f->settings = memory_new(count + 1, sizeof(*f->settings));
	f->hosts = memory_new(count + 1, sizeof(*f->hosts));
	f->told = memory_new(count + 1, sizeof(*f->told));
	for (i = 0; i < count; i++) {
		if (driver == NULL)
			driver = fleet_driver(hosts[i]);
		if (driver == NULL || fleet_driver(hosts[i]) != driver)
			continue;
		f->settings[f->count] =
			host_way(hosts[i], WAY_POWER, 0)->settings;
		f->hosts[f->count++] = i;
	}
	return f->count >= FLEET_LEAST ? driver : NULL;
}

void survey_fleet_begin(struct survey_fleet *f, const struct host *const *hosts,
			size_t count, int at_once, int64_t timeout_ms)
{
	struct hand_request request = { .op = HAND_OP_QUERY_ALL };
	const struct driver *driver = fleet_gather(f, hosts, count);
	struct rh_error err = RH_ERROR_INIT;
	uint32_t id;

	request.number = (int)deadline_min(timeout_ms, HAND_EACH_MAX_MS);
	request.deadline = deadline_in(timeout_ms +
				       (int64_t)f->count * FLEET_PACE_MS);
	if (driver != NULL)
		f->hand = hand_start_fleet("fleet/power", driver, f->settings,
					   f->count, at_once, &err);
	if (f->hand != NULL && hand_send(f->hand, &request, &id, &err) == 0)
		return;
	hand_free(f->hand);
	f->hand = NULL;
	f->count = 0;
}

bool survey_fleet_has(const struct survey_fleet *f, size_t host)
{
	size_t low = 0, high = f->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (f->hosts[mid] < host)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->count && f->hosts[low] == host;
}

/* One that was not told of when the hand came to its end. */
static bool fleet_next_left(struct survey_fleet *f, size_t *ret_host)
{
	size_t i;

	for (i = 0; i < f->count && f->told[i]; i++)
		;
	if (i == f->count)
		return false;
	f->told[i] = true;
	*ret_host = f->hosts[i];
	return true;
}

bool survey_fleet_next(struct survey_fleet *f, size_t *ret_host, bool *ret_alone,
		       struct survey_answer *ret)
{
	struct hand_event event;

	*ret_alone = true;
	while (f->hand != NULL && hand_next(f->hand, &event)) {
		if (event.type == HAND_DONE || event.type == HAND_ENDED) {
			hand_free(f->hand);
			f->hand = NULL;
		} else if (event.type == HAND_STATE && !f->told[event.index]) {
			f->told[event.index] = true;
			*ret_host = f->hosts[event.index];
			*ret_alone = event.alone;
			ret->state = event.state;
			ret->err = event.err;
			return true;
		}
	}
	return f->hand == NULL && fleet_next_left(f, ret_host);
}

void survey_fleet_release(struct survey_fleet *f)
{
	if (f->hand != NULL)
		hand_kill(f->hand);
	hand_free(f->hand);
	free(f->settings);
	free(f->hosts);
	free(f->told);
	*f = (struct survey_fleet){ 0 };
}
