/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is around a driver under test: counterparts that say nothing, an
 * environment that nobody should read, the commands by which the real counterpart
 * is asked and hurt, and a process that looks at the driver's children.
 *
 * The sinks are open from the start to the end, in this process: the kernel
 * accepts for them, and whoever came is found in their queues afterwards.
 */
#include "tests/lab/conformance.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* --- sinks ----------------------------------------------------------------------- */

static struct {
	int tcp, udp, pty;		/* descriptors */
	char tcp_port[8], udp_port[8], pty_path[64];
	char tcp_closed[8], udp_closed[8];
} sink;

/*
 * A socket on a free port of 127.0.0.1; not above 32767 where it is one of
 * UDP, for libipmiconsole.
 */
static int world_bind(int type, char ret_port[8])
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int small = 4096;
	unsigned port;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (port = 20000 + (unsigned)getpid() % 6000; port < 32000; port++) {
		a.sin_port = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			break;
	}
	snprintf(ret_port, 8, "%u", port);
	return fd;
}

static int world_pty(char *ret_path, size_t size)
{
	struct termios raw;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 ||
	    ptsname_r(fd, ret_path, size) != 0 || tcgetattr(fd, &raw) < 0)
		return -1;
	/* a serial line has no echo of its own */
	cfmakeraw(&raw);
	(void)tcsetattr(fd, TCSANOW, &raw);
	return fd;
}

void conf_sinks_start(void)
{
	sink.tcp = world_bind(SOCK_STREAM, sink.tcp_port);
	(void)listen(sink.tcp, 64);
	sink.udp = world_bind(SOCK_DGRAM, sink.udp_port);
	sink.pty = world_pty(sink.pty_path, sizeof(sink.pty_path));
	/* bound by nobody in a moment */
	close(world_bind(SOCK_STREAM, sink.tcp_closed));
	close(world_bind(SOCK_DGRAM, sink.udp_closed));
	conf_tcp_port = (uint16_t)atoi(sink.tcp_port);
}

const char *conf_sink_name(const char *name)
{
	static const struct {
		const char *name, *value;
	} names[] = {
		{ "TCP-SINK", sink.tcp_port },
		{ "UDP-SINK", sink.udp_port },
		{ "PTY-SINK", sink.pty_path },
		{ "TCP-CLOSED", sink.tcp_closed },
		{ "UDP-CLOSED", sink.udp_closed },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].value;
	}
	return NULL;
}

int conf_sinks_visits(void)
{
	char bytes[4096];
	int fd, count = 0;

	while ((fd = accept(sink.tcp, NULL, NULL)) >= 0) {
		close(fd);
		count++;
	}
	while (recv(sink.udp, bytes, sizeof(bytes), 0) >= 0)
		count++;
	while (sink.pty >= 0 && read(sink.pty, bytes, sizeof(bytes)) > 0)
		count++;
	return count;
}

/* --- the environment --------------------------------------------------------------- */

static char **world_environment;	/* of old, for our own commands */
static int world_agent;
static struct sockaddr_un world_agent_at = { .sun_family = AF_UNIX };

void conf_poison_environment(void)
{
	static char *poison[] = {
		NULL, "HOME=/nonexistent", "PATH=/nonexistent", "USER=nobody",
		"LOGNAME=nobody", "IPMITOOL_PASSWORD=wrong",
		"IPMI_PASSWORD=wrong", "TERM=poison", "LANG=poison", NULL,
	};

	snprintf(world_agent_at.sun_path, sizeof(world_agent_at.sun_path),
		 "/tmp/conformance.%d.agent", (int)getpid());
	(void)unlink(world_agent_at.sun_path);
	world_agent = socket(AF_UNIX,
			     SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)bind(world_agent, (struct sockaddr *)&world_agent_at,
		   sizeof(world_agent_at));
	(void)listen(world_agent, 4);
	poison[0] = memory_format("SSH_AUTH_SOCK=%s",
				  world_agent_at.sun_path);
	world_environment = environ;
	environ = poison;
}

int conf_poison_taken(void)
{
	int fd, count = 0;

	while ((fd = accept(world_agent, NULL, NULL)) >= 0) {
		close(fd);
		count++;
	}
	return count;
}

void conf_sinks_stop(void)
{
	close(sink.tcp);
	close(sink.udp);
	if (sink.pty >= 0)
		close(sink.pty);
	close(world_agent);
	(void)unlink(world_agent_at.sun_path);
	free(environ[0]);
	environ = world_environment;
}

/* --- commands ---------------------------------------------------------------------- */

