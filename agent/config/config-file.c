/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories and files of the configuration, opened with care: who can
 * write here can make rhands cut power, as root. In by config_file_open_dir
 * and config_file_read, from config.c alone.
 *
 * Always true: a file is opened once, relative to the descriptor of its
 * directory, through no symbolic link, and what fstat says about that descriptor
 * is what counts. So it does not matter what is done to the name afterwards.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/config-parts.h"
#include "base/memory.h"

static int config_file_check(const struct stat *st, const char *path,
			     struct rh_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s belongs to uid %u, expected you or root: "
				    "its owner could make rhands cut power; "
				    "do: chown root %s", path,
				    (unsigned)st->st_uid, path);
	if ((st->st_mode & 022) != 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s can be written to by others (mode %04o): "
				    "%s could make rhands cut power; "
				    "do: chmod go-w %s", path,
				    (unsigned)st->st_mode & 07777,
				    (st->st_mode & 02) != 0 ? "anybody"
							    : "its group",
				    path);
	return 0;
}

int config_file_open_dir(int at, const char *name, const char *path,
			 bool follow, int *ret_fd, struct rh_error *err)
{
	struct stat st;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
				  (follow ? 0 : O_NOFOLLOW));

	if (fd < 0 && errno == ENOENT) {
		*ret_fd = -1;
		return 0;
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s is %s; expected a directory", path,
				    follow ? "a file"
					   : "a file or a symbolic link");
	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno,
					  "%s cannot be opened", path);
	if (fstat(fd, &st) < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	else if (config_file_check(&st, path, err) == 0) {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	return -1;
}

static int config_file_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int config_file_list(int dir_fd, const char *path, char ***ret_names,
		     struct rh_error *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	char **names = NULL;
	size_t count = 0;

	if (stream == NULL) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	errno = 0;
	while ((entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		names = memory_grow(names, count + 2, sizeof(*names));
		names[count++] = memory_copy(entry->d_name);
		errno = 0;
	}
	if (names == NULL)
		names = memory_new(1, sizeof(*names));
	names[count] = NULL;
	if (errno != 0) {
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
		config_file_list_free(names);
		closedir(stream);
		return -1;
	}
	closedir(stream);
	qsort(names, count, sizeof(*names), config_file_compare);
	*ret_names = names;
	return 0;
}

void config_file_list_free(char **names)
{
	size_t i;

	for (i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

/* Up to CONFIG_FILE_MAX bytes; false, with a problem, where it has more. */
static bool config_file_slurp(int fd, const char *path,
			      struct problems *problems, struct buffer *text)
{
	char part[16384];
	ssize_t n;

	for (;;) {
		n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buffer_append(text, part, (size_t)n);
		if (text->len <= CONFIG_FILE_MAX)
			continue;
		problems_add(problems, path, 0,
			     "the file is too large; at most %d bytes are read",
			     CONFIG_FILE_MAX);
		return false;
	}
	if (n < 0)
		problems_add(problems, path, 0, "cannot be read: %s",
			     strerror(errno));
	return n == 0;
}

/* Why it could not be opened, for a person. */
static void config_file_refuse(const char *path, int sys_errno,
			       struct problems *problems)
{
	if (sys_errno == ELOOP)
		problems_add(problems, path, 0,
			     "this is a symbolic link; expected a regular file "
			     "(links are not followed in the configuration)");
	else
		problems_add(problems, path, 0, "cannot be read: %s",
			     strerror(sys_errno));
}

/* Checks and reads what was opened; false: there is a problem. */
static int config_file_take(int fd, const char *path,
			    struct problems *problems, struct buffer *text,
			    bool *ret_readable, struct rh_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode)) {
		problems_add(problems, path, 0,
			     "this is not a file; expected a regular file");
		return 0;
	}
	if (config_file_check(&st, path, err) < 0)
		return -1;
	*ret_readable = config_file_slurp(fd, path, problems, text);
	return 0;
}

int config_file_read(int dir_fd, const char *name, const char *path,
		     struct problems *problems, struct ini **ret,
		     bool *ret_broken, struct rh_error *err)
{
	struct buffer text = { 0 };
	bool readable = false;
	int rc = 0;
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
				      O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (fd < 0) {
		config_file_refuse(path, errno, problems);
	} else {
		rc = config_file_take(fd, path, problems, &text, &readable,
				      err);
		close(fd);
	}
	if (rc == 0) {
		*ret = ini_read(path, buffer_text(&text),
				readable ? text.len : 0, problems);
		*ret_broken = problems_in_file(problems, path) > 0;
	}
	buffer_release(&text);
	return rc;
}
