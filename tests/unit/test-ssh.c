/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of drivers/ssh that need no server: tables, words, open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/memory.h"
#include "drivers/drivers.h"
#include "drivers/ssh.h"

#define PIN "SHA256:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
#define PIN2 "SHA256:0bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

/* --- option table ---------------------------------------------------------- */

static void test_options(void **state)
{
	static const char *const secret[] = { "key", "passphrase", "password" };
	static const char *const common[] = { "terminal", "key-delay", "steal",
					      "min-off", "enter", "mute",
					      "line-delay", "driver" };
	const struct option *o;
	size_t i;

	(void)state;
	for (o = driver_ssh.options; o->key != NULL; o++) {
		assert_non_null(o->help);
		assert_int_equal(o->help[strlen(o->help) - 1], '.');
		assert_ptr_equal(option_find(driver_ssh.options, o->key), o);
		if (o->type == OPTION_NUMBER || o->type == OPTION_DURATION)
			assert_true(o->fallback != NULL && o->min < o->max);
	}
	for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		assert_int_equal(option_find(driver_ssh.options, secret[i])->type,
				 OPTION_SECRET);
	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		assert_null(option_find(driver_ssh.options, common[i]));
	assert_ptr_equal(driver_find("ssh"), &driver_ssh);
}

/* --- jump hosts ------------------------------------------------------------ */

static void test_jump(void **state)
{
	static const struct {
		const char *text, *user, *host;
		int port;
	} good[] = {
		{ "gate", "me", "gate", 22 },
		{ " ops@gate:2222 ", "ops", "gate", 2222 },
		{ "a@b@gate:1", "a@b", "gate", 1 },
		{ "[::1]:2222", "me", "::1", 2222 },
		{ "ops@[fe80::1]", "ops", "fe80::1", 22 },
		{ "2001:db8::7", "me", "2001:db8::7", 22 },
		{ "gate:65535", "me", "gate", 65535 },
	};
	struct rh_error err = RH_ERROR_INIT;
	struct rh_ssh_hop hop;
	const char *rest;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		rest = good[i].text;
		assert_int_equal(rh_ssh_map_jump(&rest, "me", &hop, &err), 1);
		assert_string_equal(hop.user, good[i].user);
		assert_string_equal(hop.host, good[i].host);
		assert_int_equal(hop.port, good[i].port);
		assert_int_equal(rh_ssh_map_jump(&rest, "me", &hop, &err), 0);
	}
}

static void test_jump_bad(void **state)
{
	static const char *const bad[] = {
		"gate:0", "gate:65536", "gate:22x", "gate:", "gate: 22", "@gate",
		"me@", "-oProxyCommand=x", "me@-gate", "-l@gate", "gate;id",
		"$(id)", "[::1", "[::1]22", "a/b", "me@ga\tte:",
	};
	struct rh_error err = RH_ERROR_INIT;
	struct rh_ssh_hop hop;
	const char *rest;
	char longest[600];
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest = bad[i];
		do {
			rc = rh_ssh_map_jump(&rest, "me", &hop, &err);
		} while (rc > 0);
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, RH_ERR_CONFIG);
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	rest = longest;
	assert_int_equal(rh_ssh_map_jump(&rest, "me", &hop, &err), -1);
	longest[RH_SSH_USER_SIZE] = '@';
	longest[RH_SSH_USER_SIZE + 5] = '\0';
	rest = longest;
	assert_int_equal(rh_ssh_map_jump(&rest, "me", &hop, &err), -1);
	longest[RH_SSH_HOST_SIZE] = '\0';
	longest[RH_SSH_USER_SIZE] = 'a';
	longest[RH_SSH_USER_SIZE + 5] = 'a';
	rest = longest;
	assert_int_equal(rh_ssh_map_jump(&rest, "me", &hop, &err), -1);
}

static void test_jump_list(void **state)
{
	const char *rest = "one, ops@two:2 three";
	struct rh_error err = RH_ERROR_INIT;
	struct rh_ssh_hop hop;
	int count = 0;

	(void)state;
	while (rh_ssh_map_jump(&rest, "me", &hop, &err) == 1)
		count++;
	assert_int_equal(count, 3);
	assert_string_equal(hop.host, "three");
}

