/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a person about a host key that nobody knows yet, and adds it to the way's
 * file of known hosts. doctor, shell and console come in; what is asked about
 * comes from the hand as a finding (driver.h, doctor).
 *
 * Always true: nothing is added without `yes` or the fingerprint, typed behind
 * the question; what is added is the line whose host, kind and fingerprint were
 * shown; the file grows by one whole line, under its lock, or stays as it was.
 */
#include "agent/verbs/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent/verbs/verb-policy.h"
#include "base/memory.h"
#include "base/vis.h"

#define TRUST_PREFIX 8		/* so much of a fingerprint is enough */
#define TRUST_ANSWER 256

/* A finding, taken apart; borrowed from a copy of the line. */
struct trust_key {
	char *kind;
	char *fingerprint;
	char *file;
	char *name;
	char *line;
};

static bool trust_terminal(const struct verb_call *call)
{
	/* Whom a policy limits does not change what others trust. */
	return !call->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
	       !verb_policy_limits(call);
}

/* ---- what was found -------------------------------------------------------- */

/* Three words of plain characters: nothing else gets into a file. */
static bool trust_line_is_good(const char *line)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/=-_.:[]@";

	size_t blanks = 0, i;

	if (line[0] == '@' || line[0] == ' ' || line[0] == '\0')
		return false;
	for (i = 0; line[i] != '\0'; i++) {
		if (line[i] == ' ' && line[i + 1] != ' ' && line[i + 1] != '\0')
			blanks++;
		else if (strchr(plain, line[i]) == NULL)
			return false;
	}
	return blanks == 2;
}

/* "note\tknown-host\tKIND FINGERPRINT FILE\tNAME KIND BASE64" */
static bool trust_split(char *text, struct trust_key *ret)
{
	char *rest = text, *word;

	word = strsep(&rest, "\t");
	if (rest == NULL || strcmp(word, "note") != 0 ||
	    strcmp(strsep(&rest, "\t"), "known-host") != 0 || rest == NULL)
		return false;
	word = strsep(&rest, "\t");
	ret->line = rest;
	if (rest == NULL || !trust_line_is_good(rest))
		return false;
	ret->kind = strsep(&word, " ");
	ret->fingerprint = strsep(&word, " ");
	ret->file = word;
	return ret->file != NULL && ret->file[0] != '\0' &&
	       strncmp(ret->fingerprint, "SHA256:", 7) == 0 &&
	       strlen(ret->fingerprint) > 7 + TRUST_PREFIX;
}

/* The finding in a copy of them all; the copy is to be freed. */
static char *trust_find(const struct examine_way *way, struct trust_key *ret)
{
	char *copy = memory_copy(buffer_text(&way->findings));
	char *line, *rest = copy;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (trust_split(line, ret))
			return copy;
	}
	free(copy);
	return NULL;
}

/* ---- the file ------------------------------------------------------------------ */

/* Whether the file has just this line; *ret_open: it does not end with a newline. */
static bool trust_file_has(int fd, const char *line, bool *ret_open)
{
	FILE *f = fdopen(dup(fd), "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	bool has = false;

	*ret_open = false;
	while (f != NULL && (len = getline(&text, &size, f)) > 0) {
		*ret_open = text[len - 1] != '\n';
		text[strcspn(text, "\r\n")] = '\0';
		has = has || strcmp(text, line) == 0;
	}
	free(text);
	if (f != NULL)
		fclose(f);
	return has;
}

static bool trust_is_there(const struct trust_key *key)
{
	int fd = open(key->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool open_line, there;

	if (fd < 0)
		return false;
	there = trust_file_has(fd, key->line, &open_line);
	close(fd);
	return there;
}

static int trust_append(int fd, const struct trust_key *key,
			struct rh_error *err)
{
	struct buffer out = { 0 };
	struct stat st;
	bool open_line;
	int rc = 0;

	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s",
					  key->file);
	if (!S_ISREG(st.st_mode))
		return rh_error_set(err, RH_ERR_IO, "%s is no file",
				    key->file);
	if (trust_file_has(fd, key->line, &open_line))
		return 0;
	buffer_printf(&out, "%s%s\n", open_line ? "\n" : "", key->line);
	errno = ENOSPC;
	if (write(fd, out.data, out.len) != (ssize_t)out.len ||
	    fsync(fd) < 0) {
		rc = rh_error_set_errno(err, RH_ERR_IO, errno, "%s", key->file);
		if (ftruncate(fd, st.st_size) < 0)
			rc = -1;
	}
	buffer_release(&out);
	return rc;
}

/* A new file is for us alone; an old one keeps its mode. */
static int trust_add(const struct trust_key *key, struct rh_error *err)
{
	int fd = open(key->file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC |
					 O_NONBLOCK, 0600);
	int rc;

	if (fd < 0)
		return rh_error_set_errno(err, RH_ERR_IO, errno, "%s",
					  key->file);
	rc = trust_append(fd, key, err);
	close(fd);
	return rc;
}

/* ---- the question ---------------------------------------------------------------- */

static void trust_print(const char *text)
{
	struct buffer safe = { 0 };

	vis_append(&safe, text, strlen(text));
	fputs(buffer_text(&safe), stderr);
	buffer_release(&safe);
}

static void trust_show(const struct trust_key *key,
		       const struct examine_way *way)
{
	fputs("\nThe host key of ", stderr);
	trust_print(key->name);
	fputs(" (", stderr);
	trust_print(way->host->name);
	fputs(", [", stderr);
	trust_print(way->way->label);
	fputs("]) is not known:\n  ", stderr);
	trust_print(key->kind);
	fputs("  ", stderr);
	trust_print(key->fingerprint);
	fputs("\nCompare it on the machine itself: ssh-keygen -lf "
	      "/etc/ssh/ssh_host_*_key.pub\nAdd it to ", stderr);
	trust_print(key->file);
	fputs("?\n", stderr);
}

/* A line of the terminal; false at its end, or at a signal (*ret_signal). */
static bool trust_read(char *line, size_t size, int signal_fd, bool *ret_signal)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = signal_fd, .events = POLLIN } };
	ssize_t n;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	*ret_signal = fds[1].revents != 0;
	if (*ret_signal)
		return false;
	n = read(STDIN_FILENO, line, size - 1);
	if (n <= 0)
		return false;
	line[n] = '\0';
	line += strcspn(line, "\r\n");
	*line = '\0';
	return true;
}

