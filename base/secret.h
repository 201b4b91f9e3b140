/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_SECRET_H
#define RH_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A secret in locked memory that no core dump and no swap gets, wiped when
 * released. A configuration holds only references:
 *   @file:/path		the first line of a file that is ours (or root's),
 *				regular, and that nobody else can read
 *   @credential:NAME	a file of systemd's $CREDENTIALS_DIRECTORY (its group
 *			bits may say "read": systemd's ACL for the service's user)
 *   @command:/prog ARG...	the first line that the program prints; started
 *				directly (no shell), arguments split at blanks
 */
struct secret {
	char *bytes;	/* NUL-ended; NULL where there is none */
	size_t len;	/* bytes, the NUL not counted */
};

#define SECRET_MAX 1024
#define SECRET_TEXT_MAX 12288

/* Whether text has the form of a reference. */
bool secret_is_reference(const char *text);

/*
 * Whether the reference could be loaded now (file there, ours, not open to
 * others; program there). Does not start a program. Errors: CONFIG.
 */
int secret_check(const char *reference, struct rh_error *err);

/*
 * Loads it; blocks until the deadline at most (@command only). *ret is
 * untouched on failure. Errors: CONFIG, TIMEOUT, IO. Release with secret_release.
 */
int secret_load(struct secret *ret, const char *reference, int64_t deadline,
		struct rh_error *err);

/* The same for a secret of several lines (a private key), SECRET_TEXT_MAX at most. */
int secret_load_text(struct secret *ret, const char *reference,
		     int64_t deadline, struct rh_error *err);

/* Wipes and unlocks. Accepts NULL and an empty one. */
void secret_release(struct secret *s);

#endif
