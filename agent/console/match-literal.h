/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_CONSOLE_MATCH_LITERAL_H
#define RH_AGENT_CONSOLE_MATCH_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a pattern needs: texts of which each match contains one, so that the
 * pattern need not be tried where none of them stands. For match.c and
 * match-set.c only.
 */
#define MATCH_LITERAL_LEN 24
#define MATCH_LITERALS_MAX 16

struct match_literal {
	uint8_t len;
	char text[MATCH_LITERAL_LEN];
};

struct match_literals {
	size_t count;
	struct match_literal list[MATCH_LITERALS_MAX];
};

struct match_needs {
	struct match_literals literals;	/* none: nothing is known */
	size_t longest;		/* bytes of the longest of them */
	size_t lead;		/* bytes of a match before one of them, at most;
				   SIZE_MAX: any number */
	bool caseless;		/* A-Z and a-z are the same in them */
	bool crosses_lines;	/* a match may go, or look, over a newline */
};

/*
 * Reads the needs of a pattern that PCRE2 has accepted; flags as those of
 * match_compile. Always errs on the safe side: syntax that is not understood
 * gives no literals.
 */
void match_needs_read(const char *text, size_t len, unsigned flags,
		      struct match_needs *ret);

#endif