/* 1 yes, 0 no, -1 neither. */
static int trust_means(const char *line, const struct trust_key *key)
{
	const char *fingerprint = key->fingerprint + strlen("SHA256:");
	char word[TRUST_ANSWER];
	size_t len;

	line += strspn(line, " \t");
	snprintf(word, sizeof(word), "%s", line);
	len = strcspn(word, " \t");
	word[len] = '\0';
	if (strcmp(word, "yes") == 0)
		return 1;
	if (strcmp(word, "no") == 0)
		return 0;
	line = word;
	if (strncmp(word, "SHA256:", 7) == 0)
		line += 7;
	len = strlen(line);
	return len >= TRUST_PREFIX && strncmp(line, fingerprint, len) == 0 ? 1
									  : -1;
}

static enum trust_result trust_ask(const struct trust_key *key, int signal_fd)
{
	char line[TRUST_ANSWER];
	bool stopped;
	int means;

	tcflush(STDIN_FILENO, TCIFLUSH);
	for (;;) {
		fprintf(stderr, "Type yes, no, or the fingerprint (%d or more of "
			"its characters): ", TRUST_PREFIX);
		fflush(stderr);
		if (!trust_read(line, sizeof(line), signal_fd, &stopped)) {
			fputc('\n', stderr);
			return stopped ? TRUST_CANCELLED : TRUST_NOT;
		}
		means = trust_means(line, key);
		if (means >= 0)
			return means == 1 ? TRUST_ADDED : TRUST_NOT;
		fputs("That is neither, nor is it this fingerprint.\n", stderr);
	}
}

/* The same, with the signals that would end us, whoever holds them off. */
static enum trust_result trust_ask_signals(const struct trust_key *key)
{
	sigset_t set, before;
	enum trust_result result;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	result = fd < 0 ? TRUST_NOT : trust_ask(key, fd);
	if (fd >= 0)
		close(fd);
	if (result != TRUST_CANCELLED)
		sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

static enum trust_result trust_key(const struct verb_call *call,
				   const struct examine_way *way,
				   struct trust_key *key)
{
	struct rh_error err = RH_ERROR_INIT;
	char *name = memory_copy(key->line);
	enum trust_result result;

	name[strcspn(name, " ")] = '\0';
	key->name = name;
	if (trust_is_there(key)) {
		result = TRUST_ADDED;	/* for another way, a moment ago */
	} else {
		trust_show(key, way);
		result = trust_ask_signals(key);
	}
	if (result == TRUST_ADDED && trust_add(key, &err) < 0) {
		verb_fail(call, 0, "the key was not added: %s; add this line "
			  "yourself: %s", err.text, key->line);
		result = TRUST_NOT;
	}
	free(name);
	return result;
}

enum trust_result trust_found(const struct verb_call *call,
			      const struct examine_way *way)
{
	enum trust_result result = TRUST_NOT;
	struct trust_key key;
	char *copy;

	if (!trust_terminal(call) || way->way == NULL)
		return TRUST_NOT;
	copy = trust_find(way, &key);
	if (copy != NULL)
		result = trust_key(call, way, &key);
	free(copy);
	return result;
}

static void trust_take(void *context, const struct examine_way *way)
{
	(void)context;
	(void)way;
}

enum trust_result trust_way(const struct verb_call *call,
			    const struct host *host, const struct way *way)
{
	struct examine_way look = { .host = host, .way = way };
	enum trust_result result = TRUST_NOT;

	if (!trust_terminal(call) || way == NULL ||
	    option_find(way->driver->options, "known-hosts") == NULL)
		return TRUST_NOT;
	if (!examine_ways(&look, 1, 1, 0, trust_take, NULL))
		result = TRUST_CANCELLED;
	else
		result = trust_found(call, &look);
	buffer_release(&look.findings);
	return result;
}
