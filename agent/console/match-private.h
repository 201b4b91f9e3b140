/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MATCH_PRIVATE_H
#define RH_AGENT_CONSOLE_MATCH_PRIVATE_H

/* The inside of a pattern, for match.c and match-compile.c alone. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "agent/console/match-literal.h"
#include "agent/console/match.h"
#include "base/buffer.h"

struct match_pattern {
	pcre2_general_context *general;
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	bool jit;
	bool literal;
	bool looks_ahead;
	bool at_line_begin;	/* begins with .*: no use to try within a line */
	bool at_once;		/* the same with DOTALL, and \A: one try */
	struct buffer prefix;	/* each match begins with it; may be empty */
	struct buffer source;
	unsigned flags;
	struct match_needs needs;
};

#endif
