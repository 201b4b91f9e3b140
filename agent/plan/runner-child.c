/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runs of a maintenance, each in a process of its own: how they begin, what
 * they say, and what became of them. Also of those that a killed runner left: the
 * journal has the id of the request that a run was begun for, the request names the
 * run, and its record tells the rest, since a run writes down each act before it is
 * sent. No clock is asked. A request that names no run: nothing was done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/plan/runner-private.h"
#include "agent/run/history.h"
#include "agent/run/request.h"
#include "base/deadline.h"
#include "base/memory.h"

/* ---- what a record says ------------------------------------------------------------------ */

#define CHILD_LOSSES_MAX 3	/* who kills it that often, will again */

struct child_acts {
	bool touched;
	bool restarted;
	char before[80];	/* boot id before the first act; "" not known */
	char seen[80];		/* of the last system that `check ssh` met */
	bool fresh;		/* ... which was good */
};

static void child_copy(char *to, size_t to_len, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (text != NULL)
		snprintf(to, to_len, "%s", text);
}

static void child_take_check(struct child_acts *acts, const json_t *event)
{
	const char *check = json_string_value(json_object_get(event, "check"));
	const char *code = json_string_value(json_object_get(event, "code"));

	if (check == NULL || strcmp(check, "ssh") != 0)
		return;
	child_copy(acts->seen, sizeof(acts->seen), event, "boot_id");
	acts->fresh = code != NULL && strcmp(code, "none") == 0;
}

static void child_take_event(void *context, const json_t *event)
{
	struct child_acts *acts = context;
	const char *name = json_string_value(json_object_get(event, "event"));

	if (name == NULL)
		return;
	if (strcmp(name, "boot-id") == 0 && !acts->touched)
		child_copy(acts->before, sizeof(acts->before), event, "text");
	if (strcmp(name, "checked") == 0)
		child_take_check(acts, event);
	acts->touched |= strcmp(name, "power-act") == 0;
	acts->restarted |= strcmp(name, "restart") == 0 ||
			   strcmp(name, "power") == 0;
}

/* A journal that can't be read may have anything in it. */
static struct child_acts child_acts(const struct runner *r, const char *run)
{
	struct child_acts acts = { .touched = false };
	char *path;

	if (run[0] == '\0')
		return acts;
	path = memory_format("%s/runs/%s", r->o->records, run);
	if (history_journal(path, child_take_event, &acts, NULL) < 0)
		acts.touched = true;
	free(path);
	/* Commands of its own are acts, too. */
	acts.touched |= r->plan->kind == PLAN_RUN;
	return acts;
}

/* ---- the beginning ------------------------------------------------------------------------ */

static int64_t child_limit(const struct runner *r, size_t host)
{
	int64_t left;

	if (r->plan->each_ms == 0)
		return 0;
	left = r->core.hosts[host].began_ms + r->plan->each_ms -
	       maintenance_time(&r->core, deadline_wall_ms());
	/* A host that is down is not left so for a second. */
	if (left > r->plan->each_ms)
		left = r->plan->each_ms;
	return left > 10000 ? left : 10000;
}

static void child_run(struct runner *r, size_t host, int out)
{
	const struct runner_turn turn = {
		.host = r->plan->waves.hosts[host],
		.step = r->children[host].step,
		.limit_ms = child_limit(r, host),
		.id = r->journal.id,
		.request = r->core.hosts[host].request,
		.boot_id = r->core.hosts[host].boot_id,
	};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(4);
	journal_keep_lock(&r->journal);
	close(r->signal_fd);
	sigprocmask(SIG_SETMASK, &r->before, NULL);
	status = r->o->one(r->o->context, &turn);
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	_exit(status);
}

/* A look that had a boot id from before to compare with. */
static void child_judge_look(const struct maintenance_host *h,
			     const struct child_acts *acts,
			     struct maintenance_event *e)
{
	bool compared = e->step == MAINTENANCE_LOOK && h->boot_id[0] != '\0' &&
			acts->seen[0] != '\0';
	bool same = compared && strcmp(acts->seen, h->boot_id) == 0;

