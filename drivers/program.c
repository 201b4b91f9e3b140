/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs that drivers start and wait for. Drivers come in by program_run;
 * program-terminal.c is the other door, for consoles.
 *
 * Always true:
 *  - no shell and no search: args[0] is a path, each argument one word;
 *  - what a program reads (input, secret) is in its pipes before it starts, so
 *    nothing of it is in an argument or in the environment, and a program that
 *    does not read cannot hold us up;
 *  - an exec that fails is known as such (a pipe that exec closes), and is
 *    never taken for the program's own exit status;
 *  - the program leads a process group, which is killed when it has ended or
 *    its time is up; outputs held open by what left the group are not waited for.
 */
#include "drivers/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"
#include "drivers/program-private.h"

#define PROGRAM_GRACE_MS 500	/* between TERM and KILL, at most */
#define PROGRAM_CHUNK 4096
#define PROGRAM_DRAIN_TURNS 64

/* --- words ------------------------------------------------------------------ */

/* The next word from *at into memory of its own; NULL: no more. */
static char *program_next_word(const char **at, struct rh_error *err)
{
	struct buffer word = { 0 };
	const char *p = *at + strspn(*at, " \t\n");
	bool quoted = false, any = *p != '\0';

	for (; *p != '\0' && (quoted || strchr(" \t\n", *p) == NULL); p++) {
		if (*p == '"')
			quoted = !quoted;
		else
			buffer_append_char(&word, *p);
	}
	*at = p;
	if (quoted) {
		rh_error_set(err, RH_ERR_CONFIG, "a \" is not closed");
		any = false;
	}
	if (any && word.data == NULL)
		buffer_append(&word, "", 0);
	if (!any) {
		buffer_release(&word);
		return NULL;
	}
	return word.data != NULL ? buffer_take(&word) : memory_copy("");
}

int program_words(const char *text, char ***ret_args, struct rh_error *err)
{
	struct rh_error bad = RH_ERROR_INIT;
	char **args = memory_new(1, sizeof(*args)), *word;
	size_t count = 0;

	while ((word = program_next_word(&text, &bad)) != NULL) {
		args = memory_grow(args, count + 2, sizeof(*args));
		args[count++] = word;
		args[count] = NULL;
	}
	if (bad.code != RH_ERR_NONE) {
		program_free_args(args);
		return rh_error_set(err, bad.code, "%s", bad.text);
	}
	*ret_args = args;
	return 0;
}

int program_split(const char *text, char ***ret_args, struct rh_error *err)
{
	char **args;

	if (program_words(text, &args, err) < 0)
		return -1;
	if (args[0] == NULL)
		rh_error_set(err, RH_ERR_CONFIG, "no program is named");
	else if (args[0][0] != '/')
		rh_error_set(err, RH_ERR_CONFIG,
			     "%s: the program must be named by its whole path, "
			     "beginning with /", args[0]);
	if (args[0] == NULL || args[0][0] != '/') {
		program_free_args(args);
		return -1;
	}
	*ret_args = args;
	return 0;
}

void program_free_args(char **args)
{
	size_t i;

	for (i = 0; args != NULL && args[i] != NULL; i++)
		free(args[i]);
	free(args);
}

int program_check(const char *path, struct rh_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno,
					  "program %s", path);
	if (!S_ISREG(st.st_mode))
		return rh_error_set(err, RH_ERR_CONFIG,
				    "program %s is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return rh_error_set(err, RH_ERR_CONFIG,
				    "program %s belongs to uid %u; it must be "
				    "yours or root's", path,
				    (unsigned)st.st_uid);
	if ((st.st_mode & 022) != 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "program %s can be changed by others (mode "
				    "%04o); do: chmod go-w %s", path,
				    (unsigned)st.st_mode & 07777, path);
	if (access(path, X_OK) < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno,
					  "program %s", path);
	return 0;
}

/* --- start ------------------------------------------------------------------ */

int program_filled_pipe(const void *bytes, size_t len, struct rh_error *err)
{
	int fds[2];
	ssize_t n = 0;

	if (len > PROGRAM_INPUT_MAX)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "input for a program: %zu bytes, %d at most",
				    len, PROGRAM_INPUT_MAX);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	if (len > 0)
		n = write(fds[1], bytes, len);
	close(fds[1]);
	if (n < 0 || (size_t)n != len) {
		close(fds[0]);
		return rh_error_set(err, RH_ERR_IO,
				    "a pipe does not take %zu bytes", len);
	}
	/* the program gets an ordinary one, that blocks */
	(void)fcntl(fds[0], F_SETFL, 0);
	return fds[0];
}

