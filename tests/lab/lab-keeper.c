/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-keeper - the parent of everything that runs in one lab
 *
 * It chooses ports, starts the BMC (ipmi_sim), the wire (lab-wire) and the
 * machine, switches the machine, and takes orders on DIR/keeper.sock, one
 * SOCK_SEQPACKET record each (keeper_orders lists them). lab up returns when
 * it says "ready" on a pipe; it stays in the background until it is told
 * "down", gets SIGTERM, or its owner (-p PID) is gone.
 *
 * Always true: every process of the lab is its descendant (it is a subreaper)
 * and is dead when it ends; if it is killed itself, its children die with it. A
 * port that it chose is nobody else's. One loop, no threads; a step of the loop
 * may run inside an order that waits (keeper_until).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab-keeper.h"

#define START_MS 15000
#define STOP_MS	 3000
#define TRIES	 10

/* --- the loop
 * --------------------------------------------------------------
 */

static void keeper_order(struct keeper *k, int fd);

static void keeper_reap(struct keeper *k)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(k->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGCHLD)
		k->ending = true;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->machine) {
			machine_ended(k, status);
		} else if (pid == k->bmc) {
			k->bmc = 0;
			keeper_log("bmc ended: status 0x%x", status);
		} else if (pid == k->wire) {
			k->wire = 0;
			k->ending = true;
			keeper_log("wire ended: status 0x%x", status);
		}
	}
}

static int keeper_run_later(struct keeper *k, int timeout)
{
	int64_t now = keeper_now_ms();

	for (size_t i = 0; i < sizeof(k->later) / sizeof(k->later[0]); i++) {
		struct later *l = &k->later[i];

		if (l->at_ms == 0)
			continue;
		if (l->at_ms <= now) {
			l->at_ms = 0;
			machine_act(k, l->act);
		} else if (timeout < 0 || l->at_ms - now < timeout) {
			timeout = l->at_ms - now;
		}
	}
	return timeout;
}

