/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_MACHINE_H
#define RH_AGENT_SEQUENCE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/console/keys.h"
#include "agent/sequence/sequence.h"
#include "base/error.h"
#include "drivers/driver.h"

/*
 * The machine in the middle: a sequence being carried out, as a pure state
 * machine. Time and bytes are handed in, actions come out; the same inputs at
 * the same times give the same actions, byte for byte.
 *
 * The world's loop: call an input function, then take machine_next until it
 * gives MACHINE_NONE; carry each out, and where `id` is not 0 answer it with
 * machine_done, once. Call machine_tick when machine_deadline has come.
 */
struct machine;

struct machine_config {
	const struct sequence *sequence;	/* borrowed until machine_free */
	enum keys_terminal terminal;
	const char *enter;		/* what Enter sends: "\r", "\n", "\r\n" */
	int64_t key_delay_ms;
	int rows;			/* of the screen; 0: the usual size */
	int cols;
	int power_ways;			/* ways to the power, 0: none */
	bool has_console;
	bool has_shell;
	int64_t min_off_ms;
	int64_t confirm_ms;
	bool controller_cycle;
	bool person;			/* one can be asked to act on the power */
	int64_t mute_ms;		/* 0: a mute console is left alone */
	int64_t deadline;		/* absolute */
	bool evidence;			/* ask for it before force */
	bool check_healthy;		/* ask [sequence] healthy first */
	bool must_see;			/* a power act that can't be observed (reset,
					   diag) is not enough: unknown */
};

enum machine_do {
	MACHINE_NONE = 0,
	MACHINE_EVIDENCE,	/* collect what can be had before force; text of the
				   answer: the summary */
	MACHINE_POWER_QUERY,	/* way, deadline -> state */
	MACHINE_POWER_ACT,	/* way, act, deadline; journal first. With `person`
				   either is asked of a person; text: what to do */
	MACHINE_BOOT,		/* device, deadline */
	MACHINE_WRITE,		/* bytes, len: one key or one send; text: its name */
	MACHINE_SECRET,		/* text: name, key_delay_ms; load it, type it and
				   Enter */
	MACHINE_BREAK,
	MACHINE_CHECK,		/* action (tcp, ssh, shell), deadline, fresh; text of
				   the answer: the proof */
	MACHINE_SHELL,		/* text: command, deadline; done where its exit
				   status is 0; text of the answer: its last line */
	MACHINE_BOOT_ID,	/* deadline, before; text of the answer: the boot id
				   of the system that answers over the shell */
	MACHINE_COLLECT,	/* text: what; text of the answer: the file */
	MACHINE_ASK,		/* text: a question for yes or no, deadline; text of the
				   answer: "yes" or "no". Other actions may come
				   while it is open */
	MACHINE_WITHDRAW,	/* the open question is of no use any more; no answer */
	MACHINE_REOPEN,		/* the console is mute: open it anew; no answer */
	MACHINE_EVENT,		/* event, state, text; no answer */
	MACHINE_END,		/* verdict, text: reason, code; nothing follows */
};

/* What an event is about; the names go to the journal. */
enum machine_event {
	MACHINE_EVENT_NONE = 0,
	MACHINE_EVENT_BEGIN,	/* the sequence begins */
	MACHINE_EVENT_HEALTHY,	/* a health check: text */
	MACHINE_EVENT_BEFORE,	/* what was collected before force: text */
	MACHINE_EVENT_STATE,	/* a state is entered */
	MACHINE_EVENT_SAW,	/* a rule matched; text: what was seen */
	MACHINE_EVENT_STALE,	/* a prompt came, but is gone: not answered */
	MACHINE_EVENT_IDLE,	/* `on idle` */
	MACHINE_EVENT_LOST,	/* `on lost` */
	MACHINE_EVENT_TIMEOUT,	/* of a state */
	MACHINE_EVENT_VISITS,	/* a state was to be entered too often */
	MACHINE_EVENT_TYPED,	/* text: names of the keys */
	MACHINE_EVENT_AGAIN,	/* the same keys again, no effect was seen */
	MACHINE_EVENT_ECHO,	/* what was typed came back as something else */
	MACHINE_EVENT_POWER,	/* text: the proof of a power action */
	MACHINE_EVENT_DONE,	/* another action succeeded; text */
	MACHINE_EVENT_NOTE,	/* `note`, and notes of ours */
	MACHINE_EVENT_FAILED,	/* an action failed; text */
	MACHINE_EVENT_MUTE,	/* nothing came after power-on: opened anew */
	MACHINE_EVENT_LIMIT,	/* a pattern hit the limit of the matcher */
	MACHINE_EVENT_RUNG,	/* of restart, stop: begins, failed, is left out */
	MACHINE_EVENT_RESTART,	/* the rung that worked, and the proof */
	MACHINE_EVENT_COUNT,
};

