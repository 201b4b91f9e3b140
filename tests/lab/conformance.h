/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_TESTS_LAB_CONFORMANCE_H
#define RH_TESTS_LAB_CONFORMANCE_H

/*
 * The conformance suite: the sentences of drivers/driver.h as rules, the same
 * list for every driver. What is known of a driver's counterpart stands in a
 * file (see conformance.c), never in a rule.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/settings.h"
#include "drivers/driver.h"

#if defined(__SANITIZE_ADDRESS__)
#define CONF_SLACK_MS 700
#define CONF_GROWTH_KB (400 * 1024)	/* what is freed is kept for a while */
#else
#define CONF_SLACK_MS 250
#define CONF_GROWTH_KB (24 * 1024)
#endif
#define CONF_SOON_MS 15000	/* for what must work */
#define CONF_SHORT_MS 400	/* for what must not */

/* --- what is tested (conformance.c) ------------------------------------------ */

extern const struct driver *conf_driver;

/* False, and the rule has failed, where ok is not true. */
bool conf_check(bool ok, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* rc is 0; else err is told. */
bool conf_check_rc(int rc, const struct rh_error *err, const char *what);
/* The rule does not go for this driver. The rule returns after it. */
void conf_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line for the reader: a figure, a text. */
void conf_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool conf_failed(void);

/* A key of [counterpart]; NULL where it is not there. */
const char *conf_word(const char *key);
/* The same; the rule has failed where it is not there. */
const char *conf_need(const char *key);
/* Whether that word is one of those of the key. */
bool conf_says(const char *key, const char *word);
/* Entry number n of a section: its key and value; false behind the last. */
bool conf_entry(const char *section, size_t n, const char **ret_key,
		const char **ret_value);
bool conf_has_section(const char *section);

/* An instance with [settings] and, over them, a section (NULL: none). */
struct conf_instance {
	struct settings *settings;
	void *self;
};

int conf_try_open(struct conf_instance *i, const char *section,
		  struct rh_error *err);
/* The same, but with one key more, or (value NULL) without it. */
int conf_try_open_with(struct conf_instance *i, const char *key,
		       const char *value, struct rh_error *err);
void conf_open(struct conf_instance *i, const char *section);
void conf_close(struct conf_instance *i);

/* An error is for a person: a code, one line of text, no secret. */
void conf_check_error(const struct rh_error *err, const char *what);
/* No secret of ours is in these bytes. */
void conf_check_no_secret(const void *bytes, size_t len, const char *where);
bool conf_has_secret(const void *bytes, size_t len);

/* --- the world around the driver (conformance-world.c) -------------------------- */

/* Counterparts that accept and say nothing; see conf_sink_name. */
void conf_sinks_start(void);
void conf_sinks_stop(void);
/* The value for TCP-SINK, UDP-SINK, PTY-SINK, ...; NULL: not such a name. */
const char *conf_sink_name(const char *name);
/* How many came to the sinks since the last call; forgets them. */
int conf_sinks_visits(void);

/* Makes the environment useless for whoever reads it. */
void conf_poison_environment(void);
/* How many asked the SSH agent that the environment names. */
int conf_poison_taken(void);

/* Runs a command (by a shell, with the environment of old); its output. */
int conf_command(const char *command, struct buffer *ret_out);
/* The same for a key of [counterpart]; true where there was none to run. */
bool conf_do(const char *key);
/* Runs it until it prints that; 10 s. */
bool conf_until(const char *key, const char *text);
/* What the command [counterpart] acts counts; 0 without one. */
int conf_acts(void);
/* Size of [counterpart] heard, -1: not told. */
long conf_heard(void);

/* A process that looks at our children while a call runs. */
struct conf_watch {
	pid_t pid;
	int result;
};

struct conf_watched {
	int children;		/* processes that were seen */
	int shells;		/* of them, shells */
	int secrets;		/* of them, with a secret for all to see */
	char command[80];	/* of the worst one */
};

void conf_watch_start(struct conf_watch *w);
void conf_watch_stop(struct conf_watch *w, struct conf_watched *ret);

int conf_descriptors(void);
int conf_threads(void);
long conf_memory_kb(void);

/* --- calls (conformance-calls.c) -------------------------------------------------- */

/* One call of the interface, whatever its arguments are. */
struct conf_call {
	const char *name;	/* "query", "attach" */
	bool (*exists)(const struct driver *d);
	int (*run)(struct conf_instance *i, int64_t deadline,
		   struct rh_error *err);
};

/* Ended by a NULL name. */
extern const struct conf_call conf_calls[];

/* The port that check.tcp asks in the calls above. */
extern uint16_t conf_tcp_port;

/* --- the console (conformance-console.c) --------------------------------------------- */

/* Attaches and has one byte come back; else the rule has failed. */
bool conf_attach(struct conf_instance *i, unsigned flags);
bool conf_talk(struct conf_instance *i);

/* --- rules ------------------------------------------------------------------------ */

enum conf_table {
	CONF_ANY = 0,
	CONF_POWER,
	CONF_CONSOLE,
	CONF_SHELL,
	CONF_EVIDENCE,
	CONF_CHECK,
	CONF_DOCTOR,
};

struct conf_rule {
	const char *name;	/* what holds, as words joined by '-' */
	enum conf_table table;	/* NULL there: not asked */
	void (*run)(void);
};

/* Each ended by a NULL name. */
extern const struct conf_rule conf_rules_open[];
extern const struct conf_rule conf_rules_calls[];
extern const struct conf_rule conf_rules_power[];
extern const struct conf_rule conf_rules_console[];
extern const struct conf_rule conf_rules_shell[];
extern const struct conf_rule conf_rules_look[];

#endif
