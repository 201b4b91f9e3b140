/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.ini and who is bound by it. The verbs come in twice: before anything is
 * read (may this person use this verb at all?) and once the hosts are there.
 *
 * Always true: what no rule gives is refused; a rule that can't be read gives
 * nothing; verbs that are not in policy_verbs are given by `verbs = all` on
 * `hosts = all` alone, since they don't know how to keep to some hosts. To go past
 * the guard is a word of its own, which `all` on some hosts does not give.
 */
#include "agent/config/policy.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

#define POLICY_GROUPS 256

static const char *const policy_verbs[] = {
	"recover", "power", "power-status", "power-on", "power-off",
	"power-cycle", "power-reset", "power-soft", "power-diag", "console",
	"status", "shell", "sel", "identify", "doctor", "hosts", "runs", "show",
	"replay", "report", "wait", "cancel", "answer", "override", "all", NULL
};

static const struct option policy_options[] = {
	{ .key = "who", .type = OPTION_TEXT, .required = true,
	  .help = "Users, and groups as %group." },
	{ .key = "hosts", .type = OPTION_TEXT, .required = true,
	  .help = "Hosts, as on the command line." },
	{ .key = "verbs", .type = OPTION_WORDS, .required = true,
	  .choices = policy_verbs,
	  .help = "The verbs that they may use on these." },
	OPTION_END
};

static const struct option *const policy_tables[] = { policy_options, NULL };

/* The rules that are about the caller; the others are forgotten. */
struct policy {
	char *who;
	uid_t caller;
	struct settings **rules;
	size_t count;
};

/* ---- who asks -------------------------------------------------------------------- */

static bool policy_number(const char *text, uid_t *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || (*end != '\0' && *end != '\n') ||
	    n >= (unsigned long)(uid_t)-1)
		return false;
	*ret = (uid_t)n;
	return true;
}

uid_t policy_caller(void)
{
	const char *sudo = getenv("SUDO_UID");
	char text[32] = "";
	uid_t uid = (uid_t)-1;
	ssize_t n;
	int fd;

	/* Where sudo sets it: for a process that root made so, see main.c. */
	if (sudo != NULL)
		return policy_number(sudo, &uid) ? uid : (uid_t)-1;
	if (geteuid() == 0)
		return 0;
	fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	return n > 0 && policy_number(text, &uid) ? uid : geteuid();
}

/* Walks words between blanks; false at the end. */
static bool policy_word(const char **text, char *ret, size_t ret_len)
{
	size_t len;

	*text += strspn(*text, " \t\n,");
	len = strcspn(*text, " \t\n,");
	snprintf(ret, ret_len, "%.*s", (int)len, *text);
	*text += len;
	return len > 0;
}

static bool policy_in_group(const struct passwd *pw, const char *name)
{
	const struct group *gr = getgrnam(name);
	gid_t list[POLICY_GROUPS];
	int i, count = POLICY_GROUPS;

	if (gr == NULL || getgrouplist(pw->pw_name, pw->pw_gid, list, &count) < 0)
		return false;
	for (i = 0; i < count; i++) {
		if (list[i] == gr->gr_gid)
			return true;
	}
	return false;
}

static bool policy_is_about(const struct settings *rule, uid_t caller)
{
	const struct passwd *pw = getpwuid(caller);
	const char *words = settings_text(rule, "who");
	char word[256];

	while (pw != NULL && policy_word(&words, word, sizeof(word))) {
		if (word[0] == '%' ? policy_in_group(pw, word + 1)
				   : strcmp(word, pw->pw_name) == 0)
			return true;
	}
	return false;
}

/* ---- the file ---------------------------------------------------------------------- */

/* A rule; NULL where it has errors. */
static struct settings *policy_rule(const struct ini *ini,
				    const struct ini_section *s,
				    struct problems *problems)
{
	struct settings *rule = settings_new(policy_tables);
	size_t before = problems->errors, i;
	const struct ini_entry *e;
	struct rh_error err;

