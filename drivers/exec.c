/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any program as a way into a host: a power strip, a relay, a vendor's
 * tool, a cluster's fence agent. One argument list for each act, one for the
 * state, one for a console on a pseudo-terminal. The brain comes in by
 * driver_exec; program.c does the starting.
 *
 * Always true: each program was checked when the driver was opened (there,
 * executable, not to be changed by others); no secret is in an argument or in
 * the environment; an act starts its program once. A program that did not end
 * well may have done its work before: that is never said to be "not done".
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "drivers/drivers.h"
#include "drivers/exec.h"
#include "drivers/program.h"

#define EXEC_OUTPUT_MAX 65536
#define EXEC_CODES_MAX 16
#define EXEC_BREAK_MAX 256
#define EXEC_EARLY_MS 300	/* a console that ends so early is an error */

/* The programs, in the order of exec_keys. */
enum exec_program {
	EXEC_STATUS = 0,	/* then as in enum driver_act */
	EXEC_CONSOLE = DRIVER_ACT_DIAG + 1,
	EXEC_PROGRAMS,
};

static const char *const exec_keys[EXEC_PROGRAMS] = {
	[EXEC_STATUS] = "status",
	[DRIVER_ACT_ON] = "on",
	[DRIVER_ACT_OFF] = "off",
	[DRIVER_ACT_CYCLE] = "cycle",
	[DRIVER_ACT_RESET] = "reset",
	[DRIVER_ACT_SOFT] = "soft",
	[DRIVER_ACT_DIAG] = "diag",
	[EXEC_CONSOLE] = "console",
};

struct exec_codes {
	int codes[EXEC_CODES_MAX];
	int count;
};

struct exec {
	const struct settings *settings;
	struct secret secret;			/* bytes NULL: none */
	char **programs[EXEC_PROGRAMS];		/* NULL: none */
	struct exec_pattern on;
	struct exec_pattern off;
	struct exec_codes success;
	struct exec_codes status_success;
	int64_t timeout;
	struct buffer break_bytes;		/* empty: cannot */
	struct program_terminal terminal;
};

static const struct option exec_options[] = {
	{ .key = "on", .type = OPTION_TEXT,
	  .help = "Program and arguments that switch on; no shell: blanks part "
		  "words, \"quotes\" keep them together." },
	{ .key = "off", .type = OPTION_TEXT,
	  .help = "The same to switch off, hard." },
	{ .key = "cycle", .type = OPTION_TEXT,
	  .help = "The same to switch off and on; without it off and on are "
		  "used." },
	{ .key = "reset", .type = OPTION_TEXT,
	  .help = "The same to reset." },
	{ .key = "soft", .type = OPTION_TEXT,
	  .help = "The same to ask the system to go down." },
	{ .key = "diag", .type = OPTION_TEXT,
	  .help = "The same for a diagnostic interrupt." },
	{ .key = "status", .type = OPTION_TEXT,
	  .help = "Program and arguments that print the power state." },
	{ .key = "status-on", .type = OPTION_TEXT,
	  .help = "What status prints when it is on: text (whole words), or "
		  "/regex/." },
	{ .key = "status-off", .type = OPTION_TEXT,
	  .help = "What status prints when it is off." },
	{ .key = "success", .type = OPTION_TEXT, .fallback = "0",
	  .help = "Exit statuses with which an act has gone well." },
	{ .key = "status-success", .type = OPTION_TEXT, .fallback = "0",
	  .help = "Exit statuses with which status tells the truth (0 2 for "
		  "fence agents)." },
	{ .key = "secret", .type = OPTION_SECRET,
	  .help = "Written to the program's standard input with a newline; a "
		  "console program reads it from /proc/self/fd/3, once." },
	{ .key = "stdin", .type = OPTION_TEXT,
	  .help = "What is written to the program's standard input instead, "
		  "with \\n, ${secret} and ${act}." },
	{ .key = "timeout", .type = OPTION_DURATION, .unit = "ms",
	  .fallback = "30s", .min = 100, .max = 600000,
	  .help = "Time that a program gets; then it is stopped, and what it "
		  "did is not known." },
	{ .key = "console", .type = OPTION_TEXT,
	  .help = "Program and arguments that are a console, on a terminal of "
		  "their own." },
	{ .key = "break", .type = OPTION_TEXT,
	  .help = "What is typed to the console program for a break, with \\n "
		  "and \\xNN." },
	OPTION_END,
};

