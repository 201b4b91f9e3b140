/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A twin that several processes share, and recordings that it plays. Processes
 * are forked and meet in a file; what they see must be one life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/twin/load.h"
#include "agent/twin/play.h"
#include "agent/twin/shared.h"
#include "base/deadline.h"
#include "base/memory.h"

static const char life[] =
	"[twin]\nstart = up\non = up\noff = off\nspeed = 115200\n"
	"[state off]\npower = off\n"
	"[state up]\nboots = yes\nssh = yes\nopen = 22\necho = yes\n"
	"do = print \"login: \"\non = /q\\r/ -> deep\n"
	"on shell = /^roll$/ : say \"ok\" -> a or b\n"
	"[state deep]\nopen = ${port}\n"
	"[state a]\n[state b]\n";

static char dir[] = "/tmp/test-twin-live.XXXXXX";
static char *state_path, *twin_path;

static void put_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void append_state(const char *text)
{
	int fd = open(state_path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static long state_size(void)
{
	struct stat st;

	return stat(state_path, &st) == 0 ? (long)st.st_size : -1;
}

static int set_up(void **unused)
{
	(void)unused;
	unlink(state_path);
	put_file(twin_path, life, sizeof(life) - 1);
	return 0;
}

/* ---- one process's side ------------------------------------------------------------ */

struct side {
	struct twin_model *model;
	struct shared *shared;
};

static int side_try(struct side *s, uint64_t seed, struct rh_error *err)
{
	uint64_t identity = 0;

	s->shared = NULL;
	assert_int_equal(twin_load(&s->model, &identity, twin_path,
				   "port=4711\nhost=t\n", err), 0);
	return shared_open(&s->shared, state_path, s->model, seed,
			   identity + seed, err);
}

static void side_open(struct side *s, uint64_t seed)
{
	struct rh_error err = RH_ERROR_INIT;

	if (side_try(s, seed, &err) < 0)
		fail_msg("%s", err.text);
}

static void side_close(struct side *s)
{
	shared_close(s->shared);
	twin_model_free(s->model);
}

static int side_do(struct side *s, enum shared_kind kind, int number,
		   const char *text, struct rh_error *err)
{
	const struct shared_input in = { .kind = kind, .number = number,
					 .bytes = text, .len = strlen(text) };

	return shared_do(s->shared, &in, NULL, deadline_in(5000), err);
}

static void side_must(struct side *s, enum shared_kind kind, int number,
		      const char *text)
{
	struct rh_error err = RH_ERROR_INIT;

	if (side_do(s, kind, number, text, &err) < 0)
		fail_msg("%s", err.text);
}

static const char *side_state(struct side *s)
{
	side_must(s, SHARED_NONE, 0, "");
	return twin_state_name(shared_twin(s->shared));
}

/* ---- one life ----------------------------------------------------------------------- */

static void test_two_see_one(void **unused)
{
	struct side one, two;

	(void)unused;
	side_open(&one, 1);
	side_open(&two, 1);
	shared_listen(two.shared, true);
	assert_string_equal(side_state(&one), "up");
	side_must(&one, SHARED_TYPE, 0, "ab");
	assert_string_equal(side_state(&two), "up");
	assert_non_null(strstr(buffer_text(shared_output(two.shared)), "ab"));
	side_must(&two, SHARED_TYPE, 0, "q\r");
	assert_string_equal(side_state(&one), "deep");
	assert_true(twin_port_is_open(shared_twin(one.shared), 4711));
	side_must(&one, SHARED_POWER, DRIVER_ACT_OFF, "");
	assert_string_equal(side_state(&two), "off");
	side_must(&two, SHARED_BOOT, DRIVER_BOOT_PXE, "");
	side_must(&two, SHARED_LIGHT, 1, "");
	side_must(&one, SHARED_NONE, 0, "");
	assert_int_equal(shared_boot(one.shared), DRIVER_BOOT_PXE);
	assert_true(shared_light(one.shared));
	assert_non_null(strstr(buffer_text(shared_events(one.shared)),
			       "power off\n"));
	assert_string_equal(buffer_text(shared_events(one.shared)),
			    buffer_text(shared_events(two.shared)));
	side_close(&one);
	side_close(&two);
}

/* A process of its own that acts n times; its status is 0 where all went well. */
static pid_t spawn_actor(int n)
{
	pid_t pid = fork();
	struct rh_error err = RH_ERROR_INIT;
	struct side s;
	int i, bad = 0;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	bad |= side_try(&s, 7, &err) < 0;
	for (i = 0; i < n && !bad; i++) {
		bad |= side_do(&s, SHARED_SHELL, 0, "roll", &err) < 0;
		bad |= side_do(&s, SHARED_POWER, DRIVER_ACT_RESET, "",
			       &err) < 0;
		bad |= side_do(&s, SHARED_TYPE, 0, "xyz", &err) < 0;
	}
	if (bad)
		fprintf(stderr, "# %s\n", err.text);
	side_close(&s);
	_exit(bad);
}

static int count_lines(const char *word)
{
	char *text = memory_new(1, 1024 * 1024), *at = text;
	int fd = open(state_path, O_RDONLY | O_CLOEXEC), count = 0;

	assert_true(fd >= 0);
	assert_true(read(fd, text, 1024 * 1024 - 1) > 0);
	close(fd);
	for (; (at = strstr(at, word)) != NULL; at++)
		count++;
	free(text);
	return count;
}

/*
 * Four processes at once: nothing is lost, nothing is torn, and one that comes
 * later replays the life that one who was there all the time has seen, with its
 * chances.
 */
static void test_processes(void **unused)
{
	struct side early, late;
	pid_t pids[4];
	int i, status;

	(void)unused;
	side_open(&early, 7);
	side_must(&early, SHARED_NONE, 0, "");
	for (i = 0; i < 4; i++)
		pids[i] = spawn_actor(50);
	for (i = 0; i < 4; i++) {
		while (waitpid(pids[i], &status, WNOHANG) == 0)
			side_must(&early, SHARED_NONE, 0, "");
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_lines("begin "), 1);
	assert_int_equal(count_lines(" power reset\n"), 200);
	assert_int_equal(count_lines(" type 78797a\n"), 200);
	side_open(&late, 7);
	assert_string_equal(side_state(&early), side_state(&late));
	assert_int_equal(twin_boots(shared_twin(early.shared)),
			 twin_boots(shared_twin(late.shared)));
	side_must(&late, SHARED_POWER, DRIVER_ACT_RESET, "");
	(void)side_state(&early);
	assert_string_equal(twin_boot_id(shared_twin(early.shared)),
			    twin_boot_id(shared_twin(late.shared)));
	assert_null(shared_why_anew(late.shared));
	side_close(&early);
	side_close(&late);
}

static void test_held(void **unused)
{
	const struct shared_input in = { .kind = SHARED_POWER,
					 .number = DRIVER_ACT_OFF };
	struct rh_error err = RH_ERROR_INIT;
	struct side s;
	int64_t begin;
	long size;
	int fd;

	(void)unused;
	side_open(&s, 1);
	side_must(&s, SHARED_NONE, 0, "");
	size = state_size();
	fd = open(state_path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	begin = deadline_now();
	assert_int_equal(shared_do(s.shared, &in, NULL, deadline_in(100), &err),
			 -1);
	assert_int_equal(err.code, RH_ERR_TIMEOUT);
	assert_true(deadline_now() - begin >= 100);
	assert_int_equal(state_size(), size);
	close(fd);
	assert_string_equal(side_state(&s), "up");
	side_close(&s);
}

/* ---- files that are wrong ------------------------------------------------------------ */

/* A life in which it is off, then whatever the file is made of: it is up again. */
static void begins_anew(void (*spoil)(void))
{
	struct side s;

	set_up(NULL);
	side_open(&s, 1);
	side_must(&s, SHARED_POWER, DRIVER_ACT_OFF, "");
	side_close(&s);
	spoil();
	side_open(&s, 1);
	assert_string_equal(side_state(&s), "up");
	assert_non_null(shared_why_anew(s.shared));
	side_must(&s, SHARED_POWER, DRIVER_ACT_OFF, "");
	side_close(&s);
	/* and is mended by that */
	side_open(&s, 1);
	assert_string_equal(side_state(&s), "off");
	assert_null(shared_why_anew(s.shared));
	side_close(&s);
}

static void spoil_torn(void)
{
	append_state("99 pow");
}

static void spoil_word(void)
{
	append_state("99 explode now\n");
}

static void spoil_past(void)
{
	append_state("1 power on\n");
}

static void spoil_future(void)
{
	append_state("9223372036854775807 power on\n");
}

static void spoil_huge_number(void)
{
	append_state("99999999999999999999999 power on\n");
}

static void spoil_hex(void)
{
	char line[64];

	snprintf(line, sizeof(line), "%lld type 4\n",
		 (long long)deadline_now());
	append_state(line);
}

static void spoil_begin(void)
{
	append_state("begin 00000000-0000-0000-0000-000000000000 "
		     "0000000000000000 5\n");
}

static void spoil_binary(void)
{
	int fd = open(state_path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(write(fd, "\0\xff\0\n\0\n", 6), 6);
	close(fd);
}

static void spoil_cut_head(void)
{
	assert_int_equal(truncate(state_path, 5), 0);
}

static void spoil_cut_middle(void)
{
	assert_int_equal(truncate(state_path, 40), 0);
}

static void spoil_empty(void)
{
	assert_int_equal(truncate(state_path, 0), 0);
}

static void spoil_model(void)
{
	FILE *f = fopen(twin_path, "a");

	fputs("[state c]\n", f);
	fclose(f);
}

static void spoil_long(void)
{
	char *text = memory_new(1, SHARED_FILE_MAX + 2);

	memset(text, '\n', SHARED_FILE_MAX + 1);
	append_state(text);
	free(text);
}

static void test_damaged(void **unused)
{
	(void)unused;
	begins_anew(spoil_torn);
	begins_anew(spoil_word);
	begins_anew(spoil_past);
	begins_anew(spoil_future);
	begins_anew(spoil_huge_number);
	begins_anew(spoil_hex);
	begins_anew(spoil_begin);
	begins_anew(spoil_binary);
	begins_anew(spoil_cut_head);
	begins_anew(spoil_cut_middle);
	begins_anew(spoil_empty);
	begins_anew(spoil_model);
	begins_anew(spoil_long);
	assert_true(state_size() < 1000);
}

/* Any byte of the file, any value: no crash, and a life in any case. */
static void test_any_damage(void **unused)
{
	char good[512], bad[512];
	struct side s;
	ssize_t len, at;
	int fd;

	(void)unused;
	side_open(&s, 1);
	side_must(&s, SHARED_POWER, DRIVER_ACT_OFF, "");
	side_must(&s, SHARED_TYPE, 0, "q\r");
	side_must(&s, SHARED_SHELL, 0, "roll");
	side_close(&s);
	fd = open(state_path, O_RDONLY | O_CLOEXEC);
	len = read(fd, good, sizeof(good));
	close(fd);
	assert_true(len > 60 && len < 512);
	for (at = (ssize_t)strlen("rhands-twin 1\n"); at < len; at++) {
		memcpy(bad, good, (size_t)len);
		bad[at] = (char)(bad[at] ^ (1 << at % 8));
		put_file(state_path, bad, (size_t)len);
		side_open(&s, 1);
		side_must(&s, SHARED_NONE, 0, "");
		side_close(&s);
		put_file(state_path, good, (size_t)at);
		side_open(&s, 1);
		side_must(&s, SHARED_NONE, 0, "");
		side_close(&s);
	}
}

static void test_foreign(void **unused)
{
	struct rh_error err = RH_ERROR_INIT;
	struct side s;

	(void)unused;
	put_file(state_path, "root:x:0:0\n", 11);
	assert_int_equal(side_try(&s, 1, &err), -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
	assert_int_equal(state_size(), 11);
	side_close(&s);
	unlink(state_path);
	assert_int_equal(symlink(twin_path, state_path), 0);
	assert_int_equal(side_try(&s, 1, &err), -1);
	side_close(&s);
}

/* Another seed while somebody lives with this one: an error, and no ping-pong. */
static void test_other_seed(void **unused)
{
	struct rh_error err = RH_ERROR_INIT;
	struct side one, two;
	long size;

	(void)unused;
	side_open(&one, 1);
	side_must(&one, SHARED_NONE, 0, "");
	side_open(&two, 2);
	side_must(&two, SHARED_NONE, 0, "");
	size = state_size();
	assert_int_equal(side_do(&one, SHARED_POWER, DRIVER_ACT_OFF, "", &err),
			 -1);
	assert_int_equal(err.code, RH_ERR_STATE);
	assert_int_equal(state_size(), size);
	assert_string_equal(side_state(&two), "up");
	side_close(&one);
	side_close(&two);
}

/* ---- recordings ------------------------------------------------------------------------ */

static struct twin_model *parse(const char *act, struct problems *problems)
{
	char text[400], *file = memory_format("%s/t.ini", dir);
	struct twin_model *model;
	struct ini *ini;

	snprintf(text, sizeof(text), "[twin]\nstart = s\non = s\noff = s\n"
		 "speed = 10000000\n[state s]\ndo = %s\nthen = e\n[state e]\n",
		 act);
	ini = ini_read(file, text, strlen(text), problems);
	model = twin_model_parse(ini, "t", NULL, problems);
	ini_free(ini);
	free(file);
	return model;
}

static void put_cast(const char *text)
{
	char *path = memory_format("%s/a.cast", dir);

	put_file(path, text, strlen(text));
	free(path);
}

static void sees(struct twin *t, int64_t now, const char *text)
{
	size_t len;
	const char *out;

	twin_tick(t, now);
	out = twin_output(t, &len);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(out, text, len);
	twin_take_output(t);
}

static const char cast[] =
	"{\"version\": 2, \"width\": 80, \"height\": 25}\n"
	"[0.100, \"o\", \"BIOS\\r\\n\"]\n"
	"[0.100, \"o\", \"two\\u001b[1m\"]\n"
	"[0.200, \"i\", \"F1\"]\n[0.300, \"m\", \"state post\"]\n"
	"[1.500, \"o\", \"login: \"]\n[2.0";

static void test_play(void **unused)
{
	struct problems problems = { 0 };
	struct twin_model *model;
	struct twin *t;

	(void)unused;
	put_cast(cast);
	model = parse("wait 1s, play a.cast, print \"!\"", &problems);
	if (model == NULL)
		fail_msg("%s", problems.list[0].text);
	t = twin_new(model, 0, 0);
	sees(t, 1099, "");
	sees(t, 1150, "BIOS\r\ntwo\033[1m");
	sees(t, 2499, "");
	assert_string_equal(twin_state_name(t), "s");
	sees(t, 2510, "login: !");
	assert_string_equal(twin_state_name(t), "e");
	/* it can be played again, with its times */
	twin_reset(t, 0, 10000);
	sees(t, 11099, "");
	sees(t, 13000, "BIOS\r\ntwo\033[1mlogin: !");
	twin_free(t);
	twin_model_free(model);
	problems_release(&problems);
}

static void refuses_play(const char *act, const char *words)
{
	struct problems problems = { 0 };

	assert_null(parse(act, &problems));
	assert_int_equal(problems.errors, 1);
	assert_int_equal(problems.list[0].line, 7);
	if (strstr(problems.list[0].text, words) == NULL)
		fail_msg("%s: %s", act, problems.list[0].text);
	problems_release(&problems);
}

static void test_play_wrong(void **unused)
{
	(void)unused;
	refuses_play("play none.cast", "No such file");
	refuses_play("play", "expected the file");
	refuses_play("play /etc/passwd", "beside");
	refuses_play("play \"../t.ini\"", "beside");
	refuses_play("play \"x/../../t.ini\"", "beside");
	refuses_play("play t.ini", "t.ini");
	put_cast("{\"version\": 2, \"width\": 80, \"height\": 25}\n");
	refuses_play("play a.cast", "nothing is printed");
	put_cast("{\"version\": 2, \"width\": 80, \"height\": 25}\n"
		 "nonsense\n[0.1, \"o\", \"x\"]\n");
	refuses_play("play a.cast", "a.cast:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_see_one, set_up),
		cmocka_unit_test_setup(test_processes, set_up),
		cmocka_unit_test_setup(test_held, set_up),
		cmocka_unit_test_setup(test_damaged, set_up),
		cmocka_unit_test_setup(test_any_damage, set_up),
		cmocka_unit_test_setup(test_foreign, set_up),
		cmocka_unit_test_setup(test_other_seed, set_up),
		cmocka_unit_test_setup(test_play, set_up),
		cmocka_unit_test_setup(test_play_wrong, set_up),
	};
	char *cast_path;
	int rc;

	if (mkdtemp(dir) == NULL)
		return 1;
	state_path = memory_format("%s/state", dir);
	twin_path = memory_format("%s/t.ini", dir);
	cast_path = memory_format("%s/a.cast", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(state_path);
	unlink(twin_path);
	unlink(cast_path);
	rmdir(dir);
	free(state_path);
	free(twin_path);
	free(cast_path);
	return rc;
}
