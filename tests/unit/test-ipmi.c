/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of drivers/ipmi that need no BMC: tables, texts, alarm, open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"
#include "drivers/ipmi.h"

/* --- option table -------------------------------------------------------- */

static void test_options(void **state)
{
	static const char *const required[] = { "address", "user", "password" };
	static const char *const secret[] = { "password", "k-g" };
	const struct option *o;
	size_t i;

	(void)state;
	for (o = driver_ipmi.options; o->key != NULL; o++) {
		assert_non_null(o->help);
		assert_int_equal(o->help[strlen(o->help) - 1], '.');
		assert_int_not_equal(o->type, OPTION_NONE);
		assert_ptr_equal(option_find(driver_ipmi.options, o->key), o);
		if (o->type == OPTION_CHOICE || o->type == OPTION_WORDS)
			assert_non_null(o->choices);
		if (o->type == OPTION_NUMBER || o->type == OPTION_DURATION)
			assert_true(o->fallback != NULL && o->min < o->max);
	}
	for (i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		assert_true(option_find(driver_ipmi.options, required[i])
				    ->required);
	for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		assert_int_equal(option_find(driver_ipmi.options, secret[i])->type,
				 OPTION_SECRET);
	assert_string_equal(driver_ipmi.name, "ipmi");
	assert_null(driver_ipmi.check);
}

/* Words that belong to every way, and not to this driver. */
static void test_options_foreign(void **state)
{
	static const char *const common[] = {
		"terminal", "key-delay", "steal", "min-off", "cycle",
		"confirm", "label", "enter", "line-delay", "mute", "driver",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		assert_null(option_find(driver_ipmi.options, common[i]));
}

/* --- open ---------------------------------------------------------------- */

struct instance {
	struct settings *settings;
	struct ipmi *d;
	char password_file[40];
};

static void instance_init(struct instance *i, const char *password)
{
	static const struct option *tables[2];
	struct rh_error err = RH_ERROR_INIT;
	char *reference;
	int fd;

	strcpy(i->password_file, "/tmp/test-ipmi.XXXXXX");
	fd = mkostemp(i->password_file, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, password, strlen(password)),
			 strlen(password));
	close(fd);
	tables[0] = driver_ipmi.options;
	i->settings = settings_new(tables);
	i->d = memory_new(1, driver_ipmi.size);
	reference = memory_format("@file:%s", i->password_file);
	assert_int_equal(settings_set(i->settings, "address", "192.0.2.1", &err),
			 0);
	assert_int_equal(settings_set(i->settings, "user", "rhands", &err), 0);
	assert_int_equal(settings_set(i->settings, "password", reference, &err),
			 0);
	free(reference);
}

static void instance_set(struct instance *i, const char *key, const char *value)
{
	struct rh_error err = RH_ERROR_INIT;

	assert_int_equal(settings_set(i->settings, key, value, &err), 0);
}

static int instance_open(struct instance *i, struct rh_error *err)
{
	return driver_ipmi.open(i->d, i->settings, deadline_in(1000), err);
}

static void instance_release(struct instance *i)
{
	driver_ipmi.close(i->d);
	assert_null(i->d->password.bytes);
	free(i->d);
	settings_free(i->settings);
	unlink(i->password_file);
}

static void test_open_defaults(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	(void)state;
	instance_init(&i, "secret\n");
	assert_int_equal(instance_open(&i, &err), 0);
	assert_int_equal(i.d->port, 623);
	assert_int_equal(i.d->privilege, IPMI_PRIVILEGE_LEVEL_OPERATOR);
	assert_false(i.d->privilege_set);
	assert_int_equal(i.d->suite_count, 2);
	assert_int_equal(i.d->suites[0], 17);
	assert_int_equal(i.d->suites[1], 3);
	assert_int_equal(i.d->lan_workarounds, 0);
	assert_int_equal(i.d->sol_workarounds, 0);
	assert_int_equal(i.d->min_interval, 1000);
	assert_int_equal(i.d->lost_after, 9000);
	assert_string_equal(i.d->password.bytes, "secret");
	assert_int_equal(i.d->targets.count, 0);	/* nothing is resolved */
	instance_release(&i);
}

static void test_open_choices(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	(void)state;
	instance_init(&i, "secret\n");
	instance_set(&i, "privilege", "admin");
	instance_set(&i, "cipher-suite", "3");
	instance_set(&i, "workarounds", "opensesspriv, solstatus");
	assert_int_equal(instance_open(&i, &err), 0);
	assert_int_equal(i.d->privilege, IPMI_PRIVILEGE_LEVEL_ADMIN);
	assert_true(i.d->privilege_set);
	assert_int_equal(i.d->suite_count, 1);
	assert_int_equal(
		i.d->lan_workarounds,
		IPMI_WORKAROUND_FLAGS_OUTOFBAND_2_0_OPEN_SESSION_PRIVILEGE);
	assert_int_equal(i.d->sol_workarounds,
			 IPMICONSOLE_WORKAROUND_OPEN_SESSION_PRIVILEGE |
				 IPMICONSOLE_WORKAROUND_SKIP_SOL_ACTIVATION_STATUS);
	instance_release(&i);
}

/* 20 bytes are allowed, 21 are an error that does not show them. */
static void test_open_password_length(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	(void)state;
	instance_init(&i, "abcdefghijklmnopqrst\n");
	assert_int_equal(instance_open(&i, &err), 0);
	instance_release(&i);
	instance_init(&i, "abcdefghijklmnopqrstu\n");
	assert_int_equal(instance_open(&i, &err), -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
	assert_non_null(strstr(err.text, "21 bytes"));
	assert_null(strstr(err.text, "abcdef"));
	instance_release(&i);
}

static void check_open_refuses(const char *key, const char *value,
			       const char *part)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	instance_init(&i, "secret\n");
	instance_set(&i, key, value);
	assert_int_equal(instance_open(&i, &err), -1);
	assert_int_equal(err.code, RH_ERR_CONFIG);
	assert_non_null(strstr(err.text, part));
	instance_release(&i);
}

static void test_open_refuses(void **state)
{
	(void)state;
	check_open_refuses("user", "12345678901234567", "16 bytes");
	check_open_refuses("address", "bmc1:6230", "port = 6230");
	check_open_refuses("cipher-suite", "", "one at least");
	check_open_refuses("k-g", "@file:/nonexistent/k-g", "k-g: ");
}

static void test_open_ipv6(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	(void)state;
	instance_init(&i, "secret\n");
	instance_set(&i, "address", "2001:db8::1");
	assert_int_equal(instance_open(&i, &err), 0);
	instance_release(&i);
}

/* A console that was never attached is harmless. */
static void test_console_not_attached(void **state)
{
	const struct driver_console_ops *console = driver_ipmi.console;
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;
	struct pollfd p;
	int wake = -1;
	char c = 0;

	(void)state;
	instance_init(&i, "secret\n");
	assert_int_equal(instance_open(&i, &err), 0);
	assert_int_equal(console->pollfds(i.d, &p, 1, &wake), 0);
	assert_int_equal(console->read(i.d, &c, 1, &err), -1);
	assert_int_equal(err.code, RH_ERR_LOST);
	assert_int_equal(console->write(i.d, &c, 1, &err), -1);
	assert_int_equal(console->send_break(i.d, &err), -1);
	console->detach(i.d, deadline_in(100));
	instance_release(&i);
}

/* libipmiconsole would fail, and close descriptor 0 while doing so. */
static void test_console_high_port(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct instance i;

	(void)state;
	instance_init(&i, "secret\n");
	instance_set(&i, "port", "32768");
	assert_int_equal(instance_open(&i, &err), 0);
	assert_int_equal(driver_ipmi.console->attach(i.d, 0, deadline_in(1000),
						     &err),
			 -1);
	assert_int_equal(err.code, RH_ERR_NOTSUP);
	instance_release(&i);
}

/* --- what codes mean ----------------------------------------------------- */

static void test_map_open(void **state)
{
	static const int credential[] = {
		IPMI_ERR_USERNAME_INVALID,
		IPMI_ERR_PASSWORD_INVALID,
		IPMI_ERR_K_G_INVALID,
		IPMI_ERR_PASSWORD_VERIFICATION_TIMEOUT,
		IPMI_ERR_PRIVILEGE_LEVEL_INSUFFICIENT,
	};
	static const int suite[] = {
		IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE,
		IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE,
		IPMI_ERR_IPMI_ERROR,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(credential) / sizeof(credential[0]); i++) {
		assert_int_equal(ipmi_map_open(credential[i])->code, RH_ERR_AUTH);
		assert_int_equal(ipmi_map_open(credential[i])->verdict,
				 IPMI_VERDICT_FINAL);
	}
	for (i = 0; i < sizeof(suite) / sizeof(suite[0]); i++)
		assert_int_equal(ipmi_map_open(suite[i])->verdict,
				 IPMI_VERDICT_SUITE);
	assert_int_equal(ipmi_map_open(IPMI_ERR_BMC_BUSY)->code, RH_ERR_BUSY);
	assert_int_equal(ipmi_map_open(IPMI_ERR_CONNECTION_TIMEOUT)->code,
			 RH_ERR_UNREACHABLE);
	assert_int_equal(ipmi_map_open(IPMI_ERR_IPMI_2_0_UNAVAILABLE)->code,
			 RH_ERR_NOTSUP);
	/* a failure with errnum 0, and one that nobody knows */
	assert_int_equal(ipmi_map_open(0)->verdict, IPMI_VERDICT_SILENT);
	assert_int_equal(ipmi_map_open(999)->verdict, IPMI_VERDICT_SILENT);
}

/* Nothing that says AUTH is ever tried again with the same privilege. */
static void test_map_auth_is_final(void **state)
{
	int errnum;

	(void)state;
	for (errnum = -2; errnum < 100; errnum++) {
		if (ipmi_map_open(errnum)->code == RH_ERR_AUTH)
			assert_true(ipmi_map_open(errnum)->verdict ==
					    IPMI_VERDICT_FINAL ||
				    ipmi_map_open(errnum)->verdict ==
					    IPMI_VERDICT_PRIVILEGE);
		if (ipmi_map_sol_open(errnum)->code == RH_ERR_AUTH)
			assert_true(ipmi_map_sol_open(errnum)->verdict ==
					    IPMI_VERDICT_FINAL ||
				    ipmi_map_sol_open(errnum)->verdict ==
					    IPMI_VERDICT_PRIVILEGE);
		assert_non_null(ipmi_map_open(errnum)->text);
		assert_non_null(ipmi_map_sol_open(errnum)->text);
		assert_non_null(ipmi_map_sol_lost(errnum)->text);
	}
}

static void test_map_sol(void **state)
{
	const struct ipmi_meaning *m;

	(void)state;
	m = ipmi_map_sol_open(IPMICONSOLE_ERR_SOL_INUSE);
	assert_int_equal(m->code, RH_ERR_BUSY);
	assert_int_equal(m->verdict, IPMI_VERDICT_FINAL);
	assert_non_null(strstr(m->text, "steal = yes"));
	assert_int_equal(ipmi_map_sol_open(IPMICONSOLE_ERR_PASSWORD_INVALID)
				 ->verdict, IPMI_VERDICT_FINAL);
	assert_int_equal(ipmi_map_sol_open(IPMICONSOLE_ERR_SOL_UNAVAILABLE)->code,
			 RH_ERR_NOTSUP);
	assert_int_equal(ipmi_map_sol_open(IPMICONSOLE_ERR_BMC_ERROR)->verdict,
			 IPMI_VERDICT_SUITE);
	assert_int_equal(ipmi_map_sol_lost(IPMICONSOLE_ERR_SESSION_TIMEOUT)->code,
			 RH_ERR_LOST);
	assert_int_equal(ipmi_map_sol_lost(IPMICONSOLE_ERR_SOL_STOLEN)->code,
			 RH_ERR_BUSY);
	assert_int_equal(ipmi_map_sol_lost(0)->code, RH_ERR_LOST);
}

static void test_map_code(void **state)
{
	static const struct {
		uint8_t code;
		enum rh_code meaning;
	} codes[] = {
		{ 0x00, RH_ERR_NONE },	 { 0xc0, RH_ERR_BUSY },
		{ 0xc1, RH_ERR_NOTSUP }, { 0xc3, RH_ERR_TIMEOUT },
		{ 0xcc, RH_ERR_NOTSUP }, { 0xce, RH_ERR_BUSY },
		{ 0xd2, RH_ERR_BUSY },	 { 0xd4, RH_ERR_AUTH },
		{ 0xd5, RH_ERR_STATE },	 { 0xd6, RH_ERR_NOTSUP },
		{ 0xff, RH_ERR_PROTOCOL }, { 0x80, RH_ERR_PROTOCOL },
	};
	struct rh_error err = RH_ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_int_equal(ipmi_map_code(codes[i].code),
				 codes[i].meaning);
		assert_int_equal(ipmi_map_code_is_busy(codes[i].code),
				 codes[i].meaning == RH_ERR_BUSY);
	}
	assert_int_equal(ipmi_map_code_error(0xd5, "reset", &err), -1);
	assert_int_equal(err.code, RH_ERR_STATE);
	assert_string_equal(err.text, "reset: not possible in the present state "
				      "(code D5h)");
}