	if (strncmp(s->name, "policy ", 7) != 0)
		problems_add(problems, ini->file, s->line, "unexpected section "
			     "[%s]; expected [policy NAME]", s->name);
	for (i = 0; i < s->count; i++) {
		e = &s->entries[i];
		rh_error_clear(&err);
		if (settings_knows(rule, e->key) && settings_has(rule, e->key))
			problems_add(problems, ini->file, e->line, "key \"%s\" "
				     "is there twice; expected it once", e->key);
		else if (settings_set(rule, e->key, e->value, &err) < 0)
			problems_add(problems, ini->file, e->line, "%s",
				     err.text);
	}
	if (settings_missing(rule) != NULL)
		problems_add(problems, ini->file, s->line, "[%s] lacks \"%s\"",
			     s->name, settings_missing(rule));
	if (problems->errors == before)
		return rule;
	settings_free(rule);
	return NULL;
}

static void policy_take(struct policy *p, const struct ini *ini,
			struct problems *problems)
{
	struct settings *rule;
	size_t i;

	for (i = 0; i < ini->count; i++) {
		rule = policy_rule(ini, &ini->sections[i], problems);
		if (rule == NULL || !policy_is_about(rule, p->caller)) {
			settings_free(rule);
			continue;
		}
		p->rules = memory_grow(p->rules, p->count + 1,
				       sizeof(*p->rules));
		p->rules[p->count++] = rule;
	}
}

/* Root and the user of this process, whom nothing here can bind. */
static bool policy_binds(uid_t caller)
{
	return caller != 0 && caller != geteuid();
}

int policy_load(struct policy **ret, const char *dir, uid_t caller,
		struct problems *problems, struct rh_error *err)
{
	char *path = memory_format("%s/policy.ini", dir);
	const struct passwd *pw = getpwuid(caller);
	struct policy *p = memory_new(1, sizeof(*p));
	size_t before = problems->errors;
	struct ini *ini = NULL;
	bool broken = false;
	int rc;

	*ret = NULL;
	p->caller = caller;
	p->who = pw != NULL ? memory_copy(pw->pw_name)
			    : memory_format("uid %ld", (long)(int)caller);
	rc = config_file_read(AT_FDCWD, path, path, problems, &ini, &broken, err);
	if (rc == 0 && ini != NULL)
		policy_take(p, ini, problems);
	if (rc == 0 && (broken || problems->errors > before))
		rc = rh_error_set(err, RH_ERR_CONFIG, "%s has errors", path);
	if (rc < 0 && !policy_binds(caller)) {
		/* Who has to bring a host back is not stopped by it. */
		if (problems->errors == before)
			problems_add(problems, path, 0, "%s", err->text);
		rh_error_clear(err);
		rc = 0;
	}
	if (rc == 0 && ini != NULL && policy_binds(caller))
		*ret = p;
	else
		policy_free(p);
	ini_free(ini);
	free(path);
	return rc;
}

void policy_free(struct policy *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->count; i++)
		settings_free(p->rules[i]);
	free(p->rules);
	free(p->who);
	free(p);
}

const char *policy_who(const struct policy *p)
{
	return p->who;
}

/* ---- what it gives --------------------------------------------------------------------- */

static bool policy_is_word(const char *verb)
{
	size_t i;

	for (i = 0; policy_verbs[i] != NULL; i++) {
		if (strcmp(policy_verbs[i], verb) == 0)
			return true;
	}
	return false;
}

/* "power" are all that begin so. */
static bool policy_gives(const struct settings *rule, const char *verb)
{
	if (!policy_is_word(verb))
		return false;
	if (settings_has_word(rule, "verbs", verb) ||
	    (strncmp(verb, "power-", 6) == 0 &&
	     settings_has_word(rule, "verbs", "power")))
		return true;
	return strcmp(verb, "override") != 0 &&
	       settings_has_word(rule, "verbs", "all");
}

bool policy_allows_all(const struct policy *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		if (settings_has_word(p->rules[i], "verbs", "all") &&
		    strcmp(settings_text(p->rules[i], "hosts"), "all") == 0)
			return true;
	}
	return false;
}

bool policy_allows_verb(const struct policy *p, const char *verb)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		if (policy_gives(p->rules[i], verb))
			return true;
	}
	return policy_allows_all(p);
}

bool policy_allows_some(const struct policy *p, const char *verb)
{
	size_t i, len = strlen(verb);

	for (i = 0; policy_verbs[i] != NULL; i++) {
		if (strncmp(policy_verbs[i], verb, len) == 0 &&
		    policy_verbs[i][len] == '-' &&
		    policy_allows_verb(p, policy_verbs[i]))
			return true;
	}
	return policy_allows_verb(p, verb);
}

