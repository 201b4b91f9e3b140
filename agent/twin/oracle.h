/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_ORACLE_H
#define RH_AGENT_TWIN_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sequence/machine.h"
#include "drivers/driver.h"

struct world;
struct world_answer;

/* What it complains of: one for each text, so that a test can provoke each. */
enum oracle_rule {
	ORACLE_NONE = 0,
	/* power */
	ORACLE_ACT_IN_ACT, ORACLE_ACT_UNREAD, ORACLE_ACT_AGAIN, ORACLE_CUTS,
	ORACLE_EVIDENCE, ORACLE_MIN_OFF, ORACLE_TOUCHED,
	/* the console and the shell */
	ORACLE_KEYS_DETACHED, ORACLE_KEYS_IN_ACT, ORACLE_KEYS_NUL,
	ORACLE_KEYS_OFF, ORACLE_SECRET_UNASKED, ORACLE_SECRET_TWICE,
	ORACLE_SECRET_TOLD, ORACLE_COMMAND_IN_ACT, ORACLE_COMMAND_TWICE,
	ORACLE_BREAK_DETACHED,
	/* the end */
	ORACLE_NOT_HEALTHY, ORACLE_NO_PROOF, ORACLE_LEFT_OFF,
	ORACLE_FAILED_UNREAD, ORACLE_LATE, ORACLE_LONG_ACTION,
	ORACLE_PAST_ACTION, ORACLE_BEHIND_END, ORACLE_STANDS_STILL,
	ORACLE_CIRCLE,
	ORACLE_COUNT,
};

#define ORACLE_HEALTHY_MS 5000	/* a proof may be that old */
#define ORACLE_FORCE_MAX 24	/* acts of force in a run: more are a blind loop */

/* Knows the truth, and looks at what the machine asks for; never at why. */
struct oracle {
	const struct world *w;
	const struct sequence *s;
	char *complaint;	/* the first one stands */
	size_t complaint_len;
	enum oracle_rule rule;	/* ... and of what it is */

	/* the truth so far */
	int64_t healthy_at;	/* last seen so; -1 never */
	bool healthy_first;	/* at the beginning */
	bool ill;		/* it was not, since */
	bool on;		/* at the last look */
	int64_t off_at;		/* since when it is off; -1 it is not */
	bool our_off;		/* ... by an act of the machine */
	int64_t secret_at;	/* the host asked for a secret then; -1 never */
	int64_t cut_at;		/* somebody else cut the power at a prompt for a
				   secret; -1 no */

	/* what the machine did */
	bool unread;		/* an act was sent, its outcome not read */
	uint32_t act_id;	/* ... and is not answered yet; 0 none */
	enum driver_act act;	/* the last one that was carried out */
	int64_t act_at;
	int once;		/* in this step: cycle, reset, diag */
	int offs;
	int ons;
	int commands;		/* `shell` and forced breaks, in this step */
	int cuts;		/* in the run: off, cycle, reset, diag */
	bool evidence;		/* was asked for */
	bool forced;		/* a command or sysrq that ends the system went out */
	unsigned secret_entry;	/* the stay of the twin that got a secret */
	bool on_in_time;	/* `on` was sent min-off after off, or later */
	bool sends_nul;		/* the sequence does so itself */
	bool says_on;		/* ... `power on`, which is no cycle */

	/* what the machine was told */
	enum driver_power told;	/* at the last reading of the power */
	int64_t told_at;	/* -1 nothing yet */
	int64_t told_since;	/* since when they all say the same */
};

/* The complaint's storage is borrowed; "" at first. */
void oracle_begin(struct oracle *o, const struct world *w,
		  const struct sequence *s, char *complaint, size_t len);

/* At each instant, before and after anything happens. */
void oracle_look(struct oracle *o);

/* What the machine asks for, before the world carries it out. */
void oracle_action(struct oracle *o, const struct machine_action *a);

/* What the machine is about to be told. */
void oracle_answer(struct oracle *o, const struct world_answer *n);

/* A power act becomes true at the host; ours: the machine's, not a fault's. */
void oracle_executed(struct oracle *o, enum driver_act act, bool ours);

void oracle_complain(struct oracle *o, enum oracle_rule rule,
		     const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
