/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base/option, base/settings and base/secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "base/option.h"
#include "base/secret.h"
#include "base/settings.h"

/* --- option --------------------------------------------------------------- */

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct option table[] = {
	{ .key = "text", .type = OPTION_TEXT },
	{ .key = "name", .type = OPTION_NAME, .required = true },
	{ .key = "port", .type = OPTION_NUMBER, .fallback = "623", .min = 1,
	  .max = 65535 },
	{ .key = "offset", .type = OPTION_NUMBER, .min = -5, .max = 5,
	  .unit = "bytes" },
	{ .key = "steal", .type = OPTION_BOOL, .fallback = "no" },
	{ .key = "delay", .type = OPTION_DURATION, .fallback = "30ms",
	  .max = 5000 },
	{ .key = "colour", .type = OPTION_CHOICE, .fallback = "red",
	  .choices = colours },
	{ .key = "colours", .type = OPTION_WORDS, .choices = colours },
	{ .key = "password", .type = OPTION_SECRET },
	OPTION_END
};

static const struct option other_table[] = {
	{ .key = "driver", .type = OPTION_NAME, .required = true },
	OPTION_END
};

static const struct option *const tables[] = { table, other_table, NULL };

static void test_option_find(void **state)
{
	(void)state;
	assert_ptr_equal(option_find(table, "port"), &table[2]);
	assert_null(option_find(table, "Port"));
	assert_null(option_find(table, "driver"));
	assert_null(option_find(NULL, "port"));
}

static void test_option_expected(void **state)
{
	static const char *const want[] = {
		"text", "letters, digits and . _ : -, no leading -",
		"a number from 1 to 65535", "a number from -5 to 5 in bytes",
		"yes or no", "a time from 0ms to 5s, such as 5s or 1m30s",
		"one of red, green, blue", "words out of red, green, blue",
		("a reference: @file:PATH, @credential:NAME or @command:PROGRAM "
		 "ARGUMENTS"),
	};
	char buf[200];
	size_t i;

	(void)state;
	for (i = 0; table[i].key != NULL; i++)
		assert_string_equal(option_expected(&table[i], buf,
						    sizeof(buf)), want[i]);
	/* cut, not written past the end */
	assert_string_equal(option_expected(&table[6], buf, 10), "one of re");
	assert_string_equal(option_expected(&table[6], buf, 4), "one");
}

static void test_option_is_name(void **state)
{
	char name[257];

	(void)state;
	assert_true(option_is_name("ldap1.example.org"));
	assert_true(option_is_name("fe80::1"));
	assert_true(option_is_name("A_9-"));
	assert_false(option_is_name(""));
	assert_false(option_is_name("-oProxyCommand"));
	assert_false(option_is_name("a b"));
	assert_false(option_is_name("a/b"));
	assert_false(option_is_name("$(x)"));
	assert_false(option_is_name("a\n"));
	assert_false(option_is_name("\xc3\xa4"));
	memset(name, 'a', 256);
	name[256] = '\0';
	assert_false(option_is_name(name));
	assert_true(option_is_name(name + 1));
}

static void test_option_nearest(void **state)
{
	static const char *const words[] = {
		"power", "console", "ldap1", "ldap12", "abc", NULL,
	};
	char word[40];

	(void)state;
	assert_string_equal(option_nearest("pwoer", words), "power");
	assert_string_equal(option_nearest("consle", words), "console");
	assert_string_equal(option_nearest("ldap2", words), "ldap1");
	assert_string_equal(option_nearest("ldap12", words), "ldap12");
	assert_null(option_nearest("network", words));
	assert_null(option_nearest("", words));
	assert_null(option_nearest("xyz", words));
	assert_null(option_nearest("power", NULL));
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(option_nearest(word, words));
}

/* --- settings ------------------------------------------------------------- */

