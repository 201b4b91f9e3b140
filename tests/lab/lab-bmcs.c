/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-bmcs - many BMCs (ipmi_sim) on 127.0.0.1, each a process
 *
 *   lab-bmcs [--silent N] [--spread] [--owner PID] DIR COUNT
 *
 * Every fifth machine is on, the others are off: their BMCs say so by
 * themselves, no machine is behind them. --silent adds N ports that take
 * packets and never answer. --spread gives each an address of its own, for
 * programs that name a BMC without its port. When all BMCs answer it writes
 * DIR/ports, a line "PORT on|off|silent ADDRESS" each, and prints "ready". User admin, password labpass.
 * It ends with SIGTERM, with its owner, or when a BMC ends, and ends its
 * BMCs; they end with it, however it ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BMCS_MAX 4000
#define BMCS_ON_EVERY 5
#define BMCS_READY_S 60
#define BMCS_PORT_FIRST 11000
#define BMCS_PORT_COUNT 20000
#define BMCS_AT_ONCE 16		/* that start at a time */

struct bmc {
	int port;
	int fd;			/* of the port, until all have one; a silent one's stays */
	pid_t pid;
};

static struct bmc bmcs[BMCS_MAX];
static int count, silent;
static bool spread;

static void die(const char *what)
{
	fprintf(stderr, "lab-bmcs: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool is_on(int i)
{
	return i % BMCS_ON_EVERY == 0;
}

static struct sockaddr_in address(int i)
{
	const unsigned net = spread ? INADDR_LOOPBACK + 0x400000U +
				      ((unsigned)i / 250 << 8) +
				      (unsigned)i % 250 :
				      INADDR_LOOPBACK;
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_addr.s_addr = htonl(net);
	addr.sin_port = htons((unsigned short)bmcs[i].port);
	return addr;
}

/* A free port, below those that the system gives to anybody who asks. */
static int take_port(int i)
{
	static int next;
	struct sockaddr_in addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), tries;

	if (next == 0)
		next = BMCS_PORT_FIRST + getpid() % BMCS_PORT_COUNT;
	for (tries = 0; tries < BMCS_PORT_COUNT; tries++) {
		bmcs[i].port = next;
		if (++next == BMCS_PORT_FIRST + BMCS_PORT_COUNT)
			next = BMCS_PORT_FIRST;
		addr = address(i);
		if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
			return fd;
	}
	die("a port");
	return -1;
}

static void write_config(const struct bmc *b, int i)
{
	const struct sockaddr_in addr = address(i);
	FILE *f;

	(void)mkdir("state", 0700);
	f = fopen("lan.conf", "w");
	if (f == NULL)
		die("lan.conf");
	fprintf(f, "name \"bmc\"\nset_working_mc 0x20\n  startlan 1\n"
		"    addr %s %d\n    priv_limit admin\n"
		"    allowed_auths_admin none md2 md5 straight\n"
		"    guid a1234567a9abcdefa1234567%08x\n  endlan\n"
		"  startnow false\n%s"
		"  user 2 true \"admin\" \"labpass\" admin 10 none md2 md5 "
		"straight\n", inet_ntoa(addr.sin_addr), b->port,
		(unsigned)i + 1,
		is_on(i) ? "  chassis_control \"echo power:1 #\"\n" : "");
	fclose(f);
	f = fopen("sim.emu", "w");
	if (f == NULL)
		die("sim.emu");
	fprintf(f, "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f "
		"0x1291 0xf02 persist_sdr\nmc_enable 0x20\n");
	fclose(f);
}

static _Noreturn void run_bmc(struct bmc *b, int i)
{
	char name[32];
	sigset_t none;
	int fd;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "bmc%d", i + 1);
	(void)mkdir(name, 0700);
	if (chdir(name) < 0)
		die(name);
	write_config(b, i);
	fd = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(fd, 1);
	dup2(fd, 2);
	execlp("ipmi_sim", "ipmi_sim", "-n", "-c", "lan.conf", "-f", "sim.emu",
	       "-s", "state", (char *)NULL);
	die("ipmi_sim");
	_exit(1);
}

/* Whether it answers a question that needs no session (IPMI 2.0, 22.13). */
static bool answers(int i)
{
	static const unsigned char question[] = {
		0x06, 0x00, 0xff, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x09, 0x20, 0x18, 0xc8, 0x81, 0x00, 0x38,
		0x8e, 0x04, 0xb5,
	};
	const struct sockaddr_in addr = address(i);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool there;

	there = fd >= 0 &&
		connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		send(fd, question, sizeof(question), 0) > 0 &&
		poll(&p, 1, 200) > 0 && (p.revents & POLLERR) == 0;
	close(fd);
	return there;
}

static void wait_ready(int i, time_t limit)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	while (!answers(i)) {
		if (time(NULL) > limit || waitpid(bmcs[i].pid, NULL, WNOHANG) > 0) {
			fprintf(stderr, "lab-bmcs: bmc%d does not answer\n",
				i + 1);
			exit(1);
		}
		nanosleep(&pause, NULL);
	}
}

static void start(void)
{
	time_t limit = time(NULL) + BMCS_READY_S;
	int i;

	for (i = 0; i < count + silent; i++)
		bmcs[i].fd = take_port(i);
	/* before the first fork: a child would hold them until it is another */
	for (i = 0; i < count; i++)
		close(bmcs[i].fd);
	for (i = 0; i < count; i++) {
		bmcs[i].pid = fork();
		if (bmcs[i].pid == 0)
			run_bmc(&bmcs[i], i);
		if (bmcs[i].pid < 0)
			die("fork");
		if (i >= BMCS_AT_ONCE)
			wait_ready(i - BMCS_AT_ONCE, limit);
	}
	for (i = count > BMCS_AT_ONCE ? count - BMCS_AT_ONCE : 0; i < count; i++)
		wait_ready(i, limit);
}

static void tell(void)
{
	FILE *f = fopen("ports.new", "w");
	int i;

	if (f == NULL)
		die("ports");
	for (i = 0; i < count + silent; i++)
		fprintf(f, "%d %s %s\n", bmcs[i].port,
			i >= count ? "silent" : is_on(i) ? "on" : "off",
			inet_ntoa(address(i).sin_addr));
	if (fclose(f) != 0 || rename("ports.new", "ports") < 0)
		die("ports");
	puts("ready");
	fflush(stdout);
}

static void more_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "silent", required_argument, NULL, 's' },
		{ "spread", no_argument, NULL, 'a' },
		{ "owner", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c, owner = -1;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's')
			silent = atoi(optarg);
		else if (c == 'a')
			spread = true;
		else if (c == 'p')
			owner = (int)syscall(SYS_pidfd_open, atoi(optarg), 0);
		else
			exit(2);
	}
	if (argc - optind == 2)
		count = atoi(argv[optind + 1]);
	if (count < 1 || silent < 0 || count + silent > BMCS_MAX) {
		fprintf(stderr, "usage: lab-bmcs [--silent N] [--spread] "
			"[--owner PID] DIR COUNT\n");
		exit(2);
	}
	(void)mkdir(argv[optind], 0700);
	if (chdir(argv[optind]) < 0)
		die(argv[optind]);
	return owner;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	sigset_t set;

	fds[0].fd = options(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC);
	more_descriptors();
	start();
	tell();
	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return 0;
}
