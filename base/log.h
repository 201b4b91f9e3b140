/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RH_BASE_LOG_H
#define RH_BASE_LOG_H

/*
 * The log: standard error, one line each, foreign text escaped. It is for
 * people who look for a fault in rhands itself; what happened to a host goes
 * to the record. Off below the level; the default level is LOG_WARN.
 */
enum log_level {
	LOG_NONE = 0,
	LOG_WARN,
	LOG_NOTE,
	LOG_DEBUG,
};

void log_set_level(enum log_level level);

/* The name that stands before each line, "rhands" or "rhands hand ldap1/power". */
void log_set_name(const char *name);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
