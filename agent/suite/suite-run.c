/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A suite under way: which case is next, a process for each. The verb `test`
 * comes in by suite_run.
 *
 * Always true: a host has at most one case, and takes its cases in one order
 * (rounds, tests, repeats), whatever the others do; at most `parallel` children
 * live; after a signal, or a wrong case where asked for, none is begun.
 */
#include "agent/suite/suite-run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/run/history.h"
#include "base/deadline.h"
#include "base/memory.h"

#define SUITE_LINE_MAX 65536
#define SUITE_WORDS_MAX 16384

/* A host, and where it is in its cases. */
struct suite_host {
	const struct host *host;
	struct suite_case *now;		/* under way; NULL: none */
	int64_t round;
	size_t pair;			/* of all pairs: the one that is next */
	int64_t repeat;			/* of that pair in this round: done */
};

struct suite_loop {
	const struct suite_options *o;
	struct suite_results *r;
	struct suite_host *hosts;
	size_t host_count;
	int living;
	int signal_fd;
	sigset_t before;
	bool stopped;
};

int64_t suite_planned(const struct suite_options *o)
{
	int64_t sum = 0;
	size_t i;

	if (o->rounds == 0 || o->until_failure)
		return -1;
	for (i = 0; i < o->pair_count; i++)
		sum += o->pairs[i].test->repeat;
	return sum * o->rounds;
}

/* ---- children ---------------------------------------------------------------- */

static void suite_child(struct suite_loop *l, struct suite_pair *pair, int out,
			int errors)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
		_exit(4);
	sigprocmask(SIG_SETMASK, &l->before, NULL);
	status = l->o->one(l->o->context, pair);
	if (fflush(stdout) != 0 && status == 0)
		status = 1;
	_exit(status);
}

static bool suite_pipe(int pair[2])
{
	if (pipe2(pair, O_CLOEXEC) < 0)
		return false;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	return true;
}

static void suite_tell(struct suite_loop *l, struct suite_case *c)
{
	struct suite_results *r = l->r;

	r->cases = memory_grow(r->cases, r->count + 1, sizeof(*r->cases));
	r->cases[r->count++] = c;
	r->wrong += !c->right;
	if (!c->right && l->o->until_failure)
		l->stopped = true;
	if (c->kept && (l->o->keep == SUITE_KEEP_NONE ||
			(l->o->keep == SUITE_KEEP_FAILED && c->right)))
		c->kept = history_remove(l->o->records, c->run, NULL) < 0;
	l->o->ended(l->o->context, c);
}

static struct suite_case *suite_begin(struct suite_loop *l,
				      struct suite_pair *pair)
{
	struct suite_case *c = suite_case_new(pair);
	int out[2] = { -1, -1 }, errors[2] = { -1, -1 };

	c->pid = -1;
	if (suite_pipe(out) && suite_pipe(errors)) {
		fflush(stdout);
		c->pid = fork();
		if (c->pid == 0)
			suite_child(l, pair, out[1], errors[1]);
	}
	if (c->pid < 0) {
		buffer_printf(&c->error_text, "it could not be begun: %s",
			      strerror(errno));
		close(out[0]);
		close(errors[0]);
		suite_case_end(c, 4 << 8);
		suite_tell(l, c);
		c = NULL;
	} else {
		c->out = out[0];
		c->errors = errors[0];
		l->living++;
	}
	close(out[1]);
	close(errors[1]);
	return c;
}

/* ---- which is next -------------------------------------------------------------- */

/* The pair that the host is to take next, NULL where it is through. */
static struct suite_pair *suite_next(const struct suite_loop *l,
				     struct suite_host *h)
{
	const struct suite_options *o = l->o;
	struct suite_pair *pair;

	while (o->rounds == 0 || h->round < o->rounds) {
		for (; h->pair < o->pair_count; h->pair++, h->repeat = 0) {
			pair = &o->pairs[h->pair];
			if (pair->host == h->host &&
			    h->repeat < pair->test->repeat)
				return pair;
		}
		h->pair = 0;
		h->round++;
	}
	return NULL;
}

static int64_t suite_living_of(const struct suite_loop *l,
			       const struct suite_test *test)
{
	int64_t living = 0;
	size_t i;

	for (i = 0; i < l->host_count; i++)
		living += l->hosts[i].now != NULL &&
			  l->hosts[i].now->pair->test == test;
	return living;
}

static void suite_begin_more(struct suite_loop *l)
{
	struct suite_pair *pair;
	struct suite_host *h;
	size_t i;

	for (i = 0; i < l->host_count && !l->stopped; i++) {
		h = &l->hosts[i];
		if (h->now != NULL || l->living >= l->o->parallel)
			continue;
		pair = suite_next(l, h);
		if (pair == NULL || suite_living_of(l, pair->test) >=
					    pair->test->parallel)
			continue;
		h->repeat++;
		h->now = suite_begin(l, pair);
	}
}

/* ---- what they say, and their end -------------------------------------------------- */