static void test_settings_values(void **state)
{
	struct settings *s = settings_new(tables);
	struct rh_error err = RH_ERROR_INIT;

	(void)state;
	assert_int_equal(settings_set(s, "name", "a", &err), 0);
	assert_int_equal(settings_set(s, "name", "b", &err), 0);
	assert_int_equal(settings_set(s, "port", "65535", &err), 0);
	assert_int_equal(settings_set(s, "offset", "-5", &err), 0);
	assert_int_equal(settings_set(s, "steal", "yes", &err), 0);
	assert_int_equal(settings_set(s, "delay", "1s 500ms", &err), 0);
	assert_int_equal(settings_set(s, "colour", "blue", &err), 0);
	assert_int_equal(settings_set(s, "colours", " red,blue\n", &err), 0);
	assert_int_equal(settings_set(s, "password", "@file:/x", &err), 0);
	assert_int_equal(settings_set(s, "driver", "ipmi", &err), 0);
	assert_int_equal(settings_set(s, "text", "any; #text", &err), 0);
	assert_int_equal(err.code, RH_ERR_NONE);
	assert_string_equal(settings_text(s, "name"), "b");
	assert_int_equal(settings_number(s, "port"), 65535);
	assert_int_equal(settings_number(s, "offset"), -5);
	assert_true(settings_bool(s, "steal"));
	assert_int_equal(settings_number(s, "delay"), 1500);
	assert_string_equal(settings_text(s, "colour"), "blue");
	assert_true(settings_has_word(s, "colours", "red"));
	assert_true(settings_has_word(s, "colours", "blue"));
	assert_false(settings_has_word(s, "colours", "green"));
	assert_false(settings_has_word(s, "colours", "re"));
	assert_string_equal(settings_secret_ref(s, "password"), "@file:/x");
	assert_string_equal(settings_text(s, "driver"), "ipmi");
	assert_string_equal(settings_text(s, "text"), "any; #text");
	settings_free(s);
	settings_free(NULL);
}

static void test_settings_defaults(void **state)
{
	struct settings *s = settings_new(tables);

	(void)state;
	assert_false(settings_has(s, "port"));
	assert_int_equal(settings_number(s, "port"), 623);
	assert_int_equal(settings_number(s, "delay"), 30);
	assert_false(settings_bool(s, "steal"));
	assert_string_equal(settings_text(s, "colour"), "red");
	assert_false(settings_has_word(s, "colours", "red"));
	assert_null(settings_text(s, "text"));
	assert_null(settings_secret_ref(s, "password"));
	assert_string_equal(settings_missing(s), "name");
	assert_int_equal(settings_set(s, "name", "a", NULL), 0);
	assert_true(settings_has(s, "name"));
	assert_string_equal(settings_missing(s), "driver");
	assert_int_equal(settings_set(s, "driver", "a", NULL), 0);
	assert_null(settings_missing(s));
	settings_free(s);
}

static void test_settings_wrong(void **state)
{
	static const struct {
		const char *key;
		const char *value;
		const char *text;
	} rows[] = {
		{ "prot", "1", "unknown key \"prot\"; did you mean \"port\"?" },
		{ "drivr", "1",
		  "unknown key \"drivr\"; did you mean \"driver\"?" },
		{ "zzzzzz", "1",
		  "unknown key \"zzzzzz\"; expected one of those that `rhands "
		  "drivers` and rhands-hosts(5) list" },
		{ "port", "0", "port = 0: expected a number from 1 to 65535" },
		{ "port", "65536",
		  "port = 65536: expected a number from 1 to 65535" },
		{ "port", "1x", "port = 1x: expected a number from 1 to 65535" },
		{ "port", "", "port = : expected a number from 1 to 65535" },
		{ "port", "+1", "port = +1: expected a number from 1 to 65535" },
		{ "port", "99999999999999999999",
		  "port = 99999999999999999999: expected a number from 1 to "
		  "65535" },
		{ "offset", "-",
		  "offset = -: expected a number from -5 to 5 in bytes" },
		{ "name", "-x", "name = -x: expected letters, digits and . _ : "
				"-, no leading -" },
		{ "steal", "YES", "steal = YES: expected yes or no" },
		{ "delay", "6s", "delay = 6s: expected a time from 0ms to 5s, "
				 "such as 5s or 1m30s" },
		{ "delay", "soon", "delay = soon: expected a time from 0ms to "
				   "5s, such as 5s or 1m30s" },
		{ "colour", "re", "colour = re: expected one of red, green, "
				  "blue; did you mean \"red\"?" },
		{ "colours", "red pink", "colours = red pink: expected words "
					 "out of red, green, blue" },
		{ "password", "hunter2",
		  "password: a secret never stands in the file itself; expected "
		  "a reference: @file:PATH, @credential:NAME or "
		  "@command:PROGRAM ARGUMENTS" },
	};
	struct settings *s = settings_new(tables);
	struct rh_error err = RH_ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rh_error_clear(&err);
		assert_int_equal(settings_set(s, rows[i].key, rows[i].value,
					      &err), -1);
		assert_int_equal(err.code, RH_ERR_CONFIG);
		assert_string_equal(err.text, rows[i].text);
		assert_false(settings_has(s, rows[i].key));
	}
	settings_free(s);
}

