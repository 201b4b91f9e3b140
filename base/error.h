/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_ERROR_H
#define RH_BASE_ERROR_H

#include <stdbool.h>

/*
 * The error object: what went wrong, for a program (code) and for a person
 * (text: what was tried, what came back, what to do).
 *
 * The caller owns the object. A function that can fail returns 0 or -1 and
 * takes it as its last argument; NULL is accepted and means "not interested".
 * Every setter returns -1, so that code says `return rh_error_set(err, ...)`.
 */
enum rh_code {
	RH_ERR_NONE = 0,
	RH_ERR_USAGE,		/* the command line is wrong */
	RH_ERR_CONFIG,		/* a file of the configuration is wrong */
	RH_ERR_AUTH,		/* the other side refused the credential; never retry */
	RH_ERR_BUSY,		/* somebody else holds it, or no resources now */
	RH_ERR_NOTSUP,		/* the other side, or the driver, cannot */
	RH_ERR_STATE,		/* not possible in the present state (IPMI D5h) */
	RH_ERR_TIMEOUT,		/* no answer in time */
	RH_ERR_LOST,		/* there was a connection; it is gone */
	RH_ERR_UNREACHABLE,	/* there never was a connection */
	RH_ERR_PROTOCOL,	/* an answer that makes no sense */
	RH_ERR_REFUSED,		/* our own policy forbids it */
	RH_ERR_IO,		/* a file or the local system */
	RH_ERR_CRASHED,		/* a hand ended that should not have */
	RH_ERR_CANCELLED,	/* a person or a signal asked us to stop */
	RH_ERR_INTERNAL,	/* a case that should not occur; a bug */
	RH_ERR_NEEDS_HANDS,	/* a person must do it; the text says what */
	RH_ERR_COUNT,
};

struct rh_error {
	enum rh_code code;
	int sys_errno;		/* errno of the cause, 0 where there is none */
	char text[512];		/* NUL-ended, one line, cut where too long */
};

/* A fresh object: `struct rh_error err = RH_ERROR_INIT;` */
#define RH_ERROR_INIT { RH_ERR_NONE, 0, "" }

/* Sets code and text; overwrites what was there. Always returns -1. */
int rh_error_set(struct rh_error *err, enum rh_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same; appends ": strerror(sys_errno)" to the text. */
int rh_error_set_errno(struct rh_error *err, enum rh_code code, int sys_errno,
		       const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "PLACE: " before the text, where there is an error. Returns -1. */
int rh_error_prefix(struct rh_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void rh_error_clear(struct rh_error *err);

/* A short lower-case name ("busy", "auth"), for journals and JSON. */
const char *rh_code_name(enum rh_code code);

/* The code with that name, RH_ERR_NONE where there is none. */
enum rh_code rh_code_from_name(const char *name);

#endif
