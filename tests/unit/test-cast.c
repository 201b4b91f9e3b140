/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recording: what was written is read back, plays in asciinema, and no
 * damage to it does harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/console/cast.h"
#include "base/vis.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define FFFD "\xef\xbf\xbd"

static void assert_output(const char *bytes, size_t len, const char *line)
{
	struct cast_writer w = { 0 };
	struct buffer out = { 0 };

	cast_write_output(&w, &out, 1234, bytes, len);
	assert_string_equal(buffer_text(&out), line);
	buffer_release(&out);
}

static void header_is_one_line_of_json(void **state)
{
	struct buffer out = { 0 };
	int columns = 0, rows = 0;

	(void)state;
	cast_write_header(&out, 80, 25, 1705312345678, "ldap1 \"old\"\n");
	assert_string_equal(out.data,
			    "{\"version\": 2, \"width\": 80, \"height\": 25, "
			    "\"timestamp\": 1705312345, "
			    "\"title\": \"ldap1 \\\"old\\\"\\n\"}\n");
	assert_int_equal(cast_read_header(out.data, &columns, &rows, NULL), 0);
	assert_int_equal(columns, 80);
	assert_int_equal(rows, 25);
	buffer_clear(&out);
	cast_write_header(&out, 80, 25, 0, NULL);
	assert_string_equal(out.data,
			    "{\"version\": 2, \"width\": 80, \"height\": 25, "
			    "\"timestamp\": 0}\n");
	buffer_release(&out);
}

static void headers_that_are_none(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "2", "\"x\"", "{}", "null",
		"{\"version\": 1, \"width\": 80, \"height\": 25}",
		"{\"version\": 2, \"width\": 80}",
		"{\"version\": 2, \"width\": 0, \"height\": 25}",
		"{\"version\": 2, \"width\": -80, \"height\": 25}",
		"{\"version\": 2, \"width\": 80, \"height\": 99999999999}",
		"{\"version\": 2, \"width\": \"80\", \"height\": 25}",
		"{\"version\": 2, \"width\": 80, \"height\": 25",
		"{\"version\": 2, \"width\": 80, \"height\": 25} x",
	};
	struct rh_error err;
	int columns = 7, rows = 7;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		rh_error_clear(&err);
		assert_int_equal(cast_read_header(bad[i], &columns, &rows,
						  &err), -1);
		assert_int_equal(err.code, RH_ERR_CONFIG);
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(columns, 7);
	assert_int_equal(rows, 7);
}

static void bytes_are_escaped(void **state)
{
	(void)state;
	assert_output("login: ", 7, "[1.234, \"o\", \"login: \"]\n");
	assert_output("a\r\n\t\"\\", 6,
		      "[1.234, \"o\", \"a\\r\\n\\t\\\"\\\\\"]\n");
	assert_output("\033[1m\0\x7f", 6,
		      "[1.234, \"o\", \"\\u001b[1m\\u0000\\u007f\"]\n");
	assert_output("caf\xc3\xa9", 5, "[1.234, \"o\", \"caf\xc3\xa9\"]\n");
	assert_output("\xc2\x9b", 2, "[1.234, \"o\", \"\\u009b\"]\n");
	assert_output("\xff\xc0\xaf", 3,
		      "[1.234, \"o\", \"" FFFD FFFD FFFD "\"]\n");
	assert_output("", 0, "");
	assert_output("\xe2\x94", 2, "");
}

static void times_and_kinds(void **state)
{
	struct buffer out = { 0 };

	(void)state;
	cast_write_input(&out, 0, "F1");
	cast_write_input(&out, 1007, "<secret:root-password>");
	cast_write_marker(&out, 3600000, "gap: 120 bytes lost");
	cast_write_marker(&out, -5, "state \"post\"\xe2\x94");
	assert_string_equal(out.data,
			    "[0.000, \"i\", \"F1\"]\n"
			    "[1.007, \"i\", \"<secret:root-password>\"]\n"
			    "[3600.000, \"m\", \"gap: 120 bytes lost\"]\n"
			    "[0.000, \"m\", \"state \\\"post\\\"" FFFD FFFD
			    "\"]\n");
	buffer_release(&out);
}

/* All texts of the events in out, one behind the other. */
static void read_back(const struct buffer *out, struct buffer *text)
{
	struct cast_event event;
	struct rh_error err;
	char *copy = strdup(buffer_text(out)), *line, *rest = copy;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		if (cast_read_event(line, &event, &err) != 0)
			fail_msg("%s: %s", line, err.text);
		assert_int_equal(event.type, CAST_OUTPUT);
		buffer_append(text, event.text, event.len);
		assert_int_equal(event.text[event.len], '\0');
		free(event.text);
	}
	free(copy);
}

