/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A section [power], [console] and so on becomes a way: its driver is looked
 * up, its values are checked against the driver's options, the capability's
 * and `driver` itself. In by config_way_add, from config-host.c.
 *
 * Always true: a way that is in the host has no errors; one that has, is told
 * and left out, and the host is broken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"
#include "base/secret.h"

static const struct option way_options_driver[] = {
	{ .key = "driver", .type = OPTION_NAME, .required = true,
	  .help = "The protocol of this way." },
	OPTION_END
};

/* driver.h has no table for a shell yet: no driver gives one. */
static bool config_way_gives(const struct driver *driver,
			     enum way_capability capability)
{
	switch (capability) {
	case WAY_POWER:
		return driver->power != NULL;
	case WAY_CONSOLE:
		return driver->console != NULL;
	case WAY_CHECK:
		return driver->check != NULL;
	case WAY_SHELL:
		return driver->shell != NULL;
	case WAY_NONE:
	case WAY_COUNT:
		break;
	}
	return false;
}

/* "ipmi, tcp": those that give the capability; WAY_NONE: all. */
static void config_way_drivers(struct buffer *out, enum way_capability cap)
{
	int i;

	for (i = 0; driver_table[i] != NULL; i++) {
		if (cap != WAY_NONE && !config_way_gives(driver_table[i], cap))
			continue;
		if (out->len > 0)
			buffer_append_text(out, ", ");
		buffer_append_text(out, driver_table[i]->name);
	}
	if (out->len == 0)
		buffer_append_text(out, "none");
}

static void config_way_unknown_driver(struct config_building *b,
				      const struct config_value *value)
{
	const char **names;
	const char *nearest;
	struct buffer list = { 0 };
	size_t count = 0, i;

	while (driver_table[count] != NULL)
		count++;
	names = memory_new(count + 1, sizeof(*names));
	for (i = 0; i < count; i++)
		names[i] = driver_table[i]->name;
	nearest = option_nearest(value->entry->value, names);
	config_way_drivers(&list, WAY_NONE);
	config_building_value(b, value, 0,
			      "unknown driver \"%.60s\"%s%s%s; the drivers are: "
				"%s", value->entry->value,
				nearest != NULL ? "; did you mean \"" : "",
				nearest != NULL ? nearest : "",
				nearest != NULL ? "\"?" : "",
				buffer_text(&list));
	buffer_release(&list);
	free(names);
}

static void config_way_cannot(struct config_building *b,
			      const struct config_value *value,
			      enum way_capability capability)
{
	struct buffer list = { 0 };

	config_way_drivers(&list, capability);
	config_building_value(b, value, 0,
			      "driver %s gives no %s; drivers that do: %s",
				value->entry->value,
				way_capability_name(capability),
				buffer_text(&list));
	buffer_release(&list);
}

/*
 * Something that a section lacks. Where the section stands only in a template,
 * the host's file is the place to mend it, without a line.
 */
static void config_way_lacks(struct config_building *b,
			     const struct config_section *section,
			     const char *key, const char *expected)
{
	const char *base = strrchr(section->file, '/');

	if (strcmp(section->file, b->source->file) == 0)
		config_building_problem(b, section->file, section->line,
					"[%s] lacks \"%s\"; expected %s",
					section->name, key, expected);
	else
		config_building_problem(b, b->source->file, 0,
					"[%s] lacks \"%s\" (%s:%d has it neither)"
					"; expected %s", section->name, key,
					base != NULL ? base + 1 : section->file,
					section->line, expected);
}

static void config_way_no_driver(struct config_building *b,
				 const struct config_section *section)
{
	static const char *const words[] = { "driver", NULL };
	struct buffer list = { 0 };
	const struct config_value *v;
	size_t i;

	if (b->partial)
		return;
	for (i = 0; i < section->count; i++) {
		v = &section->values[i];
		if (option_nearest(v->entry->key, words) == NULL)
			continue;
		config_building_problem(b, v->file, v->entry->line,
					"unknown key \"%s\"; did you mean "
					"\"driver\"?", v->entry->key);
		return;
	}
	config_way_drivers(&list,
			   config_section_capability(section->name));
	config_way_lacks(b, section, "driver", buffer_text(&list));
	buffer_release(&list);
}

/* The section's driver; NULL, with a problem, where there is none that fits. */
static const struct driver *config_way_driver(struct config_building *b,
					      const struct config_section *s)
{
	const struct config_value *value = config_merge_value(s, "driver");
	enum way_capability capability = config_section_capability(s->name);
	const struct driver *driver;

	if (value == NULL) {
		config_way_no_driver(b, s);
		return NULL;
	}
	driver = driver_find(value->entry->value);
	if (driver == NULL)
		config_way_unknown_driver(b, value);
	else if (!config_way_gives(driver, capability))
		config_way_cannot(b, value, capability);
	else
		return driver;
	return NULL;
}

