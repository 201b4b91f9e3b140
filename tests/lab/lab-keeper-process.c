/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lab-keeper-process - the keeper's children, ports and log
 *
 * Always true: a child is in a process group of its own and is killed by the
 * kernel when the keeper dies. A port that was chosen stays the keeper's, also
 * while nothing listens there: an abstract socket named after it keeps other
 * labs away, and the ports lie below the range from which the kernel serves
 * other programs.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab-keeper.h"

#define FIRST_PORT 20000
#define PORT_RANGE 12000

static const char *const port_names[PORT_COUNT] = {
	"LAB_BMC_PORT", "LAB_CONSOLE_PORT", "LAB_TCP_LDAP",
	"LAB_TCP_SSH",	"LAB_TCP_HTTP",
};

int64_t keeper_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void keeper_log(const char *format, ...)
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

pid_t child_start(char *const *argv, const int *fds, int count)
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

int log_open(const char *name)
{
	return open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* Kills the process group and waits for its leader. */
void child_kill(pid_t *pid)
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
void children_end(void)
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

void setenv_number(const char *name, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	setenv(name, text, 1);
}

/* Gives every port a new number. */
void ports_choose(struct keeper *k)
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
		setenv_number(port_names[i], p->number);
	}
}
