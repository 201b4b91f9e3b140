/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent/config against fake drivers: each test writes a configuration into a
 * directory of its own and looks at what comes out of it, to the letter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/config.h"
#include "base/buffer.h"
#include "base/memory.h"

/* --- the drivers of this test ------------------------------------------- */

static const struct option bmc_options[] = {
	{ .key = "address", .type = OPTION_NAME, .required = true },
	{ .key = "port", .type = OPTION_NUMBER, .fallback = "623", .min = 1,
	  .max = 65535 },
	{ .key = "user", .type = OPTION_TEXT },
	{ .key = "password", .type = OPTION_SECRET },
	OPTION_END
};

static const struct option pdu_options[] = {
	{ .key = "off", .type = OPTION_TEXT, .required = true },
	{ .key = "outlet", .type = OPTION_NUMBER, .required = true, .min = 1,
	  .max = 24 },
	OPTION_END
};

static const struct option tcp_options[] = {
	{ .key = "address", .type = OPTION_NAME, .required = true },
	OPTION_END
};

static const struct driver_power_ops fake_power = { 0 };
static const struct driver_console_ops fake_console = { 0 };
static const struct driver_check_ops fake_check = { 0 };

static const struct driver driver_bmc = {
	.name = "bmc", .options = bmc_options, .power = &fake_power,
	.console = &fake_console,
};
static const struct driver driver_pdu = {
	.name = "pdu", .options = pdu_options, .power = &fake_power,
};
static const struct driver driver_tcp = {
	.name = "tcp", .options = tcp_options, .check = &fake_check,
};
static const struct driver driver_bare = {
	.name = "bare", .power = &fake_power,
};

const struct driver *const driver_table[] = {
	&driver_bmc, &driver_pdu, &driver_tcp, &driver_bare, NULL,
};

static bool tcp_is_there = true;

const struct driver *driver_find(const char *name)
{
	int i;

	for (i = 0; driver_table[i] != NULL; i++) {
		if (strcmp(driver_table[i]->name, name) == 0 &&
		    (tcp_is_there || driver_table[i] != &driver_tcp))
			return driver_table[i];
	}
	return NULL;
}

/* --- a configuration in a directory of its own ---------------------------- */

struct site {
	char dir[64];
	struct config *config;
	struct problems problems;
	struct rh_error err;
	int rc;
};

static char *site_path(const struct site *s, const char *name)
{
	return memory_format("%s/%s", s->dir, name);
}

static void site_put(const struct site *s, const char *name, const char *text)
{
	char *path = site_path(s, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0644), 0);
	free(path);
}

static void site_mkdir(const struct site *s, const char *name)
{
	char *path = site_path(s, name);

	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chmod(path, 0755), 0);
	free(path);
}

