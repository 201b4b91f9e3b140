/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_SEQUENCE_H
#define RH_AGENT_SEQUENCE_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/console/match.h"
#include "base/error.h"
#include "base/ini.h"
#include "base/problem.h"

/*
 * A sequence as data (DESIGN 6): states with actions and rules. Made from
 * INI data by sequence_parse for one host (its vars are put in), immutable after.
 */
enum verdict {
	VERDICT_NONE = 0,
	VERDICT_RECOVERED,
	VERDICT_FAILED,
	VERDICT_NEEDS_HANDS,
	VERDICT_UNKNOWN,
	VERDICT_COUNT,
};

/* "recovered", "failed", "needs-hands", "unknown"; "none". */
const char *verdict_name(enum verdict verdict);
enum verdict verdict_from_name(const char *name);	/* NONE: no such */

enum target_kind {
	TARGET_NONE = 0,	/* stay */
	TARGET_STATE,
	TARGET_VERDICT,
	TARGET_RETURN,	/* to the sequence that runs this one, with success */
};

#define TARGET_RETURN_NAME "return"

struct target {
	enum target_kind kind;
	int state;		/* index into states */
	enum verdict verdict;
	char *reason;		/* of a verdict; NULL where none was given */
	const char *file;	/* as in struct sequence */
	int line;
	int column;
	char *name;		/* as written, until it is resolved */
	char *note;		/* how a sequence that was run ended; or NULL */
	bool if_failed;		/* not where it can't be told what happened */
};

enum action_type {
	ACTION_NONE = 0,
	ACTION_POWER,		/* number: enum driver_act */
	ACTION_BOOT,		/* number: enum driver_boot */
	ACTION_SEND,		/* text: bytes */
	ACTION_ENTER,		/* text, then the terminal's Enter */
	ACTION_KEY,		/* keys */
	ACTION_SECRET,		/* text: name of the secret */
	ACTION_BREAK,
	ACTION_SYSRQ,		/* number: the letter */
	ACTION_WAIT,		/* ms */
	ACTION_NOTE,		/* text */
	ACTION_CHECK_TCP,	/* number: port; text/expect; within_ms, every_ms,
				   hold_ms */
	ACTION_CHECK_SSH,	/* the new system answers; times as above */
	ACTION_CHECK_SHELL,	/* text: a command that must succeed; times */
	ACTION_SHELL,		/* text: a command; within_ms */
	ACTION_COLLECT,		/* text: what */
	ACTION_RESTART,		/* rungs, until one is proved */
	ACTION_STOP,		/* the same, until the power is seen off */
	ACTION_ASK,		/* text: a question to a person, yes or no */
	ACTION_SYSRQ_SEEN,	/* not written by anybody: the kernel answers a sysrq */
	ACTION_SELECT,		/* steps: entries of menus, one behind the other */
	ACTION_RUN,		/* text: a sequence; none is left by sequence_parse */
	ACTION_COUNT,
};

/* One way to restart a host or to bring it down, from gentle to rough. */
enum rung_kind {
	RUNG_NONE = 0,
	RUNG_SHELL,	/* a command on the host */
	RUNG_SOFT,	/* the power button; then on */
	RUNG_SYSRQ,	/* s, u, b by break; to stop: s, u, o */
	RUNG_RESET,	/* restart only */
	RUNG_CYCLE,	/* restart only; over all ways to the power */
	RUNG_OFF,	/* stop only */
	RUNG_COUNT,
};

struct rung {
	enum rung_kind kind;
	int64_t within_ms;	/* until its proof must be there */
	char *command;		/* SHELL; NULL: the usual one */
};

/* "shell", "soft", "sysrq", "reset", "cycle", "off". */
const char *rung_name(enum rung_kind kind);

/* One entry of a menu, as `select` is told of it. */
struct select_step {
	struct match_pattern *pattern;
	char *source;		/* as a person wrote it */
	bool whole;		/* literal: it is all of the entry's text */
};

/* How deep sequences run others, and how many states all of them may have. */
#define SEQUENCE_RUN_DEPTH 8
#define SEQUENCE_STATES_MAX 1000

/* How long the way to one entry of a menu may take, Enter and all. */
#define SEQUENCE_SELECT_MS 60000

struct action {
	enum action_type type;
	const char *file;
	int line;
	int column;
	char *source;		/* as a person wrote it, in one line */
	int number;
	char *text;
	size_t text_len;
	char *expect;		/* CHECK_TCP; NULL: none */
	size_t expect_len;
	char **keys;		/* KEY: names, NULL-ended, repeats written out */
	struct select_step *steps;	/* SELECT */
	size_t step_count;
	int64_t ms;
	int64_t within_ms;	/* 0: one try */
	int64_t every_ms;
	int64_t hold_ms;	/* checks: good for so long, every time */
	struct rung *rungs;	/* RESTART, STOP: in the order to be tried */
	size_t rung_count;
	bool gently;		/* ... what the host can't do is left out */
};

