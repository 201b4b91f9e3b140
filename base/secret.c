/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets by reference. The config room checks references, the hand that
 * needs a secret loads it, nobody else does.
 *
 * Always true: the bytes lie in pages of their own that are locked, excluded
 * from core dumps and wiped before they are given back; no error text and no
 * log line holds any of them.
 */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"

#define SECRET_PAGE (SECRET_TEXT_MAX + 4096)
#define SECRET_ARGS 32

static const char secret_file[] = "@file:";
static const char secret_credential[] = "@credential:";
static const char secret_command[] = "@command:";

static const char *secret_after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

bool secret_is_reference(const char *text)
{
	const char *rest;

	if ((rest = secret_after(text, secret_file)) != NULL)
		return rest[0] == '/';
	if ((rest = secret_after(text, secret_command)) != NULL)
		return rest[0] == '/';
	if ((rest = secret_after(text, secret_credential)) != NULL)
		return rest[0] != '\0' && strchr(rest, '/') == NULL &&
		       rest[0] != '.';
	return false;
}

static char *secret_page(void)
{
	char *page = mmap(NULL, SECRET_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	/* A low RLIMIT_MEMLOCK may refuse this; the dump is still prevented. */
	(void)mlock(page, SECRET_PAGE);
	(void)madvise(page, SECRET_PAGE, MADV_DONTDUMP);
	(void)madvise(page, SECRET_PAGE, MADV_WIPEONFORK);
	return page;
}

static void secret_page_free(char *page)
{
	explicit_bzero(page, SECRET_PAGE);
	munmap(page, SECRET_PAGE);
}

void secret_release(struct secret *s)
{
	if (s == NULL || s->bytes == NULL)
		return;
	secret_page_free(s->bytes);
	s->bytes = NULL;
	s->len = 0;
}

/* The first line of the page becomes the secret; consumes page. */
static int secret_finish(struct secret *ret, char *page, size_t len,
			 const char *reference, struct rh_error *err)
{
	size_t line = strcspn(page, "\r\n");

	if (line < len)
		explicit_bzero(page + line, len - line);
	if (line == 0 || line > SECRET_MAX || memchr(page, '\0', line)) {
		secret_page_free(page);
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s: the first line must hold the secret, 1 "
				    "to %d bytes", reference, SECRET_MAX);
	}
	ret->bytes = page;
	ret->len = line;
	return 0;
}

/* All of the page becomes the secret; consumes page. */
static int secret_finish_text(struct secret *ret, char *page, size_t len,
			      const char *reference, struct rh_error *err)
{
	if (len == 0 || len > SECRET_TEXT_MAX || memchr(page, '\0', len)) {
		secret_page_free(page);
		return rh_error_set(err, RH_ERR_CONFIG,
				    "%s: it must hold text of 1 to %d bytes",
				    reference, SECRET_TEXT_MAX);
	}
	ret->bytes = page;
	ret->len = len;
	return 0;
}

/* Nobody else may read it, nor the group: forbidden is 077. */
#define SECRET_OWN	077
/* systemd grants a service's user access by an ACL, which shows as group read. */
#define SECRET_SYSTEMD	037

static int secret_check_stat(const char *path, const struct stat *st,
			     mode_t forbidden, struct rh_error *err)
{
	if (!S_ISREG(st->st_mode))
		return rh_error_set(err, RH_ERR_CONFIG,
				    "secret file %s is not a regular file",
				    path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return rh_error_set(err, RH_ERR_CONFIG,
				    "secret file %s belongs to uid %u; it must "
				    "be yours or root's", path,
				    (unsigned)st->st_uid);
	if ((st->st_mode & forbidden) != 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "secret file %s can be read or changed by "
				    "others (mode %04o); do: chmod 600 %s",
				    path, (unsigned)st->st_mode & 07777, path);
	return 0;
}

/* Opens and checks a secret file; returns the descriptor or -1. */
static int secret_open(const char *path, mode_t forbidden, struct rh_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_CONFIG, errno,
					  "secret file %s", path);
	if (fstat(fd, &st) < 0)
		rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	else if (secret_check_stat(path, &st, forbidden, err) == 0)
		return fd;
	close(fd);
	return -1;
}

static int secret_credential_path(const char *name, char **ret_path,
				  struct rh_error *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (dir == NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "@credential:%s needs a systemd unit with "
				    "LoadCredential=%s (CREDENTIALS_DIRECTORY is "
				    "not set)", name, name);
	*ret_path = memory_format("%s/%s", dir, name);
	return 0;
}

static int secret_load_file(const char *path, mode_t forbidden,
			    char **ret_page, size_t *ret_len,
			    struct rh_error *err)
{
	char *page;
	ssize_t n;
	int fd = secret_open(path, forbidden, err);

	if (fd < 0)
		return -1;
	page = secret_page();
	if (page == NULL) {
		close(fd);
		return rh_error_set_errno(err, RH_ERR_IO, errno,
					  "memory for a secret");
	}
	n = read(fd, page, SECRET_PAGE - 1);
	close(fd);
	if (n < 0) {
		secret_page_free(page);
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s", path);
	}
	*ret_page = page;
	*ret_len = (size_t)n;
	return 0;
}

/* Splits at blanks; *ret_copy holds the words (free it with free(3)). */
static void secret_split(const char *text, char **ret_copy, char **args)
{
	char *copy = memory_copy(text), *save = NULL, *word;
	int count = 0;

	for (word = strtok_r(copy, " \t", &save);
	     word != NULL && count < SECRET_ARGS - 1;
	     word = strtok_r(NULL, " \t", &save))
		args[count++] = word;
	args[count] = NULL;
	*ret_copy = copy;
}