static void site_chmod(const struct site *s, const char *name, mode_t mode)
{
	char *path = site_path(s, name);

	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static void site_forget(struct site *s)
{
	config_free(s->config);
	s->config = NULL;
	problems_release(&s->problems);
	rh_error_clear(&s->err);
}

static int site_load(struct site *s)
{
	site_forget(s);
	s->rc = config_load(&s->config, s->dir, &s->problems, &s->err);
	if (s->rc < 0)
		assert_null(s->config);
	problems_sort(&s->problems);
	return s->rc;
}

/* One host's file, loaded; returns the host. */
static const struct host *site_host(struct site *s, const char *text)
{
	site_put(s, "hosts.d/ldap1.ini", text);
	assert_int_equal(site_load(s), 0);
	return config_host(s->config, "ldap1");
}

static int site_setup(void **state)
{
	struct site *s = memory_new(1, sizeof(*s));

	strcpy(s->dir, "/tmp/rhands-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	site_mkdir(s, "hosts.d");
	site_mkdir(s, "sequences.d");
	site_put(s, "sequences.d/old-ldap.ini", "[sequence]\nsummary = x\n");
	tcp_is_there = true;
	*state = s;
	return 0;
}

static int site_remove(const char *path, const struct stat *st, int type,
		       struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int site_teardown(void **state)
{
	struct site *s = *state;

	site_forget(s);
	nftw(s->dir, site_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

static void say_problems(const struct site *s)
{
	size_t i;

	for (i = 0; i < s->problems.count; i++)
		print_message("# %s:%d: %s\n", s->problems.list[i].file,
			      s->problems.list[i].line,
			      s->problems.list[i].text);
}

/* That exactly this is said of that line, once. DIR in text is the directory. */
static void assert_problem(const struct site *s, const char *name, int line,
			   const char *text)
{
	const char *at = strstr(text, "DIR");
	char *path = site_path(s, name), *want;
	size_t i, found = 0;

	want = at == NULL ? memory_copy(text)
			  : memory_format("%.*s%s%s", (int)(at - text), text,
					  s->dir, at + 3);
	for (i = 0; i < s->problems.count; i++)
		found += s->problems.list[i].line == line &&
			 strcmp(s->problems.list[i].file, path) == 0 &&
			 strcmp(s->problems.list[i].text, want) == 0;
	if (found != 1) {
		say_problems(s);
		fail_msg("%zu times: %s:%d: %s", found, path, line, want);
	}
	free(path);
	free(want);
}

static void assert_error(const struct site *s, const char *text)
{
	struct buffer want = { 0 };
	const char *at;

	assert_int_equal(s->rc, -1);
	while ((at = strstr(text, "DIR")) != NULL) {
		buffer_append(&want, text, (size_t)(at - text));
		buffer_append_text(&want, s->dir);
		text = at + 3;
	}
	buffer_append_text(&want, text);
	assert_string_equal(s->err.text, buffer_text(&want));
	buffer_release(&want);
}

/* --- what is right ------------------------------------------------------- */

static void test_whole_host(void **state)
{
	struct site *s = *state;
	const struct host *h;
	const struct way *way;

	site_put(s, "secret", "hunter2\n");
	site_chmod(s, "secret", 0600);
	site_put(s, "hosts.d/nfs1.ini", "[host]\n");
	char *text = memory_format(
		"; a host\n[host]\nsummary = Old LDAP server\n"
		"recover = old-ldap\nneeds = nfs1\ngroups = directory core\n"
		"evidence = none\naddress = ldap1.example.org\n"
		"[power]\ndriver = bmc\naddress = 127.0.0.1\nport = 9001\n"
		"password = @file:%s/secret\nmin-off = 10s\n"
		"[power backup]\ndriver = pdu\noff = /sbin/pdu 3 ; off\n"
		"outlet = 3\n"
		"[console]\ndriver = bmc\naddress = 127.0.0.1\n"
		"[vars]\nkernel = 2.6.32\nA-b_9 = x\n"
		"[secrets]\nroot-password = @file:%s/secret\n",
		s->dir, s->dir);
	h = site_host(s, text);
	free(text);
	say_problems(s);
	assert_int_equal(s->problems.count, 0);
	assert_false(h->broken);
	assert_string_equal(h->summary, "Old LDAP server");
	assert_string_equal(h->address, "ldap1.example.org");
	assert_string_equal(h->recover, "old-ldap");
	assert_int_equal(h->recover_line, 4);
	assert_string_equal(h->recover_file, h->file);
	assert_false(h->evidence);
	assert_string_equal(h->needs[0], "nfs1");
	assert_null(h->needs[1]);
	assert_string_equal(h->groups[0], "directory");
	assert_string_equal(h->groups[1], "core");
	assert_null(h->groups[2]);
	assert_string_equal(host_var(h, "kernel"), "2.6.32");
	assert_string_equal(host_var(h, "A-b_9"), "x");
	assert_null(host_var(h, "root-password"));
	assert_non_null(strstr(host_secret(h, "root-password"), "/secret"));
	assert_null(host_secret(h, "kernel"));
	way = host_way(h, WAY_POWER, 0);
	assert_string_equal(way->label, "power");
	assert_ptr_equal(way->driver, &driver_bmc);
	assert_int_equal(way->line, 9);
	assert_int_equal(settings_number(way->settings, "port"), 9001);
	assert_int_equal(settings_number(way->settings, "min-off"), 10000);
	assert_string_equal(settings_text(way->settings, "driver"), "bmc");
	way = host_way(h, WAY_POWER, 1);
	assert_string_equal(way->label, "power backup");
	assert_string_equal(settings_text(way->settings, "off"),
			    "/sbin/pdu 3 ; off");
	assert_null(host_way(h, WAY_POWER, 2));
	assert_null(host_way(h, WAY_SHELL, 0));
}

static void test_defaults(void **state)
{
	struct site *s = *state;
	const struct host *h;
	const struct settings *power, *console;

	h = site_host(s, "[power]\ndriver = bare\n"
			 "[console]\ndriver=bmc\naddress=a\n");
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(h->summary, "");
	assert_string_equal(h->address, "ldap1");
	assert_null(h->recover);
	assert_true(h->evidence);
	assert_null(h->needs[0]);
	assert_null(h->groups[0]);
	power = host_way(h, WAY_POWER, 0)->settings;
	assert_int_equal(settings_number(power, "min-off"), 5000);
	assert_int_equal(settings_number(power, "confirm"), 60000);
	assert_string_equal(settings_text(power, "cycle-by"), "off-on");
	console = host_way(h, WAY_CONSOLE, 0)->settings;
	assert_string_equal(settings_text(console, "terminal"), "vt100");
	assert_int_equal(settings_number(console, "key-delay"), 30);
	assert_string_equal(settings_text(console, "enter"), "cr");
	assert_false(settings_bool(console, "steal"));
	assert_int_equal(settings_number(console, "mute"), 20000);
}

static void test_check_way(void **state)
{
	struct site *s = *state;
	const struct host *h;
	const struct way *way;

	h = site_host(s, "[host]\naddress = 192.0.2.7\n");
	way = host_way(h, WAY_CHECK, 0);
	assert_string_equal(way->label, "check");
	assert_ptr_equal(way->driver, &driver_tcp);
	assert_string_equal(settings_text(way->settings, "address"),
			    "192.0.2.7");
	h = site_host(s, "[check]\ndriver = tcp\naddress = other\n");
	assert_string_equal(settings_text(host_way(h, WAY_CHECK, 0)->settings,
					  "address"), "other");
	assert_null(host_way(h, WAY_CHECK, 1));
	tcp_is_there = false;
	h = site_host(s, "[host]\n");
	assert_null(host_way(h, WAY_CHECK, 0));
	assert_int_equal(s->problems.count, 0);
}

static void test_limits_of_way_options(void **state)
{
	static const struct {
		const char *line;
		bool ok;
	} rows[] = {
		{ "min-off = 1s", true }, { "min-off = 5m", true },
		{ "min-off = 999ms", false }, { "min-off = 301s", false },
		{ "confirm = 5s", true }, { "confirm = 30m", true },
		{ "confirm = 4s", false }, { "confirm = 31m", false },
		{ "cycle-by = controller", true }, { "cycle-by = on-off", false },
		{ "key-delay = 0s", false }, /* of the console, not of power */
	};
	static const struct {
		const char *line;
		bool ok;
	} console_rows[] = {
		{ "key-delay = 0s", true }, { "key-delay = 5s", true },
		{ "key-delay = 5001ms", false }, { "terminal = vt100+", true },
		{ "terminal = vt101", false }, { "enter = crlf", true },
		{ "enter = CR", false }, { "steal = yes", true },
		{ "steal = true", false }, { "mute = 0s", true },
		{ "mute = 30m", true }, { "mute = 31m", false },
		{ "min-off = 5s", false },
	};
	struct site *s = *state;
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "[power]\ndriver = bare\n%s\n",
			 rows[i].line);
		if (site_host(s, text)->broken == rows[i].ok)
			fail_msg("[power] %s", rows[i].line);
	}
	for (i = 0; i < sizeof(console_rows) / sizeof(console_rows[0]); i++) {
		snprintf(text, sizeof(text),
			 "[console]\ndriver = bmc\naddress = a\n%s\n",
			 console_rows[i].line);
		if (site_host(s, text)->broken == console_rows[i].ok)
			fail_msg("[console] %s", console_rows[i].line);
	}
}

static void test_sorted_and_ignored(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/a-b.ini", "");
	site_put(s, "hosts.d/b.ini", "");
	site_put(s, "hosts.d/a.ini", "");
	site_put(s, "hosts.d/a.ini~", "junk");
	site_put(s, "hosts.d/.a.ini", "junk");
	site_put(s, "hosts.d/README", "junk");
	site_put(s, "hosts.d/.ini", "junk");
	site_put(s, "sequences.d/boot.ini", "[sequence]\n");
	site_put(s, "sequences.d/boot.ini.bak", "junk");
	assert_int_equal(site_load(s), 0);
	assert_int_equal(s->problems.count, 0);
	assert_int_equal(s->config->host_count, 3);
	assert_string_equal(s->config->hosts[0]->name, "a");
	assert_string_equal(s->config->hosts[1]->name, "a-b");
	assert_string_equal(s->config->hosts[2]->name, "b");
	assert_null(s->config->hosts[3]);
	assert_int_equal(s->config->sequence_count, 2);
	assert_string_equal(s->config->sequence_names[0], "boot");
	assert_string_equal(s->config->sequence_names[1], "old-ldap");
	assert_non_null(config_sequence(s->config, "old-ldap"));
	assert_null(config_sequence(s->config, "old-ldap.ini"));
	assert_null(config_host(s->config, "A"));
}

static void test_agent_file(void **state)
{
	struct site *s = *state;

	assert_int_equal(site_load(s), 0);
	assert_null(s->config->records);
	site_put(s, "rhands.ini", "[agent]\nrecords = /var/lib/rhands\n");
	assert_int_equal(site_load(s), 0);
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(s->config->records, "/var/lib/rhands");
	site_put(s, "rhands.ini", "[agnet]\n[agent]\nrecord = /x\n"
				  "records = x\nrecords = /y\nrecords = /z\n");
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "rhands.ini", 1,
		       "unknown section [agnet]; expected [agent], [log], [guard] "
		       "or [guard GROUP]");
	assert_problem(s, "rhands.ini", 3,
		       "unknown key \"record\"; did you mean \"records\"?");
	assert_problem(s, "rhands.ini", 4,
		       "records = x: expected a path that begins with /");
	assert_problem(s, "rhands.ini", 5,
		       "key \"records\" is there twice; expected it once");
	assert_problem(s, "rhands.ini", 6,
		       "key \"records\" is there twice; expected it once");
	assert_int_equal(s->problems.errors, 5);
}

static void test_guard(void **state)
{
	struct site *s = *state;
	const struct config_guard *g;

	assert_int_equal(site_load(s), 0);
	assert_int_equal(s->config->guard_count, 1);
	g = s->config->guards;
	assert_null(g->group);
	assert_string_equal(settings_text(g->settings, "enabled"), "auto");
	assert_int_equal(settings_number(g->settings, "window"), 3600000);
	assert_int_equal(settings_number(g->settings, "runs-per-host"), 3);
	assert_int_equal(settings_number(g->settings, "runs-per-group"), 10);
	assert_int_equal(g->min_healthy, 0);
	site_put(s, "rhands.ini", "[guard]\nmin-healthy = 2\n[guard  web]\n"
				  "min-healthy = 50%\n[guard web]\n"
				  "runs-per-host = 9\n");
	site_put(s, "hosts.d/w1.ini", "[host]\ngroups = web\n");
	assert_int_equal(site_load(s), 0);
	assert_int_equal(s->problems.count, 0);
	assert_int_equal(s->config->guard_count, 2);
	g = s->config->guards;
	assert_int_equal(g[0].min_healthy, 2);
	assert_false(g[0].percent);
	assert_string_equal(g[1].group, "web");
	assert_int_equal(g[1].min_healthy, 50);
	assert_true(g[1].percent);
	assert_int_equal(settings_number(g[1].settings, "runs-per-host"), 9);
	assert_false(settings_has(g[1].settings, "runs-per-group"));
}

static void test_guard_errors(void **state)
{
	struct site *s = *state;

	site_put(s, "rhands.ini", "[guard]\nenabled = maybe\n"
				  "runs-per-host = 0\nmin-healthy = 101%\n"
				  "[guard web]\nwindow = 1h\n"
				  "min-healthy = few\n");
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "rhands.ini", 2,
		       "enabled = maybe: expected one of auto, yes, no");
	assert_problem(s, "rhands.ini", 3,
		       "runs-per-host = 0: expected a number from 1 to 1000000");
	assert_problem(s, "rhands.ini", 4,
		       "min-healthy = 101%: expected a number of hosts, or 0% to "
		       "100%");
	assert_problem(s, "rhands.ini", 6,
		       "unknown key \"window\"; expected one of those that "
		       "`rhands drivers` and rhands-hosts(5) list");
	assert_problem(s, "rhands.ini", 7,
		       "min-healthy = few: expected a number of hosts, or 0% to "
		       "100%");
	/* a warning: it must not keep anybody from work */
	assert_problem(s, "rhands.ini", 5, "no host is in the group \"web\"");
	assert_int_equal(s->problems.errors, 5);
}

/* --- what is wrong in a host's file ---------------------------------------- */

struct wrong {
	const char *text;
	int line;
	const char *problem;
};

#define SECTIONS "[host], [power], [console], [shell], [check], [vars] or " \
		 "[secrets]"
#define NAMES "expected letters, digits and . _ : -, no leading -"
#define IN_CLEAR "a secret never stands in the file itself; expected a " \
		 "reference: @file:PATH, @credential:NAME or @command:PROGRAM " \
		 "ARGUMENTS"

static const struct wrong wrongs[] = {
	{ "[power]\n", 1,
	  "[power] lacks \"driver\"; expected bmc, pdu, bare" },
	{ "[shell]\n", 1, "[shell] lacks \"driver\"; expected none" },
	{ "[power]\ndrvier = bmc\n", 2,
	  "unknown key \"drvier\"; did you mean \"driver\"?" },
	{ "[power]\ndriver = bcm\n", 2,
	  "unknown driver \"bcm\"; did you mean \"bmc\"?; the drivers are: "
	  "bmc, pdu, tcp, bare" },
	{ "[power]\ndriver = something\n", 2,
	  "unknown driver \"something\"; the drivers are: bmc, pdu, tcp, bare" },
	{ "[power]\ndriver = tcp\naddress = x\n", 2,
	  "driver tcp gives no power; drivers that do: bmc, pdu, bare" },
	{ "[console]\ndriver = pdu\n", 2,
	  "driver pdu gives no console; drivers that do: bmc" },
	{ "[check]\ndriver = bmc\n", 2,
	  "driver bmc gives no check; drivers that do: tcp" },
	{ "[shell]\ndriver = bmc\n", 2,
	  "driver bmc gives no shell; drivers that do: none" },
#define WAY(label) "[power" label "]\ndriver = bare\n"
	{ WAY("") WAY(" 2") WAY(" 3") WAY(" 4") WAY(" 5") WAY(" 6") WAY(" 7")
	  WAY(" 8") "[check]\ndriver = tcp\naddress = a\n" WAY(" 9"), 20,
	  "[power 9] is one way too many to the power; expected 8 at most" },
	{ "[pwoer]\n", 1, "unknown section [pwoer]; did you mean [power]?" },
	{ "[consle  spare]\n", 1,
	  "unknown section [consle spare]; did you mean [console spare]?" },
	{ "[network]\n", 1, "unknown section [network]; expected " SECTIONS },
	{ "[host main]\n", 1, "unknown section [host main]; expected "
	  "[host], without a label" },
	{ "[power a b]\ndriver = bare\n", 1,
	  "[power a b]: expected [power] or [power LABEL], the label one word of "
	  "letters, digits and . _ : -" },
	{ "[power -x]\ndriver = bare\n", 1,
	  "[power -x]: expected [power] or [power LABEL], the label one word of "
	  "letters, digits and . _ : -" },
	{ "[power]\ndriver = bare\n\n[power]\ndriver = bare\n", 4,
	  "section [power] is there twice, first in line 1; a second way needs "
	  "a label: [power LABEL]" },
	{ "[power  b]\ndriver = bare\n[power b]\n", 3,
	  "section [power b] is there twice, first in line 1; expected it once" },
	{ "[vars]\n[host]\n[vars]\n", 3,
	  "section [vars] is there twice, first in line 1; expected it once" },
	{ "[host]\nsummary = a\n\nsummary = b\n", 4,
	  "key \"summary\" is there twice, first in line 2; expected it once" },
	{ "[vars]\na = 1\na = 1\n", 3,
	  "key \"a\" is there twice, first in line 2; expected it once" },
	{ "[host]\nsumary = a\n", 2,
	  "unknown key \"sumary\"; did you mean \"summary\"?" },
	{ "[power]\ndriver = bmc\naddress = a\nprt = 1\n", 4,
	  "unknown key \"prt\"; did you mean \"port\"?" },
	{ "[power]\ndriver = bmc\naddress = a\nminoff = 1\n", 4,
	  "unknown key \"minoff\"; did you mean \"min-off\"?" },
	{ "[power]\ndriver = bmc\n", 1,
	  "[power] lacks \"address\"; expected letters, digits and . _ : -, no "
	  "leading -" },
	{ "[power]\ndriver = pdu\noff = x\n", 1,
	  "[power] lacks \"outlet\"; expected a number from 1 to 24" },
	{ "[power]\ndriver = bare\nmin-off = 5 parsecs\n", 3,
	  "min-off = 5 parsecs: expected a time from 1s to 5m, such as 5s or "
	  "1m30s" },
	{ "[power]\ndriver = bmc\naddress = a\nport = 70000\n", 4,
	  "port = 70000: expected a number from 1 to 65535" },
	{ "[power]\ndriver = bmc\naddress = -oProxyCommand\n", 3,
	  "address = -oProxyCommand: expected letters, digits and . _ : -, no "
	  "leading -" },
	{ "[power]\ndriver = bmc\naddress = a\npassword = hunter2\n", 4,
	  "password: " IN_CLEAR },
	{ "[power]\ndriver = bmc\naddress = a\npassword = @file:/no/such\n", 4,
	  "secret file /no/such: No such file or directory" },
	{ "[secrets]\nroot = hunter2\n", 2, "root: " IN_CLEAR },
	{ "[secrets]\nroot = @file:/no/such\n", 2,
	  "root: secret file /no/such: No such file or directory" },
	{ "[secrets]\nroot = @command:/no/such x\n", 2,
	  "root: secret program /no/such: No such file or directory" },
	{ "[vars]\na.b = 1\n", 2,
	  "[vars]: \"a.b\" is no name; expected letters, digits, _ and -" },
	{ "[secrets]\n$x = @file:/x\n", 2,
	  "[secrets]: \"$x\" is no name; expected letters, digits, _ and -" },
	{ "[host]\naddress = a b\n", 2, "address = a b: " NAMES },
	{ "[host]\nevidence = no\n", 2,
	  "evidence = no: expected one of yes, none; did you mean \"none\"?" },
	{ "[host]\ngroups = a\n  @b\n", 3, "groups: \"@b\" is no name; " NAMES },
	{ "[host]\nneeds = $x\n", 2, "needs: \"$x\" is no name; " NAMES },
	{ "[host]\nneeds = ldap1\n", 2,
	  "needs: the host needs itself; expected other hosts" },
	{ "[host]\nrecover = old_ldap\n", 2,
	  "recover: no sequence \"old_ldap\"; did you mean \"old-ldap\"?" },
	{ "[host]\nrecover = mail\n", 2,
	  "recover: no sequence \"mail\"; expected a file "
	  "DIR/sequences.d/mail.ini" },
	{ "[host]\ninherits = rack3\n", 2,
	  "no template \"rack3\"; expected a file rack3.template in this "
	  "directory" },
	{ "summary = x\n", 1,
	  "\"summary\" stands before the first [section]" },
	{ "[host]\nwhat\n", 2,
	  "this is neither [section], \"key = value\", nor a comment on a line "
	  "of its own (; or #); a line that goes on with the value above begins "
	  "with blanks" },
};

static void test_wrong(void **state)
{
	struct site *s = *state;
	size_t i, count = sizeof(wrongs) / sizeof(wrongs[0]);
	const struct host *h;

	for (i = 0; i < count; i++) {
		h = site_host(s, wrongs[i].text);
		assert_problem(s, "hosts.d/ldap1.ini", wrongs[i].line,
			       wrongs[i].problem);
		if (s->problems.errors != 1) {
			say_problems(s);
			fail_msg("%zu errors of: %s", s->problems.errors,
				 wrongs[i].text);
		}
		assert_true(h->broken);
	}
}

static void test_no_secret_in_problems(void **state)
{
	struct site *s = *state;
	size_t i;

	site_host(s, "[power]\ndriver = bmc\naddress = a\npasword = hunter2\n"
		     "password = hunter2\n[secrets]\nroot = hunter2\n"
		     "root = hunter2\na.b = hunter2\n");
	assert_true(s->problems.errors >= 4);
	for (i = 0; i < s->problems.count; i++) {
		assert_null(strstr(s->problems.list[i].text, "hunter2"));
		assert_null(s->problems.list[i].source);
	}
}

/* All errors of all files in one go; hosts without one are not broken. */
static void test_all_at_once(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/web1.ini", "[power]\ndriver = bmc\nfoo = 1\n");
	site_put(s, "hosts.d/good.ini", "[power]\ndriver = bare\n");
	site_host(s, "[host]\nevidence = no\nwhat\n[power]\ndriver = bmc\n"
		     "driver = bmc\nport = 0\n[power b]\ndriver = x\n");
	assert_int_equal(s->problems.errors, 8);
	assert_true(config_host(s->config, "ldap1")->broken);
	assert_true(config_host(s->config, "web1")->broken);
	assert_false(config_host(s->config, "good")->broken);
	assert_null(host_way(config_host(s->config, "ldap1"), WAY_POWER, 0));
}

static void test_needs_unknown(void **state)
{
	struct site *s = *state;
	const struct host *h;

	site_put(s, "hosts.d/nfs1.ini", "[host]\n");
	h = site_host(s, "[host]\nneeds = nfs2 clock\n");
	assert_problem(s, "hosts.d/ldap1.ini", 2, "needs: no host \"nfs2\" is "
		       "configured; did you mean \"nfs1\"?");
	assert_problem(s, "hosts.d/ldap1.ini", 2,
		       "needs: no host \"clock\" is configured");
	assert_int_equal(s->problems.errors, 0);
	assert_false(h->broken);
}

static void test_bad_names(void **state)
{
	static const char text[] =
		"the name of this file gives no name; expected letters, digits "
		"and . _ : -, no leading -";
	struct site *s = *state;

	site_put(s, "hosts.d/-x.ini", "");
	site_put(s, "hosts.d/a b.ini", "");
	site_put(s, "hosts.d/$(x).template", "");
	site_put(s, "sequences.d/a;b.ini", "");
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "hosts.d/-x.ini", 0, text);
	assert_problem(s, "hosts.d/a b.ini", 0, text);
	assert_problem(s, "hosts.d/$(x).template", 0, text);
	assert_problem(s, "sequences.d/a;b.ini", 0, text);
	assert_int_equal(s->config->host_count, 0);
}

