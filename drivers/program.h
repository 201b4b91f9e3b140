/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_PROGRAM_H
#define RH_DRIVERS_PROGRAM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

/*
 * Programs for drivers, started without a shell: an argument list, PATH alone
 * in the environment, no descriptor above 2 (but the secret's), default
 * signals, / as directory, a session of its own. It dies with the hand, and what
 * it leaves running in its process group is killed.
 */

/* Where a program finds its secret, as a file that can be read once. */
#define PROGRAM_SECRET_PATH "/proc/self/fd/3"
#define PROGRAM_INPUT_MAX 32768

struct program {
	const char *const *args;	/* NULL-ended; args[0] is an absolute path */
	const void *input;		/* bytes for its standard input; NULL: none */
	size_t input_len;		/* at most PROGRAM_INPUT_MAX */
	const void *secret;		/* bytes for PROGRAM_SECRET_PATH; NULL: none */
	size_t secret_len;
	size_t limit;			/* bytes kept of each output: the last ones */
};

/* How it ended by itself. Zeroed memory is a valid empty one. */
struct program_result {
	int exit_status;		/* -1 where a signal ended it */
	int signal;			/* 0 where it exited */
	struct buffer out;
	struct buffer errors;
};

/* A program that runs on a pseudo-terminal. */
struct program_terminal {
	pid_t pid;			/* 0: none */
	int ended;			/* pidfd, readable when it has ended */
	int fd;				/* the terminal, without blocking */
	int errors;			/* its standard error, without blocking */
	struct buffer error_text;	/* the last of it */
};

/*
 * Splits text at blanks; "double quotes" keep blanks in a word, there is no
 * other magic. *ret_args (free with program_free_args) is NULL-ended and holds
 * one word at least, the first beginning with '/'. Errors: CONFIG.
 */
int program_split(const char *text, char ***ret_args, struct rh_error *err);

/* The same for words that are no program; there may be none. */
int program_words(const char *text, char ***ret_args, struct rh_error *err);
void program_free_args(char **args);

/*
 * Whether the file is a regular, executable one that neither group nor others
 * can change and that is ours or root's. Errors: CONFIG.
 */
int program_check(const char *path, struct rh_error *err);

/*
 * Runs it to its end, whatever its exit status; TERM goes to its group a
 * little before the deadline, KILL at it. Errors: CONFIG (it could not be
 * started: nothing was done), IO (the same), TIMEOUT (it was stopped). *ret
 * holds the output in any case; release it with program_result_release.
 */
int program_run(const struct program *p, int64_t deadline,
		struct program_result *ret, struct rh_error *err);
void program_result_release(struct program_result *r);

/* The last line that is not empty, escaped and cut to fit buf. Returns buf. */
const char *program_last_line(const struct buffer *text, char *buf,
			      size_t buf_len);

/*
 * Sets err to how it ended: the exit status or signal, and the last line of its
 * error output, else of its output. PROTOCOL: what it did is not known. -1.
 */
int program_fail_end(const struct program *p, const struct program_result *r,
		     struct rh_error *err);

/* A finding of doctor about the program: owner and mode, or what is wrong. */
void program_describe(const char *path, const char *subject,
		      struct buffer *ret);

/*
 * Starts it on a terminal of its own (raw, 80x25), input and input_len are not
 * used. With `hangup` it is told by SIGHUP when the terminal is closed, without
 * it by the end of its input alone. Errors: CONFIG, IO. End it with
 * program_terminal_close.
 */
int program_terminal_start(const struct program *p, bool hangup,
			   struct program_terminal *ret, struct rh_error *err);

/* What to poll for; at most max entries. Returns the count. */
int program_terminal_pollfds(const struct program_terminal *t,
			     struct pollfd *fds, int max);

/* Sets err: it has ended, with the last line of its error output. -1. */
int program_terminal_gone(struct program_terminal *t, enum rh_code code,
			  struct rh_error *err);

/*
 * Bytes that are there: > 0, 0 none now, -1 it has ended and all is read (LOST;
 * the text has the last line of its error output). Reads that output too.
 */
int program_terminal_read(struct program_terminal *t, void *bytes, size_t size,
			  struct rh_error *err);

/* Returns how many were taken (0 to len), -1 where it has ended (LOST). */
int program_terminal_write(struct program_terminal *t, const void *bytes,
			   size_t len, struct rh_error *err);

/*
 * Closes the terminal, waits for the end until the deadline, then kills.
 * Returns whether it ended by itself. Accepts one that was never started.
 */
bool program_terminal_close(struct program_terminal *t, int64_t deadline);

#endif
