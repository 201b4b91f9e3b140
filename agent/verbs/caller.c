/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Callers of runs. recover, run and power come in with their hosts.
 *
 * Always true: a request that has a run is never begun again, whatever became of
 * it; a run that is left to itself has begun, lock, record and all, before its
 * name is printed.
 */
#include "agent/verbs/caller.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/fleet.h"
#include "agent/run/history.h"
#include "agent/run/process.h"
#include "agent/run/record.h"
#include "agent/run/request.h"
#include "agent/run/timeline.h"
#include "agent/verbs/verb-guard.h"
#include "agent/verbs/verb-policy.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

/* ---- options ------------------------------------------------------------------ */

/* One line of text: what is no character, or steers a terminal, is a blank. */
static int caller_text(const struct verb_call *call, const char *option,
		       const char *text, char *ret)
{
	size_t len = strlen(text), at, n, used = 0;
	char safe[32], one[8];

	if (text[strspn(text, " \t\r\n")] == '\0' || len > CALLER_TEXT_MAX)
		return verb_fail(call, 2, "--%s: expected a text of 1 to %d bytes",
				 option, CALLER_TEXT_MAX);
	for (at = 0; at < len; at += n) {
		n = vis_utf8_len(text + at, len - at, NULL);
		if (n == 0)
			n = 1;
		memcpy(one, text + at, n);
		one[n] = '\0';
		vis_text(one, safe, sizeof(safe));
		if (safe[0] == '\\' && one[0] != '\\') {
			ret[used++] = ' ';
			continue;
		}
		memcpy(ret + used, one, n);
		used += n;
	}
	ret[used] = '\0';
	return 0;
}

int caller_check(struct caller *c)
{
	int status = 0;

	c->at_once = 32;
	if (c->deadline != NULL &&
	    (deadline_parse_ms(c->deadline, &c->deadline_ms) < 0 ||
	     c->deadline_ms < 1000))
		return verb_fail(c->call, 2, "--deadline %s: expected a time of 1s "
				 "or more, such as 90s or 20m", c->deadline);
	if (c->request != NULL && !request_is_id(c->request))
		return verb_fail(c->call, 2, "--request-id: expected 1 to %d "
				 "letters, digits and . _ : -", REQUEST_ID_MAX);
	if (c->reason != NULL)
		status = caller_text(c->call, "reason", c->reason, c->why);
	if (status == 0 && c->override != NULL)
		status = caller_text(c->call, "override", c->override,
				     c->override_why);
	return status != 0 ? status
			   : verb_parallel(c->call, c->parallel, &c->at_once);
}

/* ---- answers -------------------------------------------------------------------- */

static const char *caller_member(const json_t *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run, key));

	return text != NULL ? text : "";
}

static void caller_answer_json(const json_t *run, const char *mark)
{
	static const char *const keys[] = { "host", "run", "verdict", "reason",
					    "code", "exit", "rule",
					    "allowed_at" };
	json_t *line = json_pack("{ss}", "event", "verdict");
	size_t i;

	if (json_object_get(run, "duration_ms") != NULL)
		json_object_set(line, "at_ms",
				json_object_get(run, "duration_ms"));
	if (json_object_get(run, "ended") != NULL)
		json_object_set(line, "time", json_object_get(run, "ended"));
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_object_get(run, keys[i]) != NULL)
			json_object_set(line, keys[i],
					json_object_get(run, keys[i]));
	}
	if (mark != NULL)
		json_object_set_new(line, mark, json_true());
	verb_print_json(line);
}

static void caller_answer_text(const json_t *run, const char *path,
			       const char *mark)
{
	const json_t *ms = json_object_get(run, "duration_ms");
	int64_t took = json_is_integer(ms) ? json_integer_value(ms) : -1;
	struct timeline t;

	timeline_init(&t, TIMELINE_PLAIN, STDOUT_FILENO);
	t.patient = true;
	timeline_head(&t, caller_member(run, "host"),
		      caller_member(run, "sequence"),
		      caller_member(run, "summary"));
	timeline_line(&t, took, caller_member(run, "verdict"),
		      caller_member(run, "reason"));
	timeline_line(&t, -1, "record", path);
	if (mark != NULL)
		timeline_line(&t, -1, mark, "this was carried out for the same "
			      "request before; nothing was done now");
	timeline_end(&t);
}

int caller_answer(const struct verb_call *call, const json_t *run,
		  const char *path, const char *mark)
{
	const json_t *exit_status = json_object_get(run, "exit");

	if (call->json)
		caller_answer_json(run, mark);
	else
		caller_answer_text(run, path, mark);
	return json_is_integer(exit_status)
		       ? (int)json_integer_value(exit_status) : 4;
}

void caller_begun(const struct verb_call *call, const char *host,
		  const char *run, bool repeated)
{
	json_t *line;

	if (!call->json) {
		printf("%s\n", run);
		return;
	}
	line = json_pack("{ss ss ss}", "event", "begun", "host", host, "run",
			 run);
	if (repeated)
		json_object_set_new(line, "repeated", json_true());
	verb_print_json(line);
}

