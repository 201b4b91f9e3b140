/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ranges of host names: what they mean, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/config/hostlist.h"
#include "base/buffer.h"

static const struct {
	const char *word;
	const char *names;
	const char *folded;
} good[] = {
	{ "web1", "web1", "web1" },
	{ "web[1-3]", "web1 web2 web3", "web[1-3]" },
	{ "web[08-11]", "web08 web09 web10 web11", "web[08-11]" },
	{ "web[8-11]", "web8 web9 web10 web11", "web[8-11]" },
	{ "web[1,3,5-6].x", "web1.x web3.x web5.x web6.x", "web[1,3,5-6].x" },
	{ "r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2", "r1n[1-2],r2n[1-2]" },
	{ "a[7]", "a7", "a7" },
	{ "[1-2]", "1 2", "[1-2]" },
};

static void test_there_and_back(void **state)
{
	struct rh_error err = RH_ERROR_INIT;
	struct buffer b = { 0 };
	char **list, *folded;
	size_t i, k, count;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		list = NULL;
		count = 0;
		buffer_clear(&b);
		assert_int_equal(hostlist_expand(good[i].word, &list, &count,
						 &err), 0);
		for (k = 0; k < count; k++)
			buffer_printf(&b, "%s%s", k > 0 ? " " : "", list[k]);
		assert_string_equal(buffer_text(&b), good[i].names);
		folded = hostlist_fold((const char *const *)list, count);
		assert_string_equal(folded, good[i].folded);
		free(folded);
		hostlist_free(list, count);
	}
	buffer_release(&b);
}

static void test_fold_mixed(void **state)
{
	static const char *const names[] = { "db1", "ldap", "web1", "web2",
					     "web4", "web10", "web010", "nfs" };
	static const char *const empty = "";
	char *folded = hostlist_fold(names, 8);

	(void)state;
	assert_string_equal(folded, "db1,ldap,web[1-2,4,10],web010,nfs");
	free(folded);
	folded = hostlist_fold(&empty, 1);
	assert_string_equal(folded, "");
	free(folded);
	folded = hostlist_fold(names, 0);
	assert_string_equal(folded, "");
	free(folded);
}

#define FIFTY "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

static void test_wrong(void **state)
{
	static const char *const words[] = {
		"web[1-", "web[1-]", "web[a]", "web[]", "web]", "web[2-1]",
		"web[1,,2]", "web[1-2-3]", "web[1-99999999]",
		"web[1-3000][1-3000]", "web[1234567890]", "web[1 2]",
		/* 65000 names of 300 bytes */
		FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY "[1-65000]",
	};
	struct rh_error err;
	char **list;
	size_t i, count;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		list = NULL;
		count = 0;
		rh_error_clear(&err);
		if (hostlist_expand(words[i], &list, &count, &err) == 0)
			fail_msg("%s was taken", words[i]);
		assert_int_equal(err.code, RH_ERR_USAGE);
		assert_non_null(strstr(err.text, "web[1-40]"));
		hostlist_free(list, count);
	}
}

static void test_general(void **state)
{
	static const struct {
		const char *text, *host, *general;
	} cases[] = {
		{ "locks/web3.lock: no space", "web3", "locks/*.lock: no space" },
		{ "web3-bmc.example.org does not answer", "web3",
		  "*-bmc.example.org does not answer" },
		{ "web31 and oweb3 are others", "web3",
		  "web31 and oweb3 are others" },
		{ "web3", "web3", "*" },
		{ "", "web3", "" },
	};
	char *general;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		general = hostlist_general(cases[i].text, cases[i].host);
		assert_string_equal(general, cases[i].general);
		free(general);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_fold_mixed),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_general),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
