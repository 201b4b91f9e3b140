/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs that drivers start: real ones, made by the tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/program.h"

#define SOON_MS 10000

static char dir[] = "/tmp/rhands-program-XXXXXX";
static struct program_result result;
static struct rh_error err;

static int setup(void **state)
{
	(void)state;
	memset(&result, 0, sizeof(result));
	rh_error_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	program_result_release(&result);
	/* whatever was started has been reaped */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

/* Runs the text as a script of a shell that the test (not we) asked for. */
static int run(const char *script, const char *input, int64_t ms)
{
	const char *args[] = { "/bin/sh", "-c", script, NULL };
	const struct program p = {
		.args = args, .input = input,
		.input_len = input != NULL ? strlen(input) : 0, .limit = 4096,
	};
	int rc = program_run(&p, deadline_in(ms), &result, &err);

	if (rc == 0 && (result.signal != 0 || result.exit_status != 0))
		return program_fail_end(&p, &result, &err);
	return rc;
}

static void assert_error(enum rh_code code, const char *part)
{
	assert_int_equal(err.code, code);
	if (strstr(err.text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, err.text);
}

/* --- words --- */

static void assert_words(const char *text, const char *joined)
{
	char **args = NULL, all[256] = "";
	size_t i;

	assert_int_equal(program_split(text, &args, &err), 0);
	for (i = 0; args[i] != NULL; i++) {
		strcat(all, args[i]);
		strcat(all, "|");
	}
	assert_string_equal(all, joined);
	program_free_args(args);
}

static void test_split(void **state)
{
	char **args = NULL;

	(void)state;
	assert_words("/bin/pdu 3 off", "/bin/pdu|3|off|");
	assert_words("  /bin/pdu\t\"a b\"  \"\" x\"y z\"w ",
		     "/bin/pdu|a b||xy zw|");
	assert_words("/bin/x $(id) ; 'a b' \\n `w` *",
		     "/bin/x|$(id)|;|'a|b'|\\n|`w`|*|");
	assert_int_equal(program_split("pdu 3", &args, &err), -1);
	assert_error(RH_ERR_CONFIG, "whole path");
	assert_int_equal(program_split("  ", &args, &err), -1);
	assert_error(RH_ERR_CONFIG, "no program");
	assert_int_equal(program_split("/bin/x \"a", &args, &err), -1);
	assert_error(RH_ERR_CONFIG, "not closed");
	assert_null(args);
}

static void test_check(void **state)
{
	char *path = memory_format("%s/tool", dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)state;
	close(fd);
	assert_int_equal(program_check("/bin/sh", &err), 0);
	assert_int_equal(program_check("/bin/no-such-tool", &err), -1);
	assert_error(RH_ERR_CONFIG, "No such file");
	assert_int_equal(program_check("/bin", &err), -1);
	assert_error(RH_ERR_CONFIG, "not a regular file");
	assert_int_equal(program_check(path, &err), -1);
	assert_error(RH_ERR_CONFIG, "Permission denied");
	chmod(path, 0722);
	assert_int_equal(program_check(path, &err), -1);
	assert_error(RH_ERR_CONFIG, "can be changed by others");
	chmod(path, 0755);
	assert_int_equal(program_check(path, &err), 0);
	unlink(path);
	free(path);
}

/* --- run --- */

static void test_output_and_status(void **state)
{
	(void)state;
	assert_int_equal(run("cat; echo oops >&2", "in\n", SOON_MS), 0);
	assert_string_equal(buffer_text(&result.out), "in\n");
	assert_string_equal(buffer_text(&result.errors), "oops\n");
	assert_int_equal(run("echo one >&2; printf 'a\\033[2Jb\\n' >&2; exit 3",
			     NULL, SOON_MS), -1);
	assert_error(RH_ERR_PROTOCOL, "ended with status 3: a\\e[2Jb");
	assert_int_equal(run("exit 137", NULL, SOON_MS), -1);
	assert_error(RH_ERR_PROTOCOL, "status 137 (a signal 9)");
	assert_int_equal(run("kill -9 $$", NULL, SOON_MS), -1);
	assert_error(RH_ERR_PROTOCOL, "killed by signal 9");
	assert_int_equal(run("no-such-tool-at-all", NULL, SOON_MS), -1);
	assert_error(RH_ERR_PROTOCOL, "127 (it did not find");
}

static void test_missing_program(void **state)
{
	const char *args[] = { "/no/such/program", NULL };
	const struct program p = { .args = args, .limit = 100 };

	(void)state;
	assert_int_equal(program_run(&p, deadline_in(SOON_MS), &result, &err),
			 -1);
	assert_error(RH_ERR_CONFIG, "/no/such/program cannot be started: No");
}

static void test_output_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(run("i=0; while [ $i -lt 20000 ]; do echo $i; "
			     "i=$((i+1)); done; echo end", NULL, SOON_MS), 0);
	assert_int_equal(result.out.len, 4096);
	assert_non_null(strstr(buffer_text(&result.out), "19999\nend\n"));
}

static void test_input_that_nobody_reads(void **state)
{
	char *big = memory_new(PROGRAM_INPUT_MAX + 2, 1);

	(void)state;
	memset(big, 'x', PROGRAM_INPUT_MAX);
	assert_int_equal(run("exit 0", big, SOON_MS), 0);
	assert_int_equal(run("wc -c", big, SOON_MS), 0);
	assert_int_equal(atoi(buffer_text(&result.out)), PROGRAM_INPUT_MAX);
	big[PROGRAM_INPUT_MAX] = 'x';
	assert_int_equal(run("exit 0", big, SOON_MS), -1);
	assert_error(RH_ERR_CONFIG, "at most");
	free(big);
}

/*
 * The signals of a line of /proc/self/status, without the two (32 and 33) that
 * belong to libc: a program that was started by posix_spawn, as make does, has
 * them ignored, and nobody can change that.
 */
static unsigned long long signal_mask(const char *line)
{
	const char *at = strstr(buffer_text(&result.out), line);

	assert_non_null(at);
	return strtoull(at + strlen(line), NULL, 16) & ~0x180000000ULL;
}

static void test_surroundings(void **state)
{
	(void)state;
	setenv("RHANDS_TEST_LEAK", "yes", 1);
	assert_int_equal(run("env; ls /proc/self/fd | tr '\\n' ' '; pwd; "
			     "grep -E 'SigIgn|SigBlk' /proc/self/status",
			     NULL, SOON_MS), 0);
	unsetenv("RHANDS_TEST_LEAK");
	assert_null(strstr(buffer_text(&result.out), "LEAK"));
	assert_non_null(strstr(buffer_text(&result.out),
			       "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"));
	/* 3 is what ls itself opened */
	assert_non_null(strstr(buffer_text(&result.out), "\n0 1 2 3 /\n"));
	assert_int_equal(signal_mask("SigBlk:\t"), 0);
	assert_int_equal(signal_mask("SigIgn:\t"), 0);
}

static void test_secret(void **state)
{
	const char *args[] = { "/bin/sh", "-c",
			       "cat /proc/self/fd/3; echo; cat /proc/self/fd/3; "
			       "tr '\\0' ' ' </proc/$$/environ; "
			       "tr '\\0' ' ' </proc/$$/cmdline", NULL };
	const struct program p = { .args = args, .secret = "hunter2",
				   .secret_len = 7, .limit = 4096 };

	(void)state;
	assert_int_equal(program_run(&p, deadline_in(SOON_MS), &result, &err),
			 0);
	/* once, and nowhere else */
	assert_int_equal(strncmp(buffer_text(&result.out), "hunter2\nPATH", 12),
			 0);
	assert_null(strstr(buffer_text(&result.out) + 7, "hunter2"));
}

/* Whether a process is there, and not only its remains. */
static bool alive(pid_t pid)
{
	char path[64], line[256] = "", *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	state = strrchr(line, ')');
	return state != NULL && state[2] != 'Z' && state[2] != 'X';
}

static void assert_dies(pid_t pid)
{
	int64_t until = deadline_in(SOON_MS);

	assert_true(pid > 1);
	while (alive(pid)) {
		assert_true(deadline_now() < until);
		poll(NULL, 0, 5);
	}
}

static void test_deadline(void **state)
{
	int64_t start = deadline_now();

	(void)state;
	assert_int_equal(run("sleep 60 & echo $!; trap '' TERM; "
			     "while :; do wait; done", NULL, 400), -1);
	assert_error(RH_ERR_TIMEOUT, "did not end in time");
	assert_in_range(deadline_now() - start, 390, 2000);
	assert_dies((pid_t)atoi(buffer_text(&result.out)));
	buffer_clear(&result.out);
	/* one that heeds TERM may say good-bye */
	assert_int_equal(run("trap 'echo bye; exit 0' TERM; "
			     "while :; do sleep 0.01; done", NULL, 2000), -1);
	assert_int_equal(err.code, RH_ERR_TIMEOUT);
	assert_string_equal(buffer_text(&result.out), "bye\n");
	assert_int_equal(run("echo no", NULL, 0), -1);
	assert_error(RH_ERR_TIMEOUT, "not begun");
}

/* What it leaves behind holds its outputs open, and is not waited for. */
static void test_background(void **state)
{
	int64_t start = deadline_now();

	(void)state;
	assert_int_equal(run("sleep 60 & echo $!", NULL, SOON_MS), 0);
	assert_true(deadline_now() - start < 5000);
	assert_dies((pid_t)atoi(buffer_text(&result.out)));
}

/* --- on a terminal --- */

static struct program_terminal terminal;

static void start(const char *script, bool hangup)
{
	const char *args[] = { "/bin/sh", "-c", script, NULL };
	const struct program p = { .args = args, .secret = "hunter2",
				   .secret_len = 7 };

	memset(&terminal, 0, sizeof(terminal));
	if (program_terminal_start(&p, hangup, &terminal, &err) < 0)
		fail_msg("%s", err.text);
}

/* Reads until the text is there. */
static void expect(const char *text)
{
	struct buffer seen = { 0 };
	int64_t until = deadline_in(SOON_MS);
	struct pollfd p = { .fd = terminal.fd, .events = POLLIN };
	char bytes[512];
	int n;

	while (strstr(buffer_text(&seen), text) == NULL) {
		if (deadline_now() >= until)
			fail_msg("no \"%s\" in: %s", text, buffer_text(&seen));
		poll(&p, 1, 100);
		n = program_terminal_read(&terminal, bytes, sizeof(bytes),
					  &err);
		if (n < 0)
			fail_msg("lost: %s", err.text);
		buffer_append(&seen, bytes, (size_t)n);
	}
	buffer_release(&seen);
}

static void test_terminal(void **state)
{
	(void)state;
	start("test -t 0 && test -t 1 && ! test -t 2 && stty size; echo up; "
	      "cat /proc/self/fd/3; read line; echo got $line; "
	      "echo why >&2; exit 1", true);
	expect("25 80\nup\nhunter2");
	assert_int_equal(program_terminal_write(&terminal, "hello\n", 6, &err),
			 6);
	/* raw: no echo, no CR */
	expect("got hello\n");
	while (program_terminal_read(&terminal, (char[8]){ 0 }, 8, &err) == 0)
		poll(NULL, 0, 1);
	assert_error(RH_ERR_LOST, "ended: why");
	assert_true(program_terminal_close(&terminal, deadline_in(SOON_MS)));
}

static void test_terminal_close(void **state)
{
	char *path = memory_format("%s/end", dir);
	char *script = memory_format("echo up; trap 'echo hup >%s; exit' HUP; "
				     "while read x; do :; done; "
				     "echo end >%s", path, path);
	char word[8] = "";
	FILE *f;

	(void)state;
	start(script, false);
	expect("up");
	assert_true(program_terminal_close(&terminal, deadline_in(SOON_MS)));
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(word, sizeof(word), f));
	assert_string_equal(word, "end\n");
	fclose(f);
	unlink(path);
	free(script);
	free(path);
}

static void test_terminal_that_stays(void **state)
{
	int64_t begin;

	(void)state;
	start("trap '' HUP TERM; echo up; while :; do sleep 0.01; done", true);
	expect("up");
	begin = deadline_now();
	assert_false(program_terminal_close(&terminal, deadline_in(200)));
	assert_true(deadline_now() - begin < 2000);
}

static void test_terminal_missing_program(void **state)
{
	const char *args[] = { "/no/such/program", NULL };
	const struct program p = { .args = args };

	(void)state;
	memset(&terminal, 0, sizeof(terminal));
	assert_int_equal(program_terminal_start(&p, true, &terminal, &err), -1);
	assert_error(RH_ERR_CONFIG, "cannot be started");
	assert_true(program_terminal_close(&terminal, deadline_in(1)));
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
		TEST(test_split),
		TEST(test_check),
		TEST(test_output_and_status),
		TEST(test_missing_program),
		TEST(test_output_is_bounded),
		TEST(test_input_that_nobody_reads),
		TEST(test_surroundings),
		TEST(test_secret),
		TEST(test_deadline),
		TEST(test_background),
		TEST(test_terminal),
		TEST(test_terminal_close),
		TEST(test_terminal_that_stays),
		TEST(test_terminal_missing_program),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