static void check_split(const char *bytes, size_t len, size_t cut,
			const char *want, size_t want_len)
{
	struct buffer out = { 0 }, text = { 0 };
	struct cast_writer w = { 0 };

	cast_write_output(&w, &out, 1, bytes, cut);
	cast_write_output(&w, &out, 2, bytes + cut, len - cut);
	cast_write_output(&w, &out, 3, NULL, 0);
	read_back(&out, &text);
	if (text.len != want_len ||
	    memcmp(buffer_text(&text), want, want_len) != 0)
		fail_msg("cut at %zu: %s", cut, buffer_text(&text));
	buffer_release(&out);
	buffer_release(&text);
}

static void characters_cut_between_events(void **state)
{
	static const char good[] = "a\xc3\xa9" "b\xe2\x94\x82\xf0\x9f\x90\xa7";
	static const char bad[] = "\xe2\x94z\xf0\x9f\x90\xe2\xe2\x94\x82\xf4";
	static const char mended[] =
		FFFD FFFD "z" FFFD FFFD FFFD FFFD "\xe2\x94\x82" FFFD;
	struct buffer out = { 0 }, text = { 0 };
	struct cast_writer w = { 0 };
	size_t i;

	(void)state;
	for (i = 1; i < sizeof(good) - 1; i++)
		check_split(good, sizeof(good) - 1, i, good,
			    sizeof(good) - 1);
	for (i = 1; i < sizeof(bad) - 1; i++)
		check_split(bad, sizeof(bad) - 1, i, mended,
			    sizeof(mended) - 1);
	for (i = 0; i < sizeof(good) - 1; i++)
		cast_write_output(&w, &out, (int64_t)i, good + i, 1);
	read_back(&out, &text);
	assert_string_equal(buffer_text(&text), good);
	buffer_release(&out);
	buffer_release(&text);
}

static void every_byte_comes_back(void **state)
{
	struct buffer out = { 0 }, text = { 0 }, want = { 0 };
	struct cast_writer w = { 0 };
	size_t len = 2 << 20, i, n;
	char *garbage = malloc(len);
	unsigned seed = 3;

	(void)state;
	for (i = 0; i < len; i++)
		garbage[i] = (char)rand_r(&seed);
	for (i = 0; i < len; i += n) {
		n = 1 + (size_t)rand_r(&seed) % 8192;
		n = n > len - i ? len - i : n;
		cast_write_output(&w, &out, (int64_t)i, garbage + i, n);
	}
	cast_write_output(&w, &out, 0, NULL, 0);
	read_back(&out, &text);
	for (i = 0; i < len; i += n) {
		n = vis_utf8_len(garbage + i, len - i, NULL);
		if (n == 0)
			buffer_append(&want, FFFD, 3);
		else
			buffer_append(&want, garbage + i, n);
		n = n == 0 ? 1 : n;
	}
	assert_int_equal(text.len, want.len);
	assert_memory_equal(text.data, want.data, want.len);
	/* nothing but \n, and printable UTF-8 */
	for (i = 0; i < out.len; i++)
		assert_true(out.data[i] == '\n' ||
			    ((unsigned char)out.data[i] >= 0x20 &&
			     out.data[i] != 0x7f));
	free(garbage);
	buffer_release(&out);
	buffer_release(&text);
	buffer_release(&want);
}

static void events_are_read(void **state)
{
	static const struct {
		const char *line;
		enum cast_type type;
		int64_t at_ms;
		const char *text;
		size_t len;
	} cases[] = {
		{ "[1.5, \"o\", \"a\"]", CAST_OUTPUT, 1500, "a", 1 },
		{ "[0,\"i\",\"F1\"]\n", CAST_INPUT, 0, "F1", 2 },
		{ "[2.0005, \"m\", \"x\"]", CAST_MARKER, 2001, "x", 1 },
		{ "[1e3, \"o\", \"\"]", CAST_OUTPUT, 1000000, "", 0 },
		{ " [ 1 , \"o\" , \"\\u0000b\" ] ", CAST_OUTPUT, 1000, "\0b",
		  2 },
		{ "[1, \"o\", \"\\ud83d\\udc27\"]", CAST_OUTPUT, 1000,
		  "\xf0\x9f\x90\xa7", 4 },
		{ "[1, \"r\", \"100x50\"]", CAST_NONE, 1000, NULL, 0 },
		{ "[1, \"z\"]", CAST_NONE, 1000, NULL, 0 },
	};
	struct cast_event event;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(cast_read_event(cases[i].line, &event, NULL),
				 0);
		assert_int_equal(event.type, cases[i].type);
		assert_int_equal(event.at_ms, cases[i].at_ms);
		assert_int_equal(event.len, cases[i].len);
		if (cases[i].text == NULL)
			assert_null(event.text);
		else
			assert_memory_equal(event.text, cases[i].text,
					    cases[i].len);
		free(event.text);
	}
}

