/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the verbs share: options, loading, messages. A verb reads as a list of
 * calls into here. Always true: what is wrong is said once, on standard error,
 * with foreign text escaped.
 */
#include "agent/verbs/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/config/policy.h"
#include "agent/run/answer.h"
#include "agent/run/history.h"
#include "agent/run/record.h"
#include "agent/sequence/check.h"
#include "agent/verbs/verb-policy.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/vis.h"
#include "config.h"

int verb_fail(const struct verb_call *call, int status, const char *fmt, ...)
{
	struct buffer out = { 0 };
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vis_append(&out, text, strlen(text));
	fprintf(stderr, "rhands %s: %s\n", call->verb->name, buffer_text(&out));
	buffer_release(&out);
	return status;
}

void verb_put(const char *text)
{
	struct buffer out = { 0 };

	vis_append(&out, text, strlen(text));
	fputs(buffer_text(&out), stdout);
	buffer_release(&out);
}

int verb_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 0;
	return size.ws_col;
}

/* Bytes of the text that fit into so many columns, up to a blank or the end. */
static size_t verb_fold(const char *text, int columns)
{
	size_t i, blank = 0;
	int used = 0;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == ' ' && (used <= columns || blank == 0))
			blank = i;
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			used++;
		if (used > columns && blank > 0)
			return blank;
	}
	return i;
}

/* Text that is safe for a terminal. */
static void verb_put_lines(const char *rest, int columns, int indent)
{
	size_t len = columns > 0 ? verb_fold(rest, columns) : strlen(rest);

	printf("%.*s\n", (int)len, rest);
	for (rest += len; *rest != '\0'; rest += len) {
		rest += strspn(rest, " ");
		len = verb_fold(rest, columns - indent);
		printf("%*s%.*s\n", indent, "", (int)len, rest);
	}
}

void verb_put_folded(const char *text, int columns, int indent)
{
	struct buffer out = { 0 };

	vis_append(&out, text, strlen(text));
	verb_put_lines(buffer_text(&out), columns, indent);
	buffer_release(&out);
}

void verb_put_folded_words(const char *text, int columns, int indent)
{
	struct buffer out = { 0 };
	const char *next;

	for (; *text != '\0'; text = next) {
		next = text + strcspn(text, "\\");
		vis_append(&out, text, (size_t)(next - text));
		if (*next == '\\')
			buffer_append_char(&out, *next++);
	}
	verb_put_lines(buffer_text(&out), columns, indent);
	buffer_release(&out);
}

void verb_print_json(json_t *object)
{
	json_t *line = json_object();
	char *text;

	json_object_set_new(line, "version", json_integer(RECORD_VERSION));
	json_object_update(line, object);
	text = json_dumps(line, JSON_COMPACT);
	printf("%s\n", text);
	free(text);
	json_decref(line);
	json_decref(object);
}

int verb_not_begun(const struct verb_call *call, const struct host *host,
		   const struct rh_error *err)
{
	int status = run_error_status(err->code);

	verb_fail(call, status, "%s", err->text);
	if (call->json)
		verb_print_json(json_pack("{ss ss ss so ss si}", "event",
					  "verdict", "host", host->name,
					  "verdict", verdict_name(VERDICT_UNKNOWN),
					  "reason", record_string(err->text),
					  "code", rh_code_name(err->code),
					  "exit", status));
	return status;
}

int verb_finish(const struct verb_call *call, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return verb_fail(call, status != 0 ? status : 1,
			 "standard output can't be written%s%s",
			 errno != 0 ? ": " : "",
			 errno != 0 ? strerror(errno) : "");
}

bool verb_asks(const struct verb_call *call, const char *path,
	       const json_t *run, char *buf, size_t buf_len)
{
	const char *host = json_string_value(json_object_get(run, "host"));
	const char *records = call->records_option;
	bool moved = strcmp(call->config_dir, RHANDS_CONFIG_DIR) != 0;
	json_t *question = answer_question(path);
	char choices[200];

	if (question == NULL)
		return false;
	answer_choices(question, choices, sizeof(choices));
	snprintf(buf, buf_len, "%.500s; answer it with: rhands answer%s%s%s%s "
		 "%s %s",
		 json_string_value(json_object_get(question, "text")),
		 moved ? " --config " : "", moved ? call->config_dir : "",
		 records != NULL ? " --records " : "",
		 records != NULL ? records : "", host != NULL ? host : "?",
		 choices[0] != '\0' ? choices : "TEXT");
	json_decref(question);
	return true;
}

/* ---- options ---------------------------------------------------------------- */

static void verb_help(const struct verb *verb)
{
	printf("Usage: rhands %s%s%s\n%s\n\nOptions:\n%s"
	       "  --config DIR    configuration (default %s)\n"
	       "  --records DIR   where runs/ and locks/ are\n"
	       "  --json          JSON lines in place of text, where it reports\n"
	       "  --verbose       say more on standard error; --debug: still more\n"
	       "  --help          this text\n"
	       "See rhands(1), rhands-hosts(5), rhands-sequences(5).\n",
	       verb->name, verb->usage[0] != '\0' ? " " : "", verb->usage,
	       verb->summary, verb->help != NULL ? verb->help : "", RHANDS_CONFIG_DIR);
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
					 call->verb->name, words[w]);
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