static void secret_exec(char **args, int out)
{
	static char *const empty[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				       NULL };
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(null, 2) < 0)
		_exit(127);
	close_range(3, ~0U, 0);
	execve(args[0], args, empty);
	_exit(127);
}

static int secret_read_pipe(int fd, char *page, int64_t deadline,
			    const char *program, size_t *ret_len,
			    struct rh_error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n;
	int rc;

	while (len < SECRET_PAGE - 1) {
		rc = poll(&p, 1, deadline_poll_ms(deadline));
		if (rc < 0 && errno == EINTR)
			continue;
		if (rc == 0)
			return rh_error_set(err, RH_ERR_TIMEOUT,
					    "%s printed no secret in time",
					    program);
		n = read(fd, page + len, SECRET_PAGE - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* Waits until the child ended or the deadline: a program may close its output. */
static bool secret_ended(pid_t pid, int64_t deadline)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int rc;

	/* A kernel without pidfds: it is waited for without a deadline. */
	if (p.fd < 0)
		return true;
	do {
		rc = poll(&p, 1, deadline_poll_ms(deadline));
	} while (rc < 0 && errno == EINTR);
	close(p.fd);
	return rc > 0;
}

/* failed: it is stopped at once, and err holds the reason already. */
static int secret_reap(pid_t pid, bool failed, int64_t deadline,
		       const char *program, struct rh_error *err)
{
	bool ended = !failed && secret_ended(pid, deadline);
	int status;

	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (failed)
		return -1;
	if (!ended)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "%s did not end in time", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return rh_error_set(err, RH_ERR_CONFIG, "%s ended with status %d",
			    program, WIFEXITED(status) ? WEXITSTATUS(status)
						       : 128 + WTERMSIG(status));
}

static int secret_load_command(const char *command, int64_t deadline,
			       char **ret_page, size_t *ret_len,
			       struct rh_error *err)
{
	char *args[SECRET_ARGS], *copy, *page = NULL;
	size_t len = 0;
	int pipes[2], rc;
	pid_t pid;

	secret_split(command, &copy, args);
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		free(copy);
		return rh_error_set_errno(err, RH_ERR_IO, errno, "pipe");
	}
	pid = fork();
	if (pid == 0)
		secret_exec(args, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "fork");
	} else if ((page = secret_page()) == NULL) {
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "mmap");
		secret_reap(pid, true, deadline, args[0], err);
	} else {
		rc = secret_read_pipe(pipes[0], page, deadline, args[0], &len,
				      err);
		/* One that still prints must not wait for us. */
		close(pipes[0]);
		pipes[0] = -1;
		rc = secret_reap(pid, rc < 0, deadline, args[0], err);
	}
	if (pipes[0] >= 0)
		close(pipes[0]);
	free(copy);
	if (rc == 0) {
		*ret_page = page;
		*ret_len = len;
		return 0;
	}
	if (page != NULL)
		secret_page_free(page);
	return -1;
}

/* What the reference leads to, in a page that the caller consumes. */
static int secret_load_page(const char *reference, int64_t deadline,
			    char **ret_page, size_t *ret_len,
			    struct rh_error *err)
{
	const char *rest;
	char *path = NULL;
	int rc;

	if ((rest = secret_after(reference, secret_file)) != NULL)
		return secret_load_file(rest, SECRET_OWN, ret_page, ret_len,
					err);
	if ((rest = secret_after(reference, secret_command)) != NULL)
		return secret_load_command(rest, deadline, ret_page, ret_len,
					   err);
	rest = secret_after(reference, secret_credential);
	if (rest == NULL)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "a secret must be a reference");
	if (secret_credential_path(rest, &path, err) < 0)
		return -1;
	rc = secret_load_file(path, SECRET_SYSTEMD, ret_page, ret_len, err);
	free(path);
	return rc;
}

int secret_load(struct secret *ret, const char *reference, int64_t deadline,
		struct rh_error *err)
{
	size_t len = 0;
	char *page;

	if (secret_load_page(reference, deadline, &page, &len, err) < 0)
		return -1;
	return secret_finish(ret, page, len, reference, err);
}

int secret_load_text(struct secret *ret, const char *reference,
		     int64_t deadline, struct rh_error *err)
{
	size_t len = 0;
	char *page;

	if (secret_load_page(reference, deadline, &page, &len, err) < 0)
		return -1;
	return secret_finish_text(ret, page, len, reference, err);
}

static int secret_check_command(const char *command, struct rh_error *err)
{
	char *args[SECRET_ARGS], *copy;
	int rc = 0;

	secret_split(command, &copy, args);
	if (access(args[0], X_OK) < 0)
		rc = rh_error_set_errno(err, RH_ERR_CONFIG, errno,
					"secret program %s", args[0]);
	free(copy);
	return rc;
}

int secret_check(const char *reference, struct rh_error *err)
{
	mode_t forbidden = SECRET_SYSTEMD;
	const char *rest;
	char *path = NULL;
	int fd;

	if (!secret_is_reference(reference))
		return rh_error_set(err, RH_ERR_CONFIG,
				    "a secret must be a reference");
	if ((rest = secret_after(reference, secret_command)) != NULL)
		return secret_check_command(rest, err);
	if ((rest = secret_after(reference, secret_file)) != NULL) {
		path = memory_copy(rest);
		forbidden = SECRET_OWN;
	} else if (secret_credential_path(secret_after(reference,
						     secret_credential),
					&path, err) < 0) {
		return -1;
	}
	fd = secret_open(path, forbidden, err);
	free(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}
