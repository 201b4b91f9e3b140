/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_MACHINE_PRIVATE_H
#define RH_AGENT_SEQUENCE_MACHINE_PRIVATE_H

/* The inside of the machine, for machine*.c alone. */
#include "agent/console/bootwatch.h"
#include "agent/console/echo.h"
#include "agent/console/klog.h"
#include "agent/console/match-set.h"
#include "agent/console/menu.h"
#include "agent/console/screen.h"
#include "agent/console/text.h"
#include "agent/sequence/confirm.h"
#include "agent/sequence/machine.h"
#include "base/buffer.h"

#define MACHINE_FRAMES 4
#define ACTIONS_CALL_MS 30000	/* for what a driver is asked */
#define MACHINE_ATTACH_MS 60000	/* how long a console may take to be had */

/* Which list of actions runs, and what comes when it is through. */
enum frame_kind {
	FRAME_NONE = 0,
	FRAME_DO,	/* of a state: then, else */
	FRAME_RULE,	/* of a rule: its target */
	FRAME_HEALTHY,	/* [sequence] healthy */
	FRAME_AGAIN,	/* keys of a rule that showed no effect */
	FRAME_RUNG,	/* what a rung of `restart` or `stop` does */
};

struct frame {
	enum frame_kind kind;
	const struct actions *actions;
	const struct rule *rule;
	size_t next;		/* index of the action that runs */
	bool begun;		/* it was started */
	int step;		/* SYSRQ: break, then the letter */
	int64_t until;		/* WAIT: its end; CHECK: last try until */
	int64_t good_since;	/* CHECK with hold: 0 not good yet */
	int64_t wake;		/* CHECK: when the next try begins */
};

/* What a rule has done so far. */
struct rule_use {
	int count;		/* fired, repeats counted */
	unsigned total;		/* ... ever */
	int64_t fired_at;	/* idle, lost: for which silence */
	int64_t since;		/* [always]: its states were entered */
	bool secret_typed;	/* since the last power action */
	bool shown;		/* RULE_SCREEN: true at the last look */
	struct match_cursor cursor;
};

/* The patterns of a list of rules, and where they stand on the text. */
struct rule_scan {
	struct match_set *set;
	struct match_scan scan;
};

struct stroke {
	char *bytes;
	size_t len;
	int64_t pause_ms;
};

/* Keys on their way out. */
struct typing {
	struct stroke *strokes;
	size_t count;
	size_t next;
	bool busy;		/* one is being written */
	int64_t wake;		/* when the next one may go */
	struct buffer shown;	/* for people */
	struct listening *listening;	/* `enter` to its echo; NULL: none */
};

/* What `enter` waits for between the text and its Enter. */
struct listening {
	const struct action *action;
	struct echo echo;
	size_t typed;		/* strokes of the text, Enter comes behind them */
	bool begun;		/* the first one may go */
	bool over;		/* Enter may go */
	bool erasing;		/* the strokes are Backspace */
	bool giving_up;		/* ... and then the action fails */
	bool late;		/* the echo is held back until more comes */
	bool gap;		/* the console was lost while it was erased */
	bool partial;		/* ... or typed: echo is that of the rest */
	int repairs;
	int erased;		/* times, for one repair */
	int64_t delay_ms;
	int64_t loaded;
	int64_t heard;		/* the last byte or stroke */
	int64_t until;		/* 0: not all strokes are out */
	int64_t same_since;	/* 0: it is not */
	struct buffer came;	/* at the first difference of this try */
};

enum restart_phase {
	RESTART_NONE = 0,
	RESTART_LOOK,
	RESTART_RUNG,
	RESTART_ACT,
	RESTART_WATCH,
	RESTART_FINISH,
};

