/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules for the shell. The counterpart runs commands with a POSIX shell.
 * [counterpart] ends-session is a command that ends its own connection.
 */
#include "tests/lab/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shell_run(struct conf_instance *i, const char *command,
		     size_t limit, int64_t ms,
		     struct driver_shell_result *ret, struct rh_error *err)
{
	int64_t deadline = deadline_in(ms);
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = conf_driver->shell->run(i->self, command, limit, deadline, ret,
				     err);
	conf_check(deadline_now() - deadline <= CONF_SLACK_MS,
		   "%s ends %lld ms late", command,
		   (long long)(deadline_now() - deadline));
	conf_check(ret->out.len <= limit && ret->errors.len <= limit,
		   "%s: %zu and %zu bytes, the limit is %zu", command,
		   ret->out.len, ret->errors.len, limit);
	return rc;
}

static void shell_release(struct driver_shell_result *r)
{
	buffer_release(&r->out);
	buffer_release(&r->errors);
}

static void shell_check_status(struct conf_instance *i, const char *command,
			       int status)
{
	struct rh_error err = RH_ERROR_INIT;
	struct driver_shell_result r;

	if (conf_check_rc(shell_run(i, command, 100, CONF_SOON_MS, &r, &err),
			  &err, command))
		conf_check(r.exit_status == status, "%s: status %d", command,
			   r.exit_status);
	shell_release(&r);
}

static void shell_test_status(void)
{
	static const int statuses[] = { 0, 1, 2, 42, 126, 127, 128, 254, 255 };
	struct conf_instance i;
	char command[32];
	size_t n;

	conf_open(&i, NULL);
	for (n = 0; n < sizeof(statuses) / sizeof(statuses[0]); n++) {
		snprintf(command, sizeof(command), "exit %d", statuses[n]);
		shell_check_status(&i, command, statuses[n]);
	}
	conf_close(&i);
}

static void shell_test_signal(void)
{
	struct conf_instance i;

	conf_open(&i, NULL);
	shell_check_status(&i, "kill -TERM $$", 128 + 15);
	shell_check_status(&i, "kill -KILL $$", 128 + 9);
	conf_close(&i);
}

static void shell_test_outputs(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct driver_shell_result r;
	struct conf_instance i;

	conf_open(&i, NULL);
	if (conf_check_rc(shell_run(&i, "printf 'o\\000\\377\\033\\n'; "
				    "printf 'e\\r\\n' >&2", 100, CONF_SOON_MS,
				    &r, &err), &err, "run")) {
		conf_check(r.out.len == 5 &&
				   memcmp(r.out.data, "o\0\377\033\n", 5) == 0,
			   "%zu bytes of output, or others", r.out.len);
		conf_check(strcmp(buffer_text(&r.errors), "e\r\n") == 0,
			   "errors: %s", buffer_text(&r.errors));
		conf_check(!r.cut, "it says that there was more");
	}
	shell_release(&r);
	conf_close(&i);
}

static void shell_check_limit(struct conf_instance *i, size_t limit,
			      const char *kept, bool cut)
{
	struct rh_error err = RH_ERROR_INIT;
	struct driver_shell_result r;

	if (conf_check_rc(shell_run(i, "printf 12345678; printf 1234 >&2",
				    limit, CONF_SOON_MS, &r, &err), &err,
			  "run")) {
		conf_check(strcmp(buffer_text(&r.out), kept) == 0 &&
				   r.cut == cut,
			   "limit %zu: \"%s\", cut: %d", limit,
			   buffer_text(&r.out), r.cut);
		conf_check(strncmp(buffer_text(&r.errors), "1234",
				   r.errors.len) == 0,
			   "errors: %s", buffer_text(&r.errors));
	}
	shell_release(&r);
}

static void shell_test_limit(void)
{
	struct conf_instance i;

	conf_open(&i, NULL);
	shell_check_limit(&i, 8, "12345678", false);
	shell_check_limit(&i, 7, "1234567", true);
	shell_check_limit(&i, 0, "", true);
	conf_close(&i);
}

