/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What verbs say, to people and to programs. Always true: foreign text is escaped
 * on both standard output and standard error, and a line that could not be
 * written does not end as a success (verb_finish).
 */
#include "agent/verbs/paths.h"
#include "agent/verbs/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/run/answer.h"
#include "agent/run/record.h"
#include "base/vis.h"
#include "config.h"

int verb_fail(const struct verb_call *call, int status, const char *fmt, ...)
{
	struct buffer out = { 0 };
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vis_append(&out, text, strlen(text));
	fprintf(stderr, "rhands %s: %s\n", call->verb->name, buffer_text(&out));
	buffer_release(&out);
	return status;
}

void verb_put(const char *text)
{
	struct buffer out = { 0 };

	vis_append(&out, text, strlen(text));
	fputs(buffer_text(&out), stdout);
	buffer_release(&out);
}

int verb_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 0;
	return size.ws_col;
}

/* Bytes of the text that fit into so many columns, up to a blank or the end. */
static size_t verb_fold(const char *text, int columns)
{
	size_t i, blank = 0;
	int used = 0;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] == ' ' && (used <= columns || blank == 0))
			blank = i;
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			used++;
		if (used > columns && blank > 0)
			return blank;
	}
	return i;
}

/* Text that is safe for a terminal. */
static void verb_put_lines(const char *rest, int columns, int indent)
{
	size_t len = columns > 0 ? verb_fold(rest, columns) : strlen(rest);

	printf("%.*s\n", (int)len, rest);
	for (rest += len; *rest != '\0'; rest += len) {
		rest += strspn(rest, " ");
		len = verb_fold(rest, columns - indent);
		printf("%*s%.*s\n", indent, "", (int)len, rest);
	}
}

void verb_put_folded(const char *text, int columns, int indent)
{
	struct buffer out = { 0 };

	vis_append(&out, text, strlen(text));
	verb_put_lines(buffer_text(&out), columns, indent);
	buffer_release(&out);
}

void verb_put_folded_words(const char *text, int columns, int indent)
{
	struct buffer out = { 0 };
	const char *next;

	for (; *text != '\0'; text = next) {
		next = text + strcspn(text, "\\");
		vis_append(&out, text, (size_t)(next - text));
		if (*next == '\\')
			buffer_append_char(&out, *next++);
	}
	verb_put_lines(buffer_text(&out), columns, indent);
	buffer_release(&out);
}

void verb_print_json(json_t *object)
{
	json_t *line = json_object();
	char *text;

	json_object_set_new(line, "version", json_integer(RECORD_VERSION));
	json_object_update(line, object);
	text = json_dumps(line, JSON_COMPACT);
	printf("%s\n", text);
	free(text);
	json_decref(line);
	json_decref(object);
}

void verb_print_not_begun(const struct host *host, const struct rh_error *err)
{
	verb_print_json(json_pack("{ss ss ss so ss si}", "event", "verdict",
				  "host", host->name, "verdict",
				  verdict_name(VERDICT_UNKNOWN), "reason",
				  record_string(err->text), "code",
				  rh_code_name(err->code), "exit",
				  run_error_status(err->code)));
}

int verb_not_begun(const struct verb_call *call, const struct host *host,
		   const struct rh_error *err)
{
	int status = run_error_status(err->code);

	verb_fail(call, status, "%s", err->text);
	if (call->json)
		verb_print_not_begun(host, err);
	return status;
}

int verb_finish(const struct verb_call *call, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return verb_fail(call, status != 0 ? status : 1,
			 "standard output can't be written%s%s",
			 errno != 0 ? ": " : "",
			 errno != 0 ? strerror(errno) : "");
}

bool verb_asks(const struct verb_call *call, const char *path,
	       const json_t *run, char *buf, size_t buf_len)
{
	const char *host = json_string_value(json_object_get(run, "host"));
	const char *records = call->records_option;
	bool moved = strcmp(call->config_dir, RHANDS_CONFIG_DIR) != 0;
	json_t *question = answer_question(path);
	char choices[200];

	if (question == NULL)
		return false;
	answer_choices(question, choices, sizeof(choices));
	snprintf(buf, buf_len, "%.500s; answer it with: rhands answer%s%s%s%s "
		 "%s %s",
		 json_string_value(json_object_get(question, "text")),
		 moved ? " --config " : "", moved ? call->config_dir : "",
		 records != NULL ? " --records " : "",
		 records != NULL ? records : "", host != NULL ? host : "?",
		 choices[0] != '\0' ? choices : "TEXT");
	json_decref(question);
	return true;
}
