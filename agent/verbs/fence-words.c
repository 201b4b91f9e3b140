/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of the fence agents' API: what a cluster asks for, on standard input
 * or by options, and the metadata that says what it may ask for. fence.c comes in
 * here with either, and settles what was not said. What a cluster sends is not
 * trusted: all of it is text of a bounded length until fence_words_settle has
 * looked at it.
 */
#include "agent/verbs/fence-words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define FENCE_LINE_MAX 1024

/* What may be said, for standard input and for the metadata. */
static const struct {
	const char *name;
	const char *option;
	const char *type;
	const char *fallback;
	const char *help;
	size_t at;
} fence_keys[] = {
	{ "action", "-o, --action=[action]", "string", "reboot",
	  "Fencing action", offsetof(struct fence_words, action) },
	{ "plug", "-n, --plug=[id]", "string", NULL,
	  "The host, as its file in hosts.d is named",
	  offsetof(struct fence_words, plug) },
	{ "port", "--port=[id]", "string", NULL, "The same",
	  offsetof(struct fence_words, plug) },
	{ "nodename", "--nodename=[name]", "string", NULL,
	  "The host, where no plug is given",
	  offsetof(struct fence_words, nodename) },
	{ "config", "--config=[directory]", "string", NULL,
	  "The configuration of rhands", offsetof(struct fence_words, config) },
	{ "records", "--records=[directory]", "string", NULL,
	  "Where the records of runs are", offsetof(struct fence_words, records) },
	{ "power_timeout", "--power-timeout=[seconds]", "second", "120",
	  "How long a change of power may take, until it was seen",
	  offsetof(struct fence_words, timeout) },
	{ "override", "--override=[reason]", "string", NULL,
	  "Why the guard does not count, for the record",
	  offsetof(struct fence_words, override) },
};

#define FENCE_KEYS (sizeof(fence_keys) / sizeof(fence_keys[0]))

void fence_words_release(struct fence_words *f)
{
	free(f->action);
	free(f->plug);
	free(f->nodename);
	free(f->config);
	free(f->records);
	free(f->timeout);
	free(f->override);
}

/* A name that is not known is left alone: clusters send what they know. */
static void fence_words_set(struct fence_words *f, const char *name, const char *value)
{
	char **field;
	size_t i;

	for (i = 0; i < FENCE_KEYS; i++) {
		if (strcmp(fence_keys[i].name, name) != 0)
			continue;
		field = (char **)((char *)f + fence_keys[i].at);
		free(*field);
		*field = memory_copy(value);
	}
}

static void fence_words_line(struct fence_words *f, char *line)
{
	char *begin = line + strspn(line, " \t"), *equals;

	begin[strcspn(begin, "\r\n")] = '\0';
	equals = strchr(begin, '=');
	if (begin[0] == '#' || equals == NULL)
		return;
	*equals = '\0';
	fence_words_set(f, begin, equals + 1);
}

int fence_words_read(struct fence_words *f, FILE *from, struct rh_error *err)
{
	char line[FENCE_LINE_MAX];

	while (fgets(line, sizeof(line), from) != NULL) {
		if (strchr(line, '\n') == NULL && !feof(from))
			return rh_error_set(err, RH_ERR_USAGE, "a line on "
					    "standard input is longer than %d "
					    "bytes", FENCE_LINE_MAX);
		fence_words_line(f, line);
	}
	return 0;
}

/* "--power-timeout" is power_timeout. */
static void fence_words_name(const char *word, size_t len, char *name,
			      size_t name_len)
{
	size_t i;

	for (i = 0; i < len && i + 1 < name_len; i++)
		name[i] = word[i] == '-' ? '_' : word[i];
	name[i] = '\0';
}

int fence_words_options(struct fence_words *f, int argc, char **argv,
			struct rh_error *err)
{
	const char *value;
	char name[64];
	int i;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "-n") == 0) {
			if (i + 1 == argc)
				return rh_error_set(err, RH_ERR_USAGE, "a value "
						    "is missing behind %s",
						    argv[i]);
			fence_words_set(f, argv[i][1] == 'o' ? "action" : "plug",
				  argv[i + 1]);
			i++;
			continue;
		}
		value = strchr(argv[i], '=');
		if (strncmp(argv[i], "--", 2) != 0 || value == NULL)
			return rh_error_set(err, RH_ERR_USAGE, "unknown option "
					    "%s; see fence_rhands -o metadata",
					    argv[i]);
		fence_words_name(argv[i] + 2,
				  (size_t)(value - argv[i]) - 2, name,
				  sizeof(name));
		fence_words_set(f, name, value + 1);
	}
	return 0;
}

static bool fence_words_is_action(const char *action)
{
	static const char *const words[] = { "on", "off", "reboot", "status",
					     "monitor", "validate-all", "list",
					     "list-status", "metadata" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], action) == 0)
			return true;
	}
	return false;
}

int fence_words_settle(struct fence_words *f, struct rh_error *err)
{
	size_t len;

	if (f->action == NULL)
		f->action = memory_copy("reboot");
	if (f->timeout == NULL)
		f->timeout = memory_copy("120");
	len = strspn(f->timeout, "0123456789");
	if (len == 0 || len > 5 || f->timeout[len] != '\0' ||
	    atoi(f->timeout) < 1)
		return rh_error_set(err, RH_ERR_USAGE, "power_timeout=%s: "
				    "expected seconds", f->timeout);
	if (fence_words_is_action(f->action))
		return 0;
	return rh_error_set(err, RH_ERR_USAGE, "unknown action \"%s\"; expected "
			    "on, off, reboot, status, monitor, list, list-status, "
			    "validate-all or metadata", f->action);
}

/* ---- metadata ------------------------------------------------------------------- */

void fence_words_metadata(void)
{
	static const char *const actions[] = { "on", "off", "reboot", "status",
					       "monitor", "list",
					       "list-status", "metadata",
					       "validate-all" };
	size_t i;

	printf("<?xml version=\"1.0\" ?>\n<resource-agent name=\"fence_rhands\" "
	       "shortdesc=\"Fence agent for hosts of remotehands\" >\n"
	       "<longdesc>fence_rhands switches hosts by the ways that rhands "
	       "has to their power, one after the other, and says success only "
	       "where the power was seen off.</longdesc>\n"
	       "<vendor-url></vendor-url>\n<parameters>\n");
	for (i = 0; i < FENCE_KEYS; i++) {
		printf("\t<parameter name=\"%s\" unique=\"0\" required=\"0\"%s>\n"
		       "\t\t<getopt mixed=\"%s\" />\n\t\t<content type=\"%s\"",
		       fence_keys[i].name,
		       strcmp(fence_keys[i].name, "port") == 0
			       ? " deprecated=\"1\"" : "",
		       fence_keys[i].option, fence_keys[i].type);
		if (fence_keys[i].fallback != NULL)
			printf(" default=\"%s\"", fence_keys[i].fallback);
		printf(" />\n\t\t<shortdesc lang=\"en\">%s</shortdesc>\n"
		       "\t</parameter>\n", fence_keys[i].help);
	}
	printf("</parameters>\n<actions>\n");
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		printf("\t<action name=\"%s\"%s/>\n", actions[i],
		       strcmp(actions[i], "on") == 0 ? " automatic=\"0\"" : "");
	printf("</actions>\n</resource-agent>\n");
}
