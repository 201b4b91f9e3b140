/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONFIG_CONFIG_H
#define RH_AGENT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/ini.h"
#include "base/option.h"
#include "base/problem.h"
#include "base/settings.h"
#include "drivers/driver.h"

/*
 * The configuration of one directory, read once, checked, immutable:
 *   DIR/rhands.ini		optional: [agent] records = PATH, owner-group;
 *				[guard], [guard GROUP]
 *   DIR/hosts.d/NAME.ini	one host each; NAME is the host's name
 *   DIR/hosts.d/NAME.template	what hosts inherit
 *   DIR/sequences.d/NAME.ini	one sequence each, kept as INI data;
 *				agent/sequence gives it its meaning, per host
 *   DIR/twins.d/NAME.ini	hosts that do not exist, for `driver = twin` and for
 *				rehearsals; agent/twin gives them their meaning
 *   DIR/plans.d/NAME.ini	maintenances; agent/plan gives them their meaning
 * Other files there are ignored (backups, READMEs), and names with a '.' first.
 *
 * Who may write: DIR, hosts.d, sequences.d and every file that is read must
 * belong to us or to root and be writable by nobody else, by mode bits (an ACL
 * shows there). Group write counts as others, the sticky bit does not help: it
 * keeps others from replacing our files, not from adding their own. This is
 * OpenSSH's StrictModes, without the walk up to '/': DIR is opened once and all
 * else relative to it. DIR may be a symbolic link, the caller named it; nothing
 * below it may: files and directories are opened with O_NOFOLLOW, once, and
 * judged and read through that descriptor. At most 1 MiB a file.
 *
 * Templates: [host] inherits = A B lays the host's file over A over B, each
 * over its own templates, key by key, as if those keys stood in the host's file:
 * the host wins, then A. A way section whose `driver` differs hides the one
 * below whole. Ways that only a template has come after the host's own, but the
 * one without label before them; to change the order, repeat a section's line
 * in the host's file, empty. A problem in a template is told once, at its line.
 */
enum way_capability {
	WAY_NONE = 0,
	WAY_POWER,
	WAY_CONSOLE,
	WAY_SHELL,
	WAY_CHECK,	/* where no [check] stands: driver tcp, the host's address */
	WAY_COUNT,
};

/* Most ways to one capability of one host; the next one is an error. */
#define CONFIG_WAYS_MAX 8

/* One configured driver of a host: a section [power], [power backup], ... */
struct way {
	enum way_capability capability;
	char *label;			/* "power", "power backup" */
	const struct driver *driver;
	struct settings *settings;	/* the driver's, way_options[], "driver" */
	const char *file;
	int line;	/* 0: the way for checks that each host gets */
	char *twin;	/* driver twin: the name of its file; else NULL */
};

/* The options that all ways of a capability share, beside `driver`. */
extern const struct option *const way_options[WAY_COUNT];

const char *way_capability_name(enum way_capability capability);

struct host_var {
	char *name;
	char *value;	/* for secrets: the reference */
	const char *file;
	int line;
};

struct host {
	char *name;
	char *file;		/* as opened, for messages */
	char *summary;		/* "" where there is none */
	char *address;		/* of the host itself, for checks; default: name */
	char *recover;		/* name of the sequence, NULL: none */
	char *reboot;		/* that of a maintenance, NULL: the usual one */
	int recover_line;	/* line of that key, in recover_file */
	const char *recover_file;
	bool evidence;		/* collected before force */
	char **needs;		/* NULL-ended */
	char **groups;		/* NULL-ended */
	char *owner_group;	/* that may read records, also from rhands.ini; NULL */
	const char *owner_file;	/* where that stands */
	int owner_line;
	struct way *ways;	/* in the order written; none with errors */
	size_t way_count;
	struct host_var *vars;
	size_t var_count;
	struct host_var *secrets;	/* [secrets] NAME = reference */
	size_t secret_count;
	bool broken;		/* its file, or a template of it, has errors */
};

/*
 * What the guard allows: [guard] of rhands.ini, with all settings (enabled, window,
 * runs-per-host, runs-per-group, min-healthy), or a [guard GROUP], of whose settings
 * (without enabled and window) those that are set go before.
 */
