/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory becomes a configuration: rhands.ini, then the sequences and
 * twins (a host names them), then all files of hosts.d, their templates, and the hosts. The
 * verbs come in by config_load, once.
 *
 * Always true: all or nothing. A problem of who may write fails the load; any
 * other problem is told, marks its hosts broken, and the rest goes on. The INI
 * data of hosts.d lives as long as the configuration: what is in hosts and
 * ways borrows file names from it.
 */
#include "agent/config/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

/* What config_load returns is the first member of this. */
struct config_store {
	struct config config;
	struct config_sources sources;
};

/* The name before the suffix, free(3); NULL where name has another one. */
static char *config_stem(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	if (len <= suffix_len || strcmp(name + len - suffix_len, suffix) != 0)
		return NULL;
	return memory_copy_len(name, len - suffix_len);
}

static bool config_stem_ok(const char *stem, const char *path,
			   struct problems *problems)
{
	if (option_is_name(stem))
		return true;
	problems_add(problems, path, 0,
		     "the name of this file gives no name; expected letters, "
		     "digits and . _ : -, no leading -");
	return false;
}

/* Called for each file of a directory, in the order of their names. */
typedef int config_file_fn(struct config_store *store, int dir_fd,
			   const char *name, const char *path,
			   struct problems *problems, struct rh_error *err);

static int config_each_file(struct config_store *store, int at,
			    const char *dir_name, config_file_fn *take,
			    struct problems *problems, struct rh_error *err)
{
	char *dir = memory_format("%s/%s", store->config.dir, dir_name);
	char **names = NULL, *path;
	int fd = -1, rc;
	size_t i;

	rc = config_file_open_dir(at, dir_name, dir, false, &fd, err);
	if (rc == 0 && fd >= 0)
		rc = config_file_list(fd, dir, &names, err);
	for (i = 0; rc == 0 && names != NULL && names[i] != NULL; i++) {
		path = memory_format("%s/%s", dir, names[i]);
		rc = take(store, fd, names[i], path, problems, err);
		free(path);
	}
	config_file_list_free(names);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

/* INI data that is kept, with the name of its file. */
struct config_list {
	struct ini ***inis;
	char ***names;
	size_t *count;
};

static int config_take_ini(const struct config_list *list, int dir_fd,
			   const char *name, const char *path,
			   struct problems *problems, struct rh_error *err)
{
	char *stem = config_stem(name, ".ini");
	struct ini *ini = NULL;
	bool broken = false;
	size_t n = *list->count;
	int rc = 0;

	if (stem != NULL && config_stem_ok(stem, path, problems))
		rc = config_file_read(dir_fd, name, path, problems, &ini,
				      &broken, err);
	if (ini == NULL) {
		free(stem);
		return rc;
	}
	*list->inis = memory_grow(*list->inis, n + 1, sizeof(**list->inis));
	*list->names = memory_grow(*list->names, n + 1, sizeof(**list->names));
	ini->broken = broken;
	(*list->inis)[n] = ini;
	(*list->names)[n] = stem;
	(*list->count)++;
	return rc;
}

static int config_take_sequence(struct config_store *store, int dir_fd,
				const char *name, const char *path,
				struct problems *problems, struct rh_error *err)
{
	const struct config_list list = { &store->config.sequences,
					  &store->config.sequence_names,
					  &store->config.sequence_count };

	return config_take_ini(&list, dir_fd, name, path, problems, err);
}

static int config_take_twin(struct config_store *store, int dir_fd,
			    const char *name, const char *path,
			    struct problems *problems, struct rh_error *err)
{
	const struct config_list list = { &store->config.twins,
					  &store->config.twin_names,
					  &store->config.twin_count };

	return config_take_ini(&list, dir_fd, name, path, problems, err);
}

static int config_take_plan(struct config_store *store, int dir_fd,
			    const char *name, const char *path,
			    struct problems *problems, struct rh_error *err)
{
	const struct config_list list = { &store->config.plans,
					  &store->config.plan_names,
					  &store->config.plan_count };

	return config_take_ini(&list, dir_fd, name, path, problems, err);
}

/* Consumes stem. */
static int config_read_source(struct config_source **list, size_t *count,
			      bool is_template, char *stem, int dir_fd,
			      const char *name, const char *path,
			      struct problems *problems, struct rh_error *err)
{
	struct config_source *source;
	struct ini *ini = NULL;
	bool broken = false;
	int rc = 0;

	if (config_stem_ok(stem, path, problems))
		rc = config_file_read(dir_fd, name, path, problems, &ini,
				      &broken, err);
	if (ini == NULL) {
		free(stem);
		return rc;
	}
	*list = memory_grow(*list, *count + 1, sizeof(**list));
	source = &(*list)[(*count)++];
	memset(source, 0, sizeof(*source));
	source->name = stem;
	source->file = memory_copy(path);
	source->ini = ini;
	source->is_template = is_template;
	source->broken = broken;
	return 0;
}

static int config_take_source(struct config_store *store, int dir_fd,
			      const char *name, const char *path,
			      struct problems *problems, struct rh_error *err)
{
	struct config_sources *all = &store->sources;
	char *stem;

