/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a hand can no longer do, and what a driver still can. */
#include "tests/unit/hand-brain.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* What the driver does when it is asked for the chassis; appends to ret. */
static void (*fake_deed)(struct buffer *ret);
static void (*fake_open_deed)(void);

static int fake_open(void *self, const struct settings *settings,
		     int64_t deadline, struct rh_error *err)
{
	(void)self;
	(void)settings;
	(void)deadline;
	(void)err;
	if (fake_open_deed != NULL)
		fake_open_deed();
	return 0;
}

static void fake_close(void *self)
{
	(void)self;
}

static int fake_chassis(void *self, int64_t deadline, struct buffer *ret,
			struct rh_error *err)
{
	(void)self;
	(void)deadline;
	(void)err;
	fake_deed(ret);
	return 0;
}

static const struct driver_evidence_ops fake_evidence = {
	.chassis = fake_chassis,
};

static const struct driver fake_driver = {
	.name = "fake", .size = 1, .open = fake_open, .close = fake_close,
	.evidence = &fake_evidence,
};

static int setup(void **state)
{
	(void)state;
	fake_deed = NULL;
	fake_open_deed = NULL;
	return 0;
}

/* What the deed reports. */
static void assert_reports(void (*deed)(struct buffer *), const char *text)
{
	struct hand_event e;
	struct hand *h;

	fake_deed = deed;
	h = brain_start(&fake_driver);
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_string_equal(e.err.text, "");
	assert_string_equal(e.bytes, text);
	hand_free(h);
	assert_no_child();
}

static void assert_kills(void (*deed)(struct buffer *))
{
	struct hand_event e;
	struct hand *h;

	fake_deed = deed;
	h = brain_start(&fake_driver);
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_int_equal(e.err.code, RH_ERR_CRASHED);
	assert_non_null(strstr(e.err.text, "SIGSYS"));
	hand_free(h);
	assert_no_child();
}

/* --- What is gone --- */

static void deed_execve(struct buffer *ret)
{
	char *const args[] = { "/bin/true", NULL };

	(void)ret;
	execve(args[0], args, args + 1);
}

static void deed_fork(struct buffer *ret)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	buffer_printf(ret, "%d", (int)pid);
}

static void deed_clone_process(struct buffer *ret)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	buffer_printf(ret, "%ld", pid);
}

static void deed_ptrace(struct buffer *ret)
{
	buffer_printf(ret, "%ld", ptrace(PTRACE_ATTACH, getppid(), 0, 0));
}

static void deed_setuid(struct buffer *ret)
{
	buffer_printf(ret, "%ld", syscall(SYS_setuid, 0));
}

static void test_processes_are_forbidden(void **state)
{
	(void)state;
	assert_kills(deed_execve);
	assert_kills(deed_ptrace);
	assert_kills(deed_setuid);
	if (SANITIZED) {
		assert_reports(deed_fork, "-1");
		assert_reports(deed_clone_process, "-1");
	} else {
		assert_kills(deed_fork);
		assert_kills(deed_clone_process);
	}
}

static char target[96];

static void try_open(struct buffer *ret, int flags)
{
	int fd = open(target, flags, 0600);

	if (fd >= 0) {
		buffer_append_text(ret, "open ");
		close(fd);
	} else {
		buffer_printf(ret, "%d ", errno);
	}
}

static void deed_open(struct buffer *ret)
{
	try_open(ret, O_RDONLY | O_CLOEXEC);
	try_open(ret, O_RDONLY | O_DIRECTORY);
	try_open(ret, O_WRONLY);
	try_open(ret, O_RDWR);
	try_open(ret, O_WRONLY | O_APPEND);
	try_open(ret, O_RDONLY | O_CREAT);
	try_open(ret, O_RDONLY | O_TRUNC);
	try_open(ret, O_WRONLY | O_CREAT | O_TRUNC);
	buffer_printf(ret, "%d ", open("/tmp", O_TMPFILE | O_RDWR, 0600) < 0);
	buffer_printf(ret, "%d ", unlink(target) < 0);
	buffer_printf(ret, "%d ", rename(target, "/tmp/x") < 0);
	buffer_printf(ret, "%d ", mkdir("/tmp/rhands-x", 0700) < 0);
	buffer_printf(ret, "%d ", chmod(target, 0777) < 0);
	buffer_printf(ret, "%d", truncate(target, 0) < 0);
}