	e->restarted = e->restarted || (compared && !same && acts->fresh);
	/* Not where it ended before the host had its time. */
	e->unchanged = same && e->what == MAINTENANCE_HOST_END &&
		       e->verdict == VERDICT_FAILED;
}

static void child_end_event(struct runner *r, size_t host, const char *text)
{
	struct runner_child *c = &r->children[host];
	struct child_acts acts = child_acts(r, c->run);
	/* A full disk here is no failure of the host: it can be resumed. */
	bool local = c->local && !acts.touched;
	struct maintenance_event e = {
		.what = c->cancelled || local ? MAINTENANCE_HOST_LOST
					      : MAINTENANCE_HOST_END,
		.at_ms = deadline_wall_ms(), .host = host, .step = c->step,
		.verdict = c->run[0] != '\0' ? c->verdict : VERDICT_NONE,
		.touched = acts.touched, .restarted = acts.restarted,
		.text = text, .run = c->run, .boot_id = acts.before,
	};

	child_judge_look(&r->core.hosts[host], &acts, &e);
	runner_event(r, &e);
	if (local)
		runner_break(r, text);
}

void runner_begin_host(struct runner *r, size_t host, enum maintenance_step step)
{
	struct runner_child *c = &r->children[host];
	int out[2] = { -1, -1 };

	*c = (struct runner_child){ .out = -1, .step = step };
	if (pipe2(out, O_CLOEXEC) == 0) {
		fflush(stdout);
		c->pid = fork();
		if (c->pid == 0)
			child_run(r, host, out[1]);
	}
	if (out[1] >= 0)
		close(out[1]);
	if (c->pid <= 0) {
		c->pid = 0;
		if (out[0] >= 0)
			close(out[0]);
		child_end_event(r, host, "it could not be begun: no process");
		return;
	}
	c->out = out[0];
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	r->living++;
}

/* ---- what it says --------------------------------------------------------------------------- */

static void child_take_line(struct runner_child *c, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);
	const char *event = json_string_value(json_object_get(o, "event"));
	const char *verdict = json_string_value(json_object_get(o, "verdict"));
	const char *code = json_string_value(json_object_get(o, "code"));

	child_copy(c->run, sizeof(c->run), o, "run");
	if (event != NULL && strcmp(event, "verdict") == 0) {
		c->verdict = verdict_from_name(verdict != NULL ? verdict : "");
		c->cancelled = code != NULL && strcmp(code, "cancelled") == 0;
		c->local = code != NULL && strcmp(code, "io") == 0;
		child_copy(c->reason, sizeof(c->reason), o, "reason");
	}
	json_decref(o);
}

static void child_take(struct runner_child *c)
{
	char *newline, *line;

	while (c->line.len > 0 &&
	       (newline = memchr(c->line.data, '\n', c->line.len)) != NULL) {
		line = memory_copy_len(c->line.data,
				       (size_t)(newline - c->line.data));
		child_take_line(c, line);
		buffer_drop(&c->line, strlen(line) + 1);
		free(line);
	}
}

