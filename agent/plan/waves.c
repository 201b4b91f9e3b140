/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waves from what hosts say that they need. One door, waves_make: it measures
 * for each host of the configuration the longest way over needs to a host that
 * needs nothing, counting only hosts of the list; equal lengths are a wave.
 * A reboot measures from the other side. Always true: a host is measured once, so
 * it costs as much as there are needs.
 */
#include "agent/plan/waves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { WAVES_NEW = 0, WAVES_ON_THE_WAY, WAVES_DONE };

struct measure {
	const struct config *config;
	enum waves_order order;
	bool *listed;		/* per host of the configuration */
	int *color;
	size_t *length;		/* listed hosts before this one */
	size_t *trail;
	size_t trail_len;
	struct rh_error *err;
};

static size_t measure_index(const struct measure *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->config->host_count; i++) {
		if (strcmp(m->config->hosts[i]->name, name) == 0)
			break;
	}
	return i;
}

static int measure_circle(struct measure *m, size_t host)
{
	struct buffer b = { 0 };
	size_t i = m->trail_len;

	while (m->trail[--i] != host)
		;
	for (; i < m->trail_len; i++)
		buffer_printf(&b, "%s -> ",
			      m->config->hosts[m->trail[i]]->name);
	rh_error_set(m->err, RH_ERR_CONFIG, "these hosts need each other in a "
		     "circle, so there is no order: %s%s; take one of the needs "
		     "out", buffer_text(&b), m->config->hosts[host]->name);
	buffer_release(&b);
	return -1;
}

static int measure_host(struct measure *m, size_t host);

/* What comes before the host; *longest grows with it. */
static int measure_before(struct measure *m, size_t before, size_t *longest)
{
	size_t length;

	if (before == m->config->host_count)
		return 0;
	if (measure_host(m, before) < 0)
		return -1;
	length = m->length[before] + (m->listed[before] ? 1 : 0);
	if (length > *longest)
		*longest = length;
	return 0;
}

static bool measure_needs(const struct host *host, const char *name)
{
	size_t i;

	for (i = 0; host->needs[i] != NULL; i++) {
		if (strcmp(host->needs[i], name) == 0)
			return true;
	}
	return false;
}

static int measure_all_before(struct measure *m, size_t host, size_t *longest)
{
	const struct host *h = m->config->hosts[host];
	size_t i;

	for (i = 0; m->order == WAVES_START && h->needs[i] != NULL; i++) {
		if (measure_before(m, measure_index(m, h->needs[i]), longest) < 0)
			return -1;
	}
	for (i = 0; m->order == WAVES_REBOOT && i < m->config->host_count; i++) {
		if (measure_needs(m->config->hosts[i], h->name) &&
		    measure_before(m, i, longest) < 0)
			return -1;
	}
	return 0;
}

static int measure_host(struct measure *m, size_t host)
{
	size_t longest = 0;

	if (m->color[host] == WAVES_DONE)
		return 0;
	m->trail[m->trail_len++] = host;
	if (m->color[host] == WAVES_ON_THE_WAY) {
		m->trail_len--;
		return measure_circle(m, host);
	}
	m->color[host] = WAVES_ON_THE_WAY;
	if (measure_all_before(m, host, &longest) < 0)
		return -1;
	m->trail_len--;
	m->color[host] = WAVES_DONE;
	m->length[host] = longest;
	return 0;
}

/* The hosts in the order of their lengths; a wave ends where it changes. */
static void waves_fill(struct waves *w, const struct measure *m,
		       const struct host *const *hosts, size_t count)
{
	size_t wave, i, n = 0;

	for (wave = 0; n < count; wave++) {
		for (i = 0; i < count; i++) {
			if (m->length[measure_index(m, hosts[i]->name)] == wave)
				w->hosts[n++] = hosts[i];
		}
		w->ends[w->count++] = n;
	}
}

int waves_make(struct waves *waves, const struct config *config,
	       const struct host *const *hosts, size_t count,
	       enum waves_order order, struct rh_error *err)
{
	size_t n = config->host_count, i;
	struct measure m = { .config = config, .order = order, .err = err };
	int rc = 0;

	memset(waves, 0, sizeof(*waves));
	m.listed = memory_new(n + 1, sizeof(*m.listed));
	m.color = memory_new(n + 1, sizeof(*m.color));
	m.length = memory_new(n + 1, sizeof(*m.length));
	m.trail = memory_new(n + 2, sizeof(*m.trail));
	waves->hosts = memory_new(count + 1, sizeof(*waves->hosts));
	waves->ends = memory_new(count + 1, sizeof(*waves->ends));
	for (i = 0; i < count; i++)
		m.listed[measure_index(&m, hosts[i]->name)] = true;
	for (i = 0; i < count && rc == 0; i++)
		rc = measure_host(&m, measure_index(&m, hosts[i]->name));
	if (rc == 0)
		waves_fill(waves, &m, hosts, count);
	free(m.listed);
	free(m.color);
	free(m.length);
	free(m.trail);
	return rc;
}

void waves_release(struct waves *waves)
{
	free(waves->hosts);
	free(waves->ends);
	memset(waves, 0, sizeof(*waves));
}

const struct host *const *waves_hosts(const struct waves *waves, size_t wave,
				      size_t *ret_count)
{
	size_t begin = wave > 0 ? waves->ends[wave - 1] : 0;

	*ret_count = waves->ends[wave] - begin;
	return waves->hosts + begin;
}