static void test_files_are_read_only(void **state)
{
	char expected[64];
	struct stat st;
	int fd;

	(void)state;
	snprintf(target, sizeof(target), "/tmp/rhands-test-XXXXXX");
	fd = mkstemp(target);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "precious", 8), 8);
	snprintf(expected, sizeof(expected),
		 "open %d %d %d %d %d %d %d 1 1 1 1 1 1", ENOTDIR, EACCES,
		 EACCES, EACCES, EACCES, EACCES, EACCES);
	assert_reports(deed_open, expected);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
	unlink(target);
}

/* What is refused by the list says ENOSYS; the kernel itself says otherwise. */
static void try_call(struct buffer *ret, const char *what, long rc)
{
	buffer_printf(ret, "%s%s ", what,
		      rc == -1 && errno == ENOSYS ? "" : "?!");
}

static void deed_odd_calls(struct buffer *ret)
{
	struct rlimit limit = { 0, 0 };

	try_call(ret, "packet", socket(AF_PACKET, SOCK_DGRAM, 0));
	try_call(ret, "sti", ioctl(2, TIOCSTI, "x"));
	try_call(ret, "kill", kill(getppid(), 0));
	try_call(ret, "dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	try_call(ret, "rlimit", setrlimit(RLIMIT_CORE, &limit));
	try_call(ret, "clone3", syscall(SYS_clone3, NULL, 0));
	try_call(ret, "listen", listen(3, 1));
	try_call(ret, "chdir", chdir("/"));
}

static const struct driver fake_opener = {
	.name = "fake", .size = 1, .open = fake_open, .close = fake_close,
	.evidence = &fake_evidence, .flags = DRIVER_OPENS_DEVICES,
};

static bool landlock_is_there(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static void deed_open_device(struct buffer *ret)
{
	deed_open(ret);
	snprintf(target, sizeof(target), "/dev/null");
	buffer_append_char(ret, ' ');
	try_open(ret, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	try_open(ret, O_WRONLY);
	try_open(ret, O_RDWR | O_CREAT);
	try_open(ret, O_RDWR | O_TRUNC);
}

/* Devices can be opened for both, and nothing else. */
static void test_opener_opens_devices(void **state)
{
	const int e = EACCES;
	char expected[96], path[sizeof(target)];
	int fd;
	struct hand_event event;
	struct hand *h;

	(void)state;
	if (!landlock_is_there())
		skip();
	snprintf(target, sizeof(target), "/tmp/rhands-test-XXXXXX");
	fd = mkstemp(target);
	assert_true(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s", target);
	snprintf(expected, sizeof(expected),
		 "open %d %d %d %d %d %d %d 1 1 1 1 1 1 open %d %d %d ", ENOTDIR,
		 e, e, e, e, e, e, e, e, e);
	fake_deed = deed_open_device;
	h = brain_start(&fake_opener);
	event = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_string_equal(event.bytes, expected);
	hand_free(h);
	unlink(path);
	assert_no_child();
}

static void test_odd_calls_do_not_exist(void **state)
{
	(void)state;
	assert_reports(deed_odd_calls, "packet sti kill dumpable rlimit "
		       "clone3 listen chdir ");
}

/* --- What was given up at the start --- */

static void deed_status(struct buffer *ret)
{
	struct rlimit core;
	char name[17] = "";

	getrlimit(RLIMIT_CORE, &core);
	prctl(PR_GET_NAME, name, 0, 0, 0);
	buffer_printf(ret, "dumpable %d core %d/%d pid %d name %s",
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), (int)core.rlim_cur,
		      (int)core.rlim_max, getpid() == getsid(0), name);
}

static void test_no_core(void **state)
{
	(void)state;
	assert_reports(deed_status,
		       "dumpable 0 core 0/0 pid 1 name test/way");
}

static void deed_fds(struct buffer *ret)
{
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			buffer_printf(ret, "%d%s ", fd,
				      fcntl(fd, F_GETFD) & FD_CLOEXEC ?
				      "c" : "");
	}
	buffer_printf(ret, "%d", (int)read(0, &fd, 1));
}

static void test_descriptors_are_closed(void **state)
{
	int fds[4], i;

	(void)state;
	for (i = 0; i < 4; i++) {
		fds[i] = dup2(0, i == 0 ? 500 : 30 + i);
		assert_true(fds[i] >= 0);
	}
	assert_reports(deed_fds, "0 1 2 3c 0");
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

static void deed_signals(struct buffer *ret)
{
	struct sigaction act;
	sigset_t blocked;
	int sig, count = 0;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (sig = 1; sig < 32; sig++) {
		sigaction(sig, NULL, &act);
		if (act.sa_handler == SIG_IGN)
			buffer_printf(ret, "%d ", sig);
		else if (act.sa_handler != SIG_DFL)
			buffer_printf(ret, "%d? ", sig);
		count += sigismember(&blocked, sig);
	}
	buffer_printf(ret, "blocked %d", count);
}

static void nobody(int sig)
{
	(void)sig;
}

static void test_signals_are_reset(void **state)
{
	struct sigaction act = { .sa_handler = nobody }, old;
	char expected[64];

	(void)state;
	sigaction(SIGALRM, &act, &old);
	sigaction(SIGUSR1, &act, NULL);
	snprintf(expected, sizeof(expected), "%d %d %d %d %d blocked 0",
		 SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM);
	assert_reports(deed_signals, expected);
	sigaction(SIGALRM, &old, NULL);
	sigaction(SIGUSR1, &old, NULL);
}

/* --- What a driver needs --- */

static void *thread(void *arg)
{
	*(int *)arg = 42;
	return arg;
}

static void deed_threads(struct buffer *ret)
{
	pthread_t threads[4];
	int values[4] = { 0 }, i;

	for (i = 0; i < 4; i++) {
		if (pthread_create(&threads[i], NULL, thread, &values[i]) != 0)
			buffer_append_text(ret, "no thread ");
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		buffer_printf(ret, "%d ", values[i]);
	}
}

static void deed_resolve(struct buffer *ret)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	buffer_printf(ret, "%d", getaddrinfo("localhost", "1", &hints, &list));
	if (list != NULL)
		freeaddrinfo(list);
}

/* A name that needs a name server: any answer, but no dead hand. */
static void deed_resolve_unknown(struct buffer *ret)
{
	struct addrinfo *list = NULL;

	if (getaddrinfo("no-such-host.invalid", "1", NULL, &list) != 0)
		buffer_append_text(ret, "no");
}

static void deed_memory(struct buffer *ret)
{
	char *p[64];
	int i;

	for (i = 0; i < 64; i++) {
		p[i] = malloc((size_t)1 << (i % 22));
		memset(p[i], i, (size_t)1 << (i % 22));
	}
	for (i = 0; i < 64; i++)
		free(p[i]);
	buffer_append_text(ret, "ok");
}

static void deed_udp(struct buffer *ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 65536;
	struct pollfd p = { .fd = s, .events = POLLIN };
	char byte = 0;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(s, (struct sockaddr *)&a, len);
	getsockname(s, (struct sockaddr *)&a, &len);
	setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	connect(s, (struct sockaddr *)&a, len);
	if (send(s, "x", 1, 0) == 1 && poll(&p, 1, 1000) == 1 &&
	    recv(s, &byte, 1, 0) == 1)
		buffer_append_char(ret, byte);
	close(s);
}

static void test_what_libraries_need(void **state)
{
	struct buffer outside = { 0 };

	(void)state;
	assert_reports(deed_threads, "42 42 42 42 ");
	/* A minimal system has no /etc/hosts: then the same error as here. */
	deed_resolve(&outside);
	assert_reports(deed_resolve, buffer_text(&outside));
	buffer_release(&outside);
	assert_reports(deed_resolve_unknown, "no");
	assert_reports(deed_memory, "ok");
	assert_reports(deed_udp, "x");
}

/* The credential may come from a program; that is before the limits. */
static void open_runs_a_program(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		abort();
}

static void test_open_may_run_a_program(void **state)
{
	(void)state;
	fake_open_deed = open_runs_a_program;
	assert_reports(deed_memory, "ok");
}

/* --- A driver that starts programs --- */

static const struct driver fake_starter = {
	.name = "fake", .size = 1, .open = fake_open, .close = fake_close,
	.evidence = &fake_evidence, .flags = DRIVER_STARTS_PROGRAMS,
};

/* A program's output and how it ended; the program inherits the limits. */
static void deed_program(struct buffer *ret)
{
	char bytes[64];
	int fds[2], status = -1;
	ssize_t len;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c",
		      "echo $(uname) ; /bin/true && exit 3", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((len = read(fds[0], bytes, sizeof(bytes))) > 0)
		buffer_append(ret, bytes, (size_t)len);
	close(fds[0]);
	waitpid(pid, &status, 0);
	buffer_printf(ret, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void try_refused(struct buffer *ret, const char *what, long rc)
{
	buffer_printf(ret, "%s%s ", what,
		      rc == -1 && errno == EPERM ? "" : "?!");
}

static void deed_starter_calls(struct buffer *ret)
{
	struct rlimit core;

	/* arguments that the kernel itself would answer otherwise */
	try_refused(ret, "ptrace", ptrace(PTRACE_ATTACH, 0, 0, 0));
	try_refused(ret, "mount", syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
	try_refused(ret, "bpf", syscall(SYS_bpf, -1, NULL, 0));
	try_refused(ret, "reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
	getrlimit(RLIMIT_CORE, &core);
	buffer_printf(ret, "core %d privs %d dumpable %d", (int)core.rlim_max,
		      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void assert_starter_reports(void (*deed)(struct buffer *),
				   const char *text)
{
	struct hand_event e;
	struct hand *h;

	fake_deed = deed;
	h = brain_start(&fake_starter);
	e = brain_do(h, HAND_OP_CHASSIS, 0);
	assert_string_equal(e.err.text, "");
	assert_string_equal(e.bytes, text);
	hand_free(h);
	assert_no_child();
}

static void test_starter_runs_programs(void **state)
{
	(void)state;
	assert_starter_reports(deed_program, "Linux\n3");
	/* and one without the flag is still killed for it */
	if (!SANITIZED)
		assert_kills(deed_program);
	assert_kills(deed_execve);
}

static void test_starter_is_limited(void **state)
{
	(void)state;
	assert_starter_reports(deed_starter_calls,
			       "ptrace mount bpf reboot core 0 privs 1 "
			       "dumpable 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_processes_are_forbidden, setup),
		cmocka_unit_test_setup(test_files_are_read_only, setup),
		cmocka_unit_test_setup(test_opener_opens_devices, setup),
		cmocka_unit_test_setup(test_odd_calls_do_not_exist, setup),
		cmocka_unit_test_setup(test_no_core, setup),
		cmocka_unit_test_setup(test_descriptors_are_closed, setup),
		cmocka_unit_test_setup(test_signals_are_reset, setup),
		cmocka_unit_test_setup(test_what_libraries_need, setup),
		cmocka_unit_test_setup(test_open_may_run_a_program, setup),
		cmocka_unit_test_setup(test_starter_runs_programs, setup),
		cmocka_unit_test_setup(test_starter_is_limited, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
