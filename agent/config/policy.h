/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONFIG_POLICY_H
#define RH_AGENT_CONFIG_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/config/config.h"

/*
 * policy.ini: which people may use which verbs on which hosts, where they get
 * here by sudo. It binds those who came by sudo, and nobody else can be bound:
 * whoever is root, or the user that rhands runs as, can read the secrets anyway.
 */
struct policy;

/*
 * Who asks: the user that sudo names; without sudo the login user of the audit
 * system, where this process is not root; else the user of this process.
 * (uid_t)-1 where sudo's word makes no sense.
 *
 * Anybody can set SUDO_UID, and gains nothing by it: a process of their own has their
 * own rights, and needs no leave of this program to use them. The rights of another
 * user come by sudo, which sets it anew, or by a set-user-id bit, which main refuses.
 */
uid_t policy_caller(void);

/*
 * Reads DIR/policy.ini for that caller. *ret is NULL where there is none, or where
 * the caller is root or the user of this process: nothing is forbidden then.
 * What is wrong in it goes to problems. CONFIG, for those whom it would bind: others
 * could write to it, or it has errors.
 * Free with policy_free.
 */
int policy_load(struct policy **ret, const char *dir, uid_t caller,
		struct problems *problems, struct rh_error *err);
void policy_free(struct policy *p);	/* NULL ok */

/*
 * Warns of people and hosts in the policy.ini of a whole configuration that are not
 * there: a range with one such host gives none of those behind it.
 */
void policy_check(const struct config *config, struct problems *problems);

/* The caller's name, for messages. */
const char *policy_who(const struct policy *p);

/* Everything, without limit: a rule with `hosts = all` and `verbs = all`. */
bool policy_allows_all(const struct policy *p);

/* The verb, or one of its acts ("power-cycle"), on some hosts at least. */
bool policy_allows_verb(const struct policy *p, const char *verb);

/* The same, or any of its acts. */
bool policy_allows_some(const struct policy *p, const char *verb);

/* The same on this one, of a configuration whose hosts are not hidden but by it. */
bool policy_allows_host(const struct policy *p, const char *verb,
			const struct config *config, const struct host *host);

/*
 * Takes the hosts out of config that the caller may not use this verb on; they are
 * in config->hidden then.
 */
void policy_hide_hosts(const struct policy *p, const char *verb,
		       struct config *config);

#endif
