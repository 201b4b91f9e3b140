/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the verbs share: options, the configuration, hosts and runs by their words.
 * A verb reads as a list of calls into here; what it says goes by verb-words.c, its
 * sequences come from verb-sequence.c. Always true: what is wrong is said once,
 * on standard error, with foreign text escaped.
 */
#include "agent/verbs/paths.h"
#include "agent/verbs/verb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/policy.h"
#include "agent/run/history.h"
#include "agent/verbs/verb-policy.h"
#include "base/log.h"
#include "base/memory.h"
#include "config.h"

/* ---- options ---------------------------------------------------------------- */

static void verb_help(const struct verb *verb)
{
	printf("Usage: rhands %s%s%s\n%s\n\nOptions:\n%s"
	       "  --config DIR    configuration (default %s)\n"
	       "  --records DIR   where runs/ and locks/ are\n"
	       "%s%s%s"
	       "  --verbose       say more on standard error; --debug: still more\n"
	       "  --help          this text\n"
	       "See rhands(1), rhands-hosts(5), rhands-sequences(5).\n",
	       verb->name, verb->usage[0] != '\0' ? " " : "", verb->usage,
	       verb->summary, verb->help != NULL ? verb->help : "", RHANDS_CONFIG_DIR,
	       verb->json != NULL ? "  --json          JSON lines, as the schemas say: "
				  : "",
	       verb->json != NULL ? verb->json : "",
	       verb->json != NULL ? "\n" : "");
}

/*
 * A descriptor 0 to 2 that was closed would go to the next file that is opened,
 * and what is printed into that file.
 */
void verb_open_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Directories of the command line. */
static int verb_check_directories(const struct verb_call *call)
{
	if (call->config_dir[0] == '\0')
		return verb_fail(call, 2, "--config: expected a directory");
	if (call->records_option != NULL && call->records_option[0] == '\0')
		return verb_fail(call, 2, "--records: expected a directory");
	return 0;
}

int verb_begin(struct verb_call *call, const struct verb_option *own, int min,
	       int max)
{
	bool help = false, verbose = false, debug = false, lacks = false;
	const struct verb_option common[] = {
		{ "config", &call->config_dir, NULL },
		{ "records", &call->records_option, NULL },
		{ "json", NULL, &call->json },
		{ "verbose", NULL, &verbose },
		{ "debug", NULL, &debug },
		{ "help", NULL, &help },
		{ NULL, NULL, NULL },
	};
	const char *bad;
	int first;

	verb_open_standard();
	call->config_dir = RHANDS_CONFIG_DIR;
	first = verb_options_take(call->argc, call->argv, common, own,
				  &call->excluded, &bad, &lacks);
	if (first < 0)
		return verb_fail(call, 2, "%s %s; see rhands %s --help",
				 lacks ? "a value is missing behind"
				       : "unknown option", bad,
				 call->verb->name);
	if (help) {
		verb_help(call->verb);
		return 1;
	}
	if (verbose || debug)
		log_set_level(debug ? LOG_DEBUG : LOG_NOTE);
	call->argc -= first;
	call->argv += first;
	if (call->argc < min || (max >= 0 && call->argc > max))
		return verb_fail(call, 2, "usage: rhands %s%s%s",
				 call->verb->name,
				 call->verb->usage[0] != '\0' ? " " : "",
				 call->verb->usage);
	if (verb_check_directories(call) != 0)
		return 2;
	if (call->json && call->verb->json == NULL)
		return verb_fail(call, 2, "--json: %s prints no JSON",
				 call->verb->name);
	return verb_policy_admit(call);
}

/* ---- configuration ------------------------------------------------------------- */

static char *verb_records(const struct verb_call *call)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (call->records_option != NULL)
		return memory_copy(call->records_option);
	if (call->config != NULL && call->config->records != NULL)
		return memory_copy(call->config->records);
	if (geteuid() == 0)
		return memory_copy(RHANDS_STATE_DIR);
	if (state != NULL && state[0] == '/')
		return memory_format("%s/remotehands", state);
	return memory_format("%s/.local/state/remotehands",
			     home != NULL ? home : "");
}

/* config_dir as verb_begin left it: nobody said another one. */
static void verb_find_tree(struct verb_call *call)
{
	if (strcmp(call->config_dir, RHANDS_CONFIG_DIR) == 0)
		call->tree = verb_tree(RHANDS_CONFIG_DIR);
	if (call->tree == NULL)
		return;
	call->config_dir = call->tree;
	verb_fail(call, 0, "there is no %s: taking the examples in %s",
		  RHANDS_CONFIG_DIR, call->tree);
}

static void verb_open_logbook(struct verb_call *call)
{
	const struct settings *log = call->config->log;

	if (settings_bool(log, "journal"))
		call->logbook.journal = settings_text(log, "journal-socket");
	if (settings_bool(log, "syslog"))
		call->logbook.syslog = settings_text(log, "syslog-socket");
	call->logbook.facility =
		logbook_facility(settings_text(log, "facility"));
}

