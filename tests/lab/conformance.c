/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conformance - one suite of rules for every driver
 *
 *   conformance DRIVER FILE.ini [RULE...]
 *
 * Runs the rules, or those named, and prints TAP. FILE.ini says how the
 * driver is set and what is known of its counterpart:
 *
 *   [settings]     the way's settings, as in a host file
 *   [silent]       over them: a counterpart that accepts and says nothing
 *   [gone]         over them: nobody is there
 *   [denied]       over them: the credential is refused
 *   [stuck]        over them: a console that takes no bytes
 *   [wrong]        each line alone over them is refused by open
 *   [counterpart]  words that are explained at the head of the rules that
 *                  ask for them
 *   [exceptions]   RULE = why it does not go for this driver
 *
 * A value TCP-SINK, UDP-SINK, PTY-SINK, TCP-CLOSED or UDP-CLOSED stands for a
 * counterpart of this program's own. Always true: a rule is skipped only where
 * the driver's table is NULL or [exceptions] says so; after each rule nothing is
 * left behind and nothing was printed. What a driver prints goes to
 * FILE.ini.out, and there is nothing.
 */
#include "tests/lab/conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/secret.h"

const struct driver *conf_driver;

static struct ini *conf_file;
static FILE *tap;			/* our standard output; not the driver's */
static bool conf_has_failed;
static char conf_skipped[200];		/* why; "" : it was not */
static struct secret conf_secrets[8];
static size_t conf_secret_count;

/* --- results --------------------------------------------------------------------- */

bool conf_check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	conf_has_failed = true;
	va_start(ap, fmt);
	fprintf(tap, "# failed: ");
	vfprintf(tap, fmt, ap);
	fprintf(tap, "\n");
	va_end(ap);
	return false;
}

bool conf_check_rc(int rc, const struct rh_error *err, const char *what)
{
	return conf_check(rc == 0, "%s: %s: %s", what, rh_code_name(err->code),
			  err->text);
}

void conf_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(conf_skipped, sizeof(conf_skipped), fmt, ap);
	va_end(ap);
}

void conf_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(tap, "# ");
	vfprintf(tap, fmt, ap);
	fprintf(tap, "\n");
	va_end(ap);
}

bool conf_failed(void)
{
	return conf_has_failed;
}

/* --- the file -------------------------------------------------------------------- */

static const struct ini_section *conf_section(const char *name)
{
	size_t i;

	for (i = 0; i < conf_file->count; i++) {
		if (strcmp(conf_file->sections[i].name, name) == 0)
			return &conf_file->sections[i];
	}
	return NULL;
}

bool conf_has_section(const char *section)
{
	return conf_section(section) != NULL;
}

bool conf_entry(const char *section, size_t n, const char **ret_key,
		const char **ret_value)
{
	const struct ini_section *s = conf_section(section);

	if (s == NULL || n >= s->count)
		return false;
	*ret_key = s->entries[n].key;
	*ret_value = s->entries[n].value;
	if (conf_sink_name(*ret_value) != NULL)
		*ret_value = conf_sink_name(*ret_value);
	return true;
}

static const char *conf_value(const char *section, const char *key)
{
	const char *k, *v;
	size_t n;

	for (n = 0; conf_entry(section, n, &k, &v); n++) {
		if (strcmp(k, key) == 0)
			return v;
	}
	return NULL;
}

const char *conf_word(const char *key)
{
	return conf_value("counterpart", key);
}

const char *conf_need(const char *key)
{
	conf_check(conf_word(key) != NULL, "[counterpart] does not say %s",
		   key);
	return conf_word(key);
}