static void test_sequence_kept(void **state)
{
	struct site *s = *state;
	const struct ini *ini;

	site_put(s, "sequences.d/old-ldap.ini",
		 "[state boot]\non = /a ; b/ -> x\n"
		 "do = key F1\n  wait 5s\n\nwhat\n");
	assert_int_equal(site_load(s), 0);
	ini = config_sequence(s->config, "old-ldap");
	assert_string_equal(ini->sections[0].entries[0].value, "/a ; b/ -> x");
	assert_string_equal(ini->sections[0].entries[1].value,
			    "key F1\nwait 5s");
	assert_int_equal(s->problems.errors, 1);
	assert_int_equal(s->problems.list[0].line, 6);
}

/* --- templates ----------------------------------------------------------- */

static void test_template_merge(void **state)
{
	struct site *s = *state;
	const struct host *h;
	const struct way *way;

	site_put(s, "hosts.d/rack.template",
		 "[host]\nsummary = of the rack\nrecover = old-ldap\n"
		 "[power]\ndriver = bmc\nport = 9\nuser = admin\n"
		 "[vars]\na = rack\nb = rack\n");
	h = site_host(s, "[host]\nsummary = mine\ninherits = rack\n"
			 "[power]\naddress = ldap1-bmc\nuser = me\n"
			 "[vars]\na = mine\nc = mine\n");
	say_problems(s);
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(h->summary, "mine");
	assert_string_equal(h->recover, "old-ldap");
	assert_int_equal(h->recover_line, 3);
	assert_non_null(strstr(h->recover_file, "rack.template"));
	assert_string_equal(host_var(h, "a"), "mine");
	assert_string_equal(host_var(h, "b"), "rack");
	assert_string_equal(host_var(h, "c"), "mine");
	way = host_way(h, WAY_POWER, 0);
	assert_int_equal(settings_number(way->settings, "port"), 9);
	assert_string_equal(settings_text(way->settings, "user"), "me");
	assert_string_equal(settings_text(way->settings, "address"),
			    "ldap1-bmc");
	assert_null(host_way(h, WAY_POWER, 1));
}