/* --- words and bytes ----------------------------------------------------- */

static void test_map_suites(void **state)
{
	uint8_t suites[4] = { 0 };

	(void)state;
	assert_int_equal(ipmi_map_suites("17 3", suites, 4), 2);
	assert_int_equal(suites[0], 17);
	assert_int_equal(suites[1], 3);
	assert_int_equal(ipmi_map_suites(" 3,\t17 ", suites, 4), 2);
	assert_int_equal(suites[0], 3);
	assert_int_equal(suites[1], 17);
	assert_int_equal(ipmi_map_suites("0", suites, 4), 1);
	assert_int_equal(suites[0], 0);
	assert_int_equal(ipmi_map_suites("", suites, 4), 0);
	assert_int_equal(ipmi_map_suites("1 2 3 6 7 8", suites, 4), 4);
}

static void test_map_key(void **state)
{
	uint8_t key[IPMI_KEY_LEN];

	(void)state;
	memset(key, 0x55, sizeof(key));
	assert_int_equal(ipmi_map_key("abc", 3, key), 0);
	assert_memory_equal(key, "abc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
	assert_int_equal(ipmi_map_key("0x00fFa1", 8, key), 0);
	assert_memory_equal(key, "\x00\xff\xa1\0", 4);
	assert_int_equal(ipmi_map_key("12345678901234567890", 20, key), 0);
	memset(key, 0x55, sizeof(key));
	assert_int_equal(ipmi_map_key("123456789012345678901", 21, key), -1);
	assert_int_equal(ipmi_map_key("0x0", 3, key), -1);
	assert_int_equal(ipmi_map_key("0xzz", 4, key), -1);
	assert_int_equal(ipmi_map_key("0x", 2, key), -1);
	assert_int_equal(key[0], 0x55);		/* untouched on failure */
}

static void test_map_act(void **state)
{
	(void)state;
	assert_int_equal(ipmi_map_act(DRIVER_ACT_OFF), 0);
	assert_int_equal(ipmi_map_act(DRIVER_ACT_ON), 1);
	assert_int_equal(ipmi_map_act(DRIVER_ACT_CYCLE), 2);
	assert_int_equal(ipmi_map_act(DRIVER_ACT_RESET), 3);
	assert_int_equal(ipmi_map_act(DRIVER_ACT_DIAG), 4);
	assert_int_equal(ipmi_map_act(DRIVER_ACT_SOFT), 5);
	assert_int_equal(ipmi_map_act(DRIVER_ACT_NONE), -1);
}

static void test_map_boot(void **state)
{
	uint8_t flags[5];

	(void)state;
	ipmi_map_boot(DRIVER_BOOT_PXE, false, flags);
	assert_memory_equal(flags, "\x80\x04\x00\x00\x00", 5);
	ipmi_map_boot(DRIVER_BOOT_DISK, false, flags);
	assert_memory_equal(flags, "\x80\x08\x00\x00\x00", 5);
	ipmi_map_boot(DRIVER_BOOT_CDROM, false, flags);
	assert_memory_equal(flags, "\x80\x14\x00\x00\x00", 5);
	ipmi_map_boot(DRIVER_BOOT_SETUP, true, flags);
	assert_memory_equal(flags, "\xa0\x18\x00\x00\x00", 5);
	ipmi_map_boot(DRIVER_BOOT_NONE, false, flags);
	assert_memory_equal(flags, "\x80\x00\x00\x00\x00", 5);
}

/* --- evidence ------------------------------------------------------------ */

static void test_evidence_status(void **state)
{
	struct buffer text = { 0 };

	(void)state;
	ipmi_evidence_status((const uint8_t *)"\x21\x10\x00", 3, &text);
	assert_string_equal(buffer_text(&text),
			    "power: on\n"
			    "last power event: switched on by an IPMI command\n"
			    "faults: none\n"
			    "after a mains failure: as it was before\n");
	buffer_clear(&text);
	ipmi_evidence_status((const uint8_t *)"\x0a\x01\x08", 3, &text);
	assert_string_equal(buffer_text(&text),
			    "power: off\n"
			    "last power event: mains failed\n"
			    "faults: power overload, main power fault, cooling "
			    "or fan fault\n"
			    "after a mains failure: stay off\n");
	buffer_release(&text);
}

static void check_event(const char *record, const char *wanted)
{
	struct buffer text = { 0 };

	ipmi_evidence_event((const uint8_t *)record, &text);
	assert_string_equal(buffer_text(&text), wanted);
	buffer_release(&text);
}

static void test_evidence_event(void **state)
{
	(void)state;
	/* memory, uncorrectable ECC, 2025-11-21 20:01:09 */
	check_event("\x01\x00\x02\x05\xc5\x20\x69\x20\x00\x04\x0c\x53\x6f\xa1"
		    "\xff\xff",
		    "2025-11-21 20:01:09 | Memory #83 | Uncorrectable memory "
		    "error\n");
	/* the same is over, and the BMC's clock was never set */
	check_event("\x01\x00\x02\x2a\x00\x00\x00\x20\x00\x04\x0c\x53\xef\xa1"
		    "\xff\xff",
		    "BMC start +42s | Memory #83 | Uncorrectable memory error | "
		    "over\n");
	/* a vendor's record with a date, and one without */
	check_event("\x01\x00\xc0\xff\xff\xff\xff\x57\x01\x00\x01\x02\x03\x04"
		    "\x05\x06",
		    "no date | vendor record c0 | 57 01 00 01 02 03 04 05 06\n");
	check_event("\x01\x00\xe0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
		    "\x0c\x0d",
		    "no date | vendor record e0 | 01 02 03 04 05 06 07 08 09 0a "
		    "0b 0c 0d\n");
}

/* Whatever a BMC puts into a record, it becomes one line. */
static void test_evidence_event_any(void **state)
{
	struct buffer text = { 0 };
	uint8_t record[16];
	unsigned seed = 7;
	int n, i;

	(void)state;
	for (n = 0; n < 20000; n++) {
		for (i = 0; i < 16; i++)
			record[i] = (uint8_t)rand_r(&seed);
		if (n % 2 == 0)
			record[2] = 0x02;
		buffer_clear(&text);
		ipmi_evidence_event(record, &text);
		assert_true(text.len > 0 && text.len < 1024);
		assert_ptr_equal(strchr(buffer_text(&text), '\n'),
				 text.data + text.len - 1);
	}
	buffer_release(&text);
}

/* --- alarm --------------------------------------------------------------- */

/* It ends one blocking call after the other, until it is cleared. */
static void test_alarm(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct ipmi_alarm alarm = { 0 };
	int64_t at = deadline_in(60);
	int n;

	(void)state;
	assert_int_equal(ipmi_alarm_set(&alarm, at, &err), 0);
	for (n = 0; n < 3; n++) {
		errno = 0;
		assert_int_equal(poll(NULL, 0, 5000), -1);
		assert_int_equal(errno, EINTR);
		assert_true(deadline_now() >= at);
	}
	assert_true(deadline_now() < at + 1000);
	ipmi_alarm_clear(&alarm);
	assert_int_equal(poll(NULL, 0, 60), 0);
	assert_int_equal(ipmi_alarm_set(&alarm, deadline_in(-1), &err), 0);
	assert_int_equal(poll(NULL, 0, 5000), -1);
	ipmi_alarm_release(&alarm);
	ipmi_alarm_release(&alarm);
	assert_int_equal(poll(NULL, 0, 60), 0);
}

/* --- targets ------------------------------------------------------------- */

static void check_target(const char *address, int port, const char *wanted)
{
	struct ipmi_targets targets = { 0 };
	struct rh_error err = RH_ERROR_INIT;

	assert_int_equal(ipmi_targets_resolve(&targets, address, port,
					      deadline_in(5000), &err), 0);
	assert_int_equal(targets.count, 1);
	assert_string_equal(ipmi_targets_current(&targets), wanted);
	ipmi_targets_next(&targets);
	assert_string_equal(ipmi_targets_current(&targets), wanted);
}

static void test_targets(void **state)
{
	struct ipmi_targets targets = { 0 };
	struct rh_error err = RH_ERROR_INIT;

	(void)state;
	check_target("192.0.2.1", 623, "192.0.2.1:623");
	check_target("2001:db8::1", 9001, "[2001:db8::1]:9001");
	assert_int_equal(ipmi_targets_resolve(&targets, "no-such.invalid", 623,
					      deadline_in(5000), &err), -1);
	assert_int_equal(err.code, RH_ERR_UNREACHABLE);
	assert_non_null(strstr(err.text, "no-such.invalid"));
}

/* --- the watch ------------------------------------------------------------ */

/* A BMC of which there is a socket only; the watch's clock is ours. */
struct watched {
	struct ipmi_watch watch;
	struct sockaddr_in from;
	int fd;
	int64_t now;
	int asked;
};

static void watched_begin(struct watched *w, int64_t lost_after)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct ipmi_targets targets = { 0 };
	struct rh_error err = RH_ERROR_INIT;
	socklen_t len = sizeof(a);

	memset(w, 0, sizeof(*w));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(w->fd, (struct sockaddr *)&a, &len);
	assert_int_equal(ipmi_targets_resolve(&targets, "127.0.0.1",
					      ntohs(a.sin_port),
					      DEADLINE_NEVER, &err), 0);
	ipmi_watch_begin(&w->watch, &targets, lost_after);
	w->now = deadline_now();
}

