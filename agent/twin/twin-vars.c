/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks a var up, at the host first and then in the file of the twin. Who reads
 * a sequence or a twin for a rehearsal comes in with each ${name}. Nothing is
 * kept here: the file is short, and it is read once.
 */
#include "agent/twin/twin-vars.h"

#include <string.h>

static const char *twin_vars_section(const struct ini_section *s,
				     const char *name)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (strcmp(s->entries[i].key, name) == 0)
			return s->entries[i].value;
	}
	return NULL;
}

const char *twin_vars_get(const void *context, const char *name)
{
	const struct twin_vars *vars = context;
	const char *value = NULL;
	size_t i;

	if (vars->host != NULL)
		value = vars->host->get(vars->host->context, name);
	for (i = 0; value == NULL && i < vars->twin->count; i++) {
		if (strcmp(vars->twin->sections[i].name, "vars") == 0)
			value = twin_vars_section(&vars->twin->sections[i],
						  name);
	}
	return value;
}
