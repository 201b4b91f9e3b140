/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log, the one global of the program. Each line is one write(2), so
 * lines of several processes do not mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/vis.h"

static struct {
	enum log_level level;
	char name[80];
} log_state = { LOG_WARN, "rhands" };

void log_set_level(enum log_level level)
{
	log_state.level = level;
}

void log_set_name(const char *name)
{
	snprintf(log_state.name, sizeof(log_state.name), "%s", name);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[1024];
	struct buffer line = { 0 };
	va_list ap;

	if (level > log_state.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buffer_printf(&line, "%s: ", log_state.name);
	vis_append(&line, text, strlen(text));
	buffer_append_char(&line, '\n');
	if (write(STDERR_FILENO, line.data, line.len) < 0)
		log_state.level = LOG_NONE;
	buffer_release(&line);
}