static void watched_end(struct watched *w)
{
	ipmi_watch_end(&w->watch);
	ipmi_watch_end(&w->watch);
	close(w->fd);
}

/* Takes the questions that have come, and answers the last of them. */
static void watched_answer(struct watched *w, bool answer)
{
	socklen_t len = sizeof(w->from);
	char bytes[256];
	int asked = w->asked;

	while (recvfrom(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT,
			(struct sockaddr *)&w->from, &len) > 0)
		w->asked++;
	if (answer && w->asked > asked)
		sendto(w->fd, "here", 4, 0, (struct sockaddr *)&w->from, len);
}

/* So many ms go by; when it was lost, -1: it was not. */
static int64_t watched_for(struct watched *w, int64_t ms, bool answers)
{
	int64_t from = w->now, until = from + ms;

	for (; w->now < until; w->now += 10) {
		if (ipmi_watch_is_lost(&w->watch, w->now))
			return w->now - from;
		watched_answer(w, answers);
	}
	return -1;
}

static void test_watch(void **state)
{
	struct watched w;
	int64_t ms;

	(void)state;
	watched_begin(&w, 9000);
	assert_int_equal(watched_for(&w, 60000, true), -1);
	assert_in_range(w.asked, 15, 21);
	ms = watched_for(&w, 60000, false);
	assert_in_range(ms, 5500, 9600);
	watched_end(&w);
	/* The shortest time is kept, too. */
	watched_begin(&w, 3000);
	assert_int_equal(watched_for(&w, 20000, true), -1);
	ms = watched_for(&w, 60000, false);
	assert_in_range(ms, 1900, 3300);
	watched_end(&w);
}

