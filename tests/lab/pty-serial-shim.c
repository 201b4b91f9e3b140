/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a pseudo-terminal a serial port for libserialport: it looks for
 * /sys/class/tty/pts/N and asks for modem lines, and a pty has neither. Linked
 * into a test program, or built as a shared object and preloaded (into QEMU too,
 * for the other end of an emulated UART):
 *
 *   cc -shared -fPIC -o pty-serial-shim.so pty-serial-shim.c
 *
 * A break becomes the text "<BREAK>" at the other end. PTY_SHIM_OVERRUNS names a
 * file that is mapped: the int in it is how many overruns were counted so far.
 */
#include "tests/lab/pty-serial-shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define SHIM_CLASS "/sys/class/tty/pts/"
#define SHIM_MODEL "/sys/class/tty/tty0"

int pty_shim_signals = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR;
int pty_shim_queued = -1;
int pty_shim_frame_errors;
int pty_shim_overruns;

static volatile const int *shim_file;

int __lxstat(int version, const char *path, struct stat *st);

/* Before main: no file can be opened from inside a hand's sandbox. */
__attribute__((constructor)) static void shim_map(void)
{
	const char *path = getenv("PTY_SHIM_OVERRUNS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(int), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		shim_file = map;
	close(fd);
}

static const char *shim_path(const char *path)
{
	return strncmp(path, SHIM_CLASS, strlen(SHIM_CLASS)) == 0 ? SHIM_MODEL :
								     path;
}

int __lxstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return fstatat(AT_FDCWD, shim_path(path), st, AT_SYMLINK_NOFOLLOW);
}

ssize_t readlink(const char *path, char *buf, size_t size)
{
	return readlinkat(AT_FDCWD, shim_path(path), buf, size);
}

/* What a pty cannot; -1: not that either. */
static int shim_ioctl(int fd, unsigned long request, void *arg)
{
	struct serial_icounter_struct counts = { 0 };

	switch (request) {
	case TIOCMGET:
		*(int *)arg = pty_shim_signals;
		return 0;
	case TIOCMSET:
		pty_shim_signals = *(int *)arg;
		return 0;
	case TIOCMBIS:
		pty_shim_signals |= *(int *)arg;
		return 0;
	case TIOCMBIC:
		pty_shim_signals &= ~*(int *)arg;
		return 0;
	case TIOCSBRK:
		return write(fd, "<BREAK>", 7) == 7 ? 0 : -1;
	case TIOCCBRK:
		return 0;
	case TIOCGICOUNT:
		counts.frame = pty_shim_frame_errors;
		counts.overrun = pty_shim_overruns + (shim_file ? *shim_file : 0);
		memcpy(arg, &counts, sizeof(counts));
		return 0;
	case TIOCOUTQ:
		*(int *)arg = pty_shim_queued;
		return 0;
	}
	errno = ENOTTY;
	return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
	int rc, e;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == TIOCSBRK || (request == TIOCOUTQ && pty_shim_queued >= 0))
		return shim_ioctl(fd, request, arg);
	rc = (int)syscall(SYS_ioctl, fd, request, arg);
	if (rc == 0 || (errno != ENOTTY && errno != EINVAL))
		return rc;
	e = errno;
	if (isatty(fd) && request != TIOCOUTQ && shim_ioctl(fd, request, arg) == 0)
		return 0;
	errno = e;
	return -1;
}

int tcsendbreak(int fd, int duration)
{
	(void)duration;
	return ioctl(fd, TIOCSBRK, NULL);
}
