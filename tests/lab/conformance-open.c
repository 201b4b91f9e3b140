/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules: what a driver says of itself, and how an instance comes and goes.
 */
#include "tests/lab/conformance.h"

#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_TIMES 50

/* --- the table ------------------------------------------------------------------- */

static void open_test_name(void)
{
	const struct driver *d = conf_driver;

	conf_check(option_is_name(d->name), "it has no name");
	conf_check(driver_find(d->name) == d, "another driver has its name");
	conf_check(d->summary != NULL && d->summary[0] != '\0' &&
			   strchr(d->summary, '\n') == NULL &&
			   d->summary[strlen(d->summary) - 1] != '.',
		   "the summary is no line without a full stop");
	conf_check(d->size > 0, "its size is 0");
	conf_check((d->flags & ~(unsigned)(DRIVER_STARTS_PROGRAMS |
					   DRIVER_OPENS_DEVICES)) == 0,
		   "flags %x", d->flags);
}

static void open_check_ops(const char *name, bool complete)
{
	conf_check(complete, "%s: an operation that is not optional is NULL",
		   name);
}

static void open_test_operations(void)
{
	const struct driver *d = conf_driver;

	open_check_ops("open, close", d->open != NULL && d->close != NULL);
	if (d->power != NULL)
		open_check_ops("power", d->power->query != NULL &&
			       d->power->act != NULL);
	if (d->console != NULL)
		open_check_ops("console", d->console->attach != NULL &&
			       d->console->pollfds != NULL &&
			       d->console->read != NULL &&
			       d->console->write != NULL &&
			       d->console->detach != NULL);
	if (d->evidence != NULL)
		open_check_ops("evidence", d->evidence->event_log != NULL &&
			       d->evidence->chassis != NULL);
	if (d->shell != NULL)
		open_check_ops("shell", d->shell->run != NULL &&
			       d->shell->boot_id != NULL);
	if (d->check != NULL)
		open_check_ops("check", d->check->tcp != NULL);
	if (d->doctor != NULL)
		open_check_ops("doctor", d->doctor->look != NULL);
	conf_check(d->power != NULL || d->console != NULL ||
			   d->evidence != NULL || d->check != NULL ||
			   d->shell != NULL,
		   "it can do nothing");
}

static void open_check_option(const struct option *o)
{
	const struct option *other;
	size_t len;

	conf_check(option_is_name(o->key), "%s: no name", o->key);
	for (other = conf_driver->options; other != o; other++)
		conf_check(strcmp(other->key, o->key) != 0, "%s: twice",
			   o->key);
	conf_check(o->type > OPTION_NONE && o->type <= OPTION_SECRET,
		   "%s: its type", o->key);
	len = o->help != NULL ? strlen(o->help) : 0;
	conf_check(len > 0 && o->help[len - 1] == '.' &&
			   strchr(o->help, '\n') == NULL,
		   "%s: its help is no sentence", o->key);
	conf_check(!o->required || o->fallback == NULL,
		   "%s: required, and has a default", o->key);
	if (o->type == OPTION_CHOICE || o->type == OPTION_WORDS)
		conf_check(o->choices != NULL && o->choices[0] != NULL,
			   "%s: no choices", o->key);
	if (o->type == OPTION_NUMBER || o->type == OPTION_DURATION)
		conf_check(o->min <= o->max && o->max > 0, "%s: its range",
			   o->key);
	if (o->type == OPTION_SECRET)
		conf_check(o->fallback == NULL, "%s: a secret with a default",
			   o->key);
}

static void open_test_options(void)
{
	const struct option *tables[] = { conf_driver->options, NULL };
	struct settings *s = settings_new(tables);
	struct rh_error err = RH_ERROR_INIT;
	const struct option *o;

	for (o = conf_driver->options; o->key != NULL; o++) {
		open_check_option(o);
		if (o->fallback != NULL)
			conf_check_rc(settings_set(s, o->key, o->fallback,
						   &err), &err,
				      "its own default");
	}
	settings_free(s);
}