static const struct option *config_way_option(const struct option **tables,
					      const char *key)
{
	const struct option *option = NULL;

	for (; *tables != NULL && option == NULL; tables++)
		option = option_find(*tables, key);
	return option;
}

static bool config_way_set(struct config_building *b,
			   struct settings *settings,
			   const struct option **tables,
			   const struct config_value *value)
{
	const struct option *option = config_way_option(tables,
							value->entry->key);
	struct rh_error err = RH_ERROR_INIT;

	if (settings_set(settings, value->entry->key, value->entry->value,
			 &err) == 0 &&
	    (option->type != OPTION_SECRET ||
	     secret_check(value->entry->value, &err) == 0))
		return true;
	if (option != NULL && option->type == OPTION_SECRET &&
	    b->config->dry && settings_has(settings, option->key)) {
		problems_warn(b->problems, value->file, value->entry->line,
			      "%s", err.text);
		return true;
	}
	if (option == NULL || option->type == OPTION_SECRET)
		config_building_problem(b, value->file, value->entry->line, "%s",
					err.text);
	else
		config_building_value(b, value, 0, "%s", err.text);
	return false;
}

static bool config_way_complete(struct config_building *b,
				const struct settings *settings,
				const struct option **tables,
				const struct config_section *section)
{
	const struct option *o;
	char expected[400];
	bool complete = true;

	for (; *tables != NULL; tables++) {
		for (o = *tables; o->key != NULL; o++) {
			/* What is there and wrong was told already. */
			if (!o->required || settings_has(settings, o->key) ||
			    config_merge_value(section, o->key) != NULL)
				continue;
			option_expected(o, expected, sizeof(expected));
			config_way_lacks(b, section, o->key, expected);
			complete = false;
		}
	}
	return complete;
}

/* Consumes settings. */
static void config_way_put(struct host *host, const char *label,
			   const struct driver *driver,
			   struct settings *settings, const char *file, int line)
{
	struct way *way;

	host->ways = memory_grow(host->ways, host->way_count + 1,
				 sizeof(*host->ways));
	way = &host->ways[host->way_count++];
	memset(way, 0, sizeof(*way));
	way->capability = config_section_capability(label);
	way->label = memory_copy(label);
	way->driver = driver;
	way->settings = settings;
	way->file = file;
	way->line = line;
}

static void config_way_tables(const struct driver *driver,
			      enum way_capability capability,
			      const struct option **tables)
{
	int count = 0;

	if (driver->options != NULL)
		tables[count++] = driver->options;
	tables[count++] = way_options[capability];
	tables[count++] = way_options_driver;
	tables[count] = NULL;
}

/* A run keeps CONFIG_WAYS_MAX of a kind: one that it would drop is an error. */
static bool config_way_is_one_too_many(struct config_building *b,
				       const struct config_section *section)
{
	enum way_capability capability =
		config_section_capability(section->name);

	if (host_way(b->host, capability, CONFIG_WAYS_MAX - 1) == NULL)
		return false;
	config_building_problem(b, section->file, section->line,
				"[%s] is one way too many to the %s; expected %d "
				"at most", section->name,
				way_capability_name(capability),
				CONFIG_WAYS_MAX);
	return true;
}

void config_way_add(struct config_building *b,
		    const struct config_section *section)
{
	const struct driver *driver = config_way_driver(b, section);
	const struct option *tables[SETTINGS_TABLES + 1];
	struct settings *settings;
	bool good = true;
	size_t i;

	if (driver == NULL || config_way_is_one_too_many(b, section))
		return;
	config_way_tables(driver, config_section_capability(section->name),
			  tables);
	settings = settings_new(tables);
	for (i = 0; i < section->count; i++) {
		if (!config_way_set(b, settings, tables, &section->values[i]))
			good = false;
	}
	if (!b->partial && !config_way_complete(b, settings, tables, section))
		good = false;
	if (good)
		config_way_put(b->host, section->name, driver, settings,
			       section->file, section->line);
	else
		settings_free(settings);
}

void config_way_add_check(struct config_building *b)
{
	const struct driver *driver = driver_find("tcp");
	const struct option *tables[SETTINGS_TABLES + 1];
	struct rh_error err = RH_ERROR_INIT;
	struct settings *settings;

	if (driver == NULL || driver->check == NULL)
		return;
	config_way_tables(driver, WAY_CHECK, tables);
	settings = settings_new(tables);
	if (settings_set(settings, "driver", driver->name, &err) == 0 &&
	    settings_set(settings, "address", b->host->address, &err) == 0) {
		config_way_put(b->host, "check", driver, settings,
			       b->host->file, 0);
		return;
	}
	config_building_problem(b, b->host->file, 0,
				"no [check] can be made for this host: %s",
				err.text);
	settings_free(settings);
}