static void test_known_name(void **state)
{
	char name[64];

	(void)state;
	rh_ssh_map_known_name("Ldap1.Example", 22, name, sizeof(name));
	assert_string_equal(name, "ldap1.example");
	rh_ssh_map_known_name("::1", 2222, name, sizeof(name));
	assert_string_equal(name, "[::1]:2222");
}

/* --- words and texts ------------------------------------------------------- */

static void test_terminal(void **state)
{
	(void)state;
	assert_string_equal(rh_ssh_map_terminal(NULL), "vt100");
	assert_string_equal(rh_ssh_map_terminal("vt100"), "vt100");
	assert_string_equal(rh_ssh_map_terminal("vt100+"), "vt100");
	assert_string_equal(rh_ssh_map_terminal("vt-utf8"), "vt220");
	assert_string_equal(rh_ssh_map_terminal("xterm"), "xterm");
	assert_string_equal(rh_ssh_map_terminal("pc-ansi"), "ansi");
	assert_string_equal(rh_ssh_map_terminal("$(reboot)"), "vt100");
}

static void test_signal(void **state)
{
	(void)state;
	assert_int_equal(rh_ssh_map_signal("TERM"), SIGTERM);
	assert_int_equal(rh_ssh_map_signal("KILL"), SIGKILL);
	assert_int_equal(rh_ssh_map_signal("SIGTERM"), 0);
	assert_int_equal(rh_ssh_map_signal(""), 0);
}

static void test_algorithm_hint(void **state)
{
	char hint[128];

	(void)state;
	assert_true(rh_ssh_map_algorithm_hint(
		"kex error : no match for method server host key algo: server "
		"[ssh-rsa,ssh-dss], client [ssh-ed25519]", hint, sizeof(hint)));
	assert_string_equal(hint, "algorithms-hostkey = ssh-rsa");
	assert_true(rh_ssh_map_algorithm_hint(
		"no match for method encryption client->server: server "
		"[aes128-cbc], client [x]", hint, sizeof(hint)));
	assert_string_equal(hint, "algorithms-cipher = aes128-cbc");
	assert_false(rh_ssh_map_algorithm_hint("Socket error", hint,
					       sizeof(hint)));
	assert_false(rh_ssh_map_algorithm_hint(
		"no match for method kex algos: server [\x1b[2J], client [x]",
		hint, sizeof(hint)));
	assert_false(rh_ssh_map_algorithm_hint(
		"no match for method compression: server [zlib]", hint,
		sizeof(hint)));
}

static void test_hostkeys(void **state)
{
	struct buffer list = { 0 };

	(void)state;
	rh_ssh_map_hostkeys(0, &list);
	assert_int_equal(strncmp(list.data, "ssh-ed25519,", 12), 0);
	assert_null(strstr(list.data, "ssh-rsa"));
	buffer_clear(&list);
	rh_ssh_map_hostkeys(UINT64_C(1) << SSH_KEYTYPE_RSA, &list);
	assert_int_equal(strncmp(list.data, "rsa-sha2-512,rsa-sha2-256,", 26),
			 0);
	assert_non_null(strstr(list.data, "ssh-ed25519"));
	buffer_release(&list);
}

static void test_pins(void **state)
{
	(void)state;
	assert_true(rh_ssh_map_is_pinned(PIN, PIN));
	assert_true(rh_ssh_map_is_pinned(PIN2 " " PIN, PIN));
	assert_false(rh_ssh_map_is_pinned(PIN2, PIN));
	assert_false(rh_ssh_map_is_pinned(PIN "x", PIN));
	assert_false(rh_ssh_map_is_pinned("", PIN));
	assert_false(rh_ssh_map_is_pinned("", ""));
	assert_false(rh_ssh_map_is_pinned(PIN, "SHA256:"));
	assert_null(rh_ssh_map_bad_pin(PIN));
	assert_null(rh_ssh_map_bad_pin(PIN ", " PIN2));
	assert_non_null(rh_ssh_map_bad_pin(""));
	assert_non_null(rh_ssh_map_bad_pin("SHA256:short"));
	assert_non_null(rh_ssh_map_bad_pin(PIN " aa:bb:cc"));
}

