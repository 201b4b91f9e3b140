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
 * and is dead when it ends, also if it is killed itself; a port that it chose
 * is nobody else's, even while nothing listens there: it holds an abstract
 * socket named after the port, and the ports lie below the range from which
 * the kernel serves others. One loop, no threads; a step of the loop may run
 * inside an order that waits (keeper_until).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PORT    20000
#define PORT_RANGE    12000
#define START_MS      15000
#define STOP_MS	      3000
#define TRIES	      10
#define REBOOT_STATUS 64 /* a program that ends so wants to be started again   \
			  */

enum machine_type {
	MACHINE_NONE,
	MACHINE_QEMU,
	MACHINE_PROGRAM,
	MACHINE_STATE
};

enum { PORT_BMC, PORT_CONSOLE, PORT_LDAP, PORT_SSH, PORT_HTTP, PORT_COUNT };

static const char *const port_names[PORT_COUNT] = {
	"LAB_BMC_PORT", "LAB_CONSOLE_PORT", "LAB_TCP_LDAP",
	"LAB_TCP_SSH",	"LAB_TCP_HTTP",
};

struct port {
	int number;
	int lock; /* -1: not held */
};

/* Something to do to the machine at a time, monotonic; 0: free. */
struct later {
	int64_t at_ms;
	char act[8];
};

struct keeper {
	const char *script; /* of which _configure is called */
	char **program;	    /* the machine's command line */
	enum machine_type type;
	bool start_off;
	char boots[1024]; /* the faults of the coming boots, by comma */
	struct port ports[PORT_COUNT];
	int signals, owner, orders, ready;
	int wire_listener, wire_control;
	pid_t bmc, wire, machine; /* 0: not running */
	bool on;		  /* what the power button has done */
	int control;		  /* QEMU's monitor, -1: none */
	bool answered, reboot;	  /* seen on the monitor */
	struct later later[16];
	bool ending;
};

static int64_t keeper_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void keeper_log(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void keeper_log(const char *format, ...)
{
	struct timespec ts;
	va_list args;

	clock_gettime(CLOCK_REALTIME, &ts);
	fprintf(stderr, "%lld.%03ld ", (long long)ts.tv_sec,
		ts.tv_nsec / 1000000);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* --- children ------------------------------------------------------------ */

/*
 * Runs in the child: fds become descriptors 0, 1, 2 ... of the program. SIGPIPE
 * stays ignored for ipmi_sim: it dies of it when a client of its console hangs
 * up.
 */
static void child_exec(char *const *argv, const int *fds, int count)
{
	sigset_t none;
	int moved[8];

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (strcmp(argv[0], "ipmi_sim") != 0)
		signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count; i++)
		moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < count; i++)
		dup2(moved[i], i);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t child_start(char *const *argv, const int *fds, int count)
{
	pid_t pid = fork();

	if (pid == 0)
		child_exec(argv, fds, count);
	if (pid < 0) {
		keeper_log("fork: %s", strerror(errno));
		return 0;
	}
	setpgid(pid, pid);
	return pid;
}

static int log_open(const char *name)
{
	return open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* Kills the process group and waits for its leader. */
static void child_kill(pid_t *pid)
{
	if (*pid == 0)
		return;
	kill(-*pid, SIGKILL);
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* The parent of a process, 0 if it is gone. */
static pid_t process_parent(const char *pid)
{
	char path[64], line[512], *end;
	FILE *file;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file) && (end = strrchr(line, ')')))
		sscanf(end + 1, " %*c %d", &parent);
	fclose(file);
	return parent;
}

/*
 * Kills whatever is our child, also by adoption, until there is none: when one
 * dies its own children become ours.
 */
static void children_end(void)
{
	do {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc && (entry = readdir(proc)))
			if (isdigit((unsigned char)entry->d_name[0]) &&
			    process_parent(entry->d_name) == getpid())
				kill(atoi(entry->d_name), SIGKILL);
		if (proc)
			closedir(proc);
	} while (waitpid(-1, NULL, 0) > 0 || errno != ECHILD);
}

/* --- ports --------------------------------------------------------------- */

static bool port_is_free(int number, int type)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(number) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	bool ok;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	close(fd);
	return ok;
}

/* Returns a socket that keeps other labs away from the port, or -1. */
static int port_lock(int number)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1,
			   "rhands-lab-port-%d", number);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&addr,
		 offsetof(struct sockaddr_un, sun_path) + 1 + len) == 0 &&
	    port_is_free(number, SOCK_STREAM) &&
	    port_is_free(number, SOCK_DGRAM))
		return fd;
	close(fd);
	return -1;
}

/* Gives every port a new number. */
static void ports_choose(struct keeper *k)
{
	unsigned int at = 0;

	if (getrandom(&at, sizeof(at), 0) < 0)
		at = getpid();
	for (int i = 0; i < PORT_COUNT; i++) {
		struct port *p = &k->ports[i];
		int lock;

		do {
			p->number = FIRST_PORT + at++ % PORT_RANGE;
			lock = port_lock(p->number);
		} while (lock < 0);
		if (p->lock >= 0)
			close(p->lock);
		p->lock = lock;
	}
}

static void setenv_number(const char *name, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	setenv(name, text, 1);
}