static void test_template_other_driver(void **state)
{
	struct site *s = *state;
	const struct host *h;
	const struct way *way;

	/* under is hidden by over, so its user must not reach the host. */
	site_put(s, "hosts.d/under.template",
		 "[power]\ndriver = bmc\nuser = under\n");
	site_put(s, "hosts.d/over.template", "[host]\ninherits = under\n"
		 "[power]\ndriver = pdu\noff = x\noutlet = 3\n");
	h = site_host(s, "[host]\ninherits = over\n"
			 "[power]\ndriver = bmc\naddress = a\n");
	assert_int_equal(s->problems.count, 0);
	way = host_way(h, WAY_POWER, 0);
	assert_ptr_equal(way->driver, &driver_bmc);
	assert_null(settings_text(way->settings, "user"));
	h = site_host(s, "[host]\ninherits = over\n");
	assert_int_equal(s->problems.count, 0);
	way = host_way(h, WAY_POWER, 0);
	assert_ptr_equal(way->driver, &driver_pdu);
	assert_non_null(strstr(way->file, "over.template"));
	assert_int_equal(way->line, 3);
}

static void test_template_order(void **state)
{
	struct site *s = *state;
	const struct host *h;

	site_put(s, "hosts.d/a.template", "[vars]\nx = a\ny = a\n"
		 "[power]\ndriver = bare\n[power third]\ndriver = bare\n");
	site_put(s, "hosts.d/b.template", "[vars]\ny = b\nz = b\n");
	h = site_host(s, "[host]\ninherits = a b\n[power own]\n"
			 "driver = bare\n[vars]\nx = own\n");
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(host_var(h, "x"), "own");
	assert_string_equal(host_var(h, "y"), "a");
	assert_string_equal(host_var(h, "z"), "b");
	assert_string_equal(host_way(h, WAY_POWER, 0)->label, "power");
	assert_string_equal(host_way(h, WAY_POWER, 1)->label, "power own");
	assert_string_equal(host_way(h, WAY_POWER, 2)->label, "power third");
	h = site_host(s, "[host]\ninherits = a\n[power own]\ndriver = bare\n"
			 "[power third]\n[power]\n");
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(host_way(h, WAY_POWER, 0)->label, "power own");
	assert_string_equal(host_way(h, WAY_POWER, 1)->label, "power third");
	assert_string_equal(host_way(h, WAY_POWER, 2)->label, "power");
}