/* One that never answered the question is not lost; it is asked seldom. */
static void test_watch_mute(void **state)
{
	struct watched w;

	(void)state;
	watched_begin(&w, 9000);
	assert_int_equal(watched_for(&w, 60000, false), -1);
	assert_in_range(w.asked, 18, 21);
	ipmi_watch_heard(&w.watch, w.now);
	assert_int_equal(watched_for(&w, 60000, false), -1);
	watched_end(&w);
}

/* Bytes of the console are a sign of life, a lost packet is no death. */
static void test_watch_signs(void **state)
{
	struct watched w;
	int i;

	(void)state;
	watched_begin(&w, 9000);
	assert_int_equal(watched_for(&w, 5000, true), -1);
	for (i = 0; i < 20; i++) {
		assert_int_equal(watched_for(&w, 4000, false), -1);
		ipmi_watch_heard(&w.watch, w.now);
	}
	for (i = 0; i < 20; i++) {
		assert_int_equal(watched_for(&w, 5000, false), -1);
		assert_int_equal(watched_for(&w, 1000, true), -1);
	}
	watched_end(&w);
}

/* We did not run for a while: the answer that waits counts, or a new try. */
static void test_watch_after_sleep(void **state)
{
	struct watched w;

	(void)state;
	watched_begin(&w, 9000);
	assert_int_equal(watched_for(&w, 5000, true), -1);
	w.now += 100000;
	assert_int_equal(watched_for(&w, 2500, false), -1);
	w.now += 100000;
	watched_answer(&w, true);
	assert_int_equal(watched_for(&w, 60000, true), -1);
	watched_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_options_foreign),
		cmocka_unit_test(test_open_defaults),
		cmocka_unit_test(test_open_choices),
		cmocka_unit_test(test_open_password_length),
		cmocka_unit_test(test_open_refuses),
		cmocka_unit_test(test_open_ipv6),
		cmocka_unit_test(test_console_not_attached),
		cmocka_unit_test(test_console_high_port),
		cmocka_unit_test(test_map_open),
		cmocka_unit_test(test_map_auth_is_final),
		cmocka_unit_test(test_map_sol),
		cmocka_unit_test(test_map_code),
		cmocka_unit_test(test_map_suites),
		cmocka_unit_test(test_map_key),
		cmocka_unit_test(test_map_act),
		cmocka_unit_test(test_map_boot),
		cmocka_unit_test(test_evidence_status),
		cmocka_unit_test(test_evidence_event),
		cmocka_unit_test(test_evidence_event_any),
		cmocka_unit_test(test_alarm),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_watch_mute),
		cmocka_unit_test(test_watch_signs),
		cmocka_unit_test(test_watch_after_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