/* --- open and close ----------------------------------------------------------- */

static int exec_open_programs(struct exec *d, struct rh_error *err)
{
	const char *text;
	int i, count = 0;

	for (i = 0; i < EXEC_PROGRAMS; i++) {
		text = settings_text(d->settings, exec_keys[i]);
		if (text == NULL)
			continue;
		count++;
		if (program_split(text, &d->programs[i], err) < 0 ||
		    program_check(d->programs[i][0], err) < 0)
			return rh_error_prefix(err, "%s", exec_keys[i]);
	}
	if (count == 0)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "driver = exec: name a program: on, off, "
				    "status, console, ...");
	return 0;
}

static int exec_open_codes(struct exec *d, const char *key,
			   struct exec_codes *ret, struct rh_error *err)
{
	const char *text = settings_text(d->settings, key), *at = text;
	char *end;
	long code;

	for (at += strspn(at, " \t"); *at != '\0'; at += strspn(at, " \t")) {
		code = strtol(at, &end, 10);
		if (end == at || strchr(" \t", *end) == NULL || code < 0 ||
		    code > 255 || ret->count == EXEC_CODES_MAX)
			return rh_error_set(err, RH_ERR_CONFIG,
					    "%s = %s: expected exit statuses, 0 "
					    "to 255", key, text);
		ret->codes[ret->count++] = (int)code;
		at = end;
	}
	if (ret->count > 0)
		return 0;
	return rh_error_set(err, RH_ERR_CONFIG, "%s: name one at least", key);
}

static int exec_open_status(struct exec *d, struct rh_error *err)
{
	const char *on = settings_text(d->settings, "status-on");
	const char *off = settings_text(d->settings, "status-off");

	if (d->programs[EXEC_STATUS] != NULL && (on == NULL || off == NULL))
		return rh_error_set(err, RH_ERR_CONFIG,
				    "status: it needs status-on and status-off, "
				    "what it prints then");
	if (on != NULL && exec_pattern_init(&d->on, on, err) < 0)
		return rh_error_prefix(err, "status-on");
	if (off != NULL && exec_pattern_init(&d->off, off, err) < 0)
		return rh_error_prefix(err, "status-off");
	return 0;
}

static int exec_input(const struct exec *d, const char *act,
		      struct buffer *ret, struct rh_error *err)
{
	const char *text = settings_text(d->settings, "stdin");
	const struct exec_values values = {
		.secret = d->secret.bytes != NULL ? &d->secret : NULL,
		.act = act,
	};

	if (text == NULL && values.secret == NULL)
		return 0;
	if (exec_expand(text != NULL ? text : "${secret}\\n", &values, ret,
			err) < 0)
		return rh_error_prefix(err, "stdin");
	return 0;
}

static void exec_input_release(struct buffer *input)
{
	if (input->data != NULL)
		explicit_bzero(input->data, input->size);
	buffer_release(input);
}

static int exec_open_texts(struct exec *d, struct rh_error *err)
{
	const char *text = settings_text(d->settings, "break");
	const struct exec_values none = { 0 };
	struct buffer input = { 0 };
	int rc;

	if (text != NULL &&
	    exec_expand(text, &none, &d->break_bytes, err) < 0)
		return rh_error_prefix(err, "break");
	if (d->break_bytes.len > EXEC_BREAK_MAX)
		return rh_error_set(err, RH_ERR_CONFIG,
				    "break: %d bytes at most", EXEC_BREAK_MAX);
	rc = exec_input(d, "status", &input, err);
	if (rc == 0 && input.len > PROGRAM_INPUT_MAX - 16)
		rc = rh_error_set(err, RH_ERR_CONFIG, "stdin: it is too long");
	exec_input_release(&input);
	return rc;
}

static int exec_open(void *self, const struct settings *settings,
		     int64_t deadline, struct rh_error *err)
{
	struct exec *d = self;
	const char *reference = settings_secret_ref(settings, "secret");

	d->settings = settings;
	d->timeout = settings_number(settings, "timeout");
	if (exec_open_programs(d, err) < 0 ||
	    exec_open_codes(d, "success", &d->success, err) < 0 ||
	    exec_open_codes(d, "status-success", &d->status_success, err) < 0 ||
	    exec_open_status(d, err) < 0)
		return -1;
	if (reference != NULL &&
	    secret_load(&d->secret, reference, deadline, err) < 0)
		return rh_error_prefix(err, "secret");
	return exec_open_texts(d, err);
}