/* The one without label comes first, for each capability. */
static void test_template_order_of_each(void **state)
{
	struct site *s = *state;
	const struct host *h;

	site_put(s, "hosts.d/a.template", "[power]\ndriver = bare\n"
		 "[console]\ndriver = bmc\naddress = a\n");
	h = site_host(s, "[host]\ninherits = a\n[power own]\n"
			 "driver = bare\n[console own]\ndriver = bmc\n"
			 "address = b\n");
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(host_way(h, WAY_POWER, 0)->label, "power");
	assert_string_equal(host_way(h, WAY_POWER, 1)->label, "power own");
	assert_string_equal(host_way(h, WAY_CONSOLE, 0)->label, "console");
	assert_string_equal(host_way(h, WAY_CONSOLE, 1)->label, "console own");
}

static void test_template_errors_once(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/base.template",
		 "[power]\ndriver = bmc\nport = 0\n[vars]\n");
	site_put(s, "hosts.d/rack.template", "[host]\ninherits = base\n");
	site_put(s, "hosts.d/web1.ini", "[host]\ninherits = rack\n");
	site_put(s, "hosts.d/free.ini", "[host]\n");
	/* It hides the bad value, and is broken all the same. */
	site_host(s, "[host]\ninherits = base\n[power]\nport = 1\n");
	assert_problem(s, "hosts.d/base.template", 3,
		       "port = 0: expected a number from 1 to 65535");
	assert_int_equal(s->problems.count, 1);
	assert_true(config_host(s->config, "web1")->broken);
	assert_true(config_host(s->config, "ldap1")->broken);
	assert_false(config_host(s->config, "free")->broken);
}

