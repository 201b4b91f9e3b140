/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Privileges of a hand. hand-child.c comes in twice: sandbox_enter right
 * after the fork, sandbox_limit when the driver is open (an @command secret
 * starts a program, so not earlier).
 *
 * A list of what is allowed, not of what is forbidden. What is not on it is
 * answered with ENOSYS, not EPERM: libc takes ENOSYS as "an old kernel"
 * and falls back (clone3 -> clone, whose flags a filter can see), EPERM as a
 * failure. Only calls that no library of ours has a reason to make, and that
 * an intruder would make first, kill the process.
 *
 * A driver that starts programs gets a filter of another kind: the programs
 * inherit it, and we don't know what they need. So it is a short list of
 * what is refused, with the EPERM that programs know. What keeps them in bounds
 * is that they gain no privileges, and find no descriptor and no secret.
 */
#include "agent/hand/sandbox.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/driver.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

static const char *const sandbox_allowed[] = {
	/* memory */
	"brk", "madvise", "mlock", "mlock2", "mmap", "mmap2", "mprotect",
	"mremap", "munlock", "munmap",
	/* descriptors */
	"_llseek", "close", "close_range", "dup", "dup2", "dup3", "eventfd2",
	"fcntl", "fcntl64", "flock", "lseek", "pipe", "pipe2", "pread64",
	"preadv", "read", "readv", "write", "writev",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "poll", "ppoll", "ppoll_time64",
	"pselect6", "pselect6_time64", "select", "_newselect",
	/* sockets */
	"connect", "bind", "getpeername", "getsockname", "getsockopt", "recv",
	"recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send",
	"sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	"socketpair",
	/* time */
	"alarm", "clock_getres", "clock_getres_time64", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
	"getitimer", "gettimeofday", "nanosleep", "setitimer", "time",
	"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
	"timer_settime",
	"timerfd_create", "timerfd_gettime", "timerfd_settime", "times",
	/* signals and threads */
	"arch_prctl", "exit", "exit_group", "futex", "futex_time64",
	"get_robust_list", "getcpu", "gettid", "membarrier", "pause",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"sched_getaffinity", "sched_getparam", "sched_getscheduler",
	"sched_yield", "set_robust_list", "set_tid_address", "sigaltstack",
	"sigreturn",
	/* who am I */
	"getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
	"getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getrandom",
	"getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getuid",
	"getuid32", "sysinfo", "ugetrlimit", "uname",
	/* files, for reading (open: see below) */
	"access", "faccessat", "faccessat2", "fadvise64", "fstat", "fstat64",
	"fstatat64", "fstatfs", "getcwd", "getdents", "getdents64", "lstat",
	"lstat64", "newfstatat", "readlink", "readlinkat", "stat", "stat64",
	"statfs", "statx",
};

static const char *const sandbox_deadly[] = {
	"execve", "execveat", "ptrace", "process_vm_readv",
	"process_vm_writev", "pidfd_getfd", "kcmp", "mount", "umount2",
	"move_mount", "pivot_root", "chroot", "setns", "unshare", "bpf",
	"perf_event_open", "userfaultfd", "io_uring_setup", "add_key",
	"request_key", "keyctl", "init_module", "finit_module",
	"delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon",
	"swapoff", "setuid", "setgid", "setresuid", "setresgid", "setreuid",
	"setregid", "setgroups", "personality", "iopl", "ioperm", "acct",
	"settimeofday", "clock_settime", "open_by_handle_at",
};

/* Not for programs either. No setuid and unshare: some sandbox themselves. */
static const char *const sandbox_refused[] = {
	"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",
	"kcmp", "mount", "umount2", "move_mount", "pivot_root", "setns", "bpf",
	"perf_event_open", "userfaultfd", "init_module", "finit_module",
	"delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon",
	"swapoff", "iopl", "ioperm", "acct", "settimeofday", "clock_settime",
	"open_by_handle_at",
};