/* --- open and close ---------------------------------------------------------------- */

static void open_test_connects_not(void)
{
	struct conf_watched seen;
	struct conf_watch watch;
	struct conf_instance i;

	conf_watch_start(&watch);
	conf_open(&i, "silent");
	poll(NULL, 0, 50);	/* a packet would be there by now */
	conf_check(conf_sinks_visits() == 0, "open makes a connection");
	conf_close(&i);
	conf_check(conf_sinks_visits() == 0,
		   "close makes a connection that was not there");
	conf_watch_stop(&watch, &seen);
	conf_check(seen.children == 0, "open starts %s", seen.command);
}

static void open_check_refused(const char *key, const char *value)
{
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	int rc = conf_try_open_with(&i, key, value, &err);

	conf_check(rc < 0 && err.code == RH_ERR_CONFIG,
		   "%s = %s: rc %d, %s: %s", key, value, rc,
		   rh_code_name(err.code), err.text);
	if (rc < 0)
		conf_check_error(&err, key);
	conf_close(&i);
}

static void open_test_wrong(void)
{
	const char *key, *value;
	size_t n;

	for (n = 0; conf_entry("wrong", n, &key, &value); n++)
		open_check_refused(key, value);
	conf_check(n > 0, "[wrong] has no line");
}

/* A secret that is not there, or in clear text, is found by open at the latest. */
static void open_test_secrets(void)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct option *o;
	struct conf_instance i;
	int count = 0;

	for (o = conf_driver->options; o->key != NULL; o++) {
		if (o->type != OPTION_SECRET)
			continue;
		count++;
		open_check_refused(o->key, "@file:/nonexistent/secret");
		conf_check(conf_try_open_with(&i, o->key, "hunter2-clear",
					      &err) < 0, "%s in clear text",
			   o->key);
		conf_check(strstr(err.text, "hunter2-clear") == NULL,
			   "%s: the error shows it: %s", o->key, err.text);
		conf_close(&i);
	}
	if (count == 0)
		conf_skip("no option is a secret");
}

static void open_test_no_error_object(void)
{
	const char *key, *value;
	struct conf_instance i;

	if (!conf_check(conf_entry("wrong", 0, &key, &value),
			"[wrong] has no line"))
		return;
	conf_check(conf_try_open_with(&i, key, value, NULL) < 0,
		   "%s = %s is accepted", key, value);
	conf_close(&i);
}

/* A program that can be started is enough to leave a child behind. */
static void open_test_often(void)
{
	int descriptors, n;
	struct conf_instance i;
	long memory;

	conf_open(&i, NULL);
	conf_close(&i);
	descriptors = conf_descriptors();
	memory = conf_memory_kb();
	for (n = 0; n < OPEN_TIMES && !conf_failed(); n++) {
		conf_open(&i, NULL);
		conf_close(&i);
	}
	conf_check(conf_descriptors() == descriptors,
		   "%d descriptors after %d times",
		   conf_descriptors() - descriptors, OPEN_TIMES);
	conf_check(conf_memory_kb() - memory < CONF_GROWTH_KB, "%ld kB more",
		   conf_memory_kb() - memory);
}

const struct conf_rule conf_rules_open[] = {
	{ "name-and-summary", CONF_ANY, open_test_name },
	{ "operations-are-there", CONF_ANY, open_test_operations },
	{ "options-are-sane", CONF_ANY, open_test_options },
	{ "open-makes-no-connection", CONF_ANY, open_test_connects_not },
	{ "open-refuses-bad-settings", CONF_ANY, open_test_wrong },
	{ "open-needs-its-secrets", CONF_ANY, open_test_secrets },
	{ "open-without-error-object", CONF_ANY, open_test_no_error_object },
	{ "open-and-close-50-times", CONF_ANY, open_test_often },
	{ NULL, CONF_ANY, NULL },
};