struct config_guard {
	char *group;		/* NULL: [guard] */
	int line;		/* 0: not in the file */
	struct settings *settings;
	int min_healthy;	/* hosts, or of a hundred */
	bool percent;
};

struct config {
	bool dry;		/* no way is opened: secrets may be missing */
	char *dir;
	char *records;		/* NULL: not set in rhands.ini */
	char *owner_group;	/* of hosts that say nothing of it; NULL: none */
	char *owner_file;	/* where that stands */
	int owner_line;
	struct config_guard *guards;	/* the first is [guard], always there */
	size_t guard_count;
	struct settings *log;	/* [log] of rhands.ini, or its defaults */
	struct host **hosts;	/* sorted by name, NULL-ended */
	size_t host_count;
	struct host **hidden;	/* those that the policy keeps from the caller */
	size_t hidden_count;
	struct ini **sequences;	/* sorted by file name */
	char **sequence_names;
	size_t sequence_count;
	struct ini **twins;	/* the same of twins.d */
	char **twin_names;
	size_t twin_count;
	struct ini **plans;	/* the same of plans.d */
	char **plan_names;
	size_t plan_count;
};

/*
 * Reads everything. Errors in files go to problems (not sorted), with `broken`
 * set for the hosts that they touch; a file that cannot be read (a symbolic
 * link, a directory, too large) is such an error and its host is there, broken; the call itself fails (CONFIG) only where there is
 * nothing to work with: no directory, not ours or root's, others can write to it
 * (or to hosts.d, sequences.d, twins.d, or a file in them). Free with config_free (NULL ok).
 */
int config_load(struct config **ret, const char *dir,
		struct problems *problems, struct rh_error *err);

/*
 * The same for what opens no way: a secret that can't be read here and now is a
 * warning, and breaks no host.
 */
int config_load_dry(struct config **ret, const char *dir,
		    struct problems *problems, struct rh_error *err);
void config_free(struct config *config);

/*
 * Says where records go, once, before anything is opened: the twins of hosts
 * live there, in twins/HOST, where their files do not say otherwise.
 */
void config_set_records(struct config *config, const char *records);

/* The hosts, then the hidden ones; NULL behind the last. */
const struct host *config_each(const struct config *config, size_t i);

/* NULL where there is none. */
const struct host *config_host(const struct config *config, const char *name);
const struct ini *config_sequence(const struct config *config, const char *name);

/*
 * The same; err says the nearest name where there is none, and refuses one whose
 * file could not be read whole.
 */
const struct ini *config_find_sequence(const struct config *config,
				       const char *name, struct rh_error *err);

/* A plan; USAGE with the nearest name where there is none. */
const struct ini *config_find_plan(const struct config *config,
				   const char *name, struct rh_error *err);

/*
 * Reads DIR/twins.d/NAME.ini (a name with a '/' is a path), which is looked at
 * when it is asked for: a twin is no part of what a host needs. What is wrong in it goes to problems, and the
 * INI data is there all the same. USAGE with the nearest name where there is
 * none; CONFIG where others can write to it. Free with ini_free.
 */
int config_read_twin(const struct config *config, const char *name,
		     struct problems *problems, struct ini **ret,
		     struct rh_error *err);

/* The same for a file of that path; `what` it is, for messages: "suite". */
int config_read_path(const char *what, const char *path,
		     struct problems *problems, struct ini **ret,
		     struct rh_error *err);

/*
 * The hosts that a word of the command line means: NAME, a range (hostlist.h),
 * @group, or all, or several of those with commas between them; appended to
 * *list (count in *count; free the array, not the hosts). USAGE with the nearest
 * name where there is none. No host is listed twice.
 */
int config_select(const struct config *config, const char *word,
		  const struct host ***list, size_t *count,
		  struct rh_error *err);

/* Takes the hosts that the word means out of the list; USAGE as above. */
int config_exclude(const struct config *config, const char *word,
		   const struct host **list, size_t *count,
		   struct rh_error *err);

bool host_in_group(const struct host *host, const char *group);

/* The value of a var or the reference of a secret; NULL where unset. */
const char *host_var(const struct host *host, const char *name);
const char *host_secret(const struct host *host, const char *name);

/* The n-th way (0 first) to a capability, NULL where there is none. */
const struct way *host_way(const struct host *host,
			   enum way_capability capability, size_t n);

#endif
