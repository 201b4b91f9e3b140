/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SEQUENCE_CHECK_PRIVATE_H
#define RH_AGENT_SEQUENCE_CHECK_PRIVATE_H

/* What the rooms of the proofs share, for check*.c alone. */
#include "agent/sequence/check.h"
#include "agent/sequence/graph.h"

struct check {
	const struct sequence *s;
	const struct check_host *host;	/* NULL: none is known */
	struct problems *problems;
	struct graph graph;
};

/* "line 7", for a message in the file `here`; else "line 7 of FILE". */
void check_place(char *text, size_t len, const char *file, int line,
		 const char *here);

/* Each asks its questions of the whole sequence. */
void check_flow(struct check *c);	/* may it end powered off? */
void check_proof(struct check *c);	/* is `recovered` proved? */
void check_hidden(struct check *c);	/* can each pattern be found? */
void check_needs(struct check *c);	/* what the host must have */
void check_each_action(struct check *c);

/* Warns of a command that ends the system on which it runs. */
void check_command(struct check *c, const struct action *a);

/* The prompt of the rule that types this secret must stand alone on its line. */
void check_anchors(struct check *c, const struct rule *r,
		   const struct action *a);

#endif
