/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_RUN_REDACT_H
#define RH_AGENT_RUN_REDACT_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/secret.h"

/*
 * Keeps secrets out of records (promise 7): a machine that echoes a secret
 * that we typed gets it replaced by <secret:NAME> in everything that we write.
 * The secrets are kept, locked, until redact_release.
 */
#define REDACT_MAX 16

struct redact {
	struct {
		struct secret secret;
		char name[64];
	} list[REDACT_MAX];
	int count;
	struct buffer held;	/* the tail that may begin a secret */
};

/*
 * Consumes *secret (also where there is no room: then the oldest goes). Returns
 * where it is kept, until the next redact_add.
 */
const struct secret *redact_add(struct redact *r, struct secret *secret, const char *name);

/*
 * Stream: appends to out what is sure to hold no secret; a tail that could be
 * the beginning of one is held back until more comes or redact_flush.
 */
void redact_feed(struct redact *r, const void *bytes, size_t len,
		 struct buffer *out);
void redact_flush(struct redact *r, struct buffer *out);

/* A whole text, in place of a stream. */
void redact_text(const struct redact *r, const char *text, struct buffer *out);

void redact_release(struct redact *r);

#endif
