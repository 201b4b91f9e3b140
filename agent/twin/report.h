/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_AGENT_TWIN_REPORT_H
#define RH_AGENT_TWIN_REPORT_H

#include <stdint.h>

#include "agent/twin/rehearsal.h"
#include "base/buffer.h"

#define REPORT_CLASSES 64
#define REPORT_COMPLAINTS 32

/* Ends that differ in numbers only: "off seen twice at #:#". */
struct report_class {
	enum verdict verdict;
	char text[300];
	uint64_t count;
	uint64_t seed;		/* the lowest */
};

/* What the oracle said, and of which rehearsals. */
struct report_complaint {
	char text[300];
	char like[300];		/* without its numbers */
	uint64_t count;
	uint64_t seed;		/* the lowest, all below are of it */
	enum verdict verdict;
	enum fault faults[FAULTS_AT_ONCE];
};

/*
 * What came of many rehearsals. Of one size, so that one process can hand it to
 * another. Zeroed memory is an empty report.
 */
struct report {
	uint64_t runs;
	uint64_t bad;			/* with a complaint */
	int64_t ms;			/* virtual, of all */
	uint64_t ended[VERDICT_COUNT];
	uint64_t struck[FAULT_COUNT];
	struct report_class classes[REPORT_CLASSES];
	int class_count;
	uint64_t more;			/* ends that have no room there */
	struct report_complaint complaints[REPORT_COMPLAINTS];
	int complaint_count;
	int64_t slowest_ms;
	uint64_t slowest_seed;
};

/* One rehearsal more. */
void report_add(struct report *rep, const struct rehearsal_result *result);

/* All that `from` has, too. */
void report_merge(struct report *rep, const struct report *from);

/* The most frequent first. */
void report_sort(struct report *rep);

/*
 * A JUnit file: a test case for each end, and one that failed for each complaint,
 * with the command that replays it.
 */
void report_junit(const struct report *rep, const char *sequence,
		  const char *replay, double seconds, struct buffer *out);

/* Text for XML: escaped, without characters that XML 1.0 forbids. */
void report_xml(struct buffer *out, const char *text);

#endif