void runner_read(struct runner *r, size_t host)
{
	struct runner_child *c = &r->children[host];
	char bytes[16384];
	ssize_t n;

	if (c->out < 0)
		return;
	while ((n = read(c->out, bytes, sizeof(bytes))) > 0) {
		buffer_append(&c->line, bytes, (size_t)n);
		child_take(c);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(c->out);
	c->out = -1;
	buffer_release(&c->line);
}

/* ---- its end --------------------------------------------------------------------------------- */

static void child_ended(struct runner *r, size_t host, int how)
{
	struct runner_child *c = &r->children[host];
	char text[100] = "";

	runner_read(r, host);
	if (c->out >= 0) {
		/* A hand of it still has it open; it has said all. */
		close(c->out);
		c->out = -1;
	}
	buffer_release(&c->line);
	c->pid = 0;
	r->living--;
	if (c->verdict == VERDICT_NONE) {
		/* Killed, as its runner may be: what it sent, is seen. */
		c->cancelled = WIFSIGNALED(how) &&
			       (r->stopped > 0 ||
				(c->run[0] != '\0' && r->core.hosts[host].losses <
							       CHILD_LOSSES_MAX));
		if (WIFSIGNALED(how))
			snprintf(text, sizeof(text), "its process was ended by "
				 "signal %d", WTERMSIG(how));
		else
			snprintf(text, sizeof(text), "it was not begun (exit "
				 "status %d)", WEXITSTATUS(how));
		c->verdict = VERDICT_UNKNOWN;
	}
	child_end_event(r, host, text[0] != '\0' ? text : c->reason);
}

void runner_reap(struct runner *r)
{
	size_t i;
	pid_t pid;
	int how;

	/* By pid: programs of ours are waited for elsewhere. */
	for (i = 0; i < r->plan->host_count; i++) {
		pid = r->children[i].pid;
		if (pid > 0 && waitpid(pid, &how, WNOHANG) == pid)
			child_ended(r, i, how);
	}
}

void runner_signal_children(struct runner *r, int signal)
{
	size_t i;

	for (i = 0; i < r->plan->host_count; i++) {
		if (r->children[i].pid > 0)
			kill(r->children[i].pid, signal);
	}
}

/* ---- what a killed runner left ------------------------------------------------------------------ */

/* What became of a run, by its record. */
static void child_take_run(struct runner_child *c, const json_t *run)
{
	const char *verdict = json_string_value(json_object_get(run, "verdict"));
	const char *code = json_string_value(json_object_get(run, "code"));

	c->verdict = verdict_from_name(verdict != NULL ? verdict : "");
	child_copy(c->reason, sizeof(c->reason), run, "reason");
	c->cancelled = c->verdict == VERDICT_NONE ||
		       json_object_get(run, "found_by") != NULL ||
		       (code != NULL && (strcmp(code, "cancelled") == 0 ||
					 strcmp(code, "io") == 0));
}

/* The run of the step that was under way: its name, "" where none was begun. */
static int child_find_run(const struct runner *r, size_t host, char *ret,
			  size_t ret_len, struct rh_error *err)
{
	struct request request;

	if (request_claim(&request, r->o->records, r->core.hosts[host].request,
			  r->plan->waves.hosts[host]->name, ret, ret_len,
			  err) < 0)
		return -1;
	request_release(&request);
	return 0;
}

/* Nobody knows its run: a journal of before they were named in it. */
static void child_doubt(struct runner *r, size_t host)
{
	const struct maintenance_event e = {
		.what = MAINTENANCE_HOST_LOST, .at_ms = deadline_wall_ms(),
		.host = host, .step = r->core.hosts[host].step, .touched = true,
		.text = "", .run = "",
	};

	runner_event(r, &e);
}

static int child_settle(struct runner *r, size_t host, struct rh_error *err)
{
	struct maintenance_host *h = &r->core.hosts[host];
	struct runner_child *c = &r->children[host];
	json_t *run;
	char *path;

	*c = (struct runner_child){ .out = -1, .step = h->step,
				    .cancelled = true };
	if (h->request[0] == '\0') {
		child_doubt(r, host);
		return 0;
	}
	if (child_find_run(r, host, c->run, sizeof(c->run), err) < 0)
		return rh_error_prefix(err, "whether %s was touched can't be told "
				       "now", r->plan->waves.hosts[host]->name);
	path = memory_format("%s/runs/%s", r->o->records, c->run);
	run = c->run[0] != '\0' ? history_load(path, NULL) : NULL;
	if (run != NULL)
		child_take_run(c, run);
	child_end_event(r, host, c->cancelled ? "" : c->reason);
	json_decref(run);
	free(path);
	return 0;
}

int runner_settle(struct runner *r, struct rh_error *err)
{
	int rc = 0;
	size_t i;

	for (i = 0; i < r->plan->host_count && !r->broken && rc == 0; i++) {
		if (r->core.hosts[i].state == MAINTENANCE_UNDER_WAY)
			rc = child_settle(r, i, err);
	}
	return rc;
}

void runner_new_request(char *buf, size_t buf_len)
{
	unsigned long long random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (unsigned long long)deadline_wall_ms() << 16 ^
			 (unsigned long long)deadline_now();
	snprintf(buf, buf_len, "maintain-%016llx", random);
}
