/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands test SUITE: sequences on hosts, again and again, as tests. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/suite/suite-run.h"
#include "agent/verbs/verb-guard.h"
#include "agent/verbs/verb.h"
#include "base/memory.h"

static const char test_help[] =
	"  --repeat N       the whole suite so often (1; with --until-failure: no end)\n"
	"  --until-failure  begin nothing more once a run was not as expected\n"
	"  --parallel N     hosts at once (32)\n"
	"  --keep WHICH     records that stay: all (as without it), failed or none\n"
	"  --junit FILE     write the results as JUnit XML, too\n";

struct test {
	struct verb_call *call;
	struct ini *ini;
	struct suite *suite;
	struct suite_options o;
	struct suite_report report;
	FILE *junit;
};

static int test_one(void *context, const struct suite_pair *pair)
{
	const struct test *t = context;
	struct rh_error err = RH_ERROR_INIT;
	struct guard guard;
	bool guarded = verb_guard(t->call, GUARD_HEALTH, &guard);
	const struct run_options options = {
		.host = pair->host,
		.sequence = pair->sequence,
		.records = t->call->records,
		.logbook = &t->call->logbook,
		.verb = "test",
		.deadline_ms = pair->test->deadline_ms,
		.json = true,
		.guard = guarded ? &guard : NULL,
	};
	struct run_result result;
	int rc;

	if (guarded)
		guard_prepare(&guard, &pair->host, 1);
	rc = run_sequence(&options, &result, &err);
	guard_release(&guard);
	if (rc == 0)
		return result.exit_status;
	t->call->json = true;
	return verb_not_begun(t->call, pair->host, &err);
}

static void test_ended(void *context, const struct suite_case *c)
{
	struct test *t = context;

	suite_report_case(&t->report, c);
}

/* ---- before anything begins ----------------------------------------------------- */

static int test_add_pairs(struct test *t, const struct suite_test *test)
{
	const struct host **list = NULL;
	struct suite_pair *pair;
	size_t i, count;
	int status;

	status = verb_hosts_of(t->call, test->hosts, (int)test->host_count, &list,
			       &count);
	for (i = 0; status == 0 && i < count; i++) {
		t->o.pairs = memory_grow(t->o.pairs, t->o.pair_count + 1,
					 sizeof(*t->o.pairs));
		pair = &t->o.pairs[t->o.pair_count];
		*pair = (struct suite_pair){ .test = test, .host = list[i] };
		pair->sequence = verb_sequence(t->call, list[i], test->sequence);
		if (pair->sequence == NULL)
			status = verb_fail(t->call, 2, "%s:%d: so [test %s] can't "
					   "be carried out", t->suite->file,
					   test->line, test->name);
		else
			t->o.pair_count++;
	}
	free(list);
	return status;
}

static int test_read(struct test *t, const char *path)
{
	struct problems problems = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	int status = 0;
	size_t i;

	if (config_read_path("suite", path, &problems, &t->ini, &err) < 0) {
		status = verb_fail(t->call, run_error_status(err.code), "%s",
				   err.text);
	} else {
		t->o.suite = t->suite = suite_parse(t->ini, &problems);
		ini_quote(t->ini, &problems);
		problems_sort(&problems);
		verb_print_problems(&problems, NULL);
		if (problems.errors > 0)
			status = verb_fail(t->call, 2, "%s has errors; nothing was "
					   "done", path);
	}
	problems_release(&problems);
	for (i = 0; status == 0 && i < t->suite->count; i++)
		status = test_add_pairs(t, &t->suite->tests[i]);
	return status;
}

static int test_open_junit(struct test *t, const char *path)
{
	int fd;

	if (path == NULL)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	t->junit = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (t->junit != NULL)
		return 0;
	if (fd >= 0)
		close(fd);
	return verb_fail(t->call, 1, "--junit %s: %s", path, strerror(errno));
}

static int test_close_junit(struct test *t, const struct suite_results *r)
{
	FILE *f = t->junit;
	bool bad;

	if (f == NULL)
		return 0;
	suite_junit_write(f, &t->o, r);
	errno = 0;
	bad = fflush(f) != 0 || ferror(f);
	if (fclose(f) != 0 || bad)
		return verb_fail(t->call, 1, "the JUnit file can't be written: %s",
				 strerror(errno));
	return 0;
}

/* ---- the options ------------------------------------------------------------------ */

struct test_words {
	const char *repeat, *parallel, *keep, *junit;
};

static int test_options(struct test *t, const struct test_words *w)
{
	static const char *const keeps[] = { "all", "failed", "none" };
	char *end;
	size_t i;
	int status = verb_parallel(t->call, w->parallel, &t->o.parallel);

	t->o.rounds = t->o.until_failure ? 0 : 1;
	if (status == 0 && w->repeat != NULL) {
		t->o.rounds = strtol(w->repeat, &end, 10);
		if (*w->repeat == '\0' || *end != '\0' || t->o.rounds < 1 ||
		    t->o.rounds > 1000000)
			return verb_fail(t->call, 2, "--repeat %s: expected a "
					 "number from 1 to 1000000", w->repeat);
	}
	if (status != 0 || w->keep == NULL)
		return status;
	for (i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		if (strcmp(w->keep, keeps[i]) == 0) {
			t->o.keep = (enum suite_keep)i;
			return 0;
		}
	}
	return verb_fail(t->call, 2, "--keep %s: expected all, failed or none",
			 w->keep);
}

static int test_carry_out(struct test *t)
{
	struct suite_results results;
	int status, wrong;

	t->o.records = t->call->records;
	t->o.one = test_one;
	t->o.ended = test_ended;
	t->o.context = t;
	t->report.o = &t->o;
	t->report.form = t->call->json ? SUITE_FORM_JSON
			 : isatty(STDOUT_FILENO) ? SUITE_FORM_TABLE
						 : SUITE_FORM_TAP;
	suite_report_begin(&t->report);
	suite_run(&t->o, &results);
	suite_report_end(&t->report, &results);
	wrong = results.cancelled ? 130 : results.wrong > 0;
	status = test_close_junit(t, &results);
	suite_results_release(&results);
	return verb_finish(t->call, wrong != 0 ? wrong : status);
}

static void test_release(struct test *t)
{
	size_t i;

	for (i = 0; i < t->o.pair_count; i++)
		sequence_free(t->o.pairs[i].sequence);
	free(t->o.pairs);
	suite_free(t->suite);
	ini_free(t->ini);
}

static int test_run(struct verb_call *call)
{
	struct test t = { .call = call, .o = { .parallel = 32 } };
	struct test_words words = { 0 };
	const struct verb_option own[] = {
		{ "repeat", &words.repeat, NULL },
		{ "until-failure", NULL, &t.o.until_failure },
		{ "parallel", &words.parallel, NULL },
		{ "keep", &words.keep, NULL },
		{ "junit", &words.junit, NULL },
		{ NULL, NULL, NULL },
	};
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	status = test_options(&t, &words);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = test_read(&t, call->argv[0]);
	if (status == 0)
		status = test_open_junit(&t, words.junit);
	if (status == 0)
		status = test_carry_out(&t);
	test_release(&t);
	return status;
}

const struct verb verb_test = {
	.name = "test",
	.usage = "SUITE.ini",
	.summary = "carry out a suite of tests on hosts",
	.help = test_help,
	.json = "test",
	.run = test_run,
};
