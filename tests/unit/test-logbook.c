/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events on their way to syslog and the journal, to daemons that are sockets of
 * this test: what they get, and that one that does not read, or is gone, costs
 * messages that are counted, and no time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/run/logbook.h"
#include "base/deadline.h"
#include "base/memory.h"

static char folder[] = "/tmp/rhands-logbook-XXXXXX";
static struct logbook_options options;
static struct logbook book;
static char *journal_path, *syslog_path;
static int journal_fd, syslog_fd;
static char got[8192];

static int daemon_new(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (mkdtemp(folder) == NULL)
		return -1;
	journal_path = memory_format("%s/journal", folder);
	syslog_path = memory_format("%s/syslog", folder);
	journal_fd = daemon_new(journal_path);
	syslog_fd = daemon_new(syslog_path);
	options = (struct logbook_options){ .journal = journal_path,
					    .syslog = syslog_path,
					    .facility = 16 };
	logbook_open(&book, &options, "ldap1", "old-ldap", "20261121T1-ldap1",
		     "root");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	logbook_close(&book);
	close(journal_fd);
	close(syslog_fd);
	unlink(journal_path);
	unlink(syslog_path);
	free(journal_path);
	free(syslog_path);
	return rmdir(folder);
}

/* The next message that a daemon got; "" none. */
static const char *next(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static void tell(const char *text)
{
	json_t *event = json_loads(text, 0, NULL);

	assert_non_null(event);
	logbook_event(&book, event);
	json_decref(event);
}

static void has(const char *what)
{
	if (strstr(got, what) == NULL)
		fail_msg("%s is not in %s", what, got);
}

static void test_fields(void **state)
{
	(void)state;
	tell("{\"event\":\"verdict\",\"verdict\":\"needs-hands\",\"exit\":3,"
	     "\"text\":\"press F1\"}");
	next(journal_fd);
	has("MESSAGE=ldap1: verdict needs-hands: press F1\n");
	has("PRIORITY=3\n");
	has("SYSLOG_IDENTIFIER=rhands\n");
	has("RHANDS_HOST=ldap1\n");
	has("RHANDS_RUN=20261121T1-ldap1\n");
	has("RHANDS_SEQUENCE=old-ldap\n");
	has("RHANDS_EVENT=verdict\n");
	has("RHANDS_VERDICT=needs-hands\n");
	has("RHANDS_EXIT=3\n");
	next(syslog_fd);
	assert_memory_equal(got, "<131>", 5);
	has(": [rhands host=\"ldap1\" run=\"20261121T1-ldap1\" "
	    "sequence=\"old-ldap\" user=\"root\" event=\"verdict\" "
	    "verdict=\"needs-hands\" exit=\"3\"] ldap1: verdict needs-hands: "
	    "press F1");
	assert_string_equal(next(syslog_fd), "");
}

static void test_state_and_members(void **state)
{
	(void)state;
	tell("{\"event\":\"power-act\",\"state\":\"cycle\",\"act\":\"off\","
	     "\"way\":\"power\",\"keys\":[{\"hex\":\"70617373\"}]}");
	next(journal_fd);
	has("MESSAGE=ldap1: cycle: power-act act=off way=power\n");
	has("RHANDS_STATE=cycle\n");
	has("RHANDS_ACT=off\n");
	has("PRIORITY=5\n");
	assert_null(strstr(got, "7061"));
	next(syslog_fd);
	has("event=\"power-act\" state=\"cycle\" act=\"off\"]");
	assert_null(strstr(got, "7061"));
}

static void test_hostile_text(void **state)
{
	(void)state;
	tell("{\"event\":\"note\",\"state\":\"a\\\"]\",\"text\":"
	     "\"x\\nPRIORITY=0\\nRHANDS_HOST=evil\\u001b[2J\"}");
	next(journal_fd);
	assert_null(strstr(got, "\nPRIORITY=0"));
	assert_null(strstr(got, "\nRHANDS_HOST=evil"));
	assert_null(strchr(got, '\033'));
	has("x\\nPRIORITY=0\\n");
	next(syslog_fd);
	assert_null(strchr(got, '\n'));
	assert_null(strchr(got, '\033'));
	has("state=\"a\\\"\\]\"");
}

/* What a host may have printed is left out, whatever the event is called. */
static void test_quotes(void **state)
{
	static const char *const events[] = {
		"saw", "stale", "echo", "failed", "done", "healthy", "rung",
		"restart", "ran", "console-error", "console-lost", "hand-ended",
		"power-error", "power-unread", "boot-id", "one-that-is-new"
	};
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		snprintf(text, sizeof(text), "{\"event\":\"%s\",\"text\":"
			 "\"evil\",\"output\":\"evil\",\"new\":\"evil\","
			 "\"rule\":\"x.ini:3\",\"pattern\":\"/a b/\"}",
			 events[i]);
		tell(text);
		assert_null(strstr(next(journal_fd), "evil"));
		has(" rule=x.ini:3 pattern=/a b/\n");
		has("RHANDS_RULE=x.ini:3\n");
		assert_null(strstr(next(syslog_fd), "evil"));
		has(" rule=\"x.ini:3\"");
	}
}

