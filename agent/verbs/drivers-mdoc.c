/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The manual page of a driver, from its option table, so that it can't say
 * anything else than what the parser accepts. drivers.c comes in here for
 * `rhands drivers NAME --mdoc`; the Makefile makes man/rhands-NAME.5 by it.
 */
#include "agent/verbs/drivers-mdoc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/config/config.h"

/* A line of text; nothing in it is a macro or an escape. */
static void drivers_mdoc_text(const char *text)
{
	const char *at;

	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (at = text; *at != '\0'; at++) {
		if (*at == '\\')
			fputs("\\e", stdout);
		else if (*at == ' ' && at > text + 1 && at[-1] == '.' &&
			 isalnum((unsigned char)at[-2]) &&
			 isupper((unsigned char)at[1]))
			putchar('\n');
		else
			putchar(*at);
	}
	putchar('\n');
}

/* An argument of a macro. */
static void drivers_mdoc_quoted(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '"')
			fputs("\"\"", stdout);
		else
			putchar(*text);
	}
	putchar('"');
}

static void drivers_mdoc_option(const struct option *o)
{
	char expected[600];

	printf(".It Ic %s\n", o->key);
	drivers_mdoc_text(o->help);
	printf(".Pp\nExpected: ");
	drivers_mdoc_text(option_expected(o, expected, sizeof(expected)));
	if (o->required)
		printf(".br\nIt must be given.\n");
	if (o->fallback != NULL && o->fallback[0] != '\0') {
		printf(".br\nDefault:\n.Li ");
		drivers_mdoc_quoted(o->fallback);
		putchar('\n');
	}
}

static void drivers_mdoc_options(const struct option *table)
{
	const struct option *o;

	printf(".Bl -tag -width Ds\n");
	for (o = table; o->key != NULL; o++)
		drivers_mdoc_option(o);
	printf(".El\n");
}

static bool drivers_mdoc_gives(const struct driver *d,
			       enum way_capability capability)
{
	switch (capability) {
	case WAY_POWER:
		return d->power != NULL;
	case WAY_CONSOLE:
		return d->console != NULL;
	case WAY_SHELL:
		return d->shell != NULL;
	case WAY_CHECK:
		return d->check != NULL;
	default:
		return false;
	}
}

static void drivers_mdoc_head(const struct driver *d)
{
	const char *at;

	printf(".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"
	       ".\\\" Made by rhands drivers %s --mdoc.\n"
	       ".Dd November 21, 2026\n.Dt RHANDS-", d->name);
	for (at = d->name; *at != '\0'; at++)
		putchar(toupper((unsigned char)*at));
	printf(" 5\n.Os\n.Sh NAME\n.Nm rhands-%s\n.Nd ", d->name);
	drivers_mdoc_text(d->summary);
}

void drivers_mdoc(const struct driver *d)
{
	enum way_capability c;
	bool first = true;

	drivers_mdoc_head(d);
	printf(".Sh SYNOPSIS\n");
	for (c = WAY_POWER; c < WAY_COUNT; c++) {
		if (!drivers_mdoc_gives(d, c))
			continue;
		printf("%s.Ic \\&[%s]\n.br\n.Ic driver\n= %s\n",
		       first ? "" : ".br\n", way_capability_name(c), d->name);
		first = false;
	}
	printf(".Sh DESCRIPTION\nThe driver\n.Nm %s\nof\n.Xr rhands 1\ngives %s.\n",
	       d->name, d->summary);
	printf("What follows may stand in a section with\n.Li driver = %s\n"
	       "of a host's file, see\n.Xr rhands-hosts 5 .\n", d->name);
	drivers_mdoc_options(d->options);
	for (c = WAY_POWER; c < WAY_COUNT; c++) {
		if (!drivers_mdoc_gives(d, c) || way_options[c][0].key == NULL)
			continue;
		printf(".Ss Options of every [%s], whatever the driver\n",
		       way_capability_name(c));
		drivers_mdoc_options(way_options[c]);
	}
	printf(".Sh SEE ALSO\n.Xr rhands 1 ,\n.Xr rhands-hosts 5\n");
}
