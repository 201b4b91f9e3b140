/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a plan of three hosts, of which one needs another. It is refused
 * with a reason, or it is one: each host has its wave, before or behind those
 * that it needs, and the window has a length.
 */
#include <assert.h>

#include "agent/plan/plan.h"
#include "tests/fuzz/fuzz-dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config *fuzz_hosts(void)
{
	static struct config *config;
	struct problems problems = { 0 };

	if (config != NULL)
		return config;
	fuzz_dir_begin();
	fuzz_dir_hosts();
	assert(config_load(&config, fuzz_dir, &problems, NULL) == 0);
	assert(problems.errors == 0);
	problems_release(&problems);
	return config;
}

static size_t fuzz_wave(const struct plan *plan, const char *name)
{
	size_t i;

	for (i = 0; i < plan->host_count; i++) {
		if (strcmp(plan->waves.hosts[i]->name, name) == 0)
			return plan_wave_of(plan, i);
	}
	return SIZE_MAX;
}

static void fuzz_plan(const struct plan *plan)
{
	size_t a = fuzz_wave(plan, "a"), b = fuzz_wave(plan, "b"), i;

	assert(plan->kind > PLAN_NONE && plan_kind_name(plan->kind) != NULL);
	assert((plan->kind == PLAN_RUN) == (plan->sequence != NULL));
	assert(plan->host_count >= 1 && plan->host_count <= 3);
	assert(plan->end_ms > plan->begin_ms);
	assert(plan->parallel >= 1);
	if (a != SIZE_MAX && b != SIZE_MAX)
		assert(plan->kind == PLAN_START ? a < b : b < a);
	assert(plan->ahead_count <= PLAN_AHEAD_MAX);
	for (i = 1; i < plan->ahead_count; i++)
		assert(plan->ahead_ms[i - 1] >= plan->ahead_ms[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config *config = fuzz_hosts();
	struct problems problems = { 0 };
	struct ini *ini = ini_read("p.ini", (const char *)data, size, &problems);
	bool readable = problems.errors == 0;
	struct plan *plan = plan_parse(ini, "p", config, &problems);

	assert(plan != NULL || problems.errors > 0);
	assert(plan == NULL || !readable || problems.errors == 0);
	if (plan != NULL)
		fuzz_plan(plan);
	plan_free(plan);
	ini_free(ini);
	problems_release(&problems);
	return 0;
}