int verb_load(struct verb_call *call)
{
	struct rh_error err = RH_ERROR_INIT;
	int status;

	verb_find_tree(call);
	status = verb_policy_admit(call);
	if (status != 0)
		return status;
	if ((call->dry ? config_load_dry : config_load)(
		    &call->config, call->config_dir, &call->problems, &err) < 0)
		return verb_fail(call, 2, "%s%s%s", err.text,
				 call->tree != NULL ? "; for the whole tree: "
						      "chmod -R go-w " : "",
				 call->tree != NULL ? call->tree : "");
	problems_sort(&call->problems);
	verb_quote_problems(call);
	call->records = verb_records(call);
	config_set_records(call->config, call->records);
	verb_open_logbook(call);
	return verb_policy_hosts(call);
}

/* Where records and locks are must not be guessed. */
static bool verb_agent_is_broken(const struct verb_call *call)
{
	char *file = memory_format("%s/rhands.ini", call->config_dir);
	bool broken = problems_in_file(&call->problems, file) > 0;

	if (broken)
		verb_print_problems(&call->problems, file);
	free(file);
	return broken;
}

static int verb_select_all(struct verb_call *call, char **words, int count,
			   const struct host ***list, size_t *n,
			   struct rh_error *err)
{
	size_t i;
	int w;

	for (w = 0; w < count; w++) {
		if (config_select(call->config, words[w], list, n, err) < 0)
			return -1;
	}
	if (count == 0) {
		*n = call->config->host_count;
		*list = memory_new(*n + 1, sizeof(**list));
		for (i = 0; i < *n; i++)
			(*list)[i] = call->config->hosts[i];
	}
	for (w = 0; w < call->excluded.count; w++) {
		if (config_exclude(call->config, call->excluded.words[w], *list,
				   n, err) < 0)
			return -1;
	}
	if (*n == 0 && call->excluded.count > 0)
		return rh_error_set(err, RH_ERR_USAGE,
				    "no host is left behind -x");
	return 0;
}

int verb_select(struct verb_call *call, char **words, int count,
		const struct host ***ret, size_t *ret_count)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct host **list = NULL;
	size_t n = 0;
	int w;

	for (w = 0; w < count; w++) {
		if (verb_policy_hides(call, words[w]))
			return verb_fail(call, 6, "refused by policy: %s may not "
					 "use %s on %s", policy_who(call->policy),
					 verb_policy_word(call), words[w]);
	}
	if (verb_select_all(call, words, count, &list, &n, &err) < 0) {
		free(list);
		return verb_fail(call, 2, "%s", err.text);
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

int verb_hosts_of(struct verb_call *call, char **words, int count,
		  const struct host ***ret, size_t *ret_count)
{
	const struct host **list = NULL;
	size_t n = 0, i;
	int status;

	if (verb_agent_is_broken(call))
		return verb_fail(call, 2, "rhands.ini has errors; nothing was done");
	status = verb_select(call, words, count, &list, &n);
	if (status != 0)
		return status;
	for (i = 0; i < n; i++) {
		if (!list[i]->broken)
			continue;
		if (!call->told)
			verb_print_problems(&call->problems, NULL);
		call->told = true;
		verb_fail(call, 2, "the configuration of %s has errors; nothing "
			  "was done", list[i]->name);
		free(list);
		return 2;
	}
	/* the examples name secrets that nobody has */
	if (call->problems.errors > 0 && call->tree == NULL)
		verb_fail(call, 0, "note: other files have errors; rhands check "
			  "lists them");
	*ret = list;
	*ret_count = n;
	return 0;
}

int verb_find_run(struct verb_call *call, const char *word, char **ret_path)
{
	struct rh_error err = RH_ERROR_INIT;
	json_t *run;
	bool shows;
	int status = 0;

	if (strchr(word, '/') != NULL)
		status = verb_policy_file(call, "name a record by its path");
	if (status != 0)
		return status;
	if (history_find(call->records, word, ret_path, &err) < 0)
		return verb_fail(call, run_error_status(err.code), "%s",
				 err.text);
	run = history_load(*ret_path, NULL);
	shows = verb_policy_shows(call, run);
	json_decref(run);
	if (shows)
		return 0;
	free(*ret_path);
	return verb_fail(call, 6, "refused by policy: %s may not see that run",
			 policy_who(call->policy));
}

int verb_parallel(struct verb_call *call, const char *text, int *ret)
{
	char *end;
	long n;

	if (text == NULL)
		return 0;
	n = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || n < 1 || n > 1024)
		return verb_fail(call, 2, "--parallel %s: expected a number from 1 "
				 "to 1024", text);
	*ret = (int)n;
	return 0;
}

void verb_release(struct verb_call *call)
{
	config_free(call->config);
	policy_free(call->policy);
	problems_release(&call->problems);
	free(call->records);
	free(call->tree);
}