/* Has the script write all that depends on the ports. */
static bool keeper_configure(struct keeper *k)
{
	char *argv[] = { (char *)k->script, (char *)"_configure", NULL };
	int fds[] = { 0, 1, 2 };
	int status = -1;
	pid_t pid;

	for (int i = 0; i < PORT_COUNT; i++)
		setenv_number(port_names[i], k->ports[i].number);
	pid = child_start(argv, fds, 3);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* --- the machine -----------------------------------------------------------
 */

/* Takes the next boot's fault off the list; the last one stays. */
static void machine_next_fault(struct keeper *k)
{
	char fault[sizeof(k->boots)];
	char *comma = strchr(k->boots, ',');
	size_t len = comma ? (size_t)(comma - k->boots) : strlen(k->boots);

	memcpy(fault, k->boots, len);
	fault[len] = '\0';
	if (comma)
		memmove(k->boots, comma + 1, strlen(comma));
	setenv("LAB_BOOT_FAULT", fault, 1);
	keeper_log("machine starts: %s", fault);
}

/* Hands the machine's serial line to the wire. */
static void wire_send(const struct keeper *k, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	char kind = k->type == MACHINE_QEMU ? 't' : 'r';
	struct iovec iov = { .iov_base = &kind, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(k->wire_control, &msg, MSG_NOSIGNAL) < 0)
		keeper_log("wire: %s", strerror(errno));
}

static void machine_control_close(struct keeper *k)
{
	if (k->control >= 0)
		close(k->control);
	k->control = -1;
}

/*
 * Makes a serial line: ends[0] for the wire, ends[1] for the machine. QEMU
 * understands telnet (and so a break) only on a socket on which it listens; the
 * wire's end is connected before QEMU is there to accept, so nothing is missed.
 */
static bool machine_line(const struct keeper *k, int ends[2])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);

	if (k->type != MACHINE_QEMU)
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				  ends) == 0;
	ends[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ends[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(ends[1], (struct sockaddr *)&addr, sizeof(sa_family_t)) ==
		       0 &&
	       listen(ends[1], 1) == 0 &&
	       getsockname(ends[1], (struct sockaddr *)&addr, &len) == 0 &&
	       connect(ends[0], (struct sockaddr *)&addr, len) == 0;
}

static bool machine_spawn(struct keeper *k)
{
	int serial[2], control[2], log;

	if (!machine_line(k, serial) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
		return false;
	wire_send(k, serial[0]);
	close(serial[0]);
	log = log_open("machine.log");
	int fds[] = { serial[1], serial[1], log, control[1] };

	k->machine = child_start(k->program, fds,
				 k->type == MACHINE_QEMU ? 4 : 3);
	close(serial[1]);
	close(control[1]);
	close(log);
	k->control = control[0];
	if (k->type != MACHINE_QEMU)
		machine_control_close(k);
	return k->machine > 0;
}

static bool machine_start(struct keeper *k)
{
	if (k->on)
		return true;
	machine_next_fault(k);
	k->reboot = false;
	k->answered = k->type != MACHINE_QEMU;
	k->on = k->type == MACHINE_STATE || machine_spawn(k);
	return k->on;
}

static void machine_stop(struct keeper *k)
{
	if (!k->on)
		return;
	child_kill(&k->machine);
	machine_control_close(k);
	k->on = false;
	keeper_log("machine off");
}

static void machine_soft(struct keeper *k)
{
	static const char press[] = "{\"execute\":\"system_powerdown\"}\n";

	if (k->type == MACHINE_PROGRAM && k->machine > 0)
		kill(k->machine, SIGTERM);
	else if (k->control >= 0 &&
		 send(k->control, press, strlen(press), MSG_NOSIGNAL) < 0)
		keeper_log("QEMU: %s", strerror(errno));
}

/* Does what the power button does. Returns false for an unknown act. */
static bool machine_act(struct keeper *k, const char *act)
{
	bool ok = true;

	if (strcmp(act, "on") == 0) {
		ok = machine_start(k);
	} else if (strcmp(act, "off") == 0) {
		machine_stop(k);
	} else if (strcmp(act, "reset") == 0 && k->on) {
		machine_stop(k);
		ok = machine_start(k);
	} else if (strcmp(act, "soft") == 0) {
		machine_soft(k);
	} else {
		ok = strcmp(act, "reset") == 0;
	}
	return ok;
}

/*
 * Reads QEMU's monitor: its greeting, and whether the guest wants a reset.
 * Returns false when there was nothing.
 */
static bool machine_control_ready(struct keeper *k)
{
	static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";
	char text[4096];
	ssize_t n = recv(k->control, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		machine_control_close(k);
		return false;
	}
	text[n] = '\0';
	if (!k->answered &&
	    send(k->control, hello, strlen(hello), MSG_NOSIGNAL) > 0)
		k->answered = true;
	if (strstr(text, "\"guest-reset\""))
		k->reboot = true;
	return true;
}

/* The machine's process ended by itself. */
static void machine_ended(struct keeper *k, int status)
{
	while (k->control >= 0 && machine_control_ready(k))
		;
	machine_control_close(k);
	kill(-k->machine, SIGKILL);
	k->machine = 0;
	k->on = false;
	if (k->type == MACHINE_PROGRAM && WIFEXITED(status))
		k->reboot = WEXITSTATUS(status) == REBOOT_STATUS;
	keeper_log("machine ended: status 0x%x%s", status,
		   k->reboot ? ", reboots" : "");
	if (k->reboot)
		machine_start(k);
}

/* --- the loop --------------------------------------------------------------
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