static void test_boot_id(void **state)
{
	static const char uuid[] = "90df64d4-cd24-4124-a457-e879d6e99663\r\n";
	struct buffer id = { 0 };

	(void)state;
	assert_true(rh_ssh_map_boot_id(0, uuid, strlen(uuid), &id));
	assert_string_equal(id.data, "90df64d4-cd24-4124-a457-e879d6e99663");
	buffer_clear(&id);
	assert_false(rh_ssh_map_boot_id(0, uuid, 35, &id));
	assert_false(rh_ssh_map_boot_id(0, "Unknown command 1", 17, &id));
	assert_false(rh_ssh_map_boot_id(1, "no such thing", 13, &id));
	assert_false(rh_ssh_map_boot_id(1, " \n", 2, &id));
	assert_false(rh_ssh_map_boot_id(1, "1\n2", 3, &id));
	assert_false(rh_ssh_map_boot_id(1, "1\x1b[m", 4, &id));
	assert_true(rh_ssh_map_boot_id(1, "{ sec = 1 }", 11, &id));
	buffer_release(&id);
}

/* --- open ------------------------------------------------------------------ */

/* Opens with the pairs over address and user; the code of the error. */
static enum rh_code open_with(const char *const *pairs, struct rh_ssh *d,
			      struct settings **ret, struct rh_error *err)
{
	const struct option *tables[2] = { driver_ssh.options, NULL };
	struct settings *s = settings_new(tables);

	memset(d, 0, sizeof(*d));
	rh_error_clear(err);
	assert_int_equal(settings_set(s, "address", "ldap1", err), 0);
	assert_int_equal(settings_set(s, "user", "root", err), 0);
	for (; pairs[0] != NULL; pairs += 2)
		assert_int_equal(settings_set(s, pairs[0], pairs[1], err), 0);
	*ret = s;
	return driver_ssh.open(d, s, deadline_in(1000), err) == 0 ?
		       RH_ERR_NONE : err->code;
}

static void test_open_refuses(void **state)
{
	static const char *const bad[][5] = {
		{ NULL },	/* neither known-hosts nor host-key */
		{ "host-key", "SHA256:short" },
		{ "host-key", PIN, "jump", "gate" },
		{ "host-key", PIN, "agent", "yes" },
		{ "host-key", PIN, "user", "" },
		{ "known-hosts", "/x", "jump", "a b c d e" },
		{ "known-hosts", "/x", "jump", "a:b" },
		{ "known-hosts", "/x", "key", "@file:/nonexistent/key" },
		{ "known-hosts", "/x", "password", "@file:/nonexistent/p" },
	};
	struct rh_error err = RH_ERROR_INIT;
	struct settings *s;
	struct rh_ssh d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(open_with(bad[i], &d, &s, &err),
				 RH_ERR_CONFIG);
		assert_int_not_equal(err.text[0], '\0');
		driver_ssh.close(&d);
		settings_free(s);
	}
}

static void test_open(void **state)
{
	static const char *const pairs[] = { "host-key", PIN, "jump", "a b c d",
					     "jump-known-hosts", "/x", NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct settings *s;
	struct rh_ssh d;

	(void)state;
	assert_int_equal(open_with(pairs, &d, &s, &err), RH_ERR_NONE);
	assert_int_equal(d.hop_count, 5);
	assert_string_equal(d.hops[3].host, "d");
	assert_false(d.hops[3].target);
	assert_string_equal(d.hops[4].host, "ldap1");
	assert_true(d.hops[4].target);
	assert_null(d.hops[4].known_hosts);
	assert_ptr_equal(rh_ssh_target(&d), &d.hops[4]);
	driver_ssh.close(&d);
	driver_ssh.close(&d);
	settings_free(s);
}

/* A key that is none says so, without its text. */
static void test_open_no_key(void **state)
{
	char path[] = "/tmp/test-ssh-XXXXXX", *reference;
	const char *pairs[] = { "host-key", PIN, "key", NULL, NULL };
	struct rh_error err = RH_ERROR_INIT;
	struct settings *s;
	struct rh_ssh d;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && write(fd, "hunter2\nhunter3\n", 16) == 16);
	close(fd);
	reference = memory_format("@file:%s", path);
	pairs[3] = reference;
	assert_int_equal(open_with(pairs, &d, &s, &err), RH_ERR_CONFIG);
	assert_null(strstr(err.text, "hunter"));
	driver_ssh.close(&d);
	settings_free(s);
	free(reference);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_jump_bad),
		cmocka_unit_test(test_jump_list),
		cmocka_unit_test(test_known_name),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_algorithm_hint),
		cmocka_unit_test(test_hostkeys),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_boot_id),
		cmocka_unit_test(test_open_refuses),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
