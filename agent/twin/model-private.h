/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_MODEL_PRIVATE_H
#define RH_AGENT_TWIN_MODEL_PRIVATE_H

/* The parts of the reader of twins, for model*.c alone. */
#include "agent/sequence/parse.h"
#include "agent/twin/model.h"

/* A twin that is being read. */
struct modelling {
	struct parse p;
	struct twin_model *model;
	struct twin_state *state;	/* NULL: [twin] or [always] */
	struct twin_port *port;
	struct twin_target start, on, off;
};

/* A key of a section: its reader takes g->p.at, or fails as parse_fail does. */
struct model_key {
	const char *key;
	bool many;		/* it may stand more than once */
	bool (*read)(struct modelling *g);
};

/* model-keys.c: the keys of the sections, each list ended by a NULL key. */
extern const struct model_key model_twin_keys[], model_always_keys[],
	model_state_keys[], model_port_keys[];

/*
 * model-actions.c: actions up to "->" or the end; `shell`: those that answer a
 * command may stand there. What was read before a failure is in ret.
 */
bool model_acts(struct parse *p, struct twin_acts *ret, bool shell);
void model_acts_release(struct twin_acts *a);

/* The same for "up", "up*3 or panic or silent"; no state is looked up yet. */
bool model_target(struct parse *p, struct twin_target *ret);
void model_target_release(struct twin_target *t);

#endif
