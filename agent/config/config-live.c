/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ways with `driver = twin`. A driver knows nothing of hosts, so what such a
 * way needs of its host is put into its settings here: the path of the twin's
 * file and what ${NAME} in it stands for, while the host is built; and the file
 * through which all ways of the host see one twin, once it is known where records
 * are. Always true: what the host's file says is left alone.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

static bool config_live_is_twin(const struct way *way)
{
	return strcmp(way->driver->name, "twin") == 0;
}

static bool config_live_known(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->twin_count; i++) {
		if (strcmp(config->twin_names[i], name) == 0)
			return true;
	}
	return false;
}

static void config_live_no_twin(struct config_building *b,
				const struct way *way, const char *name)
{
	const struct config *config = b->config;
	const char **names = memory_new(config->twin_count + 1,
					sizeof(*names));
	const char *nearest;
	size_t i;

	for (i = 0; i < config->twin_count; i++)
		names[i] = config->twin_names[i];
	nearest = option_nearest(name, names);
	free(names);
	if (nearest != NULL)
		config_building_problem(b, way->file, way->line, "[%s] twin: no "
					"twin \"%.60s\"; did you mean \"%s\"?",
					way->label, name, nearest);
	else
		config_building_problem(b, way->file, way->line, "[%s] twin: no "
					"twin \"%.60s\"; expected a file "
					"%s/twins.d/%.60s.ini", way->label,
					name, config->dir, name);
}

/* "NAME=VALUE", one a line; ${host} and ${address} too, as in sequences. */
static char *config_live_vars(const struct host *host)
{
	struct buffer text = { 0 };
	size_t i;

	for (i = 0; i < host->var_count; i++)
		buffer_printf(&text, "%s=%s\n", host->vars[i].name,
			      host->vars[i].value);
	buffer_printf(&text, "host=%s\naddress=%s\n", host->name,
		      host->address);
	return buffer_take(&text);
}

static void config_live_set(struct config_building *b, const struct way *way,
			    const char *key, const char *value)
{
	struct rh_error err = RH_ERROR_INIT;

	if (settings_set(way->settings, key, value, &err) < 0)
		config_building_problem(b, way->file, way->line, "[%s] %s",
					way->label, err.text);
}

static void config_live_way(struct config_building *b, struct way *way)
{
	const char *name = settings_text(way->settings, "twin");
	const char *state = settings_text(way->settings, "state");
	char *text;

	way->twin = memory_copy(name != NULL ? name : b->host->name);
	if (!config_live_known(b->config, way->twin)) {
		config_live_no_twin(b, way, way->twin);
		return;
	}
	if (state != NULL && state[0] != '/')
		config_building_problem(b, way->file, way->line, "[%s] state = "
					"%.60s: expected a path that begins "
					"with /", way->label, state);
	text = memory_format("%s/twins.d/%s.ini", b->config->dir, way->twin);
	config_live_set(b, way, "twin", text);
	free(text);
	if (settings_has(way->settings, "vars"))
		return;
	text = config_live_vars(b->host);
	config_live_set(b, way, "vars", text);
	free(text);
}

void config_live_add(struct config_building *b)
{
	size_t i;

	if (b->partial)
		return;
	for (i = 0; i < b->host->way_count; i++) {
		if (config_live_is_twin(&b->host->ways[i]))
			config_live_way(b, &b->host->ways[i]);
	}
}

static void config_live_state(const struct host *host, const struct way *way,
			      const char *records)
{
	struct rh_error err = RH_ERROR_INIT;
	char *path;

	if (!config_live_is_twin(way) || settings_has(way->settings, "state"))
		return;
	path = memory_format("%s/twins/%s", records, host->name);
	(void)settings_set(way->settings, "state", path, &err);
	free(path);
}

void config_set_records(struct config *config, const char *records)
{
	const struct host *host;
	size_t i, w;

	for (i = 0; i < config->host_count; i++) {
		host = config->hosts[i];
		for (w = 0; w < host->way_count; w++)
			config_live_state(host, &host->ways[w], records);
	}
}
