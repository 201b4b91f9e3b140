/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions about a loaded configuration: which hosts a word of the command
 * line means, a variable, a way. Nothing here changes anything.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/config/hostlist.h"
#include "base/buffer.h"
#include "base/memory.h"

const struct host *config_host(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->host_count; i++) {
		if (strcmp(config->hosts[i]->name, name) == 0)
			return config->hosts[i];
	}
	return NULL;
}

const struct host *config_each(const struct config *config, size_t i)
{
	if (i < config->host_count)
		return config->hosts[i];
	i -= config->host_count;
	return i < config->hidden_count ? config->hidden[i] : NULL;
}

const struct ini *config_sequence(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->sequence_count; i++) {
		if (strcmp(config->sequence_names[i], name) == 0)
			return config->sequences[i];
	}
	return NULL;
}

static int config_no_sequence(const struct config *config, const char *name,
			      struct rh_error *err)
{
	const char **names = memory_new(config->sequence_count + 1,
					sizeof(*names));
	const char *nearest;
	size_t i;

	for (i = 0; i < config->sequence_count; i++)
		names[i] = config->sequence_names[i];
	nearest = option_nearest(name, names);
	free(names);
	if (nearest != NULL)
		return rh_error_set(err, RH_ERR_USAGE, "there is no sequence "
				    "\"%s\" in %s/sequences.d; did you mean "
				    "\"%s\"?", name, config->dir, nearest);
	return rh_error_set(err, RH_ERR_USAGE, "there is no sequence \"%s\" in "
			    "%s/sequences.d; a file %s.ini there would be one",
			    name, config->dir, name);
}

const struct ini *config_find_sequence(const struct config *config,
				       const char *name, struct rh_error *err)
{
	size_t i;

	for (i = 0; i < config->sequence_count; i++) {
		if (strcmp(config->sequence_names[i], name) != 0)
			continue;
		if (!config->sequences[i]->broken)
			return config->sequences[i];
		rh_error_set(err, RH_ERR_CONFIG, "the sequence %s has errors",
			     name);
		return NULL;
	}
	config_no_sequence(config, name, err);
	return NULL;
}

const struct ini *config_find_plan(const struct config *config,
				   const char *name, struct rh_error *err)
{
	const char **names, *nearest;
	size_t i;

	for (i = 0; i < config->plan_count; i++) {
		if (strcmp(config->plan_names[i], name) == 0)
			return config->plans[i];
	}
	names = memory_new(config->plan_count + 1, sizeof(*names));
	for (i = 0; i < config->plan_count; i++)
		names[i] = config->plan_names[i];
	nearest = option_nearest(name, names);
	free(names);
	if (nearest != NULL)
		rh_error_set(err, RH_ERR_USAGE, "no plan \"%.60s\"; did you mean "
			     "\"%s\"?", name, nearest);
	else
		rh_error_set(err, RH_ERR_USAGE, "no plan \"%.60s\"; expected a "
			     "file %s/plans.d/%.60s.ini", name, config->dir,
			     name);
	return NULL;
}

bool host_in_group(const struct host *host, const char *group)
{
	size_t i;

	for (i = 0; host->groups[i] != NULL; i++) {
		if (strcmp(host->groups[i], group) == 0)
			return true;
	}
	return false;
}

