/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_SUITE_SUITE_H
#define RH_AGENT_SUITE_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ini.h"
#include "base/problem.h"
#include "base/settings.h"

/* A suite of tests: which sequences on which hosts, and how they are to end. */
struct suite_test {
	const char *name;
	const char *summary;		/* "" where there is none */
	const char *sequence;
	char **hosts;			/* words as on the command line; NULL-ended */
	size_t host_count;
	int64_t repeat;
	int64_t parallel;		/* hosts of this test at once */
	int64_t deadline_ms;		/* 0: the sequence's */
	const char *expect;		/* words, blanks between */
	int line;
	struct settings *settings;
};

struct suite {
	char *name;			/* of the file, without its ending */
	const char *file;
	const char *summary;
	struct settings *settings;
	struct suite_test *tests;	/* in the order written */
	size_t count;
};

/*
 * The suite that the INI data says; borrows its texts. Problems are added; with
 * errors among them, what is returned is only to be freed. Free with suite_free.
 */
struct suite *suite_parse(const struct ini *ini, struct problems *problems);
void suite_free(struct suite *s);

/* Whether the test may end so: "recovered", ..., "busy". */
bool suite_expects(const struct suite_test *t, const char *outcome);

#endif
