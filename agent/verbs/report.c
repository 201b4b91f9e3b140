/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rhands report RUN: a record as one HTML file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/report/report.h"
#include "agent/run/history.h"
#include "agent/verbs/verb-policy.h"
#include "agent/verbs/verb.h"

static int report_save(struct verb_call *call, const char *file,
		       const struct buffer *page)
{
	/* As private as the record: main has set the umask. */
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		      0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	bool bad = f == NULL;

	if (f != NULL) {
		fwrite(page->data, 1, page->len, f);
		bad = fflush(f) != 0 || ferror(f);
		bad = fclose(f) != 0 || bad;
	}
	if (bad)
		return verb_fail(call, 1, "%s: %s", file, strerror(errno));
	return 0;
}

static int report_path(struct verb_call *call, const char *path,
		       const char *output)
{
	struct rh_error err = RH_ERROR_INIT;
	json_t *run = history_load(path, &err);
	struct buffer page = { 0 };
	const char *verdict;
	int status = 0;

	if (run == NULL)
		return verb_fail(call, 1, "%s", err.text);
	verdict = json_string_value(json_object_get(run, "verdict"));
	if (verdict == NULL)
		verdict = history_was_killed(call->records, run) ? "killed"
								 : "running";
	if (report_write(&page, path, run, verdict, &err) < 0)
		status = verb_fail(call, 1, "%s", err.text);
	else if (output != NULL)
		status = report_save(call, output, &page);
	else
		fwrite(page.data, 1, page.len, stdout);
	buffer_release(&page);
	json_decref(run);
	return status;
}

static int report_run(struct verb_call *call)
{
	const char *output = NULL;
	const struct verb_option own[] = { { "output", &output, NULL },
					   { NULL, NULL, NULL } };
	char *path;
	int status = verb_begin(call, own, 1, 1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (output == NULL && isatty(STDOUT_FILENO))
		return verb_fail(call, 2, "a page is nothing for a terminal: give "
				 "--output FILE");
	status = output != NULL ? verb_policy_file(call, "use --output") : 0;
	if (status == 0)
		status = verb_load(call);
	if (status != 0)
		return status;
	status = verb_find_run(call, call->argv[0], &path);
	if (status != 0)
		return status;
	status = report_path(call, path, output);
	free(path);
	return verb_finish(call, status);
}

const struct verb verb_report = {
	.name = "report",
	.usage = "RUN",
	.summary = "a run as one HTML file, to read offline",
	.help = "  --output FILE   there, in place of standard output\n",
	.run = report_run,
};
