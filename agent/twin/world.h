/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_WORLD_H
#define RH_AGENT_TWIN_WORLD_H

/*
 * The world between machine and twin, for rehearsal.c and world*.c alone: time,
 * answers on their way, the console as a pipe, and the faults in all of it.
 */
#include "agent/twin/rehearsal.h"
#include "agent/twin/twin.h"
#include "base/buffer.h"

#define REHEARSAL_SECRET "s3cretOfTheTwin"
#define WORLD_BEGIN 1000000	/* ms; nothing is at zero */
#define WORLD_ANSWERS 6
#define WORLD_LATE 4
#define WORLD_PIECES 64

struct world;

/* An answer to the machine on its way. */
struct world_answer {
	int64_t at;
	uint32_t id;
	enum machine_do what;
	int way;
	enum driver_act act;
	const struct action *check;
	bool fresh;
	bool decided;		/* outcome stands; else it is made at `at` */
	struct machine_outcome outcome;
	char text[160];
};

/* A power act that the controller has taken, and does later. */
struct world_late {
	int64_t at;
	enum driver_act act;
	bool ours;		/* the machine's, not a fault's */
};

/* Output on its way. */
struct world_piece {
	int64_t at;
	int64_t printed;	/* the oldest of it */
	size_t len;		/* bytes of `line`, in order */
	bool gap;		/* in place of bytes that were lost, and it is told */
};

/* What was drawn for this rehearsal. */
struct world_faults {
	enum fault list[FAULTS_AT_ONCE];
	bool on[FAULT_COUNT];
	bool struck[FAULT_COUNT];
	int64_t when;		/* since when the timed ones strike */
	int64_t until;
	int times;		/* how often the counted ones strike */
	int left[FAULT_COUNT];	/* ... still; 0 where it was not drawn */
	int64_t act_at;		/* P16: the last act that was taken; -1 none */
	bool stuck;		/* L07 */
	int clock;		/* C05: of the kernel's last message, s */
	bool hard;		/* the worse of two ways */
	int seen;		/* requests so far */
	int64_t quick_at;	/* S04: the last request */
	int quick;
	bool bmc_restarted;	/* P08 */
	int64_t bmc_back;	/* P08: it answers again from then on */
	int64_t crash_at;	/* H04: services go down then; 0 not drawn yet */
	bool after_act;		/* S06 */
	bool stolen;		/* L05, L06, L08: mute until opened anew */
	int64_t on_since;	/* the last power-on that was sent */
	int64_t off_since;
	int key_count;
	int64_t key_at;		/* the last one */
	bool lone_esc;		/* I02: and it was Esc alone */
	bool gap;		/* L18: what is lost now is told */
	int64_t boot_until;	/* P14: the boot device is forgotten then */
	int64_t flush_at;	/* L07, L14: what is held back comes then */
	int64_t held_since;	/* ... and since when */
};

struct world {
	const struct rehearsal_config *config;
	/* Sees each answer before the machine does. */
	void (*answered)(struct world *w, const struct world_answer *n);
	/* An act of power becomes true; ours: the machine's. */
	void (*executed)(struct world *w, enum driver_act act, bool ours);
	struct machine_config machine_config;
	struct machine *m;
	struct twin *t;
	int64_t now;
	uint64_t random;
	struct world_faults f;

	struct world_answer answers[WORLD_ANSWERS];
	int answer_count;
	struct world_late late[WORLD_LATE];
	int late_count;

	bool attached;
	int64_t attach_at;	/* DEADLINE_NEVER: not on its way */
	int64_t lose_at;
	int64_t last_output;
	int64_t printed;	/* the oldest of what is in `scratch` */
	int64_t lost_at;	/* a piece was lost, and it was not told; -1 never */
	int64_t age_ms;		/* of what the machine has heard last, then */
	struct buffer line;	/* output on its way */
	struct world_piece pieces[WORLD_PIECES];
	int piece_count;
	struct buffer scratch;
	struct buffer kept;	/* what was printed, for replays */
	struct buffer held;	/* output that a fault holds back */

	struct twin_answer shell;
	char old_boot_id[40];	/* H01 */
	char before[40];	/* boot id before force */
	bool forced;
	bool over;
};

/* world.c */
void world_begin(struct world *w, uint64_t seed);
void world_do(struct world *w, const struct machine_action *a);
int64_t world_deadline(const struct world *w);
void world_step(struct world *w);
bool world_healthy(const struct world *w);
void world_trace(struct world *w, const char *event, const char *text);
uint64_t world_random(struct world *w);
int64_t world_between(struct world *w, int64_t from, int64_t to);
bool world_chance(struct world *w, int percent);
void world_lose(struct world *w, int64_t back_in);
void world_execute(struct world *w, enum driver_act act, bool ours);
void world_tap(struct world *w, const char *what, const char *bytes, size_t len);

/* An answer in so many ms; what takes longer than it may is over at its deadline. */
struct world_answer *world_answer(struct world *w, const struct machine_action *a,
				  int64_t in_ms);
void world_limit(struct world_answer *n, int64_t deadline);
void world_decide(struct world_answer *n, const char *text);

/* world-checks.c */
void world_shell(struct world *w, const struct machine_action *a);
void world_check(struct world *w, const struct machine_action *a);
void world_evidence(struct world *w, const struct machine_action *a);
void world_make_answer(struct world *w, struct world_answer *n);

/* world-faults.c, world-line.c: each may change or refuse what it is given. */
void faults_draw(struct world *w);
bool fault_strikes(struct world *w, enum fault fault);
int64_t faults_deadline(const struct world *w);
void faults_tick(struct world *w);
/* Before a request to the controller: its latency; an error where it fails. */
int64_t faults_request(struct world *w, int way, enum machine_do what,
		       struct machine_outcome *o);
/* What becomes of an act: done at, DEADLINE_NEVER for never. */
int64_t faults_act(struct world *w, enum driver_act *act,
		   struct machine_outcome *o);
void faults_query(struct world *w, struct machine_outcome *o);
void faults_attached(struct world *w);
/* In how long it can be had; DEADLINE_NEVER: not at all. */
int64_t faults_attach_ms(struct world *w);
/* The console is opened anew, by us or since it was lost. */
void faults_reopened(struct world *w);
void faults_started(struct world *w);
void faults_tick_keys(struct world *w);
/* What a boot device that was set becomes. */
void faults_boot(struct world *w, enum driver_boot device,
		 struct machine_outcome *o);
/* Output of the twin: to w->scratch, and how much it lags. */
int64_t faults_output(struct world *w, const char *bytes, size_t len);
/* Keys: how many of them arrive; an error where writing fails. */
size_t faults_keys(struct world *w, char *bytes, size_t len,
		   struct machine_outcome *o);
bool faults_shell(struct world *w, struct machine_outcome *o);
bool faults_services_down(const struct world *w);
/* What was held back, where it is due now; to w->scratch. */
bool faults_flush(struct world *w);

#endif