/* ---- one run ---------------------------------------------------------------------- */

/* A run on its way: whom to tell when it has begun. */
struct caller_begin {
	struct request *request;	/* NULL: none */
	int told_fd;			/* of a run that is left to itself; -1 */
	int turn_fd;			/* of a host that waited for its turn; -1 */
};

static int caller_has_begun(void *context, const char *run,
			    struct rh_error *err)
{
	const struct caller_begin *b = context;

	if (b->request != NULL && request_name(b->request, run, err) < 0)
		return -1;
	if (b->turn_fd >= 0)
		close(b->turn_fd);
	if (b->told_fd < 0)
		return 0;
	process_silence();
	/* Whoever does not listen any more has it in the records. */
	dprintf(b->told_fd, "%s\n", run);
	close(b->told_fd);
	return 0;
}

static int caller_carry_out(const struct caller *c, struct run_options *options,
			    struct caller_begin *begin)
{
	struct rh_error err = RH_ERROR_INIT;
	struct run_result result;

	if (c->ask == GUARD_HEALTH)
		begin->turn_fd = c->turn_fd;
	options->begun = caller_has_begun;
	options->begun_context = begin;
	if (run_sequence(options, &result, &err) < 0)
		return verb_not_begun(c->call, options->host, &err);
	if (result.code == RH_ERR_REFUSED && begin->request != NULL)
		request_forget(begin->request);
	return result.exit_status;
}

/* In the run's own process: its exit status only if it was not begun. */
static void caller_alone(const struct caller *c, struct run_options *options,
			 struct caller_begin *begin)
{
	int status;

	options->json = false;
	options->mode = TIMELINE_QUIET;
	signal(SIGPIPE, SIG_IGN);
	status = caller_carry_out(c, options, begin);
	fflush(stdout);
	dprintf(begin->told_fd, "=%d\n", status);
	_exit(status);
}

/* What the run's process said: its name, or why it could not begin. */
static int caller_hear(const struct caller *c, const struct host *host, int fd)
{
	char line[300] = "";
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(line) - 1 && strchr(line, '\n') == NULL) {
		n = read(fd, line + used, sizeof(line) - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
		line[used] = '\0';
	}
	close(fd);
	if (strchr(line, '\n') == NULL)
		return verb_fail(c->call, 4, "%s: the process of the run ended "
				 "before the run had begun", host->name);
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '=')
		return atoi(line + 1);
	caller_begun(c->call, host->name, line, false);
	return verb_finish(c->call, 0);
}

static int caller_detach(const struct caller *c, struct run_options *options,
			 struct caller_begin *begin)
{
	int keep[] = { begin->request != NULL ? begin->request->fd : -1,
		       begin->request != NULL ? begin->request->dir_fd : -1 };
	struct rh_error err = RH_ERROR_INIT;
	int fd, rc = process_detach(keep, 2, &fd, &err);

	if (rc < 0)
		return verb_not_begun(c->call, options->host, &err);
	if (rc > 0)
		return caller_hear(c, options->host, fd);
	begin->told_fd = fd;
	caller_alone(c, options, begin);
	return 4;
}

static int caller_begin(const struct caller *c, struct run_options *options,
			struct request *request)
{
	struct caller_begin begin = { .request = request, .told_fd = -1,
				      .turn_fd = -1 };

	return c->no_wait ? caller_detach(c, options, &begin)
			  : caller_carry_out(c, options, &begin);
}

/* ---- a request that came before ------------------------------------------------------ */

static int caller_gone(const struct caller *c, const struct host *host,
		       const char *run, const struct rh_error *why)
{
	struct rh_error err = RH_ERROR_INIT;

	rh_error_set(&err, RH_ERR_LOST, "the request was carried out by the run "
		     "%s, whose record can't be read; nothing was done now: %s",
		     run, why->text);
	return verb_not_begun(c->call, host, &err);
}

static int caller_late(const struct caller *c, const struct host *host,
		       const char *run)
{
	struct rh_error err = RH_ERROR_INIT;

	rh_error_set(&err, RH_ERR_TIMEOUT, "the run %s of the same request goes on "
		     "behind this deadline; nothing was done now; see it with: "
		     "rhands wait %s", run, run);
	return verb_not_begun(c->call, host, &err);
}

static int caller_repeat(const struct caller *c, const struct host *host,
			 const char *run)
{
	char *path = memory_format("%s/runs/%s", c->call->records, run);
	struct rh_error err = RH_ERROR_INIT;
	enum follow_state state;
	json_t *head = NULL;
	int64_t until = c->no_wait	    ? deadline_now()
			: c->deadline_ms > 0 ? deadline_in(c->deadline_ms)
					    : DEADLINE_NEVER;
	int status;

	if (follow_run(c->call->records, path, until, &state, &head, &err) < 0) {
		status = caller_gone(c, host, run, &err);
	} else if (state != FOLLOW_RUNNING) {
		status = caller_answer(c->call, head, path, "repeated");
	} else if (c->no_wait) {
		caller_begun(c->call, host->name, run, true);
		status = verb_finish(c->call, 0);
	} else {
		status = caller_late(c, host, run);
	}
	json_decref(head);
	free(path);
	return status;
}