/* A reason that is not the sequence's own, for one event. */
static void test_quoted_reason(void **state)
{
	(void)state;
	book.quotes = true;
	tell("{\"event\":\"verdict\",\"verdict\":\"failed\",\"exit\":1,"
	     "\"code\":\"lost\",\"reason\":\"evil\",\"text\":\"evil\"}");
	assert_null(strstr(next(journal_fd), "evil"));
	has("MESSAGE=ldap1: verdict failed ");
	has("RHANDS_CODE=lost\n");
	next(syslog_fd);
	tell("{\"event\":\"verdict\",\"verdict\":\"failed\",\"exit\":1,"
	     "\"text\":\"press F1\"}");
	next(journal_fd);
	has("MESSAGE=ldap1: verdict failed: press F1\n");
}

static void test_long_text(void **state)
{
	char *text = memory_new(20001, 1), *event;

	(void)state;
	memset(text, 'a', 20000);
	event = memory_format("{\"event\":\"note\",\"text\":\"%s\"}", text);
	tell(event);
	assert_in_range(strlen(next(syslog_fd)), 1000, 2000);
	free(event);
	free(text);
}

/* A daemon that does not read: the queue is full after some messages. */
static void test_slow(void **state)
{
	int64_t began = deadline_now();
	uint64_t lost;
	int i, read = 0;

	(void)state;
	for (i = 0; i < 5000; i++)
		tell("{\"event\":\"note\",\"text\":\"x\"}");
	lost = logbook_lost(&book);
	assert_true(deadline_now() - began < 5000);
	while (next(syslog_fd)[0] != '\0')
		read++;
	assert_in_range(read, 1, 4999);
	while (next(journal_fd)[0] != '\0')
		read++;
	assert_int_equal((uint64_t)read + lost, 2 * 5000);
	/* the next one says how many are missing, the one behind it does not */
	tell("{\"event\":\"note\",\"text\":\"y\"}");
	next(journal_fd);
	has("\nRHANDS_LOST=");
	next(syslog_fd);
	has(" lost=\"");
	tell("{\"event\":\"note\",\"text\":\"y\"}");
	assert_null(strstr(next(journal_fd), "RHANDS_LOST"));
	assert_int_equal(logbook_lost(&book), lost);
}

/* One that is gone; and one that came back is found again. */
static void test_gone(void **state)
{
	(void)state;
	close(syslog_fd);
	unlink(syslog_path);
	close(journal_fd);
	tell("{\"event\":\"note\",\"text\":\"x\"}");
	assert_int_equal(logbook_lost(&book), 2);
	syslog_fd = daemon_new(syslog_path);
	unlink(journal_path);
	journal_fd = daemon_new(journal_path);
	tell("{\"event\":\"note\",\"text\":\"again\"}");
	next(syslog_fd);
	has("again");
	has("lost=\"1\"");
	assert_int_equal(logbook_lost(&book), 2);
}

static void test_nothing_asked(void **state)
{
	struct logbook none;

	(void)state;
	logbook_open(&none, NULL, "h", "s", "r", "u");
	assert_int_equal(none.fd, -1);
	logbook_close(&none);
	logbook_close(&book);
	options.syslog = NULL;
	logbook_open(&book, &options, "h", "s", "r", "u");
	tell("{\"event\":\"note\",\"text\":\"x\"}");
	assert_string_equal(next(syslog_fd), "");
	assert_string_not_equal(next(journal_fd), "");
}

static void test_facility(void **state)
{
	(void)state;
	assert_int_equal(logbook_facility("daemon"), 3);
	assert_int_equal(logbook_facility("local7"), 23);
	assert_int_equal(logbook_facility("kern"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_state_and_members, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_hostile_text, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_quotes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quoted_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_asked, setup,
						teardown),
		cmocka_unit_test(test_facility),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