static void program_reset_signals(bool no_hangup)
{
	struct sigaction act = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &act, NULL);
	act.sa_handler = SIG_IGN;
	if (no_hangup)
		(void)sigaction(SIGHUP, &act, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts descriptors in their places: 0 to 3, and 4 to report a failed exec. */
static int program_place(const struct program_start *s, int report)
{
	int fds[5] = { s->stdio[0], s->stdio[1], s->stdio[2], s->secret,
		       report }, i;

	for (i = 0; i < 5; i++) {
		if (fds[i] < 0)
			continue;
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
		if (fds[i] < 0)
			return -1;
	}
	for (i = 0; i < 5; i++) {
		if (fds[i] >= 0 && dup2(fds[i], i) < 0)
			return -1;
	}
	if (fds[3] < 0)
		close(3);
	(void)close_range(5, ~0U, 0);
	return fcntl(4, F_SETFD, FD_CLOEXEC);
}

/* In the child; returns only by _exit. */
static void program_become(const struct program *p,
			   const struct program_start *s, int report,
			   pid_t parent)
{
	static char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL,
	};
	int error = 0;

	(void)setsid();
	program_reset_signals(s->no_hangup);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(127);
	if (program_place(s, report) < 0 || chdir("/") < 0)
		error = errno;
	if (error == 0 && s->controls)
		(void)ioctl(0, TIOCSCTTY, 0);
	if (error == 0) {
		execve(p->args[0], (char *const *)p->args, environment);
		error = errno;
	}
	(void)!write(4, &error, sizeof(error));
	_exit(127);
}

