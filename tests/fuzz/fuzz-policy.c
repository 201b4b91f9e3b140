/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as policy.ini, for a caller who came by sudo. One that has errors
 * allows nothing, since it can't be had; one that can be had and names nobody
 * of ours hides all hosts.
 */
#include <assert.h>

#include "agent/config/policy.h"
#include "tests/fuzz/fuzz-dir.h"

#define CALLER ((uid_t)65534)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_policy(const struct policy *p)
{
	static const char *const verbs[] = { "recover", "status", "power",
					     "console", "nonsense", "" };
	struct problems problems = { 0 };
	struct config *config = NULL;
	size_t i, all, left;

	assert(policy_who(p) != NULL && policy_who(p)[0] != '\0');
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert(config_load(&config, fuzz_dir, &problems, NULL) == 0);
		all = config->host_count;
		policy_hide_hosts(p, verbs[i], config);
		left = config->host_count;
		assert(left + config->hidden_count == all);
		assert(left == 0 || policy_allows_verb(p, verbs[i]));
		assert(left == all || !policy_allows_all(p));
		config_free(config);
		problems_release(&problems);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	struct policy *p = NULL;
	static bool begun;

	if (!begun) {
		fuzz_dir_begin();
		fuzz_dir_hosts();
	}
	begun = true;
	fuzz_dir_write("policy.ini", data, size);
	if (policy_load(&p, fuzz_dir, CALLER, &problems, &err) == 0) {
		assert(problems.errors == 0);
		assert(p != NULL);
		fuzz_policy(p);
	} else {
		assert(err.text[0] != '\0');
	}
	policy_free(p);
	problems_release(&problems);
	return 0;
}
