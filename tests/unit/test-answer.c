/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files by which a question is answered, and what an answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/answer.h"

static const char *const words[] = { "done", "no", NULL };
static char folder[] = "/tmp/rhands-answer-XXXXXX";
static int dir_fd = -1;
static struct rh_error err;
static char text[ANSWER_MAX + 1];

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (mkdtemp(folder) == NULL)
		return -1;
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY);
	rh_error_clear(&err);
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	answer_withdraw(dir_fd);
	close(dir_fd);
	return rmdir(folder);	/* nothing is left of any of it */
}

static json_t *offer(int number)
{
	json_t *question = json_pack("{si si ss s[ss]}", "version", 1,
				     "question", number, "text", "is it?",
				     "choices", "done", "no");

	assert_int_equal(answer_offer(dir_fd, question, &err), 0);
	json_decref(question);
	question = answer_question(folder);
	assert_non_null(question);
	return question;
}

static void means(const char *line, const char *expected)
{
	rh_error_clear(&err);
	assert_int_equal(answer_match(words, line, text, sizeof(text), &err),
			 expected != NULL ? 0 : -1);
	if (expected != NULL)
		assert_string_equal(text, expected);
	else
		assert_int_equal(err.code, RH_ERR_USAGE);
}

static void test_match(void **state)
{
	char longest[ANSWER_MAX + 2];

	(void)state;
	means("done", "done");
	means(" \tDONE \r\n", "done");
	means("no", "no");
	means("", NULL);
	means("do", NULL);
	means("done it", NULL);
	assert_int_equal(answer_match(NULL, " any text ", text, sizeof(text),
				      &err), 0);
	assert_string_equal(text, "any text");
	assert_int_equal(answer_match(NULL, "  \n", text, sizeof(text), &err),
			 -1);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(answer_match(NULL, longest, text, sizeof(text), &err),
			 -1);
	longest[ANSWER_MAX] = '\0';
	assert_int_equal(answer_match(NULL, longest, text, sizeof(text), &err),
			 0);
}

static void test_left_and_taken(void **state)
{
	json_t *question;
	struct stat st;
	uid_t uid = 12345;
	char choices[40];

	(void)state;
	assert_null(answer_question(folder));
	question = offer(3);
	assert_string_equal(answer_choices(question, choices, sizeof(choices)),
			    "done|no");
	assert_int_equal(answer_match_question(question, "maybe", text,
					       sizeof(text), NULL), -1);
	assert_false(answer_take(dir_fd, 3, text, sizeof(text), &uid));
	assert_int_equal(answer_leave(folder, question, "done", &err), 0);
	assert_int_equal(fstatat(dir_fd, "answer", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	/* the first one counts */
	assert_int_equal(answer_leave(folder, question, "no", &err), -1);
	assert_int_equal(err.code, RH_ERR_BUSY);
	assert_true(answer_waits(folder));
	assert_true(answer_take(dir_fd, 3, text, sizeof(text), &uid));
	assert_string_equal(text, "done");
	assert_int_equal(uid, geteuid());
	assert_false(answer_waits(folder));
	json_decref(question);
}

static void test_not_of_this_question(void **state)
{
	json_t *question = offer(1);
	uid_t uid;

	(void)state;
	assert_int_equal(answer_leave(folder, question, "done", &err), 0);
	assert_false(answer_take(dir_fd, 2, text, sizeof(text), &uid));
	assert_false(answer_waits(folder));
	json_decref(question);
}

/* What else may stand there is taken away, and read by nobody. */
static void test_odd_files(void **state)
{
	uid_t uid;
	int fd;

	(void)state;
	assert_int_equal(symlinkat("/dev/zero", dir_fd, "answer"), 0);
	assert_false(answer_take(dir_fd, 0, text, sizeof(text), &uid));
	assert_int_equal(mkfifoat(dir_fd, "answer", 0600), 0);
	assert_false(answer_take(dir_fd, 0, text, sizeof(text), &uid));
	fd = openat(dir_fd, "answer", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "[1]", 3), 3);
	close(fd);
	assert_false(answer_take(dir_fd, 0, text, sizeof(text), &uid));
	fd = openat(dir_fd, "answer", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "{\"question\":4,\"answer\":\"done\"}", 30),
			 30);
	assert_int_equal(fchmod(fd, 0602), 0);
	close(fd);
	assert_false(answer_take(dir_fd, 4, text, sizeof(text), &uid));
	assert_false(answer_waits(folder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_match), TEST(test_left_and_taken),
		TEST(test_not_of_this_question), TEST(test_odd_files),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