/* Waits for at most timeout ms (-1: any time) and handles what came. */
static void keeper_step(struct keeper *k, int timeout)
{
	struct pollfd p[4] = {
		{ .fd = k->signals, .events = POLLIN },
		{ .fd = k->owner, .events = POLLIN },
		{ .fd = k->orders, .events = POLLIN },
		{ .fd = k->control, .events = POLLIN },
	};
	int fd;

	if (poll(p, 4, keeper_run_later(k, timeout)) < 0)
		return;
	if (p[3].revents && k->control >= 0)
		machine_control_ready(k);
	if (p[0].revents)
		keeper_reap(k);
	if (p[1].revents) {
		keeper_log("the owner is gone");
		k->ending = true;
	}
	if (p[2].revents &&
	    (fd = accept4(k->orders, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		keeper_order(k, fd);
}

/* Steps until the condition holds; false: it did not within limit_ms. */
static bool keeper_until(struct keeper *k, bool (*holds)(const struct keeper *),
			 int limit_ms)
{
	int64_t deadline = keeper_now_ms() + limit_ms;

	while (!holds(k)) {
		int64_t left = deadline - keeper_now_ms();

		if (left <= 0 || k->ending)
			return false;
		keeper_step(k, left);
	}
	return true;
}

/* --- the BMC -----------------------------------------------------------------
 */

/* Asks for an ASF presence pong (IPMI 2.0, 13.2.3) until there is one. */
static bool bmc_answers(struct keeper *k)
{
	static const uint8_t ping[] = { 6,    0,    0xff, 6, 0, 0,
					0x11, 0xbe, 0x80, 0, 0, 0 };
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port =
					    htons(k->ports[PORT_BMC].number) };
	int64_t deadline = keeper_now_ms() + START_MS;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool answered = false;
	char pong[64];

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while (k->bmc > 0 && !answered && !k->ending &&
	       keeper_now_ms() < deadline) {
		sendto(fd, ping, sizeof(ping), 0, (struct sockaddr *)&addr,
		       sizeof(addr));
		keeper_step(k, 10);
		answered = recv(fd, pong, sizeof(pong), MSG_DONTWAIT) > 0;
	}
	close(fd);
	return answered;
}

static bool bmc_start(struct keeper *k)
{
	char *argv[] = {
		(char *)"ipmi_sim", (char *)"-c",      (char *)"lan.conf",
		(char *)"-f",	    (char *)"sim.emu", (char *)"-s",
		(char *)"state",    (char *)"-n",      NULL
	};
	int log, fds[3];

	if (k->bmc > 0)
		return true;
	log = log_open("bmc.log");
	fds[0] = STDIN_FILENO;
	fds[1] = fds[2] = log;
	k->bmc = child_start(argv, fds, 3);
	close(log);
	return bmc_answers(k);
}

static bool bmc_is_gone(const struct keeper *k)
{
	return k->bmc == 0;
}

static void bmc_stop(struct keeper *k)
{
	if (k->bmc > 0) {
		kill(k->bmc, SIGTERM);
		kill(-k->bmc, SIGCONT);
		keeper_until(k, bmc_is_gone, STOP_MS);
	}
	child_kill(&k->bmc);
}

static bool bmc_act(struct keeper *k, const char *act)
{
	bool ok = true;

	keeper_log("bmc %s", act);
	if (strcmp(act, "start") == 0) {
		ok = bmc_start(k);
	} else if (strcmp(act, "restart") == 0) {
		bmc_stop(k);
		ok = bmc_start(k);
	} else if (strcmp(act, "stop") == 0) {
		bmc_stop(k);
	} else if (strcmp(act, "kill") == 0) {
		child_kill(&k->bmc);
	} else if (k->bmc == 0) {
		ok = false;
	} else if (strcmp(act, "pause") == 0) {
		kill(-k->bmc, SIGSTOP);
	} else if (strcmp(act, "continue") == 0) {
		kill(-k->bmc, SIGCONT);
	} else {
		ok = false;
	}
	return ok;
}

/* --- orders
 * -------------------------------------------------------------------- */

static const char *order_power(struct keeper *k, const char *act)
{
	if (strcmp(act, "status") == 0)
		return k->on ? "on" : "off";
	return machine_act(k, act) ? "ok"
				   : "error: the machine does not do that";
}

static const char *order_bmc(struct keeper *k, const char *act)
{
	if (strcmp(act, "status") == 0)
		return k->bmc > 0 ? "on" : "off";
	return bmc_act(k, act) ? "ok" : "error: the BMC does not do that";
}

static const char *order_boot(struct keeper *k, const char *faults)
{
	snprintf(k->boots, sizeof(k->boots), "%s", faults);
	return "ok";
}

static const char *order_later(struct keeper *k, const char *words)
{
	struct later *l = k->later;
	char act[8];
	int ms;

	if (sscanf(words, "%d %7s", &ms, act) != 2)
		return "error: later MS ACT";
	while (l < k->later + 16 && l->at_ms != 0)
		l++;
	if (l == k->later + 16)
		return "error: too much to do later";
	memcpy(l->act, act, sizeof(act));
	l->at_ms = keeper_now_ms() + ms;
	return "ok";
}

static const char *order_forget(struct keeper *k, const char *unused)
{
	(void)unused;
	memset(k->later, 0, sizeof(k->later));
	return "ok";
}

static const char *order_down(struct keeper *k, const char *unused)
{
	(void)unused;
	k->ending = true;
	return "ok";
}

static const struct {
	const char *word;
	const char *(*run)(struct keeper *k, const char *rest);
} keeper_orders[] = {
	{ "power", order_power },   /* on | off | reset | soft | status */
	{ "bmc", order_bmc },	    /* start | stop | restart | kill | pause |
				       continue | status */
	{ "boot", order_boot },	    /* FAULT[,FAULT...] */
	{ "later", order_later },   /* MS on | off | reset | soft */
	{ "forget", order_forget }, /* what was to be done later */
	{ "down", order_down },
};

static void keeper_order(struct keeper *k, int fd)
{
	const char *answer = "error: unknown order";
	char text[1024], *rest;
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	rest = strchr(text, ' ');
	if (rest)
		*rest++ = '\0';
	for (size_t i = 0; i < sizeof(keeper_orders) / sizeof(keeper_orders[0]);
	     i++)
		if (strcmp(text, keeper_orders[i].word) == 0)
			answer = keeper_orders[i].run(k, rest ? rest : "");
	if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
		keeper_log("answer: %s", strerror(errno));
	if (!k->ending)
		close(fd); /* otherwise our end closes it, and tells that all is
			      down */
}

/* --- from nothing to ready, and back
 * -------------------------------------------- */

/* Opens the socket for orders; -1 when another keeper has this directory. */
static int orders_open(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
				    .sun_path = "keeper.sock" };
	int lock = open("keeper.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return -1;
	unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 64) < 0)
		return -1;
	return fd;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool wire_start(struct keeper *k)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	char path[PATH_MAX];
	char *argv[] = { path, NULL };
	int control[2];

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	k->wire_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(k->wire_listener, (struct sockaddr *)&addr, len) < 0 ||
	    listen(k->wire_listener, 4) < 0 ||
	    getsockname(k->wire_listener, (struct sockaddr *)&addr, &len) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/lab-wire", getenv("LAB_BIN"));
	int fds[] = { 0, 1, 2, k->wire_listener, control[1] };

	k->wire = child_start(argv, fds, 5);
	k->wire_control = control[0];
	close(control[1]);
	setenv_number("LAB_WIRE_PORT", ntohs(addr.sin_port));
	return k->wire > 0;
}

