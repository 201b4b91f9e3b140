/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * [log] of rhands.ini: where the events of runs go besides the record. The loader
 * of that file comes in with the section. Always true: config->log is there,
 * with its defaults, also where no such section stands.
 */
#include <string.h>
#include <sys/un.h>

#include "agent/config/config-parts.h"

static const char *const log_facilities[] = {
	"user", "daemon", "auth", "authpriv", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", NULL
};

static const struct option log_options[] = {
	{ .key = "journal", .type = OPTION_BOOL, .fallback = "no",
	  .help = "Events of runs go to the journal of systemd, as fields." },
	{ .key = "syslog", .type = OPTION_BOOL, .fallback = "no",
	  .help = "Events of runs go to syslog." },
	{ .key = "facility", .type = OPTION_CHOICE, .fallback = "daemon",
	  .choices = log_facilities, .help = "The facility of syslog." },
	{ .key = "journal-socket", .type = OPTION_TEXT,
	  .fallback = "/run/systemd/journal/socket",
	  .help = "Where the journal listens." },
	{ .key = "syslog-socket", .type = OPTION_TEXT, .fallback = "/dev/log",
	  .help = "Where syslog listens." },
	OPTION_END
};

static const struct option *const log_tables[] = { log_options, NULL };

struct settings *config_log_new(void)
{
	return settings_new(log_tables);
}

static bool config_log_is_socket(const char *path)
{
	const struct sockaddr_un *at = NULL;

	return path[0] == '/' && strlen(path) < sizeof(at->sun_path);
}

void config_log_read(struct config *config, const char *file,
		     const struct ini_section *section,
		     struct problems *problems)
{
	const struct ini_entry *e;
	struct rh_error err;
	size_t i;

	for (i = 0; i < section->count; i++) {
		e = &section->entries[i];
		rh_error_clear(&err);
		if (settings_knows(config->log, e->key) &&
		    settings_has(config->log, e->key))
			problems_add(problems, file, e->line, "key \"%s\" is "
				     "there twice; expected it once", e->key);
		else if (settings_set(config->log, e->key, e->value, &err) < 0)
			problems_add(problems, file, e->line, "%s", err.text);
		else if (strstr(e->key, "-socket") != NULL &&
			 !config_log_is_socket(e->value))
			problems_add(problems, file, e->line, "%s = %.80s: "
				     "expected the path of a socket, at most 107 "
				     "bytes that begin with /", e->key, e->value);
	}
}