/* `restart` or `stop`, at most one at a time: it stands in a `do`. */
struct restart {
	enum restart_phase phase;
	const struct action *action;
	int rung;		/* index */
	int tried;
	int64_t until;		/* WATCH: the proof must be there */
	int64_t wake;		/* WATCH: the next question */
	bool sent;		/* something was, and its end was not seen */
	bool no_shell;		/* it did not answer before */
	bool rough;		/* the host was off: only the last rung */
	bool saw_off;		/* WATCH of a stop: at the last reading */
	char boot_id[128];	/* before; "": not known */
	char why[420];		/* the last rung did not work */
	enum verdict verdict;
	enum rh_code code;
};

enum select_phase {
	SELECT_FIND = 0,	/* looks for the menu, and decides */
	SELECT_LOOK,		/* what did the key do? */
	SELECT_NUMBER,		/* has the digit come back? */
	SELECT_ENTERED,		/* what did Enter do? */
};

#define SELECT_REFUSED_MAX 16

/* `select` under way; zeroed for each entry on its way. */
struct select {
	enum select_phase phase;
	const char *key;	/* that was pressed last */
	int64_t pressed_at;	/* or since when the screen is watched */
	int64_t first_at;	/* the same key, the first time */
	int64_t settle_until;	/* a key that went out twice may still act */
	int64_t until;		/* of the phase */
	int64_t step_until;	/* of the way to this entry */
	int64_t pace_ms;	/* the longest time a move took to be seen */
	int keys;
	int still;		/* keys without an effect, one behind the other */
	bool looked;		/* look is one of before */
	bool lit_known;
	bool has_target;
	bool moved;		/* the highlight has moved, at some time */
	bool tabbed;		/* Tab was tried */
	bool bottom;		/* no way further down, or up */
	bool top;
	bool again;		/* Enter went out twice */
	struct menu_look look;	/* before the key */
	uint64_t found_in;	/* generation of the screen that found is of */
	int found_keys;		/* ... and the keys by then */
	bool found_looked;
	int found;		/* 0: not looked for; 1: none; 2: found_lit */
	struct menu_place found_lit;
	struct menu_place lit;	/* then */
	int64_t looked_at;	/* the last look */
	struct menu_place seen;	/* the highlight at that look */
	uint64_t seen_text;
	int64_t seen_since;	/* it is the same since then */
	struct menu_place target;
	uint64_t lit_text;
	struct menu_look first;	/* where it began */
	struct menu_place first_lit;
	uint64_t first_text;
	struct menu_list list;	/* that the highlight is in */
	struct menu_list before;	/* the same, before the key */
	int scrolls;		/* so often was Down seen to scroll it */
	int scroll_keys;	/* ... the last time with this key */
	bool page_off;		/* PgDn has no effect */
	bool page_gap;		/* entries may have been passed unseen */
	struct menu_place prompt;	/* a menu that asks for a number */
	uint64_t prompt_text;
	char number[8];
	char digit[2];
	int digits;		/* of it that were typed */
	uint64_t refused[SELECT_REFUSED_MAX];	/* texts that are no entries */
	int refused_count;
};

/* The verdict of a run that reads the power once more. */
struct last {
	enum verdict verdict;
	enum rh_code code;
	char reason[800];
};

enum machine_phase {
	PHASE_NEW = 0,
	PHASE_HEALTHY,		/* checks before anything */
	PHASE_ATTACH,		/* waits for the console */
	PHASE_RUN,
	PHASE_LAST,		/* the power is read once more, then it ends */
	PHASE_OVER,
};

struct machine {
	struct machine_config config;
	const struct sequence *s;
	enum machine_phase phase;
	int64_t now;
	int64_t epoch;

	int state;		/* index, -1 before the first */
	int64_t entered;
	int *visits;		/* per state */
	int gone;		/* changes of state at gone_at, nothing read */
	int64_t gone_at;
	struct rule_use *always_use;
	struct rule_use **state_uses;	/* per state, per rule of it */
	struct rule_scan always_scan;
	struct rule_scan *state_scans;	/* per state */
	struct frame frames[MACHINE_FRAMES];
	int frame_count;