bool conf_says(const char *key, const char *word)
{
	const char *at = conf_word(key);
	size_t len = strlen(word);

	while (at != NULL && (at = strstr(at, word)) != NULL) {
		if ((at == conf_word(key) || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
		at += len;
	}
	return false;
}

static struct ini *conf_read(const char *path)
{
	struct problems problems = { 0 };
	struct buffer text = { 0 };
	FILE *f = fopen(path, "re");
	struct ini *ini = NULL;
	char bytes[4096];
	size_t n;

	while (f != NULL && (n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		buffer_append(&text, bytes, n);
	if (f != NULL) {
		ini = ini_read(path, buffer_text(&text), text.len, &problems);
		fclose(f);
	}
	if (problems.count > 0) {
		ini_free(ini);
		ini = NULL;
	}
	problems_release(&problems);
	buffer_release(&text);
	return ini;
}

/* --- instances ------------------------------------------------------------------- */

static void conf_set(struct conf_instance *i, const char *section,
		     const char *without)
{
	struct rh_error err = RH_ERROR_INIT;
	const char *key, *value;
	size_t n;

	for (n = 0; section != NULL && conf_entry(section, n, &key, &value);
	     n++) {
		if (without == NULL || strcmp(key, without) != 0)
			conf_check_rc(settings_set(i->settings, key, value,
						   &err), &err, key);
	}
}

static void conf_begin(struct conf_instance *i)
{
	/* kept by the settings */
	static const struct option *tables[2];

	tables[0] = conf_driver->options;
	i->settings = settings_new(tables);
	i->self = memory_new(1, conf_driver->size);
}

int conf_try_open(struct conf_instance *i, const char *section,
		  struct rh_error *err)
{
	conf_begin(i);
	conf_set(i, "settings", NULL);
	conf_set(i, section, NULL);
	return conf_driver->open(i->self, i->settings, deadline_in(5000), err);
}

int conf_try_open_with(struct conf_instance *i, const char *key,
		       const char *value, struct rh_error *err)
{
	conf_begin(i);
	conf_set(i, "settings", key);
	if (value != NULL && settings_set(i->settings, key, value, err) < 0)
		return -1;
	return conf_driver->open(i->self, i->settings, deadline_in(5000), err);
}

void conf_open(struct conf_instance *i, const char *section)
{
	struct rh_error err = RH_ERROR_INIT;

	conf_check_rc(conf_try_open(i, section, &err), &err, "open");
}

void conf_close(struct conf_instance *i)
{
	int64_t start = deadline_now();

	conf_driver->close(i->self);
	conf_check(deadline_now() - start <= 1000 + CONF_SLACK_MS,
		   "close took %lld ms", (long long)(deadline_now() - start));
	free(i->self);
	settings_free(i->settings);
}

/* --- secrets and errors --------------------------------------------------------------- */

/* What every secret of the file is, to look for it elsewhere. */
static void conf_learn_secrets(const char *section)
{
	struct rh_error err = RH_ERROR_INIT;
	const struct option *option;
	const char *key, *value;
	size_t n;

	for (n = 0; conf_entry(section, n, &key, &value); n++) {
		option = option_find(conf_driver->options, key);
		if (option == NULL || option->type != OPTION_SECRET ||
		    conf_secret_count == 8)
			continue;
		if (secret_load(&conf_secrets[conf_secret_count], value,
				deadline_in(5000), &err) == 0)
			conf_secret_count++;
	}
}

bool conf_has_secret(const void *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < conf_secret_count; i++) {
		if (len > 0 && conf_secrets[i].len > 0 &&
		    memmem(bytes, len, conf_secrets[i].bytes,
			   conf_secrets[i].len) != NULL)
			return true;
	}
	return false;
}

void conf_check_no_secret(const void *bytes, size_t len, const char *where)
{
	conf_check(!conf_has_secret(bytes, len), "%s: a secret is in it", where);
}

void conf_check_error(const struct rh_error *err, const char *what)
{
	const unsigned char *c = (const unsigned char *)err->text;

	conf_check(err->code > RH_ERR_NONE && err->code < RH_ERR_COUNT &&
		   err->code != RH_ERR_INTERNAL, "%s: its code is %d: %s",
		   what, (int)err->code, err->text);
	conf_check(*c != '\0', "%s: an error without text", what);
	for (; *c >= 0x20 && *c != 0x7f; c++)
		;
	conf_check(*c == '\0', "%s: byte %02x in the text of an error", what,
		   *c);
	conf_check_no_secret(err->text, strlen(err->text), what);
}

/* --- rules ----------------------------------------------------------------------- */

static const struct conf_rule *const conf_rules[] = {
	conf_rules_open, conf_rules_calls, conf_rules_power,
	conf_rules_console, conf_rules_shell, conf_rules_look,
};

#define CONF_RULES (sizeof(conf_rules) / sizeof(conf_rules[0]))

/* The table's name where the driver has none. */
static const char *conf_missing(enum conf_table table)
{
	const struct driver *d = conf_driver;

	switch (table) {
	case CONF_ANY:
		return NULL;
	case CONF_POWER:
		return d->power == NULL ? "power" : NULL;
	case CONF_CONSOLE:
		return d->console == NULL ? "console" : NULL;
	case CONF_SHELL:
		return d->shell == NULL ? "shell" : NULL;
	case CONF_EVIDENCE:
		return d->evidence == NULL ? "evidence" : NULL;
	case CONF_CHECK:
		return d->check == NULL ? "check" : NULL;
	case CONF_DOCTOR:
		return d->doctor == NULL ? "doctor" : NULL;
	}
	return "no such table";
}

/* What holds after each rule: nothing is left, nothing was printed. */
static void conf_check_rest(int descriptors)
{
	int64_t deadline = deadline_in(1000);
	struct stat printed = { .st_size = -1 };

	/* the kernel needs a moment to reap a detached thread */
	while (conf_threads() > 1 && deadline_now() < deadline)
		poll(NULL, 0, 10);
	conf_check(conf_threads() == 1, "%d threads are left",
		   conf_threads() - 1);
	conf_check(conf_descriptors() == descriptors,
		   "%d descriptors are left",
		   conf_descriptors() - descriptors);
	conf_check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
		   "a child is left");
	conf_check(conf_poison_taken() == 0,
		   "it asked the SSH agent of the environment");
	fflush(NULL);
	(void)fstat(1, &printed);
	conf_check(printed.st_size == 0, "it prints %lld bytes",
		   (long long)printed.st_size);
	(void)!ftruncate(1, 0);
}

static void conf_run(const struct conf_rule *rule)
{
	const char *missing = conf_missing(rule->table);
	const char *why = conf_value("exceptions", rule->name);
	int descriptors;

	conf_has_failed = false;
	conf_skipped[0] = '\0';
	if (missing != NULL) {
		conf_skip("%s is NULL", missing);
		return;
	}
	if (why != NULL) {
		conf_skip("%s", why);
		return;
	}
	(void)conf_sinks_visits();
	descriptors = conf_descriptors();
	rule->run();
	conf_check_rest(descriptors);
}

static bool conf_selected(const char *name, char **names)
{
	if (names[0] == NULL)
		return true;
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

static int conf_run_all(char **names)
{
	const struct conf_rule *rule;
	int number = 0, bad = 0;
	int64_t start;
	size_t i;

	for (i = 0; i < CONF_RULES; i++) {
		for (rule = conf_rules[i]; rule->name != NULL; rule++) {
			if (!conf_selected(rule->name, names))
				continue;
			start = deadline_now();
			conf_run(rule);
			fprintf(tap, "%sok %d %s: %s%s%s\n",
				conf_has_failed ? "not " : "", ++number,
				conf_driver->name, rule->name,
				conf_skipped[0] != '\0' ? " # SKIP " : "",
				conf_skipped);
			if (deadline_now() - start > 1000)
				conf_note("took %lld ms",
					  (long long)(deadline_now() - start));
			bad += conf_has_failed;
		}
	}
	fprintf(tap, "1..%d\n", number);
	return bad > 0 || number == 0;
}

/* An exception for a rule that is not there excuses nothing. */
static bool conf_exceptions_are_rules(void)
{
	const char *key, *why;
	const struct conf_rule *rule;
	bool found;
	size_t n, i;

	for (n = 0; conf_entry("exceptions", n, &key, &why); n++) {
		found = false;
		for (i = 0; i < CONF_RULES; i++) {
			for (rule = conf_rules[i]; rule->name != NULL; rule++)
				found |= strcmp(rule->name, key) == 0;
		}
		if (!found) {
			fprintf(tap, "Bail out! [exceptions] no rule %s\n",
				key);
			return false;
		}
	}
	return true;
}

/* From here on, standard output and error are the driver's: a file. */
static bool conf_redirect(const char *file)
{
	char *path = memory_format("%s.out", file);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
		      0600);

	free(path);
	tap = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 3), "w");
	if (fd < 0 || tap == NULL || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		return false;
	close(fd);
	setvbuf(tap, NULL, _IOLBF, 0);
	return true;
}

int main(int argc, char **argv)
{
	int rc = 2;

	if (argc < 3 || (conf_driver = driver_find(argv[1])) == NULL) {
		fprintf(stderr, "usage: conformance DRIVER FILE.ini [RULE...]\n");
		return 2;
	}
	conf_file = conf_read(argv[2]);
	if (conf_file == NULL || !conf_redirect(argv[2])) {
		fprintf(stderr, "conformance: %s: it cannot be used\n", argv[2]);
		return 2;
	}
	conf_sinks_start();
	conf_poison_environment();
	conf_learn_secrets("settings");
	conf_learn_secrets("denied");
	if (conf_exceptions_are_rules())
		rc = conf_run_all(argv + 3);
	while (conf_secret_count > 0)
		secret_release(&conf_secrets[--conf_secret_count]);
	conf_sinks_stop();
	ini_free(conf_file);
	fclose(tap);
	return rc;
}