/* --- secret ---------------------------------------------------------------- */

struct place {
	char dir[64];
	struct rh_error err;
	struct secret secret;
};

static int place_setup(void **state)
{
	struct place *p = memory_new(1, sizeof(*p));

	strcpy(p->dir, "/tmp/rhands-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	unsetenv("CREDENTIALS_DIRECTORY");
	*state = p;
	return 0;
}

static int place_remove(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int place_teardown(void **state)
{
	struct place *p = *state;

	secret_release(&p->secret);
	nftw(p->dir, place_remove, 8, FTW_DEPTH | FTW_PHYS);
	unsetenv("CREDENTIALS_DIRECTORY");
	free(p);
	return 0;
}

static void place_put(const struct place *p, const char *name, mode_t mode,
		      const char *bytes, size_t len)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Loads PREFIX DIR NAME, e.g. "@file:" and "x". */
static int place_load(struct place *p, const char *prefix, const char *name,
		      int64_t deadline)
{
	char reference[200];

	secret_release(&p->secret);
	rh_error_clear(&p->err);
	snprintf(reference, sizeof(reference), "%s%s/%s", prefix, p->dir, name);
	return secret_load(&p->secret, reference, deadline, &p->err);
}

static void assert_place_error(const struct place *p, enum rh_code code,
			       const char *before, const char *name,
			       const char *after)
{
	char want[512];

	snprintf(want, sizeof(want), "%s%s/%s%s", before, p->dir, name, after);
	assert_string_equal(p->err.text, want);
	assert_int_equal(p->err.code, code);
	assert_null(p->secret.bytes);
}

static void test_secret_references(void **state)
{
	(void)state;
	assert_true(secret_is_reference("@file:/etc/x"));
	assert_true(secret_is_reference("@command:/bin/x y"));
	assert_true(secret_is_reference("@credential:x"));
	assert_false(secret_is_reference("@file:x"));
	assert_false(secret_is_reference("@command:x"));
	assert_false(secret_is_reference("@credential:"));
	assert_false(secret_is_reference("@credential:../x"));
	assert_false(secret_is_reference("@credential:a/b"));
	assert_false(secret_is_reference("@env:X"));
	assert_false(secret_is_reference("hunter2"));
	assert_false(secret_is_reference(""));
}

static void test_secret_file(void **state)
{
	struct place *p = *state;

	place_put(p, "x", 0600, "hunter2\r\nmore\n", 14);
	assert_int_equal(place_load(p, "@file:", "x", DEADLINE_NEVER), 0);
	assert_string_equal(p->secret.bytes, "hunter2");
	assert_int_equal(p->secret.len, 7);
	/* nothing of the lines behind stays in memory */
	assert_null(memmem(p->secret.bytes, 64, "more", 4));
	secret_release(&p->secret);
	assert_null(p->secret.bytes);
	secret_release(&p->secret);
	secret_release(NULL);
	place_put(p, "x", 0400, " a b ", 5);
	assert_int_equal(place_load(p, "@file:", "x", DEADLINE_NEVER), 0);
	assert_string_equal(p->secret.bytes, " a b ");
}

static void test_secret_file_wrong(void **state)
{
	static const char first[] =
		": the first line must hold the secret, 1 to 1024 bytes";
	struct place *p = *state;
	char big[SECRET_MAX + 1];

	place_put(p, "empty", 0600, "", 0);
	assert_int_equal(place_load(p, "@file:", "empty", 0), -1);
	assert_place_error(p, RH_ERR_CONFIG, "@file:", "empty", first);
	place_put(p, "blank", 0600, "\nx\n", 3);
	assert_int_equal(place_load(p, "@file:", "blank", 0), -1);
	assert_place_error(p, RH_ERR_CONFIG, "@file:", "blank", first);
	memset(big, 'x', sizeof(big));
	place_put(p, "big", 0600, big, sizeof(big));
	assert_int_equal(place_load(p, "@file:", "big", 0), -1);
	assert_place_error(p, RH_ERR_CONFIG, "@file:", "big", first);
	place_put(p, "big", 0600, big, sizeof(big) - 1);
	assert_int_equal(place_load(p, "@file:", "big", 0), 0);
	assert_int_equal(place_load(p, "@file:", "none", 0), -1);
	assert_place_error(p, RH_ERR_CONFIG, "secret file ", "none",
			   ": No such file or directory");
	assert_int_equal(place_load(p, "@file:", ".", 0), -1);
	assert_place_error(p, RH_ERR_CONFIG, "secret file ", ".",
			   " is not a regular file");
}

static void test_secret_open_to_others(void **state)
{
	static const mode_t modes[] = { 0604, 0602, 0640, 0620, 0644 };
	struct place *p = *state;
	char want[300], reference[200];
	size_t i;

	place_put(p, "x", 0600, "hunter2", 7);
	snprintf(reference, sizeof(reference), "@file:%s/x", p->dir);
	assert_int_equal(secret_check(reference, &p->err), 0);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		place_put(p, "x", modes[i], "hunter2", 7);
		assert_int_equal(place_load(p, "@file:", "x", 0), -1);
		snprintf(want, sizeof(want), "secret file %s/x can be read or "
			 "changed by others (mode %04o); do: chmod 600 %s/x",
			 p->dir, (unsigned)modes[i], p->dir);
		assert_string_equal(p->err.text, want);
		assert_int_equal(secret_check(reference, &p->err), -1);
		assert_string_equal(p->err.text, want);
	}
}

static void test_secret_owner(void **state)
{
	struct place *p = *state;
	char path[128];

	if (geteuid() != 0)
		skip();
	place_put(p, "x", 0600, "hunter2", 7);
	snprintf(path, sizeof(path), "%s/x", p->dir);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(place_load(p, "@file:", "x", 0), -1);
	assert_place_error(p, RH_ERR_CONFIG, "secret file ", "x",
			   " belongs to uid 65534; it must be yours or root's");
}

static void test_secret_credential(void **state)
{
	struct place *p = *state;

	assert_int_equal(secret_load(&p->secret, "@credential:x", 0, &p->err),
			 -1);
	assert_string_equal(p->err.text, "@credential:x needs a systemd unit "
			    "with LoadCredential=x (CREDENTIALS_DIRECTORY is not "
			    "set)");
	assert_int_equal(secret_check("@credential:x", &p->err), -1);
	setenv("CREDENTIALS_DIRECTORY", p->dir, 1);
	/* How systemd leaves it for a service with User=: the ACL's mask. */
	place_put(p, "x", 0440, "hunter2", 7);
	assert_int_equal(secret_check("@credential:x", &p->err), 0);
	assert_int_equal(secret_load(&p->secret, "@credential:x", 0, &p->err),
			 0);
	assert_string_equal(p->secret.bytes, "hunter2");
	place_put(p, "y", 0444, "hunter2", 7);
	assert_int_equal(secret_check("@credential:y", &p->err), -1);
}

static void test_secret_command(void **state)
{
	struct place *p = *state;

	assert_int_equal(secret_load(&p->secret,
				     "@command:/bin/echo  hunter2 $HOME;x",
				     deadline_in(10000), &p->err), 0);
	/* no shell: nothing is expanded */
	assert_string_equal(p->secret.bytes, "hunter2 $HOME;x");
	secret_release(&p->secret);
	assert_int_equal(secret_load(&p->secret, "@command:/bin/false",
				     deadline_in(10000), &p->err), -1);
	assert_string_equal(p->err.text, "/bin/false ended with status 1");
	assert_int_equal(secret_load(&p->secret, "@command:/no/such",
				     deadline_in(10000), &p->err), -1);
	assert_string_equal(p->err.text, "/no/such ended with status 127");
	assert_int_equal(secret_check("@command:/no/such x", &p->err), -1);
	assert_string_equal(p->err.text, "secret program /no/such: No such file "
					 "or directory");
	assert_int_equal(secret_check("@command:/bin/false x", &p->err), 0);
	assert_int_equal(secret_check("hunter2", &p->err), -1);
	assert_string_equal(p->err.text, "a secret must be a reference");
	assert_int_equal(secret_load(&p->secret, "hunter2", 0, &p->err), -1);
	assert_string_equal(p->err.text, "a secret must be a reference");
}

/* The caller gets no more of its own environment into the program. */
static void test_secret_command_environment(void **state)
{
	struct place *p = *state;

	setenv("RHANDS_TEST", "leak", 1);
	assert_int_equal(secret_load(&p->secret, "@command:/usr/bin/env",
				     deadline_in(10000), &p->err), 0);
	unsetenv("RHANDS_TEST");
	assert_string_equal(p->secret.bytes,
			    "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
}

static void test_secret_command_silent(void **state)
{
	struct place *p = *state;
	int64_t start = deadline_now();

	assert_int_equal(secret_load(&p->secret, "@command:/bin/sleep 60",
				     deadline_in(200), &p->err), -1);
	assert_int_equal(p->err.code, RH_ERR_TIMEOUT);
	assert_string_equal(p->err.text, "/bin/sleep printed no secret in time");
	assert_true(deadline_now() < start + 10000);
}

/* It prints the secret, closes its output, and stays. */
static void test_secret_command_stays(void **state)
{
	static const char script[] = "#!/bin/sh\necho hunter2\nexec >&-\n"
				     "exec sleep 60\n";
	struct place *p = *state;
	int64_t start = deadline_now();

	place_put(p, "stay", 0700, script, sizeof(script) - 1);
	assert_int_equal(place_load(p, "@command:", "stay", deadline_in(500)),
			 -1);
	assert_place_error(p, RH_ERR_TIMEOUT, "", "stay",
			   " did not end in time");
	assert_true(deadline_now() < start + 10000);
}

/* It prints without end: it must not wait for us, nor we for it. */
static void test_secret_command_chatter(void **state)
{
	struct place *p = *state;
	int64_t start = deadline_now();

	assert_int_equal(secret_load(&p->secret, "@command:/usr/bin/yes x",
				     deadline_in(30000), &p->err), -1);
	assert_int_equal(p->err.code, RH_ERR_CONFIG);
	assert_string_equal(p->err.text, "/usr/bin/yes ended with status 141");
	assert_true(deadline_now() < start + 20000);
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/* A signal in the middle must not make it wait past the deadline. */
static void test_secret_command_signals(void **state)
{
	struct sigaction act = { .sa_handler = on_alarm }, before;
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, none = { 0 };
	struct place *p = *state;
	int64_t start = deadline_now();
	int rc;

	sigaction(SIGALRM, &act, &before);
	setitimer(ITIMER_REAL, &every, NULL);
	rc = secret_load(&p->secret, "@command:/bin/sleep 5", deadline_in(300),
			 &p->err);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(rc, -1);
	assert_int_equal(p->err.code, RH_ERR_TIMEOUT);
	assert_true(deadline_now() < start + 4000);
}

#define PLACE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option_find),
		cmocka_unit_test(test_option_expected),
		cmocka_unit_test(test_option_is_name),
		cmocka_unit_test(test_option_nearest),
		cmocka_unit_test(test_settings_values),
		cmocka_unit_test(test_settings_defaults),
		cmocka_unit_test(test_settings_wrong),
		cmocka_unit_test(test_secret_references),
		PLACE(test_secret_file),
		PLACE(test_secret_file_wrong),
		PLACE(test_secret_open_to_others),
		PLACE(test_secret_owner),
		PLACE(test_secret_credential),
		PLACE(test_secret_command),
		PLACE(test_secret_command_environment),
		PLACE(test_secret_command_silent),
		PLACE(test_secret_command_stays),
		PLACE(test_secret_command_chatter),
		PLACE(test_secret_command_signals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
