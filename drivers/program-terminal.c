/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs on a pseudo-terminal, for consoles. Drivers come in by
 * program_terminal_start; the terminal is raw from the start, so that nothing
 * is echoed or translated here. Its standard error is a pipe: what the
 * program says about itself does not mix with what the console says.
 *
 * We keep no descriptor of the program's side: when the last process that
 * has it is gone, a read ends with EIO, and all that was written has been read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/deadline.h"
#include "drivers/program-private.h"

#define PROGRAM_ERRORS_KEPT 4096

/* The program's side of a new terminal; *ret_master is ours. -1: IO. */
static int program_open_terminal(int *ret_master, struct rh_error *err)
{
	const struct winsize size = { .ws_row = 25, .ws_col = 80 };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct termios mode;
	char name[64];
	int slave = -1;

	if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
	    ptsname_r(master, name, sizeof(name)) == 0)
		slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &mode) < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "pseudo-terminal");
		if (slave >= 0)
			close(slave);
		if (master >= 0)
			close(master);
		return -1;
	}
	cfmakeraw(&mode);
	(void)tcsetattr(slave, TCSANOW, &mode);
	(void)ioctl(slave, TIOCSWINSZ, &size);
	*ret_master = master;
	return slave;
}

int program_terminal_start(const struct program *p, bool hangup,
			   struct program_terminal *ret, struct rh_error *err)
{
	struct program_start s = { .secret = -1, .controls = hangup,
				   .no_hangup = !hangup };
	int errors[2], slave, rc = -1;

	slave = program_open_terminal(&ret->fd, err);
	if (slave < 0)
		return -1;
	if (pipe2(errors, O_CLOEXEC) < 0) {
		close(slave);
		close(ret->fd);
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	}
	(void)fcntl(errors[0], F_SETFL, O_NONBLOCK);
	s.stdio[0] = s.stdio[1] = slave;
	s.stdio[2] = errors[1];
	if (p->secret != NULL)
		s.secret = program_filled_pipe(p->secret, p->secret_len, err);
	if (p->secret == NULL || s.secret >= 0)
		rc = program_launch(p, &s, &ret->pid, &ret->ended, err);
	if (s.secret >= 0)
		close(s.secret);
	close(slave);
	close(errors[1]);
	ret->errors = errors[0];
	if (rc < 0) {
		close(ret->fd);
		close(ret->errors);
		ret->pid = 0;
	}
	return rc;
}

static void program_terminal_errors(struct program_terminal *t)
{
	if (t->pid > 0 && t->errors >= 0 &&
	    !program_drain(t->errors, &t->error_text, PROGRAM_ERRORS_KEPT)) {
		close(t->errors);
		t->errors = -1;
	}
}

int program_terminal_pollfds(const struct program_terminal *t,
			     struct pollfd *fds, int max)
{
	int count = 0;

	if (t->pid > 0 && count < max)
		fds[count++] = (struct pollfd){ .fd = t->fd, .events = POLLIN };
	if (t->pid > 0 && t->errors >= 0 && count < max)
		fds[count++] = (struct pollfd){ .fd = t->errors,
						.events = POLLIN };
	return count;
}

int program_terminal_gone(struct program_terminal *t, enum rh_code code,
			  struct rh_error *err)
{
	char line[240];

	program_terminal_errors(t);
	program_last_line(&t->error_text, line, sizeof(line));
	return rh_error_set(err, code,
			    "the program of this console has ended%s%s",
			    line[0] != '\0' ? ": " : "", line);
}

/* There is no descriptor of ours then: 0 would be somebody else's. */
static int program_terminal_none(struct rh_error *err)
{
	return rh_error_set(err, RH_ERR_LOST, "no console program runs");
}

int program_terminal_read(struct program_terminal *t, void *bytes, size_t size,
			  struct rh_error *err)
{
	ssize_t n;

	if (t->pid <= 0)
		return program_terminal_none(err);
	do {
		n = read(t->fd, bytes, size);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return (int)n;
	/* Only now: what it says about itself is not urgent. */
	if (n < 0 && errno == EAGAIN) {
		program_terminal_errors(t);
		return 0;
	}
	return program_terminal_gone(t, RH_ERR_LOST, err);
}

int program_terminal_write(struct program_terminal *t, const void *bytes,
			   size_t len, struct rh_error *err)
{
	ssize_t n;

	if (t->pid <= 0)
		return program_terminal_none(err);
	do {
		n = write(t->fd, bytes, len);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (int)n;
	if (errno == EAGAIN)
		return 0;
	return program_terminal_gone(t, RH_ERR_LOST, err);
}

bool program_terminal_close(struct program_terminal *t, int64_t deadline)
{
	struct pollfd p = { .fd = t->ended, .events = POLLIN };
	bool ended = true;
	int rc;

	if (t->pid > 0) {
		close(t->fd);
		do {
			rc = poll(&p, 1, deadline_poll_ms(deadline));
		} while (rc < 0 && errno == EINTR);
		ended = rc > 0;
		program_terminal_errors(t);
		(void)program_reap(t->pid);
		close(t->ended);
		if (t->errors >= 0)
			close(t->errors);
		t->pid = 0;
	}
	buffer_release(&t->error_text);
	return ended;
}