static void config_select_add(const struct host *host,
			      const struct host ***list, size_t *count)
{
	size_t i;

	for (i = 0; i < *count; i++) {
		if ((*list)[i] == host)
			return;
	}
	*list = memory_grow(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = host;
}

/* The names of all hosts, or of all groups, NULL-ended; free the array. */
static const char **config_select_names(const struct config *config,
					bool groups)
{
	const char **names = memory_new(1, sizeof(*names));
	const struct host *host;
	size_t count = 0, i, j;

	for (i = 0; i < config->host_count; i++) {
		host = config->hosts[i];
		for (j = 0; groups ? host->groups[j] != NULL : j == 0; j++) {
			names = memory_grow(names, count + 2, sizeof(*names));
			names[count++] = groups ? host->groups[j] : host->name;
			names[count] = NULL;
		}
	}
	return names;
}

static int config_select_no_host(const struct config *config, const char *word,
				 struct rh_error *err)
{
	const char **names = config_select_names(config, false);
	const char *nearest = option_nearest(word, names);
	bool is_group = false;
	size_t i;

	free(names);
	for (i = 0; i < config->host_count; i++)
		is_group |= host_in_group(config->hosts[i], word);
	if (is_group)
		return rh_error_set(err, RH_ERR_USAGE,
				    "no host \"%s\" in %s/hosts.d; to name the "
				    "group, write \"@%s\"", word, config->dir,
				    word);
	if (nearest != NULL)
		return rh_error_set(err, RH_ERR_USAGE,
				    "no host \"%s\" in %s/hosts.d; did you mean "
				    "\"%s\"?", word, config->dir, nearest);
	return rh_error_set(err, RH_ERR_USAGE,
			    "no host \"%s\" in %s/hosts.d; `rhands hosts` lists "
			    "those that are there", word, config->dir);
}

static int config_select_no_group(const struct config *config,
				  const char *word, struct rh_error *err)
{
	const char **names = config_select_names(config, true);
	const char *nearest = option_nearest(word, names);

	free(names);
	if (nearest != NULL)
		return rh_error_set(err, RH_ERR_USAGE,
				    "no host in %s/hosts.d is in the group "
				    "\"@%s\"; did you mean \"@%s\"?",
				    config->dir, word, nearest);
	return rh_error_set(err, RH_ERR_USAGE,
			    "no host in %s/hosts.d is in the group \"@%s\"; "
			    "expected a word of `groups =` of a host",
			    config->dir, word);
}

/* "web1", "web[1-40]" */
static int config_select_named(const struct config *config, const char *word,
			       const struct host ***list, size_t *count,
			       struct rh_error *err)
{
	const struct host *host;
	char **names = NULL;
	size_t name_count = 0, i;
	int rc = hostlist_expand(word, &names, &name_count, err);

	for (i = 0; i < name_count && rc == 0; i++) {
		host = config_host(config, names[i]);
		if (host == NULL)
			rc = config_select_no_host(config, names[i], err);
		else
			config_select_add(host, list, count);
	}
	hostlist_free(names, name_count);
	return rc;
}

static int config_select_all(const struct config *config,
			     const struct host ***list, size_t *count,
			     struct rh_error *err)
{
	size_t i;

	if (config->host_count == 0)
		return rh_error_set(err, RH_ERR_USAGE, "there is no host in "
				    "%s/hosts.d", config->dir);
	for (i = 0; i < config->host_count; i++)
		config_select_add(config->hosts[i], list, count);
	return 0;
}

/* "@web"; "@all" are all, where no host says that it is in a group of that name. */
static int config_select_group(const struct config *config, const char *group,
			       const struct host ***list, size_t *count,
			       struct rh_error *err)
{
	bool found = false;
	size_t i;

	for (i = 0; i < config->host_count; i++) {
		if (!host_in_group(config->hosts[i], group))
			continue;
		config_select_add(config->hosts[i], list, count);
		found = true;
	}
	if (!found && strcmp(group, "all") == 0)
		return config_select_all(config, list, count, err);
	return found ? 0 : config_select_no_group(config, group, err);
}

/* One word without a comma outside of brackets. */
static int config_select_one(const struct config *config, const char *word,
			     const struct host ***list, size_t *count,
			     struct rh_error *err)
{
	if (word[0] == '@')
		return config_select_group(config, word + 1, list, count, err);
	/* A host of that name is meant, where there is one. */
	if (strcmp(word, "all") == 0 && config_host(config, word) == NULL)
		return config_select_all(config, list, count, err);
	return config_select_named(config, word, list, count, err);
}

/* The length of a word up to its first comma outside of brackets. */
static size_t config_select_len(const char *word)
{
	bool inside = false;
	size_t i;

	for (i = 0; word[i] != '\0' && (inside || word[i] != ','); i++) {
		if (word[i] == '[' || word[i] == ']')
			inside = word[i] == '[';
	}
	return i;
}

int config_select(const struct config *config, const char *word,
		  const struct host ***list, size_t *count,
		  struct rh_error *err)
{
	size_t len;
	char *one;
	int rc;

	for (;; word += len + 1) {
		len = config_select_len(word);
		one = memory_copy_len(word, len);
		rc = config_select_one(config, one, list, count, err);
		free(one);
		if (rc < 0 || word[len] == '\0')
			return rc;
	}
}

int config_exclude(const struct config *config, const char *word,
		   const struct host **list, size_t *count,
		   struct rh_error *err)
{
	const struct host **out = NULL;
	size_t out_count = 0, i, j, kept = 0;
	int rc = config_select(config, word, &out, &out_count, err);

	for (i = 0; i < *count && rc == 0; i++) {
		for (j = 0; j < out_count && out[j] != list[i]; j++)
			;
		if (j == out_count)
			list[kept++] = list[i];
	}
	if (rc == 0)
		*count = kept;
	free(out);
	return rc;
}

static const char *host_var_value(const struct host_var *vars, size_t count,
				  const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(vars[i].name, name) == 0)
			return vars[i].value;
	}
	return NULL;
}

const char *host_var(const struct host *host, const char *name)
{
	return host_var_value(host->vars, host->var_count, name);
}

const char *host_secret(const struct host *host, const char *name)
{
	return host_var_value(host->secrets, host->secret_count, name);
}

const struct way *host_way(const struct host *host,
			   enum way_capability capability, size_t n)
{
	size_t i;

	for (i = 0; i < host->way_count; i++) {
		if (host->ways[i].capability == capability && n-- == 0)
			return &host->ways[i];
	}
	return NULL;
}