int conf_command(const char *command, struct buffer *ret_out)
{
	const char *args[] = { "/bin/sh", "-c", command, NULL };
	posix_spawn_file_actions_t actions;
	int p[2], status = -1;
	char bytes[4096];
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, args[0], &actions, NULL, (char *const *)args,
			world_environment) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	close(p[1]);
	while ((n = read(p[0], bytes, sizeof(bytes))) > 0)
		buffer_append(ret_out, bytes, (size_t)n);
	close(p[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool conf_do(const char *key)
{
	const char *command = conf_word(key);
	struct buffer out = { 0 };
	int status;

	if (command == NULL)
		return true;
	status = conf_command(command, &out);
	conf_check(status == 0, "%s: status %d: %s", key, status,
		   buffer_text(&out));
	buffer_release(&out);
	return status == 0;
}

bool conf_until(const char *key, const char *text)
{
	const char *command = conf_need(key);
	int64_t deadline = deadline_in(10000);
	struct buffer out = { 0 };
	bool seen = false;

	while (command != NULL && !seen && deadline_now() < deadline) {
		buffer_clear(&out);
		seen = conf_command(command, &out) == 0 &&
		       strstr(buffer_text(&out), text) != NULL;
		if (!seen)
			poll(NULL, 0, 20);
	}
	conf_check(seen, "%s: never \"%s\", but \"%s\"", key, text,
		   buffer_text(&out));
	buffer_release(&out);
	return seen;
}

int conf_acts(void)
{
	struct buffer out = { 0 };
	int count = 0;

	if (conf_word("acts") != NULL) {
		(void)conf_command(conf_word("acts"), &out);
		count = atoi(buffer_text(&out));
	}
	buffer_release(&out);
	return count;
}

long conf_heard(void)
{
	struct stat st;

	if (conf_word("heard") == NULL)
		return -1;
	return stat(conf_word("heard"), &st) == 0 ? (long)st.st_size : 0;
}

/* --- our children, seen by another process ------------------------------------------- */

static ssize_t world_read_proc(const char *pid, const char *file, char *bytes,
			       size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, bytes, size - 1);
	close(fd);
	if (n >= 0)
		bytes[n] = '\0';
	return n;
}

/* The parent of a process, 0: it is gone. */
static pid_t world_parent(const char *pid)
{
	char bytes[512], *at;

	if (world_read_proc(pid, "stat", bytes, sizeof(bytes)) <= 0 ||
	    (at = strrchr(bytes, ')')) == NULL)
		return 0;
	return (pid_t)atoi(at + 3);
}

static bool world_descends(const char *pid, pid_t from, pid_t but)
{
	char number[16];
	pid_t at = (pid_t)atoi(pid);

	while (at > 1 && at != from && at != but) {
		snprintf(number, sizeof(number), "%d", (int)at);
		at = world_parent(number);
	}
	return at == from && atoi(pid) != (int)from;
}

static bool world_is_shell(const char *command)
{
	static const char *const shells[] = { "sh", "bash", "dash", "zsh",
					      "ksh", NULL };
	const char *name = strrchr(command, '/');
	int i;

	name = name != NULL ? name + 1 : command;
	for (i = 0; shells[i] != NULL; i++) {
		if (strcmp(shells[i], name) == 0)
			return true;
	}
	return false;
}

static void world_look_at(const char *pid, struct conf_watched *w)
{
	char command[4096], environment[16384];
	ssize_t command_len, environment_len;
	bool shell, secret;

	command_len = world_read_proc(pid, "cmdline", command,
				      sizeof(command));
	environment_len = world_read_proc(pid, "environ", environment,
					  sizeof(environment));
	if (command_len <= 0)
		return;
	/* of a script, the interpreter is the kernel's choice */
	shell = world_is_shell(command) &&
		strcmp(command + strlen(command) + 1, "-c") == 0;
	secret = conf_has_secret(command, (size_t)command_len) ||
		 (environment_len > 0 &&
		  conf_has_secret(environment, (size_t)environment_len));
	w->children++;
	w->shells += shell;
	w->secrets += secret;
	if (shell || secret || w->command[0] == '\0')
		snprintf(w->command, sizeof(w->command), "%.79s", command);
}

static void world_look_around(pid_t from, pid_t but, struct conf_watched *w)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (isdigit((unsigned char)e->d_name[0]) &&
		    world_descends(e->d_name, from, but))
			world_look_at(e->d_name, w);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Looks until a byte comes, or the end, then tells what it saw. */
static void world_watch(int stop, int result, pid_t from)
{
	struct pollfd p = { .fd = stop, .events = POLLIN };
	struct conf_watched w = { 0 };

	while (poll(&p, 1, 5) == 0)
		world_look_around(from, getpid(), &w);
	(void)!write(result, &w, sizeof(w));
	_exit(0);
}

void conf_watch_start(struct conf_watch *w)
{
	int s[2];

	if (!conf_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				   s) == 0, "watch: %s", strerror(errno)))
		return;
	w->pid = fork();
	if (w->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(s[0]);
		world_watch(s[1], s[1], getppid());
	}
	close(s[1]);
	w->result = s[0];
}

void conf_watch_stop(struct conf_watch *w, struct conf_watched *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)!write(w->result, "", 1);
	conf_check(read(w->result, ret, sizeof(*ret)) == sizeof(*ret),
		   "the watch saw nothing");
	close(w->result);
	waitpid(w->pid, NULL, 0);
}

/* --- this process ------------------------------------------------------------------ */

static int world_count(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int count = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		count += e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return count;
}

int conf_descriptors(void)
{
	return world_count("/proc/self/fd");
}

int conf_threads(void)
{
	return world_count("/proc/self/task");
}

long conf_memory_kb(void)
{
	char bytes[8192], *at;

	if (world_read_proc("self", "status", bytes, sizeof(bytes)) <= 0 ||
	    (at = strstr(bytes, "VmRSS:")) == NULL)
		return 0;
	return atol(at + 6);
}