static bool machine_answered(const struct keeper *k)
{
	return k->answered || !k->on;
}

/* Has the script write all that depends on the ports. */
static bool keeper_configure(struct keeper *k)
{
	char *argv[] = { (char *)k->script, (char *)"_configure", NULL };
	int fds[] = { 0, 1, 2 };
	int status = -1;
	pid_t pid;

	pid = child_start(argv, fds, 3);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* One attempt, with new ports. */
static bool keeper_start(struct keeper *k)
{
	ports_choose(k);
	if (!keeper_configure(k) || !bmc_start(k))
		return false;
	if (k->start_off)
		return true;
	return machine_start(k) &&
	       keeper_until(k, machine_answered, START_MS) && k->answered;
}

static void keeper_say(struct keeper *k, const char *text)
{
	if (write(k->ready, text, strlen(text)) < 0)
		k->ending = true; /* lab up is gone */
	close(k->ready);
}

static void keeper_run(struct keeper *k)
{
	char boots[sizeof(k->boots)];
	bool up = false;

	k->signals = signals_open();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	k->orders = orders_open();
	if (k->orders < 0) {
		keeper_say(k, "a lab is up in this directory");
		return;
	}
	memcpy(boots, k->boots, sizeof(boots));
	setenv("LAB_WIRE_PORT", "0", 1);
	if (k->type == MACHINE_STATE || wire_start(k))
		for (int i = 0; i < TRIES && !up && !k->ending; i++) {
			machine_stop(k);
			child_kill(&k->bmc);
			memcpy(k->boots, boots, sizeof(boots));
			up = keeper_start(k);
		}
	keeper_say(
		k,
		up ? "ready"
		   : "it does not start; see keeper.log, bmc.log, machine.log");
	keeper_log(up ? "ready" : "not started");
	while (up && !k->ending)
		keeper_step(k, -1);
	unlink("keeper.sock");
	children_end();
	keeper_log("down");
}

/* Becomes a daemon with its output in keeper.log. Returns in the child. */
static void keeper_detach(struct keeper *k)
{
	int pipe_fds[2], log;
	char answer[256];
	ssize_t n;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		exit(1);
	if (fork() != 0) {
		close(pipe_fds[1]);
		n = read(pipe_fds[0], answer, sizeof(answer) - 1);
		answer[n > 0 ? n : 0] = '\0';
		if (strcmp(answer, "ready") == 0)
			exit(0);
		fprintf(stderr, "lab: %s\n",
			n > 0 ? answer : "the keeper died");
		exit(1);
	}
	setsid();
	close(pipe_fds[0]);
	k->ready = pipe_fds[1];
	log = log_open("keeper.log");
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
	dup2(log, 1);
	dup2(log, 2);
	close(log);
}

static void keeper_owner(struct keeper *k, const char *pid)
{
	k->owner = syscall(SYS_pidfd_open, atoi(pid), 0);
	if (k->owner < 0) {
		fprintf(stderr, "lab: owner %s: %s\n", pid, strerror(errno));
		exit(1);
	}
	fcntl(k->owner, F_SETFD, FD_CLOEXEC);
}

static enum machine_type machine_type_parse(const char *name)
{
	if (strcmp(name, "qemu") == 0)
		return MACHINE_QEMU;
	return strcmp(name, "state") == 0 ? MACHINE_STATE : MACHINE_PROGRAM;
}

static void keeper_parse(struct keeper *k, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+0b:c:p:t:")) != -1) {
		switch (c) {
		case '0':
			k->start_off = true;
			break;
		case 'b':
			snprintf(k->boots, sizeof(k->boots), "%s", optarg);
			break;
		case 'c':
			k->script = optarg;
			break;
		case 'p':
			keeper_owner(k, optarg);
			break;
		case 't':
			k->type = machine_type_parse(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (optind >= argc || !k->script || k->type == MACHINE_NONE) {
		fprintf(stderr,
			"usage: lab-keeper [-0] [-p OWNER] -b FAULTS -c SCRIPT "
			"-t qemu|program|state DIR [PROGRAM...]\n");
		exit(2);
	}
	if (chdir(argv[optind]) < 0) {
		perror(argv[optind]);
		exit(1);
	}
	k->program = argv + optind + 1;
}

int main(int argc, char **argv)
{
	static struct keeper k = { .owner = -1,
				   .control = -1,
				   .wire_control = -1 };

	syscall(SYS_close_range, 3, ~0U, 0);
	for (int i = 0; i < PORT_COUNT; i++)
		k.ports[i].lock = -1;
	keeper_parse(&k, argc, argv);
	keeper_detach(&k);
	keeper_run(&k);
	return 0;
}
