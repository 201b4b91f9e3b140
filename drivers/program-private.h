/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_DRIVERS_PROGRAM_PRIVATE_H
#define RH_DRIVERS_PROGRAM_PRIVATE_H

#include "drivers/program.h"

/*
 * What program.c and program-terminal.c share: how a program comes to life.
 */
struct program_start {
	int stdio[3];		/* what becomes 0, 1 and 2 */
	int secret;		/* what becomes 3; -1: nothing */
	bool controls;		/* 0 becomes its controlling terminal */
	bool no_hangup;		/* SIGHUP is ignored */
};

/* A pipe that holds these bytes and then ends; its read end, or -1 (IO). */
int program_filled_pipe(const void *bytes, size_t len, struct rh_error *err);

/*
 * Forks and executes. All descriptors of s are borrowed. *ret_ended is a
 * pidfd. Errors: CONFIG (the file cannot be executed), IO.
 */
int program_launch(const struct program *p, const struct program_start *s,
		   pid_t *ret_pid, int *ret_ended, struct rh_error *err);

/* Reads what is there; keeps the last `limit` bytes. False: it has ended. */
bool program_drain(int fd, struct buffer *b, size_t limit);

/* Kills what is left of the group and reaps; the status of waitpid(2). */
int program_reap(pid_t pid);

#endif