/* What the child says about its exec: an errno, or 0 where it went well. */
static int program_exec_error(int fd)
{
	int error = 0;
	ssize_t n;

	do {
		n = read(fd, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : 0;
}

int program_launch(const struct program *p, const struct program_start *s,
		   pid_t *ret_pid, int *ret_ended, struct rh_error *err)
{
	pid_t pid, parent = getpid();
	int fds[2], error, ended;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	pid = fork();
	if (pid == 0)
		program_become(p, s, fds[1], parent);
	error = errno;
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return rh_error_set_errno(err, RH_ERR_IO, error, "fork");
	}
	error = program_exec_error(fds[0]);
	close(fds[0]);
	ended = pidfd_open(pid, 0);
	if (error == 0 && ended >= 0) {
		*ret_pid = pid;
		*ret_ended = ended;
		return 0;
	}
	if (ended < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "pidfd");
	else
		close(ended);
	(void)program_reap(pid);
	if (error != 0)
		rh_error_set_errno(err, RH_ERR_CONFIG, error,
				   "program %s cannot be started", p->args[0]);
	return -1;
}

int program_reap(pid_t pid)
{
	int status = 0;

	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* --- run -------------------------------------------------------------------- */

bool program_drain(int fd, struct buffer *b, size_t limit)
{
	char bytes[PROGRAM_CHUNK];
	ssize_t n;

	do {
		n = read(fd, bytes, sizeof(bytes));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN;
	if (n > 0)
		buffer_append(b, bytes, (size_t)n);
	if (b->len > limit)
		buffer_drop(b, b->len - limit);
	explicit_bzero(bytes, sizeof(bytes));
	return n > 0;
}

/* A program under way, for the steps below. */
struct program_job {
	pid_t pid;
	int ended;
	int out;		/* -1: ended */
	int errors;
	bool stopped;		/* it did not end by itself */
};

static int program_open_outputs(int out[2], int errors[2],
				struct rh_error *err)
{
	if (pipe2(out, O_CLOEXEC) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	if (pipe2(errors, O_CLOEXEC) < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
		close(out[0]);
		close(out[1]);
		return -1;
	}
	/* our ends only: the program's are ordinary ones */
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(errors[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static void program_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int program_begin(const struct program *p, struct program_job *job,
			 struct rh_error *err)
{
	struct program_start s = { .secret = -1 };
	int out[2], errors[2], rc = -1;

	if (program_open_outputs(out, errors, err) < 0)
		return -1;
	s.stdio[1] = out[1];
	s.stdio[2] = errors[1];
	s.stdio[0] = program_filled_pipe(p->input, p->input_len, err);
	if (s.stdio[0] >= 0 && p->secret != NULL)
		s.secret = program_filled_pipe(p->secret, p->secret_len, err);
	if (s.stdio[0] >= 0 && (p->secret == NULL || s.secret >= 0))
		rc = program_launch(p, &s, &job->pid, &job->ended, err);
	program_close(s.stdio[0]);
	program_close(s.secret);
	close(out[1]);
	close(errors[1]);
	if (rc < 0) {
		close(out[0]);
		close(errors[0]);
		return -1;
	}
	job->out = out[0];
	job->errors = errors[0];
	return 0;
}

static void program_job_read(struct program_job *job, const struct program *p,
			     struct program_result *ret)
{
	if (job->out >= 0 && !program_drain(job->out, &ret->out, p->limit)) {
		close(job->out);
		job->out = -1;
	}
	if (job->errors >= 0 &&
	    !program_drain(job->errors, &ret->errors, p->limit)) {
		close(job->errors);
		job->errors = -1;
	}
}

/* Reads until the program has ended (true) or the time has come (false). */
static bool program_job_wait(struct program_job *job, const struct program *p,
			     int64_t until, struct program_result *ret)
{
	struct pollfd fds[3] = { { .events = POLLIN }, { .events = POLLIN },
				 { .events = POLLIN } };

	for (;;) {
		fds[0].fd = job->ended;
		fds[1].fd = job->out;
		fds[2].fd = job->errors;
		if (poll(fds, 3, deadline_poll_ms(until)) == 0)
			return false;
		if (fds[1].revents != 0 || fds[2].revents != 0)
			program_job_read(job, p, ret);
		else if (fds[0].revents != 0)
			return true;
		if (deadline_now() >= until)
			return false;
	}
}

/* What is in the pipes still; nobody else of its group writes any more. */
static void program_job_read_rest(struct program_job *job,
				  const struct program *p,
				  struct program_result *ret)
{
	int turn;

	for (turn = 0; turn < PROGRAM_DRAIN_TURNS; turn++)
		program_job_read(job, p, ret);
	program_close(job->out);
	program_close(job->errors);
}

int program_run(const struct program *p, int64_t deadline,
		struct program_result *ret, struct rh_error *err)
{
	struct program_job job = { .out = -1, .errors = -1 };
	int64_t left = deadline - deadline_now(), grace = PROGRAM_GRACE_MS;
	int status;

	if (left <= 0)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s: not begun: the deadline had passed",
				    p->args[0]);
	if (left / 4 < grace)
		grace = left / 4;
	if (program_begin(p, &job, err) < 0)
		return -1;
	if (!program_job_wait(&job, p, deadline - grace, ret)) {
		job.stopped = true;
		(void)kill(-job.pid, SIGTERM);
		(void)program_job_wait(&job, p, deadline, ret);
	}
	status = program_reap(job.pid);
	close(job.ended);
	program_job_read_rest(&job, p, ret);
	if (job.stopped)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s did not end in time and was stopped; "
				    "what it did is not known", p->args[0]);
	ret->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

void program_result_release(struct program_result *r)
{
	buffer_release(&r->out);
	buffer_release(&r->errors);
}

/* --- how it ended ------------------------------------------------------------- */

const char *program_last_line(const struct buffer *text, char *buf,
			      size_t buf_len)
{
	const char *bytes = buffer_text(text);
	size_t end = text->len, start;
	char *line;

	while (end > 0 && strchr("\r\n\t ", bytes[end - 1]) != NULL)
		end--;
	start = end;
	while (start > 0 && bytes[start - 1] != '\n' && bytes[start - 1] != '\r')
		start--;
	line = memory_copy_len(bytes + start, end - start);
	vis_text(line, buf, buf_len);
	free(line);
	return buf;
}

int program_fail_end(const struct program *p, const struct program_result *r,
		     struct rh_error *err)
{
	char line[200], how[80];

	program_last_line(&r->errors, line, sizeof(line));
	if (line[0] == '\0')
		program_last_line(&r->out, line, sizeof(line));
	if (r->signal != 0)
		snprintf(how, sizeof(how), "was killed by signal %d (%s)",
			 r->signal, strsignal(r->signal));
	else if (r->exit_status > 128)
		snprintf(how, sizeof(how), "ended with status %d (a signal %d)",
			 r->exit_status, r->exit_status - 128);
	else
		snprintf(how, sizeof(how), "ended with status %d%s",
			 r->exit_status, r->exit_status == 127 ?
			 " (it did not find what it calls)" : "");
	return rh_error_set(err, RH_ERR_PROTOCOL, "%s %s%s%s", p->args[0], how,
			    line[0] != '\0' ? ": " : ", and said nothing", line);
}

void program_describe(const char *path, const char *subject,
		      struct buffer *ret)
{
	struct rh_error err = RH_ERROR_INIT;
	struct stat st;

	if (program_check(path, &err) < 0)
		buffer_printf(ret, "fail\t%s\t%s\n", subject, err.text);
	else if (stat(path, &st) == 0)
		buffer_printf(ret, "ok\t%s\t%s: of uid %u, mode %04o\n",
			      subject, path, (unsigned)st.st_uid,
			      (unsigned)st.st_mode & 07777);
}