static void suite_lines(struct suite_case *c, bool over)
{
	struct buffer *b = &c->out_line;
	char *newline, *line;
	size_t len;

	while (b->len > 0) {
		newline = memchr(b->data, '\n', b->len);
		if (newline == NULL && !over && b->len < SUITE_LINE_MAX)
			return;
		len = newline != NULL ? (size_t)(newline - b->data) : b->len;
		line = memory_copy_len(b->data, len);
		suite_case_line(c, line);
		free(line);
		buffer_drop(b, newline != NULL ? len + 1 : len);
	}
}

/* Reads what is there; at its end, closes. */
static void suite_read(struct suite_case *c, int *fd)
{
	char bytes[16384];
	ssize_t n;

	while (*fd >= 0 && (n = read(*fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		if (fd == &c->out) {
			buffer_append(&c->out_line, bytes, (size_t)n);
			suite_lines(c, false);
		} else if (c->error_text.len < SUITE_WORDS_MAX) {
			buffer_append(&c->error_text, bytes, (size_t)n);
		}
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void suite_ended(struct suite_loop *l, struct suite_host *h, int how)
{
	struct suite_case *c = h->now;

	suite_read(c, &c->out);
	suite_read(c, &c->errors);
	suite_lines(c, true);
	/* A hand of it that is still there may hold them open. */
	if (c->out >= 0)
		close(c->out);
	if (c->errors >= 0)
		close(c->errors);
	h->now = NULL;
	l->living--;
	suite_case_end(c, how);
	suite_tell(l, c);
}

static void suite_signals(struct suite_loop *l)
{
	struct signalfd_siginfo info;
	size_t i;
	pid_t pid;
	int how;

	while (read(l->signal_fd, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		l->stopped = l->r->cancelled = true;
		/* At a terminal they got the SIGINT themselves. */
		for (i = 0; i < l->host_count; i++) {
			if (l->hosts[i].now != NULL &&
			    (info.ssi_signo != SIGINT || info.ssi_pid > 0))
				kill(l->hosts[i].now->pid, (int)info.ssi_signo);
		}
	}
	while ((pid = waitpid(-1, &how, WNOHANG)) > 0) {
		for (i = 0; i < l->host_count; i++) {
			if (l->hosts[i].now != NULL &&
			    l->hosts[i].now->pid == pid)
				suite_ended(l, &l->hosts[i], how);
		}
	}
}

static void suite_wait(struct suite_loop *l, struct pollfd *fds)
{
	struct suite_case *c;
	size_t i;

	fds[0] = (struct pollfd){ .fd = l->signal_fd, .events = POLLIN };
	for (i = 0; i < l->host_count; i++) {
		c = l->hosts[i].now;
		fds[1 + 2 * i] = (struct pollfd){ .fd = c ? c->out : -1,
						  .events = POLLIN };
		fds[2 + 2 * i] = (struct pollfd){ .fd = c ? c->errors : -1,
						  .events = POLLIN };
	}
	if (poll(fds, 1 + 2 * l->host_count, -1) <= 0)
		return;
	for (i = 0; i < l->host_count; i++) {
		c = l->hosts[i].now;
		if (c != NULL && fds[1 + 2 * i].revents != 0)
			suite_read(c, &c->out);
		if (c != NULL && fds[2 + 2 * i].revents != 0)
			suite_read(c, &c->errors);
	}
	suite_signals(l);
}

/* ---- the loop ------------------------------------------------------------------------ */

static void suite_find_hosts(struct suite_loop *l)
{
	const struct host *host;
	size_t i, j;

	l->hosts = memory_new(l->o->pair_count + 1, sizeof(*l->hosts));
	for (i = 0; i < l->o->pair_count; i++) {
		host = l->o->pairs[i].host;
		for (j = 0; j < l->host_count; j++) {
			if (l->hosts[j].host == host)
				break;
		}
		if (j == l->host_count)
			l->hosts[l->host_count++].host = host;
	}
}

static bool suite_open_signals(struct suite_loop *l)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &l->before);
	l->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	return l->signal_fd >= 0;
}

void suite_run(const struct suite_options *o, struct suite_results *ret)
{
	struct suite_loop l = { .o = o, .r = ret };
	struct pollfd *fds;

	memset(ret, 0, sizeof(*ret));
	suite_find_hosts(&l);
	fds = memory_new(1 + 2 * l.host_count, sizeof(*fds));
	if (!suite_open_signals(&l))
		l.stopped = ret->cancelled = true;
	suite_begin_more(&l);
	while (l.living > 0) {
		suite_wait(&l, fds);
		suite_begin_more(&l);
	}
	if (l.signal_fd >= 0)
		close(l.signal_fd);
	sigprocmask(SIG_SETMASK, &l.before, NULL);
	free(l.hosts);
	free(fds);
}

void suite_results_release(struct suite_results *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		suite_case_free(r->cases[i]);
	free(r->cases);
}