static void damaged_events_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "[", "[]", "{}", "[1]", "[1, \"o\"]", "[1, 2, 3]",
		"[1, \"o\", 3]", "[\"1\", \"o\", \"a\"]", "[null, \"o\", \"a\"]",
		"[-1, \"o\", \"a\"]", "[1e300, \"o\", \"a\"]",
		"[1e999, \"o\", \"a\"]", "[1, \"o\", \"a\"] x",
		"[1, \"o\", \"\\ud800\"]", "[1, \"o\", \"\xff\"]",
		"[1, \"o\", \"\t\"]", "\xff\xfe", "[[[[[[[[[[[[[[[[",
	};
	struct cast_event event = { .at_ms = 77 };
	struct rh_error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		rh_error_clear(&err);
		if (cast_read_event(bad[i], &event, &err) != -1)
			fail_msg("%s was read", bad[i]);
		assert_int_equal(err.code, RH_ERR_PROTOCOL);
	}
	assert_int_equal(event.at_ms, 77);
}

/* A killed run: the last line is cut at any place. */
static void a_cut_line_is_refused(void **state)
{
	struct buffer out = { 0 };
	struct cast_writer w = { 0 };
	struct cast_event event;
	char *line;
	size_t i;

	(void)state;
	cast_write_output(&w, &out, 12345, "caf\xc3\xa9 \033[1m\"x\"\n", 14);
	for (i = 0; i + 2 < out.len; i++) {
		line = strndup(out.data, i);
		assert_int_equal(cast_read_event(line, &event, NULL), -1);
		free(line);
	}
	assert_int_equal(cast_read_event(out.data, &event, NULL), 0);
	free(event.text);
	buffer_release(&out);
}

/* Two megabytes of garbage in one line, and deep nesting. */
static void garbage_is_survived(void **state)
{
	size_t len = 2 << 20, i;
	char *line = malloc(len + 1);
	struct cast_event event;
	struct rh_error err;
	unsigned seed = 8;
	int columns, rows;

	(void)state;
	for (i = 0; i < len; i++)
		line[i] = (char)(1 + rand_r(&seed) % 255);
	line[len] = '\0';
	assert_int_equal(cast_read_event(line, &event, &err), -1);
	assert_int_equal(cast_read_header(line, &columns, &rows, &err), -1);
	memset(line, '[', len);
	assert_int_equal(cast_read_event(line, &event, &err), -1);
	memset(line, '9', len);
	line[0] = '[';
	assert_int_equal(cast_read_event(line, &event, &err), -1);
	free(line);
}

/* It wants a terminal (/dev/tty); what it plays comes through a pipe. */
static size_t run_asciinema(const char *file, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fds[2], status, terminal;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("LC_ALL", "C.UTF-8", 1);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execlp("asciinema", "asciinema", "cat", file, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + len, size - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	close(terminal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return len;
}

static void plays_in_asciinema(void **state)
{
	static const char said[] = "caf\xc3\xa9 \033[1mbold\033[0m \"q\" \\\r\n";
	char path[] = "/tmp/rhands-test-cast-XXXXXX", got[256];
	struct buffer out = { 0 };
	struct cast_writer w = { 0 };
	size_t len;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	cast_write_header(&out, 80, 25, 1705312345678, "ldap1: \"old-ldap\"");
	cast_write_output(&w, &out, 1, said, 4);
	cast_write_input(&out, 2, "Ctrl-C");
	cast_write_output(&w, &out, 3, said + 4, sizeof(said) - 5);
	cast_write_marker(&out, 4, "gap: 120 bytes lost");
	cast_write_output(&w, &out, 5, "\xff", 1);
	assert_int_equal(write(fd, out.data, out.len), out.len);
	close(fd);
	buffer_release(&out);
	len = run_asciinema(path, got, sizeof(got));
	unlink(path);
	assert_int_equal(len, sizeof(said) - 1 + 3);
	assert_memory_equal(got, said, sizeof(said) - 1);
	assert_memory_equal(got + sizeof(said) - 1, FFFD, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_one_line_of_json),
		cmocka_unit_test(headers_that_are_none),
		cmocka_unit_test(bytes_are_escaped),
		cmocka_unit_test(times_and_kinds),
		cmocka_unit_test(characters_cut_between_events),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(events_are_read),
		cmocka_unit_test(damaged_events_are_refused),
		cmocka_unit_test(a_cut_line_is_refused),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(plays_in_asciinema),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