	struct text text;
	struct klog klog;
	struct buffer plain;	/* between the two */
	struct buffer seen;	/* the text view; [consumed..] can still match */
	size_t consumed;
	size_t hole, hole_end;	/* a copy of what was consumed; 0, 0: none */
	bool attached;
	int64_t attach_by;
	int64_t last_byte;	/* or since when the console is watched */
	int64_t lost_since;
	bool scanned_quiet;	/* the quiet pass was made since the last byte */
	size_t scanned;		/* how much of seen all rules have looked at */
	int64_t mute_at;	/* DEADLINE_NEVER: not armed */
	int mute_count;
	bool text_lost;		/* said once: text went by unmatched */

	struct screen *screen;	/* NULL: nothing of the sequence looks at it */
	bool size_said;		/* that its size is another one */
	uint64_t looked;	/* the generation that the rules have seen */
	uint64_t paints;	/* the paint that they have seen */
	int64_t dirty_since;	/* first byte since; 0 none */

	struct typing typing;
	struct select select;
	bool selecting;		/* it is under way, maybe below in the stack */
	size_t select_step;	/* which entry of the action */
	struct buffer select_typed;	/* for people */
	const struct rule *again_rule;	/* its keys may have to go out again */
	struct actions again;	/* one action, borrowed from the rule */
	int64_t again_at;
	int64_t secret_at;	/* a secret waits for quiet until then; 0 none */
	int64_t secret_until;	/* ... on a screen, and not longer */
	bool answered;		/* the prompt at the cursor got a secret */
	bool answered_drawn;	/* ... by a rule on the screen */
	uint64_t answered_look;	/* ... and looks like this */

	struct bootwatch bootwatch;
	struct restart restart;
	struct confirm confirm;
	bool confirming;
	bool evidence_had;
	enum rh_code fail_code;	/* of the action that is about to fail */
	bool own_reason;	/* that of the end is the sequence's, word for word */
	bool fresh;		/* the power was seen off in this run */
	bool acted;		/* on the power, or by force */
	struct last last;

	uint32_t ask_id;	/* a question is open; 0: none */
	const char *asked;	/* what a person said; NULL: nothing yet */

	uint32_t last_id;
	uint32_t waiting_id;	/* 0: no answer is due */
	enum machine_do waiting_do;

	struct machine_queued *queue;
	size_t queue_count;
	size_t queue_size;
	size_t queue_next;
	char text_out[1024];
	char proofs[512];	/* what was seen since the last power action */
};

/* An action that waits to be taken. */
struct machine_queued {
	struct machine_action action;
	char *text;
	char *bytes;
};