/* ioctl: sockets and serial lines. Not TIOCSTI: stderr may be a terminal. */
static const unsigned long sandbox_ioctls[] = {
	FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TIOCOUTQ,
	TCGETS, TCSETS, TCSETSW, TCSETSF, TCGETA, TCFLSH, TCSBRK, TCSBRKP,
	TCXONC, TIOCSBRK, TIOCCBRK, TIOCMGET, TIOCMSET, TIOCMBIS, TIOCMBIC,
	TIOCEXCL, TIOCNXCL, TIOCGWINSZ, TIOCGICOUNT, TIOCGSERIAL,
	TIOCSSERIAL, TIOCMIWAIT, TIOCGPGRP, 0x5432 /* TCGETX */,
	0x5434 /* TCSETXF */, 0x5435 /* TCSETXW */, 0x5433 /* TCSETX */,
#ifdef TCGETS2
	TCGETS2, TCSETS2, TCSETSW2, TCSETSF2,
#endif
	0x8910 /* SIOCGIFNAME */, 0x8912 /* SIOCGIFCONF */,
	0x8913 /* SIOCGIFFLAGS */, 0x8915 /* SIOCGIFADDR */,
	0x8933 /* SIOCGIFINDEX */,
};

static const uint64_t sandbox_families[] = {
	AF_UNIX, AF_INET, AF_INET6, AF_NETLINK,
};

#define SANDBOX_COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define SANDBOX_INT 0xffffffffU	/* the part of an argument that is an int */

static int sandbox_name(scmp_filter_ctx ctx, uint32_t action, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR || nr < 0)
		return 0;	/* this machine has no such call */
	return seccomp_rule_add(ctx, action, nr, 0);
}

/* A rule for calls whose argument `arg`, masked, is `value`. */
static int sandbox_arg(scmp_filter_ctx ctx, uint32_t action, const char *name,
		       unsigned arg, uint64_t mask, uint64_t value)
{
	int nr = seccomp_syscall_resolve_name(name);
	struct scmp_arg_cmp cmp = { arg, SCMP_CMP_MASKED_EQ, mask, value };

	if (nr == __NR_SCMP_ERROR || nr < 0)
		return 0;
	return seccomp_rule_add_array(ctx, action, nr, 1, &cmp);
}

/* open and openat: for reading only; devices for both, if they are there. */
static int sandbox_open(scmp_filter_ctx ctx, const char *name, unsigned arg,
			bool devices)
{
	static const uint64_t writes[] = { O_CREAT, O_TRUNC };
	const uint32_t refuse = SCMP_ACT_ERRNO(EACCES);
	size_t i;
	int rc = 0;

	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, name, arg,
			  O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	rc |= sandbox_arg(ctx, refuse, name, arg, O_ACCMODE, O_WRONLY);
	if (devices)
		rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, name, arg,
				  O_ACCMODE | O_CREAT | O_TRUNC, O_RDWR);
	else
		rc |= sandbox_arg(ctx, refuse, name, arg, O_ACCMODE, O_RDWR);
	rc |= sandbox_arg(ctx, refuse, name, arg, O_ACCMODE, O_ACCMODE);
	for (i = 0; i < SANDBOX_COUNT(writes); i++)
		rc |= sandbox_arg(ctx, refuse, name, arg, writes[i], writes[i]);
	return rc;
}

/* A thread is welcome, a process is not. */
static int sandbox_threads(scmp_filter_ctx ctx)
{
#ifdef SANDBOX_SANITIZED
	/* Its report wants to start a symbolizer; it copes without. */
	const uint32_t fork_action = SCMP_ACT_ERRNO(EPERM);
#else
	const uint32_t fork_action = SCMP_ACT_KILL_PROCESS;
#endif
	int rc = 0;

	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "clone", 0, CLONE_THREAD,
			  CLONE_THREAD);
	rc |= sandbox_arg(ctx, fork_action, "clone", 0, CLONE_THREAD, 0);
	rc |= sandbox_name(ctx, fork_action, "fork");
	rc |= sandbox_name(ctx, fork_action, "vfork");
	return rc;
}