const char *machine_event_name(enum machine_event event);

struct machine_action {
	enum machine_do what;
	uint32_t id;			/* 0: needs no answer */
	int64_t deadline;		/* absolute, of this action */
	int way;
	bool person;			/* POWER_QUERY, POWER_ACT */
	enum driver_act act;
	enum driver_boot device;
	const void *bytes;		/* valid until the next call of ours */
	size_t len;
	int64_t key_delay_ms;		/* SECRET: the pause behind each key */
	const struct action *action;	/* CHECK */
	bool fresh;			/* CHECK: the power was seen off in this run */
	bool before;			/* BOOT_ID: what CHECK ssh compares with */
	const char *force;		/* SHELL, BREAK: it may destroy what the host
					   knows, and is called so; journal first */
	enum machine_event event;
	const struct rule *rule;	/* EVENT saw, stale: which one */
	bool quotes;			/* EVENT note, END: what a host or a library
					   said may stand in text */
	const char *state;		/* name of the present state, "" before */
	const char *text;		/* valid until the next call of ours */
	enum verdict verdict;
	enum rh_code code;		/* END: why, RH_ERR_NONE where by the sequence */
};

struct machine_outcome {
	struct rh_error err;		/* code NONE: it was done */
	enum driver_power state;	/* POWER_QUERY */
	const char *text;		/* EVIDENCE, CHECK, SHELL, BOOT_ID, COLLECT; may
					   be NULL */
};

struct machine *machine_new(const struct machine_config *config);
void machine_free(struct machine *m);

/* Begins; where `healthy` is true at once it ends with recovered. */
void machine_begin(struct machine *m, int64_t now);

/* Console bytes that arrived. */
void machine_feed(struct machine *m, int64_t now, const void *bytes,
		  size_t len);

/* The answer to the action with that id. */
void machine_done(struct machine *m, int64_t now, uint32_t id,
		  const struct machine_outcome *outcome);

/* The console is attached (what comes now is fresh), or it went away. */
void machine_attached(struct machine *m, int64_t now);
void machine_lost(struct machine *m, int64_t now);

/*
 * Bytes of the console are missing or damaged here: what came before answers no
 * prompt any more, and is not the beginning of what comes.
 */
void machine_gap(struct machine *m, int64_t now);

/* The console is another one from now on; enter is kept. See machine_config. */
void machine_console(struct machine *m, enum keys_terminal terminal,
		     const char *enter, int64_t key_delay_ms, int64_t mute_ms);

/* The size of its screen; SCREEN_ROWS and SCREEN_COLS unless it is said. */
void machine_screen_size(struct machine *m, int rows, int cols);

/*
 * What the screen shows now, rows joined with \n; NULL where the sequence does not
 * look at the screen (it is not rendered then). Valid until the next call of ours.
 */
const char *machine_screen(struct machine *m);

/* Ends it from outside: a signal, a console that can't be had, a full disk. */
void machine_abort(struct machine *m, int64_t now, enum verdict verdict,
		   enum rh_code code, const char *reason);

/* When it wants to be called next; DEADLINE_NEVER: not by time. */
int64_t machine_deadline(const struct machine *m);
void machine_tick(struct machine *m, int64_t now);

/* The next thing to do; what is MACHINE_NONE where nothing is due. */
void machine_next(struct machine *m, struct machine_action *ret);

/*
 * A MACHINE_WRITE before which only events are due, ahead of them: keys do not
 * wait until it is written down why. False: there is none.
 */
bool machine_next_write(struct machine *m, struct machine_action *ret);

/* Whether a power action is under way that may have left the host without power. */
bool machine_may_be_off(const struct machine *m);

/* How often the rule of a state (-1: of [always]) has fired so far. */
unsigned machine_fired(const struct machine *m, int state, size_t rule);

/* For the live view: the present state's name, and what is waited for. */
const char *machine_state_name(const struct machine *m);

/* Until when the present wait goes; DEADLINE_NEVER where it has no end of its own. */
int64_t machine_wait_until(const struct machine *m);
const char *machine_waiting_for(const struct machine *m);

#endif