struct actions {
	struct action *list;
	size_t count;
};

enum rule_kind {
	RULE_NONE = 0,
	RULE_TEXT,	/* `on`: pattern on the text view */
	RULE_SCREEN,	/* `on screen`: pattern on the rendered screen */
	RULE_IDLE,	/* `on idle`: nothing printed for ms */
	RULE_LOST,	/* `on lost`: no console for ms */
};

struct rule {
	enum rule_kind kind;
	const char *file;
	int line;
	int column;		/* of what it waits for */
	struct match_pattern *pattern;
	char *source;		/* the pattern as a person wrote it */
	int64_t ms;
	int max;		/* 0: no limit */
	struct actions actions;
	struct target target;
	int first;		/* of [always]: it holds in these states; end 0: in all */
	int end;
};

struct rules {
	struct rule *list;
	size_t count;
};

struct state {
	char *name;		/* "boot", "S/X:boot" where S runs X; "S+1" is what
				   stands in S behind its first run */
	char *own;		/* as its section says */
	int part;		/* 1: behind the first run, ... */
	int start;		/* where the sequence begins that it is of */
	const char *file;
	int line;
	struct actions act;	/* `do` */
	struct target then;
	struct target otherwise;	/* `else` */
	struct rules rules;
	int64_t timeout_ms;	/* 0: none */
	struct target timeout;
	int visits;		/* 0: no limit */
	struct target visited;	/* where the entry after that goes */
	int64_t key_delay_ms;	/* 0: the host's */
};

/* What a sequence needs of a host, as bits. */
#define SEQUENCE_NEEDS_POWER	1
#define SEQUENCE_NEEDS_CONSOLE	2
#define SEQUENCE_NEEDS_SHELL	4

struct sequence {
	char *name;
	char *file;		/* its parts borrow this, or one of those: */
	char **files;		/* of the sequences that it runs */
	size_t file_count;
	int line;		/* of [sequence] */
	char *summary;
	char *twin;		/* that it is rehearsed with; NULL: of its name */
	unsigned needs;		/* as declared */
	int needs_line;
	int64_t deadline_ms;
	int deadline_line;	/* 0: it is the usual one */
	int deadline_column;
	bool evidence;
	struct actions healthy;	/* checks */
	int start;		/* index of a state */
	int return_line;	/* of its first `return`; 0: it has none, and is
				   no part of others alone */
	struct rules always;
	struct state *states;
	size_t state_count;
};

/* The other sequences, for `run`: NULL with err where it can't be had. */
struct sequence_library {
	const struct ini *(*get)(const void *context, const char *name,
				 struct rh_error *err);
	const void *context;
};

/* Looks up ${name}; NULL where unset. get NULL: each is taken as set. */
struct sequence_vars {
	const char *(*get)(const void *context, const char *name);
	const void *context;
	const struct sequence_library *library;	/* NULL: none can be run */
};

/*
 * Makes a sequence of INI data. All errors go to problems; NULL where there
 * is one. vars NULL: every ${name} is taken as set (for a check without a
 * host). In a pattern the value of a var is matched literally.
 *
 * Sequences that are run are put in, so that what comes out is one graph of
 * states: "S/X:boot" is the state boot of X, as S runs it. A problem in one of
 * them has its file.
 */
struct sequence *sequence_parse(const struct ini *ini, const char *name,
				const struct sequence_vars *vars,
				struct problems *problems);
void sequence_free(struct sequence *s);

/*
 * Whether it is there for others to run, and for nothing else: it ends with
 * `return`, and only the one that runs it can say `recovered`.
 */
bool sequence_is_part(const struct sequence *s);

/* Whether the rule, of [always], holds in this state. */
bool rule_holds(const struct rule *r, int state);

/* What its actions and rules really need (bits). */
unsigned sequence_uses(const struct sequence *s);

/* Calls visit for each action of the sequence. */
void sequence_each_action(const struct sequence *s,
			  void (*visit)(void *context, const struct action *a),
			  void *context);

/* Whether it looks at the screen: the console has to be rendered. */
bool sequence_renders(const struct sequence *s);

/* Whether the action types on the console. */
bool action_types(const struct action *a);

/* Whether it is a check: nothing is touched by it. */
bool action_is_check(const struct action *a);

/* Whether it destroys what the host knows: off, cycle, reset, diag, sysrq b c o,
   restart, stop. */
bool action_is_force(const struct action *a);

#endif