	stem = config_stem(name, ".ini");
	if (stem != NULL)
		return config_read_source(&all->hosts, &all->host_count, false,
					  stem, dir_fd, name, path, problems,
					  err);
	stem = config_stem(name, ".template");
	if (stem != NULL)
		return config_read_source(&all->templates,
					  &all->template_count, true, stem,
					  dir_fd, name, path, problems, err);
	return 0;
}

static int config_compare_hosts(const void *a, const void *b)
{
	const struct host *const *x = a, *const *y = b;

	return strverscmp((*x)->name, (*y)->name);
}

static void config_build_hosts(struct config_store *store,
			       struct problems *problems)
{
	struct config_sources *all = &store->sources;
	struct config *config = &store->config;
	size_t i;

	for (i = 0; i < all->template_count; i++)
		config_source_check(&all->templates[i], problems);
	for (i = 0; i < all->template_count; i++)
		config_source_resolve(&all->templates[i], all, config,
				      problems);
	config->hosts = memory_new(all->host_count + 1, sizeof(*config->hosts));
	for (i = 0; i < all->host_count; i++) {
		config_source_check(&all->hosts[i], problems);
		config_source_resolve(&all->hosts[i], all, config, problems);
		config->hosts[i] = config_host_build(&all->hosts[i], all,
						     config, problems);
	}
	config->host_count = all->host_count;
	/* As people count: web2 before web10, whatever the order of files. */
	qsort(config->hosts, config->host_count, sizeof(*config->hosts),
	      config_compare_hosts);
}

/* "DIR" without the slashes at its end. */
static char *config_dir_name(const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	return memory_copy_len(dir, len);
}

static int config_open(const char *dir, int *ret_fd, struct rh_error *err)
{
	int fd = -1;

	if (config_file_open_dir(AT_FDCWD, dir, dir, true, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "no configuration in %s: make "
				    "%s/hosts.d/NAME.ini, see rhands-hosts(5), "
				    "or name another directory with --config",
				    dir, dir);
	*ret_fd = fd;
	return 0;
}

static int config_load_all(struct config **ret, const char *dir, bool dry,
			   struct problems *problems, struct rh_error *err)
{
	struct config_store *store = memory_new(1, sizeof(*store));
	int fd = -1, rc;

	store->config.dry = dry;
	store->config.dir = config_dir_name(dir);
	store->config.log = config_log_new();
	rc = config_open(store->config.dir, &fd, err);
	if (rc == 0)
		rc = config_load_agent(&store->config, fd, problems, err);
	if (rc == 0)
		rc = config_each_file(store, fd, "sequences.d",
				      config_take_sequence, problems, err);
	if (rc == 0)
		rc = config_each_file(store, fd, "twins.d", config_take_twin,
				      problems, err);
	if (rc == 0)
		rc = config_each_file(store, fd, "plans.d", config_take_plan,
				      problems, err);
	if (rc == 0)
		rc = config_each_file(store, fd, "hosts.d", config_take_source,
				      problems, err);
	if (fd >= 0)
		close(fd);
	if (rc < 0) {
		config_free(&store->config);
		return -1;
	}
	config_build_hosts(store, problems);
	config_check_guards(&store->config, problems);
	*ret = &store->config;
	return 0;
}

int config_load(struct config **ret, const char *dir, struct problems *problems,
		struct rh_error *err)
{
	return config_load_all(ret, dir, false, problems, err);
}

int config_load_dry(struct config **ret, const char *dir,
		    struct problems *problems, struct rh_error *err)
{
	return config_load_all(ret, dir, true, problems, err);
}

static void config_free_sources(struct config_source *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		config_source_release(&list[i]);
	free(list);
}

static void config_free_inis(struct ini **list, char **names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		ini_free(list[i]);
		free(names[i]);
	}
	free(list);
	free(names);
}

void config_free(struct config *config)
{
	struct config_store *store = (struct config_store *)config;
	size_t i;

	if (config == NULL)
		return;
	for (i = 0; i < config->host_count; i++)
		config_host_free(config->hosts[i]);
	for (i = 0; i < config->hidden_count; i++)
		config_host_free(config->hidden[i]);
	free(config->hidden);
	free(config->hosts);
	config_free_inis(config->sequences, config->sequence_names,
			 config->sequence_count);
	config_free_inis(config->twins, config->twin_names,
			 config->twin_count);
	config_free_inis(config->plans, config->plan_names,
			 config->plan_count);
	config_free_sources(store->sources.hosts, store->sources.host_count);
	config_free_sources(store->sources.templates,
			    store->sources.template_count);
	config_free_guards(config);
	free(config->records);
	free(config->owner_group);
	free(config->owner_file);
	settings_free(config->log);
	free(config->dir);
	free(store);
}