/* ---- the guard ------------------------------------------------------------------- */

/* Before the first host, so that the others need not ask again. */
static void caller_guard(struct caller *c, const struct host *const *hosts,
			 size_t count)
{
	c->guarded = verb_guard(c->call, c->ask, &c->guard);
	if (c->guarded)
		guard_prepare(&c->guard, hosts, count);
}

/* ---- hosts ------------------------------------------------------------------------ */

static int caller_claimed(const struct caller *c, struct run_options *options)
{
	struct rh_error err = RH_ERROR_INIT;
	struct request request;
	char run[256];
	int status;

	if (c->request == NULL)
		return caller_begin(c, options, NULL);
	if (request_claim(&request, c->call->records, c->request,
			  options->host->name, run, sizeof(run), &err) < 0)
		return verb_not_begun(c->call, options->host, &err);
	if (run[0] != '\0')
		return caller_repeat(c, options->host, run);
	status = caller_begin(c, options, &request);
	request_release(&request);
	return status;
}

/* What is wrong with the sequence was said, on standard error. */
static int caller_unfit(const struct caller *c, const struct host *host)
{
	struct rh_error err = RH_ERROR_INIT;

	rh_error_set(&err, RH_ERR_CONFIG, "the sequence can't be carried out on "
		     "it; nothing was done");
	if (c->call->json)
		verb_print_not_begun(host, &err);
	return 2;
}

static int caller_one(void *context, const struct host *host)
{
	struct caller *c = context;
	struct sequence *s = c->sequence(c, host);
	struct run_options options = {
		.host = host,
		.sequence = s,
		.records = c->call->records,
		.logbook = &c->call->logbook,
		.verb = c->call->verb->name,
		.deadline_ms = c->deadline_ms,
		.must_see = c->must_see,
		.done_word = c->done_word,
		.boot_id = c->boot_id,
		.json = c->json,
		.tells_waits = c->tells_waits,
		.mode = isatty(STDOUT_FILENO) ? TIMELINE_LIVE : TIMELINE_PLAIN,
		.why = c->reason != NULL ? c->why : NULL,
		.request_id = c->request,
		.override = c->override != NULL ? c->override_why : NULL,
		.guard = c->guarded ? &c->guard : NULL,
	};
	int status;

	if (s == NULL)
		return caller_unfit(c, host);
	if (c->guarded)
		guard_prepare(&c->guard, &host, 1);
	status = caller_claimed(c, &options);
	sequence_free(s);
	return status;
}

int caller_part(struct caller *c, const struct host *host)
{
	int status;

	c->json = c->call->json;
	caller_guard(c, &host, 1);
	status = caller_one(c, host);
	guard_release(&c->guard);
	return status;
}

static int caller_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int caller_declare(const struct caller *c,
			  const struct host *const *hosts, size_t count)
{
	const char **names = memory_new(count + 1, sizeof(*names));
	json_t *what = json_object(), *list = json_array();
	struct rh_error err = RH_ERROR_INIT;
	int status = 0;
	size_t i;

	for (i = 0; i < count; i++)
		names[i] = hosts[i]->name;
	qsort(names, count, sizeof(*names), caller_compare);
	for (i = 0; i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	free(names);
	json_object_set_new(what, "version", json_integer(RECORD_VERSION));
	json_object_set_new(what, "verb", json_string(c->call->verb->name));
	json_object_set_new(what, "hosts", list);
	if (c->key != NULL)
		json_object_set_new(what, c->key, json_string(c->what));
	if (request_declare(c->call->records, c->request, what, &err) < 0)
		status = verb_fail(c->call, run_error_status(err.code), "%s",
				   err.text);
	json_decref(what);
	return status;
}

static int caller_many(struct caller *c, const struct host *const *hosts,
		       size_t count)
{
	const struct fleet_options options = {
		.parallel = c->at_once, .json = c->call->json,
		.word = c->word, .one = caller_one, .context = c,
	};

	c->tells_waits = !c->call->json && isatty(STDOUT_FILENO);
	c->json = c->call->json = true;	/* of the children */
	return fleet_run(&options, hosts, count);
}

/* To go past the guard is not everybody's. */
static int caller_may_override(const struct caller *c,
			       const struct host *const *hosts, size_t count)
{
	int status = 0;
	size_t i;

	for (i = 0; i < count && status == 0 && c->override != NULL; i++)
		status = verb_policy_host(c->call, "override", hosts[i]);
	return status;
}

int caller_run(struct caller *c, const struct host *const *hosts, size_t count)
{
	int status = caller_may_override(c, hosts, count);

	if (status == 0 && c->request != NULL)
		status = caller_declare(c, hosts, count);
	if (status != 0)
		return status;
	caller_guard(c, hosts, count);
	c->json = c->call->json;
	status = count == 1 ? caller_one(c, hosts[0])
			    : caller_many(c, hosts, count);
	guard_release(&c->guard);
	return status;
}
