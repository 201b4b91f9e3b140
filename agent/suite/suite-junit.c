/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JUnit XML, as build servers read it: a testsuite for each test, a testcase for
 * each run. The verb `test` comes in when all is over. Always true: what is
 * written is well-formed whatever a host printed: control characters are escaped
 * before the five characters of XML are.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/suite/suite-run.h"
#include "base/buffer.h"
#include "base/vis.h"

/* Noncharacters that UTF-8 can say and XML cannot. */
static bool junit_is_forbidden(const char *at)
{
	return strncmp(at, "\xef\xbf\xbe", 3) == 0 ||
	       strncmp(at, "\xef\xbf\xbf", 3) == 0;
}

static void junit_text(FILE *f, const char *text)
{
	struct buffer safe = { 0 };
	const char *at;

	vis_append(&safe, text, strlen(text));
	for (at = buffer_text(&safe); *at != '\0'; at++) {
		if (junit_is_forbidden(at)) {
			fputs("?", f);
			at += 2;
		} else if (strchr("&<>\"'", *at) != NULL) {
			fprintf(f, "&#%d;", *at);
		} else {
			putc(*at, f);
		}
	}
	buffer_release(&safe);
}

static void junit_attribute(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	junit_text(f, value);
	putc('"', f);
}

static void junit_seconds(FILE *f, const char *name, int64_t ms)
{
	fprintf(f, " %s=\"%" PRId64 ".%03" PRId64 "\"", name, ms / 1000,
		ms % 1000);
}

/* A run that has no record was not begun: an error, no failure. */
static bool junit_is_error(const struct suite_case *c)
{
	return !c->right && c->run[0] == '\0';
}

static void junit_why(FILE *f, const struct suite_case *c)
{
	const char *tag = junit_is_error(c) ? "error" : "failure";

	fprintf(f, "      <%s", tag);
	junit_attribute(f, "type", c->outcome);
	junit_attribute(f, "message", c->reason);
	fputs(">expected ", f);
	junit_text(f, c->pair->test->expect);
	fputs(", got ", f);
	junit_text(f, c->outcome);
	fprintf(f, "</%s>\n", tag);
}

static void junit_case(FILE *f, const struct suite_options *o,
		       const struct suite_case *c)
{
	size_t i;

	fputs("    <testcase", f);
	fprintf(f, " name=\"%s run %" PRId64 "\"", c->pair->host->name,
		c->number);
	fprintf(f, " classname=\"%s.%s\"", o->suite->name, c->pair->test->name);
	junit_seconds(f, "time", c->ended - c->began);
	fputs(">\n", f);
	if (!c->right)
		junit_why(f, c);
	fputs("      <system-out>", f);
	if (c->kept)
		fprintf(f, "record %s\n", c->run);
	for (i = 0; i < c->stay_count; i++) {
		fprintf(f, "%" PRId64 " ms in ", c->stays[i].ms);
		junit_text(f, c->stays[i].state);
		putc('\n', f);
	}
	fputs("</system-out>\n      <system-err>", f);
	junit_text(f, c->words);
	fputs("</system-err>\n    </testcase>\n", f);
}

/* Counts of one test. */
struct junit_sums {
	size_t tests, failures, errors;
	int64_t ms;
	int64_t wall_ms;	/* when the first one began; -1: none */
};

static struct junit_sums junit_sum(const struct suite_results *r,
				   const struct suite_test *test)
{
	struct junit_sums s = { .wall_ms = -1 };
	const struct suite_case *c;
	size_t i;

	for (i = 0; i < r->count; i++) {
		c = r->cases[i];
		if (test != NULL && c->pair->test != test)
			continue;
		s.tests++;
		s.errors += junit_is_error(c);
		s.failures += !c->right && !junit_is_error(c);
		s.ms += c->ended - c->began;
		if (s.wall_ms < 0 || c->wall_ms < s.wall_ms)
			s.wall_ms = c->wall_ms;
	}
	return s;
}

static void junit_counts(FILE *f, const struct junit_sums *s)
{
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", s->tests,
		s->failures, s->errors);
	junit_seconds(f, "time", s->ms);
}

static void junit_suite(FILE *f, const struct suite_options *o,
			const struct suite_results *r, size_t index)
{
	const struct suite_test *test = &o->suite->tests[index];
	struct junit_sums s = junit_sum(r, test);
	time_t seconds = (time_t)(s.wall_ms < 0 ? 0 : s.wall_ms / 1000);
	char host[256] = "localhost", stamp[32];
	struct tm tm;
	size_t i;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(f, "  <testsuite name=\"%s\" id=\"%zu\" timestamp=\"%s\"",
		test->name, index, stamp);
	junit_attribute(f, "package", o->suite->name);
	junit_attribute(f, "hostname", host);
	junit_counts(f, &s);
	fprintf(f, ">\n    <properties>\n      <property name=\"sequence\" "
		"value=\"%s\"/>\n", test->sequence);
	fputs("      <property name=\"summary\"", f);
	junit_attribute(f, "value", test->summary);
	fputs("/>\n    </properties>\n", f);
	for (i = 0; i < r->count; i++) {
		if (r->cases[i]->pair->test == test)
			junit_case(f, o, r->cases[i]);
	}
	fputs("    <system-out></system-out>\n    <system-err></system-err>\n"
	      "  </testsuite>\n", f);
}

void suite_junit_write(FILE *f, const struct suite_options *o,
		       const struct suite_results *r)
{
	struct junit_sums s = junit_sum(r, NULL);
	size_t i;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", f);
	junit_attribute(f, "name", o->suite->name);
	junit_counts(f, &s);
	fputs(">\n", f);
	for (i = 0; i < o->suite->count; i++)
		junit_suite(f, o, r, i);
	fputs("</testsuites>\n", f);
}