/* A template that nobody uses is checked; it may lack what hosts give. */
static void test_template_alone(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/rack.template",
		 "[power]\nport = 1\n[power b]\ndriver = bmc\nprot = 1\n"
		 "[pwoer]\n[vars]\na = 1\na = 2\n[console]\ndriver = bmc\n");
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "hosts.d/rack.template", 5,
		       "unknown key \"prot\"; did you mean \"port\"?");
	assert_problem(s, "hosts.d/rack.template", 6,
		       "unknown section [pwoer]; did you mean [power]?");
	assert_problem(s, "hosts.d/rack.template", 9,
		       "key \"a\" is there twice, first in line 8; expected "
		       "it once");
	assert_int_equal(s->problems.count, 3);
	assert_int_equal(s->config->host_count, 0);
}

/* What a template's section lacks is told for the host that needs it. */
static void test_template_lacks(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/rack.template", "\n[power]\ndriver = bmc\n");
	site_put(s, "hosts.d/web1.ini",
		 "[host]\ninherits = rack\n[power]\naddress = web1-bmc\n");
	site_host(s, "[host]\ninherits = rack\n");
	assert_problem(s, "hosts.d/ldap1.ini", 0,
		       "[power] lacks \"address\" (rack.template:2 has it "
		       "neither); " NAMES);
	assert_int_equal(s->problems.count, 1);
	assert_false(config_host(s->config, "web1")->broken);
}

static void test_template_unknown(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/rack3-ipmi.template", "[host]\n");
	site_host(s, "[host]\ninherits = rack3-ipmi\n  rack4-ipmi\n"
		     "[power]\n");
	assert_problem(s, "hosts.d/ldap1.ini", 3, "no template \"rack4-ipmi\"; "
		       "did you mean \"rack3-ipmi\"?");
	/* The driver may be in the template that is not there. */
	assert_int_equal(s->problems.count, 1);
}

static void test_template_cycle(void **state)
{
	struct site *s = *state;

	site_put(s, "hosts.d/a.template", "[host]\ninherits = b\n");
	site_put(s, "hosts.d/b.template", "[host]\n\ninherits = c\n");
	site_put(s, "hosts.d/c.template", "[host]\ninherits = b\n");
	site_put(s, "hosts.d/free.ini", "[host]\n");
	site_put(s, "hosts.d/self.template", "[host]\ninherits = self\n");
	site_host(s, "[host]\ninherits = a\n");
	assert_problem(s, "hosts.d/c.template", 2, "templates inherit in a "
		       "circle: b -> c -> b; expected an end");
	assert_problem(s, "hosts.d/self.template", 2, "templates inherit in a "
		       "circle: self -> self; expected an end");
	assert_int_equal(s->problems.count, 2);
	assert_true(config_host(s->config, "ldap1")->broken);
	assert_false(config_host(s->config, "free")->broken);
}

