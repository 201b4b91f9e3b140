/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runs of a maintenance, each in a process of its own: how they begin, what
 * they say, and what became of them. Also of those that a killed runner left: their
 * records tell, since a run writes down each act before it is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/plan/runner-private.h"
#include "agent/run/history.h"
#include "agent/run/record.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

/* ---- what a record says ------------------------------------------------------------------ */

struct child_acts {
	bool touched;
	bool restarted;
};

static void child_take_event(void *context, const json_t *event)
{
	struct child_acts *acts = context;
	const char *name = json_string_value(json_object_get(event, "event"));

	if (name == NULL)
		return;
	acts->touched |= strcmp(name, "power-act") == 0;
	acts->restarted |= strcmp(name, "restart") == 0 ||
			   strcmp(name, "power") == 0;
}

/* A journal that can't be read may have anything in it. */
static struct child_acts child_acts(const struct runner *r, const char *run)
{
	struct child_acts acts = { false, false };
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
	       deadline_wall_ms();
	/* A host that is down is not left so for a second. */
	if (left > r->plan->each_ms)
		left = r->plan->each_ms;
	return left > 10000 ? left : 10000;
}

static void child_run(struct runner *r, size_t host, int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0)
		_exit(4);
	journal_keep_lock(&r->journal);
	close(r->signal_fd);
	sigprocmask(SIG_SETMASK, &r->before, NULL);
	status = r->o->one(r->o->context, r->plan->waves.hosts[host],
			   r->children[host].step, child_limit(r, host));
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	_exit(status);
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
		.text = text, .run = c->run,
	};

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

static void child_copy(char *to, size_t to_len, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (text != NULL)
		snprintf(to, to_len, "%s", text);
}

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

/* When the step that is under way was begun: the runs before are not of it. */
struct child_search {
	const char *sequence;
	char since[40];
};

static bool child_is_it(const struct child_search *s, const json_t *run)
{
	const char *sequence = json_string_value(json_object_get(run, "sequence"));
	const char *started = json_string_value(json_object_get(run, "started"));

	return sequence != NULL && started != NULL &&
	       strcmp(sequence, s->sequence) == 0 &&
	       strcmp(started, s->since) >= 0;
}

/* The first run of the host that is of this step: its name, free(3); NULL: none. */
static char *child_find_run(const struct runner *r, size_t host,
			    const struct child_search *s, json_t **ret_run)
{
	char **list, *path, *found = NULL;
	size_t count = 0, i;
	json_t *run;

	list = history_list(r->o->records, r->plan->waves.hosts[host]->name,
			    &count, NULL);
	for (i = 0; i < count && found == NULL; i++) {
		path = memory_format("%s/runs/%s", r->o->records, list[i]);
		run = history_load(path, NULL);
		free(path);
		if (run != NULL && child_is_it(s, run)) {
			found = memory_copy(list[i]);
			*ret_run = run;
			continue;
		}
		json_decref(run);
	}
	history_list_free(list);
	return found;
}

static void child_settle(struct runner *r, size_t host)
{
	struct maintenance_host *h = &r->core.hosts[host];
	struct runner_child *c = &r->children[host];
	struct child_search s;
	json_t *run = NULL;
	const char *verdict;
	char *name;

	*c = (struct runner_child){ .out = -1, .step = h->step,
				    .cancelled = true };
	s.sequence = r->o->sequence(r->o->context, r->plan->waves.hosts[host],
				    h->step);
	record_time_text(h->step_ms, s.since, sizeof(s.since));
	name = child_find_run(r, host, &s, &run);
	if (name != NULL) {
		snprintf(c->run, sizeof(c->run), "%s", name);
		verdict = json_string_value(json_object_get(run, "verdict"));
		c->verdict = verdict_from_name(verdict != NULL ? verdict : "");
		child_copy(c->reason, sizeof(c->reason), run, "reason");
		verdict = json_string_value(json_object_get(run, "code"));
		c->cancelled = c->verdict == VERDICT_NONE ||
			       json_object_get(run, "found_by") != NULL ||
			       (verdict != NULL &&
				strcmp(verdict, "cancelled") == 0);
	}
	child_end_event(r, host, c->cancelled ? "" : c->reason);
	free(name);
	json_decref(run);
}

void runner_settle(struct runner *r)
{
	size_t i;

	for (i = 0; i < r->plan->host_count && !r->broken; i++) {
		if (r->core.hosts[i].state == MAINTENANCE_UNDER_WAY)
			child_settle(r, i);
	}
}
