/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONFIG_CONFIG_PARTS_H
#define RH_AGENT_CONFIG_CONFIG_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config/config.h"
#include "base/buffer.h"

/* What the files of agent/config share; nobody else includes it. */

/* In place of a group: records stay private. */
#define CONFIG_OWNER_NONE "none"

/* The largest file that is read, in bytes. */
#define CONFIG_FILE_MAX (1024 * 1024)

/* --- config-file.c: directories and files, opened with care ------------- */

/*
 * Opens the directory `name` below the descriptor `at` (path: its name for
 * messages). *ret_fd is -1 where there is none. follow: whether name may be a
 * symbolic link. Errors (CONFIG): not ours or root's, open to others.
 */
int config_file_open_dir(int at, const char *name, const char *path,
			 bool follow, int *ret_fd, struct rh_error *err);

/* The names in it that do not begin with '.', sorted, NULL-ended; free both. */
int config_file_list(int dir_fd, const char *path, char ***ret_names,
		     struct rh_error *err);
void config_file_list_free(char **names);

/*
 * Reads one file as INI data. *ret is NULL where there is none (any more),
 * never NULL where it is there: what cannot be read is a problem and gives
 * empty data, with *ret_broken set. Errors (CONFIG): not ours, open to others.
 */
int config_file_read(int dir_fd, const char *name, const char *path,
		     struct problems *problems, struct ini **ret,
		     bool *ret_broken, struct rh_error *err);

/* --- config-agent.c: rhands.ini ------------------------------------------ */

/* Fills records and guards. Errors: as config_file_read. */
int config_load_agent(struct config *config, int dir_fd,
		      struct problems *problems, struct rh_error *err);

/* Warns of groups that no host is in; call it when the hosts are there. */
void config_check_guards(const struct config *config,
			 struct problems *problems);
void config_free_guards(struct config *config);

/* --- config-log.c: [log] of rhands.ini ----------------------------------- */

struct settings *config_log_new(void);
void config_log_read(struct config *config, const char *file,
		     const struct ini_section *section,
		     struct problems *problems);

/* --- config-merge.c: a file laid over others ---------------------------- */

struct config_value {
	const struct ini_entry *entry;	/* borrowed from the file's INI data */
	const char *file;		/* where it stands; borrowed */
};

struct config_section {
	char *name;	/* blanks made one: "power backup" */
	const char *file;
	int line;
	struct config_value *values;
	size_t count;
};

struct config_merged {
	struct config_section *sections;
	size_t count;
};

void config_merge_release(struct config_merged *m);

/* Appends what stands in one file. */
void config_merge_file(struct config_merged *m, const struct ini *ini,
		       const char *file);

/*
 * Lays `below` under `top`: what top has, wins, key by key. A way of top with
 * another driver hides the one below whole. Ways that only below has come after
 * those of top, but the one without a label comes before.
 */
void config_merge_under(struct config_merged *top,
			const struct config_merged *below);

/* NULL where there is none. */
const struct config_section *config_merge_section(const struct config_merged *m,
						  const char *name);
const struct config_value *config_merge_value(const struct config_section *s,
					      const char *key);

/* The name with single blanks; free(3). */
char *config_section_name(const char *name);

/* Of "power", "power LABEL"; WAY_NONE for other sections. */
enum way_capability config_section_capability(const char *name);

/* The next word of text, split at blanks and commas; its length, 0 at the end. */
size_t config_next_word(const char **rest, const char **ret_word);

/* --- config-source.c: the files of hosts.d and their templates ----------- */

enum config_state {
	CONFIG_STATE_NONE = 0,	/* read */
	CONFIG_STATE_BUSY,	/* its templates are being looked up */
	CONFIG_STATE_DONE,	/* merged is complete */
};

struct config_source {
	char *name;	/* "ldap1" of ldap1.ini, "rack3" of rack3.template */
	char *file;
	struct ini *ini;
	struct config_merged merged;	/* itself over its templates */
	enum config_state state;
	struct config_source *user;	/* while BUSY: who asked for it */
	bool is_template;
	bool broken;	/* it, or a template of it, has errors */
	bool incomplete;	/* a template of it is missing or broken */
};

struct config_sources {
	struct config_source *hosts;
	size_t host_count;
	struct config_source *templates;
	size_t template_count;
};

void config_source_release(struct config_source *source);

/* Sections and keys that are unknown or there twice, in this one file. */
void config_source_check(struct config_source *source,
			 struct problems *problems);

/*
 * Fills merged; a template that is missing, or a cycle, is a problem. A
 * template's own values are checked too, so that its users know if it is broken.
 */
void config_source_resolve(struct config_source *source,
			   struct config_sources *all,
			   const struct config *config,
			   struct problems *problems);

/* --- config-host.c, config-way.c: merged data to a checked host ----------- */

struct config_building {
	struct host *host;
	const struct config_source *source;
	const struct config_sources *all;
	const struct config *config;	/* its sequences are there already */
	struct problems *problems;
	bool partial;	/* a template, or on a broken one: lacks nothing */
};

/* Adds a problem and marks the host broken. */
void config_building_problem(struct config_building *b, const char *file,
			     int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The same for the byte at `offset` of a value that is no secret, of a key that is
 * known: the line is shown to people.
 */
void config_building_value(struct config_building *b,
			   const struct config_value *value, size_t offset,
			   const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A new host; free with config_host_free. */
struct host *config_host_build(const struct config_source *source,
			       const struct config_sources *all,
			       const struct config *config,
			       struct problems *problems);
void config_host_free(struct host *host);

/* One section that is a way; the way that each host has for checks. */
void config_way_add(struct config_building *b,
		    const struct config_section *section);
void config_way_add_check(struct config_building *b);

/* --- config-live.c: ways that are twins ------------------------------------ */

/* What ways with `driver = twin` need of their host, into their settings. */
void config_live_add(struct config_building *b);

#endif
