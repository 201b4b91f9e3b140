/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The error object. Everybody comes in by rh_error_set; the place where the
 * error was noticed writes the text, the callers on the way up put their
 * place before it ("ldap1: power: ipmi: ..."), and the verb prints it, once.
 *
 * Always true: the text is NUL-ended, has no newline, and errno is left as
 * it was found.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const error_names[RH_ERR_COUNT] = {
	[RH_ERR_NONE] = "none",
	[RH_ERR_USAGE] = "usage",
	[RH_ERR_CONFIG] = "config",
	[RH_ERR_AUTH] = "auth",
	[RH_ERR_BUSY] = "busy",
	[RH_ERR_NOTSUP] = "not-supported",
	[RH_ERR_STATE] = "wrong-state",
	[RH_ERR_TIMEOUT] = "timeout",
	[RH_ERR_LOST] = "lost",
	[RH_ERR_UNREACHABLE] = "unreachable",
	[RH_ERR_PROTOCOL] = "protocol",
	[RH_ERR_REFUSED] = "refused",
	[RH_ERR_IO] = "io",
	[RH_ERR_CRASHED] = "crashed",
	[RH_ERR_CANCELLED] = "cancelled",
	[RH_ERR_INTERNAL] = "internal",
	[RH_ERR_NEEDS_HANDS] = "needs-hands",
};

static void error_one_line(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n' || *text == '\r')
			*text = ' ';
	}
}

int rh_error_set(struct rh_error *err, enum rh_code code, const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	if (err == NULL)
		return -1;
	err->code = code;
	err->sys_errno = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	error_one_line(err->text);
	errno = saved;
	return -1;
}

int rh_error_set_errno(struct rh_error *err, enum rh_code code, int sys_errno,
		       const char *fmt, ...)
{
	va_list ap;
	int saved = errno;
	size_t used;

	if (err == NULL)
		return -1;
	err->code = code;
	err->sys_errno = sys_errno;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		 strerror(sys_errno));
	error_one_line(err->text);
	errno = saved;
	return -1;
}

int rh_error_prefix(struct rh_error *err, const char *fmt, ...)
{
	char place[sizeof(err->text)];
	char whole[2 * sizeof(err->text) + 4];
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(place, sizeof(place), fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof(whole), "%s: %s", place, err->text);
	whole[sizeof(err->text) - 1] = '\0';
	memcpy(err->text, whole, strlen(whole) + 1);
	error_one_line(err->text);
	return -1;
}

void rh_error_clear(struct rh_error *err)
{
	if (err == NULL)
		return;
	err->code = RH_ERR_NONE;
	err->sys_errno = 0;
	err->text[0] = '\0';
}

const char *rh_code_name(enum rh_code code)
{
	if ((int)code < 0 || code >= RH_ERR_COUNT)
		return "internal";
	return error_names[code];
}

enum rh_code rh_code_from_name(const char *name)
{
	int code;

	for (code = 0; code < RH_ERR_COUNT; code++) {
		if (strcmp(error_names[code], name) == 0)
			return (enum rh_code)code;
	}
	return RH_ERR_NONE;
}
