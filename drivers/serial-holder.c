/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who has a serial port open. The kernel does not tell, /proc does, for the
 * processes that we may look into: all of them for root, our own else.
 *
 * A pseudo-terminal can stand for a port (socat makes one of a TCP
 * connection). Who makes it has its master, and often the port itself, open
 * all the time, and is no holder.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/vis.h"
#include "drivers/serial.h"

static bool serial_holder_is_pty(dev_t device)
{
	return major(device) >= UNIX98_PTY_SLAVE_MAJOR &&
	       major(device) < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
}

/* Whether a descriptor in that folder is the device, and none is its maker's. */
static bool serial_holder_has(int dir_fd, dev_t device)
{
	const dev_t maker = makedev(TTYAUX_MAJOR, 2);
	DIR *dir = fdopendir(dir_fd);
	bool found = false, made = false;
	struct dirent *entry;
	struct stat st;

	if (dir == NULL) {
		close(dir_fd);
		return false;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 ||
		    !S_ISCHR(st.st_mode))
			continue;
		found |= st.st_rdev == device;
		made |= st.st_rdev == maker;
	}
	closedir(dir);
	return found && !(made && serial_holder_is_pty(device));
}

static void serial_holder_name(const char *pid, char *ret, size_t size)
{
	char path[64], name[64] = "?", safe[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f != NULL && fgets(name, sizeof(name), f) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
	snprintf(ret, size, "%s (%.20s)", vis_text(name, safe, sizeof(safe)),
		 pid);
}

bool serial_holder_find(const char *device, char *ret, size_t size)
{
	struct dirent *entry;
	struct stat st;
	bool found = false;
	char path[64];
	DIR *proc;
	int fd;

	if (stat(device, &st) < 0)
		return false;
	proc = opendir("/proc");
	while (!found && proc != NULL && (entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/fd", entry->d_name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		found = fd >= 0 && serial_holder_has(fd, st.st_rdev);
		if (found)
			serial_holder_name(entry->d_name, ret, size);
	}
	if (proc != NULL)
		closedir(proc);
	return found;
}