/* Calls that are allowed with some arguments only. */
static int sandbox_arguments(scmp_filter_ctx ctx, bool devices)
{
	const uint64_t self = (uint64_t)getpid();
	size_t i;
	int rc = 0;

	rc |= sandbox_open(ctx, "open", 1, devices);
	rc |= sandbox_open(ctx, "openat", 2, devices);
	rc |= sandbox_threads(ctx);
	for (i = 0; i < SANDBOX_COUNT(sandbox_families); i++)
		rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "socket", 0, SANDBOX_INT,
				  sandbox_families[i]);
	for (i = 0; i < SANDBOX_COUNT(sandbox_ioctls); i++)
		rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "ioctl", 1, SANDBOX_INT,
				  sandbox_ioctls[i]);
	/* abort(3) */
	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "tgkill", 0, SANDBOX_INT, self);
	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "kill", 0, SANDBOX_INT, self);
	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "prctl", 0, SANDBOX_INT,
			  PR_SET_NAME);
	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "prctl", 0, SANDBOX_INT,
			  PR_GET_NAME);
	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "prctl", 0, SANDBOX_INT,
			  PR_GET_DUMPABLE);
	/* Limits can be read. */
	rc |= sandbox_arg(ctx, SCMP_ACT_ALLOW, "prlimit64", 2, UINT64_MAX, 0);
	return rc;
}

/* For a driver of ours alone. */
static int sandbox_rules(scmp_filter_ctx ctx, bool devices)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < SANDBOX_COUNT(sandbox_allowed); i++)
		rc |= sandbox_name(ctx, SCMP_ACT_ALLOW, sandbox_allowed[i]);
	for (i = 0; i < SANDBOX_COUNT(sandbox_deadly); i++)
		rc |= sandbox_name(ctx, SCMP_ACT_KILL_PROCESS,
				   sandbox_deadly[i]);
	return rc | sandbox_arguments(ctx, devices);
}

/* For a driver that starts programs, and for these. */
static int sandbox_rules_programs(scmp_filter_ctx ctx)
{
	size_t i;
	int rc;

	/* a vendor's tool may be a 32-bit one */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	for (i = 0; i < SANDBOX_COUNT(sandbox_refused); i++)
		rc |= sandbox_name(ctx, SCMP_ACT_ERRNO(EPERM),
				   sandbox_refused[i]);
	return rc;
}

/*
 * A filter of system calls sees no paths, Landlock does. A kernel without it
 * is no reason to do without the console.
 */
static void sandbox_write_devices_only(void)
{
	const struct landlock_ruleset_attr writing = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	struct landlock_path_beneath_attr dev = {
		.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &writing,
				 sizeof(writing), 0);

	if (rules < 0)
		return;
	dev.parent_fd = open("/dev", O_PATH | O_CLOEXEC);
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
		    &dev, 0) == 0)
		(void)syscall(SYS_landlock_restrict_self, rules, 0);
	close(dev.parent_fd);
	close(rules);
}

int sandbox_limit(unsigned driver_flags, struct rh_error *err)
{
	const bool programs = (driver_flags & DRIVER_STARTS_PROGRAMS) != 0;
	const bool devices = (driver_flags & DRIVER_OPENS_DEVICES) != 0;
	scmp_filter_ctx ctx = seccomp_init(programs ? SCMP_ACT_ALLOW :
					   SCMP_ACT_ERRNO(ENOSYS));
	int rc;

	if (ctx == NULL)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "system calls cannot be limited here");
	if (devices && !programs)
		sandbox_write_devices_only();
	rc = programs ? sandbox_rules_programs(ctx) :
	     sandbox_rules(ctx, devices);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc != 0)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "system calls cannot be limited here (%d)",
				    rc);
	return 0;
}

static void sandbox_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGPIPE };
	struct sigaction act = { .sa_handler = SIG_DFL };
	sigset_t none;
	size_t i;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &act, NULL);
	/*
	 * A Ctrl-C is for the brain: it asks its hands to end, and they have
	 * a console to give back before they do.
	 */
	act.sa_handler = SIG_IGN;
	for (i = 0; i < SANDBOX_COUNT(ignored); i++)
		(void)sigaction(ignored[i], &act, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int sandbox_descriptors(int fd, struct rh_error *err)
{
	int null;

	/* Out of the way of 0 to 3 first, then to its place. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 4);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "/dev/null");
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 &&
	    dup2(null, STDERR_FILENO) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "/dev/null");
	if (dup3(fd, 3, O_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno,
					  "closing descriptors");
	return 3;
}

int sandbox_enter(int fd, const char *name, struct rh_error *err)
{
	const struct rlimit no_core = { 0, 0 };

	(void)setsid();
	sandbox_signals();
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno,
					  "giving up privileges");
	return sandbox_descriptors(fd, err);
}