static void exec_close(void *self)
{
	struct exec *d = self;
	int i;

	(void)program_terminal_close(&d->terminal, deadline_in(500));
	for (i = 0; i < EXEC_PROGRAMS; i++) {
		program_free_args(d->programs[i]);
		d->programs[i] = NULL;
	}
	exec_pattern_release(&d->on);
	exec_pattern_release(&d->off);
	buffer_release(&d->break_bytes);
	secret_release(&d->secret);
}

/* --- power -------------------------------------------------------------------- */

static bool exec_is_success(const struct exec_codes *codes,
			    const struct program_result *result)
{
	int i;

	for (i = 0; i < codes->count; i++) {
		if (result->signal == 0 && result->exit_status == codes->codes[i])
			return true;
	}
	return false;
}

/* Runs one of the programs to an end that counts as success. */
static int exec_run(struct exec *d, enum exec_program which,
		    const struct exec_codes *codes, int64_t deadline,
		    struct program_result *ret, struct rh_error *err)
{
	struct program p = { .args = (const char *const *)d->programs[which],
			     .limit = EXEC_OUTPUT_MAX };
	struct buffer input = { 0 };
	int rc = exec_input(d, exec_keys[which], &input, err);

	p.input = buffer_text(&input);
	p.input_len = input.len;
	deadline = deadline_min(deadline, deadline_in(d->timeout));
	if (rc == 0)
		rc = program_run(&p, deadline, ret, err);
	if (rc == 0 && !exec_is_success(codes, ret))
		rc = program_fail_end(&p, ret, err);
	exec_input_release(&input);
	return rc;
}

static int exec_query(void *self, int64_t deadline,
		      enum driver_power *ret_state, struct rh_error *err)
{
	struct program_result result = { 0 };
	struct exec *d = self;
	bool on, off;
	int rc;

	if (d->programs[EXEC_STATUS] == NULL) {
		*ret_state = DRIVER_POWER_UNKNOWN;
		return 0;
	}
	rc = exec_run(d, EXEC_STATUS, &d->status_success, deadline, &result,
		      err);
	if (rc == 0) {
		on = exec_pattern_matches(&d->on, buffer_text(&result.out),
					  result.out.len);
		off = exec_pattern_matches(&d->off, buffer_text(&result.out),
					   result.out.len);
		*ret_state = DRIVER_POWER_UNKNOWN;
		/* both, or none: it cannot tell */
		if (on != off)
			*ret_state = on ? DRIVER_POWER_ON : DRIVER_POWER_OFF;
	}
	program_result_release(&result);
	return rc;
}

static int exec_act(void *self, enum driver_act act, int64_t deadline,
		    struct rh_error *err)
{
	struct program_result result = { 0 };
	struct exec *d = self;
	int rc;

	if (act <= DRIVER_ACT_NONE || act > DRIVER_ACT_DIAG ||
	    d->programs[act] == NULL)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "no program for %s: the option %s is not "
				    "set", driver_act_name(act),
				    driver_act_name(act));
	rc = exec_run(d, (enum exec_program)act, &d->success, deadline,
		      &result, err);
	program_result_release(&result);
	return rc;
}

static const struct driver_power_ops exec_power_ops = {
	.query = exec_query,
	.act = exec_act,
};

/* --- console ------------------------------------------------------------------ */

/* Until it says something; one that ends without is no console. */
static int exec_console_wait(struct exec *d, int64_t deadline,
			     struct rh_error *err)
{
	struct pollfd fds[2] = { { .fd = d->terminal.fd, .events = POLLIN },
				 { .fd = d->terminal.ended,
				   .events = POLLIN } };

	deadline = deadline_min(deadline, deadline_in(EXEC_EARLY_MS));
	(void)poll(fds, 2, deadline_poll_ms(deadline));
	if ((fds[0].revents & POLLIN) != 0 ||
	    (fds[0].revents | fds[1].revents) == 0)
		return 0;
	(void)program_terminal_gone(&d->terminal, RH_ERR_UNREACHABLE, err);
	(void)program_terminal_close(&d->terminal, deadline_in(0));
	return -1;
}

static int exec_attach(void *self, unsigned flags, int64_t deadline,
		       struct rh_error *err)
{
	struct exec *d = self;
	struct program p = {
		.args = (const char *const *)d->programs[EXEC_CONSOLE],
		.secret = d->secret.bytes,
		.secret_len = d->secret.len,
	};

