/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_RUN_PRIVATE_H
#define RH_AGENT_RUN_RUN_PRIVATE_H

/* The inside of a live run, for run*.c alone. */
#include "agent/hand/hand.h"
#include "agent/run/lock.h"
#include "agent/run/question.h"
#include "agent/run/record.h"
#include "agent/run/redact.h"
#include "agent/run/run.h"
#include "agent/sequence/machine.h"
#include "base/ring.h"

#define RUN_WAYS CONFIG_WAYS_MAX
#define RUN_HANDS (3 * RUN_WAYS + 2)

/* Another way to the console, while it is not the present one. */
struct run_console_way {
	const struct way *way;
	struct hand *hand;		/* idle, or on its way out */
	int64_t own_until;
	bool given_up;			/* an error that trying again can't mend */
};

/* The console of the run: one way at a time, opened anew when it goes away. */
struct run_console {
	const struct way *way;		/* the present one; NULL: the host has none */
	struct hand *hand;
	struct run_console_way ways[RUN_WAYS];	/* in the order written */
	int count;
	int index;			/* of the present one */
	int failed;			/* ways that failed since it was attached */
	bool wanted;
	bool attaching;			/* an ATTACH is under way */
	bool attached;
	bool reopening;			/* DETACH, then ATTACH (mute) */
	uint32_t request;
	int64_t retry_at;		/* DEADLINE_NEVER: not waiting */
	int64_t backoff_ms;
	int64_t own_until;		/* a session in use can only be ours until then */
	int64_t began;			/* first try; after 45 s it is given up */
	int64_t attached_at;
	int64_t last_byte;
	int64_t fresh_at;		/* next touch of the lock's console file */
	bool ever;			/* was attached once */
	int refused;			/* wrong passwords since it was last attached */
	struct rh_error err;		/* of the last try */
};

/* What is collected before force. */
struct run_evidence {
	uint32_t machine_id;		/* 0: none under way */
	uint32_t query, event_log, chassis;	/* requests, 0: answered */
	bool boot_id;			/* the shell is asked for it */
	int64_t console_until;
	int64_t deadline;
	char power[320];
	char log[160];
};

/* A secret on its way to the console, byte by byte. */
struct run_secret {
	const struct secret *secret;	/* kept by redact */
	uint32_t machine_id;		/* 0: none under way */
	size_t next;			/* secret->len: Enter */
	uint32_t request;
	int64_t wake;
	int64_t key_delay_ms;
};

/* Commands on the host, and whether it answers. */
struct run_shell {
	const struct way *ways[RUN_WAYS];
	struct hand *hands[RUN_WAYS];
	int count;
	int way;			/* that is asked now */
	uint32_t request;		/* 0: none under way */
	uint32_t machine_id;
	enum machine_do what;		/* MACHINE_SHELL, _CHECK, _COLLECT,
					   _BOOT_ID, _EVIDENCE (boot id before
					   force) */
	bool keep;			/* of MACHINE_BOOT_ID: it is the one before */
	const struct action *check;	/* of MACHINE_CHECK */
	bool fresh;
	char *command;			/* NULL: the boot id */
	int64_t deadline;
	char before[128];		/* boot id before force, "" not known */
	int kept;			/* outputs in the record */
};

struct run {
	const struct run_options *o;
	const struct host *host;
	struct machine *machine;
	struct machine_config config;
	struct record *record;
	struct logbook logbook;
	bool end_quotes;	/* the reason has more than the sequence's words */
	struct timeline timeline;
	const char *told_what;		/* run_tell_waits: told last */
	int64_t told_until;
	struct lock lock;
	struct redact redact;
	struct ring tail;		/* last output of the console, raw */
	int64_t epoch;
	bool gap;			/* the console can't be recorded now */
	uint64_t gap_lost;		/* bytes of the gaps that are over */
	int signal_fd;
	int signals;

	const struct way *power_ways[RUN_WAYS];
	struct hand *power[RUN_WAYS];
	int power_count;
	int last_way;
	struct hand *check;
	struct run_console console;
	struct run_evidence evidence;
	struct run_secret secret;
	struct run_shell shell;
	bool admitted;			/* begin_force was asked */
	bool refused;			/* it said no: nothing is carried out */
	bool forced;			/* power or break was sent in this run */
	int64_t forced_at;		/* wall clock of the last act that is force */
	char cancelled_by[80];		/* a user, "terminal"; "" nobody */
	struct question_state question;
	char person_told[600];		/* the instruction that is open */

