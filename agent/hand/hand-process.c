/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the process of a hand begins and ends, seen from the brain. hand.c
 * comes in when the socket has ended (hand_reap) or the hand must not live on.
 *
 * Always true: the process is waited for once, after the end of its socket;
 * nothing here blocks but hand_free. Where the process is not gone by then,
 * the descriptor becomes a pidfd.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hand/hand-private.h"
#include "base/deadline.h"
#include "base/memory.h"

#define HAND_STOP_MS 1000	/* from asking it to end to killing it */
#define HAND_SOCKET_SIZE (128 * 1024)

/* --- Beginning --- */

static pid_t hand_fork(const char *name, const struct hand_work *work, int fd)
{
	sigset_t all, before;
	pid_t pid;

	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		hand_child_run(name, work, fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static struct hand *hand_begin(const char *name, const struct hand_work *work,
			       struct rh_error *err)
{
	const int size = HAND_SOCKET_SIZE;
	struct hand *h;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno,
				   "%s: a socket for a hand", name);
		return NULL;
	}
	/* The largest answer must fit, whatever the system's default is. */
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid = hand_fork(name, work, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno,
				   "%s: a process for a hand", name);
		close(fds[0]);
		return NULL;
	}
	h = memory_new(1, sizeof(*h));
	h->name = memory_copy(name);
	h->pid = pid;
	h->fd = fds[0];
	h->stage = HAND_STAGE_LIVE;
	h->kill_at = DEADLINE_NEVER;
	h->fleet_count = work->fleet_count;
	return h;
}

struct hand *hand_start(const char *name, const struct driver *driver,
			const struct settings *settings, struct rh_error *err)
{
	const struct hand_work work = { .driver = driver,
					.settings = settings };

	return hand_begin(name, &work, err);
}

struct hand *hand_start_fleet(const char *name, const struct driver *driver,
			      const struct settings *const *settings,
			      size_t count, int at_once, struct rh_error *err)
{
	const struct hand_work work = { .driver = driver, .fleet = settings,
					.fleet_count = count,
					.at_once = at_once };

	return hand_begin(name, &work, err);
}

/* --- Ending --- */

bool hand_is_gone(const struct hand *h)
{
	return h->stage == HAND_STAGE_GONE || h->stage == HAND_STAGE_ENDED;
}

void hand_stop(struct hand *h)
{
	if (h->stage != HAND_STAGE_LIVE)
		return;
	/* The hand sees the end of its requests, we still see its answers. */
	(void)shutdown(h->fd, SHUT_WR);
	h->stage = HAND_STAGE_STOPPING;
	h->kill_at = deadline_in(HAND_STOP_MS);
}

void hand_kill_because(struct hand *h, const struct rh_error *why)
{
	if (h->stage == HAND_STAGE_KILLED || hand_is_gone(h))
		return;
	if (h->why.code == RH_ERR_NONE)
		h->why = *why;
	kill(h->pid, SIGKILL);
	h->stage = HAND_STAGE_KILLED;
	h->kill_at = DEADLINE_NEVER;
}

void hand_kill(struct hand *h)
{
	struct rh_error why = RH_ERROR_INIT;

	rh_error_set(&why, RH_ERR_CANCELLED, "killed, as we were asked to");
	hand_kill_because(h, &why);
}

void hand_describe_end(const struct hand *h, struct rh_error *ret)
{
	const char *name;
	int sig;

	*ret = h->why;
	if (ret->code != RH_ERR_NONE)
		return;
	if (WIFSIGNALED(h->status)) {
		sig = WTERMSIG(h->status);
		name = sigabbrev_np(sig);
		rh_error_set(ret, RH_ERR_CRASHED, "the hand died of SIG%s%s",
			     name != NULL ? name : "?",
			     sig == SIGSYS ? ": a forbidden system call" :
			     sig == SIGALRM ? ": its driver did not return" :
			     "");
	} else if (!WIFEXITED(h->status)) {
		rh_error_set(ret, RH_ERR_CRASHED,
			     "the hand is gone, nobody knows how");
	} else if (h->kill_at == DEADLINE_NEVER || WEXITSTATUS(h->status) != 0) {
		rh_error_set(ret, RH_ERR_CRASHED,
			     "the hand exited unasked, status %d",
			     WEXITSTATUS(h->status));
	}
}

void hand_reap(struct hand *h)
{
	struct rh_error err = RH_ERROR_INIT;
	pid_t pid;

	pid = waitpid(h->pid, &h->status, WNOHANG);
	if (pid == 0) {
		/* Of no use without a socket; no change where it is ending. */
		kill(h->pid, SIGKILL);
		pid = waitpid(h->pid, &h->status, WNOHANG);
	}
	if (pid == 0) {
		if (!h->fd_is_process) {
			close(h->fd);
			h->fd = (int)syscall(SYS_pidfd_open, h->pid, 0);
			h->fd_is_process = true;
		}
		if (h->fd >= 0)
			return;
		pid = waitpid(h->pid, &h->status, 0);
	}
	if (pid < 0)
		h->status = 0x7f;	/* neither exited nor signalled */
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	hand_describe_end(h, &err);
	hand_end_pending(h, err.code == RH_ERR_PROTOCOL ? RH_ERR_PROTOCOL :
			 RH_ERR_CRASHED,
			 err.code == RH_ERR_NONE ? "the hand was stopped" :
			 err.text);
	h->stage = HAND_STAGE_GONE;
}

/* --- The last of it --- */

/* True: the process is gone or was waited for. */
static bool hand_wait_end(const struct hand *h, int64_t deadline)
{
	struct pollfd p = { .events = POLLIN };
	int rc;

	p.fd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	if (p.fd < 0)
		return false;
	do {
		rc = poll(&p, 1, deadline_poll_ms(deadline));
	} while (rc < 0 && errno == EINTR);
	close(p.fd);
	return rc > 0;
}

void hand_free(struct hand *h)
{
	if (h == NULL)
		return;
	if (!hand_is_gone(h)) {
		if (h->fd >= 0)
			close(h->fd);
		if (h->stage == HAND_STAGE_KILLED ||
		    !hand_wait_end(h, deadline_in(HAND_STOP_MS)))
			kill(h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, 0);
	}
	free(h->name);
	free(h);
}