/* machine.c */
void machine_emit(struct machine *m, const struct machine_action *action);
uint32_t machine_ask(struct machine *m, struct machine_action *action);
void machine_event(struct machine *m, enum machine_event event,
		   const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void machine_finish(struct machine *m, enum verdict verdict, enum rh_code code,
		    const char *reason);
void machine_go(struct machine *m, const struct target *target);
void machine_proof(struct machine *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void machine_run(struct machine *m);

/* machine-text.c */
void machine_read(struct machine *m, const char *bytes, size_t len);
void machine_trim(struct machine *m);
void machine_cut(struct machine *m);
void machine_stale(struct machine *m);

/* machine-rules.c */
void rules_init(struct machine *m);
void rules_release(struct machine *m);
void rules_drop(struct machine *m, size_t len);
void rules_heal(struct machine *m);
void rules_enter(struct machine *m, int before);
void rules_rewind(struct machine *m);
bool rules_scan(struct machine *m);
bool rules_time(struct machine *m);
int64_t rules_deadline(const struct machine *m);
void rules_saw(struct machine *m, const struct rule *rule,
	       struct rule_use *use, const char *line);
bool rules_may_fire(const struct rule *rule, const struct rule_use *use);
bool rules_wait_for_select(const struct machine *m, const struct rule *rule);
const struct rules *rules_of_state(const struct machine *m);
struct rule_use *rules_uses(const struct machine *m);

/* machine-screen.c */
void machine_screen_begin(struct machine *m);
void machine_screen_read(struct machine *m, const char *bytes, size_t len);
void machine_screen_forget(struct machine *m);
bool screen_rules_scan(struct machine *m);
int64_t screen_rules_deadline(const struct machine *m);

/* machine-secret.c */
void secret_begin(struct machine *m);
bool secret_step(struct machine *m);
int secret_find_prompt(struct machine *m, const struct rule *rule,
		       size_t *ret_start, size_t *ret_end,
		       struct rh_error *err);
void secret_look(struct machine *m);

/* machine-select.c, -keys.c */
void select_begin(struct machine *m);
void select_clear(struct machine *m);
bool select_step(struct machine *m, const struct action *a);
void select_was_typed(struct machine *m);
int64_t select_deadline(const struct machine *m);

/* machine-actions.c */
bool actions_step(struct machine *m);
bool actions_hold(const struct machine *m);
int64_t actions_deadline(const struct machine *m);
void actions_skip(struct machine *m);
void actions_drop(struct machine *m);
void actions_push(struct machine *m, enum frame_kind kind,
		  const struct actions *actions, const struct rule *rule);
void actions_clear(struct machine *m);
void actions_fail(struct machine *m, enum verdict verdict, const char *why);
struct frame *actions_top(struct machine *m);
const struct action *actions_current(const struct machine *m);

void actions_asked(struct machine *m, const struct machine_outcome *outcome);
void actions_withdraw(struct machine *m);

/* machine-answers.c */
void actions_answer(struct machine *m, const struct machine_outcome *outcome);

/* machine-power.c */
void power_begin(struct machine *m, const struct action *a);
bool power_step(struct machine *m);
void power_answer(struct machine *m, const struct machine_outcome *outcome);

/* machine-restart.c */
void restart_begin(struct machine *m, const struct action *a);
bool restart_step(struct machine *m);
int64_t restart_deadline(const struct machine *m);
void restart_answer(struct machine *m, const struct machine_outcome *outcome);
void restart_rung_through(struct machine *m);
void restart_rung_failed(struct machine *m, enum verdict verdict,
			 enum rh_code code, const char *why);
void restart_abandon(struct machine *m);
bool restart_active(const struct machine *m);
bool restart_watches(const struct machine *m);
bool restart_may_happen(const struct machine *m);
int64_t restart_within(const struct machine *m);

/* machine-typing.c */
void typing_clear(struct typing *t);
bool typing_active(const struct typing *t);
bool typing_load(struct machine *m, const struct action *a,
		 struct rh_error *err);
bool typing_step(struct machine *m);
void typing_written(struct machine *m);
int64_t typing_deadline(const struct machine *m);
int64_t typing_delay(const struct machine *m);
void typing_load_text(struct machine *m);
void typing_load_backspace(struct machine *m, size_t count);
void typing_say(struct machine *m);
void typing_end(struct machine *m);
void again_arm(struct machine *m);
void again_cancel(struct machine *m);
struct rule_use *rules_use(struct machine *m, const struct rule *rule);
bool rules_prompt_is_there(const struct machine *m);

/* machine-last.c */
void last_look(struct machine *m, enum verdict verdict, enum rh_code code,
	       const char *reason);
void last_looked(struct machine *m, const struct machine_outcome *o);
void last_end(struct machine *m);

/* machine-echo.c */
void listening_begin(struct machine *m, const struct action *a);
void listening_free(struct listening *l);
bool listening_waits(const struct machine *m);
bool listening_step(struct machine *m);
int64_t listening_deadline(const struct machine *m);
void listening_hear(struct machine *m, const void *bytes, size_t len);
void listening_written(struct machine *m);
void listening_lost(struct machine *m);

#endif
