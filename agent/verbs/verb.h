/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_VERBS_VERB_H
#define RH_AGENT_VERBS_VERB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/config/config.h"
#include "agent/run/run.h"
#include "agent/sequence/graph.h"
#include "agent/sequence/sequence.h"
#include "agent/verbs/verb-options.h"
#include "base/problem.h"

/*
 * A verb: what stands behind `rhands`. One file each; main.c has the table.
 */
struct verb_call;

struct verb {
	const char *name;
	const char *usage;	/* what follows the name */
	const char *summary;	/* one line */
	const char *help;	/* the options of its own, for --help; may be NULL */
	const char *json;	/* schemas of what it prints with --json, with blanks
				   between; NULL: it prints none, and refuses that */
	int (*run)(struct verb_call *call);	/* returns the exit status */
};

extern const struct verb verb_recover, verb_run, verb_power, verb_console,
	verb_status, verb_check, verb_hosts, verb_runs, verb_show, verb_replay,
	verb_drivers, verb_shell, verb_identify, verb_sel, verb_doctor,
	verb_answer, verb_cancel, verb_wait, verb_plan, verb_maintain,
	verb_fence, verb_rehearse, verb_graph, verb_learn, verb_test,
	verb_report;

struct verb_call {
	const struct verb *verb;
	int argc;		/* arguments, options taken out */
	char **argv;
	const char *config_dir;
	const char *records_option;
	bool json;
	struct logbook_options logbook;	/* after verb_load */
	bool dry;		/* no way will be opened: secrets may be missing */
	bool told;		/* the errors of the files, once */
	struct policy *policy;	/* that binds who asks; NULL: none. verb-policy.h */
	const char *permission;	/* what it has to give: "power-cycle"; NULL: the
				   verb's name */
	bool policy_read;
	struct verb_excluded excluded;	/* -x: hosts that are not meant */

	/* verb_load */
	struct config *config;
	struct problems problems;
	char *records;
	char *tree;		/* the source tree that config_dir is, or NULL */
};

/*
 * Takes the options out of argc/argv: --config, --records, --json, --verbose,
 * --debug, --help (prints the help, returns 1 and the exit status is 0), and `own`
 * (ended by a NULL name; may be NULL); min..max arguments must be left (-1: any
 * number). Returns 0, or 2 after saying what is wrong.
 */
int verb_begin(struct verb_call *call, const struct verb_option *own, int min,
	       int max);

/* Standard input, output and error are open from then on; verb_begin does it. */
void verb_open_standard(void);

/*
 * Reads the configuration. Returns 0, or 2 after saying what is wrong. Where nobody
 * said which, and the installed one is not there, that of the source tree that
 * this program was built in is taken, and said so.
 */
int verb_load(struct verb_call *call);

/*
 * The run that a word means, as history_find, where the policy lets it be seen.
 * Returns 0, or the exit status after saying why not. *ret_path: free(3).
 */
int verb_find_run(struct verb_call *call, const char *word, char **ret_path);

/*
 * The hosts that words mean (no words: all), without those of -x; broken ones
 * too. Returns 0, or 2 after saying what is wrong. Free the list.
 */
int verb_select(struct verb_call *call, char **words, int count,
		const struct host ***ret, size_t *ret_count);

/*
 * The folder of this program, where the directory `missing` is not there and that
 * folder has hosts.d and twins.d; else NULL. free(3)
 */
char *verb_tree(const char *missing);

/*
 * The hosts that words mean, in the order given. Says and returns 2 where one is
 * unknown or its file has errors. The list is to be freed with free(3).
 */
int verb_hosts_of(struct verb_call *call, char **words, int count,
		  const struct host ***ret, size_t *ret_count);

/* "--parallel N": 1 to 1024; NULL leaves *ret. Returns 0, or 2 after saying why. */
int verb_parallel(struct verb_call *call, const char *text, int *ret);

/* The sequence for that host, parsed and checked; NULL after saying why not. */
struct sequence *verb_sequence(struct verb_call *call, const struct host *host,
			       const char *name);

/* The same, with what is wrong in problems and nothing said; NULL where it can't be. */
struct sequence *verb_parse(const struct verb_call *call,
			    const struct host *host, const struct ini *ini,
			    const char *name, struct problems *problems);

/* Says that there is no sequence of that name, and the nearest one. */
void verb_no_sequence(const struct verb_call *call, const char *name);

/* The file of the sequence with that name; NULL after saying that there is none. */
const struct ini *verb_find_sequence(const struct verb_call *call,
				     const char *name);

/* The sequences that one can run; for struct sequence_vars. */
struct sequence_library verb_library(const struct verb_call *call);

/* The same for a sequence in the words of a verb; errors are bugs. */
struct sequence *verb_builtin(const char *name, const char *text);

/* How long the power of this host (NULL: none) takes. */
struct graph_times verb_power_times(const struct host *host);

/*
 * What takes longest on this host (NULL: none): the time and the path. False where
 * it may go round without end.
 */
bool verb_longest(const struct host *host, const struct sequence *s,
		  int64_t *ret_ms, struct buffer *path);

/* What the check of a sequence is to know of a host. */
void verb_check_sequence(const struct host *host, const struct sequence *s,
			 struct problems *problems);

/* vars of a host, with ${host} and ${address}. context: the host. */
const char *verb_var(const void *context, const char *name);

/* "rhands VERB: TEXT" on standard error, foreign text escaped; returns status. */
int verb_fail(const struct verb_call *call, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Gives the problems in sequences their lines. Those of hosts got them where it is
 * known that no secret stands there.
 */
void verb_quote_problems(struct verb_call *call);
void verb_quote_sequences(const struct verb_call *call, struct problems *problems);

/*
 * Prints the problems, those of `file` only (NULL: all), to standard error, as
 * compilers do: "FILE:LINE:COLUMN: error: TEXT", then the line and a caret under
 * the place, where they are known.
 */
void verb_print_problems(const struct problems *p, const char *file);

/* One JSON object a line on standard output; "version" is added; consumes it. */
void verb_print_json(json_t *object);

/*
 * A run that was not begun, for --json: an event "verdict" without a run, so that a
 * program that reads us gets an answer in any case. verb_not_begun also says it on
 * standard error, and returns its exit status.
 */
void verb_print_not_begun(const struct host *host, const struct rh_error *err);
int verb_not_begun(const struct verb_call *call, const struct host *host,
		   const struct rh_error *err);

/*
 * The end of a verb that reports: status, or 1 after saying that standard output
 * could not be written.
 */
int verb_finish(const struct verb_call *call, int status);

/*
 * The question that a run waits with, as "TEXT; answer it with: rhands answer ...",
 * the options of this call in it. False where it asks nothing.
 */
bool verb_asks(const struct verb_call *call, const char *path,
	       const json_t *run, char *buf, size_t buf_len);

/* Escaped text on standard output. */
void verb_put(const char *text);

/* Columns of the terminal that standard output is; 0: it is none. */
int verb_columns(void);

/*
 * The same with a newline, folded at blanks to that many columns, the lines that
 * follow set in by `indent`; a word that does not fit stays whole. 0: not folded.
 */
void verb_put_folded(const char *text, int columns, int indent);

/* The same with words of an INI file, whose backslashes stay as they are written. */
void verb_put_folded_words(const char *text, int columns, int indent);

void verb_release(struct verb_call *call);

#endif