static void shell_test_huge(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct driver_shell_result r;
	struct conf_instance i;
	long before;

	conf_open(&i, NULL);
	shell_check_status(&i, "exit 0", 0);
	before = conf_memory_kb();
	if (conf_check_rc(shell_run(&i, "head -c 100000000 /dev/zero", 1000,
				    60000, &r, &err), &err, "100 MB"))
		conf_check(r.cut && r.out.len == 1000, "%zu bytes, cut: %d",
			   r.out.len, r.cut);
	conf_check(conf_memory_kb() - before < CONF_GROWTH_KB, "%ld kB more",
		   conf_memory_kb() - before);
	shell_release(&r);
	conf_close(&i);
}

/* It asks for input: there is none, and it does not wait for any. */
static void shell_test_stdin(void)
{
	struct conf_instance i;

	conf_open(&i, NULL);
	shell_check_status(&i, "cat", 0);
	shell_check_status(&i, "read line || exit 3", 3);
	conf_close(&i);
}

static void shell_test_deadline(void)
{
	struct rh_error err = RH_ERROR_INIT;
	struct driver_shell_result r;
	struct conf_instance i;
	int rc;

	conf_open(&i, NULL);
	rc = shell_run(&i, "echo begun; exec sleep 30", 100, 1500, &r, &err);
	conf_check(rc < 0 && err.code == RH_ERR_TIMEOUT, "rc %d, %s: %s", rc,
		   rh_code_name(err.code), err.text);
	if (rc < 0)
		conf_check_error(&err, "run");
	conf_check(strcmp(buffer_text(&r.out), "begun\n") == 0,
		   "what came is \"%s\"", buffer_text(&r.out));
	shell_release(&r);
	shell_check_status(&i, "exit 5", 5);
	conf_close(&i);
}

static void shell_test_no_status(void)
{
	const char *command = conf_need("ends-session");
	struct rh_error err = RH_ERROR_INIT;
	struct driver_shell_result r;
	struct conf_instance i;
	int rc;

	if (command == NULL)
		return;
	conf_open(&i, NULL);
	rc = shell_run(&i, command, 100, CONF_SOON_MS, &r, &err);
	conf_check(rc < 0 && err.code == RH_ERR_LOST, "rc %d, %s: %s", rc,
		   rh_code_name(err.code), err.text);
	if (rc < 0)
		conf_check_error(&err, "run");
	shell_release(&r);
	shell_check_status(&i, "exit 6", 6);
	conf_close(&i);
}

static void shell_test_boot_id(void)
{
	struct buffer one = { 0 }, two = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	struct conf_instance i;
	size_t n;
	int rc;

	conf_open(&i, NULL);
	rc = conf_driver->shell->boot_id(i.self, deadline_in(CONF_SOON_MS),
					 &one, &err);
	if (rc < 0)
		conf_check(err.code == RH_ERR_NOTSUP, "%s: %s",
			   rh_code_name(err.code), err.text);
	else
		conf_check_rc(conf_driver->shell->boot_id(
				      i.self, deadline_in(CONF_SOON_MS), &two,
				      &err), &err, "again");
	conf_check(strcmp(buffer_text(&one), buffer_text(&two)) == 0,
		   "%s, then %s", buffer_text(&one), buffer_text(&two));
	conf_check(rc < 0 || one.len > 0, "it is empty");
	for (n = 0; n < one.len; n++)
		conf_check(one.data[n] >= 0x20 && one.data[n] < 0x7f,
			   "byte %02x in it", (unsigned char)one.data[n]);
	buffer_release(&one);
	buffer_release(&two);
	conf_close(&i);
}

const struct conf_rule conf_rules_shell[] = {
	{ "exit-status", CONF_SHELL, shell_test_status },
	{ "signal-is-128-and-its-number", CONF_SHELL, shell_test_signal },
	{ "outputs-are-apart-and-unchanged", CONF_SHELL, shell_test_outputs },
	{ "output-is-cut-at-the-limit", CONF_SHELL, shell_test_limit },
	{ "output-of-100-mb-needs-no-memory", CONF_SHELL, shell_test_huge },
	{ "command-has-no-input", CONF_SHELL, shell_test_stdin },
	{ "command-ends-at-the-deadline", CONF_SHELL, shell_test_deadline },
	{ "no-exit-status-is-an-error", CONF_SHELL, shell_test_no_status },
	{ "boot-id-is-one-stable-line", CONF_SHELL, shell_test_boot_id },
	{ NULL, CONF_ANY, NULL },
};
