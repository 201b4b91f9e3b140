/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_PLAN_PLAN_H
#define RH_AGENT_PLAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "agent/plan/waves.h"
#include "base/error.h"
#include "base/ini.h"

/* A maintenance as data: a file of plans.d, see rhands-plans(5). */
enum plan_kind {
	PLAN_NONE = 0,
	PLAN_REBOOT,	/* what others depend on comes last */
	PLAN_START,	/* ... comes first */
	PLAN_RUN,	/* a sequence, in the order of a reboot */
};

/* What to do when a host, the gate or a hook fails. */
enum plan_failure {
	PLAN_STOP = 0,
	PLAN_CONTINUE,
	PLAN_ASK,
};

#define PLAN_AHEAD_MAX 8

struct plan {
	char *name;
	char *file;
	char *summary;
	enum plan_kind kind;
	char *sequence;		/* RUN; else NULL */
	struct waves waves;	/* its hosts, in the order they are taken */
	size_t host_count;
	char *zone;
	int64_t begin_ms;	/* the window, since the epoch */
	int64_t end_ms;
	int parallel;
	int64_t each_ms;	/* what one host may take; 0: what its sequences may */
	int64_t back_ms;	/* how long a host has to be healthy again */
	enum plan_failure failure;
	char **before;		/* programs, NULL-ended words; NULL: none */
	char **after;
	char **gate;
	int64_t hook_ms;	/* how long one of those may take */
	int64_t gate_ms;	/* how long the gate is tried again */

	/* [announce]; to NULL: there is none */
	char *to;
	char *from;
	char *services;
	char **mail;
	char **zones;		/* NULL-ended */
	int64_t ahead_ms[PLAN_AHEAD_MAX];	/* before the start, longest first */
	size_t ahead_count;
};

/*
 * Makes a plan of INI data. All errors go to problems; NULL where there is one.
 * Hosts that are broken are no error here. Free with plan_free (NULL ok).
 */
struct plan *plan_parse(const struct ini *ini, const char *name,
			const struct config *config, struct problems *problems);
void plan_free(struct plan *plan);

const char *plan_kind_name(enum plan_kind kind);
const char *plan_failure_name(enum plan_failure failure);

/* The wave (0 first) of the n-th host of waves.hosts. */
size_t plan_wave_of(const struct plan *plan, size_t n);

#endif
