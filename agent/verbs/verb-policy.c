/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy at the doors of the verbs: verb_begin, verb_load, and where a record
 * is opened. Always true: the policy of the installed configuration counts
 * whatever --config says; who is bound by one can neither choose where rhands
 * reads and writes, nor see a host, or a run on it, that no rule names.
 */
#include "agent/verbs/paths.h"
#include "agent/verbs/verb-policy.h"

#include <string.h>

#include "agent/config/policy.h"

bool verb_policy_limits(const struct verb_call *call)
{
	return call->policy != NULL && !policy_allows_all(call->policy);
}

static int verb_policy_refuse(const struct verb_call *call, const char *what)
{
	return verb_fail(call, 6, "refused by policy: %s may not %s",
			 policy_who(call->policy), what);
}

static int verb_policy_read(struct verb_call *call, const char *dir)
{
	struct rh_error err = RH_ERROR_INIT;

	if (policy_load(&call->policy, dir, policy_caller(), &call->problems,
			&err) == 0)
		return 0;
	verb_print_problems(&call->problems, NULL);
	return verb_fail(call, 2, "%s; nothing was done", err.text);
}

int verb_policy_admit(struct verb_call *call)
{
	bool installed;
	char what[80];
	int status;

	if (call->policy_read)
		return 0;
	call->policy_read = true;
	status = verb_policy_read(call, RHANDS_CONFIG_DIR);
	installed = call->policy != NULL;
	if (status == 0 && !installed)
		status = verb_policy_read(call, call->config_dir);
	if (status != 0 || !verb_policy_limits(call))
		return status;
	snprintf(what, sizeof(what), "use %s", call->verb->name);
	if (!policy_allows_some(call->policy, call->verb->name))
		return verb_policy_refuse(call, what);
	if (installed && strcmp(call->config_dir, RHANDS_CONFIG_DIR) != 0)
		return verb_policy_refuse(call, "use --config");
	if (call->records_option != NULL)
		return verb_policy_refuse(call, "use --records");
	return 0;
}

int verb_policy_hosts(struct verb_call *call)
{
	if (!verb_policy_limits(call))
		return 0;
	/* Else the environment says where records are. */
	if (call->config->records == NULL)
		return verb_fail(call, 2, "with a policy, rhands.ini has to say "
				 "where records are");
	policy_hide_hosts(call->policy, verb_policy_word(call), call->config);
	return 0;
}

const char *verb_policy_word(const struct verb_call *call)
{
	return call->permission != NULL ? call->permission : call->verb->name;
}

int verb_policy_host(const struct verb_call *call, const char *what,
		     const struct host *host)
{
	if (call->policy == NULL ||
	    policy_allows_host(call->policy, what, call->config, host))
		return 0;
	return verb_fail(call, 6, "refused by policy: %s may not use %s on %s",
			 policy_who(call->policy), what, host->name);
}

bool verb_policy_hides(const struct verb_call *call, const char *word)
{
	size_t i;

	for (i = 0; i < call->config->hidden_count; i++) {
		if (strcmp(call->config->hidden[i]->name, word) == 0)
			return true;
	}
	return false;
}

bool verb_policy_shows(const struct verb_call *call, const json_t *run)
{
	const char *host = json_string_value(json_object_get(run, "host"));

	if (!verb_policy_limits(call))
		return true;
	return host != NULL && config_host(call->config, host) != NULL;
}

int verb_policy_file(const struct verb_call *call, const char *what)
{
	if (!verb_policy_limits(call))
		return 0;
	return verb_policy_refuse(call, what);
}