/* The hosts of all rules that give the verb. */
static const struct host **policy_hosts(const struct policy *p, const char *verb,
					const struct config *config,
					size_t *ret_count)
{
	const struct host **list = NULL;
	const char *words;
	char word[256];
	size_t i;

	*ret_count = 0;
	for (i = 0; i < p->count; i++) {
		if (!policy_gives(p->rules[i], verb))
			continue;
		words = settings_text(p->rules[i], "hosts");
		while (policy_word(&words, word, sizeof(word)))
			config_select(config, word, &list, ret_count, NULL);
	}
	return list;
}

/* ---- check ----------------------------------------------------------------------------- */

static void policy_check_who(const struct ini *ini, const struct ini_entry *e,
			     struct problems *problems)
{
	const char *words = e->value;
	char word[256];

	while (policy_word(&words, word, sizeof(word))) {
		if (word[0] == '%' ? getgrnam(word + 1) == NULL
				   : getpwnam(word) == NULL)
			problems_warn(problems, ini->file, e->line, "who: there "
				      "is no %s \"%s\" on this machine",
				      word[0] == '%' ? "group" : "user",
				      word + (word[0] == '%'));
	}
}

static void policy_check_hosts(const struct ini *ini, const struct ini_entry *e,
			       const struct config *config,
			       struct problems *problems)
{
	const char *words = e->value;
	const struct host **list = NULL;
	struct rh_error err;
	size_t count = 0;
	char word[256];

	while (policy_word(&words, word, sizeof(word))) {
		rh_error_clear(&err);
		if (config_select(config, word, &list, &count, &err) < 0)
			problems_warn(problems, ini->file, e->line,
				      "hosts: %s", err.text);
	}
	free(list);
}

void policy_check(const struct config *config, struct problems *problems)
{
	char *path = memory_format("%s/policy.ini", config->dir);
	struct problems known = { 0 };	/* policy_load has told them */
	const struct ini_section *s;
	struct ini *ini = NULL;
	bool broken = false;
	size_t i, k;

	if (config_file_read(AT_FDCWD, path, path, &known, &ini, &broken,
			     NULL) < 0)
		ini = NULL;
	for (i = 0; ini != NULL && i < ini->count; i++) {
		s = &ini->sections[i];
		for (k = 0; k < s->count; k++) {
			if (strcmp(s->entries[k].key, "who") == 0)
				policy_check_who(ini, &s->entries[k], problems);
			if (strcmp(s->entries[k].key, "hosts") == 0)
				policy_check_hosts(ini, &s->entries[k], config,
						   problems);
		}
	}
	ini_free(ini);
	problems_release(&known);
	free(path);
}

/* ---- hosts ----------------------------------------------------------------------------- */

bool policy_allows_host(const struct policy *p, const char *verb,
			const struct config *config, const struct host *host)
{
	struct config all = *config;
	const struct host **list;
	size_t count, i;
	bool allows = policy_allows_all(p);

	/* With those that another verb hides, so that ranges are whole. */
	all.hosts = memory_new(config->host_count + config->hidden_count + 1,
			       sizeof(*all.hosts));
	for (i = 0; config_each(config, i) != NULL; i++)
		all.hosts[i] = (struct host *)config_each(config, i);
	all.host_count = i;
	list = policy_hosts(p, verb, &all, &count);
	for (i = 0; i < count && !allows; i++)
		allows = list[i] == host;
	free(list);
	free(all.hosts);
	return allows;
}

void policy_hide_hosts(const struct policy *p, const char *verb,
		       struct config *config)
{
	const struct host **list;
	struct host *host;
	size_t count, i, j, kept = 0;

	if (policy_allows_all(p))
		return;
	list = policy_hosts(p, verb, config, &count);
	config->hidden = memory_new(config->host_count + 1,
				    sizeof(*config->hidden));
	for (i = 0; i < config->host_count; i++) {
		host = config->hosts[i];
		for (j = 0; j < count && list[j] != host; j++)
			;
		if (j < count)
			config->hosts[kept++] = host;
		else
			config->hidden[config->hidden_count++] = host;
	}
	config->hosts[kept] = NULL;
	config->host_count = kept;
	free(list);
}