	/* The request that the machine waits for. */
	struct hand *pending_hand;
	uint32_t pending_request;
	uint32_t pending_id;
	enum machine_do pending_do;
	enum driver_act pending_act;

	uint32_t ask_id;		/* `ask` of the sequence; 0: none open */

	/* run-trace.c */
	json_t *keys;			/* that no event has told of yet, or NULL */
	struct buffer typed;		/* their bytes */
	const struct action *asked;	/* the check that is under way, or NULL */
	uint32_t asked_id;
	int64_t asked_at;
	int asked_status;		/* exit status of its command; -1: none */
	char asked_boot_id[128];
	char asked_output[64];		/* of a command, in evidence/ */
	int64_t eager_until;		/* a key went out: its answer comes soon */
	bool over;
	struct run_result *result;
};

/* run.c */
int64_t run_at(const struct run *r);
void run_event(struct run *r, const char *event, const char *state,
	       const char *text, json_t *fields);
void run_answer(struct run *r, uint32_t id, const struct rh_error *err,
		enum driver_power state, const char *text);

/* run-begin.c */
void begin_configure(struct run *r);
int begin_record(struct run *r, struct rh_error *err);
int begin_signals(struct rh_error *err);	/* a signalfd */

/*
 * Before the first state, when the host was found not to be healthy and nothing was
 * touched (keys of a state are not written ahead of its event until then): may this run use force? False: the machine was told to end.
 */
bool begin_force(struct run *r);

/* run-actions.c */
void run_carry_out(struct run *r, const struct machine_action *a);
void run_hand_event(struct run *r, struct hand *hand,
		    const struct hand_event *event);
bool run_announce_shell(struct run *r, const struct machine_action *a);
struct hand *run_power_hand(struct run *r, int way, struct rh_error *err);
void run_secret_tick(struct run *r, int64_t now);
bool run_secret_event(struct run *r, const struct hand *hand,
		      const struct hand_event *event);

struct hand *run_start_hand(struct run *r, const struct way *way,
			    struct rh_error *err);

/* run-trace.c: keys as they go out; they are told with the next typed event. */
void trace_write(struct run *r, const void *bytes, size_t len);
void trace_secret(struct run *r, const char *name);
void trace_break(struct run *r);
void trace_take_keys(struct run *r, json_t *fields);
void trace_check(struct run *r, const struct machine_action *a);
void trace_answer(struct run *r, uint32_t id, const struct rh_error *err);
void trace_ran(struct run *r, const struct rh_error *err);
void trace_release(struct run *r);

/* run-person.c */
void person_ask(struct run *r, const struct machine_action *a);
void person_act(struct run *r, const struct machine_action *a);
void person_query(struct run *r, const struct machine_action *a);

/* run-shell.c */
void shell_init(struct run *r);
void shell_run(struct run *r, const struct machine_action *a);
void shell_boot_id(struct run *r, const struct machine_action *a);
void shell_check(struct run *r, const struct machine_action *a);
void shell_collect(struct run *r, const struct machine_action *a,
		   const char *command);
void shell_ask_before(struct run *r, int64_t deadline);
bool shell_event(struct run *r, const struct hand *hand,
		 const struct hand_event *event);

/* run-console.c */
void console_init(struct run *r);
void console_settings(struct run *r);
void console_begin(struct run *r);
void console_tick(struct run *r, int64_t now);
int64_t console_deadline(const struct run *r);
void console_event(struct run *r, const struct hand_event *event);
void console_reopen(struct run *r);
void run_tell_gap(struct run *r);
void run_record_output(struct run *r, int64_t at, const char *bytes,
		       size_t len);

/* run-evidence.c */
void evidence_begin(struct run *r, uint32_t machine_id, int64_t deadline);
bool evidence_event(struct run *r, const struct hand *hand,
		    const struct hand_event *event);
void evidence_tick(struct run *r, int64_t now);
int64_t evidence_deadline(const struct run *r);
void evidence_collect_console(struct run *r, uint32_t machine_id);
void evidence_collect_screen(struct run *r, uint32_t machine_id);
void evidence_save(struct run *r, const char *name, const char *bytes,
		   size_t len);

#endif