const char *verb_var(const void *context, const char *name)
{
	const struct host *host = context;
	const char *value = host_var(host, name);

	if (value != NULL)
		return value;
	if (strcmp(name, "host") == 0)
		return host->name;
	return strcmp(name, "address") == 0 ? host->address : NULL;
}

static bool verb_has_secret(const void *context, const char *name)
{
	return host_secret(context, name) != NULL;
}

struct graph_times verb_power_times(const struct host *host)
{
	const struct way *power = host != NULL ? host_way(host, WAY_POWER, 0)
					       : NULL;
	struct graph_times times = { 0 };

	if (power != NULL) {
		times.min_off_ms = settings_number(power->settings, "min-off");
		times.confirm_ms = settings_number(power->settings, "confirm");
	}
	return times;
}

bool verb_longest(const struct host *host, const struct sequence *s,
		  int64_t *ret_ms, struct buffer *path)
{
	struct graph_times times = verb_power_times(host);
	struct graph graph;
	bool ends;

	graph_init(&graph, s, host != NULL ? &times : NULL);
	ends = !graph_loops(&graph, NULL, NULL);
	if (ends)
		*ret_ms = graph_worst_ms(&graph, path);
	graph_release(&graph);
	return ends;
}

void verb_check_sequence(const struct host *host, const struct sequence *s,
			 struct problems *problems)
{
	struct check_host about = { .name = host->name,
				    .file = host->file,
				    .has_secret = verb_has_secret,
				    .context = host,
				    .terminal = KEYS_VT100 };
	const struct way *console = host_way(host, WAY_CONSOLE, 0);
	struct graph_times times = verb_power_times(host);

	if (host->recover != NULL && strcmp(host->recover, s->name) == 0)
		about.line = host->recover_line;
	about.min_off_ms = times.min_off_ms;
	about.confirm_ms = times.confirm_ms;
	if (host_way(host, WAY_POWER, 0) != NULL)
		about.has |= SEQUENCE_NEEDS_POWER;
	while (host_way(host, WAY_POWER, (size_t)about.power_ways) != NULL)
		about.power_ways++;
	if (console != NULL) {
		about.has |= SEQUENCE_NEEDS_CONSOLE;
		about.terminal = keys_terminal_from_name(
			settings_text(console->settings, "terminal"));
	}
	if (host_way(host, WAY_SHELL, 0) != NULL)
		about.has |= SEQUENCE_NEEDS_SHELL;
	sequence_check(s, &about, problems);
}

void verb_no_sequence(const struct verb_call *call, const char *name)
{
	struct rh_error err = RH_ERROR_INIT;

	config_find_sequence(call->config, name, &err);
	verb_fail(call, 2, "%s", err.text);
}

static const struct ini *verb_library_get(const void *context, const char *name,
					  struct rh_error *err)
{
	return config_find_sequence(context, name, err);
}

struct sequence_library verb_library(const struct verb_call *call)
{
	return (struct sequence_library){ verb_library_get, call->config };
}

const struct ini *verb_find_sequence(const struct verb_call *call,
				     const char *name)
{
	const struct ini *ini = config_sequence(call->config, name);

	if (ini == NULL)
		verb_no_sequence(call, name);
	return ini;
}

struct sequence *verb_parse(const struct verb_call *call,
			    const struct host *host, const struct ini *ini,
			    const char *name, struct problems *problems)
{
	const struct sequence_library library = verb_library(call);
	struct sequence_vars vars = { verb_var, host, &library };

	return sequence_parse(ini, name, &vars, problems);
}

struct sequence *verb_sequence(struct verb_call *call, const struct host *host,
			       const char *name)
{
	const struct ini *ini = verb_find_sequence(call, name);
	struct problems problems = { 0 };
	struct sequence *s = NULL;

	if (ini == NULL)
		return NULL;
	if (problems_in_file(&call->problems, ini->file) > 0) {
		verb_print_problems(&call->problems, ini->file);
		verb_fail(call, 2, "the sequence %s has errors; nothing was "
			  "done", name);
		return NULL;
	}
	s = verb_parse(call, host, ini, name, &problems);
	if (s != NULL)
		verb_check_sequence(host, s, &problems);
	if (problems.errors > 0) {
		problems_sort(&problems);
		verb_quote_sequences(call, &problems);
		verb_print_problems(&problems, NULL);
		verb_fail(call, 2, "the sequence %s can't be run on %s; nothing was "
			  "done", name, host->name);
		sequence_free(s);
		s = NULL;
	}
	problems_release(&problems);
	return s;
}

struct sequence *verb_builtin(const char *name, const char *text)
{
	struct problems problems = { 0 };
	struct ini *ini = ini_read(name, text, strlen(text), &problems);
	struct sequence *s = sequence_parse(ini, name, NULL, &problems);

	verb_print_problems(&problems, NULL);
	problems_release(&problems);
	ini_free(ini);
	return s;
}

void verb_release(struct verb_call *call)
{
	config_free(call->config);
	policy_free(call->policy);
	problems_release(&call->problems);
	free(call->records);
	free(call->tree);
}