/* Two ways to the same template are no cycle. */
static void test_template_diamond(void **state)
{
	struct site *s = *state;
	const struct host *h;

	site_put(s, "hosts.d/base.template", "[vars]\nx = base\n");
	site_put(s, "hosts.d/l.template", "[host]\ninherits = base\n");
	site_put(s, "hosts.d/r.template", "[host]\ninherits = base\n");
	h = site_host(s, "[host]\ninherits = l r\n");
	assert_int_equal(s->problems.count, 0);
	assert_string_equal(host_var(h, "x"), "base");
}

/* --- who may write ------------------------------------------------------- */

static void test_no_directory(void **state)
{
	struct site *s = *state;
	struct config *config = NULL;
	struct rh_error err = RH_ERROR_INIT;

	assert_int_equal(config_load(&config, "/no/such/", &s->problems, &err),
			 -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
	assert_string_equal(err.text,
			    "no configuration in /no/such: make "
			    "/no/such/hosts.d/NAME.ini, see rhands-hosts(5), or "
			    "name another directory with --config");
	assert_null(config);
}

static void test_empty_directory(void **state)
{
	struct site *s = *state;
	char *path = site_path(s, "hosts.d");

	assert_int_equal(rmdir(path), 0);
	free(path);
	path = site_path(s, "sequences.d/old-ldap.ini");
	assert_int_equal(unlink(path), 0);
	free(path);
	path = site_path(s, "sequences.d");
	assert_int_equal(rmdir(path), 0);
	free(path);
	assert_int_equal(site_load(s), 0);
	assert_int_equal(s->config->host_count, 0);
	assert_null(s->config->hosts[0]);
	assert_int_equal(s->config->sequence_count, 0);
	assert_int_equal(s->problems.count, 0);
}

static void test_open_to_others(void **state)
{
	static const char *const names[] = {
		".", "hosts.d", "sequences.d", "hosts.d/x.ini",
		"hosts.d/x.template", "sequences.d/old-ldap.ini", "rhands.ini",
	};
	struct site *s = *state;
	size_t i;
	mode_t good;

	site_put(s, "hosts.d/x.ini", "");
	site_put(s, "hosts.d/x.template", "");
	site_put(s, "rhands.ini", "");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		good = i < 3 ? 0755 : 0644;
		site_chmod(s, names[i], good | 0002);
		assert_int_equal(site_load(s), -1);
		assert_int_equal(s->err.code, RH_ERR_CONFIG);
		site_chmod(s, names[i], good | 0020);
		assert_int_equal(site_load(s), -1);
		/* The sticky bit does not make it better. */
		site_chmod(s, names[i], good | 01022);
		assert_int_equal(site_load(s), -1);
		site_chmod(s, names[i], good);
		assert_int_equal(site_load(s), 0);
	}
	/* What is not read may be as it likes. */
	site_put(s, "hosts.d/README", "");
	site_chmod(s, "hosts.d/README", 0666);
	assert_int_equal(site_load(s), 0);
}

static void test_open_to_others_text(void **state)
{
	struct site *s = *state;

	site_chmod(s, "hosts.d", 0777);
	site_load(s);
	assert_error(s, "DIR/hosts.d can be written to by others (mode 0777): "
			"anybody could make rhands cut power; do: chmod go-w "
			"DIR/hosts.d");
	site_chmod(s, "hosts.d", 0775);
	site_load(s);
	assert_error(s, "DIR/hosts.d can be written to by others (mode 0775): "
			"its group could make rhands cut power; do: chmod go-w "
			"DIR/hosts.d");
}

static void test_owner(void **state)
{
	struct site *s = *state;
	char *path = site_path(s, "hosts.d/x.ini");

	if (geteuid() != 0)
		skip();
	site_put(s, "hosts.d/x.ini", "");
	assert_int_equal(chown(path, 65534, 65534), 0);
	free(path);
	site_load(s);
	assert_error(s, "DIR/hosts.d/x.ini belongs to uid 65534, expected you or "
			"root: its owner could make rhands cut power; do: chown "
			"root DIR/hosts.d/x.ini");
	assert_int_equal(s->err.code, RH_ERR_CONFIG);
}

static void site_link(struct site *s, const char *target, const char *name)
{
	char *path = site_path(s, name);

	assert_int_equal(symlink(target, path), 0);
	free(path);
}

static void test_symlink_file(void **state)
{
	struct site *s = *state;

	site_put(s, "real.ini", "[host]\nsummary = linked\n");
	site_link(s, "../real.ini", "hosts.d/link.ini");
	site_link(s, "nowhere", "hosts.d/dangling.ini");
	site_link(s, "nowhere", "hosts.d/.#editing.ini");
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "hosts.d/link.ini", 0,
		       "this is a symbolic link; expected a regular file "
		       "(links are not followed in the configuration)");
	assert_problem(s, "hosts.d/dangling.ini", 0,
		       "this is a symbolic link; expected a regular file "
		       "(links are not followed in the configuration)");
	assert_int_equal(s->problems.count, 2);
	assert_true(config_host(s->config, "link")->broken);
	assert_string_equal(config_host(s->config, "link")->summary, "");
}

static void test_symlink_dir(void **state)
{
	struct site *s = *state;
	char *from = site_path(s, "hosts.d"), *to = site_path(s, "other");
	struct config *config = NULL;

	site_put(s, "hosts.d/x.ini", "");
	/* The directory itself was named by the caller. */
	site_link(s, s->dir, "self");
	char *self = site_path(s, "self");
	assert_int_equal(config_load(&config, self, &s->problems, &s->err), 0);
	assert_int_equal(config->host_count, 1);
	config_free(config);
	free(self);
	assert_int_equal(rename(from, to), 0);
	site_link(s, "other", "hosts.d");
	site_load(s);
	assert_error(s, "DIR/hosts.d is a file or a symbolic link; expected a "
			"directory");
	free(from);
	free(to);
}

