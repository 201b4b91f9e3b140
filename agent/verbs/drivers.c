/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands drivers [NAME]: what there is, and the options of each, from its table. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/verbs/drivers-mdoc.h"
#include "agent/verbs/verb.h"
#include "base/buffer.h"
#include "drivers/driver.h"

static void drivers_capabilities(const struct driver *d, struct buffer *out)
{
	if (d->power != NULL)
		buffer_append_text(out, " power");
	if (d->console != NULL)
		buffer_append_text(out, " console");
	if (d->shell != NULL)
		buffer_append_text(out, " shell");
	if (d->evidence != NULL)
		buffer_append_text(out, " evidence");
	if (d->check != NULL)
		buffer_append_text(out, " check");
}

static json_t *drivers_option_json(const struct option *o)
{
	char expected[400];
	json_t *object = json_pack("{ss ss sb ss}", "key", o->key, "expected",
				   option_expected(o, expected, sizeof(expected)),
				   "required", o->required, "help", o->help);

	if (o->fallback != NULL)
		json_object_set_new(object, "default",
				    json_string(o->fallback));
	return object;
}

static void drivers_json(const struct driver *d)
{
	struct buffer can = { 0 };
	json_t *options = json_array();
	const struct option *o;

	drivers_capabilities(d, &can);
	for (o = d->options; o->key != NULL; o++)
		json_array_append_new(options, drivers_option_json(o));
	verb_print_json(json_pack("{ss ss ss so}", "driver", d->name, "summary",
				  d->summary, "capabilities",
				  buffer_text(&can) + 1, "options", options));
	buffer_release(&can);
}

static void drivers_option(const struct option *o)
{
	char expected[400];

	printf("  %-14s %s\n", o->key, o->help);
	printf("  %-14s   %s", "",
	       option_expected(o, expected, sizeof(expected)));
	if (o->required)
		printf("; required");
	if (o->fallback != NULL)
		printf("; default %s", o->fallback);
	printf("\n");
}

static void drivers_whole(const struct driver *d)
{
	static const enum way_capability shared[] = { WAY_POWER, WAY_CONSOLE };
	struct buffer can = { 0 };
	const struct option *o;
	size_t i;

	drivers_capabilities(d, &can);
	printf("%s: %s\ngives:%s\n\n", d->name, d->summary, buffer_text(&can));
	for (o = d->options; o->key != NULL; o++)
		drivers_option(o);
	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		if ((shared[i] == WAY_POWER && d->power == NULL) ||
		    (shared[i] == WAY_CONSOLE && d->console == NULL))
			continue;
		printf("\nin every [%s], whatever the driver:\n",
		       way_capability_name(shared[i]));
		for (o = way_options[shared[i]]; o->key != NULL; o++)
			drivers_option(o);
	}
	buffer_release(&can);
}

static void drivers_line(const struct driver *d)
{
	struct buffer can = { 0 };

	drivers_capabilities(d, &can);
	printf("%-10s %s (%s)\n", d->name, d->summary, buffer_text(&can) + 1);
	buffer_release(&can);
}

static int drivers_unknown(const struct verb_call *call, const char *word)
{
	const char *names[64], *nearest;
	size_t i;

	for (i = 0; driver_table[i] != NULL && i < 63; i++)
		names[i] = driver_table[i]->name;
	names[i] = NULL;
	nearest = option_nearest(word, names);
	if (nearest != NULL)
		return verb_fail(call, 2, "there is no driver \"%s\"; did you "
				 "mean \"%s\"?", word, nearest);
	return verb_fail(call, 2, "there is no driver \"%s\"; `rhands drivers` "
			 "lists them", word);
}

static int drivers_run(struct verb_call *call)
{
	const struct driver *d;
	bool mdoc = false;
	const struct verb_option own[] = { { "mdoc", NULL, &mdoc },
					   { NULL, NULL, NULL } };
	int i, status = verb_begin(call, own, 0, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (mdoc && call->argc != 1)
		return verb_fail(call, 2, "--mdoc: name one driver");
	if (call->argc == 1 && driver_find(call->argv[0]) == NULL)
		return drivers_unknown(call, call->argv[0]);
	for (i = 0; driver_table[i] != NULL; i++) {
		d = driver_table[i];
		if (call->argc == 1 && d != driver_find(call->argv[0]))
			continue;
		if (mdoc)
			drivers_mdoc(d);
		else if (call->json)
			drivers_json(d);
		else if (call->argc == 1)
			drivers_whole(d);
		else
			drivers_line(d);
	}
	return verb_finish(call, 0);
}

const struct verb verb_drivers = {
	.name = "drivers",
	.usage = "[NAME]",
	.summary = "list the drivers, or the options of one",
	.help = "  --mdoc          the manual page of one, in mdoc(7)\n",
	.json = "drivers",
	.run = drivers_run,
};