	(void)flags;
	if (p.args == NULL)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "no console: the option console is not "
				    "set");
	if (deadline_now() >= deadline)
		return rh_error_set(err, RH_ERR_TIMEOUT,
				    "no time to start the console program");
	if (program_terminal_start(&p, true, &d->terminal, err) < 0)
		return -1;
	return exec_console_wait(d, deadline, err);
}

static int exec_pollfds(void *self, struct pollfd *fds, int max,
			int *ret_wake_ms)
{
	struct exec *d = self;

	(void)ret_wake_ms;
	return program_terminal_pollfds(&d->terminal, fds, max);
}

static int exec_read(void *self, void *bytes, size_t size,
		     struct rh_error *err)
{
	struct exec *d = self;

	return program_terminal_read(&d->terminal, bytes, size, err);
}

static int exec_write(void *self, const void *bytes, size_t len,
		      struct rh_error *err)
{
	struct exec *d = self;

	return program_terminal_write(&d->terminal, bytes, len, err);
}

static int exec_send_break(void *self, struct rh_error *err)
{
	struct exec *d = self;
	int n;

	if (d->break_bytes.len == 0)
		return rh_error_set(err, RH_ERR_NOTSUP,
				    "no break: the option break is not set");
	n = program_terminal_write(&d->terminal, d->break_bytes.data,
				   d->break_bytes.len, err);
	if (n < 0 || (size_t)n == d->break_bytes.len)
		return n < 0 ? -1 : 0;
	return rh_error_set(err, RH_ERR_BUSY,
			    "the console program took %d of %zu bytes of the "
			    "break", n, d->break_bytes.len);
}

static void exec_detach(void *self, int64_t deadline)
{
	struct exec *d = self;

	(void)program_terminal_close(&d->terminal, deadline);
}

static const struct driver_console_ops exec_console_ops = {
	.attach = exec_attach,
	.pollfds = exec_pollfds,
	.read = exec_read,
	.write = exec_write,
	.send_break = exec_send_break,
	.detach = exec_detach,
};

/* --- doctor ------------------------------------------------------------------- */

static void exec_look_status(struct exec *d, int64_t deadline,
			     struct buffer *ret)
{
	struct program_result result = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	char line[160];
	bool on, off;

	if (exec_run(d, EXEC_STATUS, &d->status_success, deadline, &result,
		     &err) < 0) {
		buffer_printf(ret, "fail\tstatus\t%s\n", err.text);
		program_result_release(&result);
		return;
	}
	on = exec_pattern_matches(&d->on, buffer_text(&result.out),
				  result.out.len);
	off = exec_pattern_matches(&d->off, buffer_text(&result.out),
				   result.out.len);
	program_last_line(&result.out, line, sizeof(line));
	if (on != off)
		buffer_printf(ret, "ok\tstatus\tit says %s: %s\n",
			      on ? "on" : "off", line);
	else
		buffer_printf(ret, "fail\tstatus\twhat it prints matches %s: %s\t"
			      "status-on = ..., status-off = ...\n",
			      on ? "both patterns" : "no pattern",
			      line);
	program_result_release(&result);
}

static int exec_look(void *self, unsigned flags, int64_t deadline,
		     struct buffer *ret, struct rh_error *err)
{
	struct exec *d = self;
	int i;

	(void)flags;
	(void)err;
	for (i = 0; i < EXEC_PROGRAMS; i++) {
		if (d->programs[i] != NULL)
			program_describe(d->programs[i][0], exec_keys[i], ret);
	}
	if (d->programs[EXEC_STATUS] != NULL)
		exec_look_status(d, deadline, ret);
	else if (d->programs[DRIVER_ACT_OFF] != NULL ||
		 d->programs[DRIVER_ACT_CYCLE] != NULL)
		buffer_append_text(ret, "note\tstatus\tno program tells the "
				   "power state: an act cannot be confirmed\t"
				   "status = /path/of/program ...\n");
	return 0;
}

static const struct driver_doctor_ops exec_doctor_ops = {
	.look = exec_look,
};

const struct driver driver_exec = {
	.name = "exec",
	.summary = "power and console by any program: power strips, relays, "
		   "fence agents",
	.options = exec_options,
	.size = sizeof(struct exec),
	.flags = DRIVER_STARTS_PROGRAMS,
	.open = exec_open,
	.close = exec_close,
	.power = &exec_power_ops,
	.console = &exec_console_ops,
	.doctor = &exec_doctor_ops,
};
