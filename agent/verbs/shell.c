/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rhands shell HOST -- COMMAND...: a command on the host, over its [shell] ways.
 * Its exit status becomes ours; a result that is not known is never 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/console/filter.h"
#include "agent/run/ask.h"
#include "agent/run/record.h"
#include "agent/verbs/trust.h"
#include "base/deadline.h"
#include "base/memory.h"
#include "base/vis.h"

/* Where `out` is a terminal, only what the filter lets through reaches it. */
static void shell_put(FILE *out, const char *bytes, size_t len)
{
	struct buffer shown = { 0 };
	struct filter filter;

	if (!isatty(fileno(out))) {
		fwrite(bytes, 1, len, out);
		return;
	}
	filter_init(&filter);
	filter_feed(&filter, bytes, len, &shown);
	fwrite(buffer_text(&shown), 1, shown.len, out);
	if (memchr(buffer_text(&shown), '\033', shown.len) != NULL)
		fputs(filter_reset_text, out);
	buffer_release(&shown);
}

static json_t *shell_string(const char *bytes, size_t len)
{
	struct buffer text = { 0 };
	json_t *string;

	vis_append_utf8(&text, bytes, len);
	string = json_stringn(buffer_text(&text), text.len);
	buffer_release(&text);
	return string;
}

/* What every line of --json about a shell has. */
static json_t *shell_json(const struct host *host, const struct way *way,
			  const char *command)
{
	json_t *line = json_pack("{so so}", "host", record_string(host->name),
				 "command", record_string(command));

	if (way != NULL) {
		json_object_set_new(line, "way", record_string(way->label));
		json_object_set_new(line, "driver",
				    json_string(way->driver->name));
	}
	return line;
}

static int shell_failed(struct verb_call *call, const struct ask *ask,
			const struct ask_answer *answer,
			const char *command, const struct rh_error *err)
{
	bool unknown = answer->way != NULL && !ask_was_not_done(err->code) &&
		       err->code != RH_ERR_CANCELLED;
	int status = unknown ? 4 : run_error_status(err->code);
	json_t *line;

	if (answer->way == NULL)
		status = 2;
	verb_fail(call, status, "%s: %s%s%s%s", ask->host->name,
		  answer->way != NULL ? answer->way->label : "",
		  answer->way != NULL ? ": " : "", err->text,
		  unknown ? "; the command may have been run, and its result is "
			    "not known" : "");
	if (!call->json)
		return status;
	line = shell_json(ask->host, answer->way, command);
	json_object_set_new(line, "exit_status", json_null());
	json_object_set_new(line, "code", json_string(rh_code_name(err->code)));
	json_object_set_new(line, "error", record_string(err->text));
	json_object_set_new(line, "may_have_run", json_boolean(unknown));
	verb_print_json(line);
	return status;
}

static int shell_done(struct verb_call *call, const struct ask *ask,
		      const struct ask_answer *answer, const char *command)
{
	const char *text = buffer_text(&answer->text);
	size_t errors_len = answer->text.len - answer->out_len;
	json_t *line;

	if (call->json) {
		line = shell_json(ask->host, answer->way, command);
		json_object_set_new(line, "exit_status",
				    json_integer(answer->exit_status));
		json_object_set_new(line, "out",
				    shell_string(text, answer->out_len));
		json_object_set_new(line, "errors",
				    shell_string(text + answer->out_len,
						 errors_len));
		json_object_set_new(line, "cut", json_boolean(answer->cut));
		verb_print_json(line);
		return answer->exit_status;
	}
	shell_put(stdout, text, answer->out_len);
	fflush(stdout);
	shell_put(stderr, text + answer->out_len, errors_len);
	if (answer->cut)
		verb_fail(call, 0, "%s: note: there was more output; %d bytes "
			  "of each are kept", ask->host->name, HAND_SHELL_MAX);
	return answer->exit_status;
}

static char *shell_command(const struct verb_call *call)
{
	struct buffer b = { 0 };
	int i;

	for (i = 1; i < call->argc; i++)
		buffer_printf(&b, "%s%s", i > 1 ? " " : "", call->argv[i]);
	return buffer_take(&b);
}

/* Asks, and once more where a person at the terminal trusts a host key. */
static int shell_ask(struct verb_call *call, struct ask *ask, int64_t timeout_ms,
		     struct ask_answer *answer, struct rh_error *err)
{
	enum trust_result trust = TRUST_ADDED;
	int tries;

	for (tries = 0; trust == TRUST_ADDED; tries++) {
		buffer_clear(&answer->text);
		rh_error_clear(err);
		ask->request.deadline = deadline_in(timeout_ms);
		if (ask_host(ask, answer, err) == 0)
			return 0;
		if (tries == TRUST_TRIES || (err->code != RH_ERR_REFUSED &&
					     err->code != RH_ERR_CONFIG))
			return -1;
		trust = trust_way(call, ask->host, answer->way);
	}
	if (trust == TRUST_CANCELLED) {
		rh_error_clear(err);
		rh_error_set(err, RH_ERR_CANCELLED, "stopped by a signal");
	}
	return -1;
}

static int shell_host(struct verb_call *call, const struct host *host,
		      const char *command, int64_t timeout_ms)
{
	struct ask ask = { .host = host, .capability = WAY_SHELL };
	struct ask_answer answer = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	int status;

	ask.request = (struct hand_request){
		.op = HAND_OP_SHELL,
		.number = HAND_SHELL_MAX, .bytes = command,
		.bytes_len = strlen(command) };
	if (shell_ask(call, &ask, timeout_ms, &answer, &err) < 0)
		status = shell_failed(call, &ask, &answer, command, &err);
	else
		status = shell_done(call, &ask, &answer, command);
	buffer_release(&answer.text);
	return verb_finish(call, status);
}

static int shell_run(struct verb_call *call)
{
	const char *timeout = "60s";
	const struct verb_option own[] = { { "timeout", &timeout, NULL },
					   { NULL, NULL, NULL } };
	const struct host **list = NULL;
	size_t count = 0;
	char *command;
	int64_t ms;
	int status = verb_begin(call, own, 2, -1);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (deadline_parse_ms(timeout, &ms) < 0 || ms < 1000)
		return verb_fail(call, 2, "--timeout %s: expected a time of 1s at "
				 "least, such as 90s or 20m", timeout);
	command = shell_command(call);
	if (strlen(command) > HAND_WRITE_MAX)
		status = verb_fail(call, 2, "the command has %zu bytes, %d are "
				   "possible", strlen(command), HAND_WRITE_MAX);
	if (status == 0)
		status = verb_load(call);
	if (status == 0)
		status = verb_hosts_of(call, call->argv, 1, &list, &count);
	if (status == 0 && count != 1)
		status = verb_fail(call, 2, "a command is run on one host");
	if (status == 0)
		status = shell_host(call, list[0], command, ms);
	free(list);
	free(command);
	return status;
}

const struct verb verb_shell = {
	.name = "shell",
	.usage = "HOST -- COMMAND...",
	.summary = "run a command on a host, by its [shell]",
	.help = "  --timeout T     the result is unknown after this time (60s)\n",
	.json = "shell",
	.run = shell_run,
};
