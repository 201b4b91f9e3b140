/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exec driver, with small programs that the tests write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"
#include "drivers/exec.h"

#define SOON_MS 10000

static char dir[] = "/tmp/rhands-exec-XXXXXX";
static struct settings *settings;
static void *self;
static struct rh_error err;

/* --- files and instances --- */

static void write_file(const char *name, const char *text, mode_t mode)
{
	char *path = memory_format("%s/%s", dir, name);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	free(path);
}

static void tool(const char *script)
{
	char *text = memory_format("#!/bin/sh\ncd %s\n%s\n", dir, script);

	write_file("tool", text, 0755);
	free(text);
}

static char *slurp(const char *name)
{
	static char text[4096];
	char *path = memory_format("%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	free(path);
	return text;
}

static int setup(void **state)
{
	const struct option *tables[2] = { driver_exec.options, NULL };

	(void)state;
	settings = settings_new(tables);
	self = memory_new(1, driver_exec.size);
	rh_error_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "tool", "secret", "log", "calls",
					     "state" };
	char *path;
	size_t i;

	(void)state;
	driver_exec.close(self);
	free(self);
	settings_free(settings);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path = memory_format("%s/%s", dir, names[i]);
		unlink(path);
		free(path);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

/* "%s" in the value is the directory. */
static void set(const char *key, const char *value)
{
	struct buffer text = { 0 };
	const char *at = strstr(value, "%s");

	if (at != NULL) {
		buffer_append(&text, value, (size_t)(at - value));
		buffer_append_text(&text, dir);
		value = at + 2;
	}
	buffer_append_text(&text, value);
	if (settings_set(settings, key, buffer_text(&text), &err) < 0)
		fail_msg("%s: %s", key, err.text);
	buffer_release(&text);
}

static int open_driver(void)
{
	return driver_exec.open(self, settings, deadline_in(SOON_MS), &err);
}

static void open_well(void)
{
	if (open_driver() < 0)
		fail_msg("open: %s", err.text);
}

static int act(enum driver_act what)
{
	rh_error_clear(&err);
	return driver_exec.power->act(self, what, deadline_in(SOON_MS), &err);
}

static enum driver_power query(void)
{
	enum driver_power state = DRIVER_POWER_UNKNOWN;

	if (driver_exec.power->query(self, deadline_in(SOON_MS), &state, &err) < 0)
		fail_msg("query: %s", err.text);
	return state;
}

static void assert_error(enum rh_code code, const char *part)
{
	if (err.code != code || strstr(err.text, part) == NULL)
		fail_msg("wanted %s, \"%s\"; got %s, %s", rh_code_name(code),
			 part, rh_code_name(err.code), err.text);
}

/* --- texts --- */

static bool matches(const char *pattern, const char *text)
{
	struct exec_pattern p = { 0 };
	bool found;

	if (exec_pattern_init(&p, pattern, &err) < 0)
		fail_msg("%s: %s", pattern, err.text);
	found = exec_pattern_matches(&p, text, strlen(text));
	exec_pattern_release(&p);
	return found;
}

static void test_patterns(void **state)
{
	(void)state;
	assert_true(matches("on", "outlet 3: on\n"));
	assert_false(matches("on", "connection refused\n"));
	assert_false(matches("on", "on_hold only moon\n"));
	assert_true(matches("on", "moon on"));
	assert_true(matches("Status: ON", "Status: ON"));
	assert_true(matches("=1;", "relay=1;x"));
	assert_false(matches("on", ""));
	assert_true(matches("/^on$/", "a\non\n"));
	assert_false(matches("/^on$/", "ON"));
	assert_true(matches("/^on$/i", "ON"));
	assert_true(matches("/a/b/", "xa/by"));
}

static void test_bad_patterns(void **state)
{
	static const struct {
		const char *pattern, *part;
	} bad[] = {
		{ "/", "missing" }, { "/on", "missing" }, { "/on/x", "flag" },
		{ "//", "everything" }, { "/(/", "at character" }, { "", "no" },
	};
	struct exec_pattern p = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(exec_pattern_init(&p, bad[i].pattern, &err),
				 -1);
		assert_error(RH_ERR_CONFIG, bad[i].part);
	}
	/* a pattern that never ends is a "no" in good time */
	assert_false(matches("/(a+)+$/", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
}

static void test_expand(void **state)
{
	struct secret secret = { (char *)"p$\\n", 4 };
	const struct exec_values all = { &secret, "off" }, none = { 0 };
	struct buffer out = { 0 };

	(void)state;
	assert_int_equal(exec_expand("a=${act}\\nb=${secret}\\x41\\\\ $5 $",
				     &all, &out, &err), 0);
	assert_string_equal(buffer_text(&out), "a=off\nb=p$\\nA\\ $5 $");
	assert_int_equal(exec_expand("${secret}", &none, &out, &err), -1);
	assert_error(RH_ERR_CONFIG, "${secret}");
	assert_int_equal(exec_expand("\\q", &all, &out, &err), -1);
	assert_error(RH_ERR_CONFIG, "\\q");
	assert_int_equal(exec_expand("\\x4", &all, &out, &err), -1);
	assert_int_equal(exec_expand("end\\", &all, &out, &err), -1);
	buffer_release(&out);
}

/* --- configuration --- */

static void assert_open_fails(const char *part)
{
	assert_int_equal(open_driver(), -1);
	assert_error(RH_ERR_CONFIG, part);
}

static void test_nothing_named(void **state)
{
	(void)state;
	assert_open_fails("name a program");
}

static void test_no_such_program(void **state)
{
	(void)state;
	set("off", "%s/tool off");
	assert_open_fails("off: program");
}

static void test_program_of_others(void **state)
{
	(void)state;
	write_file("tool", "#!/bin/sh\n", 0777);
	set("off", "%s/tool off");
	assert_open_fails("can be changed by others");
}

static void test_relative_program(void **state)
{
	(void)state;
	set("off", "tool off");
	assert_open_fails("whole path");
}

static void test_status_needs_patterns(void **state)
{
	(void)state;
	tool("echo on");
	set("status", "%s/tool");
	set("status-on", "on");
	assert_open_fails("status-off");
}

static void test_bad_success(void **state)
{
	(void)state;
	tool("echo on");
	set("off", "%s/tool");
	set("success", "0 256");
	assert_open_fails("0 to 255");
}

static void test_secret_that_is_not_there(void **state)
{
	(void)state;
	tool("echo on");
	set("off", "%s/tool");
	set("stdin", "p=${secret}");
	assert_open_fails("${secret}");
}

/* --- power --- */

static void test_acts(void **state)
{
	(void)state;
	tool("echo \"$#:$1:$2\" >>calls");
	set("on", "%s/tool 3 on");
	set("off", "%s/tool \"3 ;rm -rf $HOME\" `off`");
	set("cycle", "%s/tool cycle");
	open_well();
	assert_int_equal(act(DRIVER_ACT_ON), 0);
	assert_int_equal(act(DRIVER_ACT_OFF), 0);
	assert_int_equal(act(DRIVER_ACT_CYCLE), 0);
	assert_string_equal(slurp("calls"), "2:3:on\n2:3 ;rm -rf $HOME:`off`\n"
			    "1:cycle:\n");
	assert_int_equal(act(DRIVER_ACT_SOFT), -1);
	assert_error(RH_ERR_NOTSUP, "soft is not set");
	assert_int_equal(act(DRIVER_ACT_NONE), -1);
	assert_int_equal(err.code, RH_ERR_NOTSUP);
	assert_int_equal(query(), DRIVER_POWER_UNKNOWN);
}

static void test_failures(void **state)
{
	(void)state;
	tool("echo x >>calls; case $1 in on) echo 'no \033[2Jroute' >&2; exit 1;; "
	     "off) exit 137;; cycle) kill -9 $$;; reset) exit 127;; "
	     "soft) exit 3;; diag) sleep 60;; esac");
	set("on", "%s/tool on");
	set("off", "%s/tool off");
	set("cycle", "%s/tool cycle");
	set("reset", "%s/tool reset");
	set("soft", "%s/tool soft");
	set("diag", "%s/tool diag");
	set("success", "0 3");
	set("timeout", "3s");	/* a busy machine starts a shell slowly */
	open_well();
	assert_int_equal(act(DRIVER_ACT_ON), -1);
	assert_error(RH_ERR_PROTOCOL, "status 1: no \\e[2Jroute");
	assert_int_equal(act(DRIVER_ACT_OFF), -1);
	assert_error(RH_ERR_PROTOCOL, "137");
	assert_int_equal(act(DRIVER_ACT_CYCLE), -1);
	assert_error(RH_ERR_PROTOCOL, "signal 9");
	assert_int_equal(act(DRIVER_ACT_RESET), -1);
	assert_error(RH_ERR_PROTOCOL, "did not find");
	assert_int_equal(act(DRIVER_ACT_SOFT), 0);
	assert_int_equal(act(DRIVER_ACT_DIAG), -1);
	assert_error(RH_ERR_TIMEOUT, "in time");
	/* each was started once */
	assert_string_equal(slurp("calls"), "x\nx\nx\nx\nx\nx\n");
}

static void test_program_that_went_away(void **state)
{
	char *path = memory_format("%s/tool", dir);

	(void)state;
	tool("exit 0");
	set("off", "%s/tool off");
	open_well();
	unlink(path);
	assert_int_equal(act(DRIVER_ACT_OFF), -1);
	assert_error(RH_ERR_CONFIG, "cannot be started");
	free(path);
}

static void test_status(void **state)
{
	static const struct {
		const char *says;
		enum driver_power state;
	} cases[] = {
		{ "Status: ON", DRIVER_POWER_ON },
		{ "Status: OFF", DRIVER_POWER_OFF },
		{ "Status: ON OFF", DRIVER_POWER_UNKNOWN },
		{ "overload", DRIVER_POWER_UNKNOWN },
		{ "", DRIVER_POWER_UNKNOWN },
	};
	enum driver_power power;
	size_t i;

	(void)state;
	tool("cat state; test -s state; exit $((2 * $?))");
	set("status", "%s/tool");
	set("status-on", "ON");
	set("status-off", "/^status:.*\\boff$/i");
	set("status-success", "0 2");
	open_well();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file("state", cases[i].says, 0600);
		assert_int_equal(query(), cases[i].state);
	}
	tool("exit 1");
	assert_int_equal(driver_exec.power->query(self, deadline_in(SOON_MS),
						  &power, &err), -1);
	assert_error(RH_ERR_PROTOCOL, "said nothing");
}

/* --- secrets --- */

#define SPY "cat >log; tr '\\0' '\\n' </proc/$$/cmdline >calls; " \
	    "tr '\\0' '\\n' </proc/$$/environ >>calls"

static void test_secret(void **state)
{
	(void)state;
	tool(SPY);
	write_file("secret", "hunter2\n", 0600);
	set("off", "%s/tool off");
	set("secret", "@file:%s/secret");
	open_well();
	assert_int_equal(act(DRIVER_ACT_OFF), 0);
	assert_string_equal(slurp("log"), "hunter2\n");
	assert_non_null(strstr(slurp("calls"), "/tool\noff\n"));
	assert_null(strstr(slurp("calls"), "hunter2"));
}

static void test_fence_agent(void **state)
{
	(void)state;
	tool(SPY);
	write_file("secret", "hunter2\n", 0600);
	set("off", "%s/tool");
	set("secret", "@file:%s/secret");
	set("stdin", "action=${act}\\nip=pdu3\\npassword=${secret}\\n");
	open_well();
	assert_int_equal(act(DRIVER_ACT_OFF), 0);
	assert_string_equal(slurp("log"),
			    "action=off\nip=pdu3\npassword=hunter2\n");
	assert_null(strstr(slurp("calls"), "hunter2"));
}

/* --- console --- */

static void expect(const char *text)
{
	struct buffer seen = { 0 };
	int64_t until = deadline_in(SOON_MS);
	struct pollfd fds[4];
	char bytes[512];
	int n, wake = 100;

	while (strstr(buffer_text(&seen), text) == NULL) {
		if (deadline_now() >= until)
			fail_msg("no \"%s\" in: %s", text, buffer_text(&seen));
		n = driver_exec.console->pollfds(self, fds, 4, &wake);
		poll(fds, (nfds_t)n, 100);
		n = driver_exec.console->read(self, bytes, sizeof(bytes), &err);
		if (n < 0)
			fail_msg("lost: %s", err.text);
		buffer_append(&seen, bytes, (size_t)n);
	}
	buffer_release(&seen);
}

static int attach(void)
{
	return driver_exec.console->attach(self, 0, deadline_in(SOON_MS), &err);
}

static void test_console(void **state)
{
	int64_t until = deadline_in(SOON_MS);
	char byte[16];
	int n;

	(void)state;
	tool("test -t 0 && echo login:; while read -r x; do echo \"got <$x>\"; "
	     "if [ \"$x\" = bye ]; then echo 'carrier lost' >&2; exit 1; fi; "
	     "done");
	set("console", "%s/tool");
	set("break", "BRK\\n");
	open_well();
	assert_int_equal(attach(), 0);
	expect("login:");
	assert_int_equal(driver_exec.console->write(self, "root\n", 5, &err),
			 5);
	expect("got <root>\n");
	assert_int_equal(driver_exec.console->send_break(self, &err), 0);
	expect("got <BRK>");
	assert_int_equal(driver_exec.console->write(self, "bye\n", 4, &err), 4);
	while ((n = driver_exec.console->read(self, byte, sizeof(byte),
					      &err)) >= 0)
		assert_true(deadline_now() < until);
	assert_error(RH_ERR_LOST, "carrier lost");
	driver_exec.console->detach(self, deadline_in(SOON_MS));
	/* and a second time */
	assert_int_equal(attach(), 0);
	expect("login:");
	driver_exec.console->detach(self, deadline_in(SOON_MS));
}

static void test_console_that_ends(void **state)
{
	(void)state;
	tool("echo 'port 12 in use by op2' >&2; exit 1");
	set("console", "%s/tool");
	open_well();
	assert_int_equal(attach(), -1);
	assert_error(RH_ERR_UNREACHABLE, "port 12 in use by op2");
	assert_int_equal(driver_exec.console->send_break(self, &err), -1);
	assert_error(RH_ERR_NOTSUP, "break is not set");
}

/* --- doctor --- */

static void look(struct buffer *text)
{
	if (driver_exec.doctor->look(self, 0, deadline_in(SOON_MS), text,
				     &err) < 0)
		fail_msg("look: %s", err.text);
}

static void test_doctor(void **state)
{
	struct buffer text = { 0 };

	(void)state;
	tool("echo calls >>calls; cat state");
	set("status", "%s/tool");
	set("status-on", "on");
	set("status-off", "off");
	set("cycle", "%s/tool cycle");
	open_well();
	write_file("state", "outlet on\n", 0600);
	look(&text);
	assert_non_null(strstr(buffer_text(&text), "ok\tcycle\t"));
	assert_non_null(strstr(buffer_text(&text),
			       "ok\tstatus\tit says on: outlet on\n"));
	write_file("state", "Outlet ON\n", 0600);
	write_file("tool", "#!/bin/sh\nexit 1\n", 0777);
	buffer_clear(&text);
	look(&text);
	assert_non_null(strstr(buffer_text(&text), "fail\tcycle\tprogram"));
	assert_non_null(strstr(buffer_text(&text), "fail\tstatus\t"));
	/* only status was run, and once */
	assert_string_equal(slurp("calls"), "calls\n");
	buffer_release(&text);
}

static void test_doctor_without_status(void **state)
{
	struct buffer text = { 0 };

	(void)state;
	tool("echo calls >>calls");
	set("off", "%s/tool");
	open_well();
	look(&text);
	assert_non_null(strstr(buffer_text(&text), "note\tstatus\t"));
	assert_string_equal(slurp("calls"), "");
	buffer_release(&text);
}

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_patterns),
		TEST(test_bad_patterns),
		TEST(test_expand),
		TEST(test_nothing_named),
		TEST(test_no_such_program),
		TEST(test_program_of_others),
		TEST(test_relative_program),
		TEST(test_status_needs_patterns),
		TEST(test_bad_success),
		TEST(test_secret_that_is_not_there),
		TEST(test_acts),
		TEST(test_failures),
		TEST(test_program_that_went_away),
		TEST(test_status),
		TEST(test_secret),
		TEST(test_fence_agent),
		TEST(test_console),
		TEST(test_console_that_ends),
		TEST(test_doctor),
		TEST(test_doctor_without_status),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
