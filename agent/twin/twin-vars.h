/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_TWIN_VARS_H
#define RH_AGENT_TWIN_TWIN_VARS_H

#include "agent/sequence/sequence.h"
#include "base/ini.h"

/*
 * The vars of a twin: those of a host, and below them [vars] of the twin's file,
 * so that a sequence with ${names} can be rehearsed without a host.
 */
struct twin_vars {
	const struct sequence_vars *host;	/* NULL: no host */
	const struct ini *twin;
};

/* For struct sequence_vars; context is a struct twin_vars. */
const char *twin_vars_get(const void *context, const char *name);

#endif