/* O06: what was loaded stays, whatever becomes of the file. */
static void test_replaced_later(void **state)
{
	struct site *s = *state;
	const struct host *h;
	char *path = site_path(s, "hosts.d/ldap1.ini");

	h = site_host(s, "[host]\nsummary = first\n[power]\ndriver = bare\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	free(path);
	assert_string_equal(h->summary, "first");
	assert_string_equal(host_way(h, WAY_POWER, 0)->label, "power");
	assert_int_equal(site_load(s), 0);
	assert_true(config_host(s->config, "ldap1")->broken);
}

static void test_not_a_file(void **state)
{
	struct site *s = *state;
	char *path = site_path(s, "hosts.d/fifo.ini");

	site_mkdir(s, "hosts.d/dir.ini");
	assert_int_equal(mkfifo(path, 0600), 0);
	free(path);
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "hosts.d/dir.ini", 0,
		       "this is not a file; expected a regular file");
	assert_problem(s, "hosts.d/fifo.ini", 0,
		       "this is not a file; expected a regular file");
	assert_true(config_host(s->config, "fifo")->broken);
}

static void test_too_large(void **state)
{
	struct site *s = *state;
	size_t size = 1024 * 1024;
	char *text = memory_new(size + 2, 1);

	memset(text, '\n', size + 1);
	text[0] = ';';
	text[size] = '\0';
	site_put(s, "hosts.d/a.ini", text);
	text[size] = '\n';
	site_put(s, "hosts.d/b.ini", text);
	free(text);
	assert_int_equal(site_load(s), 0);
	assert_problem(s, "hosts.d/b.ini", 0, "the file is too large; at most "
		       "1048576 bytes are read");
	assert_int_equal(s->problems.count, 1);
	assert_false(config_host(s->config, "a")->broken);
	assert_true(config_host(s->config, "b")->broken);
}

static void test_not_a_directory(void **state)
{
	struct site *s = *state;
	struct config *config = NULL;
	char *path = site_path(s, "x"), *want;

	site_put(s, "x", "");
	assert_int_equal(config_load(&config, path, &s->problems, &s->err), -1);
	want = memory_format("%s is a file; expected a directory", path);
	assert_string_equal(s->err.text, want);
	free(want);
	free(path);
}

/* --- words of the command line --------------------------------------------- */

static void test_select(void **state)
{
	struct site *s = *state;
	const struct host **list = NULL;
	size_t count = 0;

	site_put(s, "hosts.d/nfs1.ini", "[host]\ngroups = storage core\n");
	site_put(s, "hosts.d/web1.ini", "[host]\n");
	site_host(s, "[host]\ngroups = core\n");
	assert_int_equal(config_select(s->config, "nfs1", &list, &count,
				       &s->err), 0);
	assert_int_equal(config_select(s->config, "@core", &list, &count,
				       &s->err), 0);
	assert_int_equal(config_select(s->config, "web1", &list, &count,
				       &s->err), 0);
	assert_int_equal(count, 3);
	assert_string_equal(list[0]->name, "nfs1");
	assert_string_equal(list[1]->name, "ldap1");
	assert_string_equal(list[2]->name, "web1");
	free(list);
}

static void test_select_none(void **state)
{
	static const struct {
		const char *word;
		const char *text;
	} rows[] = {
		{ "ldap2", "no host \"ldap2\" in DIR/hosts.d; did you mean "
			   "\"ldap1\"?" },
		{ "mailserver", "no host \"mailserver\" in DIR/hosts.d; "
				"`rhands hosts` lists those that are there" },
		{ "core", "no host \"core\" in DIR/hosts.d; to name the group, "
			  "write \"@core\"" },
		{ "@cor", "no host in DIR/hosts.d is in the group \"@cor\"; did "
			  "you mean \"@core\"?" },
		{ "@storage", "no host in DIR/hosts.d is in the group "
			      "\"@storage\"; expected a word of `groups =` of a "
			      "host" },
	};
	struct site *s = *state;
	const struct host **list = NULL;
	size_t count = 0, i;

	site_host(s, "[host]\ngroups = core\n");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s->rc = config_select(s->config, rows[i].word, &list, &count,
				      &s->err);
		assert_error(s, rows[i].text);
		assert_int_equal(s->err.code, RH_ERR_USAGE);
		assert_null(list);
		assert_int_equal(count, 0);
	}
}

static void test_free_null(void **state)
{
	(void)state;
	config_free(NULL);
}

#define SITE(f) cmocka_unit_test_setup_teardown(f, site_setup, site_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SITE(test_whole_host),
		SITE(test_defaults),
		SITE(test_check_way),
		SITE(test_limits_of_way_options),
		SITE(test_sorted_and_ignored),
		SITE(test_agent_file),
		SITE(test_guard),
		SITE(test_guard_errors),
		SITE(test_wrong),
		SITE(test_no_secret_in_problems),
		SITE(test_all_at_once),
		SITE(test_needs_unknown),
		SITE(test_bad_names),
		SITE(test_sequence_kept),
		SITE(test_template_merge),
		SITE(test_template_other_driver),
		SITE(test_template_order),
		SITE(test_template_order_of_each),
		SITE(test_template_errors_once),
		SITE(test_template_alone),
		SITE(test_template_lacks),
		SITE(test_template_unknown),
		SITE(test_template_cycle),
		SITE(test_template_diamond),
		SITE(test_no_directory),
		SITE(test_empty_directory),
		SITE(test_open_to_others),
		SITE(test_open_to_others_text),
		SITE(test_owner),
		SITE(test_symlink_file),
		SITE(test_symlink_dir),
		SITE(test_replaced_later),
		SITE(test_not_a_file),
		SITE(test_too_large),
		SITE(test_not_a_directory),
		SITE(test_select),
		SITE(test_select_none),
		cmocka_unit_test(test_free_null),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
