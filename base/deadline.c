/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only place that reads a clock. Pure code (agent/sequence,
 * agent/console) uses the arithmetic and the texts, never the clocks.
 */
#include "base/deadline.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t deadline_clock_ms(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	assert(rc == 0);
	(void)rc;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t deadline_now(void)
{
	return deadline_clock_ms(CLOCK_MONOTONIC);
}

int64_t deadline_wall_ms(void)
{
	return deadline_clock_ms(CLOCK_REALTIME);
}

int64_t deadline_add(int64_t from, int64_t ms)
{
	if (from == DEADLINE_NEVER || ms == DEADLINE_NEVER)
		return DEADLINE_NEVER;
	if (ms > 0 && from > DEADLINE_NEVER - ms)
		return DEADLINE_NEVER;
	return from + ms;
}

int64_t deadline_in(int64_t ms)
{
	return deadline_add(deadline_now(), ms < 0 ? 0 : ms);
}

int64_t deadline_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int deadline_poll_ms(int64_t deadline)
{
	int64_t left;

	if (deadline == DEADLINE_NEVER)
		return -1;
	left = deadline - deadline_now();
	if (left <= 0)
		return 0;
	return left >= INT_MAX ? INT_MAX : (int)left + 1;
}

static int deadline_unit(const char **text, int64_t *ret_factor)
{
	static const struct {
		const char *name;
		int64_t factor;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 },
	};
	size_t i, len = 0;

	while (isalpha((unsigned char)(*text)[len]))
		len++;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) == len &&
		    strncmp(units[i].name, *text, len) == 0) {
			*text += len;
			*ret_factor = units[i].factor;
			return 0;
		}
	}
	return -1;
}

static void deadline_skip_blanks(const char **text)
{
	while (**text == ' ' || **text == '\t')
		(*text)++;
}

int deadline_parse_ms(const char *text, int64_t *ret_ms)
{
	int64_t total = 0, value, factor;
	int parts = 0;

	deadline_skip_blanks(&text);
	while (*text != '\0') {
		if (!isdigit((unsigned char)*text))
			return -1;
		for (value = 0; isdigit((unsigned char)*text); text++) {
			value = value * 10 + (*text - '0');
			if (value > INT64_C(100000000000))
				return -1;
		}
		deadline_skip_blanks(&text);
		if (*text == '\0' && parts == 0)
			factor = 1000;
		else if (deadline_unit(&text, &factor) < 0)
			return -1;
		total += value * factor;
		if (total > INT64_C(100000000000))
			return -1;
		parts++;
		deadline_skip_blanks(&text);
	}
	if (parts == 0)
		return -1;
	*ret_ms = total;
	return 0;
}

const char *deadline_format(int64_t ms, char *buf, int buf_len)
{
	int64_t s = ms / 1000;

	if (ms == DEADLINE_NEVER)
		snprintf(buf, (size_t)buf_len, "for ever");
	else if (ms < 1000)
		snprintf(buf, (size_t)buf_len, "%" PRId64 "ms", ms);
	else if (s < 60 && ms % 1000 != 0)
		snprintf(buf, (size_t)buf_len, "%" PRId64 ".%" PRId64 "s", s,
			 ms % 1000 / 100);
	else if (s < 60)
		snprintf(buf, (size_t)buf_len, "%" PRId64 "s", s);
	else if (s < 3600 && s % 60 == 0)
		snprintf(buf, (size_t)buf_len, "%" PRId64 "m", s / 60);
	else if (s < 3600)
		snprintf(buf, (size_t)buf_len, "%" PRId64 "m%02" PRId64 "s",
			 s / 60, s % 60);
	else
		snprintf(buf, (size_t)buf_len, "%" PRId64 "h%02" PRId64 "m",
			 s / 3600, s % 3600 / 60);
	return buf;
}

int deadline_poll(struct pollfd *fds, int count, int timeout_ms,
		  int64_t eager_until)
{
	int64_t begin = deadline_now(), now = begin;
	int rc = 0;

	while (now < eager_until && timeout_ms != 0) {
		rc = poll(fds, (nfds_t)count, 0);
		if (rc != 0)
			return rc;
		sched_yield();
		now = deadline_now();
		if (timeout_ms > 0 && now - begin >= timeout_ms)
			return 0;
	}
	if (timeout_ms > 0)
		timeout_ms -= (int)(now - begin);
	return poll(fds, (nfds_t)count, timeout_ms);
}
