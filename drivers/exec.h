/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_EXEC_H
#define RH_DRIVERS_EXEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"

/*
 * The texts of the exec driver's options (exec-text.c, pure): what is looked
 * for in a program's output, and what is written to a program.
 */

/* A pattern; zeroed memory is a valid one that matches nothing. */
struct exec_pattern {
	const char *literal;	/* borrowed; NULL: none */
	void *regex;		/* a compiled PCRE2 pattern; NULL: none */
};

/*
 * Text that is looked for as it stands, as whole words; or /regex/ (PCRE2;
 * flag i behind it: either case). text is borrowed until the release. Errors:
 * CONFIG.
 */
int exec_pattern_init(struct exec_pattern *p, const char *text,
		      struct rh_error *err);
bool exec_pattern_matches(const struct exec_pattern *p, const char *bytes,
			  size_t len);
void exec_pattern_release(struct exec_pattern *p);

/* What stands for ${secret} and ${act}; NULL: it must not be there. */
struct exec_values {
	const struct secret *secret;
	const char *act;
};

/*
 * Appends text with \n \r \t \e \\ \xNN and ${secret}, ${act} replaced.
 * Errors: CONFIG (another escape or name).
 */
int exec_expand(const char *text, const struct exec_values *values,
		struct buffer *ret, struct rh_error *err);

#endif
